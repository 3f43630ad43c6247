package doctor_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/demo"
	"github.com/firebreak-dev/firebreak/app/doctor"
	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/github"
	"github.com/firebreak-dev/firebreak/app/notify"
	"github.com/firebreak-dev/firebreak/app/sandbox"
	"github.com/firebreak-dev/firebreak/templates"
)

// key is the App's, made once: making one takes long.
var key = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

// surgery is a GitHub with the product's App, and the doctor before it.
type surgery struct {
	t      *testing.T
	url    string
	box    *sandbox.Sandbox
	doctor *doctor.Doctor
	answer atomic.Int64 // of whoever takes the webhooks; 0: nobody does
	waits  int
}

// open makes the patient acme/incidents have these files.
func open(t *testing.T, files map[string]string) *surgery {
	t.Helper()
	return openWith(t, files, sandbox.App{})
}

// openWith has an App with more permissions than it needs at least.
func openWith(t *testing.T, files map[string]string, more sandbox.App) *surgery {
	t.Helper()
	s := &surgery{t: t}
	s.answer.Store(http.StatusAccepted)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		answer := s.answer.Load()
		if answer == 0 {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(int(answer))
	}))
	t.Cleanup(receiver.Close)
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	var err error
	s.box, err = demo.New(sandbox.Options{PrivateKey: key(), URL: s.url, App: more,
		WebhookURL: receiver.URL + "/webhook", Files: map[string]map[string]string{"acme/incidents": files}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.box.Close(); err != nil {
			t.Error(err)
		}
	})
	handler = s.box.Handler()
	s.request("POST", "/api/v3/repos/acme/incidents/issues", `{"title":"Something to deliver"}`)
	s.settle()
	secret := func(_ context.Context, name string) (string, error) {
		return "", fmt.Errorf("%s is not set", name)
	}
	out, err := notify.New(notify.Options{Secret: secret, HashKey: []byte("key"),
		PageURL: s.url + "/sandbox/receive/page", AnnounceURL: s.url + "/sandbox/receive/announce"})
	if err != nil {
		t.Fatal(err)
	}
	env := s.box.Environment()
	s.doctor = &doctor.Doctor{Listed: []string{"acme/incidents", "acme/payments", "acme/platform"},
		App: s.app(env["FIREBREAK_PRIVATE_KEY"], 1), Pager: dry{out}, Announcer: dry{out}, Now: time.Now,
		Told: func(string, int, int) {},
		Wait: func(context.Context, time.Duration) error { s.waits++; s.settle(); return nil }}
	return s
}

type dry struct{ *notify.Notifier }

func (d dry) Page(ctx context.Context, p engine.Page) error {
	return d.Notifier.Page(notify.Dry(ctx), p)
}

func (d dry) Announce(ctx context.Context, a engine.Announcement) error {
	return d.Notifier.Announce(notify.Dry(ctx), a)
}

func (s *surgery) app(pem string, id int64) *github.App {
	s.t.Helper()
	app, err := github.New(github.Options{BaseURL: s.url, AppID: id, PEM: []byte(pem)})
	if err != nil {
		s.t.Fatal(err)
	}
	return app
}

