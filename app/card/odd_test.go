package card_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// oddStates are moments at which a card has too much of something, or lacks what it mostly has.
func oddStates(t testing.TB) map[string]incident.State {
	at := func(minute int) time.Time { return start.Add(time.Duration(minute) * time.Minute) }
	all := map[string]incident.State{}
	add := func(name string, s *story, change func(s *incident.State)) {
		change(&s.state)
		all[name] = s.state
	}
	add("refused", investigated(t), func(s *incident.State) {
		for i, effect := range []string{"labels", "ticket/0", "ticket/x", "update/globex", "status/globex", "something new"} {
			r := incident.Refusal{Effect: effect, Reason: "Resource not accessible", Since: at(10 + i), Tried: at(12)}
			if i > 0 {
				r.Next = at(20 + i)
			}
			s.Refused = append(s.Refused, r)
		}
		for i := range 7 {
			s.Unsaid = append(s.Unsaid, incident.Unsaid{Keys: []string{fmt.Sprint("reply/c", i)}, Text: fmt.Sprintf("What was said, number %d", i)})
		}
		s.Unsaid[5].Text = strings.Repeat("a", 399) + "ä and more"
		s.Unsaid[6].Text = strings.Repeat("b", 400)
	})
	for name, n := range map[string]int{"follow-ups-5": 5, "follow-ups-6": 6, "follow-ups-20": 20, "follow-ups-22": 22} {
		add(name, fixing(t), func(s *incident.State) {
			s.FollowUps = nil
			for i := range n {
				f := incident.FollowUp{Stamp: incident.Stamp{By: "alice", At: at(26), ID: fmt.Sprintf("c%d.0", i), Text: fmt.Sprintf("work %d", i)}}
				switch i {
				case 0:
					f.Auto = true
				case 1:
					f.Text = ""
				case 2:
					f.Repo, f.Owner = "acme/platform", "bob"
				case 3:
					f.Ticket, f.Repo, f.Due = "acme/payments#4", "acme/payments", "2026-12-01"
				}
				s.FollowUps = append(s.FollowUps, f)
			}
		})
	}
	for name, n := range map[string]int{"folded-5": 5, "folded-6": 6} {
		add(name, investigated(t), func(s *incident.State) {
			for i := range n {
				s.Folded = append(s.Folded, incident.Folded{From: 20 + i, Fact: fmt.Sprint("c", i)})
			}
			s.Folded = append(s.Folded, incident.Folded{From: 20, Fact: "again"})
			s.Sources = []string{"Grafana", "Datadog"}
		})
	}
	add("many-customers", investigated(t), func(s *incident.State) {
		s.Customers = []string{"globex", "initech", "umbrella"}
		for i := range 8 {
			s.Customers = append(s.Customers, fmt.Sprint("customer-", i))
		}
	})
	unheard := func(s *incident.State, n int) {
		s.Customers = []string{"initech", "globex"}
		for i := range n - 1 {
			s.Customers = append(s.Customers, fmt.Sprint("customer-", i))
		}
		s.Updates.Heard = []incident.Heard{{Customer: "globex"}}
	}
	for name, minute := range map[string]int{"unheard": 15, "unheard-amber": 27, "unheard-overdue": 40} {
		add(name, investigated(t).clock(minute), func(s *incident.State) { unheard(s, 3) })
	}
	add("unheard-8", investigated(t), func(s *incident.State) { unheard(s, 8) })
	add("unheard-9", investigated(t), func(s *incident.State) { unheard(s, 9) })
	add("unheard-drill", investigated(t), func(s *incident.State) { unheard(s, 3); s.Drill = true })
	add("unheard-handover", tell(t, form(), "alice").at(2, "carol", cmd(incident.TakeIC)), func(s *incident.State) {
		unheard(s, 3)
		s.Drill, s.Handover = true, "dan"
	})
	add("unmerged", closing(t), func(s *incident.State) { s.Document.Number, s.Document.IsClosed = 13, true })
	add("unmerged-by-now", closing(t), func(s *incident.State) {
		merged := incident.Stamp{By: "carol", At: at(1600), ID: "m13@pull"}
		s.Document.Number, s.Document.IsClosed, s.Document.Merged = 13, true, &merged
	})
	add("asked-coordinator", investigated(t), func(s *incident.State) {
		s.Paging.Answered, s.Paging.Next, s.Paging.GaveUp = nil, time.Time{}, false
		s.Summons = incident.Summons{People: []string{"carol"}, At: at(10), Due: at(30)}
	})
	add("asked-others", investigated(t), func(s *incident.State) {
		s.Paging.Answered, s.Paging.Next = nil, time.Time{}
		s.Summons = incident.Summons{People: []string{"dan"}, At: at(10), Due: at(30)}
	})
	add("asked-while-paging", tell(t, form(), "alice").clock(6), func(s *incident.State) {
		s.IC = "carol"
		s.Summons = incident.Summons{People: []string{"carol"}, At: at(10), Due: at(30)}
	})
	for name, n := range map[string]int{"pages-8": 8, "pages-14": 14, "pages-20": 20} {
		add(name, investigated(t), func(s *incident.State) {
			s.Paging.Pages, s.Paging.Answered = nil, nil
			for i := range n {
				pg := incident.Page{Key: fmt.Sprint("page/", i), At: at(i), To: []string{fmt.Sprint("team-", i%5)}, By: []string{"pagerduty"}, Why: []string{"", "update", "asked", "again", "reopened"}[i%5]}
				if i%7 == 3 {
					pg.By, pg.Lost = []string{"pagerduty", "webhook"}, []string{"webhook"}
				}
				s.Paging.Pages = append(s.Paging.Pages, pg)
			}
			s.Paging.Sent = n
		})
	}
	regular := func() *story {
		return tell(t, incident.Opened{Source: "form", Summary: true, Severity: "regular", Customers: []string{"globex"}}, "alice").at(3, "carol", cmd(incident.TakeIC))
	}
	add("regular-alone", regular(), func(*incident.State) {})
	add("regular-both", regular().at(4, "carol", cmd(incident.TakeOE)), func(*incident.State) {})
	add("regular-two", regular().at(4, "alice", cmd(incident.TakeOE)), func(*incident.State) {})
	add("regular-three", regular().at(4, "carol", cmd(incident.TakeOE)).at(5, "bob", cmd(incident.TakeOE)), func(*incident.State) {})
	add("unconfirmed-with-people", tell(t, alert(), "firebreak[bot]").at(1, "carol", cmd(incident.TakeIC)), func(*incident.State) {})
	add("alone", investigated(t).at(15, "alice", cmd(incident.DropOE)), func(s *incident.State) {
		s.Alone = &incident.Stamp{By: "carol", At: at(16), ID: "c2000.0"}
	})
	add("data-missing", tell(t, incident.Opened{Source: "command", Severity: "critical"}, "alice").at(1, "carol", cmd(incident.TakeIC)), func(*incident.State) {})
	add("updates-silent", investigated(t), func(s *incident.State) {
		s.Updates.Kept, s.Updates.Missed, s.Updates.Snoozed, s.Updates.Longest = 2, 1, 3, 0
	})
	return all
}
