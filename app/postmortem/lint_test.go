package postmortem

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// written is a document with the prompts replaced by what people would write.
func written(t *testing.T, f Facts) string {
	t.Helper()
	document, err := Document(f)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(document, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, Placeholder) {
			lines[i] = "The disk was full, and nothing warned of it."
		}
	}
	return strings.Join(lines, "\n")
}

// found gives problems as `line rule`, with ! for warnings.
func found(problems []Problem) []string {
	var out []string
	for _, p := range problems {
		s := fmt.Sprintf("%d %s", p.Line, p.Rule)
		if p.EndLine != p.Line {
			s = fmt.Sprintf("%d-%d %s", p.Line, p.EndLine, p.Rule)
		}
		if p.Level == Warning {
			s += "!"
		}
		out = append(out, s)
	}
	return out
}

// TestC3FreshDocument: what Firebreak writes lacks what only people know, and nothing else.
func TestC3FreshDocument(t *testing.T) {
	for name, f := range map[string]Facts{"rich": rich(), "minimal": minimal(), "drill": drill()} {
		t.Run(name, func(t *testing.T) {
			document, err := Document(f)
			if err != nil {
				t.Fatal(err)
			}
			var want, late []string
			for i, line := range strings.Split(document, "\n") {
				if strings.HasPrefix(line, Placeholder) {
					want = append(want, fmt.Sprintf("%d prompt", i+1))
				}
				if strings.Contains(line, "not opened yet") {
					want = append(want, fmt.Sprintf("%d follow-up!", i+1))
					late = append(late, fmt.Sprintf("%d follow-up!", i+1))
				}
			}
			if diff := cmp.Diff(want, found(Lint(document, LintOptions{}))); diff != "" {
				t.Errorf("fresh (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(late, found(Lint(written(t, f), LintOptions{}))); diff != "" {
				t.Errorf("written (-want +got):\n%s", diff)
			}
		})
	}
}
