package command_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/firebreak-dev/firebreak/app/command"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// oddWords are dates, times, spans and numbers as people, their keyboards and their programs have
// written them.
var oddWords = []string{"0000-01-01", "0001-01-01", "1677-09-21", "1970-01-01", "2026-02-29", "2026-03-02", "2028-03-02", "2262-04-12", "2926-01-01", "9999-12-31", "10000-01-01",
	"+0d", "+1d", "+999d", "+999w", "+9999w", "-5d", "none", "1 Jan 0000", "31 Feb 9999", "27 Nov 9999 17:40", "yesterday 24:00", "at 25:61", "23:59:60", "00:00 UTC+99", "00:00+14:00",
	"12:00 Africa/Abidjan", "12:00 Etc/GMT+12", "12:00 Europe/Nowhere", "0m", "0h0m", "1m", "15m", "24h", "24h1m", "9999h", "9999h9999m", "-1h", "1e9h", "99999999999999999999h",
	"0", "1", "-1", "9223372036854775807", "9223372036854775808", "99999999999999999999999999", "#0", "#-1", "#9223372036854775808", "#issuecomment-0",
	"https://github.com/a/b/issues/1#issuecomment-99999999999999999999", "٣", "１２:００", "NaN", "Inf", "0x10", "1_000"}

// commands are those that take a date, a time, a span or a number.
var commands = []string{"/ic followup acme/payments test it @carol due:%s", "/ic followup test it due %s", "/ic followup 1 @carol due:%s", "/ic followup %s due:2026-04-01", "/ic snooze %s in a call",
	"/incident note %s it broke", "/ic cause %s it broke", "/oe action %s rebooted", "/incident duplicate %s", "/ic pin %s", "/ic update back at %s", "/ic escalate platform in %s", "/ic severity critical since %s"}

// A command with any date, time, span or number is done with: it is taken with a value that makes
// sense, or asked about.
func checkOdd(t interface{ Errorf(string, ...any) }, template, word string) {
	now := time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)
	policy := incident.DefaultPolicy()
	policy.Customers = []incident.Customer{{Name: "globex"}}
	by := incident.Person{Login: "carol", Respond: true}
	body := fmt.Sprintf(template, word)
	s, _ := incident.Step(incident.State{}, incident.Fact{ID: "opened", At: now, By: by, What: incident.Opened{Source: "form", Summary: true, Severity: "critical", Customers: []string{"globex"}}}, policy)
	s, _ = incident.Step(s, incident.Fact{ID: "c1.0", At: now.Add(time.Minute), By: by, What: incident.Command{Kind: incident.TakeIC}}, policy)
	at := now.Add(2 * time.Minute)
	before := s.Updates.Due
	for i, what := range command.Parse(body) {
		s, _ = incident.Step(s, incident.Fact{ID: fmt.Sprintf("c2.%d", i), At: at, By: by, What: what}, policy)
	}
	for _, fu := range s.FollowUps {
		if why := incident.DueProblem(fu.Due, at, nil); fu.Due != "" && why != "" {
			t.Errorf("%q returns a follow-up that is due on %s: %s", body, fu.Due, why)
		}
	}
	if d := s.Updates.Due.Sub(before); !s.Updates.Due.IsZero() && (d < 0 || d > 24*time.Hour) {
		t.Errorf("%q moves the update by %s", body, d)
	}
	for _, e := range s.Timeline {
		if e.At.After(at) || e.At.Before(at.AddDate(0, -2, 0)) {
			t.Errorf("%q writes an entry of %s", body, e.At)
		}
	}
	if due := incident.Due(s, policy); due.After(at.AddDate(3, 0, 0)) {
		t.Errorf("%q is due at %s", body, due)
	}
}

func TestAnyDateTimeAndNumberInACommandEnds(t *testing.T) {
	for _, template := range commands {
		for _, word := range oddWords {
			checkOdd(t, template, word)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.StringMatching(`[+#-]?[0-9]{1,25}([-:./hdwm][0-9]{0,12}){0,4}(Z|UTC|\+[0-9]{2}:[0-9]{2})?`)
		checkOdd(t, rapid.SampledFrom(commands).Draw(t, "command"), rapid.OneOf(digits, rapid.SampledFrom(oddWords)).Draw(t, "word"))
	})
}

func FuzzOddCommands(f *testing.F) {
	for i, word := range oddWords {
		f.Add(i, word)
	}
	f.Fuzz(func(t *testing.T, i int, word string) {
		checkOdd(t, commands[(i%len(commands)+len(commands))%len(commands)], word)
	})
}
