package sandbox

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// apiServer serves the REST API.
type apiServer struct {
	s  *Sandbox
	st *store
	// ServeMux takes /issues/comments/{id} and /issues/{number}/comments for a conflict, so the first have one of their own.
	mux, comments *http.ServeMux

	spent map[string]*budgets // by who calls

	underWay atomic.Int64 // requests of the installation
}

// maxRequest is the longest body of a request.
const maxRequest = 8 << 20

// request is one call under way. The store is held while it lasts.
type request struct {
	a    *apiServer
	st   *store
	r    *http.Request
	by   *Actor // nil: the App itself, by its own token, or nobody known
	app  bool   // the App itself
	body []byte
	head http.Header // of the answer

	graphql bool   // the request is one to the GraphQL API
	version string // of the REST API

	atOnce int64 // requests of the installation that were under way when this one came, itself included
}

// endpoint answers one operation. A nil body is no body.
type endpoint func(*request) (status int, body any, err error)

func newAPI(s *Sandbox) http.Handler {
	a := &apiServer{s: s, st: s.st, mux: http.NewServeMux(), comments: http.NewServeMux(), spent: map[string]*budgets{}}
	for pattern, e := range routes() {
		a.muxOf(pattern).Handle(pattern, operation(e))
	}
	return a
}

// muxOf finds the mux of a pattern or path.
func (a *apiServer) muxOf(path string) *http.ServeMux {
	if parts := strings.Split(path, "/"); len(parts) > 6 && parts[1] == "repos" && parts[4] == "issues" && parts[5] == "comments" {
		return a.comments
	}
	return a.mux
}

// operation marks an endpoint as a handler, so that the mux can find it; it is called by serve alone.
type operation endpoint

func (operation) ServeHTTP(http.ResponseWriter, *http.Request) {}

// ServeHTTP serves all addresses below /api: REST's, GraphQL's, and in JSON that there is nothing at others.
func (a *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := &request{a: a, st: a.st, head: w.Header(), graphql: r.URL.Path == "/api/graphql"}
	if r.URL.Path == "/api/v3" {
		r.URL.Path = "/api/v3/"
	}
	if !q.graphql && !strings.HasPrefix(r.URL.Path, "/api/v3/") {
		q.head.Set("Content-Type", "application/json; charset=utf-8")
		status, answer := a.refusal(errNotFound)
		w.WriteHeader(status)
		_, _ = w.Write(answer) // the reader may have left
		return
	}
	http.StripPrefix(q.prefix(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.serve(w, r, q) })).ServeHTTP(w, r)
}

// serve answers a request whose path no longer has the prefix.
func (a *apiServer) serve(w http.ResponseWriter, r *http.Request, q *request) {
	head := q.head
	head.Set("Content-Type", "application/json; charset=utf-8")
	head.Set("X-GitHub-Media-Type", "github.v3; format=json")
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		status, answer := a.refusal(&Error{Status: http.StatusRequestEntityTooLarge, Message: "Request entity too large"})
		w.WriteHeader(status)
		_, _ = w.Write(answer) // the sender may have left
		return
	}
	q.r, q.body = r, body
	if strings.Contains(r.Header.Get("Authorization"), " ghs_") {
		q.atOnce = a.underWay.Add(1)
		defer a.underWay.Add(-1)
	}
	status, answer, n, wait := a.call(q)
	if wait > 0 {
		time.Sleep(wait)
	}
	head.Set("X-GitHub-Request-Id", fmt.Sprintf("%04X:%08X", n%0xffff, n))
	if status == http.StatusNoContent || status == http.StatusNotModified {
		head.Del("Content-Type")
		w.WriteHeader(status)
		return
	}
	w.WriteHeader(status)
	_, _ = w.Write(answer) // the reader may have left
}

// keptCalls is how many calls are remembered at least.
const keptCalls = 100_000

