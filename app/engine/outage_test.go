package engine_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/oncall"
	"github.com/firebreak-dev/firebreak/templates"
)

// pages lists the pages that left because nobody answered, each as its key's last part.
func (w *world) pages() (keys []string) {
	w.t.Helper()
	for _, s := range w.outbox() {
		if s.Kind == "page" && strings.Contains(s.Text, "no Incident Coordinator yet") {
			// of one that went out blindly
			key, _, _ := strings.Cut(strings.TrimPrefix(s.Key, w.ref.String()+"/"), "@")
			keys = append(keys, key)
		}
	}
	return keys
}

// The escalation of an incident that nobody answers goes on while GitHub can't be asked, in a
// process that started in between too; when it is back nobody is paged twice, and the card says who
// was.
func TestI5TheEscalationWaitsForNoGitHub(t *testing.T) {
	for name, fault := range map[string]string{"an outage": `{"outage":"12m"}`,
		"the rate's limit": `{"rate_limit":"primary","retry_after":"12m"}`} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.tell("alice opens \"The API is down\"\n  Summary: Customers get 502\n  Severity: critical\n  Customers impacted: globex")
			w.settle()
			if got := w.pages(); !slices.Equal(got, []string{"page/1"}) {
				t.Fatalf("paged %v", got)
			}
			w.order(fault)
			w.tell("wait 1m")
			w.restart()
			w.tell("wait 10m")
			if got := w.pages(); !slices.Equal(got, []string{"page/1", "page/2"}) {
				t.Errorf("while GitHub can't be asked %v are paged", got)
			}
			w.as("", "DELETE", "/sandbox/faults", nil, nil)
			w.tell("wait 10m")
			// the third calls by phone
			if got := w.pages(); !slices.Equal(got, []string{"page/1", "page/2", "page/4", "page/5"}) {
				t.Errorf("when it is back %v are paged", got)
			}
			if card := w.card(); !strings.Contains(card, "10:45 by webhook") {
				t.Errorf("the card says\n%s", card)
			}
		})
	}
}

// A comment that was written during an outage waits for GitHub, and the escalation does not wait
// with it (A8).
func TestA8ACommentDuringAnOutageHoldsUpNoPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tell("alice opens \"The API is down\"\n  Summary: Customers get 502\n  Severity: critical\n  Customers impacted: globex")
	w.order(`{"match":"GET .*/issues/1$","status":502,"count":1000}`)
	w.tell("wait 1m\nbob: I have a look\nwait 7m")
	if got := w.pages(); !slices.Equal(got, []string{"page/1", "page/2"}) {
		t.Errorf("while GitHub fails %v are paged", got)
	}
}

// An answer at the pager ends the escalation though GitHub does not know of it, and what was due
// after it is not made up for.
func TestI5AnAnswerWhileGitHubIsOutIsHeard(t *testing.T) {
	w := newWorld(t)
	w.tell("alice opens \"The API is down\"\n  Summary: Customers get 502\n  Severity: critical\n  Customers impacted: globex")
	w.settle()
	key := w.outbox()[0].Key
	w.order(`{"outage":"30m"}`)
	w.tell("wait 1m")
	w.post("/intake/opsgenie", "application/json",
		fmt.Sprintf(`{"action":"Acknowledge","source":{"name":"web","type":"web"},"alert":{"alertId":"1","alias":%q,"message":"x","username":"dan@acme.example","updatedAt":%d}}`,
			key, began.UnixMilli()+60_000))
	w.tell("wait 9m")
	if got := w.pages(); !slices.Equal(got, []string{"page/1"}) {
		t.Errorf("paged %v after the answer", got)
	}
	// dan has not taken the role for ten minutes, and a try of the queue is as late as that
	w.tell("wait 12m")
	if got := w.pages(); !slices.Contains(got, "page/2") {
		t.Errorf("paged %v while GitHub is out and nobody has taken the role", got)
	}
	w.as("", "DELETE", "/sandbox/faults", nil, nil)
	w.tell("wait 10m")
	if card := w.card(); !strings.Contains(card, "dan@acme.example") {
		t.Errorf("the card says\n%s", card)
	}
}