func (s *surgery) settle() {
	s.t.Helper()
	if err := s.box.Settled(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

func (s *surgery) request(method, path, body string) {
	s.t.Helper()
	req, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer demo-alice")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		s.t.Fatalf("%s %s: %s", method, path, res.Status)
	}
}

// expect holds the findings that are not well to these, each as "check: part of what was found";
// every one says how to mend it.
func (s *surgery) expect(repo string, want ...string) []doctor.Finding {
	s.t.Helper()
	owner, name, _ := strings.Cut(repo, "/")
	all := s.doctor.Examine(s.t.Context(), owner, name)
	n := 0
	for _, f := range all {
		if f.Status == doctor.OK || f.Status == doctor.Skipped {
			continue
		}
		if f.Mend == "" {
			s.t.Errorf("%s does not say how to mend it", f.Check)
		}
		if n < len(want) {
			check, has, _ := strings.Cut(want[n], ": ")
			if f.Check != check || !strings.Contains(f.Found, has) {
				s.t.Errorf("found %s: %s, want %s", f.Check, f.Found, want[n])
			}
		} else {
			s.t.Errorf("found %s: %s (%s)", f.Check, f.Found, f.Mend)
		}
		n++
	}
	if n < len(want) {
		s.t.Errorf("not found: %q", want[n:])
	}
	return all
}

func TestTheHealthy(t *testing.T) {
	t.Parallel()
	s := open(t, templates.Repository())
	all := s.expect("acme/incidents")
	checks := map[string]bool{}
	for _, f := range all {
		checks[f.Check] = f.Status == doctor.OK
	}
	for _, name := range []string{"app", "permissions", "events", "api version", "webhook", "delivery",
		"installation", "repository", "list", "sweep", "rate limit", "configuration", "publishing",
		"labels", "form", "teams", "assignees", "pagers", "tests", "customers", "capabilities", "owners", "workflows", "freezes"} {
		if !checks[name] {
			t.Errorf("%s was not looked at", name)
		}
	}
	if len(checks) != 24 || s.waits == 0 {
		t.Errorf("%d checks, waited %d times", len(checks), s.waits)
	}
}

// A repository that is not listed has no incidents.
func TestWhetherTheRepositoryIsListed(t *testing.T) {
	t.Parallel()
	s := open(t, templates.Repository())
	for list, want := range map[string]string{
		"":                             "list: FIREBREAK_REPOSITORIES is not set",
		"acme/payments":                "list: acme/incidents is not listed",
		"acme/.github":                 "list: GitHub refuses it (404)",
		"acme/payments ACME/incidents": "",
	} {
		s.doctor.Listed = strings.Fields(list)
		var wants []string
		if want != "" {
			wants = append(wants, want)
		}
		s.expect("acme/incidents", wants...)
	}
	s.doctor.Listed, s.doctor.Reports = []string{"acme/payments"}, "acme/incidents"
	s.expect("acme/incidents")
}

// isQuery reports whether a request asks GraphQL, and changes nothing.
func isQuery(t *testing.T, r *http.Request) bool {
	t.Helper()
	if r.GetBody == nil {
		return false
	}
	body, err := r.GetBody()
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	return err == nil && strings.HasSuffix(r.URL.Path, "/graphql") && !strings.Contains(string(text), "mutation")
}

// Nothing leaves, and nothing is changed but a delivery that is made again.
func TestItPagesNobodyAndChangesNothing(t *testing.T) {
	t.Parallel()
	s := open(t, templates.Repository())
	sent := 0
	next := http.DefaultTransport
	app, err := github.New(github.Options{BaseURL: s.url, AppID: 1,
		PEM: []byte(s.box.Environment()["FIREBREAK_PRIVATE_KEY"]),
		Transport: transport(func(r *http.Request) (*http.Response, error) {
			if r.Method != http.MethodGet && !strings.HasSuffix(r.URL.Path, "/access_tokens") &&
				!strings.HasSuffix(r.URL.Path, "/attempts") && !isQuery(t, r) {
				t.Errorf("it writes: %s %s", r.Method, r.URL)
			}
			sent++
			return next.RoundTrip(r)
		})})
	if err != nil {
		t.Fatal(err)
	}
	s.doctor.App = app
	s.expect("acme/incidents")
	res, err := http.Get(s.url + "/sandbox/outbox")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if sent == 0 || res.ContentLength != int64(len("[]\n")) {
		t.Errorf("%d calls, and the outbox has %d bytes", sent, res.ContentLength)
	}
}

type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

func TestTheWebhooksOutcome(t *testing.T) {
	t.Parallel()
	s := open(t, templates.Repository())
	for answer, want := range map[int]string{401: "delivery: signature is wrong",
		404: "delivery: Something else answers", 500: "delivery: 500", 0: "delivery: can't reach the address"} {
		s.answer.Store(int64(answer))
		s.expect("", want)
	}
}

func TestWhatARepositoryLacks(t *testing.T) {
	t.Parallel()
	good := templates.Repository()
	with := func(change func(files map[string]string)) map[string]string {
		files := maps.Clone(good)
		change(files)
		return files
	}
	config := func(text string) map[string]string {
		return with(func(f map[string]string) { f[".github/firebreak.yml"] = text })
	}
	for name, c := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"no configuration": {with(func(f map[string]string) {
			delete(f, ".github/firebreak.yml")
		}), []string{"configuration: there is no .github/firebreak.yml", "pagers: phone list"}},
		"no form": {with(func(f map[string]string) {
			delete(f, ".github/ISSUE_TEMPLATE/incident.yml")
		}), []string{"form: no issue form"}},
		"a mistake": {config("severities: 1\n"),
			[]string{"configuration: line 1, column 13", "pagers: phone list"}},
		"a label": {config("severities: {p1: {critical: true}}\nphones: [1]\n"),
			[]string{"labels: severity/p1"}},
		"a team": {config("coordinators: nobody\nphones: [1]\n"),
			[]string{"teams: no team acme/nobody"}},
		"somebody": {config("phones: [1]\nescalation: {steps: [{to: [\"@gina\", \"@carol\"]}]}\n"),
			[]string{"assignees: gina"}},
		"somebody on call": {with(func(f map[string]string) {
			f[".github/firebreak.yml"] = "phones: [1]\nescalation: {steps: [{to: [primary]}]}\n"
			f[".github/oncall.yml"] = "rotations: {primary: {people: [\"@gina\", \"@carol\"], start: 2026-01-05}}\n"
		}), []string{"assignees: gina"}},
		"a mistake in the rotations": {with(func(f map[string]string) {
			f[".github/oncall.yml"] = "rotations: {primary: {peple: [platform]}}\n"
		}), []string{"configuration: line 1, column 23"}},
		"a pager's secret": {config("phones: [1]\npager: pagerduty\nservices: {pagerduty: {secret: PD}}\n"),
			[]string{"pagers: PD is not set"}},
		"a customer's channel": {config("phones: [1]\ncustomers: {globex: {channels: [{webhook: GLOBEX}, " +
			"{issue: globex/theirs}]}}\n"),
			[]string{"customers: GLOBEX is not set", "customers: issue globex/theirs"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			open(t, c.files).expect("acme/incidents", c.want...)
		})
	}
}

