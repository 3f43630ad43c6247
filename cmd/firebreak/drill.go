package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/firebreak-dev/firebreak/app/setup"
)

func drillCommand() *cobra.Command {
	alert := setup.DefaultAlert
	var asJSON bool
	var patience int
	c := &cobra.Command{
		Use:   "drill OWNER/REPO",
		Short: "Opens an exercise and plays an alert: it pages nobody and tells no customer",
		Long: `Opens an incident that is a drill, with what an alert says, and waits for the product's card. A drill runs everything, pages
nobody unless somebody asks by /ic escalate, tells no customer and stays out of the metrics. It acts as the App, from the
environment that serve uses.

It ends with status 1 if the product does not answer.`,
		Example: `  env $(cat firebreak.env) firebreak drill acme/incidents
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
			reader, err := newReader(c)
			if err != nil {
				return err
			}
			d, err := setup.OpenDrill(c.Context(), reader.App, owner, repo, alert)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.ErrOrStderr(), "opened %s, waiting for the product's card\n", d.URL)
			err = d.Await(c.Context(), reader.App, patience, wait)
			if asJSON {
				err = errors.Join(err, writeJSON(c.OutOrStdout(), d))
			} else if d.Answered {
				fmt.Fprintf(c.OutOrStdout(), `%s
  The product has answered. What to do now:

  1. Open it as somebody who responds, and read the card.
  2. /ic                          take the role of the coordinator
  3. /ic severity critical        confirm it, as with a real alert
  4. /oe                          somebody else takes operations; /incident help shows what comes next
  5. /incident decline drill over ends it at any time; or go on to /ic close, and read the postmortem
`, d.URL)
			}
			if err == nil && !d.Answered {
				err = fmt.Errorf("%s is open, and the product has not answered within %s: is it running? `firebreak doctor %s` finds out", d.URL, time.Duration(patience)*time.Second, args[0])
			}
			return err
		},
	}
	c.Flags().StringVar(&alert.Title, "alert", alert.Title, "what the alert is called")
	c.Flags().StringVar(&alert.Text, "text", alert.Text, "what it says")
	c.Flags().StringVar(&alert.Severity, "severity", alert.Severity, "severity that it claims")
	c.Flags().IntVar(&patience, "wait", 30, "seconds to wait for the product's card")
	c.Flags().BoolVar(&asJSON, "json", false, "print the drill as JSON")
	return c
}
