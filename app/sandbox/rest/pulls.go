package rest

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

func listPulls(q *request) (int, any, error) {
	r, err := q.repo()
	if err == nil {
		err = q.forge.Require(q.by, r, forge.RoleRead, "pull_requests")
	}
	if err != nil {
		return 0, nil, err
	}
	state := q.query("state")
	if state == "" {
		state = "open"
	}
	var found []*forge.Issue
	for _, i := range r.Issues {
		switch {
		case i == nil || i.Pull == nil, state != "all" && i.State() != state:
			continue
		case q.query("base") != "" && q.query("base") != i.Pull.Base:
			continue
		}
		// GitHub looks at head only where an owner is named.
		if owner, branch, ok := strings.Cut(q.query("head"), ":"); ok &&
			(!strings.EqualFold(owner, r.Owner) || branch != i.Pull.Head) {
			continue
		}
		found = append(found, i)
	}
	if q.query("direction") != "asc" {
		slices.Reverse(found)
	}
	return paged(q, found, q.views.pullView)
}

func createPull(q *request) (int, any, error) {
	r, err := q.repo()
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		Title, Body, Head, Base string
		Draft                   bool
	}
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	i, err := q.forge.OpenPull(q.by, r,
		forge.NewPull{Title: in.Title, Body: in.Body, Head: in.Head, Base: in.Base, Draft: in.Draft})
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, q.views.pullFullView(i), nil
}

func getPull(q *request) (int, any, error) {
	i, err := q.pull()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.views.pullFullView(i), nil
}

func patchPull(q *request) (int, any, error) {
	i, err := q.pull()
	if err != nil {
		return 0, nil, err
	}
	var in struct{ Title, Body, State, Base *string }
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	if err := q.forge.EditPull(q.by, i,
		forge.PullEdit{IssueEdit: forge.IssueEdit{Title: in.Title, Body: in.Body, State: in.State},
			Base: in.Base}); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.views.pullFullView(i), nil
}

func listPullCommits(q *request) (int, any, error) {
	i, err := q.pull()
	if err != nil {
		return 0, nil, err
	}
	return paged(q, q.forge.PullCommits(i),
		func(c *forge.Commit) fields { return q.views.commitView(i.Repo(), c) })
}

func listPullFiles(q *request) (int, any, error) {
	i, err := q.pull()
	if err != nil {
		return 0, nil, err
	}
	return paged(q, q.forge.PullChanges(i),
		func(c forge.Change) fields { return q.views.changeView(i.Repo(), i.Pull.HeadSHA, c) })
}

func listReviewers(q *request) (int, any, error) {
	i, err := q.pull()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, fields{"users": each(i.Pull.Reviewers, q.views.userView),
		"teams": each(i.Pull.Teams, q.views.teamBySlug)}, nil
}

func changeReviewers(change func(*forge.Forge, *forge.Actor, *forge.Issue, []string, []string) error,
	status int) endpoint {
	return func(q *request) (int, any, error) {
		i, err := q.pull()
		if err != nil {
			return 0, nil, err
		}
		var in struct {
			Reviewers []string
			Teams     []string `json:"team_reviewers"`
		}
		if err := q.read(&in); err != nil {
			return 0, nil, err
		}
		if err := change(q.forge, q.by, i, in.Reviewers, in.Teams); err != nil {
			return 0, nil, err
		}
		return status, q.views.pullView(i), nil
	}
}

func listReviews(q *request) (int, any, error) {
	i, err := q.pull()
	if err != nil {
		return 0, nil, err
	}
	return paged(q, i.Pull.Reviews, func(r *forge.Review) fields {
		v := q.views.reviewView(i, r)
		if r.Author == forge.Ghost { // where the account is deleted the timeline shows the ghost, and this list nobody
			v = v.with(fields{"user": nil})
		}
		return v
	})
}

func createReview(q *request) (int, any, error) {
	i, err := q.pull()
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		Event, Body string
		CommitID    string `json:"commit_id"`
	}
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	r, err := q.forge.AddReview(q.by, i, in.Event, in.Body, in.CommitID)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.views.reviewView(i, r), nil
}

