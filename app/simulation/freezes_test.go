package simulation

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
)

// freezesSince is the last seed in which nobody freezes anything: those before keep their stories.
const freezesSince = 940_000

// freezes reports whether people of a seed freeze a repository.
func freezes(seed uint64) bool { return seed > freezesSince && newDraw(seed, 17).chance(70) }

// freezeSettings say what may be frozen.
const freezeSettings = "\nfreeze: { repositories: [acme/platform], in-drill: true }\n"

// The pull requests that people of such a seed try to merge, one at each step, over and over. The first ones are
// those that somebody may let through.
const (
	frozenPulls = 8
	letPulls    = 3
)

// firstFrozen is the number of the first of them.
func firstFrozen(seed uint64) int {
	if hasChange(seed) {
		return 2
	}
	return 1
}

// isOfFreezes reports whether a pull request is one of them.
func (w *world) isOfFreezes(number int) bool {
	at := firstFrozen(w.net.seed)
	return freezes(w.net.seed) && number >= at && number < at+frozenPulls
}

// addPulls opens them.
func (w *world) addPulls() {
	w.t.Helper()
	var tip struct {
		Object struct{ SHA string }
	}
	w.as("alice", "GET", changed+"/git/ref/heads/main", nil, &tip)
	for n := range frozenPulls {
		branch := fmt.Sprint("change-", n)
		w.as("alice", "POST", changed+"/git/refs", map[string]string{"ref": "refs/heads/" + branch, "sha": tip.Object.SHA}, nil)
		w.as("alice", "PUT", changed+"/contents/"+branch, map[string]string{"message": branch, "branch": branch,
			"content": base64.StdEncoding.EncodeToString([]byte(branch))}, nil)
		var made struct{ Number int }
		if w.as("alice", "POST", changed+"/pulls", map[string]string{"title": branch, "head": branch, "base": "main"}, &made); made.Number != firstFrozen(w.net.seed)+n {
			w.t.Fatalf("the pull request is %d", made.Number)
		}
	}
}

// askToFreeze puts into a script that people freeze, let through and thaw.
func askToFreeze(seed uint64, script []step) {
	d := newDraw(seed, 18)
	for i, s := range script {
		if s.verb != "says" || !d.chance(35) {
			continue
		}
		let := fmt.Sprintf("/ic let acme/platform#%d through because it is the fix", firstFrozen(seed)+d.IntN(letPulls))
		script[i].text += "\n" + pick(d, "/ic freeze all for 30m the rollback must not meet others", "/ic freeze acme/platform",
			"/ic freeze all for 5h", "/ic freeze all for 70h\n"+let, let, let, "/ic thaw")
	}
}

var freezing = regexp.MustCompile(`/ic (freeze|let|thaw)\b`)

// mergeOne tries to merge the next pull request, and has GitHub merge it as soon as nothing is in its way. What gets
// in while something is frozen needs an exception of each freeze.
func (w *world) mergeOne() {
	if !freezes(w.net.seed) {
		return
	}
	w.t.Helper()
	n := firstFrozen(w.net.seed) + w.merges%frozenPulls
	w.merges++
	w.deployOne()
	at := fmt.Sprintf("%s/pulls/%d", changed, n)
	var p struct {
		Merged bool
		Auto   *struct{} `json:"auto_merge"`
	}
	if w.as("alice", "GET", at, nil, &p); p.Merged {
		return
	}
	frozen := w.frozen()
	switch status := w.as("alice", "PUT", at+"/merge", map[string]string{}, nil); {
	case status == http.StatusOK:
		for _, f := range frozen {
			w.admitted = append(w.admitted, admitted{n, f.Holder})
		}
	case p.Auto == nil:
		w.state("auto_merge", fmt.Sprintf("acme/platform#%d", n))
	}
}

// admitted is a pull request that got past a freeze.
type admitted struct {
	pull   int
	holder string
}

// frozen returns what freezes the repository.
func (w *world) frozen() (found []ports.Freeze) {
	w.t.Helper()
	for _, s := range list[struct{ Name, Enforcement string }](w, changed+"/rulesets") {
		if f, ok := ports.ReadFreeze(s.Name); ok && s.Enforcement == "active" {
			found = append(found, f)
		}
	}
	return found
}

// wrongFreezes returns what must not be so of freezes, whatever the script and the faults: in the end nothing is frozen
// that no incident wants, and nothing got in, or could, without an exception that somebody recorded.
func (w *world) wrongFreezes(script []step) (wrong []string) {
	if !freezes(w.net.seed) {
		return nil
	}
	w.t.Helper()
	for _, f := range w.frozen() {
		ref, ok := f.Incident()
		var i issue
		if ok {
			w.as("alice", "GET", fmt.Sprintf("/api/v3/repos/%s/issues/%d", ref.FullName(), ref.Number), nil, &i)
		}
		if over := w.box.Clock().Now().Sub(f.Until); i.State != "open" || over > 20*time.Minute {
			wrong = append(wrong, fmt.Sprintf("frozen for %s, which is %q, %s after its end", f.Holder, i.State, over))
		}
	}
	for n := firstFrozen(w.net.seed); n < firstFrozen(w.net.seed)+frozenPulls; n++ {
		var p struct{ Head struct{ SHA string } }
		w.as("alice", "GET", fmt.Sprintf("%s/pulls/%d", changed, n), nil, &p)
		for _, s := range list[struct{ State, Context, Description string }](w, changed+"/commits/"+p.Head.SHA+"/statuses") {
			holder, isFreeze := strings.CutPrefix(s.Context, ports.FreezeContext(""))
			if isFreeze && s.State == "success" && s.Description != "The freeze is over" {
				w.admitted = append(w.admitted, admitted{n, holder})
			}
		}
	}
	for _, a := range w.admitted {
		if !slices.ContainsFunc(script, func(s step) bool {
			return strings.Contains(s.text, fmt.Sprintf("/ic let acme/platform#%d ", a.pull)) && w.number(s.on) != 0 &&
				(strings.Contains(a.holder, fmt.Sprintf("#%d/", w.number(s.on))) || len(w.moved) > 0)
		}) {
			wrong = append(wrong, fmt.Sprintf("acme/platform#%d was let past %s, and nobody asked for it", a.pull, a.holder))
		}
	}
	return append(wrong, w.wrongGates()...)
}

// hasFreeze reports whether somebody spoke of a freeze in an incident.
func hasFreeze(script []step, title string) bool {
	return slices.ContainsFunc(script, func(s step) bool { return s.on == title && freezing.MatchString(s.text) })
}

// unfrozen takes out when something was frozen, by which way and what was let through: that hangs on when GitHub let the
// product, and on what was merged by then.
func (o *outcome) unfrozen(title string, script []step) {
	o.same[title] = slices.DeleteFunc(o.same[title], func(line string) bool { return frost.MatchString(line) })
	for _, s := range script {
		if s.on == title && freezing.MatchString(s.text) {
			o.unanswered(title, s.name)
			o.same[title] = slices.DeleteFunc(o.same[title], func(line string) bool {
				return strings.HasPrefix(line, title+": reply/["+s.name+"].")
			})
		}
	}
}

var frost = regexp.MustCompile(`: (then|\d{4}-\S+) \S* (freeze|freeze-on|freeze-off|let|let-through) `)
