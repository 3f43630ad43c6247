package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

func TestProgressIsSilentForASecondAndThenNowAndThen(t *testing.T) {
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	var out bytes.Buffer
	p := newProgress(&out, func() time.Time { return now })
	for i := range 301 { // 0.1 s each
		p.tell("reading incidents", i*10, 10000)
		now = now.Add(100 * time.Millisecond)
	}
	p.end()
	want := "reading incidents 100 of 10,000\nreading incidents 1,100 of 10,000\nreading incidents 2,100 " +
		"of 10,000\n"
	if out.String() != want {
		t.Errorf("says %q, want %q", out.String(), want)
	}
}

func TestProgressOnATerminalIsOneLine(t *testing.T) {
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	var out bytes.Buffer
	p := newProgress(&out, func() time.Time { return now })
	p.terminal = true
	now = now.Add(time.Second)
	p.tell("listing incidents", 300, 0)
	p.tell("listing incidents", 400, 0) // at once: nobody could read it
	now = now.Add(time.Second)
	p.tell("reading incidents", 7, 1234567)
	p.end()
	if got, want := out.String(),
		"\r\x1b[Klisting incidents 300\r\x1b[Kreading incidents 7 of 1,234,567\r\x1b[K"; got != want {
		t.Errorf("says %q, want %q", got, want)
	}
}

func TestSince(t *testing.T) {
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{"": "0001-01-01", "2026-01-31": "2026-01-31",
		"1d": "2026-03-01", "2w": "2026-02-16"} {
		if got, err := parseSince(text, now); err != nil || got.Format(time.DateOnly) != want {
			t.Errorf("%q: %v (%v), want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"yesterday", "0d", "-3d", "3m", "2026-02-30", "3", "999999d"} {
		if got, err := parseSince(text, now); err == nil || !strings.Contains(err.Error(), "90d") {
			t.Errorf("%q: %v (%v), want an error that says how", text, got, err)
		}
	}
}

func TestTheHelpDefinesEveryFigure(t *testing.T) {
	help := strings.Join(strings.Fields(statsHelp()), " ")
	for _, d := range incident.Definitions {
		if !strings.Contains(help, d.Title+" ("+string(d.Figure)+") "+d.Text) {
			t.Errorf("the help does not define %s", d.Figure)
		}
	}
	for line := range strings.Lines(statsHelp()) {
		if len(line) > 120 {
			t.Errorf("the help has a line of %d characters", len(line))
		}
	}
}
