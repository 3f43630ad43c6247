package incident_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// untold is a confirmed P1 of these customers, with carol as IC since minute 1. globex has two
// channels, initech none, hooli one.
func untold(t *testing.T, customers ...string) *story {
	s := &story{t: t, policy: told()}
	return s.fact(incident.Fact{ID: "opened", At: start, By: incident.Person{Login: "alice", Respond: true},
		What: incident.Opened{Source: "form", Summary: true, Severity: "critical", Customers: customers}}).at(1, "carol", cmd(incident.TakeIC))
}

func toldBy(how string) incident.Command { return incident.Command{Kind: incident.Told, Text: how} }

func customer(kind incident.Kind, names ...string) incident.Command {
	return incident.Command{Kind: kind, Customers: names}
}

// failed says that an update of a minute failed to reach a customer by these channels.
func failed(name string, minute int, channels ...string) incident.Unsent {
	u := incident.Unsent{Customer: name, Update: start.Add(time.Duration(minute) * time.Minute)}
	for _, c := range channels {
		u.Failed = append(u.Failed, incident.Failure{Channel: c, Why: "550 no such user"})
	}
	return u
}

// expectUpdates checks the counts, and since which minute the wait goes on and until when; -1: there is none.
func (s *story) expectUpdates(kept, missed int, from, due int) *story {
	s.t.Helper()
	u := s.state.Updates
	minute := func(at time.Time) int {
		if at.IsZero() {
			return -1
		}
		return int(at.Sub(start) / time.Minute)
	}
	if u.Kept != kept || u.Missed != missed || minute(u.From) != from || minute(u.Due) != due {
		s.t.Errorf("%d kept, %d missed, waiting from %d until %d; want %d, %d, %d, %d", u.Kept, u.Missed, minute(u.From), minute(u.Due), kept, missed, from, due)
	}
	return s
}

func (s *story) reaction() incident.Reaction {
	worst := incident.Reaction(0)
	for _, e := range s.effects {
		if r, ok := e.(incident.React); ok {
			worst = max(worst, r.How)
		}
	}
	return worst
}

func (s *story) expectReaction(want incident.Reaction) *story {
	s.t.Helper()
	if got := s.reaction(); got != want {
		s.t.Errorf("reaction %d, want %d", got, want)
	}
	return s
}

// say returns what the last fact makes the app say by a name.
func (s *story) say(name string) incident.Say {
	s.t.Helper()
	for _, e := range s.effects {
		switch e := e.(type) {
		case incident.Reply:
			if e.Say.Name == name {
				return e.Say
			}
		case incident.Remind:
			if e.Say.Name == name {
				return e.Say
			}
		}
	}
	s.t.Fatalf("%s is not said, but %q", name, s.says())
	return incident.Say{}
}

