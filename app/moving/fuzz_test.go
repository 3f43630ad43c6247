package moving_test

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/moving"
)

// FuzzRead: whatever a vendor's export holds, it is refused, or becomes files that can be used and a report in
// which nothing acts on a terminal.
func FuzzRead(f *testing.F) {
	for vendor, dir := range map[bool]string{true: "testdata/opsgenie", false: "testdata/pagerduty"} {
		for _, d := range documents(f, dir) {
			f.Add(vendor, d.Name, d.Content)
		}
	}
	for _, odd := range []string{
		`{"schedules":[{"id":"s","name":"a\u001b[31m\nb: c #","timezone":"Nowhere","rotations":[{"startDate":"2026-13-01T00:00:00Z"}]}]}`,
		`{"schedules":[{"id":"s","name":"","timezone":"UTC","rotations":[{"id":"r","startDate":"2026-01-05T09:00:00Z","type":"weekly","length":-1,"participants":[{"type":"user","username":"a@b"}]}]}]}`,
		`{"schedules":[{"id":"s","name":"nobody","timezone":"UTC","rotations":[{"id":"r","startDate":"0001-01-01T00:00:00Z","type":"hourly","length":99999999,"participants":[{"type":"none"}],"timeRestriction":{"type":"time-of-day","restriction":{"startHour":25,"endHour":-1}}}]}]}`,
		`{"schedule":{"id":"P","name":"phone","time_zone":"Europe/Berlin","schedule_layers":[{"start":"2026-01-05T09:00:00Z","rotation_virtual_start":"2026-01-05T09:00:00Z","rotation_turn_length_seconds":0,"users":[{"user":{"id":"u"}}],"restrictions":[{"type":"weekly_restriction","start_time_of_day":"24:00:00","duration_seconds":700000,"start_day_of_week":9}]}]}}`,
		`{"escalation_policies":[{"name":"x","num_loops":-3,"escalation_rules":[{"escalation_delay_in_minutes":-5,"targets":[{"type":"schedule_reference","id":"none"}]}]}],"schedules":[]}`,
		`{"data":{"finalTimeline":{"rotations":[{"periods":[{"startDate":"9999-12-31T23:59:59Z","endDate":"1970-01-01T00:00:00Z"}]}]},"_parent":{"id":"s"}}}`,
		`null`, `[]`, `{"data":null}`,
	} {
		f.Add(true, "one.json", []byte(odd))
		f.Add(false, "one.json", []byte(odd))
	}
	people, err := moving.NewPeople(samplePeople)
	if err != nil {
		f.Fatal(err)
	}
	from := time.Date(2026, 12, 1, 5, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, isOpsgenie bool, name string, content []byte) {
		read := moving.ReadPagerDuty
		if isOpsgenie {
			read = moving.ReadOpsgenie
		}
		e, err := read([]moving.Document{{Name: name, Content: content}})
		if err != nil {
			return
		}
		r, err := moving.Convert(e, people, "", from)
		if err != nil {
			return
		}
		file := r.OnCallFile(e.Vendor)
		if r.Schedule, err = config.ParseOnCall(file); err != nil {
			t.Fatalf("oncall.yml can't be used: %v\n%s", err, file)
		}
		if escalation := r.EscalationBlock(); escalation != nil {
			if _, err := config.Parse(escalation); err != nil {
				t.Fatalf("firebreak.yml can't be used: %v\n%s", err, escalation)
			}
		}
		until := from.AddDate(0, 0, 7)
		report := moving.Report(e, r, moving.Compare(e, people, r, from, until), from, until)
		if i := strings.IndexFunc(report, func(c rune) bool { return unicode.IsControl(c) && c != '\n' }); i >= 0 {
			t.Errorf("the report has %q", report[i])
		}
	})
}

// FuzzUnzip: an archive is unpacked or refused.
func FuzzUnzip(f *testing.F) {
	f.Add([]byte("no archive"))
	f.Add([]byte("PK\x05\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("PK\x03\x04\x14\x00\x00\x00\x08\x00"))
	f.Fuzz(func(_ *testing.T, content []byte) { _, _ = moving.Unzip(content) })
}
