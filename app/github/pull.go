package github

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/google/go-github/v60/github"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// OpenPullRequest makes a branch with one commit and opens its pull request; what exists already is
// kept as it is. It implements engine.GitHub.
func (a *App) OpenPullRequest(ctx context.Context, ref incident.Ref, p ports.Publication) (ports.OpenedPull, error) {
	c, err := a.clientOf(ctx, documents, ref)
	if err != nil {
		return ports.OpenedPull{}, err
	}
	w := &publication{a: a, c: c, ref: ref, p: p}
	opened, err := w.openAtOnce(ctx)
	if err != nil {
		return ports.OpenedPull{}, err
	}
	var pr *github.PullRequest
	if opened.Number != 0 {
		pr = &github.PullRequest{Number: &opened.Number, State: github.String("open")}
	} else if pr, err = w.findPullRequest(ctx); err != nil {
		return ports.OpenedPull{}, err
	}
	if pr == nil {
		if pr, err = w.openPullRequest(ctx); err != nil {
			return ports.OpenedPull{}, err
		}
	}
	if err := requireFields("open the pull request", w.where(),
		field{"number", pr.GetNumber() != 0}); err != nil {
		return ports.OpenedPull{}, err
	}
	opened.Number = pr.GetNumber()
	return opened, w.requestReviews(ctx, pr)
}

type publication struct {
	a   *App
	c   *github.Client
	ref incident.Ref
	p   ports.Publication
}

func (w *publication) where() string { return w.ref.FullName() + ", branch " + w.p.Branch }

// findPullRequest returns the pull request of the branch that is open or merged, the newest first.
func (w *publication) findPullRequest(ctx context.Context) (*github.PullRequest, error) {
	pulls, _, err := w.c.PullRequests.List(ctx, w.ref.Owner, w.ref.Repo,
		&github.PullRequestListOptions{State: "all", Head: w.ref.Owner + ":" + w.p.Branch})
	if err != nil {
		return nil, describeError("look for the pull request", w.where(), err)
	}
	for _, pr := range pulls {
		if err := requireFields("look for the pull request", w.where(),
			field{"head.ref", pr.GetHead().GetRef() != ""}, field{"state", pr.GetState() != ""}); err != nil {
			return nil, err
		}
		if pr.GetHead().GetRef() == w.p.Branch && (pr.GetState() == "open" || pr.MergedAt != nil) {
			return pr, nil
		}
	}
	return nil, nil
}

// FindPullRequest returns the pull request of a branch. It implements engine.GitHub.
func (a *App) FindPullRequest(ctx context.Context, ref incident.Ref, branch string) (int, error) {
	c, err := a.clientOf(ctx, documents, ref)
	if err != nil {
		return 0, err
	}
	w := &publication{a: a, c: c, ref: ref, p: ports.Publication{Branch: branch}}
	pr, err := w.findPullRequest(ctx)
	if err != nil || pr == nil {
		return 0, err
	}
	return pr.GetNumber(), requireFields("look for the pull request", w.where(),
		field{"number", pr.GetNumber() != 0})
}

func (w *publication) openPullRequest(ctx context.Context) (*github.PullRequest, error) {
	repo, _, err := w.c.Repositories.Get(ctx, w.ref.Owner, w.ref.Repo)
	if err != nil {
		return nil, describeError("read the repository", w.ref.FullName(), err)
	}
	base := repo.GetDefaultBranch()
	if err := requireFields("read the repository", w.ref.FullName(),
		field{"default_branch", base != ""}); err != nil {
		return nil, err
	}
	if err := w.createBranch(ctx, base); err != nil {
		return nil, err
	}
	pr, _, err := w.c.PullRequests.Create(ctx, w.ref.Owner, w.ref.Repo, &github.NewPullRequest{
		Title: &w.p.Title, Body: &w.p.Body, Head: &w.p.Branch, Base: &base, MaintainerCanModify: github.Bool(true)})
	if statusOf(err) == http.StatusUnprocessableEntity {
		// Another look opened it in between.
		if pr, err := w.findPullRequest(ctx); err != nil || pr != nil {
			return pr, err
		}
	}
	if err != nil {
		return nil, describeError("open the pull request", w.where(), err)
	}
	return pr, nil
}

