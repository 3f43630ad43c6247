// Package contract holds HTTP traffic and webhook deliveries of a GitHub against
// GitHub's own OpenAPI description, in tests.
//
// The description is npm's @octokit/openapi, cut down by the program in trim.
package contract

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// Middleware passes requests on to next and fails t for each request and each
// answer that is not as GitHub describes it. A distinct violation is reported
// once. What happens after the test's end is not reported.
//
// Requests to GitHub's REST API are those under /api/v3/, and those whose path
// without such a prefix begins as one of GitHub's operations does. Everything
// else passes unseen.
//
// Tolerated are: a request that is refused with 400 or 422; any answer of 500
// and above; the errors that GitHub may send anywhere (see isGeneric), as long
// as they have a message, which also holds for an error that GitHub describes
// without a body; and a request for no known operation that is answered
// with such an error.
func Middleware(t testing.TB, next http.Handler) http.Handler {
	t.Helper()
	d, err := load()
	if err != nil {
		t.Fatal(err)
	}
	report := newReporter(t)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, ok := d.apiPath(r.URL.EscapedPath())
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		sent, err := io.ReadAll(r.Body)
		if err != nil {
			// The client gave up: there's no whole request to hold against anything.
			r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(sent), failingReader{err}))
			next.ServeHTTP(w, r)
			return
		}
		// The handler may change what it got; the contract sees what was sent.
		seen := r.Clone(context.WithoutCancel(r.Context()))
		r.Body = io.NopCloser(bytes.NewReader(sent))

		// The answer is held back until it has been judged, so that a violation
		// is reported before the client, and with it the test, can go on.
		answer := &recorder{ResponseWriter: w}
		next.ServeHTTP(answer, r)
		if answer.hijacked {
			return
		}
		answer.complete()
		judge := d
		if answer.Header().Get("X-GitHub-Api-Version-Selected") == newest {
			if judge, err = loadNewest(); err != nil {
				t.Error(err)
				return
			}
		}
		for _, violation := range judge.judge(seen, path, sent, answer) {
			report.violation(violation)
		}
		answer.send()
	})
}

// Webhook fails t if the payload is not what GitHub describes for the event and
// the payload's action. An unknown event or action is a violation as well.
func Webhook(t testing.TB, event string, payload []byte) {
	t.Helper()
	for _, reason := range webhookViolations(event, payload) {
		t.Errorf("webhook %s: %s", event, reason)
	}
}

// webhookViolations says what is wrong with a delivery's payload.
func webhookViolations(event string, payload []byte) []string {
	d, err := load()
	if err != nil {
		return []string{err.Error()}
	}
	var value map[string]any
	if err := json.Unmarshal(payload, &value); err != nil {
		return []string{fmt.Sprintf("payload is no JSON object: %v", err)}
	}
	name := event
	if action, ok := value["action"].(string); ok {
		name += "/" + action
	}
	if event == "repository_dispatch" {
		name = event + "/sample.collected" // the action is whatever the sender calls it
	}
	schema, ok := d.payloads[name]
	if !ok {
		return []string{fmt.Sprintf("GitHub describes no payload for %q", name)}
	}
	return append(schemaReasons(schema, value, "payload"), inventedFields(schema, value, "payload")...)
}

// judge says what is wrong with a request and its answer.
func (d *description) judge(r *http.Request, path string, sent []byte, answer *recorder) []violation {
	where := violation{method: r.Method, path: r.URL.Path, template: path, status: answer.status}
	route, params, ok := d.find(r.Method, path)
	if !ok {
		if isGeneric(answer.status) {
			return nil
		}
		return []violation{where.because("GitHub has no such operation")}
	}
	where.template = route.Path

	r.Body, r.ContentLength = http.NoBody, 0
	if len(sent) > 0 {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(sent)), int64(len(sent))
	}
	request := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: route, Options: options,
	}
	var found []violation
	if answer.status != http.StatusBadRequest && answer.status != http.StatusUnprocessableEntity {
		found = where.becauseAll(requestReasons(request, sent))
	}
	if answer.status < 500 {
		found = append(found, where.becauseAll(responseReasons(request, answer))...)
	}
	return found
}

// options of all validation. Defaults are not filled in: nothing that is looked
// at may change.
var options = &openapi3filter.Options{
	MultiError:                        true,
	SkipSettingDefaults:               true,
	RejectWhenRequestBodyNotSpecified: true,
	SchemaValidationOptions:           schemaOptions,
}

// headersOnly leaves an answer's body to bodyReasons, which explains more and
// takes a quarter of the time.
var headersOnly = &openapi3filter.Options{
	MultiError: true, IncludeResponseStatus: true, ExcludeResponseBody: true,
	SchemaValidationOptions: schemaOptions,
}

