package engine

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
)

const (
	// firstReread is how long after a refusal a pull request or a ticket is read again, each time twice
	// as late as the time before, and at most lastReread.
	firstReread = time.Minute
	lastReread  = time.Hour
	// mostRereads is how often that is tried: for about seven hours.
	mostRereads = 12
	// rereadMark is in the delivery of a message that reads again, before how often it was tried.
	rereadMark = " unread "
)

// readAgain has a pull request or a ticket read again later, as GitHub refused to show it: what became of
// it is told by one webhook, and no other look would ask (A4).
func (r *reconciliation) readAgain(what incident.Request, name string, refusal error) error {
	if r.isReplay || r.Queue == nil {
		return nil
	}
	tries := 0
	cause, count, isReread := strings.Cut(r.m.Delivery, rereadMark)
	if isReread {
		tries, _ = strconv.Atoi(count)
	}
	if tries >= mostRereads {
		r.Logger.Error("not read after many tries: it counts as before", "incident", r.Ref.String(), "what", name,
			"err", ports.Redact(refusal))
		return nil
	}
	if !isReread { // a timer has no delivery, and one look may read several
		cause = fmt.Sprintf("%s %s of %s at %d", cause, name, r.Ref, r.Now.UnixNano())
	}
	m := Message{Ref: r.Ref, Why: "reread", What: what, Delivery: cause + rereadMark + strconv.Itoa(tries+1)}
	at := r.Now.Add(min(firstReread<<tries, lastReread))
	r.Logger.Warn("not readable: it counts as before and is read again", "incident", r.Ref.String(), "what", name,
		"at", at, "err", ports.Redact(refusal))
	if err := r.Queue.Enqueue(r.Ctx, m, at); err != nil {
		return fmt.Errorf("have %s of %s read again: %w", name, r.Ref, err)
	}
	return nil
}
