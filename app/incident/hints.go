package incident

import (
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// Hint is a command that makes sense now, and who may use it.
type Hint struct {
	Command string   // as it should be written: "/ic phase fixing", "/oe finding …"
	Does    string   // what it does, in a few words
	Mine    bool     // who is spoken to may use it
	Who     []string // who may use it, where not everybody may; empty: any responder
}

// stranger is a responder who holds no role. No login on GitHub looks like it.
const stranger = "a responder"

// Hints returns the commands that make sense now, the next step first. None of them is refused at
// this moment to those whom its Who names or, where that is empty, to a responder without a role.
func Hints(s State, p Policy) []Hint {
	var hints []Hint
	for _, c := range proposals(s, p) {
		if who, ok := s.audience(c, p); ok {
			hints = append(hints, Hint{Command: writtenCommand(c), Does: describe(c, p), Who: who})
		}
	}
	return hints
}

// WhoMay returns who may use a command now, written as a hint writes it; nobody in particular where
// any responder may. It reports false if nobody may.
func WhoMay(s State, p Policy, command string) (who []string, ok bool) {
	return s.audience(fillCommand(command), p)
}

// HintsFor returns the same commands as Hints for one reader: first what the reader may do, then
// what others may.
func HintsFor(s State, p Policy, reader Person) []Hint {
	var mine, others []Hint
	for _, c := range proposals(s, p) {
		switch h := s.hint(c, p, reader); {
		case h.Command == "":
		case h.Mine:
			mine = append(mine, h)
		default:
			others = append(others, h)
		}
	}
	return append(mine, others...)
}

// hint says whether the reader may use a command now or, if not, who may. It is empty if nobody may.
func (s State) hint(c Command, p Policy, reader Person) Hint {
	h := Hint{Command: writtenCommand(c), Does: describe(c, p)}
	if s.canUse(c, p, reader) && !s.leavesAlone(c, p, reader.Login) {
		h.Mine = true
		return h
	}
	who, ok := s.audience(c, p)
	if !ok {
		return Hint{}
	}
	h.Who = who
	return h
}

// leavesAlone reports whether taking IC would only move the gap: the one OE of a critical incident
// would leave that role.
func (s State) leavesAlone(c Command, p Policy, login string) bool {
	return c.Kind == TakeIC && s.Critical(p) && s.Alone == nil && len(s.OEs) == 1 && naming.Equal(s.OEs[0], login)
}

// audience returns who may use a command now: nil for every responder. It reports false if nobody may.
func (s State) audience(c Command, p Policy) (who []string, ok bool) {
	if s.canUse(c, p, Person{Login: stranger, Respond: true}) {
		return nil, true
	}
	known := s.roles()
	if s.Declared != nil && s.Responder && !naming.Contains(known, s.Declared.By) {
		known = append(known, s.Declared.By)
	}
	for _, login := range known[:min(len(known), mostNamed)] {
		if s.canUse(c, p, Person{Login: login, Respond: true}) {
			who = append(who, login)
		}
	}
	return who, len(who) > 0
}

// mostNamed bounds how many people a hint may name.
const mostNamed = 5

// canUse reports whether somebody could give a command now without being refused. It tries the
// command on a copy of the state, so that what is proposed can't differ from what is allowed.
func (s State) canUse(c Command, p Policy, by Person) bool {
	if s.Declared != nil && !s.permits(RowOf(c.Kind), p, by) {
		return false // the cheap answer: no copy is needed
	}
	r := &run{State: s.clone(), p: p, f: Fact{ID: "c9223372036854775807.0", At: s.Since.At, By: by, What: c}}
	r.noteComment(r.f)
	r.applyFact()
	return !slices.ContainsFunc(r.effects, func(e Effect) bool {
		react, ok := e.(React)
		return ok && react.How != Done
	})
}

// proposals returns the commands that lead on, filled in as far as that makes sense.
func proposals(s State, p Policy) []Command {
	var out []Command
	for _, kind := range nextCommands(s, p) {
		switch {
		case kind == SetSeverity && s.Confirmed == nil:
			for i, sev := range p.Severities {
				// As what it was reported, or else as the two that differ most.
				if i == 0 || i == len(p.Severities)-1 || sev.Name == s.Claimed {
					out = append(out, Command{Kind: SetSeverity, Severity: sev.Name})
				}
			}
		case kind == AddCustomer && len(s.Proposed) > 0:
			out = append(out, Command{Kind: AddCustomer, Customers: s.Proposed})
		case kind == MovePhase:
			out = append(out, Command{Kind: MovePhase, Phase: s.reachable(p)})
		default:
			out = append(out, fillCommand(shortUsage(RowOf(kind))))
		}
	}
	return out
}

// reachable returns the last phase that the incident may move to now, or "" if it must stay.
func (s State) reachable(p Policy) (to Phase) {
	for _, phase := range Phases[slices.Index(Phases, s.Phase)+1:] {
		if len(openChecks(Blocks(s, p, phase))) > 0 || phase == Closing {
			continue
		}
		known := phase == Investigate || phase == Fixing && s.Cause != nil ||
			phase == Monitoring && (s.Workaround != nil || s.Fix != nil)
		if known {
			to = phase
		}
	}
	return to
}

// writtenCommand returns a command as a person should write it.
func writtenCommand(c Command) string {
	row := RowOf(c.Kind)
	text := shortUsage(row)
	switch c.Kind {
	case SetSeverity:
		text = "/ic severity " + c.Severity
	case AddCustomer:
		if len(c.Customers) > 0 && c.Customers[0] != "…" {
			text = "/ic customer add " + strings.Join(c.Customers, ", ")
		}
	case MovePhase:
		text = "/ic phase " + string(c.Phase)
	}
	if c.Because != "" {
		text += " because …"
	}
	return text
}

var (
	optional = lazily.Compile(`\s*\[[^\]]*\]`)
	// placeholders end a usage where words are needed.
	placeholders = []string{" text or owner/repo#n", " text", " why", " title", " NAME…", " who and how"}
)

// shortUsage returns a row's usage without what may be left out, and with … where words are needed.
func shortUsage(row Row) string {
	if row.Kind == Told {
		return "/ic told by phone"
	}
	usage := row.Usage
	if strings.Contains(usage, "[") { // most have none, and each look asks for many
		usage = optional.ReplaceAllString(usage, "")
	}
	for _, words := range placeholders {
		if before, found := strings.CutSuffix(usage, words); found {
			return before + " …"
		}
	}
	return usage
}

// describe says what a command does, where the table's words are too general.
func describe(c Command, p Policy) string {
	switch c.Kind {
	case SetSeverity:
		if p.Critical(c.Severity) {
			return "this is a P1: page the coordinators, start the customers' clock"
		}
		return "it can wait: nobody is paged, one person is enough"
	case MovePhase:
		switch c.Phase {
		case Investigate:
			return "start investigating"
		case Fixing:
			return "start fixing"
		case Monitoring:
			return "start monitoring"
		case Closing:
			return "close the incident"
		}
	}
	return RowOf(c.Kind).Does
}

// fillCommand reads a command as a hint writes it, with something to say in every place.
func fillCommand(text string) Command {
	text = optional.ReplaceAllString(text, "")
	var row Row
	for _, r := range Commands {
		for _, verb := range r.Verbs {
			start := strings.TrimSuffix("/"+verb+" "+r.Word, " ")
			if (text == start || strings.HasPrefix(text, start+" ")) && (row.Kind == "" || len(r.Word) > len(row.Word)) {
				row = r
			}
		}
	}
	c := Command{Kind: row.Kind, Text: "…", After: 15 * time.Minute, Entries: []Line{{Text: "…"}},
		Names: []string{"…"}}
	rest := strings.Fields(text)
	last := ""
	if len(rest) > 0 {
		last = strings.Trim(rest[len(rest)-1], "…")
	}
	if before, _, has := strings.Cut(text, " because"); has {
		c.Because = "…"
		rest = strings.Fields(before)
		last = rest[len(rest)-1]
	}
	switch row.Kind {
	case TakeIC, TakeOE:
		if strings.Contains(text, "@") {
			c.Kind = map[Kind]Kind{TakeIC: GiveIC, TakeOE: GiveOE}[row.Kind]
			c.Logins = []string{stranger}
		}
	case SetSeverity:
		c.Severity = last
	case MovePhase:
		c.Phase = Phase(last)
	case AddCustomer, RemoveCustomer:
		if c.None = last == "none"; !c.None {
			c.Customers = []string{"…"}
		}
	case Escalate:
		c.Logins = nil
	}
	return c
}

// addHints fills in the hints of all that is said: what the one who is spoken to may write or, if
// they may not, who may.
func (r *run) addHints() {
	for i, e := range r.effects {
		switch e := e.(type) {
		case Reply:
			e.Say = r.withHints(e.Say)
			r.effects[i] = e
		case Remind:
			e.Say = r.withHints(e.Say)
			r.effects[i] = e
		}
	}
}

func (r *run) withHints(s Say) Say {
	reader := Person{Login: s.Who, Respond: true}
	switch {
	case s.Who == "":
		reader.Login = stranger
	case naming.Equal(s.Who, r.f.By.Login):
		reader = r.f.By
	}
	if s.Command != "" {
		s.Next = r.hint(fillCommand(s.Command), r.p, reader)
		s.Next.Command = orEmpty(s.Next.Command, s.Command)
	}
	if s.Insist != "" {
		s.Force = r.hint(fillCommand(s.Insist), r.p, reader)
		s.Force.Command = orEmpty(s.Force.Command, s.Insist)
	}
	if s.Name == "unclear" {
		s.Next = r.understood(s.Command, reader)
	}
	for _, text := range s.Try {
		if h := r.hint(fillCommand(text), r.p, reader); h.Command != "" {
			h.Command = text
			s.Hints = append(s.Hints, h)
		}
	}
	if s.Name == "brief" {
		b := BriefOf(r.State, r.p, reader, r.f.At)
		s.Brief = &b
	}
	if s.Name == "help" {
		s.Hints = HintsFor(r.State, r.p, reader)
	}
	return s
}

// understood says who may use a command that was misspelt, by its usage.
func (r *run) understood(usage string, reader Person) Hint {
	h := Hint{Command: usage, Mine: true}
	row := RowOf(fillCommand(usage).Kind)
	if usage == "" || r.Declared == nil || row.Kind == "" || r.permits(row, r.p, reader) {
		return h
	}
	for _, login := range r.roles() {
		if r.permits(row, r.p, Person{Login: login, Respond: true}) {
			h.Mine, h.Who = false, append(h.Who, login)
		}
	}
	return h
}

// orEmpty returns want, or "" if there is no hint.
func orEmpty(hint, want string) string {
	if hint == "" {
		return ""
	}
	return want
}
