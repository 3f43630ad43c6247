package engine

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// queueOf keeps what is sent.
type queueOf []Message

func (q *queueOf) Enqueue(_ context.Context, m Message, _ time.Time) error {
	*q = append(*q, m)
	return nil
}

// A deployment reaches the incidents that wait for it, once each, and no call is made for it, nor for
// those of other repositories (X3). Another environment than production doesn't count.
func TestX3ADeploymentReachesWhoWaitsForIt(t *testing.T) {
	shelf, queue := shelfOfAll{}, &queueOf{}
	e := New(Options{Store: shelf, Queue: queue, Clock: clockAt(time.Now())}) // a call of GitHub would panic
	waits := func(number int, repo string) *reconciliation {
		r := e.newReconciliation(t.Context(), Message{Ref: incident.Ref{Owner: "acme", Repo: "incidents", Number: number}})
		r.followDeployments(repo)
		return r
	}
	deployed := func(repo, environment string) (numbers []int) {
		t.Helper()
		*queue = nil
		m := Message{Ref: incident.Ref{Owner: "acme", Repo: repo}, Why: "deployment_status", Delivery: "d1",
			What: &incident.Deployed{Environment: environment}}
		if err := e.Handle(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		for _, m := range *queue {
			if m.Why != incident.RevertDeployed || m.IsBare() || m.Delivery != fmt.Sprintf("deployed d1 acme/incidents#%d", m.Ref.Number) {
				t.Errorf("sent %+v", m)
			}
			numbers = append(numbers, m.Ref.Number)
		}
		return numbers
	}
	expect := func(what string, got []int, want ...int) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s reaches %v, want %v", what, got, want)
		}
	}
	waits(1, "acme/Payments")
	waits(1, "acme/payments")
	waits(2, "acme/payments").leaveDeployments("acme/payments")
	waits(3, "acme/payments")
	expect("a deployment elsewhere", deployed("web", "production"))
	expect("one to another environment", deployed("payments", "staging"))
	expect("a deployment", deployed("payments", "production"), 1, 3)
	expect("the next one, of which nobody said again that they wait", deployed("payments", "production"))
	for n := range mostWaiting + 5 {
		waits(n+1, "acme/web")
	}
	if got := deployed("web", "live"); len(got) != mostWaiting || got[0] != 6 {
		t.Errorf("without a bound: %v", got)
	}
}
