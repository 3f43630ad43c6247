// Package admission bounds what strangers can take of a server before anybody knows who they are:
// connections, time and memory.
//
// A signature covers the whole body, so a body must be read before its sender is known. What is
// held of bodies is bounded over all connections:
//
//   - the first 64 KiB of each request, more than an ordinary webhook or alert has, are always taken:
//     connections are bounded;
//   - what is beyond comes out of one budget of 32 MiB, up to 1 MiB a request;
//   - four requests at a time may be larger. GitHub's largest payload is 25 MB.
//
// Whoever fills the budget with large bodies therefore keeps out large bodies alone. Who finds no
// room is answered 503 with Retry-After: Alertmanager and SNS send again, and GitHub lists the
// delivery as failed, for the sweep to ask for again.
package admission

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The bounds. A load balancer's connections all come from few addresses, and so do GitHub's
// deliveries: a burst of GitHub's has some tens of requests at a time, each for milliseconds.
const (
	MaxConnections = 512
	MaxPerAddress  = 100 // connections or, behind a proxy that is trusted, requests under way

	FreeBytes = 64 << 10 // of each body
	MidBytes  = 1 << 20  // of one body out of the budget
	Budget    = 32 << 20
	// requests at a time that are larger: four mails of 40 MB take some 20 MB, as most of their
	// attachments is left out while they arrive
	LargeSlots = 4

	HeaderTimeout = 10 * time.Second
	BodyTimeout   = 30 * time.Second // with the header
	// longer than a load balancer keeps a connection, which must not lose a race with its end
	IdleTimeout    = 2 * time.Minute
	MaxHeaderBytes = 16 << 10

	retryAfter = 5 * time.Second
)

// ErrNoRoom is what reading a body returns when there is no room for the rest of it.
var ErrNoRoom = errors.New("no room for this body at the moment")

// Guard bounds one server.
type Guard struct {
	// Proxies are the addresses whose X-Forwarded-For is believed; of others it isn't read.
	Proxies []netip.Prefix
	// Refused counts what was turned away: "connections", "address" or "budget"; nil: nobody does.
	Refused func(reason string)

	mu       sync.Mutex
	conns    map[net.Conn]*connection
	byPeer   map[netip.Prefix]int // connections
	byClient map[netip.Prefix]int // requests by way of a trusted proxy
	inUse    int64                // bytes of the budget
	large    int                  // slots taken
	turn     uint64
}

// connection is an open connection. idle is when it last became idle, in turns; 0: it isn't.
type connection struct {
	peer netip.Prefix
	idle uint64
}

// ParseProxies reads addresses and networks, separated by commas or spaces.
func ParseProxies(text string) (all []netip.Prefix, err error) {
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' }) {
		p, errPrefix := netip.ParsePrefix(word)
		if errPrefix != nil {
			a, errAddr := netip.ParseAddr(word)
			if errAddr != nil {
				err = errors.Join(err, errors.New(strconv.Quote(word)+
					" is neither an address nor a network such as 10.0.0.0/8"))
				continue
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		all = append(all, p.Masked())
	}
	return all, err
}

// Server returns a server that serves h within the bounds. Its connections must come from Listener.
func (g *Guard) Server(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: g.Handler(h), ConnState: g.track, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		ReadHeaderTimeout: HeaderTimeout, ReadTimeout: BodyTimeout, IdleTimeout: IdleTimeout,
		MaxHeaderBytes: MaxHeaderBytes,
	}
}

func (g *Guard) refuse(reason string) {
	if g.Refused != nil {
		g.Refused(reason)
	}
}

// Listener returns l without the connections that are too many: of one address, or of all. Where
// all are taken, the one that has been idle for longest makes room.
func (g *Guard) Listener(l net.Listener) net.Listener { return &listener{Listener: l, guard: g} }

type listener struct {
	net.Listener
	guard *Guard
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		held := &conn{Conn: c, guard: l.guard}
		if reason := l.guard.admit(held); reason != "" {
			l.guard.refuse(reason)
			_ = c.Close() // the sender learns it by that
			continue
		}
		return held, nil
	}
}

// conn returns its place back once when it is closed.
type conn struct {
	net.Conn
	guard *Guard
	once  sync.Once
}

// NetConn returns the connection itself.
func (c *conn) NetConn() net.Conn { return c.Conn }

