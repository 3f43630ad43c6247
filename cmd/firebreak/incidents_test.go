package main_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Scripts read what the card knows, by keys that stay (V4).
func TestV4IncidentsAreReadByScripts(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	demo := start(t, nil, "demo", "--listen", "127.0.0.1:0", "--data", data)
	text, err := os.ReadFile(filepath.Join(data, "firebreak.env"))
	if err != nil {
		t.Fatal(err)
	}
	drive(t, demo.url)
	for _, c := range []struct{ who, body string }{
		{"carol", `/ic customer add globex\n/ic severity critical\n/ic call https://meet.example/p1`},
		{"alice", `/oe\n/oe finding 5xx from eu-1 only\n/oe cause a memory limit`}, {"carol", `/incident impact half of all checkouts fail`},
	} {
		if status, said := request(t, c.who, "POST", demo.url+"/api/v3/repos/acme/incidents/issues/1/comments", `{"body":"`+c.body+`"}`); status != 201 {
			t.Fatalf("%s comments: %d %s", c.who, status, said)
		}
		settle(t, demo.url)
	}
	run := func(args ...string) (string, string, error) {
		cmd := exec.CommandContext(t.Context(), binary, append([]string{"incidents"}, args...)...)
		cmd.Env = strings.Fields(string(text))
		var said strings.Builder
		cmd.Stderr = &said
		out, err := cmd.Output()
		return string(out), said.String(), err
	}

	var list []map[string]any
	out, said, err := run("list", "--json", "--repository", "acme/incidents")
	if err != nil || json.Unmarshal([]byte(out), &list) != nil || len(list) != 1 {
		t.Fatalf("list: %v %s\n%s", err, said, out)
	}
	for _, key := range strings.Fields("number phase severity confirmed ic oes customers next_update updates pages cause workaround fix followups frozen suspects service") {
		if _, has := list[0][key]; !has {
			t.Errorf("the list lacks %q", key)
		}
	}
	one := list[0]
	if one["ic"] != "carol" || one["cause"] != "a memory limit" || one["phase"] != "fixing" || one["workaround"] != nil {
		t.Errorf("the list says %v", one)
	}
	var shown map[string]any
	if out, said, err := run("show", "acme/incidents#1", "--json"); err != nil || json.Unmarshal([]byte(out), &shown) != nil || shown["number"] != 1.0 {
		t.Errorf("show: %v %s\n%s", err, said, out)
	}
	out, said, err = run("brief", "1", "--repository", "acme/incidents")
	for _, want := range []string{"a memory limit", "5xx from eu-1 only", "half of all checkouts fail", "meet.example/p1", "alice"} {
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("the brief lacks %q: %v %s\n%s", want, err, said, out)
		}
	}
	for _, args := range [][]string{{"show", "x"}, {"show", "99", "--repository", "acme/incidents"}, {"list", "--repository", "acme"}, {"brief"}} {
		if out, said, err := run(args...); err == nil || !strings.HasPrefix(said, "firebreak: ") || strings.Contains(said, "\n\n") {
			t.Errorf("%s: %v, says %q and %q", slices.Concat(args), err, out, said)
		}
	}
}
