package stats_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/stats"
)

var update = flag.Bool("update", false, "renew the golden files")

var began = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

func stamp(at time.Time) *incident.Stamp { return &incident.Stamp{By: "alice", At: at} }

// incidentAt is an incident that is over, as its card says it, with times that are drawn from random.
func incidentAt(n int, at time.Time, random *rand.Rand) stats.Found {
	minutes := func(low, high int) time.Duration {
		return time.Duration(low+random.IntN(high-low)) * time.Minute
	}
	s := incident.State{Declared: stamp(at), Severity: "critical", Phase: incident.Closing}
	s.Customers = []string{[]string{"globex", "initech", "umbrella", "hooli"}[random.IntN(4)]}
	if random.IntN(3) == 0 {
		s.Severity = "regular"
	}
	when := at
	for _, p := range []struct {
		phase     incident.Phase
		low, high int
	}{{incident.Identify, 1, 12}, {incident.Investigate, 6, 90}, {incident.Fixing, 4, 60},
		{incident.Monitoring, 1440, 1600}} {
		span := incident.Span{Phase: p.phase, From: when, To: when.Add(minutes(p.low, p.high))}
		s.Phases, when = append(s.Phases, span), span.To
	}
	s.Since, s.Closed = *stamp(when), stamp(when)
	s.Firsts = incident.Firsts{Confirmed: at.Add(minutes(0, 6)), Mitigated: s.Phases[3].From}
	if s.Severity == "critical" {
		s.Firsts.Critical = s.Firsts.Confirmed
		s.Firsts.Team = s.Firsts.Critical.Add(minutes(1, 15))
		s.Firsts.Answered = s.Firsts.Confirmed
		s.Updates = incident.Updates{Kept: 2 + random.IntN(5), Missed: random.IntN(3), Longest: minutes(12, 34)}
		s.Document.Merged = stamp(when.Add(minutes(600, 6000)))
	}
	if random.IntN(8) == 0 {
		s.Regressions = 1
	}
	for i := range random.IntN(3) {
		due := when.AddDate(0, 0, 14+7*i)
		f := incident.FollowUp{Stamp: *stamp(when), Due: due.Format(time.DateOnly)}
		if random.IntN(5) > 0 {
			f.Done, f.Ended = true, due.Add(minutes(-5000, 2000))
		}
		s.FollowUps = append(s.FollowUps, f)
	}
	return stats.Found{State: s, Issue: &engine.Snapshot{
		Ref:   incident.Ref{Owner: "acme", Repo: "incidents", Number: n},
		Title: fmt.Sprintf("API %d is down", n), Created: at.Add(-minutes(0, 9)),
		URL: fmt.Sprintf("https://github.example/acme/incidents/issues/%d", n),
	}}
}

// year is what a company might have read: a year of incidents that it gets better at.
func year(n int) *stats.Read {
	random := rand.New(rand.NewPCG(7, 11))
	read := &stats.Read{Owner: "acme", Repo: "incidents", At: began.AddDate(1, 0, 0)}
	for i := range n {
		at := began.Add(time.Duration(i) * 364 * 24 * time.Hour / time.Duration(n))
		read.Incidents = append(read.Incidents, incidentAt(i+1, at, random))
	}
	return read
}

// few is small enough to check by hand, and has one of everything.
func few() *stats.Read {
	read := &stats.Read{Owner: "acme", Repo: "incidents", At: began.AddDate(0, 3, 0),
		Since: began.AddDate(0, 0, -4), Unread: []int{9}}
	random := rand.New(rand.NewPCG(1, 2))
	add := func(days int, change func(*stats.Found)) {
		f := incidentAt(len(read.Incidents)+1, began.AddDate(0, 0, days), random)
		change(&f)
		read.Incidents = append(read.Incidents, f)
	}
	add(0, func(f *stats.Found) { f.Issue.Title = `=HYPERLINK("https://evil.example";"the API")` })
	add(10, func(f *stats.Found) {
		f.Issue.Title = `<script>alert("it")</script>, "quoted"`
		f.State.Customers = []string{"globex", "-1+1 <b>\x1b[31mred"}
	})
	add(70, func(f *stats.Found) { // it runs, and nobody has confirmed anything
		f.State = incident.State{Declared: f.State.Declared, Phase: incident.Identify, Since: *f.State.Declared}
	})
	add(20, func(f *stats.Found) { f.State.Drill = true })
	add(30, func(f *stats.Found) { f.State.Outcome = incident.Declined })
	add(40, func(f *stats.Found) { f.State.Outcome = incident.Duplicated })
	return read
}

