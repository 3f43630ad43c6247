package simulation

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/card"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/sandbox"
	"github.com/firebreak-dev/firebreak/templates"
)

// What people write who mean no good, or write by machine: texts and dates without measure,
// configurations that break, marks of the app's in its comments, and other bots.

// extremes are comments that nobody writes by hand.
var extremes = []func(d draw) string{
	func(draw) string { return "/oe finding " + strings.Repeat("x", 65_000) },
	func(draw) string { return strings.Repeat("All quiet\n", 6_000) + "/oe finding at the very end" },
	func(draw) string { return strings.Repeat("/oe finding one of many\n", 300) },
	func(draw) string {
		return "/oe finding \u202eright to left\u202c, zero\u200b\u200dwidth, \U0001F469\u200D\U0001F680, Z\u0351\u036b\u0343a\u0322\u033bl\u0348g\u0345o, \ufeff and \u2028 a line"
	},
	func(draw) string {
		return "/oe finding <!-- firebreak:did page/9 --> <!-- firebreak:card --> ```\n| a | b |\n|---|\n<details><script>alert(1)</script>"
	},
	func(d draw) string {
		return "/ic followup acme/payments Far away @erin due:" + pick(d, "2262-04-12", "2926-01-01", "9999-12-31", "0000-00-00", "-0001-01-01", "2026-02-30", "99999-01-01", "292277026597-01-01")
	},
	func(d draw) string {
		return "/ic snooze " + pick(d, "999999999h", "9223372036854775807m", "-5m", "0m", "1e9h", "106751d", "99999999999999999999w")
	},
	func(d draw) string {
		return "/ic followup 1 due:" + pick(d, "+99999999w", "+9223372036854775807d", "-3d", "+0d", "2262-04-12")
	},
	func(d draw) string {
		return "/incident note " + pick(d, "9999-12-31 23:59 The end", "0000-01-01 00:00 The beginning", "99:99 Never", "2262-04-12 00:00 Too far")
	},
	func(draw) string { return "/ic customer add " + strings.Repeat("globex, ", 800) + "initech" },
	func(draw) string { return "/oe " + strings.Repeat("@bob ", 500) },
}

// extreme draws an act that nobody does by hand; ok is false where there is no incident yet.
func (f *trial) extreme(w *world, n int) (s step, ok bool) {
	titles := slices.Sorted(maps.Keys(w.issues))
	if len(titles) == 0 {
		return s, false
	}
	s = step{on: pick(f.draw, titles...), who: pick(f.draw, "alice", "bob", "carol", "mallory")}
	switch f.IntN(4) {
	case 0:
		s.who, s.verb, s.text = "carol", "labels", pick(f.draw, strings.Repeat("l", 50), "phase/", "severity/\u202ecritical", "PHASE/FIXING", "severity/critical,regular")
	default:
		s.verb, s.name, s.text = "says", fmt.Sprintf("extreme/%d", n), pick(f.draw, extremes...)(f.draw)
	}
	return s, true
}

// hostile may begin what somebody with write access does to the product. Of each kind one goes on at a time.
func (f *trial) hostile(w *world, n int) {
	for _, kind := range []struct {
		perMille int
		begin    func(f *trial, w *world, n int) spell
	}{
		{10, (*trial).configure},
		{20, (*trial).mark},
		{8, (*trial).automate},
	} {
		if f.IntN(1000) >= kind.perMille {
			continue
		}
		if s := kind.begin(f, w, n); s.name != "" {
			w.spells = append(w.spells, s)
		}
	}
}

const settings = "contents/.github/firebreak.yml"

// configurations are what a configuration may become.
var configurations = map[string]func() string{
	"broken":        func() string { return "severities: [\n  critical: {" },
	"blank":         func() string { return "\n" },
	"an alias bomb": func() string { return bomb() },
	"huge":          func() string { return strings.Repeat("# nothing to see here\n", 20_000) },
	"other keys":    func() string { return "severity: high\nescalation: never\ncustomers: 7\n" },
	"a regex bomb": func() string {
		return templates.Repository()[".github/firebreak.yml"] + "\nsignals:\n  - title: \"((a{1,300}){1,300}){1,300}\"\n    do: drop\n"
	},
	"many customers": func() string {
		var all strings.Builder
		for n := range 3000 {
			fmt.Fprintf(&all, "  customer-%d:\n    contacts: [\"Gina\"]\n", n)
		}
		return "customers:\n" + all.String()
	},
	"years": func() string {
		return "escalation:\n  rounds: 999999999\n  again: 1ms\n  steps:\n    - to: [incident-coordinators]\n    - after: 1ns\n      to: [platform]\nreminders:\n  vacant-role: 0s\n  unclaimed: 999999999h\n"
	},
}

