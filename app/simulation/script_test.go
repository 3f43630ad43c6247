package simulation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// step is one thing that somebody does. Which incident it is about, and which comment, is said by
// name and not by number: the numbers are GitHub's, and differ from run to run.
type step struct {
	wait time.Duration // that passes before it; zero: it is done before the product has seen the one before
	who  string
	verb string // opens, declares, titles (with labels and no text), says, edits, labels, unlabels, assigns, unassigns, closes, reopens, renames, merges, signals
	on   string // title of the incident
	text string
	name string // of the comment that it writes, or that it edits
}

func (s step) String() string {
	text := fmt.Sprintf("%q", s.text)
	if len(text) > 400 {
		text = fmt.Sprintf("%s … (%d bytes)", text[:100], len(s.text))
	}
	return fmt.Sprintf("+%s %s %s %s %s %s", s.wait, s.who, s.verb, s.on, s.name, text)
}

// draw is a stream of random choices.
type draw struct{ *rand.Rand }

func newDraw(seed, stream uint64) draw { return draw{rand.New(rand.NewPCG(seed, stream))} }

// chance is true in so many of a hundred cases.
func (d draw) chance(percent int) bool { return d.IntN(100) < percent }

func pick[T any](d draw, from ...T) T { return from[d.IntN(len(from))] }

// pause draws how long people wait: often no time at all, seconds mostly, hours seldom.
func (d draw) pause() time.Duration {
	switch n := d.IntN(100); {
	case n < 25:
		return 0
	case n < 70:
		return time.Duration(1+d.IntN(60)) * time.Second
	case n < 98:
		return time.Duration(1+d.IntN(12)) * time.Minute
	}
	return time.Duration(20+d.IntN(280)) * time.Minute
}

// write draws the script of a seed: a story for each of some incidents, mixed.
func write(seed uint64) []step {
	if isNarrow(seed) {
		return tellNarrow(seed)
	}
	d := newDraw(seed, 1)
	var stories [][]step
	for n := range pick(d, 1, 1, 2, 2, 3) {
		stories = append(stories, d.story(fmt.Sprintf("Incident %c", 'A'+n)))
	}
	var script []step
	var now time.Duration
	closing := map[string]time.Duration{}      // by title, when somebody last asked for its end
	edits := map[string]time.Duration{}        // by title, when somebody last edited a comment
	acted := map[time.Duration]time.Duration{} // when somebody did, by the second within five minutes
	for len(stories) > 0 {
		n := d.IntN(len(stories))
		s := stories[n][0]
		s.wait = odd(s.wait + d.pause())
		if since := now - closing[s.on]; closing[s.on] != 0 && s.verb != "merges" && since+s.wait < settling && !d.chance(15) {
			s.wait = odd(settling - since) // what is asked for while the app closes an incident hangs on how far it got
		}
		if s.verb == "edits" {
			s.wait = max(s.wait, grid) // GitHub's times show no edit within the second of the comment
		}
		if at, ok := edits[s.on]; ok && now+s.wait == at {
			s.wait = grid // nobody knows which of the two came first
		}
		for then, taken := acted[(now+s.wait)%clock]; taken && then != now+s.wait; then, taken = acted[(now+s.wait)%clock] {
			s.wait += grid
		}
		now += s.wait
		acted[now%clock] = now
		if s.closes() {
			closing[s.on] = now
		}
		if s.verb == "edits" {
			edits[s.on] = now
		}
		script = append(script, s)
		if stories[n] = stories[n][1:]; len(stories[n]) == 0 {
			stories = append(stories[:n], stories[n+1:]...)
		}
	}
	if hasChange(seed) {
		askOfChanges(seed, script)
	}
	if runsWorkflows(seed) {
		askForRuns(seed, script)
	}
	if freezes(seed) {
		askToFreeze(seed, script)
	}
	return script
}

// Nobody acts in the very second in which something is due, since which of the two comes first
// hangs on who looks: what is due is so whole minutes after somebody acted, five as a rule, and
// people act at multiples of eleven seconds, none of which are five minutes apart.
const (
	grid  = 11 * time.Second
	clock = 5 * time.Minute
)

// odd rounds a wait up to the grid.
func odd(wait time.Duration) time.Duration {
	return (wait + grid - 1).Truncate(grid)
}