func rendered(t testing.TB, write func(io.Writer) error) string {
	t.Helper()
	var out bytes.Buffer
	if err := write(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (run with -update)", err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("not as %s says (-want +got); look at it, then run with -update:\n%s", file, d)
	}
}

func TestEveryFormatIsAsItWas(t *testing.T) {
	r := stats.NewReport(few())
	golden(t, "few.txt", rendered(t, r.Table))
	golden(t, "few.json", rendered(t, r.JSON))
	golden(t, "few.csv", rendered(t, r.CSV))
	golden(t, "few.html", rendered(t, r.HTML))
	golden(t, "year.txt", rendered(t, stats.NewReport(year(60)).Table))
	golden(t, "none.txt", rendered(t,
		stats.NewReport(&stats.Read{Owner: "acme", Repo: "incidents", At: began}).Table))
	golden(t, "none.html", rendered(t,
		stats.NewReport(&stats.Read{Owner: "acme", Repo: "incidents", At: began}).HTML))
}

func TestA6DrillsDeclinedAndDuplicatesAreLeftOut(t *testing.T) {
	r := stats.NewReport(few())
	if r.All.Incidents != 3 || r.Drills != 1 || r.Declined != 1 || r.Duplicates != 1 {
		t.Errorf("%d incidents, %d drills, %d declined, %d duplicates; want 3, 1, 1, 1", r.All.Incidents,
			r.Drills, r.Declined, r.Duplicates)
	}
	for _, groups := range [][]stats.Group{r.Severities, r.Months} {
		sum := 0
		for _, g := range groups {
			sum += g.Incidents
		}
		if sum != 3 {
			t.Errorf("%d incidents in groups, want 3", sum)
		}
	}
	lines, err := csv.NewReader(strings.NewReader(rendered(t, r.CSV))).ReadAll()
	if err != nil || len(lines) != 4 {
		t.Errorf("the CSV has %d lines (%v), want a head and 3", len(lines), err)
	}
}

func TestSummaries(t *testing.T) {
	for _, c := range []struct {
		minutes           []int
		median, p90, mean float64
	}{
		{[]int{7}, 7, 7, 7},
		{[]int{9, 1}, 5, 9, 5},
		{[]int{3, 1, 2}, 2, 3, 2},
		{[]int{10, 9, 8, 7, 6, 5, 4, 3, 2, 1}, 5.5, 9, 5.5},
		{[]int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 100}, 6, 10, 155.0 / 11},
	} {
		read := &stats.Read{At: began.AddDate(1, 0, 0)}
		for i, m := range c.minutes {
			f := incidentAt(i+1, began, rand.New(rand.NewPCG(1, 1)))
			f.State.Firsts.Mitigated = began.Add(time.Duration(m) * time.Minute)
			read.Incidents = append(read.Incidents, f)
		}
		got := stats.NewReport(read).All.Times[incident.ToMitigate]
		minutes := func(f float64) time.Duration { return time.Duration(f * float64(time.Minute)) }
		if got.Known != len(c.minutes) || got.Median != minutes(c.median) || got.P90 != minutes(c.p90) ||
			(got.Mean-minutes(c.mean)).Abs() > time.Second {
			t.Errorf("%v: %+v", c.minutes, got)
		}
	}
}

func TestMonthsWithoutIncidentsAreThereToo(t *testing.T) {
	var names []string
	for _, m := range stats.NewReport(few()).Months {
		names = append(names, fmt.Sprintf("%s:%d", m.Name, m.Incidents))
	}
	if want := []string{"2026-01:2", "2026-02:0", "2026-03:1"}; !slices.Equal(names, want) {
		t.Errorf("months %v, want %v", names, want)
	}
}

