package engine_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/sandbox"
	"github.com/firebreak-dev/firebreak/app/sandbox/contract"
	"github.com/firebreak-dev/firebreak/app/sandbox/workspace"
	"github.com/firebreak-dev/firebreak/app/sandbox/workspace/webapi"
	"github.com/firebreak-dev/firebreak/templates"
)

// chatUsers are the members of the workspace.
var chatUsers = map[string]string{"U0ALICE": "alice", "U0BOB00": "bob", "U0CAROL": "carol", "U0DAN00": "dan", "U0MALLORY": "mallory"}

// newChatWorld makes a world whose incidents have channels in Slack.
func newChatWorld(t *testing.T) (*world, *workspace.Workspace) {
	t.Helper()
	return newChatWorldJudged(t, func(h http.Handler) http.Handler { return contract.Middleware(t, h) })
}

func newChatWorldJudged(t *testing.T, judge func(http.Handler) http.Handler,
	more ...func(*sandbox.Options)) (*world, *workspace.Workspace) {
	t.Helper()
	files := templates.Repository()
	files[".github/firebreak.yml"] += `
slack: { channel-per: critical }
services:
  slack:
    secret: SLACK
    channel: C0123ABCD
    targets: { "@alice": U0ALICE, "@bob": U0BOB00, "@carol": U0CAROL, "@dan": U0DAN00, "@mallory": U0MALLORY }
`
	w := newWorldJudged(t, map[string]map[string]string{"acme/incidents": files}, judge, more...)
	chat := workspace.New(w.sandbox.Clock().Now, chatUsers)
	server := httptest.NewServer(webapi.Middleware(t, chat))
	t.Cleanup(server.Close)
	w.env["FIREBREAK_SLACK_URL"], w.env["FIREBREAK_SECRET_SLACK"] = server.URL+"/api", workspace.Token
	w.env["FIREBREAK_SLACK_COMMENTS"] = "true"
	w.restart()
	return w, chat
}

// declareCritical declares an incident by bob, which carol coordinates.
func (w *world) declareCritical() {
	w.t.Helper()
	w.form("bob", "Checkout is down", []string{"Severity: critical", "Customers impacted: globex"})
	w.settle()
	w.comment("carol", "/ic")
	w.settle()
}

// only returns the one channel of an incident that there is.
func only(t testing.TB, chat *workspace.Workspace) workspace.Channel {
	t.Helper()
	all := chat.Channels()
	if len(all) != 1 {
		t.Fatalf("%d channels, want 1: %+v", len(all), all)
	}
	return all[0]
}

// TestS1Channel: a confirmed critical incident has a channel of its own, which follows it.
func TestS1Channel(t *testing.T) {
	w, chat := newChatWorld(t)
	w.declareCritical()

	c := only(t, chat)
	if c.Name != "inc-1-checkout-is-down" || !c.IsPrivate || c.Creator != workspace.BotUser {
		t.Errorf("the channel is %s, private %v", c.Name, c.IsPrivate)
	}
	if want := "IC carol · OE bob · globex"; !strings.HasSuffix(c.Topic, want) || !strings.Contains(c.Topic, "P1") {
		t.Errorf("the topic is %q, want it to end with %q", c.Topic, want)
	}
	for _, id := range []string{"U0BOB00", "U0CAROL"} {
		if !slices.Contains(c.Members, id) {
			t.Errorf("%s is not in the channel: %v", id, c.Members)
		}
	}
	if len(c.Bookmarks) == 0 || c.Bookmarks[0].Title != "Issue" || !strings.HasSuffix(c.Bookmarks[0].Link, "/issues/1") {
		t.Errorf("bookmarks %v", c.Bookmarks)
	}
	if !slices.Equal(c.Pins, []string{c.Messages[0].TS}) {
		t.Fatalf("want one message, pinned: %v, pins %v", c.Messages, c.Pins)
	}
	if card := w.card(); !strings.Contains(card, "| Slack | [#inc-1-checkout-is-down](https://acme.slack.com/archives/"+c.ID+") |") {
		t.Errorf("the card has no channel:\n%s", card)
	}

	w.comment("bob", "/oe cause a <!channel> deploy & more")
	w.settle()
	w.restart() // a process that remembers nothing makes nothing twice
	w.comment("dan", "/incident note I help")
	w.settle()
	c = only(t, chat)
	if len(c.Pins) != 1 || !strings.Contains(string(c.Messages[0].Blocks), `\u0026lt;!channel\u0026gt; deploy \u0026amp; more`) &&
		!strings.Contains(string(c.Messages[0].Blocks), `&lt;!channel&gt; deploy &amp; more`) {
		t.Errorf("the pinned card does not show the cause inertly: %s", c.Messages[0].Blocks)
	}
	if !slices.Contains(c.Members, "U0DAN00") {
		t.Errorf("dan, who helps, is not in the channel: %v", c.Members)
	}
}

