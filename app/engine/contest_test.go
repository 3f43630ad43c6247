package engine_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox"
)

// automaton is somebody else's that changes back, at once, each write of the app of one kind. undo
// reports whether there was something to change back.
type automaton struct {
	name   string
	writes string // the app's calls that make what is changed back, as METHOD and the path's end
	undo   func(w *world, who string) bool
}

var automata = []automaton{
	{"the label sync that removes the phase", "POST /labels",
		func(w *world, who string) bool { return w.unlabel(who, "phase/") }},
	{"the label sync that removes the incident's label", "POST /labels",
		func(w *world, who string) bool { return w.unlabel(who, "incident") }},
	{"the label sync that removes all", "POST /labels", func(w *world, who string) bool {
		a, b, c := w.unlabel(who, "incident"), w.unlabel(who, "phase/"), w.unlabel(who, "severity/")
		return a || b || c
	}},
	{"the triage that sets another phase", "DELETE /labels/phase", func(w *world, who string) bool {
		return !slices.Contains(w.view().labels(), "phase/closing") &&
			w.as(who, "POST", w.issue()+"/labels", map[string]any{"labels": []string{"phase/closing"}},
				nil) < 300
	}},
	{"the rotation that unassigns", "POST /assignees", func(w *world, who string) bool {
		return slices.Contains(w.view().assignees(), "carol") &&
			w.as(who, "DELETE", w.issue()+"/assignees", map[string]any{"assignees": []string{"carol"}},
				nil) < 300
	}},
	{"the stale bot that closes", "PATCH /issues/1", func(w *world, who string) bool {
		return w.view().State == "open" && w.as(who, "PATCH", w.issue(),
			map[string]any{"state": "closed", "state_reason": "not_planned"}, nil) < 300
	}},
	{"the bot that unpins", "PUT /pin", func(w *world, who string) bool {
		v := w.view()
		return v.Pinned != nil &&
			w.as(who, "DELETE", fmt.Sprintf("/api/v3/repos/acme/incidents/issues/comments/%d/pin",
				v.Pinned.ID), nil, nil) < 300
	}},
	{"the formatter of comments", "PATCH /comments", func(w *world, who string) bool {
		v := w.view()
		tidy := func(s string) string { return strings.ReplaceAll(s, "**", "__") }
		return v.Pinned != nil && tidy(v.Pinned.Body) != v.Pinned.Body &&
			w.as(who, "PATCH", fmt.Sprintf("/api/v3/repos/acme/incidents/issues/comments/%d", v.Pinned.ID),
				map[string]any{"body": tidy(v.Pinned.Body)}, nil) < 300
	}},
	{"the bot that empties comments", "PATCH /comments", func(w *world, who string) bool {
		v := w.view()
		return v.Pinned != nil && v.Pinned.Body != "(removed)" &&
			w.as(who, "PATCH", fmt.Sprintf("/api/v3/repos/acme/incidents/issues/comments/%d", v.Pinned.ID),
				map[string]any{"body": "(removed)"}, nil) < 300
	}},
	{"the bot that deletes the card", "POST /comments", func(w *world, who string) bool {
		v := w.view()
		return v.Pinned != nil &&
			w.as(who, "DELETE", fmt.Sprintf("/api/v3/repos/acme/incidents/issues/comments/%d", v.Pinned.ID),
				nil, nil) < 300
	}},
}

func (w *world) unlabel(who, prefix string) (did bool) {
	for _, l := range w.view().labels() {
		if strings.HasPrefix(l, prefix) {
			did = w.as(who, "DELETE", w.issue()+"/labels/"+url.PathEscape(l), nil, nil) < 300 || did
		}
	}
	return did
}

// made counts the app's calls of one kind.
func made(calls []call, kind string) (n int) {
	method, end, _ := strings.Cut(kind, " ")
	for _, c := range calls {
		path := c.Path
		if end == "/labels/phase" {
			path = strings.ReplaceAll(strings.ReplaceAll(path, "%2F", "/"), "/labels/phase/",
				"/labels/phase#")
			path, _, _ = strings.Cut(path, "#")
		}
		if end == "/comments" && method == "PATCH" {
			path = path[:max(0, strings.LastIndexByte(path, '/'))]
		}
		if c.Method == method && strings.HasSuffix(path, end) {
			n++
		}
	}
	return n
}

