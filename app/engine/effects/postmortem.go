package effects

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/mark"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/postmortem"
	"github.com/firebreak-dev/firebreak/templates"
)

// PostmortemAPI is what Postmortem needs of GitHub.
type PostmortemAPI interface {
	// PrepareDocument reads what the pull request of a branch is made on, in one call, and a file of
	// the default branch for ReadFile.
	PrepareDocument(ctx context.Context, ref incident.Ref, branch, file string) (ports.Ground, error)
	// OpenPullRequest creates the branch, writes the files in one commit, opens the pull request
	// and asks for reviews; what exists is kept.
	OpenPullRequest(ctx context.Context, ref incident.Ref, p ports.Publication) (ports.OpenedPull, error)
	ReadPullRequest(ctx context.Context, ref incident.Ref, number int) (ports.Pull, error)
	// ReadFileAt reads a file as a commit has it; ok is false if there is none.
	ReadFileAt(ctx context.Context, ref incident.Ref, path, commit string) (content []byte, ok bool,
		err error)
	// WriteFiles writes files to a branch whose head is known, in one commit, and returns the new
	// head. It fails with a *ports.Moved if the branch has another head.
	WriteFiles(ctx context.Context, ref incident.Ref, branch, head, message string,
		files map[string]string) (commit string, err error)
	// FindDocument returns the path of the first document (.md) in a folder whose name has a
	// prefix, as a commit has it; "" if there is none.
	FindDocument(ctx context.Context, ref incident.Ref, folder, prefix, commit string) (path string,
		err error)
	// ReportCheck puts the result of a check on a commit; reporting it again changes what differs.
	ReportCheck(ctx context.Context, ref incident.Ref, c ports.CheckRun) error
}

// Postmortem opens the pull request with the postmortem's document, keeps its facts up to date,
// checks it, and sends the customers their version once it is merged (C2, C3). It lives as long as
// its look.
type Postmortem struct {
	*look.Look
	GitHub   PostmortemAPI
	Comments Comments
	Updates  Updates
	// Facts returns what the document is written from.
	Facts func() (postmortem.Facts, error)
	// CanRespond reports whether somebody may own a follow-up.
	CanRespond func(login string) (bool, error)
	// NoteChangedBack reports to the core that somebody changed back what the app wrote.
	NoteChangedBack func(what string)

	// PullRequest is the document's pull request; nil: it was not read in this look.
	PullRequest *ports.Pull

	hasNews bool // the facts changed in this look, or a change back of them is noted
	// what this look wrote when it opened the pull request, by path: the commit has it, and nobody has read it
	written       map[string]string
	writtenCommit string
}

// Open opens the postmortem's pull request.
func (e *Postmortem) Open() error {
	return look.ForEach(e.Look, func(incident.OpenDocument) error {
		if e.State.Phase != incident.Closing || e.State.Document.Number != 0 && !e.State.Document.IsClosed {
			return nil
		}
		return e.Attempt("document", e.open)
	})
}

func (e *Postmortem) open() error {
	branch := incident.PostmortemBranch(e.Ref)
	ground, err := e.GitHub.PrepareDocument(e.Ctx, e.Ref, branch, postmortem.TemplatePath)
	if err != nil {
		return fmt.Errorf("prepare the postmortem's pull request: %w", err)
	}
	facts, err := e.Facts()
	if err != nil {
		return err
	}
	files, err := files(facts)
	if err != nil {
		return err
	}
	title, body, err := postmortem.Pull(facts)
	if err != nil {
		return fmt.Errorf("write the pull request: %w", err)
	}

	pub := ports.Publication{
		Branch: branch, Files: files, Message: title, Title: title, Ground: ground,
		Body: e.SignIssue(body, mark.Mark{Kind: "postmortem", Text: e.Ref.String()}),
	}
	for _, name := range append(e.responders(), e.Policy.Reviewers...) {
		if _, team, ok := strings.Cut(name, "/"); ok {
			pub.Teams = append(pub.Teams, team)
		} else if name = strings.TrimPrefix(name, "@"); !naming.Contains(pub.Reviewers, name) {
			pub.Reviewers = append(pub.Reviewers, name)
		}
	}
	opened, err := e.GitHub.OpenPullRequest(e.Ctx, e.Ref, pub)
	if err != nil {
		return fmt.Errorf("open the postmortem's pull request: %w", err)
	}
	if opened.Commit != "" {
		e.written, e.writtenCommit = files, opened.Commit
		e.PullRequest = &ports.Pull{Number: opened.Number, Branch: branch, Head: opened.Commit, Base: opened.Base,
			Open: true, ByApp: true, Updated: e.Now}
	}
	e.Report(incident.DocumentOpened{Number: opened.Number, Path: postmortem.Path(facts)})
	return nil
}

