package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
	"github.com/go-chi/chi/v5"
)

// endpoint answers one operation. With a nil body there is none.
type endpoint func(*request) (status int, body any, err error)

// requestKey is the key of a request in its context.
type requestKey struct{}

// newRouter returns what finds the operation of a request, which it leaves the answer with.
func newRouter() *chi.Mux {
	router := chi.NewRouter()
	for pattern, answer := range operations() {
		method, path, _ := strings.Cut(pattern, " ")
		path, rest := cutWildcard(path)
		router.MethodFunc(method, path, func(_ http.ResponseWriter, r *http.Request) {
			q := requestOf(r)
			q.pattern, q.values = pattern, valuesOf(r, rest)
			q.status, q.view, q.err = answer(q)
		})
	}
	missed := func(_ http.ResponseWriter, r *http.Request) { requestOf(r).err = forge.ErrNotFound }
	router.NotFound(missed)
	router.MethodNotAllowed(missed)
	return router
}

// requestOf returns the request of which an HTTP request is the routed form.
func requestOf(r *http.Request) *request { return r.Context().Value(requestKey{}).(*request) }

// cutWildcard turns the last part of a path like /contents/{path...} into the router's wildcard,
// and returns its name.
func cutWildcard(path string) (chiPath, name string) {
	at := strings.LastIndexByte(path, '{')
	name, found := strings.CutSuffix(path[max(0, at+1):], "...}")
	if !found {
		return path, ""
	}
	return path[:at] + "*", name
}

// valuesOf returns the parts of the path that a pattern names; rest is the name of its wildcard.
func valuesOf(r *http.Request, rest string) map[string]string {
	params := chi.RouteContext(r.Context()).URLParams
	values := map[string]string{}
	for n, name := range params.Keys {
		value := params.Values[n]
		if plain, err := url.PathUnescape(value); err == nil && r.URL.RawPath != "" {
			value = plain
		}
		if name == "*" {
			name = rest
		}
		values[name] = value
	}
	return values
}

// route lets the operation of a request answer it.
func (q *request) route() {
	if q.graphql {
		q.pattern = "POST /graphql"
		q.status, q.view, q.err = serveGraphQL(q)
		return
	}
	r := q.r.WithContext(context.WithValue(q.r.Context(), requestKey{}, q))
	if r.Method == http.MethodHead {
		r.Method = http.MethodGet
	}
	q.a.router.ServeHTTP(q.w, r)
}

// read decodes the request's body.
func (q *request) read(into any) error {
	if len(bytes.TrimSpace(q.body)) == 0 {
		return nil
	}
	if err := json.Unmarshal(q.body, into); err != nil {
		var mistyped *json.UnmarshalTypeError
		if errors.As(err, &mistyped) {
			return &forge.Error{Status: http.StatusUnprocessableEntity,
				Message: fmt.Sprintf("Invalid request.\n\nFor 'properties/%s', %s is not of the right type.",
					mistyped.Field, mistyped.Value)}
		}
		return &forge.Error{Status: http.StatusBadRequest, Message: "Problems parsing JSON"}
	}
	return nil
}

func (q *request) query(name string) string { return q.r.URL.Query().Get(name) }

// value returns a part of the path.
func (q *request) value(name string) string { return q.values[name] }

func (q *request) id(name string) int64 {
	n, err := strconv.ParseInt(q.value(name), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// person refuses nobody, and the App's own token where an installation's or a person's is needed.
func (q *request) person() (*forge.Actor, error) {
	switch {
	case q.app:
		return nil, forge.Forbidden("Resource not accessible by integration")
	case q.by == nil:
		return nil, &forge.Error{Status: http.StatusUnauthorized, Message: "Requires authentication"}
	}
	return q.by, nil
}

// ownApp refuses everything but the App's own token.
func (q *request) ownApp() error {
	if !q.app {
		return &forge.Error{Status: http.StatusUnauthorized, Message: "A JSON web token could not be decoded"}
	}
	return nil
}

// repo finds the repository of the path.
func (q *request) repo() (*forge.Repository, error) {
	if q.by == nil && !q.app {
		return nil, forge.ErrNotFound // every repository here is private
	}
	by, err := q.person()
	if err != nil {
		return nil, err
	}
	r, err := q.forge.VisibleRepository(by, q.value("owner")+"/"+q.value("repo"))
	if err != nil {
		return nil, q.renamed(err)
	}
	return r, nil
}

// issue finds the issue or pull request of the path.
func (q *request) issue() (*forge.Issue, error) {
	r, err := q.repo()
	if err != nil {
		return nil, err
	}
	number := int(q.id("number"))
	i, ok := r.IssueAt(number)
	if ok && i.Pull == nil {
		if err := r.CheckIssuesEnabled(); err != nil {
			return nil, err
		}
	}
	if !ok {
		if number > 0 && number <= len(r.Issues) {
			return nil, q.gone(r, number)
		}
		return nil, forge.ErrNotFound
	}
	return i, q.forge.Require(q.by, r, forge.RoleRead, forge.IssueAreas(i)...)
}

// pull finds the pull request of the path.
func (q *request) pull() (*forge.Issue, error) {
	r, err := q.repo()
	if err != nil {
		return nil, err
	}
	i, ok := r.IssueAt(int(q.id("number")))
	if !ok || i.Pull == nil {
		return nil, forge.ErrNotFound
	}
	return i, q.forge.Require(q.by, r, forge.RoleRead, "pull_requests")
}

// comment finds the comment of the path.
func (q *request) comment() (*forge.Comment, error) {
	r, err := q.repo()
	if err != nil {
		return nil, err
	}
	c, ok := q.forge.CommentsByID[q.id("comment")]
	if !ok || c.Issue().Repo() != r {
		return nil, forge.ErrNotFound
	}
	if c.Issue().Pull == nil {
		if err := r.CheckIssuesEnabled(); err != nil {
			return nil, err
		}
	}
	return c, q.forge.Require(q.by, r, forge.RoleRead, forge.IssueAreas(c.Issue())...)
}

// page cuts one page out of a list of n and sets the Link header.
func (q *request) page(n int) (from, to int) {
	size, err := strconv.Atoi(q.query("per_page"))
	if err != nil || size < 1 {
		size = 30
	}
	size = min(size, 100)
	page, err := strconv.Atoi(q.query("page"))
	if err != nil || page < 1 {
		page = 1
	}
	last := max(1, (n+size-1)/size)
	var links []string
	link := func(rel string, page int) {
		values := q.r.URL.Query()
		values.Set("page", strconv.Itoa(page))
		u := url.URL{Path: "/api/v3" + q.idPath(), RawQuery: values.Encode()}
		links = append(links, fmt.Sprintf(`<%s%s>; rel="%s"`, q.forge.URL, u.String(), rel))
	}
	if page > 1 {
		link("prev", min(page-1, last))
	}
	if page < last {
		link("next", page+1)
		link("last", last)
	}
	if page > 1 {
		link("first", 1)
	}
	if len(links) > 0 {
		q.head.Set("Link", strings.Join(links, ", "))
	}
	return min((page-1)*size, n), min(page*size, n)
}

// paged answers one page of a list.
func paged[T any, V any](q *request, all []T, view func(T) V) (int, any, error) {
	from, to := q.page(len(all))
	return http.StatusOK, each(all[from:to], view), nil
}
