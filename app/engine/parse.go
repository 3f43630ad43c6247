package engine

import (
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/firebreak-dev/firebreak/app/command"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// parse returns the commands of a comment. A comment that makes the parser fail is answered, and
// must not keep the incident from being looked at for ever (A8).
func (r *reconciliation) parse(body string) (commands []any) {
	defer func() {
		if failure := recover(); failure != nil {
			r.Logger.Error("comment not parsed", "incident", r.Ref.String(), "bytes", len(body), "panic",
				fmt.Sprint(failure), "stack", string(debug.Stack()))
			line, _, _ := strings.Cut(strings.TrimSpace(body), "\n")
			commands = []any{incident.Misspelt{Line: line, Why: "I can't read this comment"}}
		}
	}()
	return command.Parse(body)
}
