package sandbox

import "slices"

// event is something that happened and of which GitHub sends webhooks. Its fields refer to the model itself, so it is
// rendered while it is emitted, before the model changes again. Actions are GitHub's words.
// https://docs.github.com/en/webhooks/webhook-events-and-payloads
type event interface{ isEvent() }

// issueEvent is a change of an issue or, when the issue has a Pull, of a pull request. The fields after Action are set
// where the action has them.
type issueEvent struct {
	By     *Actor
	Issue  *Issue
	Action string

	Label           *Label  // labeled, unlabeled
	Assignee        string  // assigned, unassigned
	Reviewer        string  // review_requested, review_request_removed: a person,
	Team            *Team   // or a team
	Was             changes // edited
	Before, After   string  // synchronize: the head's commits
	TransferredFrom *Issue  // opened by a transfer: the issue as it was
}

// changes are the values that an edit replaced; nil is what it left alone.
type changes struct {
	Title, Body   *string
	Base, BaseSHA *string // branch and commit of a pull request
}

// transferEvent is a transfer of an issue to another repository, where Issue is what Before was.
type transferEvent struct {
	By            *Actor
	Before, Issue *Issue
}

// commentEvent is a change of a comment.
type commentEvent struct {
	By      *Actor
	Comment *Comment
	Action  string
	Was     changes // edited
}

// reviewEvent is a change of a review of a pull request.
type reviewEvent struct {
	By     *Actor
	Issue  *Issue
	Review *Review
	Action string
}

// checkRunEvent is a change of a check run, or the press of one of its buttons.
type checkRunEvent struct {
	By         *Actor
	Repository *Repository
	Run        *CheckRun
	Action     string
	Identifier string // requested_action: the button's
}

// statusEvent is a new commit status.
type statusEvent struct {
	By         *Actor
	Repository *Repository
	Status     *Status
}

// subIssueEvent is the beginning or the end of the relation between two issues: Action is added or removed.
type subIssueEvent struct {
	By            *Actor
	Parent, Child *Issue
	Action        string
}

// refEvent is the creation or deletion of a branch or tag.
type refEvent struct {
	By         *Actor
	Repository *Repository
	Ref        string // refs/heads/main
	Deleted    bool
}

// pushEvent is a move of a branch or tag; Before is empty when it is new, After when it is gone.
type pushEvent struct {
	By            *Actor
	Repository    *Repository
	Ref           string
	Before, After string
}

// repositoryEvent is a change of a repository itself.
type repositoryEvent struct {
	By         *Actor
	Repository *Repository
	Action     string
	WasName    string // renamed
}

// dispatchEvent is a repository_dispatch, whose action and payload are its sender's own.
type dispatchEvent struct {
	By         *Actor
	Repository *Repository
	Action     string
	Payload    map[string]any
}

// organizationEvent is a change of the organization's login.
type organizationEvent struct {
	By       *Actor
	WasLogin string
}

// installationEvent is a change of the App's installation. It is emitted before a deletion and after any other change.
type installationEvent struct {
	By     *Actor
	Action string
}

// pingEvent is the first webhook of an App that was registered.
type pingEvent struct{ App *registration }

func (*issueEvent) isEvent()        {}
func (*transferEvent) isEvent()     {}
func (*commentEvent) isEvent()      {}
func (*reviewEvent) isEvent()       {}
func (*checkRunEvent) isEvent()     {}
func (*statusEvent) isEvent()       {}
func (*subIssueEvent) isEvent()     {}
func (*refEvent) isEvent()          {}
func (*pushEvent) isEvent()         {}
func (*repositoryEvent) isEvent()   {}
func (*dispatchEvent) isEvent()     {}
func (*organizationEvent) isEvent() {}
func (*installationEvent) isEvent() {}
func (*pingEvent) isEvent()         {}

// snapshot returns a copy of the issue that stays as it is now when the issue is transferred.
func (i *Issue) snapshot() *Issue {
	was := *i
	was.Labels, was.Assignees = slices.Clone(i.Labels), slices.Clone(i.Assignees)
	return &was
}
