package github

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// ReadTexts returns those of some files of a repository's default branch that are there. Where
// everybody may read the incident, a private repository has none (A7). It takes one call.
func (a *App) ReadTexts(ctx context.Context, ref incident.Ref, repo string,
	paths []string) (map[string]string, error) {
	owner, name, ok := naming.SplitRepository(repo)
	if !ok {
		return nil, fmt.Errorf("%q is not a repository: write owner/repo", repo)
	}
	repos := []string{ref.Repo}
	if !naming.Equal(name, ref.Repo) {
		repos = append(repos, name)
	}
	c, err := a.clientFor(ctx, files, ref.Owner, repos...)
	if err != nil {
		return nil, err
	}
	variables := map[string]any{"owner": owner, "name": name, "own": ref.Repo}
	declared := []string{"$owner: String!", "$name: String!", "$own: String!"}
	var fields strings.Builder
	for i, p := range paths {
		variables[fmt.Sprintf("p%d", i)] = "HEAD:" + p
		declared = append(declared, fmt.Sprintf("$p%d: String!", i))
		fmt.Fprintf(&fields, "    f%d: object(expression: $p%d) { ... on Blob { text isTruncated } }\n", i, i)
	}
	text := "query(" + strings.Join(declared, ", ") + ") {\n" +
		"  incidents: repository(owner: $owner, name: $own) { isPrivate }\n" +
		"  visible: repository(owner: $owner, name: $name) { isPrivate }\n" +
		"  repository(owner: $owner, name: $name) {\n" + fields.String() + "  }\n}"
	var answer struct {
		Incidents, Visible *struct{ IsPrivate bool }
		Repository         map[string]*struct {
			Text        string
			IsTruncated bool
		}
	}
	partial, err := query(ctx, c, text, variables, &answer)
	if err == nil && (answer.Incidents == nil || answer.Visible == nil) {
		err = errors.New("GraphQL: the repository is not shown")
		if len(partial) > 0 {
			err = fmt.Errorf("GraphQL: %s", partial[0].Message)
		}
	}
	if err != nil {
		return nil, describeError("read the runbook", repo, err)
	}
	found := map[string]string{}
	if answer.Visible.IsPrivate && !answer.Incidents.IsPrivate {
		return found, nil
	}
	for i, p := range paths {
		if f := answer.Repository[fmt.Sprintf("f%d", i)]; f != nil && !f.IsTruncated {
			found[p] = f.Text
		}
	}
	return found, nil
}

// FileURL returns where people read a file of the default branch.
func (a *App) FileURL(repo, path string) string {
	return a.web() + "/" + repo + "/blob/HEAD/" + path
}
