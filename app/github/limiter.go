package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
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

// slidingWindow is what was spent of one limit in the time before, and what is promised for the
// time to come, in grains of time.
type slidingWindow struct {
	limit    int
	grain    time.Duration
	span     int64 // in grains, one more than the limit's: a request may come at the end of a grain
	spent    map[int64]int
	guessed  map[int64]float64 // by others
	promised [ports.Urgencies]map[int64]int
	first    int64 // what is before was dropped
}

func newSlidingWindow(limit int, span, grain time.Duration) slidingWindow {
	w := slidingWindow{limit: limit, grain: grain, span: int64(span/grain) + 1, spent: map[int64]int{},
		guessed: map[int64]float64{}}
	for u := range w.promised {
		w.promised[u] = map[int64]int{}
	}
	return w
}

func (w *slidingWindow) index(t time.Time) int64 { return t.UnixNano() / int64(w.grain) }

func (w *slidingWindow) spend(now time.Time, cost int) { w.spent[w.index(now)] += cost }

// promise keeps room for somebody who comes back at a time, unless that is so soon that it is as
// good as now.
func (w *slidingWindow) promise(now, at time.Time, u ports.Urgency, cost int) {
	if i := w.index(at); i > w.index(now) {
		w.promised[u][i] += cost
	}
}

// estimate spreads what others are taken to have spent over the time in which they did.
func (w *slidingWindow) estimate(from, now time.Time, cost float64) {
	a, b := w.index(from)+1, w.index(now)
	if a > b {
		a = b
	}
	each := cost / float64(b-a+1)
	for i := max(a, b-w.span); i <= b; i++ {
		w.guessed[i] += each
	}
}

// drop forgets what no longer counts. A promise ends when its time comes: whoever has it is here
// now.
func (w *slidingWindow) drop(now int64) {
	if now == w.first {
		return
	}
	w.first = now
	for i := range w.spent {
		if i <= now-w.span {
			delete(w.spent, i)
		}
	}
	for i := range w.guessed {
		if i <= now-w.span {
			delete(w.guessed, i)
		}
	}
	for _, p := range w.promised {
		for i := range p {
			if i <= now {
				delete(p, i)
			}
		}
	}
}

// next returns the first time from at on at which so much may be spent without breaking what is
// promised to others. Of the limit it may use so many percent.
func (w *slidingWindow) next(now, at time.Time, u ports.Urgency, share, cost int) time.Time {
	w.drop(w.index(now))
	most := float64(w.limit * share / 100)
	load := func(i int64) float64 {
		n := float64(w.spent[i])
		if u < ports.UrgencyPage {
			n += w.guessed[i]
		}
		for v := u; int(v) < ports.Urgencies; v++ {
			n += float64(w.promised[v][i])
		}
		return n
	}
	from := w.index(at)
	if w.total(u)+float64(cost) <= most {
		return at
	}
	// The load of the window that ends with grain i, for all that can matter.
	sum := 0.0
	for i := from - w.span + 1; i < from; i++ {
		sum += load(i)
	}
	begin, free := from, int64(0) // it is free from begin on for so many grains
	for i := from; i < from+w.span+int64(wait.Limit/w.grain); i++ {
		sum += load(i)
		if sum+float64(cost) > most {
			begin, free = i+1, 0
		} else if free++; free == w.span {
			break
		}
		sum -= load(i - w.span + 1)
	}
	if begin == from {
		return at
	}
	return time.Unix(0, begin*int64(w.grain)).UTC()
}

