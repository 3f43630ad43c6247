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

// announce tells the customers, by every channel of each. Only the update's text leaves (A7). One channel that fails does not keep
// the text from the others; that it did is a fact, from which the core sees who heard nothing (V3).
func (p *pass) announce() error {
	return each(p, func(a incident.Announce) error {
		if p.handled(a.Fact) {
			return nil
		}
		for _, name := range a.Customers {
			c, _ := p.policy.Customer(name)
			if p.failedBefore(name, a) {
				continue
			}
			failed, refused, err := p.tellAll(a, c)
			if err != nil {
				return err
			}
			if len(failed) > 0 {
				p.result(incident.Unsent{Customer: name, Failed: failed, Update: a.At, By: incident.CommandedBy(a.Fact)})
			}
			if refused != nil {
				if err := p.noteRefusal(incident.UpdateEffect(name), refused); err != nil {
					return err
				}
			} else if p.state.IsRefused(incident.UpdateEffect(name)) { // a newer update took the place of the one that was refused
				p.result(incident.TakenByGitHub{Effect: incident.UpdateEffect(name)})
			}
		}
		return nil
	})
}

// tellAll tells one customer by each of their channels, and returns those that failed for good. refused is GitHub's refusal of
// their issue, if it refused that: it is tried again.
func (p *pass) tellAll(a incident.Announce, c incident.Customer) (failed []incident.Failure, refused, err error) {
	names := c.ChannelNames()
	for i, ch := range c.Channels {
		err := p.tellOne(a, c, ch)
		// GitHub is asked again for what it could not take now. What a service outside could not was tried again there.
		if err != nil && ch.Kind == "issue" && !isRefused(err) {
			return nil, nil, fmt.Errorf("tell a customer: %w", err)
		}
		if ch.Kind == "issue" && isRefused(err) {
			refused = err
		}
		if err != nil {
			p.Logger.Error("an update could not be sent", "incident", p.m.Ref.String(), "channel", ch.Kind, "err", brief(err))
			failed = append(failed, incident.Failure{Channel: names[i], Why: reason(err)})
		}
	}
	return failed, refused, nil
}

// shareAgain writes updates into the issues of customers whom GitHub kept them from, once it takes them.
func (p *pass) shareAgain() error {
	return each(p, func(s incident.ShareAgain) error {
		c, _ := p.policy.Customer(s.Customer)
		names := c.ChannelNames()
		for i, ch := range c.Channels {
			owed, ok := p.state.Updates.OwedTo(s.Customer, names[i])
			if ch.Kind != "issue" || !ok {
				continue
			}
			return p.shareOwed(owed, c, ch, names[i])
		}
		p.result(incident.TakenByGitHub{Effect: incident.UpdateEffect(s.Customer)}) // they have a newer one
		return nil
	})
}

// shareOwed writes one update into a customer's issue.
func (p *pass) shareOwed(owed incident.Sent, c incident.Customer, ch incident.Channel, name string) error {
	h, err := p.tell()
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
		p.result(incident.TakenByGitHub{Effect: incident.UpdateEffect(c.Name)})
		return nil
	}
	err = p.share(incident.Announce{Fact: owed.ID, At: owed.At, Customers: []string{c.Name}, Text: text}, c, ch.To)
	if err != nil {
		return p.noteRefusal(incident.UpdateEffect(c.Name), err)
	}
	p.result(incident.SharedAfterAll{Customer: c.Name, Channel: name, Update: owed.At})
	return nil
}

// failedBefore reports whether a look before, which could not note it on the card, said that an update failed to reach a customer.
// It stays with that, at the time when it was said: the comment is what the state is rebuilt from.
func (p *pass) failedBefore(customer string, a incident.Announce) (said bool) {
	for _, it := range p.snap.Items {
		for _, key := range p.marksIn(it) {
			if f, ok := incident.ParseUnsent(key); ok && f.Customer == customer && f.Update.Equal(a.At) && f.By == incident.CommandedBy(a.Fact) {
				p.fact(incident.Fact{At: it.At, What: f})
				said = true
			}
		}
	}
	return said
}

// broadcast tells the company's own channels. What they miss they read on the card, so it fails without a word on the issue.
func (p *pass) broadcast() error {
	return each(p, func(b incident.Broadcast) error {
		if p.rebuilt || p.old(b.At) || p.Announcer == nil {
			return nil
		}
		text := p.headline() + "\n" + templates.Capital(b.Phase)
		if ic, covered := p.state.Coordinator(); covered {
			text += " · Incident Coordinator " + ic
		}
		if len(p.state.OEs) > 0 {
			text += " · Operations Engineer " + strings.Join(p.state.OEs, ", ")
		}
		text += "\n" + p.snap.URL
		service, _ := p.policy.Service("slack")
		for _, to := range p.policy.Broadcast {
			key := p.identity().String() + "/" + b.Key + "/" + to
			_, _, err := p.sendOnce(p.ctx, p.identity(), blindKey(key, b.At), func(ctx context.Context, _ delivery) error {
				return p.Announcer.Announce(ctx, Announcement{Key: key, Channel: incident.Channel{Kind: "slack", To: to},
					Service: service, Text: text, At: b.At})
			})
			if err != nil {
				p.Logger.Warn("a phase could not be told in Slack", "incident", p.m.Ref.String(), "channel", to, "err", brief(err))
			}
		}
		return nil
	})
}