// Close implements net.Conn.
func (c *conn) Close() error {
	c.once.Do(func() { c.guard.leave(c) })
	return c.Conn.Close()
}

// admit takes a connection in, or says why not.
func (g *Guard) admit(c net.Conn) (reason string) {
	from := addressOf(c.RemoteAddr().String())
	peer := clientOf(from)
	g.mu.Lock()
	if !g.isNear(from) && g.byPeer[peer] >= MaxPerAddress {
		g.mu.Unlock()
		return "address"
	}
	var oldest net.Conn
	if len(g.conns) >= MaxConnections {
		if oldest = g.longestIdle(); oldest == nil {
			g.mu.Unlock()
			return "connections"
		}
	}
	if g.conns == nil {
		g.conns, g.byPeer = map[net.Conn]*connection{}, map[netip.Prefix]int{}
	}
	g.conns[c] = &connection{peer: peer}
	g.byPeer[peer]++
	g.mu.Unlock()
	if oldest != nil {
		_ = oldest.Close()
	}
	return ""
}

// longestIdle takes out the connection that has been idle for longest. g.mu is held.
func (g *Guard) longestIdle() (oldest net.Conn) {
	for c, of := range g.conns {
		if of.idle > 0 && (oldest == nil || of.idle < g.conns[oldest].idle) {
			oldest = c
		}
	}
	if oldest != nil {
		g.drop(oldest)
	}
	return oldest
}

func (g *Guard) leave(c net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.drop(c)
}

// drop forgets a connection. g.mu is held.
func (g *Guard) drop(c net.Conn) {
	of, ok := g.conns[c]
	if !ok {
		return
	}
	delete(g.conns, c)
	if g.byPeer[of.peer]--; g.byPeer[of.peer] == 0 {
		delete(g.byPeer, of.peer)
	}
}

// track notes which connections are idle.
func (g *Guard) track(c net.Conn, state http.ConnState) {
	g.mu.Lock()
	defer g.mu.Unlock()
	of, ok := g.conns[c]
	if !ok {
		return
	}
	of.idle = 0
	if state == http.StateIdle {
		g.turn++
		of.idle = g.turn
	}
}

// Connections returns how many connections are open.
func (g *Guard) Connections() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.conns)
}

// InFlight returns how many bytes of bodies are held out of the budget, and how many large bodies.
func (g *Guard) InFlight() (bytes int64, large int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.inUse, g.large
}

// isNear reports whether connections of an address are bounded with all others alone: those of this
// machine and of private networks, where a load balancer or a proxy is, and of the proxies that
// are trusted. g needs no lock for it.
func (g *Guard) isNear(a netip.Addr) bool {
	return !a.IsValid() || a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || g.isTrusted(a)
}

func (g *Guard) isTrusted(a netip.Addr) bool {
	for _, p := range g.Proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// Client returns the address that a request comes from: of a proxy that is trusted, the last in
// X-Forwarded-For that is not one itself. What a sender writes before it is not believed.
func (g *Guard) Client(r *http.Request) netip.Addr {
	client := addressOf(r.RemoteAddr)
	if !g.isTrusted(client) {
		return client
	}
	all := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(all) - 1; i >= 0; i-- {
		a := addressOf(strings.TrimSpace(all[i]))
		if !a.IsValid() {
			break
		}
		if client = a; !g.isTrusted(a) {
			break
		}
	}
	return client
}

// addressOf reads an address, with or without a port.
func addressOf(text string) netip.Addr {
	if p, err := netip.ParseAddrPort(text); err == nil {
		return p.Addr().Unmap().WithZone("")
	}
	a, _ := netip.ParseAddr(strings.Trim(text, "[]"))
	return a.Unmap().WithZone("")
}

// clientOf returns what counts as one client: an address or, of version 6, the network of 64 bits
// that one line has.
func clientOf(a netip.Addr) netip.Prefix {
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits)
	return p
}

// Handler returns h with the bodies of its requests bounded, and behind a trusted proxy the
// requests of one client.
func (g *Guard) Handler(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client, ok := g.enter(r)
		if !ok {
			g.refuse("address")
			busy(w, "too many requests of this address at a time")
			return
		}
		if client.IsValid() {
			defer g.exit(client)
		}
		b := &body{ReadCloser: r.Body, guard: g, whole: func() {
			// how long an answer takes is the handler's to say
			_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
		}}
		defer b.release()
		if r.Body == http.NoBody {
			b.whole()
		} else {
			r.Body = b
		}
		h.ServeHTTP(&answer{ResponseWriter: w, body: b}, r)
	})
}

