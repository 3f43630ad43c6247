package incident

// Runbook is what is to be done about an alert, as the repository of the service that is hit, or the
// incident's own, says (L2).
type Runbook struct {
	Search
	URL string `json:"url,omitempty"` // of the one that was found
}

// FindRunbook finds it.
type FindRunbook struct{}

func (FindRunbook) effect() string { return "runbook" }

// OwedRunbook returns the effect that finds the alert's runbook, if it is owed.
func OwedRunbook(s State) []Effect {
	if !s.Runbook.Owed || !s.Running() {
		return nil
	}
	return []Effect{FindRunbook{}}
}

type (
	// RunbookFound says where a runbook is, and how it begins. Without an address there is none.
	RunbookFound struct {
		Name, URL string
		Lines     []string // the first ones, in Markdown
		IsLonger  bool
	}
	// RunbookUnread says that GitHub does not answer whether there is one.
	RunbookUnread struct{}
)

// runbookFound shows a runbook in one comment that is edited in place, once for each.
func (r *run) runbookFound(w RunbookFound) {
	s := &r.Runbook
	s.done()
	if w.URL == "" || w.URL == s.URL {
		return
	}
	s.URL = w.URL
	variant := ""
	if w.IsLonger {
		variant = "longer"
	}
	r.emit(Remind{Key: "runbook/" + keyOf(w.Name), Edit: true, At: r.f.At,
		Say: Say{Name: "runbook", Variant: variant, Lines: w.Lines,
			Links: []Link{{Name: w.Name, URL: w.URL, IsVerified: true}}}})
}
