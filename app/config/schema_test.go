package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/services"
	"github.com/firebreak-dev/firebreak/templates"
)

const schemaFile = "../../templates/firebreak.schema.json"

// validator returns a function that checks a file against the schema; ok is false if the file isn't
// YAML.
func validator(t *testing.T) func(content string) (ok bool, err error) {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	schema, err := c.Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	return func(content string) (bool, error) {
		raw, err := yaml.YAMLToJSON([]byte(content))
		if err != nil {
			return false, err
		}
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			return false, err
		}
		return true, schema.Validate(document)
	}
}

func TestTheSchemaTakesWhatTheReaderTakes(t *testing.T) {
	validate := validator(t)
	files := map[string]string{"the example": templates.Repository()[config.Path], "the example, uncommented": uncommented(), "nothing": "~"}
	for name, c := range taken {
		files[name] = c.content
	}
	for name, content := range files {
		if _, err := config.Parse([]byte(content)); err != nil {
			t.Errorf("%s: the reader: %v", name, err)
		}
		if ok, err := validate(content); !ok || err != nil {
			t.Errorf("%s: the schema: %v", name, err)
		}
	}
}

// beyond are mistakes that a schema can't tell: they need two places of the file, a calendar, or
// arithmetic.
var beyond = []string{
	"no severity is critical", "is too short", "is too long", "is the slower rhythm", "must be shorter than",
	"is the phone list, and there is none", "people call the phone list themselves", "needs settings, and there are none", "reaches only those who are in its targets",
	"capitals make no difference", "must not be longer than the stand-by", "to must be later than from", "is not a time zone", "choices and the type choice belong together", "a freeze lasts 72h at most",
}

func TestTheSchemaRefusesTheMistakesThatASchemaCan(t *testing.T) {
	validate := validator(t)
	used := map[string]bool{}
	for _, c := range refused {
		ok, invalid := validate(c.content)
		if !ok || invalid != nil {
			continue
		}
		_, err := config.Parse([]byte(c.content))
		i := slices.IndexFunc(beyond, func(b string) bool { return strings.Contains(err.Error(), b) })
		if i < 0 {
			t.Errorf("the schema takes %q, of which the reader says %v", c.content, err)
			continue
		}
		used[beyond[i]] = true
	}
	for _, b := range beyond {
		if !used[b] {
			t.Errorf("the schema can tell %q", b)
		}
	}
}

// TestTheSchemaKnowsWhatTheReaderKnows walks the schema, asks the reader at each place what is
// allowed there (its messages name it), and compares: names of settings, and words.
func TestTheSchemaKnowsWhatTheReaderKnows(t *testing.T) {
	raw, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	var root map[string]any
	if err := json.Unmarshal(raw, &root); err != nil {
		t.Fatal(err)
	}
	w := &walk{t: t, root: root}
	w.visit(root, nil)
	if w.objects < 15 || w.words < 5 {
		t.Errorf("the walk saw %d objects and %d lists of words", w.objects, w.words)
	}
	for _, name := range w.names {
		if !strings.Contains(uncommented(), name+":") {
			t.Errorf("the example doesn't show %s", name)
		}
	}
}

type walk struct {
	t              *testing.T
	root           map[string]any
	objects, words int
	names          []string
}

// visit sees the schema of the place in a file to which the keys of path lead; an empty
// key is a list's item.
func (w *walk) visit(schema map[string]any, path []string) {
	if ref, ok := schema["$ref"].(string); ok {
		definition := w.root["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")]
		if definition == nil {
			w.t.Fatalf("%v: no %s", path, ref)
		}
		w.visit(definition.(map[string]any), path)
	}
	anyOf, _ := schema["anyOf"].([]any)
	for _, s := range anyOf {
		w.visit(s.(map[string]any), path)
	}
	if items, ok := schema["items"].(map[string]any); ok {
		w.visit(items, append(slices.Clone(path), ""))
	}
	if named, ok := schema["additionalProperties"].(map[string]any); ok {
		w.visit(named, append(slices.Clone(path), "some"))
	}
	if words, ok := schema["enum"].([]any); ok {
		w.words++
		w.compare(path, "zzz", words)
	}
	properties, ok := schema["properties"].(map[string]any)
	if !ok {
		return
	}
	w.objects++
	var names []any
	for name, s := range properties {
		names = append(names, name)
		if !slices.Contains(path, "services") { // the reference shows each with an example of its own
			w.names = append(w.names, name)
		}
		w.visit(s.(map[string]any), append(slices.Clone(path), name))
	}
	w.compare(path, map[string]any{"zzz": 1}, names)
}

var allowedHere = regexp.MustCompile(`"zzz" .*; allowed: (.*)`)

// compare puts a wrong value at a place and compares what the reader allows there.
func (w *walk) compare(path []string, value any, want []any) {
	w.t.Helper()
	for _, key := range slices.Backward(path) {
		if key == "" {
			value = []any{value}
		} else {
			value = map[string]any{key: value}
		}
	}
	content, err := json.Marshal(value) // which is YAML too
	if err != nil {
		w.t.Fatal(err)
	}
	_, err = config.Parse(content)
	if err == nil {
		w.t.Errorf("%s: the reader takes it", content)
		return
	}
	m := allowedHere.FindStringSubmatch(err.Error())
	if m == nil {
		w.t.Errorf("%s: the reader doesn't say what is allowed: %v", content, err)
		return
	}
	got, names := strings.Split(m[1], ", "), []string{}
	for _, n := range want {
		names = append(names, fmt.Sprint(n))
	}
	slices.Sort(got)
	slices.Sort(names)
	if diff := cmp.Diff(names, got); diff != "" {
		w.t.Errorf("%s: the schema (-) and the reader (+) differ:\n%s", content, diff)
	}
}

func TestTheExampleNamesTheSchema(t *testing.T) {
	raw, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		ID string `json:"$id"`
	}
	if err := json.Unmarshal(raw, &schema); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(templates.Repository()[config.Path], "# yaml-language-server: $schema="+schema.ID+"\n") {
		t.Errorf("the example's first line does not name %s", schema.ID)
	}
}

// The example of each service, which messages and the reference show, can be used as it is.
func TestTheExampleOfAServiceIsTaken(t *testing.T) {
	validate := validator(t)
	for _, s := range services.All {
		if !s.HasSettings() {
			continue
		}
		content := "services: { " + s.Example + " }"
		if _, err := config.Parse([]byte(content)); err != nil {
			t.Errorf("%s: %v", content, err)
		}
		if ok, err := validate(content); !ok || err != nil {
			t.Errorf("%s: the schema: %v", content, err)
		}
	}
}
