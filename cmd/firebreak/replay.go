package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/firebreak-dev/firebreak/app/replay"
	"github.com/firebreak-dev/firebreak/app/webhook"
)

func replayCommand() *cobra.Command {
	var dryRun, asJSON bool
	var to string
	c := &cobra.Command{
		Use:   "replay {FILE | ID} {--dry-run | --to URL}",
		Short: "Shows what the product would do with a recorded delivery, or delivers it again",
		Long: `Reads a delivery from GitHub, by its id or GUID, or from a file with the answer of
GET /app/hook/deliveries/ID (- is standard input).

With --dry-run it prints what the product would do: it reads GitHub as it is now, and shows what it
would write and whom it would page, without doing so. What is done already is not in the plan.

With --to it delivers it to a running product, signed with the webhook's secret. GitHub itself does
that for three days only. The product does nothing twice.`,
		Example: `  env $(cat firebreak.env) firebreak replay 0b989ba4-242f-11e5-81e1-c7b6966d2516 --dry-run
  env $(cat firebreak.env) firebreak replay delivery.json --to http://127.0.0.1:8789/webhook`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			reader, err := newReader(c)
			if err != nil {
				return err
			}
			var d replay.Delivery
			if replay.Names(args[0]) {
				d, err = replay.Fetch(c.Context(), reader.App.Self(), args[0])
			} else {
				d, err = readDelivery(c.InOrStdin(), args[0])
			}
			if err != nil {
				return err
			}
			if !dryRun {
				return deliver(c.Context(), c.OutOrStdout(), to, reader.Secrets[0], d)
			}
			p := newProgress(c.ErrOrStderr(), time.Now)
			p.tell("reading", 0, 0)
			login, err := reader.App.Login(c.Context())
			if err != nil {
				return err
			}
			plan, err := replay.Make(c.Context(),
				replay.Options{GitHub: reader.App, Clock: clock(reader.Now), Secrets: reader.Secrets,
					Self: webhook.Self{AppID: reader.AppID, Login: login}, Logger: logger(c)}, d)
			p.end()
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(c.OutOrStdout(), plan)
			}
			return tellPlan(c.OutOrStdout(), plan)
		},
	}
	c.Flags().BoolVar(&dryRun, "dry-run", false, "print what would be done, and do nothing")
	c.Flags().StringVar(&to, "to", "", "deliver it to a running product, such as http://127.0.0.1:8789/webhook")
	c.Flags().BoolVar(&asJSON, "json", false, "print the plan as JSON")
	c.MarkFlagsOneRequired("dry-run", "to")
	c.MarkFlagsMutuallyExclusive("dry-run", "to")
	c.MarkFlagsMutuallyExclusive("json", "to")
	return c
}

// clock is a function that says the time.
type clock func() time.Time

// Now implements engine.Clock.
func (c clock) Now() time.Time { return c() }

func readDelivery(stdin io.Reader, name string) (replay.Delivery, error) {
	var text []byte
	var err error
	if name == "-" {
		text, err = io.ReadAll(stdin)
	} else {
		text, err = os.ReadFile(name)
	}
	if err != nil {
		return replay.Delivery{}, fmt.Errorf("read the delivery: %w", err)
	}
	d, err := replay.Parse(text)
	if err != nil {
		return d, fmt.Errorf("%s: %w", name, err)
	}
	return d, nil
}

// deliver posts a delivery as GitHub would.
func deliver(ctx context.Context, out io.Writer, to string, secret []byte, d replay.Delivery) error {
	ctx, stop := context.WithTimeout(ctx, 10*time.Second) // as long as GitHub waits
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(d.Payload))
	if err != nil {
		return misuse("--to %q: %w", to, err)
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write(d.Payload)
	for name, value := range map[string]string{"Content-Type": "application/json",
		"X-GitHub-Event": d.Event, "X-GitHub-Delivery": d.GUID,
		"X-Hub-Signature-256": "sha256=" + hex.EncodeToString(mac.Sum(nil))} {
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("deliver it: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusAccepted {
		said, _ := io.ReadAll(io.LimitReader(res.Body, 1<<10))
		return fmt.Errorf("deliver it to %s: %s: %s", to, res.Status, strings.TrimSpace(string(said)))
	}
	_, err = fmt.Fprintf(out, "delivered: %s\n", res.Status)
	return err
}

// hiddenComment is what Markdown does not show.
var hiddenComment = regexp.MustCompile(`(?s)<!--.*?-->\s*`)

// mostLines is how much of a text a plan shows; JSON has it whole.
const mostLines = 12

// tellPlan prints the steps in their order, each with the text that people would read.
func tellPlan(out io.Writer, p replay.Plan) error {
	if p.Why != "" {
		_, err := fmt.Fprintf(out, "%s: nothing: %s\n", p.Event, p.Why)
		return err
	}
	fmt.Fprintf(out, "%s, %s:\n", p.Incident, p.Event)
	for n, s := range p.Steps {
		fmt.Fprintf(out, "%3d. %s", n+1, s.Do)
		if s.Where != "" && s.Where != p.Incident {
			fmt.Fprintf(out, " (%s)", s.Where)
		}
		fmt.Fprintln(out)
		lines := strings.Split(strings.TrimSpace(hiddenComment.ReplaceAllString(s.Text, "")), "\n")
		for i, line := range lines {
			if i == mostLines {
				fmt.Fprintf(out, "     │ … %d lines more, with --json\n", len(lines)-mostLines)
				break
			}
			if s.Text != "" {
				fmt.Fprintf(out, "     │ %s\n", line)
			}
		}
	}
	if len(p.Steps) == 0 {
		fmt.Fprintln(out, "     nothing is left to do for it")
	}
	_, err := fmt.Fprintln(out, "Nothing of this was done.")
	return err
}
