package incident

import "time"

const (
	// searchPatience is how long after a search that GitHub did not answer the next one is made, the
	// first time.
	searchPatience = time.Minute
	// mostSearchTries is how often a search is made that GitHub does not answer.
	mostSearchTries = 5
)

// Search is something that is read of GitHub for the people of an incident, and shown in one comment
// that is edited in place. Nothing waits for it.
type Search struct {
	Owed  bool      `json:"owed,omitempty"`  // it is to be made
	Retry time.Time `json:"retry,omitzero"`  // when the next one is made, as GitHub did not answer the last
	Tries int       `json:"tries,omitempty"` // that GitHub did not answer
	Asked bool      `json:"asked,omitempty"` // somebody asked for it: that nothing was found is said, too
	Lists int       `json:"lists,omitempty"` // how many results were shown
}

// want asks for a search.
func (s *Search) want(isAsked bool) {
	s.Owed, s.Tries, s.Retry = true, 0, time.Time{}
	s.Asked = s.Asked || isAsked
}

// isDue reports whether a search is to be made now.
func (s Search) isDue() bool { return s.Owed && s.Retry.IsZero() }

// done ends a search, and reports whether somebody asked for it.
func (s *Search) done() (wasAsked bool) {
	wasAsked = s.Asked
	s.Owed, s.Asked, s.Tries, s.Retry = false, false, 0, time.Time{}
	return wasAsked
}

// failed makes the next search later, each time twice as late, and then none.
func (s *Search) failed(at time.Time) {
	s.Tries++
	if s.Tries == mostSearchTries {
		s.Owed, s.Retry = false, time.Time{}
		return
	}
	s.Retry = at.Add(searchPatience << (s.Tries - 1))
}
