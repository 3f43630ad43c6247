package engine_test

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/mark"
)

// closed plays the story up to the open pull request.
func closed(t *testing.T) *world {
	w := newWorld(t)
	story := steps(whole(t))
	for _, s := range story[:len(story)-1] {
		w.step(s)
		w.settle()
	}
	return w
}

type pullView struct {
	Number int
	State  string
	Body   string
	Head   struct{ SHA, Ref string }
}

func (w *world) pullView() (v pullView) {
	w.t.Helper()
	w.ok("alice", "GET", fmt.Sprintf("/api/v3/repos/acme/incidents/pulls/%d", w.pull()), nil, &v)
	return v
}

// file reads the first file of the pull request whose name ends so.
func (w *world) file(suffix string) (name, sha, content string) {
	w.t.Helper()
	var files []struct{ Filename string }
	w.ok("alice", "GET", fmt.Sprintf("/api/v3/repos/acme/incidents/pulls/%d/files", w.pull()), nil, &files)
	for _, f := range files {
		if !strings.HasSuffix(f.Filename, suffix) {
			continue
		}
		var c struct{ SHA, Content string }
		w.ok("alice", "GET", "/api/v3/repos/acme/incidents/contents/"+f.Filename+"?ref=postmortem/1", nil, &c)
		text, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(c.Content, "\n", ""))
		if err != nil {
			w.t.Fatal(err)
		}
		return f.Filename, c.SHA, string(text)
	}
	w.t.Fatalf("no file ends with %s: %v", suffix, files)
	return "", "", ""
}

// edit writes the document as a person does.
func (w *world) edit(who string, change func(string) string) {
	w.t.Helper()
	name, sha, text := w.file(".md")
	w.ok(who, "PUT", "/api/v3/repos/acme/incidents/contents/"+name,
		map[string]string{"message": "Write it", "branch": "postmortem/1", "sha": sha,
			"content": base64.StdEncoding.EncodeToString([]byte(change(text)))}, nil)
	w.settle()
}

var prompt = regexp.MustCompile(`_Write here: [^_]*_`)

// fill answers every prompt; the customer's part with words of its own.
func fill(customer string) func(string) string {
	return func(text string) string {
		head, last, _ := strings.Cut(text, "## For the customer")
		return prompt.ReplaceAllString(head, "We wrote down what we know.") + "## For the customer" +
			prompt.ReplaceAllString(last, customer)
	}
}

func TestC3TheCheckFailsUntilTheDocumentIsWritten(t *testing.T) {
	w := closed(t)
	runs := w.checks(w.pullView().Head.SHA)
	if len(runs) != 1 || runs[0].Name != "postmortem" || runs[0].Conclusion != "failure" ||
		runs[0].Output.AnnotationsCount < 8 {
		t.Fatalf("the check says %+v", runs)
	}
	w.edit("alice", fill("On 2 March the API answered with errors for two hours. carol mended it."))
	if runs := w.checks(w.pullView().Head.SHA); runs[0].Conclusion != "failure" ||
		!strings.Contains(runs[0].Output.Summary, "carol is internal") {
		t.Errorf("with an internal name for the customer the check says %+v", runs)
	}
	w.edit("alice", func(text string) string { return strings.ReplaceAll(text, " carol mended it.", " We mended it.") })
	if runs := w.checks(w.pullView().Head.SHA); runs[0].Conclusion != "success" {
		t.Errorf("once it is written the check says %+v", runs)
	}
}

func TestC3CommandsAndReviewsOnThePullRequest(t *testing.T) {
	skipUnderRace(t)
	w := closed(t)
	w.edit("alice", func(text string) string {
		return strings.Replace(text, prompt.FindString(text), "A sentence that somebody wrote.", 1)
	})
	pull := fmt.Sprintf("/api/v3/repos/acme/incidents/issues/%d/comments", w.pull())
	w.ok("carol", "POST", pull,
		map[string]string{"body": "/ic followup acme/platform Rehearse the renewal @bob due:2026-04-01\n/incident note 10:35 The first customer called"}, nil)
	w.settle()
	var tickets []struct{ Title string }
	w.ok("bob", "GET", "/api/v3/repos/acme/platform/issues", nil, &tickets)
	if len(tickets) != 1 || !strings.Contains(tickets[0].Title, "Rehearse the renewal") {
		t.Errorf("the tickets are %+v", tickets)
	}
	_, _, text := w.file(".md")
	for _, want := range []string{"Rehearse the renewal", "The first customer called",
		"A sentence that somebody wrote."} {
		if !strings.Contains(text, want) {
			t.Errorf("the document lacks %q", want)
		}
	}
	if _, _, data := w.file(".json"); !strings.Contains(data, "Rehearse the renewal") ||
		!strings.Contains(data, `"version": 1`) {
		t.Error("the data beside it lack the follow-up")
	}
	w.ok("carol", "POST", pull, map[string]string{"body": "/ic phase identify"}, nil)
	w.settle()
	var comments []commentView
	w.ok("carol", "GET", pull, nil, &comments)
	if last := comments[len(comments)-1]; !strings.Contains(last.Body, "works in the incident's own issue") {
		t.Errorf("a command for the incident gets %q", last.Body)
	}
	review := fmt.Sprintf("/api/v3/repos/acme/incidents/pulls/%d/reviews", w.pull())
	w.ok("carol", "POST", review, map[string]string{"event": "REQUEST_CHANGES",
		"body": "What about the alert?"}, nil)
	w.settle()
	if card := w.card(); !strings.Contains(card, "**carol** asked for changes") {
		t.Errorf("the card says\n%s", card)
	}
	w.ok("carol", "POST", review, map[string]string{"event": "APPROVE"}, nil)
	w.settle()
	if card := w.card(); !strings.Contains(card, "approved by **carol**") ||
		strings.Contains(card, "asked for changes") {
		t.Errorf("the card says\n%s", card)
	}
	before := w.card()
	w.tell("alice deletes card")
	if card := w.card(); sorted(card) != sorted(before) { // what happened in the same second has no order
		t.Errorf("a lost card comes back as\n%s\nand was\n%s", card, before)
	}
}

