package sandbox

import (
	"fmt"
	"slices"
	"time"
)

// checkChange is what a check run is created or updated with; nil leaves as it is.
type checkChange struct {
	Name       *string
	DetailsURL *string
	ExternalID *string
	Status     *string
	Conclusion *string
	Started    *time.Time
	Completed  *time.Time
	Output     *checkOutput
	Actions    *[]CheckAction
}

// checkOutput is what a check run says.
type checkOutput struct {
	Title       string       `json:"title"`
	Summary     string       `json:"summary"`
	Text        string       `json:"text"`
	Annotations []Annotation `json:"annotations"`
}

var (
	checkStatuses    = []string{"queued", "in_progress", "completed", "waiting", "requested", "pending"}
	checkConclusions = []string{"action_required", "cancelled", "failure", "neutral", "success", "skipped", "stale", "timed_out"}
)

// createCheckRun makes a check run on a commit. Only an app may.
func (st *store) createCheckRun(by *Actor, r *Repository, headSHA string, change checkChange) (*CheckRun, error) {
	if !by.ViaApp {
		if !st.sees(by, r) {
			return nil, errNotFound
		}
		return nil, forbidden("You must authenticate via a GitHub App.")
	}
	if err := st.need(by, r, RoleWrite, "checks"); err != nil {
		return nil, err
	}
	if change.Name == nil || *change.Name == "" {
		return nil, missing("name")
	}
	if headSHA == "" {
		return nil, missing("head_sha")
	}
	c, ok := r.Git.Commits[headSHA]
	if !ok {
		return nil, &Error{Status: statusUnprocessableEntity, Message: "No commit found for SHA: " + headSHA}
	}
	run := &CheckRun{ID: st.nextID("run"), HeadSHA: c.SHA, Status: "queued"}
	if err := st.changeRun(run, change); err != nil {
		return nil, err
	}
	run.Suite = st.suiteFor(r, c.SHA).ID
	r.CheckRuns = append(r.CheckRuns, run)
	st.changed()
	st.emit(&checkRunEvent{By: by, Repository: r, Run: run, Action: "created"})
	if run.Status == "completed" {
		st.emit(&checkRunEvent{By: by, Repository: r, Run: run, Action: "completed"})
	}
	return run, nil
}

// updateCheckRun changes a check run; annotations are added to those that are there.
func (st *store) updateCheckRun(by *Actor, r *Repository, run *CheckRun, change checkChange) error {
	if !by.ViaApp {
		if !st.sees(by, r) {
			return errNotFound
		}
		return forbidden("You must authenticate via a GitHub App.")
	}
	if err := st.need(by, r, RoleWrite, "checks"); err != nil {
		return err
	}
	was := run.Status
	next := *run
	if err := st.changeRun(&next, change); err != nil {
		return err
	}
	*run = next
	st.suiteFor(r, run.HeadSHA).Updated = st.now()
	st.changed()
	if was != "completed" && run.Status == "completed" {
		st.emit(&checkRunEvent{By: by, Repository: r, Run: run, Action: "completed"})
	}
	return nil
}

// requestAction presses one of a check run's buttons, or asks for it to run again when identifier is empty.
func (st *store) requestAction(by *Actor, r *Repository, run *CheckRun, identifier string) error {
	if err := st.need(by, r, RoleWrite, "checks"); err != nil {
		return err
	}
	if identifier == "" {
		st.emit(&checkRunEvent{By: by, Repository: r, Run: run, Action: "rerequested"})
		return nil
	}
	if !slices.ContainsFunc(run.Actions, func(a CheckAction) bool { return a.Identifier == identifier }) {
		return errNotFound
	}
	st.emit(&checkRunEvent{By: by, Repository: r, Run: run, Action: "requested_action", Identifier: identifier})
	return nil
}

func (st *store) changeRun(run *CheckRun, in checkChange) error {
	for _, text := range []struct{ to, from *string }{{&run.Name, in.Name}, {&run.DetailsURL, in.DetailsURL}, {&run.ExternalID, in.ExternalID}, {&run.Status, in.Status}, {&run.Conclusion, in.Conclusion}} {
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
		return invalid("CheckRun", "status", "invalid", "")
	}
	if run.Status == "completed" && !slices.Contains(checkConclusions, run.Conclusion) {
		return &Error{Status: statusUnprocessableEntity, Message: fmt.Sprintf("Invalid request.\n\n%q wasn't supplied or is not one of %v.", "conclusion", checkConclusions)}
	}
	if in.Started != nil {
		run.Started = in.Started.UTC()
	} else if run.Started.IsZero() {
		run.Started = st.now()
	}
	if in.Completed != nil {
		run.Completed = in.Completed.UTC()
	} else if run.Status == "completed" && run.Completed.IsZero() {
		run.Completed = st.now()
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
			return invalid("CheckRun", "actions", "custom", "a check run has at most three actions")
		}
		for _, a := range *in.Actions {
			if len(a.Label) > 20 || len(a.Description) > 40 || len(a.Identifier) > 20 {
				return invalid("CheckRun", "actions", "custom", "label and identifier have at most 20 characters, description 40")
			}
		}
		run.Actions = *in.Actions
	}
	return nil
}

func validOutput(out checkOutput) error {
	if out.Summary == "" {
		return missing("summary")
	}
	if len(out.Summary) > 65535 || len(out.Text) > 65535 {
		return invalid("CheckRun", "output", "custom", "summary and text have at most 65535 characters")
	}
	if len(out.Annotations) > 50 {
		return invalid("CheckRun", "output", "custom", "at most 50 annotations in one request")
	}
	for _, a := range out.Annotations {
		if a.Path == "" || a.StartLine < 1 || a.EndLine < a.StartLine || a.Message == "" || !slices.Contains([]string{"notice", "warning", "failure"}, a.Level) {
			return invalid("CheckRun", "annotations", "invalid", "an annotation needs path, start_line, end_line, annotation_level and message")
		}
	}
	return nil
}

// suiteFor is the app's check suite on a commit, made when there is none.
func (st *store) suiteFor(r *Repository, sha string) *CheckSuite {
	for _, s := range r.CheckSuites {
		if s.HeadSHA == sha {
			return s
		}
	}
	s := &CheckSuite{ID: st.nextID("suite"), HeadSHA: sha, Branch: r.DefaultBranch, Created: st.now(), Updated: st.now()}
	for _, name := range r.Git.branches() {
		if r.Git.Refs["refs/heads/"+name] == sha {
			s.Branch = name
		}
	}
	r.CheckSuites = append(r.CheckSuites, s)
	return s
}

// run finds a check run by id.
func (r *Repository) run(id int64) (*CheckRun, bool) {
	for _, run := range r.CheckRuns {
		if run.ID == id {
			return run, true
		}
	}
	return nil, false
}

// runsFor lists the check runs on a commit. Of runs with the same name only the newest counts, unless all are asked for.
func (r *Repository) runsFor(sha string, all bool) []*CheckRun {
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

// suiteState sums up the runs of a check suite.
func suiteState(r *Repository, s *CheckSuite) (status, conclusion string) {
	status, conclusion = "completed", "success"
	runs := 0
	for _, run := range r.runsFor(s.HeadSHA, false) {
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

// addStatus adds a status to a commit.
func (st *store) addStatus(by *Actor, r *Repository, s Status) *Status {
	s.ID, s.Creator, s.Created = st.nextID("status"), by.Login, st.now()
	r.Statuses = append(r.Statuses, &s)
	st.changed()
	st.emit(&statusEvent{By: by, Repository: r, Status: &s})
	return &s
}
