package doctor_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/firebreak-dev/firebreak/app/doctor"
	"github.com/firebreak-dev/firebreak/app/notify"
	"github.com/firebreak-dev/firebreak/templates"
)

// A step that reaches somebody by one way alone is named (O3).
func TestO3DoctorNamesWhoIsReachedByOneWay(t *testing.T) {
	t.Parallel()
	files := templates.Repository()
	files[".github/firebreak.yml"] = `phones: [1]
services: {people: {secret: PEOPLE, twilio-account: AC0123456789abcdef0123456789abcdef, twilio-from: "+14155550100", twilio-secret: TWILIO}}
escalation:
  steps:
  - {to: ["@carol", "@dan"], by: [people]}
  - {to: ["@carol", "@dan"], by: [people, github]}
  - {to: [platform], by: [webhook]}
`
	s := open(t, files)
	out, err := notify.New(notify.Options{HashKey: []byte("key"), PageURL: s.url + "/sandbox/receive/page",
		Secret: func(_ context.Context, name string) (string, error) {
			return map[string]string{"TWILIO": "token",
				"PEOPLE": `{"carol": [{"sms": "+49301234567"}, {"call": "+49301234567", "after": "2m"}],
				"dan": [{"call": "+49301234568"}, {"ntfy": "https://ntfy.example/dan"}]}`}[name], nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	s.doctor.Pager = dry{out}
	var got []string
	for _, f := range s.doctor.Examine(t.Context(), "acme", "incidents") {
		if f.Check == "pagers" {
			got = append(got, fmt.Sprint(f.Status, " ", f.Found))
		}
	}
	want := []string{
		string(doctor.OK) + " people, github, webhook: what a page needs is there; none was sent",
		string(doctor.Warning) + " step 1 of the escalation: only Twilio reaches carol; while that is out nobody does",
		string(doctor.OK) + " step 3 of the escalation: only webhook reaches platform; while that is out nobody does",
	}
	if !slices.Equal(got, want) {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
