package moving

import (
	"archive/zip"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"
)

// Unzip returns the JSON documents of a zip archive.
func Unzip(content []byte) (out []Document, err error) {
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, fmt.Errorf("read the archive: %w", err)
	}
	const most = 64 << 20 // bytes of all files, unpacked
	left := int64(most)
	for _, f := range archive.File {
		if path.Ext(f.Name) != ".json" {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return nil, fmt.Errorf("read %s of the archive: %w", f.Name, err)
		}
		text, err := io.ReadAll(io.LimitReader(r, left+1))
		_ = r.Close()
		if err != nil {
			return nil, fmt.Errorf("read %s of the archive: %w", f.Name, err)
		}
		if left -= int64(len(text)); left < 0 {
			return nil, fmt.Errorf("the archive holds more than %d MB of JSON: unpack it and name the folder", most>>20)
		}
		out = append(out, Document{f.Name, text})
	}
	return out, nil
}

// moment is a time as exports write it: RFC 3339, with or without a colon in the zone, the date and
// time of the backup tool (in UTC), or milliseconds since 1970.
type moment struct{ time.Time }

// UnmarshalJSON implements json.Unmarshaler.
func (m *moment) UnmarshalJSON(text []byte) error {
	var ms int64
	if json.Unmarshal(text, &ms) == nil {
		if ms != 0 {
			m.Time = time.UnixMilli(ms).UTC()
		}
		return nil
	}
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	at, err := parseMoment(s)
	m.Time = at
	return err
}

func parseMoment(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02 15:04"} {
		if at, err := time.Parse(layout, s); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time", s)
}

// https://docs.opsgenie.com/docs/schedule-api, schedule-rotation-api, schedule-override-api,
// escalation-api, team-api and user-api.
type (
	opsgenieWho struct {
		Type     string `json:"type"`
		ID       string `json:"id"`
		Name     string `json:"name"`
		Username string `json:"username"`
		FullName string `json:"fullName"`
	}
	opsgenieHours struct {
		StartDay  string `json:"startDay"`
		StartHour int    `json:"startHour"`
		StartMin  int    `json:"startMin"`
		EndDay    string `json:"endDay"`
		EndHour   int    `json:"endHour"`
		EndMin    int    `json:"endMin"`
	}
	opsgenieRotation struct {
		ID              string        `json:"id"`
		Name            string        `json:"name"`
		StartDate       moment        `json:"startDate"`
		EndDate         moment        `json:"endDate"`
		Type            string        `json:"type"`
		Length          int           `json:"length"`
		Participants    []opsgenieWho `json:"participants"`
		TimeRestriction *struct {
			Type         string          `json:"type"`
			Restriction  *opsgenieHours  `json:"restriction"`
			Restrictions []opsgenieHours `json:"restrictions"`
		} `json:"timeRestriction"`
	}
	opsgenieSchedule struct {
		ID        string             `json:"id"`
		Name      string             `json:"name"`
		Timezone  string             `json:"timezone"`
		Enabled   *bool              `json:"enabled"`
		OwnerTeam *opsgenieWho       `json:"ownerTeam"`
		Rotations []opsgenieRotation `json:"rotations"`
	}
	opsgenieOverride struct {
		Parent    opsgenieWho   `json:"_parent"`
		User      opsgenieWho   `json:"user"`
		StartDate moment        `json:"startDate"`
		EndDate   moment        `json:"endDate"`
		Rotations []opsgenieWho `json:"rotations"`
	}
	opsgenieTimeline struct {
		Parent        opsgenieWho `json:"_parent"`
		StartDate     moment      `json:"startDate"`
		EndDate       moment      `json:"endDate"`
		FinalTimeline struct {
			Rotations []struct {
				ID      string `json:"id"`
				Periods []struct {
					StartDate moment      `json:"startDate"`
					EndDate   moment      `json:"endDate"`
					Recipient opsgenieWho `json:"recipient"`
				} `json:"periods"`
			} `json:"rotations"`
		} `json:"finalTimeline"`
	}
	opsgenieEscalation struct {
		ID    string `json:"id"`
		Name  string `json:"name"`
		Rules []struct {
			Condition  string      `json:"condition"`
			NotifyType string      `json:"notifyType"`
			Recipient  opsgenieWho `json:"recipient"`
			Delay      struct {
				TimeAmount int    `json:"timeAmount"`
				TimeUnit   string `json:"timeUnit"`
			} `json:"delay"`
		} `json:"rules"`
		Repeat *struct {
			WaitInterval       int  `json:"waitInterval"`
			Count              int  `json:"count"`
			CloseAlertAfterAll bool `json:"closeAlertAfterAll"`
		} `json:"repeat"`
	}
	opsgenieTeam struct {
		ID      string `json:"id"`
		Name    string `json:"name"`
		Members []struct {
			User opsgenieWho `json:"user"`
		} `json:"members"`
	}
)

