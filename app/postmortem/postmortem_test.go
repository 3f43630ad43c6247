package postmortem

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

func TestC2Path(t *testing.T) {
	for title, want := range map[string]string{
		"API server down":                 "postmortems/2026-03-04-12-api-server-down.md",
		"":                                "postmortems/2026-03-04-12.md",
		"???":                             "postmortems/2026-03-04-12.md",
		"Überlast in Köln – Straße & Øst": "postmortems/2026-03-04-12-uberlast-in-koln-strasse-ost.md",
		"障害 in eu-1":                      "postmortems/2026-03-04-12-in-eu-1.md",
		"../../etc/passwd":                "postmortems/2026-03-04-12-etc-passwd.md",
		"a\nb\u202ec%00":                  "postmortems/2026-03-04-12-a-bc-00.md",
		"ﬁx ½ of Ⅻ":                       "postmortems/2026-03-04-12-fix-12-of-xii.md",
		strings.Repeat("word ", 20): "postmortems/2026-03-04-12-" +
			strings.TrimSuffix(strings.Repeat("word-", 10), "-") + ".md",
		strings.Repeat("x", 80):            "postmortems/2026-03-04-12-" + strings.Repeat("x", 50) + ".md",
		"don't @alice: fix `api.eu_1` now": "postmortems/2026-03-04-12-don-t-alice-fix-api-eu-1-now.md",
	} {
		f := minimal()
		f.Title = title
		if got := Path(f); got != want {
			t.Errorf("%q: %s, want %s", title, got, want)
		}
	}
	f := minimal()
	f.State.Declared.At = time.Date(2026, 3, 5, 0, 30, 0, 0, time.FixedZone("", 3600))
	if got, want := Path(f), "postmortems/2026-03-04-12.md"; got != want {
		t.Errorf("shortly after midnight in Vienna: %s, want the day in UTC %s", got, want)
	}
	if got, want := incident.PostmortemBranch(ref), "postmortem/12"; got != want {
		t.Errorf("Branch: %s, want %s", got, want)
	}
}

func TestC4TicketOfNoFollowUp(t *testing.T) {
	for _, i := range []int{-1, 2} {
		if _, _, err := Ticket(rich(), i); err == nil || !strings.Contains(err.Error(), "acme/incidents#12") {
			t.Errorf("ticket %d of 2: %v", i, err)
		}
	}
}