// What fails at the root is told once, and what hangs from it is not looked at.
func TestWhatEndsTheExamination(t *testing.T) {
	t.Parallel()
	s := open(t, templates.Repository())
	mine, now := s.doctor.App, s.doctor.Now
	s.doctor.App = s.app(s.box.Environment()["FIREBREAK_PRIVATE_KEY"], 99)
	s.expect("acme/incidents", "app: does not know the App")
	s.doctor.App = mine
	s.expect("acme/elsewhere", "installation: not installed on acme/elsewhere")
	s.doctor.Now = func() time.Time { return time.Now().Add(-5 * time.Minute) }
	s.expect("", "app: off GitHub's")
	s.doctor.Now = now
	suspended, err := http.NewRequest(http.MethodPut, s.url+"/api/v3/app/installations/7001/suspended", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := mine.Self().Do(t.Context(), suspended, nil); err != nil {
		t.Fatal(err)
	}
	s.expect("acme/incidents", "installation: suspended")
}

// questionOf names a request, whatever delivery it is about.
func questionOf(r *http.Request) string {
	return r.Method + " " + regexp.MustCompile(`deliveries/\d+`).ReplaceAllString(r.URL.Path, "deliveries/N")
}

// Each of its questions may fail in any way: it says what happened and how to mend it, and ends.
func TestEveryQuestionMayFail(t *testing.T) {
	t.Parallel()
	s := open(t, templates.Repository())
	asked := map[string]bool{}
	var order []string
	watch := transport(func(r *http.Request) (*http.Response, error) {
		if question := questionOf(r); !asked[question] {
			asked[question] = true
			order = append(order, question)
		}
		return http.DefaultTransport.RoundTrip(r)
	})
	examine := func(t *testing.T, way http.RoundTripper) []doctor.Finding {
		app, err := github.New(github.Options{BaseURL: s.url, AppID: 1,
			PEM: []byte(s.box.Environment()["FIREBREAK_PRIVATE_KEY"]), Transport: way})
		if err != nil {
			t.Fatal(err)
		}
		d := *s.doctor
		d.App = app
		return d.Examine(t.Context(), "acme", "incidents")
	}
	examine(t, watch)
	for _, question := range order {
		for _, status := range []int{0, 401, 403, 404, 409, 410, 422, 429, 500, 502, 503} {
			findings := examine(t, transport(func(r *http.Request) (*http.Response, error) {
				if questionOf(r) != question {
					return http.DefaultTransport.RoundTrip(r)
				}
				if status == 0 {
					return nil, errors.New("connection refused")
				}
				head := http.Header{"Content-Type": {"application/json"}}
				body := io.NopCloser(strings.NewReader(`{"message":"It is broken"}`))
				return &http.Response{StatusCode: status, Status: http.StatusText(status), Header: head,
					Body: body, Request: r}, nil
			}))
			failed := 0
			for _, f := range findings {
				if f.Status == doctor.Failure || f.Status == doctor.Warning {
					failed++
					if f.Mend == "" || strings.Contains(f.Found, "nil") {
						t.Errorf("%s: %d: %s: %s → %s", question, status, f.Check, f.Found, f.Mend)
					}
				}
			}
			// What may lack is not told: the API's versions, a ruleset, a form, the organisation's
			// configuration.
			if failed == 0 && status >= 500 {
				t.Errorf("%s: %d: nothing is found", question, status)
			}
		}
	}
}

// A search that GitHub refuses is said where the doctor looks at a repository: there the sweep
// finds nothing.
func TestASweepThatGitHubRefuses(t *testing.T) {
	t.Parallel()
	s := open(t, templates.Repository())
	s.request("POST", "/sandbox/faults", `{"match":"GET .*/search/issues","status":422,"count":-1}`)
	s.expect("acme/incidents", "sweep: GitHub refuses the search for incidents of acme (422)")
}

// Each state in which GitHub refuses the App is named, with what mends it.
func TestWhatGitHubRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		state, want, mend string
	}{
		{`{"suspend":"acme"}`, "installation: suspended", "Unsuspend"},
		{`{"uninstall":"acme"}`, "installation: not installed on acme/incidents", "Install it"},
		{`{"allow_list":"acme"}`, "installation: IP allow list", "allow list"},
		{`{"archive":"acme/incidents"}`, "repository: archived", "Unarchive"},
		{`{"empty":"acme/incidents"}`,
			"configuration: there is no|publishing: is empty|form: no issue form|pagers: phone list",
			"Push a first commit"},
		{`{"disable_issues":"acme/incidents"}`, "repository: has no issues", "Enable issues"},
		{`{"rename":["acme/incidents","acme/p1"]}`, "repository: is called acme/p1 now", "new name"},
		{`{"permissions":{"issues":"read"}}`,
			"installation: not granted issues|installation: not granted contents|installation: not " +
				"granted pull_requests|installation: not granted checks|installation: not granted members",
			"An owner accepts"},
	} {
		t.Run(tt.state, func(t *testing.T) {
			t.Parallel()
			s := open(t, templates.Repository())
			if err := s.box.SetState([]byte(tt.state)); err != nil {
				t.Fatal(err)
			}
			mended := false
			for _, f := range s.expect("acme/incidents", strings.Split(tt.want, "|")...) {
				mended = mended || strings.Contains(f.Mend, tt.mend)
			}
			if !mended {
				t.Errorf("nothing says %q", tt.mend)
			}
		})
	}
}

