package postmortem

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// column is a period of the diagram with its labels.
type column struct {
	Section, Period string
	Events          []string
}

// drawn is what a reader makes of a diagram.
type drawn struct {
	Type, Title, Error string
	Columns            []column
}

// TestC2MermaidReadsTheDiagramAsItIsMeant passes diagrams of hostile words to the parser that GitHub
// uses: it must find the same sections, periods and labels that are in the lines.
func TestC2MermaidReadsTheDiagramAsItIsMeant(t *testing.T) {
	var diagrams []string
	var want []drawn
	add := func(f Facts) {
		f.Entries = oldest(f.Entries)
		if d := diagram(f); d != "" {
			diagrams, want = append(diagrams, d), append(want, meant(d))
		}
	}
	for _, f := range []Facts{rich(), minimal(), drill(), long(500)} {
		add(f)
	}
	for _, words := range append(tricks, "end", "END", "title", "section", "timeline", "accTitle: x",
		"accDescr { x }", "direction TD",
		"click a", "graph TD; a-->b", "---\ntitle: x\n---", "%% x", "%%{init: {'theme': 'dark'}}%%", "#35;",
		"#quot;", "a\nend\nb", "::icon(fa fa-x)",
		"Größe", "🔥🔥", "\u202eabc", "<br/>", "<b>x</b>", "10:41 : x", "`", `"x"`, "style x", "classDef a",
		"...", "__proto__", "constructor") {
		f := rich()
		for i := range f.Entries {
			f.Entries[i].Text, f.Entries[i].What, f.Entries[i].By = words, words, words
		}
		add(f)
	}
	for seed := range 100 {
		add(rapid.Custom(anyFacts).Example(seed))
	}
	for i, got := range parsed(t, diagrams) {
		if diff := cmp.Diff(want[i], got); diff != "" {
			t.Errorf("Mermaid reads something else (-meant +read):\n%s\nin\n%s", diff, diagrams[i])
		}
	}
}

// meant reads the lines of a diagram as they are written.
func meant(diagram string) drawn {
	d := drawn{Type: "timeline"}
	section := ""
	for line := range strings.Lines(diagram) {
		line = strings.TrimRight(line, "\n")
		if title, ok := strings.CutPrefix(line, "    title "); ok {
			d.Title = title
		} else if name, ok := strings.CutPrefix(line, "    section "); ok {
			section = name
		} else if words, ok := strings.CutPrefix(line, "        "); ok {
			labels := strings.Split(words, " : ")
			d.Columns = append(d.Columns, column{section, labels[0], labels[1:]})
		}
	}
	return d
}

// parsed runs Mermaid's own parser.
func parsed(t *testing.T, diagrams []string) []drawn {
	t.Helper()
	dir := filepath.Join("testdata", "mermaid")
	node, err := exec.LookPath("node")
	if err == nil {
		_, err = os.Stat(filepath.Join(dir, "node_modules", "mermaid"))
	}
	if err != nil {
		const how = "Mermaid's parser is not here; install Node and run npm ci in " +
			"app/postmortem/testdata/mermaid: "
		if os.Getenv("CI") != "" {
			t.Fatal(how, err)
		}
		t.Skip(how, err)
	}
	in, err := json.Marshal(diagrams)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), node, "parse.mjs")
	cmd.Dir, cmd.Stdin = dir, bytes.NewReader(in)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node parse.mjs: %v\n%s", err, complaint.String())
	}
	var got []drawn
	if err := json.Unmarshal(out, &got); err != nil || len(got) != len(diagrams) {
		t.Fatalf("parse.mjs gave %d answers to %d diagrams: %v\n%s", len(got), len(diagrams), err, out)
	}
	for i := range got {
		for j := range got[i].Columns {
			c := &got[i].Columns[j]
			c.Section, c.Period = strings.TrimSpace(c.Section), strings.TrimSpace(c.Period)
			for k := range c.Events {
				c.Events[k] = strings.TrimSpace(c.Events[k])
			}
		}
	}
	return got
}
