package lambda

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/metrics"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/webhook"
)

// Server takes what the functions webhook and intake take, in a process that runs on: GitHub's webhooks at /webhook,
// the reports of sources, and the links of pages.
func (l *Lambda) Server() http.Handler {
	mux := http.NewServeMux()
	serve := func(build func(context.Context) (http.Handler, error)) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h, err := build(r.Context())
			if err != nil {
				l.log.Error("a request can't be served", "err", err)
				http.Error(w, "not now: see the log", http.StatusServiceUnavailable)
				return
			}
			h.ServeHTTP(w, r)
		})
	}
	mux.Handle("/webhook", serve(l.webhook))
	mux.Handle("/", serve(l.Intake))
	return mux
}

// webhook returns the endpoint for GitHub's webhooks, by the secrets of the moment.
func (l *Lambda) webhook(ctx context.Context) (http.Handler, error) {
	env, err := l.secrets.Read(ctx)
	if err != nil {
		return nil, err
	}
	app, err := strconv.ParseInt(env["FIREBREAK_APP_ID"], 10, 64)
	if err != nil || app < 1 {
		return nil, errors.New("FIREBREAK_APP_ID must be the number of the GitHub App")
	}
	o := webhook.Options{AppID: app, Logger: l.log, IsChatty: env["FIREBREAK_SLACK_COMMENTS"] == "true",
		Enqueue: func(ctx context.Context, m incident.Message) error { return l.queue.Enqueue(ctx, m, time.Time{}) },
		Refused: func(reason string) {
			l.metrics.Record(metrics.Rejected, 1, "github", reason)
			if reason == "signature" {
				l.secrets.Doubt()
			}
			if reason == metrics.NotStored {
				l.metrics.Record(metrics.Unstored, 1)
			}
			l.flush()
		}}
	if slug := os.Getenv("FIREBREAK_APP_SLUG"); slug != "" {
		o.Login = func() string { return naming.BotOf(slug) }
	}
	for _, name := range []string{"FIREBREAK_WEBHOOK_SECRET", "FIREBREAK_WEBHOOK_SECRET_PREVIOUS"} {
		if env[name] != "" {
			o.Secrets = append(o.Secrets, []byte(env[name]))
		}
	}
	return webhook.Handler(o)
}

// sweepWithEngine sweeps by the product that works at the queue, too: Sweep would build one without an engine.
func (l *Lambda) sweepWithEngine(ctx context.Context) error {
	defer l.flush()
	p, err := l.ready(ctx, true)
	if err != nil {
		return err
	}
	return p.Sweep(ctx)
}

// SweepUntil sweeps at once and then every so often, until ctx ends.
func (l *Lambda) SweepUntil(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := l.sweepWithEngine(ctx); err != nil && ctx.Err() == nil {
			l.log.Error("the sweep failed: it comes again", "in", every, "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
