package stats

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/templates"
)

// grid is a table of texts, its first row the head. The first column is aligned to the left, the
// others to the right.
type grid [][]string

func (g grid) write(out *strings.Builder) {
	if len(g) < 2 {
		return
	}
	wide := make([]int, len(g[0]))
	for _, row := range g {
		for i, cell := range row {
			wide[i] = max(wide[i], utf8.RuneCountInString(cell))
		}
	}
	out.WriteByte('\n')
	for _, row := range g {
		for i, cell := range row {
			pad := strings.Repeat(" ", wide[i]-utf8.RuneCountInString(cell))
			switch {
			case i == 0 && len(row) > 1:
				out.WriteString(cell + pad)
			case i == 0:
				out.WriteString(cell)
			default:
				out.WriteString("  " + pad + cell)
			}
		}
		out.WriteByte('\n')
	}
}

// Table writes the report for a terminal.
func (r *Report) Table(w io.Writer) error {
	var out strings.Builder
	fmt.Fprintf(&out, "%s, %s\n%s\n", r.Repo, r.Period(), r.Scope())
	if r.All.Incidents > 0 {
		r.figures().write(&out)
		r.counts().write(&out)
		r.breakdown("Severity", r.Severities).write(&out)
		r.breakdown("Customer", r.Customers).write(&out)
		r.breakdown("Month", r.Months).write(&out)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// Period returns the time that the report covers.
func (r *Report) Period() string {
	from := r.Since
	if from.IsZero() && len(r.Rows) > 0 {
		from = r.Rows[0].Declared
	}
	to := r.At.UTC().Format("2006-01-02")
	if from.IsZero() {
		return "until " + to
	}
	return from.UTC().Format("2006-01-02") + " to " + to
}

// Scope returns what is counted and what is not.
func (r *Report) Scope() string {
	text := templates.Plural(r.All.Incidents, "incident", "incidents")
	if len(r.Severities) > 0 {
		var parts []string
		for _, g := range r.Severities {
			parts = append(parts, fmt.Sprintf("%d %s", g.Incidents, printable(g.Name)))
		}
		text += " (" + strings.Join(parts, ", ") + ")"
	}
	var left []string
	for _, l := range []struct {
		n         int
		one, many string
	}{
		{r.Drills, "drill", "drills"}, {r.Declined, "declined", "declined"},
		{r.Duplicates, "duplicate", "duplicates"},
	} {
		if l.n > 0 {
			left = append(left, templates.Plural(l.n, l.one, l.many))
		}
	}
	if len(left) > 0 {
		text += "; left out: " + strings.Join(left, ", ")
	}
	if n := len(r.Unread); n > 0 {
		text += "; not read, for want of a card of ours: " + numbers(r.Unread)
	}
	return text
}

// numbers names issues, the first few of them.
func numbers(list []int) string {
	const most = 8
	var out []string
	for i, n := range list {
		if i == most {
			return strings.Join(out, ", ") + fmt.Sprintf(" and %d more", len(list)-most)
		}
		out = append(out, "#"+strconv.Itoa(n))
	}
	return strings.Join(out, ", ")
}

func (r *Report) figures() grid {
	g := grid{{"", "known", "median", "p90", "mean"}}
	for _, d := range incident.Definitions {
		if s, known := r.All.Times[d.Figure]; known {
			g = append(g, []string{d.Title, strconv.Itoa(s.Known), templates.Duration(s.Median),
				templates.Duration(s.P90), templates.Duration(s.Mean)})
		}
	}
	return g
}

func (r *Report) counts() grid {
	g := grid{{"", "total"}}
	for _, d := range incident.Definitions {
		if !d.IsTime() {
			g = append(g, []string{d.Title, strconv.Itoa(r.All.Counts[d.Figure])})
		}
	}
	return append(g, []string{"Updates on time", r.All.rhythm()})
}

// columns are the times of which breakdowns tell the median.
var columns = []incident.Figure{incident.ToAcknowledge, incident.ToTeam, incident.ToMitigate,
	incident.ToResolve}

func (r *Report) breakdown(title string, groups []Group) grid {
	head := []string{title, "incidents"}
	for _, f := range columns {
		head = append(head, string(f))
	}
	g := grid{append(head, "kept", "regressions")}
	for _, group := range groups {
		row := []string{printable(group.Name), strconv.Itoa(group.Incidents)}
		for _, f := range columns {
			row = append(row, group.median(f))
		}
		g = append(g, append(row, group.rhythm(), strconv.Itoa(group.Counts[incident.RegressionCount])))
	}
	return g
}

// median returns a median, or that there isn't one.
func (g Group) median(f incident.Figure) string {
	if s, known := g.Times[f]; known {
		return templates.Duration(s.Median)
	}
	return "–"
}

// rhythm returns which part of the customer updates was kept.
func (g Group) rhythm() string {
	part, known := g.Kept()
	if !known {
		return "–"
	}
	return fmt.Sprintf("%.0f %%", 100*part)
}

// printable makes a name that people wrote harmless to a terminal, and short enough for a table.
func printable(name string) string {
	const most = 40
	runes := []rune(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '�'
	}, name))
	if len(runes) > most {
		runes = append(runes[:most-1], '…')
	}
	return string(runes)
}
