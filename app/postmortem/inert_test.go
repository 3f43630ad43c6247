package postmortem

import (
	"bytes"
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"
	"pgregory.net/rapid"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// machine lists the sections that can be written again, in the document's order.
var machine = []string{"header", "summary", "customers", "impact", "roles", "diagram", "timeline",
	"updates", "pages", "findings",
	"cause", "actions", "workaround", "fix", "regressions", "agreement", "followups"}

var kinds = []string{"declared", "severity", "phase", "ic", "oe", "left", "handover", "customer", "finding",
	"action", "cause",
	"workaround", "fix", "regression", "update", "snooze", "page", "answered", "missed", "overdue",
	"unanswered", "pinned",
	"unpinned", "note", "agreed", "followup", "closed", "reopened", "declined", "duplicate", "insisted",
	"merged", "unmerged", "alert"}

// tricks are what people and machines write that means something to somebody.
var tricks = []string{"@alice", "@acme/all", "#1", "GH-7", "closes #1", "fixes acme/api#3",
	"https://github.com/acme/api/issues/3",
	"www.example.com", "a@example.com", "|", "\n", "\r\n", "\n\n", "\n---\n", "\n***\n", "```",
	"\n```mermaid\n", "~~~", "`", "\\", "\\|",
	"<!-- firebreak:end timeline -->", "<!-- firebreak:begin x -->", "<!--", "-->", "</details>",
	"<details>", "<script>alert(1)</script>",
	"<img src=x onerror=y>", "<https://evil.example>", "![x](http://evil.example/i.png)", "[a](b)",
	"[a]: b", "[^1]", "[!WARNING]", "# title", "\n# h\n", "\n- x\n",
	"\n1. x", "> ", "* * *", "**b**", "_i_", "_Write here: ", "~~s~~", "$$x$$", "%%{init: {}}%%", "%%",
	"::", ": ", ":", ";", "\"", "'", "(", ")", "{", "}", "section x",
	"title y", "\t", "    code", "/ic close", "\n/ic close\n", "/oe fix", "\u202e", "\u200b", "\u2028",
	"\u0000", "\xff", "é", "日本", "👩‍💻",
	"ﬂ°°60¶ß", "&lt;", "&#64;", "{{.State}}", "[skip ci]", "=", "\n===\n", "+", strings.Repeat("long", 40),
	"yes: no", "- ", "\n: x"}

func words() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		parts := rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(tricks), rapid.SampledFrom(tricks),
			rapid.String(), rapid.SampledFrom([]string{"a", "word", " "})), 0, 6).Draw(t, "parts")
		return strings.Join(parts, rapid.SampledFrom([]string{"", " "}).Draw(t, "between"))
	})
}

func anyFacts(t *rapid.T) Facts {
	say := func(name string) string { return words().Draw(t, name) }
	f := Facts{Ref: ref, URL: issueURL, Title: say("title"), Author: say("author"), Summary: say("summary"),
		Policy: incident.DefaultPolicy(), At: at("40:00")}
	f.State = incident.State{Declared: stamped(say("declarer"), "10:00", "opened"),
		Responder: rapid.Bool().Draw(t, "responder"),
		Severity: rapid.SampledFrom([]string{"critical", "regular", say("severity")}).Draw(t,
			"which severity"), Drill: rapid.Bool().Draw(t, "drill"),
		Customers: rapid.SliceOfN(words(), 0, 3).Draw(t, "customers"),
		OEs:       rapid.SliceOfN(words(), 0, 2).Draw(t, "oes"), IC: say("ic"),
		Regressions: rapid.IntRange(0, 2).Draw(t, "regressions")}
	if rapid.Bool().Draw(t, "confirmed") {
		f.State.Confirmed = stamped(say("confirmer"), "10:05", "c1.0")
	}
	from := at("10:00")
	for range rapid.IntRange(0, 8).Draw(t, "phases") {
		to := from.Add(time.Duration(rapid.IntRange(0, 300).Draw(t, "lasted")) * time.Minute)
		f.Spans = append(f.Spans,
			incident.Span{Phase: rapid.SampledFrom(incident.Phases).Draw(t, "phase"), From: from, To: to})
		from = to
	}
	n, among := rapid.IntRange(0, 12).Draw(t, "entries"), kinds
	if rapid.IntRange(0, 9).Draw(t, "many") == 0 {
		n, among = 70, []string{"finding", "regression", "note"} // so many that they fold away
	}
	for i := range n {
		f.Entries = append(f.Entries, incident.Entry{
			At:   at("09:30").Add(time.Duration(rapid.IntRange(0, 1500).Draw(t, "minute")) * time.Minute),
			By:   say("by"),
			Kind: rapid.OneOf(rapid.SampledFrom(among), rapid.SampledFrom(among), words()).Draw(t, "kind"),
			Ref: rapid.SampledFrom([]string{"", "opened", "e5", fmt.Sprintf("c%d.0", i),
				fmt.Sprintf("c%d@170.0", i), say("ref")}).Draw(t, "which ref"),
			What: say("what"), Text: say("text")})
	}
	for range rapid.IntRange(0, 3).Draw(t, "follow-ups") {
		f.FollowUps = append(f.FollowUps,
			FollowUp{Title: say("follow-up"),
				FollowUp: incident.FollowUp{Stamp: *stamped(say("asker"), "10:10", "c5.0"),
					Repo: say("repo"), Owner: say("owner"), Due: say("due"), Auto: rapid.Bool().Draw(t, "auto"),
					Ticket: rapid.SampledFrom([]string{"", "acme/api#7", say("ticket")}).Draw(t,
						"which ticket")}})
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "pages") {
		f.Pages = append(f.Pages,
			incident.Page{Key: fmt.Sprint(i), At: at("10:10"), To: rapid.SliceOfN(words(), 1, 2).Draw(t, "to"),
				Why:    rapid.SampledFrom([]string{"team", "update", say("why")}).Draw(t, "which why"),
				Failed: say("failed")})
	}
	return f
}

