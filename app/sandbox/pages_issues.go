package sandbox

import (
	"fmt"
	"html/template"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// issueRow is a line of a list of issues or pull requests.
type issueRow struct {
	Number    int
	Ref       issueRef
	Labels    []labelView
	Assignees []personView
	Author    personView
	Verb      string
	At        momentView
	Comments  int
	Draft     bool
	Review    string
	SubIssues string
}

type listPage struct {
	Pulls                bool
	Nouns                string
	ListURL, NewURL      string
	Query                string
	Filtered             bool
	Open, Closed         int
	ShowOpen, ShowClosed bool
	OpenURL, ClosedURL   string
	Rows                 []issueRow
}

// issueList lists issues or pull requests.
func (v *visit) issueList() (string, any, error) {
	if err := v.openRepo(); err != nil {
		return "", nil, err
	}
	d := listPage{ListURL: v.r.URL.Path, Pulls: strings.HasSuffix(v.r.URL.Path, "/pulls")}
	standard := "is:issue state:open"
	v.tab, v.title, d.Nouns = "issues", "Issues", "issues"
	if d.Pulls {
		v.tab, v.title, d.Nouns = "pulls", "Pull requests", "pull requests"
		standard = "is:pr state:open"
	} else {
		d.NewURL = "/" + v.repo.FullName() + "/issues/new/choose"
	}
	params := v.r.URL.Query()
	d.Query = strings.TrimSpace(params.Get("q"))
	if !params.Has("q") {
		d.Query = standard
		if state := params.Get("state"); state == "open" || state == "closed" {
			d.Query = withState(d.Query, state)
		}
		for _, label := range params["label"] {
			d.Query += " label:" + quoteTerm(label)
		}
		if who := params.Get("assignee"); who != "" {
			d.Query += " assignee:" + who
		}
	}
	d.Filtered = d.Query != standard
	q := parseIssueQuery(d.Query)
	d.ShowOpen, d.ShowClosed = q.state == "open", q.state == "closed"
	d.OpenURL = d.ListURL + "?q=" + url.QueryEscape(withState(d.Query, "open"))
	d.ClosedURL = d.ListURL + "?q=" + url.QueryEscape(withState(d.Query, "closed"))
	for _, i := range slices.Backward(v.repo.Issues) {
		if i == nil || (i.Pull != nil) != d.Pulls || !q.matches(i, v.by.Login) {
			continue
		}
		if i.Closed {
			d.Closed++
		} else {
			d.Open++
		}
		if q.state == "" || q.state == i.State() {
			d.Rows = append(d.Rows, v.row(i))
		}
	}
	return "issues", d, nil
}

func (v *visit) row(i *Issue) issueRow {
	r := issueRow{Number: i.Number, Ref: newIssueRef(i, v.repo.FullName()), Labels: v.labels(i), Assignees: persons(i.Assignees),
		Author: newPerson(i.Author), Verb: "opened", At: v.at(i.Created), Comments: len(i.Comments)}
	if i.Closed {
		r.Verb, r.At = "was closed", v.at(i.ClosedAt)
		if i.Pull != nil && i.Pull.Merged() {
			r.Verb = "was merged"
		}
		r.Author = newPerson(i.Author)
	}
	if i.Pull != nil {
		r.Draft = i.Pull.Draft && !i.Closed
		r.Review = reviewSummary(i.Pull)
	}
	if n := len(i.SubIssues); n > 0 {
		done := 0
		for _, id := range i.SubIssues {
			if child, ok := v.st.issues[id]; ok && child.Closed {
				done++
			}
		}
		r.SubIssues = fmt.Sprintf("%d / %d", done, n)
	}
	return r
}

func persons(logins []string) []personView {
	var list []personView
	for _, login := range logins {
		list = append(list, newPerson(login))
	}
	return list
}

func (v *visit) labels(i *Issue) []labelView {
	var list []labelView
	for _, l := range i.Labels {
		list = append(list, newLabel(v.repo.FullName(), l.Name, l.Color, l.Description))
	}
	return list
}

const formFolder = ".github/ISSUE_TEMPLATE"

func isFormPath(name string) bool {
	return strings.HasPrefix(name, formFolder+"/") && (strings.HasSuffix(name, ".yml") || strings.HasSuffix(name, ".yaml")) && name != formFolder+"/config.yml"
}

// issueForms reads the forms of a repository's default branch; those that are broken are named with the reason, and
// blank tells whether issues without a form are allowed.
func issueForms(r *Repository) (forms []*issueForm, broken []string, blank bool) {
	blank = true
	commit, ok := r.Git.branch(r.DefaultBranch)
	if !ok {
		return nil, nil, true
	}
	folder, ok := r.Git.entry(commit.Tree, formFolder)
	if !ok || folder.Kind() != "tree" {
		return nil, nil, true
	}
	for _, e := range r.Git.Trees[folder.SHA] {
		content := r.Git.Blobs[e.SHA]
		if e.Name == "config.yml" {
			var config struct {
				Blank *bool `yaml:"blank_issues_enabled"`
			}
			if err := yaml.Unmarshal(content, &config); err == nil && config.Blank != nil {
				blank = *config.Blank
			}
			continue
		}
		if e.Kind() != "blob" || !isFormPath(formFolder+"/"+e.Name) {
			continue
		}
		form, err := parseIssueForm(e.Name, content)
		if err != nil {
			broken = append(broken, err.Error())
			continue
		}
		forms = append(forms, form)
	}
	return forms, broken, blank
}

type choosePage struct {
	Forms  []*issueForm
	Broken []string
	Blank  bool
}

func (v *visit) chooseForm() (string, any, error) {
	if err := v.openRepo(); err != nil {
		return "", nil, err
	}
	v.tab, v.title, v.narrow = "issues", "New issue", true
	var d choosePage
	d.Forms, d.Broken, d.Blank = issueForms(v.repo)
	if v.st.role(v.by, v.repo) < RoleWrite {
		d.Broken = nil // only those who can repair it are told
	} else {
		d.Blank = true // maintainers may always start blank
	}
	return "choose", d, nil
}

// fieldView is a field of a form.
type fieldView struct {
	Type, ID, Label, Placeholder, Value, Error string
	Description, Markdown                      template.HTML
	Required, Multiple                         bool
	Options                                    []optionView
}

// optionView is a choice of a field.
type optionView struct {
	Field, Value       string
	Text               template.HTML
	Selected, Required bool
}

type newPage struct {
	Form      *issueForm
	Action    string
	Title     string
	Fields    []fieldView
	Labels    []labelView
	Assignees []personView
	Composer  composerView
}

// formOf finds the form that the address asks for; nil is a blank issue.
func (v *visit) formOf() (*issueForm, error) {
	name := v.r.URL.Query().Get("template")
	if name == "" {
		return nil, nil
	}
	forms, _, _ := issueForms(v.repo)
	for _, f := range forms {
		if f.File == name {
			return f, nil
		}
	}
	return nil, errNotFound
}

// newIssue shows the form of a new issue, filled with what came along in the address or with what was refused.
func (v *visit) newIssue() (string, any, error) {
	if err := v.openRepo(); err != nil {
		return "", nil, err
	}
	form, err := v.formOf()
	if err != nil {
		return "", nil, err
	}
	v.tab, v.title, v.narrow = "issues", "New issue", true
	values, sent := v.r.URL.Query(), v.r.Method == "POST"
	d := newPage{Form: form, Action: v.r.URL.RequestURI(), Title: values.Get("title")}
	if sent {
		values = v.r.PostForm
		d.Title = values.Get("issue-title")
	}
	if form == nil {
		body := values.Get("body")
		d.Composer = composerView{ID: "new-body", Label: "Description", Placeholder: "Type your description here…", Value: body, Rows: 12, PreviewURL: "/" + v.repo.FullName() + "/preview"}
		return "new", d, nil
	}
	if d.Title == "" && !sent {
		d.Title = form.Title
	}
	for _, name := range form.Labels {
		if l, ok := v.repo.label(name); ok {
			d.Labels = append(d.Labels, newLabel(v.repo.FullName(), l.Name, l.Color, l.Description))
		}
	}
	for _, login := range form.Assignees {
		if u, ok := v.st.user(login); ok {
			d.Assignees = append(d.Assignees, newPerson(u.Login))
		}
	}
	public := !v.repo.Private
	missing := map[string]error{}
	if sent && public {
		missing = form.missing(values)
	}
	for i := range form.Body {
		d.Fields = append(d.Fields, v.field(&form.Body[i], values, sent, public, missing))
	}
	return "new", d, nil
}

func (v *visit) field(item *formItem, values url.Values, sent, public bool, missing map[string]error) fieldView {
	a := item.Attributes
	f := fieldView{Type: item.Type, ID: item.ID, Label: a.Label, Placeholder: a.Placeholder, Multiple: a.Multiple, Required: item.Validations.Required && public}
	if item.Type == "markdown" {
		f.Markdown = v.text(a.Value)
		return f
	}
	if a.Description != "" {
		f.Description = v.text(a.Description)
	}
	if err := missing[item.ID]; err != nil {
		f.Error = err.Error()
	}
	given := values[item.ID]
	if !sent {
		given = item.prefill(values)
	}
	switch item.Type {
	case "checkboxes":
		for n, o := range a.Options {
			number := strconv.Itoa(n)
			f.Options = append(f.Options, optionView{Field: item.ID, Value: number, Text: v.text(o.Label), Selected: slices.Contains(given, number), Required: o.Required && public})
		}
	case "dropdown":
		for _, o := range a.Options {
			f.Options = append(f.Options, optionView{Field: item.ID, Value: o.Label, Selected: slices.Contains(given, o.Label)})
		}
	default:
		f.Value = strings.Join(given, "\n")
	}
	return f
}

// createIssue opens an issue from a form or blank.
func (v *visit) createIssue() (string, error) {
	if err := v.openRepo(); err != nil {
		return "", err
	}
	form, err := v.formOf()
	if err != nil {
		return "", err
	}
	in := newIssue{Title: v.r.PostForm.Get("issue-title"), Body: lines(v.r.PostForm.Get("body"))}
	if form != nil {
		if !v.repo.Private {
			for _, err := range form.missing(v.r.PostForm) {
				return "", err
			}
		}
		in.Body, in.FormLabels, in.Assignees = form.render(v.r.PostForm), form.Labels, form.Assignees
	}
	i, err := v.st.openIssue(v.by, v.repo, in)
	if err != nil {
		return "", err
	}
	return issuePath(i), nil
}

// lines undoes what browsers do to a text field's line ends.
func lines(text string) string { return strings.ReplaceAll(text, "\r\n", "\n") }

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
	role := v.st.role(v.by, v.repo)
	mine := i.Author == v.by.Login
	d := &itemPage{
		Repo: v.repo.FullName(), Number: i.Number, Noun: "issue", IsPull: i.Pull != nil, Title: i.Title, URL: issuePath(i), State: i.State(),
		Ref: newIssueRef(i, v.repo.FullName()), Author: newPerson(i.Author), At: v.at(i.Created), Viewer: newPerson(v.by.Login),
		CommentCount: len(i.Comments), Assignees: persons(i.Assignees), Labels: v.labels(i),
		CanTriage: role >= RoleTriage, CanComment: role >= RoleRead && (!i.Locked || role >= RoleWrite),
		CanClose: mine || role >= RoleTriage, CanEditTitle: mine || role >= RoleTriage, CanMerge: role >= RoleWrite,
		Composer: composerView{ID: "comment-body", Label: "Comment", Placeholder: "Use Markdown to format your comment", Value: v.kept, Rows: 5, PreviewURL: "/" + v.repo.FullName() + "/preview"},
	}
	d.CanAssignSelf = d.CanTriage && v.st.assignable(v.by.Login, v.repo, i)
	v.tab, v.title = "issues", fmt.Sprintf("%s · Issue #%d", i.Title, i.Number)
	if d.IsPull {
		d.Noun = "pull request"
		v.tab, v.title = "pulls", fmt.Sprintf("%s · Pull Request #%d", i.Title, i.Number)
	}
	d.Opening = v.opening(i, role)
	if c, ok := v.st.comments[i.Pinned]; ok {
		pinned := v.commentView(c, role)
		d.PinnedComment = &pinned
	}
	d.Items = v.timeline(i, role)
	v.relations(i, d)
	if d.CanTriage {
		for _, u := range v.st.Users {
			if v.st.assignable(u.Login, v.repo, i) {
				d.AssigneeChoices = append(d.AssigneeChoices, choice{Name: u.Login, Checked: i.HasAssignee(u.Login), Person: newPerson(u.Login)})
			}
		}
		for _, l := range v.repo.Labels {
			d.LabelChoices = append(d.LabelChoices, choice{Name: l.Name, Checked: i.HasLabel(l.Name), Label: newLabel(v.repo.FullName(), l.Name, l.Color, l.Description)})
		}
		slices.SortFunc(d.LabelChoices, func(a, b choice) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	}
	if !d.IsPull {
		return "issue", d, nil
	}
	v.pull(i, d)
	return "pull", d, nil
}

// opening is the text with which the issue begins, as the first comment.
func (v *visit) opening(i *Issue, role Role) commentView {
	c := commentView{Anchor: fmt.Sprintf("issue-%d", i.Number), Author: newPerson(i.Author), Verb: "opened", At: v.at(i.Created), Mine: i.Author == v.by.Login,
		Body: v.text(i.Body), Source: i.Body, URL: issuePath(i), ReactURL: issuePath(i) + "/react", CanReact: role >= RoleRead && v.by.Login != ""}
	c.Pills = v.pills(i.Author, i, true)
	c.CanEdit = c.Mine || role >= RoleTriage
	c.Editing = v.r.URL.Query().Get("edit") == c.Anchor
	c.Faces, c.Reactions = reactionViews(i.Reactions, v.by.Login)
	return c
}

func (v *visit) commentView(c *Comment, role Role) commentView {
	i := c.issue
	d := commentView{ID: c.ID, Anchor: fmt.Sprintf("issuecomment-%d", c.ID), Author: newPerson(c.Author), Verb: "commented", At: v.at(c.Created),
		Edited: c.Edited(), Mine: c.Author == v.by.Login, Body: v.text(c.Body), Source: c.Body, Pinned: i.Pinned == c.ID, PinnedBy: c.PinnedBy,
		URL: fmt.Sprintf("%s/comments/%d", issuePath(i), c.ID)}
	d.ReactURL = d.URL + "/react"
	d.CanReact = role >= RoleRead && v.by.Login != ""
	d.CanEdit = d.Mine || role >= RoleWrite
	d.CanDelete = d.CanEdit
	d.CanPin = role >= RoleTriage && i.Pull == nil
	d.Pills = v.pills(c.Author, i, false)
	d.Editing = v.r.URL.Query().Get("edit") == d.Anchor
	d.Faces, d.Reactions = reactionViews(c.Reactions, v.by.Login)
	return d
}

// pills are the words that stand beside an author's name.
func (v *visit) pills(login string, i *Issue, opening bool) []string {
	if strings.HasSuffix(login, "[bot]") {
		return nil
	}
	var words []string
	switch v.st.association(login, v.repo) {
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

// timeline is everything that happened, in order; labels that one person changed at one time stand in one line.
func (v *visit) timeline(i *Issue, role Role) []timelineItem {
	var items []timelineItem
	var labels *eventView
	var labelsAt time.Time
	for n, e := range i.Timeline {
		switch e.Kind {
		case "commented":
			labels = nil
			if c, ok := v.st.comments[e.CommentID]; ok {
				comment := v.commentView(c, role)
				items = append(items, timelineItem{Comment: &comment})
			}
			continue
		case "labeled", "unlabeled":
			if e.Label == nil {
				continue
			}
			chip := newLabel(v.repo.FullName(), e.Label.Name, e.Label.Color, "")
			if l, ok := v.repo.label(e.Label.Name); ok {
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
func (v *visit) event(e *Event, n int) *eventView {
	anchor := fmt.Sprintf("event-%d", e.ID)
	if e.ID == 0 {
		anchor = fmt.Sprintf("ref-%d", n)
	}
	return &eventView{Kind: e.Kind, Anchor: anchor, Icon: "dot", Actor: newPerson(e.Actor), At: v.at(e.At)}
}

// eventView is a line of the timeline, or nil for what GitHub's pages do not show.
func (v *visit) eventView(i *Issue, e *Event, n int) *eventView {
	d := v.event(e, n)
	other := v.st.issues[e.IssueID]
	named := func(kind, icon string) *eventView {
		if other == nil || !v.st.sees(v.by, other.repo) {
			return nil
		}
		ref := newIssueRef(other, v.repo.FullName())
		d.Kind, d.Icon, d.Text, d.URL = kind, icon, ref.Title+" "+ref.Ref, ref.URL
		return d
	}
	switch e.Kind {
	case "assigned", "unassigned":
		d.Icon, d.Target = "person", newPerson(e.Assignee)
	case "closed":
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
	case "reopened":
		d.Icon, d.Tone = "issue-opened", "open"
	case "renamed":
		d.Icon, d.From, d.To = "pencil", e.From, e.To
	case "comment_pinned", "comment_unpinned":
		d.Kind, d.Icon = "pinned", "pin"
		if e.Kind == "comment_unpinned" {
			d.Kind, d.Icon = "unpinned", "unpin"
		}
		d.URL = fmt.Sprintf("#issuecomment-%d", e.CommentID)
	case "cross-referenced":
		if other == nil || !v.st.sees(v.by, other.repo) {
			return nil
		}
		d.Icon = "cross"
		ref := newIssueRef(other, v.repo.FullName())
		d.Cross = &ref
	case "sub_issue_added":
		return named("sub-issue-added", "sub-issues")
	case "sub_issue_removed":
		return named("sub-issue-removed", "sub-issues")
	case "parent_issue_added":
		return named("parent-added", "sub-issues")
	case "parent_issue_removed":
		return named("parent-removed", "sub-issues")
	case "marked_as_duplicate":
		return named("duplicate", "issue-opened")
	case "merged":
		d.Icon, d.Tone, d.Text = "merge", "merged", short(e.CommitID)
		if i.Pull != nil {
			d.To = i.Pull.Base
		}
	case "committed":
		d.Icon, d.To, d.Actor = "commit", short(e.CommitID), personView{}
		if c, ok := v.repo.Git.Commits[e.CommitID]; ok {
			d.Text = firstLine(c.Message)
			if c.Login != "" {
				d.Actor = newPerson(c.Login)
			}
		}
		d.URL = issuePath(i) + "/commits"
	case "review_requested", "review_request_removed":
		d.Kind, d.Icon = "review-requested", "eye"
		if e.Kind == "review_request_removed" {
			d.Kind = "review-request-removed"
		}
		if e.Reviewer != "" {
			d.Target = newPerson(e.Reviewer)
		} else {
			d.Text = v.repo.Owner + "/" + e.Team
		}
	case "reviewed":
		return v.reviewEvent(i, e, d)
	case "locked":
		d.Icon, d.Text = "lock", "locked this conversation"
	case "unlocked":
		d.Icon, d.Text = "lock", "unlocked this conversation"
	case "ready_for_review":
		d.Icon, d.Text = "eye", "marked this pull request as ready for review"
	case "convert_to_draft", "converted_to_draft":
		d.Icon, d.Text = "draft", "marked this pull request as draft"
	case "head_ref_deleted":
		d.Icon, d.Text = "branch", "deleted the branch"
	case "head_ref_restored":
		d.Icon, d.Text = "branch", "restored the branch"
	case "head_ref_force_pushed":
		d.Icon, d.Text = "commit", "force-pushed the branch"
	case "base_ref_changed":
		d.Icon, d.Text = "branch", "changed the base branch"
	case "review_dismissed":
		d.Icon, d.Text = "x", "dismissed a review"
	case "referenced":
		d.Icon, d.Text = "commit", "added a commit that references this: "+short(e.CommitID)
	default:
		return nil // mentioned, subscribed and the like
	}
	return d
}

func short(sha string) string { return sha[:min(7, len(sha))] }

// relations fills in what else is connected with the issue.
func (v *visit) relations(i *Issue, d *itemPage) {
	for _, id := range i.SubIssues {
		child, ok := v.st.issues[id]
		if !ok || !v.st.sees(v.by, child.repo) {
			continue
		}
		d.SubIssues = append(d.SubIssues, newIssueRef(child, v.repo.FullName()))
		if child.Closed {
			d.SubIssuesDone++
		}
	}
	if parent, ok := v.st.issues[i.Parent]; ok && v.st.sees(v.by, parent.repo) {
		ref := newIssueRef(parent, v.repo.FullName())
		d.Parent = &ref
	}
	took := map[string]bool{}
	join := func(login string) {
		if login != "" && !took[login] && !strings.HasSuffix(login, "[bot]") {
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
			other := v.st.issues[e.IssueID]
			if other == nil || other.Pull == nil || linked[other.ID] || !v.st.sees(v.by, other.repo) {
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

// comment posts a comment, and closes or reopens if that button was pressed.
func (v *visit) comment() (string, error) {
	i, err := v.openIssue()
	if err != nil {
		return "", err
	}
	form := v.r.PostForm
	to := issuePath(i)
	body := lines(form.Get("body"))
	if strings.TrimSpace(body) != "" || form.Has("comment") {
		c, err := v.st.comment(v.by, i, body)
		if err != nil {
			return "", err
		}
		to += fmt.Sprintf("#issuecomment-%d", c.ID)
	}
	switch {
	case form.Has("close"):
		reason := form.Get("close")
		if i.Pull != nil {
			reason = ""
		}
		err = v.st.closeIssue(v.by, i, reason)
	case form.Has("reopen"):
		err = v.st.reopenIssue(v.by, i)
	}
	return to, err
}

func (v *visit) editText() (string, error) {
	i, err := v.openIssue()
	if err != nil {
		return "", err
	}
	body := lines(v.r.PostForm.Get("body"))
	return issuePath(i), v.st.editIssue(v.by, i, issueEdit{Body: &body})
}

func (v *visit) editTitle() (string, error) {
	i, err := v.openIssue()
	if err != nil {
		return "", err
	}
	title := strings.TrimSpace(v.r.PostForm.Get("title"))
	return issuePath(i), v.st.editIssue(v.by, i, issueEdit{Title: &title})
}

// picked tells what a picker added and took away, compared with what stood there when it was shown: somebody else may
// have changed other things in the meantime, and those stay.
func (v *visit) picked(field string) (added, removed []string) {
	now, was := v.r.PostForm[field], v.r.PostForm["was"]
	for _, name := range now {
		if !slices.Contains(was, name) {
			added = append(added, name)
		}
	}
	for _, name := range was {
		if !slices.Contains(now, name) {
			removed = append(removed, name)
		}
	}
	return added, removed
}

func (v *visit) setLabels() (string, error) {
	i, err := v.openIssue()
	if err != nil {
		return "", err
	}
	added, removed := v.picked("label")
	if err := v.st.addLabels(v.by, i, added); err != nil {
		return "", err
	}
	for _, name := range removed {
		if !i.HasLabel(name) {
			continue
		}
		if err := v.st.removeLabel(v.by, i, name); err != nil {
			return "", err
		}
	}
	return issuePath(i), nil
}

func (v *visit) setAssignees() (string, error) {
	i, err := v.openIssue()
	if err != nil {
		return "", err
	}
	added, removed := v.picked("assignee")
	if err := v.st.unassign(v.by, i, removed); err != nil {
		return "", err
	}
	return issuePath(i), v.st.assign(v.by, i, added)
}

// react gives the person's reaction to the issue, or takes it back.
func (v *visit) react() (string, error) {
	i, err := v.openIssue()
	if err != nil {
		return "", err
	}
	content := v.r.PostForm.Get("reaction")
	if mine := v.reactionOf(i.Reactions, content); mine != nil {
		return issuePath(i), v.st.unreact(v.by, i, &i.Reactions, mine.ID)
	}
	_, _, err = v.st.reactIssue(v.by, i, content)
	return issuePath(i), err
}

func (v *visit) reactionOf(reactions []*Reaction, content string) *Reaction {
	for _, r := range reactions {
		if r.User == v.by.Login && r.Content == content {
			return r
		}
	}
	return nil
}

// openComment finds the comment of the address.
func (v *visit) openComment() (*Comment, string, error) {
	i, err := v.openIssue()
	if err != nil {
		return nil, "", err
	}
	id, err := strconv.ParseInt(v.r.PathValue("comment"), 10, 64)
	if err != nil {
		return nil, "", errNotFound
	}
	c, ok := v.st.comments[id]
	if !ok || c.issue != i {
		return nil, "", errNotFound
	}
	return c, fmt.Sprintf("%s#issuecomment-%d", issuePath(i), id), nil
}

func (v *visit) editComment() (string, error) {
	c, to, err := v.openComment()
	if err != nil {
		return "", err
	}
	return to, v.st.editComment(v.by, c, lines(v.r.PostForm.Get("body")))
}

func (v *visit) deleteComment() (string, error) {
	c, _, err := v.openComment()
	if err != nil {
		return "", err
	}
	return issuePath(c.issue), v.st.deleteComment(v.by, c)
}

func (v *visit) pinComment() (string, error) {
	c, to, err := v.openComment()
	if err != nil {
		return "", err
	}
	if v.r.PostForm.Get("pin") == "0" {
		return to, v.st.unpinComment(v.by, c)
	}
	return issuePath(c.issue), v.st.pinComment(v.by, c)
}

func (v *visit) reactComment() (string, error) {
	c, to, err := v.openComment()
	if err != nil {
		return "", err
	}
	content := v.r.PostForm.Get("reaction")
	if mine := v.reactionOf(c.Reactions, content); mine != nil {
		return to, v.st.unreact(v.by, c.issue, &c.Reactions, mine.ID)
	}
	_, _, err = v.st.reactComment(v.by, c, content)
	return to, err
}
