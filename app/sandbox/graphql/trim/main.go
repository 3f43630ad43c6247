// Command trim cuts GitHub's published GraphQL schema, as npm's @octokit/graphql-schema carries it,
// down to the fields that the sandbox serves.
//
// Run it in app/sandbox/graphql, with the unpacked npm package as argument:
//
//	npm pack @octokit/graphql-schema@15.26.1 && tar xzf octokit-graphql-schema-15.26.1.tgz
//	go run ./trim package
//
// It writes schema.graphql and LICENSE-octokit-graphql-schema. The same package makes the same bytes.
package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/graph-gophers/graphql-go"
	"github.com/graph-gophers/graphql-go/ast"
)

// kept lists what stays of each type: its fields, each with those of its arguments that stay; of an
// interface also which types have it, if not all that stay. What the schema doesn't have is an error,
// and so is a type that a kept field needs and that isn't listed. Scalars, and enumerations as a
// whole, stay where a kept field needs them.
//
//go:embed kept.txt
var kept string

var deprecated = regexp.MustCompile(`@deprecated\(\s*reason:\s*"(?:[^"\\]|\\.)*"\s*\)`)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run ./trim PATH-OF-UNPACKED-@octokit/graphql-schema")
		os.Exit(2)
	}
	if err := run(os.Args[1], "."); err != nil {
		fmt.Fprintln(os.Stderr, "trim:", err)
		os.Exit(1)
	}
}

func run(dir, out string) error {
	var pkg struct{ Name, Version string }
	data, err := os.ReadFile(filepath.Join(dir, "package.json"))
	if err == nil {
		err = json.Unmarshal(data, &pkg)
	}
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(dir, "schema.graphql"))
	if err != nil {
		return err
	}
	licence, err := os.ReadFile(filepath.Join(dir, "LICENSE.md"))
	if err != nil {
		return err
	}

	// The library takes an interface's field for broken that a type marks as deprecated.
	schema, err := graphql.ParseSchema(
		deprecated.ReplaceAllString(string(text), ""),
		nil,
		graphql.UseStringDescriptions(),
	)
	if err != nil {
		return fmt.Errorf("GitHub's schema: %w", err)
	}
	trimmed, err := trim(schema.AST(), kept)
	if err != nil {
		return err
	}
	head := fmt.Sprintf(
		"# GitHub's GraphQL schema, trimmed by the program in trim from %s@%s (MIT).\n\n",
		pkg.Name,
		pkg.Version,
	)
	if err := os.WriteFile(filepath.Join(out, "schema.graphql"), []byte(head+trimmed), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "LICENSE-octokit-graphql-schema"), licence, 0o644)
}

// wanted is what stays of a type.
type wanted struct {
	name   string
	fields []string
	args   map[string][]string // by field
	by     []string            // of an interface: the types that have it; nil: all
}

// read reads the list of what stays.
func read(list string) ([]wanted, error) {
	var all []wanted
	for line := range strings.Lines(list) {
		words := strings.Fields(strings.NewReplacer("(", " ( ", ")", " ) ").Replace(line))
		if len(words) == 0 {
			continue
		}
		if name, isType := strings.CutSuffix(words[0], ":"); isType {
			all = append(all, wanted{name: name, args: map[string][]string{}})
			words = words[1:]
		}
		if len(all) == 0 {
			return nil, fmt.Errorf("%q belongs to no type", line)
		}
		w := &all[len(all)-1]
		inside, after := false, false
		for _, word := range words {
			switch last := len(w.fields) - 1; {
			case word == "|":
				after = true
			case after:
				w.by = append(w.by, word)
			case word == "(":
				inside = true
			case word == ")":
				inside = false
			case inside:
				w.args[w.fields[last]] = append(w.args[w.fields[last]], word)
			default:
				w.fields = append(w.fields, word)
			}
		}
	}
	return all, nil
}

