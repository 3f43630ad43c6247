// Command firebreak-serve is the product as one process, to be run in production: `firebreak
// serve`, its version, its health check and `firebreak freezer`, and nothing else. The binary holds
// neither the embedded GitHub nor the SDK of a cloud, so that there is less in it to patch and to
// attack.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/firebreak-dev/firebreak/app/server"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends it at once

	c := server.Command("firebreak-serve")
	c.Version, c.SilenceUsage, c.SilenceErrors = server.Version(), true, true
	ran := false
	c.PersistentPreRun = func(*cobra.Command, []string) { ran = true }
	c.CompletionOptions.DisableDefaultCmd = true
	c.AddCommand(server.VersionCommand("firebreak-serve"), server.HealthCommand(), server.FreezerCommand())

	err := c.ExecuteContext(ctx)
	switch {
	case err == nil:
	case !ran: // cobra refused the flags or the arguments
		fmt.Fprintf(os.Stderr, "firebreak-serve: %v\nRun `firebreak-serve --help` for how it is used.\n", err)
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "firebreak-serve:", err)
		os.Exit(1)
	}
}