// readFile reads a file of the pull request's branch, as a commit has it. What this look wrote it knows.
func (e *Postmortem) readFile(name, commit string) (content []byte, ok bool, err error) {
	if text, ok := e.written[name]; ok && commit == e.writtenCommit {
		return []byte(text), true, nil
	}
	return e.GitHub.ReadFileAt(e.Ctx, e.DocumentRef(), name, commit)
}

// responders returns the Incident Coordinator and the Operations Engineers, who are asked to
// review.
func (e *Postmortem) responders() []string {
	var logins []string
	if ic, _ := e.State.Coordinator(); ic != "" {
		logins = append(logins, ic)
	}
	return append(logins, e.State.OEs...)
}

// files returns the files of a postmortem: the document for people, and the same facts for other
// tools.
func files(facts postmortem.Facts) (map[string]string, error) {
	document, err := postmortem.Document(facts)
	if err != nil {
		return nil, fmt.Errorf("write the postmortem: %w", err)
	}
	data, err := postmortem.JSON(facts)
	if err != nil {
		return nil, fmt.Errorf("write the postmortem's data: %w", err)
	}
	name := postmortem.Path(facts)
	return map[string]string{name: document, dataPath(name): string(data)}, nil
}

// dataPath returns the path of the data next to a document.
func dataPath(name string) string { return strings.TrimSuffix(name, ".md") + ".json" }

// Refresh brings the facts of an open postmortem up to date, never touching what people wrote, and
// checks the document. isPullRequestChanged reports that somebody pushed to the pull request, or
// changed it otherwise.
func (e *Postmortem) Refresh(isPullRequestChanged bool) error {
	isDue := isPullRequestChanged
	_ = look.ForEach(e.Look,
		func(incident.RefreshDocument) error { isDue, e.hasNews = true, true; return nil })
	_ = look.ForEach(e.Look, func(incident.OpenDocument) error { isDue, e.hasNews = true, true; return nil })
	d := e.State.Document
	if !isDue || d.Number == 0 || d.Merged != nil || d.IsClosed {
		return nil
	}
	err := e.Attempt("refresh", e.update)
	if err == nil && !e.State.IsRefused("refresh") {
		e.Report(incident.DocumentRefreshed{})
	}
	return err
}

// readPullRequest reads the pull request unless this look did.
func (e *Postmortem) readPullRequest() error {
	if e.PullRequest != nil {
		return nil
	}
	pr, err := e.GitHub.ReadPullRequest(e.Ctx, e.DocumentRef(), e.State.Document.Number)
	if err != nil {
		return err
	}
	e.PullRequest = &pr
	return nil
}

// update brings the document up to date and checks it, again if somebody pushed in between.
func (e *Postmortem) update() error {
	if err := e.readPullRequest(); err != nil {
		return err
	}
	if !e.PullRequest.Open || !e.PullRequest.ByApp {
		return nil
	}
	err := e.updateAt(e.PullRequest)
	var moved, again *ports.Moved
	if errors.As(err, &moved) && moved.Head != e.PullRequest.Head {
		e.PullRequest.Head = moved.Head
		err = e.updateAt(e.PullRequest)
	}
	if errors.As(err, &again) {
		return &ports.RetryAfter{Until: e.Now.Add(10 * time.Second), Err: fmt.Errorf(
			"%w: the newest commit of the postmortem in %s#%d", ports.ErrNotYet, e.DocumentRef().FullName(),
			e.State.Document.Number)}
	}
	return err
}

