package incident

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/texts"
)

// Refusal is an effect that GitHub refuses at the moment (A8). The card shows it, everything else
// goes on, and it is tried again when somebody acts, when the sweep looks, and a few times by the
// clock.
type Refusal struct {
	// "labels", "assignees", "state", "document", "refresh", "check", "customer version",
	// "merged document",
	// "comments", "reactions", "card", "ticket/2", "ticket change/2", "ticket move/2", "nudge/2",
	// "update/globex", "status/globex"
	Effect string    `json:"e"`
	Reason string    `json:"r"`           // GitHub's own words, at most 160 bytes; "" of what a lost card knew
	Since  time.Time `json:"t"`           // when it was refused first
	Tries  int       `json:"n,omitempty"` // how often it was refused
	Tried  time.Time `json:"l"`           // when it was refused last
	// when the clock tries it again; zero: at the next look that somebody causes
	Next time.Time `json:"x,omitzero"`
	Due  bool      `json:"d,omitempty"` // try it at this look
	// somebody asked to try it now, and must hear if it is refused again
	Asked bool `json:"a,omitempty"`
}

// Unsaid is a comment that GitHub refused. The card shows its text, and it is posted once GitHub
// takes comments again.
type Unsaid struct {
	Keys []string `json:"k"` // of its markers
	Text string   `json:"x"` // its beginning, at most 400 bytes; of one that was put off all of it

	Since time.Time `json:"t,omitzero"` // put off: when what it answers was written
}

// Unreacted is a reaction that GitHub refused, or whose limits put it off.
type Unreacted struct {
	Fact  string    `json:"f"`
	How   Reaction  `json:"h"`
	Since time.Time `json:"t,omitzero"` // put off: when the comment was written
}

// How much is kept of what GitHub refuses.
const (
	maxRefused   = 20
	maxUnsaid    = 20
	maxUnreacted = 20
	maxReason    = 160     // bytes
	maxUnsaidLen = 400     // bytes
	maxPutOff    = 8 << 10 // bytes of all comments that are kept, where one more is only put off
)

// retryAfter says how long after the first refusal the clock tries again, however often people
// tried in between. After the last, only people and the sweep do.
var retryAfter = []time.Duration{5 * time.Minute, 35 * time.Minute, 3 * time.Hour, 11 * time.Hour, 35 * time.Hour}

// Facts about what GitHub refuses.
type (
	// RefusedByGitHub says that GitHub refuses an effect for good. By is who asked for it.
	RefusedByGitHub struct{ Effect, Reason, By string }
	// TakenByGitHub says that GitHub took an effect that it may have refused before.
	TakenByGitHub struct{ Effect string }
	// TryAgain says that what GitHub refused is to be tried again at this look; unless it is
	// urgent, what was refused just now waits.
	TryAgain struct{ IsUrgent bool }
	// NotSaid says that GitHub refused a comment with these markers.
	NotSaid Unsaid
	// PutOff says that GitHub's limits don't let a comment with these markers out yet. It is kept whole, for
	// it will be said.
	PutOff Unsaid
	// NudgePutOff says that GitHub's limits don't let the reminder on the ticket of a follow-up out before a
	// time.
	NudgePutOff struct {
		Index int
		Until time.Time
	}
	// SaidAfterAll says that GitHub took a comment that it had refused.
	SaidAfterAll struct{ Key string }
	// NotReacted says that GitHub refused a reaction.
	NotReacted Unreacted
	// ReactedAfterAll says that GitHub took a reaction to a comment that it had refused.
	ReactedAfterAll struct{ Comment int64 }
	// SharedAfterAll says that a customer's issue has an update that GitHub had refused to take
	// there. Channel is the channel's name, and Update when the update was written.
	SharedAfterAll struct {
		Customer, Channel string
		Update            time.Time
	}
	// PutAside says that a message could not be handled, however often it was tried.
	PutAside struct {
		What, Why, ID string
		Comment       int64
	}
)

// IsHeldBack reports whether GitHub refused an effect and it is not to be tried at this look.
func (s State) IsHeldBack(effect string) bool {
	i := s.refusal(effect)
	return i >= 0 && !s.Refused[i].Due
}

