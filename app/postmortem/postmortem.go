// Package postmortem writes what an incident leaves behind: the postmortem document, its pull
// request and the tickets of the follow-ups.
//
// The document has two kinds of sections. What the incident recorded is between `<!--
// firebreak:begin NAME -->` and `<!-- firebreak:end NAME -->`, where it can be written again
// without touching a line of a person's. What only people know has a prompt, `<!-- prompt: NAME
// -->`, and a placeholder to replace.
package postmortem

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/template"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/texts"
	"github.com/firebreak-dev/firebreak/templates"
)

// Placeholder begins every text that a person must replace.
const Placeholder = "_Write here: "

// Facts is everything known about an incident.
type Facts struct {
	Ref    incident.Ref
	URL    string // the issue's address
	Title  string
	Author string // of the issue
	State  incident.State
	Policy incident.Policy
	// Entries is the whole timeline with its texts, oldest first.
	Entries []incident.Entry
	// Spans are all phases, the last one until the incident closed.
	Spans []incident.Span
	Pages []incident.Page
	// Summary is what the declaration said.
	Summary string
	// Source is how people learned of it: what reported it, or what the form says.
	Source    string
	FollowUps []FollowUp
	// At is when the document is written.
	At time.Time
	// Template is a template of the repository's own, which only says what is where; empty is ours.
	Template string
}

// FollowUp is a follow-up with its words: the first line is its title. One that the app adds (Auto)
// has the words of the workaround that it is to replace.
type FollowUp struct {
	incident.FollowUp
	Title string
}

// Our own templates are parsed once, when they are needed first. Tests use each of them, so that none fails in
// the night.
var (
	document = lazy("postmortem.md", templates.Postmortem)
	ticket   = lazy("ticket.md", templates.Ticket)
	pull     = lazy("pull.md", templates.Pull)
)

func lazy(name string, text func() string) func() *template.Template {
	return sync.OnceValue(func() *template.Template { return template.Must(parse(name, text())) })
}

func parse(name, text string) (*template.Template, error) {
	return template.New(name).Funcs(templates.Funcs()).Funcs(template.FuncMap{
		"json":   quoted,
		"stamp":  stamp,
		"minute": minute,
		"lasted": lasted,
		"long":   func(from, to time.Time) string { return lasted(to.Sub(from)) },
		"since":  since,
		"who":    who,
		"why":    why,
		"link":   link,
	}).Parse(text)
}

// blank are the lines that a template's branches left.
var blank = lazily.Compile(`\n(?:[ \t]*\n){2,}`)

func execute(t *template.Template, data any) (string, error) {
	var b page
	if err := t.Execute(&b, data); err != nil {
		return "", fmt.Errorf("write %s: %w", t.Name(), err)
	}
	return strings.TrimSpace(blank.ReplaceAllString(b.String(), "\n\n")) + "\n", nil
}

// page is what a template of ours writes.
type page struct{ bytes.Buffer }

const maxPage = 16 << 20 // bytes: ten times the document of 10,000 entries

func (p *page) Write(b []byte) (int, error) {
	if p.Len()+len(b) > maxPage {
		return 0, fmt.Errorf("it writes more than %d MiB", maxPage>>20)
	}
	return p.Buffer.Write(b)
}

// Document writes the postmortem (C2). The error of a repository's template that can't be used is
// Mistakes.
func Document(f Facts) (string, error) {
	v := look(f)
	text, err := execute(document(), v)
	if err == nil && f.Template != "" {
		text, err = fill(f.Template, text, v)
	}
	if err != nil {
		return "", fmt.Errorf("postmortem of %s: %w", f.Ref, err)
	}
	return text, nil
}

// Pull returns the title and text of the pull request. The title suits as the commit's message too.
// Nothing in them closes an issue.
func Pull(f Facts) (title, body string, err error) {
	text, err := Document(f)
	if err != nil {
		return "", "", err
	}
	body, err = execute(pull(), struct {
		view
		Path      string
		Prompts   []string
		Reviewers []string
	}{look(f), Path(f), prompts(text), reviewers(f.State)})
	if err != nil {
		return "", "", fmt.Errorf("pull request of %s: %w", f.Ref, err)
	}
	title = "Postmortem"
	if t := Plain(f.Title, 120); t != "" {
		title += ": " + t
	}
	return title, body, nil
}

