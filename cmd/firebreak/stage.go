package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/firebreak-dev/firebreak/app/aws/stack"
	"github.com/firebreak-dev/firebreak/app/stage"
)

// openStage reads a stage's file, and returns its stack, with the credentials that the AWS command line would use.
func openStage(ctx context.Context, dir, name string) (*stage.File, *stack.Stack, error) {
	f, err := stage.Read(dir, name)
	if err != nil {
		return nil, nil, &usageError{err}
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(f.Region()))
	if err != nil {
		return nil, nil, fmt.Errorf("AWS: %w", err)
	}
	return f, &stack.Stack{Name: f.Stack(), Config: cfg}, nil
}

// ofTheApp are the variables that say which App this process is, in whatever way.
var ofTheApp = []string{"FIREBREAK_APP_ID", "FIREBREAK_GITHUB_URL", "FIREBREAK_PRIVATE_KEY",
	"FIREBREAK_PRIVATE_KEY_FILE", "FIREBREAK_KMS_KEY", "FIREBREAK_WEBHOOK_SECRET", "FIREBREAK_WEBHOOK_SECRET_PREVIOUS"}

// become has this process act as the stage's App, whatever App the environment names.
func become(f *stage.File, outputs map[string]string) error {
	var wrong []error
	for _, name := range ofTheApp {
		wrong = append(wrong, os.Unsetenv(name))
	}
	for name, value := range f.Environment(outputs) {
		wrong = append(wrong, os.Setenv(name, value))
	}
	return errors.Join(append(wrong, os.Setenv("AWS_REGION", f.Region()))...)
}

// becomeStage has this process act as the App of a stage, deployed or not.
func becomeStage(ctx context.Context, dir, name string) (*stage.File, error) {
	f, s, err := openStage(ctx, dir, name)
	if err != nil {
		return nil, err
	}
	d, err := s.Describe(ctx)
	if err != nil && !errors.Is(err, stack.ErrNone) {
		return nil, err
	}
	return f, become(f, d.Outputs)
}
