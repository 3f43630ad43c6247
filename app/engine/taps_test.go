package engine_test

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// tick edits the card as a browser or a phone does that shows it as it was.
func (w *world) tick(who, shown, label string) {
	w.t.Helper()
	var lines []string
	for line := range strings.Lines(shown) {
		if rest, ok := strings.CutPrefix(line, "- [ ] "); ok && strings.Contains(rest, label) {
			line = "- [x] " + rest
		}
		lines = append(lines, line)
	}
	w.ok(who, "PATCH", "/api/v3/repos/"+w.ref.FullName()+"/issues/comments/"+strconv.FormatInt(w.view().Pinned.ID, 10),
		map[string]string{"body": strings.Join(lines, "")}, nil)
}

// opensCritical has mallory, who may only read, report a critical incident.
const opensCritical = `mallory opens "Checkout fails"
  Summary: Orders of globex fail
  Severity: critical
  Customers impacted: globex
`

// A tap counts whatever becomes of its webhook and of the page that it was made on (A9).
func TestA9ATapIsNeverLost(t *testing.T) {
	const isP1 = "This is a P1"
	for name, tap := range map[string]func(w *world){
		"with its webhook": func(w *world) { w.tick("carol", w.view().Pinned.Body, isP1) },
		"by an editor that writes CRLF": func(w *world) {
			w.tick("carol", strings.ReplaceAll(w.view().Pinned.Body, "\n", "\r\n"), isP1)
		},
		"on an old page": func(w *world) {
			old := w.view().Pinned.Body
			w.tell("bob: /incident note 10:41 something else\nbob: /oe")
			w.tick("carol", old, isP1)
		},
		"of two boxes by two people": func(w *world) {
			old := w.view().Pinned.Body
			w.tick("bob", old, "I operate")
			w.tick("carol", w.view().Pinned.Body, isP1)
		},
		"and the card is deleted": func(w *world) {
			w.tick("carol", w.view().Pinned.Body, isP1)
			w.settle()
			w.tell("alice deletes\nbob: /incident note 10:41 something else")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.tell(opensCritical)
			tap(w)
			w.settle()
			if labels := strings.Join(w.view().labels(), " "); !strings.Contains(labels, "severity/critical") {
				t.Errorf("the labels are %s, and the card says\n%s", labels, w.card())
			}
			if strings.Contains(w.card(), "- [x] **") {
				t.Errorf("a box is still ticked:\n%s", w.card())
			}
		})
	}
}

// A label that somebody forged runs nothing, whatever command is behind it, and neither does a box that somebody added.
func TestA9AForgedBoxIsNoCommand(t *testing.T) {
	for name, forge := range map[string]func(card string) string{
		"another command behind a label": func(card string) string {
			return strings.Replace(card, "- [ ] <!-- tap /ic severity regular -->", "- [x] <!-- tap /ic severity critical -->", 1)
		},
		"another label": func(card string) string {
			return strings.Replace(card, "**This is a P1**", "**I like this**", 1)
		},
		"a box of one's own": func(card string) string {
			return "- [x] <!-- tap /incident decline -->**Yes**\n" + card
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.tell(opensCritical)
			before := w.card()
			forged := forge(w.view().Pinned.Body)
			w.tick("carol", forged, "I like this")
			w.settle()
			if after := w.card(); after != before {
				t.Errorf("the card says\n%s", after)
			}
		})
	}
}

// If GitHub never says who ticked a box, whoever it was is asked to write the word, and the box is empty again (A9).
func TestA9WhoTickedIsAskedIfGitHubNeverSays(t *testing.T) {
	w := newWorld(t)
	w.tell(opensCritical)
	w.order(`{"drop_webhooks":1}`)
	w.tick("carol", w.view().Pinned.Body, "This is a P1")
	w.tell("bob: /incident note 10:41 something else")
	if strings.Contains(w.card(), "[x] **This") {
		t.Errorf("the box is still ticked:\n%s", w.card())
	}
	w.advance(3 * time.Minute)
	if said := w.said("GitHub did not tell me who"); len(said) != 1 || !strings.Contains(said[0], "/ic severity critical") {
		t.Errorf("said %q", said)
	}
	w.advance(time.Hour)
	if said := w.said("GitHub did not tell me who"); len(said) != 1 {
		t.Errorf("said %d times", len(said))
	}
}

// People tap as often as they like: an empty box is not put right against them, and the card goes on being written.
func TestA9ManyTapsAreNoContest(t *testing.T) {
	w := newWorld(t)
	w.tell(opensCritical)
	w.tell("carol: /ic\ncarol: /ic severity critical\ncarol: /ic customer add globex")
	for range 25 {
		w.tick("bob", w.view().Pinned.Body, "Page more people") // he may not: it is refused, and the box is empty again
		w.settle()
		if strings.Contains(w.view().Pinned.Body, "- [x] <!-- tap") {
			t.Fatalf("a box stays ticked:\n%s", w.card())
		}
		w.advance(time.Minute)
	}
	if said := w.said("each time that I put it right"); len(said) != 0 {
		t.Errorf("said %q", said)
	}
}
