package web

import (
	"bytes"
	"fmt"
	"html/template"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/firebreak-dev/firebreak/app/naming"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// What templates show: plain values, taken from the model while the forge is locked, and nothing of
// the model itself.

// personView is an account as a page shows it.
type personView struct {
	Login  string
	Bot    bool
	URL    string
	Pixels int
}

func newPerson(login string) personView {
	name, bot := naming.AppOf(login)
	p := personView{Login: login, Bot: bot, URL: "/" + url.PathEscape(login), Pixels: 20}
	if bot {
		p.URL = "/apps/" + url.PathEscape(name)
	}
	return p
}

// Size is the same account with an avatar of so many pixels.
func (p personView) Size(pixels int) personView { p.Pixels = pixels; return p }

// Name is the login without the [bot] that is in a pill next to it.
func (p personView) Name() string { return strings.TrimSuffix(p.Login, "[bot]") }

// Initial is in the avatar.
func (p personView) Initial() string {
	_, n := utf8.DecodeRuneInString(p.Login)
	return p.Login[:n]
}

// avatarColors are dark enough for white letters in either colour scheme.
var avatarColors = []string{"#0969da", "#1a7f37", "#8250df", "#bf3989", "#bc4c00", "#9a6700", "#0e7490",
	"#cf222e", "#4d5fc1"}

// Color is the avatar's, the same for a login on every page.
func (p personView) Color() template.CSS {
	sum := 0
	for _, b := range []byte(p.Login) {
		sum = sum*25 + int(b)
	}
	return template.CSS(avatarColors[sum&0xffff%len(avatarColors)]) //nolint:gosec // constants
}

// momentView is a time seen from the sandbox's now.
type momentView struct{ at, now time.Time }

func (m momentView) ISO() string  { return m.at.UTC().Format(time.RFC3339) }
func (m momentView) Full() string { return m.at.UTC().Format("Jan 2, 2006, 15:04:05 UTC") }

// Clock and Day are what the header shows.
func (m momentView) Clock() string { return m.at.UTC().Format("15:04") }
func (m momentView) Day() string   { return m.at.UTC().Format("UTC, Mon Jan 2") }

// Ago is the time as GitHub writes it: relative for a month, then the day.
func (m momentView) Ago() string {
	some := func(n int, unit, one string) string {
		if n == 1 {
			return one
		}
		return fmt.Sprintf("%d %ss ago", n, unit)
	}
	switch d := m.now.Sub(m.at); {
	case d < 10*time.Second:
		return "now"
	case d < time.Minute:
		return some(int(d/time.Second), "second", "1 second ago")
	case d < time.Hour:
		return some(int(d/time.Minute), "minute", "1 minute ago")
	case d < 24*time.Hour:
		return some(int(d/time.Hour), "hour", "1 hour ago")
	case d < 7*24*time.Hour:
		return some(int(d/(24*time.Hour)), "day", "yesterday")
	case d < 30*24*time.Hour:
		return some(int(d/(7*24*time.Hour)), "week", "last week")
	case m.now.Year() == m.at.Year():
		return "on " + m.at.UTC().Format("Jan 2")
	}
	return "on " + m.at.UTC().Format("Jan 2, 2006")
}

// labelView is a label as a chip.
type labelView struct {
	Name, Description, URL string
	Style                  template.CSS
}

func newLabel(repo, name, color, description string) labelView {
	return labelView{
		Name: name, Description: description, Style: labelStyle(color),
		URL: "/" + repo + "/issues?q=" + url.QueryEscape("is:issue state:open label:"+quoteTerm(name)),
	}
}

func quoteTerm(s string) string {
	if strings.ContainsAny(s, " :") {
		return strconv.Quote(s)
	}
	return s
}

// labelStyle hands the colour to the style sheet, which works out text and border from it as GitHub's does.
func labelStyle(color string) template.CSS {
	rgb, err := strconv.ParseUint(color, 16, 32)
	if err != nil || len(color) != 6 {
		rgb = 0xededed
	}
	r, g, b := float64(rgb>>16)/255, float64(rgb>>8&0xff)/255, float64(rgb&0xff)/255
	high, low := max(r, g, b), min(r, g, b)
	hue, saturation, lightness := 0.0, 0.0, (high+low)/2
	if delta := high - low; delta > 0 {
		saturation = delta / (1 - abs(2*lightness-1))
		switch high {
		case r:
			hue = 60 * (g - b) / delta
		case g:
			hue = 60 * ((b-r)/delta + 2)
		default:
			hue = 60 * ((r-g)/delta + 4)
		}
		if hue < 0 {
			hue += 360
		}
	}
	return template.CSS(fmt.Sprintf("--r:%d;--g:%d;--b:%d;--h:%.0f;--s:%.0f;--l:%.0f", rgb>>16,
		rgb>>8&0xff, rgb&0xff, hue, saturation*100, lightness*100)) //nolint:gosec // numbers
}

func abs(f float64) float64 { return max(f, -f) }

// issueRef is an issue or pull request as another place mentions it.
type issueRef struct {
	State     string // open, completed, not_planned, duplicate; for pull requests open, draft, merged, closed
	StateName string
	Icon      string
	URL       string
	Title     string
	Ref       string // #12 or owner/repo#12
}

func newIssueRef(i *forge.Issue, from string) issueRef {
	r := issueRef{State: "open", StateName: "Open", Icon: "issue-opened", Title: i.Title,
		URL: issuePath(i), Ref: "#" + strconv.Itoa(i.Number)}
	if from != i.Repo().FullName() {
		r.Ref = i.Ref()
	}
	if p := i.Pull; p != nil {
		r.Icon = "pull"
		switch {
		case p.Merged():
			r.State, r.StateName, r.Icon = "merged", "Merged", "merge"
		case i.Closed:
			r.State, r.StateName, r.Icon = "closed", "Closed", "pull-closed"
		case p.Draft:
			r.State, r.StateName, r.Icon = "draft", "Draft", "draft"
		}
		return r
	}
	if i.Closed {
		r.StateName = "Closed"
		switch i.StateReason {
		case "not_planned", "duplicate":
			r.State, r.Icon = i.StateReason, "skip"
			r.StateName = "Closed as " + strings.ReplaceAll(i.StateReason, "_", " ")
		default:
			r.State, r.Icon = "completed", "issue-closed"
		}
	}
	return r
}

func issuePath(i *forge.Issue) string {
	kind := "issues"
	if i.Pull != nil {
		kind = "pull"
	}
	return fmt.Sprintf("/%s/%s/%d", i.Repo().FullName(), kind, i.Number)
}

// faces are the reactions in GitHub's order.
var faces = []reactionView{{Content: "+1", Emoji: "👍"}, {Content: "-1", Emoji: "👎"},
	{Content: "laugh", Emoji: "😄"}, {Content: "hooray", Emoji: "🎉"},
	{Content: "confused", Emoji: "😕"}, {Content: "heart", Emoji: "❤️"}, {Content: "rocket", Emoji: "🚀"},
	{Content: "eyes", Emoji: "👀"}}

// reactionView is one kind of reaction with who gave it.
type reactionView struct {
	Content, Emoji string
	Count          int
	Mine           bool
	Who            string
}

// reactionViews counts reactions; all has every kind, given has those that somebody gave.
func reactionViews(reactions []*forge.Reaction, viewer string) (all, given []reactionView) {
	for _, face := range faces {
		var who []string
		for _, r := range reactions {
			if r.Content != face.Content {
				continue
			}
			face.Count++
			face.Mine = face.Mine || r.User == viewer
			who = append(who, r.User)
		}
		face.Who = strings.Join(who, ", ")
		all = append(all, face)
		if face.Count > 0 {
			given = append(given, face)
		}
	}
	return all, given
}

// commentView is a comment, or the text with which an issue begins.
type commentView struct {
	ID        int64 // 0 for the issue's own text
	Anchor    string
	Author    personView
	Verb      string
	At        momentView
	Edited    bool
	Mine      bool
	Body      template.HTML
	Source    string
	Pills     []string // what is next to the name: Member, Author
	Version   string   // of the text, for who ticks a task in it
	Pinned    bool
	PinnedBy  string
	URL       string // where its buttons post to
	CanEdit   bool
	CanDelete bool
	CanPin    bool
	CanReact  bool
	Editing   bool
	ReactURL  string
	Faces     []reactionView
	Reactions []reactionView
}

// eventView is a small line of the timeline.
type eventView struct {
	Kind, Anchor, Icon, Tone string
	Actor, Target            personView
	At                       momentView
	Added, Removed           []labelView
	Text, From, To, URL      string
	Cross                    *issueRef
}

// timelineItem is either a comment or an event.
type timelineItem struct {
	Comment *commentView
	Event   *eventView
}

// choice is a checkbox of a picker.
type choice struct {
	Name    string
	Checked bool
	Person  personView
	Label   labelView
}

// composerView is a text field with its preview.
type composerView struct {
	ID, Label, Placeholder, Value, PreviewURL string
	Rows                                      int
}

// diffLine is a line of a file's change.
type diffLine struct {
	Kind     string // hunk, add, del, same
	Mark     string
	Old, New int
	Text     string
	Notes    []annotationView
}

// diffFile is a file's change.
type diffFile struct {
	Anchor, Path, Status, BlobURL, EditURL string
	Additions, Deletions                   int
	Lines                                  []diffLine
}

// annotationView is a check's finding at a line.
type annotationView struct {
	Level, Path, Lines, Title, Message, URL string
}

// diffLines reads a unified patch, and puts each annotation under the last line it is about.
func diffLines(patch string, notes []forge.Annotation) []diffLine {
	var lines []diffLine
	old, now := 0, 0
	for raw := range strings.Lines(patch) {
		text := strings.TrimRight(raw, "\n")
		if strings.HasPrefix(text, "@@") {
			var a, b string
			if fields := strings.Fields(text); len(fields) >= 3 {
				a, b = strings.TrimPrefix(fields[1], "-"), strings.TrimPrefix(fields[2], "+")
			}
			old, now = firstNumber(a), firstNumber(b)
			lines = append(lines, diffLine{Kind: "hunk", Text: text})
			continue
		}
		if text == "" {
			text = " "
		}
		line := diffLine{Text: text[1:]}
		switch text[0] {
		case '+':
			line.Kind, line.Mark, line.New = "add", "+", now
			now++
		case '-':
			line.Kind, line.Mark, line.Old = "del", "-", old
			old++
		case '\\':
			line = diffLine{Kind: "same", Text: text}
		default:
			line.Kind, line.Old, line.New = "same", old, now
			old, now = old+1, now+1
		}
		for _, note := range notes {
			if line.New > 0 && note.EndLine == line.New {
				line.Notes = append(line.Notes, newAnnotation(note, ""))
			}
		}
		lines = append(lines, line)
	}
	return lines
}

func firstNumber(s string) int {
	s, _, _ = strings.Cut(s, ",")
	n, _ := strconv.Atoi(s)
	return n
}

func newAnnotation(a forge.Annotation, blob string) annotationView {
	v := annotationView{Level: a.Level, Path: a.Path, Title: a.Title, Message: a.Message}
	if a.StartLine > 0 {
		v.Lines = "L" + strconv.Itoa(a.StartLine)
		if a.EndLine > a.StartLine {
			v.Lines += "-L" + strconv.Itoa(a.EndLine)
		}
	}
	v.URL = blob + a.Path
	if a.StartLine > 0 {
		v.URL += "?plain=1#L" + strconv.Itoa(a.StartLine)
	}
	return v
}

func humanSize(n int) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d Bytes", n)
	case n < 1_000_000:
		return fmt.Sprintf("%.3g KB", float64(n)/1000)
	}
	return fmt.Sprintf("%.3g MB", float64(n)/1_000_000)
}

func isBinary(content []byte) bool {
	return bytes.IndexByte(content[:min(len(content), 8000)], 0) >= 0 || !utf8.Valid(content)
}

func isMarkdown(name string) bool {
	name = strings.ToLower(name)
	return strings.HasSuffix(name, ".md") || strings.HasSuffix(name, ".markdown")
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
