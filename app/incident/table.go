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

// Commands is the table of commands, in the order in which help shows them.
var Commands = []Row{
	{Declare, []string{"incident"}, "", "/incident [severity] [summary]", "declare this issue as an incident", Responder, false},
	{Help, []string{"incident"}, "help", "/incident help", "show what you can do now, and all commands", Anyone, false},
	{Status, []string{"incident"}, "status", "/incident status", "refresh the card", Responder, false},
	{Note, []string{"incident"}, "note", "/incident note [HH:MM] text", "add timeline entries, one per line; with a time, at that time", Responder, true},
	{Decline, []string{"incident"}, "decline", "/incident decline why", "false alarm: close it as not planned, not counted", Responder, false},
	{Duplicate, []string{"incident"}, "duplicate", "/incident duplicate #n", "close it as a duplicate of another incident", Responder, false},

	{TakeIC, []string{"ic"}, "", "/ic", "take the role of Incident Coordinator", Responder, false},
	{GiveIC, []string{"ic"}, "", "/ic @user", "hand the role over: they have it once they answer `/ic`", HolderIC, false},
	{SetSeverity, []string{"ic"}, "severity", "/ic severity critical [why]", "confirm or change the severity", HolderIC, false},
	{AddCustomer, []string{"ic"}, "customer add", "/ic customer add NAME…", "add impacted customers, or `none`", HolderIC, false},
	{RemoveCustomer, []string{"ic"}, "customer remove", "/ic customer remove NAME…", "remove customers that are not impacted", HolderIC, false},
	{Escalate, []string{"ic"}, "escalate", "/ic escalate [@user, @org/team, group] why", "page more people; without a name, the coordinators", HolderIC, false},
	{Update, []string{"ic"}, "update", "/ic update text", "tell every impacted customer, and restart the clock", HolderIC, true},
	{Told, []string{"ic"}, "told", "/ic told [customer] how", "record that you told them yourself, by phone or in their room; counts as the update", HolderIC, true},
	{Snooze, []string{"ic"}, "snooze", "/ic snooze 15m why", "move the next customer update", HolderIC, false},
	{Pin, []string{"ic"}, "pin", "/ic pin [link] [note]", "keep a comment in the timeline: the linked or quoted one, else the one above", HolderIC, false},
	{Unpin, []string{"ic"}, "unpin", "/ic unpin [link]", "remove a pinned comment again: the linked or quoted one, else the last", HolderIC, false},
	{MovePhase, []string{"ic"}, "phase", "/ic phase NAME [because why]", "move to another phase, as changing the label does", HolderIC, false},
	{Agree, []string{"ic"}, "agree", "/ic agree who and how", "record that the customer agrees that it is over", HolderIC, true},
	{AddFollowUp, []string{"ic", "oe"}, "followup", "/ic followup [owner/repo] title [@owner] [due:DATE]", "add a follow-up ticket", Holder, false},
	{Close, []string{"ic"}, "close", "/ic close", "close the incident; opens the postmortem and the tickets", HolderIC, false},

	{Postmortem, []string{"ic", "oe"}, "postmortem", "/ic postmortem", "refresh the facts in the postmortem", Holder, false},

	{TakeOE, []string{"oe"}, "", "/oe", "take the role of Operations Engineer: you debug", Responder, false},
	{GiveOE, []string{"oe"}, "", "/oe @user", "make somebody Operations Engineer", Holder, false},
	{DropOE, []string{"oe"}, "drop", "/oe drop", "leave the role of Operations Engineer", HolderOE, false},
	{Finding, []string{"oe"}, "finding", "/oe finding text", "record what you see", HolderOE, true},
	{Action, []string{"oe"}, "action", "/oe action text", "record a change that you made to a system", HolderOE, true},
	{Cause, []string{"oe"}, "cause", "/oe cause text", "record the root cause", HolderOE, true},
	{Workaround, []string{"oe"}, "workaround", "/oe workaround text", "record the temporary fix", HolderOE, true},
	{Fix, []string{"oe"}, "fix", "/oe fix text or owner/repo#n", "record the permanent fix", HolderOE, true},
	{Regression, []string{"oe"}, "regression", "/oe regression text", "it came back: investigate again", Holder, true},
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
