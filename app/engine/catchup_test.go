package engine_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// paged is a page as its receiver had it.
type paged struct {
	Kind, To, Key string
	Repeats       int
	At            time.Time
}

// received lists the pages that arrived, each as its key's last part with what it was for, and how
// often one came again.
func (w *world) received() (all []paged, repeats int) {
	w.t.Helper()
	w.as("", "GET", "/sandbox/outbox", nil, &all)
	all = slices.DeleteFunc(all, func(p paged) bool { return p.Kind != "page" })
	for i, p := range all {
		key, _, _ := strings.Cut(p.Key, "@")
		all[i].Key = strings.TrimPrefix(key, w.ref.String()+"/")
		repeats += p.Repeats
	}
	return all, repeats
}

// down for a while, the product pages once it is back for what is still so, and once; not for each
// moment that passed, nor for what somebody has answered since (I5, V3).
func TestI5V3APageThatIsLateIsForWhatIsStillSo(t *testing.T) {
	for _, c := range []struct {
		name, before, during string
		away                 time.Duration
		want                 []string // who is paged when it is back
	}{
		{"nobody answered, a step is due", "", "", 7 * time.Minute,
			[]string{"incident-coordinators, platform"}},
		{"nobody answered, six steps are due", "", "", 42 * time.Minute,
			[]string{"incident-coordinators",
				"incident-coordinators, platform"}}, // for the update, and for the role
		{"somebody answered after the first", "", "wait 8m\ncarol: /ic", 12 * time.Minute, nil},
		{"somebody answered after six", "", "wait 40m\ncarol: /ic\ncarol: /ic update We work on it",
			2 * time.Minute, nil},
		{"an update is overdue", "carol: /ic", "", 27 * time.Minute, []string{"incident-coordinators"}},
		{"an update was overdue and was given", "carol: /ic", "wait 27m\ncarol: /ic update We work on it",
			3 * time.Minute, nil},
		{"three updates were overdue and were given", "carol: /ic",
			"wait 27m\ncarol: /ic update One\nwait 27m\ncarol: /ic update Two\nwait 27m\ncarol: /ic update Three", 3 * time.Minute, nil},
		{"it was called off", "", "wait 8m\nalice: /ic severity regular", 12 * time.Minute, nil},
		{"it was declined", "", "wait 8m\nalice: /incident decline nothing broke", 12 * time.Minute, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.tell(down + c.before)
			before, _ := w.received()
			w.stop()
			w.follower.Server = nil
			for _, s := range steps(c.during) {
				w.step(s)
			}
			w.advance(c.away)
			w.start()
			w.settle()
			after, repeats := w.received()
			var got []string
			for _, p := range after[len(before):] {
				got = append(got, p.To)
			}
			if skipped := strings.Count(w.card(), "**not sent** (it was late, and"); len(c.want) == 0 &&
				skipped == 0 || strings.Contains(w.card(), "could not send a page") {
				t.Errorf("the card does not say which pages were not sent:\n%s", w.card())
			}
			if !slices.Equal(got, c.want) || repeats != 0 {
				t.Errorf("when it is back %q are paged, want %q (%d repeats): %+v", got, c.want, repeats,
					after)
			}
		})
	}
}

// away lets all calls of the product fail for which is reports true, from the nth of them on, until it is
// stopped.
type away struct {
	is   func(*http.Request) bool
	from int

	mu    sync.Mutex
	calls []string
	over  bool
}

