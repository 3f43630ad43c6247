package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

func waysCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "ways OWNER/REPO LOGIN",
		Short: "Prints the link to the page on which somebody says how pages reach them",
		Long: `Prints the link to the page on which one person sets, verifies and tests the ways by which pages
reach them. Hand it to that person and nobody else: whoever has it can change their ways, for 24 hours. Later they
get a new one with each test page. It needs FIREBREAK_PUBLIC_URL and the environment of ` + "`firebreak-serve`" + `.`,
		Example: "  env $(cat firebreak.env) firebreak ways acme/incidents dan",
		Args:    cobra.ExactArgs(2), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, args []string) error {
			owner, repo, err := repositoryOf(args[0])
			if err != nil {
				return err
			}
			login := strings.TrimPrefix(args[1], "@")
			if !naming.IsLogin(login) {
				return misuse("%q is not a login", args[1])
			}
			reader, err := newReader(c)
			if err != nil {
				return err
			}
			if reader.PublicURL == "" {
				return errors.New("make the link: set FIREBREAK_PUBLIC_URL, where people reach the product")
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), reader.PublicURL+
				engine.WaysPath(reader.Secrets, incident.Ref{Owner: owner, Repo: repo}, login, reader.Now()))
			return err
		},
	}
}
