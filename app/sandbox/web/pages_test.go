package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

func TestPagesHide(t *testing.T) {
	_, b := pageWorld(t)
	at := b.openIssue("acme/incidents", "Secret", "")
	for _, target := range []string{"/acme/incidents", "/acme/incidents/issues", at, "/acme/incidents/issues/new", "/acme/incidents/blob/main/README.md", "/acme/incidents/pulls", "/orgs/acme/teams/platform", "/nobody", "/acme/nothing", "/acme/customer-globex/issues/99", "/a/b/c/d"} {
		w := b.as("gina").do(http.MethodGet, target, nil)
		if w.Code != http.StatusNotFound {
			t.Errorf("gina gets %d for %s", w.Code, target)
		}
		has(t, w.Body.String(), `id="not-found"`)
		hasNot(t, w.Body.String(), "Secret")
	}
	if w := b.as("gina").do(http.MethodGet, "/acme/incidents/raw/main/README.md", nil); w.Code != http.StatusNotFound {
		t.Errorf("gina gets %d for a raw file", w.Code)
	}
	for _, button := range []string{"/comment", "/labels", "/assignees", "/title", "/react"} {
		if w := b.as("gina").do(http.MethodPost, at+button, url.Values{"body": {"x"}, "comment": {"1"}, "title": {"x"}, "reaction": {"+1"}}); w.Code != http.StatusNotFound {
			t.Errorf("gina gets %d for %s", w.Code, button)
		}
	}
	home := b.as("gina").page("/")
	has(t, home, `href="/acme/customer-globex"`)
	hasNot(t, home, "acme/incidents")
	has(t, b.page("/"), `href="/acme/incidents"`, `id="hints"`)
}

func TestPagesReader(t *testing.T) {
	f, b := pageWorld(t)
	at := b.openIssue("acme/incidents", "API down", "")
	alices := b.press(at+"/comment", url.Values{"body": {"mine"}, "comment": {"1"}})
	page := b.as("mallory").page(at)
	hasNot(t, page, `id="labels"`, `id="assignees"`, `id="title"`, `name="close"`, "pin-comment", "edit-comment", "delete-comment")
	has(t, page, `form id="comment"`, `name="comment"`, `name="reaction"`)
	has(t, b.page(at), `form id="labels"`, `form id="assignees"`, `form id="title"`, `name="close"`, "pin-comment", `name="label" value="phase/investigate"`, `name="assignee" value="alice"`)

	b.as("mallory").press(at+"/comment", url.Values{"body": {"me too"}, "comment": {"1"}})
	issue := repoNamed(t, f, "incidents").Issues[0]
	id := strings.TrimPrefix(alices[strings.Index(alices, "#"):], "#issuecomment-")
	for _, c := range []struct {
		button string
		form   url.Values
	}{
		{"/labels", url.Values{"label": {"drill"}}}, {"/assignees", url.Values{"assignee": {"mallory"}}}, {"/title", url.Values{"title": {"Mine"}}},
		{"/comment", url.Values{"close": {"completed"}}}, {"/comments/" + id + "/edit", url.Values{"body": {"theirs"}}}, {"/comments/" + id + "/delete", nil}, {"/comments/" + id + "/pin", nil},
	} {
		w := b.as("mallory").do(http.MethodPost, at+c.button, c.form)
		if w.Code != http.StatusForbidden {
			t.Errorf("mallory gets %d for %s", w.Code, c.button)
		}
		has(t, w.Body.String(), `id="flash"`)
	}
	if issue.Title != "API down" || issue.Closed || len(issue.Labels) != 0 || len(issue.Assignees) != 0 || issue.Pinned != 0 || issue.Comments[0].Body != "mine" || len(issue.Comments) != 2 {
		t.Errorf("mallory changed the issue: %+v", issue)
	}
	// one's own text is one's own
	b.as("mallory").press(at+"/comments/7000002/edit", url.Values{"body": {"me three"}})
	if issue.Comments[1].Body != "me three" {
		t.Errorf("mallory's comment is %q", issue.Comments[1].Body)
	}
}

