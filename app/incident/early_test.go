package incident_test

import (
	"slices"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// reactions lists how the last fact was reacted to.
func (s *story) reactions() (out []incident.Reaction) {
	for _, e := range s.effects {
		if r, ok := e.(incident.React); ok {
			out = append(out, r.How)
		}
	}
	return out
}

// answers lists what the last fact was answered; reminders are no answers.
func (s *story) answers() (out []string) {
	for _, e := range s.effects {
		if r, ok := e.(incident.Reply); ok {
			out = append(out, r.Say.Name)
		}
	}
	return out
}

func TestM3OnlyWhatWasMendedComesBack(t *testing.T) {
	watched := func(t *testing.T) *story {
		return investigating(t).at(8, "alice", cmd(incident.Fix)).at(9, "carol", phase(incident.Monitoring))
	}
	for _, c := range []struct {
		name     string
		at       *story
		by       string
		reaction incident.Reaction
		counted  int
		says     []string
	}{
		{"unconfirmed", tell(t).fact(opened("mallory", "critical")), "alice", incident.Unclear, 0, []string{"regression-early"}},
		{"identify", tell(t).fact(opened("alice", "critical")), "alice", incident.Unclear, 0, []string{"regression-early"}},
		{"investigate", investigating(t), "alice", incident.Unclear, 0, []string{"regression-early"}},
		{"investigate, by the coordinator", investigating(t), "carol", incident.Unclear, 0, []string{"regression-early"}},
		{"investigate, by somebody without a role", investigating(t), "bob", incident.Refused, 0, []string{"refused-role"}},
		{"fixing", investigating(t).at(8, "alice", cmd(incident.Cause)).at(8, "carol", phase(incident.Fixing)), "alice", incident.Unclear, 0, []string{"regression-early"}},
		{"fixing with a workaround", investigating(t).at(8, "alice", cmd(incident.Workaround)).at(8, "carol", because(incident.Fixing)), "alice", incident.Done, 1, nil},
		{"monitoring", watched(t), "alice", incident.Done, 1, nil},
		{"monitoring, by the coordinator", watched(t), "carol", incident.Done, 1, nil},
		{"monitoring for a reason", investigating(t).at(9, "carol", because(incident.Monitoring)), "alice", incident.Done, 1, nil},
		{"moved back by hand", investigating(t).at(9, "carol", because(incident.Monitoring)).at(10, "carol", phase(incident.Investigate)), "alice", incident.Done, 1, nil},
		{"known already", watched(t).at(20, "carol", cmd(incident.Regression)), "alice", incident.Done, 1, nil},
		{"again after a second fix", watched(t).at(20, "carol", cmd(incident.Regression)).at(21, "alice", cmd(incident.Fix)), "alice", incident.Done, 2, nil},
		{"closed", closed(t).at(1502, "", incident.DocumentOpened{Number: 7}).at(1502, "", incident.TicketOpened{Index: 0, Ticket: "acme/payments#1"}).
			at(1502, "", incident.TicketOpened{Index: 1, Ticket: "acme/incidents#9"}), "carol", incident.Done, 1, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := c.at
			s.t = t
			known := s.state.Regressions
			s.at(1600, c.by, cmd(incident.Regression))
			s.expect(slices.Equal(s.answers(), c.says), "answers %q, want %q", s.answers(), c.says)
			s.expect(slices.Equal(s.reactions(), []incident.Reaction{c.reaction}), "reactions %v", s.reactions())
			s.expect(s.state.Regressions == c.counted, "%d regressions, want %d", s.state.Regressions, c.counted)
			paged := slices.ContainsFunc(s.effects, func(e incident.Effect) bool { p, ok := e.(incident.Send); return ok && p.Why == "again" })
			s.expect(paged == (c.counted > known), "paged: %t", paged)
		})
	}
}

