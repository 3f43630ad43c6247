package web

import (
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// pullPage is what a pull request's page has beyond an issue's.
type pullPage struct {
	View      string // conversation, commits, checks or files
	Base      string
	Head      string
	Merged    bool
	MergedOr  personView // who merged it, or who wants to
	IsAuthor  bool
	Additions int
	Deletions int
	Commits   []commitView
	Files     []diffFile
	Checks    []checkView
	Merge     mergeView

	Reviewers       []reviewerView
	ReviewerChoices []choice
}

type commitView struct {
	Message, SHA string
	Author       personView
	At           momentView
}

type checkView struct {
	ID                                          int64
	Name, Status, Conclusion, Icon, Tone, Title string
	Summary, Text                               template.HTML
	HasText, Open                               bool
	App                                         *personView
	Annotations                                 []annotationView
	Actions                                     []forge.CheckAction
	URL                                         string
	CanAct                                      bool
}

type mergeView struct {
	Tone    string // ready, failing, merged or empty
	Blocked string // why the button cannot be pressed
	Risky   bool   // it can, but something is not as it should be
	Rows    []mergeRow
}

type mergeRow struct {
	Tone, Icon, Title, Text string
	Checks                  bool   // the checks are below this row
	Let                     string // address at which it is let past the freeze of LetBy; empty: nothing freezes it
	LetBy                   string
}

type reviewerView struct {
	Person             personView
	Status, Icon, Tone string
}

// pull fills in what only pull requests have.
func (v *visit) pull(i *forge.Issue, d *itemPage) {
	p, g := i.Pull, v.repo.Git
	d.View = "conversation"
	if rest := v.r.URL.Path[strings.LastIndexByte(v.r.URL.Path, '/')+1:]; v.r.Method == http.MethodGet &&
		slices.Contains([]string{"commits", "checks", "files"}, rest) {
		d.View = rest
	}
	d.Base, d.Head, d.Merged, d.IsAuthor = p.Base, p.Head, p.Merged(), i.Author == v.by.Login
	d.MergedOr = newPerson(i.Author)
	if d.Merged {
		d.MergedOr = newPerson(p.MergedBy)
	}
	for _, c := range slices.Backward(g.Log(p.HeadSHA, p.BaseSHA)) {
		author := c.Login
		if author == "" {
			author = c.Author.Name
		}
		d.Commits = append(d.Commits, commitView{firstLine(c.Message), short(c.SHA), newPerson(author),
			v.at(c.Committer.At)})
	}
	d.Checks = v.checks(i)
	ref := p.Head
	if _, ok := g.Branch(ref); !ok { // it was deleted
		ref = p.HeadSHA
	}
	for _, c := range v.forge.PullChanges(i) {
		d.Additions += c.Additions
		d.Deletions += c.Deletions
		f := v.diff(c, ref)
		if !i.Closed && c.Status != "removed" && v.forge.RoleOfActor(v.by, v.repo) >= forge.RoleWrite {
			f.EditURL = "/" + v.repo.FullName() + "/edit/" + p.Head + "/" + c.Path
		}
		if d.View == "files" {
			var notes []forge.Annotation
			for _, run := range v.latestRuns(i) {
				for _, a := range run.Annotations {
					if a.Path == c.Path {
						notes = append(notes, a)
					}
				}
			}
			f.Lines = diffLines(c.Patch, notes)
		}
		d.Files = append(d.Files, f)
	}
	d.Merge = v.mergeBox(i, d.Checks)
	d.Reviewers = v.reviewers(i)
	if d.CanTriage {
		for _, u := range v.forge.Users {
			if u.Kind == forge.KindUser && u.Login != i.Author &&
				v.forge.RoleOf(u.Login, v.repo) >= forge.RoleRead &&
				(v.repo.Private || v.forge.RoleOf(u.Login, v.repo) >= forge.RoleWrite) {
				d.ReviewerChoices = append(d.ReviewerChoices,
					choice{Name: u.Login, Checked: slices.Contains(p.Reviewers, u.Login),
						Person: newPerson(u.Login)})
			}
		}
		for _, t := range v.forge.Teams {
			if v.repo.Teams[t.Slug] >= forge.RoleRead {
				name := t.Org + "/" + t.Slug
				d.ReviewerChoices = append(d.ReviewerChoices,
					choice{Name: name, Checked: slices.Contains(p.Teams, t.Slug), Person: newPerson(t.Slug)})
			}
		}
	}
}

// latestRuns are the newest check runs of each name on the head.
func (v *visit) latestRuns(i *forge.Issue) []*forge.CheckRun {
	var latest []*forge.CheckRun
	for _, run := range v.repo.CheckRuns {
		if run.HeadSHA != i.Pull.HeadSHA {
			continue
		}
		if n := slices.IndexFunc(latest, func(o *forge.CheckRun) bool { return o.Name == run.Name }); n >= 0 {
			latest[n] = run
			continue
		}
		latest = append(latest, run)
	}
	return latest
}

// checks shows the check runs and the older commit statuses of the head.
func (v *visit) checks(i *forge.Issue) []checkView {
	var list []checkView
	canAct := v.forge.RoleOfActor(v.by, v.repo) >= forge.RoleWrite
	for _, run := range v.latestRuns(i) {
		c := checkView{ID: run.ID, Name: run.Name, Conclusion: run.Conclusion, Title: run.Title,
			HasText: run.Summary != "" || run.Text != "",
			Actions: run.Actions, URL: fmt.Sprintf("%s/checks/%d", issuePath(i), run.ID), CanAct: canAct}
		if run.Status != "completed" {
			c.Conclusion = run.Status
		}
		c.Icon, c.Tone, c.Status = outcome(c.Conclusion)
		if run.Summary != "" {
			c.Summary = v.text(run.Summary)
		}
		if run.Text != "" {
			c.Text = v.text(run.Text)
		}
		c.Open = c.Tone == "failure"
		blob := "/" + v.repo.FullName() + "/blob/" + i.Pull.Head + "/"
		for _, a := range run.Annotations {
			c.Annotations = append(c.Annotations, newAnnotation(a, blob))
		}
		list = append(list, c)
	}
	seen := map[string]bool{}
	for _, s := range slices.Backward(v.repo.Statuses) {
		if s.SHA != i.Pull.HeadSHA || seen[s.Context] {
			continue
		}
		seen[s.Context] = true
		c := checkView{ID: s.ID, Name: s.Context, Conclusion: s.State, Title: s.Description}
		c.Icon, c.Tone, c.Status = outcome(s.State)
		list = append(list, c)
	}
	return list
}

// outcome is how a check's conclusion, or its status before there is one, looks.
func outcome(conclusion string) (icon, tone, words string) {
	switch conclusion {
	case "success":
		return "check", "success", "Successful"
	case "failure", "error", "startup_failure":
		return "x", "failure", "Failing"
	case "timed_out":
		return "x", "failure", "Timed out"
	case "action_required":
		return "x", "failure", "Action required"
	case "neutral", "skipped", "cancelled", "stale":
		return "skip", "neutral", strings.ToUpper(conclusion[:1]) + conclusion[1:]
	case "queued":
		return "dot", "pending", "Queued"
	}
	return "dot", "pending", "In progress"
}

// verdicts is the newest verdict of each reviewer; comments do not replace one.
func verdicts(p *forge.PullRequest) (order []string, latest map[string]*forge.Review) {
	latest = map[string]*forge.Review{}
	for _, r := range p.Reviews {
		before, ok := latest[r.Author]
		if !ok {
			order = append(order, r.Author)
		}
		if ok && r.State == forge.ReviewCommented && before.State != forge.ReviewCommented {
			continue
		}
		latest[r.Author] = r
	}
	return order, latest
}

// reviewSummary is what a list says about a pull request's reviews.
func reviewSummary(p *forge.PullRequest) string {
	_, latest := verdicts(p)
	approved := false
	for _, r := range latest {
		switch r.State {
		case forge.ReviewChangesRequested:
			return "Changes requested"
		case forge.ReviewApproved:
			approved = true
		}
	}
	switch {
	case approved:
		return "Approved"
	case len(p.Reviewers)+len(p.Teams) > 0:
		return "Review required"
	}
	return ""
}

func (v *visit) reviewers(i *forge.Issue) []reviewerView {
	var list []reviewerView
	order, latest := verdicts(i.Pull)
	for _, login := range order {
		if slices.Contains(i.Pull.Reviewers, login) || login == i.Author {
			continue
		}
		r := reviewerView{Person: newPerson(login), Status: "Left review comments", Icon: "comment",
			Tone: "neutral"}
		switch latest[login].State {
		case forge.ReviewApproved:
			r.Status, r.Icon, r.Tone = "Approved these changes", "check", "success"
		case forge.ReviewChangesRequested:
			r.Status, r.Icon, r.Tone = "Requested changes", "diff", "failure"
		}
		list = append(list, r)
	}
	for _, login := range i.Pull.Reviewers {
		list = append(list, reviewerView{newPerson(login), "Awaiting requested review", "dot", "pending"})
	}
	for _, slug := range i.Pull.Teams {
		team := newPerson(v.repo.Owner + "/" + slug)
		team.URL = "/orgs/" + v.repo.Owner + "/teams/" + slug
		list = append(list, reviewerView{team, "Awaiting requested review", "dot", "pending"})
	}
	return list
}

// mergeBox says whether the pull request can be merged and what speaks against it.
func (v *visit) mergeBox(i *forge.Issue, checks []checkView) mergeView {
	m := mergeView{Tone: "ready"}
	if i.Pull.Merged() {
		m.Tone = "merged"
		return m
	}
	if i.Closed {
		m.Tone = ""
		return m
	}
	_, latest := verdicts(i.Pull)
	approvals, refusals := 0, 0
	for _, r := range latest {
		switch {
		case v.forge.RoleOf(r.Author, v.repo) < forge.RoleWrite: // may say so, but it does not count
		case r.State == forge.ReviewApproved:
			approvals++
		case r.State == forge.ReviewChangesRequested:
			refusals++
		}
	}
	switch {
	case refusals > 0:
		m.Risky = true
		m.Rows = append(m.Rows, mergeRow{Tone: "failure", Icon: "diff", Title: "Changes requested",
			Text: plural(refusals, "review") + " requesting changes by reviewers with write access."})
	case approvals > 0:
		m.Rows = append(m.Rows, mergeRow{Tone: "success", Icon: "check", Title: "Changes approved",
			Text: plural(approvals, "approving review") + " by reviewers with write access."})
	case len(i.Pull.Reviewers)+len(i.Pull.Teams) > 0:
		m.Rows = append(m.Rows, mergeRow{Tone: "pending", Icon: "person", Title: "Review requested",
			Text: "Review has been requested on this pull request. It is not required to merge."})
	}
	if len(checks) > 0 {
		counts := map[string]int{}
		for _, c := range checks {
			counts[c.Tone]++
		}
		row := mergeRow{Tone: "success", Icon: "check", Title: "All checks have passed", Checks: true}
		switch {
		case counts["failure"] > 0:
			row.Tone, row.Icon, row.Title = "failure", "x", "Some checks were not successful"
			m.Risky, m.Tone = true, "failing"
		case counts["pending"] > 0:
			row.Tone, row.Icon, row.Title = "pending", "dot", "Some checks haven’t completed yet"
			m.Risky, m.Tone = true, ""
		}
		var parts []string
		for _, kind := range [][2]string{{"failure", "failing"}, {"pending", "pending"},
			{"neutral", "neutral"}, {"success", "successful"}} {
			if n := counts[kind[0]]; n > 0 {
				parts = append(parts, fmt.Sprintf("%d %s", n, kind[1]))
			}
		}
		row.Text = strings.Join(parts, ", ") + " check"
		if len(checks) > 1 {
			row.Text += "s"
		}
		m.Rows = append(m.Rows, row)
	}
	if _, ok := v.forge.TryMerge(i); !ok {
		m.Tone, m.Blocked = "", "Conflicts must be resolved first."
		m.Rows = append(m.Rows, mergeRow{Tone: "failure", Icon: "alert",
			Title: "This branch has conflicts that must be resolved",
			Text:  "The same files were changed in " + i.Pull.Base + "."})
		return m
	}
	if i.Pull.Draft {
		m.Tone, m.Blocked = "", "Draft pull requests cannot be merged."
		m.Rows = append(m.Rows, mergeRow{Icon: "draft",
			Title: "This pull request is still a work in progress", Text: m.Blocked})
		return m
	}
	if missing := v.forge.MissingStatuses(i); len(missing) > 0 {
		m.Tone, m.Blocked = "", "Merging is blocked by a ruleset."
		m.Rows = append(m.Rows, v.missingRow(i, missing))
		return m
	}
	m.Rows = append(m.Rows, mergeRow{Tone: "success", Icon: "check",
		Title: "No conflicts with base branch", Text: "Merging can be performed automatically."})
	return m
}

// missingRow says which statuses keep a pull request from being merged. A person lets it past an incident's freeze.
func (v *visit) missingRow(i *forge.Issue, missing []string) mergeRow {
	row := mergeRow{Tone: "failure", Icon: "x", Title: "Merging is blocked",
		Text: strings.Join(missing, ", ") + ": expected, waiting for status to be reported."}
	if of := v.frozenBy(i); of != nil {
		row.Let, row.LetBy = issuePath(i)+"/let", of.Ref()
	}
	return row
}

// reviewEvent is the line of a review.
func (v *visit) reviewEvent(i *forge.Issue, e *forge.TimelineEvent, d *eventView) *eventView {
	r := findReview(i, e.ReviewID)
	if r == nil {
		return nil
	}
	d.Icon, d.Text = "eye", "reviewed"
	switch r.State {
	case forge.ReviewApproved:
		d.Icon, d.Tone, d.Text = "check", "open", "approved these changes"
	case forge.ReviewChangesRequested:
		d.Icon, d.Tone, d.Text = "diff", "danger", "requested changes"
	case forge.ReviewDismissed:
		d.Text = "reviewed (dismissed)"
	}
	return d
}

// reviewBody is what a review says in words, as a comment below its line.
func (v *visit) reviewBody(i *forge.Issue, e *forge.TimelineEvent) *commentView {
	r := findReview(i, e.ReviewID)
	if r == nil || strings.TrimSpace(r.Body) == "" {
		return nil
	}
	return &commentView{Anchor: fmt.Sprintf("pullrequestreview-%d", r.ID), Author: newPerson(r.Author),
		Verb: "left a comment", At: v.at(r.Submitted),
		Mine: r.Author == v.by.Login, Body: v.text(r.Body), Source: r.Body, Pills: v.pills(r.Author, i, false)}
}

func findReview(i *forge.Issue, id int64) *forge.Review {
	if i.Pull == nil {
		return nil
	}
	for _, r := range i.Pull.Reviews {
		if r.ID == id {
			return r
		}
	}
	return nil
}

// openPull finds the pull request of the address.
func (v *visit) openPull() (*forge.Issue, error) {
	i, err := v.openIssue()
	if err == nil && i.Pull == nil {
		return nil, forge.ErrNotFound
	}
	return i, err
}

func (v *visit) review() (string, error) {
	i, err := v.openPull()
	if err != nil {
		return "", err
	}
	r, err := v.forge.AddReview(v.by, i, v.r.PostForm.Get("event"), lines(v.r.PostForm.Get("body")), "")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s#pullrequestreview-%d", issuePath(i), r.ID), nil
}

func (v *visit) setReviewers() (string, error) {
	i, err := v.openPull()
	if err != nil {
		return "", err
	}
	added, removed := v.picked("reviewer")
	logins, slugs := splitReviewers(removed)
	if err := v.forge.RemoveReviewers(v.by, i, logins, slugs); err != nil {
		return "", err
	}
	logins, slugs = splitReviewers(added)
	return issuePath(i), v.forge.RequestReviewers(v.by, i, logins, slugs)
}

// splitReviewers returns people from teams, which are written org/slug.
func splitReviewers(names []string) (logins, slugs []string) {
	for _, name := range names {
		if _, slug, ok := strings.Cut(name, "/"); ok {
			slugs = append(slugs, slug)
		} else {
			logins = append(logins, name)
		}
	}
	return logins, slugs
}

func (v *visit) merge() (string, error) {
	i, err := v.openPull()
	if err != nil {
		return "", err
	}
	return issuePath(i), v.forge.MergePull(v.by, i, forge.MergeRequest{})
}

// pressCheck presses one of a check's buttons; without a name it asks for the check to run again.
func (v *visit) pressCheck() (string, error) {
	i, err := v.openPull()
	if err != nil {
		return "", err
	}
	id, _ := strconv.ParseInt(v.r.PathValue("run"), 10, 64)
	for _, run := range v.repo.CheckRuns {
		if run.ID == id {
			return issuePath(i), v.forge.PressCheckAction(v.by, v.repo, run, v.r.PostForm.Get("action"))
		}
	}
	return "", forge.ErrNotFound
}
