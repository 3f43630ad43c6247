package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// state is something of GitHub's that POST /sandbox/states brings about. Unlike a fault it lasts, as
// it would on GitHub, is seen by everybody, and is kept with the model.
type state struct {
	key     string // the one key of the request
	example string // of the key's value
	doc     string // what it does, in one sentence

	// set reads the value and changes the store, which is held, with the webhooks that GitHub sends. It is
	// done in the name of by, an owner of the organization. An error is told to whoever asked, as 400.
	set func(st *store, by *Actor, value json.RawMessage) error
}

// states lists what can be brought about, in the order in which the pages show it.
var states = []state{
	{"suspend", `"acme"`, "suspends the App's installation", setSuspended(true)},
	{"resume", `"acme"`, "ends the suspension", setSuspended(false)},
	{"uninstall", `"acme"`, "uninstalls the App", setUninstalled},
	{"install", `"acme"`, "installs the App again, as another installation", setInstalled},
	{"permissions", `{"contents":"read"}`, `lets the installation have these permissions alone; "" accepts all that the App asks for`, setPermissions},
	{"allow_list", `"acme"`, `keeps the App out by an IP allow list; "" ends it`, setAllowList},
	{"archive", `"acme/payments"`, `archives a repository; "" ends it for all`, repoState(isArchived, setArchived)},
	{"empty", `"acme/incidents"`, `empties a repository; "" brings back what was in it`, repoState(isEmptied, setEmpty)},
	{"ruleset", `"acme/incidents"`, `lets changes of the default branch in by pull requests alone; "" ends it for all`, repoState(hasRules, setRules)},
	{"disable_issues", `"acme/payments"`, `disables a repository's issues; "" ends it for all`, repoState(withoutIssues, disableIssues)},
	{"delete_user", `"bob"`, "deletes somebody's account", setUserDeleted},
	{"rename", `["acme/incidents","acme/p1"]`, "renames a repository", setRenamed},
	{"rename_org", `["acme","acme2"]`, "renames the organization", setOrgRenamed},
	{"transfer", `["acme/incidents#4","acme/platform"]`, "transfers an issue to another repository", setTransferred},
	{"lock", `"acme/incidents#4"`, "locks an issue's conversation", issueState(setLocked(true))},
	{"unlock", `"acme/incidents#4"`, "unlocks an issue's conversation", issueState(setLocked(false))},
	{"convert", `"acme/incidents#4"`, "converts an issue to a discussion", issueState(setConverted)},
	{"delete_issue", `"acme/incidents#4"`, "deletes an issue", issueState(setDeleted)},
	{"token_life", `"10m"`, "sets how long the installation's tokens live from now on, an hour otherwise", setTokenLife},
}

// orgOwner returns an owner of the organization, in whose name states are brought about.
func (st *store) orgOwner() *Actor {
	for _, u := range st.Users {
		if u.Kind == KindUser && !u.Suspended && st.member(u.Login) {
			return &Actor{Login: u.Login}
		}
	}
	return &Actor{Login: st.org.Login}
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
func (st *store) orgOf(value json.RawMessage) error {
	var login string
	if err := decode(value, &login, `"acme"`); err != nil {
		return err
	}
	if !strings.EqualFold(login, st.org.Login) {
		return fmt.Errorf("there is no organization %q; the one that there is, is %s", login, st.org.Login)
	}
	return nil
}

// repoOf reads the full name of a repository.
func (st *store) repoOf(value json.RawMessage) (*Repository, error) {
	var name string
	if err := decode(value, &name, `"acme/incidents"`); err != nil {
		return nil, err
	}
	r, ok := st.repo(name)
	if !ok {
		return nil, fmt.Errorf("there is no repository %q", name)
	}
	return r, nil
}

// personOf reads the login of a person.
func (st *store) personOf(value json.RawMessage) (*User, error) {
	var login string
	if err := decode(value, &login, `"bob"`); err != nil {
		return nil, err
	}
	u, ok := st.user(login)
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
func (st *store) issueRef(ref string) (*Issue, error) {
	name, number, _ := strings.Cut(ref, "#")
	r, ok := st.repo(name)
	if !ok {
		return nil, fmt.Errorf("there is no repository %q", name)
	}
	n, _ := strconv.Atoi(number)
	i, ok := r.issueAt(n)
	if !ok {
		return nil, fmt.Errorf("there is no issue %q", ref)
	}
	return i, nil
}

// setSuspended suspends the installation or ends that.
func setSuspended(suspended bool) func(*store, *Actor, json.RawMessage) error {
	return func(st *store, by *Actor, value json.RawMessage) error {
		if err := st.orgOf(value); err != nil {
			return err
		}
		switch {
		case !st.installed(nil):
			return errors.New("the App is not installed")
		case suspended == !st.Suspended.IsZero():
			return errors.New("the installation " + suspension(st.Suspended))
		}
		st.suspend(by, suspended)
		return nil
	}
}

func suspension(since time.Time) string {
	if since.IsZero() {
		return "is not suspended"
	}
	return "is suspended since " + stamp(since)
}

// setTokenLife sets how long tokens live that are made from now on.
func setTokenLife(st *store, _ *Actor, value json.RawMessage) error {
	var text string
	if err := decode(value, &text, `"10m"`); err != nil {
		return err
	}
	life, err := time.ParseDuration(text)
	if err != nil || life <= 0 {
		return fmt.Errorf("%q is no time to live, like 10m", text)
	}
	st.TokenLife = life
	st.changed()
	return nil
}
