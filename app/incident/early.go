package incident

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/naming"
)

// EarlyPage is what came of a page that went out before there was an issue. The zero EarlyPage says nothing, as a
// report of an older version does.
type EarlyPage struct {
	Key    string      `json:"key,omitempty"`    // of the page
	At     time.Time   `json:"at,omitzero"`      // when it went out
	To     []string    `json:"to,omitempty"`     // whom it went to
	Gaps   []string    `json:"gaps,omitempty"`   // rotations with nobody on call
	Unread []string    `json:"unread,omitempty"` // names that may be rotations, which could not be read
	Why    string      `json:"why,omitempty"`    // they could not
	Lost   []EarlyLoss `json:"lost,omitempty"`   // services and people's ways that did not take it
	// the steps of the escalation that went out while GitHub was out, the newest of them, and how many there were before
	Steps []EarlyStep `json:"steps,omitempty"`
	Older int         `json:"older,omitempty"`
	// when somebody took it or answered at the pager: what they said comes to the incident a moment after it is open
	Answered time.Time `json:"answered,omitzero"`
}

// EarlyStep is a step of the escalation that went out before there was an issue.
type EarlyStep struct {
	// Number is the step's over all rounds, from 0. One after them has no people: there the escalation gave up, and
	// those that follow are of its slower rhythm.
	Number int       `json:"n"`
	At     time.Time `json:"at"`
	To     []string  `json:"to,omitempty"`
	By     []string  `json:"by,omitempty"`   // kinds of services
	Lost   []string  `json:"lost,omitempty"` // of By, those that did not take it
}

// EarlyMark is between the key of a report's page and the number of its step.
const EarlyMark = "-s"

// EarlyWayName returns the key of a page by one person's later way, of a page that went out before there was an issue.
func EarlyWayName(key, login string, index int) string {
	return fmt.Sprintf("%s/%s/%d", key, naming.Key(login), index)
}

// EarlySeenName is under what is known that somebody saw a page that went out before there was an issue.
func EarlySeenName(key, login string) string { return key + " seen " + naming.Key(login) }

// EarlyAnsweredName is under what is known that somebody took the trouble of a page, or answered it at the pager,
// before there was an issue.
func EarlyAnsweredName(key string) string {
	end := strings.LastIndex(key, "/") + 1
	page, _, _ := strings.Cut(key[end:], EarlyMark) // a repository's name may hold the mark
	return key[:end] + page + " answered"
}

// earlyPagePrefix begins the key of a page within its incident by which an answer names a step that went out before
// there was an issue: which number it has there is known at the incident alone.
const earlyPagePrefix = "early/"

// EarlyPageKey returns the key within the incident of a page that a report sent, such as "signal/abc-1772448000-s2".
func EarlyPageKey(page string) string {
	if _, number, ok := strings.Cut(page, EarlyMark); ok {
		return earlyPagePrefix + EarlyMark + number
	}
	return earlyKey
}

// knownPage returns the key of a page as the incident numbers it.
func (r *run) knownPage(key string) string {
	early, ok := strings.CutPrefix(key, earlyPagePrefix)
	if !ok {
		return key
	}
	i := slices.IndexFunc(r.Paging.Pages, func(p Page) bool { return p.Early == early })
	if i < 0 {
		return earlyKey
	}
	return r.Paging.Pages[i].Key
}

// Add notes that a step went out.
func (e *EarlyPage) Add(s EarlyStep) {
	if e.Steps = append(e.Steps, s); len(e.Steps) > keptPages-1 {
		if len(e.Steps[0].To) > 0 {
			e.Older++
		}
		e.Steps = e.Steps[1:]
	}
}

// EarlyLoss is what did not take a page that went out before there was an issue.
type EarlyLoss struct {
	Service string `json:"service,omitempty"` // a kind; empty: it is a way
	Login   string `json:"login,omitempty"`
	Way     string `json:"way,omitempty"`
	Why     string `json:"why,omitempty"`
}

// mostEarlyLosses bounds what a report's message and its incident's text hold.
const mostEarlyLosses = 10

// Lose notes what did not take the page.
func (e *EarlyPage) Lose(l EarlyLoss) {
	if len(e.Lost) < mostEarlyLosses {
		e.Lost = append(e.Lost, l)
	}
}

// IsZero reports whether nothing is known of a page.
func (e EarlyPage) IsZero() bool {
	return e.Key == "" && len(e.To) == 0 && len(e.Gaps) == 0 && len(e.Unread) == 0 && len(e.Lost) == 0 &&
		len(e.Steps) == 0
}

// earlyAnswerTakes is how long an answer that was given before there was an issue may take to reach it: as long as it
// waits between two tries, and a minute. Nobody is paged until then.
const earlyAnswerTakes = 6 * time.Minute

// earlyKey is the page that went out before the issue existed.
const earlyKey = "page/1"

