package command_test

import (
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/firebreak-dev/firebreak/app/command"
	"github.com/firebreak-dev/firebreak/app/incident"
)

type c = incident.Command

func TestParse(t *testing.T) {
	for body, want := range map[string][]any{
		"/ic":                         {c{Kind: incident.TakeIC, Verb: "ic"}},
		"  /IC  ":                     {c{Kind: incident.TakeIC, Verb: "ic"}},
		"/ic because nobody else":     {c{Kind: incident.TakeIC, Verb: "ic", Because: "nobody else"}},
		"/oe":                         {c{Kind: incident.TakeOE, Verb: "oe"}},
		"/ic @dan":                    {c{Kind: incident.GiveIC, Verb: "ic", Logins: []string{"dan"}}},
		"/oe @bob @dan":               {c{Kind: incident.GiveOE, Verb: "oe", Logins: []string{"bob", "dan"}}},
		"/oe drop":                    {c{Kind: incident.DropOE, Verb: "oe"}},
		"/incident":                   {c{Kind: incident.Declare, Verb: "incident"}},
		"/incident critical API down": {c{Kind: incident.Declare, Verb: "incident", Severity: "critical", Text: "API down"}},
		"/incident P1: API down":      {c{Kind: incident.Declare, Verb: "incident", Severity: "critical", Text: "API down"}},
		"/incident the API is down":   {c{Kind: incident.Declare, Verb: "incident", Text: "the API is down"}},
		"/incident help":              {c{Kind: incident.Help, Verb: "incident"}},
		"/incident status":            {c{Kind: incident.Status, Verb: "incident"}},
		"/incident decline a test":    {c{Kind: incident.Decline, Verb: "incident", Text: "a test"}},
		"/incident duplicate #12":     {c{Kind: incident.Duplicate, Verb: "incident", Number: 12}},
		"/incident note 3:05 paged\n14:00Z rebooted\nit helped":             {c{Kind: incident.Note, Verb: "incident", Entries: lines("3:05", "paged", "14:00Z", "rebooted", "", "it helped")}},
		"/ic severity Critical all down":                                    {c{Kind: incident.SetSeverity, Verb: "ic", Severity: "critical", Text: "all down"}},
		"/ic customer add globex, Big Corp":                                 {c{Kind: incident.AddCustomer, Verb: "ic", Customers: []string{"globex", "Big Corp"}}},
		"/ic customer add globex initech":                                   {c{Kind: incident.AddCustomer, Verb: "ic", Customers: []string{"globex initech"}}},
		"/ic customer add none":                                             {c{Kind: incident.AddCustomer, Verb: "ic", None: true}},
		"/ic customer remove globex":                                        {c{Kind: incident.RemoveCustomer, Verb: "ic", Customers: []string{"globex"}}},
		"/ic escalate db is down":                                           {c{Kind: incident.Escalate, Verb: "ic", Text: "db is down"}},
		"/ic escalate @bob @acme/platform need help":                        {c{Kind: incident.Escalate, Verb: "ic", Text: "@bob @acme/platform need help"}},
		"/ic escalate on-call nobody answers":                               {c{Kind: incident.Escalate, Verb: "ic", Text: "on-call nobody answers"}},
		"/ic escalate":                                                      {c{Kind: incident.Escalate, Verb: "ic"}},
		"/ic escalate @bob":                                                 {c{Kind: incident.Escalate, Verb: "ic", Text: "@bob"}},
		"/ic update We found it.\n\nBack at 12:00.":                         {c{Kind: incident.Update, Verb: "ic", Text: "We found it.\n\nBack at 12:00."}},
		"/ic snooze 1h30m in a call":                                        {c{Kind: incident.Snooze, Verb: "ic", After: 90 * time.Minute, Text: "in a call"}},
		"/ic snooze 15 min in a call":                                       {c{Kind: incident.Snooze, Verb: "ic", After: 15 * time.Minute, Text: "in a call"}},
		"/ic pin":                                                           {c{Kind: incident.Pin, Verb: "ic"}},
		"/ic pin https://github.com/a/b/issues/1#issuecomment-77 the graph": {c{Kind: incident.Pin, Verb: "ic", Link: 77, Text: "the graph"}},
		"> the disk is full\n\n/ic pin":                                     {c{Kind: incident.Pin, Verb: "ic", Quote: "the disk is full"}},
		"/ic phase monitoring":                                              {c{Kind: incident.MovePhase, Verb: "ic", Phase: "monitoring"}},
		"/ic phase fixing because we know":                                  {c{Kind: incident.MovePhase, Verb: "ic", Phase: "fixing", Because: "we know"}},
		"/ic agree Gina, by phone":                                          {c{Kind: incident.Agree, Verb: "ic", Text: "Gina, by phone"}},
		"/ic followup acme/payments Add a limit @erin due:2026-04-01":       {c{Kind: incident.AddFollowUp, Verb: "ic", Repo: "acme/payments", Text: "Add a limit", Logins: []string{"erin"}, Due: "2026-04-01"}},
		"/oe followup Write a test due:+7d\nwith\ndetails":                  {c{Kind: incident.AddFollowUp, Verb: "oe", Text: "Write a test\nwith\ndetails", Due: "+7d"}},
		"/ic close":                                  {c{Kind: incident.Close, Verb: "ic"}},
		"/oe finding disk full":                      {c{Kind: incident.Finding, Verb: "oe", Text: "disk full"}},
		"/oe action rebooted db-1":                   {c{Kind: incident.Action, Verb: "oe", Text: "rebooted db-1"}},
		"/oe cause\n\na leak\n\n```\n/ic close\n```": {c{Kind: incident.Cause, Verb: "oe", Text: "a leak\n\n```\n/ic close\n```"}},
		"/oe fix acme/payments#12":                   {c{Kind: incident.Fix, Verb: "oe", Text: "acme/payments#12"}},
		"/oe regression it is back":                  {c{Kind: incident.Regression, Verb: "oe", Text: "it is back"}},
		"Hello\n/oe workaround a\nb\n/oe finding c\n\ntext\n\n/ic": {c{Kind: incident.Workaround, Verb: "oe", Text: "a\nb"},
			c{Kind: incident.Finding, Verb: "oe", Text: "c\n\ntext"}, c{Kind: incident.TakeIC, Verb: "ic"}},
		"/oe finding x\r\n/ic\r\n":                     {c{Kind: incident.Finding, Verb: "oe", Text: "x"}, c{Kind: incident.TakeIC, Verb: "ic"}},
		"/oe finding x\n\n> On Monday bob wrote:\n> y": {c{Kind: incident.Finding, Verb: "oe", Text: "x"}},

		"> /ic":                       nil,
		"`/ic`":                       {hiddenIC},
		"```\n/ic\n```":               nil,
		"    /ic":                     nil,
		"- /ic":                       {hiddenIC},
		"1. /ic":                      {hiddenIC},
		"# /ic":                       {hiddenIC},
		"<!-- \n/ic\n -->":            nil,
		"<div>\n/ic\n</div>":          nil,
		"[a\n/ic\nb](http://x)":       {hiddenIC},
		"`code\n/ic\nmore`":           {hiddenIC},
		"| a |\n|---|\n| /ic |":       nil,
		"say /ic to take it":          nil,
		"/etc/hosts":                  nil,
		"/ic/foo":                     nil,
		"/icy":                        nil,
		"/oem":                        nil,
		"/shrug":                      nil,
		"nothing here":                nil,
		"":                            nil,
		"a <b x=\"\n/ic\n\"> c":       nil,
		"a <b \n/ic\n> c":             {c{Kind: incident.TakeIC, Verb: "ic"}}, // the quote ends the paragraph, and the tag isn't one
		"text\n> lazy\n/ic is quoted": nil,
	} {
		if d := cmp.Diff(want, command.Parse(body)); d != "" {
			t.Errorf("%q (-want +got):\n%s", body, d)
		}
	}
}

