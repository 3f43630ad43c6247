// Package owner says whose a service is: which teams and people own it, where its runbook is, and what
// depends on it. It reads what the configuration and the service's repository say (X2).
package owner

import (
	"slices"
	"strings"

	"github.com/hmarr/codeowners"

	"github.com/firebreak-dev/firebreak/app/naming"
)

// Service is what is known of a service.
type Service struct {
	Name       string
	Repository string   // owner/repo
	Path       string   // its folder there; empty: the repository is the service
	Files      []string // of it, where no Path is known: whoever owns most of them owns it
	Owners     []string // teams by slug, people with @
	Runbook    string   // address
	DependsOn  []string // names of services
	NeededBy   []string // names of services that depend on it
}

// Files are what a repository says of itself.
type Files struct {
	Repository string            // owner/repo, as GitHub spells it; empty: there is none that the App can read
	Codeowners string            // text of CODEOWNERS
	Catalog    string            // text of catalog-info.yaml
	Properties map[string]string // custom properties that have one value
}

// maxOwners is how many owners are kept, and maxServices how many dependencies.
const (
	maxOwners   = 10
	maxServices = 20
)

// Complete fills in what is not known of a service by what its repository says: the owners of the
// first of CODEOWNERS, catalog-info.yaml and custom properties that names one who can be reached, who
// is in this organisation or a person.
func Complete(s Service, f Files, org string) Service {
	if f.Repository != "" {
		s.Repository = f.Repository
	}
	entry, _ := findComponent(f.Catalog, s.Name, s.Path == "")
	byFile := codeownersOf(f.Codeowners, s.Path, org)
	if most := ownersOfMost(f.Codeowners, s.Files, org); s.Path == "" && len(most) > 0 {
		byFile = most
	}
	for _, owners := range [][]string{byFile, teamsOf(entry.Owners, org),
		teamsOf([]string{f.Properties["team"], f.Properties["owner"]}, org)} {
		if len(s.Owners) == 0 {
			s.Owners = owners[:min(len(owners), maxOwners)]
		}
	}
	if s.Runbook == "" {
		s.Runbook = entry.Runbook
	}
	if len(s.DependsOn) == 0 {
		s.DependsOn = entry.DependsOn[:min(len(entry.DependsOn), maxServices)]
	}
	for _, name := range entry.NeededBy {
		if len(s.NeededBy) < maxServices && !naming.Contains(s.NeededBy, name) {
			s.NeededBy = append(s.NeededBy, name)
		}
	}
	return s
}

// codeownersOf returns who owns a folder by a CODEOWNERS file; of "" who owns what no other line names.
func codeownersOf(text, folder, org string) (owners []string) {
	// a new file in that folder: only lines for all of it name its owners
	return ownersOfFile(parseCodeowners(text), strings.TrimPrefix(strings.Trim(folder, "/")+"/new", "/"), org)
}

// ownersOfMost returns who owns most of some files by a CODEOWNERS file; nil where nobody owns any.
func ownersOfMost(text string, files []string, org string) (owners []string) {
	if len(files) == 0 {
		return nil
	}
	rules, count := parseCodeowners(text), map[string]int{}
	for _, path := range files {
		names := ownersOfFile(rules, path, org)
		key := strings.Join(names, " ")
		if len(names) == 0 {
			continue
		}
		if count[key]++; count[key] > count[strings.Join(owners, " ")] {
			owners = names
		}
	}
	return owners
}

// ownersOfFile returns who owns a file by the rules of a CODEOWNERS file.
func ownersOfFile(rules codeowners.Ruleset, path, org string) []string {
	for _, rule := range slices.Backward(rules) {
		if matches, err := rule.Match(path); err != nil || !matches {
			continue
		}
		var names []string
		for _, o := range rule.Owners {
			names = append(names, o.Value)
		}
		return teamsOf(names, org) // none of a line that has no owners, which takes them away
	}
	return nil
}

// ownerNames takes all that looks like an owner: the library's own patterns know few domains of mails.
var ownerNames = codeowners.WithOwnerMatchers([]codeowners.OwnerMatcher{
	codeowners.OwnerMatchFunc(func(s string) (codeowners.Owner, error) {
		if !strings.Contains(s, "@") {
			return codeowners.Owner{}, codeowners.ErrNoMatch
		}
		return codeowners.Owner{Value: s}, nil
	})})

// parseCodeowners reads the lines of a CODEOWNERS file. As on GitHub, a line with a mistake is skipped.
func parseCodeowners(text string) (rules codeowners.Ruleset) {
	for line := range strings.Lines(text) {
		if rule, err := codeowners.ParseFile(strings.NewReader(line), ownerNames); err == nil {
			rules = append(rules, rule...)
		}
	}
	return rules
}

// teamsOf returns names as pages take them: teams of the organisation by their slug, people with @.
// Names are written as @org/team, org/team, team or @login. Who is elsewhere can't be paged.
func teamsOf(names []string, org string) (all []string) {
	for _, name := range names {
		bare, hasAt := strings.CutPrefix(name, "@")
		if strings.Contains(bare, "@") { // a mail reaches nobody by a page
			continue
		}
		of, slug, isFull := strings.Cut(bare, "/")
		switch {
		case isFull && naming.Equal(of, org) && naming.IsTeam(slug):
			bare = naming.Key(slug)
		case !isFull && hasAt && naming.IsLogin(bare):
			bare = "@" + bare
		case !isFull && !hasAt && naming.IsTeam(bare):
			bare = naming.Key(bare)
		default:
			continue
		}
		if !naming.Contains(all, bare) {
			all = append(all, bare)
		}
	}
	return all
}
