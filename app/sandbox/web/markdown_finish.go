package web

import (
	"bytes"
	"cmp"
	"fmt"
	"html"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"

	xhtml "golang.org/x/net/html"

	"github.com/firebreak-dev/firebreak/app/naming"
)

var voidElements = map[string]bool{"br": true, "hr": true, "img": true, "input": true, "wbr": true}

// maxOpenElements is how deep elements are kept: no browser would show more.
const maxOpenElements = 200

// finisher goes over sanitised HTML once.
type finisher struct {
	text   markdownText
	out    *bytes.Buffer
	open   []string // elements, outermost first
	counts map[string]int

	linkStart int    // where the text of the open link begins, to shorten it; -1: none is open
	linkHref  string // its address
	headingID string
	anchors   int // of headings, so far
}

// finish goes over the sanitised HTML once: it closes what was left open and drops what was never opened, so
// that a comment cannot break the page around it; links mentions and references outside code and links; makes
// links and ids those of this server; and turns images from elsewhere, which must not load, into links.
func (t markdownText) finish(out *bytes.Buffer, clean []byte) {
	f := &finisher{text: t, out: out, counts: map[string]int{}, linkStart: -1}
	tokens := xhtml.NewTokenizer(bytes.NewReader(clean))
	for {
		kind := tokens.Next()
		if kind == xhtml.ErrorToken {
			break
		}
		token := tokens.Token()
		switch kind {
		case xhtml.TextToken:
			f.addText(token.Data)
		case xhtml.StartTagToken, xhtml.SelfClosingTagToken:
			f.startElement(token)
		case xhtml.EndTagToken:
			f.endElement(token.Data)
		}
	}
	for len(f.open) > 0 {
		f.closeInnermost()
	}
}

// closeInnermost closes the innermost of the open elements.
func (f *finisher) closeInnermost() {
	name := f.open[len(f.open)-1]
	f.open = f.open[:len(f.open)-1]
	f.counts[name]--
	f.out.WriteString("</" + name + ">")
}

// addText writes a text, with its short forms linked outside code and links.
func (f *finisher) addText(text string) {
	if f.counts["a"] > 0 || f.counts["code"] > 0 || f.counts["pre"] > 0 || f.counts["tt"] > 0 {
		f.out.WriteString(html.EscapeString(text))
		return
	}
	f.text.link(f.out, text)
}

// startElement writes the start of an element.
func (f *finisher) startElement(token xhtml.Token) {
	name := token.Data
	if len(f.open) >= maxOpenElements && !voidElements[name] {
		return
	}
	switch name {
	case "img":
		f.text.image(f.out, token, f.counts["a"] > 0)
		return
	case "input":
		f.addCheckbox(token)
		return
	case "a":
		for f.counts["a"] > 0 {
			f.closeInnermost()
		}
	case "h1", "h2", "h3", "h4", "h5", "h6":
		f.headingID = attribute(token, "id")
	}

	f.out.WriteString("<" + name)
	f.linkHref = f.text.attributes(f.out, token, f.linkHref)
	f.out.WriteString(">")
	if attribute(token, "class") == own+"markdown-alert-title" {
		f.out.WriteString(string(octicon(alertIcons[alertOf(f.out)])))
	}
	if voidElements[name] {
		return
	}
	f.open = append(f.open, name)
	f.counts[name]++
	if name == "a" {
		f.linkStart = f.out.Len()
	}
}

// addCheckbox writes the checkbox of a task; other inputs are dropped.
func (f *finisher) addCheckbox(token xhtml.Token) {
	if attribute(token, "type") != "checkbox" {
		return
	}
	label, checked := "Incomplete task", ""
	if hasAttribute(token, "checked") {
		label, checked = "Completed task", ` checked=""`
	}
	fmt.Fprintf(f.out, `<input type="checkbox" class="task-list-item-checkbox" disabled="" aria-label="%s"%s>`,
		label, checked)
}

// endElement ends an element, and what is open in it.
func (f *finisher) endElement(name string) {
	if f.counts[name] == 0 {
		return
	}
	for f.open[len(f.open)-1] != name {
		f.closeInnermost()
	}
	switch name {
	case "a":
		f.shortenLink()
		f.linkStart = -1
	case "h1", "h2", "h3", "h4", "h5", "h6":
		if f.anchors++; f.text.file != "" && f.headingID != "" && f.anchors <= maxAnchors {
			fmt.Fprintf(f.out, `<a class="anchor" href="#user-content-%s" aria-label="Permalink to this heading">%s</a>`,
				html.EscapeString(f.headingID), octicon("link"))
		}
	}
	f.closeInnermost()
}

// shortenLink shortens the text of the open link where it is the link's address.
func (f *finisher) shortenLink() {
	short, ok := f.text.shorten(f.linkHref)
	if !ok || f.linkStart < 0 || html.UnescapeString(string(f.out.Bytes()[f.linkStart:])) != f.linkHref {
		return
	}
	f.out.Truncate(f.linkStart)
	f.out.WriteString(html.EscapeString(short))
}

