package doctor_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/doctor"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/notify"
	"github.com/firebreak-dev/firebreak/app/selftest"
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

// What people set on their own pages counts as what the secret has of them, and nothing of it is printed (O3).
func TestO3DoctorCountsWhatPeopleSetThemselves(t *testing.T) {
	t.Parallel()
	files := templates.Repository()
	files[".github/firebreak.yml"] = `phones: [1]
services: {people: {secret: PEOPLE}}
escalation: {steps: [{to: ["@carol", "@dan", desk, "@erin"], by: [people]}]}
`
	s := open(t, files)
	out, err := notify.New(notify.Options{HashKey: []byte("key"), PageURL: s.url + "/sandbox/receive/page",
		Secret: func(context.Context, string) (string, error) {
			return `{"dan": [{"ntfy": "https://ntfy.example/dan-topic"}], "desk": ["carol", "dan"]}`, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	s.doctor.Pager = dry{out}
	asked := 0
	s.doctor.Tests = func(context.Context, incident.Ref) (state selftest.State, err error) {
		asked++
		state.Now = time.Date(2026, 12, 2, 12, 0, 0, 0, time.UTC)
		state.Path.At, state.Overdue = state.Now, 20*time.Hour
		state.Ways = []selftest.Reached{{Login: "carol", Vendors: []string{"Twilio", "pushover"}, Ways: 3, IsOwn: true},
			{Login: "dan", Vendors: []string{"ntfy"}, Ways: 1}}
		return state, nil
	}
	var got []string
	for _, f := range s.doctor.Examine(t.Context(), "acme", "incidents") {
		if f.Check == "pagers" || f.Check == "tests" {
			got = append(got, fmt.Sprint(f.Status, " ", f.Found))
		}
		if strings.Contains(f.Found+f.Mend, "dan-topic") {
			t.Errorf("an address is printed: %+v", f)
		}
	}
	want := []string{
		string(doctor.Failure) + " step 1 of the escalation: send by people: the secret PEOPLE has no way to reach erin",
		string(doctor.OK) + " people: 1 reached by 1 ways of the secret, 1 by 3 ways that they set on their own page",
		string(doctor.Warning) + " step 1 of the escalation: only ntfy reaches dan; while that is out nobody does",
		string(doctor.Failure) + " a weekly test page is missing: it should have come 48h0m0s ago",
	}
	if !slices.Equal(got, want) || asked != 1 {
		t.Errorf("asked %d times, found\n%s\nwant\n%s", asked, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// The doctor asks the running product what came of the tests; silence is a failure (O3).
func TestO3DoctorSaysWhatCameOfTheTests(t *testing.T) {
	t.Parallel()
	files := templates.Repository()
	files[".github/firebreak.yml"] = "phones: [1]\nservices: {people: {secret: PEOPLE}}\n"
	s := open(t, files)
	now := time.Date(2026, 12, 2, 12, 0, 0, 0, time.UTC)
	hours := func(n int) time.Time { return now.Add(time.Duration(-n) * time.Hour) }
	for name, c := range map[string]struct {
		state selftest.State
		err   error
		want  string
	}{
		"well": {selftest.State{Path: selftest.Path{At: hours(2)}, People: map[string]selftest.Test{"dan": {Sent: hours(26), Answered: hours(25)}}}, nil,
			"ok what reaches people was tested at 2 Dec 10:00 UTC"},
		"never":  {selftest.State{}, nil, "failure what reaches people was never tested"},
		"silent": {selftest.State{Path: selftest.Path{At: hours(50)}}, nil, "failure what reaches people was last tested 50h0m0s ago"},
		"wrong":  {selftest.State{Path: selftest.Path{At: hours(2), Wrong: []string{"send by ntfy: out"}}}, nil, "failure the daily test found: send by ntfy: out"},
		"dan does not answer": {selftest.State{Path: selftest.Path{At: hours(2)}, People: map[string]selftest.Test{"dan": {Sent: hours(26), Way: "call"}}}, nil,
			"warning dan did not answer the test page of 1 Dec 10:00 UTC by call"},
		"not sent": {selftest.State{Path: selftest.Path{At: hours(2)}, People: map[string]selftest.Test{"dan": {Sent: hours(2), Way: "call", Failed: "no"}}}, nil,
			"warning the test page to dan by call was not sent: no"},
		"no answer": {selftest.State{}, errors.New("ask https://f.example for the tests: EOF"), "failure ask https://f.example"},
	} {
		s.doctor.Tests = func(_ context.Context, repo incident.Ref) (selftest.State, error) {
			c.state.Now = now
			return c.state, c.err
		}
		var got []string
		for _, f := range s.doctor.Examine(t.Context(), "acme", "incidents") {
			if f.Check == "tests" {
				got = append(got, fmt.Sprint(f.Status, " ", f.Found))
			}
		}
		if len(got) != 1 || !strings.HasPrefix(got[0], c.want) {
			t.Errorf("%s: found %q, want %q", name, got, c.want)
		}
	}
}
