package rest

import (
	"net/http"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// serveGraphQL answers POST /api/graphql. All but a request without credentials is answered 200.
// https://docs.github.com/en/graphql/guides/forming-calls-with-graphql
func serveGraphQL(q *request) (int, any, error) {
	if q.r.Method != http.MethodPost {
		return 0, nil, forge.ErrNotFound
	}
	by, err := q.person()
	switch {
	case q.app:
		return 0, nil, err
	case err != nil:
		return 0, nil, &forge.Error{
			Status:  http.StatusUnauthorized,
			Message: "This endpoint requires you to be authenticated.",
		}
	}
	var in struct {
		Query         string
		OperationName string         `json:"operationName"`
		Variables     map[string]any `json:"variables"`
	}
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	answer := q.a.host.QueryGraphQL(q.r.Context(), q.forge, by, in.Query, in.OperationName, in.Variables)
	return http.StatusOK, answer, nil
}
