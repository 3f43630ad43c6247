package github_test

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/demo"
	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/github"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/sandbox"
)

// minted is the way to an embedded GitHub; it notes what each token that was asked for may do, and
// where.
type minted struct {
	github http.Handler
	tokens []string
}

func (m *minted) RoundTrip(r *http.Request) (*http.Response, error) {
	in := r.Clone(r.Context())
	in.RequestURI = r.URL.RequestURI()
	body := []byte{}
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	in.Body = io.NopCloser(bytes.NewReader(body))
	if strings.HasSuffix(r.URL.Path, "/access_tokens") {
		var asked struct {
			Repositories []string
			Permissions  map[string]string
		}
		if err := json.Unmarshal(body, &asked); err != nil {
			return nil, err
		}
		var may []string
		for _, area := range slices.Sorted(maps.Keys(asked.Permissions)) {
			may = append(may, area+"="+asked.Permissions[area])
		}
		m.tokens = append(m.tokens, strings.Join(asked.Repositories, "+")+": "+strings.Join(may, " "))
	}
	rec := httptest.NewRecorder()
	m.github.ServeHTTP(rec, in)
	res := rec.Result()
	res.Request = r
	return res, nil
}

// post writes as alice.
func (m *minted) post(t *testing.T, path, body string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/api/v3/repos/"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer demo-alice")
	w := httptest.NewRecorder()
	if m.github.ServeHTTP(w, r); w.Code != http.StatusCreated && w.Code != http.StatusOK {
		t.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
}

// get reads as alice.
func (m *minted) get(path string) string {
	r := httptest.NewRequest(http.MethodGet, "/api/v3/repos/"+path, nil)
	r.Header.Set("Authorization", "Bearer demo-alice")
	w := httptest.NewRecorder()
	m.github.ServeHTTP(w, r)
	return w.Body.String()
}

// order orders a fault of the sandbox.
func (m *minted) order(t *testing.T, body string) {
	t.Helper()
	w := httptest.NewRecorder()
	m.github.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/sandbox/faults", strings.NewReader(body)))
	if w.Code >= 300 {
		t.Fatalf("%s: %d %s", body, w.Code, w.Body)
	}
}

