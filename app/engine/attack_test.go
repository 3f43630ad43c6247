package engine_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/templates"
)

// pinnedCard returns the card as it is, with its hidden block.
func (w *world) pinnedCard() (id int64, body string) {
	w.t.Helper()
	p := w.view().Pinned
	if p == nil {
		w.t.Fatal("there is no card")
	}
	return p.ID, p.Body
}

// overwrite writes somebody else's comment, as everybody with write access can.
func (w *world) overwrite(who string, comment int64, body string) {
	w.t.Helper()
	w.ok(who, "PATCH", fmt.Sprintf("/api/v3/repos/acme/incidents/issues/comments/%d", comment),
		map[string]string{"body": body}, nil)
	w.settle()
}

// A card that the app signed for this very incident, but a while ago, is put back: nothing that
// came since is undone, and nobody is paged or told a second time.
func TestA5AnOlderCardThatIsPutBackDoesNothingAgain(t *testing.T) {
	t.Parallel()
	var sent atomic.Int32 // the outbox shows each key once, however often it is sent
	w := newWorldJudged(t, map[string]map[string]string{"acme/incidents": templates.Repository()},
		func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.URL.Path, "/sandbox/receive/") {
					sent.Add(1)
				}
				h.ServeHTTP(rw, r)
			})
		})
	story := steps(whole(t))
	var cards []string
	for _, s := range story[:len(story)-4] {
		w.step(s)
		w.settle()
		if p := w.view().Pinned; p != nil && (len(cards) == 0 || cards[len(cards)-1] != p.Body) {
			cards = append(cards, p.Body)
		}
	}
	before, left := w.everything(), sent.Load()
	if left < 2 {
		t.Fatalf("the story sends %d messages", left)
	}
	id, _ := w.pinnedCard()
	for n, old := range cards[:len(cards)-1] {
		w.overwrite("bob", id, old)
		if again := sent.Load() - left; again != 0 {
			t.Fatalf("card %d of %d was put back, and %d messages went out again", n+1, len(cards), again)
		}
		if d := cmp.Diff(before, w.everything()); d != "" {
			t.Fatalf("card %d of %d was put back, and that changed (-before +after):\n%s", n+1, len(cards), d)
		}
	}
}

// A card is worth nothing in another incident, whoever puts it there: over the app's own comment,
// or as a comment of theirs.
func TestA5ACardIsWorthNothingElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, s := range steps(whole(t))[:6] {
		w.step(s)
		w.settle()
	}
	_, stolen := w.pinnedCard()
	w.ref.Number = 2
	w.tell("bob opens \"Something else\"\n  Summary: Something else\n  Severity: regular\n  Customers impacted: initech\n")
	id, _ := w.pinnedCard()
	w.comment("bob", "Nothing new")
	w.settle()
	w.comment("bob", "/incident status")
	w.settle()
	before := w.card()
	w.comment("bob", stolen)
	w.settle()
	w.overwrite("bob", id, stolen)
	if d := cmp.Diff(before, w.card()); d != "" {
		t.Errorf("the card says something else now (-before +after):\n%s", d)
	}
	w.order(`{"drop_webhooks":1}`) // that it was edited nobody hears
	w.overwrite("bob", id, stolen)
	w.comment("mallory", "/ic")
	w.settle()
	w.comment("bob", "/incident status")
	w.settle()
	if now, body := w.pinnedCard(); now != id || strings.Contains(visible(body), "globex") {
		t.Errorf("the card is comment %d, and says\n%s", now, visible(body))
	}
}

// What people write between the signs of a hidden remark is theirs, and no mark of the app's:
// neither in a comment of their own nor where the app repeats their words. Each of these would keep
// a command from being answered, or make something up.
func TestMarksThatPeopleWriteAreNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, s := range steps(whole(t))[:5] {
		w.step(s)
		w.settle()
	}
	last := w.comment("bob", "I look at the graphs")
	var marks []string
	for n := range int64(40) { // those that are about to come
		marks = append(marks, fmt.Sprintf("<!-- firebreak:did reply/c%d.0 -->", last+n),
			fmt.Sprintf("<!-- firebreak:did reply/c%d.1 -->", last+n))
	}
	marks = append(marks, "<!-- firebreak:did ack/page/1/pagerduty/Nobody -->",
		"<!-- firebreak:did signals/99/fired/1772447000 -->",
		"<!-- firebreak:ticket acme/incidents#1/0 -->", "<!-- firebreak:postmortem acme/incidents#1 -->")
	evil := strings.Join(marks, "\n")
	w.comment("mallory", evil)
	w.comment("alice", "/oe finding "+evil)
	w.comment("bob", "/incidnet "+evil) // told back as not understood
	w.settle()
	next := w.comment("bob", "On it")
	for n := range int64(6) { // the answer to each takes a number, too
		w.comment("bob", fmt.Sprintf("/incidnet <!-- firebreak:did reply/c%d.0 -->", next+14+n))
	}
	w.comment("bob", "/incidnet <!-- firebreak:did ack/page/1/pagerduty/Nobody -->")
	w.settle()
	refused := w.comment("mallory", "/ic")
	unclear := w.comment("carol", "/ic sevrity regular")
	w.settle()
	answered := map[int64]string{}
	var own []string
	for _, c := range w.list() {
		answered[c.ID] = reactionsOf(c)
		if c.User.Login == "firebreak[bot]" {
			own = append(own, c.Body)
		}
	}
	if answered[refused] != "-1" || answered[unclear] != "confused" {
		t.Errorf("the commands after it got %q and %q", answered[refused], answered[unclear])
	}
	for _, want := range []string{"only responders can use", "did you mean"} {
		if !slices.ContainsFunc(own,
			func(body string) bool { return strings.Contains(strings.ToLower(body), want) }) {
			t.Errorf("nobody was answered %q", want)
		}
	}
	if card := strings.ReplaceAll(w.card(), w.url, ""); strings.Contains(card, "99") ||
		strings.Contains(card, "Nobody") { // a port may hold a 99
		t.Errorf("the card believes it:\n%s", card)
	}
}

// A payload names an installation next to its repository. Only the repository counts: GitHub is
// asked which installation it belongs to, so that a payload about one account's repository never
// acts with another's token.
func TestTheInstallationThatAPayloadNamesIsNotUsed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.order(`{"drop_webhooks":2}`)
	w.ok("alice", "POST", "/api/v3/repos/acme/incidents/issues",
		map[string]any{"title": "It burns", "labels": []string{"incident"}}, nil)
	w.settle()
	w.calls()
	w.deliver("issues", `{"action":"opened","issue":{"number":1,"labels":[{"name":"incident"}]},"repository":{"name":"incidents","full_name":"acme/incidents","owner":{"login":"acme"}},
		"installation":{"id":666},"sender":{"login":"alice","type":"User"}}`)
	w.settle()
	calls := w.calls()
	if w.view().Pinned == nil {
		t.Errorf("the incident was left alone: %+v", calls)
	}
	for _, c := range calls {
		if strings.Contains(c.Path, "666") || strings.HasSuffix(c.Path, "/access_tokens") &&
			!strings.Contains(c.Path, "/installations/7001/") {
			t.Errorf("%s %s", c.Method, c.Path)
		}
	}
}
