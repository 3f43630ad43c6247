package command

import (
	"strings"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// Help returns rows as a Markdown table: the command, what it does, who may use it.
func Help(rows []incident.Row) string {
	var b strings.Builder
	b.WriteString("| command | what it does | who may use it |\n|---|---|---|\n")
	for _, r := range rows {
		b.WriteString("| " + code(r.Usage))
		for _, verb := range r.Verbs[min(1, len(r.Verbs)):] {
			b.WriteString(", " + code("/"+verb+" "+r.Word+" …"))
		}
		b.WriteString(" | " + cell(r.Does) + " | " + cell(r.Who.String()) + " |\n")
	}
	return b.String()
}

// groups are the verbs with whom they are for.
var groups = []struct{ verb, title string }{
	{incident.VerbIncident, "Everybody"},
	{incident.VerbIC, "The Incident Coordinator"},
	{incident.VerbOE, "The Operations Engineer"},
}

// Table returns all commands as Markdown, grouped by their verb, for docs/commands.md.
func Table() string {
	var parts []string
	for _, g := range groups {
		var rows []incident.Row
		for _, r := range incident.Commands {
			if r.Verbs[0] == g.verb {
				rows = append(rows, r)
			}
		}
		parts = append(parts, "**"+g.title+"**, `/"+g.verb+"`\n\n"+Help(rows))
	}
	return strings.Join(parts, "\n")
}

func code(s string) string { return "`" + cell(s) + "`" }

// cell keeps a text from ending its cell.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