// call answers a request and lists it. The store is held meanwhile, and let go even if a view panics.
func (a *apiServer) call(q *request) (status int, answer []byte, n int64, wait time.Duration) {
	a.st.mu.Lock()
	defer a.st.mu.Unlock()
	asked := *q.r.URL // an address with ids is served by its names
	status, answer, wait = a.answer(q)
	q.skew(a.s.faults.ahead())
	n = 1
	if k := len(a.st.Calls); k > 0 {
		n = a.st.Calls[k-1].N + 1
	}
	path := q.prefix() + asked.EscapedPath()
	if asked.RawQuery != "" {
		path += "?" + asked.RawQuery
	}
	c := Call{N: n, Method: q.r.Method, Path: path, Status: status, Actor: q.actor()}
	a.st.Calls = append(a.st.Calls, c)
	if len(a.st.Calls) > 2*keptCalls {
		a.st.Calls = slices.Clone(a.st.Calls[keptCalls:])
	}
	a.st.record(record{Call: &c})
	return status, answer, n, wait
}

// skew tells the time by a clock that is ahead of ours, or behind.
func (q *request) skew(ahead time.Duration) {
	if ahead == 0 {
		return
	}
	q.head.Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
	if reset, err := strconv.ParseInt(q.head.Get("X-RateLimit-Reset"), 10, 64); err == nil {
		q.head.Set("X-RateLimit-Reset", strconv.FormatInt(reset+int64(ahead/time.Second), 10))
	}
}

// actor names who called, as the list of calls does.
func (q *request) actor() string {
	switch {
	case q.app:
		return "app/" + q.st.app.Slug
	case q.by != nil:
		return q.by.Login
	}
	return ""
}

// answer does what is asked for, after the faults.
func (a *apiServer) answer(q *request) (status int, body []byte, wait time.Duration) {
	now := a.s.clock.Now()
	err := q.chooseVersion()
	if err == nil {
		err = q.authenticate()
	}
	if err != nil {
		if q.isApps() && a.s.faults.out(now) {
			err = errAway // whoever is away doesn't look at tokens
		}
		status, body = a.refusal(err)
		return status, body, 0
	}
	var hide *Error
	var spent *budget // what the call is taken from
	if q.app || q.by != nil && q.by.ViaApp {
		var refuse *Error
		refuse, hide, wait = a.s.faults.hit(q, now)
		if refuse != nil {
			status, body = a.refusal(refuse)
			return status, body, wait
		}
	}
	if spent = a.budgetOf(q); spent != nil && !spent.take(now) && q.by != nil && q.by.ViaApp {
		spent.tell(q.head)
		status, body = a.refusal(q.st.rateLimited())
		return status, body, wait
	}
	if err := q.allowed(); err != nil {
		status, body = a.refusal(err)
		return status, body, wait
	}
	if err := q.lag(now); err != nil {
		status, body = a.refusal(err)
		return status, body, wait
	}
	defer func() { q.st = a.st }()
	if err := q.nameAddress(); err != nil {
		status, body = a.refusal(err)
		return status, body, wait
	}
	e, pattern := a.find(q)
	if e == nil {
		status, body = a.refusal(errNotFound)
		return status, body, wait
	}
	code, view, err := e(q)
	if err != nil {
		status, body = a.refusal(err)
	} else {
		status, body = code, q.inVersion(pattern, q.encode(view))
		q.tellWhere(pattern, status, view)
	}
	if q.r.Method == http.MethodGet && status == http.StatusOK {
		sum := sha256.Sum256(body)
		tag := `W/"` + hex.EncodeToString(sum[:16]) + `"`
		q.head.Set("ETag", tag)
		if hasTag(q.r.Header.Get("If-None-Match"), tag) {
			status = http.StatusNotModified
			if spent != nil {
				spent.giveBack() // what has not changed costs nothing
			}
		}
	}
	if spent != nil {
		spent.tell(q.head)
	}
	if hide != nil {
		q.head.Del("ETag")
		q.head.Del("Link")
		status, body = a.refusal(hide)
	}
	return status, body, wait
}

