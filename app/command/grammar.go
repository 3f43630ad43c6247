package command

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// words is what follows a command's verb and word: the rest of its line, and the lines below.
type words struct {
	line  string
	below string
	quote func() string
}

// text is everything, trimmed.
func (w words) text() string { return strings.TrimSpace(w.line + "\n" + w.below) }

// first gives the words with the first line that isn't empty as their line, for commands that need something.
func (w words) first() words {
	line, below, _ := strings.Cut(w.text(), "\n")
	return words{line: line, below: below, quote: w.quote}
}

// rest gives the words with another line.
func (w words) rest(line string) words { return words{line: line, below: w.below, quote: w.quote} }

// grammars read what follows each command. An error says what is missing or wrong.
var grammars = map[incident.Kind]func(words) (incident.Command, error){
	incident.Declare:        declare,
	incident.Help:           alone,
	incident.Status:         alone,
	incident.Note:           note,
	incident.Decline:        say("add why it is a false alarm"),
	incident.Duplicate:      duplicate,
	incident.TakeIC:         reasoned,
	incident.GiveIC:         giveOne,
	incident.SetSeverity:    severity,
	incident.AddCustomer:    addCustomers,
	incident.RemoveCustomer: removeCustomers,
	incident.Escalate:       escalate,
	incident.Update:         say("add what you tell the customers"),
	incident.Told:           say("add how they were told, such as “by phone”"),
	incident.Snooze:         snooze,
	incident.Pin:            pin,
	incident.Unpin:          pin,
	incident.MovePhase:      phase,
	incident.Agree:          say("add who agreed, and how"),
	incident.AddFollowUp:    followUp,
	incident.Close:          reasoned,
	incident.Postmortem:     anything,
	incident.TakeOE:         reasoned,
	incident.GiveOE:         give,
	incident.DropOE:         anything,
	incident.Finding:        say("add what you see"),
	incident.Action:         say("add what you changed"),
	incident.Cause:          say("add what the cause is"),
	incident.Workaround:     say("add what the workaround is"),
	incident.Fix:            say("add what the fix is, or its pull request: owner/repo#n"),
	incident.Regression:     say("add what came back"),
}

// read gives the command that stands at a place, or how it is misspelt.
func read(p place) any {
	verb, n := verbOf(p.said)
	line, below, _ := strings.Cut(p.said[n:], "\n")
	w := words{line: strings.TrimLeftFunc(line, unicode.IsSpace), below: below, quote: p.quote}
	wrong := incident.Misspelt{Line: firstLine(p.said), Why: incident.NotACommand}
	if verb == misspeltVerb {
		row, _, ok := rowOf(verbIncident, w)
		if !ok {
			row = incident.RowOf(incident.Declare)
		}
		wrong.Known = row.Usage
		return wrong
	}
	row, rest, ok := rowOf(verb, w)
	if !ok {
		wrong.Known = nearest(verb, w.line)
		return wrong
	}
	if row.Kind == incident.Declare {
		if known, why := strayed(w); known != "" {
			wrong.Known, wrong.Why = known, why
			return wrong
		}
	}
	c, err := grammars[row.Kind](rest)
	if err != nil {
		wrong.Known, wrong.Why = usage(row, verb), err.Error()
		var s suggestion
		if errors.As(err, &s) {
			wrong.Known = s.command
		} else if errors.Is(err, errNoReason) && !strings.Contains(wrong.Known, "because ") {
			wrong.Known += " because …"
		}
		return wrong
	}
	c.Kind, c.Verb = row.Kind, verb
	if row.Kind == incident.Declare && c.Severity == "" {
		c.Like = nearest(verb, w.line)
	}
	return c
}

// rowOf finds the row that the words after a verb choose, the longest word first, and gives what follows the word.
func rowOf(verb string, w words) (row incident.Row, rest words, ok bool) {
	long := 0
	for _, r := range incident.Commands {
		if r.Word == "" || len(r.Word) <= long || !slices.Contains(r.Verbs, verb) {
			continue
		}
		if line, has := cutWord(w.line, r.Word); has {
			row, rest, ok, long = r, w.rest(line), true, len(r.Word)
		}
	}
	if ok {
		return row, rest, true
	}
	takes, gives := incident.TakeIC, incident.GiveIC
	switch verb {
	case verbIncident:
		return incident.RowOf(incident.Declare), w, true
	case verbOE:
		takes, gives = incident.TakeOE, incident.GiveOE
	}
	if strings.HasPrefix(w.line, "@") {
		return incident.RowOf(gives), w, true
	}
	if _, has := cutWord(w.line, "because"); w.line == "" || has {
		return incident.RowOf(takes), w, true
	}
	return incident.Row{}, w, false
}

