// Package config reads .github/firebreak.yml into the policy that the core works by, and says of every mistake where it
// stands and what is allowed there.
package config

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a Lambda's system has no time zones

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// Path is where the file stands in an incident repository.
const Path = ".github/firebreak.yml"

// MaxSize is how large the file may be, in bytes.
const MaxSize = 64 << 10

// Error is one mistake.
type Error struct {
	Line, Column int // from 1; 0 where it concerns the whole file
	Problem      string
}

// Error gives the mistake with its place.
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Problem
	}
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Problem)
}

// The pagers that a file may name.
const (
	PagerGitHub  = "github"  // a mention of the team: needs nothing
	PagerWebhook = "webhook" // a signed POST to an address of the environment
)

// File is what a file says.
type File struct {
	Policy incident.Policy
	Pager  string // "github" or "webhook"; empty: the file names none
}

// Parse gives the policy that a file describes. What it doesn't name is as in incident.DefaultPolicy. Several mistakes
// are joined, each an *Error, in the file's order.
func Parse(content []byte) (incident.Policy, error) {
	f, err := Read(content)
	return f.Policy, err
}

// Read is Parse with what is not the core's.
func Read(content []byte) (File, error) {
	f := File{Policy: incident.DefaultPolicy()}
	root, err := document(content)
	if err != nil {
		return File{Policy: incident.DefaultPolicy()}, err
	}
	if root == nil {
		return f, nil
	}
	r := &reader{}
	r.file(root, &f)
	if len(r.problems) > 0 {
		slices.SortStableFunc(r.problems, func(a, b *Error) int {
			if a.Line != b.Line {
				return a.Line - b.Line
			}
			return a.Column - b.Column
		})
		all := make([]error, len(r.problems))
		for i, p := range r.problems {
			all[i] = p
		}
		return File{Policy: incident.DefaultPolicy()}, errors.Join(all...)
	}
	return f, nil
}

// document parses the YAML. A nil node is an empty file.
func document(content []byte) (root ast.Node, err error) {
	if len(content) > MaxSize {
		return nil, &Error{Problem: fmt.Sprintf("the file has %d bytes; %d are allowed", len(content), MaxSize)}
	}
	if line := deep(content); line > 0 {
		return nil, &Error{Line: line, Column: 1, Problem: "too many brackets or indents inside each other"}
	}
	defer func() {
		if recover() != nil { // a parser's bug in somebody's file must not stop an incident
			root, err = nil, &Error{Problem: "this is not YAML that can be read"}
		}
	}()
	file, err := parser.ParseBytes(content, 0)
	if err != nil {
		var y yaml.Error
		if !errors.As(err, &y) || y.GetToken() == nil || y.GetToken().Position == nil {
			return nil, &Error{Problem: "this is not YAML: " + firstLine(err.Error())}
		}
		at := y.GetToken().Position
		return nil, &Error{max(1, at.Line), max(1, at.Column), firstLine(y.GetMessage())}
	}
	var bodies []ast.Node
	for _, d := range file.Docs {
		if d.Body != nil && d.Body.Type() != ast.NullType {
			bodies = append(bodies, d.Body)
		}
	}
	switch len(bodies) {
	case 0:
		return nil, nil
	case 1:
		return bodies[0], nil
	}
	line, column := place(bodies[1])
	return nil, &Error{line, column, "a second document begins here; one is allowed"}
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}

// deep finds the line on which brackets stand deeper inside each other than any configuration needs: the parser's time
// grows with the square of it.
func deep(content []byte) int {
	depth, line, marks := 0, 1, 0
	for _, c := range content {
		switch c {
		case '\n':
			line, marks = line+1, 0
		case '[', '{':
			depth++
		case ']', '}':
			depth = max(0, depth-1)
		case '-', '?', ':', '&', '!', '*':
			marks++
		}
		if depth > 100 || marks > 2000 {
			return line
		}
	}
	return 0
}

