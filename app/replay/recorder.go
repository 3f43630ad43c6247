package replay

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/owner"
	"github.com/firebreak-dev/firebreak/app/similar"
)

// recorder notes what the engine would do. It names each method of the ports on its own and embeds
// none, so that one that is added can't pass through unseen.
type recorder struct {
	github engine.GitHub
	steps  []Step
	made   int // of what was not made
}

// unmade is the number of the first issue or pull request that would be made; nobody has so many.
const unmade = 900_000_000

func (r *recorder) note(do, where, text string) { r.steps = append(r.steps, Step{do, where, text}) }

func (r *recorder) make() int {
	r.made++
	return unmade + r.made
}

// at names an issue, also one that is not there.
func at(ref incident.Ref) string {
	if ref.Number > unmade {
		return fmt.Sprintf("%s, new %d", ref.FullName(), ref.Number-unmade)
	}
	return ref.String()
}

// Reads.

func (r *recorder) ReadIssue(ctx context.Context, ref incident.Ref,
	open func(*engine.Snapshot, string) (incident.Cursor, bool)) (*engine.Snapshot, error) {
	return r.github.ReadIssue(ctx, ref, open)
}

func (r *recorder) ReadTimeline(ctx context.Context, ref incident.Ref) ([]engine.Item, error) {
	return r.github.ReadTimeline(ctx, ref)
}

func (r *recorder) CanRespond(ctx context.Context, ref incident.Ref, login string, teams []string) (bool,
	error) {
	return r.github.CanRespond(ctx, ref, login, teams)
}

func (r *recorder) FindByEmail(ctx context.Context, ref incident.Ref, email string) ([]string, error) {
	return r.github.FindByEmail(ctx, ref, email)
}

func (r *recorder) HasTeam(ctx context.Context, ref incident.Ref, slug string) (bool, error) {
	return r.github.HasTeam(ctx, ref, slug)
}

func (r *recorder) ReadFile(ctx context.Context, ref incident.Ref, path string) ([]byte, bool, error) {
	return r.github.ReadFile(ctx, ref, path)
}

func (r *recorder) RepositoryID(ctx context.Context, ref incident.Ref) (int64, error) {
	return r.github.RepositoryID(ctx, ref)
}

func (r *recorder) FindIssue(ctx context.Context, repo string, is engine.IsMarked, since time.Time) (int,
	int64, error) {
	return r.github.FindIssue(ctx, repo, is, since)
}

func (r *recorder) FindIncident(ctx context.Context, repo string, is engine.IsMarked) (int, error) {
	return r.github.FindIncident(ctx, repo, is)
}

func (r *recorder) FindFolded(ctx context.Context, repo string, is engine.IsMarked) (int, error) {
	return r.github.FindFolded(ctx, repo, is)
}

func (r *recorder) PeekIssue(ctx context.Context, ref incident.Ref) (*engine.Snapshot, error) {
	if ref.Number > unmade {
		return &engine.Snapshot{Ref: ref, Open: true}, nil
	}
	return r.github.PeekIssue(ctx, ref)
}

func (r *recorder) RateBudget(ref incident.Ref) engine.RateBudget { return r.github.RateBudget(ref) }

func (r *recorder) IssueURL(ref incident.Ref) string { return r.github.IssueURL(ref) }

func (r *recorder) ReadTicket(ctx context.Context, ref incident.Ref) (engine.Ticket, error) {
	if ref.Number > unmade {
		return engine.Ticket{Open: true}, nil
	}
	return r.github.ReadTicket(ctx, ref)
}

func (r *recorder) ReadFileAt(ctx context.Context, ref incident.Ref, path, commit string) ([]byte, bool,
	error) {
	return r.github.ReadFileAt(ctx, ref, path, commit)
}

func (r *recorder) FindPullRequest(ctx context.Context, ref incident.Ref, branch string) (int, error) {
	return r.github.FindPullRequest(ctx, ref, branch)
}

func (r *recorder) ReadPullRequest(ctx context.Context, ref incident.Ref, number int) (engine.Pull, error) {
	if number > unmade {
		return engine.Pull{Number: number, Open: true, ByApp: true}, nil
	}
	return r.github.ReadPullRequest(ctx, ref, number)
}

func (r *recorder) ReadReviews(ctx context.Context, ref incident.Ref,
	number int) (approved, changes []string, err error) {
	if number > unmade {
		return nil, nil, nil
	}
	return r.github.ReadReviews(ctx, ref, number)
}