// updateAt brings the document up to date that the pull request's head has, and moves the head.
func (e *Postmortem) updateAt(pr *ports.Pull) error {
	name, err := e.path(pr.Head)
	if err != nil || name == "" {
		return err
	}
	content, ok, err := e.readFile(name, pr.Head)
	if err != nil {
		return err
	}
	if !ok {
		return e.check(pr.Head, name, "", "", followUpTable{})
	}
	before, _, err := e.readFile(dataPath(name), pr.Head)
	if err != nil {
		return err
	}
	table, err := e.readFollowUpTable(string(content), before)
	if err != nil {
		return err
	}

	facts, err := e.Facts()
	if err != nil {
		return err
	}
	document, data, err := refreshed(string(content), before, facts, table)
	if err != nil {
		return err
	}
	if document == string(content) && string(data) == string(before) {
		return e.check(pr.Head, name, document, facts.Template, table)
	}
	if leaves, err := e.leavesDocument(); leaves || err != nil {
		return errors.Join(err, e.check(pr.Head, name, string(content), facts.Template, table))
	}
	files := map[string]string{name: document, dataPath(name): string(data)}
	message := "Bring the facts of " + e.Ref.String() + " up to date"
	if pr.Head, err = e.write(pr, message, files); err != nil {
		return err
	}
	return e.check(pr.Head, name, document, facts.Template, table)
}

// write writes files to the pull request's branch and returns its head afterwards, which is the one
// before after an error.
func (e *Postmortem) write(pr *ports.Pull, message string, files map[string]string) (head string, err error) {
	head, err = e.GitHub.WriteFiles(e.Ctx, e.DocumentRef(), pr.Branch, pr.Head, message, files)
	if err != nil {
		return pr.Head, err
	}
	return head, nil
}

// refreshed returns the document and its data with the facts as they are now.
func refreshed(content string, before []byte, facts postmortem.Facts, table followUpTable) (document string,
	data []byte, err error) {
	document, err = postmortem.Refresh(content, facts)
	if err != nil {
		return "", nil, fmt.Errorf("refresh the postmortem: %w", err)
	}
	data, err = postmortem.JSON(facts)
	if err != nil {
		return "", nil, fmt.Errorf("write the postmortem's data: %w", err)
	}
	if postmortem.IsSameData(before, data) {
		data = before
	}
	return postmortem.KeepForm(content, postmortem.KeepRows(content, document, table.kept)), data, nil
}

// leavesDocument reports whether the machine's parts of the document stay as somebody made them, as
// an automaton changes them back each time. The pull request says so once.
func (e *Postmortem) leavesDocument() (bool, error) {
	if !e.hasNews && !e.IsRebuilt {
		e.hasNews = true // this look notes it once, however often it reads
		e.NoteChangedBack(incident.ContestPostmortem)
	}
	if !e.State.Contested.Left(incident.ContestPostmortem) {
		return false, nil
	}
	i := slices.IndexFunc(e.State.Contested,
		func(c incident.Contest) bool { return c.What == incident.ContestPostmortem })
	contest := e.State.Contested[i]
	say := incident.Say{Name: "contested-postmortem"}
	if contest.By != "" {
		say.Names = []string{contest.By}
	}
	text, err := templates.Comment(say)
	if err != nil {
		return true, fmt.Errorf("say %s: %w", say.Name, err)
	}
	key := "contested/postmortem/" + contest.RemindedAt.UTC().Format("20060102150405")
	return true, e.Attempt("comments", func() error { return e.Comments.PostOnPull(key, text) })
}

