package sandbox

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// ask sends a query as somebody. Variables are JSON.
func (g *github) ask(who, query, variables string) *answer {
	g.t.Helper()
	if variables == "" {
		variables = "{}"
	}
	body := asJSON(map[string]any{"query": query, "variables": json.RawMessage(g.fill(variables))})
	r := httptest.NewRequest(http.MethodPost, "/api/graphql", strings.NewReader(string(body)))
	if token := g.token(who); token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	g.box.Handler().ServeHTTP(w, r)
	return &answer{t: g.t, what: who + " asks " + query, status: w.Code, header: w.Header(), body: w.Body.Bytes()}
}

const ofRepo = `repository(owner:"acme",name:"incidents")`

// What GraphQL answers, to whom.
func TestGraphQL(t *testing.T) {
	g := newGitHub(t)
	g.branch("fix", "a.txt", "a\n")
	g.steps(
		step{"alice", "POST ~/issues", `{"title":"One","labels":["incident"],"assignees":["bob"]}`, 201, []string{"node_id>issue"}},
		step{"app", "POST ~/issues/1/comments", `{"body":"first"}`, 201, []string{"node_id>comment"}},
		step{"bob", "POST ~/issues/1/comments", `{"body":"second"}`, 201, nil},
		step{"alice", "POST ~/issues", `{"title":"Two"}`, 201, []string{"id>two"}},
		step{"alice", "POST ~/issues/1/sub_issues", `{"sub_issue_id":$two}`, 201, nil},
		step{"alice", "POST ~/pulls", `{"title":"Fix","body":"Fixes #1","head":"fix","base":"main"}`, 201, []string{"node_id>pull"}},
		step{"alice", "GET ~/issues/3", "", 200, []string{"node_id=$pull"}},
		step{"alice", "POST ~/pulls/3/requested_reviewers", `{"reviewers":["carol"],"team_reviewers":["payments"]}`, 201, nil},
		step{"alice", "GET /users/bob", "", 200, []string{"node_id>bob"}},
		step{"alice", "GET ~/labels/drill", "", 200, []string{"node_id>drill"}},
		step{"alice", "GET ~", "", 200, []string{"node_id>repo"}},
		step{"alice", "GET ~/git/ref/heads/main", "", 200, []string{"object.sha>main"}},
	)
	tests := map[string]struct {
		who, query, variables string
		want                  []string
	}{
		"viewer":              {"alice", `{viewer{login name}}`, "", []string{"data.viewer.login=alice", "data.viewer.name=Alice Reyes", "errors=absent"}},
		"a repository":        {"mallory", `{` + ofRepo + `{nameWithOwner isPrivate viewerPermission defaultBranchRef{name} issues(states:OPEN){totalCount}}}`, "", []string{"data.repository.viewerPermission=READ", "data.repository.defaultBranchRef.name=main", "data.repository.issues.totalCount=2"}},
		"one unseen":          {"gina", `{` + ofRepo + `{id}}`, "", []string{"data.repository=null", "errors.0.type=NOT_FOUND", "errors.0.path.0=repository", "errors.0.message=Could not resolve to a Repository with the name 'acme/incidents'."}},
		"an issue":            {"alice", `{` + ofRepo + `{issue(number:1){id title state author{__typename login} assignees(first:1){nodes{login}} labels(first:1){nodes{name}} subIssues(first:9){nodes{number parent{number}}}}}}`, "", []string{"data.repository.issue.id=$issue", "data.repository.issue.author.__typename=User", "data.repository.issue.assignees.nodes.*.login=bob", "data.repository.issue.labels.nodes.*.name=incident", "data.repository.issue.subIssues.nodes.0.parent.number=1"}},
		"a bot's comment":     {"alice", `{` + ofRepo + `{issue(number:1){comments(last:2){totalCount nodes{body author{__typename login ... on User{name}}}}}}}`, "", []string{"data.repository.issue.comments.nodes.*.author.__typename=Bot,User", "data.repository.issue.comments.nodes.*.author.login=robot,bob", "data.repository.issue.comments.nodes.1.author.name=Bob Lindqvist"}},
		"a first page":        {"alice", `{` + ofRepo + `{issue(number:1){comments(first:1){nodes{body} pageInfo{hasNextPage hasPreviousPage endCursor}}}}}`, "", []string{"data.repository.issue.comments.nodes.*.body=first", "data.repository.issue.comments.pageInfo.hasNextPage=true", "data.repository.issue.comments.pageInfo.hasPreviousPage=false"}},
		"no page":             {"alice", `{` + ofRepo + `{labels{nodes{name}}}}`, "", []string{"errors.0.type=MISSING_PAGINATION_BOUNDARIES"}},
		"a page too long":     {"alice", `{` + ofRepo + `{labels(first:101){nodes{name}}}}`, "", []string{"errors.0.type=EXCESSIVE_PAGINATION"}},
		"a node":              {"alice", `query($id:ID!){node(id:$id){id ... on IssueComment{body issue{number}}}}`, `{"id":"$comment"}`, []string{"data.node.id=$comment", "data.node.body=first", "data.node.issue.number=1"}},
		"a node unseen":       {"gina", `query($id:ID!){node(id:$id){id}}`, `{"id":"$issue"}`, []string{"data.node=null", "errors.0.type=NOT_FOUND"}},
		"no node":             {"alice", `{node(id:"nonsense"){id}}`, "", []string{"errors.0.message=Could not resolve to a node with the global id of 'nonsense'"}},
		"a pull request":      {"alice", `{` + ofRepo + `{pullRequest(number:3){id state mergeable headRefName additions closingIssuesReferences(first:9){nodes{number}} reviewRequests(first:9){nodes{requestedReviewer{__typename ... on User{login} ... on Team{slug}}}} viewerMergeHeadlineText(mergeType:SQUASH)}}}`, "", []string{"data.repository.pullRequest.id=$pull", "data.repository.pullRequest.mergeable=MERGEABLE", "data.repository.pullRequest.additions=1", "data.repository.pullRequest.closingIssuesReferences.nodes.*.number=1", "data.repository.pullRequest.reviewRequests.nodes.*.requestedReviewer.__typename=User,Team", "data.repository.pullRequest.viewerMergeHeadlineText=Fix (#3)"}},
		"either, in one":      {"alice", `{` + ofRepo + `{issueOrPullRequest(number:3){__typename ... on Issue{state} ... on PullRequest{state}}}}`, "", []string{"data.repository.issueOrPullRequest.state=OPEN", "data.repository.issueOrPullRequest.__typename=PullRequest", "errors=absent"}},
		"no issue":            {"alice", `{` + ofRepo + `{issue(number:3){id}}}`, "", []string{"errors.0.message=Could not resolve to an Issue with the number of 3."}},
		"a search":            {"bob", `{search(type:ISSUE,first:5,query:"repo:acme/incidents is:issue assignee:@me"){issueCount nodes{... on Issue{number}}}}`, "", []string{"data.search.issueCount=1", "data.search.nodes.0.number=1"}},
		"an order":            {"bob", `{search(type:ISSUE,first:5,query:"repo:acme/incidents is:issue sort:created-asc"){nodes{... on Issue{number}}}}`, "", []string{"data.search.nodes.*.number=1,2"}},
		"filters":             {"bob", `{` + ofRepo + `{issues(first:9,filterBy:{createdBy:"alice",assignee:"bob"},orderBy:{field:CREATED_AT,direction:DESC}){nodes{number}}}}`, "", []string{"data.repository.issues.nodes.*.number=1"}},
		"an unknown field":    {"alice", `{viewer{login nonsense}}`, "", []string{"data=absent", "errors.0.message=Field 'nonsense' doesn't exist on type 'User'"}},
		"nonsense":            {"alice", `{viewer{`, "", []string{"data=absent", "errors.#=1"}},
		"nothing":             {"alice", ``, "", []string{"errors.0.message=A query attribute must be specified and must be a string."}},
		"what there is":       {"alice", `{__type(name:"PullRequest"){fields(includeDeprecated:true){name type{kind ofType{name}}}} schema:__schema{mutationType{name}}}`, "", []string{"data.schema.mutationType.name=Mutation", "data.__type.fields.0.name=id"}},
		"an app":              {"app", `{viewer{login} ` + ofRepo + `{issue(number:1){title}}}`, "", []string{"data.viewer.login=robot[bot]", "data.repository.issue.title=One"}},
		"an app with less":    {"app contents:read", `{` + ofRepo + `{name issue(number:1){title}}}`, "", []string{"data.repository.name=incidents", "data.repository.issue=null", "errors.0.type=FORBIDDEN", "errors.0.message=Resource not accessible by integration"}},
		"an app elsewhere":    {"app @platform", `{` + ofRepo + `{name}}`, "", []string{"errors.0.type=NOT_FOUND"}},
		"its write":           {"app issues:read", `mutation($id:ID!){addComment(input:{subjectId:$id,body:"x"}){subject{id}}}`, `{"id":"$issue"}`, []string{"data.addComment=null", "errors.0.type=FORBIDDEN"}},
		"a reader's label":    {"mallory", `mutation($id:ID!,$l:ID!){addLabelsToLabelable(input:{labelableId:$id,labelIds:[$l]}){clientMutationId}}`, `{"id":"$issue","l":"$drill"}`, []string{"errors.0.type=FORBIDDEN"}},
		"a branch there is":   {"alice", `mutation($id:ID!,$oid:GitObjectID!){createRef(input:{repositoryId:$id,name:"refs/heads/fix",oid:$oid}){ref{name}}}`, `{"id":"$repo","oid":"$main"}`, []string{"errors.0.type=UNPROCESSABLE", "errors.0.message=Reference already exists"}},
		"a branch that moved": {"alice", `mutation{createCommitOnBranch(input:{branch:{repositoryNameWithOwner:"acme/incidents",branchName:"fix"},expectedHeadOid:"0000000000000000000000000000000000000000",message:{headline:"x"}}){ref{name}}}`, "", []string{"errors.0.type=STALE_DATA"}},
		"a reader's commit":   {"app contents:read", `mutation($oid:GitObjectID!){createCommitOnBranch(input:{branch:{repositoryNameWithOwner:"acme/incidents",branchName:"main"},expectedHeadOid:$oid,message:{headline:"x"}}){ref{name}}}`, `{"oid":"$main"}`, []string{"errors.0.type=FORBIDDEN"}},
		"a blank title":       {"alice", `mutation($id:ID!){createIssue(input:{repositoryId:$id,title:" "}){issue{id}}}`, `{"id":"$repo"}`, []string{"errors.0.type=UNPROCESSABLE", "errors.0.message=title can't be blank"}},
		"another's kind":      {"alice", `mutation($id:ID!){closeIssue(input:{issueId:$id}){issue{id}}}`, `{"id":"$pull"}`, []string{"errors.0.type=NOT_FOUND"}},
		"a milestone":         {"alice", `mutation($id:ID!){createIssue(input:{repositoryId:$id,title:"x",milestoneId:"MI_1"}){issue{id}}}`, `{"id":"$repo"}`, []string{"errors.0.type=NOT_FOUND"}},
		"a review of nobody":  {"alice", `mutation($id:ID!){addPullRequestReview(input:{pullRequestId:$id,event:APPROVE}){clientMutationId}}`, `{"id":"$pull"}`, []string{"errors.0.type=UNPROCESSABLE", "errors.0.message=Can not approve your own pull request"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := g.ask(test.who, test.query, test.variables)
			a.want(http.StatusOK)
			for _, want := range test.want {
				path, value, _ := strings.Cut(want, "=")
				if got := a.field(path); got != g.fill(value) {
					t.Errorf("%s is %q, want %q: %s", path, got, g.fill(value), a.body)
				}
			}
		})
	}
	g.steps(step{"alice", "GET ~/issues/1", "", 200, []string{"labels.*.name=incident", "comments=2"}})
}

