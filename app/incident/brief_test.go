package incident_test

import (
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/command"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// Whoever joins reads what is known, once there is something to know; who has taken part does not (V4).
func TestV4WhoeverTakesARoleIsBriefed(t *testing.T) {
	s := critical(t)
	s.expect(len(s.says()) == 0, "with nothing to know: %q", s.says())
	s.at(6, "alice", incident.Command{Kind: incident.Finding, Text: "payments restarts"})
	s.at(7, "bob", cmd(incident.TakeOE)).expectSays("brief")
	s.at(8, "carol", cmd(incident.GetBrief)).expectSays("brief")
	for _, e := range s.effects {
		if r, ok := e.(incident.Reply); ok && (r.Say.Brief == nil || r.Say.Brief.Holder != "carol" || len(r.Say.Brief.Mine) == 0) {
			t.Errorf("the brief is %+v", r.Say.Brief)
		}
	}
	s.at(9, "alice", cmd(incident.DropOE)).at(10, "alice", cmd(incident.TakeOE)).expectSays()
	s.at(11, "mallory", cmd(incident.GetBrief)).expectSays("refused-reader")
}

// The call is named by the coordinator, or by the configuration with the incident's number (V8).
func TestV8TheCallIsKnown(t *testing.T) {
	s := critical(t)
	s.policy.Call = "https://meet.example/p1-" + incident.CallNumber
	p := s.policy.For(incident.Ref{Owner: "acme", Repo: "incidents", Number: 12})
	if got := s.state.CallOf(p); got != "https://meet.example/p1-12" {
		t.Errorf("by the configuration it is %q", got)
	}
	s.at(6, "carol", incident.Command{Kind: incident.Call, Text: "https://zoom.example/j/9"})
	if got := s.state.CallOf(p); got != "https://zoom.example/j/9" {
		t.Errorf("by the coordinator it is %q", got)
	}
	for address, want := range map[string]bool{
		"https://meet.example/p1?pwd=x.y-z&a=1#b": true, "http://meet.example/p1": false, "https://": false, "javascript:alert(1)": false,
		"https://meet.example/)[x](https://evil.example": false, "https://meet.example/`x`": false, "https://a@evil.example/": false, "https://meet.example/|x": false,
	} {
		if got := incident.IsCall(address); got != want {
			t.Errorf("%q: %v", address, got)
		}
	}
}

// Times to mitigate and to resolve count from the start of the impact, where somebody says when it was.
func TestV4TheImpactBeganEarlier(t *testing.T) {
	at := func(said string) incident.Command {
		return command.Parse("/incident started " + said)[0].(incident.Command)
	}
	s := critical(t).at(6, "alice", at("10:10")).expectSays()
	s.expect(s.state.Began.Equal(start.Add(-30*time.Minute)), "it began at %s", s.state.Began)
	s.at(7, "alice", cmd(incident.Workaround))
	d := incident.Measure(s.state, start, start.Add(time.Hour)).Times[incident.ToMitigate]
	s.expect(d == 37*time.Minute, "the time to mitigate is %s", d)
	s.at(8, "alice", at("23:59"))
	s.expect(s.state.Began.Before(start), "a time of day that is not yet over is yesterday's: %s", s.state.Began)
}