// Who takes over on GitHub while the app can't read it is paged once in vain, and what is asked
// later is another page.
func TestI5APageInVainHidesNoOther(t *testing.T) {
	w := newWorld(t)
	w.tell("alice opens \"The API is down\"\n  Summary: Customers get 502\n  Severity: critical\n  Customers impacted: globex")
	w.settle()
	w.order(`{"outage":"12m"}`)
	w.comment("carol", "/ic")
	w.tell("wait 12m")
	if got := w.pages(); !slices.Equal(got, []string{"page/1", "page/2"}) {
		t.Fatalf("while GitHub is out %v are paged", got)
	}
	w.as("", "DELETE", "/sandbox/faults", nil, nil)
	w.tell("wait 6m")
	before := len(w.outbox())
	w.comment("carol", "/ic escalate nobody here knows the network")
	w.settle()
	if sent := w.outbox()[before:]; len(sent) != 1 || sent[0].Key != w.ref.String()+"/page/2" {
		t.Errorf("asked for help the outbox gains %v", sent)
	}
}

// A failure on the way to GitHub is an outage on each leg of the way: where the App asks who it is,
// finds its installation, gets a token, or reads. Escalations go on whatever it is, also in a
// process that has neither token nor name yet, and when GitHub is back the incident goes on by
// itself (I5).
func TestI5EveryLegOfTheWayMayFail(t *testing.T) {
	skipUnderRace(t)
	t.Parallel()
	for _, leg := range []string{`GET .*/app$`, `GET .*/installation$`, `POST .*/access_tokens$`,
		`GET .*/issues/1$`, `GET .*/timeline$`, `.*`} {
		for _, status := range []int{401, 408, 500, 502, 503, 504} {
			t.Run(fmt.Sprintf("%d of %s", status, leg), func(t *testing.T) {
				t.Parallel()
				w := unjudged(t)
				w.tell("alice opens \"The API is down\"\n  Summary: Customers get 502\n  Severity: critical\n  Customers impacted: globex")
				w.settle()
				w.order(fmt.Sprintf(`{"match":%q,"status":%d,"count":1000000}`, leg, status))
				w.restart()
				w.tell("bob: I have a look\nwait 12m")
				if got := w.pages(); !slices.Contains(got, "page/2") {
					t.Errorf("while it fails %v are paged", got)
				}
				w.as("", "DELETE", "/sandbox/faults", nil, nil)
				w.tell("wait 10m\ncarol: /ic")
				if card := w.card(); !strings.Contains(card, "10:45 by webhook") ||
					!strings.Contains(card, "Incident Coordinator") || !strings.Contains(card, "carol") {
					t.Errorf("when it is back the card says\n%s", card)
				}
			})
		}
	}
}

// A look that breaks off before all is read holds up no page: of an incident that has its card, of one whose
// card was lost, which is built again from the whole timeline, and of one that is new (I5).
func TestI5AQuestionWithoutAnAnswerHoldsUpNoPage(t *testing.T) {
	skipUnderRace(t)
	t.Parallel()
	const asked = `{"match":"GET .*/permission$","status":502,"count":1000000}`
	for name, isLost := range map[string]bool{"with its card": false, "its card is lost": true, "new": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := unjudged(t)
			if name == "new" {
				w.order(asked)
			}
			w.tell(critical)
			w.settle()
			w.order(asked)
			if isLost {
				w.ok("alice", "DELETE", fmt.Sprintf("/api/v3/repos/acme/incidents/issues/comments/%d",
					w.view().Pinned.ID), nil, nil)
			}
			w.restart() // who may respond is not known any more
			w.tell("bob: /incident note The disks are full\nwait 12m")
			if got := w.pages(); !slices.Contains(got, "page/1") || !slices.Contains(got, "page/2") {
				t.Errorf("while nobody says who bob is %v are paged", got)
			}
			w.as("", "DELETE", "/sandbox/faults", nil, nil)
			w.tell("wait 10m")
			if card := w.card(); !strings.Contains(card, "10:45 by webhook") || !strings.Contains(card, "bob | [note]") {
				t.Errorf("afterwards the card says\n%s", card)
			}
		})
	}
}

// GitHub goes away at any call of the first look that an incident ever gets: people are paged within a
// minute, by the configuration where that was read before (I5).
func TestI5GitHubGoesAwayInTheFirstLook(t *testing.T) {
	skipUnderRace(t)
	t.Parallel()
	for name, onCall := range map[string]string{"with rotations": rotations, "without": ""} {
		files := maps.Clone(templates.Repository())
		if onCall != "" {
			files[config.Path], files[oncall.Path] = escalatesToRotations, onCall
		}
		known := 0
		for n := 1; n <= 12; n++ {
			t.Run(fmt.Sprintf("%s, at call %d", name, n), func(t *testing.T) {
				var calls atomic.Int64
				var isRead atomic.Bool
				w := newWorldJudged(t, map[string]map[string]string{"acme/incidents": files},
					func(h http.Handler) http.Handler {
						return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
							isOurs := strings.HasPrefix(r.URL.Path, "/api/v3/") &&
								!strings.Contains(r.Header.Get("Authorization"), "demo-")
							if isOurs && calls.Load() > 0 && calls.Add(1) > int64(n) {
								http.Error(rw, "{}", http.StatusServiceUnavailable)
								return
							}
							if isOurs && strings.HasSuffix(r.URL.Path, "/contents/"+config.Path) {
								isRead.Store(true)
							}
							h.ServeHTTP(rw, r)
						})
					})
				calls.Store(1)
				w.tell(critical + "wait 1m")
				if got := w.everybodyPaged(); isRead.Load() && len(got) != 1 {
					t.Errorf("paged %q", got)
				}
				if isRead.Load() {
					known++
				}
			})
		}
		if known < 3 {
			t.Errorf("%s: the configuration was read in %d of them only", name, known)
		}
	}
}

