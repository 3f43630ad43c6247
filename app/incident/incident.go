// Package incident is the core: what an incident is, which facts change it, and what must happen
// then.
//
// Step takes a state, a fact and a policy, and returns the next state and the effects. It reads no
// clock and does no I/O, so that the same facts always lead to the same state: the card's signed
// block is a cache of it, and the issue's timeline is enough to build it again (A5).
package incident

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/naming"
)

// Ref names an issue or pull request.
type Ref struct {
	Owner  string `json:"owner"`
	Repo   string `json:"repo"`
	Number int    `json:"number"`
}

// String returns owner/repo#number, the form that every error carries.
func (r Ref) String() string { return r.FullName() + "#" + strconv.Itoa(r.Number) }

// FullName returns owner/repo.
func (r Ref) FullName() string { return r.Owner + "/" + r.Repo }

// ParseRef reads owner/repo#number.
func ParseRef(s string) (Ref, error) {
	name, number, ok := naming.SplitIssue(s)
	if !ok {
		return Ref{}, fmt.Errorf("%q is not of the form owner/repo#number", s)
	}
	owner, repo, _ := naming.SplitRepository(name)
	return Ref{Owner: owner, Repo: repo, Number: number}, nil
}

// TicketMark marks the ticket of a follow-up, for finding it again and for telling which incident
// it belongs to.
func TicketMark(ref Ref, index int) string { return ticketMark + TicketName(ref, index) + " -->" }

// TicketName names the follow-up that a ticket is of.
func TicketName(ref Ref, index int) string { return fmt.Sprintf("%s/%d", ref, index) }

const ticketMark = "<!-- firebreak:ticket "

// ReadTicketMark finds the mark in a ticket's text.
func ReadTicketMark(body string) (ref Ref, index int, ok bool) {
	_, rest, _ := strings.Cut(body, ticketMark)
	mark, _, closed := strings.Cut(rest, " -->")
	at := strings.LastIndexByte(mark, '/')
	if !closed || at < 0 {
		return Ref{}, 0, false
	}
	ref, err := ParseRef(mark[:at])
	index, err2 := strconv.Atoi(mark[at+1:])
	return ref, index, err == nil && err2 == nil && index >= 0
}

// pullMark begins the mark in the pull request of a postmortem, which says whose incident it is.
const pullMark = "<!-- firebreak:postmortem "

// ReadPullMark finds the mark of a postmortem's pull request in its text.
func ReadPullMark(body string) (Ref, bool) {
	_, rest, _ := strings.Cut(body, pullMark)
	mark, _, closed := strings.Cut(rest, " -->")
	ref, err := ParseRef(mark)
	return ref, closed && err == nil
}

// Phase is how far an incident is; the label is phase/NAME and exactly one is set at a time.
type Phase string

// The phases, in the order of the process.
const (
	Identify    Phase = "identify"
	Investigate Phase = "investigate"
	Fixing      Phase = "fixing"
	Monitoring  Phase = "monitoring"
	Closing     Phase = "closing"
)

// Phases lists the phases in order.
var Phases = []Phase{Identify, Investigate, Fixing, Monitoring, Closing}

// Labels that the product sets and reads.
const (
	LabelIncident      = "incident"
	LabelDrill         = "drill"
	LabelUpdateOverdue = "update-overdue"
	LabelMerged        = "postmortem/merged"
	LabelSeverity      = "severity/" // prefix
	LabelPhase         = "phase/"    // prefix
)

// Stamp says who did something, when, and where it is in the issue. ID is the fact's. Text is the
// beginning of what they wrote, where the card shows it (V4).
type Stamp struct {
	By   string    `json:"by,omitempty"`
	At   time.Time `json:"at"`
	ID   string    `json:"id,omitempty"`
	Text string    `json:"text,omitempty"`
}

// Comment returns the number of the comment that the stamp came from, or 0 if it came from none.
func (s Stamp) Comment() int64 { return CommentOf(s.ID) }

// CommentOf returns the comment's number out of a fact's id ("c123.0" is command 0 of comment 123), or 0.
func CommentOf(id string) int64 {
	rest, ok := strings.CutPrefix(id, "c")
	if !ok {
		return 0
	}
	digits := strings.FieldsFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if len(digits) == 0 {
		return 0
	}
	n, _ := strconv.ParseInt(digits[0], 10, 64)
	return n
}

