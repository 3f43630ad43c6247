package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/firebreak-dev/firebreak/app/command"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/mark"
	"github.com/firebreak-dev/firebreak/templates"
)

// announceUpdates tells the customers, by every channel of each. Only the update's text leaves (A7). One channel that fails does not keep
// the text from the others; that it did is a fact, from which the core sees who heard nothing (V3).
func (r *reconciliation) announceUpdates() error {
	return forEach(r, func(a incident.Announce) error {
		if r.wasHandled(a.Fact) {
			return nil
		}
		for _, name := range a.Customers {
			c, _ := r.Policy.Customer(name)
			if r.hasFailedBefore(name, a) {
				continue
			}
			failed, refused, err := r.announceToCustomer(a, c)
			if err != nil {
				return err
			}
			if len(failed) > 0 {
				r.Report(incident.Unsent{Customer: name, Failed: failed, Update: a.At, By: incident.CommandedBy(a.Fact)})
			}
			if refused != nil {
				if err := r.noteRefusal(incident.UpdateEffect(name), refused); err != nil {
					return err
				}
			} else if r.State.IsRefused(incident.UpdateEffect(name)) { // a newer update took the place of the one that was refused
				r.Report(incident.TakenByGitHub{Effect: incident.UpdateEffect(name)})
			}
		}
		return nil
	})
}

// announceToCustomer tells one customer by each of their channels, and returns those that failed for good. refused is GitHub's refusal of
// their issue, if it refused that: it is tried again.
func (r *reconciliation) announceToCustomer(a incident.Announce, c incident.Customer) (failed []incident.Failure, refused, err error) {
	names := c.ChannelNames()
	for i, ch := range c.Channels {
		err := r.announceByChannel(a, c, ch)
		// GitHub is asked again for what it could not take now. What a service outside could not was tried again there.
		if err != nil && ch.Kind == "issue" && !isRefused(err) {
			return nil, nil, fmt.Errorf("tell a customer: %w", err)
		}
		if ch.Kind == "issue" && isRefused(err) {
			refused = err
		}
		if err != nil {
			r.Logger.Error("an update could not be sent", "incident", r.m.Ref.String(), "channel", ch.Kind, "err", redact(err))
			failed = append(failed, incident.Failure{Channel: names[i], Why: shortReason(err)})
		}
	}
	return failed, refused, nil
}

// retrySharedIssues writes updates into the issues of customers whom GitHub kept them from, once it takes them.
func (r *reconciliation) retrySharedIssues() error {
	return forEach(r, func(s incident.ShareAgain) error {
		c, _ := r.Policy.Customer(s.Customer)
		names := c.ChannelNames()
		for i, ch := range c.Channels {
			owed, ok := r.State.Updates.OwedTo(s.Customer, names[i])
			if ch.Kind != "issue" || !ok {
				continue
			}
			return r.shareOwedUpdate(owed, c, ch, names[i])
		}
		r.Report(incident.TakenByGitHub{Effect: incident.UpdateEffect(s.Customer)}) // they have a newer one
		return nil
	})
}

// shareOwedUpdate writes one update into a customer's issue.
func (r *reconciliation) shareOwedUpdate(owed incident.Sent, c incident.Customer, ch incident.Channel, name string) error {
	h, err := r.replay()
	if err != nil {
		return err
	}
	text := ""
	for _, e := range h.entries {
		if e.Kind == "update" && e.Ref == owed.ID {
			text = e.Text
		}
	}
	if text == "" { // somebody deleted or emptied its comment: nothing of it leaves any more
		r.Report(incident.TakenByGitHub{Effect: incident.UpdateEffect(c.Name)})
		return nil
	}
	err = r.shareUpdate(incident.Announce{Fact: owed.ID, At: owed.At, Customers: []string{c.Name}, Text: text}, c, ch.To)
	if err != nil {
		return r.noteRefusal(incident.UpdateEffect(c.Name), err)
	}
	r.Report(incident.SharedAfterAll{Customer: c.Name, Channel: name, Update: owed.At})
	return nil
}

// hasFailedBefore reports whether a look before, which could not note it on the card, said that an update failed to reach a customer.
// It stays with that, at the time when it was said: the comment is what the state is rebuilt from.
func (r *reconciliation) hasFailedBefore(customer string, a incident.Announce) (said bool) {
	for _, it := range r.Snapshot.Items {
		for _, key := range r.keysIn(it) {
			if f, ok := incident.ParseUnsent(key); ok && f.Customer == customer && f.Update.Equal(a.At) && f.By == incident.CommandedBy(a.Fact) {
				r.Step(incident.Fact{At: it.At, What: f})
				said = true
			}
		}
	}
	return said
}

