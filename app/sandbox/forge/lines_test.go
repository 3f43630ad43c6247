package forge

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestMergeTexts(t *testing.T) {
	const was = "a\nb\nc\nd\ne\n"
	for name, test := range map[string]struct{ ours, theirs, want string }{
		"far from each other":  {"A\nb\nc\nd\ne\n", "a\nb\nc\nd\nE\n", "A\nb\nc\nd\nE\n"},
		"the same line":        {"a\nb\nX\nd\ne\n", "a\nb\nY\nd\ne\n", "conflict"},
		"next to each other":   {"a\nB\nc\nd\ne\n", "a\nb\nC\nd\ne\n", "conflict"},
		"the same change":      {"a\nX\nc\nd\ne\n", "a\nX\nc\nd\nE\n", "a\nX\nc\nd\nE\n"},
		"lines more and fewer": {"0\na\nb\nc\nd\ne\n", "a\nb\nc\n", "0\na\nb\nc\n"},
		"one side alone":       {was, "a\n", "a\n"},
		"all of it":            {"x\n", "a\nb\nc\nd\ne\nf\n", "conflict"},
		"no binary file":       {"a\xff", "a\nb\n", "conflict"},
		"the last line's end":  {"A\nb\nc\nd\ne\n", "a\nb\nc\nd\ne", "A\nb\nc\nd\ne"},
	} {
		got, ok := mergeTexts(was, test.ours, test.theirs)
		if !ok {
			got = "conflict"
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// Git itself says what a merge comes to, where the same lines are taken for the same.
func TestMergeTextsIsGits(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("there is no git")
	}
	random := rand.New(rand.NewPCG(1, 2))
	change := func(lines []string) string {
		var out []string
		for n, line := range lines {
			switch random.IntN(12) {
			case 0:
				continue
			case 1:
				line += "!"
			case 2:
				out = append(out, line+" new "+string(rune('a'+n)))
			}
			out = append(out, line)
		}
		return strings.Join(out, "\n") + "\n"
	}
	folder := t.TempDir()
	conflicts := 0
	for n := range 150 {
		var lines []string
		for i := range 14 {
			lines = append(lines, strings.Repeat("x", i+1)) // each its own, so that there is one best difference
		}
		texts := map[string]string{"was": strings.Join(lines, "\n") + "\n", "ours": change(lines), "theirs": change(lines)}
		for name, text := range texts {
			if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command("git", "merge-file", "-p", "ours", "was", "theirs")
		cmd.Dir = folder
		want, err := cmd.Output()
		got, ok := mergeTexts(texts["was"], texts["ours"], texts["theirs"])
		if ok != (err == nil) || ok && got != string(want) {
			t.Errorf("%d: merged %t, git says %v\n%q\n%q\n%q\n%s", n, ok, err, texts["was"], texts["ours"], texts["theirs"], want)
		}
		if !ok {
			conflicts++
		}
	}
	if conflicts == 0 || conflicts == 150 {
		t.Errorf("%d conflicts", conflicts)
	}
}