// cutWord cuts a word, or several, off the start of a line, without case and whatever the white space between them.
func cutWord(line, word string) (rest string, ok bool) {
	for want := range strings.FieldsSeq(word) {
		var got string
		got, line = next(line)
		if !strings.EqualFold(strings.TrimRight(got, ".,:;!"), want) {
			return "", false
		}
	}
	return line, true
}

// next cuts the first word off. The line's end stays as it is, since two spaces there break the line.
func next(s string) (word, rest string) {
	s = strings.TrimLeftFunc(s, unicode.IsSpace)
	if i := strings.IndexFunc(s, unicode.IsSpace); i >= 0 {
		return s[:i], strings.TrimLeftFunc(s[i:], unicode.IsSpace)
	}
	return s, ""
}

// usage gives a row's usage under the verb that was written.
func usage(row incident.Row, verb string) string {
	if len(row.Verbs) > 1 && slices.Contains(row.Verbs, verb) {
		return "/" + verb + strings.TrimPrefix(row.Usage, "/"+row.Verbs[0])
	}
	return row.Usage
}

// nearest gives the usage of the command that somebody probably meant, or "".
func nearest(verb, line string) string {
	switch word, _ := next(line); {
	case near(word, "because"):
		return "/" + verb + " because …"
	case verb != verbIncident && strings.EqualFold(word, "me"):
		return "/" + verb
	}
	best, found := texts.Far, ""
	for _, row := range incident.Commands {
		if row.Word == "" {
			continue
		}
		d := min(off(line, row.Word), off(line, strings.Fields(row.Word)[0])+2) // the first of two words is better than nothing
		if !slices.Contains(row.Verbs, verb) && d < texts.Far {
			d += 1 // the same word under the verb that was written comes first
		}
		if d < best {
			best, found = d, usage(row, verb)
		}
	}
	return found
}

// off tells how far the first words of a line are from a command's word; texts.Far if too far to be meant.
func off(line, word string) int {
	var got []string
	for range strings.Fields(word) {
		var w string
		w, line = next(line)
		got = append(got, strings.TrimRight(w, ".,:;!"))
	}
	said, limit := strings.Join(got, " "), max(1, len(word)/3)
	if len(said) > len(word)+limit {
		return texts.Far
	}
	if d := texts.Distance(said, word); d <= limit {
		return d
	}
	return texts.Far
}

func near(word, want string) bool { return off(word, want) < texts.Far }

// strayed tells a word of another command after /incident, which takes any text as its summary: `/incident update …` would
// declare instead of telling the customer, and nobody would notice.
func strayed(w words) (known, why string) {
	for _, row := range incident.Commands {
		if row.Word == "" || slices.Contains(row.Verbs, verbIncident) {
			continue
		}
		if _, ok := cutWord(w.line, strings.Fields(row.Word)[0]); ok {
			return row.Usage, "“" + strings.Fields(row.Word)[0] + "” is another command (if it begins the summary, write the severity first: /incident critical …)"
		}
	}
	if word, rest := next(w.line); rest == "" && strings.TrimSpace(w.below) == "" && len(word) > 2 {
		return nearest(verbIncident, word), incident.NotACommand
	}
	return "", ""
}

// say reads a command that is a text.
func say(missing string) func(words) (incident.Command, error) {
	return func(w words) (incident.Command, error) {
		if w.text() == "" {
			return incident.Command{}, errors.New(missing)
		}
		return incident.Command{Text: w.text()}, nil
	}
}

// anything reads a command that takes nothing. What stands behind it is for people.
func anything(words) (incident.Command, error) { return incident.Command{}, nil }