func (r *recorder) FindDocument(ctx context.Context, ref incident.Ref,
	folder, prefix, commit string) (string, error) {
	return r.github.FindDocument(ctx, ref, folder, prefix, commit)
}

func (r *recorder) FindMerged(ctx context.Context, s ports.ChangeSpan) (ports.MergedPulls, error) {
	return r.github.FindMerged(ctx, s)
}

func (r *recorder) ReadOwners(ctx context.Context, ref incident.Ref, repo string) (owner.Files, error) {
	return r.github.ReadOwners(ctx, ref, repo)
}

func (r *recorder) ReadChanges(ctx context.Context, d ports.ChangeDetails) (ports.FoundChanges, error) {
	return r.github.ReadChanges(ctx, d)
}

func (r *recorder) ListFolder(ctx context.Context, ref incident.Ref, folder string) ([]similar.File, error) {
	return r.github.ListFolder(ctx, ref, folder)
}

func (r *recorder) ReadContents(ctx context.Context, ref incident.Ref, oids []string) (map[string]string, error) {
	return r.github.ReadContents(ctx, ref, oids)
}

func (r *recorder) FindRevert(ctx context.Context, repo string, is engine.IsMarked, since time.Time) (int, error) {
	return r.github.FindRevert(ctx, repo, is, since)
}

func (r *recorder) ReadRevert(ctx context.Context, pull incident.Ref,
	isProduction func(string) bool) (ports.Reverted, error) {
	if pull.Number > unmade {
		return ports.Reverted{}, nil
	}
	return r.github.ReadRevert(ctx, pull, isProduction)
}

func (r *recorder) ReadTexts(ctx context.Context, ref incident.Ref, repo string,
	paths []string) (map[string]string, error) {
	return r.github.ReadTexts(ctx, ref, repo, paths)
}

func (r *recorder) FileURL(repo, path string) string { return r.github.FileURL(repo, path) }

// Writes.

func (r *recorder) PostComment(_ context.Context, ref incident.Ref, body string) (int64, error) {
	r.note("comment", at(ref), body)
	return int64(r.make()), nil
}

func (r *recorder) EditComment(_ context.Context, ref incident.Ref, id int64, body string) error {
	r.note(fmt.Sprintf("edit comment %d", id), at(ref), body)
	return nil
}

func (r *recorder) DeleteComment(_ context.Context, ref incident.Ref, id int64) error {
	r.note(fmt.Sprintf("delete comment %d", id), at(ref), "")
	return nil
}

func (r *recorder) EditIssue(_ context.Context, ref incident.Ref, edit engine.IssueEdit) error {
	r.note("edit the issue "+edit.State, at(ref), edit.Body)
	return nil
}

func (r *recorder) PinComment(_ context.Context, ref incident.Ref, id int64) error {
	what := "pin that comment"
	if id < unmade {
		what = fmt.Sprintf("pin comment %d", id)
	}
	r.note(what, at(ref), "")
	return nil
}

func (r *recorder) AddReaction(_ context.Context, ref incident.Ref, comment int64, content string) error {
	r.note(fmt.Sprintf("react with %s to comment %d", content, comment), at(ref), "")
	return nil
}

func (r *recorder) HasReacted(ctx context.Context, ref incident.Ref, comment int64, content string) (bool, error) {
	return r.github.HasReacted(ctx, ref, comment, content)
}

func (r *recorder) AddLabels(_ context.Context, ref incident.Ref, labels []string) error {
	r.note("add labels "+strings.Join(labels, ", "), at(ref), "")
	return nil
}

func (r *recorder) RemoveLabel(_ context.Context, ref incident.Ref, label string) error {
	r.note("remove label "+label, at(ref), "")
	return nil
}

func (r *recorder) Assign(_ context.Context, ref incident.Ref, logins []string) ([]string, error) {
	r.note("assign "+strings.Join(logins, ", "), at(ref), "")
	return logins, nil
}

func (r *recorder) Unassign(_ context.Context, ref incident.Ref, logins []string) error {
	r.note("unassign "+strings.Join(logins, ", "), at(ref), "")
	return nil
}

