package config

import (
	"fmt"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/services"
	"github.com/firebreak-dev/firebreak/app/sources"
)

// What a file may have at most. Everybody who may write to a repository writes it, and each look at
// an incident goes by it.
const (
	maxSeverities = 20 // each is a label
	maxSteps      = 20
	maxTo         = 50
	maxBy         = 10
	maxTargets    = 200
	maxCustomers  = 500
	maxChannels   = 20
	maxServices   = 500
	maxSignals    = 200
	maxLabels     = 50
	maxRuns       = 50
	maxFreezes    = 8   // of one incident at a time
	maxRunInputs  = 25  // GitHub takes no more
	maxList       = 100 // of any other list
)

// Names in the file. Severities and customers are single words in commands.
var (
	severityName = matching("severity", `^[a-z0-9][a-z0-9-]{0,38}$`, "the name of a severity", "critical")
	customerName = matching(
		"customer",
		`^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$`,
		"the name of a customer",
		"globex",
	)
	email      = matching("email", services.EmailPattern, services.EmailAllowed, "gina@globex.example")
	mailDomain = matching(
		"domain",
		`^[A-Za-z0-9][A-Za-z0-9-]*(\.[A-Za-z0-9][A-Za-z0-9-]*)+$`,
		"a domain such as globex.example",
		"globex.example",
	)
	slackChannel = matching(
		"channel",
		services.SlackChannelPattern,
		services.SlackChannelAllowed,
		"#incidents",
	)

	repository = word{
		name:    "repository",
		pattern: "^" + naming.RepositoryPattern + "$",
		fits:    naming.IsRepository,
		allowed: "a repository as owner/repo",
		example: "acme/incidents",
	}
	watchedPath = matching("path", "^"+naming.RepositoryPattern+`(/[^/\s:*?"<>|\\]+)+/?$`,
		"a path with its repository, as owner/repo/path", "acme/config/flags")
	environmentName = matching("environment", `^[^\s][^\n]{0,254}$`, "the name of an environment on GitHub",
		"production")
	serviceName = word{
		name:    "service",
		pattern: `^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`,
		fits:    func(s string) bool { return incident.IsService(s) && !strings.Contains(s, "/") },
		refusal: "can't be the name of a service",
		allowed: "letters, digits, ., _ and -, for it is a word of commands",
		example: "payments",
	}
	folder = matching("folder", `^[^/\s:*?"<>|\\]+(/[^/\s:*?"<>|\\]+)*/?$`, "a folder of a repository",
		"services/payments")
	runbook = matching("runbook", `^https?://[^\s<>"`+"`"+`]{1,400}$`, "an address that begins with https:// or http://",
		"https://wiki.acme.example/runbooks/payments")
	team = word{
		name:    "team",
		pattern: "^(?:" + naming.LoginPattern + "/)?" + naming.TeamPattern + "$",
		fits:    isTeam,
		allowed: "a team's short name, such as platform",
		example: "platform",
	}
	workflowFile = matching("workflow", `^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}\.ya?ml$`,
		"the name of a file, such as rollback.yml", "rollback.yml")
	branchName  = matching("branch", `^[A-Za-z0-9_][A-Za-z0-9._/-]{0,199}$`, "the name of a branch or tag", "main")
	callAddress = word{
		name:    "call",
		pattern: `^https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:[/?][A-Za-z0-9/:?&=._~%#+,;!$*{}-]*)?$`,
		fits: func(s string) bool {
			return incident.IsCall(strings.ReplaceAll(s, incident.CallNumber, "1"))
		},
		allowed: "an address that begins with https://, in which {number} is the incident's number",
		example: "https://meet.example/p1-{number}",
	}
	whom = word{name: "whom", pattern: teamOrPerson, fits: isTeamOrPerson, refusal: "can't be paged",
		allowed: `a team's short name, a person as "@login", or phone`, example: "incident-coordinators"}
	target = word{
		name:    "target",
		pattern: teamOrPerson,
		not:     `^[Pp][Hh][Oo][Nn][Ee]$`,
		refusal: "can't be a target",
		fits:    func(s string) bool { return isTeamOrPerson(s) && !naming.Equal(s, phone) },
		allowed: `a team's short name, or a person as "@login", as in the steps`,
		example: "platform",
	}
	reviewer = word{name: "reviewer", refusal: "can't be a reviewer",
		pattern: "^@" + naming.LoginPattern + "$|^" + naming.LoginPattern + "/" + naming.TeamPattern + "$",
		fits:    func(s string) bool { return isPerson(s) || strings.Contains(s, "/") && isTeam(s) },
		allowed: `a person as "@login", or a team as owner/team`, example: "@carol"}

	pager = choice{name: "pager", words: services.Kinds(nil)}
)

