// Package overview lists incidents and what is known of each, for scripts and for people at a
// terminal. It reads only GitHub (A5): the list of issues, and each incident's card.
package overview

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/firebreak-dev/firebreak/app/card"
	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/texts"
	"github.com/firebreak-dev/firebreak/templates"
)

// GitHub is what reading needs of GitHub.
type GitHub interface {
	// ReadIncidents lists the incidents that changed since a time (zero: all); told hears how many
	// there are so far.
	ReadIncidents(ctx context.Context, owner, repo string, since time.Time,
		told func(n int)) ([]*engine.Snapshot, error)
	// ReadIssue reads an issue; open is asked whether a comment is its card.
	ReadIssue(ctx context.Context, ref incident.Ref,
		open func(*engine.Snapshot, string) (incident.Cursor, bool)) (*engine.Snapshot, error)
	// ReadCard returns an incident's card, one that is believed if there is any; "" if there is none.
	ReadCard(ctx context.Context, ref incident.Ref, believe func(body string) bool) (string, error)
}

// Reader reads incidents.
type Reader struct {
	GitHub GitHub
	Keys   [][]byte // of the cards: card.Keys
	Now    func() time.Time
}

// Found is an incident as its issue and its card say.
type Found struct {
	Issue *engine.Snapshot
	State incident.State
	At    time.Time // when it was read
}

// ErrNoCard says that an issue has no card that this App wrote.
var ErrNoCard = errors.New("it isn't an incident, or its card is not of this App: check the webhook secret")

// Show reads one incident.
func (r *Reader) Show(ctx context.Context, ref incident.Ref) (Found, error) {
	var f Found
	isFound := false
	issue, err := r.GitHub.ReadIssue(ctx, ref, func(issue *engine.Snapshot, body string) (incident.Cursor, bool) {
		c, err := r.open(issue, body)
		if err != nil {
			return incident.Cursor{}, false
		}
		isFound, f.State = true, c.State
		return c.State.Cursor, true
	})
	switch {
	case err != nil:
		return f, fmt.Errorf("read %s: %w", ref, err)
	case issue.Gone:
		return f, fmt.Errorf("read %s: the issue is not there, or the App may not read it", ref)
	case !isFound:
		return f, fmt.Errorf("read %s: %w", ref, ErrNoCard)
	}
	f.Issue, f.At = issue, r.Now()
	return f, nil
}

// List reads the incidents of a repository that run, the newest first; with all, those too that
// are over.
func (r *Reader) List(ctx context.Context, owner, repo string, all bool) ([]Found, error) {
	issues, err := r.GitHub.ReadIncidents(ctx, owner, repo, time.Time{}, func(int) {})
	if err != nil {
		return nil, fmt.Errorf("list the incidents of %s/%s: %w", owner, repo, err)
	}
	var found []Found
	for _, issue := range issues {
		if !issue.Open && !all {
			continue
		}
		body, err := r.GitHub.ReadCard(ctx, issue.Ref, func(body string) bool {
			_, err := r.open(issue, body)
			return err == nil
		})
		if err != nil {
			return nil, fmt.Errorf("read the card of %s: %w", issue.Ref, err)
		}
		if c, err := r.open(issue, body); err == nil && c.State.Declared != nil {
			found = append(found, Found{issue, c.State, r.Now()})
		}
	}
	slices.SortFunc(found, func(a, b Found) int { return cmp.Compare(b.Issue.Ref.Number, a.Issue.Ref.Number) })
	return found, nil
}

// open opens the card of an issue.
func (r *Reader) open(issue *engine.Snapshot, body string) (card.Card, error) {
	return card.OpenIn(body, card.Issue{Ref: issue.Ref, ID: issue.ID}, r.Keys)
}

// Incident is an incident as scripts read it. No key changes its name or its meaning.
type Incident struct {
	Number     int        `json:"number"`
	Title      string     `json:"title"`
	URL        string     `json:"url"`
	Declared   time.Time  `json:"declared"`
	Phase      string     `json:"phase"`
	Severity   string     `json:"severity"` // as confirmed or, until then, as reported; empty: not known
	Confirmed  bool       `json:"confirmed"`
	Drill      bool       `json:"drill"`
	Outcome    string     `json:"outcome"` // of one that is over: "closed", "declined" or "duplicate"
	IC         string     `json:"ic"`      // empty: nobody
	OEs        []string   `json:"oes"`
	Customers  []string   `json:"customers"`
	Impact     string     `json:"impact"`
	Began      *time.Time `json:"began"`       // null: nobody said
	NextUpdate *time.Time `json:"next_update"` // null: none is due
	Updates    Updates    `json:"updates"`
	Pages      []Page     `json:"pages"` // the newest 20, oldest first
	Findings   []string   `json:"findings"`
	Actions    []string   `json:"actions"`
	Cause      *string    `json:"cause"` // the first words; null: not known
	Workaround *string    `json:"workaround"`
	Fix        *string    `json:"fix"`
	FollowUps  []FollowUp `json:"followups"`
	Frozen     []string   `json:"frozen"`
	Suspects   []string   `json:"suspects"`
	Service    *Service   `json:"service"` // that is hit; null: nobody named one
}

// Updates counts customer updates.
type Updates struct {
	Kept    int `json:"kept"`
	Missed  int `json:"missed"`
	Snoozed int `json:"snoozed"`
}

// Page is a page that went out.
type Page struct {
	To         []string  `json:"to"`
	At         time.Time `json:"at"`
	AnsweredBy string    `json:"answered_by"` // empty: nobody
}

