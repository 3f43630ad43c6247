// Package server is the command that people run in production: the product as one process. What is
// for developing, trying and setting up the product is not linked here, and neither is the SDK of a
// cloud.
package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/firebreak-dev/firebreak/app/admission"
	"github.com/firebreak-dev/firebreak/app/assembly"
	"github.com/firebreak-dev/firebreak/app/logs"
	"github.com/firebreak-dev/firebreak/app/metrics/prom"
	"github.com/firebreak-dev/firebreak/app/variables"
)

// Command returns the command that serves, by a name of its caller's.
func Command(name string) *cobra.Command {
	var listen, data, metrics string
	var grace time.Duration
	c := &cobra.Command{
		Use:   name,
		Short: "Runs the product, with its queue and timers in a file or in PostgreSQL",
		Long: `Runs the product: as one process with a file, or as one of several that share a PostgreSQL
database (FIREBREAK_DATABASE_URL), of which another goes on where one ends. The GitHub App comes from the environment:

` + variables.Help() + `
GitHub sends its webhooks to /webhook, which answers once they are on disk. Prometheus reads
/metrics at an address of its own, which should not be reachable from outside. /healthz says whether
work gets done, /readyz whether webhooks can be stored; both are at both addresses. systemd is
notified when it is ready and, with WatchdogSec, while work gets done. The log, on standard error, is
JSON with a line for each look at an incident.

SIGTERM ends it: nothing new is started, and the work under way has --grace to end. The next process
does what is cut off after that. A second signal ends it at once. A service manager must wait longer
than --grace before it kills the process: systemd waits 90 seconds, Kubernetes 30, and Docker 10
(docker stop --time 30).`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			log := logs.New(c.ErrOrStderr())
			if os.Getenv("FIREBREAK_DATABASE_URL") == "" {
				if err := os.MkdirAll(data, 0o700); err != nil {
					return fmt.Errorf("the folder for the queue: %w", err)
				}
			}
			m := prom.New()
			s, err := assembly.New(os.Getenv,
				assembly.Options{File: filepath.Join(data, "firebreak.db"), Sweep: 5 * time.Minute,
					Metrics: m, Logger: log, Patience: grace})
			if err != nil {
				return err
			}
			l, err := net.Listen("tcp", listen)
			if err != nil {
				return errors.Join(err, s.Close())
			}
			own, err := observed(metrics, c.Flags().Changed("metrics"), log)
			if err != nil {
				return errors.Join(err, l.Close(), s.Close())
			}
			work := watchdog(os.Getenv, s.Health, log, Observe(own, s, m, log, s.Run))
			return errors.Join(Run(c.Context(), c.OutOrStdout(), l,
				Door{Guard: s.Guard(), Log: log, Grace: grace}, s.Handler(), work), s.Close())
		},
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:8789", "address to listen on; port 0 picks one")
	c.Flags().StringVar(&data, "data", "./firebreak-data",
		"folder for the queue and the timers, unless they are in PostgreSQL")
	c.Flags().StringVar(&metrics, "metrics", metricsAddress,
		"address to serve /metrics, /healthz and /readyz on; empty: nowhere")
	c.Flags().DurationVar(&grace, "grace", 20*time.Second,
		"how long what is under way may take to end after SIGTERM")
	return c
}

// Door is what bounds a server's requests, and where it says what goes wrong with them.
type Door struct {
	Guard *admission.Guard
	Log   *slog.Logger
	Grace time.Duration // that requests under way have to end
}

// Run serves on l and works until ctx ends or something fails, and says when it is ready. Requests
// under way then have the door's grace to end.
func Run(ctx context.Context, out io.Writer, l net.Listener, door Door, handler http.Handler,
	work func(context.Context) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	serving, cut := context.WithCancel(context.Background())
	defer cut()
	server := newServer(serving, door, handler)
	ended := make(chan error, 2)
	go func() {
		err := server.Serve(door.Guard.Listener(l))
		if errors.Is(err, http.ErrServerClosed) {
			err = nil
		}
		ended <- err
	}()
	go func() {
		err := work(ctx)
		if ctx.Err() != nil {
			err = nil
		}
		ended <- err
	}()
	if _, err := fmt.Fprintf(out, "ready %s\n", Address(l)); err != nil {
		return errors.Join(err, l.Close())
	}
	var errs []error
	left := 2
	select {
	case <-ctx.Done():
	case err := <-ended:
		errs, left = append(errs, err), 1
	}
	stop()
	// What is being answered gets a moment to end on its own; a page that waits for news is cut off.
	time.AfterFunc(door.Grace/2, cut)
	within, done := context.WithTimeout(context.Background(), door.Grace)
	defer done()
	if err := server.Shutdown(within); err != nil {
		errs = append(errs, server.Close())
	}
	for ; left > 0; left-- {
		errs = append(errs, <-ended)
	}
	return errors.Join(errs...)
}

// newServer returns a server that nobody can block by sending slowly: GitHub sends a webhook within
// seconds. The handler limits how long an answer may take, since some answers wait for news.
func newServer(serving context.Context, door Door, handler http.Handler) *http.Server {
	server := door.Guard.Server(handler, door.Log)
	server.BaseContext = func(net.Listener) context.Context { return serving }
	return server
}

// Brief is how long requests under way may take to end where nobody loses anything by them.
const Brief = 2 * time.Second

// Address returns where a browser on this machine finds l.
func Address(l net.Listener) string {
	addr, ok := l.Addr().(*net.TCPAddr)
	if !ok || !addr.IP.IsUnspecified() {
		return "http://" + l.Addr().String()
	}
	return fmt.Sprintf("http://127.0.0.1:%d", addr.Port)
}
