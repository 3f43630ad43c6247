package simulation

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// journal is what the product logs of its work that its issues don't show afterwards.
type journal struct {
	now func() time.Time // the world's, which the lines of the log have

	mu       sync.Mutex
	skipped  map[string]map[string]bool // by incident, the keys of pages that were late, and not needed any more
	waiting  map[string]bool            // incidents that a report is about which waits for its next try
	refused  map[string]bool            // incidents on which GitHub refused an answer
	unshared map[string]bool            // incidents of which GitHub refused to show a customer an update
	twice    map[string]int             // by incident, comments that were there twice
	edits    map[string][]time.Time     // by incident, when looks answered for the webhook of an edit
	removed  bool                       // GitHub had no configuration, however often it was asked, for longer than that is doubted
}

func newJournal() *journal {
	return &journal{skipped: map[string]map[string]bool{}, waiting: map[string]bool{}, refused: map[string]bool{}, unshared: map[string]bool{},
		twice: map[string]int{}, edits: map[string][]time.Time{}}
}

// skippedPages returns the keys ("page/2") of an incident's pages that were skipped. Its card keeps
// only the newest, and may be lost.
func (j *journal) skippedPages(number int) map[string]bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.skipped[nameOf(number)]
}

// isReportWaiting reports whether a source's report about an incident waits for its next try, perhaps
// before it is found which incident it is about.
func (j *journal) isReportWaiting(number int) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.waiting[nameOf(number)] || j.waiting[nameOf(0)]
}

// isAnswerRefused reports whether GitHub refused an answer on an incident. Its card holds what is
// to be tried again.
func (j *journal) isAnswerRefused(number int) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.refused[nameOf(number)]
}

// isShareRefused reports whether GitHub refused to write an update of an incident into a customer's issue: once it
// takes that, the newest one is written.
func (j *journal) isShareRefused(number int) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.unshared[nameOf(number)]
}

// saidTwice returns how many comments were there twice on an incident until one was deleted.
func (j *journal) saidTwice(number int) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.twice[nameOf(number)]
}

// readEdit returns when a look first answered for the webhook of an edit that was made at a time.
func (j *journal) readEdit(number int, made time.Time) time.Time {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, at := range j.edits[nameOf(number)] {
		if !at.Before(made) {
			return at
		}
	}
	return time.Time{}
}

// isConfigurationRemoved reports whether the product took the configuration for removed, after it
// was told so by each read of a quarter of an hour.
func (j *journal) isConfigurationRemoved() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.removed
}

func nameOf(number int) string { return fmt.Sprintf("acme/incidents#%d", number) }

// handler returns a log handler that writes to next and keeps the journal.
func (j *journal) handler(next slog.Handler) slog.Handler { return journalHandler{next, j, nil} }

type journalHandler struct {
	slog.Handler
	journal *journal
	attrs   []slog.Attr // of each line
}

func (h journalHandler) Handle(ctx context.Context, r slog.Record) error {
	h.journal.add(h.attrs, r)
	if h.journal.now != nil {
		r.Time = h.journal.now()
	}
	return h.Handler.Handle(ctx, r)
}

func (h journalHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return journalHandler{h.Handler.WithAttrs(attrs), h.journal, append(slices.Clone(h.attrs), attrs...)}
}

func (h journalHandler) WithGroup(name string) slog.Handler {
	return journalHandler{h.Handler.WithGroup(name), h.journal, h.attrs}
}

// add records what a line of the log says.
func (j *journal) add(attrs []slog.Attr, r slog.Record) {
	of := map[string]string{}
	for _, a := range attrs {
		of[a.Key] = a.Value.String()
	}
	r.Attrs(func(a slog.Attr) bool {
		of[a.Key] = a.Value.String()
		return true
	})
	j.mu.Lock()
	defer j.mu.Unlock()
	ref := canonical(of["incident"])
	switch {
	case r.Message == "page not needed any more":
		if j.skipped[ref] == nil {
			j.skipped[ref] = map[string]bool{}
		}
		j.skipped[ref][of["page"]] = true
	case r.Message == "effect refused by GitHub" && of["effect"] == "comments":
		j.refused[ref] = true
	case r.Message == "effect refused by GitHub" && strings.HasPrefix(of["effect"], "update/"):
		j.unshared[ref] = true
	case strings.HasPrefix(r.Message, "comment said twice"):
		j.twice[ref]++
	case r.Message == "configuration removed":
		since, err := time.Parse("2006-01-02 15:04:05 -0700 MST", of["since"]) // as time.Time prints itself
		j.removed = j.removed || err == nil && j.now != nil && j.now().Sub(since) >= 15*time.Minute
	case of["why"] == "issue_comment.edited" && r.Message == "looked" && j.now != nil:
		j.edits[ref] = append(j.edits[ref], j.now())
	case of["why"] == "signal":
		j.waiting[ref] = r.Message != "looked"
	}
}
