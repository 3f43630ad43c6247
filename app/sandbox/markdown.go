package sandbox

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"html"
	"html/template"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	gast "github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	gparser "github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	ghtml "github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
	xhtml "golang.org/x/net/html"
)

// What a hostile text may cost. Beyond a limit the text is shown as it was written: GitHub too shows
// something, and a page that hangs helps nobody.
const (
	maxMarkdownSource = 512 << 10 // bytes of a file; comments are at most 64 KiB anyway
	maxMarkdownGrowth = 16        // HTML may be so many times longer: link definitions can multiply a text
	maxMarkdownDepth  = 24        // containers inside each other (goldmark is quadratic there)
	maxMarkdownLinks  = 2000      // openings of links in one paragraph (and there)
	maxMarkdownCells  = 50_000    // cells of a table, the missing ones included
	maxFrontMatter    = 16 << 10
	maxAnchors        = 300 // headings of a file that get a link to themselves
)

// markdownText is a text with what its short forms (@login, #12, relative links) refer to.
type markdownText struct {
	source string
	repo   string // owner/name in which "#12" is looked up
	origin string // scheme and host of this server; absolute links to it are shortened as GitHub does
	branch string // of the file the text stands in
	file   string // path of the file the text stands in, or "" for a comment

	user func(login string) bool
	team func(org, slug string) bool
	item func(repo string, number int) (title, href string, ok bool)
}

// html renders the text as GitHub would show it: GitHub-flavoured Markdown, sanitised, with mentions and
// references linked. It is safe to put into a page as it is.
func (t markdownText) html() template.HTML {
	source := strings.ReplaceAll(t.source, "\r\n", "\n")
	source = strings.ReplaceAll(source, "\r", "\n")
	source = strings.ReplaceAll(source, "\x00", "\uFFFD")
	if len(source) > maxMarkdownSource || tooCostly(source) {
		return plainText(source)
	}
	var out bytes.Buffer
	markdown := commentMarkdown
	var context []gparser.ParseOption
	if t.file != "" {
		markdown = fileMarkdown
		var front template.HTML
		front, source = frontMatter(source)
		out.WriteString(string(front))
		context = append(context, gparser.WithContext(gparser.NewContext(gparser.WithIDs(&headingIDs{seen: map[string]int{}}))))
	}
	limit := maxMarkdownGrowth*len(source) + 64<<10
	document := markdown.Parser().Parse(text.NewReader([]byte(source)), context...)
	if addressBytes(document) > limit {
		return plainText(t.source)
	}
	rendered := limitedBuffer{limit: limit}
	if err := markdown.Renderer().Render(&rendered, []byte(source), document); err != nil {
		return plainText(t.source)
	}
	clean := markdownPolicy.SanitizeBytes(rendered.Bytes())
	t.finish(&out, clean)
	return template.HTML(out.String()) //nolint:gosec // sanitised by markdownPolicy, balanced by finish
}

// plainText shows a text without reading any Markdown in it.
func plainText(source string) template.HTML {
	return template.HTML(`<pre class="plain-text">` + html.EscapeString(source) + `</pre>`) //nolint:gosec // escaped
}

// addressBytes adds up the addresses of all links: one definition can stand for thousands of long ones, and the
// renderer would go through them all before it noticed that the buffer is full.
func addressBytes(document gast.Node) int {
	total := 0
	_ = gast.Walk(document, func(node gast.Node, entering bool) (gast.WalkStatus, error) {
		if link, ok := node.(*gast.Link); ok && entering {
			total += len(link.Destination) + len(link.Title)
		}
		if image, ok := node.(*gast.Image); ok && entering {
			total += len(image.Destination) + len(image.Title)
		}
		return gast.WalkContinue, nil
	})
	return total
}

// limitedBuffer refuses to grow beyond its limit.
type limitedBuffer struct {
	bytes.Buffer
	limit int
}

var errTooLong = errors.New("rendered markdown too long")

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.limit {
		return 0, errTooLong
	}
	return b.Buffer.Write(p)
}

