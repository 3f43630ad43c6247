package engine_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/templates"
)

// GitHub's limits put an answer off, and somebody deletes the card that keeps it: it is given all
// the same, once.
func TestA4AnAnswerThatIsPutOffOutlivesTheCard(t *testing.T) {
	for how, wait := range map[string]time.Duration{
		"the card stays": 5 * time.Minute, "the card is deleted": 5 * time.Minute,
		"the card is deleted and the process ends": 5 * time.Minute,
		"the card is deleted before it keeps it":   90 * time.Second,
		"before it keeps it, and the process ends": 90 * time.Second,
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			w := newWorldJudged(t, map[string]map[string]string{"acme/incidents": templates.Repository()},
				func(h http.Handler) http.Handler { return h })
			w.stop()
			delete(w.env, "FIREBREAK_GITHUB_LIMITS")
			w.start()
			w.tell(down)
			w.comment("carol", "/ic")
			w.advance(time.Minute)
			w.order(`{"match":"^POST .*/issues/[0-9]+/comments$","status":403,"count":3,"message":"You have exceeded a secondary ` +
				`rate limit and have been temporarily blocked from content creation. Please retry your request again later."}`)
			asked := w.comment("carol", "/incident help")
			w.advance(wait)
			for _, c := range w.list() {
				if isKept := strings.Contains(w.card(), "What makes sense"); c.ID == asked &&
					(reactionsOf(c) != "") != isKept {
					t.Errorf("the command has the reaction %q, and the card keeps its answer: %t",
						reactionsOf(c), isKept)
				}
			}
			if strings.Contains(w.bodies(), "did reply/") {
				t.Fatal("the answer is not put off")
			}
			if how != "the card stays" {
				w.act("alice", "deletes", "", nil)
			}
			if strings.HasSuffix(how, "process ends") {
				w.restart()
			}
			w.advance(30 * time.Minute)
			if n := strings.Count(w.bodies(), "did reply/"); n != 1 {
				t.Errorf("the command has %d answers:\n%s", n, w.bodies())
			}
			if card := w.card(); !strings.Contains(card, "Incident Coordinator") {
				t.Errorf("the card is\n%s", card)
			}
		})
	}
}

// bodies returns the comments of the App but for the card.
func (w *world) bodies() string {
	var all []string
	for _, c := range w.list() {
		if strings.HasSuffix(c.User.Login, "[bot]") && !strings.Contains(c.Body, "<!-- firebreak:card") {
			all = append(all, c.Body)
		}
	}
	return strings.Join(all, "\n---\n")
}
