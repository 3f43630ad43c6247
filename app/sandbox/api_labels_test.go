package sandbox

import (
	"fmt"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

func testLabels(g *github) {
	g.steps(
		step{"mallory", "GET ~/labels?per_page=3", "", 200, []string{"*.name=incident,severity/critical,severity/regular", "0.color=b60205", "0.default=false"}},
		step{"gina", "GET ~/labels", "", 404, nil},
		step{"alice", "GET ~/labels/Phase%2FFixing", "", 200, []string{"name=phase/fixing"}},
		step{"alice", "GET ~/labels/none", "", 404, nil},
		step{"alice", "POST ~/labels", `{"name":"customer:globex","color":"00FF00","description":"Ours"}`, 201, []string{"color=00ff00", "description=Ours"}},
		step{"alice", "POST ~/labels", `{"name":"colourless"}`, 201, []string{"color=ededed", "description=null"}},
		step{"alice", "POST ~/labels", `{"name":"INCIDENT"}`, 422, []string{"errors.0.resource=Label", "errors.0.code=already_exists", "errors.0.field=name"}},
		step{"alice", "POST ~/labels", `{"name":"x","color":"#00ff00"}`, 422, []string{"errors.0.field=color"}},
		step{"alice", "POST ~/labels", `{"name":"` + strings.Repeat("x", 51) + `"}`, 422, []string{"errors.0.field=name"}},
		step{"alice", "POST ~/labels", `{"name":"x","description":"` + strings.Repeat("x", 101) + `"}`, 422, []string{"errors.0.field=description"}},
		step{"alice", "POST ~/labels", `{}`, 422, nil},
		step{"mallory", "POST ~/labels", `{"name":"x"}`, 403, nil},
		step{"app issues:read", "POST ~/labels", `{"name":"x"}`, 403, []string{notForApp}},
		step{"app", "PATCH ~/labels/colourless", `{"new_name":"grey","color":"777777"}`, 200, []string{"name=grey", "color=777777"}},
		step{"app", "PATCH ~/labels/grey", `{"new_name":"Grey"}`, 200, []string{"name=Grey"}},
		step{"app", "PATCH ~/labels/grey", `{"new_name":"drill"}`, 422, []string{"errors.0.code=already_exists"}},
		step{"mallory", "PATCH ~/labels/grey", `{"color":"777777"}`, 403, nil},

		step{"alice", "POST ~/issues", `{"title":"Down","labels":["incident"]}`, 201, nil},
		step{"alice", "POST ~/issues/1/labels", `{"labels":["GREY","made on the way"]}`, 200, []string{"*.name=incident,Grey,made on the way"}},
		step{"app", "POST ~/issues/1/labels", `["incident","drill"]`, 200, []string{"*.name=incident,Grey,made on the way,drill"}},
		step{"app", "POST ~/issues/1/labels", `["fine",""]`, 422, []string{"errors.0.resource=Label"}},
		step{"mallory", "POST ~/issues/1/labels", `["drill"]`, 403, nil},
		step{"app issues:read", "POST ~/issues/1/labels", `["drill"]`, 403, []string{notForApp}},
		step{"alice", "GET ~/issues/1/labels", "", 200, []string{"#=4"}}, // "fine" did not get there
		step{"gina", "GET ~/issues/1/labels", "", 404, nil},
		step{"alice", "PUT ~/issues/1/labels", `{"labels":["drill","incident"]}`, 200, []string{"*.name=incident,drill"}},
		step{"gina", "PUT ~/issues/1/labels", `{"labels":[]}`, 404, nil},
		step{"alice", "DELETE ~/issues/1/labels/DRILL", "", 200, []string{"*.name=incident"}},
		step{"alice", "DELETE ~/issues/1/labels/drill", "", 404, []string{"message=Label does not exist"}},
		step{"mallory", "DELETE ~/issues/1/labels", "", 403, nil},
		step{"alice", "DELETE ~/issues/1/labels", "", 204, nil},
		step{"alice", "GET ~/issues/1/labels", "", 200, []string{"#=0"}},

		// Deleting a label takes it off the issues.
		step{"alice", "PUT ~/issues/1/labels", `["grey"]`, 200, []string{"*.name=Grey"}},
		step{"mallory", "DELETE ~/labels/grey", "", 403, nil},
		step{"alice", "DELETE ~/labels/grey", "", 204, nil},
		step{"alice", "DELETE ~/labels/grey", "", 404, nil},
		step{"alice", "GET ~/issues/1", "", 200, []string{"labels.#=0"}},
	)

	// An issue takes a hundred labels.
	var names []string
	for n := range 100 {
		names = append(names, fmt.Sprintf(`"label %d"`, n))
	}
	g.steps(
		step{"alice", "PUT ~/issues/1/labels", "[" + strings.Join(names, ",") + "]", 200, nil},
		step{"alice", "POST ~/issues/1/labels", `["label 7"]`, 200, nil},
		step{"alice", "POST ~/issues/1/labels", `["one too many"]`, 422, []string{"errors.0.field=labels"}},
		step{"alice", "PUT ~/issues/1/labels", `["one too many"]`, 200, []string{"*.name=one too many"}},
	)

	// The labels of an issue form are set whoever opens the issue, if they are there.
	g.held(func(f *forge.Forge) {
		i, err := f.OpenIssue(&forge.Actor{Login: "mallory"}, f.Repos[0], forge.NewIssue{Title: "Down", Labels: []string{"drill"}, FormLabels: []string{"Incident", "not there"}})
		if err != nil || len(i.Labels) != 1 || i.Labels[0].Name != "incident" {
			g.t.Errorf("a form's issue has labels %v, %v", i.Labels, err)
		}
	})
}

func testAssignees(g *github) {
	for n := range 9 {
		if err := g.box.Add(Person{Login: fmt.Sprintf("responder-%d", n), Roles: map[string]forge.Role{"acme/incidents": forge.RoleWrite}}); err != nil {
			g.t.Fatal(err)
		}
	}
	var many []string
	for n := range 9 {
		many = append(many, fmt.Sprintf(`"responder-%d"`, n))
	}
	g.steps(
		step{"mallory", "GET ~/assignees?per_page=7", "", 200, []string{"*.login=alice,bob,carol,dan,erin,dave_acme,responder-0"}},
		step{"gina", "GET ~/assignees", "", 404, nil},
		step{"app", "GET ~/assignees/alice", "", 204, nil},
		step{"app", "GET ~/assignees/mallory", "", 404, nil},
		step{"app", "GET ~/assignees/robot%5Bbot%5D", "", 404, nil},
		step{"app contents:read", "GET ~/assignees/alice", "", 403, nil},
		step{"app contents:read", "GET ~/assignees", "", 403, nil},

		step{"alice", "POST ~/issues", `{"title":"Down"}`, 201, nil},
		step{"alice", "GET ~/issues/1/assignees/alice", "", 204, nil},
		// Whoever commented on the issue can be assigned to it.
		step{"alice", "GET ~/issues/1/assignees/mallory", "", 404, nil},
		step{"mallory", "POST ~/issues/1/comments", `{"body":"me too"}`, 201, nil},
		step{"alice", "GET ~/issues/1/assignees/mallory", "", 204, nil},

		// Whoever can't be assigned is left out without a word.
		step{"app", "POST ~/issues/1/assignees", `{"assignees":["Carol","gina","nobody","robot[bot]"]}`, 201, []string{"assignees.*.login=carol", "assignee.login=carol"}},
		step{"app", "POST ~/issues/1/assignees", `{"assignees":["carol"]}`, 201, []string{"assignees.#=1"}},
		step{"mallory", "POST ~/issues/1/assignees", `{"assignees":["alice"]}`, 403, nil},
		step{"app issues:read", "POST ~/issues/1/assignees", `{"assignees":["alice"]}`, 403, []string{notForApp}},
		// Ten are the most.
		step{"app", "POST ~/issues/1/assignees", `{"assignees":[` + strings.Join(many, ",") + `,"alice","bob"]}`, 201, []string{"assignees.#=10", "assignees.9.login=responder-8"}},
		step{"gina", "DELETE ~/issues/1/assignees", `{"assignees":["carol"]}`, 404, nil},
		step{"app", "DELETE ~/issues/1/assignees", `{"assignees":[` + strings.Join(many, ",") + `,"nobody"]}`, 200, []string{"assignees.*.login=carol"}},
	)
}

func testRelations(g *github) {
	g.steps(
		step{"alice", "POST ~/issues", `{"title":"Down"}`, 201, []string{"id>incident"}},
		step{"alice", "POST /repos/acme/platform/issues", `{"title":"Replace the workaround"}`, 201, []string{"id>task"}},
		step{"alice", "POST ~/issues", `{"title":"Another"}`, 201, []string{"id>other"}},
		step{"app", "POST ~/issues/1/sub_issues", `{"sub_issue_id":$task}`, 201, []string{"number=1", "sub_issues_summary.total=1", "sub_issues_summary.percent_completed=0"}},
		step{"app", "POST ~/issues/1/sub_issues", `{"sub_issue_id":$task}`, 422, []string{"message=An error occurred while adding the sub-issue to the parent issue. Issue may not contain duplicate sub-issues"}},
		step{"app", "POST ~/issues/2/sub_issues", `{"sub_issue_id":$task}`, 422, []string{"message=An error occurred while adding the sub-issue to the parent issue. Sub issue may only have one parent"}},
		step{"app", "POST ~/issues/1/sub_issues", `{"sub_issue_id":$incident}`, 422, nil},
		step{"app", "POST /repos/acme/platform/issues/1/sub_issues", `{"sub_issue_id":$incident}`, 422, nil}, // a circle
		step{"app", "POST ~/issues/1/sub_issues", `{"sub_issue_id":1}`, 404, nil},
		step{"app @incidents", "POST ~/issues/1/sub_issues", `{"sub_issue_id":$task}`, 404, nil},
		step{"mallory", "POST ~/issues/1/sub_issues", `{"sub_issue_id":$other}`, 403, nil},
		step{"app issues:read", "POST ~/issues/1/sub_issues", `{"sub_issue_id":$other}`, 403, []string{notForApp}},
		step{"mallory", "GET ~/issues/1/sub_issues", "", 200, []string{"*.title=Replace the workaround", "0.parent_issue_url=" + g.url + "/api/v3/repos/acme/incidents/issues/1"}},
		step{"app @incidents", "GET ~/issues/1/sub_issues", "", 200, []string{"#=0"}},
		step{"gina", "GET ~/issues/1/sub_issues", "", 404, nil},
		step{"alice", "GET /repos/acme/platform/issues/1/parent", "", 200, []string{"id=$incident"}},
		step{"alice", "GET ~/issues/1/parent", "", 404, nil},
		step{"alice", "PATCH /repos/acme/platform/issues/1", `{"state":"closed"}`, 200, nil},
		step{"alice", "GET ~/issues/1", "", 200, []string{"sub_issues_summary.completed=1", "sub_issues_summary.percent_completed=100"}},
		step{"alice", "POST ~/issues/2/sub_issues", `{"sub_issue_id":$task,"replace_parent":true}`, 201, []string{"number=2"}},
		step{"alice", "GET ~/issues/1/sub_issues", "", 200, []string{"#=0"}},
		step{"alice", "DELETE ~/issues/1/sub_issue", `{"sub_issue_id":$task}`, 404, nil},
		step{"mallory", "DELETE ~/issues/2/sub_issue", `{"sub_issue_id":$task}`, 403, nil},
		step{"alice", "DELETE ~/issues/2/sub_issue", `{"sub_issue_id":$task}`, 200, []string{"sub_issues_summary.total=0"}},
		step{"alice", "GET /repos/acme/platform/issues/1/parent", "", 404, nil},
	)

	// Eight levels below the first issue are the most.
	g.held(func(f *forge.Forge) {
		by := &forge.Actor{Login: "alice"}
		var above *forge.Issue
		for level := range 10 {
			i, err := f.OpenIssue(by, f.Repos[1], forge.NewIssue{Title: "nested"})
			if err != nil {
				g.t.Error(err)
				return
			}
			if above != nil {
				if err := f.AddSubIssue(by, above, i, false); (err != nil) != (level > 8) {
					g.t.Errorf("level %d: %v", level, err)
				}
			}
			above = i
		}
	})
}

func testTimeline(g *github) {
	g.steps(
		step{"alice", "POST ~/issues", `{"title":"Down","body":"cc @carol","labels":["incident"],"assignees":["bob"]}`, 201, []string{"id>incident"}},
		step{"alice", "POST ~/issues/1/comments", `{"body":"looking"}`, 201, []string{"id>comment"}},
		step{"alice", "PATCH ~/issues/1", `{"title":"All down"}`, 200, nil},
		step{"app", "DELETE ~/issues/1/labels/incident", "", 200, nil},
		step{"alice", "DELETE ~/issues/1/assignees", `{"assignees":["bob"]}`, 200, nil},
		step{"alice", "PUT ~/issues/comments/$comment/pin", "", 200, nil},
		step{"alice", "DELETE ~/issues/comments/$comment/pin", "", 204, nil},
		step{"alice", "PUT ~/issues/1/lock", "", 204, nil},
		step{"alice", "DELETE ~/issues/1/lock", "", 204, nil},
		step{"alice", "PATCH ~/issues/1", `{"state":"closed","state_reason":"not_planned"}`, 200, nil},
		step{"alice", "PATCH ~/issues/1", `{"state":"open"}`, 200, nil},
		step{"alice", "POST /repos/acme/platform/issues", `{"title":"Fix it","body":"For acme/incidents#1, and again acme/incidents#1"}`, 201, []string{"id>task"}},
		step{"alice", "POST /repos/acme/platform/issues", `{"title":"No reference","body":"` + "`acme/incidents#1` <!-- acme/incidents#1 -->" + `"}`, 201, nil},
		step{"alice", "POST ~/issues/1/sub_issues", `{"sub_issue_id":$task}`, 201, nil},
		step{"alice", "DELETE ~/issues/1/sub_issue", `{"sub_issue_id":$task}`, 200, nil},
		step{"alice", "POST ~/issues/1/comments", `{"body":"mistaken"}`, 201, []string{"id>mistaken"}},
		step{"alice", "DELETE ~/issues/comments/$mistaken", "", 204, nil},
	)
	const all = "labeled,assigned,mentioned,subscribed,commented,renamed,unlabeled,unassigned,comment_pinned,comment_unpinned,locked,unlocked,closed,reopened," +
		"cross-referenced,sub_issue_added,sub_issue_removed,comment_deleted"
	without := func(kinds ...string) string {
		left := strings.Split(all, ",")
		for _, k := range kinds {
			left = strings.Split(strings.Trim(strings.ReplaceAll(","+strings.Join(left, ",")+",", ","+k+",", ","), ","), ",")
		}
		return strings.Join(left, ",")
	}
	g.steps(
		step{"app", "GET ~/issues/1/timeline?per_page=100", "", 200, []string{"*.event=" + all,
			"0.label.name=incident", "1.assignee.login=bob", "2.actor.login=carol", "4.id=$comment", "4.body=looking", "5.rename.from=Down", "5.rename.to=All down",
			"6.actor.login=robot[bot]", "6.performed_via_github_app.slug=robot", "12.state_reason=not_planned", "14.source.issue.id=$task",
			"15.sub_issue.title=Fix it", "15.sub_issue.repository.full_name=acme/platform"}},
		step{"app", "GET ~/issues/1/timeline?per_page=5&page=2", "", 200, []string{"*.event=renamed,unlabeled,unassigned,comment_pinned,comment_unpinned"}},
		step{"app", "GET ~/issues/1/timeline?exclude=commented,labeled&per_page=100", "", 200, []string{"*.event=" + without("commented", "labeled")}},
		// Nobody learns of a repository from a timeline.
		step{"app @incidents", "GET ~/issues/1/timeline?per_page=100", "", 200, []string{"*.event=" + without("cross-referenced"), "14.sub_issue=null"}},
		step{"gina", "GET ~/issues/1/timeline", "", 404, nil},
		step{"app", "GET ~/issues/1/events?per_page=100", "", 200, []string{"*.event=" + without("commented", "cross-referenced"), "1.assigner.login=alice", "1.assignee.login=bob"}},
		step{"gina", "GET ~/issues/1/events", "", 404, nil},
		step{"alice", "GET /repos/acme/platform/issues/1/timeline", "", 200, []string{"*.event=parent_issue_added,parent_issue_removed", "0.parent_issue.number=1"}},
	)
	// What refers to the issue may be deleted.
	g.steps(step{"", "POST /sandbox/states", `{"delete_issue":"acme/platform#1"}`, 200, nil}, step{"app", "GET ~/issues/1/timeline?per_page=100", "", 200, []string{"*.event=" + without("cross-referenced"), "14.sub_issue=null"}})
}

func testSearch(g *github) {
	g.steps(
		step{"alice", "POST ~/issues", `{"title":"Payments fail","labels":["incident","severity/critical"],"assignees":["bob"]}`, 201, nil},
		step{"app", "POST ~/issues", `{"title":"Disk full","body":"node: 7","labels":["incident"]}`, 201, nil},
		step{"alice", "POST /repos/acme/platform/issues", `{"title":"Replace the disk"}`, 201, nil},
		step{"gina", "POST /repos/acme/customer-globex/issues", `{"title":"Payments?"}`, 201, nil},
	)
	g.advance(48 * time.Hour)
	g.steps(
		step{"carol", "POST ~/issues/1/comments", `{"body":"the needle"}`, 201, nil},
		step{"alice", "PATCH ~/issues/2", `{"state":"closed"}`, 200, nil},
	)
	for query, want := range map[string]string{
		"is:issue":                                         "Payments?,Replace the disk,Disk full,Payments fail",
		"is:issue repo:acme/incidents":                     "Disk full,Payments fail",
		"is:issue org:acme disk":                           "Replace the disk,Disk full",
		"is:issue state:open label:INCIDENT":               "Payments fail",
		"is:issue label:severity/critical label:incident":  "Payments fail",
		"is:issue label:drill,severity/critical":           "Payments fail",
		`is:issue -label:"incident"`:                       "Payments?,Replace the disk",
		"is:issue author:app/robot":                        "Disk full",
		"is:issue author:robot[bot]":                       "Disk full",
		"is:issue author:gina":                             "Payments?",
		"is:issue assignee:bob":                            "Payments fail",
		"is:issue no:label":                                "Payments?,Replace the disk",
		"is:issue no:assignee is:closed":                   "Disk full",
		"is:issue needle in:comments":                      "Payments fail",
		"is:issue commenter:carol":                         "Payments fail",
		`is:issue "node: 7"`:                               "Disk full",
		"is:issue updated:>=2026-11-26":                    "Disk full,Payments fail",
		"is:issue updated:<2026-11-26T00:00:00Z":           "Payments?,Replace the disk",
		"is:issue created:2026-11-24..2026-11-25 payments": "Payments?,Payments fail",
		"is:issue created:>2026-11-24":                     "",
		"is:issue closed:2026-11-26":                       "Disk full",
		"is:pr":                                            "",
		"is:issue colour:red":                              "",
	} {
		g.steps(step{"alice", "GET /search/issues?q=" + escapeQuery(query), "", 200, []string{"items.*.title=" + want}})
	}
	g.steps(
		step{"gina", "GET /search/issues?q=payments+is:issue", "", 200, []string{"items.*.title=Payments?", "total_count=1"}},
		step{"app @platform", "GET /search/issues?q=disk", "", 200, []string{"items.*.title=Replace the disk", "incomplete_results=false"}},
		step{"app contents:read", "GET /search/issues?q=disk", "", 200, []string{"total_count=0"}},
		step{"alice", "GET /search/issues?q=is:issue&per_page=3&page=2", "", 200, []string{"total_count=4", "items.#=1"}},
		step{"alice", "GET /search/issues?q=is:issue+label:incident&sort=updated&order=asc", "", 200, []string{"items.*.number=1,2"}},
		step{"alice", "GET /search/issues?q=is:issue+org:acme&sort=created&order=asc", "", 200, []string{"items.*.title=Payments fail,Disk full,Replace the disk,Payments?"}},
		step{"alice", "GET /search/issues?q=payments", "", 422, []string{"errors.0.message=Query must include 'is:issue' or 'is:pull-request'"}},
		step{"alice", "GET /search/issues?q=+", "", 422, nil},
		step{"", "GET /search/issues?q=is:issue", "", 401, nil},
	)
	// Of many results the first thousand can be read.
	g.held(func(f *forge.Forge) {
		for range forge.MaxFound {
			if _, err := f.OpenIssue(&forge.Actor{Login: "alice"}, f.Repos[0], forge.NewIssue{Title: "One of many"}); err != nil {
				g.t.Fatal(err)
			}
		}
	})
	if a := g.call("alice", "GET /search/issues?q=is:issue&per_page=100&page=10", ""); strings.Contains(a.header.Get("Link"), `rel="next"`) || a.field("items.#") != "100" || a.field("total_count") != "1004" {
		g.t.Errorf("the last page has %s of %s results, and links to %s", a.field("items.#"), a.field("total_count"), a.header.Get("Link"))
	}
	g.steps(step{"alice", "GET /search/issues?q=is:issue&per_page=100&page=11", "", 422, []string{"message=Only the first 1000 search results are available"}})
	// Searching has its own limit.
	if a := g.call("app", "GET /search/issues?q=disk", ""); a.header.Get("X-RateLimit-Limit") != "30" || a.header.Get("X-RateLimit-Resource") != "search" {
		g.t.Errorf("a search has limits %v", a.header)
	}
}

func escapeQuery(query string) string {
	return strings.NewReplacer(" ", "+", `"`, "%22", ">", "%3E", "<", "%3C", "[", "%5B", "]", "%5D").Replace(query)
}
