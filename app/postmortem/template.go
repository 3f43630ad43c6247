package postmortem

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/texts"
	"github.com/firebreak-dev/firebreak/templates"
)

// A repository's own template is Markdown with placeholders, and no program: anybody who may write
// to a repository writes it, and it runs where everybody's incidents are worked at. So there are no
// loops, no functions and no expressions. Each placeholder is replaced once, each section may be
// there once, and what a document gets is bounded by the template's size and by what our own
// document has.
//
//	{{title}}       a value
//	{{timeline}}    a section of the document, on a line on its own
//	{{#fix}}…{{/fix}} only where there is a fix, {{^fix}}…{{/fix}} only where there is none
//	{{! words }}    a comment, which the document does not get
//	\{{             two braces

// TemplatePath is where a repository keeps a postmortem template of its own.
const TemplatePath = incident.PostmortemTemplatePath

// What a template may have at most.
const (
	MaxTemplate    = 64 << 10 // bytes
	maxTags        = 200
	maxDepth       = 4  // conditions inside one another
	maxMistakes    = 20 // that are told
	maxPlaceholder = 60 // characters of a name that are shown
)

// slot is a name that a repository's template can use.
type slot struct {
	Name, Is string
	// value returns its words; nil where it is a section of our own document, or only a condition.
	value func(view) string
	// has reports whether there is something; nil where its words say so.
	has     func(view) bool
	section bool
}

// slots are all placeholders, as docs/postmortem-template.md lists them.
var slots = []slot{
	{Name: "title", Is: "the incident's title", value: func(v view) string {
		return texts.Inert(v.Title, 200)
	}},
	{Name: "incident", Is: "its name, as acme/incidents#12", value: func(v view) string {
		return v.Ref.String()
	}},
	{Name: "number", Is: "its number", value: func(v view) string { return strconv.Itoa(v.Ref.Number) }},
	{Name: "url", Is: "its address", value: func(v view) string { return v.URL }},
	{Name: "severity", Is: "the severity", value: func(v view) string { return texts.Inert(v.Severity, 60) }},
	{Name: "declared", Is: "when it was declared", value: when(func(v view) time.Time { return v.Declared })},
	{Name: "declared-by", Is: "who declared it", value: func(v view) string { return called(v.Declarer) }},
	{Name: "confirmed", Is: "when its severity was confirmed", value: when(func(v view) time.Time {
		return v.Confirmed
	})},
	{Name: "mitigated", Is: "when the impact ended", value: when(func(v view) time.Time {
		return v.Mitigated
	})},
	{Name: "closed", Is: "when it was closed", value: when(func(v view) time.Time { return v.Closed })},
	{Name: "lasted", Is: "how long the impact lasted", value: func(v view) string {
		return since(v.Declared, v.Mitigated)
	}},
	{Name: "coordinators", Is: "who was Incident Coordinator", value: func(v view) string {
		return templates.List(v.Coordinators)
	}},
	{Name: "operations", Is: "who was Operations Engineer", value: func(v view) string {
		return templates.List(v.Engineers)
	}},
	{Name: "customer-names", Is: "the customers, in a line", value: func(v view) string {
		return templates.List(v.Customers)
	}},
	{Name: "drill", Is: "whether it was a drill; only for conditions", has: func(v view) bool {
		return v.State.Drill
	}},
	{Name: "customer-to-tell", Is: "whether a customer gets a version; only for conditions",
		has: func(v view) bool {
			return v.Tell
		}},

	{Name: "header", Is: "the table of severity, source, times and people", section: true, has: always},
	{Name: "summary", Is: "what was reported", section: true, has: func(v view) bool {
		return v.Summary != ""
	}},
	{Name: "customers", Is: "the customers, as a list", section: true, has: func(v view) bool {
		return len(v.Customers) > 0
	}},
	{Name: "impact", Is: "how long it lasted, how bad it was, and the phases", section: true, has: always},
	{Name: "roles", Is: "who had which role, and the handovers", section: true, has: func(v view) bool {
		return len(v.Roles) > 0
	}},
	{Name: "diagram", Is: "the timeline as a diagram", section: true, has: func(v view) bool {
		return v.Diagram != ""
	}},
	{Name: "timeline", Is: "the timeline as a table", section: true, has: func(v view) bool {
		return len(v.Rows) > 0
	}},
	{Name: "updates", Is: "the customer updates", section: true, has: func(v view) bool {
		return len(v.Updates) > 0
	}},
	{Name: "pages", Is: "the pages and who answered them", section: true, has: func(v view) bool {
		return len(v.Paged) > 0
	}},
	{Name: "findings", Is: "the findings, and the pinned comments", section: true, has: func(v view) bool {
		return len(v.Findings)+len(v.Pins) > 0
	}},
	{Name: "cause", Is: "the cause", section: true, has: func(v view) bool { return len(v.Causes) > 0 }},
	{Name: "actions", Is: "changes to systems", section: true, has: func(v view) bool {
		return len(v.Actions) > 0
	}},
	{Name: "workaround", Is: "the workaround", section: true, has: func(v view) bool {
		return len(v.Workarounds) > 0
	}},
	{Name: "fix", Is: "the fix", section: true, has: func(v view) bool { return len(v.Fixes) > 0 }},
	{Name: "regressions", Is: "the regressions", section: true, has: func(v view) bool {
		return len(v.Regressions) > 0
	}},
	{Name: "agreement", Is: "that the customer agrees", section: true, has: func(v view) bool {
		return len(v.Agreements) > 0
	}},
	{Name: "followups", Is: "the follow-ups with owners, dates and tickets", section: true,
		has: func(v view) bool {
			return len(v.Work) > 0
		}},
}

