package sandbox

import (
	"strings"
	"testing"
	"time"
)

func withMorning(o *Options) { o.Morning = true }

// On a busy morning 30 pull requests are merged in six repositories, and the last deployment has the culprit.
func TestMorning(t *testing.T) {
	g := newGitHub(t, withChanges, withMorning)
	g.vars["since"] = testStart.Add(-6 * time.Hour).UTC().Format(time.RFC3339)
	g.wants("app", `query($q:String!){search(type:ISSUE,query:$q,first:100){issueCount nodes{...on PullRequest{title mergedAt changedFiles repository{name}}}}}`,
		`{"q":"org:acme is:pr is:merged merged:>=$since sort:updated-desc"}`, "errors=absent", "data.search.issueCount=30",
		"data.search.nodes.0.title=Lower memory limits", "data.search.nodes.0.repository.name=payments", "data.search.nodes.0.changedFiles=1",
		"data.search.nodes.29.repository.name=platform")
	at := func(ago time.Duration) string { return testStart.Add(-ago).UTC().Format(time.RFC3339) }
	const payments = "/repos/acme/payments"
	g.steps(
		step{"app", "GET " + payments + "/pulls?state=closed&sort=created&direction=desc&per_page=1", "", 200, []string{"0.number>n", "0.user.login=dave_acme", "0.merged_at=" + at(9*time.Minute), "0.merge_commit_sha>sha"}},
		step{"app", "GET " + payments + "/pulls/$n", "", 200, []string{"additions=2", "deletions=2", "changed_files=1", "merged_by.login=erin", "head.ref=lower-memory-limits"}},
		step{"app", "GET " + payments + "/pulls/$n/files", "", 200, []string{"*.filename=deploy/payments.yaml", "0.patch>patch"}},
		step{"app", "GET " + payments + "/pulls/$n/reviews", "", 200, []string{"*.state=APPROVED", "*.user.login=erin"}},
		step{"app", "GET " + payments + "/deployments?environment=production", "", 200, []string{"#=2", "0.id>d", "0.sha=$sha", "0.created_at=" + at(6*time.Minute), "0.creator.login=github-actions[bot]", "0.performed_via_github_app=null"}},
		step{"app", "GET " + payments + "/deployments/$d/statuses", "", 200, []string{"*.state=success,in_progress,queued", "0.created_at=" + at(4*time.Minute)}},
		step{"app", "GET " + payments + "/actions/runs?branch=main&status=success", "", 200, []string{"total_count=6", "workflow_runs.0.head_sha=$sha"}},
		step{"app", "GET " + payments + "/properties/values", "", 200, []string{"*.value=payments,payments"}},
		step{"app", "GET " + payments + "/branches", "", 200, []string{"*.name=main"}},
		step{"app", "GET /repos/acme/checkout/releases/latest", "", 200, []string{"tag_name=v2.14.0", "published_at=" + at(140*time.Minute)}},
		step{"app", "GET /repos/acme/web/commits?since=$since", "", 200, []string{"#=6", `3.commit.message>message`}},
		step{"app", "GET /repos/acme/infra", "", 200, []string{"description=Clusters, names and the load balancer", "open_issues=0"}},
		// What tests and scripts number begins with 1 as ever.
		step{"alice", "POST ~/issues", `{"title":"Down"}`, 201, []string{"number=1", "created_at=" + at(0)}},
		step{"alice", "POST /repos/acme/customer-globex/issues", `{"title":"Down"}`, 201, []string{"number=1"}},
	)
	if patch := g.vars["patch"]; !strings.Contains(patch, "-              memory: 1Gi\n+              memory: 256Mi") {
		t.Errorf("the culprit's patch is\n%s", patch)
	}
	if message := g.vars["message"]; !strings.HasPrefix(message, `Revert "Cache the product page for an hour" (#3)`) {
		t.Errorf("the web's third newest commit says %q", message)
	}
	deployed := 0
	for _, name := range []string{"platform", "payments", "checkout", "ledger", "web", "infra"} {
		g.steps(
			step{"app", "GET /repos/acme/" + name + "/deployments", "", 200, []string{"#>deployments"}},
			step{"app", "GET /repos/acme/" + name + "/contents/.github/CODEOWNERS", "", 200, nil},
			step{"app", "GET /repos/acme/" + name + "/properties/values", "", 200, []string{"*.property_name=service,team"}},
		)
		deployed += int(g.vars["deployments"][0] - '0')
	}
	if deployed != 4 {
		t.Errorf("%d deployments, want 4", deployed)
	}
	g.steps(step{"alice", "GET " + payments + "/pulls/$n", "", 200, []string{"node_id>pull"}})
	g.wants("app", revert, `{"i":{"pullRequestId":"$pull"}}`, "errors=absent", "data.revertPullRequest.revertPullRequest.headRefName=revert-6-lower-memory-limits")
}

func BenchmarkNew(b *testing.B) {
	for name, morning := range map[string]bool{"plain": false, "morning": true} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				box, err := New(Options{URL: "http://sandbox.test", Start: testStart, Frozen: true, PrivateKey: testKey(), Morning: morning})
				if err != nil {
					b.Fatal(err)
				}
				_ = box.Close()
			}
		})
	}
}
