// Command intake is the function that takes what monitoring, mail and chat report: by the HTTP API,
// and mails by Amazon SES too. One function for both needs one role, one set of secrets and one
// package. What SES sends is recognized by its records; in a request of the HTTP API nothing at
// that place is the sender's.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/events"
	awslambda "github.com/aws/aws-lambda-go/lambda"

	"github.com/firebreak-dev/firebreak/app/assembly/lambda"
	"github.com/firebreak-dev/firebreak/app/aws"
	"github.com/firebreak-dev/firebreak/app/intake"
	"github.com/firebreak-dev/firebreak/app/logs"
)

func main() {
	log := logs.New(os.Stderr)
	l, err := lambda.NewLambda(log)
	if err != nil {
		log.Error("the function can't start", "err", err)
		os.Exit(1)
	}
	requests := aws.HTTP(l.Intake, log)
	awslambda.Start(func(ctx context.Context, event json.RawMessage) (any, error) {
		var of struct {
			Records []struct{ EventSource string }
		}
		if json.Unmarshal(event, &of) == nil && len(of.Records) > 0 && of.Records[0].EventSource == "aws:ses" {
			var mails intake.SESEvent
			if err := json.Unmarshal(event, &mails); err != nil {
				return nil, fmt.Errorf("read an event of Amazon SES: %w", err)
			}
			return nil, l.Mail(ctx, mails)
		}
		var request events.APIGatewayV2HTTPRequest
		if err := json.Unmarshal(event, &request); err != nil {
			return nil, fmt.Errorf("read an event of the HTTP API: %w", err)
		}
		return requests(ctx, request)
	})
}
