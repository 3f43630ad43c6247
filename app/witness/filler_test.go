package witness

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// gaps are what emulate lacks and the filler makes up, from what emulate holds and nothing else.
// What is not here it has.
var gaps = map[string]string{
	"timeline": "its timelines hold no comments, and pull requests have none: events and comments are " +
		"merged by time",
	"assignees": "it can't be asked whether somebody can be assigned: whoever it says has access to the " +
		"repository can",
	"form": "it has no issue forms: the text is written as GitHub writes a form's, with the form's label",
	"delivery": "it names webhooks by the millisecond, so that two may have one name: each gets a name " +
		"of its own",
	"changes": "webhooks of edited comments don't say what was there before: the webhook before it did",
	"duplicate": "it closes an issue as completed where it is asked to close it as a duplicate: the " +
		"reason is remembered",
	"pins":      "it has no pinned comments: the card's pin is remembered",
	"reactions": "it has none: they are kept, and shown in timelines",
	"seconds":   "its times have milliseconds: GitHub's are whole seconds",
}

// Handler is the filler, with emulate behind it.
func (e *emulate) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /emulate/webhook", e.webhook)
	mux.HandleFunc("GET /api/v3/repos/{owner}/{repo}/issues/{number}/timeline", e.timeline)
	mux.HandleFunc("GET /api/v3/repos/{owner}/{repo}/assignees/{login}", e.assignable)
	mux.HandleFunc("POST /api/v3/repos/{owner}/{repo}/issues/comments/{id}/reactions", e.react)
	mux.HandleFunc("PUT /api/v3/repos/{owner}/{repo}/issues/comments/{id}/pin", e.pin)
	mux.HandleFunc("GET /api/v3/repos/{owner}/{repo}/issues/{number}", e.issue)
	mux.HandleFunc("PATCH /api/v3/repos/{owner}/{repo}/issues/{number}", e.editIssue)
	mux.HandleFunc("/api/v3/", func(w http.ResponseWriter, r *http.Request) { e.forward.ServeHTTP(w, r) })
	return mux
}

func (e *emulate) fill(gap string) {
	if gaps[gap] == "" {
		panic("no such gap: " + gap)
	}
	e.tally.mu.Lock()
	defer e.tally.mu.Unlock()
	e.tally.filled[gap]++
}

// proxy forwards to emulate, whose API is at the root.
func (e *emulate) proxy() http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			path, raw := strings.TrimPrefix(r.In.URL.Path, "/api/v3"),
				strings.TrimPrefix(r.In.URL.EscapedPath(), "/api/v3")
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.URL.Path, r.Out.URL.RawPath = "http", e.host(), path, raw
			r.Out.Header.Del("Accept-Encoding")
		},
		ModifyResponse: func(res *http.Response) error {
			body, err := io.ReadAll(res.Body)
			if err != nil {
				return err
			}
			res.Body.Close()
			whole := e.wholeSeconds(body)
			res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(whole)), int64(len(whole))
			res.Header.Set("Content-Length", strconv.Itoa(len(whole)))
			if res.StatusCode == http.StatusNotFound && e.ready.Load() {
				e.tally.mu.Lock()
				defer e.tally.mu.Unlock()
				e.tally.missed[numbers.ReplaceAllString(res.Request.Method+" "+res.Request.URL.Path, "/N")]++
			}
			return nil
		},
	}
}

var (
	numbers = regexp.MustCompile(`/\d+`)
	millis  = regexp.MustCompile(`"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.\d{3}Z"`)
)

// wholeSeconds takes the milliseconds out of all times.
func (e *emulate) wholeSeconds(body []byte) []byte {
	if !millis.Match(body) {
		return body
	}
	e.fill("seconds")
	return millis.ReplaceAll(body, []byte(`"${1}Z"`))
}

// ask asks emulate itself, with the rights of who asks.
func (e *emulate) ask(r *http.Request, path string, into any) (status int) {
	req, err := http.NewRequestWithContext(r.Context(), "GET", "http://"+e.host()+path, nil)
	if err != nil {
		return http.StatusInternalServerError
	}
	req.Header.Set("Authorization", r.Header.Get("Authorization"))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return http.StatusBadGateway
	}
	defer res.Body.Close()
	if into != nil && res.StatusCode == http.StatusOK && json.NewDecoder(res.Body).Decode(into) != nil {
		return http.StatusBadGateway
	}
	return res.StatusCode
}

