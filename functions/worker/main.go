// The worker function hands the queue's messages to the engine.
package main

import (
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/firebreak-dev/firebreak/app/logs"
	"github.com/firebreak-dev/firebreak/app/wire/cloud"
)

func main() {
	log := logs.New(os.Stderr)
	l, err := cloud.NewLambda(log)
	if err != nil {
		log.Error("the function can't start", "err", err)
		os.Exit(1)
	}
	lambda.Start(l.Work)
}
