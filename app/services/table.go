package services

// All lists the services, in the order in which texts name them.
var All = []Service{
	{
		Kind: "github", Label: "GitHub", Mention: true,
		NoSettings: "a mention of the team is the page",
	},
	{
		Kind: "webhook", Label: "webhook",
		NoSettings: "the operator's environment holds its address as FIREBREAK_PAGER_URL",
		Customer: Value{
			About:    "The name of the secret that holds the address.",
			IsSecret: true,
			Examples: []string{"GLOBEX_WEBHOOK"},
		},
	},
	{
		Kind: "pagerduty", Label: "PagerDuty",
		Secret:   "the integration key (Events API v2)",
		Required: []string{"secret"},
		Settings: []Setting{region},
		Target: Value{
			About:    "Teams and people that have an integration key of their own: the name of its secret.",
			IsSecret: true, Examples: []string{"PAGERDUTY_PLATFORM"},
		},
		Example: "pagerduty: { secret: PAGERDUTY }",
	},
	{
		Kind: "opsgenie", Label: "Opsgenie", About: "Its API ends on 2027-04-05; jira is its successor.",
		Secret:   "the API key",
		Required: []string{"secret"},
		Settings: []Setting{region},
		// https://docs.opsgenie.com/docs/alert-api#create-alert, and the same at its successor.
		Target: Value{
			About:    "What Opsgenie calls the teams and people.",
			Pattern:  `^(?:(?:team|user|schedule|escalation):)?[^:\s](?:[^:\n]{0,98}[^:\s])?$`,
			Allowed:  "a team's name, or team:NAME, user:ADDRESS, schedule:NAME or escalation:NAME",
			Examples: []string{"P1 coordinators"},
		},
		Example: "opsgenie: { secret: OPSGENIE }",
	},
	{
		Kind: "jira", Label: "Jira Service Management",
		Secret:   "the account's API token",
		Required: []string{"secret", "cloud", "user"},
		Settings: []Setting{
			{
				Name:  "cloud",
				About: "The site's cloud id: https://SITE.atlassian.net/_edge/tenant_info shows it.",
				Value: Value{
					Pattern: `^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$`,
					Allowed: "the site's cloud id, such as 11111111-2222-3333-4444-555555555555 " +
						"(https://SITE.atlassian.net/_edge/tenant_info shows it)",
					Examples: []string{"11111111-2222-3333-4444-555555555555"},
				},
			},
			{Name: "user", About: "The address of the account that the token belongs to.", Value: Value{
				Pattern: EmailPattern, Examples: []string{"bot@acme.example"},
				Allowed: "the address of the account that the token belongs to, such as bot@acme.example",
			}},
		},
		Target: Value{
			About: "Ids of the teams and people. Everybody whom a step pages needs one.",
			Pattern: `^(?:(?:team|user|schedule|escalation):[A-Za-z0-9][A-Za-z0-9:_-]{0,127}` +
				`|[A-Za-z0-9][A-Za-z0-9_-]{0,127})$`,
			Allowed:  "the id of a team, or team:ID, user:ID, schedule:ID or escalation:ID",
			Examples: []string{"schedule:22222222-3333-4444-5555-666666666666"},
		},
		EachNeedsTarget: true,
		Example:         "jira: { secret: JSM, cloud: 11111111-2222-3333-4444-555555555555, user: bot@acme.example }",
	},
	{
		Kind: "slack", Label: "Slack",
		Secret:   "the bot's token",
		Required: []string{"secret", "channel"},
		Settings: []Setting{
			{Name: "channel", About: "The channel that pages go to.", Value: Value{
				Pattern: SlackChannelPattern, Allowed: SlackChannelAllowed, Examples: []string{"C0123ABCD"},
			}},
		},
		Target: Value{
			About:    "Ids of user groups and members, who are mentioned.",
			Pattern:  `^[SUW][A-Z0-9]{2,20}$`,
			Allowed:  "the id of a user group or a member, such as S0123ABCD or U0123ABCD",
			Examples: []string{"S0123ABCD", "U0123ABCD"},
		},
		Customer: Value{
			About:   "A channel that is shared with the customer; needs services.slack.",
			Pattern: SlackChannelPattern, Allowed: SlackChannelAllowed, Examples: []string{"#globex-p1"},
		},
		CustomerNeedsSettings: true,
		Example:               "slack: { secret: SLACK, channel: C0123ABCD }",
	},
	{
		Kind: "people", Label: "their own ways",
		About: "Reaches each person by their own ways, one after the other until they answer. " +
			"[Reaching people by their own ways](services.md#reaching-people-by-their-own-ways) shows the secret.",
		Secret:   "the people's ways, as JSON",
		Required: []string{"secret"},
		Settings: []Setting{
			{Name: "twilio-account", About: "The account at Twilio, for calls and texts.", Value: Value{
				Pattern: `^AC[0-9a-f]{32}$`, Allowed: "an Account SID, such as AC00000000000000000000000000000000",
				Examples: []string{"AC00000000000000000000000000000000"},
			}},
			{Name: "twilio-from", About: "The number at Twilio that calls and texts.", Value: Value{
				Pattern: `^\+[1-9][0-9]{6,14}$`, Allowed: `a phone number in quotes, such as "+14155550100"`,
				Examples: []string{`"+14155550100"`},
			}},
			{Name: "twilio-secret", About: "The name of the secret that holds Twilio's auth token.", Value: Value{
				IsSecret: true, Examples: []string{"TWILIO"},
			}},
			{Name: "pushover-secret", About: "The name of the secret that holds the application's token at Pushover.", Value: Value{
				IsSecret: true, Examples: []string{"PUSHOVER"},
			}},
			{Name: "test", Default: "weekly", About: "weekly: each person on call gets a test page a week, by the next of their " +
				"ways each time, and once a day the path to the vendors is tested without a page. path: the path alone.", Value: Value{
				Choices: []string{"weekly", "path", "off"},
			}},
			{Name: "test-day", Default: "tue", About: "The day of the test pages.", Value: Value{
				Choices: []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"},
			}},
			{Name: "test-hour", Default: "10:00", About: "The hour of the tests, in the time zone of the person's rotation; that " +
				"of the path in time-zone.", Value: Value{
				Pattern: `^([01][0-9]|2[0-3]):00$`, Allowed: `a full hour in quotes, such as "10:00"`, Examples: []string{`"14:00"`},
			}},
		},
		Example: "people: { secret: PEOPLE }",
	},
	{
		Kind: "email", Label: "email",
		Secret:   "what opens the mail server",
		Required: []string{"from"},
		Settings: []Setting{
			{Name: "from", About: "The sender's address.", Value: Value{
				Pattern: EmailPattern, Examples: []string{"incidents@acme.example"},
				Allowed: "the sender's address, such as incidents@acme.example",
			}},
			{
				Name:  "reply-to",
				About: "The address at which mails are taken in: an answer becomes a comment on the incident.",
				Value: Value{
					Pattern: EmailPattern, Examples: []string{"p1@acme.example"},
					Allowed: "the address at which mails are taken in, such as p1@acme.example",
				},
			},
			{
				Name:    "via",
				About:   "smtp needs a secret. ses needs a region, uses the operator's own role at AWS, and works only in the functions on AWS.",
				Value:   Value{Choices: []string{"smtp", "ses"}},
				Default: "smtp",
			},
			{Name: "region", About: "The region of SES.", Value: Value{
				Pattern: `^[a-z]{2}(?:-[a-z]+)+-[0-9]$`, Examples: []string{"eu-central-1"},
				Allowed: "a region of AWS, such as eu-central-1",
			}},
		},
		Rules: []Rule{
			{Setting: "via", Is: "ses", Needs: []string{"region"}},
			{Setting: "via", Is: "smtp", Needs: []string{"secret"}, Forbids: []string{"region"}},
		},
		Target: Value{
			About:   "Addresses of the teams and people. Everybody whom a step mails needs one.",
			Pattern: EmailPattern, Allowed: EmailAllowed, Examples: []string{"oncall@acme.example"},
		},
		EachNeedsTarget: true,
		Customer: Value{
			Pattern:  EmailPattern,
			Allowed:  EmailAllowed,
			Examples: []string{"gina@globex.example"},
		},
		Example: "email: { secret: SMTP, from: incidents@acme.example }",
	},
}

// region is where an account at PagerDuty or Opsgenie is.
var region = Setting{
	Name: "region", About: "Where the account is.",
	Value: Value{Choices: []string{"us", "eu"}}, Default: "us",
}

// What several services have, and what fits it, for people.
const (
	EmailPattern = `^[^@\s<>,;"]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?` +
		`(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+$`
	EmailAllowed = "an address such as gina@globex.example"

	SlackChannelPattern = `^#?[a-z0-9][a-z0-9_-]{0,79}$|^[CG][A-Z0-9]{7,20}$`
	SlackChannelAllowed = `a channel such as C0123ABCD or globex-p1 (with a # it needs quotes: "#globex-p1")`
)
