package effects

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/delivery"
	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// Pages pages people: by services outside GitHub, and by mentions in comments (I4, I5). It lives as
// long as its look.
type Pages struct {
	*look.Look
	Comments   Comments
	Pager      ports.Pager // nil: people are mentioned only
	Deliveries *delivery.Log
	// MailTag returns what a mail about the incident carries, so that an answer finds it.
	MailTag func(ref incident.Ref) string
	// AnswerLink returns where a person answers a page that was due at a time; empty: nowhere.
	AnswerLink func(ref incident.Ref, page, login string, at time.Time) string
	// CountPage counts a page that a service took, or did not take.
	CountPage func(service, where, key string, err error)
	IsOffline bool // GitHub is out: keys get the time that a page was due, since numbers may be given again

	handled map[string]bool // by key
}

// lateAfter is how late a page may be before it goes out only if it is still wanted.
const lateAfter = 2 * time.Minute

// TimedKey returns the key of a page together with the time when it was due, such as
// acme/incidents#7/page/2@1772448300.
func TimedKey(key string, due time.Time) string { return fmt.Sprintf("%s@%d", key, due.Unix()) }

// Apply sends the pages of this look, outside GitHub first: nothing may delay those. A page that no
// service takes makes the next step of the escalation go out at once, so the list of effects grows
// while it is walked.
func (e *Pages) Apply() error { return look.ForEach(e.Look, e.page) }

// page sends one page by all of its services.
func (e *Pages) page(s incident.Send) error {
	key := e.keyOf(s)
	if e.handled[key] || e.IsPosted(key) || e.wasSent(s) {
		return nil
	}
	if e.handled == nil {
		e.handled = map[string]bool{}
	}
	e.handled[key] = true
	if why := e.whySkip(s); why != "" {
		e.skip(s, why)
		return nil
	}

	outside, phones := e.receivers(s)
	say := incident.Say{Name: "page", Reason: s.Why, Line: s.Text, Holder: s.Asker,
		Count: e.State.Paging.Count(), Missing: phones}
	switch {
	case e.State.Drill:
		say.Variant = "drill"
	case e.State.Confirmed == nil:
		say.Variant = "unconfirmed"
	}
	needsMention := len(phones) > 0 || slices.Contains(s.To, "phone")
	for _, service := range s.By {
		if service == "github" {
			say.Names, needsMention = e.NamesToMention(outside), !s.Spoken
			continue
		}
		e.sendBy(service, s, outside)
	}
	if !needsMention {
		return nil
	}
	return e.mention(key, s, say)
}

// mention pages by a comment.
func (e *Pages) mention(key string, s incident.Send, say incident.Say) error {
	name := deliveryName(s, "github")
	if e.IsRebuilt && e.Deliveries.IsSent(e.Ctx, e.DeclaredRef(), name) {
		return nil // somebody deleted the comment together with the card
	}
	err := e.Comments.PostSay(key, say)
	if ports.IsRefused(err) {
		failed := e.Deliveries.NoteFailed(e.Ctx, e.DeclaredRef(), name)
		e.Step(incident.Fact{At: failed, What: incident.PageFailed{Key: s.Key, Service: "github",
			Why: ports.Reason(err)}})
		return nil
	}
	if err == nil {
		e.RecordWait(ports.UrgencyPage, s.At)
		e.Deliveries.NoteSent(e.Ctx, e.DeclaredRef(), name)
	}
	return err
}

// Owed returns the pages of this look that have to go out.
func (e *Pages) Owed() (all []incident.Send) {
	_ = look.ForEach(e.Look, func(s incident.Send) error {
		if !e.isNeedless(s) {
			all = append(all, s)
		}
		return nil
	})
	return all
}

// SendOutside sends those pages for which include reports true, by services outside GitHub only.
func (e *Pages) SendOutside(include func(incident.Send) bool) {
	_ = look.ForEach(e.Look, func(s incident.Send) error {
		if !include(s) || e.isNeedless(s) {
			return nil
		}
		outside, _ := e.receivers(s)
		for _, service := range s.By {
			if service != "github" {
				e.sendBy(service, s, outside)
			}
		}
		return nil
	})
}

