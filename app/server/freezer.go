package server

import (
	"context"
	"net"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/firebreak-dev/firebreak/app/admission"
	"github.com/firebreak-dev/firebreak/app/assembly"
	"github.com/firebreak-dev/firebreak/app/logs"
)

// FreezerCommand returns the command that serves the process for freezes (X4).
func FreezerCommand() *cobra.Command {
	var listen string
	c := &cobra.Command{
		Use:   "freezer",
		Short: "Holds the key of the App for freezes, and makes and deletes freezes with it alone",
		Long: `Holds the key of the App that may change rulesets, so that the process that runs incidents needs no such key.
It makes, prolongs and deletes freezes as that process asks, signed with a secret that both know, and refuses whatever
else the key could do. Only that process should reach its address; over a network, put TLS before it.

  FIREBREAK_APP_ID                   number of the App that runs the incidents
  FIREBREAK_FREEZE_APP_ID            number of the App for freezes
  FIREBREAK_FREEZE_PRIVATE_KEY_FILE  a file that holds its private key
  FIREBREAK_FREEZE_SECRET            the secret that both know
  FIREBREAK_ACCOUNTS                 accounts whose repositories may be frozen; default: all that installed it
  FIREBREAK_GITHUB_URL               a GitHub Enterprise Server or ghe.com; default: GitHub itself
  FIREBREAK_GITHUB_LIMITS            none, if that server has no secondary rate limits

The process that runs incidents has FIREBREAK_FREEZE_URL and FIREBREAK_FREEZE_SECRET instead of that App and its key.
/healthz says that it runs. The log, on standard error, is JSON with a line for each freeze and each refusal.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			log := logs.New(c.ErrOrStderr())
			handler, err := assembly.NewFreezer(os.Getenv, log)
			if err != nil {
				return err
			}
			l, err := net.Listen("tcp", listen)
			if err != nil {
				return err
			}
			wait := func(ctx context.Context) error { <-ctx.Done(); return nil }
			door := Door{Guard: &admission.Guard{}, Log: log, Grace: freezerGrace}
			return Run(c.Context(), c.OutOrStdout(), l, door, handler, wait)
		},
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:8791", "address to listen on; port 0 picks one")
	return c
}

// freezerGrace is how long requests to GitHub may take to end after SIGTERM: as long as they ever take.
const freezerGrace = 20 * time.Second