// story draws the story of an incident: the way through the process with steps left out, and what
// people do besides.
func (d draw) story(title string) []step {
	t := &teller{draw: d, title: title}
	t.open()
	for _, part := range []struct {
		left int // how often it is left out, of a hundred
		tell func()
	}{
		{15, t.coordinate}, {30, t.operate}, {20, t.confirm}, {30, t.investigate}, {20, t.cause}, {30, t.fixing}, {15, t.mend},
		{15, t.update}, {15, t.monitor}, {30, t.agree}, {30, t.followUp}, {15, t.close}, {30, t.merge},
	} {
		for t.chance(30) {
			t.aside()
		}
		if !t.chance(part.left) {
			part.tell()
		}
	}
	for t.chance(40) {
		t.aside()
	}
	return t.steps
}

// teller writes one story.
type teller struct {
	draw
	title    string
	steps    []step
	comments []step // what was said so far
	source   bool   // it came from a source
	group    bool   // which reports groups of alerts
}

// signal lets the source report one of these.
func (t *teller) signal(texts ...string) {
	text := pick(t.draw, texts...)
	if t.group {
		text = "group " + text
	}
	t.do(step{who: "source", verb: "signals", text: text})
}

func (t *teller) do(s step) {
	s.on = t.title
	t.steps = append(t.steps, s)
}

func (t *teller) say(who, text string) {
	s := step{who: who, verb: "says", text: text, name: fmt.Sprintf("%s/%d", t.title[len(t.title)-1:], len(t.comments)+1)}
	t.comments = append(t.comments, s)
	t.do(s)
}

func (t *teller) open() {
	form := "### Summary\n\n" + pick(t.draw, "Customers get 502", "Customers get 502", "_No response_") + "\n\n### Severity\n\n" + pick(t.draw, "critical", "critical", "regular", "_No response_") +
		"\n\n### Customers impacted\n\n" + pick(t.draw, "globex", "globex", "globex", "initech", "Globex and Initech", "globx", "n/a", "none", "_No response_") + "\n\n### How did you learn of it?\n\nA call\n\n### Drill\n\n" +
		pick(t.draw, "- [ ] This is a drill", "- [ ] This is a drill", "- [ ] This is a drill", "- [X] This is a drill")
	switch t.IntN(12) {
	case 10:
		t.do(step{who: t.anybody(), verb: "titles", text: pick(t.draw, "incident severity/critical", "severity/critical incident", "incident", "drill severity/critical incident")})
	case 11:
		t.do(step{who: t.anybody(), verb: "declares", text: pick(t.draw, "/incident critical", "/incident p1", "/incident", "/ic\n/incident critical")})
	case 0, 1:
		t.source, t.group = true, t.chance(40)
		t.signal("firing", "firing", "smaller")
	case 2, 3:
		t.do(step{who: t.anybody(), verb: "declares", text: "Something is odd\n\n/incident " + pick(t.draw, "critical", "regular") + " Orders fail"})
	default:
		t.do(step{who: pick(t.draw, "alice", "bob", "erin", "mallory"), verb: "opens", text: form})
	}
	t.steps[0].wait = time.Duration(t.IntN(20)) * time.Minute
}

func (t *teller) anybody() string { return pick(t.draw, "alice", "bob", "carol", "dan", "erin") }
func (t *teller) coordinator() string {
	return pick(t.draw, "carol", "carol", "carol", "carol", "dan", "alice")
}
func (t *teller) engineer() string { return pick(t.draw, "alice", "alice", "alice", "alice", "bob") }

func (t *teller) coordinate() {
	if t.chance(15) {
		t.do(step{who: "carol", verb: "assigns", text: "carol"})
		return
	}
	t.say("carol", "/ic")
}

func (t *teller) operate() { t.say("alice", "/oe") }

func (t *teller) confirm() {
	if t.chance(20) {
		t.do(step{who: "carol", verb: "labels", text: "severity/critical"})
		return
	}
	t.say(t.coordinator(), pick(t.draw, "/ic severity critical", "/ic customer add globex\n/ic severity critical globex has no API", "/ic severity regular it is small"))
}

func (t *teller) phase(name string) {
	switch t.IntN(4) {
	case 0:
		t.do(step{who: "carol", verb: "labels", text: "phase/" + name})
	case 1:
		t.say("carol", "/ic phase "+name+" because it can't wait")
	default:
		t.say("carol", "/ic phase "+name)
	}
}

func (t *teller) investigate() {
	t.phase("investigate")
	for t.chance(60) {
		t.say(t.engineer(), fmt.Sprintf("/oe finding Number %d of the load balancers is at its limit", t.IntN(9)))
	}
}

