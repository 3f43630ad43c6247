package postmortem

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// gfm reads documents as GitHub does.
var gfm = goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser()

// paper is a postmortem with what was found in it. Its source keeps the lines of the document.
type paper struct {
	src      []byte
	starts   []int // of the lines
	front    front
	body     int // where the front matter ends
	sections map[string]*chapter
	anchors  map[string]bool
	seen     map[string]int // slugs of headings, and how many have it
	links    []internal
	customer extent
	cut      []extent // comments and prompts, which no customer gets
	problems []Problem

	// Where the walk stands.
	open   []*chapter
	region string // that Firebreak writes
	under  string // the heading
	quotes int
}

// extent is a part of the source.
type extent struct{ from, to int }

// chapter is a section that people write.
type chapter struct {
	name              string
	level, at         int
	written, prompted bool
}

// internal is a link to an anchor of the document.
type internal struct {
	at int
	to string
}

// front is what the front matter tells.
type front struct {
	incident  string
	customers []string
	drill     bool
}

// tells is true if there is a customer to tell.
func (p *paper) tells() bool { return len(p.front.customers) > 0 && !p.front.drill }

func (p *paper) blank() bool { return len(strings.TrimSpace(string(p.src[p.body:]))) == 0 }

// add notes a problem. Its message is one line, whatever the document has in it.
func (p *paper) add(line, end int, level Level, rule, message string) {
	message = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(message, "\ufffd"))
	p.problems = append(p.problems, Problem{line, end, level, rule, message})
}

// line gives the number of the line that holds a byte.
func (p *paper) line(at int) int {
	i, found := slices.BinarySearch(p.starts, at)
	if found {
		i++
	}
	return max(i, 1)
}

func key(heading string) string { return strings.ToLower(strings.Join(strings.Fields(heading), " ")) }

// read takes a document apart. It must not be costly.
func read(document string) *paper {
	document = strings.TrimPrefix(strings.ReplaceAll(document, "\r\n", "\n"), "\ufeff")
	p := &paper{src: []byte(document), starts: []int{0}, sections: map[string]*chapter{}, anchors: map[string]bool{}, seen: map[string]int{}}
	for i, c := range p.src {
		if c == '\n' {
			p.starts = append(p.starts, i+1)
		}
	}
	p.front, p.body = readFront(document)
	// The front matter is blanked, not cut, so that what is found has its place in the document.
	src := slices.Clone(p.src)
	for i := range p.body {
		if src[i] != '\n' {
			src[i] = ' '
		}
	}
	root := gfm.Parse(text.NewReader(src))
	p.customer = p.find(root)
	for n := root.FirstChild(); n != nil; n = n.NextSibling() {
		if h, ok := n.(*ast.Heading); ok {
			p.heading(h)
		}
		p.block(n)
	}
	return p
}

// readFront reads the lines of the front matter that the template writes, each of them a value in JSON.
func readFront(document string) (f front, end int) {
	if !strings.HasPrefix(document, "---\n") {
		return f, 0
	}
	at := strings.Index(document+"\n", "\n---\n")
	if at < 0 {
		return f, 0
	}
	for line := range strings.SplitSeq(document[:at], "\n") {
		name, value, _ := strings.Cut(line, ": ")
		into := map[string]any{"incident": &f.incident, "customers": &f.customers, "drill": &f.drill}[name]
		if into != nil {
			_ = json.Unmarshal([]byte(value), into) // what a person wrote otherwise tells nothing
		}
	}
	return f, min(at+len("\n---\n"), len(document))
}

// find gives the extent of the customer's section, without its heading.
func (p *paper) find(root ast.Node) extent {
	var found *ast.Heading
	e := extent{-1, len(p.src)}
	for n := root.FirstChild(); n != nil; n = n.NextSibling() {
		h, ok := n.(*ast.Heading)
		switch {
		case !ok:
		case found == nil && key(p.title(h)) == key(forCustomer):
			found, e.from = h, p.after(h)
		case found != nil && h.Level <= found.Level:
			e.to = p.starts[p.line(h.Pos())-1]
			return e
		}
	}
	return e
}