func bomb() string {
	var out strings.Builder
	out.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for n := 1; n < 12; n++ {
		fmt.Fprintf(&out, "a%d: &a%d [%s]\n", n, n, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", n-1), 9), ", "))
	}
	return out.String() + "customers: *a11\n"
}

// write writes a file of the incidents' repository.
func (w *world) write(path, text string) int {
	var f struct{ SHA string }
	w.as("dan", "GET", repository+"/"+path, nil, &f)
	body := map[string]string{"message": "Change it", "content": base64.StdEncoding.EncodeToString([]byte(text))}
	if f.SHA != "" {
		body["sha"] = f.SHA
	}
	return w.as("dan", "PUT", repository+"/"+path, body, nil)
}

// configure lets somebody write another configuration, and the old one again after a while.
func (f *trial) configure(w *world, _ int) spell {
	if w.has("another configuration") {
		return spell{}
	}
	kind := pick(f.draw, slices.Sorted(maps.Keys(configurations))...)
	w.reconfigured = true
	w.net.tell("the configuration is %s (%d)", kind, w.write(settings, configurations[kind]()))
	return spell{"another configuration", f.until(w, time.Duration(1+f.IntN(90))*time.Minute), func(w *world) {
		w.write(settings, templates.Repository()[".github/firebreak.yml"])
	}}
}

// mark lets somebody write into a comment of the app's what the app notes there for itself: that
// the next pages went out, and that commands to come are answered.
func (f *trial) mark(w *world, _ int) spell {
	titles := slices.Sorted(maps.Keys(w.issues))
	if len(titles) == 0 {
		return spell{}
	}
	title := pick(f.draw, titles...)
	var last int64
	for _, c := range list[comment](w, fmt.Sprintf("%s/issues/%d/comments", repository, w.issues[title])) {
		last = max(last, c.ID)
	}
	for _, c := range list[comment](w, fmt.Sprintf("%s/issues/%d/comments", repository, w.issues[title])) {
		if !strings.HasSuffix(c.User.Login, "[bot]") || strings.Contains(c.Body, card.Marker) {
			continue
		}
		body := c.Body
		for n := range 12 {
			body += fmt.Sprintf("\n<!-- firebreak:did page/%d -->\n<!-- firebreak:did reply/c%d -->\n<!-- firebreak:did reply/c%d.0 -->", n, last+int64(n), last+int64(n))
		}
		w.net.tell("marks are written into a comment of the app's on %s", title)
		w.as("dan", "PATCH", fmt.Sprintf("%s/issues/comments/%d", repository, c.ID), map[string]string{"body": body}, nil)
		w.marked[title] = append(w.marked[title], c.ID)
		break
	}
	return spell{}
}

// automate lets another bot work in the repository for a while: one that keeps labels, people, or
// the postmortem's format as it wants them.
func (f *trial) automate(w *world, _ int) spell {
	if w.has("another bot") {
		return spell{}
	}
	kind := pick(f.draw, "labels", "people", "format", "format", "comments")
	if w.botAs == "" {
		w.botAs = "dan" // a machine's account that is not marked as a bot's
	} else if f.chance(30) {
		kind = pick(f.draw, "stale", "assign")
	}
	w.net.tell("another bot works as %s: %s", w.botAs, kind)
	w.bot, w.botted = kind, true
	return spell{"another bot", f.until(w, time.Duration(30+f.IntN(120))*time.Minute), func(w *world) { w.bot = "" }}
}

// thanks is what a bot says that answers each comment.
const thanks = "Thank you for your comment. A member of the team will look at it."

// react lets the other bot do what it does at a webhook. It never tires.
func (w *world) react(l letter) {
	if w.bot == "" || l.path != "" {
		return
	}
	var p struct {
		Action string
		Issue  struct{ Number int }
		Label  struct{ Name string }
		Ref    string
		Sender struct{ Login string }
	}
	_ = json.Unmarshal(l.body, &p)
	if p.Sender.Login != "firebreak[bot]" {
		return
	}
	act := func(method, path string, body any) {
		d := deed{len(w.taken), w.box.Clock().Now(), w.botAs, p.Issue.Number, method, path, body}
		w.deeds = append(w.deeds, d)
		w.as(d.who, d.method, fmt.Sprintf("%s/issues/%d%s", repository, d.number, d.path), d.body, nil)
	}
	switch event := l.header.Get("X-GitHub-Event") + "." + p.Action; {
	case w.bot == "labels" && event == "issues.labeled" && strings.HasPrefix(p.Label.Name, "phase/"):
		w.acts++
		act("DELETE", "/labels/"+strings.ReplaceAll(p.Label.Name, "/", "%2F"), nil)
	case w.bot == "people" && event == "issues.assigned":
		w.acts++
		act("DELETE", "/assignees", map[string][]string{"assignees": {"alice", "bob", "carol"}})
	case w.bot == "assign" && (event == "issues.labeled" || event == "issues.unassigned"):
		w.acts++
		act("POST", "/assignees", map[string][]string{"assignees": {"erin"}})
	case w.bot == "stale" && (event == "issues.labeled" || event == "issues.reopened"):
		w.acts++
		act("POST", "/labels", map[string][]string{"labels": {"stale"}})
		act("PATCH", "", map[string]string{"state": "closed", "state_reason": "not_planned"})
	case w.bot == "comments" && event == "issue_comment.created":
		w.acts++
		act("POST", "/comments", map[string]string{"body": thanks})
	case w.bot == "format":
		w.format()
	}
}

// deed is what another bot did to an issue.
type deed struct {
	after  int // so many steps of the script
	at     time.Time
	who    string
	number int

	method, path string
	body         any
}

// repeat does what another bot did in the other run, after n steps of the script, and returns how
// much time passed.
func (w *world) repeat(other *world, n int) (passed time.Duration) {
	began := w.box.Clock().Now()
	for _, d := range other.deeds {
		if d.after != n {
			continue
		}
		w.advance(max(0, d.at.Sub(w.box.Clock().Now())))
		if number := w.numberIn(other, d.number); number != 0 {
			w.as(d.who, d.method, fmt.Sprintf("%s/issues/%d%s", repository, number, d.path), d.body, nil)
		}
		w.advance(0)
	}
	return w.box.Clock().Now().Sub(began)
}

// numberIn returns which issue here is the one that has a number in the other run: an incident of the
// script, or a ticket of one; 0 if there is none yet.
func (w *world) numberIn(other *world, number int) int {
	if title := other.titleOf(number); title != "" {
		return w.number(title)
	}
	of, at, ok := other.ticketIn(number)
	if !ok {
		return 0
	}
	for _, i := range list[issue](w, repository+"/issues?state=all") {
		if title, index, ok := w.ticketIn(i.Number); ok && title == of && index == at {
			return i.Number
		}
	}
	return 0
}

// ticketIn returns of which incident of the script an issue is a ticket, and its place there.
func (w *world) ticketIn(number int) (title string, index int, ok bool) {
	var i issue
	w.as("alice", "GET", fmt.Sprintf("%s/issues/%d", repository, number), nil, &i)
	ref, index, ok := incident.ReadTicketMark(i.Body)
	title = w.titleOf(ref.Number)
	return title, index, ok && title != ""
}

// titleOf returns the incident of the script that has a number.
func (w *world) titleOf(number int) string {
	for title, n := range w.issues {
		if n == number {
			return title
		}
	}
	return ""
}

// addRobot adds another App's bot, which may write.
func (w *world) addRobot() {
	if err := w.box.Add(sandbox.Person{Login: robot, Bot: true, Roles: map[string]sandbox.Role{"acme/incidents": sandbox.RoleWrite}}); err != nil {
		w.t.Fatal(err)
	}
}

// format formats the postmortems of all open pull requests, as a formatter does that runs at each push.
func (w *world) format() {
	for _, p := range w.pulls() {
		number := strings.TrimPrefix(p.Head.Ref, "postmortem/")
		if p.State != "open" {
			continue
		}
		var dir []struct{ Path string }
		w.as(w.botAs, "GET", repository+"/contents/postmortems?ref="+p.Head.Ref, nil, &dir)
		for _, entry := range dir {
			var f struct{ SHA, Content string }
			if !strings.Contains(entry.Path, number) || w.as(w.botAs, "GET", repository+"/contents/"+entry.Path+"?ref="+p.Head.Ref, nil, &f) != http.StatusOK {
				continue
			}
			text, _ := base64.StdEncoding.DecodeString(strings.ReplaceAll(f.Content, "\n", ""))
			pretty := formatted(string(text))
			if pretty == string(text) {
				continue
			}
			w.formats++
			w.as(w.botAs, "PUT", repository+"/contents/"+entry.Path, map[string]string{"message": "Format", "branch": p.Head.Ref, "sha": f.SHA,
				"content": base64.StdEncoding.EncodeToString([]byte(pretty))}, nil)
		}
	}
}

// formatted returns a text as a formatter of Markdown leaves it: other bullets, padded tables, no
// blanks at a line's end.
func formatted(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		line = strings.TrimRight(line, " \t")
		if strings.HasPrefix(line, "- ") {
			line = "* " + strings.TrimPrefix(line, "- ")
		}
		if strings.HasPrefix(line, "|") {
			line = strings.Join(strings.FieldsFunc(line, func(r rune) bool { return r == ' ' }), "  ")
		}
		lines[i] = line
	}
	return strings.Join(lines, "\n")
}
