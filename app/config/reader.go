package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// reader walks the YAML and collects what is wrong with it, so that one look at a file shows every mistake.
type reader struct {
	problems []*Error
	patterns int // the size of all regular expressions so far

	phone      ast.Node // the first place that names the phone list
	steps      bool     // the file has steps of its own
	uses       []use
	configured map[string]bool // kinds of the services that the file has settings of
}

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
	if !r.bounded(n, what, len(values)) {
		return nil
	}
	out, seen := []entry{}, map[string]bool{}
	for _, v := range values {
		name, ok := scalar(v.Key)
		if !ok {
			r.problem(v.Key, fmt.Sprintf("a name is expected here; this is %s", kind(v.Key)))
			continue
		}
		if r.twice(v.Key, seen, name) {
			continue
		}
		out = append(out, entry{name, v.Key, v.Value})
	}
	return out
}

// twice tells whether a word was seen before, which is a mistake.
func (r *reader) twice(n ast.Node, seen map[string]bool, word string) bool {
	if seen[word] {
		r.problem(n, shown(word)+" is here twice")
		return true
	}
	seen[word] = true
	return false
}

// twiceFold is twice for words in which capitals make no difference.
func (r *reader) twiceFold(n ast.Node, seen map[string]bool, word string) bool {
	exact, small := "="+word, naming.Key(word)
	switch {
	case seen[exact]:
		r.problem(n, shown(word)+" is here twice")
		return true
	case seen[small]:
		r.problem(n, shown(word)+" is here twice; capitals make no difference")
		return true
	}
	seen[exact], seen[small] = true, true
	return false
}

// mapping reads a mapping whose keys are known.
func (r *reader) mapping(n ast.Node, what string, fields []field) {
	r.fields(r.entries(n, what), what, fields)
}

func (r *reader) fields(entries []entry, what string, fields []field) {
	var allowed []string
	for _, f := range fields {
		allowed = append(allowed, f.name)
	}
	for _, e := range entries {
		i := slices.Index(allowed, e.name)
		switch {
		case i < 0:
			r.problem(e.key, unknown(e.name, what, allowed))
		case isNull(e.value):
			r.problem(e.key, fmt.Sprintf("%s has no value; leave the line out to keep the default", e.name))
		default:
			fields[i].read(e.value)
		}
	}
}

func unknown(name, what string, allowed []string) string {
	return fmt.Sprintf("%s is not known in %s%s; allowed: %s", shown(name), what, meant(name, allowed), strings.Join(allowed, ", "))
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
	if !r.bounded(n, what, len(out)) {
		return nil
	}
	return out
}

// lines reads a list of free texts.
func (r *reader) lines(n ast.Node, what string) (out []string) {
	seen := map[string]bool{}
	for _, item := range r.items(n, what, `["Gina, +49 30 1234"]`) {
		if line := r.line(item); line != "" && !r.twice(item, seen, line) {
			out = append(out, line)
		}
	}
	return out
}

// line reads one free text; it gives "" where it is none.
func (r *reader) line(n ast.Node) string {
	text, ok := r.text(n)
	if !ok {
		return ""
	}
	text = texts.Squeeze(text)
	if text == "" || len(text) > 200 {
		r.problem(n, "a line of 1 to 200 characters is expected here")
		return ""
	}
	return text
}

// words reads a list of names.
func (r *reader) words(n ast.Node, what string, fits func(string) bool, allowed string) (out []string) {
	seen := map[string]bool{}
	for _, item := range r.items(n, what, "[platform]") {
		if word := r.word(item, fits, allowed); word != "" && !r.twiceFold(item, seen, word) {
			out = append(out, word)
		}
	}
	return out
}

// word reads one name; it gives "" where it is none.
func (r *reader) word(n ast.Node, fits func(string) bool, allowed string) string {
	text, ok := r.text(n)
	if !ok {
		return ""
	}
	if !fits(text) {
		r.problem(n, fmt.Sprintf("%s is not allowed here; allowed: %s", shown(text), allowed))
		return ""
	}
	return text
}

