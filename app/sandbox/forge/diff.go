package forge

import (
	"strings"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/diff"
)

// unified returns the difference of two texts as GitHub's patches are: without the files' names.
// Binary files have none.
func unified(before, after string) (patch string, additions, deletions int) {
	if !utf8.ValidString(before) || !utf8.ValidString(after) {
		return "", 0, 0
	}
	full := string(diff.Diff("a", []byte(before), "b", []byte(after)))
	at := strings.Index(full, "@@")
	if at < 0 {
		return "", 0, 0
	}
	patch = strings.TrimSuffix(full[at:], "\n")
	for line := range strings.SplitSeq(patch, "\n") {
		switch {
		case strings.HasPrefix(line, "+"):
			additions++
		case strings.HasPrefix(line, "-"):
			deletions++
		}
	}
	return patch, additions, deletions
}
