// Package moving turns what a pager's vendor knows of schedules, escalations and teams into
// .github/oncall.yml and the escalation of firebreak.yml, and compares both calendars. It reads no
// file and no clock.
package moving

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/naming"
)

// Document is one JSON text of an export.
type Document struct {
	Name    string // its path in the export
	Content []byte
}

// Export is what a vendor knows, in words that are nobody's own.
type Export struct {
	Vendor    string
	Schedules []Schedule
	Policies  []Policy
	Teams     []Team
	Users     []Who
	Notes     []Note // of what could not be read or has no counterpart
}

// Schedule is who is on call at a vendor.
type Schedule struct {
	ID, Name  string
	Zone      *time.Location
	Owners    []Who // teams
	IsOff     bool  // nobody is paged by it
	IsLayered bool  // a later part wins where it has somebody; otherwise all are on call at the same time
	Parts     []Part
	Overrides []Override

	// The calendar that the vendor computed; the zero times: the export has none.
	Rendered                 []Period
	RenderedFrom, RenderedTo time.Time
}

// Part is one order of people: Opsgenie's rotation, PagerDuty's layer.
type Part struct {
	ID, Name    string
	Start       time.Time     // when the first turn begins
	From, Until time.Time     // when it counts; the zero time: no bound
	Every       time.Duration // how long a turn lasts; whole days are counted by the clock on the wall
	Turns       []Who
	Hours       []Span // when it counts; none: always
}

// Span is a part of a day or a week, by the clock on the wall.
type Span struct {
	Day     time.Weekday // on which it begins, if it is weekly
	IsDaily bool
	From    time.Duration // since midnight
	Length  time.Duration
}

// Override is who takes over.
type Override struct {
	From, Until time.Time
	Who         Who
	Parts       []string // ids of the parts; empty: all
}

// Period is a time with somebody on call, by the vendor.
type Period struct {
	From, Until time.Time
	Who         Who
}

// Kind is what somebody on call is.
type Kind string

// The kinds.
const (
	User       Kind = "user"
	OfTeam     Kind = "team"
	OfSchedule Kind = "schedule"
	Escalation Kind = "escalation"
	None       Kind = "none"
)

// Who is somebody at a vendor.
type Who struct {
	Kind            Kind
	ID, Name, Email string
}

// String returns what people call them.
func (w Who) String() string {
	if w.Kind == None {
		return "nobody"
	}
	return cmp.Or(w.Email, w.Name, w.ID, "somebody without a name")
}

// Policy is a vendor's escalation.
type Policy struct {
	ID, Name string
	Steps    []Step
	Repeats  int           // how often it starts again
	Wait     time.Duration // before it starts again
}

// Step is a step of an escalation.
type Step struct {
	At time.Duration // since the escalation began
	To []Who
}

// Team is a vendor's team.
type Team struct {
	ID, Name string
	Members  []Who
}

// Note is something that people must know or do.
type Note struct{ Where, Text string }

// String returns it in a line.
func (n Note) String() string { return n.Where + ": " + n.Text }

func (e *Export) note(where, format string, args ...any) {
	e.Notes = append(e.Notes, Note{where, fmt.Sprintf(format, args...)})
}

// full returns somebody with what the export knows of them elsewhere.
func (e *Export) full(w Who) Who {
	switch w.Kind {
	case User:
		i := slices.IndexFunc(e.Users, func(u Who) bool {
			return w.ID != "" && u.ID == w.ID || w.ID == "" && w.Email != "" && strings.EqualFold(u.Email, w.Email)
		})
		if i >= 0 {
			w.Name, w.Email = cmp.Or(e.Users[i].Name, w.Name), cmp.Or(e.Users[i].Email, w.Email)
		}
	case OfTeam:
		i := slices.IndexFunc(e.Teams, func(t Team) bool { return w.ID != "" && t.ID == w.ID })
		if i >= 0 {
			w.Name = e.Teams[i].Name
		}
	}
	return w
}

// complete fills in names and addresses, once all documents are read.
func (e *Export) complete() {
	all := func(list []Who) {
		for i := range list {
			list[i] = e.full(list[i])
		}
	}
	for i := range e.Teams {
		all(e.Teams[i].Members)
	}
	for i := range e.Schedules {
		s := &e.Schedules[i]
		all(s.Owners)
		for j := range s.Parts {
			all(s.Parts[j].Turns)
		}
		for j := range s.Overrides {
			s.Overrides[j].Who = e.full(s.Overrides[j].Who)
		}
		for j := range s.Rendered {
			s.Rendered[j].Who = e.full(s.Rendered[j].Who)
		}
	}
	for i := range e.Policies {
		for j := range e.Policies[i].Steps {
			all(e.Policies[i].Steps[j].To)
		}
	}
}

// zone returns a time zone by its name; UTC, with a note, if nobody knows it.
func (e *Export) zone(where, name string) *time.Location {
	zone, err := time.LoadLocation(cmp.Or(name, "UTC"))
	if err != nil || name == "Local" {
		e.note(where, "the time zone %q is not one of the tz database: UTC is taken; correct it by hand", name)
		return time.UTC
	}
	return zone
}

// People are who people and teams of the vendor are on GitHub: by address or name, a login or a
// team's short name.
type People map[string]string

// NewPeople returns people by what a file says, or what is wrong in it.
func NewPeople(file map[string]string) (People, error) {
	p := People{}
	var wrong []string
	for key, value := range file {
		name := strings.TrimPrefix(value, "@")
		if !naming.IsLogin(name) && !naming.IsTeam(name) {
			wrong = append(wrong, fmt.Sprintf("%s: %q is neither a login nor a team's short name", key, value))
		}
		p[strings.ToLower(strings.TrimSpace(key))] = name
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return nil, fmt.Errorf("people: %s", strings.Join(wrong, "; "))
	}
	return p, nil
}

// find returns the name on GitHub: a person's with @, a team's short name.
func (p People) find(w Who) (name string, known bool) {
	for _, key := range []string{w.Email, w.Name, w.ID} {
		name, ok := p[strings.ToLower(strings.TrimSpace(key))]
		switch {
		case !ok || key == "":
		case w.Kind == User && naming.IsLogin(name):
			return "@" + name, true
		case w.Kind == OfTeam && naming.IsTeam(name):
			return name, true
		}
	}
	return "", false
}
