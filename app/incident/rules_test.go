package incident_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// start is when every incident of these tests is opened.
var start = time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)

func opened(by, severity string) incident.Fact {
	return incident.Fact{ID: "opened", At: start, By: incident.Person{Login: by, Respond: by != "mallory"},
		What: incident.Opened{Source: "form", Summary: true, Severity: severity, Customers: []string{"globex"}}}
}

// story plays facts at minutes after start and keeps what came of them.
type story struct {
	t       *testing.T
	policy  incident.Policy
	state   incident.State
	effects []incident.Effect // of the last fact
	all     []incident.Effect
	n       int
}

func tell(t *testing.T) *story {
	s := &story{t: t, policy: incident.DefaultPolicy()}
	s.policy.Customers = []incident.Customer{{Name: "globex", Channels: []incident.Channel{{Kind: "email", To: "gina@globex.example"}}}}
	return s
}

func (s *story) fact(f incident.Fact) *story {
	s.state, s.effects = incident.Step(s.state, f, s.policy)
	s.all = append(s.all, s.effects...)
	return s
}

func (s *story) at(minute float64, by string, what any) *story {
	s.n++
	f := incident.Fact{At: start.Add(time.Duration(minute * float64(time.Minute))), What: what}
	if by != "" {
		f.ID = fmt.Sprintf("c%d.0", s.n)
		f.By = incident.Person{Login: by, Respond: by != "mallory"}
	}
	return s.fact(f)
}

func (s *story) clock(minute float64) *story { return s.at(minute, "", incident.Clock{}) }

func cmd(kind incident.Kind) incident.Command { return incident.Command{Kind: kind, Text: "words"} }

// says lists the names of what the last fact makes the app say.
func (s *story) says() []string {
	var out []string
	for _, e := range s.effects {
		switch e := e.(type) {
		case incident.Reply:
			out = append(out, e.Say.Name)
		case incident.Remind:
			out = append(out, e.Say.Name)
		}
	}
	return out
}

func (s *story) expectSays(names ...string) *story {
	s.t.Helper()
	if got := s.says(); !slices.Equal(got, names) {
		s.t.Errorf("says %q, want %q", got, names)
	}
	return s
}

func (s *story) pages() (out []incident.Send) {
	for _, e := range s.all {
		if p, ok := e.(incident.Send); ok {
			out = append(out, p)
		}
	}
	return out
}

// lastRemind returns the newest comment that the last fact asked for.
func (s *story) lastRemind() (last incident.Remind) {
	for _, e := range s.effects {
		if r, ok := e.(incident.Remind); ok {
			last = r
		}
	}
	return last
}

// lastSeek returns the number of the newest search that was asked for.
func (s *story) lastSeek() (number int) {
	for _, e := range s.all {
		if seek, ok := e.(incident.Seek); ok {
			number = seek.Number
		}
	}
	return number
}

func (s *story) expect(ok bool, format string, args ...any) *story {
	s.t.Helper()
	if !ok {
		s.t.Errorf(format, args...)
	}
	return s
}

// asked has the coordinator move each phase, as `advance: ask` does.
func (s *story) asked() *story { s.policy.Advance = false; return s }

// critical is a confirmed P1 with carol as IC and alice as OE at minute 5.
func critical(t *testing.T) *story {
	return tell(t).fact(opened("alice", "critical")).at(5, "carol", cmd(incident.TakeIC)).at(5, "alice", cmd(incident.TakeOE))
}

func phase(p incident.Phase) incident.Command {
	return incident.Command{Kind: incident.MovePhase, Phase: p}
}

func because(p incident.Phase) incident.Command {
	return incident.Command{Kind: incident.MovePhase, Phase: p, Because: "we must"}
}

