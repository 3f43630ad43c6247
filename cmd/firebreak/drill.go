package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/firebreak-dev/firebreak/app/assembly"
	"github.com/firebreak-dev/firebreak/app/setup"
)

func drillCommand() *cobra.Command {
	alert := setup.DefaultAlert
	var asJSON bool
	var patience int
	var intake string
	var again time.Duration
	c := &cobra.Command{
		Use:   "drill OWNER/REPO",
		Short: "Opens an exercise and plays an alert: it pages nobody and tells no customer",
		Long: `Plays an alert as monitoring would report it, through the product's own intake: it fires, which
opens an incident that is a drill, fires again, and recovers. Each time it says what to see and what
to do. Ctrl+C stops it, and the drill stays open.

--intake or FIREBREAK_INTAKE_URL is the address of the intake, which takes drills with
FIREBREAK_INTAKE_GENERIC_SECRET or FIREBREAK_INTAKE_SECRET. FIREBREAK_INTAKE_REPOSITORY of the product
must be OWNER/REPO. Without an address the drill only opens the incident, as the alert would.

A drill runs everything, pages nobody unless somebody uses /ic escalate, tells no customer and is not
counted. The command acts as the App, with the environment that serve uses.

It ends with status 1 if the product does not answer.`,
		Example: `  env $(cat firebreak.env) firebreak drill acme/incidents
  env $(cat firebreak.env) firebreak drill acme/incidents --intake https://firebreak.acme.example/intake --again 5m
  env $(cat firebreak.env) firebreak drill acme/incidents --alert "DiskFull: /var of db-1" --text "98 % since 03:10"`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, args []string) error {
			owner, repo, err := repositoryOf(args[0])
			if err != nil {
				return err
			}
			if patience < 1 {
				return misuse("--wait %d: give the seconds to wait, at least 1", patience)
			}
			if again <= 0 {
				return misuse("--again %s: give the time between the alert's reports, such as 2m", again)
			}
			reader, err := newReader(c)
			if err != nil {
				return err
			}
			out := c.OutOrStdout()
			if asJSON {
				out = c.ErrOrStderr()
			}
			var d *setup.Drill
			if intake == "" {
				d, err = openDrill(c, out, reader, owner, repo, alert, patience)
			} else {
				d, err = playAlert(c, out, reader, intake, owner, repo, alert, patience, again)
			}
			if err == nil && !d.Answered {
				err = fmt.Errorf("%s is open, and the product has not answered within %s: is it running? "+
					"`firebreak doctor %s` finds out", d.URL, time.Duration(patience)*time.Second, args[0])
			}
			if asJSON && d != nil {
				err = errors.Join(err, writeJSON(c.OutOrStdout(), d))
			}
			return err
		},
	}
	c.Flags().StringVar(&alert.Title, "alert", alert.Title, "what the alert is called")
	c.Flags().StringVar(&alert.Text, "text", alert.Text, "what it says")
	c.Flags().StringVar(&alert.Severity, "severity", alert.Severity, "severity that it claims")
	c.Flags().StringVar(&intake, "intake", os.Getenv("FIREBREAK_INTAKE_URL"),
		"address of the product's intake, such as https://firebreak.example.com/intake; default: only "+
			"open the incident")
	c.Flags().DurationVar(&again, "again", 2*time.Minute,
		"time until the alert fires again, and then until it recovers")
	c.Flags().IntVar(&patience, "wait", 30, "seconds to wait for the product's card")
	c.Flags().BoolVar(&asJSON, "json", false, "print the drill as JSON")
	return c
}

const (
	drillOpened = `%s
  The product has answered. What to do now:

  1. Open it as somebody who responds, and read the card.
  2. /ic                          take the role of the coordinator
  3. /ic severity critical        confirm it, as with a real alert
  4. /oe                          somebody else takes operations; /incident help shows what comes next
  5. /incident decline drill over ends it at any time; or go on to /ic close, and read the postmortem
`
	drillAgain = `
The alert fires again.
  No other incident opens: a comment on this one counts the reports. Nobody needs to answer; go on with
  what you were doing.
`
	drillRecovers = `
The alert recovers.
  Nothing closes on its own: the product asks on the incident whether it is over. If so, record what
  helped with /oe workaround …, and go on with /ic phase monitoring.
`
	drillOver = `
The alert is over. The drill is open until somebody ends it, with /ic close or /incident decline drill over:
%s
`
	drillAlone = `
The alert fires once. To see it fire again and recover, give --intake with the address of the product's
intake, and the secret of its sources in FIREBREAK_INTAKE_SECRET.
`
)

// openDrill opens an incident as the alert would.
func openDrill(c *cobra.Command, out io.Writer, reader *assembly.Reader, owner, repo string,
	alert setup.Alert, patience int) (*setup.Drill, error) {
	d, err := setup.OpenDrill(c.Context(), reader.App, owner, repo, alert)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(c.ErrOrStderr(), "opened %s, waiting for the product's card\n", d.URL)
	if err := d.Await(c.Context(), reader.App, patience, wait); err != nil || !d.Answered {
		return d, err
	}
	_, err = fmt.Fprintf(out, drillOpened+drillAlone, d.URL)
	return d, err
}

// playAlert plays the alert from its beginning to its end. Stopped in between, it says what is left.
func playAlert(c *cobra.Command, out io.Writer, reader *assembly.Reader, intake, owner, repo string,
	alert setup.Alert, patience int, again time.Duration) (*setup.Drill, error) {
	at, err := setup.IntakeAddress(intake)
	if err != nil {
		return nil, misuse("--intake %w", err)
	}
	if reader.Generic == nil {
		return nil, misuse("--intake needs the secret of the product's sources, in " +
			"FIREBREAK_INTAKE_GENERIC_SECRET or FIREBREAK_INTAKE_SECRET")
	}
	course := &setup.Course{App: reader.App, Intake: at, Secret: reader.Generic, Again: again,
		Looks: patience, Wait: wait, Told: func(d *setup.Drill, what string) {
			switch what {
			case setup.Fires:
				fmt.Fprintf(out, drillOpened+
					"\nThe alert fires again in %[2]s, and recovers after as long. Ctrl+C stops it.\n",
					d.URL, again)
			case setup.FiresAgain:
				fmt.Fprint(out, drillAgain)
			case setup.Recovers:
				fmt.Fprint(out, drillRecovers)
				fmt.Fprintf(out, drillOver, d.URL)
			}
		}}
	fmt.Fprintf(c.ErrOrStderr(), "the alert fires at %s, waiting for the product's drill and its card\n", at)
	d, err := course.Play(c.Context(), owner, repo, alert)
	if d != nil && d.Answered && c.Context().Err() != nil {
		fmt.Fprintf(out, "\nStopped. The alert goes on firing, and the drill is open until somebody ends "+
			"it, by /incident decline drill over:\n%s\n", d.URL)
		return d, nil
	}
	return d, err
}
