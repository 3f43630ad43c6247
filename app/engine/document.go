package engine

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/mark"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/postmortem"
)

// openPostmortem opens the postmortem's pull request (C2).
func (r *reconciliation) openPostmortem() error {
	return forEach(r, func(incident.OpenDocument) error {
		if r.State.Phase != incident.Closing || r.State.Document.Number != 0 && !r.State.Document.Shut {
			return nil
		}
		return r.attempt("document", r.writePostmortem)
	})
}

// writePostmortem writes the postmortem and opens its pull request.
func (r *reconciliation) writePostmortem() error {
	facts, err := r.postmortemFacts()
	if err != nil {
		return err
	}
	files, err := postmortemFiles(facts)
	if err != nil {
		return err
	}
	title, body, err := postmortem.Pull(facts)
	if err != nil {
		return fmt.Errorf("write the pull request: %w", err)
	}
	pub := Publication{Branch: incident.PostmortemBranch(r.m.Ref), Files: files, Message: title, Title: title, Body: r.signIssue(body, mark.Mark{Kind: "postmortem", Text: r.m.Ref.String()})}
	for _, name := range append(r.reviewers(), r.Policy.Reviewers...) {
		if _, team, ok := strings.Cut(name, "/"); ok {
			pub.Teams = append(pub.Teams, team)
		} else if name = strings.TrimPrefix(name, "@"); !naming.Contains(pub.Reviewers, name) {
			pub.Reviewers = append(pub.Reviewers, name)
		}
	}
	number, err := r.GitHub.OpenPullRequest(r.Ctx, r.m.Ref, pub)
	if err != nil {
		return fmt.Errorf("open the postmortem's pull request: %w", err)
	}
	r.Report(incident.DocumentOpened{Number: number, Path: postmortem.Path(facts)})
	return nil
}

// recoverPostmortem brings back what stands in the postmortem's pull request and not in the issue: that it is there, what
// became of it, and the commands in its comments.
func (r *reconciliation) recoverPostmortem() error {
	wasClosing := slices.ContainsFunc(r.State.Phases, func(s incident.Span) bool { return s.Phase == incident.Closing })
	if r.State.Phase != incident.Closing && !wasClosing {
		return nil
	}
	err := r.readPostmortem()
	if isRefused(err) { // the next look at the postmortem finds it again
		r.Logger.Warn("postmortem not found again", "incident", r.m.Ref.String(), "err", redact(err))
		return nil
	}
	return err
}

// readPostmortem finds the postmortem's pull request, and steps over what became of it.
func (r *reconciliation) readPostmortem() error {
	number, err := r.GitHub.FindPullRequest(r.Ctx, r.documentRef(), incident.PostmortemBranch(r.m.Ref))
	if err != nil || number == 0 {
		return err
	}
	r.Report(incident.DocumentOpened{Number: number})
	said, err := r.pullRequestCommands(number)
	if err != nil {
		return err
	}
	became, err := r.readPullRequest(number)
	if err != nil {
		return err
	}
	for _, f := range append(said, became...) {
		r.Step(f)
	}
	return nil
}

