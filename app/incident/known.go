package incident

import (
	"slices"
	"strings"

	"github.com/firebreak-dev/firebreak/app/texts"
)

const (
	// maxShown is how much of what somebody wrote is shown where the whole of it is a link away, in
	// characters (V4).
	maxShown = 160
	// keptKnown is how many of the newest findings, and of the newest actions, a state keeps with
	// their words.
	keptKnown = 5
)

// beginningOf returns as much of a text as the card shows of it: the first paragraph, on one line.
func beginningOf(text string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(text), "\n\n")
	return texts.Truncate(texts.Squeeze(texts.Clean(first)), maxShown)
}

// stampText is stamp with the beginning of what was written.
func (r *run) stampText(text string) Stamp {
	s := r.stamp()
	s.Text = beginningOf(text)
	return s
}

func (r *run) stampedText(text string) *Stamp { s := r.stampText(text); return &s }

// statements returns what the card shows of what people wrote, so that it follows their comments.
func (r *run) statements() (all []*Stamp) {
	for _, s := range []**Stamp{&r.Cause, &r.Workaround, &r.Fix, &r.Noted, &r.Agreed, &r.Impact} {
		if *s != nil {
			own := **s
			*s = &own // the state before this step keeps its own
			all = append(all, *s)
		}
	}
	for i := range r.Found {
		all = append(all, &r.Found[i])
	}
	for i := range r.Tried {
		all = append(all, &r.Tried[i])
	}
	for i := range r.FollowUps {
		all = append(all, &r.FollowUps[i].Stamp)
	}
	return all
}

// correctText follows an edit of what the card shows: what was told customers stays as it left.
func (r *run) correctText(c Corrected) {
	old := beginningOf(c.Old)
	for _, s := range r.statements() {
		if s.Text != "" && s.Text == old && s.Comment() == CommentOf(r.f.ID) {
			s.Text = beginningOf(c.New.Text)
		}
	}
}

// Withdrawn says that a comment was deleted, or what it said was taken out of it, by whoever may do
// that: what is no longer there may be something that should never have been written down. Has holds
// the texts of its commands as they are now.
type Withdrawn struct {
	Comment int64
	Has     []string
}

// Lacks reports whether a state shows words of a comment that it no longer holds.
func (w Withdrawn) Lacks(s State) bool {
	r := &run{State: s.clone()}
	return slices.ContainsFunc(r.statements(), w.isGone)
}

// isGone reports whether a statement came from the comment, and is no longer in it.
func (w Withdrawn) isGone(s *Stamp) bool {
	return s.Text != "" && s.Comment() == w.Comment &&
		!slices.ContainsFunc(w.Has, func(has string) bool { return beginningOf(has) == s.Text })
}

// withdraw takes what a comment no longer says off the card. That it was said stays known, as it
// does in the timeline: nothing that followed from it is undone.
func (r *run) withdraw(w Withdrawn) {
	for _, s := range r.statements() {
		if w.isGone(s) {
			s.Text = ""
		}
	}
	gone := func(s Stamp) bool { return s.Comment() == w.Comment && s.Text == "" }
	r.Found, r.Tried = slices.DeleteFunc(r.Found, gone), slices.DeleteFunc(r.Tried, gone)
}
