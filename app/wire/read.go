package wire

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/firebreak-dev/firebreak/app/awscloud"
	"github.com/firebreak-dev/firebreak/app/awscloud/backend"
	"github.com/firebreak-dev/firebreak/app/card"
	"github.com/firebreak-dev/firebreak/app/gh"
	"github.com/firebreak-dev/firebreak/app/metrics"
	"github.com/firebreak-dev/firebreak/app/notify"
)

// Reader is the product for commands that run once: no queue, no timer, no work.
type Reader struct {
	App     *gh.App
	Keys    [][]byte // of the cards
	Host    string   // of GitHub
	Now     func() time.Time
	AppID   int64
	Secrets [][]byte         // the webhook's, current first
	Out     *notify.Notifier // reaches people outside GitHub
	Generic []byte           // the secret of the intake's generic source; nil: it is not served
}

// NewReader builds a reader from the environment that the server uses.
func NewReader(ctx context.Context, getenv func(string) string, log *slog.Logger) (*Reader, error) {
	env, err := Read(getenv)
	if err != nil {
		return nil, err
	}
	clock := &followed{}
	if env.ClockURL != "" {
		if err := clock.read(ctx, env.ClockURL); err != nil {
			return nil, err
		}
	}
	if env.KMSKey != "" {
		// A person's credentials are found as AWS's own command finds them: variables, profiles, single sign-on.
		cfg, err := config.LoadDefaultConfig(ctx)
		if err != nil {
			return nil, fmt.Errorf("FIREBREAK_KMS_KEY needs credentials of AWS's, as `aws sts get-caller-identity` does: %w", err)
		}
		env.sign = (&backend.Key{KMS: kms.NewFromConfig(cfg), ID: env.KMSKey}).Sign
	}
	// A command has no queue by which it could come back later. On an embedded GitHub's clock it could wait for ever.
	env.isPatient, env.Unlimited = env.ClockURL == "", env.Unlimited || env.ClockURL != ""
	app, err := env.app(clock, nil, metrics.Discard{}, log)
	if err != nil {
		return nil, err
	}
	out, err := newNotifier(env, log)
	if err != nil {
		return nil, err
	}
	host := "github.com"
	if u, err := url.Parse(env.GitHubURL); err == nil && u.Host != "" {
		host = u.Host
	}
	var generic []byte
	if secrets := env.sourceSecrets("generic"); len(secrets) > 0 {
		generic = secrets[0]
	}
	return &Reader{Generic: generic, App: app, Keys: card.Keys(env.Secrets), Host: host, Now: clock.Now, AppID: env.AppID, Secrets: env.Secrets, Out: out}, nil
}

// Environ gives the environment of the process. Variables that refer to secrets on AWS, as those of the functions do, are
// read there, by the credentials that the AWS command line would use.
func Environ(ctx context.Context, log *slog.Logger) (func(name string) string, error) {
	refers := false
	for _, v := range os.Environ() {
		name, value, _ := strings.Cut(v, "=")
		refers = refers || strings.HasPrefix(name, "FIREBREAK_") && (strings.HasPrefix(value, "secretsmanager:") || strings.HasPrefix(value, "ssm:"))
	}
	if !refers {
		return os.Getenv, nil
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("the environment refers to secrets on AWS: %w", err)
	}
	secrets := &awscloud.Secrets{Environ: os.Environ(), Manager: secretsmanager.NewFromConfig(cfg), Parameter: backend.Parameter(ssm.NewFromConfig(cfg)), Now: time.Now, Logger: log}
	values, err := secrets.Read(ctx)
	if err != nil {
		return nil, fmt.Errorf("the environment refers to secrets on AWS: %w", err)
	}
	return func(name string) string { return values[name] }, nil
}
