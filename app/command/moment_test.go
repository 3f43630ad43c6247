package command_test

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/firebreak-dev/firebreak/app/command"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// noted plays a note that is written at a time in a zone, and returns what became of it.
func noted(t *testing.T, text string, at time.Time, zone string) (entries []incident.Entry, said []incident.Say, how incident.Reaction, s incident.State) {
	t.Helper()
	p := incident.DefaultPolicy()
	var err error
	if p.Zone, err = time.LoadLocation(zone); err != nil {
		t.Fatal(err)
	}
	alice := incident.Person{Login: "alice", Respond: true}
	s, _ = incident.Step(s, incident.Fact{ID: "opened", At: at.Add(-time.Hour), By: alice, What: incident.Opened{Source: "form", Summary: true}}, p)
	parsed := command.Parse("/incident note " + text)
	if len(parsed) != 1 {
		t.Fatalf("%q returns %d commands", text, len(parsed))
	}
	s, effects := incident.Step(s, incident.Fact{ID: "c7.0", At: at, By: alice, What: parsed[0]}, p)
	for _, e := range effects {
		switch e := e.(type) {
		case incident.Record:
			entries = append(entries, e.Entry)
		case incident.Reply:
			said = append(said, e.Say)
		case incident.React:
			how = max(how, e.How)
		}
	}
	return entries, said, how, s
}

