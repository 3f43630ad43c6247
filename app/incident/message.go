package incident

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"
)

// Message asks to look at an issue again: a reference, what causes it, and where it came from.
type Message struct {
	Ref Ref
	// What is what the message brings; nil counts as Refresh.
	What Request
	// Why names what caused it: a GitHub event ("issue_comment.created"), "clock", "sweep".
	Why string
	// Delivery is GitHub's id of the delivery, for the log and for deduplication; empty for a timer.
	Delivery string
	// Was is a name that the issue had until GitHub said that it is Ref by now; the zero value if none.
	Was Ref
	// Repository is the id of Ref's repository, as a webhook said; 0 if it has to be looked up.
	Repository int64
	// Floor is what a webhook proves; nil for everything else.
	Floor *Floor
	// Due is the time that a clock message was set for.
	Due time.Time
	// Again is the time for which a queue sent a message again that had to wait.
	Again time.Time
}

// Request is what a message brings. The set is closed: Refresh, CardEdited, Comment, PullChanged,
// CustomerAnswer, Tick, Ticket, Ack, PageAnswer, Signal, Fold, Removed, PutAside, ConfigPush, Deployed,
// RunEnded, QueueChanged, GateAsked, Sweep, Sought, Found, ChatSync, ChatSynced, ChatSaid, ChatAnswer,
// ChatLines, ChatPin, ChatWords, ChatMirror, ChatWho, SelfTests.
type Request interface{ request() }

type (
	// Refresh only asks for a look.
	Refresh struct {
		// Issue is what the issue says, as GitHub signed it, of a webhook by which it became an
		// incident; nil for all others.
		Issue *Issue
	}
	// CardEdited says that somebody else edited a comment of the app's own. If that was the card,
	// it may be one that the app signed for this incident earlier: the look goes by the timeline
	// instead.
	CardEdited struct{}
	// PullChanged says that a postmortem's pull request changed: its number in Ref's repository.
	PullChanged struct{ Number int }
	// Ticket says that somebody changed the ticket of the follow-up at Index.
	Ticket struct{ Index int }
	// ConfigPush asks to check the configuration of a commit. Ref has no number.
	ConfigPush struct{ Commit string }
	// Deployed says that a deployment of Ref's repository succeeded. Ref has no number.
	Deployed struct {
		Environment string `json:"environment,omitempty"`
	}
	// RunEnded says that a run of a workflow ended in Ref's repository, which the app started. Ref has
	// no number.
	RunEnded struct{ ID int64 }
	// QueueChanged says that the merge queue of a repository, owner/repo, is about to merge something. Ref
	// is that repository, without a number, and then each incident that has it frozen.
	QueueChanged struct{ Repo string }
	// GateAsked says that deployments of Ref's repository wait for the app's word. Ref has no number.
	GateAsked struct {
		Run         int64  `json:"run,omitempty"` // of a workflow; 0: whichever wait
		Environment string `json:"environment,omitempty"`
	}
	// Sweep asks for a look at each open incident of Ref's repository or, where Ref names none, of
	// an installation. Ref has no number.
	Sweep struct {
		Installation int64     // the App's installation that GitHub named
		At           time.Time // when what Why names happened
	}
	// SelfTests asks to test what reaches people, in all repositories of Ref's owner where that is due. Ref has
	// no number and no repository.
	SelfTests struct{}
	// Signal is what a source said. Ref has no number until its incident is known.
	Signal struct {
		// Body is the report, as app/intake writes it.
		Body json.RawMessage
		// Key groups the repeats of one report: "<dedup key> <firing>"; empty for what never repeats.
		Key string
		// Count is how often it was said.
		Count int
		// Event names what the source said.
		Event string
		// ID names this one time that it came.
		ID string
		// At is when it came.
		At time.Time
		// Rules is the repository whose rules routed it to Ref, as owner/repo; empty if Ref's own did.
		Rules string
		// IsReturned says that the incident that it was routed to is over: GitHub is asked again.
		IsReturned bool
		// IsPaged says that people were paged for it before GitHub was asked.
		IsPaged bool
		// Early is what came of that.
		Early EarlyPage
		// Pages says that the rules page for what it reports. It is set once it was judged.
		Pages bool
		// Severity is how bad the rules say it is. It is set once it was judged.
		Severity string
	}
)

func (Refresh) request()      {}
func (CardEdited) request()   {}
func (*Comment) request()     {}
func (PullChanged) request()  {}
func (*Ticket) request()      {}
func (*Ack) request()         {}
func (*Signal) request()      {}
func (*Fold) request()        {}
func (*Removed) request()     {}
func (*PutAside) request()    {}
func (ConfigPush) request()   {}
func (*Deployed) request()    {}
func (RunEnded) request()     {}
func (QueueChanged) request() {}
func (*GateAsked) request()   {}
func (Sweep) request()        {}
func (SelfTests) request()    {}
func (*Sought) request()      {}
func (*Found) request()       {}

