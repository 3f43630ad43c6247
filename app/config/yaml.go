package config

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/firebreak-dev/firebreak/app/texts"
)

// document parses the YAML. A nil node is an empty file.
func document(content []byte) (root ast.Node, err error) {
	if len(content) > MaxSize {
		return nil, &Error{
			Problem: fmt.Sprintf("the file has %d bytes; %d are allowed", len(content), MaxSize),
		}
	}
	if err := checkCost(content); err != nil {
		return nil, err
	}
	content = bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n")) // the parser counts it as two lines

	defer func() {
		if recover() != nil { // a parser's bug in somebody's file must not stop an incident
			root, err = nil, &Error{Problem: "this is not YAML that can be read"}
		}
	}()
	// duplicate keys are allowed here, as the reader's message is clearer
	file, err := parser.ParseBytes(content, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		var y yaml.Error
		if !errors.As(err, &y) || y.GetToken() == nil || y.GetToken().Position == nil {
			return nil, &Error{Problem: "this is not YAML that can be read"}
		}
		at := y.GetToken().Position
		return nil, &Error{max(1, at.Line), max(1, at.Column), explainSyntax(y.GetMessage())}
	}

	var bodies []ast.Node
	for _, d := range file.Docs {
		if d.Body != nil && d.Body.Type() != ast.NullType {
			bodies = append(bodies, d.Body)
		}
	}
	switch len(bodies) {
	case 0:
		return nil, nil
	case 1:
		return bodies[0], nil
	}
	line, column := position(bodies[1])
	return nil, &Error{line, column, "a second document begins here; one is allowed"}
}

// syntaxHelp explains what the parser complains about, by a part of its message.
var syntaxHelp = []struct{ has, say string }{
	{"is a reserved character", `a text can't begin with this character: put it in quotes, such as "@carol"`},
	{"tab character", "a tab is here; YAML is indented with spaces"},
	{"found character '\t'", "a tab is here; YAML is indented with spaces"},
	{"could not find end character", "the quote that opens here is not closed"},
	{"sequence end token", "the [ that opens here is not closed"},
	{"mapping end token", "the { that opens here is not closed"},
	{"',' or ']'", "a comma or ] is missing before this"},
	{"',' or '}'", "a comma or } is missing before this"},
	{"block sequence entries", "a list begins on a line of its own, or is written as [a, b]"},
	{"non-map value", "a name with a colon is expected here, such as key: value"},
	{"mapping value is not allowed", "a second name with a colon follows this: check the indentation; " +
		"a text with a colon needs quotes"},
	{"unexpected key name", "a name with a colon is not allowed here: check the indentation"},
	{"value is not allowed", "this doesn't fit what is above it: check the indentation and the brackets"},
	{
		"invalid header option",
		"nothing may follow | or > on its line; a text that begins with it needs quotes",
	},
}

// explainSyntax returns a parser's complaint in the words of a file's author, with what to do.
func explainSyntax(complaint string) string {
	for _, c := range syntaxHelp {
		if strings.Contains(complaint, c.has) {
			return c.say
		}
	}
	line, _, _ := strings.Cut(strings.TrimSpace(complaint), "\n")
	return "this is not YAML: " + line
}

// checkCost returns an error for what no configuration needs and the parser's time grows with the
// square of: brackets deep inside each other, many marks on a line, and many names (each without a
// value moves all that follows).
func checkCost(content []byte) error {
	const mostDeep, mostMarks, mostNames = 100, 2000, 5000
	depth, line, marks, names := 0, 1, 0, 0
	for _, c := range content {
		switch c {
		case '\n':
			line, marks = line+1, 0
		case '[', '{':
			depth++
		case ']', '}':
			depth = max(0, depth-1)
		case ':', '?':
			names, marks = names+1, marks+1
		case '-', '&', '!', '*':
			marks++
		}
		if depth > mostDeep || marks > mostMarks {
			return &Error{line, 1, "too many brackets or indents inside each other"}
		}
		if names > mostNames {
			return &Error{line, 1, fmt.Sprintf("too many names with a colon: %d are allowed", mostNames)}
		}
	}
	return nil
}

// position returns where a node begins.
func position(n ast.Node) (line, column int) {
	switch m := n.(type) {
	case *ast.MappingNode:
		if len(m.Values) > 0 && !m.IsFlowStyle {
			n = m.Values[0].Key // its own token is the first colon
		}
	case *ast.MappingValueNode:
		n = m.Key
	}
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return 1, 1
	}
	at := n.GetToken().Position
	return max(1, at.Line), max(1, at.Column)
}

func isNull(n ast.Node) bool { return n == nil || n.Type() == ast.NullType }

// scalar returns the text of a node that is one value. Numbers are taken as they are written, so
// that a phone number needs no quotes.
func scalar(n ast.Node) (text string, ok bool) {
	switch s := n.(type) {
	case *ast.StringNode:
		return s.Value, true
	case *ast.LiteralNode:
		return s.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return strings.TrimSpace(n.GetToken().Value), true
	}
	return "", false
}

// describe returns what a node is, for messages.
func describe(n ast.Node) string {
	switch n.(type) {
	case nil, *ast.NullNode:
		return "empty"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.BoolNode:
		return "true or false"
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		return "an anchor or alias, which are not supported"
	case *ast.TagNode:
		return "a tag, which is not supported"
	}
	if text, ok := scalar(n); ok && !mayBeSecret(text) {
		return shown(text)
	} else if ok {
		return "a text"
	}
	return "something else"
}

// shown quotes a word of the file in a message, cut where it is long. What may be a secret is not
// repeated: more people read messages than may know it.
func shown(text string) string {
	const most = 60
	if mayBeSecret(text) {
		return "this value"
	}
	return strconv.Quote(texts.Truncate(text, most))
}

// suggest returns the name that somebody may have meant, as " (did you mean mon?)": one that
// differs by a letter or two, or that begins alike, as monday does with mon.
func suggest(name string, allowed []string) string {
	best, least := "", 3
	for _, a := range allowed {
		d := texts.Distance(name, a)
		lower := strings.ToLower(name)
		if len(name) >= 3 && len(a) >= 3 && (strings.HasPrefix(lower, a) || strings.HasPrefix(a, lower)) {
			d = min(d, 1)
		}
		if d < least && d < len(a) {
			best, least = a, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %s?)", best)
}
