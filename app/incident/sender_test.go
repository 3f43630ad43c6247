package incident_test

import (
	"slices"
	"testing"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// The customer of a sender is known by what the configuration says, and by nothing else (I1, A7).
func TestTheCustomersOfASender(t *testing.T) {
	p := incident.DefaultPolicy()
	p.Customers = []incident.Customer{
		{Name: "globex", Contacts: []string{"Gina, +49 30 5550 142, gina@globex.example", "Hugo <hugo@shared.example>", "Ivy (U0123ABCD)"}, Domains: []string{"globex.example"}},
		{Name: "initech", Contacts: []string{"Bill, bill@initech.example; mobile +49 1", "Hugo <hugo@shared.example>"}, Channels: []incident.Channel{{Kind: "email", To: "Ops <ops@initech.example>"}, {Kind: "issue", To: "acme/initech"}}},
	}
	for sender, want := range map[string][]string{
		"gina@globex.example": {"globex"}, "GINA@Globex.Example": {"globex"}, "anybody@globex.example": {"globex"}, "bill@initech.example": {"initech"},
		"ops@initech.example": {"initech"}, "other@initech.example": nil, "hugo@shared.example": {"globex", "initech"}, "U0123ABCD": {"globex"},
		"": nil, "gina": nil, "Gina": nil, "ina@globex.example.evil.example": nil, "x@sub.globex.example": nil, "@": nil, "globex.example": nil, "+49": nil, ".": nil,
		"bill@initech.example.": nil,
	} {
		if got := p.CustomersOf(sender); !slices.Equal(got, want) {
			t.Errorf("%q: %v", sender, got)
		}
	}
}
