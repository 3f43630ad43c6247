package effects

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/delivery"
	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/mark"
)

func newPages(l *look.Look, g *fakeGitHub, p *fakePager, log *delivery.Log) *Pages {
	return &Pages{Look: l, Comments: newComments(l, g), Pager: p, Deliveries: log,
		MailTag: func(incident.Ref) string { return "tag" }, CountPage: func(string, string, string,
			error) {
		}}
}

// page pages the coordinators by services.
func page(n string, at time.Time, by ...string) incident.Send {
	return incident.Send{Key: "page/" + n, At: at, To: []string{"incident-coordinators"}, By: by,
		Why: "asked", Asker: "alice"}
}

func TestI5APageGoesOutsideFirstAndIsMentionedOnce(t *testing.T) {
	g, p, l, log := newFakeGitHub(), &fakePager{}, newLook(t), newLog()
	ask(l, page("1", now, "pagerduty", "github"))
	e := newPages(l, g, p, log)
	for range 2 {
		if err := e.Apply(); err != nil {
			t.Fatal(err)
		}
	}
	if len(p.pages) != 1 || p.pages[0].Key != "acme/incidents#7/page/1" ||
		!strings.HasSuffix(p.pages[0].Title, "globex: Logins fail") {
		t.Errorf("pages %+v", p.pages)
	}
	if got := g.texts(ref); len(got) != 1 || !strings.Contains(g.comments[ref][0].body,
		"@acme/incident-coordinators") {
		t.Errorf("comments %q", got)
	}

	again := newLook(t) // a look that is made again: the first one crashed before the card
	ask(again, page("1", now, "pagerduty"))
	if err := newPages(again, g, p, log).Apply(); err != nil || len(p.pages) != 1 {
		t.Errorf("%v, %d pages", err, len(p.pages))
	}
}

// A look that was broken off after a page may come to other pages when it is made again, and give its
// number to one of another time: nothing may take them for the same.
func TestA4ANumberThatIsGivenAgainIsAnotherPage(t *testing.T) {
	g, p, log := newFakeGitHub(), &fakePager{}, newLog()
	later := now.Add(15 * time.Minute)
	var got []string
	posted := map[string]int64{}
	for _, at := range []time.Time{now, later, now, later} {
		l := newLook(t)
		l.Posted = posted
		ask(l, page("4", at, "pagerduty", "github"))
		if err := newPages(l, g, p, log).Apply(); err != nil {
			t.Fatal(err)
		}
	}
	for _, sent := range p.pages {
		got = append(got, sent.Key)
	}
	want := []string{"acme/incidents#7/page/4", TimedKey("acme/incidents#7/page/4", later)}
	if !slices.Equal(got, want) || len(g.texts(ref)) != 2 {
		t.Errorf("paged %q, not %q; said %q", got, want, g.texts(ref))
	}
}

// What a refused mention leads to is due at the same time whenever the look is made again.
func TestA4ARefusedMentionFailedWhenItDidFirst(t *testing.T) {
	g, log := newFakeGitHub(), newLog()
	g.fail["PostComment"] = refusal(403)
	var next []time.Time
	for _, at := range []time.Time{now, now.Add(time.Minute)} {
		l := newLook(t)
		l.Now = at
		log.Clock = clockAt(at)
		l.Policy.Escalation = []incident.EscalationStep{{To: []string{"incident-coordinators"}}}
		l.State.Paging = incident.Paging{Pages: []incident.Page{{Key: "page/1", At: now, Why: "team",
			By: []string{"github"}}}, Next: now.Add(time.Hour)}
		ask(l, incident.Send{Key: "page/1", At: now, To: []string{"incident-coordinators"},
			By: []string{"github"}, Why: "team"})
		if err := newPages(l, g, &fakePager{}, log).Apply(); err != nil {
			t.Fatal(err)
		}
		next = append(next, l.State.Paging.Next)
	}
	if want := now.Add(5 * time.Minute); !next[0].Equal(want) || !next[1].Equal(want) {
		t.Errorf("the step after the next is due at %v", next)
	}
}

