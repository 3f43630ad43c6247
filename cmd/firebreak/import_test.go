package main_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestImport: the sample exports become files, nothing is overwritten, and mistakes are said.
func TestImport(t *testing.T) {
	t.Parallel()
	const data = "../../app/moving/testdata/"
	run := func(in string, args ...string) (status int, out, said string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), binary, append([]string{"import"}, args...)...)
		var o, e bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(in), &o, &e
		_ = cmd.Run() // the status says it
		return cmd.ProcessState.ExitCode(), o.String(), e.String()
	}
	dir := t.TempDir()
	people := []string{"--people", data + "people.yml", "--from", "2026-12-01"}
	opsgenie := append([]string{"opsgenie", data + "opsgenie"}, people...)
	status, out, said := run("", opsgenie...)
	for _, want := range []string{"# --- .github/oncall.yml", "\nescalation:\n", "No counterpart", "<- differs"} {
		if status != 0 || !strings.Contains(out, want) {
			t.Fatalf("%d %s: no %q in\n%s", status, said, want, out)
		}
	}
	if status, out, said = run("", append(opsgenie, "--out", dir)...); status != 0 || strings.Contains(out, "\nescalation:\n") {
		t.Fatalf("%d %s\n%s", status, said, out)
	}
	for name, want := range map[string]string{"oncall.yml": "rotations:", "firebreak.yml": "escalation:"} {
		if content, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !strings.Contains(string(content), want) {
			t.Errorf("%s: %v %s", name, err, content)
		}
	}
	if status, _, said = run("", append(opsgenie, "--out", dir)...); status != 1 || !strings.Contains(said, "--force") {
		t.Errorf("over what is there: %d %s", status, said)
	}
	if status, out, said = run("", append(opsgenie, "--out", dir, "--force")...); status != 0 ||
		!strings.Contains(out, "put this in firebreak.yml") {
		t.Errorf("with --force: %d %s\n%s", status, said, out)
	}
	if status, out, said = run("", append([]string{"pagerduty", data + "pagerduty"}, people...)...); status != 0 ||
		!strings.Contains(out, "no difference") {
		t.Errorf("PagerDuty: %d %s\n%s", status, said, out)
	}
	for _, c := range []struct {
		args   []string
		status int
		said   string
	}{
		{[]string{"pigeon", "x"}, 2, "choose opsgenie or pagerduty"},
		{[]string{"opsgenie"}, 2, "--key-file"},
		{[]string{"opsgenie", "missing.json"}, 2, "there is no file missing.json"},
		{[]string{"opsgenie", data + "opsgenie", "--key-file", "-"}, 2, "not both"},
		{[]string{"opsgenie", "--key-file", "-"}, 1, "doesn't hold an API key"},
		{[]string{"opsgenie", data + "opsgenie", "--region", "mars"}, 2, "us or eu"},
		{[]string{"opsgenie", data + "opsgenie", "--from", "soon"}, 2, "2026-12-07"},
		{[]string{"opsgenie", data + "opsgenie", "--policy", "P9"}, 1, "choose of: P1"},
		{[]string{"opsgenie", data + "people.yml"}, 1, "people.yml"},
		{[]string{"opsgenie", data + "opsgenie", "--people", data + "opsgenie.txt"}, 1, "opsgenie.txt"},
	} {
		if status, _, said := run("no key here", c.args...); status != c.status || !strings.Contains(said, c.said) {
			t.Errorf("%v: %d %s", c.args, status, said)
		}
	}
}