func TestPagesIssue(t *testing.T) {
	f, b := pageWorld(t)
	var events []string
	f.Emit = func(e forge.Event) {
		switch e := e.(type) {
		case *forge.IssueEvent:
			events = append(events, "issues."+e.Action)
		case *forge.CommentEvent:
			events = append(events, "issue_comment."+e.Action)
		default:
			t.Errorf("what happened is %T", e)
		}
	}
	at := b.openIssue("acme/incidents", "API down", "**See** it")
	if at != "/acme/incidents/issues/1" {
		t.Fatalf("the issue stands at %s", at)
	}
	issue := repoNamed(t, f, "incidents").Issues[0]

	to := b.as("carol").press(at+"/comment", url.Values{"body": {"/ic\r\nhello <script>alert(1)</script> @alice"}, "comment": {"1"}})
	if to != at+"#issuecomment-7000001" {
		t.Errorf("a comment leads to %s", to)
	}
	if issue.Comments[0].Body != "/ic\nhello <script>alert(1)</script> @alice" || issue.Comments[0].Author != "carol" {
		t.Errorf("the comment is %+v", issue.Comments[0])
	}
	page := b.page(at)
	has(t, page, "<strong>See</strong> it", `data-comment-id="7000001"`, `data-author="carol"`, `<a class="user-mention" href="/alice">@alice</a>`)
	hasNot(t, page, "<script>alert", `id="pinned"`)

	b.press(at+"/comments/7000001/pin", url.Values{"pin": {"1"}})
	has(t, b.page(at), `id="pinned" aria-label="Pinned comment" data-comment-id="7000001"`, `data-event="pinned"`)
	b.press(at+"/labels", url.Values{"label": {"incident", "phase/investigate"}})
	b.press(at+"/labels", url.Values{"label": {"incident"}, "was": {"incident", "phase/investigate", "drill"}})
	b.press(at+"/assignees", url.Values{"assignee": {"alice", "carol", "gina"}})
	b.press(at+"/title", url.Values{"title": {"API is down"}})
	b.press(at+"/comments/7000001/react", url.Values{"reaction": {"eyes"}})
	b.press(at+"/react", url.Values{"reaction": {"+1"}})
	if len(issue.Labels) != 1 || strings.Join(issue.Assignees, " ") != "alice carol" || issue.Title != "API is down" || len(issue.Comments[0].Reactions) != 1 || len(issue.Reactions) != 1 {
		t.Errorf("the issue is %+v", issue)
	}
	b.press(at+"/react", url.Values{"reaction": {"+1"}})
	if len(issue.Reactions) != 0 {
		t.Error("the same reaction again does not take it back")
	}
	page = b.page(at)
	has(t, page, `data-assignee="alice"`, `data-event="labels"`, `data-event="assigned"`, `data-event="renamed"`, `title="alice reacted with eyes"`)

	b.press(at+"/comment", url.Values{"body": {"done"}, "close": {"not_planned"}})
	if !issue.Closed || issue.StateReason != "not_planned" || len(issue.Comments) != 2 {
		t.Errorf("after closing the issue is %+v", issue)
	}
	page = b.page(at)
	has(t, page, "Closed as not planned", `name="reopen"`, `data-event="closed"`)
	hasNot(t, page, `name="close"`)
	b.press(at+"/comment", url.Values{"reopen": {"1"}})
	b.press(at+"/comments/7000002/delete", url.Values{})
	if issue.Closed || len(issue.Comments) != 1 {
		t.Errorf("after reopening the issue is %+v", issue)
	}
	want := "issues.opened issue_comment.created issue_comment.pinned issues.labeled issues.labeled issues.unlabeled issues.assigned issues.assigned issues.edited " +
		"issue_comment.created issues.closed issues.reopened issue_comment.deleted"
	if got := strings.Join(events, " "); got != want {
		t.Errorf("webhooks\n got %s\nwant %s", got, want)
	}
}

