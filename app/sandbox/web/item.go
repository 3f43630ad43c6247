package web

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/naming"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// itemPage is an issue or a pull request.
type itemPage struct {
	Repo         string
	Number       int
	Noun         string
	IsPull       bool
	Title        string
	URL          string
	State        string
	Ref          issueRef
	Author       personView
	At           momentView
	Viewer       personView
	CommentCount int

	Opening       commentView
	PinnedComment *commentView
	Items         []timelineItem
	SubIssues     []issueRef
	SubIssuesDone int
	Parent        *issueRef
	Linked        []issueRef
	Composer      composerView

	Assignees       []personView
	AssigneeChoices []choice
	Labels          []labelView
	LabelChoices    []choice
	Participants    []personView

	CanTriage, CanAssignSelf, CanComment, CanClose, CanEditTitle, CanMerge bool

	pullPage
}

// item shows an issue, a pull request or one of a pull request's further views.
func (v *visit) item() (string, any, error) {
	i, err := v.openIssue()
	if err != nil {
		return "", nil, err
	}
	role := v.forge.RoleOfActor(v.by, v.repo)
	mine := i.Author == v.by.Login
	d := &itemPage{
		Repo: v.repo.FullName(), Number: i.Number, Noun: "issue", IsPull: i.Pull != nil, Title: i.Title,
		URL: issuePath(i), State: i.State(),
		Ref: newIssueRef(i, v.repo.FullName()), Author: newPerson(i.Author), At: v.at(i.Created),
		Viewer:       newPerson(v.by.Login),
		CommentCount: len(i.Comments), Assignees: persons(i.Assignees), Labels: v.labels(i),
		CanTriage:  role >= forge.RoleTriage,
		CanComment: role >= forge.RoleRead && (!i.Locked || role >= forge.RoleWrite),
		CanClose:   mine || role >= forge.RoleTriage, CanEditTitle: mine || role >= forge.RoleTriage,
		CanMerge: role >= forge.RoleWrite,
		Composer: composerView{ID: "comment-body", Label: "Comment",
			Placeholder: "Use Markdown to format your comment", Value: v.kept, Rows: 5,
			PreviewURL: "/" + v.repo.FullName() + "/preview"},
	}
	d.CanAssignSelf = d.CanTriage && v.forge.IsAssignable(v.by.Login, v.repo, i)
	v.tab, v.title = "issues", fmt.Sprintf("%s · Issue #%d", i.Title, i.Number)
	if d.IsPull {
		d.Noun = "pull request"
		v.tab, v.title = "pulls", fmt.Sprintf("%s · Pull Request #%d", i.Title, i.Number)
	}
	d.Opening = v.opening(i, role)
	if c, ok := v.forge.CommentsByID[i.Pinned]; ok {
		pinned := v.commentView(c, role)
		d.PinnedComment = &pinned
	}
	d.Items = v.timeline(i, role)
	v.relations(i, d)
	if d.CanTriage {
		for _, u := range v.forge.Users {
			if v.forge.IsAssignable(u.Login, v.repo, i) {
				d.AssigneeChoices = append(d.AssigneeChoices,
					choice{Name: u.Login, Checked: i.HasAssignee(u.Login), Person: newPerson(u.Login)})
			}
		}
		for _, l := range v.repo.Labels {
			d.LabelChoices = append(d.LabelChoices,
				choice{Name: l.Name, Checked: i.HasLabel(l.Name),
					Label: newLabel(v.repo.FullName(), l.Name, l.Color, l.Description)})
		}
		slices.SortFunc(d.LabelChoices,
			func(a, b choice) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	}
	if !d.IsPull {
		return "issue", d, nil
	}
	v.pull(i, d)
	return "pull", d, nil
}

// opening is the text with which the issue begins, as the first comment.
func (v *visit) opening(i *forge.Issue, role forge.Role) commentView {
	c := commentView{Anchor: fmt.Sprintf("issue-%d", i.Number), Author: newPerson(i.Author),
		Verb: "opened", At: v.at(i.Created), Mine: i.Author == v.by.Login,
		Body: v.text(i.Body), Source: i.Body, URL: issuePath(i), ReactURL: issuePath(i) + "/react",
		CanReact: role >= forge.RoleRead && v.by.Login != ""}
	c.Pills = v.pills(i.Author, i, true)
	c.CanEdit = c.Mine || role >= forge.RoleTriage
	c.Editing = v.r.URL.Query().Get("edit") == c.Anchor
	c.Faces, c.Reactions = reactionViews(i.Reactions, v.by.Login)
	return c
}

func (v *visit) commentView(c *forge.Comment, role forge.Role) commentView {
	i := c.Issue()
	d := commentView{ID: c.ID, Anchor: fmt.Sprintf("issuecomment-%d", c.ID), Author: newPerson(c.Author),
		Verb: "commented", At: v.at(c.Created),
		Edited: c.Edited(), Mine: c.Author == v.by.Login, Body: v.text(c.Body), Source: c.Body,
		Pinned: i.Pinned == c.ID, PinnedBy: c.PinnedBy,
		URL: fmt.Sprintf("%s/comments/%d", issuePath(i), c.ID)}
	d.ReactURL = d.URL + "/react"
	d.CanReact = role >= forge.RoleRead && v.by.Login != ""
	d.CanEdit = d.Mine || role >= forge.RoleWrite
	d.CanDelete = d.CanEdit
	if d.CanEdit {
		d.Version = versionOf(c)
		d.Body = withTasks(d.Body, c.Body, "tasks-"+d.Anchor)
	}
	d.CanPin = role >= forge.RoleTriage && i.Pull == nil
	d.Pills = v.pills(c.Author, i, false)
	d.Editing = v.r.URL.Query().Get("edit") == d.Anchor
	d.Faces, d.Reactions = reactionViews(c.Reactions, v.by.Login)
	return d
}

// pills are the words next to an author's name.
func (v *visit) pills(login string, i *forge.Issue, opening bool) []string {
	if naming.IsBot(login) {
		return nil
	}
	var words []string
	switch v.forge.Association(login, v.repo) {
	case "MEMBER":
		words = append(words, "Member")
	case "COLLABORATOR":
		words = append(words, "Collaborator")
	}
	if !opening && login == i.Author {
		words = append(words, "Author")
	}
	return words
}

// timeline is everything that happened, in order; labels that one person changed at one time are in one line.
func (v *visit) timeline(i *forge.Issue, role forge.Role) []timelineItem {
	var items []timelineItem
	var labels *eventView
	var labelsAt time.Time
	for n, e := range i.Timeline {
		switch e.Kind {
		case "commented":
			labels = nil
			if c, ok := v.forge.CommentsByID[e.CommentID]; ok {
				comment := v.commentView(c, role)
				items = append(items, timelineItem{Comment: &comment})
			}
			continue
		case "labeled", "unlabeled":
			if e.Label == nil {
				continue
			}
			chip := newLabel(v.repo.FullName(), e.Label.Name, e.Label.Color, "")
			if l, ok := v.repo.FindLabel(e.Label.Name); ok {
				chip = newLabel(v.repo.FullName(), l.Name, l.Color, l.Description)
			}
			if labels == nil || labels.Actor.Login != e.Actor || e.At.Sub(labelsAt) > time.Minute {
				labels = v.event(e, n)
				labels.Kind, labels.Icon = "labels", "tag"
				labelsAt = e.At
				items = append(items, timelineItem{Event: labels})
			}
			if e.Kind == "labeled" {
				labels.Added = append(labels.Added, chip)
			} else {
				labels.Removed = append(labels.Removed, chip)
			}
			continue
		}
		if event := v.eventView(i, e, n); event != nil {
			labels = nil
			items = append(items, timelineItem{Event: event})
			if e.Kind == "reviewed" {
				if body := v.reviewBody(i, e); body != nil {
					items = append(items, timelineItem{Comment: body})
				}
			}
		}
	}
	return items
}

// event is what every line has.
func (v *visit) event(e *forge.TimelineEvent, n int) *eventView {
	anchor := fmt.Sprintf("event-%d", e.ID)
	if e.ID == 0 {
		anchor = fmt.Sprintf("ref-%d", n)
	}
	return &eventView{Kind: e.Kind, Anchor: anchor, Icon: "dot", Actor: newPerson(e.Actor), At: v.at(e.At)}
}

// plainEvents are the lines of the timeline that say the same of each event of their kind.
var plainEvents = map[string]struct{ icon, text string }{
	"locked":                {"lock", "locked this conversation"},
	"unlocked":              {"lock", "unlocked this conversation"},
	"ready_for_review":      {"eye", "marked this pull request as ready for review"},
	"convert_to_draft":      {"draft", "marked this pull request as draft"},
	"converted_to_draft":    {"draft", "marked this pull request as draft"},
	"head_ref_deleted":      {"branch", "deleted the branch"},
	"head_ref_restored":     {"branch", "restored the branch"},
	"head_ref_force_pushed": {"commit", "force-pushed the branch"},
	"base_ref_changed":      {"branch", "changed the base branch"},
	"review_dismissed":      {"x", "dismissed a review"},
}

// relatedEvents are the kinds of lines that name another issue.
var relatedEvents = map[string]struct{ kind, icon string }{
	"sub_issue_added":      {"sub-issue-added", "sub-issues"},
	"sub_issue_removed":    {"sub-issue-removed", "sub-issues"},
	"parent_issue_added":   {"parent-added", "sub-issues"},
	"parent_issue_removed": {"parent-removed", "sub-issues"},
	"marked_as_duplicate":  {"duplicate", "issue-opened"},
}

// eventView is a line of the timeline, or nil for what GitHub's pages do not show.
func (v *visit) eventView(i *forge.Issue, e *forge.TimelineEvent, n int) *eventView {
	d := v.event(e, n)
	if plain, ok := plainEvents[e.Kind]; ok {
		d.Icon, d.Text = plain.icon, plain.text
		return d
	}
	if related, ok := relatedEvents[e.Kind]; ok {
		d.Kind, d.Icon = related.kind, related.icon
		return v.relatedEvent(e, d)
	}
	switch e.Kind {
	case "assigned", "unassigned":
		d.Icon, d.Target = "person", newPerson(e.Assignee)
	case "closed":
		return closedEvent(i, e, d)
	case "reopened":
		d.Icon, d.Tone = "issue-opened", "open"
	case "renamed":
		d.Icon, d.From, d.To = "pencil", e.From, e.To
	case "comment_pinned":
		d.Kind, d.Icon, d.URL = "pinned", "pin", fmt.Sprintf("#issuecomment-%d", e.CommentID)
	case "comment_unpinned":
		d.Kind, d.Icon, d.URL = "unpinned", "unpin", fmt.Sprintf("#issuecomment-%d", e.CommentID)
	case "cross-referenced":
		return v.crossEvent(e, d)
	case "merged":
		d.Icon, d.Tone, d.Text = "merge", "merged", short(e.CommitID)
		if i.Pull != nil {
			d.To = i.Pull.Base
		}
	case "committed":
		v.fillCommit(e, d)
		d.URL = issuePath(i) + "/commits"
	case "review_requested", "review_request_removed":
		v.fillReviewRequest(e, d)
	case "reviewed":
		return v.reviewEvent(i, e, d)
	case "referenced":
		d.Icon, d.Text = "commit", "added a commit that references this: "+short(e.CommitID)
	default:
		return nil // mentioned, subscribed and the like
	}
	return d
}

// relatedIssue returns the other issue of an event, if the person may see it.
func (v *visit) relatedIssue(e *forge.TimelineEvent) (*forge.Issue, bool) {
	other, ok := v.forge.IssuesByID[e.IssueID]
	return other, ok && v.forge.CanSee(v.by, other.Repo())
}

// relatedEvent is a line that names another issue.
func (v *visit) relatedEvent(e *forge.TimelineEvent, d *eventView) *eventView {
	other, ok := v.relatedIssue(e)
	if !ok {
		return nil
	}
	ref := newIssueRef(other, v.repo.FullName())
	d.Text, d.URL = ref.Title+" "+ref.Ref, ref.URL
	return d
}

// crossEvent is a line of another issue's reference to this one.
func (v *visit) crossEvent(e *forge.TimelineEvent, d *eventView) *eventView {
	other, ok := v.relatedIssue(e)
	if !ok {
		return nil
	}
	ref := newIssueRef(other, v.repo.FullName())
	d.Icon, d.Cross = "cross", &ref
	return d
}

// closedEvent is a line that says how an issue was closed.
func closedEvent(i *forge.Issue, e *forge.TimelineEvent, d *eventView) *eventView {
	switch {
	case i.Pull != nil && i.Pull.Merged():
		return nil // the line before says that it was merged
	case i.Pull != nil:
		d.Kind, d.Icon, d.Tone = "closed-pull", "pull-closed", "danger"
	case e.StateReason == "not_planned", e.StateReason == "duplicate":
		d.Icon, d.Tone, d.Text = "skip", "neutral", strings.ReplaceAll(e.StateReason, "_", " ")
	default:
		d.Icon, d.Tone, d.Text = "issue-closed", "closed", "completed"
	}
	return d
}

// fillCommit fills in the line of a commit.
func (v *visit) fillCommit(e *forge.TimelineEvent, d *eventView) {
	d.Icon, d.To, d.Actor = "commit", short(e.CommitID), personView{}
	c, ok := v.repo.Git.Commits[e.CommitID]
	if !ok {
		return
	}
	d.Text = firstLine(c.Message)
	if c.Login != "" {
		d.Actor = newPerson(c.Login)
	}
}

// fillReviewRequest fills in the line of a request for a review, or of its end.
func (v *visit) fillReviewRequest(e *forge.TimelineEvent, d *eventView) {
	d.Kind, d.Icon = "review-requested", "eye"
	if e.Kind == "review_request_removed" {
		d.Kind = "review-request-removed"
	}
	if e.Reviewer != "" {
		d.Target = newPerson(e.Reviewer)
	} else {
		d.Text = v.repo.Owner + "/" + e.Team
	}
}

func short(sha string) string { return sha[:min(7, len(sha))] }

// relations fills in what else is connected with the issue.
func (v *visit) relations(i *forge.Issue, d *itemPage) {
	for _, id := range i.SubIssues {
		child, ok := v.forge.IssuesByID[id]
		if !ok || !v.forge.CanSee(v.by, child.Repo()) {
			continue
		}
		d.SubIssues = append(d.SubIssues, newIssueRef(child, v.repo.FullName()))
		if child.Closed {
			d.SubIssuesDone++
		}
	}
	if parent, ok := v.forge.IssuesByID[i.Parent]; ok && v.forge.CanSee(v.by, parent.Repo()) {
		ref := newIssueRef(parent, v.repo.FullName())
		d.Parent = &ref
	}
	took := map[string]bool{}
	join := func(login string) {
		if login != "" && !took[login] && !naming.IsBot(login) {
			took[login] = true
			d.Participants = append(d.Participants, newPerson(login))
		}
	}
	join(i.Author)
	linked := map[int64]bool{}
	for _, e := range i.Timeline {
		switch e.Kind {
		case "commented", "closed", "reopened", "reviewed", "labeled", "assigned":
			join(e.Actor)
		case "cross-referenced":
			other := v.forge.IssuesByID[e.IssueID]
			if other == nil || other.Pull == nil || linked[other.ID] || !v.forge.CanSee(v.by, other.Repo()) {
				continue
			}
			linked[other.ID] = true
			d.Linked = append(d.Linked, newIssueRef(other, v.repo.FullName()))
		}
	}
	for _, login := range i.Assignees {
		join(login)
	}
}
