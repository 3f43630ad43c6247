// Package doctor finds out, before an incident does, what keeps the product from working: at GitHub, in a repository, and
// towards those whom it reaches. It changes nothing and pages nobody.
package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/gh"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// Status is how a check went.
type Status string

// How a check can go.
const (
	OK      Status = "ok"
	Warning Status = "warning" // it works, and could be better
	Failure Status = "failure"
	Skipped Status = "skipped" // something before it failed
)

// Finding is what a check found. Mend says what to do about it.
type Finding struct {
	Check  string `json:"check"`
	Status Status `json:"status"`
	Found  string `json:"found"`
	Mend   string `json:"mend,omitempty"`
}

// Doctor examines the App and a repository.
type Doctor struct {
	App       *gh.App
	Pager     engine.Pager     // that sends nothing: see notify.Dry
	Announcer engine.Announcer // likewise
	Now       func() time.Time // the real clock, which GitHub's tokens go by
	// Wait waits between looks for the outcome of a delivery.
	Wait func(ctx context.Context, d time.Duration) error
	// Told hears of each check as it begins.
	Told func(step string, done, total int)

	self     *github.App
	findings []Finding
	failed   bool // a check that failed keeps the next from making sense
}

// check is one of the things that are looked at.
type check struct {
	name  string
	needs bool // it makes no sense after a failure that ends
	look  func(context.Context) error
}

// Examine looks at the App, and at a repository unless that is "".
func (d *Doctor) Examine(ctx context.Context, owner, repo string) []Finding {
	d.findings, d.failed = nil, false
	checks := []check{{"app", false, d.checkApp}, {"permissions", true, d.checkPermissions}, {"events", true, d.checkEvents}, {"webhook", true, d.checkHook}, {"delivery", true, d.checkDelivery}}
	if repo != "" {
		r := &patient{Doctor: d, ref: incident.Ref{Owner: owner, Repo: repo}}
		checks = append(checks, check{"installation", true, r.checkInstallation}, check{"rate limit", true, r.checkRate}, check{"configuration", true, r.checkConfig},
			check{"labels", true, r.checkLabels}, check{"form", true, r.checkForm}, check{"teams", true, r.checkTeams}, check{"assignees", true, r.checkAssignees},
			check{"pagers", true, r.checkPagers}, check{"customers", true, r.checkCustomers})
	}
	for n, c := range checks {
		d.Told("checking: "+c.name, n, len(checks))
		before := len(d.findings)
		if c.needs && d.failed {
			d.add(c.name, Skipped, "not checked, because something before it failed", "")
			continue
		}
		if err := c.look(ctx); err != nil {
			d.add(c.name, Failure, err.Error(), "Run it again. If it fails again, see githubstatus.com")
		}
		for i := range d.findings[before:] {
			d.findings[before+i].Check = c.name
		}
	}
	return d.findings
}

func (d *Doctor) add(name string, s Status, found, mend string) {
	d.findings = append(d.findings, Finding{name, s, found, mend})
}

func (d *Doctor) ok(format string, args ...any) { d.add("", OK, fmt.Sprintf(format, args...), "") }

// skew is how far this machine's clock may be from GitHub's: a token is dated a minute back, and GitHub takes none from the
// future.
const skew = 30 * time.Second

// checkApp asks GitHub who the App is, and what time it is.
func (d *Doctor) checkApp(ctx context.Context) error {
	before := d.Now()
	app, res, err := d.App.Self().Apps.Get(ctx, "")
	after := d.Now()
	if res != nil && res.Response != nil {
		if date, no := http.ParseTime(res.Header.Get("Date")); no == nil {
			off := before.Add(after.Sub(before) / 2).Sub(date)
			if off.Abs() > skew+after.Sub(before) {
				d.add("", Failure, fmt.Sprintf("this machine's clock is %s off GitHub's", off.Round(time.Second)), "Set it by NTP: GitHub refuses tokens from another time")
			} else {
				d.ok("this machine's clock is right")
			}
		}
	}
	if err != nil {
		d.failed = true
		mend := "Look at FIREBREAK_GITHUB_URL, and whether this machine reaches it"
		var answer *github.ErrorResponse
		if errors.As(err, &answer) {
			mend = "Look at FIREBREAK_APP_ID and the private key: they must be of one App; a new key is made on the App's page"
		}
		d.add("", Failure, "GitHub does not know the App: "+err.Error(), mend)
		return nil
	}
	d.self = app
	d.ok("%s (%s)", app.GetName(), app.GetHTMLURL())
	return nil
}

// settings is the page on which the App is changed.
func (d *Doctor) settings() string {
	web, _, _ := strings.Cut(d.self.GetHTMLURL(), "/apps/")
	if d.self.GetOwner().GetType() == "Organization" {
		return web + "/organizations/" + d.self.GetOwner().GetLogin() + "/settings/apps/" + d.self.GetSlug()
	}
	return web + "/settings/apps/" + d.self.GetSlug()
}

func (d *Doctor) checkPermissions(context.Context) error {
	missing, err := lacking(d.self.GetPermissions())
	if err != nil {
		return err
	}
	if len(missing) == 0 {
		d.ok("the App has all that it needs")
	}
	for _, p := range missing {
		d.add("", Failure, fmt.Sprintf("%s (%s) is not granted. %s", p.Name, p.Level, p.Why), "Grant it at "+d.settings()+"/permissions")
	}
	return nil
}

// lacking gives the permissions that are not granted.
func lacking(granted *github.InstallationPermissions) (missing []gh.Permission, err error) {
	text, err := json.Marshal(granted)
	if err != nil {
		return nil, fmt.Errorf("read the permissions: %w", err)
	}
	var levels map[string]string
	if err := json.Unmarshal(text, &levels); err != nil {
		return nil, fmt.Errorf("read the permissions: %w", err)
	}
	for _, p := range gh.Permissions {
		if has := levels[p.Name]; has != "write" && has != "admin" && has != p.Level {
			missing = append(missing, p)
		}
	}
	return missing, nil
}

func (d *Doctor) checkEvents(context.Context) error {
	has := map[string]bool{}
	for _, e := range d.self.Events {
		has[e] = true
	}
	complete := true
	for _, e := range gh.Events {
		if !has[e.Name] {
			complete = false
			d.add("", Failure, e.Name+" is not subscribed to. "+e.Why, "Tick it at "+d.settings()+"/permissions")
		}
	}
	if complete {
		d.ok("the App hears of all that it needs")
	}
	return nil
}
