package engine

import (
	"net/mail"
	"slices"
	"strings"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/intake"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// bounceFacts returns the facts of a mail server's report: which customer did not get which update,
// or which other address did not get a mail about this incident.
func (r *reconciliation) bounceFacts(s intake.Signal) (facts []incident.Fact) {
	merged := r.State.Document.Merged
	for _, u := range s.Bounce.Undelivered {
		report := r.reportOf(s)
		report.Mark = r.hash("bounce", report.Mark, u.Addresses[0])[:16]
		customer, channel := r.mailChannelOf(u.Addresses)
		update, sent := r.State.Updates.SentBy(customer, s.Bounce.Sent)
		f := incident.Fact{At: r.Now, What: incident.Bounced{Address: u.Addresses[0], Why: u.Why,
			Customer: customer, Update: update.At, Delayed: u.Delayed, Report: report}}
		switch {
		case customer == "" || u.Delayed:
		case merged != nil && !s.Bounce.Sent.Before(merged.At): // the last mail that a customer gets
			f.What = incident.Undelivered{Customer: customer, Channel: channel, Why: u.Why}
		case sent:
			f.What = incident.Unsent{Customer: customer, Update: update.At,
				By: incident.CommandedBy(update.ID), Failed: []incident.Failure{{Channel: channel,
					Why: u.Why}}}
		}
		facts = append(facts, f)
	}
	return facts
}

// mailChannelOf returns the customer who reads mail at one of the addresses, and what that channel
// is called. Impacted customers come first.
func (r *reconciliation) mailChannelOf(addresses []string) (customer, channel string) {
	for _, impacted := range []bool{true, false} {
		for _, c := range r.Policy.Customers {
			if naming.Contains(r.State.Customers, c.Name) != impacted {
				continue
			}
			for i, ch := range c.Channels {
				to := ch.To
				if a, err := mail.ParseAddress(to); err == nil {
					to = a.Address
				}
				if ch.Kind == "email" && slices.ContainsFunc(addresses,
					func(a string) bool { return strings.EqualFold(a, to) }) {
					return c.Name, c.ChannelNames()[i]
				}
			}
		}
	}
	return "", ""
}
