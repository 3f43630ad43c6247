package incident_test

import (
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// shared is a P1 of globex, whose issue says what is given.
func shared(t *testing.T, says incident.CustomerStatus) *story {
	s := critical(t)
	s.state.Updates.Shared = []incident.Shared{{Customer: "globex", Issue: "acme/globex#3", Status: says}}
	return s
}

// A customer's issue says how far the incident is once a phase has lasted a minute, and is left
// alone where it says so already; where another incident goes on with it, it says that (V6).
func TestV6TheCustomersIssueSaysHowFarItIs(t *testing.T) {
	issue := func(s *story) incident.Shared { return s.state.Updates.Shared[0] }
	s := shared(t, "identify").at(10, "carol", because(incident.Fixing))
	s.expect(issue(s).Due.Equal(minute(11)) && !issue(s).Owed, "at a new phase it is %+v", issue(s))
	s.clock(10.5).at(10.6, "carol", cmd(incident.Finding))
	s.expect(issue(s).Due.Equal(minute(11)), "another fact puts it off: %+v", issue(s))
	s.clock(11)
	s.expect(issue(s).Owed && issue(s).Due.IsZero() && pending[incident.TellStatus](s) == 1, "after a minute it is %+v", issue(s))
	s.clock(13)
	s.expect(issue(s).Owed && issue(s).Due.IsZero(), "what is owed is due again: %+v", issue(s))
	s.at(14, "", incident.StatusTold{Customer: "Globex", Status: "fixing"})
	s.expect(!issue(s).Owed && issue(s).Status == "fixing" && pending[incident.TellStatus](s) == 0, "once told it is %+v", issue(s))
	s.at(15, "", incident.StatusTold{Customer: "initech", Status: "fixing"})

	s = shared(t, "identify").at(10, "carol", because(incident.Fixing)).at(10.5, "carol", because(incident.Identify))
	s.expect(issue(s).Due.IsZero() && !issue(s).Owed, "back within the minute it is %+v", issue(s))
	s = shared(t, "").at(10, "carol", cmd(incident.Finding))
	s.expect(issue(s).Owed, "an issue that was found is %+v", issue(s))
	s = shared(t, "investigate").at(10, "carol", because(incident.Fixing)).at(10.5, "carol", duplicateOf(4, &incident.Other{}))
	s.expect(s.state.Outcome == incident.Duplicated, "it is %q, and says %v", s.state.Outcome, s.says())
	s.clock(12)
	s.expect(issue(s).Owed && issue(s).Due.IsZero(), "that of a duplicate is %+v", issue(s))
	status, since := s.state.CustomerStatus()
	s.expect(status == incident.StatusFolded && since.Equal(minute(10.5)), "a duplicate is %q since %s", status, since)
}

// The customers read the phase, or how it ended: not before the postmortem is merged, and their version of it is not owed any more.
func TestV6WhatCustomersReadOfTheEnd(t *testing.T) {
	closed, merged := &incident.Stamp{At: minute(60)}, &incident.Stamp{At: minute(90)}
	for _, c := range []struct {
		outcome incident.Outcome
		closed  *incident.Stamp
		merged  *incident.Stamp
		owed    bool
		want    incident.CustomerStatus
		since   time.Time
	}{
		{want: "closing", since: minute(50)}, {closed: closed, want: "closing", since: minute(50)}, {merged: merged, want: "closing", since: minute(50)},
		{closed: closed, merged: merged, want: incident.StatusOver, since: minute(90)}, {closed: closed, merged: merged, owed: true, want: "closing", since: minute(50)},
		{outcome: incident.Declined, closed: closed, want: incident.StatusDeclined, since: minute(60)}, {outcome: incident.Duplicated, closed: closed, merged: merged, want: incident.StatusFolded, since: minute(60)},
	} {
		var s incident.State
		s.Phase, s.Since.At, s.Outcome, s.Closed = incident.Closing, minute(50), c.outcome, c.closed
		s.Document.Merged, s.Document.Owed = c.merged, c.owed
		if got, since := s.CustomerStatus(); got != c.want || !since.Equal(c.since) || got.IsFinal() != (got != "closing") {
			t.Errorf("%+v: %q since %s, final: %t", c, got, since, got.IsFinal())
		}
	}
}

// What a customer writes in their issue is quoted; what bots and the company's own people write is
// not, and of more than 20 in an hour one comment says so (V6).
func TestV6WhoseAnswersAreQuoted(t *testing.T) {
	answer := func(s *story, at float64, by incident.Person, restored bool) *story {
		s.n++
		return s.fact(incident.Fact{ID: incident.AnswerID(int64(s.n)), At: minute(at), By: by,
			What: incident.CustomerAnswered{Customer: "globex", Issue: "acme/globex#3", Comment: int64(s.n), Text: "still down", IsRestored: restored}})
	}
	named := func(t *testing.T) *story {
		s := critical(t)
		s.policy.Customers[0].Contacts = []string{"Gina, @gina"}
		s.state.Updates.Due = time.Time{} // nobody is asked for an update in between
		return s
	}
	for _, c := range []struct {
		by       incident.Person
		restored bool
		says     []string
		kept     bool
	}{
		{by: incident.Person{Login: "hugo"}, says: []string{"customer-answered"}, kept: true}, {by: incident.Person{Login: "hugo", Bot: true}}, {by: incident.Person{Login: "bob", Respond: true}},
		{by: incident.Person{Login: "gina", Respond: true}, says: []string{"customer-answered"}, kept: true}, {by: incident.Person{Login: "bob", Respond: true}, restored: true, kept: true},
		{by: incident.Person{Login: "hugo"}, restored: true, kept: true},
	} {
		s := answer(named(t), 10, c.by, c.restored).expectSays(c.says...)
		s.expect((s.state.Answer != nil) == c.kept, "%+v: kept is %+v", c, s.state.Answer)
		if len(c.says) > 0 {
			say := s.say("customer-answered")
			s.expect(say.Who == "carol" && say.Reason == "still down" && say.Command == "/ic update …", "%+v: says %+v", c, say)
		}
	}
	s := named(t)
	for n := range 20 {
		answer(s, 10+float64(n), incident.Person{Login: "hugo"}, false).expectSays("customer-answered")
		s.expect(s.say("customer-answered").Variant == "", "the %dth says %+v", n+1, s.say("customer-answered"))
	}
	answer(s, 40, incident.Person{Login: "hugo"}, false)
	many := s.say("customer-answered")
	s.expect(many.Variant == "many" && many.Reason == "" && many.Time.Equal(minute(70)), "the 21st says %+v", many)
	answer(s, 69.9, incident.Person{Login: "hugo"}, false).expectSays()
	answer(s, 70, incident.Person{Login: "hugo"}, false)
	s.expect(s.say("customer-answered").Variant == "", "after an hour it says %+v", s.say("customer-answered"))
	answer(s, 20, incident.Person{Login: "late"}, false)
	s.expect(s.state.Answer.By == "hugo", "an older answer is on the card: %+v", s.state.Answer)
}

// The comment that quotes an answer says who wrote what, and a text like it does not.
func TestV6TheQuoteOfAnAnswerIsReadBack(t *testing.T) {
	f, ok := incident.ParseCustomerAnswered("answer/glo%2Fbex/gina/1772447000/acme%2Fcustomer-globex%234/7000012")
	want := incident.CustomerAnswered{Customer: "glo/bex", Issue: "acme/customer-globex#4", Comment: 7000012, IsRestored: true}
	if !ok || f.What != want || f.By.Login != "gina" || f.At.Unix() != 1772447000 || f.ID != incident.AnswerID(7000012) {
		t.Errorf("%+v, %t", f, ok)
	}
	for _, key := range []string{"", "answer/a/b/1/c", "answer/a/b/1/c/2/d", "page/a/b/1/c/2", "answer/%zz/b/1/c/2", "answer/a/%zz/1/c/2", "answer/a/b/x/c/2", "answer/a/b/1/%zz/2", "answer/a/b/1/c/x"} {
		if _, ok := incident.ParseCustomerAnswered(key); ok {
			t.Errorf("%q is taken", key)
		}
	}
}
