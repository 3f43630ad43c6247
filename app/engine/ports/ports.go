// Package ports declares what the engine needs from outside: the types of GitHub, the queue, the
// store, the pager and the customers' channels, and the errors that they return. It has no rule of
// the process.
package ports

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// Queue takes messages for later, or again.
type Queue interface {
	// Enqueue stores m durably; it is handed out at or after at (zero: now), one at a time per
	// m.Ref and in order. A message whose Delivery was stored before is not stored again within
	// three days.
	Enqueue(ctx context.Context, m incident.Message, at time.Time) error
}

// Scheduler keeps one time per incident at which to look again.
type Scheduler interface {
	// Schedule sets the incident's next look; a later call replaces it, the zero time removes it.
	// Setting it twice is one.
	Schedule(ctx context.Context, ref incident.Ref, at time.Time) error
}

// Store stores outside the process what must survive it: each repository's last good configuration
// and the incidents that nobody has answered for, to page people while GitHub is out (I5), and what
// has left for people, so that it leaves once (A4). GitHub stays the truth: what the store loses
// costs little. StoreRetention says how long an entry counts.
type Store interface {
	// Save stores content in place of what was saved by that name, such as
	// "policies/acme/incidents".
	Save(ctx context.Context, name string, content []byte) error
	// Load returns what was saved last by that name; nil if nothing was.
	Load(ctx context.Context, name string) (content []byte, err error)
}

// Claimer is a Store in which one of several processes alone can be first.
type Claimer interface {
	// Claim saves an entry under a name unless there is one, and reports whether it did.
	Claim(ctx context.Context, name string) (isFirst bool, err error)
}

// Clock returns the time.
type Clock interface{ Now() time.Time }

// Pager pages people outside GitHub.
type Pager interface {
	// Page sends one page. The same key is the same page: where the service can, sending it again
	// doesn't page twice. An error that has a method Reached() []string names those of several whom
	// the page reached all the same.
	Page(ctx context.Context, p Page) error
}

// Page is a page to people.
type Page struct {
	Ref incident.Ref
	// the service's deduplication key: owner/repo#number/page/n, and @ with the time when it was due
	// (Unix) where GitHub is out or the number was given before
	Key      string
	To       []string
	Reached  []string // by the service's own names, whom a try before reached that failed for others
	Title    string
	Text     string
	URL      string
	Severity string
	Drill    bool
	Service  incident.Service // by which it goes out
	// where each of To answers without a login who is a person (I8). A link is for its person alone:
	// no message that others read may have it.
	Links map[string]string
	// LinkOf returns the same for a person whom a name of To means, such as a member of a team.
	LinkOf func(login string) string
	// which a mail carries, so that an answer finds the incident; empty: there is none yet
	Tag string

	Test bool // it is a test, and says so
	Way  *Way // the one way of one person to use; nil: all of the first moment
	// Mention mentions a login on the issue. nil: there is no issue, or GitHub is out.
	Mention func(login string) error
	// Missed hears of each way that failed to reach somebody whom another way reached. Several may call it at
	// once; nil: nobody asks.
	Missed func(login, way string, err error)

	Others []incident.Service // settings of the other services, whose accounts people's ways use
}

// Way is a way by which somebody is reached who did not answer before (O3).
type Way struct {
	Login string
	Index int    // among their ways
	Kind  string // "sms", "call", …
	After time.Duration
}

// PersonWays is by which vendors somebody's own ways reach them: each of those may be out (O3).
type PersonWays struct {
	Login   string
	Vendors []string // "twilio", "ntfy", …; one twice has two servers
	Kinds   []string // of each way, in their order
	IsOwn   bool     // they set them on a page of their own
}