func TestPagesRefusalKeepsText(t *testing.T) {
	_, b := pageWorld(t)
	at := b.openIssue("acme/incidents", "API down", "")
	w := b.do(http.MethodPost, at+"/comment", url.Values{"body": {" "}, "comment": {"1"}})
	if w.Code != http.StatusUnprocessableEntity {
		t.Errorf("an empty comment gets %d", w.Code)
	}
	has(t, w.Body.String(), `id="flash"`, "blank")
	long := strings.Repeat("a", 70000)
	w = b.do(http.MethodPost, at+"/comment", url.Values{"body": {long}, "comment": {"1"}})
	if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), long+"</textarea>") {
		t.Errorf("a comment that is too long gets %d, or its text is lost", w.Code)
	}
	w = b.do(http.MethodPost, "/acme/incidents/issues/new", url.Values{"issue-title": {""}, "body": {"typed <text>"}})
	if w.Code != http.StatusUnprocessableEntity {
		t.Errorf("an issue without a title gets %d", w.Code)
	}
	has(t, w.Body.String(), "typed &lt;text&gt;</textarea>", `id="flash"`)
}

func TestPagesIssueForm(t *testing.T) {
	f, b := pageWorld(t)
	has(t, b.page("/acme/incidents/issues/new/choose"), "?template=incident.yml", "Something is broken")
	page := b.page("/acme/incidents/issues/new?template=incident.yml&summary=API+%22down%22")
	has(t, page, `name="summary" value="API &#34;down&#34;"`, `<select id="field-customers" name="customers" multiple>`, `<input type="checkbox" name="drill" value="0">`, `value="P1: "`, `<option value="regular" selected>`, `data-label="incident"`, "Write what you know.")
	if regexp.MustCompile(`name="summary"[^>]*required`).MatchString(page) {
		t.Error("a private repository requires a field")
	}
	to := b.as("mallory").press("/acme/incidents/issues/new?template=incident.yml", url.Values{"issue-title": {"API down"}, "severity": {"critical"}, "drill": {"0"}})
	issue := repoNamed(t, f, "incidents").Issues[0]
	if to != "/acme/incidents/issues/1" || !issue.HasLabel("incident") || !issue.HasLabel("phase/identify") {
		t.Errorf("%s: labels are %v", to, issue.Labels)
	}
	for _, want := range []string{"### Summary\n\n_No response_\n\n### Severity\n\ncritical\n\n", "- [x] This is a drill\n- [ ] I know the rules"} {
		if !strings.Contains(issue.Body, want) {
			t.Errorf("the body lacks %q:\n%s", want, issue.Body)
		}
	}
	// a public repository enforces what is required, and keeps what was typed
	has(t, b.page("/acme/platform/issues/new?template=incident.yml"), `name="summary" value="" placeholder="" required`)
	w := b.do(http.MethodPost, "/acme/platform/issues/new?template=incident.yml", url.Values{"issue-title": {"API down"}, "log": {"kept"}, "drill": {"1"}})
	if w.Code != http.StatusUnprocessableEntity || len(repoNamed(t, f, "platform").Issues) != 0 {
		t.Errorf("a required field left empty gets %d", w.Code)
	}
	has(t, w.Body.String(), "kept</textarea>", `class="error-text"`, `name="drill" value="1" checked`)
	if w := b.do(http.MethodGet, "/acme/incidents/issues/new?template=none.yml", nil); w.Code != http.StatusNotFound {
		t.Errorf("a form that is not there gets %d", w.Code)
	}
}

func TestPagesList(t *testing.T) {
	_, b := pageWorld(t)
	one, two := b.openIssue("acme/incidents", "First", ""), b.openIssue("acme/incidents", "Second", "")
	b.press(one+"/labels", url.Values{"label": {"drill"}})
	b.press(one+"/assignees", url.Values{"assignee": {"carol"}})
	b.press(two+"/comment", url.Values{"close": {"completed"}})
	for query, want := range map[string]string{
		"": "1", "?q=is:issue+state:closed": "2", "?q=is:issue": "2 1", "?q=label:drill": "1", "?q=-label:drill": "2", "?q=assignee:carol": "1", "?q=no:assignee": "2",
		"?q=author:@me+second": "2", "?q=author:bob": "", "?state=closed": "2", "?label=drill": "1", "?q=%23:%22%22": "",
	} {
		var got []string
		for _, m := range regexp.MustCompile(`data-number="(\d+)"`).FindAllStringSubmatch(b.page("/acme/incidents/issues"+query), -1) {
			got = append(got, m[1])
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q lists %v, want %s", query, got, want)
		}
	}
	has(t, b.page("/acme/incidents/issues"), "1 Open", "1 Closed")
}

