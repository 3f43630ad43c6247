package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/oncall"
)

// What .github/oncall.yml may have at most.
const (
	maxRotations = 50
	maxLayers    = 10
	maxTurns     = 100
	maxTogether  = 10
	maxWindows   = 14
	maxCovers    = 500
)

// ParseOnCall returns the rotations that .github/oncall.yml describes. Mistakes returns the error's
// parts. An empty file has none.
func ParseOnCall(content []byte) (oncall.Schedule, error) {
	root, err := document(content)
	if err != nil || root == nil {
		return oncall.Schedule{}, err
	}
	r := &reader{}
	b := &onCallBuilder{reader: r}
	b.build(onCallSettings.read(r, root))
	if len(r.problems) > 0 {
		slices.SortStableFunc(r.problems, func(a, b *Error) int {
			return cmp.Or(a.Line-b.Line, a.Column-b.Column)
		})
		all := make([]error, len(r.problems))
		for i, p := range r.problems {
			all[i] = p
		}
		return oncall.Schedule{}, errors.Join(all...)
	}
	return b.schedule, nil
}

// onCallBuilder makes a schedule of what the file says, and checks what needs more than one setting.
type onCallBuilder struct {
	*reader
	schedule oncall.Schedule
}

func (b *onCallBuilder) build(file value) {
	s := &b.schedule
	s.Zone, s.MostNights = time.UTC, defaultNights
	file.get("nights-in-a-row").setNumber(&s.MostNights)
	s.Zone = b.zone(file.get("time-zone"), s.Zone)
	for _, e := range file.get("rotations").entries {
		s.Rotations = append(s.Rotations, b.rotation(e))
	}
	for _, item := range file.get("covers").items {
		if item.isValid() {
			b.cover(item)
		}
	}
}

func (b *onCallBuilder) zone(file value, standard *time.Location) *time.Location {
	if !file.isValid() {
		return standard
	}
	zone, err := time.LoadLocation(file.text)
	if err != nil {
		return standard // the shape said so
	}
	return zone
}

func (b *onCallBuilder) rotation(e entry) oncall.Rotation {
	line, _ := position(e.key)
	r := oncall.Rotation{Name: e.name, Line: line, Zone: b.zone(e.value.get("time-zone"), b.schedule.Zone),
		Owners: slugs(e.value.get("owners").texts())}
	if !e.value.isValid() {
		return r
	}
	layers, hasPeople := e.value.get("layers"), e.value.get("people").isSet()
	switch {
	case layers.isSet() && hasPeople:
		b.problem(e.value.get("people").node, "a rotation has people of its own or layers, not both")
	case layers.isSet():
		for _, item := range layers.items {
			r.Layers = append(r.Layers, b.layer(item))
		}
	case hasPeople:
		r.Layers = append(r.Layers, b.layer(e.value))
	default:
		b.problem(e.key, `this rotation has nobody: it needs people: ["@alice", "@bob"] and start, or layers`)
	}
	for _, name := range []string{"every", "start", "handover", "until", "hours"} {
		if one := e.value.get(name); one.isSet() && layers.isSet() {
			b.problem(one.node, name+" is a setting of each layer here, and not of the rotation")
		}
	}
	if hasPeople && !e.value.get("start").isSet() {
		b.problem(e.key, lackingStart)
	}
	return r
}

const lackingStart = "start is missing: the date of the first handover, such as start: 2026-12-07"

// layer builds a layer of what is in it, or in a rotation that has one.
func (b *onCallBuilder) layer(file value) oncall.Layer {
	l := oncall.Layer{Every: oncall.Period{Count: 1, Unit: oncall.Weeks}}
	file.get("name").setText(&l.Name)
	for _, turn := range file.get("people").items {
		l.Turns = append(l.Turns, b.turn(turn))
	}
	if every := file.get("every"); every.isValid() {
		l.Every, _ = parsePeriod(every.text)
	}
	handover := 9 * time.Hour
	file.get("handover").setSpan(&handover)
	if h := file.get("handover"); h.isValid() && h.span == 24*time.Hour {
		b.problem(h.node, `24:00 is not a time of day for a handover: write "00:00"`)
	}
	l.Start = clockAt(file.get("start"), handover)
	l.Until = clockAt(file.get("until"), handover)
	if until := file.get("until"); until.isValid() && file.get("start").isValid() && until.text <= file.get("start").text {
		b.problem(until.node, "until must be later than start")
	}
	for _, w := range file.get("hours").items {
		l.Hours = append(l.Hours, window(w))
	}
	return l
}

