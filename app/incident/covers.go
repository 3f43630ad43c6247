package incident

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/oncall"
	"github.com/firebreak-dev/firebreak/app/words"
)

// The commands of this file.
const (
	WhoIsOnCall Kind = "oncall"
	AddCover    Kind = "cover"
	SwapShifts  Kind = "swap"
	DropCover   Kind = "uncover"
)

var _ = register(Row{
	Kind: WhoIsOnCall, Verbs: []string{VerbIncident}, Word: "oncall",
	Usage: "/incident oncall [rotation]", Does: "show who is on call now and next, and until when",
	Example: "/incident oncall", Who: Responder, Place: 162, AfterClosing: true, AfterEnding: true,
}, parseRotation, (*run).whoIsOnCall)

var _ = register(Row{
	Kind: AddCover, Verbs: []string{VerbIncident}, Word: "cover",
	Usage: "/incident cover @user [rotation] [from 18:00] until 9:00", Does: "have somebody take over from you on call",
	Example: "/incident cover @dan until 18:00", Who: Responder, Place: 164, AfterClosing: true, AfterEnding: true,
}, parseCover, (*run).addCover)

var _ = register(Row{
	Kind: SwapShifts, Verbs: []string{VerbIncident}, Word: "swap",
	Usage: "/incident swap @user [rotation]", Does: "exchange your next shift on call with somebody's next one",
	Example: "/incident swap @dan", Who: Responder, Place: 166, AfterClosing: true, AfterEnding: true,
}, parseSwap, (*run).swapShifts)

var _ = register(Row{
	Kind: DropCover, Verbs: []string{VerbIncident}, Word: "uncover",
	Usage: "/incident uncover [rotation]", Does: "take back your next cover, or decline one that somebody gave you",
	Example: "/incident uncover", Who: Responder, Place: 168, AfterClosing: true, AfterEnding: true,
}, parseRotation, (*run).dropCover)

// CoverChange is a change of the covers that somebody asked for (O2). It is owed until the file has it.
type CoverChange struct {
	Stamp
	Add    []oncall.Cover `json:"add,omitempty"`
	Remove []oncall.Cover `json:"remove,omitempty"`
}

// beginsSummary says how to declare an incident whose summary begins with one of these words.
const beginsSummary = " (if it begins the summary, write the severity first: /incident critical …)"

// mostCoverChanges is how many changes may be owed at once.
const mostCoverChanges = 10

// parseRotation takes the name of a rotation, or nothing.
func parseRotation(w words.Words) (Command, error) {
	name, rest := words.Cut(w.Line)
	name = strings.Trim(name, "`*.,:;")
	switch {
	case name == "" && strings.TrimSpace(rest) == "":
		return Command{}, nil
	case !naming.IsTeam(name) || strings.TrimSpace(rest) != "":
		return Command{}, errors.New("add the name of a rotation, or nothing" + beginsSummary)
	}
	return Command{Names: []string{name}}, nil
}

// parseSwap takes a person, and the name of a rotation or nothing.
func parseSwap(w words.Words) (Command, error) {
	login, rest, ok := cutLogin(w.Line)
	if !ok {
		return Command{}, errors.New("add whose shift you take: @user" + beginsSummary)
	}
	c, err := parseRotation(w.WithLine(rest))
	c.Logins = []string{login}
	return c, err
}

func cutLogin(line string) (login, rest string, ok bool) {
	word, rest := words.Cut(line)
	login, ok = strings.CutPrefix(strings.TrimRight(word, ".,:;"), "@")
	return login, strings.TrimSpace(rest), ok && naming.IsLogin(login)
}

// parseCover takes a person, a rotation or none, and from when until when.
func parseCover(w words.Words) (Command, error) {
	login, rest, ok := cutLogin(w.Line)
	if !ok {
		return Command{}, errors.New("add who takes over: @user" + beginsSummary)
	}
	c := Command{Logins: []string{login}}
	if word, after := words.Cut(rest); naming.IsTeam(word) && !isCoverWord(word) {
		c.Names, rest = []string{word}, after
	}
	from := Moment{}
	if after, ok := words.CutPrefix(rest, "from"); ok {
		if from, rest = readAhead(after); from.Said == "" {
			return Command{}, errors.New("add when it begins after “from”: 18:00, tomorrow 9:00, Fri 18:00 or 2026-12-24 18:00")
		}
	}
	rest = strings.TrimSpace(rest)
	c.Entries = []Line{{When: from}}
	if after, ok := words.CutPrefix(rest, "for"); ok {
		word, _ := words.Cut(after)
		span, err := time.ParseDuration(strings.TrimRight(word, ".,:;"))
		if err != nil || span < time.Minute || span > maxCover {
			return Command{}, errors.New("add how long it lasts after “for”: 45m, 4h or 36h")
		}
		c.After = span
		return c, nil
	}
	after, ok := words.CutPrefix(rest, "until")
	until, _ := readAhead(after)
	if !ok || until.Said == "" {
		return Command{}, errors.New("add when it ends: until 18:00, until tomorrow 9:00, until Fri 18:00, " +
			"until 2026-12-24 18:00 or for 4h")
	}
	c.Entries = append(c.Entries, Line{When: until})
	return c, nil
}

