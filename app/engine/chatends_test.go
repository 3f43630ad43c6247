package engine_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox/workspace"
	"github.com/firebreak-dev/firebreak/app/sandbox/workspace/webapi"
)

// endAfter lets the process end when Slack has done the first call of a method, before the answer arrives.
func (w *world) endAfter(chat *workspace.Workspace, method string) (hasEnded func() bool) {
	w.t.Helper()
	var isOver atomic.Bool
	at := webapi.Middleware(w.t, chat)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/"+method) || isOver.Swap(true) {
			at.ServeHTTP(rw, r)
			return
		}
		at.ServeHTTP(httptest.NewRecorder(), r)
		w.end()
		if conn, _, err := rw.(http.Hijacker).Hijack(); err == nil {
			_ = conn.Close()
		}
	}))
	w.t.Cleanup(server.Close)
	w.env["FIREBREAK_SLACK_URL"] = server.URL + "/api"
	w.restart()
	return isOver.Load
}

// TestS5EndsAsPeopleAreInvited: a channel that is there is looked after, though the process ended before the card
// knew of it, and the incident would get none by the time the next process works.
func TestS5EndsAsPeopleAreInvited(t *testing.T) {
	w, chat := newChatWorld(t)
	hasEnded := w.endAfter(chat, "conversations.invite")
	w.form("bob", "Checkout is down", []string{"Severity: critical", "Customers impacted: globex"})
	for deadline := time.Now().Add(20 * time.Second); !hasEnded() && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	w.stop()
	if c := only(t, chat); !slices.Contains(c.Members, "U0BOB00") {
		t.Fatalf("nobody was invited: %v", c.Members)
	}
	w.comment("carol", "/ic")
	w.comment("carol", "/ic severity regular few are hit")
	w.replicas.sees(func(*http.Request, func() (*http.Response, error)) (*http.Response, error) { return nil, errKilled })
	w.start()
	w.settle()
	w.replicas.sees(nil)
	w.pass(20)
	if c := only(t, chat); !strings.HasSuffix(c.Topic, "Regular · Investigate · IC carol · OE bob · globex") ||
		len(c.Pins) != 1 || !slices.Contains(c.Members, "U0CAROL") {
		t.Errorf("the channel is left as it was: %q, pins %v, members %v", c.Topic, c.Pins, c.Members)
	}
	if card := w.card(); !strings.Contains(card, "| Slack | [#inc-1-checkout-is-down](") {
		t.Errorf("the card has no channel:\n%s", card)
	}
	w.comment("bob", "/oe finding a leak in the cache")
	w.pass(5)
	if got := lines(only(t, chat)); !slices.ContainsFunc(got, func(l string) bool { return strings.Contains(l, "a leak in the cache") }) {
		t.Errorf("the channel shows %q", got)
	}
}
