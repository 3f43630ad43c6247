package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/engine/delivery"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/intake"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/oncall"
)

// pageEpisode is for how long a page that went out before GitHub was asked counts for all reports
// of its trouble.
const pageEpisode = time.Hour

// episodeKey returns the key of a page for a dedup key. A pager takes the same key for the same
// page, so two processes page once. When the alert comes again an hour later, or after its incident
// ended, it is another page.
func (e *Engine) episodeKey(trouble string, now time.Time) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	began := now.Truncate(pageEpisode)
	if ended := e.pagedEarly[trouble+endedMark]; ended.at.After(began) {
		began = ended.at
	}
	return fmt.Sprintf("%s-%d", trouble, began.Unix())
}

const endedMark = " ended"

// endEpisode makes the next report of a dedup key page again. The caller holds the lock.
func (e *Engine) endEpisode(trouble string) {
	now := e.Clock.Now()
	for key, paged := range e.pagedEarly {
		if strings.HasSuffix(key, endedMark) && now.Sub(paged.at) > pageEpisode {
			delete(e.pagedEarly, key)
		}
	}
	delete(e.pagedEarly, trouble)
	e.pagedEarly[trouble+endedMark] = earlyPage{at: now}
}

// earlyPage is a page that went out before GitHub was asked, or when its dedup key's last incident ended.
type earlyPage struct {
	at time.Time
	incident.EarlyPage
}

// PageFirst pages for a report before GitHub is asked, if the policy says so, so that an outage of
// GitHub delays nobody. It reports whether people were paged, now or for the same dedup key before, and what came of
// that: the incident says so once it is open.
func (e *Engine) PageFirst(ctx context.Context, repo incident.Ref, s intake.Signal) (incident.EarlyPage, bool) {
	none := incident.EarlyPage{}
	if s.Bounce != nil {
		return none, false // a mail server's report
	}
	if !e.servesNow(ctx, repo) {
		return none, false
	}
	policy := e.policyOf(ctx, repo)
	if _, ok := e.answeredByTag(s, repo, policy.Signals); ok { // whose people know already
		return none, false
	}
	d := intake.Decide(s, policy)
	if d.Action != incident.RulePage || len(policy.Escalation) == 0 || e.Pager == nil {
		return none, false
	}
	trouble := repo.FullName() + "/signal/" + e.dedupHash(s.DedupKey)
	now := e.Clock.Now()
	e.mu.Lock()
	before, known := e.pagedEarly[trouble]
	e.mu.Unlock()
	if known && now.Sub(before.at) < pageEpisode {
		return before.EarlyPage, true
	}
	if e.hasOpenIncident(ctx, repo, d, s) {
		return none, false // the look at it pages, if this is worse than what its people know
	}
	early := e.reachFirst(policy, s.Labels[incident.ServiceLabel], now)
	if len(early.To) == 0 {
		return none, false // the step is the phone list, which people read on the issue
	}
	severity := cmp.Or(d.Severity, s.SeverityHint)
	page := Page{Ref: repo, Key: e.episodeKey(trouble, now), URL: s.URL, To: early.To, Text: doubts(early),
		Others: policy.Services, Severity: severity, Title: "Unconfirmed " + severity + ": " + cmp.Or(d.Title, s.Title)}
	early.Key, early.At = page.Key, now.UTC()
	if !e.sendFirst(ctx, policy, page, &early, now) {
		return early, false
	}
	e.mu.Lock()
	e.pagedEarly[trouble] = earlyPage{now, early}
	e.mu.Unlock()
	return early, true
}

// reachFirst returns whom the first step reaches before there is an issue.
func (e *Engine) reachFirst(policy incident.Policy, service string, now time.Time) incident.EarlyPage {
	named := slices.DeleteFunc(slices.Clone(policy.Escalation[0].To), func(to string) bool { return to == "phone" })
	reached := policy.ReachSomebody(named, now)
	early := incident.EarlyPage{To: reached.To, Gaps: reached.Gaps, Unread: reached.Unread}
	if len(early.Unread) > 0 {
		early.Why = policy.OnCall.Unread
		e.Logger.Error("rotations unknown before paging: the coordinators are paged in their place", "names", early.Unread,
			"file", oncall.Path, "why", early.Why)
	}
	early.To = withOwners(policy, service, early.To)
	return early
}

