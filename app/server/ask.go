package server

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// askPatience is how long a server may take to say how it is. Its own check has five seconds.
const askPatience = 8 * time.Second

// HealthCommand returns the command that asks a running server how it is, for where there is no
// shell and no curl, such as in a container.
func HealthCommand() *cobra.Command {
	var url string
	c := &cobra.Command{
		Use:   "health",
		Short: "Asks the server on this machine whether work gets done",
		Long: `Asks the server on this machine whether work gets done, and fails if not: a health check for containers,
which have no shell. --url asks for something else, such as /readyz, which says whether webhooks can be stored.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return askHealth(c.Context(), url, c.OutOrStdout())
		},
	}
	c.Flags().StringVar(&url, "url", "http://127.0.0.1:8789/healthz", "what to ask")
	return c
}

// askHealth prints the first line of a server's answer, and fails if that isn't 200.
func askHealth(ctx context.Context, url string, out io.Writer) error {
	ctx, stop := context.WithTimeout(ctx, askPatience)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("ask for the server's health: %w", err)
	}
	// The server is on this machine: a proxy of the environment is for what is outside.
	client := &http.Client{Transport: &http.Transport{}}
	answer, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("ask for the server's health: %w", err)
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(io.LimitReader(answer.Body, 1<<10))
	if err != nil {
		return fmt.Errorf("read the server's health at %s: %w", url, err)
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(said)), "\n")
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("unhealthy: %s answers %s: %s", url, answer.Status, line)
	}
	_, err = fmt.Fprintln(out, line)
	return err
}
