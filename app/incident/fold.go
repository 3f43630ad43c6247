package incident

import (
	"errors"
	"fmt"
	"net/url"
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
	Duplicate Kind = "duplicate"
)

var _ = register(Row{
	Kind: Duplicate, Verbs: []string{VerbIncident}, Word: "duplicate",
	Usage: "/incident duplicate #n", Does: "close it as a duplicate of another incident",
	Example: "/incident duplicate #4", Who: Responder, Place: 150,
}, parseDuplicate, (*run).foldInto)

// beforeNumber are words that people write before the number of the other incident.
var beforeNumber = map[string]bool{
	"of": true, "to": true, "with": true, "as": true, "in": true, "into": true, "the": true,
	"incident": true, "issue": true, "number": true, "no": true,
}

// parseDuplicate reads the other incident: its number, its name or its address.
func parseDuplicate(w words.Words) (Command, error) {
	w = w.First()
	line := w.Line
	for {
		if repo, n, rest, ok := cutIssue(line); ok {
			return Command{Repo: repo, Number: n, Text: w.WithLine(rest).Text()}, nil
		}
		word, rest := words.Cut(line)
		if !beforeNumber[strings.ToLower(strings.Trim(word, ".:"))] {
			break
		}
		line = rest
	}
	for word := range strings.FieldsSeq(w.Line) { // "the same as we saw in #4"
		if !strings.ContainsAny(word, "#/") {
			continue
		}
		if repo, n, _, ok := cutIssue(word); ok {
			return Command{Repo: repo, Number: n, Text: w.Text()}, nil
		}
	}
	return Command{}, errors.New("add the number of the other incident: #12")
}

// linkedIssue is an issue's address as the target of a Markdown link.
var linkedIssue = lazily.Compile(`^\[[^\]\n]*\]\(<?([^)>\s]+)>?(?:\s+"[^"\n]*")?\)`)

// cutIssue cuts the issue off that a text begins with: its repository, if one is named, and its
// number.
func cutIssue(line string) (repo string, n int, rest string, ok bool) {
	if m := linkedIssue.FindStringSubmatch(line); m != nil {
		repo, n, ok = naming.ReadIssue(m[1])
		return repo, n, strings.TrimLeft(line[len(m[0]):], " \t"+words.Marks), ok
	}
	word, rest := words.Cut(line)
	repo, n, ok = naming.ReadIssue(strings.Trim(word, "<>().,:;!*\"'“”`"))
	return repo, n, rest, ok
}

// Folding. `/incident duplicate #n` closes an incident and passes what it had on to the other one:
// the other's own look takes it, and writes it into a comment of its timeline, from which a lost
// card is built again.

// Why an incident can't be folded into another one.
const (
	OtherSelf       = "self"         // it is this one
	OtherElsewhere  = "elsewhere"    // it is in another repository
	OtherPull       = "pull"         // it is a pull request
	OtherMissing    = "missing"      // there is no such issue, or not any more
	OtherNoIncident = "not-incident" // it is an issue that nobody declared
	OtherDeclined   = "declined"     // it was a false alarm
	OtherDuplicate  = "duplicate"    // it was folded into another one itself
	OtherFoldedHere = "folded-here"  // it was folded into this one
	OtherWasRefused = "refused"      // it was refused when the command was read first
	keptFolds       = 50
	keptSources     = 8
	keptFoldNames   = 20 // customers of one fold
	maxFoldName     = 80 // bytes of a name in a comment's hidden part
	maxHops         = 8  // incidents that a fold is passed on by
)

// Other is the issue that `/incident duplicate` names, looked up before the fact is made.
type Other struct {
	Why  string // one of Other…; empty: it is an incident that this one can be folded into
	Into int    // of a duplicate, the number of the incident that it was folded into; 0: not known
}

// Fold is what an incident leaves to the one that it was folded into. It is how the one reports to
// the other, and what the other writes into its timeline.
type Fold struct {
	From      int       `json:"from"`         // number of the incident that was folded first
	Fact      string    `json:"fact"`         // id of the command that did
	By        string    `json:"by,omitempty"` // who wrote it
	At        time.Time `json:"at"`           // when
	Customers []string  `json:"customers,omitempty"`
	Sources   []string  `json:"sources,omitempty"` // what reported it
	Hops      int       `json:"hops,omitempty"`    // incidents that passed it on
	Lowest    int       `json:"lowest,omitempty"`  // of them and of From, the lowest number
}

// Folded is one fold that an incident has taken.
type Folded struct {
	From int    `json:"n"`
	Fact string `json:"i"`
}

// PassFold leaves to the incident Into what another one, or several, had.
type PassFold struct {
	Fact string // that asks for it; empty: it only passes on
	Into int
	Fold Fold
}

func (PassFold) effect() string { return "fold" }

// FoldedIn says that another incident was folded into this one, whose number is Into.
type FoldedIn struct {
	Fold
	Ref  string // of the other one, owner/repo#number
	Into int
}

