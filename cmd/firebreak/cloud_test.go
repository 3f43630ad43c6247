package main_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/aws/awstest"
	"github.com/firebreak-dev/firebreak/app/demo"
	gh "github.com/firebreak-dev/firebreak/app/github"
	"github.com/firebreak-dev/firebreak/app/sandbox"
)

// cloud is a checkout, an account on AWS and a GitHub with the App. The tools that build and deploy are in for those.
type cloud struct {
	t   *testing.T
	dir string
	aws *awstest.AWS
	box *sandbox.Sandbox
	env []string
	url string // of GitHub

	mu     sync.Mutex
	ran    []string // by the command, one a line
	deploy func()   // what the tool does
	status string   // with which it ends
	signed []string // the webhooks that the stack took, by their signatures' secret
}

const (
	hookARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:firebreak/webhook-secret-a1B2c3"
	keyARN  = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:firebreak/private-key-a1B2c3"
	topic   = "arn:aws:sns:eu-central-1:123456789012:firebreak-prod-alarms"
)

func newCloud(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{t: t, dir: t.TempDir(), aws: awstest.New(t, time.Now), status: "0", deploy: func() {}}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	c.url = server.URL
	var err error
	c.box, err = demo.New(sandbox.Options{URL: c.url, WebhookURL: c.url + "/elsewhere"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.box.Close() })
	mux.Handle("/", c.box.Handler())
	mux.HandleFunc("/elsewhere", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/webhook", c.take)
	mux.HandleFunc("/ran/{command}", c.tool)
	env := c.box.Environment()
	c.aws.SetSecret(keyARN, env["FIREBREAK_PRIVATE_KEY"])
	c.aws.SetSecret(hookARN, "the secret of the stack")

	template, err := os.ReadFile("../../serverless.yml")
	if err != nil {
		t.Fatal(err)
	}
	c.write("serverless.yml", string(template))
	tools := t.TempDir()
	for _, name := range []string{"go", "npx"} {
		c.writeMode(filepath.Join(tools, name), fmt.Sprintf("#!/usr/bin/env bash\nexec 3<>/dev/tcp/%s\n"+
			"printf 'GET /ran/%s HTTP/1.0\\r\\nArguments: %%s\\r\\nIn: %%s\\r\\n\\r\\n' \"$*\" \"$PWD\" >&3\n"+
			"exit \"$(tail -n 1 <&3)\"\n", strings.Replace(strings.TrimPrefix(c.url, "http://"), ":", "/", 1), name), 0o755)
	}
	c.env = append(c.aws.Environ(), "PATH="+tools+":/usr/local/bin:/usr/bin:/bin", "HOME="+t.TempDir(),
		"FIREBREAK_APP_ID=99", "FIREBREAK_PRIVATE_KEY_FILE=/of/another") // which count nothing
	return c
}

// stage writes the file of the stage prod.
func (c *cloud) stage(more ...string) {
	c.write("stages/prod.yml", strings.Join(append([]string{`appId: "1"`, `githubUrl: "` + c.url + `"`,
		`webhookSecret: "` + hookARN + `"`, `privateKey: "` + keyARN + `"`, `repositories: "acme/incidents"`}, more...), "\n"))
}

func (c *cloud) write(name, text string) { c.writeMode(filepath.Join(c.dir, name), text, 0o644) }

func (c *cloud) writeMode(path, text string, mode os.FileMode) {
	c.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		c.t.Fatal(err)
	}
}

// tool is what the tools do.
func (c *cloud) tool(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ran = append(c.ran, r.PathValue("command")+" "+r.Header.Get("Arguments"))
	if in := r.Header.Get("In"); in != c.dir {
		c.t.Errorf("%s runs in %s", r.PathValue("command"), in)
	}
	status := "0"
	if r.PathValue("command") == "npx" {
		c.deploy()
		status = c.status
	}
	_, _ = io.WriteString(w, status)
}

// take is the stack's webhook function.
func (c *cloud) take(_ http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, secret := range []string{"the secret of the stack", "another secret"} {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		if "sha256="+hex.EncodeToString(mac.Sum(nil)) == r.Header.Get("X-Hub-Signature-256") {
			c.signed = append(c.signed, secret)
			return
		}
	}
	c.signed = append(c.signed, "unknown")
}