// busy answers 503 and asks for another try.
func busy(w http.ResponseWriter, why string) {
	w.Header().Set("Retry-After", strconv.Itoa(int(retryAfter/time.Second)))
	w.Header().Set("Connection", "close")
	http.Error(w, why+": send it again", http.StatusServiceUnavailable)
}

// enter counts a request that came by way of a trusted proxy; of others connections are counted.
func (g *Guard) enter(r *http.Request) (client netip.Prefix, ok bool) {
	if !g.isTrusted(addressOf(r.RemoteAddr)) {
		return client, true
	}
	from := g.Client(r)
	if g.isNear(from) {
		return client, true
	}
	client = clientOf(from)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.byClient[client] >= MaxPerAddress {
		return client, false
	}
	if g.byClient == nil {
		g.byClient = map[netip.Prefix]int{}
	}
	g.byClient[client]++
	return client, true
}

func (g *Guard) exit(client netip.Prefix) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.byClient[client]--; g.byClient[client] == 0 {
		delete(g.byClient, client)
	}
}

// ReadWithin bounds how long the rest of a request may take to arrive. The guard lifts that once all of it is there: of
// a request that never ends the server would wait for the rest, and without a bound for ever. Where there is no
// connection, as on Lambda, the request is here already.
func ReadWithin(w http.ResponseWriter, d time.Duration) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(d))
}

// body is a request's body, of which no more is read than there is room for.
type body struct {
	io.ReadCloser
	guard *Guard
	whole func() // called once it is read to its end

	read    int64
	held    int64 // bytes of the budget
	isLarge bool  // it has a slot
	noRoom  bool
}

// Read implements io.Reader. Room is taken before bytes are read, and kept until the request ends.
func (b *body) Read(p []byte) (int, error) {
	if b.noRoom {
		return 0, ErrNoRoom
	}
	p = b.reserve(p)
	if len(p) == 0 {
		b.noRoom = true
		b.guard.refuse("budget")
		return 0, ErrNoRoom
	}
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	if errors.Is(err, io.EOF) {
		b.whole()
	}
	return n, err
}

// chunk is how much room is taken at a time.
const chunk = 16 << 10

// reserve returns the part of p that there is room for.
func (b *body) reserve(p []byte) []byte {
	if b.isLarge || len(p) == 0 {
		return p
	}
	room := FreeBytes + b.held - b.read
	if room <= 0 {
		room = b.guard.take(b)
	}
	return p[:min(int64(len(p)), room)]
}

// take returns a body more room, as far as there is some. A body of exactly the free size asks once
// more to see its end; it gets a chunk, which it gives back.
func (g *Guard) take(b *body) int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case b.held < MidBytes-FreeBytes && g.inUse+chunk <= Budget:
		g.inUse += chunk
		b.held += chunk
		return chunk
	case b.held >= MidBytes-FreeBytes && g.large < LargeSlots:
		g.large++
		b.isLarge = true
		return 1 << 62
	}
	return 0
}

func (b *body) release() {
	b.guard.mu.Lock()
	defer b.guard.mu.Unlock()
	b.guard.inUse -= b.held
	if b.isLarge {
		b.guard.large--
	}
	b.held, b.isLarge, b.noRoom = 0, false, true
}

// answer says 503 where a body found no room, whatever the handler makes of a body that broke off.
type answer struct {
	http.ResponseWriter
	body *body
	done bool
	busy bool
}

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// Flush implements http.Flusher, for pages that wait for news.
func (a *answer) Flush() { _ = http.NewResponseController(a.ResponseWriter).Flush() }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if a.body.noRoom && !a.done && status >= http.StatusBadRequest {
		a.busy = true
		busy(a.ResponseWriter, ErrNoRoom.Error())
	}
	if a.done = true; !a.busy {
		a.ResponseWriter.WriteHeader(status)
	}
}

// Write implements http.ResponseWriter.
func (a *answer) Write(p []byte) (int, error) {
	a.done = true
	if a.busy {
		return len(p), nil
	}
	return a.ResponseWriter.Write(p)
}
