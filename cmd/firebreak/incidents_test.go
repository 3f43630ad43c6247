package main_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
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

// clockOf returns the time of an embedded GitHub, as RFC 3339 has it.
func clockOf(t *testing.T, url string) string {
	t.Helper()
	var clock struct{ Now time.Time }
	if status, said := request(t, "", "GET", url+"/sandbox/clock", ""); status != 200 || json.Unmarshal([]byte(said), &clock) != nil {
		t.Fatalf("the clock: %d %s", status, said)
	}
	return clock.Now.Format(time.RFC3339)
}

// putFile changes a file that is there.
func putFile(t *testing.T, url, content string) {
	t.Helper()
	var before struct{ SHA string }
	if status, said := request(t, "alice", "GET", url, ""); status != 200 || json.Unmarshal([]byte(said), &before) != nil {
		t.Fatalf("%s: %d %s", url, status, said)
	}
	body, err := json.Marshal(map[string]any{"message": "Change it", "sha": before.SHA, "content": []byte(content)})
	if err != nil {
		t.Fatal(err)
	}
	if status, said := request(t, "alice", "PUT", url, string(body)); status != 200 {
		t.Fatalf("%s: %d %s", url, status, said)
	}
}

// Who is on call is shown at a terminal, also of the past, and its calendars are served.
func TestO1OnCallAtATerminal(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	demo := start(t, nil, "demo", "--listen", "127.0.0.1:0", "--data", data)
	text, err := os.ReadFile(filepath.Join(data, "firebreak.env"))
	if err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) (string, string, error) {
		cmd := exec.CommandContext(t.Context(), binary, append([]string{"oncall"}, args...)...)
		cmd.Env = strings.Fields(string(text))
		var said strings.Builder
		cmd.Stderr = &said
		out, err := cmd.Output()
		return string(out), said.String(), err
	}
	var rows []struct {
		Rotation  string
		Now, Next struct{ OnCall []string }
	}
	out, said, err := run("acme/incidents", "--json")
	if err != nil || json.Unmarshal([]byte(out), &rows) != nil || len(rows) != 2 || len(rows[0].Now.OnCall) != 1 ||
		slices.Equal(rows[0].Now.OnCall, rows[0].Next.OnCall) {
		t.Fatalf("now: %v %s\n%s", err, said, out)
	}
	if out, said, err := run("acme/incidents", "primary"); err != nil || strings.Count(out, "\n") != 2 {
		t.Errorf("one rotation: %v %s\n%s", err, said, out)
	}
	if out, said, err := run("acme/incidents", "--at", "2019-01-01T00:00Z"); err == nil || !strings.Contains(said, "has no .github/oncall.yml at that time") {
		t.Errorf("before there was a file: %s %s", out, said)
	}
	file := filepath.Join(data, "oncall.yml")
	content := "rotations: {primary: {people: ['@alice', '@bob'], every: 1 day, start: 2026-01-05}}\n"
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, said, err := run("--file", file, "--at", "2026-01-06T10:00Z"); err != nil || !strings.Contains(out, "primary   bob      Wed 7 Jan 09:00 UTC  alice") {
		t.Errorf("of a file: %v %s\n%s", err, said, out)
	}
	if out, said, err := run("--file", file, "@alice", "--ics", "-"); err != nil || !strings.Contains(out, "BEGIN:VCALENDAR") ||
		!strings.Contains(out, "SUMMARY:primary: alice") {
		t.Errorf("as a calendar: %v %s\n%s", err, said, out)
	}
	written := filepath.Join(data, "primary.ics") // the same for everybody who reads the folder
	if out, said, err := run("--file", file, "primary", "--ics", written); err != nil || strings.Contains(out, "BEGIN:VCALENDAR") {
		t.Errorf("as a calendar on disk: %v %s\n%s", err, said, out)
	}
	if content, err := os.ReadFile(written); err != nil || !strings.HasPrefix(string(content), "BEGIN:VCALENDAR") ||
		!strings.Contains(string(content), "SUMMARY:primary: bob") {
		t.Errorf("the calendar on disk: %v\n%s", err, content)
	}
	out, said, err = run("acme/incidents", "--calendars", demo.url)
	addresses := strings.Fields(out)
	if err != nil || len(addresses) != 14 {
		t.Fatalf("addresses: %v %s\n%s", err, said, out)
	}
	if status, said := request(t, "", "GET", addresses[1], ""); status != 200 || !strings.Contains(said, "BEGIN:VEVENT") {
		t.Errorf("%s answers %d %s", addresses[1], status, said)
	}
	if status, _ := request(t, "", "GET", strings.Replace(addresses[1], "/calendar/", "/calendar/x", 1), ""); status != 404 {
		t.Errorf("a wrong secret gets %d", status)
	}
	if out, said, err := run("acme/incidents", "tertiary"); err == nil || !strings.Contains(said, "choose of primary, coordinators") {
		t.Errorf("an unknown rotation: %s %s", out, said)
	}

	atStart := clockOf(t, demo.url)
	shown, said, err := run("acme/incidents", "primary", "--at", atStart)
	if err != nil {
		t.Fatalf("at %s: %v %s", atStart, err, said)
	}
	request(t, "", "POST", demo.url+"/sandbox/clock", `{"advance":"2h"}`)
	content = "rotations: {primary: {people: ['@dan', '@erin'], every: 1 day, start: 2026-01-05}}\n"
	putFile(t, demo.url+"/api/v3/repos/acme/incidents/contents/.github/oncall.yml", content)
	if out, said, err := run("acme/incidents", "primary", "--at", atStart); err != nil || out != shown {
		t.Errorf("an edit changes who was on call before it: %v %s\n%s\nbefore it\n%s", err, said, out, shown)
	}
	if out, said, err := run("acme/incidents", "primary", "--at", clockOf(t, demo.url)); err != nil ||
		!strings.Contains(out, "dan") || !strings.Contains(out, "erin") {
		t.Errorf("by the newest file: %v %s\n%s", err, said, out)
	}
}