// sorted returns a text's lines in order.
func sorted(text string) string {
	lines := strings.Split(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func TestC3ClosedWithoutMerging(t *testing.T) {
	w := closed(t)
	pull := fmt.Sprintf("/api/v3/repos/acme/incidents/pulls/%d", w.pull())
	w.ok("carol", "PATCH", pull, map[string]string{"state": "closed"}, nil)
	w.settle()
	if said := w.said("closed without merging"); len(said) != 1 &&
		len(w.said("was closed without merging, so the incident is not finished")) != 1 {
		t.Errorf("it says %q", said)
	}
	w.ok("carol", "PATCH", pull, map[string]string{"state": "open"}, nil)
	w.settle()
	if card := w.card(); !strings.Contains(card, "open for review") {
		t.Errorf("opened again, and the card says\n%s", card)
	}
}

// The customers get their part of the merged document, once, and nothing else leaves (A7).
func TestC3A7TheCustomersGetTheirVersion(t *testing.T) {
	w := closed(t)
	w.edit("alice", fill("On 2 March the API answered with errors for two hours. We renewed a certificate too late, and watch that now."))
	w.tell("carol merges")
	var theirs []commentView
	w.ok("gina", "GET", "/api/v3/repos/acme/customer-globex/issues/1/comments", nil, &theirs)
	if len(theirs) != 1 || !strings.Contains(theirs[0].Body, "We renewed a certificate too late") {
		t.Errorf("gina reads %+v", theirs)
	}
	mails := 0
	for _, e := range w.outbox() {
		if e.Kind != "announce" {
			continue
		}
		if strings.Contains(e.Text, "We renewed a certificate too late") {
			mails++
		}
		for _, name := range []string{"acme/incidents", "alice", "carol", "platform",
			"incident-coordinators"} {
			if strings.Contains(e.Text+e.Key, name) {
				t.Errorf("what a customer gets names %s: %+v", name, e)
			}
		}
	}
	if mails != 1 {
		t.Errorf("%d mails with the customer's version", mails)
	}
	for _, c := range theirs {
		if strings.Contains(c.Body, "incidents#") || strings.Contains(c.Body, "carol") {
			t.Errorf("gina reads %q", c.Body)
		}
	}
	if said := w.said("Thank you"); len(said) != 1 {
		t.Errorf("thanked %d times", len(said))
	}
	w.redeliver()
	w.settle()
	if n := len(w.outbox()); n != 1+2 {
		t.Errorf("the outbox holds %d, want a page and two mails", n)
	}
}

// What was merged although it names somebody of ours stays here (A7).
func TestA7AnInternalNameKeepsTheCustomersVersionBack(t *testing.T) {
	w := closed(t)
	w.edit("alice", fill("carol renewed the certificate too late."))
	w.tell("carol merges")
	var theirs []commentView
	w.ok("gina", "GET", "/api/v3/repos/acme/customer-globex/issues/1/comments", nil, &theirs)
	if len(theirs) != 0 || len(w.said("carol is internal")) != 1 {
		t.Errorf("gina reads %+v, and it says %q", theirs, w.said("did not get through"))
	}
}

// A repository's own template is used, and one that can't be used keeps nobody from closing.
func TestC2ATemplateOfTheRepositorysOwn(t *testing.T) {
	skipUnderRace(t)
	for name, c := range map[string]struct{ template, want string }{
		"good":    {"---\nid: x\n---\n# Our way: {{title}}\n", "# Our way: The API of globex is down"},
		"unknown": {"# {{NoSuchThing}}", "## For the customer"},
		// What anybody who writes to a repository could stop the product with for everybody, while
		// templates were programs.
		"a loop of 2^63": {"{{range 9223372036854775807}}{{end}}", "## For the customer"},
		"a doubling string": {`{{$s := "12345678"}}{{range 40}}{{$s = print $s $s}}{{end}}`,
			"## For the customer"},
		"a wide number": {`{{printf "%1000000000d" 1}}`, "## For the customer"},
		"a recursion": {`{{define "x"}}{{template "x"}}{{end}}{{template "x"}}`,
			"## For the customer"},
		"more than is taken": {strings.Repeat("words ", 12_000), "## For the customer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.ok("alice", "PUT", "/api/v3/repos/acme/incidents/contents/.github/firebreak/postmortem.md",
				map[string]string{
					"message": "Our template", "content": base64.StdEncoding.EncodeToString([]byte(c.template))}, nil)
			story := steps(whole(t))
			for _, s := range story[:len(story)-1] {
				w.step(s)
				w.settle()
			}
			if _, _, text := w.file(".md"); !strings.Contains(text, c.want) {
				t.Errorf("the document lacks %q:\n%s", c.want, text)
			}
			w.tell("carol: /ic postmortem")
			want := 1 // once, however often the document is written
			if name == "good" {
				want = 0
			}
			if told := w.said("I can't use the postmortem template"); len(told) != want {
				t.Errorf("it is told %d times: %q", len(told), told)
			}
		})
	}
}

