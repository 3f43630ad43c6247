package incident

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// refusedRun is a running incident of carol's, with two follow-ups, and facts at minutes after its beginning.
type refusedRun struct {
	t       *testing.T
	s       State
	p       Policy
	begin   time.Time
	effects []Effect
}

func newRefusedRun(t *testing.T) *refusedRun {
	r := &refusedRun{t: t, p: DefaultPolicy(), begin: time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)}
	by := func(login string) Person { return Person{Login: login, Respond: true} }
	r.s, _ = Step(r.s, Fact{ID: "opened", At: r.begin, By: by("alice"), What: Opened{Source: "form", Summary: true, Severity: "critical", None: true}}, r.p)
	r.s, _ = Step(r.s, Fact{ID: "c1.0", At: r.begin, By: by("carol"), What: Command{Kind: TakeIC}}, r.p)
	r.s.FollowUps = []FollowUp{{Repo: "acme/payments"}, {}}
	return r
}

// at plays a fact, and returns what the app is to say because of it.
func (r *refusedRun) at(minute int, what any) (said []string) {
	r.s, r.effects = Step(r.s, Fact{At: r.begin.Add(time.Duration(minute) * time.Minute), What: what}, r.p)
	for _, e := range r.effects {
		if e, ok := e.(Remind); ok {
			r.s, _ = Step(r.s, Fact{At: r.begin.Add(time.Duration(minute) * time.Minute), What: Said{Topic: TopicOf(e.Key), Comment: 9}}, r.p)
			said = append(said, strings.TrimSpace(fmt.Sprintf("%s %s %s %s %d %v", e.Say.Name, e.Say.Variant, e.Say.Who, e.Say.Line, e.Say.Count, e.Say.Names)))
		}
	}
	return said
}

