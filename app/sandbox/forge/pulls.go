package forge

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// NewPull is what a pull request is opened with.
type NewPull struct {
	Title string
	Body  string
	Head  string // branch, or owner:branch
	Base  string
	Draft bool
}

// OpenPull opens a pull request between two branches of a repository.
func (f *Forge) OpenPull(by *Actor, r *Repository, in NewPull) (*Issue, error) {
	if err := f.Require(by, r, RoleWrite, "pull_requests"); err != nil { // write access to the head's branch
		return nil, err
	}
	if err := validIssue(in.Title, in.Body); err != nil {
		return nil, err
	}
	head := strings.TrimPrefix(in.Head, r.Owner+":")
	tip, ok := r.Git.Branch(head)
	if !ok {
		return nil, Invalid("PullRequest", "head", "invalid", "")
	}
	base, ok := r.Git.Branch(in.Base)
	if !ok {
		return nil, Invalid("PullRequest", "base", "invalid", "")
	}
	if f.findOpenPull(r, head, in.Base) != nil {
		return nil, Invalid("PullRequest", "", "custom",
			fmt.Sprintf("A pull request already exists for %s:%s.", r.Owner, head))
	}
	if r.Git.Ancestors(base.SHA)[tip.SHA] {
		return nil, Invalid("PullRequest", "", "custom",
			fmt.Sprintf("No commits between %s and %s", in.Base, head))
	}
	i := f.addIssue(by, r, in.Title, in.Body)
	i.Pull = &PullRequest{ID: f.NextID("pull"), Head: head, Base: in.Base, HeadSHA: tip.SHA,
		BaseSHA: base.SHA, Draft: in.Draft}
	f.noteCommits(by, i, base.SHA)
	f.Emit(&IssueEvent{By: by, Issue: i, Action: "opened"})
	f.noteMentions(by, i, in.Body)
	return i, nil
}

// findOpenPull finds the open pull request from one branch into another.
func (f *Forge) findOpenPull(r *Repository, head, base string) *Issue {
	for _, i := range r.Issues {
		if i != nil && i.Pull != nil && !i.Closed && i.Pull.Head == head && i.Pull.Base == base {
			return i
		}
	}
	return nil
}

// noteCommits writes the commits since one commit into the pull request's timeline, oldest first.
func (f *Forge) noteCommits(by *Actor, i *Issue, since string) {
	known := map[string]bool{}
	for _, e := range i.Timeline {
		if e.Kind == "committed" {
			known[e.CommitID] = true
		}
	}
	commits := i.repo.Git.Log(i.Pull.HeadSHA, since)
	for _, c := range slices.Backward(commits) {
		if !known[c.SHA] {
			i.Timeline = append(i.Timeline,
				&TimelineEvent{Kind: "committed", Actor: by.Login, At: c.Committer.At, CommitID: c.SHA})
		}
	}
}

// PullEdit is what changes in a pull request beyond what editIssue changes; nil leaves as it is.
type PullEdit struct {
	IssueEdit
	Base  *string
	Draft *bool
}

// EditPull changes a pull request.
func (f *Forge) EditPull(by *Actor, i *Issue, edit PullEdit) error {
	if err := f.requireAuthor(by, i.repo, i.Author, RoleTriage, []string{"pull_requests"}); err != nil {
		return err
	}
	if err := f.checkEdit(by, i, edit.IssueEdit); err != nil {
		return err
	}
	if edit.Base != nil && *edit.Base != i.Pull.Base {
		base, ok := i.repo.Git.Branch(*edit.Base)
		if !ok || i.Closed {
			return Invalid("PullRequest", "base", "invalid", "")
		}
		from, sha := i.Pull.Base, i.Pull.BaseSHA
		i.Pull.Base, i.Pull.BaseSHA = *edit.Base, base.SHA
		f.addEvent(by, i, TimelineEvent{Kind: "base_ref_changed"})
		f.Emit(&IssueEvent{By: by, Issue: i, Action: "edited", Was: Changes{Base: &from, BaseSHA: &sha}})
	}
	if edit.Draft != nil && *edit.Draft != i.Pull.Draft {
		i.Pull.Draft = *edit.Draft
		kind, action := "ready_for_review", "ready_for_review"
		if i.Pull.Draft {
			kind, action = "convert_to_draft", "converted_to_draft"
		}
		f.addEvent(by, i, TimelineEvent{Kind: kind})
		f.Emit(&IssueEvent{By: by, Issue: i, Action: action})
	}
	return f.EditIssue(by, i, edit.IssueEdit)
}

