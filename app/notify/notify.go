// Package notify sends the pages of the escalation and the updates for customers to people outside
// GitHub.
//
// Each service is reached by its vendor's own library, or by its documented API where none is kept.
// What the repository's file says of a service names secrets and never holds one; addresses come
// from the operator's environment or are the vendors' own.
package notify

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/services"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// Options are what a notifier needs.
type Options struct {
	// the value of a named secret; an error if it is missing
	Secret func(ctx context.Context, name string) (string, error)
	// keys of announcements are hashed with it, so that they name no repository
	HashKey []byte
	// the operator's own receiver of pages of kind "webhook"
	PageURL string
	// the operator's own receiver of emails for customers
	AnnounceURL string
	// a server of the operator's that takes calls and texts as Twilio does; empty: Twilio
	PhoneURL string
	// a server of the operator's that takes messages as Pushover's API does; empty: Pushover
	PushoverURL string
	// a server of the operator's that has Slack's Web API; empty: Slack
	SlackURL string
	Signing  []byte // signs what the first two receive
	// what somebody said of their ways on their own page, as the secret of the service people has it; nil text:
	// nothing. nil: there are no such pages
	Own func(ctx context.Context, login string) ([]byte, error)
	// keeps how often somebody was called, so that processes count together; nil: each counts alone
	Kept engine.Store
	// how much goes out for an account within an hour
	Bounds Bounds
	// hosts, hosts with port, and CIDRs that may be reached though they are not public; ACCOUNT=host, only for
	// what goes out for that account on GitHub
	Allow []string
	// nil: this binary can't reach Amazon SES
	SES    SES
	Logger *slog.Logger
	Now    func() time.Time // nil: time.Now
}

// SES opens Amazon SES in a region by a client, with the credentials of the environment, and
// returns what sends a mail by it, once for each call. It is a function so that only a binary that
// runs on AWS links AWS's SDK.
type SES func(ctx context.Context, region string, client *http.Client) (SendMail, error)

// SendMail sends a mail by Amazon SES.
type SendMail = func(ctx context.Context, mail []byte) error

// Notifier sends pages and announcements, each by the service of its kind. It implements
// engine.Pager and engine.Announcer.
type Notifier struct {
	Options
	client *http.Client // to vendors and customers: public addresses only
	own    *http.Client // to PageURL, AnnounceURL, PhoneURL, PushoverURL and SlackURL, which may have any address
	guard  *guard
	dial   func(ctx context.Context, network, address string) (net.Conn, error) // the guard's
	// for SMTP; nil: the system's roots
	tls *tls.Config

	rang  rang
	spent spent

	mu  sync.Mutex
	ses map[string]func(ctx context.Context, mail []byte) error // sends by SES, by region
}

// New builds a notifier.
func New(o Options) (*Notifier, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if len(o.HashKey) == 0 {
		return nil, errors.New(
			"notify: HashKey is required: without it, a hash would reveal the repository to anybody who tries names",
		)
	}
	g, err := newGuard(o.Allow)
	if err != nil {
		return nil, err
	}
	n := &Notifier{Options: o, guard: g, dial: g.dial, ses: map[string]func(context.Context, []byte) error{}}
	n.rang.at, n.rang.now = map[string][]time.Time{}, o.Now
	n.spent.sent = map[string]map[int64]int{}
	if o.Now == nil {
		n.rang.now = time.Now
	}
	n.client, n.own = client(newGuarded(g)), client(http.DefaultTransport)
	return n, nil
}