// TestS5SlackAway: while Slack is away every command on GitHub works as ever, and the card says that the
// channel can't be reached. Once Slack is back the channel shows what it missed.
func TestS5SlackAway(t *testing.T) {
	w, chat := newChatWorld(t)
	chat.Break(workspace.Fault{Match: ".*", Status: 503, Count: -1})
	w.declareCritical()
	if card := w.card(); strings.Contains(card, "| Slack |") || !strings.Contains(card, "Incident Coordinator **carol**") {
		t.Errorf("the card, at once:\n%s", card)
	}
	w.advance(3 * time.Minute)
	if card := w.card(); !strings.Contains(card, "| Slack | can't be reached since 10:40 UTC: Slack answers 503 (auth.test). Nothing here waits for it |") {
		t.Errorf("the card says nothing of it:\n%s", card)
	}
	w.comment("bob", "/oe cause a deploy")
	w.settle()
	chat.Mend()
	w.advance(10 * time.Minute)
	c := only(t, chat)
	if len(c.Pins) != 1 || !strings.Contains(string(c.Messages[0].Blocks), "a deploy") {
		t.Errorf("the channel doesn't show what it missed: %v", c.Messages)
	}
	if card := w.card(); !strings.Contains(card, "| Slack | [#inc-1-checkout-is-down](") {
		t.Errorf("the card, once Slack is back:\n%s", card)
	}
}

// TestS1Ends: the channel is archived a week after the incident ended, and one that was declined too.
func TestS1Ends(t *testing.T) {
	w, chat := newChatWorld(t)
	w.declareCritical()
	w.comment("carol", "/incident decline a false alarm")
	w.settle()
	if c := only(t, chat); c.IsArchived || !strings.Contains(c.Topic, "Declined") {
		t.Errorf("the channel of a declined incident: %q, archived %v", c.Topic, c.IsArchived)
	}
	w.advance(8 * 24 * time.Hour)
	if c := only(t, chat); !c.IsArchived {
		t.Error("the channel is not archived")
	}
	if card := w.card(); !strings.Contains(card, "· archived |") {
		t.Errorf("the card doesn't say so:\n%s", card)
	}
}

// TestS1NoChannel: without the setting, and before somebody confirmed the incident, nothing goes to Slack.
func TestS1NoChannel(t *testing.T) {
	w, chat := newChatWorld(t)
	w.form("bob", "Checkout is slow", []string{"Severity: regular", "Customers impacted: globex"})
	w.settle()
	w.comment("carol", "/ic")
	w.settle()
	if calls := chat.Calls(); len(calls) > 0 {
		t.Errorf("a regular incident calls Slack: %v", calls)
	}
}

// slash is a slash command in a channel, as Slack posts it.
func (w *world) slash(trigger, user, channel, command, text string) {
	w.t.Helper()
	w.slack(url.Values{"command": {command}, "text": {text}, "user_id": {user}, "user_name": {"carol"},
		"channel_id": {channel}, "channel_name": {"privategroup"}, "team_id": {workspace.Team},
		"team_domain": {"acme"}, "trigger_id": {trigger}, "response_url": {"https://hooks.slack.com/commands/1"}})
}