// hiddenIC is the answer to a command that Markdown hides.
var hiddenIC = incident.Misspelt{
	Line: "/ic", Why: "commands in lists, quotes, headings and code are not read, so put it on a line of its own",
}

func TestEditedTellsCorrectionsFromCommands(t *testing.T) {
	for _, c := range []struct {
		before, after string
		added, fixed  int
	}{
		{"/oe finding disk ful", "/oe finding disk full", 0, 1},
		{"/oe finding disk full", "/oe finding disk full\n/oe finding inodes too", 1, 0},
		{"/ic update We are back", "/ic update We are back at 10", 0, 1},
		{"/ic severity regular", "/ic severity critical", 1, 0}, // that is another order
		{"/oe fidning x", "/oe finding x", 1, 0},
		{"/oe finding a\n/oe action b", "/oe finding A\n/oe action b", 0, 1},
		{"/oe finding a", "nothing", 0, 0},
		{"text", "text\n\n/ic", 1, 0},
	} {
		added, corrected := command.Edited(c.before, c.after)
		if len(added) != c.added || len(corrected) != c.fixed {
			t.Errorf("%q to %q: %d new and %d corrected, want %d and %d", c.before, c.after, len(added), len(corrected), c.added, c.fixed)
		}
	}
}

func TestA1DidYouMean(t *testing.T) {
	for body, known := range map[string]string{
		"/ic severty critical":          "/ic severity critical [why]",
		"/oe findng disk full":          "/oe finding text",
		"/ic finding disk full":         "/oe finding text",
		"/incident hlep":                "/incident help",
		"/incidnet help":                "/incident help",
		"/ic update":                    "/ic update text",
		"/ic snooze soon":               "/ic snooze 15m why",
		"/ic snooze 15m":                "/ic snooze 15m why",
		"/ic customer globex":           "/ic customer add NAME…",
		"/ic phase monitorng":           "/ic phase monitoring",
		"/ic followup":                  "/ic followup [owner/repo] title [@owner] [due:DATE]",
		"/ic followup x due:2026-02-31": "/ic followup [owner/repo] title [@owner] [due:DATE]",
		"/incident duplicate that one":  "/incident duplicate #n",
		"/ic @bob @dan":                 "/ic @user",
		"/ic qwertzuiop":                "",
	} {
		got := command.Parse(body)
		if len(got) != 1 {
			t.Errorf("%q returns %v", body, got)
			continue
		}
		m, ok := got[0].(incident.Misspelt)
		if !ok || m.Known != known || m.Why == "" {
			t.Errorf("%q: %+v, want %q suggested and a reason", body, got[0], known)
		}
	}
}

