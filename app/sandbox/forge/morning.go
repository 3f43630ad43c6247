package forge

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// The morning before a sandbox starts: what was merged, deployed and released in the organization. Its
// last deployment is the culprit of the demo's first incident.

// morningFiles are the files of the repositories as they were before, by repository and path. What Go would
// take for its own has a _ at its end here.
//
//go:embed all:morning
var morningFiles embed.FS

// changesFile has the pull requests of the morning.
const changesFile = "morning/changes.yaml"

// The bots that take part.
const (
	dependabot = "dependabot[bot]"
	actions    = "github-actions[bot]"
)

// morningChange is a pull request that was merged in the morning.
type morningChange struct {
	Repository string
	Title      string
	Branch     string
	Author     string
	Merger     string
	Merged     time.Duration // so long before the start
	Body       string
	Label      string
	Edits      []edit
	Reverts    string // title of the pull request that it takes back, in place of edits
}

// edit replaces a text in a file. Without a text to be replaced the file is new.
type edit struct{ Path, Old, New string }

// Everything is so long before the start.
var (
	morningDeployments = []struct {
		repo, description string
		ago               time.Duration
	}{
		{"web", "build 531", 185 * time.Minute},
		{"checkout", "build 213", 135 * time.Minute},
		{"payments", "build 42", 65 * time.Minute},
		{"payments", "build 43", 6 * time.Minute},
	}
	morningReleases = []struct {
		repo, tag, name string
		by              string
		ago             time.Duration
	}{
		{"checkout", "v2.14.0", "Vouchers", "erin", 140 * time.Minute},
		{"ledger", "v3.2.0", "Refunds on the day of the sale", "erin", 85 * time.Minute},
		{"platform", "v1.9.0", "Certificates and alerts", "bob", 50 * time.Minute},
	}
	morningProperties = map[string]map[string]string{
		"platform": {"service": "platform", "team": "platform"},
		"payments": {"service": "payments", "team": "payments"},
		"checkout": {"service": "checkout", "team": "payments"},
		"ledger":   {"service": "ledger", "team": "payments"},
		"web":      {"service": "web", "team": "platform"},
		"infra":    {"service": "infra", "team": "platform"},
	}
)

// morningRepositories returns the files that the repositories have before the morning.
func morningRepositories() (map[string]map[string]string, error) {
	all := map[string]map[string]string{}
	err := fs.WalkDir(morningFiles, "morning", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || name == changesFile {
			return err
		}
		text, err := morningFiles.ReadFile(name)
		if err != nil {
			return err
		}
		repo, file, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(name, "morning/"), "_"), "/")
		full := path.Join("acme", repo)
		if all[full] == nil {
			all[full] = map[string]string{}
		}
		all[full][file] = string(text)
		return nil
	})
	return all, err
}

// moment is something that happens at a time.
type moment struct {
	at time.Time
	do func() error
}

// passMorning lets the morning before a time pass. Nobody is told of anything.
func (f *Forge) passMorning(start time.Time) error {
	now := f.Now
	defer func() { f.Now = now }()
	for _, bot := range []string{dependabot, actions} {
		f.AddUser(bot, KindBot, "")
	}
	for name, properties := range morningProperties {
		if r, ok := f.FindRepository("acme/" + name); ok {
			r.Properties = maps.Clone(properties)
		}
	}
	m := &morning{f: f, start: start, pulls: map[string]*Issue{}}
	if err := m.planChanges(); err != nil {
		return err
	}
	m.planDeployments()
	for _, v := range morningReleases {
		m.at(v.ago, func() error {
			_, err := f.CreateRelease(&Actor{Login: v.by}, m.repo(v.repo), NewRelease{Tag: v.tag, Name: v.name})
			return err
		})
	}
	slices.SortStableFunc(m.moments, func(a, b moment) int { return a.at.Compare(b.at) })
	for _, next := range m.moments {
		f.Now = func() time.Time { return next.at }
		if err := next.do(); err != nil {
			return fmt.Errorf("the morning, at %s: %w", FormatTime(next.at), err)
		}
	}
	return nil
}

// morning is the plan of what happens.
type morning struct {
	f       *Forge
	start   time.Time
	moments []moment
	pulls   map[string]*Issue // by title
}

// at plans something for so long before the start.
func (m *morning) at(ago time.Duration, do func() error) {
	m.moments = append(m.moments, moment{m.start.Add(-ago), do})
}

func (m *morning) repo(name string) *Repository {
	r, _ := m.f.FindRepository("acme/" + name)
	return r
}

// How long before its merge a pull request is opened and approved, and how long after it CI is done.
const (
	openBefore    = 40 * time.Minute
	approveBefore = 5 * time.Minute
	checkedAfter  = 2 * time.Minute
)

