package postmortem

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"github.com/firebreak-dev/firebreak/app/lazily"
)

// gfm reads documents as GitHub does.
var gfm = sync.OnceValue(func() parser.Parser {
	return goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser()
})

// parsedDocument is a postmortem with what was found in it. Its source has the document's lines.
type parsedDocument struct {
	document  string
	src       []byte // without what the machine wrote, on the same lines
	starts    []int  // of the lines
	front     frontMatter
	body      int // where the front matter ends
	required  []prompt
	sections  []*section
	byHeading map[string]*section   // by their headings
	prompted  map[string]*section   // by the prompts' comments in them
	marked    map[ast.Node][]string // the headings, with the names in the prompts' comments below them
	anchors   map[string]bool
	seen      map[string]int // slugs of headings, and how many have it
	links     []internal
	customer  customerSection
	cut       []byteRange // comments, prompts and what the machine wrote, which no customer gets
	problems  []Problem

	// The state of the walk.
	open    []*section
	region  string // that Firebreak writes
	since   int    // where it begins
	heading string // the heading
	quotes  int
}

// byteRange is a part of the source.
type byteRange struct{ from, to int }

// section is a section that people write.
type section struct {
	name                 string
	level, at            int
	isWritten, hasPrompt bool
}

// customerSection is the customers' section: its heading, and the bytes below it.
type customerSection struct {
	byteRange
	heading   *ast.Heading
	section   *section
	hasPrompt bool // a prompt is left
}

// internal is a link to an anchor of the document.
type internal struct {
	at int
	to string
}

// frontMatter is the part of the front matter that Lint needs.
type frontMatter struct {
	id        string
	customers []string
	drill     bool
}

// hasAudience reports whether a customer gets a version.
func (p *parsedDocument) hasAudience() bool { return len(p.front.customers) > 0 && !p.front.drill }

func (p *parsedDocument) isBlank() bool { return len(strings.TrimSpace(string(p.src[p.body:]))) == 0 }

// report adds a problem. Its message is one line, whatever the document contains.
func (p *parsedDocument) report(line, end int, level Level, rule, message string) {
	message = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(message, "\ufffd"))
	p.problems = append(p.problems, Problem{line, end, level, rule, message})
}

// lineOf returns the number of the line that contains a byte.
func (p *parsedDocument) lineOf(at int) int {
	i, found := slices.BinarySearch(p.starts, at)
	if found {
		i++
	}
	return max(i, 1)
}

func headingKey(heading string) string {
	return strings.ToLower(strings.Join(strings.Fields(heading), " "))
}

// parseDocument parses a document that was written from a template. why says what would take long
// to read, or is "".
func parseDocument(document, template string) (p *parsedDocument, why string) {
	document = strings.TrimPrefix(strings.ReplaceAll(document, "\r\n", "\n"), "\ufeff")
	words, taken, why := withoutMachineText(document)
	if why != "" {
		return nil, why
	}
	p = &parsedDocument{document: document, src: []byte(words), starts: []int{0}, byHeading: map[string]*section{},
		prompted: map[string]*section{},
		anchors:  map[string]bool{}, seen: map[string]int{}}
	for i, c := range p.src {
		if c == '\n' {
			p.starts = append(p.starts, i+1)
		}
	}
	p.front, p.body = readFront(words)
	p.required = required(template, p.front)
	// The front matter is blanked, not cut, so that positions stay.
	src := slices.Clone(p.src)
	for i := range p.body {
		if src[i] != '\n' {
			src[i] = ' '
		}
	}
	root := gfm().Parse(text.NewReader(src))
	p.marked = p.promptMarks(root)
	p.customer = p.findCustomerSection(root)
	for n := root.FirstChild(); n != nil; n = n.NextSibling() {
		if h, ok := n.(*ast.Heading); ok {
			p.openSection(h)
		}
		p.walkBlock(n)
	}
	p.endRegion(len(p.src))
	for _, m := range headingLine.FindAllStringSubmatch(taken, -1) { // links may lead there too
		p.addAnchor(strings.TrimSpace(m[1]))
	}
	p.addHTMLAnchors([]byte(taken))
	return p, ""
}