// client follows no redirect: the message would be lost on the way, and its receiver another than
// the operator named.
func client(t http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     watch{t},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Page sends one page by its service. Where a service takes a key, the same key pages once; an
// error is an *Error.
func (n *Notifier) Page(ctx context.Context, p engine.Page) error {
	ctx = incident.ForAccount(ctx, p.Service.Account)
	p.Title, p.Text = texts.Clean(p.Title), texts.Clean(p.Text)
	page := senders[cmp.Or(p.Service.Kind, "webhook")].page
	if page == nil {
		return final(
			p.Service.Kind,
			"it can't send pages; use "+orList(services.Kinds(services.Service.IsOutside)),
		)
	}
	if p.Service.Kind != "people" { // which counts each way of each person
		if err := n.spend(ctx, p.Service.Kind, "pages", n.Bounds.Pages); err != nil {
			return err
		}
	}
	return page(n, ctx, p)
}

// Announce sends a customer's update by one channel. Its text, a hash of its key and the addresses
// of both ends are all that leaves: no title, no repository, no address of the incident (A7). An
// error is an *Error.
func (n *Notifier) Announce(ctx context.Context, a engine.Announcement) error {
	ctx = incident.ForAccount(ctx, a.Service.Account)
	a.Key, a.Text = n.hash(a.Key), texts.Clean(a.Text)
	announce := senders[a.Channel.Kind].announce
	if announce == nil {
		return final(
			a.Channel.Kind,
			"it can't reach customers; use "+orList(services.Kinds(services.Service.ReachesCustomers)),
		)
	}
	return announce(n, ctx, a)
}

// hash returns a key that is unique and stable and reveals nothing. Without HashKey anybody could
// find out which repository a hash was made of, by hashing names.
func (n *Notifier) hash(key string) string {
	mac := hmac.New(sha256.New, n.HashKey)
	mac.Write([]byte(key))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// secret reads a secret that the configuration names.
func (n *Notifier) secret(ctx context.Context, kind, name string) (string, error) {
	if name == "" {
		return "", final(kind, "the configuration names no secret for it")
	}
	if n.Secret == nil {
		return "", final(kind, "secrets can't be read here")
	}
	value, err := n.Secret(ctx, name)
	if err != nil {
		e := final(kind, fmt.Sprintf("the secret %s can't be read: %v", name, err))
		e.temporary = temporary(err)
		return "", e
	}
	if value = strings.TrimSpace(value); value == "" {
		return "", final(kind, fmt.Sprintf("the secret %s is empty", name))
	}
	return value, nil
}

// title is a page's first line.
func title(p engine.Page) string {
	t := cmp.Or(texts.Squeeze(p.Title), p.Ref.String())
	if p.Test {
		return "TEST, nothing is wrong: " + t
	}
	if p.Drill {
		t = "DRILL: " + t
	}
	return t
}

// targets returns what the service calls those who are paged, each once, and the names that it has
// none for.
func (n *Notifier) targets(p engine.Page) (known, unknown []string) {
	seen := map[string]bool{}
	for _, to := range p.To {
		name := target(p, to)
		switch {
		case name == "":
			unknown = append(unknown, to)
		case !seen[name]:
			seen[name] = true
			known = append(known, name)
		}
	}
	if len(known) > 0 && len(unknown) > 0 {
		n.Logger.Warn("a page reaches only some of those it is for: the service has no target for the others",
			"service", p.Service.Kind, "incident", p.Ref.String(), "key", p.Key, "without", unknown)
	}
	return known, unknown
}

// linkOf returns where the one whom the service calls so answers without a login; empty if that is no
// person, or several: the link is for one alone.
func linkOf(p engine.Page, receiver string) string {
	link := ""
	for _, to := range p.To {
		if target(p, to) != receiver {
			continue
		}
		if link != "" || p.Links[to] == "" {
			return ""
		}
		link = p.Links[to]
	}
	return link
}

// target returns what the service calls one of those who are paged; empty: the configuration
// doesn't say.
func target(p engine.Page, to string) string {
	own := to
	if org, slug, ok := naming.SplitTeam(to); ok && naming.Equal(org, p.Ref.Owner) {
		own = slug
	}
	for name, called := range p.Service.Targets {
		if naming.Equal(name, to) || naming.Equal(name, own) {
			return strings.TrimSpace(called)
		}
	}
	return ""
}