// OwesAnswers reports whether only the state holds answers that GitHub has not taken yet.
func (s State) OwesAnswers() bool {
	isLate := func(u Unreacted) bool { return !u.Since.IsZero() }
	return s.IsRefused("comments") || len(s.Unsaid) > 0 || slices.ContainsFunc(s.Unreacted, isLate)
}

// IsRefused reports whether GitHub refused an effect when it was tried last.
func (s State) IsRefused(effect string) bool { return s.refusal(effect) >= 0 }

// RefusedFor returns for how long GitHub has refused an effect.
func (s State) RefusedFor(effect string, now time.Time) time.Duration {
	if i := s.refusal(effect); i >= 0 {
		return now.Sub(s.Refused[i].Since)
	}
	return 0
}

func (s State) refusal(effect string) int {
	return slices.IndexFunc(s.Refused, func(r Refusal) bool { return r.Effect == effect })
}

// applyRefusal takes the facts about what GitHub refuses and reports whether the fact was one.
func (r *run) applyRefusal() bool {
	switch w := r.f.What.(type) {
	case RefusedByGitHub:
		r.noteRefusal(w)
	case TakenByGitHub:
		r.endRefusal(w.Effect)
	case TryAgain:
		r.tryAgain(w.IsUrgent)
	case NotSaid:
		w.Text = texts.TruncateBytes(w.Text, maxUnsaidLen)
		r.keepUnsaid(Unsaid(w))
	case PutOff:
		r.keepUnsaid(Unsaid(w))
	case NudgePutOff:
		if w.Index >= 0 && w.Index < len(r.FollowUps) {
			r.FollowUps = slices.Clone(r.FollowUps)
			r.FollowUps[w.Index].Next = w.Until
		}
	case SaidAfterAll:
		r.Unsaid = slices.DeleteFunc(slices.Clone(r.Unsaid), func(u Unsaid) bool { return slices.Contains(u.Keys, w.Key) })
	case NotReacted:
		r.Unreacted = slices.DeleteFunc(slices.Clone(r.Unreacted), func(u Unreacted) bool {
			return CommentOf(u.Fact) == CommentOf(w.Fact)
		})
		r.Unreacted = keepNewest(append(r.Unreacted, Unreacted(w)), maxUnreacted)
	case ReactedAfterAll:
		r.Unreacted = slices.DeleteFunc(slices.Clone(r.Unreacted), func(u Unreacted) bool {
			return CommentOf(u.Fact) == w.Comment
		})
	case SharedAfterAll:
		r.sharedAfterAll(w)
	case PutAside:
		r.putAside(w)
	default:
		return false
	}
	return true
}

func (r *run) keepUnsaid(u Unsaid) {
	if !slices.ContainsFunc(r.Unsaid, func(o Unsaid) bool { return slices.Equal(o.Keys, u.Keys) }) {
		r.Unsaid = keepNewest(append(r.Unsaid, u), maxUnsaid)
	}
}

// CanPutOff reports whether a comment with these markers can be kept until GitHub's limits let it
// out, or is kept: the card that keeps it has its bounds.
func (s State) CanPutOff(keys []string, text string) bool {
	size := len(text)
	for _, u := range s.Unsaid {
		if slices.Equal(u.Keys, keys) {
			return true
		}
		size += len(u.Text)
	}
	return len(s.Unsaid) < maxUnsaid && size <= maxPutOff
}

