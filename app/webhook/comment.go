package webhook

import (
	"slices"
	"strings"

	"github.com/firebreak-dev/firebreak/app/command"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// often is after how many comments somebody looks although none holds a command: so the cursor
// stays near the end, and a command costs the same however much was said before it.
const often = 20

// aboutComment reports whether a comment has commands, or somebody did something to a comment of the
// app's own, such as the card.
func (p payload) aboutComment(m *incident.Message, self Self) bool {
	c := p.Comment
	switch {
	case p.Issue == nil || c == nil || c.User == nil || p.Sender == nil:
		return false
	case p.Issue.Pull:
		return p.onPull(m, self)
	case p.isCustomersIssue(self):
		return p.aboutAnswer(m)
	case c.User.Type == "Bot":
		return p.isOwnComment(self) && p.aboutOwnComment(m, self)
	case p.Action == "deleted" && p.declared() && command.HasWords(c.Body):
		m.What = &incident.Comment{ID: c.ID, Author: c.User.Login, Editor: p.Sender.Login, Before: c.Body,
			Created: c.Created, Updated: p.Issue.Updated, Deleted: true}
		return true
	case p.Action == "created" && !p.bySomeBot() && !command.Has(c.Body) && p.Issue.Comments%often == 0:
		return p.declared()
	case (p.Action == "created" || p.Action == "edited" && p.WasBody != nil) && p.aboutCommands(m):
		return true
	}
	return self.IsChatty && p.declared() && p.aboutWords(m)
}

// aboutWords reports whether somebody wrote, changed or deleted a comment without commands, which the incident's
// channel in Slack shows (S2).
func (p payload) aboutWords(m *incident.Message) bool {
	c := p.Comment
	lines := &incident.ChatLines{}
	switch {
	case p.Action == "created" && !p.bySomeBot() && !command.Has(c.Body):
		lines.Lines = []incident.ChatLine{incident.CommentLine(c.ID, c.User.Login, c.Body, c.Created)}
	case p.Action == "edited" && p.WasBody != nil && !command.Has(c.Body) && !command.Has(*p.WasBody):
		lines.Edits = []incident.ChatEdit{{Comment: c.ID, Words: incident.ChatText(c.Body)}}
	case p.Action == "deleted":
		lines.Edits = []incident.ChatEdit{{Comment: c.ID}}
	default:
		return false
	}
	m.What = lines
	return true
}

// isOwnComment reports whether the app wrote the comment.
func (p payload) isOwnComment(self Self) bool {
	return self.Login != "" && naming.Equal(p.Comment.User.Login, self.Login) || p.Comment.App == self.AppID
}

// aboutOwnComment reports whether somebody edited, deleted or unpinned a comment of the app's own on
// an incident. A tick in the card is a command.
func (p payload) aboutOwnComment(m *incident.Message, self Self) bool {
	if p.Action == "edited" && p.isCard() {
		lines, isClean := p.ticked()
		if isClean && len(lines) == 0 {
			return false // a tick that was taken away again
		}
		m.What = incident.CardEdited{}
		if len(lines) > 0 && !p.bySomeBot() {
			m.What = &incident.Tick{Comment: p.Comment.ID, By: p.Sender.Login, At: p.Comment.Updated, Lines: lines,
				IsClean: isClean}
		}
	}
	return p.byHand(self) && p.declared() &&
		(p.Action == "edited" || p.Action == "deleted" || p.Action == "unpinned")
}

// aboutCommands reports whether a comment that was written or edited has commands that are new, or
// lost words of some. On an issue that is not an incident only a declaration counts.
func (p payload) aboutCommands(m *incident.Message) bool {
	c, before := p.Comment, ""
	isEdit := p.Action == "edited"
	if isEdit {
		before = *p.WasBody
	}
	// Whoever took words out counts: a bot that redacts, too.
	removes := isEdit && p.declared() && command.HasWords(before) && len(command.Added(c.Body, before)) > 0
	adds := !p.bySomeBot() && command.Has(c.Body) && (!isEdit || len(command.Added(before, c.Body)) > 0)
	switch {
	case !removes && !adds:
		return false
	case !p.declared() && !declares(c.Body) && !p.mayDeclare():
		return false
	}
	comment := &incident.Comment{ID: c.ID, Author: c.User.Login, Body: c.Body, Created: c.Created, Updated: c.Updated}
	if isEdit {
		comment.Editor, comment.Before = p.Sender.Login, before
	}
	m.What = comment
	return true
}

// cardMark begins the hidden part of the card.
const cardMark = "<!-- firebreak:card"

// ticked returns which boxes of the card somebody ticked, and whether the edit changed nothing else.
func (p payload) ticked() (lines []string, isClean bool) {
	if p.WasBody == nil {
		return incident.TickedBoxes(p.Comment.Body), false
	}
	return incident.TickedBy(*p.WasBody, p.Comment.Body)
}

// isCard reports whether an edited comment of the app's own is the card, or was. Of others the
// marks count only as they were signed.
func (p payload) isCard() bool {
	return p.WasBody == nil || strings.Contains(*p.WasBody, cardMark) ||
		strings.Contains(p.Comment.Body, cardMark)
}

// mayDeclare reports whether the text of an issue that isn't an incident yet may make it one: nobody
// may have read that, as GitHub sends no webhooks while the App is suspended.
func (p payload) mayDeclare() bool {
	return p.Issue.State == "open" && p.Issue.User != nil && p.Issue.User.Type != "Bot" &&
		declares(p.Issue.Body)
}

// declares reports whether a comment on an ordinary issue is for the product: a command that starts
// with /incident, or was meant to. The other commands could be another bot's.
func declares(body string) bool {
	return slices.ContainsFunc(command.Parse(body), func(c any) bool {
		switch c := c.(type) {
		case incident.Command:
			return strings.HasPrefix(incident.RowOf(c.Kind).Usage, "/incident")
		case incident.Misspelt:
			return strings.HasPrefix(c.Known, "/incident") || strings.HasPrefix(strings.ToLower(c.Line), "/incident")
		}
		return false
	})
}

// onPull reports whether a comment with commands was written on a postmortem's pull request, whose
// text says which incident it is of (C3).
func (p payload) onPull(m *incident.Message, self Self) bool {
	c := p.Comment
	if p.Action != "created" || c.User.Type == "Bot" || p.bySomeBot() || !command.Has(c.Body) ||
		p.Issue.User == nil ||
		p.Issue.User.Type != "Bot" {
		return false
	}
	ref, ok := incident.ReadPullMark(p.Issue.Body)
	if !ok || self.Login != "" && !naming.Equal(p.Issue.User.Login, self.Login) {
		return false
	}
	m.Ref.Number = ref.Number // of the pull request's own repository, whatever that was called
	m.What = &incident.Comment{
		ID:      c.ID,
		Author:  c.User.Login,
		Body:    c.Body,
		Created: c.Created,
		Updated: c.Updated,
		Pull:    p.Issue.Number,
	}
	return true
}