// phone means the phone list in a step.
const phone = "phone"

const teamOrPerson = "^(?:" + naming.LoginPattern + "/)?" + naming.TeamPattern + "$|^@" + naming.LoginPattern + "$"

// isTeam reports whether a word may name a team: its slug, or owner/slug. The phone list looks like
// one.
func isTeam(word string) bool {
	_, _, full := naming.SplitTeam(word)
	return full || naming.IsTeam(word)
}

// isPerson reports whether a word may name a person, as @login.
func isPerson(word string) bool {
	login, ok := strings.CutPrefix(word, "@")
	return ok && naming.IsLogin(login)
}

func isTeamOrPerson(word string) bool { return isTeam(word) || isPerson(word) }

func teams(what string) list {
	return list{what: what, of: team, most: maxList, fold: true, example: "[platform]"}
}

// settings are all that a file may say. The reader, the schema and the reference go by them.
var settings = block{what: "the file", settings: []setting{
	{name: "severities", of: severities,
		about: "The severities, by name. At least one is critical: it starts the P1 process. Without " +
			"this: critical and regular.",
		examples: []string{"{ critical: { critical: true, updates: { every: 20m } }, regular: {} }"}},
	{
		name:     "responders",
		of:       teams("responders"),
		about:    "Teams that may respond, as everybody with write access may.",
		examples: []string{"[platform, payments]"},
	},
	{
		name:     "coordinators",
		of:       team,
		about:    "The team of Incident Coordinators.",
		standard: "incident-coordinators",
	},
	{name: "pager", of: pager, standard: "github",
		about: "How people are paged, where a step says nothing else: github mentions the team, webhook " +
			"is the operator's own receiver; the others need settings in services."},
	{
		name:  "escalation",
		of:    escalation,
		about: "Who is paged, one step after the other, until somebody takes the role.",
		examples: []string{
			"{ rounds: 2, steps: [{ to: [incident-coordinators] }, { after: 5m, to: [phone] }] }",
		},
	},
	{name: "phones", of: list{what: "phones", of: line{}, most: maxList, example: `["Gina, +49 30 1234"]`},
		about:    "The phone list: named loudly when nobody answers or a page can't be sent.",
		examples: []string{`["On-call desk, +49 30 5550 100"]`}},
	{name: "services", of: serviceSettings(),
		about: "How people outside GitHub are reached. Name a secret here, never write its value.",
		examples: []string{
			"{ pagerduty: { secret: PAGERDUTY, targets: { platform: PAGERDUTY_PLATFORM } } }",
		}},
	{name: "customers", of: customers, about: "The customers, by the name that commands use.",
		examples: []string{
			`{ globex: { contacts: ["Gina, +49 30 5550 142"], channels: [{ issue: acme/customer-globex }] } }`,
		}},
	{name: "signals", of: signals,
		about: "What becomes of what sources report; the first rule that fits decides, for each alert of " +
			"a group. Where none says what to do, each opens an incident, and what claims to be critical " +
			"pages.",
		examples: []string{
			"[{ source: alertmanager, labels: { severity: critical, customer: globex }, do: page, " +
				"severity: critical, customer: globex }]",
		}},
	{name: "call", of: callAddress, about: "The call or war room of each incident; {number} is the incident's. " +
		"It is on the card, in pages and in briefs. A severity and a customer may have one of their own, and the " +
		"coordinator may name another with /ic call.", examples: []string{"https://meet.example/p1-{number}"}},
	{name: "advance", of: choice{name: "advance", words: []string{"auto", "ask"}}, standard: "auto",
		about: "auto: investigate is entered once the severity is confirmed and the team is there, fixing once the " +
			"cause is known. ask: the coordinator moves each phase."},
	{
		name:     "broadcast",
		of:       list{what: "broadcast", of: slackChannel, most: maxList, fold: true, example: `["#incidents"]`},
		about:    "Slack channels of the company that are told when an incident enters a phase; needs services.slack.",
		examples: []string{`["#incidents"]`},
	},
	{name: "stakeholders", about: "Who else in the company is told when an incident enters a phase and when it is " +
		"over, and what the coordinator writes with /ic inform. Channels of broadcast hear that too, customers never.",
		of: block{what: "stakeholders", settings: []setting{
			{name: "emails", of: list{what: "emails", of: email, most: maxList, fold: true, example: `["status@acme.example"]`},
				about: "Their addresses, such as a mailing list; needs services.email."},
			{name: "updates", of: boolean{}, standard: "false", about: "They hear each customer update too."},
		}}},
	{name: "changes", about: "What changed before an incident is looked for in the repositories of the organisation, " +
		"and listed with why it is suspected: once it is confirmed as critical, and by /incident changes.",
		of: block{what: "changes", settings: []setting{
			{name: "automatic", of: boolean{}, standard: "true",
				about: "They are listed as soon as an incident is confirmed as critical; else only when somebody asks."},
			{name: "look-back", of: minutes, standard: "24h", about: "How long before the start of the impact."},
			{name: "environments", of: list{what: "environments", of: environmentName, most: maxList, fold: true,
				example: `["production"]`},
				about: "The environments of production, whose deployments count. Without it those whose names begin with " +
					"prod, production, prd or live."},
			{name: "paths", of: list{what: "paths", of: watchedPath, most: 10, example: `["acme/config/flags"]`},
				about: "Files and folders whose changes count whatever they came by, pushes without a pull request too: " +
					"the repository, and the path in it."},
		}}},
	{name: "catalog", about: "The company's services, and whose they are. What this leaves out is read from a service's " +
		"repository: CODEOWNERS, catalog-info.yaml as Backstage has it, and the custom properties team and owner.",
		of: block{what: "catalog", settings: []setting{
			{name: "page-owners", of: boolean{}, standard: "false", about: "The owners of the service that an alert " +
				"names in its label service are paged besides the coordinators."},
			{name: "services", of: catalogServices, about: "The services, by name, which commands take."},
		}}},
	{name: "run", of: runs, about: "The team's own workflows that /oe run may start: those that this file names, and no " +
		"other. It needs the permission that firebreak setup --with run asks for.",
		examples: []string{"{ rollback: { repository: acme/payments, workflow: rollback.yml } }"}},
	{name: "slack", about: "A Slack channel for each incident: docs/slack.md shows it. It needs services.slack, whose " +
		"targets say which members people are.", of: block{what: "slack", settings: []setting{
		{name: "channel-per", of: choice{name: "channelPer", words: incident.ChatPer}, standard: incident.ChatNone,
			about:    "Which incidents get a channel, once they are confirmed: critical, all or none.",
			examples: []string{"critical"}},
		{name: "private", of: boolean{}, standard: "true", about: "Only who is invited can read it."},
		{name: "mirror", of: choice{name: "chatMirror", words: incident.ChatMirrors}, standard: incident.MirrorCommands,
			about: "What of the channel comes to the issue: commands and what somebody pins, or all that people write. " +
				"The rest is collected: it costs one write a minute at most.",
			examples: []string{"all"}},
		{name: "archive-after", of: minutes, standard: "168h",
			about: "How long after the end of an incident its channel is archived."},
	}}, examples: []string{"{ channel-per: critical }"}},
	{name: "freeze", of: freezes, about: "What /ic freeze holds merges into. GitHub enforces it once the App has the " +
		"permission that firebreak setup --with freeze asks for.",
		examples: []string{"{ repositories: [acme/payments] }"}},
	{
		name:  "stand-by",
		about: "How long the incident is watched once it is solved.",
		of: block{what: "stand-by", settings: []setting{
			{name: "lasts", of: minutes, standard: "24h", about: "How long it is watched."},
			{
				name:     "check-in",
				of:       minutes,
				standard: "8h",
				about:    "The coordinator is asked this often; no longer than the stand-by lasts.",
			},
		}},
	},
	{name: "working-hours", of: workingHours,
		about: "When check-ins and reminders that can wait go out, in the time zone of time-zone. With " +
			"neither: at any time."},
	{name: "reminders", about: "When people are reminded of what is missing.", of: reminders},
	{
		name:  "follow-ups",
		about: "Where follow-ups may be opened.",
		of: block{what: "follow-ups", settings: []setting{
			{
				name:     "in-product-repositories",
				of:       boolean{},
				standard: "true",
				about:    "Follow-ups may be opened in other repositories.",
			},
		}},
	},
	{
		name:  "postmortem",
		about: "The review of the postmortem.",
		of: block{what: "postmortem", settings: []setting{
			{
				name: "reviewers",
				of:   list{what: "reviewers", of: reviewer, most: maxList, fold: true, example: `["@carol"]`},
				about: "Who is asked to review besides the Incident Coordinator and the Operations " +
					"Engineer: people as \"@login\", teams as owner/team.",
				examples: []string{`["@carol", acme/sre]`},
			},
			{name: "remind-after", of: count{1, 60, "working days"}, standard: "3",
				about: "Working days after which people are reminded of a postmortem that is still open."},
		}},
	},
	{name: "time-zone", of: zone{}, standard: "UTC",
		about:    "The time zone of times that people write, and of working-hours. What Firebreak writes is UTC.",
		examples: []string{"Europe/Berlin", "UTC"}},
}}