// One refusal of a look, or an hour of them, ends no incident that runs: people are paged from what
// is kept, and afterwards its clocks go on (A8).
func TestA8ARefusedLookEndsNoIncident(t *testing.T) {
	skipUnderRace(t)
	t.Parallel()
	for _, leg := range []string{`GET .*/installation$`, `POST .*/access_tokens$`, `GET .*/issues/1$`,
		`GET .*/timeline$`} {
		for _, status := range []int{403, 404, 410, 422, 451} {
			for _, count := range []int{1, 1_000_000} {
				t.Run(fmt.Sprintf("%d of %s, %d times", status, leg, count), func(t *testing.T) {
					t.Parallel()
					w := unjudged(t)
					w.tell("alice opens \"The API is down\"\n  Summary: Customers get 502\n  Severity: critical\n  Customers impacted: globex")
					w.settle()
					w.tell("wait 4m")
					w.restart() // nothing is known but what is kept
					w.order(fmt.Sprintf(`{"match":%q,"status":%d,"count":%d}`, leg, status, count))
					w.tell("wait 1m\ncarol: /ic\nwait 65m")
					if count > 1 {
						if got := w.pages(); !slices.Contains(got, "page/2") {
							t.Errorf("while looks are refused %v are paged", got)
						}
						w.as("", "DELETE", "/sandbox/faults", nil, nil)
						w.tell("wait 31m") // the distance of two looks at most
					}
					labels := strings.Join(w.view().labels(), " ")
					if !strings.Contains(w.card(), "carol") || !strings.Contains(labels, "update-overdue") {
						t.Errorf("afterwards: %s, and the card says\n%s", labels, w.card())
					}
					for _, c := range w.list() {
						if c.Body == "/ic" && reactionsOf(c) != "+1" {
							t.Errorf("the command is answered by %q", reactionsOf(c))
						}
					}
				})
			}
		}
	}
}

// A process that starts knows nothing of an incident for which nobody was paged. The sweep finds
// it, and GitHub refuses the look for some minutes: what is due later must not be forgotten with
// that (found by seed 205 of TestA4InvariantsHold).
func TestA8ALookThatTheSweepAskedForMayBeRefused(t *testing.T) {
	t.Parallel()
	w := unjudged(t)
	w.tell("alice opens \"The API is slow\"\n  Severity: regular\nwait 1m")
	before := len(w.list())
	w.restart()
	w.order(`{"match":"GET .*/issues/1$","status":404,"count":1000000}`)
	if err := w.product.SweepOpen(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.tell("wait 8m")
	w.as("", "DELETE", "/sandbox/faults", nil, nil)
	w.tell("wait 15m")
	if len(w.list()) == before {
		t.Error("nobody is reminded of what the report lacks")
	}
}

// An issue that GitHub says was deleted is left alone after ten minutes, and nobody is paged for it
// any longer.
func TestADeletedIncidentIsLeft(t *testing.T) {
	t.Parallel()
	var isDeleted atomic.Bool
	w := newWorldJudged(t, map[string]map[string]string{"acme/incidents": templates.Repository()},
		func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if isDeleted.Load() && strings.HasSuffix(r.URL.Path, "/issues/1") {
					rw.WriteHeader(http.StatusGone)
					_, _ = rw.Write([]byte(`{"message":"This issue was deleted"}`))
					return
				}
				h.ServeHTTP(rw, r)
			})
		})
	w.tell("alice opens \"The API is down\"\n  Summary: Customers get 502\n  Severity: critical\n  Customers impacted: globex")
	w.settle()
	isDeleted.Store(true)
	w.advance(30 * time.Minute)
	before := len(w.outbox())
	w.advance(3 * time.Hour)
	if n := len(w.outbox()); n != before {
		t.Errorf("%d pages after the incident was deleted", n-before)
	}
}
