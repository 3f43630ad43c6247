package incident_test

import (
	"slices"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// reportedService is a P1 that an alert reported of payments, and that pages before anybody confirmed it.
func reportedService(t *testing.T, owners ...string) *story {
	s := tell(t)
	s.policy.Catalog = incident.Catalog{PageOwners: true, Services: []incident.CatalogService{
		{Name: "payments", Owners: owners}, {Name: "checkout", DependsOn: []string{"Payments"}}}}
	return s.fact(incident.Fact{ID: "opened", At: start, By: incident.Person{Login: "firebreak[bot]", Bot: true},
		What: incident.Opened{Source: "Alertmanager", Signal: true, Severity: "critical", Page: true, Service: "Payments"}})
}

// pagedTo lists whom each page of an incident went to.
func (s *story) pagedTo() (all []string) {
	for _, e := range s.all {
		if send, ok := e.(incident.Send); ok {
			all = append(all, send.To...)
			all = append(all, "|")
		}
	}
	return all
}

func TestX2OwnersArePagedBesidesTheCoordinators(t *testing.T) {
	s := reportedService(t, "money", "@dan")
	s.clock(5).clock(10) // the third step only names the phone list
	want := []string{"incident-coordinators", "money", "@dan", "|", "incident-coordinators", "money", "@dan", "|", "phone", "|"}
	if got := s.pagedTo(); !slices.Equal(got, want) {
		t.Errorf("paged %q, want %q", got, want)
	}
	if got := s.state.Hit.NeededBy; !slices.Equal(got, []string{"checkout"}) {
		t.Errorf("needed by %q", got)
	}
}

// Owners who are read later are paged at once, and not twice.
func TestX2OwnersWhoAreReadLaterArePaged(t *testing.T) {
	s := reportedService(t)
	found := s.state.Hit
	found.Owners = []string{"incident-coordinators", "money"}
	s.at(1, "", incident.OwnerFound{Hit: found})
	if got, want := s.pagedTo(), []string{"incident-coordinators", "|", "money", "|"}; !slices.Equal(got, want) {
		t.Errorf("paged %q, want %q", got, want)
	}
	found.Name = "web"
	s.at(2, "", incident.OwnerFound{Hit: found}) // another one was named in between
	if s.state.Hit.Name != "payments" {
		t.Errorf("hit: %+v", s.state.Hit)
	}
}

// Only who typed a name of which nothing is known is asked about it.
func TestX2AnUnknownServiceIsAskedAbout(t *testing.T) {
	s := critical(t).at(6, "carol", incident.Command{Kind: incident.NameService, Names: []string{"payrolls"}})
	s.at(6, "", incident.OwnerFound{Hit: s.state.Hit}).expectSays("service-unknown")
	s.at(7, "", incident.OwnerFound{Hit: s.state.Hit, IsRefused: true}).expectSays()
	s = reportedService(t)
	s.policy.Catalog.Services = nil
	s.at(1, "", incident.OwnerFound{Hit: s.state.Hit}).expectSays()
}

// What GitHub does not answer is asked for later, each time after twice as long, and then not any more.
func TestX2OwnersAreReadLater(t *testing.T) {
	s := critical(t)
	s.state.Changes.Owed, s.state.Similar.Owed, s.state.Runbook.Owed = false, false, false
	s.at(6, "carol", incident.Command{Kind: incident.NameService, Names: []string{"payments"}})
	s.state.Changes.Owed = false
	at := 6.0
	for _, wait := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute} {
		seek := s.lastSeek()
		if !s.state.IsSought(seek) {
			t.Fatalf("it isn't asked for at %v: %+v", at, s.state.Hit)
		}
		s.at(at, "", incident.Found{Number: seek, NoOwner: true})
		if at += wait.Minutes(); s.clock(at-0.1).lastSeek() != seek {
			t.Fatalf("it is asked for too early before %v", at)
		}
		if s.clock(at).lastSeek() == seek {
			t.Fatalf("it isn't asked for again at %v", at)
		}
	}
	seek := s.lastSeek()
	if s.at(at, "", incident.Found{Number: seek, NoOwner: true}).clock(at + 600); s.lastSeek() != seek ||
		s.state.Hit.Name != "payments" {
		t.Errorf("read for ever: %+v", s.state.Hit)
	}
}

// A search of which nothing comes is asked for again, and then not any more.
func TestX1ALostSearchIsAskedForAgain(t *testing.T) {
	s := tell(t).fact(opened("alice", "critical"))
	if n := s.lastSeek(); n != 1 {
		t.Fatalf("%d searches are asked for", n)
	}
	for n := 2; n <= 5; n++ {
		due := incident.Due(incident.State{Declared: s.state.Declared, Changes: s.state.Changes}, s.policy)
		s.clock(due.Sub(start).Minutes())
		if s.lastSeek() != n || !s.state.IsSought(n) {
			t.Fatalf("the search is not asked for again: %d, %+v", s.lastSeek(), s.state.Changes)
		}
	}
	if s.clock(10_000); s.lastSeek() != 5 || s.state.Changes.Owed {
		t.Errorf("asked for ever: %+v", s.state.Changes)
	}
}

// A result counts once, and only where nothing else was asked for since.
func TestX1AResultCountsOnce(t *testing.T) {
	s := critical(t)
	listed := &incident.ChangesListed{Suspects: []incident.Suspect{{Ref: "acme/payments#1"}, {Ref: "acme/payments#2"}}, Seen: 2}
	first := incident.Found{Number: s.lastSeek(), Changes: listed, Similar: &incident.SimilarFound{}, Runbook: &incident.RunbookFound{}}
	s.at(6, "", first).expectSays("changes")
	s.at(6, "", first).expectSays()

	s.at(7, "alice", incident.Command{Kind: incident.ClearChange, Names: []string{"acme/payments#1"}, Text: "no"})
	s.at(7, "", first).expectSays()
	second := incident.Found{Number: s.lastSeek(), Changes: &incident.ChangesListed{Suspects: listed.Suspects[1:]}}
	s.at(7, "alice", incident.Command{Kind: incident.ClearChange, Names: []string{"acme/payments#2"}, Text: "no"})
	s.at(7, "", second).expectSays()
	s.at(7, "", incident.Found{Number: s.lastSeek(), Changes: &incident.ChangesListed{Suspects: listed.Suspects[:1]}}).expectSays("changes")
}

func TestX2AnEscalationNamesAService(t *testing.T) {
	p := incident.DefaultPolicy()
	p.Responders = []string{"platform"}
	ask := incident.Directory{Team: func(string) incident.Answer { return incident.No },
		Person: func(string) incident.Answer { return incident.No },
		Service: func(name string) []string {
			return map[string][]string{"payments": {"money", "@dan"}, "platform": {"others"}}[name]
		}}
	for text, want := range map[string][]string{
		"payments cards fail":              {"money", "@dan"},
		"payments, platform: cards fail":   {"money", "@dan", "platform"}, // a group of the configuration comes first
		"the payments are down":            {p.Coordinators},
		"ledger is down":                   {p.Coordinators},
		"@payments":                        nil,
		"payments and payments cards fail": {"money", "@dan"},
	} {
		if got := incident.ReadTargets(text, "acme", p, nil, ask).To; !slices.Equal(got, want) {
			t.Errorf("%q pages %q, want %q", text, got, want)
		}
	}
}
