package gh

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// How long answers are kept: who may respond, and a file before it is asked for again.
const (
	keepPeople = 5 * time.Minute
	keepFile   = time.Minute
)

type permission struct {
	may bool
	at  time.Time
}

type file struct {
	content []byte
	ok      bool
	at      time.Time
}

// May tells whether somebody may respond. It implements engine.GitHub.
func (a *App) May(ctx context.Context, ref incident.Ref, login string, teams []string) (bool, error) {
	key := strings.ToLower(ref.FullName() + " " + login + " " + strings.Join(teams, " "))
	now := a.o.Now()
	a.mu.Lock()
	known, ok := a.people[key]
	a.mu.Unlock()
	if ok && now.Sub(known.at) < keepPeople && !now.Before(known.at) {
		return known.may, nil
	}
	may, err := a.ask(ctx, ref, login, teams)
	if err != nil {
		return false, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.people[key] = permission{may: may, at: now}
	return may, nil
}

// ask asks GitHub: the repository's own answer first, since it counts every way in which somebody has access. What the
// webhook calls author_association says who is visible, not who may.
func (a *App) ask(ctx context.Context, ref incident.Ref, login string, teams []string) (bool, error) {
	c, err := a.of(ctx, incidents, ref)
	if err != nil {
		return false, err
	}
	var answer struct {
		Permission string `json:"permission"`
	}
	_, err = call(ctx, c, http.MethodGet, repoPath(ref)+"/collaborators/"+url.PathEscape(login)+"/permission", nil, &answer)
	if err != nil && status(err) != http.StatusNotFound {
		return false, fail("ask what "+login+" may do", ref.FullName(), err)
	}
	// permission folds triage into read and maintain into write, which is the line that is drawn here.
	if err == nil && (answer.Permission == "write" || answer.Permission == "admin") {
		return true, nil
	}
	for _, team := range teams {
		var member struct {
			State string `json:"state"`
		}
		_, err := call(ctx, c, http.MethodGet, fmt.Sprintf("orgs/%s/teams/%s/memberships/%s", url.PathEscape(ref.Owner), url.PathEscape(team), url.PathEscape(login)), nil, &member)
		if err != nil && status(err) != http.StatusNotFound {
			return false, fail("ask whether "+login+" is in "+team, ref.Owner, err)
		}
		if err == nil && member.State == "active" {
			return true, nil
		}
	}
	return false, nil
}

// File reads a file of the default branch. It implements engine.GitHub.
func (a *App) File(ctx context.Context, ref incident.Ref, path string) ([]byte, bool, error) {
	key := strings.ToLower(ref.FullName()) + "/" + path
	now := a.o.Now()
	a.mu.Lock()
	known, cached := a.files[key]
	a.mu.Unlock()
	if cached && now.Sub(known.at) < keepFile && !now.Before(known.at) {
		return known.content, known.ok, nil
	}
	c, err := a.of(ctx, files, ref)
	if err != nil {
		return nil, false, err
	}
	req, err := c.NewRequest(http.MethodGet, repoPath(ref)+"/contents/"+path, nil)
	if err != nil {
		return nil, false, err
	}
	var answer struct {
		Content string `json:"content"`
	}
	_, err = c.Do(ctx, req, &answer)
	switch {
	case status(err) == http.StatusNotFound:
		known = file{at: now}
	case err != nil:
		return nil, false, fail("read "+path, ref.FullName(), err)
	default:
		content, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(answer.Content, "\n", ""))
		if err != nil {
			return nil, false, fmt.Errorf("read %s of %s: %w", path, ref.FullName(), err)
		}
		known = file{content: content, ok: true, at: now}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.files[key] = known
	return known.content, known.ok, nil
}
