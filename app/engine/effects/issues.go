package effects

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/mark"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/wait"
)

// IssuesAPI is what Issues needs of GitHub.
type IssuesAPI interface {
	// FindIssue looks in repo ("owner/repo") for an issue by the app, opened since, that is marked;
	// number is 0 if there is none.
	FindIssue(ctx context.Context, repo string, is ports.IsMarked, since time.Time) (number int, id int64,
		err error)
	// OpenIssue opens an issue. It never retries: find it first.
	OpenIssue(ctx context.Context, repo string, i ports.NewIssue) (number int, id int64, err error)
	// ReadTicket reads an issue in another repository. Gone is set for one that was deleted.
	ReadTicket(ctx context.Context, ref incident.Ref) (ports.Ticket, error)
}

// Issues opens issues in other repositories once, and makes sure that they are still the same (A4,
// A7). An issue that the app opens is looked for by its mark before. GitHub's list may be behind
// its own writes, and the answer to a write may be lost: so what was opened, and what was about to
// be, is noted in the store too, or there would be two.
type Issues struct {
	*look.Look
	GitHub IssuesAPI
	Known  *KnownIssues
	// Patience is for how long at least nothing is opened or posted again after an answer was lost: as long as GitHub's
	// reads have been behind of late.
	Patience time.Duration
}

// KnownIssues is what this process knows of issues in other repositories.
type KnownIssues struct {
	Store ports.Store // nil: only this process knows
	Since time.Time   // when this process began to know; zero: it never counts as having seen all

	mu       sync.Mutex
	opened   map[string]OpenedIssue     // by key
	verified map[incident.Ref]time.Time // when they were found to be the same as before
}

// OpenedIssue is an issue that the app opened or tried to open.
type OpenedIssue struct {
	At     time.Time `json:"at"`
	Number int       `json:"number,omitempty"` // 0: the answer is unknown
	ID     int64     `json:"id,omitempty"`
	Mark   string    `json:"mark,omitempty"`  // a further mark in its text
	IsOver bool      `json:"over,omitempty"`  // it counts no more: another may be opened
	Tries  int       `json:"tries,omitempty"` // to open it, by any process, each of which claims its own
	IsNew  bool      `json:"-"`               // it was opened just now, and not by an earlier look
}

// How long nothing is opened or posted again after an answer was lost, where reads have not been behind for longer.
const (
	DoubtComment = 8 * time.Second  // whoever wrote a command waits for its reaction, which comes after it
	DoubtWaiting = 20 * time.Second // somebody waits for it
	DoubtUnasked = 45 * time.Second // nobody does
)

const (
	openedLife   = 15 * time.Minute // how long GitHub's list may be behind
	longestDoubt = 2 * time.Minute  // how long a list that lacks something is waited for, before another try
	sinceMargin  = time.Minute      // by how much GitHub's clock and this machine's may differ
	verifiedLife = time.Hour        // how long an issue counts as the same without asking again
)

// Find looks for an issue of the incident by its mark; its number is 0 if there is none.
func (e Issues) Find(repo string, is ports.IsMarked) (number int, id int64, err error) {
	return e.GitHub.FindIssue(e.Ctx, repo, is, e.State.Declared.At)
}

// OpenOnce opens an issue that was not found by its mark, unless that was done just now. further
// may be another mark in its text. It returns a *ports.RetryAfter while the issue may have been
// opened already.
func (e Issues) OpenOnce(repo, mark, further string, n ports.NewIssue, doubt time.Duration) (OpenedIssue, error) {
	return e.openOnce(repo, mark, further, doubt, func(attempt) (number int, id int64, err error) {
		return e.GitHub.OpenIssue(e.Ctx, repo, n)
	})
}

// attempt is what is known of those before it.
type attempt struct {
	isFirst bool // it is certain that no process tried before
	isTried bool // one tried so short a time ago that GitHub's reads may not show it, and got no answer
}

