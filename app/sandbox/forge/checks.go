package forge

import (
	"fmt"
	"slices"
	"time"
)

// CheckChange is what a check run is created or updated with; nil leaves as it is.
type CheckChange struct {
	Name       *string
	DetailsURL *string
	ExternalID *string
	Status     *string
	Conclusion *string
	Started    *time.Time
	Completed  *time.Time
	Output     *CheckOutput
	Actions    *[]CheckAction
}

// CheckOutput is what a check run says.
type CheckOutput struct {
	Title       string       `json:"title"`
	Summary     string       `json:"summary"`
	Text        string       `json:"text"`
	Annotations []Annotation `json:"annotations"`
}

var (
	checkStatuses    = []string{"queued", "in_progress", "completed", "waiting", "requested", "pending"}
	checkConclusions = []string{"action_required", "cancelled", "failure", "neutral", "success", "skipped",
		"stale", "timed_out"}
)

// CreateCheckRun makes a check run on a commit. Only an app may.
func (f *Forge) CreateCheckRun(by *Actor, r *Repository, headSHA string,
	change CheckChange) (*CheckRun, error) {
	if !by.ViaApp {
		if !f.CanSee(by, r) {
			return nil, ErrNotFound
		}
		return nil, Forbidden("You must authenticate via a GitHub App.")
	}
	if err := f.Require(by, r, RoleWrite, "checks"); err != nil {
		return nil, err
	}
	if change.Name == nil || *change.Name == "" {
		return nil, MissingField("name")
	}
	if headSHA == "" {
		return nil, MissingField("head_sha")
	}
	c, ok := r.Git.Commits[headSHA]
	if !ok {
		return nil, &Error{Status: statusUnprocessableEntity, Message: "No commit found for SHA: " + headSHA}
	}
	run := &CheckRun{ID: f.NextID("run"), HeadSHA: c.SHA, Status: "queued"}
	if err := f.changeRun(run, change); err != nil {
		return nil, err
	}
	run.Suite = f.EnsureSuite(r, c.SHA).ID
	r.CheckRuns = append(r.CheckRuns, run)
	f.NoteChange()
	f.Emit(&CheckRunEvent{By: by, Repository: r, Run: run, Action: "created"})
	if run.Status == "completed" {
		f.Emit(&CheckRunEvent{By: by, Repository: r, Run: run, Action: "completed"})
	}
	return run, nil
}

// UpdateCheckRun changes a check run; annotations are added to those that are there.
func (f *Forge) UpdateCheckRun(by *Actor, r *Repository, run *CheckRun, change CheckChange) error {
	if !by.ViaApp {
		if !f.CanSee(by, r) {
			return ErrNotFound
		}
		return Forbidden("You must authenticate via a GitHub App.")
	}
	if err := f.Require(by, r, RoleWrite, "checks"); err != nil {
		return err
	}
	was := run.Status
	next := *run
	if err := f.changeRun(&next, change); err != nil {
		return err
	}
	*run = next
	f.EnsureSuite(r, run.HeadSHA).Updated = f.Now()
	f.NoteChange()
	if was != "completed" && run.Status == "completed" {
		f.Emit(&CheckRunEvent{By: by, Repository: r, Run: run, Action: "completed"})
	}
	return nil
}

// PressCheckAction presses one of a check run's buttons, or asks for it to run again when identifier is empty.
func (f *Forge) PressCheckAction(by *Actor, r *Repository, run *CheckRun, identifier string) error {
	if err := f.Require(by, r, RoleWrite, "checks"); err != nil {
		return err
	}
	if identifier == "" {
		f.Emit(&CheckRunEvent{By: by, Repository: r, Run: run, Action: "rerequested"})
		return nil
	}
	if !slices.ContainsFunc(run.Actions, func(a CheckAction) bool { return a.Identifier == identifier }) {
		return ErrNotFound
	}
	f.Emit(&CheckRunEvent{By: by, Repository: r, Run: run, Action: "requested_action", Identifier: identifier})
	return nil
}

