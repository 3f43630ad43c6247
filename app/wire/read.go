package wire

import (
	"context"
	"log/slog"
	"net/url"
	"time"

	"github.com/firebreak-dev/firebreak/app/card"
	"github.com/firebreak-dev/firebreak/app/gh"
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
	app, err := gh.New(gh.Options{BaseURL: env.GitHubURL, AppID: env.AppID, PEM: env.Key, Accounts: env.Accounts, Now: clock.Now, Pace: pace, Logger: log})
	if err != nil {
		return nil, err
	}
	host := "github.com"
	if u, err := url.Parse(env.GitHubURL); err == nil && u.Host != "" {
		host = u.Host
	}
	return &Reader{App: app, Keys: card.Keys(env.Secrets), Host: host, Now: clock.Now}, nil
}
