package webhook

import (
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// isCustomersIssue reports whether the app opened the issue for a customer of an incident (V6).
func (p payload) isCustomersIssue(self Self) bool {
	by := p.Issue.User
	if by == nil || by.Type != "Bot" || self.Login != "" && !naming.Equal(by.Login, self.Login) || p.declared() {
		return false
	}
	_, ok := incident.AnswerMarks(p.Issue.Body)
	return ok
}

// aboutAnswer reports whether a person wrote something in a customer's issue. None of it is a
// command. What they change or delete later changes nothing: it was quoted.
func (p payload) aboutAnswer(m *incident.Message) bool {
	marks, _ := incident.AnswerMarks(p.Issue.Body)
	if p.Action != "created" || p.Comment.User.Type == "Bot" || p.bySomeBot() {
		return false
	}
	m.What = &incident.CustomerAnswer{
		Issue:   m.Ref.String(),
		ID:      p.Issue.ID,
		Opened:  p.Issue.Created,
		Marks:   marks,
		Comment: p.Comment.ID,
		Author:  p.Comment.User.Login,
		Body:    texts.TruncateBytes(p.Comment.Body, mostText),
		At:      p.Comment.Created,
	}
	return true
}
