package main_test

import (
	"net/http"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// The demo's people have phones: a page is a text, then the phone rings, and a key takes the role, on a narrow
// screen and without a script (O3).
func TestO3BrowserAPhoneRings(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.post("alice", "/api/v3/repos/acme/incidents/issues",
		`{"title":"Checkout fails","body":"/incident critical Checkout fails for globex\n/ic customer add globex"}`)
	settle(t, w.demo.url)
	w.do(chromedp.EmulateViewport(narrow, phone))
	if _, err := chromedp.Call(w.ctx, emulation.SetScriptExecutionDisabled,
		emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	w.visit("/_outbox")
	w.leave(click(`#phones a[href="/sandbox/phone/dan"]`))
	w.sees("#calls", "Checkout fails")
	w.sees("#phone", "Nothing rings")
	if status, said := request(t, "", http.MethodPost, w.demo.url+"/sandbox/clock", `{"advance":"2m"}`); status != 200 {
		t.Fatalf("%d %s", status, said)
	}
	settle(t, w.demo.url)
	w.visit("/sandbox/phone/dan")
	w.sees("#phone[data-ringing]", "It rings")
	w.isOnTheFirstScreen("coordinate")
	w.look("phone-rings")
	w.leave(click(`#press button[value="1"]`))
	w.sees("#calls", "You are taking the role")
	w.look("phone-answered")
	settle(t, w.demo.url)
	if _, err := chromedp.Call(w.ctx, emulation.SetScriptExecutionDisabled,
		emulation.SetScriptExecutionDisabledParams{Value: false}); err != nil {
		t.Fatal(err)
	}
	w.visit("/acme/incidents/issues/1")
	w.sees("#pinned", "Incident Coordinator dan")
}