// isApps reports whether a request carries a token of the App, whether it is good or not.
func (q *request) isApps() bool {
	_, token, _ := strings.Cut(q.r.Header.Get("Authorization"), " ")
	return strings.HasPrefix(token, "ghs_") || strings.Count(token, ".") == 2
}

// lag lets the request be answered from the store as it was, where the App's reads lag behind.
func (q *request) lag(now time.Time) error {
	if !q.app && (q.by == nil || !q.by.ViaApp) {
		return nil
	}
	behind := q.a.s.faults.behind(q.r.Method, q.r.URL.Path)
	if behind == 0 {
		return nil
	}
	replica, err := q.st.asOf(now.Add(-behind))
	if err != nil {
		return err
	}
	q.a.st.keepPast(q.a.s.clock.Now, q.a.s.faults.reach()) // it may have been the last
	q.st = replica
	return nil
}

// find finds what answers a request; nil if nothing does.
func (a *apiServer) find(q *request) (e endpoint, pattern string) {
	if q.graphql {
		return serveGraphQL, "POST /graphql"
	}
	mux := a.muxOf(q.r.URL.Path)
	h, pattern := mux.Handler(q.r)
	o, known := h.(operation)
	if pattern == "" || !known {
		return nil, ""
	}
	// The mux fills in the path's values only when it serves; a request of its own takes them.
	mux.ServeHTTP(nopWriter{}, q.r)
	return endpoint(o), pattern
}

// nopWriter lets the mux fill in a request's path values.
type nopWriter struct{}

func (nopWriter) Header() http.Header         { return http.Header{} }
func (nopWriter) Write(b []byte) (int, error) { return len(b), nil }
func (nopWriter) WriteHeader(int)             {}