// path returns where the document is. A lost card took the path with it, and the title, of which it
// was made, may have changed since.
func (e *Postmortem) path(commit string) (string, error) {
	if name := e.State.Document.Path; name != "" {
		return name, nil
	}
	facts, err := e.Facts()
	if err != nil {
		return "", err
	}
	name := postmortem.Path(facts)
	day := fmt.Sprintf("%s-%d-", path.Base(name)[:len("2006-01-02")], e.Ref.Number)
	return e.GitHub.FindDocument(e.Ctx, e.DocumentRef(), path.Dir(name), day, commit)
}

// checkName is the check's name on the pull request.
const checkName = incident.PostmortemCheck

// check reports on the very lines what keeps the postmortem from being finished (C3).
func (e *Postmortem) check(commit, name, document, template string, t followUpTable) error {
	problems := postmortem.Lint(document, postmortem.LintOptions{Internal: e.internalNames(),
		Template: template})
	problems = append(problems, t.problemsIn(document, len(e.State.FollowUps))...)
	run := ports.CheckRun{Commit: commit, Name: checkName, Passed: true, IsOfDocument: true,
		IsFirst: commit == e.writtenCommit}
	for _, problem := range problems {
		isWarning := problem.Level == postmortem.Warning
		run.Passed = run.Passed && isWarning
		run.Notes = append(run.Notes, ports.Note{Path: name, Line: problem.Line, EndLine: problem.EndLine,
			Warning: isWarning,
			Title:   problem.Rule, Text: problem.Message})
	}
	run.Title, run.Summary = postmortem.Summary(problems)
	return e.Attempt("check", func() error { return e.GitHub.ReportCheck(e.Ctx, e.DocumentRef(), run) })
}

// internalNames returns the names that no customer may read (A7): people, teams, repositories,
// other customers.
func (e *Postmortem) internalNames() []string {
	names := []string{e.Ref.FullName(), e.Policy.Coordinators}
	names = append(names, e.State.OEs...)
	names = append(names, e.State.IC, e.Snapshot.Author)
	for _, entry := range e.State.Timeline {
		names = append(names, entry.By)
	}
	for _, step := range e.Policy.Escalation {
		for _, to := range step.To {
			if to != "phone" {
				names = append(names, strings.TrimPrefix(to, "@"))
			}
		}
	}
	for _, rotation := range e.Policy.OnCall.Rotations {
		for _, who := range append(rotation.Members(), rotation.Name) {
			names = append(names, strings.TrimPrefix(who, "@"))
		}
	}
	for _, fu := range e.State.FollowUps {
		names = append(names, fu.Repo, fu.Owner)
	}
	for _, c := range e.Policy.Customers {
		if !naming.Contains(e.State.Customers, c.Name) {
			names = append(names, c.Name)
		}
	}

	var unique []string
	for _, n := range names {
		if !naming.IsNobody(n) && !naming.IsBot(n) && !naming.Contains(unique, n) {
			unique = append(unique, n)
		}
	}
	return unique
}

// CheckMerged looks which sections of the merged postmortem nobody has written: whoever may merge may
// do so although the check fails (C3).
func (e *Postmortem) CheckMerged() error {
	return look.ForEach(e.Look, func(incident.CheckMerged) error {
		if !e.State.Document.Unchecked {
			return nil
		}
		return e.Attempt("merged document", func() error {
			content, ok, err := e.mergedDocument()
			if err != nil {
				return err
			}
			var unfilled []string
			if ok {
				facts, err := e.Facts()
				if err != nil {
					return err
				}
				unfilled = postmortem.Unfilled(content, facts.Template)
			}
			e.Report(incident.MergedChecked{Unfilled: unfilled})
			return nil
		})
	})
}

// mergedLag is how long after the merge a document that is not there may only not be there yet.
const mergedLag = 2 * time.Minute

