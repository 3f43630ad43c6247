// Package similar finds the past incidents that are like one of now, by their words, and says what
// helped then (L1). It compares by TF-IDF: a word counts the more, the fewer incidents have it.
package similar

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/words"
)

// Case is what is known of an incident, by which it is compared.
type Case struct {
	Services  []string `json:"services,omitempty"` // that are hit: "payments", "acme/payments"
	Alerts    []string `json:"alerts,omitempty"`   // names: "KubePodOOMKilled"
	Title     string   `json:"title,omitempty"`
	Summary   string   `json:"summary,omitempty"`
	Findings  string   `json:"findings,omitempty"`
	Cause     string   `json:"cause,omitempty"`
	Customers []string `json:"customers,omitempty"` // names, whose words are never compared or shown
}

// Past is an incident that is over.
type Past struct {
	Case
	Ref      string    `json:"ref"` // owner/repo#number
	Declared time.Time `json:"declared,omitzero"`
	Lesson   Lesson    `json:"lesson,omitzero"`
}

// Lesson is what helped in an incident: the last of each that held; empty where there was none.
type Lesson struct {
	Cause      string `json:"cause,omitempty"`
	Workaround string `json:"workaround,omitempty"`
	Fix        string `json:"fix,omitempty"`
}

// Match is a past incident that is like the one of now.
type Match struct {
	Past
	Likeness float64 // from 0 to 1
	Reasons  []Reason
}

// Reason is what two incidents have in common.
type Reason struct {
	Kind  string   // "service", "alert" or "words"
	Words []string // as they are in the incident of now; who shows them makes them inert
}

// String returns the reason in words, for example "the same alert: KubePodOOMKilled".
func (r Reason) String() string {
	if r.Kind == ofWords {
		return "the same words: " + strings.Join(r.Words, ", ")
	}
	return "the same " + r.Kind + ": " + strings.Join(r.Words, ", ")
}

const (
	ofService = "service"
	ofAlert   = "alert"
	ofWords   = "words"
)

// Bound is the likeness from which a past incident is worth a look. Of incidents of a kind that was
// there before, nine in ten have one above it; of those of a new kind, one in four.
// TestTheFamilyIsFound measures both.
const Bound = 0.24

// maxShown is how many words a reason shows.
const maxShown = 4

// The weights of the fields. A name that was given by programmers is chosen with more care than the
// words of a summary.
const (
	serviceWeight = 1.0 // services break in more ways than one
	alertWeight   = 2.0 // of its name as a whole
	partWeight    = 1.0 // of a word in its name
	titleWeight   = 1.2
	textWeight    = 1.0
)

// Nearest returns at most n past incidents that are like the one of now by Bound or more, the most
// like first. Drills and the incident itself are the caller's to leave out.
func Nearest(past []Past, now Case, n int) []Match {
	docs := make([]map[string]term, len(past))
	in := map[string]int{}
	for i, p := range past {
		docs[i] = p.terms()
		for key := range docs[i] {
			in[key]++
		}
	}
	mine := now.terms()
	rare := func(key string) float64 {
		return math.Log2(1 + float64(len(past))/float64(1+in[key]))
	}
	var out []Match
	for i, p := range past {
		if like, shared := compare(mine, docs[i], rare); like >= Bound {
			out = append(out, Match{Past: p, Likeness: like, Reasons: reasons(shared)})
		}
	}
	slices.SortStableFunc(out, func(a, b Match) int {
		return cmp.Or(cmp.Compare(b.Likeness, a.Likeness), cmp.Compare(a.Ref, b.Ref))
	})
	return out[:min(max(n, 0), len(out))]
}

// term is a word or a name of an incident.
type term struct {
	kind   string
	word   string // as it was written
	weight float64
}

// terms returns the words and names of an incident by a key in which they are compared. A word that
// comes again counts more, but less than twice.
func (c Case) terms() map[string]term {
	all := map[string]term{}
	add := func(key string, t term) {
		if old, ok := all[key]; ok {
			old.weight = max(old.weight, t.weight) + repeated
			old.weight = min(old.weight, 2*t.weight)
			all[key] = old
			return
		}
		all[key] = t
	}
	apart := map[string]bool{} // counted as services, or private
	for _, t := range words.Terms(strings.Join(c.Customers, " ") + " " + strings.Join(c.Services, " ")) {
		apart[t.Stem] = true
	}
	text := func(s string, weight float64) {
		for _, t := range words.Terms(s) {
			if !apart[t.Stem] {
				add(t.Stem, term{kind: ofWords, word: t.Word, weight: weight})
			}
		}
	}
	for _, s := range c.Services {
		if _, repo, ok := naming.SplitRepository(s); ok {
			s = repo
		}
		add(ofService+" "+naming.Key(s), term{kind: ofService, word: s, weight: serviceWeight})
	}
	for _, a := range c.Alerts {
		add(ofAlert+" "+naming.Key(a), term{kind: ofAlert, word: a, weight: alertWeight})
		text(a, partWeight)
	}
	text(c.Title, titleWeight)
	for _, s := range []string{c.Summary, c.Findings, c.Cause} {
		text(s, textWeight)
	}
	return all
}

// repeated is what a word gains each time that it comes again.
const repeated = 0.3

// share is what two incidents have in common, and how much it counts.
type share struct {
	term
	points float64
}

// compare returns the cosine of two incidents, and what they share, the most telling first.
func compare(a, b map[string]term, rare func(string) float64) (likeness float64, shared []share) {
	var dot, lengthA, lengthB float64
	for _, key := range slices.Sorted(keysOf(a)) { // sums of floats depend on the order
		w := a[key].weight * rare(key)
		lengthA += w * w
		if o, ok := b[key]; ok {
			points := w * o.weight * rare(key)
			dot += points
			shared = append(shared, share{a[key], points})
		}
	}
	for _, key := range slices.Sorted(keysOf(b)) {
		w := b[key].weight * rare(key)
		lengthB += w * w
	}
	if dot == 0 {
		return 0, nil
	}
	slices.SortStableFunc(shared, func(x, y share) int { return cmp.Compare(y.points, x.points) })
	return dot / math.Sqrt(lengthA*lengthB), shared
}

func keysOf(m map[string]term) func(func(string) bool) {
	return func(yield func(string) bool) {
		for key := range m {
			if !yield(key) {
				return
			}
		}
	}
}

// reasons returns what is shared by kind: services, alerts, then the most telling words.
func reasons(shared []share) []Reason {
	var out []Reason
	for _, kind := range []string{ofService, ofAlert, ofWords} {
		r := Reason{Kind: kind}
		for _, s := range shared {
			if s.kind == kind && len(r.Words) < maxShown {
				r.Words = append(r.Words, s.word)
			}
		}
		if r.Words != nil {
			out = append(out, r)
		}
	}
	return out
}
