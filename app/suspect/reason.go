package suspect

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ReasonKind is why a change is suspected, or is not.
type ReasonKind string

// The kinds of reasons. Each has a row in the table of weights.
const (
	Live ReasonKind = "live" // when it reached production, or the default branch

	Service     ReasonKind = "service"      // its repository is the service that is hit
	ServicePath ReasonKind = "service path" // a path has the name of that service
	Named       ReasonKind = "named"        // its repository is named in the words
	Related     ReasonKind = "related"      // its repository shares a word with the service

	Path  ReasonKind = "path"  // a path fits a word of the symptoms
	Title ReasonKind = "title" // the title, or a label, fits one

	Migration      ReasonKind = "migration"
	Settings       ReasonKind = "settings"
	Infrastructure ReasonKind = "infrastructure"
	Pipeline       ReasonKind = "pipeline" // how it is built or deployed
	Update         ReasonKind = "update"   // of a dependency
	Switch         ReasonKind = "switch"   // its title says that it changes how something runs
	Wording        ReasonKind = "wording"  // its title says that it changes words, and not what runs
	Brings         ReasonKind = "brings"   // what is in a release

	Deployed ReasonKind = "deployed" // GitHub knows that it runs in production
	NotLive  ReasonKind = "not live" // its repository was deployed, without it

	RevertedBefore ReasonKind = "reverted before"
	TakenBack      ReasonKind = "taken back"
	Revert         ReasonKind = "revert" // it takes back another change

	Direct ReasonKind = "direct" // pushed without a pull request
	Bot    ReasonKind = "bot"
	Size   ReasonKind = "size"
	Docs   ReasonKind = "docs"  // it changes only documentation
	Tests  ReasonKind = "tests" // it changes only tests
)

// Reason is why a change is suspected, in the parts from which a sentence is made. Detail and Word
// come from what others wrote; who shows them makes them inert.
type Reason struct {
	Kind   ReasonKind
	Points float64 // what it adds to the score

	Detail string // a path, a repository, the Ref of a deployment or of what is taken back
	Word   string // of the symptoms, which the detail fits
	Alert  bool   // the word, or the service, is from a label of an alert
	// Mentioned says of ServicePath that the service is only named in the words.
	Mentioned bool

	Before time.Duration // of Live: how long before the start; negative: after it
	Merged bool          // of Live: only when it was merged is known
	Files  int           // of Size; 0: not known
	Lines  int           // of Size; 0: not known
}

// String returns the reason in words, for example "live 9 min before the start".
func (r Reason) String() string {
	switch r.Kind {
	case Live:
		return r.timing()
	case Service:
		return "in " + r.Detail + ", " + r.whose()
	case ServicePath:
		return "changes " + r.Detail + ", which has the name of " + r.whose()
	case Named:
		return r.Detail + " is named in the summary or a finding"
	case Related:
		return fmt.Sprintf("%s shares the word %q with %s", r.Detail, r.Word, r.whose())
	case Path:
		return fmt.Sprintf("changes %s, which fits %q in %s", r.Detail, r.Word, r.where())
	case Title:
		return fmt.Sprintf("its title fits %q in %s", r.Word, r.where())
	case Migration:
		return "changes the database: " + r.Detail
	case Settings:
		return "changes configuration: " + r.Detail
	case Infrastructure:
		return "changes infrastructure: " + r.Detail
	case Pipeline:
		return "changes how it is built or deployed: " + r.Detail
	case Brings:
		return "brings " + r.Detail
	case Revert:
		return "takes back " + r.Detail
	case Size:
		return r.size()
	}
	return phrases[r.Kind]
}

// phrases are the reasons that have no parts.
var phrases = map[ReasonKind]string{
	Update:         "updates a dependency",
	Switch:         "switches something on, off or over, or makes it faster, as its title says",
	Wording:        "changes words or style, as its title says",
	Deployed:       "deployed to production",
	NotLive:        "not deployed before the start, as far as GitHub knows",
	RevertedBefore: "was reverted before",
	TakenBack:      "was reverted since",
	Direct:         "pushed without a pull request",
	Bot:            "made by a bot",
	Docs:           "changes only documentation",
	Tests:          "changes only tests",
}

// timing returns when the change came, seen from the start.
func (r Reason) timing() string {
	verb := "live"
	if r.Merged {
		verb = "merged"
	}
	when := verb + " " + span(r.Before) + " before the start"
	if r.Before < time.Minute {
		when = verb + " as the impact started"
	}
	if r.Detail != "" {
		when += ", with " + r.Detail
	}
	return when
}

func (r Reason) whose() string {
	switch {
	case r.Alert:
		return "the service of the alert"
	case r.Mentioned:
		return "a service in the summary or a finding"
	}
	return "the service that is hit"
}

func (r Reason) where() string {
	if r.Alert {
		return "the alert"
	}
	return "the summary or a finding"
}

func (r Reason) size() string {
	var parts []string
	if r.Files > 0 {
		parts = append(parts, count(r.Files, "file"))
	}
	if r.Lines > 0 {
		parts = append(parts, count(r.Lines, "line"))
	}
	return strings.Join(parts, ", ")
}

// maxListed is how many changes of a release are named.
const maxListed = 3

// list names what a release brings: "acme/ui-kit#1, acme/ui-kit#2 and 6 others".
func list(all []Change) string {
	var refs []string
	for _, c := range all[:min(len(all), maxListed)] {
		refs = append(refs, c.Ref)
	}
	if more := len(all) - len(refs); more > 0 {
		return strings.Join(refs, ", ") + " and " + count(more, "other")
	}
	return strings.Join(refs, ", ")
}

// count returns a number of things: 1 file, 2 files.
func count(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return strconv.Itoa(n) + " " + of + "s"
}

// span returns a duration as people say it: 9 min, 3 h, 2 days.
func span(d time.Duration) string {
	m := int(d.Round(time.Minute) / time.Minute)
	switch {
	case m < 60:
		return strconv.Itoa(m) + " min"
	case m < 10*60 && m%60 != 0:
		return fmt.Sprintf("%d h %d min", m/60, m%60)
	case m < 48*60:
		return strconv.Itoa((m+30)/60) + " h"
	}
	return strconv.Itoa((m+12*60)/(24*60)) + " days"
}