// checkReopenPull says why a closed pull request cannot be opened again, if so.
func (f *Forge) checkReopenPull(i *Issue) error {
	if i.Pull.Merged() {
		return Invalid("PullRequest", "state", "invalid",
			"state cannot be changed. The pull request cannot be reopened.")
	}
	if _, ok := i.repo.Git.Branch(i.Pull.Head); !ok {
		return Invalid("PullRequest", "state", "custom",
			"state cannot be changed. The "+i.Pull.Head+" branch has been deleted.")
	}
	if other := f.findOpenPull(i.repo, i.Pull.Head, i.Pull.Base); other != nil {
		return Invalid("PullRequest", "state", "custom",
			fmt.Sprintf("state cannot be changed. There is already an open pull request (#%d) from %s to %s.",
				other.Number, i.Pull.Head, i.Pull.Base))
	}
	return nil
}

// RequestReviewers asks people and teams for a review. One who isn't a collaborator makes the whole request fail.
func (f *Forge) RequestReviewers(by *Actor, i *Issue, logins, slugs []string) error {
	if err := f.Require(by, i.repo, RoleTriage, "pull_requests"); err != nil {
		return err
	}
	notCollaborator := &Error{Status: statusUnprocessableEntity,
		Message: "Reviews may only be requested from collaborators. One or more of the " +
			"users or teams you specified is not a collaborator of the " + i.repo.FullName() + " repository."}
	var people []*User
	for _, login := range logins {
		u, ok := f.FindUser(login)
		if !ok || u.Kind != KindUser || f.RoleOf(u.Login, i.repo) < RoleRead {
			return notCollaborator
		}
		if u.Login == i.Author {
			return &Error{Status: statusUnprocessableEntity,
				Message: "Review cannot be requested from pull request author."}
		}
		people = append(people, u)
	}
	var teams []*Team
	for _, slug := range slugs {
		t, ok := f.FindTeam(slug)
		if !ok || i.repo.Teams[t.Slug] < RoleRead {
			return notCollaborator
		}
		teams = append(teams, t)
	}
	for _, u := range people {
		if slices.Contains(i.Pull.Reviewers, u.Login) {
			continue
		}
		i.Pull.Reviewers = append(i.Pull.Reviewers, u.Login)
		f.addEvent(by, i, TimelineEvent{Kind: "review_requested", Reviewer: u.Login})
		f.Emit(&IssueEvent{By: by, Issue: i, Action: "review_requested", Reviewer: u.Login})
	}
	for _, t := range teams {
		if slices.Contains(i.Pull.Teams, t.Slug) {
			continue
		}
		i.Pull.Teams = append(i.Pull.Teams, t.Slug)
		f.addEvent(by, i, TimelineEvent{Kind: "review_requested", Team: t.Slug})
		f.Emit(&IssueEvent{By: by, Issue: i, Action: "review_requested", Team: t})
	}
	return nil
}

// RemoveReviewers takes back requests for a review.
func (f *Forge) RemoveReviewers(by *Actor, i *Issue, logins, slugs []string) error {
	if err := f.Require(by, i.repo, RoleTriage, "pull_requests"); err != nil {
		return err
	}
	for _, login := range logins {
		if n := slices.IndexFunc(i.Pull.Reviewers,
			func(r string) bool { return strings.EqualFold(r, login) }); n >= 0 {
			who := i.Pull.Reviewers[n]
			i.Pull.Reviewers = slices.Delete(i.Pull.Reviewers, n, n+1)
			f.addEvent(by, i, TimelineEvent{Kind: "review_request_removed", Reviewer: who})
			f.Emit(&IssueEvent{By: by, Issue: i, Action: "review_request_removed", Reviewer: who})
		}
	}
	for _, slug := range slugs {
		if n := slices.IndexFunc(i.Pull.Teams,
			func(t string) bool { return strings.EqualFold(t, slug) }); n >= 0 {
			t, _ := f.FindTeam(slug)
			i.Pull.Teams = slices.Delete(i.Pull.Teams, n, n+1)
			f.addEvent(by, i, TimelineEvent{Kind: "review_request_removed", Team: t.Slug})
			f.Emit(&IssueEvent{By: by, Issue: i, Action: "review_request_removed", Team: t})
		}
	}
	return nil
}

