package engine

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/intake"
)

// pageEpisode is for how long a page that went out before GitHub was asked counts for all reports
// of its trouble.
const pageEpisode = time.Hour

// episodeKey returns the key of a page for a dedup key. A pager takes the same key for the same
// page, so two processes page once. When the alert comes again an hour later, or after its incident
// ended, it is another page.
func (e *Engine) episodeKey(trouble string, now time.Time) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	began := now.Truncate(pageEpisode)
	if ended := e.pagedEarly[trouble+endedMark]; ended.After(began) {
		began = ended
	}
	return fmt.Sprintf("%s-%d", trouble, began.Unix())
}

const endedMark = " ended"

// endEpisode makes the next report of a dedup key page again. The caller holds the lock.
func (e *Engine) endEpisode(trouble string) {
	now := e.Clock.Now()
	for key, at := range e.pagedEarly {
		if strings.HasSuffix(key, endedMark) && now.Sub(at) > pageEpisode {
			delete(e.pagedEarly, key)
		}
	}
	delete(e.pagedEarly, trouble)
	e.pagedEarly[trouble+endedMark] = now
}

// hasOpenIncident reports whether an incident is open for a report, as far as GitHub answers at
// once: its people need no page of its own each time the alert fires.
func (e *Engine) hasOpenIncident(ctx context.Context, repo incident.Ref, d intake.Decision,
	s intake.Signal) bool {
	if owner, name, ok := strings.Cut(d.Repository, "/"); ok {
		repo = incident.Ref{Owner: owner, Repo: name}
	}
	key, now := repo.FullName()+" "+s.DedupKey, e.Clock.Now()
	e.mu.Lock()
	known, ok := e.openIncidents[key]
	e.mu.Unlock()
	if ok && now.Sub(known.at) < openIncidentLife {
		return true
	}
	patient, stop := context.WithTimeout(ctx, policyPatience)
	defer stop()
	number, err := e.GitHub.FindIncident(patient, repo.FullName(),
		e.isAboutDedup(patient, e.dedupHashes(repo, s)...))
	if err != nil {
		return false
	}
	if repo.Number = number; number == 0 {
		ref, isOpen, err := e.findTransferred(patient, e.dedupHash(s.DedupKey))
		if err == nil && !isOpen {
			ref, err = e.findConversation(patient, repo, s)
			isOpen = ref.Number != 0
		}
		if err != nil || !isOpen {
			return false
		}
		repo = ref
	}
	e.mu.Lock()
	e.openIncidents[key] = openIncident{repo, now}
	e.mu.Unlock()
	return true
}

// signalWords returns what a report says, each of which is shown once: the names of a group's
// alerts, or a title and what else a person or a program wrote. Changed figures are no news.
func (e *Engine) signalWords(s intake.Signal) (words []incident.Word) {
	word := func(kind, said, text string) {
		words = append(words, incident.Word{Mark: e.hash("word", kind, said)[:8], Text: text})
	}
	titles := map[string]string{}
	for _, a := range s.Alerts {
		if _, ok := titles[a.Name]; !ok {
			titles[a.Name] = a.Title
		}
	}
	for _, name := range s.Names() {
		text, ok := titles[name]
		if !ok {
			text = name
		}
		word("alert", name, text)
	}
	if len(s.Alerts) == 0 {
		word("title", intake.Figureless(s.Title), s.Title)
	}
	if s.Source == "generic" && s.Text != "" {
		word("text", intake.Figureless(s.Text), "") // the report itself is shown
	}
	return words
}