// What GraphQL changes is what REST changes, with the same webhooks.
func TestGraphQLMutations(t *testing.T) {
	r := newReceiver(t)
	g := newGitHub(t, r.option)
	g.branch("fix", "a.txt", "a\n")
	g.steps(
		step{"alice", "GET ~", "", 200, []string{"node_id>repo"}},
		step{"alice", "GET ~/labels/drill", "", 200, []string{"node_id>drill"}},
		step{"alice", "GET /users/bob", "", 200, []string{"node_id>bob"}},
		step{"alice", "GET /orgs/acme/teams/payments", "", 200, []string{"node_id>team"}},
		step{"alice", "GET ~/git/ref/heads/main", "", 200, []string{"object.sha>main"}},
	)
	g.settle()
	r.take()
	for _, test := range []struct {
		who, mutation, variables, remember, want string
	}{
		{"alice", `mutation($i:CreateIssueInput!){createIssue(input:$i){issue{id number}}}`, `{"i":{"repositoryId":"$repo","title":"Down","labelIds":["$drill"],"assigneeIds":["$bob"]}}`, "data.createIssue.issue.id>issue", "issues/opened issues/labeled issues/assigned"},
		{"alice", `mutation($i:CreateIssueInput!){createIssue(input:$i){issue{id parent{number}}}}`, `{"i":{"repositoryId":"$repo","title":"Child","parentIssueId":"$issue"}}`, "data.createIssue.issue.id>child", "issues/opened sub_issues/sub_issue_added sub_issues/parent_issue_added"},
		{"bob", `mutation($i:AddCommentInput!){addComment(input:$i){commentEdge{node{id url}}}}`, `{"i":{"subjectId":"$issue","body":"hm"}}`, "data.addComment.commentEdge.node.id>comment", "issue_comment/created"},
		{"bob", `mutation($i:UpdateIssueCommentInput!){updateIssueComment(input:$i){issueComment{body}}}`, `{"i":{"id":"$comment","body":"hm!"}}`, "", "issue_comment/edited"},
		{"bob", `mutation($i:DeleteIssueCommentInput!){deleteIssueComment(input:$i){clientMutationId}}`, `{"i":{"id":"$comment"}}`, "", "issue_comment/deleted"},
		{"bob", `mutation($i:UpdateIssueInput!){updateIssue(input:$i){issue{title}}}`, `{"i":{"id":"$issue","title":"Down!"}}`, "", "issues/edited"},
		{"bob", `mutation($i:RemoveLabelsFromLabelableInput!){removeLabelsFromLabelable(input:$i){clientMutationId}}`, `{"i":{"labelableId":"$issue","labelIds":["$drill"]}}`, "", "issues/unlabeled"},
		{"bob", `mutation($i:AddLabelsToLabelableInput!){addLabelsToLabelable(input:$i){clientMutationId}}`, `{"i":{"labelableId":"$issue","labelIds":["$drill"]}}`, "", "issues/labeled"},
		{"bob", `mutation($i:RemoveAssigneesFromAssignableInput!){removeAssigneesFromAssignable(input:$i){clientMutationId}}`, `{"i":{"assignableId":"$issue","assigneeIds":["$bob"]}}`, "", "issues/unassigned"},
		{"bob", `mutation($i:AddAssigneesToAssignableInput!){addAssigneesToAssignable(input:$i){clientMutationId}}`, `{"i":{"assignableId":"$issue","assigneeIds":["$bob"]}}`, "", "issues/assigned"},
		{"bob", `mutation($i:CloseIssueInput!){closeIssue(input:$i){issue{stateReason}}}`, `{"i":{"issueId":"$child","duplicateIssueId":"$issue"}}`, "", "issues/closed"},
		{"bob", `mutation($i:ReopenIssueInput!){reopenIssue(input:$i){issue{state}}}`, `{"i":{"issueId":"$child"}}`, "", "issues/reopened"},
		{"alice", `mutation($i:CreateRefInput!){createRef(input:$i){ref{name target{oid}}}}`, `{"i":{"repositoryId":"$repo","name":"refs/heads/notes","oid":"$main"}}`, "", "create push"},
		{"alice", `mutation($i:CreateCommitOnBranchInput!){createCommitOnBranch(input:$i){commit{messageHeadline} ref{name}}}`, `{"i":{"branch":{"repositoryNameWithOwner":"acme/incidents","branchName":"notes"},"expectedHeadOid":"$main","message":{"headline":"Two files","body":"And why"},"fileChanges":{"additions":[{"path":"notes/a.md","contents":"YQ=="},{"path":"notes/b.md","contents":"Yg=="}]}}}`, "", "push"},
		{"alice", `mutation($i:CreatePullRequestInput!){createPullRequest(input:$i){pullRequest{id}}}`, `{"i":{"repositoryId":"$repo","headRefName":"fix","baseRefName":"main","title":"Fix","draft":true}}`, "data.createPullRequest.pullRequest.id>pull", "pull_request/opened"},
		{"alice", `mutation($i:MarkPullRequestReadyForReviewInput!){markPullRequestReadyForReview(input:$i){pullRequest{isDraft}}}`, `{"i":{"pullRequestId":"$pull"}}`, "", "pull_request/ready_for_review"},
		{"alice", `mutation($i:ConvertPullRequestToDraftInput!){convertPullRequestToDraft(input:$i){pullRequest{isDraft}}}`, `{"i":{"pullRequestId":"$pull"}}`, "", "pull_request/converted_to_draft"},
		{"alice", `mutation($i:MarkPullRequestReadyForReviewInput!){markPullRequestReadyForReview(input:$i){pullRequest{isDraft}}}`, `{"i":{"pullRequestId":"$pull"}}`, "", "pull_request/ready_for_review"},
		{"alice", `mutation($i:UpdatePullRequestInput!){updatePullRequest(input:$i){pullRequest{title}}}`, `{"i":{"pullRequestId":"$pull","title":"Fix it","labelIds":["$drill"]}}`, "", "pull_request/edited pull_request/labeled"},
		{"alice", `mutation($i:RequestReviewsInput!){requestReviews(input:$i){pullRequest{id}}}`, `{"i":{"pullRequestId":"$pull","userIds":["$bob"]}}`, "", "pull_request/review_requested"},
		{"alice", `mutation($i:RequestReviewsInput!){requestReviews(input:$i){pullRequest{id}}}`, `{"i":{"pullRequestId":"$pull","teamIds":["$team"]}}`, "", "pull_request/review_request_removed pull_request/review_requested"},
		{"bob", `mutation($i:AddPullRequestReviewInput!){addPullRequestReview(input:$i){pullRequestReview{state commit{oid}}}}`, `{"i":{"pullRequestId":"$pull","event":"APPROVE"}}`, "", "pull_request_review/submitted"},
		{"bob", `mutation($i:ClosePullRequestInput!){closePullRequest(input:$i){pullRequest{state}}}`, `{"i":{"pullRequestId":"$pull"}}`, "", "pull_request/closed"},
		{"bob", `mutation($i:ReopenPullRequestInput!){reopenPullRequest(input:$i){pullRequest{state}}}`, `{"i":{"pullRequestId":"$pull"}}`, "", "pull_request/reopened"},
		{"bob", `mutation($i:MergePullRequestInput!){mergePullRequest(input:$i){pullRequest{merged mergeCommit{messageHeadline}}}}`, `{"i":{"pullRequestId":"$pull","mergeMethod":"SQUASH","commitHeadline":"All well"}}`, "", "push pull_request/closed"},
	} {
		a := g.ask(test.who, test.mutation, test.variables)
		if a.status != http.StatusOK || a.field("errors") != "absent" {
			t.Fatalf("%s: %d %s", test.mutation, a.status, a.body)
		}
		if path, name, ok := strings.Cut(test.remember, ">"); ok {
			g.vars[name] = a.field(path)
		}
		g.settle()
		if got := strings.Join(kinds(r.take()), " "); got != test.want {
			t.Errorf("%s sends %s, want %s", test.mutation, got, test.want)
		}
	}
	g.steps(
		step{"alice", "GET ~/issues/1", "", 200, []string{"title=Down!", "labels.*.name=drill", "assignees.*.login=bob", "comments=0"}},
		step{"alice", "GET ~/pulls/3", "", 200, []string{"merged=true", "merged_by.login=bob"}},
		step{"alice", "GET ~/commits/main", "", 200, []string{"commit.message=All well"}},
		step{"alice", "GET ~/commits/notes", "", 200, []string{"commit.message=Two files\n\nAnd why", "parents.*.sha=$main", "files.*.filename=notes/a.md,notes/b.md"}},
	)
}