func (t *teller) cause()  { t.say(t.engineer(), "/oe cause A certificate ran out") }
func (t *teller) fixing() { t.phase("fixing") }

func (t *teller) mend() {
	t.say(t.engineer(), pick(t.draw, "/oe workaround By hand", "/oe fix The certificate is renewed", "/oe workaround By hand\n/oe fix acme/platform#1"))
}

func (t *teller) update() {
	t.say(t.coordinator(), fmt.Sprintf("/ic update The API answers %d of 100 requests", t.IntN(100)))
	if t.chance(25) {
		t.say(t.coordinator(), pick(t.draw, "/ic told by phone", "/ic told initech by phone, Bill", "/ic told Gina in their war room", "/ic told globx by phone"))
	}
}

func (t *teller) monitor() {
	t.phase("monitoring")
	if t.chance(12) {
		t.say("bob", "All quiet")
		t.steps[len(t.steps)-1].wait = 24 * time.Hour
	}
}

func (t *teller) agree() { t.say("carol", "/ic agree Gina, by phone") }

func (t *teller) followUp() {
	t.say(t.anybody(), pick(t.draw, "/ic followup acme/payments Add a limit @erin due:2026-03-20", "/oe followup Renew by itself", "/ic followup acme/platform Watch the date @bob"))
}

func (t *teller) close() {
	if t.chance(30) {
		t.do(step{who: "carol", verb: "closes"})
		return
	}
	t.say("carol", pick(t.draw, "/ic close", "/ic close because the customer is content"))
}

func (t *teller) merge() { t.do(step{wait: time.Minute, who: "carol", verb: "merges"}) }

// aside draws what people do besides.
func (t *teller) aside() {
	switch n := t.IntN(33); {
	case n >= 30:
		t.slip()
	case n < 4:
		t.say(t.anybody(), pick(t.draw, "I have a look", "Any news?", "Not a command: `/ic`", "> /ic close\n\nReally?"))
	case n < 6:
		t.say(t.anybody(), pick(t.draw, "/ic sevrity critical", "/oe findng this", "/incident", "/ic foo", "/ic customer"))
	case n < 8:
		t.say("mallory", pick(t.draw, "/ic", "/ic close", "/ic update All is well", "/oe"))
	case n < 10:
		t.say(t.anybody(), pick(t.draw, "/incident help", "/incident status"))
	case n < 12:
		t.say(t.anybody(), "/incident note 10:30 The deployment began\n10:35 It ended")
	case n < 14:
		t.say(t.coordinator(), pick(t.draw, "/ic pin", "/ic escalate @dan we need one more", "/ic escalate nobody here knows the network", "/ic escalate platform the api is slow", "/ic escalate payments, @bob all hands",
			"/ic escalate @acme/payments", "/ic escalate platfrom the api is slow", "/ic escalate @gina what do you see?", "/ic escalate databases are full", "/ic escalate", "/ic snooze 10m in a call",
			"/ic customer add initech", "/ic customer add globex", "/ic customer remove globex", "/ic customer remove initech and globx", "/ic customer add none", "/ic customer add Inittech"))
	case n < 16:
		t.say(t.anybody(), pick(t.draw, "/ic", "/oe", "/oe drop", "/ic @dan", "/ic @carol", "/oe @bob", "/oe @gina"))
	case n < 18:
		t.say(t.engineer(), pick(t.draw, "/oe action Restarted it", "/oe regression It is back", "/oe regression It fails again", "/oe finding The disk is full"))
	case n < 19:
		t.update()
	case n < 21 && len(t.comments) > 0:
		c := t.comments[t.IntN(len(t.comments))]
		who := c.who
		if t.chance(20) && who != "mallory" {
			who = t.anybody()
		}
		t.do(step{who: who, verb: "edits", text: c.text + pick(t.draw, "\n\nThanks", "\n\n/oe finding One more thing", " indeed"), name: c.name})
	case n < 23:
		label := pick(t.draw, "severity/critical", "severity/regular", "phase/identify", "phase/investigate", "phase/fixing", "phase/monitoring", "drill", "bug")
		t.do(step{who: t.anybody(), verb: pick(t.draw, "labels", "labels", "unlabels"), text: label})
	case n < 24:
		t.do(step{who: "carol", verb: pick(t.draw, "assigns", "unassigns"), text: pick(t.draw, "alice", "bob", "carol", "dan")})
	case n < 25:
		t.do(step{who: t.anybody(), verb: pick(t.draw, "closes", "reopens", "reopens")})
	case n < 26 && t.source:
		t.signal("firing", "firing", "resolved", "smaller", "worse")
	case n < 27 && t.chance(50):
		t.say(t.anybody(), pick(t.draw, "/ic phase fixing\n/oe cause A certificate ran out", "/ic phase monitoring\n/oe workaround By hand", "/ic severity critical\n/ic", "/ic close\n/ic followup acme/payments Add a limit",
			"/oe drop\n/oe finding The disk is full", "/ic update We are on it\n/ic customer add globex\n/ic", "/incident status\n/oe\n/incident critical"))
	case n < 27 && t.chance(30):
		t.say(t.coordinator(), "/incident decline a false alarm")
	default:
		t.say(t.engineer(), "/oe finding "+strings.Repeat("again and ", t.IntN(4))+"again")
	}
}

