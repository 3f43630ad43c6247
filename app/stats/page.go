package stats

import (
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/templates"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Option("missingkey=error").Funcs(template.FuncMap{
	"n":   func(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) },
	"dur": templates.Duration,
	"day": func(t time.Time) string { return t.UTC().Format(time.DateOnly) },
	"utc": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") },
}).Parse(pageText))

// view is what the page shows.
type view struct {
	*Report
	Tiles       []tile
	Plots       []*plot
	Phases      []span
	Customers   []customer
	More        int // customers that are not shown
	FollowUps   []share
	Slowest     []slow
	Tables      []grid
	Definitions []incident.Definition
}

type tile struct{ Title, Value, Note, Trend string }

// span is a phase's bar: how much of the largest the median and what nine in ten do not exceed are,
// in percent.
type span struct {
	Name        string
	Median, P90 float64
	Drawn       bool // the watch is a day where the work is an hour: it is told only
	Says        string
}

type customer struct {
	Name                                 string
	Incidents                            int
	Wide                                 float64 // percent of the largest
	Mitigate, Resolve, Kept, Regressions string
}

// share is a part of the follow-ups.
type share struct {
	Class, Text string
	N           int
	Wide        float64 // percent
}

type slow struct {
	Row
	Took time.Duration
}

const (
	shownCustomers = 12
	shownSlowest   = 5
)

// HTML writes the report as one page that needs nothing else: no script, no font, no other file.
func (r *Report) HTML(w io.Writer) error {
	v := view{Report: r, Definitions: incident.Definitions}
	if r.All.Incidents > 0 {
		v.Tiles = r.tiles()
		v.Plots = r.plots()
		v.Phases = r.phases()
		v.Customers, v.More = r.customers()
		v.FollowUps = r.followUps()
		v.Slowest = r.slowest()
		v.Tables = []grid{r.figures(), r.counts(), r.breakdown("Severity", r.Severities),
			r.breakdown("Month", r.Months)}
	}
	return page.Execute(w, v)
}

// tiles are the figures that somebody asks for first.
func (r *Report) tiles() []tile {
	tiles := []tile{{Title: "Incidents", Value: strconv.Itoa(r.All.Incidents), Note: names(r.Severities)}}
	before, after := r.halves()
	for _, f := range []incident.Figure{incident.ToAcknowledge, incident.ToMitigate, incident.ToResolve} {
		t := tile{Title: incident.Define(f).Title, Value: r.All.median(f), Note: "not known of any yet"}
		if s, known := r.All.Times[f]; known {
			t.Note = fmt.Sprintf("median of %d, 9 in 10 within %s", s.Known, templates.Duration(s.P90))
		}
		if before.Times[f].Known > 0 && after.Times[f].Known > 0 {
			t.Trend = trend(before.median(f), after.median(f))
		}
		tiles = append(tiles, t)
	}
	kept := tile{Title: "Updates on time", Value: r.All.rhythm(),
		Note: fmt.Sprintf("%d customer updates on time, %d missed", r.All.Counts[incident.UpdatesKept],
			r.All.Counts[incident.UpdatesMissed])}
	if _, known := before.Kept(); known && after.rhythm() != "–" {
		kept.Trend = trend(before.rhythm(), after.rhythm())
	}
	open, overdue := r.All.Counts[incident.FollowUpsOpen], r.All.Counts[incident.FollowUpsOverdue]
	return append(tiles, kept, tile{Title: "Follow-ups overdue", Value: strconv.Itoa(overdue),
		Note: fmt.Sprintf("of %d open; %d done", open, r.All.Counts[incident.FollowUpsDone])})
}

func trend(before, after string) string {
	return "first half " + before + ", second half " + after
}

func names(groups []Group) string {
	var parts []string
	for _, g := range groups {
		parts = append(parts, fmt.Sprintf("%d %s", g.Incidents, g.Name))
	}
	return strings.Join(parts, ", ")
}

// halves are the incidents of the first and of the second half of the time that the report is of.
func (r *Report) halves() (before, after Group) {
	from := r.Since
	if from.IsZero() {
		from = r.Rows[0].Declared
	}
	middle := from.Add(r.At.Sub(from) / 2)
	i := slices.IndexFunc(r.Rows, func(row Row) bool { return !row.Declared.Before(middle) })
	if i < 0 {
		i = len(r.Rows)
	}
	return group("first half", r.Rows[:i]), group("second half", r.Rows[i:])
}