func (f *Forge) changeRun(run *CheckRun, in CheckChange) error {
	for _, text := range []struct{ to, from *string }{{&run.Name, in.Name},
		{&run.DetailsURL, in.DetailsURL}, {&run.ExternalID, in.ExternalID}, {&run.Status, in.Status},
		{&run.Conclusion, in.Conclusion}} {
		if text.from != nil {
			*text.to = *text.from
		}
	}
	if in.Conclusion != nil {
		run.Status = "completed"
	} else if in.Status != nil && *in.Status != "completed" {
		run.Conclusion, run.Completed = "", time.Time{}
	}
	if !slices.Contains(checkStatuses, run.Status) {
		return Invalid("CheckRun", "status", "invalid", "")
	}
	if run.Status == "completed" && !slices.Contains(checkConclusions, run.Conclusion) {
		return &Error{Status: statusUnprocessableEntity,
			Message: fmt.Sprintf("Invalid request.\n\n%q wasn't supplied or is not one of %v.",
				"conclusion", checkConclusions)}
	}
	if in.Started != nil {
		run.Started = in.Started.UTC()
	} else if run.Started.IsZero() {
		run.Started = f.Now()
	}
	if in.Completed != nil {
		run.Completed = in.Completed.UTC()
	} else if run.Status == "completed" && run.Completed.IsZero() {
		run.Completed = f.Now()
	}
	if in.Output != nil {
		if err := validOutput(*in.Output); err != nil {
			return err
		}
		run.Title, run.Summary, run.Text = in.Output.Title, in.Output.Summary, in.Output.Text
		run.Annotations = append(slices.Clone(run.Annotations), in.Output.Annotations...)
	}
	if in.Actions != nil {
		if len(*in.Actions) > 3 {
			return Invalid("CheckRun", "actions", "custom", "a check run has at most three actions")
		}
		for _, a := range *in.Actions {
			if len(a.Label) > 20 || len(a.Description) > 40 || len(a.Identifier) > 20 {
				return Invalid("CheckRun", "actions", "custom",
					"label and identifier have at most 20 characters, description 40")
			}
		}
		run.Actions = *in.Actions
	}
	return nil
}

func validOutput(out CheckOutput) error {
	if out.Summary == "" {
		return MissingField("summary")
	}
	if len(out.Summary) > 65535 || len(out.Text) > 65535 {
		return Invalid("CheckRun", "output", "custom", "summary and text have at most 65535 characters")
	}
	if len(out.Annotations) > 50 {
		return Invalid("CheckRun", "output", "custom", "at most 50 annotations in one request")
	}
	for _, a := range out.Annotations {
		if a.Path == "" || a.StartLine < 1 || a.EndLine < a.StartLine || a.Message == "" ||
			!slices.Contains([]string{"notice", "warning", "failure"}, a.Level) {
			return Invalid("CheckRun", "annotations", "invalid",
				"an annotation needs path, start_line, end_line, annotation_level and message")
		}
	}
	return nil
}

// EnsureSuite is the app's check suite on a commit, made when there is none.
func (f *Forge) EnsureSuite(r *Repository, sha string) *CheckSuite {
	for _, s := range r.CheckSuites {
		if s.HeadSHA == sha {
			return s
		}
	}
	s := &CheckSuite{ID: f.NextID("suite"), HeadSHA: sha, Branch: r.DefaultBranch, Created: f.Now(),
		Updated: f.Now()}
	for _, name := range r.Git.Branches() {
		if r.Git.Refs["refs/heads/"+name] == sha {
			s.Branch = name
		}
	}
	r.CheckSuites = append(r.CheckSuites, s)
	return s
}

// FindCheckRun finds a check run by id.
func (r *Repository) FindCheckRun(id int64) (*CheckRun, bool) {
	for _, run := range r.CheckRuns {
		if run.ID == id {
			return run, true
		}
	}
	return nil, false
}

// CheckRunsOf lists the check runs on a commit. Of runs with the same name only the newest counts,
// unless all are asked for.
func (r *Repository) CheckRunsOf(sha string, all bool) []*CheckRun {
	var list []*CheckRun
	seen := map[string]bool{}
	for _, run := range slices.Backward(r.CheckRuns) {
		if run.HeadSHA == sha && (all || !seen[run.Name]) {
			seen[run.Name] = true
			list = append(list, run)
		}
	}
	return list
}

// SuiteState sums up the runs of a check suite.
func SuiteState(r *Repository, s *CheckSuite) (status, conclusion string) {
	status, conclusion = "completed", "success"
	runs := 0
	for _, run := range r.CheckRunsOf(s.HeadSHA, false) {
		runs++
		if run.Status != "completed" {
			return run.Status, ""
		}
		if run.Conclusion != "success" && run.Conclusion != "neutral" && run.Conclusion != "skipped" {
			conclusion = run.Conclusion
		}
	}
	if runs == 0 {
		return "queued", ""
	}
	return status, conclusion
}

// AddStatus adds a status to a commit.
func (f *Forge) AddStatus(by *Actor, r *Repository, s Status) *Status {
	s.ID, s.Creator, s.Created = f.NextID("status"), by.Login, f.Now()
	r.Statuses = append(r.Statuses, &s)
	f.NoteChange()
	f.Emit(&StatusEvent{By: by, Repository: r, Status: &s})
	if s.State == "success" {
		f.mergeWaiting(r, s.SHA)
	}
	f.settleQueue(r, s.SHA)
	return &s
}
