package config

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a Lambda's system has no time zones

	"github.com/goccy/go-yaml/ast"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// What names may look like that are no names on GitHub: severities and customers are single words in commands.
var (
	severityName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,38}$`)
	customerName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$`)
	emailAddress = regexp.MustCompile(`^[^@\s<>,;"]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+$`)
	slackChannel = regexp.MustCompile(`^#?[a-z0-9][a-z0-9_-]{0,79}$|^[CG][A-Z0-9]{7,20}$`)
)

// isTeam reports whether a word may name a team: its slug, or owner/slug. The phone list looks like one.
func isTeam(word string) bool {
	_, _, full := naming.SplitTeam(word)
	return full || naming.IsTeam(word)
}

// isPerson reports whether a word may name a person, as @login.
func isPerson(word string) bool {
	login, ok := strings.CutPrefix(word, "@")
	return ok && naming.IsLogin(login)
}

// slugged returns a team as GitHub spells it: slugs have no capitals, whatever the team's name has.
func slugged(team string) string {
	at := strings.LastIndexByte(team, '/') + 1
	return team[:at] + naming.Key(team[at:])
}

const (
	aTeam         = "a team's short name, such as platform"
	anAddress     = "an address such as gina@globex.example"
	aSlackChannel = `a channel such as C0123ABCD or globex-p1 (with a # it needs quotes: "#globex-p1")`
)

