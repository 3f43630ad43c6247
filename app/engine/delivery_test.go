package engine_test

import (
	"fmt"
	"net/http"
	"net/mail"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/templates"
)

// byMail makes pages and updates leave by SMTP, whose receiver drops no repetition.
func (w *world) byMail(post *postbox) {
	w.t.Helper()
	w.env["FIREBREAK_MAIL_URL"], w.env["FIREBREAK_SECRET_SMTP"], w.env["FIREBREAK_OUTBOUND_ALLOW"] = "", "smtp://"+post.address, "127.0.0.1"
	w.restart()
	w.change("main", `services: {email: {secret: SMTP, from: incidents@acme.example, targets: {incident-coordinators: oncall@acme.example, platform: platform@acme.example}}}
customers: {globex: {channels: [{email: gina@globex.example}]}}
escalation: {steps: [{to: [incident-coordinators]}, {after: 5m, to: [incident-coordinators, platform]}, {after: 5m, to: [phone]}]}
phones: ["On-call desk, +49 30 5550 100"]
pager: email
`)
}

// arrived counts the mails of each Message-ID, by the subject.
func (p *postbox) arrived(t testing.TB) map[string][]int {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	times, subjects := map[string]int{}, map[string]string{}
	var order []string
	for _, text := range p.mails {
		m, err := mail.ReadMessage(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		id := m.Header.Get("Message-ID") + " " + m.Header.Get("To")
		if times[id]++; times[id] == 1 {
			order = append(order, id)
		}
		subjects[id] = m.Header.Get("Subject")
	}
	all := map[string][]int{}
	for _, id := range order {
		all[subjects[id]] = append(all[subjects[id]], times[id])
	}
	return all
}

// Whatever fails after people were told, for as long as GitHub is tried again, and by the next
// process too: each page and each update leaves once (A4).
func TestA4PeopleAreToldOnceWhateverFailsAfterwards(t *testing.T) {
	skipUnderRace(t)
	for _, c := range []struct{ name, fault string }{
		{"the card", `{"match":"(PATCH|POST) .*/issues/(1/)?comments(/\\d+)?$","status":502,"count":-1}`},
		{"the card, with its answer lost",
			`{"match":"PATCH .*/issues/comments/.*","status":502,"count":-1,"applied":true}`},
		{"labels", `{"match":"POST .*/issues/1/labels$","status":502,"count":-1}`},
		{"assignees", `{"match":"POST .*/issues/1/assignees$","status":502,"count":-1}`},
		{"reactions", `{"match":"POST .*/reactions$","status":502,"count":-1}`},
		{"the pin", `{"match":"PUT .*/pin$","status":502,"count":-1}`},
		{"all writes", `{"match":"(POST|PATCH|PUT|DELETE) .*/issues/.*","status":502,"count":-1}`},
	} {
		for _, restarts := range []bool{false, true} {
			t.Run(fmt.Sprint(c.name, ", restarts ", restarts), func(t *testing.T) {
				t.Parallel()
				w, post := newWorld(t), newPostbox(t)
				w.byMail(post)
				w.order(c.fault)
				pass := func(steps string) {
					w.tell(steps)
					for range 5 {
						w.advance(9 * time.Second)
						if restarts {
							w.restart()
						}
					}
					w.settle()
				}
				pass(strings.TrimSuffix(down, "\n"))
				w.as("", "DELETE", "/sandbox/faults", nil, nil)
				w.tell("wait 1m\ncarol: /ic\nwait 1m")
				w.order(c.fault)
				pass("carol: /ic update We are on it")
				w.as("", "DELETE", "/sandbox/faults", nil, nil)
				w.tell("wait 6m")
				got := post.arrived(t)
				if !slices.Equal(got["Incident update"], []int{1}) ||
					!slices.Equal(got["P1 globex: The API is down"], []int{1}) || len(got) != 2 {
					t.Errorf("arrived: %v", got)
				}
			})
		}
	}
}

// A card that somebody deletes soon after a page, and with it every comment, pages nobody again, by
// the next process either (A4).
func TestA4ADeletedCardPagesNobodyAgain(t *testing.T) {
	for _, after := range []string{"1s", "2m", "4m", "14m"} {
		for _, all := range []bool{false, true} {
			t.Run(fmt.Sprint(after, " ", all), func(t *testing.T) {
				t.Parallel()
				w, post := newWorld(t), newPostbox(t)
				w.byMail(post)
				w.tell(down + "wait " + after)
				before := fmt.Sprint(post.arrived(t))
				said := len(w.said("firebreak:did page/"))
				w.restart()
				for _, c := range w.list() {
					if all && strings.HasSuffix(c.User.Login, "[bot]") ||
						strings.Contains(c.Body, "firebreak:card") {
						w.ok("bob", "DELETE", fmt.Sprintf("/api/v3/repos/acme/incidents/issues/comments/%d",
							c.ID), nil, nil)
					}
				}
				w.tell("wait 20s")
				if got := fmt.Sprint(post.arrived(t)); got != before {
					t.Errorf("arrived %v, and before %v", got, before)
				}
				want := said
				if all {
					want = 0
				}
				if again := w.said("firebreak:did page/"); len(again) != want {
					t.Errorf("%d mentions, want %d: %q", len(again), want, again)
				}
				if w.card() == "(none)" {
					t.Error("there is no card")
				}
			})
		}
	}
}

// A process that is asked to end right after a receiver has answered pages and informs nobody again
// with the next one, whether the look may finish or is cut off (A4).
func TestA4APageOfAProcessThatEndsLeavesOnce(t *testing.T) {
	for _, patience := range []time.Duration{0, time.Minute} {
		for _, kind := range []string{"page", "announce"} {
			t.Run(fmt.Sprint(kind, ", patience ", patience), func(t *testing.T) {
				t.Parallel()
				var w *world
				var armed atomic.Bool
				ending := make(chan struct{})
				w = newWorldJudged(t,
					map[string]map[string]string{"acme/incidents": templates.Repository()}, func(h http.Handler) http.Handler {
						return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
							h.ServeHTTP(rw, r)
							if r.URL.Path == "/sandbox/receive/"+kind && armed.CompareAndSwap(true, false) {
								_ = http.NewResponseController(rw).Flush()
								w.end()
								close(ending)
							}
						})
					})
				w.patience = patience
				w.restart()
				if kind == "announce" {
					w.tell(declared)
				}
				armed.Store(true)
				if kind == "page" {
					w.act("alice", "opens", `"The API is down"`,
						[]string{"Summary: Customers get 502", "Severity: critical",
							"Customers impacted: globex"})
				} else {
					w.comment("carol", "/ic update We are on it")
				}
				<-ending
				w.restart()
				w.tell("wait 1m")
				for _, e := range w.outbox() {
					if e.Count != 1 {
						t.Errorf("%s left %d times", e.Key, e.Count)
					}
				}
				if w.card() == "(none)" {
					t.Error("there is no card")
				}
			})
		}
	}
}
