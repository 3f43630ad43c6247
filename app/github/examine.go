package github

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// ServerVersions returns the versions of its REST API that GitHub has, such as "2022-11-28"; none
// where the server has no list. https://docs.github.com/en/rest/meta/meta#get-all-api-versions
func (a *App) ServerVersions(ctx context.Context) ([]string, error) {
	var versions []string
	_, err := call(ctx, a.self, http.MethodGet, "versions", nil, &versions)
	if err != nil && statusOf(err) != http.StatusNotFound {
		return nil, describeError("read the API's versions", "", err)
	}
	return versions, nil
}

// BranchRules returns the types of the rules that apply to a branch, such as "creation"; none where
// the server has no rulesets. Those that the App may bypass are listed too.
// https://docs.github.com/en/rest/repos/rules#get-rules-for-a-branch
func (a *App) BranchRules(ctx context.Context, ref incident.Ref, branch string) ([]string, error) {
	c, err := a.clientOf(ctx, setting, ref)
	if err != nil {
		return nil, err
	}
	var rules []struct {
		Type string `json:"type"`
	}
	_, err = call(ctx, c, http.MethodGet, fmt.Sprintf("%s/rules/branches/%s", repoPath(ref),
		url.PathEscape(branch)), nil, &rules)
	if s := statusOf(err); err != nil && s != http.StatusNotFound && s != http.StatusForbidden {
		return nil, describeError("read the rules of "+branch, ref.FullName(), err)
	}
	var types []string
	for _, r := range rules {
		types = append(types, r.Type)
	}
	return types, nil
}
