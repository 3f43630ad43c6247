package card

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func after(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }

// A list is shown whole until it is longer than there is room for, and then the card says how many
// more there are (V4).
func TestV4HowMuchOfAListIsShown(t *testing.T) {
	names := func(n int) (all []string) {
		for i := range n {
			all = append(all, fmt.Sprint("customer-", i))
		}
		return all
	}
	for _, c := range []struct {
		what      string
		fill      func(p *page, n int)
		lines     func(p *page) []string
		n         int
		want      int    // lines
		has, hide string // in the last line
	}{
		{what: "follow-ups", n: 5, want: 5, has: "5. "}, {what: "follow-ups", n: 6, want: 5, has: "5. "},
		{what: "more follow-ups", n: 5}, {what: "more follow-ups", n: 6, want: 1, has: "6. "}, {what: "more follow-ups", n: foldedFollowUps, want: foldedFollowUps - 5, has: fmt.Sprint(foldedFollowUps, ". ")},
		{what: "more follow-ups", n: foldedFollowUps + 1, want: foldedFollowUps - 4, has: "and 1 more"}, {what: "more follow-ups", n: foldedFollowUps + 7, want: foldedFollowUps - 4, has: "and 7 more"},
		{what: "refusals", n: 5, want: 5, has: "reason 4"}, {what: "refusals", n: 6, want: 6, has: "reason 5"}, {what: "refusals", n: 7, want: 6, has: "and 2 more"},
		{what: "contacts", n: 1, want: 1, hide: "customer-0"}, {what: "contacts", n: 2, want: 2, has: "customer-1"}, {what: "contacts", n: 8, want: 8, has: "customer-7"}, {what: "contacts", n: 9, want: 8, has: "customer-7"},
		{what: "unheard", n: 4, want: 4, has: "customer-3"}, {what: "unheard", n: 5, want: 5, has: "customer-4"}, {what: "unheard", n: 6, want: 5, has: "… and 2 more"},
		{what: "folded", n: 5, want: 1, has: "#105", hide: "earlier"}, {what: "folded", n: 6, want: 1, has: "1 earlier, "}, {what: "folded", n: 7, want: 1, has: "2 earlier, "},
		{what: "pages", n: 3, want: 3}, {what: "pages", n: 4, want: 3}, {what: "older pages", n: 3}, {what: "older pages", n: 4, want: 1}, {what: "older pages", n: 13, want: 10}, {what: "older pages", n: 14, want: 10},
	} {
		p := &page{today: noon, Running: true, Box: "unheard", url: "https://github.example/acme/incidents/issues/1"}
		var lines []string
		switch c.what {
		case "follow-ups", "more follow-ups":
			for i := range c.n {
				p.S.FollowUps = append(p.S.FollowUps, incident.FollowUp{Stamp: incident.Stamp{Text: fmt.Sprint("text ", i)}})
			}
			p.followUps()
			if lines = p.FollowUps; c.what == "more follow-ups" {
				lines = p.MoreFollowUps
			}
		case "refusals":
			for i := range c.n {
				p.S.Refused = append(p.S.Refused, incident.Refusal{Effect: "labels", Reason: fmt.Sprint("reason ", i), Since: noon})
			}
			p.refusals()
			lines = cellTexts(p.Refusals)
		case "contacts":
			p.S.Customers = names(c.n)
			for _, n := range p.S.Customers {
				p.Policy.Customers = append(p.Policy.Customers, incident.Customer{Name: n, Contacts: []string{"Gina"}})
			}
			p.contacts()
			lines = cellTexts(p.Contacts)
		case "unheard":
			p.S.Customers = names(c.n)
			p.S.Updates.Sent = []incident.Sent{{At: noon}}
			p.unheard()
			lines = p.Unheard
		case "folded":
			for i := range c.n {
				p.S.Folded = append(p.S.Folded, incident.Folded{From: 101 + i})
			}
			lines = []string{p.folded()}
		default:
			for i := range c.n {
				p.S.Paging.Pages = append(p.S.Paging.Pages, incident.Page{At: after(i), To: []string{fmt.Sprint("team-", i)}})
			}
			p.pages()
			if lines = cellTexts(p.Pages); c.what == "older pages" {
				lines = p.OldPages
			}
		}
		last := ""
		if len(lines) > 0 {
			last = lines[len(lines)-1]
		}
		if len(lines) != c.want || !strings.Contains(last, c.has) || c.hide != "" && strings.Contains(last, c.hide) {
			t.Errorf("%d %s: %d lines, the last is %q; want %d with %q", c.n, c.what, len(lines), last, c.want, c.has)
		}
	}
}

