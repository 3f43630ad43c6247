package notify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/lazily"
)

// errNotPublic is why the guard refuses an address.
var errNotPublic = errors.New("it is not a public address; FIREBREAK_OUTBOUND_ALLOW may name its host")

// closed are networks that are nobody's on the internet and that netip's own predicates don't know.
// An instance's metadata is in some of them, and Azure's on a public address.
// https://www.iana.org/assignments/iana-ipv4-special-registry and -ipv6-special-registry
var closed = prefixes(
	"0.0.0.0/8",
	"100.64.0.0/10",
	"192.0.0.0/24",
	"192.0.2.0/24",
	"198.18.0.0/15",
	"198.51.100.0/24",
	"203.0.113.0/24",
	"240.0.0.0/4",
	"168.63.129.16/32",
	"::/96",
	"100::/64",
	"2001::/23",
	"2001:db8::/32",
	"2002::/16",
	"3fff::/20",
	"5f00::/16",
	"64:ff9b:1::/48",
	"fec0::/10",
)

// nat64 holds an IPv4 address in its last four bytes (RFC 6052).
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

func prefixes(all ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(all))
	for i, s := range all {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// guard dials public addresses, and others that the operator named. It checks the address that is
// dialled, not the name: a name may lead elsewhere the next time that it is resolved.
type guard struct {
	hosts map[string]bool // "host" or "host:port"
	nets  []netip.Prefix
	own   map[string]*guard // by the account for which alone there is more
}

func newGuard(allow []string) (*guard, error) {
	g := &guard{hosts: map[string]bool{}, own: map[string]*guard{}}
	more := map[string][]string{}
	var all []string
	for _, a := range allow {
		a = strings.ToLower(strings.TrimSpace(a))
		account, own, isOwn := strings.Cut(a, "=")
		if isOwn {
			if !accountName.MatchString(account) {
				return nil, fmt.Errorf("%q does not begin with an account on GitHub and =", a)
			}
			more[account] = append(more[account], own)
			continue
		}
		all = append(all, a)
		switch network, err := netip.ParsePrefix(a); {
		case a == "":
		case err == nil:
			g.nets = append(g.nets, network.Masked())
		case strings.ContainsAny(a, "/@*? "):
			return nil, fmt.Errorf("%q is not a host, host:port or CIDR", a)
		default:
			g.hosts[a] = true
		}
	}
	for account, own := range more {
		one, err := newGuard(append(own, all...))
		if err != nil {
			return nil, err
		}
		g.own[account] = one
	}
	return g, nil
}

// accountName is the name of an account on GitHub, in lower case.
var accountName = lazily.Compile(`^[0-9a-z_-]+$`)

// of returns the guard of what goes out for the account of ctx.
func (g *guard) of(ctx context.Context) *guard {
	return cmp.Or(g.own[strings.ToLower(incident.AccountOf(ctx))], g)
}

// guarded keeps the connections of accounts that have targets of their own apart: no other account may use
// one that is open.
type guarded struct {
	all *http.Transport
	own map[string]*http.Transport
}

func newGuarded(g *guard) *guarded {
	transport := func(g *guard) *http.Transport {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.Proxy = nil // a proxy would resolve the name, and the guard would check the proxy's address alone
		t.DialContext = g.dial
		return t
	}
	out := &guarded{all: transport(g.shared()), own: map[string]*http.Transport{}}
	for account, one := range g.own {
		out.own[account] = transport(one)
	}
	return out
}

// shared returns the guard of the accounts that have no targets of their own.
func (g *guard) shared() *guard { return &guard{hosts: g.hosts, nets: g.nets} }

// RoundTrip implements http.RoundTripper.
func (g *guarded) RoundTrip(r *http.Request) (*http.Response, error) {
	if t := g.own[strings.ToLower(incident.AccountOf(r.Context()))]; t != nil {
		return t.RoundTrip(r)
	}
	return g.all.RoundTrip(r)
}

// names reports whether the operator named a host and port.
func (g *guard) names(host, port string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return g.hosts[host] || g.hosts[net.JoinHostPort(host, port)]
}

func (g *guard) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	g = g.of(ctx)
	d := &net.Dialer{Timeout: timeout}
	if !g.names(host, port) {
		d.ControlContext = func(_ context.Context, _, resolved string, _ syscall.RawConn) error { return g.check(resolved) }
	}
	return d.DialContext(ctx, network, address)
}

// check reports whether an address of an IP and a port may be reached.
func (g *guard) check(address string) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %w", errNotPublic, err)
	}
	ip := at.Addr().WithZone("").Unmap()
	for _, n := range g.nets {
		if n.Contains(ip) {
			return nil
		}
	}
	if nat64.Contains(ip) {
		b := ip.As16()
		ip = netip.AddrFrom4([4]byte(b[12:]))
	}
	public := ip.IsGlobalUnicast() && !ip.IsPrivate()
	for _, n := range closed {
		public = public && !n.Contains(ip)
	}
	if !public {
		return errNotPublic
	}
	return nil
}
