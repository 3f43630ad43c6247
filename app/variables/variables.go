// Package variables lists the environment variables that the product reads. The server's --help and
// docs/environment.md are written from it, and a test checks that the code reads no other.
package variables

import (
	"fmt"
	"strings"
)

// Variable is one environment variable, or those that begin alike.
type Variable struct {
	Name    string // an … is replaced by what the configuration or a source calls it
	About   string
	Default string
	Example string

	Group    Group
	Required bool   // the product doesn't start without it
	Help     string // in the server's --help, shorter than About; "" is left out there
}

// Group is what a variable is for.
type Group string

// The groups.
const (
	App      Group = "The GitHub App"
	Serves   Group = "What is served"
	Outbound Group = "Pages and customer updates"
	Intake   Group = "Sources"
	AWS      Group = "The functions on AWS"
	Sandbox  Group = "The sandbox"
)

// Groups lists the groups in the order of the documentation.
var Groups = []Group{App, Serves, Outbound, Intake, AWS, Sandbox}

// All lists the variables.
var All = []Variable{
	{Name: "FIREBREAK_APP_ID", Group: App, Required: true, Example: "123456",
		About: "The number of the GitHub App.", Help: "number of the App"},
	{Name: "FIREBREAK_PRIVATE_KEY", Group: App,
		About: "The App's private key, as PEM; `\\n` means the end of a line. This, the file or the key in KMS is required.",
		Help:  "its private key, PEM"},
	{Name: "FIREBREAK_PRIVATE_KEY_FILE", Group: App, Example: "/run/secrets/app.pem",
		About: "A file that holds the private key.", Help: "or a file that holds it"},
	{Name: "FIREBREAK_KMS_KEY", Group: App, Example: "alias/firebreak",
		About: "A key of AWS KMS that is the App's private key and never leaves it. For the functions on AWS and `firebreak stats`."},
	{Name: "FIREBREAK_FREEZE_APP_ID", Group: App, Example: "123457",
		About: "The number of another App, which alone may administer repositories: it makes and deletes the rulesets of `/ic freeze`. " +
			"Without it, the App itself does where it was granted that.", Help: "of an App of its own for rulesets"},
	{Name: "FIREBREAK_FREEZE_PRIVATE_KEY_FILE", Group: App, Example: "/run/secrets/freeze.pem",
		About: "A file that holds that App's private key.", Help: "its private key"},
	{Name: "FIREBREAK_FREEZE_URL", Group: App, Example: "http://freezer:8791",
		About: "Where `firebreak freezer` runs, a process that alone holds the key of the App for freezes, in place of these two.",
		Help:  "where firebreak freezer holds that key instead"},
	{Name: "FIREBREAK_FREEZE_SECRET", Group: App,
		About: "A secret that both processes know, and that signs what that one is asked; required with its address.",
		Help:  "the secret that signs what it is asked"},
	{Name: "FIREBREAK_WEBHOOK_SECRET", Group: App, Required: true,
		About: "The App's webhook secret.", Help: "its webhook secret"},
	{Name: "FIREBREAK_WEBHOOK_SECRET_PREVIOUS", Group: App,
		About: "The webhook secret before, which is accepted too, while rotating.", Help: "the one before, while rotating"},
	{Name: "FIREBREAK_APP_SLUG", Group: App, Example: "firebreak",
		About: "The App's short name, by which the webhook function knows the App's own comments and leaves them out of the queue."},
	{Name: "FIREBREAK_GITHUB_URL", Group: App, Default: "github.com", Example: "https://github.example.com",
		About: "A GitHub Enterprise Server, or ghe.com.", Help: "a GitHub Enterprise Server or ghe.com; default: GitHub itself"},
	{Name: "FIREBREAK_GITHUB_LIMITS", Group: App, Default: "github", Example: "none",
		About: "`none` if that server has no secondary rate limits, as is the default of GitHub Enterprise Server.",
		Help:  "none, if that server has no secondary rate limits"},

	{Name: "FIREBREAK_REPOSITORIES", Group: Serves, Example: "acme/incidents, acme/.github",
		About: "The repositories for incidents, as owner/repo or by id. `owner/.github`: those that the list there names. " +
			"[SECURITY.md](../SECURITY.md) says what is served without it.",
		Help: "repositories for incidents, as owner/repo or by id; owner/.github: listed there"},
	{Name: "FIREBREAK_ACCOUNTS", Group: Serves, Example: "acme", Default: "all that installed the App",
		About: "The accounts whose repositories are served.", Help: "accounts whose repositories are served; default: all that installed it"},
	{Name: "FIREBREAK_DATABASE_URL", Group: Serves, Example: "postgres://firebreak:secret@db/firebreak?sslmode=verify-full",
		Default: "a SQLite file in the folder of `--data`",
		About: "A PostgreSQL database for the queue and the timers, which any number of processes may share: " +
			"[guide](production-postgresql.md). Its user needs the right to create a schema, or the schema `firebreak`.",
		Help: "PostgreSQL database that several processes share; default: a file"},
	{Name: "FIREBREAK_TRUSTED_PROXIES", Group: Serves, Example: "10.0.0.0/8", Default: "none",
		About: "Networks of proxies whose X-Forwarded-For is trusted.", Help: "proxies whose X-Forwarded-For is trusted; default: none"},

	{Name: "FIREBREAK_SECRET_…", Group: Outbound, Example: "FIREBREAK_SECRET_PAGERDUTY",
		About: "The value of the secret that a repository's configuration calls by the rest of the name. " +
			"`FIREBREAK_SECRET_ACME__PAGERDUTY` is for the account acme alone (a `-` of its name is a `_`), and is used there " +
			"in place of `FIREBREAK_SECRET_PAGERDUTY`, which every account that is served may use.",
		Help: "the secret that a repository's configuration calls …"},
	{Name: "FIREBREAK_PAGER_URL", Group: Outbound, Example: "https://pager.example.com",
		About: "Where pages of the kind webhook are posted.", Help: "where pages of the kind webhook are posted"},
	{
		Name: "FIREBREAK_PHONE_URL", Group: Outbound, Default: "Twilio's own",
		Example: "https://phone.example.com",
		About:   "Another server that takes calls and texts as Twilio does, such as the sandbox.",
		Help:    "another server that takes calls and texts as Twilio does",
	},
	{
		Name: "FIREBREAK_PUSHOVER_URL", Group: Outbound, Default: "Pushover's own",
		Example: "https://push.example.com/1",
		About:   "Another server that takes messages as Pushover's API does, such as the sandbox.",
		Help:    "another server that takes messages as Pushover's API does",
	},
	{
		Name: "FIREBREAK_SLACK_URL", Group: Outbound, Default: "Slack's own",
		Example: "https://slack.example.com/api",
		About:   "Another server with Slack's Web API, for the channels of incidents and for pages.",
		Help:    "another server with Slack's Web API, for the channels of incidents and for pages",
	},
	{
		Name: "FIREBREAK_SLACK_COMMENTS", Group: Outbound, Default: "false", Example: "true",
		About: "`true` shows comments without commands in the incidents' channels in Slack at once. Otherwise they are there with the next command.",
		Help:  "true: shows comments without commands in the incidents' channels in Slack at once",
	},
	{
		Name:    "FIREBREAK_MAIL_URL",
		Group:   Outbound,
		Default: "the service email of the configuration",
		Example: "https://mail.example.com",
		About:   "Where emails for customers are posted.",
		Help:    "where emails for customers are posted",
	},
	{Name: "FIREBREAK_PUBLIC_URL", Group: Outbound, Default: "pages have no link", Example: "https://firebreak.example.com",
		About: "Where people reach this server: a page to a person carries a link there, by which they answer without a login.",
		Help:  "where people reach this server, for the links of pages"},
	{Name: "FIREBREAK_OUTBOUND_SECRET", Group: Outbound,
		About: "Signs what these two receive; required with them.", Help: "signs what these two receive"},
	{
		Name:    "FIREBREAK_OUTBOUND_ALLOW",
		Group:   Outbound,
		Default: "public addresses only",
		Example: "mail.internal, 10.1.0.0/16",
		About: "Hosts and networks that may be reached although they are not public. `acme=hooks.internal` is for the " +
			"account acme alone.",
		Help: "hosts and networks that may be reached although they are not public",
	},
	{
		Name: "FIREBREAK_ACCOUNT_BOUNDS", Group: Outbound, Default: "calls=240, mails=2000, pages=2000",
		Example: "calls=100, mails=500",
		About: "How many calls and texts, mails, and pages go out for an account within an hour. What is beyond fails, and " +
			"the incident says so. 0 has no bound.",
		Help: "how many calls, mails and pages go out for an account in an hour",
	},

	{Name: "FIREBREAK_INTAKE_REPOSITORY", Group: Intake, Example: "acme/incidents",
		About: "Where a source's report becomes an incident, as owner/repo. Without it no source is served.",
		Help:  "where a source's report becomes an incident, as owner/repo"},
	{Name: "FIREBREAK_INTAKE_SECRET", Group: Intake,
		About: "The secret or token of all sources that have none of their own. With `_PREVIOUS` the one before, while rotating.",
		Help:  "the secret of all sources that have none of their own"},
	{Name: "FIREBREAK_INTAKE_…_SECRET", Group: Intake, Example: "FIREBREAK_INTAKE_ALERTMANAGER_SECRET",
		About: "The secret or token of one source. With `_PREVIOUS` the one before, while rotating.", Help: "the secret of one source"},
	{
		Name:    "FIREBREAK_INTAKE_SNS_TOPICS",
		Group:   Intake,
		Example: "arn:aws:sns:eu-central-1:123456789012:alarms",
		About:   "ARNs of the SNS topics whose signature is accepted.",
		Help:    "ARNs of the SNS topics whose signature is accepted",
	},
	{Name: "FIREBREAK_INTAKE_SLACK_TOKEN", Group: Intake,
		About: "A bot's token, with which the form is opened in Slack.", Help: "a bot's token, with which the form is opened in Slack"},
	{Name: "FIREBREAK_SLACK_APP_TOKEN", Group: Intake,
		About: "An app's token (`xapp-…`, scope `connections:write`): what Slack sends then comes by Socket Mode, for a " +
			"server that Slack can't reach. Of several processes each gets a part.",
		Help: "an app's token: what Slack sends then comes by Socket Mode"},
	{Name: "FIREBREAK_INTAKE_URL", Group: Intake, Example: "https://firebreak.example.com",
		About: "The server that `firebreak drill` reports to."},

	{Name: "FIREBREAK_SECRETS", Group: AWS, Example: "secretsmanager:firebreak/services",
		About: "The secrets of all services in one, as JSON: `{\"PAGERDUTY\": \"…\", \"ACME__SLACK\": \"…\"}`. One with a variable " +
			"of its own, `FIREBREAK_SECRET_…`, counts before it."},
	{Name: "FIREBREAK_QUEUE_URL", Group: AWS, About: "The address of the SQS queue."},
	{Name: "FIREBREAK_QUEUE_ARN", Group: AWS, About: "The same queue's ARN, for timers."},
	{Name: "FIREBREAK_QUEUE_TRIES", Group: AWS, Example: "5",
		About: "How often the queue hands out a message before it puts it aside. Without it nothing is said on the issue then."},
	{Name: "FIREBREAK_DEAD_LETTERS_URL", Group: AWS,
		About: "The address of the queue of what was put aside. A sweep that goes well has it tried again, every six hours."},
	{
		Name:  "FIREBREAK_SCHEDULE_GROUP",
		Group: AWS,
		About: "The group of the timers in EventBridge Scheduler.",
	},
	{
		Name:  "FIREBREAK_SCHEDULE_ROLE",
		Group: AWS,
		About: "The ARN of the role by which timers write to the queue.",
	},
	{Name: "FIREBREAK_SHELF", Group: AWS, Example: "s3://bucket/prefix/",
		About: "Where the last known configurations and incidents are kept, by which people are paged while GitHub is down."},
	{Name: "FIREBREAK_INTAKE_MAILS", Group: AWS, Example: "s3://bucket/prefix/",
		About: "Where Amazon SES stores the mails that it reports to the function."},
	{
		Name:    "FIREBREAK_DEPLOYMENT",
		Group:   AWS,
		Example: "firebreak-prod",
		About:   "The deployment's name, a dimension of the metrics.",
	},

	{
		Name:  "FIREBREAK_CLOCK_URL",
		Group: Sandbox,
		About: "The clock of the sandbox's GitHub, which is followed.",
	},
}

// Help returns the variables of the server for its --help.
func Help() string {
	var b strings.Builder
	for _, v := range All {
		if v.Help != "" {
			fmt.Fprintf(&b, "  %-34s  %s\n", v.Name, v.Help)
		}
	}
	return b.String()
}
