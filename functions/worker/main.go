// Command worker is the function that hands the queue's messages to the engine.
package main

import (
	"os"

	awslambda "github.com/aws/aws-lambda-go/lambda"

	"github.com/firebreak-dev/firebreak/app/assembly/lambda"
	"github.com/firebreak-dev/firebreak/app/logs"
)

func main() {
	log := logs.New(os.Stderr)
	l, err := lambda.NewLambda(log)
	if err != nil {
		log.Error("the function can't start", "err", err)
		os.Exit(1)
	}
	awslambda.Start(l.Work)
}