// openOnce is OpenOnce of whatever open opens.
func (e Issues) openOnce(repo, mark, further string, doubt time.Duration,
	open func(attempt) (number int, id int64, err error)) (o OpenedIssue, err error) {
	doubt = max(doubt, e.Patience)
	key := e.openedKey(repo, mark)
	known := e.loadOpened(key)
	a := attempt{isTried: known.isDoubted(e.Now, longestDoubt)}
	if !known.isRecent(e.Now) && !known.isDoubted(e.Now, doubt) {
		mayTry, isClaimed := e.claimTry(key, known)
		if !mayTry {
			known = e.othersTry(key, known)
		}
		a.isFirst = isClaimed && known.At.IsZero()
	}
	if known.isRecent(e.Now) {
		return known, nil
	}
	if known.isDoubted(e.Now, doubt) {
		return o, &ports.RetryAfter{Until: known.At.Add(doubt),
			Err: fmt.Errorf("%w: an issue in %s may have been opened, and the answer was lost",
				ports.ErrNotYet, repo)}
	}

	tries := known.Tries + 1
	e.saveOpened(key, OpenedIssue{At: e.Now, Tries: tries})
	o = OpenedIssue{At: e.Now, Mark: further, Tries: tries}
	o.Number, o.ID, err = open(a)
	switch {
	case err == nil:
		e.saveOpened(key, o)
		o.IsNew = true
	case errors.Is(err, ports.ErrBehind):
		e.saveOpened(key, OpenedIssue{At: known.At, Tries: tries})
		return o, &ports.RetryAfter{Until: e.Now.Add(wait.ForReads(e.Now.Sub(known.At))),
			Err: fmt.Errorf("%w: whether it is in %s: %w", ports.ErrNotYet, repo, err)}
	case ports.IsRefused(err) || errors.Is(err, ports.ErrLimited) || errors.Is(err, ports.ErrNotYet):
		e.saveOpened(key, OpenedIssue{At: e.Now, IsOver: true, Tries: tries}) // it was not opened
	}
	return o, err
}

// isRecent reports whether an issue was opened a short time ago, so that GitHub's list may not show it yet.
func (o OpenedIssue) isRecent(now time.Time) bool {
	return o.Number != 0 && now.Sub(o.At) < openedLife
}

// isDoubted reports whether an issue may have been opened without an answer.
func (o OpenedIssue) isDoubted(now time.Time, doubt time.Duration) bool {
	return !o.At.IsZero() && !o.IsOver && o.Number == 0 && now.Sub(o.At) < doubt
}

// claimTry reports whether this process alone may try to open an issue, of all that know of it what this one knows: a
// queue hands out an incident to one, but not where that one seems to be gone. isClaimed reports that the store says
// so; without one that can, everybody may try.
func (e Issues) claimTry(key string, known OpenedIssue) (mayTry, isClaimed bool) {
	claimer, ok := e.Known.Store.(ports.Claimer)
	if !ok {
		return true, false
	}
	isFirst, err := claimer.Claim(e.Ctx, fmt.Sprintf("%s-%d", key, known.Tries))
	if err != nil {
		e.Logger.Warn("opening an issue not claimed", "incident", e.Ref.String(), "err", ports.Redact(err))
		return true, false
	}
	return isFirst, isFirst
}

// othersTry returns what is known of an issue that another process claimed to open, after what this one read. That one
// may have ended before it noted anything: then its time passes from now on, as if its answer were lost.
func (e Issues) othersTry(key string, read OpenedIssue) OpenedIssue {
	now := e.loadOpened(key)
	if now.Tries == read.Tries {
		now = OpenedIssue{At: e.Now, Tries: read.Tries + 1}
		e.saveOpened(key, now)
	}
	return now
}

// CommentOnce comments where no look reads: on an issue elsewhere, or on a pull request. comment asks GitHub whether
// the marked comment is there, and comments if not. GitHub's list can be behind, so that a comment whose answer was
// lost would be posted twice: it returns a *ports.RetryAfter while that may be.
func (e Issues) CommentOnce(on incident.Ref, m mark.Mark, doubt time.Duration,
	comment func(ports.Once) (id int64, err error)) (int64, error) {
	return e.CommentOnceAsked(on, m, doubt, time.Time{}, comment)
}

// CommentOnceAsked is CommentOnce of what somebody asked for at a time. The comment may be certain not to be there, so
// that GitHub need not be asked: it was asked for since this process runs, a short time ago, and the store, where each
// try is claimed before it is made, has none.
func (e Issues) CommentOnceAsked(on incident.Ref, m mark.Mark, doubt time.Duration, asked time.Time,
	comment func(ports.Once) (id int64, err error)) (int64, error) {
	isSeen := !e.Known.Since.IsZero() && asked.After(e.Known.Since.Add(sinceMargin)) && e.Now.Sub(asked) < openedLife
	o, err := e.openOnce(on.String(), m.Line(), "", doubt, func(a attempt) (int, int64, error) {
		once := ports.Once{Is: e.IsMarked(m), IsTried: a.isTried}
		if a.isFirst && isSeen {
			once.Is = nil
		}
		id, err := comment(once)
		return on.Number, id, err
	})
	return o.ID, err
}