func always(view) bool { return true }

// called names somebody, or nobody.
func called(login string) string {
	if login == "" {
		return ""
	}
	return who(login)
}

// when writes a time.
func when(of func(view) time.Time) func(view) string {
	return func(v view) string { return templates.UTC(of(v), time.Time{}) }
}

// is reports whether there is something of a placeholder.
func (p slot) is(v view) bool {
	if p.has != nil {
		return p.has(v)
	}
	return p.value(v) != ""
}

// Mistake is something in a template that can't be used; lines and columns count from 1.
type Mistake struct {
	Line, Column int
	Text         string
}

func (m Mistake) String() string {
	return fmt.Sprintf("line %d, column %d: %s", m.Line, m.Column, m.Text)
}

// Mistakes is the error of a template that can't be used.
type Mistakes []Mistake

func (m Mistakes) Error() string {
	told := make([]string, len(m))
	for i, one := range m {
		told[i] = one.String()
	}
	return strings.Join(told, "; ")
}

// LintTemplate returns what is wrong with a repository's template.
func LintTemplate(text string) Mistakes {
	_, mistakes := parseTemplate(text)
	return mistakes
}

// piece is a part of a template: words, a placeholder, or a condition with what is in it.
type piece struct {
	words string
	of    *slot
	// Of a condition:
	isCondition, isInverted bool
	inside                  []piece
}

// templateReader reads a template from its beginning to its end, once.
type templateReader struct {
	text     string
	front    int // where its front matter ends
	mistakes Mistakes
	open     []opened // conditions that have no end yet
	seen     map[string]bool
	line     int // of the byte lineStart
	start    int
	tags     int
}

// opened is a condition that has no end yet, with what is before it.
type opened struct {
	piece  piece
	before []piece
	at     int
}

