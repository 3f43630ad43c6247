package selftest_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/firebreak-dev/firebreak/app/selftest"
)

func zone(t interface{ Fatal(...any) }, name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// Whoever asks every hour sends one test a week to each, by each way in turn, and none at night (O3).
func TestO3ATestPageComesOnceAWeekByDay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		who := selftest.Person{Login: "dan", Ways: []string{"ntfy", "", "call"},
			Zone: zone(t, rapid.SampledFrom([]string{"Europe/Berlin", "America/New_York", "Pacific/Apia", "Asia/Kolkata", "UTC"}).Draw(t, "zone"))}
		plan := selftest.PlanOf(map[string]string{"test-day": rapid.SampledFrom(selftest.Days).Draw(t, "day")})
		now := time.Unix(rapid.Int64Range(1_700_000_000, 1_900_000_000).Draw(t, "start"), 0)
		var last selftest.Test
		ways := map[int]int{}
		sent := 0
		for range 6 * 7 * 24 {
			now = now.Add(time.Hour)
			way, isDue := plan.IsPersonDue(last, who, now)
			if !isDue {
				continue
			}
			if local := now.In(who.Zone); local.Hour() < 10 || local.Hour() > 16 || local.Weekday() != plan.Day {
				t.Fatalf("sent at %s", local)
			}
			if !last.Sent.IsZero() && now.Sub(last.Sent) < 6*24*time.Hour {
				t.Fatalf("sent at %s and at %s", last.Sent, now)
			}
			sent++
			ways[way]++
			last = selftest.Test{Sent: now}
		}
		if sent < 6 || sent > 7 || ways[1] != 0 || ways[0] < 3 || ways[2] < 3 {
			t.Fatalf("sent %d, by %v", sent, ways)
		}
	})
}

func TestO3WhenTestsAreDue(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	at := func(text string) time.Time {
		v, err := time.ParseInLocation("2006-01-02 15:04", text, berlin)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	who := selftest.Person{Login: "dan", Zone: berlin, Ways: []string{"sms"}}
	for _, c := range []struct {
		options   map[string]string
		now, last string
		person    bool
		path      bool
	}{
		{nil, "2026-12-01 09:59", "2026-11-30 10:05", false, false}, // a Tuesday
		{nil, "2026-12-01 10:00", "2026-11-24 10:00", true, true},
		{nil, "2026-12-01 10:00", "2026-12-01 10:00", false, false},
		{nil, "2026-12-01 15:59", "2026-11-24 10:00", true, true},
		{nil, "2026-12-01 16:00", "2026-11-24 10:00", false, true}, // too late for a page, and not for the path
		{nil, "2026-12-02 03:00", "2026-11-24 10:00", false, true},
		{nil, "2026-12-02 10:05", "2026-11-24 10:00", true, true}, // nothing ran on Tuesday
		{nil, "2026-12-02 10:05", "2026-12-01 10:00", false, true},
		{map[string]string{"test": "path"}, "2026-12-01 10:00", "2026-11-24 10:00", false, true},
		{map[string]string{"test": "off"}, "2026-12-01 10:00", "2026-11-24 10:00", false, false},
		{map[string]string{"test-day": "wed", "test-hour": "14:00"}, "2026-12-02 14:10", "2026-11-25 14:00", true, true},
	} {
		plan := selftest.PlanOf(c.options)
		if _, isDue := plan.IsPersonDue(selftest.Test{Sent: at(c.last)}, who, at(c.now)); isDue != c.person {
			t.Errorf("%v at %s: a person's test is due: %v", c.options, c.now, isDue)
		}
		if isDue := plan.IsPathDue(at(c.last), at(c.now), berlin); isDue != c.path {
			t.Errorf("%v at %s: the path's test is due: %v", c.options, c.now, isDue)
		}
	}
	if plan := selftest.PlanOf(nil); !plan.IsPathDue(time.Time{}, at("2026-12-02 03:00"), berlin) {
		t.Error("a path that was never tested waits")
	}
	for _, c := range []struct {
		test     selftest.Test
		isSilent bool
	}{
		{selftest.Test{}, false},
		{selftest.Test{Sent: at("2026-12-01 10:00")}, true},
		{selftest.Test{Sent: at("2026-12-01 10:00"), Answered: at("2026-12-01 10:01")}, false},
		{selftest.Test{Sent: at("2026-12-01 10:00"), Answered: at("2026-11-24 10:01")}, true}, // the one before
		{selftest.Test{Sent: at("2026-12-01 16:00")}, false},
	} {
		if got := c.test.IsSilent(at("2026-12-02 12:00")); got != c.isSilent {
			t.Errorf("%+v: %v", c.test, got)
		}
	}
}

// That a test is not made is noticed, whatever it would have found; who came on call after it was due has none yet.
func TestO3TestsThatAreNotMadeAreOverdue(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	at := func(text string) time.Time {
		v, err := time.ParseInLocation("2006-01-02 15:04", text, berlin)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	people := []selftest.Person{{Login: "Dan", Zone: berlin, Ways: []string{"sms"}}, {Login: "erin", Zone: berlin, Ways: []string{""}}}
	for name, c := range map[string]struct {
		options     map[string]string
		now, path   string
		since, sent string
		want        time.Duration
	}{
		"all are made":            {nil, "2026-12-03 12:00", "2026-12-03 10:00", "2026-01-01 10:00", "2026-12-01 10:00", 0},
		"the path's is late":      {nil, "2026-12-03 12:00", "2026-12-02 07:00", "2026-01-01 10:00", "2026-12-01 10:00", time.Hour},
		"dan's is missing":        {nil, "2026-12-03 12:00", "2026-12-03 10:00", "2026-01-01 10:00", "2026-11-24 10:00", 22 * time.Hour},
		"it may come a day later": {nil, "2026-12-02 12:00", "2026-12-02 10:00", "2026-01-01 10:00", "2026-11-24 10:00", 0},
		"dan is new":              {nil, "2026-12-03 12:00", "2026-12-03 10:00", "2026-12-02 10:00", "", 0},
		"only the path":           {map[string]string{"test": "path"}, "2026-12-03 12:00", "2026-12-03 10:00", "2026-01-01 10:00", "", 0},
		"tests are off":           {map[string]string{"test": "off"}, "2026-12-03 12:00", "2026-11-03 10:00", "2026-01-01 10:00", "", 0},
	} {
		test := selftest.Test{Since: at(c.since)}
		if c.sent != "" {
			test.Sent = at(c.sent)
		}
		state := selftest.State{Path: selftest.Path{At: at(c.path)}, People: map[string]selftest.Test{"dan": test}}
		if got := selftest.PlanOf(c.options).Overdue(state, people, at(c.now)); got != c.want {
			t.Errorf("%s: overdue for %s, want %s", name, got, c.want)
		}
	}
}
