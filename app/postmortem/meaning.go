package postmortem

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
	xhtml "golang.org/x/net/html"
)

// KeepForm returns a document that was written again, with each part of the machine's that says the
// same as before in the form that it had. A formatter of the repository's may set tables, lists and
// quotes as it likes, and is not contradicted.
func KeepForm(before, after string) string {
	old, fresh := lines(before), lines(after)
	var b strings.Builder
	at := 0
	if end, freshEnd := frontEnd(old), frontEnd(fresh); end > 0 && freshEnd > 0 &&
		isSameYAML(insideFront(old[:end]), insideFront(fresh[:freshEnd])) {
		b.WriteString(strings.Join(old[:end], ""))
		at = freshEnd
	}
	sections := markedSections(old)
	for _, s := range markedSections(fresh) {
		i := slices.IndexFunc(sections, func(o markedSection) bool { return o.name == s.name })
		if i < 0 || s.begin < at {
			continue
		}
		was, is := old[sections[i].begin+1:sections[i].end], fresh[s.begin+1:s.end]
		if !isSameMarkdown(strings.Join(was, ""), strings.Join(is, "")) {
			continue
		}
		b.WriteString(strings.Join(fresh[at:s.begin+1], ""))
		b.WriteString(strings.Join(was, ""))
		at = s.end
	}
	b.WriteString(strings.Join(fresh[at:], ""))
	return b.String()
}

// IsSameData reports whether two JSON documents say the same.
func IsSameData(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}

// insideFront returns what is between the two rules of a front matter.
func insideFront(lines []string) string { return strings.Join(lines[1:len(lines)-1], "") }

// maxFront is how much of a front matter is read; an anchor could make much of little.
const maxFront = 16 << 10

func isSameYAML(a, b string) bool {
	if a == b {
		return true
	}
	if len(a) > maxFront || strings.ContainsAny(a, "&*") && !strings.Contains(b, a) {
		return false
	}
	var x, y map[string]any
	return yaml.Unmarshal([]byte(a), &x) == nil && yaml.Unmarshal([]byte(b), &y) == nil &&
		reflect.DeepEqual(x, y)
}

var shown = sync.OnceValue(func() goldmark.Markdown {
	return goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))
})

// maxCompared is how much Markdown is compared by its meaning; more is compared by its bytes.
const maxCompared = 1 << 20

// isSameMarkdown reports whether a reader sees the same.
func isSameMarkdown(a, b string) bool {
	if a == b {
		return true
	}
	if len(a) > maxCompared || len(b) > 2*len(a)+4096 || len(a) > 2*len(b)+4096 || isDeep(a) {
		return false
	}
	return meaning(a) == meaning(b)
}

// isDeep reports whether lists or quotes are nested so deeply that the parser would take long.
func isDeep(text string) bool {
	return slices.ContainsFunc(lines(text), func(line string) bool {
		return len(nesting.FindString(line)) > maxIndent
	})
}

// meaning returns what a reader sees of Markdown: its elements and words, and white space only
// where it is shown.
func meaning(text string) string {
	var page bytes.Buffer
	if err := shown().Convert([]byte(text), &page); err != nil {
		return text
	}
	var b strings.Builder
	verbatim, items := 0, 0
	for z := xhtml.NewTokenizer(&page); ; {
		kind := z.Next()
		if kind == xhtml.ErrorToken {
			return b.String()
		}
		t := z.Token()
		depth := map[xhtml.TokenType]int{xhtml.StartTagToken: 1, xhtml.EndTagToken: -1}[kind]
		switch t.Data {
		case "pre":
			verbatim += depth
		case "li":
			items += depth
		}
		switch {
		case kind == xhtml.TextToken && verbatim > 0:
			b.WriteString(t.Data)
		case kind == xhtml.TextToken:
			b.WriteString(spaced(t.Data))
		case t.Data == "p" && items > 0 && kind != xhtml.CommentToken:
			// whether blank lines part the items of a list
		case kind == xhtml.CommentToken:
			b.WriteString("<!--" + strings.TrimSpace(t.Data) + "-->")
		default:
			b.WriteString(t.String())
		}
	}
}

// spaced returns a text with single blanks between its words, and one before or after where white
// space parts it from what else is on the line.
func spaced(text string) string {
	all := strings.Join(strings.Fields(text), " ")
	if all == "" {
		return ""
	}
	if strings.TrimLeft(text, " \t\r\n") != text {
		all = " " + all
	}
	// a line ends before each block
	if strings.TrimRight(text, " \t\r\n") != text && !strings.HasSuffix(text, "\n") {
		all += " "
	}
	return all
}
