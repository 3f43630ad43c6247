package ports

import (
	"fmt"
	"strings"
	"testing"
)

// A commit of a merge queue may be merged where all that it brings is let through. What is not let through is to leave;
// what is behind it waits (X4).
func TestX4JudgeQueue(t *testing.T) {
	for name, c := range map[string]struct{ queue, want string }{
		"nothing waits":                       {"", ""},
		"none is let through":                 {"1 2", "1=pending 2=pending"},
		"all are":                             {"1! 2!", "1=success 2=success"},
		"the one behind is":                   {"1 2!", "1=failure"},
		"the first one is":                    {"1! 2", "1=success 2=pending"},
		"one in between isn't":                {"1! 2 3! 4", "1=success 2=failure 4=pending"},
		"whatever the order they are read in": {"@2:2 @1:1! @3:3!", "1=success 2=failure"},
		"a commit is not made yet":            {"1?  2!", ""},
		"what is in no queue does not count":  {"@0:9 1!", "1=success"},
		"auto-merge alone":                    {"@0:9", ""},
	} {
		var waiting []WaitingPull
		let := map[int]bool{}
		for i, word := range strings.Fields(c.queue) {
			w := WaitingPull{Place: i + 1}
			if at, rest, ok := strings.Cut(word, ":"); ok {
				w.Place, word = int(at[1]-'0'), rest
			} else {
				w.Place = len(waiting) + 1
			}
			w.Number = int(word[0] - '0')
			if let[w.Number] = strings.HasSuffix(word, "!"); !strings.HasSuffix(word, "?") {
				w.Group = fmt.Sprint(w.Number)
			}
			waiting = append(waiting, w)
		}
		var got []string
		for _, s := range JudgeQueue(waiting, func(w WaitingPull) bool { return let[w.Number] }) {
			got = append(got, s.Commit+"="+s.State)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
