// Package doctor finds out, before an incident does, what keeps the product from working: at
// GitHub, in a repository, and at the services by which people are reached. It changes nothing and
// pages nobody.
package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	gogithub "github.com/google/go-github/v60/github"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/github"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/selftest"
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
	App       *github.App
	Pager     engine.Pager     // that sends nothing: see notify.Dry
	Announcer engine.Announcer // likewise
	Listed    []string         // the repositories for incidents, as the operator names them
	// the repository in which what sources report becomes an incident, as owner/repo; empty: none
	Reports string
	// Deployed is where a stack on AWS takes webhooks, as it says itself; empty: not known.
	Deployed string
	// Stage is the name of its stage.
	Stage string
	// Tests returns what came of the tests of what reaches people, as the running product knows it; nil: it has no
	// address.
	Tests func(ctx context.Context, repo incident.Ref) (selftest.State, error)
	Slack Chat             // its zero value looks at nothing
	Now   func() time.Time // the real clock, which GitHub's tokens go by
	// Wait waits between looks for the outcome of a delivery.
	Wait func(ctx context.Context, d time.Duration) error
	// Told hears of each check as it begins.
	Told func(step string, done, total int)

	self     *gogithub.App
	findings []Finding
	failed   bool // a check that failed keeps the next from making sense
}

// check is one of the things that are looked at.
type check struct {
	name  string
	needs bool // it makes no sense after a failure that ends
	root  bool // without an answer to it the next make no sense
	look  func(context.Context) error
}

// Examine looks at the App, and at a repository unless that is "".
func (d *Doctor) Examine(ctx context.Context, owner, repo string) []Finding {
	d.findings, d.failed = nil, false
	checks := []check{
		{name: "app", root: true, look: d.checkApp},
		{name: "permissions", needs: true, look: d.checkPermissions},
		{name: "events", needs: true, look: d.checkEvents},
		{name: "api version", needs: true, look: d.checkVersion},
		{name: "webhook", needs: true, look: d.checkHook},
		{name: "delivery", needs: true, look: d.checkDelivery},
	}
	if repo == "" {
		checks = append(checks, check{name: "capabilities", needs: true, look: d.checkCapabilities})
	} else {
		r := &patient{Doctor: d, ref: incident.Ref{Owner: owner, Repo: repo}, policy: incident.DefaultPolicy()}
		checks = append(checks,
			check{name: "installation", needs: true, root: true, look: r.checkInstallation},
			check{name: "capabilities", needs: true, look: r.checkCapabilities},
			check{name: "repository", needs: true, root: true, look: r.checkRepository},
			check{name: "list", needs: true, look: r.checkList},
			check{name: "sweep", needs: true, look: r.checkSweep},
			check{name: "rate limit", needs: true, look: r.checkRate},
			check{name: "configuration", needs: true, look: r.checkConfig},
			check{name: "publishing", needs: true, look: r.checkPublishing},
			check{name: "labels", needs: true, look: r.checkLabels},
			check{name: "form", needs: true, look: r.checkForm},
			check{name: "teams", needs: true, look: r.checkTeams},
			check{name: "assignees", needs: true, look: r.checkAssignees},
			check{name: "owners", needs: true, look: r.checkOwners},
			check{name: "workflows", needs: true, look: r.checkWorkflows},
			check{name: "freezes", needs: true, look: r.checkFreezes},
			check{name: "pagers", needs: true, look: r.checkPagers},
			check{name: "slack", needs: true, look: r.checkSlack},
			check{name: "tests", needs: true, look: r.checkTests},
			check{name: "customers", needs: true, look: r.checkCustomers})
	}
	for n, c := range checks {
		d.Told("checking: "+c.name, n, len(checks))
		before := len(d.findings)
		if c.needs && d.failed {
			d.add(c.name, Skipped, "not checked, because something before it failed", "")
			continue
		}
		if err := c.look(ctx); err != nil {
			d.failed = d.failed || c.root
			found, mend := github.Diagnose(err)
			d.add(c.name, Failure, found, mend)
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

// skew is how far this machine's clock may be from GitHub's: a token is dated a minute back, and
// GitHub takes none from the future.
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
				d.add("", Failure, fmt.Sprintf("this machine's clock is %s off GitHub's",
					off.Round(time.Second)), "Set it by NTP: GitHub refuses tokens from another time")
			} else {
				d.ok("this machine's clock is right")
			}
		}
	}
	if err != nil {
		d.failed = true
		found, mend := github.Diagnose(err)
		var answer *gogithub.ErrorResponse
		if errors.As(err, &answer) && answer.Response.StatusCode == http.StatusNotFound {
			found, mend = "GitHub does not know the App: "+answer.Message,
				"Look at FIREBREAK_APP_ID and the private key: they must be of one App; a new key is "+
					"made on the App's page"
		}
		d.add("", Failure, found, mend)
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
	missing, err := lacking(github.Permissions, d.self.GetPermissions())
	if err != nil {
		return err
	}
	if len(missing) == 0 {
		d.ok("the App has all that it needs")
	}
	for _, p := range missing {
		d.add("", Failure, fmt.Sprintf("%s (%s) is not granted. %s", p.Name, p.Level, p.Why),
			"Grant it at "+d.settings()+"/permissions")
	}
	return nil
}

// lacking returns those of some permissions that are not granted.
func lacking(
	needed []github.Permission, granted *gogithub.InstallationPermissions,
) (missing []github.Permission, err error) {
	text, err := json.Marshal(granted)
	if err != nil {
		return nil, fmt.Errorf("read the permissions: %w", err)
	}
	var levels map[string]string
	if err := json.Unmarshal(text, &levels); err != nil {
		return nil, fmt.Errorf("read the permissions: %w", err)
	}
	for _, p := range needed {
		if has := levels[p.Name]; has != "write" && has != "admin" && has != p.Level {
			missing = append(missing, p)
		}
	}
	return missing, nil
}

// checkVersion asks which versions of its API GitHub has, and says what it announced to end.
func (d *Doctor) checkVersion(ctx context.Context) error {
	versions, err := d.App.ServerVersions(ctx)
	if err != nil {
		return err
	}
	for _, announcement := range d.App.Notices() {
		d.add("", Warning, announcement, "Update Firebreak before then")
	}
	if len(versions) > 0 && !slices.Contains(versions, github.Version) {
		d.add("", Failure, "GitHub no longer has the REST API version "+github.Version+", only "+
			strings.Join(versions, ", "), "Update Firebreak")
		return nil
	}
	d.ok("GitHub has the REST API version %s", github.Version)
	return nil
}

func (d *Doctor) checkEvents(context.Context) error {
	has := map[string]bool{}
	for _, e := range d.self.Events {
		has[e] = true
	}
	complete := true
	for _, e := range github.Events {
		if !has[e.Name] {
			complete = false
			d.add("", Failure, e.Name+" is not subscribed to. "+e.Why,
				"Tick it at "+d.settings()+"/permissions")
		}
	}
	if complete {
		d.ok("the App hears of all that it needs")
	}
	return nil
}
