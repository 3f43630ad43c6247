package main_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// The story of a freeze, in the browser: freeze, let the fix through, run the rollback, thaw (X4, X5). The picture of
// docs/freeze.md is made by -screenshots.
func TestBrowserFreeze(t *testing.T) {
	t.Parallel()
	w := open(t)
	const api, issue, repo = "/api/v3/repos/acme/payments", "/acme/incidents/issues/1", "/acme/payments"
	var tip struct{ Object struct{ SHA string } }
	status, said := request(t, "erin", "GET", w.demo.url+api+"/git/ref/heads/main", "")
	if err := json.Unmarshal([]byte(said), &tip); status != 200 || err != nil {
		t.Fatalf("%d %s", status, said)
	}
	for _, branch := range []string{"fix", "other"} {
		w.post("erin", api+"/git/refs", fmt.Sprintf(`{"ref":"refs/heads/%s","sha":%q}`, branch, tip.Object.SHA))
		if status, said := request(t, "erin", "PUT", w.demo.url+api+"/contents/"+branch+".txt",
			fmt.Sprintf(`{"message":%q,"branch":%q,"content":"eA=="}`, branch, branch)); status != 201 {
			t.Fatalf("%d %s", status, said)
		}
	}
	var pull struct{ Number int }
	_, said = request(t, "erin", "POST", w.demo.url+api+"/pulls", `{"title":"The fix","head":"fix","base":"main"}`)
	if err := json.Unmarshal([]byte(said), &pull); err != nil || pull.Number == 0 {
		t.Fatalf("%s", said)
	}
	w.post("alice", "/api/v3/repos/acme/incidents/issues", `{"title":"Payments restarts","body":"/incident critical"}`)
	w.says("alice", "/ic")
	w.become("alice")
	w.visit(issue)

	w.comment("/ic freeze acme/payments the rollback must not meet others")
	w.sees("#pinned", "GitHub refuses merges")
	w.comment(fmt.Sprintf("/ic let acme/payments#%d through because it is the fix", pull.Number))
	w.sees("#pinned", fmt.Sprintf("acme/payments#%d was let through", pull.Number))
	if status, said := request(t, "erin", "PUT", fmt.Sprintf("%s%s/pulls/%d/merge", w.demo.url, api, pull.Number), "{}"); status != 200 {
		t.Errorf("the fix is merged: %d %s", status, said)
	}
	w.comment("/oe run rollback version=v1.4.0 to=production")
	w.visit(repo + "/actions")
	w.leave(click(".end-run button[value=success]"))
	settle(t, w.demo.url)
	w.visit(issue)
	if *screenshots != "" {
		w.picture("freeze-story", chromedp.FullScreenshot(100))
	}
	w.comment("/ic thaw")
	w.comment("/ic thaw")
	w.visit(issue)
	if text := w.text("#pinned"); strings.Contains(text, "GitHub refuses merges") {
		t.Errorf("it is frozen still:\n%s", text)
	}
	w.visit(repo + "/rules")
	w.sees(".blank", "There is no ruleset")
}
