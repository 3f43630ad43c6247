package oncall_test

import (
	"archive/zip"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/firebreak-dev/firebreak/app/oncall"
)

// zones lists every zone of the tz database that comes with Go.
func zones(t *testing.T) (all []*time.Location) {
	t.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	file, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(root)), "lib/time/zoneinfo.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	for _, f := range file.File {
		if zone, err := time.LoadLocation(f.Name); err == nil && !f.FileInfo().IsDir() {
			all = append(all, zone)
		}
	}
	if len(all) < 400 {
		t.Fatalf("%d zones", len(all))
	}
	return all
}

// latest returns the latest time of day and date that the clocks of a zone have shown so far, as if it
// were UTC. It is what handovers go by: the n-th one has been once the clocks have shown its time, or
// jumped over it.
func latest(at time.Time, zone *time.Location) time.Time {
	shown := func(t time.Time) time.Time {
		_, offset := t.In(zone).Zone()
		return t.UTC().Add(time.Duration(offset) * time.Second)
	}
	most := shown(at)
	for t := at; ; {
		begin, _ := t.In(zone).ZoneBounds()
		if begin.IsZero() || at.Sub(begin) > 50*time.Hour {
			return most
		}
		t = begin.Add(-time.Nanosecond)
		if before := shown(t); before.After(most) {
			most = before
		}
	}
}

// expected returns who a rotation has on call at a time, counted turn by turn.
func expected(s oncall.Schedule, r oncall.Rotation, at time.Time) (who []string, meant bool) {
	now := latest(at, r.Zone)
	passed := func(t time.Time) bool { return !t.After(now) }
	for _, l := range r.Layers {
		start := flat(l.Start)
		if !passed(start) || !l.Until.IsZero() && passed(flat(l.Until)) || !counts(l, now, passed) {
			continue
		}
		n := 0
		if l.Every.Unit == oncall.Hours { // too many to count
			n = int(now.Sub(start)/time.Hour) / l.Every.Count
		}
		for passed(nth(l, start, n+1)) {
			n++
		}
		switch turn := l.Turns[n%len(l.Turns)]; {
		case len(turn) > 0:
			who = turn
		default:
			meant = true
		}
	}
	for _, c := range s.Covers {
		if c.Rotation != r.Name || at.Before(c.From) || !at.Before(c.Until) {
			continue
		}
		if c.For == "" {
			who = []string{c.Who}
			continue
		}
		var next []string
		for _, w := range who {
			if w == c.For {
				w = c.Who
			}
			if !slices.Contains(next, w) {
				next = append(next, w)
			}
		}
		who = next
	}
	return who, meant && len(who) == 0
}

func flat(c oncall.Clock) time.Time {
	return time.Date(c.Year, c.Month, c.Day, c.Hour, c.Minute, 0, 0, time.UTC)
}

func nth(l oncall.Layer, start time.Time, n int) time.Time {
	n *= l.Every.Count
	switch l.Every.Unit {
	case oncall.Hours:
		return start.Add(time.Duration(n) * time.Hour)
	case oncall.Days:
		return start.AddDate(0, 0, n)
	case oncall.Weeks:
		return start.AddDate(0, 0, 7*n)
	}
	month := start.AddDate(0, 0, 1-start.Day()).AddDate(0, n, 0)
	for day := start.Day(); ; day-- {
		if t := month.AddDate(0, 0, day-1); t.Month() == month.Month() {
			return t
		}
	}
}

// counts reports whether a layer's restrictions let it count.
func counts(l oncall.Layer, now time.Time, passed func(time.Time) bool) bool {
	if len(l.Hours) == 0 {
		return true
	}
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
	for back := range 4 {
		day := midnight.AddDate(0, 0, 1-back)
		for _, w := range l.Hours {
			end := day.Add(w.To)
			if w.To <= w.From {
				end = end.Add(24 * time.Hour)
			}
			if w.Days[day.Weekday()] && passed(day.Add(w.From)) && !passed(end) {
				return true
			}
		}
	}
	return false
}

