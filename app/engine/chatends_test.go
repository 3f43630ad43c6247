package engine_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox/workspace"
	"github.com/firebreak-dev/firebreak/app/sandbox/workspace/webapi"
)

// endAfter lets the process end when Slack has done the first call of a method, before the answer arrives.
func (w *world) endAfter(chat *workspace.Workspace, method string) (ended chan struct{}) {
	w.t.Helper()
	var isOver atomic.Bool
	ended = make(chan struct{})
	at := webapi.Middleware(w.t, chat)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/"+method) || isOver.Swap(true) {
			at.ServeHTTP(rw, r)
			return
		}
		at.ServeHTTP(httptest.NewRecorder(), r)
		w.end()
		close(ended)
		if conn, _, err := rw.(http.Hijacker).Hijack(); err == nil {
			_ = conn.Close()
		}
	}))
	w.t.Cleanup(server.Close)
	w.env["FIREBREAK_SLACK_URL"] = server.URL + "/api"
	w.restart()
	return ended
}

// await waits for something that the product does while it is at work.
func await(t *testing.T, done <-chan struct{}, otherwise string) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal(otherwise)
	}
}

// TestS5EndsAsPeopleAreInvited: a channel that is there is looked after, though the process ended before the card
// knew of it, and the incident would get none by the time the next process works.
func TestS5EndsAsPeopleAreInvited(t *testing.T) {
	w, chat := newChatWorld(t)
	ended := w.endAfter(chat, "conversations.invite")
	w.form("bob", "Checkout is down", []string{"Severity: critical", "Customers impacted: globex"})
	await(t, ended, "Slack is not asked")
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

// TestS5AHangingSlackHoldsUpNothing: while a call to Slack hangs, people are paged, and paged again when it is time, and
// commands on GitHub count.
func TestS5AHangingSlackHoldsUpNothing(t *testing.T) {
	w, chat := newChatWorld(t)
	asked, answered := make(chan struct{}), make(chan struct{})
	var isAsked, isGivenUp atomic.Bool
	at := webapi.Middleware(t, chat)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !isAsked.Swap(true) {
			body, _ := io.ReadAll(r.Body) // only then it is noticed that somebody hangs up
			r.Body = io.NopCloser(bytes.NewReader(body))
			close(asked)
			select {
			case <-answered:
			case <-r.Context().Done():
				isGivenUp.Store(true)
			}
		}
		at.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	paged, reacted := make(chan struct{}, 10), make(chan struct{}, 10)
	to := w.env["FIREBREAK_PAGER_URL"]
	pager := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		req, err := http.NewRequest(r.Method, to, r.Body)
		if err == nil {
			req.Header = r.Header
			var res *http.Response
			if res, err = http.DefaultClient.Do(req); err == nil {
				err = res.Body.Close()
			}
		}
		if err != nil {
			t.Error(err)
		}
		paged <- struct{}{}
	}))
	t.Cleanup(pager.Close)
	answer := sync.OnceFunc(func() { close(answered) })
	t.Cleanup(answer)
	w.env["FIREBREAK_SLACK_URL"], w.env["FIREBREAK_PAGER_URL"] = server.URL+"/api", pager.URL
	w.restart()
	w.replicas.sees(func(req *http.Request, send func() (*http.Response, error)) (*http.Response, error) {
		res, err := send()
		if strings.HasSuffix(req.URL.Path, "/reactions") {
			reacted <- struct{}{}
		}
		return res, err
	})

	w.form("bob", "Checkout is down", []string{"Severity: critical", "Customers impacted: globex"})
	await(t, asked, "Slack is not asked")
	await(t, paged, "nobody is paged")
	w.sandbox.Clock().Pass(10 * time.Minute) // nobody answers
	product, ctx := w.product, t.Context()
	go func() { _, _ = product.Follow(ctx, w.sandbox.Clock().Now()) }()
	await(t, paged, "nobody is paged again")
	w.comment("carol", "/ic")
	await(t, reacted, "the command does not count")
	if isGivenUp.Load() {
		t.Error("all of that came once the call to Slack was given up")
	}
	answer()
	w.settle()
	w.pass(5)
	if c := only(t, chat); !strings.Contains(c.Topic, "IC carol") {
		t.Errorf("the topic is %q, once Slack answers", c.Topic)
	}
}
