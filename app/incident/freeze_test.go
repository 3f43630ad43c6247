package incident_test

import (
	"slices"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	said "github.com/firebreak-dev/firebreak/app/words"
)

// frozen is a critical incident that freezes acme/payments.
func frozen(t *testing.T, after time.Duration) *story {
	s := critical(t)
	s.at(10, "carol", incident.Command{Kind: incident.StartFreeze, Repo: "acme/payments", After: after, Text: "the rollback"}).
		expectReaction(incident.Done)
	s.expect(pending[incident.KeepFreeze](s) == 1, "pending is %v", incident.Pending(s.state))
	s.at(10.1, "", incident.FreezeOn{Number: 1, From: minute(10.1), Way: incident.FreezeByRuleset, Ruleset: 7, URL: "https://x/7",
		Until: s.state.Freezes[0].Until}).expectSays("freeze-on")
	s.expect(pending[incident.KeepFreeze](s) == 0, "it is on, and pending is %v", incident.Pending(s.state))
	return s
}

// A freeze has an end whatever happens, and is tried to end until nothing is left of it (X4).
func TestX4AFreezeAlwaysEnds(t *testing.T) {
	for name, c := range map[string]struct {
		after time.Duration
		end   func(*story)
		why   string
	}{
		"two hours":        {0, func(s *story) { s.clock(131) }, incident.ThawedByTime},
		"its own time":     {time.Hour, func(s *story) { s.clock(71) }, incident.ThawedByTime},
		"a command":        {0, func(s *story) { s.at(20, "carol", cmd(incident.EndFreeze)) }, incident.ThawedByCommand},
		"the fix is in":    {0, func(s *story) { fixed(s) }, incident.ThawedByPhase},
		"another length":   {3 * time.Hour, func(s *story) { fixed(s); s.clock(191) }, incident.ThawedByTime},
		"declined":         {0, func(s *story) { s.at(20, "carol", incident.Command{Kind: incident.Decline, Text: "no"}) }, incident.ThawedByEnd},
		"closed by hand":   {0, func(s *story) { fixed(s); s.at(40, "carol", incident.ClosedByHand{}) }, incident.ThawedByPhase},
		"lifted on GitHub": {0, func(s *story) { s.at(20, "", incident.FreezeSeen{Number: 1, IsLifted: true}) }, incident.ThawedByHand},
		"closing long kept": {70 * time.Hour, func(s *story) {
			fixed(s)
			s.at(40, "carol", incident.Command{Kind: incident.Close, Text: "x", Because: "it is over"})
		}, incident.ThawedByEnd},
	} {
		t.Run(name, func(t *testing.T) {
			s := frozen(t, c.after)
			c.end(s)
			f := s.state.Freezes[0]
			s.expect(f.End != nil && f.EndWhy == c.why, "it ends by %q: %+v", f.EndWhy, f)
			s.expect(pending[incident.KeepFreeze](s) == 1, "pending is %v", incident.Pending(s.state))
			// GitHub is out, then refuses, then does it
			s.at(200, "", incident.FreezeTrouble{Number: 1, Why: "out"})
			s.expect(pending[incident.KeepFreeze](s) == 0, "it does not wait")
			s.clock(201)
			s.expect(pending[incident.KeepFreeze](s) == 1, "it is not tried again")
			s.at(202, "", incident.FreezeTrouble{Number: 1, Why: "archived", IsRefused: true})
			s.clock(300)
			s.expect(pending[incident.KeepFreeze](s) == 1 && s.state.Freezes[0].Trouble == "archived", "it is %+v", s.state.Freezes[0])
			s.at(301, "", incident.FreezeOff{Number: 1, At: minute(301)}).expectSays("freeze-off")
			s.clock(100000)
			s.expect(pending[incident.KeepFreeze](s) == 0 && s.state.Freezes[0].IsOver(), "it is %+v", s.state.Freezes[0])
		})
	}
}

// fixed moves an incident to monitoring.
func fixed(s *story) {
	s.at(25, "carol", incident.Command{Kind: incident.MovePhase, Phase: incident.Fixing, Because: "now"})
	s.at(30, "carol", incident.Command{Kind: incident.MovePhase, Phase: incident.Monitoring, Because: "it is fixed"})
	s.expect(s.state.Phase == incident.Monitoring, "it is in %s", s.state.Phase)
}

