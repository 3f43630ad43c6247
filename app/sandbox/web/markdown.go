package web

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"html"
	"html/template"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	gast "github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	gparser "github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	ghtml "github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
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
	branch string // of the file the text is in
	file   string // path of the file the text is in, or "" for a comment

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
		context = append(context, gparser.WithContext(gparser.NewContext(
			gparser.WithIDs(&headingIDs{seen: map[string]int{}}))))
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
	return template.HTML(`<pre class="plain-text">` + html.EscapeString(source) +
		`</pre>`) //nolint:gosec // escaped
}

// addressBytes adds up the addresses of all links: one definition can mean thousands of long ones, and the
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

// tooCostly reports whether quotes and lists are nested deeper than maxMarkdownDepth, or
// whether a paragraph or table would keep the parser busy for seconds. Depth is a cheap upper
// bound: it counts markers at the start of each line, and indentation only as deep as markers
// before it went.
func tooCostly(source string) bool {
	depth, links, columns, cells := 0, 0, 0, 0
	for line := range strings.SplitSeq(source, "\n") {
		indent, markers := leadingMarkers(line)
		if markers > 0 {
			depth = min(indent/2, depth) + markers
		}
		if markers > maxMarkdownDepth || depth > maxMarkdownDepth {
			return true
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

// leadingMarkers returns how far a line is indented, and how many markers of quotes and lists it
// begins with; it stops counting beyond maxMarkdownDepth.
func leadingMarkers(line string) (indent, markers int) {
	for rest := line; markers <= maxMarkdownDepth; markers++ {
		text := strings.TrimLeft(rest, " \t")
		if markers == 0 {
			blank := rest[:len(rest)-len(text)]
			indent = len(blank) + 3*strings.Count(blank, "\t")
		}
		n := markerLength(text)
		if n == 0 {
			return indent, markers
		}
		rest = text[n:]
	}
	return indent, markers
}

// markerLength returns the length of the marker of a quote or a list that a text begins with; 0 if
// it begins with none.
func markerLength(text string) int {
	if text == "" {
		return 0
	}
	switch c := text[0]; {
	case c == '>':
		return 1
	case c == '-' || c == '*' || c == '+':
		if len(text) == 1 || text[1] == ' ' || text[1] == '\t' {
			return 1
		}
	case c >= '0' && c <= '9':
		digits := len(text) - len(strings.TrimLeft(text, "0123456789"))
		if digits <= 9 && digits < len(text) && (text[digits] == '.' || text[digits] == ')') {
			return digits + 1
		}
	}
	return 0
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
var urlPattern = regexp.MustCompile(`^(?:http|https|ftp)://[-a-zA-Z0-9@:%._\+~#=]{1,256}(?::\d+)?` +
	`(?:[/#?][-a-zA-Z0-9@:%_+.~#$!?&/=\(\);,'">\^{}\[\]` + "`" + `]*)?`)

func newMarkdown(parserOptions []gparser.Option, options ...renderer.Option) goldmark.Markdown {
	parserOptions = append(parserOptions,
		gparser.WithASTTransformers(util.Prioritized(alertTransformer{}, 500)))
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
	p.AllowElements("h1", "h2", "h3", "h4", "h5", "h6", "br", "b", "i", "strong", "em", "a", "pre", "code",
		"img",
		"tt", "div", "ins", "del", "sup", "sub", "p", "ol", "ul", "table", "thead", "tbody", "tfoot", "tr",
		"td", "th",
		"blockquote", "dl", "dt", "dd", "kbd", "q", "samp", "var", "hr", "ruby", "rt", "rp", "li", "s",
		"strike",
		"summary", "details", "caption", "figure", "figcaption", "abbr", "bdo", "cite", "dfn", "mark", "small",
		"span", "time", "wbr")
	p.AllowNoAttrs().OnElements("a", "img", "span")
	p.AllowAttrs("abbr", "align", "alt", "axis", "border", "char", "charoff", "clear", "cols", "colspan",
		"compact",
		"dir", "headers", "height", "hreflang", "hspace", "id", "label", "lang", "name", "noshade",
		"nowrap", "open",
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

// Transform turns quotes with a marker into alerts. GitHub does so only where the quote is alone, not
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
	_, err := fmt.Fprintf(w, "<div class=\"%smarkdown-alert markdown-alert-%s\">"+
		"<p class=\"%smarkdown-alert-title\">%s</p>\n",
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
		// GitHub draws the diagram with a script from elsewhere; here its text is shown, named as what it is.
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

// headingIDs names headings as GitHub does: lower case, no punctuation, spaces as hyphens, -1, -2 …
// for repeats.
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
