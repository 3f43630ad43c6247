package aws_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/firebreak-dev/firebreak/app/aws"
	"github.com/firebreak-dev/firebreak/app/aws/awstest"
)

// newSecrets returns the secrets of an environment, and what is logged.
func newSecrets(t *testing.T, now *time.Time, environ ...string) (*aws.Secrets, *awstest.AWS, *bytes.Buffer) {
	t.Helper()
	clock := func() time.Time { return *now }
	double := awstest.New(t, clock)
	cfg, err := aws.Config(double.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	log := &bytes.Buffer{}
	return &aws.Secrets{Environ: environ, Manager: secretsmanager.NewFromConfig(cfg), Now: clock,
		Logger: slog.New(slog.NewTextHandler(log, nil))}, double, log
}

// expect holds the environment to the variables named.
func expect(t *testing.T, s *aws.Secrets, want map[string]string) {
	t.Helper()
	got, err := s.Read(t.Context())
	if err != nil {
		t.Error(err)
	}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s is %q, want %q", name, got[name], value)
		}
	}
}

func TestReferencesAreRead(t *testing.T) {
	now := start
	s, double, _ := newSecrets(t, &now, "FIREBREAK_APP_ID=17",
		"FIREBREAK_PRIVATE_KEY=secretsmanager:fb/key", "FIREBREAK_SECRET_SLACK=ssm:/fb/slack",
		"HOME=secretsmanager:not-ours", "FIREBREAK_EMPTY=")
	s.Parameter = func(_ context.Context, name string) (string, error) { return "parameter " + name, nil }
	double.SetSecret("fb/key", "-----BEGIN\na=b\n")
	expect(t, s, map[string]string{"FIREBREAK_APP_ID": "17", "FIREBREAK_PRIVATE_KEY": "-----BEGIN\na=b\n",
		"FIREBREAK_SECRET_SLACK": "parameter /fb/slack",
		"HOME":                   "secretsmanager:not-ours", "FIREBREAK_EMPTY": "",
		"FIREBREAK_PRIVATE_KEY_PREVIOUS": ""})

	double.SetSecret("fb/key", "new")
	double.Calls()
	now = now.Add(5*time.Minute - time.Nanosecond)
	expect(t, s, map[string]string{"FIREBREAK_PRIVATE_KEY": "-----BEGIN\na=b\n"})
	if calls := double.Calls(); len(calls) > 0 {
		t.Errorf("within five minutes it asks again: %v", calls)
	}
	now = now.Add(time.Nanosecond)
	// which nobody else has: it needs no overlap
	expect(t, s, map[string]string{"FIREBREAK_PRIVATE_KEY": "new", "FIREBREAK_PRIVATE_KEY_PREVIOUS": ""})
}

func TestTheSecretsOfOthersRotateWithoutAGap(t *testing.T) {
	for _, name := range []string{"FIREBREAK_WEBHOOK_SECRET", "FIREBREAK_INTAKE_SECRET",
		"FIREBREAK_INTAKE_ALERTMANAGER_SECRET"} {
		now := start
		s, double, _ := newSecrets(t, &now, name+"=secretsmanager:fb/hook")
		double.SetSecret("fb/hook", "one")
		expect(t, s, map[string]string{name: "one", name + "_PREVIOUS": ""})
		double.SetSecret("fb/hook", "two")
		now = now.Add(5 * time.Minute)
		expect(t, s, map[string]string{name: "two", name + "_PREVIOUS": "one"})
		// it has long rotated: who learnt the old one must not sign for ever
		now = start.Add(7*24*time.Hour + time.Second)
		expect(t, s, map[string]string{name: "two", name + "_PREVIOUS": ""})
	}
}

func TestAPreviousSecretThatIsSetCounts(t *testing.T) {
	now := start
	s, double, _ := newSecrets(t, &now, "FIREBREAK_WEBHOOK_SECRET=secretsmanager:fb/hook",
		"FIREBREAK_WEBHOOK_SECRET_PREVIOUS=zero")
	double.SetSecret("fb/hook", "one")
	double.SetSecret("fb/hook", "two")
	expect(t, s, map[string]string{"FIREBREAK_WEBHOOK_SECRET": "two",
		"FIREBREAK_WEBHOOK_SECRET_PREVIOUS": "zero"})
}

