package effects

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// RunsAPI is what Runs needs of GitHub.
type RunsAPI interface {
	// DefaultBranch returns the name of a repository's default branch.
	DefaultBranch(ctx context.Context, repo incident.Ref) (string, error)
	// StartRun starts a workflow. The run's ID is 0 where the server doesn't say which run it is. It
	// never retries: an answer that is lost leaves it unknown whether there is a run.
	StartRun(ctx context.Context, r ports.NewRun) (ports.Run, error)
	// FindRuns returns the runs of a workflow that the app started since a time, the oldest first.
	FindRuns(ctx context.Context, repo incident.Ref, file string, since time.Time) ([]ports.Run, error)
	// ReadRun reads how a run is.
	ReadRun(ctx context.Context, repo incident.Ref, id int64) (ports.Run, error)
	// RunsURL returns where people see the runs of a workflow.
	RunsURL(repo incident.Ref, file string) string
}

// Runs starts workflows, each once for one command, and follows them (X5).
//
// GitHub starts a workflow as often as it is asked to, and nothing in a run says which request it came
// from. So it is noted in the store that the request is about to leave, and then which run came of it.
// What is noted as about to leave and nothing more is never asked for again: the run is looked for, and
// if it can't be told, a person is asked.
type Runs struct {
	*look.Look
	GitHub RunsAPI
	Store  ports.Store
}

const (
	// runAppears is how long after the request GitHub may show a run, and runAgain how often it is
	// looked for.
	runAppears = 2 * time.Minute
	runAgain   = 20 * time.Second
	runSeldom  = 5 * time.Minute // at most, while GitHub is away
	// runSkew is how far GitHub's clock may be from ours.
	runSkew = time.Minute
)

// startedRun is what the store holds of a run that was asked for.
type startedRun struct {
	Begun time.Time `json:"begun"`         // when the request was about to leave
	Run   int64     `json:"run,omitempty"` // which run came of it; 0: that is not known
	URL   string    `json:"url,omitempty"`
	Taken bool      `json:"taken,omitempty"` // GitHub took the request
	Tries int       `json:"tries,omitempty"` // how often GitHub answered that it did not start it
}