// planChanges plans the pull requests, with their reviews, merges and CI.
func (m *morning) planChanges() error {
	text, err := morningFiles.ReadFile(changesFile)
	if err != nil {
		return err
	}
	var changes []morningChange
	if err := yaml.Unmarshal(text, &changes); err != nil {
		return fmt.Errorf("read %s: %w", changesFile, err)
	}
	for _, c := range changes {
		m.at(c.Merged+openBefore, func() error { return m.open(c) })
		m.at(c.Merged+approveBefore, func() error {
			_, err := m.f.AddReview(&Actor{Login: c.Merger}, m.pulls[c.Title], "APPROVE", "", "")
			return err
		})
		m.at(c.Merged, func() error { return m.merge(c) })
		m.at(c.Merged-checkedAfter, func() error {
			_, err := m.f.AddRun(&Actor{Login: c.Merger}, m.repo(c.Repository), NewRun{Workflow: "CI"})
			return err
		})
	}
	return nil
}

// open opens a pull request on a branch of its own.
func (m *morning) open(c morningChange) error {
	f, r, by := m.f, m.repo(c.Repository), &Actor{Login: c.Author}
	if c.Reverts != "" {
		i, err := f.RevertPull(by, m.pulls[c.Reverts], RevertRequest{Body: c.Body})
		m.pulls[c.Title] = i
		return err
	}
	if c.Author == dependabot { // as an App, since no team has it
		by.ViaApp, by.Permissions = true, map[string]string{"pull_requests": "write"}
	}
	tip, _ := r.Git.Branch(r.DefaultBranch)
	tree := tip.Tree
	for _, e := range c.Edits {
		var err error
		if tree, err = e.apply(r.Git, tree); err != nil {
			return fmt.Errorf("%s: %w", c.Title, err)
		}
	}
	commit := f.NewCommit(&Actor{Login: c.Author}, tree, c.Title, nil, nil)
	commit.Parents = []string{tip.SHA}
	f.moveRef(by, r, "refs/heads/"+c.Branch, r.Git.PutCommit(commit))
	i, err := f.OpenPull(by, r, NewPull{Title: c.Title, Body: c.Body, Head: c.Branch, Base: r.DefaultBranch})
	if err != nil {
		return err
	}
	i.ViaApp = false // it isn't the App of this sandbox
	if c.Label != "" {
		if err := f.AddLabels(&Actor{Login: c.Merger}, i, []string{c.Label}); err != nil {
			return err
		}
	}
	m.pulls[c.Title] = i
	return nil
}

var errNoText = errors.New("the text to be replaced isn't there")

// apply returns a tree with the edit.
func (e edit) apply(g *Git, tree string) (string, error) {
	text := e.New
	if e.Old != "" {
		entry, _ := g.Entry(tree, e.Path)
		was := string(g.Blobs[entry.SHA])
		if !strings.Contains(was, e.Old) {
			return "", fmt.Errorf("%s: %w: %q", e.Path, errNoText, e.Old)
		}
		text = strings.ReplaceAll(was, e.Old, e.New)
	}
	return g.SetEntry(tree, e.Path, TreeEntry{Mode: ModeFile, SHA: g.PutBlob([]byte(text))})
}

// merge merges a pull request, and deletes its branch.
func (m *morning) merge(c morningChange) error {
	i, by := m.pulls[c.Title], &Actor{Login: c.Merger}
	if err := m.f.MergePull(by, i, MergeRequest{Method: "squash"}); err != nil {
		return fmt.Errorf("%s: %w", c.Title, err)
	}
	return m.f.DeleteRef(by, i.repo, "refs/heads/"+i.Pull.Head)
}

// planDeployments plans the deployments to production, each with its statuses.
func (m *morning) planDeployments() {
	by := &Actor{Login: actions, ViaApp: true, Permissions: map[string]string{"deployments": "write"}}
	for n, d := range morningDeployments {
		var made *Deployment
		m.at(d.ago, func() (err error) {
			r := m.repo(d.repo)
			made, err = m.f.CreateDeployment(by, r, NewDeployment{Ref: r.DefaultBranch, Description: d.description})
			if err == nil {
				made.ViaApp = false // it isn't the App of this sandbox
			}
			return err
		})
		for after, state := range []string{"queued", "in_progress", "success"} {
			m.at(d.ago-time.Duration(after)*time.Minute, func() error {
				s, err := m.f.AddDeploymentStatus(by, m.repo(d.repo), made, NewDeploymentStatus{State: state,
					LogURL:         fmt.Sprintf("https://ci.acme.example/%s/%d", d.repo, 1000+n),
					EnvironmentURL: "https://" + d.repo + ".acme.example"})
				if err == nil {
					s.ViaApp = false
				}
				return err
			})
		}
	}
}
