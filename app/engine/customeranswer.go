package engine

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/mark"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/reply"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// What customers write in the issue in which they read updates (V6). That issue is in a repository
// that is not for incidents, and may be in an organization of the customer's. Its text names its
// incident in a sealed mark. The mark only says where to go: an answer counts once the incident
// finds the issue among its own, by the issue's id or by the signed mark of a customer.

// maxAnswer is how much of an answer is quoted, in bytes.
const maxAnswer = 8 << 10

// routeAnswer passes an answer on from the customer's issue to the incident.
func (r *reconciliation) routeAnswer() error {
	answer := *r.m.CustomerAnswer()
	ref, ok := r.incidentOfMarks(answer.Marks)
	if !ok {
		r.Logger.Info("comment in another repository left: its issue names no incident", "issue", answer.Issue)
		return nil
	}
	answer.IsRouted = true
	return r.passAnswer(ref, answer)
}

// passAnswer passes an answer on to an incident.
func (r *reconciliation) passAnswer(ref incident.Ref, answer incident.CustomerAnswer) error {
	if r.Queue == nil {
		return fmt.Errorf("pass on to %s: no queue", ref)
	}
	on := Message{Ref: ref, Why: "customer answer", What: &answer,
		Delivery: "answer " + strconv.FormatInt(answer.Comment, 10) + " " + ref.String()}
	if err := r.Queue.Enqueue(r.Ctx, on, time.Time{}); err != nil {
		return fmt.Errorf("pass on to %s: %w", ref, err)
	}
	return nil
}

// incidentOfMarks returns the incident that the marks of a customer's issue name.
func (e *Engine) incidentOfMarks(lines string) (incident.Ref, bool) {
	for _, m := range mark.InText(lines) {
		if m.Kind != incident.AnswersMark {
			continue
		}
		if name, ok := e.markKeys().Open(m.Text); ok {
			ref, err := incident.ParseRef(name)
			return ref, err == nil
		}
	}
	return incident.Ref{}, false
}

// answerFacts returns the fact that somebody wrote in a customer's issue, if it is one of this
// incident's.
func (r *reconciliation) answerFacts() []incident.Fact {
	answer := r.m.CustomerAnswer()
	if answer == nil || r.State.Declared == nil && !r.IsRebuilt {
		return nil
	}
	if answer.Member != "" {
		return r.chatAnswerFacts(*answer)
	}
	customer := answer.Customer
	if customer == "" {
		customer = r.customerOfIssue(*answer)
	}
	all := texts.Clean(answer.Body)
	text := reply.Own(all)
	if strings.TrimSpace(text) == "" { // it looks quoted from its first line on: better too much than nothing
		text = all
	}
	text = texts.TruncateBytes(text, maxAnswer)
	if customer == "" || text == "" {
		r.Logger.Warn("answer dropped: it is of no issue of this incident", "incident", r.Ref.String(),
			"issue", answer.Issue, "comment", answer.Comment)
		return nil
	}
	return []incident.Fact{{ID: incident.AnswerID(answer.Comment), At: answer.At,
		By: incident.Person{Login: answer.Author}, What: incident.CustomerAnswered{Customer: customer,
			Issue: answer.Issue, Comment: answer.Comment, Text: text}}}
}

// customerOfIssue returns whose issue an answer was written in; "" if it isn't one of
// this incident's. A card that was lost does not know the issue: then its signed marks count.
func (r *reconciliation) customerOfIssue(answer incident.CustomerAnswer) string {
	for _, s := range r.State.Updates.Shared {
		if s.ID != 0 && s.ID == answer.ID || s.ID == 0 && naming.Equal(s.Issue, answer.Issue) {
			return s.Customer
		}
	}
	isKnown := func(customer string) bool {
		return slices.ContainsFunc(r.State.Updates.Shared, func(s incident.Shared) bool { return s.Customer == customer })
	}
	marks := r.Keys.InIssue(answer.Marks, answer.Opened, r.SigningNames()...)
	for _, c := range r.Policy.Customers {
		if slices.Contains(marks, r.updates.SharedMark(c.Name)) && !isKnown(c.Name) {
			return c.Name
		}
	}
	return ""
}

// passAnswerToCanonical passes an answer to a folded incident on to the one into which it was
// folded, if that is open. It reports whether it did.
func (r *reconciliation) passAnswerToCanonical() (bool, error) {
	answer := r.m.CustomerAnswer()
	if answer == nil || r.Before.Outcome != incident.Duplicated || r.Snapshot.Open {
		return false, nil
	}
	ref := r.Ref
	ref.Number = r.Before.Duplicate
	number, err := r.followFolds(r.Ctx, ref)
	if err != nil || number == 0 {
		return false, err
	}
	passed := *answer
	if passed.Customer == "" {
		if err := r.loadPolicy(); err != nil {
			return false, err
		}
		passed.Customer = r.customerOfIssue(passed)
	}
	if passed.Customer == "" {
		return false, nil
	}
	ref.Number = number
	return true, r.passAnswer(ref, passed)
}
