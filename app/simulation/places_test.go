package simulation

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/card"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// What becomes of issues, comments and repositories: issues are transferred, converted and deleted,
// comments are deleted, another repository takes the name of the one for incidents.

// elsewhere is the repository to which issues are transferred. Nothing else happens in it.
const elsewhere = "acme/ledger"

// ending is how an incident ended whose issue is no more.
type ending struct {
	at     time.Time
	isPage bool // it ran and was critical, so the coordinators must learn of it
}

// ref returns the present name of an incident's issue.
func (w *world) ref(title string) incident.Ref {
	if ref, ok := w.moved[title]; ok {
		return ref
	}
	return incident.Ref{Owner: "acme", Repo: "incidents", Number: w.issues[title]}
}

// home returns the path of the repository in which an incident's issue is.
func (w *world) home(title string) string {
	if ref, ok := w.moved[title]; ok {
		return "/api/v3/repos/" + ref.FullName()
	}
	return repository
}

// timesRead returns how often the product has read what happened at an incident.
func (w *world) timesRead(title string) int {
	w.net.mu.Lock()
	defer w.net.mu.Unlock()
	return w.net.timelines[strconv.Itoa(w.ref(title).Number)]
}

// path returns the path of an incident's issue.
func (w *world) path(title string) string {
	return fmt.Sprintf("%s/issues/%d", w.home(title), w.ref(title).Number)
}

// open reads the state that an incident's card holds.
func (w *world) open(title, body string) (incident.State, error) {
	keys := card.Keys([][]byte{[]byte(secret)})
	var i issue
	w.as("alice", "GET", w.path(title), nil, &i)
	// It may have been written under another name, for nothing happened since; the id is the same.
	c, err := card.OpenIn(body, card.Issue{Ref: w.ref(title), ID: i.ID}, keys)
	if _, isMoved := w.moved[title]; isMoved && err != nil { // it is not written there yet
		before := incident.Ref{Owner: "acme", Repo: "incidents", Number: w.issues[title]}
		c.State, _, err = card.Open(body, before, keys)
	}
	return c.State, err
}

// actSeldom does what people do seldom.
func (w *world) actSeldom(s step) string {
	w.t.Helper()
	switch name := w.ref(s.on).String(); s.verb {
	case "transfers":
		if _, isMoved := w.moved[s.on]; isMoved {
			return "it is there already"
		}
		w.state("transfer", []string{name, elsewhere})
		var all []issue
		for _, i := range list[issue](w, "/api/v3/repos/"+elsewhere+"/issues?state=all") {
			if i.Title == s.on {
				all = append(all, i)
			}
		}
		if len(all) != 1 {
			w.t.Fatalf("%d issues %s in %s", len(all), s.on, elsewhere)
		}
		owner, repo, _ := strings.Cut(elsewhere, "/")
		w.moved[s.on] = incident.Ref{Owner: owner, Repo: repo, Number: all[0].Number}
		return "done"
	case "converts":
		w.state("convert", name)
		return "done"
	case "removes":
		w.state("delete_issue", name)
		return "done"
	case "deletes":
		w.wiped, w.unread = true, w.timesRead(s.on) == w.readAt[s.name]
		return fmt.Sprint(w.as(s.who, "DELETE", fmt.Sprintf("%s/issues/comments/%d", w.home(s.on), w.comments[s.name]), nil, nil))
	case "wipes": // the newest comment of the app's that is not the card
		all := list[comment](w, w.path(s.on)+"/comments")
		for _, c := range slices.Backward(all) {
			if strings.HasSuffix(c.User.Login, "[bot]") && !strings.Contains(c.Body, card.Marker) {
				return fmt.Sprint(w.as(s.who, "DELETE", fmt.Sprintf("%s/issues/comments/%d", w.home(s.on), c.ID), nil, nil))
			}
		}
		return "no such comment"
	}
	w.t.Fatalf("nobody can %q", s.verb)
	return ""
}

// within lets something be so for a part of the time that passes before step n, in which nobody acts.
func (f *trial) within(w *world, n int, begin, end func()) {
	wait := f.script[n].wait
	if wait < 2*time.Minute {
		return
	}
	before := time.Duration(f.IntN(int(wait/time.Second)/3)) * time.Second
	during := min(wait-before-time.Second, time.Duration(1+f.IntN(90))*time.Minute)
	w.advance(before)
	begin()
	w.advance(during)
	end()
	f.script[n].wait -= before + during
}

