package engine

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/firebreak-dev/firebreak/app/engine/effects"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/intake"
	"github.com/firebreak-dev/firebreak/app/mark"
	"github.com/firebreak-dev/firebreak/app/sources"
	"github.com/firebreak-dev/firebreak/templates"
)

// openForSignal opens an incident for a report. What the source said is quoted, so that nothing in
// it acts.
func (r *reconciliation) openForSignal(to route, s intake.Signal, d intake.Decision) (incident.Ref, error) {
	repo := to.ref
	o := signedOrigin{Source: sourceName(s.Source), Page: d.Action == incident.RulePage,
		Paged: r.m.Signal().IsPaged, Early: r.earlyPage(),
		Drill: s.Drill, Count: r.m.Signal().Count, Report: r.reportOf(s)}
	o.Severity = r.Policy.Named(d.Severity)
	o.Proposed, o.Links = r.Policy.CustomersOf(s.Sender()), linksOf(s)
	o.Service = s.Labels[incident.ServiceLabel]
	for _, w := range r.signalWords(s) {
		o.Known = append(o.Known, w.Mark)
	}
	names, _ := r.Policy.ReadCustomers(d.Customer)
	for _, name := range names {
		// a source may have another name for them, which is among the labels
		if c, ok := r.Policy.Customer(name); ok {
			o.Customers = append(o.Customers, c.Name)
		}
	}
	say := incident.Say{Name: "reported", Line: o.Source, Trust: string(s.Trust),
		Reason: s.Text, Lines: labelLines(s), Links: o.Links, Names: s.Attachments, Count: o.Count}
	if to.refused != "" {
		say.Missing = []string{to.refused, to.refusal}
	}
	text, err := templates.Comment(say)
	if err != nil {
		return repo, fmt.Errorf("write the incident of a signal: %w", err)
	}
	trouble := r.dedupHash(s.DedupKey)
	marks := append([]mark.Mark{signalMark(trouble), r.signOrigin(trouble, o)}, r.conversationMarks(s)...)
	body := r.markKeys().Issue(noIncident, text, r.Now, marks...)
	title, labels := cmp.Or(d.Title, s.Title), []string{incident.LabelIncident}
	if s.Drill {
		title, labels = "Drill: "+title, append(labels, incident.LabelDrill)
	}
	issues := r.openedIssues()
	// One that GitHub would show by now is over.
	issues.Forget(repo.FullName(), trouble, issues.Recent(repo.FullName(), trouble, longestLag))
	opened, err := issues.OpenOnce(repo.FullName(), trouble, "",
		NewIssue{Title: title, Body: body, Labels: labels}, effects.DoubtWaiting)
	if err != nil {
		return repo, fmt.Errorf("open the incident of a signal: %w", err)
	}
	repo.Number = opened.Number
	r.endEarly()
	r.rememberOpenIncident(repo.FullName()+" "+s.DedupKey, repo)
	r.updateMemory(repo, r.Now, func(m *memory) { m.opened = r.Now })
	return repo, nil
}

// labelLines lists a report's labels.
func labelLines(s intake.Signal) (lines []string) {
	var names []string
	for name := range s.Labels {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names[:min(len(names), 20)] {
		lines = append(lines, name+": "+s.Labels[name])
	}
	return lines
}

// linksOf lists a report's addresses, the runbook first.
func linksOf(s intake.Signal) (links []incident.Link) {
	add := func(name, url string) {
		isKnown := slices.ContainsFunc(links, func(l incident.Link) bool { return l.URL == url })
		if url != "" && !isKnown {
			links = append(links, incident.Link{Name: name, URL: url, IsVerified: s.Trust.IsVerified()})
		}
	}
	add("Runbook", s.Runbook)
	for _, call := range s.CallLinks {
		add("Call", call)
	}
	add("Details", s.URL)
	return links
}

// sourceName returns the name under which people know a source.
func sourceName(source string) string {
	if s, ok := sources.Find(source); ok {
		return s.Label
	}
	return source
}