func (r *recorder) SetOpen(_ context.Context, ref incident.Ref, open bool, reason string,
	duplicate int64) error {
	do := "close"
	if open {
		do = "reopen"
	}
	if reason != "" {
		do += " as " + reason
	}
	if duplicate != 0 {
		do += fmt.Sprintf(" of the issue with id %d", duplicate)
	}
	r.note(do, at(ref), "")
	return nil
}

func (r *recorder) OpenIssue(_ context.Context, repo string, i engine.NewIssue) (int, int64, error) {
	n := r.make()
	r.note("open issue: "+i.Title, fmt.Sprintf("%s, new %d", repo, n-unmade), i.Body)
	return n, int64(n), nil
}

func (r *recorder) AddSubIssue(_ context.Context, ref incident.Ref, repo string, _ int64) error {
	r.note("add the issue in "+repo+" as a sub-issue", at(ref), "")
	return nil
}

func (r *recorder) CommentOnce(_ context.Context, ref incident.Ref, _ ports.Once, body string) (int64,
	error) {
	r.note("comment once", at(ref), body)
	return int64(r.make()), nil
}

func (r *recorder) CommentOnPull(ctx context.Context, ref incident.Ref, once ports.Once,
	body string) (int64, error) {
	return r.CommentOnce(ctx, ref, once, body)
}

func (r *recorder) ChangeFile(ctx context.Context, ref incident.Ref, path, message string,
	change func([]byte) ([]byte, error)) (string, error) {
	content, _, err := r.github.ReadFile(ctx, ref, path)
	if err != nil {
		return "", err
	}
	if content, err = change(content); err != nil {
		return "", err
	}
	r.note("change "+path+": "+message, ref.FullName(), string(content))
	return "made", nil
}

func (r *recorder) IsMember(ctx context.Context, ref incident.Ref, login string, teams []string) (bool, error) {
	return r.github.IsMember(ctx, ref, login, teams)
}

func (r *recorder) RevertPull(_ context.Context, pull incident.Ref, body string, _ []string) (int, error) {
	r.note("open the revert", pull.String(), body)
	return r.make(), nil
}

func (r *recorder) DefaultBranch(ctx context.Context, repo incident.Ref) (string, error) {
	return r.github.DefaultBranch(ctx, repo)
}

func (r *recorder) StartRun(_ context.Context, run ports.NewRun) (ports.Run, error) {
	var inputs []string
	for _, name := range slices.Sorted(maps.Keys(run.Inputs)) {
		inputs = append(inputs, name+"="+run.Inputs[name])
	}
	r.note("run "+run.File+" on "+run.Branch, run.Repo.FullName(), strings.Join(inputs, "\n"))
	return ports.Run{ID: int64(r.make())}, nil
}

func (r *recorder) FindRuns(ctx context.Context, repo incident.Ref, file string, since time.Time) ([]ports.Run, error) {
	return r.github.FindRuns(ctx, repo, file, since)
}

func (r *recorder) ReadRun(ctx context.Context, repo incident.Ref, id int64) (ports.Run, error) {
	if id > unmade {
		return ports.Run{ID: id, Status: "queued"}, nil
	}
	return r.github.ReadRun(ctx, repo, id)
}

func (r *recorder) FindFreezes(ctx context.Context, repo incident.Ref) ([]ports.Freeze, error) {
	return r.github.FindFreezes(ctx, repo)
}

func (r *recorder) ReadFreeze(ctx context.Context, repo incident.Ref, id int64) (ports.Freeze, bool, error) {
	if id > unmade {
		return ports.Freeze{Repo: repo, ID: id, IsActive: true}, true, nil
	}
	return r.github.ReadFreeze(ctx, repo, id)
}

func (r *recorder) SaveFreeze(_ context.Context, f ports.Freeze) (ports.Freeze, error) {
	r.note("freeze", f.Repo.FullName(), f.Name())
	f.IsActive = true
	if f.ID == 0 {
		f.ID = int64(r.make())
	}
	return f, nil
}

func (r *recorder) DeleteFreeze(_ context.Context, repo incident.Ref, id int64) error {
	r.note("thaw", repo.FullName(), fmt.Sprint(id))
	return nil
}

func (r *recorder) WaitingPulls(ctx context.Context, repo incident.Ref) ([]ports.WaitingPull, error) {
	return r.github.WaitingPulls(ctx, repo)
}

func (r *recorder) ReadHead(ctx context.Context, ref incident.Ref) (string, bool, error) {
	return r.github.ReadHead(ctx, ref)
}

