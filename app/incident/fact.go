package incident

import "time"

// Fact is something that happened to an issue, as GitHub recorded it.
type Fact struct {
	// unique within the issue: "c<comment>.<n>" for command n, "c<comment>" for a comment without
	// one, "e<event>", "c<comment>@<unix>.<n>" for an edit; empty for the clock
	ID   string
	At   time.Time // GitHub's stamp, whole seconds
	By   Person
	What any // one of the types below
	// Titled says that the issue's title said what is broken when it happened: then it is a summary
	// (I2).
	Titled bool
}

// Person is who did something.
type Person struct {
	Login   string
	Bot     bool
	Respond bool // may respond: write access, or in a configured team (A3)

	Unsure string // why it is not known whether they may; empty if it is
}

// The facts.
type (
	// Opened says that the issue was declared by its form, or opened with the incident label.
	Opened struct {
		Source    string // "form", "label", or the name of the signal's source
		Summary   bool
		Severity  string // as answered; empty if not
		Customers []string
		Proposed  []string // customers whose contact reported it
		Links     []Link
		None      bool // "none" was answered explicitly
		Drill     bool
		Signal    bool // a machine or somebody outside reported it
		Count     int  // how often, before it was opened
		Report    Report
		Page      bool // page at once, before anybody confirmed it (the configuration says so)
		Paged     bool // the first step was paged already, before GitHub was asked
		Early     EarlyPage
		Known     []string // marks of the words that the report says
		Service   string   // that an alert names
	}
	// Signalled says that the source reports it again, or that it recovered. Text is set for what a
	// person wrote, such as a mail.
	Signalled struct {
		Source string
		Firing bool
		Count  int // how often, since the last time
		Text   string
		From   string   // who wrote it
		Of     []string // the customers whose contact that is
		Auto   bool     // a machine answered: nobody wrote it
		Trust  string   // how sure that is
		Names  []string // of attachments, which are not kept
		Links  []Link
		Report Report

		Severity string // as the source calls it
		Title    string
		Words    []Word // what it says, each of which is news where nobody said it before
		Details  string // the report's own words
		Page     bool   // a rise to critical pages at once (I7)
		Paged    bool   // people were paged already, before GitHub was asked
	}
	// Counted says how often it was reported and how it is now, by a comment of the app's own.
	Counted Signals
	// Received says that somebody outside wrote, by a comment of the app's own.
	Received struct {
		Source string
		Report Report

		Severity string // as the source calls it; empty if it has none
		Page     bool
		Links    []Link
	}
	// Commented is a person's comment without a command.
	Commented struct{}
	// Labeled says that a label was added by hand.
	Labeled struct{ Name string }
	// Unlabeled says that a label was removed by hand.
	Unlabeled struct{ Name string }
	// Assigned says that somebody was assigned by hand.
	Assigned struct{ Login string }
	// Unassigned says that somebody was unassigned by hand.
	Unassigned struct{ Login string }
	// ClosedByHand says that the issue was closed by hand.
	ClosedByHand struct{}
	// Reopened says that the issue was reopened by hand.
	Reopened struct{}
	// Renamed says that the issue got another title, which is a summary.
	Renamed struct{}
	// Misspelt is a line that starts like a command and isn't one. Known is the command that was
	// close, if one was.
	Misspelt struct{ Line, Known, Why string }
	// Corrected says that the author of a comment changed the words of a command in it. New is the
	// command as it is now.
	Corrected struct {
		New Command
		Old string
	}
	// Rewritten is a comment with commands that somebody edited before it was seen; its text can't
	// be trusted.
	Rewritten struct{}
	// Clock says that nothing happened, but it is At now.
	Clock struct{}

	// TicketMoved says that the ticket of follow-up Index is another one now, in the repository
	// that it was meant for.
	TicketMoved struct {
		Index  int
		Ticket string // owner/repo#number
		ID     int64  // of the issue
	}
	// TicketOpened says that the ticket of follow-up Index exists.
	TicketOpened struct {
		Index  int
		Ticket string // owner/repo#number
		ID     int64  // of the issue
	}
	// DocumentOpened says that the postmortem's pull request exists.
	DocumentOpened struct {
		Number int
		Path   string
	}
	// DocumentRefreshed says that the postmortem's facts are as the incident's are.
	DocumentRefreshed struct{}
	// DocumentDelivered says that the customers have their version of the postmortem.
	DocumentDelivered struct{}
	// Reviewed says that these people approve of the postmortem, or ask for changes.
	Reviewed struct{ Approved, Changes []string }
	// DocumentMerged says that the postmortem was merged.
	DocumentMerged struct{ Number int }
	// PullRequestClosed says that the postmortem was closed without merging.
	PullRequestClosed struct{ Number int }
	// SharedIssue says that the customer hears of this incident in that issue.
	SharedIssue struct {
		Customer string
		Issue    string // owner/repo#number
		ID       int64  // of the issue
		Status   CustomerStatus
	}
	// ClosedUp is the app's own word that a closing was complete. It brings that back in its place
	// in a timeline that is read again, so that what came after it meets a closed incident, as it
	// did then.
	ClosedUp struct{ Key string }
	// Unsent says that the update of a time did not reach a customer by some of their channels, as
	// Customer.ChannelNames calls them.
	Unsent struct {
		Customer string
		Failed   []Failure
		Update   time.Time
		// the comment that the update came from, as CommandedBy returns it; empty: any of that time
		By string
	}
	// Undelivered says that the merged postmortem did not reach a customer, by a channel or at all.
	Undelivered struct{ Customer, Channel, Why string }
	// Bounced says that a mail of ours could not be delivered to an address that isn't a customer's,
	// or was not yet (Delayed).
	Bounced struct {
		Address, Why string
		Customer     string // whose address it is; empty: nobody's
		Update       time.Time
		Delayed      bool
		Report       Report
	}
	// Said says that a comment of the app's own is the one of a topic now.
	Said struct {
		Topic   string
		Comment int64
		Number  int // which result of a search it shows; 0 for all else
	}
	// Replied says that what became of a command was answered before the card was lost: what is done
	// only after its look. Fact is the command's.
	Replied struct{ Fact string }
	// TicketChanged says that the ticket of follow-up Index was closed, opened again, or given to
	// somebody else.
	TicketChanged struct {
		Index int
		Done  bool
		Owner string // empty: as it was
	}
	// Rebuilt says that the card was lost or tampered with, and the app had set these labels.
	Rebuilt struct {
		Phase    Phase
		Severity string
	}
	// CameBack is the app's own word that a source's report took the incident back to investigate,
	// at At. It brings that back in a timeline that is read again.
	CameBack struct {
		Source string
		At     time.Time
	}
	// PageFailed says that the page with this key could not be sent by one of its services.
	PageFailed struct{ Key, Service, Why string }
	// PageSkipped says that the page with this key was not sent, as it was late and not needed any
	// more.
	PageSkipped struct{ Key, Why string }
	// Acknowledged says that somebody answered the page with this key at the pager (I5). Name is
	// what the pager calls them.
	Acknowledged struct{ Key, Service, Name string }
	// BrokenConfig says that the configuration can't be used, and the last good one goes on. Where
	// names the version of the file; empty: it can be used again. Instead is set where the file was
	// removed: the repository whose configuration counts now, or "defaults".
	BrokenConfig struct{ Where, Why, Instead string }
	// BrokenOnCall says that the rotations can't be read as they are now, and the last good ones go on.
	// Where names the version; empty: nothing is wrong.
	BrokenOnCall struct{ Where, Why string }
	// BrokenTemplate says that the repository's postmortem template can't be used, and the
	// postmortem has the standard one. Where names the version of the file; empty: it can be used.
	BrokenTemplate struct{ Where, Why string }
	// ChangedBack says that somebody changed back what the app wrote, of which the timeline says
	// nothing. What is as a Contest has it.
	ChangedBack struct{ What string }
	// Unassignable says that GitHub does not take these people as assignees here.
	Unassignable struct{ Logins []string }
)

