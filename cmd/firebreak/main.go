// Command firebreak runs critical incidents on GitHub.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/firebreak-dev/firebreak/app/logs"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/server"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends it at once
	c := root()
	ran := watch(c)
	called, err := c.ExecuteContextC(ctx)
	var misused *usageError
	switch {
	case err == nil:
	case errors.As(err, &misused) || !*ran: // cobra refused the flags or the arguments
		fmt.Fprintf(os.Stderr, "firebreak: %v\nRun `%s --help` for how it is used.\n", err,
			called.CommandPath())
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "firebreak:", err)
		os.Exit(1)
	}
}

func root() *cobra.Command {
	c := &cobra.Command{
		Use:           "firebreak",
		Short:         "Runs critical incidents on GitHub",
		Version:       server.Version(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	c.AddCommand(benchCommand(), demoCommand(), deployCommand(), doctorCommand(), drillCommand(), freezeCommand(),
		server.FreezerCommand(), server.HealthCommand(), importCommand(), incidentsCommand(), initCommand(), lint(),
		manCommand(), onCallCommand(), replayCommand(), sandboxCommand(), server.Command("serve"), setupCommand(),
		statsCommand(), upgradeCommand(), server.VersionCommand("firebreak"), waysCommand(),
		workerCommand())
	return c
}

// watch reports afterwards whether a command ran, or was refused before.
func watch(c *cobra.Command) *bool {
	ran := new(bool)
	var watchBelow func(*cobra.Command)
	watchBelow = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			if do := sub.RunE; do != nil {
				sub.RunE = func(c *cobra.Command, args []string) error {
					*ran = true
					return do(c, args)
				}
			}
			watchBelow(sub)
		}
	}
	watchBelow(c)
	return ran
}

// usageError is a mistake of whoever typed the command.
type usageError struct{ error }

func misuse(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// repositoryOf reads OWNER/REPO.
func repositoryOf(arg string) (owner, repo string, err error) {
	owner, repo, ok := naming.SplitRepository(arg)
	if !ok {
		return "", "", misuse("%q is not a repository: write OWNER/REPO", arg)
	}
	return owner, repo, nil
}

// logger writes to standard error: standard output holds the one line that says where to go.
func logger(c *cobra.Command) *slog.Logger {
	level := slog.LevelWarn
	if v, _ := c.Flags().GetBool("verbose"); v {
		level = slog.LevelDebug
	}
	return slog.New(logs.Bounded(slog.NewTextHandler(c.ErrOrStderr(), &slog.HandlerOptions{Level: level})))
}
