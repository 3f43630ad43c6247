// Package rest is GitHub's REST API over a forge: its operations, their views in JSON, tokens, rate
// limits and versions, and the payloads of webhooks, which are made of the same views.
package rest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// Host is the sandbox around the API. The forge is held while its methods are called.
type Host interface {
	// Now returns the virtual time, to the nanosecond.
	Now() time.Time

	// Skew returns how far GitHub's clock is ahead of that of its clients.
	Skew() time.Duration

	// Outage returns what everybody is answered while GitHub is away, else nil.
	Outage() *forge.Error

	// Fault returns what goes wrong with a call by the App.
	Fault(c Call) Fault

	// Replica returns the forge as a read by the App sees it: as it is now, or as it was.
	Replica(method, path string) (*forge.Forge, error)

	// Record lists a call that was answered, and returns its number.
	Record(method, path string, status int, actor string) int64

	// Redeliver queues a webhook once more.
	Redeliver(d *forge.Delivery)

	// QueryGraphQL answers a query of the GraphQL API.
	QueryGraphQL(ctx context.Context, f *forge.Forge, by *forge.Actor, query, operation string,
		variables map[string]any) map[string]any

	// RenderMarkdown returns a text of a repository as HTML; by and r may be nil.
	RenderMarkdown(f *forge.Forge, by *forge.Actor, r *forge.Repository, text string) string
}

// Call is a call by the App, as faults choose among them.
type Call struct {
	Method   string
	Path     string // as it was called, with its prefix
	Resource string // escaped, without the prefix
	IsOwn    bool   // by the App's own token, not an installation's
	IsCosted bool   // it is taken from a budget
	AtOnce   int64  // calls of the installation under way, this one included
	Header   http.Header
}

// Fault is what goes wrong with a call. The zero value is nothing.
type Fault struct {
	Refuse     *forge.Error  // the answer in place of what was asked for
	Hide       *forge.Error  // the answer that hides that it was done
	Wait       time.Duration // before the answer
	SpentUntil time.Time     // when the budget of the call, which is spent, is renewed
}

// server serves the REST API.
type server struct {
	host   Host
	forge  *forge.Forge
	views  *Views
	calls  int // that the installation has in an hour
	router *chi.Mux
	spent  map[string]*budgets // by who calls

	underWay atomic.Int64 // requests of the installation
}

// maxRequest is the longest body of a request.
const maxRequest = 8 << 20

// request is one call under way. The forge is locked while it lasts.
type request struct {
	a     *server
	forge *forge.Forge // as the request sees it
	views *Views       // of it
	w     http.ResponseWriter
	r     *http.Request
	by    *forge.Actor // nil: the App itself, by its own token, or nobody known
	app   bool         // the App itself
	body  []byte
	head  http.Header // of the answer

	graphql bool   // the request is one to the GraphQL API
	version string // of the REST API

	atOnce int64 // requests of the installation that were under way when this one came, itself included

	// What came of it, once it was routed.
	pattern string
	values  map[string]string // of the pattern's parts
	status  int
	view    any
	err     error
}

// New makes the server of the API; calls is how many the installation has in an hour, 0 is as many
// as GitHub allows.
func New(v *Views, host Host, calls int) http.Handler {
	return &server{host: host, forge: v.forge, views: v, calls: cmp.Or(calls, 5000), router: newRouter(),
		spent: map[string]*budgets{}}
}

// ServeHTTP serves all addresses below /api: REST's, GraphQL's, and in JSON that there is nothing at others.
func (a *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := &request{a: a, forge: a.forge, views: a.views, w: w, head: w.Header(),
		graphql: r.URL.Path == "/api/graphql"}
	if r.URL.Path == "/api/v3" {
		r.URL.Path = "/api/v3/"
	}
	if !q.graphql && !strings.HasPrefix(r.URL.Path, "/api/v3/") {
		q.head.Set("Content-Type", "application/json; charset=utf-8")
		status, answer := a.refusal(forge.ErrNotFound)
		w.WriteHeader(status)
		_, _ = w.Write(answer) // the reader may have left
		return
	}
	http.StripPrefix(q.prefix(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.serve(w,
			r, q)
	})).ServeHTTP(w, r)
}

