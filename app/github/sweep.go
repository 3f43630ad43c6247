package github

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// Redelivery is what came of asking GitHub for webhooks again.
type Redelivery struct {
	Asked   int     // webhooks that are delivered again
	Refused []error // one for each that GitHub does not deliver again, because it is too old for instance
	Left    int     // webhooks that are to be asked for the next time
}

const (
	// mostRedeliveries is how many webhooks one call of Redeliver asks for. GitHub takes 180 such
	// requests a minute (900 points, of which a POST is five). The rest loses nothing: the search
	// finds the incidents that it is about in the same sweep.
	// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
	mostRedeliveries = 150
	// evidencePages is how many pages, of 100 deliveries each, are searched for later successes of
	// the webhooks that failed.
	evidencePages = 10
	// keptRedeliveries is how many webhooks are remembered that were asked for.
	keptRedeliveries = 10_000
	// unreachable is after how many failures in a row GitHub is taken to be out.
	unreachable = 3
)

// Redeliver asks GitHub to deliver again each webhook since a time that never arrived. GitHub itself
// never tries twice.
// https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries
//
// GitHub is asked for failures only: that is one call where nothing failed, however many webhooks an
// App with thousands of installations gets. A failure (status_code 400 to 599; where GitHub reaches
// nobody it is 502) may have been delivered since, and its first attempt stays in the list. Three
// things keep it from being delivered again and again:
//   - The list of all deliveries is read too, only where something failed, and only as far back as the
//     oldest of the newest failed attempts: a success or an attempt under way settles a webhook.
//   - What was asked for is remembered, by the attempt that had failed: it is asked for again only
//     once a newer attempt has failed.
//   - Where a new process meets more deliveries than evidencePages hold, a webhook that did arrive may
//     be delivered once more. That is harmless: a message means "look again", and the queue drops a
//     delivery that it has known for three days (SQS: five minutes).
//
// A server that does not know the filter returns all deliveries, or refuses it: then the whole list is
// gone through, as far back as since.
func (a *App) Redeliver(ctx context.Context, since time.Time) (Redelivery, error) {
	failed, err := a.lostDeliveries(ctx, since)
	if err != nil {
		return Redelivery{}, err
	}
	r := Redelivery{Left: max(0, len(failed)-mostRedeliveries)}
	failed = failed[:len(failed)-r.Left]
	var errs []error
	inRow := 0
	for i, d := range failed {
		_, _, err := a.self.Apps.RedeliverHookDelivery(ctx, d.GetID())
		var accepted *github.AcceptedError
		if errors.As(err, &accepted) {
			err = nil
		}
		if err == nil {
			a.redelivered.Add(d.GetGUID(), d.GetID())
			r.Asked++
			inRow = 0
			continue
		}
		err = describeError(fmt.Sprintf("redeliver the %s of %s", d.GetEvent(),
			formatTime(d.GetDeliveredAt().Time)), d.GetGUID(), err)
		var refused *ports.Refusal
		if errors.As(err, &refused) { // the same request gets the same answer
			a.redelivered.Add(d.GetGUID(), d.GetID())
			r.Refused = append(r.Refused, err)
			inRow = 0
			continue
		}
		errs = append(errs, err)
		inRow++
		var later *ports.RetryAfter
		if errors.As(err, &later) || ctx.Err() != nil || inRow == unreachable {
			r.Left += len(failed) - i
			return r, errors.Join(errs...)
		}
		r.Left++
	}
	return r, errors.Join(errs...)
}

