package github

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// ReadIncidents lists the incidents of a repository that changed since a time (zero: all), the
// oldest first and without their texts and cards: one call for a hundred. told receives how many
// there are so far.
func (a *App) ReadIncidents(ctx context.Context, owner, repo string, since time.Time,
	told func(n int)) ([]*ports.Snapshot, error) {
	c, err := a.clientFor(ctx, figures, owner, repo)
	if err != nil {
		return nil, err
	}
	where := incident.Ref{Owner: owner, Repo: repo}
	// What is opened while this is read comes last in this order, so that no page moves.
	query := url.Values{"labels": {incident.LabelIncident}, "state": {"all"}, "sort": {"created"},
		"direction": {"asc"}, "per_page": {"100"}}
	if !since.IsZero() {
		query.Set("since", since.UTC().Format(time.RFC3339))
	}
	var all []*ports.Snapshot
	for {
		var page []issue
		res, err := call(ctx, c, http.MethodGet, repoPath(where)+"/issues?"+query.Encode(), nil, &page)
		if err != nil {
			return nil, describeError("list the incidents", where.FullName(), err)
		}
		for _, is := range page {
			if is.Pull != nil {
				continue
			}
			is.Body = ""
			all = append(all, snapshotOf(incident.Ref{Owner: owner, Repo: repo, Number: is.Number}, is))
		}
		told(len(all))
		if res.NextPage == 0 && res.After == "" {
			return all, nil
		}
		// GitHub goes on by number, or in long lists by a cursor.
		// https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api
		query.Del("page")
		query.Del("after")
		if res.NextPage != 0 {
			query.Set("page", strconv.Itoa(res.NextPage))
		}
		if res.After != "" {
			query.Set("after", res.After)
		}
	}
}

// ReadCard reads an incident's card: the pinned comment if it is one that the caller believes, else
// the newest of the first comments that is. It returns "" if there is none, or the last that was
// not believed.
func (a *App) ReadCard(ctx context.Context, ref incident.Ref, believe func(body string) bool) (string,
	error) {
	c, err := a.clientOf(ctx, figures, ref)
	if err != nil {
		return "", err
	}
	me, err := a.Login(ctx)
	if err != nil {
		return "", err
	}
	var is issue
	if _, err := call(ctx, c, http.MethodGet, issuePath(ref), nil, &is); err != nil {
		if s := statusOf(err); s == http.StatusNotFound || s == http.StatusGone ||
			s == http.StatusMovedPermanently {
			return "", nil // deleted or transferred since it was listed
		}
		return "", describeError("read the issue", ref.String(), err)
	}
	l := &issueReader{me: me}
	found := ""
	if p := is.Pinned; p != nil && l.isCard(p.Body, p.User.Login) {
		if found = p.Body; believe(found) {
			return found, nil
		}
	}
	if is.Comments == 0 {
		return found, nil
	}
	var comments []comment
	if _, err := call(ctx, c, http.MethodGet, issuePath(ref)+"/comments?per_page=100", nil,
		&comments); err != nil {
		return "", describeError("read the comments", ref.String(), err)
	}
	for _, com := range comments {
		if l.isCard(com.Body, com.User.Login) && (found == "" || believe(com.Body)) {
			found = com.Body
		}
	}
	return found, nil
}

// RateLimit returns how many calls the app has left in a repository until a time. limit is 0 where
// GitHub limits nothing.
func (a *App) RateLimit(ctx context.Context, owner, repo string) (left, limit int, until time.Time,
	err error) {
	c, err := a.clientFor(ctx, figures, owner, repo)
	if err != nil {
		return 0, 0, time.Time{}, err
	}
	var answer struct {
		Resources struct {
			Core struct{ Limit, Remaining, Reset int64 }
		}
	}
	_, err = call(ctx, c, http.MethodGet, "rate_limit", nil, &answer)
	// GitHub Enterprise Server with its limits off, as they are by default
	if statusOf(err) == http.StatusNotFound {
		return 0, 0, time.Time{}, nil
	}
	if err != nil {
		return 0, 0, time.Time{}, describeError("read the rate limit", fmt.Sprintf("%s/%s", owner, repo), err)
	}
	core := answer.Resources.Core
	return int(core.Remaining), int(core.Limit), time.Unix(core.Reset, 0).UTC(), nil
}
