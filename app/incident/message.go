package incident

import (
	"encoding/json"
	"time"
)

// Message asks to look at an issue again. Everything beside Ref is a hint: the look decides.
type Message struct {
	Ref Ref `json:"ref"`
	// Was is a name that the issue had until GitHub told that it is Ref by now; zero: none.
	Was Ref `json:"was,omitzero"`
	// Why is what caused it: a GitHub event ("issue_comment.created"), "clock", "sweep".
	Why string `json:"why"`
	// Delivery is GitHub's id of the delivery, for the log and for deduplication; empty for a timer.
	Delivery string `json:"delivery,omitempty"`
	// Installation is the App's installation that GitHub named; 0: look it up.
	Installation int64 `json:"installation,omitempty"`
	// Repository is the id of Ref's repository, as a webhook told it; 0: look it up.
	Repository int64 `json:"repository,omitempty"`
	// Pull is set when a postmortem's pull request changed: its number in Ref's repository.
	Pull int `json:"pull,omitempty"`
	// Comment is the signed comment, where there is one. GitHub signed it, so its text can be trusted although
	// somebody may have edited it since.
	Comment *Comment `json:"comment,omitempty"`
	// Issue is what the issue says, as GitHub signed it, of a webhook by which it became an incident; nil for everything else.
	Issue *Issue `json:"issue,omitempty"`
	// Doubted is set when somebody else edited a comment of the app's own. If that was the card, it may be one that the app
	// signed for this incident earlier: the look goes by the timeline instead.
	Doubted bool `json:"doubted,omitempty"`
	// Ack is an answer to a page that was given at the pager; nil for everything else.
	Ack *Ack `json:"ack,omitempty"`
	// Ticket is the follow-up whose ticket somebody changed, from 1; 0: none.
	Ticket int `json:"ticket,omitempty"`
	// Commit is the commit whose configuration is to be checked. Ref has no number then.
	Commit string `json:"commit,omitempty"`
	// Sweep asks for a look at each open incident of Ref's repository or, where Ref names none, of
	// Installation. Ref has no number then; At is when what Why names happened.
	Sweep bool `json:"sweep,omitempty"`
	// Signal is what a source said, as app/intake writes it; Key names the trouble that it is about and, behind its last space, how that stands; Count how often it was
	// said, and Paged that people were paged for it before GitHub was asked. Ref has no number until its incident is known.
	Signal json.RawMessage `json:"signal,omitempty"`
	Key    string          `json:"key,omitempty"`
	Count  int             `json:"count,omitempty"`
	Paged  bool            `json:"paged,omitempty"`
	// Page says that the rules page for what it reports, and Severity how bad they say it is. They are set once it was judged.
	Page     bool   `json:"page,omitempty"`
	Severity string `json:"severity,omitempty"`
	// Event names what the source said, ID this one time that it came, and At is when. Rules is the repository whose rules
	// sent it to Ref, as owner/repo; empty: Ref's own. Back says that where it was sent is over: GitHub is asked anew.
	Event string    `json:"event,omitempty"`
	ID    string    `json:"id,omitempty"`
	At    time.Time `json:"at,omitzero"`
	Rules string    `json:"rules,omitempty"`
	Back  bool      `json:"back,omitempty"`
	// Aside says that a message was put aside, however often it was tried; it is told on the issue.
	Aside *PutAside `json:"aside,omitempty"`
	// Fold is what another incident leaves to this one, into which it was folded; nil for everything else.
	Fold *Fold `json:"fold,omitempty"`
	// Removed is what a webhook told of an incident whose issue is no more, or is where it may be out of reach.
	Removed *Removed `json:"removed,omitempty"`
	// Floor is what a webhook proves; nil for everything else.
	Floor *Floor `json:"floor,omitempty"`
	// Due is the time that a clock message was set for.
	Due time.Time `json:"due,omitzero"`
	// Again is the time for which a queue sent a message again that had to wait.
	Again time.Time `json:"again,omitzero"`
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

// Removed tells how an open incident lost its issue.
type Removed struct {
	How      string `json:"how"` // deleted, converted or transferred
	By       string `json:"by,omitempty"`
	Title    string `json:"title,omitempty"`
	Severity string `json:"severity,omitempty"` // as its label said; empty: not confirmed
	Drill    bool   `json:"drill,omitempty"`
}

// Bare tells whether a message says nothing but where to look: then any other look answers it too.
func (m Message) Bare() bool {
	if f := m.Floor; f != nil && (f.Event != "" || f.Deleted != 0 || f.Touched != 0) {
		return false // a look that began before it may not have read it
	}
	return m.Comment == nil && !m.Doubted && m.Pull == 0 && m.Ack == nil && m.Ticket == 0 && m.Commit == "" && !m.Sweep && m.Signal == nil && m.Aside == nil && m.Fold == nil && m.Removed == nil
}

// Retries tells whether a report is no more than another try of the one before it, whose answer was lost.
func (m Message) Retries(before Message) bool {
	return m.Event != "" && m.Event == before.Event && m.At.Sub(before.At).Abs() < retry
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

// Floor is what a webhook proves of what it is about: an issue, a follow-up's ticket or a pull request. GitHub's webhooks outrun
// the servers that it reads from, so a read that does not show it yet is older than the webhook.
type Floor struct {
	Received time.Time `json:"received,omitzero"` // when the webhook came
	Updated  time.Time `json:"updated,omitzero"`  // updated_at
	Event    string    `json:"event,omitempty"`   // what was done, as the timeline calls it: "labeled", "closed", …
	Name     string    `json:"name,omitempty"`    // of the label, or the login of who was assigned or unassigned
	By       string    `json:"by,omitempty"`      // who did it
	Comment  int64     `json:"comment,omitempty"` // the comment that was written
	Deleted  int64     `json:"deleted,omitempty"` // the comment that was deleted
	Touched  int64     `json:"touched,omitempty"` // the comment that was edited or unpinned
}

// Comment is a comment as a webhook delivered it.
type Comment struct {
	ID      int64     `json:"id"`
	Author  string    `json:"author"`
	Editor  string    `json:"editor,omitempty"` // who edited it; empty: it is new
	Before  string    `json:"before,omitempty"` // its text before the edit
	Body    string    `json:"body"`
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
}