// createBranch creates the branch with the files in one commit. A file that is on the branch stays
// as it is: people write there.
func (w *publication) createBranch(ctx context.Context, base string) error {
	owner, repo := w.ref.Owner, w.ref.Repo
	head, _, err := w.c.Git.GetRef(ctx, owner, repo, "refs/heads/"+w.p.Branch)
	exists := err == nil
	if err != nil && statusOf(err) != http.StatusNotFound {
		return describeError("read the branch", w.where(), err)
	}
	if !exists {
		if head, _, err = w.c.Git.GetRef(ctx, owner, repo, "refs/heads/"+base); err != nil {
			return describeError("read the branch "+base, w.ref.FullName(), err)
		}
	}
	if err := requireFields("read the branch", w.where(),
		field{"object.sha", head.GetObject().GetSHA() != ""}); err != nil {
		return err
	}
	parent, _, err := w.c.Git.GetCommit(ctx, owner, repo, head.GetObject().GetSHA())
	if err != nil {
		return describeError("read the commit", w.where(), err)
	}
	if err := completeCommit(parent, w.where()); err != nil {
		return err
	}
	var entries []*github.TreeEntry
	for _, path := range slices.Sorted(maps.Keys(w.p.Files)) {
		if exists {
			_, _, _, err := w.c.Repositories.GetContents(ctx, owner, repo, path,
				&github.RepositoryContentGetOptions{Ref: w.p.Branch})
			if err == nil {
				continue
			}
			if statusOf(err) != http.StatusNotFound {
				return describeError("read "+path, w.where(), err)
			}
		}
		content := w.p.Files[path]
		entries = append(entries, &github.TreeEntry{Path: github.String(path),
			Mode: github.String("100644"), Type: github.String("blob"), Content: &content})
	}
	if len(entries) == 0 {
		return nil
	}
	tree, _, err := w.c.Git.CreateTree(ctx, owner, repo, parent.GetTree().GetSHA(), entries)
	if err != nil {
		return describeError("write the tree", w.where(), err)
	}
	if err := requireFields("write the tree", w.where(), field{"sha", tree.GetSHA() != ""}); err != nil {
		return err
	}
	// No author or committer: GitHub signs what an app commits in its own name.
	commit, _, err := w.c.Git.CreateCommit(ctx, owner, repo,
		&github.Commit{Message: &w.p.Message, Tree: tree, Parents: []*github.Commit{{SHA: parent.SHA}}}, nil)
	if err != nil {
		return describeError("write the commit", w.where(), err)
	}
	if err := requireFields("write the commit", w.where(), field{"sha", commit.GetSHA() != ""}); err != nil {
		return err
	}
	to := &github.Reference{Ref: github.String("refs/heads/" + w.p.Branch),
		Object: &github.GitObject{SHA: commit.SHA}}
	if exists {
		_, _, err = w.c.Git.UpdateRef(ctx, owner, repo, to, false)
	} else {
		_, _, err = w.c.Git.CreateRef(ctx, owner, repo, to)
	}
	if err != nil {
		return describeError("write the branch", w.where(), err)
	}
	return nil
}

// completeCommit returns an error if a commit lacks what the next one is built on. A tree that is
// made on none holds the new files alone: all others would be gone.
func completeCommit(c *github.Commit, where string) error {
	return requireFields("read the commit", where, field{"sha", c.GetSHA() != ""},
		field{"tree.sha", c.GetTree().GetSHA() != ""})
}

// requestReviews asks for reviews, of all at once. GitHub refuses the whole request for one login that is
// not a collaborator: then each is asked on its own.
func (w *publication) requestReviews(ctx context.Context, pr *github.PullRequest) error {
	if pr.GetState() != "open" {
		return nil
	}
	asked := map[string]bool{naming.Key(pr.GetUser().GetLogin()): true}
	for _, u := range pr.RequestedReviewers {
		asked[naming.Key(u.GetLogin())] = true
	}
	for _, t := range pr.RequestedTeams {
		asked["team "+naming.Key(t.GetSlug())] = true
	}
	var all github.ReviewersRequest
	var each []github.ReviewersRequest
	for _, r := range w.p.Reviewers {
		if !asked[naming.Key(r)] {
			all.Reviewers = append(all.Reviewers, r)
			each = append(each, github.ReviewersRequest{Reviewers: []string{r}})
		}
	}
	for _, t := range w.p.Teams {
		if !asked["team "+naming.Key(t)] {
			all.TeamReviewers = append(all.TeamReviewers, t)
			each = append(each, github.ReviewersRequest{TeamReviewers: []string{t}})
		}
	}
	if len(each) > 1 {
		if isTaken, err := w.requestReview(ctx, pr, all); isTaken || err != nil {
			return err
		}
	}
	for _, r := range each {
		if _, err := w.requestReview(ctx, pr, r); err != nil {
			return err
		}
	}
	return nil
}