func isCoverWord(word string) bool {
	return slices.Contains([]string{"from", "until", "for"}, strings.ToLower(word))
}

// readAhead reads a time that is to come, and returns what follows it.
func readAhead(text string) (Moment, string) {
	text = strings.TrimSpace(text)
	if rest, ok := words.CutPrefix(text, "tomorrow"); ok {
		m, after := readMoment(strings.TrimSpace(rest))
		if m.Said != "" && m.Month == 0 && m.Weekday == 0 {
			m.Back, m.Said = -1, "tomorrow "+m.Said
		}
		return m, after
	}
	return readMoment(text)
}

// maxCover is how long a cover may last, and how far ahead it may begin.
const maxCover = 366 * 24 * time.Hour

// ahead returns the first time at or after another one that a moment means.
func (m Moment) ahead(after time.Time, zone *time.Location) (time.Time, string) {
	if m.Why != "" {
		return time.Time{}, m.Why
	}
	if m.Zone.place != nil {
		zone = m.Zone.place
	}
	now := oncall.ClockOf(after, zone)
	on := func(year int, month time.Month, day int) time.Time {
		day1 := time.Date(year, month, day, m.Hour, m.Minute, 0, 0, time.UTC)
		return oncall.ClockOf(day1, time.UTC).In(zone)
	}
	switch {
	case m.Month != 0 && m.Year != 0:
		return on(m.Year, time.Month(m.Month), m.Day), ""
	case m.Month != 0:
		at := on(now.Year, time.Month(m.Month), m.Day)
		if at.Before(after) {
			at = on(now.Year+1, time.Month(m.Month), m.Day)
		}
		return at, ""
	case m.Back != 0 || m.Today:
		return on(now.Year, now.Month, now.Day-m.Back), ""
	}
	for d := range 9 {
		at := on(now.Year, now.Month, now.Day+d)
		if !at.Before(after) && (m.Weekday == 0 || int(at.In(zone).Weekday()) == m.Weekday%7) {
			return at, ""
		}
	}
	return time.Time{}, "there is no such day"
}

// findRotation returns the rotation that a command means: the one it names, the only one in which
// somebody has turns or that they own, or the only one. Without one it answers, and ok is false.
func (r *run) findRotation(c Command, login string) (rotation oncall.Rotation, ok bool) {
	all := r.p.OnCall.Rotations
	if len(c.Names) > 0 {
		rotation, ok = r.p.OnCall.Find(c.Names[0])
	} else {
		those := func(has func(oncall.Rotation) []string) []oncall.Rotation {
			return slices.DeleteFunc(slices.Clone(all), func(o oncall.Rotation) bool {
				return !naming.Contains(has(o), "@"+login)
			})
		}
		theirs := those(oncall.Rotation.Members)
		if len(theirs) == 0 {
			theirs = those(func(o oncall.Rotation) []string { return o.Owners })
		}
		if len(theirs) == 0 && len(all) == 1 {
			theirs = all
		}
		if ok = len(theirs) == 1; ok {
			rotation = theirs[0]
		}
	}
	if !ok {
		say := Say{Name: "cover-refused", Variant: "which", Lines: r.p.OnCall.Names()}
		if len(all) == 0 {
			say.Variant = "none"
		}
		r.refuse(say)
	}
	return rotation, ok
}

// whoIsOnCall shows who is on call now and next.
func (r *run) whoIsOnCall(c Command) {
	names := r.p.OnCall.Names()
	if len(c.Names) > 0 || len(names) == 0 {
		rotation, ok := r.findRotation(c, "")
		if !ok {
			return
		}
		names = []string{rotation.Name}
	}
	say := Say{Name: "on-call", Time: r.f.At}
	for _, name := range names {
		say.OnCall = append(say.OnCall, r.p.OnCall.Now(name, r.f.At))
	}
	r.done()
	r.reply(say)
}

