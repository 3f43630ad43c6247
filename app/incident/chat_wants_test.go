package incident_test

import (
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// Slack that was away makes no difference to whether there is a channel; what the configuration says now does (S1, S5).
func TestS5WhoGetsAChannel(t *testing.T) {
	p := incident.DefaultPolicy()
	regular := incident.State{Phase: incident.Investigate, Severity: p.Severities[len(p.Severities)-1].Name,
		Declared: &incident.Stamp{At: time.Unix(1, 0)}, Confirmed: &incident.Stamp{At: time.Unix(2, 0)}}
	away, there := regular, regular
	away.Chat.Away, there.Chat.ID = "Slack can't be reached", "C1"
	for _, c := range []struct {
		name  string
		state incident.State
		per   string
		want  bool
	}{
		{"regular", regular, incident.ChatCritical, false},
		{"regular, of all", regular, incident.ChatAll, true},
		{"was to have one", away, incident.ChatCritical, true},
		{"was to have one, and Slack is off", away, incident.ChatNone, false},
		{"has one, and Slack is off", there, incident.ChatNone, true},
	} {
		p.Chat.Per = c.per
		if got := c.state.WantsChat(p); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}