// What people do with a follow-up's ticket shows on the card and in the document (C4).
func TestC4TicketsAreFollowed(t *testing.T) {
	w := closed(t)
	ticket := "/api/v3/repos/acme/payments/issues/1"
	w.ok("erin", "PATCH", ticket, map[string]string{"state": "closed"}, nil)
	w.settle()
	if card := w.card(); !strings.Contains(card, "follow-up acme/payments#1 is done") {
		t.Errorf("the card says\n%s", card)
	}
	w.ok("erin", "PATCH", ticket, map[string]string{"state": "open"}, nil)
	w.ok("erin", "POST", ticket+"/assignees", map[string][]string{"assignees": {"bob"}}, nil)
	w.ok("erin", "DELETE", ticket+"/assignees", map[string][]string{"assignees": {"erin"}}, nil)
	w.settle()
	if card := w.card(); !strings.Contains(card, "[acme/payments#1](") || !strings.Contains(card, " · **bob**") {
		t.Errorf("the card says\n%s", card)
	}
	if _, _, text := w.file(".md"); !strings.Contains(text, "bob") {
		t.Error("the document does not know the new owner")
	}
}

// Closing a long incident costs more by the pages of its timeline, and by nothing else (C2).
func TestC2ClosingGrowsByThePagesOfTheTimeline(t *testing.T) {
	skipUnderRace(t)
	closing := func(comments int) (calls []call) {
		w := newWorld(t)
		story := steps(whole(t))
		last := len(story) - 2 // /ic close
		for _, s := range story[:last] {
			w.step(s)
			w.settle()
		}
		for i := range comments {
			w.comment("bob", fmt.Sprintf("I see %d", i))
		}
		w.settle()
		w.calls()
		w.step(story[last])
		w.settle()
		return w.calls()
	}
	pages := 10
	if testing.Short() {
		pages = 3
	}
	few, many := closing(0), closing(100*pages)
	if more := len(many) - len(few); more < pages-1 || more > pages+1 {
		t.Errorf("%d calls without, %d with %d pages of comments", len(few), len(many), pages)
	}
	if writes(many) != writes(few) {
		t.Errorf("%d writes without, %d with %d pages of comments", writes(few), writes(many), pages)
	}
}

func TestReadMarks(t *testing.T) {
	ref := incident.Ref{Owner: "acme", Repo: "incidents", Number: 12}
	if got, n, ok := incident.ReadTicketMark("text\n" + incident.TicketMark(ref, 3) + "\n"); !ok ||
		got != ref || n != 3 {
		t.Errorf("a ticket's mark reads %v %d %t", got, n, ok)
	}
	if got, ok := incident.ReadPullMark("text\n" + mark.Mark{Kind: "postmortem", Text: ref.String()}.Line()); !ok || got != ref {
		t.Errorf("a pull request's mark reads %v %t", got, ok)
	}
	for _, bad := range []string{"", "<!-- firebreak:ticket x -->",
		"<!-- firebreak:ticket acme/incidents#1 -->", "<!-- firebreak:ticket acme/incidents#1/-1 -->", "<!-- firebreak:ticket acme/incidents#1/0"} {
		if _, _, ok := incident.ReadTicketMark(bad); ok {
			t.Errorf("%q is read as a mark", bad)
		}
	}
}

// What somebody did while they had access stays in the postmortem after they have lost it; what they were
// refused then is not in it.
func TestC2ThePostmortemKeepsWhatFormerRespondersDid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tell(strings.Replace(beforeClosing, declared, declared+"\nbob: /incident note The disk is full", 1))
	w.order(`{"match":"GET .*/collaborators/bob/permission$","status":404,"count":50}`)
	w.tell("wait 10m\nbob: /incident note Nobody should read this\nwait 10m\ncarol: /ic close")
	_, _, text := w.file(".md")
	if !strings.Contains(text, "The disk is full") || strings.Contains(text, "Nobody should read this") {
		t.Errorf("the postmortem says\n%s", text)
	}
}
