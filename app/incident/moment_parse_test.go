package incident

import (
	"testing"
	"time"
)

// Times as people write them, in a comment of Monday, 2 March 2026, 10:40 UTC: what of the text is
// the time, when that is by the clocks of UTC and, where they differ, of Berlin, or why it can.t be one,
// whether it is guessed, whether what is understood goes without saying, and what is left.
func TestTimesAsPeopleWriteThem(t *testing.T) {
	at := time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		text, said, utc, berlin string
		isGuessed, isPlain      bool
		rest                    string
	}{
		{"10:05 it began", "10:05", "2026-03-02 10:05:00", "2026-03-02 09:05:00", false, true, "it began"},
		{"10:05", "10:05", "2026-03-02 10:05:00", "2026-03-02 09:05:00", false, true, ""},
		{"1:05 it began", "1:05", "2026-03-02 01:05:00", "2026-03-02 00:05:00", false, true, "it began"},
		{"11:05 tomorrow's", "11:05", "2026-03-01 11:05:00", "2026-03-02 10:05:00", true, true, "tomorrow's"},
		{"10:41 now", "10:41", "2026-03-02 10:40:00", "2026-03-02 09:41:00", false, true, "now"},
		{"10:42", "10:42", "2026-03-02 10:40:00", "2026-03-02 09:42:00", false, true, ""},
		{"10:43 ahead", "10:43", "2026-03-01 10:43:00", "2026-03-02 09:43:00", true, true, "ahead"},
		{"at 10:05 x", "10:05", "2026-03-02 10:05:00", "2026-03-02 09:05:00", false, true, "x"},
		{"~10:05 x", "10:05", "2026-03-02 10:05:00", "2026-03-02 09:05:00", false, true, "x"},
		{"[10:05] x", "10:05", "2026-03-02 10:05:00", "2026-03-02 09:05:00", false, true, "x"},
		{"(2:05 pm) x", "2:05 pm", "2026-03-01 14:05:00", "2026-03-01 13:05:00", true, false, "x"},
		{"**10:05** x", "10:05", "2026-03-02 10:05:00", "2026-03-02 09:05:00", false, true, "x"},
		{"[maintenance] x", "", "", "", false, false, "[maintenance] x"},
		{"2026-03-01 23:59 x", "2026-03-01 23:59", "2026-03-01 23:59:00", "2026-03-01 22:59:00", false, false, "x"},
		{"2026-03-01T23:59:58.5Z x", "2026-03-01T23:59:58.5Z", "2026-03-01 23:59:58", "", false, false, "x"},
		{"2026-03-01T09:30:15+02:00 x", "2026-03-01T09:30:15+02:00", "2026-03-01 07:30:15", "", false, false, "x"},
		{"2026-02-30 10:00 x", "2026-02-30 10:00", "there is no such day", "", false, false, "x"},
		{"2026-13-01 10:00", "2026-13-01 10:00", "there is no such day", "", false, false, ""},
		{"2025-03-01 10:00 x", "2025-03-01 10:00", "1 Mar 2025 10:00 UTC is more than 30 days ago", "1 Mar 2025 09:00 UTC is more than 30 days ago", false, false, "x"},
		{"2026-04-01 10:00 x", "2026-04-01 10:00", "1 Apr 2026 10:00 UTC is in the future", "1 Apr 2026 08:00 UTC is in the future", false, false, "x"},
		{"1 Mar 10:00 x", "1 Mar 10:00", "2026-03-01 10:00:00", "2026-03-01 09:00:00", false, false, "x"},
		{"1st March 2026 10:00 x", "1st March 2026 10:00", "2026-03-01 10:00:00", "2026-03-01 09:00:00", false, false, "x"},
		{"Mar 1, 10:00 x", "Mar 1, 10:00", "2026-03-01 10:00:00", "2026-03-01 09:00:00", false, false, "x"},
		{"Sun, 1 Mar 10:00 x", "Sun, 1 Mar 10:00", "2026-03-01 10:00:00", "2026-03-01 09:00:00", false, false, "x"},
		{"March 1st 2026, at 10:00 x", "March 1st 2026, at 10:00", "2026-03-01 10:00:00", "2026-03-01 09:00:00", false, false, "x"},
		{"31 Dec 10:00 x", "31 Dec 10:00", "31 Dec 2025 10:00 UTC is more than 30 days ago", "31 Dec 2025 09:00 UTC is more than 30 days ago", false, false, "x"},
		{"20 Feb 10:00 x", "20 Feb 10:00", "2026-02-20 10:00:00", "2026-02-20 09:00:00", false, false, "x"},
		{"30 Feb 10:00 x", "30 Feb 10:00", "there is no such day", "", false, false, "x"},
		{"29 Feb 10:00 x", "29 Feb 10:00", "there is no 29 Feb in 2025", "", false, false, "x"},
		{"1.3. 10:00 x", "1.3. 10:00", "2026-03-01 10:00:00", "2026-03-01 09:00:00", false, false, "x"},
		{"1.3.2026 10:00 x", "1.3.2026 10:00", "2026-03-01 10:00:00", "2026-03-01 09:00:00", false, false, "x"},
		{"0.3.2026 10:00", "0.3.2026 10:00", "there is no such day", "", false, false, ""},
		{"1.0.2026 10:00", "1.0.2026 10:00", "there is no such day", "", false, false, ""},
		{"1/3 10:00 x", "1/3 10:00", "a date with / can be read in two ways; write it as 27 Nov", "", false, false, "x"},
		{"yesterday 23:10 x", "yesterday 23:10", "2026-03-01 23:10:00", "2026-03-01 22:10:00", false, false, "x"},
		{"today 09:00 x", "today 09:00", "2026-03-02 09:00:00", "2026-03-02 08:00:00", false, false, "x"},
		{"today 12:00 x", "today 12:00", "2 Mar 2026 12:00 UTC is in the future", "2 Mar 2026 11:00 UTC is in the future", false, false, "x"},
		{"last Friday at 17:00 x", "last Friday at 17:00", "2026-02-27 17:00:00", "2026-02-27 16:00:00", false, false, "x"},
		{"Monday 09:00 x", "Monday 09:00", "2026-03-02 09:00:00", "2026-03-02 08:00:00", false, false, "x"},
		{"Monday 11:00 x", "Monday 11:00", "2026-02-23 11:00:00", "2026-03-02 10:00:00", false, false, "x"},
		{"Tue 10:00 x", "Tue 10:00", "2026-02-24 10:00:00", "2026-02-24 09:00:00", false, false, "x"},
		{"Sunday 10:00 x", "Sunday 10:00", "2026-03-01 10:00:00", "2026-03-01 09:00:00", false, false, "x"},
		{"09:00 yesterday x", "09:00 yesterday", "2026-03-01 09:00:00", "2026-03-01 08:00:00", false, false, "x"},
		{"09:00 today x", "09:00 today", "2026-03-02 09:00:00", "2026-03-02 08:00:00", false, false, "x"},
		{"9:00, yesterday: x", "9:00, yesterday", "2026-03-01 09:00:00", "2026-03-01 08:00:00", false, false, "x"},
		{"2:05pm x", "2:05pm", "2026-03-01 14:05:00", "2026-03-01 13:05:00", true, false, "x"},
		{"2:05 a.m. x", "2:05 a.m.", "2026-03-02 02:05:00", "2026-03-02 01:05:00", false, false, "x"},
		{"12:05 am x", "12:05 am", "2026-03-02 00:05:00", "2026-03-01 23:05:00", false, false, "x"},
		{"12:05 pm x", "12:05 pm", "2026-03-01 12:05:00", "2026-03-01 11:05:00", true, false, "x"},
		{"13:05 pm x", "13:05 pm", "the hour with am or pm is 1 to 12", "", false, false, "x"},
		{"0:05 pm x", "0:05 pm", "the hour with am or pm is 1 to 12", "", false, false, "x"},
		{"0:05 am x", "0:05 am", "2026-03-02 00:05:00", "2026-03-01 23:05:00", false, false, "x"},
		{"2.05 pm x", "2.05 pm", "2026-03-01 14:05:00", "2026-03-01 13:05:00", true, false, "x"},
		{"2 pm x", "2 pm", "2026-03-01 14:00:00", "2026-03-01 13:00:00", true, false, "x"},
		{"12 noon x", "12 noon", "2026-03-01 12:00:00", "2026-03-01 11:00:00", true, false, "x"},
		{"12 midnight x", "12 midnight", "2026-03-02 00:00:00", "2026-03-01 23:00:00", false, false, "x"},
		{"12noon", "12noon", "2026-03-01 12:00:00", "2026-03-01 11:00:00", true, false, ""},
		{"9 in the morning", "", "", "", false, false, "9 in the morning"},
		{"9:10 in the morning x", "9:10 in the morning", "2026-03-02 09:10:00", "2026-03-02 08:10:00", false, false, "x"},
		{"2:10 in the afternoon x", "2:10 in the afternoon", "2026-03-01 14:10:00", "2026-03-01 13:10:00", true, false, "x"},
		{"9:10 in the evening x", "9:10 in the evening", "2026-03-01 21:10:00", "2026-03-01 20:10:00", true, false, "x"},
		{"13:10 in the afternoon x", "13:10", "2026-03-01 13:10:00", "2026-03-01 12:10:00", true, true, "in the afternoon x"},
		{"9:50-9:55 am x", "9:50", "2026-03-02 09:50:00", "2026-03-02 08:50:00", false, false, "9:50-9:55 am x"},
		{"11:50-12:10 pm x", "11:50", "2026-03-01 11:50:00", "2026-03-01 10:50:00", true, false, "11:50-12:10 pm x"},
		{"1:00–2:00 pm x", "1:00", "2026-03-01 13:00:00", "2026-03-01 12:00:00", true, false, "1:00–2:00 pm x"},
		{"09:00-10:00 x", "09:00", "2026-03-02 09:00:00", "2026-03-02 08:00:00", false, true, "09:00-10:00 x"},
		{"09:00 - 10:00 x", "09:00", "2026-03-02 09:00:00", "2026-03-02 08:00:00", false, true, "09:00 - 10:00 x"},
		{"10:00 UTC x", "10:00 UTC", "2026-03-02 10:00:00", "", false, false, "x"},
		{"10:00 utc x", "10:00 utc", "2026-03-02 10:00:00", "", false, false, "x"},
		{"11:30 CET x", "11:30 CET", "2026-03-02 10:30:00", "", false, false, "x"},
		{"11:30 cet x", "11:30 cet", "2026-03-02 10:30:00", "", false, false, "x"},
		{"05:30 EST x", "05:30 EST", "2026-03-02 10:30:00", "", false, false, "x"},
		{"16:00 IST x", "16:00 IST", "IST means several time zones; write +05:30, or a name such as Asia/Kolkata", "", false, false, "x"},
		{"10:00 XYZ x", "10:00", "2026-03-02 10:00:00", "2026-03-02 09:00:00", false, true, "XYZ x"},
		{"10:00 est x", "10:00", "2026-03-02 10:00:00", "2026-03-02 09:00:00", false, true, "est x"},
		{"11:00 +01:00 x", "11:00 +01:00", "2026-03-02 10:00:00", "", false, false, "x"},
		{"11:00 +1 x", "11:00", "2026-03-01 11:00:00", "2026-03-02 10:00:00", true, true, "+1 x"},
		{"11:00+01:00 x", "11:00+01:00", "2026-03-02 10:00:00", "", false, false, "x"},
		{"11:00 UTC+1 x", "11:00 UTC+1", "2026-03-02 10:00:00", "", false, false, "x"},
		{"06:00 -04:00 x", "06:00 -04:00", "2026-03-02 10:00:00", "", false, false, "x"},
		{"06:00-04:00 x", "06:00", "2026-03-02 06:00:00", "2026-03-02 05:00:00", false, true, "06:00-04:00 x"},
		{"06:00 UTC-4 x", "06:00 UTC-4", "2026-03-02 10:00:00", "", false, false, "x"},
		{"11:00 UTC+15 x", "11:00 UTC+15", "there is no time zone UTC+15", "", false, false, "x"},
		{"11:00 UTC-15 x", "11:00", "2026-03-01 11:00:00", "2026-03-02 10:00:00", true, true, "UTC-15 x"},
		{"11:00 UTC+14:00 x", "11:00 UTC+14:00", "2026-03-01 21:00:00", "", true, false, "x"},
		{"11:00 UTC+01:60 x", "11:00 UTC+01:60", "there is no time zone UTC+01:60", "", false, false, "x"},
		{"11:00 UTC+01:59 x", "11:00 UTC+01:59", "2026-03-02 09:01:00", "", false, false, "x"},
		{"06:00 -15:00 x", "06:00", "2026-03-02 06:00:00", "2026-03-02 05:00:00", false, true, "06:00 -15:00 x"},
		{"11:30 Europe/Berlin x", "11:30 Europe/Berlin", "2026-03-02 10:30:00", "", false, false, "x"},
		{"11:30 (Europe/Berlin) x", "11:30 (Europe/Berlin)", "2026-03-02 10:30:00", "", false, false, "x"},
		{"11:30 Europe/Nowhere x", "11:30 Europe/Nowhere", "I don't know the time zone Europe/Nowhere", "", false, false, "x"},
		{"10:00Z x", "10:00Z", "2026-03-02 10:00:00", "", false, false, "x"},
		{"24:00 x", "24:00", "there is no such time of day", "", false, false, "x"},
		{"23:60 x", "23:60", "there is no such time of day", "", false, false, "x"},
		{"10:00:60 x", "10:00:60", "there is no such time of day", "", false, false, "x"},
		{"10:00:59 x", "10:00:59", "2026-03-02 10:00:59", "2026-03-02 09:00:59", false, false, "x"},
		{"23:59:59 x", "23:59:59", "2026-03-01 23:59:59", "2026-03-01 22:59:59", true, false, "x"},
		{"10:5 x", "", "", "", false, false, "10:5 x"},
		{"100:05 x", "", "", "", false, false, "100:05 x"},
		{"10:05x", "", "", "", false, false, "10:05x"},
		{"10:05: x", "10:05", "2026-03-02 10:05:00", "2026-03-02 09:05:00", false, true, "x"},
		{"10:05, x", "10:05", "2026-03-02 10:05:00", "2026-03-02 09:05:00", false, true, "x"},
		{"10:05h x", "10:05h", "2026-03-02 10:05:00", "2026-03-02 09:05:00", false, true, "x"},
		{"10:05 uhr x", "10:05 uhr", "2026-03-02 10:05:00", "2026-03-02 09:05:00", false, true, "x"},
		{"words first 10:05", "", "", "", false, false, "words first 10:05"},
		{"", "", "", "", false, false, ""},
		{"10", "", "", "", false, false, "10"},
		{"31 apples", "", "", "", false, false, "31 apples"},
	} {
		m, rest := readMoment(c.text)
		meant := func(zone *time.Location) (string, bool) {
			when, isGuessed, why := m.resolve(at, zone)
			if why == "" && m.Said != "" {
				why = when.Format(time.DateTime)
			}
			return why, isGuessed
		}
		utc, isGuessed := meant(time.UTC)
		there, _ := meant(berlin)
		if c.berlin == "" {
			c.berlin = c.utc
		}
		if m.Said != c.said || utc != c.utc || there != c.berlin || isGuessed != c.isGuessed || m.Plain != c.isPlain || rest != c.rest {
			t.Errorf("%q: %q is %s, in Berlin %s, guessed %t, plain %t, rest %q; want %q, %s, %s, %t, %t, %q", c.text, m.Said, utc, there, isGuessed,
				m.Plain, rest, c.said, c.utc, c.berlin, c.isGuessed, c.isPlain, c.rest)
		}
	}
}