func TestPagesPullRequest(t *testing.T) {
	f, b := pageWorld(t)
	r := repoNamed(t, f, "incidents")
	main := r.Git.Refs["refs/heads/main"]
	r.Git.Refs["refs/heads/postmortem/1"] = main
	edit := "/acme/incidents/edit/postmortem/1/README.md"
	page := b.page(edit)
	sha := regexp.MustCompile(`name="sha" value="([0-9a-f]{40})"`).FindStringSubmatch(page)
	if sha == nil {
		t.Fatal("the edit page has no sha")
	}
	if to := b.press(edit, url.Values{"sha": {sha[1]}, "body": {"# incidents\r\n\r\nTODO\r\n"}, "message": {"Write it"}}); to != "/acme/incidents/blob/postmortem/1/README.md" {
		t.Errorf("a saved file leads to %s", to)
	}
	if w := b.do(http.MethodPost, edit, url.Values{"sha": {sha[1]}, "body": {"overwritten"}, "message": {"Race"}}); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "overwritten</textarea>") {
		t.Errorf("an edit of an older version gets %d, or its text is lost", w.Code)
	}
	if w := b.as("mallory").do(http.MethodGet, edit, nil); w.Code != http.StatusNotFound {
		t.Errorf("mallory gets %d for the edit page", w.Code)
	}
	bob, _ := f.PersonActor("bob")
	pull, err := f.OpenPull(bob, r, forge.NewPull{Title: "Postmortem", Body: "Of #1", Head: "postmortem/1", Base: "main"})
	if err != nil {
		t.Fatal(err)
	}
	bot := &forge.Actor{Login: "robot[bot]", ViaApp: true, Permissions: map[string]string{"checks": "write"}}
	name, failure := "postmortem", "failure"
	run, err := f.CreateCheckRun(bot, r, pull.Pull.HeadSHA, forge.CheckChange{Name: &name, Conclusion: &failure, Output: &forge.CheckOutput{Title: "1 thing is missing", Summary: "See **below**",
		Annotations: []forge.Annotation{{Path: "README.md", StartLine: 3, EndLine: 3, Level: "failure", Message: "a placeholder is left", Title: "TODO"}}}})
	if err != nil {
		t.Fatal(err)
	}
	at := "/acme/incidents/pull/1"
	b.press(at+"/reviewers", url.Values{"reviewer": {"carol", "acme/platform"}})
	page = b.page(at)
	has(t, page, "wants to merge", `data-check="postmortem" data-conclusion="failure"`, "See <strong>below</strong>", "a placeholder is left", `data-reviewer="carol"`, `data-reviewer="acme/platform"`, `form id="merge"`, "Some checks were not successful")
	has(t, b.page(at+"/files"), `<tr class="add">`, ">TODO</td>", "a placeholder is left", "/acme/incidents/edit/postmortem/1/README.md")
	has(t, b.page(at+"/commits"), "Write it")
	has(t, b.page(at+"/checks"), `data-check="postmortem"`)
	hasNot(t, b.as("mallory").page(at), `form id="merge"`, `id="reviewers"`)
	b.press(at+"/checks/"+strconv.FormatInt(run.ID, 10), url.Values{"action": {""}})

	w := b.as("bob").do(http.MethodPost, at+"/review", url.Values{"event": {"APPROVE"}})
	if w.Code != http.StatusUnprocessableEntity {
		t.Errorf("approving one's own pull request gets %d", w.Code)
	}
	b.as("carol").press(at+"/review", url.Values{"event": {"REQUEST_CHANGES"}, "body": {"Not *yet*"}})
	has(t, b.page(at), "Changes requested", "Not <em>yet</em>", `data-event="reviewed"`)
	b.as("carol").press(at+"/review", url.Values{"event": {"APPROVE"}})
	has(t, b.page(at), "Changes approved")
	if w := b.as("mallory").do(http.MethodPost, at+"/merge", url.Values{}); w.Code != http.StatusForbidden || pull.Pull.Merged() {
		t.Errorf("mallory merging gets %d", w.Code)
	}
	b.press(at+"/merge", url.Values{"merge": {"1"}})
	if !pull.Pull.Merged() || pull.Pull.MergedBy != "alice" || r.Git.Refs["refs/heads/main"] == main {
		t.Errorf("after merging the pull request is %+v", pull.Pull)
	}
	page = b.page(at)
	has(t, page, "state-merged", `data-event="merged"`)
	hasNot(t, page, `form id="merge"`)
	has(t, b.page("/acme/incidents/blob/main/README.md"), "TODO")
}

