package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// browser is somebody in front of the pages.
type browser struct {
	t      *testing.T
	pages  http.Handler
	person string
}

func (b browser) as(person string) browser { b.person = person; return b }

func (b browser) do(method, target string, form url.Values) *httptest.ResponseRecorder {
	b.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(form.Encode()))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.AddCookie(&http.Cookie{Name: "person", Value: b.person})
	w := httptest.NewRecorder()
	b.pages.ServeHTTP(w, r)
	return w
}

// page fetches a page that must be there.
func (b browser) page(target string) string {
	b.t.Helper()
	w := b.do(http.MethodGet, target, nil)
	if w.Code != http.StatusOK {
		b.t.Fatalf("%s: GET %s answers %d", b.person, target, w.Code)
	}
	return w.Body.String()
}

// press sends a form that must succeed, and returns where it leads.
func (b browser) press(target string, form url.Values) string {
	b.t.Helper()
	w := b.do(http.MethodPost, target, form)
	if w.Code != http.StatusSeeOther {
		b.t.Fatalf("%s: POST %s %v answers %d: %s", b.person, target, form, w.Code, flashOf(w.Body.String()))
	}
	return w.Header().Get("Location")
}

func flashOf(page string) string {
	_, flash, _ := strings.Cut(page, `id="flash"`)
	flash, _, _ = strings.Cut(flash, "</div></div>")
	return flash
}

// has and hasNot look for a piece of a page.
func has(t *testing.T, page string, pieces ...string) {
	t.Helper()
	for _, piece := range pieces {
		if !strings.Contains(page, piece) {
			t.Errorf("the page lacks %q", piece)
		}
	}
}

func hasNot(t *testing.T, page string, pieces ...string) {
	t.Helper()
	for _, piece := range pieces {
		if strings.Contains(page, piece) {
			t.Errorf("the page has %q", piece)
		}
	}
}

// pageWorld is a small GitHub with the people that the sandbox has, and a browser in it.
func pageWorld(t *testing.T) (*forge.Forge, browser) {
	t.Helper()
	now := time.Date(2026, 11, 24, 10, 41, 0, 0, time.UTC)
	f := forge.New("http://sandbox.test")
	f.Now = func() time.Time { return now }
	f.App = &forge.App{ID: 1, Slug: "robot", Login: "robot[bot]", Name: "Robot", Owner: "acme", Events: forge.DefaultEvents, Created: now}

	m := forge.Model{IDs: map[string]int64{}, Created: now}
	for n, login := range []string{"acme", "alice", "bob", "carol", "dan", "erin", "mallory", "gina"} {
		kind := forge.KindUser
		if n == 0 {
			kind = forge.KindOrganization
		}
		m.Users = append(m.Users, &forge.User{ID: int64(1001 + n), Login: login, Kind: kind, Created: now})
	}
	m.Teams = []*forge.Team{{ID: 2001, Org: "acme", Slug: "platform", Name: "platform", Members: []string{"alice", "bob"}},
		{ID: 2002, Org: "acme", Slug: "incident-coordinators", Name: "incident-coordinators", Members: []string{"carol", "dan"}}}
	for n, name := range []string{"incidents", "platform", "customer-globex"} {
		m.Repos = append(m.Repos, pageRepository(t, int64(3001+n), name, now))
	}
	if err := f.Restore(m); err != nil {
		t.Fatal(err)
	}
	pages := New(f, func(d time.Duration) error {
		f.Lock()
		defer f.Unlock()
		now = now.Add(d)
		return nil
	}, nil, nil, nil)
	return f, browser{t: t, pages: pages, person: "alice"}
}

// pageRepository is a repository with labels and files.
func pageRepository(t *testing.T, id int64, name string, now time.Time) *forge.Repository {
	t.Helper()
	r := &forge.Repository{ID: id, Owner: "acme", Name: name, Private: name != "platform", DefaultBranch: "main", Created: now, Git: forge.NewGit(),
		People: map[string]forge.Role{"mallory": forge.RoleRead}, Teams: map[string]forge.Role{"platform": forge.RoleWrite, "incident-coordinators": forge.RoleWrite}}
	if name == "customer-globex" {
		r.People["gina"] = forge.RoleWrite
	}
	for n, l := range []string{"incident", "phase/identify", "phase/investigate", "drill"} {
		r.Labels = append(r.Labels, &forge.Label{ID: 10*id + int64(n), Name: l, Color: "1d76db"})
	}
	tree := ""
	for path, content := range map[string]string{"README.md": "# " + name, ".github/ISSUE_TEMPLATE/incident.yml": sampleForm, "docs/a.txt": "one\ntwo\n"} {
		var err error
		if tree, err = r.Git.SetEntry(tree, path, forge.TreeEntry{Mode: forge.ModeFile, SHA: r.Git.PutBlob([]byte(content))}); err != nil {
			t.Fatal(err)
		}
	}
	r.Git.Refs["refs/heads/main"] = r.Git.PutCommit(&forge.Commit{Tree: tree, Message: "Set up", Login: "alice", Author: forge.Signature{Name: "alice", At: now}, Committer: forge.Signature{Name: "alice", At: now}})
	return r
}

// repoNamed finds a repository of acme's.
func repoNamed(t *testing.T, f *forge.Forge, name string) *forge.Repository {
	t.Helper()
	r, ok := f.FindRepository("acme/" + name)
	if !ok {
		t.Fatalf("there is no repository %s", name)
	}
	return r
}

func (b browser) openIssue(repo, title, body string) string {
	b.t.Helper()
	return b.press("/"+repo+"/issues/new", url.Values{"issue-title": {title}, "body": {body}})
}
