package vendors_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/moving"
	"github.com/firebreak-dev/firebreak/app/moving/vendors"
)

var from = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)

// serve answers by path and notes what was asked. The first request is refused as one too many.
func serve(t *testing.T, header, value string, answers map[string]string) (vendors.Reader, *[]string) {
	t.Helper()
	var asked []string
	first := true
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		asked = append(asked, req.Method+" "+req.URL.RequestURI())
		if got := req.Header.Get(header); got != value {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if first {
			first = false
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		for path, answer := range answers {
			if req.URL.Path == path && (!strings.Contains(answer, "SECOND") || req.URL.Query().Get("offset") != "2") {
				_, _ = w.Write([]byte(strings.ReplaceAll(answer, "SECOND", "http://elsewhere.example"+path+"?offset=2")))
				return
			}
		}
		_, _ = w.Write([]byte(`{"data":[]}`))
	}))
	t.Cleanup(s.Close)
	var slept time.Duration
	t.Cleanup(func() {
		if !t.Failed() && !first && slept != 7*time.Second {
			t.Errorf("it waited %s, and was asked to wait 7 s", slept)
		}
	})
	return vendors.Reader{Base: s.URL, HTTP: s.Client(), Sleep: func(_ context.Context, d time.Duration) error {
		slept += d
		return nil
	}}, &asked
}

