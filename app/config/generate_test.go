package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/firebreak-dev/firebreak/app/services"
)

// The schema and the reference are written from the same table that reads the file:
// go test ./app/config -run 'Schema|Reference' -update
var update = flag.Bool("update", false, "write the schema and the reference anew")

func TestTheSchemaIsUpToDate(t *testing.T) {
	upToDate(t, "../../templates/firebreak.schema.json", writeSchema(settings, "firebreak", "app/config/settings.go",
		"How incidents run in a repository: .github/firebreak.yml. Everything may be left out; the defaults work with no file at all."))
	upToDate(t, "../../templates/oncall.schema.json", writeSchema(onCallSettings, "oncall", "app/config/oncall.go",
		"Who is on call: .github/oncall.yml, next to firebreak.yml."))
}

func TestTheReferenceIsUpToDate(t *testing.T) {
	upToDate(t, "../../docs/configuration.md", reference())
	upToDate(t, "../../docs/oncall.md", onCallReference(t))
}

// upToDate compares a file with what is written from the table, or writes it.
func upToDate(t *testing.T, path string, want []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is stale: go test ./app/config -run 'Schema|Reference' -update", path)
	}
}

// object is a JSON object whose members keep their order.
type object []member

type member struct {
	name  string
	value any
}

func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := plain(m.name)
		if err != nil {
			return nil, err
		}
		value, err := plain(m.value)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// plain writes JSON without escapes for HTML.
