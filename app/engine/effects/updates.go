package effects

import (
	"context"
	"fmt"
	"strings"

	"github.com/firebreak-dev/firebreak/app/engine/delivery"
	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/mark"
	"github.com/firebreak-dev/firebreak/templates"
)

// UpdatesAPI is what Updates needs of GitHub, besides Issues.
type UpdatesAPI interface {
	// CommentOnce comments on an issue unless a marked comment by the app is there already, and
	// returns that comment.
	CommentOnce(ctx context.Context, ref incident.Ref, once ports.Once, body string) (id int64, err error)
	// EditIssue changes the text of an issue that the app opened, and opens or closes it.
	EditIssue(ctx context.Context, ref incident.Ref, edit ports.IssueEdit) error
}

// Updates sends customer updates by every channel of each customer. Only the update's text leaves
// (A7).
type Updates struct {
	*look.Look
	GitHub     UpdatesAPI
	Issues     Issues
	Announcer  ports.Announcer // nil: customers are reached on GitHub only
	Deliveries *delivery.Log
	// MailTag returns what a mail about the incident carries, so that an answer finds it.
	MailTag func(ref incident.Ref) string
	// TextOf returns the text of an update that was given before, by its fact; "" if somebody
	// deleted it.
	TextOf func(fact string) (string, error)
	// NoteTold hears where in a chat a customer reads updates, by the channel's id, so that answers there find the
	// incident.
	NoteTold func(customer, channel, id string)
}

// Apply sends the updates of this look. A channel that fails does not keep the text from the
// others; that it did is reported, and from that the core sees who heard nothing (V3).
func (e Updates) Apply() error {
	return look.ForEach(e.Look, func(a incident.Announce) error {
		if e.WasHandled(a.Fact) {
			return nil
		}
		for _, name := range a.Customers {
			if e.reportFailedBefore(name, a) {
				continue
			}
			if err := e.sendToCustomer(name, a); err != nil {
				return err
			}
		}
		return nil
	})
}

// sendToCustomer sends an update by all channels of one customer.
func (e Updates) sendToCustomer(name string, a incident.Announce) error {
	c, _ := e.Policy.Customer(name)
	failed, refused, err := e.sendByAll(a, c)
	if err != nil {
		return err
	}
	if len(failed) > 0 {
		e.Report(incident.Unsent{Customer: name, Failed: failed, Update: a.At,
			By: incident.CommandedBy(a.Fact)})
	}
	effect := incident.UpdateEffect(name)
	if refused != nil {
		return e.RecordRefusal(effect, refused)
	}
	if e.State.IsRefused(effect) { // a newer update took the place of the refused one
		e.Report(incident.TakenByGitHub{Effect: effect})
	}
	return nil
}

// sendByAll sends an update by each channel of a customer, and returns those that failed for good.
// refused is GitHub's refusal of the customer's issue, if there was one: the update is shared again
// later.
func (e Updates) sendByAll(a incident.Announce, c incident.Customer) (failed []incident.Failure, refused,
	err error) {
	names := c.ChannelNames()
	for i, ch := range c.Channels {
		err := e.SendBy(ch, c, a)
		// GitHub is asked again for what it could not take now. Services outside were tried again
		// by the announcer.
		if err != nil && ch.Kind == "issue" && !ports.IsRefused(err) {
			return nil, nil, fmt.Errorf("announce to a customer: %w", err)
		}
		if err != nil && ch.Kind == "issue" {
			refused = err
		}
		if err != nil {
			e.Logger.Error("an update could not be sent", "incident", e.Ref.String(), "channel", ch.Kind,
				"err", ports.Redact(err))
			failed = append(failed, incident.Failure{Channel: names[i], Why: ports.Reason(err)})
		}
	}
	return failed, refused, nil
}

// SendBy sends a text to a customer by one channel.
func (e Updates) SendBy(ch incident.Channel, c incident.Customer, a incident.Announce) error {
	if ch.Kind == "issue" {
		return e.share(a, c, ch.To)
	}
	if e.Announcer == nil {
		return fmt.Errorf("no service is set up here to reach %s by %s", c.Name, ch.Kind)
	}
	service, _ := e.Policy.Service(ch.Kind)
	// The key is the same under each name of the incident's repository.
	key := e.DeclaredRef().String() + "/update/" + a.Fact + "/" + c.Name + "/" + ch.Kind + ":" + ch.To
	_, _, err := e.Deliveries.Send(e.Ctx, e.DeclaredRef(), key,
		func(ctx context.Context, _ delivery.Attempt) error {
			return e.Announcer.Announce(ctx, ports.Announcement{Key: key, Customer: c.Name, Channel: ch,
				Service: service,
				Text:    a.Text, At: a.At, Tag: e.MailTag(e.DeclaredRef()),
				Posted: func(channel, id string) { e.NoteTold(c.Name, channel, id) }})
		})
	return err
}