// said returns what the app answered in a channel.
func said(c workspace.Channel) (all []string) {
	for _, m := range c.Messages {
		if m.User == workspace.BotUser && !slices.Contains(c.Pins, m.TS) && !isLine(m) {
			all = append(all, strings.TrimSpace(m.Thread+" "+m.Text))
		}
	}
	return all
}

// isLine reports whether a message shows what happened on the issue.
func isLine(m workspace.Message) bool { return strings.Contains(string(m.Metadata), `"key":"line`) }

// lines returns what a channel shows of what happened on the issue.
func lines(c workspace.Channel) (all []string) {
	for _, m := range c.Messages {
		if isLine(m) {
			all = append(all, chatAddress.ReplaceAllString(m.Text, ""))
		}
	}
	return all
}

var chatAddress = regexp.MustCompile(` · <[^>]*>$`)

// TestS2CommandsInSlack: a command in the incident's channel counts as its author's, is on the issue once,
// and is answered there; whoever is not known changes nothing.
func TestS2CommandsInSlack(t *testing.T) {
	w, chat := newChatWorld(t)
	w.declareCritical()
	id := only(t, chat).ID

	before := len(w.list())
	w.slash("1.1", "U0BOB00", id, "/oe", "cause a bad deploy, ask <@U0DAN00|mallory>")
	w.slash("1.1", "U0BOB00", id, "/oe", "cause a bad deploy, ask <@U0DAN00|mallory>") // Slack tries again
	w.settle()
	comments := w.list()
	if len(comments) != before+1 {
		t.Fatalf("%d comments more, want 1", len(comments)-before)
	}
	said1 := visible(comments[len(comments)-1].Body)
	if !strings.Contains(said1, "bob** in Slack, inc") || strings.Contains(said1, "@dan ") {
		t.Errorf("the issue says: %s", said1)
	}
	if card := w.card(); !strings.Contains(card, "a bad deploy, ask") || !strings.Contains(card, "Fixing") {
		t.Errorf("the cause doesn't count:\n%s", card)
	}
	if got := said(only(t, chat)); len(got) != 1 || !strings.Contains(got[0], ":white_check_mark:") {
		t.Errorf("the answer in Slack: %q", got)
	}

	// the same table: bob doesn't coordinate
	w.slash("1.2", "U0BOB00", id, "/ic", "agree gina by phone")
	w.settle()
	if got := said(only(t, chat)); len(got) != 2 || !strings.Contains(got[1], ":no_entry:") || !strings.Contains(got[1], "carol") {
		t.Errorf("the refusal in Slack: %q", got)
	}

	// after the card is lost the issue alone has it
	w.act("carol", "deletes", "card", nil)
	w.settle() // a look at both would wait for a second
	w.comment("carol", "/incident status")
	w.settle()
	if card := w.card(); !strings.Contains(card, "a bad deploy, ask") {
		t.Errorf("the cause is lost with the card:\n%s", card)
	}
	if got := said(only(t, chat)); len(got) != 2 {
		t.Errorf("answered again: %q", got)
	}
}

// TestS3OnlyWhoIsKnownActs: a member whom the configuration does not name changes nothing, whatever they are
// called, and is told how to become known; nor does a mention of one.
func TestS3OnlyWhoIsKnownActs(t *testing.T) {
	w, chat := newChatWorld(t)
	w.declareCritical()
	id := only(t, chat).ID
	before, card := len(w.list()), w.card()
	w.slash("1.3", "U0STRANGER", id, "/ic", "")
	w.slash("1.4", "U0CAROL", id, "/ic", "<@U0STRANGER|dan>")
	w.settle()
	got := said(only(t, chat))
	if len(w.list()) != before || w.card() != card {
		t.Error("something changed")
	}
	if len(got) != 2 || !strings.Contains(got[0], "who you are on GitHub") || !strings.Contains(got[1], "who <@U0STRANGER> is") {
		t.Errorf("the answers in Slack: %q", got)
	}
}

