package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/oncall"
)

const before = `# who is on call
time-zone: Europe/Berlin # ours
rotations:
    primary: {people: ["@alice", "@bob"], start: 2026-12-07}

# holidays
covers:
  # Christmas
  - rotation: primary
    from: 2026-12-24 18:00
    until: 2026-12-26 09:00
    who: "@dan"
  - { rotation: primary, from: 2026-12-31 18:00, until: 2027-01-01 09:00, who: "@erin" } # thanks

# the end
nights-in-a-row: 5
`

var added = oncall.Cover{Rotation: "primary", From: time.Date(2026, 10, 25, 1, 30, 0, 0, time.UTC),
	Until: time.Date(2026, 10, 25, 9, 0, 0, 0, time.UTC), Who: "@dan", For: "@alice"}

func TestO2ACoverIsAddedAndNothingElseChanges(t *testing.T) {
	const line = `- { rotation: primary, from: 2026-10-25T01:30Z, until: 2026-10-25 10:00, who: "@dan", for: "@alice" }`
	for name, c := range map[string]struct{ content, want string }{
		"into the list": {before, strings.Replace(before, "# thanks\n", "# thanks\n  "+line+"\n", 1)},
		"a first one": {before[:strings.Index(before, "\n# holidays")],
			before[:strings.Index(before, "\n# holidays")] + "covers:\n" + line + "\n"},
		"lines that end as on Windows": {strings.ReplaceAll(before, "\n", "\r\n"),
			strings.ReplaceAll(strings.Replace(before, "# thanks\n", "# thanks\n  "+line+"\n", 1), "\n", "\r\n")},
	} {
		got, err := config.AddCovers([]byte(c.content), []oncall.Cover{added})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(c.want, string(got)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		again, err := config.AddCovers(got, []oncall.Cover{added})
		if err != nil || string(again) != string(got) {
			t.Errorf("%s: it is added twice: %v", name, err)
		}
		without, err := config.RemoveCovers(got, []oncall.Cover{added})
		if diff := cmp.Diff(c.content, string(without)); err != nil || diff != "" {
			t.Errorf("%s: taken back: %v %s", name, err, diff)
		}
	}
}

func TestO2ACoverIsTakenBack(t *testing.T) {
	s, err := config.ParseOnCall([]byte(before))
	if err != nil {
		t.Fatal(err)
	}
	got, err := config.RemoveCovers([]byte(before), s.Covers[:1])
	want := strings.Replace(before, before[strings.Index(before, "  - rotation"):strings.Index(before, "  - {")], "", 1)
	if diff := cmp.Diff(want, string(got)); err != nil || diff != "" {
		t.Error(err, diff)
	}
	none, err := config.RemoveCovers([]byte(before), s.Covers)
	if err != nil || strings.Contains(string(none), "covers:") || !strings.Contains(string(none), "# the end") {
		t.Errorf("%v\n%s", err, none)
	}
}

func TestO2WhatCannotBeEditedIsSaid(t *testing.T) {
	for _, content := range []string{
		`{rotations: {primary: {people: a, start: 2026-12-07}}}`,
		"rotations: {primary: {people: a, start: 2026-12-07}}\ncovers: [{rotation: primary, from: 2026-12-24 18:00, " +
			"until: 2026-12-26 09:00, who: b}]\n",
	} {
		if got, err := config.AddCovers([]byte(content), []oncall.Cover{added}); err == nil {
			t.Errorf("%s became %s", content, got)
		}
	}
	other := added
	other.Rotation = "other"
	if got, err := config.AddCovers([]byte(before), []oncall.Cover{other}); err == nil {
		t.Errorf("a cover of no rotation: %s", got)
	}
}

// Whatever is added and taken back in whatever order, the file is as if only the rest was added.
func TestO2EditsOfAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		content := []byte(before)
		var has []oncall.Cover
		for range rapid.IntRange(1, 12).Draw(t, "edits") {
			if len(has) > 0 && rapid.IntRange(0, 2).Draw(t, "back") == 0 {
				i := rapid.IntRange(0, len(has)-1).Draw(t, "which")
				next, err := config.RemoveCovers(content, has[i:i+1])
				if err != nil {
					t.Fatal(err)
				}
				content, has = next, append(append([]oncall.Cover{}, has[:i]...), has[i+1:]...)
				continue
			}
			c := oncall.Cover{Rotation: "primary", Who: rapid.SampledFrom([]string{"@dan", "platform"}).Draw(t, "who"),
				From: time.Date(2026, 10, 20, 0, rapid.IntRange(0, 20_000).Draw(t, "from"), 0, 0, time.UTC)}
			c.Until = c.From.Add(time.Duration(rapid.IntRange(1, 5000).Draw(t, "length")) * time.Minute)
			next, err := config.AddCovers(content, []oncall.Cover{c})
			if err != nil {
				t.Fatal(err)
			}
			if string(next) != string(content) {
				content, has = next, append(has, c)
			}
		}
		s, err := config.ParseOnCall(content)
		if err != nil || len(s.Covers) != 2+len(has) {
			t.Fatalf("%v\n%s", err, content)
		}
		for i, c := range has {
			if !config.IsSameCover(c, s.Covers[2+i]) {
				t.Fatalf("cover %d is %v, want %v", i, s.Covers[2+i], c)
			}
		}
	})
}
