package setup

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	gogithub "github.com/google/go-github/v60/github"

	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/github"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/templates"
)

// Branch is the branch of the pull request that sets up a repository.
const Branch = "firebreak/set-up"

// Repository is what a repository has after it was prepared.
type Repository struct {
	Name    string   `json:"repository"`
	Created []string `json:"labels_created"`
	Present []string `json:"labels_present"`
	Files   []File   `json:"files"`
	Pull    *Pull    `json:"pull_request"` // nil: every file is there
}

// File is one of the files that a repository needs.
type File struct {
	Path    string `json:"path"`
	Present bool   `json:"present"`
}

// Pull is the pull request that adds what is missing.
type Pull struct {
	Number int    `json:"number"`
	URL    string `json:"html_url"`
	Opened bool   `json:"opened"` // now; else it was open already
}

// Prepare returns a repository its labels, and opens one pull request with the files that it lacks.
// What is there already stays as it is, so that running it again does no harm. told hears how far
// it is.
func Prepare(ctx context.Context, app *github.App, owner, repo, coordinators string,
	told func(step string, done, total int)) (*Repository, error) {
	if !naming.IsTeam(coordinators) {
		return nil, fmt.Errorf("--coordinators %q: give a team's slug, as in "+
			"github.com/orgs/ORG/teams/SLUG", coordinators)
	}
	c, err := app.Repository(ctx, owner, repo)
	if err == nil {
		_, _, err = c.Repositories.Get(ctx, owner, repo)
	}
	if err != nil {
		return nil, Explain(ctx, app, owner+"/"+repo, err)
	}
	out := &Repository{Name: owner + "/" + repo, Created: []string{}, Present: []string{}}
	ref := incident.Ref{Owner: owner, Repo: repo}
	files, text := templates.Starter(coordinators)
	policy := incident.DefaultPolicy()
	missing := map[string]string{}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		content, there, err := app.ReadFile(ctx, ref, path)
		if err != nil {
			return nil, err
		}
		if !there {
			missing[path] = files[path]
		} else if path == config.Path {
			if policy, err = config.Parse(content); err != nil {
				return nil, fmt.Errorf("%s of %s can't be used: %w; mend it first", path, out.Name, err)
			}
		}
		out.Files = append(out.Files, File{Path: path, Present: there})
	}
	if err := out.label(ctx, c, ref, Labels(policy), told); err != nil {
		return out, err
	}
	if len(missing) == 0 {
		return out, nil
	}
	told("opening the pull request", 0, 0)
	return out, out.propose(ctx, app, ref, missing, text)
}

// label creates the labels that are missing. GitHub ignores the case of names.
func (r *Repository) label(ctx context.Context, c *gogithub.Client, ref incident.Ref, labels []Label,
	told func(string, int, int)) error {
	there, err := labelsOf(ctx, c, ref)
	if err != nil {
		return err
	}
	for n, l := range labels {
		told("creating labels", n, len(labels))
		if there[strings.ToLower(l.Name)] {
			r.Present = append(r.Present, l.Name)
			continue
		}
		_, res, err := c.Issues.CreateLabel(ctx, ref.Owner, ref.Repo,
			&gogithub.Label{Name: &l.Name, Color: &l.Color, Description: &l.Description})
		if err != nil && res != nil && res.StatusCode == http.StatusUnprocessableEntity {
			r.Present = append(r.Present, l.Name) // somebody made it in between
			continue
		}
		if err != nil {
			return fmt.Errorf("create the label %s of %s: %w", l.Name, r.Name, err)
		}
		r.Created = append(r.Created, l.Name)
	}
	return nil
}

// labelsOf returns the names of a repository's labels, lower case.
func labelsOf(ctx context.Context, c *gogithub.Client, ref incident.Ref) (map[string]bool, error) {
	names := map[string]bool{}
	for page := (&gogithub.ListOptions{PerPage: 100}); ; {
		labels, res, err := c.Issues.ListLabels(ctx, ref.Owner, ref.Repo, page)
		if err != nil {
			return nil, fmt.Errorf("list the labels of %s: %w", ref.FullName(), err)
		}
		for _, l := range labels {
			names[strings.ToLower(l.GetName())] = true
		}
		if res.NextPage == 0 {
			return names, nil
		}
		page.Page = res.NextPage
	}
}

// propose opens the pull request, or finds the one that is open. If one was merged and files are
// missing again, another follows.
func (r *Repository) propose(ctx context.Context, app *github.App, ref incident.Ref,
	files map[string]string, text string) error {
	branch := Branch
	for n := 2; ; n++ {
		number, err := app.FindPullRequest(ctx, ref, branch)
		if err != nil {
			return err
		}
		if number == 0 {
			break
		}
		pr, err := app.ReadPullRequest(ctx, ref, number)
		if err != nil {
			return err
		}
		if pr.Open {
			r.Pull = &Pull{Number: number, URL: pullAddress(app, ref, number)}
			return nil
		}
		branch = fmt.Sprintf("%s-%d", Branch, n)
	}
	opened, err := app.OpenPullRequest(ctx, ref,
		engine.Publication{Branch: branch, Files: files, Message: "Set up incidents",
			Title: "Set up incidents", Body: text})
	var answer *gogithub.ErrorResponse
	if errors.As(err, &answer) && answer.Response != nil && answer.Response.StatusCode == http.StatusConflict {
		return fmt.Errorf("%s has no commit yet: add a README on GitHub, and run this again", ref.FullName())
	}
	if err != nil {
		return err
	}
	r.Pull = &Pull{Number: opened.Number, URL: pullAddress(app, ref, opened.Number), Opened: true}
	return nil
}

func pullAddress(app *github.App, ref incident.Ref, number int) string {
	ref.Number = number
	return strings.Replace(app.IssueURL(ref), "/issues/", "/pull/", 1)
}

// Explain says of an error that comes of a missing installation where the App is installed.
func Explain(ctx context.Context, app *github.App, repository string, err error) error {
	if !errors.Is(err, engine.ErrNoAccess) {
		return err
	}
	self, _, asked := app.Self().Apps.Get(ctx, "")
	if asked != nil {
		return fmt.Errorf("GitHub does not know the App by these credentials: %w", asked)
	}
	return fmt.Errorf("%s is not installed on %s: install it at %s/installations/new, and run this again (%w)",
		self.GetName(), repository, self.GetHTMLURL(), err)
}
