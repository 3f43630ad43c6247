package effects

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/postmortem"
)

// facts returns the facts of a look's postmortem.
func facts(l *look.Look) postmortem.Facts {
	f := postmortem.Facts{Ref: l.Ref, URL: l.Snapshot.URL, Title: l.Snapshot.Title,
		Author: l.Snapshot.Author, State: l.State,
		Policy: l.Policy, At: l.Now, Summary: "Logins fail."}
	for _, fu := range l.State.FollowUps {
		f.FollowUps = append(f.FollowUps, postmortem.FollowUp{FollowUp: fu, Title: "Add an alert"})
	}
	return f
}

func newTickets(l *look.Look, g *fakeGitHub) Tickets {
	return Tickets{Look: l, GitHub: g, Issues: Issues{Look: l, GitHub: g, Known: &KnownIssues{}},
		Comments: newComments(l, g),
		Facts:    func() (postmortem.Facts, error) { return facts(l), nil },
		IsNew:    func() bool { return false },
		Changed:  func(int) ([]incident.Fact, error) { return nil, nil }}
}

// withFollowUp adds to a look a follow-up for acme/shop.
func withFollowUp(l *look.Look) {
	l.Policy.Issues = true
	l.State.Phase = incident.Closing
	l.State.FollowUps = []incident.FollowUp{{Stamp: incident.Stamp{ID: "c9.0", By: "bob", At: now},
		Repo: "acme/shop", Owner: "erin"}}
}

func TestC4ATicketIsOpenedOnceInItsRepository(t *testing.T) {
	g, l := newFakeGitHub(), newLook(t)
	withFollowUp(l)
	ask(l, incident.OpenTicket{Index: 0})
	if err := newTickets(l, g).Open(); err != nil {
		t.Fatal(err)
	}
	g.wantCalls(t, "OpenIssue acme/shop", "AddSubIssue acme/shop 1")
	if got := l.State.FollowUps[0].Ticket; got != "acme/shop#1" {
		t.Errorf("the state says %q", got)
	}
	if i := g.issues["acme/shop"][0]; !slices.Equal(i.Assignees, []string{"erin"}) ||
		!slices.Equal(i.Labels, []string{"follow-up"}) {
		t.Errorf("opened %+v", i)
	}

	again := newLook(t) // the card was not written
	withFollowUp(again)
	ask(again, incident.OpenTicket{Index: 0})
	if err := newTickets(again, g).Open(); err != nil {
		t.Fatal(err)
	}
	g.wantCalls(t, "AddSubIssue acme/shop 1")
}

// Where no look before can have opened it, a ticket is opened without a call that looks for it.
func TestC4ATicketOfTheFirstClosingIsNotLookedFor(t *testing.T) {
	g, l := newFakeGitHub(), newLook(t)
	withFollowUp(l)
	ask(l, incident.OpenTicket{Index: 0})
	g.fail["FindIssue"] = errors.New("nobody should look")
	e := newTickets(l, g)
	e.IsNew = func() bool { return true }
	if err := e.Open(); err != nil {
		t.Fatal(err)
	}
	g.wantCalls(t, "OpenIssue acme/shop", "AddSubIssue acme/shop 1")
}

func TestA8ATicketOutOfReachIsOpenedHereAndMovedLater(t *testing.T) {
	g, l := newFakeGitHub(), newLook(t)
	withFollowUp(l)
	ask(l, incident.OpenTicket{Index: 0})
	g.fail["OpenIssue acme/shop"] = &ports.Refusal{Status: 404, Reason: "not found", NotInstalled: true,
		Err: errors.New("HTTP")}
	if err := newTickets(l, g).Open(); err != nil {
		t.Fatal(err)
	}
	own := g.issues["acme/incidents"]
	if len(own) != 1 || !strings.HasPrefix(own[0].Title, "acme/shop: ") ||
		l.State.FollowUps[0].Ticket != "acme/incidents#1" {
		t.Fatalf("opened %+v; the state says %+v", own, l.State.FollowUps)
	}

	delete(g.fail, "OpenIssue acme/shop")
	next := newLook(t)
	withFollowUp(next)
	next.State.FollowUps[0].Ticket = "acme/incidents#1"
	ask(next, incident.MoveTicket{Index: 0})
	g.calls = nil
	if err := newTickets(next, g).Move(); err != nil {
		t.Fatal(err)
	}
	g.wantCalls(t, "OpenIssue acme/shop", "AddSubIssue acme/shop 1", "PostComment acme/incidents#1",
		"SetOpen acme/incidents#1 false duplicate 0")
	if got := next.State.FollowUps[0].Ticket; got != "acme/shop#1" {
		t.Errorf("the state says %q", got)
	}
}

