package github

import (
	"fmt"
	"slices"
	"strings"
)

// Permission is one that the App is granted, and why it needs it.
type Permission struct{ Name, Level, Why string }

// Permissions are all that the App needs at least. What asks for them, what explains them and what checks
// them go by this list.
// https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps
var Permissions = []Permission{
	{"issues", "write", "An incident is an issue: its card, labels, roles, answers to commands, and the " +
		"tickets that follow from it."},
	{"contents", "write",
		"To read .github/firebreak.yml, and to write the postmortem, and a revert that somebody asks for, on a branch " +
			"of its own."},
	{"pull_requests", "write",
		"The postmortem is a pull request, and asks the people of the incident for a review."},
	{"checks", "write", "A check on the postmortem says what is missing in it; another one says what is " +
		"wrong with a changed configuration."},
	{"members", "read", "To know who is in the coordinators' team, and so that mentioning a team reaches its members."},
	{"metadata", "read", "GitHub grants it to every App: which repositories there are, and who may do what in them."},
}

// permissionNames lists the permissions in one line.
func permissionNames() string {
	var all []string
	for _, p := range Permissions {
		all = append(all, p.Name+": "+p.Level)
	}
	return strings.Join(all, ", ")
}

// Event is one that the App subscribes to, and why.
type Event struct{ Name, Why string }

// Events are all that the App needs at least.
var Events = []Event{
	{"issues", "An incident is declared, or somebody moves a label, an assignee or the issue itself by hand."},
	{"issue_comment", "Commands are comments."},
	{"pull_request", "The postmortem's pull request changes or is merged."},
	{"pull_request_review", "Somebody has reviewed the postmortem."},
	{"push", "The configuration changes: its mistakes are told before they matter."},
	{"repository", "A repository is renamed, moved, archived or made public: its open incidents are looked at."},
}

// Capability is something that the App can also do, with permissions beyond those that it needs at
// least. Nothing fails without it.
type Capability struct {
	Name        string // as `firebreak setup --with` takes it
	Gives       string
	Permissions []Permission
	Events      []Event
}

// FreezerPermissions are what the App for freezes needs, where another one runs the incidents (X4).
var FreezerPermissions = []Permission{
	{"administration", "write", "To make and delete the ruleset by which a repository is frozen. GitHub knows no " +
		"smaller permission for rulesets. The process that holds this App's key does nothing else with it."},
}

// Capabilities are all that there are.
var Capabilities = []Capability{
	{Name: "changes", Gives: "Deployments and workflow runs are among the changes that an incident may come from.",
		Permissions: []Permission{
			{"deployments", "read", "To list what was deployed to production before an incident, and when it got there."},
			{"actions", "read", "To list the workflow runs that a person, a schedule or another system started before " +
				"an incident."},
		},
		Events: []Event{
			{"deployment_status", "A deployment succeeds: whoever waits for a revert hears at once that it is live."},
		}},
	{Name: "run", Gives: "/oe run starts the team's own workflows, those that run in the configuration names.",
		Permissions: []Permission{
			{"actions", "write", "To start a workflow that somebody asks for by /oe run, and to see how it ends. GitHub asks " +
				"for its own approvals in between."},
		},
		Events: []Event{
			{"workflow_run", "A workflow that /oe run started ended."},
		}},
	{Name: "freeze", Gives: "/ic freeze has GitHub refuse merges into a repository while an incident is on, but for " +
		"those that the coordinator lets through.",
		Permissions: []Permission{
			{"administration", "write", "To make and delete the ruleset by which a repository is frozen. GitHub knows no " +
				"smaller permission for rulesets, and this one allows far more: give it to an App of its own where you can " +
				"(firebreak setup --with freezer), or leave it out and have what waits marked by --with mark."},
			{"statuses", "write", "To let one commit through, and to tell each merge that waits why."},
		}},
	{Name: "hold", Gives: "/ic freeze holds deployments to the environments that have the App's deployment protection " +
		"rule, with freeze or without.",
		Permissions: []Permission{
			{"deployments", "write", "To say whether a deployment that waits for the App goes on."},
			{"actions", "read", "To find the workflow runs that wait, and by which rules."},
			{"statuses", "write", "To let one commit through."},
		},
		Events: []Event{
			{"deployment_protection_rule", "A deployment waits for the App's word."},
		}},
	{Name: "mark", Gives: "/ic freeze marks the pull requests that are about to be merged, so that people wait. " +
		"GitHub merges them all the same.",
		Permissions: []Permission{
			{"statuses", "write", "To tell each merge that waits that the repository is frozen, and to let one commit " +
				"through."},
		}},
}

// FindCapabilities returns the capabilities of these names.
func FindCapabilities(names []string) (found []Capability, err error) {
	var known []string
	for _, c := range Capabilities {
		known = append(known, c.Name)
		if slices.Contains(names, c.Name) {
			found = append(found, c)
		}
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("there is no capability %q; there is %s", name, strings.Join(known, ", "))
		}
	}
	return found, nil
}
