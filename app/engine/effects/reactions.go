package effects

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// ReactionsAPI is what Reactions needs of GitHub.
type ReactionsAPI interface {
	AddReaction(ctx context.Context, ref incident.Ref, comment int64, content string) error
	// HasReacted reports whether the app has reacted to a comment so.
	HasReacted(ctx context.Context, ref incident.Ref, comment int64, content string) (bool, error)
	// RateBudget returns what is left of the calls of ref's installation, without asking GitHub.
	RateBudget(ref incident.Ref) ports.RateBudget
}

// reactionNames are GitHub's names of the reactions to a command.
var reactionNames = map[incident.Reaction]string{
	incident.Done: "+1", incident.Unclear: "confused", incident.Refused: "-1",
}

// DoneReaction is GitHub's name of the reaction to a comment all of whose commands were accepted.
var DoneReaction = reactionNames[incident.Done]

// Reactions answers each comment with one reaction: the worst that one of its commands got (A1). It
// lives as long as its look, so that no comment gets the same reaction twice.
type Reactions struct {
	*look.Look
	GitHub   ReactionsAPI
	Comments Comments
	Given    *GivenReactions

	done      map[int64]incident.Reaction // by comment, in this look
	heldUntil time.Time                   // by GitHub's limits; zero: they are not held back
}

// GivenReactions remembers the newest reactions of this process. A look that comes back because the
// card had to wait must not spend on reactions again what the card waits for.
type GivenReactions struct {
	mu    sync.Mutex
	given map[int64]incident.Reaction // by comment
}

const maxGivenReactions = 10_000

func (g *GivenReactions) has(comment int64, how incident.Reaction) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	before, ok := g.given[comment]
	return ok && before == how
}

func (g *GivenReactions) add(comment int64, how incident.Reaction) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.given == nil || len(g.given) >= maxGivenReactions {
		g.given = map[int64]incident.Reaction{}
	}
	g.given[comment] = how
}

// Apply reacts to the comments of this look, and to those whose reaction was put off. isCardWritten
// reports that the card has what this look put off.
func (e *Reactions) Apply(isCardWritten bool) error { return e.apply(isCardWritten, false) }

// ApplyAnswered reacts to those comments only whose other answers, in words or as a page, have gone
// out: the look ends without its card.
func (e *Reactions) ApplyAnswered() error { return e.apply(false, true) }

func (e *Reactions) apply(isCardWritten, isOnlyAnswered bool) error {
	worst, facts := e.worst()
	newest := int64(0)
	for id := range worst {
		newest = max(newest, id)
	}
	if isOnlyAnswered {
		e.dropUnanswered(worst)
	}

	isLow := e.GitHub.RateBudget(e.Ref).IsLow(e.Now)
	if e.done == nil {
		e.done = map[int64]incident.Reaction{}
	}
	for _, id := range slices.Sorted(maps.Keys(worst)) {
		fact, how := facts[id], worst[id]
		if isLow && id != newest && how == incident.Done {
			continue // the newest one's reaction, and the card, answer those before
		}
		if e.done[id] >= how {
			continue
		}
		if !isCardWritten && e.isReplyPutOff(id) {
			e.Report(incident.NotReacted{Fact: fact, How: how, Since: e.CommentTime(fact)})
			continue
		}
		e.done[id] = how
		if err := e.react(id, fact, how); err != nil {
			return err
		}
	}
	return nil
}

// worst returns the worst reaction to each comment, and the fact that it is for.
func (e *Reactions) worst() (worst map[int64]incident.Reaction, facts map[int64]string) {
	worst, facts = map[int64]incident.Reaction{}, map[int64]string{}
	add := func(fact string, how incident.Reaction) {
		id := incident.CommentOf(fact)
		worst[id], facts[id] = max(worst[id], how), fact
	}
	_ = look.ForEach(e.Look, func(re incident.React) error { add(re.Fact, re.How); return nil })
	for _, u := range e.State.Unreacted {
		add(u.Fact, u.How)
	}
	if e.IsRebuilt {
		for _, it := range e.Snapshot.Items {
			if it.Reacted {
				delete(worst, it.Comment)
			}
		}
	}
	return worst, facts
}

