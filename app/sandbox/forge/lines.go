package forge

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// lineEdit replaces the lines of a text from one up to another.
type lineEdit struct {
	from, to int
	lines    []string
}

// maxCompared bounds how many pairs of lines are compared. What is greater counts as one edit.
const maxCompared = 4 << 20

// lineEdits returns by which edits a text becomes another one, in order. None touches the next.
func lineEdits(before, after []string) []lineEdit {
	start := 0
	for start < len(before) && start < len(after) && before[start] == after[start] {
		start++
	}
	end := 0
	for end < len(before)-start && end < len(after)-start &&
		before[len(before)-1-end] == after[len(after)-1-end] {
		end++
	}
	old, now := before[start:len(before)-end], after[start:len(after)-end]
	if len(old) == 0 && len(now) == 0 {
		return nil
	}
	if len(old)*len(now) > maxCompared {
		return []lineEdit{{start, start + len(old), now}}
	}
	edits := compareLines(old, now)
	for n := range edits {
		edits[n].from, edits[n].to = edits[n].from+start, edits[n].to+start
	}
	return edits
}

// compareLines returns the edits that keep as many lines as can be.
func compareLines(old, now []string) []lineEdit {
	common := commonLines(old, now)
	var edits []lineEdit
	for i, j := 0, 0; i < len(old) || j < len(now); {
		if i < len(old) && j < len(now) && old[i] == now[j] {
			i, j = i+1, j+1
			continue
		}
		e := lineEdit{from: i}
		for i < len(old) || j < len(now) {
			switch {
			case i < len(old) && (j == len(now) || old[i] != now[j] && common[i+1][j] >= common[i][j+1]):
				i++
				continue
			case j < len(now) && (i == len(old) || old[i] != now[j]):
				e.lines = append(e.lines, now[j])
				j++
				continue
			}
			break
		}
		e.to = i
		edits = append(edits, e)
	}
	return edits
}

// commonLines returns a table that says at i and j how many lines old[i:] and now[j:] have in common, in
// this order.
func commonLines(old, now []string) [][]int32 {
	common := make([][]int32, len(old)+1)
	for i := range common {
		common[i] = make([]int32, len(now)+1)
	}
	for i := len(old) - 1; i >= 0; i-- {
		for j := len(now) - 1; j >= 0; j-- {
			if old[i] == now[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	return common
}

// mergeTexts merges two texts that were one, by lines. As for git there is a conflict where both sides
// changed the same lines, or lines next to each other, unless in the same way. Binary files aren't merged.
func mergeTexts(was, ours, theirs string) (merged string, ok bool) {
	if !utf8.ValidString(was) || !utf8.ValidString(ours) || !utf8.ValidString(theirs) {
		return "", false
	}
	base := strings.SplitAfter(was, "\n")
	a, b := lineEdits(base, strings.SplitAfter(ours, "\n")), lineEdits(base, strings.SplitAfter(theirs, "\n"))
	var out []string
	at := 0
	apply := func(e lineEdit) {
		out = append(append(out, base[at:e.from]...), e.lines...)
		at = e.to
	}
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].to < b[0].from:
			apply(a[0])
			a = a[1:]
		case len(a) == 0 || b[0].to < a[0].from:
			apply(b[0])
			b = b[1:]
		case a[0].from == b[0].from && a[0].to == b[0].to && slices.Equal(a[0].lines, b[0].lines):
			apply(a[0])
			a, b = a[1:], b[1:]
		default:
			return "", false
		}
	}
	return strings.Join(append(out, base[at:]...), ""), true
}
