package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/sources"
)

// builder makes a policy of what the file says, and checks what needs more than one setting. It
// leaves out what is invalid.
type builder struct {
	*reader
	policy *incident.Policy
}

// build sets the policy, which begins as the default one.
func (b *builder) build(file value) {
	p := b.policy
	b.severities(file.get("severities"))
	if teams := file.get("responders"); teams.isSet() {
		p.Responders = slugs(teams.texts())
	}
	if team := file.get("coordinators"); team.isValid() {
		p.Coordinators = slug(team.text)
	}
	file.get("pager").setText(&p.Pager)
	b.escalation(file.get("escalation"), file.get("phones"))
	b.services(file.get("services"))
	b.customers(file.get("customers"))
	b.signals(file.get("signals"))
	file.get("call").setText(&p.Call)
	stakeholders := file.get("stakeholders")
	if emails := stakeholders.get("emails"); emails.isSet() {
		p.Stakeholders = emails.texts()
	}
	stakeholders.get("updates").setBool(&p.ForwardUpdates)
	if advance := file.get("advance"); advance.isValid() {
		p.Advance = advance.text == "auto"
	}
	if channels := file.get("broadcast"); channels.isSet() {
		p.Broadcast = channels.texts()
	}
	b.changes(file.get("changes"))
	b.catalog(file.get("catalog"))
	b.runs(file.get("run"))
	b.chat(file.get("slack"))
	b.freeze(file.get("freeze"))
	b.standBy(file.get("stand-by"))
	b.hours(file.get("working-hours"), file.get("time-zone"))

	reminders := file.get("reminders")
	reminders.get("missing-data").setSpan(&p.AskData)
	reminders.get("customer-update").setSpan(&p.AskUpdate)
	reminders.get("vacant-role").setSpan(&p.AskRole)
	reminders.get("unclaimed").setSpan(&p.AskClaim)
	file.get("follow-ups").get("in-product-repositories").setBool(&p.Issues)

	postmortem := file.get("postmortem")
	if reviewers := postmortem.get("reviewers"); reviewers.isSet() {
		p.Reviewers = slugs(reviewers.texts())
	}
	postmortem.get("remind-after").setNumber(&p.ReviewDays)

	b.checkReach(file)
}

// changes reads where what changed is looked for (X1).
func (b *builder) changes(file value) {
	rules := &b.policy.Changes
	file.get("automatic").setBool(&rules.Automatic)
	file.get("look-back").setSpan(&rules.LookBack)
	if environments := file.get("environments"); environments.isSet() {
		rules.Environments = environments.texts()
	}
	for _, text := range file.get("paths").texts() {
		parts := strings.SplitN(strings.TrimSuffix(text, "/"), "/", 3)
		rules.Watched = append(rules.Watched, incident.WatchedPath{Repo: parts[0] + "/" + parts[1], Path: parts[2]})
	}
}

// catalog reads the company's services, and whose they are (X2).
func (b *builder) catalog(file value) {
	file.get("page-owners").setBool(&b.policy.Catalog.PageOwners)
	for _, e := range file.get("services").entries {
		s := incident.CatalogService{Name: e.name, Owners: slugs(e.value.get("owners").texts()),
			DependsOn: e.value.get("depends-on").texts(), Aliases: e.value.get("aliases").texts()}
		e.value.get("repository").setText(&s.Repo)
		e.value.get("path").setText(&s.Path)
		e.value.get("runbook").setText(&s.Runbook)
		b.policy.Catalog.Services = append(b.policy.Catalog.Services, s)
	}
}

// freeze reads what may be frozen and when (X4).
func (b *builder) freeze(file value) {
	rules := &b.policy.Freeze
	rules.Repos = file.get("repositories").texts()
	file.get("on-critical").setText(&rules.OnCritical)
	file.get("for").setSpan(&rules.For)
	if rules.For > incident.FreezeMost {
		b.problem(file.get("for").node, "a freeze lasts 72h at most")
	}
	file.get("in-drill").setBool(&rules.InDrill)
}

// runs reads which of the team's own workflows may be run (X5).
func (b *builder) runs(file value) {
	for _, e := range file.entries {
		w := incident.Workflow{Name: e.name, Who: slugs(e.value.get("who").texts())}
		e.value.get("repository").setText(&w.Repo)
		e.value.get("workflow").setText(&w.File)
		e.value.get("branch").setText(&w.Branch)
		e.value.get("about").setText(&w.About)
		e.value.get("in-drill").setBool(&w.InDrill)
		for _, phase := range e.value.get("phases").texts() {
			w.Phases = append(w.Phases, incident.Phase(phase))
		}
		for _, i := range e.value.get("inputs").entries {
			in := incident.WorkflowInput{Name: i.name, Type: incident.InputText, Choices: i.value.get("choices").texts()}
			if len(in.Choices) > 0 {
				in.Type = incident.InputChoice
			}
			i.value.get("type").setText(&in.Type)
			i.value.get("about").setText(&in.About)
			i.value.get("required").setBool(&in.Required)
			if (in.Type == incident.InputChoice) != (len(in.Choices) > 0) {
				b.problem(i.key, "choices and the type choice belong together: "+i.name+" has one of them")
			}
			w.Inputs = append(w.Inputs, in)
		}
		b.policy.Workflows = append(b.policy.Workflows, w)
	}
}

