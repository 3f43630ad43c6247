package simulation

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/firebreak-dev/firebreak/templates"
)

// hasChange reports whether somebody merged a change before the incidents of a seed, which they are
// asked about. The first thousand seeds have none: by those the planted faults are known to be found
// (docs/testing.md), and they stay as they were.
func hasChange(seed uint64) bool {
	if isNarrow(seed) {
		return narrowOf(seed).changed
	}
	return seed > 1000 && newDraw(seed, 11).chance(25)
}

// hasPast reports whether the company of a seed with a change has services in its configuration, and past
// incidents.
func hasPast(seed uint64) bool {
	return !isNarrow(seed) && hasChange(seed) && newDraw(seed, 16).chance(60)
}

// catalog are the services of such a seed. One is named by what forms say, one is owned by a person, and of
// one nothing is known.
const catalog = `
catalog:
  services:
    platform: {aliases: [customers], owners: [platform]}
    payments: {owners: ["@erin"], depends-on: [platform]}
    ledger: {repository: acme/nothing}
`

// past is the postmortem's data of an incident that was like most of those that scripts tell.
const past = `{"version":1,"summary":"Customers get 502","incident":{"id":"acme/incidents#901","title":"Incident"},
"times":{"declared":"2026-01-04T10:00:00Z"},"causes":[{"by":"alice","text":"A certificate ran out"}],
"fixes":[{"by":"alice","text":"The certificate is renewed, closes #1, @carol"}]}`

// files returns what the incident repository of a seed holds. In the first thousand changes are listed
// only when somebody asks: their calls, by which faults are drawn, stay as they were too.
func files(seed uint64) map[string]string {
	all := templates.Repository()
	if seed <= 1000 {
		all[".github/firebreak.yml"] += "\nchanges:\n  automatic: false\n"
	}
	if runsWorkflows(seed) {
		all[".github/firebreak.yml"] += runSettings
	}
	if freezes(seed) {
		all[".github/firebreak.yml"] += freezeSettings
	}
	if hasPast(seed) {
		all[".github/firebreak.yml"] += catalog
		all["postmortems/2026-01-04-901-customers.json"] = past
		all["postmortems/2026-01-05-902-orders.json"] = strings.NewReplacer("901", "902", "Customers get 502", "Orders are lost",
			"certificate", "queue").Replace(past)
	}
	return all
}

// changed is the repository of the change; it is the first pull request there.
const changed = "/api/v3/repos/acme/platform"

// change merges a pull request with one file.
func (w *world) change() {
	w.t.Helper()
	var tip struct {
		Object struct{ SHA string }
	}
	w.as("alice", "GET", changed+"/git/ref/heads/main", nil, &tip)
	w.as("alice", "POST", changed+"/git/refs", map[string]string{"ref": "refs/heads/limits", "sha": tip.Object.SHA}, nil)
	w.as("alice", "PUT", changed+"/contents/limits.yaml", map[string]string{"message": "Lower the limits", "branch": "limits",
		"content": base64.StdEncoding.EncodeToString([]byte("memory: 256Mi\n"))}, nil)
	w.as("alice", "POST", changed+"/pulls", map[string]string{"title": "Lower the limits", "head": "limits", "base": "main"}, nil)
	if status := w.as("alice", "PUT", changed+"/pulls/1/merge", map[string]string{}, nil); status != 200 {
		w.t.Fatalf("merge the change: %d", status)
	}
}

// askOfChanges puts into a script what people ask of the change: each at the end of a story's comment,
// so that nothing else comes at another time than without it.
func askOfChanges(seed uint64, script []step) {
	d := newDraw(seed, 12)
	for i, s := range script {
		if s.verb != "says" || !d.chance(12) {
			continue
		}
		if hasPast(seed) && d.chance(60) {
			script[i].text += "\n" + pick(d, "/incident similar", "/incident service", "/incident service payments", "/incident service customers",
				"/incident service ledger", "/incident service payrolls", "/ic escalate payments the cards fail", "/ic escalate customers wait",
				"/ic escalate platform, payments all hands", "/incident similar\n/incident service\n/incident changes")
			continue
		}
		script[i].text += "\n" + pick(d, "/incident changes", "/incident changes since 2h", "/incident changes since 3d acme/platform",
			"/oe clear acme/platform#1 it was not live yet", "/oe revert acme/platform#1 the limit is too low", "/oe revert acme/platform#1",
			"/oe revert acme/platform#7", "/oe clear it")
	}
}

// wrongChanges returns what must not be so of changes, reverts and past incidents, whatever the script and
// the faults: each incident has one revert at most of what it asked for, and nothing was read for one
// that never was critical and in which nobody asked.
func (w *world) wrongChanges(titles []string, script []step) (wrong []string) {
	asked := func(title, command string) bool {
		return slices.ContainsFunc(script, func(s step) bool { return s.on == title && strings.Contains(s.text, command) })
	}
	type asking struct{ of, change string }
	reverts := map[asking]int{}
	for _, p := range list[pull](w, changed+"/pulls?state=all") {
		if p.Number == 1 || w.isOfFreezes(p.Number) {
			continue
		}
		_, rest, _ := strings.Cut(p.Body, "<!-- firebreak:revert ")
		of, rest, _ := strings.Cut(rest, " ")
		change, _, _ := strings.Cut(rest, " ")
		reverts[asking{of, change}]++
	}
	byChange, wanted := map[string]int{}, map[string]int{}
	for key, n := range reverts {
		byChange[key.change] += n
		if n > 1 {
			wrong = append(wrong, fmt.Sprintf("%s has %d reverts of %s", key.of, n, key.change))
		}
	}
	for change, n := range byChange {
		for _, title := range titles {
			if asked(title, "/oe revert "+change) {
				wanted[change]++
			}
		}
		if n > wanted[change] {
			wrong = append(wrong, fmt.Sprintf("%d reverts of %s, and %d incidents asked for one: %v", n, change, wanted[change], reverts))
		}
	}
	for _, title := range titles {
		if w.number(title) == 0 {
			continue
		}
		shown := map[string]int{}
		for _, c := range list[comment](w, w.path(title)+"/comments") {
			for _, what := range []string{"changes", "similar"} {
				if strings.HasSuffix(c.User.Login, "[bot]") && strings.Contains(c.Body, "<!-- firebreak:did "+what+"/") {
					shown[what]++
				}
			}
		}
		for what := range shown {
			if !asked(title, "/incident "+what) && !w.wasCritical(title) {
				wrong = append(wrong, fmt.Sprintf("%s: %s are shown, and it never was critical", title, what))
			}
		}
		if state, _, ok := w.stateOf(title); ok && state.Hit.How != "" && !asked(title, "/incident service") && !w.wasCritical(title) {
			wrong = append(wrong, title+": its service is guessed, and it never was critical")
		}
	}
	return wrong
}

// wasCritical reports whether an incident ever had the label of a critical one.
func (w *world) wasCritical(title string) bool {
	return slices.ContainsFunc(list[labelled](w, w.path(title)+"/events"), func(e labelled) bool {
		return e.Event == "labeled" && e.Label.Name == "severity/critical"
	})
}

// labelled is an event of an issue.
type labelled struct {
	Event string
	Label struct{ Name string }
}