var alertIcons = map[string]string{"note": "info", "tip": "light-bulb", "important": "report",
	"warning": "alert", "caution": "stop"}

// alertOf finds which alert was opened last.
func alertOf(out *bytes.Buffer) string {
	written := out.Bytes()
	at := bytes.LastIndex(written, []byte(`<div class="markdown-alert markdown-alert-`))
	if at < 0 {
		return ""
	}
	kind := written[at+len(`<div class="markdown-alert markdown-alert-`):]
	return string(kind[:bytes.IndexByte(kind, '"')])
}

// attributes writes a start tag's attributes and returns the address if the tag is a link with one.
func (t markdownText) attributes(out *bytes.Buffer, token xhtml.Token, href string) string {
	external := false
	for _, a := range token.Attr {
		value := a.Val
		switch a.Key {
		case "class":
			value = strings.TrimPrefix(value, own)
		case "id", "name":
			value = "user-content-" + strings.TrimPrefix(value, "user-content-")
		case "href":
			href = value
			value = t.address(value)
			external = isAbsolute(value)
		case "rel", "target":
			continue
		}
		out.WriteString(" " + a.Key + `="` + html.EscapeString(value) + `"`)
	}
	if external {
		out.WriteString(` rel="nofollow noreferrer"`)
	}
	return href
}

// image keeps images of this repository and makes a link of any other.
func (t markdownText) image(out *bytes.Buffer, token xhtml.Token, inLink bool) {
	src, alt := attribute(token, "src"), attribute(token, "alt")
	if !isAbsolute(src) && t.file != "" && src != "" {
		local := strings.Replace(t.address(src), "/blob/", "/raw/", 1)
		fmt.Fprintf(out, `<img src="%s" alt="%s">`, html.EscapeString(local), html.EscapeString(alt))
		return
	}
	if alt == "" {
		alt = "image"
	}
	if inLink || !isAbsolute(src) {
		out.WriteString(html.EscapeString(alt))
		return
	}
	fmt.Fprintf(out, `<a href="%s" rel="nofollow noreferrer">%s</a>`, html.EscapeString(src),
		html.EscapeString(alt))
}

func isAbsolute(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme != "" || u.Host != "")
}

// address resolves a link as the page that shows the text would.
func (t markdownText) address(href string) string {
	if rest, ok := strings.CutPrefix(href, "#"); ok {
		if rest == "" {
			return href
		}
		if t.file == "" && strings.HasPrefix(rest, "issuecomment-") {
			return href
		}
		return "#user-content-" + strings.TrimPrefix(rest, "user-content-")
	}
	if t.origin != "" {
		if rest, ok := strings.CutPrefix(href, t.origin); ok && (rest == "" || rest[0] == '/') {
			return "/" + strings.TrimPrefix(rest, "/") // works behind a forwarded port too
		}
	}
	if t.file == "" || href == "" || isAbsolute(href) {
		return href
	}
	target, fragment, hasFragment := strings.Cut(href, "#")
	if !strings.HasPrefix(target, "/") {
		target = path.Join("/", path.Dir(t.file), target)
	}
	target = "/" + t.repo + "/blob/" + t.branch + path.Clean(target)
	if hasFragment {
		target += "#user-content-" + fragment
	}
	return target
}

var itemPath = regexp.MustCompile(`^/(` + naming.RepositoryPattern +
	`)/(?:issues|pull)/(\d{1,9})(#issuecomment-\d+)?$`)

// shorten returns the text that GitHub shows for a bare address of an issue or pull request.
func (t markdownText) shorten(href string) (string, bool) {
	if t.origin == "" || t.item == nil {
		return "", false
	}
	rest, ok := strings.CutPrefix(href, t.origin)
	if !ok {
		return "", false
	}
	match := itemPath.FindStringSubmatch(rest)
	if match == nil {
		return "", false
	}
	number, err := strconv.Atoi(match[2])
	if err != nil {
		return "", false
	}
	if _, _, ok := t.item(match[1], number); !ok {
		return "", false
	}
	short := "#" + match[2]
	if !strings.EqualFold(match[1], t.repo) {
		short = match[1] + short
	}
	if match[3] != "" {
		short += " (comment)"
	}
	return short, true
}

// shortForm finds @login, @org/team, #12, GH-12, owner/repo#12 and :emoji: in a text. The first
// group is what must come before: nothing, or something that is not part of a word or path.
var shortForm = regexp.MustCompile(`(^|[^A-Za-z0-9_/@#&.-])(?:@(` + naming.LoginPattern + `)(?:/(` +
	naming.TeamPattern + `))?|(` + naming.RepositoryPattern + `)?(?:#|\bGH-)(\d{1,9})|:([a-z0-9_+-]{1,40}):)`)