// State is all that is known of an incident besides its texts, which stay in the issue's comments.
// It is what the card's signed block holds, so it stays small however long the incident lasts: refs
// and stamps, and of a text no more than a few words.
type State struct {
	Declared  *Stamp `json:"declared,omitempty"`  // nil: not an incident (yet)
	Responder bool   `json:"responder,omitempty"` // the declarer may respond, so holds what nobody took
	// what reported it: "form", "command", "label", or an alert's, mail's or chat's name
	Source    string   `json:"source,omitempty"`
	Claimed   string   `json:"claimed,omitempty"`  // severity that was reported, not confirmed yet (I3)
	Severity  string   `json:"severity,omitempty"` // confirmed severity
	Confirmed *Stamp   `json:"confirmed,omitempty"`
	Summary   bool     `json:"summary,omitempty"` // a short summary was given (I2)
	Customers []string `json:"customers,omitempty"`
	// customers whose contact reported it, until a person says who is impacted
	Proposed   []string `json:"proposed,omitempty"`
	Links      []Link   `json:"links,omitempty"` // what the report that opened it came with
	NoCustomer bool     `json:"none,omitempty"`  // somebody said explicitly that no customer is impacted
	Drill      bool     `json:"drill,omitempty"`

	Phase    Phase  `json:"phase"`
	Since    Stamp  `json:"since"`            // when and by whom the phase was entered
	Phases   []Span `json:"phases,omitempty"` // earlier phases, oldest first, the last 20
	Insisted *Stamp `json:"insisted,omitempty"`
	// one person may hold both roles of a critical incident: the reason's stamp
	Alone       *Stamp  `json:"alone,omitempty"`
	Regressions int     `json:"regressions,omitempty"`
	Closed      *Stamp  `json:"closed,omitempty"`
	Outcome     Outcome `json:"outcome,omitempty"`
	Duplicate   int     `json:"duplicate,omitempty"` // number of the incident that this one was folded into

	// DeclaredAs is the name under which it was declared, owner/repo#number, if it has another one
	// by now: its repository was renamed, or the issue was transferred.
	DeclaredAs  string `json:"declaredAs,omitempty"`
	Transferred bool   `json:"transferred,omitempty"`
	// WasIDs are the ids of its issue before transfers, by which older marks are signed.
	WasIDs []int64 `json:"wasIDs,omitempty"`
	Locked bool    `json:"locked,omitempty"` // the issue's conversation is

	IC       string   `json:"ic,omitempty"`
	ICSince  *Stamp   `json:"icSince,omitempty"`
	Handover string   `json:"handover,omitempty"` // who was asked to take IC over
	OEs      []string `json:"oes,omitempty"`
	Handed   int      `json:"handed,omitempty"` // how often the IC role changed hands
	// people assigned because of a role, who are unassigned when they leave it
	Mirrored []string `json:"mirrored,omitempty"`
	Unplaced []string `json:"unplaced,omitempty"` // role holders that GitHub would not assign

	Cause      *Stamp     `json:"cause,omitempty"`
	Workaround *Stamp     `json:"workaround,omitempty"`
	Fix        *Stamp     `json:"fix,omitempty"`
	Agreed     *Stamp     `json:"agreed,omitempty"`
	FollowUps  []FollowUp `json:"followups,omitempty"`
	Findings   int        `json:"findings,omitempty"`
	Found      []Stamp    `json:"found,omitempty"`    // the newest findings, oldest first
	Tried      []Stamp    `json:"tried,omitempty"`    // the newest actions, oldest first
	Entries    int        `json:"entries,omitempty"`  // timeline entries in all
	Timeline   []Entry    `json:"timeline,omitempty"` // the newest of them, oldest first, without texts
	Heard      *Stamp     `json:"heard,omitempty"`    // newest comment by a person
	Last       *Stamp     `json:"last,omitempty"`     // the one before it: what `/ic pin` pins
	Pinned     []int64    `json:"pinned,omitempty"`   // comments pinned into the timeline, the newest 50

	Signals  Signals `json:"signals,omitzero"`
	Updates  Updates `json:"updates,omitzero"`
	Paging   Paging  `json:"paging,omitzero"`
	StandBy  StandBy `json:"standby,omitzero"`
	Asked    Asked   `json:"asked,omitzero"`
	Document Pull    `json:"document,omitzero"`
	Firsts   Firsts  `json:"firsts,omitzero"`

	// Said is the comment that last said something of a topic; the next one of the topic takes its place.
	Said map[string]int64 `json:"said,omitempty"`

	Cursor Cursor `json:"cursor"`
	// Told are keys of comments about what came of something, from before the card was lost: see Outcomes.
	Told []string `json:"told,omitempty"`

	// What GitHub refuses at the moment, and what could not be handled (A8).
	Refused   []Refusal   `json:"refused,omitempty"`
	Unsaid    []Unsaid    `json:"unsaid,omitempty"`
	Unreacted []Unreacted `json:"unreacted,omitempty"`
	// the message that was put aside last, until somebody writes a command
	Aside *Refusal `json:"aside,omitempty"`
	// Early is what labels said before the incident was declared; nil once it is.
	Early   *Early  `json:"early,omitempty"`
	Summons Summons `json:"summons,omitzero"`
	// of a running incident, when the next day begins in UTC: its card is written again
	Day time.Time `json:"day,omitzero"`

	Began  time.Time `json:"began,omitzero"`   // when the impact began, as somebody said
	Impact *Stamp    `json:"impact,omitempty"` // how bad it is
	Call   string    `json:"call,omitempty"`   // address of the call or war room (V8)

	Answer  *Answered `json:"answer,omitempty"` // the newest answer of a customer (V6)
	Answers Answers   `json:"answers,omitzero"`

	Changes Changes `json:"changes,omitzero"` // before the start (X1)
	Similar Similar `json:"similar,omitzero"` // past incidents (L1)
	Runbook Runbook `json:"runbook,omitzero"` // of the alert (L2)
	// CoverChanges are changes of who is on call that are not written yet (O2).
	CoverChanges []CoverChange `json:"coverChanges,omitempty"`

	Reversals []Reversal `json:"reversals,omitempty"` // pull requests that take others back (X3)
	// Runs are of the team's own workflows, which somebody asked for (X5).
	Runs []WorkflowRun `json:"runs,omitempty"`
	// RunsAsked is how many were asked for in all.
	RunsAsked int `json:"runsAsked,omitempty"`
	// Freezes are the repositories of which this incident holds the merges, and held (X4).
	Freezes []Freeze `json:"freezes,omitempty"`
	// FreezesAsked is how many were asked for in all.
	FreezesAsked int `json:"freezesAsked,omitempty"`

	Chat Chat `json:"chat,omitzero"` // its channel in Slack (S1)

	Hit   Hit `json:"hit,omitzero"`    // the service that is hit (X2)
	Seeks int `json:"seeks,omitempty"` // how often searches of these were asked for

	// Ticked are boxes of the card of which nobody knows yet who ticked them (A9).
	Ticked []OpenTick `json:"ticked,omitempty"`

	// Contested is what automata change back each time that the app puts it right.
	Contested Contests `json:"contested,omitempty"`

	// Noted is the newest note with a time of its own, so that its author sees on the card how that
	// was understood. Its At is the note's own time.
	Noted *Stamp `json:"noted,omitempty"`

	Folded  []Folded `json:"folded,omitempty"`  // incidents that were folded into this one, the newest 50
	Sources []string `json:"sources,omitempty"` // what reported them, besides Source
}

