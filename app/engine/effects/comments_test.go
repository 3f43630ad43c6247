package effects

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// toCarol is an answer to carol.
func toCarol(fact string) incident.Reply {
	return incident.Reply{Fact: fact, Say: incident.Say{Name: "nothing-due", Who: "carol"}}
}

func TestA1AllCommandsOfACommentGetOneAnswerOnce(t *testing.T) {
	g, l := newFakeGitHub(), newLook(t)
	ask(l, toCarol("c5.0"), toCarol("c5.1"), incident.Reply{Fact: "c6.0",
		Say: incident.Say{Name: "nothing-due", Who: "bob"}})
	e := newComments(l, g)
	for range 2 {
		if err := e.Apply(); err != nil {
			t.Fatal(err)
		}
	}
	if got := g.texts(ref); len(got) != 2 || !strings.HasPrefix(got[0], "@carol: ") ||
		!strings.HasPrefix(got[1], "@bob: ") {
		t.Errorf("comments %q", got)
	}

	again := newLook(t, ports.Item{Event: "commented", Own: true, Comment: 1, Body: g.comments[ref][0].body})
	for _, it := range again.Snapshot.Items {
		for _, k := range again.KeysIn(it) {
			again.Posted[k] = it.Comment
		}
	}
	ask(again, toCarol("c5.0"), toCarol("c5.1"))
	g.calls = nil
	if err := newComments(again, g).Apply(); err != nil {
		t.Fatal(err)
	}
	g.wantCalls(t) // the next look knows them by their marks
}

func TestA8AnAnswerThatGitHubRefusesIsKeptAndPostedLater(t *testing.T) {
	g, l := newFakeGitHub(), newLook(t)
	ask(l, toCarol("c5.0"))
	g.fail["PostComment"] = refusal(403)
	if err := newComments(l, g).Apply(); err != nil {
		t.Fatal(err)
	}
	if len(l.State.Unsaid) != 1 || l.Posted["reply/c5.0"] != look.NotPosted {
		t.Fatalf("kept %v, %v", l.State.Unsaid, l.Posted)
	}

	next := newLook(t)
	next.State.Unsaid, next.State.Refused = l.State.Unsaid, slices.Clone(l.State.Refused)
	next.State.Refused[0].Due = true
	delete(g.fail, "PostComment")
	if err := newComments(next, g).Apply(); err != nil {
		t.Fatal(err)
	}
	if len(next.State.Unsaid) != 0 || len(g.texts(ref)) != 1 {
		t.Errorf("still kept: %v; posted %q", next.State.Unsaid, g.texts(ref))
	}
}

func TestA4ALimitPutsAnAnswerOffIfItIsLong(t *testing.T) {
	for name, c := range map[string]struct {
		until    time.Duration
		isPutOff bool
	}{"half a minute": {30 * time.Second, false}, "ten minutes": {10 * time.Minute, true}} {
		t.Run(name, func(t *testing.T) {
			g, l := newFakeGitHub(), newLook(t)
			ask(l, toCarol("c5.0"))
			g.fail["PostComment"] = limited(now.Add(c.until))
			err := newComments(l, g).Apply()
			if (err == nil) != c.isPutOff || (len(l.State.Unsaid) == 1) != c.isPutOff {
				t.Errorf("error %v, kept %v", err, l.State.Unsaid)
			}
			if c.isPutOff && !l.Deferral.At.Equal(now.Add(c.until)) {
				t.Errorf("the next look is at %v", l.Deferral.At)
			}
		})
	}
}

func TestA4ACommentInDoubtIsNotPostedAgain(t *testing.T) {
	g, l := newFakeGitHub(), newLook(t)
	ask(l, toCarol("c5.0"))
	doubt := &ports.RetryAfter{Until: now.Add(time.Second), Err: ports.ErrNotYet}
	err := Comments{Look: l, GitHub: g, Recent: &noRecent{doubt: doubt}, Issues: Issues{Look: l, GitHub: g, Known: &KnownIssues{}}}.Apply()
	if !errors.Is(err, ports.ErrNotYet) {
		t.Errorf("error %v", err)
	}
	g.wantCalls(t)
}

