package incident_test

import (
	"strings"
	"testing"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// The company's own stakeholders hear of phases, of the end, and what the coordinator says; no customer does (V7).
func TestV7StakeholdersAreInformed(t *testing.T) {
	told := func(s *story) (out []string) {
		for _, e := range s.effects {
			switch b := e.(type) {
			case incident.Broadcast:
				out = append(out, strings.Split(b.Key, "/")[0]+" "+b.Text)
			case incident.Announce:
				out = append(out, "customers "+b.Text)
			}
		}
		return out
	}
	s := critical(t)
	s.at(6, "carol", cmd(incident.Inform)).expectSays("inform-nobody")
	s.policy.Stakeholders = []string{"status@acme.example"}
	s.at(7, "carol", incident.Command{Kind: incident.Inform, Text: "we expect an hour"}).expectSays()
	if got := told(s); len(got) != 1 || got[0] != "inform we expect an hour" {
		t.Errorf("told %q", got)
	}
	s.at(8, "bob", cmd(incident.Inform)).expectSays("refused-role")
	s.at(9, "alice", cmd(incident.Cause))
	if got := told(s); len(got) != 1 || got[0] != "phase " {
		t.Errorf("of the phase: %q", got)
	}
	s.at(10, "carol", incident.Command{Kind: incident.Update, Text: "we work on it"})
	if got := told(s); len(got) != 1 || got[0] != "customers we work on it" {
		t.Errorf("of an update: %q", got)
	}
	s.policy.ForwardUpdates = true
	s.at(11, "carol", incident.Command{Kind: incident.Update, Text: "it works again"})
	if got := strings.Join(told(s), ", "); got != "customers it works again, update it works again" {
		t.Errorf("of an update that is forwarded: %q", got)
	}
	s.policy.Customers[0].Channels = nil
	s.at(11.5, "carol", incident.Command{Kind: incident.Update, Text: "nobody hears this"})
	if got := told(s); len(got) != 0 {
		t.Errorf("of an update that leaves for nobody: %q", got)
	}
	s.at(12, "", incident.Uninformed{Key: "inform/c7.0", To: "#incidents", Why: "channel_not_found"}).expectSays("inform-failed")
}
