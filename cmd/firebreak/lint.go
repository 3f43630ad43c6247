package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/oncall"
	"github.com/firebreak-dev/firebreak/app/postmortem"
)

// finding is a problem with the file that it is in.
type finding struct {
	File string `json:"file"`
	postmortem.Problem
}

func lint() *cobra.Command {
	var asJSON bool
	var internal []string
	c := &cobra.Command{
		Use:   "lint FILE...",
		Short: "Checks postmortems, configurations and postmortem templates",
		Long: `Prints what postmortems still need, and fails if something is missing. A file called firebreak.yml is
checked as a configuration, oncall.yml as rotations, and .github/firebreak/postmortem.md as a repository's
postmortem template.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, files []string) error {
			findings := []finding{} // an empty list in JSON
			var wrong []error
			for _, file := range files {
				text, err := os.ReadFile(file)
				if err != nil {
					wrong = append(wrong, fmt.Errorf("read a postmortem: %w", err))
					continue
				}
				problems, what := problemsOf(file, text, internal)
				for _, p := range problems {
					findings = append(findings, finding{file, p})
				}
				if slices.ContainsFunc(problems, func(p postmortem.Problem) bool {
					return p.Level == postmortem.Failure
				}) {
					wrong = append(wrong, fmt.Errorf("%s: %s", file, what))
				}
			}
			return errors.Join(append(wrong, show(c, findings, asJSON))...)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a list in JSON")
	c.Flags().StringSliceVar(&internal, "internal", nil,
		"names that no customer should read, separated by commas")
	return c
}

// problemsOf returns what is wrong with a file, and says in a few words what that means.
func problemsOf(file string, text []byte, internal []string) (problems []postmortem.Problem, what string) {
	add := func(rule string, line, column int, text string) {
		if column > 0 {
			text = fmt.Sprintf("column %d: %s", column, text)
		}
		line = max(line, 1)
		problems = append(problems,
			postmortem.Problem{Line: line, EndLine: line, Level: postmortem.Failure, Rule: rule, Message: text})
	}
	switch {
	case filepath.Base(file) == filepath.Base(config.Path):
		_, err := config.Parse(text)
		for _, m := range config.Mistakes(err) {
			add("configuration", m.Line, m.Column, m.Problem)
		}
		return problems, "the configuration can't be used"
	case filepath.Base(file) == filepath.Base(oncall.Path):
		_, err := config.ParseOnCall(text)
		for _, m := range config.Mistakes(err) {
			add("rotations", m.Line, m.Column, m.Problem)
		}
		return problems, "the rotations can't be used"
	case strings.HasSuffix("/"+filepath.ToSlash(filepath.Clean(file)), "/firebreak/postmortem.md"):
		for _, m := range postmortem.LintTemplate(string(text)) {
			add("template", m.Line, m.Column, m.Text)
		}
		return problems, "the template can't be used"
	}
	problems = postmortem.Lint(string(text), postmortem.LintOptions{Internal: internal})
	what, _ = postmortem.Summary(problems)
	return problems, what
}

// show prints what was found: a line each, or JSON.
func show(c *cobra.Command, findings []finding, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(c.OutOrStdout())
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(findings)
	}
	for _, f := range findings {
		rule := f.Rule
		if f.Level == postmortem.Warning {
			rule += ", " + string(f.Level)
		}
		if _, err := fmt.Fprintf(c.OutOrStdout(), "%s:%d: %s (%s)\n", f.File, f.Line, f.Message,
			rule); err != nil {
			return err
		}
	}
	return nil
}
