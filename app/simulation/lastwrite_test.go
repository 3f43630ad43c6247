package simulation

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// fullSeed is a seed whose world has changes, workflows, freezes and held deployments.
var fullSeed = func() uint64 {
	for seed := uint64(freezesSince + 1); ; seed++ {
		if hasChange(seed) && runsWorkflows(seed) && freezes(seed) && holds(seed) {
			return seed
		}
	}
}()

// fullStory goes through every kind of write.
var fullStory = func() []step {
	form := "### Summary\n\nCustomers get 502\n\n### Severity\n\ncritical\n\n### Customers impacted\n\nglobex\n\n### How did you learn of it?\n\nA call\n\n### Drill\n\n- [ ] This is a drill"
	story := []step{
		{who: "alice", verb: "opens", text: form},
		{wait: 6 * time.Minute, who: "carol", verb: "says", text: "/ic"},
		{wait: time.Minute, who: "alice", verb: "says", text: "/oe"},
		{wait: time.Minute, who: "carol", verb: "says", text: "/ic freeze all for 1h"},
		{wait: time.Minute, who: "carol", verb: "says", text: "/ic freeze all for 5h"},
		{wait: time.Minute, who: "carol", verb: "says", text: "/ic let acme/platform#3 through because it is the fix"},
		{wait: time.Minute, who: "carol", verb: "says", text: "/ic update We look into it"},
		{wait: time.Minute, who: "alice", verb: "says", text: "/oe finding Number 3 of the load balancers is at its limit\n/oe cause A certificate ran out"},
		{wait: time.Minute, who: "carol", verb: "says", text: "/ic phase fixing"},
		{wait: time.Minute, who: "alice", verb: "says", text: runCommand + "'web'"},
		{wait: time.Minute, who: "alice", verb: "says", text: "/oe revert acme/platform#1"},
		{wait: time.Minute, who: "alice", verb: "says", text: "/oe workaround By hand"},
		{wait: time.Minute, who: "carol", verb: "says", text: "/ic escalate platform the api is slow"},
		{wait: time.Minute, who: "alice", verb: "says", text: "/ic followup acme/payments Add a limit @erin due:2026-03-09"},
		{wait: time.Minute, who: "carol", verb: "says", text: "/oe @bob"},
		{wait: 3 * time.Minute, who: "carol", verb: "labels", text: "phase/monitoring"},
		{wait: time.Minute, who: "carol", verb: "says", text: "/ic update It works again"},
		{wait: time.Minute, who: "carol", verb: "says", text: "/ic thaw"},
		{wait: 30 * time.Minute, who: "carol", verb: "says", text: "/ic agree Gina, by phone"},
		{wait: time.Minute, who: "carol", verb: "says", text: "/ic close"},
		{wait: time.Minute, who: "carol", verb: "says", text: "/incident note it was Tuesday"},
		{wait: 20 * time.Minute, who: "carol", verb: "merges"},
	}
	for i := range story {
		story[i].on = "Incident A"
		story[i].wait = odd(story[i].wait) + time.Duration(i)*grid
		if story[i].verb == "says" {
			story[i].name = fmt.Sprintf("A/%d", i)
		}
	}
	return story
}()

// numberOf is what differs between two writes of a kind.
var numberOf = regexp.MustCompile(`/([0-9a-f]{40}|\d+)\b`)

// dayPlayed is what callsOfADay found.
var dayPlayed struct {
	once sync.Once
	made map[string]int
}

// callsOfADay returns how often each call and each webhook comes in the whole story, where nothing goes wrong.
func callsOfADay(t *testing.T) map[string]int {
	t.Helper()
	dayPlayed.once.Do(func() {
		calm := newWorld(t, fullSeed, io.Discard)
		calm.play(fullStory, nil)
		dayPlayed.made = maps.Clone(calm.net.made)
	})
	return dayPlayed.made
}

// lagging is how far reads of a kind are behind.
type lagging struct {
	match string
	by    time.Duration
}

// lagsAfter returns what lags after a write. Where somebody waits it is made again after a while in which GitHub does
// not show it: a comment for a customer after 8 seconds, unless its issue counts one more than is listed; their issue
// after 20, a revert after 45.
func lagsAfter(name string) (all []lagging) {
	lags := []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute}
	switch {
	case strings.Contains(name, "/customer-globex/") && strings.HasSuffix(name, "/comments"):
		lags = lags[:1]
		all = append(all, lagging{"^GET .*/comments", 100 * time.Second})
	case strings.HasSuffix(name, "/issues"), strings.HasSuffix(name, "/graphql"):
		lags = []time.Duration{5 * time.Second, 15 * time.Second}
	}
	for _, by := range lags {
		all = append(all, lagging{"^GET ", by})
	}
	return all
}

// TestA4AnyWriteMayBeTheLastOfAProcess lets the process end after each write in turn, while GitHub's reads fall behind
// just before it: what the next process reads lacks it for a while, and nothing is done twice, lost, or said to be
// refused.
func TestA4AnyWriteMayBeTheLastOfAProcess(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector sees the same in TestA4FaultsChangeNothing")
	}
	made := callsOfADay(t)
	kinds := map[string][]call{}
	for _, name := range slices.Sorted(maps.Keys(made)) {
		if strings.HasPrefix(name, http.MethodGet) || strings.HasPrefix(name, "webhook ") ||
			strings.HasSuffix(name, "/access_tokens") {
			continue
		}
		kind := numberOf.ReplaceAllString(name, "/N")
		for n := range made[name] {
			kinds[kind] = append(kinds[kind], call{name, n + 1})
		}
	}
	var all []call
	for _, kind := range slices.Sorted(maps.Keys(kinds)) { // the first, the last, and some between
		of := kinds[kind]
		for n := 0; n < len(of); n += max(1, len(of)/5) {
			all = append(all, of[n])
		}
		if last := of[len(of)-1]; last != all[len(all)-1] {
			all = append(all, last)
		}
	}
	if len(all) < 60 {
		t.Errorf("only %d writes to try: %v", len(all), all)
	}
	step := 1
	if *seeds == defaultSeeds {
		step = 50
	}
	for i, last := range all {
		if i%step != step/2 {
			continue
		}
		for _, lag := range lagsAfter(last.name) {
			t.Run(fmt.Sprintf("%s, time %d, %s%s", last.name, last.n, lag.by, strings.TrimPrefix(lag.match, "^GET")), func(t *testing.T) {
				t.Parallel()
				compare(t, fullSeed, fullStory, io.Discard, func(w *world) {
					w.net.last, w.net.lastly = last, func() { w.behind(lag) }
					w.play(fullStory, nil)
				})
			})
		}
	}
}
