package incident_test

import (
	"fmt"
	"slices"
	"strings"
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

// However many links reports bring, few are kept: what strangers send displaces nothing that is
// verified, and a newer call takes the place of an older one (I1).
func TestI1LinksAreFew(t *testing.T) {
	link := func(name, url string, isVerified bool) incident.Link {
		return incident.Link{Name: name, URL: "https://" + url, IsVerified: isVerified}
	}
	s := tell(t).fact(incident.Fact{ID: "opened", At: start, By: robot, What: incident.Opened{Source: "Email", Summary: true, Signal: true,
		Links: []incident.Link{link("Runbook", "r", true), link("Call", "c0", true)}}})
	mail := func(minute int, links ...incident.Link) {
		s.at(float64(minute), "", incident.Signalled{Source: "Email", Firing: true, Text: "x", Links: links,
			Report: incident.Report{Mark: fmt.Sprint("m", minute), ID: "i", At: start.Unix() + int64(minute)}})
	}
	for i := range 20 {
		mail(i+1, link("Call", fmt.Sprint("evil", i), false), link("Call", "a"+strings.Repeat("x", 400), true))
	}
	for i := range 9 {
		mail(i+30, link("Call", fmt.Sprint("c", i+1), true))
	}
	var urls []string
	for _, l := range s.state.Links {
		urls = append(urls, strings.TrimPrefix(l.URL, "https://"))
	}
	if got := strings.Join(urls, " "); got != "r c5 c6 c7 c8 c9" {
		t.Errorf("kept are %s", got)
	}
	for _, key := range []string{"message/a.b.1/Email", "message/a.b.1/Email/links.", "message/a.b.1/Email/links.!", "message/a.b.1/Email/links.AAAA"} {
		if rest, links := incident.CutLinks(key); rest != "message/a.b.1/Email" || links != nil {
			t.Errorf("%s: %s, %v", key, rest, links)
		}
	}
}