func TestV3AnUpdateCountsOnceEverybodyIsReached(t *testing.T) {
	t.Run("by a channel", func(t *testing.T) {
		untold(t, "globex").at(10, "carol", cmd(incident.Update)).expectReaction(incident.Done).expectSays().expectUpdates(1, 0, 10, 30)
	})
	t.Run("case 19: no channel", func(t *testing.T) {
		s := untold(t, "initech").at(10, "carol", cmd(incident.Update)).expectReaction(incident.Refused).expectSays("update-untold").expectUpdates(0, 0, 0, 20)
		want := []incident.Untold{{Customer: "initech", Contacts: []string{"Bill, +49 2"}, Command: "/ic told initech by phone"}}
		s.expect(cmp.Equal(s.say("update-untold").Untold, want), "says %+v", s.say("update-untold").Untold)
		for _, e := range s.effects {
			if a, ok := e.(incident.Announce); ok {
				t.Errorf("announces %+v", a)
			}
		}
		s.clock(26).expectUpdates(0, 1, 0, 20)
		s.expect(s.state.Updates.Overdue, "the silence is not overdue")
	})
	t.Run("one of two", func(t *testing.T) {
		s := untold(t, "globex", "initech").at(10, "carol", cmd(incident.Update)).expectReaction(incident.Unclear).expectUpdates(0, 0, 0, 20)
		s.expect(slices.Equal(s.say("update-untold").Names, []string{"globex"}), "went to %q", s.say("update-untold").Names)
		s.expect(slices.Equal(s.state.Unheard(), []string{"initech"}), "unheard: %q", s.state.Unheard())
		s.at(12, "carol", toldBy("initech by phone")).expectReaction(incident.Done).expectSays().expectUpdates(1, 0, 12, 32)
		s.expect(len(s.state.Unheard()) == 0, "unheard: %q", s.state.Unheard())
	})
	t.Run("nobody is named", func(t *testing.T) {
		s := untold(t, "globex").at(2, "carol", customer(incident.RemoveCustomer, "globex"))
		s.state.NoCustomer = false
		s.at(10, "carol", cmd(incident.Update)).expectReaction(incident.Refused)
		s.expect(s.say("update-untold").Variant == "unnamed", "says %+v", s.say("update-untold"))
		s.at(11, "carol", toldBy("by phone")).expectReaction(incident.Refused).expectSays("update-untold")
	})
	t.Run("a name that is not configured", func(t *testing.T) {
		s := untold(t, "Globx").at(10, "carol", cmd(incident.Update)).expectReaction(incident.Refused).expectUpdates(0, 0, 0, 20)
		u := s.say("update-untold").Untold[0]
		s.expect(u.Unknown && slices.Equal(u.Near, []string{"globex"}), "says %+v", u)
	})
	t.Run("A6 a drill tells nobody and counts", func(t *testing.T) {
		s := untold(t, "initech")
		s.state.Drill = true
		s.at(10, "carol", cmd(incident.Update)).expectReaction(incident.Done).expectSays().expectUpdates(1, 0, 10, 30)
		s.at(12, "carol", toldBy("by phone")).expectReaction(incident.Done).expectUpdates(2, 0, 12, 32)
		for _, e := range s.all {
			if a, ok := e.(incident.Announce); ok {
				t.Errorf("announces %+v", a)
			}
		}
	})
	t.Run("two in one comment are one", func(t *testing.T) {
		s := untold(t, "globex")
		for _, id := range []string{"c99.0", "c99.1"} {
			s.fact(incident.Fact{ID: id, At: start.Add(10 * time.Minute), By: people[2], What: cmd(incident.Update)})
		}
		s.expectUpdates(1, 0, 10, 30)
		s.at(11, "", failed("globex", 10, "issue", "email")).expectUpdates(0, 0, 0, 20)
	})
}

