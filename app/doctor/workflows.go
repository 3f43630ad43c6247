package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/github"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// checkWorkflows asks of each workflow that /oe run may start whether it can be started as the configuration
// says (X5).
func (p *patient) checkWorkflows(ctx context.Context) error {
	all := p.policy.Workflows
	if len(all) == 0 {
		p.ok("the configuration names no workflow that /oe run may start")
		return nil
	}
	before := len(p.findings)
	can, err := github.FindCapabilities([]string{"run"})
	if err != nil {
		return err
	}
	missing, err := lacking(can[0].Permissions, p.inst.Permissions)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		p.add("", Warning, "workflows are configured, and the App may not start any. "+reasons(missing),
			"Grant it at "+p.settings()+"/permissions; then an owner accepts it at "+p.inst.GetHTMLURL())
	}
	for _, w := range all {
		wrong, err := p.wrongWith(ctx, w)
		if err != nil {
			return err
		}
		if wrong != "" {
			p.add("", Warning, "the workflow "+w.Name+" can't be run: "+wrong, "Change it there, or under run in "+config.Path)
		}
	}
	if len(p.findings) == before {
		p.ok("%d workflows can be started by /oe run", len(all))
	}
	return nil
}

// wrongWith says why a workflow can't be started as the configuration says; "" if it can.
func (p *patient) wrongWith(ctx context.Context, w incident.Workflow) (string, error) {
	owner, repo, _ := naming.SplitRepository(w.Repo)
	if !naming.Equal(owner, p.ref.Owner) {
		return w.Repo + " has another owner than this repository", nil
	}
	path := ".github/workflows/" + w.File
	content, ok, err := p.App.ReadFile(ctx, incident.Ref{Owner: owner, Repo: repo}, path)
	switch {
	case errors.Is(err, engine.ErrNoAccess):
		return "the App can't read " + w.Repo, nil
	case err != nil:
		return "", fmt.Errorf("read the workflow %s: %w", w.Name, err)
	case !ok:
		return w.Repo + " has no " + path + " on its default branch", nil
	}
	declared, ok := startInputs(content)
	if !ok {
		return path + " of " + w.Repo + " does not have the trigger workflow_dispatch", nil
	}
	var wrong []string
	for _, in := range w.Inputs {
		if _, ok := declared[in.Name]; !ok {
			wrong = append(wrong, "it has no input "+in.Name)
		}
	}
	for name, in := range declared {
		if in.Required && in.Default == nil &&
			!slices.ContainsFunc(w.Inputs, func(i incident.WorkflowInput) bool { return i.Name == name }) {
			wrong = append(wrong, "it needs the input "+name+", which the configuration does not name")
		}
	}
	slices.Sort(wrong)
	return strings.Join(wrong, ", and "), nil
}

// startInput is an input that a workflow's file declares.
type startInput struct {
	Required bool `yaml:"required"`
	Default  any  `yaml:"default"`
}

// startInputs returns the inputs of a workflow; ok is false if people can't start it.
func startInputs(content []byte) (inputs map[string]startInput, ok bool) {
	var file struct {
		On any `yaml:"on"`
	}
	if yaml.Unmarshal(content, &file) != nil {
		return nil, false
	}
	const event = "workflow_dispatch"
	switch on := file.On.(type) {
	case string:
		return nil, on == event
	case []any:
		return nil, slices.Contains(on, any(event))
	case map[string]any:
		settings, ok := on[event]
		if !ok {
			return nil, false
		}
		var read struct {
			Inputs map[string]startInput `yaml:"inputs"`
		}
		text, err := yaml.Marshal(settings)
		if err == nil {
			err = yaml.Unmarshal(text, &read)
		}
		return read.Inputs, err == nil
	}
	return nil, false
}
