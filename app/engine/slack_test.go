package engine_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/store/storetest"
)

// replies is what people in a chat are answered, and where.
type replies struct {
	mu  sync.Mutex
	all []string
}

func (r *replies) Reply(_ context.Context, address, text string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, address+" "+text)
	return nil
}

func (r *replies) ReplyWith(ctx context.Context, address string, reply ports.ChatReply) error {
	return r.Reply(ctx, address, reply.Text)
}

// slack posts what Slack posts, signed: the clock of its signature is the real one.
func (w *world) slack(form url.Values) {
	w.t.Helper()
	w.slackPost("application/x-www-form-urlencoded", form.Encode())
}

func (w *world) slackPost(contentType, body string) {
	w.t.Helper()
	stamp := fmt.Sprint(time.Now().Unix())
	mac := hmac.New(sha256.New, []byte("demo-intake"))
	mac.Write([]byte("v0:" + stamp + ":" + body))
	req, err := http.NewRequest("POST", w.url+"/intake/slack", strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("X-Slack-Request-Timestamp", stamp)
	req.Header.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	if res.Body.Close(); res.StatusCode != http.StatusOK {
		w.t.Fatalf("Slack is answered %s", res.Status)
	}
	w.settle()
}

// declares is the shortcut on a message: what Slack posts when somebody chooses "Declare" there.
func (w *world) declares(who, answerAt string) {
	w.t.Helper()
	payload, err := json.Marshal(map[string]any{"type": "message_action", "callback_id": "declare",
		"trigger_id": "1.2." + who, "response_url": answerAt,
		"team": map[string]string{"id": "T1", "domain": "acme"}, "channel": map[string]string{"id": "C1",
			"name": "globex-p1"}, "user": map[string]string{"id": "U" + who, "name": who},
		"message": map[string]string{"text": "The API of eu-1 answers with 503", "ts": "1772448000.000100",
			"user": "U7"}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.slack(url.Values{"payload": {string(payload)}})
}

// Whoever declares in Slack is answered with the incident's address: the one that they opened, the
// one that is open of it already, and not one that is over.
func TestI1SlackIsAnsweredWithTheIncident(t *testing.T) {
	w := newWorld(t)
	at := func(person string) string { return "https://hooks.slack.com/actions/T1/" + person }
	want := []string{}
	answered := func(person string, number int) {
		t.Helper()
		want = append(want, fmt.Sprintf("%s %s/acme/incidents/issues/%d", at(person), w.url, number))
		if w.replies.mu.Lock(); !slices.Equal(w.replies.all, want) {
			t.Errorf("people are answered\n%s\nwant\n%s", strings.Join(w.replies.all, "\n"),
				strings.Join(want, "\n"))
		}
		want = slices.Clone(w.replies.all) // what was wrong is said once
		w.replies.mu.Unlock()
	}
	w.declares("carol", at("carol"))
	answered("carol", 1)
	w.declares("dan", at("dan")) // on the same message, at once and later
	answered("dan", 1)
	w.tell("wait 30m")
	w.declares("bob", at("bob"))
	answered("bob", 1)
	if v := w.view(); v.State != "open" || !strings.HasPrefix(v.Title, "The API of eu-1") {
		t.Errorf("the incident is %+v", v)
	}
	w.restart() // what it remembers of the incidents is gone
	w.declares("carol", at("carol/again"))
	answered("carol/again", 1)

	// Another process ends it, and this one still remembers it.
	product, stop, queue := w.product, w.stop, w.queue
	w.queue = filepath.Join(storetest.Memory(t), "queue.db")
	w.start()
	w.tell("alice: /incident decline the monitoring was wrong")
	w.stop()
	w.product, w.follower.Server, w.stop, w.queue = product, product, stop, queue
	w.declares("erin", at("erin"))
	answered("erin", 2)

	w.slack(url.Values{"command": {"/incident"}, "text": {"critical the database is gone"},
		"team_id": {"T1"}, "team_domain": {"acme"}, "channel_id": {"C1"},
		"channel_name": {"general"}, "user_id": {"U2"}, "user_name": {"bob"}, "trigger_id": {"9.9.bob"}, "response_url": {at("command")}})
	answered("command", 3)
}

// Whoever declares what a rule takes is told so.
func TestI1SlackIsAnsweredWhereNothingIsOpened(t *testing.T) {
	w := newWorld(t)
	for action, want := range map[string]string{"drop": "drops this", "note": "none is"} {
		w.change("main", "signals:\n  - source: slack\n    do: "+action+"\n")
		w.advance(time.Hour) // the configuration is read again
		w.declares("carol", "https://hooks.slack.com/actions/T1/"+action)
		w.replies.mu.Lock()
		if n := len(w.replies.all); n == 0 || !strings.Contains(w.replies.all[n-1],
			action+" Nothing was opened") || !strings.Contains(w.replies.all[n-1], want) {
			t.Errorf("with %s people are answered %q", action, w.replies.all)
		}
		w.replies.mu.Unlock()
	}
}
