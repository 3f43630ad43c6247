package effects

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// fakeGates is a repository in which one deployment waits.
type fakeGates struct {
	GatesAPI
	gate              ports.Gate
	found             []ports.Freeze
	findErr, tellErr  error
	statuses          map[string]string // by commit and context
	merged            []string
	answers, comments []string
	asked             int // how often GitHub was asked of commits
}

func (f *fakeGates) FindFreezes(context.Context, incident.Ref) ([]ports.Freeze, error) {
	return f.found, f.findErr
}
func (f *fakeGates) WaitingGates(context.Context, incident.Ref, []incident.HeldDeploy) ([]ports.Gate, error) {
	return []ports.Gate{f.gate}, nil
}
func (f *fakeGates) StatusOf(_ context.Context, _ incident.Ref, commit, of string) (string, error) {
	f.asked++
	return f.statuses[commit+" "+of], nil
}
func (f *fakeGates) MergedHeads(context.Context, incident.Ref, string) ([]string, error) {
	f.asked++
	return f.merged, nil
}
func (f *fakeGates) AnswerGate(_ context.Context, _ ports.Gate, state, comment string) error {
	f.answers, f.comments = append(f.answers, state), append(f.comments, comment)
	return f.tellErr
}

// Whatever no freeze holds now is approved: nothing else leaves a deployment waiting, but that it can't be known (X4).
func TestX4WhatHoldsADeployment(t *testing.T) {
	noon := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	on := func(holder string) ports.Freeze {
		return ports.Freeze{Holder: holder, Until: noon.Add(time.Hour), IsActive: true}
	}
	over, off, tight := on("a/b#1/1"), on("a/b#1/1"), on("a/b#3/1")
	over.Until, off.IsActive, tight.IsTight = noon, false, true
	letBy := func(commit, holder string) map[string]string {
		return map[string]string{commit + " firebreak/freeze " + holder: "success"}
	}
	refused := &ports.Refusal{Err: errors.New("403")}
	broken := fmt.Errorf("%w: 502", ports.ErrUnavailable)
	for name, c := range map[string]struct {
		f         fakeGates
		listed    []ports.Freeze
		wantedErr error
		held      []string // by whom
		isUnknown bool
		says      string
		asked     int
	}{
		"nothing":                  {says: "Nothing freezes acme/payments"},
		"a ruleset":                {f: fakeGates{found: []ports.Freeze{on("a/b#1/1")}}, held: []string{"a/b#1/1"}},
		"an incident alone":        {listed: []ports.Freeze{on("a/b#2/1")}, held: []string{"a/b#2/1"}},
		"its time is over":         {f: fakeGates{found: []ports.Freeze{over}}, listed: []ports.Freeze{over}, says: "Nothing freezes acme/payments"},
		"somebody disabled it":     {f: fakeGates{found: []ports.Freeze{off}}, says: "Nothing freezes acme/payments"},
		"rulesets can't be seen":   {f: fakeGates{findErr: refused}, listed: []ports.Freeze{on("a/b#2/1")}, held: []string{"a/b#2/1"}},
		"rulesets are out":         {f: fakeGates{findErr: broken}, isUnknown: true},
		"who wants it is unknown":  {wantedErr: broken, isUnknown: true},
		"the incident's own":       {f: fakeGates{gate: ports.Gate{IsOwn: true}, found: []ports.Freeze{on("a/b#1/1")}}, says: "An incident runs this"},
		"let through":              {f: fakeGates{found: []ports.Freeze{on("a/b#1/1")}, statuses: letBy("c1", "a/b#1/1")}, says: "Let through"},
		"let through, and merged":  {f: fakeGates{found: []ports.Freeze{on("a/b#1/1")}, statuses: letBy("c0", "a/b#1/1"), merged: []string{"c0"}}, says: "Let through"},
		"let through by one alone": {f: fakeGates{found: []ports.Freeze{on("a/b#1/1"), on("a/b#2/1")}, statuses: letBy("c1", "a/b#1/1")}, held: []string{"a/b#2/1"}},
		"nothing was let through":  {listed: []ports.Freeze{tight}, held: []string{"a/b#3/1"}},
		"nothing, and by another":  {f: fakeGates{found: []ports.Freeze{on("a/b#1/1")}, statuses: letBy("c1", "a/b#1/1")}, listed: []ports.Freeze{tight}, held: []string{"a/b#3/1"}, asked: 2},
		"it was answered before":   {f: fakeGates{tellErr: refused}, says: "Nothing freezes acme/payments"},
		"the answer is not taken":  {f: fakeGates{tellErr: broken}, says: "Nothing freezes acme/payments", isUnknown: true},
	} {
		t.Run(name, func(t *testing.T) {
			c.f.gate.Commit = "c1"
			g := Gates{GitHub: &c.f, Now: func() time.Time { return noon },
				Wanted: func(_ incident.Ref, onGitHub []ports.Freeze) ([]ports.Freeze, error) {
					return slices.Concat(onGitHub, c.listed), c.wantedErr
				}}
			held, err := g.Settle(t.Context(), incident.Ref{Owner: "acme", Repo: "payments"}, nil)
			var by []string
			for _, h := range held {
				for _, f := range h.By {
					by = append(by, f.Holder)
				}
			}
			if !slices.Equal(by, c.held) || (err != nil) != c.isUnknown {
				t.Errorf("held by %q, %v", by, err)
			}
			if hasTight := slices.ContainsFunc(c.listed, func(f ports.Freeze) bool { return f.IsTight }); hasTight && c.f.asked != c.asked {
				t.Errorf("GitHub was asked %d times of commits, want %d", c.f.asked, c.asked)
			}
			var want []string
			if c.says != "" {
				want = []string{c.says}
			}
			if !slices.Equal(c.f.comments, want) || slices.ContainsFunc(c.f.answers, func(s string) bool { return s != ports.GateApproved }) {
				t.Errorf("answered %q, %q", c.f.answers, c.f.comments)
			}
		})
	}
}

// fakeQueue is a merge queue and the statuses of its commits.
type fakeQueue struct {
	waiting  []ports.WaitingPull
	statuses map[string]string
}

func (f *fakeQueue) WaitingPulls(context.Context, incident.Ref) ([]ports.WaitingPull, error) {
	return f.waiting, nil
}
func (f *fakeQueue) StatusOf(_ context.Context, _ incident.Ref, commit, _ string) (string, error) {
	return f.statuses[commit], nil
}
func (f *fakeQueue) SetStatus(_ context.Context, _ incident.Ref, commit string, s ports.CommitStatus) error {
	f.statuses[commit] = s.State
	return nil
}

// What waited in a merge queue goes on once a freeze has ended, and nothing else is said of any commit (X4).
func TestX4WhatWaitedInAQueueGoesOn(t *testing.T) {
	f := &fakeQueue{waiting: []ports.WaitingPull{{Number: 1, Head: "h1", Place: 1, Group: "g1"}, {Number: 2, Head: "h2", Place: 2},
		{Number: 3, Head: "h3"}}, statuses: map[string]string{"g1": "pending", "h2": "success", "h3": "pending", "h1": "failure"}}
	if err := ReleaseQueue(t.Context(), f, ports.Freeze{Holder: "maintenance/1"}); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"g1": "success", "h2": "success", "h3": "success", "h1": "failure"}
	if !maps.Equal(f.statuses, want) {
		t.Errorf("said %v, want %v", f.statuses, want)
	}
}