// slug returns a team as GitHub spells it: slugs have no capitals, whatever the team's name has.
// Logins stay.
func slug(name string) string {
	if isPerson(name) {
		return name
	}
	at := strings.LastIndexByte(name, '/') + 1
	return name[:at] + naming.Key(name[at:])
}

func slugs(names []string) (out []string) {
	for _, name := range names {
		out = append(out, slug(name))
	}
	return out
}

func (b *builder) severities(file value) {
	if !file.isSet() {
		return
	}
	defaults := b.policy.Severities
	b.policy.Severities = nil
	hasCritical := false
	for _, e := range file.entries {
		s := b.severity(e, defaults)
		hasCritical = hasCritical || s.Critical
		b.policy.Severities = append(b.policy.Severities, s)
	}
	if !hasCritical && file.isValid() {
		b.problem(
			file.node,
			"no severity is critical: the one that starts the P1 process needs critical: true",
		)
	}
}

// severity builds one. A severity that the defaults know begins as it is there; a critical one that
// they don't, as their critical one.
func (b *builder) severity(e entry, defaults []incident.Severity) incident.Severity {
	s := incident.Severity{Name: e.name}
	if i := slices.IndexFunc(defaults, func(d incident.Severity) bool { return d.Name == e.name }); i >= 0 {
		s = defaults[i]
	}
	if !e.value.isValid() || isNull(e.value.node) {
		return s
	}

	critical, updates := e.value.get("critical"), e.value.get("updates")
	critical.setBool(&s.Critical)
	e.value.get("call").setText(&s.Call)
	base := defaults[slices.IndexFunc(defaults, func(d incident.Severity) bool { return d.Critical })]
	if s.Every == 0 && (critical.isSet() && s.Critical || updates.isSet()) {
		s = withUpdates(s, base)
	}
	if critical.isSet() && !s.Critical && !updates.isSet() || updates.text != "" {
		s = withUpdates(s, incident.Severity{})
	}
	if updates.text == "" {
		b.updates(updates, &s)
	}
	return s
}

// withUpdates returns a severity with another's rhythm of updates.
func withUpdates(s, from incident.Severity) incident.Severity {
	s.Every, s.Later, s.After, s.Amber, s.Grace = from.Every, from.Later, from.After, from.Amber, from.Grace
	return s
}

func (b *builder) updates(file value, s *incident.Severity) {
	if !file.isValid() {
		return
	}
	later, warn := file.get("later"), file.get("warn")
	file.get("every").setSpan(&s.Every)
	later.setSpan(&s.Later)
	file.get("after").setSpan(&s.After)
	warn.setSpan(&s.Amber)
	file.get("grace").setSpan(&s.Grace)

	switch {
	case s.Later < s.Every && later.isSet():
		b.problem(
			later.node,
			fmt.Sprintf(
				"later (%s) is the slower rhythm, so it must be at least every (%s)",
				short(s.Later),
				short(s.Every),
			),
		)
	case s.Later < s.Every:
		s.Later = s.Every
	}
	switch {
	case s.Amber >= s.Every && warn.isSet():
		b.problem(
			warn.node,
			fmt.Sprintf("warn (%s) must be shorter than every (%s)", short(s.Amber), short(s.Every)),
		)
	case s.Amber >= s.Every:
		s.Amber = s.Every / 2
	}
}

func (b *builder) escalation(file, phones value) {
	p := b.policy
	if phones.isSet() {
		p.Phones = phones.texts()
	}
	file.get("rounds").setNumber(&p.Rounds)
	file.get("again").setSpan(&p.Again)

	steps := file.get("steps")
	if !steps.isSet() { // the default steps go to the file's coordinators
		standard := incident.DefaultPolicy().Coordinators
		for _, step := range p.Escalation {
			for i, to := range step.To {
				if to == standard {
					step.To[i] = p.Coordinators
				}
			}
		}
		return
	}

	p.Escalation = nil
	for i, item := range steps.items {
		p.Escalation = append(p.Escalation, b.step(item, i))
	}
	if phones.isSet() {
		return
	}
	for _, step := range steps.items {
		for _, to := range step.get("to").items {
			if to.text == phone && !to.invalid {
				b.problem(
					to.node,
					`"phone" is the phone list, and there is none: add phones: ["name, number"]`,
				)
				return
			}
		}
	}
}

