// Package app holds the product; this test holds its layout: who may import whom.
package app

import (
	"encoding/json"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/firebreak-dev/firebreak/"

// allowed lists which packages of ours each package may import. Arrows point inward: cmd and
// functions → assembly → adapters → engine → core.
var allowed = map[string][]string{
	"templates":           {"app/lazily", "app/incident", "app/naming", "app/oncall", "app/texts", "app/services", "app/sources"},
	"app/naming":          {},
	"app/reply":           {"app/lazily"},
	"app/lazily":          {},
	"app/texts":           {"app/lazily"},
	"app/services":        {},
	"app/sources":         {},
	"app/variables":       {},
	"app/texts/textstest": {},
	"app/incident":        {"app/lazily", "app/naming", "app/oncall", "app/texts", "app/words", "app/sources"},
	"app/command":         {"app/lazily", "app/reply", "app/incident", "app/naming", "app/texts", "app/words"},
	"app/words":           {"app/texts"},
	"app/suspect":         {"app/lazily", "app/naming", "app/words"},
	"app/similar":         {"app/naming", "app/texts", "app/words"},
	"app/owner":           {"app/naming"},
	"app/oncall":          {"app/naming"},
	"app/selftest":        {"app/naming"},
	"app/calendar":        {"app/naming", "app/oncall"},
	"app/config":          {"app/lazily", "app/incident", "app/naming", "app/oncall", "app/services", "app/sources", "app/texts"},
	"app/mark":            {},
	"app/moving":          {"app/naming", "app/oncall"},
	"app/moving/vendors":  {"app/moving", "app/wait"},
	"app/card":            {"app/incident", "templates", "app/naming", "app/texts"},
	"app/postmortem":      {"app/lazily", "app/incident", "templates", "app/naming", "app/texts"},
	"app/admission":       {},
	"app/logs":            {},
	"app/wait":            {},
	"app/answer":          {"app/admission", "app/engine", "app/incident", "app/logs", "templates"},
	"app/webhook":         {"app/lazily", "app/incident", "app/naming", "app/command", "app/admission", "app/logs", "app/texts"},
	"app/intake":          {"app/lazily", "app/reply", "app/incident", "app/admission", "app/logs", "app/texts", "app/sources"},
	"app/engine/ports":    {"app/incident", "app/suspect"},
	"app/engine/look":     {"app/engine/ports", "app/incident", "app/command", "app/mark", "app/metrics", "templates"},
	"app/engine/delivery": {"app/engine/ports", "app/incident"},
	"app/engine/effects": {"app/wait", "app/config", "app/oncall", "app/engine/delivery", "app/engine/look", "app/engine/ports", "app/incident", "app/mark", "app/similar", "app/suspect",
		"app/naming", "app/owner", "app/postmortem", "app/texts", "templates"},
	"app/engine": {"app/wait", "app/lazily", "app/engine/delivery", "app/engine/effects", "app/engine/look", "app/engine/ports", "app/incident", "app/command", "app/config", "app/card", "app/mark", "app/oncall", "app/selftest",
		"app/postmortem", "app/intake", "app/metrics", "templates", "app/naming", "app/reply", "app/texts", "app/sources"},
	"app/github":       {"app/lazily", "app/engine/ports", "app/incident", "app/metrics", "app/naming", "app/owner", "app/similar", "app/suspect", "app/wait"},
	"app/metrics":      {"app/services", "app/sources"},
	"app/metrics/prom": {"app/metrics"},
	"app/overview":     {"app/engine", "app/card", "app/incident", "templates", "app/texts"},
	"app/stats":        {"app/engine", "app/card", "app/incident", "templates", "app/naming"},
	"app/setup": {"app/config", "app/engine", "app/github", "app/incident", "templates",
		"app/naming", "app/stage", "app/texts"},
	"app/stage":  {"app/naming"},
	"app/replay": {"app/engine", "app/engine/ports", "app/incident", "app/owner", "app/similar", "app/webhook"},
	"app/doctor": {"app/config", "app/oncall", "app/engine", "app/engine/ports", "app/github", "app/incident", "app/setup",
		"app/naming", "app/owner", "app/selftest", "app/slack", "templates", "app/aws/stack", "app/stage"},
	"app/slack":            {"app/engine", "app/incident"},
	"app/store/storetest":  {},
	"app/store":            {"app/engine", "app/incident", "app/metrics", "app/wait"},
	"app/notify":           {"app/lazily", "templates", "app/engine", "app/incident", "app/naming", "app/wait", "app/texts", "app/services"},
	"app/aws":              {"app/incident"},
	"app/aws/worker":       {"app/aws", "app/engine", "app/incident", "app/metrics", "app/wait"},
	"app/aws/awstest":      {},
	"app/aws/stack":        {},
	"app/aws/awstest/trim": {},
	"functions/webhook": {"app/aws", "app/incident", "app/logs", "app/metrics", "app/naming",
		"app/webhook"},
	"app/server":           {"app/admission", "app/logs", "app/metrics/prom", "app/assembly", "app/variables"},
	"cmd/firebreak-serve":  {"app/server"},
	"functions/intake":     {"app/aws", "app/intake", "app/logs", "app/assembly/lambda"},
	"functions/slack":      {"app/aws", "app/logs", "app/assembly/lambda"},
	"functions/worker":     {"app/logs", "app/assembly/lambda"},
	"functions/sweep":      {"app/logs", "app/assembly/lambda"},
	"functions/build":      {},
	"functions/lambdatest": {},
	"app/bench/bare":       {"app/aws"},
	"app/sandbox": {"app/naming", "app/sandbox/forge", "app/sandbox/graphql", "app/sandbox/rest", "app/sandbox/web",
		"app/sandbox/workspace"},
	"app/demo":                          {"app/notify", "app/sandbox", "app/sandbox/workspace", "app/slack"},
	"app/sandbox/forge":                 {"app/naming"},
	"app/sandbox/graphql":               {"app/sandbox/forge"},
	"app/sandbox/rest":                  {"app/sandbox/forge"},
	"app/sandbox/web":                   {"app/naming", "app/sandbox/forge", "app/sandbox/workspace"},
	"app/sandbox/workspace":             {},
	"app/sandbox/workspace/webapi":      {},
	"app/sandbox/workspace/webapi/trim": {},
	"app/sandbox/contract":              {},
	"app/sandbox/graphql/trim":          {},
	"app/sandbox/contract/trim":         {},
	"app/sandbox/contract/pack":         {},
}

// free are the packages that may import everything of ours.
var free = []string{"app", "app/bench", "app/assembly", "app/assembly/lambda", "app/mutation",
	"app/simulation", "app/witness", "cmd/firebreak", "functions"}

type pkg struct {
	ImportPath string
	Doc        string
	Imports    []string
	Deps       []string
	Standard   bool
}

func list(t *testing.T, args ...string) []pkg {
	t.Helper()
	out, err := exec.Command("go",
		append([]string{"list", "-json=ImportPath,Doc,Imports,Deps,Standard"}, args...)...).Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var p pkg
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

func TestImportsPointInward(t *testing.T) {
	for _, p := range list(t, module+"...") {
		name := strings.TrimPrefix(p.ImportPath, module)
		may, known := allowed[name]
		if slices.Contains(free, name) {
			continue
		}
		if !known {
			t.Errorf("%s is not in the layout: say here what it may import", name)
		}
		for _, i := range p.Imports {
			if ours, ok := strings.CutPrefix(i, module); ok && !slices.Contains(may, ours) {
				t.Errorf("%s imports %s, which the layout does not allow", name, ours)
			}
		}
	}
}

// core are the packages that import only the standard library and each other.
var core = []string{"app/incident", "app/lazily", "app/naming", "app/oncall", "app/sources", "app/texts", "app/words"}

func TestTheCoreIsStandardLibraryOnly(t *testing.T) {
	for _, p := range list(t, "-deps", module+"app/incident") {
		if !p.Standard && !slices.Contains(core, strings.TrimPrefix(p.ImportPath, module)) {
			t.Errorf("the core depends on %s", p.ImportPath)
		}
	}
}

// The sandbox is GitHub as it is, and not as the product wishes: of ours it knows nothing but how
// GitHub names things, which is neither the product's nor the sandbox's and knows neither.
func TestTheSandboxKnowsNothingOfTheProduct(t *testing.T) {
	neutral := []string{module + "app/naming", module + "app/sandbox"}
	for _, p := range list(t, "-deps", module+"app/sandbox") {
		if strings.HasPrefix(p.ImportPath, module) && !slices.Contains(neutral, p.ImportPath) &&
			!strings.HasPrefix(p.ImportPath, module+"app/sandbox/") {
			t.Errorf("the sandbox depends on %s", p.ImportPath)
		}
	}
	for _, p := range list(t, "-deps", module+"app/naming") {
		if !p.Standard && p.ImportPath != module+"app/naming" {
			t.Errorf("the names depend on %s", p.ImportPath)
		}
	}
}

// The forge is the model alone: it speaks no HTTP and renders nothing.
func TestTheForgeSpeaksNoHTTP(t *testing.T) {
	mayNot := []string{"net/http", "html/template", "text/template"}
	for _, p := range list(t, module+"app/sandbox/forge") {
		for _, i := range p.Imports {
			if slices.Contains(mayNot, i) {
				t.Errorf("the forge imports %s", i)
			}
		}
	}
}

// The function that GitHub calls must start in milliseconds and hold nothing worth stealing.
func TestTheWebhookLinksNoClientAndNoKey(t *testing.T) {
	heavy := []string{"go-github", "ghinstallation", "jwt", module + "app/github", module + "app/notify",
		module + "app/engine", "slack-go", "go-pagerduty", "go-mail"}
	for _, p := range list(t, module+"app/webhook", module+"functions/webhook") {
		// The function needs AWS, and of it no more than the queue and the secrets.
		mayNot := append(heavy, "aws-sdk-go")
		if strings.HasSuffix(p.ImportPath, "functions/webhook") {
			mayNot = append(heavy, module+"app/aws/", "aws-sdk-go-v2/config", "aws-sdk-go-v2/service/ssm",
				"aws-sdk-go-v2/service/kms", "aws-sdk-go-v2/service/scheduler")
		}
		for _, d := range p.Deps {
			for _, h := range mayNot {
				if strings.Contains(d, h) {
					t.Errorf("%s links %s", p.ImportPath, d)
				}
			}
		}
	}
}

// What runs in production holds neither what is for developers nor the SDK of a cloud: what isn't
// there needs no patches, and nobody can turn it against the incidents.
func TestTheServerLinksNoSandboxAndNoCloud(t *testing.T) {
	mayNot := regexp.MustCompile(`^github\.com/aws/|^github\.com/graph-gophers/|^testing$|` +
		`^` + regexp.QuoteMeta(module) +
		`(app/(sandbox|demo|aws|assembly/lambda|bench|witness|simulation|setup|doctor|replay|stats)|cmd/firebreak)(/|$)`)
	for _, p := range list(t, "-deps", module+"cmd/firebreak-serve") {
		if mayNot.MatchString(p.ImportPath) {
			t.Errorf("firebreak-serve links %s", p.ImportPath)
		}
	}
}

// A function's metrics go out by its log, so that none pays at each start for what only a server needs.
func TestNoFunctionLinksPrometheus(t *testing.T) {
	for _, p := range list(t, module+"functions/webhook", module+"functions/intake", module+"functions/slack",
		module+"functions/worker", module+"functions/sweep") {
		for _, d := range p.Deps {
			if strings.Contains(d, "prometheus") {
				t.Errorf("%s links %s", p.ImportPath, d)
			}
		}
	}
}

func TestOneGoGitHub(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range list(t, "-deps", module+"...") {
		if rest, ok := strings.CutPrefix(p.ImportPath, "github.com/google/go-github/"); ok {
			version, _, _ := strings.Cut(rest, "/")
			seen[version] = true
		}
	}
	if len(seen) != 1 || !seen["v60"] {
		t.Errorf("the build holds the go-github versions %v, want v60 alone", seen)
	}
}