func TestI5APageThatFailsIsReportedAndTriedAgain(t *testing.T) {
	g, p, l, log := newFakeGitHub(), &fakePager{fail: map[string]error{"pagerduty": errors.New("HTTP 500\nand more")}}, newLook(t), newLog()
	ask(l, page("1", now, "pagerduty"))
	l.State.Paging.Pages = []incident.Page{{Key: "page/1", At: now}}
	if err := newPages(l, g, p, log).Apply(); err != nil {
		t.Fatal(err)
	}
	if failed := l.State.Paging.Pages[0]; !strings.Contains(failed.Failed, "HTTP 500") ||
		strings.Contains(failed.Failed, "and more") {
		t.Errorf("the state says %+v", failed)
	}

	p.fail = nil
	again := newLook(t)
	ask(again, page("1", now, "pagerduty"))
	if err := newPages(again, g, p, log).Apply(); err != nil || len(p.pages) != 2 {
		t.Errorf("%v, %d pages", err, len(p.pages))
	}
}

func TestI5ALatePageThatIsAnsweredIsSkipped(t *testing.T) {
	g, p, l := newFakeGitHub(), &fakePager{}, newLook(t)
	late := page("1", now.Add(-5*time.Minute), "pagerduty")
	late.Why = "team" // carol has the role by now
	ask(l, late)
	if err := newPages(l, g, p, newLog()).Apply(); err != nil {
		t.Fatal(err)
	}
	if len(p.pages) != 0 || len(g.calls) != 0 {
		t.Errorf("pages %v, calls %v", p.pages, g.calls)
	}
}

func TestI5OfTwoLatePagesToTheSamePeopleTheNewerGoesOut(t *testing.T) {
	g, p, l := newFakeGitHub(), &fakePager{}, newLook(t)
	first, second := page("1", now.Add(-time.Minute), "pagerduty"), page("2", now, "pagerduty")
	first.Why, second.Why = "update", "update"
	l.State.Updates.Overdue = true
	ask(l, first, second)
	if err := newPages(l, g, p, newLog()).Apply(); err != nil {
		t.Fatal(err)
	}
	if len(p.pages) != 1 || !strings.HasSuffix(p.pages[0].Key, "/page/2") {
		t.Errorf("pages %+v", p.pages)
	}
}

func TestA8AMentionThatGitHubRefusesIsAFailedPage(t *testing.T) {
	g, l := newFakeGitHub(), newLook(t)
	g.fail["PostComment"] = refusal(403)
	ask(l, page("1", now, "github"))
	l.State.Paging.Pages = []incident.Page{{Key: "page/1", At: now}}
	if err := newPages(l, g, &fakePager{}, newLog()).Apply(); err != nil {
		t.Fatal(err)
	}
	if l.State.Paging.Pages[0].Failed == "" {
		t.Errorf("the state says %+v", l.State.Paging.Pages[0])
	}
}

func TestI5WhileGitHubIsOutPagesGoOutsideOnlyWithTheirTime(t *testing.T) {
	g, p, l := newFakeGitHub(), &fakePager{}, newLook(t)
	ask(l, page("1", now, "pagerduty", "github"), page("2", now, "slack"))
	e := newPages(l, g, p, newLog())
	e.IsOffline = true
	if got := e.Owed(); len(got) != 2 {
		t.Errorf("owed %v", got)
	}
	e.SendOutside(func(s incident.Send) bool { return s.Key == "page/1" })
	g.wantCalls(t)
	if len(p.pages) != 1 || p.pages[0].Key != TimedKey("acme/incidents#7/page/1", now) {
		t.Errorf("pages %+v", p.pages)
	}
}

