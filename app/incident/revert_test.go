package incident_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

func minute(n float64) time.Time { return start.Add(time.Duration(n * float64(time.Minute))) }

func takeBack(number int) incident.Command {
	return incident.Command{Kind: incident.Revert, Repo: "acme/payments", Number: number, Text: "the limit is too low"}
}

// reverted is a P1 in which alice asked at minute 10 for the revert of acme/payments#41, which is acme/payments#52.
func reverted(t *testing.T) *story {
	return critical(t).at(10, "alice", takeBack(41)).
		at(11, "", incident.RevertOpened{Of: "acme/payments#41", Pull: "acme/payments#52", URL: "https://x/52"})
}

// pending counts the effects of a kind that are owed.
func pending[E incident.Effect](s *story) (n int) {
	for _, e := range incident.Pending(s.state) {
		if _, ok := e.(E); ok {
			n++
		}
	}
	return n
}

// A revert is opened once, however often it is asked for, and again once it was closed without
// merging; who may not write to its repository gets none (X3).
func TestX3ARevertIsOpenedOnce(t *testing.T) {
	s := critical(t).at(10, "alice", takeBack(41)).expectReaction(incident.Done).expectSays()
	s.expect(pending[incident.OpenRevert](s) == 1 && pending[incident.CheckRevert](s) == 0, "pending is %v", incident.Pending(s.state))
	s.at(10.5, "alice", takeBack(41))
	s.expect(s.say("revert-opened").Variant == "asked" && len(s.state.Reversals) == 1, "the second one: %+v", s.state.Reversals)
	s.at(11, "", incident.RevertOpened{Of: "Acme/Payments#41", Pull: "acme/payments#52"}).expectSays("revert-opened")
	s.at(11, "", incident.RevertOpened{Of: "acme/payments#41", Pull: "acme/payments#53"}).expectSays()
	s.expect(s.state.Reversals[0].Pull == "acme/payments#52" && pending[incident.OpenRevert](s) == 0, "it is opened again: %+v", s.state.Reversals)
	s.at(12, "alice", takeBack(41))
	s.expect(s.say("revert-opened").Variant == "before" && s.say("revert-opened").Names[0] == "acme/payments#52", "says %+v", s.say("revert-opened"))
	s.at(13, "", incident.RevertSeen{Of: "acme/payments#41", Closed: true})
	s.expect(s.state.Reversals[0].Closed && s.state.Reversals[0].Next.IsZero(), "a closed one is looked at: %+v", s.state.Reversals)
	s.at(14, "alice", takeBack(41)).expectSays()
	s.expect(len(s.state.Reversals) == 2 && pending[incident.OpenRevert](s) == 1, "it is not opened again: %+v", s.state.Reversals)

	c := takeBack(42)
	c.Cannot = []string{"alice"}
	s.at(15, "alice", c)
	s.expect(s.say("revert-refused").Variant == "no access" && len(s.state.Reversals) == 2, "who may not write there: %+v", s.state.Reversals)
	s.at(16, "", incident.RevertRefused{Of: "acme/payments#41", Why: "a conflict"})
	s.expect(s.say("revert-refused").Reason == "a conflict" && pending[incident.OpenRevert](s) == 0, "what GitHub refuses is tried again")
	for _, what := range []any{incident.RevertRefused{Of: "acme/payments#99"}, incident.RevertOpened{Of: "acme/payments#99"}, incident.RevertSeen{Of: "acme/payments#99"}} {
		s.at(17, "", what).expectSays()
	}
}

// What was answered before a card was lost is not answered again: a revert is found again, and what
// GitHub refused is over (A4).
func TestX3A4WhatWasAnsweredBeforeTheCardWasLostIsNotSaidAgain(t *testing.T) {
	for name, then := range map[string]any{
		"opened":  incident.RevertOpened{Of: "acme/payments#41", Pull: "acme/payments#52"},
		"refused": incident.RevertRefused{Of: "acme/payments#41", Why: "a conflict"},
	} {
		s := critical(t).at(10, "alice", takeBack(41))
		s.at(11, "", incident.Replied{Fact: "c99.0"})
		if _, effects := incident.Step(s.state, incident.Fact{At: minute(11), What: then}, s.policy); !answersLate(effects) {
			t.Errorf("%s: who asked is not answered where nothing was said", name)
		}
		s.at(11, "", incident.Replied{Fact: s.state.Reversals[0].ID})
		s.expect(pending[incident.OpenRevert](s) == 1, "%s: it is not looked for", name)
		s.at(12, "", then).expectSays()
		s.expect(pending[incident.OpenRevert](s) == 0, "%s: it is looked for again", name)
	}
}

// answersLate reports whether an effect answers a command after its look.
func answersLate(effects []incident.Effect) bool {
	return slices.ContainsFunc(effects, func(e incident.Effect) bool {
		reply, ok := e.(incident.Reply)
		return ok && reply.IsLate
	})
}

func TestX3TwentyRevertsAreEnough(t *testing.T) {
	s := critical(t)
	for n := range 20 {
		s.at(10, "alice", takeBack(n+1)).expectSays()
	}
	s.at(11, "alice", takeBack(21))
	s.expect(s.say("revert-refused").Variant == "too many" && len(s.state.Reversals) == 20, "%d reverts", len(s.state.Reversals))
}

