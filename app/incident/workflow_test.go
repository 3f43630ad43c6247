package incident_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	said "github.com/firebreak-dev/firebreak/app/words"
)

// rollbackPolicy allows a workflow with an input of each kind, and one that everybody who may write may run.
func rollbackPolicy(p incident.Policy) incident.Policy {
	p.Workflows = []incident.Workflow{
		{Name: "rollback", Repo: "acme/payments", File: "rollback.yml", Who: []string{"platform"}, Phases: []incident.Phase{incident.Identify, incident.Investigate, incident.Fixing},
			Inputs: []incident.WorkflowInput{{Name: "version", Type: incident.InputText, Required: true}, {Name: "to", Type: incident.InputChoice, Choices: []string{"staging", "production"}},
				{Name: "dry", Type: incident.InputBoolean}, {Name: "count", Type: incident.InputNumber}}},
		{Name: "restart", Repo: "acme/web", File: "restart.yml", InDrill: true},
	}
	return p
}

func runnable(t *testing.T) *story {
	s := critical(t)
	s.policy = rollbackPolicy(s.policy)
	return s
}

func runOf(name string, inputs ...string) incident.Command {
	c := incident.Command{Kind: incident.RunWorkflow, Names: []string{name}}
	for i := 0; i < len(inputs); i += 2 {
		c.Inputs = append(c.Inputs, incident.InputValue{Name: inputs[i], Value: inputs[i+1]})
	}
	return c
}

// A run is asked for once and followed to its end, which is an action; who may not run it, what it does not take
// and where it may not run is answered (X5).
func TestX5AWorkflowIsRunAndFollowed(t *testing.T) {
	s := runnable(t).at(10, "alice", runOf("rollback", "version", "v6", "to", "staging", "dry", "true", "count", "-2.5")).expectReaction(incident.Done).expectSays()
	s.expect(pending[incident.StartRun](s) == 1, "pending is %v", incident.Pending(s.state))
	id := s.state.Runs[0].ID
	s.at(10.2, "", incident.RunAwaited{ID: id, Next: minute(10.5)})
	s.expect(pending[incident.StartRun](s) == 0, "it does not wait")
	s.clock(10.5)
	s.expect(pending[incident.StartRun](s) == 1, "it is not looked for again")
	s.at(10.6, "", incident.RunStarted{ID: id, Run: 9, URL: "https://x/9"}).expectSays("run-started")
	s.at(10.7, "", incident.RunStarted{ID: id, Run: 10}).expectSays()
	s.expect(s.state.Runs[0].Run == 9 && s.state.Runs[0].Inputs == nil && pending[incident.StartRun](s) == 0, "it is %+v", s.state.Runs[0])
	s.at(11, "", incident.RunChanged{Run: 9})
	s.expect(pending[incident.FollowRun](s) == 1, "a webhook says that it ended, and nobody looks")
	s.at(11.1, "", incident.RunSeen{Run: 9, Status: "waiting"}).expectSays()
	s.expect(pending[incident.FollowRun](s) == 0 && s.state.Runs[0].Next.Equal(minute(12.1)), "it is %+v", s.state.Runs[0])
	s.clock(12.1)
	s.expect(pending[incident.FollowRun](s) == 1, "it is not looked at at its time")
	s.at(12.2, "", incident.RunSeen{Run: 9, Status: "completed", Outcome: "success", Ended: minute(12)}).expectSays("run-ended")
	s.expect(s.state.Runs[0].Succeeded() && s.say("run-ended").Variant == "run-succeeded", "it says %+v", s.say("run-ended"))
	last := s.state.Timeline[len(s.state.Timeline)-1]
	s.expect(last.Kind == "run-succeeded" && last.What == "rollback" && last.By == "alice", "the timeline says %+v", last)
	s.at(13, "", incident.RunSeen{Run: 9, Outcome: "failure", Ended: minute(13)}).expectSays()
	s.clock(200)
	s.expect(pending[incident.FollowRun](s) == 0, "a run that ended is looked at")
}

