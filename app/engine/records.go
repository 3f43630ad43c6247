package engine

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// ownCommentFacts returns what the app's own comments record: answers at the pager, and what sources
// reported. again means that the timeline is read again from its start: then what the card says too
// is read from them.
func (r *reconciliation) ownCommentFacts(it Item, again bool) (facts []incident.Fact) {
	add := func(what any) {
		if what != nil {
			facts = append(facts, incident.Fact{ID: fmt.Sprintf("%s.%d", it.ID, len(facts)), At: it.At,
				By: incident.Person{Bot: true}, What: what})
		}
	}
	for _, key := range r.KeysIn(it) {
		if said, ok := incident.ParseSaid(key, it.Comment); ok && !again && !r.State.HasShown(said) {
			add(said) // the process ended before the card had it: the next result is not to be a second comment
		}
		if again {
			add(recordedOnCard(key, it.Comment))
			if tap, ok := incident.ParseTap(key, r.Policy); ok {
				facts = append(facts, tap)
			}
			if answer, ok := incident.ParsePageAnswered(key); ok {
				facts = append(facts, answer)
			}
			if answered, ok := incident.ParseCustomerAnswered(key); ok {
				facts = append(facts, answered)
			}
		}
		add(r.recordedInComment(key, it.Comment))
	}
	return facts
}

// recordedInComment returns what the mark of a comment records and nothing else does, or nil.
func (r *reconciliation) recordedInComment(key string, comment int64) any {
	key, links := incident.CutLinks(key)
	parts := strings.Split(key, "/")
	switch parts[0] {
	case "signals":
		if _, ok := incident.ParseSignals(key); ok {
			return incident.Said{Topic: "signals", Comment: comment} // the next report is counted there
		}
	case "recovered", "again":
		return incident.Said{Topic: "signal", Comment: comment} // which the next turn replaces
	case "message":
		return receivedReport(parts, links)
	case "folded": // folded/5/c123.0/1772447000/bob/globex/Alertmanager
		if fold, ok := incident.ParseFold(key); ok {
			return r.foldFact(fold)
		}
	case "ack": // ack/page/1/pagerduty/Dan%20Example
		if len(parts) != 5 {
			return nil
		}
		if name, err := url.PathUnescape(parts[4]); err == nil {
			return incident.Acknowledged{Key: parts[1] + "/" + parts[2], Service: parts[3], Name: name}
		}
	}
	return nil
}

// receivedReport returns the report that a mark records, or nil: message/3f9a.XKQM.1772447000/Email,
// and /critical/page after it where it told a severity, and then its links.
func receivedReport(parts []string, links []incident.Link) any {
	if len(parts) < 3 {
		return nil
	}
	report, ok := incident.ParseReport(parts[1])
	if !ok {
		return nil
	}
	received := incident.Received{Source: parts[2], Report: report, Page: len(parts) == 5, Links: links}
	if len(parts) > 3 {
		received.Severity, _ = url.PathUnescape(parts[3])
	}
	return received
}

// recordedOnCard returns what the mark of a comment records and the card says too, or nil.
func recordedOnCard(key string, comment int64) any {
	kind, of, _ := strings.Cut(key, "/")
	switch kind {
	case "reply":
		return incident.Replied{Fact: of}
	case "signals":
		// if the card does not count it, the look that wrote the comment broke off, and its report
		// comes again
		if s, ok := incident.ParseSignals(key); ok {
			return incident.Counted(s)
		}
	case "regression":
		if back, ok := incident.ParseCameBack(key); ok {
			return back
		}
	case "closed":
		return incident.ClosedUp{Key: key}
	case "run-ended": // run-ended/c123.0/success/9001/1772447000
		if ended, ok := incident.ParseRunEnded(key); ok {
			return ended
		}
	case "unfilled":
		if checked, ok := incident.ParseMergedChecked(key); ok {
			return checked
		}
	case "unsent":
		if f, ok := incident.ParseUnsent(key); ok {
			return f
		}
	case "shared":
		if f, ok := incident.ParseShared(key); ok {
			return f
		}
	case "news":
		if learned, ok := incident.ParseNews(key); ok {
			return learned
		}
	case "followup": // followup/2/erin/2026-12-24/1772447000
		if edited, ok := incident.ParseFollowUpEdited(key); ok {
			return edited
		}
	}
	if said, ok := incident.ParseSaid(key, comment); ok {
		return said // which the next reminder replaces
	}
	return nil
}