// pressArchive lets the incidents' repository be archived for a while: GitHub lets nobody write there.
func (f *trial) pressArchive(w *world, n int) {
	if !f.chance(40) {
		return
	}
	var from time.Time
	f.within(w, n, func() {
		from = w.box.Clock().Now()
		w.net.tell("acme/incidents is archived")
		w.archived = true
		w.state("archive", "acme/incidents")
		w.net.mu.Lock()
		w.net.resting = append(w.net.resting, span{from, from.Add(2 * time.Hour)}) // its card is behind
		w.net.mu.Unlock()
	}, func() {
		w.net.tell("over: archived")
		w.state("archive", "")
		w.net.mu.Lock()
		defer w.net.mu.Unlock()
		w.net.isAway(from, w.box.Clock().Now())
		w.net.resting[len(w.net.resting)-1].to = w.box.Clock().Now().Add(time.Minute)
	})
}

// pressLocks lets conversations be locked for a while. Who may write goes on, and the app with them.
func (f *trial) pressLocks(w *world, n int) {
	title := f.script[n].on
	number := w.issues[title]
	name := fmt.Sprintf("lock of %d", number)
	if number == 0 || w.has(name) || !f.chance(40) {
		return
	}
	var free time.Duration // until somebody acts who may not write
	for i := n; i < len(f.script); i++ {
		if f.script[i].on == title && f.script[i].who == "mallory" {
			break
		}
		if i > n {
			free += f.script[i-1].wait
		}
	}
	d := min(free, time.Duration(1+f.IntN(60))*time.Minute)
	if d < time.Minute {
		return
	}
	ref := w.ref(title).String()
	w.net.tell("the conversation of %s is locked for %s", title, d)
	w.state("lock", ref)
	w.spells = append(w.spells, spell{name, f.until(w, d), func(w *world) { w.state("unlock", ref) }})
}

// pressReuse lets the incidents' repository have another name, and another repository take the first
// one: all goes on where the incidents are, and nothing is written to the other one.
func (f *trial) pressReuse(w *world, n int) {
	isReport := func(s step) bool { return s.verb == "signals" } // they go by the name
	if len(w.issues) == 0 || f.script[n].wait == 0 {             // the product knows no name yet that it was not used by
		return
	}
	w.advance(0)
	if w.reused || !f.chance(20) || slices.ContainsFunc(f.script[n:], isReport) {
		return
	}
	w.net.tell("acme/incidents is called acme/p1, and acme/web acme/incidents")
	w.state("rename", []string{"acme/incidents", "acme/p1"})
	w.state("rename", []string{"acme/web", "acme/incidents"})
	w.renamed = true
	w.setReused(true)
	w.spells = append(w.spells, spell{"reused", f.until(w, time.Duration(1+f.IntN(120))*time.Minute), func(w *world) {
		w.state("rename", []string{"acme/incidents", "acme/web"})
		w.state("rename", []string{"acme/p1", "acme/incidents"})
		w.setReused(false)
	}})
}

func (w *world) setReused(is bool) {
	w.reused = is
	w.net.mu.Lock()
	defer w.net.mu.Unlock()
	w.net.reused = is
}

// noteStray notes what is written to the repository that took the name of the incidents' one. The
// caller holds the lock.
func (n *network) noteStray(req *http.Request, status int) {
	if n.reused && status < 300 && strings.Contains(req.URL.Path, "/repos/acme/incidents/") {
		n.strayed = append(n.strayed, req.Method+" "+req.URL.Path)
	}
}

// pressDeletions lets people delete what they wrote, or others: before it is read, while it is, or
// afterwards; and what the app wrote.
func (f *trial) pressDeletions(w *world, n int) {
	s := f.script[n]
	if f.play == nil || w.issues[s.on] == 0 {
		return
	}
	switch {
	case s.verb == "says" && f.chance(40):
		who := pick(f.draw, s.who, "dan")
		deed := step{who: who, verb: "deletes", on: s.on, name: s.name}
		switch f.IntN(3) {
		case 0:
			w.busy.arm(w.issues[s.on], 1+f.IntN(6), func() {
				w.net.tell("at once: %s", deed)
				f.play(deed)
			})
			w.advance(0)
			w.busy.disarm()
		case 1:
			w.advance(grid)
			f.play(deed)
		default:
			f.play(deed)
		}
	case f.chance(20):
		f.play(step{who: "dan", verb: "wipes", on: s.on})
	}
}

