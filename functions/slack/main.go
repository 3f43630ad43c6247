// Command slack is the function that takes what Slack sends: commands, buttons, forms and events. It is one of its own
// so that no storm of alerts keeps people in Slack waiting, who have three seconds. It verifies, stores and answers;
// what follows from it the worker does.
package main

import (
	"os"

	awslambda "github.com/aws/aws-lambda-go/lambda"

	"github.com/firebreak-dev/firebreak/app/assembly/lambda"
	"github.com/firebreak-dev/firebreak/app/aws"
	"github.com/firebreak-dev/firebreak/app/logs"
)

func main() {
	log := logs.New(os.Stderr)
	l, err := lambda.NewLambda(log)
	if err != nil {
		log.Error("the function can't start", "err", err)
		os.Exit(1)
	}
	awslambda.Start(aws.HTTP(l.Slack, log))
}
