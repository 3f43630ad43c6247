package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/firebreak-dev/firebreak/app/bench"
)

func benchCommand() *cobra.Command {
	o := bench.Options{}
	var incidents, burst, accounts int
	var source, against string
	var asJSON bool
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measures how much load the product bears on this machine",
		Long: `Measures the product on this machine: webhooks that are verified and stored, compared with a
handler that only reads and computes the HMAC; with --functions the webhook function as Lambda runs
it, compared with a function that only does that; and commands on many incidents at once against an
embedded GitHub. With --accounts it measures instead what an account with very much to do does to
the others: how long their commands take, alone and while it is noisy. With --against it measures
instead another App's webhook endpoint, in turns with the product's. The sender of the load shares
the machine with what is measured, so compare the
ratios; the times are this machine's.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.Duration <= 0 || o.Clients < 1 || incidents < 1 || burst < 1 {
				return errors.New("--duration, --clients, --incidents and --burst must be more than 0")
			}
			if accounts == 1 || accounts < 0 {
				return errors.New("--accounts must be more than 1: one is noisy, and the others are not")
			}
			folder, err := os.MkdirTemp(o.Dir, "firebreak-bench-")
			if err != nil {
				return fmt.Errorf("a folder for the queue: %w", err)
			}
			defer os.RemoveAll(folder)
			o.Dir = folder
			o.Progress = func(what string) { fmt.Fprintln(c.ErrOrStderr(), "measuring:", what) }
			if against != "" {
				return benchAgainst(c, o, against, asJSON)
			}
			if accounts > 0 {
				f, err := bench.Accounts(c.Context(), o, accounts)
				if err != nil {
					return err
				}
				return writeFairness(c.OutOrStdout(), f, asJSON)
			}
			rows, err := bench.Webhooks(c.Context(), o)
			if err != nil {
				return err
			}
			var functions []bench.Row
			if source != "" {
				if functions, err = bench.Functions(c.Context(), o, source); err != nil {
					return err
				}
			}
			work, err := bench.Incidents(c.Context(), o, incidents, burst)
			if err != nil {
				return err
			}
			if asJSON {
				figures := map[string]any{"webhooks": rows, "incidents": work}
				if source != "" {
					figures["functions"] = functions
				}
				return json.NewEncoder(c.OutOrStdout()).Encode(figures)
			}
			return writeBench(c.OutOrStdout(), rows, functions, work)
		},
	}
	c.Flags().StringVar(&o.Dir, "data", "",
		"folder on the disk that is measured (default: the system's for temporary files)")
	c.Flags().DurationVar(&o.Duration, "duration", 6*time.Second, "how long each measurement takes")
	c.Flags().IntVar(&o.Clients, "clients", 64, "connections at once")
	c.Flags().IntVar(&incidents, "incidents", 20, "incidents at once")
	c.Flags().IntVar(&burst, "burst", 20, "commands on each of them")
	c.Flags().IntVar(&accounts, "accounts", 0,
		"measure what one noisy account of so many does to the others, and nothing else")
	c.Flags().StringVar(&against, "against", "",
		"address of another webhook endpoint, which verifies GitHub's signatures with the secret \""+bench.Secret+
			"\": measure it in turns with the product's, and nothing else")
	c.Flags().StringVar(&source, "functions", "",
		"folder of Firebreak's source: its webhook function is built (which needs Go) and measured too, "+
			"as Lambda runs it")
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON; times are nanoseconds")
	return c
}

func writeBench(out io.Writer, webhooks, functions []bench.Row, work bench.Work) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	writeRows(t, "WEBHOOKS", webhooks)
	if len(functions) > 0 {
		fmt.Fprintln(t)
		writeRows(t, "FUNCTIONS, ONE INVOCATION AT A TIME", functions)
	}
	fmt.Fprintf(t, "\nCOMMANDS\ta second\tcalls each\tp50\tp99\n")
	fmt.Fprintf(t, "one by one, until all is done\t%.0f\t\t%s\t%s\n",
		float64(time.Second)/float64(max(1, work.P50)), brief(work.P50), brief(work.P99))
	fmt.Fprintf(t, "%d on each of %d incidents at once\t%.0f\t%.2f\t\t\n", work.Commands/work.Incidents,
		work.Incidents,
		float64(work.Commands)/work.Took.Seconds(), float64(work.Calls)/float64(work.Commands))
	return t.Flush()
}

func benchAgainst(c *cobra.Command, o bench.Options, url string, asJSON bool) error {
	rows, err := bench.Against(c.Context(), o, url)
	if err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(c.OutOrStdout()).Encode(rows)
	}
	t := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
	writeRows(t, "WEBHOOKS", rows)
	return t.Flush()
}

func writeFairness(out io.Writer, f bench.Fairness, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(out).Encode(f)
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "COMMANDS OF %d ACCOUNTS, %s EACH AT GITHUB\ta second\tp50\tp99\tratio\n", f.Accounts, f.Look)
	fmt.Fprintf(t, "%s\t%.1f\t%s\t%s\t\n", f.Alone.Name, f.Alone.Rate, brief(f.Alone.P50), brief(f.Alone.P99))
	fmt.Fprintf(t, "%s\t%.1f\t%s\t%s\t%.2f\n", f.Noisy.Name, f.Noisy.Rate, brief(f.Noisy.P50), brief(f.Noisy.P99), f.Ratio)
	fmt.Fprintf(t, "the noisy account, with %d commands waiting\t%.1f\t\t\t\n", f.Waiting, f.Rate)
	return t.Flush()
}

func writeRows(t io.Writer, title string, rows []bench.Row) {
	fmt.Fprintln(t, title+"\ta second\tratio\tp50\tp99")
	for _, r := range rows {
		ratio, p50, p99 := "", "", ""
		if r.Ratio > 0 {
			ratio = fmt.Sprintf("%.2f", r.Ratio)
		}
		if r.P50 > 0 {
			p50 = brief(r.P50)
		}
		if r.P99 > 0 {
			p99 = brief(r.P99)
		}
		fmt.Fprintf(t, "%s\t%.0f\t%s\t%s\t%s\n", r.Name, r.Rate, ratio, p50, p99)
	}
}

func brief(d time.Duration) string {
	if d < time.Millisecond {
		return d.Round(time.Microsecond).String()
	}
	return d.Round(100 * time.Microsecond).String()
}
