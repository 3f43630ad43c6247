package engine

import "github.com/firebreak-dev/firebreak/app/incident"

// tapFacts returns what boxes of the card were ticked (A9): by whom, where the message says so, and
// else that they were found so.
func (r *reconciliation) tapFacts() (facts []incident.Fact) {
	if t := r.m.Tick(); t != nil {
		for _, line := range t.Lines {
			if b, ok := incident.ReadBox(line, r.Policy); ok {
				facts = append(facts, incident.TapOf(b, t.Comment, t.At, t.By))
			}
		}
	}
	if c := r.Snapshot.Card; c != nil && len(r.tickedLines) > 0 && !c.Updated.IsZero() {
		found := incident.BoxesFound{Comment: c.ID}
		for _, line := range r.tickedLines {
			if b, ok := incident.ReadBox(line, r.Policy); ok {
				found.Commands = append(found.Commands, b.Command)
			}
		}
		facts = append(facts, incident.Fact{At: c.Updated, What: found})
	}
	return facts
}
