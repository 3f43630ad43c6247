package web

import (
	"bytes"
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

// finish goes over the sanitised HTML once: it closes what was left open and drops what was never opened, so
// that a comment cannot break the page around it; links mentions and references outside code and links; makes
// links and ids those of this server; and turns images from elsewhere, which must not load, into links.
func (t markdownText) finish(out *bytes.Buffer, clean []byte) {
	tokens := xhtml.NewTokenizer(bytes.NewReader(clean))
	var open []string // elements, outermost first
	counts := map[string]int{}
	closeTop := func() {
		name := open[len(open)-1]
		open = open[:len(open)-1]
		counts[name]--
		out.WriteString("</" + name + ">")
	}
	linkStart, linkHref := -1, "" // where the text of the open link begins, to shorten it
	headingID, anchors := "", 0
	for {
		kind := tokens.Next()
		if kind == xhtml.ErrorToken {
			break
		}
		token := tokens.Token()
		switch kind {
		case xhtml.TextToken:
			if counts["a"] > 0 || counts["code"] > 0 || counts["pre"] > 0 || counts["tt"] > 0 {
				out.WriteString(html.EscapeString(token.Data))
			} else {
				t.link(out, token.Data)
			}
		case xhtml.StartTagToken, xhtml.SelfClosingTagToken:
			name := token.Data
			if len(open) >= 200 && !voidElements[name] {
				continue // deeper than any browser would show
			}
			switch name {
			case "img":
				t.image(out, token, counts["a"] > 0)
				continue
			case "input":
				if attribute(token, "type") != "checkbox" {
					continue
				}
				if hasAttribute(token, "checked") {
					out.WriteString(`<input type="checkbox" class="task-list-item-checkbox" disabled="" aria-label="Completed task" checked="">`)
				} else {
					out.WriteString(`<input type="checkbox" class="task-list-item-checkbox" disabled="" aria-label="Incomplete task">`)
				}
				continue
			case "a":
				for counts["a"] > 0 {
					closeTop()
				}
			case "h1", "h2", "h3", "h4", "h5", "h6":
				headingID = attribute(token, "id")
			}
			out.WriteString("<" + name)
			linkHref = t.attributes(out, token, linkHref)
			out.WriteString(">")
			if attribute(token, "class") == own+"markdown-alert-title" {
				out.WriteString(string(octicon(alertIcons[alertOf(out)])))
			}
			if voidElements[name] {
				continue
			}
			open = append(open, name)
			counts[name]++
			if name == "a" {
				linkStart = out.Len()
			}
		case xhtml.EndTagToken:
			if counts[token.Data] == 0 {
				continue
			}
			for open[len(open)-1] != token.Data {
				closeTop()
			}
			switch token.Data {
			case "a":
				if short, ok := t.shorten(linkHref); ok && linkStart >= 0 && html.UnescapeString(string(out.Bytes()[linkStart:])) == linkHref {
					out.Truncate(linkStart)
					out.WriteString(html.EscapeString(short))
				}
				linkStart = -1
			case "h1", "h2", "h3", "h4", "h5", "h6":
				if anchors++; t.file != "" && headingID != "" && anchors <= maxAnchors {
					fmt.Fprintf(out, `<a class="anchor" href="#user-content-%s" aria-label="Permalink to this heading">%s</a>`, html.EscapeString(headingID), octicon("link"))
				}
			}
			closeTop()
		}
	}
	for len(open) > 0 {
		closeTop()
	}
}

var alertIcons = map[string]string{"note": "info", "tip": "light-bulb", "important": "report", "warning": "alert", "caution": "stop"}

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
	fmt.Fprintf(out, `<a href="%s" rel="nofollow noreferrer">%s</a>`, html.EscapeString(src), html.EscapeString(alt))
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

var itemPath = regexp.MustCompile(`^/(` + naming.RepositoryPattern + `)/(?:issues|pull)/(\d{1,9})(#issuecomment-\d+)?$`)

// shorten gives the text that GitHub shows for a bare address of an issue or pull request.
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

// shortForm finds @login, @org/team, #12, GH-12, owner/repo#12 and :emoji: in a text. The first group is what must
// stand before: nothing, or something that is not part of a word or path.
var shortForm = regexp.MustCompile(`(^|[^A-Za-z0-9_/@#&.-])(?:@(` + naming.LoginPattern + `)(?:/(` + naming.TeamPattern + `))?|(` + naming.RepositoryPattern + `)?(?:#|\bGH-)(\d{1,9})|:([a-z0-9_+-]{1,40}):)`)

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
		group := func(n int) string {
			if m[2*n] < 0 {
				return ""
			}
			return data[m[2*n]:m[2*n+1]]
		}
		from, to := m[3], m[1]
		replacement, end := "", to
		switch {
		case group(2) != "":
			replacement, end = t.mention(group(2), group(3), data[from:to], to)
			if replacement != "" && end < to {
				end = from + 1 + len(group(2))
			}
			if end < len(data) && replacement != "" && (isWordByte(data[end]) && data[end-1] != '-') {
				replacement = ""
			}
		case group(5) != "":
			if to < len(data) && isWordByte(data[to]) || t.item == nil {
				break
			}
			repo := group(4)
			if repo == "" {
				repo = t.repo
			}
			number, _ := strconv.Atoi(group(5))
			if title, href, ok := t.item(repo, number); ok {
				replacement = fmt.Sprintf(`<a class="issue-link" href="%s" title="%s">%s</a>`, html.EscapeString(href), html.EscapeString(title), html.EscapeString(data[from:to]))
			}
		default:
			replacement = emoji[group(6)]
			if replacement == "" {
				end = to - 1 // the closing colon may open the next one
			}
		}
		out.WriteString(html.EscapeString(data[:from]))
		if replacement == "" {
			replacement = html.EscapeString(data[from:end])
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

func isWordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// mention links a person or a team that exists; anybody else's name stays text. It returns where the mention ends,
// which is before the slash if only the person exists.
func (t markdownText) mention(login, slug, written string, end int) (string, int) {
	if slug != "" {
		if t.team == nil || !t.team(login, slug) {
			return "", end
		}
		return fmt.Sprintf(`<a class="team-mention" href="/orgs/%s/teams/%s">%s</a>`, html.EscapeString(login), html.EscapeString(slug), html.EscapeString(written)), end
	}
	trimmed := login // a hyphen may end an old account's login, or belong to the sentence
	if t.user != nil && !t.user(login) {
		trimmed = strings.TrimRight(login, "-")
	}
	if t.user == nil || !t.user(trimmed) {
		return "", end
	}
	return fmt.Sprintf(`<a class="user-mention" href="/%s">@%s</a>%s`, html.EscapeString(trimmed), html.EscapeString(trimmed), login[len(trimmed):]), end
}

// emoji holds the short codes that people and bots write most.
var emoji = map[string]string{
	"+1": "👍", "thumbsup": "👍", "-1": "👎", "thumbsdown": "👎", "laughing": "😆", "smile": "😄", "confused": "😕",
	"heart": "❤️", "hooray": "🎉", "tada": "🎉", "rocket": "🚀", "eyes": "👀", "warning": "⚠️", "rotating_light": "🚨",
	"fire": "🔥", "white_check_mark": "✅", "heavy_check_mark": "✔️", "x": "❌", "no_entry": "⛔", "construction": "🚧",
	"red_circle": "🔴", "orange_circle": "🟠", "yellow_circle": "🟡", "green_circle": "🟢", "large_blue_circle": "🔵",
	"white_circle": "⚪", "black_circle": "⚫", "bell": "🔔", "no_bell": "🔕", "hourglass": "⌛", "stopwatch": "⏱️",
	"phone": "☎️", "telephone": "☎️", "email": "📧", "pager": "📟", "memo": "📝", "pushpin": "📌", "link": "🔗",
	"mag": "🔍", "wrench": "🔧", "bug": "🐛", "bulb": "💡", "question": "❓", "exclamation": "❗", "sparkles": "✨",
	"wave": "👋", "pray": "🙏", "clap": "👏", "100": "💯", "thinking": "🤔", "sweat_smile": "😅", "ok_hand": "👌",
	"point_up": "☝️", "point_right": "👉", "arrow_right": "➡️", "lock": "🔒", "package": "📦", "zap": "⚡", "stop_sign": "🛑",
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