func TestV3AFailureTakesBackWhatCounted(t *testing.T) {
	t.Run("one channel of two", func(t *testing.T) {
		s := untold(t, "globex").at(10, "carol", cmd(incident.Update)).at(10, "", failed("globex", 10, "email")).expectSays("update-failed").expectUpdates(1, 0, 10, 30)
		s.expect(s.say("update-failed").Variant == "" && s.say("update-failed").Who == "", "says %+v", s.say("update-failed"))
		s.expect(slices.Equal(s.state.Updates.ReachedBy, []string{"globex: issue"}) && slices.Equal(s.state.Updates.Unsent, []string{"globex: email"}), "told %q, unsent %q", s.state.Updates.ReachedBy, s.state.Updates.Unsent)
		s.at(15, "", failed("globex", 10, "issue")).expectUpdates(0, 0, 0, 20)
	})
	t.Run("all channels", func(t *testing.T) {
		s := untold(t, "globex").at(10, "carol", cmd(incident.Update)).at(10, "", failed("globex", 10, "issue", "email"))
		s.expectSays("update-failed").expectReaction(incident.Refused).expectUpdates(0, 0, 0, 20)
		say := s.say("update-failed")
		s.expect(say.Who == "carol" && say.Variant == "unreached" && say.Count == 1 && say.Untold[0].Command == "/ic told globex by phone", "says %+v", say)
		s.at(11, "", failed("globex", 10, "issue", "email")).expectSays().expectUpdates(0, 0, 0, 20) // once
		s.clock(21).expectUpdates(0, 1, 0, 20)
	})
	t.Run("one customer of two", func(t *testing.T) {
		s := untold(t, "globex", "hooli").at(10, "carol", cmd(incident.Update)).at(10, "", failed("hooli", 10, "slack")).expectReaction(incident.Unclear).expectUpdates(0, 0, 0, 20)
		s.expect(slices.Equal(s.state.Unheard(), []string{"hooli"}), "unheard %q", s.state.Unheard())
		s.at(12, "carol", toldBy("hooli by phone")).expectUpdates(1, 0, 12, 32)
	})
	t.Run("a bounce after the next was due changes no clock that runs", func(t *testing.T) {
		s := untold(t, "globex").at(10, "carol", cmd(incident.Update)).clock(36)
		s.expectUpdates(1, 1, 10, 30)
		pages := len(s.pages())
		s.at(37, "", failed("globex", 10, "issue", "email")).expectUpdates(0, 1, 0, 30)
		s.expect(len(s.pages()) == pages && s.state.Updates.Overdue, "%d pages more: everybody knows already", len(s.pages())-pages)
		s.expect(s.state.Updates.LongestAt(start.Add(40*time.Minute)) == 40*time.Minute, "the silence is %s", s.state.Updates.LongestAt(start.Add(40*time.Minute)))
	})
	t.Run("a bounce before the next was due makes what was due due", func(t *testing.T) {
		s := untold(t, "globex").at(19, "carol", cmd(incident.Update)).expectUpdates(1, 0, 19, 39)
		pages := len(s.pages())
		s.at(30, "", failed("globex", 19, "issue", "email")).expectUpdates(0, 1, 0, 20)
		s.expect(s.state.Updates.Overdue && len(s.pages()) == pages+1, "overdue %t, %d pages more", s.state.Updates.Overdue, len(s.pages())-pages)
	})
	t.Run("a bounce of an earlier update", func(t *testing.T) {
		s := untold(t, "globex").at(10, "carol", cmd(incident.Update)).at(25, "carol", cmd(incident.Update)).expectUpdates(2, 0, 25, 45)
		s.at(30, "", failed("globex", 10, "issue", "email")).expectUpdates(1, 0, 25, 45)
		s.expect(s.state.Updates.Longest == 25*time.Minute, "the longest wait was %s", s.state.Updates.Longest)
		s.at(31, "", failed("globex", 25, "issue", "email")).expectUpdates(0, 1, 0, 30)
	})
	t.Run("after a snooze", func(t *testing.T) {
		s := untold(t, "globex").at(10, "carol", cmd(incident.Update)).at(12, "carol", incident.Command{Kind: incident.Snooze, After: 15 * time.Minute, Text: "x"})
		s.expectUpdates(1, 0, 10, 45).at(13, "", failed("globex", 10, "issue", "email")).expectUpdates(0, 0, 0, 35)
	})
	t.Run("after the move to monitoring", func(t *testing.T) {
		s := untold(t, "globex").at(2, "alice", cmd(incident.Workaround)).at(5, "carol", because(incident.Monitoring)).at(6, "carol", cmd(incident.Update))
		s.expect(s.state.StandBy.Update.IsZero(), "still asks for the update at %s", s.state.StandBy.Update)
		s.at(7, "", failed("globex", 6, "issue", "email"))
		s.expect(s.state.StandBy.Update.Equal(start.Add(10*time.Minute)), "asks for the update at %s", s.state.StandBy.Update)
		s.clock(11)
		s.expect(count(s, "tell-customer") == 1, "asked %d times for the update", count(s, "tell-customer"))
	})
	t.Run("of a customer whom somebody called", func(t *testing.T) {
		untold(t, "globex", "initech").at(8, "carol", toldBy("globex, by phone")).at(10, "carol", cmd(incident.Update)).at(11, "carol", toldBy("initech by phone")).
			expectUpdates(1, 0, 11, 31).at(12, "", failed("globex", 10, "issue", "email")).expectUpdates(0, 0, 0, 20)
	})
	t.Run("what a call completed", func(t *testing.T) {
		s := untold(t, "globex", "initech").at(10, "carol", cmd(incident.Update)).at(12, "carol", toldBy("initech by phone")).expectUpdates(1, 0, 12, 32)
		s.at(14, "", failed("globex", 10, "issue", "email")).expectUpdates(0, 0, 0, 20)
		s.expect(slices.Equal(s.state.Unheard(), []string{"globex"}), "unheard %q", s.state.Unheard())
		s.at(15, "carol", toldBy("globex by phone")).expectUpdates(1, 0, 15, 35)
	})
	t.Run("of a customer whom somebody called afterwards", func(t *testing.T) {
		s := untold(t, "globex").at(10, "carol", cmd(incident.Update)).at(12, "carol", toldBy("globex by phone")).expectUpdates(2, 0, 12, 32)
		sent, ok := s.state.Updates.SentBy("globex", start.Add(13*time.Minute))
		s.expect(ok && sent.At.Equal(start.Add(10*time.Minute)), "the mail of minute 13 is the update of %s", sent.At)
		s.at(14, "", failed("globex", 10, "issue", "email")).expectUpdates(1, 0, 12, 32)
		s.expect(slices.Equal(s.state.Updates.ReachedBy, []string{"globex: carol"}), "told: %q", s.state.Updates.ReachedBy)
	})
	t.Run("after the end", func(t *testing.T) {
		s := untold(t, "globex").at(10, "carol", cmd(incident.Update)).at(12, "carol", cmd(incident.Decline))
		s.at(600, "", failed("globex", 10, "issue", "email")).expectSays("update-failed").expectUpdates(0, 0, -1, -1)
	})
	t.Run("of an update that nobody remembers", func(t *testing.T) {
		untold(t, "globex").at(10, "carol", cmd(incident.Update)).at(12, "", failed("globex", 3, "email")).expectSays("update-failed").expectUpdates(1, 0, 10, 30)
	})
}

