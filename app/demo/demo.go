// Package demo prepares the sandbox for the product: the product's App, the labels of an incident
// repository, and the environment of the product's process.
package demo

import (
	"strconv"

	"github.com/firebreak-dev/firebreak/app/notify"
	"github.com/firebreak-dev/firebreak/app/sandbox"
)

// repository is where incidents are issues.
const repository = "acme/incidents"

// environmentFile is where a sandbox that keeps its data writes the environment.
const environmentFile = "firebreak.env"

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
	changePermissions = map[string]string{"deployments": "read", "actions": "read"}
	changeEvents      = []string{"deployment", "deployment_status", "release", "workflow_run"}
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