// prompts lists the headings above the places where people must write.
func prompts(document string) []string {
	var out []string
	heading := ""
	for line := range strings.Lines(document) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "## ") || strings.HasPrefix(line, "### ") {
			heading = strings.TrimLeft(line, "# ")
		}
		if strings.HasPrefix(line, "<!-- prompt: ") {
			out = append(out, heading)
		}
	}
	return out
}

// reviewers are the IC and the OEs.
func reviewers(s incident.State) []string {
	var out []string
	if ic, _ := s.Coordinator(); ic != "" {
		out = append(out, ic)
	}
	for _, l := range s.OEs {
		if !naming.Contains(out, l) {
			out = append(out, l)
		}
	}
	return out
}

// Path names the document's file: its day is that of the declaration, in UTC.
func Path(f Facts) string {
	name := fmt.Sprintf("postmortems/%s-%d", f.declared().UTC().Format(time.DateOnly), f.Ref.Number)
	if s := Slug(f.Title, maxSlug); s != "" {
		name += "-" + s
	}
	return name + ".md"
}

// identity is the name by which marks know the incident.
func (f Facts) identity() incident.Ref {
	if ref, err := incident.ParseRef(f.State.DeclaredAs); err == nil {
		return ref
	}
	return f.Ref
}

const maxSlug = 50

// spelt are letters that Unicode does not take apart.
var spelt = strings.NewReplacer("ß", "ss", "æ", "ae", "ø", "o", "œ", "oe", "ł", "l", "đ", "d", "ð", "d",
	"þ", "th", "ı", "i")

// Slug returns a title's letters and digits in ASCII, its words joined by hyphens: as many as fit.
func Slug(title string, most int) string {
	words := strings.FieldsFunc(spelt.Replace(norm.NFKD.String(strings.ToLower(title))), func(r rune) bool {
		return r < unicode.MaxASCII && !unicode.IsLetter(r) && !unicode.IsDigit(r) || unicode.IsSpace(r) ||
			unicode.IsPunct(r)
	})
	var b strings.Builder
	for _, w := range words {
		w = strings.Map(func(r rune) rune {
			if r >= unicode.MaxASCII {
				return -1
			}
			return r
		}, w)
		switch {
		case w == "":
		case b.Len() == 0:
			b.WriteString(w[:min(len(w), most)])
		case b.Len()+1+len(w) > most:
			return b.String()
		default:
			b.WriteString("-" + w)
		}
	}
	return b.String()
}

// Ticket returns the issue of follow-up i (C4). It says no more of the incident than its name and
// address, since more people may read it (A7).
func Ticket(f Facts, i int) (title, body string, err error) {
	if i < 0 || i >= len(f.FollowUps) {
		return "", "", fmt.Errorf("%s has no follow-up %d", f.Ref, i)
	}
	fu := f.FollowUps[i]
	first, more, _ := strings.Cut(strings.TrimSpace(fu.Title), "\n")
	title = Plain(f.name(fu), maxTitle)
	if title != Plain(f.name(fu), 0) {
		more = fu.Title // the title does not hold all of the first line
	}
	body, err = execute(ticket(), struct {
		FollowUp
		Unnamed                           bool
		More, Owner, URL, Comment, Marker string
		Ref                               incident.Ref
	}{fu, Plain(first, 0) == "", strings.TrimSpace(more), f.State.OwnerOf(fu.FollowUp), address(f.URL),
		f.permalink(fu.ID), incident.TicketMark(f.identity(), i), f.Ref})
	if err != nil {
		return "", "", fmt.Errorf("ticket %d of %s: %w", i, f.Ref, err)
	}
	return title, body, nil
}

// maxTitle is how long a ticket's title is; GitHub takes 256 characters.
const maxTitle = 200

// name returns a follow-up's title.
func (f Facts) name(fu FollowUp) string {
	first, _, _ := strings.Cut(strings.TrimSpace(fu.Title), "\n")
	nothing := Plain(first, 0) == ""
	switch {
	case fu.Auto && nothing:
		return "Replace the workaround"
	case fu.Auto:
		return "Replace the workaround: " + first
	case fu.Section != "":
		return "Write the postmortem: " + fu.Section
	case nothing:
		return "Follow-up of an incident"
	}
	return first
}

// acts finds what, in a title or a commit's message, would mention, refer, close an issue or skip
// its checks.
var acts = lazily.Compile(`(?i)@|#|://|\[|gh-`)

