package engine_test

import (
	"regexp"
	"testing"
)

var saidKey = regexp.MustCompile(`<!-- firebreak:did (\S+) -->`)

// keys returns the keys of what the app has said on the incident, in the order of its comments.
func (w *world) keys() (keys []string) {
	for _, c := range w.list() {
		for _, m := range saidKey.FindAllStringSubmatch(c.Body, -1) {
			keys = append(keys, m[1])
		}
	}
	return keys
}

// The answer to a reminder is lost, and all reads are behind for longer than is waited for: it is
// posted again. Once a look reads both, one is deleted, and the next reminder replaces the other.
func TestA4ACommentThatIsThereTwiceIsDeleted(t *testing.T) {
	skipUnderRace(t)
	for _, isRestarted := range []bool{false, true} {
		w := newWorld(t)
		w.tell(opened + "carol: /ic\nbob: /oe\nwait 75m\n")
		w.order(`{"match":"GET .*/issues/1(/timeline)?$","lag":"1m"}`)
		w.order(`{"match":"POST .*/issues/1/comments$","status":502,"count":1,"applied":true}`)
		w.tell("wait 6m")
		if keys := w.keys(); len(keys) != 2 || keys[0] != keys[1] {
			t.Fatalf("it is not there twice: %q", keys)
		}
		w.as("", "DELETE", "/sandbox/faults", nil, nil)
		if isRestarted {
			w.restart()
		}
		w.tell("carol: /incident status\nwait 1m")
		if keys := w.keys(); len(keys) != 1 {
			t.Errorf("restarted %t: it says %q", isRestarted, keys)
		}
		w.tell("wait 3h")
		if keys := w.keys(); len(keys) != 1 {
			t.Errorf("restarted %t: reminders pile up: %q", isRestarted, keys)
		}
	}
}
