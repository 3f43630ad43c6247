package incident_test

import (
	"slices"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// A branch is of a postmortem only if it is named as the product names one: others of the
// repository may look alike.
func TestC2APostmortemIsKnownByItsBranch(t *testing.T) {
	for branch, want := range map[string]int{
		"postmortem/7": 7, "postmortem/120": 120, "postmortem/07": 0, "postmortem/+7": 0, "postmortem/0": 0, "postmortem/-7": 0, "postmortem/7a": 0,
		"postmortem/": 0, "postmortems/7": 0, "fix/postmortem/7": 0, "7": 0,
	} {
		number, ok := incident.ParsePostmortemBranch(branch)
		if ok != (want > 0) || ok && number != want {
			t.Errorf("%s is of incident %d (%t), want %d", branch, number, ok, want)
		}
	}
	if number, ok := incident.ParsePostmortemBranch(incident.PostmortemBranch(incident.Ref{Number: 12})); !ok || number != 12 {
		t.Errorf("the branch of incident 12 is read as that of %d", number)
	}
}

// What a comment says of a trouble that came back is read again where the card was lost (A5).
func TestA5ATroubleThatCameBackIsReadFromItsComment(t *testing.T) {
	at := time.Unix(1772447000, 0).UTC()
	for key, want := range map[string]string{
		"regression/1772447000/Alertmanager": "Alertmanager", "regression/1772447000/the%20API": "the API", "regression/1772447000/": "",
	} {
		if c, ok := incident.ParseCameBack(key); !ok || c.Source != want || !c.At.Equal(at) {
			t.Errorf("%s: %+v (%t), want %q at %s", key, c, ok, want, at)
		}
	}
	for _, key := range []string{"regression/1772447000", "regression/soon/Alertmanager", "regression//Alertmanager", "regression/1772447000/%zz", "page/1772447000/x", ""} {
		if c, ok := incident.ParseCameBack(key); ok {
			t.Errorf("%q is read as %+v", key, c)
		}
	}
}

// A time that there isn't is asked about, with the reason.
func TestMomentsThatCanNotBe(t *testing.T) {
	for _, m := range []incident.Moment{
		{}, {Hour: 23, Minute: 59, Second: 59}, {Month: 2, Day: 29}, {Year: 2024, Month: 2, Day: 29}, {Month: 12, Day: 31}, {Month: 1, Day: 1},
	} {
		if got := incident.NewMoment(m); got.Why != "" {
			t.Errorf("%+v: %s", m, got.Why)
		}
	}
	const day, hour = "there is no such day", "there is no such time of day"
	for m, want := range map[incident.Moment]string{
		{Hour: 24}: hour, {Minute: 60}: hour, {Second: 60}: hour, {Month: 13, Day: 1}: day, {Month: 2, Day: 30}: day, {Year: 2026, Month: 2, Day: 29}: day,
		{Month: 4, Day: 31}: day, {Month: 4}: day,
	} {
		if got := incident.NewMoment(m); got.Why != want {
			t.Errorf("%+v: %q, want %q", m, got.Why, want)
		}
	}
}

// The incident knows whoever holds a role or was asked to, and its declarer if they may respond:
// names close to theirs are asked about (V5).
func TestV5WhomTheIncidentKnows(t *testing.T) {
	s := critical(t)
	know := func(want ...string) {
		t.Helper()
		got := s.state.People()
		slices.Sort(got)
		s.expect(slices.Equal(got, want), "it knows %v, want %v", got, want)
	}
	know("alice", "carol")
	s.at(6, "carol", incident.Command{Kind: incident.GiveIC, Logins: []string{"dan"}})
	know("alice", "carol", "dan")
	s.at(7, "alice", cmd(incident.DropOE))
	know("alice", "carol", "dan") // as the declarer
}

// Only a responder's hand reopens an incident; whoever else reopens the issue finds it closed again (A3).
func TestA3OnlyARespondersHandReopens(t *testing.T) {
	over := func() *story {
		s := closed(t).at(1503, "", incident.ClosedUp{})
		s.state.Closed = &incident.Stamp{By: "carol", At: start.Add(1503 * time.Minute)}
		return s
	}
	for _, by := range []incident.Person{{Login: "mallory"}, {Login: "sync[bot]", Bot: true, Respond: true}} {
		s := over().fact(incident.Fact{ID: "e9000", At: start.Add(1600 * time.Minute), By: by, What: incident.Reopened{}})
		s.expect(s.state.Closed != nil, "%s reopens the incident", by.Login)
	}
	s := over().at(1600, "bob", incident.Reopened{})
	s.expect(s.state.Closed == nil && s.state.Running(), "bob does not reopen the incident")
}

// What was left to another bot is tried again each hour where people need it: the card, and the
// label without which the app does not hear of commands. Anything else is left.
func TestWhatIsLeftIsTriedAgain(t *testing.T) {
	c := incident.Contests{
		{What: incident.ContestCard, Left: true, At: start}, {What: incident.ContestLabel("incident"), Left: true, At: start},
		{What: incident.ContestLabel("phase/fixing"), Left: true, At: start}, {What: incident.ContestLabel("drill"), At: start, Back: 2},
	}
	soon, later := start.Add(time.Hour-time.Second), start.Add(time.Hour)
	for _, one := range []struct {
		what        string
		soon, later bool
	}{
		{"the card", c.LeavesCard(soon), c.LeavesCard(later)},
		{"the label incident", c.LeavesLabel("Incident", soon), c.LeavesLabel("Incident", later)},
	} {
		if !one.soon || one.later {
			t.Errorf("%s is left after almost an hour: %t, and after an hour: %t", one.what, one.soon, one.later)
		}
	}
	if !c.LeavesLabel("phase/fixing", later) || c.LeavesLabel("drill", soon) || c.LeavesLabel("severity/critical", soon) || (incident.Contests{}).LeavesCard(soon) {
		t.Error("another label is tried again, or what nobody contests is left")
	}
	if c.Back(incident.ContestLabel("drill")) != 2 || c.Back("none") != 0 {
		t.Error("how often it was changed back is lost")
	}
}
