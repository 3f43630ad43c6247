package incident

import (
	"fmt"
	"hash/crc32"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// Box is a command that the card offers as a checkbox (A9): whoever may edit comments ticks it, as
// on a task list.
type Box struct {
	Command string // as a person would write it: "/ic phase fixing"
	Label   string // what the box says, in Markdown
}

// boxMark is in the line of a box, before its label.
const boxMark = "<!-- tap "

// Line returns the box as a line of the card, without the tick.
func (b Box) Line() string { return boxMark + b.Command + " -->" + b.Label }

// boxOf returns the box of a command, or false if it needs words or is not offered as a box.
func boxOf(c Command, p Policy) (Box, bool) {
	b := Box{Command: strings.TrimSuffix(writtenCommand(c), " …")}
	switch c.Kind {
	case TakeIC:
		b.Label = "**I coordinate**"
	case TakeOE:
		b.Label = "**I operate**: I look into it"
	case SetSeverity:
		b.Label = fmt.Sprintf("**It can wait** (%s)", texts.Inert(c.Severity, 40))
		if p.Critical(c.Severity) {
			b.Label = "**This is a P1**: page the coordinators"
			if c.Severity != "critical" {
				b.Label = fmt.Sprintf("**This is a P1** (%s): page the coordinators", texts.Inert(c.Severity, 40))
			}
		}
	case MovePhase:
		b.Label = "**Go on to " + strings.ToUpper(string(c.Phase[:1])) + string(c.Phase[1:]) + "**"
	case Close:
		b.Label = "**Close up**"
	case Escalate:
		b.Label = "**Page more people**"
	default:
		return Box{}, false
	}
	return b, c.Because == ""
}

// Boxes returns every box that a card can have by a policy, so that one that was ticked on an old
// page is understood.
func Boxes(p Policy) []Box {
	commands := []Command{{Kind: TakeIC}, {Kind: TakeOE}, {Kind: Close}, {Kind: Escalate}}
	for _, s := range p.Severities {
		commands = append(commands, Command{Kind: SetSeverity, Severity: s.Name})
	}
	for _, phase := range Phases {
		commands = append(commands, Command{Kind: MovePhase, Phase: phase})
	}
	var all []Box
	for _, c := range commands {
		b, _ := boxOf(c, p)
		all = append(all, b)
	}
	return all
}

// BoxFor returns the box of a command as a hint writes it, or false if it has none.
func BoxFor(command string, p Policy) (Box, bool) {
	for _, b := range Boxes(p) {
		if b.Command == strings.TrimSuffix(command, " …") {
			return b, true
		}
	}
	return Box{}, false
}

// boxLine finds the boxes of a text, and whether they are ticked. GitHub's editors write an x of
// either case.
var boxLine = lazily.Compile(`(?m)^(- \[)([ xX])(\] )(` + boxMark + `[^\n]*)$`)

// Untick returns a card's text with every box empty, as the app wrote it.
func Untick(card string) string {
	if !mayBeTicked(card) {
		return card
	}
	return boxLine.ReplaceAllString(card, "${1} ${3}${4}")
}

// mayBeTicked reports whether a text has something like a ticked box. Each look opens each card that it
// reads, of which hardly one has any, and boxLine takes its time with 20 KB.
func mayBeTicked(card string) bool {
	return strings.Contains(card, "- [x] "+boxMark) || strings.Contains(card, "- [X] "+boxMark)
}

// TickedBoxes returns the lines of the boxes that are ticked in a card.
func TickedBoxes(card string) (lines []string) {
	if !mayBeTicked(card) {
		return nil
	}
	for _, m := range boxLine.FindAllStringSubmatch(strings.ReplaceAll(card, "\r\n", "\n"), -1) {
		if m[2] != " " && len(lines) < maxTicks {
			lines = append(lines, texts.Truncate(m[4], maxBoxLine))
		}
	}
	return lines
}

const (
	maxTicks   = 10  // of one edit
	maxBoxLine = 300 // characters of a box's line
)

// TickedBy returns what an edit of a card ticked. isClean reports that it changed nothing else.
func TickedBy(before, after string) (lines []string, isClean bool) {
	had := TickedBoxes(before)
	for _, line := range TickedBoxes(after) {
		if !slices.Contains(had, line) {
			lines = append(lines, line)
		}
	}
	normal := func(card string) string { return strings.TrimSpace(strings.ReplaceAll(Untick(card), "\r\n", "\n")) }
	return lines, normal(before) == normal(after)
}

// Tick says that somebody ticked boxes of the card, as a webhook delivered it.
type Tick struct {
	Comment int64     `json:"comment"` // the card's
	By      string    `json:"by"`
	At      time.Time `json:"at"`
	Lines   []string  `json:"lines,omitempty"` // of the boxes
	// IsClean says that nothing else of the card changed.
	IsClean bool `json:"clean,omitempty"`
}

func (*Tick) request() {}

// Tick returns which boxes of the card somebody ticked, or nil.
func (m Message) Tick() *Tick { return requestOf[*Tick](m) }

// ReadBox returns a box by its line. It returns false for a line that the app did not write, or not
// so: the label that somebody read and the command must belong together.
func ReadBox(line string, p Policy) (Box, bool) {
	for _, b := range Boxes(p) {
		if rest, ok := strings.CutPrefix(line, b.Line()); ok && (rest == "" || strings.HasPrefix(rest, whoOfBox)) {
			return b, true
		}
	}
	return Box{}, false
}

// TapOf returns the fact that somebody ticked a box.
func TapOf(b Box, comment int64, at time.Time, by string) Fact {
	return Fact{ID: TapID(comment, at, b.Command, by), At: at, By: Person{Login: by}, What: Tapped{fillBox(b.Command)}}
}

// whoOfBox parts a box's label from who may tick it.
const whoOfBox = " · "

// fillBox reads the command of a box: it has no words.
func fillBox(command string) Command {
	c := fillCommand(command)
	verb, _, _ := strings.Cut(strings.TrimPrefix(command, "/"), " ")
	return Command{Kind: c.Kind, Verb: verb, Severity: c.Severity, Phase: c.Phase}
}

// Tapped says that somebody ticked a box of the card. It counts as their command. The issue's
// timeline has no word of it, so the app writes one, unless it was refused (A5).
type Tapped struct {
	Command Command
}

// TapID is the id of a tap's fact: of the card's comment, the time of the edit, and a number of the
// box's command and of who ticked it, who may be several in one second.
func TapID(comment int64, at time.Time, command, by string) string {
	return fmt.Sprintf("t%d@%d.%d", comment, at.Unix(), int64(sumOf(command))<<16|int64(sumOf(naming.Key(by)))&0xffff)
}

func sumOf(text string) uint32 { return crc32.ChecksumIEEE([]byte(text)) }

// sameTap is how far apart two sights of one ticked box may be.
const sameTap = 10 * time.Minute

// tookTap reports whether a box that was found ticked was acted on: by the edit that ticked it,
// which another may have followed.
func (a Asked) tookTap(comment int64, at time.Time, command string) bool {
	want := ageOfEdit(TapID(comment, at, command, ""))
	return slices.ContainsFunc(a.Edits, func(id string) bool {
		if kindOfEdit(id) != "t" {
			return false
		}
		age := ageOfEdit(id)
		apart := time.Duration(want[0]-age[0]) * time.Second
		return age[1] == want[1] && age[2]>>16 == want[2]>>16 && apart.Abs() < sameTap
	})
}

// tap acts on a box.
func (r *run) tap(t Tapped) {
	command := strings.TrimSuffix(writtenCommand(t.Command), " …")
	r.Ticked = dropTick(r.Ticked, command)
	key, who := tapKey(r.f, command), r.f.By.Login
	r.f.What = t.Command
	r.loseAccess()
	if r.command(t.Command); !r.isTurnedDown {
		r.emit(Remind{Key: key, At: r.f.At, Say: Say{Name: "tapped", Names: []string{who}, Line: command}})
	}
}

// tapKey writes a tap for the comment that notes it: tap/7000001/1772447000/carol/%2Fic.
func tapKey(f Fact, command string) string {
	comment, _, _ := strings.Cut(strings.TrimPrefix(f.ID, "t"), "@")
	at := strconv.FormatInt(f.At.Unix(), 10)
	return strings.Join([]string{"tap", comment, at, f.By.Login, url.PathEscape(command)}, "/")
}

// ParseTap reads what a comment of the app's own says of a tap: a fact without what GitHub knows
// of the person.
func ParseTap(key string, p Policy) (Fact, bool) {
	parts := strings.Split(key, "/")
	if len(parts) != 5 || parts[0] != "tap" {
		return Fact{}, false
	}
	comment, err := strconv.ParseInt(parts[1], 10, 64)
	at, err2 := strconv.ParseInt(parts[2], 10, 64)
	command, err3 := url.PathUnescape(parts[4])
	if err != nil || err2 != nil || err3 != nil || parts[3] == "" {
		return Fact{}, false
	}
	b, ok := BoxFor(command, p)
	when := time.Unix(at, 0).UTC()
	return TapOf(b, comment, when, parts[3]), ok
}

// OpenTick is a box that was found ticked, and nobody knows yet by whom: the webhook that says so
// may be on its way.
type OpenTick struct {
	Command string    `json:"command"`
	At      time.Time `json:"at"`
}

// BoxesFound says that these boxes of the card, by its comment, were found ticked. The fact's time
// is when the card was edited.
type BoxesFound struct {
	Comment  int64
	Commands []string
}

// tickPatience is how long the webhook of a ticked box is waited for.
const tickPatience = 2 * time.Minute

// foundTicked notes boxes of which no webhook has said who ticked them.
func (r *run) foundTicked(b BoxesFound) {
	for _, command := range b.Commands {
		isKnown := r.Asked.tookTap(b.Comment, r.f.At, command) || !r.Running()
		for _, t := range r.Ticked {
			isKnown = isKnown || t.Command == command && t.At.Equal(r.f.At)
		}
		if !isKnown {
			r.Ticked = append(dropTick(r.Ticked, command), OpenTick{command, r.f.At})
		}
	}
}

// dropTick returns the boxes that were found ticked, without that of a command.
func dropTick(all []OpenTick, command string) (kept []OpenTick) {
	for _, t := range all {
		if t.Command != command {
			kept = append(kept, t)
		}
	}
	return kept
}

// nextTick returns when people are asked who ticked a box.
func (s State) nextTick() time.Time {
	if len(s.Ticked) == 0 {
		return time.Time{}
	}
	return s.Ticked[0].At.Add(tickPatience)
}

// askTicked asks whoever ticked a box to write the word: GitHub did not say who it was.
func (r *run) askTicked() {
	t := r.Ticked[0]
	r.Ticked = dropTick(r.Ticked, t.Command)
	r.emit(Remind{Key: fmt.Sprintf("ticked/%d/%s", t.At.Unix(), url.PathEscape(t.Command)), At: r.f.At,
		Say: Say{Name: "who-ticked", Line: t.Command}})
}