// Nothing fails without what nobody asked for; what the App asks for and an installation lacks is told.
func TestWhatTheAppCanDoBeyondTheLeast(t *testing.T) {
	t.Parallel()
	capability := func(s *surgery, repo string, want ...string) string {
		t.Helper()
		for _, f := range s.expect(repo, want...) {
			if f.Check == "capabilities" {
				return f.Found + " → " + f.Mend
			}
		}
		t.Error("capabilities were not looked at")
		return ""
	}
	s := open(t, templates.Repository())
	for _, repo := range []string{"acme/incidents", ""} {
		found := capability(s, repo)
		for _, want := range []string{"changes is off", "Deployments and workflow runs are among", "deployments (read): To list",
			"actions (read)", "grant that at"} {
			if !strings.Contains(found, want) {
				t.Errorf("%q: found %s, want %s", repo, found, want)
			}
		}
	}

	more := map[string]string{"deployments": "read", "actions": "read"}
	s = openWith(t, templates.Repository(), sandbox.App{Permissions: more})
	s.expect("", "capabilities: changes: deployment_status is not subscribed to")
	s = openWith(t, templates.Repository(), sandbox.App{Permissions: more, Events: []string{"deployment_status"}})
	if found := capability(s, "acme/incidents"); !strings.HasPrefix(found, "changes is on. Deployments") {
		t.Errorf("found %s", found)
	}
	if found := capability(s, ""); !strings.HasPrefix(found, "changes is asked for.") {
		t.Errorf("found %s", found)
	}
	// the installation keeps what it was granted before the App asked for more
	granted := map[string]string{}
	for _, p := range github.Permissions {
		granted[p.Name] = p.Level
	}
	text, err := json.Marshal(map[string]any{"permissions": granted})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.box.SetState(text); err != nil {
		t.Fatal(err)
	}
	found := capability(s, "acme/incidents", "capabilities: changes is off here")
	if !strings.Contains(found, "deployments (read): To list") || !strings.Contains(found, "An owner accepts") {
		t.Errorf("found %s", found)
	}
}

