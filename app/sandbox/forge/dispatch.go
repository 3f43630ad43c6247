package forge

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
)

// workflowsFolder is where the files of workflows are.
const workflowsFolder = ".github/workflows"

// mostDispatchInputs and mostDispatchBytes are what GitHub takes of inputs.
const (
	mostDispatchInputs = 25
	mostDispatchBytes  = 65535
)

// workflowFile is what is read of the file of a workflow.
type workflowFile struct {
	Name    string `yaml:"name"`
	RunName string `yaml:"run-name"`
	On      any    `yaml:"on"`
	Jobs    map[string]struct {
		Environment any `yaml:"environment"`
	} `yaml:"jobs"`
}

// dispatchInput is an input that a workflow's file declares.
type dispatchInput struct {
	Type     string   `yaml:"type"`
	Required bool     `yaml:"required"`
	Options  []string `yaml:"options"`
	Default  any      `yaml:"default"`
}

// title returns what a run is called: as run-name says, of which the sandbox knows the inputs alone.
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#run-name
func (w workflowFile) title(inputs map[string]string) string {
	pairs := []string{}
	for name, value := range inputs {
		pairs = append(pairs, "${{ inputs."+name+" }}", value)
	}
	return cmp.Or(strings.NewReplacer(pairs...).Replace(w.RunName), w.Name)
}

// dispatchInputs returns the inputs of a workflow; ok is false if people can't start it.
func (w workflowFile) dispatchInputs() (inputs map[string]dispatchInput, ok bool) {
	const event = "workflow_dispatch"
	switch on := w.On.(type) {
	case string:
		return nil, on == event
	case []any:
		return nil, slices.Contains(on, any(event))
	case map[string]any:
		settings, ok := on[event]
		if !ok {
			return nil, false
		}
		text, err := yaml.Marshal(settings)
		var read struct {
			Inputs map[string]dispatchInput `yaml:"inputs"`
		}
		if err == nil {
			err = yaml.Unmarshal(text, &read)
		}
		return read.Inputs, err == nil
	}
	return nil, false
}

// environments returns into which environments its jobs deploy.
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idenvironment
func (w workflowFile) environments() (names []string) {
	for _, job := range slices.Sorted(maps.Keys(w.Jobs)) {
		name := w.Jobs[job].Environment
		if settings, ok := name.(map[string]any); ok {
			name = settings["name"]
		}
		if text, ok := name.(string); ok && !slices.Contains(names, text) {
			names = append(names, text)
		}
	}
	return names
}

// Dispatch starts a workflow that is asked for by its file's name or its id. The run goes on until a person
// ends it: nothing runs here.
// https://docs.github.com/en/rest/actions/workflows#create-a-workflow-dispatch-event
func (f *Forge) Dispatch(by *Actor, r *Repository, workflow, ref string,
	inputs map[string]string) (*WorkflowRun, error) {
	if err := f.Require(by, r, RoleWrite, "actions"); err != nil {
		return nil, err
	}
	file, ok := f.WorkflowAt(r, workflow)
	if !ok {
		return nil, ErrNotFound
	}
	branch := strings.TrimPrefix(strings.TrimPrefix(ref, "refs/heads/"), "refs/tags/")
	c, ok := r.Git.Branch(branch)
	if !ok {
		if c, ok = r.Git.Commits[r.Git.Refs["refs/tags/"+branch]]; !ok {
			return nil, &Error{Status: statusUnprocessableEntity, Message: "No ref found for: " + ref}
		}
	}
	content, _, ok := r.Git.File(c, file)
	var parsed workflowFile
	if ok {
		ok = yaml.Unmarshal(content, &parsed) == nil
	}
	declared, canStart := parsed.dispatchInputs()
	if !ok || !canStart {
		return nil, &Error{Status: statusUnprocessableEntity, Message: "Workflow does not have 'workflow_dispatch' trigger"}
	}
	if err := checkDispatchInputs(declared, inputs); err != nil {
		return nil, err
	}
	if parsed.Name == "" {
		parsed.Name = file
	}
	run := &WorkflowRun{ID: f.NextID("workflow run"), Workflow: parsed.Name, Path: file, Event: "workflow_dispatch",
		Branch: branch, SHA: c.SHA, Title: parsed.title(inputs), Actor: by.Login, Status: "in_progress",
		Inputs: maps.Clone(inputs), Created: f.Now(), Updated: f.Now()}
	r.addRun(f, run)
	f.NoteChange()
	f.Emit(&RunEvent{By: by, Repository: r, Run: run, Action: "requested"})
	for _, environment := range parsed.environments() {
		if r.IsGated(environment) { // what nobody holds deploys without a trace here
			f.deployRun(by, r, run, environment)
		}
	}
	return run, nil
}

