package words

import (
	"strings"

	"github.com/firebreak-dev/firebreak/app/texts"
)

// Off returns how far the first words of a line are from a name of as many words; texts.Far if too
// far to be meant.
func Off(line, name string) int {
	var got []string
	for range strings.Fields(name) {
		var w string
		w, line = Cut(line)
		got = append(got, strings.TrimRight(w, Marks))
	}
	said, limit := strings.Join(got, " "), max(1, len(name)/3)
	if len(said) > len(name)+limit {
		return texts.Far
	}
	if d := texts.Distance(said, name); d <= limit {
		return d
	}
	return texts.Far
}

// IsNear reports whether the first words of a line probably mean a name.
func IsNear(line, name string) bool { return Off(line, name) < texts.Far }
