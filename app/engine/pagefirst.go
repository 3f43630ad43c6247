package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/engine/delivery"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/intake"
	"github.com/firebreak-dev/firebreak/app/naming"
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
	if ended := e.pagedEarly[trouble+endedMark]; ended.After(began) {
		began = ended
	}
	return fmt.Sprintf("%s-%d", trouble, began.Unix())
}

const endedMark = " ended"

// endEpisode makes the next report of a dedup key page again. The caller holds the lock.
func (e *Engine) endEpisode(trouble string) {
	now := e.Clock.Now()
	for key, at := range e.pagedEarly {
		if strings.HasSuffix(key, endedMark) && now.Sub(at) > pageEpisode {
			delete(e.pagedEarly, key)
		}
	}
	delete(e.pagedEarly, trouble)
	e.pagedEarly[trouble+endedMark] = now
}

// PageFirst pages for a report before GitHub is asked, if the policy says so, so that an outage of
// GitHub delays nobody. It reports whether people were paged, now or for the same dedup key before.
func (e *Engine) PageFirst(ctx context.Context, repo incident.Ref, s intake.Signal) bool {
	if s.Bounce != nil {
		return false // a mail server's report
	}
	if !e.servesNow(ctx, repo) {
		return false
	}
	policy := e.policyOf(ctx, repo)
	if _, ok := e.answeredByTag(s, repo, policy.Signals); ok { // whose people know already
		return false
	}
	d := intake.Decide(s, policy)
	if d.Action != incident.RulePage || len(policy.Escalation) == 0 || e.Pager == nil {
		return false
	}
	trouble := repo.FullName() + "/signal/" + e.dedupHash(s.DedupKey)
	now := e.Clock.Now()
	e.mu.Lock()
	at, known := e.pagedEarly[trouble]
	e.mu.Unlock()
	if known && now.Sub(at) < pageEpisode {
		return true
	}
	if e.hasOpenIncident(ctx, repo, d, s) {
		return false // the look at it pages, if this is worse than what its people know
	}
	key := e.episodeKey(trouble, now)
	step := policy.Escalation[0]
	to := slices.DeleteFunc(slices.Clone(step.To), func(to string) bool { return to == "phone" })
	to = policy.ReachOnCall(to, now)
	service, _ := policy.Catalog.Find(s.Labels[incident.ServiceLabel])
	if policy.Catalog.PageOwners && len(to) > 0 {
		for _, o := range service.Owners {
			if !naming.Contains(to, o) {
				to = append(to, o)
			}
		}
	}
	by := step.By
	if len(by) == 0 {
		by = []string{policy.Pager}
	}
	sent := false
	for _, kind := range by {
		if kind == "github" {
			continue
		}
		service, _ := policy.Service(kind)
		isNew, _, err := e.deliveries.Send(ctx, repo, key+" "+kind,
			func(ctx context.Context, before delivery.Attempt) error {
				return e.Pager.Page(ctx, Page{Ref: repo, Key: key, Reached: before.Reached, Service: service,
					URL: s.URL, To: to, Links: e.earlyLinks(repo, key, to, now),
					Others: policy.Services, LinkOf: func(login string) string { return e.earlyLink(repo, key, login, now) },
					Title: "Unconfirmed " + cmp.Or(d.Severity, s.SeverityHint) + ": " +
						cmp.Or(d.Title, s.Title),
					Severity: cmp.Or(d.Severity, s.SeverityHint)})
			})
		if isNew {
			e.countPage(kind, repo.FullName(), key, err)
		}
		sent = sent || err == nil
	}
	if sent {
		e.mu.Lock()
		e.pagedEarly[trouble] = now
		e.mu.Unlock()
	}
	return sent
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
	if known && e.Clock.Now().Sub(last.read) < policyLife {
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
