package github_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/github"
)

// line is the way to an embedded GitHub, on which requests are counted and answers get lost.
type line struct {
	next http.RoundTripper
	seen []string // "METHOD path", but for tokens and installations
	// fault reports what is done with the answer to a request: "" for nothing, "lost", or another answer
	fault func(method, path, body string) string
}

func (l *line) RoundTrip(r *http.Request) (*http.Response, error) {
	body := ""
	if r.Body != nil {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body, body = io.NopCloser(bytes.NewReader(text)), string(text)
	}
	what := ""
	if path := strings.TrimPrefix(r.URL.Path, "/api"); !strings.Contains(path, "/app") && !strings.HasSuffix(path, "/installation") {
		l.seen = append(l.seen, r.Method+" "+strings.TrimPrefix(strings.TrimPrefix(path, "/v3"), "/repos/acme/incidents"))
		if l.fault != nil {
			what = l.fault(r.Method, path, body)
		}
	}
	if strings.HasPrefix(what, "{") {
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
			Body: io.NopCloser(strings.NewReader(what)), Request: r}, nil
	}
	res, err := l.next.RoundTrip(r)
	if what == "lost" && err == nil {
		res.Body.Close()
		return nil, errors.New("connection reset")
	}
	return res, err
}

// take returns what was asked since the last time.
func (l *line) take() []string {
	seen := l.seen
	l.seen = nil
	return seen
}

func newLine(t *testing.T) (*minted, *line, *github.App) {
	t.Helper()
	m := newMinted(t)
	l := &line{next: m}
	app, err := github.New(github.Options{BaseURL: "https://github.test", AppID: 17, PEM: key(), Transport: l,
		Unlimited: true})
	if err != nil {
		t.Fatal(err)
	}
	return m, l, app
}

// commit commits a file to the default branch as alice.
func (m *minted) commit(t *testing.T, path, mode, content string) {
	t.Helper()
	sha := func(answer string) string {
		var v struct {
			SHA    string
			Object struct{ SHA string }
		}
		if err := json.Unmarshal([]byte(answer), &v); err != nil {
			t.Fatal(err)
		}
		return v.SHA + v.Object.SHA
	}
	post := func(to string, v any) string {
		body, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "/api/v3/repos/acme/incidents/git/"+to, bytes.NewReader(body))
		if to == "refs/heads/main" {
			r.Method = http.MethodPatch
		}
		r.Header.Set("Authorization", "Bearer demo-alice")
		w := httptest.NewRecorder()
		if m.github.ServeHTTP(w, r); w.Code >= 300 {
			t.Fatalf("%s: %d %s", to, w.Code, w.Body)
		}
		return sha(w.Body.String())
	}
	head := sha(m.get("acme/incidents/git/ref/heads/main"))
	tree := post("trees", map[string]any{"base_tree": head,
		"tree": []map[string]string{{"path": path, "mode": mode, "type": "blob", "content": content}}})
	commit := post("commits", map[string]any{"message": "x", "tree": tree, "parents": []string{head}})
	post("refs/heads/main", map[string]string{"sha": commit})
}

const templatePath = ".github/firebreak/postmortem.md"

var document = ports.Publication{Branch: "postmortem/1", Message: "Add it\n\nIt is over.", Title: "A", Body: "B",
	Files:     map[string]string{"postmortems/a.md": "# A", "postmortems/a.json": "{}"},
	Reviewers: []string{"alice", "bob"}, Teams: []string{"platform"}}

// publish prepares the document's pull request, opens it, and returns it.
func publish(t *testing.T, app *github.App) (opened ports.OpenedPull, err error) {
	t.Helper()
	p := document
	if p.Ground, err = app.PrepareDocument(t.Context(), it, p.Branch, templatePath); err != nil {
		return opened, err
	}
	return app.OpenPullRequest(t.Context(), it, p)
}