// Whatever an automaton changes back at once, for an hour and over restarts: the app writes it a
// few times, says one word, and is quiet until a person acts.
func TestTwoAutomataEnd(t *testing.T) {
	skipUnderRace(t)
	for _, a := range automata {
		for _, who := range []string{"sync[bot]", "machine"} {
			if who == "machine" && (strings.Contains(a.writes, "comments") || a.writes == "PUT /pin") {
				continue // triage edits nobody else's comments
			}
			t.Run(a.name+" as "+who, func(t *testing.T) {
				w := newWorld(t)
				w.add(sandbox.Person{Login: "sync[bot]", Bot: true,
					Roles: map[string]sandbox.Role{"acme/incidents": sandbox.RoleWrite}})
				w.add(sandbox.Person{Login: "machine",
					Roles: map[string]sandbox.Role{"acme/incidents": sandbox.RoleTriage}})
				w.form("alice", "The API is down", []string{"Summary: 502 everywhere", "Severity: critical",
					"Customers impacted: globex"})
				w.settle()
				w.comment("carol", "/ic")
				w.settle()
				w.comment("carol", "/ic customer add none")
				w.settle()
				w.comment("carol", "/ic phase investigate")
				w.settle()
				w.calls()
				said := len(w.list())
				undone := w.fight(a, who, time.Hour)
				calls := w.calls()
				if undone < 2 {
					t.Fatalf("nothing was changed back: %d times", undone)
				}
				if n := made(calls, a.writes); n > 5+strings.Count(a.name, "removes all")*2 {
					t.Errorf("%d writes in an hour: %v", n, writesOf(calls))
				}
				if n := writes(calls); n > 30 {
					t.Errorf("%d writes of all kinds in an hour: %v", n, writesOf(calls))
				}
				words := 0
				for _, c := range w.list() {
					if strings.Contains(c.Body, "each time that I put it right") {
						words++
					}
				}
				if words != 1 {
					t.Errorf("%d comments say so:\n%s", words, w.saidSince(said))
				}
				// Then it is quiet.
				w.fight(a, who, time.Hour)
				if calls := w.calls(); made(calls, a.writes) > 1 {
					t.Errorf("it goes on: %v", writesOf(calls))
				}
			})
		}
	}
}

// fight lets the automaton work for so long, and restarts the product on the way.
func (w *world) fight(a automaton, who string, long time.Duration) (undone int) {
	const step = 5 * time.Minute
	for at := time.Duration(0); at < long; at += step {
		for range 20 {
			if !a.undo(w, who) {
				break
			}
			undone++
			w.settle()
			w.advance(2 * time.Second)
			w.settle()
		}
		if at == long/2 {
			w.restart()
		}
		w.advance(step)
		w.settle()
	}
	return undone
}

func writesOf(calls []call) []string {
	var all []string
	for _, c := range calls {
		if c.Method != "GET" && !strings.HasSuffix(c.Path, "/access_tokens") {
			all = append(all, c.Method+" "+c.Path[max(0, len(c.Path)-30):])
		}
	}
	return all
}

func (w *world) saidSince(from int) string {
	var b strings.Builder
	for _, c := range w.list()[min(from, len(w.list())):] {
		fmt.Fprintf(&b, "%s: %.300s\n", c.User.Login, c.Body)
	}
	return b.String()
}

// pushes are the commits of an account on the postmortem's branch.
func (w *world) pushes(who string) (n int) {
	w.t.Helper()
	var commits []struct{ Author *struct{ Login string } }
	w.ok("alice", "GET", "/api/v3/repos/acme/incidents/commits?sha=postmortem/1&per_page=100", nil, &commits)
	for _, c := range commits {
		if c.Author != nil && c.Author.Login == who {
			n++
		}
	}
	return n
}

// push writes a file of the postmortem as somebody, if change changes it.
func (w *world) push(who, suffix string, change func(string) string) bool {
	w.t.Helper()
	name, sha, text := w.file(suffix)
	changed := change(text)
	if changed == text {
		return false
	}
	w.ok(who, "PUT", "/api/v3/repos/acme/incidents/contents/"+name,
		map[string]string{"message": "Format", "branch": "postmortem/1", "sha": sha,
			"content": base64.StdEncoding.EncodeToString([]byte(changed))}, nil)
	return true
}

// format lets a formatter run after each push for an hour, until there is nothing to format.
func (w *world) format(who string, md, data func(string) string) (pushed int) {
	for range 12 {
		for range 10 {
			a := w.push(who, ".md", md)
			w.settle()
			b := data != nil && w.push(who, ".json", data)
			w.settle()
			if !a && !b {
				break
			}
			pushed++
			w.advance(2 * time.Second)
			w.settle()
		}
		w.advance(5 * time.Minute)
		w.settle()
	}
	return pushed
}

