package incident

import (
	"slices"
	"time"

	"github.com/firebreak-dev/firebreak/app/naming"
)

// CustomerStatus is how far an incident is, as its customers read it: a phase, or one of Status….
type CustomerStatus string

// What a customer's issue says besides the phases.
const (
	StatusOver     CustomerStatus = "over"     // the postmortem is merged
	StatusDeclined CustomerStatus = "declined" // it was a false alarm
	StatusFolded   CustomerStatus = "folded"   // another incident goes on with it, in an issue of its own
)

// IsFinal reports whether nothing follows: the customer's issue is closed.
func (c CustomerStatus) IsFinal() bool {
	return c == StatusOver || c == StatusDeclined || c == StatusFolded
}

// statusDelay is how long a phase must last before the customers' issues say so: phases may follow
// one another within seconds, and nobody waits for it.
const statusDelay = time.Minute

// CustomerStatus returns how far the incident is for its customers, and since when.
func (s State) CustomerStatus() (status CustomerStatus, since time.Time) {
	switch merged := s.Document.Merged; {
	case s.Outcome == Duplicated:
		return StatusFolded, s.Closed.At
	case s.Outcome == Declined:
		return StatusDeclined, s.Closed.At
	case s.Closed != nil && merged != nil && !s.Document.Owed:
		return StatusOver, merged.At
	}
	return CustomerStatus(s.Phase), s.Since.At
}

// keepStatus sets when the customers' issues are brought up to date.
func (r *run) keepStatus() {
	want, _ := r.CustomerStatus()
	for i := range r.Updates.Shared {
		s := &r.Updates.Shared[i]
		switch {
		case s.Status == want:
			s.Due, s.Owed = time.Time{}, false
		case s.Status == "": // an issue that was found, and says what an earlier look wrote
			s.Owed = true
		case s.Due.IsZero() && !s.Owed:
			s.Due = r.f.At.Add(statusDelay)
		}
	}
}

// statusDues lists when the customers' issues are brought up to date.
func (s State) statusDues() (all []due) {
	for _, shared := range s.Updates.Shared {
		if !shared.Due.IsZero() {
			all = append(all, due{shared.Due, func(r *run) {
				i := r.sharedIndex(shared.Customer)
				r.Updates.Shared[i].Due, r.Updates.Shared[i].Owed = time.Time{}, true
			}})
		}
	}
	return all
}

// owedStatus returns the effects that bring the customers' issues up to date.
func (s State) owedStatus() (effects []Effect) {
	for _, shared := range s.Updates.Shared {
		if shared.Owed {
			effects = append(effects, TellStatus{Customer: shared.Customer})
		}
	}
	return effects
}

// StatusTold says that a customer's issue says how far the incident is.
type StatusTold struct {
	Customer string
	Status   CustomerStatus
}

func (r *run) statusTold(w StatusTold) {
	if i := r.sharedIndex(w.Customer); i >= 0 {
		r.Updates.Shared[i].Status, r.Updates.Shared[i].Owed = w.Status, false
	}
}

// sharedIndex returns the place of a customer's issue in Updates.Shared; -1 if there is none.
func (s State) sharedIndex(customer string) int {
	return slices.IndexFunc(s.Updates.Shared, func(o Shared) bool { return naming.Equal(o.Customer, customer) })
}

// StatusEffect names the effect that brings a customer's issue up to date, as Refusal has it.
func StatusEffect(customer string) string { return "status/" + customer }