// headingLine finds a heading.
var headingLine = lazily.Compile(`(?m)^[> \t]*#{1,6}[ \t]+(.*)`)

// prompt is a place where people must write: the name in its comment, and the heading above.
type prompt struct{ name, heading string }

var promptMark = lazily.Compile(`^<!-- prompt: (.*?) *-->`)

// required returns the prompts of a new document of this incident: a template may ask more of some
// incidents than of others. If it can't be written without facts, only what still has its prompt's
// comment is asked for.
func required(template string, f frontMatter) []prompt {
	facts := Facts{Template: template}
	facts.State.Drill, facts.State.Customers = f.drill, f.customers
	document, err := Document(facts)
	if err != nil || costly(document) != "" {
		return nil
	}
	var out []prompt
	p := &parsedDocument{src: []byte(document)}
	root := gfm().Parse(text.NewReader(p.src))
	marked := p.promptMarks(root)
	for n := root.FirstChild(); n != nil; n = n.NextSibling() {
		for _, name := range marked[n] {
			out = append(out, prompt{name, p.titleOf(n)})
		}
	}
	return out
}

// readFront reads the lines of the front matter that the template writes, each of them a value in JSON.
func readFront(document string) (f frontMatter, end int) {
	if !strings.HasPrefix(document, "---\n") {
		return f, 0
	}
	at := strings.Index(document+"\n", "\n---\n")
	if at < 0 {
		return f, 0
	}
	for line := range strings.SplitSeq(document[:at], "\n") {
		name, value, _ := strings.Cut(line, ": ")
		into := map[string]any{"id": &f.id, "customers": &f.customers, "drill": &f.drill}[name]
		if into != nil {
			_ = json.Unmarshal([]byte(value), into) // what a person wrote otherwise says nothing
		}
	}
	return f, min(at+len("\n---\n"), len(document))
}

// promptMarks returns for each heading the names in the prompts' comments below it.
func (p *parsedDocument) promptMarks(root ast.Node) map[ast.Node][]string {
	marked := map[ast.Node][]string{}
	var under ast.Node
	for n := root.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Heading:
			under = n
		case *ast.HTMLBlock:
			first := n.Lines().At(0)
			if m := promptMark.FindSubmatch(bytes.TrimSpace(first.Value(p.src))); m != nil && under != nil {
				marked[under] = append(marked[under], string(m[1]))
			}
		}
	}
	return marked
}

// findCustomerSection returns the customers' section: the one with that heading or, if none has it,
// the one with the prompt's comment.
func (p *parsedDocument) findCustomerSection(root ast.Node) customerSection {
	var called, marked *ast.Heading
	for n := root.FirstChild(); n != nil; n = n.NextSibling() {
		h, ok := n.(*ast.Heading)
		switch {
		case !ok:
		case called == nil && headingKey(p.titleOf(h)) == headingKey(forCustomer):
			called = h
		case marked == nil && slices.Contains(p.marked[h], customerPrompt):
			marked = h
		}
	}
	s := customerSection{heading: cmp.Or(called, marked), byteRange: byteRange{-1, len(p.src)}}
	if s.heading == nil {
		return s
	}
	s.from = p.lineAfter(s.heading)
	for n := s.heading.NextSibling(); n != nil; n = n.NextSibling() {
		if h, ok := n.(*ast.Heading); ok && h.Level <= s.heading.Level {
			s.to = p.starts[p.lineOf(h.Pos())-1]
			break
		}
	}
	return s
}

