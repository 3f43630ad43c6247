package engine_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/firebreak-dev/firebreak/templates"
)

// change writes the configuration to a branch, as somebody who opens a pull request does, and gives the commit.
func (w *world) change(branch, content string) (commit string) {
	w.t.Helper()
	var head struct{ Object struct{ SHA string } }
	w.ok("alice", "GET", "/api/v3/repos/acme/incidents/git/ref/heads/main", nil, &head)
	if branch != "main" {
		w.as("alice", "POST", "/api/v3/repos/acme/incidents/git/refs", map[string]string{"ref": "refs/heads/" + branch, "sha": head.Object.SHA}, nil)
	}
	var file struct{ SHA string }
	w.ok("alice", "GET", "/api/v3/repos/acme/incidents/contents/.github/firebreak.yml?ref="+branch, nil, &file)
	var done struct{ Commit struct{ SHA string } }
	w.ok("alice", "PUT", "/api/v3/repos/acme/incidents/contents/.github/firebreak.yml", map[string]string{
		"message": "Change it", "branch": branch, "sha": file.SHA, "content": base64.StdEncoding.EncodeToString([]byte(content))}, &done)
	w.settle()
	return done.Commit.SHA
}

type checkRun struct {
	Name, Conclusion string
	Output           struct {
		Title, Summary   string
		AnnotationsCount int `json:"annotations_count"`
	}
}

// checks lists the checks of a commit.
func (w *world) checks(commit string) []checkRun {
	w.t.Helper()
	var runs struct {
		CheckRuns []checkRun `json:"check_runs"`
	}
	w.ok("alice", "GET", "/api/v3/repos/acme/incidents/commits/"+commit+"/check-runs", nil, &runs)
	return runs.CheckRuns
}

func TestAChangedConfigurationIsCheckedBeforeItIsMerged(t *testing.T) {
	w := newWorld(t)
	bad := w.change("tune", "coordinater: sre\npager: pigeon\n")
	runs := w.checks(bad)
	if len(runs) != 1 || runs[0].Name != "firebreak.yml" || runs[0].Conclusion != "failure" || runs[0].Output.AnnotationsCount != 2 || !strings.Contains(runs[0].Output.Summary, "line 1, column 1") {
		t.Errorf("the check says %+v", runs)
	}
	good := w.change("tune", "coordinators: incident-coordinators\n")
	if runs := w.checks(good); len(runs) != 1 || runs[0].Conclusion != "success" {
		t.Errorf("the check says %+v", runs)
	}
}

// A broken file never stops an incident: the last good one goes on, and that is said once.
func TestABrokenConfigurationNeverStopsAnIncident(t *testing.T) {
	w := newWorld(t)
	for _, s := range steps(whole(t))[:3] {
		w.step(s)
		w.settle()
	}
	w.change("main", "escalation: {steps: 7}\n")
	w.tell("wait 16m\ncarol: /oe finding I can't\nwait 20m\ncarol: /ic update We look into it")
	told := 0
	for _, c := range w.list() {
		if strings.Contains(c.Body, "I can't use the new") {
			told++
		}
	}
	if told != 1 {
		t.Errorf("the broken file is told of %d times", told)
	}
	sent := w.outbox()
	if last := sent[len(sent)-1]; last.Kind != "announce" || last.To != "gina@globex.example" {
		t.Errorf("the last good configuration does not go on: %+v", last)
	}
}

// A repository without a configuration goes by that of the organisation's .github repository, and without one by the defaults.
func TestTheOrganisationsConfigurationAndTheDefaults(t *testing.T) {
	opening := "alice opens \"The API is down\"\n  Summary: Customers get 502\n  Severity: critical\n  Customers impacted: globex"
	form := map[string]string{}
	for path, content := range templates.Repository() {
		if path != ".github/firebreak.yml" {
			form[path] = content
		}
	}
	w := newWorldWith(t, map[string]map[string]string{"acme/incidents": form, "acme/.github": {".github/firebreak.yml": "pager: webhook\ncoordinators: platform\n"}})
	w.tell(opening)
	if sent := w.outbox(); len(sent) != 1 || sent[0].To != "platform" {
		t.Errorf("by the organisation's configuration the outbox holds %v", sent)
	}
	w = newWorldWith(t, map[string]map[string]string{"acme/incidents": form})
	w.tell(opening)
	if said := w.said("@acme/incident-coordinators"); len(said) != 1 || len(w.outbox()) != 0 {
		t.Errorf("without any the team is mentioned so: %q, and the outbox holds %v", said, w.outbox())
	}
}

// A process that starts while GitHub is out, or after the configuration was broken, goes by what one before it read (I5).
func TestI5WhatOneProcessReadTheNextKnows(t *testing.T) {
	w := newWorld(t)
	paging := "pager: webhook\nsignals:\n  - source: alertmanager\n    do: page\n    severity: critical\n    customer: globex\ncustomers: {globex: {}}\n"
	w.change("main", paging)
	w.alert("firing", "First", 1)
	w.settle()
	if sent := w.outbox(); len(sent) != 1 {
		t.Fatalf("the outbox holds %v", sent)
	}
	w.order(`{"outage":"10m"}`)
	w.restart()
	w.alert("firing", "Second", 1)
	if sent := w.outbox(); len(sent) != 2 || sent[1].Kind != "page" {
		t.Fatalf("during the outage the outbox holds %v", sent)
	}
	w.tell("wait 20m")
	w.change("main", "pagers: webhook\n")
	w.restart()
	before := len(w.outbox())
	w.alert("firing", "Third", 1)
	if sent := w.outbox()[before:]; len(sent) != 1 || !strings.Contains(sent[0].Key, "/signal/") {
		t.Errorf("by a broken configuration the outbox holds %v", sent)
	}
	w.change("main", "")
	w.restart()
	before = len(w.outbox())
	w.alert("firing", "Fourth", 1)
	if sent := w.outbox()[before:]; len(sent) != 0 {
		t.Errorf("an empty configuration is one, and the outbox holds %v", sent)
	}
}