func TestI3AClaimIsNotAConfirmation(t *testing.T) {
	s := tell(t).fact(opened("mallory", "critical"))
	s.expect(s.state.Confirmed == nil && s.state.Claimed == "critical", "what a reader reports is confirmed")
	s.expect(len(s.pages()) == 1, "a critical claim pages as unconfirmed: %v", s.pages())
	s.at(1, "bob", incident.Labeled{Name: "severity/critical"})
	s.expect(s.state.Critical(s.policy), "the label of a responder does not confirm")
	s = tell(t).fact(opened("alice", "critical"))
	s.expect(s.state.Critical(s.policy), "the form's answer of a responder does not confirm")
	s = tell(t).fact(opened("alice", "regular")).clock(120)
	s.expect(len(s.pages()) == 0 && s.state.Updates.Due.IsZero(), "a regular incident pages or has the 20 minutes")
	s.at(130, "alice", phase(incident.Investigate)).at(131, "alice", cmd(incident.Finding)).expectSays()
}

func TestI4NobodyCoordinatesSoTheGroupIsPaged(t *testing.T) {
	s := tell(t).fact(opened("alice", "critical"))
	s.expect(len(s.pages()) == 1 && s.pages()[0].To[0] == "incident-coordinators", "pages %v", s.pages())
	holder, covered := s.state.Coordinator()
	s.expect(holder == "alice" && !covered, "the declarer does not hold IC, or counts as cover")
	s.expect(slices.Equal(s.state.OEs, []string{"alice"}), "the declarer is not OE by default: %v", s.state.OEs)
	s = tell(t).fact(opened("alice", "")).at(1, "carol", cmd(incident.TakeIC)).at(2, "carol", incident.Command{Kind: incident.SetSeverity, Severity: "critical"})
	s.expect(len(s.pages()) == 0, "pages although somebody coordinates")
}

func TestI5UnansweredPagesWalkThePolicy(t *testing.T) {
	s := tell(t)
	s.policy.Rounds = 2
	s.fact(opened("alice", "critical")).clock(4.9)
	s.expect(len(s.pages()) == 1, "%d pages before 5 minutes", len(s.pages()))
	s.clock(5)
	s.expect(len(s.pages()) == 2, "%d pages after 5 minutes", len(s.pages()))
	s.clock(39)
	s.expect(len(s.pages()) == 5+1, "%d pages after both rounds, want 5, the phone list named once, and one for the update", len(s.pages()))
	s.clock(300)
	s.expect(len(s.pages()) == 5+1+18, "%d pages, want one more every 15 minutes from minute 40 on", len(s.pages()))
	s.expect(s.state.Paging.GaveUp, "does not say that nobody answered")
	keys := map[string]bool{}
	for _, p := range s.pages() {
		s.expect(!keys[p.Key], "key %s twice", p.Key)
		keys[p.Key] = true
	}
	s = tell(t).fact(opened("alice", "critical")).at(7, "carol", cmd(incident.TakeIC)).clock(19)
	s.expect(len(s.pages()) == 2 && s.state.Paging.Answered.By == "carol", "taking the role does not answer: %d pages", len(s.pages()))
}

func TestI4TheDeclarerOperatesByDefault(t *testing.T) {
	s := tell(t).at(0, "alice", incident.Command{Kind: incident.Declare, Severity: "critical"}).at(1, "carol", cmd(incident.TakeIC))
	s.at(2, "carol", incident.Command{Kind: incident.AddCustomer, Customers: []string{"globex"}}).at(3, "carol", incident.Command{Kind: incident.SetSeverity, Severity: "critical"})
	s.expect(slices.Equal(s.state.OEs, []string{"alice"}), "somebody else coordinates, and %v operate", s.state.OEs)
	s = tell(t).at(0, "alice", incident.Command{Kind: incident.Declare}).at(1, "alice", cmd(incident.TakeIC))
	s.at(2, "alice", incident.Command{Kind: incident.AddCustomer, Customers: []string{"globex"}}).at(3, "alice", incident.Command{Kind: incident.SetSeverity, Severity: "critical"})
	s.expect(s.state.IC == "alice" && len(s.state.OEs) == 0, "the declarer coordinates, and %v operate", s.state.OEs)
}

