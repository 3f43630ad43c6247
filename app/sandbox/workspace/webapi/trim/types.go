package main

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
)

// shape is what a value looks like.
type shape struct {
	Is       []string          `json:"is,omitempty"` // string, number, boolean, object or list; none: not known
	Required []string          `json:"required,omitempty"`
	Members  map[string]*shape `json:"members,omitempty"`
	Of       *shape            `json:"of,omitempty"` // of a list

	isNever bool
}

// file is the declarations of files in TypeScript, as tokens by name.
type file struct {
	declared map[string][]string
	enums    map[string]bool
}

var (
	comments = regexp.MustCompile(`(?s:/\*.*?\*/)|(?m://.*$)`)
	tokens   = regexp.MustCompile(`'[^']*'|"[^"]*"|[A-Za-z_$][A-Za-z0-9_$.]*|[0-9]+|\S`)
)

// readFile reads the declarations of files; those of a later file come before those of an earlier one.
func readFile(paths ...string) (*file, error) {
	f := &file{declared: map[string][]string{}, enums: map[string]bool{}}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read the types: %w", err)
		}
		f.read(tokens.FindAllString(comments.ReplaceAllString(string(text), ""), -1))
	}
	return f, nil
}

func (f *file) read(all []string) {
	for i := 0; i+1 < len(all); i++ {
		name := all[i+1]
		switch all[i] {
		case "import":
			i += endOf(all[i:], ";")
		case "enum":
			f.enums[name] = true
		case "type":
			end := i + 3 + endOf(all[i+3:], ";")
			f.declared[name] = all[i+3 : end]
			i = end
		case "interface": // as what it extends, and its own members
			open := i + slices.Index(all[i:], "{")
			end := open + 1 + endOf(all[open+1:], "}")
			var of []string
			if all[i+2] == "extends" {
				depth := 0
				for _, t := range all[i+3 : open] {
					depth += strings.Count(t, "<") - strings.Count(t, ">")
					if t == "," && depth == 0 {
						t = "&"
					}
					of = append(of, t)
				}
				of = append(of, "&")
			}
			f.declared[name] = append(of, all[open:end+1]...)
			i = end
		}
	}
}

// endOf returns where the first token is that ends what nothing in it ends.
func endOf(all []string, end string) int {
	depth := 0
	for i, t := range all {
		if t == end && depth == 0 {
			return i
		}
		switch t {
		case "{", "(", "[", "<":
			depth++
		case "}", ")", "]", ">":
			depth--
		}
	}
	return len(all)
}

// shapeOf returns the shape of a declared type, with as many levels of members; nil: it isn't declared.
func (f *file) shapeOf(name string, levels int) *shape {
	declared, ok := f.declared[name]
	if !ok {
		return nil
	}
	return f.parse(declared, levels)
}

// parse returns the shape of a type.
func (f *file) parse(all []string, levels int) *shape {
	var either *shape
	for _, option := range split(all, "|") {
		var both *shape
		for _, part := range split(option, "&") {
			both = both.and(f.parseOne(part, levels))
		}
		either = either.or(both)
	}
	return either
}

// split splits at a token that is in nothing else.
func split(all []string, at string) (parts [][]string) {
	for {
		end := endOf(all, at)
		if end > 0 {
			parts = append(parts, all[:end])
		}
		if end == len(all) {
			return parts
		}
		all = all[end+1:]
	}
}

// parseOne returns the shape of a type without options.
func (f *file) parseOne(all []string, levels int) *shape {
	first, last := all[0], all[len(all)-1]
	switch {
	case last == "]" && len(all) > 2 && all[len(all)-2] == "[": // T[]
		return &shape{Is: []string{"list"}, Of: f.parse(all[:len(all)-2], levels)}
	case first == "[":
		return &shape{Is: []string{"list"}}
	case first == "(":
		return f.parse(all[1:len(all)-1], levels)
	case first == "{":
		return f.parseMembers(all[1:len(all)-1], levels)
	case first[0] == '\'' || first[0] == '"' || first == "string" || f.enums[first]:
		return &shape{Is: []string{"string"}}
	case first == "number" || first == "boolean":
		return &shape{Is: []string{first}}
	case first == "true" || first == "false":
		return &shape{Is: []string{"boolean"}}
	case first == "never":
		return &shape{isNever: true}
	case len(all) > 3 && all[1] == "<":
		return f.parseGeneric(first, split(all[2:len(all)-1], ","), levels)
	case len(all) == 1:
		if s := f.shapeOf(first, levels); s != nil {
			return s
		}
	}
	return &shape{} // of another package
}

// parseGeneric returns the shape of what TypeScript's own types make of another one.
func (f *file) parseGeneric(name string, of [][]string, levels int) *shape {
	s := *f.parse(of[0], levels)
	switch name {
	case "OptionalArgument":
	case "Partial":
		s.Required = nil
	case "Required":
		s.Required = slices.Sorted(maps.Keys(s.Members))
	default:
		return &shape{Is: []string{"object"}}
	}
	return &s
}

// parseMembers returns the shape of an object.
func (f *file) parseMembers(all []string, levels int) *shape {
	s := &shape{Is: []string{"object"}}
	if levels == 0 {
		return s
	}
	members := map[string]*shape{}
	for _, m := range split(all, ";") {
		if m[0] == "[" { // of any name
			return s
		}
		colon := slices.Index(m, ":")
		depth := levels - 1
		if slices.Contains(deep, m[0]) {
			depth = 0
		}
		of := f.parse(m[colon+1:], depth)
		members[m[0]] = of
		if !slices.Contains(m[:colon], "?") {
			s.Required = append(s.Required, m[0])
		}
	}
	s.Members = members
	slices.Sort(s.Required)
	return s
}

// and returns the shape of what is both.
func (s *shape) and(other *shape) *shape {
	if s == nil || len(s.Is) == 0 && s.Members == nil {
		return other
	}
	if len(other.Is) == 0 && other.Members == nil {
		return s
	}
	return &shape{Is: s.Is, Required: union(s.Required, other.Required), Members: s.merged(other)}
}

// or returns the shape of what is one of them.
func (s *shape) or(other *shape) *shape {
	switch {
	case s == nil || s.isNever:
		return other
	case other.isNever:
		return s
	case len(s.Is) == 0 || len(other.Is) == 0:
		return &shape{}
	}
	required := slices.DeleteFunc(slices.Clone(s.Required), func(name string) bool {
		return !slices.Contains(other.Required, name)
	})
	return &shape{Is: union(s.Is, other.Is), Required: required, Members: s.merged(other), Of: s.Of}
}

func union(a, b []string) []string {
	all := append(slices.Clone(a), b...)
	slices.Sort(all)
	return slices.Compact(all)
}

func (s *shape) merged(other *shape) map[string]*shape {
	all := maps.Clone(s.Members)
	if all == nil {
		all = map[string]*shape{}
	}
	for name, m := range other.Members {
		if before := all[name]; before != nil {
			m = before.or(m)
		}
		all[name] = m
	}
	return all
}