// What names may look like: severities, customers and people are single words in commands.
var (
	severityName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,38}$`)
	customerName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$`)
	teamName     = regexp.MustCompile(`^(?:[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}/)?[a-z0-9][a-z0-9_-]{0,99}$`)
	loginName    = regexp.MustCompile(`^@[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}$`)
	repoName     = regexp.MustCompile(`^[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}/[A-Za-z0-9._-]{1,100}$`)
	emailAddress = regexp.MustCompile(`^[^@\s<>,;"]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+$`)
	slackChannel = regexp.MustCompile(`^#?[a-z0-9][a-z0-9_-]{0,79}$|^[CG][A-Z0-9]{7,20}$`)
	variable     = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,99}$`)
)

// file reads the whole.
func (r *reader) file(n ast.Node, f *File) {
	p := &f.Policy
	var phone, phones ast.Node // where the phone list is named, and where it stands
	ownSteps := false
	r.mapping(n, "the file", []field{
		{"severities", func(n ast.Node) { r.severities(n, p) }},
		{"responders", func(n ast.Node) {
			p.Responders = r.words(n, "responders", teamName, "a team's short name, such as platform")
		}},
		{"coordinators", func(n ast.Node) {
			p.Coordinators = r.word(n, teamName, "a team's short name, such as incident-coordinators")
		}},
		{"escalation", func(n ast.Node) { phone, ownSteps = r.escalation(n, p) }},
		{"phones", func(n ast.Node) { p.Phones, phones = r.lines(n, "phones"), n }},
		{"pager", func(n ast.Node) { f.Pager = r.choice(n, PagerGitHub, PagerWebhook) }},
		{"customers", func(n ast.Node) { r.customers(n, p) }},
		{"stand-by", func(n ast.Node) { r.standBy(n, p) }},
		{"reminders", func(n ast.Node) {
			r.mapping(n, "reminders", []field{
				{"missing-data", func(n ast.Node) { r.duration(n, &p.AskData) }},
				{"customer-update", func(n ast.Node) { r.duration(n, &p.AskUpdate) }},
			})
		}},
		{"follow-ups", func(n ast.Node) {
			r.mapping(n, "follow-ups", []field{{"in-product-repositories", func(n ast.Node) { r.boolean(n, &p.Issues) }}})
		}},
		{"postmortem", func(n ast.Node) {
			r.mapping(n, "postmortem", []field{{"reviewers", func(n ast.Node) { p.Reviewers = r.reviewers(n) }}})
		}},
		{"time-zone", func(n ast.Node) { r.zone(n, p) }},
	})
	if phone != nil && phones == nil {
		r.problem(phone, `"phone" is the phone list, and there is none: add phones: ["name, number"]`)
	}
	if ownSteps {
		return
	}
	for _, step := range p.Escalation { // the default steps go to the file's coordinators
		for i, to := range step.To {
			if to == incident.DefaultPolicy().Coordinators {
				step.To[i] = p.Coordinators
			}
		}
	}
}

func (r *reader) severities(n ast.Node, p *incident.Policy) {
	defaults := p.Severities
	entries := r.entries(n, "severities")
	if entries == nil {
		return
	}
	p.Severities = nil
	critical, mistakes := false, len(r.problems)
	for _, e := range entries {
		if !severityName.MatchString(e.name) {
			r.problem(e.key, fmt.Sprintf("%q is no name for a severity: it becomes a label and a word of commands; small letters, digits and - are allowed", e.name))
			continue
		}
		if e.name == "phase" || e.name == "none" {
			r.problem(e.key, fmt.Sprintf("%q can't be the name of a severity", e.name))
			continue
		}
		s := r.severity(e, defaults)
		critical = critical || s.Critical
		p.Severities = append(p.Severities, s)
	}
	if !critical && len(r.problems) == mistakes {
		r.problem(n, "no severity is critical: the one that starts the P1 process needs critical: true")
	}
}

// severity reads one. A severity that the defaults know begins as it is there; a critical one that they don't, as their
// critical one.
func (r *reader) severity(e entry, defaults []incident.Severity) incident.Severity {
	s := incident.Severity{Name: e.name}
	if i := slices.IndexFunc(defaults, func(d incident.Severity) bool { return d.Name == e.name }); i >= 0 {
		s = defaults[i]
	}
	if isNull(e.value) {
		return s
	}
	var updates ast.Node
	var said bool
	r.mapping(e.value, "severity "+e.name, []field{
		{"critical", func(n ast.Node) { r.boolean(n, &s.Critical); said = true }},
		{"updates", func(n ast.Node) { updates = n }},
	})
	base := defaults[slices.IndexFunc(defaults, func(d incident.Severity) bool { return d.Critical })]
	if said && s.Critical && s.Every == 0 || updates != nil && s.Every == 0 {
		s.Every, s.Later, s.After, s.Amber, s.Grace = base.Every, base.Later, base.After, base.Amber, base.Grace
	}
	if said && !s.Critical && updates == nil {
		s.Every, s.Later, s.After, s.Amber, s.Grace = 0, 0, 0, 0, 0
	}
	if updates != nil {
		r.updates(updates, &s)
	}
	return s
}

func (r *reader) updates(n ast.Node, s *incident.Severity) {
	if text, ok := scalar(n); ok && text == "none" {
		s.Every, s.Later, s.After, s.Amber, s.Grace = 0, 0, 0, 0, 0
		return
	}
	mistakes := len(r.problems)
	var every, later, warn ast.Node
	r.mapping(n, "updates", []field{
		{"every", func(n ast.Node) { every = n; r.duration(n, &s.Every) }},
		{"later", func(n ast.Node) { later = n; r.duration(n, &s.Later) }},
		{"after", func(n ast.Node) { r.duration(n, &s.After) }},
		{"warn", func(n ast.Node) { warn = n; r.duration(n, &s.Amber) }},
		{"grace", func(n ast.Node) { r.duration(n, &s.Grace) }},
	})
	if len(r.problems) > mistakes {
		return
	}
	switch {
	case s.Later < s.Every && later != nil:
		r.problem(later, fmt.Sprintf("later (%s) is the slower rhythm, so it must be at least every (%s)", short(s.Later), short(s.Every)))
	case s.Later < s.Every:
		s.Later = s.Every
	}
	switch {
	case s.Amber >= s.Every && warn != nil:
		r.problem(warn, fmt.Sprintf("warn (%s) must be shorter than every (%s)", short(s.Amber), short(s.Every)))
	case s.Amber >= s.Every:
		s.Amber = s.Every / 2
	}
	if s.Every < time.Minute && every != nil {
		r.problem(every, "an update every few seconds is none: one minute is the least")
	}
}

// escalation gives the first node that names the phone list, and tells whether the file has steps of its own.
func (r *reader) escalation(n ast.Node, p *incident.Policy) (phone ast.Node, own bool) {
	r.mapping(n, "escalation", []field{
		{"rounds", func(n ast.Node) { r.count(n, &p.Rounds, 1, 20) }},
		{"steps", func(n ast.Node) {
			own = true
			items := r.items(n, "steps", "- to: [incident-coordinators]")
			if len(items) == 0 {
				return
			}
			p.Escalation = nil
			for i, item := range items {
				step := incident.EscalationStep{}
				if i > 0 {
					step.After = 5 * time.Minute // PROCESS I5
				}
				at := len(r.problems)
				r.mapping(item, "a step", []field{
					{"after", func(n ast.Node) { r.durationFrom(n, &step.After, 0) }},
					{"to", func(n ast.Node) {
						for _, target := range r.items(n, "to", "incident-coordinators") {
							word, ok := r.text(target)
							switch {
							case !ok:
							case word == "phone":
								if phone == nil {
									phone = target
								}
								step.To = append(step.To, word)
							case teamName.MatchString(word), loginName.MatchString(word):
								if slices.Contains(step.To, word) {
									r.problem(target, fmt.Sprintf("%q stands here twice", word))
								}
								step.To = append(step.To, word)
							default:
								r.problem(target, fmt.Sprintf("%q can't be paged: a team's short name, a person as \"@login\", or phone is allowed", word))
							}
						}
					}},
				})
				if len(step.To) == 0 && len(r.problems) == at {
					r.problem(item, "this step pages nobody: it needs to: [incident-coordinators]")
				}
				p.Escalation = append(p.Escalation, step)
			}
		}},
	})
	return phone, own
}

func (r *reader) customers(n ast.Node, p *incident.Policy) {
	for _, e := range r.entries(n, "customers") {
		if !customerName.MatchString(e.name) {
			r.problem(e.key, fmt.Sprintf("%q is no name for a customer: it is a word of commands; letters, digits, ., _ and - are allowed", e.name))
			continue
		}
		if strings.EqualFold(e.name, "none") {
			r.problem(e.key, "a customer can't be called none: that word says that no customer is impacted")
			continue
		}
		if _, twice := p.Customer(e.name); twice {
			r.problem(e.key, fmt.Sprintf("the customer %q stands here twice; capitals make no difference", e.name))
			continue
		}
		c := incident.Customer{Name: e.name}
		if !isNull(e.value) {
			r.mapping(e.value, "customer "+e.name, []field{
				{"contacts", func(n ast.Node) { c.Contacts = r.lines(n, "contacts") }},
				{"channels", func(n ast.Node) { c.Channels = r.channels(n) }},
			})
		}
		p.Customers = append(p.Customers, c)
	}
}

func (r *reader) channels(n ast.Node) (out []incident.Channel) {
	for _, item := range r.items(n, "channels", "- issue: owner/repo") {
		entries := r.entries(item, "a channel")
		if entries == nil {
			continue
		}
		if len(entries) > 1 {
			r.problem(entries[1].key, "a channel is one thing: begin the next with a new -")
			continue
		}
		e := entries[0]
		var pattern *regexp.Regexp
		var allowed string
		switch e.name {
		case "issue":
			pattern, allowed = repoName, "a repository as owner/repo"
		case "email":
			pattern, allowed = emailAddress, "an address such as gina@globex.example"
		case "slack":
			pattern, allowed = slackChannel, `a channel such as globex-p1 (with a # it needs quotes: "#globex-p1")`
		case "webhook":
			pattern, allowed = variable, "the name of an environment variable that holds the address, such as GLOBEX_WEBHOOK"
		default:
			r.problem(e.key, fmt.Sprintf("%q is no channel%s; issue, email, slack and webhook are allowed", e.name, meant(e.name, []string{"issue", "email", "slack", "webhook"})))
			continue
		}
		if isNull(e.value) {
			r.problem(e.key, fmt.Sprintf("%s needs %s", e.name, allowed))
			continue
		}
		to := r.word(e.value, pattern, allowed)
		if to == "" {
			continue
		}
		c := incident.Channel{Kind: e.name, To: to}
		if slices.Contains(out, c) {
			r.problem(e.value, fmt.Sprintf("the %s %q stands here twice", c.Kind, c.To))
			continue
		}
		out = append(out, c)
	}
	return out
}

