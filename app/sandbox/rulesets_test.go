package sandbox

import (
	"testing"
)

// withRules lets the App change rulesets and write statuses.
func withRules(o *Options) {
	o.App.Permissions = map[string]string{"administration": "write", "statuses": "write"}
}

// A ruleset that requires a status of the App keeps out each commit that lacks it, by whichever way it comes, and
// nothing once it is gone or disabled.
func TestRulesetsHoldMerges(t *testing.T) { testRulesets(newGitHub(t, withRules)) }

func testRulesets(g *github) {
	g.branch("fix", "a.txt", "a\n")
	const rules = `"conditions":{"ref_name":{"include":["~DEFAULT_BRANCH"],"exclude":[]}},"rules":[{"type":"required_status_checks","parameters":{` +
		`"strict_required_status_checks_policy":false,"do_not_enforce_on_create":true,"required_status_checks":[{"context":"firebreak/freeze x","integration_id":1}]}}]`
	const refusal = "message=Repository rule violations found\n\nRequired status check \"firebreak/freeze x\" is expected.\n\n"
	g.steps(
		step{"carol", "POST ~/pulls", `{"title":"Fix","head":"fix","base":"main"}`, 201, []string{"number>n", "head.sha>head", "auto_merge=null"}},
		step{"bob", "POST ~/rulesets", `{"name":"x","enforcement":"active"}`, 403, nil},
		step{"app", "POST ~/rulesets", `{"name":"","enforcement":"active"}`, 422, nil},
		step{"app", "POST ~/rulesets", `{"name":"firebreak freeze of x","target":"branch","enforcement":"active",` + rules + `}`, 201,
			[]string{"id>id", "enforcement=active", "source=acme/incidents", "rules.0.type=required_status_checks", "conditions.ref_name.include.0=~DEFAULT_BRANCH"}},
		step{"app", "POST ~/rulesets", `{"name":"firebreak freeze of x","enforcement":"active"}`, 422, nil},
		step{"bob", "GET ~/rulesets", "", 200, []string{"*.name=firebreak freeze of x"}},
	)
	const owned = "data.repositoryOwner.repositories.nodes.0.rulesets.nodes.0."
	g.wants("app", `{repositoryOwner(login:"acme"){repositories(first:9){nodes{nameWithOwner rulesets(first:5,includeParents:false){nodes{databaseId name enforcement}}}}}}`,
		`{}`, "errors=absent", owned+"enforcement=ACTIVE", owned+"databaseId=$id", owned+"name=firebreak freeze of x")
	g.steps(
		step{"bob", "GET ~/rulesets/$id", "", 200, []string{"bypass_actors=absent"}},
		step{"bob", "GET ~/rules/branches/main", "", 200, []string{"0.type=required_status_checks"}},
		step{"bob", "PUT ~/pulls/$n/merge", `{}`, 405, []string{refusal}},
		step{"bob", "GET ~/pulls/$n", "", 200, []string{"mergeable_state=blocked"}},
		step{"bob", "PUT ~/contents/b.txt", `{"message":"b","content":"Yg=="}`, 409, []string{refusal}},
		step{"bob", "PATCH ~/git/refs/heads/main", `{"sha":"$head"}`, 422, []string{refusal}},
		step{"bob", "POST ~/statuses/$head", `{"state":"success","context":"firebreak/freeze x"}`, 201, nil}, // somebody else's
		step{"bob", "PUT ~/pulls/$n/merge", `{}`, 405, []string{refusal}},
		step{"app", "PUT ~/rulesets/$id", `{"enforcement":"disabled"}`, 200, []string{"name=firebreak freeze of x", "rules.0.type=required_status_checks"}},
		step{"bob", "GET ~/pulls/$n", "", 200, []string{"mergeable_state=clean"}},
		step{"app", "PUT ~/rulesets/$id", `{"enforcement":"active"}`, 200, nil},
		step{"app", "POST ~/statuses/$head", `{"state":"success","context":"firebreak/freeze x"}`, 201, nil},
		step{"bob", "PUT ~/pulls/$n/merge", `{}`, 200, nil},
		step{"app", "DELETE ~/rulesets/$id", "", 204, nil},
		step{"app", "DELETE ~/rulesets/$id", "", 404, nil},
		step{"app", "GET ~/rulesets/$id", "", 404, nil},
		step{"app", "PUT ~/rulesets/$id", `{"enforcement":"active"}`, 404, nil},
		step{"app", "GET /repos/acme/gone/rulesets", "", 404, nil},
		step{"bob", "PUT ~/contents/b.txt", `{"message":"b","content":"Yg=="}`, 201, nil},
	)
}

