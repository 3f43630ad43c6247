package incident_test

import (
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// What is due today is not over yet, and what isn't a date is told from one that is far.
func TestC4WhatIsDueToday(t *testing.T) {
	for day, want := range map[string]string{"2026-03-02": "", "2026-03-01": "past", "2026-03-03": "", "2028-03-02": "", "2028-03-03": "far",
		"tomorrow": "no date", "": "no date"} {
		if got := incident.DueProblem(day, start, nil); got != want {
			t.Errorf("%q is %q, want %q", day, got, want)
		}
	}
}

// How far back changes are looked for: more than nothing, and up to 14 days; from the start of the impact, not from now
// (X1).
func TestX1HowFarBack(t *testing.T) {
	for text, since := range map[string]time.Duration{
		"/incident changes since 2h": 2 * time.Hour, "/incident changes since 3d": 72 * time.Hour, "/incident changes since 14d": 14 * 24 * time.Hour,
		"/incident changes since 0h": -1, "/incident changes since 0d": -1, "/incident changes since 15d": -1, "/incident changes since 14d1h": -1,
	} {
		s := critical(t)
		reaction, words := s.write("carol", text)
		l := owedChanges(s)
		switch {
		case since < 0:
			s.expect(reaction == "😕" && l.From.Equal(s.state.Start().Add(-24*time.Hour)), "%s: %s %s, %+v", text, reaction, words, l)
		case l == nil:
			t.Errorf("%s: %s %s, and nothing is looked for", text, reaction, words)
		default:
			s.expect(l.From.Equal(s.state.Start().Add(-since)), "%s looks from %v, and the impact began at %v", text, l.From, s.state.Start())
		}
	}
}

// What was never frozen, or is not known, is not thawed, and that is said; "all" ends all there is (X4).
func TestX4WhatIsThawed(t *testing.T) {
	for _, text := range []string{"/ic thaw acme/nothing", "/ic thaw", "/ic thaw all"} {
		s := critical(t)
		s.policy.Freeze.Repos = []string{"acme/payments"}
		_, words := s.write("carol", text)
		s.expect(strings.Contains(words, "has frozen nothing"), "%s: %s", text, words)
	}
	s := critical(t)
	s.policy.Freeze.Repos = []string{"acme/payments"}
	s.write("carol", "/ic freeze acme/payments")
	s.expect(len(s.state.Freezes) == 1, "%+v", s.state.Freezes)
	reaction, words := s.write("carol", "/ic thaw tyops")
	s.expect(reaction != "👍" && strings.Contains(words, "tyops") && s.state.Freezes[0].End == nil, "%s %s: %+v", reaction, words, s.state.Freezes)
	s.write("carol", "/ic thaw all")
	s.expect(s.state.Freezes[0].End != nil, "%+v", s.state.Freezes)
}

// A pin that is taken back leaves the others, and what else the comment did (V4).
func TestV4UnpinLeavesTheRest(t *testing.T) {
	s := critical(t).at(6, "bob", incident.Commented{}).at(7, "carol", cmd(incident.Pin))
	first := s.state.Timeline[len(s.state.Timeline)-1]
	s.at(8, "alice", cmd(incident.Finding)).at(9, "carol", cmd(incident.Pin))
	pin := &incident.Stamp{By: first.By, At: first.At, ID: first.Ref}
	before := len(s.state.Timeline)
	s.at(10, "carol", incident.Command{Kind: incident.Unpin, Link: pin.Comment(), Pin: pin})
	kinds := map[string]int{}
	for _, e := range s.state.Timeline {
		kinds[e.Kind]++
	}
	s.expect(len(s.state.Pinned) == 1 && kinds["pinned"] == 1 && kinds["finding"] == 1 && kinds["unpinned"] == 1 && len(s.state.Timeline) == before,
		"%v is pinned, and there are %v", s.state.Pinned, kinds)
}

// `/incident link` of nobody's code changes nothing, and says how (S3).
func TestS3ACodeOfNobodys(t *testing.T) {
	s := critical(t).at(6, "carol", incident.Command{Kind: incident.LinkChat}).expectSays("link-unknown")
	s.at(7, "carol", incident.Command{Kind: incident.LinkChat, Member: "U1"}).expectSays("linked")
	s.at(8, "carol", incident.Command{Kind: incident.LinkChat, None: true}).expectSays("linked")
}

// When the impact began: as somebody said, else when the incident was declared, else nobody knows.
func TestTheStartOfTheImpact(t *testing.T) {
	declared := &incident.Stamp{At: start}
	began := start.Add(-time.Hour)
	for name, c := range map[string]struct {
		state incident.State
		want  time.Time
	}{
		"said":     {incident.State{Began: began, Declared: declared}, began},
		"declared": {incident.State{Declared: declared}, start},
		"neither":  {incident.State{}, time.Time{}},
	} {
		if got := c.state.Start(); !got.Equal(c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
