package reply

import (
	"regexp"
	"strings"
)

var (
	// wroteLine introduces what a mail answers, in the languages of the common mail programs.
	wroteLine = regexp.MustCompile(`(?i)^(on|am|le|el|il|op|em|den) .{4,200}` +
		`(wrote|schrieb|écrit|escribió|ha scritto|schreef|escreveu|skrev).*:$`)

	// addressed is an attribution in any language, told by the address in it, which GitHub masks.
	addressed = regexp.MustCompile(`^On\s.*\swrote\s?:$|\S.*(?:<[^<>]*@[^<>]*>|\*\*\*@\*\*\*\.\*\*\*>?)[^<>]*:$`)

	// separatorLine begins what Outlook quotes without marks.
	separatorLine = regexp.MustCompile(`(?i)^(-{2,} ?(original message|ursprüngliche nachricht|message d'origine) ?-{2,}|_{20,})$`)

	// senderLine and sentLine are the first lines of Outlook's header.
	senderLine = regexp.MustCompile(`(?i)^\*?(from|von|de|da|van):\*? .`)
	sentLine   = regexp.MustCompile(`(?i)^\*?(sent|date|gesendet|datum|envoyé|enviado|inviato|verzonden):\*? .`)
)

// IntroducesQuote reports whether a line, which a quote follows, is what a mail program puts before it, such as
// "On Tue, Nov 24, 2026 at 10:40 AM Carol <carol@example.com> wrote:".
func IntroducesQuote(line string) bool { return addressed.MatchString(line) }

// WithoutQuotes leaves out of an answer by mail what it answers, which the conversation has already: lines marked with >,
// and everything after Outlook's header. It returns the whole if nothing would be left.
func WithoutQuotes(mail string) string {
	lines := strings.Split(strings.ReplaceAll(mail, "\r\n", "\n"), "\n")
	at := func(i int) string {
		if i < len(lines) {
			return strings.TrimSpace(lines[i])
		}
		return ""
	}

	var kept []string
	for i := 0; i < len(lines); i++ {
		line := at(i)
		isHeader := senderLine.MatchString(line) && (sentLine.MatchString(at(i+1)) || sentLine.MatchString(at(i+2)))
		if separatorLine.MatchString(line) || isHeader {
			break
		}
		if strings.HasPrefix(line, ">") || wroteLine.MatchString(line) {
			continue
		}
		if wroteLine.MatchString(line + " " + at(i+1)) { // folded by the mail program
			i++
			continue
		}
		kept = append(kept, lines[i])
	}

	if rest := strings.Join(kept, "\n"); strings.TrimSpace(rest) != "" {
		return rest
	}
	return mail
}
