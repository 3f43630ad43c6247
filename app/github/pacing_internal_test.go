package github

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-github/v60/github"
)

// A GraphQL query is posted and counts as a read: it takes one point, and keeps no write waiting. A
// mutation counts as a write.
func TestAQueryCountsAsARead(t *testing.T) {
	points := map[string]int{}
	c := github.NewClient(&http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(req.Body)
		kind, _, _ := strings.Cut(strings.TrimPrefix(string(body), `{"query":"`), "{")
		points[strings.TrimSpace(kind)], _ = costOf(req)
		rec := httptest.NewRecorder()
		rec.WriteString(`{"data":{}}`)
		return rec.Result(), err
	})})
	for _, text := range []string{"query { viewer { login } }", "mutation { x { y } }"} {
		if _, err := query(context.Background(), c, text, nil, &struct{}{}); err != nil {
			t.Fatal(err)
		}
	}
	if points["query"] != 1 || points["mutation"] != 5 {
		t.Errorf("points: %v", points)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
