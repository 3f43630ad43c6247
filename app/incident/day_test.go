package incident_test

import (
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// TestV3TheCardIsWrittenAgainAtMidnight holds that the clock wakes a running incident when a day
// begins, so that its card shows the date of what is no longer of today.
func TestV3TheCardIsWrittenAgainAtMidnight(t *testing.T) {
	s := critical(t)
	midnight := start.Truncate(24 * time.Hour).Add(24 * time.Hour)
	s.expect(s.state.Day.Equal(midnight), "the next day begins at %s, want %s", s.state.Day, midnight)
	s.clock(midnight.Sub(start).Minutes() + 3*24*60)
	s.expect(s.state.Day.Equal(midnight.AddDate(0, 0, 4)), "after three more days the next begins at %s", s.state.Day)
	s.at(midnight.Sub(start).Minutes()+4000, "alice", cmd(incident.Workaround)).at(midnight.Sub(start).Minutes()+4001, "carol", phase(incident.Monitoring))
	s.at(midnight.Sub(start).Minutes()+4002, "carol", cmd(incident.Agree)).at(midnight.Sub(start).Minutes()+4003, "carol", cmd(incident.Close))
	s.at(midnight.Sub(start).Minutes()+4003, "", incident.DocumentOpened{Number: 4}).at(midnight.Sub(start).Minutes()+4003, "", incident.TicketOpened{Index: 0, Ticket: "acme/incidents#5"})
	s.expect(s.state.Closed != nil && s.state.Day.IsZero(), "closed at %v, and a day begins at %s", s.state.Closed, s.state.Day)
}
