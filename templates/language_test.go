package templates_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// odd are words and turns that a tired engineer has to read twice, with what to write instead.
var odd = map[string]string{
	`\banew\b`:                            "again",
	`\bbeside\b`:                          "besides, next to",
	`\bthereof\b`:                         "of it",
	`\bmeanwhile\b`:                       "while, until then",
	`\bnought\b`:                          "nothing",
	`\bvouch`:                             "is unverified",
	`\b[Ww]hoever\b`:                      "who does what: to take over, …",
	`\bwhom you\b`:                        "you",
	`\b(?:stands|stand (?:in|here|at))\b`: "is",
	`\btells? of\b`:                       "says, shows",
	`\bto be had\b`:                       "there is none",
	`\bby itself\b`:                       "say what does it",
	`\bis none\b`:                         "there is no …",
	`\bis to (?:do|be)\b`:                 "must, should",
	`\boperates?\b`:                       "is Operations Engineer, debugs",
	`\bmay not respond\b`:                 "is not a responder",
	`\bMust it\b`:                         "Can't wait?",
	`\bthere is need\b`:                   "is needed",
	`\bout of the metrics\b`:              "not counted",
	`\bnobody coordinates\b`:              "no Incident Coordinator yet",
	`\bnobody yet\b`:                      "none yet",
	`\bas soon as\b.*\bso that\b`:         "two sentences",
}

// action is what a template does between its words.
var action = regexp.MustCompile(`\{\{[^}]*\}\}|https?://\S+`)

// saidInCode is what code says to people.
var saidInCode = regexp.MustCompile(`(?m)errors\.New\("[^"]*"|return "[^"]*"|parseText\("[^"]*"`)

// TestTextsAreInPlainEnglish holds every text that users read against the words that the house does not use.
func TestTextsAreInPlainEnglish(t *testing.T) {
	texts := map[string]string{}
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && d.Name() == "testdata" {
			return filepath.SkipDir
		}
		if ext := filepath.Ext(name); !d.IsDir() && slices.Contains([]string{".md", ".yml", ".json"}, ext) {
			text, err := os.ReadFile(name)
			texts[name] = string(text)
			return err
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(texts) < 50 {
		t.Fatalf("only %d texts found", len(texts))
	}
	for _, row := range incident.Commands {
		texts["the table's "+row.Usage] = row.Does
	}
	// What a person is told who slipped is written where it is noticed.
	files := []string{"../app/engine/apply.go"}
	for _, pattern := range []string{"../app/command/*.go", "../app/incident/*.go"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = strings.Join(saidInCode.FindAllString(string(text), -1), "\n")
	}
	for expression, better := range odd {
		pattern := regexp.MustCompile(expression)
		for name, text := range texts {
			text = action.ReplaceAllString(text, "")
			for i, line := range strings.Split(text, "\n") {
				if found := pattern.FindString(line); found != "" {
					t.Errorf("%s:%d: %q; better: %s\n\t%s", name, i+1, found, better, line)
				}
			}
		}
	}
}
