package engine_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox/workspace"
)

// newPressWorld is newChatWorld with a workspace that sends what people do.
func newPressWorld(t *testing.T) (*world, *workspace.Workspace, string) {
	t.Helper()
	w, chat := newChatWorld(t)
	chat.App = workspace.App{RequestURL: w.url + "/intake/slack", Secret: "demo-intake", Commands: []string{"/ic", "/oe", "/incident"},
		HooksURL: "https://hooks.slack.com/actions"}
	w.declareCritical()
	return w, chat, only(t, chat).ID
}

// button presses a button as somebody does, and returns the form that opened.
func (w *world) button(chat *workspace.Workspace, who, label string) *workspace.View {
	w.t.Helper()
	form, err := chat.Press(w.t.Context(), only(w.t, chat).ID, who, "", label)
	if err != nil {
		w.t.Fatalf("%s presses %q: %v", who, label, err)
	}
	w.settle()
	return form
}

// fill presses the button of a form, fills it in and sends it.
func (w *world) fill(chat *workspace.Workspace, who, label, words string) map[string]string {
	w.t.Helper()
	if w.button(chat, who, label) == nil {
		w.t.Fatalf("%q opens no form before %s", label, who)
	}
	wrong, err := chat.Submit(w.t.Context(), who, map[string]string{"words": words})
	if err != nil {
		w.t.Fatal(err)
	}
	w.settle()
	return wrong
}

// heard returns what the app wrote in the channel besides the card.
func heard(t testing.TB, chat *workspace.Workspace) string {
	var all []string
	for _, m := range only(t, chat).Messages[1:] {
		all = append(all, m.Text)
	}
	return strings.Join(all, "\n")
}

// labels are those of the card's buttons in Slack.
func cardLabels(t testing.TB, chat *workspace.Workspace) (all []string) {
	for _, b := range only(t, chat).Messages[0].Buttons() {
		all = append(all, b.Label)
	}
	return all
}

// TestS1Buttons: an incident is run from Slack by buttons and forms alone, and the issue has all of it.
func TestS1Buttons(t *testing.T) {
	w, chat, _ := newPressWorld(t)
	for _, want := range []string{"Customer update …", "Finding …", "Cause …", "Page more people …"} {
		if !slices.Contains(cardLabels(t, chat), want) {
			t.Errorf("the card offers no %q: %v", want, cardLabels(t, chat))
		}
	}
	w.fill(chat, "carol", "Customer update …", "We look into it & come back <soon>\nat 11:00")
	w.fill(chat, "bob", "Finding …", "5xx from eu-1 only")
	w.fill(chat, "bob", "Cause …", "a bad deploy")
	w.fill(chat, "bob", "Fix …", "revert it")
	w.button(chat, "carol", "Go on to Monitoring")
	w.fill(chat, "carol", "Page more people …", "we need the database's people")
	if !strings.Contains(heard(t, chat), "`/ic phase monitoring` by carol\n:white_check_mark: Done") {
		t.Errorf("the channel doesn't show who pressed:\n%s", heard(t, chat))
	}
	card := w.card()
	for _, want := range []string{"We look into it", "5xx from eu-1 only", "a bad deploy", "revert it", "· Monitoring"} {
		if !strings.Contains(card, want) {
			t.Errorf("the card on GitHub has no %q:\n%s", want, card)
		}
	}
	if comments := w.bodies(); !strings.Contains(comments, "**carol** in Slack") ||
		!strings.Contains(comments, "come back &lt;soon&gt;") || !strings.Contains(comments, "/%2Fic%20phase%20monitoring -->") {
		t.Errorf("the comments on the issue:\n%s", comments)
	}
}

// TestS1OldButtons: two presses at once are one command, a button of an older card does nothing any more, and
// whoever may not, whoever is unknown and whoever's form can't be right is told.
func TestS1OldButtons(t *testing.T) {
	w, chat, id := newPressWorld(t)
	w.fill(chat, "bob", "Cause …", "a bad deploy")
	w.fill(chat, "bob", "Workaround …", "half of the traffic goes elsewhere")
	old := only(t, chat).Messages[0]
	for range 2 {
		if _, err := chat.Press(t.Context(), id, "carol", "", "Go on to Monitoring"); err != nil {
			t.Fatal(err)
		}
	}
	w.settle()
	if n := strings.Count(w.bodies(), "/%2Fic%20phase%20monitoring -->"); n != 1 {
		t.Errorf("two presses at once are %d commands", n)
	}
	w.advance(time.Minute)
	chat.Change(id, func(c *workspace.Channel) { c.Messages = append(c.Messages, old) }) // as a phone still shows it
	before := strings.Count(w.bodies(), "in Slack")
	w.button(chat, "carol", "Go on to Monitoring")
	if !strings.Contains(heard(t, chat), "The incident has moved on since that button was shown") || strings.Count(w.bodies(), "in Slack") != before {
		t.Errorf("an old button does something:\n%s", heard(t, chat))
	}
	if wrong := w.fill(chat, "bob", "Finding …", "it is slow\n/ic close"); !strings.Contains(wrong["words"], "begins with a command") {
		t.Errorf("a second command in a form: %v", wrong)
	}
	chat.Cancel("bob")
	if wrong := w.fill(chat, "bob", "Finding …", strings.Repeat("€", 2000)); !strings.Contains(wrong["words"], "too long") {
		t.Errorf("a long form: %v", wrong)
	}
	chat.Cancel("bob")
	w.fill(chat, "mallory", "Finding …", "let me in")
	if strings.Contains(w.card(), "let me in") || !strings.Contains(heard(t, chat), ":no_entry:") {
		t.Errorf("mallory, who may only read, is heard:\n%s", heard(t, chat))
	}
}

// TestS5FormDoesNotOpen: whoever presses the button of a form that Slack doesn't open is told how to write it.
func TestS5FormDoesNotOpen(t *testing.T) {
	w, chat, id := newPressWorld(t)
	for _, f := range []workspace.Fault{{Match: `views\.open`, Code: "expired_trigger_id", Count: 1},
		{Match: `views\.open`, Status: http.StatusTooManyRequests, RetryAfter: time.Second, Count: 1}} {
		chat.Break(f)
		if form, err := chat.Press(t.Context(), id, "carol", "", "Customer update …"); err != nil || form != nil {
			t.Fatalf("%v, %v", form, err)
		}
	}
	w.replies.mu.Lock()
	defer w.replies.mu.Unlock()
	if len(w.replies.all) != 2 || !strings.Contains(w.replies.all[0], "write `/ic update …` here") {
		t.Errorf("carol is told %q", w.replies.all)
	}
}
