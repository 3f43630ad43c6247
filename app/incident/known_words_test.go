package incident_test

import (
	"strings"
	"testing"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// What people write is on the card in its first words, and follows what becomes of their comments (V4).
func TestV4TheStateKeepsFirstWords(t *testing.T) {
	text := func(kind incident.Kind, words string) incident.Command {
		return incident.Command{Kind: kind, Text: words}
	}
	long := strings.Repeat("word ", 60)
	s := critical(t).at(6, "alice", text(incident.Cause, "a memory limit\nof payments\n\nmore")).at(7, "alice", text(incident.Finding, long))
	s.expect(s.state.Cause.Text == "a memory limit of payments", "the cause is %q", s.state.Cause.Text)
	s.expect(len([]rune(s.state.Found[0].Text)) <= 160, "a finding is %q", s.state.Found[0].Text)
	for range 20 {
		s.at(8, "alice", text(incident.Action, "restarted payments"))
	}
	s.expect(len(s.state.Tried) == 5, "%d actions are kept", len(s.state.Tried))

	before, comment := s.state, s.state.Cause.Comment()
	edited := incident.Fact{ID: s.state.Cause.ID[:len(s.state.Cause.ID)-2] + "@9.0", At: start, By: incident.Person{Login: "alice", Respond: true},
		What: incident.Corrected{New: text(incident.Cause, "a disk"), Old: "a memory limit\nof payments\n\nmore"}}
	s.fact(edited)
	s.expect(s.state.Cause.Text == "a disk", "corrected, the cause is %q", s.state.Cause.Text)
	s.expect(before.Cause.Text == "a memory limit of payments", "the state before the step has changed: %q", before.Cause.Text)

	s.at(10, "", incident.Withdrawn{Comment: comment, Has: []string{"a disk", "thanks"}})
	s.expect(s.state.Cause.Text == "a disk", "an edit of other words takes the cause away")
	s.at(11, "", incident.Withdrawn{Comment: comment})
	s.expect(s.state.Cause != nil && s.state.Cause.Text == "", "deleted, the cause is %v", s.state.Cause)
	s.at(11, "", incident.Withdrawn{Comment: s.state.Found[0].Comment()})
	s.expect(len(s.state.Found) == 0 && s.state.Findings == 1, "deleted, the findings are %v of %d", s.state.Found, s.state.Findings)
}
