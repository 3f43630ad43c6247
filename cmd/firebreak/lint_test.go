package main_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestC3Lint: the command tells a person what the check would.
func TestC3Lint(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var whole strings.Builder
	whole.WriteString("# Postmortem\n\n")
	for _, name := range []string{"Summary", "In numbers", "Trigger", "Detection", "Cause",
		"Contributing factors", "What went well",
		"What did not go well", "Where we were lucky", "What we learned"} {
		whole.WriteString("## " + name + "\n\nn/a\n\n")
	}
	for name, text := range map[string]string{
		"good.md":    whole.String(),
		"blaming.md": whole.String() + "It was human error.\n",
		"bad.md":     whole.String() + "TODO: more\n\n## For the customer\n\nCarol & Dora repaired it.\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	lint := func(args ...string) (status int, out, said string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), binary, append([]string{"lint"}, args...)...)
		var o, e bytes.Buffer
		cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &o, &e
		_ = cmd.Run() // the status says it
		return cmd.ProcessState.ExitCode(), o.String(), e.String()
	}
	settings := filepath.Join(dir, ".github", "firebreak")
	if err := os.MkdirAll(settings, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		filepath.Join(settings, "postmortem.md"): "# {{title}}\n\n{{range .Findings}}x{{end}}\n",
		filepath.Join(dir, "firebreak.yml"):      "pager: pigeon\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		args      []string
		status    int
		out, said string // what each of them holds
	}{
		{[]string{"good.md"}, 0, "", ""},
		{[]string{"--json", "good.md"}, 0, "[]\n", ""},
		{[]string{"blaming.md"}, 0,
			"blaming.md:43: “human error” blames: say what made it possible instead (blame, warning)\n", ""},
		{[]string{"good.md", "bad.md", "blaming.md"}, 1,
			"bad.md:43: TODO is left: replace it, or remove it (placeholder)\nblaming.md:43",
			"bad.md: 1 thing is missing"},
		{[]string{"--internal", "carol,@dora", "bad.md"}, 1, "bad.md:47: dora is internal",
			"bad.md: 3 things are missing"},
		{[]string{"nowhere.md", "bad.md"}, 1, "bad.md:43: TODO", "open nowhere.md: no such file or directory"},
		{[]string{"."}, 1, "", "is a directory"},
		{[]string{".github/firebreak/postmortem.md"}, 1,
			".github/firebreak/postmortem.md:3: column 1: {{range .Findings}} is from the templates of before",
			"the template can't be used"},
		{[]string{"firebreak.yml"}, 1, "firebreak.yml:1: column 8: ", "the configuration can't be used"},
		{nil, 2, "", "requires at least 1 arg"},
	} {
		status, out, said := lint(c.args...)
		if status != c.status || !strings.Contains(out, c.out) || !strings.Contains(said, c.said) ||
			c.out == "" && out != "" || c.said == "" && said != "" {
			t.Errorf("lint %v: status %d, want %d; it prints\n%sand says\n%s", c.args, status, c.status,
				out, said)
		}
	}
	_, out, _ := lint("--json", "--internal=carol", "bad.md")
	var got []map[string]any
	if err := json.Unmarshal([]byte(out), &got); err != nil || len(got) != 2 {
		t.Fatalf("%v in %s", err, out)
	}
	for name, want := range map[string]any{"file": "bad.md", "line": 47.0, "end_line": 47.0,
		"level": "failure", "rule": "internal-name"} {
		if got[1][name] != want {
			t.Errorf("%s is %v, want %v", name, got[1][name], want)
		}
	}
}