// WorkflowAt finds a workflow by the name of its file, or by its id: it is one once the default branch has it.
func (f *Forge) WorkflowAt(r *Repository, workflow string) (file string, ok bool) {
	if id, err := strconv.ParseInt(workflow, 10, 64); err == nil {
		for _, run := range r.Runs {
			if run.WorkflowID == id {
				return run.Path, true
			}
		}
		return "", false
	}
	c, ok := r.Git.Branch(r.DefaultBranch)
	if !ok {
		return "", false
	}
	file = path.Join(workflowsFolder, path.Base(workflow))
	_, _, ok = r.Git.File(c, file)
	return file, ok
}

// checkDispatchInputs refuses what a workflow does not declare, and values that an input does not take.
func checkDispatchInputs(declared map[string]dispatchInput, inputs map[string]string) error {
	refuse := func(message string) error { return &Error{Status: statusUnprocessableEntity, Message: message} }
	var unexpected []string
	size := 0
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		size += len(name) + len(inputs[name])
		in, ok := declared[name]
		if !ok {
			unexpected = append(unexpected, strconv.Quote(name))
			continue
		}
		value := inputs[name]
		isWrong := in.Type == "choice" && !slices.Contains(in.Options, value) ||
			in.Type == "boolean" && value != "true" && value != "false"
		if in.Type == "number" {
			_, err := strconv.ParseFloat(value, 64)
			isWrong = err != nil
		}
		if isWrong {
			return refuse(fmt.Sprintf("Provided value '%s' for input '%s' not in the list of allowed values", value, name))
		}
	}
	switch {
	case len(unexpected) > 0:
		return refuse("Unexpected inputs provided: [" + strings.Join(unexpected, ", ") + "]")
	case len(inputs) > mostDispatchInputs:
		return refuse("Invalid request.\n\nNo more than 25 properties are allowed")
	case size > mostDispatchBytes:
		return refuse("inputs are too large.")
	}
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		if in := declared[name]; in.Required && in.Default == nil && inputs[name] == "" {
			return refuse("Required input '" + name + "' not provided")
		}
	}
	return nil
}

// addRun numbers a run of a workflow, and keeps it.
func (r *Repository) addRun(f *Forge, run *WorkflowRun) {
	run.Number = 1
	for _, o := range r.Runs {
		if o.Path == run.Path {
			run.Number, run.WorkflowID = o.Number+1, o.WorkflowID
		}
	}
	if run.WorkflowID == 0 {
		run.WorkflowID = f.NextID("workflow")
	}
	r.Runs = append(r.Runs, run)
}

// FindRun finds a run of a workflow by its id.
func (r *Repository) FindRun(id int64) (*WorkflowRun, bool) {
	n := slices.IndexFunc(r.Runs, func(run *WorkflowRun) bool { return run.ID == id })
	if n < 0 {
		return nil, false
	}
	return r.Runs[n], true
}

// EndRun ends a run that is under way.
func (f *Forge) EndRun(by *Actor, r *Repository, run *WorkflowRun, conclusion string) error {
	if err := f.Require(by, r, RoleWrite, "actions"); err != nil {
		return err
	}
	switch {
	case run.Status == "completed":
		return &Error{Status: statusConflict, Message: "The run has ended already"}
	case !slices.Contains(RunConclusions, conclusion):
		return fmt.Errorf("a run can't end with %q, only with one of %s", conclusion, strings.Join(RunConclusions, ", "))
	}
	run.Status, run.Conclusion, run.Updated = "completed", conclusion, f.Now()
	f.NoteChange()
	starter := by
	if a, ok := f.PersonActor(run.Actor); ok {
		starter = a
	} else if strings.EqualFold(run.Actor, f.App.Login) {
		starter = &Actor{Login: f.App.Login, ViaApp: true}
	}
	f.Emit(&RunEvent{By: starter, Repository: r, Run: run, Action: "completed"}) // whoever ends it, its sender started it
	return nil
}

// setRunEnded ends the oldest run of a repository that is under way.
func setRunEnded(f *Forge, by *Actor, value json.RawMessage) error {
	var in struct{ Repository, Conclusion string }
	if err := decode(value, &in, `{"repository":"acme/payments","conclusion":"success"}`); err != nil {
		return err
	}
	r, ok := f.FindRepository(in.Repository)
	if !ok {
		return fmt.Errorf("there is no repository %q", in.Repository)
	}
	for _, run := range r.Runs {
		if run.Status != "completed" && !run.IsHeld() {
			return f.EndRun(by, r, run, in.Conclusion)
		}
	}
	return fmt.Errorf("no run of %s is under way", r.FullName())
}