// Recent returns the number of an issue that OpenOnce opened within a time; 0 if there is none.
// GitHub's list may not show it yet.
func (e Issues) Recent(repo, mark string, within time.Duration) int {
	known := e.loadOpened(e.openedKey(repo, mark))
	if e.Now.Sub(known.At) >= within {
		return 0
	}
	return known.Number
}

// Forget lets OpenOnce open another issue in place of the one of that number, which has ended.
func (e Issues) Forget(repo, mark string, number int) {
	key := e.openedKey(repo, mark)
	if known := e.loadOpened(key); number != 0 && known.Number == number {
		e.saveOpened(key, OpenedIssue{At: e.Now, IsOver: true, Tries: known.Tries})
	}
}

func (e Issues) openedKey(repo, mark string) string {
	mac := hmac.New(sha256.New, e.Keys[0])
	mac.Write([]byte(strings.Join([]string{"opened", repo, mark}, "\n")))
	return "opened/" + hex.EncodeToString(mac.Sum(nil))[:24]
}

// loadOpened returns what is known of an issue; the zero value if nothing is.
func (e Issues) loadOpened(key string) (o OpenedIssue) {
	e.Known.mu.Lock()
	o = e.Known.opened[key]
	e.Known.mu.Unlock()
	if e.Known.Store == nil {
		return o
	}
	text, err := e.Known.Store.Load(e.Ctx, key)
	var stored OpenedIssue
	if err == nil && len(text) > 0 {
		err = json.Unmarshal(text, &stored)
	}
	if err != nil {
		e.Logger.Warn("opened issue not known", "incident", e.Ref.String(), "err", ports.Redact(err))
	}
	if stored.At.After(o.At) || stored.Tries > o.Tries {
		return stored
	}
	return o
}

// saveOpened notes what is known of an issue.
func (e Issues) saveOpened(key string, o OpenedIssue) {
	e.Known.mu.Lock()
	if e.Known.opened == nil {
		e.Known.opened = map[string]OpenedIssue{}
	}
	for other, known := range e.Known.opened {
		if e.Now.Sub(known.At) > openedLife {
			delete(e.Known.opened, other)
		}
	}
	e.Known.opened[key] = o
	e.Known.mu.Unlock()
	if e.Known.Store == nil {
		return
	}
	text, err := json.Marshal(o)
	if err == nil {
		err = e.Known.Store.Save(e.Ctx, key, text)
	}
	if err != nil {
		e.Logger.Warn("opened issue not noted", "incident", e.Ref.String(), "err", ports.Redact(err))
	}
}

// Verify returns a *ports.Refusal if the issue of that name is not the one with that id any more:
// its repository was renamed, and another one took the name. What is for one must not be written
// into the other (A7).
func (e Issues) Verify(name incident.Ref, id int64) error {
	e.Known.mu.Lock()
	at, isVerified := e.Known.verified[name]
	e.Known.mu.Unlock()
	if id == 0 || isVerified && e.Now.Sub(at) < verifiedLife {
		return nil
	}
	read, err := e.GitHub.ReadTicket(e.Ctx, name)
	if ports.IsRefused(err) {
		return nil // the write is going to be refused, too
	}
	if err != nil {
		return fmt.Errorf("check whether %s is still the same issue: %w", name, err)
	}
	if IsOtherIssue(name, id, read) {
		return &ports.Refusal{Status: 404, Reason: "another repository has the name " + name.FullName() +
			" by now",
			Err: ports.ErrNoAccess}
	}
	e.noteVerified(name)
	return nil
}

// IsOtherIssue reports whether an issue that was read is not the one with an id that had its name
// before. One that was renamed with its repository, or transferred, is read under another name.
func IsOtherIssue(name incident.Ref, id int64, read ports.Ticket) bool {
	return id != 0 && read.ID != 0 && read.ID != id && !read.Gone &&
		naming.Equal(read.Ref.String(), name.String())
}

// nameRead returns the name of an issue that was read or opened just now, and notes that it is the
// one with that id.
func (e Issues) nameRead(repo string, number int, id int64) string {
	name := fmt.Sprintf("%s#%d", repo, number)
	if ref, err := incident.ParseRef(name); err == nil && id != 0 {
		e.noteVerified(ref)
	}
	return name
}

func (e Issues) noteVerified(issue incident.Ref) {
	e.Known.mu.Lock()
	defer e.Known.mu.Unlock()
	if e.Known.verified == nil {
		e.Known.verified = map[incident.Ref]time.Time{}
	}
	for ref, at := range e.Known.verified {
		if e.Now.Sub(at) >= verifiedLife {
			delete(e.Known.verified, ref)
		}
	}
	e.Known.verified[issue] = e.Now
}
