// Package stats reads the incidents of a repository and reports their figures: as a table, JSON,
// CSV, or a page.
//
// GitHub's issues are all that it reads (A5): the list, a hundred at a time, and each incident's
// card, one call each. What was read is kept in a file, so that the next run reads only what
// changed, and one that GitHub's rate limit ended goes on.
package stats

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/firebreak-dev/firebreak/app/card"
	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// GitHub is what reading needs of GitHub. Errors are those of the engine's port: *engine.Later says
// when to come back.
type GitHub interface {
	// ReadIncidents lists the incidents that changed since a time (zero: all); told hears how many
	// there are so far.
	ReadIncidents(ctx context.Context, owner, repo string, since time.Time,
		told func(n int)) ([]*engine.Snapshot, error)
	// ReadCard returns an incident's card, one that is believed if there is any; "" if there is none.
	ReadCard(ctx context.Context, ref incident.Ref, believe func(body string) bool) (string, error)
	// RateLimit returns how many calls are left until a time; limit is 0 where there is none. Asking
	// is free.
	RateLimit(ctx context.Context, owner, repo string) (left, limit int, until time.Time, err error)
}

// Reader reads incidents.
type Reader struct {
	GitHub   GitHub
	Keys     [][]byte // of the cards: card.Keys
	Cache    string   // folder in which what was read is kept
	Host     string   // of GitHub, since repositories elsewhere may have the same name
	Now      func() time.Time
	Progress func(step string, done, total int) // total 0: not known yet
}

// Read is what was read.
type Read struct {
	Owner, Repo string
	Since       time.Time // incidents declared before are not wanted; zero: all are
	At          time.Time // when it was read
	Incidents   []Found
	Unread      []int // issues with the label whose card is missing, or not signed by a secret of ours
}

// Found is one incident.
type Found struct {
	Issue *engine.Snapshot
	State incident.State
}

// Paused says that GitHub's rate limit ended the reading, and when it can go on.
type Paused struct {
	Done, Total int
	Until       time.Time
	Why         string
}

func (p *Paused) Error() string {
	return fmt.Sprintf("read %d of %d incidents, then paused: %s; what was read is kept, so run the same "+
		"command again after %s",
		p.Done, p.Total, p.Why, p.Until.UTC().Format("2006-01-02 15:04:05 UTC"))
}

const (
	// spare is the part of the rate limit that reading leaves alone, since incidents are run from
	// the same: 1 of 5.
	spare = 5
	// between is after how many calls the rate limit is looked at again, as others spend it too.
	between = 100
	// doubtful is how many unbelievable cards before any believable one mean that the secret is wrong.
	doubtful = 20
	// stale is after which time an incident with something to come is read again although GitHub
	// says that it is as it was: it documents nowhere that editing a comment changes when its issue
	// was updated.
	stale = time.Hour
)

// Read reads the incidents of a repository that were declared since a time (zero: all). If GitHub's
// rate limit ends it, the error is a *Paused.
func (r *Reader) Read(ctx context.Context, owner, repo string, since time.Time) (*Read, error) {
	kept, err := openCache(r.Cache, r.Host, owner, repo)
	if err != nil {
		return nil, err
	}
	read, err := r.read(ctx, kept, &Read{Owner: owner, Repo: repo, Since: since, At: r.Now()})
	return read, errors.Join(err, kept.close())
}

func (r *Reader) read(ctx context.Context, kept *cache, out *Read) (*Read, error) {
	issues, err := r.GitHub.ReadIncidents(ctx, out.Owner, out.Repo, out.Since, func(n int) {
		r.Progress("listing incidents", n, 0)
	})
	if err != nil {
		return nil, paused(err, 0, 0)
	}
	w := &walk{Reader: r, owner: out.Owner, repo: out.Repo}
	for i, is := range issues {
		e, known := kept.entries[is.Ref.Number]
		if !known || !e.fresh(is.Updated, out.At) {
			if e, err = w.card(ctx, is); err != nil {
				return nil, paused(err, i, len(issues))
			}
			if !e.forged {
				if err := kept.keep(e); err != nil {
					return nil, err
				}
			}
		}
		r.Progress("reading incidents", i+1, len(issues))
		switch {
		case e.State == nil:
			out.Unread = append(out.Unread, is.Ref.Number)
		case e.State.Declared != nil && !e.State.Declared.At.Before(out.Since):
			out.Incidents = append(out.Incidents, Found{is, *e.State})
		}
	}
	return out, nil
}

// paused makes GitHub's "not now" a pause that says how far the reading came.
func paused(err error, done, total int) error {
	var later *engine.RetryAfter
	if errors.As(err, &later) {
		return &Paused{Done: done, Total: total, Until: later.Until, Why: later.Err.Error()}
	}
	return err
}

// walk is the reading of cards under way.
type walk struct {
	*Reader
	owner, repo string

	calls    int // left before the rate limit is looked at again
	believed bool
	forged   int
}

// card reads one incident's card.
func (w *walk) card(ctx context.Context, is *engine.Snapshot) (entry, error) {
	if err := w.spend(ctx); err != nil {
		return entry{}, err
	}
	e := entry{Number: is.Ref.Number, Updated: is.Updated, Read: w.Now()}
	believe := func(body string) bool {
		_, err := card.OpenIn(body, card.Issue{Ref: is.Ref, ID: is.ID}, w.Keys)
		return err == nil
	}
	body, err := w.GitHub.ReadCard(ctx, is.Ref, believe)
	if err != nil && ctx.Err() == nil && !errors.As(err, new(*engine.RetryAfter)) {
		body, err = w.GitHub.ReadCard(ctx, is.Ref, believe) // of ten thousand answers some get lost
	}
	if err != nil {
		return e, err
	}
	read, err := card.OpenIn(body, card.Issue{Ref: is.Ref, ID: is.ID}, w.Keys)
	switch {
	case err == nil:
		w.believed = true
		e.State = slim(read.State)
	case errors.Is(err, card.ErrForged):
		e.forged = true
		if w.forged++; !w.believed && w.forged == doubtful {
			return e, fmt.Errorf("none of the first %d cards of %s/%s is signed with "+
				"FIREBREAK_WEBHOOK_SECRET or its PREVIOUS: set the secret that the app serves with",
				doubtful, w.owner, w.repo)
		}
	}
	return e, nil
}

// spend takes one call of those that may be made.
func (w *walk) spend(ctx context.Context) error {
	if w.calls > 0 {
		w.calls--
		return nil
	}
	left, limit, until, err := w.GitHub.RateLimit(ctx, w.owner, w.repo)
	if err != nil {
		return err
	}
	w.calls = between - 1
	if limit == 0 {
		return nil
	}
	if left -= limit / spare; left <= 0 {
		return &engine.RetryAfter{Until: until,
			Err: fmt.Errorf("the rest of the %d calls an hour is left to the incidents that run", limit)}
	}
	w.calls = min(w.calls, left-1)
	return nil
}
