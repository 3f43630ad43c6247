package forge

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// State is something of GitHub's that POST /sandbox/states brings about. Unlike a fault it lasts, as
// it would on GitHub, is seen by everybody, and is kept with the model.
type State struct {
	Key     string // the one key of the request
	Example string // of the key's value
	Doc     string // what it does, in one sentence

	// set reads the value and changes the forge, which is held, with the webhooks that GitHub sends. It is
	// done in the name of by, an owner of the organization. An error is told to whoever asked, as 400.
	Set func(f *Forge, by *Actor, value json.RawMessage) error
}

// States lists what can be brought about, in the order in which the pages show it.
var States = []State{
	{"suspend", `"acme"`, "suspends the App's installation", setSuspended(true)},
	{"resume", `"acme"`, "ends the suspension", setSuspended(false)},
	{"uninstall", `"acme"`, "uninstalls the App", setUninstalled},
	{"install", `"acme"`, "installs the App again, as another installation", setInstalled},
	{"permissions", `{"contents":"read"}`,
		`lets the installation have these permissions alone; "" accepts all that the App asks for`,
		setPermissions},
	{"allow_list", `"acme"`, `keeps the App out by an IP allow list; "" ends it`, setAllowList},
	{"archive", `"acme/payments"`, `archives a repository; "" ends it for all`,
		repoState(isArchived, setArchived)},
	{"empty", `"acme/incidents"`, `empties a repository; "" brings back what was in it`,
		repoState(isEmptied, setEmpty)},
	{"ruleset", `"acme/incidents"`, `lets changes of the default branch in by pull requests alone; "" ends it for all`,
		repoState(hasRules, setRules)},
	{"rulesets", `{"repository":"acme/payments","enforcement":"disabled"}`,
		"enables, disables, empties or deletes all rulesets of a repository, or makes one of a name", setRulesets},
	{"auto_merge", `"acme/payments#2"`, "has a pull request merged as soon as nothing is in its way",
		issueState(setAutoMerge)},
	{"merge_queue", `"acme/payments#2"`,
		"puts a pull request into the merge queue, which merges it once its commit there has a status and none is missing",
		issueState(setQueued)},
	{"gate", `{"repository":"acme/payments","environment":"production"}`,
		"has deployments to an environment wait for the App, by a deployment protection rule", setGate},
	{"deploy", `{"repository":"acme/payments","environment":"production"}`,
		"starts a run that deploys the default branch, or another one", setDeploy},
	{"disable_issues", `"acme/payments"`, `disables a repository's issues; "" ends it for all`,
		repoState(withoutIssues, disableIssues)},
	{"properties", `{"acme/payments":{"service":"payments"}}`,
		`sets custom properties of repositories; "" as a value takes one away`, setProperties},
	{"run", `{"repository":"acme/payments","workflow":"CI","conclusion":"failure"}`,
		"lets a workflow have run on the default branch, or on another one", setRun},
	{"end_run", `{"repository":"acme/payments","conclusion":"success"}`,
		"ends the oldest run of a workflow that is under way", setRunEnded},
	{"delete_user", `"bob"`, "deletes somebody's account", setUserDeleted},
	{"rename", `["acme/incidents","acme/p1"]`, "renames a repository", setRenamed},
	{"rename_org", `["acme","acme2"]`, "renames the organization", setOrgRenamed},
	{"transfer", `["acme/incidents#4","acme/platform"]`, "transfers an issue to another repository",
		setTransferred},
	{"lock", `"acme/incidents#4"`, "locks an issue's conversation", issueState(setLocked(true))},
	{"unlock", `"acme/incidents#4"`, "unlocks an issue's conversation", issueState(setLocked(false))},
	{"convert", `"acme/incidents#4"`, "converts an issue to a discussion", issueState(setConverted)},
	{"delete_issue", `"acme/incidents#4"`, "deletes an issue", issueState(setDeleted)},
	{"token_life", `"10m"`, "sets how long the installation's tokens live from now on, an hour otherwise",
		setTokenLife},
}

