package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// reader walks the YAML and collects what is wrong with it, so that one look at a file shows every mistake.
type reader struct{ problems []*Error }

type (
	// field is a key that is allowed, and what reads its value.
	field struct {
		name string
		read func(ast.Node)
	}
	// entry is one key of a mapping whose keys are names.
	entry struct {
		name       string
		key, value ast.Node
	}
)

func (r *reader) problem(n ast.Node, problem string) {
	line, column := place(n)
	r.problems = append(r.problems, &Error{line, column, problem})
}

// place tells where a node begins.
func place(n ast.Node) (line, column int) {
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

// entries gives the keys and values of a mapping in the file's order; nil if it is none.
func (r *reader) entries(n ast.Node, what string) []entry {
	var values []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		values = m.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{m}
	default:
		r.problem(n, fmt.Sprintf("%s holds names with a colon, such as key: value; this is %s", what, kind(n)))
		return nil
	}
	out := []entry{}
	for _, v := range values {
		name, ok := scalar(v.Key)
		if !ok {
			r.problem(v.Key, fmt.Sprintf("a name is expected here; this is %s", kind(v.Key)))
			continue
		}
		if slices.ContainsFunc(out, func(e entry) bool { return e.name == name }) {
			r.problem(v.Key, fmt.Sprintf("%q stands here twice", name))
			continue
		}
		out = append(out, entry{name, v.Key, v.Value})
	}
	return out
}

// mapping reads a mapping whose keys are known.
func (r *reader) mapping(n ast.Node, what string, fields []field) {
	var allowed []string
	for _, f := range fields {
		allowed = append(allowed, f.name)
	}
	for _, e := range r.entries(n, what) {
		i := slices.Index(allowed, e.name)
		switch {
		case i < 0:
			r.problem(e.key, fmt.Sprintf("%q is not known in %s%s; allowed: %s", e.name, what, meant(e.name, allowed), strings.Join(allowed, ", ")))
		case isNull(e.value):
			r.problem(e.key, fmt.Sprintf("%s has no value; leave the line out to keep the default", e.name))
		default:
			fields[i].read(e.value)
		}
	}
}

// items gives the parts of a list; a single value is a list of one.
func (r *reader) items(n ast.Node, what, example string) []ast.Node {
	var out []ast.Node
	switch s := n.(type) {
	case *ast.SequenceNode:
		out = s.Values
	case *ast.MappingNode, *ast.MappingValueNode:
		r.problem(n, fmt.Sprintf("%s is a list, such as %s", what, example))
		return nil
	default:
		out = []ast.Node{n} // who reads the item says what is wrong with it
	}
	if len(out) == 0 {
		r.problem(n, fmt.Sprintf("%s is empty; it is a list, such as %s", what, example))
	}
	return out
}

// lines reads a list of free texts.
func (r *reader) lines(n ast.Node, what string) (out []string) {
	for _, item := range r.items(n, what, `["Gina, +49 30 1234"]`) {
		text, ok := r.text(item)
		switch text = strings.Join(strings.Fields(text), " "); {
		case !ok:
		case text == "" || len(text) > 200:
			r.problem(item, "a line of 1 to 200 characters is expected here")
		case slices.Contains(out, text):
			r.problem(item, fmt.Sprintf("%q stands here twice", text))
		default:
			out = append(out, text)
		}
	}
	return out
}

// words reads a list of names.
func (r *reader) words(n ast.Node, what string, pattern *regexp.Regexp, allowed string) (out []string) {
	for _, item := range r.items(n, what, "[platform]") {
		word := r.word(item, pattern, allowed)
		switch {
		case word == "":
		case slices.Contains(out, word):
			r.problem(item, fmt.Sprintf("%q stands here twice", word))
		default:
			out = append(out, word)
		}
	}
	return out
}