// noteRefusal notes a refusal and says so to who asked for the effect, once for each reason.
func (r *run) noteRefusal(w RefusedByGitHub) {
	reason := texts.TruncateBytes(w.Reason, maxReason)
	r.Refused = slices.Clone(r.Refused)
	i := r.refusal(w.Effect)
	isNew := i < 0 || r.Refused[i].Reason != reason
	if i < 0 {
		r.Refused = keepNewest(append(r.Refused, Refusal{Effect: w.Effect, Since: r.f.At}), maxRefused)
		i = len(r.Refused) - 1
	}
	e := &r.Refused[i]
	if e.Tries == 0 { // it is owed, and was not tried by this card
		e.Since = r.f.At
	}
	e.Reason, e.Due, e.Next, e.Tried = reason, false, time.Time{}, r.f.At
	for _, wait := range retryAfter {
		if next := e.Since.Add(wait); next.Sub(r.f.At) >= retryAfter[0] {
			e.Next = next
			break
		}
	}
	e.Tries++
	r.postponeNudge(w.Effect, e.Tries)
	isAsked := e.Asked
	e.Asked = false
	if !isNew && !isAsked || isAboutSpeaking(w.Effect) {
		return
	}
	who := w.By
	if who == "" {
		who, _ = r.Coordinator()
	}
	kind, number := effectKind(w.Effect)
	say := Say{Name: "github-refused", Who: who, Line: kind, Count: number, Reason: reason,
		Names: r.repositoryOf(w.Effect)}
	if !isNew {
		say.Variant = "again"
	}
	r.emit(Remind{Key: fmt.Sprintf("refused/%s/%d", w.Effect, r.f.At.Unix()),
		At: r.f.At, Say: say})
}

// endRefusal ends a refusal, and says so where it was reported.
func (r *run) endRefusal(effect string) {
	i := r.refusal(effect)
	if i < 0 {
		return
	}
	r.Refused = slices.Delete(slices.Clone(r.Refused), i, i+1)
	topic := "refused/" + effect
	if r.Said[topic] == 0 || isAboutSpeaking(effect) {
		return
	}
	kind, number := effectKind(effect)
	r.emit(Remind{Key: fmt.Sprintf("accepted/%s/%d", effect, r.f.At.Unix()), Edit: true,
		At: r.f.At, Say: Say{Name: "github-accepted", Line: kind, Count: number, Time: r.f.At}})
}

// isAboutSpeaking reports whether an effect is one by which a refusal itself would be reported, or
// whose refusal is reported in words of its own: that an update did not reach a customer.
func isAboutSpeaking(effect string) bool {
	return effect == "comments" || effect == "reactions" || effect == "card" || strings.HasPrefix(effect, updateEffect)
}

// effectKind parts "ticket/2", which counts from 0, into its kind and the number that people see.
func effectKind(effect string) (kind string, number int) {
	kind, index, _ := strings.Cut(effect, "/")
	if n, err := strconv.Atoi(index); err == nil {
		number = n + 1
	}
	return kind, number
}

// updateEffect begins the effect that a customer's issue gets an update, such as "update/globex".
const updateEffect = "update/"

// UpdateEffect names the effect that a customer's issue gets an update.
func UpdateEffect(customer string) string { return updateEffect + customer }

// MoveEffect names the effect that a ticket that GitHub refused in its repository is opened there
// after all.
func MoveEffect(index int) string { return fmt.Sprintf("ticket move/%d", index) }

// repositoryOf returns the repository of the ticket that an effect is about, if it is about one.
func (r *run) repositoryOf(effect string) []string {
	_, number := effectKind(effect)
	if number == 0 || number > len(r.FollowUps) || r.FollowUps[number-1].Repo == "" {
		return nil
	}
	return []string{r.FollowUps[number-1].Repo}
}

// A sweep tries at once what GitHub refused, but after so many tries only so long after the last
// one: each refusal is noted on the card, which changes the issue, so that the next sweep would
// find it changed without end.
const (
	urgentTries = 12
	sweptAgain  = 55 * time.Minute
)

// tryAgain makes what GitHub refused be tried at this look. What was refused just now waits, unless
// somebody writes a command: a storm of comments must not spend the calls of the hour on it.
func (r *run) tryAgain(isUrgent bool) {
	r.Refused = slices.Clone(r.Refused)
	for i := range r.Refused {
		e := &r.Refused[i]
		wait := retryAfter[0]
		if isUrgent && e.Tries <= urgentTries {
			wait = 0
		} else if isUrgent {
			wait = sweptAgain
		}
		e.Due = e.Due || r.f.At.Sub(e.Tried) >= wait
		e.Asked = e.Asked || r.asksFor(e.Effect)
	}
}

