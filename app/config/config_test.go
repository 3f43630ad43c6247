package config_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/templates"
)

// zones are compared by their names.
var zones = cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() })

func TestEmptyMeansDefaults(t *testing.T) {
	for _, content := range []string{"", "\n\n", "# nothing but words\n", "---\n", "~"} {
		got, err := config.Parse([]byte(content))
		if err != nil {
			t.Errorf("%q: %v", content, err)
		}
		if diff := cmp.Diff(incident.DefaultPolicy(), got, zones); diff != "" {
			t.Errorf("%q is not the defaults:\n%s", content, diff)
		}
	}
}

func TestWhatAFileSays(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		change  func(*incident.Policy)
	}{
		"a rhythm": {"severities:\n  critical:\n    updates: {every: 30m}\n  regular: {}\n", func(p *incident.Policy) {
			p.Severities[0].Every = 30 * time.Minute
		}},
		"severities of one's own": {"severities:\n  sev1: {critical: true}\n  sev2:\n    updates: {every: 1h, later: 1d, after: 2d, warn: 10m, grace: 15m}\n  sev3:\n", func(p *incident.Policy) {
			critical := p.Severities[0]
			critical.Name = "sev1"
			p.Severities = []incident.Severity{critical,
				{Name: "sev2", Every: time.Hour, Later: 24 * time.Hour, After: 48 * time.Hour, Amber: 10 * time.Minute, Grace: 15 * time.Minute},
				{Name: "sev3"}}
		}},
		"no updates": {"severities: {critical: {updates: none}}", func(p *incident.Policy) {
			p.Severities = []incident.Severity{{Name: "critical", Critical: true}}
		}},
		"a slow rhythm keeps its later one at least as slow, and warns within it": {"severities:\n  critical: {updates: {every: 3h}}\n  quick: {updates: {every: 4m}}", func(p *incident.Policy) {
			p.Severities[0].Every, p.Severities[0].Later = 3*time.Hour, 3*time.Hour
			p.Severities[1] = incident.Severity{Name: "quick", Every: 4 * time.Minute, Later: time.Hour, After: 2 * time.Hour, Amber: 2 * time.Minute, Grace: 5 * time.Minute}
		}},
		"coordinators reach the default steps": {"coordinators: sre", func(p *incident.Policy) {
			p.Coordinators = "sre"
			p.Escalation[0].To, p.Escalation[1].To = []string{"sre"}, []string{"sre"}
		}},
		"escalation": {"phones: [+49 30 1, 112]\nescalation:\n  rounds: 3\n  steps:\n  - to: sre\n  - to: [sre, '@dan', acme/platform]\n  - {after: 0s, to: phone}\n", func(p *incident.Policy) {
			p.Rounds, p.Phones = 3, []string{"+49 30 1", "112"}
			p.Escalation = []incident.EscalationStep{{To: []string{"sre"}},
				{After: 5 * time.Minute, To: []string{"sre", "@dan", "acme/platform"}}, {To: []string{"phone"}}}
		}},
		"customers in their order": {"customers:\n  zeta:\n  Alpha:\n    contacts: Gina\n    channels:\n    - slack: '#alpha-p1'\n    - {issue: acme/alpha.x}\n    - webhook: ALPHA_HOOK\n    - email: ops@alpha.example\n", func(p *incident.Policy) {
			p.Customers = []incident.Customer{{Name: "zeta"}, {Name: "Alpha", Contacts: []string{"Gina"}, Channels: []incident.Channel{
				{Kind: "slack", To: "#alpha-p1"}, {Kind: "issue", To: "acme/alpha.x"}, {Kind: "webhook", To: "ALPHA_HOOK"}, {Kind: "email", To: "ops@alpha.example"}}}}
		}},
		"the rest": {"responders: [platform, payments]\nstand-by: {lasts: 2d, check-in: 12h}\nreminders: {missing-data: 2m, customer-update: 3m}\npostmortem: {reviewers: ['@carol', acme/sre]}\nfollow-ups: {in-product-repositories: true}\ntime-zone: Europe/Berlin\npager: github\n", func(p *incident.Policy) {
			p.Responders = []string{"platform", "payments"}
			p.StandBy, p.CheckIn = 48*time.Hour, 12*time.Hour
			p.AskData, p.AskUpdate = 2*time.Minute, 3*time.Minute
			p.Reviewers, p.Issues = []string{"@carol", "acme/sre"}, true
			p.Zone, _ = time.LoadLocation("Europe/Berlin")
		}},
		"Windows line ends": {"coordinators: incident-coordinators\r\nresponders:\r\n- platform\r\n", func(p *incident.Policy) { p.Responders = []string{"platform"} }},
	} {
		want := incident.DefaultPolicy()
		c.change(&want)
		got, err := config.Parse([]byte(c.content))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(want, got, zones); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestMistakesSayWhereAndWhatIsAllowed(t *testing.T) {
	for _, c := range []struct {
		content, want string // parts of want are between |
	}{
		{"severites: {}", `line 1, column 1: "severites" is not known in the file (did you mean severities?)|allowed: severities, responders`},
		{"coordinators: a\ncoordinators: b", "line 2, column 1: "},
		{"severities:\n  regular: {}\n", "line 2, column 3: no severity is critical"},
		{"severities:\n  Critical!: {critical: true}\n", `line 2, column 3: "Critical!" is no name for a severity`},
		{"severities:\n  critical:\n    criticl: true\n", "line 3, column 5: |did you mean critical?|allowed: critical, updates"},
		{"severities:\n  critical:\n    critical: yes\n", `line 3, column 15: true or false is expected here; this is "yes"`},
		{"severities:\n  critical:\n    updates:\n      every: 20\n", `line 4, column 14: "20" is no time span; such as 20m`},
		{"severities:\n  critical:\n    updates:\n      every: 0m\n", `line 4, column 14: "0m" is too short`},
		{"severities:\n  critical:\n    updates:\n      every: -5m\n", `line 4, column 14: "-5m" is too short`},
		{"severities:\n  critical:\n    updates:\n      every: 10s\n", `line 4, column 14: |one minute is the least`},
		{"severities:\n  critical:\n    updates:\n      every: 2000000h\n", `line 4, column 14: "2000000h" is too long`},
		{"severities:\n  critical:\n    updates: {later: 5m}\n", "line 3, column 22: later (5m) is the slower rhythm, so it must be at least every (20m)"},
		{"severities:\n  critical:\n    updates: {warn: 1h30m}\n", "line 3, column 21: warn (1h30m) must be shorter than every (20m)"},
		{"severities: [critical]", "line 1, column 13: severities holds names with a colon"},
		{"responders: [platform, platform]", `line 1, column 24: "platform" stands here twice`},
		{"responders: []", "responders is empty|"},
		{"responders: [Not A Team]", `line 1, column 14: "Not A Team" can't stand here`},
		{"coordinators:\n", "line 1, column 1: coordinators has no value"},
		{"coordinators: [a, b]", "line 1, column 15: a text is expected here; this is a list"},
		{"escalation: {rounds: 0}", "line 1, column 22: a number from 1 to 20"},
		{"escalation:\n  steps:\n  - after: 5m\n", "line 3, column 5: this step pages nobody"},
		{"escalation:\n  steps:\n  - to: [sre, phone]\n", `line 3, column 15: "phone" is the phone list, and there is none`},
		{"escalation:\n  steps:\n  - to: everybody here\n", `line 3, column 9: "everybody here" can't be paged`},
		{"escalation:\n  steps: {to: sre}\n", "line 2, column 10: steps is a list, such as - to: [incident-coordinators]"},
		{"phones: ['']", "line 1, column 10: a line of 1 to 200 characters"},
		{"pager: fax", `line 1, column 8: "fax" can't stand here; allowed: github, webhook`},
		{"customers:\n  none:\n", "line 2, column 3: a customer can't be called none"},
		{"customers:\n  globex:\n  Globex:\n", `line 3, column 3: the customer "Globex" stands here twice`},
		{"customers:\n  two words:\n", `line 2, column 3: "two words" is no name for a customer`},
		{"customers:\n  globex:\n    channels:\n    - issue: nowhere\n", `line 4, column 14: "nowhere" can't stand here: a repository as owner/repo is`},
		{"customers:\n  globex:\n    channels:\n    - slack: #globex-p1\n", `line 4, column 7: slack needs a channel|"#globex-p1"`},
		{"customers:\n  globex:\n    channels:\n    - fax: 1\n", `line 4, column 7: "fax" is no channel; issue, email, slack and webhook`},
		{"customers:\n  globex:\n    channels:\n    - {issue: a/b, email: a@b.example}\n", "line 4, column 20: a channel is one thing"},
		{"customers:\n  globex:\n    channels: [{issue: a/b}, {issue: a/b}]\n", `the issue "a/b" stands here twice`},
		{"customers:\n  globex:\n    channels:\n    - webhook: https://globex.example\n", "the name of an environment variable"},
		{"stand-by: {lasts: 1h, check-in: 8h}", "line 1, column 33: check-in (8h) must not be longer than the stand-by lasts (1h)"},
		{"postmortem: {reviewers: [platform]}", `line 1, column 26: "platform" is no reviewer: a person as "@login" or a team as owner/team`},
		{"time-zone: Berlin", `line 1, column 12: "Berlin" is no time zone`},
		{"time-zone: Local", "is no time zone"},
		{"just words", "line 1, column 1: the file holds names with a colon"},
		{"a: b\n---\nc: d\n", "line 3, column 1: a second document"},
		{"responders: *platform\n", "an anchor or alias|"},
		{"responders: [a", "line 1, "},
		{"\tresponders: a", "line 1, "},
		{strings.Repeat("[", 5000), "line 1, column 1: too many brackets"},
		{strings.Repeat("#", config.MaxSize+1), "are allowed"},
	} {
		_, err := config.Parse([]byte(c.content))
		if err == nil {
			t.Errorf("%q: no mistake found, want %s", c.content, c.want)
			continue
		}
		for _, part := range strings.Split(c.want, "|") {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q:\n got %s\nwant %s", c.content, err, part)
			}
		}
		var e *config.Error
		if !errors.As(err, &e) {
			t.Errorf("%q: %T is no *config.Error", c.content, err)
		}
	}
}

