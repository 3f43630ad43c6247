package assembly

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strconv"

	"github.com/firebreak-dev/firebreak/app/github"
)

// readFreezer reads who makes the rulesets of freezes, if not the App itself: an App of its own, by its key or by the
// process that holds that.
func (e *Environment) readFreezer(getenv func(string) string) []error {
	address, secret := getenv("FIREBREAK_FREEZE_URL"), getenv("FIREBREAK_FREEZE_SECRET")
	hasKey := getenv("FIREBREAK_FREEZE_APP_ID") != "" || getenv("FIREBREAK_FREEZE_PRIVATE_KEY_FILE") != ""
	switch {
	case address == "" && hasKey:
		return e.readFreezeApp(getenv)
	case address == "":
		return nil
	case hasKey:
		return []error{errors.New("FIREBREAK_FREEZE_URL names the process that holds the key of the App for freezes: " +
			"leave out FIREBREAK_FREEZE_APP_ID and FIREBREAK_FREEZE_PRIVATE_KEY_FILE here")}
	case secret == "":
		return []error{errors.New("FIREBREAK_FREEZE_SECRET must be set to sign what FIREBREAK_FREEZE_URL is asked")}
	}
	e.Freezer = &github.FreezerAddress{URL: address, Secret: []byte(secret)}
	return nil
}

// readFreezeApp reads the App for freezes and its key.
func (e *Environment) readFreezeApp(getenv func(string) string) (wrong []error) {
	var err error
	if e.FreezeAppID, err = strconv.ParseInt(getenv("FIREBREAK_FREEZE_APP_ID"), 10, 64); err != nil || e.FreezeAppID < 1 {
		wrong = append(wrong, errors.New("FIREBREAK_FREEZE_APP_ID must be the number of the App for freezes"))
	}
	if e.FreezeKey, err = os.ReadFile(getenv("FIREBREAK_FREEZE_PRIVATE_KEY_FILE")); err != nil {
		wrong = append(wrong, fmt.Errorf("FIREBREAK_FREEZE_PRIVATE_KEY_FILE: %w", err))
	}
	return wrong
}

// readLimits reads whether the server has secondary limits.
func (e *Environment) readLimits(getenv func(string) string) []error {
	switch limits := getenv("FIREBREAK_GITHUB_LIMITS"); limits {
	case "", "github":
	case "none":
		e.Unlimited = true
	default:
		return []error{fmt.Errorf("FIREBREAK_GITHUB_LIMITS must be github or none, not %q", limits)}
	}
	return nil
}

// NewFreezer builds the process for freezes (X4): it alone holds the key of the App for freezes, and knows nothing of
// incidents. It needs no key and no webhook secret of the product's. Every mistake in the environment is named at once.
func NewFreezer(getenv func(string) string, log *slog.Logger) (http.Handler, error) {
	e := Environment{GitHubURL: getenv("FIREBREAK_GITHUB_URL"), Accounts: entriesOf(getenv("FIREBREAK_ACCOUNTS"))}
	wrong := append(e.readFreezeApp(getenv), e.readLimits(getenv)...)
	product, err := strconv.ParseInt(getenv("FIREBREAK_APP_ID"), 10, 64)
	if err != nil || product < 1 {
		wrong = append(wrong, errors.New("FIREBREAK_APP_ID must be the number of the GitHub App that runs the incidents"))
	}
	if _, err := github.APIAddress(e.GitHubURL); err != nil {
		wrong = append(wrong, fmt.Errorf("FIREBREAK_GITHUB_URL: %w", err))
	}
	secret := getenv("FIREBREAK_FREEZE_SECRET")
	if secret == "" {
		wrong = append(wrong, errors.New("FIREBREAK_FREEZE_SECRET must be the secret that the product signs with"))
	}
	if err := join(wrong); err != nil {
		return nil, err
	}
	clock := &followed{}
	app, err := github.New(github.Options{BaseURL: e.GitHubURL, AppID: e.FreezeAppID, PEM: e.FreezeKey, Pace: pace,
		Accounts: e.Accounts, Unlimited: e.Unlimited, Now: clock.Now, Logger: log})
	if err != nil {
		return nil, fmt.Errorf("use the App for freezes: %w", err)
	}
	handler, err := app.FreezerHandler(product, []byte(secret))
	address := getenv("FIREBREAK_CLOCK_URL")
	if err != nil || address == "" {
		return handler, err
	}
	// An embedded GitHub's clock may be set at any time.
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := clock.read(r.Context(), address); err != nil {
			log.Warn("the clock can't be read", "err", err)
		}
		handler.ServeHTTP(w, r)
	}), nil
}