func TestC4AnOwnerIsRemindedInOneComment(t *testing.T) {
	g, l := newFakeGitHub(), newLook(t)
	withFollowUp(l)
	l.State.FollowUps[0].Ticket, l.State.FollowUps[0].TicketID = "acme/shop#1", 1
	ticket := incident.Ref{Owner: "acme", Repo: "shop", Number: 1}
	e := newTickets(l, g)
	for _, key := range []string{"nudge/0/1", "nudge/0/2"} {
		l.Effects = nil
		ask(l, incident.Nudge{Index: 0, Key: key, Say: incident.Say{Name: "follow-up-due",
			Line: "2026-03-04"}})
		if err := e.Nudge(); err != nil {
			t.Fatal(err)
		}
	}
	if got := g.texts(ticket); len(got) != 1 || !strings.Contains(got[0], "@erin") {
		t.Errorf("comments %q, calls %q", got, g.calls)
	}
}

func TestC4AnOwnerOfAClosedTicketIsNotReminded(t *testing.T) {
	g, l := newFakeGitHub(), newLook(t)
	withFollowUp(l)
	l.State.FollowUps[0].Ticket = "acme/shop#1"
	ask(l, incident.Nudge{Index: 0, Key: "nudge/0/1", Say: incident.Say{Name: "follow-up-due"}})
	e := newTickets(l, g)
	e.Changed = func(int) ([]incident.Fact, error) {
		return []incident.Fact{{At: now, What: incident.TicketChanged{Index: 0, Done: true}}}, nil
	}
	if err := e.Nudge(); err != nil {
		t.Fatal(err)
	}
	g.wantCalls(t)
}

func TestA4ALimitPutsAReminderOff(t *testing.T) {
	g, l := newFakeGitHub(), newLook(t)
	withFollowUp(l)
	l.State.FollowUps[0].Ticket = "acme/shop#1"
	g.fail["PostComment"] = limited(now.Add(time.Hour))
	ask(l, incident.Nudge{Index: 0, Key: "nudge/0/1", Say: incident.Say{Name: "follow-up-due"}})
	if err := newTickets(l, g).Nudge(); err != nil {
		t.Fatal(err)
	}
	if next := l.State.FollowUps[0].Next; next.Before(now.Add(time.Hour)) {
		t.Errorf("the next reminder is at %v", next)
	}
}

func TestC4ATicketFollowsItsOwner(t *testing.T) {
	g, l := newFakeGitHub(), newLook(t)
	withFollowUp(l)
	l.State.FollowUps[0].Ticket, l.State.FollowUps[0].Changed = "acme/shop#1", true
	ask(l, incident.ChangeTicket{Index: 0, Was: "bob"})
	if err := newTickets(l, g).Change(); err != nil {
		t.Fatal(err)
	}
	g.wantCalls(t, "ChangeTicket acme/shop#1 erin bob")
	if l.State.FollowUps[0].Changed {
		t.Error("the state still wants it")
	}
}

func newPostmortem(l *look.Look, g *fakeGitHub, p *fakePager) *Postmortem {
	return &Postmortem{Look: l, GitHub: g, Comments: newComments(l, g), Updates: newUpdates(l, g, p),
		Facts:           func() (postmortem.Facts, error) { return facts(l), nil },
		CanRespond:      func(login string) (bool, error) { return login != "mallory", nil },
		NoteChangedBack: func(string) {}}
}

// opened returns a look whose postmortem is open, and GitHub with its files.
func opened(t *testing.T) (*look.Look, *fakeGitHub) {
	t.Helper()
	g, l := newFakeGitHub(), newLook(t)
	withFollowUp(l)
	ask(l, incident.OpenDocument{})
	if err := newPostmortem(l, g, &fakePager{}).Open(); err != nil {
		t.Fatal(err)
	}
	l.Effects, l.Before = nil, l.State
	g.calls = nil
	return l, g
}

// addFollowUp adds a follow-up, which the document does not have yet.
func addFollowUp(l *look.Look, owner string) {
	stamp := incident.Stamp{ID: "c10.0", By: "bob", At: now}
	l.State.FollowUps = append(slices.Clone(l.State.FollowUps), incident.FollowUp{Stamp: stamp, Owner: owner})
}

