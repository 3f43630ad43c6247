package main

import (
	"fmt"
	"os"
	"regexp"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/firebreak-dev/firebreak/app/server"
)

// indented are the lines of a help text that stay as they are; in Markdown, of which a page is made,
// four blanks more say so.
var indented = regexp.MustCompile(`(?m)^  `)

func manCommand() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:   "man [COMMAND]",
		Short: "Prints the manual page of a command, or writes all of them",
		Example: `  firebreak man setup | man -l -
  firebreak man --dir /usr/local/share/man/man1`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			page, rest, err := c.Root().Find(args)
			if err != nil || len(rest) > 0 || page.Hidden {
				return misuse("there is no command %q", args[0])
			}
			for _, sub := range append(c.Root().Commands(), c.Root()) {
				sub.DisableAutoGenTag = true // the same bytes every day
				sub.Long = indented.ReplaceAllString(sub.Long, "      ")
			}
			header := &doc.GenManHeader{Section: "1", Source: "Firebreak " + server.Version(),
				Manual: "Firebreak"}
			if dir == "" {
				return doc.GenMan(page, header, c.OutOrStdout())
			}
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return fmt.Errorf("the folder for the manual: %w", err)
			}
			return doc.GenManTree(c.Root(), header, dir)
		},
		ValidArgsFunction: func(c *cobra.Command, _ []string, _ string) (names []string,
			_ cobra.ShellCompDirective) {
			for _, sub := range c.Root().Commands() {
				names = append(names, sub.Name())
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "folder to write the pages of all commands to")
	return c
}