func TestPagesFiles(t *testing.T) {
	_, b := pageWorld(t)
	has(t, b.page("/acme/incidents"), `href="/acme/incidents/tree/main/docs"`, `href="/acme/incidents/blob/main/README.md"`, `<h1 id="user-content-incidents">incidents`)
	has(t, b.page("/acme/incidents/tree/main/docs"), `href="/acme/incidents/blob/main/docs/a.txt"`)
	has(t, b.page("/acme/incidents/blob/main/docs/a.txt"), `<tr id="L2">`, "two")
	has(t, b.page("/acme/incidents/blob/main/README.md?plain=1"), "# incidents")
	for _, target := range []string{"/acme/incidents/blob/main/none", "/acme/incidents/blob/none/README.md", "/acme/incidents/tree/main/README.md", "/acme/incidents/blob/main/docs"} {
		if w := b.do(http.MethodGet, target, nil); w.Code != http.StatusNotFound {
			t.Errorf("%s answers %d", target, w.Code)
		}
	}
	w := b.do(http.MethodGet, "/acme/incidents/raw/main/docs/a.txt", nil)
	if w.Body.String() != "one\ntwo\n" || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" || !strings.Contains(w.Header().Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("raw is %q with %v", w.Body, w.Header())
	}
}

func TestPagesHeader(t *testing.T) {
	_, b := pageWorld(t)
	w := b.do(http.MethodPost, "/_person", url.Values{"person": {"carol"}, "back": {"/acme/incidents/issues?q=a"}})
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/acme/incidents/issues?q=a" || !strings.HasPrefix(w.Header().Get("Set-Cookie"), "person=carol; Path=/; HttpOnly") {
		t.Errorf("switching answers %d with %v", w.Code, w.Header())
	}
	if w := b.do(http.MethodPost, "/_person", url.Values{"person": {"acme"}}); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("acting as the organization gets %d", w.Code)
	}
	for _, back := range []string{"https://example.com/", "//example.com/", `/\example.com`, "javascript:alert(1)", ""} {
		if to := b.press("/_person", url.Values{"person": {"bob"}, "back": {back}}); to != "/" {
			t.Errorf("back %q leads to %q", back, to)
		}
	}
	has(t, b.page("/"), "<strong>10:41</strong>", `<option value="alice" selected>`)
	if to := b.press("/_clock", url.Values{"advance": {"20m"}, "back": {"/acme/incidents"}}); to != "/acme/incidents" {
		t.Errorf("the clock leads to %s", to)
	}
	has(t, b.page("/"), "<strong>11:01</strong>")
	if w := b.do(http.MethodPost, "/_clock", url.Values{"advance": {"-20m"}}); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("turning the clock back gets %d", w.Code)
	}
	// another site cannot press buttons here
	r := httptest.NewRequest(http.MethodPost, "/_clock", strings.NewReader("advance=20m"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "https://example.com")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	rec := httptest.NewRecorder()
	b.pages.ServeHTTP(rec, r)
	if rec.Code != http.StatusForbidden {
		t.Errorf("a form of another site gets %d", rec.Code)
	}
	if csp := b.do(http.MethodGet, "/", nil).Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "http") {
		t.Errorf("pages may load from elsewhere: %s", csp)
	}
	for _, asset := range []string{"/_assets/style.css", "/_assets/page.js"} {
		if content := b.page(asset); regexp.MustCompile(`(?:src|href|url\(|import|fetch\()\s*["'(]?https?://`).MatchString(content) {
			t.Errorf("%s loads from elsewhere", asset)
		}
	}
	if html := b.do(http.MethodPost, "/acme/incidents/preview", url.Values{"body": {"**a**"}}).Body.String(); html != "<p><strong>a</strong></p>\n" {
		t.Errorf("the preview is %q", html)
	}
}

