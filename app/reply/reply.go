// Package reply separates what somebody wrote in a mail, or in a comment that a mail became, from what
// their mail client added: the mail that they answer, with or without ">" before its lines, and
// their signature.
//
// Nobody means what is below such a head: no command runs there, and nothing of it is sent to a
// customer (A1, A7).
package reply

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// How much is looked at around a head: enough for what mail clients write, and bounded for what
// strangers do.
const (
	maxHeadLines      = 12  // lines of a block of From, Sent, To and Subject, with wrapped addresses
	maxWrapped        = 3   // lines over which "On …, Carol wrote:" is wrapped
	maxAttribution    = 300 // bytes of it
	maxSignatureLines = 12  // lines of a signature that are not blank
)

// Own returns the beginning of a text that its author wrote: it ends before the first quoted mail
// whose lines are not marked with ">", and before a signature. Quotes that are marked stay, as
// Markdown shows whose they are, and so does what is written below them.
func Own(text string) string {
	lines := split(text)
	for i := range lines {
		if !lines[i].isRead {
			continue
		}
		if isHeadAt(lines, i) || isSignatureAt(lines, i) {
			return text[:startOf(lines, i)]
		}
	}

	return text
}

// WithoutQuotes returns what is new in an answer by mail: the own text without the quotes that are
// marked with ">", and the lines that introduce them. It returns the whole if nothing would be
// left, as somebody may forward a mail without a word.
func WithoutQuotes(mail string) string {
	lines := split(Own(mail))
	var kept []string
	for i := 0; i < len(lines); i++ {
		if n := introduction(lines, i); n > 0 {
			i += n - 1
			continue
		}
		if !strings.HasPrefix(lines[i].text, ">") {
			kept = append(kept, lines[i].text)
		}
	}
	if rest := strings.Join(kept, "\n"); strings.TrimSpace(rest) != "" {
		return rest
	}

	return mail
}

// introduction counts the lines with which a mail client introduces a marked quote; 0: none begins
// at this line.
func introduction(lines []line, i int) int {
	said := ""
	for n := i; n < min(i+maxWrapped, len(lines)) && lines[n].isRead; n++ {
		said = strings.TrimSpace(said + " " + lines[n].text)
		if Introduces(said) && isMarkedAfter(lines, n) {
			return n - i + 1
		}
	}

	return 0
}

// isMarkedAfter reports whether the next line that is not blank is marked as a quote.
func isMarkedAfter(lines []line, i int) bool {
	for _, l := range lines[i+1:] {
		if l.text != "" {
			return l.text[0] == '>'
		}
	}

	return false
}

// Introduces reports whether a line, which a marked quote follows, is what a mail client puts
// before it.
func Introduces(line string) bool {
	return len(line) <= maxAttribution && (isAttribution(line) || strings.HasSuffix(line, ":") && matchesWriter(line))
}

// LooksQuoted reports whether a text, of which Own returned all, still looks as if it holds
// somebody else's mail: lines that are like a head in a form that is not known for sure. Whoever
// sends it to others is asked first.
func LooksQuoted(text string) bool {
	lines := split(text)
	for i := range lines {
		l := &lines[i]
		if l.isRead && (hasFields(lines, i, 2) || hasWriter(l.text) || forwarded.MatchString(l.text)) {
			return true
		}
	}

	return false
}

// line is a line of a text.
type line struct {
	start  int    // where it begins in the text
	text   string // without the spaces around it
	isRead bool   // not blank, not in a block of code, not in a quote that is marked as one

	isJudged, isHead bool // whether a quoted mail begins here, once that was asked
}

// split returns the lines of a text.
func split(text string) []line {
	var lines []line
	start := 0
	for s := range strings.Lines(text) {
		trimmed := strings.TrimFunc(s, isSpace)
		lines = append(lines, line{start: start, text: trimmed, isRead: trimmed != "" && trimmed[0] != '>'})
		start += len(s)
	}
	skipCode(lines)

	return lines
}