// receivers returns whom services reach and, apart from them, the phone list, which people call.
func (e *Pages) receivers(s incident.Send) (outside, phones []string) {
	for _, to := range s.To {
		if to == "phone" {
			phones = e.Policy.Phones
			continue
		}
		outside = append(outside, to)
	}
	return outside, phones
}

// sendBy pages by one service outside GitHub, unless this process or another did so before. A
// failure is reported to the core at the time when it happened first.
func (e *Pages) sendBy(service string, s incident.Send, to []string) {
	if len(to) == 0 {
		return
	}
	key := TimedKey(s.Key, s.At)
	if !e.IsOffline {
		key = e.keyOf(s)
	}
	key = e.DeclaredRef().String() + "/" + key // the same under each name of its repository
	var missed missedWays
	isNew, failed, err := e.Deliveries.Send(e.Ctx, e.DeclaredRef(), deliveryName(s, service),
		func(ctx context.Context, before delivery.Attempt) error {
			return e.callPager(ctx, service, s, to, key, before.Reached, missed.note)
		})
	if !isNew {
		return
	}
	for _, m := range missed.sorted() {
		m.Key = s.Key
		e.Report(m)
	}
	e.CountPage(service, e.Ref.String(), s.Key, err)
	if err != nil {
		e.Step(incident.Fact{At: failed, What: incident.PageFailed{Key: s.Key, Service: service,
			Why: ports.Reason(err)}})
	}
}

// keyOf returns what distinguishes a page from all others of its incident: its number as a rule. When
// a look is made again, it may know whom a page is for that it was not sure of, and what was refused
// the first time may work, so that it counts other pages: then the time goes with the number.
func (e *Pages) keyOf(s incident.Send) string {
	// what is rebuilt is told by its age (wasSent)
	if s.Unsure || !e.IsRebuilt && !e.Deliveries.IsFirst(e.Ctx, e.DeclaredRef(), s.Key, s.At) {
		return TimedKey(s.Key, s.At)
	}
	return s.Key
}

// deliveryName distinguishes a page by one service from all others of its incident. Its number
// alone does not where a state was rebuilt.
func deliveryName(s incident.Send, service string) string {
	name := TimedKey(s.Key, s.At) + " " + service
	if s.Unsure { // it went to others than those who were asked for
		name += " unsure"
	}
	return name
}

// missedWays are ways that failed where another reached the same person. Several may note one at once.
type missedWays struct {
	mu  sync.Mutex
	all []incident.WayFailed
}

func (m *missedWays) note(login, way string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all = append(m.all, incident.WayFailed{Login: login, Way: way, Why: ports.Reason(err), IsReached: true})
}

// sorted returns them in an order that does not depend on which failed first.
func (m *missedWays) sorted() []incident.WayFailed {
	slices.SortFunc(m.all, func(a, b incident.WayFailed) int {
		return cmp.Or(strings.Compare(a.Login, b.Login), strings.Compare(a.Way, b.Way))
	})
	return m.all
}

func (e *Pages) callPager(ctx context.Context, service string, s incident.Send, to []string, key string,
	reached []string, missed func(login, way string, err error)) error {
	if e.Pager == nil {
		return errors.New("no service is set up here to page people outside GitHub")
	}
	p := e.pageOf(s, to, key)
	p.Service, _ = e.Policy.Service(service)
	p.Reached, p.Missed = reached, missed
	return e.Pager.Page(ctx, p)
}

// pageOf returns a page without the service by which it goes out.
func (e *Pages) pageOf(s incident.Send, to []string, key string) ports.Page {
	p := ports.Page{
		Ref: e.Ref, Key: key, To: to,
		Title: e.Headline(), Text: e.text(s), URL: e.Snapshot.URL,
		Severity: cmp.Or(e.State.Severity, e.State.Claimed), Drill: e.State.Drill,
		Tag: e.MailTag(e.DeclaredRef()), Links: e.links(s, to), Others: e.Policy.Services,
		LinkOf: func(login string) string { return e.linkOf(s, login) },
	}
	if !e.IsOffline {
		p.Mention = e.mentioner(s)
	}
	return p
}