// review finds the review of the path.
func (q *request) review() (*forge.Issue, *forge.Review, error) {
	i, err := q.pull()
	if err != nil {
		return nil, nil, err
	}
	id := q.id("review")
	n := slices.IndexFunc(i.Pull.Reviews, func(r *forge.Review) bool { return r.ID == id })
	if n < 0 {
		return nil, nil, forge.ErrNotFound
	}
	return i, i.Pull.Reviews[n], nil
}

func getReview(q *request) (int, any, error) {
	i, r, err := q.review()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.views.reviewView(i, r), nil
}

func dismissReview(q *request) (int, any, error) {
	i, r, err := q.review()
	if err != nil {
		return 0, nil, err
	}
	var in struct{ Message string }
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	if err := q.forge.DismissReview(q.by, i, r, in.Message); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.views.reviewView(i, r), nil
}

func mergePull(q *request) (int, any, error) {
	i, err := q.pull()
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		Method  string `json:"merge_method"`
		Title   string `json:"commit_title"`
		Message string `json:"commit_message"`
		SHA     string
	}
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	if err := q.forge.MergePull(q.by, i,
		forge.MergeRequest{Method: in.Method, Title: in.Title, Message: in.Message, SHA: in.SHA}); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, fields{"sha": i.Pull.MergeSHA, "merged": true,
		"message": "Pull Request successfully merged"}, nil
}

func isMerged(q *request) (int, any, error) {
	i, err := q.pull()
	if err == nil && !i.Pull.Merged() {
		err = forge.ErrNotFound
	}
	return http.StatusNoContent, nil, err
}

// checkIn is the body of a check run's creation and change.
type checkIn struct {
	Name        *string              `json:"name"`
	HeadSHA     string               `json:"head_sha"`
	DetailsURL  *string              `json:"details_url"`
	ExternalID  *string              `json:"external_id"`
	Status      *string              `json:"status"`
	Conclusion  *string              `json:"conclusion"`
	StartedAt   *time.Time           `json:"started_at"`
	CompletedAt *time.Time           `json:"completed_at"`
	Output      *forge.CheckOutput   `json:"output"`
	Actions     *[]forge.CheckAction `json:"actions"`
}

func (in checkIn) change() forge.CheckChange {
	return forge.CheckChange{Name: in.Name, DetailsURL: in.DetailsURL, ExternalID: in.ExternalID,
		Status: in.Status, Conclusion: in.Conclusion,
		Started: in.StartedAt, Completed: in.CompletedAt, Output: in.Output, Actions: in.Actions}
}

func createCheckRun(q *request) (int, any, error) {
	r, err := q.repo()
	if err != nil {
		return 0, nil, err
	}
	var in checkIn
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	run, err := q.forge.CreateCheckRun(q.by, r, in.HeadSHA, in.change())
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, q.views.checkRunView(r, run), nil
}

// run finds the check run of the path.
func (q *request) run() (*forge.Repository, *forge.CheckRun, error) {
	r, err := q.repo()
	if err == nil {
		err = q.forge.Require(q.by, r, forge.RoleRead, "checks")
	}
	if err != nil {
		return nil, nil, err
	}
	run, ok := r.FindCheckRun(q.id("run"))
	if !ok {
		return nil, nil, forge.ErrNotFound
	}
	return r, run, nil
}

func getCheckRun(q *request) (int, any, error) {
	r, run, err := q.run()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.views.checkRunView(r, run), nil
}

func patchCheckRun(q *request) (int, any, error) {
	r, run, err := q.run()
	if err != nil {
		return 0, nil, err
	}
	var in checkIn
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	if err := q.forge.UpdateCheckRun(q.by, r, run, in.change()); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, q.views.checkRunView(r, run), nil
}

func listAnnotations(q *request) (int, any, error) {
	r, run, err := q.run()
	if err != nil {
		return 0, nil, err
	}
	return paged(q, run.Annotations, func(a forge.Annotation) fields {
		return q.views.annotationView(r,
			run, a)
	})
}

