package stats

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// jsonVersion is that of the JSON's shape; it changes when a name or a meaning does, not when one
// is added.
const jsonVersion = 1

type jsonReport struct {
	Version     int              `json:"version"`
	Repository  string           `json:"repository"`
	Since       *time.Time       `json:"since,omitempty"`
	At          time.Time        `json:"generated_at"`
	LeftOut     jsonLeftOut      `json:"left_out"`
	Unread      []int            `json:"unread"`
	Definitions []jsonDefinition `json:"definitions"`
	All         jsonGroup        `json:"all"`
	Severities  []jsonGroup      `json:"by_severity"`
	Customers   []jsonGroup      `json:"by_customer"`
	Months      []jsonGroup      `json:"by_month"`
	Incidents   []jsonIncident   `json:"incidents"`
}

type jsonLeftOut struct {
	Drills     int `json:"drills"`
	Declined   int `json:"declined"`
	Duplicates int `json:"duplicates"`
}

type jsonDefinition struct {
	Name  incident.Figure `json:"name"`
	Title string          `json:"title"`
	Unit  string          `json:"unit"` // "seconds" or "count"
	Text  string          `json:"definition"`
}

type jsonGroup struct {
	Name      string                          `json:"name"`
	Incidents int                             `json:"incidents"`
	Regressed int                             `json:"incidents_with_regressions"`
	Kept      *float64                        `json:"rhythm_kept"` // null: no update was due
	Times     map[incident.Figure]jsonSummary `json:"times"`       // those that are known of any incident
	Counts    map[incident.Figure]int         `json:"counts"`
}

type jsonSummary struct {
	Known  int   `json:"known"`
	Median int64 `json:"median_seconds"`
	P90    int64 `json:"p90_seconds"`
	Mean   int64 `json:"mean_seconds"`
}

type jsonIncident struct {
	Number    int                       `json:"number"`
	Title     string                    `json:"title"`
	URL       string                    `json:"url"`
	Declared  time.Time                 `json:"declared_at"`
	Severity  string                    `json:"severity"` // empty: not confirmed
	Customers []string                  `json:"customers"`
	Phase     incident.Phase            `json:"phase"`
	Closed    bool                      `json:"closed"`
	Times     map[incident.Figure]int64 `json:"times_seconds"` // those that are known
	Counts    map[incident.Figure]int   `json:"counts"`
}

// JSON writes the report for programs. Times are in whole seconds.
func (r *Report) JSON(w io.Writer) error {
	out := jsonReport{
		Version: jsonVersion, Repository: r.Repo, At: r.At.UTC(), Unread: append([]int{}, r.Unread...),
		LeftOut: jsonLeftOut{r.Drills, r.Declined, r.Duplicates},
		All:     r.All.json(), Severities: jsonGroups(r.Severities), Customers: jsonGroups(r.Customers),
		Months:    jsonGroups(r.Months),
		Incidents: []jsonIncident{},
	}
	if !r.Since.IsZero() {
		since := r.Since.UTC()
		out.Since = &since
	}
	for _, d := range incident.Definitions {
		unit := "count"
		if d.IsTime() {
			unit = "seconds"
		}
		out.Definitions = append(out.Definitions, jsonDefinition{d.Figure, d.Title, unit, d.Text})
	}
	for _, row := range r.Rows {
		i := jsonIncident{
			Number: row.Number, Title: row.Title, URL: row.URL, Declared: row.Declared.UTC(),
			Severity:  row.Severity,
			Customers: append([]string{}, row.Customers...), Phase: row.Phase, Closed: row.Closed,
			Times: map[incident.Figure]int64{}, Counts: row.Counts,
		}
		for f, t := range row.Times {
			i.Times[f] = seconds(t)
		}
		out.Incidents = append(out.Incidents, i)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}

func jsonGroups(groups []Group) []jsonGroup {
	out := []jsonGroup{}
	for _, g := range groups {
		out = append(out, g.json())
	}
	return out
}

func (g Group) json() jsonGroup {
	out := jsonGroup{Name: g.Name, Incidents: g.Incidents, Regressed: g.Regressed,
		Times: map[incident.Figure]jsonSummary{}, Counts: g.Counts}
	if part, known := g.Kept(); known {
		part = math.Round(part*10000) / 10000
		out.Kept = &part
	}
	for f, s := range g.Times {
		out.Times[f] = jsonSummary{s.Known, seconds(s.Median), seconds(s.P90), seconds(s.Mean)}
	}
	return out
}

func seconds(d time.Duration) int64 { return int64(d.Round(time.Second) / time.Second) }

// CSV writes one line per incident (RFC 4180); what is not known is empty.
func (r *Report) CSV(w io.Writer) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	head := []string{"number", "url", "title", "declared_at", "severity", "customers", "phase", "closed"}
	for _, d := range incident.Definitions {
		name := string(d.Figure)
		if d.IsTime() {
			name += "_seconds"
		}
		head = append(head, name)
	}
	if err := out.Write(head); err != nil {
		return err
	}
	for _, row := range r.Rows {
		line := []string{
			strconv.Itoa(row.Number), cell(row.URL), cell(row.Title),
			row.Declared.UTC().Format(time.RFC3339), cell(row.Severity),
			cell(strings.Join(row.Customers, "; ")), string(row.Phase), strconv.FormatBool(row.Closed),
		}
		for _, d := range incident.Definitions {
			if !d.IsTime() {
				line = append(line, strconv.Itoa(row.Counts[d.Figure]))
			} else if t, known := row.Times[d.Figure]; known {
				line = append(line, strconv.FormatInt(seconds(t), 10))
			} else {
				line = append(line, "")
			}
		}
		if err := out.Write(line); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// formula is where a spreadsheet may see the beginning of one: at the start of a cell, and after a
// semicolon, by which spreadsheets of many languages divide cells whatever the quotes say.
var formula = regexp.MustCompile(`(^|;)(\s*)([=+\-@＝＋－＠])`)

// cell keeps a text that people wrote from being a formula where a spreadsheet opens the file, and
// on one line.
// https://owasp.org/www-community/attacks/CSV_Injection
func cell(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	return formula.ReplaceAllString(text, "$1$2'$3")
}
