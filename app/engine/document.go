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

// publish opens the postmortem's pull request (C2).
func (p *pass) publish() error {
	return each(p, func(incident.OpenDocument) error {
		if p.state.Phase != incident.Closing || p.state.Document.Number != 0 && !p.state.Document.Shut {
			return nil
		}
		return p.attempt("document", p.openDocument)
	})
}

// openDocument writes the postmortem and opens its pull request.
func (p *pass) openDocument() error {
	facts, err := p.told()
	if err != nil {
		return err
	}
	files, err := documents(facts)
	if err != nil {
		return err
	}
	title, body, err := postmortem.Pull(facts)
	if err != nil {
		return fmt.Errorf("write the pull request: %w", err)
	}
	pub := Publication{Branch: postmortem.Branch(p.m.Ref), Files: files, Message: title, Title: title, Body: p.signedIssue(body, mark.Mark{Kind: "postmortem", Text: p.m.Ref.String()})}
	for _, r := range append(p.reviewers(), p.policy.Reviewers...) {
		if _, team, ok := strings.Cut(r, "/"); ok {
			pub.Teams = append(pub.Teams, team)
		} else if r = strings.TrimPrefix(r, "@"); !naming.Contains(pub.Reviewers, r) {
			pub.Reviewers = append(pub.Reviewers, r)
		}
	}
	number, err := p.GitHub.Publish(p.ctx, p.m.Ref, pub)
	if err != nil {
		return fmt.Errorf("open the postmortem's pull request: %w", err)
	}
	p.result(incident.DocumentOpened{Number: number, Path: postmortem.Path(facts)})
	return nil
}

// recallDocument brings back what stands in the postmortem's pull request and not in the issue: that it is there, what
// became of it, and the commands in its comments.
func (p *pass) recallDocument() error {
	wasClosing := slices.ContainsFunc(p.state.Phases, func(s incident.Span) bool { return s.Phase == incident.Closing })
	if p.state.Phase != incident.Closing && !wasClosing {
		return nil
	}
	err := p.readDocument()
	if isRefused(err) { // the next look at the postmortem finds it again
		p.Logger.Warn("postmortem not found again", "incident", p.m.Ref.String(), "err", brief(err))
		return nil
	}
	return err
}

// readDocument finds the postmortem's pull request, and steps over what became of it.
func (p *pass) readDocument() error {
	number, err := p.GitHub.FindPull(p.ctx, p.documentRef(), postmortem.Branch(p.m.Ref))
	if err != nil || number == 0 {
		return err
	}
	p.result(incident.DocumentOpened{Number: number})
	said, err := p.onPull(number)
	if err != nil {
		return err
	}
	became, err := p.document(number)
	if err != nil {
		return err
	}
	for _, f := range append(said, became...) {
		p.fact(f)
	}
	return nil
}

// documents are the files of a postmortem: for people, and the same facts for other tools.
func documents(facts postmortem.Facts) (map[string]string, error) {
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

// onPull gives the commands in the comments on the postmortem's pull request.
func (p *pass) onPull(number int) ([]incident.Fact, error) {
	ref := p.documentRef()
	ref.Number = number
	items, err := p.GitHub.Timeline(p.ctx, ref)
	if err != nil {
		return nil, fmt.Errorf("read the pull request's comments: %w", err)
	}
	var said []incident.Fact
	for i, it := range items {
		if it.Event == "commented" && !it.Own && !it.Bot && !it.Edited {
			said = append(said, p.commands(p.parse(it.Body), i, incident.Fact{ID: it.ID + "@pull", At: it.At, By: incident.Person{Login: it.By}})...)
		}
	}
	return p.people(said)
}

// refresh writes the facts of an open postmortem anew and never touches what people wrote. What it wrote, or what somebody
// pushed, is checked.
func (p *pass) refresh() error {
	changed := p.m.Pull() != 0 && p.m.Comment() == nil
	_ = each(p, func(incident.RefreshDocument) error { changed, p.isNews = true, true; return nil })
	_ = each(p, func(incident.OpenDocument) error { changed, p.isNews = true, true; return nil })
	d := p.state.Document
	if !changed || d.Number == 0 || d.Merged != nil || d.Shut {
		return nil
	}
	err := p.attempt("refresh", p.writeFacts)
	if err == nil && !p.state.IsRefused("refresh") {
		p.result(incident.DocumentRefreshed{})
	}
	return err
}

// writeFacts brings the facts of the postmortem's document up to date and checks it.
func (p *pass) writeFacts() error {
	if p.request == nil {
		pr, err := p.GitHub.Pull(p.ctx, p.documentRef(), p.state.Document.Number)
		if err != nil {
			return err
		}
		p.request = &pr
	}
	if !p.request.Open || !p.request.ByApp {
		return nil
	}
	err := p.writeFactsAt(p.request)
	var moved *Moved
	if errors.As(err, &moved) {
		p.request.Head = moved.Head
		err = p.writeFactsAt(p.request)
	}
	return err
}

// writeFactsAt does so on the head that the pull request was read with, which becomes the new one.
func (p *pass) writeFactsAt(pr *Pull) error {
	name, err := p.documentPath(pr.Head)
	if err != nil || name == "" {
		return err
	}
	content, ok, err := p.GitHub.FileAt(p.ctx, p.documentRef(), name, pr.Head)
	if err != nil {
		return err
	}
	if !ok {
		return p.check(pr.Head, name, "", "", table{})
	}
	before, _, err := p.GitHub.FileAt(p.ctx, p.documentRef(), dataPath(name), pr.Head)
	if err != nil {
		return err
	}
	table, err := p.readTable(string(content), before)
	if err != nil {
		return err
	}
	facts, err := p.told()
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
		if leaves, err := p.leavesFacts(); leaves || err != nil {
			return errors.Join(err, p.check(head, name, string(content), facts.Template, table))
		}
		files := map[string]string{name: document, dataPath(name): string(data)}
		if head, err = p.GitHub.Write(p.ctx, p.documentRef(), pr.Branch, head, "Bring the facts of "+p.m.Ref.String()+" up to date", files); err != nil {
			return err
		}
		pr.Head = head
	}
	return p.check(head, name, document, facts.Template, table)
}

