package incident

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/words"
)

// Revert opens the revert of a merged pull request.
const Revert Kind = "revert"

var _ = register(Row{
	Kind: Revert, Verbs: []string{VerbOE}, Word: "revert",
	Usage: "/oe revert owner/repo#n [why]", Does: "open the revert of a merged pull request; it merges nothing",
	Example: "/oe revert acme/payments#41 the limit is too low", Who: Holder, Place: 475,
}, parseRevert, (*run).revert)

// Reversal is a revert that somebody asked for (X3). Its Text is why.
type Reversal struct {
	Stamp
	Of   string `json:"of"`             // the pull request that is taken back: acme/payments#41
	Pull string `json:"pull,omitempty"` // the pull request that takes it back; empty: it is owed
	URL  string `json:"url,omitempty"`  // of Pull

	Merged time.Time `json:"merged,omitzero"`
	Live   time.Time `json:"live,omitzero"` // when a deployment to production brought it
	Closed bool      `json:"closed,omitempty"`
	Next   time.Time `json:"next,omitzero"` // when it is looked at
	Due    bool      `json:"due,omitempty"` // it is to be looked at

	IsTold bool `json:"told,omitempty"` // what became of it was answered before the card was lost
}

const (
	// mostReversals is how many reverts one incident may ask for.
	mostReversals = 20
	// A revert is looked at every reversalPace for an hour, while people wait for it, and then more
	// seldom. A webhook says at once that it is merged; these looks are for what is lost, and for
	// deployments.
	reversalPace = 2 * time.Minute
	reversalSlow = 15 * time.Minute
	reversalLife = 24 * time.Hour
)

// parseRevert reads which pull request is taken back, and why.
func parseRevert(w words.Words) (Command, error) {
	w = w.First()
	name, rest := words.Cut(w.Line)
	repo, number, ok := naming.ReadIssue(strings.TrimRight(strings.Trim(name, "`*<>()"), ".,:;"))
	if !ok || repo == "" {
		return Command{}, errors.New("add the pull request to take back: owner/repo#n")
	}
	why := w.WithLine(strings.TrimLeft(rest, "–—-: ")).Text()
	if because, ok := words.CutPrefix(why, "because"); ok {
		why = because
	}
	return Command{Repo: repo, Number: number, Text: why}, nil
}

// revert notes that a pull request is to be taken back. Who may not write to its repository may not
// ask for it: the incident does not change what people may do there.
func (r *run) revert(c Command) {
	of := fmt.Sprintf("%s#%d", c.Repo, c.Number)
	if naming.Contains(c.Cannot, r.f.By.Login) {
		r.refuse(Say{Name: "revert-refused", Line: of, Variant: "no access"})
		return
	}
	for _, v := range r.Reversals {
		if naming.Equal(v.Of, of) && !v.Closed {
			r.done()
			say := Say{Name: "revert-opened", Variant: "asked", Line: of}
			if v.Pull != "" {
				say.Variant, say.Names = "before", []string{v.Pull}
			}
			r.reply(say)
			return
		}
	}
	if len(r.Reversals) == mostReversals {
		r.refuse(Say{Name: "revert-refused", Line: of, Variant: "too many"})
		return
	}
	r.Reversals = append(slices.Clone(r.Reversals), Reversal{Stamp: r.stampText(c.Text), Of: of})
	r.record("revert", of, c.Text)
	r.done()
}

type (
	// OpenRevert opens the pull request that takes another back, once.
	OpenRevert struct{ Reversal Reversal }
	// CheckRevert looks whether it was merged, and whether it is live.
	CheckRevert struct{ Reversal Reversal }
)

func (OpenRevert) effect() string  { return "revert" }
func (CheckRevert) effect() string { return "check" }

type (
	// RevertOpened says that a pull request takes another back.
	RevertOpened struct{ Of, Pull, URL string }
	// RevertRefused says that GitHub does not open it, and why: there may be no such pull request, or it may be
	// open still.
	RevertRefused struct {
		Of, Why           string
		IsMissing, IsOpen bool
	}
	// RevertChanged says that somebody merged or closed one.
	RevertChanged struct{}
	// RevertSeen says what became of it. Live is zero where no deployment has brought it.
	RevertSeen struct {
		Of           string
		Merged, Live time.Time
		Closed       bool // without merging
		HasNoLive    bool // GitHub doesn't say what is live there
	}
)

// owedReverts returns the effects of reverts that are to be opened or looked at.
func (s State) owedReverts() (effects []Effect) {
	for _, v := range s.Reversals {
		switch {
		case v.Closed:
		case v.Pull == "":
			effects = append(effects, OpenRevert{v})
		case v.Due:
			effects = append(effects, CheckRevert{v})
		}
	}
	return effects
}

// reversalDues lists when reverts are looked at.
func (s State) reversalDues() (all []due) {
	for i, v := range s.Reversals {
		if !v.Next.IsZero() {
			all = append(all, due{v.Next, func(r *run) { r.Reversals[i].Next, r.Reversals[i].Due = time.Time{}, true }})
		}
	}
	return all
}

// reversalOf returns the place of an open revert in Reversals; -1 if there is none.
func (s State) reversalOf(of string) int {
	return slices.IndexFunc(s.Reversals, func(v Reversal) bool { return naming.Equal(v.Of, of) && !v.Closed })
}

// applyReversal applies what became of a revert, and reports whether the fact was about one.
func (r *run) applyReversal() bool {
	switch w := r.f.What.(type) {
	case RevertOpened:
		r.revertOpened(w)
	case RevertRefused:
		r.revertRefused(w)
	case RevertSeen:
		r.revertSeen(w)
	case RevertChanged:
		for i, v := range r.Reversals {
			if v.Pull != "" && !v.Closed {
				r.Reversals[i].Due = true
			}
		}
	default:
		return false
	}
	return true
}

