package forge

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
)

// IssueURL returns the address of an issue's or a pull request's page.
func (f *Forge) IssueURL(i *Issue) string {
	kind := "issues"
	if i.Pull != nil {
		kind = "pull"
	}
	return fmt.Sprintf("%s/%s/%s/%d", f.URL, i.repo.FullName(), kind, i.Number)
}

// CommentURL is the place of a comment on its issue's page.
func (f *Forge) CommentURL(c *Comment) string {
	return fmt.Sprintf("%s#issuecomment-%d", f.IssueURL(c.issue), c.ID)
}

// CommitURL returns the address of a commit's page.
func (f *Forge) CommitURL(r *Repository, sha string) string {
	return fmt.Sprintf("%s/%s/commit/%s", f.URL, r.FullName(), sha)
}

// NodeID is a stable opaque id of the GraphQL kind.
func NodeID(prefix string, id int64) string {
	return prefix + "_" + base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%s:%d", prefix, id))
}

// NodeID is the issue's id in GraphQL; a pull request has its own there.
func (i *Issue) NodeID() string {
	if i.Pull != nil {
		return NodeID("PR", i.Pull.ID)
	}
	return NodeID("I", i.ID)
}

// NodeID returns the account's id in GraphQL.
func (u *User) NodeID() string {
	switch u.Kind {
	case KindBot:
		return NodeID("BOT", u.ID)
	case KindOrganization:
		return NodeID("O", u.ID)
	}
	return NodeID("U", u.ID)
}

// UserURL returns the address of an account's page.
func (f *Forge) UserURL(u *User) string {
	if u.Kind == KindBot {
		return f.URL + "/apps/" + strings.TrimSuffix(u.Login, "[bot]")
	}
	return f.URL + "/" + url.PathEscape(u.Login)
}

// AvatarURL returns the address of an account's picture.
func (f *Forge) AvatarURL(u *User) string { return fmt.Sprintf("%s/avatars/u/%d", f.URL, u.ID) }

// NodeID returns the team's id in GraphQL.
func (t *Team) NodeID() string { return NodeID("T", t.ID) }

// TeamURL returns the address of a team's page.
func (f *Forge) TeamURL(t *Team) string {
	return fmt.Sprintf("%s/orgs/%s/teams/%s", f.URL, t.Org, t.Slug)
}

// NodeID returns the repository's id in GraphQL.
func (r *Repository) NodeID() string { return NodeID("R", r.ID) }

// RepositoryURL returns the address of a repository's page.
func (f *Forge) RepositoryURL(r *Repository) string { return f.URL + "/" + r.FullName() }

// SSHURL returns the address by which git reaches a repository over SSH.
func (f *Forge) SSHURL(r *Repository) string {
	host := f.URL
	if u, err := url.Parse(f.URL); err == nil {
		host = u.Hostname()
	}
	return "git@" + host + ":" + r.FullName() + ".git"
}

// ReviewURL returns the place of a review on its pull request's page.
func (f *Forge) ReviewURL(i *Issue, r *Review) string {
	return fmt.Sprintf("%s#pullrequestreview-%d", f.IssueURL(i), r.ID)
}

// CheckRunURLs returns the address of a check run's page, and of its details, which are elsewhere
// if the App says so.
func (f *Forge) CheckRunURLs(r *Repository, run *CheckRun) (page, details string) {
	page = fmt.Sprintf("%s/%s/runs/%d", f.URL, r.FullName(), run.ID)
	return page, cmp.Or(run.DetailsURL, page)
}

// LabelURL returns the address of the page of a label's issues.
func (f *Forge) LabelURL(r *Repository, l *Label) string {
	return f.URL + "/" + r.FullName() + "/labels/" + EscapePath(l.Name)
}

// EscapePath escapes the parts of a path for an address.
func EscapePath(path string) string {
	parts := strings.Split(path, "/")
	for n, p := range parts {
		parts[n] = url.PathEscape(p)
	}
	return strings.Join(parts, "/")
}

// RulesetURL is where people see a ruleset.
func (f *Forge) RulesetURL(r *Repository, s *Ruleset) string {
	return fmt.Sprintf("%s/rules/%d", f.RepositoryURL(r), s.ID)
}
