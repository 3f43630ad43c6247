package incident_test

import (
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"github.com/firebreak-dev/firebreak/app/incident"
)

const local = "Mon 2006-01-02 15:04 MST"

func zone(t interface{ Fatal(...any) }, name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// hours are working hours on the given days.
func hours(from, to time.Duration, days ...time.Weekday) incident.Hours {
	h := incident.Hours{From: from, To: to}
	for _, d := range days {
		h.Days[d] = true
	}
	return h
}

var (
	office  = incident.OfficeHours // nine to six, Monday to Friday
	sundays = hours(2*time.Hour+30*time.Minute, 10*time.Hour, time.Sunday)
	always  = hours(0, 24*time.Hour, 0, 1, 2, 3, 4, 5, 6)
)

func TestM2TheNextWorkingHour(t *testing.T) {
	for name, c := range map[string]struct {
		hours          incident.Hours
		zone, at, want string
	}{
		"within":                         {office, "Europe/Berlin", "2026-11-25T10:15:30+01:00", "Wed 2026-11-25 10:15 CET"},
		"at the opening":                 {office, "Europe/Berlin", "2026-11-25T09:00:00+01:00", "Wed 2026-11-25 09:00 CET"},
		"early":                          {office, "Europe/Berlin", "2026-11-25T08:59:59+01:00", "Wed 2026-11-25 09:00 CET"},
		"at the close":                   {office, "Europe/Berlin", "2026-11-25T18:00:00+01:00", "Thu 2026-11-26 09:00 CET"},
		"on Friday's evening":            {office, "Europe/Berlin", "2026-11-27T18:30:00+01:00", "Mon 2026-11-30 09:00 CET"},
		"at the year's end":              {office, "Europe/Berlin", "2027-12-31T23:59:59+01:00", "Mon 2028-01-03 09:00 CET"},
		"the zone's day, not UTC's":      {office, "Asia/Tokyo", "2026-11-27T15:30:00Z", "Mon 2026-11-30 09:00 JST"},
		"over the change in spring":      {office, "Europe/Berlin", "2026-03-27T19:00:00+01:00", "Mon 2026-03-30 09:00 CEST"},
		"over the change in autumn":      {office, "Europe/Berlin", "2026-10-23T19:00:00+02:00", "Mon 2026-10-26 09:00 CET"},
		"opening in the skipped hour":    {sundays, "Europe/Berlin", "2026-03-29T01:00:00+01:00", "Sun 2026-03-29 03:00 CEST"},
		"the same west of Greenwich":     {sundays, "America/New_York", "2026-03-08T01:00:00-05:00", "Sun 2026-03-08 03:00 EDT"},
		"opening twice: the first":       {sundays, "Europe/Berlin", "2026-10-25T00:00:00+02:00", "Sun 2026-10-25 02:30 CEST"},
		"opening twice: between":         {sundays, "Europe/Berlin", "2026-10-25T02:10:00+01:00", "Sun 2026-10-25 02:30 CET"},
		"a day that begins at one":       {hours(0, time.Hour+time.Minute, time.Friday), "Africa/Cairo", "2026-04-23T12:00:00+02:00", "Fri 2026-04-24 01:00 EEST"},
		"hours that fall into the gap":   {hours(2*time.Hour, 3*time.Hour, time.Sunday), "Europe/Berlin", "2026-03-28T12:00:00+01:00", "Sun 2026-04-05 02:00 CEST"},
		"a Friday that was left out":     {hours(9*time.Hour, 18*time.Hour, time.Friday), "Pacific/Apia", "2011-12-29T12:00:00-10:00", "Fri 2012-01-06 09:00 +14"},
		"around the clock":               {always, "Europe/Berlin", "2026-03-29T03:00:00+02:00", "Sun 2026-03-29 03:00 CEST"},
		"one day a week, just missed it": {hours(0, 24*time.Hour, time.Monday), "UTC", "2026-11-24T00:00:00Z", "Mon 2026-11-30 00:00 UTC"},
		"no days":                        {hours(9*time.Hour, 18*time.Hour), "UTC", "2026-11-25T03:00:00Z", "Wed 2026-11-25 03:00 UTC"},
		"an end before its beginning":    {hours(18*time.Hour, 9*time.Hour, time.Monday), "UTC", "2026-11-25T03:00:00Z", "Wed 2026-11-25 03:00 UTC"},
	} {
		z := zone(t, c.zone)
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.hours.Next(at, z).In(z).Format(local); got != c.want {
			t.Errorf("%s: %s returns %s, want %s", name, c.at, got, c.want)
		}
	}
}

func TestC3WorkingDaysLater(t *testing.T) {
	for name, c := range map[string]struct {
		hours          incident.Hours
		zone, at, want string
		days           int
	}{
		"three days":                   {office, "Europe/Berlin", "2026-11-23T10:15:00+01:00", "Thu 2026-11-26 10:15 CET", 3},
		"over a weekend":               {office, "Europe/Berlin", "2026-11-26T10:15:00+01:00", "Tue 2026-12-01 10:15 CET", 3},
		"two weeks":                    {office, "Europe/Berlin", "2026-11-25T10:15:00+01:00", "Wed 2026-12-09 10:15 CET", 10},
		"none: now":                    {office, "Europe/Berlin", "2026-11-25T10:15:00+01:00", "Wed 2026-11-25 10:15 CET", 0},
		"none, at night":               {office, "Europe/Berlin", "2026-11-25T22:15:00+01:00", "Thu 2026-11-26 09:00 CET", 0},
		"fewer than none":              {office, "Europe/Berlin", "2026-11-25T10:15:00+01:00", "Wed 2026-11-25 10:15 CET", -3},
		"early in the morning":         {office, "Europe/Berlin", "2026-11-23T03:00:00+01:00", "Tue 2026-11-24 09:00 CET", 1},
		"on Thursday's evening":        {office, "Europe/Berlin", "2026-11-26T20:00:00+01:00", "Mon 2026-11-30 09:00 CET", 1},
		"on a Saturday":                {office, "Europe/Berlin", "2026-11-28T12:00:00+01:00", "Mon 2026-11-30 12:00 CET", 1},
		"the same time in summer":      {office, "Europe/Berlin", "2026-03-27T10:15:00+01:00", "Mon 2026-03-30 10:15 CEST", 1},
		"the same time in winter":      {office, "Europe/Berlin", "2026-10-23T10:15:00+02:00", "Mon 2026-10-26 10:15 CET", 1},
		"into the skipped hour":        {always, "Europe/Berlin", "2026-03-28T02:30:00+01:00", "Sun 2026-03-29 03:30 CEST", 1},
		"one day a week":               {hours(9*time.Hour, 18*time.Hour, time.Monday), "UTC", "2026-11-25T10:00:00Z", "Mon 2026-12-14 10:00 UTC", 3},
		"no days: every day counts":    {hours(9*time.Hour, 18*time.Hour), "UTC", "2026-11-25T03:00:00Z", "Sat 2026-11-28 03:00 UTC", 3},
		"no days, fewer than none":     {hours(9*time.Hour, 18*time.Hour), "UTC", "2026-11-25T03:00:00Z", "Wed 2026-11-25 03:00 UTC", -1},
		"the zone's day, not UTC's":    {office, "Asia/Tokyo", "2026-11-26T23:30:00Z", "Mon 2026-11-30 09:00 JST", 1},
		"weekends only, after closing": {hours(9*time.Hour, 18*time.Hour, time.Saturday, time.Sunday), "UTC", "2026-11-28T19:00:00Z", "Sat 2026-12-05 09:00 UTC", 1},
	} {
		z := zone(t, c.zone)
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.hours.Add(at, c.days, z).In(z).Format(local); got != c.want {
			t.Errorf("%s: %d days after %s are %s, want %s", name, c.days, c.at, got, c.want)
		}
	}
}

// What is kept in the card is UTC, whatever zone people work in.
func TestM2TimesStayInTheirZone(t *testing.T) {
	berlin, at := zone(t, "Europe/Berlin"), time.Date(2026, 11, 28, 3, 0, 0, 0, time.UTC)
	for _, got := range []time.Time{office.Next(at, berlin), office.Add(at, 1, berlin), office.Next(at, nil), office.Add(at, 1, nil), incident.Hours{}.Next(at, berlin)} {
		if got.Location() != time.UTC {
			t.Errorf("%s", got)
		}
	}
	if got := office.Next(at, nil); got.Hour() != 9 {
		t.Errorf("no zone is UTC; got %s", got)
	}
}

// openChecks is what working hours mean, by the clock on the wall.
func openChecks(h incident.Hours, at time.Time) bool {
	hour, minute, second := at.Clock()
	of := time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second + time.Duration(at.Nanosecond())
	return h.Days[at.Weekday()] && h.From <= of && of < h.To
}

// drawMoment draws hours that open, a zone, and a time in it, often near a change of its clocks.
func drawMoment(t *rapid.T) (incident.Hours, *time.Location, time.Time) {
	from := rapid.IntRange(0, 24*60-1).Draw(t, "from")
	to := rapid.IntRange(from+1, 24*60).Draw(t, "to")
	if rapid.Bool().Draw(t, "night") {
		from = rapid.IntRange(0, 3*60).Draw(t, "from at night")
		to = rapid.IntRange(from+1, 5*60).Draw(t, "to at night")
	}
	h := incident.Hours{From: time.Duration(from) * time.Minute, To: time.Duration(to) * time.Minute}
	for _, d := range rapid.SliceOfN(rapid.IntRange(0, 6), 1, 7).Draw(t, "days") {
		h.Days[d] = true
	}
	z := zone(t, rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "America/New_York", "America/Havana", "Africa/Cairo", "Africa/Casablanca", "Australia/Lord_Howe", "Pacific/Apia"}).Draw(t, "zone"))
	at := time.Unix(rapid.Int64Range(1_290_000_000, 2_000_000_000).Draw(t, "at"), 0).In(z) // from 2010 to 2033
	if _, change := at.ZoneBounds(); rapid.Bool().Draw(t, "at a change") && !change.IsZero() {
		at = change.Add(time.Duration(rapid.IntRange(-3*24*3600, 12*3600).Draw(t, "beside it")) * time.Second)
	}
	return h, z, at
}

