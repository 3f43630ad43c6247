package suspect

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/naming"
)

// A change of halfAge has half the suspicion of one at the start; one of oldest has none from its time.
const (
	halfAge = time.Hour
	oldest  = 48 * time.Hour
)

// suspect returns a candidate with the reasons for and against it.
func (r reading) suspect(c candidate, d doc, all corpus) Suspect {
	what := classify(c.Files)
	if c.Kind == Pull && isDependency(c.Change, what) {
		c.Kind = Dependency
	}
	s := Suspect{Change: c.Change}
	add := func(reason Reason, share float64) {
		reason.Points = weights[reason.Kind].points * share
		s.Score += reason.Points
		s.Reasons = append(s.Reasons, reason)
	}
	r.addTime(c, add)
	r.addService(c.Change, d, all, add)
	title, paths := r.fits(d, all, min(len(c.Files), maxFiles))
	if title.sum > 0 {
		add(Reason{Kind: Title, Word: title.sign.word, Alert: title.sign.alert}, saturate(title.sum))
	}
	if paths.sum > 0 {
		add(Reason{Kind: Path, Detail: paths.file, Word: paths.sign.word, Alert: paths.sign.alert}, saturate(paths.sum))
	}
	addKind(c, what, add)
	addSize(c.Change, add)
	slices.SortStableFunc(s.Reasons, func(a, b Reason) int { return cmp.Compare(b.Points, a.Points) })
	return s
}

// adder adds a reason with a share of its weight.
type adder func(reason Reason, share float64)

// addTime adds when the change came, and whether it did at all.
func (r reading) addTime(c candidate, add adder) {
	if when := at(c.Change); !when.IsZero() && !r.Start.IsZero() {
		age := r.Start.Sub(when)
		doublings := math.Log2(1 + float64(max(0, age))/float64(halfAge))
		most := math.Log2(1 + float64(oldest)/float64(halfAge))
		add(Reason{Kind: Live, Before: age, Merged: c.Live.IsZero(), Detail: c.with}, max(0, most-doublings))
	}
	if c.notLive {
		add(Reason{Kind: NotLive}, 1)
	} else if c.with != "" || c.Kind == Deployment || c.Kind == Release {
		add(Reason{Kind: Deployed}, 1)
	}
}

// seenBy is how much the service of an alert counts where people say which one is hit: it may only be
// where the trouble was seen.
const seenBy = 0.75

// addService adds how the change's repository and paths fit what is said to be hit: the best fit
// alone.
func (r reading) addService(c Change, d doc, all corpus, add adder) {
	var best Reason
	worth := 0.0
	offer := func(reason Reason, share float64) {
		if w := weights[reason.Kind].points * share; w > worth {
			best, worth = reason, w
		}
	}
	repo := nameKey(c.Repo)
	for _, h := range r.hits {
		own := Service
		if h.mentioned {
			own = Named
		}
		trust := h.trust()
		if h.alert && len(r.Services) > 0 {
			trust = seenBy
		}
		if naming.Equal(h.name, c.Repo) || h.key == repo {
			offer(Reason{Kind: own, Detail: c.Repo, Alert: h.alert}, trust)
		}
		if file, n := findFolder(c.Files, h.key); n > 0 {
			offer(Reason{Kind: ServicePath, Detail: file, Alert: h.alert, Mentioned: h.mentioned},
				trust*share(n, len(c.Files)))
		}
		for w := range strings.FieldsSeq(h.key) {
			if len(w) > 2 && !h.mentioned && slices.Contains(d.repo, w) {
				offer(Reason{Kind: Related, Detail: c.Repo, Word: w, Alert: h.alert}, trust*all.rarityInRepos(w))
			}
		}
	}
	if worth > 0 {
		add(best, worth/weights[best.Kind].points)
	}
}

// findFolder returns the first path that has a folder, or a file, with a name, and how many do.
func findFolder(files []string, key string) (first string, n int) {
	if key == "" {
		return "", 0
	}
	for _, f := range files[:min(len(files), maxFiles)] {
		if slices.ContainsFunc(folders(f), func(name string) bool { return nameKey(name) == key }) {
			if n++; n == 1 {
				first = f
			}
		}
	}
	return first, n
}

// addKind adds what the change is.
func addKind(c candidate, what touched, add adder) {
	switch {
	case what.docs:
		add(Reason{Kind: Docs}, 1)
	case what.tests:
		add(Reason{Kind: Tests}, 1)
	case what.kind != "":
		add(Reason{Kind: what.kind, Detail: what.file}, 1)
	case what.pipeline != "":
		add(Reason{Kind: Pipeline, Detail: what.pipeline}, 1)
	case c.Kind == Dependency:
		add(Reason{Kind: Update}, 1)
	case c.Kind == Configuration:
		add(Reason{Kind: Settings, Detail: c.Ref}, 1)
	}
	switch {
	case wording.MatchString(c.Title):
		add(Reason{Kind: Wording}, 1)
	case switches.MatchString(c.Title):
		add(Reason{Kind: Switch}, 1)
	}
	if c.brings != nil {
		add(Reason{Kind: Brings, Detail: list(c.brings)}, 1)
	}
	if c.RevertedBefore {
		add(Reason{Kind: RevertedBefore}, 1)
	} else if c.Reverts != "" {
		add(Reason{Kind: Revert, Detail: c.Reverts}, 1)
	}
	if c.Reverted {
		add(Reason{Kind: TakenBack}, 1)
	}
	if c.Kind == Push {
		add(Reason{Kind: Direct}, 1)
	}
	if naming.IsBot(c.By) && c.Kind != Deployment && c.Kind != Release {
		add(Reason{Kind: Bot}, 1)
	}
}

// manyLines is the size from which a change is as suspect as its size can make it.
const manyLines = 2000

// addSize adds how large the change is.
func addSize(c Change, add adder) {
	lines := c.Lines
	if lines == 0 {
		lines = 10 * len(c.Files)
	}
	if lines > 0 {
		share := math.Log2(1+float64(lines)) / math.Log2(1+manyLines)
		add(Reason{Kind: Size, Files: len(c.Files), Lines: c.Lines}, min(1, share))
	}
}