// Apply starts what is owed and looks at what is due.
func (e Runs) Apply() error {
	err := look.ForEach(e.Look, func(o incident.StartRun) error {
		for _, v := range e.State.Runs {
			if v.ID == o.Run.ID && !v.IsStarted() && !v.Closed && v.Next.IsZero() {
				return e.start(v)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return look.ForEach(e.Look, func(f incident.FollowRun) error {
		for _, v := range e.State.Runs {
			if v.Run == f.Run.Run && v.Due && !v.Closed {
				return e.follow(v)
			}
		}
		return nil
	})
}

// start starts one run, unless that was done or nobody knows whether it was.
func (e Runs) start(v incident.WorkflowRun) error {
	owner, name, ok := naming.SplitRepository(v.Repo)
	if !ok || e.Store == nil {
		e.Report(incident.RunRefused{ID: v.ID, Why: "there is no place to note that it was started"})
		return nil
	}
	repo := incident.Ref{Owner: owner, Repo: name}
	noted, err := e.load(v)
	switch {
	case err != nil:
		return fmt.Errorf("look up whether %s was started: %w", v.Name, err)
	case noted.Run != 0:
		e.Report(incident.RunStarted{ID: v.ID, Run: noted.Run, URL: noted.URL})
		return nil
	case !noted.Begun.IsZero():
		return e.find(v, repo, noted)
	case e.Now.Sub(v.At) > incident.RunPatience:
		e.Report(incident.RunLate{ID: v.ID})
		return nil
	}
	return e.dispatch(v, repo, noted.Tries)
}

// IsBegun reports whether the run that a command asked for was started, or may have been.
func (e Runs) IsBegun(command string) bool {
	if e.Store == nil {
		return false
	}
	noted, err := e.load(incident.WorkflowRun{Stamp: incident.Stamp{ID: command}})
	if err != nil {
		e.Logger.Warn("what is known of a run not readable", "incident", e.Ref.String(), "err", ports.Redact(err))
	}
	return err == nil && !noted.Begun.IsZero()
}

// dispatch asks GitHub for the run, as the only one of all processes that may be at this incident: a queue
// hands out an incident to one, but not where that seems to be gone.
func (e Runs) dispatch(v incident.WorkflowRun, repo incident.Ref, tries int) error {
	// this gets a token too: from here on nothing but the request itself can be lost
	branch, err := e.GitHub.DefaultBranch(e.Ctx, repo)
	if err != nil {
		return e.refused(v, err)
	}
	if v.Branch != "" {
		branch = v.Branch
	}
	if claimer, ok := e.Store.(ports.Claimer); ok {
		isFirst, err := claimer.Claim(e.Ctx, fmt.Sprintf("%s/%d", e.key(v), tries))
		if err != nil {
			return fmt.Errorf("claim to start %s: %w", v.Name, err)
		}
		if !isFirst {
			e.await(v) // what the other one noted is read then
			return nil
		}
	}
	noted := startedRun{Begun: e.Clock.Now().UTC(), Tries: tries}
	if err := e.save(v, noted); err != nil {
		return fmt.Errorf("note that %s is about to start: %w", v.Name, err)
	}
	inputs := map[string]string{}
	for _, in := range v.Inputs {
		inputs[in.Name] = in.Value
	}
	run, err := e.GitHub.StartRun(e.Ctx, ports.NewRun{Repo: repo, File: v.File, Branch: branch, Inputs: inputs})
	switch {
	case err != nil && isAnswered(err): // there is no run
		if failed := e.save(v, startedRun{Tries: tries + 1}); failed != nil {
			return fmt.Errorf("note that %s did not start: %w", v.Name, failed)
		}
		return e.refused(v, err)
	case err != nil:
		e.Logger.Warn("unknown whether a workflow was started", "incident", e.Ref.String(), "workflow", v.Name,
			"repository", v.Repo, "err", ports.Redact(err))
		e.await(v)
		return nil
	}
	noted.Taken = true
	if run.ID == 0 { // a server that does not say which run it is
		if err := e.save(v, noted); err != nil {
			return fmt.Errorf("note that %s was started: %w", v.Name, err)
		}
		e.await(v)
		return nil
	}
	return e.started(v, repo, noted, run, false)
}

// isAnswered reports whether an error is GitHub's answer that it did nothing.
func isAnswered(err error) bool {
	var later *ports.RetryAfter
	isLater := errors.As(err, &later) && (errors.Is(err, ports.ErrLimited) || errors.Is(err, ports.ErrNotYet))
	return isLater || ports.IsRefused(err)
}

// refused says that GitHub refuses the run. While GitHub is away the run waits, and nothing else does.
func (e Runs) refused(v incident.WorkflowRun, err error) error {
	if errors.Is(err, ports.ErrUnavailable) && e.Ctx.Err() == nil {
		e.Logger.Warn("workflow waits for GitHub", "incident", e.Ref.String(), "workflow", v.Name, "err", ports.Redact(err))
		e.await(v)
		return nil
	}
	if !ports.IsRefused(err) {
		return fmt.Errorf("start %s: %w", v.Name, err)
	}
	e.Logger.Warn("workflow refused by GitHub", "incident", e.Ref.String(), "workflow", v.Name, "repository", v.Repo,
		"err", ports.Redact(err))
	var refusal *ports.Refusal
	isUnpermitted := errors.As(err, &refusal) && (refusal.NotInstalled || refusal.Status == http.StatusForbidden)
	e.Report(incident.RunRefused{ID: v.ID, Why: ports.Reason(err), IsUnpermitted: isUnpermitted})
	return nil
}

// await has a run looked at again, the more seldom the longer it waits.
func (e Runs) await(v incident.WorkflowRun) {
	now := e.Clock.Now().UTC()
	e.Report(incident.RunAwaited{ID: v.ID, Next: now.Add(min(max(now.Sub(v.At)/4, runAgain), runSeldom))})
}

// started notes which run it is, for this incident and for its webhook.
func (e Runs) started(v incident.WorkflowRun, repo incident.Ref, noted startedRun, run ports.Run,
	isGuessed bool) error {
	noted.Run, noted.URL = run.ID, run.URL
	err := errors.Join(e.save(v, noted),
		e.Store.Save(e.Ctx, RunKey(repo, run.ID), []byte(e.DeclaredRef().String())))
	if err != nil {
		// the run is there: the state says so, and its end is found by the clock
		e.Logger.Warn("started run not noted", "incident", e.Ref.String(), "run", run.ID, "err", ports.Redact(err))
	}
	e.Report(incident.RunStarted{ID: v.ID, Run: run.ID, URL: run.URL, IsGuessed: isGuessed})
	return nil
}

// find looks for the run of a request whose answer was lost, or said nothing of it. It has to be the
// only one that no other incident knows as its own.
func (e Runs) find(v incident.WorkflowRun, repo incident.Ref, noted startedRun) error {
	found, err := e.GitHub.FindRuns(e.Ctx, repo, v.File, noted.Begun.Add(-runSkew))
	var refusal *ports.Refusal
	if err != nil && !errors.As(err, &refusal) {
		return e.refused(v, err)
	}
	var free []ports.Run
	for _, run := range found {
		known, err := e.Store.Load(e.Ctx, RunKey(repo, run.ID))
		if err != nil {
			return fmt.Errorf("look up whose run %d of %s is: %w", run.ID, v.Repo, err)
		}
		if len(known) == 0 && !e.isKnown(run.ID) {
			free = append(free, run)
		}
	}
	isOver := e.Clock.Now().Sub(noted.Begun) >= runAppears
	switch {
	case len(free) == 1 && (noted.Taken || isOver):
		return e.started(v, repo, noted, free[0], !noted.Taken)
	case !isOver && refusal == nil:
		e.await(v)
		return nil
	}
	e.Logger.Warn("nobody knows whether a workflow was started", "incident", e.Ref.String(), "workflow", v.Name,
		"repository", v.Repo, "candidates", len(free))
	e.Report(incident.RunDoubted{ID: v.ID, URL: e.GitHub.RunsURL(repo, v.File)})
	return nil
}

// isKnown reports whether a run is another one of this incident.
func (e Runs) isKnown(id int64) bool {
	for _, v := range e.State.Runs {
		if v.Run == id {
			return true
		}
	}
	return false
}

// follow looks at one run. What GitHub does not show stays as it is until the next time: nothing waits
// for it.
func (e Runs) follow(v incident.WorkflowRun) error {
	owner, name, _ := naming.SplitRepository(v.Repo)
	run, err := e.GitHub.ReadRun(e.Ctx, incident.Ref{Owner: owner, Repo: name}, v.Run)
	var refusal *ports.Refusal
	switch {
	case errors.As(err, &refusal) && !refusal.NotInstalled && refusal.Status == http.StatusNotFound:
		e.Report(incident.RunLost{Run: v.Run, Why: ports.Reason(err)})
		return nil
	case err != nil && e.Ctx.Err() != nil:
		return fmt.Errorf("look at the run %d of %s: %w", v.Run, v.Repo, err)
	case err != nil:
		e.Logger.Warn("run can't be read", "incident", e.Ref.String(), "repository", v.Repo, "run", v.Run, "err",
			ports.Redact(err))
		e.Report(incident.RunSeen{Run: v.Run, Status: v.Status})
		return nil
	}
	seen := incident.RunSeen{Run: v.Run, Status: run.Status}
	if run.Outcome != "" {
		seen.Outcome, seen.Ended = run.Outcome, run.Updated
	}
	e.Report(seen)
	return nil
}

func (e Runs) load(v incident.WorkflowRun) (noted startedRun, err error) {
	text, err := e.Store.Load(e.Ctx, e.key(v))
	if err == nil && len(text) > 0 {
		err = json.Unmarshal(text, &noted)
	}
	return noted, err
}

// save notes what is known of a run, also while the process ends.
func (e Runs) save(v incident.WorkflowRun, noted startedRun) error {
	text, err := json.Marshal(noted)
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(e.Ctx), 2*time.Second)
	defer stop()
	return e.Store.Save(ctx, e.key(v), text)
}

// key names in the store what is known of a run that somebody asked for.
func (e Runs) key(v incident.WorkflowRun) string {
	hash := sha256.Sum256([]byte(v.ID))
	of := e.DeclaredRef()
	return fmt.Sprintf("runs/%s/%d/%s", of.FullName(), of.Number, hex.EncodeToString(hash[:12]))
}

// RunKey names in the store whose run of a workflow it is.
func RunKey(repo incident.Ref, id int64) string {
	return fmt.Sprintf("ran/%s/%d", naming.Key(repo.FullName()), id)
}