var catalogServices = named{what: "services of the catalog", most: maxServices, fold: true, optional: true,
	names: serviceName,
	of: block{what: "a service of the catalog", settings: []setting{
		{name: "repository", of: repository, examples: []string{"acme/payments"},
			about: "Where it is made. Without it, the repository of its name next to that of the incidents."},
		{name: "path", of: folder, examples: []string{"services/payments"},
			about: "Its folder there, where a repository holds several services."},
		{name: "aliases", of: list{what: "aliases", of: serviceName, most: 10, fold: true, example: "[pay, cards]"},
			about: "Other names that people use for it, in commands and in the summary."},
		{name: "owners", of: list{what: "owners", of: target, most: 10, fold: true, example: `[payments, "@dan"]`},
			about: "Who owns it: teams, rotations, and people as \"@login\"."},
		{name: "runbook", of: runbook, about: "The address of its runbook.",
			examples: []string{"https://wiki.acme.example/runbooks/payments"}},
		{name: "depends-on", of: list{what: "depends-on", of: serviceName, most: maxList, fold: true, example: "[ledger]"},
			about: "The services that it needs."},
	}},
}

// freezes are what may be frozen (X4).
var freezes = block{what: "freeze", settings: []setting{
	{name: "repositories", of: list{what: "repositories", of: repository, most: maxFreezes, fold: true,
		example: "[acme/payments, acme/checkout]"}, examples: []string{"[acme/payments, acme/checkout]"},
		about: "What all means in /ic freeze all. The coordinator may freeze them without write access; any other " +
			"repository only with it."},
	{name: "on-critical", of: choice{name: "freezeMoment", words: incident.FreezeMoments}, standard: "propose",
		about: "What happens when a critical severity is confirmed: propose asks the coordinator whether to freeze the " +
			"repositories, freeze does it, nothing leaves it to people."},
	{name: "for", of: minutes, standard: "2h",
		about: "How long a freeze lasts that says nothing else. It ends before that once the fix is in."},
	{name: "in-drill", of: boolean{}, standard: "false", about: "Drills freeze too."},
}}