func (r *Report) plots() []*plot {
	plots := []*plot{r.perMonth()}
	for _, f := range []incident.Figure{incident.ToAcknowledge, incident.ToTeam, incident.ToMitigate,
		incident.ToResolve} {
		if p := r.times(f); p != nil {
			plots = append(plots, p)
		}
	}
	for _, p := range []*plot{r.work(), r.keptPerMonth(), r.regressions(), r.times(incident.ToPostmortem)} {
		if p != nil {
			plots = append(plots, p)
		}
	}
	return plots
}

// colours returns the classes of severities: the one that starts the process has the colour of alarm
// wherever it is.
func colours(severities []Group) (classes []string) {
	others := []string{"main", "other", "third"}
	for _, s := range severities {
		switch s.Name {
		case "critical":
			classes = append(classes, "alarm")
		case unconfirmed:
			classes = append(classes, "vague")
		default:
			classes = append(classes, others[0])
			others = append(others[1:], others[0])
		}
	}
	return classes
}

// perMonth draws how many incidents there were, by severity.
func (r *Report) perMonth() *plot {
	largest := 0
	for _, m := range r.Months {
		largest = max(largest, m.Incidents)
	}
	p, a := newPlot("Incidents", "per month, by severity", r.Months, float64(largest),
		countStep(float64(largest)), number)
	classes := colours(r.Severities)
	for k, s := range r.Severities {
		p.Legend = append(p.Legend, key{classes[k], s.Name})
	}
	of := map[[2]string]int{} // by month and severity
	for _, row := range r.Rows {
		of[[2]string{row.Declared.UTC().Format(month), cmp.Or(row.Severity, unconfirmed)}]++
	}
	for i, m := range r.Months {
		var parts []float64
		var says []string
		for _, s := range r.Severities {
			n := of[[2]string{m.Name, s.Name}]
			parts = append(parts, float64(n))
			says = append(says, fmt.Sprintf("%s: %d %s", m.Name, n, s.Name))
		}
		p.stack(a, i, len(r.Months), parts, classes, says)
	}
	p.Label = fmt.Sprintf("%d incidents in %s, %d in the month with the most", r.All.Incidents,
		templates.Plural(len(r.Months), "month", "months"), largest)
	return p
}

// times draws a time's median and what nine in ten do not exceed; nil: it is known of no incident.
func (r *Report) times(f incident.Figure) *plot {
	var largest time.Duration
	for _, m := range r.Months {
		largest = max(largest, m.Times[f].P90)
	}
	whole, known := r.All.Times[f]
	if !known {
		return nil
	}
	p, a := newPlot(incident.Define(f).Title, "per month: median, and 9 in 10 within", r.Months,
		float64(largest), float64(timeStep(largest)), clock(timeStep(largest)))
	p.Legend = []key{{"main", "median"}, {"soft", "9 in 10"}}
	for i, m := range r.Months {
		if s, known := m.Times[f]; known {
			p.stack(a, i, len(r.Months), []float64{float64(s.P90)}, []string{"soft"},
				[]string{m.Name + ": 9 in 10 within " + templates.Duration(s.P90)})
		}
	}
	p.line(len(r.Months), func(i int) (float64, string, bool) {
		s, known := r.Months[i].Times[f]
		return a.y(float64(s.Median)),
			fmt.Sprintf("%s: median %s of %d", r.Months[i].Name, templates.Duration(s.Median), s.Known), known
	})
	p.Label = fmt.Sprintf("median %s, 9 in 10 within %s, over all months", templates.Duration(whole.Median),
		templates.Duration(whole.P90))
	return p
}

// work draws where the time goes before an incident is mitigated; nil: it is known of no incident.
func (r *Report) work() *plot {
	var phases []incident.Definition
	for _, d := range incident.Definitions {
		if _, known := r.All.Times[d.Figure]; known && working(d.Phase) {
			phases = append(phases, d)
		}
	}
	if len(phases) == 0 {
		return nil
	}
	var largest time.Duration
	for _, m := range r.Months {
		var sum time.Duration
		for _, d := range phases {
			sum += m.Times[d.Figure].Mean
		}
		largest = max(largest, sum)
	}
	step := timeStep(largest)
	p, a := newPlot("Where the time goes", "per month: mean in each phase of work", r.Months,
		float64(largest), float64(step), clock(step))
	classes := []string{"vague", "main", "third"}
	var told []string
	for k, d := range phases {
		p.Legend = append(p.Legend, key{classes[k], string(d.Phase)})
		told = append(told, string(d.Phase)+" "+templates.Duration(r.All.Times[d.Figure].Mean))
	}
	for i, m := range r.Months {
		var parts []float64
		var says []string
		for _, d := range phases {
			mean := m.Times[d.Figure].Mean
			parts = append(parts, float64(mean))
			says = append(says, fmt.Sprintf("%s: %s %s", m.Name, d.Phase, templates.Duration(mean)))
		}
		p.stack(a, i, len(r.Months), parts, classes, says)
	}
	p.Label = "mean over all months: " + strings.Join(told, ", ")
	return p
}

