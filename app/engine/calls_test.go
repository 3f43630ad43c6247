package engine_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/command"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/templates"
)

// pricedCommand is a command whose calls are counted.
type pricedCommand struct {
	who, text string
	prepare   string // a story line that isn't counted
}

// priced is the commands once, in the order of an incident, and what some of them need before.
var priced = []pricedCommand{
	{who: "carol", text: "/incident status"},
	{who: "carol", text: "/incident help"},
	{who: "carol", text: "/incident note 10:41 seen first"},
	{who: "alice", text: "/oe finding The load balancer drops half of the connections"},
	{who: "alice", text: "/oe action Restarted the load balancer"},
	{who: "carol", text: "/ic pin"},
	{who: "carol", text: "/ic unpin"},
	{who: "carol", text: "/ic @dan"},
	{who: "dan", text: "/ic"},
	{who: "dan", text: "/ic @carol"},
	{who: "carol", text: "/ic severity critical", prepare: "carol: /ic"},
	{who: "alice", text: "/oe @erin"},
	{who: "erin", text: "/oe drop", prepare: "erin: /oe"},
	{who: "erin", text: "/oe"},
	{who: "alice", text: "/oe cause A certificate ran out"},
	{who: "carol", text: "/ic phase fixing"},
	{who: "carol", text: "/ic update We know what it is"},
	{who: "carol", text: "/ic told globex by phone"},
	{who: "carol", text: "/ic snooze 10m in a call"},
	{who: "carol", text: "/ic customer add initech"},
	{who: "carol", text: "/ic customer remove initech"},
	{who: "carol", text: "/ic escalate @dan we need one more"},
	{who: "carol", text: "/ic followup acme/payments Add a limit @erin"},
	// changes the one above, which has no ticket yet
	{who: "carol", text: "/ic followup 1 @dan due:2026-03-20"},
	{who: "carol", text: "/ic sevrity regular"}, // misspelt: answered with what was meant
	{who: "alice", text: "/oe workaround By hand"},
	{who: "alice", text: "/oe fix A new certificate"},
	{who: "carol", text: "/ic phase monitoring"},
	{who: "alice", text: "/oe regression It is back"},
	{who: "carol", text: "/ic agree Gina sees no errors",
		prepare: "carol: /ic phase monitoring because it stopped by itself"},
	{who: "carol", text: "/ic close", prepare: "wait 24h"},
	{who: "carol", text: "/ic postmortem"},
}

// allPriced returns priced and, before the incident is closed, the commands that it lacks, as their
// rows have them.
func allPriced() (all []pricedCommand) {
	covered := map[incident.Kind]bool{incident.Declare: true, incident.Decline: true, incident.Duplicate: true} // see price
	for _, p := range priced {
		covered[kindOf(p.text)] = true
	}
	for _, p := range priced {
		if kindOf(p.text) == incident.Agree {
			for _, row := range incident.Commands {
				who := "carol"
				if row.Verbs[0] == incident.VerbOE {
					who = "alice"
				}
				if !covered[row.Kind] {
					all = append(all, pricedCommand{who: who, text: row.Example})
				}
			}
		}
		all = append(all, p)
	}
	return all
}

// taps is the boxes of the card in the order of an incident (A9), with the lines of a story that some
// of them need before.
var taps = []struct {
	who, label string
	prepare    []string
}{
	{who: "alice", label: "I operate"},
	{who: "carol", label: "This is a P1"},
	{who: "carol", label: "I coordinate"},
	{who: "carol", label: "Page more people"},
	{who: "carol", label: "Go on to Monitoring", prepare: []string{"carol: /ic update We look into it",
		"alice: /oe cause A memory limit", "alice: /oe workaround The old limit"}},
	{who: "carol", label: "Close up", prepare: []string{"carol: /ic agree Gina sees no errors", "wait 24h"}},
}

// priceTaps taps each box once and counts the calls, cold as price does.
func priceTaps(w *world, cold bool) (costs []cost) {
	w.t.Helper()
	w.act("mallory", "opens", `"Checkout fails"`, []string{"Summary: Orders of globex fail",
		"Severity: critical", "Customers impacted: globex"})
	for _, tap := range taps {
		for _, line := range tap.prepare {
			w.settle()
			w.tell(line)
		}
		w.settle()
		if cold {
			w.restart()
			w.settle() // its first sweep
		}
		w.calls()
		w.act(tap.who, "ticks", tap.label, nil)
		w.settle()
		costs = append(costs, costOf(tap.label, w.calls()))
	}
	return costs
}

