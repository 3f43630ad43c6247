package engine

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/mark"
)

// What the app notes for itself in comments and issues, and believes. Everybody with write access could write such marks into the
// app's own comments, so they are signed for their incident, by its issue's id, which no other issue ever has. Versions before this
// one signed none. What they wrote counts as long as it can only be theirs: if it is older than the first start of a version that
// signs, and, for a comment, if nobody has edited it since.

// markKind is the kind of the marks under what the app says once.
const markKind = "did"

// marksFor makes marks of keys.
func marksFor(keys ...string) (marks []mark.Mark) {
	for _, k := range keys {
		marks = append(marks, mark.Mark{Kind: markKind, Text: k})
	}
	return marks
}

// marksSignedKey is what the shelf keeps the time under since when marks are signed here.
const marksSignedKey = "marks/signed"

// signedSince returns since when marks are signed here. It is the zero time where nobody knows: then nothing unsigned counts.
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
		e.Logger.Warn("not known since when marks are signed: none without a signature counts", "err", redact(err))
		return time.Time{}
	}
	e.mu.Lock()
	e.marksSignedSince = since
	e.mu.Unlock()
	return since
}

// signingNames names the incident for which marks are signed: by its issue's present id, and, after a transfer, by those before. The
// first one signs.
func (r *reconciliation) signingNames() []string {
	if r.Snapshot == nil || r.Snapshot.ID == 0 {
		return []string{strings.ToLower(r.m.Ref.String())}
	}
	names := []string{signingName(r.Snapshot.ID)}
	for _, id := range append(r.Before.WasIDs, r.formerIDs...) {
		names = append(names, signingName(id))
	}
	return names
}

func signingName(id int64) string { return fmt.Sprintf("issue %d", id) }

// signComment returns a comment's text with its marks.
func (r *reconciliation) signComment(text string, marks ...mark.Mark) string {
	return r.markKeys().Comment(r.signingNames()[0], text, marks...)
}

// signIssue returns the text of an issue that the app opens for the incident, with its marks.
func (r *reconciliation) signIssue(text string, marks ...mark.Mark) string {
	return r.markKeys().Issue(r.signingNames()[0], text, r.Now, marks...)
}

func (e *Engine) markKeys() mark.Keys { return mark.Keys(e.keys) }

// keysIn lists the keys under a comment of the app's own. Of two comments with one signature only the first counts: the other is a
// copy of it.
func (r *reconciliation) keysIn(it Item) (keys []string) {
	if !it.Own || it.Event != "commented" {
		return nil
	}
	marks, signature := r.markKeys().InComment(it.Body, r.signingNames()...)
	if signature != "" {
		if r.signatures == nil {
			r.signatures = map[string]int64{}
		}
		if first, ok := r.signatures[signature]; ok && first != it.Comment {
			return nil
		}
		r.signatures[signature] = it.Comment
	} else if !it.Edited && it.At.Before(r.signedSince(r.Ctx)) {
		marks = mark.Unsigned(it.Body)
	}
	for _, m := range marks {
		if m.Kind == markKind {
			keys = append(keys, m.Text)
		}
	}
	return keys
}

// isMarked returns what tells the app's comments and issues with a mark of this incident.
func (r *reconciliation) isMarked(m mark.Mark) IsMarked {
	return r.Engine.isMarked(r.Ctx, r.signingNames(), m)
}

// isMarked returns what tells the app's comments and issues that have one of some marks, signed for one of some incidents.
func (e *Engine) isMarked(ctx context.Context, incidents []string, marks ...mark.Mark) IsMarked {
	since := e.signedSince(ctx)
	return func(w Written) bool {
		found := e.marksOf(w, incidents, since)
		for _, m := range marks {
			for _, f := range found {
				if f == m {
					return true
				}
			}
		}
		return false
	}
}

// marksOf returns the marks of a comment or an issue by the app.
func (e *Engine) marksOf(w Written, incidents []string, since time.Time) []mark.Mark {
	if w.IsComment {
		marks, signature := e.markKeys().InComment(w.Body, incidents...)
		if signature == "" && w.Updated.Equal(w.Created) && w.Created.Before(since) {
			marks = mark.Unsigned(w.Body)
		}
		return marks
	}
	marks := e.markKeys().InIssue(w.Body, w.Created, incidents...)
	if len(marks) == 0 && w.Created.Before(since) {
		return mark.InText(w.Body)
	}
	return marks
}

// reportMarks returns the marks of an issue that the app opened for what a source reported.
func (e *Engine) reportMarks(ctx context.Context, issue *Snapshot) []mark.Mark {
	w := Written{Body: issue.Body, Created: issue.Created, Updated: issue.Updated}
	return e.marksOf(w, []string{noIncident}, e.signedSince(ctx))
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

// ticketMark marks the ticket of a follow-up.
func (r *reconciliation) ticketMark(index int) mark.Mark {
	return mark.Mark{Kind: "ticket", Text: incident.TicketName(r.declaredRef(), index)}
}
