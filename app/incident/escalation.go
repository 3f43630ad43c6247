package incident

import (
	"strings"

	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/words"
)

// The commands of this file.
const (
	Escalate Kind = "escalate"
)

var _ = register(Row{
	Kind: Escalate, Verbs: []string{VerbIC}, Word: "escalate",
	Usage:   "/ic escalate [@user, @org/team, group, service] why",
	Does:    "page more people, or a service's owners; without a name, the coordinators",
	Example: "/ic escalate @dan we need somebody who knows etcd", Who: HolderIC, Place: 250,
}, parseEscalation, (*run).escalateTo)

// parseEscalation takes everything: which of the first words are names is known where the groups
// are (ReadTargets). A page without a reason is better than none (V5).
func parseEscalation(w words.Words) (Command, error) { return Command{Text: w.Text()}, nil }

// escalateTo pages whom the coordinator asks for (V5). A name that can't be paged is answered; the
// others are paged all the same.
func (r *run) escalateTo(c Command) {
	t := c.targets(r.State, r.p)
	refused := len(t.Cannot)+len(t.Unknown) > 0
	if len(t.To) > 0 {
		r.record("page", joinNames(r.onCall(t.To)), t.Text)
		r.sendPage(Send{To: t.To, Why: "asked", Text: t.Text, Unsure: len(t.Unsure) > 0})
	}
	switch {
	case !refused:
		r.done()
	case len(t.To) == 0 && len(t.Unknown) == 0:
		r.react(Refused)
	default:
		r.react(Unclear)
	}
	r.answerTargets(t)
	if len(t.Unsure) > 0 {
		r.emit(Remind{Key: UnaskedKey(r.f.ID), At: r.f.At,
			Say: Say{Name: "unasked", Who: r.f.By.Login, Names: t.Unsure, Lines: withoutAt(t.To)}})
	}
}

// answerTargets says who was not paged and why, or asks for the reason of a page that has none.
func (r *run) answerTargets(t Targets) {
	say := Say{Name: "not-paged", Lines: withoutAt(t.To), Insist: "/ic escalate why"}
	for _, name := range withoutAt(t.Cannot) {
		if strings.Contains(name, "/") {
			say.Missing = append(say.Missing, name)
		} else {
			say.Names = append(say.Names, name)
		}
	}
	meant := func(m Meant) string { return "/ic escalate " + m.Name + " …" }
	switch {
	case len(t.Unknown) > 0:
		say.Line, say.Command = t.Unknown[0].Word, meant(t.Unknown[0])
		r.reply(say)
		for _, m := range t.Unknown[1:] {
			r.reply(Say{Name: "unknown-name", Line: m.Word, Command: meant(m)})
		}
	case len(t.Cannot) > 0:
		r.reply(say)
	case t.Text == "":
		r.reply(Say{Name: "no-reason", Lines: withoutAt(t.To)})
	}
}

// withoutAt returns names as they are read, without the @ of people.
func withoutAt(names []string) (out []string) {
	for _, n := range names {
		out = append(out, strings.TrimPrefix(n, "@"))
	}
	return out
}

// UnaskedKey is the key of the answer that GitHub could not be asked whom an escalation names.
func UnaskedKey(fact string) string { return "unasked/" + fact }

// targets reads whom an escalation names, by what was looked up for it.
func (c Command) targets(s State, p Policy) Targets {
	answer := func(yes bool) Answer {
		switch {
		case yes:
			return Yes
		case c.Unasked:
			return Unasked
		}
		return No
	}
	return ReadTargets(c.Text, c.Org, p, s.People(), Directory{
		Team: func(slug string) Answer { return answer(naming.Contains(c.Teams, slug)) },
		Person: func(login string) Answer {
			if !c.Unasked && c.Org == "" {
				return Yes // nobody looked anything up
			}
			return answer(naming.Contains(c.Logins, login))
		},
		Service: func(name string) []string {
			if owners := s.OwnersOf(name, p); owners != nil {
				return owners
			}
			return c.Owners[naming.Key(name)]
		},
	})
}