func TestV3Told(t *testing.T) {
	for _, c := range []struct {
		how  string
		says string // what is said; empty: it counts
		what string // the timeline's names
	}{
		{"by phone", "", "globex, initech"},
		{"them by phone", "", "globex, initech"},
		{"in their war room", "", "globex, initech"},
		{"Called everybody at 13:50", "", "globex, initech"},
		{"globex by phone, Gina", "told-partly", "globex"},
		{"Globex", "told-partly", "globex"},
		{"“globex”: by phone", "told-partly", "globex"},
		{"Gina, by phone", "told-partly", "globex"},
		{"Bill by phone", "told-partly", "initech"},
		{"globex and initech by phone", "", "globex, initech"},
		{"globx by phone", "customer-unknown", ""},
		{"Umbrella by phone", "customer-unknown", ""},
		{"inittech", "customer-unknown", ""},
		{"hooli by phone", "customer-unknown", ""}, // configured, and not impacted
	} {
		t.Run(c.how, func(t *testing.T) {
			s := untold(t, "globex", "initech").at(10, "carol", toldBy(c.how))
			if got := strings.Join(s.says(), " "); got != c.says {
				t.Errorf("says %q, want %q", got, c.says)
			}
			last := s.state.Timeline[len(s.state.Timeline)-1]
			if c.what != "" && (last.Kind != "told" || last.What != c.what) {
				t.Errorf("the timeline says %+v", last)
			}
			switch {
			case c.says == "":
				s.expectReaction(incident.Done).expectUpdates(1, 0, 10, 30)
			case c.what != "":
				s.expectReaction(incident.Done).expectUpdates(0, 0, 0, 20)
			default:
				s.expectReaction(incident.Unclear).expectUpdates(0, 0, 0, 20)
			}
		})
	}
	t.Run("only the coordinator", func(t *testing.T) {
		untold(t, "globex").at(10, "bob", toldBy("by phone")).expectSays("refused-role").expectUpdates(0, 0, 0, 20)
	})
	t.Run("a name that is not configured", func(t *testing.T) {
		untold(t, "Umbrella").at(10, "carol", toldBy("umbrella by phone")).expectSays().expectUpdates(1, 0, 10, 30)
	})
	t.Run("the rest is not impacted after all", func(t *testing.T) {
		s := untold(t, "globex", "initech").at(10, "carol", cmd(incident.Update)).at(15, "carol", customer(incident.RemoveCustomer, "initech"))
		s.expectUpdates(1, 0, 10, 30)
	})
}