// tooCostly reports whether quotes and lists stand in each other deeper than maxMarkdownDepth, or whether a
// paragraph or table would keep the parser busy for seconds. Depth is a cheap upper bound: it counts markers at the
// start of each line, and indentation only as deep as markers before it went.
func tooCostly(source string) bool {
	depth, links, columns, cells := 0, 0, 0, 0
	for line := range strings.SplitSeq(source, "\n") {
		indent, markers, i := 0, 0, 0
		rest := line
	markers:
		for {
			i = 0
			for i < len(rest) && (rest[i] == ' ' || rest[i] == '\t') {
				if markers == 0 {
					indent++
					if rest[i] == '\t' {
						indent += 3
					}
				}
				i++
			}
			rest = rest[i:]
			if rest == "" {
				break
			}
			switch c := rest[0]; {
			case c == '>':
				markers, rest = markers+1, rest[1:]
			case (c == '-' || c == '*' || c == '+') && (len(rest) == 1 || rest[1] == ' ' || rest[1] == '\t'):
				markers, rest = markers+1, rest[1:]
			case c >= '0' && c <= '9':
				digits := 0
				for digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9' {
					digits++
				}
				if digits > 9 || digits == len(rest) || rest[digits] != '.' && rest[digits] != ')' {
					break markers
				}
				markers, rest = markers+1, rest[digits+1:]
			default:
				break markers
			}
			if markers > maxMarkdownDepth {
				return true
			}
		}
		if markers > 0 {
			depth = min(indent/2, depth) + markers
			if depth > maxMarkdownDepth {
				return true
			}
		}
		if strings.TrimSpace(line) == "" {
			links, columns, cells = 0, 0, 0
			continue
		}
		if links += strings.Count(line, "]("); links > maxMarkdownLinks {
			return true
		}
		if strings.Contains(line, "-") && strings.Trim(line, "|-: \t>") == "" {
			columns = max(columns, strings.Count(line, "|")+1)
		}
		if cells += columns; cells > maxMarkdownCells {
			return true
		}
	}
	return false
}

// own marks class names that our renderer wrote, so that the sanitiser can tell them from classes in a
// person's raw HTML, which GitHub drops. It differs in each process, so that nobody can write it.
var own = func() string {
	b := make([]byte, 8)
	if _, err := rand.Read(b); err != nil {
		panic(err)
	}
	return "x" + hex.EncodeToString(b) + "-"
}()

var (
	commentMarkdown = newMarkdown(nil, ghtml.WithHardWraps())
	fileMarkdown    = newMarkdown([]gparser.Option{gparser.WithAutoHeadingID()})
	markdownPolicy  = newMarkdownPolicy()
)

// GitHub also links hosts without a dot and with digits only, which matters on 127.0.0.1.
var urlPattern = regexp.MustCompile(`^(?:http|https|ftp)://[-a-zA-Z0-9@:%._\+~#=]{1,256}(?::\d+)?(?:[/#?][-a-zA-Z0-9@:%_+.~#$!?&/=\(\);,'">\^{}\[\]` + "`" + `]*)?`)

func newMarkdown(parserOptions []gparser.Option, options ...renderer.Option) goldmark.Markdown {
	parserOptions = append(parserOptions, gparser.WithASTTransformers(util.Prioritized(alertTransformer{}, 500)))
	options = append(options, ghtml.WithUnsafe(),
		renderer.WithNodeRenderers(util.Prioritized(nodeRenderer{}, 100)))
	return goldmark.New(
		goldmark.WithExtensions(
			extension.NewLinkify(extension.WithLinkifyURLRegexp(urlPattern)),
			extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute)),
			extension.Strikethrough,
			extension.TaskList,
		),
		goldmark.WithParserOptions(parserOptions...),
		goldmark.WithRendererOptions(options...),
	)
}

// newMarkdownPolicy is GitHub's allow-list of elements and attributes.
func newMarkdownPolicy() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("h1", "h2", "h3", "h4", "h5", "h6", "br", "b", "i", "strong", "em", "a", "pre", "code", "img",
		"tt", "div", "ins", "del", "sup", "sub", "p", "ol", "ul", "table", "thead", "tbody", "tfoot", "tr", "td", "th",
		"blockquote", "dl", "dt", "dd", "kbd", "q", "samp", "var", "hr", "ruby", "rt", "rp", "li", "s", "strike",
		"summary", "details", "caption", "figure", "figcaption", "abbr", "bdo", "cite", "dfn", "mark", "small",
		"span", "time", "wbr")
	p.AllowNoAttrs().OnElements("a", "img", "span")
	p.AllowAttrs("abbr", "align", "alt", "axis", "border", "char", "charoff", "clear", "cols", "colspan", "compact",
		"dir", "headers", "height", "hreflang", "hspace", "id", "label", "lang", "name", "noshade", "nowrap", "open",
		"reversed", "rows", "rowspan", "rules", "scope", "size", "span", "start", "summary", "title", "type",
		"valign", "value", "vspace", "width", "datetime").Globally()
	p.AllowAttrs("class").Matching(regexp.MustCompile(`^` + own + `[a-z -]+$`)).Globally()
	p.AllowAttrs("class").Matching(regexp.MustCompile(`^language-[A-Za-z0-9_+#.-]+$`)).OnElements("code")
	p.AllowAttrs("type", "checked", "disabled").OnElements("input")
	p.AllowAttrs("href").OnElements("a")
	p.AllowAttrs("src").OnElements("img")
	p.AllowAttrs("cite").OnElements("blockquote", "del", "ins", "q")
	p.AllowURLSchemes("http", "https", "mailto")
	p.AllowRelativeURLs(true)
	p.RequireParseableURLs(true)
	return p
}

