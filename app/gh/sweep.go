package gh

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// Redeliver asks GitHub to deliver again each webhook since a time that never arrived, and tells how many those are. GitHub
// itself never tries twice.
// https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries
func (a *App) Redeliver(ctx context.Context, since time.Time) (int, error) {
	settled := map[string]bool{} // it arrived, or is under way
	var failed []*github.HookDelivery
	opts := &github.ListCursorOptions{PerPage: 100}
	for {
		page, res, err := a.self.Apps.ListHookDeliveries(ctx, opts)
		if err != nil {
			return 0, fail("read the webhook's deliveries", "", err)
		}
		old := false
		for _, d := range page {
			old = old || d.GetDeliveredAt().Before(since)
			if code := d.GetStatusCode(); code >= 200 && code < 300 || underWay(d) {
				settled[d.GetGUID()] = true
			} else {
				failed = append(failed, d)
			}
		}
		if old || res.Cursor == "" {
			break
		}
		opts.Cursor = res.Cursor
	}
	asked := map[string]bool{}
	for _, d := range failed {
		guid := d.GetGUID()
		if settled[guid] || asked[guid] || d.GetDeliveredAt().Before(since) {
			continue
		}
		asked[guid] = true
		if _, _, err := a.self.Apps.RedeliverHookDelivery(ctx, d.GetID()); err != nil && status(err) != 0 && status(err) != http.StatusAccepted {
			return len(asked), fail(fmt.Sprintf("redeliver %d", d.GetID()), "", err)
		}
	}
	return len(asked), nil
}

// underWay tells whether a delivery has no outcome yet. GitHub's description requires a status and a code and says no more of
// them than that they describe the response; without a response the code is 0, and the status names the failure, such as "failed
// to connect".
func underWay(d *github.HookDelivery) bool {
	return d.GetStatusCode() == 0 && (d.GetStatus() == "" || strings.EqualFold(d.GetStatus(), "pending"))
}

// Reached is how far each of a sweep's searches got, by what it looks for: its last result's time.
type Reached map[string]time.Time

// Stirred gives a message for each incident that changed since a time, and for each postmortem's pull request, in all
// installations: what a look must be asked for if a webhook was lost for good. The zero time stands for all there are.
// With an error come the messages found before it: GitHub allows 30 searches a minute, which is 3,000 incidents. Another call
// with the same reached then goes on from there.
func (a *App) Stirred(ctx context.Context, since time.Time, reached Reached) ([]engine.Message, error) {
	var all []engine.Message
	opts := &github.ListOptions{PerPage: 100}
	for {
		installations, res, err := a.self.Apps.ListInstallations(ctx, opts)
		if err != nil {
			return all, fail("list the app's installations", "", err)
		}
		for _, inst := range installations {
			if inst.SuspendedAt != nil || a.serves(inst.GetAccount().GetLogin()) != nil {
				continue
			}
			found, err := a.stirred(ctx, inst, since, reached)
			all = append(all, found...)
			if err != nil {
				return all, err
			}
		}
		if res.NextPage == 0 {
			return all, nil
		}
		opts.Page = res.NextPage
	}
}

// stirred looks in one installation, by search, which costs a call or two however many repositories there are. That a pull
// request is merged does not show on its incident.
func (a *App) stirred(ctx context.Context, inst *github.Installation, since time.Time, reached Reached) ([]engine.Message, error) {
	me, err := a.Login(ctx)
	if err != nil {
		return nil, err
	}
	c, err := a.wide(inst.GetID())
	if err != nil {
		return nil, err
	}
	owner := inst.GetAccount().GetLogin()
	kinds := []string{"is:issue label:" + incident.LabelIncident}
	if since.IsZero() { // the open ones first: somebody waits for them
		kinds = []string{kinds[0] + " is:open", kinds[0] + " is:closed"}
	}
	kinds = append(kinds, "is:pr author:app/"+appOf(me))
	var all []engine.Message
	for _, kind := range kinds {
		query := "user:" + owner + " " + kind
		from := since
		if at := reached[query]; at.After(from) {
			from = at
		}
		s := search{c: c, seen: map[incident.Ref]bool{}, last: from}
		err := s.changed(ctx, query, "updated", from)
		all = append(all, s.messages...)
		reached[query] = s.last
		if err != nil {
			return all, fail("look for what changed", owner, err)
		}
	}
	return all, nil
}

// search gathers a message for each result that asks for a look.
type search struct {
	c        *github.Client
	seen     map[incident.Ref]bool
	messages []engine.Message
	last     time.Time // of the last result
}

// hit is a result of GitHub's search.
type hit struct {
	Number     int             `json:"number"`
	Body       string          `json:"body"`
	Repository string          `json:"repository_url"`
	Created    time.Time       `json:"created_at"`
	Updated    time.Time       `json:"updated_at"`
	Pull       json.RawMessage `json:"pull_request"`
}

// No search gives more than the first thousand of what it finds.
// https://docs.github.com/en/rest/search/search
const lastPage = 10

// changed takes all results of a query, the oldest by a time of theirs first, from one on; zero: all there are. It goes on by
// the last one's time and not by the page: what changes meanwhile moves to the end, and all behind it a place forward. By
// the page it goes only through one and the same second, and through what doesn't fit there by the other time.
func (s *search) changed(ctx context.Context, query, by string, from time.Time) error {
	for page := 1; ; {
		hits, more, err := s.page(ctx, query, by, from, page)
		last := from
		for _, h := range hits {
			if s.take(h); by == "created" {
				last = h.Created
			} else {
				last, s.last = h.Updated, h.Updated
			}
		}
		switch {
		case err != nil:
			return err
		case page == lastPage && last.Equal(from) && by == "created":
			return fmt.Errorf("GitHub finds more than a thousand of %q made at %s: some of them are not looked at", query, at(from))
		case page == lastPage && last.Equal(from):
			if err := s.changed(ctx, query+" updated:"+at(from)+".."+at(from), "created", time.Time{}); err != nil {
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

// page reads a page of results, and tells whether there are more.
func (s *search) page(ctx context.Context, query, by string, from time.Time, page int) ([]hit, bool, error) {
	if !from.IsZero() {
		query += " " + by + ":>=" + at(from)
	}
	var answer struct {
		Incomplete bool  `json:"incomplete_results"`
		Items      []hit `json:"items"`
	}
	res, err := call(ctx, s.c, http.MethodGet, "search/issues?sort="+by+"&order=asc&per_page=100&page="+strconv.Itoa(page)+"&q="+url.QueryEscape(query), nil, &answer)
	if err != nil {
		return nil, false, err
	}
	if answer.Incomplete {
		err = fmt.Errorf("GitHub gave up the search for %q before its end", query)
	}
	return answer.Items, res.NextPage != 0, err
}

// take notes an incident, or the one whose postmortem a pull request is; each once.
func (s *search) take(h hit) {
	_, name, ok := strings.Cut(h.Repository, "/repos/")
	owner, repo, _ := strings.Cut(name, "/")
	ref := incident.Ref{Owner: owner, Repo: repo, Number: h.Number}
	if !ok || s.seen[ref] {
		return
	}
	s.seen[ref] = true
	if h.Pull == nil {
		s.messages = append(s.messages, engine.Message{Ref: ref, Why: "sweep"})
	} else if of, ok := incident.ReadPullMark(h.Body); ok && incident.Same(of.FullName(), ref.FullName()) {
		s.messages = append(s.messages, engine.Message{Ref: of, Why: "sweep", Pull: h.Number})
	}
}

func at(t time.Time) string { return t.UTC().Format(time.RFC3339) }