// choice reads one of a few words; it gives "" where it is none.
func (r *reader) choice(n ast.Node, allowed ...string) string {
	text, ok := r.text(n)
	if ok && !slices.Contains(allowed, text) {
		r.problem(n, fmt.Sprintf("%s is not allowed here%s; allowed: %s", shown(text), meant(text, allowed), strings.Join(allowed, ", ")))
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

func (r *reader) count(n ast.Node, to *int, least, most int, of string) {
	text, _ := scalar(n)
	i, err := strconv.Atoi(text)
	if err != nil || i < least || i > most {
		r.problem(n, fmt.Sprintf("a number of %s from %d to %d is expected here; this is %s", of, least, most, kind(n)))
		return
	}
	*to = i
}

// longest is how long a time span of the file may be. What comes again and again does so a minute apart at least.
const longest = 90 * 24 * time.Hour

// duration reads a time span such as 20m, 1h30m or 2d.
func (r *reader) duration(n ast.Node, to *time.Duration) { r.durationFrom(n, to, time.Second) }

func (r *reader) durationFrom(n ast.Node, to *time.Duration, least time.Duration) {
	text, ok := r.text(n)
	if !ok {
		return
	}
	d, ok := parseDuration(text)
	switch {
	case !ok:
		r.problem(n, fmt.Sprintf("%s is not a time span; allowed: days, hours, minutes and seconds such as 20m, 1h30m or 2d", shown(text)))
	case d < least:
		r.problem(n, shown(text)+" is too short: "+atLeast(least))
	case d > longest:
		r.problem(n, shown(text)+" is too long; allowed: up to 90d")
	default:
		*to = d
	}
}

func atLeast(d time.Duration) string {
	if d < time.Minute {
		return "it must be longer than zero"
	}
	return short(d) + " is the shortest"
}

var span = regexp.MustCompile(`^(?:([0-9]{1,9})d)?(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})s)?$`)

func parseDuration(s string) (time.Duration, bool) {
	m := span.FindStringSubmatch(s)
	if m == nil || s == "" {
		return 0, false
	}
	var d time.Duration
	for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second} {
		n, _ := strconv.Atoi("0" + m[i+1])
		d += min(time.Duration(n), longest/unit+1) * unit // what is too long stays too long, and overflows nothing
	}
	return d, true
}

var timeOfDay = regexp.MustCompile(`^([0-9]{1,2}):([0-5][0-9])$`)

// clock reads a time of day; 24:00 is the day's end.
func (r *reader) clock(n ast.Node, to *time.Duration) {
	text, ok := r.text(n)
	if !ok {
		return
	}
	if m := timeOfDay.FindStringSubmatch(text); m != nil {
		hour, _ := strconv.Atoi(m[1])
		minute, _ := strconv.Atoi(m[2])
		if at := time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute; at <= 24*time.Hour {
			*to = at
			return
		}
	}
	r.problem(n, shown(text)+` is not a time of day; allowed: "00:00" to "24:00"`)
}

// clock writes a time of day.
func clock(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60)
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
	if text, ok := scalar(n); ok && !private(text) {
		return shown(text)
	} else if ok {
		return "a text"
	}
	return "something else"
}

// shown quotes a word of the file in a message, cut where it is long. What may be a secret is not repeated: more people
// read messages than may know it.
func shown(text string) string {
	const most = 60
	if private(text) {
		return "this value"
	}
	return strconv.Quote(texts.Truncate(text, most))
}

// meant proposes the name that somebody may have meant: one that differs by a letter or two, or that begins alike, as
// monday does with mon.
func meant(name string, allowed []string) string {
	name = strings.ToLower(name)
	best, least := "", 3
	for _, a := range allowed {
		d := texts.Distance(name, a)
		if len(name) >= 3 && len(a) >= 3 && (strings.HasPrefix(name, a) || strings.HasPrefix(a, name)) {
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