// Owner returns an owner of the organization, in whose name states are brought about.
func (f *Forge) Owner() *Actor {
	for _, u := range f.Users {
		if u.Kind == KindUser && !u.Suspended && f.IsMember(u.Login) {
			return &Actor{Login: u.Login}
		}
	}
	return &Actor{Login: f.Org.Login}
}

// decode reads a state's value and refuses what is not known.
func decode(value json.RawMessage, into any, example string) error {
	in := json.NewDecoder(bytes.NewReader(value))
	in.DisallowUnknownFields()
	if err := in.Decode(into); err != nil {
		return fmt.Errorf("the value can't be read, it is like %s: %w", example, err)
	}
	return nil
}

// orgOf reads the name of the organization.
func (f *Forge) orgOf(value json.RawMessage) error {
	var login string
	if err := decode(value, &login, `"acme"`); err != nil {
		return err
	}
	if !strings.EqualFold(login, f.Org.Login) {
		return fmt.Errorf("there is no organization %q; the one that there is, is %s", login, f.Org.Login)
	}
	return nil
}

// repoOf reads the full name of a repository.
func (f *Forge) repoOf(value json.RawMessage) (*Repository, error) {
	var name string
	if err := decode(value, &name, `"acme/incidents"`); err != nil {
		return nil, err
	}
	r, ok := f.FindRepository(name)
	if !ok {
		return nil, fmt.Errorf("there is no repository %q", name)
	}
	return r, nil
}

// personOf reads the login of a person.
func (f *Forge) personOf(value json.RawMessage) (*User, error) {
	var login string
	if err := decode(value, &login, `"bob"`); err != nil {
		return nil, err
	}
	u, ok := f.FindUser(login)
	if !ok || u.Kind != KindUser {
		return nil, fmt.Errorf("there is no person %q", login)
	}
	return u, nil
}

// pairOf reads a list of two texts.
func pairOf(value json.RawMessage, example string) (from, to string, err error) {
	var both []string
	if err := decode(value, &both, example); err != nil {
		return "", "", err
	}
	if len(both) != 2 || both[0] == "" || both[1] == "" {
		return "", "", errors.New("the value is a list of two, like " + example)
	}
	return both[0], both[1], nil
}

// issueRef finds the issue that a text like acme/incidents#4 names.
func (f *Forge) issueRef(ref string) (*Issue, error) {
	name, number, _ := strings.Cut(ref, "#")
	r, ok := f.FindRepository(name)
	if !ok {
		return nil, fmt.Errorf("there is no repository %q", name)
	}
	n, _ := strconv.Atoi(number)
	i, ok := r.IssueAt(n)
	if !ok {
		return nil, fmt.Errorf("there is no issue %q", ref)
	}
	return i, nil
}

// setSuspended suspends the installation or ends that.
func setSuspended(suspended bool) func(*Forge, *Actor, json.RawMessage) error {
	return func(f *Forge, by *Actor, value json.RawMessage) error {
		if err := f.orgOf(value); err != nil {
			return err
		}
		switch {
		case !f.IsInstalled(nil):
			return errors.New("the App is not installed")
		case suspended == !f.Suspended.IsZero():
			return errors.New("the installation " + suspension(f.Suspended))
		}
		f.Suspend(by, suspended)
		return nil
	}
}

func suspension(since time.Time) string {
	if since.IsZero() {
		return "is not suspended"
	}
	return "is suspended since " + FormatTime(since)
}

// setTokenLife sets how long tokens live that are made from now on.
func setTokenLife(f *Forge, _ *Actor, value json.RawMessage) error {
	var text string
	if err := decode(value, &text, `"10m"`); err != nil {
		return err
	}
	life, err := time.ParseDuration(text)
	if err != nil || life <= 0 {
		return fmt.Errorf("%q isn't a time to live, like 10m", text)
	}
	f.TokenLife = life
	f.NoteChange()
	return nil
}
