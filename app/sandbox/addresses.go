package sandbox

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
)

func (st *store) issueHTML(i *Issue) string {
	kind := "issues"
	if i.Pull != nil {
		kind = "pull"
	}
	return fmt.Sprintf("%s/%s/%s/%d", st.url, i.repo.FullName(), kind, i.Number)
}

// commentHTML is the place of a comment on its issue's page.
func (st *store) commentHTML(c *Comment) string {
	return fmt.Sprintf("%s#issuecomment-%d", st.issueHTML(c.issue), c.ID)
}

func (st *store) commitHTML(r *Repository, sha string) string {
	return fmt.Sprintf("%s/%s/commit/%s", st.url, r.FullName(), sha)
}

// nodeID is a stable opaque id of the GraphQL kind.
func nodeID(prefix string, id int64) string {
	return prefix + "_" + base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%s:%d", prefix, id))
}

// nodeID is the issue's id in GraphQL; a pull request has its own there.
func (i *Issue) nodeID() string {
	if i.Pull != nil {
		return nodeID("PR", i.Pull.ID)
	}
	return nodeID("I", i.ID)
}

// nodeID returns the account's id in GraphQL.
func (u *User) nodeID() string {
	switch u.Kind {
	case KindBot:
		return nodeID("BOT", u.ID)
	case KindOrganization:
		return nodeID("O", u.ID)
	}
	return nodeID("U", u.ID)
}

// userHTML returns the address of an account's page.
func (st *store) userHTML(u *User) string {
	if u.Kind == KindBot {
		return st.url + "/apps/" + st.app.Slug
	}
	return st.url + "/" + url.PathEscape(u.Login)
}

// avatarURL returns the address of an account's picture.
func (st *store) avatarURL(u *User) string { return fmt.Sprintf("%s/avatars/u/%d", st.url, u.ID) }

// nodeID returns the team's id in GraphQL.
func (t *Team) nodeID() string { return nodeID("T", t.ID) }

// teamHTML returns the address of a team's page.
func (st *store) teamHTML(t *Team) string {
	return fmt.Sprintf("%s/orgs/%s/teams/%s", st.url, t.Org, t.Slug)
}

// nodeID returns the repository's id in GraphQL.
func (r *Repository) nodeID() string { return nodeID("R", r.ID) }

// repoHTML returns the address of a repository's page.
func (st *store) repoHTML(r *Repository) string { return st.url + "/" + r.FullName() }

// sshURL returns the address by which git reaches a repository over SSH.
func (st *store) sshURL(r *Repository) string {
	host := st.url
	if u, err := url.Parse(st.url); err == nil {
		host = u.Hostname()
	}
	return "git@" + host + ":" + r.FullName() + ".git"
}

// reviewHTML returns the place of a review on its pull request's page.
func (st *store) reviewHTML(i *Issue, r *Review) string {
	return fmt.Sprintf("%s#pullrequestreview-%d", st.issueHTML(i), r.ID)
}

// checkRunHTML returns the address of a check run's page, and of its details, which are elsewhere if the App says so.
func (st *store) checkRunHTML(r *Repository, run *CheckRun) (page, details string) {
	page = fmt.Sprintf("%s/%s/runs/%d", st.url, r.FullName(), run.ID)
	return page, cmp.Or(run.DetailsURL, page)
}

// labelHTML returns the address of the page of a label's issues.
func (st *store) labelHTML(r *Repository, l *Label) string {
	return st.url + "/" + r.FullName() + "/labels/" + escapePath(l.Name)
}

func escapePath(path string) string {
	parts := strings.Split(path, "/")
	for n, p := range parts {
		parts[n] = url.PathEscape(p)
	}
	return strings.Join(parts, "/")
}
