package incident

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"github.com/firebreak-dev/firebreak/app/naming"
)

// customerWord is a word of a list of customers.
type customerWord struct {
	text, fold string
	end        int  // where the word ends in the text
	first      bool // a comma, a semicolon or a new line is before it
}

// foldName reduces a name to its letters and digits in lower case, so that case, quotes and
// punctuation make no difference.
func foldName(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
}

// splitCustomerWords splits a text into words.
func splitCustomerWords(text string) (words []customerWord) {
	start, first := -1, true
	end := func(at int) {
		if start >= 0 {
			words = append(words, customerWord{text: text[start:at], fold: foldName(text[start:at]), end: at, first: first})
			start, first = -1, false
		}
	}
	for i, r := range text {
		switch {
		case strings.ContainsRune(",;\n\r，；、", r):
			end(i)
			first = true
		case unicode.IsSpace(r):
			end(i)
		case start < 0:
			start = i
		}
	}
	end(len(text))
	return words
}

func (w customerWord) connects() bool { return slices.Contains(connectors, strings.ToLower(w.text)) }

// longestCustomer returns the customer whose name the most of the first words make, and how many
// they are; 0: none.
func (p Policy) longestCustomer(words []customerWord) (name string, n int) {
	for n := min(len(words), maxCustomerWords); n > 0; n-- {
		fold := ""
		for _, w := range words[:n] {
			fold += w.fold
		}
		if words[0].fold == "" || words[n-1].fold == "" {
			continue
		}
		if c, ok := p.customerByFold(fold); ok {
			return c.Name, n
		}
	}
	return "", 0
}

// customerByFold returns the only customer with that folded name.
func (p Policy) customerByFold(fold string) (found Customer, ok bool) {
	if fold == "" {
		return found, false
	}
	for _, c := range p.Customers {
		if foldName(c.Name) == fold {
			if ok {
				return Customer{}, false
			}
			found, ok = c, true
		}
	}
	return found, ok
}

// ReadCustomers returns the customers that a list names: as people write it, with commas,
// semicolons, "and" or spaces between, in quotes or not. Configured names come first in it, in
// their spelling there and whole ("Smith and Sons"); what is left of it is a name that the
// configuration does not have. Answers such as "n/a" and "unknown" name nobody; none reports that
// the list says that no customer is impacted.
func (p Policy) ReadCustomers(list ...string) (names []string, none bool) {
	add := func(name string) {
		if !naming.Contains(names, name) && len(names) < maxCustomers {
			names = append(names, name)
		}
	}
	if len(list) == 1 { // a name of symbols alone, or one of two that differ in nothing else
		if c, ok := p.Customer(strings.TrimSpace(list[0])); ok {
			return []string{c.Name}, false
		}
	}
	text := strings.Join(list, ", ")
	words := splitCustomerWords(text[:min(len(text), maxCustomerText)])
	var run []customerWord // words that are no configured name
	isNearName := false    // a configured name is in the same part of the list
	end := func() {
		unknown, nobody := p.unknownCustomers(run, isNearName)
		none = none || nobody
		for _, name := range unknown {
			add(name)
		}
		run = nil
	}
	for i := 0; i < len(words); {
		if words[i].first {
			end()
			isNearName = false
			if isBullet(words[i].text) {
				words[i].fold = ""
			}
		}
		found, n := p.longestCustomer(words[i:])
		parts := p.joinedCustomers(words[i].text)
		switch {
		case n > 0:
			parts = []string{found}
		case len(parts) > 0:
			n = 1
		default:
			run = append(run, words[i])
			i++
			continue
		}
		isNearName = true
		end()
		for _, name := range parts {
			add(name)
		}
		i += n
	}
	end()
	return names, none && len(names) == 0
}

// isBullet reports whether a word numbers a line of a list: 1. or 12)
func isBullet(word string) bool {
	number, dot := strings.CutSuffix(word, ".")
	if !dot {
		number, dot = strings.CutSuffix(word, ")")
	}
	return dot && number != "" && strings.Trim(number, "0123456789") == ""
}

// joinedCustomers returns the customers of a word such as globex/initech, if all of it names some.
func (p Policy) joinedCustomers(word string) (names []string) {
	parts := strings.FieldsFunc(word, func(r rune) bool { return strings.ContainsRune("/&+|", r) })
	if len(parts) < 2 {
		return nil
	}
	for _, part := range parts {
		c, ok := p.customerByFold(foldName(part))
		if !ok {
			return nil
		}
		names = append(names, c.Name)
	}
	return names
}