func requestReasons(request *openapi3filter.RequestValidationInput, sent []byte) []string {
	var reasons []string
	if err := openapi3filter.ValidateRequest(request.Request.Context(), request); err != nil {
		reasons = explain(err, "request")
	}
	// GitHub ignores what it doesn't know, so that a misspelt option is a wish
	// that never comes true.
	operation := request.Route.Operation
	for name := range request.Request.URL.Query() {
		if operation.Parameters.GetByInAndName(openapi3.ParameterInQuery, name) == nil {
			reasons = append(reasons, fmt.Sprintf("request: GitHub knows no query parameter %q here", name))
		}
	}
	if operation.RequestBody == nil || len(sent) == 0 {
		return reasons
	}
	contentType := request.Request.Header.Get("Content-Type")
	if media := operation.RequestBody.Value.Content.Get(contentType); media != nil && media.Schema != nil {
		var body any
		if json.Unmarshal(sent, &body) == nil {
			reasons = append(reasons, inventedFields(media.Schema.Value, body, "request body")...)
		}
	}
	return reasons
}

func responseReasons(request *openapi3filter.RequestValidationInput, answer *recorder) []string {
	operation := request.Route.Operation
	described := operation.Responses.Status(answer.status)
	if described == nil {
		if isGeneric(answer.status) {
			return errorReasons(request.Request, answer)
		}
		return []string{"answer: GitHub describes no such status here"}
	}
	response := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: request, Status: answer.status, Header: answer.Header(), Options: headersOnly,
	}
	if err := openapi3filter.ValidateResponse(request.Request.Context(), response); err != nil {
		return explain(err, "answer")
	}
	if request.Request.Method == http.MethodHead {
		return nil
	}
	return bodyReasons(request, described.Value, answer)
}

func bodyReasons(request *openapi3filter.RequestValidationInput, described *openapi3.Response,
	answer *recorder) []string {
	contentType := answer.Header().Get("Content-Type")
	if len(described.Content) == 0 {
		if answer.status >= 400 {
			return errorReasons(request.Request, answer)
		}
		if answer.body.Len() > 0 {
			return []string{"answer: has a body, where GitHub sends none"}
		}
		return nil
	}
	mediaType, _, err := mime.ParseMediaType(contentType)
	if err == nil && mediaType != "application/json" && answer.status < 300 &&
		asksForBytes(request.Request.Header.Get("Accept")) {
		return nil
	}
	media := described.Content.Get(contentType)
	if err != nil || media == nil {
		return []string{fmt.Sprintf("answer: GitHub sends no Content-Type %q here", contentType)}
	}
	if media.Schema == nil || !strings.Contains(mediaType, "json") {
		return nil
	}
	fresh, parts := approved.without(media.Schema.Value, answer.body.Bytes())
	if len(parts) == 0 || len(jsonReasons(request.Route.Spec, media.Schema.Value, answer.status, fresh)) == 0 {
		approved.add(parts)
		return nil
	}
	return jsonReasons(request.Route.Spec, media.Schema.Value, answer.status, answer.body.Bytes())
}

func jsonReasons(doc *openapi3.T, schema *openapi3.Schema, status int, text []byte) []string {
	var body any
	if err := json.Unmarshal(text, &body); err != nil {
		return []string{fmt.Sprintf("answer: is no JSON: %v", err)}
	}
	if reasons, isEvents := eventReasons(doc, schema, body); isEvents {
		return reasons
	}
	reasons := append(schemaReasons(schema, body, "answer"), inventedFields(schema, body, "answer")...)
	if status >= 400 {
		reasons = slices.DeleteFunc(reasons, func(reason string) bool { return reason == statusInError })
	}
	return reasons
}

// statusInError isn't a mistake: every error of GitHub's repeats its status, and
// only some of the description's errors have the field.
const statusInError = "answer /status: GitHub knows no such field"

// errorReasons holds an error that the operation doesn't list against the form
// all of GitHub's errors have.
func errorReasons(r *http.Request, answer *recorder) []string {
	if answer.status == http.StatusNotModified || r.Method == http.MethodHead {
		return nil
	}
	var body struct{ Message string }
	if err := json.Unmarshal(answer.body.Bytes(), &body); err != nil || body.Message == "" {
		return []string{"answer: an error without a JSON object that has a message"}
	}
	return nil
}

// isGeneric reports whether GitHub may send the status for any request: it says
// so in its documentation's general part, and not in each operation.
func isGeneric(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusTemporaryRedirect, http.StatusNotModified,
		http.StatusBadRequest,
		http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound,
		http.StatusUnprocessableEntity, http.StatusTooManyRequests:
		return true
	}
	return status >= 500
}

