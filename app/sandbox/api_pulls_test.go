package sandbox

import (
	"fmt"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// branch makes a branch with one changed file.
func (g *github) branch(name, path, content string) {
	g.t.Helper()
	g.steps(
		step{"alice", "GET ~/git/ref/heads/main", "", 200, []string{"object.sha>tip"}},
		step{"alice", "POST ~/git/refs", `{"ref":"refs/heads/` + name + `","sha":"$tip"}`, 201, nil},
	)
	g.write(name, path, content)
}

// write writes a file on a branch, whether it is there or not.
func (g *github) write(branch, path, content string) {
	g.t.Helper()
	sha := ""
	if a := g.call("alice", "GET ~/contents/"+path+"?ref="+branch, ""); a.status == 200 {
		sha = `,"sha":"` + a.field("sha") + `"`
	}
	a := g.call("alice", "PUT ~/contents/"+path, `{"message":"Write `+path+`","content":"`+encoded(content)+`","branch":"`+branch+`"`+sha+`}`)
	if a.status != 200 && a.status != 201 {
		g.t.Fatalf("%s: %d %s", a.what, a.status, a.body)
	}
}

func testPulls(g *github) {
	g.branch("postmortem/1", "postmortems/1.md", "# Down\n")
	g.branch("clash", "README.md", "ours\n")
	g.branch("empty/of", "x.md", "x\n")
	g.steps(
		step{"alice", "POST ~/issues", `{"title":"Down"}`, 201, nil},
		step{"alice", "GET ~/git/ref/heads/main", "", 200, []string{"object.sha>main"}},
		step{"alice", "POST ~/git/refs", `{"ref":"refs/heads/same","sha":"$main"}`, 201, nil},
		step{"app", "POST ~/pulls", `{"title":"Postmortem","body":"Closes #1","head":"postmortem/1","base":"main","draft":true}`, 201, []string{
			"number=2", "state=open", "draft=true", "merged=false", "mergeable=true", "mergeable_state=draft", "user.login=robot[bot]",
			"head.ref=postmortem/1", "base.ref=main", "base.sha=$main", "commits=1", "changed_files=1", "additions=1", "deletions=0", "head.sha>head"}},
		step{"app", "POST ~/pulls", `{"title":"Again","head":"acme:postmortem/1","base":"main"}`, 422, []string{
			"message=Validation Failed", "errors.0.message=A pull request already exists for acme:postmortem/1."}},
		step{"app", "POST ~/pulls", `{"title":"x","head":"none","base":"main"}`, 422, []string{"errors.0.field=head", "errors.0.code=invalid"}},
		step{"app", "POST ~/pulls", `{"title":"x","head":"clash","base":"none"}`, 422, []string{"errors.0.field=base"}},
		step{"app", "POST ~/pulls", `{"title":"x","head":"same","base":"main"}`, 422, []string{"errors.0.message=No commits between main and same"}},
		step{"app", "POST ~/pulls", `{"title":"","head":"clash","base":"main"}`, 422, nil},
		step{"mallory", "POST ~/pulls", `{"title":"x","head":"clash","base":"main"}`, 403, nil},
		step{"app issues:write", "POST ~/pulls", `{"title":"x","head":"clash","base":"main"}`, 403, []string{notForApp}},
		step{"alice", "POST ~/pulls", `{"title":"Clash","head":"clash","base":"main"}`, 201, []string{"number=3", "mergeable_state=clean"}},

		step{"app", "GET ~/pulls/2", "", 200, []string{"title=Postmortem"}},
		step{"app", "GET ~/pulls/1", "", 404, nil}, // an issue
		step{"gina", "GET ~/pulls/2", "", 404, nil},
		step{"app issues:write", "GET ~/pulls/2", "", 403, []string{notForApp}},
		step{"app", "GET ~/pulls", "", 200, []string{"*.number=3,2"}},
		step{"app", "GET ~/pulls?head=acme:postmortem/1&state=all", "", 200, []string{"*.number=2"}},
		step{"app", "GET ~/pulls?head=postmortem/1", "", 200, []string{"*.number=3,2"}}, // GitHub wants the owner too
		step{"app", "GET ~/pulls?base=none", "", 200, []string{"#=0"}},
		step{"gina", "GET ~/pulls", "", 404, nil},
		// A pull request is an issue, too.
		step{"alice", "GET ~/issues/2", "", 200, []string{"pull_request.merged_at=null", "draft=true"}},
		step{"alice", "POST ~/issues/2/comments", `{"body":"Nice"}`, 201, nil},
		step{"app", "POST ~/issues/2/labels", `["incident"]`, 200, nil},

		step{"app", "GET ~/pulls/2/commits", "", 200, []string{"*.sha=$head"}},
		step{"gina", "GET ~/pulls/2/commits", "", 404, nil},
		step{"app", "GET ~/pulls/2/files", "", 200, []string{"*.filename=postmortems/1.md", "*.status=added", "0.patch=@@ -0,0 +1,1 @@\n+# Down"}},
		step{"gina", "GET ~/pulls/2/files", "", 404, nil},
		step{"app", "PATCH ~/pulls/2", `{"title":"The postmortem"}`, 200, []string{"title=The postmortem"}},
		step{"app", "PATCH ~/pulls/2", `{"title":"x","base":"none"}`, 422, []string{"errors.0.field=base"}},
		step{"app", "PATCH ~/pulls/2", `{"base":"same","title":""}`, 422, []string{"errors.0.field=title"}},
		step{"mallory", "PATCH ~/pulls/2", `{"title":"x"}`, 403, nil},
		step{"app", "GET ~/pulls/2", "", 200, []string{"title=The postmortem", "base.ref=main"}},

		// A draft can't be merged.
		step{"alice", "PUT ~/pulls/2/merge", "", 405, []string{"message=Pull Request is still a draft"}},
	)
	g.held(func(f *forge.Forge) {
		ready := false
		if err := f.EditPull(&forge.Actor{Login: "alice"}, f.Repos[0].Issues[1], forge.PullEdit{Draft: &ready}); err != nil {
			g.t.Error(err)
		}
	})
	g.write("postmortem/1", "postmortems/1.md", "# Down\n\nFor an hour.\n")
	g.write("main", "README.md", "theirs\n")
	g.steps(
		step{"app", "GET ~/pulls/2", "", 200, []string{"mergeable_state=clean", "commits=2", "head.sha>head"}},
		step{"app", "GET ~/pulls/3", "", 200, []string{"mergeable=false", "mergeable_state=dirty"}},
		step{"alice", "PUT ~/pulls/3/merge", "", 405, []string{"message=Pull Request is not mergeable"}},
		step{"alice", "PUT ~/pulls/2/merge", `{"sha":"$main"}`, 409, []string{"message=Head branch was modified. Review and try the merge again."}},
		step{"alice", "PUT ~/pulls/2/merge", `{"merge_method":"octopus"}`, 422, nil},
		step{"mallory", "PUT ~/pulls/2/merge", "", 403, nil},
		step{"app pull_requests:write", "PUT ~/pulls/2/merge", "", 403, []string{notForApp}},
		step{"alice", "GET ~/pulls/2/merge", "", 404, nil},
		step{"alice", "PUT ~/pulls/2/merge", `{"sha":"$head"}`, 200, []string{"merged=true", "sha>merge"}},
		step{"alice", "PUT ~/pulls/2/merge", "", 405, nil},
		step{"alice", "GET ~/pulls/2/merge", "", 204, nil},
		step{"app", "GET ~/pulls/2", "", 200, []string{"state=closed", "merged=true", "merged_by.login=alice", "merge_commit_sha=$merge", "commits=2", "changed_files=1", "mergeable=null"}},
		step{"app", "PATCH ~/pulls/2", `{"state":"open"}`, 422, nil},
		step{"alice", "GET ~/commits", "", 200, []string{"0.sha=$merge", "0.parents.1.sha=$head", "0.commit.message=Merge pull request #2 from acme/postmortem/1\n\nThe postmortem"}},
		step{"alice", "GET ~/contents/postmortems/1.md", "", 200, nil},
		step{"alice", "GET ~/issues/1", "", 200, []string{"state=closed", "state_reason=completed"}}, // by "Closes #1"
		step{"alice", "GET ~/issues/2/timeline?per_page=100", "", 200, []string{"*.event=committed,commented,labeled,renamed,ready_for_review,committed,merged,closed"}},

		step{"alice", "POST ~/pulls", `{"title":"Squashed","head":"empty/of","base":"main"}`, 201, []string{"number=4"}},
		step{"alice", "PUT ~/pulls/4/merge", `{"merge_method":"squash"}`, 200, nil},
		step{"alice", "GET ~/commits", "", 200, []string{"0.commit.message=Squashed (#4)", "0.parents.#=1"}},

		// Deleting the branch closes the pull request, which then can't be opened again.
		step{"alice", "DELETE ~/git/refs/heads/clash", "", 204, nil},
		step{"app", "GET ~/pulls/3", "", 200, []string{"state=closed", "merged=false"}},
		step{"alice", "PATCH ~/pulls/3", `{"state":"open"}`, 422, []string{"errors.0.message=state cannot be changed. The clash branch has been deleted."}},
	)
}

func testReviews(g *github) {
	g.branch("postmortem/1", "postmortems/1.md", "# Down\n")
	g.steps(
		step{"bob", "POST ~/pulls", `{"title":"Postmortem","head":"postmortem/1","base":"main"}`, 201, []string{"number=1", "head.sha>head", "base.sha>base"}},
		step{"app", "POST ~/pulls/1/requested_reviewers", `{"reviewers":["Carol"],"team_reviewers":["platform"]}`, 201, []string{"requested_reviewers.*.login=carol", "requested_teams.*.slug=platform"}},
		step{"app", "POST ~/pulls/1/requested_reviewers", `{"reviewers":["bob"]}`, 422, []string{"message=Review cannot be requested from pull request author."}},
		step{"app", "POST ~/pulls/1/requested_reviewers", `{"reviewers":["dan","gina"]}`, 422, []string{
			"message=Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a collaborator of the acme/incidents repository."}},
		step{"app", "POST ~/pulls/1/requested_reviewers", `{"team_reviewers":["none"]}`, 422, nil},
		step{"mallory", "POST ~/pulls/1/requested_reviewers", `{"reviewers":["dan"]}`, 403, nil},
		step{"app issues:write", "POST ~/pulls/1/requested_reviewers", `{"reviewers":["dan"]}`, 403, []string{notForApp}},
		step{"app", "GET ~/pulls/1/requested_reviewers", "", 200, []string{"users.*.login=carol", "teams.*.slug=platform"}}, // dan was refused with gina
		step{"gina", "GET ~/pulls/1/requested_reviewers", "", 404, nil},
		step{"gina", "DELETE ~/pulls/1/requested_reviewers", `{"reviewers":["carol"]}`, 404, nil},
		step{"app", "POST ~/pulls/1/requested_reviewers", `{"reviewers":["dan","erin"],"team_reviewers":["payments"]}`, 201, nil},
		step{"app", "DELETE ~/pulls/1/requested_reviewers", `{"reviewers":["erin"],"team_reviewers":["payments"]}`, 200, []string{"requested_reviewers.*.login=carol,dan"}},

		step{"bob", "POST ~/pulls/1/reviews", `{"event":"APPROVE"}`, 422, []string{"errors.0=Can not approve your own pull request"}},
		step{"bob", "POST ~/pulls/1/reviews", `{"event":"REQUEST_CHANGES","body":"x"}`, 422, []string{"errors.0=Can not request changes on your own pull request"}},
		step{"bob", "POST ~/pulls/1/reviews", `{"event":"COMMENT","body":"ready"}`, 200, []string{"state=COMMENTED", "user.login=bob", "commit_id=$head"}},
		step{"carol", "POST ~/pulls/1/reviews", `{"event":"REQUEST_CHANGES"}`, 422, []string{"errors.0=Body can't be blank"}},
		step{"carol", "POST ~/pulls/1/reviews", `{"event":"REQUEST_CHANGES","body":"no cause"}`, 200, []string{"state=CHANGES_REQUESTED"}},
		step{"alice", "POST ~/pulls/1/reviews", `{"event":"APPROVE","commit_id":"$head"}`, 200, []string{"state=APPROVED", "body="}},
		step{"dan", "POST ~/pulls/1/reviews", `{"event":"APPROVE","commit_id":"` + strings.Repeat("0", 40) + `"}`, 422, nil},
		step{"dan", "POST ~/pulls/1/reviews", `{"event":"LIKE"}`, 422, nil},
		step{"gina", "POST ~/pulls/1/reviews", `{"event":"APPROVE"}`, 404, nil},
		step{"app issues:write", "POST ~/pulls/1/reviews", `{"event":"COMMENT","body":"x"}`, 403, []string{notForApp}},
		// Who reviewed is no longer asked, and a team neither of which one did.
		step{"app", "GET ~/pulls/1/requested_reviewers", "", 200, []string{"users.*.login=dan", "teams.#=0"}},
		step{"app", "GET ~/pulls/1/reviews", "", 200, []string{"*.state=COMMENTED,CHANGES_REQUESTED,APPROVED", "*.user.login=bob,carol,alice"}},
		step{"app", "GET ~/pulls/1/reviews?per_page=1&page=3", "", 200, []string{"*.state=APPROVED"}},
		step{"gina", "GET ~/pulls/1/reviews", "", 404, nil},
		step{"app", "GET ~/pulls/1/reviews", "", 200, []string{"1.id>review", "0.id>comment"}},
		step{"app", "GET ~/pulls/1/reviews/$review", "", 200, []string{"state=CHANGES_REQUESTED", "body=no cause"}},
		step{"app", "GET ~/pulls/1/reviews/1", "", 404, nil},
		step{"mallory", "PUT ~/pulls/1/reviews/$review/dismissals", `{"message":"x"}`, 403, nil},
		step{"dan", "PUT ~/pulls/1/reviews/$review/dismissals", `{"message":""}`, 422, nil},
		step{"dan", "PUT ~/pulls/1/reviews/$comment/dismissals", `{"message":"x"}`, 422, []string{"errors.0=Can not dismiss a commented pull request review"}},
		step{"dan", "PUT ~/pulls/1/reviews/$review/dismissals", `{"message":"carol is away"}`, 200, []string{"state=DISMISSED"}},
		step{"app", "GET ~/issues/1/timeline?per_page=100", "", 200, []string{
			"*.event=committed,review_requested,review_requested,review_requested,review_requested,review_requested,review_request_removed,review_request_removed,reviewed,reviewed,reviewed,review_dismissed",
			"1.requested_reviewer.login=carol", "2.requested_team.slug=platform", "9.state=dismissed", "11.dismissed_review.state=changes_requested", "11.dismissed_review.dismissal_message=carol is away"}},
	)
}

func testChecks(g *github) {
	g.branch("postmortem/1", "postmortems/1.md", "# Down\n")
	note := `{"path":"postmortems/1.md","start_line":1,"end_line":1,"annotation_level":"failure","message":"no summary","title":"Summary"}`
	g.steps(
		step{"alice", "POST ~/pulls", `{"title":"Postmortem","head":"postmortem/1","base":"main"}`, 201, []string{"head.sha>head"}},
		step{"alice", "GET ~/commits/$head/check-runs", "", 200, []string{"total_count=0"}},
		step{"app", "POST ~/check-runs", `{"name":"postmortem","head_sha":"$head","status":"in_progress","external_id":"1"}`, 201, []string{
			"status=in_progress", "conclusion=null", "completed_at=null", "started_at=2026-11-24T10:41:00Z", "app.slug=robot", "pull_requests.*.number=1", "output.title=null", "id>run"}},
		step{"alice", "GET ~/pulls/1", "", 200, []string{"mergeable_state=unstable"}},
		step{"app", "POST ~/check-runs", `{"name":"postmortem","head_sha":"none"}`, 422, []string{"message=No commit found for SHA: none"}},
		step{"app", "POST ~/check-runs", `{"head_sha":"$head"}`, 422, nil},
		step{"app", "POST ~/check-runs", `{"name":"x","head_sha":"$head","status":"completed"}`, 422, nil},
		step{"app", "POST ~/check-runs", `{"name":"x","head_sha":"$head","status":"done"}`, 422, nil},
		step{"app", "POST ~/check-runs", `{"name":"x","head_sha":"$head","output":{"title":"x"}}`, 422, nil},
		step{"alice", "POST ~/check-runs", `{"name":"x","head_sha":"$head"}`, 403, []string{"message=You must authenticate via a GitHub App."}},
		step{"gina", "POST ~/check-runs", `{"name":"x","head_sha":"$head"}`, 404, nil},
		step{"app issues:write", "POST ~/check-runs", `{"name":"x","head_sha":"$head"}`, 403, []string{notForApp}},
		step{"app", "PATCH ~/check-runs/$run", `{"conclusion":"failure","output":{"title":"1 finding","summary":"It is not done","annotations":[` + note + `]}}`, 200, []string{
			"status=completed", "conclusion=failure", "completed_at=2026-11-24T10:41:00Z", "output.annotations_count=1", "output.title=1 finding", "external_id=1"}},
		step{"app", "PATCH ~/check-runs/$run", `{"output":{"title":"51","summary":"x","annotations":[` + strings.Repeat(note+",", 50) + note + `]}}`, 422, nil},
		step{"app", "PATCH ~/check-runs/$run", `{"output":{"title":"50 more","summary":"x","annotations":[` + strings.Repeat(note+",", 49) + note + `]}}`, 200, []string{"output.annotations_count=51"}},
		step{"app", "PATCH ~/check-runs/$run", `{"output":{"title":"x","summary":"x","annotations":[{"path":"x","start_line":0,"end_line":0,"annotation_level":"failure","message":"x"}]}}`, 422, nil},
		step{"alice", "PATCH ~/check-runs/$run", `{"conclusion":"success"}`, 403, nil},
		step{"app", "PATCH ~/check-runs/1", `{"conclusion":"success"}`, 404, nil},
		step{"app", "GET ~/check-runs/$run", "", 200, []string{"conclusion=failure"}},
		step{"app", "GET ~/check-runs/1", "", 404, nil},
		step{"alice", "GET ~/check-runs/$run/annotations?per_page=2", "", 200, []string{"*.path=postmortems/1.md,postmortems/1.md", "0.annotation_level=failure", "0.title=Summary", "0.start_column=null"}},
		step{"gina", "GET ~/check-runs/$run/annotations", "", 404, nil},
		step{"app", "POST ~/check-runs", `{"name":"postmortem","head_sha":"$head","conclusion":"success"}`, 201, []string{"status=completed", "id>newer"}},
		step{"app", "PATCH ~/check-runs/$newer", `{"status":"queued"}`, 200, []string{"conclusion=null", "completed_at=null"}},
		step{"app", "PATCH ~/check-runs/$newer", `{"conclusion":"success"}`, 200, nil},
		step{"alice", "GET ~/commits/postmortem/1/check-runs", "", 200, []string{"total_count=1", "check_runs.*.id=$newer"}},
		step{"alice", "GET ~/commits/$head/check-runs?filter=all", "", 200, []string{"check_runs.*.id=$newer,$run"}},
		step{"alice", "GET ~/commits/$head/check-runs?check_name=other", "", 200, []string{"total_count=0"}},
		step{"alice", "GET ~/commits/$head/check-runs?status=queued", "", 200, []string{"total_count=0"}},
		step{"alice", "GET ~/commits/none/check-runs", "", 422, nil},
		step{"alice", "GET ~/commits/heads/postmortem/1/check-suites", "", 200, []string{"total_count=1", "check_suites.0.conclusion=success", "check_suites.0.head_branch=postmortem/1"}},
		step{"gina", "GET ~/commits/$head/check-suites", "", 404, nil},
		step{"alice", "GET ~/pulls/1", "", 200, []string{"mergeable_state=clean"}},

		step{"alice", "GET ~/commits/$head/status", "", 200, []string{"state=pending", "total_count=0"}},
		step{"alice", "POST ~/statuses/$head", `{"state":"success","context":"a"}`, 201, []string{"context=a", "creator.login=alice"}},
		step{"alice", "GET ~/commits/$head/status", "", 200, []string{"state=success"}},
		step{"alice", "POST ~/statuses/$head", `{"state":"pending"}`, 201, []string{"context=default"}},
		step{"alice", "GET ~/commits/$head/status", "", 200, []string{"state=pending", "total_count=2"}},
		step{"alice", "POST ~/statuses/$head", `{"state":"error"}`, 201, nil},
		step{"alice", "GET ~/commits/$head/status", "", 200, []string{"state=failure", "total_count=2"}},
		step{"alice", "POST ~/statuses/$head", `{"state":"great"}`, 422, nil},
		step{"mallory", "POST ~/statuses/$head", `{"state":"success"}`, 403, nil},
		step{"app", "POST ~/statuses/$head", `{"state":"success"}`, 403, []string{notForApp}},
		step{"app", "GET ~/commits/$head/status", "", 403, []string{notForApp}},
	)
	for actions, status := range map[string]int{
		`[{"label":"Check again","description":"Reads it once more","identifier":"recheck"}]`:                                              201,
		`[{"label":"` + strings.Repeat("x", 21) + `","description":"x","identifier":"x"}]`:                                                 422,
		"[" + strings.Repeat(`{"label":"x","description":"x","identifier":"x"},`, 3) + `{"label":"x","description":"x","identifier":"x"}]`: 422,
	} {
		g.steps(step{"app", "POST ~/check-runs", fmt.Sprintf(`{"name":"with actions","head_sha":"$head","actions":%s}`, actions), status, nil})
	}
	g.advance(time.Minute)
}