func newMinted(t *testing.T) *minted {
	t.Helper()
	block, _ := pem.Decode(key())
	private, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	box, err := demo.New(sandbox.Options{URL: "https://github.test", AppID: 17, PrivateKey: private,
		Frozen: true,
		Files:  map[string]map[string]string{"acme/.github": {"firebreak.yml": "{}"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = box.Close() })
	m := &minted{github: box.Handler()}
	m.post(t, "acme/incidents/issues", `{"title":"It burns","labels":["incident"]}`)
	m.post(t, "acme/incidents/issues/1/comments", `{"body":"I see it"}`)
	m.post(t, "acme/platform/issues", `{"title":"A ticket"}`)
	return m
}

func (m *minted) app(t *testing.T, accounts ...string) *github.App {
	t.Helper()
	app, err := github.New(github.Options{BaseURL: "https://github.test", AppID: 17, PEM: key(),
		Transport: m, Accounts: accounts})
	if err != nil {
		t.Fatal(err)
	}
	return app
}

var (
	it     = incident.Ref{Owner: "acme", Repo: "incidents", Number: 1}
	ticket = incident.Ref{Owner: "acme", Repo: "platform", Number: 1}
)

// A token is asked for one repository, and for what the work there takes: whoever gets hold of one
// can do that and no more, for an hour. The embedded GitHub refuses what a token does not allow, so
// that each of these also is enough.
func TestATokenOpensOneRepositoryForOneKindOfWork(t *testing.T) {
	const (
		incidents = "incidents: issues=write members=read metadata=read pull_requests=write"
		tickets   = "platform: issues=write metadata=read"
		own       = "incidents: issues=write metadata=read"
		files     = "incidents: contents=read metadata=read"
		documents = "incidents: checks=write contents=write members=read metadata=read pull_requests=write"
		checks    = "incidents: checks=write metadata=read"
	)
	ctx, m := t.Context(), newMinted(t)
	none := func(ports.Written) bool { return false }
	since := time.Now().Add(-time.Hour)
	open := func(*ports.Snapshot, string) (incident.Cursor, bool) { return incident.Cursor{}, false }
	publication := ports.Publication{Branch: "postmortem/1",
		Files: map[string]string{"postmortems/a.md": "# A"}, Message: "Add it", Title: "A", Teams: []string{"platform"}}
	opened, err := m.app(t).OpenPullRequest(ctx, it, publication)
	if err != nil {
		t.Fatal(err)
	}
	pull := opened.Number
	pr, err := m.app(t).ReadPullRequest(ctx, it, pull)
	if err != nil {
		t.Fatal(err)
	}
	request := incident.Ref{Owner: "acme", Repo: "incidents", Number: pull}
	published := 0
	const comment = 7000001
	calls := []struct {
		method string
		want   string
		call   func(*github.App) error
	}{
		{"ReadIssue", incidents,
			func(a *github.App) error { _, err := a.ReadIssue(ctx, it, open); return err }},
		{"PeekIssue", incidents, func(a *github.App) error { _, err := a.PeekIssue(ctx, it); return err }},
		{"ReadTimeline", incidents,
			func(a *github.App) error { _, err := a.ReadTimeline(ctx, it); return err }},
		{"FindByEmail", incidents,
			func(a *github.App) error { _, err := a.FindByEmail(ctx, it, "dan@acme.example"); return err }},
		{"HasTeam", incidents,
			func(a *github.App) error { _, err := a.HasTeam(ctx, it, "platform"); return err }},
		{"CanRespond", incidents, func(a *github.App) error {
			_, err := a.CanRespond(ctx, it, "mallory", []string{"platform"})
			return err
		}},
		{"ReadFile", files, func(a *github.App) error { _, _, err := a.ReadFile(ctx, it, "README.md"); return err }},
		{"ReadFile", ".github: contents=read metadata=read", func(a *github.App) error {
			_, _, err := a.ReadFile(ctx, incident.Ref{Owner: "acme", Repo: ".github"}, "firebreak.yml")
			return err
		}},
		{"RepositoryID", incidents,
			func(a *github.App) error { _, err := a.RepositoryID(ctx, it); return err }},
		{"PostComment", incidents,
			func(a *github.App) error { _, err := a.PostComment(ctx, it, "x"); return err }},
		{"EditComment", incidents, func(a *github.App) error { return a.EditComment(ctx, it, comment, "y") }},
		{"PinComment", incidents, func(a *github.App) error { return a.PinComment(ctx, it, comment) }},
		{"AddReaction", incidents,
			func(a *github.App) error { return a.AddReaction(ctx, it, comment, "+1") }},
		{"HasReacted", incidents, func(a *github.App) error {
			is, err := a.HasReacted(ctx, it, comment, "+1")
			if other, otherErr := a.HasReacted(ctx, it, comment, "-1"); !is || other || otherErr != nil {
				t.Errorf("reacted with +1: %t, with -1: %t, %v", is, other, otherErr)
			}
			return err
		}},
		{"AddLabels", incidents,
			func(a *github.App) error { return a.AddLabels(ctx, it, []string{"drill"}) }},
		{"RemoveLabel", incidents, func(a *github.App) error { return a.RemoveLabel(ctx, it, "drill") }},
		{"Assign", incidents,
			func(a *github.App) error { _, err := a.Assign(ctx, it, []string{"alice"}); return err }},
		{"Unassign", incidents, func(a *github.App) error { return a.Unassign(ctx, it, []string{"alice"}) }},
		{"SetOpen", incidents,
			func(a *github.App) error { return a.SetOpen(ctx, it, false, "completed", 0) }},
		{"FindIncident", own,
			func(a *github.App) error { _, err := a.FindIncident(ctx, "acme/incidents", none); return err }},
		{"FindFolded", own, func(a *github.App) error { _, err := a.FindFolded(ctx, "acme/incidents", none); return err }},
		{"FindIssue", tickets,
			func(a *github.App) error { _, _, err := a.FindIssue(ctx, "acme/platform", none, since); return err }},
		{"OpenIssue", tickets, func(a *github.App) error {
			_, _, err := a.OpenIssue(ctx, "acme/platform",
				ports.NewIssue{Title: "x", Assignees: []string{"bob"}, Labels: []string{"follow-up"}})
			return err
		}},
		{"OpenIssue", "customer-globex: issues=write metadata=read", func(a *github.App) error {
			_, _, err := a.OpenIssue(ctx, "acme/customer-globex", ports.NewIssue{Title: "x"})
			return err
		}},
		// the one token opens the ticket, and makes it a sub-issue
		{"OpenIssue", "incidents+platform: issues=write metadata=read", func(a *github.App) error {
			_, id, err := a.OpenIssue(ctx, "acme/platform", ports.NewIssue{Title: "x", Parent: it})
			if err != nil {
				return err
			}
			return a.AddSubIssue(ctx, it, "acme/platform", id)
		}},
		{"AddSubIssue", "incidents+platform: issues=write metadata=read",
			func(a *github.App) error { return a.AddSubIssue(ctx, it, "acme/platform", 500002) }},
		{"CommentOnce", tickets,
			func(a *github.App) error { _, err := a.CommentOnce(ctx, ticket, ports.Once{Is: none}, "x"); return err }},
		{"CommentOnPull", incidents, func(a *github.App) error {
			_, err := a.CommentOnPull(ctx, request, ports.Once{Is: none}, "x")
			return err
		}},
		{"EditIssue", tickets, func(a *github.App) error {
			return a.EditIssue(ctx, ticket, ports.IssueEdit{Body: "x", State: "open"})
		}},
		{"ReadTicket", tickets,
			func(a *github.App) error { _, err := a.ReadTicket(ctx, ticket); return err }},
		{"ChangeTicket", tickets, func(a *github.App) error {
			return a.ChangeTicket(ctx, ticket, func(text string) string { return text + "." }, "bob", "alice")
		}},
		{"DeleteComment", own, func(a *github.App) error { return a.DeleteComment(ctx, it, comment) }},
		{"ReadFileAt", files,
			func(a *github.App) error { _, _, err := a.ReadFileAt(ctx, it, "README.md", pr.Head); return err }},
		{"ReportCheck", checks, func(a *github.App) error {
			return a.ReportCheck(ctx, it, ports.CheckRun{Commit: pr.Head, Name: "postmortem", Title: "x",
				Summary: "x"})
		}},
		{"OpenPullRequest", documents,
			func(a *github.App) error { _, err := a.OpenPullRequest(ctx, it, publication); return err }},
		// what it is made on was read by the token by which it is opened, and checked
		{"PrepareDocument", documents, func(a *github.App) error {
			fresh := publication
			published++
			fresh.Branch = fmt.Sprintf("postmortem/1%d", published)
			var err error
			if fresh.Ground, err = a.PrepareDocument(ctx, it, fresh.Branch, "README.md"); err != nil {
				return err
			}
			opened, err := a.OpenPullRequest(ctx, it, fresh)
			if err != nil {
				return err
			}
			return a.ReportCheck(ctx, it, ports.CheckRun{Commit: opened.Commit, Name: "postmortem", Title: "x",
				Summary: "x", IsOfDocument: true, IsFirst: true})
		}},
		{"FindPullRequest", documents,
			func(a *github.App) error { _, err := a.FindPullRequest(ctx, it, "postmortem/1"); return err }},
		{"ReadPullRequest", documents,
			func(a *github.App) error { _, err := a.ReadPullRequest(ctx, it, pull); return err }},
		{"ReadReviews", documents,
			func(a *github.App) error { _, _, err := a.ReadReviews(ctx, it, pull); return err }},
		{"WriteFiles", documents, func(a *github.App) error {
			_, err := a.WriteFiles(ctx, it, "postmortem/1", pr.Head, "x",
				map[string]string{"postmortems/a.md": "# B"})
			return err
		}},
		{"FindDocument", documents,
			func(a *github.App) error { _, err := a.FindDocument(ctx, it, "postmortems", "a", pr.Head); return err }},
		{"FindMerged", ": contents=read metadata=read pull_requests=read", func(a *github.App) error {
			_, err := a.FindMerged(ctx, ports.ChangeSpan{Ref: it, From: since, Until: since.Add(time.Hour)})
			return err
		}},
		{"ReadOwners", ": contents=read metadata=read pull_requests=read", func(a *github.App) error {
			_, err := a.ReadOwners(ctx, it, "acme/payments")
			return err
		}},
		{"ListFolder", files, func(a *github.App) error {
			_, err := a.ListFolder(ctx, it, "postmortems")
			return err
		}},
		{"ReadContents", files, func(a *github.App) error {
			_, err := a.ReadContents(ctx, it, []string{pr.Head})
			return err
		}},
		// an installation that has not granted deployments is asked for them once, and then for an hour not
		{"ReadChanges", ": actions=read contents=read deployments=read metadata=read pull_requests=read, then " +
			": contents=read metadata=read pull_requests=read",
			func(a *github.App) error {
				_, err := a.ReadChanges(ctx, ports.ChangeDetails{ChangeSpan: ports.ChangeSpan{Ref: it, From: since,
					Until: since.Add(time.Hour)}, Repos: []string{"acme/payments"},
					IsProduction: func(string) bool { return true }})
				return err
			}},
		{"ReadTexts", "incidents+payments: contents=read metadata=read", func(a *github.App) error {
			_, err := a.ReadTexts(ctx, it, "acme/payments", []string{"README.md"})
			return err
		}},
		{"ChangeFile", "incidents: contents=write metadata=read", func(a *github.App) error {
			_, err := a.ChangeFile(ctx, it, "README.md", "Change it",
				func(b []byte) ([]byte, error) { return append(b, "# more\n"...), nil })
			return err
		}},
		{"IsMember", "incidents: issues=write members=read metadata=read pull_requests=write", func(a *github.App) error {
			_, err := a.IsMember(ctx, it, "alice", []string{"platform"})
			return err
		}},
		{"FindRevert", "payments: contents=write members=read metadata=read pull_requests=write", func(a *github.App) error {
			_, err := a.FindRevert(ctx, "acme/payments", none, since)
			return err
		}},
		{"RevertPull", "payments: contents=write members=read metadata=read pull_requests=write", func(a *github.App) error {
			_, err := a.RevertPull(ctx, incident.Ref{Owner: "acme", Repo: "payments", Number: 4711}, "x", nil)
			var refusal *ports.Refusal
			if !errors.As(err, &refusal) || refusal.Status != 404 {
				return fmt.Errorf("a pull request that isn't there: %w", err)
			}
			return nil
		}},
		{"ReadRevert", "incidents: contents=write members=read metadata=read pull_requests=write", func(a *github.App) error {
			_, err := a.ReadRevert(ctx, incident.Ref{Owner: "acme", Repo: "incidents", Number: pull}, nil)
			return err
		}},

		// an installation that has not granted actions refuses the token, each time
		{"DefaultBranch", notGranted, func(a *github.App) error {
			_, err := a.DefaultBranch(ctx, it)
			return wantRefusal(err)
		}},
		{"FindFreezes", "incidents: contents=read metadata=read pull_requests=read", func(a *github.App) error {
			_, err := a.FindFreezes(ctx, it)
			return err
		}},
		{"ReadFreeze", "incidents: contents=read metadata=read pull_requests=read", func(a *github.App) error {
			_, _, err := a.ReadFreeze(ctx, it, 4711)
			return err
		}},
		{"WaitingPulls", "incidents: contents=read metadata=read pull_requests=read", func(a *github.App) error {
			_, err := a.WaitingPulls(ctx, it)
			return err
		}},
		{"ReadHead", "incidents: contents=read metadata=read pull_requests=read", func(a *github.App) error {
			_, _, err := a.ReadHead(ctx, incident.Ref{Owner: it.Owner, Repo: it.Repo, Number: 4711})
			return wantRefusal(err)
		}},
		{"SaveFreeze", strings.ReplaceAll(notGranted, "actions=", "administration="), func(a *github.App) error {
			_, err := a.SaveFreeze(ctx, ports.Freeze{Repo: it, Holder: "x"})
			return wantRefusal(err)
		}},
		{"DeleteFreeze", strings.ReplaceAll(notGranted, "actions=", "administration="), func(a *github.App) error {
			return wantRefusal(a.DeleteFreeze(ctx, it, 4711))
		}},
		{"StatusOf", strings.NewReplacer("actions=write metadata=read", "metadata=read statuses=write").Replace(notGranted), func(a *github.App) error {
			_, err := a.StatusOf(ctx, it, "0123", "x")
			return wantRefusal(err)
		}},
		{"SetStatus", strings.NewReplacer("actions=write metadata=read", "metadata=read statuses=write").Replace(notGranted), func(a *github.App) error {
			return wantRefusal(a.SetStatus(ctx, it, "0123", ports.CommitStatus{Context: "x", State: "success"}))
		}},
		{"WaitingGates", gatesNotGranted, func(a *github.App) error {
			_, err := a.WaitingGates(ctx, it, nil)
			return wantRefusal(err)
		}},
		{"ReadGate", gatesNotGranted, func(a *github.App) error {
			_, err := a.ReadGate(ctx, it, 4711, "production")
			return wantRefusal(err)
		}},
		{"GatedEnvironments", gatesNotGranted, func(a *github.App) error {
			_, err := a.GatedEnvironments(ctx, it)
			return wantRefusal(err)
		}},
		{"AnswerGate", gatesNotGranted, func(a *github.App) error {
			return wantRefusal(a.AnswerGate(ctx, ports.Gate{Repo: it, Run: 4711, Environment: "production"}, "approved", "x"))
		}},
		{"MergedHeads", "incidents: contents=read metadata=read pull_requests=read", func(a *github.App) error {
			_, err := a.MergedHeads(ctx, it, strings.Repeat("0", 40))
			return wantRefusal(err)
		}},
		{"StartRun", notGranted, func(a *github.App) error {
			_, err := a.StartRun(ctx, ports.NewRun{Repo: it, File: "gone.yml", Branch: "main"})
			return wantRefusal(err)
		}},
		{"FindRuns", notGranted, func(a *github.App) error {
			_, err := a.FindRuns(ctx, it, "gone.yml", since)
			return wantRefusal(err)
		}},
		{"ReadRun", notGranted, func(a *github.App) error {
			_, err := a.ReadRun(ctx, it, 4711)
			return wantRefusal(err)
		}},

		{"ReadIncidents", "incidents: issues=read metadata=read", func(a *github.App) error {
			_, err := a.ReadIncidents(ctx, "acme", "incidents", time.Time{}, func(int) {})
			return err
		}},
		{"ReadCard", "incidents: issues=read metadata=read", func(a *github.App) error {
			_, err := a.ReadCard(ctx, it, func(string) bool { return false })
			return err
		}},
		{"RateLimit", "incidents: issues=read metadata=read",
			func(a *github.App) error { _, _, _, err := a.RateLimit(ctx, "acme", "incidents"); return err }},
		{"ChangedSince", ": issues=read metadata=read pull_requests=read", func(a *github.App) error {
			_, err := a.ChangedSince(ctx, acme7001, since, github.Progress{})
			return err
		}},
		{"OpenIncidents", ": issues=read metadata=read pull_requests=read",
			func(a *github.App) error { _, err := a.OpenIncidents(ctx, acme7001, github.Progress{}); return err }},
		{"Probe", ": issues=read metadata=read pull_requests=read",
			func(a *github.App) error { return a.Probe(ctx, acme7001) }},
		{"OpenIncidentsIn", "incidents: issues=read metadata=read pull_requests=read",
			func(a *github.App) error { _, err := a.OpenIncidentsIn(ctx, "acme", "incidents"); return err }},
	}
	isCovered := map[string]bool{"IssueURL": true, "RateBudget": true, "FileURL": true, "RunsURL": true} // these ask nobody
	for _, c := range calls {
		isCovered[c.method] = true
		app := m.app(t)
		m.tokens = nil
		for range 2 { // the second time the token is there
			if err := c.call(app); err != nil {
				t.Errorf("%s: %v", c.method, err)
			}
			if c.method == "WriteFiles" {
				break // its branch has moved on
			}
		}
		if want := strings.Split(c.want, ", then "); !slices.Equal(m.tokens, want) {
			t.Errorf("%s asks for the tokens %q, want %q", c.method, m.tokens, want)
		}
	}
	if got := m.get("acme/incidents/issues/1/sub_issues"); !strings.Contains(got, "A ticket") {
		t.Errorf("the token for both repositories was not enough: the sub-issues are %s", got)
	}
	port := reflect.TypeFor[engine.GitHub]()
	for i := range port.NumMethod() {
		if name := port.Method(i).Name; !isCovered[name] {
			t.Errorf("which token %s asks for is not covered here", name)
		}
	}
}

// acme7001 is the embedded GitHub's installation.
var acme7001 = github.Installation{ID: 7001, Owner: "acme"}

// Where the operator says whose repositories are served, nothing is done in others', though the App
// is installed there.
func TestOnlyTheAccountsThatAreServedGetAToken(t *testing.T) {
	m := newMinted(t)
	if may, err := m.app(t, "Acme").CanRespond(t.Context(), it, "alice", nil); err != nil || !may {
		t.Errorf("an account that is served: %v %v", may, err)
	}
	m.tokens = nil
	others := m.app(t, "globex", "initech")
	if _, err := others.PostComment(t.Context(), it, "x"); !errors.Is(err, ports.ErrNoAccess) {
		t.Errorf("another account: %v", err)
	}
	if all, err := others.Installations(t.Context()); err != nil || len(all) > 0 {
		t.Errorf("the sweep of another account: %v %v", all, err)
	}
	if len(m.tokens) > 0 {
		t.Errorf("tokens were asked for: %q", m.tokens)
	}
}

// An error says what failed and where, and repeats neither a token nor the key, whatever GitHub
// answers.
func TestErrorsHoldNoTokenAndNoKey(t *testing.T) {
	const token = "ghs_17_s3cr3t.t0k3n"
	for name, status := range map[string]int{"401": 401, "403": 403, "404": 404, "422": 422, "500": 500,
		"no answer": 0} {
		for _, step := range []string{"/app", "/installation", "/access_tokens", "/issues/1"} {
			var jwts []string
			transport := roundTrip(func(r *http.Request) (*http.Response, error) {
				auth := r.Header.Get("Authorization")
				jwts = append(jwts, strings.TrimPrefix(auth, "Bearer "))
				body, code := `{"id":17,"slug":"firebreak"}`, http.StatusOK
				if strings.HasSuffix(r.URL.Path, "/access_tokens") {
					body, code = fmt.Sprintf(`{"token":%q,"expires_at":%q}`, token,
						time.Now().Add(time.Hour).Format(time.RFC3339)), http.StatusCreated
				}
				if strings.HasSuffix(r.URL.Path, step) {
					if status == 0 {
						return nil, fmt.Errorf("dial tcp: connection refused")
					}
					body, code = `{"message":"no"}`, status
				}
				return &http.Response{StatusCode: code, Status: fmt.Sprint(code),
					Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
			})
			var log bytes.Buffer
			app, err := github.New(github.Options{BaseURL: "https://github.test", AppID: 17, PEM: key(),
				Transport: transport, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			if err != nil {
				t.Fatal(err)
			}
			_, err = app.PostComment(t.Context(), it, "x")
			_, err2 := app.ReadIssue(t.Context(), it, func(*ports.Snapshot, string) (incident.Cursor,
				bool) {
				return incident.Cursor{}, false
			})
			text := fmt.Sprint(err, err2, log.String())
			secrets := append(jwts, token)
			for line := range strings.Lines(string(key())) {
				secrets = append(secrets, strings.TrimSpace(line))
			}
			for _, s := range secrets {
				if len(s) > 4 && strings.Contains(text, s) {
					t.Errorf("%s at %s: %s repeats %s", name, step, text, s)
				}
			}
		}
	}
	if _, err := github.New(github.Options{AppID: 17,
		PEM: []byte("-----BEGIN RSA PRIVATE KEY-----\ns3cr3t\n-----END RSA PRIVATE KEY-----")}); err == nil || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("a key that is none: %v", err)
	}
}

// An App that is removed and installed again has another installation, and goes on by it without a
// restart: also while a token of the old one would still be good, and once for each request that it
// does not know the answer to.
func TestAnAppThatIsInstalledAgainGoesOn(t *testing.T) {
	t.Parallel()
	installed, expiry, later := 7, time.Hour, time.Duration(0)
	now := func() time.Time { return time.Now().Add(later) }
	var asked []string
	transport := roundTrip(func(r *http.Request) (*http.Response, error) {
		path := strings.TrimPrefix(r.URL.Path, "/api/v3/")
		asked = append(asked, path)
		body, code := `{"message":"Not Found"}`, http.StatusNotFound
		switch path {
		case "repos/acme/incidents/installation":
			if installed != 0 {
				body, code = fmt.Sprintf(`{"id":%d}`, installed), http.StatusOK
			}
		case fmt.Sprintf("app/installations/%d/access_tokens", installed):
			body, code = fmt.Sprintf(`{"token":"ghs_%d","expires_at":%q}`, installed,
				now().Add(expiry).Format(time.RFC3339)), http.StatusCreated
		case "repos/acme/incidents/issues/1/comments":
			sent, err := io.ReadAll(r.Body)
			if err != nil || !strings.Contains(string(sent), "It burns") {
				t.Errorf("the comment is %q (%v)", sent, err)
			}
			if body, code = `{"message":"Bad credentials"}`, http.StatusUnauthorized; r.Header.Get("Authorization") == fmt.Sprintf("token ghs_%d", installed) {
				body, code = `{"id":4711}`, http.StatusCreated
			}
		}
		return &http.Response{StatusCode: code, Status: fmt.Sprint(code),
			Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	})
	app, err := github.New(github.Options{BaseURL: "https://github.test", AppID: 17, PEM: key(),
		Transport: transport, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	const lookup, comment = "repos/acme/incidents/installation", "repos/acme/incidents/issues/1/comments"
	mint := func(id int) string { return fmt.Sprintf("app/installations/%d/access_tokens", id) }
	for _, step := range []struct {
		what      string
		installed int
		expiry    time.Duration // of the token that is given
		asks      []string
		gone      bool
	}{
		{what: "at first", installed: 7, expiry: time.Hour, asks: []string{lookup, mint(7), comment}},
		{what: "again", installed: 7, expiry: time.Hour, asks: []string{comment}},
		{what: "installed anew while a token is out", installed: 8, expiry: time.Second,
			asks: []string{comment, lookup, mint(8), comment}},
		{what: "installed anew once it is over", installed: 9, expiry: time.Hour,
			asks: []string{mint(8), lookup, mint(9), comment}},
		{what: "and after that", installed: 9, expiry: time.Hour, asks: []string{comment}},
		{what: "removed", installed: 0, asks: []string{comment, lookup}, gone: true},
		{what: "and still", installed: 0, asks: []string{lookup}, gone: true},
		{what: "installed again", installed: 10, expiry: time.Hour,
			asks: []string{lookup, mint(10), comment}},
	} {
		installed, expiry, asked = step.installed, step.expiry, nil
		later += 2 * time.Second
		if _, err := app.PostComment(t.Context(), it, "It burns"); (err != nil) != step.gone {
			t.Errorf("%s: %v", step.what, err)
		}
		if !slices.Equal(asked, step.asks) {
			t.Errorf("%s: it asks for %q, want %q", step.what, asked, step.asks)
		}
	}
}

// A token is refused by the name of its repository, and nobody can say now whether that has another one,
// or where the App is installed: that is an outage, or a refusal, and doesn't mean that the App is
// installed nowhere (A8).
func TestA8WhatARefusedTokenMeansMayNotBeKnown(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		refused, name, installation int // status of the token, and of the questions what that means
		want                        string
	}{
		{422, 502, 200, "away"}, {422, 401, 200, "away"}, {422, 403, 200, "later"}, {422, 404, 200, "not installed"},
		{422, 200, 200, "fine"}, {422, 404, 502, "away"}, {422, 404, 403, "refused"}, {422, 404, 404, "not installed"},
		{404, 404, 502, "away"}, {404, 404, 403, "refused"}, {404, 404, 404, "not installed"}, {404, 404, 200, "not installed"},
	} {
		t.Run(fmt.Sprintf("%d, then %d and %d", tt.refused, tt.name, tt.installation), func(t *testing.T) {
			lookups := 0
			transport := roundTrip(func(r *http.Request) (*http.Response, error) {
				body, code := `{"message":"Not Found"}`, http.StatusNotFound
				switch path := strings.TrimPrefix(r.URL.Path, "/api/v3/"); path {
				case "repos/acme/incidents/installation":
					if lookups++; lookups > 1 {
						code = tt.installation
					} else {
						code = http.StatusOK
					}
					if code == http.StatusOK {
						body = `{"id":7}`
					}
				case "app/installations/7/access_tokens":
					asked, err := io.ReadAll(r.Body)
					if err != nil {
						t.Error(err)
					}
					if strings.Contains(string(asked), `"incidents"`) {
						body, code = `{"message":"There is at least one repository that does not exist"}`, tt.refused
						break
					}
					body, code = fmt.Sprintf(`{"token":"ghs_7","expires_at":%q}`,
						time.Now().Add(time.Hour).Format(time.RFC3339)), http.StatusCreated
				case "repos/acme/incidents":
					if code = tt.name; code == http.StatusOK {
						body = `{"id":3001,"full_name":"acme/p1"}`
					}
				case "repos/acme/incidents/issues/1/comments":
					body, code = `{"id":4711}`, http.StatusCreated
				}
				return answered(r, code, body), nil
			})
			app, err := github.New(github.Options{BaseURL: "https://github.test", AppID: 17, PEM: key(),
				Transport: transport})
			if err != nil {
				t.Fatal(err)
			}
			_, err = app.PostComment(t.Context(), it, "It burns")
			got, refusal := "fine", (*ports.Refusal)(nil)
			switch {
			case errors.Is(err, ports.ErrNotYet): // a token that was made just now may lack what it is for
				got = "later"
			case errors.Is(err, ports.ErrUnavailable):
				got = "away"
			case errors.As(err, &refusal) && refusal.NotInstalled:
				got = "not installed"
			case errors.As(err, &refusal):
				got = "refused"
			case err != nil:
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("%s, want %s: %v", got, tt.want, err)
			}
		})
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// An account that took the old name of another one has an installation of its own: its repositories
// are worked in by that, and by no token of the account that was renamed.
func TestANameThatAnotherAccountTookOver(t *testing.T) {
	t.Parallel()
	owner, isThere, later, lookups := 7, true, time.Duration(0), 0
	now := func() time.Time { return time.Now().Add(later) }
	transport := roundTrip(func(r *http.Request) (*http.Response, error) {
		body, code := `{"message":"Not Found"}`, http.StatusNotFound
		switch path := strings.TrimPrefix(r.URL.Path, "/api/v3/"); path {
		case "repos/acme/incidents/installation":
			lookups++
			body, code = fmt.Sprintf(`{"id":%d}`, owner), http.StatusOK
		case "app/installations/7/access_tokens", "app/installations/9/access_tokens":
			asked, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			id := strings.Split(path, "/")[2]
			// it has no such repository
			if strings.Contains(string(asked), "incidents") && (id != fmt.Sprint(owner) || !isThere) {
				body, code = `{"message":"There is at least one repository that does not exist or is not accessible to the parent installation."}`, http.StatusUnprocessableEntity
				break
			}
			body, code = fmt.Sprintf(`{"token":"ghs_%s","expires_at":%q}`, id,
				now().Add(time.Hour).Format(time.RFC3339)), http.StatusCreated
		case "repos/acme/incidents/issues/1/comments":
			if r.Header.Get("Authorization") == fmt.Sprintf("token ghs_%d", owner) {
				body, code = `{"id":4711}`, http.StatusCreated
			}
		}
		return &http.Response{StatusCode: code, Status: fmt.Sprint(code),
			Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	})
	app, err := github.New(github.Options{BaseURL: "https://github.test", AppID: 17, PEM: key(),
		Transport: transport, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := app.PostComment(t.Context(), it, "It burns"); err != nil {
		t.Fatal(err)
	}
	owner = 9 // acme became acme2, and somebody else is acme
	if _, err := app.PostComment(t.Context(), it, "It burns"); err == nil {
		t.Error("a token of the account that was renamed opens the other's repository")
	}
	later += 2 * time.Hour // its tokens ran out
	before := lookups
	if _, err := app.PostComment(t.Context(), it, "It burns"); err != nil || lookups > before+2 {
		t.Errorf("by the new account's installation: %v after %d lookups", err, lookups-before)
	}
	// Whoever has no such repository is not looked up again and again.
	isThere, later = false, later+2*time.Hour
	before = lookups
	for range 50 {
		if _, err := app.PostComment(t.Context(), it, "It burns"); err == nil {
			t.Fatal("it has no such repository")
		}
	}
	if lookups > before+3 {
		t.Errorf("%d lookups within a minute", lookups-before)
	}
}
