package engine

import (
	"context"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/mark"
)

// What the app notes for itself in comments and issues, and believes. Everybody with write access
// could write such marks into the app's own comments, so they are signed for their incident, by its
// issue's id, which no other issue ever has. Versions before this one signed none. What they wrote
// counts as long as it can only be theirs: if it is older than the first start of a version that
// signs, and, for a comment, if nobody has edited it since.

// marksSignedKey is what the shelf keeps the time under since when marks are signed here.
const marksSignedKey = "marks/signed"

// signedSince returns since when marks are signed here. It is zero if that is unknown: then nothing
// unsigned counts.
func (e *Engine) signedSince(ctx context.Context) time.Time {
	e.mu.Lock()
	since := e.marksSignedSince
	e.mu.Unlock()
	if !since.IsZero() || e.Store == nil {
		return since
	}
	text, err := e.Store.Load(ctx, marksSignedKey)
	if err == nil && len(text) > 0 {
		since, err = time.Parse(time.RFC3339, string(text))
	} else if err == nil {
		since = e.Clock.Now().UTC().Truncate(time.Second)
		err = e.Store.Save(ctx, marksSignedKey, []byte(since.Format(time.RFC3339)))
	}
	if err != nil {
		e.Logger.Warn("not known since when marks are signed: none without a signature counts", "err",
			ports.Redact(err))
		return time.Time{}
	}
	e.mu.Lock()
	e.marksSignedSince = since
	e.mu.Unlock()
	return since
}

func (e *Engine) markKeys() mark.Keys { return mark.Keys(e.keys) }

// reportMarks returns the marks of an issue that the app opened for a report.
func (e *Engine) reportMarks(ctx context.Context, issue *Snapshot) []mark.Mark {
	w := Written{Body: issue.Body, Created: issue.Created, Updated: issue.Updated}
	return look.Marks(e.markKeys(), w, []string{noIncident}, e.signedSince(ctx))
}

// noIncident is for what the marks of an issue are signed that is to become an incident.
const noIncident = ""

// firstMark returns the text of the first mark of a kind.
func firstMark(kind string, marks []mark.Mark) string {
	for _, m := range marks {
		if m.Kind == kind {
			return m.Text
		}
	}
	return ""
}
