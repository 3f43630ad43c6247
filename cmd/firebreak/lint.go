package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

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
		Short: "Tells what postmortems still need; fails if something is missing",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, files []string) error {
			findings := []finding{} // an empty list in JSON
			var wrong []error
			for _, file := range files {
				text, err := os.ReadFile(file)
				if err != nil {
					wrong = append(wrong, fmt.Errorf("read a postmortem: %w", err))
					continue
				}
				problems := postmortem.Lint(string(text), postmortem.LintOptions{Internal: internal})
				for _, p := range problems {
					findings = append(findings, finding{file, p})
				}
				if slices.ContainsFunc(problems, func(p postmortem.Problem) bool { return p.Level == postmortem.Failure }) {
					title, _ := postmortem.Summary(problems)
					wrong = append(wrong, fmt.Errorf("%s: %s", file, title))
				}
			}
			return errors.Join(append(wrong, show(c, findings, asJSON))...)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a list in JSON")
	c.Flags().StringSliceVar(&internal, "internal", nil, "names that no customer should read, separated by commas")
	return c
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
		if _, err := fmt.Fprintf(c.OutOrStdout(), "%s:%d: %s (%s)\n", f.File, f.Line, f.Message, rule); err != nil {
			return err
		}
	}
	return nil
}
