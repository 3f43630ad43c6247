// Package words reads the words of a text that a person wrote: it cuts them off, compares them with
// what was probably meant, and shortens them for being quoted.
package words

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Words is what follows a command's name: the rest of its line, and the lines below.
type Words struct {
	Line  string
	Below string
	Quote func() string // what the comment quotes; nil if nobody asked
}

// Text returns everything, trimmed.
func (w Words) Text() string { return strings.TrimSpace(w.Line + "\n" + w.Below) }

// First returns the words with the first line that isn't empty as their line, for commands that
// need something.
func (w Words) First() Words {
	line, below, _ := strings.Cut(w.Text(), "\n")
	return Words{Line: line, Below: below, Quote: w.Quote}
}

// WithLine returns the words with another line.
func (w Words) WithLine(line string) Words {
	return Words{Line: line, Below: w.Below, Quote: w.Quote}
}

// Marks are what a word may end with that doesn't belong to it.
const Marks = ".,:;!"

// Cut cuts the first word off. The line's end stays as it is, since two spaces there break the
// line.
func Cut(s string) (word, rest string) {
	s = strings.TrimLeftFunc(s, unicode.IsSpace)
	if i := strings.IndexFunc(s, unicode.IsSpace); i >= 0 {
		return s[:i], strings.TrimLeftFunc(s[i:], unicode.IsSpace)
	}
	return s, ""
}

// CutName cuts the first word off in lower case, without the marks behind it.
func CutName(s string) (name, rest string) {
	word, rest := Cut(s)
	return strings.ToLower(strings.TrimRight(word, Marks)), rest
}

// CutPrefix cuts a word, or several, off the start of a line, without case and whatever the white
// space between them.
func CutPrefix(line, prefix string) (rest string, ok bool) {
	for want := range strings.FieldsSeq(prefix) {
		var got string
		got, line = Cut(line)
		if !strings.EqualFold(strings.TrimRight(got, Marks), want) {
			return "", false
		}
	}
	return line, true
}

// maxLine is how many runes of a line are quoted at most.
const maxLine = 80

// FirstLine returns the first line of a text, short enough to be quoted.
func FirstLine(s string) string {
	if i := strings.IndexAny(s, "\r\n"); i >= 0 {
		s = s[:i]
	}
	s = strings.ToValidUTF8(strings.TrimSpace(s[:min(len(s), 4*maxLine+utf8.UTFMax)]), "\uFFFD")
	n := 0
	for i := range s {
		if n++; n > maxLine {
			return strings.TrimSpace(s[:i])
		}
	}
	return s
}