// Events of a review, as a request names them.
var reviewStates = map[string]string{"APPROVE": ReviewApproved, "REQUEST_CHANGES": ReviewChangesRequested,
	"COMMENT": ReviewCommented}

// AddReview submits a review; event is APPROVE, REQUEST_CHANGES or COMMENT. An empty commit means the newest.
func (f *Forge) AddReview(by *Actor, i *Issue, event, body, commit string) (*Review, error) {
	if err := f.requireWrite(by, i.repo, "pull_requests"); err != nil {
		return nil, err
	}
	state, ok := reviewStates[event]
	switch {
	case !ok:
		return nil, unprocessable("Variable $event of type PullRequestReviewEvent was provided invalid value")
	case event != "COMMENT" && by.Login == i.Author && event == "APPROVE":
		return nil, unprocessable("Can not approve your own pull request")
	case event == "REQUEST_CHANGES" && by.Login == i.Author:
		return nil, unprocessable("Can not request changes on your own pull request")
	case event != "APPROVE" && strings.TrimSpace(body) == "":
		return nil, unprocessable("Body can't be blank")
	case i.Closed && event != "COMMENT":
		return nil, unprocessable("Can not review a closed pull request")
	}
	if err := validBody("PullRequestReview", body); err != nil {
		return nil, err
	}
	if commit == "" {
		commit = i.Pull.HeadSHA
	} else if !r40(commit) || !i.repo.Git.Ancestors(i.Pull.HeadSHA)[commit] {
		return nil, unprocessable("commit_id is not part of the pull request")
	}
	review := &Review{ID: f.NextID("review"), Author: by.Login, ViaApp: by.ViaApp, Body: body,
		State: state, CommitID: commit, Submitted: f.Now()}
	i.Pull.Reviews = append(i.Pull.Reviews, review)
	i.Pull.Reviewers = slices.DeleteFunc(slices.Clone(i.Pull.Reviewers),
		func(l string) bool { return l == by.Login })
	i.Pull.Teams = slices.DeleteFunc(slices.Clone(i.Pull.Teams), func(slug string) bool {
		t, ok := f.FindTeam(slug)
		return ok && t.HasMember(by.Login)
	})
	e := f.addEvent(by, i, TimelineEvent{Kind: "reviewed", ReviewID: review.ID})
	e.review = review
	f.Emit(&ReviewEvent{By: by, Issue: i, Review: review, Action: "submitted"})
	f.noteMentions(by, i, body)
	return review, nil
}

func r40(sha string) bool { return len(sha) == 40 && isHex(sha) }

// DismissReview takes a review's verdict away.
func (f *Forge) DismissReview(by *Actor, i *Issue, review *Review, message string) error {
	if err := f.Require(by, i.repo, RoleWrite, "pull_requests"); err != nil {
		return err
	}
	if strings.TrimSpace(message) == "" {
		return unprocessable("Message can't be blank")
	}
	if review.State != ReviewApproved && review.State != ReviewChangesRequested {
		return unprocessable("Can not dismiss a " + strings.ToLower(review.State) + " pull request review")
	}
	e := f.addEvent(by, i, TimelineEvent{Kind: "review_dismissed", ReviewID: review.ID, From: review.State,
		To: message})
	e.review = review
	review.State = ReviewDismissed
	f.Emit(&ReviewEvent{By: by, Issue: i, Review: review, Action: "dismissed"})
	return nil
}