// dropUnanswered drops the reactions to comments that ask for more, as an answer in words or a
// page, which has not gone out. Where the card is lost, a comment counts as answered that has a
// reaction, or that is older than one with a reaction: there no newer comment gets one either.
func (e *Reactions) dropUnanswered(worst map[int64]incident.Reaction) {
	var oldest int64
	drop := func(fact, key string) {
		id := incident.CommentOf(fact)
		delete(worst, id)
		if id != 0 && !e.IsPosted(key) && (oldest == 0 || id < oldest) {
			oldest = id
		}
	}
	_ = look.ForEach(e.Look, func(r incident.Reply) error { drop(r.Fact, "reply/"+r.Fact); return nil })
	_ = look.ForEach(e.Look, func(s incident.Send) error { drop(s.Fact, s.Key); return nil })
	if e.IsCardLost && oldest != 0 {
		maps.DeleteFunc(worst, func(id int64, _ incident.Reaction) bool { return id > oldest })
	}
}

// isReplyPutOff reports whether this look put off a reply to a comment. Until the card is written,
// nothing else has it.
func (e *Reactions) isReplyPutOff(comment int64) bool {
	isPutOff := false
	_ = look.ForEach(e.Look, func(r incident.Reply) error {
		isPutOff = isPutOff || incident.CommentOf(r.Fact) == comment &&
			e.Posted["reply/"+r.Fact] == look.NotPosted
		return nil
	})
	return isPutOff
}

// react reacts to one comment. Where GitHub refuses that, the answer is given in words.
func (e *Reactions) react(id int64, fact string, how incident.Reaction) error {
	if e.State.IsHeldBack("reactions") {
		return e.replyInWords(fact, how)
	}
	if !e.heldUntil.IsZero() {
		e.Report(incident.NotReacted{Fact: fact, How: how, Since: e.CommentTime(fact)})
		return nil
	}
	if e.Given.has(id, how) {
		e.Report(incident.ReactedAfterAll{Comment: id})
		return nil
	}

	err := e.GitHub.AddReaction(e.Ctx, e.Ref, id, reactionNames[how])
	if err == nil {
		e.Given.add(id, how)
		e.RecordWait(ports.UrgencyAnswer, e.CommentTime(fact))
		if e.State.IsRefused("reactions") {
			e.Report(incident.TakenByGitHub{Effect: "reactions"})
		}
		e.Report(incident.ReactedAfterAll{Comment: id})
		return nil
	}
	// the card, which shows that the command counts, must not wait for it
	if until, ok := ports.IsPutOff(err); ok {
		e.heldUntil = until
		e.DeferUntil(until, ports.UrgencyAnswer)
		e.Report(incident.NotReacted{Fact: fact, How: how, Since: e.CommentTime(fact)})
		return nil
	}
	if !ports.IsRefused(err) {
		return fmt.Errorf("react to comment %d: %w", id, err)
	}
	if err := e.RecordRefusal("reactions", err); err != nil {
		return err
	}
	return e.replyInWords(fact, how)
}

// replyInWords answers a comment that GitHub lets nobody react to. What was refused or not
// understood has words of its own.
func (e *Reactions) replyInWords(fact string, how incident.Reaction) error {
	e.Report(incident.NotReacted{Fact: fact, How: how})
	key := fmt.Sprintf("reaction/%d", incident.CommentOf(fact))
	wasAnswered := slices.ContainsFunc(e.Before.Unreacted, func(u incident.Unreacted) bool {
		return u.Since.IsZero() && incident.CommentOf(u.Fact) == incident.CommentOf(fact)
	})
	if how != incident.Done || wasAnswered || e.IsPosted(key) {
		return nil
	}
	return e.Comments.PostSay(key, incident.Say{Name: "done", Who: e.AuthorOf(fact)})
}
