package forge

import (
	"fmt"
	"strings"
	"time"
)

// Kinds of account, as GitHub names them.
const (
	KindUser         = "User"
	KindBot          = "Bot"
	KindOrganization = "Organization"
)

// User is an account: a person, an organization or an app's bot. Accounts are referred to by login
// everywhere in the model.
type User struct {
	ID      int64
	Login   string
	Kind    string // KindUser, KindBot or KindOrganization
	Name    string
	Email   string
	Created time.Time

	Suspended bool `json:",omitempty"`
	// DomainEmails are those of its verified e-mail addresses whose domain the organization has verified.
	DomainEmails []string `json:",omitempty"`
}

// Team is a group of people in the organization.
type Team struct {
	ID          int64
	Org         string
	Slug        string
	Name        string
	Description string
	Members     []string // logins, in the order in which they joined
	Created     time.Time
}

// The roles of a repository.
const (
	RoleNone Role = iota
	RoleRead
	RoleTriage
	RoleWrite
	RoleMaintain
	RoleAdmin
)

// Repository holds everything of one repository: labels, issues, pull requests, git objects, checks.
type Repository struct {
	ID            int64
	Owner         string // login of the organization
	Name          string
	Description   string
	Private       bool
	DefaultBranch string
	Created       time.Time
	Updated       time.Time
	Pushed        time.Time
	People        map[string]Role   // direct access, by login
	Teams         map[string]Role   // access of teams, by slug
	RoleNames     map[string]string `json:",omitempty"` // the organization's own roles, by login; People has their bases
	Labels        []*Label
	Issues        []*Issue // issues and pull requests; number n is at n-1; nil where one was deleted
	Git           *Git
	CheckSuites   []*CheckSuite
	CheckRuns     []*CheckRun
	Statuses      []*Status
	Moved         map[int]int64     `json:",omitempty"` // transferred issues: id by the number that they had here
	Archived      bool              `json:",omitempty"` // it can only be read
	NoIssues      bool              `json:",omitempty"` // issues are disabled
	Ruled         bool              `json:",omitempty"` // the default branch is changed by pull requests alone
	Emptied       *Git              `json:",omitempty"` // what was in it before it was emptied
	Deployments   []*Deployment     `json:",omitempty"` // oldest first
	Releases      []*Release        `json:",omitempty"` // oldest first
	Runs          []*WorkflowRun    `json:",omitempty"` // oldest first
	Rulesets      []*Ruleset        `json:",omitempty"` // oldest first
	Gated         []string          `json:",omitempty"` // environments with a deployment protection rule of the App
	Queue         []int             `json:",omitempty"` // pull requests in the merge queue, in its order
	Properties    map[string]string `json:",omitempty"` // custom ones, by name

	open     int // open issues and pull requests
	revision int // counts the changes of the repository itself
}

// OpenIssues returns how many issues and pull requests are open.
func (r *Repository) OpenIssues() int { return r.open }

// Revision counts the changes of what is shown of the repository itself.
func (r *Repository) Revision() int { return r.revision }

// revise notes that what is shown of the repository itself changed.
func (r *Repository) revise() { r.revision++ }

// countOpen adds to the count of open issues and pull requests.
func (r *Repository) countOpen(n int) {
	r.open += n
	r.revise()
}

// Visibility is private or public.
func (r *Repository) Visibility() string {
	if r.Private {
		return "private"
	}
	return "public"
}

// FullName is owner/name.
func (r *Repository) FullName() string { return r.Owner + "/" + r.Name }

// Label is a label of a repository.
type Label struct {
	ID          int64
	Name        string
	Color       string // six hex digits, no #
	Description string
	Default     bool
}

// Issue is an issue or, when Pull is set, a pull request.
type Issue struct {
	ID          int64
	Number      int
	Title       string
	Body        string
	Author      string
	ViaApp      bool // written with an installation token
	Closed      bool
	StateReason string // completed, not_planned, duplicate, reopened or empty
	DuplicateOf int64  // id of the canonical issue
	Locked      bool
	Converted   bool   `json:",omitempty"` // to a discussion
	LockReason  string `json:",omitempty"` // off-topic, too heated, resolved, spam or empty
	Created     time.Time
	Updated     time.Time
	ClosedAt    time.Time // zero while open
	ClosedBy    string
	Labels      []*Label
	Assignees   []string // logins
	Comments    []*Comment
	Timeline    []*TimelineEvent // everything that happened, comments and reviews included, oldest first
	Reactions   []*Reaction
	Pinned      int64 // id of the pinned comment, 0 when none
	SubIssues   []int64
	Parent      int64 // id of the issue that this one is a sub-issue of
	Pull        *PullRequest

	repo     *Repository
	mentions map[TimelineEvent]bool // of people and by issues, that the timeline has; see isNews
}

// Repo is the repository in which the issue is.
func (i *Issue) Repo() *Repository { return i.repo }

// Ref is owner/repo#number.
func (i *Issue) Ref() string { return fmt.Sprintf("%s#%d", i.repo.FullName(), i.Number) }