func TestV3NamesThatAreNotConfigured(t *testing.T) {
	s := untold(t, "Globx", "hooli")
	asked := 0
	for _, e := range s.all {
		if r, ok := e.(incident.Reply); ok && r.Say.Name == "customer-unknown" && r.Say.Who == "alice" && slices.Equal(r.Say.Names, []string{"globex"}) {
			asked++
		}
	}
	s.expect(asked == 1, "whoever declared was asked %d times", asked)
	s.expect(slices.Equal(s.state.Customers, []string{"Globx", "hooli"}), "impacted: %q", s.state.Customers)
	s.at(2, "carol", customer(incident.AddCustomer, "globex")).expectReaction(incident.Done).expectSays()
	s.expect(slices.Equal(s.state.Customers, []string{"hooli", "globex"}), "the right name leaves %q", s.state.Customers)
	s.at(3, "carol", customer(incident.AddCustomer, "Umbrella")).expectReaction(incident.Unclear).expectSays("customer-unknown")
	s.expect(slices.Equal(s.say("customer-unknown").Lines, []string{"globex", "initech", "hooli"}), "tells %q", s.say("customer-unknown").Lines)
	s.at(4, "carol", customer(incident.RemoveCustomer, "umbrela")).expectReaction(incident.Unclear).expectSays("customer-unknown")
	s.at(5, "carol", customer(incident.RemoveCustomer, "UMBRELLA")).expectReaction(incident.Done)
	s.expect(slices.Equal(s.state.Customers, []string{"hooli", "globex"}), "left: %q", s.state.Customers)
	s.at(6, "carol", customer(incident.AddCustomer, "unknown")).expectReaction(incident.Unclear).expectSays("unclear")
	s.at(7, "carol", customer(incident.RemoveCustomer, "globex and hooli"))
	s.expect(len(s.state.Customers) == 0 && s.state.NoCustomer, "left: %q", s.state.Customers)
	s = untold(t, "Globex and initech")
	s.expect(slices.Equal(s.state.Customers, []string{"globex", "initech"}), "case 16 returns %q", s.state.Customers)
	s = untold(t, "n/a")
	s.expect(len(s.state.Customers) == 0 && slices.Contains(s.state.Missing(), "customers"), "n/a returns %q", s.state.Customers)
}

func TestV3NoneMeansNone(t *testing.T) {
	none := func(t *testing.T) *story {
		s := &story{t: t, policy: told()}
		return s.fact(incident.Fact{ID: "opened", At: start, By: incident.Person{Login: "alice", Respond: true},
			What: incident.Opened{Source: "form", Summary: true, Severity: "critical", None: true}}).at(1, "carol", cmd(incident.TakeIC)).at(1, "alice", cmd(incident.TakeOE))
	}
	t.Run("no clock", func(t *testing.T) {
		s := none(t).expectUpdates(0, 0, -1, -1)
		pages := len(s.pages())
		s.clock(600).expectUpdates(0, 0, -1, -1)
		s.expect(len(s.pages()) == pages && s.state.Updates.LongestAt(start.Add(10*time.Hour)) == 0, "%d pages for silence", len(s.pages())-pages)
		s.at(601, "carol", cmd(incident.Update)).expectSays("update-untold").expectReaction(incident.Refused)
		s.expect(s.say("update-untold").Variant == "none", "says %+v", s.say("update-untold"))
	})
	t.Run("a customer comes, goes, and nobody is left", func(t *testing.T) {
		s := none(t).at(30, "carol", customer(incident.AddCustomer, "globex")).expectUpdates(0, 0, 30, 50)
		s.at(40, "carol", customer(incident.RemoveCustomer, "globex")).expectUpdates(0, 0, -1, -1)
		s.expect(s.state.Updates.Longest == 0, "the longest wait was %s, and nobody waited", s.state.Updates.Longest)
		s.at(50, "carol", customer(incident.AddCustomer, "globex")).expectUpdates(0, 0, 50, 70)
		s.at(60, "carol", incident.Command{Kind: incident.AddCustomer, None: true}).expectUpdates(0, 0, -1, -1)
		s.expect(len(s.state.Customers) == 0, "none, and %q", s.state.Customers)
	})
	t.Run("not known yet is not none", func(t *testing.T) {
		s := none(t)
		s.state.NoCustomer = false
		s.at(5, "carol", because(incident.Investigate)).at(6, "carol", incident.Command{Kind: incident.SetSeverity, Severity: "regular"}).
			at(7, "carol", incident.Command{Kind: incident.AddCustomer, Customers: []string{"globex"}}).
			at(8, "carol", incident.Command{Kind: incident.SetSeverity, Severity: "critical"}).expectUpdates(0, 0, 8, 28)
	})
	t.Run("nobody agrees", func(t *testing.T) {
		s := none(t).at(10, "alice", cmd(incident.Workaround)).at(11, "carol", phase(incident.Monitoring))
		s.expect(s.state.StandBy.Update.IsZero(), "asks for an update to nobody")
		s.clock(11 + 24*60 + 1)
		for _, e := range s.all {
			if r, ok := e.(incident.Remind); ok && r.Say.Name == "stand-by-over" {
				s.expect(r.Say.Variant == "none" && r.Say.Command == "/ic close", "the end of the stand-by says %+v", r.Say)
			}
		}
		s.expect(incident.Hints(s.state, s.policy)[0].Command == "/ic close", "proposes %v", incident.Hints(s.state, s.policy)[0])
		s.at(1500, "carol", cmd(incident.Close)).expectReaction(incident.Done)
		s.expect(s.state.Phase == incident.Closing, "phase %s", s.state.Phase)
	})
}

