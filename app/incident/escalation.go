package incident

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/naming"
)

// Summons asks the people of an incident that came back to answer (M3): they are paged, and mentioned, and if none of them
// answers the group is paged although the roles are held.
type Summons struct {
	People  []string  `json:"people,omitempty"` // logins; empty: nobody is asked
	At      time.Time `json:"at,omitzero"`      // since when
	Page    string    `json:"page,omitempty"`   // key of the page to them; empty: they are only mentioned
	Mention time.Time `json:"mention,omitzero"` // when they are mentioned; zero: they were
	Due     time.Time `json:"due,omitzero"`     // when others are asked for them; zero: nobody is, or they were
	Silent  bool      `json:"silent,omitempty"` // the coordinator did not answer, and the group is paged
}

const (
	// mentionAfter is when people who were paged outside GitHub are mentioned too, unless they have answered.
	mentionAfter = time.Minute
	// leastPatience is how long people have at least to answer before others are paged for them.
	leastPatience = 5 * time.Minute
)

// Escalates reports whether a page for that reason is a step of the escalation.
func Escalates(why string) bool { return why == "team" || why == "silent" }

// Wants reports whether a page asks for what is still so: one that comes late, as nobody could look at the incident when it was due, must
// wake nobody for a moment that is over.
func (s State) Wants(page Send) bool {
	switch {
	case !s.Running():
		return false
	case page.Why == "team":
		return s.IC == "" && s.Phase != Closing && (!s.Paging.Next.IsZero() || s.Paging.GaveUp)
	case page.Why == "silent":
		return s.Summons.Silent && s.Phase != Closing
	case page.Why == "update":
		return s.Updates.Overdue
	case page.Why == "again" || page.Why == "reopened":
		return s.Summons.Page == page.Key
	}
	return true // somebody asked for it, and has no other way
}

// Count gives how many pages went out to people. A step that only names the phone list is none.
func (p Paging) Count() int { return p.Sent - p.Listed }

// escalate pages whom the coordinator asks for (V5). A name that can't be paged is answered; the others are paged all the same.
func (r *run) escalate(c Command) {
	t := c.targets(r.State, r.p)
	refused := len(t.Cannot)+len(t.Unknown) > 0
	if len(t.To) > 0 {
		r.record("page", list(t.To), t.Text)
		r.send(Send{To: t.To, Why: "asked", Text: t.Text, Unsure: len(t.Unsure) > 0})
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
		r.do(Remind{Key: UnaskedKey(r.f.ID), At: r.f.At, Say: Say{Name: "unasked", Who: r.f.By.Login, Names: t.Unsure, Lines: plain(t.To)}})
	}
}

// answerTargets says who was not paged and why, or asks for the reason of a page that has none.
func (r *run) answerTargets(t Targets) {
	say := Say{Name: "not-paged", Lines: plain(t.To), Insist: "/ic escalate why"}
	for _, name := range plain(t.Cannot) {
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
		r.reply(Say{Name: "no-reason", Lines: plain(t.To)})
	}
}

// plain gives names as they are read, without the @ of people.
func plain(names []string) (out []string) {
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
	})
}