func TestV1InvestigateNeedsTwoPeople(t *testing.T) {
	s := tell(t).fact(opened("alice", "critical")).at(1, "alice", phase(incident.Investigate)).expectSays("blocked")
	s.expect(s.state.Phase == incident.Identify, "moved without a team")
	s.at(2, "alice", because(incident.Investigate))
	s.expect(s.state.Phase == incident.Investigate && s.state.Alone != nil, "a reason does not insist")
	s = critical(t).at(6, "carol", phase(incident.Investigate)).expectSays()
	s.expect(s.state.Phase == incident.Investigate, "phase %s", s.state.Phase)
	s = tell(t).fact(opened("mallory", "critical")).at(1, "bob", because(incident.Investigate)).expectSays("blocked")
	s.expect(s.state.Phase == incident.Identify, "moved without a confirmed severity")
}

func TestV1WhoCoordinatesLeavesTheOtherRole(t *testing.T) {
	s := critical(t).at(6, "carol", phase(incident.Investigate)).at(7, "carol", cmd(incident.TakeOE)).expectSays("two-people")
	s.at(8, "alice", cmd(incident.TakeIC)).expectSays("role-open")
	s.expect(s.state.IC == "alice" && len(s.state.OEs) == 0, "IC %s, OEs %v", s.state.IC, s.state.OEs)
	s.at(9, "alice", incident.Command{Kind: incident.TakeOE, Because: "nobody else is awake"})
	s.expect(naming.Contains(s.state.OEs, "alice"), "a reason does not insist")
}

func TestV2OnlyTheHolderUsesTheVerbs(t *testing.T) {
	s := critical(t).at(6, "bob", cmd(incident.Finding)).expectSays("refused-role")
	s.at(6, "bob", phase(incident.Investigate)).expectSays("refused-role")
	s.at(7, "carol", cmd(incident.Finding)).expectSays("ic-does-not-debug")
	s.expect(s.state.Findings == 0, "%d findings written down", s.state.Findings)
	s.at(8, "alice", cmd(incident.Finding)).expectSays()
	s.at(9, "alice", cmd(incident.Agree)).expectSays("refused-role")
	s.at(10, "mallory", cmd(incident.Note)).expectSays("refused-reader")
	s.at(11, "bob", incident.Labeled{Name: "phase/monitoring"}).expectSays("label-refused")
	s.expect(s.state.Phase == incident.Investigate, "a label by bob, who holds no role, moves the phase")
}

func TestV3TwentyMinutes(t *testing.T) {
	s := critical(t).at(6, "carol", phase(incident.Investigate))
	s.clock(15)
	s.expect(s.state.Updates.Stage == 1, "not amber 5 minutes before")
	s.clock(20).expectSays("update-due")
	s.clock(24.9).expect(!s.state.Updates.Overdue, "overdue too early")
	s.clock(25)
	last := s.pages()[len(s.pages())-1]
	s.expect(s.state.Updates.Overdue && last.Why == "update", "5 minutes over, and nobody is paged")
	w := incident.AsWanted(s.state, s.policy)
	s.expect(slices.Contains(w.Labels, incident.LabelUpdateOverdue), "no label update-overdue")
	s.at(26, "carol", cmd(incident.Update))
	s.expect(!s.state.Updates.Overdue && s.state.Updates.Due.Equal(start.Add(46*time.Minute)), "due %s", s.state.Updates.Due)
	s.at(27, "carol", incident.Command{Kind: incident.Snooze, After: 15 * time.Minute, Text: "in a call"})
	s.expect(s.state.Updates.Due.Equal(start.Add(61*time.Minute)) && s.state.Updates.Snoozed == 1, "snoozed to %s", s.state.Updates.Due)
}

