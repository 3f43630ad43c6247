package github

import (
	"context"
	"net/http"
	"strings"

	"github.com/google/go-github/v60/github"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/owner"
)

// ownersQuery reads the files in which a repository says whose it is, from each place where they may
// be, and who may read the incident.
// https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners#codeowners-file-location
const ownersQuery = `query($owner: String!, $name: String!, $of: String!) {
  incident: repository(owner: $owner, name: $of) { isPrivate }
  repository(owner: $owner, name: $name) {
    nameWithOwner isPrivate
    owners1: object(expression: "HEAD:.github/CODEOWNERS") { ... on Blob { text } }
    owners2: object(expression: "HEAD:CODEOWNERS") { ... on Blob { text } }
    owners3: object(expression: "HEAD:docs/CODEOWNERS") { ... on Blob { text } }
    catalog1: object(expression: "HEAD:catalog-info.yaml") { ... on Blob { text } }
    catalog2: object(expression: "HEAD:catalog-info.yml") { ... on Blob { text } }
  }
}`

// blob is a file as a query asks for it.
type blob struct{ Text string }

// firstText returns the text of the first file that there is.
func firstText(files ...*blob) string {
	for _, f := range files {
		if f != nil {
			return f.Text
		}
	}
	return ""
}

// ReadOwners returns what a repository of the incident's owner says of whose it is. It takes two calls.
// Where everybody may read the incident, a private one says nothing (A7).
func (a *App) ReadOwners(ctx context.Context, ref incident.Ref, repo string) (owner.Files, error) {
	of, name, _ := naming.SplitRepository(repo)
	c, err := a.ownerClient(ctx, changes, incident.Ref{Owner: of, Repo: ref.Repo})
	if err != nil {
		return owner.Files{}, err
	}
	var answer struct {
		Incident   *struct{ IsPrivate bool }
		Repository *struct {
			NameWithOwner             string
			IsPrivate                 bool
			Owners1, Owners2, Owners3 *blob
			Catalog1, Catalog2        *blob
		}
	}
	variables := map[string]any{"owner": of, "name": name, "of": ref.Repo}
	if _, err := query(ctx, c, ownersQuery, variables, &answer); err != nil {
		return owner.Files{}, describeError("read whose it is", repo, err)
	}
	r := answer.Repository
	if r == nil || r.IsPrivate && (answer.Incident == nil || !answer.Incident.IsPrivate) {
		return owner.Files{}, nil // there is none, or the App does not have it
	}
	properties, err := readProperties(ctx, c, of, name)
	if err != nil {
		return owner.Files{}, err
	}
	return owner.Files{Repository: r.NameWithOwner, Codeowners: firstText(r.Owners1, r.Owners2, r.Owners3),
		Catalog: firstText(r.Catalog1, r.Catalog2), Properties: properties}, nil
}

// readProperties returns the custom properties of a repository that have one value. None are there where
// GitHub has no such thing, or does not show them.
// https://docs.github.com/en/rest/repos/custom-properties#get-all-custom-property-values-for-a-repository
func readProperties(ctx context.Context, c *github.Client, of, name string) (map[string]string, error) {
	var list []struct {
		Name  string `json:"property_name"`
		Value any    `json:"value"`
	}
	path := repoPath(incident.Ref{Owner: of, Repo: name}) + "/properties/values"
	if _, err := call(ctx, c, http.MethodGet, path, nil, &list); err != nil {
		if err = describeError("read whose it is", of+"/"+name, err); ports.IsRefused(err) {
			return nil, nil
		}
		return nil, err
	}
	properties := map[string]string{}
	for _, p := range list {
		if text, ok := p.Value.(string); ok {
			properties[strings.ToLower(p.Name)] = text
		}
	}
	return properties, nil
}
