package incident_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/incident"
)

func words(names ...string) (out []incident.Word) {
	for _, n := range names {
		out = append(out, incident.Word{Mark: "m" + n, Text: n})
	}
	return out
}

// again is a report of the trouble with these words.
func again(severity string, names ...string) incident.Signalled {
	return incident.Signalled{Source: "Alertmanager", Firing: true, Count: 1, Severity: severity, Words: words(names...), Page: severity == "critical"}
}

// What is new in a known trouble is told, and what only repeats it is counted (K6, I6).
func TestI6I7WhatIsNewInAKnownTroubleIsTold(t *testing.T) {
	report := func(severity string) incident.Fact {
		return incident.Fact{ID: "opened", At: start, By: robot, What: incident.Opened{Source: "Alertmanager", Summary: true, Signal: true, Severity: severity, Customers: []string{"globex"}, Known: []string{"mDiskFilling"}}}
	}
	for name, c := range map[string]struct {
		severity string
		before   any // by bob, at minute 1
		said     []incident.Signalled
		told     []string // lines of what is told
		hint     string   // the claim afterwards
		pages    int
	}{
		"a repetition":            {"regular", nil, []incident.Signalled{again("regular", "DiskFilling"), again("regular", "DiskFilling")}, nil, "regular", 0},
		"another alert":           {"regular", nil, []incident.Signalled{again("regular", "DiskFilling", "APIServerDown")}, []string{"APIServerDown"}, "regular", 0},
		"another alert, again":    {"regular", nil, []incident.Signalled{again("regular", "APIServerDown"), again("regular", "APIServerDown")}, []string{"APIServerDown"}, "regular", 0},
		"a worse severity":        {"regular", nil, []incident.Signalled{again("critical", "DiskFilling")}, []string{""}, "critical", 1},
		"worse, and worse again":  {"regular", nil, []incident.Signalled{again("critical", "DiskFilling"), again("regular", "DiskFilling"), again("critical", "DiskFilling")}, []string{""}, "critical", 1},
		"a severity at last":      {"", nil, []incident.Signalled{again("regular", "DiskFilling")}, []string{""}, "regular", 0},
		"worse, and somebody on":  {"regular", cmd(incident.TakeOE), []incident.Signalled{again("critical", "DiskFilling")}, []string{""}, "critical", 1},
		"worse than confirmed":    {"regular", incident.Command{Kind: incident.SetSeverity, Severity: "regular"}, []incident.Signalled{again("critical", "DiskFilling")}, []string{""}, "", 0},
		"critical, and confirmed": {"critical", incident.Command{Kind: incident.SetSeverity, Severity: "critical"}, []incident.Signalled{again("critical", "DiskFilling", "More")}, []string{"More"}, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := tell(t).fact(report(c.severity))
			if c.before != nil {
				s.at(1, "bob", c.before)
			}
			var told []string
			for i, said := range c.said {
				s.at(float64(i+2), "", said)
				for _, e := range s.effects {
					if r, ok := e.(incident.Remind); ok && r.Say.Name == "news" {
						told = append(told, fmt.Sprint(cmpOr(r.Say.Lines)))
						if r.Say.Who == "" && len(r.Say.Teams) == 0 {
							t.Error("nobody is told")
						}
					}
				}
			}
			if !slices.Equal(told, c.told) {
				t.Errorf("tells %q, want %q", told, c.told)
			}
			s.expect(s.state.Claimed == c.hint, "claimed %q, want %q", s.state.Claimed, c.hint)
			s.expect(len(s.pages()) == c.pages, "pages %v, want %d", s.pages(), c.pages)
		})
	}
}

func cmpOr(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return lines[0]
}

// Whoever looked at it already is paged again when it becomes critical, and answers with the same command.
func TestI7WhoLooksAtItIsPagedWhenItBecomesCritical(t *testing.T) {
	s := tell(t).fact(incident.Fact{ID: "opened", At: start, By: robot, What: incident.Opened{Source: "Alertmanager", Summary: true, Signal: true, Severity: "regular", Known: []string{"mA"}}})
	s.at(1, "bob", cmd(incident.TakeOE)).at(60, "", again("critical", "A"))
	s.expect(!s.state.Paging.Next.IsZero(), "the escalation does not run")
	s.at(61, "bob", cmd(incident.TakeOE)).clock(90)
	s.expect(s.state.Paging.Next.IsZero() && len(s.pages()) == 1, "bob answered, and %v", s.pages())
}

// A card that was lost learns from the comment what it told, once.
func TestA5I6NewsIsReadBack(t *testing.T) {
	open := incident.Fact{ID: "opened", At: start, By: robot, What: incident.Opened{Source: "A webhook", Summary: true, Signal: true, Severity: "regular", Known: []string{"mA"}}}
	said := again("critical", "B", "C")
	said.Source, said.Report = "A webhook", incident.Report{Mark: "x", ID: "Y", At: start.Add(110 * time.Second).Unix()}
	s := tell(t).fact(open).at(2, "", said)
	var key string
	for _, e := range s.effects {
		if r, ok := e.(incident.Remind); ok && r.Say.Name == "news" {
			key = r.Key
		}
	}
	learned, ok := incident.ParseNews(key)
	if !ok {
		t.Fatalf("%q can't be read", key)
	}
	fact := incident.Fact{ID: "c7.0", At: start.Add(121 * time.Second), By: robot, What: learned}
	rebuilt := tell(t).fact(open).fact(fact)
	for what, pair := range map[string][2]any{
		"signals": {[]any{s.state.Signals.Known, s.state.Signals.Worst}, []any{rebuilt.state.Signals.Known, rebuilt.state.Signals.Worst}},
		"claimed": {s.state.Claimed, rebuilt.state.Claimed},
		"next":    {s.state.Paging.Next, rebuilt.state.Paging.Next},
		"sent":    {s.state.Paging.Sent, rebuilt.state.Paging.Sent},
	} {
		if d := cmp.Diff(pair[0], pair[1]); d != "" {
			t.Errorf("%s (-live +rebuilt):\n%s", what, d)
		}
	}
	entries := rebuilt.state.Entries
	fact.ID = "c8.0"
	rebuilt.fact(fact)
	rebuilt.expect(rebuilt.state.Entries == entries, "it is learned twice")
}

// However many different things a source says, what is kept and told of it is bounded.
func TestI6NewsIsBounded(t *testing.T) {
	s := tell(t).fact(incident.Fact{ID: "opened", At: start, By: robot, What: incident.Opened{Source: "A webhook", Summary: true, Signal: true, Known: []string{"mA"}}})
	for i := range 200 {
		s.at(float64(i+1), "", again("", fmt.Sprint(i)))
	}
	told := 0
	for _, e := range s.all {
		if r, ok := e.(incident.Remind); ok && r.Say.Name == "news" {
			told++
		}
	}
	s.expect(told < 40 && len(s.state.Signals.Known) <= 40, "told %d times, %d are kept", told, len(s.state.Signals.Known))
	s.expect(s.state.Signals.Count == 201, "counted %d", s.state.Signals.Count)
}