func TestEveryMistakeIsToldInTheFilesOrder(t *testing.T) {
	policy, err := config.Parse([]byte("pager: fax\nseverities:\n  critical: {critcal: true}\nresponders: 'x y'\n"))
	if err == nil {
		t.Fatal("no mistake found")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "line 1,") || !strings.HasPrefix(lines[1], "line 3,") || !strings.HasPrefix(lines[2], "line 4,") {
		t.Errorf("got %q", lines)
	}
	if diff := cmp.Diff(incident.DefaultPolicy(), policy, zones); diff != "" {
		t.Errorf("a broken file must change nothing:\n%s", diff)
	}
}

func TestTheDemosFileIsAsTheSandboxPromises(t *testing.T) {
	f, err := config.Read([]byte(templates.Repository()[config.Path]))
	if err != nil {
		t.Fatal(err)
	}
	p := f.Policy
	group := "incident-coordinators"
	want := []incident.EscalationStep{{To: []string{group}}, {After: 5 * time.Minute, To: []string{group, "platform"}}, {After: 5 * time.Minute, To: []string{"phone"}}}
	if diff := cmp.Diff(want, p.Escalation); diff != "" {
		t.Error(diff)
	}
	globex, _ := p.Customer("globex")
	channels := []incident.Channel{{Kind: "issue", To: "acme/customer-globex"}, {Kind: "email", To: "gina@globex.example"}}
	if diff := cmp.Diff(channels, globex.Channels); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(incident.DefaultPolicy().Severities, p.Severities); diff != "" {
		t.Error(diff)
	}
	if f.Pager != config.PagerWebhook || p.StandBy != 24*time.Hour || len(p.Phones) == 0 || !p.Issues {
		t.Errorf("pager %q, stand-by %s, phones %q, follow-ups elsewhere %t", f.Pager, p.StandBy, p.Phones, p.Issues)
	}
}