// TryMerge reports whether a pull request can be merged without conflicts, and with which tree.
func (f *Forge) TryMerge(i *Issue) (tree string, ok bool) {
	base, ok := i.repo.Git.Branch(i.Pull.Base)
	if !ok {
		return "", false
	}
	return i.repo.mergeOn(base.SHA, i.Pull.HeadSHA)
}

// mergeOn merges one commit into another.
func (r *Repository) mergeOn(into, sha string) (tree string, ok bool) {
	g := r.Git
	head, hasHead := g.Commits[sha]
	base, hasBase := g.Commits[into]
	if !hasHead || !hasBase {
		return "", false
	}
	from := ""
	if common, ok := g.MergeBase(base.SHA, head.SHA); ok {
		from = common.Tree
	}
	tree, conflicts := g.threeWay(from, base.Tree, head.Tree)
	return tree, len(conflicts) == 0
}

// MergeRequest says how to merge a pull request.
type MergeRequest struct {
	Method  string // merge, squash or rebase; each becomes one commit
	Title   string
	Message string
	SHA     string // the head that the caller saw; empty means whatever it is
}

// closingWord finds what a pull request's text closes when it is merged.
var closingWord = regexp.MustCompile(`(?i)\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+((?:[\w.-]+/[\w.-]+)?#\d+)\b`)

// MergePull merges a pull request into its base.
func (f *Forge) MergePull(by *Actor, i *Issue, in MergeRequest) error {
	r, p := i.repo, i.Pull
	if err := f.Require(by, r, RoleWrite, "contents"); err != nil {
		return err
	}
	if p.Draft && !i.Closed {
		return &Error{Status: statusMethodNotAllowed, Message: "Pull Request is still a draft"}
	}
	if i.Closed {
		return &Error{Status: statusMethodNotAllowed, Message: "Pull Request is not mergeable"}
	}
	if in.SHA != "" && in.SHA != p.HeadSHA {
		return &Error{Status: statusConflict,
			Message: "Head branch was modified. Review and try the merge again."}
	}
	tree, ok := f.TryMerge(i)
	if !ok {
		return &Error{Status: statusMethodNotAllowed, Message: "Pull Request is not mergeable"}
	}
	if err := f.checkStatuses(r, "refs/heads/"+p.Base, p.HeadSHA, statusMethodNotAllowed); err != nil {
		return err
	}
	base, _ := r.Git.Branch(p.Base)
	c := &Commit{Tree: tree, Parents: []string{base.SHA}, Author: f.SignatureOf(by.Login),
		Committer: gitHubSignature(f.Now()), Login: by.Login, Verified: true}
	switch in.Method {
	case "", "merge":
		c.Parents = append(c.Parents, p.HeadSHA)
	case "squash", "rebase":
	default:
		return Invalid("PullRequest", "merge_method", "invalid", "")
	}
	c.Message = MergeMessage(i, in.Method)
	if in.Title != "" {
		c.Message = in.Title
		if in.Message != "" {
			c.Message += "\n\n" + in.Message
		}
	}
	sha := r.Git.PutCommit(c)
	f.noteMerge(by, i, sha, base.SHA)
	return nil
}

// noteMerge has a commit be the merge of a pull request.
func (f *Forge) noteMerge(by *Actor, i *Issue, sha, base string) {
	r, p := i.repo, i.Pull
	p.MergedAt, p.MergedBy, p.MergeSHA, p.BaseSHA = f.Now(), by.Login, sha, base
	f.addEvent(by, i, TimelineEvent{Kind: "merged", CommitID: sha})
	f.moveRef(by, r, "refs/heads/"+p.Base, sha)
	f.close(by, i, "", "")
	f.closeMentioned(by, i, sha)
}

// MergeMessage is what a merge's commit says, unless it is asked for something else.
func MergeMessage(i *Issue, method string) string {
	if method == "squash" || method == "rebase" {
		return fmt.Sprintf("%s (#%d)", i.Title, i.Number)
	}
	return fmt.Sprintf("Merge pull request #%d from %s/%s\n\n%s", i.Number, i.repo.Owner, i.Pull.Head, i.Title)
}