// document returns the name and the content of the postmortem's document.
func document(g *fakeGitHub) (name, content string) {
	for name := range maps.Keys(g.files) {
		if strings.HasSuffix(name, ".md") {
			return name, g.files[name]
		}
	}
	return "", ""
}

func TestC2ThePostmortemAsksThoseForAReviewWhoKnow(t *testing.T) {
	g, l := newFakeGitHub(), newLook(t)
	l.State.Phase, l.Policy.Reviewers = incident.Closing, []string{"acme/sre", "@carol", "@dave"}
	ask(l, incident.OpenDocument{})
	if err := newPostmortem(l, g, &fakePager{}).Open(); err != nil {
		t.Fatal(err)
	}
	g.wantCalls(t, "OpenPullRequest "+incident.PostmortemBranch(ref)+" carol,bob,dave sre")
	if name, content := document(g); !strings.HasPrefix(name, "postmortems/") ||
		!strings.Contains(content, "Logins fail") || len(g.files) != 2 {
		t.Errorf("files %v", slices.Collect(maps.Keys(g.files)))
	}
	if l.State.Document.Number != 12 {
		t.Errorf("the state says %+v", l.State.Document)
	}
}

// What this look wrote is not read again: the check is said of it at once. What somebody pushed in between
// is another commit, and read.
func TestC3ANewPostmortemIsCheckedAsItWasWritten(t *testing.T) {
	g, l := newFakeGitHub(), newLook(t)
	withFollowUp(l)
	g.ground = ports.Ground{Repository: "R_1", Base: "main", Head: "h0"}
	g.fail["ReadFileAt"] = errors.New("nobody should read it")
	ask(l, incident.OpenDocument{})
	e := newPostmortem(l, g, &fakePager{})
	if err := e.Open(); err != nil {
		t.Fatal(err)
	}
	if err := e.Refresh(false); err != nil {
		t.Fatal(err)
	}
	g.wantCalls(t, "OpenPullRequest "+incident.PostmortemBranch(ref)+" carol,bob", "ReportCheck h1 false")
	if !g.checks[0].IsFirst {
		t.Errorf("the commit's first check is %+v", g.checks[0])
	}
	delete(g.fail, "ReadFileAt")
	e.PullRequest.Head = "h2"
	ask(l, incident.RefreshDocument{})
	if err := e.Refresh(false); err != nil {
		t.Fatal(err)
	}
	if last := g.checks[len(g.checks)-1]; last.Commit != "h2" || last.IsFirst {
		t.Errorf("the check after a push is %+v", last)
	}
}

func TestC3ARefreshKeepsWhatPeopleWroteAndChecksIt(t *testing.T) {
	l, g := opened(t)
	name, content := document(g)
	g.files[name] = content + "\nWhat people wrote.\n"
	addFollowUp(l, "frank")
	ask(l, incident.RefreshDocument{})
	if err := newPostmortem(l, g, &fakePager{}).Refresh(false); err != nil {
		t.Fatal(err)
	}
	if got := g.files[name]; !strings.Contains(got, "frank") || !strings.Contains(got, "What people wrote.") {
		t.Errorf("the document says:\n%s", got)
	}
	g.wantCalls(t, "ReadPullRequest", "WriteFiles h1", "ReportCheck h1' false")
	if run := g.checks[0]; len(run.Notes) == 0 || run.Notes[0].Path != name {
		t.Errorf("check %+v", run)
	}
}

func TestC3APushMeanwhileIsNoLoss(t *testing.T) {
	l, g := opened(t)
	g.moveOnce = "h2"
	addFollowUp(l, "frank")
	ask(l, incident.RefreshDocument{})
	if err := newPostmortem(l, g, &fakePager{}).Refresh(false); err != nil {
		t.Fatal(err)
	}
	g.wantCalls(t, "ReadPullRequest", "WriteFiles h1", "WriteFiles h2", "ReportCheck h2' false")
}

// GitHub takes a write on the newest commit alone, and its reads may not have that yet: it is waited for, and nobody is
// told of a refusal.
func TestC3ACommitThatIsNotShownYetIsWaitedFor(t *testing.T) {
	l, g := opened(t)
	g.isBehind = true
	addFollowUp(l, "frank")
	ask(l, incident.RefreshDocument{})
	err := newPostmortem(l, g, &fakePager{}).Refresh(false)
	var later *ports.RetryAfter
	if !errors.As(err, &later) || !errors.Is(err, ports.ErrNotYet) || len(l.State.Refused) > 0 {
		t.Errorf("%v, refused %v", err, l.State.Refused)
	}
}