// TestK14TimesAreUnderstoodAsPeopleWriteThem holds each way to write a time, what time it is, and
// whether that is said back.
func TestK14TimesAreUnderstoodAsPeopleWriteThem(t *testing.T) {
	const said, silent = true, false
	for _, c := range []struct {
		line, zone string
		want       string // in UTC; empty: asked about
		back       bool
		text       string // where it isn't "seen first"
	}{
		{"17:40 seen first", "UTC", "2026-11-27 17:40:00", silent, ""},
		{"9:05 seen first", "UTC", "2026-11-27 09:05:00", silent, ""},
		{"17:40: seen first", "UTC", "2026-11-27 17:40:00", silent, ""},
		{"at 17:40 seen first", "UTC", "2026-11-27 17:40:00", silent, ""},
		{"17:40 seen first", "Europe/Berlin", "2026-11-27 16:40:00", silent, ""},
		{"5:40pm seen first", "UTC", "2026-11-27 17:40:00", said, ""},
		{"5:40 pm seen first", "UTC", "2026-11-27 17:40:00", said, ""},
		{"5:40 P.M. seen first", "UTC", "2026-11-27 17:40:00", said, ""},
		{"5pm seen first", "UTC", "2026-11-27 17:00:00", said, ""},
		{"5 pm, seen first", "UTC", "2026-11-27 17:00:00", said, ""},
		{"2:05 pm restarted pods", "UTC", "2026-11-27 14:05:00", said, "restarted pods"},
		{"12:30 AM rebooted", "UTC", "2026-11-27 00:30:00", said, "rebooted"},
		{"12:30 pm rebooted", "UTC", "2026-11-27 12:30:00", said, "rebooted"},
		{"12am seen first", "UTC", "2026-11-27 00:00:00", said, ""},
		{"12 noon seen first", "UTC", "2026-11-27 12:00:00", said, ""},
		{"12 midnight seen first", "UTC", "2026-11-27 00:00:00", said, ""},
		{"2:05 p.m restarted", "UTC", "2026-11-27 14:05:00", said, "restarted"},
		{"12:30 a.m rebooted", "UTC", "2026-11-27 00:30:00", said, "rebooted"},
		{"2:05 p. m. restarted", "UTC", "2026-11-27 14:05:00", said, "restarted"},
		{"2:05 (pm) restarted", "UTC", "2026-11-27 14:05:00", said, "restarted"},
		{"2:05\u202fPM restarted", "UTC", "2026-11-27 14:05:00", said, "restarted"},
		{"2.05 pm restarted", "UTC", "2026-11-27 14:05:00", said, "restarted"},
		{"2:05 in the afternoon: restarted", "UTC", "2026-11-27 14:05:00", said, "restarted"},
		{"6:10 in the Evening restarted", "UTC", "2026-11-27 18:10:00", said, "restarted"},
		{"9:10 in the morning restarted", "UTC", "2026-11-27 09:10:00", said, "restarted"},
		{"14:05 in the afternoon", "UTC", "2026-11-27 14:05:00", silent, "in the afternoon"},
		{"2:05-2:10 pm maintenance", "UTC", "2026-11-27 14:05:00", said, "2:05-2:10 pm maintenance"},
		{"11:50 - 12:10 pm maintenance", "UTC", "2026-11-27 11:50:00", said, "11:50 - 12:10 pm maintenance"},
		{"around 2:05 pm restarted", "UTC", "2026-11-27 14:05:00", said, "restarted"},
		{"~14:05 restarted", "UTC", "2026-11-27 14:05:00", silent, "restarted"},
		{"(2:05 pm) restarted", "UTC", "2026-11-27 14:05:00", said, "restarted"},
		{"[14:05] restarted", "UTC", "2026-11-27 14:05:00", silent, "restarted"},
		{"**14:05**: restarted", "UTC", "2026-11-27 14:05:00", silent, "restarted"},
		{"14:05:30 seen first", "UTC", "2026-11-27 14:05:30", said, ""},
		{"17:40 CET seen first", "UTC", "2026-11-27 16:40:00", said, ""},
		{"17:40 (cest) seen first", "UTC", "2026-11-27 15:40:00", said, ""},
		{"17:40 UTC seen first", "Europe/Berlin", "2026-11-27 17:40:00", said, ""},
		{"17:40Z seen first", "Europe/Berlin", "2026-11-27 17:40:00", said, ""},
		{"17:40+02:00 seen first", "UTC", "2026-11-27 15:40:00", said, ""},
		{"17:40 +0530 seen first", "UTC", "2026-11-27 12:10:00", said, ""},
		{"17:40 UTC+2 seen first", "UTC", "2026-11-27 15:40:00", said, ""},
		{"12:40 -05:00 seen first", "UTC", "2026-11-27 17:40:00", said, ""},
		{"17:40 Europe/Berlin seen first", "UTC", "2026-11-27 16:40:00", said, ""},
		{"10:40 PST seen first", "UTC", "2026-11-27 18:40:00", said, ""},
		{"2026-11-27 17:40 seen first", "UTC", "2026-11-27 17:40:00", said, ""},
		{"2026-11-27T17:40:10-01:00 seen first", "UTC", "2026-11-27 18:40:10", said, ""},
		{"27 Nov 17:40 seen first", "UTC", "2026-11-27 17:40:00", said, ""},
		{"Nov 27 17:40 seen first", "UTC", "2026-11-27 17:40:00", said, ""},
		{"November 27th, 2026 at 5:40pm seen first", "UTC", "2026-11-27 17:40:00", said, ""},
		{"Fri 27 Nov 17:40 seen first", "UTC", "2026-11-27 17:40:00", said, ""},
		{"27.11. 17:40 seen first", "UTC", "2026-11-27 17:40:00", said, ""},
		{"27.11.2026 17:40 seen first", "UTC", "2026-11-27 17:40:00", said, ""},
		{"yesterday 17:40 seen first", "UTC", "2026-11-26 17:40:00", said, ""},
		{"17:40 yesterday seen first", "UTC", "2026-11-26 17:40:00", said, ""},
		{"today 17:40 seen first", "UTC", "2026-11-27 17:40:00", said, ""},
		{"Thursday 17:40 seen first", "UTC", "2026-11-26 17:40:00", said, ""},
		{"Friday 17:40 seen first", "UTC", "2026-11-27 17:40:00", said, ""},
		{"Friday 23:40 seen first", "UTC", "2026-11-20 23:40:00", said, ""},
		{"23:55 seen first", "UTC", "2026-11-26 23:55:00", said, ""}, // the day before goes with words
		{"20:01 seen first", "UTC", "2026-11-27 20:00:00", silent, ""},
		{"20:03 seen first", "UTC", "2026-11-26 20:03:00", said, ""},

		// Words that only look like a part of a time.
		{"17:40 POST requests fail", "UTC", "2026-11-27 17:40:00", silent, "POST requests fail"},
		{"17:40 API down", "UTC", "2026-11-27 17:40:00", silent, "API down"},
		{"17:40 met the vendor", "UTC", "2026-11-27 17:40:00", silent, "met the vendor"},
		{"17:40 acme/payments deployed", "UTC", "2026-11-27 17:40:00", silent, "acme/payments deployed"},
		{"17:40 +2 replicas", "UTC", "2026-11-27 17:40:00", silent, "+2 replicas"},
		{"17:40 - 2 replicas", "UTC", "2026-11-27 17:40:00", silent, "2 replicas"},
		{"09:00-10:00 maintenance", "UTC", "2026-11-27 09:00:00", silent, "09:00-10:00 maintenance"},
		{"5 pods restarted", "UTC", "now", silent, "5 pods restarted"},
		{"5 amps", "UTC", "now", silent, "5 amps"},
		{"27 Nov the certificate ran out", "UTC", "now", silent, "27 Nov the certificate ran out"},
		{"yesterday it was fine", "UTC", "now", silent, "yesterday it was fine"},
		{"10:22:33:44 is an id", "UTC", "now", silent, "10:22:33:44 is an id"},
		{"80:8080 mapped", "UTC", "now", silent, "80:8080 mapped"},
		{"2.05 seconds for a query", "UTC", "now", silent, "2.05 seconds for a query"},
		{"around 5 pods restarted", "UTC", "now", silent, "around 5 pods restarted"},
		{"[#12] restarted", "UTC", "now", silent, "[#12] restarted"},
		{"[14:05 we think] restarted", "UTC", "now", silent, "[14:05 we think] restarted"},
		{"about to restart", "UTC", "now", silent, "about to restart"},
		{"5h30 of downtime", "UTC", "now", silent, "5h30 of downtime"},
		{"sun exposure", "UTC", "now", silent, "sun exposure"},

		// Times that can't be.
		{"25:61 seen first", "UTC", "", said, ""},
		{"24:00 seen first", "UTC", "", said, ""},
		{"13:05pm seen first", "UTC", "", said, ""},
		{"31 Feb 10:00 seen first", "UTC", "", said, ""},
		{"29 Feb 10:00 seen first", "UTC", "", said, ""},
		{"2026-13-01 10:00 seen first", "UTC", "", said, ""},
		{"2026-00-01 10:00 seen first", "UTC", "", said, ""},
		{"11/27 17:40 seen first", "UTC", "", said, ""},
		{"17:40 IST seen first", "UTC", "", said, ""},
		{"17:40 Europe/Berln seen first", "UTC", "", said, ""},
		{"17:40 +25:00 seen first", "UTC", "", said, ""},
		{"2026-11-28 17:40 seen first", "UTC", "", said, ""},
		{"today 23:40 seen first", "UTC", "", said, ""},
		{"2026-10-01 17:40 seen first", "UTC", "", said, ""},
		{"1 Dec 17:40 seen first", "UTC", "", said, ""}, // a year ago, or in the future
	} {
		t.Run(c.line, func(t *testing.T) {
			at := time.Date(2026, 11, 27, 20, 0, 0, 0, time.UTC) // a Friday
			entries, says, how, s := noted(t, c.line, at, c.zone)
			if (len(says) == 1) != c.back {
				t.Errorf("answered in words: %+v, want %t", says, c.back)
			}
			if c.want == "" {
				if len(entries) > 0 || how != incident.Unclear || s.Noted != nil {
					t.Errorf("recorded %+v with reaction %d", entries, how)
				}
				if len(says) == 1 && (len(says[0].Missing) != 1 || !strings.Contains(says[0].Missing[0], strings.Fields(c.line)[0])) {
					t.Errorf("asked about it as %q", says[0].Missing)
				}
				return
			}
			want := at.Format(time.DateTime)
			if c.want != "now" {
				want = c.want
			}
			if c.text == "" {
				c.text = "seen first"
			}
			if len(entries) != 1 || entries[0].At.UTC().Format(time.DateTime) != want || entries[0].Text != c.text || how != incident.Done {
				t.Errorf("recorded %+v with reaction %d, want %q at %s", entries, how, c.text, want)
			}
			if (s.Noted != nil) != (c.want != "now") {
				t.Errorf("the card shows %+v", s.Noted)
			}
		})
	}
}