// A refusal of the end is said once, and after a month somebody has to do it by hand.
func TestX4AnEndThatIsRefusedIsSaid(t *testing.T) {
	s := frozen(t, time.Hour)
	s.clock(71)
	s.at(71.1, "", incident.FreezeTrouble{Number: 1, Why: "no access", IsRefused: true}).expectSays("freeze-trouble")
	s.clock(73)
	s.at(73.1, "", incident.FreezeTrouble{Number: 1, Why: "no access", IsRefused: true}).expectSays()
	s.clock(60 * 24 * 31)
	s.at(60*24*31, "", incident.FreezeTrouble{Number: 1, Why: "no access", IsRefused: true}).expectSays("freeze-trouble")
	s.expect(s.state.Freezes[0].Lost && s.say("freeze-trouble").Variant == "lost", "it is %+v", s.state.Freezes[0])
	s.clock(60 * 24 * 32)
	s.expect(pending[incident.KeepFreeze](s) == 0, "it is tried for ever")
}

// One commit of one pull request is let through, and no other.
func TestX4AnExceptionIsOneCommit(t *testing.T) {
	s := frozen(t, 0)
	s.at(11, "", incident.FreezeSeen{Number: 1, Held: []incident.HeldPull{{Pull: 41, Head: "aaa"}, {Pull: 42, Head: "bbb"}}}).expectSays()
	s.at(12, "alice", incident.Command{Kind: incident.LetThrough, Repo: "acme/payments", Number: 41, Text: "it is the fix"}).expectReaction(incident.Refused)
	s.at(12.1, "carol", incident.Command{Kind: incident.LetThrough, Repo: "acme/web", Number: 41, Text: "x"}).expectSays("let-refused")
	s.at(12.2, "carol", incident.Command{Kind: incident.LetThrough, Repo: "acme/Payments", Number: 41, Text: "it is the fix"}).expectReaction(incident.Done)
	s.expect(pending[incident.KeepFreeze](s) == 1, "nobody lets it through")
	id := s.state.Freezes[0].Through[0].ID
	s.at(12.3, "", incident.PullLetThrough{Number: 1, ID: id, Head: "aaa"}).expectSays("let-through")
	s.at(12.4, "", incident.PullLetThrough{Number: 1, ID: id, Head: "ccc"}).expectSays()
	f := s.state.Freezes[0]
	s.expect(f.IsLetThrough(41, "aaa") && !f.IsLetThrough(41, "ccc") && !f.IsLetThrough(42, "aaa"), "it is %+v", f)
	s.expect(slices.Equal(f.Waited, []int{41, 42}) && len(f.Held) == 1, "what waits is %+v", f)
	last := s.state.Timeline[len(s.state.Timeline)-1]
	s.expect(last.Kind == "let-through" && last.What == "acme/payments#41" && last.By == "carol", "the timeline says %+v", last)
	s.at(13, "carol", incident.Command{Kind: incident.LetThrough, Repo: "acme/payments", Number: 9, Text: "x"})
	s.at(13.1, "", incident.PullNotLet{Number: 1, ID: s.state.Freezes[0].Through[1].ID, Why: "it is merged"}).expectSays("let-refused")
	s.expect(!s.state.Freezes[0].Through[1].IsOwed(), "it is %+v", s.state.Freezes[0])
}

func TestX4WhatIsNotFrozen(t *testing.T) {
	freeze := func(c incident.Command) incident.Command { c.Kind = incident.StartFreeze; return c }
	for _, c := range []struct {
		do      incident.Command
		variant string
	}{
		{freeze(incident.Command{Names: []string{"chekout"}}), "unknown"},
		{freeze(incident.Command{Names: []string{"all"}}), "nothing"},
		{freeze(incident.Command{}), "nothing"},
		{freeze(incident.Command{Repo: "other/payments", Org: "acme"}), "other owner"},
		{freeze(incident.Command{Repo: "acme/payments", Org: "acme", Cannot: []string{"acme/payments"}}), "no access"},
		{cmd(incident.EndFreeze), "not frozen"},
	} {
		s := critical(t).at(10, "carol", c.do).expectReaction(incident.Refused).expectSays("freeze-refused")
		s.expect(s.say("freeze-refused").Variant == c.variant && len(s.state.Freezes) == 0, "%+v: %+v", c.do, s.say("freeze-refused"))
	}
	s := critical(t)
	s.state.Drill = true
	s.at(10, "carol", freeze(incident.Command{Repo: "acme/payments"})).expectSays("freeze-refused")
	s.policy.Freeze.InDrill = true
	s.at(11, "carol", freeze(incident.Command{Repo: "acme/payments"})).expectReaction(incident.Done)
}

