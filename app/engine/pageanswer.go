package engine

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/mark"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// AnswerPath is where the pages are served on which people answer without a login (I8): a token
// follows.
const AnswerPath = "/a/"

// answerLife is for how long after a page its link answers.
const answerLife = 24 * time.Hour

// answerPurpose keeps a text that was sealed for something else from being a token.
const answerPurpose = "page answer v1"

// PageToken is what the link of a page says: who was paged, by which page of which incident, and
// until when they can answer by it.
type PageToken struct {
	Ref     incident.Ref // Number is 0 where people were paged before the incident existed
	Page    string       // key within the incident, or "signal/…"
	Login   string
	Expires time.Time
}

// ErrBadToken is returned for a token that the product did not make.
var ErrBadToken = errors.New("the link is not one of ours")

// ErrTokenExpired is returned for a token that is too old.
var ErrTokenExpired = errors.New("the link has expired")

// token returns the token of a link. The same page to the same person always has the same one.
func (e *Engine) token(t PageToken) string { return sealToken(e.markKeys(), t) }

func sealToken(keys mark.Keys, t PageToken) string {
	return keys.Seal(strings.Join([]string{answerPurpose, t.Ref.FullName(), strconv.Itoa(t.Ref.Number),
		t.Page, t.Login, strconv.FormatInt(t.Expires.Unix(), 36)}, "\n"))
}

// ReadToken reads a token. It returns what the token says with ErrTokenExpired, too.
func (e *Engine) ReadToken(token string) (PageToken, error) {
	text, ok := e.markKeys().Open(token)
	parts := strings.Split(text, "\n")
	if !ok || len(parts) != 6 || parts[0] != answerPurpose {
		return PageToken{}, ErrBadToken
	}
	owner, repo, ok := naming.SplitRepository(parts[1])
	number, err := strconv.Atoi(parts[2])
	unix, err2 := strconv.ParseInt(parts[5], 36, 64)
	if !ok || err != nil || err2 != nil {
		return PageToken{}, ErrBadToken
	}
	t := PageToken{Ref: incident.Ref{Owner: owner, Repo: repo, Number: number}, Page: parts[3], Login: parts[4],
		Expires: time.Unix(unix, 0).UTC()}
	if !e.Clock.Now().Before(t.Expires) {
		return t, ErrTokenExpired
	}
	return t, nil
}

// answerLink returns the address at which a person answers a page that was due at a time; empty: the
// product has no address of its own.
func (e *Engine) answerLink(ref incident.Ref, page, login string, at time.Time) string {
	if e.PublicURL == "" {
		return ""
	}
	return strings.TrimSuffix(e.PublicURL, "/") + AnswerPath +
		e.token(PageToken{Ref: ref, Page: page, Login: login, Expires: at.UTC().Add(answerLife).Truncate(time.Second)})
}

// PageView is what the page of a link shows.
type PageView struct {
	PageToken
	Title, URL string // of the issue; "" while it is not known
	Why        string // of the page, as incident.Send has it; "" if the state doesn't know it
	Drill      bool
	Brief      *incident.Brief // nil: nothing is known of the incident
}

// viewPatience is how long GitHub may take to show the incident that a link is about.
const viewPatience = 4 * time.Second

// ViewPage returns what a link shows: as this process knows the incident, as GitHub shows it or, while
// GitHub is out, as it was kept. It changes nothing.
func (e *Engine) ViewPage(ctx context.Context, t PageToken) PageView {
	v := PageView{PageToken: t}
	if t.Ref.Number == 0 {
		return v
	}
	e.mu.Lock()
	known, ok := e.knownCards[t.Ref]
	e.mu.Unlock()
	if ok && known.url != "" {
		e.fillView(&v, known.state, known.policy, known.title, known.url)
		return v
	}
	reading, stop := context.WithTimeout(WithUrgency(ctx, UrgencyPage), viewPatience)
	defer stop()
	r := e.newReconciliation(reading, Message{Ref: t.Ref, Why: "link"})
	err := r.loadPolicy()
	if err == nil {
		err = r.readIssue()
	}
	if err == nil && !r.Snapshot.Gone && r.State.Declared != nil {
		e.fillView(&v, r.State, r.Policy, r.Snapshot.Title, r.Snapshot.URL)
		return v
	}
	if e.Store == nil {
		return v
	}
	kept := e.newReconciliation(ctx, Message{Ref: t.Ref, Why: "link"})
	s, loadErr := kept.loadOutageSnapshot()
	if loadErr != nil || s.State.Declared == nil {
		e.Logger.Warn("a page's link can't show its incident", "incident", t.Ref.String(), "err",
			ports.Redact(cmp.Or(err, loadErr)))
		return v
	}
	e.fillView(&v, s.State, e.lastPolicy(ctx, t.Ref.FullName()).For(t.Ref), s.Title, s.URL)
	return v
}

