package calendar_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-ical"
	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/calendar"
	"github.com/firebreak-dev/firebreak/app/oncall"
)

var now = time.Date(2026, 10, 20, 12, 0, 0, 0, time.UTC)

func schedule(t *testing.T) oncall.Schedule {
	t.Helper()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return oncall.Schedule{Rotations: []oncall.Rotation{
		{Name: "primary", Zone: berlin, Layers: []oncall.Layer{{Every: oncall.Period{Count: 1, Unit: oncall.Days},
			Start: oncall.Clock{Year: 2026, Month: 1, Day: 1, Hour: 2, Minute: 30},
			Turns: [][]string{{"@alice"}, {"@bob", "platform"}, {}}}}},
		{Name: "secondary", Zone: time.UTC, Layers: []oncall.Layer{{Name: "every week, the same", Every: oncall.Period{Count: 1, Unit: oncall.Weeks},
			Start: oncall.Clock{Year: 2026, Month: 1, Day: 1}, Turns: [][]string{{"@bob"}, {"@erin"}}}}},
	}, Covers: []oncall.Cover{{Rotation: "primary", From: now.Add(90 * time.Minute), Until: now.Add(100 * time.Hour), Who: "@dan", For: "@alice"}}}
}

type event struct{ From, Until, What string }

// read reads a calendar by another library.
func read(t *testing.T, content []byte) (events []event) {
	t.Helper()
	c, err := ical.NewDecoder(bytes.NewReader(content)).Decode()
	if err != nil {
		t.Fatalf("%v\n%s", err, content)
	}
	seen := map[string]bool{}
	for _, e := range c.Events() {
		from, err := e.DateTimeStart(time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		until, err := e.DateTimeEnd(time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		what, err := e.Props.Text(ical.PropSummary)
		if err != nil {
			t.Fatal(err)
		}
		if uid := e.Props.Get(ical.PropUID).Value; seen[uid] {
			t.Errorf("two events have the id %s", uid)
		} else {
			seen[uid] = true
		}
		events = append(events, event{from.UTC().Format(time.RFC3339), until.UTC().Format(time.RFC3339), what})
	}
	return events
}

func TestO1AnotherLibraryReadsTheSameShifts(t *testing.T) {
	s := schedule(t)
	want := func(name string, rotations ...string) (events []event) {
		for _, rotation := range rotations {
			for _, shift := range s.Shifts(rotation, s.At(rotation, now).From, now.Add(calendar.Ahead)) {
				who := strings.ReplaceAll(strings.Join(shift.Who, ", "), "@", "")
				if len(shift.Who) > 0 && (name == rotation || slices.Contains(shift.Who, name)) {
					events = append(events, event{shift.From.UTC().Format(time.RFC3339), shift.Until.UTC().Format(time.RFC3339),
						rotation + ": " + who})
				}
			}
		}
		return events
	}
	for name, rotations := range map[string][]string{"primary": {"primary"}, "secondary": {"secondary"},
		"@bob": {"primary", "secondary"}, "@dan": {"primary"}} {
		content, ok := calendar.Write(s, name, now)
		if !ok {
			t.Errorf("%s has no calendar", name)
			continue
		}
		if diff := cmp.Diff(want(name, rotations...), read(t, content)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for _, name := range []string{"third", "@mallory"} {
		if _, ok := calendar.Write(s, name, now); ok {
			t.Errorf("%s has a calendar", name)
		}
	}
}

func TestO1ACalendarNeedsItsSecret(t *testing.T) {
	key, former := []byte("the App's secret"), []byte("the one before")
	h := calendar.Handler{Keys: [][]byte{key, former}, Now: func() time.Time { return now },
		Schedule: func(_ context.Context, repo string) (oncall.Schedule, error) {
			if repo == "acme/away" {
				return oncall.Schedule{}, errors.New("GitHub is out")
			}
			return schedule(t), nil
		}}
	get := func(method, path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, nil))
		return w
	}
	right := calendar.Path(key, "acme/incidents", "primary")
	if w := get("GET", right); w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/calendar") ||
		len(read(t, w.Body.Bytes())) < 50 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for path, code := range map[string]int{
		calendar.Path(former, "acme/incidents", "@bob"):                            http.StatusOK,
		calendar.Path(key, "acme/away", "primary"):                                 http.StatusServiceUnavailable,
		calendar.Path([]byte("guessed"), "acme/incidents", "primary"):              http.StatusNotFound,
		calendar.Path(key, "acme/incidents", "third"):                              http.StatusNotFound,
		strings.Replace(right, "primary.ics", "secondary.ics", 1):                  http.StatusNotFound,
		strings.Replace(right, "acme/incidents", "acme/other", 1):                  http.StatusNotFound,
		calendar.Prefix + "/acme/incidents/primary.ics":                            http.StatusNotFound,
		calendar.Prefix + strings.Repeat("a", 500) + "/acme/incidents/primary.ics": http.StatusNotFound,
		strings.Replace(right, ".ics", "", 1):                                      http.StatusNotFound,
	} {
		if w := get("GET", path); w.Code != code {
			t.Errorf("%s answers %d, want %d", path, w.Code, code)
		}
	}
	if w := get("POST", right); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST answers %d", w.Code)
	}
	if w := get("HEAD", right); w.Code != http.StatusOK || w.Body.Len() > 0 {
		t.Errorf("HEAD answers %d with %d bytes", w.Code, w.Body.Len())
	}
}
