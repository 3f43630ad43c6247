package forge

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Who and what is in every sandbox; scripts rely on it.
var (
	seedPeople = []struct{ login, name, team string }{
		{"alice", "Alice Reyes", "platform"}, {"bob", "Bob Lindqvist", "platform"},
		{"carol", "Carol Okafor", "incident-coordinators"}, {"dan", "Dan Petrov", "incident-coordinators"},
		{"erin", "Erin Walsh", "payments"}, {"mallory", "Mallory Quint", ""}, {"gina", "Gina Moreau", ""},
		{"dave_acme", "Dave Ito", "platform"},
		{"ivan-", "Ivan Horvat", ""}, // a managed user, and a login of before 2013
	}
	seedTeams = []struct{ slug, name, description string }{
		{"platform", "Platform", "Runs the platform and is on call for it"},
		{"incident-coordinators", "Incident Coordinators", "Coordinates critical incidents"},
		{"payments", "Payments", "Builds the payment service"},
	}
	seedRepos = []struct{ name, description string }{
		{"incidents", "Every incident is an issue here; postmortems are pull requests"},
		{"platform", "The platform team's work"},
		{"payments", "The payments team's work"},
		{"customer-globex", "Shared with our customer Globex"},
		{"checkout", "Takes orders and payments"},
		{"ledger", "Books what was paid"},
		{"web", "The shop that customers see"},
	}
)

// madeDescriptions are of repositories that aren't in every sandbox.
var madeDescriptions = map[string]string{"infra": "Clusters, names and the load balancer"}

// before is how old everything is on the morning of a sandbox that has one.
const before = 30 * 24 * time.Hour

// SeedMorning seeds the organization with the files of the morning, and lets the morning pass.
func (f *Forge) SeedMorning(files map[string]map[string]string, labels map[string][]Label) error {
	all, err := morningRepositories()
	if err != nil {
		return err
	}
	for name, own := range files {
		if all[name] == nil {
			all[name] = map[string]string{}
		}
		maps.Copy(all[name], own)
	}
	now, start := f.Now, f.Now()
	defer func() { f.Now = now }()
	f.Now = func() time.Time { return start.Add(-before) }
	if err := f.Seed(all, labels); err != nil {
		return err
	}
	f.Created = start
	return f.passMorning(start)
}

// Seed makes the organization, its people and its repositories, with the caller's files and labels in them.
func (f *Forge) Seed(files map[string]map[string]string, labels map[string][]Label) error {
	f.Created = f.Now()
	f.AddUser("acme", KindOrganization, "Acme")
	for _, p := range seedPeople {
		f.AddUser(p.login, KindUser, p.name)
	}
	if !f.Empty {
		f.AddUser(f.App.Login, KindBot, "")
	}
	access := map[string]Role{}
	for _, t := range seedTeams {
		team := &Team{ID: f.NextID("team"), Org: "acme", Slug: t.slug, Name: t.name,
			Description: t.description, Created: f.Now()}
		for _, p := range seedPeople {
			if p.team == t.slug {
				team.Members = append(team.Members, p.login)
			}
		}
		f.Teams = append(f.Teams, team)
		access[t.slug] = RoleWrite
	}
	repos := slices.Clone(seedRepos)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		short, ours := strings.CutPrefix(name, "acme/")
		if ours && !slices.ContainsFunc(repos,
			func(s struct{ name, description string }) bool { return s.name == short }) {
			repos = append(repos, struct{ name, description string }{short,
				cmp.Or(madeDescriptions[short], "Made for its files")})
		}
	}
	for _, s := range repos {
		r := &Repository{ID: f.NextID("repo"), Owner: "acme", Name: s.name, Description: s.description,
			Private: true, DefaultBranch: "main",
			Created: f.Now(), Updated: f.Now(), Pushed: f.Now(),
			People: map[string]Role{"mallory": RoleRead, "ivan-": RoleRead}, Teams: maps.Clone(access),
			Git: NewGit()}
		if s.name == "customer-globex" {
			r.People = map[string]Role{"gina": RoleRead, "mallory": RoleRead}
		}
		if !f.Empty {
			for _, l := range labels[r.FullName()] {
				f.AddLabel(r, l.Name, l.Color, l.Description)
			}
		}
		content := map[string]string{"README.md": "# " + s.name + "\n\n" + s.description + ".\n"}
		maps.Copy(content, files[r.FullName()])
		tree := ""
		for _, path := range slices.Sorted(maps.Keys(content)) {
			var err error
			if tree, err = r.Git.SetEntry(tree, path,
				TreeEntry{Mode: ModeFile, SHA: r.Git.PutBlob([]byte(content[path]))}); err != nil {
				return fmt.Errorf("seed %s of %s: %w", path, r.FullName(), err)
			}
		}
		by := f.SignatureOf("alice")
		r.Git.Refs["refs/heads/main"] = r.Git.PutCommit(&Commit{Tree: tree,
			Message: "Set up the repository", Author: by, Committer: by, Login: "alice"})
		f.Repos = append(f.Repos, r)
		f.reposByName[strings.ToLower(r.FullName())] = r
	}
	f.Org, _ = f.FindUser("acme")
	return nil
}
