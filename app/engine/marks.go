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

// did is the kind of the marks under what the app says once.
const did = "did"

// dids makes marks of keys.
func dids(keys ...string) (marks []mark.Mark) {
	for _, k := range keys {
		marks = append(marks, mark.Mark{Kind: did, Text: k})
	}
	return marks
}

// signedName is what the shelf keeps the time under since when marks are signed here.
const signedName = "marks/signed"

// signedSince returns since when marks are signed here. It is the zero time where nobody knows: then nothing unsigned counts.
func (e *Engine) signedSince(ctx context.Context) time.Time {
	e.mu.Lock()
	since := e.signs
	e.mu.Unlock()
	if !since.IsZero() || e.Shelf == nil {
		return since
	}
	text, err := e.Shelf.Kept(ctx, signedName)
	if err == nil && len(text) > 0 {
		since, err = time.Parse(time.RFC3339, string(text))
	} else if err == nil {
		since = e.Clock.Now().UTC().Truncate(time.Second)
		err = e.Shelf.Keep(ctx, signedName, []byte(since.Format(time.RFC3339)))
	}
	if err != nil {
		e.Logger.Warn("not known since when marks are signed: none without a signature counts", "err", brief(err))
		return time.Time{}
	}
	e.mu.Lock()
	e.signs = since
	e.mu.Unlock()
	return since
}

// signedFor names the incident for which marks are signed: by its issue's present id, and, after a transfer, by those before. The
// first one signs.
func (p *pass) signedFor() []string {
	if p.snap == nil || p.snap.ID == 0 {
		return []string{strings.ToLower(p.m.Ref.String())}
	}
	names := []string{incidentOf(p.snap.ID)}
	for _, id := range append(p.before.WasIDs, p.wasIDs...) {
		names = append(names, incidentOf(id))
	}
	return names
}

func incidentOf(id int64) string { return fmt.Sprintf("issue %d", id) }

// signed returns a comment's text with its marks.
func (p *pass) signed(text string, marks ...mark.Mark) string {
	return p.marks().Comment(p.signedFor()[0], text, marks...)
}

// signedIssue returns the text of an issue that the app opens for the incident, with its marks.
func (p *pass) signedIssue(text string, marks ...mark.Mark) string {
	return p.marks().Issue(p.signedFor()[0], text, p.now, marks...)
}

func (e *Engine) marks() mark.Keys { return mark.Keys(e.keys) }

// marksIn lists the keys under a comment of the app's own. Of two comments with one signature only the first counts: the other is a
// copy of it.
func (p *pass) marksIn(it Item) (keys []string) {
	if !it.Own || it.Event != "commented" {
		return nil
	}
	marks, signature := p.marks().InComment(it.Body, p.signedFor()...)
	if signature != "" {
		if p.signatures == nil {
			p.signatures = map[string]int64{}
		}
		if first, ok := p.signatures[signature]; ok && first != it.Comment {
			return nil
		}
		p.signatures[signature] = it.Comment
	} else if !it.Edited && it.At.Before(p.signedSince(p.ctx)) {
		marks = mark.Unsigned(it.Body)
	}
	for _, m := range marks {
		if m.Kind == did {
			keys = append(keys, m.Text)
		}
	}
	return keys
}

// isMarked returns what tells the app's comments and issues with a mark of this incident.
func (p *pass) isMarked(m mark.Mark) IsMarked { return p.Engine.isMarked(p.ctx, p.signedFor(), m) }

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
		marks, signature := e.marks().InComment(w.Body, incidents...)
		if signature == "" && w.Updated.Equal(w.Created) && w.Created.Before(since) {
			marks = mark.Unsigned(w.Body)
		}
		return marks
	}
	marks := e.marks().InIssue(w.Body, w.Created, incidents...)
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

// markOf returns the text of the first mark of a kind.
func markOf(kind string, marks []mark.Mark) string {
	for _, m := range marks {
		if m.Kind == kind {
			return m.Text
		}
	}
	return ""
}

// ticketMark marks the ticket of a follow-up.
func (p *pass) ticketMark(index int) mark.Mark {
	return mark.Mark{Kind: "ticket", Text: incident.TicketName(p.identity(), index)}
}
