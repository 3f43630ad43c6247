package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// An issue that the app opens is looked for by its mark before. GitHub's list may be behind its own writes, and the answer to the
// write may be lost: so what was opened, and what was to be opened, is noted outside GitHub too, or there would be two.

// How long nothing is opened again after an answer was lost: where somebody waits for it, and where nobody does.
const (
	shortDoubt = 20 * time.Second
	longDoubt  = 45 * time.Second
)

// openedIssue is an issue that the app opened or tried to open.
type openedIssue struct {
	At     time.Time `json:"at"`
	Number int       `json:"number,omitempty"` // 0: the answer is not known
	ID     int64     `json:"id,omitempty"`
	Mark   string    `json:"mark,omitempty"` // a further mark in its text
}

// openIssueOnce opens an issue that was not found by its mark, unless that was done just now; mark may be a further mark in its text.
// It returns a *Later while the issue may have been opened already.
func (r *reconciliation) openIssueOnce(repo, by, mark string, n NewIssue, doubt time.Duration) (o openedIssue, err error) {
	name := "opened/" + r.hash("opened", repo, by)[:24]
	known := r.loadOpenedIssue(name)
	age := r.Now.Sub(known.At)
	if known.Number != 0 && age < longestLag {
		return known, nil
	}
	if !known.At.IsZero() && known.Number == 0 && age < doubt {
		return o, &RetryAfter{Until: known.At.Add(doubt), Err: fmt.Errorf("%w: an issue in %s may have been opened, and the answer was lost", ErrNotYet, repo)}
	}
	r.saveOpenedIssue(name, openedIssue{At: r.Now})
	o = openedIssue{At: r.Now, Mark: mark}
	o.Number, o.ID, err = r.GitHub.OpenIssue(r.Ctx, repo, n)
	switch {
	case err == nil:
		r.saveOpenedIssue(name, o)
	case isRefused(err) || errors.Is(err, ErrLimited) || errors.Is(err, ErrNotYet):
		r.saveOpenedIssue(name, openedIssue{}) // it was not
	}
	return o, err
}

// loadOpenedIssue returns what is known of an issue; the zero value: nothing.
func (r *reconciliation) loadOpenedIssue(name string) (o openedIssue) {
	r.mu.Lock()
	o = r.openedIssues[name]
	r.mu.Unlock()
	if r.Store == nil {
		return o
	}
	text, err := r.Store.Load(r.Ctx, name)
	var kept openedIssue
	if err == nil && len(text) > 0 {
		err = json.Unmarshal(text, &kept)
	}
	if err != nil {
		r.Logger.Warn("opened issue not known", "incident", r.m.Ref.String(), "err", redact(err))
	}
	if kept.At.After(o.At) {
		return kept
	}
	return o
}

// saveOpenedIssue notes what is known of an issue.
func (r *reconciliation) saveOpenedIssue(name string, o openedIssue) {
	r.mu.Lock()
	for other, known := range r.openedIssues {
		if r.Now.Sub(known.At) > longestLag {
			delete(r.openedIssues, other)
		}
	}
	r.openedIssues[name] = o
	r.mu.Unlock()
	if r.Store == nil {
		return
	}
	text, err := json.Marshal(o)
	if err == nil {
		err = r.Store.Save(r.Ctx, name, text)
	}
	if err != nil {
		r.Logger.Warn("opened issue not noted", "incident", r.m.Ref.String(), "err", redact(err))
	}
}
