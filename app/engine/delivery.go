package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// What leaves for people outside GitHub leaves once (A4). A pass is made again after anything that fails in it, and by the next process
// after a crash, while the card, which says what was done, is written last. So each page, update and message in the company's own
// channels is noted outside GitHub by itself: that it is about to leave, and right after what came of it. What is noted as sent is not
// sent again. What is noted only as about to leave may have arrived: it is sent again, since a page too many is better than none, with
// the key, or the Message-ID, that it had.

// delivery is what is known of a message to people outside GitHub.
type delivery struct {
	Begun   time.Time `json:"begun"`             // when it was about to leave for the first time
	Sent    time.Time `json:"sent,omitzero"`     // when its service had taken it; zero: that is not known
	Failed  time.Time `json:"failed,omitzero"`   // when its service refused it for the first time, or gave no answer
	Reached []string  `json:"reached,omitempty"` // whom of several it reached, though not all
}

const (
	// storeTimeout is how long what is noted outside the process may hold up a message.
	storeTimeout = 2 * time.Second
	// sendGrace is how long a message that is leaving may go on where the process ends: its service may have it already.
	sendGrace = 2 * time.Second
)

// sendOnce sends a message to people outside GitHub unless it left before, and reports whether it was sent now. what tells it from all
// others of its incident, or of its repository. failed is when it failed first, if it failed now: a pass that is made again then comes
// to the same.
func (e *Engine) sendOnce(ctx context.Context, of incident.Ref, what string, send func(ctx context.Context, before delivery) error) (isNew bool, failed time.Time, err error) {
	name, now := deliveryKey(of, what), e.Clock.Now().UTC()
	if err := ctx.Err(); err != nil {
		return true, now, err // nothing leaves any more
	}
	d := e.loadDelivery(ctx, name)
	if !d.Sent.IsZero() {
		return false, time.Time{}, nil
	}
	if !d.Begun.IsZero() && d.Failed.IsZero() {
		e.Logger.Warn("sending again: it was about to leave before, and nobody noted whether it did", "incident", of.String(), "what", what, "since", d.Begun)
	}
	if d.Begun.IsZero() {
		d.Begun = now
	}
	e.saveDelivery(ctx, name, delivery{Begun: d.Begun, Reached: d.Reached})
	sending, stop := outlive(ctx, sendGrace)
	err = send(sending, d)
	stop()
	var partly interface{ Reached() []string }
	switch {
	case err == nil:
		d.Sent, d.Failed, d.Reached = now, time.Time{}, nil
	case errors.As(err, &partly):
		d.Reached = append(d.Reached, partly.Reached()...)
	}
	if err != nil && d.Failed.IsZero() {
		d.Failed = now
	}
	e.saveDelivery(ctx, name, d)
	return true, d.Failed, err
}

// outlive returns a context that ends so long after another, and what ends it at once.
func outlive(ctx context.Context, d time.Duration) (longer context.Context, stop func()) {
	longer, cut := context.WithCancel(context.WithoutCancel(ctx))
	ended := context.AfterFunc(ctx, func() { time.AfterFunc(d, cut) })
	return longer, func() { ended(); cut() }
}

// isDelivered reports whether a message is known to have left.
func (e *Engine) isDelivered(ctx context.Context, of incident.Ref, what string) bool {
	return !e.loadDelivery(ctx, deliveryKey(of, what)).Sent.IsZero()
}

// noteDelivered notes that a message left, in a way that needs no note before.
func (e *Engine) noteDelivered(ctx context.Context, of incident.Ref, what string) {
	now := e.Clock.Now().UTC()
	e.saveDelivery(ctx, deliveryKey(of, what), delivery{Begun: now, Sent: now})
}

// deliveryKey names on the shelf what is known of a message. It holds no address: a hash tells them apart.
func deliveryKey(of incident.Ref, what string) string {
	hash := sha256.Sum256([]byte(what))
	return fmt.Sprintf("sent/%s/%d/%s", of.FullName(), of.Number, hex.EncodeToString(hash[:12]))
}

// loadDelivery returns what this process or another noted of a message; the zero value: nothing.
func (e *Engine) loadDelivery(ctx context.Context, name string) (d delivery) {
	e.mu.Lock()
	d, known := e.deliveries[name]
	e.mu.Unlock()
	if known && !d.Sent.IsZero() || e.Store == nil {
		return d
	}
	ctx, stop := context.WithTimeout(ctx, storeTimeout)
	defer stop()
	text, err := e.Store.Load(ctx, name)
	var kept delivery
	if err == nil && len(text) > 0 {
		err = json.Unmarshal(text, &kept)
	}
	if err != nil { // people first: it is sent, twice at worst
		e.Logger.Warn("not known whether a message left before", "name", name, "err", redact(err))
		return d
	}
	if kept.Begun.IsZero() {
		return d
	}
	return kept
}

// saveDelivery notes what is known of a message, also while the process ends.
func (e *Engine) saveDelivery(ctx context.Context, name string, d delivery) {
	e.mu.Lock()
	now := e.Clock.Now()
	for other, known := range e.deliveries {
		if now.Sub(known.Begun) > longestOutage {
			delete(e.deliveries, other)
		}
	}
	e.deliveries[name] = d
	e.mu.Unlock()
	if e.Store == nil {
		return
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer stop()
	text, err := json.Marshal(d)
	if err == nil {
		err = e.Store.Save(ctx, name, text)
	}
	if err != nil {
		e.Logger.Warn("not noted that a message leaves", "name", name, "err", redact(err))
	}
}