// A revert is looked at every two minutes for an hour, then every 15, and no more after a day; once
// merged the times count from then, and it is looked at only where GitHub says what is live (X3).
func TestX3HowOftenARevertIsLookedAt(t *testing.T) {
	merged := minute(30)
	for _, c := range []struct {
		at     float64
		seen   incident.RevertSeen
		closed bool
		next   float64 // minutes after; 0: never
	}{
		{at: 13, next: 2}, {at: 70, next: 2}, {at: 71, next: 15}, {at: 24*60 + 10, next: 15}, {at: 24*60 + 11},
		{at: 80, seen: incident.RevertSeen{Merged: merged}, next: 2}, {at: 90, seen: incident.RevertSeen{Merged: merged}, next: 2},
		{at: 91, seen: incident.RevertSeen{Merged: merged}, next: 15}, {at: 31, seen: incident.RevertSeen{Merged: merged, HasNoLive: true}},
		{at: 13, seen: incident.RevertSeen{HasNoLive: true}, next: 2}, {at: 31, seen: incident.RevertSeen{Merged: merged, Live: merged}},
	} {
		s := reverted(t)
		c.seen.Of = "acme/payments#41"
		s.at(c.at, "", c.seen)
		want := minute(c.at + c.next)
		if c.next == 0 {
			want = time.Time{}
		}
		s.expect(s.state.Reversals[0].Next.Equal(want), "seen at %v as %+v: next at %s", c.at, c.seen, s.state.Reversals[0].Next)
	}
	s := reverted(t).clock(12.9)
	s.expect(pending[incident.CheckRevert](s) == 0, "it is looked at before its time")
	s.clock(13)
	s.expect(pending[incident.CheckRevert](s) == 1, "it is not looked at at its time: %+v", s.state.Reversals)
	s.at(13.1, "", incident.RevertSeen{Of: "acme/payments#41"})
	s.expect(pending[incident.CheckRevert](s) == 0, "it is looked at without end")
	s.at(13.2, "", incident.RevertChanged{})
	s.expect(pending[incident.CheckRevert](s) == 1, "a webhook says that it changed, and nobody looks")
	s = critical(t).at(10, "alice", takeBack(41)).at(11, "", incident.RevertChanged{})
	s.expect(pending[incident.CheckRevert](s) == 0, "one that is not open yet is looked at")
	s = reverted(t).at(13, "", incident.RevertSeen{Of: "acme/payments#41", Closed: true}).at(14, "", incident.RevertChanged{})
	s.expect(pending[incident.CheckRevert](s) == 0, "a closed one is looked at")
}

// A merged revert is the workaround, unless there is one; merged and live are said once each, and
// proposed is to go on as long as that is still ahead (X3).
func TestX3AMergedRevertIsAWorkaround(t *testing.T) {
	merged := incident.RevertSeen{Of: "acme/payments#41", Merged: minute(12)}
	s := reverted(t).at(13, "", merged).expectSays("revert-merged")
	w := s.state.Workaround
	s.expect(w != nil && w.By == "alice" && w.At.Equal(minute(12)) && w.Text == "acme/payments#52 takes back acme/payments#41", "the workaround is %+v", w)
	s.expect(s.say("revert-merged").Variant == "monitoring" && s.say("revert-merged").Who == "carol", "says %+v", s.say("revert-merged"))
	s.at(14, "", merged).expectSays()
	merged.Live = minute(14)
	s.at(15, "", merged).expectSays("revert-live").at(16, "", merged).expectSays()
	kinds := map[string]int{}
	for _, e := range s.state.Timeline {
		kinds[e.Kind]++
	}
	s.expect(kinds["revert"] == 1 && kinds["revert-merged"] == 1 && kinds["revert-live"] == 1, "the timeline says %v", kinds)

	s = reverted(t)
	s.state.Workaround = &incident.Stamp{Text: "the switch is off"}
	s.at(15, "", merged).expectSays("revert-merged", "revert-live")
	s.expect(s.state.Workaround.Text == "the switch is off", "the workaround is %+v", s.state.Workaround)
	for _, phase := range incident.Phases {
		s = reverted(t)
		s.state.Phase = phase
		s.at(15, "", merged)
		isAhead := slices.Contains([]incident.Phase{incident.Identify, incident.Investigate, incident.Fixing}, phase)
		s.expect((s.say("revert-live").Variant == "monitoring") == isAhead, "in %s: %+v", phase, s.say("revert-live"))
	}
}

func TestX3TheMarkOfARevert(t *testing.T) {
	for text, want := range map[string]string{
		"Reverts it.\n\n<!-- firebreak:revert acme/incidents#7 acme/payments#41 -->": "acme/incidents#7", "<!-- firebreak:revert acme/incidents#7 -->": "acme/incidents#7",
		"<!-- firebreak:revert acme/incidents#7 acme/payments#41": "", "<!-- firebreak:revert acme -->": "", "": "",
	} {
		ref, ok := incident.ReadRevertMark(text)
		if got := fmt.Sprint(ref); ok != (want != "") || ok && got != want {
			t.Errorf("%q: %s, %t", text, got, ok)
		}
	}
}