// link writes a text with its short forms linked.
func (t markdownText) link(out *bytes.Buffer, data string) {
	if !strings.ContainsAny(data, "@#:G") {
		out.WriteString(html.EscapeString(data))
		return
	}
	for data != "" {
		m := shortForm.FindStringSubmatchIndex(data)
		if m == nil {
			break
		}
		replacement, end := t.expand(data, m)
		out.WriteString(html.EscapeString(data[:m[3]]))
		if replacement == "" {
			replacement = html.EscapeString(data[m[3]:end])
		}
		out.WriteString(replacement)
		data = data[end:]
		if data != "" && end > 0 && isWordByte(data[0]) {
			// What follows a match directly is part of a word, so it cannot begin a short form itself.
			n := 0
			for n < len(data) && (isWordByte(data[n]) || data[n] == '/' || data[n] == '.') {
				n++
			}
			out.WriteString(html.EscapeString(data[:n]))
			data = data[n:]
		}
	}
	out.WriteString(html.EscapeString(data))
}

// expand returns the HTML of the short form that shortForm matched in a text, empty if it means
// nothing, and where it ends.
func (t markdownText) expand(data string, match []int) (replacement string, end int) {
	group := func(n int) string {
		if match[2*n] < 0 {
			return ""
		}
		return data[match[2*n]:match[2*n+1]]
	}
	from, to := match[3], match[1]
	switch {
	case group(2) != "":
		replacement, end = t.mention(group(2), group(3), data[from:to], to)
		if replacement != "" && end < to {
			end = from + 1 + len(group(2))
		}
		if replacement != "" && end < len(data) && isWordByte(data[end]) && data[end-1] != '-' {
			return "", end
		}
		return replacement, end
	case group(5) != "":
		if t.item == nil || to < len(data) && isWordByte(data[to]) {
			return "", to
		}
		number, _ := strconv.Atoi(group(5))
		title, href, ok := t.item(cmp.Or(group(4), t.repo), number)
		if !ok {
			return "", to
		}
		return fmt.Sprintf(`<a class="issue-link" href="%s" title="%s">%s</a>`,
			html.EscapeString(href), html.EscapeString(title), html.EscapeString(data[from:to])), to
	}
	if replacement = emoji[group(6)]; replacement == "" {
		return "", to - 1 // the closing colon may open the next one
	}
	return replacement, to
}

func isWordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// mention links a person or a team that exists; anybody else's name stays text. It returns where
// the mention ends, which is before the slash if only the person exists.
func (t markdownText) mention(login, slug, written string, end int) (string, int) {
	if slug != "" {
		if t.team == nil || !t.team(login, slug) {
			return "", end
		}
		return fmt.Sprintf(`<a class="team-mention" href="/orgs/%s/teams/%s">%s</a>`,
			html.EscapeString(login), html.EscapeString(slug), html.EscapeString(written)), end
	}
	trimmed := login // a hyphen may end an old account's login, or belong to the sentence
	if t.user != nil && !t.user(login) {
		trimmed = strings.TrimRight(login, "-")
	}
	if t.user == nil || !t.user(trimmed) {
		return "", end
	}
	return fmt.Sprintf(`<a class="user-mention" href="/%s">@%s</a>%s`, html.EscapeString(trimmed),
		html.EscapeString(trimmed), login[len(trimmed):]), end
}

// emoji holds the short codes that people and bots write most.
var emoji = map[string]string{
	"+1": "👍", "thumbsup": "👍", "-1": "👎", "thumbsdown": "👎", "laughing": "😆", "smile": "😄", "confused": "😕",
	"heart": "❤️", "hooray": "🎉", "tada": "🎉", "rocket": "🚀", "eyes": "👀", "warning": "⚠️",
	"rotating_light": "🚨",
	"fire":           "🔥", "white_check_mark": "✅", "heavy_check_mark": "✔️", "x": "❌", "no_entry": "⛔",
	"construction": "🚧",
	"red_circle":   "🔴", "orange_circle": "🟠", "yellow_circle": "🟡", "green_circle": "🟢",
	"large_blue_circle": "🔵",
	"white_circle":      "⚪", "black_circle": "⚫", "bell": "🔔", "no_bell": "🔕", "hourglass": "⌛",
	"stopwatch": "⏱️",
	"phone":     "☎️", "telephone": "☎️", "email": "📧", "pager": "📟", "memo": "📝", "pushpin": "📌", "link": "🔗",
	"mag": "🔍", "wrench": "🔧", "bug": "🐛", "bulb": "💡", "question": "❓", "exclamation": "❗", "sparkles": "✨",
	"wave": "👋", "pray": "🙏", "clap": "👏", "100": "💯", "thinking": "🤔", "sweat_smile": "😅", "ok_hand": "👌",
	"point_up": "☝️", "point_right": "👉", "arrow_right": "➡️", "lock": "🔒", "package": "📦", "zap": "⚡",
	"stop_sign": "🛑",
}

func attribute(token xhtml.Token, key string) string {
	for _, a := range token.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func hasAttribute(token xhtml.Token, key string) bool {
	for _, a := range token.Attr {
		if a.Key == key {
			return true
		}
	}
	return false
}
