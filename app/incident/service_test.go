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

// What GitHub does not answer is read later, each time after twice as long, and then not any more.
func TestX2OwnersAreReadLater(t *testing.T) {
	s := critical(t).at(6, "carol", incident.Command{Kind: incident.NameService, Names: []string{"payments"}})
	at := 6.0
	for _, wait := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute} {
		if len(incident.OwedOwner(s.state)) != 1 {
			t.Fatalf("nothing is owed at %v", at)
		}
		s.at(at, "", incident.OwnerUnread{})
		if len(incident.OwedOwner(s.state)) != 0 {
			t.Fatalf("it is read at once at %v", at)
		}
		at += wait.Minutes()
		s.clock(at)
	}
	s.at(at, "", incident.OwnerUnread{}).clock(at + 60)
	if len(incident.OwedOwner(s.state)) != 0 || s.state.Hit.Name != "payments" {
		t.Errorf("read for ever: %+v", s.state.Hit)
	}
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
