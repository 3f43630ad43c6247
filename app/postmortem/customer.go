package postmortem

import (
	"bytes"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// CustomerVersion returns the part of a postmortem that its customers get (C3): their section,
// without comments and without what Firebreak wrote (A7). ok is false if there isn't one, or if a
// prompt is left in it.
func CustomerVersion(document string) (markdown string, ok bool) {
	p, why := parseDocument(document, "")
	if why != "" || p.customer.hasPrompt || p.customer.section == nil || !p.customer.section.isWritten {
		return "", false
	}
	markdown = strings.Trim(blank.ReplaceAllString(p.customerText(), "\n\n"), "\n \t")
	return markdown + "\n", markdown != ""
}

// customerText returns the source of the customer's section without p.cut, with the same lines.
func (p *parsedDocument) customerText() string {
	if p.customer.from < 0 {
		return ""
	}
	slices.SortFunc(p.cut, func(a, b byteRange) int { return a.from - b.from })
	var b strings.Builder
	at := p.customer.from
	for _, c := range p.cut {
		if c.to <= at || c.from >= p.customer.to {
			continue
		}
		b.Write(p.src[at:max(at, c.from)])
		b.WriteString(strings.Repeat("\n",
			bytes.Count(p.src[max(at, c.from):min(c.to, p.customer.to)], []byte("\n"))))
		at = min(c.to, p.customer.to)
	}
	b.Write(p.src[at:p.customer.to])
	return b.String()
}

// maxPerLine is how many internal names are reported per line.
const maxPerLine = 10

// gap is what may be inside a reference that was copied from Firebreak's own text.
const gap = `\\?#` + texts.Joiner + `?`

var (
	issueReference = regexp.MustCompile(`(?i)(?:^|[^\w&/])((?:[\w.-]+/[\w.-]+)?` + gap + `[0-9]+|gh-` +
		texts.Joiner + `?[0-9]+)\b`)
	mentionReference = regexp.MustCompile(`(?:^|[^\w.+-])(@` + texts.Joiner + `?[A-Za-z0-9][\w-]*(?:/[\w.-]+)?)`)
	commitReference  = regexp.MustCompile(`\b([0-9a-f]{7,40})\b`)
	webAddress       = regexp.MustCompile(`(?i)\bhttps?://[^\s<>()\[\]"'|]+`)
)

// checkCustomer reports what no customer should read, in code too: the whole section is sent.
func (p *parsedDocument) checkCustomer(names []string) {
	told := p.customerText()
	if strings.TrimSpace(told) == "" {
		return
	}
	host, owner := p.homeOf()
	forms := []*regexp.Regexp{issueReference, mentionReference, commitReference}
	if owner != "" {
		forms = append(forms, regexp.MustCompile(`(?i)(?:^|[^\w/.-])(`+regexp.QuoteMeta(owner)+`/[\w.-]*\w)`))
	}
	var lower []string
	for _, n := range names {
		if n = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(n), "@")); n != "" {
			lower = append(lower, n)
		}
	}
	number := p.lineOf(p.customer.from)
	for line := range strings.SplitSeq(told, "\n") {
		for _, what := range findInternals(line, lower, host, forms) {
			p.report(number, number, Failure, "internal-name",
				fmt.Sprintf("%s is internal, and this section is sent to the customer: say it in other words",
					what))
		}
		number++
	}
}

// homeOf returns the host of the incident, and the owner of its repository.
func (p *parsedDocument) homeOf() (host, owner string) {
	host = "github.com"
	ref, err := incident.ParseRef(p.front.id)
	if err != nil {
		return host, ""
	}
	if _, after, ok := strings.Cut(p.document, "["+ref.String()+"]("); ok {
		to, _, _ := strings.Cut(after[:min(len(after), 1000)], ")")
		if u, err := url.Parse(to); err == nil && u.Host != "" {
			host = strings.ToLower(u.Host)
		}
	}
	return host, ref.Owner
}

// findInternals returns what is internal in a line, each once: addresses on host, matches of forms,
// and names, which are in lower case.
func findInternals(line string, names []string, host string, forms []*regexp.Regexp) []string {
	var found []string
	add := func(what string) {
		if what = texts.Truncate(what, 60); !slices.Contains(found, what) && len(found) < maxPerLine {
			found = append(found, what)
		}
	}
	line = webAddress.ReplaceAllStringFunc(line, func(address string) string {
		if u, err := url.Parse(address); err == nil && strings.ToLower(u.Host) != host {
			return address
		}
		add(address)
		return " " // what was found is not found again in part
	})
	for _, form := range forms {
		var rest strings.Builder
		at := 0
		for _, m := range form.FindAllStringSubmatchIndex(line, -1) {
			if what := line[m[2]:m[3]]; form != commitReference ||
				strings.ContainsAny(what, "abcdef") && strings.ContainsAny(what, "0123456789") {
				add(what)
				rest.WriteString(line[at:m[2]] + " ")
				at = m[3]
			}
		}
		line = rest.String() + line[at:]
	}
	line = strings.ToLower(line)
	for _, n := range names {
		if containsWord(line, n) {
			add(n)
		}
	}
	return found
}

// containsWord reports whether a text contains a name as a word of its own.
func containsWord(text, name string) bool {
	for at := 0; ; {
		i := strings.Index(text[at:], name)
		if i < 0 {
			return false
		}
		from, to := at+i, at+i+len(name)
		before, _ := utf8.DecodeLastRuneInString(text[:from])
		after, _ := utf8.DecodeRuneInString(text[to:])
		if !isLetter(before) && !isLetter(after) {
			return true
		}
		at = to
	}
}

func isLetter(r rune) bool {
	return r != utf8.RuneError && (r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r))
}
