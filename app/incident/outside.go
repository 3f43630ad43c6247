package incident

import (
	"slices"
	"strconv"
	"strings"
)

// keptEdits is how many of each kind of what happened outside the timeline are named one by one.
const keptEdits = 20

// isOutside reports whether a fact is one that the timeline doesn't hold: what an edit
// added, and what was said and done at the postmortem's pull request. They are distinguished by
// name, since a webhook is the only sign of them and may come hours late, when the cursor has long
// moved past their time.
func isOutside(id string) bool { return strings.Contains(id, "@") }

// tookEdit reports whether something outside the timeline was acted on. What is older than all that
// are named may be a delivery that is played again, and counts as acted on (A4): nothing comes so
// late that 20 newer ones came before it.
func (a Asked) tookEdit(id string) bool {
	return slices.Contains(a.Edits, id) ||
		slices.ContainsFunc(a.Floor, func(f string) bool {
			return kindOfEdit(f) == kindOfEdit(id) && compareEdits(id, f) <= 0
		})
}

// takeEdit remembers it. Of those of its kind that are too many the oldest is dropped, whichever came first.
func (a *Asked) takeEdit(id string) {
	a.Edits = append(slices.Clone(a.Edits), id)
	var same []string
	for _, e := range a.Edits {
		if kindOfEdit(e) == kindOfEdit(id) {
			same = append(same, e)
		}
	}
	if len(same) <= keptEdits {
		return
	}
	oldest := slices.MinFunc(same, compareEdits)
	a.Edits = slices.DeleteFunc(a.Edits, func(e string) bool { return e == oldest })
	a.Floor = slices.DeleteFunc(slices.Clone(a.Floor), func(f string) bool {
		return kindOfEdit(f) == kindOfEdit(oldest)
	})
	a.Floor = append(a.Floor, oldest)
}

// kindOfEdit returns what something outside the timeline is: an edit (c), a comment on the pull
// request (c@pull), its merge (m@pull).
func kindOfEdit(id string) string {
	if strings.Contains(id, "@pull") {
		return id[:1] + "@pull"
	}
	return id[:1]
}

// compareEdits orders two of a kind by age: edits by their time, the rest by its number, which rises.
func compareEdits(a, b string) int { return slices.Compare(ageOfEdit(a), ageOfEdit(b)) }

func ageOfEdit(id string) []int64 {
	thing, tail, _ := strings.Cut(id[1:], "@")
	at, part, _ := strings.Cut(tail, ".")
	var age []int64
	for _, number := range []string{strings.TrimPrefix(at, "pull"), thing, part} {
		n, _ := strconv.ParseInt(number, 10, 64) // one that is missing is 0
		age = append(age, n)
	}
	return age
}