// reportFailedBefore reports to the core, and to the caller, that an earlier look said that an
// update failed to reach a customer, but could not note it on the card. It keeps the time when that
// was said: the state is rebuilt from the comment.
func (e Updates) reportFailedBefore(customer string, a incident.Announce) (hasFailed bool) {
	for _, it := range e.Snapshot.Items {
		for _, key := range e.KeysIn(it) {
			f, ok := incident.ParseUnsent(key)
			if ok && f.Customer == customer && f.Update.Equal(a.At) && f.By == incident.CommandedBy(a.Fact) {
				e.Step(incident.Fact{At: it.At, What: f})
				hasFailed = true
			}
		}
	}
	return hasFailed
}

// ShareAgain writes updates into the issues of customers from which GitHub kept them, once it takes
// them.
func (e Updates) ShareAgain() error {
	return look.ForEach(e.Look, func(s incident.ShareAgain) error {
		c, _ := e.Policy.Customer(s.Customer)
		names := c.ChannelNames()
		for i, ch := range c.Channels {
			owed, ok := e.State.Updates.OwedTo(s.Customer, names[i])
			if ch.Kind != "issue" || !ok {
				continue
			}
			return e.shareOwed(owed, c, ch, names[i])
		}
		e.Report(incident.TakenByGitHub{Effect: incident.UpdateEffect(s.Customer)}) // they have a newer one
		return nil
	})
}

func (e Updates) shareOwed(owed incident.Sent, c incident.Customer, ch incident.Channel,
	channel string) error {
	text, err := e.TextOf(owed.ID)
	if err != nil {
		return err
	}
	if text == "" { // somebody deleted or emptied its comment: it must not leave any more
		e.Report(incident.TakenByGitHub{Effect: incident.UpdateEffect(c.Name)})
		return nil
	}
	a := incident.Announce{Fact: owed.ID, At: owed.At, Customers: []string{c.Name}, Text: text}
	if err := e.share(a, c, ch.To); err != nil {
		return e.RecordRefusal(incident.UpdateEffect(c.Name), err)
	}
	e.Report(incident.SharedAfterAll{Customer: c.Name, Channel: channel, Update: owed.At})
	return nil
}

// share writes an update into the customer's issue, which the first update opens. Its marks are
// hashes: the customer must not read the name of the incident's repository (A7).
func (e Updates) share(a incident.Announce, c incident.Customer, repo string) error {
	update := mark.Mark{Kind: look.MarkKind, Text: "update/" + e.Hash("update", a.Fact, c.Name)}
	for _, s := range e.State.Updates.Shared {
		if s.Customer == c.Name {
			return e.shareInto(s, a, update)
		}
	}

	shared := e.SharedMark(c.Name)
	n, id, err := e.Issues.Find(repo, e.IsMarked(shared))
	if err != nil {
		return err
	}
	isNew := false
	if n != 0 {
		err = e.commentUnlessOpenedWith(repo, n, a, update)
	} else {
		var o OpenedIssue
		o, err = e.openShared(repo, a, shared, update)
		n, id, isNew = o.Number, o.ID, o.IsNew
	}
	if err != nil {
		return err
	}
	found := incident.SharedIssue{Customer: c.Name, Issue: e.Issues.nameRead(repo, n, id), ID: id}
	// An earlier look that could not note it may have opened it in another phase; and one that is opened
	// for an incident that is over by now is yet to be closed.
	if status, _ := e.State.CustomerStatus(); isNew && !status.IsFinal() {
		found.Status = status
	}
	e.Report(found)
	return nil
}

// shareInto writes an update into an issue that the state knows.
func (e Updates) shareInto(s incident.Shared, a incident.Announce, update mark.Mark) error {
	ref, err := incident.ParseRef(s.Issue)
	if err != nil {
		return err
	}
	if err := e.Issues.Verify(ref, s.ID); err != nil {
		return err
	}
	if e.IsRebuilt { // the issue may have been opened with this update, by a look that could not note it
		return e.commentUnlessOpenedWith(ref.FullName(), ref.Number, a, update)
	}
	return e.comment(ref, a, update)
}