// event is an event of a channel, as Slack posts it.
func (w *world) event(event map[string]any) {
	w.t.Helper()
	body, err := json.Marshal(map[string]any{"type": "event_callback", "team_id": workspace.Team, "event_id": "Ev1",
		"event": event})
	if err != nil {
		w.t.Fatal(err)
	}
	w.slackPost("application/json", string(body))
}

// TestS2MessagesInSlack: a message that begins like a command is one, and is answered in its thread. Other
// messages, however many, and those of apps, cost GitHub nothing.
func TestS2MessagesInSlack(t *testing.T) {
	w, chat := newChatWorld(t)
	w.declareCritical()
	id := only(t, chat).ID
	ts := chat.Say(id, "U0CAROL", " /incident note they roll back")
	message := func(user, text, ts string) map[string]any {
		return map[string]any{"type": "message", "channel": id, "user": user, "text": text, "ts": ts}
	}
	w.event(message("U0CAROL", " /incident note they roll back", ts))
	w.event(message("U0CAROL", " /incident note they roll back", ts)) // X-Slack-Retry-Num: 1
	w.settle()
	if got := said(only(t, chat)); len(got) != 1 || !strings.HasPrefix(got[0], ts+" :white_check_mark:") {
		t.Errorf("the answer in Slack: %q", got)
	}
	w.mark()
	for n := range 1000 {
		w.event(message("U0CAROL", "I look at /incident things", fmt.Sprintf("17.%06d", n)))
	}
	bot := message(workspace.BotUser, "/incident note a loop", "18.000001")
	bot["bot_id"] = "B0BOT0001"
	w.event(bot)
	edited := message("", "", "19.000001")
	edited["subtype"] = "message_changed"
	w.event(edited)
	w.settle()
	if calls := w.calls(); len(calls) != 0 {
		t.Errorf("messages that are no commands cost %d calls: %v", len(calls), calls[0])
	}
}

// TestS2Authority says every command of the table in Slack, each as who coordinates, who operates or who may
// only read, in turn: it ends as it does on GitHub, for one write more at most.
func TestS2Authority(t *testing.T) {
	skipUnderRace(t)
	t.Parallel()
	want := readAuthority(t)
	world, chat := newChatWorldJudged(t, func(h http.Handler) http.Handler { return h }, plenty)
	w := &tribunal{world: world, reasons: map[string]string{}}
	w.prepare(deed{})
	w.other = w.ref.Number
	trigger, isChanged := 0, true
	inSlack := func(user string) func(*tribunal, string) int64 {
		return func(w *tribunal, text string) int64 {
			trigger++
			channels := chat.Channels()
			verb, rest, _ := strings.Cut(text, " ")
			w.slash(fmt.Sprint(trigger), user, channels[len(channels)-1].ID, verb, rest)
			w.settle()
			for _, c := range slices.Backward(w.list()) {
				if strings.Contains(c.Body, "** in Slack, inc") {
					return c.ID
				}
			}
			return 0
		}
	}
	for i, d := range deeds {
		if d.plain || d.kind == incident.LinkChat {
			continue // an ordinary issue has no channel, and a link is confirmed on GitHub alone
		}
		one := []struct{ column, user string }{{"IC", "U0CAROL"}, {"OE", "U0ALICE"}, {"reader", "U0MALLORY"}}[i%3]
		if isChanged || len(d.before) > 0 {
			w.prepare(d)
		}
		before := w.picture()
		got, on := w.try(inSlack(one.user), d), want[i][one.column]
		isChanged = w.picture() != before || len(d.before) > 0
		word, n := cutCount(got)
		if wantWord, wantN := cutCount(on); word != wantWord || n > wantN+1 {
			t.Errorf("%s by the %s in Slack: %s, on GitHub: %s", d.text, one.column, got, on)
		}
	}
}

// cutCount parts "done (2)".
func cutCount(cell string) (word string, n int) {
	word, rest, _ := strings.Cut(cell, " (")
	n, _ = strconv.Atoi(strings.TrimSuffix(rest, ")"))
	return word, n
}