// IssuesClosedBy lists the issues that a pull request says it closes.
func (f *Forge) IssuesClosedBy(i *Issue) []*Issue {
	var found []*Issue
	for _, m := range closingWord.FindAllStringSubmatch(withoutInert(i.Body), -1) {
		for _, target := range f.references(i.repo, " "+m[1]) {
			if target.Pull == nil && !slices.Contains(found, target) {
				found = append(found, target)
			}
		}
	}
	return found
}

// closeMentioned closes the issues that the merged pull request says it closes, if it went into the
// default branch.
func (f *Forge) closeMentioned(by *Actor, i *Issue, sha string) {
	if i.Pull.Base != i.repo.DefaultBranch {
		return
	}
	for _, target := range f.IssuesClosedBy(i) {
		if !target.Closed && f.Can(by, target.repo, RoleTriage, "issues") {
			f.close(by, target, "completed", sha)
		}
	}
}

// pullBase is the commit over which a pull request's changes are shown.
func (f *Forge) pullBase(i *Issue) string {
	base := i.Pull.BaseSHA
	if tip, ok := i.repo.Git.Branch(i.Pull.Base); ok && !i.Closed {
		base = tip.SHA
	}
	if c, ok := i.repo.Git.MergeBase(base, i.Pull.HeadSHA); ok {
		return c.SHA
	}
	return base
}

// PullCommits lists a pull request's commits, oldest first.
func (f *Forge) PullCommits(i *Issue) []*Commit {
	commits := i.repo.Git.Log(i.Pull.HeadSHA, f.pullBase(i))
	slices.Reverse(commits)
	return commits
}

// pullChanges is what a pull request changes between two commits, which never changes.
type pullChanges struct {
	base, head string
	list       []Change
}

// PullChanges lists what a pull request changes.
func (f *Forge) PullChanges(i *Issue) []Change {
	head, ok := i.repo.Git.Commits[i.Pull.HeadSHA]
	if !ok {
		return nil
	}
	base := i.Pull.BaseSHA
	if tip, ok := i.repo.Git.Branch(i.Pull.Base); ok && !i.Closed {
		base = tip.SHA
	}
	if known := i.Pull.changed; known != nil && known.base == base && known.head == head.SHA {
		return known.list
	}
	from := ""
	if c, ok := i.repo.Git.Commits[f.pullBase(i)]; ok {
		from = c.Tree
	}
	i.Pull.changed = &pullChanges{base: base, head: head.SHA, list: i.repo.Git.Diff(from, head.Tree)}
	return i.Pull.changed.list
}

// PullsWith lists the pull requests that brought a commit into the repository, and where none did
// those that are open and would.
func (f *Forge) PullsWith(r *Repository, sha string) []*Issue {
	var merged, open []*Issue
	for _, i := range r.Issues {
		switch {
		case i == nil || i.Pull == nil:
		case i.Pull.Merged():
			if i.Pull.MergeSHA == sha || f.hasCommit(i, sha) {
				merged = append(merged, i)
			}
		case !i.Closed && f.hasCommit(i, sha):
			open = append(open, i)
		}
	}
	if len(merged) > 0 {
		return merged
	}
	return open
}

// hasCommit reports whether a commit is one of a pull request's.
func (f *Forge) hasCommit(i *Issue, sha string) bool {
	return slices.ContainsFunc(i.Timeline, func(e *TimelineEvent) bool {
		return e.Kind == "committed" && e.CommitID == sha
	})
}

// MergeState says what keeps a pull request from being merged, in GitHub's words; unknown once it is closed.
func (f *Forge) MergeState(i *Issue) string {
	if i.Closed {
		return "unknown"
	}
	_, ok := f.TryMerge(i)
	switch {
	case !ok:
		return "dirty"
	case i.Pull.Draft:
		return "draft"
	case len(f.MissingStatuses(i)) > 0:
		return "blocked"
	case slices.ContainsFunc(i.repo.CheckRunsOf(i.Pull.HeadSHA, false),
		func(r *CheckRun) bool { return r.Conclusion != "success" }):
		return "unstable"
	}
	return "clean"
}
