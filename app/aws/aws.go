// Package aws is what every function on AWS needs: the queue on SQS FIFO, secrets by Secrets
// Manager, and HTTP from API Gateway. What only the functions behind the queue need is in package
// worker, because a function pays for every linked package at each cold start: the SDK's Systems
// Manager client alone takes as long to start as the webhook function.
package aws

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Config is how a function reaches AWS: as Lambda's environment says. The SDK's own search for
// credentials looks in files and at endpoints that a function does not have, and triples the time
// it takes to start.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
func Config(getenv func(string) string) (aws.Config, error) {
	cfg := aws.Config{Region: getenv("AWS_REGION")}
	if cfg.Region == "" || getenv("AWS_ACCESS_KEY_ID") == "" || getenv("AWS_SECRET_ACCESS_KEY") == "" {
		return cfg, errors.New("AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set, as " +
			"Lambda does for a function with a role")
	}
	cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: getenv("AWS_ACCESS_KEY_ID"),
			SecretAccessKey: getenv("AWS_SECRET_ACCESS_KEY"),
			SessionToken:    getenv("AWS_SESSION_TOKEN"), Source: "environment"}, nil
	})
	if url := getenv("AWS_ENDPOINT_URL"); url != "" {
		cfg.BaseEndpoint = aws.String(url)
	}
	return cfg, nil
}