func TestI5WithoutAPagerAPageFails(t *testing.T) {
	l := newLook(t)
	ask(l, page("1", now, "pagerduty"))
	l.State.Paging.Pages = []incident.Page{{Key: "page/1", At: now}}
	e := newPages(l, newFakeGitHub(), nil, newLog())
	e.Pager = nil
	if err := e.Apply(); err != nil || l.State.Paging.Pages[0].Failed == "" {
		t.Errorf("%v; the state says %+v", err, l.State.Paging.Pages[0])
	}
}

func newUpdates(l *look.Look, g *fakeGitHub, p *fakePager) Updates {
	return Updates{Look: l, GitHub: g, Issues: Issues{Look: l, GitHub: g, Known: &KnownIssues{}},
		Announcer:  p,
		Deliveries: newLog(), MailTag: func(incident.Ref) string { return "tag" },
		TextOf: func(string) (string, error) { return "We are on it.", nil }}
}

// update is a customer update.
func update(fact, text string) incident.Announce {
	return incident.Announce{Fact: fact, At: now, Customers: []string{"globex"}, Text: text}
}

func TestA7OnlyTheTextReachesTheCustomersIssue(t *testing.T) {
	g, l := newFakeGitHub(), newLook(t)
	l.Policy.Customers[0].Channels = []incident.Channel{{Kind: "issue", To: "globex/shared"}}
	e := newUpdates(l, g, &fakePager{})
	ask(l, update("c5.0", "We are on it."), update("c6.0", "It works again."))
	if err := e.Apply(); err != nil {
		t.Fatal(err)
	}
	g.wantCalls(t, "OpenIssue globex/shared", "PostComment globex/shared#1")
	opened := g.issues["globex/shared"]
	all := opened[0].Title + opened[0].Body + g.comments[incident.Ref{Owner: "globex", Repo: "shared",
		Number: 1}][0].body
	if len(opened) != 1 || strings.Contains(all, "acme") || strings.Contains(all, "incidents") {
		t.Errorf("opened %+v", opened)
	}

	again := newLook(t) // the card was not written
	again.Policy, again.IsRebuilt = l.Policy, true
	ask(again, update("c5.0", "We are on it."), update("c6.0", "It works again."))
	if err := newUpdates(again, g, &fakePager{}).Apply(); err != nil {
		t.Fatal(err)
	}
	g.wantCalls(t)
}

func TestV3AChannelThatFailsKeepsTheUpdateFromNoOther(t *testing.T) {
	g, l := newFakeGitHub(), newLook(t)
	l.Policy.Customers[0].Channels = []incident.Channel{{Kind: "email", To: "ops@globex.test"},
		{Kind: "slack", To: "C1"}}
	p := &fakePager{fail: map[string]error{"email": errors.New("no such mailbox")}}
	ask(l, update("c5.0", "We are on it."))
	if err := newUpdates(l, g, p).Apply(); err != nil {
		t.Fatal(err)
	}
	if len(p.texts) != 2 || p.texts[1].Text != "We are on it." || p.texts[1].Tag != "tag" {
		t.Errorf("announcements %+v", p.texts)
	}
	if !slices.ContainsFunc(l.Effects,
		func(e incident.Effect) bool { r, ok := e.(incident.Remind); return ok && r.Say.Name != "" }) {
		t.Errorf("nobody hears that globex was not reached by mail: %+v", l.Effects)
	}
}

func TestA8AnIssueThatGitHubRefusesIsSharedLater(t *testing.T) {
	g, l := newFakeGitHub(), newLook(t)
	l.Policy.Customers[0].Channels = []incident.Channel{{Kind: "issue", To: "globex/shared"}}
	g.fail["OpenIssue"] = refusal(403)
	ask(l, update("c5.0", "We are on it."))
	if err := newUpdates(l, g, &fakePager{}).Apply(); err != nil {
		t.Fatal(err)
	}
	if !l.State.IsRefused(incident.UpdateEffect("globex")) {
		t.Errorf("refused: %v", l.State.Refused)
	}
}