// lineAfter returns where the line after a heading starts; an underlined heading has two lines or
// more.
func (p *parsedDocument) lineAfter(h *ast.Heading) int {
	line := p.lineOf(h.Pos())
	if at := h.Pos(); h.Lines().Len() > 0 && (at >= len(p.src) || p.src[at] != '#') {
		line = p.lineOf(h.Lines().At(h.Lines().Len()-1).Start) + 1
	}
	if line < len(p.starts) {
		return p.starts[line]
	}
	return len(p.src)
}

// openSection opens a section, and ends those that are not above it.
func (p *parsedDocument) openSection(h *ast.Heading) {
	p.endRegion(p.starts[p.lineOf(h.Pos())-1])
	for len(p.open) > 0 && p.open[len(p.open)-1].level >= h.Level {
		p.open = p.open[:len(p.open)-1]
	}
	title := p.titleOf(h)
	p.heading = headingKey(title)
	first := p.byHeading[p.heading] == nil
	asked := h == p.customer.heading || slices.ContainsFunc(p.required, func(r prompt) bool {
		return headingKey(r.heading) == p.heading
	})
	if (!first || !asked) && p.marked[h] == nil {
		return
	}
	s := &section{name: title, level: h.Level, at: h.Pos()}
	p.sections = append(p.sections, s)
	p.open = append(p.open, s)
	if first {
		p.byHeading[p.heading] = s
	}
	for _, name := range p.marked[h] {
		p.prompted[name] = s
	}
	if h == p.customer.heading {
		p.customer.section = s
	}
}