func (e *Engine) fillView(v *PageView, s incident.State, p incident.Policy, title, url string) {
	v.Title, v.URL, v.Drill = title, url, s.Drill
	brief := incident.BriefOf(s, p, incident.Person{Login: v.Login}, e.Clock.Now().UTC())
	v.Brief = &brief
	for _, page := range s.Paging.Pages {
		if page.Key == v.Page {
			v.Why = page.Why
		}
	}
}

// TakeAnswer stores what somebody answers by a link, or by another way that names them.
func (e *Engine) TakeAnswer(ctx context.Context, t PageToken, how, via string) error {
	if !slices.Contains(incident.PageAnswers, how) {
		return fmt.Errorf("answer a page of %s: %q isn't an answer: use %s", t.Ref, how,
			strings.Join(incident.PageAnswers, ", "))
	}
	switch {
	case t.IsTest():
		return e.takeTestAnswer(ctx, t)
	case t.IsWays():
		return fmt.Errorf("answer a page of %s: the link is not a page's", t.Ref)
	}
	if e.Queue == nil {
		return fmt.Errorf("answer a page of %s: there is no queue", t.Ref)
	}
	now := e.Clock.Now().UTC()
	a := &incident.PageAnswer{Page: t.Page, By: t.Login, How: how, Via: via, At: now.Truncate(time.Second)}
	// Each answer is a message of its own: who takes the role, hands it over and takes it again has
	// answered twice. The log has no login.
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %s %s %d", t.Ref, t.Page, t.Login, how, now.UnixNano()))
	m := Message{Ref: t.Ref, Why: "link", Delivery: "link " + hex.EncodeToString(sum[:8]), What: a}
	e.noteEarlyAnswer(ctx, t.Ref, t.Page, t.Login, how)
	if err := e.Queue.Enqueue(ctx, m, time.Time{}); err != nil {
		return fmt.Errorf("store the answer to a page of %s: %w", t.Ref, err)
	}
	return nil
}

// isAnswer reports whether a message is an answer to a page: somebody waits for what comes of it.
func isAnswer(m Message) bool { return m.Ack() != nil || m.PageAnswer() != nil }

// pageAnswerFact returns the fact that an answer is, at the time when it was given.
func (r *reconciliation) pageAnswerFact(a *incident.PageAnswer) incident.Fact {
	answer := *a
	if answer.At.IsZero() || answer.At.After(r.Now) {
		answer.At = r.Now.Truncate(time.Second)
	}
	return answer.Fact()
}

// answerOffline takes an answer while GitHub is away. Who may respond can't be asked: a link was made
// for somebody whom the configuration or a responder pages by name. GitHub is asked once it is back,
// when the message comes again.
func (r *reconciliation) answerOffline() {
	if a := r.m.PageAnswer(); a != nil {
		f := r.pageAnswerFact(a)
		f.By.Respond = true
		r.Step(f)
	}
}

// openings is how an answer waits for the incident that a report opens: for a day, as the report waits while
// GitHub is away.
var openings = pace{5 * time.Second, 5 * time.Minute, 300}

// awaitOpening has an answer to a page come again, as its incident is not open yet. It goes to the end: a
// message that waits for its next try would hold up the reports of its repository.
func (r *reconciliation) awaitOpening() error {
	m := r.m
	if m.Delivery == "" {
		m.Delivery = fmt.Sprintf("early answer %s %d", r.Ref, r.Now.UnixNano())
	}
	at, err := r.sendAgain(m, openings)
	if err == nil && at.IsZero() {
		r.Logger.Warn("answer to a page without an incident", "repository", r.Ref.FullName(), "why", m.Why)
	}
	return err
}

// forwardPageAnswer delivers the answer to a page that was sent before its incident existed.
func (r *reconciliation) forwardPageAnswer() error {
	a := *r.m.PageAnswer()
	trouble, ok := strings.CutPrefix(a.Page, "signal/")
	if !ok {
		return nil
	}
	trouble, _, _ = strings.Cut(trouble, "-") // as episode writes it
	ref, err := r.findOpenIncident(r.Ref, trouble)
	if err != nil {
		return err
	}
	if ref.Number == 0 {
		return r.awaitOpening()
	}
	a.Page = incident.EarlyPageKey(a.Page)
	m := Message{Ref: ref, Why: "link", Delivery: "opened " + r.m.Delivery, What: &a}
	return r.Queue.Enqueue(r.Ctx, m, time.Time{})
}