// FollowUp is work that outlives the incident.
type FollowUp struct {
	Title  string `json:"title"`
	Ticket string `json:"ticket"` // owner/repo#number; empty: not opened yet
	Owner  string `json:"owner"`
	Due    string `json:"due"` // YYYY-MM-DD; empty: none
	Done   bool   `json:"done"`
}

// Service is the service that an incident hits, and what is known of it.
type Service struct {
	Name       string   `json:"name"`
	Repository string   `json:"repository"` // owner/repo; empty: not known
	Owners     []string `json:"owners"`     // team slugs, and people with @
	Runbook    string   `json:"runbook"`    // address; empty: none
	DependsOn  []string `json:"depends_on"`
	NeededBy   []string `json:"needed_by"`
	FoundBy    string   `json:"found_by"` // name, summary or change: the last two are guesses
}

// foundBy says how it is known which service is hit.
var foundBy = map[string]string{incident.HitNamed: "name", incident.HitSummary: "summary",
	incident.HitSuspect: "change"}

// View returns what scripts read of an incident.
func (f Found) View() Incident {
	s := f.State
	i := Incident{Number: f.Issue.Ref.Number, Title: f.Issue.Title, URL: f.Issue.URL, Phase: string(s.Phase),
		Severity: cmp.Or(s.Severity, s.Claimed), Confirmed: s.Confirmed != nil, Drill: s.Drill, IC: s.IC,
		OEs: listOf(s.OEs), Customers: listOf(s.Customers), NextUpdate: momentOf(s.Updates.Due), Began: momentOf(s.Began),
		Updates: Updates{s.Updates.Kept, s.Updates.Missed, s.Updates.Snoozed},
		Cause:   textOf(s.Cause), Workaround: textOf(s.Workaround), Fix: textOf(s.Fix),
		Pages: []Page{}, FollowUps: []FollowUp{},
		Findings: wordsOf(s.Found), Actions: wordsOf(s.Tried), Frozen: []string{}, Suspects: []string{}}
	if s.Declared != nil {
		i.Declared = s.Declared.At
	}
	if s.Impact != nil {
		i.Impact = s.Impact.Text
	}
	switch {
	case s.Outcome != "":
		i.Outcome = string(s.Outcome)
	case s.Closed != nil:
		i.Outcome = "closed"
	}
	answered := s.Paging.AnsweredPage()
	for n, p := range s.Paging.Pages {
		page := Page{To: listOf(p.To), At: p.At}
		if n == answered {
			page.AnsweredBy = s.Paging.Answered.By
		}
		i.Pages = append(i.Pages, page)
	}
	for _, suspect := range s.Changes.Suspects {
		i.Suspects = append(i.Suspects, suspect.Ref)
	}
	if h := s.Hit; h.Name != "" {
		i.Service = &Service{Name: h.Name, Repository: h.Repo, Owners: listOf(h.Owners), Runbook: h.Runbook,
			DependsOn: listOf(h.DependsOn), NeededBy: listOf(h.NeededBy), FoundBy: foundBy[h.How]}
	}
	for _, fu := range s.FollowUps {
		title := fu.Text
		if fu.Auto {
			title = "Replace the workaround"
		} else if fu.Section != "" {
			title = "Write the postmortem: " + fu.Section
		}
		i.FollowUps = append(i.FollowUps,
			FollowUp{Title: title, Ticket: fu.Ticket, Owner: fu.Owner, Due: fu.Due, Done: fu.Done})
	}
	return i
}

func listOf(names []string) []string { return append([]string{}, names...) }

func momentOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func textOf(s *incident.Stamp) *string {
	if s == nil {
		return nil
	}
	return &s.Text
}

func wordsOf(list []incident.Stamp) []string {
	words := []string{}
	for _, s := range list {
		words = append(words, s.Text)
	}
	return words
}

// Brief returns what somebody who joins needs to know, as Markdown that reads well at a terminal too.
func (f Found) Brief() (string, error) {
	b := incident.BriefOf(f.State, incident.DefaultPolicy(), incident.Person{}, f.At)
	b.Mine, b.Missing = nil, nil // who asks is nobody on GitHub, and the repository's own policy was not read
	text, err := templates.Comment(incident.Say{Name: "brief", Brief: &b})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s#%d %s\n%s\n\n%s\n",
		f.Issue.Ref.FullName(), f.Issue.Ref.Number, texts.Squeeze(texts.Clean(f.Issue.Title)),
		f.Issue.URL, strings.TrimSpace(text)), nil
}

// WriteJSON writes a value as scripts read it.
func WriteJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// WriteTable writes the incidents one per line.
func WriteTable(w io.Writer, found []Found) error {
	if len(found) == 0 {
		_, err := fmt.Fprintln(w, "No incident is open.")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "NUMBER\tSEVERITY\tPHASE\tIC\tNEXT UPDATE\tTITLE")
	for _, f := range found {
		v := f.View()
		severity := cmp.Or(v.Severity, "-")
		if !v.Confirmed {
			severity += "?"
		}
		due := "-"
		if v.NextUpdate != nil {
			due = v.NextUpdate.UTC().Format("2 Jan 15:04 UTC")
		}
		fmt.Fprintf(t, "#%d\t%s\t%s\t%s\t%s\t%s\n", v.Number, severity, cmp.Or(v.Outcome, v.Phase), cmp.Or(v.IC, "-"), due,
			texts.Truncate(texts.Squeeze(texts.Clean(v.Title)), 60))
	}
	return t.Flush()
}