// A comment is in doubt from before it is posted: a process that ends before it hears of the answer
// leaves that behind, and the next one waits. What GitHub refused is not there.
func TestA4ACommentWhoseAnswerIsLostIsInDoubt(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want []int64
	}{
		"taken":       {nil, []int64{0, 1}},
		"answer lost": {ports.ErrUnavailable, []int64{0, 0}},
		"ended":       {context.Canceled, []int64{0, 0}},
		"refused":     {refusal(403), []int64{0, forgotten}},
		"later":       {&ports.RetryAfter{Until: now.Add(time.Second), Err: ports.ErrUnavailable}, []int64{0, forgotten}},
	} {
		g, l := newFakeGitHub(), newLook(t)
		ask(l, toCarol("c5.0"))
		if c.err != nil {
			g.fail["PostComment"] = c.err
		}
		recent := &noRecent{}
		if err := (Comments{Look: l, GitHub: g, Recent: recent, Issues: Issues{Look: l, GitHub: g, Known: &KnownIssues{}}}).Apply(); !errors.Is(err, c.err) && name != "refused" {
			t.Errorf("%s: error %v", name, err)
		}
		if !slices.Equal(recent.ids, c.want) {
			t.Errorf("%s: remembered %v, not %v", name, recent.ids, c.want)
		}
	}
}

// reminder reminds carol of a due update.
func reminder(key string, at time.Time) incident.Remind {
	return incident.Remind{Key: key, At: at,
		Say: incident.Say{Name: "nothing-due", Who: "carol"}}
}

func TestV3OfSeveralRemindersTheNewestIsPostedAndReplacesTheOneBefore(t *testing.T) {
	g, l := newFakeGitHub(), newLook(t)
	before, _ := g.PostComment(t.Context(), ref, "an older reminder")
	g.calls = nil
	l.State.Said = map[string]int64{"update": before}
	ask(l, reminder("update/1", now.Add(-time.Hour)), reminder("update/2", now))
	if err := newComments(l, g).Apply(); err != nil {
		t.Fatal(err)
	}
	g.wantCalls(t, "PostComment acme/incidents#7", "DeleteComment 1")
	if got := l.State.Said["update"]; got != 2 || l.Posted["update/1"] != 0 {
		t.Errorf("the reminder is comment %d; posted %v", got, l.Posted)
	}
}

func TestAReminderIsEditedInPlace(t *testing.T) {
	g, l := newFakeGitHub(), newLook(t)
	before, _ := g.PostComment(t.Context(), ref, "an older reminder")
	g.calls = nil
	l.State.Said = map[string]int64{"update": before}
	rem := reminder("update/2", now)
	rem.Edit = true
	ask(l, rem)
	if err := newComments(l, g).Apply(); err != nil {
		t.Fatal(err)
	}
	g.wantCalls(t, "EditComment 1")
	if got := g.texts(ref); len(got) != 1 || strings.HasPrefix(got[0], "an older") {
		t.Errorf("comments %q", got)
	}
}

func TestA5NothingIsSaidAgainAfterACardWasLost(t *testing.T) {
	answered := ports.Item{ID: "c5", Event: "commented", By: "carol", At: now.Add(-time.Minute), Comment: 5,
		Reacted: true, Body: "/ic"}
	open := ports.Item{ID: "c6", Event: "commented", By: "bob", At: now.Add(-time.Minute), Comment: 6,
		Body: "/oe"}
	g, l := newFakeGitHub(), newLook(t, answered, open)
	l.IsRebuilt, l.IsCardLost = true, true
	ask(l, toCarol("c5.0"), incident.Reply{Fact: "c6.0", Say: incident.Say{Name: "nothing-due", Who: "bob"}},
		reminder("update/1", now.Add(-time.Hour)))
	if err := newComments(l, g).Apply(); err != nil {
		t.Fatal(err)
	}
	if got := g.texts(ref); len(got) != 1 || !strings.HasPrefix(got[0], "@bob") {
		t.Errorf("comments %q", got)
	}
}

