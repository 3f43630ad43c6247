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

// TestS1BrowserSlack: people run a P1 from its declaration to its end from Slack's pages alone, with keys and clicks,
// and the issue has all of it.
func TestS1BrowserSlack(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.become("bob")
	w.visit("/slack/general")
	w.say("/incident critical Checkout is down")
	w.visit("/slack/general")
	w.sees(".slack-prompt", "/acme/incidents/issues/1")
	w.look("slack-declared")
	w.leave(click(`.slack-prompt button[value="run /ic severity critical"]`))
	settle(w.t, w.demo.url)
	const issue, channel = "/acme/incidents/issues/1", "/slack/inc-1-checkout-is-down"
	w.visit(channel)
	w.say("/ic customer add globex")
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
	w.visit(channel)
	w.say("/ic @carol") // asked for the role, she is invited
	w.become("carol")
	w.visit(channel)
	w.look("slack-carol")
	for _, text := range []string{"/ic", "/ic update It works again. We watch it.", "/ic phase monitoring"} {
		w.visit(channel)
		w.say(text)
	}
	w.visit(channel)
	w.sees("#topic", "Monitoring")
	w.leave(click("form#clock button[value='24h']"))
	settle(t, w.demo.url)
	for _, text := range []string{"/ic agree Gina, by phone, sees no errors",
		"/ic followup acme/payments Add a limit @erin due:2027-03-20", "/ic close"} {
		w.visit(channel)
		w.say(text)
	}
	w.visit(channel)
	w.look("slack-closed")

	w.visit(issue)
	for _, text := range []string{"a bad deploy", "eu-2 takes the traffic", "Agreed", "Add a limit", "findings (1)"} {
		w.sees("#pinned .comment-body", text)
	}
	w.sees(".timeline-comment", "Half of all payments fail")
	w.sees(".timeline-comment", "bob in Slack")
	w.sees(".timeline-comment", "carol in Slack")
	w.lacks(".timeline-comment", "every 10 s") // what isn't a command stays in Slack
	w.sees("#state", "Closed")
	w.look("slack-issue")
}
