// Package demo prepares the sandbox for the product: the product's App, the labels of an incident
// repository, and the environment of the product's process.
package demo

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"strconv"
	"strings"

	"github.com/firebreak-dev/firebreak/app/notify"
	"github.com/firebreak-dev/firebreak/app/sandbox"
	"github.com/firebreak-dev/firebreak/app/sandbox/workspace"
	"github.com/firebreak-dev/firebreak/app/slack"
)

// repository is where incidents are issues.
const repository = "acme/incidents"

// environmentFile is where a sandbox that keeps its data writes the environment.
const environmentFile = "firebreak.env"

// Names of the secrets by which calls, texts and pushes reach the sandbox's phones, and of the bot's in Slack.
const (
	phoneSecret    = "TWILIO"
	pushoverSecret = "PUSHOVER"
	peopleSecret   = "PEOPLE"
	slackSecret    = "SLACK"
)

// intakeSecret is what reports are signed with, or carry as a token.
const intakeSecret = "demo-intake"

// app is the product's App.
var app = sandbox.App{Slug: "firebreak", Name: "Firebreak", Description: "Runs critical incidents"}

// labels are those of an incident repository.
var labels = []sandbox.Label{
	{Name: "incident", Color: "b60205", Description: "An incident"},
	{Name: "severity/critical", Color: "d73a4a", Description: "P1: a production system is impaired"},
	{Name: "severity/regular", Color: "fbca04", Description: "It can wait for working hours"},
	{Name: "phase/identify", Color: "c5def5", Description: "What is it, and how bad"},
	{Name: "phase/investigate", Color: "bfd4f2", Description: "Looking for the cause"},
	{Name: "phase/fixing", Color: "a2c4f5", Description: "The cause is known, a solution is under way"},
	{Name: "phase/monitoring", Color: "7fb2f0", Description: "Stand-by: is there a regression?"},
	{Name: "phase/closing", Color: "5a9bea", Description: "Postmortem and follow-ups"},
	{Name: "drill", Color: "d4c5f9", Description: "An exercise"},
	{Name: "update-overdue", Color: "e99695", Description: "The customer waits for an update"},
	{Name: "postmortem/merged", Color: "0e8a16", Description: "Reviewed and finished"},
}

// What the App is granted beyond what every App of the product needs, so that it can tell what changed:
// on a morning on which something did.
var (
	changePermissions = map[string]string{"deployments": "write", "actions": "write", // write: to run workflows
		"administration": "write", "statuses": "write"} // to freeze; deployments too
	changeEvents = []string{"deployment", "deployment_status", "release", "workflow_run",
		"deployment_protection_rule"}
)

// New makes a sandbox for the product, or opens the one that o.Data holds. The App has the permissions and
// events that o.App names beyond those that the product needs at least.
func New(o sandbox.Options) (*sandbox.Sandbox, error) {
	more := o.App
	o.App, o.SignatureHeader = app, notify.SignatureHeader
	o.App.Permissions, o.App.Events = more.Permissions, more.Events
	if o.Morning && more.Permissions == nil {
		o.App.Permissions, o.App.Events = changePermissions, changeEvents
	}
	o.Labels = map[string][]sandbox.Label{repository: labels}
	// the product takes what Slack sends next to GitHub's webhooks
	if public, ok := strings.CutSuffix(o.WebhookURL, "/webhook"); ok {
		o.Slack = workspace.App{RequestURL: public + "/intake/slack", Secret: intakeSecret,
			Commands: []string{"/ic", "/oe", "/incident"}}
		for _, scope := range slack.Scopes {
			o.Slack.Scopes = append(o.Slack.Scopes, scope.Name)
		}
	}
	o.Environment, o.EnvironmentFile = environment, environmentFile
	return sandbox.New(o)
}

// environment returns the variables by which the product's process is the App of a sandbox. Where no App is registered
// yet, whoever registers it has the rest.
func environment(c sandbox.Credentials) map[string]string {
	env := map[string]string{
		"FIREBREAK_CLOCK_URL":         c.ClockURL,
		"FIREBREAK_PAGER_URL":         c.PageURL,
		"FIREBREAK_MAIL_URL":          c.AnnounceURL,
		"FIREBREAK_OUTBOUND_SECRET":   c.OutboxSecret,
		"FIREBREAK_INTAKE_REPOSITORY": repository,
		"FIREBREAK_INTAKE_SECRET":     intakeSecret,
	}
	// the product serves the links of pages next to its webhooks
	if public, ok := strings.CutSuffix(c.WebhookURL, "/webhook"); ok {
		env["FIREBREAK_PUBLIC_URL"] = public
	}
	env["FIREBREAK_PHONE_URL"] = c.PhoneURL
	env["FIREBREAK_SECRET_"+phoneSecret] = c.PhoneToken
	env["FIREBREAK_PUSHOVER_URL"] = c.PushoverURL
	env["FIREBREAK_SECRET_"+pushoverSecret] = c.PushoverToken
	env["FIREBREAK_SECRET_"+peopleSecret] = waysOf(c)
	env["FIREBREAK_SLACK_URL"] = c.SlackURL
	env["FIREBREAK_SECRET_"+slackSecret] = c.SlackToken
	env["FIREBREAK_INTAKE_SLACK_TOKEN"] = c.SlackToken
	env["FIREBREAK_SLACK_COMMENTS"] = "true"
	if u, err := url.Parse(c.URL); err == nil {
		env["FIREBREAK_OUTBOUND_ALLOW"] = u.Host // the sandbox is ntfy and Gotify too
	}
	if c.AppID == 0 {
		return env
	}
	env["FIREBREAK_GITHUB_URL"] = c.URL + "/"
	env["FIREBREAK_APP_ID"] = strconv.FormatInt(c.AppID, 10)
	env["FIREBREAK_WEBHOOK_SECRET"] = c.WebhookSecret
	if c.PrivateKeyFile != "" {
		env["FIREBREAK_PRIVATE_KEY_FILE"] = c.PrivateKeyFile
	} else {
		env["FIREBREAK_PRIVATE_KEY"] = string(c.PrivateKey)
	}
	return env
}

