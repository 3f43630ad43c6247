package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"flag"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox/contract"
)

// cli is GitHub's own command line at a sandbox.
type cli struct {
	*github
	path string
	env  []string
}

// newCLI starts a sandbox behind TLS, as the command line speaks to a server of an enterprise. It
// skips the test where the command line isn't installed, and in CI fails it.
func newCLI(t *testing.T) *cli {
	t.Helper()
	path, err := exec.LookPath("gh")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("GitHub's command line isn't installed (apt-get install gh): %v", err)
		}
		t.Skipf("GitHub's command line isn't installed (apt-get install gh): %v", err)
	}
	g := &github{t: t, tokens: map[string]string{}, until: map[string]time.Time{}, vars: map[string]string{}}
	var handler http.Handler
	server := httptest.NewTLSServer(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }),
	)
	t.Cleanup(server.Close)
	g.url = server.URL
	g.client = server.Client()
	if g.box, err = New(Options{
		URL: g.url, WebhookSecret: "a secret of the tests", PrivateKey: testKey(), Frozen: true, Start: testStart,
		Labels: map[string][]Label{"acme/incidents": givenLabels},
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.close)
	handler = recorder(t, contract.Middleware(t, g.box.Handler()))

	home := t.TempDir()
	trusted := filepath.Join(home, "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(trusted, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return &cli{github: g, path: path, env: []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "GH_CONFIG_DIR=" + home, "SSL_CERT_FILE=" + trusted,
		"GH_HOST=" + strings.TrimPrefix(g.url, "https://"),
		"GH_PROMPT_DISABLED=1", "GH_NO_UPDATE_NOTIFIER=1", "NO_COLOR=1", "GH_PAGER=cat",
	}}
}

// run runs the command line as somebody, and returns what it writes to both of its outputs.
func (c *cli) run(who, input string, args ...string) (said string, err error) {
	c.t.Helper()
	ctx, stop := context.WithTimeout(c.t.Context(), time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, c.path, args...)
	var out bytes.Buffer
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = c.t.TempDir(), strings.NewReader(input), &out, &out
	cmd.Env = append(c.env, "GH_ENTERPRISE_TOKEN=demo-"+who)
	err = cmd.Run()
	return out.String(), err
}

// says runs the command line, which must succeed and say each of want.
func (c *cli) says(who string, args []string, want ...string) {
	c.t.Helper()
	said, err := c.run(who, "", args...)
	if err != nil {
		c.t.Errorf("gh %v as %s: %v\n%s", args, who, err, said)
		return
	}
	for _, w := range want {
		if !strings.Contains(said, w) {
			c.t.Errorf("gh %v as %s does not say %q:\n%s", args, who, w, said)
		}
	}
}

// refused runs the command line, which must fail and say want.
func (c *cli) refused(who string, args []string, want string) {
	c.t.Helper()
	said, err := c.run(who, "", args...)
	if err == nil || !strings.Contains(said, want) {
		c.t.Errorf("gh %v as %s: %v, want a failure that says %q:\n%s", args, who, err, want, said)
	}
}

func at(words string) []string { return append(strings.Fields(words), "-R", "acme/incidents") }

