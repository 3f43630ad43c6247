package simulation

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// spoiled is an operation that fails for a while.
type spoiled struct {
	match  *regexp.Regexp // of "METHOD path", with the repository's first name
	status int
	until  time.Time     // zero: once
	isLost bool          // it happens, and the answer is an error
	lasts  time.Duration // from its first call on
	isOver bool

	isWrite bool // a GraphQL query is let through
}

// spoils returns the answer to a call that fails, and whether it does.
func (n *network) spoils(req *http.Request) (*http.Response, bool) {
	n.mu.Lock()
	name := req.Method + " " + canonical(req.URL.Path)
	var hit *spoiled
	for _, s := range n.spoil {
		if s.isOver = s.isOver || !s.until.IsZero() && n.now().After(s.until); s.isOver || !s.match.MatchString(name) {
			continue
		}
		if s.status < 500 && !isRefusable(req) || s.isWrite && isQuery(req) {
			continue
		}
		if s.until.IsZero() && s.lasts > 0 {
			s.until = n.now().Add(s.lasts)
		}
		hit, s.isOver = s, s.until.IsZero()
		break
	}
	odd := n.odd
	if odd != nil && n.now().After(odd.until) {
		odd, n.odd = nil, nil
	}
	n.mu.Unlock()
	if hit != nil {
		n.tell("%d: %s", hit.status, name)
		if hit.isLost {
			n.leaveUnsure(req)
			n.serve(req)
		}
		return answer(req, hit.status, nil, "Server Error"), true
	}
	if odd != nil && (odd.isAlways || n.random(n.counted("odd "+name))%4 == 0) {
		n.noteOdd(name)
		return answer(req, odd.status, odd.head, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."), true
	}
	return nil, false
}

// counted counts a call.
func (n *network) counted(name string) call {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.count(name)
}

// oddLimit is an answer about limits that makes no sense, or says something out of all proportion.
type oddLimit struct {
	status int
	head   map[string]string
	until  time.Time

	isAlways bool // each call is answered so
}

// operations are what may fail alone, while all else works.
var operations = []string{
	`PATCH .*/issues/comments/\d+$`, `PATCH .*/issues/comments/\d+$`, `POST .*/issues/\d+/comments$`, `POST .*/labels$`, `DELETE .*/labels/`, `POST .*/assignees$`, `DELETE .*/assignees$`,
	`PATCH .*/issues/\d+$`, `POST .*/reactions$`, `PUT .*/pin$`, `POST .*/issues$`, `POST .*/sub_issues$`, `(POST|PATCH|PUT) .*/(git|contents|pulls|check-runs)/?`,
	`GET .*/issues/\d+$`, `GET .*/timeline$`, `GET .*/contents/`, `GET .*/teams/`, `GET .*/permission$`, `POST .*/access_tokens$`, `POST .*/graphql$`, `GET .*/search/`, `GET .*/issues$`,
}

// strange may begin something that GitHub does seldom. Of each kind one goes on at a time.
func (f *trial) strange(w *world, n int) {
	for _, kind := range []struct {
		perMille int
		begin    func(f *trial, w *world, n int) spell
	}{
		{25, (*trial).spoil},
		{8, (*trial).oddLimits},
		{6, (*trial).skew},
	} {
		if f.IntN(1000) >= kind.perMille {
			continue
		}
		if s := kind.begin(f, w, n); s.name != "" {
			w.spells = append(w.spells, s)
		}
	}
}

// spoil lets one operation fail: once, for a while, or until all is mended.
func (f *trial) spoil(w *world, _ int) spell {
	s := &spoiled{match: regexp.MustCompile("^" + pick(f.draw, operations...)), status: pick(f.draw, 500, 502, 502, 503, 504, 403, 404, 410, 422, 451), isLost: f.chance(15)}
	d := pick(f.draw, 0, 45*time.Second, 75*time.Second, 10*time.Minute, time.Hour, 100*time.Hour)
	if d > 0 {
		s.until = f.until(w, d)
	}
	w.net.mu.Lock()
	w.net.spoil = append(w.net.spoil, s)
	w.net.isAway(w.box.Clock().Now(), f.until(w, d))
	w.net.mu.Unlock()
	if strings.Contains(s.match.String(), "PATCH .*/issues/comments") && s.status < 500 {
		w.unwritten = true
	}
	w.net.tell("%s answers %d for %s (it happens: %t)", s.match, s.status, d, s.isLost)
	return spell{}
}

// oddLimits lets GitHub say of its limits what makes no sense.
func (f *trial) oddLimits(w *world, _ int) spell {
	now := w.box.Clock().Now()
	odd := &oddLimit{status: pick(f.draw, 403, 429), head: map[string]string{}, until: now.Add(pick(f.draw, 30*time.Second, 10*time.Minute))}
	odd.head["Retry-After"] = pick(f.draw, "0", "-1", "-99999", "9999999999999", "soon", "", "1e9", "Wed, 21 Oct 2015 07:28:00 GMT", "2147483648", "9223372036854775807")
	if f.chance(50) {
		delete(odd.head, "Retry-After")
		odd.head["X-RateLimit-Limit"], odd.head["X-RateLimit-Used"] = "5000", pick(f.draw, "5000", "99999999", "-1")
		odd.head["X-RateLimit-Remaining"] = pick(f.draw, "0", "0", "-7")
		odd.head["X-RateLimit-Reset"] = pick(f.draw, "0", "-1", fmt.Sprint(now.Add(-time.Hour).Unix()), fmt.Sprint(now.Unix()), "99999999999", "9223372036854775807", "never")
	}
	w.net.mu.Lock()
	w.net.odd = odd
	w.net.isAway(now, odd.until.Add(time.Hour)) // it may wait as long as any limit of GitHub's lasts
	w.net.resting = append(w.net.resting, span{now, odd.until.Add(time.Hour)})
	w.net.mu.Unlock()
	w.net.tell("limits that make no sense until %s: %d %v", odd.until.Format(time.TimeOnly), odd.status, odd.head)
	return spell{}
}

// skew lets GitHub's clock be ahead or behind.
func (f *trial) skew(w *world, _ int) spell {
	if w.has("skew") {
		return spell{}
	}
	by := pick(f.draw, 5*time.Second, -5*time.Second, 90*time.Second, -40*time.Second, 5*time.Minute)
	w.net.tell("GitHub's clock is ahead by %s", by)
	w.fault(map[string]any{"skew": by.String()})
	w.net.isAway(w.box.Clock().Now(), f.until(w, time.Hour))
	return spell{"skew", f.until(w, time.Duration(1+f.IntN(60))*time.Minute), func(w *world) { w.fault(map[string]any{"skew": "0s"}) }}
}
