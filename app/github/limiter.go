package github

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/wait"
)

// GitHub's secondary limits of an installation.
// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
const (
	contentPerMinute = 80
	contentPerHour   = 500
	pointsPerMinute  = 900 // a request that reads costs 1, any other 5
	requestsAtOnce   = 100
)

// shares is how much of each limit requests of an urgency may use up, in percent. What a less
// urgent kind leaves is room for the more urgent: also for those of other processes, which can't be
// seen before GitHub counted them.
var shares = [ports.Urgencies]int{
	ports.UrgencyNudge: 50, ports.UrgencyTicket: 50, ports.UrgencyCard: 80, ports.UrgencyAnswer: 95,
	ports.UrgencyPage: 100,
}

// limiter keeps the requests of one installation within GitHub's secondary limits. There is one per
// installation and process.
//
// It counts over sliding windows on the product's clock and never sleeps: what may not go out yet
// is refused with an *ports.RetryAfter, whose message comes back at that time. Each refusal
// promises a time of its own, so that a hundred messages that wait don't all come back at once only
// to be refused again, each after some reads; promises to the less urgent count for nothing before
// the more urgent.
//
// golang.org/x/time/rate has no windows: its bucket of 80 that refills by 80 a minute lets 160
// through in the first minute, where GitHub refuses the 81st. It knows neither several limits for
// one request nor urgency.
//
// # Other processes
//
// Workers on AWS share no memory, and a command line may run next to `serve`. A fixed share for
// each would leave a single busy worker with a tenth of what is allowed, and a store for counters
// would cost more requests than it counts. GitHub says it: its answers say how many calls the
// installation has made in this hour (X-RateLimit-Used). What we have not made ourselves others
// have; they are taken to be of the same mix of reads and writes as our own and are counted in the
// same windows. It is an estimate, so it never holds back a page. What it misses, two kinds of room
// absorb: the shares above and, where GitHub refuses nevertheless, waiting as it says, all of the
// installation, and then one request first.
type limiter struct {
	now func() time.Time

	mu      sync.Mutex
	points  slidingWindow
	content [2]slidingWindow // of a minute and of an hour
	atOnce  int

	blocked, blockedContent block

	// What GitHub's counter says.
	reset    int64     // when its hour ends, Unix seconds
	seen     time.Time // when it was read last
	others   int       // calls of others in it
	counted  int       // calls of ours in it
	mixCalls float64   // all calls of ours, and what they took …
	mixPoint float64
	mixWrote float64
}

func newLimiter(now func() time.Time) *limiter {
	return &limiter{
		now:    now,
		points: newSlidingWindow(pointsPerMinute, time.Minute, time.Second),
		content: [2]slidingWindow{
			newSlidingWindow(contentPerMinute, time.Minute, time.Second),
			newSlidingWindow(contentPerHour, time.Hour, 10*time.Second),
		},
		// A command costs two reads and two writes, and every other one a comment
		// (app/engine/testdata/calls.md).
		mixCalls: 10, mixPoint: 30, mixWrote: 1.5,
	}
}

// block is the time in which GitHub takes no requests of a kind.
type block struct {
	until   time.Time
	strikes int  // refusals since GitHub took one
	probing bool // one request is under way to see whether it is over
}

// limitedAnswer is GitHub's refusal of a request because of a limit.
type limitedAnswer struct {
	until     time.Time
	told      bool // GitHub said how long to wait
	isContent bool // only what creates content is refused
	other     bool // of a limit of its own, such as that of searches
}

// defaultWait is how long GitHub is not asked after a refusal that does not say how long, doubled
// with each refusal.
const defaultWait = time.Minute

// errPaced is why a request was not even sent.
var errPaced = fmt.Errorf("%w: kept within GitHub's secondary limits", ports.ErrLimited)