var people = []string{"@alice", "@bob", "@carol", "@dan", "platform"}

func clocks(t *rapid.T, label string, from, to int) oncall.Clock {
	hour := rapid.SampledFrom([]int{0, 1, 2, 3, 9, 23}).Draw(t, label+" hour")
	return oncall.Clock{Year: rapid.IntRange(from, to).Draw(t, label+" year"),
		Month: time.Month(rapid.IntRange(1, 12).Draw(t, label+" month")), Day: rapid.IntRange(1, 28).Draw(t, label+" day"),
		Hour: hour, Minute: rapid.SampledFrom([]int{0, 30, 59}).Draw(t, label+" minute")}
}

func layers(t *rapid.T) oncall.Layer {
	l := oncall.Layer{
		Every: oncall.Period{Count: rapid.IntRange(1, 3).Draw(t, "count"),
			Unit: oncall.Unit(rapid.IntRange(0, 3).Draw(t, "unit"))},
		Start: clocks(t, "start", 2024, 2025),
		Turns: rapid.SliceOfN(rapid.SliceOfNDistinct(rapid.SampledFrom(people), 0, 2, rapid.ID), 1, 4).Draw(t, "turns"),
	}
	if l.Every.Unit == oncall.Hours {
		l.Every.Count = rapid.SampledFrom([]int{1, 6, 8, 12, 23}).Draw(t, "hours")
	}
	if l.Every.Unit == oncall.Months {
		l.Start.Day = rapid.IntRange(1, 31).Draw(t, "day")
		l.Start.Month = time.January
	}
	if rapid.IntRange(0, 3).Draw(t, "ends") == 0 {
		l.Until = clocks(t, "until", 2026, 2034)
	}
	for range rapid.IntRange(0, 2).Draw(t, "windows") {
		w := oncall.Window{From: time.Duration(rapid.IntRange(0, 23).Draw(t, "from")) * time.Hour,
			To: time.Duration(rapid.IntRange(0, 24).Draw(t, "to")) * time.Hour}
		w.Days[rapid.IntRange(0, 6).Draw(t, "weekday")] = true
		for i := range w.Days {
			w.Days[i] = w.Days[i] || rapid.Bool().Draw(t, "on")
		}
		l.Hours = append(l.Hours, w)
	}
	return l
}

func schedules(all []*time.Location) *rapid.Generator[oncall.Schedule] {
	return rapid.Custom(func(t *rapid.T) oncall.Schedule {
		r := oncall.Rotation{Name: "primary", Zone: rapid.SampledFrom(all).Draw(t, "zone")}
		for range rapid.IntRange(1, 3).Draw(t, "layers") {
			r.Layers = append(r.Layers, layers(t))
		}
		s := oncall.Schedule{Rotations: []oncall.Rotation{r}}
		for range rapid.IntRange(0, 3).Draw(t, "covers") {
			c := oncall.Cover{Rotation: "primary", From: moments(t, "cover"), Who: rapid.SampledFrom(people).Draw(t, "who")}
			c.Until = c.From.Add(time.Duration(rapid.IntRange(1, 20*24*60).Draw(t, "minutes")) * time.Minute)
			if name := rapid.SampledFrom(people).Draw(t, "for"); name != c.Who && rapid.Bool().Draw(t, "is for") {
				c.For = name
			}
			s.Covers = append(s.Covers, c)
		}
		return s
	})
}

// moments draws a minute of ten years.
func moments(t *rapid.T, label string) time.Time {
	const years = 10 * 365 * 24 * 60
	return time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, years).Draw(t, label)) * time.Minute)
}

