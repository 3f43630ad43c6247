package server

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHealthIsAsked(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1") // which must not be asked
	for name, c := range map[string]struct {
		status    int
		says      string
		out, fail string
	}{
		"healthy":       {200, "ok\n", "ok\n", ""},
		"unhealthy":     {503, "work does not get done: see the log\n", "", "503 Service Unavailable: work does not get done"},
		"somebody else": {404, "404 page not found\nmore", "", "404 Not Found: 404 page not found"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.says)
			}))
			defer server.Close()
			var out strings.Builder
			err := askHealth(t.Context(), server.URL+"/healthz", &out)
			if out.String() != c.out || (err == nil) != (c.fail == "") || err != nil && !strings.Contains(err.Error(), c.fail) {
				t.Errorf("%q, %v", out.String(), err)
			}
		})
	}
	if err := askHealth(t.Context(), "http://127.0.0.1:1/healthz", &strings.Builder{}); err == nil ||
		!strings.Contains(err.Error(), "connection refused") {
		t.Errorf("nobody there: %v", err)
	}
}