// foldInto is `/incident duplicate`: this incident ends, and the other one gets what it had.
func (r *run) foldInto(c Command) {
	name := "#" + strconv.Itoa(c.Number)
	if c.Other != nil && c.Other.Why != "" {
		if c.Other.Why == OtherElsewhere {
			name = c.Repo + name
		}
		say := Say{Name: "duplicate-refused", Variant: c.Other.Why, Line: name}
		if c.Other.Into != 0 {
			say.Command = "/incident duplicate #" + strconv.Itoa(c.Other.Into)
		}
		r.refuse(say)
		return
	}
	fold := Fold{Fact: r.f.ID, By: r.f.By.Login, At: r.f.At, Customers: slices.Clone(r.Customers), Sources: r.sources()}
	r.endAs(Duplicated, c.Number, c.Text)
	r.emit(PassFold{Fact: r.f.ID, Into: c.Number, Fold: fold})
}

// sources lists what reported the incident, people apart.
func (s State) sources() (names []string) {
	switch s.Source {
	case "form", "command", "label", "":
	default:
		names = append(names, s.Source)
	}
	return append(names, s.Sources...)
}

// ReportedBy lists what reported the incident, people apart.
func (s State) ReportedBy() []string { return s.sources() }

// foldedIn takes what another incident had.
func (r *run) foldedIn(f FoldedIn) {
	folded := Folded{f.From, f.Fact}
	if f.From < 1 || f.Fact == "" || slices.Contains(r.Folded, folded) {
		return
	}
	say := Say{Name: "folded", Line: f.Ref, Holder: f.By, Lines: f.Sources}
	if r.Outcome == Duplicated {
		lowest := min(f.From, f.Into)
		if f.Lowest != 0 {
			lowest = min(lowest, f.Lowest)
		}
		inCircle := f.From == f.Into || f.From == r.Duplicate
		switch {
		case inCircle && f.Into == lowest:
			// each was folded into the other at the same time: the oldest stays
			r.undoFold()
			say.Variant = "reopened"
		case inCircle:
			return
		default: // it was folded itself since: where it went, this goes too
			if f.Hops < maxHops {
				on := f.Fold
				on.Hops, on.Lowest = f.Hops+1, lowest
				r.emit(PassFold{Into: r.Duplicate, Fold: on})
			}
			return
		}
	}
	if f.From == f.Into { // its own, come back
		if say.Variant != "" {
			r.Folded = keepNewest(append(r.Folded, folded), keptFolds)
			r.emit(Remind{Key: f.key(), At: r.f.At, Say: Say{Name: "folded", Variant: "circle", Line: f.Ref}})
		}
		return
	}
	r.Folded = keepNewest(append(r.Folded, folded), keptFolds)
	r.recordAt(Entry{At: f.At, By: f.By, Kind: "folded", What: "#" + strconv.Itoa(f.From)})
	names, _ := r.p.ReadCustomers(f.Customers...)
	for _, n := range names {
		if !naming.Contains(r.Customers, n) {
			say.Names = append(say.Names, n)
			r.Customers = append(r.Customers, n)
			r.recordAt(Entry{At: f.At, By: f.By, Kind: "customer", What: n})
		}
	}
	if len(r.Customers) > 0 {
		r.noCustomers(false)
	}
	for _, name := range f.Sources {
		if !naming.Contains(r.sources(), name) && len(r.Sources) < keptSources {
			r.Sources = append(r.Sources, name)
		}
	}
	r.emit(Remind{Key: f.key(), At: r.f.At, Say: say})
}

// undoFold opens an incident again that was folded into another one.
func (r *run) undoFold() {
	r.Closed, r.Outcome, r.Duplicate = nil, "", 0
	r.record("reopened", "", "")
	if r.Critical(r.p) && r.Phase != Monitoring && r.Phase != Closing {
		r.startUpdates()
	}
	r.seekCoordinator()
}

// key writes a fold for the hidden part of the comment that reports it:
// folded/5/c123.0/1772447000/bob/globex,initech/Alertmanager.
func (f Fold) key() string {
	names := func(list []string, most int) string {
		var out []string
		for _, n := range list[:min(len(list), most)] {
			if len(n) > maxFoldName {
				n = strings.ToValidUTF8(n[:maxFoldName], "")
			}
			out = append(out, url.PathEscape(n))
		}
		return strings.Join(out, ",")
	}
	return fmt.Sprintf("folded/%d/%s/%d/%s/%s/%s", f.From, f.Fact, f.At.Unix(), names([]string{f.By}, 1),
		names(f.Customers, keptFoldNames), names(f.Sources, keptSources))
}

// ParseFold reads what a comment says of a fold.
func ParseFold(key string) (f Fold, ok bool) {
	parts := strings.Split(key, "/")
	if len(parts) != 7 || parts[0] != "folded" {
		return f, false
	}
	names := func(list string) (out []string) {
		for part := range strings.SplitSeq(list, ",") {
			name, err := url.PathUnescape(part)
			if ok = ok && err == nil; name != "" {
				out = append(out, name)
			}
		}
		return out
	}
	from, err := strconv.Atoi(parts[1])
	at, err2 := strconv.ParseInt(parts[3], 10, 64)
	ok = err == nil && err2 == nil && from > 0 && parts[2] != ""
	f = Fold{From: from, Fact: parts[2], At: time.Unix(at, 0).UTC(), Customers: names(parts[5]),
		Sources: names(parts[6])}
	if by := names(parts[4]); len(by) > 0 {
		f.By = by[0]
	}
	return f, ok
}
