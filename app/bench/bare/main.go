// Command bare is the least that a function for GitHub's webhooks can do: it computes the HMAC, and
// answers; where it is told a queue, it sends the body there before. What the webhook function
// takes is measured against it.
package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"log"
	"net/http"
	"os"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/firebreak-dev/firebreak/app/aws"
)

func main() {
	secret, url := []byte(os.Getenv("FIREBREAK_WEBHOOK_SECRET")), os.Getenv("FIREBREAK_QUEUE_URL")
	cfg, err := aws.Config(os.Getenv)
	if err != nil {
		log.Fatal(err)
	}
	client := sqs.NewFromConfig(cfg)
	lambda.Start(func(ctx context.Context,
		r events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(r.Body))
		mac.Sum(nil)
		if url != "" {
			if _, err := client.SendMessage(ctx,
				&sqs.SendMessageInput{QueueUrl: awssdk.String(url),
					MessageBody: awssdk.String("look")}); err != nil {
				return events.APIGatewayV2HTTPResponse{}, err
			}
		}
		return events.APIGatewayV2HTTPResponse{StatusCode: http.StatusAccepted}, nil
	})
}
