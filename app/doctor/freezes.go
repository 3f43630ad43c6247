package doctor

import (
	"context"
	"fmt"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/github"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// checkFreezes lists what is frozen, and says whether what the configuration names can be (X4).
func (p *patient) checkFreezes(ctx context.Context) error {
	before := len(p.findings)
	if err := p.App.CheckFreezer(ctx); err != nil {
		p.add("", Failure, err.Error(), "Look whether firebreak freezer runs at FIREBREAK_FREEZE_URL, and whether "+
			"FIREBREAK_FREEZE_SECRET and FIREBREAK_APP_ID are the same there")
	}
	if len(p.policy.Freeze.Repos) > 0 && !p.App.HasFreezer() {
		can, err := github.FindCapabilities([]string{"freeze"})
		if err != nil {
			return err
		}
		missing, err := lacking(can[0].Permissions, p.inst.Permissions)
		if err != nil {
			return err
		}
		if len(missing) > 0 {
			p.add("", Warning, "the configuration names what may be frozen, and the App can't have GitHub hold merges. "+
				reasons(missing), "Grant it at "+p.settings()+"/permissions; then an owner accepts it at "+p.inst.GetHTMLURL())
		}
	}
	all, err := p.App.AllFreezes(ctx, github.Installation{ID: p.inst.GetID(), Owner: p.ref.Owner})
	if err != nil {
		return err
	}
	for _, f := range all {
		text := fmt.Sprintf("%s is frozen for %s until %s", f.Repo.FullName(), f.Holder, f.Until.Format("2 Jan 15:04 UTC"))
		switch {
		case !f.IsActive:
			p.add("", Warning, text+", and somebody has disabled that", "Delete the ruleset at "+f.URL)
		case p.Now().After(f.Until.Add(time.Hour)):
			p.add("", Failure, text+", which is over", "Delete the ruleset at "+f.URL+", and look why the product didn't")
		default:
			p.add("", Warning, text, "To lift it: /ic thaw in the incident, or delete the ruleset at "+f.URL)
		}
	}
	if err := p.checkGates(ctx); err != nil {
		return err
	}
	if len(p.findings) == before {
		p.ok("nothing is frozen")
	}
	return nil
}

// checkGates lists the deployments that wait for the App: it answers each within minutes unless a freeze holds it.
func (p *patient) checkGates(ctx context.Context) error {
	for _, name := range p.policy.Freeze.Repos {
		owner, repo, _ := naming.SplitRepository(name)
		all, err := p.App.WaitingGates(ctx, incident.Ref{Owner: owner, Repo: repo}, nil)
		switch {
		case ports.IsRefused(err): // then no rule there can be the App's
			continue
		case err != nil:
			return err
		}
		for _, g := range all {
			p.add("", Warning, fmt.Sprintf("the deployment of %s to %s by run %d waits for Firebreak", name, g.Environment,
				g.Run), "Where nothing is frozen it goes on within minutes. If it doesn't: Start all waiting jobs, on the run's "+
				"page, and look whether webhooks arrive")
		}
	}
	return nil
}
