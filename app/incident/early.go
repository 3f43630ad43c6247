package incident

import (
	"fmt"
	"slices"
	"time"
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
	return e.Key == "" && len(e.To) == 0 && len(e.Gaps) == 0 && len(e.Unread) == 0 && len(e.Lost) == 0
}

// earlyKey is the page that went out before the issue existed.
const earlyKey = "page/1"

// pageUnconfirmed walks the escalation before anybody confirmed the severity, where the
// configuration says so for what the source reports. The first step may be out already: people are
// paged before GitHub is asked.
func (r *run) pageUnconfirmed(isPaged bool, early EarlyPage) {
	r.startPaging()
	if !isPaged || r.Paging.Next.IsZero() {
		return
	}
	step := r.p.Escalation[0]
	named := r.withOwners(step.To)
	rotations, to := r.rotationsOf(named), early.To
	if len(to) == 0 {
		to = r.onCall(named)
	}
	r.Paging.Sent = 1
	r.Paging.Pages = []Page{{Key: earlyKey, At: r.f.At, To: to, By: r.servicesOr(step.By), Why: "team",
		Rotations: rotations, Unread: early.Unread}}
	r.record("page", joinNames(to), "")
	r.stepDone()
	r.tellEarlyPage(early)
	r.pageReadRotation()
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
