package config_test

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/oncall"
	"github.com/firebreak-dev/firebreak/templates"
)

const onCallFile = `# who is on call
time-zone: Europe/Berlin
nights-in-a-row: 5
rotations:
  primary:
    owners: [Platform, "@carol"]
    people: ["@alice", ["@bob", SRE], nobody]
    every: 2 weeks
    start: 2026-12-07
    handover: "10:30"
  Secondary:
    time-zone: UTC
    layers:
    - people: [platform]
      start: 2026-12-07
      every: month
    - name: weekends
      people: "@dan"
      start: 2026-12-05
      until: 2027-01-01
      hours:
      - days: [sat, sun]
      - { days: fri, from: "18:00", to: "09:00" }
covers:
- { rotation: primary, from: 2026-12-24 18:00, until: 2026-12-26T09:00Z, who: "@dan", for: "@alice" }
- rotation: secondary
  from: "2026-12-24 18:00"
  until: 2026-12-25 18:00
  who: "@erin"
`

func TestO1AFileIsRead(t *testing.T) {
	s, err := config.ParseOnCall([]byte(onCallFile))
	if err != nil {
		t.Fatal(err)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	want := oncall.Schedule{Zone: berlin, MostNights: 5, Rotations: []oncall.Rotation{
		{Name: "primary", Zone: berlin, Owners: []string{"platform", "@carol"}, Line: 5, Layers: []oncall.Layer{{
			Turns: [][]string{{"@alice"}, {"@bob", "sre"}, {}}, Every: oncall.Period{Count: 2, Unit: oncall.Weeks},
			Start: oncall.Clock{Year: 2026, Month: 12, Day: 7, Hour: 10, Minute: 30}}}},
		{Name: "Secondary", Zone: time.UTC, Line: 11, Layers: []oncall.Layer{
			{Turns: [][]string{{"platform"}}, Every: oncall.Period{Count: 1, Unit: oncall.Months},
				Start: oncall.Clock{Year: 2026, Month: 12, Day: 7, Hour: 9}},
			{Name: "weekends", Turns: [][]string{{"@dan"}}, Every: oncall.Period{Count: 1, Unit: oncall.Weeks},
				Start: oncall.Clock{Year: 2026, Month: 12, Day: 5, Hour: 9}, Until: oncall.Clock{Year: 2027, Month: 1, Day: 1, Hour: 9},
				Hours: []oncall.Window{{Days: [7]bool{0: true, 6: true}, To: 24 * time.Hour},
					{Days: [7]bool{5: true}, From: 18 * time.Hour, To: 9 * time.Hour}}}}}},
		Covers: []oncall.Cover{
			{Rotation: "primary", From: time.Date(2026, 12, 24, 17, 0, 0, 0, time.UTC),
				Until: time.Date(2026, 12, 26, 9, 0, 0, 0, time.UTC), Who: "@dan", For: "@alice", Line: 25},
			{Rotation: "Secondary", From: time.Date(2026, 12, 24, 18, 0, 0, 0, time.UTC),
				Until: time.Date(2026, 12, 25, 18, 0, 0, 0, time.UTC), Who: "@erin", Line: 26},
		}}
	same := cmp.Options{cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() }),
		cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })}
	if diff := cmp.Diff(want, s, same); diff != "" {
		t.Error(diff)
	}
	if empty, err := config.ParseOnCall(nil); err != nil || len(empty.Rotations) > 0 {
		t.Errorf("an empty file: %v, %v", empty, err)
	}
}