// after gives where the line after a heading starts; one that is underlined has two lines or more.
func (p *paper) after(h *ast.Heading) int {
	line := p.line(h.Pos())
	if at := h.Pos(); h.Lines().Len() > 0 && (at >= len(p.src) || p.src[at] != '#') {
		line = p.line(h.Lines().At(h.Lines().Len()-1).Start) + 1
	}
	if line < len(p.starts) {
		return p.starts[line]
	}
	return len(p.src)
}

// heading opens a section, and ends those that are not above it.
func (p *paper) heading(h *ast.Heading) {
	p.region = ""
	for len(p.open) > 0 && p.open[len(p.open)-1].level >= h.Level {
		p.open = p.open[:len(p.open)-1]
	}
	title := p.title(h)
	p.under = key(title)
	is := func(name string) bool { return key(name) == p.under }
	if p.sections[p.under] == nil && slices.ContainsFunc(required, is) {
		s := &chapter{name: title, level: h.Level, at: h.Pos()}
		p.sections[p.under] = s
		p.open = append(p.open, s)
	}
}

// title gives a heading's words.
func (p *paper) title(h ast.Node) string {
	var b strings.Builder
	_ = ast.Walk(h, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if t, ok := n.(*ast.Text); ok && entering {
			words := t.Value(p.src)
			if _, code := t.Parent().(*ast.CodeSpan); !code {
				words = util.ResolveEntityNames(util.ResolveNumericReferences(util.UnescapePunctuations(words)))
			}
			b.Write(words)
			if t.SoftLineBreak() {
				b.WriteByte(' ')
			}
		}
		return ast.WalkContinue, nil
	})
	return strings.TrimSpace(b.String())
}

// anchor gives a heading the anchor that GitHub gives it: the letters, digits, marks, underscores and hyphens of its
// title in lower case, with hyphens for blanks, and a number from the second of its kind on.
func (p *paper) anchor(title string) {
	slug := strings.Map(func(r rune) rune {
		switch {
		case r == ' ' || r == '-':
			return '-'
		case unicode.In(r, unicode.L, unicode.M, unicode.Nd, unicode.Pc):
			return r
		}
		return -1
	}, strings.ToLower(title))
	n := p.seen[slug]
	p.seen[slug]++
	if n > 0 {
		slug += "-" + strconv.Itoa(n)
	}
	p.anchors[slug] = true
}

// wrote notes that somebody wrote something where the walk stands.
func (p *paper) wrote() {
	if p.region == "" && len(p.open) > 0 {
		p.open[len(p.open)-1].written = true
	}
}

// block walks a block and what is in it.
func (p *paper) block(n ast.Node) {
	switch n := n.(type) {
	case *ast.HTMLBlock:
		p.html(n)
		return
	case *ast.CodeBlock, *ast.FencedCodeBlock:
		if len(strings.TrimSpace(string(n.Lines().Value(p.src)))) > 0 {
			p.wrote()
		}
		return
	case *ast.Blockquote:
		if p.region == "cause" && len(p.open) > 0 {
			p.open[len(p.open)-1].written = true // the incident recorded it, so the template has no prompt
		}
		p.quotes++
		defer func() { p.quotes-- }()
	case *ast.Heading:
		p.anchor(p.title(n))
	case *extast.Table:
		if p.under == key(followUps) {
			p.followUps(n)
		}
	}
	c := n.FirstChild()
	if c != nil && c.Type() == ast.TypeInline {
		p.words(n)
		return
	}
	for ; c != nil; c = c.NextSibling() {
		p.block(c)
	}
}

