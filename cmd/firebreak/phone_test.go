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

// The demo's people are reached by pushes as well: carol by Pushover, which rings until he acknowledges it and dan by
// ntfy, whose buttons answer, on a narrow screen (O3).
func TestO3BrowserPushesAreAnswered(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.post("alice", "/api/v3/repos/acme/incidents/issues",
		`{"title":"Checkout fails","body":"/incident critical Checkout fails for globex\n/ic customer add globex"}`)
	settle(t, w.demo.url)
	w.do(chromedp.EmulateViewport(narrow, phone))
	w.visit("/sandbox/phone/carol")
	w.sees("#phone[data-ringing]", "Checkout fails")
	w.isOnTheFirstScreen("Acknowledge")
	w.look("push-pushover")
	w.do(chromedp.EmulateViewport(narrow, phone))
	w.leave(click(`#phone form.push button[value="Acknowledge"]`))
	w.sees(`#calls [data-via="pushover"]`, "answered with Acknowledge")
	w.sees("#phone", "Nothing rings")
	settle(t, w.demo.url)
	w.visit("/sandbox/phone/dan")
	w.sees(`#calls [data-via="ntfy"]`, "Checkout fails")
	w.isOnTheFirstScreen("I coordinate")
	w.look("push-ntfy")
	w.do(chromedp.EmulateViewport(narrow, phone))
	w.leave(click(`#calls form.push button[value="I coordinate"]`))
	w.sees(`#calls [data-via="ntfy"]`, "answered with I coordinate")
	w.lacks("#calls form.push", "I coordinate")
	settle(t, w.demo.url)
	w.visit("/acme/incidents/issues/1")
	w.sees("#pinned", "Incident Coordinator dan")
	w.sees("#timeline", "I have seen the page")
}
