package assembly

import (
	"context"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/card"
	"github.com/firebreak-dev/firebreak/app/github"
	"github.com/firebreak-dev/firebreak/app/metrics"
	"github.com/firebreak-dev/firebreak/app/notify"
	"github.com/firebreak-dev/firebreak/app/slack"
)

// Reader is the product for commands that run once: no queue, no timer, no work.
type Reader struct {
	App     *github.App
	Keys    [][]byte // of the cards
	Host    string   // of GitHub
	Now     func() time.Time
	AppID   int64
	Secrets [][]byte         // the webhook's, current first
	Out     *notify.Notifier // reaches people outside GitHub
	// the repositories for incidents, as the operator names them; none: see Environment
	Listed []string
	// the repository in which what sources report becomes an incident, as owner/repo; empty: none
	Reports   string
	PublicURL string // where the product is served; empty: it has no address
	Slack     *slack.Slack
	// SlackSecret signs what Slack sends; empty: nothing is taken from there, or by Socket Mode
	SlackSecret string
	Generic     []byte // the secret of the intake's generic source; nil: it is not served
}

// NewReader builds a reader from the environment that the server or the functions use.
func NewReader(
	ctx context.Context,
	getenv func(string) string,
	cloud Cloud,
	log *slog.Logger,
) (*Reader, error) {
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
	if err := env.open(ctx, cloud); err != nil {
		return nil, err
	}
	env.ses = cloud.SES
	// A command has no queue by which it could come back later. On an embedded GitHub's clock it
	// could wait for ever.
	env.isPatient, env.Unlimited = env.ClockURL == "", env.Unlimited || env.ClockURL != ""
	app, err := env.app(clock, nil, metrics.Discard{}, log)
	if err != nil {
		return nil, err
	}
	out, err := newNotifier(env, nil, log)
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
	reports := ""
	if env.Incidents.Repo != "" {
		reports = env.Incidents.FullName()
	}
	signed := ""
	if secrets := env.sourceSecrets("slack"); len(secrets) > 0 && reports != "" {
		signed = string(secrets[0])
	}
	return &Reader{
		Slack: slack.New(slack.Options{Secret: env.secret, URL: env.SlackURL}), SlackSecret: signed,
		Listed:    env.Listed,
		Reports:   reports,
		Generic:   generic,
		PublicURL: strings.TrimSuffix(env.PublicURL, "/"),
		App:       app,
		Keys:      card.Keys(env.Secrets),
		Host:      host,
		Now:       clock.Now,
		AppID:     env.AppID,
		Secrets:   env.Secrets,
		Out:       out,
	}, nil
}