func (r *run) revertOpened(w RevertOpened) {
	i := r.reversalOf(w.Of)
	if i < 0 || r.Reversals[i].Pull != "" {
		return
	}
	v := &r.Reversals[i]
	v.Pull, v.URL, v.Next = w.Pull, w.URL, r.f.At.Add(reversalPace)
	r.answerLate(v.ID, v.IsTold, Say{Name: "revert-opened", Line: v.Of, Names: []string{v.Pull}})
}

func (r *run) revertRefused(w RevertRefused) {
	i := r.reversalOf(w.Of)
	if i < 0 {
		return
	}
	v := r.Reversals[i]
	r.Reversals[i].Closed = true
	say := Say{Name: "revert-refused", Who: v.By, Line: v.Of, Reason: w.Why}
	switch {
	case w.IsMissing:
		say.Variant = "missing"
	case w.IsOpen:
		say.Variant = "open"
	}
	r.answerLate(v.ID, v.IsTold, say)
}

// answerLate answers a command with what came of it after its look, unless that was answered before.
func (r *run) answerLate(fact string, isTold bool, say Say) {
	if !isTold {
		r.emit(Reply{Fact: fact, Say: say, IsLate: true})
	}
}

// answered notes that what came of a command was answered before the card was lost.
func (r *run) answered(fact string) {
	r.takeCovers(fact)
	r.Reversals, r.Runs = slices.Clone(r.Reversals), slices.Clone(r.Runs)
	for i := range r.Reversals {
		r.Reversals[i].IsTold = r.Reversals[i].IsTold || r.Reversals[i].ID == fact
	}
	for i := range r.Runs {
		r.Runs[i].IsTold = r.Runs[i].IsTold || r.Runs[i].ID == fact
	}
}

// revertSeen follows a revert: merged, it is a workaround; live, the coordinator is asked to go on.
func (r *run) revertSeen(w RevertSeen) {
	i := r.reversalOf(w.Of)
	if i < 0 {
		return
	}
	v := &r.Reversals[i]
	v.Due, v.Next = false, r.nextReversal(*v, w)
	holder, _ := r.Coordinator()
	switch {
	case w.Closed:
		v.Closed, v.Next = true, time.Time{}
		r.recordAt(Entry{At: r.f.At, Kind: "revert-closed", What: v.Pull})
		return
	case !w.Merged.IsZero() && v.Merged.IsZero():
		v.Merged = w.Merged
		r.recordAt(Entry{At: w.Merged, Kind: "revert-merged", What: v.Pull, Ref: v.ID})
		if r.Workaround == nil && r.Running() {
			r.Workaround = &Stamp{By: v.By, At: w.Merged, ID: v.ID, Text: v.Pull + " takes back " + v.Of}
		}
		r.emit(Remind{Key: "revert-merged/" + keyOf(v.Pull), At: r.f.At, Say: Say{Name: "revert-merged", Who: holder,
			Line: v.Of, Names: []string{v.Pull}, Variant: r.afterRevert(w)}})
	}
	if !w.Live.IsZero() && v.Live.IsZero() {
		v.Live, v.Next = w.Live, time.Time{}
		r.recordAt(Entry{At: w.Live, Kind: "revert-live", What: v.Pull, Ref: v.ID})
		r.emit(Remind{Key: "revert-live/" + keyOf(v.Pull), At: r.f.At, Say: Say{Name: "revert-live", Who: holder,
			Line: v.Of, Names: []string{v.Pull}, Time: w.Live, Variant: r.afterRevert(w)}})
	}
}

// afterRevert says what the coordinator may do once a revert is merged or live.
func (r *run) afterRevert(RevertSeen) string {
	if slices.Contains([]Phase{Identify, Investigate, Fixing}, r.Phase) && r.Running() {
		return "monitoring"
	}
	return ""
}

// IsFollowed reports whether a revert is looked at: for a day since it was opened and, once that is known,
// since it was merged.
func (v Reversal) IsFollowed(merged, at time.Time) bool {
	return at.Sub(v.since(merged)) <= reversalLife
}

// since returns from when the times of a revert count.
func (v Reversal) since(merged time.Time) time.Time {
	if !merged.IsZero() {
		return merged
	}
	return v.At
}

// nextReversal returns when a revert is looked at again; the zero time for never.
func (r *run) nextReversal(v Reversal, seen RevertSeen) time.Time {
	switch {
	case !seen.Merged.IsZero() && seen.HasNoLive:
		return time.Time{}
	case !r.Running() || !v.IsFollowed(seen.Merged, r.f.At):
		return time.Time{}
	case r.f.At.Sub(v.since(seen.Merged)) > time.Hour:
		return r.f.At.Add(reversalSlow)
	}
	return r.f.At.Add(reversalPace)
}

// keyOf returns a name as a part of a key.
func keyOf(ref string) string { return strings.NewReplacer("/", ".", "#", ".").Replace(ref) }

// RevertMarkKind is the kind of the mark in a pull request that takes another back. Its text is the
// incident, a space, and what is taken back.
const RevertMarkKind = "revert"

// revertMark begins that mark in a text.
const revertMark = "<!-- firebreak:" + RevertMarkKind + " "

// ReadRevertMark finds the incident in the mark of a pull request that takes another back.
func ReadRevertMark(body string) (Ref, bool) {
	_, rest, _ := strings.Cut(body, revertMark)
	mark, _, closed := strings.Cut(rest, " -->")
	name, _, _ := strings.Cut(mark, " ")
	ref, err := ParseRef(name)
	return ref, closed && err == nil
}