// Outcome says how an incident ended, other than by closing up.
type Outcome string

// The outcomes; the empty one is an incident that runs, or that was closed up.
const (
	Declined   Outcome = "declined"
	Duplicated Outcome = "duplicate"
)

// Span is a phase that was left.
type Span struct {
	Phase Phase     `json:"phase"`
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
}

// Entry is one line of the timeline. Text is empty in a State and filled where the whole timeline is read.
type Entry struct {
	At   time.Time `json:"at"`
	By   string    `json:"by,omitempty"`
	Kind string    `json:"kind"`          // "finding", "phase", … : a row of Kinds in the templates
	Ref  string    `json:"ref,omitempty"` // fact id, for the permalink
	// a name, never a text: the phase, the severity, the person, the customer
	What string `json:"what,omitempty"`
	Text string `json:"-"`
}

// FollowUp is work that outlives the incident (C4). Its title is the text of the comment in Stamp,
// which holds its beginning; Index is its place among the incident's follow-ups, and with the
// incident the ticket's identity.
type FollowUp struct {
	Stamp
	Repo  string `json:"repo,omitempty"`  // owner/repo of the product team; empty: the incident repository
	Owner string `json:"owner,omitempty"` // login; empty: OE, then IC, then declarer
	Due   string `json:"due,omitempty"`   // YYYY-MM-DD
	Auto  bool   `json:"auto,omitempty"`  // "replace the workaround" (F2), not asked for by anybody
	// Section is what is still to be written of a postmortem that was merged without it (C3).
	Section string `json:"section,omitempty"`
	Ticket  string `json:"ticket,omitempty"` // owner/repo#number once it exists

	TicketID int64 `json:"ticketID,omitempty"` // its id: its name may be another one's by now; 0: not known

	Done  bool      `json:"done,omitempty"` // the ticket is closed
	Ended time.Time `json:"ended,omitzero"` // when it was
	// when its owner is reminded: two days before it is due, then weekly
	Next time.Time `json:"next,omitzero"`

	// the ticket is to be brought up to date with owner and due date
	Changed bool   `json:"changed,omitempty"`
	Was     string `json:"was,omitempty"` // who is assigned to it until then, if that is somebody else
}

