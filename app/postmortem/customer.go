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

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// CustomerVersion gives what a postmortem tells its customers (C3): the text of their section,
// without comments and without what Firebreak wrote (A7). ok is false if there is none, or if a
// prompt is left in it.
func CustomerVersion(document string) (markdown string, ok bool) {
	p, why := read(document, "")
	if why != "" || p.customer.asks || p.customer.chapter == nil || !p.customer.chapter.written {
		return "", false
	}
	markdown = strings.Trim(blank.ReplaceAllString(p.told(), "\n\n"), "\n \t")
	return markdown + "\n", markdown != ""
}

// told gives the source of the customer's section without what was cut, line by line as it stands
// there.
func (p *paper) told() string {
	if p.customer.from < 0 {
		return ""
	}
	slices.SortFunc(p.cut, func(a, b extent) int { return a.from - b.from })
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

// maxPerLine are the internal things that a line is told of.
const maxPerLine = 10

// gap is what may stand inside a reference where it was copied from what Firebreak wrote.
const gap = `\\?#` + texts.Joiner + `?`

var (
	numbered = regexp.MustCompile(`(?i)(?:^|[^\w&/])((?:[\w.-]+/[\w.-]+)?` + gap + `[0-9]+|gh-` +
		texts.Joiner + `?[0-9]+)\b`)
	mention = regexp.MustCompile(`(?:^|[^\w.+-])(@` + texts.Joiner + `?[A-Za-z0-9][\w-]*(?:/[\w.-]+)?)`)
	commit  = regexp.MustCompile(`\b([0-9a-f]{7,40})\b`)
	web     = regexp.MustCompile(`(?i)\bhttps?://[^\s<>()\[\]"'|]+`)
)

// checkCustomer looks for what no customer should read, in code too: all of the section is sent.
func (p *paper) checkCustomer(names []string) {
	told := p.told()
	if strings.TrimSpace(told) == "" {
		return
	}
	host, owner := p.home()
	forms := []*regexp.Regexp{numbered, mention, commit}
	if owner != "" {
		forms = append(forms, regexp.MustCompile(`(?i)(?:^|[^\w/.-])(`+regexp.QuoteMeta(owner)+`/[\w.-]*\w)`))
	}
	var lower []string
	for _, n := range names {
		if n = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(n), "@")); n != "" {
			lower = append(lower, n)
		}
	}
	number := p.line(p.customer.from)
	for line := range strings.SplitSeq(told, "\n") {
		for _, what := range internals(line, lower, host, forms) {
			p.add(number, number, Failure, "internal-name",
				fmt.Sprintf("%s is internal, and this section is sent to the customer: say it in other words",
					what))
		}
		number++
	}
}

// home gives the host of the incident, and who owns its repository.
func (p *paper) home() (host, owner string) {
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

// internals gives what is internal in a line, each once: addresses on a host, what has one of the
// forms, and names, which are in lower case.
func internals(line string, names []string, host string, forms []*regexp.Regexp) []string {
	var found []string
	add := func(what string) {
		if what = texts.Truncate(what, 60); !slices.Contains(found, what) && len(found) < maxPerLine {
			found = append(found, what)
		}
	}
	line = web.ReplaceAllStringFunc(line, func(address string) string {
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
			if what := line[m[2]:m[3]]; form != commit ||
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
		if says(line, n) {
			add(n)
		}
	}
	return found
}

// says tells whether a name stands in a text as a word of its own.
func says(text, name string) bool {
	for at := 0; ; {
		i := strings.Index(text[at:], name)
		if i < 0 {
			return false
		}
		from, to := at+i, at+i+len(name)
		before, _ := utf8.DecodeLastRuneInString(text[:from])
		after, _ := utf8.DecodeRuneInString(text[to:])
		if !letter(before) && !letter(after) {
			return true
		}
		at = to
	}
}

func letter(r rune) bool {
	return r != utf8.RuneError && (r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r))
}

// mail turns what customers are told into HTML: no raw HTML, no images, no links but to the web and
// to people.
var mail = goldmark.New(
	goldmark.WithExtensions(extension.Linkify, extension.Table, extension.Strikethrough),
	goldmark.WithParserOptions(parser.WithASTTransformers(util.Prioritized(safe{}, 500))),
	goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(bare{}, 100))),
)