// refusedOnCall are files with a mistake, and what is said of it; parts are between |.
var refusedOnCall = []struct{ content, want string }{
	{"rotation: {}", `line 1, column 1: "rotation" is not known in the file (did you mean rotations?)`},
	{"nights-in-a-row: 0", "line 1, column 18: a number of nights from 1 to 31"},
	{"time-zone: Berlin", `line 1, column 12: "Berlin" is not a time zone`},
	{"rotations:\n  two words:\n    people: a\n", `line 2, column 3: "two words" can't be the name of a rotation`},
	{"rotations:\n  phone: {people: a, start: 2026-12-07}\n", "line 2, column 3: |the phone list"},
	{"rotations:\n  a: {people: b, start: 2026-12-07}\n  A: {people: b, start: 2026-12-07}\n", "line 3, column 3: |is here twice"},
	{"rotations:\n  a: {start: 2026-12-07}\n", "line 2, column 3: this rotation has nobody"},
	{"rotations:\n  a: {people: b}\n", "line 2, column 3: start is missing"},
	{"rotations:\n  a: {people: b, layers: [{people: c, start: 2026-12-07}]}\n", "a rotation has people of its own or layers"},
	{"rotations:\n  a: {every: 1 day, layers: [{people: c, start: 2026-12-07}]}\n",
		"line 2, column 14: every is a setting of each layer"},
	{"rotations:\n  a: {layers: [{people: c}]}\n", "line 2, column 16: this layer lacks start"},
	{"rotations:\n  a: {people: '@a_b_c', start: 2026-12-07}\n", `line 2, column 15: "@a_b_c" can't be on call`},
	{"rotations:\n  a: {people: [phone], start: 2026-12-07}\n", `line 2, column 16: "phone" can't be on call`},
	{"rotations:\n  a: {people: [[b, nobody]], start: 2026-12-07}\n", "line 2, column 20: nobody is a turn of its own"},
	{"rotations:\n  a: {people: [[b, B]], start: 2026-12-07}\n", "line 2, column 20: |is here twice"},
	{"rotations:\n  a: {people: b, start: 2026-13-07}\n", `line 2, column 25: "2026-13-07" is not a date`},
	{"rotations:\n  a: {people: b, start: 2026-12-07, until: 2026-12-07}\n", "line 2, column 44: until must be later than start"},
	{"rotations:\n  a: {people: b, start: 2026-12-07, handover: '24:00'}\n", "line 2, column 47: 24:00 is not a time of day for a handover"},
	{"rotations:\n  a: {people: b, start: 2026-12-07, every: 0 days}\n", `line 2, column 44: "0 days" is not a period`},
	{"rotations:\n  a: {people: b, start: 2026-12-07, every: fortnight}\n", `line 2, column 44: "fortnight" is not a period`},
	{"rotations:\n  a: {people: b, start: 2026-12-07, hours: [{days: monday}]}\n", "line 2, column 52: |did you mean mon?"},
	{"rotations:\n  a: {people: b, start: 2026-12-07, owners: phone}\n", "line 2, column 45: |can't be a target"},
	{"covers:\n- {rotation: a, from: 2026-12-07 10:00, until: 2026-12-08 10:00, who: b}\n",
		`line 2, column 14: "a" is not a rotation of this file; allowed: none`},
	{"rotations:\n  a: {people: b, start: 2026-12-07}\ncovers:\n- {rotation: a, from: 2026-12-08 10:00, until: 2026-12-08 10:00, who: b}\n",
		"line 4, column 48: until must be later than from"},
	{"rotations:\n  a: {people: b, start: 2026-12-07}\ncovers:\n- {rotation: a, from: 2026-12-08, until: 2026-12-08 10:00, who: b}\n",
		`line 4, column 23: "2026-12-08" is not a time; allowed`},
	{"rotations:\n  a: {people: b, start: 2026-12-07}\ncovers:\n- {rotation: a, from: 2026-12-08 10:00, until: 2026-12-09 10:00, who: nobody}\n",
		`"nobody" can't be on call`},
	{"rotations:\n  a: {people: b, start: 2026-12-07}\ncovers:\n- {rotation: a, from: 2026-12-08 10:00, until: 2026-12-09 10:00, who: b, for: B}\n",
		"can't take over from themselves"},
	{"rotations:\n  a: {people: b, start: 2026-12-07}\ncovers:\n- {rotation: a, from: 2026-12-08 10:00, who: b}\n",
		"line 4, column 3: this cover lacks until"},
}

func TestO1MistakesHaveTheirPlace(t *testing.T) {
	for _, c := range refusedOnCall {
		s, err := config.ParseOnCall([]byte(c.content))
		if err == nil {
			t.Errorf("%q is taken", c.content)
			continue
		}
		for part := range strings.SplitSeq(c.want, "|") {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q: %v\nwant %s", c.content, err, part)
			}
		}
		if len(config.Mistakes(err)) == 0 || len(s.Rotations) > 0 {
			t.Errorf("%q: mistakes %v, schedule %v", c.content, config.Mistakes(err), s)
		}
	}
}

func FuzzParseOnCall(f *testing.F) {
	f.Add([]byte(onCallFile))
	for _, c := range refusedOnCall {
		f.Add([]byte(c.content))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		s, err := config.ParseOnCall(content)
		if err != nil && len(config.Mistakes(err)) == 0 {
			t.Errorf("no place: %v", err)
		}
		at := time.Date(2026, 12, 7, 12, 0, 0, 0, time.UTC)
		for _, name := range s.Names() {
			if n := len(s.Shifts(name, at, at.AddDate(0, 0, 2))); n == 0 || n > 10_000 {
				t.Errorf("%s has %d shifts", name, n)
			}
		}
	})
}

func TestO1TheExamplesAreTaken(t *testing.T) {
	if s, err := config.ParseOnCall([]byte(templates.OnCallExample())); err != nil || len(s.Rotations) == 0 {
		t.Errorf("the sandbox's: %v", err)
	}
	page, err := os.ReadFile("../../docs/oncall.md")
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	schema, err := c.Compile("../../templates/oncall.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	validate := func(content string) error {
		raw, err := yaml.YAMLToJSON([]byte(content))
		if err != nil {
			return err
		}
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			return err
		}
		return schema.Validate(document)
	}
	_, example, _ := strings.Cut(string(page), "```yaml\n")
	example, _, _ = strings.Cut(example, "```")
	for name, content := range map[string]string{"the page's": example, "the test's": onCallFile, "the sandbox's": templates.OnCallExample()} {
		if _, err := config.ParseOnCall([]byte(content)); err != nil {
			t.Errorf("%s: the reader: %v", name, err)
		}
		if err := validate(content); err != nil {
			t.Errorf("%s: the schema: %v", name, err)
		}
	}
	// what needs two places of the file, a calendar or arithmetic, a schema can't tell
	beyond := []string{"is here twice", "is not a rotation of this file", "later than", "themselves", "is not a time zone",
		"is not a date", "24:00", "turn of its own"}
	for _, c := range refusedOnCall {
		isBeyond := slices.ContainsFunc(beyond, func(b string) bool { return strings.Contains(c.want, b) })
		if err := validate(c.content); err == nil && !isBeyond {
			t.Errorf("the schema takes %q, of which the reader says %s", c.content, c.want)
		}
	}
}
