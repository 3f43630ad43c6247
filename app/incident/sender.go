package incident

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/firebreak-dev/firebreak/app/naming"
)

// Link is an address that a report came with.
type Link struct {
	Name string `json:"name"` // what it leads to: "Runbook", "Call"
	URL  string `json:"url"`
	// IsVerified is set where it is sure who reported it.
	IsVerified bool `json:"verified,omitempty"`
}

// How much of a report's links a card shows.
const (
	keptLinks   = 4
	longestLink = 300 // bytes
)

// cardLinks returns the links of a report that the card shows.
func cardLinks(links []Link) (kept []Link) {
	for _, l := range links {
		if len(l.URL) <= longestLink && len(kept) < keptLinks {
			kept = append(kept, l)
		}
	}
	return kept
}

// slackMember is what the id of a member of Slack looks like.
var slackMember = regexp.MustCompile(`^[UW][A-Z0-9]{6,20}$`)

// CustomersOf returns the customers of whom somebody is a contact: by a mail address or the id of a
// member of Slack. Where no contact has the address, its domain decides, if the configuration has
// it to a customer.
func (p Policy) CustomersOf(sender string) (names []string) {
	_, domain, isMail := strings.Cut(sender, "@")
	if !isMail && !slackMember.MatchString(sender) {
		return nil
	}
	for _, c := range p.Customers {
		if c.hasContact(sender) {
			names = append(names, c.Name)
		}
	}
	if len(names) > 0 || !isMail {
		return names
	}
	for _, c := range p.Customers {
		if naming.Contains(c.Domains, domain) {
			names = append(names, c.Name)
		}
	}
	return names
}

// hasContact reports whether a mail address or the id of a member of Slack is among the customer's
// contacts, or the address is where it reads mail.
func (c Customer) hasContact(sender string) bool {
	isMail := strings.Contains(sender, "@")
	isSender := func(word string) bool {
		return strings.Contains(word, "@") == isMail && naming.Equal(strings.Trim(word, ".:"), sender)
	}
	apart := func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",;<>()[]|/\"", r) }
	for _, contact := range c.Contacts {
		if slices.ContainsFunc(strings.FieldsFunc(contact, apart), isSender) {
			return true
		}
	}
	return isMail && slices.ContainsFunc(c.Channels, func(ch Channel) bool {
		return ch.Kind == "email" && slices.ContainsFunc(strings.FieldsFunc(ch.To, apart), isSender)
	})
}

// proposeCustomers notes the customers that the sender of a report belongs to. They are proposed, and
// count once a person says so.
func (r *run) proposeCustomers(names []string) {
	if r.NoCustomer {
		return
	}
	for _, name := range names {
		if c, ok := r.p.Customer(name); ok && !naming.Contains(r.Customers, c.Name) && len(r.Proposed) < maxNear {
			r.Proposed = append(slices.Clone(r.Proposed), c.Name)
		}
	}
}

// ProposeCustomers returns how the customers of an incident are added: the proposed ones by name.
func (s State) ProposeCustomers() string {
	if len(s.Proposed) == 0 {
		return "/ic customer add NAME"
	}
	return "/ic customer add " + strings.Join(s.Proposed, ", ")
}
