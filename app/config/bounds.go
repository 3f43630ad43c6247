package config

import (
	"fmt"
	regex "regexp/syntax"

	"github.com/goccy/go-yaml/ast"
)

// What a file may have at most. Whoever may write to a repository writes it, and each look at an incident goes by it.
const (
	maxPattern  = 1000 // characters that a regular expression stands for: its time at each alert grows with that
	maxPatterns = 5000 // all of them together
	maxItems    = 100  // of a list or a block of names that is not in most
)

// most is how many items a list or a block of names may have, by what it is.
var most = map[string]int{
	"severities": 20, // each is a label
	"steps":      20, "to": 50, "by": 10,
	"customers": 500, "channels": 20,
	"signals": 200, "labels": 50,
	"targets": 200,
}

// bounded reports whether a list or a block of names has no more than is allowed.
func (r *reader) bounded(n ast.Node, what string, count int) bool {
	limit := most[what]
	if limit == 0 {
		limit = maxItems
	}
	if count > limit {
		r.problem(n, fmt.Sprintf("%s has %d entries; %d are allowed", what, count, limit))
	}
	return count <= limit
}

// patternSize returns how many characters and branches a regular expression stands for once its repetitions are written out, which
// is the size of the program that matches it. It writes nothing out itself.
func patternSize(text string) (int, error) {
	re, err := regex.Parse(text, regex.Perl)
	if err != nil {
		return 0, err
	}
	return sizeOf(re), nil
}

func sizeOf(re *regex.Regexp) int {
	const enough = 1 << 30 // and no overflow
	size := 1
	for _, sub := range re.Sub {
		size = min(size+sizeOf(sub), enough)
	}
	switch re.Op {
	case regex.OpLiteral:
		size = len(re.Rune)
	case regex.OpRepeat:
		size = min((size-1)*max(re.Min, re.Max, 1), enough)
	}
	return size
}
