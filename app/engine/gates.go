package engine

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/effects"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// A webhook says that a deployment waits for the app's word, and not which incident wants it held. A ruleset names
// its incident. Where the app may make none, the incidents that have a repository frozen are listed in the store; each
// look at a freeze says so again, and what is lost there holds nothing for two minutes. Whether an incident still wants
// it, its card says.

// mostHolders is how many incidents may have one repository frozen.
const mostHolders = 20

func holdersKey(repo string) string { return "freezes/" + naming.Key(repo) }

// loadHolders returns the freezes that are listed of a repository. A store that does not answer is an error: what is
// held is not let go for want of it.
func (r *reconciliation) loadHolders(repo string) (all []ports.Freeze, err error) {
	if r.Store == nil {
		return nil, nil
	}
	content, err := r.Store.Load(r.Ctx, holdersKey(repo))
	if err != nil {
		return nil, fmt.Errorf("read by what %s is frozen: %w", repo, err)
	}
	owner, name, _ := naming.SplitRepository(repo)
	for line := range strings.Lines(string(content)) {
		holder, until, _ := strings.Cut(strings.TrimSpace(line), " ")
		at, err := time.Parse(time.RFC3339, until)
		f := ports.Freeze{Repo: incident.Ref{Owner: owner, Repo: name}, Holder: holder, Until: at, IsActive: true}
		if _, ok := f.Incident(); ok && err == nil {
			all = append(all, f)
		}
	}
	return all, nil
}

// listHolders lists what this incident has frozen, and takes off the list what it has not. A drill holds no
// deployment.
func (r *reconciliation) listHolders() {
	for _, f := range r.State.Freezes {
		if f.IsOver() {
			continue
		}
		listed, err := r.loadHolders(f.Repo)
		if err != nil {
			r.Logger.Warn("not readable outside GitHub", "name", holdersKey(f.Repo), "err", ports.Redact(err))
			continue
		}
		holder := incident.FreezeHolder(r.DeclaredRef(), f.Number)
		now := slices.DeleteFunc(slices.Clone(listed), func(o ports.Freeze) bool {
			return naming.Equal(o.Holder, holder) || !r.Now.Before(o.Until)
		})
		if f.IsLive() && !r.State.Drill {
			now = append(now, ports.Freeze{Holder: holder, Until: f.Until})
		}
		isSame := func(a, b ports.Freeze) bool { return a.Holder == b.Holder && a.Until.Equal(b.Until) }
		if slices.EqualFunc(listed, now, isSame) {
			continue
		}
		var text strings.Builder
		for _, o := range now[max(0, len(now)-mostHolders):] {
			fmt.Fprintf(&text, "%s %s\n", o.Holder, o.Until.UTC().Format(time.RFC3339))
		}
		r.saveKept(holdersKey(f.Repo), []byte(text.String()))
	}
}

// gates answers the deployments that wait for the app's word.
func (r *reconciliation) gates() effects.Gates {
	return effects.Gates{GitHub: r.GitHub, Wanted: r.wantedFreezes, Now: r.Clock.Now}
}

// wantedFreezes returns the freezes of a repository that are wanted: those on the list and those that GitHub has, but
// for what is of a drill, and of an incident that is over. What this incident wants its own state says.
func (r *reconciliation) wantedFreezes(repo incident.Ref, onGitHub []ports.Freeze) (wanted []ports.Freeze, err error) {
	all, err := r.loadHolders(repo.FullName())
	if err != nil {
		return nil, err
	}
	for _, f := range onGitHub {
		isHere := func(o ports.Freeze) bool { return naming.Equal(o.Holder, f.Holder) }
		if i := slices.IndexFunc(all, isHere); i >= 0 {
			all[i] = f
		} else {
			all = append(all, f)
		}
	}
	for _, f := range all {
		s, known, err := r.holderState(f)
		if err != nil {
			return nil, err
		}
		_, number, _ := f.Of()
		if f.IsTight = known && s.LetsNothingThrough(number); !known || s.Holds(number) {
			wanted = append(wanted, f)
		}
	}
	return wanted, nil
}

// holderState returns the state of the incident that wants a freeze. Where it is not known, the freeze is wanted: the
// command line wants one until its end.
func (r *reconciliation) holderState(f ports.Freeze) (s incident.State, known bool, err error) {
	ref, _, isOfIncident := f.Of()
	switch {
	case !isOfIncident:
		return s, false, nil
	case r.State.Declared != nil && isSame(ref, r.DeclaredRef()):
		return r.State, true, nil
	}
	issue, err := r.GitHub.PeekIssue(r.Ctx, ref)
	switch {
	case ports.IsRefused(err): // then its time ends it
		return s, false, nil
	case err != nil:
		return s, false, fmt.Errorf("look whether %s wants %s frozen: %w", ref, f.Repo.FullName(), err)
	}
	if s, ok := r.pinnedState(issue); ok {
		return s, true, nil
	}
	// What is over, or a drill, has no freeze that counts.
	isOver := issue.Gone || !issue.Open || naming.Contains(issue.Labels, incident.LabelDrill)
	return incident.State{Drill: isOver}, isOver, nil
}

// answerGates answers the deployments of a repository that wait for the app's word: the one of which a webhook told, or
// all that the sweep found. Whose freeze holds one is asked to say so there. What GitHub does not let the app see does
// not wait for it.
func (r *reconciliation) answerGates() error {
	asked := r.m.Gate()
	if asked.Run == 0 {
		if _, err := r.gates().Settle(r.Ctx, r.Ref, nil); err != nil && !ports.IsRefused(err) {
			return fmt.Errorf("answer the deployments of %s: %w", r.Ref.FullName(), err)
		}
		return nil
	}
	held, err := r.gates().SettleOne(r.Ctx, r.Ref, asked.Run, asked.Environment)
	if err != nil && !ports.IsRefused(err) {
		return fmt.Errorf("answer the deployment of %s to %s by run %d: %w", r.Ref.FullName(), asked.Environment, asked.Run,
			err)
	}
	if err != nil || held == nil {
		return nil
	}
	for _, f := range held.By {
		ref, isOfIncident := f.Incident()
		if isOfIncident {
			err = r.askFreezer(ref)
		} else if err = r.GitHub.AnswerGate(r.Ctx, held.Gate, "", effects.GateText(f, f.URL)); ports.IsRefused(err) {
			err = nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}