// withOwners adds the owners of the service that a report names to those whom a step reaches, if the configuration
// says so.
func withOwners(policy incident.Policy, service string, to []string) []string {
	hit, _ := policy.Catalog.Find(service)
	if !policy.Catalog.PageOwners || len(to) == 0 {
		return to
	}
	to = slices.Clone(to)
	for _, o := range hit.Owners {
		if !naming.Contains(to, o) {
			to = append(to, o)
		}
	}
	return to
}

// doubts says to who is paged why it is them.
func doubts(p incident.EarlyPage) string {
	var said []string
	if len(p.Gaps) > 0 {
		said = append(said, "Nobody is on call in "+strings.Join(p.Gaps, ", ")+".")
	}
	if len(p.Unread) > 0 {
		said = append(said, "I could not read who is on call in "+strings.Join(p.Unread, ", ")+
			", so you are paged. Please call them if you can.")
	}
	return strings.Join(said, "\n")
}

// sendFirst sends a page by the services of the first step, notes in early what did not take it, and reports whether
// one did.
func (e *Engine) sendFirst(ctx context.Context, policy incident.Policy, page Page, early *incident.EarlyPage,
	now time.Time) (isSent bool) {
	repo, key := page.Ref, page.Key
	page.Links = e.earlyLinks(repo, key, page.To, now)
	page.LinkOf = func(login string) string { return e.earlyLink(repo, key, login, now) }
	var missed sync.Mutex
	page.Missed = func(login, way string, err error) {
		missed.Lock()
		defer missed.Unlock()
		early.Lose(incident.EarlyLoss{Login: login, Way: way, Why: ports.Reason(err)})
	}
	for _, kind := range policy.ServicesOf(policy.Escalation[0]) {
		if kind == "github" {
			continue
		}
		isNew, _, err := e.deliveries.Send(ctx, repo, key+" "+kind,
			func(ctx context.Context, before delivery.Attempt) error {
				one := page
				one.Reached = before.Reached
				one.Service, _ = policy.Service(kind)
				return e.Pager.Page(ctx, one)
			})
		if isNew {
			e.countPage(kind, repo.FullName(), key, err)
		}
		if err != nil {
			missed.Lock()
			early.Lose(incident.EarlyLoss{Service: kind, Why: ports.Reason(err)})
			missed.Unlock()
		}
		isSent = isSent || err == nil
	}
	return isSent
}

// earlyLinks returns where people answer a page that went out before there is an incident.
func (e *Engine) earlyLinks(repo incident.Ref, key string, to []string, now time.Time) map[string]string {
	links := map[string]string{}
	for _, name := range to {
		if login, ok := strings.CutPrefix(name, "@"); ok {
			if link := e.earlyLink(repo, key, login, now); link != "" {
				links[name] = link
			}
		}
	}
	return links
}

func (e *Engine) earlyLink(repo incident.Ref, key, login string, now time.Time) string {
	page := strings.TrimPrefix(key, repo.FullName()+"/")
	return e.answerLink(incident.Ref{Owner: repo.Owner, Repo: repo.Repo}, page, login, now)
}

// policyOf returns the cached policy if it is fresh; otherwise it asks GitHub for at most 2 s and
// falls back to the last good one.
func (e *Engine) policyOf(ctx context.Context, repo incident.Ref) incident.Policy {
	e.mu.Lock()
	last, known := e.policies[repo.FullName()]
	e.mu.Unlock()
	if known && last.onCall.isKnown && e.Clock.Now().Sub(last.read) < policyLife {
		return last.policy
	}
	patient, stop := context.WithTimeout(ctx, policyPatience)
	defer stop()
	r := e.newReconciliation(patient, Message{Ref: repo})
	if err := r.loadPolicy(); err != nil {
		e.Logger.Warn("the configuration can't be read before paging", "repository", repo.FullName(),
			"file", config.Path, "err", err)
		return e.lastPolicy(ctx, repo.FullName())
	}
	return r.Policy
}

// policyPatience is how long GitHub may take to show the configuration by which people are paged.
const policyPatience = 2 * time.Second
