package admission_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/admission"
)

// A request whose body never ends is answered, and its connection is let go: the server does not wait for the rest of it
// without a bound.
func TestARequestThatNeverEndsIsLetGo(t *testing.T) {
	t.Parallel()
	g := &admission.Guard{}
	s := httptest.NewUnstartedServer(g.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		admission.ReadWithin(w, 50*time.Millisecond)
		if _, err := io.ReadAll(r.Body); err == nil {
			t.Error("it ended")
		}
		http.Error(w, "too slow", http.StatusRequestTimeout)
	})))
	s.Start()
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(); s.Close() })
	fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nIt begins")
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if said, err := io.ReadAll(c); err != nil { // until the server closes it
		t.Errorf("it still waits, and has said %q: %v", said, err)
	}
}
