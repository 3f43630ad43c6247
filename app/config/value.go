package config

import (
	"time"

	"github.com/goccy/go-yaml/ast"
)

// value is what a shape read from a node. Only the fields of its shape are set. An invalid value
// has been reported, and everything that contains it is invalid as well.
type value struct {
	node    ast.Node
	invalid bool

	text    string
	number  int
	span    time.Duration
	yes     bool
	items   []value
	entries []entry // of a block or of named values, in the file's order
}

// entry is a name of the file and its value.
type entry struct {
	name  string
	key   ast.Node
	value value
}

// isSet reports whether the file has the value.
func (v value) isSet() bool { return v.node != nil }

// isValid reports whether the file has the value, without a mistake.
func (v value) isValid() bool { return v.node != nil && !v.invalid }

// get returns an entry's value; it is unset where there is none.
func (v value) get(name string) value {
	for _, e := range v.entries {
		if e.name == name {
			return e.value
		}
	}
	return value{}
}

// setText sets to, if the file has the value.
func (v value) setText(to *string) {
	if v.isValid() {
		*to = v.text
	}
}

func (v value) setNumber(to *int) {
	if v.isValid() {
		*to = v.number
	}
}

func (v value) setSpan(to *time.Duration) {
	if v.isValid() {
		*to = v.span
	}
}

func (v value) setBool(to *bool) {
	if v.isValid() {
		*to = v.yes
	}
}

// texts returns the items of a list, without those that are invalid.
func (v value) texts() (out []string) {
	for _, item := range v.items {
		if !item.invalid {
			out = append(out, item.text)
		}
	}
	return out
}
