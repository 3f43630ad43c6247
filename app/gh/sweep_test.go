package gh_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/gh"
)

// A webhook is delivered again if none of its deliveries arrived and none is under way, once, and not if it is older.
func TestA4OnlyWhatNeverArrivedIsRedelivered(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	delivery := func(id int, guid, status string, code int, after time.Duration) string {
		return fmt.Sprintf(`{"id":%d,"guid":%q,"status":%q,"status_code":%d,"delivered_at":%q}`, id, guid, status, code, since.Add(after).Format(time.RFC3339))
	}
	list := "[" + strings.Join([]string{
		delivery(12, "waits", "pending", 0, 9*time.Minute),
		delivery(11, "asked", "pending", 0, 9*time.Minute), // somebody asked for it already
		delivery(10, "mended", "OK", 202, 8*time.Minute),
		delivery(9, "lost", "failed to connect to host", 0, 7*time.Minute),
		delivery(8, "refused", "Service Unavailable", 503, 6*time.Minute),
		delivery(7, "lost", "timed out", 504, 5*time.Minute),
		delivery(6, "asked", "Bad Gateway", 502, 4*time.Minute),
		delivery(5, "mended", "Bad Gateway", 502, 3*time.Minute),
		delivery(4, "begun", "", 0, 2*time.Minute),
		delivery(3, "arrived", "OK", 200, time.Minute),
		delivery(2, "old", "Bad Gateway", 502, -time.Minute),
	}, ",") + "]"
	var again []string
	app, err := gh.New(gh.Options{BaseURL: "https://github.test", AppID: 17, PEM: key(), Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		code, body := http.StatusOK, list
		if attempt, ok := strings.CutSuffix(r.URL.Path, "/attempts"); ok && r.Method == http.MethodPost {
			code, body = http.StatusAccepted, "{}"
			again = append(again, strings.TrimPrefix(attempt, "/api/v3/app/hook/deliveries/"))
		} else if r.URL.Path != "/api/v3/app/hook/deliveries" {
			t.Errorf("asked for %s %s", r.Method, r.URL)
		}
		return &http.Response{StatusCode: code, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	})})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := app.Redeliver(t.Context(), since); err != nil || n != 2 || !slices.Equal(again, []string{"9", "8"}) {
		t.Errorf("%d are delivered again, %q (%v)", n, again, err)
	}
}