func TestALongCommentIsCut(t *testing.T) {
	g, l := newFakeGitHub(), newLook(t)
	if _, err := newComments(l, g).Post(strings.Repeat("ä", 40_000), "k"); err != nil {
		t.Fatal(err)
	}
	if n := len(g.comments[ref][0].body); n > 65_536 {
		t.Errorf("it has %d bytes", n)
	}
}

func newReactions(l *look.Look, g *fakeGitHub, given *GivenReactions) *Reactions {
	return &Reactions{Look: l, GitHub: g, Comments: newComments(l, g), Given: given}
}

func TestA1ACommentGetsTheWorstReactionOnce(t *testing.T) {
	g, l := newFakeGitHub(), newLook(t)
	ask(l, incident.React{Fact: "c5.0", How: incident.Done},
		incident.React{Fact: "c5.1", How: incident.Refused},
		incident.React{Fact: "c6.0", How: incident.Done})
	given := &GivenReactions{}
	e := newReactions(l, g, given)
	for range 2 {
		if err := e.Apply(true); err != nil {
			t.Fatal(err)
		}
	}
	g.wantCalls(t, "AddReaction 5 -1", "AddReaction 6 +1")

	next := newLook(t)
	ask(next, incident.React{Fact: "c6.0", How: incident.Done})
	if err := newReactions(next, g, given).Apply(true); err != nil {
		t.Fatal(err)
	}
	g.wantCalls(t) // the process remembers it
}

func TestA4OnlyTheNewestCommandGetsAReactionWhileCallsAreLow(t *testing.T) {
	g, l := newFakeGitHub(), newLook(t)
	g.budget = ports.RateBudget{Left: 10, Limit: 5000, Reset: now.Add(30 * time.Minute)}
	ask(l, incident.React{Fact: "c5.0", How: incident.Done},
		incident.React{Fact: "c6.0", How: incident.Refused},
		incident.React{Fact: "c7.0", How: incident.Done})
	if err := newReactions(l, g, &GivenReactions{}).Apply(true); err != nil {
		t.Fatal(err)
	}
	g.wantCalls(t, "AddReaction 6 -1", "AddReaction 7 +1")
}

func TestA8ARefusedReactionIsGivenInWordsOnce(t *testing.T) {
	g, l := newFakeGitHub(), newLook(t, ports.Item{ID: "c5", Event: "commented", By: "carol", At: now,
		Comment: 5})
	g.fail["AddReaction"] = refusal(403)
	ask(l, incident.React{Fact: "c5.0", How: incident.Done})
	e := newReactions(l, g, &GivenReactions{})
	for range 2 {
		if err := e.Apply(true); err != nil {
			t.Fatal(err)
		}
	}
	g.wantCalls(t, "AddReaction 5 +1", "PostComment acme/incidents#7")
}

func TestA4ALimitPutsReactionsOff(t *testing.T) {
	g, l := newFakeGitHub(), newLook(t)
	g.fail["AddReaction"] = limited(now.Add(time.Minute))
	ask(l, incident.React{Fact: "c5.0", How: incident.Done}, incident.React{Fact: "c6.0", How: incident.Done})
	if err := newReactions(l, g, &GivenReactions{}).Apply(true); err != nil {
		t.Fatal(err)
	}
	g.wantCalls(t, "AddReaction 5 +1") // the second is not tried
	if len(l.State.Unreacted) != 2 || !l.Deferral.At.Equal(now.Add(time.Minute)) {
		t.Errorf("put off %v until %v", l.State.Unreacted, l.Deferral.At)
	}
}

func TestA4ACommentWhoseAnswerIsMissingGetsNoReactionBeforeTheCard(t *testing.T) {
	g, l := newFakeGitHub(), newLook(t)
	ask(l, toCarol("c5.0"), incident.React{Fact: "c5.0", How: incident.Done},
		incident.React{Fact: "c6.0", How: incident.Done})
	if err := newReactions(l, g, &GivenReactions{}).ApplyAnswered(); err != nil {
		t.Fatal(err)
	}
	g.wantCalls(t, "AddReaction 6 +1")
}