// enter lets a request go out, or says when it may. leave must be called with its answer.
func (l *limiter) enter(u ports.Urgency, points int, isContent bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	blocks := []*block{&l.blocked}
	windows := []*slidingWindow{&l.points}
	if isContent {
		blocks = append(blocks, &l.blockedContent)
		windows = append(windows, &l.content[0], &l.content[1])
	}
	at := now
	for _, b := range blocks {
		if b.until.After(at) {
			at = b.until
		} else if b.probing {
			at = latest(at, now.Add(wait.Least))
		}
	}
	if l.atOnce+1 > requestsAtOnce*shares[u]/100 {
		at = latest(at, now.Add(wait.Least))
	}
	cost := func(w *slidingWindow) int {
		if w == &l.points {
			return points
		}
		return 1
	}
	room := func(w *slidingWindow) int {
		if w == &l.points && points == 1 {
			return pointsPerLook // whoever reads is going to write: what can't be finished is not begun
		}
		return cost(w)
	}
	share := func(w *slidingWindow) ports.Urgency {
		if w == &l.points && points > 1 {
			// it ends what a read began: refused, it would be read again, to be refused again
			return max(u, min(u+1, ports.UrgencyAnswer))
		}
		return u
	}
	// Each window may move the time on for the others.
	for moved := true; moved; {
		moved = false
		for _, w := range windows {
			if t := w.next(now, at, u, shares[share(w)], room(w)); t.After(at) {
				at, moved = t, true
			}
		}
	}
	if at.After(now) {
		at, asked := wait.Until(at, now, wait.Limit), at
		// else more than there is could be promised for that time, and then nobody goes
		isKept := !asked.After(at)
		for _, w := range windows {
			if !isKept {
				break
			}
			promised := cost(w)
			if w == &l.points {
				promised = pointsPerLook // it looks again first
			}
			w.promise(now, at, u, promised)
		}
		return &ports.RetryAfter{Until: at, Err: errPaced, IsReserved: isKept}
	}
	for _, b := range blocks {
		b.probing = b.strikes > 0
	}
	for _, w := range windows {
		w.spend(now, cost(w))
	}
	l.atOnce++
	return nil
}

// pointsPerLook is what a look at an incident costs with what it writes, in points: three reads, a
// reaction, the card.
const pointsPerLook = 13

// leave takes the answer to a request that went out.
func (l *limiter) leave(points int, isContent bool, res *http.Response, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.atOnce--
	now := l.now()
	var refused *limitError
	switch {
	case errors.As(err, &refused) && !refused.other:
		b := &l.blocked
		if refused.isContent {
			b = &l.blockedContent
		}
		b.refuse(refused.limitedAnswer, now)
	case err == nil:
		l.blocked.end()
		if isContent {
			l.blockedContent.end()
		}
	}
	l.blocked.probing = false
	if isContent {
		l.blockedContent.probing = false
	}
	if err == nil {
		l.observe(res, points, isContent, now)
	}
}

func (b *block) end() { *b = block{until: b.until} }

// refuse notes a refusal. One that comes at once after the wait for the one before makes the next
// wait longer.
func (b *block) refuse(r limitedAnswer, now time.Time) {
	if b.until.After(now) && b.strikes > 0 {
		b.until = latest(b.until, r.until) // it was under way when the one before came
		return
	}
	pause := wait.Backoff(defaultWait, b.strikes, wait.Limit)
	if r.told {
		pause = wait.Backoff(wait.Least, b.strikes, defaultWait)
	}
	b.until = wait.Until(latest(r.until, now.Add(pause)), now, wait.Limit)
	b.strikes++
}

// observe counts what others have done by GitHub's counter of the installation's calls.
func (l *limiter) observe(res *http.Response, points int, isContent bool, now time.Time) {
	l.mixCalls++
	l.mixPoint += float64(points)
	if isContent {
		l.mixWrote++
	}
	used, err1 := strconv.Atoi(res.Header.Get("X-RateLimit-Used"))
	end, ok := wait.Epoch(res.Header.Get("X-RateLimit-Reset"), now, longestSkew)
	reset := end.Unix()
	if err1 != nil || !ok || res.Header.Get("X-RateLimit-Resource") != "core" || reset < l.reset {
		return
	}
	if reset > l.reset {
		l.reset, l.others, l.counted = reset, 0, 0
		l.seen = latest(l.seen, time.Unix(reset, 0).Add(-time.Hour))
	}
	if res.StatusCode != http.StatusNotModified { // what has not changed is not counted
		l.counted++
	}
	// Ours that are under way may be counted by now, or not.
	more := used - l.counted - l.atOnce - l.others
	if more <= 0 {
		return
	}
	l.others += more
	from := l.seen
	l.seen = now
	l.points.estimate(from, now, float64(more)*l.mixPoint/l.mixCalls)
	for i := range l.content {
		l.content[i].estimate(from, now, float64(more)*l.mixWrote/l.mixCalls)
	}
}