// mayCover reports whether somebody may write the covers of a rotation: they have turns or a cover in
// it, or own it.
func (r *run) mayCover(c Command, rotation oncall.Rotation) bool {
	name := "@" + r.f.By.Login
	return naming.Contains(rotation.Members(), name) || naming.Contains(rotation.Owners, name) ||
		naming.Contains(c.Teams, rotation.Name) || slices.ContainsFunc(r.p.OnCall.Covers, func(o oncall.Cover) bool {
		return naming.Equal(o.Rotation, rotation.Name) && naming.Equal(o.Who, name) && o.Until.After(r.f.At)
	})
}

// takes reports whether somebody can take over, and answers if not.
func (r *run) takes(c Command, login string) bool {
	if naming.Contains(c.Cannot, login) {
		r.refuse(Say{Name: "cover-refused", Variant: "cannot respond", Names: []string{login}})
		return false
	}
	return true
}

func (r *run) addCover(c Command) {
	rotation, ok := r.findRotation(c, r.f.By.Login)
	if !ok || len(c.Logins) == 0 || len(c.Entries) == 0 || !r.takes(c, c.Logins[0]) {
		return
	}
	if !r.mayCover(c, rotation) {
		r.refuse(Say{Name: "cover-refused", Variant: "not yours", Line: rotation.Name, Names: withoutAt(rotation.Owners)})
		return
	}
	from, until, why := r.coverSpan(c, rotation.Zone)
	if why != "" {
		r.react(Unclear)
		r.reply(Say{Name: "cover-refused", Variant: "when", Reason: why})
		return
	}
	one := oncall.Cover{Rotation: rotation.Name, From: from, Until: until, Who: "@" + c.Logins[0],
		For: r.whosePlace(rotation, from, until, c.Logins[0])}
	r.changeCovers(CoverChange{Add: []oncall.Cover{one}})
}

func (r *run) coverSpan(c Command, zone *time.Location) (from, until time.Time, why string) {
	if zone == nil {
		zone = time.UTC
	}
	now := r.f.At.Truncate(time.Minute)
	from = now
	if m := c.Entries[0].When; m.Said != "" || m.Why != "" {
		if from, why = m.ahead(now, zone); why != "" {
			return from, until, why
		}
	}
	switch {
	case c.After > 0:
		until = from.Add(c.After)
	case len(c.Entries) > 1:
		until, why = c.Entries[1].When.ahead(from.Add(time.Minute), zone)
	default:
		why = "it does not say when it ends"
	}
	switch {
	case why != "":
	case !from.Before(until):
		why = "it ends before it begins"
	case !until.After(now):
		why = "it is over already"
	case until.Sub(now) > 2*maxCover || until.Sub(from) > maxCover:
		why = "that is more than a year"
	}
	return from.UTC(), until.UTC(), why
}

// whosePlace returns whose place a cover takes: its author's, if they are on call in that time; else
// that of the only one who is; else "", everybody's.
func (r *run) whosePlace(rotation oncall.Rotation, from, until time.Time, login string) string {
	var others []string
	for _, s := range r.p.OnCall.Shifts(rotation.Name, from, until) {
		for _, who := range s.Who {
			if naming.Equal(who, "@"+r.f.By.Login) && !naming.Equal(login, r.f.By.Login) {
				return who
			}
			if !naming.Contains(others, who) && !naming.Equal(who, "@"+login) {
				others = append(others, who)
			}
		}
	}
	if len(others) == 1 {
		return others[0]
	}
	return ""
}

func (r *run) swapShifts(c Command) {
	rotation, ok := r.findRotation(c, r.f.By.Login)
	if !ok || len(c.Logins) == 0 || !r.takes(c, c.Logins[0]) {
		return
	}
	me, other := "@"+r.f.By.Login, "@"+c.Logins[0]
	if naming.Equal(me, other) || !naming.Contains(rotation.Members(), me) || !naming.Contains(rotation.Members(), other) {
		r.refuse(Say{Name: "cover-refused", Variant: "not both", Line: rotation.Name, Names: []string{c.Logins[0]}})
		return
	}
	now := r.f.At.Truncate(time.Minute)
	mine, hasMine := r.p.OnCall.Next(rotation.Name, me, now)
	theirs, hasTheirs := r.p.OnCall.Next(rotation.Name, other, now)
	if !hasMine || !hasTheirs || mine.From.Before(theirs.Until) && theirs.From.Before(mine.Until) {
		r.refuse(Say{Name: "cover-refused", Variant: "no shifts", Line: rotation.Name, Names: []string{c.Logins[0]}})
		return
	}
	r.changeCovers(CoverChange{Add: []oncall.Cover{
		{Rotation: rotation.Name, From: mine.From.UTC(), Until: mine.Until.UTC(), Who: other, For: me},
		{Rotation: rotation.Name, From: theirs.From.UTC(), Until: theirs.Until.UTC(), Who: me, For: other},
	}})
}