// Reacher is a Pager that knows by which ways people are reached.
type Reacher interface {
	// Ways returns the ways of those whom names mean: people as "@login", whether they have any or not, and
	// of teams the people whom it knows.
	Ways(ctx context.Context, s incident.Service, to []string) ([]PersonWays, error)
	// LaterWays returns the ways by which those whom a page is for are reached later, if they don't
	// answer.
	LaterWays(ctx context.Context, s incident.Service, to []string) ([]Way, error)
	// TestPath tries what pages by the ways of these people need, up to the vendors' accounts, and pages nobody. It
	// returns what is wrong.
	TestPath(ctx context.Context, p Page) []error
	// CheckWay reports by an error that a text, as an entry of the secret has it, isn't a way.
	CheckWay(way []byte) error
	// ReachBy reaches one person by a way that no secret has.
	ReachBy(ctx context.Context, p Page, login string, way []byte) error
	// VerifyCall reports by an error that the vendor did not send what somebody pressed on the phone.
	VerifyCall(ctx context.Context, s incident.Service, address string, form url.Values, signature string) error
	// VerifyReceipt reports by an error that nobody confirmed what was pushed.
	VerifyReceipt(ctx context.Context, s incident.Service, receipt string) error
}

// Announcer sends customers what is written for them.
type Announcer interface {
	// Announce sends text by one channel of a customer. The same key is the same message.
	Announce(ctx context.Context, a Announcement) error
}

// Announcement is a text for a customer. Nothing else leaves (A7).
type Announcement struct {
	Key      string
	Customer string
	Channel  incident.Channel
	Service  incident.Service // settings of the channel's kind; Kind alone if there are none
	Text     string
	At       time.Time
	// which a mail carries, so that an answer finds the incident; only the engine can read which
	Tag string
	// Posted hears where it was written in a chat: the channel's id, and the message's. nil: nobody asks.
	Posted func(channel, id string)
}

// ChatReply is an answer to somebody in a chat, which they alone see.
type ChatReply struct {
	Text     string
	IsMarkup bool // Text is in the chat's own markup
	Buttons  []incident.ChatButton
}

// Replier answers people in the chat in which they wrote.
type Replier interface {
	// Reply writes text to an address that the chat gave with the message.
	Reply(ctx context.Context, address, text string) error
	// ReplyWith does the same with more than plain text.
	ReplyWith(ctx context.Context, address string, reply ChatReply) error
}

// Chat is a chat in which incidents have channels (S1).
type Chat interface {
	// Bring brings a channel up to date, and finds or makes it where kept doesn't know it. kept is what
	// the last call kept of it, nil at first; keep stores that again, before and after each change, with the
	// channel's id once that is known: before anybody is invited who may write there. It returns what is known
	// of the channel, with an error too. A *RetryAfter says when to go on.
	Bring(ctx context.Context, c ChatChannel, kept []byte, keep func(kept []byte, id string)) (ChatState, error)
	// Say writes a message, and returns its id.
	Say(ctx context.Context, m ChatMessage) (id string, err error)
	// Change edits the message with m's id, or takes it away where the text is empty. One that
	// somebody deleted is left.
	Change(ctx context.Context, m ChatMessage) error
	// Find returns the id of the message with m's key among the newest ones of its thread or, if it has none,
	// of its channel; "" if there is none. It is for messages whose answer was lost.
	Find(ctx context.Context, m ChatMessage) (id string, err error)
	// Read returns the message with m's id.
	Read(ctx context.Context, m ChatMessage) (ChatHeard, error)
	// EmailOf returns the e-mail address of a member of the workspace; "" if the chat shows none, or they are not of it.
	EmailOf(ctx context.Context, s incident.Service, user string, now time.Time) (string, error)
}

// ChatHeard is a message that somebody wrote in a chat.
type ChatHeard struct {
	User   string // its id
	Text   string // in the chat's markup
	Thread string // the message in whose thread it is; empty: in none
	IsApp  bool   // an app wrote it
	IsGone bool   // nothing is there any more
}

// ChatMessage is a message in a chat.
type ChatMessage struct {
	Service incident.Service
	Channel string
	Thread  string // the message that it answers; empty: none
	Text    string // in the chat's markup
	Key     string // names the message
	Only    string // the id of who alone sees it; empty: everybody there
	ID      string // of one that is there
	Now     time.Time
}