// wantPublished checks that there is one pull request, whose one commit has the document.
func wantPublished(t *testing.T, app *github.App, number int) {
	t.Helper()
	ctx := t.Context()
	pr, err := app.ReadPullRequest(ctx, it, number)
	if err != nil || !pr.Open || !pr.ByApp || pr.Base != "main" {
		t.Fatalf("the pull request is %+v, %v", pr, err)
	}
	c, err := app.Repository(ctx, it.Owner, it.Repo)
	if err != nil {
		t.Fatal(err)
	}
	commits, _, err := c.PullRequests.ListCommits(ctx, it.Owner, it.Repo, number, nil)
	if err != nil || len(commits) != 1 || commits[0].GetCommit().GetMessage() != document.Message {
		t.Errorf("its commits are %v, %v", commits, err)
	}
	for name, want := range document.Files {
		got, _, err := app.ReadFileAt(ctx, it, name, pr.Head)
		if err != nil || string(got) != want {
			t.Errorf("%s is %q, %v", name, got, err)
		}
	}
	pulls, _, err := c.PullRequests.List(ctx, it.Owner, it.Repo, nil)
	if err != nil || len(pulls) != 1 {
		t.Errorf("there are %d pull requests, %v", len(pulls), err)
	}
	if pull := pulls[0]; len(pull.RequestedReviewers) != 2 || len(pull.RequestedTeams) != 1 {
		t.Errorf("asked for a review are %v and %v", pull.RequestedReviewers, pull.RequestedTeams)
	}
}

// A postmortem is published in four calls: what it is made on, with the template; the branch, its commit and
// its pull request; the reviews; the check.
func TestAPostmortemIsPublishedInFourCalls(t *testing.T) {
	_, l, app := newLine(t)
	opened, err := publish(t, app)
	if err != nil || opened.Commit == "" {
		t.Fatalf("opened %+v, %v", opened, err)
	}
	if _, ok, err := app.ReadFile(t.Context(), it, templatePath); ok || err != nil {
		t.Errorf("the template is there: %v, %v", ok, err)
	}
	check := ports.CheckRun{Commit: opened.Commit, Name: "postmortem", Title: "x", Summary: "x", IsOfDocument: true,
		IsFirst: true}
	if err := app.ReportCheck(t.Context(), it, check); err != nil {
		t.Fatal(err)
	}
	want := []string{"POST /graphql", "POST /graphql", "POST /pulls/2/requested_reviewers", "POST /check-runs"}
	if got := l.take(); !slices.Equal(got, want) {
		t.Errorf("GitHub was asked %q, want %q", got, want)
	}
	wantPublished(t, app, opened.Number)

	l.take()
	check.IsFirst = false
	if err := app.ReportCheck(t.Context(), it, check); err != nil {
		t.Fatal(err)
	}
	if got := l.take(); len(got) != 1 || !strings.HasPrefix(got[0], "GET /commits/") {
		t.Errorf("said again, the check takes %q", got)
	}
}

// A template comes with it; a link, whose text is the name of another file, is read as GitHub follows it.
func TestThePostmortemsTemplateComesWithWhatItIsMadeOn(t *testing.T) {
	for name, mode := range map[string]string{"a file": "100644", "a link": "120000"} {
		t.Run(name, func(t *testing.T) {
			m, l, app := newLine(t)
			m.commit(t, templatePath, mode, "# Ours")
			if _, err := app.PrepareDocument(t.Context(), it, "postmortem/1", templatePath); err != nil {
				t.Fatal(err)
			}
			l.take()
			content, ok, err := app.ReadFile(t.Context(), it, templatePath)
			asked := l.take()
			if mode == "100644" && (err != nil || !ok || string(content) != "# Ours" || len(asked) != 0) {
				t.Errorf("the template is %q, %v, %v after %q", content, ok, err, asked)
			}
			if mode != "100644" && len(asked) != 1 {
				t.Errorf("a link is not read: %q", asked)
			}
		})
	}
}

