package incident

import (
	"github.com/firebreak-dev/firebreak/app/oncall"
	"time"
)

// Effect is something to do outside, as data. Every effect can be applied again without harm: Key,
// or what it names, shows whether it was done already.
type Effect interface{ effect() string }

type (
	// Send pages people. Sending again with the same Key is the same page.
	Send struct {
		Key   string   // within the incident, such as "page/3"
		To    []string // team slugs, logins with @, or "phone" for the phone list
		By    []string // kinds of services; "github" mentions them in a comment
		Why   string   // "team", "silent", "update", "asked", "again", "reopened"
		Text  string   // what the person who escalated wrote; inert when shown
		Asker string
		Fact  string // id of the fact that asks for it; empty: the clock does
		At    time.Time

		Spoken bool // another comment mentions them on GitHub
		Unsure bool // GitHub could not be asked whom it is for
	}
	// Reply answers one command: words in a comment under the marker of the fact it answers.
	Reply struct {
		Fact string // id of the fact answered
		Say  Say
		// IsLate says that what came of the command is known only now: that its comment was reacted to
		// does not mean that this was said.
		IsLate bool
	}
	// Remind is a comment of the app's own, posted once per Key. It takes the place of the one
	// before on its topic, which its Key names (TopicOf), so that reminders never pile up; without a
	// topic it stays.
	Remind struct {
		Key  string
		Edit bool // it wakes nobody, so the comment before is edited instead
		At   time.Time
		Say  Say
	}
	// React answers a comment with a reaction.
	React struct {
		Fact string
		How  Reaction
	}
	// Announce informs customers; only Text leaves (A7).
	Announce struct {
		Fact      string
		At        time.Time // of the fact
		Customers []string
		Text      string
	}
	// Broadcast informs the company's own stakeholders that the incident entered a phase, or what the
	// coordinator says (V7). No customer hears of it.
	Broadcast struct {
		Key   string
		At    time.Time
		Phase Phase

		Text     string // what the coordinator, or an update, says; empty: only the phase is told
		IsUpdate bool   // Text leaves for customers
		IsOver   bool   // the incident is closed
	}
	// OpenTicket makes follow-up Index a ticket, once.
	OpenTicket struct{ Index int }
	// MoveTicket opens the ticket of follow-up Index in the repository that it was meant for. It is
	// in the incident's own, as GitHub refused it there.
	MoveTicket struct{ Index int }
	// ShareAgain writes the newest update into the issue of a customer whom GitHub kept it from.
	ShareAgain struct{ Customer string }
	// TellStatus brings what a customer's issue says of how far the incident is up to date (V6).
	TellStatus struct{ Customer string }
	// Nudge asks the owner of follow-up Index to go on, on its ticket, unless that is closed by now (C4).
	Nudge struct {
		Index int
		Key   string
		Say   Say
	}
	// OpenDocument writes the postmortem and opens its pull request, once.
	OpenDocument struct{}
	// RefreshDocument writes the facts of an open postmortem again: something in them changed.
	RefreshDocument struct{}
	// CheckMerged looks whether the merged postmortem was written (C3).
	CheckMerged struct{}
	// AnnounceDocument sends the customers their version of the merged postmortem, and nothing else
	// of it (C3, A7).
	AnnounceDocument struct {
		Key       string
		Customers []string
	}
	// Record holds a timeline entry with its text, for the postmortem. It changes nothing outside.
	Record struct{ Entry Entry }
)

func (Send) effect() string             { return "page" }
func (Reply) effect() string            { return "reply" }
func (Remind) effect() string           { return "remind" }
func (React) effect() string            { return "react" }
func (Announce) effect() string         { return "announce" }
func (Broadcast) effect() string        { return "broadcast" }
func (OpenTicket) effect() string       { return "ticket" }
func (MoveTicket) effect() string       { return "ticket" }
func (ShareAgain) effect() string       { return "announce" }
func (TellStatus) effect() string       { return "status" }
func (Nudge) effect() string            { return "nudge" }
func (OpenDocument) effect() string     { return "document" }
func (RefreshDocument) effect() string  { return "refresh" }
func (CheckMerged) effect() string      { return "check" }
func (AnnounceDocument) effect() string { return "publish" }
func (Record) effect() string           { return "" }

// KindOf names the kind of an effect, for counting; "" for one that changes nothing outside.
func KindOf(e Effect) string { return e.effect() }

// Reaction is how a command was taken. Where a comment holds several, the greatest is shown.
type Reaction int

// The reactions, in rising order.
const (
	Done    Reaction = iota + 1 // 👍
	Unclear                     // 😕 not understood
	Refused                     // 👎
)

// Say is something to say: the name of a template in templates/comments and what it needs. Values
// of people's own words are shown inertly by the template.
type Say struct {
	Name      string
	Who       string   // login that is spoken to, mentioned
	Holder    string   // login that holds the role in question
	Role      string   // the role in question: "ic" or "oe"
	Variant   string   // which of its variants the template writes, where it has some
	Command   string   // a command as it should be written
	Start     string   // how a command begins that takes a name: "/ic customer add"
	Line      string   // what is quoted or named: what the person wrote, or who or what it is about
	Phase     Phase    // phase in question
	Missing   []string // what blocks it, as sentences of Blocks
	Names     []string // people, customers
	Lines     []string // lines of a list
	Links     []Link   // of a report
	Teams     []string // slugs of teams that are mentioned
	Time      time.Time
	Since     time.Time // the beginning of a span that Time ends
	Count     int
	Suspects  []Suspect      // most suspect first (X1)
	Past      []PastIncident // most like first (L1)
	Hit       Hit            // the service that is hit (X2)
	OnCall    []oncall.Now   // who is on call, by rotation (O1)
	Workflows []Workflow     // that may be run (X5)
	Freezes   []Freeze       // that are on, or over (X4)
	Covers    []oncall.Cover // that were written or taken back (O2)
	Insist    string         // the command that insists
	Reason    string         // why, in somebody's words

	Recorded string   // what a command recorded: "finding", "cause and workaround"
	Severity string   // as a source calls it
	Trust    string   // how sure the sender is: "unverified", or empty
	Try      []string // commands to propose, as they should be written

	Untold []Untold // customers who have heard nothing

	Brief *Brief // filled in by Step, for the person who is spoken to; nil: the template needs none

	// What follows is filled in by Step, for the person who is spoken to.
	Next  Hint   // of Command
	Force Hint   // of Insist
	Hints []Hint // of Try; for help, of all that makes sense now
}
