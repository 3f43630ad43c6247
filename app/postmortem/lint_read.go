package postmortem

import (
	"bytes"
	"cmp"
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
	document string
	src      []byte // without what the machine wrote, on the same lines
	starts   []int  // of the lines
	front    front
	body     int // where the front matter ends
	required []prompt
	chapters []*chapter
	sections map[string]*chapter   // by their headings
	prompted map[string]*chapter   // by the prompts' comments in them
	marked   map[ast.Node][]string // the headings, with the names in the prompts' comments below them
	anchors  map[string]bool
	seen     map[string]int // slugs of headings, and how many have it
	links    []internal
	customer sent
	cut      []extent // comments, prompts and what the machine wrote, which no customer gets
	problems []Problem

	// Where the walk stands.
	open   []*chapter
	region string // that Firebreak writes
	since  int    // where it begins
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

// sent is the customer's section: its heading, and the extent of what stands below.
type sent struct {
	extent
	heading *ast.Heading
	chapter *chapter
	asks    bool // a prompt is left
}

// internal is a link to an anchor of the document.
type internal struct {
	at int
	to string
}

// front is what the front matter tells.
type front struct {
	id        string
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

// read takes a document apart that was written from a template. why says what would take long to
// read, or is "".
func read(document, template string) (p *paper, why string) {
	document = strings.TrimPrefix(strings.ReplaceAll(document, "\r\n", "\n"), "\ufeff")
	words, taken, why := peoples(document)
	if why != "" {
		return nil, why
	}
	p = &paper{document: document, src: []byte(words), starts: []int{0}, sections: map[string]*chapter{},
		prompted: map[string]*chapter{},
		anchors:  map[string]bool{}, seen: map[string]int{}}
	for i, c := range p.src {
		if c == '\n' {
			p.starts = append(p.starts, i+1)
		}
	}
	p.front, p.body = readFront(words)
	p.required = required(template, p.front)
	// The front matter is blanked, not cut, so that what is found has its place in the document.
	src := slices.Clone(p.src)
	for i := range p.body {
		if src[i] != '\n' {
			src[i] = ' '
		}
	}
	root := gfm.Parse(text.NewReader(src))
	p.marked = p.promptMarks(root)
	p.customer = p.find(root)
	for n := root.FirstChild(); n != nil; n = n.NextSibling() {
		if h, ok := n.(*ast.Heading); ok {
			p.heading(h)
		}
		p.block(n)
	}
	p.endRegion(len(p.src))
	for _, m := range titled.FindAllStringSubmatch(taken, -1) { // links may lead there too
		p.anchor(strings.TrimSpace(m[1]))
	}
	p.names([]byte(taken))
	return p, ""
}

// titled finds a heading.
var titled = regexp.MustCompile(`(?m)^[> \t]*#{1,6}[ \t]+(.*)`)

// prompt is a place where people must write: the name in its comment, and the heading above.
type prompt struct{ name, heading string }

var promptMark = regexp.MustCompile(`^<!-- prompt: (.*?) *-->`)

// required gives the prompts of a new document of this incident: a template may ask more of some
// than of others. One that can't be written without facts asks only for what still has its prompt's
// comment.
func required(template string, f front) []prompt {
	facts := Facts{Template: template}
	facts.State.Drill, facts.State.Customers = f.drill, f.customers
	document, err := Document(facts)
	if err != nil || costly(document) != "" {
		return nil
	}
	var out []prompt
	p := &paper{src: []byte(document)}
	root := gfm.Parse(text.NewReader(p.src))
	marked := p.promptMarks(root)
	for n := root.FirstChild(); n != nil; n = n.NextSibling() {
		for _, name := range marked[n] {
			out = append(out, prompt{name, p.title(n)})
		}
	}
	return out
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
		into := map[string]any{"id": &f.id, "customers": &f.customers, "drill": &f.drill}[name]
		if into != nil {
			_ = json.Unmarshal([]byte(value), into) // what a person wrote otherwise tells nothing
		}
	}
	return f, min(at+len("\n---\n"), len(document))
}

// promptMarks gives for each heading the names in the prompts' comments below it.
func (p *paper) promptMarks(root ast.Node) map[ast.Node][]string {
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

// find gives the customer's section: the one that is called so or, if none is, the one with the
// prompt's comment.
func (p *paper) find(root ast.Node) sent {
	var called, marked *ast.Heading
	for n := root.FirstChild(); n != nil; n = n.NextSibling() {
		h, ok := n.(*ast.Heading)
		switch {
		case !ok:
		case called == nil && key(p.title(h)) == key(forCustomer):
			called = h
		case marked == nil && slices.Contains(p.marked[h], customerPrompt):
			marked = h
		}
	}
	s := sent{heading: cmp.Or(called, marked), extent: extent{-1, len(p.src)}}
	if s.heading == nil {
		return s
	}
	s.from = p.after(s.heading)
	for n := s.heading.NextSibling(); n != nil; n = n.NextSibling() {
		if h, ok := n.(*ast.Heading); ok && h.Level <= s.heading.Level {
			s.to = p.starts[p.line(h.Pos())-1]
			break
		}
	}
	return s
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
	p.endRegion(p.starts[p.line(h.Pos())-1])
	for len(p.open) > 0 && p.open[len(p.open)-1].level >= h.Level {
		p.open = p.open[:len(p.open)-1]
	}
	title := p.title(h)
	p.under = key(title)
	first := p.sections[p.under] == nil
	asked := h == p.customer.heading || slices.ContainsFunc(p.required, func(r prompt) bool {
		return key(r.heading) == p.under
	})
	if !(first && asked) && p.marked[h] == nil {
		return
	}
	s := &chapter{name: title, level: h.Level, at: h.Pos()}
	p.chapters = append(p.chapters, s)
	p.open = append(p.open, s)
	if first {
		p.sections[p.under] = s
	}
	for _, name := range p.marked[h] {
		p.prompted[name] = s
	}
	if h == p.customer.heading {
		p.customer.chapter = s
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

// anchor gives a heading the anchor that GitHub gives it: the letters, digits, marks, underscores
// and hyphens of its title in lower case, with hyphens for blanks, and a number from the second of
// its kind on.
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

// wrote notes that somebody wrote something where the walk stands. All that stands below the
// customer's heading is sent.
func (p *paper) wrote() {
	if p.region != "" {
		return
	}
	for i, s := range p.open {
		if i == len(p.open)-1 || s == p.customer.chapter {
			s.written = true
		}
	}
}

// mark notes the marks of what Firebreak writes in a piece of HTML. Most of it was taken out; this
// is what was put where it does not belong, or has lost its end, which then ends with the section.
func (p *paper) mark(html []byte, from int) {
	for _, m := range region.FindAllSubmatchIndex(html, -1) {
		p.endRegion(from + m[1])
		if string(html[m[2]:m[3]]) == "begin" {
			p.region, p.since = string(html[m[4]:m[5]]), from+m[0]
		}
	}
}

func (p *paper) endRegion(at int) {
	if p.region != "" {
		p.cut = append(p.cut, extent{p.since, at})
		p.region = ""
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
	region  = regexp.MustCompile(`<!-- firebreak:(begin|end) ([a-z][a-z0-9-]*) -->`)
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
	p.mark(source, from)
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
				p.mark(first.Value(p.src), first.Start)
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
				p.prompt(first.Segment.Start-n.Level, max(first.Segment.Stop, p.until(n, block)))
				return ast.WalkSkipChildren, nil
			}
		}
		return ast.WalkContinue, nil
	})
	p.check(block, &f)
}
