package effects

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
)

func TestA2LabelsAreAddedAndRemovedOneByOne(t *testing.T) {
	g, l := newFakeGitHub(), newLook(t)
	e := Labels{Look: l, GitHub: g}
	if err := e.Apply([]string{"phase/fixing"}, []string{"phase/identify", "old"}); err != nil {
		t.Fatal(err)
	}
	g.wantCalls(t, "AddLabels phase/fixing", "RemoveLabel phase/identify", "RemoveLabel old")
	if err := e.Apply(nil, nil); err != nil {
		t.Fatal(err)
	}
	g.wantCalls(t)
}

func TestA8RefusedLabelsBecomeAFactAndAreHeldBack(t *testing.T) {
	g, l := newFakeGitHub(), newLook(t)
	l.Asker = "carol"
	e := Labels{Look: l, GitHub: g}
	g.fail["AddLabels"] = refusal(422)
	if err := e.Apply([]string{"phase/fixing"}, nil); err != nil {
		t.Fatal(err)
	}
	if !l.State.IsRefused("labels") {
		t.Error("the state does not know that the labels are refused")
	}
	g.wantCalls(t, "AddLabels phase/fixing")
	if err := e.Apply([]string{"phase/fixing"}, nil); err != nil {
		t.Fatal(err)
	}
	g.wantCalls(t) // until the state says so

	l.State.Refused[0].Due = true
	delete(g.fail, "AddLabels")
	if err := e.Apply([]string{"phase/fixing"}, nil); err != nil || l.State.IsRefused("labels") {
		t.Errorf("%v; still refused: %t", err, l.State.IsRefused("labels"))
	}
}

func TestA4AnOutageOfALabelEndsTheLook(t *testing.T) {
	g, l := newFakeGitHub(), newLook(t)
	g.fail["RemoveLabel"] = ports.ErrUnavailable
	if err := (Labels{Look: l, GitHub: g}).Apply(nil, []string{"old"}); !errors.Is(err,
		ports.ErrUnavailable) {
		t.Errorf("error %v", err)
	}
	if l.State.IsRefused("labels") {
		t.Error("an outage counts as a refusal")
	}
}

func TestA8WhomGitHubCannotAssignIsReported(t *testing.T) {
	g, l := newFakeGitHub(), newLook(t)
	g.cannot = []string{"bob"}
	if err := (Assignees{Look: l, GitHub: g}).Apply([]string{"carol", "bob"}, []string{"dave"}); err != nil {
		t.Fatal(err)
	}
	g.wantCalls(t, "Unassign dave", "Assign carol,bob")
	if len(l.Effects) == 0 {
		t.Error("nobody hears that bob can't be assigned")
	}
}

func TestC1TheIssueIsClosedAsADuplicateByItsID(t *testing.T) {
	g, l := newFakeGitHub(), newLook(t)
	e := OpenState{Look: l, GitHub: g, IDOf: func(number int) (int64,
		error) {
		return int64(number) * 10, nil
	}}
	if err := e.Apply(incident.Wanted{Reason: "duplicate", Duplicate: 5}); err != nil {
		t.Fatal(err)
	}
	if err := e.Apply(incident.Wanted{Reason: "completed"}); err != nil {
		t.Fatal(err)
	}
	if err := e.Apply(incident.Wanted{Open: true, Reason: "reopened", Duplicate: 5}); err != nil {
		t.Fatal(err)
	}
	g.wantCalls(t, "SetOpen acme/incidents#7 false duplicate 50",
		"SetOpen acme/incidents#7 false completed 0",
		"SetOpen acme/incidents#7 true reopened 0")
}

// queue notes messages.
type queue struct{ got []incident.Message }

func (q *queue) Enqueue(_ context.Context, m incident.Message, _ time.Time) error {
	q.got = append(q.got, m)
	return nil
}

func TestI6ADuplicateIsPassedOnAsAMessage(t *testing.T) {
	l, q := newLook(t), &queue{}
	ask(l, incident.PassFold{Fact: "c5.0", Into: 3})
	if err := (Folds{Look: l}).Apply(); err != nil { // without a queue it is only logged
		t.Fatal(err)
	}
	if err := (Folds{Look: l, Queue: q}).Apply(); err != nil {
		t.Fatal(err)
	}
	if len(q.got) != 1 || q.got[0].Ref.Number != 3 || q.got[0].Fold().From != 7 || q.got[0].Delivery == "" {
		t.Errorf("messages %+v", q.got)
	}
}
