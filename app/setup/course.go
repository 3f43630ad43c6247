package setup

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	gogithub "github.com/google/go-github/v60/github"

	"github.com/firebreak-dev/firebreak/app/github"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// What an alert does in its course.
const (
	Fires      = "fires"
	FiresAgain = "fires again"
	Recovers   = "recovers"
)

// Course plays an alert as monitoring reports it, through the product's own intake: it fires, fires
// again and recovers. All that it reports is marked as a drill, so that nobody is paged and no
// customer told (A6).
type Course struct {
	App    *github.App
	Intake string        // address of the product's generic source
	Secret []byte        // of that source
	Again  time.Duration // between one report and the next
	Looks  int           // how often the product's answer is looked for, a second apart
	Wait   func(context.Context, time.Duration) error
	Told   func(d *Drill, what string) // called once the alert did what
}

// IntakeAddress completes the address of the product's intake by the source that takes drills.
func IntakeAddress(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", fmt.Errorf("%q: give the address of the product's intake, such as "+
			"https://firebreak.example.com/intake", text)
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = "/intake"
	}
	if !strings.HasSuffix(u.Path, "/generic") {
		u = u.JoinPath("generic")
	}
	return u.String(), nil
}

// Play plays the alert's course in a repository. With an error it returns the drill as far as it
// came; an error of ctx's says that it was stopped.
func (c *Course) Play(ctx context.Context, owner, repo string, a Alert) (*Drill, error) {
	reference := strings.ToLower(rand.Text()[:12])
	if err := c.report(ctx, reference, a, Fires); err != nil {
		return nil, err
	}
	d, err := c.find(ctx, owner, repo, reference)
	if err != nil {
		return nil, err
	}
	if err := d.Await(ctx, c.App, c.Looks, c.Wait); err != nil || !d.Answered {
		return d, err
	}
	c.told(d, Fires)
	for _, what := range []string{FiresAgain, Recovers} {
		if err := c.Wait(ctx, c.Again); err != nil {
			return d, err
		}
		if err := c.report(ctx, reference, a, what); err != nil {
			return d, err
		}
		c.told(d, what)
	}
	return d, nil
}

func (c *Course) told(d *Drill, what string) {
	d.Played = append(d.Played, what)
	c.Told(d, what)
}

// report posts what the alert does, signed.
func (c *Course) report(ctx context.Context, reference string, a Alert, what string) error {
	state := "alerting"
	if what == Recovers {
		state = "ok"
	}
	// like any sender: the intake uses the real clock too, even with an embedded GitHub
	now := time.Now().UTC()
	body, err := json.Marshal(map[string]any{"title": a.Title,
		"message": a.Text + "\n\nPlayed by firebreak drill, " + reference, "severity": a.Severity,
		"state": state,
		// the time makes it no repetition of the request before
		"dedup_key": reference, "drill": true, "at": now})
	if err != nil {
		return fmt.Errorf("write the alert: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Intake, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("report the alert: %w", err)
	}
	stamp := strconv.FormatInt(now.Unix(), 10)
	mac := hmac.New(sha256.New, c.Secret)
	mac.Write([]byte(stamp + ":" + string(body)))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Firebreak-Timestamp", stamp)
	req.Header.Set("X-Firebreak-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	res, err := (&http.Client{Timeout: 30 * time.Second}).Do(req)
	if err != nil {
		return fmt.Errorf("report to the intake that the alert %s: %w", what, err)
	}
	defer res.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(res.Body, 300)) // without it the status says enough
	switch {
	case res.StatusCode == http.StatusUnauthorized:
		return fmt.Errorf("the intake at %s refuses the signature or its time (%s): is the secret the "+
			"product's, and is this machine's clock right?", c.Intake, bytes.TrimSpace(said))
	case res.StatusCode == http.StatusNotFound:
		return fmt.Errorf("nothing takes alerts at %s: the product needs FIREBREAK_INTAKE_REPOSITORY, "+
			"and FIREBREAK_INTAKE_GENERIC_SECRET or FIREBREAK_INTAKE_SECRET", c.Intake)
	case res.StatusCode >= 300:
		return fmt.Errorf("the intake at %s answers %s: %s", c.Intake, res.Status, bytes.TrimSpace(said))
	}
	return nil
}

// find returns the drill that the product opened for the alert.
func (c *Course) find(ctx context.Context, owner, repo, reference string) (*Drill, error) {
	ref := incident.Ref{Owner: owner, Repo: repo}
	client, err := c.App.Repository(ctx, owner, repo)
	if err != nil {
		return nil, Explain(ctx, c.App, ref.FullName(), err)
	}
	newest := &gogithub.IssueListByRepoOptions{Labels: []string{incident.LabelIncident}, State: "all",
		Sort: "created", Direction: "desc", ListOptions: gogithub.ListOptions{PerPage: 30}}
	for range c.Looks {
		var issues []*gogithub.Issue
		if issues, _, err = client.Issues.ListByRepo(ctx, owner, repo, newest); err != nil {
			err = fmt.Errorf("look for the drill in %s: %w", ref.FullName(), err) // unless it passes
		}
		for _, issue := range issues {
			if !strings.Contains(issue.GetBody(), reference) {
				continue
			}
			ref.Number = issue.GetNumber()
			d := &Drill{Incident: ref.String(), URL: c.App.IssueURL(ref), ref: ref}
			if !slices.ContainsFunc(issue.Labels, func(l *gogithub.Label) bool {
				return naming.Equal(l.GetName(), incident.LabelDrill)
			}) {
				return d, fmt.Errorf("%s is open and no drill: the product knows no drills by its "+
					"intake; end it by /incident decline drill", d.URL)
			}
			return d, nil
		}
		if stopped := c.Wait(ctx, time.Second); stopped != nil {
			return nil, stopped
		}
	}
	if err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("the intake took the alert, and no drill is open in %[1]s within %[2]d "+
		"seconds: FIREBREAK_INTAKE_REPOSITORY must name it, or a rule of `signals:` there lead to it, "+
		"and none may drop or note what comes from generic; if all is so, `firebreak doctor %[1]s` finds "+
		"what keeps the product from working", ref.FullName(), c.Looks)
}