// alert is a quote that begins with "[!NOTE]" or one of its four sisters.
type alert struct {
	gast.BaseBlock
	kind string
}

var kindAlert = gast.NewNodeKind("GitHubAlert")

func (*alert) Kind() gast.NodeKind             { return kindAlert }
func (a *alert) Dump(source []byte, level int) { gast.DumpHelper(a, source, level, nil, nil) }

var alertMarker = regexp.MustCompile(`(?i)^\[!(note|tip|important|warning|caution)\][ \t]*\n?$`)

type alertTransformer struct{}

// Transform turns quotes with a marker into alerts. GitHub does so only where the quote stands by itself, not
// within a list or another quote, and only if something follows the marker.
func (alertTransformer) Transform(document *gast.Document, reader text.Reader, _ gparser.Context) {
	source := reader.Source()
	var next gast.Node
	for node := document.FirstChild(); node != nil; node = next {
		next = node.NextSibling()
		quote, ok := node.(*gast.Blockquote)
		if !ok {
			continue
		}
		paragraph, ok := quote.FirstChild().(*gast.Paragraph)
		if !ok || paragraph.Lines().Len() == 0 {
			continue
		}
		first := paragraph.Lines().At(0)
		marker := alertMarker.FindSubmatch(first.Value(source))
		if marker == nil || paragraph.Lines().Len() == 1 && paragraph.NextSibling() == nil {
			continue
		}
		for child := paragraph.FirstChild(); child != nil; {
			following := child.NextSibling()
			inline, ok := child.(*gast.Text)
			if !ok || inline.Segment.Start >= first.Stop {
				break
			}
			paragraph.RemoveChild(paragraph, child)
			child = following
		}
		if paragraph.ChildCount() == 0 {
			quote.RemoveChild(quote, paragraph)
		}
		box := &alert{kind: strings.ToLower(string(marker[1]))}
		for child := quote.FirstChild(); child != nil; {
			following := child.NextSibling()
			box.AppendChild(box, child)
			child = following
		}
		document.ReplaceChild(document, quote, box)
	}
}

// nodeRenderer writes what GitHub writes differently from goldmark.
type nodeRenderer struct{}

func (nodeRenderer) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(kindAlert, renderAlert)
	r.Register(gast.KindFencedCodeBlock, renderFence)
}

func renderAlert(w util.BufWriter, _ []byte, node gast.Node, entering bool) (gast.WalkStatus, error) {
	if !entering {
		_, err := w.WriteString("</div>\n")
		return gast.WalkContinue, err
	}
	kind := node.(*alert).kind
	_, err := fmt.Fprintf(w, "<div class=\"%smarkdown-alert markdown-alert-%s\"><p class=\"%smarkdown-alert-title\">%s</p>\n",
		own, kind, own, strings.ToUpper(kind[:1])+kind[1:])
	return gast.WalkContinue, err
}

var languageName = regexp.MustCompile(`^[A-Za-z0-9_+#.-]+$`)

func renderFence(w util.BufWriter, source []byte, node gast.Node, entering bool) (gast.WalkStatus, error) {
	if !entering {
		return gast.WalkContinue, nil
	}
	fence := node.(*gast.FencedCodeBlock)
	language := string(fence.Language(source))
	if !languageName.MatchString(language) {
		language = ""
	}
	if language == "mermaid" {
		// GitHub draws the diagram with a script from elsewhere; here its text stands, named as what it is.
		fmt.Fprintf(w, "<div class=\"%smermaid\"><p class=\"%smermaid-caption\">mermaid</p>", own, own)
	}
	if language == "" {
		fmt.Fprint(w, "<pre><code>")
	} else {
		fmt.Fprintf(w, "<pre lang=\"%s\"><code class=\"language-%s\">", language, language)
	}
	for i := range fence.Lines().Len() {
		line := fence.Lines().At(i)
		fmt.Fprint(w, html.EscapeString(string(line.Value(source))))
	}
	fmt.Fprint(w, "</code></pre>")
	if language == "mermaid" {
		fmt.Fprint(w, "</div>")
	}
	_, err := w.WriteString("\n")
	return gast.WalkSkipChildren, err
}

