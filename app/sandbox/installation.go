package sandbox

import (
	"cmp"
	"crypto/rsa"
	"slices"
	"strconv"
	"time"
)

// app is the one GitHub App.
type app struct {
	ID          int64
	Slug        string
	Login       string
	Name        string
	Description string
	External    string // its own address
	Owner       string
	Permissions map[string]string
	Events      []string
	HookURL     string // where its webhooks go, empty: nowhere
	HookSecret  string // by which they are signed
	key         *rsa.PrivateKey
	secret      string // of its tokens
	created     time.Time
}

// installationID is the number of the one installation that there is.
func (st *store) installationID() int64 { return cmp.Or(st.Installation, firstInstallation) }

// tokenLife is how long an installation's token lives, on the virtual clock.
func (st *store) tokenLife() time.Duration { return cmp.Or(st.TokenLife, time.Hour) }

// notSuspended refuses the tokens of a suspended installation.
func (st *store) notSuspended() error {
	if st.Suspended.IsZero() {
		return nil
	}
	return forbidden("This installation has been suspended")
}

// suspend suspends the installation or ends that, and tells the App, which hears nothing else meanwhile.
func (st *store) suspend(by *Actor, suspended bool) {
	if suspended == !st.Suspended.IsZero() {
		return
	}
	action := "unsuspend"
	st.Suspended = time.Time{}
	if suspended {
		action, st.Suspended = "suspend", st.now()
	}
	st.changed()
	st.emit(&installationEvent{By: by, Action: action})
}

// clientID is the App's other name, which its own token may be issued by, too.
func (a *app) clientID() string { return "Iv23sandbox" + strconv.FormatInt(a.ID, 10) }

// hookTarget returns where webhooks go, and by what they are signed.
func (st *store) hookTarget() (url, secret string) {
	if st.appless() {
		return "", ""
	}
	return st.app.HookURL, st.app.HookSecret
}

// hookEvents are what the App is subscribed to.
var hookEvents = []string{"issues", "issue_comment", "pull_request", "pull_request_review", "check_run", "sub_issues", "push", "create", "delete", "repository"}

// firstInstallation is the App's installation in every sandbox, until it is uninstalled.
const firstInstallation = 7001

// permissions are those that the installation has.
func (st *store) permissions() map[string]string {
	if st.Granted != nil {
		return st.Granted
	}
	return st.app.Permissions
}

// restrict takes from a token what the installation doesn't have any more.
func (st *store) restrict(permissions map[string]string) map[string]string {
	if st.Granted == nil {
		return permissions
	}
	left := map[string]string{}
	for area, level := range permissions {
		switch has := st.Granted[area]; {
		case has == level, has == "write":
			left[area] = level
		case has == "read":
			left[area] = has
		}
	}
	return left
}

// installed tells whether the App is installed, and reaches the repository; nil asks for the installation alone.
func (st *store) installed(r *Repository) bool {
	switch {
	case st.Registered == nil:
		return !st.Empty && !st.Uninstalled
	case !st.Registered.Installed:
		return false
	}
	return r == nil || st.Registered.Repositories == nil || slices.Contains(st.Registered.Repositories, r.ID)
}

// isSubscribed reports whether the App's webhooks for an event of a repository are sent.
func (st *store) isSubscribed(r *Repository, event string) bool {
	return st.Suspended.IsZero() && st.installed(r) && slices.Contains(st.app.Events, event)
}

// appless tells whether no App is registered.
func (st *store) appless() bool { return st.Empty && st.Registered == nil }