// TestC2AnyTextIsInert: whatever was written, the document, the pull request and the tickets keep their shape, and
// nothing in them acts.
func TestC2AnyTextIsInert(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFacts(t)
		document, err := Document(f)
		if err != nil {
			t.Fatal(err)
		}
		body := readFrontMatter(t, f, document)
		markers(t, body)
		tables(t, body)
		structure(t, body, document)
		acting(t, body)
		mermaid(t, body)

		title, pull, err := Pull(f)
		if err != nil {
			t.Fatal(err)
		}
		plain(t, title)
		tables(t, pull)
		structure(t, pull, pull)
		acting(t, pull)
		for i := range f.FollowUps {
			title, ticket, err := Ticket(f, i)
			if err != nil {
				t.Fatal(err)
			}
			plain(t, title)
			tables(t, ticket)
			structure(t, ticket, ticket)
			acting(t, ticket)
			if marker := incident.TicketMark(f.Ref, i); strings.Count(ticket, "<!--") != 1 ||
				!strings.HasSuffix(ticket, "\n"+marker+"\n") {
				t.Fatalf("the ticket does not end with its marker %s and no other:\n%s", marker, ticket)
			}
		}
	})
}

// readFrontMatter checks the front matter and returns what follows it.
func readFrontMatter(t *rapid.T, f Facts, document string) string {
	front, body, ok := strings.Cut(strings.TrimPrefix(document, "---\n"), "\n---\n")
	if !ok || !strings.HasPrefix(document, "---\n") {
		t.Fatalf("no front matter:\n%s", document)
	}
	var got struct {
		ID, Severity string
		Drill        bool
		Customers    []string
		Declared     time.Time
		People       map[string]any
	}
	if err := yaml.UnmarshalWithOptions([]byte(front), &got, yaml.DisallowUnknownField()); err != nil &&
		!strings.Contains(err.Error(), "unknown field") {
		t.Fatalf("front matter: %v\n%s", err, front)
	}
	if err := yaml.Unmarshal([]byte(front), &got); err != nil {
		t.Fatalf("front matter: %v\n%s", err, front)
	}
	customers := visible(f.State.Customers)
	if got.ID != f.Ref.String() || got.Drill != f.State.Drill || len(got.Customers) != len(customers) ||
		!got.Declared.Equal(f.State.Declared.At) || len(got.People) != 3 {
		t.Fatalf("front matter says %+v\n%s", got, front)
	}
	for i, c := range customers {
		if want := strings.ToValidUTF8(c, "\ufffd"); got.Customers[i] != want {
			t.Fatalf("customer %q became %q in\n%s", want, got.Customers[i], front)
		}
	}
	return body
}

var anyMarker = regexp.MustCompile(`<!--[^\n]*`)

func markers(t *rapid.T, body string) {
	var got, want []string
	for _, m := range anyMarker.FindAllString(body, -1) {
		if !strings.HasPrefix(m, "<!-- prompt: ") {
			got = append(got, m)
		}
	}
	for _, name := range machine {
		want = append(want, "<!-- firebreak:begin "+name+" -->", "<!-- firebreak:end "+name+" -->")
	}
	if !slices.Equal(got, want) {
		t.Fatalf("markers %q in\n%s", got, body)
	}
}

// tables checks that each row has as many cells as its table's head.
func tables(t *rapid.T, body string) {
	cells := 0
	for line := range strings.Lines(body) {
		if !strings.HasPrefix(line, "|") {
			cells = 0
			continue
		}
		if cells == 0 {
			cells = strings.Count(line, "|")
		}
		if strings.Count(line, "|") != cells || !strings.HasSuffix(line, "|\n") {
			t.Fatalf("row %q in a table of %d cells", line, cells-1)
		}
	}
}

var markdown = goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote,
	extension.DefinitionList))

