package store_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// While a report waits the next of its kind is counted with it, also one that comes while it is
// being told.
func TestI6ReportsOfOneTroubleAreCountedTogether(t *testing.T) {
	c := &clock{now: start}
	told := 0
	var again func()
	q := open(t, "", c, func(m engine.Message) error {
		told += m.Signal().Count
		if again != nil {
			again()
			again = nil
		}
		return nil
	})
	report := func(key string) engine.Message {
		return engine.Message{Ref: incident.Ref{Owner: "acme", Repo: "incidents", Number: 1}, Why: "signal",
			What: &incident.Signal{Body: []byte(`{}`), Key: key, Count: 1}}
	}
	again = func() {
		for range 5 {
			if err := q.Enqueue(t.Context(), report("a"), time.Time{}); err != nil {
				t.Error(err)
			}
		}
	}
	for range 5 {
		q.put(report("a"), c.now.Add(time.Minute))
	}
	q.put(report("b"), c.now.Add(time.Minute))
	c.add(2 * time.Minute)
	if seen := q.idle(); told != 11 || len(seen) != 3 {
		t.Errorf("%d reports told in %d looks, want 11 in 3", told, len(seen))
	}
}

// What a process that ended was handed may be counted already: nothing is joined to it, and a
// source that tries again because it got no answer adds nothing.
func TestA4I6AReportIsJoinedOnce(t *testing.T) {
	c := &clock{now: start}
	file := filepath.Join(t.TempDir(), "queue.db")
	var told []string
	note := func(m engine.Message) error {
		told = append(told, fmt.Sprint(m.Signal().ID, " ", m.Signal().Count))
		return nil
	}
	report := func(id, event string, at time.Time) engine.Message {
		return engine.Message{Ref: incident.Ref{Owner: "acme", Repo: "incidents", Number: 1}, Why: "signal",
			What: &incident.Signal{Body: []byte(`{}`), Key: "a true", Count: 1, Event: event, ID: id, At: at}}
	}
	later := start.Add(time.Minute)
	before, err := openStore(t, file, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []engine.Message{report("1", "x", start), report("2", "x", start.Add(time.Second)),
		report("3", "y", start)} {
		if err := before.Enqueue(t.Context(), m, later); err != nil {
			t.Fatal(err)
		}
	}
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	q := open(t, file, c, note)
	q.put(report("4", "z", start), later)
	q.put(report("5", "z", start.Add(2*time.Minute)), later)
	c.add(2 * time.Minute)
	q.idle()
	want := []string{"3 2", "5 2"}
	if isPostgres() { // it knows that none of them was handed out
		want = []string{"5 4"}
	}
	if !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

// A report that was tried may be counted already, whatever came of it, unless nothing was done:
// what comes after it is counted on its own.
func TestA4I6AReportThatWasTriedIsNotJoined(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		want []string
	}{
		"it failed": {errors.New("502"), []string{"1 1", "1 1", "2 1"}},
		"it waits": {&engine.RetryAfter{Until: start.Add(time.Minute), Err: errors.New("403")},
			[]string{"1 1", "1 1", "2 1"}},
		"nothing began": {&engine.RetryAfter{Until: start.Add(time.Minute), Err: errors.New("calm"),
			IsIdle: true}, []string{"1 1", "2 2"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := &clock{now: start}
			var told []string
			q := open(t, "", c, func(m engine.Message) error {
				told = append(told, fmt.Sprint(m.Signal().ID, " ", m.Signal().Count))
				if len(told) == 1 {
					return tt.err
				}
				return nil
			})
			for _, id := range []string{"1", "2"} {
				q.put(engine.Message{Ref: incident.Ref{Owner: "acme", Repo: "incidents", Number: 1},
					Why: "signal",
					What: &incident.Signal{Body: []byte(`{}`), Key: "a true", Count: 1, Event: id, ID: id,
						At: start}}, time.Time{})
				q.idle()
			}
			c.add(2 * time.Minute)
			q.idle()
			if !slices.Equal(told, tt.want) {
				t.Errorf("told %q, want %q", told, tt.want)
			}
		})
	}
}

// A report that waits because its source repeats itself holds up nobody's command.
func TestA1ARepetitionThatWaitsHoldsUpNoCommand(t *testing.T) {
	c := &clock{now: start}
	q := open(t, "", c, func(m engine.Message) error {
		if m.Signal() != nil {
			return &engine.RetryAfter{Until: c.now.Add(15 * time.Second), Err: errors.New("it repeats itself")}
		}
		return nil
	})
	q.put(engine.Message{Ref: incident.Ref{Owner: "acme", Repo: "incidents", Number: 1}, Why: "signal",
		What: &incident.Signal{Body: []byte(`{}`), Key: "a true"}}, time.Time{})
	q.idle()
	m := message(1, "a command")
	m.What = &engine.Comment{ID: 5, Author: "carol", Body: "/ic"}
	q.put(m, time.Time{})
	q.put(message(1, "a look"), time.Time{})
	if seen := q.idle(); seen[len(seen)-1] != "1 a look" || !slices.Contains(seen, "1 a command") {
		t.Errorf("seen: %v", seen)
	}
}
