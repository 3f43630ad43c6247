package incident_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// What only a delivery says counts once, however many came since, and in whichever order: edits,
// and comments on the postmortem's pull request.
func TestA4ADeliveryPlayedAgainCountsOnce(t *testing.T) {
	const deliveries = 100
	for kind, id := range map[string]func(n int) string{
		"edits":                   func(n int) string { return fmt.Sprintf("c%d@%d.1", 900-n, start.Unix()+int64(n)) },
		"commands of one edit":    func(n int) string { return fmt.Sprintf("c7@%d.%d", start.Unix(), n) },
		"edits within a second":   func(n int) string { return fmt.Sprintf("c%d@%d.0", 7+n, start.Unix()) },
		"comments on the request": func(n int) string { return fmt.Sprintf("c%d@pull.0", 7+n) },
	} {
		s := tell(t).fact(opened("alice", "critical"))
		note := func(n int) (counted bool) {
			before := s.state.Entries
			s.fact(incident.Fact{ID: id(n), At: start.Add(time.Duration(n) * time.Second), By: incident.Person{Login: "alice", Respond: true},
				What: incident.Command{Kind: incident.Note, Entries: []incident.Line{{Text: "words"}}}})
			return s.state.Entries > before
		}
		for n := 0; n < deliveries; n += 10 { // ten by ten, and those the other way round: some come late
			for late := 9; late >= 0; late-- {
				if !note(n + late) {
					t.Fatalf("%s: %s does not count", kind, id(n+late))
				}
			}
		}
		after := s.state
		for n := range deliveries {
			if note(n); !cmp.Equal(after, s.state) {
				t.Fatalf("%s: %s counts again", kind, id(n))
			}
		}
		if len(s.state.Asked.Edits) > 20 || len(s.state.Asked.Floor) != 1 {
			t.Errorf("%s: the state names %d of them and %d floors", kind, len(s.state.Asked.Edits), len(s.state.Asked.Floor))
		}
	}
}

// The kinds keep apart: a merge is not taken for done because of comments, nor a comment because of edits.
func TestA4TheKindsOfDeliveriesKeepApart(t *testing.T) {
	s := tell(t).fact(opened("alice", "critical"))
	for n := range 50 {
		s.fact(incident.Fact{ID: fmt.Sprintf("c%d@%d.0", 100+n, start.Unix()+int64(n)), At: start, By: incident.Person{Login: "alice", Respond: true}, What: incident.Commented{}})
	}
	for _, id := range []string{"c1@pull.0", "m1@pull"} {
		before := s.state
		s.fact(incident.Fact{ID: id, At: start, By: incident.Person{Login: "alice", Respond: true}, What: incident.Commented{}})
		if cmp.Equal(before, s.state) {
			t.Errorf("%s does not count", id)
		}
	}
}