func TestV3CountsKeptMissedAndTheLongestWait(t *testing.T) {
	s := critical(t)
	for _, m := range []float64{18, 21, 40, 66} {
		s.at(m, "carol", cmd(incident.Update))
	}
	u := s.state.Updates
	s.expect(u.Kept == 3 && u.Missed == 1 && u.Longest == 26*time.Minute, "kept %d, missed %d, longest %s", u.Kept, u.Missed, u.Longest)
	s.clock(86).expect(s.state.Updates.Missed == 2, "the next one is missed at 86 minutes")
	s.at(130, "carol", cmd(incident.Update))
	s.expect(s.state.Updates.Due.Equal(start.Add(190*time.Minute)), "after two hours the rhythm is an hour, due %s", s.state.Updates.Due)
}

func TestV4PinnedCommentsCarryTheirOwnTime(t *testing.T) {
	s := critical(t).at(6, "bob", incident.Commented{}).at(9, "carol", incident.Command{Kind: incident.Pin})
	e := s.state.Timeline[len(s.state.Timeline)-1]
	s.expect(e.Kind == "pinned" && e.By == "bob" && e.At.Equal(start.Add(6*time.Minute)), "pinned %+v", e)
	bobs := &incident.Stamp{By: "bob", At: e.At, ID: e.Ref}
	s.at(10, "carol", incident.Command{Kind: incident.Pin, Link: bobs.Comment(), Pin: bobs})
	s.expect(len(s.state.Pinned) == 1, "pinned twice")
	s.at(11, "carol", incident.Command{Kind: incident.Unpin, Link: bobs.Comment(), Pin: bobs})
	s.expect(len(s.state.Pinned) == 0, "not unpinned")
	tell(t).fact(opened("alice", "critical")).at(6, "alice", cmd(incident.Pin)).expectSays("nothing-to-pin")
}

func TestV4PinsTheCommentBeforeWhateverItHolds(t *testing.T) {
	s := critical(t).at(6, "alice", cmd(incident.Finding)).at(7, "carol", cmd(incident.Pin))
	e := s.state.Timeline[len(s.state.Timeline)-1]
	s.expect(e.Kind == "pinned" && e.By == "alice" && e.At.Equal(start.Add(6*time.Minute)), "pinned %+v", e)
}

func TestF1FixingAsksForACause(t *testing.T) {
	s := critical(t).asked().at(6, "carol", phase(incident.Investigate)).at(7, "carol", phase(incident.Fixing)).expectSays("blocked")
	s.at(8, "alice", cmd(incident.Cause)).expectSays("propose").at(9, "carol", incident.Labeled{Name: "phase/fixing"})
	s.expect(s.state.Phase == incident.Fixing, "phase %s", s.state.Phase)
	s = critical(t).at(6, "carol", because(incident.Fixing))
	s.expect(s.state.Phase == incident.Fixing && s.state.Insisted != nil, "because does not insist")
}

func closed(t *testing.T) *story {
	return critical(t).at(6, "carol", phase(incident.Investigate)).at(7, "alice", cmd(incident.Cause)).at(8, "alice", cmd(incident.Workaround)).
		at(9, "carol", incident.Labeled{Name: "phase/monitoring"}).at(10, "carol", cmd(incident.Update)).
		at(1500, "carol", cmd(incident.Agree)).at(1501, "carol", incident.Command{Kind: incident.AddFollowUp, Repo: "acme/payments", Text: "Add a limit", Logins: []string{"erin"}, Due: "+7d"}).
		at(1502, "carol", cmd(incident.Close))
}

func TestF2AWorkaroundAloneLeavesAFollowUp(t *testing.T) {
	s := closed(t)
	s.expect(len(s.state.FollowUps) == 2 && s.state.FollowUps[1].Auto, "follow-ups %+v", s.state.FollowUps)
	s.expect(s.state.FollowUps[0].Due == "2026-03-10", "+7d is %s", s.state.FollowUps[0].Due)
}