// A pull request with auto-merge waits for the status, and is merged with it.
func TestAutoMergeWaits(t *testing.T) {
	g := newGitHub(t, withRules)
	g.branch("fix", "a.txt", "a\n")
	g.steps(
		step{"carol", "POST ~/pulls", `{"title":"Fix","head":"fix","base":"main"}`, 201, []string{"number>n", "head.sha>head"}},
	)
	g.steps(step{"", "POST /sandbox/states", `{"auto_merge":"acme/incidents#$n"}`, 200, nil})
	g.steps(
		step{"bob", "GET ~/pulls/$n", "", 200, []string{"auto_merge.merge_method=merge", "merged=false"}},
		step{"app", "POST ~/statuses/$head", `{"state":"success","context":"any"}`, 201, nil},
		step{"bob", "GET ~/pulls/$n", "", 200, []string{"merged=true"}},
	)
}

// A merge queue makes a commit of each pull request on that of the one before it, takes out what fails, and merges what
// is first and well.
func TestTheMergeQueue(t *testing.T) {
	g := newGitHub(t, withRules)
	for _, name := range []string{"a", "b", "c"} {
		g.branch(name, name+".txt", name+"\n")
		g.steps(step{"carol", "POST ~/pulls", `{"title":"` + name + `","head":"` + name + `","base":"main"}`, 201, []string{"number>" + name}})
	}
	for _, name := range []string{"a", "b", "c"} {
		g.steps(step{"", "POST /sandbox/states", `{"merge_queue":"acme/incidents#$` + name + `"}`, 200, nil})
	}
	g.steps(step{"", "POST /sandbox/states", `{"merge_queue":"acme/incidents#$a"}`, 400, nil}) // it is there already
	const query = `{repository(owner:"acme",name:"incidents"){pullRequests(first:9,states:OPEN){nodes{number isInMergeQueue mergeQueueEntry{position headCommit{oid} baseCommit{oid}}}}}}`
	const nodes = "data.repository.pullRequests.nodes."
	remember := func(name, path string) { g.vars[name] = g.ask("app", query, "{}").field(path) }
	remember("ga", nodes+"0.mergeQueueEntry.headCommit.oid")
	g.wants("app", query, `{}`, "errors=absent", nodes+"0.mergeQueueEntry.position=1", nodes+"2.mergeQueueEntry.position=3",
		nodes+"1.mergeQueueEntry.baseCommit.oid=$ga", nodes+"1.isInMergeQueue=true")
	g.steps(step{"app", "POST ~/statuses/$ga", `{"state":"failure","context":"x"}`, 201, nil})
	remember("gb", nodes+"1.mergeQueueEntry.headCommit.oid")
	g.wants("app", query, `{}`, nodes+"0.mergeQueueEntry=null", nodes+"1.mergeQueueEntry.position=1",
		nodes+"2.mergeQueueEntry.baseCommit.oid=$gb")
	g.steps(
		step{"app", "POST ~/statuses/$gb", `{"state":"pending","context":"x"}`, 201, nil},
		step{"bob", "GET ~/pulls/$b", "", 200, []string{"merged=true"}},
		step{"bob", "GET ~/pulls/$c", "", 200, []string{"merged=false"}},
		step{"bob", "GET ~/pulls/$a", "", 200, []string{"merged=false", "state=open"}},
		step{"bob", "GET ~/git/ref/heads/main", "", 200, []string{"object.sha=$gb"}},
	)
}
