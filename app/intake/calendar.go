package intake

import (
	"strings"

	"github.com/firebreak-dev/firebreak/app/lazily"
)

// invitation returns what an invitation to a call says: its title, when it begins, where it is,
// which is where the call's link is, and its description. https://www.rfc-editor.org/rfc/rfc5545
func invitation(calendar string) string {
	calendar = strings.ReplaceAll(calendar, "\r\n", "\n")
	calendar = folded.ReplaceAllString(calendar, "") // https://www.rfc-editor.org/rfc/rfc5545#section-3.1
	said := map[string]string{}
	inEvent := false
	for l := range strings.Lines(calendar) {
		name, value, _ := strings.Cut(strings.TrimRight(l, "\n"), ":")
		name, _, _ = strings.Cut(strings.ToUpper(name), ";")
		switch name {
		case "BEGIN", "END":
			if strings.EqualFold(value, "VEVENT") {
				inEvent = name == "BEGIN"
			}
		case "SUMMARY", "DTSTART", "LOCATION", "URL", "DESCRIPTION":
			if inEvent && said[name] == "" {
				said[name] = unescaped.Replace(value)
			}
		}
	}
	var lines []string
	for _, field := range []struct{ name, label string }{
		{"SUMMARY", "Invitation"}, {"DTSTART", "Begins"}, {"LOCATION", "Where"}, {"URL", "Link"}, {"DESCRIPTION", ""},
	} {
		switch value := strings.TrimSpace(said[field.name]); {
		case value == "":
		case field.label == "":
			lines = append(lines, value)
		default:
			lines = append(lines, field.label+": "+value)
		}
	}

	return strings.Join(lines, "\n")
}

var (
	// folded is where a long line of a calendar goes on in the next.
	folded = lazily.Compile(`\n[ \t]`)

	unescaped = strings.NewReplacer(`\n`, "\n", `\N`, "\n", `\,`, ",", `\;`, ";", `\\`, `\`)
)
