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

// BranchRule is a rule that applies to a branch.
type BranchRule struct {
	Type   string   // such as "creation"
	Checks []string // of "required_status_checks", the checks that must pass
}

// BranchRules returns the rules that apply to a branch; none where
// the server has no rulesets. Those that the App may bypass are listed too.
// https://docs.github.com/en/rest/repos/rules#get-rules-for-a-branch
func (a *App) BranchRules(ctx context.Context, ref incident.Ref, branch string) ([]BranchRule, error) {
	c, err := a.clientOf(ctx, setting, ref)
	if err != nil {
		return nil, err
	}
	var rules []struct {
		Type       string `json:"type"`
		Parameters struct {
			Checks []struct {
				Context string `json:"context"`
			} `json:"required_status_checks"`
		} `json:"parameters"`
	}
	_, err = call(ctx, c, http.MethodGet, fmt.Sprintf("%s/rules/branches/%s", repoPath(ref),
		url.PathEscape(branch)), nil, &rules)
	if s := statusOf(err); err != nil && s != http.StatusNotFound && s != http.StatusForbidden {
		return nil, describeError("read the rules of "+branch, ref.FullName(), err)
	}
	var found []BranchRule
	for _, r := range rules {
		rule := BranchRule{Type: r.Type}
		for _, c := range r.Parameters.Checks {
			rule.Checks = append(rule.Checks, c.Context)
		}
		found = append(found, rule)
	}
	return found, nil
}