func TestX5WhatIsNotRun(t *testing.T) {
	cannot := runOf("rollback", "version", "v6")
	cannot.Cannot = []string{"alice"}
	foreign := runOf("restart")
	foreign.Cannot = []string{"alice"}
	other := runOf("restart")
	other.Org = "acme2"
	for _, c := range []struct {
		do      incident.Command
		variant string
		lines   []string
	}{
		{runOf("rolback"), "unknown", nil}, {cannot, "who", nil}, {foreign, "no access", nil}, {other, "other owner", nil},
		{runOf("rollback"), "inputs", []string{"version is missing"}},
		{runOf("rollback", "version", ""), "inputs", []string{"version is missing"}},
		{runOf("rollback", "version", "v6", "versionn", "v5"), "inputs", []string{"versionn is not an input of it"}},
		{runOf("rollback", "version", "v6", "to", "Staging"), "inputs", []string{"to has to be one of staging, production"}},
		{runOf("rollback", "version", "v6", "dry", "yes"), "inputs", []string{"dry has to be true or false"}},
		{runOf("rollback", "version", "v6", "count", "1e9"), "inputs", []string{"count has to be a number"}},
		{runOf("rollback", "version", "\xff"), "inputs", []string{"version is not text"}},
	} {
		s := runnable(t).at(10, "alice", c.do).expectReaction(incident.Refused)
		say := s.say("run-refused")
		s.expect(say.Variant == c.variant && slices.Equal(say.Lines, c.lines) && len(s.state.Runs) == 0, "%+v: %+v", c.do, say)
	}
	s := runnable(t)
	s.state.Phase = incident.Monitoring
	s.at(10, "alice", runOf("rollback", "version", "v6"))
	s.expect(s.say("run-refused").Variant == "phase", "in another phase it says %+v", s.say("run-refused"))
	s = runnable(t)
	s.state.Drill = true
	s.at(10, "alice", runOf("rollback", "version", "v6"))
	s.expect(s.say("run-refused").Variant == "drill", "in a drill it says %+v", s.say("run-refused"))
	s.at(11, "alice", runOf("restart")).expectSays()
	for range 2 {
		s.at(12, "alice", runOf("restart")).expectSays()
	}
	s.at(12, "alice", runOf("restart"))
	s.expect(s.say("run-refused").Variant == "owed" && len(s.state.Runs) == 3, "as many as are owed: %+v", s.say("run-refused"))
	for n := range 27 {
		for i := range s.state.Runs {
			s.state.Runs[i].Closed = true
		}
		s.at(13+float64(n)/100, "alice", runOf("restart")).expectSays()
	}
	s.expect(len(s.state.Runs) == 6, "%d runs are kept", len(s.state.Runs))
	s.state.Runs[5].Closed = true
	s.at(14, "alice", runOf("restart"))
	s.expect(s.say("run-refused").Variant == "too many", "too many: %+v", s.say("run-refused"))
	s = runnable(t).at(10, "alice", incident.Command{Kind: incident.RunWorkflow}).expectSays("run-list")
	s.expect(len(s.say("run-list").Workflows) == 2, "it lists %+v", s.say("run-list"))
}

// What GitHub refuses, what comes too late and what nobody knows is told to who asked, once; nothing is started again (X5).
func TestX5ARunThatDoesNotStartIsTold(t *testing.T) {
	for variant, fact := range map[string]func(id string) any{
		"":        func(id string) any { return incident.RunRefused{ID: id, Why: "no"} },
		"late":    func(id string) any { return incident.RunLate{ID: id} },
		"doubted": func(id string) any { return incident.RunDoubted{ID: id, URL: "https://x"} },
	} {
		s := runnable(t).at(10, "alice", runOf("restart"))
		id := s.state.Runs[0].ID
		s.at(11, "", fact(id)).expectSays("run-refused")
		s.expect(s.say("run-refused").Variant == variant && s.say("run-refused").Who == "alice", "it says %+v", s.say("run-refused"))
		s.expect(len(incident.Pending(s.state)) == 0, "pending is %v", incident.Pending(s.state))
		s.at(12, "", fact(id)).expectSays().at(12, "", incident.RunStarted{ID: id, Run: 9}).expectSays()
	}
	s := runnable(t).at(10, "alice", runOf("restart"))
	s.at(10.1, "", incident.RunStarted{ID: s.state.Runs[0].ID, Run: 9}).at(11, "", incident.RunLost{Run: 9, Why: "Not Found"}).expectSays("run-refused")
	s.expect(s.state.Runs[0].Closed, "a run that is gone is followed")
	for _, what := range []any{incident.RunLost{Run: 9}, incident.RunSeen{Run: 9}, incident.RunChanged{Run: 9}, incident.RunSeen{}, incident.RunAwaited{}} {
		s.at(12, "", what).expectSays()
	}
}

