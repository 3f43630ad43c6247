package engine_test

import (
	"encoding/base64"
	"strings"
	"testing"
)

// The postmortem has the text of pinned comments, how people learned of the incident, and the impact
// (C2, V4).
func TestC2V4ThePostmortemHasWhatWasPinnedAndTheImpact(t *testing.T) {
	w := unjudged(t)
	w.tell("alice opens \"Checkout fails\"\n  Summary: Orders fail\n  Severity: critical\n  Customers impacted: none\n" +
		"  How did you learn of it?: a call from @gina\n" +
		"carol: /ic\nbob: The graph falls at 10:31\ncarol: /ic pin\nbob: Nothing of interest\ncarol: /ic pin\n" +
		"carol: /ic unpin\ncarol: /incident started 10:31 UTC\ncarol: /incident impact 30 % of orders fail\n" +
		"alice: /oe cause a limit\nalice: /oe fix the old limit\ncarol: /ic phase monitoring\nwait 24h\ncarol: /ic close")
	var files []struct{ Path string }
	w.ok("alice", "GET", "/api/v3/repos/acme/incidents/contents/postmortems?ref=postmortem/1", nil, &files)
	for _, f := range files {
		if !strings.HasSuffix(f.Path, ".md") {
			continue
		}
		var file struct{ Content string }
		w.ok("alice", "GET", "/api/v3/repos/acme/incidents/contents/"+f.Path+"?ref=postmortem/1", nil, &file)
		raw, _ := base64.StdEncoding.DecodeString(strings.ReplaceAll(file.Content, "\n", ""))
		text := string(raw)
		for _, want := range []string{"> The graph falls at 10:31", "> 30 % of orders fail", "a call from @\u2060gina",
			"| Impact began | 2 Mar 2026 10:31 UTC, 9 min before the declaration |", "From 2 Mar 2026 10:31 UTC (began)"} {
			if !strings.Contains(text, want) {
				t.Errorf("the postmortem lacks %q", want)
			}
		}
		if strings.Contains(text, "> Nothing of interest") {
			t.Error("the postmortem quotes what was unpinned")
		}
		if t.Failed() {
			t.Log(text)
		}
		return
	}
	t.Fatal("there is no postmortem")
}