// dear are the commands that may cost more than six calls: they write several documents, have what
// changed looked for, or write into another repository.
var dear = map[incident.Kind]bool{incident.Close: true, incident.Postmortem: true, incident.Declare: true,
	incident.Started: true, incident.FindChanges: true, incident.ClearChange: true,
	incident.Revert: true, incident.NameService: true,
	incident.StartFreeze: true, incident.LetThrough: true, incident.EndFreeze: true, incident.RefuseDeployments: true}

// A warm command costs at most six calls, and as many after 2,000 comments as after 10. The golden
// table is the documented one; a cold one is the first of a process, which has neither token nor
// configuration.
func TestACommandCostsTheSameWhateverWasSaidBefore(t *testing.T) {
	skipUnderRace(t)
	long := 2000 // 20 pages
	few, many, cold := price(newWorld(t), 10, false), price(unjudged(t), long, false), price(newWorld(t),
		10, true)
	var table strings.Builder
	table.WriteString("| command | calls, warm | cold |\n|---|---|---|\n")
	covered := map[incident.Kind]bool{}
	for i, p := range few {
		fmt.Fprintf(&table, "| `%s` | %d | %d |\n", p.text, p.calls, cold[i].calls)
		kind := kindOf(p.text)
		covered[kind] = true
		most := 6
		if kind == incident.Duplicate {
			most += 4 // the look of the other incident, which gets what this one had
		}
		if kind == incident.FindPast {
			most += 3 // the search, and the look that shows what it found
		}
		if kind == incident.TakeIC {
			most++ // the brief of whoever takes over from somebody
		}
		isDear := dear[kind]
		if kind == incident.Close {
			most, isDear = 20, false // the tickets, the postmortem, its reviews and its check among them
		}
		if p.calls > most && !isDear {
			t.Errorf("%s costs %d calls", p.text, p.calls)
		}
		// they read the whole timeline
		if many[i].calls != p.calls && kind != incident.Close && kind != incident.Postmortem {
			t.Errorf("%s costs %d calls after 10 comments and %d after %d", p.text, p.calls, many[i].calls,
				long)
		}
	}
	for _, row := range incident.Commands {
		if !covered[row.Kind] {
			t.Errorf("what %s costs isn't counted", row.Usage)
		}
	}
	table.WriteString("\n| tap | calls, warm | cold |\n|---|---|---|\n")
	warm, tapsCold := priceTaps(newWorld(t), false), priceTaps(newWorld(t), true)
	for i, tap := range warm {
		fmt.Fprintf(&table, "| %s | %d | %d |\n", tap.text, tap.calls, tapsCold[i].calls)
		most := 7
		if taps[i].label == "This is a P1" {
			most = 13 // what changed and past incidents are looked for, and another look shows it
		}
		if tap.calls > most && taps[i].label != "Close up" {
			t.Errorf("the tap %q costs %d calls", tap.text, tap.calls)
		}
	}
	compareGolden(t, "testdata/calls.md", table.String())
}

// cost is how many calls a command took.
type cost struct {
	text   string
	calls  int
	before []string // the calls before its reaction
}

// costOf returns what a command took.
func costOf(text string, calls []call) cost {
	c := cost{text: text, calls: len(calls)}
	for _, made := range calls {
		if made.Method == "POST" && strings.HasSuffix(made.Path, "/reactions") {
			break
		}
		c.before = append(c.before, made.Method+" "+made.Path)
	}
	return c
}

// ahead reports whether a call asks ahead what a command is judged by, while the timeline is read:
// TestWhatACommandNamesIsAskedWhileTheTimelineIsRead holds that.
func ahead(made string) bool {
	return strings.HasSuffix(made, "/permission") || strings.HasSuffix(made, "/access_tokens")
}

// A command's reaction is on its way after three round trips, whatever else the command does: the issue, its
// timeline together with whether somebody may, and an answer in words. A token that is asked for is one more call
// while the timeline is read, and so a round trip of its own.
func TestACommandsReactionWaitsForThreeRoundTrips(t *testing.T) {
	skipUnderRace(t)
	for _, c := range price(newWorld(t), 10, false) {
		trips, aheads := 0, 0
		for _, made := range c.before {
			if ahead(made) && kindOf(c.text) != incident.Close { // which asks for whom the postmortem waits
				aheads++
			} else {
				trips++
			}
		}
		// the issue, and then the timeline or what is asked ahead, whichever takes longer
		if trips += max(0, aheads-1); trips > 3 {
			t.Errorf("the reaction to %s waits for %d round trips: %q", c.text, trips, c.before)
		}
	}
}