// serve answers a request whose path no longer has the prefix.
func (a *server) serve(w http.ResponseWriter, r *http.Request, q *request) {
	head := q.head
	head.Set("Content-Type", "application/json; charset=utf-8")
	head.Set("X-GitHub-Media-Type", "github.v3; format=json")
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		status, answer := a.refusal(&forge.Error{Status: http.StatusRequestEntityTooLarge,
			Message: "Request entity too large"})
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

// call answers a request and lists it. The forge is locked until then, and unlocked even if a view panics.
func (a *server) call(q *request) (status int, answer []byte, n int64, wait time.Duration) {
	a.forge.Lock()
	defer a.forge.Unlock()
	asked := *q.r.URL // an address with ids is served by its names
	status, answer, wait = a.answer(q)
	q.skew(a.host.Skew())
	path := q.prefix() + asked.EscapedPath()
	if asked.RawQuery != "" {
		path += "?" + asked.RawQuery
	}
	return status, answer, a.host.Record(q.r.Method, path, status, q.actor()), wait
}

// skew returns the time by a clock that is ahead of ours, or behind.
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
		return "app/" + q.forge.App.Slug
	case q.by != nil:
		return q.by.Login
	}
	return ""
}

// answer does what is asked for, after the faults.
func (a *server) answer(q *request) (status int, body []byte, wait time.Duration) {
	now := a.host.Now()
	err := q.chooseVersion()
	if err == nil {
		err = q.authenticate()
	}
	if err != nil {
		if out := a.host.Outage(); out != nil && q.isApps() {
			err = out // GitHub doesn't look at tokens then
		}
		status, body = a.refusal(err)
		return status, body, 0
	}

	defer q.show(a.views)
	spent := a.budgetOf(q)
	var f Fault
	if q.isByApp() {
		f = a.host.Fault(q.faulty(spent != nil))
	}
	if err := a.admit(q, f, spent, now); err != nil {
		status, body = a.refusal(err)
		return status, body, f.Wait
	}
	status, body = a.perform(q, spent)
	if f.Hide != nil && q.pattern != "" {
		q.head.Del("ETag")
		q.head.Del("Link")
		status, body = a.refusal(f.Hide)
	}
	return status, body, f.Wait
}

// show lets the request see a forge, by its views.
func (q *request) show(v *Views) { q.forge, q.views = v.forge, v }

// faulty returns the request as faults see it.
func (q *request) faulty(isCosted bool) Call {
	return Call{Method: q.r.Method, Path: q.prefix() + q.r.URL.Path, Resource: q.r.URL.EscapedPath(),
		IsOwn:    q.app,
		IsCosted: isCosted, AtOnce: q.atOnce, Header: q.head}
}

// admit refuses a request that fails on demand, that goes beyond its budget, or whose sender is
// kept out, and lets all others see the forge that they are to see.
func (a *server) admit(q *request, f Fault, spent *budget, now time.Time) error {
	switch {
	case !f.SpentUntil.IsZero():
		empty := budget{resource: spent.resource, limit: spent.limit, used: spent.limit,
			since: f.SpentUntil.Add(time.Second - 1)} // of no span: it ends then
		empty.tell(q.head)
		return q.views.rateLimited()
	case f.Refuse != nil:
		return f.Refuse
	case spent != nil && !spent.take(now) && q.by != nil && q.by.ViaApp:
		spent.tell(q.head)
		return q.views.rateLimited()
	}
	if err := q.allowed(); err != nil {
		return err
	}
	if q.isByApp() {
		seen, err := a.host.Replica(q.r.Method, q.r.URL.Path)
		if err != nil {
			return err
		}
		if seen != q.forge {
			q.show(NewViews(seen))
		}
	}
	return q.nameAddress()
}

// perform lets an operation answer, and writes what it answers.
func (a *server) perform(q *request, spent *budget) (status int, body []byte) {
	q.route()
	if q.err != nil {
		status, body = a.refusal(q.err)
	} else {
		status, body = q.status, q.inVersion(q.encode(q.view))
		q.tellWhere()
	}
	if q.pattern == "" {
		return status, body
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
	return status, body
}

// hasTag reports whether an If-None-Match header has the tag.
func hasTag(header, tag string) bool {
	for one := range strings.SplitSeq(header, ",") {
		if one = strings.TrimSpace(one); one == "*" ||
			strings.TrimPrefix(one, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}

// refusal writes an error as GitHub does.
func (a *server) refusal(err error) (int, []byte) {
	var e *forge.Error
	if !errors.As(err, &e) {
		e = &forge.Error{Status: http.StatusInternalServerError, Message: err.Error()}
	}
	body := fields{"message": e.Message, "documentation_url": "https://docs.github.com/rest",
		"status": strconv.Itoa(e.Status)}
	if e.Address != "" {
		body["url"], body["documentation_url"] = e.Address, followRedirects
		delete(body, "status")
	}
	if len(e.Fields) > 0 {
		body["errors"] = e.Fields
	} else if len(e.Reasons) > 0 {
		body["errors"] = e.Reasons
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
