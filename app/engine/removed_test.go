package engine_test

import (
	"strings"
	"testing"
)

// A critical incident whose issue is no more has ended for GitHub: the coordinators are told by the
// pager, once, and the clocks end.
func TestI5AnIncidentWhoseIssueIsNoMore(t *testing.T) {
	for state, says := range map[string]string{
		`{"delete_issue":"acme/incidents#1"}`: "deleted the issue",
		`{"convert":"acme/incidents#1"}`:      "converted the issue of this incident to a discussion",
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.tell(opened + "carol: /ic")
			before := len(w.outbox())
			w.bringAbout(state)
			w.settle()
			w.redeliver()
			w.tell("wait 3h")
			sent := w.outbox()[before:]
			if len(sent) != 1 || sent[0].To != "incident-coordinators" ||
				!strings.Contains(sent[0].Text, says) {
				t.Errorf("sent %+v", sent)
			}
		})
	}
}

// A transfer to where the App is not installed is such an end, and one to where GitHub only does
// not show the issue yet is not.
func TestI5ATransferOutOfReach(t *testing.T) {
	for name, c := range map[string]struct {
		fault string
		told  int
	}{
		"not installed": {`{"match":"POST .*/access_tokens$","status":422,"count":-1}`, 1},
		"not there yet": {`{"match":"GET .*/platform/issues/1$","status":404,"count":2}`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.tell(opened + "carol: /ic")
			before := len(w.outbox())
			w.order(c.fault)
			w.rename(renames[2])
			w.settle()
			w.tell("wait 4m")
			if sent := w.outbox()[before:]; len(sent) != c.told || c.told == 1 &&
				!strings.Contains(sent[0].Text, "where Firebreak is not installed") {
				t.Errorf("sent %+v", sent)
			}
			if n := len(w.cards()); n != 1 {
				t.Errorf("%d cards", n)
			}
			if c.told == 0 && w.stateOf().DeclaredAs == "" {
				t.Errorf("it does not go on:\n%s", w.card())
			}
		})
	}
}

// Nobody is woken for one that was over, that is not critical, or for a drill.
func TestWhoseEndNobodyIsToldOf(t *testing.T) {
	for name, story := range map[string]string{
		"regular":  strings.Replace(opened, "critical", "regular", 1),
		"drill":    opened + "alice labels drill",
		"declined": opened + "carol: /ic\ncarol: /incident decline A false alarm",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.tell(story)
			before := len(w.outbox())
			w.bringAbout(`{"delete_issue":"acme/incidents#1"}`)
			w.settle()
			if sent := w.outbox()[before:]; len(sent) > 0 {
				t.Errorf("sent %+v", sent)
			}
		})
	}
}
