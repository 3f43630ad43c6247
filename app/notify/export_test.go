package notify

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// Through sends what goes to vendors and customers through t.
func (n *Notifier) Through(t http.RoundTripper) { n.client = client(t) }

// Dial connects to mail servers by dial, and trusts as c says.
func (n *Notifier) Dial(dial func(ctx context.Context, network, address string) (net.Conn, error), c *tls.Config) {
	n.dial, n.tls = dial, c
}

// MayReach returns why an address must not be reached; nil: it may be.
func MayReach(allow []string, address string) error {
	g, err := newGuard(allow)
	if err != nil {
		return err
	}
	return g.check(address)
}

// Get reads an address for an account, as what goes to vendors and customers does.
func (n *Notifier) Get(ctx context.Context, account, address string) error {
	r, err := http.NewRequestWithContext(incident.ForAccount(ctx, account), http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	return do(n.client, r)
}
