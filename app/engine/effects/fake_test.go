package effects

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/delivery"
	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/mark"
	"github.com/firebreak-dev/firebreak/app/metrics"
)

var (
	now  = time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)
	ref  = incident.Ref{Owner: "acme", Repo: "incidents", Number: 7}
	keys = mark.Keys{[]byte("a key of the tests")}
)

// fakeGitHub is GitHub in memory, as the effects see it. It answers calls in the order in which
// they come, and notes each.
type fakeGitHub struct {
	calls []string
	fail  map[string]error // by call's name; it is returned each time

	comments map[incident.Ref][]fakeComment
	issues   map[string][]ports.NewIssue // by repository
	tickets  map[incident.Ref]ports.Ticket
	files    map[string]string // of the pull request
	checks   []ports.CheckRun
	pull     ports.Pull
	ground   ports.Ground
	cannot   []string // who can't be assigned
	budget   ports.RateBudget
	moveOnce string // the head that the next write finds in place of the one it knows
	isBehind bool   // reads don't show the head that writes find
	lastID   int64
}

type fakeComment struct {
	id   int64
	body string
}

func newFakeGitHub() *fakeGitHub {
	return &fakeGitHub{
		fail: map[string]error{}, comments: map[incident.Ref][]fakeComment{}, issues: map[string][]ports.NewIssue{},
		tickets: map[incident.Ref]ports.Ticket{}, files: map[string]string{},
	}
}

// call notes a call and returns the error that it is to fail with.
func (g *fakeGitHub) call(name string, args ...any) error {
	g.calls = append(g.calls, strings.TrimSpace(name+" "+strings.TrimSuffix(fmt.Sprintln(args...), "\n")))
	return g.fail[name]
}

func (g *fakeGitHub) AddLabels(_ context.Context, _ incident.Ref, labels []string) error {
	return g.call("AddLabels", strings.Join(labels, ","))
}

func (g *fakeGitHub) RemoveLabel(_ context.Context, _ incident.Ref, label string) error {
	return g.call("RemoveLabel", label)
}

func (g *fakeGitHub) Assign(_ context.Context, _ incident.Ref, logins []string) ([]string, error) {
	err := g.call("Assign", strings.Join(logins, ","))
	return slices.DeleteFunc(slices.Clone(logins),
		func(l string) bool { return slices.Contains(g.cannot, l) }), err
}

func (g *fakeGitHub) Unassign(_ context.Context, _ incident.Ref, logins []string) error {
	return g.call("Unassign", strings.Join(logins, ","))
}

func (g *fakeGitHub) SetOpen(_ context.Context, r incident.Ref, open bool, reason string,
	duplicate int64) error {
	return g.call("SetOpen", r, open, reason, duplicate)
}

func (g *fakeGitHub) EditIssue(_ context.Context, r incident.Ref, edit ports.IssueEdit) error {
	return g.call("EditIssue", r, edit.State)
}

func (g *fakeGitHub) PostComment(_ context.Context, r incident.Ref, body string) (int64, error) {
	if err := g.call("PostComment", r); err != nil {
		return 0, err
	}
	g.lastID++
	g.comments[r] = append(g.comments[r], fakeComment{g.lastID, body})
	return g.lastID, nil
}

func (g *fakeGitHub) EditComment(_ context.Context, r incident.Ref, id int64, body string) error {
	if err := g.call("EditComment", id); err != nil {
		return err
	}
	for i, c := range g.comments[r] {
		if c.id == id {
			g.comments[r][i].body = body
		}
	}
	return nil
}

func (g *fakeGitHub) DeleteComment(_ context.Context, r incident.Ref, id int64) error {
	g.comments[r] = slices.DeleteFunc(g.comments[r], func(c fakeComment) bool { return c.id == id })
	return g.call("DeleteComment", id)
}

func (g *fakeGitHub) CommentOnce(ctx context.Context, r incident.Ref, once ports.Once,
	body string) (int64, error) {
	for _, c := range g.comments[r] {
		if once.Is(ports.Written{Body: c.body, IsComment: true, Created: now, Updated: now}) {
			return c.id, nil
		}
	}
	return g.PostComment(ctx, r, body)
}

func (g *fakeGitHub) CommentOnPull(ctx context.Context, r incident.Ref, once ports.Once,
	body string) (int64, error) {
	return g.CommentOnce(ctx, r, once, body)
}