func (b *builder) step(file value, i int) incident.EscalationStep {
	step := incident.EscalationStep{}
	if i > 0 {
		step.After = 5 * time.Minute // I5
	}
	file.get("after").setSpan(&step.After)
	step.To = slugs(file.get("to").texts())
	by := file.get("by")
	step.By = by.texts()

	isPhone := func(to string) bool { return to == phone }
	if file.isValid() && by.isSet() &&
		!slices.ContainsFunc(step.To, func(to string) bool { return !isPhone(to) }) {
		b.problem(by.node, "people call the phone list themselves: a step to phone alone needs no by")
	}
	return step
}

func (b *builder) customers(file value) {
	for _, e := range file.entries {
		c := incident.Customer{Name: e.name, Contacts: e.value.get("contacts").texts(),
			Domains: e.value.get("domains").texts()}
		e.value.get("call").setText(&c.Call)
		for _, item := range e.value.get("channels").items {
			if !item.invalid {
				only := item.entries[0]
				c.Channels = append(c.Channels, incident.Channel{Kind: only.name, To: only.value.text})
			}
		}
		b.policy.Customers = append(b.policy.Customers, c)
	}
}

// signals builds the rules: the first that matches decides (I1).
func (b *builder) signals(file value) {
	for _, item := range file.items {
		rule := incident.Rule{
			Source:     item.get("source").text,
			Action:     incident.RuleAction(item.get("do").text),
			Severity:   item.get("severity").text,
			Customer:   item.get("customer").text,
			Repository: item.get("repository").text,
		}
		if title := item.get("title"); title.isValid() {
			rule.Title = regexp.MustCompile(title.text) // its shape has parsed it
		}
		if labels := item.get("labels"); labels.isValid() {
			rule.Labels = map[string]*regexp.Regexp{}
			for _, l := range labels.entries {
				pattern, err := incident.CompileLabel(l.value.text)
				if err != nil {
					b.problem(
						l.value.node,
						shown(l.value.text)+" is not a regular expression for a whole label",
					)
					continue
				}
				rule.Labels[l.name] = pattern
			}
		}

		isRight := rule.Action == incident.RuleOpen || rule.Action == incident.RulePage
		if rule.Source == sources.Reader && item.isValid() && (!isRight || len(item.entries) != 2) {
			b.problem(
				item.get("source").node,
				"a rule for reader, somebody who may not respond and declares a critical incident, "+
					"says do: open or do: page, and nothing else",
			)
		}
		b.policy.Signals = append(b.policy.Signals, rule)
	}
}

// chat reads which incidents get a channel in Slack (S1).
func (b *builder) chat(file value) {
	rules := &b.policy.Chat
	file.get("channel-per").setText(&rules.Per)
	file.get("archive-after").setSpan(&rules.ArchiveAfter)
	isPrivate := !rules.IsPublic
	file.get("private").setBool(&isPrivate)
	rules.IsPublic = !isPrivate
	mirror := incident.MirrorCommands
	file.get("mirror").setText(&mirror)
	rules.IsMirrored = mirror == incident.MirrorAll
}

func (b *builder) standBy(file value) {
	p, checkIn := b.policy, file.get("check-in")
	file.get("lasts").setSpan(&p.StandBy)
	checkIn.setSpan(&p.CheckIn)
	if checkIn.isSet() && file.isValid() && p.CheckIn > p.StandBy {
		b.problem(
			checkIn.node,
			fmt.Sprintf(
				"check-in (%s) must not be longer than the stand-by lasts (%s)",
				short(p.CheckIn),
				short(p.StandBy),
			),
		)
	}
}

// hours sets when people work. A file that says only where they work gets the usual hours.
func (b *builder) hours(file, zone value) {
	p := b.policy
	if zone.isValid() {
		p.Zone, _ = time.LoadLocation(zone.text) // its shape has loaded it
	}
	if zone.isSet() || file.isSet() {
		p.Hours = incident.OfficeHours
	}

	h := &p.Hours
	file.get("from").setSpan(&h.From)
	file.get("to").setSpan(&h.To)
	if days := file.get("days"); days.isSet() {
		h.Days = [7]bool{}
		for _, day := range days.texts() {
			h.Days[(slices.Index(weekdays, day)+1)%7] = true // time.Weekday begins with Sunday
		}
	}
	if file.isValid() && h.From >= h.To {
		b.problem(
			file.node,
			fmt.Sprintf("working hours can't be from %s to %s: to must be later than from, on the same day",
				clockTime(h.From), clockTime(h.To)),
		)
	}
}