// structure checks that the text has the blocks of its template and no other, and leads nowhere else.
func structure(t *rapid.T, body, whole string) {
	source := []byte(body)
	mermaids, quoted := 0, 0
	err := ast.Walk(markdown.Parser().Parse(text.NewReader(source)),
		func(n ast.Node, entering bool) (ast.WalkStatus, error) {
			if _, quote := n.(*ast.Blockquote); quote {
				if entering {
					quoted++
				} else {
					quoted--
				}
			}
			if !entering {
				return ast.WalkContinue, nil
			}
			bad := ""
			switch n := n.(type) {
			case *ast.Heading:
				if quoted > 0 {
					bad = "heading in a quote"
				}
			case *ast.HTMLBlock:
				for i := range n.Lines().Len() {
					line := n.Lines().At(i)
					if l := strings.TrimSpace(string(line.Value(source))); quoted > 0 ||
						l != "" && !ownHTML.MatchString(l) {
						bad = "HTML " + l
					}
				}
			case *ast.RawHTML:
				if l := string(n.Segments.Value(source)); l != "<sub>" && l != "</sub>" || quoted > 0 {
					bad = "HTML " + l
				}
			case *ast.Link:
				if d := string(n.Destination); d != issueURL && !strings.HasPrefix(d, issueURL+"#") &&
					!ticketURL.MatchString(d) {
					bad = "link to " + d
				}
			case *ast.FencedCodeBlock:
				mermaids++
				if mermaids > 1 || string(n.Language(source)) != "mermaid" || quoted > 0 {
					bad = "code"
				}
			case *ast.AutoLink:
				// goldmark takes more for an address than GitHub does; it mails nobody
				if n.AutoLinkType != ast.AutoLinkEmail {
					bad = "link to " + string(n.URL(source))
				}
			case *ast.CodeBlock, *ast.Image, *ast.ThematicBreak, *east.FootnoteLink, *east.Strikethrough,
				*east.TaskCheckBox, *east.DefinitionList:
				bad = n.Kind().String()
			}
			if bad != "" {
				return ast.WalkStop, fmt.Errorf("%s", bad)
			}
			return ast.WalkContinue, nil
		})
	if err != nil {
		t.Fatalf("%v in\n%s", err, whole)
	}
}

var (
	ownHTML   = regexp.MustCompile(`^(<!-- [^<>]* -->(\n_Write here: .*)?|_Write here: .*_|<details><summary>(All [0-9]+|[A-Za-z]+( – [0-9]+)?: [0-9]+ entr(y|ies) from [0-9: -]+ UTC)</summary>|</details>)$`)
	ticketURL = regexp.MustCompile(`^https://github\.com/[^/]+/[^/]+/issues/[0-9]+$`)
	ownCode   = regexp.MustCompile(`(?s)<(code|pre)\b.*?</(code|pre)>`)
	ownLink   = regexp.MustCompile(`(?s)<a .*?</a>`)
	tag       = regexp.MustCompile(`<[^>]*>`)
	reference = regexp.MustCompile(`(?i)(^|[^\w])@\w|#[0-9]|\bGH-[0-9]|://|\bwww\.\w`)
	command   = regexp.MustCompile(`(?m)^\s*/(ic|oe|incident)\b`)
)

// acting checks that in what is shown nothing is left that GitHub or the app would act on.
func acting(t *rapid.T, body string) {
	var b bytes.Buffer
	if err := markdown.Convert([]byte(body), &b); err != nil {
		t.Fatal(err)
	}
	shown := ownLink.ReplaceAllString(ownCode.ReplaceAllString(b.String(), "x"), "x")
	shown = html.UnescapeString(tag.ReplaceAllString(shown, ""))
	if m := reference.FindString(shown); m != "" {
		t.Fatalf("%q acts in\n%s", m, body)
	}
	if m := command.FindString(shown); m != "" {
		t.Fatalf("%q is a command in\n%s", m, body)
	}
}

// plain checks a title, which is the commit's message too.
func plain(t *rapid.T, title string) {
	if strings.TrimSpace(title) == "" || strings.ContainsAny(title, "\n\r\u2028") ||
		reference.MatchString(strings.ReplaceAll(title, "www.", "")) ||
		strings.Contains(title, "[skip ci]") || len([]rune(title)) > 250 {
		t.Fatalf("title %q", title)
	}
}

// The lines that Mermaid's timeline takes: no character that it reads is inside a label.
var (
	head   = regexp.MustCompile(`^    (title|section) [^:;#"'` + "`" + `(){}\[\]<>|\\~]+$`)
	period = regexp.MustCompile(`^        [0-9][^:;#"'(){}<>]*( : [^:;#"'` + "`" + `(){}\[\]<>|\\~]+)+$`)
)

func mermaid(t *rapid.T, body string) {
	_, block, ok := strings.Cut(body, "```mermaid\n")
	if !ok {
		return
	}
	block, _, _ = strings.Cut(block, "\n```")
	names := map[string]bool{}
	nodes := 0
	for i, line := range strings.Split(block, "\n") {
		switch {
		case i == 0 && line == "timeline":
		case strings.Contains(line, "%%") || strings.Contains(line, "\ufb02°"):
			t.Fatalf("mermaid reads %q", line)
		case head.MatchString(line):
			if names[line] {
				t.Fatalf("%q twice", line)
			}
			names[line] = true
		case period.MatchString(line):
			nodes += strings.Count(line, " : ")
		default:
			t.Fatalf("mermaid line %q", line)
		}
	}
	if nodes > 40 {
		t.Fatalf("%d nodes", nodes)
	}
}
