package intake

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// htmlText returns what a mail in HTML says: a line for each block, links with their addresses,
// quotes marked with >.
func htmlText(source string) string {
	var p htmlPrinter
	z := html.NewTokenizer(strings.NewReader(source))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return p.String()
		case html.TextToken:
			if p.hidden == 0 {
				p.say(string(z.Text()))
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			p.open(z.Token())
		case html.EndTagToken:
			p.close(z.Token().DataAtom)
		}
	}
}

type htmlPrinter struct {
	strings.Builder
	hidden int    // depth of elements whose text isn't shown
	quoted int    // depth of quotes
	href   string // of the link that is open
	inLine bool   // this line has text
	gap    bool   // white space came before
}

var (
	// A head's own tags are often left open, so what it holds is named and not the head.
	unseen = []atom.Atom{atom.Script, atom.Style, atom.Title, atom.Template, atom.Noscript}
	blocks = []atom.Atom{
		atom.P, atom.Div, atom.Br, atom.Tr, atom.Table, atom.Li, atom.Ul, atom.Ol, atom.Hr, atom.Pre, atom.Blockquote,
		atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6,
	}
)

func (p *htmlPrinter) open(t html.Token) {
	switch {
	case slices.Contains(unseen, t.DataAtom):
		if t.Type == html.StartTagToken {
			p.hidden++
		}
	case t.DataAtom == atom.A:
		p.href = ""
		for _, a := range t.Attr {
			if a.Key == "href" {
				p.href = address(a.Val)
			}
		}
	case t.DataAtom == atom.Td, t.DataAtom == atom.Th:
		p.gap = true
	case slices.Contains(blocks, t.DataAtom):
		p.newLine()
		switch t.DataAtom {
		case atom.Blockquote:
			p.quoted++
		case atom.Li:
			p.say("- ")
		case atom.P:
			p.WriteByte('\n')
		}
	}
}

func (p *htmlPrinter) close(a atom.Atom) {
	switch {
	case slices.Contains(unseen, a):
		p.hidden = max(0, p.hidden-1)
	case a == atom.A:
		if p.href != "" && !strings.HasSuffix(p.String(), p.href) {
			p.say(" (" + p.href + ")")
		}
		p.href = ""
	case slices.Contains(blocks, a):
		p.newLine()
		if a == atom.Blockquote {
			p.quoted = max(0, p.quoted-1)
		}
	}
}

// say writes words with single blanks between them.
func (p *htmlPrinter) say(s string) {
	words := strings.Fields(s)
	if len(words) == 0 {
		p.gap = p.gap || s != ""
		return
	}
	if strings.TrimLeft(s, " \t\r\n\u00a0") != s {
		p.gap = true
	}
	if !p.inLine {
		p.WriteString(strings.Repeat("> ", min(p.quoted, 3)))
	} else if p.gap {
		p.WriteByte(' ')
	}
	p.WriteString(strings.Join(words, " "))
	p.inLine, p.gap = true, strings.TrimRight(s, " \t\r\n\u00a0") != s
}

func (p *htmlPrinter) newLine() {
	if p.inLine {
		p.WriteByte('\n')
	}
	p.inLine, p.gap = false, false
}
