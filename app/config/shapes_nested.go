package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// list is some values of one shape. A single value is a list of one.
type list struct {
	what    string
	of      shape
	most    int
	fold    bool // capitals make no difference
	repeats bool // an item may come again
	example string
}

func (l list) read(r *reader, n ast.Node) value {
	v := value{node: n}
	var nodes []ast.Node
	switch s := n.(type) {
	case *ast.SequenceNode:
		nodes = s.Values
	case *ast.MappingNode, *ast.MappingValueNode:
		return r.invalid(n, fmt.Sprintf("%s is a list, such as %s", l.what, l.example))
	default:
		nodes = []ast.Node{n} // the item's shape says what is wrong with it
	}
	if len(nodes) == 0 {
		return r.invalid(n, fmt.Sprintf("%s is empty; it is a list, such as %s", l.what, l.example))
	}
	if !r.isWithin(n, l.what, len(nodes), l.most) {
		v.invalid = true
		return v
	}

	seen := seenNames{}
	for _, node := range nodes {
		item := l.of.read(r, node)
		if !item.invalid && !l.repeats && item.text != "" {
			item.invalid = r.isRepeated(item.node, seen, item.text, l.fold)
		}
		v.items = append(v.items, item)
		v.invalid = v.invalid || item.invalid
	}
	return v
}

// isWithin reports whether a list or a mapping has no more entries than are allowed, and reports a
// problem if it has.
func (r *reader) isWithin(n ast.Node, what string, count, most int) bool {
	if count > most {
		r.problem(n, fmt.Sprintf("%s has %d entries; %d are allowed", what, count, most))
	}
	return count <= most
}

// seenNames are the words that a list or a mapping has so far: as they are written, and without
// their case.
type seenNames map[string]bool

// isRepeated reports whether a word was seen before, which is a problem.
func (r *reader) isRepeated(n ast.Node, seen seenNames, word string, fold bool) bool {
	exact, folded := "="+word, "~"+sameKey(word, fold)
	switch {
	case seen[exact]:
		r.problem(n, shown(word)+" is here twice")
		return true
	case seen[folded]:
		r.problem(n, shown(word)+" is here twice; capitals make no difference")
		return true
	}
	seen[exact], seen[folded] = true, true
	return false
}

// mapping returns the names and values of a mapping in the file's order; ok is false if it isn't one.
func (r *reader) mapping(n ast.Node, what string, most int) (out []entry, ok bool) {
	var values []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		values = m.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{m}
	default:
		r.problem(n, fmt.Sprintf("%s holds names with a colon, such as key: value; this is %s", what, describe(n)))
		return nil, false
	}
	if !r.isWithin(n, what, len(values), most) {
		return nil, false
	}

	ok = true
	seen := seenNames{}
	for _, v := range values {
		name, isName := scalar(v.Key)
		switch {
		case !isName:
			r.problem(v.Key, fmt.Sprintf("a name is expected here; this is %s", describe(v.Key)))
			ok = false
		case r.isRepeated(v.Key, seen, name, false):
			ok = false
		default:
			out = append(out, entry{name: name, key: v.Key, value: value{node: v.Value}})
		}
	}
	return out, ok
}

// named is a mapping whose names are the file's own, such as those of customers.
type named struct {
	what  string
	names word
	of    shape
	most  int
	fold  bool // capitals make no difference

	reserved map[string]string // names that are not allowed, and why
	optional bool              // a name may have no value
	missing  string            // what is said of a name without value; "" is the usual
}

func (m named) read(r *reader, n ast.Node) value {
	v := value{node: n}
	entries, ok := r.mapping(n, m.what, m.most)
	v.invalid = !ok

	seen := seenNames{}
	for _, e := range entries {
		reason, isReserved := m.reserved[sameKey(e.name, m.fold)]
		switch {
		case m.names.fits != nil && !m.names.fits(e.name):
			r.problem(
				e.key,
				fmt.Sprintf("%s %s; allowed: %s", shown(e.name), m.names.refusal, m.names.allowed),
			)
			v.invalid = true
			continue
		case isReserved:
			r.problem(e.key, fmt.Sprintf("%s %s: %s", shown(e.name), m.names.refusal, reason))
			v.invalid = true
			continue
		case m.fold && r.isRepeated(e.key, seen, e.name, true):
			v.invalid = true
			continue
		}
		e.value = r.valueOf(e, m.of, m.optional, m.missing)
		v.invalid = v.invalid || e.value.invalid
		v.entries = append(v.entries, e)
	}
	return v
}

