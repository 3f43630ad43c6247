package engine

import (
	"fmt"
	"slices"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// recoverPostmortem recovers what is in the postmortem's pull request and not in the issue: that it
// exists, what became of it, and the commands in its comments.
func (r *reconciliation) recoverPostmortem() error {
	wasClosing := slices.ContainsFunc(r.State.Phases,
		func(s incident.Span) bool { return s.Phase == incident.Closing })
	if r.State.Phase != incident.Closing && !wasClosing {
		return nil
	}
	err := r.readPostmortem()
	if ports.IsRefused(err) { // the next look at the postmortem finds it again
		r.Logger.Warn("postmortem not found again", "incident", r.Ref.String(), "err", ports.Redact(err))
		return nil
	}
	return err
}

// readPostmortem finds the postmortem's pull request, and steps over what became of it.
func (r *reconciliation) readPostmortem() error {
	number, err := r.GitHub.FindPullRequest(r.Ctx, r.DocumentRef(), incident.PostmortemBranch(r.Ref))
	if err != nil || number == 0 {
		return err
	}
	r.Report(incident.DocumentOpened{Number: number})
	said, err := r.pullRequestCommands(number)
	if err != nil {
		return err
	}
	became, err := r.readPullRequest(number)
	if err != nil {
		return err
	}
	for _, f := range append(said, became...) {
		r.Step(f)
	}
	return nil
}

// pullRequestCommands returns the commands in the comments on the postmortem's pull request.
func (r *reconciliation) pullRequestCommands(number int) ([]incident.Fact, error) {
	ref := r.DocumentRef()
	ref.Number = number
	items, err := r.GitHub.ReadTimeline(r.Ctx, ref)
	if err != nil {
		return nil, fmt.Errorf("read the pull request's comments: %w", err)
	}
	var said []incident.Fact
	for i, it := range items {
		if it.Event == "commented" && !it.Own && !it.Bot && !it.Edited {
			said = append(said, r.commandFacts(r.parse(it.Body), i,
				incident.Fact{ID: it.ID + "@pull", At: it.At, By: incident.Person{Login: it.By}})...)
		}
	}
	return r.lookUpPeople(said)
}
