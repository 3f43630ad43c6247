package engine

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/templates"
)

// leaveContested drops from what is to be put right what an automaton changes back each time (incident.Contest).
func (p *pass) leaveContested(add, remove, assign, dismiss []string) ([]string, []string, []string, []string) {
	label := func(name string) bool { return p.state.Contested.LeavesLabel(name, p.now) }
	assignee := func(login string) bool { return p.state.Contested.Left(incident.ContestAssignee(login)) }
	return slices.DeleteFunc(add, label), slices.DeleteFunc(remove, label),
		slices.DeleteFunc(assign, assignee), slices.DeleteFunc(dismiss, assignee)
}

// noteChangedBack notes that somebody changed back what the app wrote, of which the timeline says nothing.
func (p *pass) noteChangedBack(what string) {
	by := incident.Person{}
	if f := p.m.Floor; f != nil {
		by.Login, by.Bot = f.By, naming.IsBot(f.By)
	}
	p.fact(incident.Fact{At: p.now, By: by, What: incident.ChangedBack{What: what}})
}

// recallCardContest brings back how often the card was changed back: whoever takes the card takes what it says of that too.
func (p *pass) recallCardContest() {
	if p.Shelf == nil || !p.isCardHarmed() {
		return
	}
	text, err := p.Shelf.Kept(p.ctx, contestName(p.m.Ref))
	if err != nil {
		p.Logger.Warn("contest of the card not readable", "incident", p.m.Ref.String(), "err", brief(err))
		return
	}
	var kept incident.Contests
	if len(text) > 0 && json.Unmarshal(text, &kept) == nil {
		others := slices.DeleteFunc(slices.Clone(p.state.Contested), isOfCard)
		p.state.Contested = append(others, slices.DeleteFunc(kept, func(c incident.Contest) bool { return !isOfCard(c) })...)
	}
}

// keepCardContest keeps that outside of the card.
func (p *pass) keepCardContest() {
	ofCard := slices.DeleteFunc(slices.Clone(p.state.Contested), func(c incident.Contest) bool { return !isOfCard(c) })
	before := slices.DeleteFunc(slices.Clone(p.before.Contested), func(c incident.Contest) bool { return !isOfCard(c) })
	if p.Shelf == nil || slices.Equal(ofCard, before) && !p.isCardHarmed() {
		return
	}
	text, err := json.Marshal(incident.Contests(ofCard))
	if err == nil {
		err = p.Shelf.Keep(p.ctx, contestName(p.m.Ref), text)
	}
	if err != nil {
		p.Logger.Warn("contest of the card not kept", "incident", p.m.Ref.String(), "err", brief(err))
	}
}

func isOfCard(c incident.Contest) bool { return c.What == incident.ContestCard }

func contestName(ref incident.Ref) string {
	return fmt.Sprintf("contest/%s/%d", ref.FullName(), ref.Number)
}

// isCardHarmed reports whether the card is to be written for no other reason than that somebody changed or deleted it.
func (p *pass) isCardHarmed() bool {
	if p.snap.Card == nil {
		return p.lost || p.changed || p.restored
	}
	f := p.m.Floor
	isTouched := p.m.IsCardEdited() && (f == nil || f.Touched == 0 || f.Touched == p.snap.Card.ID)
	return p.changed || p.forged || isTouched
}

// noteContests notes what somebody did to the card.
func (p *pass) noteContests() {
	isNew := p.m.IsCardEdited() || p.deleted() != 0 // and no look at what is left as it is
	if p.isCardHarmed() && (isNew || !p.state.Contested.Left(incident.ContestCard)) {
		p.noteChangedBack(incident.ContestCard)
	}
	if f := p.m.Floor; p.m.Why == "issue_comment.unpinned" && f != nil && p.snap.Card != nil && !p.snap.Card.Pinned && f.Touched == p.snap.Card.ID {
		p.noteChangedBack(incident.ContestPin)
	}
}

// leavesCard reports whether the card stays as somebody made it.
func (p *pass) leavesCard() bool {
	return p.isCardHarmed() && p.state.Contested.LeavesCard(p.now)
}

// leavesFacts notes that the machine's parts of the postmortem were changed back, if they were, and reports whether they
// stay as they are. The pull request says so once.
func (p *pass) leavesFacts() (bool, error) {
	if !p.isNews && !p.rebuilt {
		p.isNews = true // this look notes it once, however often it reads
		p.noteChangedBack(incident.ContestPostmortem)
	}
	if !p.state.Contested.Left(incident.ContestPostmortem) {
		return false, nil
	}
	c := p.state.Contested[slices.IndexFunc(p.state.Contested, func(c incident.Contest) bool { return c.What == incident.ContestPostmortem })]
	say := incident.Say{Name: "contested-postmortem"}
	if c.By != "" {
		say.Names = []string{c.By}
	}
	text, err := templates.Comment(say)
	if err != nil {
		return true, fmt.Errorf("say %s: %w", say.Name, err)
	}
	pull := p.documentRef()
	pull.Number = p.state.Document.Number
	said := dids("contested/postmortem/" + c.Told.UTC().Format("20060102150405"))
	return true, p.attempt("comments", func() error {
		if _, err := p.GitHub.CommentOnPull(p.ctx, pull, p.isMarked(said[0]), p.signed(text, said...)); err != nil {
			return fmt.Errorf("comment on the postmortem's pull request: %w", err)
		}
		return nil
	})
}