// TestPagesReferences shows what a page says about other repositories: only what the reader may see.
func TestPagesReferences(t *testing.T) {
	f, b := pageWorld(t)
	b.openIssue("acme/incidents", "Secret incident", "")
	ours := b.openIssue("acme/customer-globex", "For globex", "")
	b.openIssue("acme/incidents", "Refers", "see acme/customer-globex#1")
	b.press(ours+"/comment", url.Values{"body": {"see acme/incidents#1 and #1"}, "comment": {"1"}})
	alice, _ := f.PersonActor("alice")
	if err := f.AddSubIssue(alice, repoNamed(t, f, "incidents").Issues[0], repoNamed(t, f, "customer-globex").Issues[0], false); err != nil {
		t.Fatal(err)
	}
	has(t, b.page(ours), `data-event="cross-referenced"`, "Secret incident", `href="/acme/incidents/issues/1"`, `data-event="parent-added"`)
	page := b.as("gina").page(ours)
	hasNot(t, page, "Secret incident", "Refers", `href="/acme/incidents`, `data-event="cross-referenced"`, `data-event="parent-added"`)
	has(t, page, `href="/acme/customer-globex/issues/1"`)
	has(t, b.page("/acme/incidents/issues/1"), `id="sub-issues"`, "0 of 1")
}

func TestPagesOutbox(t *testing.T) {
	f, b := pageWorld(t)
	has(t, b.page("/_outbox"), "Nothing has left yet")
	f.Outbox = append(f.Outbox, forge.OutboxEntry{Kind: "page", Channel: "pager", To: "incident-coordinators", Text: "P1 <b>down</b>", Key: "acme/incidents#1/0", At: f.Now(), Count: 2})
	has(t, b.page("/_outbox"), `data-kind="page" data-key="acme/incidents#1/0"`, "incident-coordinators", "P1 &lt;b&gt;down&lt;/b&gt;", `data-count="2"`, "sent 2 times")
	if w := b.do(http.MethodGet, "/_nothing", nil); w.Code != http.StatusNotFound {
		t.Errorf("an address of nothing answers %d", w.Code)
	}
}

func TestMoments(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for ago, want := range map[time.Duration]string{0: "now", 30 * time.Second: "30 seconds ago", time.Minute: "1 minute ago", 59 * time.Minute: "59 minutes ago", 3 * time.Hour: "3 hours ago", 25 * time.Hour: "yesterday", 72 * time.Hour: "3 days ago",
		8 * 24 * time.Hour: "last week", 40 * 24 * time.Hour: "on Oct 15", 400 * 24 * time.Hour: "on Oct 20, 2025", -time.Minute: "now"} {
		if got := (momentView{at: now.Add(-ago), now: now}).Ago(); got != want {
			t.Errorf("%v ago is %q, want %q", ago, got, want)
		}
	}
}

func TestDiffLines(t *testing.T) {
	lines := diffLines("@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n@@ -9,0 +10,1 @@\n+z\n\\ No newline at end of file", []forge.Annotation{{StartLine: 2, EndLine: 2, Message: "why"}})
	var got []string
	for _, l := range lines {
		got = append(got, l.Kind+l.Mark+":"+strconv.Itoa(l.Old)+":"+strconv.Itoa(l.New)+":"+l.Text+strings.Repeat("!", len(l.Notes)))
	}
	want := "hunk:0:0:@@ -1,3 +1,3 @@|same:1:1:a|del-:2:0:b|add+:0:2:B!|same:3:3:c|hunk:0:0:@@ -9,0 +10,1 @@|add+:0:10:z|same:0:0:\\ No newline at end of file"
	if strings.Join(got, "|") != want {
		t.Errorf("\n got %s\nwant %s", strings.Join(got, "|"), want)
	}
}