// The end of a run comes back from the app's own words where the card was lost (X5).
func TestX5TheEndOfARunIsReadAgain(t *testing.T) {
	s := runnable(t).at(10, "alice", runOf("restart"))
	id := s.state.Runs[0].ID
	s.at(10.1, "", incident.RunStarted{ID: id, Run: 9}).at(12, "", incident.RunSeen{Run: 9, Outcome: "timed_out", Ended: minute(12)})
	key := ""
	for _, e := range s.effects {
		if r, ok := e.(incident.Remind); ok {
			key = r.Key
		}
	}
	again, ok := incident.ParseRunEnded(key)
	s.expect(ok, "%q can't be read", key)
	fresh := runnable(t).at(10, "alice", runOf("restart")).at(12, "", again).at(12, "", again)
	v := fresh.state.Runs[0]
	fresh.expect(v.Closed && v.Run == 9 && v.Outcome == "timed_out" && v.Ended.Equal(minute(12)) && pending[incident.StartRun](fresh) == 0, "it is %+v", v)
	for _, bad := range []string{"", "run-ended/c1/success/x/1", "run-ended/c1/%zz/9/1", "run-ended/c1/success/9", "run-ended/c1/success/0/1"} {
		if _, ok := incident.ParseRunEnded(bad); ok {
			t.Errorf("%q is read", bad)
		}
	}
}

// How often a run is looked at: each minute for an hour, then every 15, and no more after a week (X5).
func TestX5HowOftenARunIsLookedAt(t *testing.T) {
	for after, want := range map[float64]time.Duration{1: time.Minute, 60: time.Minute, 61: 15 * time.Minute, 7 * 24 * 60: 15 * time.Minute, 7*24*60 + 1: 0} {
		s := runnable(t).at(10, "alice", runOf("restart"))
		s.state.Runs[0].Run = 9
		s.at(10+after, "", incident.RunSeen{Run: 9, Status: "in_progress"})
		v := s.state.Runs[0]
		s.expect(v.Closed == (want == 0) && (want == 0 || v.Next.Equal(minute(10+after).Add(want))), "after %v: %+v", after, v)
	}
}

// quoted writes a value so that it is read byte for byte, as a person may.
func quoted(value string) string {
	switch {
	case !strings.Contains(value, "'"):
		return "'" + value + "'"
	case !strings.Contains(value, "`"):
		return "`" + value + "`"
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}

// hostileValues are 200 texts that try to be more than text.
func hostileValues() []string {
	all := []string{"", " ", "  two  spaces ", "$(rm -rf /)", "`id`", "; reboot #", "${{ secrets.TOKEN }}", "' || '1'='1", `"><script>alert(1)</script>`, "@alice @acme/platform",
		"/ic close", "/oe run x", "<!-- firebreak:card -->", "-->", "a=b c=d", `\`, `\\`, `\"`, `"`, "'", "`", "```", "'\"`", "\t", "a\u00a0b", "\u200b", "\u202eabc", "\u2028",
		"é", "e\u0301", "😀", "👩\u200d💻", "日本語／", "%0a", "%n%s", "::set-output name=x::y", "{{.Who}}", "[x](javascript:alert(1))", "| a | b |", "#1 acme/payments#2", "true", "null", "0x10",
		strings.Repeat("x", 1000), "\x01\x02", "\x7f", "&amp;", "\\u0041", "\\n", "C:\\temp\\new", "> quote", "- [ ] box", "On Mon, Bob wrote:", "--", "-- "}
	pieces := append(slices.Clone(all), "$", "{", "}", "=", "\\", "\"", "'", "`", " ", "<", ">", "&", "\u00ad", "\ufeff")
	d := rand.New(rand.NewPCG(1, 2))
	for len(all) < 200 {
		var b strings.Builder
		for range 1 + d.IntN(6) {
			b.WriteString(pieces[d.IntN(len(pieces))])
		}
		if b.Len() < 600 {
			all = append(all, b.String())
		}
	}
	return all
}

func TestX5InputsAreReadByteForByte(t *testing.T) {
	row := incident.RowOf(incident.RunWorkflow)
	for _, value := range hostileValues() {
		c, err := row.Parse(said.Words{Line: "rollback first=1 version=" + quoted(value) + " last=2"})
		want := []incident.InputValue{{Name: "first", Value: "1"}, {Name: "version", Value: value}, {Name: "last", Value: "2"}}
		if err != nil || !slices.Equal(c.Inputs, want) {
			t.Errorf("%q: %+v, %v", value, c.Inputs, err)
		}
	}
	for line, want := range map[string]string{
		"version=v6": "name the workflow before", "rollback v6": "is not of the form key=value", "rollback a=1 a=2": "is there twice",
		"rollback a='x": "closing quote is missing", `rollback a="x\"`: "closing quote is missing", "rollback a='x'y": "a space is missing", "a/b": "can't be the name",
		"rollback 1a=2": "is not of the form", "rollback a='" + strings.Repeat("x", 2001) + "'": "GitHub takes",
	} {
		if _, err := row.Parse(said.Words{Line: line}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
	many := "rollback"
	for n := range 26 {
		many += fmt.Sprintf(" a%d=1", n)
	}
	if _, err := row.Parse(said.Words{Line: many}); err == nil {
		t.Error("26 inputs are taken")
	}
}