// file reads the whole.
func (r *reader) file(n ast.Node, p *incident.Policy) {
	listed, hours, zoned := false, false, false
	r.mapping(n, "the file", []field{
		{"severities", func(n ast.Node) { r.severities(n, p) }},
		{"responders", func(n ast.Node) { p.Responders = r.teams(n, "responders") }},
		{"coordinators", func(n ast.Node) { p.Coordinators = slugged(r.word(n, isTeam, aTeam)) }},
		{"pager", func(n ast.Node) { p.Pager = r.way(n, -1) }},
		{"escalation", func(n ast.Node) { r.escalation(n, p) }},
		{"phones", func(n ast.Node) { listed = true; p.Phones = r.lines(n, "phones") }},
		{"services", func(n ast.Node) { r.services(n, p) }},
		{"customers", func(n ast.Node) { r.customers(n, p) }},
		{"signals", func(n ast.Node) { r.signals(n, p) }},
		{"broadcast", func(n ast.Node) {
			p.Broadcast = r.words(n, "broadcast", slackChannel.MatchString, aSlackChannel)
			r.uses = append(r.uses, use{"slack", n, -1})
		}},
		{"stand-by", func(n ast.Node) { r.standBy(n, p) }},
		{"working-hours", func(n ast.Node) { hours, p.Hours = true, incident.OfficeHours; r.hours(n, &p.Hours) }},
		{"reminders", func(n ast.Node) {
			r.mapping(n, "reminders", []field{
				{"missing-data", func(n ast.Node) { r.durationFrom(n, &p.AskData, time.Minute) }},
				{"customer-update", func(n ast.Node) { r.durationFrom(n, &p.AskUpdate, time.Minute) }},
				{"vacant-role", func(n ast.Node) { r.durationFrom(n, &p.AskRole, time.Minute) }},
				{"unclaimed", func(n ast.Node) { r.durationFrom(n, &p.AskClaim, time.Minute) }},
			})
		}},
		{"follow-ups", func(n ast.Node) {
			r.mapping(n, "follow-ups", []field{{"in-product-repositories", func(n ast.Node) { r.boolean(n, &p.Issues) }}})
		}},
		{"postmortem", func(n ast.Node) {
			r.mapping(n, "postmortem", []field{
				{"reviewers", func(n ast.Node) { p.Reviewers = r.reviewers(n) }},
				{"remind-after", func(n ast.Node) { r.count(n, &p.ReviewDays, 1, 60, "working days") }},
			})
		}},
		{"time-zone", func(n ast.Node) { r.zone(n, p); zoned = true }},
	})
	if zoned && !hours { // who says where people work gets the hours at which people do
		p.Hours = incident.OfficeHours
	}
	if r.phone != nil && !listed {
		r.problem(r.phone, `"phone" is the phone list, and there is none: add phones: ["name, number"]`)
	}
	if !r.steps { // the default steps go to the file's coordinators
		for _, step := range p.Escalation {
			for i, to := range step.To {
				if to == incident.DefaultPolicy().Coordinators {
					step.To[i] = p.Coordinators
				}
			}
		}
	}
	r.reach(p)
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
			r.problem(e.key, shown(e.name)+" can't be the name of a severity: it becomes a label and a word of commands; small letters, digits and - are allowed")
			continue
		}
		if e.name == "phase" || e.name == "none" {
			r.problem(e.key, shown(e.name)+" can't be the name of a severity: it means something else in commands")
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
	r.mapping(e.value, "a severity", []field{
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
	if text, ok := scalar(n); ok {
		if text != "none" {
			r.problem(n, fmt.Sprintf("%s is not allowed here%s; allowed: none, or a block with every, later, after, warn and grace", shown(text), meant(text, []string{"none"})))
			return
		}
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
		r.problem(every, "an update every few seconds is too often: one minute is the shortest")
	}
}

func (r *reader) escalation(n ast.Node, p *incident.Policy) {
	r.mapping(n, "escalation", []field{
		{"rounds", func(n ast.Node) { r.count(n, &p.Rounds, 1, 20, "rounds") }},
		{"again", func(n ast.Node) { r.again(n, p) }},
		{"steps", func(n ast.Node) {
			r.steps = true
			items := r.items(n, "steps", "- to: [incident-coordinators]")
			if len(items) == 0 {
				return
			}
			p.Escalation = nil
			for i, item := range items {
				p.Escalation = append(p.Escalation, r.step(item, i))
			}
		}},
	})
}

// again reads how often everybody is paged once the rounds are over.
func (r *reader) again(n ast.Node, p *incident.Policy) {
	switch text, _ := scalar(n); {
	case text == "never":
		p.Again = 0
	case text == "none" || text == "no" || text == "off":
		r.problem(n, shown(text)+" is no time span (did you mean never?)")
	default:
		mistakes, again := len(r.problems), p.Again
		r.duration(n, &again)
		if len(r.problems) == mistakes && again < time.Minute {
			r.problem(n, shown(text)+" is too short: one minute is the shortest; to send no more pages, write never")
			return
		}
		p.Again = again
	}
}

func (r *reader) step(n ast.Node, i int) incident.EscalationStep {
	step := incident.EscalationStep{}
	if i > 0 {
		step.After = 5 * time.Minute // PROCESS I5
	}
	mistakes := len(r.problems)
	var by ast.Node
	r.mapping(n, "a step", []field{
		{"after", func(n ast.Node) { r.durationFrom(n, &step.After, 0) }},
		{"to", func(n ast.Node) { step.To = r.targets(n) }},
		{"by", func(n ast.Node) {
			by = n
			seen := map[string]bool{}
			for _, item := range r.items(n, "by", "[slack, pagerduty]") {
				if kind := r.way(item, i); kind != "" && !r.twice(item, seen, kind) {
					step.By = append(step.By, kind)
				}
			}
		}},
	})
	switch {
	case len(r.problems) > mistakes:
	case len(step.To) == 0:
		r.problem(n, "this step pages nobody: it needs to: [incident-coordinators]")
	case by != nil && !slices.ContainsFunc(step.To, func(to string) bool { return to != "phone" }):
		r.problem(by, "people call the phone list themselves: a step to phone alone needs no by")
	}
	return step
}

// targets reads whom a step reaches.
func (r *reader) targets(n ast.Node) (out []string) {
	seen := map[string]bool{}
	for _, item := range r.items(n, "to", "[incident-coordinators]") {
		word, ok := r.text(item)
		switch {
		case !ok:
		case !isTeam(word) && !isPerson(word): // "phone" looks like a team
			r.problem(item, shown(word)+` can't be paged; allowed: a team's short name, a person as "@login", or phone`)
		case r.twiceFold(item, seen, word):
		default:
			if !isPerson(word) {
				word = slugged(word)
			}
			if word == "phone" && r.phone == nil {
				r.phone = item
			}
			out = append(out, word)
		}
	}
	return out
}

func (r *reader) customers(n ast.Node, p *incident.Policy) {
	seen := map[string]bool{}
	for _, e := range r.entries(n, "customers") {
		if !customerName.MatchString(e.name) {
			r.problem(e.key, shown(e.name)+" can't be the name of a customer: it is a word of commands; letters, digits, ., _ and - are allowed")
			continue
		}
		if strings.EqualFold(e.name, "none") {
			r.problem(e.key, "a customer can't be called none: that word says that no customer is impacted")
			continue
		}
		if r.twiceFold(e.key, seen, e.name) {
			continue
		}
		c := incident.Customer{Name: e.name}
		if !isNull(e.value) {
			r.mapping(e.value, "a customer", []field{
				{"contacts", func(n ast.Node) { c.Contacts = r.lines(n, "contacts") }},
				{"channels", func(n ast.Node) { c.Channels = r.channels(n) }},
			})
		}
		p.Customers = append(p.Customers, c)
	}
}

func (r *reader) channels(n ast.Node) (out []incident.Channel) {
	seen := map[string]bool{}
	for _, item := range r.items(n, "channels", "- issue: owner/repo") {
		entries := r.entries(item, "a channel")
		switch {
		case entries == nil:
			continue
		case len(entries) == 0:
			r.problem(item, "a channel is one of issue, email, slack and webhook, such as - issue: owner/repo")
			continue
		case len(entries) > 1:
			r.problem(entries[1].key, "a channel is one thing: start the next one with a new -")
			continue
		case entries[0].name == "slack" && isNull(entries[0].value):
			r.problem(entries[0].key, "slack needs "+aSlackChannel) // after a # it is a comment
			continue
		}
		read := func(kind string, value func(ast.Node) string) field {
			return field{kind, func(n ast.Node) {
				if to := value(n); to != "" && !r.twice(n, seen, kind+" "+to) {
					out = append(out, incident.Channel{Kind: kind, To: to})
				}
			}}
		}
		r.fields(entries, "a channel", []field{
			read("issue", func(n ast.Node) string { return r.word(n, naming.IsRepository, "a repository as owner/repo") }),
			read("email", func(n ast.Node) string { return r.word(n, emailAddress.MatchString, anAddress) }),
			read("slack", func(n ast.Node) string {
				r.uses = append(r.uses, use{"slack", n, -1})
				return r.word(n, slackChannel.MatchString, aSlackChannel)
			}),
			read("webhook", r.secret),
		})
	}
	return out
}

func (r *reader) standBy(n ast.Node, p *incident.Policy) {
	mistakes := len(r.problems)
	var checkIn ast.Node
	r.mapping(n, "stand-by", []field{
		{"lasts", func(n ast.Node) { r.durationFrom(n, &p.StandBy, time.Minute) }},
		{"check-in", func(n ast.Node) { checkIn = n; r.durationFrom(n, &p.CheckIn, time.Minute) }},
	})
	if checkIn != nil && len(r.problems) == mistakes && p.CheckIn > p.StandBy {
		r.problem(checkIn, fmt.Sprintf("check-in (%s) must not be longer than the stand-by lasts (%s)", short(p.CheckIn), short(p.StandBy)))
	}
}

var weekdays = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

func (r *reader) hours(n ast.Node, h *incident.Hours) {
	mistakes := len(r.problems)
	r.mapping(n, "working-hours", []field{
		{"from", func(n ast.Node) { r.clock(n, &h.From) }},
		{"to", func(n ast.Node) { r.clock(n, &h.To) }},
		{"days", func(n ast.Node) {
			h.Days = [7]bool{}
			seen := map[string]bool{}
			for _, item := range r.items(n, "days", "[mon, tue, wed, thu, fri]") {
				day := r.choice(item, weekdays...)
				if day != "" && !r.twice(item, seen, day) {
					h.Days[(slices.Index(weekdays, day)+1)%7] = true // time.Weekday begins with Sunday
				}
			}
		}},
	})
	if len(r.problems) == mistakes && h.From >= h.To {
		r.problem(n, fmt.Sprintf("working hours can't be from %s to %s: to must be later than from, on the same day", clock(h.From), clock(h.To)))
	}
}

func (r *reader) reviewers(n ast.Node) (out []string) {
	seen := map[string]bool{}
	for _, item := range r.items(n, "reviewers", `["@carol"]`) {
		word, ok := r.text(item)
		switch {
		case !ok:
		case !isPerson(word) && !(strings.Contains(word, "/") && isTeam(word)):
			r.problem(item, shown(word)+` can't be a reviewer; allowed: a person as "@login", or a team as owner/team`)
		case r.twiceFold(item, seen, word):
		case isPerson(word):
			out = append(out, word)
		default:
			out = append(out, slugged(word))
		}
	}
	return out
}

// teams reads a list of teams.
func (r *reader) teams(n ast.Node, what string) (out []string) {
	for _, team := range r.words(n, what, isTeam, aTeam) {
		out = append(out, slugged(team))
	}
	return out
}

// signals reads what becomes of what sources report: the first rule that fits decides (I1).
func (r *reader) signals(n ast.Node, p *incident.Policy) {
	for _, item := range r.items(n, "signals", "- source: alertmanager") {
		var rule incident.SignalRule
		var source ast.Node
		mistakes := len(r.problems)
		r.mapping(item, "a rule", []field{
			{"source", func(n ast.Node) { source, rule.Source = n, r.choice(n, signalSources...) }},
			{"title", func(n ast.Node) { rule.Title = r.pattern(n) }},
			{"labels", func(n ast.Node) {
				rule.Labels = map[string]string{}
				for _, e := range r.entries(n, "labels") {
					if pattern := r.pattern(e.value); pattern != "" {
						rule.Labels[e.name] = pattern
					}
				}
			}},
			{"do", func(n ast.Node) { rule.Action = r.choice(n, "open", "page", "note", "drop") }},
			{"severity", func(n ast.Node) { rule.Severity = r.word(n, severityName.MatchString, "the name of a severity") }},
			{"customer", func(n ast.Node) { rule.Customer = r.word(n, customerName.MatchString, "the name of a customer") }},
			{"repository", func(n ast.Node) { rule.Repository = r.word(n, naming.IsRepository, "a repository as owner/repo") }},
		})
		onlyDoes := incident.SignalRule{Source: rule.Source, Action: rule.Action}
		isRight := rule.Action == "open" || rule.Action == "page"
		if rule.Source == incident.SourceReader && len(r.problems) == mistakes && (!isRight || !reflect.DeepEqual(rule, onlyDoes)) {
			r.problem(source, "a rule for reader, somebody who may not respond and declares a critical incident, says do: open or do: page, and nothing else")
		}
		p.Signals = append(p.Signals, rule)
	}
}

var signalSources = []string{"alertmanager", "grafana", "pagerduty", "opsgenie", "cloudwatch", "sns", "eventbridge", "email", "slack", "generic", incident.SourceReader}

// pattern reads a regular expression; "" if it is none.
func (r *reader) pattern(n ast.Node) string {
	text, ok := r.text(n)
	if !ok {
		return ""
	}
	size, err := patternSize(text)
	r.patterns += size
	switch {
	case err != nil || text == "" || len(text) > 500:
		r.problem(n, shown(text)+" is not a regular expression; allowed: a word, or an expression such as prod-.*")
		return ""
	case size > maxPattern:
		r.problem(n, fmt.Sprintf("%s is too large: with its repetitions it stands for %d characters, and %d are allowed", shown(text), size, maxPattern))
		return ""
	case r.patterns > maxPatterns:
		r.problem(n, fmt.Sprintf("the expressions up to this one are too large together: they stand for more than %d characters", maxPatterns))
		return ""
	}
	return text
}

func (r *reader) zone(n ast.Node, p *incident.Policy) {
	name, ok := r.text(n)
	if !ok {
		return
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		r.problem(n, shown(name)+" is not a time zone; allowed: names such as Europe/Berlin and UTC")
		return
	}
	p.Zone = zone
}