// requestOf returns what the message brings if it is of this type, or else the zero value.
func requestOf[T Request](m Message) T {
	t, _ := m.What.(T)
	return t
}

// Issue returns the issue that became an incident, as a webhook delivered it, or nil.
func (m Message) Issue() *Issue { return requestOf[Refresh](m).Issue }

// IsCardEdited reports whether somebody else edited a comment of the app's own.
func (m Message) IsCardEdited() bool {
	t := m.Tick()
	return m.What == CardEdited{} || t != nil && !t.IsClean
}

// Comment returns the comment that somebody wrote or edited, or nil. GitHub signed it, so its text
// can be trusted although somebody may have edited it since.
func (m Message) Comment() *Comment { return requestOf[*Comment](m) }

// Pull returns the number of the postmortem's pull request that the message is about, or 0.
func (m Message) Pull() int {
	if c := m.Comment(); c != nil {
		return c.Pull
	}
	return requestOf[PullChanged](m).Number
}

// Ticket returns the follow-up whose ticket somebody changed, or nil.
func (m Message) Ticket() *Ticket { return requestOf[*Ticket](m) }

// Ack returns the answer to a page that was given at the pager, or nil.
func (m Message) Ack() *Ack { return requestOf[*Ack](m) }

// Signal returns what a source said, or nil.
func (m Message) Signal() *Signal { return requestOf[*Signal](m) }

// Fold returns what another incident leaves to this one, into which it was folded, or nil.
func (m Message) Fold() *Fold { return requestOf[*Fold](m) }

// Removed returns what a webhook said of an incident whose issue is no more, or is where it may be
// out of reach, or nil.
func (m Message) Removed() *Removed { return requestOf[*Removed](m) }

// PutAside returns the message that was put aside and is reported on the issue, or nil.
func (m Message) PutAside() *PutAside { return requestOf[*PutAside](m) }

// Commit returns the commit whose configuration is to be checked, or "".
func (m Message) Commit() string { return requestOf[ConfigPush](m).Commit }

// Deployed returns the deployment that succeeded, or nil.
func (m Message) Deployed() *Deployed { return requestOf[*Deployed](m) }

// Run returns the id of a workflow's run that ended, or 0.
func (m Message) Run() int64 { return requestOf[RunEnded](m).ID }

// Queue returns the repository whose merge queue is about to merge something, or "".
func (m Message) Queue() string { return requestOf[QueueChanged](m).Repo }

// Gate returns what waits for the app's word before it deploys, or nil.
func (m Message) Gate() *GateAsked { return requestOf[*GateAsked](m) }

// Sweep returns what asks for a look at each open incident. ok is false for every other message.
func (m Message) Sweep() (s Sweep, ok bool) {
	s, ok = m.What.(Sweep)
	return s, ok
}

// IsSelfTests reports whether the message asks to test what reaches people.
func (m Message) IsSelfTests() bool { return m.What == Request(SelfTests{}) }

// Sought returns which searches are to be made, or nil.
func (m Message) Sought() *Sought { return requestOf[*Sought](m) }

// Found returns what came of searches, or nil.
func (m Message) Found() *Found { return requestOf[*Found](m) }

// searchGroup begins the group of what is done apart from an incident, such as its searches: no name of
// an owner does.
const searchGroup = "~"

// chatGroup begins the group of what is done in Slack.
const chatGroup = searchGroup + "chat:" // SQS takes no space

// IsChatGroup reports whether a group is of what is done in Slack.
func IsChatGroup(group string) bool { return strings.HasPrefix(group, chatGroup) }

// Group names the messages that are handled one at a time and in order: those of an incident. What
// only reads for it is a group of its own, for which nothing else of the incident waits. Reports that
// have no incident yet are grouped by what they are about: one that must wait holds up no other. A mail
// may belong to any other, so mails are in order for each repository.
func (m Message) Group() string {
	s := m.Signal()
	switch {
	case m.Sought() != nil, m.IsSelfTests():
		return searchGroup + m.Ref.String()
	case m.IsInChat():
		return chatGroup + m.Ref.String()
	case s != nil && m.Ref.Number == 0 && s.Key != "":
		sum := sha256.Sum256([]byte(s.About()))
		return m.Ref.String() + "/" + hex.EncodeToString(sum[:8])
	}
	return m.Ref.String()
}