// When the clocks change, an hour is missing, and another one comes twice.
func TestTimesWhenTheClocksChange(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		text, at, want string
		isGuessed      bool
	}{
		{"02:30 x", "2026-03-29T10:00:00Z", "02:30 did not exist on 29 Mar: the clocks of Europe/Berlin went forward then", false},
		{"01:59 x", "2026-03-29T10:00:00Z", "2026-03-29 00:59:00", false},
		{"03:00 x", "2026-03-29T10:00:00Z", "2026-03-29 01:00:00", false},
		{"02:30 x", "2026-03-29T00:00:00Z", "2026-03-28 01:30:00", true}, // the day before
		{"02:30 x", "2026-10-25T10:00:00Z", "2026-10-25 01:30:00", true},
		{"02:30 x", "2026-10-25T01:00:00Z", "2026-10-25 00:30:00", true},
		{"02:30 x", "2026-10-25T01:28:00Z", "2026-10-25 01:28:00", true}, // as far ahead as clocks differ
		{"02:30 x", "2026-10-25T01:27:59Z", "2026-10-25 00:30:00", true},
		{"03:00 x", "2026-10-25T10:00:00Z", "2026-10-25 02:00:00", false},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		m, _ := readMoment(c.text)
		when, isGuessed, got := m.resolve(at, berlin)
		if got == "" {
			got = when.Format(time.DateTime)
		}
		if got != c.want || isGuessed != c.isGuessed {
			t.Errorf("%q at %s: %s, guessed %t; want %s, %t", c.text, c.at, got, isGuessed, c.want, c.isGuessed)
		}
	}
}
