package forge

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Gate is an environment into which a run deploys, and which waits for the App's deployment protection rule.
// https://docs.github.com/en/actions/how-tos/deploy/configure-and-manage-deployments/create-custom-protection-rules
type Gate struct {
	Environment string
	Deployment  int64
	Answer      string   // approved or rejected; empty: it waits
	Comments    []string // of the App
}

// GateEvent asks the App for its word.
type GateEvent struct {
	By         *Actor
	Repository *Repository
	Run        *WorkflowRun
	Deployment *Deployment
}

func (*GateEvent) isEvent() {}

const (
	waiting    = "waiting" // the state of a run, and of its deployment, that a protection rule holds
	inProgress = "in_progress"
	approved   = "approved"
	rejected   = "rejected"
	// mostGateComments is how often an App may comment on an environment of a run.
	mostGateComments = 10
)

// IsGated reports whether an environment has a rule of the App.
func (r *Repository) IsGated(environment string) bool { return slices.Contains(r.Gated, environment) }

// Environments lists the environments that something was deployed to, or that have a rule.
func (r *Repository) Environments() []string {
	all := slices.Clone(r.Gated)
	for _, d := range r.Deployments {
		all = append(all, d.Environment)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// gate returns the gate of an environment; nil if the run has none there.
func (run *WorkflowRun) gate(environment string) *Gate {
	for _, g := range run.Gates {
		if g.Environment == environment {
			return g
		}
	}
	return nil
}

// IsHeld reports whether some environment waits for the App. A run that ended waits for nothing.
func (run *WorkflowRun) IsHeld() bool {
	return run.Status != "completed" && slices.ContainsFunc(run.Gates, func(g *Gate) bool { return g.Answer == "" })
}

// Deploy starts a run that deploys the tip of a branch. It waits where the environment has a rule of the App.
func (f *Forge) Deploy(by *Actor, r *Repository, branch, environment string) (*WorkflowRun, error) {
	branch = cmp.Or(branch, r.DefaultBranch)
	c, ok := r.Git.Branch(branch)
	if !ok {
		return nil, fmt.Errorf("%s has no branch %s", r.FullName(), branch)
	}
	headline, _, _ := strings.Cut(c.Message, "\n")
	run := &WorkflowRun{ID: f.NextID("workflow run"), Workflow: "Deploy", Path: workflowsFolder + "/deploy.yml",
		Event: "push", Branch: branch, SHA: c.SHA, Title: headline, Actor: by.Login, Status: inProgress,
		Created: f.Now(), Updated: f.Now()}
	r.addRun(f, run)
	f.NoteChange()
	f.deployRun(by, r, run, environment)
	return run, nil
}

// deployRun has a run deploy into an environment: it goes on until a person ends the run, and waits before where the
// environment has a rule of the App.
func (f *Forge) deployRun(by *Actor, r *Repository, run *WorkflowRun, environment string) {
	d := &Deployment{ID: f.NextID("deployment"), Ref: run.Branch, SHA: run.SHA, Task: "deploy", Environment: environment,
		Original: environment, Creator: by.Login, ViaApp: by.ViaApp, Production: environment == "production",
		Created: f.Now(), Updated: f.Now()}
	r.Deployments = append(r.Deployments, d)
	f.NoteChange()
	f.Emit(&DeploymentEvent{By: by, Repository: r, Deployment: d})
	if !r.IsGated(environment) {
		f.noteDeployment(by, r, d, NewDeploymentStatus{State: inProgress})
		return
	}
	run.Status = waiting
	run.Gates = append(run.Gates, &Gate{Environment: environment, Deployment: d.ID})
	f.noteDeployment(by, r, d, NewDeploymentStatus{State: waiting})
	f.Emit(&GateEvent{By: by, Repository: r, Run: run, Deployment: d})
}

// AnswerGate is the App's word on a run that waits for it: approved, rejected, or a comment alone.
// https://docs.github.com/en/rest/actions/workflow-runs#review-custom-deployment-protection-rules-for-a-workflow-run
func (f *Forge) AnswerGate(by *Actor, r *Repository, run *WorkflowRun, environment, state, comment string) error {
	if !by.ViaApp {
		return &Error{Status: statusForbidden, Message: "Must be a GitHub App"}
	}
	if err := f.Require(by, r, RoleWrite, "deployments"); err != nil {
		return err
	}
	refuse := func(why string) error { return &Error{Status: statusUnprocessableEntity, Message: why} }
	g := run.gate(environment)
	switch {
	case g == nil, g.Answer == "" && !run.IsHeld():
		return refuse("There are no pending deployment requests for this environment")
	case g.Answer != "":
		return refuse("The deployment protection rule was reviewed already")
	case state == "" && comment == "":
		return refuse("state or comment is required")
	case state != "" && state != approved && state != rejected:
		return refuse("state is not included in the list")
	case state == "" && len(g.Comments) >= mostGateComments:
		return refuse("There are too many comments on this environment")
	}
	if comment != "" {
		g.Comments = append(g.Comments, comment)
	}
	f.NoteChange()
	if state != "" {
		f.settleGate(by, r, run, g, state)
	}
	return nil
}

// settleGate lets a deployment go on, or ends its run.
func (f *Forge) settleGate(by *Actor, r *Repository, run *WorkflowRun, g *Gate, state string) {
	g.Answer, run.Updated = state, f.Now()
	d, _ := r.FindDeployment(g.Deployment)
	if state == rejected {
		run.Status, run.Conclusion = "completed", "failure"
		f.noteDeployment(by, r, d, NewDeploymentStatus{State: "failure"})
		f.Emit(&RunEvent{By: by, Repository: r, Run: run, Action: "completed"})
		return
	}
	if !run.IsHeld() && run.Status == waiting {
		run.Status = inProgress
	}
	f.noteDeployment(by, r, d, NewDeploymentStatus{State: inProgress})
}

// BypassGates starts all jobs that wait, as who administers a repository can.
// https://docs.github.com/en/actions/how-tos/deploy/configure-and-manage-deployments/review-deployments#bypassing-deployment-protection-rules
func (f *Forge) BypassGates(by *Actor, r *Repository, run *WorkflowRun) error {
	if err := f.RequireRules(by, r); err != nil {
		return err
	}
	for _, g := range run.Gates {
		if g.Answer == "" {
			f.settleGate(by, r, run, g, approved)
		}
	}
	f.NoteChange()
	return nil
}

// SetGate has deployments to an environment wait for the App, or not any more. What waits then goes on waiting.
func (f *Forge) SetGate(r *Repository, environment string, isOn bool) {
	r.Gated = slices.DeleteFunc(slices.Clone(r.Gated), func(name string) bool { return name == environment })
	if isOn {
		r.Gated = append(r.Gated, environment)
	}
	f.NoteChange()
}

// setGate has deployments to an environment wait for the App.
func setGate(f *Forge, _ *Actor, value json.RawMessage) error {
	var in struct {
		Repository, Environment string
		Off                     bool
	}
	if err := decode(value, &in, `{"repository":"acme/payments","environment":"production"}`); err != nil {
		return err
	}
	r, ok := f.FindRepository(in.Repository)
	switch {
	case !ok:
		return fmt.Errorf("there is no repository %q", in.Repository)
	case in.Environment == "":
		return fmt.Errorf("name the environment")
	}
	f.SetGate(r, in.Environment, !in.Off)
	return nil
}

// setDeploy starts a run that deploys a branch to an environment.
func setDeploy(f *Forge, by *Actor, value json.RawMessage) error {
	var in struct{ Repository, Environment, Branch string }
	if err := decode(value, &in, `{"repository":"acme/payments","environment":"production"}`); err != nil {
		return err
	}
	r, ok := f.FindRepository(in.Repository)
	if !ok {
		return fmt.Errorf("there is no repository %q", in.Repository)
	}
	_, err := f.Deploy(by, r, in.Branch, cmp.Or(in.Environment, "production"))
	return err
}
