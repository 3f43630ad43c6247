package engine_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/oncall"
	"github.com/firebreak-dev/firebreak/templates"
)

const pagesFirst = `
signals: [{source: alertmanager, do: page, severity: critical, customer: globex}]
customers: {globex: {}}
`

func newWorldPagingFirst(t *testing.T, onCall string) *world {
	files := maps.Clone(templates.Repository())
	files[config.Path] = escalatesToRotations + pagesFirst
	if files[oncall.Path] = onCall; onCall == "" {
		delete(files, oncall.Path)
	}
	return newWorldWith(t, map[string]map[string]string{"acme/incidents": files})
}

// A page that goes out before GitHub is asked goes to who is on call by the last file that any process read; where
// none was ever read, to the coordinators, who are told so, as the incident is. It never goes to a team of the
// rotation's name.
func TestO1PageFirstReachesWhoIsOnCall(t *testing.T) {
	skipUnderRace(t)
	const (
		unread = "**I could not read who is on call in primary when this was reported.** I paged **incident-coordinators** instead."
		file   = `{"match":"GET .*/contents/.github/oncall.yml$","status":%,"count":-1}`
	)
	for name, c := range map[string]struct {
		file, before, order string // the file, a story that lets it be read, and the fault
		want, says, later   string // whom the first page is for, what the incident says, who is paged once it can be read
	}{
		"it is there":             {file: rotations, want: "@bob"},
		"refused":                 {file: rotations, order: strings.Replace(file, "%", "403", 1), want: "incident-coordinators", says: unread, later: "@bob"},
		"GitHub fails":            {file: rotations, order: strings.Replace(file, "%", "502", 1), want: "incident-coordinators", says: unread, later: "@bob"},
		"GitHub is out":           {file: rotations, order: `{"outage":"4m"}`, want: "", later: "@bob"},
		"mistakes":                {file: "rotations: {primary: {peple: []}}\n", want: "incident-coordinators", says: "**I can't read `.github/oncall.yml`, so I don't know who is on call.**"},
		"read before, refused":    {file: rotations, before: "alice opens \"Slow\"\nwait 1m", order: strings.Replace(file, "%", "403", 1), want: "@bob"},
		"read before, fails":      {file: rotations, before: "alice opens \"Slow\"\nwait 1m", order: strings.Replace(file, "%", "500", 1), want: "@bob"},
		"read before, not there":  {file: rotations, before: "alice opens \"Slow\"\nwait 1m", order: strings.Replace(file, "%", "404", 1), want: "@bob"},
		"read before, GitHub out": {file: rotations, before: "alice opens \"Slow\"\nwait 1m", order: `{"outage":"4m"}`, want: "@bob"},
		"there is none":           {want: "primary"},
		"none before, GitHub out": {before: "alice opens \"Slow\"\nwait 1m", order: `{"outage":"4m"}`, want: "primary"},
		"nobody on call":          {file: strings.Replace(rotations, "start: 2026-03-01", "start: 2026-09-01", 1), want: "incident-coordinators", says: "**Nobody is on call in primary.** I paged **incident-coordinators** instead."},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorldPagingFirst(t, c.file)
			if c.before != "" {
				w.tell(c.before)
				w.ref.Number = 2
				w.restart()
			}
			if c.order != "" {
				w.order(c.order)
			}
			w.alert("firing", "APIServerDown", 1)
			if got := strings.Join(w.everybodyPaged(), " "); got != c.want {
				t.Fatalf("paged %q, want %q", got, c.want)
			}
			w.as("", "DELETE", "/sandbox/faults", nil, nil)
			w.tell("wait 5m")
			if got := strings.Join(w.everybodyPaged(), " "); got != strings.TrimSpace(c.want+" "+c.later) {
				t.Errorf("once GitHub answers, paged %q", got)
			}
			if said := w.said(c.says); c.says != "" && len(said) != 1 {
				t.Errorf("said %q of %s", said, w.saidSince(0))
			}
			if card := w.card(); c.want != "" && !strings.Contains(card, strings.TrimPrefix(c.want, "@")) {
				t.Errorf("the card does not say that %s was paged:\n%s", c.want, card)
			}
		})
	}
}

// What a page before the incident did not reach is on its card.
func TestO3AFailedWayOfAnEarlyPageIsOnTheCard(t *testing.T) {
	w, p := byPush(t, "carol-1")
	w.change("main", "services: {people: {secret: PEOPLE}}\npager: people\nescalation: {steps: [{to: [desk], by: [people, webhook]}, {after: 10m, to: [\"@dan\"]}], rounds: 1}\n"+pagesFirst)
	w.alert("firing", "APIServerDown", 1)
	w.tell("wait 1m")
	if got := strings.Join(p.topics(), " "); got != "carol-2" {
		t.Fatalf("rang %s", got)
	}
	if card := w.card(); !strings.Contains(card, "ntfy") {
		t.Errorf("the card lacks the way that failed:\n%s", card)
	}
}