// pressTransfers lets an incident's issue be transferred to another repository.
func (f *trial) pressTransfers(w *world, n int) {
	title := f.script[n].on
	if _, _, ok := w.stateOf(title); f.play == nil || !ok || !f.chance(20) {
		return
	}
	if _, isMoved := w.moved[title]; !isMoved {
		w.advance(pick(f.draw, 0, grid))
		f.play(step{who: "alice", verb: "transfers", on: title})
	}
}

// pressRemovals lets somebody convert or delete an incident's issue.
func (f *trial) pressRemovals(w *world, n int) {
	title := f.script[n].on
	if f.play == nil || !f.chance(12) {
		return
	}
	w.advance(grid)
	s, _, ok := w.stateOf(title)
	if _, isGone := w.gone[title]; !ok || isGone {
		return
	}
	w.gone[title] = ending{w.box.Clock().Now(), s.Running() && s.Severity == "critical" && !s.Drill}
	f.play(step{who: "alice", verb: pick(f.draw, "converts", "removes"), on: title})
}

// unlearned returns the incidents whose issue is no more and of which the coordinators did not
// learn, or did although there was no need, or for which somebody was paged later.
func (w *world) unlearned(_ *world, _ []string) (lines []string) {
	for title, end := range w.gone {
		var last, later int
		for _, r := range w.receipts {
			of, what, _ := strings.Cut(r.Key, "/removed")
			isOf := strings.HasPrefix(r.Key, w.ref(title).String()+"/")
			switch {
			case r.Kind != "page":
			case of == w.ref(title).String() && what == "":
				last++
			case isOf && r.at.After(end.at):
				later++
			}
		}
		if want := map[bool]int{true: 1}[end.isPage]; last != want || later > 0 {
			lines = append(lines, fmt.Sprintf("%s: its issue is gone since %s: %d pages say so, want %d, and %d others left later",
				title, end.at.Format(time.TimeOnly), last, want, later))
		}
	}
	return lines
}

// pagedOtherwise returns where people were paged for an incident at other times, or for other
// reasons, than without what a theme brings about.
func (w *world) pagedOtherwise(calm *world, titles []string) (lines []string) {
	for _, title := range titles {
		if d := differ(calm.pagesOf(title), w.pagesOf(title)); d != "" {
			lines = append(lines, title+": people are paged otherwise (-want +got):\n"+d)
		}
	}
	return lines
}

// robot is the other bot, where it is one by GitHub's word.
const robot = "sync[bot]"

// pressBots lets another bot work. It never tires, and nobody else does anything unusual.
func (f *trial) pressBots(w *world, n int) {
	if !w.botted {
		w.addRobot()
		w.botAs = pick(f.draw, robot, robot, "dan")
	}
	if n == 0 || f.chance(30) {
		if s := f.automate(w, n); s.name != "" {
			w.spells = append(w.spells, s)
		}
	}
}

// mostActs is how much another bot has to do in a day, at most: it changes a thing back a few times.
const mostActs = 90

// endless returns what another bot and the product did without an end, and how people were paged
// otherwise.
func (w *world) endless(calm *world, titles []string) (lines []string) {
	if w.formats > 12 || w.acts > mostActs {
		lines = append(lines, fmt.Sprintf("another bot changed things back %d times, and formatted %d times", w.acts, w.formats))
	}
	return append(lines, w.pagedOtherwise(calm, titles)...)
}

// templates of a postmortem that mean no good.
var templatesOfOthers = []string{
	strings.Repeat("{{timeline}}\n", 5_000),
	strings.Repeat("{{#fix}}", 3_000) + "{{title}}" + strings.Repeat("{{/fix}}", 3_000),
	strings.Repeat("# nothing to see here\n", 50_000),
	"{{range $i := .}}{{template \"x\" .}}{{end}}{{define \"x\"}}{{template \"x\" .}}{{template \"x\" .}}{{end}}",
	"{{#fix}}{{^fix}}{{#cause}}{{title}}",
	"# {{title}}\n\n" + strings.Repeat("{{#cause}}{{url}}{{/cause}}\n", 66) + "{{timeline}}\n\n{{followups}}\n",
	"```mermaid\ngraph TD\n" + strings.Repeat("a-->b\n", 3_000) + "```\n<!-- firebreak:begin -->\n\u202e{{title}}\x00",
}

// pressTemplate lets somebody write a template of the postmortem.
func (f *trial) pressTemplate(w *world, n int) {
	if n > 0 {
		return
	}
	text := pick(f.draw, templatesOfOthers...)
	w.net.tell("a template of %d bytes (%d)", len(text), w.write("contents/"+incident.PostmortemTemplatePath, text))
}