// GitHub's own command line does here what it does at GitHub.
func TestGitHubCLI(t *testing.T) {
	c := newCLI(t)
	c.branch("fix", "a.txt", "a\n")
	c.branch("other", "b.txt", "b\n")

	c.says("alice", []string{"auth", "status"}, "alice", "Token")
	c.says("alice", []string{"repo", "list", "acme"}, "acme/incidents", "acme/payments", "private")
	c.says("gina", []string{"repo", "list", "acme"}, "acme/customer-globex")

	// Issues.
	c.says(
		"alice",
		at("issue create --title Down --body Nobody-can-pay --label incident --assignee bob"),
		c.url+"/acme/incidents/issues/1",
	)
	c.says("alice", at("issue create --title Second --body b"), c.url+"/acme/incidents/issues/2")
	c.says("alice", at("issue list"), "Down", "Second", "incident")
	c.says("alice", at("issue list --label incident"), "Down")
	c.says("alice", at("issue list --assignee bob"), "Down")
	c.says(
		"alice",
		at("issue list --author alice --state all --json number,title,labels,assignees,state"),
		`"title":"Second"`,
		`"login":"bob"`,
	)
	c.says("bob", at("issue comment 1 --body looking"), c.url+"/acme/incidents/issues/1#issuecomment-")
	c.says("alice", at("issue view 1"), "Down", "Nobody-can-pay", "incident", "bob", "OPEN")
	c.says("alice", at("issue view 1 --comments"), "looking")
	c.says("alice", append(at("issue close 2"), "--reason", "not planned"), "Closed issue")
	c.says("alice", at("issue view 2 --json state,closed"), `"closed":true`)
	c.steps(step{"alice", "GET ~/issues/2", "", 200, []string{"state_reason=not_planned"}})
	c.says("alice", at("issue reopen 2"), "Reopened issue")
	c.says("alice", at("issue close 2 --comment done"), "Closed issue")
	c.steps(
		step{
			"alice",
			"GET ~/issues/2",
			"",
			200,
			[]string{"state=closed", "state_reason=completed", "comments=1"},
		},
	)
	c.steps(
		step{
			"alice",
			"GET ~/issues/1",
			"",
			200,
			[]string{"labels.*.name=incident", "assignees.*.login=bob", "user.login=alice"},
		},
	)
	c.refused("mallory", at("issue close 1"), "access")
	c.refused("gina", at("issue list"), "Could not resolve to a Repository with the name 'acme/incidents'.")
	c.refused(
		"alice",
		at("issue view 99"),
		"Could not resolve to an issue or pull request with the number of 99.",
	)
	c.refused("nobody", at("issue list"), "401")

	// Pull requests.
	c.steps(
		step{
			"alice",
			"POST ~/pulls",
			`{"title":"Fix it","body":"Closes #1","head":"fix","base":"main"}`,
			201,
			[]string{"head.sha>sha"},
		},
		step{
			"app",
			"POST ~/check-runs",
			`{"name":"postmortem","head_sha":"$sha","conclusion":"failure","output":{"title":"t","summary":"s"}}`,
			201,
			[]string{"id>run"},
		},
	)
	c.says("alice", at("pr list"), "Fix it", "fix", "OPEN")
	c.says(
		"alice",
		at("pr list --author alice --json number,title,headRefName,isDraft"),
		`"headRefName":"fix"`,
	)
	c.says("alice", at("pr view 3"), "Fix it", "Closes #1", "OPEN")
	c.says(
		"alice",
		at("pr view 3 --json mergeable,files,commits,statusCheckRollup,reviewDecision,additions"),
		`"mergeable":"MERGEABLE"`,
		`"path":"a.txt"`,
		`"conclusion":"FAILURE"`,
	)
	c.refused("alice", at("pr checks 3"), "postmortem")
	c.steps(step{"app", "PATCH ~/check-runs/$run", `{"conclusion":"success"}`, 200, nil})
	c.says("alice", at("pr checks 3"), "postmortem", "pass")
	c.refused("alice", at("pr review 3 --approve"), "Can not approve your own pull request")
	c.says("bob", at("pr review 3 --approve"))
	c.says("carol", at("pr review 3 --comment --body hm"))
	c.says("alice", at("pr view 3 --comments"), "hm", "bob", "approved")
	c.says("bob", at("pr comment 3 --body merging"), "#issuecomment-")
	c.refused("mallory", at("pr merge 3 --merge"), "Must have push access to repository")
	c.says("bob", at("pr merge 3 --squash"))
	c.steps(
		step{"alice", "GET ~/pulls/3", "", 200, []string{"merged=true", "merged_by.login=bob"}},
		step{"alice", "GET ~/issues/1", "", 200, []string{"state=closed"}},
	)
	c.says("alice", at("pr view 3 --json state,mergedBy"), `"state":"MERGED"`, `"login":"bob"`)
	c.says("alice", at("pr list --state merged"), "Fix it")
	c.steps(step{"alice", "POST ~/pulls", `{"title":"Other","head":"other","base":"main"}`, 201, nil})
	c.says("alice", at("pr close 4"), "Closed pull request")
	c.says("alice", at("pr reopen 4"), "Reopened pull request")
}

var recordTo = flag.String(
	"record-gh",
	"",
	"file in testdata to write the command line's requests to, such as gh-2.23.0.jsonl",
)

// exchange is a request to one of the APIs, and what is remembered of its answer.
type exchange struct {
	Who    string          `json:"who"`
	Method string          `json:"method"`
	Path   string          `json:"path"`
	Body   json.RawMessage `json:"body,omitempty"`
	Status int             `json:"status"`
	Errors []string        `json:"errors,omitempty"`
}

// recorder writes the exchanges of a test down, if it is asked to.
func recorder(t *testing.T, next http.Handler) http.Handler {
	if *recordTo == "" {
		return next
	}
	file, err := os.Create(filepath.Join("testdata", *recordTo))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		e := exchange{
			Method: r.Method,
			Path:   r.URL.String(),
			Status: answer.Code,
			Errors: errorsIn(answer.Body.Bytes()),
		}
		switch who, isPerson := strings.CutPrefix(token, "demo-"); {
		case isPerson:
			e.Who = who
		case strings.HasPrefix(token, "ghs_"):
			e.Who = "app"
		}
		if len(body) > 0 {
			e.Body = body
		}
		if !strings.HasSuffix(e.Path, "/access_tokens") {
			out := json.NewEncoder(file)
			out.SetEscapeHTML(false)
			if err := out.Encode(e); err != nil {
				t.Error(err)
			}
		}
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
}

// errorsIn lists the messages of the errors in an answer of GraphQL's.
func errorsIn(body []byte) []string {
	var in struct{ Errors []struct{ Message string } }
	_ = json.Unmarshal(body, &in) // an answer of another kind has none
	return eachOf(in.Errors, func(e struct{ Message string }) string { return e.Message })
}

// Requests that GitHub's command line made in TestGitHubCLI, of two versions, are answered as they were then, whether it is
// installed or not. To record them again: go test ./app/sandbox -run TestGitHubCLI$ -record-gh gh-VERSION.jsonl
func TestRequestsOfGitHubCLI(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "gh-*.jsonl"))
	if err != nil || len(files) < 2 {
		t.Fatalf("the recorded requests are %v: %v", files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			g := newGitHub(t)
			for line := range strings.Lines(string(text)) {
				var e exchange
				if err := json.Unmarshal([]byte(line), &e); err != nil {
					t.Fatal(err)
				}
				e.replay(t, g)
			}
		})
	}
}

// replay makes the request again.
func (e exchange) replay(t *testing.T, g *github) {
	t.Helper()
	r := httptest.NewRequest(e.Method, e.Path, bytes.NewReader(e.Body))
	r.Header.Set("Content-Type", "application/json")
	if token := g.token(e.Who); token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	g.box.Handler().ServeHTTP(w, r)
	if got := errorsIn(w.Body.Bytes()); w.Code != e.Status || !slices.Equal(got, e.Errors) {
		t.Errorf(
			"%s %s %s as %s is answered %d %q, want %d %q",
			e.Method,
			e.Path,
			e.Body,
			e.Who,
			w.Code,
			got,
			e.Status,
			e.Errors,
		)
	}
}