// documentPath gives where the document stands. A card that was lost took the path with it, and a title that was changed
// since names another.
func (p *pass) documentPath(commit string) (string, error) {
	if name := p.state.Document.Path; name != "" {
		return name, nil
	}
	facts, err := p.told()
	if err != nil {
		return "", err
	}
	name := postmortem.Path(facts)
	day := fmt.Sprintf("%s-%d-", path.Base(name)[:len("2006-01-02")], p.m.Ref.Number)
	return p.GitHub.Find(p.ctx, p.documentRef(), path.Dir(name), day, commit)
}

// checkName is what people see beside the postmortem's pull request.
const checkName = "postmortem"

// check says on the very lines what keeps a postmortem from being finished (C3).
func (p *pass) check(commit, name, document, template string, t table) error {
	problems := postmortem.Lint(document, postmortem.LintOptions{Internal: p.internal(), Template: template})
	problems = append(problems, t.complain(document, len(p.state.FollowUps))...)
	run := CheckRun{Commit: commit, Name: checkName, Passed: true}
	for _, problem := range problems {
		warning := problem.Level == postmortem.Warning
		run.Passed = run.Passed && warning
		run.Notes = append(run.Notes, Note{Path: name, Line: problem.Line, EndLine: problem.EndLine, Warning: warning, Title: problem.Rule, Text: problem.Message})
	}
	run.Title, run.Summary = postmortem.Summary(problems)
	return p.attempt("check", func() error { return p.GitHub.Check(p.ctx, p.documentRef(), run) })
}

// internal lists the names that no customer may read (A7): people, teams, repositories, services of ours.
func (p *pass) internal() []string {
	names := []string{p.m.Ref.FullName(), p.policy.Coordinators}
	names = append(names, p.state.OEs...)
	names = append(names, p.state.IC, p.snap.Author)
	for _, e := range p.state.Timeline {
		names = append(names, e.By)
	}
	for _, step := range p.policy.Escalation {
		for _, to := range step.To {
			if to != "phone" {
				names = append(names, strings.TrimPrefix(to, "@"))
			}
		}
	}
	for _, fu := range p.state.FollowUps {
		names = append(names, fu.Repo, fu.Owner)
	}
	for _, c := range p.policy.Customers { // of other customers no customer may read either
		if !naming.Contains(p.state.Customers, c.Name) {
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

// deliver gives the customers their version of the merged postmortem, by every channel of each (C3).
func (p *pass) deliver() error {
	return each(p, func(a incident.AnnounceDocument) error {
		if !p.state.Document.Owed {
			return nil
		}
		if p.rebuilt || p.said("merged") && !p.before.Document.Owed { // a look before delivered it and could not note that
			p.result(incident.DocumentDelivered{})
			return nil
		}
		return p.attempt("customer version", func() error {
			err := p.deliverOnce(a)
			if err == nil {
				p.result(incident.DocumentDelivered{})
			}
			return err
		})
	})
}

func (p *pass) deliverOnce(a incident.AnnounceDocument) error {
	text, leak, err := p.customerVersion()
	if err != nil {
		return err
	}
	if leak != "" { // merged against the check: better late than told
		for _, name := range a.Customers {
			p.result(incident.Undelivered{Customer: name, Why: leak})
		}
		return nil
	}
	if text == "" {
		p.Logger.Warn("the postmortem has no part for the customer", "incident", p.m.Ref.String())
		return nil
	}
	for _, name := range a.Customers {
		c, _ := p.policy.Customer(name)
		for _, ch := range c.Channels {
			err := p.tellOne(incident.Announce{Fact: a.Key, Text: text}, c, ch)
			if ch.Kind == "issue" && err != nil && !isRefused(err) {
				return fmt.Errorf("give a customer the postmortem: %w", err)
			}
			if err != nil {
				p.Logger.Error("the postmortem could not be sent", "incident", p.m.Ref.String(), "channel", ch.Kind, "err", brief(err))
				p.result(incident.Undelivered{Customer: name, Channel: ch.Kind, Why: reason(err)})
			}
		}
	}
	return nil
}

// customerVersion reads the part for the customers as it was merged, and tells what in it must not leave (A7).
func (p *pass) customerVersion() (text, leak string, err error) {
	if p.request == nil {
		pr, err := p.GitHub.Pull(p.ctx, p.documentRef(), p.state.Document.Number)
		if err != nil {
			return "", "", err
		}
		p.request = &pr
	}
	name, err := p.documentPath(p.request.Base)
	if err != nil || name == "" {
		return "", "", err
	}
	content, ok, err := p.GitHub.FileAt(p.ctx, p.documentRef(), name, p.request.Base)
	if err != nil || !ok {
		return "", "", err
	}
	for _, problem := range postmortem.Lint(string(content), postmortem.LintOptions{Internal: p.internal()}) {
		if problem.Rule == "internal-name" {
			return "", fmt.Sprintf("line %d of the postmortem: %s", problem.Line, problem.Message), nil
		}
	}
	text, _ = postmortem.CustomerVersion(string(content))
	return strings.TrimSpace(text), "", nil
}

// reviewers are the IC and the OEs.
func (p *pass) reviewers() []string {
	var out []string
	if ic, _ := p.state.Coordinator(); ic != "" {
		out = append(out, ic)
	}
	return append(out, p.state.OEs...)
}
