// Package delivery sends pages, updates and messages to people outside GitHub, each of them once
// (A4).
//
// A look is made again after anything that fails in it, and by the next process after a crash,
// while the card, which says what was done, is written last. So each delivery is noted in the
// store: that it is about to leave, and then what came of it. What is noted as sent is not sent
// again. What is noted only as about to leave may have arrived: it is sent again, as a page too
// many is better than none, with the key or Message-ID that it had.
package delivery

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
)

const (
	storeTimeout = 2 * time.Second // how long the store may hold up a message
	// how long a message that is leaving may go on after the process was asked to end
	sendGrace  = 2 * time.Second
	memoryLife = 24 * time.Hour // longer than any outage
)

// Attempt is what is known of a message.
type Attempt struct {
	Begun time.Time `json:"begun"`         // when it was about to leave for the first time
	Sent  time.Time `json:"sent,omitzero"` // when its service had taken it; zero: unknown
	// when its service refused it or gave no answer for the first time
	Failed  time.Time `json:"failed,omitzero"`
	Reached []string  `json:"reached,omitempty"` // whom of several it reached, though not all
}

// Log notes what left, in memory and in the store.
type Log struct {
	Store  ports.Store // nil: only this process knows
	Clock  ports.Clock
	Logger *slog.Logger

	mu    sync.Mutex
	known map[string]Attempt // by key
}

// Send sends a message unless it left before, and reports whether it was sent now. name
// distinguishes it from all other messages of its incident or repository. failed is when it failed
// for the first time, if it failed now: a look that is made again then comes to the same state.
func (l *Log) Send(ctx context.Context, of incident.Ref, name string,
	send func(ctx context.Context, before Attempt) error) (isNew bool, failed time.Time, err error) {
	key, now := keyOf(of, name), l.Clock.Now().UTC()
	if err := ctx.Err(); err != nil {
		return true, now, err // the process ends: nothing leaves any more
	}
	a := l.load(ctx, key)
	if !a.Sent.IsZero() {
		return false, time.Time{}, nil
	}
	if !a.Begun.IsZero() && a.Failed.IsZero() {
		l.Logger.Warn("sending again: it was about to leave before, and it is unknown whether it did",
			"incident", of.String(), "what", name, "since", a.Begun)
	}
	if a.Begun.IsZero() {
		a.Begun = now
	}
	l.save(ctx, key, Attempt{Begun: a.Begun, Reached: a.Reached})

	sending, stop := outlive(ctx, sendGrace)
	err = send(sending, a)
	stop()

	var partly interface{ Reached() []string }
	switch {
	case err == nil:
		a.Sent, a.Failed, a.Reached = now, time.Time{}, nil
	case errors.As(err, &partly):
		a.Reached = append(a.Reached, partly.Reached()...)
	}
	if err != nil && a.Failed.IsZero() {
		a.Failed = now
	}
	l.save(ctx, key, a)
	return true, a.Failed, err
}

// outlive returns a context that ends d after another one, and a function that ends it at once.
func outlive(ctx context.Context, d time.Duration) (longer context.Context, stop func()) {
	longer, cut := context.WithCancel(context.WithoutCancel(ctx))
	ended := context.AfterFunc(ctx, func() { time.AfterFunc(d, cut) })
	return longer, func() { ended(); cut() }
}

// IsSent reports whether a message is known to have left.
func (l *Log) IsSent(ctx context.Context, of incident.Ref, name string) bool {
	return !l.SentAt(ctx, of, name).IsZero()
}

// SentAt returns when a message left; zero: it is not known to have left.
func (l *Log) SentAt(ctx context.Context, of incident.Ref, name string) time.Time {
	return l.load(ctx, keyOf(of, name)).Sent
}

// HasFailed reports whether a message is known to have failed, and not to have left since.
func (l *Log) HasFailed(ctx context.Context, of incident.Ref, name string) bool {
	a := l.load(ctx, keyOf(of, name))
	return a.Sent.IsZero() && !a.Failed.IsZero()
}

// NoteSent notes that a message left in a way that needs no note before.
func (l *Log) NoteSent(ctx context.Context, of incident.Ref, name string) {
	now := l.Clock.Now().UTC()
	l.save(ctx, keyOf(of, name), Attempt{Begun: now, Sent: now})
}

// NoteFailed notes that a message could not leave in a way that needs no note before, and returns when
// that was so for the first time: a look that is made again then comes to the same state.
func (l *Log) NoteFailed(ctx context.Context, of incident.Ref, name string) time.Time {
	a := l.load(ctx, keyOf(of, name))
	if a.Failed.IsZero() {
		a.Failed = l.Clock.Now().UTC()
		if a.Begun.IsZero() {
			a.Begun = a.Failed
		}
		l.save(ctx, keyOf(of, name), a)
	}
	return a.Failed
}

// IsFirst reports whether a name is used for the first time, or for a message of the same time as then,
// and notes that time. A number of a page is not enough to tell it from all others: where a look is
// broken off after a page, the next look may come to other pages and give its number to one of them.
func (l *Log) IsFirst(ctx context.Context, of incident.Ref, name string, at time.Time) bool {
	key, at := keyOf(of, "first "+name), at.UTC()
	if first := l.load(ctx, key); !first.Begun.IsZero() {
		return first.Begun.Equal(at)
	}
	l.save(ctx, key, Attempt{Begun: at})
	return true
}

// keyOf returns the store's key of a message. It holds no address, only a hash.
func keyOf(of incident.Ref, name string) string {
	hash := sha256.Sum256([]byte(name))
	return fmt.Sprintf("sent/%s/%d/%s", of.FullName(), of.Number, hex.EncodeToString(hash[:12]))
}

// load returns what this process or another noted of a message; the zero value if none did.
func (l *Log) load(ctx context.Context, key string) Attempt {
	l.mu.Lock()
	a, isKnown := l.known[key]
	l.mu.Unlock()
	if isKnown && !a.Sent.IsZero() || l.Store == nil {
		return a
	}

	ctx, stop := context.WithTimeout(ctx, storeTimeout)
	defer stop()
	text, err := l.Store.Load(ctx, key)
	var stored Attempt
	if err == nil && len(text) > 0 {
		err = json.Unmarshal(text, &stored)
	}
	if err != nil { // people come first: it is sent, at worst twice
		l.Logger.Warn("unknown whether a message left before", "name", key, "err", ports.Redact(err))
		return a
	}
	if stored.Begun.IsZero() {
		return a
	}
	return stored
}

// save notes what is known of a message, also while the process ends.
func (l *Log) save(ctx context.Context, key string, a Attempt) {
	l.mu.Lock()
	if l.known == nil {
		l.known = map[string]Attempt{}
	}
	now := l.Clock.Now()
	for other, known := range l.known {
		if now.Sub(known.Begun) > memoryLife {
			delete(l.known, other)
		}
	}
	l.known[key] = a
	l.mu.Unlock()
	if l.Store == nil {
		return
	}

	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer stop()
	text, err := json.Marshal(a)
	if err == nil {
		err = l.Store.Save(ctx, key, text)
	}
	if err != nil {
		l.Logger.Warn("attempt to send not noted", "name", key, "err", ports.Redact(err))
	}
}