func TestV3TheSilenceThatGoesOnCounts(t *testing.T) {
	s := untold(t, "globex").at(10, "carol", cmd(incident.Update)).clock(100)
	now := start.Add(100 * time.Minute)
	s.expect(s.state.Updates.LongestAt(now) == 90*time.Minute, "the longest wait is %s", s.state.Updates.LongestAt(now))
	got := incident.Measure(s.state, start, now).Times[incident.LongestSilence]
	s.expect(got == 90*time.Minute, "the figure is %s", got)
}

func TestV3UnsentKeyIsReadBack(t *testing.T) {
	at := time.Date(2026, 3, 2, 10, 50, 0, 0, time.UTC)
	for _, customer := range []string{"globex", "Smith and Sons", "a/b, c", "-->", "生产"} {
		t.Run(customer, func(t *testing.T) {
			key := incident.UnsentKey(incident.Unsent{Customer: customer, Update: at, By: "c12@34"}, []string{"issue", "email 2"})
			if strings.ContainsAny(key, " \n<>") {
				t.Errorf("%q can't be in a marker", key)
			}
			want := incident.Unsent{Customer: customer, Update: at, By: "c12@34", Failed: []incident.Failure{{Channel: "issue"}, {Channel: "email 2"}}}
			if got, ok := incident.ParseUnsent(key); !ok || !cmp.Equal(got, want) {
				t.Errorf("%s is read as %+v", key, got)
			}
		})
	}
	if got, ok := incident.ParseUnsent("unsent/globex/email/20260302105000"); !ok || got.Failed[0].Channel != "email" {
		t.Errorf("the key of an earlier version is read as %+v", got)
	}
}

// An incident whose card is lost is rebuilt from what was said: the failure is in its place in
// the timeline.
func TestV3RebuiltFailuresComeOutTheSame(t *testing.T) {
	p := told()
	facts := []incident.Fact{
		{ID: "opened", At: start, By: people[0], What: incident.Opened{Source: "form", Summary: true, Severity: "critical", Customers: []string{"globex", "hooli"}}},
		{ID: "c1.0", At: start.Add(19 * time.Minute), By: people[0], What: cmd(incident.Update)},
	}
	live := incident.Fact{At: start.Add(19 * time.Minute), What: failed("globex", 19, "issue", "email")}
	var key string
	s, _ := run(facts, p)
	s, effects := incident.Step(s, live, p)
	for _, e := range effects {
		if r, ok := e.(incident.Remind); ok && r.Say.Name == "update-failed" {
			key = r.Key
		}
	}
	back, ok := incident.ParseUnsent(key)
	if !ok {
		t.Fatalf("the key %q can't be read back", key)
	}
	end := incident.Fact{At: start.Add(90 * time.Minute), What: incident.Clock{}}
	s, _ = incident.Step(s, end, p)
	again, _ := run(append(facts, incident.Fact{ID: "c2.0", At: live.At.Add(2 * time.Second), By: incident.Person{Bot: true}, What: back}, end), p)
	again.Cursor, s.Cursor = incident.Cursor{}, incident.Cursor{}
	for _, list := range [][]incident.Entry{again.Timeline, s.Timeline} {
		for i := range list {
			if list[i].Kind == "unsent" {
				list[i].At = time.Time{} // the comment is as young as the call that wrote it
			}
		}
	}
	if d := cmp.Diff(s, again); d != "" {
		t.Error(d)
	}
	if text, _ := json.Marshal(s.Updates); len(text) > 4000 {
		t.Errorf("the updates take %d bytes of the card", len(text))
	}
}