// near draws a time that is likely to be close to a change: of the clocks, a cover or a turn.
func near(t *rapid.T, s oncall.Schedule) time.Time {
	at := moments(t, "at")
	switch rapid.IntRange(0, 2).Draw(t, "near") {
	case 0:
		if _, change := at.In(s.Rotations[0].Zone).ZoneBounds(); !change.IsZero() && change.Year() < 2036 {
			at = change
		}
	case 1:
		if len(s.Covers) > 0 {
			c := rapid.SampledFrom(s.Covers).Draw(t, "which")
			at = rapid.SampledFrom([]time.Time{c.From, c.Until}).Draw(t, "end")
		}
	}
	return at.Add(time.Duration(rapid.IntRange(-90, 90).Draw(t, "minutes")) * time.Minute)
}

func TestO1ExactlyWhoTheFileSays(t *testing.T) {
	all := zones(t)
	rapid.Check(t, func(t *rapid.T) {
		s := schedules(all).Draw(t, "schedule")
		for range 5 {
			at := near(t, s)
			want, meant := expected(s, s.Rotations[0], at)
			shift := s.At("primary", at)
			if diff := cmp.Diff(want, shift.Who); len(want)+len(shift.Who) > 0 && diff != "" {
				t.Fatalf("%v: %s", at.In(s.Rotations[0].Zone), diff)
			}
			if meant != shift.Meant {
				t.Fatalf("%v: on purpose %v, want %v", at, shift.Meant, meant)
			}
			if at.Before(shift.From) || !at.Before(shift.Until) {
				t.Fatalf("%v is not from %v until %v", at, shift.From, shift.Until)
			}
			for _, p := range s.OnCall("primary", at) {
				if !p.Until.Equal(shift.Until) {
					t.Fatalf("%v until %v, want %v", p.Name, p.Until, shift.Until)
				}
			}
		}
	})
}

func TestO1NoGapAndNoOverlap(t *testing.T) {
	all := zones(t)
	rapid.Check(t, func(t *rapid.T) {
		s := schedules(all).Draw(t, "schedule")
		from := near(t, s)
		to := from.Add(time.Duration(rapid.IntRange(1, 60*24*60).Draw(t, "length")) * time.Minute)
		checkShifts(t, s, from, to)
	})
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// checkShifts checks that shifts fill a time without a hole, and that each is whole and as the file
// says at its first and its last moment.
func checkShifts(t fataler, s oncall.Schedule, from, to time.Time) {
	t.Helper()
	at, r := from, s.Rotations[0]
	for i, shift := range s.Shifts("primary", from, to) {
		if !shift.From.Equal(at) || !shift.From.Before(shift.Until) {
			t.Fatalf("shift %d is from %v until %v, want from %v", i, shift.From, shift.Until, at)
		}
		for _, moment := range []time.Time{shift.From, shift.Until.Add(-time.Nanosecond)} {
			if want, _ := expected(s, r, moment); !slices.Equal(want, shift.Who) {
				t.Fatalf("%v: %v, want %v", moment.In(r.Zone), shift.Who, want)
			}
		}
		whole := s.At("primary", shift.From)
		if !shift.From.Equal(from) && !whole.From.Equal(shift.From) || !shift.Until.Equal(to) &&
			shift.Until.Sub(shift.From) < 300*24*time.Hour && !whole.Until.Equal(shift.Until) {
			t.Fatalf("shift %d is from %v until %v, and as a whole from %v until %v", i, shift.From, shift.Until,
				whole.From, whole.Until)
		}
		at = shift.Until
	}
	if !at.Equal(to) {
		t.Fatalf("the shifts end %v, want %v", at, to)
	}
}

// Handovers in the hour that a clock change leaves out or repeats, in every zone that has one.
func TestO1EveryClockChangeOfTenYears(t *testing.T) {
	turns := [][]string{{"@alice"}, {"@bob"}, {"@carol"}}
	changes := 0
	for _, zone := range zones(t) {
		at := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
		for {
			_, change := at.In(zone).ZoneBounds()
			if change.IsZero() || change.Year() > 2034 {
				break
			}
			changes++
			clock := oncall.ClockOf(change, zone)
			back := oncall.ClockOf(change.Add(-time.Minute), zone)
			for _, l := range []oncall.Layer{
				{Every: oncall.Period{Count: 1, Unit: oncall.Days}, Start: oncall.Clock{Year: 2024, Month: 1, Day: 1, Hour: clock.Hour}},
				{Every: oncall.Period{Count: 1, Unit: oncall.Days},
					Start: oncall.Clock{Year: 2024, Month: 1, Day: 1, Hour: back.Hour, Minute: 30}},
				{Every: oncall.Period{Count: 1, Unit: oncall.Hours}, Start: oncall.Clock{Year: 2024, Month: 12, Day: 1}},
			} {
				l.Turns = turns
				s := oncall.Schedule{Rotations: []oncall.Rotation{{Name: "primary", Zone: zone, Layers: []oncall.Layer{l}}}}
				checkShifts(t, s, change.Add(-3*time.Hour), change.Add(3*time.Hour))
			}
			at = change
		}
	}
	if changes < 2000 {
		t.Errorf("%d clock changes", changes)
	}
}

func TestO1ClockChanges(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ clock, want string }{
		{"2026-03-29 01:59", "2026-03-29T00:59:00Z"},
		{"2026-03-29 02:30", "2026-03-29T01:00:00Z"}, // left out: the moment of the change
		{"2026-03-29 03:00", "2026-03-29T01:00:00Z"},
		{"2026-10-25 02:30", "2026-10-25T00:30:00Z"}, // comes twice: the first
		{"2026-10-25 03:00", "2026-10-25T02:00:00Z"},
	} {
		at, err := time.Parse("2006-01-02 15:04", c.clock)
		if err != nil {
			t.Fatal(err)
		}
		if got := oncall.ClockOf(at, time.UTC).In(berlin).UTC().Format(time.RFC3339); got != c.want {
			t.Errorf("%s is %s, want %s", c.clock, got, c.want)
		}
	}
}