func TestAddedByAnEdit(t *testing.T) {
	got := command.Added("hello\n/oe finding a\n", "hello\n/oe finding a\n\n/oe finding b\n/oe finding b")
	if len(got) != 2 || got[0].(c).Text != "b" {
		t.Errorf("added %+v", got)
	}
	if got := command.Added("/ic", "/ic now"); len(got) != 1 {
		t.Errorf("a command that was changed is new: %+v", got)
	}
}

func TestForm(t *testing.T) {
	body := "### Summary\n\nAPI ### down\n\n### not a heading of ours\n\n### Severity\n\ncritical\n\n### Customers impacted\n\nglobex, initech\n\n### How did you learn of it?\n\n_No response_\n\n### Drill\n\n- [x] This is a drill\n"
	o, ok := command.Form(body)
	want := incident.Opened{Source: "form", Summary: true, Severity: "critical", Customers: []string{"globex", "initech"}, Drill: true}
	if d := cmp.Diff(want, o); !ok || d != "" {
		t.Error(d)
	}
	if s := command.Summary(body); s != "API ### down\n\n### not a heading of ours" {
		t.Errorf("summary %q", s)
	}
	o, ok = command.Form("### Summary\n\n_No response_\n\n### Severity\n\n_No response_\n\n### Customers impacted\n\nnone\n\n### How did you learn of it?\n\n_No response_\n\n### Drill\n\n- [ ] This is a drill")
	if d := cmp.Diff(incident.Opened{Source: "form", None: true}, o); !ok || d != "" {
		t.Error(d)
	}
	if _, ok := command.Form("### Summary\n\nsomebody's own headings"); ok {
		t.Error("one heading makes no form")
	}
}

func TestHostileTextIsRefusedUnread(t *testing.T) {
	for name, body := range map[string]string{
		"long":    "/ic\n" + strings.Repeat("x", 20<<10),
		"quotes":  "/ic\n" + strings.Repeat(">", 8<<10) + " x",
		"lists":   "/ic\n" + strings.Repeat("- ", 4<<10) + "x",
		"ordered": "/ic\n" + strings.Repeat("1. ", 4<<10) + "x",
		"stairs": "/ic\n" + func() (s string) {
			for i := range 100 {
				s += strings.Repeat("  ", i) + "- x\n"
			}
			return s
		}(),
	} {
		got := command.Parse(body)
		if len(got) != 1 {
			t.Fatalf("%s: %v", name, got)
		}
		if m, ok := got[0].(incident.Misspelt); !ok || m.Line != "/ic" {
			t.Errorf("%s: %+v", name, got[0])
		}
	}
	if got := command.Parse("/oe finding\n\n" + strings.Repeat("-", 80) + "\n\n" + strings.Repeat("long line ", 100)); len(got) != 1 || got[0].(c).Kind != incident.Finding {
		t.Errorf("an ordinary text with a line across the page: %+v", got)
	}
}

