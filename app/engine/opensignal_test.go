package engine_test

import (
	"net/http"
	"testing"
	"time"
)

// hideNewIssues lets GitHub's list show no issue of the incident repository.
func (w *world) hideNewIssues() {
	w.answer("/api/v3/repos/acme/incidents/issues", &http.Response{StatusCode: http.StatusOK,
		Status: "200 OK", Proto: "HTTP/1.1", Header: http.Header{"Content-Type": {"application/json"}}},
		[]byte("[]"))
}

// A report whose incident GitHub's list does not show yet opens no second one, whatever the process
// that opened the first one knew.
func TestI6ALaggingListOpensNoSecondIncident(t *testing.T) {
	for name, opens := range map[string]func(w *world){
		"the process ended after it": func(w *world) {
			w.hideNewIssues()
			w.alert("firing", "APIServerDown", 1)
			w.settle()
			w.restart()
			w.alert("firing", "APIServerDown", 2)
			w.settle()
			w.advance(time.Minute)
		},
		"the answer was lost": func(w *world) {
			w.hideNewIssues()
			w.order(`{"match":"POST .*/incidents/issues$","status":502,"count":1,"applied":true}`)
			w.alert("firing", "APIServerDown", 1)
			w.settle()
			w.advance(10 * time.Second)
			w.restart()
			w.advance(time.Second)
			w.alert("firing", "APIServerDown", 2)
			w.settle()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			opens(w)
			w.release()
			w.advance(2 * time.Minute)
			if n := w.issues(); n != 1 {
				t.Errorf("%d incidents", n)
			}
			if w.card() == "" {
				t.Error("it has no card")
			}
		})
	}
}

// A report that comes back after its incident was closed opens another one at once, also if another
// process opened the first one.
func TestI6AnIncidentThatWasClosedGetsNoReports(t *testing.T) {
	for _, restarts := range []bool{false, true} {
		w := newWorld(t)
		w.alert("firing", "APIServerDown", 1)
		w.tell("wait 1m\ndan: /ic")
		if restarts {
			w.restart()
		}
		w.tell("dan: /incident decline a false alarm\nwait 1m")
		if v := w.view(); v.State != "closed" {
			t.Fatalf("it is %s", v.State)
		}
		w.alert("firing", "APIServerDown", 2)
		w.tell("wait 1m")
		if n := w.issues(); n != 2 {
			t.Errorf("restarted %t: %d incidents", restarts, n)
		}
		w.alert("firing", "APIServerDown", 3)
		w.tell("wait 1m")
		if n := w.issues(); n != 2 {
			t.Errorf("restarted %t: %d incidents after a third report", restarts, n)
		}
	}
}