// working reports whether people work on an incident in a phase, instead of watching it.
func working(p incident.Phase) bool {
	return p == incident.Identify || p == incident.Investigate || p == incident.Fixing
}

// keptPerMonth draws the part of the updates that came in time; nil: none was due.
func (r *Report) keptPerMonth() *plot {
	if _, known := r.All.Kept(); !known {
		return nil
	}
	p, a := newPlot("Updates on time", "per month: customer updates on time", r.Months, 100, 25,
		func(v float64) string {
			return number(v) + " %"
		})
	for i, m := range r.Months {
		if part, known := m.Kept(); known {
			says := fmt.Sprintf("%s: %d kept, %d missed", m.Name, m.Counts[incident.UpdatesKept],
				m.Counts[incident.UpdatesMissed])
			p.stack(a, i, len(r.Months), []float64{100 * part, 100 - 100*part}, []string{"good", "alarm"},
				[]string{says, says})
		}
	}
	p.Legend = []key{{"good", "kept"}, {"alarm", "missed"}}
	p.Label = r.All.rhythm() + " on time over all months"
	return p
}

// regressions draws which part of the incidents came back; nil: none did.
func (r *Report) regressions() *plot {
	if r.All.Regressed == 0 {
		return nil
	}
	largest := 0
	for _, m := range r.Months {
		largest = max(largest, m.Regressed)
	}
	p, a := newPlot("Came back", "per month: incidents with a regression", r.Months, float64(largest),
		countStep(float64(largest)), number)
	for i, m := range r.Months {
		p.stack(a, i, len(r.Months), []float64{float64(m.Regressed)}, []string{"warn"},
			[]string{fmt.Sprintf("%s: %d of %d", m.Name, m.Regressed, m.Incidents)})
	}
	p.Label = fmt.Sprintf("%d of %d incidents came back", r.All.Regressed, r.All.Incidents)
	return p
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func (r *Report) phases() (spans []span) {
	largest := time.Second
	for _, d := range incident.Definitions {
		if working(d.Phase) {
			largest = max(largest, r.All.Times[d.Figure].P90)
		}
	}
	for _, d := range incident.Definitions {
		if s, known := r.All.Times[d.Figure]; d.Phase != "" && known {
			spans = append(spans, span{
				Name: templates.Capital(d.Phase), Median: percent(s.Median, largest),
				P90: percent(s.P90, largest), Drawn: working(d.Phase),
				Says: fmt.Sprintf("median %s, 9 in 10 within %s", templates.Duration(s.Median),
					templates.Duration(s.P90)),
			})
		}
	}
	return spans
}

func percent[T int | time.Duration](part, whole T) float64 {
	return 100 * float64(part) / float64(whole)
}

func (r *Report) customers() (shown []customer, more int) {
	largest := 1
	for _, g := range r.Customers {
		largest = max(largest, g.Incidents)
	}
	for i, g := range r.Customers {
		if i == shownCustomers {
			return shown, len(r.Customers) - i
		}
		shown = append(shown, customer{printable(g.Name), g.Incidents, percent(g.Incidents, largest),
			g.median(incident.ToMitigate), g.median(incident.ToResolve), g.rhythm(),
			strconv.Itoa(g.Counts[incident.RegressionCount])})
	}
	return shown, 0
}

// followUps are the parts of all follow-ups; empty if there are none.
func (r *Report) followUps() (shares []share) {
	c := r.All.Counts
	open, overdue := c[incident.FollowUpsOpen], c[incident.FollowUpsOverdue]
	done, inTime, late := c[incident.FollowUpsDone], c[incident.FollowUpsInTime], c[incident.FollowUpsLate]
	for _, s := range []share{
		{Class: "good", Text: "done in time", N: inTime},
		{Class: "soft", Text: "done, no date", N: done - inTime - late},
		{Class: "warn", Text: "done late", N: late},
		{Class: "main", Text: "open", N: open - overdue}, {Class: "alarm", Text: "overdue", N: overdue},
	} {
		if s.N > 0 {
			s.Wide = percent(s.N, open+done)
			shares = append(shares, s)
		}
	}
	return shares
}

// slowest are the incidents that were mitigated last after they were declared.
func (r *Report) slowest() (rows []slow) {
	for _, row := range r.Rows {
		if took, known := row.Times[incident.ToMitigate]; known {
			rows = append(rows, slow{row, took})
		}
	}
	slices.SortStableFunc(rows, func(a, b slow) int { return cmp.Compare(b.Took, a.Took) })
	return rows[:min(shownSlowest, len(rows))]
}
