package lambda

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/firebreak-dev/firebreak/app/assembly"
	"github.com/firebreak-dev/firebreak/app/aws"
	"github.com/firebreak-dev/firebreak/app/aws/worker"
)

// NewReader builds a reader from the environment that the server or the functions use. Amazon SES
// is reached by the functions alone, so only where the environment is theirs.
func NewReader(ctx context.Context, getenv func(string) string, log *slog.Logger) (*assembly.Reader, error) {
	c := assembly.Cloud{Sign: sign}
	if refers() || getenv("FIREBREAK_KMS_KEY") != "" {
		c.SES = worker.SES
	}
	return assembly.NewReader(ctx, getenv, c, log)
}

// sign opens a key in KMS by a person's credentials, which are found as AWS's own command finds
// them: variables, profiles, single sign-on.
func sign(ctx context.Context, key string) (assembly.Signer, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf(
			"FIREBREAK_KMS_KEY needs credentials of AWS's, as `aws sts get-caller-identity` does: %w",
			err,
		)
	}
	return (&worker.Key{KMS: kms.NewFromConfig(cfg), ID: key}).Sign, nil
}

// refers reports whether a variable of the environment refers to a secret on AWS.
func refers() bool {
	for _, v := range os.Environ() {
		name, value, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, "FIREBREAK_") &&
			(strings.HasPrefix(value, "secretsmanager:") || strings.HasPrefix(value, "ssm:")) {
			return true
		}
	}
	return false
}

// Environ returns the environment of the process. Variables that refer to secrets on AWS, as those
// of the functions do, are read there, by the credentials that the AWS command line would use.
func Environ(ctx context.Context, log *slog.Logger) (func(name string) string, error) {
	if !refers() {
		return os.Getenv, nil
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("the environment refers to secrets on AWS: %w", err)
	}
	secrets := &aws.Secrets{
		Environ:   os.Environ(),
		Manager:   secretsmanager.NewFromConfig(cfg),
		Parameter: worker.Parameter(ssm.NewFromConfig(cfg)),
		Now:       time.Now,
		Logger:    log,
	}
	values, err := secrets.Read(ctx)
	if err != nil {
		return nil, fmt.Errorf("the environment refers to secrets on AWS: %w", err)
	}
	return func(name string) string { return values[name] }, nil
}