// runs are the workflows that may be run (X5).
var runs = named{what: "run", most: maxRuns, fold: true,
	names: word{name: "workflowName", pattern: `^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$`, fits: incident.IsWorkflowName,
		refusal: "can't be the name of a workflow", allowed: "letters, digits, ., _ and -, for it is a word of commands",
		example: "rollback"},
	of: block{what: "a workflow", required: []string{"repository", "workflow"},
		lacking: "a workflow needs %s: the repository, and the name of the file in .github/workflows", lackingAtName: true,
		settings: []setting{
			{name: "repository", of: repository, examples: []string{"acme/payments"}, about: "Where the workflow is."},
			{name: "workflow", of: workflowFile, examples: []string{"rollback.yml"},
				about: "The name of its file in .github/workflows. It has to have the trigger workflow_dispatch."},
			{name: "branch", of: branchName, examples: []string{"main"},
				about: "The branch or tag that it runs on. Without it, the repository's default branch."},
			{name: "about", of: line{}, examples: []string{"Roll back to the release before"},
				about: "What it does, for people."},
			{name: "inputs", of: runInputs, about: "The inputs that people may give, by name. Without it none.",
				examples: []string{"{ version: { required: true } }"}},
			{name: "who", of: list{what: "who", of: target, most: maxList, fold: true, example: `[platform, "@dan"]`},
				about: "Who may run it, of those who have a role: teams, and people as \"@login\". Without it, who may write " +
					"to its repository."},
			{name: "phases", of: list{what: "phases", of: choice{name: "phase", words: phaseNames()}, most: maxList,
				example: "[investigate, fixing]"}, about: "The phases in which it may be run. Without it, all."},
			{name: "in-drill", of: boolean{}, standard: "false", about: "It may be run in a drill too."},
		}},
}