// isSpace reports whether mail clients put a rune around words without meaning it.
func isSpace(r rune) bool {
	return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r)
}

// skipCode marks the lines of fenced blocks of code as not to be read: what somebody pasted there
// is theirs to show. A fence that nothing closes would hide a quoted mail below it, and counts as
// none.
func skipCode(lines []line) {
	open := map[byte]int{} // by mark, the shortest fence that nothing closes
	for i := 0; i < len(lines); i++ {
		fence := fenceOf(lines[i].text)
		if fence == "" || open[fence[0]] > 0 && len(fence) >= open[fence[0]] {
			continue
		}
		end := closingFence(lines, i, fence)
		if end < 0 {
			open[fence[0]] = len(fence)
			continue
		}
		for n := i; n <= end; n++ {
			lines[n].isRead = false
		}
		i = end
	}
}

// closingFence returns the line that closes a fence which a line opens, or -1.
func closingFence(lines []line, opening int, fence string) int {
	for i := opening + 1; i < len(lines); i++ {
		if text := lines[i].text; strings.HasPrefix(text, fence) && fenceOf(text) == text {
			return i
		}
	}

	return -1
}

// fenceOf returns the backquotes or tildes that begin a line, if they are enough to open a block of
// code.
func fenceOf(text string) string {
	for _, mark := range []string{"`", "~"} {
		if n := len(text) - len(strings.TrimLeft(text, mark)); n >= 3 {
			return text[:n]
		}
	}

	return ""
}

// isHeadAt reports whether a quoted mail whose lines are not marked begins with a line.
func isHeadAt(lines []line, i int) bool {
	if l := &lines[i]; !l.isJudged {
		l.isJudged = true
		l.isHead = hasFields(lines, i, 3) || isBelowRule(lines, i) && hasFields(lines, i, 2) ||
			original.MatchString(l.text) ||
			isAttributionAt(lines, i)
	}

	return lines[i].isHead
}

// startOf returns where the text ends that is before a head: the lines that mail clients draw above
// it belong to it.
func startOf(lines []line, i int) int {
	for i > 0 && (lines[i-1].text == "" || isRule(lines[i-1].text)) {
		i--
	}

	return lines[i].start
}

// isBelowRule reports whether the line before a line is drawn.
func isBelowRule(lines []line, i int) bool { return i > 0 && isRule(lines[i-1].text) }

// isRule reports whether a line is only drawn, as Outlook does above the mail that is answered.
func isRule(text string) bool {
	return len(text) >= 10 && strings.Trim(text, "_-–—=*") == ""
}

// isAttributionAt reports whether a line begins one like "On Tue, 24 Nov 2026 at 10:40, Carol
// <carol@example.com> wrote:", in any language of the table. It does not count where a quote that
// is marked comes next and more text below it: that is the answer.
func isAttributionAt(lines []line, i int) bool {
	said := ""
	for n := i; n < min(i+maxWrapped, len(lines)) && lines[n].isRead; n++ {
		said = strings.TrimSpace(said + " " + lines[n].text)
		if len(said) > maxAttribution {
			return false
		}
		if isAttribution(said) {
			return (when.MatchString(lines[i].text) || !isAttributionAfter(lines, i, n)) && !isAnswered(lines, n)
		}
	}

	return false
}

// isAttributionAfter reports whether the line that ends an attribution does so for a later
// beginning too: then what is before that is text, unless it begins with the date.
func isAttributionAfter(lines []line, begin, end int) bool {
	said := ""
	for n := end; n > begin; n-- {
		said = strings.TrimSpace(lines[n].text + " " + said)
		if isAttribution(said) {
			return true
		}
	}

	return false
}