// unknownCustomers returns the names that words without a configured name are. They are one name,
// unless each part of them is close to a configured one.
func (p Policy) unknownCustomers(words []customerWord, isNearName bool) (names []string, none bool) {
	words = slices.DeleteFunc(slices.Clone(words), func(w customerWord) bool {
		return w.fold == "" && !w.connects() || isNearName && slices.Contains(fillers, w.fold)
	})
	for len(words) > 0 && words[0].connects() {
		words = words[1:]
	}
	for len(words) > 0 && words[len(words)-1].connects() {
		words = words[:len(words)-1]
	}
	name := joinWords(words)
	switch fold := foldName(name); {
	case slices.Contains(nobodies, fold):
		return nil, true
	case slices.Contains(noNames, fold):
		return nil, false
	}
	var listed, single []string
	for part := range splitWords(words, customerWord.connects) {
		listed = append(listed, joinWords(part))
		for _, w := range part {
			single = append(single, joinWords([]customerWord{w}))
		}
	}
	for _, parts := range [][]string{listed, single} {
		isUnknown := func(part string) bool { return len(p.NearCustomers(part)) == 0 }
		if len(parts) > 1 && !slices.ContainsFunc(parts, isUnknown) {
			return parts, false
		}
	}
	return []string{name}, false
}

// splitWords parts words where they connect.
func splitWords(words []customerWord, at func(customerWord) bool) func(func([]customerWord) bool) {
	return func(yield func([]customerWord) bool) {
		from := 0
		for i := range len(words) + 1 {
			if i < len(words) && !at(words[i]) {
				continue
			}
			if i > from && !yield(words[from:i]) {
				return
			}
			from = i + 1
		}
	}
}

// joinWords returns the words as a name: without the quotes and signs around it, and not too long.
func joinWords(words []customerWord) string {
	var texts []string
	for _, w := range words {
		texts = append(texts, w.text)
	}
	name := strings.TrimFunc(strings.Join(texts, " "), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
	})
	if runes := []rune(name); len(runes) > maxCustomerName {
		name = string(runes[:maxCustomerName])
	}
	return strings.ToValidUTF8(name, "")
}

// UnknownCustomer reports whether the configuration has customers and this is not one of them. If
// it has none, any name will do.
func (p Policy) UnknownCustomer(name string) bool {
	_, ok := p.Customer(name)
	return !ok && len(p.Customers) > 0
}

// NearCustomers returns the customers that somebody probably meant by a name that the configuration
// does not have, the closest first.
func (p Policy) NearCustomers(name string) []string {
	type near struct {
		name string
		off  int
	}
	var found []near
	fold := foldName(name)
	for _, c := range p.Customers {
		want := foldName(c.Name)
		off := editDistance(fold, want)
		within := len(fold) > 2 && len(want) > 2 && (strings.Contains(fold, want) || strings.Contains(want, fold))
		if off <= max(1, len([]rune(want))/3) || within {
			found = append(found, near{c.Name, off})
		}
	}
	slices.SortStableFunc(found, func(a, b near) int { return cmp.Compare(a.off, b.off) })
	var names []string
	for _, n := range found[:min(len(found), maxNear)] {
		names = append(names, n.name)
	}
	return names
}

// editDistance returns how many letters two words differ by.
func editDistance(a, b string) int {
	x, y := []rune(a), []rune(b)
	if len(x) > maxCustomerName || len(y) > maxCustomerName {
		return max(len(x), len(y))
	}
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		left := i + 1
		diagonal := row[0]
		row[0] = left
		for j := range y {
			cost := 1
			if x[i] == y[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(y)]
}

// ChannelNames returns what a customer's channels are called where an update failed: by their
// kinds, numbered where one occurs twice: "issue", "email", "email 2".
func (c Customer) ChannelNames() []string {
	var names []string
	seen := map[string]int{}
	for _, ch := range c.Channels {
		name := ch.Kind
		if seen[ch.Kind]++; seen[ch.Kind] > 1 {
			name += " " + string('0'+rune(min(seen[ch.Kind], 9)))
		}
		names = append(names, name)
	}
	return names
}

// Bounds of what is read as customers' names: the text comes from people, and its names are on the card.
const (
	maxCustomerText  = 4 << 10 // bytes
	maxCustomerName  = 80      // runes
	maxCustomers     = 50
	maxCustomerWords = 8 // of a configured name
	maxNear          = 3
)

var (
	// noNames are answers that name nobody because nobody knows yet, folded.
	noNames = []string{"", "na", "unknown", "unknownyet", "notknown", "notknownyet", "notyetknown", "tbd",
		"tba", "tbc", "noresponse", "notsure", "notsureyet", "unsure", "unclear", "noneyet", "noneknown",
		"nonesofar", "notyet", "noidea", "idk", "dontknow", "idontknow", "wedontknow", "pending",
		"tobedetermined", "unbekannt",
		"unklar", "inconnu", "desconocido"}
	// nobodies are answers that say that no customer is impacted, folded.
	nobodies = []string{"none", "no", "nobody", "noone", "nocustomer", "nocustomers", "nocustomerimpacted",
		"nocustomersimpacted", "noneimpacted", "nobodyimpacted",
		"keine", "keiner", "niemand", "aucun", "personne", "ninguno", "nadie"}
	// connectors are between two names of a list.
	connectors = []string{"and", "und", "et", "y", "e", "og", "och", "plus", "&", "+"}
	// fillers are next to names, and are not names.
	fillers = []string{"maybe", "probably", "possibly", "perhaps", "also", "too", "only", "just", "both", "the",
		"customer", "customers"}
)