// CustomerHTML gives the customer's version as HTML that is safe to send: of HTML in it only the
// words stay, of images the description, and links lead to the web or to a mail address.
func CustomerHTML(markdown string) string {
	var b bytes.Buffer
	if costly(markdown) != "" || mail.Convert([]byte(markdown), &b) != nil {
		return "<pre>" + html.EscapeString(markdown) + "</pre>\n"
	}
	return b.String()
}

// safe takes links away that are not safe, and images.
type safe struct{}

func (safe) Transform(doc *ast.Document, reader text.Reader, _ parser.Context) {
	var unsafe []ast.Node
	var plain []*ast.AutoLink
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.Link:
			if entering && !leads(n.Destination) {
				unsafe = append(unsafe, n)
			}
		case *ast.AutoLink:
			if to := n.URL(reader.Source()); entering && n.AutoLinkType == ast.AutoLinkURL && !leads(to) {
				plain = append(plain, n)
			}
		case *ast.Image:
			if entering {
				unsafe = append(unsafe, n)
			}
		}
		return ast.WalkContinue, nil
	})
	for _, n := range plain {
		n.Parent().ReplaceChild(n.Parent(), n, ast.NewString(n.URL(reader.Source())))
	}
	for _, n := range unsafe {
		for c := n.FirstChild(); c != nil; c = n.FirstChild() {
			n.Parent().InsertBefore(n.Parent(), n, c)
		}
		n.Parent().RemoveChild(n.Parent(), n)
	}
}

func leads(to []byte) bool {
	u, err := url.Parse(string(to))
	if err != nil {
		return false
	}
	switch strings.ToLower(u.Scheme) {
	case "http", "https":
		return u.Host != ""
	case "mailto":
		return true
	}
	return false
}

// bare renders of HTML its words.
type bare struct{}

func (bare) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindRawHTML, func(util.BufWriter, []byte, ast.Node, bool) (ast.WalkStatus, error) {
		return ast.WalkSkipChildren, nil
	})
	r.Register(ast.KindHTMLBlock,
		func(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
			if !entering {
				return ast.WalkContinue, nil
			}
			block := n.(*ast.HTMLBlock)
			text := block.Lines().Value(source)
			if block.HasClosure() {
				text = append(text, block.ClosureLine.Value(source)...)
			}
			if said := strings.TrimSpace(wordsOfHTML(string(text))); said != "" {
				_, _ = w.WriteString("<p>" + said + "</p>\n")
			}
			return ast.WalkContinue, nil
		})
}

// unseen are the elements whose content no reader sees as words.
var unseen = []atom.Atom{
	atom.Script, atom.Style, atom.Title, atom.Template, atom.Iframe, atom.Noframes, atom.Noembed,
	atom.Noscript, atom.Frameset, atom.Object,
}

// wordsOfHTML returns the words of HTML, escaped, without any tag, comment or attribute.
func wordsOfHTML(source string) string {
	var words strings.Builder
	hidden := 0
	for z := html.NewTokenizer(strings.NewReader(source)); ; {
		switch z.Next() {
		case html.ErrorToken:
			return words.String()
		case html.TextToken:
			if hidden == 0 {
				words.WriteString(html.EscapeString(string(z.Text())))
			}
		case html.StartTagToken:
			if slices.Contains(unseen, z.Token().DataAtom) {
				hidden++
			}
		case html.EndTagToken:
			if slices.Contains(unseen, z.Token().DataAtom) {
				hidden = max(0, hidden-1)
			}
		}
	}
}