func TestC3TheTableOfFollowUpsIsReadBack(t *testing.T) {
	for name, c := range map[string]struct{ owner, want, problem string }{
		"somebody who may respond":  {"@dave", "dave", ""},
		"somebody who may not":      {"@mallory", "erin", "may not respond"},
		"no name that there can be": {"the team", "erin", "is not a name on GitHub"},
	} {
		t.Run(name, func(t *testing.T) {
			l, g := opened(t)
			file, content := document(g)
			if !strings.Contains(content, "erin") {
				t.Fatalf("no owner in\n%s", content)
			}
			row := content[strings.Index(content, "Add an alert"):]
			changed := strings.Replace(row, "@erin", c.owner, 1)
			if changed == row {
				changed = strings.Replace(row, "erin", strings.TrimPrefix(c.owner, "@"), 1)
			}
			g.files[file] = strings.Replace(content, row, changed, 1)
			if err := newPostmortem(l, g, &fakePager{}).Refresh(true); err != nil {
				t.Fatal(err)
			}
			if got := l.State.FollowUps[0].Owner; got != c.want {
				t.Errorf("owner %q", got)
			}
			says := slices.ContainsFunc(g.checks[0].Notes,
				func(n ports.Note) bool { return strings.Contains(n.Text, c.problem) })
			if c.problem != "" && !says {
				t.Errorf("the check says %+v", g.checks[0].Notes)
			}
		})
	}
}

// merged returns a look whose postmortem was merged with a part for the customers.
func merged(t *testing.T, text string) (*look.Look, *fakeGitHub) {
	t.Helper()
	l, g := opened(t)
	name, content := document(g)
	start := strings.Index(content, "## For the customer")
	if start < 0 {
		t.Fatalf("no part for the customers in\n%s", content)
	}
	line := start + strings.Index(content[start:], "\n") + 1
	end := len(content)
	if next := strings.Index(content[line:], "\n## "); next >= 0 {
		end = line + next
	}
	g.files[name] = content[:line] + "\n" + text + "\n" + content[end:]
	l.State.Document.Owed, l.State.Document.Merged = true, &incident.Stamp{By: "carol", At: now}
	l.Policy.Customers[0].Channels = []incident.Channel{{Kind: "email", To: "ops@globex.test"}}
	ask(l, incident.AnnounceDocument{Key: "document/12", Customers: []string{"globex"}})
	return l, g
}

func TestC3TheCustomersGetTheirVersionOnce(t *testing.T) {
	l, g := merged(t, "Logins failed for ten minutes.")
	p := &fakePager{}
	e := newPostmortem(l, g, p)
	for range 2 {
		if err := e.Deliver(); err != nil {
			t.Fatal(err)
		}
	}
	if len(p.texts) != 1 || !strings.Contains(p.texts[0].Text, "Logins failed") || l.State.Document.Owed {
		t.Errorf("announcements %+v; owed: %t", p.texts, l.State.Document.Owed)
	}
}

func TestA7AnInternalNameKeepsTheCustomersVersionBackHere(t *testing.T) {
	l, g := merged(t, "bob restarted acme/incidents.")
	p := &fakePager{}
	if err := newPostmortem(l, g, p).Deliver(); err != nil {
		t.Fatal(err)
	}
	if len(p.texts) != 0 || len(l.Effects) < 2 {
		t.Errorf("announcements %+v, effects %+v", p.texts, l.Effects)
	}
}

func TestA2ADocumentThatAnAutomatonChangesBackIsLeft(t *testing.T) {
	l, g := opened(t)
	l.State.Contested = incident.Contests{{What: incident.ContestPostmortem, By: "formatter[bot]",
		Left: true, RemindedAt: now}}
	addFollowUp(l, "frank")
	name, before := document(g)
	ask(l, incident.RefreshDocument{})
	if err := newPostmortem(l, g, &fakePager{}).Refresh(false); err != nil {
		t.Fatal(err)
	}
	if g.files[name] != before || slices.ContainsFunc(g.calls,
		func(c string) bool { return strings.HasPrefix(c, "WriteFiles") }) {
		t.Errorf("calls %q", g.calls)
	}
}
