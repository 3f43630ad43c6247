package moving_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/moving"
)

var zones = []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Sydney", "Asia/Kolkata"}

const day = 24 * time.Hour

// people are all on GitHub.
var people = moving.People{"a@acme.example": "alice", "b@acme.example": "bob", "c@acme.example": "carol"}

func who(t *rapid.T, label string) moving.Who {
	email := rapid.SampledFrom([]string{"a@acme.example", "b@acme.example", "c@acme.example"}).Draw(t, label)
	return moving.Who{Kind: moving.User, ID: email, Email: email}
}

// part draws an order of people. Its times of day are not those at which clocks change.
func part(t *rapid.T, zone *time.Location, now time.Time, isLayered bool) moving.Part {
	minutes := func(label string) time.Duration {
		return time.Duration(rapid.IntRange(10, 38).Draw(t, label)) * 30 * time.Minute // 05:00 to 19:00
	}
	first := now.In(zone).AddDate(0, 0, rapid.IntRange(-400, 10).Draw(t, "first"))
	p := moving.Part{Name: "one", Every: time.Duration(rapid.IntRange(1, 20).Draw(t, "days")) * day}
	p.Start = time.Date(first.Year(), first.Month(), first.Day(), 0, int(minutes("handover")/time.Minute), 0, 0, zone)
	p.From = p.Start
	if isLayered { // PagerDuty's layers begin anywhere in the order of turns
		p.From = now.AddDate(0, 0, rapid.IntRange(-90, 0).Draw(t, "from"))
	}
	for range rapid.IntRange(1, 4).Draw(t, "turns") {
		p.Turns = append(p.Turns, who(t, "who"))
	}
	for range rapid.IntRange(0, 2).Draw(t, "restrictions") {
		s := moving.Span{Day: time.Weekday(rapid.IntRange(0, 6).Draw(t, "weekday")), IsDaily: rapid.Bool().Draw(t, "daily"),
			From: minutes("opens")}
		s.Length = time.Duration(rapid.IntRange(0, 6).Draw(t, "long"))*day + minutes("closes") - s.From
		if s.IsDaily {
			s.Length %= day
		}
		if s.Length <= 0 {
			s.Length += day
		}
		p.Hours = append(p.Hours, s)
	}
	return p
}

// TestRandomLayersBecomeTheSameCalendar converts random schedules, reads the file that this writes,
// and finds no difference in the weeks after any day of a year.
func TestRandomLayersBecomeTheSameCalendar(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(zones).Draw(t, "zone")
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC).AddDate(0, 0, rapid.IntRange(0, 300).Draw(t, "now"))
		s := moving.Schedule{ID: "s", Name: "Primary", Zone: zone, IsLayered: rapid.Bool().Draw(t, "layered")}
		for range rapid.IntRange(1, 3).Draw(t, "parts") {
			s.Parts = append(s.Parts, part(t, zone, now, s.IsLayered))
			s.Parts[len(s.Parts)-1].ID = fmt.Sprint(len(s.Parts))
		}
		for range rapid.IntRange(0, 2).Draw(t, "overrides") {
			o := moving.Override{From: now.Add(time.Duration(rapid.IntRange(-9999, 9999).Draw(t, "from")) * time.Minute),
				Who: who(t, "cover")}
			o.Until = o.From.Add(time.Duration(rapid.IntRange(1, 9999).Draw(t, "minutes")) * time.Minute)
			if n := len(s.Overrides); n > 0 && o.From.Before(s.Overrides[n-1].Until) {
				continue // the vendors refuse or order what overlaps
			}
			if !s.IsLayered && rapid.Bool().Draw(t, "of one") {
				o.Parts = []string{"1"}
			}
			s.Overrides = append(s.Overrides, o)
		}
		e := moving.Export{Vendor: "Pager", Schedules: []moving.Schedule{s}}
		r, err := moving.Convert(e, people, "", now)
		if err != nil {
			t.Fatal(err)
		}
		file := r.OnCallFile("Pager")
		if r.Schedule, err = config.ParseOnCall(file); err != nil {
			t.Fatalf("%v\n%s", err, file)
		}
		if len(r.Schedule.Rotations) == 0 && len(r.Notes) == 0 {
			t.Fatal("something was left out without a word")
		}
		for _, c := range moving.Compare(e, people, r, now, now.AddDate(0, 0, 35)) {
			for _, row := range c.Rows {
				if row.IsDifferent {
					t.Fatalf("from %s until %s: theirs %v, ours %v\n%s", row.From.In(zone), row.Until.In(zone), row.Theirs,
						row.Ours, file)
				}
			}
		}
	})
}

// TestTurnsOfHours: they are the same until the clocks change, and the note says what happens then.
func TestTurnsOfHours(t *testing.T) {
	zone, _ := time.LoadLocation("Europe/Berlin")
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	alice := moving.Who{Kind: moving.User, Email: "a@acme.example"}
	bob := moving.Who{Kind: moving.User, Email: "b@acme.example"}
	start := time.Date(2026, 7, 1, 9, 0, 0, 0, zone)
	e := moving.Export{Schedules: []moving.Schedule{{ID: "s", Name: "Halves", Zone: zone, Parts: []moving.Part{
		{Name: "halves", Start: start, From: start, Every: 12 * time.Hour, Turns: []moving.Who{alice, bob}}}}}}
	r, err := moving.Convert(e, people, "", now)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(r.Notes); !strings.Contains(got, "when the clocks change") {
		t.Errorf("nothing is said of the clocks: %s", got)
	}
	if c := moving.Compare(e, people, r, now, now.AddDate(0, 0, 28)); c[0].Differences() != 0 || len(c[0].Rows) < 50 {
		t.Errorf("%d rows, %d differ", len(c[0].Rows), c[0].Differences())
	}
	if c := moving.Compare(e, people, r, now, now.AddDate(0, 6, 0)); c[0].Differences() == 0 {
		t.Error("the change of the clocks shows no difference")
	}
}
