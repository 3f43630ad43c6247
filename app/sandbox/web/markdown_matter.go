package web

import (
	"html"
	"html/template"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// frontMatter takes the YAML between two lines of "---" off the head of a file and renders it as
// the table that GitHub shows. A file without it, or with YAML that does not parse, stays as it is.
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

// matterTable writes a YAML value as GitHub does: a mapping as a table with one row, a list as a
// row of cells.
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

// scalar returns a YAML scalar's text without quotes and comments.
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
