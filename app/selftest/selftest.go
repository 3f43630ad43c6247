// Package selftest decides when what reaches people is tested, and says what came of it (O3): once a week each
// person gets a page that says that it is a test, and once a day the path to the vendors is tried without a page.
package selftest

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/naming"
)

// Names of the settings of the service people.
const (
	Setting     = "test"      // one of Modes
	DaySetting  = "test-day"  // one of Days
	HourSetting = "test-hour" // as 10:00
)

// Modes are how much is tested.
var Modes = []string{"weekly", "path", "off"}

// Days are the days of a week, as the settings have them.
var Days = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// What counts where a setting is left out.
const (
	DefaultMode = "weekly"
	DefaultDay  = "tue"
	DefaultHour = "10:00"
)

const (
	// window is for how long after its hour a test page may still be sent: later somebody may sleep.
	window = 6 * time.Hour
	// Patience is how long a test page may stay without an answer.
	Patience = 24 * time.Hour
	// PathPatience is how long ago the path may have been tested: a day, and some hours for a late sweep.
	PathPatience = 28 * time.Hour
)

// Plan is when tests are due.
type Plan struct {
	People, Path bool
	Day          time.Weekday
	Hour         int
}

// PlanOf reads the settings of the service people.
func PlanOf(options map[string]string) Plan {
	mode := cmp.Or(options[Setting], DefaultMode)
	hour, _ := strconv.Atoi(strings.TrimSuffix(cmp.Or(options[HourSetting], DefaultHour), ":00"))
	day := slices.Index(Days, cmp.Or(options[DaySetting], DefaultDay))
	return Plan{People: mode == "weekly", Path: mode != "off", Day: time.Weekday(max(0, day)), Hour: hour}
}

// Person is somebody whom pages reach.
type Person struct {
	Login string
	Zone  *time.Location // of their rotation
	Ways  []string       // kinds, in their order; one that can't be tested is empty
}

// State is what came of the tests of a repository. It holds no address.
type State struct {
	Path   Path            `json:"path"`
	People map[string]Test `json:"people,omitempty"` // by login, in lower case
	Now    time.Time       `json:"now,omitzero"`     // when it was asked for, by the product's clock

	// Overdue is for how long tests are missing that should have been made.
	Overdue time.Duration `json:"overdue,omitempty"`
	// Ways is by which vendors people are reached, as they set it on their own pages or as the secret has it. It is
	// not kept: the product says it when it is asked.
	Ways []Reached `json:"ways,omitempty"`
}

// Reached is by which vendors somebody is reached. It holds no address.
type Reached struct {
	Login   string   `json:"login"`
	Vendors []string `json:"vendors,omitempty"` // one twice has two servers
	Ways    int      `json:"ways"`              // how many
	IsOwn   bool     `json:"own,omitempty"`     // they set them on their own page
}

// Path is the newest test of the path.
type Path struct {
	At    time.Time `json:"at,omitzero"`
	Wrong []string  `json:"wrong,omitempty"`
}

// Test is somebody's newest test page.
type Test struct {
	Since    time.Time `json:"since,omitzero"` // when they were on call first
	Sent     time.Time `json:"sent,omitzero"`
	Way      string    `json:"way,omitempty"`
	Failed   string    `json:"failed,omitempty"` // why it was not sent
	Answered time.Time `json:"answered,omitzero"`
	IsTold   bool      `json:"told,omitempty"` // that nobody answered was counted
}

// IsPathDue reports whether the path is to be tested: once a day from the hour on, and at once if it never was.
func (p Plan) IsPathDue(last, now time.Time, zone *time.Location) bool {
	local := now.In(zone)
	slot := time.Date(local.Year(), local.Month(), local.Day(), p.Hour, 0, 0, 0, zone)
	if slot.After(now) {
		slot = slot.AddDate(0, 0, -1)
	}
	return p.Path && last.Before(slot)
}

// slot returns when the newest test page of a week was due.
func (p Plan) slot(now time.Time, zone *time.Location) time.Time {
	local := now.In(zone)
	day := local.Day() - (int(local.Weekday()-p.Day)+7)%7
	slot := time.Date(local.Year(), local.Month(), day, p.Hour, 0, 0, 0, zone)
	if slot.After(now) {
		slot = time.Date(local.Year(), local.Month(), day-7, p.Hour, 0, 0, 0, zone)
	}
	return slot
}

// Overdue returns for how long tests are missing: that of the path, or somebody's test page of this week. It is not
// what a test found, but that none was made.
func (p Plan) Overdue(s State, people []Person, now time.Time) (most time.Duration) {
	if p.Path && !s.Path.At.IsZero() {
		most = max(0, now.Sub(s.Path.At)-PathPatience)
	}
	if !p.People {
		return most
	}
	for _, who := range people {
		t := s.People[naming.Key(who.Login)]
		slot := p.slot(now, who.Zone)
		isTestable := slices.ContainsFunc(who.Ways, func(kind string) bool { return kind != "" })
		if isTestable && t.Sent.Before(slot) && !t.Since.IsZero() && t.Since.Before(slot) {
			most = max(most, now.Sub(slot)-PathPatience) // one that was missed comes a day later
		}
	}
	return most
}

// IsPersonDue reports whether somebody gets a test page now, and by which of their ways: each week by the next. One
// that nothing could send in its hours comes a day later, in the same hours.
func (p Plan) IsPersonDue(last Test, who Person, now time.Time) (way int, isDue bool) {
	slot := p.slot(now, who.Zone)
	local := now.In(who.Zone)
	today := time.Date(local.Year(), local.Month(), local.Day(), p.Hour, 0, 0, 0, who.Zone)
	isNew := last.Sent.IsZero() && (last.Since.IsZero() || !last.Since.Before(slot))
	isTime := !today.After(now) && now.Sub(today) < window && (today.Equal(slot) || !isNew)
	if !p.People || !isTime || !last.Sent.Before(slot) {
		return 0, false
	}
	var ways []int
	for i, kind := range who.Ways {
		if kind != "" {
			ways = append(ways, i)
		}
	}
	if len(ways) == 0 {
		return 0, false
	}
	const week = 7 * 24 * 60 * 60
	return ways[int(slot.Unix()/week)%len(ways)], true
}

// IsSilent reports whether somebody did not answer their test page in time.
func (t Test) IsSilent(now time.Time) bool {
	return !t.Sent.IsZero() && t.Failed == "" && t.Answered.Before(t.Sent) && now.Sub(t.Sent) > Patience
}

// Silent returns who did not answer their test page, and who could not be sent one, by name.
func (s State) Silent(now time.Time) (logins []string) {
	for _, login := range slices.Sorted(maps.Keys(s.People)) {
		if t := s.People[login]; t.IsSilent(now) || t.Failed != "" {
			logins = append(logins, login)
		}
	}
	return logins
}

// Keep leaves only the tests of these people: others are not on call any more.
func (s *State) Keep(people []Person) {
	kept := map[string]Test{}
	for _, p := range people {
		if t, ok := s.People[naming.Key(p.Login)]; ok {
			kept[naming.Key(p.Login)] = t
		}
	}
	s.People = kept
}
