// Package templates holds every text that the product writes, and the functions that make other
// people's words harmless before they are in one.
package templates

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/template"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/services"
	"github.com/firebreak-dev/firebreak/app/sources"
	"github.com/firebreak-dev/firebreak/app/texts"
)

//go:embed all:repository demo starter starter.md comments card.md chat.md timeline.md customer.md revert.md answer.html ways.html call.xml call-answered.xml
var files embed.FS

// The templates are parsed when they are needed first; a test parses all of them, so that none fails in
// the night.
var (
	comments = parse("comments/*.md")
	lines    = parse("timeline.md")
	card     = parse("card.md")
	chat     = parse("chat.md")
	customer = parse("customer.md")
	revert   = parse("revert.md")
)

func parse(pattern string) func() *template.Template {
	return sync.OnceValue(func() *template.Template {
		return template.Must(template.New("").Option("missingkey=error").Funcs(Funcs()).ParseFS(files, pattern))
	})
}

// Funcs are the functions that every template may use.
func Funcs() template.FuncMap {
	return template.FuncMap{
		"inert": func(text string, limit ...int) string {
			if len(limit) > 0 {
				return texts.Inert(text, limit[0])
			}
			return texts.Inert(text, 300)
		},
		"quote":        texts.Quote,
		"code":         texts.Code,
		"mention":      Mention,
		"link":         Link,
		"address":      destination.Replace,
		"suspect":      Suspect,
		"shortSuspect": ShortSuspect,
		"hit":          Hit,
		"past":         Past,
		"shortPast":    ShortPast,
		"next":         func(i int) int { return i + 1 },
		"callLink":     CallLink,
		"chatLink":     ChatLink,
		"chat":         ChatText,
		"chatURL":      ChatURL,
		"way":          Way,
		"ref":          Reference,
		"names":        List,
		"utc":          UTC,
		"clock":        func(t time.Time) string { return UTC(t, t) },
		"clockAt":      UTC,
		"onCallTime":   func(t time.Time) string { return t.UTC().Format("Mon 2 Jan 15:04 UTC") },
		"onCallName":   onCallName,
		"onCall": func(who []string) string {
			var names []string
			for _, one := range who {
				names = append(names, onCallName(one))
			}
			return strings.Join(names, ", ")
		},
		"moment":   func(t time.Time) string { return UTC(t, time.Time{}) },
		"dur":      Duration,
		"runUsage": RunUsage,
		"runNeeds": runNeeds,
		"freezeOn": freezeOn,
		"frozen":   FrozenRepo,
		"byWay":    FreezeWay,
		"pullOf":   func(repo string, n int) string { return Reference(fmt.Sprintf("%s#%d", repo, n)) },
		"wait": func(s string) string {
			d, err := time.ParseDuration(s)
			if err != nil {
				return ""
			}
			return Duration(d)
		},
		"upper":    Capital,
		"sentence": Sentence,
		"role":     Role,
		"service":  Service,
		"plural":   Plural,
		"commands": func() []incident.Row { return incident.Commands },
	}
}

// OnCallExample returns the rotations of the people in the sandbox.
func OnCallExample() string {
	content, err := files.ReadFile("demo/oncall.yml")
	if err != nil {
		panic(err) // embedded
	}
	return string(content)
}

// RunExample returns the settings of a workflow in the sandbox, and its file.
func RunExample() (settings, workflow string) {
	a, errA := files.ReadFile("demo/run.yml")
	b, errB := files.ReadFile("demo/rollback.yml")
	if err := errors.Join(errA, errB); err != nil {
		panic(err) // embedded
	}
	return string(a), string(b)
}

// Repository returns the files of an incident repository: path → content.
func Repository() map[string]string {
	out := map[string]string{}
	err := fs.WalkDir(files, "repository", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := files.ReadFile(name)
		out[strings.TrimPrefix(name, "repository/")] = string(content)
		return err
	})
	if err != nil {
		panic("templates: " + err.Error()) // embedded: what was built is there
	}
	return out
}

// Starter returns the files with which a repository begins, and the text of the pull request that
// adds them: path → content. The coordinators are a team's slug.
func Starter(coordinators string) (out map[string]string, text string) {
	read := func(name string) string {
		content, err := files.ReadFile(name)
		if err != nil {
			panic("templates: " + err.Error()) // embedded: what was built is there
		}
		return string(content)
	}
	const form = ".github/ISSUE_TEMPLATE/incident.yml"
	return map[string]string{
		incident.ConfigPath: strings.ReplaceAll(read("starter/firebreak.yml"),
			incident.DefaultPolicy().Coordinators, coordinators),
		form: read("repository/" + form),
	}, read("starter.md")
}

