package main_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// Who was paged answers on a phone without a login, and without a script (I8).
func TestI8BrowserAnswersAPageOnAPhone(t *testing.T) {
	t.Parallel()
	w := open(t)
	const issue = "/acme/incidents/issues/1"
	w.post("alice", "/api/v3/repos/acme/incidents/issues",
		`{"title":"Checkout fails","body":"/incident critical Checkout fails for globex\n/ic customer add globex"}`)
	settle(t, w.demo.url)
	w.post("carol", "/api/v3/repos/acme/incidents/issues/1/comments",
		`{"body":"/ic\n/ic call https://meet.example/p1\n/incident impact 30 % of the orders fail\n/ic escalate @dan we need somebody who knows etcd"}`)
	w.post("alice", "/api/v3/repos/acme/incidents/issues/1/comments", `{"body":"/oe finding The leader of etcd changes each minute"}`)
	settle(t, w.demo.url)

	w.do(chromedp.EmulateViewport(narrow, phone))
	w.visit("/_outbox")
	w.sees(".answer-link", "Answer as @dan")
	link := w.evaluate(`document.querySelector(".answer-link").href`)
	res, err := http.Get(link) // as a scanner of links does
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if _, err := chromedp.Call(w.ctx, emulation.SetScriptExecutionDisabled,
		emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	w.visit(strings.TrimPrefix(link, w.demo.url))
	for _, words := range []string{"Checkout fails", "acme/incidents#1", "carol", "alice", "globex", "30 % of the orders",
		"The leader of etcd", "https://meet.example/p1", "You answer as dan"} {
		w.sees("main", words)
	}
	for _, button := range []string{"I coordinate", "I have seen it", "Pass on"} {
		w.sees("button", button)
		w.isOnTheFirstScreen(button)
	}
	w.look("answer")
	w.leave(click("button[value=seen]"))
	w.sees("#said", "you have seen it")
	settle(t, w.demo.url)
	w.leave(click("button[value=coordinate]"))
	settle(t, w.demo.url)
	w.visit(strings.TrimPrefix(link, w.demo.url) + "?said=coordinate")
	w.sees("#said", "You are the Incident Coordinator")
	w.look("answer-taken")

	if _, err := chromedp.Call(w.ctx, emulation.SetScriptExecutionDisabled,
		emulation.SetScriptExecutionDisabledParams{Value: false}); err != nil {
		t.Fatal(err)
	}
	w.visit(issue)
	w.sees("#pinned", "Incident Coordinator dan")
	w.sees(".timeline-comment[data-author='firebreak[bot]']", "dan answered by the page's link: I have seen the page")
	w.sees(".timeline-comment[data-author='firebreak[bot]']", "dan answered by the page's link: /ic")
}

// isOnTheFirstScreen holds a button to be reached by a thumb without scrolling.
func (w *window) isOnTheFirstScreen(button string) {
	w.t.Helper()
	const below = `[...document.querySelectorAll("button")].filter(b => b.innerText.includes(%q))[0].getBoundingClientRect().bottom <= %d`
	if w.evaluate(strings.NewReplacer("%q", `"`+button+`"`, "%d", "844").Replace(below)) != "true" {
		w.t.Errorf("%q is below the first screen", button)
	}
}
