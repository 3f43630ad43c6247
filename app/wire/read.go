package wire

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/firebreak-dev/firebreak/app/awscloud/backend"
	"github.com/firebreak-dev/firebreak/app/card"
	"github.com/firebreak-dev/firebreak/app/gh"
	"github.com/firebreak-dev/firebreak/app/metrics"
)

// Reader is the product for commands that only read: no queue, no timer, no work.
type Reader struct {
	App  *gh.App
	Keys [][]byte // of the cards
	Host string   // of GitHub
	Now  func() time.Time
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
	app, err := env.app(clock, nil, metrics.Discard{}, log)
	if err != nil {
		return nil, err
	}
	host := "github.com"
	if u, err := url.Parse(env.GitHubURL); err == nil && u.Host != "" {
		host = u.Host
	}
	return &Reader{App: app, Keys: card.Keys(env.Secrets), Host: host, Now: clock.Now}, nil
}