// An update that is told once its incident is over opens an issue that is closed afterwards: what it
// says of the end was not told yet.
func TestV6AnIssueThatIsOpenedAfterTheEndIsClosed(t *testing.T) {
	for _, outcome := range []incident.Outcome{incident.Duplicated, incident.Declined} {
		g, l := newFakeGitHub(), newLook(t)
		l.Policy.Customers[0].Channels = []incident.Channel{{Kind: "issue", To: "globex/shared"}}
		l.State.Outcome, l.State.Closed = outcome, &incident.Stamp{At: now}
		ask(l, update("c5.0", "We are on it."))
		if err := newUpdates(l, g, &fakePager{}).Apply(); err != nil {
			t.Fatal(err)
		}
		if l.State.Updates.Shared[0].Status != "" || !l.State.Updates.Shared[0].Owed {
			t.Errorf("%s: %+v", outcome, l.State.Updates.Shared)
		}
	}
}

func TestA7NothingIsWrittenIntoAnIssueThatTookTheName(t *testing.T) {
	g, l := newFakeGitHub(), newLook(t)
	shared := incident.Ref{Owner: "globex", Repo: "shared", Number: 4}
	g.tickets[shared] = ports.Ticket{Ref: shared, ID: 99}
	l.Policy.Customers[0].Channels = []incident.Channel{{Kind: "issue", To: "globex/shared"}}
	l.State.Updates.Shared = []incident.Shared{{Customer: "globex", Issue: shared.String(), ID: 4}}
	ask(l, update("c5.0", "We are on it."))
	if err := newUpdates(l, g, &fakePager{}).Apply(); err != nil {
		t.Fatal(err)
	}
	g.wantCalls(t, "ReadTicket globex/shared#4")
	if !l.State.IsRefused(incident.UpdateEffect("globex")) {
		t.Errorf("refused: %v", l.State.Refused)
	}
}

func TestAPhaseIsBroadcastOnce(t *testing.T) {
	l, p := newLook(t), &fakePager{}
	l.Policy.Broadcast = []string{"C1", "C2"}
	ask(l, incident.Broadcast{Key: "phase/fixing", At: now, Phase: "fixing"})
	e := newUpdates(l, newFakeGitHub(), p)
	for range 2 {
		if err := e.Broadcast(); err != nil {
			t.Fatal(err)
		}
	}
	if len(p.texts) != 2 || !strings.Contains(p.texts[0].Text,
		"Fixing · Incident Coordinator carol · Operations Engineer bob") {
		t.Errorf("announcements %+v", p.texts)
	}
}

// Two looks that overlap, as GitHub's list is behind: the second finds what the first opened in the
// store.
func TestA4AnIssueIsOpenedOnce(t *testing.T) {
	g, l := newFakeGitHub(), newLook(t)
	e := Issues{Look: l, GitHub: g, Known: &KnownIssues{}}
	for range 2 {
		if _, err := e.OpenOnce("acme/shop", "mark", "", ports.NewIssue{Title: "A ticket"},
			DoubtUnasked); err != nil {
			t.Fatal(err)
		}
	}
	g.wantCalls(t, "OpenIssue acme/shop")
}

// shelf is a store in memory.
type shelf map[string][]byte

func (s shelf) Save(_ context.Context, name string, content []byte) error {
	s[name] = content
	return nil
}

func (s shelf) Load(_ context.Context, name string) ([]byte, error) { return s[name], nil }

// sharedShelf is a store of two processes, of which another one comes in between.
type sharedShelf struct {
	shelf
	loaded, claimed func() // once
}

func (s *sharedShelf) Load(ctx context.Context, name string) ([]byte, error) {
	content := s.shelf[name]
	s.once(&s.loaded)
	return content, nil
}

