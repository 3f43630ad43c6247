package sandbox

import (
	"encoding/base64"
	"testing"
)

func withGates(o *Options) {
	o.App.Permissions = map[string]string{"deployments": "write", "actions": "write"}
}

// What deploys to an environment with a rule of the App waits for its word, which counts once; a comment alone leaves
// it waiting.
func TestGates(t *testing.T) { testGates(newGitHub(t, withGates)) }

const deploysTwice = "on: workflow_dispatch\njobs:\n  a: { environment: production }\n  b: { environment: staging }\n"

func testGates(g *github) {
	const deploy, answer = `{"deploy":{"repository":"acme/incidents","environment":"production"}}`, "POST ~/actions/runs/$run/deployment_protection_rule"
	g.steps(
		step{"app", "GET ~/environments/production/deployment_protection_rules", "", 404, nil},
		step{"", "POST /sandbox/states", `{"gate":{"repository":"acme/incidents","environment":"production"}}`, 200, nil},
		step{"app", "GET ~/environments", "", 200, []string{"total_count=1", "environments.0.name=production"}},
		step{"app", "GET ~/environments/production/deployment_protection_rules", "", 200,
			[]string{"total_count=1", "custom_deployment_protection_rules.0.enabled=true", "custom_deployment_protection_rules.0.app.slug=robot"}},
		step{"", "POST /sandbox/states", deploy, 200, nil},
		step{"app", "GET ~/actions/runs?status=waiting", "", 200, []string{"total_count=1", "workflow_runs.0.id>run"}},
		step{"app", "GET ~/actions/runs/$run/pending_deployments", "", 200, []string{"0.environment.name=production", "0.current_user_can_approve=false"}},
		step{"app", "GET ~/actions/runs/$run/approvals", "", 200, []string{"#=0"}},
		step{"app", answer, `{"environment_name":"production","comment":"frozen"}`, 204, nil},
		step{"app", "GET ~/actions/runs/$run/approvals", "", 200, []string{"#=1", "0.state=pending", "0.comment=frozen", "0.environments.0.name=production"}},
		step{"app", answer, `{"environment_name":"production"}`, 422, nil},
		step{"app", answer, `{"environment_name":"staging","state":"approved","comment":""}`, 422, nil},
		step{"app", answer, `{"environment_name":"production","state":"perhaps","comment":""}`, 422, nil},
		step{"app deployments:read", answer, `{"environment_name":"production","state":"approved","comment":""}`, 403, nil},
		step{"alice", answer, `{"environment_name":"production","state":"approved","comment":""}`, 403, nil},
		step{"app", "GET ~/actions/runs/$run", "", 200, []string{"status=waiting"}},
		step{"app", answer, `{"environment_name":"production","state":"approved","comment":"go"}`, 204, nil},
		step{"app", "GET ~/actions/runs/$run", "", 200, []string{"status=in_progress"}},
		step{"app", "GET ~/actions/runs/$run/approvals", "", 200, []string{"#=2", "1.state=approved"}},
		step{"app", "GET ~/actions/runs/$run/pending_deployments", "", 200, []string{"#=0"}},
		step{"app", answer, `{"environment_name":"production","state":"approved","comment":""}`, 422, nil},
		step{"", "POST /sandbox/states", deploy, 200, nil},
		step{"app", "GET ~/actions/runs?status=waiting", "", 200, []string{"total_count=1", "workflow_runs.0.id>run"}},
		step{"app", answer, `{"environment_name":"production","state":"rejected","comment":"no"}`, 204, nil},
		step{"app", "GET ~/actions/runs/$run", "", 200, []string{"status=completed", "conclusion=failure"}},
		step{"", "POST /sandbox/states", `{"gate":{"repository":"acme/incidents","environment":"staging"}}`, 200, nil},
		step{"alice", "PUT ~/contents/.github/workflows/both.yml", `{"message":"x","branch":"main","content":"` + base64.StdEncoding.EncodeToString([]byte(deploysTwice)) + `"}`, 201, nil},
		step{"app", "POST ~/actions/workflows/both.yml/dispatches", `{"ref":"main"}`, 204, nil},
		step{"app", "GET ~/actions/runs?status=waiting", "", 200, []string{"total_count=1", "workflow_runs.0.id>run"}},
		step{"app", "GET ~/actions/runs/$run/pending_deployments", "", 200, []string{"#=2"}},
		step{"app", answer, `{"environment_name":"production","state":"rejected","comment":"no"}`, 204, nil},
		step{"app", "GET ~/actions/runs/$run/pending_deployments", "", 200, []string{"#=0"}}, // it has ended
		step{"app", answer, `{"environment_name":"staging","state":"approved","comment":""}`, 422, nil},
		step{"app", "GET ~/actions/runs/1/approvals", "", 404, nil},
		step{"app", "GET ~/actions/runs/1/pending_deployments", "", 404, nil},
		step{"app", "POST ~/actions/runs/1/deployment_protection_rule", `{"environment_name":"production","state":"approved","comment":""}`, 404, nil},
		step{"app", "GET /repos/acme/gone/environments", "", 404, nil},
	)
}