// total is all that can be in a window.
func (w *slidingWindow) total(u ports.Urgency) (n float64) {
	for _, k := range w.spent {
		n += float64(k)
	}
	if u < ports.UrgencyPage {
		for _, k := range w.guessed {
			n += k
		}
	}
	for v := u; int(v) < ports.Urgencies; v++ {
		for _, k := range w.promised[v] {
			n += float64(k)
		}
	}
	return n
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// contentCreating lists what counts as content: the operations of which GitHub's description says
// that "creating content too quickly using this endpoint may result in secondary rate limiting"
// (@octokit/openapi 23.0.2), as far as the product uses them.
var contentCreating = regexp.MustCompile(`^(?:POST .*/(?:issues|pulls|issues/\d+/(?:comments|sub_issues)` +
	`|pulls/\d+/(?:comments|requested_reviewers|reviews))` +
	`|DELETE .*/issues/\d+/sub_issue|PUT .*/pulls/\d+/merge)$`)

// costOf returns the points of a request, and whether it creates content.
func costOf(req *http.Request) (points int, isContent bool) {
	if req.Method == http.MethodGet || req.Method == http.MethodHead {
		return 1, false
	}
	return 5, contentCreating.MatchString(req.Method + " " + req.URL.Path)
}

// pacingTransport keeps the requests of an installation within GitHub's secondary limits, and its
// writes apart.
type pacingTransport struct {
	next    http.RoundTripper
	pace    *pacer
	limiter *limiter // nil: the server has no such limits

	isPatient bool
}

func (p *pacingTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	u := ports.UrgencyOf(req.Context())
	// A reaction creates no content, and whoever wrote a command waits for it.
	if req.Method != http.MethodGet && !reaction.MatchString(req.URL.Path) {
		if err := p.pace.wait(req.Context(), u); err != nil {
			return nil, err
		}
	}
	if p.limiter == nil {
		return p.next.RoundTrip(req)
	}
	points, isContent := costOf(req)
	for {
		err := p.limiter.enter(u, points, isContent)
		if err == nil {
			break
		}
		var later *ports.RetryAfter
		if !p.isPatient || !errors.As(err, &later) {
			return nil, err
		}
		select {
		case <-time.After(later.Until.Sub(p.limiter.now())):
		case <-req.Context().Done():
			return nil, fmt.Errorf("%w: %w", req.Context().Err(), err)
		}
	}
	res, err := p.next.RoundTrip(req)
	p.limiter.leave(points, isContent, res, err)
	return res, err
}

var reaction = regexp.MustCompile(`/reactions$`)

// pacer keeps the writes of an installation so far apart, as GitHub asks of integrations that write
// much: the most urgent goes first. It works on the wall clock, for it waits; a server on a clock
// of its own needs none.
// https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#pause-between-mutative-requests
type pacer struct {
	every time.Duration
	now   func() time.Time // the product's clock

	mu      sync.Mutex
	free    time.Time // when the next may go out, on the wall clock
	waiting []*waiter // the most urgent first, each urgency in the order in which they came
}

type waiter struct {
	urgency ports.Urgency
	turn    chan struct{} // closed when it is its turn
}

// patience is how long a write waits for those before it, within the time that a request may take.
// Then its message comes back instead: a function on AWS pays by time, and whoever waits holds up
// its incident.
const patience = timeout / 2

// wait returns when a write may go out.
func (p *pacer) wait(ctx context.Context, u ports.Urgency) error {
	if p.every == 0 {
		return nil
	}
	p.mu.Lock()
	at := time.Now()
	if len(p.waiting) == 0 && !p.free.After(at) {
		p.free = at.Add(p.every)
		p.mu.Unlock()
		return nil
	}
	before := slices.IndexFunc(p.waiting, func(w *waiter) bool { return w.urgency < u })
	if before < 0 {
		before = len(p.waiting)
	}
	if pause := p.free.Sub(at) + time.Duration(before)*p.every; pause > patience {
		p.mu.Unlock()
		return &ports.RetryAfter{Until: p.now().Add(wait.Within(pause, wait.Limit)), Err: errPaced}
	}
	w := &waiter{u, make(chan struct{})}
	p.waiting = slices.Insert(p.waiting, before, w)
	if len(p.waiting) == 1 {
		go p.release()
	}
	p.mu.Unlock()
	select {
	case <-w.turn:
		return nil
	case <-ctx.Done():
		p.mu.Lock()
		defer p.mu.Unlock()
		p.waiting = slices.DeleteFunc(p.waiting, func(o *waiter) bool { return o == w })
		return ctx.Err()
	}
}

// release lets those that wait go, one after the other, until none does.
func (p *pacer) release() {
	for {
		p.mu.Lock()
		if len(p.waiting) == 0 {
			p.mu.Unlock()
			return
		}
		rest := time.Until(p.free)
		if rest <= 0 {
			close(p.waiting[0].turn)
			p.waiting = p.waiting[1:]
			p.free = time.Now().Add(p.every)
			p.mu.Unlock()
			continue
		}
		p.mu.Unlock()
		time.Sleep(rest)
	}
}
