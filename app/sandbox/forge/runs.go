package forge

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// WorkflowRun is a run of a workflow of GitHub Actions, as far as it is known afterwards: nothing runs
// here, and a run has no jobs.
type WorkflowRun struct {
	ID         int64
	Number     int // of the workflow's runs
	Workflow   string
	WorkflowID int64
	Path       string // of the workflow's file
	Event      string
	Branch     string
	SHA        string
	Title      string
	Actor      string
	Status     string            // in_progress, waiting, completed
	Conclusion string            // success, failure, cancelled, …; empty until it is completed
	Inputs     map[string]string `json:",omitempty"`
	Gates      []*Gate           `json:",omitempty"` // environments into which it deploys, and that wait for the App
	Created    time.Time
	Updated    time.Time
}

// RunConclusions are the ways in which a run ends.
var RunConclusions = []string{"action_required", "cancelled", "failure", "neutral", "skipped", "stale", "success",
	"timed_out", "startup_failure"}

// NewRun is what a run of a workflow is made of.
type NewRun struct {
	Workflow   string
	Event      string // empty: push
	Branch     string // empty: the default branch
	Conclusion string // empty: success
}

// AddRun notes a run of a workflow on a branch that ends now.
func (f *Forge) AddRun(by *Actor, r *Repository, in NewRun) (*WorkflowRun, error) {
	branch := cmp.Or(in.Branch, r.DefaultBranch)
	c, ok := r.Git.Branch(branch)
	switch {
	case !ok:
		return nil, fmt.Errorf("%s has no branch %s", r.FullName(), branch)
	case in.Workflow == "":
		return nil, fmt.Errorf("name the workflow")
	case in.Conclusion != "" && !slices.Contains(RunConclusions, in.Conclusion):
		return nil, fmt.Errorf("a run can't end with %q, only with one of %s", in.Conclusion,
			strings.Join(RunConclusions, ", "))
	}
	headline, _, _ := strings.Cut(c.Message, "\n")
	run := &WorkflowRun{ID: f.NextID("workflow run"), Workflow: in.Workflow,
		Path:  ".github/workflows/" + strings.ReplaceAll(strings.ToLower(in.Workflow), " ", "-") + ".yml",
		Event: cmp.Or(in.Event, "push"), Branch: branch, SHA: c.SHA, Title: headline, Actor: by.Login,
		Status: "completed", Conclusion: cmp.Or(in.Conclusion, "success"), Created: f.Now(), Updated: f.Now()}
	r.addRun(f, run)
	f.NoteChange()
	f.Emit(&RunEvent{By: by, Repository: r, Run: run, Action: "completed"})
	return run, nil
}

// RunQuery chooses runs of workflows; what is empty chooses all.
type RunQuery struct {
	Branch, Event, Actor, SHA string
	Status                    string // or conclusion
	Path                      string // of the workflow's file
	Created                   string // a date or a range of them, as in a search
}

// RunsOf lists the runs that fit, the newest first.
func (r *Repository) RunsOf(q RunQuery) []*WorkflowRun {
	found := slices.DeleteFunc(slices.Clone(r.Runs), func(run *WorkflowRun) bool {
		return q.Branch != "" && q.Branch != run.Branch || q.Event != "" && q.Event != run.Event ||
			q.Actor != "" && !IsAccount(run.Actor, q.Actor) || q.SHA != "" && q.SHA != run.SHA ||
			q.Status != "" && q.Status != run.Status && q.Status != run.Conclusion ||
			q.Path != "" && q.Path != run.Path ||
			q.Created != "" && !inRange(run.Created, q.Created)
	})
	slices.Reverse(found)
	return found
}

// RunURL returns the address of a run's page.
func (f *Forge) RunURL(r *Repository, run *WorkflowRun) string {
	return fmt.Sprintf("%s/actions/runs/%d", f.RepositoryURL(r), run.ID)
}

// setRun lets a workflow have run.
func setRun(f *Forge, by *Actor, value json.RawMessage) error {
	var in struct{ Repository, Workflow, Branch, Event, Conclusion string }
	if err := decode(value, &in, `{"repository":"acme/payments","workflow":"CI"}`); err != nil {
		return err
	}
	r, ok := f.FindRepository(in.Repository)
	if !ok {
		return fmt.Errorf("there is no repository %q", in.Repository)
	}
	_, err := f.AddRun(by, r, NewRun{Workflow: in.Workflow, Event: in.Event, Branch: in.Branch,
		Conclusion: in.Conclusion})
	return err
}

// setProperties sets custom properties of repositories; an empty value takes one away.
// https://docs.github.com/en/organizations/managing-organization-settings/managing-custom-properties-for-repositories-in-your-organization
func setProperties(f *Forge, _ *Actor, value json.RawMessage) error {
	var in map[string]map[string]string
	if err := decode(value, &in, `{"acme/payments":{"service":"payments"}}`); err != nil {
		return err
	}
	for name := range in {
		if _, ok := f.FindRepository(name); !ok {
			return fmt.Errorf("there is no repository %q", name)
		}
	}
	for name, properties := range in {
		r, _ := f.FindRepository(name)
		if r.Properties == nil {
			r.Properties = map[string]string{}
		}
		maps.Copy(r.Properties, properties)
		maps.DeleteFunc(r.Properties, func(_, value string) bool { return value == "" })
	}
	f.NoteChange()
	return nil
}
