// Command webhook is the function that takes GitHub's webhooks: it verifies, stores, and answers.
// It links no client of GitHub's and holds no key.
package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/firebreak-dev/firebreak/app/aws"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/logs"
	"github.com/firebreak-dev/firebreak/app/metrics"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/webhook"
)

func main() {
	log := logs.New(os.Stderr)
	handler, err := endpoint(log)
	if err != nil {
		log.Error("the function can't start", "err", err)
		os.Exit(1)
	}
	lambda.Start(aws.HTTP(handler, log))
}

// endpoint returns what builds the endpoint by the secrets of the moment.
func endpoint(log *slog.Logger) (func(context.Context) (http.Handler, error), error) {
	cfg, errConfig := aws.Config(os.Getenv)
	app, err := strconv.ParseInt(os.Getenv("FIREBREAK_APP_ID"), 10, 64)
	if err != nil || app < 1 {
		err = errors.New("FIREBREAK_APP_ID must be the number of the GitHub App")
	}
	url := os.Getenv("FIREBREAK_QUEUE_URL")
	if url == "" {
		err = errors.Join(err, errors.New("FIREBREAK_QUEUE_URL must be the address of the SQS queue"))
	}
	if err := errors.Join(errConfig, err); err != nil {
		return nil, err
	}
	queue := &aws.Queue{SQS: sqs.NewFromConfig(cfg), URL: url, Now: time.Now}
	secrets := &aws.Secrets{Environ: os.Environ(), Manager: secretsmanager.NewFromConfig(cfg),
		Now: time.Now, Logger: log}
	emf := metrics.NewEMF(os.Stdout, os.Getenv("FIREBREAK_DEPLOYMENT"), time.Now)
	o := webhook.Options{AppID: app, Logger: log, IsChatty: os.Getenv("FIREBREAK_SLACK_COMMENTS") == "true",
		Refused: func(reason string) {
			emf.Record(metrics.Rejected, 1, "github", reason)
			if reason == "signature" {
				secrets.Doubt()
			}
			if reason == metrics.NotStored {
				emf.Record(metrics.Unstored, 1)
			}
			if err := emf.Flush(); err != nil {
				log.Warn("the metrics could not be written", "err", err)
			}
		},
		Enqueue: func(ctx context.Context, m incident.Message) error {
			return queue.Enqueue(ctx, m, time.Time{})
		}}
	if slug := os.Getenv("FIREBREAK_APP_SLUG"); slug != "" {
		o.Login = func() string { return naming.BotOf(slug) }
	}
	return func(ctx context.Context) (http.Handler, error) {
		env, err := secrets.Read(ctx)
		if err != nil {
			return nil, err
		}
		o := o
		o.Secrets = nil
		for _, name := range []string{"FIREBREAK_WEBHOOK_SECRET", "FIREBREAK_WEBHOOK_SECRET_PREVIOUS"} {
			if env[name] != "" {
				o.Secrets = append(o.Secrets, []byte(env[name]))
			}
		}
		return webhook.Handler(o)
	}, nil
}