var runInputs = named{what: "inputs", most: maxRunInputs, optional: true,
	names: word{name: "inputName", pattern: `^[A-Za-z_][A-Za-z0-9_-]{0,99}$`, fits: incident.IsInputName,
		refusal: "can't be the name of an input", allowed: "letters, digits, _ and -", example: "version"},
	of: block{what: "an input", settings: []setting{
		{name: "type", of: choice{name: "inputType", words: incident.InputTypes}, standard: "text",
			about: "What it takes. With choices it is choice."},
		{name: "choices", of: list{what: "choices", of: line{}, most: maxList, example: "[staging, production]"},
			about: "What a choice may be.", examples: []string{"[staging, production]"}},
		{name: "required", of: boolean{}, standard: "false",
			about: "It has to be given. Else the workflow's own default counts."},
		{name: "about", of: line{}, examples: []string{"such as v1.4.0"}, about: "What it is, for people."},
	}},
}

func phaseNames() (names []string) {
	for _, p := range incident.Phases {
		names = append(names, string(p))
	}
	return names
}

// Time spans. What comes again and again does so a minute apart at least.
var (
	seconds = span{least: time.Second}
	minutes = span{least: time.Minute}
)

var severities = named{what: "severities", most: maxSeverities, of: severity, optional: true,
	names: word{
		pattern: severityName.pattern,
		fits:    severityName.fits,
		refusal: "can't be the name of a severity",
		allowed: "small letters, digits and -, for it becomes a label and a word of commands",
		example: "critical",
	},
	reserved: map[string]string{
		"phase": "it means something else in commands",
		"none":  "it means something else in commands",
	},
}