// Names lists the names of the comments, sorted.
func Names() []string {
	var out []string
	for _, t := range comments().Templates() {
		if name, ok := strings.CutSuffix(t.Name(), ".md"); ok {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// Comment writes what the core wants to say. Who is spoken to is mentioned; nobody else is.
func Comment(s incident.Say) (string, error) {
	if comments().Lookup(s.Name+".md") == nil {
		return "", fmt.Errorf("no template comments/%s.md", s.Name)
	}
	text, err := execute(comments(), s.Name+".md", s)
	return Capital(text), err
}

// Card writes a part of the card, one of the templates that card.md defines: "facts", or "card",
// the visible whole.
func Card(part string, data any) (string, error) { return execute(card(), part, data) }

// ChatCard writes a part of the card as it is in the incident's channel in Slack, one of the templates
// that chat.md defines.
func ChatCard(part string, data any) (string, error) {
	text, err := execute(chat(), part, data)
	return strings.TrimSpace(text), err
}

// CustomerView is what the texts in a customer's issue are made of. None of it is internal (A7).
type CustomerView struct {
	Status   incident.CustomerStatus
	Since    time.Time // when the incident came so far
	Declared time.Time
	Update   string // the beginning of the update with which the issue is opened
}

// CustomerIssue returns a part of a customer's issue (V6): its "title", or the "status" line that
// its text begins with.
func CustomerIssue(part string, v CustomerView) (string, error) {
	text, err := execute(customer(), part, v)
	return strings.TrimSpace(text), err
}

// RevertBody returns the text of a pull request that takes another back. Who may read its repository
// may read it: of the incident it has the name alone, and why, as somebody wrote it for there.
func RevertBody(v incident.Reversal, of incident.Ref) (string, error) {
	text, err := execute(revert(), "revert.md", struct{ Of, Why, By, Incident string }{v.Of, v.Text, v.By, of.String()})
	return strings.TrimSpace(text), err
}

// Line returns an entry of the timeline in a few words, without who did it and without its text.
func Line(e incident.Entry) string {
	name := e.Kind
	if lines().Lookup(name) == nil {
		name = "other"
	}
	out, err := execute(lines(), name, e)
	if err != nil {
		return texts.Inert(e.Kind, 40)
	}
	return texts.Squeeze(out)
}

var blankLines = lazily.Compile(`\n[ \t]*\n(?:[ \t]*\n)+`)

// execute runs a template and tidies the blank lines that its branches left.
func execute(t *template.Template, name string, data any) (string, error) {
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, name, data); err != nil {
		return "", fmt.Errorf("write %s: %w", path.Base(name), err)
	}
	return strings.TrimSpace(blankLines.ReplaceAllString(b.String(), "\n\n")) + "\n", nil
}

// Mention addresses a person, or a team as org/team, so that GitHub notifies them. What is neither
// is shown and notifies nobody.
func Mention(name string) string {
	if _, _, isTeam := naming.SplitTeam(name); isTeam || naming.IsLogin(name) && !naming.IsNobody(name) {
		return "@" + name
	}
	return "**" + texts.Inert(name, 60) + "**"
}

// CallLink links to a call or war room by its address, and shows where it leads.
func CallLink(address string) string {
	if !incident.IsCall(address) {
		return texts.Inert(address, 120)
	}
	return "[" + texts.Inert(strings.TrimPrefix(address, "https://"), 60) + "](" + address + ")"
}

// Reference names an issue as owner/repo#number, of which GitHub makes a link with its title and
// state. What isn't such a name is shown and links to nothing.
func Reference(name string) string {
	if _, _, ok := naming.SplitIssue(name); ok {
		return name
	}
	return texts.Inert(name, 120)
}

// List lists names in bold, none mentioned: "**a**, **b** and **c**". A long list is cut.
func List(list []string) string {
	const most = 8
	bold := make([]string, 0, most+1)
	for i, n := range list {
		if i == most && len(list) > most+1 {
			bold = append(bold, strconv.Itoa(len(list)-most)+" more")
			break
		}
		bold = append(bold, "**"+texts.Inert(n, 60)+"**")
	}
	switch n := len(bold); n {
	case 0:
		return ""
	case 1:
		return bold[0]
	default:
		return strings.Join(bold[:n-1], ", ") + " and " + bold[n-1]
	}
}

// UTC returns a time as people read it: 17:40 UTC, with the date where that isn't the given day,
// and with the year where that isn't the given day's: 27 Nov 17:40 UTC. The zero time means no time.
func UTC(t, day time.Time) string {
	if t.UTC().Format(time.DateOnly) == day.UTC().Format(time.DateOnly) && !t.IsZero() {
		return t.UTC().Format("15:04 UTC")
	}
	return Dated(t, day)
}

// Dated returns a time with its date always, for what people still read on another day.
func Dated(t, day time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case t.UTC().Year() == day.UTC().Year():
		return t.UTC().Format("2 Jan 15:04 UTC")
	}
	return t.UTC().Format("2 Jan 2006 15:04 UTC")
}

// Duration returns a duration as people say it: 18 min, 2 h 5 min, 3 days.
func Duration(d time.Duration) string {
	if d < 0 {
		return "-" + Duration(-d)
	}
	if d > 0 && d < time.Minute {
		return "under 1 min"
	}
	m := int(d.Round(time.Minute) / time.Minute)
	switch {
	case m < 60:
		return strconv.Itoa(m) + " min"
	case m < 48*60 && m%60 == 0:
		return strconv.Itoa(m/60) + " h"
	case m < 48*60:
		return fmt.Sprintf("%d h %d min", m/60, m%60)
	}
	return strconv.Itoa((m+12*60)/(24*60)) + " days"
}

// Capital returns a name with a capital letter: the phase as a heading.
func Capital(name any) string {
	s := fmt.Sprint(name)
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return ""
	}
	return string(unicode.ToUpper(r)) + s[n:]
}

// Sentence ends a reason as a sentence, inert.
func Sentence(reason string) string {
	text := texts.Inert(reason, 240)
	if strings.HasSuffix(text, "?") || strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}

// Role spells a role out.
func Role(short string) string {
	switch short {
	case "ic":
		return "Incident Coordinator"
	case "oe":
		return "Operations Engineer"
	}
	return short
}

// Service returns the name by which people know a service, or a source that acknowledges pages.
func Service(kind string) string {
	if s, ok := services.Find(kind); ok {
		return s.Label
	}
	if s, ok := sources.Find(kind); ok {
		return s.Label
	}
	return Capital(kind)
}

// Way returns the name by which people know a way to reach somebody, or its vendor (O3).
func Way(kind string) string {
	switch kind {
	case "sms":
		return "text message"
	case "call":
		return "phone call"
	case "ntfy":
		return kind
	}
	return Service(kind)
}

// Plural returns a count with its noun.
func Plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