// About returns what a report is about, and not whether it fires: all of its Key but that. It is empty
// for what never repeats.
func (s *Signal) About() string { return s.Key[:strings.LastIndexByte(s.Key, ' ')+1] }

// IsSearchGroup reports whether a group is of what is done apart from an incident: its searches, and its
// channel in Slack.
func IsSearchGroup(group string) bool { return strings.HasPrefix(group, searchGroup) }

// revertEvent begins Why of a message that says that something happened to a revert.
const revertEvent = "revert."

// Why of messages about reverts (X3).
const (
	RevertClosed   = revertEvent + "closed"
	RevertDeployed = revertEvent + "deployed"
)

// IsAboutRevert reports whether a message says that something happened to a revert: merged, closed or
// deployed.
func (m Message) IsAboutRevert() bool { return strings.HasPrefix(m.Why, revertEvent) }

// WithoutComment returns the message without its comment, which the look reads from GitHub then.
func (m Message) WithoutComment() Message {
	if pull := m.Pull(); pull != 0 {
		m.What = PullChanged{pull}
	} else {
		m.What = Refresh{}
	}
	return m
}

// Issue is an issue as a webhook delivered it.
type Issue struct {
	ID      int64     `json:"id"`
	Title   string    `json:"title"`
	Body    string    `json:"body,omitempty"`
	Author  string    `json:"author"`
	Bot     bool      `json:"bot,omitempty"`
	By      string    `json:"by,omitempty"` // who gave it the incident label; empty: it was opened
	URL     string    `json:"url"`
	Labels  []string  `json:"labels,omitempty"`
	Created time.Time `json:"created"`
}

// Removed says how an open incident lost its issue.
type Removed struct {
	How      string `json:"how"` // deleted, converted or transferred
	By       string `json:"by,omitempty"`
	Title    string `json:"title,omitempty"`
	Severity string `json:"severity,omitempty"` // as its label said; empty: not confirmed
	Drill    bool   `json:"drill,omitempty"`
}

// IsBare reports whether a message says nothing but where to look: then any other look answers it too.
func (m Message) IsBare() bool {
	if f := m.Floor; f != nil && (f.Event != "" || f.Deleted != 0 || f.Touched != 0) {
		return false // a look that began before it may not have read it
	}
	if m.IsAboutRevert() {
		return false // no other look reads the revert
	}
	_, isRefresh := m.What.(Refresh)
	return isRefresh || m.What == nil
}

// Retries reports whether a report is no more than another try of the one before it, whose answer was lost.
func (s *Signal) Retries(before *Signal) bool {
	return before != nil && s.Event != "" && s.Event == before.Event && s.At.Sub(before.At).Abs() < retry
}

// retry is how soon a source tries again what it got no answer to. What it says again later it means.
const retry = time.Minute

// Ack is an answer to a page at a pager.
type Ack struct {
	Page    string    `json:"page"`    // key within the incident, "page/3"
	Service string    `json:"service"` // kind of the service
	Name    string    `json:"name"`    // what the service calls the person
	At      time.Time `json:"at"`
}

// Floor is what a webhook proves of what it is about: an issue, a follow-up's ticket or a pull
// request. GitHub's webhooks outrun the servers that it reads from, so a read that does not show it
// yet is older than the webhook.
type Floor struct {
	Received time.Time `json:"received,omitzero"` // when the webhook came
	Updated  time.Time `json:"updated,omitzero"`  // updated_at
	// what was done, as the timeline calls it: "labeled", "closed", …
	Event string `json:"event,omitempty"`
	// of the label, or the login of who was assigned or unassigned
	Name    string `json:"name,omitempty"`
	By      string `json:"by,omitempty"`      // who did it
	Comment int64  `json:"comment,omitempty"` // the comment that was written
	Deleted int64  `json:"deleted,omitempty"` // the comment that was deleted
	Touched int64  `json:"touched,omitempty"` // the comment that was edited or unpinned
}

// Comment is a comment with commands, as a webhook delivered it.
type Comment struct {
	ID      int64     `json:"id"`
	Author  string    `json:"author"`
	Editor  string    `json:"editor,omitempty"` // who edited or deleted it; empty: it is new
	Before  string    `json:"before,omitempty"` // its text before that
	Body    string    `json:"body"`
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
	Deleted bool      `json:"deleted,omitempty"` // Editor deleted it, at Updated; Body is empty
	// Said is what somebody wrote in Slack that the comment is of, which the app wrote; nil: it is a person's
	Said *ChatSaid `json:"said,omitempty"`
	// the postmortem's pull request that it is on; 0 if it is on the issue
	Pull int `json:"-"`
}