// turn returns who has a turn; none is nobody, on purpose.
func (b *onCallBuilder) turn(file value) []string {
	who := []string{}
	for _, item := range file.items {
		switch {
		case item.invalid:
		case item.text != oncall.Nobody:
			who = append(who, slug(item.text))
		case len(file.items) > 1:
			b.problem(item.node, "nobody is a turn of its own, and not one of several people")
		}
	}
	return who
}

func clockAt(date value, handover time.Duration) oncall.Clock {
	if !date.isValid() {
		return oncall.Clock{}
	}
	day, err := time.Parse(time.DateOnly, date.text)
	if err != nil {
		return oncall.Clock{}
	}
	return oncall.ClockOf(day.Add(handover), time.UTC)
}

func window(file value) oncall.Window {
	w := oncall.Window{To: 24 * time.Hour}
	file.get("from").setSpan(&w.From)
	file.get("to").setSpan(&w.To)
	days := file.get("days").texts()
	for i, day := range weekdays {
		w.Days[(i+1)%7] = len(days) == 0 || slices.Contains(days, day)
	}
	return w
}

func (b *onCallBuilder) cover(file value) {
	rotation := file.get("rotation")
	r, ok := b.schedule.Find(rotation.text)
	if !ok {
		names := b.schedule.Names()
		b.problem(rotation.node, fmt.Sprintf("%s is not a rotation of this file%s; allowed: %s", shown(rotation.text),
			suggest(rotation.text, names), cmp.Or(strings.Join(names, ", "), "none, for there is no rotation")))
		return
	}
	line, _ := position(file.node)
	c := oncall.Cover{Rotation: r.Name, Line: line, Who: slug(file.get("who").text), For: slug(file.get("for").text)}
	c.From, _ = ParseMoment(file.get("from").text, r.Zone)
	c.Until, _ = ParseMoment(file.get("until").text, r.Zone)
	switch {
	case !c.From.Before(c.Until):
		b.problem(file.get("until").node, "until must be later than from")
	case naming.Equal(c.Who, c.For):
		b.problem(file.get("for").node, shown(c.For)+" can't take over from themselves")
	}
	b.schedule.Covers = append(b.schedule.Covers, c)
}

const defaultNights = 7

// date is a day, as 2026-12-07.
type date struct{}

const datePattern = `^20[0-9]{2}-[0-9]{2}-[0-9]{2}$`

func (date) read(r *reader, n ast.Node) value {
	v := r.text(n)
	if v.invalid {
		return v
	}
	if _, err := time.Parse(time.DateOnly, v.text); err != nil || !strings.HasPrefix(v.text, "20") {
		return r.invalid(n, shown(v.text)+" is not a date; allowed: dates such as 2026-12-07")
	}
	return v
}

// moment is a date and a time of day, in the rotation's zone unless it says another.
type moment struct{}

const momentPattern = `^(20[0-9]{2}-[0-9]{2}-[0-9]{2})[ T]([0-9]{2}:[0-9]{2})(?::00)?(Z|[+-][0-9]{2}:[0-9]{2})?$`

var momentForm = lazily.Compile(momentPattern)

func (moment) read(r *reader, n ast.Node) value {
	v := r.text(n)
	if v.invalid {
		return v
	}
	if _, ok := ParseMoment(v.text, time.UTC); !ok {
		return r.invalid(n, shown(v.text)+" is not a time; allowed: times such as 2026-12-24 18:00, in the rotation's "+
			"time zone, and 2026-12-24T17:00Z")
	}
	return v
}

// ParseMoment returns the time that a text of the file names: in a zone, unless the text says another.
func ParseMoment(text string, zone *time.Location) (time.Time, bool) {
	m := momentForm.FindStringSubmatch(text)
	if m == nil {
		return time.Time{}, false
	}
	if m[3] != "" {
		at, err := time.Parse("2006-01-02 15:04Z07:00", m[1]+" "+m[2]+m[3])
		return at.UTC(), err == nil
	}
	at, err := time.Parse("2006-01-02 15:04", m[1]+" "+m[2])
	return oncall.ClockOf(at, time.UTC).In(zone), err == nil
}

// period is how long a turn lasts.
type period struct{}

const periodPattern = `^(?:([1-9][0-9]{0,2}) ?)?(h|d|w|hours?|days?|weeks?|months?)$`

var periodForm = lazily.Compile(periodPattern)

func (period) read(r *reader, n ast.Node) value {
	v := r.text(n)
	if v.invalid {
		return v
	}
	if _, ok := parsePeriod(v.text); !ok {
		return r.invalid(n, shown(v.text)+" is not a period; allowed: a number of hours, days, weeks or months such as "+
			"12 hours, 1 week or 1 month")
	}
	return v
}

func parsePeriod(text string) (oncall.Period, bool) {
	m := periodForm.FindStringSubmatch(text)
	if m == nil {
		return oncall.Period{}, false
	}
	p := oncall.Period{Count: 1}
	if m[1] != "" {
		p.Count, _ = strconv.Atoi(m[1])
	}
	p.Unit = map[byte]oncall.Unit{'h': oncall.Hours, 'd': oncall.Days, 'w': oncall.Weeks, 'm': oncall.Months}[m[2][0]]
	return p, true
}

// Words of the file.
var (
	rotationName = word{
		name:    "rotation",
		pattern: "^" + naming.TeamPattern + "$",
		fits:    naming.IsTeam,
		refusal: "can't be the name of a rotation",
		allowed: "letters, digits, - and _, for it is a word of commands and steps, as a team's short name is",
		example: "primary",
	}
	inTurn = word{name: "who", pattern: teamOrPerson, not: target.not, refusal: "can't be on call", fits: target.fits,
		allowed: `a person as "@login", a team's short name, or nobody`, example: "@alice"}
	takesOver = word{name: "cover", pattern: teamOrPerson, refusal: "can't be on call",
		not:     `^[Pp][Hh][Oo][Nn][Ee]$|^[Nn][Oo][Bb][Oo][Dd][Yy]$`,
		fits:    func(s string) bool { return target.fits(s) && !naming.Equal(s, oncall.Nobody) },
		allowed: `a person as "@login", or a team's short name`, example: "@dan"}
)

// layerSettings are what a layer says, and a rotation that is one.
var layerSettings = []setting{
	{name: "people", of: list{what: "people", most: maxTurns, repeats: true, example: `["@alice", "@bob"]`,
		of: list{what: "a turn", of: inTurn, most: maxTogether, fold: true, example: `["@carol", "@dan"]`}},
		about: "Who has the turns, in order: people as \"@login\", and teams; a list in the list is several together. " +
			"nobody is a turn that nobody has, on purpose.",
		examples: []string{`["@alice", "@bob"]`, `["@alice", ["@bob", "@carol"], nobody]`}},
	{name: "every", of: period{}, standard: "1 week", about: "How long a turn lasts, by the clock on the wall.",
		examples: []string{"12 hours", "1 day", "2 weeks", "1 month"}},
	{name: "start", of: date{}, about: "The date of the first handover, to the first of people.",
		examples: []string{"2026-12-07"}},
	{name: "handover", of: clock{}, standard: "09:00", about: "The time of day of the handovers, in the rotation's " +
		"time zone; for turns of some hours that of the first one."},
	{name: "until", of: date{}, about: "The date of the last handover, from which nobody of this is on call.",
		examples: []string{"2027-07-01"}},
	{name: "hours", of: list{what: "hours", most: maxWindows, example: `- { days: sat, from: "09:00", to: "18:00" }`,
		of: block{what: "hours", settings: []setting{
			{name: "days", of: list{what: "days", of: choice{name: "day", words: weekdays}, most: 7,
				example: "[sat, sun]"}, about: "The days on which they begin; without it, all."},
			{name: "from", of: clock{}, standard: "00:00", about: "When they begin."},
			{name: "to", of: clock{}, standard: "24:00",
				about: "When they end: on the next day if that is not later than from."},
		}}},
		about: "When it counts; without it, always.", examples: []string{`[{ days: [sat, sun] }]`,
			`[{ days: [mon, tue, wed, thu, fri], from: "18:00", to: "09:00" }]`}},
}

// onCallSettings are all that .github/oncall.yml may say. The reader, the schema and the reference go
// by them.
var onCallSettings = block{what: "the file", settings: []setting{
	{name: "time-zone", of: zone{}, standard: "UTC", about: "The time zone of rotations that name none.",
		examples: []string{"Europe/Berlin"}},
	{name: "nights-in-a-row", of: count{1, 31, "nights"}, standard: strconv.Itoa(defaultNights),
		about: "The check on a pull request warns of people who are on call for more nights in a row. A night is from " +
			"00:00 to 06:00 in the rotation's time zone; any part of it counts."},
	{name: "rotations", about: "The rotations, by the name that steps and commands use. A rotation comes before a team " +
		"of its name.",
		of: named{what: "rotations", most: maxRotations, fold: true, names: rotationName, of: rotationSettings(),
			reserved: map[string]string{
				"phone":   "it means the phone list in steps",
				"nobody":  "it means that nobody is on call",
				"and":     "it means something else in commands",
				"from":    "it means something else in commands",
				"until":   "it means something else in commands",
				"for":     "it means something else in commands",
				"oncall":  "it means something else in commands",
				"decline": "it means something else in commands",
			}},
		examples: []string{`{ primary: { people: ["@alice", "@bob"], every: 1 week, start: 2026-12-07 } }`}},
	{name: "covers", about: "Who takes over from whom, and when. A later one changes what an earlier one left. " +
		"/incident cover and /incident swap add to this list.",
		of: list{what: "covers", most: maxCovers, example: "- rotation: primary", of: coverSettings},
		examples: []string{`[{ rotation: primary, from: 2026-12-24 18:00, until: 2026-12-26 09:00, who: "@dan", ` +
			`for: "@alice" }]`}},
}}

func rotationSettings() block {
	b := block{what: "a rotation", settings: []setting{
		{name: "owners", of: list{what: "owners", of: target, most: 10, fold: true, example: `[platform, "@carol"]`},
			about: "Who may write its covers besides those in it: teams, and people as \"@login\"."},
		{name: "time-zone", of: zone{}, about: "Its time zone; without it, that of the file."},
	}}
	b.settings = append(b.settings, layerSettings...)
	b.settings = append(b.settings, setting{name: "layers", about: "In place of people: several orders, of which a " +
		"later one counts wherever it has somebody.",
		of: list{what: "layers", most: maxLayers, example: `- people: ["@alice"]`, of: block{what: "a layer",
			settings: append([]setting{{name: "name", of: line{}, about: "What people call it."}}, layerSettings...),
			required: []string{"people", "start"}, lacking: "this layer lacks %s"}},
		examples: []string{`[{ people: [platform], start: 2026-12-07 }, { name: weekends, people: ["@alice", "@bob"], ` +
			`start: 2026-12-05, hours: [{ days: [sat, sun] }] }]`}})
	return b
}

var coverSettings = block{what: "a cover", required: []string{"rotation", "from", "until", "who"},
	lacking: "this cover lacks %s",
	settings: []setting{
		{name: "rotation", of: rotationName, about: "The rotation."},
		{name: "from", of: moment{}, about: "When it begins, to the minute, in the rotation's time zone unless it says " +
			"another.", examples: []string{"2026-12-24 18:00", "2026-12-24T17:00Z"}},
		{name: "until", of: moment{}, about: "When it ends."},
		{name: "who", of: takesOver, about: "Who takes over: a person as \"@login\", or a team."},
		{name: "for", of: takesOver, about: "Whose place they take; without it, that of everybody on call."},
	}}
