package templates

import _ "embed"

var (
	//go:embed postmortem.md
	postmortem string
	//go:embed own/postmortem.md
	ownPostmortem string
	//go:embed ticket.md
	ticket string
	//go:embed pull.md
	pull string
)

// Postmortem returns the template of the postmortem document. Besides Funcs it needs those of the
// package that fills it in.
func Postmortem() string { return postmortem }

// OwnPostmortem returns the standard document as a repository's template, to begin a template of
// one's own from.
func OwnPostmortem() string { return ownPostmortem }

// Ticket returns the template of a follow-up's text.
func Ticket() string { return ticket }

// Pull returns the template of the text of the postmortem's pull request.
func Pull() string { return pull }
