package engine_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/postmortem"
	"github.com/firebreak-dev/firebreak/templates"
)

// change writes the configuration to a branch, as somebody who opens a pull request does, and returns
// the commit.
func (w *world) change(branch, content string) (commit string) {
	w.t.Helper()
	var head struct{ Object struct{ SHA string } }
	w.ok("alice", "GET", "/api/v3/repos/acme/incidents/git/ref/heads/main", nil, &head)
	if branch != "main" {
		w.as("alice", "POST", "/api/v3/repos/acme/incidents/git/refs",
			map[string]string{"ref": "refs/heads/" + branch, "sha": head.Object.SHA}, nil)
	}
	var file struct{ SHA string }
	w.ok("alice", "GET", "/api/v3/repos/acme/incidents/contents/.github/firebreak.yml?ref="+branch, nil,
		&file)
	var done struct{ Commit struct{ SHA string } }
	w.ok("alice", "PUT", "/api/v3/repos/acme/incidents/contents/.github/firebreak.yml", map[string]string{
		"message": "Change it", "branch": branch, "sha": file.SHA, "content": base64.StdEncoding.EncodeToString([]byte(content))}, &done)
	w.settle()
	return done.Commit.SHA
}

type checkRun struct {
	ID               int64
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
	if len(runs) != 1 || runs[0].Name != "firebreak.yml" || runs[0].Conclusion != "failure" ||
		runs[0].Output.AnnotationsCount != 2 || !strings.Contains(runs[0].Output.Summary,
		"line 1, column 1") {
		t.Errorf("the check says %+v", runs)
	}
	good := w.change("tune", "coordinators: incident-coordinators\n")
	if runs := w.checks(good); len(runs) != 1 || runs[0].Conclusion != "success" {
		t.Errorf("the check says %+v", runs)
	}
}

// A push may be heard of only once its repository has another name. Its check was tried every
// second for ever then, with calls that pages need (found by seed 212 of TestA4InvariantsHold).
func TestAConfigurationIsCheckedAfterItsRepositoryWasRenamed(t *testing.T) {
	w := newWorld(t)
	w.order(`{"webhook_delay":"2m"}`)
	commit := w.change("tune", "coordinater: sre\n")
	w.bringAbout(`{"rename":["acme/incidents","acme/p1"]}`)
	w.calls()
	w.advance(10 * time.Minute)
	if n := len(w.calls()); n > 40 {
		t.Errorf("%d calls for one check", n)
	}
	var runs struct {
		CheckRuns []checkRun `json:"check_runs"`
	}
	w.ok("alice", "GET", "/api/v3/repos/acme/p1/commits/"+commit+"/check-runs", nil, &runs)
	if len(runs.CheckRuns) != 1 || runs.CheckRuns[0].Conclusion != "failure" {
		t.Errorf("the check says %+v", runs.CheckRuns)
	}
}

