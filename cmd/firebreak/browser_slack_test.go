package main_test

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// say writes a message in the channel of the page, and waits until the product is done with it.
func (w *window) say(text string) {
	w.t.Helper()
	w.insert("form#say textarea", text)
	w.leave(click("form#say button[name=send]"))
	settle(w.t, w.demo.url)
}

// press presses a button of the pinned card in the channel of the page.
func (w *window) press(action string) {
	w.t.Helper()
	w.leave(click(`.slack-message[data-pinned] button[value="` + action + `"]`))
	settle(w.t, w.demo.url)
}

// fill opens a form with a button of the pinned card and sends it by keyboard.
func (w *window) fill(action, words string) {
	w.t.Helper()
	w.press(action)
	w.insert("#form textarea", words)
	w.look("slack-form")
	w.leave(chromedp.SendKeys(chromedp.CSS("#form textarea"), kb.Tab+kb.Enter)) // the next thing is the button
	settle(w.t, w.demo.url)
}

// TestS1BrowserSlack: people run a P1 from Slack's pages, with keys and clicks, and the issue has all of it. Its
// severity is confirmed on GitHub: the channel is made by that.
func TestS1BrowserSlack(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.become("bob")
	w.visit("/slack/general")
	w.say("/incident critical Checkout is down")
	w.visit("/slack/general")
	w.sees(".slack-prompt", "/acme/incidents/issues/1")
	const issue, channel = "/acme/incidents/issues/1", "/slack/inc-1-checkout-is-down"
	w.visit(issue)
	w.comment("/ic severity critical")
	w.comment("/ic customer globex")

	w.visit(channel)
	w.become("carol")
	w.sees("#flash", "nobody has invited carol yet")
	w.lacks("#channels", "inc-1")
	w.become("bob")
	w.visit(channel)
	w.say("/oe")
	w.visit(channel)
	w.sees(".slack-text", "/oe by bob")
	w.sees("#topic", "OE bob")
	w.fill("form /oe finding", "Half of all payments fail since 10:31")
	w.visit(channel)
	w.fill("form /oe cause", "a bad deploy")
	w.visit(channel)
	w.sees(".slack-message[data-pinned] .slack-text", "a bad deploy")
	w.look("slack")
	w.say("the pods <b>restart</b> every 10 s")
	w.fill("form /oe workaround", "eu-2 takes the traffic")

	w.visit(issue)
	for _, text := range []string{"Half of all payments fail", "a bad deploy", "eu-2 takes the traffic"} {
		w.sees("#pinned .comment-body", text)
	}
	w.sees(".timeline-comment", "bob in Slack")
	w.lacks(".timeline-comment", "every 10 s") // what isn't a command stays in Slack
}
