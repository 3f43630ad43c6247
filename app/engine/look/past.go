package look

import (
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/command"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// maxReplayAge limits what is done again after a card was lost: effects older than this are assumed
// done. Comments have markers to check, pages and mail have none. A first look, however late,
// assumes nothing.
const maxReplayAge = 15 * time.Minute

// IsBeforeLoss reports whether an effect belongs to the time before the card was lost.
func (l *Look) IsBeforeLoss(at time.Time) bool { return l.IsCardLost && l.Now.Sub(at) > maxReplayAge }

// WasHandled reports whether a fact was acted on before the card was lost. Its comment carries the
// reaction with which a look ends; what can't carry one is judged by its age.
func (l *Look) WasHandled(fact string) bool {
	if incident.CommentOf(fact) == 0 || !l.IsCardLost {
		return l.IsBeforeLoss(l.TimeOf(fact))
	}
	return l.IsAnswered(fact)
}

// IsAnswered reports whether a comment carries the app's reaction, or a later command does: while
// calls are scarce only the newest command gets one.
func (l *Look) IsAnswered(fact string) bool {
	id := incident.CommentOf(fact)
	return slices.ContainsFunc(l.Snapshot.Items, func(it ports.Item) bool {
		return it.Reacted && (it.Comment == id || it.Comment > id && command.Has(it.Body))
	})
}

// TimeOf returns the time of a fact of this look; for others it is now.
func (l *Look) TimeOf(fact string) time.Time {
	id, _, _ := strings.Cut(fact, ".")
	id, _, isEdit := strings.Cut(id, "@")
	for _, it := range l.Snapshot.Items {
		if it.ID == id && !isEdit {
			return it.At
		}
	}
	if strings.HasPrefix(fact, "b.") || fact == "opened" {
		return l.Snapshot.Created
	}
	return l.Now
}

// CommentTime returns when the comment of a fact was written: one of this look, or one whose
// reaction was put off.
func (l *Look) CommentTime(fact string) time.Time {
	for _, u := range l.Before.Unreacted {
		if u.Fact == fact && !u.Since.IsZero() {
			return u.Since
		}
	}
	return l.TimeOf(fact)
}

// AuthorOf returns who wrote the comment of a fact of this look, or "".
func (l *Look) AuthorOf(fact string) string {
	for _, it := range l.Snapshot.Items {
		if it.Comment != 0 && it.Comment == incident.CommentOf(fact) {
			return it.By
		}
	}
	return ""
}
