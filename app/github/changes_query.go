package github

import (
	"fmt"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/suspect"
)

// configurationPath is where the product's own configuration is.
const configurationPath = ".github/firebreak.yml"

// detailsQuery returns the query for the details of changes: one field for each repository, and in it
// one for each of its pull requests and watched paths.
func detailsQuery(d ports.ChangeDetails, hasDeployments bool) (text string, variables map[string]any) {
	variables = map[string]any{}
	var declared []string
	var fields strings.Builder
	for i, repo := range reposWithPulls(d) {
		owner, name, _ := naming.SplitRepository(repo)
		variables[fmt.Sprintf("o%d", i)], variables[fmt.Sprintf("n%d", i)] = owner, name
		declared = append(declared, fmt.Sprintf("$o%d: String!, $n%d: String!", i, i))
		fmt.Fprintf(&fields, "r%d: repository(owner: $o%d, name: $n%d) {\n  nameWithOwner isPrivate\n", i, i, i)
		if pulls := pullNumbers(d.Pulls, repo); len(pulls) > 0 {
			for _, n := range pulls {
				fmt.Fprintf(&fields, "  p%d: pullRequest(number: %d) { ...files }\n", n, n)
			}
		}
		if hasDeployments {
			fields.WriteString("  deployments(first: 20, orderBy: {field: CREATED_AT, direction: DESC}) { nodes { " +
				"databaseId environment createdAt commitOid ref { name } creator { login } " +
				"statuses(first: 10) { nodes { state createdAt logUrl } } } }\n")
		}
		fields.WriteString("  releases(first: 10, orderBy: {field: CREATED_AT, direction: DESC}) { nodes { " +
			"tagName name publishedAt url isDraft author { login } tagCommit { oid } } }\n")
		if paths := watchedPaths(d, repo); len(paths) > 0 {
			if variables["since"] == nil { // GitHub refuses a query that declares what it does not use
				variables["since"] = d.From.UTC().Format(time.RFC3339)
				declared = append(declared, "$since: GitTimestamp!")
			}
			fields.WriteString("  defaultBranchRef { target { ... on Commit {\n")
			for j, path := range paths {
				variable := fmt.Sprintf("w%d_%d", i, j)
				variables[variable] = path
				declared = append(declared, "$"+variable+": String!")
				fmt.Fprintf(&fields, "    w%d: history(first: 10, since: $since, path: $%s) { nodes { oid url messageHeadline "+
					"committedDate author { name user { login } } associatedPullRequests(first: 1) { nodes { number } } } }\n",
					j, variable)
			}
			fields.WriteString("  } } }\n")
		}
		fields.WriteString("}\n")
	}
	text = "query(" + strings.Join(declared, ", ") + ") {\n" + fields.String() + "}\n"
	if len(d.Pulls) > 0 {
		text += "fragment files on PullRequest { number files(first: 100) { nodes { path } } }\n"
	}
	return text, variables
}

// reposWithPulls returns the repositories that are asked about: those whose deployments are read, and
// those of the pull requests.
func reposWithPulls(d ports.ChangeDetails) []string {
	repos := append([]string(nil), d.Repos...)
	for _, p := range d.Pulls {
		if !naming.Contains(repos, p.Repo) {
			repos = append(repos, p.Repo)
		}
	}
	return repos
}

func pullNumbers(pulls []suspect.Change, repo string) (numbers []int) {
	for _, p := range pulls {
		if of, n, ok := naming.SplitIssue(p.Ref); ok && naming.Equal(of, repo) {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// watchedPaths returns the paths of a repository whose pushes count.
func watchedPaths(d ports.ChangeDetails, repo string) (paths []string) {
	for _, w := range d.Watched {
		if naming.Equal(w.Repo, repo) {
			paths = append(paths, w.Path)
		}
	}
	if naming.Equal(repo, d.Ref.FullName()) {
		paths = append(paths, configurationPath)
	}
	return paths
}
