package incident_test

import (
	"testing"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// Investigate is entered once the team is there, and fixing once the cause is known (V1, F1). Whoever goes back stays there.
func TestV1F1APhaseIsEnteredOnceItHasWhatItNeeds(t *testing.T) {
	at := func(s *story, want incident.Phase, why string) {
		t.Helper()
		s.expect(s.state.Phase == want, "%s: %s, want %s", why, s.state.Phase, want)
	}
	s := tell(t).fact(opened("alice", "critical")).at(5, "alice", cmd(incident.TakeOE))
	at(s, incident.Identify, "without a coordinator")
	at(s.at(6, "carol", cmd(incident.TakeIC)), incident.Investigate, "with two people")
	s.at(7, "alice", cmd(incident.Cause)).expectSays()
	at(s, incident.Fixing, "with a cause")
	at(s.at(8, "carol", because(incident.Investigate)), incident.Investigate, "taken back")
	corrected := incident.Corrected{New: incident.Command{Kind: incident.Cause, Text: "spelled better"}, Old: "words"}
	edit := incident.Fact{ID: s.state.Cause.ID[:len(s.state.Cause.ID)-2] + "@9.0", At: s.state.Since.At, What: corrected,
		By: incident.Person{Login: "alice", Respond: true}}
	at(s.fact(edit), incident.Investigate, "with the cause spelled better")
	s.expect(s.state.Cause.Text == "spelled better", "the cause is %q", s.state.Cause.Text)
	at(s.at(8.5, "", incident.Withdrawn{Comment: s.state.Cause.Comment()}), incident.Investigate, "with its comment deleted")
	at(s.at(9, "alice", cmd(incident.Finding)).clock(100), incident.Investigate, "with a finding")
	at(s.at(101, "alice", incident.Command{Kind: incident.Cause, Text: "another"}), incident.Fixing, "with another cause")
	at(s.at(102, "alice", cmd(incident.Workaround)), incident.Fixing, "with a workaround: the customers hear of monitoring")

	s = tell(t).fact(opened("alice", "critical")).at(1, "alice", cmd(incident.Cause)).at(2, "carol", cmd(incident.TakeIC))
	at(s.at(3, "bob", cmd(incident.TakeOE)), incident.Fixing, "the cause was known before the team was there")

	at(tell(t).fact(opened("alice", "regular")), incident.Investigate, "a regular one needs no team")
	at(tell(t).fact(opened("mallory", "critical")), incident.Identify, "nobody has confirmed it")

	s = tell(t).asked().fact(opened("alice", "critical")).at(5, "alice", cmd(incident.TakeOE)).at(6, "carol", cmd(incident.TakeIC))
	at(s.at(7, "alice", cmd(incident.Cause)), incident.Identify, "advance: ask")
}
