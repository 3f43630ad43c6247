package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/firebreak-dev/firebreak/app/assembly"
	"github.com/firebreak-dev/firebreak/app/doctor"
	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/intake"
	"github.com/firebreak-dev/firebreak/app/notify"
	"github.com/firebreak-dev/firebreak/app/selftest"
	"github.com/firebreak-dev/firebreak/app/slack"
)

// errAiling is returned when a check failed. The output has said which.
var errAiling = errors.New("the product can't work yet: see above")

func doctorCommand() *cobra.Command {
	var asJSON bool
	var cloud, dir string
	c := &cobra.Command{
		Use:   "doctor [OWNER/REPO]",
		Short: "Finds what is wrong with the setup, and says how to fix it",
		Long: `Checks the App: its permissions and events, its webhook, and whether GitHub reaches the product
with the right signature, by asking GitHub to deliver its ping again. With a repository it also
checks the installation, the rate limit left, the configuration, labels, form, teams, who can be
assigned, and what pages and updates for customers need. It pages nobody, tells no customer and
changes nothing. Run it with the environment of ` + "`firebreak-serve`" + `, since it looks for those secrets.

With --aws it looks at a deployment on AWS, too, with the parameters in stages/STAGE.yml: whether the last deployment
went well, what waits in the queues and was put aside, alarms that ring and that nobody reads, the rule for mails, the
timers, the secrets' age, and whether the App's webhooks go there. It takes the App from that file, not from the
environment, and AWS's credentials as the AWS command line does.

It ends with status 1 if something failed.`,
		Example: `  env $(cat firebreak.env) firebreak doctor acme/incidents
  firebreak doctor --aws prod acme/incidents`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, args []string) error {
			owner, repo := "", ""
			if len(args) > 0 {
				var err error
				if owner, repo, err = repositoryOf(args[0]); err != nil {
					return err
				}
			}
			p := newProgress(c.ErrOrStderr(), time.Now)
			var findings []doctor.Finding
			deployed := ""
			if cloud != "" {
				var err error
				if findings, deployed, err = examineCloud(c.Context(), dir, cloud, p); err != nil {
					return err
				}
			}
			reader, err := newReader(c)
			switch {
			case err != nil && cloud == "":
				return err
			case err != nil:
				p.end()
				return report(c, asJSON, append(findings, doctor.Finding{Check: "app", Status: doctor.Failure,
					Found: err.Error(), Mend: "What the stage's App needs is not there: see the secrets above"}))
			}
			out := dry{reader}
			d := &doctor.Doctor{App: reader.App, Pager: out, Announcer: out, Listed: reader.Listed,
				Reports: reader.Reports, Now: time.Now, Wait: wait, Told: p.tell, Deployed: deployed, Stage: cloud}
			d.Slack = doctor.Chat{Examine: reader.Slack.Examine, Reach: func(ctx context.Context) error {
				if os.Getenv("FIREBREAK_SLACK_APP_TOKEN") != "" {
					return doctor.ErrSocketMode
				}
				if reader.PublicURL == "" || reader.SlackSecret == "" {
					return doctor.ErrNoAddress
				}
				return slack.Reach(ctx, strings.TrimSuffix(reader.PublicURL, "/")+intake.Prefix+"slack", reader.SlackSecret)
			}}
			if reader.PublicURL != "" {
				d.Tests = func(ctx context.Context, repo incident.Ref) (selftest.State, error) {
					return readTests(ctx, reader.PublicURL, reader.Secrets, repo, reader.Now())
				}
			}
			findings = append(findings, d.Examine(c.Context(), owner, repo)...)
			p.end()
			return report(c, asJSON, findings)
		},
	}
	c.Flags().StringVar(&cloud, "aws", "", "stage of a deployment on AWS to look at, such as prod")
	c.Flags().StringVar(&dir, "dir", ".", "with --aws, the checkout of Firebreak that has the stage's file")
	c.Flags().BoolVar(&asJSON, "json", false, "print a list in JSON")
	return c
}

// examineCloud looks at a deployment on AWS, has this process act as its App, and returns where it takes webhooks.
func examineCloud(ctx context.Context, dir, name string, p *progress) ([]doctor.Finding, string, error) {
	f, s, err := openStage(ctx, dir, name)
	if err != nil {
		return nil, "", err
	}
	d := &doctor.Cloud{Stack: s, Stage: f, Now: time.Now, Told: p.tell}
	findings := d.Examine(ctx)
	described, _ := d.Described()
	return findings, described.Outputs["WebhookURL"], become(f, described.Outputs)
}

// report prints findings, and returns an error if one is a failure.
func report(c *cobra.Command, asJSON bool, findings []doctor.Finding) (err error) {
	if asJSON {
		err = writeJSON(c.OutOrStdout(), findings)
	} else {
		err = tellFindings(c.OutOrStdout(), findings)
	}
	if slices.ContainsFunc(findings, func(f doctor.Finding) bool { return f.Status == doctor.Failure }) {
		return errors.Join(err, errAiling)
	}
	return err
}

// dry prepares pages and announcements, and sends none.
type dry struct{ *assembly.Reader }

func (d dry) Page(ctx context.Context, p engine.Page) error { return d.Out.Page(notify.Dry(ctx), p) }

// Ways returns how people are reached by their own ways.
func (d dry) Ways(ctx context.Context, s incident.Service, to []string) ([]engine.PersonWays, error) {
	return d.Out.Ways(ctx, s, to)
}

func (d dry) Announce(ctx context.Context, a engine.Announcement) error {
	return d.Out.Announce(notify.Dry(ctx), a)
}

// readTests asks the running product what came of the tests of what reaches people.
func readTests(ctx context.Context, public string, secrets [][]byte, repo incident.Ref, now time.Time,
) (s selftest.State, err error) {
	ctx, stop := context.WithTimeout(ctx, 15*time.Second)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, public+engine.TestStatusPath(secrets, repo, now), nil)
	if err != nil {
		return s, fmt.Errorf("ask %s for the tests: FIREBREAK_PUBLIC_URL is not an address", public)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		var of *url.Error
		if errors.As(err, &of) { // its text would show the token
			err = of.Err
		}
		return s, fmt.Errorf("ask %s for the tests: %w", public, err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return s, fmt.Errorf("ask %s for the tests: it answers %s: another server, or another webhook secret", public,
			res.Status)
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&s); err != nil {
		return s, fmt.Errorf("ask %s for the tests: the answer is not the product's", public)
	}
	return s, nil
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tellFindings prints a line for each check, and below it how to mend what it found.
func tellFindings(out io.Writer, findings []doctor.Finding) error {
	marks := map[doctor.Status]string{doctor.OK: "ok  ", doctor.Warning: "warn", doctor.Failure: "FAIL"}
	var skipped []string
	for _, f := range findings {
		if f.Status == doctor.Skipped {
			skipped = append(skipped, f.Check)
			continue
		}
		if _, err := fmt.Fprintf(out, "%s  %-13s  %s\n", marks[f.Status], f.Check, f.Found); err != nil {
			return err
		}
		if f.Mend != "" {
			fmt.Fprintf(out, "      %-13s  → %s\n", "", f.Mend)
		}
	}
	if len(skipped) > 0 {
		fmt.Fprintf(out, "skip  not looked at, because of what failed: %s\n", strings.Join(skipped, ", "))
	}
	return nil
}