// postmortemFiles are the files of a postmortem: for people, and the same facts for other tools.
func postmortemFiles(facts postmortem.Facts) (map[string]string, error) {
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

// dataPath gives the path of the data that stand beside a document.
func dataPath(name string) string { return strings.TrimSuffix(name, ".md") + ".json" }

// pullRequestCommands gives the commands in the comments on the postmortem's pull request.
func (r *reconciliation) pullRequestCommands(number int) ([]incident.Fact, error) {
	ref := r.documentRef()
	ref.Number = number
	items, err := r.GitHub.ReadTimeline(r.Ctx, ref)
	if err != nil {
		return nil, fmt.Errorf("read the pull request's comments: %w", err)
	}
	var said []incident.Fact
	for i, it := range items {
		if it.Event == "commented" && !it.Own && !it.Bot && !it.Edited {
			said = append(said, r.commandFacts(r.parse(it.Body), i, incident.Fact{ID: it.ID + "@pull", At: it.At, By: incident.Person{Login: it.By}})...)
		}
	}
	return r.lookUpPeople(said)
}

// refreshPostmortem writes the facts of an open postmortem anew and never touches what people wrote. What it wrote, or what somebody
// pushed, is checked.
func (r *reconciliation) refreshPostmortem() error {
	changed := r.m.Pull() != 0 && r.m.Comment() == nil
	_ = forEach(r, func(incident.RefreshDocument) error { changed, r.hasPostmortemNews = true, true; return nil })
	_ = forEach(r, func(incident.OpenDocument) error { changed, r.hasPostmortemNews = true, true; return nil })
	d := r.State.Document
	if !changed || d.Number == 0 || d.Merged != nil || d.Shut {
		return nil
	}
	err := r.attempt("refresh", r.updatePostmortem)
	if err == nil && !r.State.IsRefused("refresh") {
		r.Report(incident.DocumentRefreshed{})
	}
	return err
}

// updatePostmortem brings the facts of the postmortem's document up to date and checks it.
func (r *reconciliation) updatePostmortem() error {
	if r.pullRequest == nil {
		pr, err := r.GitHub.ReadPullRequest(r.Ctx, r.documentRef(), r.State.Document.Number)
		if err != nil {
			return err
		}
		r.pullRequest = &pr
	}
	if !r.pullRequest.Open || !r.pullRequest.ByApp {
		return nil
	}
	err := r.updatePostmortemAt(r.pullRequest)
	var moved *Moved
	if errors.As(err, &moved) {
		r.pullRequest.Head = moved.Head
		err = r.updatePostmortemAt(r.pullRequest)
	}
	return err
}

// updatePostmortemAt does so on the head that the pull request was read with, which becomes the new one.
func (r *reconciliation) updatePostmortemAt(pr *Pull) error {
	name, err := r.postmortemPath(pr.Head)
	if err != nil || name == "" {
		return err
	}
	content, ok, err := r.GitHub.ReadFileAt(r.Ctx, r.documentRef(), name, pr.Head)
	if err != nil {
		return err
	}
	if !ok {
		return r.checkPostmortem(pr.Head, name, "", "", followUpTable{})
	}
	before, _, err := r.GitHub.ReadFileAt(r.Ctx, r.documentRef(), dataPath(name), pr.Head)
	if err != nil {
		return err
	}
	table, err := r.readTable(string(content), before)
	if err != nil {
		return err
	}
	facts, err := r.postmortemFacts()
	if err != nil {
		return err
	}
	document, err := postmortem.Refresh(string(content), facts)
	if err != nil {
		return fmt.Errorf("refresh the postmortem: %w", err)
	}
	data, err := postmortem.JSON(facts)
	if err != nil {
		return fmt.Errorf("write the postmortem's data: %w", err)
	}
	document = postmortem.KeepForm(string(content), postmortem.KeepRows(string(content), document, table.kept))
	if postmortem.IsSameData(before, data) {
		data = before
	}
	head := pr.Head
	if document != string(content) || string(data) != string(before) {
		if leaves, err := r.leavesPostmortem(); leaves || err != nil {
			return errors.Join(err, r.checkPostmortem(head, name, string(content), facts.Template, table))
		}
		files := map[string]string{name: document, dataPath(name): string(data)}
		if head, err = r.GitHub.WriteFiles(r.Ctx, r.documentRef(), pr.Branch, head, "Bring the facts of "+r.m.Ref.String()+" up to date", files); err != nil {
			return err
		}
		pr.Head = head
	}
	return r.checkPostmortem(head, name, document, facts.Template, table)
}

// postmortemPath gives where the document stands. A card that was lost took the path with it, and a title that was changed
// since names another.
func (r *reconciliation) postmortemPath(commit string) (string, error) {
	if name := r.State.Document.Path; name != "" {
		return name, nil
	}
	facts, err := r.postmortemFacts()
	if err != nil {
		return "", err
	}
	name := postmortem.Path(facts)
	day := fmt.Sprintf("%s-%d-", path.Base(name)[:len("2006-01-02")], r.m.Ref.Number)
	return r.GitHub.FindDocument(r.Ctx, r.documentRef(), path.Dir(name), day, commit)
}

// checkName is what people see beside the postmortem's pull request.
const checkName = "postmortem"

// checkPostmortem says on the very lines what keeps a postmortem from being finished (C3).
func (r *reconciliation) checkPostmortem(commit, name, document, template string, t followUpTable) error {
	problems := postmortem.Lint(document, postmortem.LintOptions{Internal: r.internalNames(), Template: template})
	problems = append(problems, t.problemsIn(document, len(r.State.FollowUps))...)
	run := CheckRun{Commit: commit, Name: checkName, Passed: true}
	for _, problem := range problems {
		warning := problem.Level == postmortem.Warning
		run.Passed = run.Passed && warning
		run.Notes = append(run.Notes, Note{Path: name, Line: problem.Line, EndLine: problem.EndLine, Warning: warning, Title: problem.Rule, Text: problem.Message})
	}
	run.Title, run.Summary = postmortem.Summary(problems)
	return r.attempt("check", func() error { return r.GitHub.ReportCheck(r.Ctx, r.documentRef(), run) })
}

// internalNames lists the names that no customer may read (A7): people, teams, repositories, services of ours.
func (r *reconciliation) internalNames() []string {
	names := []string{r.m.Ref.FullName(), r.Policy.Coordinators}
	names = append(names, r.State.OEs...)
	names = append(names, r.State.IC, r.Snapshot.Author)
	for _, e := range r.State.Timeline {
		names = append(names, e.By)
	}
	for _, step := range r.Policy.Escalation {
		for _, to := range step.To {
			if to != "phone" {
				names = append(names, strings.TrimPrefix(to, "@"))
			}
		}
	}
	for _, fu := range r.State.FollowUps {
		names = append(names, fu.Repo, fu.Owner)
	}
	for _, c := range r.Policy.Customers { // of other customers no customer may read either
		if !naming.Contains(r.State.Customers, c.Name) {
			names = append(names, c.Name)
		}
	}
	var out []string
	for _, n := range names {
		if !naming.IsNobody(n) && !naming.IsBot(n) && !naming.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// deliverPostmortem gives the customers their version of the merged postmortem, by every channel of each (C3).
func (r *reconciliation) deliverPostmortem() error {
	return forEach(r, func(a incident.AnnounceDocument) error {
		if !r.State.Document.Owed {
			return nil
		}
		if r.IsRebuilt || r.isPosted("merged") && !r.Before.Document.Owed { // a look before delivered it and could not note that
			r.Report(incident.DocumentDelivered{})
			return nil
		}
		return r.attempt("customer version", func() error {
			err := r.deliverCustomerVersion(a)
			if err == nil {
				r.Report(incident.DocumentDelivered{})
			}
			return err
		})
	})
}

func (r *reconciliation) deliverCustomerVersion(a incident.AnnounceDocument) error {
	text, leak, err := r.readCustomerVersion()
	if err != nil {
		return err
	}
	if leak != "" { // merged against the check: better late than told
		for _, name := range a.Customers {
			r.Report(incident.Undelivered{Customer: name, Why: leak})
		}
		return nil
	}
	if text == "" {
		r.Logger.Warn("the postmortem has no part for the customer", "incident", r.m.Ref.String())
		return nil
	}
	for _, name := range a.Customers {
		c, _ := r.Policy.Customer(name)
		for _, ch := range c.Channels {
			err := r.announceByChannel(incident.Announce{Fact: a.Key, Text: text}, c, ch)
			if ch.Kind == "issue" && err != nil && !isRefused(err) {
				return fmt.Errorf("give a customer the postmortem: %w", err)
			}
			if err != nil {
				r.Logger.Error("the postmortem could not be sent", "incident", r.m.Ref.String(), "channel", ch.Kind, "err", redact(err))
				r.Report(incident.Undelivered{Customer: name, Channel: ch.Kind, Why: shortReason(err)})
			}
		}
	}
	return nil
}

// readCustomerVersion reads the part for the customers as it was merged, and tells what in it must not leave (A7).
func (r *reconciliation) readCustomerVersion() (text, leak string, err error) {
	if r.pullRequest == nil {
		pr, err := r.GitHub.ReadPullRequest(r.Ctx, r.documentRef(), r.State.Document.Number)
		if err != nil {
			return "", "", err
		}
		r.pullRequest = &pr
	}
	name, err := r.postmortemPath(r.pullRequest.Base)
	if err != nil || name == "" {
		return "", "", err
	}
	content, ok, err := r.GitHub.ReadFileAt(r.Ctx, r.documentRef(), name, r.pullRequest.Base)
	if err != nil || !ok {
		return "", "", err
	}
	for _, problem := range postmortem.Lint(string(content), postmortem.LintOptions{Internal: r.internalNames()}) {
		if problem.Rule == "internal-name" {
			return "", fmt.Sprintf("line %d of the postmortem: %s", problem.Line, problem.Message), nil
		}
	}
	text, _ = postmortem.CustomerVersion(string(content))
	return strings.TrimSpace(text), "", nil
}

// reviewers are the IC and the OEs.
func (r *reconciliation) reviewers() []string {
	var out []string
	if ic, _ := r.State.Coordinator(); ic != "" {
		out = append(out, ic)
	}
	return append(out, r.State.OEs...)
}
