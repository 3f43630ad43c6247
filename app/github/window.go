package github

import (
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/wait"
)

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