// alone reads a command that would be a summary if something followed on its line: "/incident status page is down".
func alone(w words) (incident.Command, error) {
	if w.line != "" {
		return incident.Command{}, errors.New("this command takes no text (if it begins the summary, write the severity first: /incident critical …)")
	}
	return incident.Command{}, nil
}

// severities are the words that a declaration's summary may begin with to tell the severity.
var severities = map[string]string{"critical": "critical", "regular": "regular", "p1": "critical", "p2": "regular", "p3": "regular"}

func declare(w words) (incident.Command, error) {
	word, rest := next(w.line)
	c := incident.Command{Severity: severities[strings.ToLower(strings.TrimRight(word, ".,:;!"))]}
	if c.Severity != "" {
		if dash, after := next(rest); strings.Trim(dash, "-–—:") == "" {
			rest = after
		}
		w = w.rest(rest)
	}
	c.Text = w.text()
	return c, nil
}

// reason cuts "because …" off: has is true if the word stands there, and why is empty if nothing follows it.
func reason(w words) (why string, has bool) {
	rest, has := cutWord(w.line, "because")
	if !has {
		return "", false
	}
	return w.rest(rest).text(), true
}

var errNoReason = errors.New("add the reason after “because”")

// reasoned reads a command that may say why. Without "because", what follows is for people.
func reasoned(w words) (incident.Command, error) {
	why, has := reason(w)
	if has && why == "" {
		return incident.Command{}, errNoReason
	}
	return incident.Command{Because: why}, nil
}

// giveOne reads one person, since one coordinates.
func giveOne(w words) (incident.Command, error) {
	c, err := give(w)
	if len(c.Logins) > 1 {
		return incident.Command{}, errors.New("name one person: only one can be Incident Coordinator")
	}
	return c, err
}

func give(w words) (incident.Command, error) {
	to, text, err := targets(w)
	if err != nil {
		return incident.Command{}, err
	}
	if len(to.teams) > 0 {
		return incident.Command{}, errors.New("name a person: a team can't have a role")
	}
	return incident.Command{Logins: to.logins, Text: text}, nil
}

type people struct{ logins, teams []string }

