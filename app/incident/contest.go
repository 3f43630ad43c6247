package incident

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/naming"
)

// Two automata that each put right what the other changed would go on without end: a label sync, a
// stale bot, an automatic assignment or a formatter against this app, or a second one of it. One
// rule ends it for all that the app puts right. A thing that was changed back is written again
// twice. After the third time the app leaves it as it is, says so once, and waits for a person: a
// responder's next command makes it try once more.
//
// What a person changes by hand is put right as often as the process says. But no person changes
// the same thing back five times in an hour, so an account that does is taken for an automaton:
// many run under a person's account.

const (
	maxBack         = 3 // how often a bot changes a thing back until the app leaves it
	maxBackByPerson = 5 // the same for an account that isn't marked as a bot's, within personWindow
	// the same for the card, which must not be left as somebody made it who puts an older one back
	// by hand
	maxBackOfCard = 20
	personWindow  = time.Hour
	retryLeft     = time.Hour      // how long the card and the label incident are left
	toldAgain     = 24 * time.Hour // people are reminded only after so long
	maxContests   = 20
)

// Contest is something that is changed back each time that the app writes it.
type Contest struct {
	// "label phase/fixing", "assignee bob", "state", "pin", "card" or "postmortem"
	What       string    `json:"w"`
	By         string    `json:"b,omitempty"` // who changed it back last; empty: not known
	Back       int       `json:"n"`           // how often in a row
	At         time.Time `json:"t"`           // when last
	Since      time.Time `json:"s"`           // when first in that row
	Left       bool      `json:"l,omitempty"` // the app leaves it as it is
	RemindedAt time.Time `json:"o,omitzero"`  // when people were reminded of it
}

// What of the issue can be contested, besides labels and assignees.
const (
	ContestState      = "state"
	ContestPin        = "pin"
	ContestCard       = "card"
	ContestPostmortem = "postmortem"
)

// ContestLabel and ContestAssignee name a label and an assignee as a Contest does.
func ContestLabel(name string) string { return "label " + naming.Key(name) }

// ContestAssignee is described at ContestLabel.
func ContestAssignee(login string) string { return "assignee " + naming.Key(login) }

// Contests are all that are known of an issue.
type Contests []Contest

// Left reports whether the app leaves a thing as it is.
func (c Contests) Left(what string) bool {
	i := c.index(what)
	return i >= 0 && c[i].Left
}

// LeavesLabel reports whether the app leaves a label as it is. Without the label incident the app
// doesn't hear of the commands on an issue, but for /incident, so it tries to put that back each
// hour.
func (c Contests) LeavesLabel(name string, now time.Time) bool {
	i := c.index(ContestLabel(name))
	return i >= 0 && c[i].Left && (!naming.Equal(name, LabelIncident) || now.Sub(c[i].At) < retryLeft)
}

// LeavesCard reports whether the app leaves the card as it is. The card shows what counts, so it is
// tried again each hour, too.
func (c Contests) LeavesCard(now time.Time) bool {
	i := c.index(ContestCard)
	return i >= 0 && c[i].Left && now.Sub(c[i].At) < retryLeft
}

// Back returns how often in a row a thing was changed back.
func (c Contests) Back(what string) int {
	if i := c.index(what); i >= 0 {
		return c[i].Back
	}
	return 0
}

func (c Contests) index(what string) int {
	return slices.IndexFunc(c, func(one Contest) bool { return one.What == what })
}

// changedBack notes that somebody changed a thing back, and reports whether to tell people that the
// app leaves it from now on.
func (c Contests) changedBack(what string, by Person, at time.Time) (Contests, bool) {
	c = slices.Clone(c)
	i := c.index(what)
	if i < 0 {
		if len(c) >= maxContests {
			c = slices.Delete(c, 0, 1) // the one that was noted first
		}
		c, i = append(c, Contest{What: what}), len(c)
	}
	one := &c[i]
	if by.Login == "" { // nobody said who: it is taken for the one before
		by = Person{Login: one.By, Bot: naming.IsBot(one.By)}
	}
	most := maxBack
	if !by.Bot {
		if most = maxBackByPerson; what == ContestCard && by.Login != "" {
			most = maxBackOfCard
		}
		isOver := !one.Left && at.Sub(one.Since) > personWindow || one.Left && at.Sub(one.At) > personWindow
		// somebody else, by hand: that is put right
		if isOver || one.Left && !naming.Equal(one.By, by.Login) {
			one.Back, one.Left = 0, false
		}
	}
	if one.Back == 0 {
		one.Since = at
	}
	one.Back, one.By, one.At = one.Back+1, by.Login, at
	if one.Back < most {
		return c, false
	}
	one.Left = true
	if !one.RemindedAt.IsZero() && at.Sub(one.RemindedAt) < toldAgain {
		return c, false
	}
	one.RemindedAt = at
	return c, true
}

