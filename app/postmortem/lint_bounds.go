package postmortem

import (
	"fmt"
	"strings"

	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// The limits of a document. goldmark is quadratic in nesting and in the links of a paragraph and
// their definitions, and pads the rows of tables.
const (
	maxDocument = 4 << 20   // bytes: 30,000 entries of the timeline
	maxWords    = 512 << 10 // bytes of it that people wrote
	maxNesting  = 24        // quotes and list items inside one another
	maxLinks    = 1000      // in a paragraph: brackets that could begin one, or its definition
	maxCells    = 50_000    // of a table, with those that are missing
)

var escaped = lazily.Compile(`\\.`)

// withoutMachineText returns a document in which the machine's sections are empty and every line
// keeps its number: nobody must correct them, and a timeline may be longer than all that people
// write. The follow-ups stay, since people change them, and of the cause that there is one. taken
// is what was left out. why says what would take long to read, or is "".
func withoutMachineText(document string) (source, taken, why string) {
	if len(document) > maxDocument {
		return "", "", fmt.Sprintf("the document is longer than %d MiB", maxDocument>>20)
	}
	all := lines(document)
	var kept, words, left strings.Builder
	at := 0
	keep := func(to int) {
		for ; at < to; at++ {
			kept.WriteString(all[at])
			words.WriteString(all[at])
		}
	}
	listed := false
	for _, s := range markedPairs(all) {
		keep(s.begin + 1)
		words.WriteByte('\n')
		if s.name == "followups" && !listed {
			listed = true
			content := strings.Join(all[at:s.end], "")
			if what := costly(content); what != "" {
				return "", "", "the list of the follow-ups " + what
			}
			kept.WriteString(content)
			at = s.end
		}
		for ; at < s.end; at++ {
			left.WriteString(all[at])
			if s.name == "cause" && strings.HasPrefix(all[at], ">") {
				kept.WriteByte('>')
			}
			kept.WriteByte('\n')
		}
	}
	keep(len(all))
	if what := costly(words.String()); what != "" {
		return "", "", "what people wrote " + what
	}
	return kept.String(), left.String(), ""
}

// costly says why a text would take long to read, or returns "". It reads code as Markdown, so it
// reports too much rather than too little.
func costly(source string) string {
	if len(source) > maxWords {
		return fmt.Sprintf("is longer than %d KiB", maxWords>>10)
	}
	if texts.Nesting(source, maxNesting) > maxNesting {
		return fmt.Sprintf("has more than %d quotes and list items inside one another", maxNesting)
	}
	links, columns, cells := 0, 0, 0
	for line := range strings.SplitSeq(source, "\n") {
		line = strings.TrimRight(line, "\r")
		if strings.TrimSpace(line) == "" {
			links, columns, cells = 0, 0, 0
			continue
		}
		if links += strings.Count(escaped.ReplaceAllString(line, ""), "["); links > maxLinks {
			return fmt.Sprintf("has a paragraph with more than %d links", maxLinks)
		}
		if strings.Contains(line, "-") && strings.Trim(line, "|-: \t>") == "" {
			columns = max(columns, strings.Count(line, "|")+1)
		}
		if cells += columns; cells > maxCells {
			return fmt.Sprintf("has a table with more than %d cells", maxCells)
		}
	}
	return ""
}
