package notify

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// TestPath tries what the ways of those whom a page is for need: the secrets, the settings, and that each vendor
// is there and knows the account (O3). Nobody is paged. It implements engine.Reacher. No error shows an address.
func (n *Notifier) TestPath(ctx context.Context, p engine.Page) (wrong []error) {
	ctx = incident.ForAccount(ctx, p.Service.Account)
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

// question is what a vendor is asked to find out whether it is there and knows the account.
type question struct {
	address   string
	form      url.Values   // posted; nil: the address is read
	hide      []string     // what no error shows
	isTwilio  bool         // it goes where calls and texts go
	client    *http.Client // nil: the one to public addresses
	authorize func(*http.Request)
	isWell    func(answer map[string]any) bool
}

// probe asks the vendor of a way whether it is there and knows the account.
func (n *Notifier) probe(ctx context.Context, p engine.Page, w way) error {
	switch w.kind {
	case "sms", "call": // https://www.twilio.com/docs/iam/api/account
		account := p.Service.Options["twilio-account"]
		token, err := n.secret(ctx, w.kind, p.Service.Options["twilio-secret"])
		if err != nil {
			return err
		}
		return n.ask(ctx, "twilio", question{isTwilio: true, hide: []string{token},
			address:   "https://api.twilio.com/2010-04-01/Accounts/" + url.PathEscape(account) + ".json",
			authorize: func(r *http.Request) { r.SetBasicAuth(account, token) },
			isWell:    func(a map[string]any) bool { return a["status"] == "active" }})
	case "pushover": // https://pushover.net/api#verification
		token, err := n.secret(ctx, w.kind, p.Service.Options["pushover-secret"])
		if err != nil {
			return err
		}
		address, client := n.toPushover("users/validate.json")
		return n.ask(ctx, w.kind, question{address: address, client: client, hide: []string{token, w.address},
			form:   url.Values{"token": {token}, "user": {w.address}},
			isWell: func(a map[string]any) bool { return a["status"] == 1.0 }})
	case "ntfy": // https://docs.ntfy.sh/config/#health-checks
		u, err := url.Parse(w.address)
		if err != nil {
			return final(w.kind, "the address can't be read")
		}
		u.Path = "/v1/health"
		return n.ask(ctx, w.kind, question{address: u.String(), hide: []string{w.address, w.Token},
			isWell: func(a map[string]any) bool { return a["healthy"] == true }})
	case "gotify": // https://gotify.net/api-docs, /health
		return n.ask(ctx, w.kind, question{address: strings.TrimSuffix(w.address, "/") + "/health",
			hide:   []string{w.address, w.Token},
			isWell: func(a map[string]any) bool { return a["health"] == "green" && a["database"] != "red" }})
	case "slack": // https://docs.slack.dev/reference/methods/auth.test
		token, err := n.secret(ctx, w.kind, other(p, w.kind).Secret)
		if err != nil {
			return err
		}
		at, client := n.toSlack()
		return n.ask(ctx, w.kind, question{address: at + "auth.test", client: client, form: url.Values{},
			hide:      []string{token},
			authorize: func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) },
			isWell:    func(a map[string]any) bool { return a["ok"] == true }})
	}
	return nil // mail servers and mentions are tried by pages alone
}

// reasons are where the vendors' answers say what is wrong.
var reasons = []string{"error", "message", "status"}

// ask asks a vendor, and reports by an error that it isn't well. The requests are so small that what the vendors'
// libraries link for them would be most of it.
func (n *Notifier) ask(ctx context.Context, kind string, q question) error {
	return n.send(ctx, kind, q.hide, func(ctx context.Context) error {
		method, client := http.MethodGet, cmp.Or(q.client, n.client)
		if q.form != nil {
			method = http.MethodPost
		}
		if q.isTwilio {
			client = n.toTwilio(ctx)
		}
		req, err := http.NewRequestWithContext(ctx, method, q.address, strings.NewReader(q.form.Encode()))
		if err != nil {
			return errors.New("the address can't be read")
		}
		if q.form != nil {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		if q.authorize != nil {
			q.authorize(req)
		}
		res, err := client.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		var answer map[string]any
		if err := json.NewDecoder(res.Body).Decode(&answer); err == nil && q.isWell(answer) {
			return nil
		}
		for _, name := range reasons {
			if why, ok := answer[name].(string); ok {
				return final(kind, "the answer says "+why)
			}
		}
		return final(kind, "it does not say that it is well")
	})
}