// What people wrote must stay words: in a terminal, in a spreadsheet, and on a page.
func TestTextsStayInert(t *testing.T) {
	r := stats.NewReport(few())
	if text := rendered(t, r.Table); strings.ContainsRune(text, '\x1b') {
		t.Error("the table lets an escape sequence through")
	}
	lines, err := csv.NewReader(strings.NewReader(rendered(t, r.CSV))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	noFormula(t, lines)
	if page := rendered(t, r.HTML); strings.Contains(page, "<script") || strings.Contains(page, "<b>\x1b") {
		t.Error("the page has a tag of a title or a customer")
	}
}

// noFormula holds that no cell begins as a formula does, however a spreadsheet divides the lines.
func noFormula(t *testing.T, lines [][]string) {
	t.Helper()
	for _, line := range lines {
		for _, text := range line {
			for cell := range strings.SplitSeq(text, ";") {
				cell = strings.TrimSpace(cell)
				if first, _ := utf8.DecodeRuneInString(cell); cell != "" &&
					strings.ContainsRune("=+-@＝＋－＠", first) {
					t.Errorf("the CSV has the formula %q", text)
				}
			}
		}
	}
}

func FuzzTextsStayInert(f *testing.F) {
	f.Add("=1+1", "globex")
	f.Add("</title><script>", "\" onload=\"x")
	f.Fuzz(func(t *testing.T, title, customer string) {
		read := few()
		read.Incidents[0].Issue.Title, read.Incidents[0].State.Customers = title, []string{customer}
		r := stats.NewReport(read)
		lines, err := csv.NewReader(strings.NewReader(rendered(t, r.CSV))).ReadAll()
		if err != nil {
			t.Fatalf("the CSV can't be read: %v", err)
		}
		noFormula(t, lines)
		page := rendered(t, r.HTML)
		if strings.Count(page, "<svg") != strings.Count(page, "</svg>") || strings.Contains(page, "<script") {
			t.Errorf("the page is broken by %q or %q", title, customer)
		}
		var out map[string]any
		if err := json.Unmarshal([]byte(rendered(t, r.JSON)), &out); err != nil {
			t.Errorf("the JSON can't be read: %v", err)
		}
	})
}

// The page must open anywhere, from a mail or a folder, and tell nobody that it was opened.
func TestThePageStandsAlone(t *testing.T) {
	page := rendered(t, stats.NewReport(year(60)).HTML)
	for _, word := range []string{"<script", "<link", "<img", "@import", "url(", "src="} {
		if strings.Contains(strings.ReplaceAll(page, "default-src ", ""), word) {
			t.Errorf("the page has %s", word)
		}
	}
	for _, word := range []string{"prefers-color-scheme: dark", "@media print", "width=device-width"} {
		if !strings.Contains(page, word) {
			t.Errorf("the page lacks %s", word)
		}
	}
}

// A drawing that goes beyond its edge, or has a number that isn't one, is cut or not drawn by browsers.
func TestPlotsStayWithinTheirEdges(t *testing.T) {
	for _, n := range []int{1, 2, 13, 400} {
		page := rendered(t, stats.NewReport(year(n)).HTML)
		for svg := range strings.SplitSeq(page, "<svg") {
			svg, _, ok := strings.Cut(svg, "</svg>")
			if !ok || !strings.HasPrefix(svg, " viewBox") {
				continue
			}
			dec := xml.NewDecoder(strings.NewReader("<svg" + svg + "</svg>"))
			for {
				token, err := dec.Token()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatalf("%d incidents: %v in %s", n, err, svg)
				}
				el, ok := token.(xml.StartElement)
				if !ok {
					continue
				}
				at := map[string]float64{}
				for _, a := range el.Attr {
					var v float64
					if _, err := fmt.Sscan(a.Value, &v); err == nil {
						at[a.Name.Local] = v
					} else if slices.Contains([]string{"x", "y", "cx", "cy", "width", "height"}, a.Name.Local) {
						t.Errorf("%d incidents: %s=%q", n, a.Name.Local, a.Value)
					}
				}
				if el.Name.Local == "rect" &&
					(at["x"] < 45.8 || at["x"]+at["width"] > 352.2 || at["y"] < 11.8 ||
						at["y"]+at["height"] > 166.2) {
					t.Errorf("%d incidents: a bar at %v", n, at)
				}
				if el.Name.Local == "circle" &&
					(at["cx"] < 46 || at["cx"] > 352 || at["cy"] < 11.9 || at["cy"] > 166.1) {
					t.Errorf("%d incidents: a dot at %v", n, at)
				}
			}
		}
	}
}

func BenchmarkReportOfTenThousand(b *testing.B) {
	read := year(10_000)
	for b.Loop() {
		r := stats.NewReport(read)
		if err := r.HTML(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
