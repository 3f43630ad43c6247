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

// openOnce opens an issue that was not found by its mark, unless that was done just now; mark may be a further mark in its text.
// It returns a *Later while the issue may have been opened already.
func (p *pass) openOnce(repo, by, mark string, n NewIssue, doubt time.Duration) (o openedIssue, err error) {
	name := "opened/" + p.mac("opened", repo, by)[:24]
	known := p.findOpened(name)
	age := p.now.Sub(known.At)
	if known.Number != 0 && age < longestLag {
		return known, nil
	}
	if !known.At.IsZero() && known.Number == 0 && age < doubt {
		return o, &Later{Until: known.At.Add(doubt), Err: fmt.Errorf("%w: an issue in %s may have been opened, and the answer was lost", ErrNotYet, repo)}
	}
	p.keepOpened(name, openedIssue{At: p.now})
	o = openedIssue{At: p.now, Mark: mark}
	o.Number, o.ID, err = p.GitHub.OpenIssue(p.ctx, repo, n)
	switch {
	case err == nil:
		p.keepOpened(name, o)
	case isRefused(err) || errors.Is(err, ErrLimited) || errors.Is(err, ErrNotYet):
		p.keepOpened(name, openedIssue{}) // it was not
	}
	return o, err
}

// findOpened returns what is known of an issue; the zero value: nothing.
func (p *pass) findOpened(name string) (o openedIssue) {
	p.mu.Lock()
	o = p.opened[name]
	p.mu.Unlock()
	if p.Shelf == nil {
		return o
	}
	text, err := p.Shelf.Kept(p.ctx, name)
	var kept openedIssue
	if err == nil && len(text) > 0 {
		err = json.Unmarshal(text, &kept)
	}
	if err != nil {
		p.Logger.Warn("opened issue not known", "incident", p.m.Ref.String(), "err", brief(err))
	}
	if kept.At.After(o.At) {
		return kept
	}
	return o
}

// keepOpened notes what is known of an issue.
func (p *pass) keepOpened(name string, o openedIssue) {
	p.mu.Lock()
	for other, known := range p.opened {
		if p.now.Sub(known.At) > longestLag {
			delete(p.opened, other)
		}
	}
	p.opened[name] = o
	p.mu.Unlock()
	if p.Shelf == nil {
		return
	}
	text, err := json.Marshal(o)
	if err == nil {
		err = p.Shelf.Keep(p.ctx, name, text)
	}
	if err != nil {
		p.Logger.Warn("opened issue not noted", "incident", p.m.Ref.String(), "err", brief(err))
	}
}