// State is open or closed.
func (i *Issue) State() string {
	if i.Closed {
		return "closed"
	}
	return "open"
}

// HasLabel reports whether the issue carries the label; case does not matter.
func (i *Issue) HasLabel(name string) bool {
	for _, l := range i.Labels {
		if strings.EqualFold(l.Name, name) {
			return true
		}
	}
	return false
}

// HasAssignee reports whether the person is assigned; case does not matter.
func (i *Issue) HasAssignee(login string) bool {
	for _, a := range i.Assignees {
		if strings.EqualFold(a, login) {
			return true
		}
	}
	return false
}

// Comment is a comment on an issue or on a pull request's conversation.
type Comment struct {
	ID        int64
	Author    string
	ViaApp    bool
	Body      string
	Created   time.Time
	Updated   time.Time
	EditedBy  string // who changed the body last, empty when nobody did
	Reactions []*Reaction
	PinnedAt  time.Time // zero when not pinned
	PinnedBy  string

	issue *Issue
}

// Issue is the issue or pull request under which the comment is.
func (c *Comment) Issue() *Issue { return c.issue }

// Edited reports whether the body was changed after it was posted.
func (c *Comment) Edited() bool { return c.EditedBy != "" }

// Reaction is one person's reaction.
type Reaction struct {
	ID      int64
	User    string
	Content string // +1 -1 laugh confused heart hooray rocket eyes
	Created time.Time
}

// PullRequest is what a pull request has beyond an issue.
type PullRequest struct {
	ID        int64
	Head      string // branch
	Base      string // branch
	HeadSHA   string // last known tip of the head branch
	BaseSHA   string // tip of the base branch when opened or last retargeted
	Draft     bool
	MergedAt  time.Time // zero when not merged
	MergedBy  string
	MergeSHA  string
	Reviewers []string // logins asked and still to answer
	Teams     []string // slugs of teams asked
	Reviews   []*Review
	AutoMerge *AutoMerge  `json:",omitempty"` // nil: it is merged by hand
	Queued    *QueueEntry `json:",omitempty"` // nil: it is in no merge queue

	changed *pullChanges // what it changes, once somebody asked
}

// Merged reports whether the pull request was merged.
func (p *PullRequest) Merged() bool { return !p.MergedAt.IsZero() }

// States of a review, as REST writes them.
const (
	ReviewApproved         = "APPROVED"
	ReviewChangesRequested = "CHANGES_REQUESTED"
	ReviewCommented        = "COMMENTED"
	ReviewDismissed        = "DISMISSED"
)

// Review is a submitted review of a pull request.
type Review struct {
	ID        int64
	Author    string
	ViaApp    bool
	Body      string
	State     string // ReviewApproved, …
	CommitID  string
	Submitted time.Time
}

// CheckSuite gathers the app's check runs on one commit.
type CheckSuite struct {
	ID      int64
	HeadSHA string
	Branch  string
	Created time.Time
	Updated time.Time
}

// CheckRun is one check by the app on one commit.
type CheckRun struct {
	ID          int64
	Suite       int64
	Name        string
	HeadSHA     string
	ExternalID  string
	DetailsURL  string
	Status      string // queued, in_progress, completed
	Conclusion  string // success, failure, neutral, … once completed
	Started     time.Time
	Completed   time.Time
	Title       string
	Summary     string
	Text        string
	Annotations []Annotation
	Actions     []CheckAction
}

// Annotation points a check's finding at lines of a file. It is written as GitHub reads and answers it.
type Annotation struct {
	Path        string `json:"path"`
	StartLine   int    `json:"start_line"`
	EndLine     int    `json:"end_line"`
	StartColumn *int   `json:"start_column"`
	EndColumn   *int   `json:"end_column"`
	Level       string `json:"annotation_level"`
	Message     string `json:"message"`
	Title       string `json:"title"`
	RawDetails  string `json:"raw_details"`
}

// CheckAction is a button that a check run shows.
type CheckAction struct {
	Label       string `json:"label"`
	Description string `json:"description"`
	Identifier  string `json:"identifier"`
}

// Status is a commit status (the older kind of check).
type Status struct {
	ID          int64
	SHA         string
	Context     string
	State       string // error, failure, pending, success
	Description string
	TargetURL   string
	Creator     string
	Created     time.Time
}

// OutboxEntry is a message that left for people outside GitHub. What arrives again with its kind
// and key is counted with it: a pager would drop it, a mail server would not.
type OutboxEntry struct {
	Kind    string `json:"kind"` // page or announce
	Channel string `json:"channel"`
	To      string `json:"to"`
	Text    string `json:"text"`
	Key     string `json:"key"`
	URL     string `json:"url,omitempty"`
	// Links are where people of To answer without a login, by @login.
	Links   map[string]string `json:"links,omitempty"`
	At      time.Time         `json:"at"`
	Count   int               `json:"count"` // how often it arrived: 1, and once more for each of Repeats
	Repeats []Repeat          `json:"repeats,omitempty"`
}

// Repeat is a message that arrived again.
type Repeat struct {
	To   string    `json:"to"`
	Text string    `json:"text"`
	At   time.Time `json:"at"`
}
