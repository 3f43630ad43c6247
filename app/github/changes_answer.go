package github

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/suspect"
)

// repositoryChanges is the answer of detailsQuery about one repository.
type repositoryChanges struct {
	NameWithOwner string
	IsPrivate     bool
	Deployments   struct{ Nodes []deployment }
	Releases      struct{ Nodes []release }

	pulls  []pullFiles
	pushes []push // to watched paths
}

type pullFiles struct {
	Number int
	Files  *struct{ Nodes []struct{ Path string } }
}

type deployment struct {
	DatabaseID  int64
	Environment string
	CreatedAt   time.Time
	CommitOID   string
	Ref         *struct{ Name string }
	Creator     *struct{ Login string }
	Statuses    struct{ Nodes []deploymentStatus }
}

type deploymentStatus struct {
	State     string
	CreatedAt time.Time
	LogURL    string
}

type release struct {
	TagName, Name, URL string
	PublishedAt        time.Time
	IsDraft            bool
	Author             *struct{ Login string }
	TagCommit          *struct{ OID string }
}

type push struct {
	OID, URL, MessageHeadline string
	CommittedDate             time.Time
	Author                    *struct {
		Name string
		User *struct{ Login string }
	}
	AssociatedPullRequests *struct{ Nodes []struct{ Number int } }
	path                   string // the watched one; filled in by whoever knows the query
}

// UnmarshalJSON reads the fields that every repository has, and those that the query named by number:
// p41 for a pull request, w0 for a watched path.
func (r *repositoryChanges) UnmarshalJSON(text []byte) error {
	type plain repositoryChanges
	if err := json.Unmarshal(text, (*plain)(r)); err != nil {
		return err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return err
	}
	for name, raw := range fields {
		if len(name) < 2 || name[0] != 'p' || name[1] < '0' || name[1] > '9' || string(raw) == "null" {
			continue
		}
		var p pullFiles
		if err := json.Unmarshal(raw, &p); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		r.pulls = append(r.pulls, p)
	}
	var branch struct {
		DefaultBranchRef *struct {
			Target map[string]struct{ Nodes []push }
		}
	}
	if err := json.Unmarshal(text, &branch); err != nil || branch.DefaultBranchRef == nil {
		return err
	}
	for name, history := range branch.DefaultBranchRef.Target {
		for _, p := range history.Nodes {
			p.path = name
			r.pushes = append(r.pushes, p)
		}
	}
	return nil
}

// files returns the paths that each of the pull requests changes, by its name.
func (r *repositoryChanges) files() map[string][]string {
	all := map[string][]string{}
	for _, p := range r.pulls {
		if p.Files == nil {
			continue
		}
		ref := fmt.Sprintf("%s#%d", r.NameWithOwner, p.Number)
		for _, f := range p.Files.Nodes {
			all[ref] = append(all[ref], f.Path)
		}
	}
	return all
}

// changes returns what was deployed, released and pushed there in a span.
func (r *repositoryChanges) changes(d ports.ChangeDetails) (all []suspect.Change) {
	until := d.Until.Add(clockTolerance)
	isWithin := func(at time.Time) bool { return !at.Before(d.From) && !at.After(until) }
	for _, dep := range r.Deployments.Nodes {
		if d.IsProduction(dep.Environment) && isWithin(dep.live()) {
			all = append(all, dep.change(r.NameWithOwner))
		}
	}
	for _, rel := range r.Releases.Nodes {
		if rel.IsDraft || !isWithin(rel.PublishedAt) {
			continue
		}
		one := suspect.Change{Kind: suspect.Release, Ref: r.NameWithOwner + "@" + rel.TagName, Repo: r.NameWithOwner,
			Title: rel.Name, URL: rel.URL, Live: rel.PublishedAt}
		if rel.Author != nil {
			one.By = rel.Author.Login
		}
		if rel.TagCommit != nil {
			one.Commit = rel.TagCommit.OID
		}
		all = append(all, one)
	}
	paths := watchedPaths(d, r.NameWithOwner)
	for _, p := range r.pushes {
		var i int
		if _, err := fmt.Sscanf(p.path, "w%d", &i); err != nil || i >= len(paths) || !isWithin(p.CommittedDate) {
			continue
		}
		if p.AssociatedPullRequests != nil && len(p.AssociatedPullRequests.Nodes) > 0 {
			continue // found as a pull request
		}
		all = append(all, p.change(r.NameWithOwner, paths[i], d))
	}
	return all
}

// live returns when a deployment reached production, or began to.
func (d deployment) live() time.Time {
	for _, s := range d.Statuses.Nodes {
		if strings.EqualFold(s.State, "success") {
			return s.CreatedAt
		}
	}
	return d.CreatedAt
}

func (d deployment) change(repo string) suspect.Change {
	one := suspect.Change{Kind: suspect.Deployment, Ref: repo + "@" + shortOID(d.CommitOID), Repo: repo,
		Title: "Deployment to " + d.Environment, Environment: d.Environment, Live: d.live(), Commit: d.CommitOID}
	for _, s := range d.Statuses.Nodes {
		if s.LogURL != "" {
			one.URL = s.LogURL
			break
		}
	}
	if d.Creator != nil {
		one.By = d.Creator.Login
	}
	return one
}

func (p push) change(repo, path string, d ports.ChangeDetails) suspect.Change {
	one := suspect.Change{Kind: suspect.Push, Ref: repo + "@" + shortOID(p.OID), Repo: repo, Title: p.MessageHeadline,
		URL: p.URL, Merged: p.CommittedDate, Commit: p.OID, Files: []string{path}}
	if naming.Equal(repo, d.Ref.FullName()) && path == configurationPath {
		one.Kind = suspect.Configuration
	}
	if p.Author != nil {
		one.By = p.Author.Name
		if p.Author.User != nil {
			one.By = p.Author.User.Login
		}
	}
	return one
}

// shortOID returns a commit as people name it.
func shortOID(oid string) string { return oid[:min(7, len(oid))] }
