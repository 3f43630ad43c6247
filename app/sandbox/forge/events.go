package forge

import "slices"

// Event is something that happened and of which GitHub sends webhooks. Its fields refer to the
// model itself, so it is rendered while it is emitted, before the model changes again. Actions are
// GitHub's words.
// https://docs.github.com/en/webhooks/webhook-events-and-payloads
type Event interface{ isEvent() }

// IssueEvent is a change of an issue or, when the issue has a Pull, of a pull request. The fields
// after Action are set where the action has them.
type IssueEvent struct {
	By     *Actor
	Issue  *Issue
	Action string

	Label           *Label  // labeled, unlabeled
	Assignee        string  // assigned, unassigned
	Reviewer        string  // review_requested, review_request_removed: a person,
	Team            *Team   // or a team
	Was             Changes // edited
	Before, After   string  // synchronize: the head's commits
	TransferredFrom *Issue  // opened by a transfer: the issue as it was
}

// Changes are the values that an edit replaced; nil is what it left alone.
type Changes struct {
	Title, Body   *string
	Base, BaseSHA *string // branch and commit of a pull request
}

// TransferEvent is a transfer of an issue to another repository, where Issue is what Before was.
type TransferEvent struct {
	By            *Actor
	Before, Issue *Issue
}

// CommentEvent is a change of a comment.
type CommentEvent struct {
	By      *Actor
	Comment *Comment
	Action  string
	Was     Changes // edited
}

// ReviewEvent is a change of a review of a pull request.
type ReviewEvent struct {
	By     *Actor
	Issue  *Issue
	Review *Review
	Action string
}

// CheckRunEvent is a change of a check run, or the press of one of its buttons.
type CheckRunEvent struct {
	By         *Actor
	Repository *Repository
	Run        *CheckRun
	Action     string
	Identifier string // requested_action: the button's
}

// StatusEvent is a new commit status.
type StatusEvent struct {
	By         *Actor
	Repository *Repository
	Status     *Status
}

// SubIssueEvent is the beginning or the end of the relation between two issues: Action is added or removed.
type SubIssueEvent struct {
	By            *Actor
	Parent, Child *Issue
	Action        string
}

// RefEvent is the creation or deletion of a branch or tag.
type RefEvent struct {
	By         *Actor
	Repository *Repository
	Ref        string // refs/heads/main
	Deleted    bool
}

// PushEvent is a move of a branch or tag; Before is empty when it is new, After when it is gone.
type PushEvent struct {
	By            *Actor
	Repository    *Repository
	Ref           string
	Before, After string
}

// RepositoryEvent is a change of a repository itself.
type RepositoryEvent struct {
	By         *Actor
	Repository *Repository
	Action     string
	WasName    string // renamed
}

// DeploymentEvent is a new deployment, or a new status of one.
type DeploymentEvent struct {
	By         *Actor
	Repository *Repository
	Deployment *Deployment
	Status     *DeploymentStatus // nil: the deployment is new
}

// ReleaseEvent is a change of a release.
type ReleaseEvent struct {
	By         *Actor
	Repository *Repository
	Release    *Release
	Action     string
}

// RunEvent is the begin or the end of a workflow's run.
type RunEvent struct {
	By         *Actor
	Repository *Repository
	Run        *WorkflowRun
	Action     string // requested, completed
}

// DispatchEvent is a repository_dispatch, whose action and payload are its sender's own.
type DispatchEvent struct {
	By         *Actor
	Repository *Repository
	Action     string
	Payload    map[string]any
}

// OrganizationEvent is a change of the organization's login.
type OrganizationEvent struct {
	By       *Actor
	WasLogin string
}

// InstallationEvent is a change of the App's installation. It is emitted before a deletion and
// after any other change.
type InstallationEvent struct {
	By     *Actor
	Action string
}

// PingEvent is the first webhook of an App that was registered.
type PingEvent struct{ App *Registration }

func (*IssueEvent) isEvent()        {}
func (*TransferEvent) isEvent()     {}
func (*CommentEvent) isEvent()      {}
func (*ReviewEvent) isEvent()       {}
func (*CheckRunEvent) isEvent()     {}
func (*StatusEvent) isEvent()       {}
func (*SubIssueEvent) isEvent()     {}
func (*RefEvent) isEvent()          {}
func (*PushEvent) isEvent()         {}
func (*RepositoryEvent) isEvent()   {}
func (*DispatchEvent) isEvent()     {}
func (*DeploymentEvent) isEvent()   {}
func (*ReleaseEvent) isEvent()      {}
func (*RunEvent) isEvent()          {}
func (*OrganizationEvent) isEvent() {}
func (*InstallationEvent) isEvent() {}
func (*PingEvent) isEvent()         {}

// snapshot returns a copy of the issue that stays as it is now when the issue is transferred.
func (i *Issue) snapshot() *Issue {
	was := *i
	was.Labels, was.Assignees = slices.Clone(i.Labels), slices.Clone(i.Assignees)
	return &was
}
