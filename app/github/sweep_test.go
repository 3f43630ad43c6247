package github_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/github"
)

// attempt is an attempt at a delivery, as GitHub lists it.
type attempt struct {
	ID          int64     `json:"id"`
	GUID        string    `json:"guid"`
	Status      string    `json:"status"`
	StatusCode  int       `json:"status_code"`
	DeliveredAt time.Time `json:"delivered_at"`
	Event       string    `json:"event"`
}

// hookServer is the part of GitHub that lists deliveries and makes them again.
type hookServer struct {
	t      *testing.T
	filter string // what the server makes of status=failure: "knows", "ignores" or "refuses" it
	all    []attempt
	answer map[int64]int // by attempt, the answer to a redelivery; 202 otherwise

	lists []string // queries of the lists
	again []int64  // attempts that are made again
}

func (h *hookServer) app() *github.App {
	app, err := github.New(github.Options{BaseURL: "https://github.test", AppID: 17, PEM: key(),
		Transport: roundTrip(h.serve)})
	if err != nil {
		h.t.Fatal(err)
	}
	return app
}

func (h *hookServer) serve(r *http.Request) (*http.Response, error) {
	answer := func(code int, body string, link string) (*http.Response, error) {
		head := http.Header{"Content-Type": {"application/json"}}
		if link != "" {
			head.Set("Link", link)
		}
		return &http.Response{StatusCode: code, Header: head, Body: io.NopCloser(strings.NewReader(body)),
			Request: r}, nil
	}
	path := strings.TrimPrefix(r.URL.Path, "/api/v3/app/hook/deliveries")
	if name, ok := strings.CutSuffix(path, "/attempts"); ok && r.Method == http.MethodPost {
		id, _ := strconv.ParseInt(strings.TrimPrefix(name, "/"), 10, 64)
		h.again = append(h.again, id)
		if code := h.answer[id]; code != 0 {
			return answer(code, `{"message":"no"}`, "")
		}
		return answer(http.StatusAccepted, "{}", "")
	}
	if path != "" {
		h.t.Errorf("asked for %s %s", r.Method, r.URL)
	}
	q := r.URL.Query()
	h.lists = append(h.lists, strings.TrimPrefix(q.Get("status")+" "+q.Get("cursor"), " "))
	failures := q.Get("status") == "failure"
	if failures && h.filter == "refuses" {
		return answer(http.StatusUnprocessableEntity, `{"message":"Invalid request."}`, "")
	}
	from, _ := strconv.Atoi(q.Get("cursor"))
	var found []attempt
	for _, a := range h.all {
		if !failures || h.filter != "knows" || a.StatusCode >= 400 {
			found = append(found, a)
		}
	}
	link := ""
	page := found[min(from, len(found)):min(from+100, len(found))]
	if from+100 < len(found) {
		link = fmt.Sprintf(`<https://github.test/x?cursor=%d>; rel="next"`, from+100)
	}
	text, err := json.Marshal(page)
	if err != nil {
		h.t.Fatal(err)
	}
	return answer(http.StatusOK, string(text), link)
}

var lostSince = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

func made(id int64, guid, status string, code int, after time.Duration) attempt {
	return attempt{id, guid, status, code, lostSince.Add(after), "issues"}
}

// A webhook is delivered again if none of its deliveries arrived and none is under way, once, and
// not if it is older; whatever the server knows of the filter for failures.
func TestA4OnlyWhatNeverArrivedIsRedelivered(t *testing.T) {
	t.Parallel()
	list := []attempt{
		made(12, "waits", "pending", 0, 9*time.Minute),
		made(11, "asked", "pending", 0, 9*time.Minute), // somebody asked for it already
		made(10, "mended", "OK", 202, 8*time.Minute),
		made(9, "lost", "failed to connect to host", 502, 7*time.Minute),
		made(8, "refused", "Service Unavailable", 503, 6*time.Minute),
		made(7, "lost", "timed out", 504, 5*time.Minute),
		made(6, "asked", "Bad Gateway", 502, 4*time.Minute),
		made(5, "mended", "Bad Gateway", 502, 3*time.Minute),
		made(4, "begun", "", 0, 2*time.Minute),
		made(3, "arrived", "OK", 200, time.Minute),
		made(2, "old", "Bad Gateway", 502, -time.Minute),
		made(1, "old", "OK", 200, -time.Hour),
	}
	for filter, lists := range map[string][]string{
		"knows":   {"failure ", ""},
		"ignores": {"failure "},
		"refuses": {"failure ", ""},
	} {
		h := &hookServer{t: t, filter: filter, all: list}
		app := h.app()
		if r, err := app.Redeliver(t.Context(), lostSince); err != nil || r.Asked != 2 ||
			!slices.Equal(h.again, []int64{8, 9}) || !slices.Equal(h.lists, lists) {
			t.Errorf("the server %s the filter: %+v, %v again, lists %q (%v)", filter, r, h.again, h.lists,
				err)
		}
		// What was asked for is not asked for again, until that has failed too.
		if r, err := app.Redeliver(t.Context(), lostSince); err != nil || r.Asked != 0 || len(h.again) != 2 {
			t.Errorf("the server %s the filter: once more %+v, %v again (%v)", filter, r, h.again, err)
		}
		h.all = append([]attempt{made(13, "lost", "Bad Gateway", 502, 20*time.Minute)}, h.all...)
		if r, err := app.Redeliver(t.Context(), lostSince); err != nil || r.Asked != 1 ||
			!slices.Equal(h.again, []int64{8, 9, 13}) {
			t.Errorf("the server %s the filter: after another failure %+v, %v again (%v)", filter, r,
				h.again, err)
		}
	}
}