func (w opsgenieWho) who() Who {
	kind := Kind(strings.ToLower(w.Type))
	switch kind {
	case OfTeam, OfSchedule, Escalation, None:
		return Who{Kind: kind, ID: w.ID, Name: w.Name}
	}
	name := cmp.Or(w.FullName, w.Name)
	email := w.Username
	if email == "" && strings.Contains(name, "@") { // a timeline calls the address the name
		name, email = "", name
	}
	return Who{Kind: User, ID: w.ID, Name: name, Email: email}
}

// opsgenieReader collects what the documents hold.
type opsgenieReader struct {
	Export
	overrides map[string][]Override // by the schedule's id, or its name
	timelines []opsgenieTimeline
	left      map[string]int // what has no counterpart, by its folder
}

// ReadOpsgenie reads the files of opsgenie-configuration-backup, and answers of Opsgenie's API.
func ReadOpsgenie(documents []Document) (Export, error) {
	r := &opsgenieReader{Export: Export{Vendor: "Opsgenie"}, overrides: map[string][]Override{}, left: map[string]int{}}
	for _, d := range documents {
		if err := r.read(folderOf(d.Name), d.Content); err != nil {
			return Export{}, fmt.Errorf("read %s: %w", d.Name, err)
		}
	}
	for i := range r.Schedules {
		s := &r.Schedules[i]
		s.Overrides = append(s.Overrides, r.overrides[s.ID]...)
		for _, t := range r.timelines {
			if t.Parent.ID == s.ID {
				r.render(s, t)
			}
		}
		slices.SortStableFunc(s.Overrides, func(a, b Override) int { return a.From.Compare(b.From) })
	}
	for _, folder := range sortedKeys(r.left) {
		r.note(folder, "%d of them have no counterpart; docs/services.md lists what Firebreak takes and pages by",
			r.left[folder])
	}
	r.complete()
	if len(r.Schedules) == 0 && len(r.Policies) == 0 {
		return Export{}, fmt.Errorf("there is no schedule and no escalation in it: name the backup's folder or zip, " +
			"or an answer of GET /v2/schedules?expand=rotation")
	}
	return r.Export, nil
}

func folderOf(name string) string {
	if dir := path.Base(path.Dir(name)); dir != "." && dir != "/" {
		return dir
	}
	return strings.TrimSuffix(path.Base(name), path.Ext(name))
}

