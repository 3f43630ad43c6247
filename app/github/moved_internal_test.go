package github

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// A read follows a redirect. A write to a ticket does, as what it is and with its text; one to an
// incident under an old name does not, and neither becomes a read, as Go would make of it after a
// 301.
func TestWhichRedirectsAreFollowed(t *testing.T) {
	elsewhere := httptest.NewServer(http.NotFoundHandler())
	defer elsewhere.Close()
	var arrived string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/circle":
			http.Redirect(w, r, "/circle", http.StatusMovedPermanently)
		case r.URL.Path == "/away":
			http.Redirect(w, r, elsewhere.URL, http.StatusMovedPermanently)
		case strings.HasPrefix(r.URL.Path, "/301"):
			http.Redirect(w, r, "/new", http.StatusMovedPermanently)
		case strings.HasPrefix(r.URL.Path, "/307"):
			http.Redirect(w, r, "/new", http.StatusTemporaryRedirect)
		default:
			body, _ := io.ReadAll(r.Body)
			arrived = r.Method + " " + string(body)
		}
	}))
	defer server.Close()
	for _, c := range []struct {
		method, path string
		follow       bool
		want         string // empty: nothing arrives, and the request fails
		later        bool
	}{
		{"GET", "/301", false, "GET ", false},
		{"GET", "/307", false, "GET ", false},
		{"POST", "/307", true, "POST text", false},
		{"PATCH", "/307", true, "PATCH text", false},
		{"POST", "/307", false, "", true},
		{"PATCH", "/301", true, "", true},
		{"PATCH", "/301", false, "", true},
		{"GET", "/circle", true, "", false},
		{"GET", "/away", true, "", false},
	} {
		arrived = ""
		client := http.Client{CheckRedirect: redirects(c.follow,
			func() time.Time { return time.Unix(100, 0) })}
		var body io.Reader
		if c.method != "GET" {
			body = strings.NewReader("text")
		}
		req, err := http.NewRequestWithContext(t.Context(), c.method, server.URL+c.path, body)
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(req)
		if err == nil {
			res.Body.Close()
		}
		var later *ports.RetryAfter
		if arrived != c.want || (err == nil) != (c.want != "") || errors.As(err, &later) != c.later {
			t.Errorf("%s %s (follow %t): %q arrives, and %v", c.method, c.path, c.follow, arrived, err)
		}
		if later != nil && !later.Until.Equal(time.Unix(101, 0)) {
			t.Errorf("%s %s comes back at %s", c.method, c.path, later.Until)
		}
	}
}

func TestPlaceOf(t *testing.T) {
	for page, want := range map[string]string{
		"https://github.com/acme/p1/issues/7":                 "acme/p1#7",
		"https://github.example.com/base/acme/p.1/pull/12":    "acme/p.1#12",
		"https://github.com/acme/p1/discussions/7":            "",
		"https://github.com/acme/p1/issues/new":               "",
		"https://github.com/issues/7":                         "",
		"":                                                    "",
		"https://github.com/acme/p1/issues/7#issuecomment-12": "acme/p1#7",
	} {
		ref, ok := placeOf(page)
		if ok != (want != "") || ok && ref.String() != want {
			t.Errorf("%s is of %s (%t), want %q", page, ref, ok, want)
		}
	}
	if isSameName(incident.Ref{Owner: "a", Repo: "b", Number: 1},
		incident.Ref{Owner: "A", Repo: "B", Number: 2}) {
		t.Error("another number is the same name")
	}
}
