package card

import (
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// One line says what is frozen, how strongly, what waits and what was let through; what is over has none (X4).
func TestX4TheCardShowsFreezes(t *testing.T) {
	head := strings.Repeat("a", 40)
	for want, f := range map[string]incident.Freeze{
		"**acme/payments** is about to be frozen": {},
		"[acme/payments](<https://x/rules/7>) until 14:00 UTC, GitHub refuses merges": {From: noon, Way: incident.FreezeByRuleset,
			URL: "https://x/rules/7"},
		"**acme/payments** until 14:00 UTC, GitHub refuses merges": {From: noon, Way: incident.FreezeByRuleset,
			URL: "https://x> [y](<https://evil.example"},
		"**acme/payments** until 14:00 UTC, by a status alone: GitHub does not hold merges, 2 merges wait": {From: noon,
			Way: incident.FreezeByStatus, Held: []incident.HeldPull{{Pull: 1}, {Pull: 2}}},
		"**acme/payments** until 14:00 UTC, by asking alone: GitHub does not hold merges, 1 merge waits": {From: noon,
			Way: incident.FreezeByWord, Held: []incident.HeldPull{{Pull: 1}}},
		"**acme/payments** until 14:00 UTC, GitHub refuses merges, acme/payments#41 was let through": {From: noon,
			Way: incident.FreezeByRuleset, Through: []incident.Exception{{Pull: 41, Head: head}, {Pull: 42}, {Pull: 43, Failed: true}}},
		"**acme/payments** until 14:00 UTC, GitHub refuses merges, changed by hand, **trouble**: no \\*way\\*": {From: noon,
			Way: incident.FreezeByRuleset, Edited: "it requires nothing", Trouble: "no *way*"},
		"**acme/payments** is being lifted, **trouble**: GitHub does not answer": {From: noon, End: &incident.Stamp{At: noon},
			Trouble: "GitHub does not answer"},
		"": {From: noon, Ended: noon},
	} {
		f.Repo, f.Until = "acme/payments", noon.Add(2*time.Hour)
		p := &page{today: noon, Running: true, S: incident.State{Freezes: []incident.Freeze{f}}}
		p.freezes()
		var got []string
		for _, f := range p.Found {
			got = append(got, f.Text)
		}
		if text := strings.Join(got, "\n"); text != want {
			t.Errorf("%+v is %q, want %q", f, text, want)
		}
	}
}