// Plain returns somebody's words as one line for a place without Markdown, such as a title: they
// look the same and have no effect. It is cut after limit characters; 0 means no limit.
func Plain(text string, limit int) string {
	text = texts.Truncate(texts.Squeeze(texts.Clean(text)), limit)
	return acts.ReplaceAllStringFunc(text, func(s string) string {
		if s == "://" {
			return ":" + texts.Joiner + "//"
		}
		return s + texts.Joiner
	})
}

// declared returns when the incident began to be one.
func (f Facts) declared() time.Time {
	if f.State.Declared != nil {
		return f.State.Declared.At
	}
	return f.At
}

// closed returns when it ended: the document may be written a moment before the issue closes.
func (f Facts) closed() time.Time {
	if f.State.Closed != nil {
		return f.State.Closed.At
	}
	return f.At
}

// eventID finds the number in an event's id.
var eventID = lazily.Compile(`^e([0-9]+)`)

// permalink returns the address of what a fact came from: its comment, its event, or the issue that
// was opened. What the clock did has none.
func (f Facts) permalink(id string) string {
	if id == "" || f.URL == "" {
		return ""
	}
	if c := incident.CommentOf(id); c != 0 {
		at := address(f.URL)
		// said in the document's pull request
		if strings.Contains(id, "@pull") && f.State.Document.Number != 0 {
			at = fmt.Sprintf("%s/%s/pull/%d", f.site(), f.Ref.FullName(), f.State.Document.Number)
		}
		return at + "#issuecomment-" + strconv.FormatInt(c, 10)
	}
	if m := eventID.FindStringSubmatch(id); m != nil {
		return address(f.URL) + "#event-" + m[1]
	}
	return address(f.URL)
}

// site returns the address of the GitHub that the incident is on.
func (f Facts) site() string {
	if u, err := url.Parse(f.URL); err == nil && u.Host != "" {
		return u.Scheme + "://" + u.Host
	}
	return "https://github.com"
}

// issue returns the address of owner/repo#number, or "" if it names none.
func (f Facts) issue(name string) string {
	ref, err := incident.ParseRef(name)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s/%s/issues/%d", f.site(), ref.FullName(), ref.Number)
}

// The words of the templates.

// secret are the characters that act in Markdown or look like a marker, spelt so that YAML reads
// them and nobody else.
var secret = strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "@", `\u0040`, "#", `\u0023`)

// quoted returns a value for the front matter: JSON is YAML.
func quoted(v any) (string, error) {
	if list, ok := v.([]string); ok && list == nil {
		return "[]", nil
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "", err
	}
	return secret.Replace(strings.TrimSpace(b.String())), nil
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "null"
	}
	return t.UTC().Format(time.RFC3339)
}

// minute returns a time for a column that says UTC.
func minute(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04")
}

// lasted is templates.Duration with the hours of long durations, which count here.
func lasted(d time.Duration) string {
	hours := int(d.Round(time.Hour) / time.Hour)
	if hours < 48 {
		return templates.Duration(d)
	}
	text := strconv.Itoa(hours/24) + " days"
	if hours%24 > 0 {
		text += " " + strconv.Itoa(hours%24) + " h"
	}
	return text
}

// since returns how long after a time another one was, or "" if it was not.
func since(from, to time.Time) string {
	if from.IsZero() || to.Sub(from) <= 0 {
		return ""
	}
	return lasted(to.Sub(from))
}

// who names somebody without mentioning them; the clock's doings are the app's.
func who(login string) string {
	if login == "" {
		return "Firebreak"
	}
	if name := texts.Inert(login, 60); name != "" {
		return name
	}
	return "?"
}

func link(text, to string) string {
	if to == "" {
		return text
	}
	return "[" + text + "](" + to + ")"
}

// unsafe are the characters that would end a link's address.
var unsafe = strings.NewReplacer("(", "%28", ")", "%29", "<", "%3C", ">", "%3E", "|", "%7C", "\\", "%5C",
	"`", "%60", "[", "%5B", "]", "%5D", "*", "%2A", "\"", "%22", "'", "%27")

// address makes an address fit for a link.
func address(to string) string {
	return unsafe.Replace(strings.Join(strings.Fields(to), "%20"))
}

// oldest returns the entries in the order of time: notes and pins come back-dated.
func oldest(entries []incident.Entry) []incident.Entry {
	entries = slices.Clone(entries)
	slices.SortStableFunc(entries, func(a, b incident.Entry) int { return a.At.Compare(b.At) })
	return entries
}
