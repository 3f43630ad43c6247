package incident

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/oncall"
	"github.com/firebreak-dev/firebreak/app/words"
)

// The commands of this file.
const (
	NameService Kind = "service"
)

var _ = register(Row{
	Kind: NameService, Verbs: []string{VerbIncident}, Word: "service",
	Usage: "/incident service [name]", Does: "say which service is hit, or see it: its owner, runbook, who is on call",
	Example: "/incident service payments", Who: Responder, Place: 139,
}, parseService, (*run).nameService)

// Catalog is what the configuration says of the company's services (X2).
type Catalog struct {
	PageOwners bool // the owners of the service that an alert names are paged besides the coordinators
	Services   []CatalogService
}

// CatalogService is a service as the configuration describes it. What it leaves out is read from the
// service's repository.
type CatalogService struct {
	Name      string
	Repo      string   // owner/repo; empty: the one of that name next to the incident's
	Path      string   // its folder there
	Owners    []string // team slugs, and people with @
	Runbook   string   // address
	DependsOn []string // names of services
	Aliases   []string // other names that people use
}

// Find returns the service of a name or, where there is none, of an alias.
func (c Catalog) Find(name string) (CatalogService, bool) {
	i := slices.IndexFunc(c.Services, func(s CatalogService) bool { return naming.Equal(s.Name, name) })
	if i < 0 {
		i = slices.IndexFunc(c.Services, func(s CatalogService) bool { return naming.Contains(s.Aliases, name) })
	}
	if i < 0 {
		return CatalogService{}, false
	}
	return c.Services[i], true
}

// NeededBy returns the services that depend on another one.
func (c Catalog) NeededBy(name string) (names []string) {
	for _, s := range c.Services {
		if naming.Contains(s.DependsOn, name) {
			names = append(names, s.Name)
		}
	}
	return names
}

// mostWords is how many words of a text may be one name: "checkout api" is checkout-api.
const mostWords = 3

// Named returns the service that a text names by whole words, and the words. Of several, the longest name
// counts, and then the one that comes first.
func (c Catalog) Named(text string) (found CatalogService, said string, ok bool) {
	names := map[string]CatalogService{}
	for _, s := range c.Services {
		for _, name := range append([]string{s.Name}, s.Aliases...) {
			if key := plainName(name); key != "" && (naming.Equal(name, s.Name) || names[key].Name == "") {
				names[key] = s
			}
		}
	}
	longest := 0
	all := strings.FieldsFunc(text, func(r rune) bool { return !isNameRune(r) })
	for i := range all {
		for n := 1; n <= mostWords && i+n <= len(all); n++ {
			words := strings.Trim(strings.Join(all[i:i+n], " "), "-_. ")
			key := plainName(words)
			if s, isName := names[key]; isName && len(key) > longest {
				found, said, longest = s, words, len(key)
			}
		}
	}
	return found, said, longest > 0
}

func isNameRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_' || r == '.'
}

// plainName returns a name without what people leave out or write otherwise: "checkout-api", "Checkout API".
func plainName(name string) string {
	return naming.Key(strings.Map(func(r rune) rune {
		if r == ' ' || isNameRune(r) && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return r
	}, name))
}

// At returns the service that most files of a repository belong to.
func (c Catalog) At(repo string, files []string) (found CatalogService, ok bool) {
	most := 0
	for _, s := range c.Services {
		if !naming.Equal(s.Repo, repo) {
			continue
		}
		n := 1 // of a whole repository, less than of a folder with a file
		for _, f := range files {
			if folder := strings.Trim(s.Path, "/") + "/"; folder != "/" && strings.HasPrefix(f, folder) {
				n += 2
			}
		}
		if n > most && (s.Path == "" || n > 1) {
			found, ok, most = s, true, n
		}
	}
	return found, ok
}

// How it is known which service is hit.
const (
	HitNamed   = ""        // somebody named it, or an alert
	HitSummary = "summary" // the title, the summary or the impact names it
	HitSuspect = "suspect" // a suspect change was made there, and none that is more suspect elsewhere
)

// Hit is the service that is hit (X2), and what is known of it.
type Hit struct {
	Search
	Name      string    `json:"name,omitempty"`
	Repo      string    `json:"repo,omitempty"` // owner/repo
	Owners    []string  `json:"owners,omitempty"`
	Runbook   string    `json:"runbook,omitempty"`
	DependsOn []string  `json:"dependsOn,omitempty"`
	NeededBy  []string  `json:"neededBy,omitempty"`
	Read      time.Time `json:"read,omitzero"` // when that was read
	// an alert named it: its owners are paged if the configuration says so
	Reported bool `json:"reported,omitempty"`
	// how it is known, and by what: the words of the summary, or the change
	How string `json:"how,omitempty"`
	By  string `json:"by,omitempty"`
}