// Who may ask, and how the calls are counted and listed.
func TestGraphQLIsCalled(t *testing.T) {
	g := newGitHub(t, func(o *Options) { o.Calls = 2 })
	for who, status := range map[string]int{"": 401, "jwt": 403, "alice": 200} {
		a := g.ask(who, `{viewer{login}}`, "")
		a.want(status)
		if status != 200 && a.field("message") == "absent" {
			t.Errorf("%s", a.body)
		}
	}
	for _, want := range []struct{ status, left string }{{"200", "1"}, {"200", "0"}, {"403", "0"}} {
		a := g.ask("app", `{viewer{login}}`, "")
		if a.header.Get("X-RateLimit-Remaining") != want.left || a.header.Get("X-RateLimit-Resource") != "graphql" || (a.status == 403) != (want.status == "403") {
			t.Errorf("answers %d with %v", a.status, a.header)
		}
	}
	g.steps(step{"alice", "GET /sandbox/calls", "", 200, []string{"calls.0.path=/api/graphql", "calls.0.method=POST"}})

	r := httptest.NewRequest(http.MethodGet, "/api/graphql", nil)
	r.Header.Set("Authorization", "Bearer demo-alice")
	w := httptest.NewRecorder()
	g.box.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusNotFound {
		t.Errorf("GET is answered %d %s", w.Code, w.Body)
	}

	// A fault for it matches its own path.
	g.call("", "POST /sandbox/faults", `{"match":"POST /api/graphql","status":502}`).want(http.StatusOK)
	g.advance(3600e9)
	g.ask("app", `{viewer{login}}`, "").want(http.StatusBadGateway)
	g.ask("app", `{viewer{login}}`, "").want(http.StatusOK)
}

