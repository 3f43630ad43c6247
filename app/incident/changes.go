package incident

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/words"
)

// The commands of this file.
const (
	FindChanges Kind = "changes"
	ClearChange Kind = "clear"
)

var _ = register(Row{
	Kind: FindChanges, Verbs: []string{VerbIncident}, Word: "changes",
	Usage:   "/incident changes [since 2h] [owner/repo …]",
	Does:    "list what changed before the start, the most suspect first",
	Example: "/incident changes since 2h", Who: Responder, Place: 138,
}, parseChanges, (*run).findChanges)

var _ = register(Row{
	Kind: ClearChange, Verbs: []string{VerbOE}, Word: "clear",
	Usage: "/oe clear owner/repo#n why", Does: "record that a change is not the cause",
	Example: "/oe clear acme/payments#41 it was rolled back at 10:20", Who: HolderOE, Place: 455,
	IsCorrectable: true,
}, parseClear, (*run).clearChange)

// ChangeRules say where what changed is looked for (X1).
type ChangeRules struct {
	Automatic    bool          // once an incident is confirmed as critical
	LookBack     time.Duration // how long before the start
	Environments []string      // those of production; empty: IsProduction decides by the name
	Watched      []WatchedPath // a push that touches one counts, whatever it came by
}

// WatchedPath is a path in a repository: a folder, or a file.
type WatchedPath struct{ Repo, Path string }

// productionNames are what the environments of production are called, or begin with.
var productionNames = []string{"prod", "production", "live", "prd"}

// IsProduction reports whether a deployment to an environment reaches customers.
func (c ChangeRules) IsProduction(environment string) bool {
	if len(c.Environments) > 0 {
		return naming.Contains(c.Environments, environment)
	}
	first, _, _ := strings.Cut(strings.NewReplacer("_", "-", " ", "-", "/", "-").Replace(naming.Key(environment)), "-")
	return slices.Contains(productionNames, first)
}

const (
	// maxLookBack is how far back people may look, and mostChangeRepos how many repositories they
	// may name.
	maxLookBack     = 14 * 24 * time.Hour
	mostChangeRepos = 10
	// MostSuspects is how many changes are listed, and keptCleared how many that were set aside are
	// remembered.
	MostSuspects = 5
	keptCleared  = 50
)

// Changes is what changed before an incident started, as far as it was looked for (X1).
type Changes struct {
	Search
	Since    time.Time `json:"since,omitzero"`  // from when; zero: as the policy says
	Repos    []string  `json:"repos,omitempty"` // owner/repo; empty: all
	Read     time.Time `json:"read,omitzero"`   // when the newest was made
	Suspects []Suspect `json:"suspects,omitempty"`
	Cleared  []string  `json:"cleared,omitempty"` // names of changes that are not the cause
}

// Suspect is a change that an incident may come from, as the list and the card show it.
type Suspect struct {
	Ref   string   `json:"ref"` // as people name it: acme/payments#41, acme/payments@v1.4.0
	Title string   `json:"title,omitempty"`
	URL   string   `json:"url,omitempty"`
	By    string   `json:"by,omitempty"`  // login of who merged or deployed it; never mentioned
	Why   []string `json:"why,omitempty"` // the most telling reason first
}

// parseChanges reads since when, and in which repositories.
func parseChanges(w words.Words) (Command, error) {
	line := strings.TrimSpace(w.Line)
	c := Command{}
	if rest, ok := words.CutPrefix(line, "since"); ok {
		rest = strings.TrimSpace(rest)
		back, after, err := cutLookBack(rest)
		switch {
		case err != nil:
			return Command{}, err
		case back > 0:
			c.After, line = back, after
		default:
			when, after := readMoment(rest)
			if when.Said == "" {
				return Command{}, errors.New("add since when after “since”: 2h, 13:00 or 2026-03-02 13:00")
			}
			c.Entries, line = []Line{{When: when}}, after
		}
	}
	for word := range strings.FieldsFuncSeq(line, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
		word = strings.TrimRight(word, ".:;!")
		switch {
		case word == "":
		case !naming.IsRepository(word):
			return Command{}, fmt.Errorf("%s is not a repository: name it as owner/repo, after “since 2h” "+
				"(if it begins the summary, write the severity first: /incident critical …)", words.FirstLine(word))
		case len(c.Names) == mostChangeRepos:
			return Command{}, fmt.Errorf("name at most %d repositories", mostChangeRepos)
		case !naming.Contains(c.Names, word):
			c.Names = append(c.Names, word)
		}
	}
	return c, nil
}

// daysBack is a number of days as people write it.
var daysBack = lazily.Compile(`^(?i)(\d{1,3})\s*(?:days?|d)(?:[\s.,:;]+|$)`)

// cutLookBack reads how long before the start changes are looked for: 2h, 1h30m, 3d. It returns 0 for what is no
// such span.
func cutLookBack(s string) (back time.Duration, rest string, err error) {
	if m := daysBack.FindStringSubmatch(s); m != nil {
		days, _ := strconv.Atoi(m[1])
		back, rest = time.Duration(days)*24*time.Hour, s[len(m[0]):]
	} else if m := hoursAndMinutes.FindStringSubmatch(s); m != nil && m[1]+m[2] != "" {
		hours, _ := strconv.Atoi(m[1]) // empty is 0
		minutes, _ := strconv.Atoi(m[2])
		back, rest = time.Duration(hours)*time.Hour+time.Duration(minutes)*time.Minute, s[len(m[0]):]
	} else {
		return 0, s, nil
	}
	if back <= 0 || back > maxLookBack {
		return 0, s, errors.New("changes are looked for up to 14 days back: since 2h, since 3d")
	}
	return back, rest, nil
}

