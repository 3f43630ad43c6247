// Package texts handles text that people and machines outside wrote: it removes what can't be seen,
// cuts to a length, shows words in Markdown so that nothing in them acts, and compares words that
// may be misspelt.
//
// It knows neither incidents nor GitHub's API, and imports the standard library only.
package texts

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// ends turns every way to end a line into \n, and a tab into blanks.
var ends = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n", "\t", "    ")

// Clean removes what can't be seen but changes what is read: control characters, bidirectional
// overrides, zero-width characters, tags, private use. The joiners that Persian and emoji need stay
// only between characters outside ASCII, where no command or mention can hide. White space becomes
// blanks, except for the end of a line.
func Clean(s string) string {
	if isClean(s) {
		return s
	}
	s = ends.Replace(strings.ToValidUTF8(s, "\ufffd"))
	var b strings.Builder
	b.Grow(len(s))
	last := rune(0)
	for i, r := range s {
		switch {
		case r == '\n':
		case r == '\u200c' || r == '\u200d':
			after, _ := utf8.DecodeRuneInString(s[i+utf8.RuneLen(r):])
			if last <= unicode.MaxASCII || after <= unicode.MaxASCII || IsInvisible(after) {
				continue
			}
		case unicode.IsSpace(r):
			r = ' '
		case IsInvisible(r):
			continue
		}
		b.WriteRune(r)
		last = r
	}
	return b.String()
}

// isClean reports whether s is printable ASCII, as nearly all texts are.
func isClean(s string) bool {
	for i := range len(s) {
		if c := s[i]; c != '\n' && (c < ' ' || c > '~') {
			return false
		}
	}
	return true
}

// IsInvisible reports whether a rune takes no room and changes what is read.
func IsInvisible(r rune) bool {
	if r == '\ufe0e' || r == '\ufe0f' {
		return false // they choose between the text and the emoji form of the character before
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Other_Default_Ignorable_Code_Point,
		unicode.Variation_Selector)
}

// Squeeze returns s on one line, with one blank where there was white space, and none at its ends.
func Squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

// Truncate cuts s to at most limit characters and ends it with "…" if anything is left out. 0 is no
// limit.
func Truncate(s string, limit int) string {
	if limit <= 0 || len(s) <= limit || utf8.RuneCountInString(s) <= limit {
		return s
	}
	return strings.TrimRight(string([]rune(s)[:limit-1]), " \n") + "…"
}

// TruncateWords is Truncate at the end of a word, if one is near.
func TruncateWords(s string, limit int) string {
	const near = 20
	if limit <= 0 || len(s) <= limit || utf8.RuneCountInString(s) <= limit {
		return s
	}
	runes := []rune(s)[:limit-1]
	for i := len(runes) - 1; i > 0 && i > len(runes)-near; i-- {
		if runes[i] == ' ' {
			runes = runes[:i]
			break
		}
	}
	return strings.TrimRight(string(runes), " ") + "…"
}

// TruncateBytes cuts s to at most limit bytes, at the end of a character, and ends it with "…" if
// anything is left out.
func TruncateBytes(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	end := limit - len("…")
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return strings.TrimRight(s[:end], " \n") + "…"
}