// A service that nobody can be reached for is named.
func TestX2ServicesWithoutAnOwner(t *testing.T) {
	t.Parallel()
	files := templates.Repository()
	files[".github/firebreak.yml"] += "\ncatalog:\n  services:\n    web: {owners: [platform]}\n    jobs: {owners: [\"@bob\"]}\n" +
		"    payments: {repository: acme/payments}\n    mail: {owners: [\"@nobody-here\"]}\n"
	s := open(t, files)
	s.expect("acme/incidents", "owners: the service payments has no owner", "owners: the service mail has no owner")
}

// A workflow that can't be run as the configuration says is named, before somebody needs it.
func TestX5WorkflowsThatCannotBeRun(t *testing.T) {
	t.Parallel()
	files := templates.Repository()
	files[".github/workflows/rollback.yml"] = "on:\n  push: {branches: [main]}\n  schedule: [{cron: '0 0 * * *'}]\n  workflow_dispatch: {inputs: {version: {required: true}, to: {required: true, default: x}}}\n"
	files[".github/workflows/ci.yml"] = "on: [push]\n"
	files[".github/workflows/plain.yml"] = "on: workflow_dispatch\n"
	files[".github/firebreak.yml"] += `
run:
  good: {repository: acme/incidents, workflow: rollback.yml, inputs: {version: {}, to: {}}}
  plain: {repository: acme/incidents, workflow: plain.yml}
  gone: {repository: acme/payments, workflow: rollback.yml}
  other: {repository: acme2/payments, workflow: rollback.yml}
  push: {repository: acme/incidents, workflow: ci.yml}
  lacks: {repository: acme/incidents, workflow: rollback.yml}
  invents: {repository: acme/incidents, workflow: plain.yml, inputs: {version: {}}}
`
	of := func(name string) string { return "workflows: the workflow " + name + " can't be run: " }
	wrong := []string{of("gone") + "acme/payments has no .github/workflows/rollback.yml", of("other") + "acme2/payments has another owner", of("push") + ".github/workflows/ci.yml of acme/incidents does not have the trigger",
		of("lacks") + "it needs the input version", of("invents") + "it has no input version"}
	open(t, files).expect("acme/incidents", append([]string{"workflows: workflows are configured, and the App may not start any"}, wrong...)...)
	openWith(t, files, sandbox.App{Permissions: map[string]string{"actions": "write"}, Events: []string{"workflow_run"}}).expect("acme/incidents", wrong...)
}

// A ruleset on the default branch keeps nobody from a postmortem, which is a pull request.
func TestARulesetOnTheDefaultBranch(t *testing.T) {
	t.Parallel()
	s := open(t, templates.Repository())
	if err := s.box.SetState([]byte(`{"ruleset":"acme/incidents"}`)); err != nil {
		t.Fatal(err)
	}
	s.expect("acme/incidents")
}

// What is frozen is listed, with how to lift it; and what the configuration names can't be held without the permission.
func TestX4FreezesAreListed(t *testing.T) {
	t.Parallel()
	files := templates.Repository()
	files[".github/firebreak.yml"] += "\nfreeze: {repositories: [acme/payments]}\n"
	open(t, files).expect("acme/incidents", "freezes: the configuration names what may be frozen, and the App can't have GitHub hold merges")
	s := openWith(t, files, sandbox.App{Permissions: map[string]string{"administration": "write", "statuses": "write"}})
	if err := s.box.SetState([]byte(`{"rulesets":{"repository":"acme/payments","name":"firebreak freeze of acme/incidents#12/1 until 2020-03-02 12:40 UTC; to lift it, delete this ruleset"}}`)); err != nil {
		t.Fatal(err)
	}
	s.expect("acme/incidents", "freezes: acme/payments is frozen for acme/incidents#12/1 until 2 Mar 12:40 UTC, which is over")
	s = openWith(t, files, sandbox.App{Permissions: map[string]string{"administration": "write", "statuses": "write",
		"deployments": "write", "actions": "read"}})
	for _, state := range []string{`{"gate":{"repository":"acme/payments","environment":"production"}}`,
		`{"deploy":{"repository":"acme/payments"}}`} {
		if err := s.box.SetState([]byte(state)); err != nil {
			t.Fatal(err)
		}
	}
	s.expect("acme/incidents", "freezes: the deployment of acme/payments to production by run")
}