// tryAgain returns the contests after a responder acted: what the app left before is tried once more.
func (c Contests) tryAgain(at time.Time) Contests {
	c = slices.Clone(c)
	for i := range c {
		if c[i].Left && !at.Before(c[i].At) { // a timeline that is read again shows what was before
			c[i].Left, c[i].Back = false, min(c[i].Back, maxBack)-1
		}
	}
	return c
}

// noteContest notes who changes back what the app puts right, once apply has taken the fact, and
// tries again what the app leaves when a responder acts.
func (r *run) noteContest() {
	what, isBack := r.changedBack()
	switch {
	case isBack:
		var tell bool
		if r.Contested, tell = r.Contested.changedBack(what, r.f.By, r.f.At); tell {
			r.reportContest()
		}
	case len(r.Contested) > 0 && r.isOrder():
		r.Contested = r.Contested.tryAgain(r.f.At)
	}
}

// changedBack returns what a fact changed back, if it did.
func (r *run) changedBack() (what string, isBack bool) {
	if r.Declared == nil {
		return "", false
	}
	w := AsWanted(r.State, r.p)
	switch f := r.f.What.(type) {
	case ChangedBack:
		return f.What, true
	case Labeled:
		return ContestLabel(f.Name), w.IsUnwanted(f.Name) || r.isRefused
	case Unlabeled:
		return ContestLabel(f.Name), naming.Contains(w.Labels, f.Name)
	case Assigned:
		return ContestAssignee(f.Login), naming.Contains(w.Dismissed, f.Login)
	case Unassigned:
		return ContestAssignee(f.Login), naming.Contains(w.Assignees, f.Login)
	case ClosedByHand:
		return ContestState, w.Open
	case Reopened:
		return ContestState, !w.Open
	}
	return "", false
}

// isOrder reports whether a fact is something that a responder wants.
func (r *run) isOrder() bool {
	if !r.f.By.Respond || r.f.By.Bot || r.f.ID == "" {
		return false
	}
	switch r.f.What.(type) {
	case Command, Labeled, Unlabeled, Assigned, Unassigned, ClosedByHand, Reopened:
		return true
	}
	return false
}

// isRepeated reports whether a bot does again what it was answered for.
func (r *run) isRepeated(what string) bool { return r.f.By.Bot && r.Contested.Back(what) > 0 }

// reportContest says once what the app leaves as it is. A comment that says so already is brought
// up to date: several things may be contested by the same bot.
func (r *run) reportContest() {
	var lines, by []string
	told := 0
	for _, c := range r.Contested {
		if !c.RemindedAt.IsZero() && r.f.At.Sub(c.RemindedAt) < toldAgain {
			told++
		}
		if !c.Left || c.What == ContestPostmortem { // that is said on its pull request
			continue
		}
		lines = append(lines, contestInWords(c.What))
		if c.By != "" && !naming.Contains(by, c.By) {
			by = append(by, c.By)
		}
	}
	if len(lines) == 0 {
		return
	}
	who, _ := r.Coordinator()
	key := fmt.Sprintf("contested/%s/%d", r.f.At.UTC().Format("20060102150405"), len(lines))
	r.emit(Remind{Key: key, Edit: told > 1, At: r.f.At,
		Say: Say{Name: "contested", Who: who, Names: by, Lines: lines}})
}

// TopicContested is the topic of the comment that says what the app leaves as it is.
const TopicContested = "contested"

// contestInWords returns what a Contest is about, as people call it.
func contestInWords(what string) string {
	kind, name, _ := strings.Cut(what, " ")
	switch kind {
	case "label":
		return "the label " + name
	case "assignee":
		return "whether " + name + " is assigned"
	case ContestState:
		return "whether this issue is open"
	case ContestPin:
		return "whether my card is pinned"
	case ContestCard:
		return "my card"
	}
	return what
}
