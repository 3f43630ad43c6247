package forge

import (
	"cmp"
	"crypto/rsa"
	"slices"
	"strconv"
	"time"
)

// App is the one GitHub App.
type App struct {
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
	Key         *rsa.PrivateKey
	TokenSecret string // of its tokens
	Created     time.Time
}

// InstallationID is the number of the one installation that there is.
func (f *Forge) InstallationID() int64 { return cmp.Or(f.Installation, firstInstallation) }

// TokenLifetime is how long an installation's token lives, on the virtual clock.
func (f *Forge) TokenLifetime() time.Duration { return cmp.Or(f.TokenLife, time.Hour) }

// CheckNotSuspended refuses the tokens of a suspended installation.
func (f *Forge) CheckNotSuspended() error {
	if f.Suspended.IsZero() {
		return nil
	}
	return Forbidden("This installation has been suspended")
}

// Suspend suspends the installation or ends that, and emits it; the App hears nothing else until then.
func (f *Forge) Suspend(by *Actor, suspended bool) {
	if suspended == !f.Suspended.IsZero() {
		return
	}
	action := "unsuspend"
	f.Suspended = time.Time{}
	if suspended {
		action, f.Suspended = "suspend", f.Now()
	}
	f.NoteChange()
	f.Emit(&InstallationEvent{By: by, Action: action})
}

// ClientID is the App's other name, which its own token may be issued by, too.
func (a *App) ClientID() string { return "Iv23sandbox" + strconv.FormatInt(a.ID, 10) }

// HookTarget returns where webhooks go, and by what they are signed.
func (f *Forge) HookTarget() (url, secret string) {
	if f.IsAppless() {
		return "", ""
	}
	return f.App.HookURL, f.App.HookSecret
}

// SetHook changes where webhooks go, and by what they are signed; nil: as before. An App that was there from the start
// has, at the next, what the options say.
func (f *Forge) SetHook(url, secret *string) {
	if url != nil {
		f.App.HookURL = *url
	}
	if secret != nil {
		f.App.HookSecret = *secret
	}
	if f.Registered != nil && f.Registered.ID == f.App.ID {
		f.Registered.HookURL, f.Registered.HookSecret = f.App.HookURL, f.App.HookSecret
	}
	f.NoteChange()
}

// DefaultEvents are what the App is subscribed to.
var DefaultEvents = []string{"issues", "issue_comment", "pull_request", "pull_request_review", "check_run",
	"sub_issues", "push", "create", "delete", "repository"}

// firstInstallation is the App's installation in every sandbox, until it is uninstalled.
const firstInstallation = 7001

// InstallationPermissions are those that the installation has.
func (f *Forge) InstallationPermissions() map[string]string {
	if f.Granted != nil {
		return f.Granted
	}
	return f.App.Permissions
}

// RestrictToGranted takes from a token what the installation doesn't have any more.
func (f *Forge) RestrictToGranted(permissions map[string]string) map[string]string {
	if f.Granted == nil {
		return permissions
	}
	left := map[string]string{}
	for area, level := range permissions {
		switch has := f.Granted[area]; {
		case has == level, has == "write":
			left[area] = level
		case has == "read":
			left[area] = has
		}
	}
	return left
}

// IsInstalled reports whether the App is installed, and reaches the repository; nil asks for the
// installation alone.
func (f *Forge) IsInstalled(r *Repository) bool {
	switch {
	case f.Registered == nil:
		return !f.Empty && !f.Uninstalled
	case !f.Registered.Installed:
		return false
	}
	return r == nil || f.Registered.Repositories == nil || slices.Contains(f.Registered.Repositories, r.ID)
}

// IsSubscribed reports whether the App's webhooks for an event of a repository are sent.
func (f *Forge) IsSubscribed(r *Repository, event string) bool {
	return f.Suspended.IsZero() && f.IsInstalled(r) && slices.Contains(f.App.Events, event)
}

// IsAppless reports whether no App is registered.
func (f *Forge) IsAppless() bool { return f.Empty && f.Registered == nil }