func TestM2TheNextWorkingHourIsTheFirst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, z, at := drawMoment(t)
		next := h.Next(at, z)
		if next.Before(at) || !openChecks(h, next) {
			t.Fatalf("%v: %s returns %s", h, at.Format(local), next.Format(local))
		}
		if again := h.Next(next, z); !again.Equal(next) {
			t.Fatalf("%v: %s returns %s, and that %s", h, at.Format(local), next.Format(local), again.Format(local))
		}
		for u := at; u.Before(next); u = u.Add(time.Minute) {
			if openChecks(h, u) {
				t.Fatalf("%v: %s returns %s, but it is open at %s", h, at.Format(local), next.Format(local), u.Format(local))
			}
		}
	})
}

func TestC3WorkingDaysAreCounted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, z, at := drawMoment(t)
		days := rapid.IntRange(1, 30).Draw(t, "days")
		then := h.Add(at, days, z)
		if !then.After(at) || !openChecks(h, then) {
			t.Fatalf("%v: %d days after %s are %s", h, days, at.Format(local), then.Format(local))
		}
		between := 0 // working days after the day of at, up to the day of then
		year, month, day := at.Date()
		last := time.Date(then.Year(), then.Month(), then.Day(), 0, 0, 0, 0, time.UTC)
		for d := time.Date(year, month, day+1, 0, 0, 0, 0, time.UTC); !d.After(last); d = d.AddDate(0, 0, 1) {
			if h.Days[d.Weekday()] {
				between++
			}
		}
		if between < days || between > days+2 { // one more after closing time, one more where a day lost its hours to a change
			t.Fatalf("%v: %d days after %s are %s, the %dth working day", h, days, at.Format(local), then.Format(local), between)
		}
		change, _ := then.ZoneBounds()
		if undisturbed := then.Sub(change) > 9*24*time.Hour; undisturbed && openChecks(h, at) && (between != days || clockOf(then) != clockOf(at)) {
			t.Fatalf("%v: %d days after %s are %s, not the same time on the %dth working day", h, days, at.Format(local), then.Format(local), days)
		}
	})
}

func clockOf(t time.Time) string { return t.Format("15:04:05") }