func TestSecretsThatCannotBeReadAreNamed(t *testing.T) {
	now := start
	s, double, _ := newSecrets(t, &now, "FIREBREAK_WEBHOOK_SECRET=secretsmanager:none",
		"FIREBREAK_PRIVATE_KEY=secretsmanager:empty", "FIREBREAK_SECRET_X=ssm:/x")
	double.SetSecret("empty", "")
	env, err := s.Read(t.Context())
	if err == nil || env != nil {
		t.Fatalf("%v, %v", env, err)
	}
	for _, want := range []string{"FIREBREAK_WEBHOOK_SECRET=secretsmanager:none: ",
		"ResourceNotFoundException", "FIREBREAK_PRIVATE_KEY=secretsmanager:empty: it is empty",
		"FIREBREAK_SECRET_X=ssm:/x: this function reads no parameters"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in:\n%v", want, err)
		}
	}
}

// While AWS is out of order, webhooks go on by the secrets that were good before.
func TestSecretsOutliveAnOutage(t *testing.T) {
	now := start
	s, double, log := newSecrets(t, &now, "FIREBREAK_WEBHOOK_SECRET=secretsmanager:fb/hook")
	double.SetSecret("fb/hook", "one")
	expect(t, s, map[string]string{"FIREBREAK_WEBHOOK_SECRET": "one"})
	double.SetSecret("fb/hook", "two")
	double.Refuse("GetSecretValue", "AccessDeniedException")
	now = now.Add(time.Hour)
	expect(t, s, map[string]string{"FIREBREAK_WEBHOOK_SECRET": "one"})
	if !strings.Contains(log.String(), "AccessDenied") {
		t.Errorf("the log says %s", log)
	}
	double.Refuse("GetSecretValue", "")
	expect(t, s, map[string]string{"FIREBREAK_WEBHOOK_SECRET": "one"}) // it is not tried at every request
	now = now.Add(time.Minute)
	expect(t, s, map[string]string{"FIREBREAK_WEBHOOK_SECRET": "two"})
}

func TestLambdasEnvironment(t *testing.T) {
	if _, err := aws.Config(func(string) string { return "" }); err == nil {
		t.Error("an empty environment, and no error")
	}
	cfg, err := aws.Config(func(name string) string { return "x-" + name })
	if err != nil {
		t.Fatal(err)
	}
	got, err := cfg.Credentials.Retrieve(t.Context())
	if err != nil || got.SessionToken != "x-AWS_SESSION_TOKEN" || cfg.Region != "x-AWS_REGION" {
		t.Errorf("%+v, %v", got, err)
	}
}

// One secret holds those of all services; one with a variable of its own counts. What isn't JSON is not repeated.
func TestOneSecretHoldsThoseOfAllServices(t *testing.T) {
	now := start
	s, double, log := newSecrets(t, &now, "FIREBREAK_SECRETS=secretsmanager:fb/services", "FIREBREAK_SECRET_SLACK=own")
	double.SetSecret("fb/services", `{"PAGERDUTY": "key", "SLACK": "other", "ACME__SMTP": "smtp://…"}`)
	expect(t, s, map[string]string{"FIREBREAK_SECRET_PAGERDUTY": "key", "FIREBREAK_SECRET_SLACK": "own",
		"FIREBREAK_SECRET_ACME__SMTP": "smtp://…", "FIREBREAK_SECRETS": ""})
	now = now.Add(5 * time.Minute)
	double.SetSecret("fb/services", `{"PAGERDUTY": "rotated"}`)
	expect(t, s, map[string]string{"FIREBREAK_SECRET_PAGERDUTY": "rotated"})
	now = now.Add(5 * time.Minute)
	double.SetSecret("fb/services", "hunter2")
	expect(t, s, map[string]string{"FIREBREAK_SECRET_PAGERDUTY": "rotated"})
	if !strings.Contains(log.String(), "FIREBREAK_SECRETS must hold JSON") || strings.Contains(log.String(), "hunter2") {
		t.Errorf("it logs %s", log)
	}
}

// After a rotation the secrets are read again once something did not fit, but no more than twice a minute.
func TestWhatDoesNotFitHasTheSecretsReadAgain(t *testing.T) {
	now := start
	s, double, _ := newSecrets(t, &now, "FIREBREAK_PRIVATE_KEY=secretsmanager:fb/key")
	double.SetSecret("fb/key", "old")
	expect(t, s, map[string]string{"FIREBREAK_PRIVATE_KEY": "old"})
	double.SetSecret("fb/key", "new")
	now = now.Add(10 * time.Second)
	s.Doubt()
	expect(t, s, map[string]string{"FIREBREAK_PRIVATE_KEY": "old"})
	now = now.Add(20 * time.Second)
	expect(t, s, map[string]string{"FIREBREAK_PRIVATE_KEY": "new"})
	double.Calls()
	for range 60 {
		now = now.Add(time.Second)
		s.Doubt()
		expect(t, s, map[string]string{"FIREBREAK_PRIVATE_KEY": "new"})
	}
	if n := len(double.Calls()); n != 2 {
		t.Errorf("strangers had them read %d times in a minute, want 2", n)
	}
}