func TestM1MonitoringNeedsAFixAndTheCustomerIsTold(t *testing.T) {
	s := critical(t).at(6, "carol", phase(incident.Investigate)).at(7, "carol", incident.Labeled{Name: "phase/monitoring"}).expectSays("blocked")
	w := incident.AsWanted(s.state, s.policy)
	s.expect(slices.Contains(w.Unwanted, "phase/monitoring"), "the label is not put back (A2)")
	s.at(8, "alice", cmd(incident.Fix)).at(9, "carol", phase(incident.Monitoring)).clock(14).expectSays("tell-customer")
	s.expect(s.state.Updates.Due.IsZero(), "the 20 minutes go on in stand-by")
}

func TestA2ALabelOfAPhaseThatThereIsNotIsTakenAway(t *testing.T) {
	s := critical(t).at(6, "carol", phase(incident.Investigate))
	for _, label := range []string{"phase/", "phase/deploying", "Phase/Fixed"} {
		s.at(7, "carol", incident.Labeled{Name: label}).expectSays("unknown-phase")
		s.expect(s.state.Phase == incident.Investigate, "%s moves the incident to %s", label, s.state.Phase)
		w := incident.AsWanted(s.state, s.policy)
		s.expect(w.IsUnwanted(label), "%s stays, so the issue has two phases", label)
		s.expect(!w.IsUnwanted("Phase/Investigate"), "the phase that is, as the repository spells it, goes")
	}
	s.at(8, "bob", incident.Labeled{Name: "phase/deploying"}).expectSays("label-refused")
}

func TestM2StandBy(t *testing.T) {
	s := critical(t).at(6, "carol", phase(incident.Investigate)).at(8, "alice", cmd(incident.Fix)).at(10, "carol", phase(incident.Monitoring)).at(11, "carol", cmd(incident.Update))
	s.expect(s.state.StandBy.Ends.Equal(start.Add(10*time.Minute+24*time.Hour)), "stand-by ends %s", s.state.StandBy.Ends)
	s.clock(10 + 8*60).expectSays("check-in").clock(10 + 16*60).expectSays("check-in").clock(10 + 24*60).expectSays("stand-by-over").clock(10 + 90*60).expectSays()
}

func TestM3ARegressionGoesBackAndIsCounted(t *testing.T) {
	s := critical(t).at(6, "carol", phase(incident.Investigate)).at(8, "alice", cmd(incident.Fix)).at(10, "carol", phase(incident.Monitoring)).at(100, "alice", cmd(incident.Regression))
	s.expect(s.state.Phase == incident.Investigate && s.state.Regressions == 1 && s.state.Updates.Due.Equal(start.Add(120*time.Minute)), "%+v", s.state)
	s.at(101, "carol", phase(incident.Monitoring)).expectSays("blocked")
	s = closed(t).at(1502, "", incident.DocumentOpened{Number: 7}).at(1502, "", incident.TicketOpened{Index: 0, Ticket: "acme/payments#1"}).at(1502, "", incident.TicketOpened{Index: 1, Ticket: "acme/incidents#9"})
	s.expect(s.state.Closed != nil, "not closed")
	s.at(1600, "alice", cmd(incident.Regression))
	s.expect(s.state.Closed == nil && incident.AsWanted(s.state, s.policy).Open, "a regression does not reopen")
}

func TestC1ClosingNeedsTheCustomersAgreement(t *testing.T) {
	s := critical(t).at(6, "carol", phase(incident.Investigate)).at(8, "alice", cmd(incident.Fix)).at(10, "carol", phase(incident.Monitoring))
	s.at(20, "carol", cmd(incident.Close)).expectSays("tell-customer", "blocked")
	s.at(21, "carol", incident.ClosedByHand{}).expectSays("blocked")
	s.expect(incident.AsWanted(s.state, s.policy).Open, "closing by hand is not undone")
	s.at(22, "bob", incident.ClosedByHand{}).expectSays("close-refused")
	s.at(23, "carol", cmd(incident.Agree)).at(24, "carol", incident.ClosedByHand{}).expectSays()
	s.expect(s.state.Phase == incident.Closing, "closing by hand does not close up")
}