// requestReview asks for reviews, and reports whether GitHub takes those who are asked.
func (w *publication) requestReview(ctx context.Context, pr *github.PullRequest,
	r github.ReviewersRequest) (isTaken bool, err error) {
	_, _, err = w.c.PullRequests.RequestReviewers(ctx, w.ref.Owner, w.ref.Repo, pr.GetNumber(), r)
	if v := classify(err); err != nil && (v.class == classRefused || v.class == classLost) {
		w.a.o.Logger.Warn("GitHub refuses the reviewer", "pull", fmt.Sprintf("%s#%d", w.ref.FullName(), pr.GetNumber()),
			"reviewers", r.Reviewers, "teams", r.TeamReviewers, "err", err)
		return false, nil
	}
	if err != nil {
		return false, describeError("ask for a review", w.where(), err)
	}
	return true, nil
}

// ReadPullRequest reads a pull request. It implements engine.GitHub.
func (a *App) ReadPullRequest(ctx context.Context, ref incident.Ref, number int) (ports.Pull, error) {
	c, err := a.clientOf(ctx, documents, ref)
	if err != nil {
		return ports.Pull{}, err
	}
	me, err := a.Login(ctx)
	if err != nil {
		return ports.Pull{}, err
	}
	pr, _, err := c.PullRequests.Get(ctx, ref.Owner, ref.Repo, number)
	if err != nil {
		return ports.Pull{}, describeError("read the pull request", ref.FullName(), err)
	}
	err = requireFields("read the pull request", fmt.Sprintf("%s#%d", ref.FullName(), number),
		field{"head.ref", pr.GetHead().GetRef() != ""}, field{"head.sha", pr.GetHead().GetSHA() != ""},
		field{"base.ref", pr.GetBase().GetRef() != ""}, field{"state", pr.GetState() != ""}, field{"merged",
			pr.Merged != nil},
		field{"merged_at", !pr.GetMerged() || pr.MergedAt != nil})
	if err != nil {
		return ports.Pull{}, err
	}
	mergedBy := pr.GetMergedBy().GetLogin()
	if pr.GetMerged() && mergedBy == "" {
		mergedBy = naming.Ghost
	}
	return ports.Pull{
		Number: number,
		Branch: pr.GetHead().GetRef(), Head: pr.GetHead().GetSHA(), Base: pr.GetBase().GetRef(),
		Merged: pr.GetMerged(), MergedAt: pr.GetMergedAt().UTC(), MergedBy: mergedBy,
		Open: pr.GetState() == "open", ByApp: naming.Equal(pr.GetUser().GetLogin(), me),
		Updated: pr.GetUpdatedAt().UTC(),
	}, nil
}

// ReadReviews returns who approves of a pull request and who asks for changes. What somebody said
// whose account is deleted counts for nobody: whether they may respond can't be asked any more. It
// implements engine.GitHub.
func (a *App) ReadReviews(ctx context.Context, ref incident.Ref, number int) (approved, changes []string,
	err error) {
	c, err := a.clientOf(ctx, documents, ref)
	if err != nil {
		return nil, nil, err
	}
	said := map[string]string{}
	var who []string
	opts := &github.ListOptions{PerPage: 100}
	for {
		reviews, res, err := c.PullRequests.ListReviews(ctx, ref.Owner, ref.Repo, number, opts)
		if err != nil {
			return nil, nil, describeError("read the reviews", ref.FullName(), err)
		}
		for _, r := range reviews {
			login, state := r.GetUser().GetLogin(), strings.ToUpper(r.GetState())
			if naming.IsNobody(login) {
				continue
			}
			if state != "APPROVED" && state != "CHANGES_REQUESTED" && state != "DISMISSED" {
				continue // a mere comment takes nothing back
			}
			if said[login] == "" {
				who = append(who, login)
			}
			said[login] = state
		}
		if res.NextPage == 0 {
			break
		}
		opts.Page = res.NextPage
	}
	for _, login := range who {
		switch said[login] {
		case "APPROVED":
			approved = append(approved, login)
		case "CHANGES_REQUESTED":
			changes = append(changes, login)
		}
	}
	return approved, changes, nil
}