// isAnswered reports whether a quote that is marked comes after a line, and text below it.
func isAnswered(lines []line, i int) bool {
	hasQuote := false
	for n := i + 1; n < len(lines); n++ {
		switch l := lines[n]; {
		case l.text == "":
		case l.text[0] == '>':
			hasQuote = true
		case !hasQuote:
			return false
		default:
			return !isSignatureAt(lines, n)
		}
	}

	return false
}

// isSignatureAt reports whether a signature begins with a line: after "-- ", of which GitHub leaves
// "--" (RFC 3676, 4.3), with what a telephone adds, or with the line that GitHub puts below each of
// its mails. What has a command in it, or goes on for long, is text.
func isSignatureAt(lines []line, i int) bool {
	switch text := lines[i].text; {
	case text == "—" && isFooterAfter(lines, i):
		return true
	case text == "--":
	case isDevice(text):
		return countUntilHead(lines, i+1) <= 1
	default:
		return false
	}

	return countUntilHead(lines, i+1) <= maxSignatureLines && !hasSlashUntilHead(lines, i+1)
}

// isFooterAfter reports whether the next line that is not blank is the one that GitHub ends its
// mails with.
func isFooterAfter(lines []line, i int) bool {
	for _, l := range lines[i+1:] {
		if l.text != "" {
			return footer.MatchString(l.text)
		}
	}

	return false
}

// countUntilHead counts the lines that are not blank up to a quoted mail, marked or not, or the
// end.
func countUntilHead(lines []line, from int) (n int) {
	for i := from; i < len(lines) && n <= maxSignatureLines; i++ {
		switch l := lines[i]; {
		case l.text == "":
		case l.text[0] == '>' || l.isRead && isHeadAt(lines, i):
			return n
		default:
			n++
		}
	}

	return n
}

// hasSlashUntilHead reports whether a line up to a quoted mail begins as a command does.
func hasSlashUntilHead(lines []line, from int) bool {
	for i := from; i < min(len(lines), from+2*maxSignatureLines); i++ {
		switch l := lines[i]; {
		case l.text == "":
		case l.text[0] == '>' || l.isRead && isHeadAt(lines, i):
			return false
		case l.text[0] == '/':
			return true
		}
	}

	return false
}

// hasFields reports whether a block like "From: …, Sent: …, To: …, Subject: …" begins with a line:
// so many of the fields of one language, of which the first or second is who sent it.
func hasFields(lines []line, i, least int) bool {
	for _, language := range fields {
		if language.count(lines[i:min(i+maxHeadLines, len(lines))]) >= least {
			return true
		}
	}

	return false
}

// count counts the fields of a language in the block that a line begins; 0: none begins there.
func (f heads) count(lines []line) int {
	first := f.fieldOf(lines[0].text)
	if first == none {
		return 0
	}
	var seen [len(heads{})]bool
	count, plain := 0, 0
	for n, l := range lines {
		field := f.fieldOf(l.text)
		switch {
		case l.text == "" && n+1 < len(lines) && f.fieldOf(lines[n+1].text) != none: // some clients leave lines blank
		case field != none && !seen[field]:
			seen[field] = true
			count++
			plain = 0
			if count == 2 && !seen[sender] {
				return 0
			}
		case field == none && l.text != "" && plain < 2 && count > 0: // a wrapped list of people
			plain++
		default:
			return count
		}
	}

	return count
}

// fieldOf returns the field that a line sets, or none. Outlook writes them in bold: "**From:**
// Carol", "*Von:* Carol".
func (f heads) fieldOf(text string) field {
	text = strings.TrimLeft(text, "*_ \u3000")
	at := strings.IndexAny(text, ":：")
	if at <= 0 || at > 40 {
		return none
	}
	name := strings.TrimRight(text[:at], "*_ \u00a0\u202f\u3000")
	_, size := utf8.DecodeRuneInString(text[at:])
	if strings.Trim(text[at+size:], "*_ \u3000") == "" {
		return none
	}
	for n, names := range f {
		for _, known := range names {
			if strings.EqualFold(name, known) {
				return field(n)
			}
		}
	}

	return none
}