// commitAt finds the commit that the path's ref names.
func (q *request) commitAt(area string) (*forge.Repository, *forge.Commit, error) {
	r, err := q.repo()
	if err == nil {
		err = q.forge.Require(q.by, r, forge.RoleRead, area)
	}
	if err != nil {
		return nil, nil, err
	}
	c, ok := r.Git.Resolve(q.value("ref"))
	if !ok {
		return nil, nil, &forge.Error{Status: http.StatusUnprocessableEntity,
			Message: "No commit found for SHA: " + q.value("ref")}
	}
	return r, c, nil
}

func listCheckRuns(q *request) (int, any, error) {
	r, c, err := q.commitAt("checks")
	if err != nil {
		return 0, nil, err
	}
	runs := slices.DeleteFunc(r.CheckRunsOf(c.SHA, q.query("filter") == "all"), func(run *forge.CheckRun) bool {
		name, status := q.query("check_name"), q.query("status")
		return name != "" && name != run.Name || status != "" && status != run.Status
	})
	from, to := q.page(len(runs))
	return http.StatusOK, fields{"total_count": len(runs),
		"check_runs": each(runs[from:to],
			func(run *forge.CheckRun) fields { return q.views.checkRunView(r, run) })}, nil
}

func listCheckSuites(q *request) (int, any, error) {
	r, c, err := q.commitAt("checks")
	if err != nil {
		return 0, nil, err
	}
	suites := slices.DeleteFunc(slices.Clone(r.CheckSuites),
		func(s *forge.CheckSuite) bool { return s.HeadSHA != c.SHA })
	from, to := q.page(len(suites))
	return http.StatusOK, fields{"total_count": len(suites),
		"check_suites": each(suites[from:to],
			func(s *forge.CheckSuite) fields { return q.views.suiteView(r, s) })}, nil
}

func combinedStatus(q *request) (int, any, error) {
	r, c, err := q.commitAt("statuses")
	if err != nil {
		return 0, nil, err
	}
	state := "success"
	newest := map[string]*forge.Status{}
	for _, s := range r.Statuses {
		if s.SHA == c.SHA {
			newest[s.Context] = s
		}
	}
	views := []fields{}
	for _, context := range slices.Sorted(maps.Keys(newest)) {
		s := newest[context]
		views = append(views, q.views.statusView(r, s))
		switch {
		case s.State == "error" || s.State == "failure":
			state = "failure"
		case s.State == "pending" && state != "failure":
			state = "pending"
		}
	}
	if len(views) == 0 {
		state = "pending"
	}
	return http.StatusOK, fields{"state": state, "statuses": views, "sha": c.SHA,
		"total_count": len(views), "repository": q.views.repoView(r),
		"commit_url": q.views.api("/repos/%s/commits/%s", r.FullName(), c.SHA),
		"url":        q.views.api("/repos/%s/commits/%s/status", r.FullName(), c.SHA)}, nil
}

func createStatus(q *request) (int, any, error) {
	r, err := q.repo()
	if err == nil {
		err = q.forge.Require(q.by, r, forge.RoleWrite, "statuses")
	}
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		State, Context, Description string
		TargetURL                   string `json:"target_url"`
	}
	if err := q.read(&in); err != nil {
		return 0, nil, err
	}
	if _, ok := r.Git.Commits[q.value("sha")]; !ok {
		return 0, nil, &forge.Error{Status: http.StatusUnprocessableEntity,
			Message: "No commit found for SHA: " + q.value("sha")}
	}
	if !slices.Contains([]string{"error", "failure", "pending", "success"}, in.State) {
		return 0, nil, forge.Invalid("Status", "state", "invalid", "")
	}
	if in.Context == "" {
		in.Context = "default"
	}
	s := q.forge.AddStatus(q.by, r, forge.Status{SHA: q.value("sha"), Context: in.Context, State: in.State,
		Description: in.Description, TargetURL: in.TargetURL})
	return http.StatusCreated, q.views.statusView(r,
		s).with(fields{"creator": q.views.userView(s.Creator)}), nil
}
