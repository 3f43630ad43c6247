package sandbox

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// withChanges lets the App read and write what changes, and hear of it.
func withChanges(o *Options) {
	o.App.Permissions = map[string]string{"deployments": "write", "actions": "write"}
	o.App.Events = []string{"deployment", "deployment_status", "release", "workflow_run"}
}

// merge changes a file on a branch of its own, opens a pull request as carol and merges it as bob.
func (g *github) merge(branch, path, content, title, method string) {
	g.t.Helper()
	g.branch(branch, path, content)
	g.steps(
		step{"carol", "POST ~/pulls", `{"title":"` + title + `","head":"` + branch + `","base":"main"}`, 201, []string{"number>n", "node_id>pull"}},
		step{"bob", "PUT ~/pulls/$n/merge", `{"merge_method":"` + method + `"}`, 200, []string{"sha>sha"}},
	)
}

// wants checks what somebody is answered.
func (g *github) wants(who, query, variables string, wants ...string) {
	g.t.Helper()
	a := g.ask(who, query, variables)
	a.want(http.StatusOK)
	for _, want := range wants {
		path, value, _ := strings.Cut(want, "=")
		if got := a.field(path); got != g.fill(value) {
			g.t.Errorf("%s: %s is %q, want %q: %s", a.what, path, got, g.fill(value), a.body)
		}
	}
}

// One search finds what was merged since a time, with all that is needed of it.
func TestGraphQLSearchesMerges(t *testing.T) {
	g := newGitHub(t)
	g.merge("limits", "deploy/payments.yaml", "memory: 256Mi\n", "Lower memory limits", "squash")
	g.vars["first"] = g.box.Clock().Now().UTC().Format(time.RFC3339)
	g.advance(time.Hour)
	g.merge("docs", "docs/a.md", "a\nb\n", "Write it down", "merge")
	g.vars["second"] = g.box.Clock().Now().UTC().Format(time.RFC3339)
	g.branch("left", "c.txt", "c\n")
	g.steps(step{"alice", "POST ~/pulls", `{"title":"Still open","head":"left","base":"main"}`, 201, nil})
	const query = `query($q:String!){search(type:ISSUE,query:$q,first:100){issueCount pageInfo{hasNextPage} nodes{...on PullRequest{number title state mergedAt
		mergedBy{login __typename} author{login} additions deletions changedFiles baseRefName headRefName labels(first:20){nodes{name}}
		files(first:100){nodes{path additions deletions}} mergeCommit{oid} repository{nameWithOwner defaultBranchRef{name}}}}}}`
	const first = `data.search.nodes.0.`
	g.wants("app", query, `{"q":"org:acme is:pr is:merged merged:>=$second sort:updated-desc"}`, "errors=absent", "data.search.issueCount=1",
		first+"title=Write it down", first+"state=MERGED", first+"mergedAt=$second", first+"mergedBy.login=bob", first+"mergedBy.__typename=User",
		first+"author.login=carol", first+"additions=2", first+"deletions=0", first+"changedFiles=1", first+"baseRefName=main", first+"headRefName=docs",
		first+"files.nodes.*.path=docs/a.md", first+"files.nodes.0.additions=2", first+"mergeCommit.oid=$sha",
		first+"repository.nameWithOwner=acme/incidents", first+"repository.defaultBranchRef.name=main", "data.search.pageInfo.hasNextPage=false")
	for q, titles := range map[string]string{
		"org:acme is:pr is:merged sort:updated-desc":               "Write it down,Lower memory limits",
		"org:acme is:pr is:merged sort:updated-asc":                "Lower memory limits,Write it down",
		"user:acme is:pr merged:>$first":                           "Write it down",
		"repo:acme/incidents is:pr merged:<=$first":                "Lower memory limits",
		"repo:acme/incidents is:pr merged:<$first":                 "",
		"user:acme merged:$first..$second":                         "Write it down,Lower memory limits",
		"repo:acme/web repo:acme/incidents merged:$first..$second": "",
		"repo:acme/incidents merged:*..$first":                     "Lower memory limits",
		"repo:acme/incidents is:pr is:open":                        "Still open",
		"repo:acme/incidents is:pr is:closed -is:merged":           "",
		"repo:acme/incidents is:issue merged:>=$first":             "",
		"repo:acme/web is:pr is:merged":                            "",
		"org:acme is:pr is:unmerged":                               "Still open",
		"org:acme is:merged archived:false is:private base:main":   "Write it down,Lower memory limits",
		"org:acme is:merged archived:true":                         "",
		"org:acme is:pr -author:carol":                             "Still open",
	} {
		g.wants("bob", query, `{"q":"`+q+`"}`, "errors=absent", "data.search.nodes.*.title="+titles)
	}
	g.wants("app @platform", query, `{"q":"org:acme is:pr is:merged"}`, "data.search.issueCount=0")
	g.wants("app contents:read", query, `{"q":"org:acme is:pr is:merged"}`, "data.search.issueCount=0")
}

