package stats

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// Report is what the figures of many incidents come to.
type Report struct {
	Repo  string    // owner/repo
	Since time.Time // zero: from the first incident on
	At    time.Time
	Rows  []Row // the incidents that count, in the order of their declaration

	Drills, Declined, Duplicates int   // left out of everything else
	Unread                       []int // issues without a card of ours

	All        Group
	Severities []Group
	Months     []Group // of the declaration, in UTC; none is missing between the first and the last
	Customers  []Group // an incident counts for each of its customers
}

// Row is one incident.
type Row struct {
	Number int
	Title  string
	URL    string
	incident.Metrics
}

// Group is what some of the incidents come to.
type Group struct {
	Name      string
	Incidents int
	Regressed int                         // incidents with a regression
	Times     map[incident.Figure]Summary // those that are known of any incident
	Counts    map[incident.Figure]int     // sums
}

// Summary is what a time comes to over the incidents of which it is known.
type Summary struct {
	Known  int
	Median time.Duration // of an even number: the mean of the two in the middle
	P90    time.Duration // the smallest that at least nine in ten do not exceed
	Mean   time.Duration
}

// Names of the groups of incidents of which something is not known.
const (
	unconfirmed = "unconfirmed"
	noCustomer  = "(none named)"
)

// NewReport makes the report of what was read.
func NewReport(read *Read) *Report {
	r := &Report{Repo: read.Owner + "/" + read.Repo, Since: read.Since, At: read.At, Unread: read.Unread}
	for _, f := range read.Incidents {
		m := incident.Measure(f.State, f.Issue.Created, read.At)
		switch m.LeftOut {
		case "":
			r.Rows = append(r.Rows, Row{Number: f.Issue.Ref.Number, Title: f.Issue.Title, URL: f.Issue.URL,
				Metrics: m})
		case string(incident.Declined):
			r.Declined++
		case string(incident.Duplicated):
			r.Duplicates++
		default:
			r.Drills++
		}
	}
	slices.SortFunc(r.Rows, func(a, b Row) int {
		return cmp.Or(a.Declared.Compare(b.Declared), a.Number-b.Number)
	})
	r.All = group("all", r.Rows)
	r.Severities = largestFirst(by(r.Rows, func(row Row) []string {
		return []string{cmp.Or(row.Severity, unconfirmed)}
	}))
	r.Customers = largestFirst(by(r.Rows, func(row Row) []string {
		if len(row.Customers) == 0 {
			return []string{noCustomer}
		}
		return row.Customers
	}))
	r.Months = months(r.Rows)
	return r
}

// by groups incidents by names.
func by(rows []Row, names func(Row) []string) (groups []Group) {
	of := map[string][]Row{}
	for _, row := range rows {
		for _, n := range names(row) {
			of[n] = append(of[n], row)
		}
	}
	for name, rows := range of {
		groups = append(groups, group(name, rows))
	}
	return groups
}

// largestFirst sorts groups, those of which something is not known last.
func largestFirst(groups []Group) []Group {
	vague := func(g Group) int {
		if g.Name == unconfirmed || g.Name == noCustomer {
			return 1
		}
		return 0
	}
	slices.SortFunc(groups, func(a, b Group) int {
		return cmp.Or(vague(a)-vague(b), b.Incidents-a.Incidents, strings.Compare(a.Name, b.Name))
	})
	return groups
}

const month = "2006-01"

// months groups incidents by month, with those months in which there were none.
func months(rows []Row) (groups []Group) {
	if len(rows) == 0 {
		return nil
	}
	of := map[string][]Row{}
	for _, row := range rows {
		name := row.Declared.UTC().Format(month)
		of[name] = append(of[name], row)
	}
	last := rows[len(rows)-1].Declared.UTC()
	for at := rows[0].Declared.UTC(); ; at = time.Date(at.Year(), at.Month()+1, 1, 0, 0, 0, 0, time.UTC) {
		name := at.Format(month)
		groups = append(groups, group(name, of[name]))
		if name >= last.Format(month) {
			return groups
		}
	}
}

func group(name string, rows []Row) Group {
	g := Group{Name: name, Incidents: len(rows), Times: map[incident.Figure]Summary{},
		Counts: map[incident.Figure]int{}}
	for _, d := range incident.Definitions {
		var times []time.Duration
		for _, row := range rows {
			if t, known := row.Times[d.Figure]; known {
				times = append(times, t)
			}
			g.Counts[d.Figure] += row.Counts[d.Figure]
		}
		if len(times) > 0 {
			g.Times[d.Figure] = summarise(times)
		}
	}
	for _, row := range rows {
		if row.Counts[incident.RegressionCount] > 0 {
			g.Regressed++
		}
	}
	return g
}

func summarise(times []time.Duration) Summary {
	slices.Sort(times)
	n := len(times)
	var sum time.Duration
	for _, t := range times {
		sum += t
	}
	return Summary{Known: n, Median: (times[(n-1)/2] + times[n/2]) / 2, P90: times[(9*n+9)/10-1],
		Mean: sum / time.Duration(n)}
}

// Kept returns the part of the customer updates that were sent by their time (V3); known is false
// where none was due.
func (g Group) Kept() (part float64, known bool) {
	kept, missed := g.Counts[incident.UpdatesKept], g.Counts[incident.UpdatesMissed]
	if kept+missed == 0 {
		return 0, false
	}
	return float64(kept) / float64(kept+missed), true
}