// mergedDocument returns the document as it was merged; ok is false if there is none. It returns a
// *ports.RetryAfter while GitHub's API may be behind the merge.
func (e *Postmortem) mergedDocument() (content string, ok bool, err error) {
	if err := e.readPullRequest(); err != nil {
		return "", false, err
	}
	name, err := e.path(e.PullRequest.Base)
	if err != nil {
		return "", false, err
	}
	var text []byte
	if name != "" {
		text, ok, err = e.GitHub.ReadFileAt(e.Ctx, e.DocumentRef(), name, e.PullRequest.Base)
	}
	merged := e.State.Document.Merged
	if err == nil && !ok && merged != nil && e.Now.Sub(merged.At) < mergedLag {
		return "", false, &ports.RetryAfter{Until: e.Now.Add(10 * time.Second), Err: fmt.Errorf(
			"%w: the postmortem that was merged in %s#%d", ports.ErrNotYet, e.DocumentRef().FullName(),
			e.State.Document.Number)}
	}
	if err == nil && !ok && name != "" {
		err = e.confirmMissing(name)
	}
	return string(text), ok, err
}

// confirmMissing returns a refusal if GitHub lists the document that it does not show: what it has to say is not
// known then.
func (e *Postmortem) confirmMissing(name string) error {
	listed, err := e.GitHub.FindDocument(e.Ctx, e.DocumentRef(), path.Dir(name), path.Base(name), e.PullRequest.Base)
	if err != nil || listed == "" {
		return err
	}
	return fmt.Errorf("read %s (%s): %w", name, e.DocumentRef().FullName(), &ports.Refusal{Status: http.StatusNotFound,
		Reason: "GitHub lists the postmortem, and does not show it"})
}

// Deliver sends the customers their version of the merged postmortem, by every channel of each
// (C3).
func (e *Postmortem) Deliver() error {
	return look.ForEach(e.Look, func(a incident.AnnounceDocument) error {
		if !e.State.Document.Owed {
			return nil
		}
		// An earlier look delivered it and could not note that.
		if e.IsRebuilt || e.IsPosted("merged") && !e.Before.Document.Owed {
			e.Report(incident.DocumentDelivered{})
			return nil
		}
		return e.Attempt("customer version", func() error {
			err := e.deliver(a)
			if err == nil {
				e.Report(incident.DocumentDelivered{})
			}
			return err
		})
	})
}

func (e *Postmortem) deliver(a incident.AnnounceDocument) error {
	text, leak, err := e.customerVersion()
	if err != nil {
		return err
	}
	if leak != "" { // it was merged although the check failed
		for _, name := range a.Customers {
			e.Report(incident.Undelivered{Customer: name, Why: leak})
		}
		return nil
	}
	if text == "" {
		e.Logger.Warn("the postmortem has no part for the customer", "incident", e.Ref.String())
		for _, name := range a.Customers {
			e.Report(incident.Undelivered{Customer: name, Why: "the section “For the customer” is not written"})
		}
		return nil
	}
	for _, name := range a.Customers {
		c, _ := e.Policy.Customer(name)
		if len(c.Channels) == 0 {
			e.Report(incident.Undelivered{Customer: name, Why: "the configuration has no channel for them"})
		}
		for _, ch := range c.Channels {
			err := e.Updates.SendBy(ch, c, incident.Announce{Fact: a.Key, Text: text})
			if ch.Kind == "issue" && err != nil && !ports.IsRefused(err) {
				return fmt.Errorf("give a customer the postmortem: %w", err)
			}
			if err != nil {
				e.Logger.Error("the postmortem could not be sent", "incident", e.Ref.String(), "channel",
					ch.Kind, "err", ports.Redact(err))
				e.Report(incident.Undelivered{Customer: name, Channel: ch.Kind, Why: ports.Reason(err)})
			}
		}
	}
	return nil
}

// customerVersion returns the part for the customers as it was merged. leak says which of its lines
// must not leave (A7).
func (e *Postmortem) customerVersion() (text, leak string, err error) {
	content, ok, err := e.mergedDocument()
	if err != nil || !ok {
		return "", "", err
	}
	for _, problem := range postmortem.Lint(content,
		postmortem.LintOptions{Internal: e.internalNames()}) {
		if problem.Rule == "internal-name" {
			return "", fmt.Sprintf("line %d of the postmortem: %s", problem.Line, problem.Message), nil
		}
	}
	text, _ = postmortem.CustomerVersion(content)
	return strings.TrimSpace(text), "", nil
}