// WriteFiles writes files to a branch in one commit on its head, and returns the commit. Where they
// are so already, nothing is written. Somebody who pushed in between makes it fail with a
// *ports.Moved, so that nobody's lines are lost. It implements engine.GitHub.
func (a *App) WriteFiles(ctx context.Context, ref incident.Ref, branch, head, message string,
	files map[string]string) (string, error) {
	c, err := a.clientOf(ctx, documents, ref)
	if err != nil {
		return "", err
	}
	where := ref.FullName() + ", branch " + branch
	parent, _, err := c.Git.GetCommit(ctx, ref.Owner, ref.Repo, head)
	if err != nil {
		return "", describeError("read the commit", where, err)
	}
	if err := completeCommit(parent, where); err != nil {
		return "", err
	}
	var entries []*github.TreeEntry
	for _, path := range slices.Sorted(maps.Keys(files)) {
		content := files[path]
		entries = append(entries, &github.TreeEntry{Path: github.String(path),
			Mode: github.String("100644"), Type: github.String("blob"), Content: &content})
	}
	tree, _, err := c.Git.CreateTree(ctx, ref.Owner, ref.Repo, parent.GetTree().GetSHA(), entries)
	if err != nil {
		return "", describeError("write the tree", where, err)
	}
	if err := requireFields("write the tree", where, field{"sha", tree.GetSHA() != ""}); err != nil {
		return "", err
	}
	if tree.GetSHA() == parent.GetTree().GetSHA() {
		return head, nil
	}
	commit, _, err := c.Git.CreateCommit(ctx, ref.Owner, ref.Repo,
		&github.Commit{Message: &message, Tree: tree, Parents: []*github.Commit{{SHA: parent.SHA}}}, nil)
	if err != nil {
		return "", describeError("write the commit", where, err)
	}
	if err := requireFields("write the commit", where, field{"sha", commit.GetSHA() != ""}); err != nil {
		return "", err
	}
	to := &github.Reference{Ref: github.String("refs/heads/" + branch),
		Object: &github.GitObject{SHA: commit.SHA}}
	if _, _, err := c.Git.UpdateRef(ctx, ref.Owner, ref.Repo, to, false); err != nil {
		failed := describeError("write the branch", where, err)
		if statusOf(err) != http.StatusUnprocessableEntity {
			return "", failed
		}
		isMoved := strings.Contains(err.Error(), "fast forward")
		now, _, err := c.Git.GetRef(ctx, ref.Owner, ref.Repo, "refs/heads/"+branch)
		switch {
		case err != nil: // what it was refused for is not known
			return "", describeError("read the branch", where, err)
		case isMoved || now.GetObject().GetSHA() != head:
			return "", &ports.Moved{Head: now.GetObject().GetSHA(), Err: failed}
		}
		return "", failed
	}
	return commit.GetSHA(), nil
}

// FindDocument returns the path of the first document (.md) in a folder whose name begins so, as a
// commit has it; "" if there is none: the data next to it have the same name but for its end. It
// implements engine.GitHub.
func (a *App) FindDocument(ctx context.Context, ref incident.Ref, folder, prefix, commit string) (string,
	error) {
	c, err := a.clientOf(ctx, documents, ref)
	if err != nil {
		return "", err
	}
	_, files, _, err := c.Repositories.GetContents(ctx, ref.Owner, ref.Repo, folder,
		&github.RepositoryContentGetOptions{Ref: commit})
	if statusOf(err) == http.StatusNotFound {
		return "", nil
	}
	if err != nil {
		return "", describeError("list "+folder, ref.FullName()+"@"+commit, err)
	}
	for _, f := range files {
		if strings.HasPrefix(f.GetName(), prefix) && strings.HasSuffix(f.GetName(), ".md") &&
			f.GetType() == "file" {
			return f.GetPath(), nil
		}
	}
	return "", nil
}