// NotACommand is the Why of a Misspelt line that begins like a command and isn't one.
const NotACommand = "not a command"

// Command is one command, parsed. Which fields are set depends on Kind; see Commands.
type Command struct {
	Kind      Kind
	Verb      string // as written: "incident", "ic", "oe"
	Text      string // what it says, possibly many lines
	Because   string // the reason after "because", where the command takes one
	Severity  string
	Phase     Phase
	Logins    []string            // people named, without @
	Names     []string            // repositories of `/incident changes`, the change of `/oe clear`, the service
	Teams     []string            // of the words of an escalation, those that are teams on GitHub, by slug
	Owners    map[string][]string // of the services among them, as looked up, by naming.Key
	Customers []string
	None      bool // the customer list says "none"
	Repo      string
	Due       string // YYYY-MM-DD
	Number    int    // issue number; of `/ic followup`, the follow-up that is changed
	After     time.Duration
	Entries   []Line // of a note
	Link      int64  // comment that `/ic pin` or unpin links to
	Quote     string // what the comment quotes, for `/ic pin` without a link
	// usage of the command that a declaration's first word is nearly: "/incident noet …"
	Like string
	// of Logins, those who may not respond, looked up before the fact is made; of a freeze, the repositories that
	// its author may not write to
	Cannot []string
	// why it is not known whether Logins may respond, or the author may write to Repo; empty: it is
	Unsure string
	// the comment that is meant, resolved from Link or Quote when the timeline is read
	Pin     *Stamp
	Org     string // organisation whose teams an escalation may name
	Unasked bool   // GitHub could not be asked whom an escalation names
	// the issue that a duplicate names, looked up before the fact is made; nil if it was not
	Other *Other

	Inputs []InputValue // of the workflow that `/oe run` names
	Member string       // in Slack, whose code `/incident link` has; empty: nobody's
}

// Line is one line of a note.
type Line struct {
	When Moment // the zero value where no time was given
	Text string
}