// What a repository says of its deployments, releases and commits, in one call.
func TestGraphQLAsksForChanges(t *testing.T) {
	g := newGitHub(t, withChanges)
	g.merge("limits", "deploy/payments.yaml", "memory: 256Mi\n", "Lower memory limits", "squash")
	g.write("main", ".github/CODEOWNERS", "* @acme/payments\n")
	g.held(func(f *forge.Forge) {
		r, _ := f.FindRepository("acme/incidents")
		erin, _ := f.PersonActor("erin")
		for _, environment := range []string{"staging", "", ""} {
			d, err := f.CreateDeployment(erin, r, forge.NewDeployment{Ref: "main", Environment: environment})
			if err != nil {
				t.Fatal(err)
			}
			for _, state := range []string{"in_progress", "success"} {
				if _, err := f.AddDeploymentStatus(erin, r, d, forge.NewDeploymentStatus{State: state, LogURL: "https://ci.example/1"}); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, release := range []forge.NewRelease{{Tag: "v1.0.0", Name: "One", Target: g.vars["sha"]}, {Tag: "v1.1.0", Name: "Two", Prerelease: true}, {Tag: "v2.0.0", Draft: true}} {
			if _, err := f.CreateRelease(erin, r, release); err != nil {
				t.Fatal(err)
			}
		}
	})
	const query = `{repository(owner:"acme",name:"incidents"){
		deployments(first:1,environments:["production"],orderBy:{field:CREATED_AT,direction:DESC}){totalCount nodes{databaseId environment createdAt commitOid ref{name}
			creator{login} state latestStatus{state createdAt environmentUrl logUrl} statuses(first:5){nodes{state createdAt}}}}
		releases(first:5,orderBy:{field:CREATED_AT,direction:ASC}){nodes{tagName name publishedAt url author{login} tagCommit{oid} isPrerelease isDraft}}
		latestRelease{tagName}
		defaultBranchRef{name target{__typename ...on Commit{oid history(first:5,path:"deploy"){nodes{oid url messageHeadline committedDate
			author{user{login} name} additions deletions changedFilesIfAvailable associatedPullRequests(first:1){nodes{number}}}}}}}
		object(expression:"HEAD:.github/CODEOWNERS"){__typename oid ...on Blob{text byteSize}}
		folder:object(expression:"main:deploy"){...on Tree{entries{name type}}}
		none:object(expression:"HEAD:CODEOWNERS"){oid}}}`
	const at = "data.repository."
	g.wants("app", query, "", "errors=absent", at+"deployments.totalCount=2", at+"deployments.nodes.0.environment=production", at+"deployments.nodes.0.ref.name=main",
		at+"deployments.nodes.0.creator.login=erin", at+"deployments.nodes.0.state=ACTIVE", at+"deployments.nodes.0.latestStatus.state=SUCCESS",
		at+"deployments.nodes.0.latestStatus.logUrl=https://ci.example/1", at+"deployments.nodes.0.statuses.nodes.*.state=SUCCESS,IN_PROGRESS",
		at+"releases.nodes.*.tagName=v1.0.0,v1.1.0,v2.0.0", at+"releases.nodes.0.tagCommit.oid=$sha", at+"releases.nodes.1.isPrerelease=true",
		at+"releases.nodes.2.isDraft=true", at+"releases.nodes.2.publishedAt=null", at+"latestRelease.tagName=v1.0.0",
		at+"defaultBranchRef.target.__typename=Commit", at+"defaultBranchRef.target.history.nodes.*.oid=$sha",
		at+"defaultBranchRef.target.history.nodes.0.messageHeadline=Lower memory limits (#1)", at+"defaultBranchRef.target.history.nodes.0.author.user.login=bob",
		at+"defaultBranchRef.target.history.nodes.0.additions=1", at+"defaultBranchRef.target.history.nodes.0.changedFilesIfAvailable=1",
		at+"defaultBranchRef.target.history.nodes.0.associatedPullRequests.nodes.*.number=1",
		at+"object.text=* @acme/payments\n", at+"object.byteSize=17", at+"folder.entries.*.name=payments.yaml", at+"none=null")

	// A reader sees no drafts; an App sees only what it was granted, and the rest of the answer stays.
	g.wants("mallory", query, "", at+"releases.nodes.*.tagName=v1.0.0,v1.1.0", at+"deployments.totalCount=2")
	g.wants("app contents:read", query, "", at+"deployments.nodes=null", at+"releases.nodes.0.name=One", at+"object.byteSize=17",
		"errors.0.type=FORBIDDEN", "errors.0.message=Resource not accessible by integration")
	g.wants("app deployments:read", query, "", at+"deployments.totalCount=2", at+"releases.nodes=null", at+"object=null", at+"defaultBranchRef.target=null",
		at+"defaultBranchRef.name=main")
	since := strings.Replace(query, `path:"deploy"`, `since:"`+testStart.Add(time.Hour).UTC().Format(time.RFC3339)+`"`, 1)
	g.wants("app", since, "", at+"defaultBranchRef.target.history.nodes.#=0")
}

const revert = `mutation($i:RevertPullRequestInput!){revertPullRequest(input:$i){clientMutationId pullRequest{number} revertPullRequest{id number url title body isDraft headRefName author{login __typename} files(first:5){nodes{path changeType}}}}}`

// A merged pull request is taken back by another one.
func TestGraphQLReverts(t *testing.T) {
	r := newReceiver(t)
	g := newGitHub(t, r.option)
	const at, input = "data.revertPullRequest.revertPullRequest.", `{"i":{"pullRequestId":"$pull"}}`
	g.write("main", "deploy/payments.yaml", "memory: 1Gi\n")
	g.merge("limits", "deploy/payments.yaml", "memory: 256Mi\n", "Lower memory limits", "squash")
	g.vars["limits"], g.vars["limitssha"] = g.vars["pull"], g.vars["sha"]
	g.settle()
	r.take()
	g.wants("app", revert, `{"i":{"pullRequestId":"$pull","clientMutationId":"x"}}`, "errors=absent", "data.revertPullRequest.clientMutationId=x",
		"data.revertPullRequest.pullRequest.number=1", at+"number=2", at+`title=Revert "Lower memory limits"`, at+"body=Reverts acme/incidents#1",
		at+"headRefName=revert-1-limits", at+"author.login=robot", at+"author.__typename=Bot", at+"isDraft=false", at+"files.nodes.*.path=deploy/payments.yaml")
	g.settle()
	if got := strings.Join(kinds(r.take()), " "); got != "create push pull_request/opened" {
		t.Errorf("a revert sends %s", got)
	}
	g.steps(
		step{"alice", "GET ~/pulls/2", "", 200, []string{"mergeable=true", "additions=1", "deletions=1", "user.login=robot[bot]", "base.ref=main"}},
		step{"alice", "GET ~/commits/revert-1-limits", "", 200, []string{`commit.message=Revert "Lower memory limits (#1)"` + "\n\nThis reverts commit $limitssha.", "author.login=robot[bot]", "commit.verification.verified=true"}},
	)

	// Another request for the same opens another one, on a branch with a number: GitHub doesn't compare.
	g.wants("bob", revert, `{"i":{"pullRequestId":"$pull","title":"Take it back","body":"It kills pods.","draft":true}}`,
		"errors=absent", at+"number=3", at+"title=Take it back", at+"body=It kills pods.", at+"headRefName=revert-1-limits-1", at+"isDraft=true", at+"author.login=bob")
	g.steps(step{"bob", "PUT ~/pulls/2/merge", "{}", 200, nil})
	const sorry = "errors.0.message=Sorry, this pull request couldn't be reverted automatically. It may have already been reverted, or the content may have changed since it was merged."
	g.wants("bob", revert, input, "data.revertPullRequest=null", "errors.0.type=UNPROCESSABLE", sorry)

	// A revert can be reverted; a merge is reverted over its first parent; what changed since can't be.
	g.steps(step{"alice", "GET ~/pulls/2", "", 200, []string{"node_id>pull"}})
	g.wants("bob", revert, input, at+`title=Revert "Revert "Lower memory limits""`, at+"headRefName=revert-2-revert-1-limits")
	g.merge("docs", "docs/a.md", "a\n", "Write it down", "merge")
	g.wants("bob", revert, input, at+"files.nodes.0.changeType=DELETED", at+"headRefName=revert-5-docs")
	g.steps(step{"alice", "GET ~/commits/revert-5-docs", "", 200, []string{"commit.message>message"}})
	if !strings.Contains(g.vars["message"], ", reversing\nchanges made to ") {
		t.Errorf("the commit says %q", g.vars["message"])
	}
	g.write("main", "docs/a.md", "b\n")
	g.wants("bob", revert, input, sorry)
	g.steps(step{"alice", "GET ~/git/ref/heads/revert-5-docs-1", "", 404, nil})

	// What changed elsewhere in the file since stays.
	g.write("main", "deploy/web.yaml", "memory: 1Gi\ncpu: 1\nname: web\nreplicas: 2\n")
	g.merge("web", "deploy/web.yaml", "memory: 2Gi\ncpu: 1\nname: web\nreplicas: 2\n", "Raise memory", "squash")
	g.write("main", "deploy/web.yaml", "memory: 2Gi\ncpu: 1\nname: web\nreplicas: 4\n")
	g.wants("bob", revert, input, "errors=absent", at+"files.nodes.*.path=deploy/web.yaml")
	g.steps(
		step{"bob", "PUT ~/pulls/8/merge", "{}", 200, nil},
		step{"bob", "GET ~/contents/deploy/web.yaml", "", 200, []string{"content>content"}},
	)
	if text, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(g.vars["content"])); string(text) != "memory: 1Gi\ncpu: 1\nname: web\nreplicas: 4\n" {
		t.Errorf("after the revert the file is %q", text)
	}

	// Who may not, and what can't be.
	g.vars["pull"] = g.vars["limits"]
	g.wants("mallory", revert, input, "errors.0.type=FORBIDDEN")
	g.wants("app pull_requests:write", revert, input, "errors.0.type=FORBIDDEN", "errors.0.message=Resource not accessible by integration")
	g.wants("app contents:write", revert, input, "errors.0.type=FORBIDDEN")
	g.wants("gina", revert, input, "errors.0.type=NOT_FOUND")
	g.steps(step{"alice", "GET ~/pulls/3", "", 200, []string{"node_id>pull"}})
	g.wants("bob", revert, input, "errors.0.type=UNPROCESSABLE", "errors.0.message=Only a merged pull request can be reverted.")
	g.steps(step{"alice", "POST /sandbox/states", `{"archive":"acme/incidents"}`, 200, nil})
	g.vars["pull"] = g.vars["limits"]
	g.wants("bob", revert, input, "errors.0.type=FORBIDDEN", "errors.0.message=Repository was archived so is read-only.")
}

// testChanges goes through deployments, releases, runs, properties and commits by REST.
func testChanges(g *github) {
	g.vars["before"] = g.box.Clock().Now().UTC().Format(time.RFC3339)
	g.advance(time.Hour)
	g.merge("limits", "deploy/payments.yaml", "memory: 256Mi\n", "Lower memory limits", "squash")
	g.steps(
		step{"erin", "POST ~/deployments", `{"ref":"main","environment":"production","description":"v7","payload":{"build":7}}`, 201, []string{"id>d", "sha=$sha", "environment=production", "production_environment=true", "payload.build=7", "creator.login=erin"}},
		step{"app", "POST ~/deployments", `{"ref":"$sha","environment":"staging","task":"migrate"}`, 201, []string{"id>staging", "ref=$sha", "production_environment=false", "performed_via_github_app.slug=robot"}},
		step{"erin", "POST ~/deployments/$d/statuses", `{"state":"in_progress","log_url":"https://ci.example/7"}`, 201, []string{"id>s", "state=in_progress", "environment=production", "log_url=https://ci.example/7"}},
		step{"erin", "POST ~/deployments/$d/statuses", `{"state":"success","environment_url":"https://pay.example"}`, 201, []string{"environment_url=https://pay.example", "creator.login=erin"}},
		step{"app", "GET ~/deployments", "", 200, []string{"*.environment=staging,production"}},
		step{"app", "GET ~/deployments?environment=production&ref=main&task=deploy&sha=$sha", "", 200, []string{"*.id=$d"}},
		step{"app", "GET ~/deployments?environment=canary", "", 200, []string{"#=0"}},
		step{"app", "GET ~/deployments/$d", "", 200, []string{"description=v7"}},
		step{"app", "GET ~/deployments/$d/statuses", "", 200, []string{"*.state=success,in_progress"}},
		step{"app", "GET ~/deployments/$d/statuses/$s", "", 200, []string{"state=in_progress"}},
		step{"app", "GET ~/deployments/$d/statuses/1", "", 404, nil},
		step{"app", "GET ~/deployments/1", "", 404, nil},
		step{"app", "GET ~/deployments/1/statuses", "", 404, nil},
		step{"erin", "POST ~/deployments", `{"ref":"nowhere"}`, 422, []string{"message=No ref found for: nowhere"}},
		step{"erin", "POST ~/deployments/$d/statuses", `{"state":"success","description":"` + strings.Repeat("x", 141) + `"}`, 422, nil},
		step{"mallory", "POST ~/deployments", `{"ref":"main"}`, 403, nil},
		step{"mallory", "GET ~/deployments", "", 200, nil},
		step{"gina", "GET ~/deployments", "", 404, nil},
		step{"app contents:read", "GET ~/deployments", "", 403, []string{"message=Resource not accessible by integration"}},
		step{"app deployments:read", "POST ~/deployments/$d/statuses", `{"state":"success"}`, 403, nil},

		// What succeeded in staging before isn't active any more; in production GitHub leaves it as it is.
		step{"app", "POST ~/deployments/$staging/statuses", `{"state":"success"}`, 201, nil},
		step{"app", "POST ~/deployments", `{"ref":"main","environment":"staging"}`, 201, []string{"id>next"}},
		step{"app", "POST ~/deployments/$next/statuses", `{"state":"success","auto_inactive":false}`, 201, nil},
		step{"app", "GET ~/deployments/$staging/statuses", "", 200, []string{"*.state=success"}},
		step{"app", "POST ~/deployments/$next/statuses", `{"state":"success","environment":"canary"}`, 201, nil},
		step{"app", "GET ~/deployments/$next", "", 200, []string{"environment=canary", "original_environment=staging"}},
		step{"app", "POST ~/deployments", `{"ref":"main","environment":"staging"}`, 201, []string{"id>last"}},
		step{"app", "POST ~/deployments/$last/statuses", `{"state":"success"}`, 201, nil},
		step{"app", "GET ~/deployments/$staging/statuses", "", 200, []string{"*.state=inactive,success"}},

		step{"app", "GET ~/releases/latest", "", 404, nil},
		step{"erin", "POST ~/releases", `{"tag_name":"v1.0.0","name":"One","body":"First"}`, 201, []string{"id>r", "tag_name=v1.0.0", "author.login=erin", "draft=false"}},
		step{"erin", "POST ~/releases", `{"tag_name":"v1.1.0","prerelease":true,"target_commitish":"$sha"}`, 201, nil},
		step{"erin", "POST ~/releases", `{"tag_name":"v2.0.0","draft":true}`, 201, []string{"published_at=null"}},
		step{"erin", "POST ~/releases", `{"tag_name":"v1.0.0"}`, 422, []string{"errors.0.code=already_exists"}},
		step{"erin", "POST ~/releases", `{"tag_name":"v3","target_commitish":"nowhere"}`, 422, nil},
		step{"app", "GET ~/releases", "", 200, []string{"*.tag_name=v2.0.0,v1.1.0,v1.0.0"}},
		step{"app contents:read", "GET ~/releases", "", 200, []string{"*.tag_name=v1.1.0,v1.0.0"}},
		step{"mallory", "GET ~/releases", "", 200, []string{"*.tag_name=v1.1.0,v1.0.0"}},
		step{"app", "GET ~/releases/latest", "", 200, []string{"name=One", "body=First"}},
		step{"app", "GET ~/releases/$r", "", 200, []string{"name=One"}},
		step{"app", "GET ~/releases/tags/v1.1.0", "", 200, []string{"prerelease=true"}},
		step{"app", "GET ~/git/ref/tags/v1.1.0", "", 200, []string{"object.sha=$sha"}},
		step{"app", "GET ~/releases/tags/v2.0.0", "", 404, nil},
		step{"gina", "GET ~/releases/$r", "", 404, nil},
		step{"gina", "GET ~/releases", "", 404, nil},

		step{"", "POST /sandbox/states", `{"run":{"repository":"acme/incidents","workflow":"CI"}}`, 200, nil},
		step{"", "POST /sandbox/states", `{"run":{"repository":"acme/incidents","workflow":"CI","conclusion":"failure","event":"schedule"}}`, 200, nil},
		step{"", "POST /sandbox/states", `{"run":{"repository":"acme/incidents","workflow":"Deploy docs","branch":"limits"}}`, 200, nil},
		step{"", "POST /sandbox/states", `{"run":{"repository":"acme/incidents","workflow":"CI","conclusion":"well"}}`, 400, nil},
		step{"", "POST /sandbox/states", `{"run":{"repository":"acme/nowhere","workflow":"CI"}}`, 400, nil},
		step{"", "POST /sandbox/states", `{"run":{"repository":"acme/incidents","workflow":"CI","branch":"gone"}}`, 400, nil},
		step{"app", "GET ~/actions/runs", "", 200, []string{"total_count=3", "workflow_runs.*.name=Deploy docs,CI,CI", "workflow_runs.1.run_number=2", "workflow_runs.0.path=.github/workflows/deploy-docs.yml", "workflow_runs.0.id>run"}},
		step{"app", "GET ~/actions/runs?branch=main&event=push&status=success&created=%3E=$before", "", 200, []string{"total_count=1", "workflow_runs.0.head_sha=$sha", "workflow_runs.0.conclusion=success"}},
		step{"app", "GET ~/actions/runs?status=failure", "", 200, []string{"workflow_runs.*.event=schedule"}},
		step{"app", "GET ~/actions/runs?created=%3C$before", "", 200, []string{"total_count=0"}},
		step{"app", "GET ~/actions/runs/$run", "", 200, []string{"head_branch=limits"}},
		step{"app", "GET ~/actions/runs/1", "", 404, nil},
		step{"app contents:read", "GET ~/actions/runs", "", 403, []string{"message=Resource not accessible by integration"}},

		step{"app", "GET ~/properties/values", "", 200, []string{"#=0"}},
		step{"", "POST /sandbox/states", `{"properties":{"acme/incidents":{"service":"incidents","team":"platform"}}}`, 200, nil},
		step{"app metadata:read", "GET ~/properties/values", "", 200, []string{"*.property_name=service,team", "*.value=incidents,platform"}},
		step{"", "POST /sandbox/states", `{"properties":{"acme/incidents":{"team":""}}}`, 200, nil},
		step{"app", "GET ~/properties/values", "", 200, []string{"*.value=incidents"}},
		step{"", "POST /sandbox/states", `{"properties":{"acme/nowhere":{}}}`, 400, nil},
		step{"gina", "GET ~/properties/values", "", 404, nil},

		step{"app", "GET ~/pulls/1/files", "", 200, []string{"*.filename=deploy/payments.yaml", "0.additions=1"}},
		step{"app", "GET ~/commits?path=deploy&since=$before", "", 200, []string{"*.sha=$sha"}},
		step{"app", "GET ~/commits?path=deploy&until=$before", "", 200, []string{"#=0"}},
		step{"app", "GET ~/commits?author=bob&path=deploy/payments.yaml", "", 200, []string{"*.sha=$sha"}},
		step{"app", "GET ~/commits?author=carol", "", 200, []string{"#=0"}},
		step{"app", "GET ~/commits/$sha/pulls", "", 200, []string{"*.number=1", "0.merge_commit_sha=$sha"}},
		step{"app contents:read", "GET ~/commits/$sha/pulls", "", 403, nil},
		step{"app", "GET /search/issues?q=repo:acme/incidents+is:pr+merged:%3E=$before", "", 200, []string{"total_count=1", "items.0.title=Lower memory limits"}},
	)
}

// rollback is a workflow that people start, with an input of each kind.
const rollback = `name: Roll back
run-name: Roll back to ${{ inputs.version }}
on:
  workflow_dispatch:
    inputs:
      version: {type: string, required: true}
      to: {type: choice, options: [staging, production]}
      dry: {type: boolean}
      count: {type: number}
jobs: {}
`

// A workflow is started by what its file allows, and ends as a person says.
func TestDispatch(t *testing.T) {
	r := newReceiver(t)
	g := newGitHub(t, withChanges, r.option)
	testDispatch(g, func() { g.settle(); r.take() })
	g.settle()
	all := r.take()
	if got, want := strings.Join(kinds(all), " "), "workflow_run/requested workflow_run/requested workflow_run/completed workflow_run/completed"; got != want {
		t.Errorf("it sends %s, want %s", got, want)
	}
}

// testDispatch goes through runs that people start by REST. prepared is called once there are workflows.
func testDispatch(g *github, prepared func()) {
	const at, input = "POST ~/actions/workflows/rollback.yml/dispatches", `{"ref":"main","inputs":{"version":"v6"}}`
	g.steps(step{"app", at, input, 404, nil},
		step{"alice", "PUT ~/contents/.github/workflows/rollback.yml", `{"message":"x","branch":"main","content":"` + base64.StdEncoding.EncodeToString([]byte(rollback)) + `"}`, 201, nil},
		step{"alice", "PUT ~/contents/.github/workflows/ci.yml", `{"message":"x","branch":"main","content":"` + base64.StdEncoding.EncodeToString([]byte("on: [push]\n")) + `"}`, 201, nil})
	prepared()
	g.steps(
		step{"app", at, input, 204, nil},
		step{"app", at, `{"ref":"refs/heads/main","return_run_details":true,"inputs":{"version":"v6 \"<b>\"\t é","to":"staging","dry":"false","count":"2.5"}}`, 200, []string{"workflow_run_id>run"}},
		step{"app", "GET ~/actions/runs/$run", "", 200, []string{"status=in_progress", "conclusion=null", "event=workflow_dispatch", "display_title=Roll back to v6 \"<b>\"\t é", "name=Roll back", "actor.login=robot[bot]", "workflow_id>workflow"}},
		step{"app", "GET ~/actions/workflows/rollback.yml/runs?event=workflow_dispatch&actor=robot[bot]&status=in_progress", "", 200, []string{"total_count=2", "workflow_runs.0.id=$run"}},
		step{"app", "GET ~/actions/workflows/$workflow/runs?branch=other", "", 200, []string{"total_count=0"}},
		step{"app", "GET ~/actions/workflows/gone.yml/runs", "", 404, nil},
		step{"app contents:read", "GET ~/actions/workflows/rollback.yml/runs", "", 403, nil},
		step{"app", at, `{"inputs":{}}`, 422, []string{"message=Invalid request.\n\n\"ref\" wasn't supplied."}},
		step{"app", at, `{"ref":"gone"}`, 422, []string{"message=No ref found for: gone"}},
		step{"app", at, `{"ref":"main"}`, 422, []string{"message=Required input 'version' not provided"}},
		step{"app", at, `{"ref":"main","inputs":{"version":"v6","what":"x"}}`, 422, []string{`message=Unexpected inputs provided: ["what"]`}},
		step{"app", at, `{"ref":"main","inputs":{"version":"v6","to":"mars"}}`, 422, []string{"message=Provided value 'mars' for input 'to' not in the list of allowed values"}},
		step{"app", at, `{"ref":"main","inputs":{"version":"v6","dry":"maybe"}}`, 422, nil},
		step{"app", at, `{"ref":"main","inputs":{"version":"v6","count":"two"}}`, 422, nil},
		step{"app", "POST ~/actions/workflows/ci.yml/dispatches", input, 422, []string{"message=Workflow does not have 'workflow_dispatch' trigger"}},
		step{"app actions:read", at, input, 403, nil},
		step{"mallory", at, input, 403, nil},
		step{"gina", at, input, 404, nil},
		step{"", "POST /sandbox/states", `{"end_run":{"repository":"acme/incidents","conclusion":"well"}}`, 400, nil},
		step{"", "POST /sandbox/states", `{"end_run":{"repository":"acme/incidents","conclusion":"failure"}}`, 200, nil},
		step{"", "POST /sandbox/states", `{"end_run":{"repository":"acme/incidents","conclusion":"success"}}`, 200, nil},
		step{"", "POST /sandbox/states", `{"end_run":{"repository":"acme/incidents","conclusion":"success"}}`, 400, nil},
		step{"", "POST /sandbox/states", `{"end_run":{"repository":"acme/nowhere","conclusion":"success"}}`, 400, nil},
		step{"app", "GET ~/actions/runs/$run", "", 200, []string{"status=completed", "conclusion=success"}},
	)
}

// Each change is told to the App as GitHub does.
func TestChangesAreSent(t *testing.T) {
	r := newReceiver(t)
	g := newGitHub(t, withChanges, r.option)
	g.merge("limits", "deploy/payments.yaml", "memory: 256Mi\n", "Lower memory limits", "squash")
	g.settle()
	r.take()
	for _, test := range []struct {
		step step
		want string
	}{
		{step{"erin", "POST ~/deployments", `{"ref":"main","environment":"staging"}`, 201, []string{"id>d"}}, "deployment/created"},
		{step{"erin", "POST ~/deployments/$d/statuses", `{"state":"success"}`, 201, nil}, "deployment_status/created"},
		{step{"app", "POST ~/deployments", `{"ref":"main","environment":"staging","payload":"text"}`, 201, []string{"id>d"}}, "deployment/created"},
		{step{"app", "POST ~/deployments/$d/statuses", `{"state":"success","log_url":"https://ci.example/1"}`, 201, nil}, "deployment_status/created deployment_status/created"},
		{step{"erin", "POST ~/releases", `{"tag_name":"v1.0.0","name":"One"}`, 201, nil}, "create push release/created release/published release/released"},
		{step{"erin", "POST ~/releases", `{"tag_name":"v1.1.0","prerelease":true}`, 201, nil}, "create push release/created release/published release/prereleased"},
		{step{"erin", "POST ~/releases", `{"tag_name":"v2.0.0","draft":true}`, 201, nil}, "release/created"},
		{step{"", "POST /sandbox/states", `{"run":{"repository":"acme/incidents","workflow":"CI"}}`, 200, nil}, "workflow_run/completed"},
	} {
		g.steps(test.step)
		g.settle()
		if got := strings.Join(kinds(r.take()), " "); got != test.want {
			t.Errorf("%s %s sends %s, want %s", test.step.request, test.step.body, got, test.want)
		}
	}
}

// What changed outlives the process.
func TestChangesAreKept(t *testing.T) {
	folder := t.TempDir()
	kept := func(o *Options) { o.Data, o.URL = folder, "http://sandbox.test" }
	g := newGitHub(t, withChanges, kept)
	testChanges(g)
	g = g.reopen(withChanges, kept)
	g.steps(
		step{"app", "GET ~/deployments", "", 200, []string{"#=4"}},
		step{"app", "GET ~/releases", "", 200, []string{"#=3"}},
		step{"app", "GET ~/actions/runs", "", 200, []string{"total_count=3"}},
		step{"app", "GET ~/properties/values", "", 200, []string{"*.value=incidents"}},
	)
}