func (s *sharedShelf) Claim(_ context.Context, name string) (bool, error) {
	_, isThere := s.shelf[name]
	s.shelf[name] = []byte{}
	s.once(&s.claimed)
	return !isThere, nil
}

func (s *sharedShelf) once(other *func()) {
	if come := *other; come != nil {
		*other = nil
		come()
	}
}

// A queue hands out an incident to a second process where the first seems to be gone. Both are there to open the same
// issue: one of them does.
func TestA4TwoProcessesOpenOneIssue(t *testing.T) {
	for _, at := range []string{"the first has read that there is none", "the first has claimed it"} {
		t.Run(at, func(t *testing.T) {
			g, l, store := newFakeGitHub(), newLook(t), &sharedShelf{shelf: shelf{}}
			open := func() (OpenedIssue, error) {
				e := Issues{Look: l, GitHub: g, Known: &KnownIssues{Store: store}}
				return e.OpenOnce("acme/shop", "mark", "", ports.NewIssue{Title: "A ticket"}, DoubtUnasked)
			}
			var later *ports.RetryAfter
			second := func() {
				o, err := open()
				if err == nil && o.Number != 1 || err != nil && !errors.As(err, &later) {
					t.Errorf("the second: %+v, %v", o, err)
				}
			}
			if store.loaded = second; strings.Contains(at, "claimed") {
				store.loaded, store.claimed = nil, second
			}
			if o, err := open(); err != nil || o.Number != 1 {
				t.Errorf("the first: %+v, %v", o, err)
			}
			l.Now = l.Now.Add(DoubtUnasked)
			if o, err := open(); err != nil || o.Number != 1 {
				t.Errorf("later: %+v, %v", o, err)
			}
			g.wantCalls(t, "OpenIssue acme/shop")
		})
	}
}

// A process that ended after it had claimed leaves no claim for good, and a refusal none at all.
func TestA4AClaimEnds(t *testing.T) {
	g, l, store := newFakeGitHub(), newLook(t), &sharedShelf{shelf: shelf{}}
	e := Issues{Look: l, GitHub: g, Known: &KnownIssues{Store: store}}
	if mayTry, isClaimed := e.claimTry(e.openedKey("acme/shop", "mark"), OpenedIssue{}); !mayTry || !isClaimed {
		t.Fatal("it is not the first")
	}
	open := func() error {
		_, err := e.OpenOnce("acme/shop", "mark", "", ports.NewIssue{Title: "A ticket"}, DoubtUnasked)
		return err
	}
	var later *ports.RetryAfter
	if err := open(); !errors.As(err, &later) || !later.Until.Equal(l.Now.Add(DoubtUnasked)) {
		t.Errorf("at once: %v", err)
	}
	l.Now = l.Now.Add(DoubtUnasked)
	g.fail["OpenIssue"] = &ports.Refusal{Status: 403, Reason: "archived"}
	if err := open(); !ports.IsRefused(err) {
		t.Errorf("after its time: %v", err)
	}
	delete(g.fail, "OpenIssue")
	if err := open(); err != nil {
		t.Errorf("once it is no longer refused: %v", err)
	}
	g.wantCalls(t, "OpenIssue acme/shop", "OpenIssue acme/shop")
}

