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

// startRuns starts the workflows that are owed, and looks what became of those that were.
func (r *reconciliation) startRuns() error {
	if id, ok := strings.CutPrefix(r.m.Why, runEnded); ok {
		var run int64
		if _, err := fmt.Sscan(id, &run); err == nil {
			r.Report(incident.RunChanged{Run: run})
			if err := r.addPending(); err != nil {
				return err
			}
		}
	}
	if !slices.ContainsFunc(r.Effects, isRun) {
		return nil
	}
	// what became of it is said before a limit can end this look
	return inOrder(r.runs.Apply, r.comments.Apply)
}

func isRun(e incident.Effect) bool {
	switch e.(type) {
	case incident.StartRun, incident.FollowRun:
		return true
	}
	return false
}

// runEnded begins the cause of a message that says that a run of a workflow ended; its id follows.
const runEnded = "run ended "

// routeRun sends the end of a run to its incident, if it is one's.
func (r *reconciliation) routeRun() error {
	id := r.m.Run()
	if r.Store == nil {
		return ErrNotLooked
	}
	name, err := r.Store.Load(r.Ctx, effects.RunKey(r.Ref, id))
	if err != nil {
		return fmt.Errorf("look up whose run %d of %s is: %w", id, r.Ref.FullName(), err)
	}
	ref, err := incident.ParseRef(string(name))
	if err != nil {
		return ErrNotLooked // nobody's, or its start is not noted yet: then the clock finds its end
	}
	m := Message{Ref: ref, Why: fmt.Sprint(runEnded, id), What: incident.Refresh{},
		Delivery: fmt.Sprintf("run %s %d %s", r.Ref.FullName(), id, r.m.Delivery)}
	if err := r.Queue.Enqueue(r.Ctx, m, time.Time{}); err != nil {
		return fmt.Errorf("send the end of run %d to %s: %w", id, ref, err)
	}
	return ErrNotLooked
}

// lookUpRunner looks up whether a command's author may run the workflow that it names: the
// configuration says who, or else who may write to the workflow's repository. Of a run that was started that was asked
// before: a card that is lost does not lose it because GitHub doesn't say so again.
func (r *reconciliation) lookUpRunner(fact string, c *incident.Command, login string) error {
	if len(c.Names) == 0 {
		return nil
	}
	w, ok := r.Policy.WorkflowOf(c.Names[0])
	if !ok {
		return nil
	}
	c.Repo, c.Org = w.Repo, r.Ref.Owner
	owner, _, _ := naming.SplitRepository(w.Repo)
	switch {
	case !naming.Equal(owner, r.Ref.Owner): // whom this incident's installation does not know
		return nil
	case r.runs.IsBegun(fact):
		return nil
	case len(w.Who) == 0:
		return r.lookUpWriter(c, login)
	}
	var teams []string
	for _, who := range w.Who {
		if name, isPerson := strings.CutPrefix(who, "@"); !isPerson {
			teams = append(teams, who)
		} else if naming.Equal(name, login) {
			return nil
		}
	}
	is, err := r.GitHub.IsMember(r.Ctx, r.Ref, login, teams)
	switch {
	case ports.IsRefused(err):
		c.Unsure = ports.Reason(err)
	case err != nil:
		return fmt.Errorf("look up whether %s may run %s: %w", login, w.Name, err)
	case !is:
		c.Cannot = []string{login}
	}
	return nil
}