// openShared opens a customer's issue with an update.
func (e Updates) openShared(repo string, a incident.Announce, shared, update mark.Mark) (o OpenedIssue,
	err error) {
	title, err := templates.CustomerIssue("title", e.customerView(a.Text))
	if err != nil {
		return o, err
	}
	status, err := templates.CustomerIssue("status", e.customerView(a.Text))
	if err != nil {
		return o, err
	}
	answers := mark.Mark{Kind: incident.AnswersMark, Text: e.Keys.Seal(e.Ref.String())}
	o, err = e.Issues.OpenOnce(repo, shared.Line(), update.Line(), ports.NewIssue{
		Title: title,
		Body:  e.SignIssue(status+"\n\n"+a.Text, shared, update, answers),
	}, DoubtWaiting)
	if err == nil && o.Mark != update.Line() { // an update before this one opened it just now
		owner, name, _ := strings.Cut(repo, "/")
		err = e.comment(incident.Ref{Owner: owner, Repo: name, Number: o.Number}, a, update)
	}
	return o, err
}

// commentUnlessOpenedWith comments on an issue that an earlier look opened and could not note,
// unless it opened it with this update.
func (e Updates) commentUnlessOpenedWith(repo string, number int, a incident.Announce,
	update mark.Mark) error {
	opened, _, err := e.Issues.Find(repo, e.IsMarked(update))
	if err != nil || opened == number {
		return err
	}
	owner, name, _ := strings.Cut(repo, "/")
	return e.comment(incident.Ref{Owner: owner, Repo: name, Number: number}, a, update)
}

func (e Updates) comment(issue incident.Ref, a incident.Announce, update mark.Mark) error {
	_, err := e.Issues.CommentOnceAsked(issue, update, DoubtComment, a.At, func(once ports.Once) (int64, error) {
		return e.GitHub.CommentOnce(e.Ctx, issue, once, e.SignComment(a.Text+"\n", update))
	})
	return err
}

// SharedMark returns the mark of the issue that a customer reads.
func (e Updates) SharedMark(customer string) mark.Mark {
	return mark.Mark{Kind: look.MarkKind, Text: "shared/" + e.Hash("shared", customer)}
}

// Broadcast says to the company's own stakeholders how far the incident is, and what the coordinator
// says. Whoever misses a phase reads it on the card, so that such a failure is only logged; of
// words that did not arrive the coordinator is told (V7).
func (e Updates) Broadcast() error {
	return look.ForEach(e.Look, func(b incident.Broadcast) error {
		if e.IsRebuilt || e.IsBeforeLoss(b.At) || e.Announcer == nil {
			return nil
		}
		text := e.broadcastText(b)
		for _, channel := range e.stakeholders() {
			service, _ := e.Policy.Service(channel.Kind)
			key := e.DeclaredRef().String() + "/" + b.Key + "/" + channel.To
			send := func(ctx context.Context, _ delivery.Attempt) error {
				return e.Announcer.Announce(ctx, ports.Announcement{Key: key, Channel: channel,
					Service: service, Text: text, At: b.At})
			}
			_, _, err := e.Deliveries.Send(e.Ctx, e.DeclaredRef(), TimedKey(key, b.At), send)
			if err == nil {
				continue
			}
			e.Logger.Warn("stakeholders were not told", "incident", e.Ref.String(), "channel", channel.To,
				"err", ports.Redact(err))
			if b.Text != "" && !b.IsUpdate {
				e.Report(incident.Uninformed{Key: b.Key, To: channel.To, Why: ports.Reason(err)})
			}
		}
		return nil
	})
}

// stakeholders returns the company's own channels.
func (e Updates) stakeholders() (all []incident.Channel) {
	for _, to := range e.Policy.Broadcast {
		all = append(all, incident.Channel{Kind: "slack", To: to})
	}
	for _, to := range e.Policy.Stakeholders {
		all = append(all, incident.Channel{Kind: "email", To: to})
	}
	return all
}

// broadcastText returns what stakeholders read.
func (e Updates) broadcastText(b incident.Broadcast) string {
	text := e.Headline() + "\n" + templates.Capital(b.Phase)
	if b.IsOver {
		text = e.Headline() + "\nClosed"
	}
	if ic, isCovered := e.State.Coordinator(); isCovered {
		text += " · Incident Coordinator " + ic
	}
	if len(e.State.OEs) > 0 {
		text += " · Operations Engineer " + strings.Join(e.State.OEs, ", ")
	}
	switch {
	case b.IsUpdate:
		text += "\nCustomer update: " + b.Text
	case b.Text != "":
		text += "\n" + b.Text
	}
	return text + "\n" + e.Snapshot.URL
}
