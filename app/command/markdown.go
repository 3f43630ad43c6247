package command

import (
	"bytes"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"

	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/reply"
)

// markdown is GitHub's Markdown, as far as it decides what a line is: a bare URL never spans lines.
var markdown = goldmark.New(goldmark.WithExtensions(extension.Table, extension.Strikethrough)).Parser()

// place is where a command is: what it says, from its slash on, and the quote that it may mean.
type place struct {
	said  string
	quote func() string
}

// block is a block of the top level.
type block struct {
	start, end int
	quote      bool
}

// findCommands returns the commands' places in order. Lines end in \n.
func findCommands(body string, md parser.Parser) []place {
	src := []byte(body)
	r := reading{src: src, could: slices.Collect(commandStarts(body)), open: map[string]int{}}
	var blocks []block
	for n := md.Parse(text.NewReader(src)).FirstChild(); n != nil; n = n.NextSibling() {
		r.read(n, true)
		if n.Pos() < 0 {
			continue
		}
		start := lineStart(body, n.Pos())
		if last := len(blocks) - 1; last >= 0 {
			blocks[last].end = start
		}
		_, quote := n.(*ast.Blockquote)
		blocks = append(blocks, block{start, len(body), quote})
	}
	c := comment{body: body, blocks: blocks}
	for i, b := range blocks {
		if b.quote {
			c.quotes = append(c.quotes, i)
		}
	}
	c.told = make([]string, len(c.quotes))
	var places []place
	for i, start := range r.at {
		end := len(body)
		if i+1 < len(r.at) {
			end = r.at[i+1]
		}
		places = append(places, place{
			said:  withoutUnderline(strings.TrimSpace(body[start:c.textEnd(start, end)])),
			quote: func() string { return c.quoteNear(start, end) },
		})
	}
	return places
}

// reading walks the Markdown for the lines that are commands.
type reading struct {
	src   []byte
	could []int          // slashes that may start one, from starts
	at    []int          // those that do
	open  map[string]int // HTML elements that are open where the walk is
}

// tag is a tag of an element that holds blocks of Markdown: what is in <details> is folded away,
// what is in <blockquote> is quoted, and neither is a command.
var tag = lazily.Compile(`(?i)<(/?)(blockquote|center|del|details|div|dl|ol|s|strike|table|ul)(?:[\s/>]|$)`)

// read walks a node. top is true in the blocks of the top level and in what is in their lines.
func (r *reading) read(n ast.Node, top bool) {
	plain := false
	switch n := n.(type) {
	case *ast.Text:
		if top && !r.folded() {
			// A code span, a link or a tag may begin on the line before: so it is the text that
			// says which lines are plain.
			for i, _ := slices.BinarySearch(r.could, n.Segment.Start); i < len(r.could) && r.could[i] < n.Segment.Stop; i++ {
				r.at = append(r.at, r.could[i])
			}
		}
		return
	case *ast.RawHTML:
		r.tags(n.Segments, top)
		return
	case *ast.HTMLBlock:
		if n.HTMLBlockType >= ast.HTMLBlockType6 { // <pre>, comments and the like hold their end themselves
			r.tags(n.Lines(), top)
		}
		return
	case *ast.Heading:
		plain = top && isUnderlined(n, r.src)
	case *ast.Paragraph, *ast.Emphasis:
		plain = top
	}
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		r.read(c, plain)
	}
}

// isUnderlined reports whether a heading is one only because of a line of hyphens or equals signs
// below it: whoever draws a line below a command means no heading.
func isUnderlined(h *ast.Heading, src []byte) bool {
	if h.Lines().Len() == 0 {
		return false
	}
	start := h.Lines().At(0).Start
	line := bytes.TrimLeft(src[bytes.LastIndexByte(src[:start], '\n')+1:], " ")

	return !bytes.HasPrefix(line, []byte("#"))
}

// withoutUnderline returns a command's text without a line that is only drawn at its end.
func withoutUnderline(said string) string {
	for {
		head, last, ok := cutLastLine(said)
		if drawn := strings.TrimSpace(last); !ok || len(drawn) < 2 ||
			strings.Trim(drawn, "-") != "" && strings.Trim(drawn, "=") != "" {
			return said
		}
		said = strings.TrimSpace(head)
	}
}

// cutLastLine parts a text before its last line; ok is false if it has one line.
func cutLastLine(text string) (head, last string, ok bool) {
	at := strings.LastIndexByte(text, '\n')
	if at < 0 {
		return "", text, false
	}

	return text[:at], text[at+1:], true
}

// tags counts the tags of a piece of HTML. One that a list or a quote opens ends with it; but it
// can end one from outside.
func (r *reading) tags(lines *text.Segments, top bool) {
	for i := range lines.Len() {
		line := lines.At(i)
		for _, m := range tag.FindAllSubmatch(line.Value(r.src), -1) {
			name := strings.ToLower(string(m[2]))
			switch {
			case len(m[1]) > 0:
				r.open[name] = max(0, r.open[name]-1)
			case top:
				r.open[name]++
			}
		}
	}
}

func (r *reading) folded() bool {
	for _, n := range r.open {
		if n > 0 {
			return true
		}
	}
	return false
}

// comment is a comment's outline.
type comment struct {
	body   string
	blocks []block
	quotes []int    // those of the blocks that are quotes
	told   []string // their texts, each read once
}

func lineStart(body string, i int) int { return strings.LastIndexByte(body[:i], '\n') + 1 }

// textEnd returns where a command's text ends if the quotes at its end, and the line with which a
// mail program introduces them, are left out.
func (c *comment) textEnd(start, end int) int {
	i, _ := slices.BinarySearchFunc(c.blocks, end, func(b block, end int) int { return b.start - end })
	for i--; i >= 0 && c.blocks[i].start > start && c.blocks[i].quote; i-- {
		end = introduced(c.body, start, c.blocks[i].start)
	}
	return end
}

// introduced returns where the introduction of the quote at end begins, or end if there is none. It
// may be wrapped, and the command's own line is never taken for one.
func introduced(body string, start, end int) int {
	from := start + len(strings.TrimRight(body[start:end], " \t\n"))
	said := ""
	for range 3 {
		line := lineStart(body, from)
		if line <= start || strings.TrimSpace(body[line:from]) == "" {
			break
		}
		said = strings.TrimSpace(strings.TrimSpace(body[line:from]) + " " + said)
		if reply.Introduces(said) {
			return line
		}
		from = line - 1
	}
	return end
}

// quoteNear returns the text of the quote that a command means: the nearest before it, or else the
// one in its own text, unless a mail program put it there.
func (c *comment) quoteNear(start, end int) string {
	after, _ := slices.BinarySearchFunc(c.quotes, start, func(q, start int) int { return c.blocks[q].start - start })
	if after > 0 {
		return c.quote(after - 1)
	}
	if after == len(c.quotes) {
		return ""
	}
	if at := c.blocks[c.quotes[after]].start; at >= end || introduced(c.body, start, at) != at {
		return ""
	}
	return c.quote(after)
}

// quote returns a quote's text as it was written, without its markers.
func (c *comment) quote(n int) string {
	if c.told[n] != "" {
		return c.told[n]
	}
	var lines []string
	b := c.blocks[c.quotes[n]]
	for line := range strings.SplitSeq(c.body[b.start:b.end], "\n") {
		if rest, ok := strings.CutPrefix(strings.TrimLeft(line, " "), ">"); ok {
			line = strings.TrimPrefix(rest, " ")
		}
		lines = append(lines, line)
	}
	c.told[n] = strings.TrimSpace(strings.Join(lines, "\n"))
	return c.told[n]
}