// titleOf returns a heading's words.
func (p *parsedDocument) titleOf(h ast.Node) string {
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

// addAnchor adds the anchor that a heading has on GitHub: the letters, digits, marks, underscores
// and hyphens of its title in lower case, with hyphens for spaces, and a number from the second one
// on.
func (p *parsedDocument) addAnchor(title string) {
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

// markWritten records that somebody wrote something at this point of the walk. Everything below the
// customers' heading is sent.
func (p *parsedDocument) markWritten() {
	if p.region != "" {
		return
	}
	for i, s := range p.open {
		if i == len(p.open)-1 || s == p.customer.section {
			s.isWritten = true
		}
	}
}

// trackMarks follows the marks of Firebreak's own sections in HTML. Most of them were taken out;
// these are in the wrong place, or have lost their end, which then is the section's end.
func (p *parsedDocument) trackMarks(html []byte, from int) {
	for _, m := range region.FindAllSubmatchIndex(html, -1) {
		p.endRegion(from + m[1])
		if string(html[m[2]:m[3]]) == "begin" {
			p.region, p.since = string(html[m[4]:m[5]]), from+m[0]
		}
	}
}

func (p *parsedDocument) endRegion(at int) {
	if p.region != "" {
		p.cut = append(p.cut, byteRange{p.since, at})
		p.region = ""
	}
}

// walkBlock walks a block and what is in it.
func (p *parsedDocument) walkBlock(n ast.Node) {
	switch n := n.(type) {
	case *ast.HTMLBlock:
		p.walkHTML(n)
		return
	case *ast.CodeBlock, *ast.FencedCodeBlock:
		if len(strings.TrimSpace(string(n.Lines().Value(p.src)))) > 0 {
			p.markWritten()
		}
		return
	case *ast.Blockquote:
		if p.region == "cause" && len(p.open) > 0 {
			p.open[len(p.open)-1].isWritten = true // the incident recorded it, so the template has no prompt
		}
		p.quotes++
		defer func() { p.quotes-- }()
	case *ast.Heading:
		p.addAnchor(p.titleOf(n))
	case *extast.Table:
		if p.heading == headingKey(followUps) {
			p.checkFollowUps(n)
		}
	}
	c := n.FirstChild()
	if c != nil && c.Type() == ast.TypeInline {
		p.walkWords(n)
		return
	}
	for ; c != nil; c = c.NextSibling() {
		p.walkBlock(c)
	}
}

var (
	region          = lazily.Compile(`<!-- firebreak:(begin|end) ([a-z][a-z0-9-]*) -->`)
	comment         = lazily.Compile(`(?s)<!--.*?(?:-->|\z)`)
	element         = lazily.Compile(`<[^<>]*>`)
	anchorAttribute = lazily.Compile(`(?i)\s(?:id|name)\s*=\s*["']?([^\s"'<>]+)`)
)

// walkHTML reads a block of HTML: the marks of what Firebreak writes, comments, and words between tags.
func (p *parsedDocument) walkHTML(n *ast.HTMLBlock) {
	from, to := n.Lines().At(0).Start, n.Lines().At(n.Lines().Len()-1).Stop
	if n.HasClosure() {
		to = n.ClosureLine.Stop
	}
	source := p.src[from:to]
	for _, m := range comment.FindAllIndex(source, -1) {
		p.cut = append(p.cut, byteRange{from + m[0], from + m[1]})
	}
	p.addHTMLAnchors(source)
	p.trackMarks(source, from)
	// Comments and tags become blanks, so that positions stay.
	source = comment.ReplaceAllFunc(source, blanked)
	source = element.ReplaceAllFunc(source, blanked)
	f := flatText{}
	f.append(source, from)
	p.checkWords(n, &f)
}

// addHTMLAnchors adds the anchors that HTML sets.
func (p *parsedDocument) addHTMLAnchors(html []byte) {
	for _, m := range anchorAttribute.FindAllSubmatch(html, -1) {
		p.anchors[string(m[1])] = true
	}
}

func blanked(b []byte) []byte { return []byte(strings.Repeat(" ", len(b))) }

// flatText is a block's words on one line, with their positions in the source.
type flatText struct {
	text strings.Builder
	at   []placement
}

// placement is the position of a piece of flatText in the source.
type placement struct{ flat, src int }

func (f *flatText) append(words []byte, src int) {
	f.at = append(f.at, placement{f.text.Len(), src})
	f.text.Write(words)
}

// sourceOf returns the position in the source of a byte of the words.
func (f *flatText) sourceOf(i int) int {
	k, found := slices.BinarySearchFunc(f.at, i, func(p placement, i int) int { return p.flat - i })
	if !found {
		k--
	}
	return f.at[k].src + i - f.at[k].flat
}

// object represents what has no words to check: code, an address, an image.
const object = "\ufffc"

// walkWords reads a block of words.
func (p *parsedDocument) walkWords(block ast.Node) {
	f := flatText{}
	_ = ast.Walk(block, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Text:
			f.append(n.Value(p.src), n.Segment.Start)
			if n.SoftLineBreak() || n.HardLineBreak() {
				f.append([]byte(" "), n.Segment.Stop)
			}
		case *ast.CodeSpan, *ast.AutoLink, *ast.Image:
			f.append([]byte(object), max(n.Pos(), 0))
			return ast.WalkSkipChildren, nil
		case *ast.RawHTML:
			for i := range n.Segments.Len() {
				s := n.Segments.At(i)
				p.addHTMLAnchors(s.Value(p.src))
			}
			if first := n.Segments.At(0); strings.HasPrefix(string(first.Value(p.src)), "<!--") {
				p.cut = append(p.cut, byteRange{first.Start, n.Segments.At(n.Segments.Len() - 1).Stop})
				p.trackMarks(first.Value(p.src), first.Start)
			}
		case *ast.Link:
			if to, ok := strings.CutPrefix(string(n.Destination), "#"); ok {
				if plain, err := url.PathUnescape(to); err == nil {
					to = plain
				}
				p.links = append(p.links, internal{max(n.Pos(), 0), to})
			}
		case *ast.Emphasis:
			if first, ok := n.FirstChild().(*ast.Text); ok &&
				strings.HasPrefix(string(first.Value(p.src)), promptWords) {
				p.reportPrompt(first.Segment.Start-n.Level, max(first.Segment.Stop, p.endOf(n, block)))
				return ast.WalkSkipChildren, nil
			}
		}
		return ast.WalkContinue, nil
	})
	p.checkWords(block, &f)
}