// What GitHub refuses for a while it refuses by GraphQL, too.
func TestGraphQLIsRefused(t *testing.T) {
	g := newGitHub(t)
	g.steps(
		step{"alice", "GET ~", "", 200, []string{"node_id>repo"}},
		step{"alice", "POST ~/issues", `{"title":"One"}`, 201, []string{"node_id>issue"}},
	)
	create := func() *answer {
		return g.ask("alice", `mutation($id:ID!){createIssue(input:{repositoryId:$id,title:"x"}){issue{id}}}`, `{"id":"$repo"}`)
	}
	comment := func() *answer {
		return g.ask("alice", `mutation($id:ID!){addComment(input:{subjectId:$id,body:"x"}){subject{id}}}`, `{"id":"$issue"}`)
	}
	refused := func(kind string, answers ...*answer) {
		t.Helper()
		for _, a := range answers {
			if got := a.field("errors.0.type"); got != kind {
				t.Errorf("%s: refused as %q, want %q: %s", a.what, got, kind, a.body)
			}
		}
	}
	g.call("", "POST /sandbox/states", `{"disable_issues":"acme/incidents"}`).want(http.StatusOK)
	refused("UNPROCESSABLE", create(), comment())
	a := g.ask("alice", `{`+ofRepo+`{hasIssuesEnabled issues(first:5){totalCount} issue(number:1){id}}}`, "")
	if a.field("data.repository.hasIssuesEnabled") != "false" || a.field("data.repository.issues.totalCount") != "0" {
		t.Errorf("without issues: %s", a.body)
	}
	refused("NOT_FOUND", a)

	g.steps(step{"alice", "POST /sandbox/states", `{"rename":["acme/incidents","acme/p1"]}`, 200, nil})
	if a := g.ask("alice", `{`+ofRepo+`{nameWithOwner}}`, ""); a.field("data.repository.nameWithOwner") != "acme/p1" {
		t.Errorf("by its old name: %s", a.body)
	}
	refused("NOT_FOUND", g.ask("alice", `{repository(owner:"acme",name:"incidents",followRenames:false){id}}`, ""))
	g.token("app")
	g.steps(step{"alice", "POST /sandbox/states", `{"suspend":"acme"}`, 200, nil})
	g.ask("app", `{viewer{login}}`, "").want(http.StatusForbidden)
}