// valueOf reads the value of a name.
func (r *reader) valueOf(e entry, of shape, optional bool, missing string) value {
	if !isNull(e.value.node) {
		if b, ok := of.(block); ok && b.lackingAtName {
			return b.readAt(r, e.value.node, e.key)
		}
		return of.read(r, e.value.node)
	}
	if optional {
		return value{node: e.value.node}
	}
	if missing == "" {
		missing = "%s has no value; leave the line out to keep the default"
	}
	if strings.Contains(missing, "%s") {
		missing = fmt.Sprintf(missing, e.name)
	}
	r.problem(e.key, missing)
	return value{node: e.key, invalid: true}
}

// setting is a name that a block may have.
type setting struct {
	name, about string
	of          shape
	standard    string   // what it is without the file's, "" if nothing
	examples    []string // as YAML
	missing     string   // what is said where it has no value; "" is the usual
}

// block is a mapping whose names are settings.
type block struct {
	what     string
	settings []setting

	required      []string
	lacking       string // what is said if one of required is missing; %s is its name
	lackingAtName bool   // it is said at the block's name

	isOne   bool   // exactly one of the settings
	none    string // what is said if there is none
	tooMany string // what is said if there are more

	known map[string]string // names that are no settings, and what is said of them
}

func (b block) read(r *reader, n ast.Node) value { return b.readAt(r, n, n) }

// readAt reads a block, and says at a node what it lacks.
func (b block) readAt(r *reader, n, at ast.Node) value {
	v := value{node: n}
	entries, ok := r.mapping(n, b.what, maxSettings)
	v.invalid = !ok
	switch {
	case !b.isOne || !ok || len(entries) == 1:
	case len(entries) == 0:
		return r.invalid(n, b.none)
	default:
		r.problem(entries[1].key, b.tooMany)
		v.invalid = true
		return v
	}

	for _, e := range entries {
		s, ok := b.find(e.name)
		if !ok {
			problem := b.known[e.name]
			if problem == "" {
				problem = b.unknown(e.name)
			}
			r.problem(e.key, problem)
			v.invalid = true
			continue
		}
		e.value = r.valueOf(e, s.of, false, s.missing)
		v.invalid = v.invalid || e.value.invalid
		v.entries = append(v.entries, e)
	}

	if v.invalid {
		return v
	}
	for _, name := range b.required {
		if !v.get(name).isSet() {
			r.problem(at, strings.ReplaceAll(b.lacking, "%s", name))
			v.invalid = true
		}
	}
	if b.isOne { // so that a list of them finds the same one twice
		only := v.entries[0]
		v.text, v.node = only.name+" "+only.value.text, only.value.node
	}
	return v
}

// maxSettings bounds the entries of a block: no block has as many settings.
const maxSettings = 100

func (b block) find(name string) (setting, bool) {
	i := slices.IndexFunc(b.settings, func(s setting) bool { return s.name == name })
	if i < 0 {
		return setting{}, false
	}
	return b.settings[i], true
}

func (b block) names() (names []string) {
	for _, s := range b.settings {
		names = append(names, s.name)
	}
	return names
}

// unknown is what is said of a name that isn't a setting.
func (b block) unknown(name string) string {
	return fmt.Sprintf("%s is not known in %s%s; allowed: %s", shown(name), b.what, suggest(name, b.names()),
		strings.Join(b.names(), ", "))
}

// orWord is a shape, or one word in its place.
type orWord struct {
	word    string
	of      shape
	allowed string // for people
}

func (o orWord) read(r *reader, n ast.Node) value {
	text, ok := scalar(n)
	switch {
	case ok && text == o.word:
		return value{node: n, text: text}
	case ok:
		return r.invalid(
			n,
			fmt.Sprintf(
				"%s is not allowed here%s; allowed: %s",
				shown(text),
				suggest(text, []string{o.word}),
				o.allowed,
			),
		)
	}
	return o.of.read(r, n)
}
