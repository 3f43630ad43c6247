package engine

import (
	"encoding/json"
	"fmt"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/intake"
)

// signalFacts returns the facts of a report that came to this incident.
func (r *reconciliation) signalFacts() ([]incident.Fact, error) {
	signal := r.m.Signal()
	if signal == nil {
		return nil, nil
	}
	var s intake.Signal
	if err := json.Unmarshal(signal.Body, &s); err != nil {
		return nil, fmt.Errorf("read a signal: %w", err)
	}
	if s.Bounce != nil {
		return r.bounceFacts(s), nil
	}
	f := incident.Signalled{Source: sourceName(s.Source), Firing: s.Firing, Count: max(1, signal.Count),
		Links:    linksOf(s),
		Report:   r.reportOf(s),
		Severity: r.Policy.Named(signal.Severity), Page: signal.Pages, Paged: signal.IsPaged}
	if s.Source == "email" {
		f.Text, f.Names, f.From, f.Trust = s.Text, s.Attachments, s.Labels["from"], string(s.Trust)
		f.Of, f.Auto = r.Policy.CustomersOf(s.Sender()), s.Labels["auto-submitted"] != ""
		if f.Text == "" {
			f.Text = s.Title
		}
	} else {
		f.Title, f.Words = s.Title, r.signalWords(s)
		if s.Source == "generic" {
			f.Details = s.Text
		}
	}
	return []incident.Fact{{At: r.Now, What: f}}, nil
}

// reportOf returns the identity of a report, without what it says.
func (r *reconciliation) reportOf(s intake.Signal) incident.Report {
	signal := r.m.Signal()
	if signal == nil || signal.At.IsZero() {
		return incident.Report{}
	}
	mark := r.hash("event", s.DedupKey, s.Event)[:16]
	if id := s.Thread.MessageID; id != "" {
		mark = r.mailMark(id) // by which its answers find it
	}
	return incident.Report{Mark: mark, ID: signal.ID, At: signal.At.Unix()}
}

// signalWords returns what a report says, each of which is shown once: the names of a group's
// alerts, or a title and what else a person or a program wrote. Changed figures are no news.
func (e *Engine) signalWords(s intake.Signal) (words []incident.Word) {
	word := func(kind, said, text string) {
		words = append(words, incident.Word{Mark: e.hash("word", kind, said)[:8], Text: text})
	}
	titles := map[string]string{}
	for _, a := range s.Alerts {
		if _, ok := titles[a.Name]; !ok {
			titles[a.Name] = a.Title
		}
	}
	for _, name := range s.Names() {
		text, ok := titles[name]
		if !ok {
			text = name
		}
		word("alert", name, text)
	}
	if len(s.Alerts) == 0 {
		word("title", intake.Figureless(s.Title), s.Title)
	}
	if s.Source == "generic" && s.Text != "" {
		word("text", intake.Figureless(s.Text), "") // the report itself is shown
	}
	return words
}