func (r *refusedRun) expect(what string, got, want any) {
	r.t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		r.t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// What GitHub refuses is tried again at times that count from its first refusal, however often it is
// tried in between, and never within five minutes.
func TestA8WhenWhatIsRefusedIsTriedAgain(t *testing.T) {
	r := newRefusedRun(t)
	for _, c := range []struct{ minute, next int }{
		{0, 5}, {4, 35}, {5, 35}, {30, 35}, {31, 180}, {175, 180}, {176, 660}, {655, 660}, {656, 2100}, {2095, 2100}, {2096, 0}, {5000, 0},
	} {
		r.at(c.minute, RefusedByGitHub{Effect: "labels", Reason: "no"})
		next := 0
		if at := r.s.Refused[0].Next; !at.IsZero() {
			next = int(at.Sub(r.begin).Minutes())
		}
		r.expect(fmt.Sprintf("refused at minute %d", c.minute), next, c.next)
	}
	r.expect("tries", r.s.Refused[0].Tries, 12)
	now := r.begin.Add(5000 * time.Minute)
	r.expect("is refused", []any{r.s.IsRefused("labels"), r.s.IsRefused("label"), r.s.IsHeldBack("labels"), r.s.IsHeldBack("state")}, []any{true, false, true, false})
	r.expect("since", []any{r.s.RefusedFor("labels", now), r.s.RefusedFor("state", now)}, []any{5000 * time.Minute, time.Duration(0)})
	// people within five minutes of the last try wait, a sweep does not, but for the thirteenth time
	isDue := func() bool { return !r.s.IsHeldBack("labels") }
	r.at(5004, TryAgain{})
	r.expect("four minutes later", isDue(), false)
	r.at(5005, TryAgain{})
	r.expect("five minutes later", isDue(), true)
	r.at(5006, RefusedByGitHub{Effect: "labels", Reason: "no"})
	r.at(5060, TryAgain{IsUrgent: true})
	r.expect("a sweep, after so many tries", isDue(), false)
	r.at(5061, TryAgain{IsUrgent: true})
	r.expect("a sweep an hour later", isDue(), true)
	r.at(5062, TakenByGitHub{Effect: "labels"})
	r.expect("taken", r.s.IsRefused("labels"), false)
	r.at(5063, RefusedByGitHub{Effect: "labels", Reason: "no"})
	r.at(5063, TryAgain{IsUrgent: true})
	r.expect("a sweep, at once", isDue(), true)
}

// Who asked for what GitHub refuses is told once for each reason, and once that it was taken.
func TestA8WhatIsSaidOfRefusals(t *testing.T) {
	r := newRefusedRun(t)
	r.expect("the first time", r.at(0, RefusedByGitHub{Effect: "ticket/0", Reason: "no", By: "erin"}), "[github-refused  erin ticket 1 [acme/payments]]")
	r.expect("again", r.at(6, RefusedByGitHub{Effect: "ticket/0", Reason: "no", By: "erin"}), "[]")
	r.expect("for another reason", r.at(7, RefusedByGitHub{Effect: "ticket/0", Reason: "gone"}), "[github-refused  carol ticket 1 [acme/payments]]")
	r.expect("of one without a repository", r.at(7, RefusedByGitHub{Effect: "ticket/1", Reason: "no"}), "[github-refused  carol ticket 2 []]")
	r.expect("of one that there isn't", r.at(7, RefusedByGitHub{Effect: "ticket/2", Reason: "no"}), "[github-refused  carol ticket 3 []]")
	for _, effect := range []string{"comments", "reactions", "card", "update/globex"} {
		r.expect(effect, r.at(8, RefusedByGitHub{Effect: effect, Reason: "no"}), "[]")
		r.expect(effect+" is taken", r.at(9, TakenByGitHub{Effect: effect}), "[]")
	}
	r.expect("taken", r.at(9, TakenByGitHub{Effect: "ticket/0"}), "[github-accepted   ticket 1 []]")
	r.expect("taken again", r.at(9, TakenByGitHub{Effect: "ticket/0"}), "[]")
	r.expect("what was never refused", r.at(9, TakenByGitHub{Effect: "labels"}), "[]")
	long := r.at(10, RefusedByGitHub{Effect: "state", Reason: strings.Repeat("x", 200)})
	r.expect("a long reason", []any{len(long), len(r.s.Refused[len(r.s.Refused)-1].Reason)}, []any{1, 160})
	r.s.Refused[r.s.refusal("state")].Asked = true
	again := r.at(20, RefusedByGitHub{Effect: "state", Reason: strings.Repeat("x", 200)})
	r.expect("who asked to try it now hears", again, "[github-refused again carol state 0 []]")
	for i := range 30 {
		r.at(30, RefusedByGitHub{Effect: fmt.Sprintf("nudge/%d", i), Reason: "no"})
	}
	r.expect("at most so many are kept", []any{len(r.s.Refused), r.s.Refused[19].Effect}, []any{20, "nudge/29"})
}

// Whose commands ask for which of what GitHub refuses.
func TestA8WhoAsksForWhatIsRefused(t *testing.T) {
	effects := []string{"document", "ticket/0", "state", "refresh", "labels"}
	for kind, want := range map[Kind][]string{Status: effects, Close: {"document", "ticket/0", "state"}, Postmortem: {"document", "refresh"}, Finding: nil} {
		r := &run{f: Fact{What: Command{Kind: kind}}}
		var got []string
		for _, e := range effects {
			if r.asksFor(e) {
				got = append(got, e)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v asks for %v, want %v", kind, got, want)
		}
	}
}

// Comments and reactions that GitHub refuses are kept, each once and the newest, until it takes them.
func TestA8WhatIsNotSaidIsKept(t *testing.T) {
	r := newRefusedRun(t)
	r.at(0, NotSaid{Keys: []string{"reply/c1"}, Text: strings.Repeat("a", 500)})
	r.expect("its beginning", []any{len(r.s.Unsaid), len(r.s.Unsaid[0].Text)}, []any{1, 400})
	r.at(1, NotSaid{Keys: []string{"reply/c1"}, Text: "again"})
	r.at(1, PutOff{Keys: []string{"reply/c2", "page/3"}, Text: strings.Repeat("b", 5000), Since: r.begin})
	r.expect("once each, the second whole", []any{len(r.s.Unsaid), len(r.s.Unsaid[1].Text)}, []any{2, 5000})
	can := func(keys string, size int) bool { return r.s.CanPutOff([]string{keys}, strings.Repeat("c", size)) }
	room := maxPutOff - 5400
	r.expect("whether one more can be kept", []any{can("reply/c9", room), can("reply/c9", room+1), can("reply/c1", 1<<20), r.s.OwesAnswers()}, []any{true, false, true, true})
	r.at(2, SaidAfterAll{Key: "page/3"})
	r.at(2, SaidAfterAll{Key: "page/4"})
	r.expect("said by one of its keys", []any{len(r.s.Unsaid), r.s.Unsaid[0].Keys}, []any{1, []string{"reply/c1"}})
	for i := range 30 {
		r.at(3, NotSaid{Keys: []string{fmt.Sprint("reply/x", i)}, Text: "x"})
	}
	r.expect("at most so many", []any{len(r.s.Unsaid), can("reply/c9", 0), can("reply/x29", 0)}, []any{20, false, true})

	r = newRefusedRun(t)
	r.expect("nothing is owed", r.s.OwesAnswers(), false)
	r.at(0, NotReacted{Fact: "c5.0", How: Unclear})
	r.at(0, NotReacted{Fact: "c6.0", How: Unclear})
	r.at(0, NotReacted{Fact: "c5.1", How: Refused})
	r.expect("one for each comment", []any{len(r.s.Unreacted), r.s.Unreacted[1].Fact, r.s.OwesAnswers()}, []any{2, "c5.1", false})
	r.at(1, ReactedAfterAll{Comment: 6})
	r.expect("taken", []any{len(r.s.Unreacted), r.s.Unreacted[0].Fact}, []any{1, "c5.1"})
	r.at(1, NotReacted{Fact: "c7.0", Since: r.begin})
	r.expect("put off", r.s.OwesAnswers(), true)

	until := r.begin.Add(time.Hour)
	for _, index := range []int{-1, 2, 1} {
		r.at(2, NudgePutOff{Index: index, Until: until})
	}
	r.expect("the reminder of a follow-up", []any{r.s.FollowUps[0].Next.IsZero(), r.s.FollowUps[1].Next.Equal(until)}, []any{true, true})
	said := r.at(3, PutAside{What: "issue_comment.created", Why: strings.Repeat("y", 200), ID: "d1", Comment: 7})
	r.expect("put aside", []any{said, len(r.s.Aside.Reason)}, []any{"[put-aside  carol issue_comment.created 7 []]", 160})
}
