package admission_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/firebreak-dev/firebreak/app/admission"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/webhook"
)

// counted counts the bytes that a handler has read and still holds, and the most at a time.
type counted struct{ now, most atomic.Int64 }

func (c *counted) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b := &countedBody{ReadCloser: r.Body, of: c}
		defer func() { c.now.Add(-b.read) }()
		r.Body = b
		next.ServeHTTP(w, r)
	})
}

type countedBody struct {
	io.ReadCloser
	of   *counted
	read int64
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	now := b.of.now.Add(int64(n))
	for {
		most := b.of.most.Load()
		if now <= most || b.of.most.CompareAndSwap(most, now) {
			break
		}
	}
	return n, err
}

func sign(body []byte) string {
	mac := hmac.New(sha256.New, []byte("secret"))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// server serves GitHub's webhooks behind a guard.
func server(t *testing.T, g *admission.Guard) (s *httptest.Server, held *counted, stored *atomic.Int64) {
	t.Helper()
	held, stored = &counted{}, &atomic.Int64{}
	hook, err := webhook.Handler(webhook.Options{Secrets: [][]byte{[]byte("secret")}, AppID: 1,
		Enqueue: func(context.Context, incident.Message) error {
			stored.Add(1)
			return nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	s = httptest.NewUnstartedServer(nil)
	s.Config = g.Server(held.handler(hook), slog.New(slog.DiscardHandler))
	s.Listener = g.Listener(s.Listener)
	s.Start()
	t.Cleanup(s.Close)
	return s, held, stored
}

const issue = `{"action":"labeled","label":{"name":"incident"},"issue":{"number":1,"labels":[{"name":"incident"}]},` +
	`"repository":{"name":"r","owner":{"login":"o"}},"sender":{"login":"alice","type":"User"}%s}`

func deliver(t *testing.T, url string, body []byte, signature string) *http.Response {
	t.Helper()
	res, err := tryToDeliver(t, url, body, signature)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// tryToDeliver delivers what the server may cut off while it is still sent.
func tryToDeliver(t *testing.T, url string, body []byte, signature string) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, url+"/webhook", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-GitHub-Event", "issues")
	req.Header.Set("X-GitHub-Delivery", "0b989ba4-242f-11e5-81e1-c7b6966d2516")
	req.Header.Set("X-Hub-Signature-256", signature)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	return res, nil
}

// Eighty connections that send 25 MB each and never end hold a bounded amount, and keep out nobody
// whose webhook is ordinary.
func TestEightyLargeBodiesHoldABoundedAmount(t *testing.T) {
	refused := atomic.Int64{}
	g := &admission.Guard{Refused: func(reason string) {
		if reason == "budget" {
			refused.Add(1)
		}
	}}
	s, held, stored := server(t, g)
	const connections, size = 80, 25 << 20
	piece := bytes.Repeat([]byte(" "), 64<<10)
	var all sync.WaitGroup
	statuses := make(chan string, connections)
	open := make(chan net.Conn, connections)
	for range connections {
		c, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		open <- c
		fmt.Fprintf(c, "POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Type: "+
			"application/json\r\nX-GitHub-Event: issues\r\nX-Hub-Signature-256: "+
			"sha256=%064x\r\nContent-Length: %d\r\n\r\n", 1, size)
		all.Go(func() {
			for left := size - 1; left > 0; { // but for the last byte
				n, err := c.Write(piece[:min(left, len(piece))])
				if left -= n; err != nil {
					return
				}
			}
		})
		go func() {
			line, _ := bufio.NewReader(c).ReadString('\n')
			statuses <- strings.TrimSpace(line)
		}()
	}
	// All but those that may be large are turned away; the others hold on.
	for range connections - admission.LargeSlots {
		// or they were cut off while they still sent
		if got := <-statuses; got != "HTTP/1.1 503 Service Unavailable" && got != "" {
			t.Errorf("it says %q", got)
		}
	}
	all.Wait()
	bound := int64(admission.Budget + connections*admission.FreeBytes + admission.LargeSlots*size)
	if most := held.most.Load(); most > bound {
		t.Errorf("%d bytes were held at a time, more than %d", most, bound)
	} else {
		t.Logf("at most %d of %d MiB were held", most>>20, connections*size>>20)
	}
	if n := refused.Load(); n != connections-admission.LargeSlots {
		t.Errorf("%d were refused", n)
	}
	// An ordinary webhook comes through in the meantime; a large one is asked to come again.
	body := fmt.Appendf(nil, issue, "")
	if res := deliver(t, s.URL, body, sign(body)); res.StatusCode != http.StatusAccepted || stored.Load() != 1 {
		t.Errorf("an ordinary webhook is answered by %s", res.Status)
	}
	large := fmt.Appendf(nil, issue, strings.Repeat(" ", 2<<20))
	res, err := tryToDeliver(t, s.URL, large, sign(large))
	if _, taken := g.InFlight(); taken < admission.LargeSlots {
		t.Log("the machine is slow: a large body was cut off for its time")
	} else if err != nil {
		t.Logf("it was turned away while it was still sent: %v", err)
	} else if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
		t.Errorf("a large webhook is answered by %s, Retry-After %q", res.Status, res.Header.Get("Retry-After"))
	}
	close(open)
	for c := range open {
		_ = c.Close()
	}
	for range admission.LargeSlots {
		<-statuses
	}
	s.CloseClientConnections()
	s.Close()
	if bytes, large := g.InFlight(); bytes != 0 || large != 0 || g.Connections() != 0 {
		t.Errorf("%d bytes, %d large bodies and %d connections are left", bytes, large, g.Connections())
	}
}

// GitHub's largest payload is 25 MB: signed, it is taken.
// https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap
func TestGitHubsLargestPayloadIsTaken(t *testing.T) {
	s, _, stored := server(t, &admission.Guard{})
	for i, size := range []int{admission.FreeBytes, admission.FreeBytes + 1, admission.MidBytes,
		admission.MidBytes + 1, webhook.MaxBody} {
		body := fmt.Appendf(nil, issue, "")
		body = append(body, bytes.Repeat([]byte(" "), size-len(body))...)
		if res := deliver(t, s.URL, body, sign(body)); res.StatusCode != http.StatusAccepted ||
			stored.Load() != int64(i+1) {
			t.Errorf("%d bytes are answered by %s", size, res.Status)
		}
	}
}

// What carries nothing that could be a signature is refused before a byte of its body is read.
func TestNothingIsReadOfWhatIsNotSigned(t *testing.T) {
	s, held, _ := server(t, &admission.Guard{})
	for _, signature := range []string{"", "sha256=", "sha1=" + strings.Repeat("a", 40),
		"sha256=" + strings.Repeat("g", 64), strings.Repeat("x", 10_000)} {
		body := []byte("{}")
		if res := deliver(t, s.URL, body, signature); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%.20q is answered by %s", signature, res.Status)
		}
	}
	if n := held.most.Load(); n != 0 {
		t.Errorf("%d bytes were read", n)
	}
}

// fakeConn is a connection from an address.
type fakeConn struct {
	net.Conn
	from   string
	closed atomic.Bool
}

type addr string

func (a addr) Network() string { return "tcp" }
func (a addr) String() string  { return string(a) }

func (c *fakeConn) RemoteAddr() net.Addr { return addr(c.from) }
func (c *fakeConn) Close() error         { c.closed.Store(true); return nil }

// arrivals is a listener at which connections arrive one after the other.
type arrivals struct{ all []*fakeConn }

func (a *arrivals) Accept() (net.Conn, error) {
	if len(a.all) == 0 {
		return nil, net.ErrClosed
	}
	c := a.all[0]
	a.all = a.all[1:]
	return c, nil
}
func (a *arrivals) Close() error   { return nil }
func (a *arrivals) Addr() net.Addr { return addr("test") }

// accept returns what of so many connections from an address is accepted.
func accept(g *admission.Guard, from string, n int) (accepted []net.Conn) {
	in := &arrivals{}
	for i := range n {
		in.all = append(in.all, &fakeConn{from: strings.ReplaceAll(from, "%", fmt.Sprint(i%250))})
	}
	for l := g.Listener(in); ; {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return accepted
		}
		accepted = append(accepted, c)
	}
}

func TestConnectionsOfOneAddressAreBounded(t *testing.T) {
	proxies, err := admission.ParseProxies("203.0.113.7, 2001:db8::/32")
	if err != nil {
		t.Fatal(err)
	}
	for from, want := range map[string]int{
		"198.51.100.1:%":          admission.MaxPerAddress,
		"[2001:dba::%]:443":       admission.MaxPerAddress, // one line's network
		"[2001:dba:0:%::1]:443":   300,                     // many lines'
		"140.82.112.%:443":        300,                     // GitHub delivers from many addresses
		"10.0.0.5:%":              300,                     // a load balancer is in a private network
		"127.0.0.1:%":             300,
		"[::1]:%":                 300,
		"203.0.113.7:%":           300, // a proxy that is trusted
		"[2001:db8::1]:%":         300,
		"[::ffff:198.51.100.1]:%": admission.MaxPerAddress,
	} {
		g := &admission.Guard{Proxies: proxies}
		got := accept(g, from, 300)
		if len(got) != want {
			t.Errorf("%s: %d connections, want %d", from, len(got), want)
		}
		for _, c := range got {
			_, _ = c.Close(), c.Close() // the second counts for nothing
		}
		if n := g.Connections(); n != 0 {
			t.Errorf("%s: %d are left", from, n)
		}
		if again := accept(g, from, 10); len(again) != 10 {
			t.Errorf("%s: %d of 10 later", from, len(again))
		}
	}
}

// Where all connections are taken, one that says nothing makes room for one that may.
func TestAnIdleConnectionMakesRoom(t *testing.T) {
	g := &admission.Guard{}
	s := g.Server(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	all := accept(g, "10.0.%.1:1", admission.MaxConnections)
	if len(all) != admission.MaxConnections {
		t.Fatalf("%d connections", len(all))
	}
	if more := accept(g, "10.1.0.1:1", 5); len(more) != 0 {
		t.Errorf("%d more while all are busy", len(more))
	}
	for _, i := range []int{7, 3} {
		s.ConnState(all[i], http.StateActive)
		s.ConnState(all[i], http.StateIdle)
	}
	if more := accept(g, "10.1.0.1:1", 1); len(more) != 1 || !isClosed(all[7]) || isClosed(all[3]) {
		t.Errorf("%d more, the longest idle closed: %t, another: %t", len(more), isClosed(all[7]),
			isClosed(all[3]))
	}
	s.ConnState(all[3], http.StateActive) // it asks again
	if more := accept(g, "10.1.0.1:1", 1); len(more) != 0 {
		t.Error("a connection at work made room")
	}
}

func isClosed(c net.Conn) bool {
	inner, _ := c.(interface{ NetConn() net.Conn })
	return inner.NetConn().(*fakeConn).closed.Load()
}

func TestXForwardedForIsBelievedOfTrustedProxiesAlone(t *testing.T) {
	proxies, err := admission.ParseProxies("10.0.0.0/8 192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ peer, forwarded, want string }{
		"nobody said":             {"198.51.100.1:443", "", "198.51.100.1"},
		"a stranger says":         {"198.51.100.1:443", "203.0.113.9", "198.51.100.1"},
		"a proxy says":            {"10.1.2.3:443", "203.0.113.9", "203.0.113.9"},
		"a proxy behind another":  {"10.1.2.3:443", "203.0.113.9, 192.0.2.1", "203.0.113.9"},
		"the sender lies":         {"10.1.2.3:443", "1.1.1.1, 203.0.113.9", "203.0.113.9"},
		"with a port":             {"10.1.2.3:443", "203.0.113.9:5555", "203.0.113.9"},
		"version 6":               {"10.1.2.3:443", "[2001:db8::1]:5", "2001:db8::1"},
		"nonsense":                {"10.1.2.3:443", "203.0.113.9, unknown", "10.1.2.3"},
		"none":                    {"10.1.2.3:443", "", "10.1.2.3"},
		"from within":             {"10.1.2.3:443", "10.9.9.9", "10.9.9.9"},
		"a proxy at a named zone": {"[fe80::1%eth0]:443", "203.0.113.9", "fe80::1"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = c.peer
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := (&admission.Guard{Proxies: proxies}).Client(r); got != netip.MustParseAddr(c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	if _, err := admission.ParseProxies("10.0.0.0/8, load-balancer"); err == nil {
		t.Error("a name is taken for an address")
	}
}

// Behind a proxy whose word is believed, the requests of one client are bounded, and no others.
func TestRequestsOfOneClientBehindAProxyAreBounded(t *testing.T) {
	proxies, _ := admission.ParseProxies("10.0.0.0/8")
	g := &admission.Guard{Proxies: proxies}
	under, leave := make(chan struct{}), make(chan struct{})
	h := g.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			under <- struct{}{}
			<-leave
		}
	}))
	ask := func(path, client string) int {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.RemoteAddr = "10.0.0.1:443"
		r.Header.Set("X-Forwarded-For", client)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	var all sync.WaitGroup
	for range admission.MaxPerAddress {
		all.Go(func() { ask("/slow", "203.0.113.9") })
		<-under
	}
	if got := ask("/", "203.0.113.9"); got != http.StatusServiceUnavailable {
		t.Errorf("one more is answered by %d", got)
	}
	if got := ask("/", "203.0.113.10"); got != http.StatusOK {
		t.Errorf("another client is answered by %d", got)
	}
	close(leave)
	all.Wait()
	if got := ask("/", "203.0.113.9"); got != http.StatusOK {
		t.Errorf("afterwards it is answered by %d", got)
	}
}
