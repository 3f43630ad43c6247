package github

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// maxTeams is how many answers about teams are kept: people may write any word.
const maxTeams = 1000

// HasTeam reports whether the organisation of ref has a team with that slug. An account that is no
// organisation has none. It implements engine.GitHub.
// https://docs.github.com/en/rest/teams/teams#get-a-team-by-name
func (a *App) HasTeam(ctx context.Context, ref incident.Ref, slug string) (bool, error) {
	key := strings.ToLower(ref.Owner + "/" + slug)
	now := a.o.Now()
	a.mu.Lock()
	known, ok := a.teams[key]
	a.mu.Unlock()
	if ok && now.Sub(known.at) < keepPeople && !now.Before(known.at) {
		return known.may, nil
	}
	c, err := a.clientOf(ctx, incidents, ref)
	if err != nil {
		return false, err
	}
	_, err = call(ctx, c, http.MethodGet, "orgs/"+url.PathEscape(ref.Owner)+"/teams/"+url.PathEscape(slug),
		nil, nil)
	if err != nil && statusOf(err) != http.StatusNotFound {
		return false, describeError("ask whether there is a team "+slug, ref.Owner, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.teams) >= maxTeams {
		clear(a.teams)
	}
	a.teams[key] = permission{may: err == nil, at: now}
	return err == nil, nil
}
