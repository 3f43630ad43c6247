package templates

import (
	"fmt"
	"strings"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// CoverCommit returns the message of a commit that changes who is on call, and the text of its pull
// request.
func CoverCommit(c incident.CoverChange, from incident.Ref) string {
	verb, covers := "Add", c.Add
	if len(c.Remove) > 0 {
		verb, covers = "Take back", c.Remove
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s on call\n\n", verb, Plural(len(covers), "cover", "covers"))
	for _, one := range covers {
		fmt.Fprintf(&b, "- %s takes over", strings.TrimPrefix(one.Who, "@"))
		if one.For != "" {
			fmt.Fprintf(&b, " from %s", strings.TrimPrefix(one.For, "@"))
		}
		fmt.Fprintf(&b, " in %s, %s until %s UTC\n", one.Rotation, one.From.UTC().Format("Mon 2 Jan 15:04"),
			one.Until.UTC().Format("Mon 2 Jan 15:04"))
	}
	fmt.Fprintf(&b, "\n%s asked for it in %s.\n", c.By, from)
	return b.String()
}

// onCallName returns who is on call, inert, so that nobody is mentioned.
func onCallName(who string) string { return texts.Inert(strings.TrimPrefix(who, "@"), 60) }
