package incident

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// Link is an address that a report came with.
type Link struct {
	Name string `json:"name"` // what it leads to: "Runbook", "Call"
	URL  string `json:"url"`
	// IsVerified is set where it is sure who reported it.
	IsVerified bool `json:"verified,omitempty"`
}

// How much of the links of reports a card shows.
const (
	keptLinks   = 4   // of one report
	mostLinks   = 6   // of all
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

// addLinks puts the links of a later report on the card. Where there is no room, one that nobody
// verified makes room, or else an older one of the same name: a new call takes the place of the old.
func (r *run) addLinks(links []Link) {
	for _, l := range cardLinks(links) {
		if i := slices.IndexFunc(r.Links, func(k Link) bool { return k.URL == l.URL }); i >= 0 {
			r.Links[i].IsVerified = r.Links[i].IsVerified || l.IsVerified
			continue
		}
		if len(r.Links) >= mostLinks {
			i := slices.IndexFunc(r.Links, func(k Link) bool { return !k.IsVerified })
			if i < 0 && l.IsVerified {
				i = slices.IndexFunc(r.Links, func(k Link) bool { return k.Name == l.Name })
			}
			if i < 0 {
				continue
			}
			r.Links = slices.Delete(r.Links, i, i+1)
		}
		r.Links = append(r.Links, l)
	}
}

// unknownLinks returns the links of a report that the card does not show yet.
func (r *run) unknownLinks(links []Link) []Link {
	return slices.DeleteFunc(slices.Clone(links), func(l Link) bool {
		return slices.ContainsFunc(r.Links, func(k Link) bool { return k.URL == l.URL })
	})
}

// linksMark begins the part of a comment's mark that holds the links of its report.
const linksMark = "/links."

// markLinks writes the links of a report for the mark of the comment that shows them; empty if there
// are none.
func markLinks(links []Link) string {
	kept := cardLinks(links)
	if len(kept) == 0 {
		return ""
	}
	text, err := json.Marshal(kept)
	if err != nil {
		panic("incident: " + err.Error()) // strings and booleans always marshal
	}
	return linksMark + base64.RawURLEncoding.EncodeToString(text)
}

// CutLinks returns the links that a comment's mark holds, and the mark without them.
func CutLinks(key string) (rest string, links []Link) {
	rest, coded, ok := strings.Cut(key, linksMark)
	if !ok {
		return key, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(coded)
	if err != nil || json.Unmarshal(text, &links) != nil {
		return rest, nil
	}
	return rest, links
}

// slackMember is what the id of a member of Slack looks like.
var slackMember = lazily.Compile(`^[UW][A-Z0-9]{6,20}$`)

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