// ChatChannel is what an incident's channel is to be.
type ChatChannel struct {
	Ref      incident.Ref
	Service  incident.Service // the settings of the chat: the name of its secret, and who is who
	Name     string           // as long as nobody else has it
	Purpose  string           // names the incident and no other, for finding the channel again
	IsPublic bool
	IsOver   bool // it is to be archived
	Topic    string
	Text     string   // of the card, where it is shown in a line
	Card     []string // sections of the card, in the chat's markup
	Buttons  []incident.ChatButton
	Links    []incident.Link
	Members  []string // logins
	Now      time.Time
}

// ChatState is what a chat says of a channel.
type ChatState struct {
	ID, Name, URL string
	IsArchived    bool
}

// Written is a comment or an issue by the app, as GitHub shows it.
type Written struct {
	Number    int // of an issue; 0: of a comment or a pull request
	Body      string
	IsComment bool
	Created   time.Time
	Updated   time.Time
}

// IsMarked reports whether the app wrote something with one of its marks. It is asked about nobody
// else's words.
type IsMarked func(Written) bool

// Once says how a comment is posted that must not be there twice.
type Once struct {
	Is IsMarked // finds it among the others; nil: it can't be there, and nobody looks
	// IsTried says that it was posted a short time ago, perhaps. Then a list that lacks some of the comments that its
	// issue counts shows nothing: that is an ErrBehind.
	IsTried bool
}

// Ticket is an issue that a follow-up became.
type Ticket struct {
	Ref       incident.Ref // its present name
	ID        int64
	Own       bool // this app opened it
	Created   time.Time
	Updated   time.Time
	Open      bool
	Gone      bool
	Body      string
	Assignees []string
}

// NewIssue is an issue to open.
type NewIssue struct {
	Title     string
	Body      string
	Labels    []string
	Assignees []string
	// Parent is the issue of which it is going to be a sub-issue; the zero value: of none.
	Parent incident.Ref
}

// IssueEdit is a change of an issue.
type IssueEdit struct {
	Body string
	// State is "open" or "closed"; empty: it stays as it is.
	State string
}

// CheckRun is what a check says of a commit.
type CheckRun struct {
	Commit  string
	Name    string
	Passed  bool
	Title   string
	Summary string // Markdown
	Notes   []Note
	// IsOfDocument is set where the commit is of a postmortem's pull request.
	IsOfDocument bool `json:"-"`
	IsFirst      bool `json:"-"` // its pull request was opened just now: the commit has no check yet
}

// Note is what a check says of lines of a file.
type Note struct {
	Path          string
	Line, EndLine int // from 1
	Warning       bool
	Title, Text   string
}

// Publication is a branch with one commit and its pull request.
type Publication struct {
	Branch    string
	Files     map[string]string // path → content
	Message   string
	Title     string
	Body      string
	Reviewers []string // logins: one that GitHub refuses must not lose the others
	Teams     []string // slugs
	Ground    Ground
}

// Ground is what a branch is made on. The zero value says nothing.
type Ground struct {
	Repository string // its id for GraphQL
	Base       string // the default branch
	Head       string // its commit
}

// OpenedPull is a pull request that was opened, or found.
type OpenedPull struct {
	Number int
	// Commit has the files as they were given, on a branch that was made for it just now; empty: the branch
	// was there, and people may have written on it.
	Commit string
	Base   string // the branch into which it is merged; empty with Commit
}

// Pull is a pull request's state.
type Pull struct {
	Number   int
	Branch   string
	Head     string // commit
	Base     string // branch
	Merged   bool
	MergedAt time.Time
	MergedBy string
	Open     bool
	ByApp    bool
	Updated  time.Time
}

// Snapshot is an issue as one look found it.
type Snapshot struct {
	Ref       incident.Ref // its present name
	ID        int64
	Title     string
	Body      string
	Author    string
	AuthorBot bool
	Own       bool // this app opened it
	Created   time.Time
	Updated   time.Time
	URL       string
	Pull      bool // it is a pull request
	Locked    bool
	Gone      bool // it can't be found: it was deleted or transferred, or the App lost its access
	// Refused is GitHub's answer where the issue is Gone; nil: it answered with another issue.
	Refused   *Refusal
	Open      bool
	Reason    string // GitHub's state_reason
	Labels    []string
	Assignees []string
	Comments  int

	Card  *Card  // nil: there is none
	Items []Item // the timeline after the cursor and what else stood on the page, in GitHub's order
	First int    // position of Items[0] in the timeline
	Whole bool   // Items is the whole timeline
}