func TestC5ClosesOnceEverythingExists(t *testing.T) {
	s := closed(t)
	var tickets, documents int
	for _, e := range incident.Pending(s.state) {
		switch e.(type) {
		case incident.OpenTicket:
			tickets++
		case incident.OpenDocument:
			documents++
		}
	}
	s.expect(tickets == 2 && documents == 1, "%d tickets and %d documents", tickets, documents)
	s.at(1502, "", incident.DocumentOpened{Number: 7}).at(1502, "", incident.TicketOpened{Index: 0, Ticket: "acme/payments#1"})
	s.expect(s.state.Closed == nil, "closed before every ticket exists")
	s.at(1503, "", incident.TicketOpened{Index: 1, Ticket: "acme/incidents#9"}).expectSays("closed-up")
	s.expect(s.state.Closed != nil && !incident.AsWanted(s.state, s.policy).Open, "not closed")
	s.at(2000, "", incident.DocumentMerged{Number: 7}).expectSays("merged")
	s.expect(slices.Contains(incident.AsWanted(s.state, s.policy).Labels, incident.LabelMerged), "no label for the end")
	s.at(2001, "", incident.DocumentMerged{Number: 7}).expectSays()
}

func TestC4AFollowUpWhileClosingIsATicketAtOnce(t *testing.T) {
	s := closed(t).at(1510, "alice", incident.Command{Kind: incident.AddFollowUp, Text: "More"})
	s.expect(slices.Contains(incident.Pending(s.state), incident.Effect(incident.OpenTicket{Index: 2})), "effects %v", s.effects)
}

func TestA1WhatIsNotUnderstoodIsAnswered(t *testing.T) {
	critical(t).at(6, "carol", incident.Misspelt{Line: "/ic severty critical", Known: "/ic severity critical"}).expectSays("unclear")
	s := critical(t).at(6, "mallory", cmd(incident.Help)).expectSays("help")
	s.at(7, "carol", incident.Rewritten{}).expectSays("write-again")
}

func TestA2AssigneesByHand(t *testing.T) {
	s := critical(t).at(6, "alice", incident.Unassigned{Login: "carol"}).expectSays("role-open")
	s.expect(s.state.IC == "" && len(s.pages()) == 2, "IC %q, %d pages: a critical incident without an IC pages again", s.state.IC, len(s.pages()))
	s.at(7, "alice", incident.Assigned{Login: "bob"}).expectSays("which-role")
	s.at(8, "dan", cmd(incident.TakeIC))
	w := incident.AsWanted(s.state, s.policy)
	s.expect(slices.Equal(w.Assignees, []string{"dan", "alice"}), "assignees %v", w.Assignees)
	s.at(9, "carol", cmd(incident.TakeIC))
	w = incident.AsWanted(s.state, s.policy)
	s.expect(slices.Equal(w.Dismissed, []string{"dan"}), "who lost the role stays assigned: %v", w.Dismissed)
}

func TestA2HandoverMovesOnTheOthersAnswer(t *testing.T) {
	s := critical(t).at(6, "carol", incident.Command{Kind: incident.GiveIC, Logins: []string{"dan"}}).expectSays("handover")
	s.expect(s.state.IC == "carol" && s.state.Handover == "dan", "the role moved before the answer")
	s.at(7, "dan", cmd(incident.TakeIC))
	s.expect(s.state.IC == "dan" && s.state.Handover == "" && s.state.Handed == 1, "%+v", s.state)
	s.at(8, "dan", incident.Command{Kind: incident.GiveIC, Logins: []string{"mallory"}, Cannot: []string{"mallory"}}).expectSays("cannot-respond")
}

func TestA6ADrillPagesNobodyAndTellsNoCustomer(t *testing.T) {
	f := opened("alice", "critical")
	o := f.What.(incident.Opened)
	o.Drill = true
	f.What = o
	s := tell(t).fact(f).clock(200).at(201, "carol", cmd(incident.TakeIC)).at(202, "carol", cmd(incident.Update))
	s.expect(len(s.pages()) == 0, "a drill pages: %v", s.pages())
	s.expect(s.state.Updates.Missed > 3, "the 20 minutes don't run in a drill")
	for _, e := range s.all {
		if a, ok := e.(incident.Announce); ok {
			t.Errorf("a drill tells the customer: %v", a)
		}
	}
	s.at(203, "carol", cmd(incident.Escalate)).expect(len(s.pages()) == 1, "a page that is asked for does not go out")
}

