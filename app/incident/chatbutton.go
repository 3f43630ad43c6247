package incident

import "strings"

// ChatButton is a button of the card in the incident's channel in Slack (S1): it is a command that is given at once, or
// opens the form of one that needs words.
type ChatButton struct {
	Command string // "/ic phase fixing"; of a form "/ic update"
	Label   string // plain text
	Seen    string // what of the incident the command is for, as long as it is offered; see State.SeenFor
	IsForm  bool
	Of      string // the incident that it is for, owner/repo#number; empty: that of the channel that it is in
}

// ChatForm is a form in Slack: for a command that needs words.
type ChatForm struct {
	Command string
	Button  string // opens it
	Title   string // at most 24 characters
	Label   string // of the field
	Hint    string
	Whom    string // label of a field with names, which may be empty; empty: the form has none
}

// ChatForms lists the forms in Slack.
var ChatForms = []ChatForm{
	{Command: "/ic update", Button: "Customer update …", Title: "Customer update",
		Label: "What you know, what you do, when you'll be back", Hint: "Customers read it as it is."},
	{Command: "/oe finding", Button: "Finding …", Title: "Finding", Label: "What you see",
		Hint: "It goes on the incident's timeline."},
	{Command: "/oe cause", Button: "Cause …", Title: "Root cause", Label: "Why it happens",
		Hint: "Fixing can start once the cause is known."},
	{Command: "/oe workaround", Button: "Workaround …", Title: "Workaround", Label: "What helps for now"},
	{Command: "/oe fix", Button: "Fix …", Title: "Fix", Label: "What solves it, or owner/repo#n"},
	{Command: "/ic escalate", Button: "Page more people …", Title: "Page more people", Label: "Why",
		Hint: "They read it in the page. Without a name the coordinators are paged.",
		Whom: "Whom: @user, @org/team, a group, a service"},
}

// ChatFormOf returns the form of a command, and whether it has one.
func ChatFormOf(command string) (ChatForm, bool) {
	for _, f := range ChatForms {
		if f.Command == command {
			return f, true
		}
	}
	return ChatForm{}, false
}

// mostChatButtons is how many commands the card in Slack has buttons for, besides the forms.
const mostChatButtons = 5

// ChatButtons returns the buttons of the card in Slack: what the card on GitHub offers as boxes, and the
// forms whose commands somebody may use now.
func ChatButtons(s State, p Policy) (all []ChatButton) {
	if !s.Running() {
		return nil
	}
	for _, h := range Hints(s, p) {
		b, ok := BoxFor(h.Command, p)
		if _, isForm := ChatFormOf(b.Command); !ok || isForm || len(all) >= mostChatButtons {
			continue
		}
		all = append(all, ChatButton{Command: b.Command, Label: strings.ReplaceAll(b.Label, "**", ""),
			Seen: s.SeenFor(b.Command)})
	}
	for _, f := range ChatForms {
		if _, ok := s.audience(fillCommand(f.Command+" …"), p); ok {
			all = append(all, ChatButton{Command: f.Command, Label: f.Button, IsForm: true})
		}
	}
	return all
}

// SeenFor returns what of the incident a command without words is for: once that is another one, a button
// that was shown before is an old one, and two presses of one button are one command.
func (s State) SeenFor(command string) string {
	switch fillCommand(command).Kind {
	case MovePhase, Close:
		return string(s.Phase)
	case SetSeverity:
		if s.Confirmed == nil {
			return ""
		}
		return s.Severity
	case TakeIC:
		return s.IC
	}
	return ""
}

// What the action of a button begins with.
const (
	runAction  = "run "
	formAction = "form "
)

// Action returns what names the button in Slack, and what comes back with a press.
func (b ChatButton) Action() (id, value string) {
	if b.IsForm {
		return formAction + b.Command, ""
	}
	if b.Of != "" {
		return runAction + b.Command, ofValue + b.Of
	}
	return runAction + b.Command, b.Seen
}

// ofValue begins the value of a button that names its incident.
const ofValue = "of "

// SeverityButtons returns buttons by which the severity of an incident is confirmed outside its channel, which there
// isn't before that.
func SeverityButtons(of Ref, p Policy) (all []ChatButton) {
	for _, s := range p.Severities {
		if len(all) < mostChatButtons {
			all = append(all, ChatButton{Command: "/ic severity " + s.Name, Label: s.Name, Of: of.String()})
		}
	}
	return all
}

// ReadChatButton reads what Action wrote, and reports whether it is one of ours.
func ReadChatButton(id, value string) (ChatButton, bool) {
	if command, ok := strings.CutPrefix(id, formAction); ok {
		f, isForm := ChatFormOf(command)
		return ChatButton{Command: command, Label: f.Button, IsForm: true}, isForm
	}
	command, ok := strings.CutPrefix(id, runAction)
	b := ChatButton{Command: command, Seen: value}
	if of, names := strings.CutPrefix(value, ofValue); names {
		b.Of, b.Seen = of, ""
	}
	return b, ok && strings.HasPrefix(command, "/")
}
