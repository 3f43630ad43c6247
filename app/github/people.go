package github

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// How long answers are kept: who may respond, and a file before it is asked for again.
const (
	keepPeople = 5 * time.Minute
	keepFile   = time.Minute
)

// maxPeople is how many answers about people are kept: strangers comment, too, and a process runs for months.
const maxPeople = 5000

type permission struct {
	may bool
	at  time.Time
}

type file struct {
	content []byte
	ok      bool
	at      time.Time
}

// CanRespond reports whether somebody may respond. It implements engine.GitHub.
func (a *App) CanRespond(ctx context.Context, ref incident.Ref, login string, teams []string) (bool, error) {
	key := strings.ToLower(ref.FullName() + " " + login + " " + strings.Join(teams, " "))
	if naming.IsNobody(login) {
		return false, nil
	}
	now := a.o.Now()
	a.mu.Lock()
	known, ok := a.people[key]
	a.mu.Unlock()
	if ok && now.Sub(known.at) < keepPeople && !now.Before(known.at) {
		return known.may, nil
	}
	may, err := a.lookUpAccess(ctx, ref, login, teams)
	if err != nil {
		return false, err
	}
	a.keepPermission(key, permission{may: may, at: now})
	return may, nil
}

// keepPermission remembers an answer, and forgets those whose time is over once there are many.
func (a *App) keepPermission(key string, p permission) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.people) >= maxPeople {
		maps.DeleteFunc(a.people, func(_ string, old permission) bool { return p.at.Sub(old.at) >= keepPeople })
	}
	if len(a.people) >= maxPeople {
		clear(a.people)
	}
	a.people[key] = p
}

// lookUpAccess asks GitHub: the repository's own answer first, since it counts every way in which
// somebody has access. What the webhook calls author_association says who is visible, not who may.
func (a *App) lookUpAccess(ctx context.Context, ref incident.Ref, login string, teams []string) (bool,
	error) {
	c, err := a.clientOf(ctx, incidents, ref)
	if err != nil {
		return false, err
	}
	var answer access
	_, err = call(ctx, c, http.MethodGet,
		repoPath(ref)+"/collaborators/"+url.PathEscape(login)+"/permission", nil, &answer)
	if err != nil && statusOf(err) != http.StatusNotFound {
		return false, describeError("ask what "+login+" may do", ref.FullName(), err)
	}
	if err == nil {
		if err := requireFields("ask what "+login+" may do", ref.FullName(),
			field{"permission", answer.Permission != "" || answer.Role != ""}); err != nil {
			return false, err
		}
		if answer.canWrite() {
			return true, nil
		}
	}
	return isMember(ctx, c, ref, login, teams)
}

// IsMember reports whether somebody is in one of some teams of ref's organisation. It implements
// engine.GitHub.
func (a *App) IsMember(ctx context.Context, ref incident.Ref, login string, teams []string) (bool, error) {
	if len(teams) == 0 || naming.IsNobody(login) {
		return false, nil
	}
	c, err := a.clientOf(ctx, incidents, ref)
	if err != nil {
		return false, err
	}
	return isMember(ctx, c, ref, login, teams)
}

func isMember(ctx context.Context, c *github.Client, ref incident.Ref, login string, teams []string) (bool, error) {
	for _, team := range teams {
		var member struct {
			State string `json:"state"`
		}
		_, err := call(ctx, c, http.MethodGet, fmt.Sprintf("orgs/%s/teams/%s/memberships/%s",
			url.PathEscape(ref.Owner), url.PathEscape(team), url.PathEscape(login)), nil, &member)
		if err != nil && statusOf(err) != http.StatusNotFound {
			return false, describeError("ask whether "+login+" is in "+team, ref.Owner, err)
		}
		if err == nil {
			if err := requireFields("ask whether "+login+" is in "+team, ref.Owner,
				field{"state", member.State != ""}); err != nil {
				return false, err
			}
			if member.State == "active" {
				return true, nil
			}
		}
	}
	return false, nil
}

// access is what GitHub says that somebody may do in a repository.
// https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user
type access struct {
	Permission string `json:"permission"`
	Role       string `json:"role_name"`
}

// canWrite reports whether that includes write access, which makes a responder.
//
// role_name decides, since permission is there for what was written before GitHub had more than
// three roles. By its description permission says read of who has triage and write of who has
// maintain, and GitHub has also been seen to say maintain there. A role that an organisation made
// itself has a name of its own; of that one, permission is the base, which is one of GitHub's
// roles. Servers from before role_name have permission alone.
func (a access) canWrite() bool {
	switch role := naming.Key(a.Role); role {
	case "read", "triage", "none":
		return false
	case "write", "maintain", "admin":
		return true
	}
	base := naming.Key(a.Permission)
	return base == "write" || base == "maintain" || base == "admin"
}

// nameOf returns an account's login. GitHub says null where the account is deleted, and shows the
// ghost.
func nameOf(u *user) string {
	if u == nil || u.Login == "" {
		return naming.Ghost
	}
	return u.Login
}

// ReadFile reads a file of the default branch. It implements engine.GitHub.
func (a *App) ReadFile(ctx context.Context, ref incident.Ref, path string) ([]byte, bool, error) {
	key := strings.ToLower(ref.FullName()) + "/" + path
	now := a.o.Now()
	a.mu.Lock()
	known, cached := a.files[key]
	a.mu.Unlock()
	if cached && now.Sub(known.at) < keepFile && !now.Before(known.at) {
		return known.content, known.ok, nil
	}
	c, err := a.clientOf(ctx, files, ref)
	if err != nil {
		return nil, false, err
	}
	req, err := c.NewRequest(http.MethodGet, repoPath(ref)+"/contents/"+path, nil)
	if err != nil {
		return nil, false, err
	}
	var raw json.RawMessage
	_, err = c.Do(ctx, req, &raw)
	switch {
	case statusOf(err) == http.StatusNotFound:
		known = file{at: now}
	case err != nil:
		return nil, false, describeError("read "+path, ref.FullName(), err)
	default:
		content, err := new(contents).decode(raw, path, ref.FullName())
		if err != nil {
			return nil, false, err
		}
		known = file{content: content, ok: true, at: now}
	}
	a.keepFile(ref, path, known)
	return known.content, known.ok, nil
}

// appOf returns the slug of the App whose bot a login is, as searches take it.
func appOf(login string) string {
	slug, _ := naming.AppOf(login)
	return slug
}