func plain(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

// schemaWriter writes shapes as a JSON Schema. Shapes with a name are definitions.
type schemaWriter struct{ definitions object }

func writeSchema(settings block, name, table, about string) []byte {
	w := &schemaWriter{}
	file := w.block(settings)
	root := object{
		{"$schema", "https://json-schema.org/draft/2020-12/schema"},
		{"$id", "https://raw.githubusercontent.com/firebreak-dev/firebreak/main/templates/" + name + ".schema.json"},
		{"$comment", "Written from " + table + ": go test ./app/config -run Schema -update"},
		{"title", "Firebreak"},
		{"description", about},
		{"type", []string{"object", "null"}},
	}
	root = append(append(root, file[1:]...), member{"$defs", w.definitions})
	raw, err := plain(root)
	if err != nil {
		panic(err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", "  "); err != nil {
		panic(err)
	}
	return append(out.Bytes(), '\n')
}

// define returns a reference to a definition, which is made the first time.
func (w *schemaWriter) define(name string, build func() object) object {
	found := false
	for _, d := range w.definitions {
		found = found || d.name == name
	}
	if !found {
		w.definitions = append(w.definitions, member{name, build()})
	}
	return object{{"$ref", "#/$defs/" + name}}
}

// shape returns the schema of a shape.
func (w *schemaWriter) shape(s shape) object {
	switch s := s.(type) {
	case word:
		if s.name == "" {
			return wordSchema(s)
		}
		return w.define(s.name, func() object { return wordSchema(s) })
	case choice:
		if s.name == "" {
			return object{{"enum", s.words}}
		}
		return w.define(s.name, func() object { return object{{"enum", s.words}} })
	case boolean:
		return object{{"type", "boolean"}}
	case count:
		return object{{"type", "integer"}, {"minimum", s.least}, {"maximum", s.most}}
	case span:
		return w.span(s)
	case clock:
		return w.define("clock", func() object {
			return object{{"type", "string"}, {"pattern", "^(?:(?:[01]?[0-9]|2[0-3]):[0-5][0-9]|24:00)$"}, {"examples", []string{"09:00"}}}
		})
	case zone:
		return object{{"type", "string"}, {"pattern", "^[A-Za-z][A-Za-z0-9_+/-]*$"}, {"not", object{{"const", "Local"}}}}
	case date:
		return object{{"type", "string"}, {"pattern", datePattern}, {"examples", []string{"2026-12-07"}}}
	case moment:
		return w.define("moment", func() object {
			return object{{"type", "string"}, {"pattern", momentPattern}, {"examples", []string{"2026-12-24 18:00", "2026-12-24T17:00Z"}}}
		})
	case period:
		return w.define("period", func() object {
			return object{{"type", "string"}, {"pattern", periodPattern}, {"examples", []string{"12 hours", "1 week", "1 month"}}}
		})
	case line:
		return w.define("line", func() object {
			return object{{"type", []string{"string", "integer"}}, {"minLength", 1}, {"maxLength", maxLine}}
		})
	case pattern:
		return object{{"type", "string"}, {"minLength", 1}, {"maxLength", maxPatternText}, {"format", "regex"}}
	case secret:
		return w.define("secret", secretSchema)
	case list:
		return w.list(s)
	case named:
		return w.named(s)
	case block:
		return w.block(s)
	case orWord:
		return object{{"anyOf", []any{object{{"const", s.word}}, w.shape(s.of)}}}
	}
	panic(fmt.Sprintf("no schema for %T", s))
}

func wordSchema(s word) object {
	o := object{{"type", "string"}, {"pattern", s.pattern}}
	if s.not != "" {
		o = append(o, member{"not", object{{"pattern", s.not}}})
	}
	if s.example != "" {
		o = append(o, member{"examples", []string{s.example}})
	}
	return o
}

func (w *schemaWriter) span(s span) object {
	ref := w.define("span", func() object {
		return object{{"type", "string"}, {"minLength", 2}, {"pattern", strings.ReplaceAll(spanPattern, "(?:([0-9]{1,9})", "(?:[0-9]{1,9}")}, {"examples", []string{"20m", "1h30m", "2d"}}}
	})
	if s.never != "" {
		return object{{"anyOf", []any{ref, object{{"const", s.never}}}}}
	}
	return ref
}

func secretSchema() object {
	return object{
		{"description", "The name of a secret, never the secret: the operator's environment holds it as " + secretPrefix + "NAME."},
		{"type", "string"},
		{"pattern", secretPattern},
		{"not", object{{"anyOf", []any{
			object{{"pattern", "^" + secretPrefix}},
			object{{"pattern", "^A[KS]IA[A-Z0-9]{12}"}},
			object{{"allOf", []any{object{{"pattern", "[A-Z0-9]{16}"}}, object{{"pattern", "[0-9].*[0-9]"}}}}},
		}}}},
		{"examples", []string{"PAGERDUTY"}},
	}
}

func (w *schemaWriter) list(s list) object {
	of := w.shape(s.of)
	many := object{{"type", "array"}, {"minItems", 1}, {"maxItems", s.most}}
	if b, isBlock := s.of.(block); !s.repeats && (!isBlock || b.isOne) {
		many = append(many, member{"uniqueItems", true})
	}
	many = append(many, member{"items", of})
	if _, isBlock := s.of.(block); isBlock {
		return many
	}
	return object{{"anyOf", []any{of, many}}}
}

func (w *schemaWriter) named(s named) object {
	o := object{{"type", "object"}, {"maxProperties", s.most}}
	if s.names.pattern != "" {
		names := object{{"pattern", s.names.pattern}}
		var reserved []any
		if s.names.not != "" {
			reserved = append(reserved, object{{"pattern", s.names.not}})
		}
		for _, word := range sortedKeys(s.reserved) {
			reserved = append(reserved, object{{"pattern", caseless(word, s.fold)}})
		}
		if len(reserved) > 0 {
			names = append(names, member{"not", object{{"anyOf", reserved}}})
		}
		o = append(o, member{"propertyNames", names})
	}
	of := w.shape(s.of)
	if s.optional {
		of[0].value = []string{"object", "null"}
	}
	if s.what == "severities" {
		o = append(o, member{"minProperties", 1})
	}
	return append(o, member{"additionalProperties", of})
}

// caseless returns a pattern for a word, whatever its case if fold is set.
func caseless(word string, fold bool) string {
	if !fold {
		return "^" + word + "$"
	}
	var b strings.Builder
	for _, r := range word {
		b.WriteString("[" + strings.ToUpper(string(r)) + string(r) + "]")
	}
	return "^" + b.String() + "$"
}

func (w *schemaWriter) block(s block) object {
	var properties object
	for _, one := range s.settings {
		o := object{}
		if one.about != "" {
			o = append(o, member{"description", one.about})
		}
		o = append(o, w.shape(one.of)...)
		if one.standard != "" {
			o = append(o, member{"default", fromYAML(one.standard)})
		}
		if len(one.examples) > 0 {
			var examples []any
			for _, e := range one.examples {
				examples = append(examples, fromYAML(e))
			}
			o = append(o, member{"examples", examples})
		}
		properties = append(properties, member{one.name, o})
	}

	o := object{{"type", "object"}, {"additionalProperties", false}}
	if s.isOne {
		o = append(o, member{"minProperties", 1}, member{"maxProperties", 1})
	}
	if len(s.required) > 0 {
		o = append(o, member{"required", s.required})
	}
	o = append(o, member{"properties", properties})
	return append(o, conditions(s)...)
}

// conditions returns what a schema can say of settings that depend on another one.
func conditions(s block) (o object) {
	if s.what == "a rotation" {
		own := object{{"required", []string{"people", "start"}}, {"properties", object{{"layers", false}}}}
		var none object
		for _, one := range layerSettings {
			none = append(none, member{one.name, false})
		}
		return object{{"oneOf", []any{own, object{{"required", []string{"layers"}}, {"properties", none}}}}}
	}
	if s.what == "a rule" {
		return object{
			{"if", object{{"properties", object{{"source", object{{"const", "reader"}}}}}, {"required", []string{"source"}}}},
			{"then", object{{"properties", object{{"source", true}, {"do", object{{"enum", []string{"open", "page"}}}}}},
				{"required", []string{"do"}}, {"additionalProperties", false}}},
		}
	}
	kind, ok := services.Find(s.what)
	if !ok {
		return nil
	}
	var all []any
	for _, rule := range kind.Rules {
		is := object{{"properties", object{{rule.Setting, object{{"const", rule.Is}}}}}}
		if one, _ := s.find(rule.Setting); one.standard != rule.Is {
			is = append(is, member{"required", []string{rule.Setting}})
		}
		then := object{{"required", rule.Needs}}
		var forbidden object
		for _, name := range rule.Forbids {
			forbidden = append(forbidden, member{name, false})
		}
		if forbidden != nil {
			then = append(then, member{"properties", forbidden})
		}
		all = append(all, object{{"if", is}, {"then", then}})
	}
	if all == nil {
		return nil
	}
	return object{{"allOf", all}}
}

// fromYAML returns an example as a value of JSON, its names in order.
func fromYAML(text string) any {
	raw, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		panic(text + ": " + err.Error())
	}
	return json.RawMessage(bytes.TrimSpace(raw))
}