func cellTexts(cells []cell) (all []string) {
	for _, c := range cells {
		all = append(all, c.Text)
	}
	return all
}

// Below a page that nobody answered is what comes next: the next step, everybody again, or the first
// step for one who was asked for and does not answer (I5).
func TestI5WhatComesAfterAPage(t *testing.T) {
	p := incident.Policy{Rounds: 2, Escalation: []incident.EscalationStep{{To: []string{"first"}}, {To: []string{"second"}}}}
	for _, c := range []struct {
		paging  incident.Paging
		summons incident.Summons
		policy  incident.Policy
		want    string
	}{
		{policy: p}, {policy: p, paging: incident.Paging{Next: after(5), Step: 1}, want: "next: second 2 Mar 12:05"}, {policy: p, paging: incident.Paging{Next: after(5), Step: 2}, want: "next: first 2 Mar 12:05"},
		{policy: p, paging: incident.Paging{Next: after(5), Step: 3}, want: "next: second 2 Mar 12:05"}, {policy: p, paging: incident.Paging{Next: after(5), Step: 4}, want: "no answer yet"},
		{policy: incident.Policy{Escalation: p.Escalation}, paging: incident.Paging{Next: after(5), Step: 1}, want: "next: second 2 Mar 12:05"}, {policy: incident.Policy{Escalation: p.Escalation}, paging: incident.Paging{Next: after(5), Step: 2}, want: "no answer yet"},
		{paging: incident.Paging{Next: after(5)}}, {policy: p, paging: incident.Paging{GaveUp: true}, want: "nobody answered"}, {policy: p, paging: incident.Paging{GaveUp: true, Next: after(15)}, want: "next: everybody 2 Mar 12:15"},
		{policy: p, summons: incident.Summons{Due: after(7), People: []string{"carol"}}, want: "next: first 2 Mar 12:07"}, {policy: p, summons: incident.Summons{Due: after(7), People: []string{"dan"}}},
		{summons: incident.Summons{Due: after(7), People: []string{"carol"}}}, {policy: p, paging: incident.Paging{Next: after(5), Step: 1}, summons: incident.Summons{Due: after(7), People: []string{"carol"}}, want: "next: second 2 Mar 12:05"},
	} {
		at := page{today: noon, Policy: c.policy}
		at.S.IC, at.S.Paging, at.S.Summons = "carol", c.paging, c.summons
		if got := strings.TrimSuffix(at.waiting(), " UTC"); !strings.HasSuffix(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%+v, %+v: %q, want %q", c.paging, c.summons, got, c.want)
		}
	}
}

// How updates were kept is said once there was one, or one was due (V3).
func TestV3TheRecordOfUpdates(t *testing.T) {
	for _, c := range []struct {
		u    incident.Updates
		want string
	}{
		{u: incident.Updates{}}, {u: incident.Updates{Longest: time.Hour}}, {u: incident.Updates{Kept: 2, Missed: 1}, want: "on time 2 of 3"}, {u: incident.Updates{Missed: 1}, want: "on time 0 of 1"},
		{u: incident.Updates{Kept: 1}, want: "on time 1 of 1"}, {u: incident.Updates{Snoozed: 2}, want: "2 snoozed"}, {u: incident.Updates{Kept: 1, Snoozed: 1, Longest: 20 * time.Minute}, want: "on time 1 of 1, 1 snoozed · longest wait 20 min"},
		{u: incident.Updates{Sent: []incident.Sent{{At: noon}}}}, {u: incident.Updates{Sent: []incident.Sent{{At: noon}}, Longest: time.Minute}, want: "longest wait 1 min"},
	} {
		if got := updateRecord(c.u, noon); got != c.want {
			t.Errorf("%+v: %q", c.u, got)
		}
	}
}

// The wait between updates grows once the incident lasts, if the configuration says so (V3).
func TestV3TheWaitBetweenUpdates(t *testing.T) {
	for _, c := range []struct {
		severity incident.Severity
		minute   int
		want     string
	}{
		{incident.Severity{}, 0, ""}, {incident.Severity{Every: time.Hour}, 0, "hour"}, {incident.Severity{Every: 20 * time.Minute}, 900, "20 min"},
		{incident.Severity{Every: 20 * time.Minute, Later: time.Hour, After: 4 * time.Hour}, 239, "20 min"}, {incident.Severity{Every: 20 * time.Minute, Later: time.Hour, After: 4 * time.Hour}, 240, "hour"},
	} {
		c.severity.Name = "critical"
		p := page{today: after(c.minute), Policy: incident.Policy{Severities: []incident.Severity{c.severity}}}
		p.S.Severity, p.S.Confirmed = "critical", &incident.Stamp{At: noon}
		if got := p.updateInterval(); got != c.want {
			t.Errorf("%+v after %d minutes: %q", c.severity, c.minute, got)
		}
		p.S.Confirmed = nil
		if got := p.updateInterval(); c.severity.Later > 0 && got != "20 min" {
			t.Errorf("before it is confirmed: %q", got)
		}
	}
}

