package simulation

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

// runsWorkflows reports whether people of a seed run one of the team's own workflows. As with changes, the
// first thousand seeds stay as they were.
func runsWorkflows(seed uint64) bool {
	return seed > 1000 && !isNarrow(seed) && newDraw(seed, 13).chance(25)
}

// workflow is what they run: each run is called after the command that asked for it.
const workflow = "name: Restart\nrun-name: Restart for ${{ inputs.for }}\non: {workflow_dispatch: {inputs: {for: {type: string, required: true}}}}\n"

// runSettings lets it be run.
const runSettings = "\nrun:\n  restart:\n    repository: acme/platform\n    workflow: restart.yml\n    in-drill: true\n    inputs: { for: { required: true } }\n"

// addWorkflow puts it where it is run.
func (w *world) addWorkflow() {
	w.t.Helper()
	if status := w.as("alice", "PUT", changed+"/contents/.github/workflows/restart.yml", map[string]string{"message": "Restart",
		"content": base64.StdEncoding.EncodeToString([]byte(workflow))}, nil); status != 201 {
		w.t.Fatalf("add the workflow: %d", status)
	}
}

// runCommand begins a command that runs it; the name of the command follows, in quotes.
const runCommand = "/oe run restart for="

// askForRuns puts into a script that people run the workflow, each with a command of its own name.
func askForRuns(seed uint64, script []step) {
	d := newDraw(seed, 14)
	for i, s := range script {
		if s.verb == "says" && d.chance(15) {
			script[i].text += fmt.Sprintf("\n%s'%d \"<b>\" \u00a0é'", runCommand, i)
		}
	}
}

// hasRun reports whether somebody ran the workflow in an incident.
func hasRun(script []step, title string) bool {
	return slices.ContainsFunc(script, func(s step) bool { return s.on == title && strings.Contains(s.text, runCommand) })
}

// endRuns ends what is running: a run takes no longer than until the next step.
func (w *world) endRuns() {
	if !runsWorkflows(w.net.seed) {
		return
	}
	for w.box.SetState([]byte(`{"end_run":{"repository":"acme/platform","conclusion":"success"}}`)) == nil { //nolint:revive // until none is left
	}
}

// countRuns holds that no workflow ran twice for one command, whatever the script and the faults, and none for what
// nobody wrote; what it was passed arrived byte for byte.
func (w *world) countRuns(o *outcome, script []step) {
	w.t.Helper()
	var page struct {
		Runs []struct {
			Title string `json:"display_title"`
		} `json:"workflow_runs"`
	}
	w.as("alice", "GET", changed+"/actions/runs?event=workflow_dispatch&per_page=100", nil, &page)
	ran := map[string]int{}
	for _, run := range page.Runs {
		ran[run.Title]++
	}
	for title, n := range ran {
		name := strings.TrimPrefix(title, "Restart for ")
		by := slices.IndexFunc(script, func(s step) bool { return strings.Contains(s.text, runCommand+"'"+name+"'") })
		asked, most := by >= 0, 1
		if asked && w.net.both[w.number(script[by].on)] {
			most = 2 // by two workers that share nothing: of those that share a store one alone is first
		}
		if n > most || !asked {
			o.wrong = append(o.wrong, fmt.Sprintf("%q ran %d times; a command asked for it: %t", title, n, asked))
		}
	}
}