// NextEscalation gives when the escalation next may page somebody (I5): by its steps, for a role that nobody took after an
// answer, or for people who do not answer; the zero time: by nothing that is known now.
func (s State) NextEscalation() time.Time {
	next := s.NextPage()
	sooner := func(at time.Time, is bool) {
		if is && !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	sooner(s.Asked.Role, s.Asked.Open == "ic" && !s.Drill && !s.Paging.GaveUp)
	sooner(s.Summons.Due, true)
	return next
}

// stopPaging ends the escalation without an answer.
func (r *run) stopPaging() {
	r.Paging.Next, r.Paging.GaveUp = time.Time{}, false
	r.Summons = Summons{}
}

// seekCoordinator pages the group for a critical incident that has no coordinator, unless that is under way (I4).
func (r *run) seekCoordinator() {
	if r.Critical(r.p) && r.IC == "" && (r.Paging.Next.IsZero() || r.Paging.GaveUp) {
		r.startPaging()
	}
}

// reason gives why the group is paged: the role is vacant, or its holder does not answer.
func (r *run) reason() string {
	if r.Summons.Silent && r.IC != "" {
		return "silent"
	}
	return "team"
}

// steps is how many steps the escalation has before it goes on at the slower rhythm.
func (r *run) steps() int { return len(r.p.Escalation) * max(1, r.p.Rounds) }

// isList reports whether a step only names the phone list.
func isList(to []string) bool {
	return !slices.ContainsFunc(to, func(to string) bool { return to != "phone" })
}

// giveUp says loudly that every round was walked and nobody answered. The escalation goes on at a slower rhythm (I5).
func (r *run) giveUp() {
	r.Paging.GaveUp = true
	r.pageLater()
	r.record("unanswered", "", "")
	if r.Paging.Listed > 0 {
		r.sayUnanswered(Say{Lines: r.p.Phones}) // a step named whom to call
		return
	}
	r.sayUnanswered(Say{Names: r.p.Phones})
}

// sayUnanswered says how many pages nobody answered, in place of what was said before.
func (r *run) sayUnanswered(say Say) {
	say = Say{Name: "unanswered", Teams: say.Teams, Names: say.Names, Lines: say.Lines, Holder: say.Holder, Count: r.Paging.Count(), Time: r.Paging.Next}
	if r.Confirmed == nil {
		say.Role = "unconfirmed"
	}
	r.do(Remind{Key: fmt.Sprintf("unanswered/%d", r.Paging.Sent), Topic: "unanswered", At: r.f.At, Say: say})
}

// pageLater sets when everybody is paged again.
func (r *run) pageLater() {
	r.Paging.Next = time.Time{}
	if r.p.Again > 0 {
		r.Paging.Next = r.f.At.Add(r.p.Again)
	}
}

// pageEverybody pages everybody whom the steps name, once the rounds are over, each by the services of their steps, and
// mentions them on GitHub. People on the phone list are called by others.
func (r *run) pageEverybody() {
	type group struct{ by, to []string }
	var groups []group
	var all []string
	for _, step := range r.p.Escalation {
		by := r.by(step.By)
		i := slices.IndexFunc(groups, func(g group) bool { return slices.Equal(g.by, by) })
		if i < 0 {
			i, groups = len(groups), append(groups, group{by: by})
		}
		for _, to := range step.To {
			if to == "phone" {
				continue
			}
			if !naming.Contains(groups[i].to, to) {
				groups[i].to = append(groups[i].to, to)
			}
			if !naming.Contains(all, to) {
				all = append(all, to)
			}
		}
	}
	if len(all) == 0 {
		r.Paging.Next = time.Time{} // there is a phone list and nothing else
		return
	}
	r.pageLater()
	r.record("page", list(all), "")
	for _, g := range groups {
		if len(g.to) > 0 {
			r.send(Send{To: g.to, By: g.by, Why: r.reason(), Spoken: true})
		}
	}
	r.sayUnanswered(Say{Teams: all, Holder: r.IC})
}

// summon reaches the IC and the OEs of an incident that came back, but for whoever says so (M3), and the group if nobody
// coordinates. told says that a comment mentions them anyway. It gives whom it reaches, for that comment.
func (r *run) summon(why, text string, told bool) []string {
	r.Summons = Summons{}
	people := without(r.roles(), r.f.By.Login)
	switch {
	case r.Drill || r.Confirmed == nil || len(people) == 0: // a drill wakes nobody (A6)
		r.seekCoordinator()
		return people
	case !r.Critical(r.p):
		if !told {
			r.Summons = Summons{People: people, At: r.f.At, Mention: r.f.At.Add(mentionAfter)}
		}
		return people
	}
	r.seekCoordinator()
	var to []string
	for _, l := range people {
		to = append(to, "@"+l)
	}
	r.record("page", list(to), "")
	by := r.by(nil)
	r.Summons = Summons{People: people, At: r.f.At, Page: r.send(Send{To: to, By: by, Why: why, Text: text, Spoken: told})}
	if !told && !slices.Contains(by, "github") {
		r.Summons.Mention = r.f.At.Add(mentionAfter)
	}
	if r.IC != "" {
		r.Summons.Due = r.f.At.Add(r.patience())
	}
	return people
}

// patience is how long people have to answer before others are asked: as long as the first step of the escalation waits.
func (r *run) patience() time.Duration {
	if len(r.p.Escalation) == 0 {
		return leastPatience
	}
	return max(leastPatience, r.p.Escalation[0].After)
}

// mentionSummoned mentions those who were paged and have not answered.
func (r *run) mentionSummoned() {
	r.Summons.Mention = time.Time{}
	r.do(Remind{Key: fmt.Sprintf("back/%d", r.Summons.At.Unix()), Topic: "back", At: r.f.At, Say: Say{
		Name: "came-back", Names: r.Summons.People, Phase: r.Phase}})
}

// replaceSummoned asks others where nobody of the summoned answered: the group for the coordinator, and the coordinator for
// the engineers.
func (r *run) replaceSummoned() {
	r.Summons.Due = time.Time{}
	if !naming.Contains(r.Summons.People, r.IC) || len(r.p.Escalation) == 0 {
		holder, _ := r.Coordinator()
		r.do(Remind{Key: fmt.Sprintf("silent/%d", r.Summons.At.Unix()), Topic: "back", At: r.f.At, Say: Say{
			Name: "no-answer", Who: holder, Names: r.Summons.People}})
		return
	}
	r.Summons.Silent = true
	r.record("silent", r.IC, "")
	if r.Paging.Next.IsZero() || r.Paging.GaveUp {
		r.startPaging()
	}
}

// hearSummoned takes what one of the summoned does as their answer, and whoever takes a role as another's.
func (r *run) hearSummoned() {
	if len(r.Summons.People) == 0 || r.f.By.Login == "" || r.f.By.Bot {
		return
	}
	c, _ := r.f.What.(Command)
	takes := r.f.By.Respond && (c.Kind == TakeIC || c.Kind == TakeOE)
	if takes || naming.Contains(r.Summons.People, r.f.By.Login) {
		r.summonsAnswered()
	}
}

// summonsAnswered ends the summons, and the escalation for a coordinator who did not answer.
func (r *run) summonsAnswered() {
	s := r.Summons
	r.Summons = Summons{}
	if s.Page != "" && r.IC != "" {
		r.answered()
	}
}

// comeBack takes an incident back to investigate because its source reports the trouble again (M3), at the time of the report.
// The comment that says so brings it back when the timeline is read again, so it has no topic: none takes its place.
func (r *run) comeBack(source string, at time.Time) {
	f := r.f
	defer func() { r.f = f }()
	r.f = Fact{At: at.Truncate(time.Second)}
	if r.f.At.Before(r.Since.At) {
		r.f.At = r.Since.At // it was said before, and heard after, the phase was entered
	}
	r.regress("")
	people := r.summon("again", "", true)
	say := Say{Name: "came-back", Names: people, Line: source, Phase: r.Phase}
	if len(people) == 0 {
		say.Who, _ = r.Coordinator()
	}
	r.do(Remind{Key: fmt.Sprintf("regression/%d/%s", at.Unix(), url.PathEscape(source)), At: r.f.At, Say: say})
}

// ParseCameBack reads what a comment says of a trouble that came back: regression/1772447000/Alertmanager.
func ParseCameBack(key string) (CameBack, bool) {
	rest, ok := strings.CutPrefix(key, "regression/")
	stamp, name, cut := strings.Cut(rest, "/")
	var unix int64
	_, err := fmt.Sscanf(stamp, "%d", &unix)
	source, err2 := url.PathUnescape(name)
	return CameBack{Source: source, At: time.Unix(unix, 0).UTC()}, ok && cut && err == nil && err2 == nil
}

// loseAccess takes the roles of somebody who may not respond any more: whoever can't act can't hold them.
func (r *run) loseAccess() {
	login := r.f.By.Login
	if _, command := r.f.What.(Command); !command || login == "" || r.f.By.Respond || r.f.By.Bot || !r.Running() {
		return // of others nobody looked up whether they may
	}
	r.leave(login)
}

// leave takes somebody out of their roles.
func (r *run) leave(login string) {
	if naming.Contains(r.OEs, login) {
		r.OEs = without(r.OEs, login)
		r.record("left", login, "oe")
		if len(r.OEs) == 0 {
			r.reply(Say{Name: "role-open", Role: "oe", Holder: r.f.By.Login, Names: []string{login}})
		}
	}
	if naming.Equal(r.IC, login) {
		r.record("left", login, "ic")
		r.vacateIC()
		r.reply(Say{Name: "role-open", Role: "ic", Holder: r.f.By.Login, Names: []string{login}})
	}
}

// askHandover tells whoever asked somebody to take the role over, once, that they have not answered.
func (r *run) askHandover() {
	r.Asked.Handover = time.Time{}
	r.do(Remind{Key: fmt.Sprintf("handover/%d", r.f.At.Unix()), Topic: "handover", At: r.f.At, Say: Say{
		Name: "handover-unanswered", Who: r.Asked.Asker, Names: []string{r.Handover}, Holder: r.IC}})
}