// What a freeze without a name is about, and what the words after it are.
func TestX4WhatIsMeant(t *testing.T) {
	p := incident.DefaultPolicy()
	p.Catalog.Services = []incident.CatalogService{{Name: "checkout", Repo: "acme/shop"}, {Name: "search"}}
	p.Freeze.Repos = []string{"acme/a", "acme/b"}
	hit := incident.State{}
	hit.Hit.Repo = "acme/hit"
	for line, want := range map[string]struct {
		state   incident.State
		repos   []string
		after   time.Duration
		why     string
		unknown string
	}{
		"":          {hit, []string{"acme/hit"}, 0, "", ""},
		" ":         {incident.State{}, []string{"acme/a", "acme/b"}, 0, "", ""},
		"all":       {hit, []string{"acme/a", "acme/b"}, 0, "", ""},
		"acme/c":    {hit, []string{"acme/c"}, 0, "", ""},
		"checkout":  {hit, []string{"acme/shop"}, 0, "", ""},
		"Search":    {hit, []string{"acme/Search"}, 0, "", ""},
		"shop":      {hit, nil, 0, "", "shop"},
		"for 1h30m": {hit, []string{"acme/hit"}, 90 * time.Minute, "", ""},
		"acme/c for an hour: the rollback must not meet others": {hit, []string{"acme/c"}, time.Hour, "the rollback must not meet others", ""},
		"checkout for 45 min because of it":                     {hit, []string{"acme/shop"}, 45 * time.Minute, "of it", ""},
		"shop for 2h":                                           {hit, nil, 2 * time.Hour, "", "shop"},
		"deploys make it worse":                                 {hit, []string{"acme/hit"}, 0, "deploys make it worse", ""},
		"for the release":                                       {hit, []string{"acme/hit"}, 0, "for the release", ""},
		"https://github.com/acme/c for 2 hours":                 {hit, []string{"acme/c"}, 2 * time.Hour, "", ""},
	} {
		c, err := incident.RowOf(incident.StartFreeze).Parse(said.Words{Line: line})
		if err != nil {
			t.Errorf("%q: %v", line, err)
			continue
		}
		repos, why, unknown := incident.FreezeTargets(want.state, p, "acme", c)
		if line == "Search" {
			want.repos = []string{"acme/search"}
		}
		if !slices.Equal(repos, want.repos) || c.After != want.after || why != want.why || unknown != want.unknown {
			t.Errorf("%q: %v for %s, why %q, unknown %q", line, repos, c.After, why, unknown)
		}
	}
	for _, line := range []string{"acme/c for 100h", "for 0h"} {
		if _, err := incident.RowOf(incident.StartFreeze).Parse(said.Words{Line: line}); err == nil {
			t.Errorf("%q is understood", line)
		}
	}
	for line, ok := range map[string]bool{"acme/c#41 through because it is the fix": true, "acme/c#41 because it is the fix": true,
		"https://github.com/acme/c/pull/41 through because x": true, "acme/c#41 through": false, "acme/c#41 it is the fix": false, "#41 because x": false, "": false} {
		if c, err := incident.RowOf(incident.LetThrough).Parse(said.Words{Line: line}); (err == nil) != ok || ok && (c.Repo != "acme/c" || c.Number != 41) {
			t.Errorf("%q: %+v, %v", line, c, err)
		}
	}
}

// A look at a freeze asks of all that waits where anything may have changed, and of what is known at each fifth look (X4).
func TestX4WhatIsKnownToWait(t *testing.T) {
	noon := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	held := []incident.HeldDeploy{{Run: 1, Environment: "production"}}
	for name, c := range map[string]struct {
		at      time.Duration
		change  func(*incident.Freeze)
		isKnown bool
	}{
		"a look":                   {at: 2 * time.Minute, isKnown: true},
		"the fourth":               {at: 9*time.Minute + 59*time.Second, isKnown: true},
		"the fifth":                {at: 10 * time.Minute},
		"another deployment waits": {at: 2 * time.Minute, change: func(f *incident.Freeze) { f.Asked = true }},
		"what waits is refused":    {at: 2 * time.Minute, change: func(f *incident.Freeze) { f.Refusal = &incident.Stamp{} }},
		"the look before failed":   {at: 2 * time.Minute, change: func(f *incident.Freeze) { f.Tries = 1 }},
	} {
		f := incident.Freeze{From: noon, Deploys: held}
		if c.change != nil {
			c.change(&f)
		}
		if got := f.KnownDeploys(noon.Add(c.at)); (len(got) > 0) != c.isKnown {
			t.Errorf("%s: known are %v", name, got)
		}
	}
}