// A report that pages before its incident exists has its next steps too, however long GitHub is out, once each and
// in another process as well; an answer ends them.
func TestI5AReportEscalatesWhileGitHubIsOut(t *testing.T) {
	skipUnderRace(t)
	for name, c := range map[string]struct {
		during func(w *world)
		want   string
	}{
		// bob until 11:00; nobody in the second, so the third step at once; then again from the start
		"nobody answers": {func(*world) {}, "@bob @carol @carol"},
		"restarted":      {func(w *world) { w.restart() }, "@bob @carol @carol"},
		"answered at the pager": {func(w *world) {
			w.post("/intake/opsgenie", "application/json", fmt.Sprintf(`{"action":"Acknowledge","source":{"name":"web","type":"web"},
				"alert":{"alertId":"1","alias":%q,"message":"x","username":"dan@acme.example","updatedAt":1772448120000}}`, w.outbox()[0].Key))
		}, "@bob"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorldPagingFirst(t, rotations)
			w.tell("alice opens \"Slow\"\nwait 1m")
			w.order(`{"outage":"50m"}`)
			w.alert("firing", "APIServerDown", 1)
			w.tell("wait 5m")
			c.during(w)
			w.tell("wait 40m")
			if got := strings.Join(w.everybodyPaged(), " "); got != c.want {
				t.Errorf("paged %q, want %q", got, c.want)
			}
		})
	}
}

// Somebody whose first way rang before there was an incident is reached by their later ways while GitHub is out.
func TestO3LaterWaysFollowAReportWhileGitHubIsOut(t *testing.T) {
	w, p := byPush(t)
	w.change("main", "services: {people: {secret: PEOPLE}}\npager: people\nescalation: {steps: [{to: [desk]}, {after: 10m, to: [\"@dan\"]}], rounds: 1}\n"+pagesFirst)
	w.tell("alice opens \"Slow\"\nwait 1m")
	w.order(`{"outage":"50m"}`)
	w.alert("firing", "APIServerDown", 1)
	w.tell("wait 29m")
	if got := strings.Join(p.topics(), " "); got != "carol-1 carol-2 carol-3 dan-1" {
		t.Errorf("rang %v", p.told())
	}
}

// Of an incident that is open and answered, another report wakes nobody while GitHub is out.
func TestI5WhatAReportPagesWhileGitHubIsOut(t *testing.T) {
	w := newWorldPagingFirst(t, rotations)
	w.alert("firing", "APIServerDown", 1)
	w.tell("wait 1m\nbob: /ic\nbob: /oe\nwait 1m")
	before := len(w.outbox())
	w.order(`{"outage":"50m"}`)
	w.alert("firing", "APIServerDown", 2)
	w.tell("wait 40m")
	for _, s := range w.outbox()[before:] {
		if s.Key != "" && strings.Contains(s.Key, "/signal/") {
			t.Errorf("paged %v", s)
		}
	}
}

const threeSteps = `
pager: webhook
escalation: {rounds: 1, again: 9m, steps: [{to: ["@carol"]}, {after: 5m, to: ["@dan"]}, {after: 5m, to: ["@bob"]}]}
` + pagesFirst

// newWorldOfSteps escalates to carol, dan and bob, and then to all of them every nine minutes. Its process knows that.
func newWorldOfSteps(t *testing.T) *world {
	w := newWorld(t)
	w.change("main", threeSteps)
	w.tell("alice opens \"Slow\"\nwait 1m")
	return w
}

// pagedAfter lists when pages left after a time, and to whom.
func (w *world) pagedAfter(from time.Time) (all []string) {
	for _, s := range w.sandbox.Outbox() {
		if s.Kind == "page" {
			all = append(all, fmt.Sprintf("%d:%s", int(s.At.Sub(from).Round(time.Minute)/time.Minute), s.To))
		}
	}
	return all
}

