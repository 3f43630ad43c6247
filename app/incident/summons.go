package incident

import (
	"fmt"
	"slices"
	"time"

	"github.com/firebreak-dev/firebreak/app/naming"
)

// Summons asks the people of an incident that came back to answer (M3): they are paged, and
// mentioned, and if none of them answers the group is paged although the roles are held.
type Summons struct {
	People  []string  `json:"people,omitempty"` // logins; empty: nobody is asked
	At      time.Time `json:"at,omitzero"`      // since when
	Page    string    `json:"page,omitempty"`   // key of the page to them; empty: they are only mentioned
	Mention time.Time `json:"mention,omitzero"` // when they are mentioned; zero: they were
	// when others are asked for them; zero: nobody is, or they were
	Due    time.Time `json:"due,omitzero"`
	Silent bool      `json:"silent,omitempty"` // the coordinator did not answer, and the group is paged
}

const (
	// mentionAfter is when people who were paged outside GitHub are mentioned too, unless they have answered.
	mentionAfter = time.Minute
	// leastPatience is how long people have at least to answer before others are paged for them.
	leastPatience = 5 * time.Minute
)

// summonRoles reaches the IC and the OEs of an incident that came back, but for the one who says so
// (M3), and the group if nobody coordinates. isMentioned says that a comment mentions them anyway.
// It returns whom it reaches, for that comment.
func (r *run) summonRoles(why, text string, isMentioned bool) []string {
	r.Summons = Summons{}
	people := withoutLogin(r.roles(), r.f.By.Login)
	switch {
	case r.Drill || r.Confirmed == nil || len(people) == 0: // a drill wakes nobody (A6)
		r.seekCoordinator()
		return people
	case !r.Critical(r.p):
		if !isMentioned {
			r.Summons = Summons{People: people, At: r.f.At, Mention: r.f.At.Add(mentionAfter)}
		}
		return people
	}
	r.seekCoordinator()
	var to []string
	for _, l := range people {
		to = append(to, "@"+l)
	}
	r.record("page", joinNames(to), "")
	by := r.servicesOr(nil)
	r.Summons = Summons{People: people, At: r.f.At,
		Page: r.sendPage(Send{To: to, By: by, Why: why, Text: text, Spoken: isMentioned})}
	if !isMentioned && !slices.Contains(by, "github") {
		r.Summons.Mention = r.f.At.Add(mentionAfter)
	}
	if r.IC != "" {
		r.Summons.Due = r.f.At.Add(r.patience())
	}
	return people
}

// patience is how long people have to answer before others are asked: as long as the first step of
// the escalation waits.
func (r *run) patience() time.Duration {
	if len(r.p.Escalation) == 0 {
		return leastPatience
	}
	return max(leastPatience, r.p.Escalation[0].After)
}

// mentionSummoned mentions those who were paged and have not answered.
func (r *run) mentionSummoned() {
	r.Summons.Mention = time.Time{}
	r.emit(Remind{Key: fmt.Sprintf("back/%d", r.Summons.At.Unix()), At: r.f.At, Say: Say{
		Name: "came-back", Names: r.Summons.People, Phase: r.Phase}})
}

// replaceSummoned asks others where nobody of the summoned answered: the group for the coordinator,
// and the coordinator for the engineers.
func (r *run) replaceSummoned() {
	r.Summons.Due = time.Time{}
	if !naming.Contains(r.Summons.People, r.IC) || len(r.p.Escalation) == 0 {
		holder, _ := r.Coordinator()
		r.emit(Remind{Key: fmt.Sprintf("silent/%d", r.Summons.At.Unix()), At: r.f.At, Say: Say{
			Name: "no-answer", Who: holder, Names: r.Summons.People}})
		return
	}
	r.Summons.Silent = true
	r.record("silent", r.IC, "")
	if r.Paging.Next.IsZero() || r.Paging.GaveUp {
		r.startPaging()
	}
}

// hearSummoned takes what one of the summoned does as their answer, and whoever takes a role
// answers for the others.
func (r *run) hearSummoned() {
	if len(r.Summons.People) == 0 || r.f.By.Login == "" || r.f.By.Bot {
		return
	}
	// Nobody answers before they are asked: the merge of a pull request is heard of late. Nor does
	// whoever changes the app's card.
	if r.f.ID == "" || r.f.At.Before(r.Summons.At) {
		return
	}
	// That somebody has seen the page, or passes it on, is said for themselves alone (I8).
	if a, ok := r.f.What.(PageAnswered); ok && a.How != AnswerCoordinate {
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
		r.endPaging()
	}
}
