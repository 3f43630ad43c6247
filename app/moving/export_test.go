package moving_test

import (
	"archive/zip"
	"bytes"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/moving"
)

var update = flag.Bool("update", false, "write the golden files")

// documents reads the files of a folder.
func documents(t testing.TB, dir string) (out []moving.Document) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(filepath.Join(dir, path))
		out = append(out, moving.Document{Name: path, Content: content})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var samplePeople = map[string]string{"alice@acme.example": "alice", "bob@acme.example": "@bob",
	"carol@acme.example": "carol", "Platform Team": "platform"}

// whole returns all that the command prints of an export.
func whole(t *testing.T, e moving.Export) string {
	t.Helper()
	people, err := moving.NewPeople(samplePeople)
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 12, 1, 5, 0, 0, 0, time.UTC)
	r, err := moving.Convert(e, people, "", from)
	if err != nil {
		t.Fatal(err)
	}
	file := r.OnCallFile(e.Vendor)
	if r.Schedule, err = config.ParseOnCall(file); err != nil {
		t.Fatalf("%v\n%s", err, file)
	}
	escalation := r.EscalationBlock()
	if _, err := config.Parse(escalation); err != nil {
		t.Fatalf("%v\n%s", err, escalation)
	}
	until := from.AddDate(0, 0, 28)
	return string(file) + "\n" + string(escalation) + "\n" +
		moving.Report(e, r, moving.Compare(e, people, r, from, until), from, until)
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Error(diff)
	}
}

func TestOpsgenieExport(t *testing.T) {
	e, err := moving.ReadOpsgenie(documents(t, "testdata/opsgenie"))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "opsgenie.txt", whole(t, e))
}

func TestPagerDutyExport(t *testing.T) {
	e, err := moving.ReadPagerDuty(documents(t, "testdata/pagerduty"))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "pagerduty.txt", whole(t, e))
}

// TestAZipIsTheSame: the backup as a zip, and as answers in one file, is read as its folder is.
func TestAZipIsTheSame(t *testing.T) {
	docs := documents(t, "testdata/opsgenie")
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, d := range docs {
		w, err := z.Create("OpsGenieBackups/" + d.Name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(d.Content); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	unzipped, err := moving.Unzip(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	e, err := moving.ReadOpsgenie(unzipped)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "opsgenie.txt", whole(t, e))
	if _, err := moving.Unzip([]byte("no archive")); err == nil {
		t.Error("what is no archive was unpacked")
	}
}

func TestOneFileOfAnswers(t *testing.T) {
	e, err := moving.ReadOpsgenie([]moving.Document{{Name: "all.json", Content: []byte(`{
		"schedules": {"data": [{"id": "s", "name": "Core", "timezone": "UTC", "rotations": [{"id": "r", "name": "R",
			"startDate": 1767603600000, "type": "hourly", "length": 6, "participants": [{"type": "user", "username": "a@acme.example"}]}]}]},
		"overrides": [{"_parent": {"id": "s"}, "user": {"type": "user", "username": "b@acme.example"},
			"startDate": "2026-12-02T00:00:00+0100", "endDate": "2026-12-03 00:00"}],
		"teams": {"data": [{"id": "t", "name": "Core"}]}}`)}})
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Schedules) != 1 || len(e.Schedules[0].Overrides) != 1 || len(e.Teams) != 1 || len(e.Notes) != 0 ||
		!e.Schedules[0].Parts[0].Start.Equal(time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)) {
		t.Errorf("read %+v", e)
	}
}

func TestWhatCannotBeRead(t *testing.T) {
	for text, want := range map[string]string{
		`{"schedules": 7`: "one.json",
		`{}`:              "there is no schedule",
		`{"schedule":{"schedule_layers":[{"start":"soon"}]}}`: `"soon" is not a time`,
	} {
		_, err := moving.ReadPagerDuty([]moving.Document{{Name: "one.json", Content: []byte(text)}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("PagerDuty %s: %v", text, err)
		}
	}
	for text, want := range map[string]string{`[`: "one.json", `{}`: "there is no schedule"} {
		_, err := moving.ReadOpsgenie([]moving.Document{{Name: "one.json", Content: []byte(text)}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Opsgenie %s: %v", text, err)
		}
	}
	if _, err := moving.NewPeople(map[string]string{"a@acme.example": "not a login"}); err == nil {
		t.Error("a login with blanks was taken")
	}
}

func TestThePolicyIsChosen(t *testing.T) {
	two := moving.Export{Policies: []moving.Policy{{Name: "P1"}, {Name: "P2"}}}
	for _, c := range []struct {
		e            moving.Export
		policy, want string
	}{
		{two, "", "choose one with --policy: P1, P2"},
		{two, "P3", `no escalation policy "P3"`},
		{two, "p2", ""},
		{moving.Export{}, "", ""},
		{moving.Export{}, "P1", "no escalation policy"},
	} {
		_, err := moving.Convert(c.e, nil, c.policy, time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC))
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%q: %v", c.policy, err)
		}
	}
}

// TestWhatALayerCannotSay: an end within a turn's day, short turns and a missing start are said, and
// nobody's cover ends early.
func TestWhatALayerCannotSay(t *testing.T) {
	now := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	start := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	alice := []moving.Who{{Kind: moving.User, Email: "a@acme.example"}}
	for _, c := range []struct {
		part moving.Part
		ends time.Time // the zero time: it is left out
		note string
	}{
		{moving.Part{Start: start, Every: day, Turns: alice, Until: time.Date(2026, 12, 20, 9, 0, 0, 0, time.UTC)},
			time.Date(2026, 12, 20, 9, 0, 0, 0, time.UTC), ""},
		{moving.Part{Start: start, Every: day, Turns: alice, Until: time.Date(2026, 12, 20, 8, 0, 0, 0, time.UTC)},
			time.Date(2026, 12, 20, 9, 0, 0, 0, time.UTC), "it ends at 2026-12-20 08:00"},
		{moving.Part{Start: start, Every: day, Turns: alice, Until: time.Date(2026, 12, 31, 12, 0, 0, 0, time.UTC)},
			time.Date(2027, 1, 1, 9, 0, 0, 0, time.UTC), "it ends at 2026-12-31 12:00"},
		{moving.Part{Start: start, Every: 90 * time.Minute, Turns: alice}, time.Time{}, "no counterpart"},
		{moving.Part{Every: day, Turns: alice}, time.Time{}, "it has no start"},
		{moving.Part{Start: start, Every: day}, time.Time{}, "it has nobody"},
	} {
		r, err := moving.Convert(moving.Export{Schedules: []moving.Schedule{{ID: "s", Name: "S", Zone: time.UTC,
			Parts: []moving.Part{c.part}}}}, people, "", now)
		if err != nil {
			t.Fatal(err)
		}
		notes := ""
		for _, n := range r.Notes {
			notes += n.String() + "\n"
		}
		if !strings.Contains(notes, c.note) || c.note == "" && notes != "" {
			t.Errorf("%+v: %s", c.part, notes)
		}
		if c.ends.IsZero() {
			if len(r.Schedule.Rotations) != 0 {
				t.Errorf("%+v was taken over", c.part)
			}
			continue
		}
		if got := r.Schedule.Rotations[0].Layers[0].Until.In(time.UTC); !got.Equal(c.ends) {
			t.Errorf("it ends at %s, want %s", got, c.ends)
		}
	}
}