// Card is the app's card.
type Card struct {
	ID      int64
	Body    string
	Pinned  bool
	Updated time.Time // zero: not known
}

// Item is one item of a timeline.
type Item struct {
	ID      string // "c<comment>" or "e<event>"
	Event   string // "commented", "labeled", …
	At      time.Time
	Updated time.Time // of a comment, when it was edited last, or written
	By      string
	Bot     bool
	Own     bool // by this app
	Body    string
	Edited  bool
	Label   string
	Login   string // assigned or unassigned
	Comment int64
	URL     string
	Reacted bool   // it carries one of the reactions that the app adds
	Refused bool   // one of those that say no: the app's, or anybody's
	Was     string // renamed: the title before
}

// RetryAfter is an error that says when to try again: a rate limit, or an outage with a
// Retry-After.
type RetryAfter struct {
	Until      time.Time
	Err        error
	IsReserved bool // room is kept for that time: whoever comes later finds it gone
	IsIdle     bool // nothing was done for the message: what repeats it may still be counted with it
}

func (l *RetryAfter) Error() string {
	return "come back at " + l.Until.UTC().Format(time.RFC3339) + ": " + l.Err.Error()
}

// Unwrap returns the cause.
func (l *RetryAfter) Unwrap() error { return l.Err }

// ErrUnavailable is returned when GitHub could not be reached or failed. Trying again helps,
// however long it takes.
var ErrUnavailable = errors.New("GitHub is not available")

// ErrLimited is the cause of a *RetryAfter when GitHub takes no more calls for now.
var ErrLimited = errors.New("GitHub limits the rate")

// ErrNotYet is the cause of a *RetryAfter for what GitHub is going to have in a moment: its
// replicas lag behind its webhooks, and a token that was made just now may lack its permissions.
var ErrNotYet = errors.New("GitHub does not have it yet")

// ErrBehind is returned where a list of GitHub's is known to lack something: what it does not show may be there.
var ErrBehind = errors.New("GitHub's list is behind")

// ErrRuled is returned where a branch takes changes by pull requests alone.
var ErrRuled = errors.New("the branch takes changes by pull requests alone")

// ErrNotMerged is the kind of a Refusal to take back a pull request that was never merged.
var ErrNotMerged = errors.New("not merged")

// ErrNoAccess is the kind of a Refusal that says that the app can't see something or may not write
// there: it is not installed, or issues are off (403, 404, 410).
var ErrNoAccess = errors.New("no access")

// Refusal is returned when GitHub refuses a request for good: with a 4xx status that is not a rate
// limit. Sending the same request again soon returns the same answer, so somebody has to hear of it
// (A8).
type Refusal struct {
	Status int    // HTTP status, such as 422
	Reason string // GitHub's own words, on one line
	Err    error

	// NotInstalled is set where the App isn't installed, or not any more: it was removed or
	// suspended, or was not given the repository.
	NotInstalled bool
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("GitHub refuses it (%d): %s", r.Status, r.Reason)
}

// Unwrap returns the client's error.
func (r *Refusal) Unwrap() error { return r.Err }

// Moved is the error of a write to a branch that has another head than was known: what was read of
// its pull request is behind, or somebody pushed in between.
type Moved struct {
	Head string // of the branch, now; the same as was known where GitHub's reads are behind
	Err  error  // how GitHub refused the write
}

func (m *Moved) Error() string { return m.Err.Error() }

// Unwrap returns the refusal.
func (m *Moved) Unwrap() error { return m.Err }

// Is reports whether target is ErrNoAccess and the status says so.
func (r *Refusal) Is(target error) bool {
	return target == ErrNoAccess && (r.Status == 403 || r.Status == 404 || r.Status == 410)
}
