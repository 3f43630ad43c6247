package engine

import (
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/intake"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// bounce passes a mail server's report on to the incident that the mail was about. One about a mail that is not ours opens nothing:
// a report is no trouble.
func (p *pass) bounce(s intake.Signal) error {
	ref, ok, err := p.answeredBy(s)
	if err != nil {
		return err
	}
	if !ok || len(s.Bounce.Undelivered) == 0 {
		p.Logger.Info("delivery report ignored", "repository", p.m.Ref.FullName(), "ours", ok, "undelivered", len(s.Bounce.Undelivered))
		return nil
	}
	return p.Queue.Enqueue(p.ctx, Message{Ref: ref, Why: "signal", What: p.routedTo(ref)}, time.Time{})
}

// undelivered returns the facts of a mail server's report: which customer did not get which update, or which other address did not
// get a mail about this incident.
func (p *pass) undelivered(s intake.Signal) (facts []incident.Fact) {
	merged := p.state.Document.Merged
	for _, u := range s.Bounce.Undelivered {
		report := p.report(s)
		report.Mark = p.mac("bounce", report.Mark, u.Addresses[0])[:16]
		customer, channel := p.channelOf(u.Addresses)
		update, sent := p.state.Updates.SentBy(customer, s.Bounce.Sent)
		f := incident.Fact{At: p.now, What: incident.Bounced{Address: u.Addresses[0], Why: u.Why, Customer: customer, Update: update.At, Delayed: u.Delayed, Report: report}}
		switch {
		case customer == "" || u.Delayed:
		case merged != nil && !s.Bounce.Sent.Before(merged.At): // the last mail that a customer gets
			f.What = incident.Undelivered{Customer: customer, Channel: channel, Why: u.Why}
		case sent:
			f.What = incident.Unsent{Customer: customer, Update: update.At, By: incident.CommandedBy(update.ID), Failed: []incident.Failure{{Channel: channel, Why: u.Why}}}
		}
		facts = append(facts, f)
	}
	return facts
}

// channelOf returns the customer who reads mail at one of the addresses, and what that channel is called. Impacted customers come
// first.
func (p *pass) channelOf(addresses []string) (customer, channel string) {
	for _, impacted := range []bool{true, false} {
		for _, c := range p.policy.Customers {
			if naming.Contains(p.state.Customers, c.Name) != impacted {
				continue
			}
			for i, ch := range c.Channels {
				to := ch.To
				if a, err := mail.ParseAddress(to); err == nil {
					to = a.Address
				}
				if ch.Kind == "email" && slices.ContainsFunc(addresses, func(a string) bool { return strings.EqualFold(a, to) }) {
					return c.Name, c.ChannelNames()[i]
				}
			}
		}
	}
	return "", ""
}
