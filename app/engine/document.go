package engine

import (
	"fmt"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// recoverPostmortem recovers what is in the postmortem's pull request and not in the issue: that it
// exists, what became of it, and the commands in its comments.
func (r *reconciliation) recoverPostmortem() error {
	if !r.State.WasClosing() {
		return nil
	}
	err := r.readPostmortem()
	if ports.IsRefused(err) {
		return r.readAgain(incident.PullChanged{Number: unknownPull}, "the postmortem's pull request", err)
	}
	return err
}

// isFirstClosing reports whether this look is the first one that does what closing an incident takes. That
// is done only once the card says that the incident is being closed. So no look did it before while the
// card says nothing of it, as this look read it: and it waits until what it reads is as new as what was
// written.
func (r *reconciliation) isFirstClosing() bool {
	return !r.Before.WasClosing() && r.isSaved && !r.IsRebuilt && !r.IsCardLost && !r.isReadBehind
}

// unknownPull is the number in a message about the postmortem's pull request where that is not found yet.
const unknownPull = -1

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

// pullRequestFacts returns what became of the postmortem's pull request, and the commands in a
// comment on it, if the message is about it.
func (r *reconciliation) pullRequestFacts() ([]incident.Fact, error) {
	if r.State.Document.Number == 0 && r.m.Pull() != 0 && !r.IsRebuilt {
		return nil, r.recoverPostmortem() // its number was lost with a card
	}
	if r.m.Pull() == 0 || r.State.Document.Number != r.m.Pull() || r.State.Document.Merged != nil {
		return nil, nil
	}
	if c := r.m.Comment(); c != nil {
		f := incident.Fact{ID: fmt.Sprintf("c%d@pull", c.ID), At: c.Created,
			By: incident.Person{Login: c.Author}}
		return r.commandFacts(r.parse(c.Body), len(r.Snapshot.Items), f), nil
	}
	return r.readPullRequest(r.m.Pull())
}

// readPullRequest reads the postmortem's pull request and returns its facts.
func (r *reconciliation) readPullRequest(number int) ([]incident.Fact, error) {
	pr, err := r.GitHub.ReadPullRequest(r.Ctx, r.DocumentRef(), number)
	pull := incident.PullChanged{Number: number}
	if ports.IsRefused(err) {
		return nil, r.readAgain(pull, fmt.Sprintf("pull request %d", number), err)
	}
	if err != nil {
		return nil, err
	}
	if err := r.awaitOther(r.m.Pull() == number && r.m.Comment() == nil,
		fmt.Sprintf("pull request %d", number), pr.Updated); err != nil {
		return nil, err
	}
	r.postmortem.PullRequest = &pr
	now := func(what any) incident.Fact { return incident.Fact{At: r.Now, What: what} }
	switch {
	case !pr.ByApp:
		return nil, nil
	case pr.Merged:
		return []incident.Fact{{ID: fmt.Sprintf("m%d@pull", number), At: pr.MergedAt,
			By: incident.Person{Login: pr.MergedBy}, What: incident.DocumentMerged{Number: number}}}, nil
	case !pr.Open:
		return []incident.Fact{now(incident.PullRequestClosed{Number: number})}, nil
	}
	approved, changes, err := r.GitHub.ReadReviews(r.Ctx, r.DocumentRef(), number)
	if ports.IsRefused(err) {
		return []incident.Fact{now(incident.DocumentOpened{Number: number})},
			r.readAgain(pull, fmt.Sprintf("reviews of pull request %d", number), err)
	}
	if err != nil {
		return nil, err
	}
	return []incident.Fact{now(incident.DocumentOpened{Number: number}),
		now(incident.Reviewed{Approved: approved, Changes: changes})}, nil
}