// word reads one name; it gives "" where it is none.
func (r *reader) word(n ast.Node, pattern *regexp.Regexp, allowed string) string {
	text, ok := r.text(n)
	if !ok {
		return ""
	}
	if !pattern.MatchString(text) {
		r.problem(n, fmt.Sprintf("%q can't stand here: %s is", text, allowed))
		return ""
	}
	return text
}

func (r *reader) choice(n ast.Node, allowed ...string) string {
	text, ok := r.text(n)
	if ok && !slices.Contains(allowed, text) {
		r.problem(n, fmt.Sprintf("%q can't stand here%s; allowed: %s", text, meant(text, allowed), strings.Join(allowed, ", ")))
		return ""
	}
	return text
}

func (r *reader) boolean(n ast.Node, to *bool) {
	if b, ok := n.(*ast.BoolNode); ok {
		*to = b.Value
		return
	}
	r.problem(n, fmt.Sprintf("true or false is expected here; this is %s", kind(n)))
}

func (r *reader) count(n ast.Node, to *int, least, most int) {
	text, _ := scalar(n)
	i, err := strconv.Atoi(text)
	if err != nil || i < least || i > most {
		r.problem(n, fmt.Sprintf("a number from %d to %d is expected here", least, most))
		return
	}
	*to = i
}

const longest = 90 * 24 * time.Hour

// duration reads a time span such as 20m, 1h30m or 2d.
func (r *reader) duration(n ast.Node, to *time.Duration) { r.durationFrom(n, to, time.Second) }

func (r *reader) durationFrom(n ast.Node, to *time.Duration, least time.Duration) {
	text, ok := r.text(n)
	if !ok {
		return
	}
	d, err := parseDuration(text)
	switch {
	case err != nil:
		r.problem(n, fmt.Sprintf("%q is no time span; such as 20m, 1h30m or 2d are allowed", text))
	case d < least && least > 0:
		r.problem(n, fmt.Sprintf("%q is too short: it must be longer than nothing", text))
	case d < 0 || d > longest:
		r.problem(n, fmt.Sprintf("%q is too long or too short; up to 90d is allowed", text))
	default:
		*to = d
	}
}

var days = regexp.MustCompile(`^([0-9]{1,3})d(.*)$`)

func parseDuration(s string) (time.Duration, error) {
	var d time.Duration
	if m := days.FindStringSubmatch(s); m != nil {
		n, _ := strconv.Atoi(m[1])
		d, s = time.Duration(n)*24*time.Hour, m[2]
		if s == "" {
			return d, nil
		}
	}
	rest, err := time.ParseDuration(s)
	return d + rest, err
}

// short writes a duration as people write it in the file.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// text reads a scalar. Numbers are taken as they are written, so that a phone number needs no quotes.
func (r *reader) text(n ast.Node) (string, bool) {
	text, ok := scalar(n)
	if !ok {
		r.problem(n, fmt.Sprintf("a text is expected here; this is %s", kind(n)))
	}
	return text, ok
}

func scalar(n ast.Node) (string, bool) {
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

func kind(n ast.Node) string {
	switch n.(type) {
	case nil, *ast.NullNode:
		return "empty"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a block of names"
	case *ast.SequenceNode:
		return "a list"
	case *ast.BoolNode:
		return "true or false"
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		return "an anchor or alias, which are not supported"
	case *ast.TagNode:
		return "a tag, which is not supported"
	}
	if text, ok := scalar(n); ok {
		return strconv.Quote(text)
	}
	return "something else"
}

// meant proposes the name that somebody may have meant.
func meant(name string, allowed []string) string {
	best, least := "", 3
	for _, a := range allowed {
		if d := distance(strings.ToLower(name), a); d < least && d < len(a) {
			best, least = a, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %s?)", best)
}

// distance counts the letters to change, add or drop.
func distance(a, b string) int {
	if len(a) > len(b)+3 || len(b) > len(a)+3 {
		return 3
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := last
			if a[i] != b[j] {
				cost = 1 + min(last, row[j], row[j+1])
			}
			last, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
