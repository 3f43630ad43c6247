package engine

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// pace is how a message comes again that has to wait: first after a time, then each time twice as late.
type pace struct {
	first, last time.Duration
	most        int // how often
}

// rereads is how a pull request or a ticket is read again: for about seven hours.
var rereads = pace{time.Minute, time.Hour, 12}

// againMark is in the delivery of a message that comes again, before how often it did.
const againMark = " again "

// sendAgain sends a message for later, by how often it came, and returns when it comes; zero: it came as
// often as it may.
func (r *reconciliation) sendAgain(m Message, p pace) (at time.Time, err error) {
	tries := 0
	cause, count, isAgain := strings.Cut(m.Delivery, againMark)
	if isAgain {
		tries, _ = strconv.Atoi(count)
	}
	if tries >= p.most || r.Queue == nil {
		return at, nil
	}
	wait := p.last
	if tries < 20 { // or the shift would be too far
		wait = min(p.first<<tries, p.last)
	}
	m.Delivery, at = cause+againMark+strconv.Itoa(tries+1), r.Now.Add(wait)
	return at, r.Queue.Enqueue(r.Ctx, m, at)
}

// readAgain has a pull request or a ticket read again later, as GitHub refused to show it: what became of
// it is told by one webhook, and no other look would ask (A4).
func (r *reconciliation) readAgain(what incident.Request, name string, refusal error) error {
	if r.isReplay {
		return nil
	}
	m := Message{Ref: r.Ref, Why: "reread", What: what, Delivery: r.m.Delivery}
	if r.m.Why != m.Why { // a timer has no delivery, and one look may read several
		m.Delivery = fmt.Sprintf("reread %s of %s at %d %s", name, r.Ref, r.Now.UnixNano(),
			strings.ReplaceAll(r.m.Delivery, againMark, " "))
	}
	at, err := r.sendAgain(m, rereads)
	switch {
	case err != nil:
		return fmt.Errorf("have %s of %s read again: %w", name, r.Ref, err)
	case at.IsZero():
		r.Logger.Error("not read after many tries: it counts as before", "incident", r.Ref.String(), "what", name,
			"err", ports.Redact(refusal))
	default:
		r.Logger.Warn("not readable: it counts as before and is read again", "incident", r.Ref.String(), "what", name,
			"at", at, "err", ports.Redact(refusal))
	}
	return nil
}
