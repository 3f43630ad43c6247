package engine_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// replicas is between the product and the embedded GitHub, and answers reads of an incident as
// they were when it was told to hold: so GitHub's servers are behind its webhooks. What is written
// passes, and people see everything.
type replicas struct {
	mu   sync.Mutex
	held map[string]*http.Response // by path: the answer, whose body is whole
	body map[string][]byte
	auth string // with which the product read an issue last

	// between sees each call of the product, and makes it by send; nil: it is made as it is.
	between func(req *http.Request, send func() (*http.Response, error)) (*http.Response, error)
}

func (r *replicas) RoundTrip(req *http.Request) (*http.Response, error) {
	r.mu.Lock()
	between := r.between
	r.mu.Unlock()
	if between != nil {
		return between(req, func() (*http.Response, error) { return r.send(req) })
	}
	return r.send(req)
}

// sees lets something happen at each call of the product; nil: nothing.
func (r *replicas) sees(between func(*http.Request, func() (*http.Response, error)) (*http.Response, error)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.between = between
}

func (r *replicas) send(req *http.Request) (*http.Response, error) {
	r.mu.Lock()
	held, ok := r.held[req.URL.Path]
	body := r.body[req.URL.Path]
	if strings.Contains(req.URL.Path, "/incidents/issues/") {
		r.auth = req.Header.Get("Authorization")
	}
	r.mu.Unlock()
	if !ok || req.Method != http.MethodGet {
		return http.DefaultTransport.RoundTrip(req)
	}
	res := &http.Response{StatusCode: held.StatusCode, Status: held.Status, Proto: held.Proto,
		ProtoMajor: 1, ProtoMinor: 1, Request: req,
		Header: http.Header{"Content-Type": held.Header["Content-Type"]}}
	if strings.HasSuffix(req.URL.Path, "/timeline") && held.StatusCode == http.StatusOK {
		var all []json.RawMessage
		if err := json.Unmarshal(body, &all); err != nil {
			return nil, err
		}
		page, _ := strconv.Atoi(req.URL.Query().Get("page"))
		size, _ := strconv.Atoi(req.URL.Query().Get("per_page"))
		from, to := min(len(all), (page-1)*size), min(len(all), page*size)
		if to < len(all) {
			next := *req.URL
			q := next.Query()
			q.Set("page", strconv.Itoa(page+1))
			next.RawQuery = q.Encode()
			res.Header.Set("Link", fmt.Sprintf("<%s>; rel=\"next\"", &next))
		}
		if body, _ = json.Marshal(all[from:to]); from == to {
			body = []byte("[]")
		}
	}
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return res, nil
}

// hold lets the reads of the incident stay as they are now: of its "issue", its "timeline" or a
// "file" of the repository.
func (w *world) hold(reads ...string) {
	w.t.Helper()
	for _, what := range reads {
		path, query := w.issue(), ""
		switch what {
		case "timeline":
			path, query = path+"/timeline", "?per_page=100"
		case "file":
			path = "/api/v3/repos/" + w.ref.FullName() + "/contents/.github/firebreak.yml"
		}
		req, err := http.NewRequest(http.MethodGet, w.url+path+query, nil)
		if err != nil {
			w.t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer demo-alice")
		req.Header.Set("Accept", "application/vnd.github+json")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			w.t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			w.t.Fatal(err)
		}
		w.answer(path, res, body)
	}
}

// answer makes reads of a path answer so.
func (w *world) answer(path string, res *http.Response, body []byte) {
	r := &w.replicas
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held == nil {
		r.held, r.body = map[string]*http.Response{}, map[string][]byte{}
	}
	r.held[path], r.body[path] = res, body
}

// release lets all reads be as new as can be.
func (w *world) release() {
	w.replicas.mu.Lock()
	defer w.replicas.mu.Unlock()
	w.replicas.held, w.replicas.body = nil, nil
}

// asApp makes a request as the app, as another process of it does.
func (w *world) asApp(method, path string, body, into any) {
	w.t.Helper()
	var in io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			w.t.Fatal(err)
		}
		in = bytes.NewReader(text)
	}
	req, err := http.NewRequest(method, w.url+path, in)
	if err != nil {
		w.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	w.replicas.mu.Lock()
	req.Header.Set("Authorization", w.replicas.auth)
	w.replicas.mu.Unlock()
	req.Header.Set("Accept", "application/vnd.github+json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		w.t.Fatalf("%s %s as the app: %d", method, path, res.StatusCode)
	}
	if into != nil {
		if err := json.NewDecoder(res.Body).Decode(into); err != nil {
			w.t.Fatal(err)
		}
	}
}