// headingIDs names headings as GitHub does: lower case, no punctuation, spaces as hyphens, -1, -2 … for repeats.
type headingIDs struct{ seen map[string]int }

func (h *headingIDs) Generate(value []byte, _ gast.NodeKind) []byte {
	var b strings.Builder
	for _, r := range strings.ToLower(strings.TrimSpace(string(value))) {
		switch {
		case r == ' ':
			b.WriteByte('-')
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r):
			b.WriteRune(r)
		}
	}
	id := b.String()
	n := h.seen[id]
	h.seen[id] = n + 1
	if n > 0 {
		id += "-" + strconv.Itoa(n)
	}
	return []byte(id)
}

func (h *headingIDs) Put(value []byte) { h.seen[string(value)]++ }

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
				out.WriteString(`<input type="checkbox" class="task-list-item-checkbox" disabled=""`)
				if hasAttribute(token, "checked") {
					out.WriteString(` checked=""`)
				}
				out.WriteString(`>`)
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

var itemPath = regexp.MustCompile(`^/([A-Za-z0-9-]+/[A-Za-z0-9._-]+)/(?:issues|pull)/(\d{1,9})(#issuecomment-\d+)?$`)

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
var shortForm = regexp.MustCompile(`(^|[^A-Za-z0-9_/@#&.-])(?:@([A-Za-z0-9](?:[A-Za-z0-9-]{0,38}))(?:/([A-Za-z0-9][A-Za-z0-9_-]{0,99}))?|([A-Za-z0-9-]{1,39}/[A-Za-z0-9._-]{1,100})?(?:#|\bGH-)(\d{1,9})|:([a-z0-9_+-]{1,40}):)`)

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
	trimmed := strings.TrimRight(login, "-")
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

// frontMatter takes the YAML between two lines of "---" off the head of a file and renders it as the table that
// GitHub shows. A file without it, or with YAML that does not parse, stays as it is.
func frontMatter(source string) (template.HTML, string) {
	rest, ok := strings.CutPrefix(source, "---\n")
	if !ok {
		return "", source
	}
	matter, body, ok := strings.Cut(rest, "\n---\n")
	if !ok {
		if matter, ok = strings.CutSuffix(strings.TrimRight(rest, "\n"), "\n---"); !ok {
			return "", source
		}
	}
	if len(matter) > maxFrontMatter || tooCostly(matter) {
		return "", source
	}
	file, err := parser.ParseBytes([]byte(matter), 0)
	if err != nil || len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return "", source
	}
	if _, ok := file.Docs[0].Body.(*ast.MappingNode); !ok {
		return "", source
	}
	var b strings.Builder
	matterTable(&b, file.Docs[0].Body, 0)
	return template.HTML(b.String()), body //nolint:gosec // every value is escaped by matterTable
}

// matterTable writes a YAML value as GitHub does: a mapping as a table with one row, a list as a row of cells.
func matterTable(b *strings.Builder, node ast.Node, depth int) {
	if depth > 6 {
		b.WriteString(html.EscapeString(node.String()))
		return
	}
	switch n := node.(type) {
	case *ast.MappingNode:
		b.WriteString("<table><thead><tr>")
		for _, pair := range n.Values {
			b.WriteString("<th>" + html.EscapeString(scalar(pair.Key)) + "</th>")
		}
		b.WriteString("</tr></thead><tbody><tr>")
		for _, pair := range n.Values {
			b.WriteString("<td>")
			matterTable(b, pair.Value, depth+1)
			b.WriteString("</td>")
		}
		b.WriteString("</tr></tbody></table>")
	case *ast.SequenceNode:
		b.WriteString("<table><tbody><tr>")
		for _, value := range n.Values {
			b.WriteString("<td>")
			matterTable(b, value, depth+1)
			b.WriteString("</td>")
		}
		b.WriteString("</tr></tbody></table>")
	default:
		b.WriteString("<div>" + html.EscapeString(scalar(node)) + "</div>")
	}
}

// scalar gives a YAML scalar's text without quotes and comments.
func scalar(node ast.Node) string {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value
	case *ast.LiteralNode:
		return n.Value.Value
	case *ast.NullNode:
		return ""
	case ast.Node:
		return strings.TrimSpace(n.GetToken().Value)
	}
	return ""
}