func (g *fakeGitHub) HasReacted(context.Context, incident.Ref, int64, string) (bool, error) {
	return false, g.call("HasReacted")
}

func (g *fakeGitHub) AddReaction(_ context.Context, _ incident.Ref, comment int64, content string) error {
	return g.call("AddReaction", comment, content)
}

func (g *fakeGitHub) RateBudget(incident.Ref) ports.RateBudget { return g.budget }

func (g *fakeGitHub) FindIssue(_ context.Context, repo string, is ports.IsMarked, _ time.Time) (int, int64,
	error) {
	if err := g.fail["FindIssue"]; err != nil {
		return 0, 0, err
	}
	for i, n := range g.issues[repo] {
		if is(ports.Written{Body: n.Body, Created: now, Updated: now}) {
			return i + 1, int64(i + 1), nil
		}
	}
	return 0, 0, nil
}

func (g *fakeGitHub) OpenIssue(_ context.Context, repo string, i ports.NewIssue) (int, int64, error) {
	if err := g.call("OpenIssue", repo); err != nil {
		return 0, 0, err
	}
	if err := g.fail["OpenIssue "+repo]; err != nil {
		return 0, 0, err
	}
	g.issues[repo] = append(g.issues[repo], i)
	return len(g.issues[repo]), int64(len(g.issues[repo])), nil
}

func (g *fakeGitHub) ReadTicket(_ context.Context, r incident.Ref) (ports.Ticket, error) {
	err := g.call("ReadTicket", r)
	t, ok := g.tickets[r]
	if !ok {
		t = ports.Ticket{Ref: r, ID: int64(r.Number), Open: true}
	}
	return t, err
}

func (g *fakeGitHub) AddSubIssue(_ context.Context, _ incident.Ref, repo string, id int64) error {
	return g.call("AddSubIssue", repo, id)
}

func (g *fakeGitHub) ChangeTicket(_ context.Context, r incident.Ref, _ func(string) string, owner,
	before string) error {
	return g.call("ChangeTicket", r, owner, before)
}

func (g *fakeGitHub) PrepareDocument(context.Context, incident.Ref, string, string) (ports.Ground, error) {
	return g.ground, g.fail["PrepareDocument"]
}

func (g *fakeGitHub) OpenPullRequest(_ context.Context, _ incident.Ref, p ports.Publication) (ports.OpenedPull, error) {
	if err := g.call("OpenPullRequest", p.Branch, strings.Join(p.Reviewers, ","),
		strings.Join(p.Teams, ",")); err != nil {
		return ports.OpenedPull{}, err
	}
	for name, content := range p.Files {
		g.files[name] = content
	}
	g.pull = ports.Pull{Branch: p.Branch, Head: "h1", Base: "main", Open: true, ByApp: true}
	if p.Ground != (ports.Ground{}) {
		return ports.OpenedPull{Number: 12, Commit: "h1", Base: "main"}, nil
	}
	return ports.OpenedPull{Number: 12}, nil
}

func (g *fakeGitHub) ReadPullRequest(context.Context, incident.Ref, int) (ports.Pull, error) {
	return g.pull, g.call("ReadPullRequest")
}

func (g *fakeGitHub) ReadFileAt(_ context.Context, _ incident.Ref, path, _ string) ([]byte, bool, error) {
	content, ok := g.files[path]
	return []byte(content), ok, g.fail["ReadFileAt"]
}

func (g *fakeGitHub) WriteFiles(_ context.Context, _ incident.Ref, _, head, _ string,
	files map[string]string) (string, error) {
	if err := g.call("WriteFiles", head); err != nil {
		return "", err
	}
	if g.isBehind {
		return "", &ports.Moved{Head: head, Err: &ports.Refusal{Status: 422, Reason: "not a fast forward"}}
	}
	if moved := g.moveOnce; moved != "" && head != moved {
		return "", &ports.Moved{Head: moved, Err: errors.New("not a fast forward")}
	}
	for name, content := range files {
		g.files[name] = content
	}
	return head + "'", nil
}

func (g *fakeGitHub) FindDocument(_ context.Context, _ incident.Ref, folder, prefix, _ string) (string,
	error) {
	for name := range g.files {
		if strings.HasPrefix(name, folder+"/"+prefix) && strings.HasSuffix(name, ".md") {
			return name, nil
		}
	}
	return "", nil
}

