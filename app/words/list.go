package words

import (
	"regexp"
	"slices"
	"strings"
)

var (
	bullet = regexp.MustCompile(`^(?:[-*+]|\d{1,2}[.)])\s+`)
	nobody = []string{"none", "nobody", "no one", "no customer", "no customers"}
)

// around are the quotes and marks around a name.
const around = " \t.:!\"'`*“”„‘’«»"

// CutBullet returns a line without the mark that makes it an item of a list.
func CutBullet(line string) string { return bullet.ReplaceAllString(line, "") }

// List reads names with commas, semicolons or new lines between them, since names may hold spaces,
// each once without case. none is set if it holds no name and says so: "none", "no customers".
func List(text string) (names []string, none bool) {
	for name := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == ';' || r == '\n' }) {
		name = strings.Trim(CutBullet(strings.TrimSpace(name)), around)
		if contains(nobody, name) {
			none = true
		} else if strings.Trim(name, "-*+&") != "" && !strings.EqualFold(name, "and") && !contains(names, name) {
			names = append(names, name)
		}
	}
	return names, none && len(names) == 0
}

// contains reports whether a list has a name, without case.
func contains(list []string, name string) bool {
	return slices.ContainsFunc(list, func(n string) bool { return strings.EqualFold(n, name) })
}