func TestO2ACoverIsExactToTheMinute(t *testing.T) {
	all := zones(t)
	rapid.Check(t, func(t *rapid.T) {
		s := schedules(all).Draw(t, "schedule")
		s.Covers = nil
		from := moments(t, "from")
		until := from.Add(time.Duration(rapid.IntRange(1, 10*24*60).Draw(t, "length")) * time.Minute)
		with := s
		with.Covers = []oncall.Cover{{Rotation: "primary", From: from, Until: until, Who: "@erin"}}
		for _, c := range []struct {
			at   time.Time
			mine bool
		}{
			{from.Add(-time.Minute), false}, {from, true}, {until.Add(-time.Minute), true}, {until, false},
		} {
			want := s.At("primary", c.at).Who
			if c.mine {
				want = []string{"@erin"}
			}
			if got := with.At("primary", c.at).Who; !slices.Equal(got, want) {
				t.Fatalf("%v: %v, want %v", c.at, got, want)
			}
		}
	})
}

func TestO1WhomNamesStandFor(t *testing.T) {
	day := oncall.Period{Count: 1, Unit: oncall.Days}
	s := oncall.Schedule{Rotations: []oncall.Rotation{
		{Name: "primary", Zone: time.UTC, Layers: []oncall.Layer{{Every: day, Start: oncall.Clock{Year: 2026, Month: 1, Day: 1},
			Turns: [][]string{{"@alice", "platform"}, {"@bob"}, {}}}}},
	}}
	at := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	to, gaps := s.Reach([]string{"sre", "Primary", "@alice"}, at)
	if diff := cmp.Diff([]string{"sre", "@alice", "platform"}, to); diff != "" || gaps != nil {
		t.Error(diff, gaps)
	}
	to, gaps = s.Reach([]string{"primary"}, at.AddDate(0, 0, 2))
	if to != nil || !slices.Equal(gaps, []string{"primary"}) {
		t.Error(to, gaps)
	}
	if got := s.At("primary", at.AddDate(0, 0, 2)); !got.Meant || len(got.Who) > 0 {
		t.Errorf("%+v", got)
	}
	if got := s.OnCall("secondary", at); got != nil {
		t.Errorf("an unknown rotation has %v", got)
	}
}
