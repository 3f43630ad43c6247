package github

import (
	"context"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// emails are the members of an organisation by their verified e-mail addresses.
type emails struct {
	of map[string][]string
	at time.Time
}

// maxMembers is how many pages of an organisation's members are read, of a hundred each.
const maxMembers = 100

const emailsQuery = `query($org: String!, $after: String) {
  organization(login: $org) {
    membersWithRole(first: 100, after: $after) {
      pageInfo { hasNextPage endCursor }
      nodes { login organizationVerifiedDomainEmails(login: $org) }
    }
  }
}`

// FindByEmail returns which members of ref's organisation have a verified e-mail address. It implements engine.GitHub.
// https://docs.github.com/en/graphql/reference/objects#user
func (a *App) FindByEmail(ctx context.Context, ref incident.Ref, email string) ([]string, error) {
	key := naming.Key(ref.Owner)
	now := a.o.Now()
	a.mu.Lock()
	known, ok := a.emails[key]
	a.mu.Unlock()
	if !ok || now.Sub(known.at) >= keepPeople || now.Before(known.at) {
		of, err := a.readEmails(ctx, ref)
		if err != nil {
			return nil, err
		}
		known = emails{of: of, at: now}
		a.mu.Lock()
		a.emails[key] = known
		a.mu.Unlock()
	}
	return known.of[strings.ToLower(email)], nil
}

// readEmails reads all of an organisation. What it does not show is left out.
func (a *App) readEmails(ctx context.Context, ref incident.Ref) (map[string][]string, error) {
	c, err := a.clientOf(ctx, incidents, ref)
	if err != nil {
		return nil, err
	}
	of, after := map[string][]string{}, (*string)(nil)
	for range maxMembers {
		var answer struct {
			Organization *struct {
				MembersWithRole *struct {
					PageInfo struct {
						HasNextPage bool
						EndCursor   string
					}
					Nodes []*struct {
						Login  string
						Emails []string `json:"organizationVerifiedDomainEmails"`
					}
				}
			}
		}
		partial, err := query(ctx, c, emailsQuery, map[string]any{"org": ref.Owner, "after": after}, &answer)
		if err != nil {
			return nil, describeError("read the members' verified e-mail addresses", ref.Owner, err)
		}
		if answer.Organization == nil || answer.Organization.MembersWithRole == nil {
			if len(partial) > 0 {
				a.o.Logger.Info("members' verified e-mail addresses are not shown", "organization", ref.Owner, "says",
					partial[0].Message)
			}
			return map[string][]string{}, nil
		}
		page := answer.Organization.MembersWithRole
		for _, n := range page.Nodes {
			if n == nil || !naming.IsLogin(n.Login) {
				continue
			}
			for _, email := range n.Emails {
				email = strings.ToLower(strings.TrimSpace(email))
				of[email] = append(of[email], n.Login)
			}
		}
		if !page.PageInfo.HasNextPage {
			return of, nil
		}
		after = &page.PageInfo.EndCursor
	}
	a.o.Logger.Warn("nobody is known by e-mail: the organization has too many members", "organization", ref.Owner)
	return map[string][]string{}, nil
}
