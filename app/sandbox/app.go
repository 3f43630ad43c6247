package sandbox

import (
	"cmp"
	"crypto/rsa"
	"strconv"
	"time"
)

// hookEvents are what the App is subscribed to.
var hookEvents = []string{"issues", "issue_comment", "pull_request", "pull_request_review", "check_run", "sub_issues", "push", "create", "delete", "repository"}

// firstInstallation is the App's installation in every sandbox, until it is uninstalled.
const firstInstallation = 7001

// installationID is the number of the one installation that there is.
func (st *store) installationID() int64 { return cmp.Or(st.Installation, firstInstallation) }

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

// clientID is the App's other name, which its own token may be issued by, too.
func (a *app) clientID() string { return "Iv23sandbox" + strconv.FormatInt(a.ID, 10) }

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

// hookTarget returns where webhooks go, and by what they are signed.
func (st *store) hookTarget() (url, secret string) {
	if st.appless() {
		return "", ""
	}
	return st.app.HookURL, st.app.HookSecret
}