// lostDeliveries returns the newest failed attempt of each webhook since a time that is to be asked
// for again, the oldest first: GitHub keeps it for three days.
func (a *App) lostDeliveries(ctx context.Context, since time.Time) ([]*github.HookDelivery, error) {
	var failed []*github.HookDelivery
	known, settled := map[string]bool{}, map[string]bool{}
	isWhole := a.unfiltered.Load()
	see := func(d *github.HookDelivery) bool {
		guid := d.GetGUID()
		switch {
		case d.GetDeliveredAt().Before(since):
			return false
		case isSettled(d): // the server ignores the filter
			settled[guid], isWhole = true, true
		case !known[guid]:
			known[guid] = true
			failed = append(failed, d)
		}
		return true
	}
	err := a.walkDeliveries(ctx, !isWhole, math.MaxInt, see)
	if answer := statusOf(err); !isWhole && (answer == http.StatusUnprocessableEntity ||
		answer == http.StatusBadRequest) {
		a.unfiltered.Store(true)
		isWhole, failed = true, nil
		clear(known)
		err = a.walkDeliveries(ctx, false, math.MaxInt, see)
	}
	if err != nil {
		return nil, describeError("read the webhook's deliveries", "", err)
	}
	failed = slices.DeleteFunc(failed, func(d *github.HookDelivery) bool {
		attempt, asked := a.redelivered.Get(d.GetGUID())
		return settled[d.GetGUID()] || asked && attempt == d.GetID()
	})
	slices.Reverse(failed)
	if isWhole || len(failed) == 0 {
		return failed, nil
	}
	open := map[string]bool{}
	for _, d := range failed {
		open[d.GetGUID()] = true
	}
	err = a.walkDeliveries(ctx, false, evidencePages, func(d *github.HookDelivery) bool {
		if isSettled(d) {
			settled[d.GetGUID()] = true
			delete(open, d.GetGUID())
		}
		return len(open) > 0 && !d.GetDeliveredAt().Before(failed[0].GetDeliveredAt().Time)
	})
	if err != nil {
		return nil, describeError("read the webhook's deliveries", "", err)
	}
	return slices.DeleteFunc(failed, func(d *github.HookDelivery) bool { return settled[d.GetGUID()] }), nil
}

// walkDeliveries reads the App's deliveries, or those that failed, the newest first, until see
// returns false or there are no more, and no more than so many pages.
func (a *App) walkDeliveries(ctx context.Context, onlyFailed bool, pages int,
	see func(*github.HookDelivery) bool) error {
	query := url.Values{"per_page": {"100"}}
	if onlyFailed {
		query.Set("status", "failure")
	}
	for range pages {
		var page []*github.HookDelivery
		res, err := call(ctx, a.self, http.MethodGet, "app/hook/deliveries?"+query.Encode(), nil, &page)
		if err != nil {
			return err
		}
		for _, d := range page {
			if !see(d) {
				return nil
			}
		}
		if res.Cursor == "" {
			return nil
		}
		query.Set("cursor", res.Cursor)
	}
	return nil
}

// isSettled reports whether a delivery arrived, or may still arrive.
func isSettled(d *github.HookDelivery) bool {
	return d.GetStatusCode() >= 200 && d.GetStatusCode() < 300 || isUnderWay(d)
}

// isUnderWay reports whether a delivery has no outcome yet. GitHub's description requires a status
// and a code and says no more of them.
func isUnderWay(d *github.HookDelivery) bool {
	return d.GetStatusCode() == 0 && (d.GetStatus() == "" || strings.EqualFold(d.GetStatus(), "pending"))
}

// Progress is how far each of a sweep's searches got, by what it looks for: its last result's time.
type Progress map[string]time.Time

// Installation is an installation of the App.
type Installation struct {
	ID        int64
	Owner     string // login of its account
	Suspended bool
	CanFreeze bool // rulesets of freezes can be there
	CanHold   bool // deployments can wait for the App
}

// Installations lists the App's installations on the accounts that are served.
func (a *App) Installations(ctx context.Context) ([]Installation, error) {
	var all []Installation
	opts := &github.ListOptions{PerPage: 100}
	for {
		page, res, err := a.self.Apps.ListInstallations(ctx, opts)
		if err != nil {
			return nil, describeError("list the app's installations", "", err)
		}
		for _, inst := range page {
			if owner := inst.GetAccount().GetLogin(); a.checkAccount(owner) == nil {
				all = append(all, Installation{ID: inst.GetID(), Owner: owner,
					Suspended: inst.SuspendedAt != nil,
					CanFreeze: a.HasFreezer() || inst.GetPermissions().GetAdministration() == "write",
					CanHold:   inst.GetPermissions().GetDeployments() == "write"})
			}
		}
		if res.NextPage == 0 {
			return all, nil
		}
		opts.Page = res.NextPage
	}
}