// targets reads the people and teams that stand first: @user and @org/team, with spaces, commas or "and" between.
func targets(w words) (to people, text string, err error) {
	line := w.line
	for line != "" {
		word, rest := line, ""
		if i := strings.IndexFunc(line, func(r rune) bool { return r == ',' || unicode.IsSpace(r) }); i >= 0 {
			word, rest = line[:i], strings.TrimLeftFunc(line[i:], unicode.IsSpace)
		}
		after := strings.TrimLeftFunc(rest, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
		switch {
		case word == "":
		case word[0] == '@':
			if err := to.add(strings.TrimRight(word, ".:;!")); err != nil {
				return people{}, "", err
			}
		case (strings.EqualFold(word, "and") || word == "&") && strings.HasPrefix(after, "@"):
		default:
			return to, w.rest(line).text(), nil
		}
		line = after
	}
	return to, w.rest("").text(), nil
}

// add takes @user or @org/team.
func (p *people) add(name string) error {
	org, team, isTeam := strings.Cut(name[1:], "/")
	switch {
	case naming.IsBot(name[1:]):
		return fmt.Errorf("%s is an app's bot: name a person", firstLine(name))
	case !naming.IsLogin(org):
		return fmt.Errorf("%s can't be a name on GitHub", firstLine(name))
	case isTeam && !naming.IsTeam(team):
		return fmt.Errorf("%s can't be a team on GitHub", firstLine(name))
	case isTeam && !naming.Contains(p.teams, name[1:]):
		p.teams = append(p.teams, name[1:])
	case !isTeam && !naming.Contains(p.logins, org):
		p.logins = append(p.logins, org)
	}
	return nil
}

func severity(w words) (incident.Command, error) {
	w = w.first()
	word, rest := next(w.line)
	name := strings.ToLower(strings.TrimRight(word, ".,:;!"))
	if name == "" {
		return incident.Command{}, errors.New("add the severity")
	}
	return incident.Command{Severity: name, Text: w.rest(rest).text()}, nil
}

// customers reads names off the line, split at commas and semicolons alone: which of the words between them are one name only the
// policy can tell (incident.Policy.ReadCustomers).
func customers(w words) (names []string, none bool) { return impacted(w.first().line) }

func addCustomers(w words) (incident.Command, error) {
	names, none := customers(w)
	if len(names) == 0 && !none {
		return incident.Command{}, errors.New("add the customers' names, or “none”")
	}
	return incident.Command{Customers: names, None: none}, nil
}

func removeCustomers(w words) (incident.Command, error) {
	names, _ := customers(w)
	if len(names) == 0 {
		return incident.Command{}, errors.New("add the customers' names")
	}
	return incident.Command{Customers: names}, nil
}

// escalate takes everything: which of the first words are names is known where the groups are (incident.ReadTargets). A page
// without a reason is better than none (V5).
func escalate(w words) (incident.Command, error) { return incident.Command{Text: w.text()}, nil }

var duration = regexp.MustCompile(`^(?i)(?:(\d{1,4})\s*(?:hours?|hrs?|h))?\s*(?:(\d{1,4})\s*(?:minutes?|mins?|m))?(?:[\s.,:;]+|$)`)

func snooze(w words) (incident.Command, error) {
	w = w.first()
	m := duration.FindStringSubmatch(w.line)
	if m == nil || m[1]+m[2] == "" {
		return incident.Command{}, errors.New("add how long: 15m, 1h or 1h30m")
	}
	hours, _ := strconv.Atoi(m[1]) // empty is 0
	minutes, _ := strconv.Atoi(m[2])
	c := incident.Command{
		After: time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute,
		Text:  w.rest(w.line[len(m[0]):]).text(),
	}
	switch {
	case c.After <= 0 || c.After > 24*time.Hour:
		return incident.Command{}, errors.New("an update can be moved by 24 hours at most")
	case c.Text == "":
		return incident.Command{}, errors.New("add a reason: the customers will hear nothing for longer")
	}
	return c, nil
}

// commentLink is a link to a comment, bare or in Markdown.
var commentLink = regexp.MustCompile(`(?:\[[^\]\n]*\]\()?<?(?:https?://[^\s#<>()]*)?#issuecomment-(\d+)>?\)?`)

func pin(w words) (incident.Command, error) {
	text := w.text()
	m := commentLink.FindStringSubmatchIndex(text)
	if m == nil {
		if word, _ := next(text); strings.Contains(word, "://") && (strings.Contains(word, "/issues/") || strings.Contains(word, "/pull/")) {
			return incident.Command{}, errors.New("that is not the link of a comment; it ends in #issuecomment-…, see “Copy link” in the comment's menu")
		}
		return incident.Command{Text: text, Quote: w.quote()}, nil
	}
	id, err := strconv.ParseInt(text[m[2]:m[3]], 10, 64)
	if err != nil || id < 1 {
		return incident.Command{}, errors.New("there is no comment with that number")
	}
	text = strings.TrimSpace(text[:m[0]]) + " " + strings.TrimSpace(text[m[1]:])
	return incident.Command{Link: id, Text: strings.TrimSpace(text)}, nil
}

func phase(w words) (incident.Command, error) {
	w = w.first()
	word, rest := next(w.line)
	name := incident.Phase(strings.ToLower(strings.TrimRight(word, ".,:;!")))
	if !slices.Contains(incident.Phases, name) {
		return incident.Command{}, noPhase(string(name))
	}
	c, err := reasoned(w.rest(rest))
	c.Phase = name
	return c, err
}

// suggestion is an error that knows what was probably meant.
type suggestion struct{ command, why string }

func (s suggestion) Error() string { return s.why }

// noPhase says which phase was meant, or which there are.
func noPhase(name string) error {
	var all []string
	for _, p := range incident.Phases {
		begins := len(name) >= 3 && (strings.HasPrefix(string(p), name) || strings.HasPrefix(name, string(p)))
		if begins || near(name, string(p)) {
			return suggestion{command: "/ic phase " + string(p), why: "I don't know the phase " + firstLine(name)}
		}
		all = append(all, string(p))
	}
	return errors.New("name a phase: " + strings.Join(all, ", "))
}

// followUp reads a title with the repository before it and the owner and the date anywhere on its line, or on lines of
// their own. The lines below are the ticket's text.
func followUp(w words) (incident.Command, error) {
	w = w.first()
	if c, f, ok := changeOf(w.line, w.below); ok {
		return f.into(c)
	}
	f := details{}
	title := strings.Fields(w.line)
	if len(title) > 0 {
		if repo := strings.TrimRight(title[0], ":,"); naming.IsRepository(repo) {
			f.repo, title = repo, title[1:]
		}
	}
	title = f.takeAll(title)
	lines := []string{strings.Join(title, " ")}
	for line := range strings.SplitSeq(w.below, "\n") {
		var own details
		if strings.TrimSpace(line) == "" || len(own.takeAll(strings.Fields(line))) > 0 {
			lines = append(lines, line)
			continue
		}
		f.logins, f.dues = append(f.logins, own.logins...), append(f.dues, own.dues...)
	}
	if len(title) == 0 {
		return incident.Command{}, errors.New("add a title")
	}
	return f.into(incident.Command{Repo: f.repo, Text: strings.TrimSpace(strings.Join(lines, "\n"))})
}

// into adds the owner and the date to a command, if they are in order.
func (f details) into(c incident.Command) (incident.Command, error) {
	c.Logins = f.logins
	if len(f.dues) > 0 {
		c.Due = f.dues[0]
	}
	switch {
	case len(f.logins) > 1:
		return incident.Command{}, errors.New("name one owner only")
	case len(f.dues) > 1:
		return incident.Command{}, errors.New("add one date only")
	case len(f.logins) == 1 && naming.IsBot(f.logins[0]):
		return incident.Command{}, fmt.Errorf("@%s is an app's bot: name a person", firstLine(f.logins[0]))
	case len(f.logins) == 1 && !naming.IsLogin(f.logins[0]):
		return incident.Command{}, fmt.Errorf("@%s can't be a name on GitHub", firstLine(f.logins[0]))
	case len(f.dues) == 1 && !isDue(c.Due):
		return incident.Command{}, errors.New("write the date as 2026-12-31, +7d or +2w")
	}
	return c, nil
}

// details are what a follow-up's line says beside its title.
type details struct {
	repo         string
	logins, dues []string
}

// takeAll takes @owner and due:DATE, and gives the words that are left.
func (d *details) takeAll(words []string) (left []string) {
	for i := 0; i < len(words); i++ {
		word := words[i]
		if strings.EqualFold(word, "due:") && i+1 < len(words) {
			i++
			word += words[i]
		}
		name := strings.TrimRight(word, ".,:;!")
		switch {
		case len(word) > len("due:") && strings.EqualFold(word[:len("due:")], "due:"):
			d.dues = append(d.dues, strings.TrimRight(word[len("due:"):], ".,;!"))
		case len(name) > 1 && name[0] == '@' && !strings.Contains(name, "/"):
			d.logins = append(d.logins, name[1:])
		default:
			left = append(left, word)
		}
	}
	return left
}

var relative = regexp.MustCompile(`^\+\d{1,3}[dw]$`)

func isDue(s string) bool {
	if relative.MatchString(s) {
		return true
	}
	t, err := time.Parse(time.DateOnly, s)
	return err == nil && t.Year() >= 2000
}

var bullet = regexp.MustCompile(`^(?:[-*+]|\d{1,2}[.)])\s+`)

// note reads an entry per line, in or out of a list. What stands in a code block belongs to the entry before it.
func note(w words) (incident.Command, error) {
	var c incident.Command
	var at incident.Moment
	code := false
	for line := range strings.SplitSeq(w.text(), "\n") {
		said := strings.TrimSpace(line)
		fence := strings.HasPrefix(said, "```") || strings.HasPrefix(said, "~~~")
		if last := len(c.Entries) - 1; last >= 0 && (fence || code) {
			code = code != fence
			c.Entries[last].Text += "\n" + line
			continue
		}
		when, said := moment(said)
		if when.Said == "" { // "27. Nov 17:40" looks like a list's second item
			when, said = moment(bullet.ReplaceAllString(said, ""))
		}
		if when.Said != "" {
			at = when
		}
		if said != "" { // a time alone is the next line's
			c.Entries = append(c.Entries, incident.Line{When: at, Text: said})
			at = incident.Moment{}
		}
	}
	if len(c.Entries) == 0 {
		return incident.Command{}, errors.New("add the note's text")
	}
	return c, nil
}
