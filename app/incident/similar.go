package incident

import (
	"fmt"
	"time"
)

// FindPast is the command of this file.
const FindPast Kind = "similar"

var _ = register(Row{
	Kind: FindPast, Verbs: []string{VerbIncident}, Word: "similar",
	Usage: "/incident similar", Does: "find past incidents like this one, and what helped",
	Example: "/incident similar", Who: Responder, Place: 137,
}, parseAlone, (*run).findPast)

// MostSimilar is how many past incidents are shown.
const MostSimilar = 2

// Similar is the past incidents that are like this one, as far as they were looked for (L1).
type Similar struct {
	Search
	Past []PastIncident `json:"past,omitempty"` // the most like first
}

// PastIncident is an incident that is over, and what helped in it, as its merged postmortem says.
// Customers are not named in it.
type PastIncident struct {
	Ref        string    `json:"ref"`
	Title      string    `json:"title,omitempty"`
	URL        string    `json:"url,omitempty"` // of the postmortem
	At         time.Time `json:"at,omitzero"`   // when it was declared
	Why        []string  `json:"why,omitempty"` // what both have in common
	Cause      string    `json:"cause,omitempty"`
	Workaround string    `json:"workaround,omitempty"`
	Fix        string    `json:"fix,omitempty"`
}

// findPast notes that somebody asks for past incidents like this one.
func (r *run) findPast(Command) {
	r.Similar.want(true)
	r.done()
}

// FindSimilar finds past incidents that are like this one (L1).
type FindSimilar struct{}

func (FindSimilar) effect() string { return "similar" }

// OwedSimilar returns the effect that finds past incidents like this one, if it is owed.
func OwedSimilar(s State) []Effect {
	if !s.Similar.Owed || !s.Running() {
		return nil
	}
	return []Effect{FindSimilar{}}
}

// SimilarFound says which past incidents are like this one, the most like first.
type SimilarFound struct {
	Past     []PastIncident
	Compared int      // how many past incidents there are
	Unread   []string // what GitHub does not let the App read
}

// SimilarUnread says that GitHub does not answer which incidents there were.
type SimilarUnread struct{}

// similarFound keeps what was found, and shows it in one comment that is edited in place.
func (r *run) similarFound(w SimilarFound) {
	s := &r.Similar
	s.Past = w.Past[:min(len(w.Past), MostSimilar)]
	isAsked := s.done()
	if len(s.Past) == 0 && !isAsked && r.Said[similarTopic] == 0 {
		return // nobody asked, and there is nothing to say
	}
	s.Lists++
	r.emit(Remind{Key: fmt.Sprintf("similar/%d", s.Lists), Edit: true, At: r.f.At,
		Say: Say{Name: "similar", Past: s.Past, Time: r.f.At, Count: w.Compared, Missing: w.Unread}})
}

// similarTopic is the topic of the comment that shows past incidents.
const similarTopic = "similar"
