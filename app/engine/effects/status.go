package effects

import (
	"fmt"
	"strings"

	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/texts"
	"github.com/firebreak-dev/firebreak/templates"
)

// statusStart begins the line of a customer's issue that says how far the incident is.
const statusStart = "**Status:** "

// titleLength is how much of an update a title shows, in characters.
const titleLength = 80

// customerView returns what a customer's issue is written from. Of an update only words are left:
// a title is plain text.
func (e Updates) customerView(update string) templates.CustomerView {
	v := templates.CustomerView{Declared: e.State.Declared.At.UTC()}
	v.Status, v.Since = e.State.CustomerStatus()
	v.Since = v.Since.UTC()
	for line := range strings.Lines(texts.Clean(update)) {
		line = strings.Trim(texts.Squeeze(line), "#>*_`-+ ")
		if line == "" {
			continue
		}
		if first, _, ok := strings.Cut(line, ". "); ok {
			line = first
		}
		v.Update = texts.TruncateWords(strings.TrimRight(line, ".:;,"), titleLength)
		break
	}
	return v
}

// TellStatus brings what the customers' issues say of how far the incident is up to date, in the
// customers' words, and closes them once it is over (V6). Their text is for people to edit, too:
// only its status line changes.
func (e Updates) TellStatus() error {
	return look.ForEach(e.Look, func(t incident.TellStatus) error {
		want, _ := e.State.CustomerStatus()
		for _, s := range e.State.Updates.Shared {
			if s.Customer != t.Customer || s.Status == want {
				continue
			}
			return e.Attempt(incident.StatusEffect(s.Customer), func() error { return e.tellStatus(s, want) })
		}
		return nil
	})
}

func (e Updates) tellStatus(s incident.Shared, want incident.CustomerStatus) error {
	ref, err := incident.ParseRef(s.Issue)
	if err != nil {
		return err
	}
	issue, err := e.Issues.GitHub.ReadTicket(e.Ctx, ref)
	if err != nil {
		return fmt.Errorf("read the customer's issue: %w", err)
	}
	told := incident.StatusTold{Customer: s.Customer, Status: want}
	if issue.Gone || !issue.Own || s.ID != 0 && issue.ID != s.ID {
		e.Report(told) // nobody reads it any more
		return nil
	}
	line, err := templates.CustomerIssue("status", e.customerView(""))
	if err != nil {
		return err
	}
	edit := ports.IssueEdit{Body: withStatus(issue.Body, line)}
	switch {
	case want.IsFinal() && issue.Open:
		edit.State = "closed"
	case s.Status.IsFinal() && !want.IsFinal() && !issue.Open:
		edit.State = "open"
	}
	if edit.Body != issue.Body || edit.State != "" {
		if err := e.GitHub.EditIssue(e.Ctx, issue.Ref, edit); err != nil {
			return fmt.Errorf("write into the customer's issue: %w", err)
		}
	}
	e.Report(told)
	return nil
}

// withStatus returns the text of a customer's issue with another status line.
func withStatus(body, line string) string {
	lines := strings.Split(strings.ReplaceAll(body, "\r\n", "\n"), "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, statusStart) {
			lines[i] = line
			return strings.Join(lines, "\n")
		}
	}
	return line + "\n\n" + strings.Join(lines, "\n")
}