func TestEveryRowOfTheTableParses(t *testing.T) {
	words := strings.NewReplacer("[severity] [summary]", "", "CODE", "K7QD-93PM", "[rotation] [from 18:00] ", "", "[rotation]", "", "[HH:MM] text", "x", "[why]", "", "[NAME key=value …]", "rollback version=v6", "NAME…", "globex", "[@user, @org/team, group] why", "why",
		"[link] [note]", "", "[link]", "", "[name]", "", "https://…", "https://meet.example/p1", "NAME [because why]", "fixing", "[owner/repo] title [@owner] [due:DATE]", "title", "[since 2h] [owner/repo …]", "since 2h",
		"owner/repo#n why", "acme/payments#41 why",
		"owner/repo#n", "acme/payments#41", "#n", "#3", "who and how", "gina", "text or owner/repo#n", "text")
	for _, row := range incident.Commands {
		for _, verb := range row.Verbs {
			usage := strings.TrimSpace("/" + verb + strings.TrimPrefix(words.Replace(row.Usage), "/"+row.Verbs[0]))
			got := command.Parse(usage)
			if len(got) != 1 {
				t.Errorf("%q returns %v", usage, got)
				continue
			}
			if cmd, ok := got[0].(c); !ok || cmd.Kind != row.Kind || cmd.Verb != verb {
				t.Errorf("%q returns %+v, want %s", usage, got[0], row.Kind)
			}
		}
	}
}

var update = flag.Bool("update", false, "renew the table of commands in docs/commands.md")

// commandsPage documents all commands; the README shows a few of them.
const commandsPage = "../../docs/commands.md"

// docs/commands.md holds the table that is enforced. Renew it with go test ./app/command -update.
func TestREADMEAndDocsHoldTheTable(t *testing.T) {
	text, err := os.ReadFile(commandsPage)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- commands: begin -->\n", "<!-- commands: end -->"
	_, rest, hasBegin := strings.Cut(string(text), begin)
	table, _, hasEnd := strings.Cut(rest, end)
	if !hasBegin || !hasEnd {
		t.Fatalf("%s has no place for the table of commands", commandsPage)
	}
	if d := cmp.Diff(command.Table(), table); d != "" {
		if *update {
			fresh := strings.Replace(string(text), begin+table+end, begin+command.Table()+end, 1)
			if err := os.WriteFile(commandsPage, []byte(fresh), 0o644); err != nil {
				t.Fatal(err)
			}
			return
		}
		t.Errorf("%s is not current; run go test ./app/command -update (-want +got):\n%s", commandsPage, d)
	}
}

// The commands that the README shows exist.
func TestREADMEShowsCommandsThatExist(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile("`(/(?:incident|ic|oe)\\b[^`]*)`").FindAllStringSubmatch(string(text), -1)
	if len(shown) < 8 {
		t.Errorf("the README shows %d commands only", len(shown))
	}
	for _, m := range shown {
		if m[1] == "/incident" {
			continue // the verb, where the README names all three
		}
		got := command.Parse(strings.ReplaceAll(m[1], "…", "words"))
		if len(got) != 1 {
			t.Errorf("the README shows %s, which returns %v", m[1], got)
			continue
		}
		if _, isCommand := got[0].(c); !isCommand {
			t.Errorf("the README shows %s, which returns %+v", m[1], got[0])
		}
	}
}

// piece draws lines that comments are made of.
var piece = rapid.SampledFrom([]string{"/ic", "/oe finding x", "/incident help", "/ic update y", "/ic pin", "/oe cause z", "text", "", "> quoted", "> /ic", "```", "    /oe", "- /ic", "- a",
	"<!--", "-->", "<b>", "| a | b |", "`", "**", "/icy", "/incidnt help", "[x](", ")", "# /ic", "  /ic  ", "\t/oe", "***"})

func TestPropertyHasOverlooksNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := strings.Join(rapid.SliceOfN(piece, 0, 12).Draw(t, "lines"), "\n")
		if got := command.Parse(body); len(got) > 0 && !command.Has(body) {
			t.Fatalf("%q has %v, and Has says no", body, got)
		}
	})
}