// Where nothing failed a busy App's deliveries cost one call, and where something did no more pages
// than needed.
func TestA4RedeliveryCostsWhatFailed(t *testing.T) {
	t.Parallel()
	var all []attempt
	for i := range 5_000 {
		all = append(all, made(int64(9_000-i), fmt.Sprint(i), "OK", 202,
			24*time.Hour-time.Duration(i)*time.Second))
	}
	for name, c := range map[string]struct {
		failed map[int]int // place in the list → status code
		lists  int
		again  []int64
	}{
		"nothing":       {nil, 1, nil},
		"just now":      {map[int]int{50: 502}, 2, []int64{8950}},
		"a while ago":   {map[int]int{250: 502}, 4, []int64{8750}},
		"too long ago":  {map[int]int{4_000: 502, 20: 503}, 1 + 10, []int64{5000, 8980}},
		"nobody's word": {map[int]int{20: 302}, 1, nil}, // GitHub counts a redirection as a success
	} {
		h := &hookServer{t: t, filter: "knows", all: slices.Clone(all)}
		for i, code := range c.failed {
			h.all[i].Status, h.all[i].StatusCode = "failed", code
		}
		if r, err := h.app().Redeliver(t.Context(), lostSince); err != nil || r.Asked != len(c.again) ||
			!slices.Equal(h.again, c.again) || len(h.lists) != c.lists {
			t.Errorf("%s: %+v, %v again, %d lists (%v)", name, r, h.again, len(h.lists), err)
		}
	}
}

// What GitHub does not deliver again is said and does not keep the others from it; a server that is
// out ends it.
func TestA4OneRefusedRedeliveryEndsNothing(t *testing.T) {
	t.Parallel()
	var all []attempt
	for id := int64(300); id > 0; id-- {
		all = append(all, made(id, fmt.Sprint(id), "Bad Gateway", 502, time.Duration(id)*time.Second))
	}
	for name, c := range map[string]struct {
		answer               map[int64]int
		asked, refused, left int
		tried                int
		fails                bool
	}{
		"all taken":       {nil, 150, 0, 150, 150, false},
		"too old":         {map[int64]int{1: 404, 7: 422}, 148, 2, 150, 150, false},
		"one fails":       {map[int64]int{5: 500}, 149, 0, 151, 150, true},
		"GitHub is out":   {map[int64]int{3: 500, 4: 502, 5: 503}, 2, 0, 298, 5, true},
		"too many":        {map[int64]int{3: 429}, 2, 0, 298, 3, true},
		"the key is gone": {map[int64]int{1: 401, 2: 401, 3: 401}, 0, 0, 300, 3, true},
	} {
		h := &hookServer{t: t, filter: "knows", all: all, answer: c.answer}
		app := h.app()
		r, err := app.Redeliver(t.Context(), lostSince)
		if (err != nil) != c.fails || r.Asked != c.asked || len(r.Refused) != c.refused ||
			r.Left != c.left || len(h.again) != c.tried {
			t.Errorf("%s: asked %d, refused %q, left %d, tried %d (%v)", name, r.Asked, r.Refused, r.Left,
				len(h.again), err)
		}
		h.again, h.answer = nil, nil
		if r, err := app.Redeliver(t.Context(), lostSince); err != nil ||
			len(h.again) != min(c.left, 150) || r.Left != max(0, c.left-150) {
			t.Errorf("%s: then asked for %d, left %d (%v)", name, len(h.again), r.Left, err)
		}
	}
}
