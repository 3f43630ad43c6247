package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/overview"
)

// incidentsCommand shows what is known of incidents, for scripts and for whoever asks at a terminal.
func incidentsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "incidents",
		Short: "Shows what is known of incidents: a list, one of them, or a brief",
		Long: `Shows what is known of incidents, read from their issues alone. It acts as the App, with the environment
that serve uses. Without --repository it reads the first repository of FIREBREAK_REPOSITORIES.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	var repository string
	var asJSON, all bool
	c.PersistentFlags().StringVar(&repository, "repository", "", "the repository for incidents, as OWNER/REPO")

	list := &cobra.Command{
		Use: "list", Short: "Lists the incidents that run", Args: cobra.NoArgs, ValidArgsFunction: cobra.NoFileCompletions,
		Example: "  firebreak incidents list --json",
		RunE: func(c *cobra.Command, _ []string) error {
			reader, repo, err := newOverview(c, repository)
			if err != nil {
				return err
			}
			owner, name, err := repositoryOf(repo)
			if err != nil {
				return err
			}
			found, err := reader.List(c.Context(), owner, name, all)
			if err != nil {
				return err
			}
			if !asJSON {
				return overview.WriteTable(c.OutOrStdout(), found)
			}
			views := []overview.Incident{}
			for _, f := range found {
				views = append(views, f.View())
			}
			return overview.WriteJSON(c.OutOrStdout(), views)
		},
	}
	list.Flags().BoolVar(&all, "all", false, "those too that are over")

	show := &cobra.Command{
		Use: "show NUMBER", Short: "Shows one incident", Args: cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
		Example: "  firebreak incidents show 12 --json\n  firebreak incidents show acme/incidents#12",
		RunE: func(c *cobra.Command, args []string) error {
			f, err := findIncident(c, repository, args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return overview.WriteJSON(c.OutOrStdout(), f.View())
			}
			return printBrief(c, f)
		},
	}
	for _, sub := range []*cobra.Command{list, show, briefCommand(&repository, &asJSON)} {
		sub.Flags().BoolVar(&asJSON, "json", false, "as JSON, with keys that stay")
		c.AddCommand(sub)
	}
	return c
}

// briefCommand writes a brief.
func briefCommand(repository *string, asJSON *bool) *cobra.Command {
	return &cobra.Command{
		Use: "brief NUMBER", Short: "Says what somebody who joins needs to know", Args: cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		Example:           "  firebreak incidents brief 12",
		RunE: func(c *cobra.Command, args []string) error {
			f, err := findIncident(c, *repository, args[0])
			if err != nil {
				return err
			}
			if *asJSON {
				text, err := f.Brief()
				if err != nil {
					return err
				}
				return overview.WriteJSON(c.OutOrStdout(), struct {
					overview.Incident
					Brief string `json:"brief"`
				}{f.View(), text})
			}
			return printBrief(c, f)
		},
	}
}

func printBrief(c *cobra.Command, f overview.Found) error {
	text, err := f.Brief()
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(c.OutOrStdout(), text)
	return err
}

// findIncident reads the incident that an argument names: 12, #12 or owner/repo#12.
func findIncident(c *cobra.Command, repository, arg string) (overview.Found, error) {
	name := arg
	ref, err := incident.ParseRef(arg)
	if err == nil {
		name, repository = strconv.Itoa(ref.Number), ref.FullName()
	}
	number, err := strconv.Atoi(strings.TrimPrefix(name, "#"))
	if err != nil || number < 1 {
		return overview.Found{}, misuse("%q is not an incident: write its number, or OWNER/REPO#NUMBER", arg)
	}
	reader, repo, err := newOverview(c, repository)
	if err != nil {
		return overview.Found{}, err
	}
	owner, repoName, err := repositoryOf(repo)
	if err != nil {
		return overview.Found{}, err
	}
	return reader.Show(c.Context(), incident.Ref{Owner: owner, Repo: repoName, Number: number})
}

// newOverview builds the reader, and says which repository is meant.
func newOverview(c *cobra.Command, repository string) (*overview.Reader, string, error) {
	if repository != "" {
		if _, _, err := repositoryOf(repository); err != nil {
			return nil, "", err
		}
	}
	reader, err := newReader(c)
	if err != nil {
		return nil, "", err
	}
	if repository == "" {
		for _, listed := range append(append([]string{}, reader.Listed...), reader.Reports) {
			if _, _, err := repositoryOf(listed); err == nil && !strings.HasSuffix(listed, "/.github") {
				repository = listed
				break
			}
		}
	}
	if repository == "" {
		return nil, "", misuse("which repository? Write --repository OWNER/REPO, or set FIREBREAK_REPOSITORIES")
	}
	return &overview.Reader{GitHub: reader.App, Keys: reader.Keys, Now: reader.Now}, repository, nil
}
