package incident

// Kind names a command.
type Kind string

// The commands.
const (
	Declare        Kind = "declare"
	Help           Kind = "help"
	Status         Kind = "status"
	Note           Kind = "note"
	Decline        Kind = "decline"
	Duplicate      Kind = "duplicate"
	TakeIC         Kind = "ic"
	GiveIC         Kind = "ic @user"
	SetSeverity    Kind = "severity"
	AddCustomer    Kind = "customer add"
	RemoveCustomer Kind = "customer remove"
	Escalate       Kind = "escalate"
	Update         Kind = "update"
	Told           Kind = "told"
	Snooze         Kind = "snooze"
	Pin            Kind = "pin"
	Unpin          Kind = "unpin"
	MovePhase      Kind = "phase"
	Agree          Kind = "agree"
	AddFollowUp    Kind = "followup"
	Close          Kind = "close"
	Postmortem     Kind = "postmortem"
	TakeOE         Kind = "oe"
	GiveOE         Kind = "oe @user"
	DropOE         Kind = "drop"
	Finding        Kind = "finding"
	Action         Kind = "action"
	Cause          Kind = "cause"
	Workaround     Kind = "workaround"
	Fix            Kind = "fix"
	Regression     Kind = "regression"
)

// Who tells who may use a command. It is what Step enforces and what help prints.
type Who int

// The permissions, from the widest.
const (
	Anyone    Who = iota // everybody who can comment
	Responder            // write access, or a member of a configured team (A3)
	HolderIC             // who holds IC; until somebody takes it, the declarer (V2)
	HolderOE             // who holds OE; until somebody takes it, whoever holds IC (V2)
	Holder               // either of them
)

// String says it in words, for help and the README.
func (w Who) String() string {
	return [...]string{"anyone", "responders", "IC", "OE", "IC or OE"}[w]
}

// Row is one command of the table: parsing, permission, help and the README come from it and from nowhere else.
type Row struct {
	Kind  Kind
	Verbs []string // "incident", "ic", "oe"
	Word  string   // what follows the verb: "severity", "customer add"; empty for the verb alone
	Usage string   // as a person writes it
	Does  string   // what it does, in one line
	Who   Who
	Text  bool // it writes words into the timeline: an edit of them corrects, and does not say them again
}

// Commands is the table of commands, in the order in which help tells them.
var Commands = []Row{
	{Declare, []string{"incident"}, "", "/incident [severity] [summary]", "declares this issue as an incident", Responder, false},
	{Help, []string{"incident"}, "help", "/incident help", "shows the commands that make sense now and who may use each", Anyone, false},
	{Status, []string{"incident"}, "status", "/incident status", "refreshes the card", Responder, false},
	{Note, []string{"incident"}, "note", "/incident note [HH:MM] text", "writes timeline entries, back-dated if a time is given; one per line", Responder, true},
	{Decline, []string{"incident"}, "decline", "/incident decline why", "false alarm: closes it as not planned, out of the metrics", Responder, false},
	{Duplicate, []string{"incident"}, "duplicate", "/incident duplicate #n", "folds it into the other incident", Responder, false},

	{TakeIC, []string{"ic"}, "", "/ic", "takes the role of Incident Coordinator", Responder, false},
	{GiveIC, []string{"ic"}, "", "/ic @user", "hands the role over; it moves when they answer `/ic`", HolderIC, false},
	{SetSeverity, []string{"ic"}, "severity", "/ic severity critical [why]", "confirms or changes the severity", HolderIC, false},
	{AddCustomer, []string{"ic"}, "customer add", "/ic customer add NAME…", "adds impacted customers, or `none`", HolderIC, false},
	{RemoveCustomer, []string{"ic"}, "customer remove", "/ic customer remove NAME…", "removes customers that are not impacted", HolderIC, false},
	{Escalate, []string{"ic"}, "escalate", "/ic escalate [@user, @org/team, group] why", "pages more people; without a target, the coordinators", HolderIC, false},
	{Update, []string{"ic"}, "update", "/ic update text", "tells every impacted customer, and restarts the clock", HolderIC, true},
	{Told, []string{"ic"}, "told", "/ic told [customer] how", "notes that you told them yourself, by phone or in their room; counts as the update", HolderIC, true},
	{Snooze, []string{"ic"}, "snooze", "/ic snooze 15m why", "moves the next customer update", HolderIC, false},
	{Pin, []string{"ic"}, "pin", "/ic pin [link] [note]", "pins a comment into the timeline: the linked, the quoted, or the one before", HolderIC, false},
	{Unpin, []string{"ic"}, "unpin", "/ic unpin [link]", "takes it out again", HolderIC, false},
	{MovePhase, []string{"ic"}, "phase", "/ic phase NAME [because why]", "moves the phase, as the label does", HolderIC, false},
	{Agree, []string{"ic"}, "agree", "/ic agree who and how", "records that the customer agrees there is no regression", HolderIC, true},
	{AddFollowUp, []string{"ic", "oe"}, "followup", "/ic followup [owner/repo] title [@owner] [due:DATE]", "leaves work that becomes a ticket on closing", Holder, false},
	{Close, []string{"ic"}, "close", "/ic close", "closes up: postmortem and tickets", HolderIC, false},

	{Postmortem, []string{"ic", "oe"}, "postmortem", "/ic postmortem", "writes the facts in the postmortem's pull request anew", Holder, false},

	{TakeOE, []string{"oe"}, "", "/oe", "takes the role of Operations Engineer", Responder, false},
	{GiveOE, []string{"oe"}, "", "/oe @user", "gives it to somebody beside you", Holder, false},
	{DropOE, []string{"oe"}, "drop", "/oe drop", "leaves the role", HolderOE, false},
	{Finding, []string{"oe"}, "finding", "/oe finding text", "writes down what you see", HolderOE, true},
	{Action, []string{"oe"}, "action", "/oe action text", "writes down a change that you applied to a system", HolderOE, true},
	{Cause, []string{"oe"}, "cause", "/oe cause text", "the root cause; proposes `fixing`", HolderOE, true},
	{Workaround, []string{"oe"}, "workaround", "/oe workaround text", "the temporary fix; proposes `monitoring`", HolderOE, true},
	{Fix, []string{"oe"}, "fix", "/oe fix text or owner/repo#n", "the permanent fix; proposes `monitoring`", HolderOE, true},
	{Regression, []string{"oe"}, "regression", "/oe regression text", "it came back: the phase returns to `investigate`", HolderOE, true},
}

// RowOf finds a command's row.
func RowOf(kind Kind) Row {
	for _, r := range Commands {
		if r.Kind == kind {
			return r
		}
	}
	return Row{}
}