// What a command names is asked about while the timeline is read: here GitHub shows the timeline only after it has
// answered that. Who isn't known to respond makes the product ask nothing.
func TestWhatACommandNamesIsAskedWhileTheTimelineIsRead(t *testing.T) {
	var awaited atomic.Pointer[string]
	answered := make(chan struct{}, 1)
	w := newWorldJudged(t, map[string]map[string]string{"acme/incidents": templates.Repository()},
		func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				path := awaited.Load()
				if path != nil && strings.HasSuffix(r.URL.Path, "/timeline") {
					select {
					case <-answered:
						awaited.Store(nil)
					case <-time.After(10 * time.Second): // far longer than any call takes here
						awaited.Store(nil)
						t.Errorf("%s is not asked while the timeline is read", *path)
					}
				}
				h.ServeHTTP(rw, r)
				if path != nil && strings.HasSuffix(r.URL.Path, *path) {
					answered <- struct{}{}
				}
			})
		})
	w.tell(declared + "\ncarol: /ic\nalice: /oe")
	for _, c := range []struct{ who, text, asked string }{
		{"carol", "/ic @dan", "/incidents/collaborators/dan/permission"},
		{"alice", "/oe @erin", "/incidents/collaborators/erin/permission"},
		{"carol", "/ic freeze acme/payments for 1h the rollback must not meet other changes",
			"/payments/collaborators/carol/permission"},
		{"alice", "/oe revert acme/payments#41 the limit is too low", "/payments/collaborators/alice/permission"},
	} {
		w.settle()
		awaited.Store(&c.asked)
		w.comment(c.who, c.text)
		w.settle()
		if awaited.Load() != nil {
			t.Errorf("%s: the timeline was not read", c.text)
		}
	}

	w.calls()
	w.comment("mallory", "/ic @olaf")
	w.settle()
	for _, made := range w.calls() {
		if strings.Contains(made.Path, "/collaborators/olaf/") {
			t.Errorf("a stranger's comment makes it ask: %s %s", made.Method, made.Path)
		}
	}
}

// price plays every command, after so many comments, and counts the calls of each; cold, each in a
// process of its own.
func price(w *world, comments int, cold bool) (costs []cost) {
	w.t.Helper()
	count := func(who, text string) {
		w.settle()
		if cold {
			w.restart()
			w.settle() // its first sweep
		}
		w.calls()
		w.comment(who, text)
		w.settle()
		costs = append(costs, costOf(text, w.calls()))
	}
	w.tell("wait 2m") // the process has run for a while
	for _, s := range steps(whole(w.t))[:5] {
		w.step(s)
		w.settle()
	}
	w.comment("carol", "/ic update We look into it") // opens the customer's issue
	w.settle()
	w.hear(comments)
	for _, p := range allPriced() {
		if p.prepare != "" {
			w.settle()
			w.tell(p.prepare)
		}
		count(p.who, p.text)
	}
	open := func() int {
		var opened struct{ Number int }
		w.ok("carol", "POST", "/api/v3/repos/acme/incidents/issues",
			map[string]string{"title": "Something", "body": "is slow"}, &opened)
		w.ref.Number = opened.Number
		return opened.Number
	}
	other := open()
	w.comment("carol", "/incident critical it is down")
	for _, text := range []string{"/incident decline nothing there",
		fmt.Sprintf("/incident duplicate #%d", other)} {
		w.settle()
		open()
		count("carol", "/incident critical it is down")
		count("carol", text)
	}
	costs[len(costs)-1].text = "/incident duplicate #1"
	return costs
}

// kindOf returns the kind of a text's command, or "".
func kindOf(text string) incident.Kind {
	for _, c := range command.Parse(text) {
		if c, ok := c.(incident.Command); ok {
			return c.Kind
		}
	}
	return ""
}

// Commands that come faster than they are looked at share a look and a card: twenty cost at most
// one and a half call each, of which one is the reaction that each of them gets (A1).
func TestABurstSharesItsCalls(t *testing.T) {
	w := newWorld(t)
	for _, s := range steps(whole(t))[:5] {
		w.step(s)
		w.settle()
	}
	const burst = 20
	// the last one asks for the look that finds them all
	w.order(fmt.Sprintf(`{"drop_webhooks":%d}`, burst-1))
	w.calls()
	for i := range burst {
		w.comment("alice", fmt.Sprintf("/oe finding number %d", i))
	}
	w.settle()
	w.advance(time.Second)
	calls := len(w.calls())
	t.Logf("%d commands cost %d calls", burst, calls)
	if calls*2 > burst*3 {
		t.Errorf("%d commands cost %d calls, more than 1.5 each", burst, calls)
	}
	for _, c := range w.list() {
		if strings.HasPrefix(c.Body, "/oe finding") && reactionsOf(c) == "" {
			t.Errorf("%q was not answered", c.Body)
		}
	}
}