// parseTemplate takes a template apart. Its time and memory grow with the text's size.
func parseTemplate(text string) ([]piece, Mistakes) {
	if len(text) > MaxTemplate {
		return nil, Mistakes{{1, 1,
			fmt.Sprintf("the template has %d bytes; %d are allowed", len(text), MaxTemplate)}}
	}
	text = strings.TrimPrefix(strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\r\n", "\n"), "\ufeff")
	r := &templateReader{text: text, seen: map[string]bool{}, line: 1}
	for _, line := range lines(text)[:frontEnd(lines(text))] {
		r.front += len(line)
	}
	pieces := r.pieces()
	for _, o := range r.open {
		r.mistake(o.at, fmt.Sprintf("{{%s}} has no end: write {{/%s}} where it ends",
			o.piece.sign()+o.piece.of.Name, o.piece.of.Name))
	}
	slices.SortStableFunc(r.mistakes, func(a, b Mistake) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	if len(r.mistakes) > 0 {
		return nil, r.mistakes[:min(len(r.mistakes), maxMistakes)]
	}
	return pieces, nil
}

func (p piece) sign() string {
	if p.isInverted {
		return "^"
	}
	return "#"
}

// mistake notes what is wrong at a byte of the text. Bytes mostly come in their order.
func (r *templateReader) mistake(at int, text string) {
	if at < r.start {
		r.line, r.start = 1, 0
	}
	r.line += strings.Count(r.text[r.start:at], "\n")
	r.start = at
	begin := strings.LastIndexByte(r.text[:at], '\n') + 1
	r.mistakes = append(r.mistakes, Mistake{r.line, utf8.RuneCountInString(r.text[begin:at]) + 1, text})
}

// pieces reads the whole.
func (r *templateReader) pieces() []piece {
	var out []piece
	var words strings.Builder
	flush := func() {
		if words.Len() > 0 {
			out = append(out, piece{words: words.String()})
			words.Reset()
		}
	}
	at := 0
	for len(r.mistakes) < maxMistakes {
		next := strings.Index(r.text[at:], "{{")
		if next < 0 {
			words.WriteString(r.text[at:])
			break
		}
		begin := at + next
		if begin > 0 && r.text[begin-1] == '\\' {
			words.WriteString(r.text[at:begin-1] + "{{")
			at = begin + 2
			continue
		}
		rest, _, _ := strings.Cut(r.text[begin:], "\n")
		length := strings.Index(rest, "}}")
		if length < 0 {
			r.mistake(begin, `{{ has no }} on its line; for two braces write \{{`)
			words.WriteString(r.text[at : begin+2])
			at = begin + 2
			continue
		}
		end := begin + length + 2
		if r.tags++; r.tags > maxTags {
			r.mistake(begin, fmt.Sprintf("there are more than %d placeholders", maxTags))
			break
		}
		tag := strings.TrimSpace(r.text[begin+2 : end-2])
		// A tag that isn't a value and has a line of its own takes the line with it.
		lineBegin := strings.LastIndexByte(r.text[:begin], '\n') + 1
		lineEnd := begin + len(rest)
		alone := strings.TrimSpace(r.text[lineBegin:begin]) == "" &&
			strings.TrimSpace(r.text[end:lineEnd]) == ""
		p, isValue := r.tag(tag, begin, alone)
		if isValue || !alone {
			words.WriteString(r.text[at:begin])
			at = end
		} else {
			words.WriteString(r.text[at:max(at, lineBegin)])
			at = min(lineEnd+1, len(r.text))
		}
		switch {
		case p == nil:
		case p.isCondition:
			flush()
			r.open = append(r.open, opened{*p, out, begin})
			out = nil
		case p.of != nil && strings.HasPrefix(tag, "/"):
			flush()
			last := r.open[len(r.open)-1]
			r.open = r.open[:len(r.open)-1]
			last.piece.inside = out
			out = append(last.before, last.piece)
		default:
			flush()
			out = append(out, *p)
		}
	}
	flush()
	return out
}

// tag reads what is between braces. It returns nil for what the document gets nothing of.
func (r *templateReader) tag(tag string, at int, alone bool) (p *piece, isValue bool) {
	name := strings.TrimSpace(strings.TrimLeft(tag, "#^/"))
	sign := ""
	if name != tag && tag != "" {
		sign = tag[:1]
	}
	shown := "{{" + texts.Truncate(tag, maxPlaceholder) + "}}"
	i := slices.IndexFunc(slots, func(p slot) bool { return p.Name == name })
	switch {
	case strings.HasPrefix(tag, "!"):
		return nil, false
	case at < r.front:
		r.mistake(at, shown+" can't be in the front matter: Firebreak adds the incident's data there; "+
			"leave the line out")
	case isOldTag(tag):
		r.mistake(at, shown+" is from the templates of before, which were programs and are not run any more: "+
			insteadOf(tag))
	case i < 0:
		r.mistake(at, fmt.Sprintf(`%s is not known%s; allowed: %s; for two braces write \{{`, shown,
			nearest(name), strings.Join(names(), ", ")))
	case sign == "/":
		if len(r.open) == 0 || r.open[len(r.open)-1].piece.of.Name != name {
			r.mistake(at, shown+" ends nothing that begins before it")
			return nil, false
		}
		return &piece{of: &slots[i]}, false
	case sign != "":
		if len(r.open) == maxDepth {
			r.mistake(at, fmt.Sprintf("there are more than %d conditions inside one another", maxDepth))
		}
		return &piece{of: &slots[i], isCondition: true, isInverted: sign == "^"}, false
	case slots[i].section && !alone:
		r.mistake(at, shown+" is a whole section: it needs a line by itself")
	case slots[i].section && r.seen[name]:
		r.mistake(at, shown+" is here twice; a section can be in the document once")
	case slots[i].section:
		r.seen[name] = true
		return &piece{of: &slots[i]}, false
	case slots[i].value == nil:
		r.mistake(at, fmt.Sprintf("%s has no words of its own: write {{#%s}} … {{/%s}}", shown, name, name))
	default:
		return &piece{of: &slots[i]}, true
	}
	return nil, false
}

func names() []string {
	out := make([]string, len(slots))
	for i, p := range slots {
		out[i] = p.Name
	}
	return out
}

// nearest proposes the placeholder that begins as a name does.
func nearest(name string) string {
	plain := strings.ToLower(strings.NewReplacer("_", "-", " ", "-").Replace(name))
	for _, p := range slots {
		if len(plain) >= 3 && (strings.HasPrefix(p.Name, plain) || strings.HasPrefix(plain, p.Name)) {
			return fmt.Sprintf(" (did you mean {{%s}}?)", p.Name)
		}
	}
	return ""
}

// Until November 2026 a template was one of Go's text/template.
var (
	oldTag = lazily.Compile(`^-? ?(?:[.$(]|(?:if|with|range|end|else|define|template|block|` +
		`break|continue|and|or|not|eq|ne|lt|le|gt|ge|len|index|slice|call|html|js|print|printf|println|` +
		`urlquery|json|stamp|minute|lasted|long|since|who|why|link|inert|quote|code|mention|ref|names|utc|` +
		`clock|moment|dur|wait|upper|sentence|role|service|plural)\b)|^/\*|-$`)
	oldField = lazily.Compile(`\.([A-Z][A-Za-z]*)`)
)

// isOldTag reports whether a tag is of Go's text/template.
func isOldTag(tag string) bool {
	return oldTag.MatchString(tag) && !slices.Contains(names(), tag)
}

// insteadOfField are the placeholders in place of the fields of before.
var insteadOfField = map[string]string{
	"Title": "title", "Ref": "incident", "URL": "url", "Severity": "severity", "Declarer": "declared-by",
	"Declared": "declared", "Confirmed": "confirmed", "Mitigated": "mitigated", "Closed": "closed",
	"Unmitigated":  "lasted",
	"Coordinators": "coordinators", "Engineers": "operations", "Customers": "customers", "Summary": "summary",
	"Phases": "impact", "Spans": "impact", "Roles": "roles", "Handovers": "roles", "Diagram": "diagram",
	"Rows": "timeline", "Folds": "timeline", "Entries": "timeline", "Updates": "updates", "Longest": "updates",
	"Paged": "pages", "Pages": "pages", "Findings": "findings", "Causes": "cause", "Actions": "actions",
	"Workarounds": "workaround", "Fixes": "fix", "Regressions": "regressions", "Agreements": "agreement",
	"Work": "followups", "FollowUps": "followups", "Drill": "drill", "Tell": "customer-to-tell",
}

// insteadOf says what to write in place of a tag of before.
func insteadOf(tag string) string {
	word := strings.Trim(tag, "- ")
	word, _, _ = strings.Cut(word, " ")
	name := ""
	for _, m := range oldField.FindAllStringSubmatch(tag, 20) {
		if n := insteadOfField[m[1]]; n != "" {
			name = n
			break
		}
	}
	p := slot{}
	if i := slices.IndexFunc(slots, func(p slot) bool { return p.Name == name }); i >= 0 {
		p = slots[i]
	}
	switch {
	case word == "end":
		return "leave it out, or write {{/name}} where a condition {{#name}} ends"
	case name == "":
		return "leave it out; docs/postmortem-template.md lists the placeholders"
	case word == "if" || word == "with" || p.value == nil && !p.section:
		return fmt.Sprintf("write {{#%s}} … {{/%s}} for what is there only if there is such", name, name)
	case p.section:
		return fmt.Sprintf("write {{%s}} on a line by itself", name)
	}
	return fmt.Sprintf("write {{%s}}", name)
}

// fill writes a document from a repository's template. ours is our own document of the same facts,
// of which the sections are taken.
func fill(template, ours string, v view) (string, error) {
	pieces, mistakes := parseTemplate(template)
	if len(mistakes) > 0 {
		return "", mistakes
	}
	fresh := lines(ours)
	sections := map[string]string{}
	for _, s := range markedSections(fresh) {
		sections[s.name] = strings.Join(fresh[s.begin:s.end+1], "")
	}
	var b strings.Builder
	write(&b, pieces, v, sections)
	text := strings.TrimSpace(blank.ReplaceAllString(b.String(), "\n\n")) + "\n"
	return withFront(text, fresh), nil
}

// write writes each piece at most once.
func write(b *strings.Builder, pieces []piece, v view, sections map[string]string) {
	for _, p := range pieces {
		switch {
		case p.of == nil:
			b.WriteString(p.words)
		case p.isCondition:
			if p.of.is(v) != p.isInverted {
				write(b, p.inside, v, sections)
			}
		case p.of.section:
			b.WriteString(sections[p.of.Name])
		default:
			b.WriteString(p.of.value(v))
		}
	}
}

// withFront puts our front matter before a text, with the keys that the text's own has next to it.
func withFront(text string, fresh []string) string {
	var b strings.Builder
	old := lines(text)
	if at := renewFront(&b, old, fresh); at > 0 {
		return b.String() + strings.Join(old[at:], "")
	}
	return strings.Join(fresh[:frontEnd(fresh)], "") + "\n" + text
}