// hasTag tells whether an If-None-Match header has the tag.
func hasTag(header, tag string) bool {
	for one := range strings.SplitSeq(header, ",") {
		if one = strings.TrimSpace(one); one == "*" || strings.TrimPrefix(one, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}

// authenticate tells who calls. Nobody may call, too: there is little that they may see.
func (q *request) authenticate() error {
	scheme, token, _ := strings.Cut(q.r.Header.Get("Authorization"), " ")
	switch strings.ToLower(scheme) {
	case "bearer", "token":
	case "":
		return nil
	default:
		return &Error{Status: http.StatusUnauthorized, Message: "Bad credentials"}
	}
	switch login, isPerson := strings.CutPrefix(token, "demo-"); {
	case isPerson:
		by, ok := q.st.person(login)
		if ok {
			q.by = by
			q.head.Set("X-OAuth-Scopes", "gist, read:org, repo, workflow")
			return nil
		}
	case strings.HasPrefix(token, "ghs_"):
		if g, ok := q.st.grantOf(token, q.a.s.clock.Now()); ok && !q.st.isRevoked(token) {
			g.Permissions = q.st.restrict(g.Permissions)
			q.by = g.actor(q.st.app)
			return q.st.notSuspended()
		}
	case strings.Count(token, ".") == 2:
		if q.st.appless() {
			break
		}
		if err := q.st.app.verifyJWT(token, time.Now().Add(q.a.s.faults.ahead())); err != nil {
			return err
		}
		q.app = true
		return nil
	}
	return &Error{Status: http.StatusUnauthorized, Message: "Bad credentials"}
}

// refusal writes an error as GitHub does.
func (a *apiServer) refusal(err error) (int, []byte) {
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{Status: http.StatusInternalServerError, Message: err.Error()}
	}
	body := fields{"message": e.Message, "documentation_url": "https://docs.github.com/rest", "status": strconv.Itoa(e.Status)}
	if e.address != "" {
		body["url"], body["documentation_url"] = e.address, followRedirects
		delete(body, "status")
	}
	if len(e.Fields) > 0 {
		body["errors"] = e.Fields
	} else if len(e.reasons) > 0 {
		body["errors"] = e.reasons
	}
	return e.Status, mustJSON(body)
}

func (q *request) encode(view any) []byte {
	switch v := view.(type) {
	case nil:
		return nil
	case []byte:
		return v
	}
	return mustJSON(view)
}

// read decodes the request's body.
func (q *request) read(into any) error {
	if len(bytes.TrimSpace(q.body)) == 0 {
		return nil
	}
	if err := json.Unmarshal(q.body, into); err != nil {
		var mistyped *json.UnmarshalTypeError
		if errors.As(err, &mistyped) {
			return &Error{Status: http.StatusUnprocessableEntity, Message: fmt.Sprintf("Invalid request.\n\nFor 'properties/%s', %s is not of the right type.", mistyped.Field, mistyped.Value)}
		}
		return &Error{Status: http.StatusBadRequest, Message: "Problems parsing JSON"}
	}
	return nil
}

func (q *request) query(name string) string { return q.r.URL.Query().Get(name) }

func (q *request) value(name string) string { return q.r.PathValue(name) }

func (q *request) id(name string) int64 {
	n, err := strconv.ParseInt(q.value(name), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// person refuses nobody, and the App's own token where an installation's or a person's is needed.
func (q *request) person() (*Actor, error) {
	switch {
	case q.app:
		return nil, forbidden("Resource not accessible by integration")
	case q.by == nil:
		return nil, &Error{Status: http.StatusUnauthorized, Message: "Requires authentication"}
	}
	return q.by, nil
}

// ownApp refuses everything but the App's own token.
func (q *request) ownApp() error {
	if !q.app {
		return &Error{Status: http.StatusUnauthorized, Message: "A JSON web token could not be decoded"}
	}
	return nil
}

// repo finds the repository of the path.
func (q *request) repo() (*Repository, error) {
	if q.by == nil && !q.app {
		return nil, errNotFound // every repository here is private
	}
	by, err := q.person()
	if err != nil {
		return nil, err
	}
	r, err := q.st.openRepo(by, q.value("owner")+"/"+q.value("repo"))
	if err != nil {
		return nil, q.renamed(err)
	}
	return r, nil
}

// issue finds the issue or pull request of the path.
func (q *request) issue() (*Issue, error) {
	r, err := q.repo()
	if err != nil {
		return nil, err
	}
	number := int(q.id("number"))
	i, ok := r.issueAt(number)
	if ok && i.Pull == nil {
		if err := r.hasIssues(); err != nil {
			return nil, err
		}
	}
	if !ok {
		if number > 0 && number <= len(r.Issues) {
			return nil, q.gone(r, number)
		}
		return nil, errNotFound
	}
	return i, q.st.need(q.by, r, RoleRead, issueArea(i)...)
}

// pull finds the pull request of the path.
func (q *request) pull() (*Issue, error) {
	r, err := q.repo()
	if err != nil {
		return nil, err
	}
	i, ok := r.issueAt(int(q.id("number")))
	if !ok || i.Pull == nil {
		return nil, errNotFound
	}
	return i, q.st.need(q.by, r, RoleRead, "pull_requests")
}

// comment finds the comment of the path.
func (q *request) comment() (*Comment, error) {
	r, err := q.repo()
	if err != nil {
		return nil, err
	}
	c, ok := q.st.comments[q.id("comment")]
	if !ok || c.issue.repo != r {
		return nil, errNotFound
	}
	if c.issue.Pull == nil {
		if err := r.hasIssues(); err != nil {
			return nil, err
		}
	}
	return c, q.st.need(q.by, r, RoleRead, issueArea(c.issue)...)
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
		links = append(links, fmt.Sprintf(`<%s%s>; rel="%s"`, q.st.url, u.String(), rel))
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
