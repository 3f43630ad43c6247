package postmortem

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What a formatter does to the machine's parts says the same, and stays; what says something else
// is written again.
func TestKeepForm(t *testing.T) {
	const ours = "---\ntitle: \"API down\"\nseverity: critical\n---\n\n# Theirs\n\n<!-- firebreak:begin " +
		"facts -->\n| a | b |\n|---|---|\n| 1 | 2 |\n\n" +
		"- one\n- two *x*\n\n```mermaid\ngantt\n  a\n```\n<!-- firebreak:end facts -->\n\nTheir words\n"
	for name, c := range map[string]struct {
		change func(string) string
		kept   bool
	}{
		"a table is aligned": {replaced("| a | b |\n|---|---|\n| 1 | 2 |",
			"| a   | b   |\n| --- | --- |\n| 1   | 2   |"), true},
		"bullets are stars":       {replaced("- one\n- two", "* one\n* two"), true},
		"emphasis is underscored": {replaced("*x*", "_x_"), true},
		"blank lines":             {replaced("- one\n- two", "\n- one\n\n- two"), true},
		"quotes in YAML":          {replaced(`"API down"`, "API down"), true},
		"single quotes in YAML":   {replaced(`"API down"`, "'API down'"), true},
		"another word":            {replaced("| 1 | 2 |", "| 1 | 3 |"), false},
		"a row less":              {replaced("| 1 | 2 |\n", ""), false},
		"other code":              {replaced("  a\n", "  b\n"), false},
		"indented code":           {replaced("  a\n", "a\n"), false},
		"another title":           {replaced("API down", "API up"), false},
		"emphasis is gone":        {replaced("*x*", "x"), false},
		"words run together":      {replaced("two *x*", "two*x*"), false},
		"words after emphasis":    {replaced("*x*", "*x*y"), false},
		"a comment":               {replaced("- one\n", "<!-- x -->\n\n- one\n"), false},
		"a link":                  {replaced("- one", "- [one](https://evil.example)"), false},
		"nested beyond reading":   {replaced("- one", strings.Repeat("- ", 200)+"one"), false},
		"a YAML anchor":           {replaced(`"API down"`, "&a API down"), false},
	} {
		formatted := c.change(ours)
		if formatted == ours {
			t.Fatalf("%s: nothing changed", name)
		}
		want := ours
		if c.kept {
			want = formatted
		}
		if diff := cmp.Diff(want, KeepForm(formatted, ours)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if !IsSameData([]byte(`{"a": [1, 2]}`), []byte("{\n  \"a\": [\n    1,\n    2\n  ]\n}\n")) ||
		IsSameData([]byte(`{"a":1}`), []byte(`{"a":2}`)) || IsSameData([]byte(`{`), []byte(`[`)) {
		t.Error("JSON is compared by its bytes")
	}
}

func replaced(old, with string) func(string) string {
	return func(s string) string { return strings.Replace(s, old, with, 1) }
}