func (r *recorder) WaitingGates(ctx context.Context, repo incident.Ref, known []incident.HeldDeploy) (
	[]ports.Gate, error) {
	return r.github.WaitingGates(ctx, repo, known)
}

func (r *recorder) AnswerGate(_ context.Context, g ports.Gate, state, comment string) error {
	r.note("deployment "+state, fmt.Sprintf("%s, run %d", g.Repo.FullName(), g.Run), comment)
	return nil
}

func (r *recorder) MergedHeads(ctx context.Context, repo incident.Ref, commit string) ([]string, error) {
	return r.github.MergedHeads(ctx, repo, commit)
}

func (r *recorder) ReadGate(ctx context.Context, repo incident.Ref, run int64, environment string) (ports.Gate, error) {
	return r.github.ReadGate(ctx, repo, run, environment)
}

func (r *recorder) GatedEnvironments(ctx context.Context, repo incident.Ref) ([]string, error) {
	return r.github.GatedEnvironments(ctx, repo)
}

func (r *recorder) StatusOf(ctx context.Context, repo incident.Ref, commit, of string) (string, error) {
	return r.github.StatusOf(ctx, repo, commit, of)
}

func (r *recorder) SetStatus(_ context.Context, repo incident.Ref, commit string, s ports.CommitStatus) error {
	r.note("status "+s.State+" "+s.Context, repo.FullName()+"@"+commit, s.Description)
	return nil
}

func (r *recorder) RunsURL(repo incident.Ref, file string) string {
	return r.github.RunsURL(repo, file)
}

func (r *recorder) ReportCheck(_ context.Context, ref incident.Ref, c engine.CheckRun) error {
	how := "failed"
	if c.Passed {
		how = "passed"
	}
	r.note(fmt.Sprintf("check %s %s: %s", c.Name, how, c.Title), ref.FullName()+"@"+c.Commit, c.Summary)
	return nil
}

func (r *recorder) PrepareDocument(context.Context, incident.Ref, string, string) (ports.Ground, error) {
	return ports.Ground{}, nil
}

func (r *recorder) OpenPullRequest(_ context.Context, ref incident.Ref, p engine.Publication) (ports.OpenedPull,
	error) {
	n := r.make()
	r.note("open pull request: "+p.Title, ref.FullName()+", branch "+p.Branch,
		strings.Join(slices.Sorted(maps.Keys(p.Files)), "\n"))
	return ports.OpenedPull{Number: n}, nil
}

func (r *recorder) WriteFiles(_ context.Context, ref incident.Ref, branch, head, message string,
	files map[string]string) (string, error) {
	r.note("commit: "+message, ref.FullName()+", branch "+branch,
		strings.Join(slices.Sorted(maps.Keys(files)), "\n"))
	return head, nil
}

func (r *recorder) ChangeTicket(_ context.Context, ref incident.Ref, _ func(string) string,
	owner, _ string) error {
	r.note("bring the ticket of "+owner+" up to date", at(ref), "")
	return nil
}

// Page implements engine.Pager.
func (r *recorder) Page(_ context.Context, p engine.Page) error {
	r.note("page "+strings.Join(p.To, ", "), "by "+p.Service.Kind, p.Title+"\n"+p.Text)
	return nil
}

// Announce implements engine.Announcer.
func (r *recorder) Announce(_ context.Context, a engine.Announcement) error {
	r.note("tell "+a.Customer, "by "+a.Channel.Kind+" "+a.Channel.To, a.Text)
	return nil
}

// Reply implements engine.Replier.
func (r *recorder) Reply(_ context.Context, _, text string) error {
	r.note("answer in the chat", "", text)
	return nil
}

// ReplyWith implements engine.Replier.
func (r *recorder) ReplyWith(_ context.Context, _ string, reply ports.ChatReply) error {
	r.note("answer in the chat", "", reply.Text)
	return nil
}

// Schedule implements engine.Scheduler.
func (r *recorder) Schedule(_ context.Context, ref incident.Ref, when time.Time) error {
	do := "set no timer"
	if !when.IsZero() {
		do = "set the timer to " + when.UTC().Format("2006-01-02 15:04:05 UTC")
	}
	r.note(do, at(ref), "")
	return nil
}

// Enqueue implements engine.Queue.
func (r *recorder) Enqueue(_ context.Context, m engine.Message, _ time.Time) error {
	r.note("look at it: "+m.Why, at(m.Ref), "")
	return nil
}