func (a *away) between(req *http.Request, send func() (*http.Response, error)) (*http.Response, error) {
	a.mu.Lock()
	isOut := false
	if a.is(req) {
		isOut = len(a.calls) >= a.from && !a.over
		a.calls = append(a.calls, req.Method+" "+req.URL.Path)
	}
	a.mu.Unlock()
	if !isOut {
		return send()
	}
	return &http.Response{StatusCode: 503, Status: "503 Service Unavailable", Proto: "HTTP/1.1",
		ProtoMajor: 1, ProtoMinor: 1, Request: req,
		Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"message":"No server is currently available"}`))}, nil
}

func (a *away) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.over = true
}

// GitHub goes away in the first look, after any of its reads: people are paged all the same, each
// step at its time and once, and when it is back the incident goes on from there.
func TestI5AnOutageThatBeginsInTheFirstLookSilencesNobody(t *testing.T) {
	skipUnderRace(t)
	// prepare makes a world whose configuration is known, and whose process has just started.
	prepare := func(t *testing.T, out *away) *world {
		w := newWorld(t)
		w.tell("alice opens \"Earlier\"\n  Summary: It is over\n  Severity: regular\n  Customers impacted: none")
		w.restart()
		w.ref.Number = 2
		out.is = func(*http.Request) bool { return true }
		w.replicas.sees(out.between)
		return w
	}
	for how, declare := range map[string]func(*world){
		"a form": func(w *world) { w.tell(down) },
		"a label": func(w *world) {
			issue := map[string]any{"title": "The API is down",
				"labels": []string{"incident", "severity/critical"}}
			w.ok("alice", "POST", "/api/v3/repos/"+w.ref.FullName()+"/issues", issue, nil)
			w.settle()
		},
		"a command": func(w *world) {
			w.ok("alice", "POST", "/api/v3/repos/"+w.ref.FullName()+"/issues",
				map[string]any{"title": "Odd", "body": "/incident critical The API is down"}, nil)
			w.settle()
		},
	} {
		t.Run(how, func(t *testing.T) {
			calm := &away{from: 1_000_000}
			w := prepare(t, calm)
			declare(w)
			w.onTime(map[string]time.Duration{"page/1": 0})
			last := slices.IndexFunc(calm.calls,
				func(c string) bool { return strings.HasSuffix(c, "/issues/2/labels") })
			if last < 4 {
				t.Fatalf("the first look makes the calls %v", calm.calls)
			}
			for from := range last + 1 {
				if testing.Short() && from%3 != 0 {
					continue
				}
				t.Run(fmt.Sprintf("away from %d on, %s", from, calm.calls[from]), func(t *testing.T) {
					t.Parallel()
					out := &away{from: from}
					w := prepare(t, out)
					declare(w)
					w.advance(12 * time.Minute)
					w.onTime(map[string]time.Duration{"page/1": 0, "page/2": 5 * time.Minute})
					out.end()
					w.advance(9 * time.Minute)
					w.onTime(map[string]time.Duration{"page/1": 0, "page/2": 5 * time.Minute,
						"page/4": 15 * time.Minute, "page/5": 20 * time.Minute})
					if labels := w.view().labels(); !slices.Contains(labels, "severity/critical") ||
						!strings.Contains(w.card(), "P1") {
						t.Errorf("when it is back the labels are %v and the card says\n%s", labels, w.card())
					}
				})
			}
		})
	}
}

// An incident that is over, or a day old, and whose card nobody finds while the timeline can't be
// read, is not new: nobody is paged.
func TestI5AnOldIncidentIsNotPagedAnewWhereLittleIsRead(t *testing.T) {
	for name, story := range map[string]string{
		"over":      "alice: /incident decline nothing broke",
		"a day old": "carol: /ic\nwait 25h",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.tell(down + story)
			w.deaf = true // or it would be pinned again
			w.ok("alice", "DELETE", fmt.Sprintf("/api/v3/repos/%s/issues/comments/%d/pin", w.ref.FullName(),
				w.view().Pinned.ID), nil, nil)
			w.settle()
			w.deaf = false
			w.lose("timers", "messages", "shelf WHERE name LIKE 'incidents/%'")
			before, _ := w.received()
			out := &away{is: func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/timeline") }}
			w.replicas.sees(out.between)
			w.comment("carol", "/incident status")
			w.settle()
			w.advance(10 * time.Minute)
			if after, _ := w.received(); len(after) != len(before) {
				t.Errorf("paged anew: %+v", after[len(before):])
			}
		})
	}
}

// onTime holds which pages arrived, each once and at its time after the incident began.
func (w *world) onTime(want map[string]time.Duration) {
	w.t.Helper()
	got := map[string]time.Duration{}
	all, repeats := w.received()
	for _, p := range all {
		if _, again := got[p.Key]; again {
			w.t.Errorf("%s arrived twice", p.Key)
		}
		got[p.Key] = p.At.Sub(began)
	}
	for key, at := range want {
		if late := got[key] - at; late < 0 || late > 2*time.Second {
			w.t.Errorf("%s came after %s, want %s", key, got[key], at)
		}
	}
	if len(got) != len(want) || repeats != 0 {
		w.t.Errorf("paged %v, want %v (%d repeats)", got, want, repeats)
	}
}

// Whatever GitHub does not answer, and however long, the steps go out at their times: also where a
// look is made and can't be finished.
func TestI5EachStepGoesOutAtItsTimeWhateverFails(t *testing.T) {
	skipUnderRace(t)
	write := func(method, suffix string) func(*http.Request) bool {
		return func(r *http.Request) bool { return r.Method == method && strings.Contains(r.URL.Path, suffix) }
	}
	for name, is := range map[string]func(*http.Request) bool{
		"all of it":         func(*http.Request) bool { return true },
		"the configuration": write("GET", "/contents/"),
		"permissions":       write("GET", "/permission"),
		"the timeline":      write("GET", "/timeline"),
		"comments":          write("POST", "/comments"),
		"the card":          write("PATCH", "/comments/"),
		"reactions":         write("POST", "/reactions"),
		"labels":            write("POST", "/labels"),
	} {
		for _, from := range []time.Duration{30 * time.Second, 4*time.Minute + 59*time.Second} {
			t.Run(fmt.Sprintf("%s, from %s on", name, from), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.tell(down)
				w.advance(from)
				out := &away{is: is}
				w.replicas.sees(out.between)
				w.comment("dan", "/incident note I look at the graphs")
				w.settle()
				w.advance(21*time.Minute - from)
				want := map[string]time.Duration{"page/1": 0, "page/2": 5 * time.Minute,
					"page/4": 15 * time.Minute, "page/5": 20 * time.Minute}
				w.onTime(want)
				out.end()
				w.advance(2 * time.Minute)
				w.onTime(want)
			})
		}
	}
}