// dropCover takes back the next cover that its author gave or got. A swap is taken back as a whole.
func (r *run) dropCover(c Command) {
	if len(r.p.OnCall.Rotations) == 0 || len(c.Names) > 0 {
		if _, ok := r.findRotation(c, r.f.By.Login); !ok {
			return
		}
	}
	me := "@" + r.f.By.Login
	var next []oncall.Cover
	for _, o := range r.p.OnCall.Covers {
		isMine := naming.Equal(o.Who, me) || naming.Equal(o.For, me)
		isNamed := len(c.Names) == 0 || naming.Equal(o.Rotation, c.Names[0])
		if isMine && isNamed && o.Until.After(r.f.At) && (len(next) == 0 || o.From.Before(next[0].From)) {
			next = []oncall.Cover{o}
		}
	}
	if len(next) == 0 {
		r.refuse(Say{Name: "cover-refused", Variant: "no cover"})
		return
	}
	for _, o := range r.p.OnCall.Covers {
		if naming.Equal(o.Rotation, next[0].Rotation) && o.Until.After(r.f.At) && o.For != "" &&
			naming.Equal(o.Who, next[0].For) && naming.Equal(o.For, next[0].Who) {
			next = append(next, o)
			break
		}
	}
	r.changeCovers(CoverChange{Remove: next})
}

// changeCovers notes what the file is to say.
func (r *run) changeCovers(change CoverChange) {
	if len(r.CoverChanges) >= mostCoverChanges {
		r.refuse(Say{Name: "cover-refused", Variant: "too many"})
		return
	}
	change.Stamp = r.stampText("")
	r.CoverChanges = append(slices.Clone(r.CoverChanges), change)
	r.done()
}

// ChangeCovers writes to the file what somebody asked for, once.
type ChangeCovers struct{ Change CoverChange }

func (ChangeCovers) effect() string { return "cover" }

type (
	// CoversChanged says that the file has a change, or that a pull request asks for it.
	CoversChanged struct {
		ID   string // of the change
		Pull string // the pull request; empty: the file has it
	}
	// CoversRefused says that the file can't be changed, and why.
	CoversRefused struct{ ID, Why string }
)

// owedCovers returns the effects of changes that are to be written.
func (s State) owedCovers() (effects []Effect) {
	for _, c := range s.CoverChanges {
		effects = append(effects, ChangeCovers{c})
	}
	return effects
}

// applyCovers applies what became of a change, and reports whether the fact was about one.
func (r *run) applyCovers() bool {
	switch w := r.f.What.(type) {
	case CoversChanged:
		if c, ok := r.takeCovers(w.ID); ok {
			r.sayCovers(c, w.Pull)
		}
	case CoversRefused:
		if c, ok := r.takeCovers(w.ID); ok {
			r.answerLate(c.ID, false, Say{Name: "cover-refused", Variant: "write", Who: c.By, Reason: w.Why})
		}
	default:
		return false
	}
	return true
}

// takeCovers takes a change from those that are owed.
func (r *run) takeCovers(id string) (c CoverChange, ok bool) {
	i := slices.IndexFunc(r.CoverChanges, func(c CoverChange) bool { return c.ID == id })
	if i < 0 {
		return c, false
	}
	c = r.CoverChanges[i]
	r.CoverChanges = slices.Delete(slices.Clone(r.CoverChanges), i, i+1)
	return c, true
}

// sayCovers tells everybody whom a change concerns, but its author.
func (r *run) sayCovers(c CoverChange, pull string) {
	say := Say{Name: "cover-changed", Covers: c.Add, Line: pull}
	if len(c.Remove) > 0 {
		say.Variant, say.Covers = "taken back", c.Remove
	}
	for _, one := range say.Covers {
		for _, name := range []string{one.Who, one.For} {
			login, isPerson := strings.CutPrefix(name, "@")
			switch {
			case isPerson && !naming.Equal(login, c.By) && !naming.Contains(say.Names, login):
				say.Names = append(say.Names, login)
			case !isPerson && name != "" && !naming.Contains(say.Teams, name):
				say.Teams = append(say.Teams, name)
			}
		}
	}
	r.answerLate(c.ID, false, say)
}
