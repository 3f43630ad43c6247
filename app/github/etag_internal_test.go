package github

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	lru "github.com/hashicorp/golang-lru/v2"
)

// What has not changed is asked for each time and sent once; what has changed, and what is too long
// to be kept, comes as it is.
func TestAnswersThatHaveNotChanged(t *testing.T) {
	body, asked := "one", []string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tag := `W/"` + body[:3] + `"`
		asked = append(asked, r.Header.Get("If-None-Match"))
		w.Header().Set("ETag", tag)
		w.Header().Set("X-Ratelimit-Remaining", "4999")
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("Link", `<x>; rel="next"`)
		_, _ = io.WriteString(w, body)
	}))
	defer server.Close()
	kept, err := lru.New[string, *cachedAnswer](2)
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Transport: &etagTransport{next: http.DefaultTransport, kept: kept}}
	get := func(path string) string {
		t.Helper()
		res, err := c.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != http.StatusOK || res.Header.Get("Link") == "" ||
			res.Header.Get("X-Ratelimit-Remaining") != "4999" {
			t.Errorf("%s: %s %v", path, res.Status, res.Header)
		}
		return string(text)
	}
	long := "two" + strings.Repeat("!", maxAnswerSize)
	for _, step := range []struct{ path, is, asks string }{
		{"/a", "one", ""}, {"/a", "one", `W/"one"`}, {"/b", "one", ""}, {"/search/issues?q=x", "one",
			""}, {"/search/issues?q=x", "one", ""},
		{"/a", "two", `W/"one"`}, {"/a", "two", `W/"two"`},
		{"/c", long, ""}, {"/c", long, ""},
	} {
		body = step.is
		if got := get(step.path); got != step.is {
			t.Errorf("%s returns %.10q, not %.10q", step.path, got, step.is)
		}
		if last := asked[len(asked)-1]; last != step.asks {
			t.Errorf("%s is asked for by %q, not %q", step.path, last, step.asks)
		}
	}
}