func (g *fakeGitHub) ReportCheck(_ context.Context, _ incident.Ref, c ports.CheckRun) error {
	g.checks = append(g.checks, c)
	return g.call("ReportCheck", c.Commit, c.Passed)
}

// fakePager notes pages and announcements.
type fakePager struct {
	pages []ports.Page
	texts []ports.Announcement
	fail  map[string]error // by service or channel
}

func (p *fakePager) Page(_ context.Context, page ports.Page) error {
	p.pages = append(p.pages, page)
	return p.fail[page.Service.Kind]
}

func (p *fakePager) Announce(_ context.Context, a ports.Announcement) error {
	p.texts = append(p.texts, a)
	return p.fail[a.Channel.Kind]
}

// noRecent knows of no comment that the timeline does not show, unless one is in doubt.
type noRecent struct {
	doubt error
	ids   []int64
}

func (n *noRecent) AwaitDoubted([]string) error          { return n.doubt }
func (n *noRecent) RememberComment(id int64, _ []string) { n.ids = append(n.ids, id) }
func (n *noRecent) ForgetComment([]string)               { n.ids = append(n.ids, forgotten) }

// forgotten is what noRecent notes in place of a comment's id once it is forgotten.
const forgotten = -1

type clockAt time.Time

func (c clockAt) Now() time.Time { return time.Time(c) }

type fixedClock struct{}

func (fixedClock) Now() time.Time { return now }

// newLook returns a look at a critical incident that alice declared, with carol as coordinator and
// bob as engineer.
func newLook(t *testing.T, items ...ports.Item) *look.Look {
	t.Helper()
	l := &look.Look{
		Ctx: t.Context(), Ref: ref, Now: now, Policy: incident.DefaultPolicy(), Posted: map[string]int64{},
		Snapshot: &ports.Snapshot{Ref: ref, ID: 70, Title: "Logins fail",
			URL:    "https://github.test/acme/incidents/issues/7",
			Author: "alice", Created: now.Add(-10 * time.Minute), Open: true, Items: items},
		Logger: slog.New(slog.DiscardHandler), Metrics: metrics.Discard{}, Clock: fixedClock{}, Keys: keys,
		SignedSince: func(context.Context) time.Time { return time.Time{} },
	}
	at := l.Snapshot.Created
	alice := incident.Person{Login: "alice", Respond: true}
	l.Step(incident.Fact{ID: "opened", At: at, By: alice, Titled: true,
		What: incident.Opened{Source: "form", Severity: "critical", Customers: []string{"globex"}}})
	l.State.Paging.Next = time.Time{} // carol answered
	l.State.IC, l.State.OEs, l.State.Customers = "carol", []string{"bob"}, []string{"globex"}
	l.Policy.Customers = []incident.Customer{{Name: "globex"}}
	l.Before, l.Effects = l.State, nil
	return l
}

// ask adds what the core would ask for.
func ask(l *look.Look, effects ...incident.Effect) { l.Effects = append(l.Effects, effects...) }

// refusal is how GitHub refuses for good.
func refusal(status int) error {
	return &ports.Refusal{Status: status, Reason: "it must not", Err: errors.New("HTTP")}
}

// limited is how GitHub's limits hold a call back until a time.
func limited(until time.Time) error { return &ports.RetryAfter{Until: until, Err: ports.ErrLimited} }

func newComments(l *look.Look, g *fakeGitHub) Comments {
	return Comments{Look: l, GitHub: g, Recent: &noRecent{}, Issues: Issues{Look: l, GitHub: g, Known: &KnownIssues{}}}
}

func newLog() *delivery.Log {
	return &delivery.Log{Clock: fixedClock{}, Logger: slog.New(slog.DiscardHandler)}
}

// wantCalls fails the test unless the calls since the last check are these.
func (g *fakeGitHub) wantCalls(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(g.calls, want) {
		t.Errorf("GitHub is asked %q, want %q", g.calls, want)
	}
	g.calls = nil
}

// texts returns the comments of an issue.
func (g *fakeGitHub) texts(r incident.Ref) (all []string) {
	for _, c := range g.comments[r] {
		text, _, _ := strings.Cut(c.body, "\n")
		all = append(all, text)
	}
	return all
}