// What one process opened and another forgot, because it has ended, may be opened again by both.
func TestA4AnIssueThatEndedIsOpenedAgain(t *testing.T) {
	g, l, store := newFakeGitHub(), newLook(t), shelf{}
	one := Issues{Look: l, GitHub: g, Known: &KnownIssues{Store: store}}
	other := Issues{Look: l, GitHub: g, Known: &KnownIssues{Store: store}}
	o, err := one.OpenOnce("acme/shop", "mark", "", ports.NewIssue{Title: "A ticket"}, DoubtUnasked)
	if err != nil {
		t.Fatal(err)
	}
	if got := other.Recent("acme/shop", "mark", time.Minute); got != o.Number {
		t.Fatalf("the other process knows of %d", got)
	}
	l.Now = l.Now.Add(time.Second)
	other.Forget("acme/shop", "mark", o.Number+1) // another one
	if got := one.Recent("acme/shop", "mark", time.Minute); got != o.Number {
		t.Fatalf("it knows of %d", got)
	}
	other.Forget("acme/shop", "mark", o.Number)
	if got := one.Recent("acme/shop", "mark", time.Minute); got != 0 {
		t.Errorf("it knows of %d, which has ended", got)
	}
	again, err := one.OpenOnce("acme/shop", "mark", "", ports.NewIssue{Title: "A ticket"}, DoubtUnasked)
	if err != nil || !again.IsNew {
		t.Errorf("%+v, %v", again, err)
	}
}

func TestA4AnIssueWhoseAnswerIsLostIsNotOpenedAgainAtOnce(t *testing.T) {
	g, l := newFakeGitHub(), newLook(t)
	e := Issues{Look: l, GitHub: g, Known: &KnownIssues{}}
	g.fail["OpenIssue"] = errors.New("connection reset")
	for range 2 {
		if _, err := e.OpenOnce("acme/shop", "mark", "", ports.NewIssue{Title: "A ticket"},
			DoubtUnasked); err == nil {
			t.Error("no error")
		}
	}
	g.wantCalls(t, "OpenIssue acme/shop")
	l.Now = l.Now.Add(DoubtUnasked)
	delete(g.fail, "OpenIssue")
	if o, err := e.OpenOnce("acme/shop", "mark", "", ports.NewIssue{Title: "A ticket"},
		DoubtUnasked); err != nil || o.Number != 1 {
		t.Errorf("%+v, %v", o, err)
	}
}

// Whether a comment is there nobody asks GitHub if that is known: it was asked for since the process runs, a short
// time ago, and the store, where a try is claimed before it is made, knows of none.
func TestA4ACommentThatCannotBeThereIsNotLookedFor(t *testing.T) {
	on, m := incident.Ref{Owner: "acme", Repo: "shop", Number: 4}, mark.Mark{Kind: "m", Text: "update/1"}
	start := newLook(t).Now
	for _, c := range []struct {
		name         string
		since, asked time.Duration // before the look
		store        func() ports.Store
		isNew        bool
	}{
		{"at once", time.Hour, time.Second, func() ports.Store { return &sharedShelf{shelf: shelf{}} }, true},
		{"an hour ago", 2 * time.Hour, time.Hour, func() ports.Store { return &sharedShelf{shelf: shelf{}} }, false},
		{"before the process", time.Second, 2 * time.Second,
			func() ports.Store { return &sharedShelf{shelf: shelf{}} }, false},
		{"within what clocks differ", time.Minute, time.Second,
			func() ports.Store { return &sharedShelf{shelf: shelf{}} }, false},
		{"no store", time.Hour, time.Second, func() ports.Store { return nil }, false},
		{"a store that can't claim", time.Hour, time.Second, func() ports.Store { return shelf{} }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, known := newLook(t), &KnownIssues{Store: c.store(), Since: start.Add(-c.since)}
			e := Issues{Look: l, Known: known}
			var news []bool
			try := func() {
				_, _ = e.CommentOnceAsked(on, m, DoubtComment, start.Add(-c.asked), func(o ports.Once) (int64, error) {
					news = append(news, o.Is == nil)
					return 0, errors.New("connection reset")
				})
			}
			try()
			l.Now = l.Now.Add(DoubtComment)
			try() // of which nobody knows what became of the first
			if len(news) != 2 || news[0] != c.isNew || news[1] {
				t.Errorf("not looked for: %v", news)
			}
		})
	}

	// another process has claimed a try, and ended
	l, store := newLook(t), &sharedShelf{shelf: shelf{}}
	other := Issues{Look: l, Known: &KnownIssues{Store: store, Since: start.Add(-time.Hour)}}
	other.claimTry(other.openedKey(on.String(), m.Line()), OpenedIssue{})
	e := Issues{Look: l, Known: &KnownIssues{Store: store, Since: start.Add(-time.Hour)}}
	tries := 0
	try := func() {
		_, _ = e.CommentOnceAsked(on, m, DoubtComment, start, func(o ports.Once) (int64, error) {
			if tries++; o.Is == nil {
				t.Error("it is not looked for")
			}
			return 9, nil
		})
	}
	try()
	l.Now = l.Now.Add(DoubtComment)
	if try(); tries != 1 {
		t.Errorf("it tried %d times", tries)
	}
}

