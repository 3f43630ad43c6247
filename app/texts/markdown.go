package texts

import "strings"

// Nesting returns how deep quotes and list items are inside one another in a text of Markdown:
// never less than goldmark would find, often more, since code is read like everything else. Whoever
// parses Markdown asks it first, because goldmark takes a time that is quadratic in the depth. It
// stops counting at most+1.
//
// An item is inside another only if its marker is further right, counted from the innermost quote's
// marker; so one stack of columns for each level of quotes is enough.
func Nesting(markdown string, most int) int {
	deepest := 0
	lists := make([][]int, 1, 8)
	for line := range strings.SplitSeq(markdown, "\n") {
		level, outer := 0, 0 // quotes on this line, and all list items around the innermost of them
		col, base := 0, 0    // the column, and the one from which this level counts
		for i := 0; i < len(line) && deepest <= most; {
			c := line[i]
			var n int
			switch {
			case c == ' ':
				i, col = i+1, col+1
				continue
			case c == '\t':
				i, col = i+1, col+4-col%4
				continue
			case c == '>':
				outer += len(lists[level])
				if level++; level == len(lists) {
					lists = append(lists, nil)
				}
				i, col = i+1, col+1
				if i < len(line) && line[i] == ' ' {
					i, col = i+1, col+1
				}
				base = col
			default:
				if n = listMarker(line[i:]); n == 0 {
					i = len(line)
					continue
				}
				at := lists[level]
				for len(at) > 0 && at[len(at)-1] >= col-base {
					at = at[:len(at)-1]
				}
				lists[level] = append(at, col-base)
				i, col = i+n, col+n
			}
			deepest = max(deepest, level+outer+len(lists[level]))
		}
	}
	return deepest
}

// listMarker returns the length of the list marker that s starts with, or 0.
func listMarker(s string) int {
	n := 0
	switch c := s[0]; {
	case c == '-' || c == '*' || c == '+':
		if c != '+' && isThematicBreak(s) {
			return 0
		}
		n = 1
	case '0' <= c && c <= '9':
		for n < len(s) && n < 10 && '0' <= s[n] && s[n] <= '9' {
			n++
		}
		if n == len(s) || s[n] != '.' && s[n] != ')' {
			return 0
		}
		n++
	default:
		return 0
	}
	if n < len(s) && s[n] != ' ' && s[n] != '\t' {
		return 0
	}
	return n
}

// isThematicBreak reports whether s is three or more of one character and white space.
func isThematicBreak(s string) bool {
	n := 0
	for i := range len(s) {
		switch s[i] {
		case s[0]:
			n++
		case ' ', '\t':
		default:
			return false
		}
	}
	return n >= 3
}