// Signals is what a source goes on saying of the trouble that it reported (I6).
type Signals struct {
	Count  int       `json:"count,omitempty"` // how often it was reported, the first time included
	Last   time.Time `json:"last,omitzero"`
	Firing bool      `json:"firing,omitempty"` // false after a count: it recovered, by the source
	// when it recovered, fired again, recovered …, in Unix seconds: the newest 12
	Turns []int64  `json:"turns,omitempty"`
	Taken []Report `json:"taken,omitempty"` // the newest 8 reports, so that none is taken twice
	// marks of what was said of it, at most 40, so that what is new is noticed
	Known []string `json:"known,omitempty"`
	// marks of the newest 20 mails that came to it, which answers refer to
	Mails []string `json:"mails,omitempty"`
	Worst string   `json:"worst,omitempty"` // worst severity that the source reported
}

// Report is one time that a source said something.
type Report struct {
	Mark string `json:"m"` // names what was said
	ID   string `json:"i"` // names this time
	At   int64  `json:"t"` // when it came, in Unix seconds
}

// Updates is the customer's rhythm (V3).
type Updates struct {
	Last time.Time `json:"last,omitzero"` // last update sent; zero: none yet
	// when the current wait began: confirmation or the last update
	From time.Time `json:"from,omitzero"`
	Due  time.Time `json:"due,omitzero"` // next update; zero: none is due
	// what was done about Due: 0 nothing, 1 amber, 2 mentioned, 3 paged
	Stage   int           `json:"stage,omitempty"`
	Kept    int           `json:"kept,omitempty"`   // sent by its time
	Missed  int           `json:"missed,omitempty"` // times that passed without one
	Snoozed int           `json:"snoozed,omitempty"`
	Longest time.Duration `json:"longest,omitempty"` // longest wait that an update ended
	Overdue bool          `json:"overdue,omitempty"` // label update-overdue
	Shared  []Shared      `json:"shared,omitempty"`  // where customers read them on GitHub
	// "customer: channel" that the last update reached, "customer: person" who told them
	ReachedBy []string `json:"told,omitempty"`
	Unsent    []string `json:"unsent,omitempty"` // "customer: channel" that it did not reach
	// who was reached in the current wait, until everybody was
	Heard []Heard `json:"heard,omitempty"`
	Sent  []Sent  `json:"sent,omitempty"` // the newest updates, so that one can be taken back
}

// Shared is the issue in which a customer reads the updates.
type Shared struct {
	Customer string `json:"customer"`
	Issue    string `json:"issue"`        // owner/repo#number
	ID       int64  `json:"id,omitempty"` // of the issue: its name may be another one's by now; 0: not known

	Status CustomerStatus `json:"status,omitempty"` // what the issue says of how far the incident is
	Due    time.Time      `json:"due,omitzero"`     // when it is brought up to date
	Owed   bool           `json:"owed,omitempty"`   // it is to be, now
}

// Paging is the escalation of a critical incident (I4, I5).
type Paging struct {
	Pages    []Page    `json:"pages,omitempty"` // newest 20
	Sent     int       `json:"sent,omitempty"`  // pages in all; numbers the dedup keys
	Step     int       `json:"step,omitempty"`  // steps walked, over all rounds
	Next     time.Time `json:"next,omitzero"`   // when the next step goes out; zero: none does
	Answered *Stamp    `json:"answered,omitempty"`
	// every round walked, nobody answered: Next is of the slower rhythm
	GaveUp bool `json:"gaveUp,omitempty"`
	Listed int  `json:"listed,omitempty"` // of Sent, those that only named the phone list
	// Reread is when rotations that a page waits for are tried again, after the first time.
	Reread time.Time `json:"reread,omitzero"`
	// Early is the key of the pages that went out before there was an issue.
	Early string `json:"early,omitempty"`
}