func (r *reader) standBy(n ast.Node, p *incident.Policy) {
	mistakes := len(r.problems)
	var checkIn ast.Node
	r.mapping(n, "stand-by", []field{
		{"lasts", func(n ast.Node) { r.duration(n, &p.StandBy) }},
		{"check-in", func(n ast.Node) { checkIn = n; r.duration(n, &p.CheckIn) }},
	})
	if checkIn != nil && len(r.problems) == mistakes && p.CheckIn > p.StandBy {
		r.problem(checkIn, fmt.Sprintf("check-in (%s) must not be longer than the stand-by lasts (%s)", short(p.CheckIn), short(p.StandBy)))
	}
}

func (r *reader) reviewers(n ast.Node) (out []string) {
	for _, item := range r.items(n, "reviewers", `"@carol"`) {
		word, ok := r.text(item)
		switch {
		case !ok:
		case loginName.MatchString(word), strings.Contains(word, "/") && teamName.MatchString(word):
			out = append(out, word)
		default:
			r.problem(item, fmt.Sprintf("%q is no reviewer: a person as \"@login\" or a team as owner/team is allowed", word))
		}
	}
	return out
}

func (r *reader) zone(n ast.Node, p *incident.Policy) {
	name, ok := r.text(n)
	if !ok {
		return
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		r.problem(n, fmt.Sprintf("%q is no time zone; names such as Europe/Berlin and UTC are allowed", name))
		return
	}
	p.Zone = zone
}