// FuzzParse: no file stops an incident, and every error says where it is.
func FuzzParse(f *testing.F) {
	f.Add([]byte(templates.Repository()[config.Path]))
	f.Fuzz(func(t *testing.T, content []byte) {
		p, err := config.Parse(content)
		if err != nil {
			var e *config.Error
			if !errors.As(err, &e) || e.Problem == "" || strings.ContainsRune(e.Problem, '\n') || e.Line < 0 || e.Column < 0 {
				t.Fatalf("%q gives %#v", content, err)
			}
			p = incident.DefaultPolicy()
		}
		critical := false
		for _, s := range p.Severities {
			critical = critical || s.Critical
			if s.Every < 0 || s.Every > 0 && (s.Amber >= s.Every || s.Later < s.Every || s.Grace <= 0) {
				t.Fatalf("%q gives %+v", content, s)
			}
		}
		if !critical || p.Zone == nil || p.Rounds < 1 || len(p.Escalation) == 0 || p.Coordinators == "" || p.StandBy <= 0 || p.CheckIn <= 0 {
			t.Fatalf("%q gives a policy that can't run: %+v", content, p)
		}
		for _, step := range p.Escalation {
			if len(step.To) == 0 || step.After < 0 {
				t.Fatalf("%q gives %+v", content, step)
			}
		}
	})
}