// asksForBytes reports whether a client asks for another form than the
// described JSON: a file as it is, a diff, rendered Markdown.
func asksForBytes(accept string) bool {
	for _, form := range []string{"raw", "html", "diff", "patch", "sha"} {
		if strings.Contains(accept, "application/vnd.github."+form) ||
			strings.Contains(accept, "application/vnd.github.v3."+form) {
			return true
		}
	}
	return false
}

// A violation of the contract in one exchange.
type violation struct {
	method, path, template string
	status                 int
	reason                 string
}

func (v violation) because(reason string) violation {
	v.reason = reason
	return v
}

func (v violation) becauseAll(reasons []string) []violation {
	var all []violation
	for _, reason := range reasons {
		all = append(all, v.because(reason))
	}
	return all
}

// index matches the index of a list's element in a JSON pointer.
var index = regexp.MustCompile(`/\d+`)

// key is the same for violations that one mistake causes.
func (v violation) key() string {
	return fmt.Sprint(v.method, " ", v.template, " ", v.status, " ", index.ReplaceAllString(v.reason, "/*"))
}

// A reporter fails a test once for each distinct violation, until the test ends.
type reporter struct {
	mu   sync.Mutex
	t    testing.TB
	over bool
	seen map[string]bool
}

func newReporter(t testing.TB) *reporter {
	r := &reporter{t: t, seen: map[string]bool{}}
	t.Cleanup(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.over = true
	})
	return r
}

func (r *reporter) violation(v violation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over || r.seen[v.key()] {
		return
	}
	r.seen[v.key()] = true
	r.t.Errorf("%s %s: %d: %s", v.method, v.path, v.status, v.reason)
}

// A recorder keeps an answer until it is sent.
type recorder struct {
	http.ResponseWriter
	status   int
	body     bytes.Buffer
	hijacked bool
}

func (a *recorder) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *recorder) Write(data []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(data)
}

// Hijack lets a faulty GitHub drop the connection.
func (a *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(a.ResponseWriter).Hijack()
	a.hijacked = err == nil
	return conn, rw, err
}

// complete does what net/http does when a handler returns without a word.
func (a *recorder) complete() {
	if a.status == 0 {
		a.status = http.StatusOK
	}
}

func (a *recorder) send() {
	a.ResponseWriter.WriteHeader(a.status)
	if a.body.Len() > 0 {
		// A client that is gone is not the contract's concern.
		_, _ = a.ResponseWriter.Write(a.body.Bytes())
	}
}

type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) { return 0, f.err }

// find routes a request's path to the operation; the params are decoded.
func (d *description) find(method, path string) (*routers.Route, map[string]string, bool) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	for _, candidate := range d.routes {
		match := candidate.pattern.FindStringSubmatch(path)
		operation := candidate.item.GetOperation(method)
		if match == nil || operation == nil {
			continue
		}
		params := map[string]string{}
		for i, name := range candidate.params {
			value, err := url.PathUnescape(match[i+1])
			if err != nil {
				return nil, nil, false
			}
			params[name] = cmp.Or(value, "/") // the root folder, which has no name
		}
		return &routers.Route{
			Spec: d.doc, Path: candidate.path, PathItem: candidate.item, Method: method, Operation: operation,
		}, params, true
	}
	return nil, nil, false
}

// apiPath returns the path as the description has it, and whether the request
// is one to the REST API.
func (d *description) apiPath(path string) (string, bool) {
	if rest, ok := strings.CutPrefix(path, "/api/v3/"); ok {
		return byName("/" + rest), true
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return byName(path), d.roots[first] || first == "repositories" || first == "organizations"
}

// byName returns the path by which GitHub describes an operation whose address has ids in place of
// names. Redirects and Link headers lead to such addresses, which are not described.
// https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects
func byName(path string) string {
	for _, a := range addresses {
		if a.ids.MatchString(path) {
			return a.ids.ReplaceAllString(path, a.names)
		}
	}
	return path
}

var addresses = []struct {
	ids   *regexp.Regexp
	names string
}{
	{regexp.MustCompile(`^/repositories/\d+(/|$)`), "/repos/owner/repo$1"},
	{regexp.MustCompile(`^/organizations/\d+/team/\d+(/|$)`), "/orgs/org/teams/team$1"},
	{regexp.MustCompile(`^/organizations/\d+(/|$)`), "/orgs/org$1"},
}

// errNotLoaded is wrapped by every failure to load the description.
var errNotLoaded = errors.New("GitHub's description can't be loaded")
