package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// service describes the settings of one kind of service.
type service struct {
	kind    string
	options []option
	needs   []string // settings that can't be left out
	target  func(*reader, ast.Node) string
	each    bool // it reaches nobody without a target
	example string
}

// option is a setting that goes to incident.Service.Options.
type option struct {
	name    string
	read    func(*reader, ast.Node) string
	without string // its value where the file has none
}

var (
	cloudID   = regexp.MustCompile(`^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	awsRegion = regexp.MustCompile(`^[a-z]{2}(?:-[a-z]+)+-[0-9]$`)
	// Who is reached, beside a team: https://docs.opsgenie.com/docs/alert-api#create-alert, and the same at its successor.
	opsgenieName = regexp.MustCompile(`^(?:(?:team|user|schedule|escalation):)?[^:\s](?:[^:\n]{0,98}[^:\s])?$`)
	jiraID       = regexp.MustCompile(`^(?:(?:team|user|schedule|escalation):[A-Za-z0-9][A-Za-z0-9:_-]{0,127}|[A-Za-z0-9][A-Za-z0-9_-]{0,127})$`)
	slackID      = regexp.MustCompile(`^[SUW][A-Z0-9]{2,20}$`)
)

// services are the kinds that need settings. The pagers "github" (a mention) and "webhook" (whose address only the
// operator's environment knows) need none.
var services = []service{
	{kind: "pagerduty", needs: []string{"secret"}, target: (*reader).secret,
		options: []option{{name: "region", read: oneOf("us", "eu"), without: "us"}},
		example: "pagerduty: { secret: PAGERDUTY }"},
	{kind: "opsgenie", needs: []string{"secret"},
		target:  like(opsgenieName, "a team's name, or team:NAME, user:ADDRESS, schedule:NAME or escalation:NAME"),
		options: []option{{name: "region", read: oneOf("us", "eu"), without: "us"}},
		example: "opsgenie: { secret: OPSGENIE }"},
	{kind: "jira", needs: []string{"secret", "cloud", "user"}, each: true,
		target: like(jiraID, "the id of a team, or team:ID, user:ID, schedule:ID or escalation:ID"),
		options: []option{
			{name: "cloud", read: like(cloudID, "the site's cloud id, such as 11111111-2222-3333-4444-555555555555 (https://SITE.atlassian.net/_edge/tenant_info shows it)")},
			{name: "user", read: like(emailAddress, "the address of the account that the token belongs to, such as bot@acme.example")},
		},
		example: "jira: { secret: JSM, cloud: 11111111-2222-3333-4444-555555555555, user: bot@acme.example }"},
	{kind: "slack", needs: []string{"secret", "channel"},
		target:  like(slackID, "the id of a user group or a member, such as S0123ABCD or U0123ABCD"),
		options: []option{{name: "channel", read: like(slackChannel, aSlackChannel)}},
		example: "slack: { secret: SLACK, channel: C0123ABCD }"},
	{kind: "email", needs: []string{"from"}, each: true, target: like(emailAddress, anAddress),
		options: []option{
			{name: "from", read: like(emailAddress, "the sender's address, such as incidents@acme.example")},
			{name: "reply-to", read: like(emailAddress, "the address at which mails are taken in, such as p1@acme.example")},
			{name: "via", read: oneOf("smtp", "ses"), without: "smtp"},
			{name: "region", read: like(awsRegion, "a region of AWS, such as eu-central-1")},
		},
		example: "email: { secret: SMTP, from: incidents@acme.example }"},
}

func like(pattern *regexp.Regexp, allowed string) func(*reader, ast.Node) string {
	return func(r *reader, n ast.Node) string { return r.word(n, pattern.MatchString, allowed) }
}

func oneOf(allowed ...string) func(*reader, ast.Node) string {
	return func(r *reader, n ast.Node) string { return r.choice(n, allowed...) }
}

// Services lists the kinds of service that a step may go by.
func Services() []string {
	out := []string{"github", "webhook"}
	for _, s := range services {
		out = append(out, s.kind)
	}
	return out
}

// use is a place where the file says by which service people are reached.
type use struct {
	kind string
	at   ast.Node
	step int // -1: no step
}

// way reads the kind of service that a step goes by.
func (r *reader) way(n ast.Node, step int) string {
	kind := r.choice(n, Services()...)
	if kind != "" {
		r.uses = append(r.uses, use{kind, n, step})
	}
	return kind
}

func (r *reader) services(n ast.Node, p *incident.Policy) {
	var kinds []string
	for _, s := range services {
		kinds = append(kinds, s.kind)
	}
	for _, e := range r.entries(n, "services") {
		i := slices.Index(kinds, e.name)
		switch {
		case e.name == "github":
			r.problem(e.key, "github needs no settings: a mention of the team is the page")
		case e.name == "webhook":
			r.problem(e.key, "webhook needs no settings: the operator's environment holds its address as FIREBREAK_PAGER_URL")
		case i < 0:
			r.problem(e.key, unknown(e.name, "services", kinds))
		default:
			r.configured[e.name] = true
			p.Services = append(p.Services, r.service(e, services[i]))
		}
	}
}

func (r *reader) service(e entry, kind service) incident.Service {
	s := incident.Service{Kind: kind.kind}
	if isNull(e.value) {
		r.problem(e.key, fmt.Sprintf("%s has no settings; such as %s", e.name, kind.example))
		return s
	}
	mistakes := len(r.problems)
	fields := []field{{"secret", func(n ast.Node) { s.Secret = r.secret(n) }}}
	given := map[string]ast.Node{}
	set := func(name, value string) {
		if s.Options == nil {
			s.Options = map[string]string{}
		}
		s.Options[name] = value
	}
	for _, o := range kind.options {
		fields = append(fields, field{o.name, func(n ast.Node) { given[o.name] = n; set(o.name, o.read(r, n)) }})
	}
	fields = append(fields, field{"targets", func(n ast.Node) { s.Targets = r.names(n, kind.target) }})
	r.mapping(e.value, e.name, fields)
	if len(r.problems) > mistakes {
		return s
	}
	for _, o := range kind.options {
		if o.without != "" && given[o.name] == nil {
			set(o.name, o.without)
		}
	}
	for _, name := range kind.needs {
		if s.Options[name] == "" && (name != "secret" || s.Secret == "") {
			r.problem(e.key, fmt.Sprintf("%s needs %s; such as %s", e.name, name, kind.example))
		}
	}
	switch via, region := s.Options["via"], s.Options["region"]; {
	case via == "ses" && region == "":
		r.problem(e.key, "email by ses needs region; such as region: eu-central-1")
	case via == "smtp" && region != "":
		r.problem(given["region"], "region is for via: ses alone")
	case via == "smtp" && s.Secret == "": // ses takes the operator's own role at AWS
		r.problem(e.key, "email by smtp needs secret; such as "+kind.example)
	}
	return s
}

// names reads what a service calls teams and people.
func (r *reader) names(n ast.Node, value func(*reader, ast.Node) string) map[string]string {
	out, seen := map[string]string{}, map[string]bool{}
	for _, e := range r.entries(n, "targets") {
		switch {
		case !isTeam(e.name) && !isPerson(e.name), naming.Equal(e.name, "phone"):
			r.problem(e.key, shown(e.name)+` can't be a target; allowed: a team's short name, or a person as "@login", as in the steps`)
		case isNull(e.value):
			r.problem(e.key, "a target needs the name that the service knows it by")
		case !r.twiceFold(e.key, seen, e.name):
			out[e.name] = value(r, e.value)
		}
	}
	return out
}

// reach checks that those whom the file names can be reached.
func (r *reader) reach(p *incident.Policy) {
	said := map[string]bool{}
	for _, u := range r.uses {
		i := slices.IndexFunc(services, func(s service) bool { return s.kind == u.kind })
		if i >= 0 && !r.configured[u.kind] && !said[u.kind] {
			said[u.kind] = true
			r.problem(u.at, fmt.Sprintf("%s needs settings, and there are none: add services: { %s }", u.kind, services[i].example))
		}
	}
	if len(r.problems) > 0 {
		return
	}
	for _, s := range services {
		if s.each {
			r.reachEach(p, s.kind)
		}
	}
}

// reachEach checks that a service which needs a target for everybody has one for all whom steps reach by it.
func (r *reader) reachEach(p *incident.Policy, kind string) {
	settings, _ := p.Service(kind)
	seen := map[string]bool{"phone": true}
	for name := range settings.Targets {
		seen[strings.ToLower(name)] = true
	}
	for _, u := range r.uses {
		if u.kind != kind {
			continue
		}
		steps := p.Escalation // those that have no by, for the pager
		if u.step >= 0 {
			steps = p.Escalation[u.step : u.step+1]
		}
		for _, step := range steps {
			if u.step < 0 && len(step.By) > 0 {
				continue
			}
			for _, to := range step.To {
				full := strings.ToLower(to)
				_, short, _ := strings.Cut(full, "/") // platform may stand for acme/platform
				if !seen[full] && !seen[short] {
					seen[full] = true
					r.problem(u.at, fmt.Sprintf("%s reaches only those who are in its targets: add %s there", kind, shown(to)))
				}
			}
		}
	}
}

// A secret's name, and what is none. The value comes from the operator's environment.
var (
	secretName = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,59}$`)
	tokenShape = regexp.MustCompile(`^(?:gh[a-z]_|github_pat_|glpat-|xox[a-z]-|xapp-|whsec_|eyJ|AIza|sk-).{12}|^A[KS]IA[A-Z0-9]{12}|-----BEGIN|^(?i:bearer|basic) |^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-`)
	longRun    = regexp.MustCompile(`[A-Za-z0-9+/=]{16}`)
	twoDigits  = regexp.MustCompile(`(?s)[0-9].*[0-9]`)
)

const secretPrefix = "FIREBREAK_SECRET_"

const writeName = "write a name such as PAGERDUTY, whose value the operator's environment holds as " + secretPrefix + "PAGERDUTY"

// private tells whether a text may be a secret, or an address with one.
func private(text string) bool {
	return strings.Contains(text, "://") || tokenShape.MatchString(text) || longRun.MatchString(text) && twoDigits.MatchString(text)
}

// secret reads the name of a secret. What else stands there is never repeated: it may be the secret itself.
func (r *reader) secret(n ast.Node) string {
	text, ok := scalar(n)
	switch {
	case !ok:
		r.problem(n, fmt.Sprintf("the name of a secret is expected here; this is %s", kind(n)))
	case strings.Contains(text, "://"):
		r.problem(n, "this is an address, and the file must not hold one: "+writeName)
	case private(text):
		r.problem(n, "this looks like a secret itself: take it out of the file and revoke it, for the history keeps it; then "+writeName)
	case strings.HasPrefix(text, secretPrefix):
		r.problem(n, "write the name without "+secretPrefix+", which is put before it")
	case !secretName.MatchString(text):
		r.problem(n, "this is not the name of a secret: capital letters, digits and _ are allowed; "+writeName)
	default:
		return text
	}
	return ""
}