func TestC1TheCustomerAgreesOnceItIsWatched(t *testing.T) {
	for _, c := range []struct {
		name   string
		at     *story
		agreed bool
		next   string
	}{
		{"unconfirmed", tell(t).fact(opened("mallory", "critical")), false, "/ic severity critical"},
		{"nobody coordinates", tell(t).fact(opened("carol", "critical")), false, "/ic"},
		{"nothing is in place", investigating(t), false, "/oe workaround …"},
		{"a workaround is in place", investigating(t).at(8, "alice", cmd(incident.Workaround)), false, "/ic phase monitoring"},
		{"monitoring", investigating(t).at(8, "alice", cmd(incident.Fix)).at(9, "carol", phase(incident.Monitoring)), true, ""},
		{"closing", investigating(t).at(8, "alice", cmd(incident.Fix)).at(9, "carol", because(incident.Closing)), true, ""},
		{"it came back", investigating(t).at(8, "alice", cmd(incident.Fix)).at(9, "carol", phase(incident.Monitoring)).at(10, "carol", cmd(incident.Regression)), false, "/oe workaround …"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := c.at
			s.t = t
			s.at(20, "carol", cmd(incident.Agree))
			s.expect((s.state.Agreed != nil) == c.agreed, "agreed: %v", s.state.Agreed)
			if c.agreed {
				s.expect(len(s.answers()) == 0 && slices.Equal(s.reactions(), []incident.Reaction{incident.Done}), "reactions %v", s.reactions())
				return
			}
			s.expect(slices.Equal(s.answers(), []string{"agree-early"}), "answers %q", s.answers())
			s.expect(slices.Equal(s.reactions(), []incident.Reaction{incident.Refused}), "reactions %v", s.reactions())
			for _, e := range s.effects {
				if reply, ok := e.(incident.Reply); ok {
					s.expect(reply.Say.Next.Command == c.next, "leads on with %q, want %q", reply.Say.Next.Command, c.next)
				}
			}
		})
	}
}

func TestC1AnAgreementCountsAfterTheMoveOfItsComment(t *testing.T) {
	s := investigating(t).at(8, "alice", cmd(incident.Fix))
	for _, f := range comment(200, start.Add(9*time.Minute), incident.Person{Login: "carol", Respond: true},
		phase(incident.Closing), cmd(incident.Agree), phase(incident.Monitoring)) {
		s.fact(f)
		s.expectSays()
	}
	s.expect(s.state.Phase == incident.Closing && s.state.Agreed != nil, "in %s, agreed: %v", s.state.Phase, s.state.Agreed)
}

func TestC1ACloseBeforeMonitoringLeadsThere(t *testing.T) {
	s := investigating(t).at(9, "carol", cmd(incident.Close)).expectSays("blocked")
	for _, e := range s.effects {
		if reply, ok := e.(incident.Reply); ok {
			s.expect(reply.Say.Next.Command == "/oe workaround …", "leads on with %q", reply.Say.Next.Command)
			s.expect(reply.Say.Force.Command == "/ic close because …", "insists with %q", reply.Say.Force.Command)
		}
	}
}

func TestV3AnUpdateBeforeTheConfirmationSaysSo(t *testing.T) {
	s := tell(t).fact(opened("mallory", "critical")).at(3, "bob", cmd(incident.Update)).expectSays("update-unconfirmed")
	u := s.state.Updates
	s.expect(u.Kept == 0 && u.Missed == 0 && u.Due.IsZero(), "counted: %+v", u)
	s.at(4, "bob", incident.Command{Kind: incident.SetSeverity, Severity: "critical"}).at(5, "bob", cmd(incident.Update)).expectSays()
	s.expect(s.state.Updates.Kept == 1, "the first after it: kept %d", s.state.Updates.Kept)
}

