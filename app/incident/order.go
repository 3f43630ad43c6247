package incident

import "slices"

// together is the order in which the commands of one comment count, whatever order they were
// written in: a comment is judged by the state at its end. "/ic phase fixing\n/oe cause …" moves
// the phase after the cause is known. Commands of one line count in the order in which they were
// written; so do all that are not named here, which come at the place of the empty line.
var together = [][]Kind{
	{Declare},
	{TakeIC},
	{TakeOE},
	{Regression}, // before what replaces the cause and the fix that it takes away
	{SetSeverity},
	{RemoveCustomer},
	{AddCustomer},
	{Unpin},
	{},            // everything else, also where the start is moved
	{NameService}, // by which changes are judged
	{FindChanges}, // before the start
	{FindPast},
	{Update},
	{Snooze}, // moves the time that an update sets
	{GiveIC},
	{GiveOE},
	{MovePhase}, // while its author still holds the role
	{Agree},     // once it is in monitoring
	{Close},     // and what moves it to closing
	{DropOE},
	{Decline},
	{Duplicate},
	{Status, Help},
}

// placeOf returns the place of a fact among those of its comment.
func placeOf(what any) int {
	c, ok := what.(Command)
	if ok && c.Kind == MovePhase && c.Phase == Closing {
		c.Kind = Close
	}
	for i, kinds := range together {
		if ok && slices.Contains(kinds, c.Kind) {
			return i
		}
	}
	return slices.IndexFunc(together, func(kinds []Kind) bool { return len(kinds) == 0 })
}

// maxSorted is how many facts of one comment are sorted at most: the cursor names 64 one by one,
// and must know them all.
const maxSorted = 50

// InOrder sorts the facts of one comment into the order in which they count. Their ids stay: they
// hold the place in the comment.
func InOrder(facts []Fact) []Fact {
	if len(facts) < 2 || len(facts) > maxSorted {
		return facts
	}
	facts = slices.Clone(facts)
	slices.SortStableFunc(facts, func(a, b Fact) int { return placeOf(a.What) - placeOf(b.What) })
	return facts
}