// asksFor reports whether the fact is a command that asks for what GitHub refused: /incident status
// for all of it, and /ic close for what the closing waits for.
func (r *run) asksFor(effect string) bool {
	c, _ := r.f.What.(Command)
	kind, _ := effectKind(effect)
	switch c.Kind {
	case Status:
		return true
	case Close:
		return kind == "document" || kind == "ticket" || kind == "state"
	case Postmortem:
		return kind == "document" || kind == "refresh"
	}
	return false
}

// retryDues lists when the clock tries again what GitHub refused.
func (s State) retryDues() (all []due) {
	for _, e := range s.Refused {
		all = append(all, due{e.Next, func(r *run) {
			r.Refused = slices.Clone(r.Refused)
			if i := r.refusal(e.Effect); i >= 0 {
				r.Refused[i].Due, r.Refused[i].Next = true, time.Time{}
			}
		}})
	}
	return onlySet(all)
}

// postponeNudge sets a reminder that GitHub refused for later, since the clock alone asks for it.
func (r *run) postponeNudge(effect string, tries int) {
	kind, number := effectKind(effect)
	if kind != "nudge" || number < 1 || number > len(r.FollowUps) {
		return
	}
	r.FollowUps[number-1].Next = r.p.Hours.Next(r.f.At.Add(min(time.Duration(tries)*time.Hour, 24*time.Hour)), r.p.Zone)
}

// putAside says that a message could not be handled: on the card until somebody writes a command,
// and in a comment.
func (r *run) putAside(w PutAside) {
	r.Aside = &Refusal{Effect: w.What, Reason: texts.TruncateBytes(w.Why, maxReason), Since: r.f.At}
	who, _ := r.Coordinator()
	r.emit(Remind{Key: "aside/" + w.ID, At: r.f.At,
		Say: Say{Name: "put-aside", Who: who, Line: w.What, Reason: r.Aside.Reason, Count: int(w.Comment)}})
}

// Skip returns the state after a fact that can't be handled: it counts as read, and its author is
// answered.
func Skip(s State, f Fact, p Policy) (State, []Effect) {
	r := &run{State: s.clone(), p: p, f: f}
	if f.ID == "" || r.isKnown(f) {
		return s, nil
	}
	r.noteSeen(f)
	if r.f.By.Respond {
		r.react(Unclear)
		r.reply(Say{Name: "not-handled"})
	}
	return r.State, r.effects
}

// Pending returns what the state asks for and GitHub does not have yet: tickets, the postmortem,
// its facts (C2, C4). It is derived from the state at each look, so that what failed or was refused
// before is not forgotten.
func Pending(s State) []Effect {
	if s.Declared == nil {
		return nil
	}
	effects := slices.Concat(s.owedStatus(), s.owedCovers(), s.owedFreezes())
	if s.Outcome != "" {
		return effects
	}
	if s.Running() {
		effects = append(effects, s.owedReverts()...)
		effects = append(effects, s.owedRuns()...)
	}
	for i, fu := range s.FollowUps {
		// what is missing of a merged postmortem is told to be a ticket, also if it is reopened just then
		if fu.Ticket == "" && (s.Phase == Closing || fu.Section != "") {
			effects = append(effects, OpenTicket{Index: i})
		}
	}
	if s.Phase == Closing {
		if s.Document.Wanted || s.Document.Number == 0 {
			effects = append(effects, OpenDocument{})
		}
	}
	for i, fu := range s.FollowUps {
		if fu.Changed && fu.Ticket != "" {
			effects = append(effects, ChangeTicket{Index: i, Was: fu.Was})
		}
	}
	for _, e := range s.Refused {
		if customer, ok := strings.CutPrefix(e.Effect, updateEffect); ok && e.Due {
			effects = append(effects, ShareAgain{Customer: customer})
		}
		if kind, number := effectKind(e.Effect); kind == "ticket move" && e.Due && number <= len(s.FollowUps) {
			effects = append(effects, MoveTicket{Index: number - 1})
		}
	}
	if s.Document.Stale && s.Document.Merged == nil && !s.Document.IsClosed {
		effects = append(effects, RefreshDocument{})
	}
	if s.Document.Unchecked {
		effects = append(effects, CheckMerged{})
	}
	if s.Document.Owed {
		effects = append(effects, s.customerVersion())
	}
	return effects
}
