package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"
)

// checkHook looks at where GitHub delivers, and how.
func (d *Doctor) checkHook(ctx context.Context) error {
	hook, _, err := d.App.Self().Apps.GetHookConfig(ctx)
	if err != nil {
		return fmt.Errorf("read the webhook's settings: %w", err)
	}
	u, err := url.Parse(hook.GetURL())
	switch {
	case err != nil || u.Host == "":
		d.failed = true
		d.add("", Failure, "the App has no webhook",
			"Make it active and give it the address of the product at "+d.settings())
		return nil
	case d.Deployed != "" && hook.GetURL() != d.Deployed:
		d.add("", Failure, "webhooks go to "+hook.GetURL()+", and the stack takes them at "+d.Deployed,
			"`firebreak deploy "+d.Stage+" --webhook-only` sets the address, or set it at "+d.settings())
	case hook.GetSecret() == "":
		d.add("", Failure, "the webhook has no secret, so anybody could send commands",
			"Set FIREBREAK_WEBHOOK_SECRET as the webhook's secret at "+d.settings())
	case hook.GetContentType() != "json":
		d.add("", Failure, "the webhook's content type is "+hook.GetContentType(),
			"Choose application/json at "+d.settings())
	case u.Scheme == "https" && hook.GetInsecureSSL() == "1":
		d.add("", Warning, "the webhook's certificate is not verified",
			"Enable SSL verification at "+d.settings())
	case u.Scheme == "http" && u.Hostname() != "127.0.0.1" && u.Hostname() != "localhost":
		d.add("", Warning, "webhooks go unencrypted to "+hook.GetURL(),
			"Give an address with https at "+d.settings())
	default:
		d.ok("webhooks go to %s, as JSON and signed", hook.GetURL())
	}
	return nil
}

// How long the outcome of a delivery is waited for: the receiver has ten seconds.
const (
	between = time.Second
	looks   = 20
)

// checkDelivery lets GitHub deliver again what it delivered last, best its ping: the receiver takes
// it, if it is reached and the signature fits, and does nothing twice.
func (d *Doctor) checkDelivery(ctx context.Context) error {
	list := func() ([]*github.HookDelivery, error) {
		all, _, err := d.App.Self().Apps.ListHookDeliveries(ctx, &github.ListCursorOptions{PerPage: 100})
		if err != nil {
			return nil, fmt.Errorf("read the webhook's deliveries: %w", err)
		}
		return all, nil
	}
	all, err := list()
	if err != nil {
		return err
	}
	if len(all) == 0 {
		d.add("", Warning, "GitHub has delivered nothing for three days, so redelivery can't be tested",
			"Comment on any issue of a repository with the App, and run this again")
		return nil
	}
	last := all[0]
	for _, one := range all {
		if one.GetEvent() == "ping" {
			last = one
			break
		}
	}
	newest := all[0].GetID()
	_, _, err = d.App.Self().Apps.RedeliverHookDelivery(ctx, last.GetID())
	var accepted *github.AcceptedError
	if err != nil && !errors.As(err, &accepted) {
		return fmt.Errorf("deliver %d again: %w", last.GetID(), err)
	}
	for range looks {
		if err := d.Wait(ctx, between); err != nil {
			return err
		}
		if all, err = list(); err != nil {
			return err
		}
		for _, one := range all {
			done := one.GetStatusCode() != 0 || one.GetStatus() != "" && one.GetStatus() != "pending"
			if one.GetGUID() == last.GetGUID() && one.GetID() > newest && done {
				d.judge(one)
				return nil
			}
		}
	}
	d.add("", Failure, fmt.Sprintf("GitHub has not delivered the %s again within %s", last.GetEvent(),
		looks*between), "Look at the deliveries at "+d.settings()+"/advanced")
	return nil
}

// judge says what is wrong, judging by the receiver's answer.
func (d *Doctor) judge(one *github.HookDelivery) {
	says := fmt.Sprintf("GitHub delivered its last %s again: %d %s", one.GetEvent(), one.GetStatusCode(),
		one.GetStatus())
	switch code := one.GetStatusCode(); {
	case code >= 200 && code < 300:
		d.ok("%s. The address is reached, and the signature fits", says)
	case code == http.StatusUnauthorized:
		d.add("", Failure, says+". The signature is wrong",
			"Give the product the webhook's secret as FIREBREAK_WEBHOOK_SECRET, or set a new one for "+
				"both at "+d.settings())
	case code == http.StatusNotFound || code == http.StatusMethodNotAllowed:
		d.add("", Failure, says+". Something else answers there",
			"The address must end in /webhook: change it at "+d.settings())
	case code == 0, strings.HasPrefix(one.GetStatus(), "failed to connect"), one.GetStatus() == "timed out":
		d.add("", Failure, says+". GitHub can't reach the address",
			"Is `firebreak-serve` running, and is its address open to GitHub? It is set at "+d.settings())
	default:
		d.add("", Failure, says, "Look at the log of `firebreak-serve`")
	}
}
