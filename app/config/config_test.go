package config_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/templates"
)

// byName compares zones and expressions by what they are called.
var byName = cmp.Options{
	cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() }),
	cmp.Comparer(func(a, b *regexp.Regexp) bool { return a == b || a != nil && b != nil && a.String() == b.String() }),
}

func TestEmptyMeansDefaults(t *testing.T) {
	for _, content := range []string{"", "\n\n", "# nothing but words\n", "---\n", "~"} {
		got, err := config.Parse([]byte(content))
		if err != nil {
			t.Errorf("%q: %v", content, err)
		}
		if diff := cmp.Diff(incident.DefaultPolicy(), got, byName); diff != "" {
			t.Errorf("%q is not the defaults:\n%s", content, diff)
		}
	}
}

// taken are files that the reader takes, and what they change in the defaults.
var taken = map[string]struct {
	content string
	change  func(*incident.Policy)
}{
	"V3 a rhythm": {"severities:\n  critical:\n    updates: {every: 30m}\n  regular: {}\n", func(p *incident.Policy) {
		p.Severities[0].Every = 30 * time.Minute
	}},
	"V3 severities of one's own": {"severities:\n  sev1: {critical: true}\n  sev2:\n    updates: {every: 1h, later: 1d, after: 2d, warn: 10m, grace: 15m}\n  sev3:\n", func(p *incident.Policy) {
		critical := p.Severities[0]
		critical.Name = "sev1"
		p.Severities = []incident.Severity{critical,
			{Name: "sev2", Every: time.Hour, Later: 24 * time.Hour, After: 48 * time.Hour, Amber: 10 * time.Minute, Grace: 15 * time.Minute},
			{Name: "sev3"}}
	}},
	"V3 no updates": {"severities: {critical: {updates: none}}", func(p *incident.Policy) {
		p.Severities = []incident.Severity{{Name: "critical", Critical: true}}
	}},
	"V3 a slow rhythm keeps its later one at least as slow, and warns within it": {"severities:\n  critical: {updates: {every: 3h}}\n  quick: {updates: {every: 4m}}", func(p *incident.Policy) {
		p.Severities[0].Every, p.Severities[0].Later = 3*time.Hour, 3*time.Hour
		p.Severities[1] = incident.Severity{Name: "quick", Every: 4 * time.Minute, Later: time.Hour, After: 2 * time.Hour, Amber: 2 * time.Minute, Grace: 5 * time.Minute}
	}},
	"I5 nobody is paged once the rounds are over": {"escalation: {again: never}\n", func(p *incident.Policy) { p.Again = 0 }},
	"I5 coordinators reach the default steps": {"coordinators: sre", func(p *incident.Policy) {
		p.Coordinators = "sre"
		p.Escalation[0].To, p.Escalation[1].To = []string{"sre"}, []string{"sre"}
	}},
	"I5 escalation": {"phones: [+49 30 1, 112]\nescalation:\n  rounds: 3\n  again: 20m\n  steps:\n  - to: sre\n  - to: [sre, '@dan', acme/platform]\n  - {after: 0s, to: phone}\n", func(p *incident.Policy) {
		p.Again, p.Rounds, p.Phones = 20*time.Minute, 3, []string{"+49 30 1", "112"}
		p.Escalation = []incident.EscalationStep{{To: []string{"sre"}},
			{After: 5 * time.Minute, To: []string{"sre", "@dan", "acme/platform"}}, {To: []string{"phone"}}}
	}},
	"customers in their order": {"services: {slack: {secret: SLACK, channel: C0123ABCD}}\ncustomers:\n  zeta:\n  Alpha:\n    contacts: Gina\n    channels:\n    - slack: '#alpha-p1'\n    - {issue: acme/alpha.x}\n    - webhook: ALPHA_HOOK\n    - email: ops@alpha.example\n", func(p *incident.Policy) {
		p.Services = []incident.Service{{Kind: "slack", Secret: "SLACK", Options: map[string]string{"channel": "C0123ABCD"}}}
		p.Customers = []incident.Customer{{Name: "zeta"}, {Name: "Alpha", Contacts: []string{"Gina"}, Channels: []incident.Channel{
			{Kind: "slack", To: "#alpha-p1"}, {Kind: "issue", To: "acme/alpha.x"}, {Kind: "webhook", To: "ALPHA_HOOK"}, {Kind: "email", To: "ops@alpha.example"}}}}
	}},
	"the rest": {"responders: [platform, payments]\nreminders: {missing-data: 2m, customer-update: 3m, vacant-role: 4m, unclaimed: 5m}\nfollow-ups: {in-product-repositories: false}\ntime-zone: Europe/Berlin\n", func(p *incident.Policy) {
		p.Responders = []string{"platform", "payments"}
		p.AskData, p.AskUpdate, p.AskRole, p.AskClaim = 2*time.Minute, 3*time.Minute, 4*time.Minute, 5*time.Minute
		p.Hours = incident.OfficeHours // where a time zone is named, people work by day
		p.Issues = false
		p.Zone, _ = time.LoadLocation("Europe/Berlin")
	}},
	"names that GitHub has": {"coordinators: SRE\nresponders: [_ops, Acme-/Platform]\nescalation: {steps: [{to: [SRE, '@dave_acme', '@bob-']}]}\n" +
		"postmortem: {reviewers: ['@a--b', jdoe_acme/sre]}\ncustomers: {globex: {channels: [issue: jdoe_acme/.github]}}\n", func(p *incident.Policy) {
		p.Coordinators, p.Responders = "sre", []string{"_ops", "Acme-/platform"}
		p.Escalation = []incident.EscalationStep{{To: []string{"sre", "@dave_acme", "@bob-"}}}
		p.Reviewers = []string{"@a--b", "jdoe_acme/sre"}
		p.Customers = []incident.Customer{{Name: "globex", Channels: []incident.Channel{{Kind: "issue", To: "jdoe_acme/.github"}}}}
	}},
	"Windows line ends": {"coordinators: incident-coordinators\r\nresponders:\r\n- platform\r\n", func(p *incident.Policy) { p.Responders = []string{"platform"} }},
	"I7 what readers claim": {"signals: [{source: reader, do: open}]\n", func(p *incident.Policy) {
		p.Signals = []incident.Rule{{Source: "reader", Action: incident.RuleOpen}}
	}},
	"M2 a stand-by": {"stand-by: {lasts: 2d, check-in: 1d12h}\n", func(p *incident.Policy) { p.StandBy, p.CheckIn = 48*time.Hour, 36*time.Hour }},
	"M2 working hours": {"working-hours: {from: 8:30, to: '24:00', days: [sun, mon]}\n", func(p *incident.Policy) {
		p.Hours = incident.Hours{From: 8*time.Hour + 30*time.Minute, To: 24 * time.Hour, Days: [7]bool{time.Sunday: true, time.Monday: true}}
	}},
	"M2 one working day": {"working-hours: {days: sat}\n", func(p *incident.Policy) { p.Hours = incident.OfficeHours; p.Hours.Days = [7]bool{time.Saturday: true} }},
	"C3 postmortems": {"postmortem: {reviewers: ['@carol', acme/sre], remind-after: 5}\n", func(p *incident.Policy) {
		p.Reviewers, p.ReviewDays = []string{"@carol", "acme/sre"}, 5
	}},
	"I5 a pager that needs nothing": {"pager: webhook\nescalation:\n  steps:\n  - {to: sre, by: github}\n  - {to: [sre, phone], by: [webhook, github]}\nphones: 112", func(p *incident.Policy) {
		p.Pager, p.Phones = "webhook", []string{"112"}
		p.Escalation = []incident.EscalationStep{{To: []string{"sre"}, By: []string{"github"}},
			{After: 5 * time.Minute, To: []string{"sre", "phone"}, By: []string{"webhook", "github"}}}
	}},
	"I5 services": {`
pager: pagerduty
escalation: {steps: [{to: sre, by: [email, slack]}, {to: [sre, "@dan"]}]}
services:
  pagerduty: {secret: PAGERDUTY, targets: {platform: PAGERDUTY_PLATFORM}}
  opsgenie: {secret: OPSGENIE, region: eu, targets: {acme/sre: 'user:dan@acme.example'}}
  jira: {secret: JSM_2, cloud: 11111111-2222-3333-4444-555555555555, user: bot@acme.example, targets: {sre: 'team:2'}}
  slack: {secret: SLACK, channel: C0123ABCD, targets: {"@dan": U0ABC}}
  email: {secret: SMTP, from: incidents@acme.example, targets: {sre: oncall@acme.example}}
`, func(p *incident.Policy) {
		p.Pager = "pagerduty"
		p.Escalation = []incident.EscalationStep{{To: []string{"sre"}, By: []string{"email", "slack"}}, {After: 5 * time.Minute, To: []string{"sre", "@dan"}}}
		p.Services = []incident.Service{
			{Kind: "pagerduty", Secret: "PAGERDUTY", Options: map[string]string{"region": "us"}, Targets: map[string]string{"platform": "PAGERDUTY_PLATFORM"}},
			{Kind: "opsgenie", Secret: "OPSGENIE", Options: map[string]string{"region": "eu"}, Targets: map[string]string{"acme/sre": "user:dan@acme.example"}},
			{Kind: "jira", Secret: "JSM_2", Options: map[string]string{"cloud": "11111111-2222-3333-4444-555555555555", "user": "bot@acme.example"}, Targets: map[string]string{"sre": "team:2"}},
			{Kind: "slack", Secret: "SLACK", Options: map[string]string{"channel": "C0123ABCD"}, Targets: map[string]string{"@dan": "U0ABC"}},
			{Kind: "email", Secret: "SMTP", Options: map[string]string{"from": "incidents@acme.example", "via": "smtp"}, Targets: map[string]string{"sre": "oncall@acme.example"}},
		}
	}},
	"I5 a mail's addresses are needed by the steps that mail": {`
pager: email
phones: 112
escalation: {steps: [{to: sre}, {to: [acme/sre, "@dan", phone]}, {to: platform, by: webhook}]}
services: {email: {secret: SMTP, from: incidents@acme.example, targets: {sre: oncall@acme.example, "@Dan": dan@acme.example}}}
`, func(p *incident.Policy) {
		p.Pager, p.Phones = "email", []string{"112"}
		p.Escalation = []incident.EscalationStep{{To: []string{"sre"}}, {After: 5 * time.Minute, To: []string{"acme/sre", "@dan", "phone"}},
			{After: 5 * time.Minute, To: []string{"platform"}, By: []string{"webhook"}}}
		p.Services = []incident.Service{{Kind: "email", Secret: "SMTP", Options: map[string]string{"from": "incidents@acme.example", "via": "smtp"}, Targets: map[string]string{"sre": "oncall@acme.example", "@Dan": "dan@acme.example"}}}
	}},
	"I5 services' defaults, and SES without a secret": {`
pager: email
coordinators: sre
services:
  opsgenie: {secret: OPSGENIE}
  email: {from: incidents@acme.example, reply-to: p1@acme.example, via: ses, region: eu-central-1, targets: {sre: oncall@acme.example}}
`, func(p *incident.Policy) {
		p.Pager, p.Coordinators = "email", "sre"
		p.Escalation[0].To, p.Escalation[1].To = []string{"sre"}, []string{"sre"}
		p.Services = []incident.Service{
			{Kind: "opsgenie", Secret: "OPSGENIE", Options: map[string]string{"region": "us"}},
			{Kind: "email", Options: map[string]string{"from": "incidents@acme.example", "reply-to": "p1@acme.example", "via": "ses", "region": "eu-central-1"}, Targets: map[string]string{"sre": "oncall@acme.example"}},
		}
	}},
}