// ServiceLabel is the label in which an alert names the service that is hit.
const ServiceLabel = "service"

// parseService reads the name of a service. Without one the service is shown.
func parseService(w words.Words) (Command, error) {
	names := strings.Fields(w.Text())
	if len(names) == 0 {
		return Command{}, nil
	}
	if len(names) == 1 {
		if name := strings.Trim(strings.TrimRight(names[0], ".,:;!"), "`\"'*"); IsService(name) {
			return Command{Names: []string{name}}, nil
		}
	}
	return Command{}, errors.New("add the service's name, one word, after “service” (if it begins the summary, write " +
		"the severity first: /incident critical …)")
}

// IsService reports whether a word may name a service: as names of repositories are spelt, also with
// the repository's owner.
func IsService(s string) bool {
	return naming.IsRepository(s) || !strings.Contains(s, "/") && naming.IsRepository("x/"+s)
}

// nameService notes which service is hit. Without a name it shows it, and looks for it first where none is
// known.
func (r *run) nameService(c Command) {
	if len(c.Names) == 0 {
		if r.Hit.Name == "" || r.Hit.Owed {
			r.Hit.want(true)
		} else {
			r.showService()
		}
	}
	for _, name := range c.Names {
		if naming.Equal(r.Hit.Name, name) && r.Hit.How == HitNamed { // known
			if r.Hit.Read.IsZero() {
				r.Hit.want(false)
			}
			continue
		}
		r.hitService(name)
		r.Hit.want(false)
		r.record("service", r.Hit.Name, "")
		if len(r.Changes.Suspects) > 0 || r.Critical(r.p) && r.p.Changes.Automatic {
			r.Changes.want(false) // what touches it is more suspect
		}
	}
	r.done()
}

// showService says which service is hit, and who is on call for it: in one comment, whether it is known at
// once or has to be read, which takes the place of the one before.
func (r *run) showService() {
	r.Hit.Lists++
	r.emit(Remind{Key: fmt.Sprintf("%s/%d", serviceTopic, r.Hit.Lists), At: r.f.At,
		Say: Say{Name: "service", Hit: r.Hit, OnCall: r.p.OnCallFor(r.Hit, r.f.At), Time: r.f.At,
			Names: r.p.serviceNames(), Start: "/incident service"}})
}

// serviceTopic is the topic of the comment that shows the service.
const serviceTopic = "service-shown"

// OnCallFor returns who is on call for a service at a time: by the rotations among its owners, else by the
// one of its name, else by the only one that its owners own.
func (p Policy) OnCallFor(hit Hit, at time.Time) (all []oncall.Now) {
	var names []string
	for _, o := range hit.Owners {
		if rotation, ok := p.OnCall.Find(o); ok {
			names = append(names, rotation.Name)
		}
	}
	if rotation, ok := p.OnCall.Find(hit.Name); ok && len(names) == 0 {
		names = []string{rotation.Name}
	}
	if len(names) == 0 {
		for _, rotation := range p.OnCall.Rotations {
			if slices.ContainsFunc(rotation.Owners, func(o string) bool { return naming.Contains(hit.Owners, o) }) {
				names = append(names, rotation.Name)
			}
		}
		if len(names) > 1 {
			names = nil // nothing says which
		}
	}
	for _, name := range names {
		all = append(all, p.OnCall.Now(name, at))
	}
	return all
}

// HitOf returns a service that is hit, with what the configuration says of it.
func (p Policy) HitOf(name string) Hit {
	s, ok := p.Catalog.Find(name)
	if !ok {
		s.Name = name
	}
	return Hit{Name: s.Name, Repo: s.Repo, Owners: s.Owners, Runbook: s.Runbook, DependsOn: s.DependsOn,
		NeededBy: p.Catalog.NeededBy(s.Name)}
}

// hitService notes the service that is hit, with what the configuration says of it.
func (r *run) hitService(name string) { r.Hit = r.p.HitOf(name) }