// Whatever fails half way is carried on by the next try, once: nothing is lost, and nothing is there twice.
func TestA4APostmortemIsPublishedOnceWhateverFails(t *testing.T) {
	isMutation := func(body string) bool { return strings.Contains(body, "mutation") }
	refused := func(what string) string { return `{"errors":[{"message":"` + what + `"}]}` }
	for name, fault := range map[string]func(path, body string) string{
		"the answer of what makes it is lost": func(path, body string) string {
			return map[bool]string{true: "lost"}[path == "/graphql" && isMutation(body)]
		},
		"what reads is not answered": func(path, body string) string {
			return map[bool]string{true: "lost"}[path == "/graphql" && !isMutation(body)]
		},
		"an older server": func(path, body string) string {
			return map[bool]string{true: refused("Field 'createCommitOnBranch' doesn't exist on type 'Mutation'")}[path ==
				"/graphql" && isMutation(body)]
		},
		"no answer about the reviews": func(path, _ string) string {
			return map[bool]string{true: "lost"}[strings.HasSuffix(path, "/requested_reviewers")]
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, l, app := newLine(t)
			faults := 0
			l.fault = func(_, path, body string) string {
				what := fault(path, body)
				if what == "" || faults > 0 {
					return ""
				}
				faults++
				return what
			}
			opened, err := publish(t, app)
			for try := 0; err != nil && try < 3; try++ {
				opened, err = publish(t, app)
			}
			if err != nil || faults != 1 {
				t.Fatalf("after %d faults: %v", faults, err)
			}
			wantPublished(t, app, opened.Number)
		})
	}
}

// What was read may be older than what is there: a look before made it, or a part of it.
func TestA4APostmortemThatIsThereIsKept(t *testing.T) {
	for name, before := range map[string]func(*testing.T, *minted, *github.App, ports.Ground){
		"its branch": func(t *testing.T, m *minted, _ *github.App, on ports.Ground) {
			m.post(t, "acme/incidents/git/refs", `{"ref":"refs/heads/postmortem/1","sha":"`+on.Head+`"}`)
		},
		"its pull request": func(t *testing.T, _ *minted, app *github.App, _ ports.Ground) {
			if _, err := publish(t, app); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			m, _, app := newLine(t)
			p := document
			var err error
			if p.Ground, err = app.PrepareDocument(t.Context(), it, p.Branch, templatePath); err != nil {
				t.Fatal(err)
			}
			before(t, m, app, p.Ground)
			opened, err := app.OpenPullRequest(t.Context(), it, p)
			if err != nil {
				t.Fatal(err)
			}
			wantPublished(t, app, opened.Number)
		})
	}
}

// Where one of those who are asked can't be, the others are asked all the same.
func TestAReviewerWhomGitHubRefusesLosesNoOther(t *testing.T) {
	_, _, app := newLine(t)
	p := document
	p.Reviewers = []string{"alice", "somebody-else", "bob"}
	opened, err := app.OpenPullRequest(t.Context(), it, p)
	if err != nil {
		t.Fatal(err)
	}
	wantPublished(t, app, opened.Number)
}

// Who can't be assigned is left out; whoever can is not asked about before.
func TestATicketIsOpenedForThoseWhoCanBeAssigned(t *testing.T) {
	for _, c := range []struct {
		who  []string
		want []string
	}{
		{[]string{"alice", ""}, []string{"POST /issues"}},
		{[]string{"somebody-else"}, []string{"POST /issues", "GET /assignees/somebody-else", "POST /issues"}},
	} {
		_, l, app := newLine(t)
		number, _, err := app.OpenIssue(t.Context(), "acme/incidents", ports.NewIssue{Title: "x", Assignees: c.who, Parent: it})
		if err != nil || number == 0 {
			t.Fatalf("%v: %d, %v", c.who, number, err)
		}
		if got := l.take(); !slices.Equal(got, c.want) {
			t.Errorf("%v: GitHub was asked %q, want %q", c.who, got, c.want)
		}
	}
}