// pageUnconfirmed walks the escalation before anybody confirmed the severity, where the
// configuration says so for what the source reports. The first step may be out already: people are
// paged before GitHub is asked.
func (r *run) pageUnconfirmed(isPaged bool, early EarlyPage) {
	r.startPaging()
	if r.Paging.Next.IsZero() || !isPaged && len(early.Steps) == 0 {
		return
	}
	r.Paging.Early = early.Key
	if isPaged {
		r.takeEarly(early.At, func() {
			step := r.p.Escalation[0]
			named := r.withOwners(step.To)
			to := early.To
			if len(to) == 0 {
				to = r.onCall(named)
			}
			r.addEarly(Page{To: to, By: r.servicesOr(step.By), Rotations: r.rotationsOf(named), Unread: early.Unread,
				Early: EarlyMark + "0"})
			r.stepDone()
		})
	}
	r.takeEarlySteps(early)
	if soonest := r.f.At.Add(earlyAnswerTakes); !early.Answered.IsZero() && r.Paging.Next.Before(soonest) {
		r.Paging.Next = soonest
	}
	r.tellEarlyPage(early)
	r.pageReadRotation()
}

// takeEarly does something as of when it happened, before there was an issue.
func (r *run) takeEarly(at time.Time, do func()) {
	now := r.f.At
	if at = at.UTC().Truncate(time.Second); !at.IsZero() && at.Before(now) {
		r.f.At = at
	}
	do()
	r.f.At = now
}

// addEarly notes a page that went out before there was an issue.
func (r *run) addEarly(p Page) {
	r.Paging.Sent++
	p.Key, p.At, p.Why = fmt.Sprintf("page/%d", r.Paging.Sent), r.f.At, "team"
	r.Paging.Pages = keepNewest(append(r.Paging.Pages, p), keptPages)
	r.record("page", joinNames(p.To), "")
}

// takeEarlySteps goes on with an escalation that went on while GitHub was out: nobody is paged again for the same
// step. The phone list could not be named without an issue, so it is named now.
func (r *run) takeEarlySteps(early EarlyPage) {
	if len(early.Steps) == 0 {
		return
	}
	isListed := false
	r.Paging.Sent += early.Older
	for _, s := range early.Steps {
		r.takeEarly(s.At, func() { r.takeEarlyStep(s) })
		for _, step := range r.p.Escalation[:min(s.Number+1, len(r.p.Escalation))] {
			isListed = isListed || slices.Contains(step.To, "phone")
		}
	}
	last := r.Paging.Pages[len(r.Paging.Pages)-1]
	if isListed {
		r.record("page", "phone", "")
		r.sendPage(Send{To: []string{"phone"}, Why: "team"})
	}
	switch {
	case r.Paging.GaveUp:
		r.sayGaveUp()
	case last.Failed != "":
		r.sayPageFailed(last)
	}
}

// whyEarlyLost is why a page failed before there was an issue: the log of then has the vendor's words.
const whyEarlyLost = "no service took it while GitHub was not available"

func (r *run) takeEarlyStep(s EarlyStep) {
	isAfterRounds := s.Number >= r.countSteps()
	if r.Paging.Step = s.Number; isAfterRounds {
		r.Paging.Step = r.countSteps()
	}
	if len(s.To) > 0 {
		page := Page{To: s.To, By: s.By, Early: EarlyMark + strconv.Itoa(s.Number), Lost: s.Lost}
		if !slices.ContainsFunc(s.By, func(by string) bool { return by != "github" && !slices.Contains(s.Lost, by) }) {
			page.Failed = whyEarlyLost
		}
		r.addEarly(page)
	}
	switch {
	case isAfterRounds:
		if !r.Paging.GaveUp {
			r.record("unanswered", "", "")
		}
		r.Paging.GaveUp = true
		r.pageLater()
	case len(s.To) > 0:
		r.stepDone()
		if r.Paging.Pages[len(r.Paging.Pages)-1].Failed != "" {
			r.Paging.Next = r.f.At
		}
	}
}

// tellEarlyPage says on the incident what came of the page before it: until now only the log knew.
func (r *run) tellEarlyPage(early EarlyPage) {
	for _, l := range early.Lost {
		if l.Service != "" {
			r.pageFailed(PageFailed{Key: earlyKey, Service: l.Service, Why: l.Why})
			continue
		}
		r.wayFailed(WayFailed{Key: earlyKey, Login: l.Login, Way: l.Way, Why: l.Why, IsReached: true})
	}
	if len(early.Gaps) > 0 {
		say := Say{Name: "on-call-gap", Lines: early.Gaps, Line: joinNames(early.To)}
		if slices.Equal(early.To, []string{r.p.Coordinators}) {
			say.Variant = "instead"
		}
		r.emit(Remind{Key: fmt.Sprintf("gap/%d/early", r.f.At.Unix()), At: r.f.At, Say: say})
	}
	if len(early.Unread) > 0 {
		r.emit(Remind{Key: fmt.Sprintf("oncall/early/%d", r.f.At.Unix()), At: r.f.At, Say: Say{Name: "on-call-broken",
			Variant: "early", Lines: early.Unread, Line: r.p.Coordinators, Reason: early.Why}})
	}
}