// slip draws what people get wrong, or write in their own way: numbers of other incidents and of
// follow-ups, and times.
func (t *teller) slip() {
	other := fmt.Sprintf("Incident %c", 'A'+t.IntN(4))
	switch n := t.IntN(10); {
	case n < 2:
		t.say(t.anybody(), "/incident duplicate {"+t.title+"}") // itself
	case n < 3:
		t.say(t.coordinator(), "/incident duplicate "+pick(t.draw, "#999", "acme/platform#1", "https://github.com/acme/incidents/issues/998", "the other one"))
	case n < 4:
		t.say(t.coordinator(), "/incident duplicate of {"+other+"}, it is the same")
	case n < 7:
		t.say(t.anybody(), "/incident note "+pick(t.draw, "5:40pm The deployment began", "10:31 CET It began", "yesterday 23:10 The last good backup", "25:61 Nothing is right", "31 Feb 10:00 Never", "\n- 10:29 First\n- 13:05pm Second"))
	default:
		t.say(t.anybody(), pick(t.draw, "/ic followup 1 @bob due:2026-03-27", "/oe followup 2 due:+2w", "/ic followup 9 @erin", "/ic followup 1", "/ic followup 1 @mallory", "/ic followup 1 due:2126-01-01"))
	}
}

// folds returns the incidents into which, and from which, somebody folds one. When that meets what
// people do at the other one differs from run to run: each incident is looked at alone.
func folds(script []step) map[string]bool {
	met := map[string]bool{}
	for _, s := range script {
		_, rest, ok := strings.Cut(s.text, "/incident duplicate of {")
		if other, _, _ := strings.Cut(rest, "}"); ok && other != s.on {
			met[s.on], met[other] = true, true
		}
	}
	return met
}

// edited reports whether somebody edits a comment of an incident.
func edited(script []step, title string) bool {
	return slices.ContainsFunc(script, func(s step) bool { return s.on == title && s.verb == "edits" })
}

// settling is how long a closing may take until it is carried out, with all that goes wrong.
const settling = 20 * time.Minute

// closes reports whether a step asks for the incident's end.
func (s step) closes() bool {
	return s.verb == "closes" || strings.Contains(s.text, "/ic close") || strings.Contains(s.text, "/incident decline") || strings.Contains(s.text, "/incident duplicate")
}

// unsettled reports whether something is asked of an incident that was to be closed while the
// product was away, or did not hear of that, before it had the time to carry it out.
func unsettled(script []step, title string, away, deaf []span) bool {
	now, closing := began, time.Time{}
	for _, s := range script {
		now = now.Add(s.wait)
		if s.on != title {
			continue
		}
		if !closing.IsZero() && s.verb != "merges" {
			for _, a := range away {
				if a.from.Before(closing.Add(settling)) && a.to.After(closing) && now.Before(a.to.Add(settling)) {
					return true
				}
			}
		}
		if s.closes() {
			closing = now
			for _, d := range deaf {
				if d.from.Equal(closing) {
					away = append(away[:len(away):len(away)], d)
				}
			}
		}
	}
	return false
}

// hurried reports whether something is asked of an incident within minutes after it was closed: a
// closing is done once the app has carried it out, so what comes before that differs from what
// comes after.
func hurried(script []step, title string) bool {
	since := time.Hour
	for _, s := range script {
		since += s.wait
		if s.on != title {
			continue
		}
		if s.verb != "merges" && since < settling {
			return true
		}
		if s.closes() {
			since = 0
		}
	}
	return false
}
