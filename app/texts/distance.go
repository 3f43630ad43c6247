package texts

// Far is the distance between words that are too long to be compared: more than any that are.
const Far = maxCompared + 1

// maxCompared is how many bytes a word may have to be compared. No word of a command is nearly as
// long.
const maxCompared = 64

// Distance returns how many letters to insert, delete, change or swap with their neighbour to make
// b out of a. It ignores the case of ASCII letters.
//
// https://en.wikipedia.org/wiki/Damerau%E2%80%93Levenshtein_distance#Optimal_string_alignment_distance
func Distance(a, b string) int {
	if len(a) > maxCompared || len(b) > maxCompared {
		return Far
	}
	var rows [3][maxCompared + 1]int // the row that is filled, and the two before it
	for j := range len(b) + 1 {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		row, above, top := &rows[i%3], &rows[(i+2)%3], &rows[(i+1)%3]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost(a[i-1], b[j-1]))
			if i > 1 && j > 1 && cost(a[i-1], b[j-2])+cost(a[i-2], b[j-1]) == 0 {
				row[j] = min(row[j], top[j-2]+1)
			}
		}
	}
	return rows[len(a)%3][len(b)]
}

func cost(a, b byte) int {
	if a == b || isLetter(a) && isLetter(b) && a|0x20 == b|0x20 {
		return 0
	}
	return 1
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
