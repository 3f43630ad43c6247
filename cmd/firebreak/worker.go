package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/spf13/cobra"

	"github.com/firebreak-dev/firebreak/app/admission"
	"github.com/firebreak-dev/firebreak/app/assembly/lambda"
	"github.com/firebreak-dev/firebreak/app/logs"
	"github.com/firebreak-dev/firebreak/app/server"
)

func workerCommand() *cobra.Command {
	var listen string
	var atOnce int
	var grace, sweep time.Duration
	var isServing bool
	c := &cobra.Command{
		Use:   "worker",
		Short: "Works at the SQS queue of the functions on AWS, in a container of any number",
		Long: `Works at the SQS queue that the functions on AWS use, where Lambda does not: in a container, of which there may
be any number, next to the function or in its place. SQS keeps the order of each incident. The environment is that of
the function worker in serverless.yml, and AWS is reached as the SDK finds it: by variables, or by the role of a task, a
pod or a machine. --serve takes GitHub's webhooks, the reports of sources and the links of pages, too, and --sweep looks
for what was lost on the way, as the other functions do. Where this is in the place of the functions, one container
has --sweep 5m.

/healthz says whether the queue is read. SIGTERM ends it: nothing new is begun, and what is under way has --grace to
end. What is cut off after that, or in a container that is killed, is another one's within 20 seconds.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			log := logs.New(c.ErrOrStderr())
			cfg, err := config.LoadDefaultConfig(c.Context())
			if err != nil {
				return fmt.Errorf("reach AWS: %w", err)
			}
			if url := os.Getenv("AWS_ENDPOINT_URL"); url != "" {
				cfg.BaseEndpoint = &url
			}
			product, err := lambda.New(cfg, log)
			if err != nil {
				return err
			}
			poller := product.Poller(cfg, atOnce, grace)
			mux := http.NewServeMux()
			mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
				if err := poller.Health(time.Now()); err != nil {
					log.Error("unhealthy", "err", err)
					http.Error(w, "work does not get done: see the log", http.StatusServiceUnavailable)
					return
				}
				fmt.Fprintln(w, "ok")
			})
			if isServing {
				mux.Handle("/", product.Server())
			}
			l, err := net.Listen("tcp", listen)
			if err != nil {
				return err
			}
			work := func(ctx context.Context) error {
				var all sync.WaitGroup
				defer all.Wait()
				if sweep > 0 {
					all.Go(func() { product.SweepUntil(ctx, sweep) })
				}
				return poller.Run(ctx)
			}
			return server.Run(c.Context(), c.OutOrStdout(), l,
				server.Door{Guard: &admission.Guard{}, Log: log, Grace: grace + 5*time.Second}, mux, work)
		},
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:8789", "address to listen on; port 0 picks one")
	c.Flags().IntVar(&atOnce, "at-once", 8, "incidents worked at at the same time")
	c.Flags().DurationVar(&grace, "grace", 25*time.Second, "time that work under way has to end after SIGTERM")
	c.Flags().BoolVar(&isServing, "serve", false, "take webhooks, reports and answers, too")
	c.Flags().DurationVar(&sweep, "sweep", 0, "how often to look for what was lost on the way; 0: never")
	return c
}