func TestPropertyCodeAndQuotesAreInert(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(piece, 0, 12).Draw(t, "lines")
		for i, l := range lines {
			lines[i] = "> " + l
		}
		if got := command.Parse(strings.Join(lines, "\n")); len(got) > 0 {
			t.Fatalf("commands in a quote: %v", got)
		}
		body := "~~~~\n" + strings.Join(rapid.SliceOfN(piece, 0, 12).Draw(t, "code"), "\n") + "\n~~~~"
		if got := command.Parse(body); len(got) > 0 {
			t.Fatalf("commands in code: %v", got)
		}
	})
}

func TestPropertyAnUnchangedTextAddsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := strings.Join(rapid.SliceOfN(piece, 0, 12).Draw(t, "lines"), "\n")
		if got := command.Added(body, body); len(got) > 0 {
			t.Fatalf("added %v", got)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"/ic", "/oe finding x\n\n> q", "/ic escalate @a @b/c x", "/ic followup a/b c @d due:+7d", "/incident note 10:00 x\n- /ic", "/ic snooze 1h30m x", "> a\n\n/ic pin"} {
		f.Add(s)
	}
	for _, s := range mailed {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		got := command.Parse(body)
		if len(got) > 0 && !command.Has(body) {
			t.Fatalf("%q: Has overlooks %v", body, got)
		}
		for _, what := range got {
			switch what := what.(type) {
			case incident.Command:
				if incident.RowOf(what.Kind).Usage == "" {
					t.Fatalf("%q returns a command that is not in the table: %+v", body, what)
				}
			case incident.Misspelt:
				if what.Why == "" {
					t.Fatalf("%q is refused without a reason", body)
				}
			default:
				t.Fatalf("%q returns a %T", body, what)
			}
		}
		if added := command.Added(body, body); len(added) > 0 {
			t.Fatalf("%q added to itself: %v", body, added)
		}
	})
}

// mailed is what mail clients, phones and editors make of commands (K1, K2, K3, K21).
var mailed = []string{
	"/ic update Found it.\n\n________________________________\nFrom: Alice ***@***.***>\nSent: Tuesday, 24 November 2026 10:40\nTo: acme/incidents\nSubject: Re: API down\n\n/ic close",
	"/ic update Gefunden.\n\nAm Di., 24. Nov. 2026 um 10:40 Uhr schrieb Alice <alice@acme.example>:\n> /ic close\n",
	"/ic update 直りました\n\n2026年11月24日(火) 10:40 Alice <alice@acme.example>:\n/ic close",
	"/ic update x\n-- \nCarol\n+49 170 1", "/ic update x\n\n-----Ursprüngliche Nachricht-----\nVon: Alice", "/oe cause x\n===", "/oe cause x\n---\n/ic",
	"\u200b/ic\u00a0escalate\u2060 a DBA", "\ufeff/i\u200bc close", "／ic　close", "\u200f/ic close\u202c", "“/ic update” it’s – back…",
	"`/ic close`", "- [ ] /ic close", "> could you?\n/oe", "## /ic close", "**/ic close**", "/incident note 2:05 pm x\n12:30 AM y",
	"/ic followup acme/platform: Fix @erin due:+7d", "/incident duplicate https://github.com/acme/incidents/issues/1", "/ic @bob-", "/ic followup jdoe_acme/tools x",
}

func FuzzForm(f *testing.F) {
	f.Add("\ufeff### Summary\r\n\r\nAPI down\r\n\r\n### Severity\r\n\r\ncritical\r\n\r\n### Customers impacted\r\n\r\nGlobex and Initech\r\n\r\n### Drill\r\n\r\n- [ ] x")
	f.Add("\u200b### Summary\n\n_No response_\n\n### Severity\n\n\u00a0Critical\u00a0\n")
	f.Add("### Summary\n\na\n\n### Severity\n\ncritical\n\n### Customers impacted\n\nb, c\n\n### Drill\n\n- [x] d")
	f.Fuzz(func(t *testing.T, body string) {
		o, ok := command.Form(body)
		if !ok && (o.Summary || o.Severity != "" || o.Customers != nil || o.Drill) {
			t.Fatalf("%q is no form and says %+v", body, o)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	long := strings.Repeat("An ordinary line of text with `code` and a [link](http://example.com).\n", 900)
	for name, body := range map[string]string{
		"command":      "/oe finding the disk of db-1 is full\n\nsince 10:40",
		"chat":         "I think so too, let me look.",
		"greatest":     long[:65000] + "\n/ic",
		"longest read": "/oe finding x\n" + long[:16000],
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				command.Parse(body)
			}
		})
	}
}