func TestI5ThePhoneListIsNamedOnce(t *testing.T) {
	for _, c := range []struct {
		name   string
		steps  []incident.EscalationStep
		listed int
		names  bool // the word that nobody answered names the list
	}{
		{"as a step of its own", []incident.EscalationStep{{To: []string{"incident-coordinators"}}, {After: 5 * time.Minute, To: []string{"phone"}}}, 1, false},
		{"in no step", []incident.EscalationStep{{To: []string{"incident-coordinators"}}}, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := tell(t)
			s.policy.Phones, s.policy.Escalation, s.policy.Rounds = []string{"On-call desk"}, c.steps, 3
			s.fact(opened("alice", "critical")).clock(120)
			listed, names := 0, 0
			for _, e := range s.all {
				switch e := e.(type) {
				case incident.Send:
					if slices.Equal(e.To, []string{"phone"}) {
						listed++
					}
				case incident.Remind:
					if e.Say.Name == "unanswered" && len(e.Say.Names) > 0 {
						names++
					}
				}
			}
			s.expect(s.state.Paging.GaveUp && listed == c.listed, "gave up %t, the list was sent %d times, want %d", s.state.Paging.GaveUp, listed, c.listed)
			s.expect(names == map[bool]int{true: 1}[c.names], "named %d times where nobody answered", names)
		})
	}
}

func TestI5ANightOfPagesPushesNothingOut(t *testing.T) {
	s := tell(t).fact(opened("mallory", "critical")).at(1, "alice", incident.Command{Kind: incident.Note, Entries: []incident.Line{{Text: "what happened"}}})
	s.clock(600)
	pages, notes := 0, 0
	for _, e := range s.state.Timeline {
		switch e.Kind {
		case "page":
			pages++
		case "note":
			notes++
		}
	}
	s.expect(notes == 1 && pages < 9, "%d notes and %d pages in the timeline", notes, pages)
	s.expect(s.state.Entries == len(s.state.Timeline), "%d entries, and %d of them on the card", s.state.Entries, len(s.state.Timeline))
	s.expect(len(s.pages()) > 30, "%d pages went out", len(s.pages()))
}

func TestI2NobodyIsAskedWhereNobodyIs(t *testing.T) {
	s := tell(t).fact(incident.Fact{ID: "opened", At: start, By: incident.Person{Login: "firebreak[bot]", Bot: true},
		What: incident.Opened{Source: "Alertmanager", Summary: true, Severity: "critical"}}).clock(120)
	s.expect(count(s, "missing-data") == 0, "asked %d times, and nobody was mentioned", count(s, "missing-data"))
	s.at(121, "alice", cmd(incident.TakeOE)).clock(200)
	s.expect(count(s, "missing-data") > 0, "who takes it is never asked")
}

func TestM1WhatComesBackFromClosingIsKnown(t *testing.T) {
	s := closed(t).at(1502, "", incident.DocumentOpened{Number: 7}).at(1502, "", incident.TicketOpened{Index: 0, Ticket: "acme/payments#1"}).
		at(1502, "", incident.TicketOpened{Index: 1, Ticket: "acme/incidents#9"})
	told := count(s, "tell-customer")
	s.at(1600, "bob", incident.Reopened{}).clock(1700)
	s.expect(s.state.Phase == incident.Monitoring && count(s, "tell-customer") == told, "in %s, the customers must hear again that it works", s.state.Phase)
}

func TestA8WhoAsksToTryAgainHearsThatItIsRefused(t *testing.T) {
	refused := incident.RefusedByGitHub{Effect: "document", Reason: "Conflict (409)", By: "carol"}
	for _, c := range []struct {
		name string
		what any
		says []string
	}{
		{"by the clock", incident.Clock{}, nil},
		{"at another command", cmd(incident.Note), nil},
		{"/incident status", incident.Command{Kind: incident.Status}, []string{"github-refused"}},
		{"/ic close", incident.Command{Kind: incident.Close}, []string{"github-refused"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := closed(t).at(1501, "", refused).expectSays("github-refused")
			by := "carol"
			if _, ok := c.what.(incident.Clock); ok {
				by = ""
			}
			s.at(1502, by, c.what).at(1502, "", refused).expectSays(c.says...)
			for _, e := range s.effects {
				if remind, ok := e.(incident.Remind); ok {
					s.expect(remind.Say.Variant == "again" && remind.Say.Who == "carol", "says %+v", remind.Say)
				}
			}
			s.at(1503, "", refused).expectSays()
		})
	}
}