func TestNotesFollowTheClocksOfTheirZone(t *testing.T) {
	for _, c := range []struct {
		name, line string
		at         time.Time
		want       string // empty: asked about
		back       bool
	}{
		{"the hour that never was", "02:30 seen", time.Date(2026, 3, 29, 8, 0, 0, 0, time.UTC), "", true},
		{"the day before that hour", "02:30 seen", time.Date(2026, 3, 29, 0, 10, 0, 0, time.UTC), "2026-03-28 01:30", true},
		{"yesterday's hour that never was", "yesterday 02:30 seen", time.Date(2026, 3, 30, 8, 0, 0, 0, time.UTC), "", true},
		{"before it", "01:30 seen", time.Date(2026, 3, 29, 8, 0, 0, 0, time.UTC), "2026-03-29 00:30", false},
		{"after it", "03:30 seen", time.Date(2026, 3, 29, 8, 0, 0, 0, time.UTC), "2026-03-29 01:30", false},
		{"the hour that came twice, later", "02:30 seen", time.Date(2026, 10, 25, 8, 0, 0, 0, time.UTC), "2026-10-25 01:30", true},
		{"the hour that came twice, between", "02:30 seen", time.Date(2026, 10, 25, 0, 50, 0, 0, time.UTC), "2026-10-25 00:30", true},
		{"the first of them by its name", "02:30 CEST seen", time.Date(2026, 10, 25, 8, 0, 0, 0, time.UTC), "2026-10-25 00:30", true},
		{"just after midnight", "23:55 seen", time.Date(2026, 11, 26, 23, 5, 0, 0, time.UTC), "2026-11-26 22:55", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			entries, says, _, _ := noted(t, c.line, c.at, "Europe/Berlin")
			got := ""
			if len(entries) == 1 {
				got = entries[0].At.UTC().Format("2006-01-02 15:04")
			}
			if got != c.want || (len(says) == 1) != c.back {
				t.Errorf("recorded at %q, said %+v; want %q, said %t", got, says, c.want, c.back)
			}
		})
	}
}