// ChangedSince returns a message for every incident or postmortem pull request that changed since a
// time (zero: all). On error it returns what it has; pass the same progress to resume.
func (a *App) ChangedSince(ctx context.Context, inst Installation, since time.Time,
	reached Progress) ([]incident.Message, error) {
	kinds := []string{allIncidents}
	if since.IsZero() { // the open ones first: somebody waits for them
		kinds = []string{openIncidents, allIncidents + " is:closed"}
	}
	return a.searchAll(ctx, inst, append(kinds, allPulls), since, reached)
}

// OpenIncidents returns a message for each incident of an installation of which something may be
// due, whether it changed or not: what a look must be asked for if its timer was lost. Those are
// the open ones, and closed ones that still have reminders: of follow-ups, whose tickets are open,
// and of the postmortem's review, whose pull request is open. reached is as in Stirred.
//
// What a refused effect of a closed incident waits for ends within two days of its last change, so
// Stirred with such a time finds that.
func (a *App) OpenIncidents(ctx context.Context, inst Installation, reached Progress) ([]incident.Message,
	error) {
	return a.searchAll(ctx, inst, []string{openIncidents, allPulls + " is:open", allTickets + " is:open"},
		time.Time{}, reached)
}

// UndeclaredSince returns a message for each open issue that changed since a time, is not an
// incident yet, and may hold the command that makes it one: GitHub sends no webhook while an
// installation is suspended or removed, nor later, so nobody may have read that. GitHub's search
// ignores the slash and finds issues too that only mention such incidents: a look there changes
// nothing. It can't find a declaration that names no severity.
func (a *App) UndeclaredSince(ctx context.Context, inst Installation, since time.Time,
	reached Progress) ([]incident.Message, error) {
	return a.searchAll(ctx, inst, []string{mayBeCritical, mayBeRegular}, since, reached)
}

// What a sweep searches for. APP is replaced by the App's slug.
const (
	mayBeCritical = `is:issue is:open -label:` + incident.LabelIncident +
		` "incident critical" in:body,comments`
	mayBeRegular = `is:issue is:open -label:` + incident.LabelIncident +
		` "incident regular" in:body,comments`
	allIncidents  = "is:issue label:" + incident.LabelIncident
	openIncidents = allIncidents + " is:open"
	allPulls      = "is:pr author:app/APP"
	allTickets    = "is:issue author:app/APP"
)

// searchAll looks in one installation, by search, which costs a call or two however many
// repositories there are. That a pull request is merged does not show on its incident.
func (a *App) searchAll(ctx context.Context, inst Installation, kinds []string, since time.Time,
	reached Progress) ([]incident.Message, error) {
	me, err := a.Login(ctx)
	if err != nil {
		return nil, err
	}
	c, err := a.readAllClient(inst.ID)
	if err != nil {
		return nil, err
	}
	s := search{c: c, seen: map[string]bool{}}
	for _, kind := range kinds {
		query := "user:" + inst.Owner + " " + strings.Replace(kind, "APP", appOf(me), 1)
		from := since
		if at := reached[query]; at.After(from) {
			from = at
		}
		s.last, s.tickets = from, strings.HasPrefix(kind, allTickets)
		err := s.walk(ctx, query, "updated", from)
		if s.last.After(from) {
			reached[query] = s.last
		}
		if err != nil {
			return s.messages, describeError("search for incidents", inst.Owner, err)
		}
	}
	return s.messages, nil
}

// Probe asks what a sweep asks of an account, and returns the error with which GitHub refuses it.
func (a *App) Probe(ctx context.Context, inst Installation) error {
	c, err := a.readAllClient(inst.ID)
	if err != nil {
		return err
	}
	s := search{c: c}
	_, _, err = s.readPage(ctx, "user:"+inst.Owner+" "+openIncidents, "updated", time.Time{}, 1)
	if err != nil {
		return describeError("search for incidents", inst.Owner, err)
	}
	return nil
}

