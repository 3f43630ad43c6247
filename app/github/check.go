package github

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/go-github/v60/github"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// maxAnnotations is how many of them GitHub takes in one request; more are added by further ones.
// https://docs.github.com/en/rest/checks/runs#create-a-check-run
const maxAnnotations = 50

// ReportCheck says on a commit what a check found. Said again, it changes what differs. It
// implements engine.GitHub.
func (a *App) ReportCheck(ctx context.Context, ref incident.Ref, check ports.CheckRun) error {
	w := checks
	if check.IsOfDocument {
		w = documents // by which it was written or read
	}
	c, err := a.clientOf(ctx, w, ref)
	if err != nil {
		return err
	}
	where := ref.FullName() + "@" + check.Commit
	said, err := json.Marshal(check)
	if err != nil {
		return fmt.Errorf("name the check of %s: %w", where, err)
	}
	sum := sha256.Sum256(said)
	id := hex.EncodeToString(sum[:16])
	runs := &github.ListCheckRunsResults{}
	if !check.IsFirst {
		runs, _, err = c.Checks.ListCheckRunsForRef(ctx, ref.Owner, ref.Repo, check.Commit,
			&github.ListCheckRunsOptions{CheckName: &check.Name, AppID: &a.o.AppID})
		if err != nil {
			return describeError("read the checks", where, err)
		}
		if err := requireFields("read the checks", where, field{"check_runs",
			runs != nil && runs.CheckRuns != nil}); err != nil {
			return err
		}
	}
	conclusion := "success"
	if !check.Passed {
		conclusion = "failure"
	}
	parts := checkOutputs(check)
	// Whoever sees the id sees the whole: it is written with the last part.
	if len(runs.CheckRuns) == 0 && len(parts) == 1 {
		_, _, err = c.Checks.CreateCheckRun(ctx, ref.Owner, ref.Repo, github.CreateCheckRunOptions{
			Name: check.Name, HeadSHA: check.Commit, Status: github.String("completed"),
			Conclusion: &conclusion, ExternalID: &id, Output: parts[0]})
		if err != nil {
			return describeError("write the check", where, err)
		}
		return nil
	}
	var run *github.CheckRun
	if len(runs.CheckRuns) > 0 {
		run = runs.CheckRuns[0]
		if run.GetExternalID() == id {
			return nil
		}
	} else {
		run, _, err = c.Checks.CreateCheckRun(ctx, ref.Owner, ref.Repo,
			github.CreateCheckRunOptions{Name: check.Name, HeadSHA: check.Commit,
				Status: github.String("in_progress"), Output: parts[0]})
		if err != nil {
			return describeError("open the check", where, err)
		}
		parts = parts[1:]
	}
	if err := requireFields("open the check", where, field{"id", run.GetID() != 0}); err != nil {
		return err
	}
	for i, part := range parts {
		change := github.UpdateCheckRunOptions{Name: check.Name, Output: part}
		if i == len(parts)-1 {
			change.Status, change.Conclusion, change.ExternalID = github.String("completed"), &conclusion, &id
		}
		if _, _, err := c.Checks.UpdateCheckRun(ctx, ref.Owner, ref.Repo, run.GetID(), change); err != nil {
			return describeError("write the check", where, err)
		}
	}
	return nil
}

// checkOutputs cuts what a check says into requests.
func checkOutputs(check ports.CheckRun) []*github.CheckRunOutput {
	var parts []*github.CheckRunOutput
	notes := check.Notes
	for {
		out := &github.CheckRunOutput{Title: &check.Title, Summary: &check.Summary}
		n := min(len(notes), maxAnnotations)
		for _, note := range notes[:n] {
			level := "failure"
			if note.Warning {
				level = "warning"
			}
			out.Annotations = append(out.Annotations, &github.CheckRunAnnotation{Path: &note.Path,
				StartLine: &note.Line, EndLine: &note.EndLine,
				AnnotationLevel: &level, Title: &note.Title, Message: &note.Text})
		}
		parts = append(parts, out)
		if notes = notes[n:]; len(notes) == 0 {
			return parts
		}
	}
}

// ReadFileAt reads a file as a commit or branch has it. It implements engine.GitHub.
func (a *App) ReadFileAt(ctx context.Context, ref incident.Ref, path, commit string) ([]byte, bool, error) {
	c, err := a.clientOf(ctx, files, ref)
	if err != nil {
		return nil, false, err
	}
	var raw json.RawMessage
	_, err = call(ctx, c, http.MethodGet,
		repoPath(ref)+"/contents/"+escapePath(path)+"?ref="+url.QueryEscape(commit), nil, &raw)
	if statusOf(err) == http.StatusNotFound {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, describeError("read "+path, ref.FullName()+"@"+commit, err)
	}
	content, err := new(contents).decode(raw, path, ref.FullName()+"@"+commit)
	if err != nil {
		return nil, false, err
	}
	return content, true, nil
}

// escapePath escapes a path, but for its slashes.
func escapePath(path string) string { return strings.ReplaceAll(url.PathEscape(path), "%2F", "/") }