// A freeze that is proposed again, as the incident became critical again, is another proposal: a look that does not find
// the first one any more said it all the same, and one that did said nothing (X4).
func TestX4AFreezeIsProposedEachTime(t *testing.T) {
	s := tell(t)
	s.policy.Freeze = incident.FreezeRules{Repos: []string{"acme/payments"}, OnCritical: incident.FreezeProposed}
	severity := func(minute float64, to string) {
		s.at(minute, "carol", incident.Command{Kind: incident.SetSeverity, Severity: to})
	}
	s.fact(opened("alice", "critical")).at(5, "carol", cmd(incident.TakeIC))
	severity(10, "regular")
	severity(30, "critical")
	keys := map[string]bool{}
	for _, e := range s.all {
		if m, ok := e.(incident.Remind); ok && m.Say.Name == "freeze-propose" {
			keys[m.Key] = true
		}
	}
	s.expect(len(keys) == 2, "the proposals are %v, want two", keys)
}

// A freeze is proposed once where the configuration names repositories, and imposed only where it says so.
func TestX4AFreezeIsProposed(t *testing.T) {
	for moment, want := range map[string]struct {
		says    []string
		freezes int
	}{incident.FreezeProposed: {[]string{"freeze-propose"}, 0}, incident.FreezeImposed: {nil, 1}, incident.FreezeLeft: {nil, 0}} {
		s := tell(t)
		s.policy.Freeze = incident.FreezeRules{Repos: []string{"acme/payments"}, OnCritical: moment}
		s.fact(opened("alice", "critical")).at(5, "carol", cmd(incident.TakeIC)).at(5, "alice", cmd(incident.TakeOE))
		got := 0
		for _, e := range s.all {
			if m, ok := e.(incident.Remind); ok && m.Say.Name == "freeze-propose" {
				got++
			}
		}
		s.expect(got == len(want.says) && len(s.state.Freezes) == want.freezes, "%s: says %v, freezes %v", moment, s.says(), s.state.Freezes)
		if want.freezes > 0 {
			s.expect(s.state.Freezes[0].By == "" && s.state.Freezes[0].Until.Sub(s.state.Freezes[0].At) == 2*time.Hour, "it is %+v", s.state.Freezes[0])
		}
	}
}

// A freeze of what is frozen changes its end, and what can't be frozen is given up.
func TestX4AFreezeIsProlongedOrGivenUp(t *testing.T) {
	s := frozen(t, 0)
	s.at(20, "carol", incident.Command{Kind: incident.StartFreeze, Repo: "acme/payments", After: 4 * time.Hour}).expectReaction(incident.Done)
	s.expect(len(s.state.Freezes) == 1 && s.state.Freezes[0].Until.Equal(minute(260)) && pending[incident.KeepFreeze](s) == 1, "it is %+v", s.state.Freezes)
	s.at(21, "", incident.FreezeSeen{Number: 1, Edited: "it is evaluated only"}).expectSays("freeze-edited")
	s.at(22, "", incident.FreezeSeen{Number: 1, Edited: "it is evaluated only"}).expectSays()

	s = critical(t)
	s.policy.Freeze.Repos = []string{"acme/a", "acme/b"}
	s.at(10, "carol", incident.Command{Kind: incident.StartFreeze, Names: []string{"all"}})
	s.at(10.1, "", incident.FreezeOn{Number: 1, From: minute(10.1), Way: incident.FreezeByStatus, Weak: "no permission", Until: s.state.Freezes[0].Until}).expectSays()
	s.at(10.2, "", incident.FreezeTrouble{Number: 2, Why: "archived", IsRefused: true}).expectSays("freeze-trouble", "freeze-on")
	s.clock(11)
	s.expect(s.state.Freezes[1].End != nil && pending[incident.KeepFreeze](s) == 1, "it is %+v", s.state.Freezes[1])
	s.at(11.3, "", incident.FreezeOff{Number: 2}).expectSays()
	s.expect(s.state.Freezes[1].IsOver() && s.state.Freezes[0].IsOn(), "it is %+v", s.state.Freezes)
}
