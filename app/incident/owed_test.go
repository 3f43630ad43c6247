package incident_test

import (
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// What an incident still asks of GitHub follows from its state: tickets and the postmortem while it
// closes, changes of tickets, what was refused and is due again, and nothing of one that was
// declined (C2, C4, A8).
func TestA8C2WhatIsOwed(t *testing.T) {
	ticket := incident.FollowUp{Ticket: "acme/payments#1"}
	changed := incident.FollowUp{Ticket: "acme/payments#1", Changed: true, Was: "erin"}
	refused := func(effect string, due bool) func(*incident.State) {
		return func(s *incident.State) {
			s.FollowUps, s.Refused = []incident.FollowUp{ticket}, []incident.Refusal{{Effect: effect, Due: due}}
		}
	}
	for name, c := range map[string]struct {
		set  func(s *incident.State)
		want string
	}{
		"nothing":                     {func(*incident.State) {}, ""},
		"no incident":                 {func(s *incident.State) { s.Declared = nil; s.Document.Stale = true }, ""},
		"while it closes":             {func(s *incident.State) { s.Phase = incident.Closing; s.FollowUps = []incident.FollowUp{ticket, {}} }, "ticket document "},
		"with its document":           {func(s *incident.State) { s.Phase, s.Document.Number = incident.Closing, 4 }, ""},
		"with another document":       {func(s *incident.State) { s.Phase, s.Document.Number, s.Document.Wanted = incident.Closing, 4, true }, "document "},
		"before it closes":            {func(s *incident.State) { s.FollowUps = []incident.FollowUp{{}} }, ""},
		"a changed ticket":            {func(s *incident.State) { s.FollowUps = []incident.FollowUp{changed} }, "change "},
		"a change without a ticket":   {func(s *incident.State) { s.FollowUps = []incident.FollowUp{{Changed: true}} }, ""},
		"a refused update":            {refused("update/globex", true), "share "},
		"a refused update, later":     {refused("update/globex", false), ""},
		"a refused move":              {refused("ticket move/0", true), "move "},
		"a refused move, later":       {refused("ticket move/0", false), ""},
		"a refused move of no ticket": {refused("ticket move/1", true), ""},
		"another refusal":             {refused("labels", true), ""},
		"facts to add":                {func(s *incident.State) { s.Document.Stale = true }, "refresh "},
		"facts, but it is merged":     {func(s *incident.State) { s.Document.Stale, s.Document.Merged = true, &incident.Stamp{} }, ""},
		"facts, but it is closed":     {func(s *incident.State) { s.Document.Stale, s.Document.IsClosed = true, true }, ""},
		"a merged one to check":       {func(s *incident.State) { s.Document.Unchecked = true }, "check "},
		"the customers' version":      {func(s *incident.State) { s.Document.Owed = true }, "announce "},
		"declined": {func(s *incident.State) {
			s.Outcome, s.Document.Owed, s.Document.Stale, s.FollowUps = incident.Declined, true, true, []incident.FollowUp{changed}
			s.Updates.Shared = []incident.Shared{{Customer: "globex", Owed: true}}
		}, "status "},
	} {
		s := incident.State{Phase: incident.Monitoring, Declared: &incident.Stamp{}}
		c.set(&s)
		got := ""
		for _, e := range incident.Pending(s) {
			switch e.(type) {
			case incident.OpenTicket:
				got += "ticket "
			case incident.OpenDocument:
				got += "document "
			case incident.ChangeTicket:
				got += "change "
			case incident.ShareAgain:
				got += "share "
			case incident.MoveTicket:
				got += "move "
			case incident.RefreshDocument:
				got += "refresh "
			case incident.CheckMerged:
				got += "check "
			case incident.AnnounceDocument:
				got += "announce "
			case incident.TellStatus:
				got += "status "
			default:
				got += fmt.Sprintf("%T ", e)
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// A rule is for the reports that have all it names: the source, a word of a title, and each label as a whole (I1).
func TestI1WhatARuleMatches(t *testing.T) {
	label, err := incident.CompileLabel("pay|prod")
	if err != nil {
		t.Fatal(err)
	}
	labels := map[string]*regexp.Regexp{"team": label}
	for _, c := range []struct {
		rule   incident.Rule
		labels map[string]string
		titles []string
		want   bool
	}{
		{want: true}, {rule: incident.Rule{Source: "Alertmanager"}, want: true}, {rule: incident.Rule{Source: "Email"}},
		{rule: incident.Rule{Title: regexp.MustCompile("disk")}}, {rule: incident.Rule{Title: regexp.MustCompile("disk")}, titles: []string{"cpu", "a disk is full"}, want: true}, {rule: incident.Rule{Title: regexp.MustCompile("disk")}, titles: []string{"cpu"}},
		{rule: incident.Rule{Labels: labels}}, {rule: incident.Rule{Labels: labels}, labels: map[string]string{"team": "pay"}, want: true}, {rule: incident.Rule{Labels: labels}, labels: map[string]string{"team": "prod"}, want: true},
		{rule: incident.Rule{Labels: labels}, labels: map[string]string{"team": "payments"}}, {rule: incident.Rule{Labels: labels}, labels: map[string]string{"team": "preprod"}},
		{rule: incident.Rule{Labels: labels, Title: regexp.MustCompile("disk")}, labels: map[string]string{"team": "pay"}, titles: []string{"cpu"}},
	} {
		if got := c.rule.Matches("Alertmanager", c.labels, c.titles...); got != c.want {
			t.Errorf("%+v, %v, %v: %t", c.rule, c.labels, c.titles, got)
		}
	}
}

// The answer is one to the newest page of the escalation, or that the trouble came back, and not to
// what was asked for in between (I5).
func TestI5WhichPageWasAnswered(t *testing.T) {
	at := func(n float64, why string) incident.Page { return incident.Page{At: minute(n), Why: why} }
	for _, c := range []struct {
		pages    []incident.Page
		answered float64 // 0: nobody did
		want     int
	}{
		{want: -1}, {answered: 5, want: -1}, {pages: []incident.Page{at(1, "team")}, want: -1}, {pages: []incident.Page{at(1, "team")}, answered: 1, want: 0}, {pages: []incident.Page{at(2, "team")}, answered: 1, want: -1},
		{pages: []incident.Page{at(1, "team"), at(2, "team")}, answered: 3, want: 1}, {pages: []incident.Page{at(1, "team"), at(4, "team")}, answered: 3, want: 0},
		{pages: []incident.Page{at(1, "team"), at(2, "asked"), at(2, "update")}, answered: 3, want: 0}, {pages: []incident.Page{at(1, "team"), at(2, "again")}, answered: 3, want: 1},
	} {
		p := incident.Paging{Pages: c.pages}
		if c.answered > 0 {
			p.Answered = &incident.Stamp{At: minute(c.answered)}
		}
		if got := p.AnsweredPage(); got != c.want {
			t.Errorf("%+v: page %d", c, got)
		}
	}
	if got := (incident.Paging{Sent: 5, Listed: 2}).Count(); got != 3 {
		t.Errorf("%d pages went to people", got)
	}
}

// A page that nobody got says so on the card, and not that another one failed (I5).
func TestI5ASkippedPageSaysSo(t *testing.T) {
	s := tell(t).fact(opened("alice", "critical"))
	s.at(0.1, "", incident.PageSkipped{Key: "page/9", Why: "no such page"})
	s.expect(s.state.Paging.Pages[0].Failed == "", "another one is skipped: %+v", s.state.Paging.Pages)
	s.at(0.2, "", incident.PageSkipped{Key: "page/1", Why: "answered before"})
	p := s.state.Paging.Pages[0]
	s.expect(p.Failed == "answered before" && p.Skipped, "%+v", p)
	s.at(0.3, "", incident.PageSkipped{Key: "page/1", Why: "once more"})
	s.expect(s.state.Paging.Pages[0].Failed == "answered before", "the first reason is lost: %+v", s.state.Paging.Pages[0])
}

// A note with a time is there in the timeline. A time that cannot be is asked about, and one that
// is not plain is said as it was understood (A1).
func TestA1ANoteWithATime(t *testing.T) {
	line := func(m incident.Moment, text string) incident.Line {
		return incident.Line{When: incident.NewMoment(m), Text: text}
	}
	for name, c := range map[string]struct {
		entries  []incident.Line
		reaction incident.Reaction
		says     []string
		at       []time.Time
	}{
		"no time":       {[]incident.Line{{Text: "a"}}, incident.Done, nil, []time.Time{minute(10)}},
		"a plain time":  {[]incident.Line{line(incident.Moment{Said: "10:45", Hour: 10, Minute: 45, Plain: true}, "a")}, incident.Done, nil, []time.Time{minute(5)}},
		"a vague time":  {[]incident.Line{line(incident.Moment{Said: "quarter to", Hour: 10, Minute: 45}, "a")}, incident.Done, []string{"noted"}, []time.Time{minute(5)}},
		"no such time":  {[]incident.Line{line(incident.Moment{Said: "25:99", Hour: 25, Minute: 99}, "a")}, incident.Unclear, []string{"noted"}, nil},
		"one of two is": {[]incident.Line{{Text: "a"}, line(incident.Moment{Said: "25:99", Hour: 25, Minute: 99}, "b")}, incident.Unclear, []string{"noted"}, []time.Time{minute(10)}},
	} {
		s := critical(t).at(10, "bob", incident.Command{Kind: incident.Note, Entries: c.entries}).expectReaction(c.reaction).expectSays(c.says...)
		var at []time.Time
		for _, e := range s.state.Timeline {
			if e.Kind == "note" {
				at = append(at, e.At)
			}
		}
		s.expect(fmt.Sprint(at) == fmt.Sprint(c.at), "%s: noted at %v", name, at)
		if len(c.says) > 0 {
			say := s.say("noted")
			s.expect(say.Count == len(c.at) && (len(say.Missing) > 0) == (c.reaction == incident.Unclear), "%s: says %+v", name, say)
		}
	}
}

// An update is owed to a customer's channel from when it was lost until a later one reaches them (V3, A8).
func TestV3A8WhichUpdateIsOwed(t *testing.T) {
	lost := incident.Sent{At: minute(1), Update: true, Lost: []string{"globex: issue"}, Reached: []string{"globex"}}
	for _, c := range []struct {
		later []incident.Sent
		owed  bool
	}{
		{nil, true}, {[]incident.Sent{{Update: true, Reached: []string{"Globex"}}}, false}, {[]incident.Sent{{Update: true, Reached: []string{"initech"}}}, true}, {[]incident.Sent{{Reached: []string{"globex"}}}, true},
		{[]incident.Sent{{Update: true}}, true},
	} {
		s, ok := incident.Updates{Sent: append([]incident.Sent{lost}, c.later...)}.OwedTo("globex", "issue")
		if ok != c.owed || ok && !s.At.Equal(lost.At) {
			t.Errorf("%+v: %+v, %t", c.later, s, ok)
		}
	}
	if _, ok := (incident.Updates{Sent: []incident.Sent{lost}}).OwedTo("globex", "email"); ok {
		t.Error("another channel is owed it")
	}
}

// A mail that comes back is told once, to the coordinator, with whose address it was; one that is only late is told to nobody (A8).
func TestA8AMailThatComesBackIsTold(t *testing.T) {
	for _, c := range []struct {
		customer string
		delayed  bool
		name     string
	}{{"globex", false, "mail-bounced"}, {"", false, "mail-bounced"}, {"globex", true, "mail-delayed"}} {
		report := incident.Report{Mark: "b", ID: "i", At: minute(9).Unix()}
		back := incident.Bounced{Address: "x@globex.example", Customer: c.customer, Delayed: c.delayed, Update: minute(8), Why: "550", Report: report}
		s := critical(t).at(10, "", back).expectSays(c.name)
		say := s.say(c.name)
		s.expect((len(say.Names) > 0) == (c.customer != "") && (say.Who == "carol") == !c.delayed && say.Time.Equal(minute(8)) == c.delayed && say.Line == back.Address, "%+v: says %+v", c, say)
		s.at(11, "", back).expectSays()
	}
}

// A brief of a running incident says who has heard nothing, but of a drill; and what the next phase waits for,
// once it is confirmed (V4, A6).
func TestV4WhatABriefSays(t *testing.T) {
	for _, c := range []struct{ drill, confirmed, closed, waits, misses bool }{
		{confirmed: true, waits: true, misses: true}, {drill: true, confirmed: true, misses: true}, {waits: true}, {confirmed: true, closed: true},
	} {
		s := untold(t, "globex").at(10, "carol", cmd(incident.Update)).at(11, "", failed("globex", 10, "issue", "email"))
		s.state.Drill = c.drill
		if !c.confirmed {
			s.state.Confirmed = nil
		}
		if c.closed {
			s.state.Closed = &incident.Stamp{At: minute(12)}
		}
		b := incident.BriefOf(s.state, s.policy, people[2], minute(13))
		s.expect((len(b.Waiting) > 0) == c.waits && (len(b.Missing) > 0) == c.misses && b.Told.Update, "%+v: %+v", c, b)
	}
}

// Nobody answered what did not go out: who takes the role before any page does not answer one (I5).
func TestI5WithoutAPageNobodyAnswered(t *testing.T) {
	s := tell(t).fact(opened("alice", "")).at(1, "carol", cmd(incident.TakeIC))
	s.expect(s.state.Paging.Answered == nil, "answered: %+v", s.state.Paging.Answered)
	s = tell(t).fact(opened("alice", "critical")).at(1, "carol", cmd(incident.TakeIC))
	s.expect(s.state.Paging.Answered != nil && s.state.Paging.Answered.By == "carol" && s.state.Paging.Next.IsZero(), "a page was: %+v", s.state.Paging)
}

// A claim that nobody takes names what reported it, or who did (I3).
func TestI3AClaimNamesItsReporter(t *testing.T) {
	for source, want := range map[string]string{"form": "mallory", "label": "mallory", "command": "mallory", "": "mallory", "Alertmanager": "Alertmanager"} {
		s := tell(t)
		s.policy.AskClaim = 10 * time.Minute
		s.fact(incident.Fact{ID: "opened", At: start, By: incident.Person{Login: "mallory"}, What: incident.Opened{Source: source, Summary: true, Severity: "regular", Customers: []string{"globex"}}})
		for m := 1.0; m < 60 && !s.saidAll("unclaimed"); m++ {
			s.clock(m)
		}
		for _, e := range s.all {
			if r, ok := e.(incident.Remind); ok && r.Say.Name == "unclaimed" && r.Say.Line != want {
				t.Errorf("%q: reported by %q, want %q", source, r.Say.Line, want)
			}
		}
		s.expect(s.saidAll("unclaimed"), "%q: nobody is asked", source)
	}
}

// saidAll reports whether any fact made the app say something by a name.
func (s *story) saidAll(name string) bool {
	for _, e := range s.all {
		if r, ok := e.(incident.Remind); ok && r.Say.Name == name {
			return true
		}
	}
	return false
}

// A postmortem's pull request that somebody closes is told once; another one is nobody's business (C3).
func TestC3AClosedPullRequestIsTold(t *testing.T) {
	s := closedUp(t).at(12, "bob", incident.PullRequestClosed{Number: 5}).expectSays()
	s.expect(!s.state.Document.IsClosed, "another one counts")
	s.at(13, "bob", incident.PullRequestClosed{Number: 4})
	s.expect(s.state.Document.IsClosed && len(s.says()) == 1, "it says %v", s.says())
	s.at(14, "bob", incident.PullRequestClosed{Number: 4}).expectSays()
	s = closedUp(t).at(12, "bob", incident.DocumentMerged{Number: 4}).at(13, "bob", incident.PullRequestClosed{Number: 4}).expectSays()
	s.expect(!s.state.Document.IsClosed, "a merged one is closed")
}