// TestNotesKeepTheLinesThatAreRight holds that one line that can't be read doesn't lose the others.
func TestNotesKeepTheLinesThatAreRight(t *testing.T) {
	at := time.Date(2026, 11, 27, 20, 0, 0, 0, time.UTC)
	entries, says, how, s := noted(t, "\n- 17:40 first\n- 25:61 second\n- 5:50pm third\n- fourth", at, "UTC")
	if len(entries) != 3 || how != incident.Unclear || s.Noted == nil || s.Noted.Text != "third" {
		t.Errorf("recorded %+v with reaction %d, the card shows %+v", entries, how, s.Noted)
	}
	if len(says) != 1 || len(says[0].Lines) != 1 || len(says[0].Missing) != 1 || !strings.Contains(says[0].Missing[0], "second") {
		t.Errorf("said %+v", says)
	}
}

// TestTheCardFollowsTheEditOfANote checks that what the card shows of a note is what is in the
// comment.
func TestTheCardFollowsTheEditOfANote(t *testing.T) {
	at := time.Date(2026, 11, 27, 20, 0, 0, 0, time.UTC)
	_, _, _, s := noted(t, "17:40 seen frist", at, "UTC")
	p, alice := incident.DefaultPolicy(), incident.Person{Login: "alice", Respond: true}
	_, corrected := command.Edited("/incident note 17:40 seen frist", "/incident note 17:45 seen first")
	if len(corrected) != 1 {
		t.Fatalf("%d corrections", len(corrected))
	}
	s, effects := incident.Step(s, incident.Fact{ID: "c7@1.0", At: at.Add(time.Minute), By: alice, What: incident.Corrected{New: corrected[0].New, Old: "17:40 seen frist"}}, p)
	if s.Noted == nil || s.Noted.Text != "seen first" || s.Noted.At.Format("15:04") != "17:45" {
		t.Errorf("the card shows %+v", s.Noted)
	}
	for _, e := range effects {
		if e, ok := e.(incident.Record); ok && e.Entry.Text != "17:45 seen first" {
			t.Errorf("recorded as %q", e.Entry.Text)
		}
	}
}