// readAuthority reads the table of what everybody gets: for each command, by the name of a column.
func readAuthority(t *testing.T) (rows []map[string]string) {
	t.Helper()
	text, err := os.ReadFile("testdata/authority.txt")
	if err != nil {
		t.Fatal(err)
	}
	var head []string
	for line := range strings.Lines(string(text)) {
		cells := regexp.MustCompile(`\s{2,}`).Split(strings.TrimSpace(line), -1)
		switch {
		case cells[0] == "command":
			head = cells
		case head != nil && len(cells) == len(head):
			row := map[string]string{}
			for i, cell := range cells {
				row[head[i]] = cell
			}
			rows = append(rows, row)
		}
	}
	if len(rows) != len(deeds) {
		t.Fatalf("%d rows of %d commands", len(rows), len(deeds))
	}
	return rows
}

// TestS5HeardBeforeAllIsThere: a channel of which Slack refuses something, such as its bookmarks, takes commands all
// the same, whichever way people give them.
func TestS5HeardBeforeAllIsThere(t *testing.T) {
	w, chat := newChatWorld(t)
	chat.Break(workspace.Fault{Match: "bookmarks.*", Code: "missing_scope", Count: -1})
	w.declareCritical()
	w.pass(5)
	id := only(t, chat).ID
	ts := chat.Say(id, "U0BOB00", "/oe cause a bad deploy")
	w.event(map[string]any{"type": "message", "channel": id, "user": "U0BOB00", "text": "/oe cause a bad deploy", "ts": ts})
	w.settle()
	w.slash("1.1", "U0CAROL", id, "/incident", "note we look")
	w.settle()
	if card := w.card(); !strings.Contains(card, "a bad deploy") {
		t.Errorf("the cause doesn't count:\n%s", card)
	}
	if got := said(only(t, chat)); len(got) != 2 {
		t.Errorf("the answers in Slack: %q", got)
	}
}

// mendSlack lets Slack work again, and checks that the one channel comes to show a line.
func (w *world) mendSlack(chat *workspace.Workspace, line string) {
	w.t.Helper()
	chat.Mend()
	w.advance(11 * time.Minute) // the rhythm of what is tried again
	w.pass(5)
	if got := lines(only(w.t, chat)); !slices.ContainsFunc(got, func(l string) bool { return strings.Contains(l, line) }) {
		w.t.Errorf("the channel shows %q", got)
	}
}

// TestS5OverBeforeTheChannelIsThere: where Slack was away to the end, the channel comes late and shows what was said
// after the end, too.
func TestS5OverBeforeTheChannelIsThere(t *testing.T) {
	w, chat := newChatWorld(t)
	chat.Break(workspace.Fault{Match: `conversations\..*`, Code: "token_revoked", Count: -1})
	w.declareCritical()
	w.comment("carol", "/ic close because it was a false alarm")
	w.settle()
	var pulls []struct{ Number int }
	w.ok("carol", "GET", "/api/v3/repos/acme/incidents/pulls", nil, &pulls)
	w.ok("carol", "PUT", fmt.Sprintf("/api/v3/repos/acme/incidents/pulls/%d/merge", pulls[0].Number), map[string]string{}, nil)
	w.settle()
	w.mendSlack(chat, "postmortem merged")
}

// TestS5NoLongerCritical: a channel that Slack kept an incident from having is made all the same, once Slack is back, with
// all that happened, though the incident is no longer critical by then: as it would be, had Slack been there.
func TestS5NoLongerCritical(t *testing.T) {
	w, chat := newChatWorld(t)
	chat.Break(workspace.Fault{Match: ".*", Code: "token_revoked", Count: -1})
	w.declareCritical()
	w.pass(120) // so long that the card says so
	w.comment("carol", "/ic severity regular few are hit")
	w.settle()
	w.comment("carol", "/oe finding a leak in the cache")
	w.settle()
	w.mendSlack(chat, "a leak in the cache")
}