// OpenIncidentsIn returns a message for each open incident of a repository. It lists the issues: a
// search may not know a repository yet that was renamed, moved or added just now.
func (a *App) OpenIncidentsIn(ctx context.Context, owner, repo string) ([]incident.Message, error) {
	ref := incident.Ref{Owner: owner, Repo: repo}
	c, err := a.clientOf(ctx, sweeping, ref)
	if err != nil {
		return nil, err
	}
	s := search{seen: map[string]bool{}}
	for page := 1; page != 0; {
		var hits []searchResult
		path := fmt.Sprintf("%s/issues?state=open&labels=%s&per_page=100&page=%d", repoPath(ref),
			incident.LabelIncident, page)
		res, err := call(ctx, c, http.MethodGet, path, nil, &hits)
		if err != nil {
			return s.messages, describeError("list the open incidents", ref.FullName(), err)
		}
		for _, h := range hits {
			if h.Pull == nil {
				s.add(h)
			}
		}
		page = res.NextPage
	}
	return s.messages, nil
}

// search gathers a message for each result that asks for a look.
type search struct {
	c        *github.Client
	seen     map[string]bool // owner/repo#number of incidents, with their pull requests
	tickets  bool            // it looks for tickets of follow-ups
	messages []incident.Message
	last     time.Time // of the last result
}

// searchResult is a result of GitHub's search.
type searchResult struct {
	Number     int             `json:"number"`
	Body       string          `json:"body"`
	Repository string          `json:"repository_url"`
	Created    time.Time       `json:"created_at"`
	Updated    time.Time       `json:"updated_at"`
	Pull       json.RawMessage `json:"pull_request"`
}

// A search returns at most the first thousand of its results.
const lastPage = 10

// walk pages through all results by time. A search returns at most 1,000, so it restarts from the
// last result's time; results of one second are split by their creation time.
func (s *search) walk(ctx context.Context, query, by string, from time.Time) error {
	for page := 1; ; {
		hits, more, err := s.readPage(ctx, query, by, from, page)
		last := from
		for _, h := range hits {
			if s.add(h); by == "created" {
				last = h.Created
			} else {
				last, s.last = h.Updated, h.Updated
			}
		}
		switch {
		case err != nil:
			return err
		case page == lastPage && last.Equal(from) && by == "created":
			return fmt.Errorf("GitHub finds more than a thousand of %q made at %s: some of them are not "+
				"looked at", query, formatTime(from))
		case page == lastPage && last.Equal(from):
			if err := s.walk(ctx, query+" updated:"+formatTime(from)+".."+formatTime(from), "created",
				time.Time{}); err != nil {
				return err
			}
			from, page = from.Add(time.Second), 1
		case !more:
			return nil
		case last.Equal(from):
			page++
		default:
			from, page = last, 1
		}
	}
}

// readPage reads a page of results, and reports whether there are more.
func (s *search) readPage(ctx context.Context, query, by string, from time.Time, page int) ([]searchResult,
	bool, error) {
	if !from.IsZero() {
		query += " " + by + ":>=" + formatTime(from)
	}
	var answer struct {
		Incomplete bool           `json:"incomplete_results"`
		Items      []searchResult `json:"items"`
	}
	where := "search/issues?sort=" + by + "&order=asc&per_page=100&page=" + strconv.Itoa(page) +
		"&q=" + url.QueryEscape(query)
	res, err := call(ctx, s.c, http.MethodGet, where, nil, &answer)
	if err != nil {
		return nil, false, err
	}
	if answer.Incomplete {
		err = fmt.Errorf("GitHub gave up the search for %q before its end", query)
	}
	return answer.Items, res.NextPage != 0, err
}

// add notes an incident, or the one whose postmortem or whose follow-up's ticket this is; each
// once.
func (s *search) add(h searchResult) {
	_, name, ok := strings.Cut(h.Repository, "/repos/")
	owner, repo, _ := strings.Cut(name, "/")
	m := incident.Message{Ref: incident.Ref{Owner: owner, Repo: repo, Number: h.Number}, Why: "sweep"}
	marked := true
	switch {
	case h.Pull != nil:
		var of incident.Ref
		of, marked = incident.ReadPullMark(h.Body)
		marked = marked && naming.Equal(of.FullName(), m.Ref.FullName())
		m.Ref, m.What = of, incident.PullChanged{Number: h.Number}
	case s.tickets:
		m.Ref, _, marked = incident.ReadTicketMark(h.Body)
	}
	key := fmt.Sprintf("%s %d", strings.ToLower(m.Ref.String()), m.Pull())
	if !ok || !marked || s.seen[key] {
		return
	}
	s.seen[key] = true
	s.messages = append(s.messages, m)
}

func formatTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }
