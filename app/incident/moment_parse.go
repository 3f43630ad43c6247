package incident

import (
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/lazily"
)

// halfOfDay is am or pm behind a time, however it is dotted.
const halfOfDay = `\s?\(?([AaPp])(?:\.\s?[Mm]\b\.?|[Mm]\b)\)?`

// weekday is the name of a day in front of a date.
const weekday = `(?i:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+)?`

// The parts of a time as people write it. Each pattern begins where the part does.
var (
	atTime = lazily.Compile(`^(?i:at|around|about|approx\.?|circa|ca\.?)\s+|^[~@]\s?`)
	// wrapped is a time between marks: [14:05], (2:05 pm), **14:05**.
	wrapped = lazily.Compile(`^(?:\(([^()]{4,40})\)|\[([^\[\]]{4,40})\]|\*\*([^*]{4,40})\*\*):?(?:\s+|$)`)

	isoDate  = lazily.Compile(`^(\d{4})-(\d{1,2})-(\d{1,2})(?:[Tt]|,?\s+(?:at\s+)?)`)
	dayMonth = lazily.Compile(`^` + weekday +
		`(\d{1,2})(?:st|nd|rd|th|\.)?\s+([A-Za-z]{3,9})\.?,?(?:\s+(\d{4}))?,?\s+(?:at\s+)?`)
	monthDay = lazily.Compile(`^` + weekday +
		`([A-Za-z]{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?(?:\s+(\d{4}))?,?\s+(?:at\s+)?`)
	dottedDate = lazily.Compile(`^(\d{1,2})\.(\d{1,2})\.(\d{4})?,?\s+(?:at\s+)?`)
	slashDate  = lazily.Compile(`^\d{1,4}/\d{1,2}(?:/\d{2,4})?,?\s+(?:at\s+)?`)
	namedDay   = lazily.Compile(`^(?i)(?:last\s+)?(yesterday|today|` +
		`(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?)[.,]?\s+(?:at\s+)?`)
	dayBehind = lazily.Compile(`^(?i),?\s+(yesterday|today)(?:$|[\s,;:])`)

	timeOfDay = lazily.Compile(`^(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?` +
		`(?:` + halfOfDay + `)?(?:\s?(?i:h|hrs|uhr)\b)?`)
	dottedTime = lazily.Compile(`^(\d{1,2})\.(\d{2})()` + halfOfDay)
	halfDay    = lazily.Compile(`^(\d{1,2})()()` + halfOfDay)
	noon       = lazily.Compile(`^(12)()()\s?(?i:(noon|midnight))\b`)
	partOfDay  = lazily.Compile(`^\s(?i:in the (morning|afternoon|evening))\b`)

	offsetPattern = lazily.Compile(`^(\s?(?i:UTC|GMT))?(\s?)([+-])(\d{1,2})(?::?(\d{2}))?\b`)
	zoneName      = lazily.Compile(`^\s?\(?([A-Za-z]{1,5})\b\)?`)
	zoneArea      = lazily.Compile(`^\s?\(?((?:Africa|America|Antarctica|Asia|Atlantic|Australia|Europe|` +
		`Indian|Pacific|US|Etc)/[A-Za-z_+-]+(?:/[A-Za-z_]+)?\d*)\)?`)

	// spanOf finds the end of a span: "12:30-12:45 maintenance" stays whole.
	spanOf    = lazily.Compile(`^\s?[-–—]\s?(\d{1,2}):\d{2}(?:` + halfOfDay + `)?`)
	endOfTime = lazily.Compile(`^(?:$|[\s,;–—-]|:(?:\D|$))[\s,;:–—-]*`)
)

var months = []string{"january", "february", "march", "april", "may", "june", "july", "august", "september",
	"october", "november", "december"}

// monthOf returns a month's number, or 0 if the word names none.
func monthOf(word string) int {
	word = strings.ToLower(word)
	for i, m := range months {
		if word == m || word == m[:3] || word == "sept" && m == "september" {
			return i + 1
		}
	}
	return 0
}

// zones are the abbreviations of time zones that are understood, in minutes east of UTC. Where one
// means several zones it is the one that most people mean: what was understood is said back.
var zones = map[string]int{
	"UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "WEST": 60, "BST": 60, "CET": 60, "MET": 60, "CEST": 120,
	"MEST": 120, "EET": 120, "EEST": 180, "SAST": 120, "WAT": 60, "CAT": 120, "EAT": 180, "MSK": 180,
	"TRT": 180, "PKT": 300, "WIB": 420, "ICT": 420, "SGT": 480, "HKT": 480, "PHT": 480, "AWST": 480,
	"JST": 540, "KST": 540, "ACST": 570, "ACDT": 630, "AEST": 600, "AEDT": 660, "NZST": 720, "NZDT": 780,
	"NST": -210, "NDT": -150, "AST": -240, "ADT": -180, "EST": -300, "EDT": -240, "CST": -360, "CDT": -300,
	"MST": -420, "MDT": -360, "PST": -480, "PDT": -420, "AKST": -540, "AKDT": -480, "HST": -600,
	"BRT": -180,
}

// lowerCase are the abbreviations that people write in small letters too, and that are no words.
var lowerCase = map[string]bool{"utc": true, "gmt": true, "z": true, "cet": true, "cest": true, "eest": true,
	"pst": true, "pdt": true, "cst": true, "cdt": true, "edt": true, "jst": true, "aest": true}

// ambiguousZones are the abbreviations that mean zones so different that none of them can be guessed.
var ambiguousZones = map[string]bool{"IST": true, "AMT": true, "ECT": true, "GST": true, "SST": true,
	"WST": true, "LHST": true, "BDT": true}

// readMoment reads the time with which a text begins, and returns the text behind it. What begins
// with none is returned whole.
func readMoment(text string) (m Moment, rest string) {
	if w := wrapped.FindStringSubmatch(text); w != nil {
		if inside, after := readMoment(w[1] + w[2] + w[3]); inside.Said != "" && after == "" {
			return inside, text[len(w[0]):]
		}
	}
	from := atTime.ReplaceAllString(text, "")
	m, s := readDate(from)
	dated := m != Moment{}
	t := findTime(s)
	if t == nil {
		return Moment{}, text
	}
	s = s[len(t[0]):]
	m.Hour, m.Minute, m.Second = toNumber(t[1]), toNumber(t[2]), toNumber(t[3])
	half := strings.ToLower(t[4])
	if half == "" {
		half, s = readHalf(m.Hour, s)
	}
	if why := to24Hours(&m, half); why != "" {
		m.Why = why
	}
	s = readZone(&m, s, t[3] != "" || dated)
	if day := dayBehind.FindStringSubmatchIndex(s); day != nil && !dated {
		dated = true
		if strings.EqualFold(s[day[2]:day[3]], "yesterday") {
			m.Back = 1
		} else {
			m.Today = true
		}
		s = s[day[3]:]
	}
	end := endOfTime.FindString(s)
	if end == "" && s != "" {
		return Moment{}, text
	}
	m.Said = strings.TrimSpace(from[:len(from)-len(s)])
	m.Plain = !dated && m.Zone == (Zone{}) && t[3] == "" && half == "" && m.Why == ""
	m = NewMoment(m)
	if spanOf.MatchString(s) {
		return m, text
	}
	return m, s[len(end):]
}

// findTime returns the hour, minute, second and half of the day with which a text begins, and nil if
// it begins with no time.
func findTime(s string) []string {
	for _, pattern := range []*lazily.Regexp{timeOfDay, dottedTime, halfDay, noon} {
		if t := pattern.FindStringSubmatch(s); t != nil {
			return t
		}
	}
	return nil
}

// readHalf reads which half of the day an hour is in where that is said further on: "2:05 in the
// afternoon", and "2:05-2:10 pm", whose rest stays whole.
func readHalf(hour int, s string) (half, rest string) {
	if hour > 12 {
		return "", s
	}
	if p := partOfDay.FindStringSubmatch(s); p != nil {
		if strings.EqualFold(p[1], "morning") {
			return "a", s[len(p[0]):]
		}
		return "p", s[len(p[0]):]
	}
	span := spanOf.FindStringSubmatch(s)
	if span == nil || span[2] == "" {
		return "", s
	}
	half = strings.ToLower(span[2])
	if hour%12 > toNumber(span[1])%12 { // 11:50-12:10 pm begins in the morning
		half = map[string]string{"a": "p", "p": "a"}[half]
	}
	return half, s
}

// readDate reads a date at the start of a text, if one is there.
func readDate(s string) (m Moment, rest string) {
	if d := isoDate.FindStringSubmatch(s); d != nil {
		return Moment{Year: toNumber(d[1]), Month: toMonth(d[2]), Day: toNumber(d[3])}, s[len(d[0]):]
	}
	if d := dottedDate.FindStringSubmatch(s); d != nil {
		return Moment{Year: toNumber(d[3]), Month: toMonth(d[2]), Day: toNumber(d[1])}, s[len(d[0]):]
	}
	if d := dayMonth.FindStringSubmatch(s); d != nil && monthOf(d[2]) != 0 {
		return Moment{Year: toNumber(d[3]), Month: monthOf(d[2]), Day: toNumber(d[1])}, s[len(d[0]):]
	}
	if d := monthDay.FindStringSubmatch(s); d != nil && monthOf(d[1]) != 0 {
		return Moment{Year: toNumber(d[3]), Month: monthOf(d[1]), Day: toNumber(d[2])}, s[len(d[0]):]
	}
	if d := slashDate.FindString(s); d != "" {
		return Moment{Why: "a date with / can be read in two ways; write it as 27 Nov"}, s[len(d):]
	}
	if d := namedDay.FindStringSubmatch(s); d != nil {
		switch name := strings.ToLower(d[1]); name[:3] {
		case "yes":
			m.Back = 1
		case "tod":
			m.Today = true
		default:
			m.Weekday = 1 + strings.Index("montuewedthufrisatsun", name[:3])/3
		}
		return m, s[len(d[0]):]
	}
	return m, s
}

// to24Hours turns a time of the 12-hour clock into one of 24 hours; half is "a", "p", "noon",
// "midnight", or empty. It returns why it can't.
func to24Hours(m *Moment, half string) (why string) {
	switch {
	case half == "":
		return ""
	case m.Hour > 12 || m.Hour == 0 && half == "p":
		return "the hour with am or pm is 1 to 12"
	case half == "a" || half == "midnight":
		m.Hour %= 12
	default:
		m.Hour = m.Hour%12 + 12
	}
	return ""
}

// readZone reads a time zone behind a time. "-05:00" is one only where exact says that no span of
// time is meant, as in "09:00-10:00", or where a space is before it.
func readZone(m *Moment, s string, exact bool) (rest string) {
	if z := offsetPattern.FindStringSubmatch(s); z != nil {
		hours, minutes := toNumber(z[4]), toNumber(z[5])
		short := z[5] == "" && z[1] == "" // +2, which behind a space may count replicas
		span := z[3] == "-" && z[1] == "" && (short || z[2] == "" && !exact)
		if !span && !(short && z[2] != "") {
			if hours > 14 || minutes > 59 {
				if z[3] == "-" {
					return s
				}
				m.Why = "there is no time zone " + strings.TrimSpace(z[0])
			}
			east := (hours*60 + minutes) * 60
			if z[3] == "-" {
				east = -east
			}
			m.Zone = NewZone(time.FixedZone(strings.TrimSpace(z[0]), east))
			return s[len(z[0]):]
		}
	}
	if z := zoneArea.FindStringSubmatch(s); z != nil {
		zone, err := time.LoadLocation(z[1])
		if err != nil {
			m.Why = "I don't know the time zone " + z[1]
		}
		m.Zone = NewZone(zone)
		return s[len(z[0]):]
	}
	z := zoneName.FindStringSubmatch(s)
	if z == nil {
		return s
	}
	name := z[1]
	if lowerCase[name] {
		name = strings.ToUpper(name)
	}
	if east, ok := zones[name]; ok {
		m.Zone = NewZone(time.FixedZone(name, east*60))
		if east == 0 {
			m.Zone = NewZone(time.UTC)
		}
		return s[len(z[0]):]
	}
	if ambiguousZones[name] {
		m.Why = name + " means several time zones; write +05:30, or a name such as Asia/Kolkata"
		return s[len(z[0]):]
	}
	return s
}

// toNumber returns a decimal number; 0 if there is none.
func toNumber(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

// toMonth returns the number of a month, and for 0 one that there isn't.
func toMonth(s string) int {
	if n := toNumber(s); n != 0 {
		return n
	}
	return 13
}