// links returns where each of those answers without a login who are people.
func (e *Pages) links(s incident.Send, to []string) map[string]string {
	links := map[string]string{}
	for _, name := range to {
		if login, ok := strings.CutPrefix(name, "@"); ok {
			if link := e.linkOf(s, login); link != "" {
				links[name] = link
			}
		}
	}
	return links
}

// linkOf returns where a person answers a page without a login; empty: nowhere.
func (e *Pages) linkOf(s incident.Send, login string) string {
	if e.AnswerLink == nil {
		return ""
	}
	return e.AnswerLink(e.Ref, s.Key, login, s.At)
}

// text says what is asked of whoever is paged.
func (e *Pages) text(s incident.Send) string {
	text := e.reason(s)
	if call := e.State.CallOf(e.Policy); call != "" {
		text += "\nCall: " + call
	}
	return text
}

// reason says why people are paged.
func (e *Pages) reason(s incident.Send) string {
	if s.Why == "team" && e.State.Confirmed == nil {
		text := "Nobody has confirmed it yet. On it? Write /oe on the incident's page, then /ic severity and how bad it is."
		if s.Text != "" {
			text = "New: " + s.Text + "\n" + text
		}
		return text
	}
	switch s.Why {
	case "update":
		return "A customer update is overdue. Please help the coordinator write it, or take over with /ic."
	case "asked":
		return strings.TrimSpace(s.Asker + " asks for your help. " + s.Text)
	case "again":
		return strings.TrimSpace("It came back. Please answer on the incident's page. " + s.Text)
	case "reopened":
		return "The incident was reopened. Please answer on its page."
	case "silent":
		return "The Incident Coordinator does not answer. To take over, write /ic on the incident's page."
	}
	return "It has no Incident Coordinator yet. To take the role, write /ic on the incident's page."
}

// isNeedless reports whether a page must not go out.
func (e *Pages) isNeedless(s incident.Send) bool { return e.wasSent(s) || e.whySkip(s) != "" }

// wasSent reports whether a page went out before the card was lost. One that a comment asks for, as
// /ic escalate does, went out if that comment was answered; others are judged by their age.
func (e *Pages) wasSent(s incident.Send) bool {
	if incident.CommentOf(s.Fact) != 0 {
		return e.WasHandled(s.Fact)
	}
	return e.IsBeforeLoss(s.At)
}

// whySkip returns why a page needn't go out: it is late and its reason has passed, or a later one
// of this look reaches the same people. After a time without the app one page, of now, is enough.
// It returns "" where the page must go out.
func (e *Pages) whySkip(s incident.Send) string {
	switch {
	case e.Now.Sub(s.At) > lateAfter && !e.State.Wants(s):
		return "it was late, and answered by then"
	case e.isOvertaken(s):
		return "it was late, and a newer one reached the same people"
	}
	return ""
}

// skip notes that a page did not go out, unless it did so before: while GitHub was out, or in a
// look that broke off.
func (e *Pages) skip(s incident.Send, why string) {
	for _, service := range s.By {
		if e.Deliveries.IsSent(e.Ctx, e.DeclaredRef(), deliveryName(s, service)) {
			return
		}
	}
	e.Logger.Info("page not needed any more", "incident", e.Ref.String(), "page", s.Key, "due", s.At, "why",
		why)
	e.Report(incident.PageSkipped{Key: s.Key, Why: why})
}

// isOvertaken reports whether later pages of the same look reach everybody whom a page of the
// escalation reaches.
func (e *Pages) isOvertaken(s incident.Send) bool {
	if s.Why != "update" && !incident.Escalates(s.Why) {
		return false
	}
	var reached []string
	isOlder, isNewest := false, true
	for _, effect := range e.Effects {
		later, ok := effect.(incident.Send)
		switch {
		case !ok || (later.Why == "update") != (s.Why == "update") || !slices.Equal(later.By, s.By):
		case later.Key == s.Key && later.At.Equal(s.At):
			isOlder = true
		case isOlder:
			isNewest = false
			reached = append(reached, later.To...)
		}
	}
	return !isNewest && !slices.ContainsFunc(s.To,
		func(to string) bool { return !slices.Contains(reached, to) })
}
