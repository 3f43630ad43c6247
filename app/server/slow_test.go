package server

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firebreak-dev/firebreak/app/admission"
)

// pipes is a listener whose connections never leave the process, so that their time can be a test's
// own.
type pipes struct {
	conns chan net.Conn
	shut  chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.shut:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error   { close(p.shut); return nil }
func (p pipes) Addr() net.Addr { return &net.UnixAddr{Name: "test", Net: "pipe"} }

// Whoever sends slowly, or says nothing more, is hung up on; whoever sends a webhook within seconds
// is answered.
func TestNobodyHoldsTheServerUpBySendingSlowly(t *testing.T) {
	const head = "POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
	for name, c := range map[string]struct {
		first string        // sent at once
		drip  string        // sent once a second, for ever
		after time.Duration // how long it takes until the server hangs up
		says  string        // what it says before, if anything
	}{
		"nothing":           {"", "", 10 * time.Second, ""},
		"a header for ever": {"POST /webhook HTTP/1.1\r\nHost: x\r\n", "X-Y: z\r\n", 10 * time.Second, ""},
		"a body for ever":   {head + "\r\n", "x", 30 * time.Second, ""},
		"a body that stops": {head + "\r\nxxx", "", 30 * time.Second, ""},
		"nothing more":      {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "", 2 * time.Minute, "HTTP/1.1 200 OK"},
		"too large a header": {"GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 80<<10) +
			"\r\n\r\n", "", 0, "HTTP/1.1 431 Request Header Fields Too Large"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := pipes{make(chan net.Conn), make(chan struct{})}
				server := newServer(t.Context(), Door{Guard: &admission.Guard{}, Log: slog.New(slog.DiscardHandler)},
					http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if _, err := io.ReadAll(r.Body); err != nil {
							panic(http.ErrAbortHandler) // as good as an answer that nobody reads
						}
						fmt.Fprintln(w, "ok")
					}))
				ended := make(chan error, 1)
				go func() { ended <- server.Serve((&admission.Guard{}).Listener(l)) }()
				ours, theirs := net.Pipe()
				l.conns <- theirs
				began := time.Now()
				sent := make(chan struct{})
				go func() {
					defer close(sent)
					_, err := io.WriteString(ours, c.first)
					for err == nil && c.drip != "" {
						time.Sleep(time.Second)
						_, err = io.WriteString(ours, c.drip)
					}
				}()
				said, err := bufio.NewReader(ours).ReadString('\n')
				if got := strings.TrimSpace(said); c.says != "" && got != c.says ||
					c.says == "" && err == nil && !strings.HasPrefix(got, "HTTP/1.1 4") {
					t.Errorf("it says %q, %v", got, err)
				}
				_, _ = io.Copy(io.Discard, ours) // until it hangs up
				if took := time.Since(began).Round(time.Second); took < c.after ||
					took > c.after+2*time.Second {
					t.Errorf("it hangs up after %s, want %s", took, c.after)
				}
				_ = ours.Close()
				<-sent
				_ = server.Close()
				<-ended
			})
		})
	}
}