// reportService notes the service that an alert names. Whose it is is read where somebody is paged or
// once the incident is critical.
func (r *run) reportService(name string, isPaged bool) {
	if name == "" || !IsService(name) {
		return
	}
	r.hitService(name)
	r.Hit.Reported = true
	r.Hit.Owed = isPaged && r.p.Catalog.PageOwners
	r.record("service", r.Hit.Name, "")
}

// OwnersOf returns the owners of a service, as far as the configuration or the incident has them.
func (s State) OwnersOf(name string, p Policy) []string {
	if service, ok := p.Catalog.Find(name); ok && len(service.Owners) > 0 {
		return service.Owners
	}
	if naming.Equal(s.Hit.Name, name) {
		return s.Hit.Owners
	}
	return nil
}

// OwnersAt returns the owners of the service that a repository belongs to, as far as the incident or the
// configuration has them.
func (s State) OwnersAt(repo string, p Policy) []string {
	if naming.Equal(s.Hit.Repo, repo) {
		return s.Hit.Owners
	}
	service, _ := p.Catalog.At(repo, nil)
	return service.Owners
}

// withOwners adds the owners of the service that an alert named to those whom a step pages, if the
// configuration says so. A step that only names the phone list pages nobody.
func (r *run) withOwners(to []string) []string {
	if !r.p.Catalog.PageOwners || !r.Hit.Reported || isList(to) {
		return to
	}
	to = slices.Clone(to)
	for _, o := range r.Hit.Owners {
		if !naming.Contains(to, o) {
			to = append(to, o)
		}
	}
	return to
}

// pageFoundOwners pages owners who were not known when the step of now went out.
func (r *run) pageFoundOwners() {
	owners := r.withOwners([]string{r.p.Coordinators})[1:]
	if len(owners) == 0 || r.Paging.Sent == 0 || r.Paging.Next.IsZero() || r.Paging.GaveUp {
		return
	}
	last := r.Paging.Pages[len(r.Paging.Pages)-1]
	owners = slices.DeleteFunc(owners, func(o string) bool { return naming.Contains(last.To, o) })
	if len(owners) == 0 {
		return
	}
	r.record("page", joinNames(owners), "")
	r.pagePeople(owners, last.By, r.pageReason(), "")
}

// FindOwner reads whose the service is that is hit (X2).
type FindOwner struct{ Hit Hit }

func (FindOwner) effect() string { return "owner" }

// OwedOwner returns the effect that reads whose the service is that is hit, if one is owed.
func OwedOwner(s State) []Effect {
	if !s.Hit.Owed || !s.Running() {
		return nil
	}
	return []Effect{FindOwner{Hit: s.Hit}}
}

// OwnerFound says what is known of a service. Without a repository and an owner nothing is.
type OwnerFound struct {
	Hit       Hit
	IsRefused bool // GitHub does not let the App read it
}

// OwnerUnread says that GitHub does not answer whose the service is.
type OwnerUnread struct{}

// ownerFound keeps whose the service is, and asks about a name of which nothing is known.
func (r *run) ownerFound(w OwnerFound) {
	if !naming.Equal(w.Hit.Name, r.Hit.Name) && (r.Hit.Name != "" || w.Hit.How == HitNamed) {
		return // another one was named since
	}
	search := r.Hit.Search // as it is by now
	r.Hit = w.Hit
	r.Hit.Search, r.Hit.Read = search, r.f.At
	if isAsked := r.Hit.done(); isAsked {
		r.showService()
	}
	if r.Hit.Name == "" {
		return
	}
	r.pageFoundOwners()
	if r.Hit.Repo != "" && r.Runbook.URL == "" && !r.Runbook.Owed && r.Confirmed != nil && r.Critical(r.p) {
		r.Runbook.want(false) // it may be there
	}
	_, isConfigured := r.p.Catalog.Find(r.Hit.Name)
	if r.Hit.Repo != "" || len(r.Hit.Owners) > 0 || isConfigured || r.Hit.Reported || w.IsRefused {
		return // an alert's label may be anything, and nobody typed it
	}
	r.emit(Remind{Key: "service/" + naming.Key(r.Hit.Name), At: r.f.At, Say: Say{
		Name: "service-unknown", Line: r.Hit.Name, Names: r.p.serviceNames(), Start: "/incident service"}})
}

// serviceNames returns the names of the services that the configuration has.
func (p Policy) serviceNames() (names []string) {
	for _, s := range p.Catalog.Services {
		names = append(names, s.Name)
	}
	return names[:min(len(names), shownServices)]
}

// shownServices is how many services are proposed where a name is not known.
const shownServices = 20