func TestDeclineAndDuplicate(t *testing.T) {
	s := tell(t).fact(opened("mallory", "critical")).at(3, "bob", incident.Command{Kind: incident.Decline, Text: "a test"})
	w := incident.AsWanted(s.state, s.policy)
	s.expect(!w.Open && w.Reason == "not_planned" && s.state.Outcome == incident.Declined, "%+v", w)
	s.at(4, "bob", cmd(incident.Finding)).expectSays("ended")
	s.at(5, "bob", incident.Reopened{}).expect(s.state.Closed == nil, "not reopened")
	s = critical(t).at(6, "bob", incident.Command{Kind: incident.Duplicate, Number: 3}).expectSays("refused-role")
	s.at(7, "carol", incident.Command{Kind: incident.Duplicate, Number: 3})
	w = incident.AsWanted(s.state, s.policy)
	s.expect(w.Reason == "duplicate" && w.Duplicate == 3, "%+v", w)
}

func TestNotesAreBackdated(t *testing.T) {
	s := tell(t).fact(opened("alice", "regular"))
	s.policy.Zone = time.FixedZone("CET", 3600)
	s.at(20, "alice", incident.Command{Kind: incident.Note, Entries: []incident.Line{
		{When: incident.Moment{Said: "11:30", Hour: 11, Minute: 30}, Text: "a"}, {When: incident.Moment{Said: "23:50", Hour: 23, Minute: 50}, Text: "b"}, {Text: "c"}}})
	var got []string
	for _, e := range s.state.Timeline {
		if e.Kind == "note" {
			got = append(got, e.At.Format("02 15:04"))
		}
	}
	s.expect(slices.Equal(got, []string{"02 10:30", "01 22:50", "02 11:00"}), "notes at %v", got)
}

func TestStateHoldsNoText(t *testing.T) {
	s := closed(t)
	for _, e := range s.state.Timeline {
		if strings.Contains(e.Text+e.What, "words") {
			t.Errorf("the state holds a comment's text: %+v", e)
		}
	}
}

func TestEveryCommandIsHandled(t *testing.T) {
	for _, row := range incident.Commands {
		c := incident.Command{Kind: row.Kind, Text: "words", Severity: "critical", Phase: incident.Investigate, Logins: []string{"bob"}, Customers: []string{"globex"},
			Number: 2, After: time.Minute, Entries: []incident.Line{{Text: "x"}}, Link: 5, Pin: &incident.Stamp{By: "bob", At: start, ID: "c5"},
			Names: []string{"acme/payments#41"}}
		by := "carol"
		if row.Verbs[0] == "oe" {
			by = "alice"
		}
		s := critical(t).at(6, by, c)
		answered := false
		for _, e := range s.effects {
			_, reaction := e.(incident.React)
			answered = answered || reaction
		}
		if !answered {
			t.Errorf("%s by %s gets no reaction (A1)", row.Usage, by)
		}
	}
}

func TestThePhasesAreToldToTheCompanysOwnChannels(t *testing.T) {
	s := tell(t)
	s.policy.Broadcast = []string{"#incidents"}
	s.fact(opened("alice", "critical")).at(5, "carol", cmd(incident.TakeIC)).at(6, "carol", phase(incident.Investigate)).at(7, "carol", phase(incident.Fixing))
	var told []incident.Phase
	keys := map[string]bool{}
	for _, e := range s.all {
		if b, ok := e.(incident.Broadcast); ok {
			told, keys[b.Key] = append(told, b.Phase), true
		}
	}
	s.expect(slices.Equal(told, []incident.Phase{incident.Identify, incident.Investigate}) && len(keys) == 2, "told of %v by %v", told, keys)
}