type object = map[string]any

// all reads all pages of a list.
func (e *emulate) all(r *http.Request, path string) (all []object, status int) {
	for page := 1; ; page++ {
		var some []object
		if status := e.ask(r, fmt.Sprintf("%s?per_page=100&page=%d", path, page),
			&some); status != http.StatusOK {
			return nil, status
		}
		if all = append(all, some...); len(some) < 100 {
			return all, http.StatusOK
		}
	}
}

// timeline merges emulate's events and comments.
func (e *emulate) timeline(w http.ResponseWriter, r *http.Request) {
	e.fill("timeline")
	issue := fmt.Sprintf("/repos/%s/%s/issues/%s", r.PathValue("owner"), r.PathValue("repo"),
		r.PathValue("number"))
	items, _ := e.all(r, issue+"/timeline") // a pull request has none
	comments, status := e.all(r, issue+"/comments")
	if status != http.StatusOK {
		http.Error(w, `{"message":"Not Found"}`, status)
		return
	}
	items = slices.DeleteFunc(append([]object{}, items...), func(it object) bool {
		return it["event"] == "opened" || it["event"] == "edited"
	})
	for _, c := range comments {
		c["event"], c["actor"] = "commented", c["user"]
		e.mu.Lock()
		if given, ok := e.reactions[pathOf(c["url"].(string))]; ok {
			c["reactions"] = maps.Clone(given)
		}
		e.mu.Unlock()
		items = append(items, c)
	}
	slices.SortStableFunc(items, func(a, b object) int {
		return cmp.Compare(a["created_at"].(string), b["created_at"].(string))
	})

	size, page := 30, 1
	if n, err := strconv.Atoi(r.FormValue("per_page")); err == nil && n > 0 {
		size = min(n, 100)
	}
	if n, err := strconv.Atoi(r.FormValue("page")); err == nil && n > 0 {
		page = n
	}
	from, to := min((page-1)*size, len(items)), min(page*size, len(items))
	if to < len(items) {
		w.Header().Set("Link", fmt.Sprintf(`<%s%s?per_page=%d&page=%d>; rel="next"`, e.url, r.URL.Path,
			size, page+1))
	}
	e.tell(w, items[from:to])
}

func (e *emulate) tell(w http.ResponseWriter, answer any) {
	body, err := json.Marshal(answer)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(e.wholeSeconds(body))
}

// assignable answers 204 for whoever has access.
func (e *emulate) assignable(w http.ResponseWriter, r *http.Request) {
	e.fill("assignees")
	repo := fmt.Sprintf("/repos/%s/%s", r.PathValue("owner"), r.PathValue("repo"))
	status := e.ask(r, repo+"/collaborators/"+r.PathValue("login")+"/permission", nil)
	if status == http.StatusOK {
		status = http.StatusNoContent
	}
	w.WriteHeader(status)
}

// pathOf returns the path of an address.
func pathOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Path
}

// react adds a reaction to a comment that emulate has.
func (e *emulate) react(w http.ResponseWriter, r *http.Request) {
	comment := strings.TrimSuffix(r.URL.Path, "/reactions")
	if status := e.ask(r, strings.TrimPrefix(comment, "/api/v3"), nil); status != http.StatusOK {
		http.Error(w, `{"message":"Not Found"}`, status)
		return
	}
	var wanted struct{ Content string }
	if json.NewDecoder(r.Body).Decode(&wanted) != nil {
		http.Error(w, `{"message":"Problems parsing JSON"}`, http.StatusBadRequest)
		return
	}
	e.fill("reactions")
	e.mu.Lock()
	if e.reactions[comment] == nil {
		e.reactions[comment] = object{}
	}
	e.reactions[comment][wanted.Content] = 1 // the product's alone
	e.mu.Unlock()
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(object{"id": 1, "content": wanted.Content})
}

