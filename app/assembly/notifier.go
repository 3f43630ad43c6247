package assembly

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/notify"
)

// newNotifier builds what pages people and sends updates to customers outside GitHub.
func newNotifier(env Environment, store engine.Store, log *slog.Logger) (*notify.Notifier, error) {
	var own func(ctx context.Context, login string) ([]byte, error)
	if store != nil {
		own = engine.ReadOwnWays(store, env.Secrets)
	}
	n, err := notify.New(notify.Options{
		Own: own, Kept: store,
		Secret: env.secret, HashKey: env.Secrets[0], PageURL: env.PagerURL, AnnounceURL: env.MailURL, Signing: env.Outbound,
		PhoneURL: env.PhoneURL, PushoverURL: env.PushoverURL, SlackURL: env.SlackURL, Allow: env.Allow,
		SES: env.ses, Logger: log,
	})
	if err != nil {
		return nil, fmt.Errorf("FIREBREAK_OUTBOUND_ALLOW: %w", err)
	}
	return n, nil
}

var secretName = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)

// secret reads a secret that the repository's file names. The prefix keeps the file from naming
// another variable, such as the App's private key.
func (e Environment) secret(_ context.Context, name string) (string, error) {
	if !secretName.MatchString(name) {
		return "", fmt.Errorf(
			"%q is not the name of a secret: capital letters, digits and _ are allowed",
			name,
		)
	}
	value := e.getenv("FIREBREAK_SECRET_" + name)
	if value == "" {
		return "", fmt.Errorf("FIREBREAK_SECRET_%s is not set in the environment", name)
	}
	return value, nil
}
