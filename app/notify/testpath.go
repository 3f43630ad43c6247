package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/slack-go/slack"
	twilioclient "github.com/twilio/twilio-go/client"
	twilio "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// TestPath tries what the ways of those whom a page is for need: the secrets, the settings, and that each vendor
// is there and knows the account (O3). Nobody is paged. It implements engine.Reacher. No error shows an address.
func (n *Notifier) TestPath(ctx context.Context, p engine.Page) (wrong []error) {
	d, err := n.directory(ctx, p.Service, p.To)
	if err != nil {
		return []error{err}
	}
	dry := Dry(ctx)
	tried, told := map[string]bool{}, map[string]bool{}
	note := func(err error) {
		if err != nil && !told[err.Error()] {
			told[err.Error()] = true
			wrong = append(wrong, err)
		}
	}
	for _, to := range p.To {
		logins := d.loginsOf(to)
		if len(logins) == 0 {
			note(final(people, fmt.Sprintf("the secret %s says nothing of %s", p.Service.Secret, to)))
		}
		for _, login := range logins {
			ways := d.ways[naming.Key(login)]
			if len(ways) == 0 {
				note(noWay(p.Service, login))
			}
			for _, w := range ways {
				key := accountOf(w)
				if err := n.reach(dry, p, login, w); err != nil {
					note(err)
				} else if !tried[key] {
					tried[key] = true
					note(n.probe(ctx, p, w))
				}
			}
		}
	}
	return wrong
}

// accountOf returns what is tried once for all ways that share it.
func accountOf(w way) string {
	if w.kind == "pushover" { // each user's key is checked
		return w.kind + " " + w.address
	}
	return vendorOf(w)
}

// probe asks the vendor of a way whether it is there and knows the account.
func (n *Notifier) probe(ctx context.Context, p engine.Page, w way) error {
	switch w.kind {
	case "sms", "call":
		return n.probeTwilio(ctx, p, w)
	case "pushover":
		token, err := n.secret(ctx, w.kind, p.Service.Options["pushover-secret"])
		if err != nil {
			return err
		}
		// https://pushover.net/api#verification
		return n.ask(ctx, w, []string{token, w.address}, http.MethodPost, pushoverAPI+"users/validate.json",
			url.Values{"token": {token}, "user": {w.address}}, func(a map[string]any) bool { return a["status"] == 1.0 })
	case "ntfy": // https://docs.ntfy.sh/config/#health-checks
		u, err := url.Parse(w.address)
		if err != nil {
			return final(w.kind, "the address can't be read")
		}
		u.Path = "/v1/health"
		return n.ask(ctx, w, []string{w.address, w.Token}, http.MethodGet, u.String(), nil,
			func(a map[string]any) bool { return a["healthy"] == true })
	case "gotify": // https://gotify.net/api-docs, /health
		return n.ask(ctx, w, []string{w.address, w.Token}, http.MethodGet, strings.TrimSuffix(w.address, "/")+"/health", nil,
			func(a map[string]any) bool { return a["health"] == "green" && a["database"] != "red" })
	case "slack": // https://docs.slack.dev/reference/methods/auth.test
		token, err := n.secret(ctx, w.kind, other(p, w.kind).Secret)
		if err != nil {
			return err
		}
		return n.send(ctx, w.kind, []string{token}, func(ctx context.Context) error {
			_, err := slack.New(token, slack.OptionHTTPClient(n.client)).AuthTestContext(ctx)
			return err
		})
	}
	return nil // mail servers and mentions are tried by pages alone
}

// probeTwilio reads the account. https://www.twilio.com/docs/iam/api/account
func (n *Notifier) probeTwilio(ctx context.Context, p engine.Page, w way) error {
	account := p.Service.Options["twilio-account"]
	token, err := n.secret(ctx, w.kind, p.Service.Options["twilio-secret"])
	if err != nil {
		return err
	}
	return n.send(ctx, "twilio", []string{token}, func(ctx context.Context) error {
		c := &twilioclient.Client{Credentials: twilioclient.NewCredentials(account, token), HTTPClient: n.toTwilio(ctx)}
		c.SetAccountSid(account)
		found, err := twilio.NewApiService(&twilioclient.RequestHandler{Client: c}).FetchAccount(account)
		var said *twilioclient.TwilioRestError
		switch {
		case errors.As(err, &said):
			return final("twilio", said.Message)
		case err == nil && found.Status != nil && *found.Status != "active":
			return final("twilio", "the account is "+*found.Status)
		}
		return err
	})
}

// ask sends a request whose answer is a JSON object, and reports by an error that it isn't as it should be.
func (n *Notifier) ask(ctx context.Context, w way, hide []string, method, address string, form url.Values,
	isWell func(answer map[string]any) bool) error {
	return n.send(ctx, w.kind, hide, func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
		if err != nil {
			return errors.New("the address can't be read")
		}
		if form != nil {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		res, err := n.client.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		var answer map[string]any
		if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || !isWell(answer) {
			return final(w.kind, "it does not say that it is well")
		}
		return nil
	})
}
