package engine

import (
	"context"

	"github.com/firebreak-dev/firebreak/app/engine/effects"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// The core's types that the engine's callers need: the webhook makes them and links no engine.
type (
	// Message is a reference to an issue, and what happened there.
	Message = incident.Message
	// Comment is a comment of a person's.
	Comment = incident.Comment
)

// What the engine needs of the world around it, by the names of package ports.
type (
	Queue        = ports.Queue
	Scheduler    = ports.Scheduler
	Store        = ports.Store
	Claimer      = ports.Claimer
	Clock        = ports.Clock
	Pager        = ports.Pager
	Page         = ports.Page
	Way          = ports.Way
	PersonWays   = ports.PersonWays
	Reacher      = ports.Reacher
	Announcer    = ports.Announcer
	Announcement = ports.Announcement
	Replier      = ports.Replier
	ChatReply    = ports.ChatReply
	Chat         = ports.Chat
	ChatChannel  = ports.ChatChannel
	ChatState    = ports.ChatState
	ChatMessage  = ports.ChatMessage
	ChatHeard    = ports.ChatHeard
	RateBudget   = ports.RateBudget
	Written      = ports.Written
	IsMarked     = ports.IsMarked
	Ticket       = ports.Ticket
	NewIssue     = ports.NewIssue
	IssueEdit    = ports.IssueEdit
	CheckRun     = ports.CheckRun
	Note         = ports.Note
	Publication  = ports.Publication
	Pull         = ports.Pull
	Snapshot     = ports.Snapshot
	Card         = ports.Card
	Item         = ports.Item
	RetryAfter   = ports.RetryAfter
	Refusal      = ports.Refusal
	Moved        = ports.Moved
	Urgency      = ports.Urgency
)

// The errors of package ports.
var (
	ErrUnavailable = ports.ErrUnavailable
	ErrLimited     = ports.ErrLimited
	ErrNotYet      = ports.ErrNotYet
	ErrNoAccess    = ports.ErrNoAccess
)

// The urgencies of package ports, the least first.
const (
	UrgencyNudge  = ports.UrgencyNudge
	UrgencyTicket = ports.UrgencyTicket
	UrgencyCard   = ports.UrgencyCard
	UrgencyAnswer = ports.UrgencyAnswer
	UrgencyPage   = ports.UrgencyPage
	Urgencies     = ports.Urgencies
)

// WithUrgency returns a context whose requests to GitHub are that urgent.
func WithUrgency(ctx context.Context, u Urgency) context.Context { return ports.WithUrgency(ctx, u) }

// UrgencyOf returns how urgent the requests of a context are: as an answer where nothing is said.
func UrgencyOf(ctx context.Context) Urgency { return ports.UrgencyOf(ctx) }

// GitHub is what the engine needs of GitHub: what it observes, and what each kind of effect needs.
// Every method returns an error that says where it failed; a *RetryAfter says when to try again
// instead.
type GitHub interface {
	IssueReader
	IncidentFinder
	People
	Repositories
	PullRequestReader
	CardWriter

	effects.LabelsAPI
	effects.AssigneesAPI
	effects.OpenStateAPI
	effects.CommentsAPI
	effects.ReactionsAPI
	effects.IssuesAPI
	effects.UpdatesAPI
	effects.TicketsAPI
	effects.PostmortemAPI
	effects.ChangesAPI
	effects.SimilarAPI
	effects.RevertsAPI
	effects.RunsAPI
	effects.FreezesAPI
	effects.CoversAPI
	// IsMember reports whether somebody is in one of some teams of ref's organisation.
	IsMember(ctx context.Context, ref incident.Ref, login string, teams []string) (bool, error)
	effects.RunbookAPI
	effects.OwnersAPI
}

// IssueReader reads issues with their cards and timelines.
type IssueReader interface {
	// ReadIssue reads the issue, its card and the timeline after the card's cursor: 2 calls when
	// the card is in order, however long the timeline is. open returns the cursor that a card's
	// body holds, or false if the card is not in order; then the whole timeline is read. issue is
	// what was read of the issue by then. Of an issue that has another name by now, as it was
	// transferred or its repository renamed, as much is read as by PeekIssue, and the snapshot has
	// that name.
	ReadIssue(ctx context.Context, ref incident.Ref, open func(issue *Snapshot,
		body string) (incident.Cursor, bool)) (*Snapshot, error)
	// ReadTimeline reads the whole timeline, 100 items a call.
	ReadTimeline(ctx context.Context, ref incident.Ref) ([]Item, error)
	// PeekIssue reads an issue with its pinned card and nothing of its timeline: 1 call. There is
	// no card where the server pins none, or where the issue has another name by now.
	PeekIssue(ctx context.Context, ref incident.Ref) (*Snapshot, error)
	// IssueURL returns where people read an issue.
	IssueURL(ref incident.Ref) string
}

// IncidentFinder finds incidents that the app opened, by their marks.
type IncidentFinder interface {
	// FindIncident returns the open incident in repo ("owner/repo") that is marked; 0 if there is
	// none.
	FindIncident(ctx context.Context, repo string, is IsMarked) (number int, err error)
	// FindFolded returns the marked one of the newest closed incidents in repo, if it was closed as
	// a duplicate; 0 if there is none. It makes 1 call.
	FindFolded(ctx context.Context, repo string, is IsMarked) (number int, err error)
}

// People answers who may do what.
type People interface {
	// CanRespond reports whether login may respond: by write access, or as a member of one of the
	// teams. Answers are kept for five minutes.
	CanRespond(ctx context.Context, ref incident.Ref, login string, teams []string) (bool, error)
	// FindByEmail returns which members of ref's organisation have a verified e-mail address in a domain that it has
	// verified, in lower case. There are none where the organisation does not show it. Answers are kept for some
	// minutes.
	FindByEmail(ctx context.Context, ref incident.Ref, email string) (logins []string, err error)
	// HasTeam reports whether the organisation of ref has a team with that slug. Answers are kept
	// for five minutes.
	HasTeam(ctx context.Context, ref incident.Ref, slug string) (bool, error)
}

// Repositories reads what belongs to a repository.
type Repositories interface {
	// ReadFile reads a file of the default branch; ok is false if there is none. Answers are kept
	// for a minute.
	ReadFile(ctx context.Context, ref incident.Ref, path string) (content []byte, ok bool, err error)
	// RepositoryID returns the id, which stays whatever the name is, of the repository to which the
	// name of ref leads.
	RepositoryID(ctx context.Context, ref incident.Ref) (int64, error)
}

// PullRequestReader reads the postmortem's pull request.
type PullRequestReader interface {
	// FindPullRequest returns the open or merged pull request of a branch of the repository's own;
	// 0 if there is none.
	FindPullRequest(ctx context.Context, ref incident.Ref, branch string) (number int, err error)
	// ReadReviews returns who approves of a pull request and who asks for changes: of each person
	// the newest review counts that says one of them.
	ReadReviews(ctx context.Context, ref incident.Ref, number int) (approved, changes []string, err error)
}

// CardWriter pins the card. It is written as a comment.
type CardWriter interface {
	PinComment(ctx context.Context, ref incident.Ref, id int64) error
}