// Once GitHub is back the incident of a report goes on where its escalation was: nobody is paged twice for a step, the
// card shows each of them, and the next one comes at its time. So it is where GitHub refuses to open the incident (I5).
func TestI5TheStepsOfAnOutageAreTheIncidents(t *testing.T) {
	skipUnderRace(t)
	const refused = `{"match":"POST .*/issues$","status":403,"count":-1}`
	for name, c := range map[string]struct {
		trouble string
		lasts   time.Duration
		during  string // who was paged by its end
		after   string // by 40 minutes after the report
		gaveUp  bool
	}{
		"a moment":       {`{"outage":"1h"}`, 2 * time.Minute, "0:@carol", "0:@carol 5:@dan 10:@bob 24:all 33:all", true},
		"two steps":      {`{"outage":"1h"}`, 7 * time.Minute, "0:@carol 5:@dan", "0:@carol 5:@dan 10:@bob 24:all 33:all", true},
		"all steps":      {`{"outage":"1h"}`, 13 * time.Minute, "0:@carol 5:@dan 10:@bob", "0:@carol 5:@dan 10:@bob 24:all 33:all", true},
		"it gave up":     {`{"outage":"1h"}`, 20 * time.Minute, "0:@carol 5:@dan 10:@bob", "0:@carol 5:@dan 10:@bob 24:all 33:all", true},
		"it goes on":     {`{"outage":"1h"}`, 27 * time.Minute, "0:@carol 5:@dan 10:@bob 24:all", "0:@carol 5:@dan 10:@bob 24:all 33:all", true},
		"refused":        {refused, 7 * time.Minute, "0:@carol 5:@dan", "0:@carol 5:@dan 10:@bob 24:all 33:all", true},
		"refused longer": {refused, 27 * time.Minute, "0:@carol 5:@dan 10:@bob 24:all", "0:@carol 5:@dan 10:@bob 24:all 33:all", true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorldOfSteps(t)
			w.order(c.trouble)
			from := w.sandbox.Clock().Now()
			w.alert("firing", "APIServerDown", 1)
			w.advance(c.lasts)
			read := func() string {
				return strings.ReplaceAll(strings.Join(w.pagedAfter(from), " "), "@carol, @dan, @bob", "all")
			}
			if got := read(); got != c.during {
				t.Errorf("during it paged %q, want %q", got, c.during)
			}
			w.as("", "DELETE", "/sandbox/faults", nil, nil)
			w.advance(90 * time.Second)
			w.ref.Number = 2
			shown := w.stateOf().Paging
			if len(shown.Pages) != len(strings.Fields(c.during)) {
				t.Errorf("the card shows %+v", shown.Pages)
			}
			for i, page := range shown.Pages {
				if got := fmt.Sprintf("%d:", int(page.At.Sub(from).Round(time.Minute)/time.Minute)); !strings.HasPrefix(strings.Fields(c.during)[i], got) {
					t.Errorf("page %d is of minute %s", i+1, got)
				}
			}
			w.advance(40*time.Minute - c.lasts - 90*time.Second)
			if got := read(); got != c.after {
				t.Errorf("paged %q, want %q", got, c.after)
			}
			if s := w.stateOf(); s.Paging.GaveUp != c.gaveUp {
				t.Errorf("gave up: %t", s.Paging.GaveUp)
			}
		})
	}
}

// Somebody's own ways go on once the incident is there, each once; and who has seen the page, before there is an
// incident, is not reached again by it (O3, I8).
func TestO3TheWaysOfAnOutageAreTheIncidents(t *testing.T) {
	skipUnderRace(t)
	for name, c := range map[string]struct {
		back   time.Duration // when GitHub is back
		answer string
		at     time.Duration
		want   string
	}{
		"nobody answers":         {3 * time.Minute, "", 0, "carol-1 carol-2 carol-3 dan-1"},
		"back at once":           {time.Minute, "", 0, "carol-1 carol-2 carol-3 dan-1"},
		"back late":              {20 * time.Minute, "", 0, "carol-1 carol-2 carol-3 dan-1"},
		"seen":                   {20 * time.Minute, "seen", time.Minute, "carol-1 dan-1"},
		"seen, and back soon":    {3 * time.Minute, "seen", 2*time.Minute + 30*time.Second, "carol-1 carol-2 dan-1"},
		"passed on":              {20 * time.Minute, "pass", time.Minute, "carol-1 dan-1"},
		"taken before there was": {20 * time.Minute, "coordinate", time.Minute, "carol-1"},
	} {
		t.Run(name, func(t *testing.T) {
			w, p := byPush(t)
			w.change("main", "services: {people: {secret: PEOPLE}}\npager: people\nescalation: {steps: [{to: [desk]}, {after: 10m, to: [\"@dan\"]}], rounds: 1, again: 2h}\n"+pagesFirst)
			w.tell("alice opens \"Slow\"\nwait 1m")
			w.order(`{"outage":"50m"}`)
			from := w.sandbox.Clock().Now()
			w.alert("firing", "APIServerDown", 1)
			if c.answer != "" {
				w.advance(c.at)
				w.answers(p.links["carol-1"], c.answer)
			}
			w.advance(c.back - c.at)
			w.as("", "DELETE", "/sandbox/faults", nil, nil)
			w.advance(30 * time.Minute)
			if got := strings.Join(p.topics(), " "); got != c.want {
				t.Errorf("rang %v, want %s", p.told(), c.want)
			}
			if c.answer != "pass" {
				return
			}
			for _, rang := range p.told() {
				at, topic, _ := strings.Cut(rang, " ")
				d, err := time.ParseDuration(at)
				if passed := from.Add(c.at).Sub(began); topic == "dan-1" && (err != nil || d > passed+2*time.Minute) {
					t.Errorf("%s, and carol passed it on at %s", rang, passed)
				}
			}
		})
	}
}