// leaves sets the stack, as a deployment leaves it.
func (c *cloud) leaves(status string, change ...func(*awstest.Stack)) {
	s := awstest.Stack{Status: status, Outputs: map[string]string{"WebhookURL": c.url + "/webhook",
		"WebhookSecret": hookARN, "PrivateKey": keyARN, "Parameters": "appId githubUrl privateKey repositories webhookSecret"}}
	for _, f := range change {
		f(&s)
	}
	c.aws.SetStack("firebreak-prod", s)
}

// runs runs the command, and returns all that it says.
func (c *cloud) runs(status int, args ...string) string {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), binary, args...)
	var said bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = c.dir, c.env, &said, &said
	_ = cmd.Run()
	if got := cmd.ProcessState.ExitCode(); got != status {
		c.t.Fatalf("firebreak %v ends with %d, want %d:\n%s", args, got, status, &said)
	}
	if strings.Contains(said.String(), "the secret of the stack") || strings.Contains(said.String(), "PRIVATE KEY---") {
		c.t.Errorf("a secret is printed:\n%s", &said)
	}
	return said.String()
}

// did returns what was run since it was last called.
func (c *cloud) did() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	ran := c.ran
	c.ran = nil
	return ran
}

// hook returns where GitHub delivers.
func (c *cloud) hook() string {
	c.t.Helper()
	app, err := gh.New(gh.Options{BaseURL: c.url, AppID: 1, PEM: []byte(c.box.Environment()["FIREBREAK_PRIVATE_KEY"])})
	if err != nil {
		c.t.Fatal(err)
	}
	hook, _, err := app.Self().Apps.GetHookConfig(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	return hook.GetURL()
}

// hears makes GitHub deliver something, and returns by which secrets it was signed.
func (c *cloud) hears() []string {
	c.t.Helper()
	status, said := request(c.t, "alice", "POST", c.url+"/api/v3/repos/acme/incidents/issues", `{"title":"Down"}`)
	if status != http.StatusCreated {
		c.t.Fatalf("%d %s", status, said)
	}
	if err := c.box.Settled(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	signed := slices.Compact(c.signed)
	c.signed = nil
	return signed
}

func wants(t *testing.T, said string, all ...string) {
	t.Helper()
	for _, want := range all {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q:\n%s", want, said)
		}
	}
}

const deployed = "npx --yes osls@3.77.1 deploy --stage prod --param given=appId githubUrl privateKey repositories webhookSecret"

// From a file of parameters to webhooks that arrive, signed by the stack's secret; and again, where nothing is to be done.
func TestAStageIsDeployed(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	wants(t, c.runs(2, "deploy", "prod"), "has no file stages/prod.yml", "firebreak setup --to secretsmanager:NAME --stage prod")
	c.stage(`webhooksecret: "x"`)
	wants(t, c.runs(2, "deploy", "prod"), "webhooksecret is no parameter", "it is webhookSecret")

	c.stage()
	wants(t, c.runs(0, "deploy", "prod", "--dry-run"), "firebreak-prod in eu-central-1 will be made",
		"would run: go run ./functions/build", "would run: "+deployed)
	if ran, calls := c.did(), c.aws.Calls(); ran != nil || !slices.Equal(calls, []string{"DescribeStacks"}) ||
		c.hook() != c.url+"/elsewhere" {
		t.Errorf("a dry run runs %q and calls %q", ran, calls)
	}

	c.deploy = func() { c.leaves("CREATE_COMPLETE") }
	wants(t, c.runs(0, "deploy", "prod"), "webhooks go to "+c.url+"/webhook now, before to \""+c.url+"/elsewhere\"",
		"firebreak doctor --aws prod OWNER/REPO")
	if ran := c.did(); !slices.Equal(ran, []string{"go run ./functions/build", deployed}) {
		t.Errorf("it runs %q", ran)
	}
	if got := c.hook(); got != c.url+"/webhook" {
		t.Errorf("webhooks go to %s", got)
	}
	if signed := c.hears(); !slices.Equal(signed, []string{"the secret of the stack"}) {
		t.Errorf("webhooks are signed by %q", signed)
	}

	c.deploy = func() { c.leaves("UPDATE_COMPLETE") }
	wants(t, c.runs(0, "deploy", "prod", "--dry-run"), "webhooks go to "+c.url+"/webhook already")
	var findings []struct{ Check, Status, Found string }
	said := c.runs(0, "deploy", "prod", "--json")
	if err := json.Unmarshal([]byte(said[strings.Index(said, "["):]), &findings); err != nil || len(findings) != 5 ||
		!strings.Contains(findings[4].Found, "already") {
		t.Errorf("%v %+v\n%s", err, findings, said)
	}
}

// A deployment that would lose what the stage has does not begin, and a secret that is replaced reaches the App.
func TestADeploymentLosesNothing(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.leaves("UPDATE_COMPLETE")
	c.write("stages/prod.yml", `appId: "1"`+"\n"+`githubUrl: "`+c.url+`"`+"\n"+`privateKey: "`+keyARN+`"`)
	wants(t, c.runs(1, "deploy", "prod"), "would lose one", `write webhookSecret: "`+hookARN+`"`, "repositories was given")
	if ran := c.did(); ran != nil {
		t.Errorf("it runs %q all the same", ran)
	}

	const other = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:other-a1B2c3"
	c.aws.SetSecret(other, "another secret")
	c.stage()
	c.runs(0, "deploy", "prod", "--webhook-only")
	c.hears()
	c.aws.SetSecret(hookARN, "another secret") // which was rotated
	c.runs(0, "deploy", "prod", "--webhook-only")
	if signed := c.hears(); !slices.Equal(signed, []string{"another secret"}) {
		t.Errorf("after a rotation webhooks are signed by %q", signed)
	}
	c.aws.SetSecret(hookARN, "the secret of the stack")
	c.runs(0, "deploy", "prod", "--webhook-only")
	c.write("stages/prod.yml", `appId: "1"`+"\n"+`githubUrl: "`+c.url+`"`+"\n"+`privateKey: "`+keyARN+`"`+"\n"+
		`webhookSecret: "`+other+`"`+"\n"+`repositories: ""`)
	c.deploy = func() {
		c.leaves("UPDATE_COMPLETE", func(s *awstest.Stack) { s.Outputs["WebhookSecret"] = other })
	}
	c.runs(0, "deploy", "prod")
	if signed := c.hears(); !slices.Equal(signed, []string{"another secret"}) {
		t.Errorf("webhooks are signed by %q", signed)
	}
}

// Whatever fails says what to type.
func TestADeploymentThatFails(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.stage()
	c.status = "1"
	c.deploy = func() { c.leaves("ROLLBACK_COMPLETE") }
	wants(t, c.runs(1, "deploy", "prod"), "exit status 1. The stack is ROLLBACK_COMPLETE",
		"aws cloudformation delete-stack --stack-name firebreak-prod --region eu-central-1")
	c.did()
	wants(t, c.runs(1, "deploy", "prod"), "is ROLLBACK_COMPLETE", "aws cloudformation delete-stack")
	if ran := c.did(); ran != nil {
		t.Errorf("a stack that can't be changed is changed by %q", ran)
	}
	c.leaves("UPDATE_COMPLETE")
	c.deploy = func() { c.leaves("UPDATE_ROLLBACK_COMPLETE") }
	wants(t, c.runs(1, "deploy", "prod"), "The stack is as it was before")
	c.leaves("UPDATE_IN_PROGRESS")
	wants(t, c.runs(1, "deploy", "prod"), "Another deployment is at work")

	c.status, c.deploy = "0", func() {}
	c.aws.SetEmptySecret(keyARN)
	c.leaves("UPDATE_COMPLETE")
	wants(t, c.runs(1, "deploy", "prod"), "the App's private key is not in its secret",
		"aws secretsmanager put-secret-value --region eu-central-1 --secret-id "+keyARN)
	c.aws.SetSecret(keyARN, key()) // of no App of GitHub's
	wants(t, c.runs(1, "deploy", "prod"), "ask GitHub where the App's webhooks go", "firebreak deploy prod --webhook-only",
		c.url+"/webhook in the App's settings")
	c.aws.Refuse("DescribeStacks", "ExpiredToken")
	wants(t, c.runs(1, "deploy", "prod"), "ExpiredToken", "aws sts get-caller-identity")
	c.env = append(c.env, "PATH=/nowhere")
	c.aws.Refuse("DescribeStacks", "")
	wants(t, c.runs(1, "deploy", "prod"), "go is not there", "Install Go")
}

// The doctor looks at the stack and at where the App's webhooks go, as the stage's App.
func TestTheDoctorLooksAtAStage(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.stage()
	wants(t, c.runs(1, "doctor", "--aws", "prod"), "there is no such stack", "`firebreak deploy prod`", "skip")
	queue, _ := c.aws.AddQueue("firebreak-prod.fifo", awstest.QueueOptions{Visibility: time.Minute, Receives: 3})
	c.aws.SetAlarms(awstest.Alarm{Name: "firebreak-prod-SweepAlarm-1", State: "OK", Actions: []string{topic}})
	c.aws.SetTopic(topic, awstest.Subscription{ARN: topic + ":1", Protocol: "email", Endpoint: "a@acme.example"})
	c.aws.SetScheduleGroup("firebreak-prod", "ACTIVE")
	c.aws.SetActiveRules("firebreak-prod", awstest.Rule{Name: "firebreak-prod", Enabled: true})
	c.leaves("CREATE_COMPLETE", func(s *awstest.Stack) {
		s.Resources = []awstest.StackResource{{Logical: "Queue", Type: "AWS::SQS::Queue", Physical: queue},
			{Logical: "SweepAlarm", Type: "AWS::CloudWatch::Alarm", Physical: "firebreak-prod-SweepAlarm-1"},
			{Logical: "MailRule", Type: "AWS::SES::ReceiptRule", Physical: "firebreak-prod"},
			{Logical: "ScheduleGroup", Type: "AWS::Scheduler::ScheduleGroup", Physical: "firebreak-prod"}}
	})
	wants(t, c.runs(1, "doctor", "--aws", "prod"), "firebreak-prod in eu-central-1 is CREATE_COMPLETE",
		"webhooks go to "+c.url+"/elsewhere, and the stack takes them at "+c.url+"/webhook", "firebreak deploy prod --webhook-only")
	c.runs(0, "deploy", "prod", "--webhook-only")
	c.hears() // something to deliver again
	said := c.runs(0, "doctor", "--aws", "prod")
	wants(t, said, "0 messages wait", "firebreak-prod-alarms, which 1 read", "the webhook secret is 0 days old",
		"webhooks go to "+c.url+"/webhook, as JSON and signed")
	if strings.Contains(said, "FAIL") {
		t.Error(said)
	}
	page, err := os.ReadFile("../../docs/production-aws.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(page), "<!-- read: begin -->\n```\n")
	list, _, _ = strings.Cut(list, "```")
	may := map[string]bool{"GetSecretValue": false} // to be the App
	for _, action := range strings.Fields(list) {
		_, name, _ := strings.Cut(action, ":")
		may[name] = false
	}
	for _, call := range c.aws.Calls() {
		if _, ok := may[call]; !ok {
			t.Errorf("the doctor calls %s, which docs/production-aws.md does not list", call)
		}
		may[call] = true
	}
	for name, called := range may {
		if !called {
			t.Errorf("docs/production-aws.md lists %s, which the doctor does not call", name)
		}
	}
	c.aws.SetEmptySecret(keyARN)
	wants(t, c.runs(1, "doctor", "--aws", "prod"), "the private key has no value", "FAIL  app")
}

// A repository that is prepared is listed in the stage's file.
func TestInitListsARepositoryInTheStage(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.stage()
	said := c.runs(0, "init", "acme/payments", "--stage", "prod")
	wants(t, said, "repositories of the stage prod: lists acme/payments", "firebreak deploy prod")
	text, err := os.ReadFile(filepath.Join(c.dir, "stages", "prod.yml"))
	if err != nil || !strings.Contains(string(text), `repositories: "acme/incidents,acme/payments"`) {
		t.Errorf("%v\n%s", err, text)
	}
}