// answered tells whether a comment carries the reaction with which a pass answers it, after it has paged and told, or a command
// after it does: while calls are scarce the newest one's answer stands for those before.
func (p *pass) answered(fact string) bool {
	id := incident.CommentOf(fact)
	return slices.ContainsFunc(p.snap.Items, func(it Item) bool {
		return it.Reacted && (it.Comment == id || it.Comment > id && command.Has(it.Body))
	})
}

// tellOne tells one customer by one channel.
func (p *pass) tellOne(a incident.Announce, c incident.Customer, ch incident.Channel) error {
	if ch.Kind == "issue" {
		return p.share(a, c, ch.To)
	}
	if p.Announcer == nil {
		return fmt.Errorf("no service is set up here to reach %s by %s", c.Name, ch.Kind)
	}
	service, _ := p.policy.Service(ch.Kind)
	key := p.identity().String() + "/update/" + a.Fact + "/" + c.Name + "/" + ch.Kind + ":" + ch.To // the same under each name of its repository
	_, _, err := p.sendOnce(p.ctx, p.identity(), key, func(ctx context.Context, _ delivery) error {
		return p.Announcer.Announce(ctx, Announcement{Key: key, Customer: c.Name, Channel: ch, Service: service, Text: a.Text, At: a.At,
			Tag: p.tag(p.identity())})
	})
	return err
}

// share writes an update into the customer's issue, which the first update opens. Its marks are hashes: the customer
// must not read the name of the incident's repository.
func (p *pass) share(a incident.Announce, c incident.Customer, repo string) error {
	told := mark.Mark{Kind: did, Text: "update/" + p.hash("update", a.Fact, c.Name)}
	for _, s := range p.state.Updates.Shared {
		if s.Customer != c.Name {
			continue
		}
		ref, err := incident.ParseRef(s.Issue)
		if err != nil {
			return err
		}
		if err := p.isStill(ref, s.ID); err != nil {
			return err
		}
		if p.rebuilt { // the issue may have been opened with this update, by a look that could not note it
			return p.shareLater(ref.FullName(), ref.Number, a, told)
		}
		return p.shareIn(ref, a, told)
	}
	shared := p.sharedMark(c.Name)
	n, id, err := p.GitHub.FindIssue(p.ctx, repo, p.isMarked(shared), p.state.Declared.At)
	if err != nil {
		return err
	}
	if n == 0 {
		var o openedIssue
		o, err = p.openOnce(repo, shared.Line(), told.Line(), NewIssue{
			Title: "Incident of " + p.state.Declared.At.UTC().Format("2 January 2006, 15:04 UTC"),
			Body:  p.signedIssue(a.Text, shared, told),
		}, shortDoubt)
		if n, id = o.Number, o.ID; err == nil && o.Mark != told.Line() { // an update before this one opened it just now
			owner, name, _ := strings.Cut(repo, "/")
			err = p.shareIn(incident.Ref{Owner: owner, Repo: name, Number: n}, a, told)
		}
	} else {
		err = p.shareLater(repo, n, a, told)
	}
	if err != nil {
		return err
	}
	p.result(incident.SharedIssue{Customer: c.Name, Issue: p.noteShared(repo, n, id), ID: id})
	return nil
}

// shareLater writes an update into an issue that a look before opened but could not note, unless it opened it with this one.
func (p *pass) shareLater(repo string, number int, a incident.Announce, told mark.Mark) error {
	opened, _, err := p.GitHub.FindIssue(p.ctx, repo, p.isMarked(told), p.state.Declared.At)
	if err != nil || opened == number {
		return err
	}
	owner, name, _ := strings.Cut(repo, "/")
	return p.shareIn(incident.Ref{Owner: owner, Repo: name, Number: number}, a, told)
}

func (p *pass) shareIn(issue incident.Ref, a incident.Announce, told mark.Mark) error {
	_, err := p.GitHub.CommentOnce(p.ctx, issue, p.isMarked(told), p.signed(a.Text+"\n", told))
	return err
}

func (p *pass) sharedMark(customer string) mark.Mark {
	return mark.Mark{Kind: did, Text: "shared/" + p.hash("shared", customer)}
}
