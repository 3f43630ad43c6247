package incident

import (
	"net/url"
	"slices"
	"strings"
)

// maxUnfilled is how many follow-ups an unfilled postmortem becomes: the last one has all the
// sections that are left.
const maxUnfilled = 5

// MergedChecked says which sections of the merged postmortem nobody has written (C3).
type MergedChecked struct{ Unfilled []string }

// unfilledKey begins the key of the comment that lists them: unfilled/Root%20cause,Detection.
const unfilledKey = "unfilled/"

// ParseMergedChecked reads what the comment about an unfilled postmortem says.
func ParseMergedChecked(key string) (c MergedChecked, ok bool) {
	list, ok := strings.CutPrefix(key, unfilledKey)
	if !ok {
		return c, false
	}
	for name := range strings.SplitSeq(list, ",") {
		name, err := url.PathUnescape(name)
		if err != nil {
			return c, false
		}
		c.Unfilled = append(c.Unfilled, name)
	}
	return c, true
}

// mergedChecked says that a postmortem was merged before it was written, and makes what is missing
// follow-ups of those who were to write it.
func (r *run) mergedChecked(c MergedChecked) {
	r.Document.Unchecked = false
	if len(c.Unfilled) == 0 || len(r.Document.Unfilled) > 0 {
		return
	}
	parts := slices.Clone(c.Unfilled)
	if len(parts) > maxUnfilled {
		parts = append(parts[:maxUnfilled-1:maxUnfilled-1], strings.Join(parts[maxUnfilled-1:], ", "))
	}
	r.Document.Unfilled = parts
	var escaped []string
	for _, p := range parts {
		escaped = append(escaped, strings.ReplaceAll(url.PathEscape(p), ",", "%2C"))
	}
	merged := Stamp{At: r.f.At}
	if m := r.Document.Merged; m != nil { // it may have been looked at much later
		merged = Stamp{At: m.At, By: m.By}
	}
	for i, p := range parts {
		r.FollowUps = append(r.FollowUps, FollowUp{Stamp: merged, Section: p, Owner: r.authorOf(i)})
	}
	r.recordAt(Entry{At: merged.At, Kind: "unfilled"})
	r.emit(Remind{Key: unfilledKey + strings.Join(escaped, ","), At: r.f.At, Say: Say{Name: "unfilled",
		Count: r.Document.Number, Names: r.roles(), Lines: parts}})
}

// dateUnfilled sets the stamp of its merge on the follow-ups of an unfilled postmortem. Where a state is
// rebuilt, the comment that lists them is read before the pull request.
func (r *run) dateUnfilled() {
	if len(r.Document.Unfilled) == 0 {
		return
	}
	r.FollowUps = slices.Clone(r.FollowUps)
	for i, f := range r.FollowUps {
		if f.Section != "" {
			r.FollowUps[i].Stamp = Stamp{At: r.Document.Merged.At, By: r.Document.Merged.By}
		}
	}
}

// authorOf returns who writes part i of the postmortem: Incident Coordinator and Operations Engineers
// in turn. It is empty if nobody had a role.
func (r *run) authorOf(i int) string {
	authors := r.roles()
	if len(authors) == 0 {
		return ""
	}
	return authors[i%len(authors)]
}
