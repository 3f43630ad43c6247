package incident_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/oncall"
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

// A text names a service by whole words, however they are joined (X2).
func TestX2AServiceIsFoundInWords(t *testing.T) {
	c := incident.Catalog{Services: []incident.CatalogService{{Name: "payments", Aliases: []string{"pay", "Cards"}}, {Name: "api"},
		{Name: "checkout-api"}, {Name: "web"}, {Name: "zahlung-ö"}, {Name: "cards"}}}
	for text, want := range map[string]string{
		"Payments: pods are OOMKilled":       "payments Payments",
		"payments' pods are gone":            "payments payments",
		"the payments. Nothing else":         "payments payments",
		"we can't pay any more":              "payments pay",
		"repayments fail":                    "",
		"pay-as-you-go fails":                "",
		"checkout-api answers 500":           "checkout-api checkout-api",
		"the Checkout API answers 500":       "checkout-api Checkout API",
		"web and then payments":              "payments payments", // the longest
		"the api and the web":                "api api",           // the first
		"checkoutapi":                        "checkout-api checkoutapi",
		"cards fail":                         "cards cards", // a name comes before an alias
		"Zahlung-Ö steht":                    "zahlung-ö Zahlung-Ö",
		"everything is down":                 "",
		"-":                                  "",
		"":                                   "",
		"https://grafana.example/d/payments": "payments payments",
	} {
		s, said, ok := c.Named(text)
		got := ""
		if ok {
			got = s.Name + " " + said
		}
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if s, _ := c.Find("PAY"); s.Name != "payments" {
		t.Errorf("the alias finds %+v", s)
	}
	if s, _ := c.Find("cards"); s.Name != "cards" {
		t.Errorf("an alias comes before the name: %+v", s)
	}
}

func TestX2AServiceIsFoundByFiles(t *testing.T) {
	c := incident.Catalog{Services: []incident.CatalogService{{Name: "mono", Repo: "acme/mono"}, {Name: "cards", Repo: "acme/mono", Path: "services/cards"},
		{Name: "web", Repo: "acme/mono", Path: "services/web/"}, {Name: "shop", Repo: "acme/shop", Path: "shop"}, {Name: "ledger"}}}
	for _, tt := range []struct {
		repo, files, want string
	}{
		{"acme/mono", "services/cards/a.go services/web/b.go services/cards/c.go", "cards"},
		{"Acme/Mono", "services/web/b.go", "web"},
		{"acme/mono", "services/webserver/b.go", "mono"},
		{"acme/mono", "", "mono"},
		{"acme/shop", "docs/a.md", ""},
		{"acme/ledger", "a.go", ""},
	} {
		if s, _ := c.At(tt.repo, strings.Fields(tt.files)); s.Name != tt.want {
			t.Errorf("%s of %s: %q, want %q", tt.files, tt.repo, s.Name, tt.want)
		}
	}
}

// Where nobody names the service it is guessed, once the incident is critical, and shown as a guess: what a
// person says counts, and a guess pages nobody (X2).
func TestX2AServiceThatIsGuessed(t *testing.T) {
	guess := incident.Hit{Name: "payments", Owners: []string{"money"}, How: incident.HitSummary, By: "pay"}
	s := critical(t)
	s.policy.Catalog.PageOwners = true
	s.expect(s.state.Hit.Owed, "which service is hit isn't looked for: %+v", s.state.Hit)
	s.at(6, "", incident.OwnerFound{Hit: guess}).expectSays()
	s.expect(s.state.Hit.Name == "payments" && !s.state.Hit.Owed, "the guess is lost: %+v", s.state.Hit)
	s.expect(!slices.Contains(s.pagedTo(), "money"), "a guess pages %v", s.pagedTo())
	s.at(7, "carol", incident.Command{Kind: incident.NameService}).expectSays("service")
	s.expect(s.say("service").Hit.By == "pay", "says %+v", s.say("service"))
	s.at(8, "carol", incident.Command{Kind: incident.NameService, Names: []string{"payments"}})
	s.expect(s.state.Hit.How == incident.HitNamed && s.state.Hit.Owed, "nobody confirmed it: %+v", s.state.Hit)
	s.at(9, "", incident.OwnerFound{Hit: guess}) // the same name: what was found of it counts
	s.at(10, "carol", incident.Command{Kind: incident.NameService, Names: []string{"web"}})
	s.at(11, "", incident.OwnerFound{Hit: guess})
	s.expect(s.state.Hit.Name == "web", "a guess comes before what somebody said: %+v", s.state.Hit)

	s = critical(t).at(6, "", incident.OwnerFound{}).expectSays() // nothing says it, and nobody asked
	s.at(7, "carol", incident.Command{Kind: incident.NameService}).expectSays()
	s.expect(s.state.Hit.Owed, "it isn't looked for again: %+v", s.state.Hit)
	s.at(8, "", incident.OwnerFound{Hit: s.state.Hit}).expectSays("service")
	s.at(9, "carol", incident.Command{Kind: incident.NameService})
	guess.Search = s.state.Hit.Search
	s.at(10, "", incident.OwnerFound{Hit: guess}).expectSays("service")
}

// Who is on call for a service is whom its owners name as a rotation, else its own rotation, else the only
// one that its owners own (X2, O1).
func TestX2WhoIsOnCallForAService(t *testing.T) {
	rotation := func(name string, owners ...string) oncall.Rotation {
		return oncall.Rotation{Name: name, Zone: time.UTC, Owners: owners}
	}
	p := incident.Policy{OnCall: oncall.Schedule{Zone: time.UTC, Rotations: []oncall.Rotation{rotation("primary"), rotation("payments"),
		rotation("money-nights", "money"), rotation("web-1", "web"), rotation("web-2", "web")}}}
	for want, hit := range map[string]incident.Hit{
		"primary payments": {Name: "payments", Owners: []string{"Primary", "payments", "@dan"}},
		"payments":         {Name: "Payments", Owners: []string{"money"}},
		"money-nights":     {Name: "cards", Owners: []string{"@dan", "money"}},
		"":                 {Name: "shop", Owners: []string{"web"}},
	} {
		var got []string
		for _, now := range p.OnCallFor(hit, start) {
			got = append(got, now.Rotation)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s has %q, want %q", hit.Name, got, want)
		}
	}
}

// Who makes an incident regular again before anything was found makes nothing of it be read or shown; what
// somebody asked for is (X1).
func TestX1NothingIsLookedForOnceItIsNotCritical(t *testing.T) {
	severity := func(name string) incident.Command {
		return incident.Command{Kind: incident.SetSeverity, Severity: name}
	}
	s := critical(t)
	s.expect(s.state.Changes.Owed && s.state.Similar.Owed, "nothing is owed: %+v", s.state.Changes)
	s.at(5, "carol", severity("regular"))
	s.expect(!s.state.Changes.Owed && !s.state.Similar.Owed && !s.state.Runbook.Owed && !s.state.Hit.Owed, "still owed: %+v", s.state)

	s = critical(t).at(4, "alice", incident.Command{Kind: incident.FindChanges})
	s.at(5, "carol", severity("regular"))
	s.expect(s.state.Changes.Owed && !s.state.Similar.Owed, "what was asked for: %+v", s.state.Changes)
}

// Who asks which service is hit is answered by the same comment, whether it is known or has to be read first (X2).
func TestX2WhoAsksForTheServiceIsAnswered(t *testing.T) {
	ask := incident.Command{Kind: incident.NameService}
	s := critical(t).at(4, "alice", incident.Command{Kind: incident.NameService, Names: []string{"payments"}})
	s.at(5, "bob", ask).expectSays()
	found := incident.OwnerFound{Hit: incident.Hit{Name: "payments", How: incident.HitNamed, Owners: []string{"@acme/payments"}}}
	s.at(6, "", incident.Found{Number: s.lastSeek(), Owner: &found}).expectSays("service")
	s.at(7, "bob", ask).expectSays("service")
	s.expect(s.state.Hit.Lists == 2 && !s.state.Hit.Owed, "%+v", s.state.Hit)
}

// A service that is named again is told once, also where nothing was read of it yet (X2).
func TestX2ANameSaidTwiceIsTheSame(t *testing.T) {
	name := incident.Command{Kind: incident.NameService, Names: []string{"payments"}}
	s := critical(t).at(4, "alice", name).at(5, "bob", name)
	n := 0
	for _, e := range s.state.Timeline {
		if e.Kind == "service" {
			n++
		}
	}
	s.expect(n == 1 && s.state.Hit.Owed, "%d entries, %+v", n, s.state.Hit)
}
