package texts

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/firebreak-dev/firebreak/app/lazily"
)

// Joiner is U+2060, WORD JOINER: it shows nothing, breaks no line, and keeps @name and #12 from
// being read as such. An entity would not do: GitHub looks for mentions in the rendered text, where
// &#64; is an @ again.
const Joiner = "\u2060"

// How much of a quoted text is shown.
const (
	maxQuote      = 8000 // characters
	maxQuoteLines = 80
	maxIndent     = 16
)

// Inert returns somebody's words as one line of Markdown that shows them and does nothing: no
// mention, reference, command, link, image, HTML or formatting in it acts. It is cut after limit
// characters; 0 means no limit. Addresses are put in code, so that they can still be copied.
func Inert(text string, limit int) string {
	return inertLine(TruncateWords(Squeeze(Clean(text)), limit))
}

// Quote returns somebody's words as a Markdown quote that shows them line by line and does nothing.
func Quote(text string) string {
	lines := strings.Split(strings.Trim(TruncateWords(Clean(text), maxQuote), " \n"), "\n")
	if len(lines) > maxQuoteLines {
		lines = append(lines[:maxQuoteLines], "…")
	}
	var b strings.Builder
	for i, line := range lines {
		words := strings.TrimLeft(line, " ")
		indent := min(len(line)-len(words), maxIndent)
		words = strings.TrimRight(words, " ")
		if i > 0 {
			b.WriteString("\n")
		}
		if words == "" {
			b.WriteString(">")
			continue
		}
		b.WriteString("> " + strings.Repeat("\u00a0", indent) + inertLine(words))
		if i+1 < len(lines) && strings.Trim(lines[i+1], " ") != "" {
			b.WriteString("  ") // a line break in files too, where GitHub joins lines
		}
	}
	return b.String()
}

var (
	// address finds what GitHub would make a link of. Before the @ is what RFC 5322 allows there,
	// but for what would end a piece of code or a table's cell.
	address = lazily.Compile(
		"(?i)(?:[a-z][a-z0-9+.-]*://|www\\.)[^\\s<>|`\u200c\u200d]+|[\\w.+!#$%&'*/=?^{}~-]+@[a-z0-9][\\w.-]*",
	)
	// listMark finds what would begin a list.
	listMark = lazily.Compile(`^[0-9]{1,9}[.)]`)
)

// addresses finds the links and mail addresses of a line. Most have none, and address takes its time.
func addresses(line string) [][]int {
	if !strings.Contains(line, "@") && !strings.Contains(line, "://") && !strings.Contains(strings.ToLower(line), "www.") {
		return nil
	}
	return address.FindAllStringIndex(line, -1)
}

// inertLine escapes text that may be at the start of a line.
func inertLine(line string) string {
	var b strings.Builder
	from := 0
	for _, m := range addresses(line) {
		end := m[0] + len(strings.TrimRight(line[m[0]:m[1]], `.,;:!?'")]}*_~`))
		if m[0] == from && from > 0 ||
			!strings.ContainsAny(line[m[0]:end], "@/") &&
				!strings.HasPrefix(strings.ToLower(line[m[0]:end]), "www.") {
			continue // two pieces of code side by side would read as one
		}
		escape(&b, line, from, m[0])
		if m[0] > from && line[m[0]-1] != ' ' {
			// a backtick may be part of a mail address, so that "to/`a@b.example`" would be one
			b.WriteString(Joiner)
		}
		b.WriteString("`" + line[m[0]:end] + "`")
		from = end
	}
	escape(&b, line, from, len(line))
	return b.String()
}

// escapes are the characters that are written otherwise wherever they are.
var escapes = map[rune]string{
	'\\': "&#92;", '`': "&#96;", '<': "&lt;", '>': "&gt;",
	'|': "&#124;", // it would end a table's cell
	'*': `\*`, ']': `\]`, '~': `\~`, '$': `\$`, '&': `\&`,
}

// escape writes line[from:to] so that each character is shown as it is.
func escape(b *strings.Builder, line string, from, to int) {
	if from == 0 && to > 0 {
		from = escapeStart(b, line[:to])
	}
	for i, r := range line[from:to] {
		at := from + i
		after := line[at+utf8.RuneLen(r):]
		switch r {
		case '[':
			b.WriteString(`\[`)
			if strings.HasPrefix(after, "!") {
				b.WriteString(Joiner) // [!NOTE] would make a box of the quote
			}
		case '_':
			if !wordAt(line[:at], after) {
				b.WriteByte('\\')
			}
			b.WriteByte('_')
		case '#':
			b.WriteString(`\#`)
			if startsWord(after) {
				b.WriteString(Joiner)
			}
		case '@':
			b.WriteByte('@')
			if after != "" && after[0] != ' ' {
				b.WriteString(Joiner)
			}
		case ':':
			b.WriteByte(':')
			if strings.HasPrefix(after, "//") {
				b.WriteString(Joiner)
			}
		case '.':
			if strings.HasSuffix(strings.ToLower(line[:at]), "www") {
				b.WriteString(Joiner)
			}
			b.WriteByte('.')
		case '-':
			b.WriteByte('-')
			if strings.HasSuffix(strings.ToLower(line[:at]), "gh") && startsWord(after) {
				b.WriteString(Joiner) // GH-12 is a reference too
			}
		default:
			if shown, ok := escapes[r]; ok {
				b.WriteString(shown)
			} else {
				b.WriteRune(r)
			}
		}
	}
}

// escapeStart writes what means something only at the start of a line, and returns how much of it
// was written.
func escapeStart(b *strings.Builder, line string) int {
	switch line[0] {
	case '/':
		b.WriteString("/" + Joiner) // a command
		return 1
	case '-', '+', '=', ':':
		b.WriteString(`\` + line[:1])
		return 1
	}
	if mark := listMark.FindString(line); mark != "" {
		n := len(mark) - 1
		b.WriteString(mark[:n] + `\` + mark[n:])
		return n + 1
	}
	return 0
}

func startsWord(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// wordAt reports whether letters or digits are on both sides, where an underscore isn't emphasis.
func wordAt(before, after string) bool {
	r, _ := utf8.DecodeLastRuneInString(before)
	return (unicode.IsLetter(r) || unicode.IsDigit(r)) && startsWord(after)
}

// Code returns a text as inline code, where nothing in it acts either. It suits commands and what a
// person wrote as one.
func Code(text string) string {
	text = TruncateWords(Squeeze(Clean(text)), 200)
	text = strings.ReplaceAll(text, "|", "¦") // no escape for it works both in tables and outside
	if text == "" {
		return ""
	}
	longest, run := 0, 0
	for _, r := range text {
		if r == '`' {
			run++
			longest = max(longest, run)
		} else {
			run = 0
		}
	}
	fence := strings.Repeat("`", longest+1)
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		text = " " + text + " "
	}
	return fence + text + fence
}