var (
	region  = regexp.MustCompile(`<!-- firebreak:(begin|end) ([a-z]+) -->`)
	comment = regexp.MustCompile(`(?s)<!--.*?(?:-->|\z)`)
	element = regexp.MustCompile(`<[^<>]*>`)
	named   = regexp.MustCompile(`(?i)\s(?:id|name)\s*=\s*["']?([^\s"'<>]+)`)
)

// html reads a block of HTML: the marks of what Firebreak writes, comments, and words between tags.
func (p *paper) html(n *ast.HTMLBlock) {
	from, to := n.Lines().At(0).Start, n.Lines().At(n.Lines().Len()-1).Stop
	if n.HasClosure() {
		to = n.ClosureLine.Stop
	}
	source := p.src[from:to]
	for _, m := range comment.FindAllIndex(source, -1) {
		p.cut = append(p.cut, extent{from + m[0], from + m[1]})
	}
	p.names(source)
	for _, m := range region.FindAllSubmatch(source, -1) {
		p.region = ""
		if string(m[1]) == "begin" {
			p.region = string(m[2])
		}
	}
	// Comments and tags become blanks, so that places stay.
	source = comment.ReplaceAllFunc(source, blanked)
	source = element.ReplaceAllFunc(source, blanked)
	f := flat{}
	f.add(source, from)
	p.check(n, &f)
}

// names notes the anchors that a piece of HTML sets.
func (p *paper) names(html []byte) {
	for _, m := range named.FindAllSubmatch(html, -1) {
		p.anchors[string(m[1])] = true
	}
}

func blanked(b []byte) []byte { return []byte(strings.Repeat(" ", len(b))) }

// flat is a block's words on one line, with the places that they come from.
type flat struct {
	text strings.Builder
	at   []place
}

// place says where a piece of the words stands in the source.
type place struct{ flat, src int }

func (f *flat) add(words []byte, src int) {
	f.at = append(f.at, place{f.text.Len(), src})
	f.text.Write(words)
}

// source gives the place in the source of a byte of the words.
func (f *flat) source(i int) int {
	k, found := slices.BinarySearchFunc(f.at, i, func(p place, i int) int { return p.flat - i })
	if !found {
		k--
	}
	return f.at[k].src + i - f.at[k].flat
}

// object stands for what has no words to check: code, an address, an image.
const object = "\ufffc"

// words reads a block of words.
func (p *paper) words(block ast.Node) {
	f := flat{}
	_ = ast.Walk(block, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Text:
			f.add(n.Value(p.src), n.Segment.Start)
			if n.SoftLineBreak() || n.HardLineBreak() {
				f.add([]byte(" "), n.Segment.Stop)
			}
		case *ast.CodeSpan, *ast.AutoLink, *ast.Image:
			f.add([]byte(object), max(n.Pos(), 0))
			return ast.WalkSkipChildren, nil
		case *ast.RawHTML:
			for i := range n.Segments.Len() {
				s := n.Segments.At(i)
				p.names(s.Value(p.src))
			}
			if first := n.Segments.At(0); strings.HasPrefix(string(first.Value(p.src)), "<!--") {
				p.cut = append(p.cut, extent{first.Start, n.Segments.At(n.Segments.Len() - 1).Stop})
			}
		case *ast.Link:
			if to, ok := strings.CutPrefix(string(n.Destination), "#"); ok {
				if plain, err := url.PathUnescape(to); err == nil {
					to = plain
				}
				p.links = append(p.links, internal{max(n.Pos(), 0), to})
			}
		case *ast.Emphasis:
			if first, ok := n.FirstChild().(*ast.Text); ok && strings.HasPrefix(string(first.Value(p.src)), promptWords) {
				p.prompt(first.Segment.Start-n.Level, max(first.Segment.Stop, p.until(n, block)))
				return ast.WalkSkipChildren, nil
			}
		}
		return ast.WalkContinue, nil
	})
	p.check(block, &f)
}