// trim writes what stays of the schema.
func trim(schema *ast.Schema, list string) (string, error) {
	all, err := read(list)
	if err != nil {
		return "", err
	}
	t := trimmer{
		schema: schema,
		stays:  map[string]bool{},
		by:     map[string][]string{},
		needed: map[string]string{},
	}
	for _, w := range all {
		t.stays[w.name] = true
		t.by[w.name] = w.by
	}
	for _, w := range all {
		if err := t.write(w); err != nil {
			return "", fmt.Errorf("%s: %w", w.name, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.needed)) {
		if err := t.writeNeeded(name); err != nil {
			return "", err
		}
	}
	return t.out.String(), nil
}

type trimmer struct {
	schema *ast.Schema
	stays  map[string]bool     // the listed types
	by     map[string][]string // which types have an interface
	needed map[string]string   // types that kept fields need, with the field
	out    strings.Builder
}

// write writes a listed type.
func (t *trimmer) write(w wanted) error {
	switch def := t.schema.Types[w.name].(type) {
	case *ast.ObjectTypeDefinition:
		implements := ""
		for _, i := range def.Interfaces {
			if by := t.by[i.Name]; !t.stays[i.Name] || by != nil && !slices.Contains(by, w.name) {
				continue
			}
			if implements == "" {
				implements = " implements " + i.Name
			} else {
				implements += " & " + i.Name
			}
		}
		return t.writeFields("type "+w.name+implements, w, def.Fields)
	case *ast.InterfaceTypeDefinition:
		return t.writeFields("interface "+w.name, w, def.Fields)
	case *ast.Union:
		members := slices.DeleteFunc(each(def.UnionMemberTypes,
			func(o *ast.ObjectTypeDefinition) string { return o.Name }),
			func(name string) bool { return !t.stays[name] })
		fmt.Fprintf(&t.out, "union %s = %s\n\n", w.name, strings.Join(members, " | "))
		return nil
	case *ast.InputObject:
		fmt.Fprintf(&t.out, "input %s {\n", w.name)
		for _, name := range w.fields {
			field := def.Values.Get(name)
			if field == nil {
				return fmt.Errorf("there is no field %s", name)
			}
			fmt.Fprintf(&t.out, "  %s\n", t.value(field, w.name+"."+name))
		}
		t.out.WriteString("}\n\n")
		return nil
	}
	return fmt.Errorf("the schema has no such object, interface, union or input")
}

func each[T any](all []T, f func(T) string) []string {
	var out []string
	for _, x := range all {
		out = append(out, f(x))
	}
	return out
}

func (t *trimmer) writeFields(head string, w wanted, fields ast.FieldsDefinition) error {
	fmt.Fprintf(&t.out, "%s {\n", head)
	for _, name := range w.fields {
		field := fields.Get(name)
		if field == nil {
			return fmt.Errorf("there is no field %s", name)
		}
		var args []string
		for _, arg := range w.args[name] {
			def := field.Arguments.Get(arg)
			if def == nil {
				return fmt.Errorf("%s has no argument %s", name, arg)
			}
			args = append(args, t.value(def, w.name+"."+name))
		}
		for _, def := range field.Arguments {
			if _, must := def.Type.(*ast.NonNull); must && def.Default == nil &&
				!slices.Contains(w.args[name], def.Name.Name) {
				return fmt.Errorf("%s needs its argument %s", name, def.Name.Name)
			}
		}
		parens := ""
		if len(args) > 0 {
			parens = "(" + strings.Join(args, ", ") + ")"
		}
		t.need(field.Type, w.name+"."+name)
		fmt.Fprintf(&t.out, "  %s%s: %s\n", name, parens, field.Type)
	}
	t.out.WriteString("}\n\n")
	return nil
}

// value writes an argument, or a field of an input.
func (t *trimmer) value(def *ast.InputValueDefinition, where string) string {
	t.need(def.Type, where)
	text := def.Name.Name + ": " + def.Type.String()
	if def.Default != nil {
		text += " = " + def.Default.String()
	}
	return text
}

// need remembers that a kept field needs a type.
func (t *trimmer) need(typ ast.Type, where string) {
	switch typ := typ.(type) {
	case *ast.NonNull:
		t.need(typ.OfType, where)
	case *ast.List:
		t.need(typ.OfType, where)
	default:
		if name := typ.String(); !t.stays[name] {
			t.needed[name] = where
		}
	}
}

// writeNeeded writes a scalar or an enumeration.
func (t *trimmer) writeNeeded(name string) error {
	switch def := t.schema.Types[name].(type) {
	case *ast.ScalarTypeDefinition:
		if !slices.Contains([]string{"Int", "Float", "String", "Boolean", "ID"}, name) {
			fmt.Fprintf(&t.out, "scalar %s\n\n", name)
		}
	case *ast.EnumTypeDefinition:
		fmt.Fprintf(&t.out, "enum %s {\n", name)
		for _, v := range def.EnumValuesDefinition {
			fmt.Fprintf(&t.out, "  %s\n", v.EnumValue)
		}
		t.out.WriteString("}\n\n")
	default:
		return fmt.Errorf("%s needs %s, which isn't listed", t.needed[name], name)
	}
	return nil
}
