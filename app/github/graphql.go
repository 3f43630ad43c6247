package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-github/v60/github"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
)

// graphError is one error of a GraphQL answer. GitHub answers 200 all the same, with what it could
// read.
// https://docs.github.com/en/graphql/guides/forming-calls-with-graphql
type graphError struct {
	Type    string
	Message string
	Path    []any // of the field that is null because of it
}

// unanswered is the error of a query that was refused as a whole, such as one for a field that an older server
// does not have.
type unanswered struct{ message string }

func (e *unanswered) Error() string { return "GraphQL: " + e.message }

// query asks GitHub's GraphQL API and reads the answer's data into v. It returns the errors that left
// the rest of the answer whole. What is asked must be safe to ask again.
func query(ctx context.Context, c *github.Client, text string, variables map[string]any, v any) (partial []graphError,
	err error) {
	path := "graphql" // of api.github.com
	if strings.HasSuffix(c.BaseURL.Path, "/api/v3/") {
		path = "../graphql" // of GitHub Enterprise Server
	}
	answer := struct {
		Data   any
		Errors []graphError
	}{Data: v}
	if !strings.HasPrefix(text, "mutation") {
		ctx = context.WithValue(ctx, queryOnly{}, true)
	}
	body := map[string]any{"query": text, "variables": variables}
	res, err := call(ctx, c, http.MethodPost, path, body, &answer)
	if err != nil {
		return nil, err
	}
	for _, e := range answer.Errors {
		switch {
		case e.Type == "RATE_LIMITED":
			return nil, &ports.RetryAfter{Until: res.Rate.Reset.Time, Err: fmt.Errorf("%w: GraphQL: %s", ports.ErrLimited,
				e.Message)}
		case len(e.Path) == 0: // the whole query
			return nil, &unanswered{e.Message}
		}
	}
	return answer.Errors, nil
}

// isNotGranted reports whether a token was refused because the installation has not granted what it
// is for.
func isNotGranted(err error) bool {
	v := classify(err)
	return err != nil && !errors.Is(err, context.Canceled) && v.status == http.StatusUnprocessableEntity &&
		strings.Contains(strings.ToLower(v.reason), "permission")
}