var severity = block{what: "a severity", settings: []setting{
	{name: "critical", of: boolean{}, about: "Starts the P1 process: two people, pages, customer updates."},
	{name: "call", of: callAddress, about: "The call or war room of incidents of this severity, in place of the one " +
		"for all.", examples: []string{"https://meet.example/p1-{number}"}},
	{name: "updates", about: "When customer updates are due; none: never.", of: orWord{word: "none",
		allowed: "none, or a block with every, later, after, warn and grace",
		of: block{what: "updates", settings: []setting{
			{name: "every", of: minutes, standard: "20m", about: "A customer update is due this often."},
			{
				name:     "later",
				of:       seconds,
				standard: "1h",
				about:    "The slower rhythm, once the incident is as old as after says; at least every.",
			},
			{
				name:     "after",
				of:       seconds,
				standard: "2h",
				about:    "How old an incident is when the slower rhythm begins.",
			},
			{
				name:     "warn",
				of:       seconds,
				standard: "5m",
				about:    "The card turns amber this long before an update is due; shorter than every.",
			},
			{
				name:     "grace",
				of:       seconds,
				standard: "5m",
				about:    "The coordinators are paged this long after an update was due.",
			},
		}}}},
}}

var escalation = block{what: "escalation", settings: []setting{
	{name: "rounds", of: count{1, 20, "rounds"}, standard: "2",
		about: "How often the steps are walked before everybody is paged at the slower rhythm of again."},
	{name: "again", of: span{least: time.Minute, never: "never"}, standard: "15m",
		about: "Once the rounds are walked and nobody answered, how often everybody is paged again; or never."},
	{
		name:  "steps",
		of:    list{what: "steps", of: step, most: maxSteps, example: "- to: [incident-coordinators]"},
		about: "The steps of a round. Without them: the coordinators twice, five minutes apart.",
	},
}}

var step = block{what: "a step", required: []string{"to"},
	lacking: "this step pages nobody: it needs %s: [incident-coordinators]",
	settings: []setting{
		{
			name:     "after",
			of:       span{},
			standard: "5m",
			about:    "How long after the step before; 0s: together with it. Of the first step: 0s.",
		},
		{
			name:     "to",
			of:       list{what: "to", of: whom, most: maxTo, fold: true, example: "[incident-coordinators]"},
			about:    "Teams, people as \"@login\", rotations of .github/oncall.yml, and phone, the phone list.",
			examples: []string{`[incident-coordinators, "@carol"]`, "[phone]"},
		},
		{name: "by", of: list{what: "by", of: pager, most: maxBy, example: "[slack, pagerduty]"},
			about: "How this step pages; without it, by pager.", examples: []string{"[pagerduty, slack]"}},
	}}

var customers = named{what: "customers", most: maxCustomers, of: customer, optional: true, fold: true,
	names: word{
		pattern: customerName.pattern,
		fits:    customerName.fits,
		refusal: "can't be the name of a customer",
		allowed: "letters, digits, ., _ and -, for it is a word of commands",
		example: "globex",
	},
	reserved: map[string]string{"none": "that word says that no customer is impacted"},
}

var customer = block{what: "a customer", settings: []setting{
	{
		name: "contacts",
		of:   list{what: "contacts", of: line{}, most: maxList, example: `["Gina, +49 30 1234"]`},
		about: "The customer's people, with what reaches them. A report from an email address or a Slack " +
			"member's id (U0123ABCD) in here proposes this customer, and so does one from an email channel. " +
			"Who is named by their GitHub login (@gina) answers for the customer although they may respond.",
		examples: []string{`["Gina, +49 30 5550 142, gina@globex.example"]`},
	},
	{
		name: "domains",
		of:   list{what: "domains", of: mailDomain, most: maxList, fold: true, example: "[globex.example]"},
		about: "Email domains that are the customer's alone: a report from any address there proposes this " +
			"customer.",
		examples: []string{"[globex.example]"},
	},
	{
		name: "channels",
		of: list{
			what:    "channels",
			of:      customerChannels(),
			most:    maxChannels,
			example: "- issue: owner/repo",
		},
		about:    "Where customer updates go.",
		examples: []string{"[{ issue: acme/customer-globex }, { email: gina@globex.example }]"},
	},
	{name: "call", of: callAddress, about: "The call or war room of incidents that hit this customer: it comes before " +
		"the severity's and the one for all. Of several customers the first one's counts.",
		examples: []string{"https://meet.example/globex-{number}"}},
}}

