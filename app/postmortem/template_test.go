package postmortem

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/texts"
	"github.com/firebreak-dev/firebreak/templates"
)

// The standard document is a template like any other: whoever copies it gets what they had.
func TestC2TheStandardDocumentAsATemplate(t *testing.T) {
	for name, f := range map[string]Facts{"rich": rich(), "minimal": minimal(), "drill": drill(),
		"long": long(500)} {
		want, err := Document(f)
		if err != nil {
			t.Fatal(err)
		}
		f.Template = templates.OwnPostmortem()
		got, err := Document(f)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-standard +template):\n%s", name, err, diff)
		}
	}
}

func TestC2OwnTemplate(t *testing.T) {
	f := rich()
	f.Template = "\ufeff---\r\nteam: api\r\nseverity: theirs\r\n---\r\n{{! for us }}\r\n# {{title}} " +
		"\\{{x}}\r\n\r\n{{impact}}\r\n{{#regressions}}\r\nIt came " +
		"back.\r\n{{/regressions}}\r\n{{^drill}}no drill{{/drill}}\r\n"
	document, err := Document(f)
	if err != nil {
		t.Fatal(err)
	}
	standard, err := Document(rich())
	if err != nil {
		t.Fatal(err)
	}
	_, impact, _ := strings.Cut(standard, "<!-- firebreak:begin impact -->\n")
	impact, _, _ = strings.Cut(impact, "<!-- firebreak:end impact -->\n")
	for _, want := range []string{
		"id: \"acme/incidents#12\"\n", "\nteam: api\n---\n", "\n# " + texts.Inert(f.Title, 200) + " {{x}}\n",
		"<!-- firebreak:begin impact -->\n" + impact + "<!-- firebreak:end impact -->\n", "\nno drill\n",
	} {
		if !strings.Contains(document, want) {
			t.Errorf("the document lacks %q:\n%s", want, document)
		}
	}
	if strings.Contains(document, "theirs") || strings.Contains(document, "for us") ||
		strings.Contains(document, "\r") {
		t.Errorf("the document has what it should not:\n%s", document)
	}
	old := strings.Replace(document, impact, "5 min\n", 1) + "words\n"
	if got, err := Refresh(old, f); err != nil || got != document+"words\n" {
		t.Errorf("%v: refreshed to\n%s", err, cmp.Diff(document+"words\n", got))
	}
}

// A template that is wrong is told by line and column, with what to write.
func TestC2MistakesInATemplate(t *testing.T) {
	for template, want := range map[string]string{
		"a\n\nb {{range .Findings}}": "line 3, column 3: {{range .Findings}} is from the " +
			"templates of before, which were programs and are not run any more: write {{findings}} on a " +
			"line by itself",
		"{{if .Customers}}": "line 1, column 1: {{if .Customers}} is from the " +
			"templates of before, which were programs and are not run any more: write {{#customers}} … " +
			"{{/customers}} for what is there only if there is such",
		"ä {{.Title}}": "line 1, column 3: {{.Title}} is from the templates of " +
			"before, which were programs and are not run any more: write {{title}}",
		"{{- end -}}": "leave it out, or write {{/name}} where a condition " +
			"{{#name}} ends",
		"{{range 9223372036854775807}}": "is from the templates of before",
		`{{printf "%1000000000d" 1}}`:   "is from the templates of before",
		"{{template \"x\"}}":            "is from the templates of before",
		"a {{timeline}}": "line 1, column 3: {{timeline}} is a whole section: it " +
			"needs a line by itself",
		"{{timeline}}\n{{timeline}}": "line 2, column 1: {{timeline}} is here twice",
		"{{Title}}":                  `line 1, column 1: {{Title}} is not known (did you mean {{title}}?); allowed: title, `,
		"{{> ../../etc/passwd}}":     "is not known",
		"{{=<% %>=}}":                "is not known",
		"{{{title}}}":                "is not known",
		"{{}}":                       "is not known",
		"{{drill}}": "line 1, column 1: {{drill}} has no words of its own: " +
			"write {{#drill}} … {{/drill}}",
		"{{#cause}}": "line 1, column 1: {{#cause}} has no end: write " +
			"{{/cause}} where it ends",
		"{{#cause}}{{/fix}}{{/cause}}":     "line 1, column 11: {{/fix}} ends nothing",
		"{{/cause}}":                       "line 1, column 1: {{/cause}} ends nothing",
		"a\n{{title\n}}":                   `line 2, column 1: {{ has no }} on its line; for two braces write \{{`,
		"---\nx: \"{{title}}\"\n---\n":     "line 2, column 5: {{title}} can't be in the front matter",
		strings.Repeat("{{#cause}}", 5):    "more than 4 conditions inside one another",
		strings.Repeat("{{title}}\n", 201): "line 201, column 1: there are more than 200 placeholders",
		strings.Repeat("x", MaxTemplate+
			1): "line 1, column 1: the template has 65537 bytes; 65536 are allowed",
		strings.Repeat("{{", MaxTemplate/2):    "has no }} on its line",
		strings.Repeat("{{x}}", MaxTemplate/5): "is not known",
	} {
		got := LintTemplate(template)
		if !strings.Contains(got.Error(), want) || len(got) > maxMistakes {
			t.Errorf("%.60q: %.400s (%d), want %s", template, got.Error(), len(got), want)
		}
		f := minimal()
		f.Template = template
		for name, write := range map[string]func() error{
			"Document": func() error { _, err := Document(f); return err },
			"Pull":     func() error { _, _, err := Pull(f); return err },
		} {
			if err := write(); err == nil || !strings.Contains(err.Error(), "acme/incidents#12") {
				t.Errorf("%s of %.60q: %v", name, template, err)
			}
		}
	}
}