func TestAChangedTemplateIsCheckedBeforeItIsMerged(t *testing.T) {
	w := newWorld(t)
	push := func(text string) []checkRun {
		var got struct{ Commit struct{ SHA string } }
		content := map[string]string{"message": "Our template", "branch": "main",
			"content": base64.StdEncoding.EncodeToString([]byte(text))}
		var before struct{ SHA string }
		if w.as("alice", "GET", "/api/v3/repos/acme/incidents/contents/"+postmortem.TemplatePath, nil,
			&before); before.SHA != "" {
			content["sha"] = before.SHA
		}
		w.ok("alice", "PUT", "/api/v3/repos/acme/incidents/contents/"+postmortem.TemplatePath, content, &got)
		w.settle()
		return w.checks(got.Commit.SHA)
	}
	runs := push("# {{title}}\n\n{{range .Findings}}\n{{end}}\n")
	if len(runs) != 1 || runs[0].Conclusion != "failure" || runs[0].Output.AnnotationsCount != 2 ||
		!strings.Contains(runs[0].Output.Summary, "Line 3, column 1") {
		t.Errorf("the check says %+v", runs)
	}
	if runs := push("# {{title}}\n\n{{findings}}\n"); len(runs) != 1 || runs[0].Conclusion != "success" {
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

// A repository without a configuration goes by that of the organisation's .github repository, and
// without one by the defaults.
func TestTheOrganisationsConfigurationAndTheDefaults(t *testing.T) {
	opening := "alice opens \"The API is down\"\n  Summary: Customers get 502\n  Severity: critical\n  Customers impacted: globex"
	form := map[string]string{}
	for path, content := range templates.Repository() {
		if path != ".github/firebreak.yml" {
			form[path] = content
		}
	}
	w := newWorldWith(t, map[string]map[string]string{"acme/incidents": form,
		"acme/.github": {".github/firebreak.yml": "pager: webhook\ncoordinators: platform\n"}})
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

// A process that starts while GitHub is out, or after the configuration was broken, goes by what
// one before it read (I5).
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
}

// remove removes the configuration.
func (w *world) remove() {
	w.t.Helper()
	var file struct{ SHA string }
	w.ok("alice", "GET", "/api/v3/repos/acme/incidents/contents/.github/firebreak.yml", nil, &file)
	w.ok("alice", "DELETE", "/api/v3/repos/acme/incidents/contents/.github/firebreak.yml",
		map[string]string{"message": "Remove it", "sha": file.SHA}, nil)
	w.settle()
}

// A configuration that GitHub does not show for a moment, or shows empty, is still the one that was
// good; one that is removed counts no more after a quarter of an hour, and each incident that it
// was for says so, once (I5).
func TestI5AConfigurationThatIsMissedIsNotRemoved(t *testing.T) {
	skipUnderRace(t)
	paging := "pager: webhook\nsignals:\n  - source: alertmanager\n    do: page\n    severity: critical\n    customer: globex\ncustomers: {globex: {}}\n"
	own := map[string]string{}
	for path, content := range templates.Repository() {
		own[path] = content
	}
	own[".github/firebreak.yml"] = paging
	for name, c := range map[string]struct {
		files map[string]map[string]string
		miss  func(w *world)
		pages bool   // in the end
		says  string // the incident, in the end
	}{
		"404 for ten minutes": {map[string]map[string]string{"acme/incidents": own}, func(w *world) {
			w.answer("/api/v3/repos/acme/incidents/contents/.github/firebreak.yml",
				&http.Response{StatusCode: 404, Status: "404 Not Found"}, []byte(`{"message":"Not Found"}`))
		}, true, ""},
		"removed": {map[string]map[string]string{"acme/incidents": own},
			(*world).remove, false, "goes on with the defaults"},
		"emptied": {map[string]map[string]string{"acme/incidents": own},
			func(w *world) { w.change("main", "") }, false, "goes on with the defaults"},
		"removed, and the organisation has one": {map[string]map[string]string{"acme/incidents": own,
			"acme/.github": {".github/firebreak.yml": paging}}, (*world).remove, true, "configuration of `acme/.github`"},
		"made anew": {map[string]map[string]string{"acme/incidents": own},
			func(w *world) { w.change("main", "pager: github\n") }, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorldWith(t, c.files)
			paged := func(alert string) bool {
				w.t.Helper()
				before := len(w.outbox())
				w.alert("firing", alert, 1)
				w.settle()
				return len(w.outbox()) > before
			}
			if !paged("First") {
				t.Fatal("the configuration pages nobody")
			}
			w.advance(2 * time.Minute) // no longer as it was read just now
			c.miss(w)
			isLess := c.says != "" || c.pages
			w.restart()
			if paged("Second") != isLess {
				t.Errorf("at once it pages: %t", !isLess)
			}
			w.advance(10 * time.Minute)
			w.restart()
			if paged("Third") != isLess {
				t.Errorf("ten minutes later it pages: %t", !isLess)
			}
			w.release()
			w.advance(7 * time.Minute)
			if paged("Fourth") != c.pages {
				t.Errorf("in the end it pages: %t", !c.pages)
			}
			w.restart()
			if paged("Fifth") != c.pages {
				t.Errorf("in the end and after a restart it pages: %t", !c.pages)
			}
			w.ref.Number = 1
			w.tell("alice: /oe\nwait 16m\nalice: /oe finding The queue is full\nwait 16m")
			for _, words := range []string{"is no longer in this repository", "I can't use the new"} {
				n := len(w.said(words))
				if want := c.says != "" && words[0] == 'i'; n != 1 && want || n != 0 && !want {
					t.Errorf("%q is said %d times", words, n)
				}
			}
			if c.says != "" && len(w.said(c.says)) != 1 {
				t.Errorf("not said: %s", c.says)
			}
		})
	}
}