// broadcastPhase tells the company's own channels. What they miss they read on the card, so it fails without a word on the issue.
func (r *reconciliation) broadcastPhase() error {
	return forEach(r, func(b incident.Broadcast) error {
		if r.IsRebuilt || r.isBeforeLoss(b.At) || r.Announcer == nil {
			return nil
		}
		text := r.pageTitle() + "\n" + templates.Capital(b.Phase)
		if ic, covered := r.State.Coordinator(); covered {
			text += " · Incident Coordinator " + ic
		}
		if len(r.State.OEs) > 0 {
			text += " · Operations Engineer " + strings.Join(r.State.OEs, ", ")
		}
		text += "\n" + r.Snapshot.URL
		service, _ := r.Policy.Service("slack")
		for _, to := range r.Policy.Broadcast {
			key := r.declaredRef().String() + "/" + b.Key + "/" + to
			_, _, err := r.sendOnce(r.Ctx, r.declaredRef(), timedKey(key, b.At), func(ctx context.Context, _ delivery) error {
				return r.Announcer.Announce(ctx, Announcement{Key: key, Channel: incident.Channel{Kind: "slack", To: to},
					Service: service, Text: text, At: b.At})
			})
			if err != nil {
				r.Logger.Warn("a phase could not be told in Slack", "incident", r.m.Ref.String(), "channel", to, "err", redact(err))
			}
		}
		return nil
	})
}

// isAnswered tells whether a comment carries the reaction with which a pass answers it, after it has paged and told, or a command
// after it does: while calls are scarce the newest one's answer stands for those before.
func (r *reconciliation) isAnswered(fact string) bool {
	id := incident.CommentOf(fact)
	return slices.ContainsFunc(r.Snapshot.Items, func(it Item) bool {
		return it.Reacted && (it.Comment == id || it.Comment > id && command.Has(it.Body))
	})
}

// announceByChannel tells one customer by one channel.
func (r *reconciliation) announceByChannel(a incident.Announce, c incident.Customer, ch incident.Channel) error {
	if ch.Kind == "issue" {
		return r.shareUpdate(a, c, ch.To)
	}
	if r.Announcer == nil {
		return fmt.Errorf("no service is set up here to reach %s by %s", c.Name, ch.Kind)
	}
	service, _ := r.Policy.Service(ch.Kind)
	key := r.declaredRef().String() + "/update/" + a.Fact + "/" + c.Name + "/" + ch.Kind + ":" + ch.To // the same under each name of its repository
	_, _, err := r.sendOnce(r.Ctx, r.declaredRef(), key, func(ctx context.Context, _ delivery) error {
		return r.Announcer.Announce(ctx, Announcement{Key: key, Customer: c.Name, Channel: ch, Service: service, Text: a.Text, At: a.At,
			Tag: r.mailTag(r.declaredRef())})
	})
	return err
}

// shareUpdate writes an update into the customer's issue, which the first update opens. Its marks are hashes: the customer
// must not read the name of the incident's repository.
func (r *reconciliation) shareUpdate(a incident.Announce, c incident.Customer, repo string) error {
	told := mark.Mark{Kind: markKind, Text: "update/" + r.hashFor("update", a.Fact, c.Name)}
	for _, s := range r.State.Updates.Shared {
		if s.Customer != c.Name {
			continue
		}
		ref, err := incident.ParseRef(s.Issue)
		if err != nil {
			return err
		}
		if err := r.verifySameIssue(ref, s.ID); err != nil {
			return err
		}
		if r.IsRebuilt { // the issue may have been opened with this update, by a look that could not note it
			return r.shareUnlessOpenedWith(ref.FullName(), ref.Number, a, told)
		}
		return r.commentOnShared(ref, a, told)
	}
	shared := r.sharedMark(c.Name)
	n, id, err := r.GitHub.FindIssue(r.Ctx, repo, r.isMarked(shared), r.State.Declared.At)
	if err != nil {
		return err
	}
	if n == 0 {
		var o openedIssue
		o, err = r.openIssueOnce(repo, shared.Line(), told.Line(), NewIssue{
			Title: "Incident of " + r.State.Declared.At.UTC().Format("2 January 2006, 15:04 UTC"),
			Body:  r.signIssue(a.Text, shared, told),
		}, shortDoubt)
		if n, id = o.Number, o.ID; err == nil && o.Mark != told.Line() { // an update before this one opened it just now
			owner, name, _ := strings.Cut(repo, "/")
			err = r.commentOnShared(incident.Ref{Owner: owner, Repo: name, Number: n}, a, told)
		}
	} else {
		err = r.shareUnlessOpenedWith(repo, n, a, told)
	}
	if err != nil {
		return err
	}
	r.Report(incident.SharedIssue{Customer: c.Name, Issue: r.noteShared(repo, n, id), ID: id})
	return nil
}

// shareUnlessOpenedWith writes an update into an issue that a look before opened but could not note, unless it opened it with this one.
func (r *reconciliation) shareUnlessOpenedWith(repo string, number int, a incident.Announce, told mark.Mark) error {
	opened, _, err := r.GitHub.FindIssue(r.Ctx, repo, r.isMarked(told), r.State.Declared.At)
	if err != nil || opened == number {
		return err
	}
	owner, name, _ := strings.Cut(repo, "/")
	return r.commentOnShared(incident.Ref{Owner: owner, Repo: name, Number: number}, a, told)
}

func (r *reconciliation) commentOnShared(issue incident.Ref, a incident.Announce, told mark.Mark) error {
	_, err := r.GitHub.CommentOnce(r.Ctx, issue, r.isMarked(told), r.signComment(a.Text+"\n", told))
	return err
}

func (r *reconciliation) sharedMark(customer string) mark.Mark {
	return mark.Mark{Kind: markKind, Text: "shared/" + r.hashFor("shared", customer)}
}
