package simulation

import (
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// Narrow days: a short story that is made for one situation, which the stories of other seeds meet
// once in thousands. Each has a theme of its own in which nothing else happens, and takes a second.

// The narrow days are the seeds between these two, both left out.
const narrowAfter, narrowBefore = 900_000, 902_001

// narrowDays are those by which planted faults are found, at least one of each theme: the gate plays them too.
var narrowDays = []uint64{900_002, 900_003, 900_007, 900_008, 900_010, 900_011, 900_012, 900_013, 900_021, 900_028, 900_029, 900_030, 900_096}

func isNarrow(seed uint64) bool { return seed > narrowAfter && seed < narrowBefore }

// narrowThemes returns the themes of narrow days.
func narrowThemes() []theme {
	return []theme{
		{name: "reads are behind while something is due", story: tellHands, press: (*trial).pressBehind, after: (*trial).pressSlowLook, holds: (*world).neglected},
		{name: "labels are changed while the timeline is behind", story: tellLabels, press: (*trial).pressUnexplained, ends: (*world).undone},
		{name: "the issue is not shown yet", story: tellOpening, press: (*trial).pressUnseen, holds: (*world).neglected},
		{name: "the card is lost in the look that labels", story: tellPhases, after: (*trial).pressLabelled, ends: (*world).undone},
		{name: "GitHub goes away while nobody knows the incident yet", story: tellSecond, press: (*trial).pressFirstLook, ends: (*world).pagedLater},
		{name: "GitHub goes away in the look under another name", story: tellNobody, press: (*trial).pressRenamed, holds: (*world).unpaged},
		{name: "limits allow no call for a while", story: tellWords, press: (*trial).pressEveryCall, ends: (*world).parked},
		{name: "tokens can't be renewed", story: tellWords, press: (*trial).pressRenewal, holds: (*world).neglected},
		{name: "issues elsewhere are opened while answers are lost", story: tellTickets, press: (*trial).pressLostIssues, ends: (*world).openedAgain},
		{name: "the card is lost under another name", story: tellTickets, press: (*trial).pressLostName, ends: (*world).openedAgain},
		{name: "no look works while the product sweeps", story: tellNobody, press: (*trial).pressSweeps, told: []string{"message put aside"}},
		{name: "the answer to a revert is lost", story: tellReverts, changed: true, press: (*trial).pressLostReverts},
	}
}

// narrowOf returns the theme of a narrow day.
func narrowOf(seed uint64) theme {
	all := narrowThemes()
	t := all[seed%uint64(len(all))]
	t.alone = true
	return t
}

// tellNarrow returns the script of a narrow day. People wait for minutes, so that what they did before
// is done.
func tellNarrow(seed uint64) []step {
	d := newDraw(seed, 1)
	t := &teller{draw: d, title: "Incident A"}
	narrowOf(seed).story(t)
	for n := range t.steps {
		if t.steps[n].wait == 0 {
			t.steps[n].wait = odd(time.Minute + time.Duration(d.IntN(180))*time.Second)
		}
	}
	return t.steps
}

// openCritical lets somebody open a critical incident.
func (t *teller) openCritical() {
	if t.chance(50) {
		t.do(step{who: t.anybody(), verb: "titles", text: "incident severity/critical"})
		return
	}
	t.do(step{who: t.anybody(), verb: "declares", text: "Something is odd\n\n/incident critical Orders fail"})
}

// rest lets time pass before the last step.
func (t *teller) rest(d time.Duration) { t.steps[len(t.steps)-1].wait = odd(d) }

// tellWords is the story of people who write commands, or change labels, minutes apart.
func tellWords(t *teller) {
	t.openCritical()
	for range 4 + t.IntN(3) {
		switch t.IntN(6) {
		case 0:
			t.say("carol", "/ic")
		case 1:
			t.do(step{who: "carol", verb: "labels", text: pick(t.draw, "phase/investigate", "phase/identify")})
		case 2:
			t.say("carol", "/ic phase investigate because it can't wait")
		default:
			t.say(t.engineer(), fmt.Sprintf("/oe finding Number %d of the load balancers is at its limit", len(t.steps)))
		}
	}
}

// tellHands is the story of people who write commands, or change labels by hand.
func tellHands(t *teller) {
	t.openCritical()
	for range 5 {
		if t.chance(50) {
			t.do(step{who: "carol", verb: "labels", text: pick(t.draw, "severity/regular", "severity/critical")})
			continue
		}
		t.say("alice", fmt.Sprintf("/oe finding Number %d of the load balancers is at its limit", len(t.steps)))
	}
}

// tellLabels is the story of somebody who changes the severity by hand.
func tellLabels(t *teller) {
	t.openCritical()
	t.say("carol", "/ic")
	for range 2 + t.IntN(2) {
		t.do(step{who: "carol", verb: "labels", text: pick(t.draw, "severity/regular", "severity/regular", "severity/critical")})
		t.rest(time.Duration(3+t.IntN(9)) * time.Minute)
	}
}

// tellOpening is the story of some incidents that open.
func tellOpening(t *teller) {
	for n := range 3 {
		t.title = fmt.Sprintf("Incident %c", 'A'+n)
		t.openCritical()
	}
}

// tellPhases is the story of an incident that goes on by commands.
func tellPhases(t *teller) {
	t.openCritical()
	t.say("carol", "/ic")
	t.say("alice", "/oe")
	t.say("carol", "/ic phase fixing because it can't wait")
	t.rest(4 * time.Minute)
	t.say("bob", "I have a look")
}

// tellSecond is the story of a second incident, when the configuration is known.
func tellSecond(t *teller) {
	t.openCritical()
	t.say("carol", "/ic")
	t.title = "Incident B"
	t.openCritical()
	t.title = "Incident A"
	t.say("bob", "All quiet")
	t.rest(time.Hour)
}

// tellNobody is the story of an incident that nobody is at.
func tellNobody(t *teller) {
	t.openCritical()
	for range 2 {
		t.say("bob", "Any news?")
		t.rest(time.Duration(20+t.IntN(30)) * time.Minute)
	}
}

// tellTickets is the story of an incident of which a customer learns, and that leaves tickets.
func tellTickets(t *teller) {
	t.openCritical()
	t.say("carol", "/ic\n/ic customer add globex")
	if t.chance(50) {
		t.say("alice", "/ic followup acme/payments Add a limit @erin due:2026-03-20")
	}
	t.say("carol", "/ic update The API answers 7 of 100 requests")
	t.say("alice", "/oe\n/oe cause A certificate ran out\n/oe fix The certificate is renewed")
	t.say("carol", "/ic update The API answers 70 of 100 requests")
	t.say("bob", pick(t.draw, "/ic followup acme/platform Watch the date @bob", "/ic followup acme/payments Renew it sooner"))
	t.say("carol", "/ic phase monitoring because it can't wait")
	t.say("carol", "/ic close because the customer is content")
	t.say("bob", "All quiet")
	t.rest(settling + time.Minute)
}

// tellReverts is the story of a change that is to be taken back.
func tellReverts(t *teller) {
	t.openCritical()
	t.say("carol", "/ic")
	t.say("alice", "/oe")
	t.say("alice", "/oe revert acme/platform#1 the limit is too low")
	t.say("bob", "I have a look")
}

// behind lets reads of a kind answer what was some time ago, from now on.
func (f *trial) behind(w *world, match string, by time.Duration) {
	w.behind(lagging{match, by})
	w.spells = append(w.spells, spell{"lag", f.until(w, 24*time.Hour), func(w *world) { w.fault(map[string]any{"match": match, "lag": "0s"}) }})
}

// pressBehind lets reads be some seconds behind, and people act just before something is due.
func (f *trial) pressBehind(w *world, n int) {
	if n == 0 {
		f.behind(w, pick(f.draw, "^GET ", "^GET ", "^GET .*/timeline"), pick(f.draw, 5*time.Second, 10*time.Second, 20*time.Second))
	}
	f.untilDue(w, n, pick(f.draw, time.Second, slowLook, slowLook))
}

// slowLook is how long before something is due people act where the look for what is due takes long.
const slowLook = 1500 * time.Millisecond

// pressSlowLook lets the look for what is due take some seconds, in which what waits for its next try
// becomes due.
func (f *trial) pressSlowLook(w *world, n int) {
	if f.script[n].wait > 0 || w.due.Sub(w.box.Clock().Now()) != slowLook {
		return
	}
	due := w.due
	w.advance(slowLook - 200*time.Millisecond)
	w.busy.armAt(fmt.Sprintf("GET %s/issues/%d/timeline", repository, w.issues[f.script[n].on]), func() {
		w.net.tell("the timeline takes 3s")
		w.isLate = true
		w.box.Clock().Pass(3 * time.Second)
	})
	w.advance(due.Sub(w.box.Clock().Now()))
	w.busy.disarm()
}

// untilDue lets step n come a moment before something is due.
func (f *trial) untilDue(w *world, n int, before time.Duration) {
	wait := w.due.Sub(w.box.Clock().Now()) - before
	if n == 0 || wait < 0 || wait > 31*time.Minute || !f.chance(70) {
		return
	}
	w.advance(wait)
	f.script[n].wait = 0
}

// pressUnexplained lets the timeline be behind for longer than people wait, and the webhooks of labels
// come after something that is due.
func (f *trial) pressUnexplained(w *world, n int) {
	if n < 2 {
		return
	}
	if !w.has("lag") {
		f.behind(w, "^GET .*/timeline", pick(f.draw, 20*time.Second, 40*time.Second, time.Minute))
	}
	w.delayed = pick(f.draw, 10*time.Second, 20*time.Second)
	f.untilDue(w, n, pick(f.draw, 2*time.Second, 4*time.Second, 8*time.Second))
}

// pressUnseen lets reads of issues be behind, so that one that opened just now is not there.
func (f *trial) pressUnseen(w *world, n int) {
	if n == 0 {
		f.behind(w, `^GET .*/issues/\d+`, pick(f.draw, 3*time.Second, 10*time.Second, 30*time.Second))
	}
}

// pressLabelled lets somebody ask for another phase while a look labels the issue, the card go, and the
// process end.
func (f *trial) pressLabelled(w *world, n int) {
	s := f.script[n]
	if f.play == nil || !strings.Contains(s.text, "/ic phase fixing") {
		return
	}
	word := step{who: "carol", verb: "says", on: s.on, text: "/ic phase monitoring because it can't wait", name: "at once"}
	labels := fmt.Sprintf("POST %s/issues/%d/labels", repository, w.issues[s.on])
	w.busy.armAt(labels, func() {
		w.net.tell("at once: %s", word)
		f.play(word)
		w.net.cut("", 2+f.IntN(3), func() {
			var i issue
			if w.as("alice", "GET", w.path(s.on), nil, &i); i.Pinned != nil {
				w.as("dan", "DELETE", fmt.Sprintf("%s/issues/comments/%d", repository, i.Pinned.ID), nil, nil)
			}
			w.harmed[s.on] = true
			w.net.tell("the card is deleted, and the process ends")
			w.net.stop()
			w.kill()
		})
	})
	w.advance(0)
	w.busy.disarm()
}

// undone returns the labels that are not as people asked for last.
func (w *world) undone(_ *world, titles []string) (lines []string) {
	for _, title := range titles {
		want := ""
		for _, a := range *w.played {
			if a.on != title {
				continue
			}
			if _, phase, ok := strings.Cut(a.text, "/ic phase "); ok {
				want = incident.LabelPhase + strings.Fields(phase)[0]
			}
			if a.verb == "labels" {
				want = a.text
			}
		}
		lines = append(lines, w.takenAway(title)...)
		s, _, _ := w.stateOf(title)
		got := []string{incident.LabelPhase + string(s.Phase), incident.LabelSeverity + s.Severity}
		if want != "" && !slices.Contains(got, want) {
			lines = append(lines, fmt.Sprintf("%s: it is %v, and people asked for %s last", title, got, want))
		}
	}
	return lines
}

// takenAway returns the severities that the app took off an issue although nobody had asked for another
// one since a person put it there.
func (w *world) takenAway(title string) (lines []string) {
	last := ""
	for _, e := range list[event](w, w.path(title)+"/events") {
		isOwn := strings.HasSuffix(e.Actor.Login, "[bot]")
		switch {
		case !strings.HasPrefix(e.Label.Name, incident.LabelSeverity):
		case !isOwn && e.Event == "labeled":
			last = e.Label.Name
		case isOwn && e.Event == "unlabeled" && e.Label.Name == last:
			lines = append(lines, fmt.Sprintf("%s: the app took away %s, which a person had put there", title, last))
		}
	}
	return lines
}

// pagedLater returns the incidents in whose first look GitHub went away, and of which the first page left
// late (pagedLate).
func (w *world) pagedLater(calm *world, titles []string) (lines []string) {
	for _, title := range titles {
		away, ok := w.first[title]
		want, got := calm.firstPage(title), w.firstPage(title)
		if !ok || want.IsZero() || want.Sub(away.from) >= time.Minute {
			continue
		}
		if got.IsZero() || got.Sub(want) > 6*time.Minute {
			lines = append(lines, fmt.Sprintf("%s: GitHub went away in its first look, and the page of %s left at %s", title, want.Format(time.TimeOnly), got.Format(time.TimeOnly)))
		}
	}
	return lines
}

// firstPage returns when the first page of an incident left; zero: none did.
func (w *world) firstPage(title string) (at time.Time) {
	for _, s := range w.sent() {
		if s.Kind == "page" && strings.HasPrefix(s.Key, fmt.Sprintf("acme/incidents#%d/", w.issues[title])) && (at.IsZero() || s.At.Before(at)) {
			at = s.At
		}
	}
	return at
}

// pressRenamed lets the repository be renamed, and GitHub go away in the next looks at it, at once or
// some calls later.
func (f *trial) pressRenamed(w *world, n int) {
	if n == 0 || w.renamed {
		return
	}
	w.advance(2 * time.Minute)
	f.script[n].wait -= 2 * time.Minute
	w.spells = append(w.spells, f.rename(w, n))
	w.spells[len(w.spells)-1].ends = f.until(w, 24*time.Hour)
	w.net.cut("/repos/acme/incidents/", 1+f.IntN(8), func() { f.outage(w, 40*time.Minute) })
}

// pressEveryCall lets GitHub limit each call for a while, and say of it what makes no sense.
func (f *trial) pressEveryCall(w *world, n int) {
	if n == 0 || !f.chance(60) {
		return
	}
	f.oddLimits(w, n)
	w.net.odd.isAlways = true
}

// pressRenewal lets no token be made for a while after the old one has run out.
func (f *trial) pressRenewal(w *world, n int) {
	if n == 0 {
		w.state("token_life", "2m0s")
	}
	if n == 0 || w.has("no tokens") || !f.chance(60) {
		return
	}
	d := pick(f.draw, 10*time.Minute, 20*time.Minute, 40*time.Minute)
	w.net.tell("no tokens for %s", d)
	w.net.mu.Lock()
	w.net.spoil = append(w.net.spoil, &spoiled{match: regexp.MustCompile(`^POST .*/access_tokens$`), status: pick(f.draw, 500, 502, 503), until: f.until(w, d)})
	w.net.isAway(w.box.Clock().Now(), f.until(w, d))
	w.net.mu.Unlock()
	w.spells = append(w.spells, spell{"no tokens", f.until(w, d+6*time.Minute), nil})
}

// pressLostIssues lets the answer to the next issue that is opened elsewhere be lost, while the lists of
// issues are behind.
func (f *trial) pressLostIssues(w *world, n int) {
	if n == 0 {
		f.behind(w, `^GET .*/acme/(platform|payments|customer-globex)/issues`, pick(f.draw, 5*time.Second, 10*time.Second, 15*time.Second)) // after 20 nobody waits longer
		return
	}
	if f.chance(60) {
		w.spoilOnce(`POST .*/acme/(platform|payments|customer-globex)/issues$`, 502, true)
	}
}

// pressLostName lets the repository be renamed, and the card go after that.
func (f *trial) pressLostName(w *world, n int) {
	title := f.script[n].on
	if s, _, ok := w.stateOf(title); !ok || s.Updates.Last.IsZero() {
		return
	}
	if !w.renamed {
		w.spells = append(w.spells, f.rename(w, n))
		w.spells[len(w.spells)-1].ends = f.until(w, 24*time.Hour)
		w.advance(time.Minute)
	}
	if f.chance(50) {
		f.harm(w)
		w.advance(time.Minute)
	}
}

// openedAgain returns what was opened elsewhere more than once for one incident.
func (w *world) openedAgain(_ *world, _ []string) (lines []string) {
	if all := list[issue](w, "/api/v3/repos/acme/customer-globex/issues?state=all"); len(all) > 1 {
		lines = append(lines, fmt.Sprintf("the customer has %d issues of one incident", len(all)))
	}
	times := map[string]int{}
	for _, repo := range []string{"incidents", "platform", "payments"} {
		for _, i := range list[issue](w, "/api/v3/repos/acme/"+repo+"/issues?state=all") {
			if _, index, ok := incident.ReadTicketMark(i.Body); ok {
				times[fmt.Sprint(repo, " ", index)]++
			}
		}
	}
	for what, n := range times {
		if n > 1 {
			lines = append(lines, fmt.Sprintf("%d tickets: %s", n, what))
		}
	}
	slices.Sort(lines)
	return lines
}

// pressSweeps lets no look work for hours, while what changed can be listed.
func (f *trial) pressSweeps(w *world, n int) {
	if n == 0 {
		return
	}
	w.net.tell("no look works")
	w.net.mu.Lock()
	w.net.spoil = append(w.net.spoil, &spoiled{match: regexp.MustCompile(`^GET .*/issues/\d+/timeline$`), status: 502, until: f.until(w, time.Hour)})
	w.net.isAway(w.box.Clock().Now(), f.until(w, time.Hour))
	w.net.mu.Unlock()
	for minute := range 9 { // each time there is something new
		w.advance(5*time.Minute + grid)
		f.play(step{who: "bob", verb: "says", on: f.script[n].on, text: "Still nothing", name: fmt.Sprint("still/", n, minute)})
	}
	w.kill()
	_ = w.product.Close()
	if n := w.countSweeps(); n > 1 {
		w.piled = append(w.piled, fmt.Sprintf("the sweep asked for %d looks at one incident", n))
	}
	w.start()
}

// countSweeps returns how many looks at the first incident wait for which the sweep asked. The queue's
// file is closed.
func (w *world) countSweeps() (n int) {
	db, err := sql.Open("sqlite", "file:"+w.queue)
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow(`SELECT count(*) FROM messages WHERE ref = 'acme/incidents#1' AND dead = '' AND CAST(body AS TEXT) LIKE '%"sweep"%'`).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// pressLostReverts lets the answer to a revert be lost, and now and then the process end with it.
func (f *trial) pressLostReverts(w *world, n int) {
	if !strings.Contains(f.script[n].text, "/oe revert") {
		return
	}
	w.spoilOnce(`POST .*/graphql$`, 502, true)
	w.net.mu.Lock()
	w.net.spoil[len(w.net.spoil)-1].isWrite = true
	w.net.mu.Unlock()
}

// neglected returns what people did and the product did not answer, although it rests: a command without
// an answer, an incident without a card, a label that the card does not know.
func (w *world) neglected(titles []string, next time.Time) (lines []string) {
	now := w.box.Clock().Now()
	w.mu.Lock()
	isComing := len(w.mail) > 0
	w.mu.Unlock()
	if isComing || !next.IsZero() && next.Sub(now) < time.Minute || w.played == nil || w.has("no tokens") {
		return nil
	}
	tell := func(line string) {
		lines = append(lines, fmt.Sprintf("%s, while the product rests at %s until %s", line, now.Format(time.TimeOnly), next.Format(time.DateTime)))
	}
	lines = append(lines, w.unheeded(titles, next)...)
	for _, line := range w.unanswered(titles, *w.played) {
		tell(line)
	}
	for _, title := range titles {
		if n := w.issues[title]; n == 0 {
			continue
		}
		s, i, ok := w.stateOf(title)
		if !ok && i.State == "open" {
			tell(title + ": it has no card")
		}
		if severities := severitiesOf(i); s.Running() && len(severities) > 1 {
			tell(fmt.Sprintf("%s: it has the labels %v", title, severities))
		}
	}
	return lines
}

// severitiesOf returns an issue's labels that say how severe it is.
func severitiesOf(i issue) (names []string) {
	for _, l := range i.Labels {
		if strings.HasPrefix(l.Name, incident.LabelSeverity) {
			names = append(names, l.Name)
		}
	}
	return names
}
