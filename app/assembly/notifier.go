package assembly

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"strings"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/notify"
)

// newNotifier builds what pages people and sends updates to customers outside GitHub.
func newNotifier(env Environment, store engine.Store, log *slog.Logger) (*notify.Notifier, error) {
	var own func(ctx context.Context, login string) ([]byte, error)
	if store != nil {
		own = engine.ReadOwnWays(store, env.Secrets)
	}
	n, err := notify.New(notify.Options{
		Own: own, Kept: store, Bounds: env.Bounds,
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

// secret reads a secret that the repository's file names: the one of its account, FIREBREAK_SECRET_ACME__NAME, or
// else the one of all accounts, FIREBREAK_SECRET_NAME. The prefix keeps the file from naming another variable, such
// as the App's private key. A name has no two _ in a row, which end an account's: no file can name a secret of
// another account's.
func (e Environment) secret(ctx context.Context, name string) (string, error) {
	if !secretName.MatchString(name) || strings.Contains(name, "__") {
		return "", fmt.Errorf(
			"%q is not the name of a secret: capital letters, digits and single _ are allowed",
			name,
		)
	}
	account := accountVariable(incident.AccountOf(ctx))
	for _, variable := range []string{"FIREBREAK_SECRET_" + account + "__" + name, "FIREBREAK_SECRET_" + name} {
		if account == "" && strings.Contains(variable, "__") {
			continue
		}
		if value := e.getenv(variable); value != "" {
			return value, nil
		}
	}
	return "", fmt.Errorf("FIREBREAK_SECRET_%s is not set in the environment", name)
}

// accountName is an account that has a name of its own among variables. One with a _, such as a managed user's,
// has none: it would be that of the account with a - in its place.
var accountName = regexp.MustCompile(`^[0-9A-Za-z-]+$`)

// accountVariable returns an account as names of variables have it; empty: it has none.
func accountVariable(account string) string {
	if !accountName.MatchString(account) {
		return ""
	}
	return strings.ToUpper(strings.ReplaceAll(account, "-", "_"))
}