// A formatter sets the machine's parts in another form, and the app leaves them so; what it writes
// later keeps their form where it can.
func TestAFormatterOfThePostmortem(t *testing.T) {
	skipUnderRace(t)
	w := closed(t)
	w.add(sandbox.Person{Login: "format[bot]", Bot: true,
		Roles: map[string]sandbox.Role{"acme/incidents": sandbox.RoleWrite}})
	before := w.pushes("firebreak[bot]")
	md := func(s string) string {
		s = strings.ReplaceAll(s, "|---", "| ---")
		s = regexp.MustCompile(`(?m)^- `).ReplaceAllString(s, "* ")
		return s
	}
	data := func(s string) string {
		var v any
		if err := json.Unmarshal([]byte(s), &v); err != nil {
			t.Fatal(err)
		}
		out, _ := json.MarshalIndent(v, "", "    ")
		return string(out) + "\n"
	}
	if n := w.format("format[bot]", md, data); n == 0 {
		t.Fatal("there was nothing to format")
	}
	if n := w.pushes("firebreak[bot]") - before; n > 0 {
		t.Errorf("the app pushed %d times for form alone", n)
	}
	w.comment("carol", "/incident note The certificate was renewed")
	w.settle()
	w.format("format[bot]", md, data)
	if n := w.pushes("firebreak[bot]") - before; n < 1 || n > 2 {
		t.Errorf("the app pushed %d times for one new fact", n)
	}
	if _, _, text := w.file(".md"); !strings.Contains(text, "The certificate was renewed") {
		t.Errorf("the new fact is not in\n%s", text)
	}
}

// Something changes what the app writes into the postmortem, at each push: both end, and the pull
// request says so once.
func TestAnAutomatonThatRewritesThePostmortem(t *testing.T) {
	skipUnderRace(t)
	w := closed(t)
	w.add(sandbox.Person{Login: "format[bot]", Bot: true,
		Roles: map[string]sandbox.Role{"acme/incidents": sandbox.RoleWrite}})
	before := w.pushes("firebreak[bot]")
	md := func(s string) string {
		begin := strings.Index(s, "<!-- firebreak:begin timeline -->")
		if begin < 0 {
			t.Fatalf("no timeline in\n%s", s)
		}
		return s[:begin] + strings.ReplaceAll(s[begin:], "carol", "somebody")
	}
	w.format("format[bot]", md, nil)
	if n := w.pushes("firebreak[bot]") - before; n < 1 || n > 2 {
		t.Errorf("the app pushed %d times", n)
	}
	words := func() (n int) {
		var said []commentView
		w.ok("alice", "GET", fmt.Sprintf("/api/v3/repos/acme/incidents/issues/%d/comments", w.pull()), nil,
			&said)
		for _, c := range said {
			if strings.Contains(c.Body, "each time that I write them") && strings.Contains(c.Body, "format") {
				n++
			}
		}
		return n
	}
	if n := words(); n != 1 {
		t.Errorf("%d comments on the pull request say so", n)
	}
	after := w.pushes("firebreak[bot]")
	w.restart()
	w.format("format[bot]", md, nil)
	if n := w.pushes("firebreak[bot]") - after; n > 0 {
		t.Errorf("the app pushed %d times after it said that it stops", n)
	}
	w.comment("carol", "/ic postmortem")
	w.settle()
	w.format("format[bot]", md, nil)
	if n := w.pushes("firebreak[bot]") - after; n < 1 || n > 2 || words() != 1 {
		t.Errorf("asked to try again, the app pushed %d times, and %d comments say so", n, words())
	}
}

// What people change by hand is put right each time, as the process has it.
func TestPeopleAreNoAutomata(t *testing.T) {
	skipUnderRace(t)
	w := newWorld(t)
	w.add(sandbox.Person{Login: "tom", Roles: map[string]sandbox.Role{"acme/incidents": sandbox.RoleTriage}})
	w.form("alice", "The API is down", []string{"Summary: 502 everywhere", "Severity: critical",
		"Customers impacted: globex"})
	w.settle()
	w.comment("carol", "/ic")
	w.settle()
	for n := range 8 {
		w.unlabel("tom", "phase/")
		w.settle()
		w.advance(20 * time.Minute)
		w.settle()
		if !slices.Contains(w.view().labels(), "phase/investigate") {
			t.Fatalf("after time %d the label is gone: %v", n+1, w.view().labels())
		}
	}
}