// read reads a value, which is an object, a list of them, an answer of the API, or several of these by
// name.
func (r *opsgenieReader) read(folder string, content []byte) error {
	content = bytes.TrimSpace(content)
	if len(content) > 0 && content[0] == '[' {
		var list []json.RawMessage
		if err := json.Unmarshal(content, &list); err != nil {
			return err
		}
		for _, one := range list {
			if err := r.read(folder, one); err != nil {
				return err
			}
		}
		return nil
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(content, &keys); err != nil {
		return err
	}
	has := func(names ...string) bool {
		return !slices.ContainsFunc(names, func(n string) bool { _, ok := keys[n]; return !ok })
	}
	switch {
	case has("data"):
		return r.read(folder, keys["data"])
	case folder == "teams" && has("team"), folder == "users" && has("user"): // of the backup
		inner := keys["team"]
		if folder == "users" {
			inner = keys["user"]
		}
		return r.read(folder, inner)
	case has("schedule"):
		return decode(content, r.backup)
	case has("finalTimeline"):
		return decode(content, func(t opsgenieTimeline) { r.timelines = append(r.timelines, t) })
	case has("_parent", "user"):
		return decode(content, r.override)
	case has("timezone", "name") && !has("username"):
		return decode(content, r.schedule)
	case has("rules", "name"):
		return decode(content, r.escalation)
	case has("username", "id"):
		return decode(content, func(u opsgenieWho) {
			u.Type = "user"
			r.Users = append(r.Users, u.who())
		})
	case folder == "teams" && has("name"), has("members", "name"):
		return decode(content, r.team)
	case len(keys) > 0 && isBundle(keys):
		for _, name := range sortedKeys(keys) {
			if err := r.read(name, keys[name]); err != nil {
				return err
			}
		}
	default:
		r.left[folder]++
	}
	return nil
}

// decode passes on what a text holds.
func decode[T any](content []byte, take func(T)) error {
	var value T
	if err := json.Unmarshal(content, &value); err != nil {
		return err
	}
	take(value)
	return nil
}

// opsgenieBackup is a schedule's file of opsgenie-configuration-backup.
type opsgenieBackup struct {
	Schedule  opsgenieSchedule   `json:"schedule"`
	Overrides []opsgenieOverride `json:"scheduleOverrideList"`
}

func (r *opsgenieReader) backup(b opsgenieBackup) {
	for _, o := range b.Overrides {
		o.Parent.ID = b.Schedule.ID
		r.override(o)
	}
	r.schedule(b.Schedule)
}

func (r *opsgenieReader) team(t opsgenieTeam) {
	team := Team{ID: t.ID, Name: t.Name}
	for _, m := range t.Members {
		team.Members = append(team.Members, m.User.who())
	}
	r.Teams = append(r.Teams, team)
}

// isBundle reports whether all values are answers or lists, by name.
func isBundle(keys map[string]json.RawMessage) bool {
	for name, v := range keys {
		v = bytes.TrimSpace(v)
		isAnswer := len(v) > 0 && (v[0] == '[' || v[0] == '{' && bytes.Contains(v, []byte(`"data"`)))
		if !isAnswer || !slices.Contains([]string{"schedules", "overrides", "escalations", "teams", "users",
			"timelines"}, name) {
			return false
		}
	}
	return true
}

func (r *opsgenieReader) override(o opsgenieOverride) {
	one := Override{From: o.StartDate.Time, Until: o.EndDate.Time, Who: o.User.who()}
	for _, rotation := range o.Rotations {
		one.Parts = append(one.Parts, cmp.Or(rotation.ID, rotation.Name))
	}
	r.overrides[o.Parent.ID] = append(r.overrides[o.Parent.ID], one)
}

var opsgenieTypes = map[string]time.Duration{"hourly": time.Hour, "daily": day, "weekly": 7 * day}

const day = 24 * time.Hour

func (r *opsgenieReader) schedule(o opsgenieSchedule) {
	where := "schedule " + o.Name
	s := Schedule{ID: o.ID, Name: o.Name, Zone: r.zone(where, o.Timezone), IsOff: o.Enabled != nil && !*o.Enabled}
	if o.OwnerTeam != nil && (o.OwnerTeam.ID != "" || o.OwnerTeam.Name != "") {
		s.Owners = []Who{{Kind: OfTeam, ID: o.OwnerTeam.ID, Name: o.OwnerTeam.Name}}
	}
	for i, rotation := range o.Rotations {
		unit, ok := opsgenieTypes[strings.ToLower(rotation.Type)]
		if !ok {
			r.note(where, "the rotation %s has turns of the kind %q, which is unknown: it is left out", rotation.Name,
				rotation.Type)
			continue
		}
		p := Part{ID: rotation.ID, Name: cmp.Or(rotation.Name, fmt.Sprintf("rotation-%d", i+1)),
			Start: rotation.StartDate.Time, From: rotation.StartDate.Time, Until: rotation.EndDate.Time,
			Every: unit * time.Duration(max(1, rotation.Length))}
		for _, w := range rotation.Participants {
			p.Turns = append(p.Turns, w.who())
		}
		if t := rotation.TimeRestriction; t != nil {
			p.Hours = opsgenieSpans(t.Restriction, t.Restrictions)
		}
		s.Parts = append(s.Parts, p)
	}
	r.Schedules = append(r.Schedules, s)
}

func opsgenieSpans(daily *opsgenieHours, weekly []opsgenieHours) (out []Span) {
	if daily != nil {
		one := opsgenieSpan(*daily)
		one.IsDaily = true
		out = append(out, one)
	}
	for _, h := range weekly {
		out = append(out, opsgenieSpan(h))
	}
	return out
}

var weekdayNames = []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

// opsgenieSpan returns a restriction: one that ends when it begins, or before, ends a day or week later.
func opsgenieSpan(h opsgenieHours) Span {
	clock := func(hour, minute int) time.Duration {
		return time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute
	}
	s := Span{From: clock(h.StartHour, h.StartMin)}
	s.Length = clock(h.EndHour, h.EndMin) - s.From
	round := day
	if first := slices.Index(weekdayNames, strings.ToLower(h.StartDay)); first >= 0 {
		s.Day, round = time.Weekday(first), 7*day
		if last := slices.Index(weekdayNames, strings.ToLower(h.EndDay)); last >= 0 {
			s.Length += time.Duration(last-first) * day
		}
	}
	for s.Length <= 0 {
		s.Length += round
	}
	return s
}

func (r *opsgenieReader) render(s *Schedule, t opsgenieTimeline) {
	s.RenderedFrom, s.RenderedTo = t.StartDate.Time, t.EndDate.Time
	for _, rotation := range t.FinalTimeline.Rotations {
		for _, p := range rotation.Periods {
			if who := p.Recipient.who(); who.Kind != None && who != (Who{Kind: User}) {
				s.Rendered = append(s.Rendered, Period{p.StartDate.Time, p.EndDate.Time, who})
			}
		}
	}
}

var opsgenieUnits = map[string]time.Duration{"": time.Minute, "minutes": time.Minute, "hours": time.Hour, "days": day}

func (r *opsgenieReader) escalation(o opsgenieEscalation) {
	where := "escalation " + o.Name
	p := Policy{ID: o.ID, Name: o.Name}
	for i, rule := range o.Rules {
		unit, ok := opsgenieUnits[strings.ToLower(rule.Delay.TimeUnit)]
		if !ok {
			unit = time.Minute
			r.note(where, "rule %d waits in %q, which is unknown: minutes are taken", i+1, rule.Delay.TimeUnit)
		}
		at := unit * time.Duration(rule.Delay.TimeAmount)
		if n := strings.ToLower(rule.NotifyType); n != "" && n != "default" {
			r.note(where, "rule %d notifies %q of %s; Firebreak pages who is on call, or the whole team", i+1, n,
				rule.Recipient.who())
		}
		if strings.EqualFold(rule.Condition, "if-not-closed") {
			r.note(where, "rule %d goes on until the alert is closed; Firebreak stops once somebody answers", i+1)
		}
		j := slices.IndexFunc(p.Steps, func(s Step) bool { return s.At == at })
		if j < 0 {
			j, p.Steps = len(p.Steps), append(p.Steps, Step{At: at})
		}
		p.Steps[j].To = append(p.Steps[j].To, rule.Recipient.who())
	}
	slices.SortStableFunc(p.Steps, func(a, b Step) int { return cmp.Compare(a.At, b.At) })
	if o.Repeat != nil {
		p.Repeats, p.Wait = o.Repeat.Count, time.Duration(o.Repeat.WaitInterval)*time.Minute
		if o.Repeat.CloseAlertAfterAll {
			r.note(where, "it closes the alert once all repeats are over; Firebreak goes on paging")
		}
	}
	r.Policies = append(r.Policies, p)
}

func sortedKeys[V any](m map[string]V) (out []string) {
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
