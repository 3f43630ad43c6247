package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/setup"
	"github.com/firebreak-dev/firebreak/app/stage"
)

func initCommand() *cobra.Command {
	var coordinators, file, of, dir string
	var asJSON bool
	c := &cobra.Command{
		Use:   "init OWNER/REPO",
		Short: "Prepares a repository for incidents: labels, and one pull request with configuration and form",
		Long: `Creates the labels of incidents, and opens one pull request with .github/firebreak.yml and the issue
form. It changes nothing that exists, so you can run it again. It acts as the App, with the
environment that serve uses.

It adds the repository to FIREBREAK_REPOSITORIES in the file of variables that setup wrote, or with --stage to
repositories in the stage's file: Firebreak handles incidents only in the repositories of that list.`,
		Example:           "  env $(cat firebreak.env) firebreak init acme/incidents --coordinators on-call",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, args []string) error {
			owner, repo, err := repositoryOf(args[0])
			if err != nil {
				return err
			}
			if of != "" {
				at, err := becomeStage(c.Context(), dir, of)
				if err != nil {
					return err
				}
				file = at.Path
			}
			reader, err := newReader(c)
			if err != nil {
				return err
			}
			p := newProgress(c.ErrOrStderr(), time.Now)
			made, err := setup.Prepare(c.Context(), reader.App, owner, repo, coordinators, p.tell)
			p.end()
			if err != nil {
				return err
			}
			name := owner + "/" + repo
			listed := naming.Contains(reader.Listed, name)
			list := setup.List
			if of != "" {
				list = stage.AddRepository
			}
			if _, err := list(file, name); err == nil {
				listed = true
			} else if !errors.Is(err, os.ErrNotExist) {
				return err
			}
			if asJSON {
				return writeJSON(c.OutOrStdout(), struct {
					*setup.Repository
					Listed bool `json:"listed"`
				}{made, listed})
			}
			return tellRepository(c.OutOrStdout(), made, listed, of)
		},
	}
	c.Flags().StringVar(&coordinators, "coordinators", incident.DefaultPolicy().Coordinators,
		"slug of the team that is paged for critical incidents")
	c.Flags().StringVar(&file, "env", "firebreak.env",
		"file of variables in which the repository is listed, if there is one")
	c.Flags().StringVar(&of, "stage", "", "act as the App of this stage on AWS, and list the repository in its file")
	c.Flags().StringVar(&dir, "dir", ".", "with --stage, the checkout of Firebreak that has the stage's file")
	c.Flags().BoolVar(&asJSON, "json", false, "print what was done as JSON")
	return c
}

func writeJSON(out io.Writer, v any) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// tellRepository says what was done, what was there, and what comes next.
func tellRepository(out io.Writer, r *setup.Repository, listed bool, of string) error {
	if n := len(r.Created); n > 0 {
		fmt.Fprintf(out, "%s: %d labels created, %d there already\n", r.Name, n, len(r.Present))
	} else {
		fmt.Fprintf(out, "%s: all %d labels are there already\n", r.Name, len(r.Present))
	}
	for _, f := range r.Files {
		says := "in the pull request"
		if f.Present {
			says = "is there already, and stays as it is"
		}
		fmt.Fprintf(out, "%s: %s\n", f.Path, says)
	}
	start, look := "firebreak-serve", "firebreak doctor "+r.Name
	if of != "" {
		start, look = "firebreak deploy "+of, "firebreak doctor --aws "+of+" "+r.Name
	}
	if of != "" {
		fmt.Fprintf(out, "repositories of the stage %s: lists %s, from the next deployment on\n", of, r.Name)
	} else if listed {
		fmt.Fprintf(out, "FIREBREAK_REPOSITORIES: lists %s\n", r.Name)
	} else {
		fmt.Fprintf(out, "FIREBREAK_REPOSITORIES: add %s to it where the product runs: it does nothing "+
			"in other repositories\n", r.Name)
	}
	switch {
	case r.Pull == nil:
		fmt.Fprintf(out, "\nNothing is missing. See whether all works together:\n\n  %s\n", look)
	case r.Pull.Opened:
		fmt.Fprintf(out, "\nRead and merge the pull request:\n\n  %s\n\nThen start the product if it "+
			"doesn't run yet, and see whether all works together:\n\n  %s\n  %s\n", r.Pull.URL, start, look)
	default:
		fmt.Fprintf(out, "\nThe pull request is open already. Read and merge it:\n\n  %s\n", r.Pull.URL)
	}
	fmt.Fprintf(out, "\nGitHub lets people merge a postmortem before it is written. To require its check, "+
		"run as an admin; other\npull requests there then need an admin too:\n\n  %s\n", setup.RequireCheck(r.Name))
	return nil
}
