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
func hasChange(seed uint64) bool { return seed > 1000 && newDraw(seed, 11).chance(25) }

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
		script[i].text += "\n" + pick(d, "/incident changes", "/incident changes since 2h", "/incident changes since 3d acme/platform",
			"/oe clear acme/platform#1 it was not live yet", "/oe revert acme/platform#1 the limit is too low", "/oe revert acme/platform#1",
			"/oe revert acme/platform#7", "/oe clear it")
	}
}

// countChanges holds what must be so of changes and reverts, whatever the script and the faults: one
// list for each incident that was critical or in which somebody asked, and one revert for each that
// asked for it.
func (w *world) countChanges(o *outcome, titles []string, script []step) {
	asked := func(title, command string) bool {
		return slices.ContainsFunc(script, func(s step) bool { return s.on == title && strings.Contains(s.text, command) })
	}
	reverts := map[string]int{}
	for _, p := range list[pull](w, changed+"/pulls?state=all&per_page=100") {
		if p.Number == 1 {
			continue
		}
		_, rest, _ := strings.Cut(p.Body, "<!-- firebreak:revert ")
		of, _, _ := strings.Cut(rest, " ")
		reverts[of]++
	}
	byAll := 0
	for _, n := range reverts {
		byAll += n
	}
	wanted := 0
	for _, title := range titles {
		if asked(title, "/oe revert acme/platform#1") {
			wanted++
		}
	}
	if byAll > wanted {
		o.wrong = append(o.wrong, fmt.Sprintf("%d reverts, and %d incidents asked for one: %v", byAll, wanted, reverts))
	}
	for of, n := range reverts {
		if n > 1 {
			o.wrong = append(o.wrong, fmt.Sprintf("%s has %d reverts of one change", of, n))
		}
	}
	for _, title := range titles {
		if w.number(title) == 0 {
			continue
		}
		lists := 0
		for _, c := range list[comment](w, w.path(title)+"/comments?per_page=100") {
			if strings.HasSuffix(c.User.Login, "[bot]") && strings.Contains(c.Body, "<!-- firebreak:did changes/") {
				lists++
			}
		}
		if lists == 0 || asked(title, "/incident changes") {
			continue
		}
		wasCritical := false
		for _, e := range list[struct {
			Event string
			Label struct{ Name string }
		}](w, w.path(title)+"/events?per_page=100") {
			wasCritical = wasCritical || e.Event == "labeled" && e.Label.Name == "severity/critical"
		}
		if !wasCritical {
			o.wrong = append(o.wrong, title+": changes are listed, and it never was critical")
		}
	}
}
