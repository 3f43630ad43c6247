package incident_test

import (
	"slices"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

func TestI5AFailedPageStartsTheNextStepAtOnce(t *testing.T) {
	s := tell(t)
	s.policy.Escalation = []incident.EscalationStep{
		{To: []string{"incident-coordinators"}, By: []string{"pagerduty", "slack"}},
		{After: 5 * time.Minute, To: []string{"platform"}, By: []string{"slack"}},
	}
	s.fact(opened("alice", "critical"))
	s.at(0, "", incident.PageFailed{Key: "page/1", Service: "pagerduty", Why: "wrong key"}).expectSays()
	s.expect(len(s.pages()) == 1, "one service of two fails, and %d pages are out", len(s.pages()))
	s.at(0, "", incident.PageFailed{Key: "page/1", Service: "slack", Why: "not in channel"}).expectSays("page-failed")
	s.expect(len(s.pages()) == 2 && slices.Equal(s.pages()[1].To, []string{"platform"}), "the next step waits: %v", s.pages())
	s.at(0, "", incident.PageFailed{Key: "page/1", Service: "slack", Why: "not in channel"}).expectSays()
	s.expect(s.state.Paging.Pages[0].Failed == "not in channel", "the page shows %+v", s.state.Paging.Pages[0])
	s.clock(5).expect(len(s.pages()) == 3, "%d pages: the escalation does not go on after the step that went out", len(s.pages()))
}

func TestI5WhenNothingCanBeSentItGivesUpAtOnce(t *testing.T) {
	s := tell(t).fact(opened("alice", "critical"))
	for range 20 {
		pages := s.state.Paging.Pages
		if s.state.Paging.GaveUp {
			break
		}
		s.at(0, "", incident.PageFailed{Key: pages[len(pages)-1].Key, Service: "github", Why: "no network"})
	}
	s.expect(s.state.Paging.GaveUp && len(s.pages()) == 5, "%d pages, gave up %t", len(s.pages()), s.state.Paging.GaveUp)
}

func TestI5AnAcknowledgementEndsTheEscalation(t *testing.T) {
	s := tell(t).fact(opened("alice", "critical")).clock(1)
	s.at(2, "", incident.Acknowledged{Key: "page/9", Service: "pagerduty", Name: "Dan"}).expectSays()
	s.expect(!s.state.Paging.Next.IsZero(), "a page that never was is answered")
	s.at(3, "", incident.Acknowledged{Key: "page/1", Service: "pagerduty", Name: "Dan"}).expectSays("acknowledged")
	s.at(4, "", incident.Acknowledged{Key: "page/1", Service: "pagerduty", Name: "Dan"}).expectSays()
	s.expect(s.state.Paging.Answered.By == "Dan" && s.state.IC == "", "answered by %v, IC %q", s.state.Paging.Answered, s.state.IC)
	s.clock(12).expectSays()
	s.expect(len(s.pages()) == 1, "%d pages after the answer", len(s.pages()))
	s.clock(13).expectSays("role-vacant") // who answered has not taken the role
	s.clock(60)
	s.expect(count(s, "role-vacant") == 1, "asked %d times who coordinates", count(s, "role-vacant"))
}

// count counts what was said by name.
func count(s *story, name string) (n int) {
	for _, e := range s.all {
		if r, ok := e.(incident.Remind); ok && r.Say.Name == name {
			n++
		}
	}
	return n
}

func TestV1AVacantRoleIsAskedForOnce(t *testing.T) {
	s := critical(t).at(6, "alice", cmd(incident.DropOE)).clock(15.9).expectSays().clock(16).expectSays("role-vacant")
	s.clock(19).expectSays()
	s.at(20, "bob", cmd(incident.TakeOE)).at(21, "bob", cmd(incident.DropOE)).at(22, "alice", cmd(incident.TakeOE)).clock(59)
	s.expect(count(s, "role-vacant") == 1, "asked %d times, want once for the first vacancy alone", count(s, "role-vacant"))
}

func TestM2CheckInsKeepWorkingHours(t *testing.T) {
	s := critical(t)
	s.policy.Zone, s.policy.Hours = time.FixedZone("CET", 3600), incident.OfficeHours // start is Monday 11:40 there
	s.at(60, "alice", cmd(incident.Workaround)).at(60, "carol", phase(incident.Monitoring))
	nextDay := time.Date(start.Year(), start.Month(), start.Day()+1, 8, 0, 0, 0, time.UTC) // 09:00 CET
	s.expect(s.state.StandBy.CheckIn.Equal(nextDay), "the check-in after 20:40 is at %s, want %s", s.state.StandBy.CheckIn, nextDay)
	s.policy.StandBy = 10 * time.Hour
	s.at(70, "alice", cmd(incident.Regression)).at(71, "alice", cmd(incident.Workaround)).at(71, "carol", phase(incident.Monitoring))
	s.expect(s.state.StandBy.CheckIn.IsZero(), "a check-in at %s, after the stand-by's end at %s", s.state.StandBy.CheckIn, s.state.StandBy.Ends)
}

// closedUp is a closed incident with a follow-up due on the Friday after next, in a policy with
// office hours in UTC.
func closedUp(t *testing.T) *story {
	s := critical(t)
	s.policy.Hours = incident.OfficeHours
	s.at(6, "alice", cmd(incident.Fix)).at(7, "carol", phase(incident.Monitoring)).at(8, "carol", cmd(incident.Agree))
	s.at(9, "carol", incident.Command{Kind: incident.AddFollowUp, Repo: "acme/payments", Text: "limit", Logins: []string{"erin"}, Due: "2026-03-13"})
	s.at(10, "carol", cmd(incident.Close))
	s.at(10, "", incident.TicketOpened{Index: 0, Ticket: "acme/payments#1"}).at(10, "", incident.DocumentOpened{Number: 4})
	s.expect(s.state.Closed != nil, "not closed")
	return s
}

func day(d, hour int) float64 {
	return time.Date(2026, 3, d, hour, 0, 0, 0, time.UTC).Sub(start).Minutes()
}

func TestC3AnOpenPostmortemIsRemindedOfAfterWorkingDays(t *testing.T) {
	s := closedUp(t).clock(day(5, 10)).expectSays() // Monday 10:50 and three working days: Thursday 10:50
	s.clock(day(5, 11)).expectSays("review-open")
	s.clock(day(10, 10)).expectSays() // not on the weekend
	s.clock(day(10, 11)).expectSays("review-open")
	s.at(day(10, 12), "bob", incident.DocumentMerged{Number: 4})
	s.clock(day(20, 12))
	s.expect(count(s, "review-open") == 2, "asked %d times", count(s, "review-open"))
}

func TestC4FollowUpsAreRemindedOfBeforeAndAfterTheyAreDue(t *testing.T) {
	s := closedUp(t)
	nudges := func() (at []string) {
		for _, e := range s.all {
			if n, ok := e.(incident.Nudge); ok {
				if n.Say.Who != "erin" || n.Index != 0 {
					t.Errorf("a reminder to %s of follow-up %d", n.Say.Who, n.Index)
				}
				at = append(at, n.Key)
			}
		}
		return at
	}
	s.clock(day(11, 8)).expect(len(nudges()) == 0, "reminded before its time: %v", nudges())
	s.clock(day(11, 9)).expect(len(nudges()) == 1, "two days before: %v", nudges())
	s.clock(day(14, 9)).expect(len(nudges()) == 1, "on a Saturday: %v", nudges())
	s.clock(day(16, 9)).expect(len(nudges()) == 2, "once it is overdue: %v", nudges())
	s.clock(day(23, 9)).expect(len(nudges()) == 3, "a week later: %v", nudges())
	s.at(day(24, 9), "", incident.TicketChanged{Index: 0, Done: true})
	s.clock(day(31, 12)).expect(len(nudges()) == 3, "after it was done: %v", nudges())
	s.at(day(31, 13), "", incident.TicketChanged{Index: 0, Owner: "bob"})
	s.expect(s.state.FollowUps[0].Owner == "bob" && !s.state.FollowUps[0].Done, "%+v", s.state.FollowUps[0])
	due := incident.Due(s.state, s.policy)
	s.expect(!due.IsZero(), "opened again, and nothing is due")
}

// Who closes an incident that nobody answered for wakes nobody any more; if it comes back the
// paging starts again.
func TestI5ClosingEndsTheEscalationUntilItIsBack(t *testing.T) {
	s := tell(t).fact(opened("alice", "critical")).at(6, "alice", because(incident.Closing))
	s.expect(s.state.Phase == incident.Closing && s.state.Closed == nil, "it is %s", s.state.Phase)
	before := len(s.pages())
	s.clock(60)
	s.expect(len(s.pages()) == before, "paged while it is closed: %v", s.pages()[before:])
	s.at(90, "alice", cmd(incident.Regression))
	s.expect(len(s.pages()) == before+1, "it is back, and %d are paged", len(s.pages())-before)
	s.clock(96)
	s.expect(len(s.pages()) == before+2, "and five minutes later %d", len(s.pages())-before)
}
