// Package config reads .github/firebreak.yml into the policy that the core works by, and says of every mistake where it
// stands and what is allowed there.
package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// Path is where the file stands in an incident repository.
const Path = incident.ConfigPath

// MaxSize is how large the file may be, in bytes.
const MaxSize = 64 << 10

// Error is one mistake.
type Error struct {
	Line, Column int // from 1; 0 where it concerns the whole file
	Problem      string
}

// Error gives the mistake with its place.
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Problem
	}
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Problem)
}

// Parse gives the policy that a file describes. What it doesn't name is as in incident.DefaultPolicy. Mistakes gives the
// error's parts.
func Parse(content []byte) (incident.Policy, error) {
	root, err := document(content)
	if err != nil {
		return incident.DefaultPolicy(), err
	}
	p := incident.DefaultPolicy()
	if root == nil {
		return p, nil
	}
	r := &reader{configured: map[string]bool{}}
	r.file(root, &p)
	if len(r.problems) > 0 {
		slices.SortStableFunc(r.problems, func(a, b *Error) int {
			return cmp.Or(a.Line-b.Line, a.Column-b.Column)
		})
		all := make([]error, len(r.problems))
		for i, p := range r.problems {
			all[i] = p
		}
		return incident.DefaultPolicy(), errors.Join(all...)
	}
	return p, nil
}

// Mistakes gives the mistakes that an error of Parse holds, in the file's order: the annotations of a check. Their texts
// quote the file as it is; where Markdown is read, Summary makes them inert.
func Mistakes(err error) []*Error {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		var out []*Error
		for _, e := range joined.Unwrap() {
			out = append(out, Mistakes(e)...)
		}
		return out
	}
	var one *Error
	if errors.As(err, &one) {
		return []*Error{one}
	}
	return nil
}

// Summary says in one paragraph of Markdown that a file can't be used, why, and what goes on instead: the last good one,
// or, where none is known, the defaults. It mentions nobody and links to nothing.
func Summary(file string, err error, known bool) string {
	const most = 5
	mistakes := Mistakes(err)
	var parts []string
	for _, e := range mistakes[:min(len(mistakes), most)] {
		parts = append(parts, texts.Inert(e.Error(), 400))
	}
	if more := len(mistakes) - most; more > 0 {
		parts = append(parts, fmt.Sprintf("%d more", more))
	}
	instead := "The defaults go on."
	if known {
		instead = "The last good one goes on."
	}
	return fmt.Sprintf("%s can't be used: %s. %s", texts.Code(file), strings.Join(parts, " · "), instead)
}

// document parses the YAML. A nil node is an empty file.
func document(content []byte) (root ast.Node, err error) {
	if len(content) > MaxSize {
		return nil, &Error{Problem: fmt.Sprintf("the file has %d bytes; %d are allowed", len(content), MaxSize)}
	}
	if err := costly(content); err != nil {
		return nil, err
	}
	defer func() {
		if recover() != nil { // a parser's bug in somebody's file must not stop an incident
			root, err = nil, &Error{Problem: "this is not YAML that can be read"}
		}
	}()
	file, err := parser.ParseBytes(content, 0, parser.AllowDuplicateMapKey()) // the reader says it better
	if err != nil {
		var y yaml.Error
		if !errors.As(err, &y) || y.GetToken() == nil || y.GetToken().Position == nil {
			return nil, &Error{Problem: "this is not YAML that can be read"}
		}
		at := y.GetToken().Position
		return nil, &Error{max(1, at.Line), max(1, at.Column), syntax(y.GetMessage())}
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
	line, column := place(bodies[1])
	return nil, &Error{line, column, "a second document begins here; one is allowed"}
}

// syntax tells a parser's complaint as the author of a file understands it, with what to do.
func syntax(complaint string) string {
	for _, c := range []struct{ has, say string }{
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
		{"mapping value is not allowed", "a second name with a colon follows this: check the indentation; a text with a colon needs quotes"},
		{"unexpected key name", "a name with a colon is not allowed here: check the indentation"},
		{"value is not allowed", "this doesn't fit what is above it: check the indentation and the brackets"},
		{"invalid header option", "nothing may follow | or > on its line; a text that begins with it needs quotes"},
	} {
		if strings.Contains(complaint, c.has) {
			return c.say
		}
	}
	line, _, _ := strings.Cut(strings.TrimSpace(complaint), "\n")
	return "this is not YAML: " + line
}

// costly finds what no configuration needs and the parser's time grows with the square of: brackets deep inside each other,
// many marks on a line, and many names (each without a value moves all that follows).
func costly(content []byte) error {
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
