// Package config reads .github/firebreak.yml into the policy that the core works by, and says of
// every mistake where it is and what is allowed there.
package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/oncall"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// Path is the file in an incident repository.
const Path = incident.ConfigPath

// MaxSize is how large the file may be, in bytes.
const MaxSize = 64 << 10

// Error is one mistake.
type Error struct {
	Line, Column int // from 1; 0 where it concerns the whole file
	Problem      string
}

// Error returns the mistake with its place.
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Problem
	}
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Problem)
}

// Parse returns the policy that a file describes. What it doesn't name is as in
// incident.DefaultPolicy. Mistakes returns the error's parts.
func Parse(content []byte) (incident.Policy, error) {
	return ParseWith(content, oncall.Schedule{})
}

// ParseWith is as Parse, for a file whose steps may name rotations: who is in one needs what people
// need whom a step names themselves.
func ParseWith(content []byte, onCall oncall.Schedule) (incident.Policy, error) {
	root, err := document(content)
	if err != nil {
		return incident.DefaultPolicy(), err
	}
	p := incident.DefaultPolicy()
	p.OnCall = onCall
	if root == nil {
		return p, nil
	}
	r := &reader{}
	(&builder{r, &p}).build(settings.read(r, root))
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

// Mistakes returns the mistakes that an error of Parse holds, in the file's order: the annotations
// of a check. Their texts quote the file as it is; where Markdown is read, Summary makes them
// inert.
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

// Summary says in one paragraph of Markdown that a file can't be used, why, and what goes on
// instead: the last good one, or, where none is known, the defaults. It mentions nobody and links
// to nothing.
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