func sample(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile("../testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func isReadOnly(t *testing.T, asked []string) {
	t.Helper()
	for _, a := range asked {
		if !strings.HasPrefix(a, "GET ") {
			t.Errorf("it sent %s", a)
		}
	}
}

func TestOpsgenieIsRead(t *testing.T) {
	r, asked := serve(t, "Authorization", "GenieKey k", map[string]string{
		"/v2/schedules":              `{"data":[{"id":"s1","name":"Core","timezone":"UTC","rotations":[]}],"paging":{"next":"SECOND"}}`,
		"/v2/schedules/s1/timeline":  `{"data":{"_parent":{"id":"s1"},"startDate":"2026-12-01T00:00:00Z","endDate":"2026-12-29T00:00:00Z","finalTimeline":{"rotations":[]}}}`,
		"/v2/schedules/s1/overrides": `{"data":[{"_parent":{"id":"s1"},"user":{"type":"user","id":"u","username":"a@acme.example"},"startDate":"2026-12-02T00:00:00Z","endDate":"2026-12-03T00:00:00Z"}]}`,
		"/v2/escalations":            `{"data":[{"id":"e","name":"P1","rules":[]}]}`,
		"/v2/teams":                  `{"data":[{"id":"t1","name":"Platform"}]}`,
		"/v2/teams/t1":               `{"data":{"id":"t1","name":"Platform","members":[{"user":{"id":"u","username":"a@acme.example"}}]}}`,
	})
	r.Key = "k"
	docs, err := r.ReadOpsgenie(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	isReadOnly(t, *asked)
	e, err := moving.ReadOpsgenie(docs)
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Schedules) != 1 || len(e.Schedules[0].Overrides) != 1 || !e.Schedules[0].RenderedFrom.Equal(from) ||
		len(e.Policies) != 1 || len(e.Teams) != 1 || len(e.Teams[0].Members) != 1 {
		t.Errorf("read %+v", e)
	}
	if all := strings.Join(*asked, "\n"); !strings.Contains(all, "/v2/schedules?offset=2") ||
		!strings.Contains(all, "timeline?date=2026-12-01T00%3A00%3A00Z&interval=4&intervalUnit=weeks") {
		t.Errorf("asked:\n%s", all)
	}
}

func TestPagerDutyIsRead(t *testing.T) {
	whole := sample(t, "pagerduty/schedule.json")
	r, asked := serve(t, "Authorization", "Token token=k", map[string]string{
		"/schedules":           `{"schedules":[{"id":"PSCHED1","name":"Core"}],"more":false}`,
		"/schedules/PSCHED1":   whole,
		"/escalation_policies": sample(t, "pagerduty/escalation_policies.json"),
		"/teams":               sample(t, "pagerduty/teams.json"),
		"/users":               sample(t, "pagerduty/users.json"),
	})
	r.Key = "k"
	docs, err := r.ReadPagerDuty(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	isReadOnly(t, *asked)
	e, err := moving.ReadPagerDuty(docs)
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Schedules) != 1 || len(e.Schedules[0].Parts) != 2 || len(e.Schedules[0].Rendered) == 0 ||
		len(e.Policies) != 1 || len(e.Teams) != 1 || len(e.Teams[0].Members) == 0 {
		t.Errorf("read %+v", e)
	}
}

func TestARefusedKeyIsSaid(t *testing.T) {
	for name, read := range map[string]func(vendors.Reader) error{
		"Opsgenie":  func(r vendors.Reader) error { _, err := r.ReadOpsgenie(t.Context(), from); return err },
		"PagerDuty": func(r vendors.Reader) error { _, err := r.ReadPagerDuty(t.Context(), from); return err },
	} {
		r, _ := serve(t, "X-Nobody", "has it", nil)
		r.Key = "sesame-street"
		r.Sleep = func(context.Context, time.Duration) error { return nil }
		err := read(r)
		if err == nil || !strings.Contains(err.Error(), "--region eu") || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What the vendor refuses to show of one schedule or team is said, and the others are read.
func TestOneRefusedScheduleDoesNotEndTheImport(t *testing.T) {
	for name, c := range map[string]struct {
		refused  string
		lists    map[string]string
		read     func(vendors.Reader) ([]moving.Document, error)
		want     string
		schedule string
	}{
		"Opsgenie": {"/v2/schedules/s1/timeline", map[string]string{
			"/v2/schedules": `{"data":[{"id":"s1","name":"Core"},{"id":"s2","name":"Web"}]}`},
			func(r vendors.Reader) ([]moving.Document, error) { return r.ReadOpsgenie(t.Context(), from) },
			"schedule Core, calendar", "/v2/schedules/s2/timeline"},
		"PagerDuty": {"/schedules/P1", map[string]string{
			"/schedules":    `{"schedules":[{"id":"P1","name":"Core"},{"id":"P2","name":"Web"}],"more":false}`,
			"/schedules/P2": `{"schedule":{"id":"P2","name":"Web"}}`},
			func(r vendors.Reader) ([]moving.Document, error) { return r.ReadPagerDuty(t.Context(), from) },
			"schedule Core", "/schedules/P2"},
	} {
		for status, isFatal := range map[int]bool{http.StatusForbidden: false, http.StatusNotFound: false,
			http.StatusUnauthorized: true, http.StatusInternalServerError: true} {
			var asked []string
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				asked = append(asked, req.URL.Path)
				if req.URL.Path == c.refused {
					w.WriteHeader(status)
					return
				}
				if answer, ok := c.lists[req.URL.Path]; ok {
					_, _ = w.Write([]byte(answer))
					return
				}
				_, _ = w.Write([]byte(`{"data":[]}`))
			}))
			var left []moving.Note
			_, err := c.read(vendors.Reader{Base: s.URL, HTTP: s.Client(), Key: "k",
				Sleep: func(context.Context, time.Duration) error { return nil },
				Left:  func(n moving.Note) { left = append(left, n) }})
			s.Close()
			if isFatal != (err != nil) {
				t.Errorf("%s, %d: %v", name, status, err)
			}
			if !isFatal && (len(left) != 1 || left[0].Where != c.want || !slices.Contains(asked, c.schedule)) {
				t.Errorf("%s, %d: left %v, asked %v", name, status, left, asked)
			}
		}
	}
}

func TestNothingIsChanged(t *testing.T) {
	req, _ := http.NewRequest(http.MethodPost, "https://api.opsgenie.example/v2/alerts", nil)
	if _, err := (vendors.Reader{}).Do(req); err == nil {
		t.Error("a POST was sent")
	}
}
