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

	"github.com/firebreak-dev/firebreak/app/incident"
)

// Redeliver asks GitHub to deliver again each webhook since a time that never arrived, and tells how many those are. GitHub
// itself never tries twice.
// https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries
func (a *App) Redeliver(ctx context.Context, since time.Time) (int, error) {
	arrived := map[string]bool{}
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
			switch code := d.GetStatusCode(); {
			case code >= 200 && code < 300:
				arrived[d.GetGUID()] = true
			case code != 0 || d.GetStatus() != "": // one that is under way has neither
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
		if arrived[guid] || asked[guid] || d.GetDeliveredAt().Before(since) {
			continue
		}
		asked[guid] = true
		if _, _, err := a.self.Apps.RedeliverHookDelivery(ctx, d.GetID()); err != nil && status(err) != 0 && status(err) != http.StatusAccepted {
			return len(asked), fail(fmt.Sprintf("redeliver %d", d.GetID()), "", err)
		}
	}
	return len(asked), nil
}

// Stirred lists the incidents that changed since a time, in all installations: what a look must be asked for if a webhook
// was lost for good.
func (a *App) Stirred(ctx context.Context, since time.Time) ([]incident.Ref, error) {
	var refs []incident.Ref
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
			refs = append(refs, found...)
		}
		if res.NextPage == 0 {
			return refs, nil
		}
		opts.Page = res.NextPage
	}
}

// stirred looks in one installation, by search, which costs one call however many repositories there are.
func (a *App) stirred(ctx context.Context, inst *github.Installation, since time.Time) ([]incident.Ref, error) {
	owner := inst.GetAccount().GetLogin()
	c, err := a.wide(inst.GetID())
	if err != nil {
		return nil, err
	}
	query := fmt.Sprintf("user:%s is:issue label:%s updated:>=%s", owner, incident.LabelIncident, since.UTC().Format("2006-01-02T15:04:05Z"))
	var refs []incident.Ref
	for page := 1; page <= 10; page++ { // search gives a thousand results at most
		var answer struct {
			Items []struct {
				Number     int    `json:"number"`
				Repository string `json:"repository_url"`
			} `json:"items"`
		}
		res, err := call(ctx, c, http.MethodGet, "search/issues?per_page=100&page="+strconv.Itoa(page)+"&q="+url.QueryEscape(query), nil, &answer)
		if err != nil {
			return nil, fail("look for incidents that changed", owner, err)
		}
		for _, it := range answer.Items {
			if _, name, ok := strings.Cut(it.Repository, "/repos/"); ok {
				o, repo, _ := strings.Cut(name, "/")
				refs = append(refs, incident.Ref{Owner: o, Repo: repo, Number: it.Number})
			}
		}
		if res.NextPage == 0 {
			break
		}
	}
	return refs, nil
}
