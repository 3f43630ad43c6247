package setup

import (
	"encoding/json"
	"fmt"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// RequireCheck returns the command by which an admin of a repository makes GitHub require the check of
// postmortems on its default branch. The App may not change rules. Pull requests that are no
// postmortems never get the check, so admins may merge without it.
// https://docs.github.com/en/rest/repos/rules#create-a-repository-ruleset
func RequireCheck(repository string) string {
	type fields map[string]any
	const adminRole = 5 // the id of that role in every repository
	rule, err := json.Marshal(fields{
		"name": "Postmortems are written", "target": "branch", "enforcement": "active",
		"conditions": fields{"ref_name": fields{"include": []string{"~DEFAULT_BRANCH"}, "exclude": []string{}}},
		"bypass_actors": []fields{{"actor_id": adminRole, "actor_type": "RepositoryRole",
			"bypass_mode": "pull_request"}},
		"rules": []fields{{"type": "required_status_checks", "parameters": fields{
			"strict_required_status_checks_policy": false,
			"required_status_checks":               []fields{{"context": incident.PostmortemCheck}},
		}}},
	})
	if err != nil {
		panic("setup: " + err.Error()) // text, numbers and lists always marshal
	}
	return fmt.Sprintf("echo '%s' | gh api repos/%s/rulesets --input -", rule, repository)
}