// Where GitHub's list is known to lack a comment that list is waited for, two minutes long after a try that had no
// answer, whichever process tries (A4).
func TestA4ACommentThatIsNotListedIsWaitedFor(t *testing.T) {
	l, store := newLook(t), shelf{}
	start := l.Now
	var looked []string
	after, isPosted := time.Duration(0), false
	for n := 0; !isPosted && n < 50; n++ {
		l.Now = start.Add(after)
		e := Issues{Look: l, Known: &KnownIssues{Store: store}} // another process
		_, err := e.CommentOnce(incident.Ref{Owner: "acme", Repo: "shop", Number: 4},
			mark.Mark{Kind: "m", Text: "update/1"}, DoubtComment, func(once ports.Once) (int64, error) {
				looked = append(looked, after.String())
				switch {
				case n == 0:
					return 0, ports.ErrUnavailable
				case once.IsTried:
					return 0, ports.ErrBehind
				}
				isPosted = true
				return 9, nil
			})
		later := (*ports.RetryAfter)(nil)
		switch {
		case n == 0:
			after = DoubtComment
		case errors.As(err, &later):
			if after = later.Until.Sub(start); later.Until.Sub(l.Now) < time.Second {
				t.Fatalf("after %s it comes back after %s", l.Now.Sub(start), after)
			}
		case err != nil:
			t.Fatal(err)
		}
	}
	if got := strings.Join(looked, " "); !isPosted || got != "0s 8s 16s 31s 46s 1m1s 1m16s 1m31s 1m46s 2m1s" {
		t.Errorf("it looks after %s", got)
	}
}

// A comment elsewhere is not posted again as long as GitHub's list may be behind, and the answer to it was lost; whichever
// process tries. One that was answered, or refused, is known.
func TestA4ACommentElsewhereIsPostedOnce(t *testing.T) {
	l, store := newLook(t), shelf{}
	start := l.Now
	posted := 0
	try := func(after time.Duration, answer error) error {
		l.Now = start.Add(after)
		e := Issues{Look: l, Known: &KnownIssues{Store: store}} // another process
		id, err := e.CommentOnce(incident.Ref{Owner: "acme", Repo: "shop", Number: 4}, mark.Mark{Kind: "m", Text: "update/1"}, DoubtUnasked,
			func(ports.Once) (int64, error) { posted++; return 9, answer })
		if err == nil && id != 9 {
			t.Errorf("after %s it is %d", after, id)
		}
		return err
	}
	var later *ports.RetryAfter
	for _, c := range []struct {
		after  time.Duration
		answer error
		posted int
		waits  bool
	}{
		{0, &ports.Refusal{Status: 403, Reason: "archived"}, 1, false},
		{time.Second, ports.ErrUnavailable, 2, false},
		{2 * time.Second, nil, 2, true},
		{time.Second + DoubtUnasked, nil, 3, false},
		{2*time.Second + DoubtUnasked, nil, 3, false},
	} {
		err := try(c.after, c.answer)
		if posted != c.posted || errors.As(err, &later) != c.waits || !c.waits && !errors.Is(err, c.answer) {
			t.Errorf("after %s: %d posted, %v", c.after, posted, err)
		}
	}
}