// customerChannels returns a customer's channel: an issue, or a service that reaches customers.
func customerChannels() block {
	b := block{
		what:    "a channel",
		isOne:   true,
		tooMany: "a channel is one thing: start the next one with a new -",
		settings: []setting{
			{name: "issue", of: repository, examples: []string{"acme/customer-globex"},
				about: "A repository shared with the customer, where updates go into an issue."},
		},
	}
	for _, s := range services.All {
		if s.ReachesCustomers() {
			one := setting{
				name:     s.Kind,
				of:       shapeOf(s.Customer),
				about:    s.Customer.About,
				examples: s.Customer.Examples,
			}
			if s.Customer.Allowed != "" {
				one.missing = s.Kind + " needs " + s.Customer.Allowed // after a # it is a comment
			}
			b.settings = append(b.settings, one)
		}
	}
	b.none = fmt.Sprintf("a channel is one of %s, such as - issue: owner/repo", strings.Join(b.names(), ", "))
	return b
}

var signals = list{
	what:    "signals",
	most:    maxSignals,
	example: "- source: alertmanager",
	of: block{what: "a rule", settings: []setting{
		{name: "source", of: choice{words: sources.Kinds(nil)},
			about: "Which source reports it. reader is somebody who is not a responder and declares a " +
				"critical incident: its rule says do: open or do: page alone."},
		{
			name:     "title",
			of:       pattern{},
			about:    "A regular expression that is looked for in the title.",
			examples: []string{"Watchdog"},
		},
		{
			name:     "labels",
			about:    "Regular expressions that labels must fit as a whole.",
			of:       named{what: "labels", most: maxLabels, of: pattern{}},
			examples: []string{"{ severity: critical, cluster: prod-.* }"},
		},
		{name: "do", of: choice{words: incident.RuleActions()},
			about: "open: an incident, or an entry on the open one; page: the same, and people are paged " +
				"at once; note: an entry on the open one; drop: nothing. Without it: page for what claims " +
				"to be critical, else open."},
		{name: "severity", of: severityName, about: "The severity that is claimed."},
		{name: "customer", of: customerName, about: "The customer impacted."},
		{name: "repository", of: repository, about: "Where the incident is opened; without it, here."},
	}},
}

var weekdays = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

var workingHours = block{what: "working-hours", settings: []setting{
	{name: "from", of: clock{}, standard: "09:00", about: "When the working day begins."},
	{
		name:     "to",
		of:       clock{},
		standard: "18:00",
		about:    "When it ends: later than from; 24:00 is the day's end.",
	},
	{
		name: "days",
		of: list{
			what:    "days",
			of:      choice{name: "day", words: weekdays},
			most:    maxList,
			example: "[mon, tue, wed, thu, fri]",
		},
		standard: "[mon, tue, wed, thu, fri]",
		about:    "The working days.",
	},
}}

var reminders = block{what: "reminders", settings: []setting{
	{name: "missing-data", of: minutes, standard: "10m",
		about: "After a declaration that lacks something. The wait doubles each time, up to 4 hours, until it is there."},
	{
		name:     "customer-update",
		of:       minutes,
		standard: "5m",
		about:    "After a move to monitoring without an update.",
	},
	{name: "vacant-role", of: minutes, standard: "10m",
		about: "How long a role of a critical incident may be vacant before it is asked who takes it. " +
			"Without an Incident Coordinator the escalation then starts again."},
	{name: "unclaimed", of: minutes, standard: "15m",
		about: "Until the coordinators are reminded of a report from outside that nobody has taken. They " +
			"are mentioned at once, and the wait doubles each time, up to 4 hours."},
}}