// way is a way to reach somebody, as package notify reads it.
type way struct {
	Call     string `json:"call,omitempty"`
	SMS      string `json:"sms,omitempty"`
	Pushover string `json:"pushover,omitempty"`
	Ntfy     string `json:"ntfy,omitempty"`
	Gotify   string `json:"gotify,omitempty"`
	Token    string `json:"token,omitempty"`
	After    string `json:"after,omitempty"`
}

// pushOf returns the way by which a push reaches somebody: each vendor has its people.
func pushOf(login string, keys sandbox.PushKeys) []way {
	switch login {
	case "dan", "alice":
		return []way{{Ntfy: keys.Ntfy, Token: keys.NtfyToken}}
	case "carol":
		return []way{{Pushover: keys.Pushover}}
	case "bob", "erin":
		return []way{{Gotify: keys.Gotify, Token: keys.GotifyToken}}
	}
	return nil
}

// waysOf returns the ways to reach the sandbox's people: a text and mostly a push, and a call two minutes later.
func waysOf(c sandbox.Credentials) string {
	people := map[string]any{}
	for login, number := range c.Phones {
		ways := append([]way{{SMS: number}}, pushOf(login, c.Pushes[login])...)
		people[login] = append(ways, way{Call: number, After: "2m"})
	}
	for team, logins := range c.Teams {
		if len(logins) > 0 {
			people[team] = logins
		}
	}
	text, err := json.Marshal(people)
	if err != nil {
		return "" // no text fails to be written
	}
	return string(text)
}

// WithWorkflow lets people run a workflow: its settings go into our configuration, and its file where it runs. It
// leaves files without our configuration as they are.
func WithWorkflow(files map[string]map[string]string,
	settings, repo, path, workflow string) map[string]map[string]string {
	const config, after = ".github/firebreak.yml", "\nstand-by:\n"
	before, ok := files[repository][config]
	if !ok || !strings.Contains(before, after) {
		return files
	}
	all := maps.Clone(files)
	all[repository], all[repo] = maps.Clone(files[repository]), maps.Clone(files[repo])
	all[repository][config] = strings.Replace(before, after, "\n"+settings+strings.TrimPrefix(after, "\n"), 1)
	if all[repo] == nil {
		all[repo] = map[string]string{}
	}
	all[repo][path] = workflow
	return all
}

// WithPhones makes pages reach the phones of the sandbox too. It leaves files without our configuration as
// they are.
func WithPhones(files map[string]map[string]string) map[string]map[string]string {
	const path, pager = ".github/firebreak.yml", "\npager: webhook "
	before, ok := files[repository][path]
	if !ok || !strings.Contains(before, pager) {
		return files
	}
	text := strings.NewReplacer(
		"    - to: [incident-coordinators]\n", "    - to: [incident-coordinators]\n      by: [webhook, people]\n",
		"      to: [incident-coordinators, platform]\n",
		"      to: [incident-coordinators, platform]\n      by: [webhook, people]\n",
		pager, fmt.Sprintf(`
# The phones of the sandbox: its outbox leads to them.
services:
  people:
    secret: %s
    twilio-account: %s
    twilio-from: "+15005550006"
    twilio-secret: %s
    pushover-secret: %s
%s`, peopleSecret, sandbox.PhoneAccount, phoneSecret, pushoverSecret, pager)).Replace(before)
	all := maps.Clone(files)
	all[repository] = maps.Clone(files[repository])
	all[repository][path] = text
	return all
}

// inSlack are the people who are mapped to their ids in Slack: all but the customer's.
var inSlack = []string{"alice", "bob", "carol", "dan", "erin", "mallory", "dave_acme", "ivan-"}

// WithSlack lets each critical incident have a channel in the sandbox's Slack. It follows WithPhones, and leaves files
// without its settings as they are.
func WithSlack(files map[string]map[string]string) map[string]map[string]string {
	const path, services = ".github/firebreak.yml", "\nservices:\n"
	before, ok := files[repository][path]
	if !ok || !strings.Contains(before, services) {
		return files
	}
	targets := make([]string, 0, len(inSlack))
	for _, login := range inSlack {
		targets = append(targets, fmt.Sprintf("%q: %s", "@"+login, sandbox.MemberID(login)))
	}
	text := strings.Replace(before, services, fmt.Sprintf(`
# The Slack of the sandbox, at /slack.
slack: { channel-per: critical }
services:
  slack:
    secret: %s
    channel: %s
    targets: { %s }
`, slackSecret, sandbox.IncidentsChannel, strings.Join(targets, ", ")), 1)
	all := maps.Clone(files)
	all[repository] = maps.Clone(files[repository])
	all[repository][path] = text
	return all
}