func TestV4UnpinTakesTheLastPinBack(t *testing.T) {
	s := critical(t).at(6, "alice", incident.Commented{}).at(7, "carol", cmd(incident.Pin))
	if len(s.state.Pinned) != 1 {
		t.Fatalf("pinned %v", s.state.Pinned)
	}
	s.at(8, "carol", cmd(incident.Unpin)).expectSays()
	s.expect(len(s.state.Pinned) == 0, "still pinned: %v", s.state.Pinned)
	s.at(9, "carol", cmd(incident.Unpin)).expectSays("not-pinned")
}

func TestA1WhatChangesNothingSaysSo(t *testing.T) {
	tests := []struct {
		name string
		by   string
		what incident.Command
		says []string
	}{
		{"a role that bob does not have", "bob", cmd(incident.DropOE), []string{"not-engineer"}},
		{"a role that alice has", "alice", cmd(incident.DropOE), nil},
		{"a customer who is not on the list", "carol", incident.Command{Kind: incident.RemoveCustomer, Customers: []string{"initech"}}, []string{"not-impacted"}},
		{"a customer who is on the list", "carol", incident.Command{Kind: incident.RemoveCustomer, Customers: []string{"globex"}}, nil},
		{"a customer who is there already", "carol", incident.Command{Kind: incident.AddCustomer, Customers: []string{"globex"}}, nil},
		{"another severity by /incident", "bob", incident.Command{Kind: incident.Declare, Severity: "regular"}, []string{"severity-stays"}},
		{"the severity that it has", "bob", incident.Command{Kind: incident.Declare, Severity: "critical"}, nil},
		{"a summary that it has", "bob", incident.Command{Kind: incident.Declare, Text: "noet the disk is full", Like: "/incident note text"}, []string{"declared-already"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := investigating(t).at(9, tt.by, tt.what).says(); !slices.Equal(got, tt.says) {
				t.Errorf("says %q, want %q", got, tt.says)
			}
		})
	}
}

// Who takes over what paged nobody has answered no page.
func TestI4WhoTakesOverUnpagedAnsweredNothing(t *testing.T) {
	s := tell(t).fact(opened("mallory", "regular")).at(1, "carol", cmd(incident.TakeIC))
	s.expect(s.state.Paging.Answered == nil && len(s.pages()) == 0, "a page was answered: %+v", s.state.Paging)
	for _, e := range s.state.Timeline {
		s.expect(e.Kind != "answered", "the timeline says that a page was answered")
	}
	s = tell(t).fact(opened("mallory", "critical")).at(1, "carol", cmd(incident.TakeIC))
	s.expect(s.state.Paging.Answered != nil && s.state.Paging.Answered.By == "carol", "the page was not answered: %+v", s.state.Paging)
}

// What is missing of two people names the role that is free (P3).
func TestP3TheMissingRoleIsNamed(t *testing.T) {
	team := func(s *story) incident.Check {
		for _, c := range incident.Blocks(s.state, s.policy, incident.Investigate) {
			if strings.HasPrefix(c.Text, "two people") {
				return c
			}
		}
		return incident.Check{}
	}
	s := tell(t).fact(opened("mallory", "critical"))
	s.expect(team(s).Command == "/ic" && !team(s).Done, "nobody: %+v", team(s))
	s.at(1, "alice", cmd(incident.TakeOE))
	s.expect(team(s).Command == "/ic" && !team(s).Done, "an OE alone: %+v", team(s))
	s.at(2, "carol", cmd(incident.TakeIC))
	s.expect(team(s).Done, "both: %+v", team(s))
	s = tell(t).fact(opened("mallory", "critical")).at(1, "carol", cmd(incident.TakeIC))
	s.expect(team(s).Command == "/oe" && !team(s).Done, "an IC alone: %+v", team(s))
	s.at(2, "carol", cmd(incident.TakeOE))
	s.expect(!team(s).Done, "one person in both roles: %+v", team(s))
}