// Every placeholder can be used on its own, and docs/postmortem-template.md says what it is.
func TestC2PlaceholdersAreListed(t *testing.T) {
	page, err := os.ReadFile("../../docs/postmortem-template.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range slots {
		f := rich()
		f.Template = fmt.Sprintf("{{#%[1]s}}\n{{%[1]s}}\n{{/%[1]s}}\n", p.Name)
		if p.value == nil && !p.section {
			f.Template = fmt.Sprintf("{{#%[1]s}}\nx\n{{/%[1]s}}\n", p.Name)
		}
		if _, err := Document(f); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		if row := fmt.Sprintf("| `%s` | %s |", p.Name, p.Is); !strings.Contains(string(page), row) {
			t.Errorf("the page lacks %s", row)
		}
	}
}

// FuzzTemplate: whatever a template is, it is refused with a place, or results in a document that is no
// larger than the template's words, each section once and bounded values.
func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{
		templates.OwnPostmortem(), templates.Postmortem(), "{{range 9223372036854775807}}{{end}}",
		`{{define "x"}}{{template "x"}}{{end}}`, "{{#cause}}{{#fix}}{{title}}{{/fix}}{{/cause}}",
		strings.Repeat("{{title}}", 200), strings.Repeat("{{#cause}}", 4) + strings.Repeat("{{/cause}}", 4),
		"---\nx: 1\n---\n{{timeline}}\r\n\\{{",
	} {
		f.Add(seed)
	}
	facts := rich()
	standard, err := Document(facts)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, template string) {
		mistakes := LintTemplate(template)
		for _, m := range mistakes {
			if m.Line < 1 || m.Line > strings.Count(template, "\n")+1 || m.Column < 1 {
				t.Errorf("%q: no such place: %s", template, m)
			}
		}
		facts.Template = template
		document, err := Document(facts)
		if (err != nil) != (len(mistakes) > 0) && template != "" {
			t.Errorf("%q: %v, and the mistakes %v", template, err, mistakes)
		}
		if most := len(standard) + 3*len(template) + maxTags*1000; len(document) > most {
			t.Errorf("%q: %d bytes, at most %d", template, len(document), most)
		}
	})
}

// What the longest and deepest template costs grows with its size: memory is what is counted.
func TestATemplateIsBounded(t *testing.T) {
	f := long(500)
	cost := func(template string) (allocations float64, size int) {
		f.Template = template
		allocations = testing.AllocsPerRun(3, func() {
			document, err := Document(f)
			if err != nil {
				t.Fatal(err)
			}
			size = len(document)
		})
		return allocations, size
	}
	least, plain := cost("x")
	deep := strings.Repeat("{{#header}}", maxDepth) + strings.Repeat("{{title}}", maxTags-2*maxDepth) +
		strings.Repeat("{{/header}}", maxDepth)
	for name, template := range map[string]string{
		"braces":     strings.Repeat(`\{{`, MaxTemplate/3),
		"conditions": deep + strings.Repeat("x", MaxTemplate-len(deep)),
		"lines":      strings.Repeat("\n", MaxTemplate-1) + "x",
		"nesting":    strings.Repeat("> ", MaxTemplate/2),
		"markers":    strings.Repeat("<!-- firebreak:begin timeline -->\n", MaxTemplate/34),
	} {
		allocations, size := cost(template)
		if allocations > least+150*maxTags+MaxTemplate/2 || size > plain+2*MaxTemplate+300*maxTags {
			t.Errorf("%s: %.0f allocations and %d bytes; the least are %.0f and %d", name, allocations,
				size, least, plain)
		}
		t.Logf("%s: %.0f allocations above the least, %d bytes", name, allocations-least, size)
	}
}