// pin pins a comment to its issue.
func (e *emulate) pin(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/api/v3"), "/pin")
	var c object
	if status := e.ask(r, path, &c); status != http.StatusOK {
		http.Error(w, `{"message":"Not Found"}`, status)
		return
	}
	e.fill("pins")
	e.mu.Lock()
	e.pins[pathOf(c["issue_url"].(string))] = path
	e.mu.Unlock()
	e.tell(w, c)
}

// issue returns an issue with its pinned comment, and the reason for which it was closed.
func (e *emulate) issue(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	pinned, double := e.pins[r.URL.Path], e.double[r.URL.Path]
	e.mu.Unlock()
	var is, c object
	if e.ask(r, strings.TrimPrefix(r.URL.Path, "/api/v3"), &is) != http.StatusOK {
		e.forward.ServeHTTP(w, r)
		return
	}
	if pinned != "" && e.ask(r, pinned, &c) == http.StatusOK {
		is["pinned_comment"] = c
	}
	if double {
		is["state_reason"] = "duplicate"
	}
	e.tell(w, is)
}

// editIssue remembers which issues are closed as duplicates.
func (e *emulate) editIssue(w http.ResponseWriter, r *http.Request) {
	var change struct {
		State  string
		Reason string `json:"state_reason"`
	}
	if json.NewDecoder(withCopy(r).Body).Decode(&change) == nil && change.State != "" {
		if change.Reason == "duplicate" {
			e.fill("duplicate")
		}
		e.mu.Lock()
		e.double[r.URL.Path] = change.Reason == "duplicate"
		e.mu.Unlock()
	}
	e.forward.ServeHTTP(w, r)
}

// webhook takes a webhook of emulate's and hands it on to the product, as GitHub would send it.
func (e *emulate) webhook(w http.ResponseWriter, r *http.Request) {
	n := e.hooks.Add(1)
	body, err := io.ReadAll(r.Body)
	if err != nil || !e.ready.Load() {
		return
	}
	if !hmac.Equal([]byte(signature(body)), []byte(r.Header.Get("X-Hub-Signature-256"))) {
		http.Error(w, "the signature does not fit", http.StatusUnauthorized)
		return
	}
	body = e.wholeSeconds(e.addChanges(r.Header.Get("X-GitHub-Event"), body))
	e.fill("delivery")
	again := r.Clone(r.Context())
	again.URL.Path, again.RequestURI, again.ContentLength = "/webhook", "/webhook", int64(len(body))
	again.Body = io.NopCloser(bytes.NewReader(body))
	again.Header.Set("X-GitHub-Delivery", fmt.Sprintf("00000000-0000-4000-8000-%012d", n))
	again.Header.Set("X-Hub-Signature-256", signature(body))
	e.product.ServeHTTP(w, again)
}

func signature(body []byte) string {
	mac := hmac.New(sha256.New, []byte(webhookSecret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// addChanges says in the webhook of an edited comment what was there before, as the webhook before
// it told.
func (e *emulate) addChanges(event string, body []byte) []byte {
	var p object
	if json.Unmarshal(body, &p) != nil {
		return body
	}
	comment, _ := p["comment"].(object)
	if event != "issue_comment" || comment == nil {
		return body
	}
	id, text := int64(comment["id"].(float64)), comment["body"].(string)
	e.mu.Lock()
	before, known := e.bodies[id]
	e.bodies[id] = text
	e.mu.Unlock()
	if p["action"] != "edited" || !known {
		return body
	}
	e.fill("changes")
	p["changes"] = object{"body": object{"from": before}}
	again, err := json.Marshal(p)
	if err != nil {
		return body
	}
	return again
}

// tally counts, over all stories, what was filled and what emulate answered 404 to.
type tally struct {
	mu     sync.Mutex
	filled map[string]int
	missed map[string]int
}

func (c *tally) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out strings.Builder
	out.WriteString("made up by the filler, so not attested by emulate:\n")
	for _, gap := range slices.Sorted(maps.Keys(gaps)) {
		fmt.Fprintf(&out, "%5d × %s: %s\n", c.filled[gap], gap, gaps[gap])
	}
	out.WriteString("answered 404 by emulate, and left at that:\n")
	for _, call := range slices.Sorted(maps.Keys(c.missed)) {
		fmt.Fprintf(&out, "%5d × %s\n", c.missed[call], call)
	}
	return out.String()
}