// parseClear reads which change is not the cause, and why.
func parseClear(w words.Words) (Command, error) {
	w = w.First()
	name, rest := words.Cut(w.Line)
	ref, ok := readChangeName(name)
	if !ok {
		return Command{}, errors.New("add which change is not the cause: owner/repo#n, or as the list names it")
	}
	why := w.WithLine(strings.TrimLeft(rest, "–—-: ")).Text()
	if because, ok := words.CutPrefix(why, "because"); ok {
		why = because
	}
	if why == "" {
		return Command{}, errors.New("add why it is not the cause")
	}
	return Command{Names: []string{ref}, Text: ref + " is not the cause: " + why}, nil
}

// readChangeName reads the name of a change: a pull request, or a commit, tag or deployment of a
// repository.
func readChangeName(s string) (ref string, ok bool) {
	s = strings.TrimRight(strings.Trim(s, "`*<>()"), ".,:;")
	if repo, of, isCommit := strings.Cut(s, "@"); isCommit && naming.IsRepository(repo) && of != "" {
		return s, true
	}
	repo, number, ok := naming.ReadIssue(s)
	return fmt.Sprintf("%s#%d", repo, number), ok && repo != ""
}

// findChanges notes that somebody asks what changed.
func (r *run) findChanges(c Command) {
	since := time.Time{}
	switch {
	case c.After > 0: // what came after the start is not the cause
		since = r.Start().Add(-c.After)
	case len(c.Entries) > 0:
		when := c.Entries[0].When
		at, _, why := when.resolve(r.f.At, r.p.Zone)
		start := r.Start()
		switch {
		case why != "":
		case !at.Before(start):
			why = "that is not before the start, " + r.spellTime(start) + ", and what came later is not the cause " +
				"(to move the start: /incident started 13:05)"
		case start.Sub(at) > maxLookBack:
			why = "that is more than 14 days before the start"
		}
		if why != "" {
			r.react(Unclear)
			r.reply(Say{Name: "noted", Missing: []string{fmt.Sprintf("“%s”: %s", when.Said, why)}})
			return
		}
		since = at
	}
	r.Changes.Since, r.Changes.Repos = since, c.Names
	r.Changes.want(true)
	r.done()
}

// clearChange sets a change aside: the list is made again without it.
func (r *run) clearChange(c Command) {
	for _, ref := range c.Names {
		if !naming.Contains(r.Changes.Cleared, ref) {
			r.Changes.Cleared = keepNewest(append(r.Changes.Cleared, ref), keptCleared)
		}
	}
	if len(r.Changes.Suspects) > 0 {
		r.Changes.Suspects = slices.DeleteFunc(slices.Clone(r.Changes.Suspects),
			func(s Suspect) bool { return naming.Contains(r.Changes.Cleared, s.Ref) })
		r.Changes.want(false)
	}
	r.Findings++
	r.Found = keepNewest(append(r.Found, r.stampText(c.Text)), keptKnown)
	r.record("finding", "", c.Text)
	r.done()
}

// ListChanges looks for what changed and makes a list of it, the most suspect first (X1).
type ListChanges struct {
	From, Until time.Time // until the start of the impact
	Repos       []string  // owner/repo; empty: all that the App sees
	Cleared     []string
}

func (ListChanges) effect() string { return "changes" }

// Start returns when the impact began, as far as it is known.
func (s State) Start() time.Time {
	if !s.Began.IsZero() || s.Declared == nil {
		return s.Began
	}
	return s.Declared.At
}

// OwedChanges returns the effect that looks for what changed, if one is owed.
func OwedChanges(s State, p Policy) []Effect {
	if !s.Changes.Owed || !s.Running() {
		return nil
	}
	from := s.Changes.Since
	if !from.Before(s.Start()) || from.IsZero() { // somebody may have moved the start since
		from = s.Start().Add(-p.Changes.LookBack)
	}
	return []Effect{ListChanges{From: from, Until: s.Start(), Repos: s.Changes.Repos, Cleared: s.Changes.Cleared}}
}

// ChangesListed says what changed before the start.
type ChangesListed struct {
	From     time.Time
	Suspects []Suspect
	Seen     int      // changes that were looked at
	Unread   []string // what GitHub does not let the App read
}

// ChangesUnread says that GitHub does not answer what changed.
type ChangesUnread struct{}

// changesListed keeps the list, and shows it in one comment that is edited in place.
func (r *run) changesListed(w ChangesListed) {
	c := &r.Changes
	c.Suspects = w.Suspects[:min(len(w.Suspects), MostSuspects)]
	isAsked, isShown := c.done(), r.Said[changesTopic] != 0
	c.Read = r.f.At
	if len(c.Suspects) == 0 && !isAsked && !isShown {
		return // nobody asked, and there is nothing to say
	}
	c.Lists++
	r.emit(Remind{Key: fmt.Sprintf("changes/%d", c.Lists), Edit: true, At: r.f.At,
		Say: Say{Name: "changes", Suspects: c.Suspects, Time: r.Start(), Since: w.From, Count: w.Seen,
			Missing: w.Unread, Names: c.Cleared}})
}

// changesTopic is the topic of the comment that lists what changed.
const changesTopic = "changes"
