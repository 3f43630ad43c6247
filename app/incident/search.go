package incident

import "time"

const (
	// searchPatience is how long after a search that GitHub did not answer the next one is made, the
	// first time, and searchLost how long after one was asked for of which nothing came.
	searchPatience = time.Minute
	searchLost     = 2 * time.Minute
	// mostSearchTries is how often a search is made that GitHub does not answer.
	mostSearchTries = 5
)

// Search is something that is read of GitHub for the people of an incident, and shown in one comment
// that is edited in place. It is made apart from the incident, by a message of its own (Seek), and what
// comes of it is a message too (Found): nothing that people wait for waits for it.
type Search struct {
	Owed  bool      `json:"owed,omitempty"`  // it is to be made
	Seek  int       `json:"seek,omitempty"`  // the newest Seek that asks for it
	Retry time.Time `json:"retry,omitzero"`  // when it is asked for again, as nothing came of the last
	Tries int       `json:"tries,omitempty"` // how often it was asked for
	Asked bool      `json:"asked,omitempty"` // somebody asked for it: that nothing was found is said, too
	Lists int       `json:"lists,omitempty"` // how many results were shown
}

// want asks for a search.
func (s *Search) want(isAsked bool) {
	s.Owed, s.Tries, s.Retry = true, 0, time.Time{}
	s.Asked = s.Asked || isAsked
}

// isDue reports whether a search is to be asked for now.
func (s Search) isDue() bool { return s.Owed && s.Retry.IsZero() }

// IsSought reports whether a search is owed for which that Seek asked, and none since.
func (s Search) IsSought(seek int) bool { return s.Owed && s.Seek == seek }

// done ends a search, and reports whether somebody asked for it.
func (s *Search) done() (wasAsked bool) {
	wasAsked = s.Asked
	s.Owed, s.Asked, s.Tries, s.Retry = false, false, 0, time.Time{}
	return wasAsked
}

// failed makes the next search later, each time twice as late, and then none.
func (s *Search) failed(at time.Time) {
	if s.Tries >= mostSearchTries {
		s.Owed, s.Retry = false, time.Time{}
		return
	}
	s.Retry = at.Add(searchPatience << max(s.Tries-1, 0))
}

// Seek asks for the searches that are owed, once for each number. They are made apart from the incident.
type Seek struct {
	Number int
	At     time.Time
}

func (Seek) effect() string { return "seek" }

// searches returns all searches of an incident.
func (s *State) searches() []*Search {
	return []*Search{&s.Hit.Search, &s.Changes.Search, &s.Similar.Search, &s.Runbook.Search}
}

// IsSought reports whether a search is owed for which that Seek asked, and none since.
func (s State) IsSought(seek int) bool {
	for _, search := range s.searches() {
		if search.IsSought(seek) {
			return true
		}
	}
	return false
}

// OnlySought leaves only the searches owed for which that Seek asked.
func (s *State) OnlySought(seek int) {
	for _, search := range s.searches() {
		search.Owed = search.IsSought(seek)
	}
}

// seekOwed asks for the searches that are owed.
func (r *run) seekOwed() {
	if r.Declared == nil || !r.Running() {
		return
	}
	number := r.Seeks + 1
	for _, s := range r.searches() {
		switch {
		case !s.isDue():
		case s.Tries >= mostSearchTries: // each of them was lost
			s.Owed = false
		default:
			s.Seek, r.Seeks = number, number
			s.Retry = r.f.At.Add(searchLost << s.Tries)
			s.Tries++
		}
	}
	if r.Seeks == number {
		r.emit(Seek{Number: number, At: r.f.At})
	}
}

// dropSearches drops what is owed only because the incident was critical: nobody asked for it.
func (r *run) dropSearches() {
	for _, s := range r.searches() {
		if s == &r.Hit.Search && r.Hit.Name != "" {
			continue // whose the service is that somebody named
		}
		if s.Owed && !s.Asked {
			s.Owed, s.Tries, s.Retry = false, 0, time.Time{}
		}
	}
}

// searchDues lists when searches are asked for again.
func (s State) searchDues() (all []due) {
	for _, search := range s.searches() {
		if search.Owed {
			all = append(all, due{search.Retry, (*run).seekAgain})
		}
	}
	return all
}

// seekAgain asks again for the searches of which nothing came by now.
func (r *run) seekAgain() {
	for _, s := range r.searches() {
		if !s.Retry.After(r.f.At) {
			s.Retry = time.Time{}
		}
	}
	r.seekOwed()
}

// Sought asks for the searches of a Seek effect. It is handled apart from the incident, which it reads
// and does not change.
type Sought struct {
	Number int       `json:"number"`
	At     time.Time `json:"at"` // when it was sent
}

// Found says what came of the searches of a Seek effect. What is nil was not sought, or was not
// found yet.
type Found struct {
	Number  int            `json:"number"`
	Owner   *OwnerFound    `json:"owner,omitempty"`
	Changes *ChangesListed `json:"changes,omitempty"`
	Similar *SimilarFound  `json:"similar,omitempty"`
	Runbook *RunbookFound  `json:"runbook,omitempty"`
	// GitHub did not answer these
	NoOwner   bool `json:"noOwner,omitempty"`
	NoChanges bool `json:"noChanges,omitempty"`
	NoSimilar bool `json:"noSimilar,omitempty"`
	NoRunbook bool `json:"noRunbook,omitempty"`
	// people may be paged by it, so it doesn't wait for anything
	IsUrgent bool `json:"urgent,omitempty"`
}

// Add adds what a search reported, and reports whether it is the result of one.
func (f *Found) Add(what any) bool {
	switch w := what.(type) {
	case OwnerFound:
		f.Owner = &w
	case ChangesListed:
		f.Changes = &w
	case SimilarFound:
		f.Similar = &w
	case RunbookFound:
		f.Runbook = &w
	case OwnerUnread:
		f.NoOwner = true
	case ChangesUnread:
		f.NoChanges = true
	case SimilarUnread:
		f.NoSimilar = true
	case RunbookUnread:
		f.NoRunbook = true
	default:
		return false
	}
	return true
}

// found applies what came of searches that are still owed: a result that comes twice, or after
// something else was asked for, counts for nothing.
func (r *run) found(f Found) {
	if !r.Running() {
		return
	}
	isRunbook := r.Runbook.IsSought(f.Number)
	switch isOwner := r.Hit.IsSought(f.Number); {
	case isOwner && f.Owner != nil:
		r.ownerFound(*f.Owner)
		isRunbook = isRunbook || r.Runbook.isDue() // which the owner's repository had, and was read along
	case isOwner && f.NoOwner:
		r.Hit.failed(r.f.At)
	}
	switch isChanges := r.Changes.IsSought(f.Number); {
	case isChanges && f.Changes != nil:
		r.changesListed(*f.Changes)
	case isChanges && f.NoChanges:
		r.Changes.failed(r.f.At)
	}
	switch isSimilar := r.Similar.IsSought(f.Number); {
	case isSimilar && f.Similar != nil:
		r.similarFound(*f.Similar)
	case isSimilar && f.NoSimilar:
		r.Similar.failed(r.f.At)
	}
	switch {
	case isRunbook && f.Runbook != nil:
		r.runbookFound(*f.Runbook)
	case isRunbook && f.NoRunbook:
		r.Runbook.failed(r.f.At)
	}
}
