package incident

import (
	"errors"
	"strings"

	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/words"
)

// LinkChat links a member of the workspace in Slack to whoever writes it on GitHub (S3).
const LinkChat Kind = "link"

var _ = register(Row{
	Kind: LinkChat, Verbs: []string{VerbIncident}, Word: "link",
	Usage: "/incident link CODE", Does: "have your commands in Slack count as yours: the code is what " +
		"`/incident link` answers there",
	Example: "/incident link K7QD-93PM", Who: Responder, Place: 170, AfterClosing: true, AfterEnding: true,
}, parseLink, (*run).linkChat)

// chatCode is a code, as people may write it.
var chatCode = lazily.Compile(`^[A-Z0-9]{4}-?[A-Z0-9]{4}$`)

// parseLink reads the code, or "none".
func parseLink(w words.Words) (Command, error) {
	code := strings.ToUpper(strings.TrimSpace(w.Line))
	switch {
	case code == "NONE":
		return Command{None: true}, nil
	case !chatCode.MatchString(code):
		return Command{}, errors.New("add the code that `/incident link` answers in Slack, in the channel of an incident")
	}
	return Command{Text: strings.ReplaceAll(code, "-", "")}, nil
}

// linkChat answers what came of it. The engine has looked the code up, and keeps who is who.
func (r *run) linkChat(c Command) {
	if c.Member == "" && !c.None {
		r.react(Unclear)
		r.reply(Say{Name: "link-unknown"})
		return
	}
	r.done()
	r.reply(Say{Name: "linked", Line: c.Member})
}