// Page is one page that went out.
type Page struct {
	Key    string    `json:"key"`
	At     time.Time `json:"at"`
	To     []string  `json:"to"`
	By     []string  `json:"by,omitempty"`     // kinds of the services by which it goes out
	Why    string    `json:"why"`              // as of a Send: never a text of a comment
	Lost   []string  `json:"lost,omitempty"`   // of By, those that did not take it
	Failed string    `json:"failed,omitempty"` // why it could not be sent at all, or was not needed any more
	// Answers are what people answered who were paged by name: "seen carol", "pass dan".
	Answers []string `json:"answers,omitempty"`
	// Skipped is set where it was late and not needed any more.
	Skipped bool `json:"skipped,omitempty"`
	// Rotations are those whose people To has, as they were on call then (O1).
	Rotations []string `json:"rotations,omitempty"`
	// Unread are names that may be rotations, in whose place the coordinators were paged (O1).
	Unread []string `json:"unread,omitempty"`
	// Missed are ways that failed to reach somebody: "sms dan" (O3).
	Missed []string `json:"missed,omitempty"`
	// Early ends the key under which it went out before there was an issue: "-s2".
	Early string `json:"early,omitempty"`
}

// StandBy is the watch after a fix (M2).
type StandBy struct {
	Ends    time.Time `json:"ends,omitzero"`
	CheckIn time.Time `json:"checkIn,omitzero"`
	Asked   bool      `json:"asked,omitempty"`  // the IC was asked for the customer's agreement
	Update  time.Time `json:"update,omitzero"`  // when to ask for the update that the move needs (M1)
	Checks  int       `json:"checks,omitempty"` // check-ins so far
}

// Asked remembers what was asked once, so that it isn't asked again.
type Asked struct {
	// when missing data is asked for next; zero: nothing is missing
	Data time.Time `json:"data,omitzero"`
	// when it is asked who takes the vacant role; zero: asked, or none is vacant
	Role     time.Time `json:"role,omitzero"`
	Open     string    `json:"open,omitempty"`     // the vacant role: "ic", "oe"
	Config   string    `json:"config,omitempty"`   // the broken configuration that was reported
	OnCall   string    `json:"onCall,omitempty"`   // the broken rotations that were reported
	Template string    `json:"template,omitempty"` // the broken postmortem template that was reported
	// what was acted on outside the timeline, such as edits, the newest 20 of each kind
	Edits []string `json:"edits,omitempty"`
	// of those dropped from Edits, the newest of each kind; nothing older is acted on
	Floor []string `json:"floor,omitempty"`

	DataWait time.Duration `json:"dataWait,omitempty"` // how long the reminder of missing data waits
	// when it is asked who takes a claim; zero: somebody did
	Claim     time.Time     `json:"claim,omitzero"`
	ClaimWait time.Duration `json:"claimWait,omitempty"` // how long that reminder waits
	// when it is said that the one who was asked to take the role over has not answered
	Handover time.Time `json:"handover,omitzero"`
	Asker    string    `json:"asker,omitempty"` // who asked them
}

// Pull is the postmortem's pull request (C2).
type Pull struct {
	Number int `json:"number,omitempty"`
	// owner/repo, where it is not the incident's: that was transferred since
	Repo     string `json:"repo,omitempty"`
	Merged   *Stamp `json:"merged,omitempty"`
	IsClosed bool   `json:"shut,omitempty"` // closed without merging
	Path     string `json:"path,omitempty"` // of the document

	Approved []string `json:"approved,omitempty"` // who approves of it
	Changes  []string `json:"changes,omitempty"`  // who asks for changes

	Next time.Time `json:"next,omitzero"` // when its review is asked for again (C3)

	Wanted bool `json:"wanted,omitempty"` // it is to be opened
	Stale  bool `json:"stale,omitempty"`  // its facts are to be written again
	Owed   bool `json:"owed,omitempty"`   // it is merged, and the customers do not have their version

	Unchecked bool     `json:"unchecked,omitempty"` // it is merged, and nobody has looked whether it is written
	Unfilled  []string `json:"unfilled,omitempty"`  // the sections that nobody had written when it was merged
}
