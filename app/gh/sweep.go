package gh

import (
	"context"
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

// Stirred gives a message for each incident that changed since a time, and for each postmortem's pull request, in all
// installations: what a look must be asked for if a webhook was lost for good. The zero time stands for all there are.
func (a *App) Stirred(ctx context.Context, since time.Time) ([]engine.Message, error) {
	var all []engine.Message
	opts := &github.ListOptions{PerPage: 100}
	for {
		installations, res, err := a.self.Apps.ListInstallations(ctx, opts)
		if err != nil {
			return nil, fail("list the app's installations", "", err)
		}
		for _, inst := range installations {
			if inst.SuspendedAt != nil || a.serves(inst.GetAccount().GetLogin()) != nil {
				continue
			}
			found, err := a.stirred(ctx, inst, since)
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
		}
		if res.NextPage == 0 {
			return all, nil
		}
		opts.Page = res.NextPage
	}
}

// stirred looks in one installation, by search, which costs a call or two however many repositories there are. That a pull
// request is merged does not show on its incident.
func (a *App) stirred(ctx context.Context, inst *github.Installation, since time.Time) ([]engine.Message, error) {
	me, err := a.Login(ctx)
	if err != nil {
		return nil, err
	}
	issues, err := a.search(ctx, inst, "is:issue label:"+incident.LabelIncident, since)
	if err != nil {
		return nil, fail("look for incidents that changed", inst.GetAccount().GetLogin(), err)
	}
	pulls, err := a.search(ctx, inst, "is:pr author:app/"+strings.TrimSuffix(me, "[bot]"), since)
	if err != nil {
		return nil, fail("look for postmortems that changed", inst.GetAccount().GetLogin(), err)
	}
	var all []engine.Message
	for _, it := range issues {
		all = append(all, engine.Message{Ref: it.ref, Why: "sweep"})
	}
	for _, it := range pulls {
		if ref, ok := incident.ReadPullMark(it.body); ok && ref.FullName() == it.ref.FullName() {
			all = append(all, engine.Message{Ref: ref, Why: "sweep", Pull: it.ref.Number})
		}
	}
	return all, nil
}

// found is a result of a search.
type found struct {
	ref  incident.Ref
	body string
}

// search finds an installation's issues or pull requests that changed since a time; a thousand at most, the newest.
func (a *App) search(ctx context.Context, inst *github.Installation, what string, since time.Time) (all []found, err error) {
	c, err := a.wide(inst.GetID())
	if err != nil {
		return nil, err
	}
	query := fmt.Sprintf("user:%s %s", inst.GetAccount().GetLogin(), what)
	if !since.IsZero() {
		query += " updated:>=" + since.UTC().Format("2006-01-02T15:04:05Z")
	}
	for page := 1; page <= 10; page++ { // GitHub gives no more
		var answer struct {
			Items []struct {
				Number     int    `json:"number"`
				Body       string `json:"body"`
				Repository string `json:"repository_url"`
			} `json:"items"`
		}
		res, err := call(ctx, c, http.MethodGet, "search/issues?sort=updated&order=desc&per_page=100&page="+strconv.Itoa(page)+"&q="+url.QueryEscape(query), nil, &answer)
		if err != nil {
			return nil, err
		}
		for _, it := range answer.Items {
			if _, name, ok := strings.Cut(it.Repository, "/repos/"); ok {
				owner, repo, _ := strings.Cut(name, "/")
				all = append(all, found{incident.Ref{Owner: owner, Repo: repo, Number: it.Number}, it.Body})
			}
		}
		if res.NextPage == 0 {
			break
		}
	}
	return all, nil
}