// A card of just the length that GitHub takes is not cut; of a longer one what the timeline can
// restore goes first, the older half of it, and then nothing is written (A5).
func TestA5ACardThatIsTooLongIsCut(t *testing.T) {
	key := Keys([][]byte{[]byte("secret")})[0]
	v := View{Ref: incident.Ref{Owner: "acme", Repo: "incidents", Number: 1}, ID: 7, Policy: incident.DefaultPolicy(), Now: noon}
	filled := func(hidden, entries int) incident.State {
		var s incident.State
		s.Phase, s.Declared, s.Severity = incident.Investigate, &incident.Stamp{By: "alice", At: noon}, "critical"
		for i := range entries {
			s.Timeline = append(s.Timeline, incident.Entry{At: after(i), By: "alice", Kind: "finding", What: fmt.Sprintf("entry-%02d", i)})
		}
		s.Entries = entries
		s.Asked.Edits = []string{strings.Repeat("x", hidden)} // nobody sees it
		return s
	}
	render := func(hidden, entries int) (incident.State, string) {
		body, err := Render(filled(hidden, entries), 3, v, key)
		if err != nil {
			t.Fatal(err)
		}
		c, err := OpenIn(body, Issue{v.Ref, v.ID}, [][]byte{key})
		if err != nil || c.Seq != 3 {
			t.Fatalf("opens as %d: %v", c.Seq, err)
		}
		return c.State, body
	}
	_, short := render(0, 12)
	room := MaxLength - len(short)
	s, body := render(room, 12)
	if len(body) != MaxLength || len(s.Timeline) != 12 || !strings.Contains(body, "entry-00") {
		t.Errorf("%d bytes, with %d entries", len(body), len(s.Timeline))
	}
	if s, body = render(room+1, 12); len(body) > MaxLength || len(s.Timeline) != 6 || !strings.Contains(body, "entry-11") {
		t.Errorf("a byte more: %d bytes, with %d entries", len(body), len(s.Timeline))
	}
	before := 6
	for more := 100; ; more += 100 {
		body, err := Render(filled(room+more, 12), 3, v, key)
		if err != nil {
			if before != 5 || !strings.Contains(err.Error(), "acme/incidents#1") {
				t.Errorf("%d entries are left, and then: %v", before, err)
			}
			break
		}
		c, err := OpenIn(body, Issue{v.Ref, v.ID}, [][]byte{key})
		s := c.State
		if n := len(s.Timeline); err != nil || len(body) > MaxLength || n > before || n != 6 && n != 5 {
			t.Fatalf("%d bytes more: %d bytes, with %d entries: %v", more, len(body), n, err)
		} else if before = n; n > 0 && s.Timeline[n-1].What != "entry-11" {
			t.Fatalf("the newest goes first: %+v", s.Timeline)
		}
	}
}

// Half of a list goes at a time, one list after another, and the newest five of each stay (A5).
func TestA5WhatACardIsCutBy(t *testing.T) {
	for _, c := range []struct{ n, left int }{{5, 5}, {6, 5}, {10, 5}, {11, 5}, {12, 6}, {21, 10}} {
		for what, of := range map[string]func(s *incident.State, n int) int{
			"timeline": func(s *incident.State, n int) int {
				s.Timeline = append(s.Timeline, make([]incident.Entry, n)...)
				return len(s.Timeline)
			},
			"pages": func(s *incident.State, n int) int {
				s.Paging.Pages = append(s.Paging.Pages, make([]incident.Page, n)...)
				return len(s.Paging.Pages)
			},
			"phases": func(s *incident.State, n int) int {
				s.Phases = append(s.Phases, make([]incident.Span, n)...)
				return len(s.Phases)
			},
		} {
			var s incident.State
			of(&s, c.n)
			was := trimState(&s)
			if got := of(&s, 0); got != c.left || was != (c.n > 5) {
				t.Errorf("%d of the %s: %d are left, cut: %t", c.n, what, got, was)
			}
		}
	}
}
