package templates

import (
	"html/template"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// answerPage is the page on which somebody answers who was paged.
var answerPage = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("answer.html").Funcs(template.FuncMap{
		"upper": Capital,
		"utc":   UTC,
		"dated": func(t time.Time) string { return Dated(t, t) },
		"plain": plain,
		"names": func(all []string) string { return strings.Join(all, ", ") },
	}).ParseFS(files, "answer.html"))
})

// AnswerPage is what the page shows on which somebody answers who was paged (I8).
type AnswerPage struct {
	State string // "open", "taken", "expired", "unknown" or "failed"

	Login    string
	Incident string // owner/repo#number; empty: it is being opened
	WaysLink string // of a test: where its person says how pages reach them; empty: nowhere
	Title    string // empty: it is not known
	URL      string // of the issue; empty: it is not known
	Severity string
	Why      string // of the page
	Drill    bool
	Test     string // the repository for which somebody is on call whose pages are tested; empty: an incident pages
	Expires  time.Time
	Brief    *incident.Brief // nil: nothing is known

	Answer string // that was taken just now, one of incident.PageAnswers
	// Refresh is the address that shows what came of it; empty: it is known.
	Refresh string
}

// IsIC reports whether the reader is the Incident Coordinator.
func (a AnswerPage) IsIC() bool {
	return a.Brief != nil && a.Brief.State.IC != "" && strings.EqualFold(a.Brief.State.IC, a.Login)
}

// IsOver reports whether the incident is over.
func (a AnswerPage) IsOver() bool { return a.Brief != nil && !a.Brief.State.Running() }

// WriteAnswerPage writes the page. It needs no script, and asks no other server.
func WriteAnswerPage(w io.Writer, page AnswerPage) error { return answerPage().Execute(w, page) }

// plain returns somebody's words on one line of at most so many characters.
func plain(text string, limit int) string {
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > limit {
		return strings.TrimSpace(string(r[:limit-1])) + "…"
	}
	return text
}
