package postmortem

import (
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"

	"github.com/firebreak-dev/firebreak/app/lazily"
)

// Refresh writes the machine's parts of a document again: the front matter, and what is between
// a section's markers. Every other line stays as it is, byte for byte. A section that was deleted
// stays deleted, one that this version does not know stays as it is, and of markers that are in
// the document twice only the first pair counts. A repository's template says where sections are
// and not what is in them, so it makes no difference here.
func Refresh(document string, f Facts) (string, error) {
	f.Template = ""
	written, err := Document(f)
	if err != nil {
		return "", err
	}
	fresh := lines(written)
	contents := map[string][]string{}
	for _, s := range markedSections(fresh) {
		contents[s.name] = fresh[s.begin+1 : s.end]
	}
	old := lines(document)
	var b strings.Builder
	at := renewFront(&b, old, fresh)
	keep := func(to int) {
		for ; at < to; at++ {
			b.WriteString(old[at])
		}
	}
	for _, s := range markedSections(old) {
		content, known := contents[s.name]
		if !known || s.begin < at {
			continue
		}
		keep(s.begin + 1)
		for _, line := range content {
			b.WriteString(ended(line, old[s.begin]))
		}
		at = s.end
	}
	keep(len(old))
	return b.String(), nil
}

// lines splits a text behind its line ends.
func lines(text string) []string { return strings.SplitAfter(text, "\n") }

// ended returns a line of ours the line end of another one.
func ended(line, like string) string {
	if strings.HasSuffix(like, "\r\n") {
		return strings.TrimSuffix(line, "\n") + "\r\n"
	}
	return line
}

// markedSection is where a machine's section's markers are.
type markedSection struct {
	name       string
	begin, end int // lines of the markers
}

var marker = lazily.Compile(`^<!-- firebreak:(begin|end) ([a-z][a-z0-9-]*) -->[ \t]*$`)

// markedSections finds the machine's sections: of each name the first pair of markers.
func markedSections(lines []string) []markedSection {
	var out []markedSection
	for _, s := range markedPairs(lines) {
		if !slices.ContainsFunc(out, func(o markedSection) bool { return o.name == s.name }) {
			out = append(out, s)
		}
	}
	return out
}

// markedPairs finds all pairs of markers with no other beginning between them.
func markedPairs(lines []string) []markedSection {
	var out []markedSection
	name, begin := "", 0
	for _, at := range markerLines(lines) {
		m := marker.FindStringSubmatch(strings.TrimRight(lines[at], "\r\n"))
		switch {
		case m[1] == "begin":
			name, begin = m[2], at
		case m[2] == name:
			out = append(out, markedSection{name, begin, at})
			name = ""
		}
	}
	return out
}

// blocks is Markdown down to its blocks: what is code, a quote or a list, and what is a comment of
// the document's own.
var blocks = parser.NewParser(parser.WithBlockParsers(parser.DefaultBlockParsers()...))

// The parser takes cubic time for lists in lists in lists. How deep they are is nothing to the
// markers, which are outside of everything, so the parser needs no more than this.
const maxIndent = 32 // characters

var nesting = lazily.Compile(`^(?:[ \t>*+-]|[0-9]{1,9}[.)])*`)

// markerLines finds the lines that are a marker and nothing else: not in code, in a quote, in a
// list, or in a longer comment.
func markerLines(lines []string) []int {
	var source strings.Builder
	starts := make([]int, len(lines))
	for i, line := range lines {
		starts[i] = source.Len()
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if depth := len(nesting.FindString(line)); depth > maxIndent {
			line = line[depth-maxIndent:]
		}
		source.WriteString(line)
		source.WriteByte('\n')
	}
	var out []int
	at := 0
	root := blocks.Parse(text.NewReader([]byte(source.String())))
	for n := root.FirstChild(); n != nil; n = n.NextSibling() {
		if n.Kind() != ast.KindHTMLBlock {
			continue
		}
		start := n.Lines().At(0).Start // a marker is the whole of its block: a comment ends with its line
		for at+1 < len(starts) && starts[at+1] <= start {
			at++
		}
		if marker.MatchString(strings.TrimRight(lines[at], "\r\n")) {
			out = append(out, at)
		}
	}
	return out
}

var (
	yamlKey  = lazily.Compile(`^([A-Za-z_][\w-]*):`)
	yamlLine = lazily.Compile(`^(?:[A-Za-z_][\w-]*:|[ \t#]|-[ \t]|$)`)
)

// frontEnd returns the line after the front matter, or 0 if the document begins with none. What
// is merely between two rules isn't one.
func frontEnd(lines []string) int {
	for i, line := range lines {
		line = strings.TrimRight(line, " \t\r\n")
		switch {
		case i == 0 && strings.TrimPrefix(line, "\ufeff") != "---":
			return 0
		case i == 0:
		case line == "---":
			return i + 1
		case !yamlLine.MatchString(line):
			return 0
		}
	}
	return 0
}

// renewFront writes the fresh front matter in the place of the old one, and behind its keys the
// keys and comments that people added. It returns the line of the old document after it.
func renewFront(b *strings.Builder, old, fresh []string) int {
	end, freshEnd := frontEnd(old), frontEnd(fresh)
	if end == 0 || freshEnd == 0 {
		return 0
	}
	ours := map[string]bool{}
	b.WriteString(old[0])
	for _, line := range fresh[1 : freshEnd-1] {
		if m := yamlKey.FindStringSubmatch(line); m != nil {
			ours[m[1]] = true
		}
		b.WriteString(ended(line, old[0]))
	}
	theirs := false
	for _, line := range old[1 : end-1] {
		words := strings.TrimRight(line, " \t\r\n")
		if m := yamlKey.FindStringSubmatch(line); m != nil {
			theirs = !ours[m[1]]
		} else if words == "" || words[0] == '#' {
			theirs = true
		}
		if theirs {
			b.WriteString(line)
		}
	}
	b.WriteString(old[end-1])
	return end
}