func TestWhatAFileSays(t *testing.T) {
	for name, c := range taken {
		t.Run(name, func(t *testing.T) {
			want := incident.DefaultPolicy()
			c.change(&want)
			got, err := config.Parse([]byte(c.content))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, byName); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// uncommented returns the example file with the settings that are in comments: such a line has no
// blank after its #, or more than one.
func uncommented() string {
	return regexp.MustCompile(`(?m)^#(  |[a-z])`).ReplaceAllString(templates.Repository()[config.Path], "$1")
}

func TestTheDemosFileIsAsTheSandboxPromises(t *testing.T) {
	p, err := config.Parse([]byte(templates.Repository()[config.Path]))
	if err != nil {
		t.Fatal(err)
	}
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
	if p.Pager != "webhook" || p.StandBy != 24*time.Hour || len(p.Phones) == 0 || !p.Issues {
		t.Errorf("pager %q, stand-by %s, phones %q, follow-ups elsewhere %t", p.Pager, p.StandBy, p.Phones, p.Issues)
	}
}

// FuzzParse: no file stops an incident, every error says where it is, and what is taken can run.
func FuzzParse(f *testing.F) {
	f.Add([]byte(templates.Repository()[config.Path]))
	f.Add([]byte(uncommented()))
	for _, c := range taken {
		f.Add([]byte(c.content))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		p, err := config.Parse(content)
		if err != nil {
			mistakes := config.Mistakes(err)
			if len(mistakes) == 0 || strings.ContainsAny(config.Summary(config.Path, err, true), "\r\n") {
				t.Fatalf("%q returns %#v", content, err)
			}
			for _, e := range mistakes {
				if e.Problem == "" || strings.ContainsRune(e.Problem, '\n') || len(e.Problem) > 1000 || e.Line < 0 || e.Column < 0 {
					t.Fatalf("%q returns %#v", content, e)
				}
			}
		}
		critical := false
		for _, s := range p.Severities {
			critical = critical || s.Critical
			if s.Every < 0 || s.Every > 0 && (s.Amber >= s.Every || s.Later < s.Every || s.Grace <= 0) {
				t.Fatalf("%q returns %+v", content, s)
			}
		}
		if !critical || p.Zone == nil || p.Rounds < 1 || len(p.Escalation) == 0 || p.Coordinators == "" || p.StandBy <= 0 || p.CheckIn <= 0 || p.ReviewDays < 1 {
			t.Fatalf("%q returns a policy that can't run: %+v", content, p)
		}
		if h := p.Hours; h != (incident.Hours{}) && (h.From < 0 || h.From >= h.To || h.To > 24*time.Hour || h.Days == [7]bool{}) {
			t.Fatalf("%q returns %+v", content, h)
		}
		reachable(t, p, p.Pager)
		for _, step := range p.Escalation {
			if len(step.To) == 0 || step.After < 0 {
				t.Fatalf("%q returns %+v", content, step)
			}
			for _, kind := range step.By {
				reachable(t, p, kind)
			}
		}
		for _, s := range p.Services {
			if strings.Contains(s.Secret, "://") || s.Kind != "email" && s.Secret == "" {
				t.Fatalf("%q returns %+v", content, s)
			}
		}
	})
}

func reachable(t *testing.T, p incident.Policy, kind string) {
	t.Helper()
	if _, ok := p.Service(kind); !ok && kind != "github" && kind != "webhook" {
		t.Fatalf("pages go by %s, which has no settings: %+v", kind, p)
	}
}
