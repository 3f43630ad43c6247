package notify

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
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