// TestA7TicketTellsNothingOfTheIncident: a ticket may be where more people read than in the
// incident.
func TestA7TicketTellsNothingOfTheIncident(t *testing.T) {
	f := rich()
	title, body, err := Ticket(f, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, private := range []string{"API server of eu-1", "503", "globex", "carol"} {
		if strings.Contains(title+body, private) {
			t.Errorf("the ticket says %q:\n%s\n%s", private, title, body)
		}
	}
}

func TestF2TicketOfAWorkaroundWithoutWords(t *testing.T) {
	f := rich()
	f.FollowUps[1].Title = " \n"
	title, body, err := Ticket(f, 1)
	if err != nil {
		t.Fatal(err)
	}
	if title != "Replace the workaround" || strings.Contains(body, "\n>") ||
		!strings.Contains(body, "| Workaround by | **erin**") {
		t.Errorf("%s\n\n%s", title, body)
	}
}

func TestPlain(t *testing.T) {
	for text, want := range map[string]string{
		"plain words":       "plain words",
		" a \n\t b\u2028c ": "a b c",
		"closes #5":         "closes #\u20605",
		"fixes gh-7, GH-8":  "fixes gh-\u20607, GH-\u20608",
		"@alice a@b":        "@\u2060alice a@\u2060b",
		"https://x.org/y":   "https:\u2060//x.org/y",
		"fix [skip ci]":     "fix [\u2060skip ci]",
		"a\u202eb\u0000c":   "abc",
		"exactly so long ":  "exactly so long",
		"seventeen letters": "seventeen lette…",
	} {
		if got := Plain(text, 16); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestC2LongTimelineFoldsAway: each phase folds for itself, and no fold is so long that it doesn't
// help.
func TestC2LongTimelineFoldsAway(t *testing.T) {
	for n, folds := range map[int]string{60: "", 61: "Identify: 61",
		1900: "Identify: 500, Identify: 40, Investigate: 500, Investigate: 500, Investigate: 360"} {
		document, err := Document(long(n))
		if err != nil {
			t.Fatal(err)
		}
		_, timeline, _ := strings.Cut(document, "<!-- firebreak:begin timeline -->")
		timeline, _, _ = strings.Cut(timeline, "<!-- firebreak:end timeline -->")
		if rows := strings.Count(timeline, "#issuecomment-"); rows != n {
			t.Errorf("%d rows of %d", rows, n)
		}
		var got []string
		for _, m := range regexp.MustCompile(`<details><summary>([^<]*) entries from .* UTC</summary>\n\n\| UTC`).FindAllStringSubmatch(timeline,
			-1) {
			got = append(got, m[1])
		}
		if strings.Join(got, ", ") != folds {
			t.Errorf("%d entries fold as %q, want %s", n, got, folds)
		}
	}
}

// TestC2ThousandsOfEntriesAreShown: GitHub shows no Markdown file of more than half a megabyte.
func TestC2ThousandsOfEntriesAreShown(t *testing.T) {
	document, err := Document(long(3000))
	if err != nil {
		t.Fatal(err)
	}
	if len(document) > 512<<10 {
		t.Errorf("%d bytes", len(document))
	}
}

// TestC4TicketSaysItsTitleOnce: what the title does not hold is in the text, and nothing twice.
func TestC4TicketSaysItsTitleOnce(t *testing.T) {
	long := strings.Repeat("many words ", 30)
	for _, c := range []struct {
		words string
		auto  bool
		want  string // the text before the table
	}{
		{words: "Alert on it"},
		{words: "Alert on it\n\nAt 80 %.", want: "> At 80 %."},
		{words: long + "\nAt 80 %.", want: "> " + strings.TrimSpace(long) + "  \n> At 80 %."},
		{words: " \n", want: "No words came with this follow-up."},
		{words: "A cron job", auto: true,
			want: "A workaround ended the incident. It still needs a permanent fix."},
		{words: "A cron job\nHourly.", auto: true,
			want: "A workaround ended the incident. It still needs a permanent fix. More about the " +
				"workaround:\n\n> Hourly."},
	} {
		f := rich()
		f.FollowUps[0].Title, f.FollowUps[0].Auto = c.words, c.auto
		_, body, err := Ticket(f, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got, _, _ := strings.Cut(body, "| Owner |"); strings.TrimSpace(got) != c.want {
			t.Errorf("%q begins\n%s\nwant\n%s", c.words, got, c.want)
		}
	}
}

func TestC2Permalink(t *testing.T) {
	f := minimal()
	f.State.Document.Number = 44
	for id, want := range map[string]string{
		"":            "",
		"opened":      issueURL,
		"c7.0":        issueURL + "#issuecomment-7",
		"c7@170.1":    issueURL + "#issuecomment-7",
		"e9":          issueURL + "#event-9",
		"c7@pull.0":   "https://github.com/acme/incidents/pull/44#issuecomment-7",
		"tick/1/2026": issueURL,
	} {
		if got := f.permalink(id); got != want {
			t.Errorf("%q: %s, want %s", id, got, want)
		}
	}
}

// TestC2ImpactEndsAtTheLastRepair: where an incident went straight to closing it was never watched.
func TestC2ImpactEndsAtTheLastRepair(t *testing.T) {
	f := rich()
	v := look(f)
	if !v.Mitigated.Equal(at("13:26")) || v.Unmitigated != 89*time.Minute || !v.Earliest.Equal(at("10:20")) {
		t.Errorf("mitigated %v, lasted %v, earliest %v", v.Mitigated, v.Unmitigated, v.Earliest)
	}
	v = look(drill())
	if !v.Mitigated.Equal(at("11:30")) {
		t.Errorf("without monitoring: mitigated %v, want the fix's time", v.Mitigated)
	}
	f = drill()
	f.Entries = append(f.Entries, incident.Entry{At: at("11:40"), Kind: "regression"})
	if v = look(f); !v.Mitigated.IsZero() {
		t.Errorf("it came back and nothing repaired it: mitigated %v", v.Mitigated)
	}
}

func TestC2RolesEnd(t *testing.T) {
	f := minimal()
	f.Entries = []incident.Entry{
		{At: at("10:41"), By: "alice", Kind: "declared"},
		{At: at("10:42"), By: "alice", Kind: "oe", What: "alice"},
		{At: at("10:43"), By: "bob", Kind: "ic", What: "bob"},
		{At: at("10:44"), By: "bob", Kind: "handover", What: "Carol"},
		{At: at("10:45"), By: "dora", Kind: "ic", What: "dora"},
		{At: at("10:46"), By: "dora", Kind: "handover", What: "Carol"},
		{At: at("10:47"), By: "carol", Kind: "ic", What: "carol"},
		{At: at("10:48"), By: "alice", Kind: "left", What: "ALICE", Text: "oe"},
		{At: at("10:49"), By: "carol", Kind: "left", What: "carol", Text: "ic"},
		{At: at("10:50"), By: "alice", Kind: "oe", What: "alice"},
	}
	v := look(f)
	var got []string
	for _, h := range v.Roles {
		got = append(got, fmt.Sprintf("%s %s %s-%s", h.Role, h.Who, h.From.Format("15:04"),
			h.To.Format("15:04")))
	}
	want := "ic bob 10:43-10:45, ic dora 10:45-10:47, ic carol 10:47-10:49, oe alice 10:42-10:48, oe " +
		"alice 10:50-11:00"
	if s := strings.Join(got, ", "); s != want {
		t.Errorf("roles:\n%s, want\n%s", s, want)
	}
	if len(v.Handovers) != 2 || !v.Handovers[0].Answered.IsZero() ||
		!v.Handovers[1].Answered.Equal(at("10:47")) {
		t.Errorf("handovers %+v", v.Handovers)
	}
}

func TestMermaidLabel(t *testing.T) {
	for text, want := range map[string]string{
		"plain, words. 80 %":          "plain, words. 80 %",
		"a: b; c #1":                  "a∶ b, c №1",
		`"x" 'y' (z) [w] {v}`:         "”x” ’y’ ‹z› ‹w› ‹v›",
		"a<br>b":                      "a‹br›b",
		"one\n two\r\nthree\u2028":    "one two three",
		"%%{init: {}}%% and %%%":      "%‹init∶ ‹››% and %",
		"ﬂ°°60¶ß":                     "f°°60 ß",
		"a\u202e\u0000b\xff":          "ab\ufffd",
		"ask @bob":                    "ask @\u2060bob",
		" \n ":                        "–",
		strings.Repeat("x", 30):       strings.Repeat("x", 23) + "…",
		strings.Repeat("words ", 30):  strings.Repeat("words ", 11) + "wor…",
		"`a` | b \\ c & d_e * f ~ $g": "’a’ ¦ b / c + d-e · f - g",
	} {
		if got := label(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestMermaidShowsWhatWeighsMost(t *testing.T) {
	f := long(500)
	f.Entries[250].Kind, f.Entries[250].Text = "cause", "the disk"
	d := diagram(f)
	if nodes := strings.Count(d, " : "); nodes != maxNodes {
		t.Errorf("%d nodes, want %d", nodes, maxNodes)
	}
	if !strings.Contains(d, "cause∶ the disk") || !strings.Contains(d, "declared") {
		t.Errorf("the weightiest entries are missing:\n%s", d)
	}
	if columns := strings.Count(d, "\n        "); columns > maxColumns+len(f.Spans) {
		t.Errorf("%d columns", columns)
	}
}

func TestMermaidNumbersAPhaseThatCameAgain(t *testing.T) {
	d := diagram(rich())
	for _, s := range []string{"section Investigate\n", "section Investigate – 2\n", "section Fixing – 2\n",
		"section Closing\n"} {
		if strings.Count(d, s) != 1 {
			t.Errorf("not once: %q in\n%s", s, d)
		}
	}
}

// long is an incident with many entries.
func long(n int) Facts {
	f := rich()
	f.Entries = f.Entries[:0:0]
	for i := range n {
		e := incident.Entry{At: at("10:41").Add(time.Duration(i) * time.Second), By: "alice", Kind: "note",
			Ref:  fmt.Sprintf("c%d.0", i+1),
			Text: "etcd on eu-1 | is full: 503 <b> @alice #1 " + strings.Repeat("and so on ", 20)}
		switch {
		case i == 0:
			e.Kind = "declared"
		case i%50 == 0:
			e.Kind = "finding"
		case i%77 == 0:
			e.Kind = "update"
		}
		f.Entries = append(f.Entries, e)
	}
	return f
}

// BenchmarkDocument grows with the entries and no faster.
func BenchmarkDocument(b *testing.B) {
	for _, n := range []int{100, 1_000, 10_000} {
		f := long(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Document(f); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/entry")
		})
	}
}
