package incident

import (
	"slices"
	"strings"

	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// Targets is whom `/ic escalate` pages, as its first words name them (V5).
type Targets struct {
	To      []string // teams by slug, people with @
	Cannot  []string // people who may not respond here, and teams that do not exist
	Unknown []Meant  // words that are close to a name and are none
	Text    string   // the reason
	Unsure  []string // words of which nobody could say whether they are names: GitHub could not be asked
}

// Meant is a word and the name that it is close to.
type Meant struct{ Word, Name string }

// Answer is what is known about a name.
type Answer int

// The answers.
const (
	No Answer = iota
	Yes
	Unasked // GitHub could not be asked
)

// Directory answers about names that neither the configuration nor the incident has.
type Directory struct {
	Team   func(slug string) Answer  // whether the organisation has that team
	Person func(login string) Answer // whether that person may respond
	// Service returns the owners of a service; nil: no service of that name has any that is known.
	Service func(name string) (owners []string)
}

// maxTargets is how many names one command takes; what follows them is text.
const maxTargets = 10

// Because ends the names that an escalation begins with: no word after it counts as one.
const Because = "because"

// ReadTargets reads whom an escalation names: @user, @org/team, org/team, or the plain name of a
// group, service or person, with spaces, commas or "and" between them. A plain word is a name only where it
// comes first or after a comma or "and", and only if it is known: every other word begins the
// reason, so that words are never taken for a group (V5).
//
// people are the logins that the incident itself knows. Without a name that can be paged the
// coordinators are paged with the whole text, unless somebody has to say first whom they meant.
func ReadTargets(text, org string, p Policy, people []string, ask Directory) Targets {
	text = strings.TrimSpace(text)
	line, below, _ := strings.Cut(text, "\n")
	r := targetReader{org: org, groups: p.groups(), people: slices.Concat(p.people(), people), ask: ask}
	rest, bare := line, true
	for n := range maxTargets {
		word, after, comma := cutName(rest)
		if n > 0 && (strings.EqualFold(word, "and") || word == "&") {
			word, after, comma = cutName(after)
			bare = true
		}
		if word == "" || strings.EqualFold(word, Because) || !r.take(word, bare) {
			break
		}
		rest, bare = after, comma
	}
	t := r.Targets
	t.Text = strings.TrimSpace(strings.TrimLeft(rest, ", \t") + "\n" + below)
	if len(t.To) == 0 && (len(t.Unsure) > 0 || len(t.Cannot)+len(t.Unknown) == 0) {
		t.To, t.Text = []string{p.Coordinators}, text
	}
	return t
}

// cutName cuts the first word off, without the marks around it, and reports whether a comma follows.
func cutName(line string) (word, rest string, comma bool) {
	line = strings.TrimLeft(line, ", \t")
	end := strings.IndexAny(line, ", \t")
	if end < 0 {
		end = len(line)
	}
	word, rest = line[:end], line[end:]
	word = strings.Trim(strings.TrimRight(word, ".:;!?"), "`\"'“”‘’*()")
	return word, rest, strings.HasPrefix(strings.TrimLeft(rest, " \t"), ",")
}

type targetReader struct {
	Targets
	org            string
	groups, people []string
	ask            Directory
}

// take takes a word as a name and reports whether it is one, or is close to one.
func (r *targetReader) take(word string, bare bool) bool {
	name, at := strings.CutPrefix(word, "@")
	if !at && !bare {
		return false
	}
	if !at && r.service(word) {
		return true
	}
	org, slug, isTeam := strings.Cut(name, "/")
	if !isTeam {
		slug = name
	}
	foreign := isTeam && !naming.Equal(org, r.org)
	switch {
	case foreign || !naming.IsTeam(slug) && (!naming.IsLogin(name) || isTeam):
		if at {
			r.refuse(word)
		}
		return at
	case r.group(slug):
		return true
	case at && !isTeam:
		return r.person(name)
	case !isTeam && r.known(name):
		return true
	}
	return r.team(slug, word, at)
}

// group takes a name, and reports whether it is a group of the configuration.
func (r *targetReader) group(slug string) bool {
	for _, g := range r.groups {
		if naming.Equal(g, slug) || naming.Equal(g, r.org+"/"+slug) {
			r.page(g)
			return true
		}
	}
	return false
}

// service takes a plain name, and reports whether it is a service whose owners are known. A group of
// that name comes first.
func (r *targetReader) service(name string) bool {
	if r.ask.Service == nil || !IsService(name) || r.isGroup(name) {
		return false
	}
	owners := r.ask.Service(name)
	for _, o := range owners {
		r.page(o)
	}
	return len(owners) > 0
}

// isGroup reports whether a name is that of a group of the configuration.
func (r *targetReader) isGroup(name string) bool {
	return slices.ContainsFunc(r.groups, func(g string) bool {
		return naming.Equal(g, name) || naming.Equal(g, r.org+"/"+name)
	})
}

// known takes a plain name, and reports whether it is a person whom the incident or the
// configuration knows.
func (r *targetReader) known(name string) bool {
	for _, l := range r.people {
		if naming.Equal(l, name) {
			return r.person(l)
		}
	}
	return false
}

// person takes a name that was written with @, and reports whether somebody of that name, or else a
// team, can be paged.
func (r *targetReader) person(login string) bool {
	answer := No
	if naming.IsLogin(login) {
		answer = r.ask.Person(login)
	}
	switch {
	case answer == Unasked:
		r.Unsure = append(r.Unsure, "@"+login)
		fallthrough
	case answer == Yes:
		r.page("@" + login)
		return true
	}
	return r.team(login, "@"+login, true)
}

// team takes a name, and reports whether it is a team that GitHub has. What GitHub does not have and
// is close to a known name is asked about.
func (r *targetReader) team(slug, word string, at bool) bool {
	answer := No
	if naming.IsTeam(slug) {
		answer = r.ask.Team(strings.ToLower(slug))
	}
	switch answer {
	case Yes:
		r.page(strings.ToLower(slug))
		return true
	case Unasked:
		r.Unsure = append(r.Unsure, word)
		if at && strings.Contains(word, "/") { // it can only be a team
			r.page(strings.ToLower(slug))
			return true
		}
		return at
	}
	if name := r.close(slug); name != "" {
		r.Unknown = append(r.Unknown, Meant{word, name})
		return true
	}
	if at {
		r.refuse(word)
	}
	return at
}

func (r *targetReader) page(to string) {
	if !naming.Contains(r.To, to) {
		r.To = append(r.To, to)
	}
}

func (r *targetReader) refuse(word string) {
	if !naming.Contains(r.Cannot, word) {
		r.Cannot = append(r.Cannot, word)
	}
}

// close returns the known name that a word was probably meant to be, or "".
func (r *targetReader) close(word string) string {
	best, name := 3, ""
	consider := func(known, written string) {
		limit := 0
		switch n := min(len(word), len(known)); {
		case n >= 8:
			limit = 2
		case n >= 4:
			limit = 1
		}
		if d := texts.Distance(word, known); d <= limit && d < best {
			best, name = d, written
		}
	}
	for _, g := range r.groups {
		slug := g[strings.LastIndex(g, "/")+1:]
		consider(slug, slug)
	}
	for _, l := range r.people {
		consider(l, "@"+l)
	}
	return name
}

// groups lists the groups that the configuration names.
func (p Policy) groups() (out []string) {
	add := func(names ...string) {
		for _, n := range names {
			if n != "" && n != "phone" && !strings.HasPrefix(n, "@") && !naming.Contains(out, n) {
				out = append(out, n)
			}
		}
	}
	add(p.Coordinators)
	add(p.Responders...)
	for _, step := range p.Escalation {
		add(step.To...)
	}
	for _, s := range p.Services {
		add(sortedKeys(s.Targets)...)
	}
	add(p.Reviewers...)
	for _, s := range p.Catalog.Services {
		add(s.Owners...)
	}
	add(p.OnCall.Names()...)
	return out
}

// people lists the people that the configuration names.
func (p Policy) people() (out []string) {
	add := func(names ...string) {
		for _, n := range names {
			if login, ok := strings.CutPrefix(n, "@"); ok && !naming.Contains(out, login) {
				out = append(out, login)
			}
		}
	}
	for _, step := range p.Escalation {
		add(step.To...)
	}
	for _, s := range p.Services {
		add(sortedKeys(s.Targets)...)
	}
	add(p.Reviewers...)
	for _, s := range p.Catalog.Services {
		add(s.Owners...)
	}
	for _, r := range p.OnCall.Rotations {
		add(r.Members()...)
	}
	return out
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// People lists the logins that the incident itself knows: who holds a role or was asked to, and the declarer.
func (s State) People() []string {
	out := s.roles()
	if s.Handover != "" && !naming.Contains(out, s.Handover) {
		out = append(out, s.Handover)
	}
	if s.Declared != nil && s.Responder && !naming.Contains(out, s.Declared.By) {
		out = append(out, s.Declared.By)
	}
	return out
}
