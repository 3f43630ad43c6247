package stage_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/stage"
)

// checkout is a folder with serverless.yml as it is, and the file of the stage prod; "": none.
func checkout(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	template, err := os.ReadFile("../../serverless.yml")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"serverless.yml": string(template)}
	if text != "" {
		files["stages/prod.yml"] = text
	}
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const secret = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:firebreak/webhook-secret-a1B2c3"

func TestAStageIsRead(t *testing.T) {
	f, err := stage.Read(checkout(t, "# ours\nappId: 123456\nwebhookSecret: "+secret+"\nslackComments: true\n"+
		"repositories: acme/incidents,acme/p1\nkmsKey:\n"), "prod")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]string{"appId": "123456", "webhookSecret": secret, "slackComments": "true",
		"repositories": "acme/incidents,acme/p1"}, f.Params); d != "" || f.Stack() != "firebreak-prod" ||
		f.Region() != "eu-central-1" {
		t.Errorf("%s, in %s:\n%s", f.Stack(), f.Region(), d)
	}
}

func TestMistakesInAStageAreNamedAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"no file": {"", []string{"the stage prod has no file ", "prod.yml", "setup --to secretsmanager:NAME --stage prod",
			`appId: "123456"`}},
		"not YAML":       {"appId: [", []string{"one parameter a line"}},
		"twice":          {"appId: 1\nappId: 2\n", []string{"appId", "already defined"}},
		"lists":          {"appId: 1\nrepositories: [acme/incidents]\n", []string{"repositories: give one value"}},
		"no App":         {"appSlug: x\n", []string{"appId is missing"}},
		"another's case": {"appId: 1\nwebhooksecret: x\n", []string{"webhooksecret is no parameter", "it is webhookSecret"}},
		"several": {"appId: x\nnothing: 1\nservicesSecret: hunter2\n", []string{`"x" is not a number`,
			"nothing is no parameter", "servicesSecret: give the ARN"}},
		"another service": {"appId: 1\nkmsKey: " + secret + "\n", []string{"another service than kms"}},
		"another region": {"appId: 1\nregion: us-east-1\nwebhookSecret: " + secret + "\n",
			[]string{"webhookSecret is in another region than us-east-1"}},
		"halves": {"appId: 1\ndomain: firebreak.acme.example\nvpcSubnets: subnet-1\nfreezeUrl: https://f.example\n",
			[]string{"domain needs certificate", "vpcSubnets needs vpcSecurityGroups", "freezeUrl needs freezeSecret"}},
		"two keys": {"appId: 1\nkmsKey: arn:aws:kms:eu-central-1:123456789012:key/1\nprivateKey: " + secret + "\n",
			[]string{"both given"}},
	} {
		_, err := stage.Read(checkout(t, c.text), "prod")
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		}
		if name == "several" && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the secret is repeated: %v", err)
		}
		if is := errors.Is(err, os.ErrNotExist); is != (name == "no file") {
			t.Errorf("%s: not there: %t", name, is)
		}
	}
	if _, err := stage.Read(t.TempDir(), "prod"); err == nil || !strings.Contains(err.Error(), "--dir") {
		t.Errorf("elsewhere: %v", err)
	}
	for _, name := range []string{"", "../prod", "prod/x", "1"} {
		if _, err := stage.Read(checkout(t, "appId: 1"), name); err == nil || !strings.Contains(err.Error(), "such as prod") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestAStageIsWrittenOnceAndKept(t *testing.T) {
	dir := checkout(t, "")
	if err := stage.Create(dir, "prod", []stage.Param{{Name: "appId", Value: "17"}, {Name: "webhookSecret", Value: secret}}); err != nil {
		t.Fatal(err)
	}
	f, err := stage.Read(dir, "prod")
	if err != nil || f.Params["appId"] != "17" || f.Params["webhookSecret"] != secret {
		t.Fatalf("%+v %v", f, err)
	}
	if err := stage.Create(dir, "prod", nil); !errors.Is(err, os.ErrExist) {
		t.Errorf("another is written over it: %v", err)
	}
	for _, c := range []struct {
		repository string
		added      bool
		list       string
	}{{"acme/incidents", true, "acme/incidents"}, {"Acme/Incidents", false, "acme/incidents"},
		{"acme/p1", true, "acme/incidents,acme/p1"}} {
		added, err := stage.AddRepository(f.Path, c.repository)
		now, _ := stage.Read(dir, "prod")
		if err != nil || added != c.added || now.Params["repositories"] != c.list {
			t.Errorf("%s: %t %v %+v", c.repository, added, err, now)
		}
	}
}

func TestARepositoryIsAddedAndTheRestStays(t *testing.T) {
	for before, after := range map[string]string{
		"# ours\nappId: 1\n":                            "# ours\nappId: 1\nrepositories: \"acme/p1\"\n",
		"repositories: acme/incidents  # all\nappId: 1": "repositories: \"acme/incidents,acme/p1\"  # all\nappId: 1\n",
		"repositories: >\n  acme/incidents\n":           "",
	} {
		path := filepath.Join(t.TempDir(), "prod.yml")
		if err := os.WriteFile(path, []byte(before), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := stage.AddRepository(path, "acme/p1")
		text, _ := os.ReadFile(path)
		if after == "" && (err == nil || string(text) != before) || after != "" && string(text) != after {
			t.Errorf("%q became %q: %v", before, text, err)
		}
	}
	if _, err := stage.AddRepository(filepath.Join(t.TempDir(), "prod.yml"), "acme/p1"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// What an earlier deployment had is not lost: neither by a parameter that is missing, nor by a file that was written again.
func TestAMissingParameterIsNotLost(t *testing.T) {
	const hook, key = "arn:aws:secretsmanager:eu-central-1:1:secret:hook", "arn:aws:secretsmanager:eu-central-1:1:secret:key"
	for name, c := range map[string]struct {
		params  map[string]string
		outputs map[string]string
		made    string
		want    []string
	}{
		"all there": {map[string]string{"appId": "1", "webhookSecret": hook, "privateKey": key},
			map[string]string{"Parameters": "appId webhookSecret privateKey", "WebhookSecret": hook, "PrivateKey": key}, "", nil},
		"forgotten": {map[string]string{"appId": "1"},
			map[string]string{"Parameters": "appId pagerUrl webhookSecret", "WebhookSecret": hook}, "",
			[]string{`write pagerUrl: "" if it is to go`, `write webhookSecret: "` + hook + `"`}},
		"to go": {map[string]string{"appId": "1", "pagerUrl": ""}, map[string]string{"Parameters": "appId pagerUrl"}, "", nil},
		"to KMS": {map[string]string{"appId": "1", "kmsKey": "arn:aws:kms:eu-central-1:1:key/1"},
			map[string]string{"Parameters": "appId privateKey", "PrivateKey": key}, "", nil},
		"of before": {map[string]string{"appId": "1"}, map[string]string{"Parameters": "-", "WebhookSecret": hook, "PrivateKey": key}, "",
			[]string{`write privateKey: "` + key + `"`, `write webhookSecret: "` + hook + `"`}},
		"made by the stack": {map[string]string{"appId": "1"}, map[string]string{"WebhookSecret": hook}, "WebhookSecret", nil},
		"no stack":          {map[string]string{"appId": "1"}, nil, "", nil},
	} {
		f := &stage.File{Name: "prod", Path: "stages/prod.yml", Params: c.params}
		lost := f.Lost(c.outputs, func(resource string) bool { return resource == c.made })
		if len(lost) != len(c.want) {
			t.Errorf("%s: %q, want %q", name, lost, c.want)
			continue
		}
		for i, want := range c.want {
			if !strings.Contains(lost[i], want) {
				t.Errorf("%s: %q, want %q", name, lost[i], want)
			}
		}
	}
}

func TestACommandActsAsTheStagesApp(t *testing.T) {
	f := &stage.File{Params: map[string]string{"appId": "17", "webhookSecret": "arn:hook", "repositories": "acme/incidents",
		"servicesSecret": "arn:services"}}
	want := map[string]string{"FIREBREAK_APP_ID": "17", "FIREBREAK_WEBHOOK_SECRET": "secretsmanager:arn:hook",
		"FIREBREAK_REPOSITORIES": "acme/incidents", "FIREBREAK_SECRETS": "secretsmanager:arn:services",
		"FIREBREAK_PRIVATE_KEY": "secretsmanager:arn:made", "FIREBREAK_PUBLIC_URL": "https://x.example"}
	if d := cmp.Diff(want, f.Environment(map[string]string{"WebhookSecret": "arn:other", "PrivateKey": "arn:made",
		"WebhookURL": "https://x.example/webhook"})); d != "" {
		t.Error(d)
	}
	f.Params["kmsKey"] = "arn:kms"
	env := f.Environment(nil)
	if env["FIREBREAK_KMS_KEY"] != "arn:kms" || env["FIREBREAK_PRIVATE_KEY"] != "" || env["FIREBREAK_PUBLIC_URL"] != "" {
		t.Errorf("with a key in KMS: %v", env)
	}
}
