package engine

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// Paging while GitHub is out. An incident that nobody has answered for must go on paging although its card can't be read (I5):
// so as long as its escalation runs, its state is kept on the shelf too. A look that GitHub refuses steps over that by the clock,
// or by an answer that was given at the pager, and pages; nothing else is done, and nothing of it is noted on GitHub. When GitHub
// is back the same steps follow from the card, at the same times, unless somebody took over meanwhile without our hearing of it:
// then the next page is another one under the same number. So a page that goes out blindly has its time in its key too, and this
// process does not send it again.

// spare is what is kept of an incident.
type spare struct {
	Title string          `json:"title"`
	URL   string          `json:"url"`
	State incident.State  `json:"state"`
	Owed  []incident.Send `json:"owed,omitempty"` // pages that follow from the state, and may not have left
}

func spareName(ref incident.Ref) string {
	return fmt.Sprintf("incidents/%s/%d", ref.FullName(), ref.Number)
}

// waiting tells whether somebody is still to be paged for an incident.
func waiting(s incident.State) bool { return s.Running() && !s.NextEscalation().IsZero() }

// stowFirst keeps the state of an incident before anything of it is written: GitHub may go away between a look's reads and its first
// write, and people are to be paged then too.
func (p *pass) stowFirst() {
	if p.Shelf == nil || !waiting(p.state) && !waiting(p.before) || equal(p.before, p.state) {
		return
	}
	p.shelve(spare{p.snap.Title, p.snap.URL, p.state, p.pagesOwed()})
}

// pagesOwed lists the pages of this look.
func (p *pass) pagesOwed() (all []incident.Send) {
	_ = each(p, func(s incident.Send) error {
		if !p.isNeedless(s) {
			all = append(all, s)
		}
		return nil
	})
	return all
}

// stow keeps the state of an incident while it waits for an answer, and what it is afterwards once, so that nobody is paged by
// what is no longer so.
func (p *pass) stow() {
	if p.Shelf == nil {
		return
	}
	if (waiting(p.state) || waiting(p.before)) && p.written || p.isKeptWaiting() {
		p.shelve(spare{p.snap.Title, p.snap.URL, p.state, nil})
	}
}

// isKeptWaiting reports whether a first look, which was made from what little could be read, left an incident that waits although it
// does not.
func (p *pass) isKeptWaiting() bool {
	if p.before.Declared != nil || waiting(p.state) {
		return false
	}
	s, err := p.keptIncident()
	return err == nil && (waiting(s.State) || len(s.Owed) > 0)
}

func (p *pass) shelve(s spare) {
	text, err := json.Marshal(s)
	if err != nil {
		panic("engine: " + err.Error()) // a state always marshals: it is the card's too
	}
	if err := p.Shelf.Keep(p.ctx, spareName(p.m.Ref), text); err != nil {
		p.Logger.Warn("the incident could not be kept for when GitHub is out", "incident", p.m.Ref.String(), "err", brief(err))
	}
}

// keptIncident reads what is kept of the incident; the zero value where nothing is.
func (p *pass) keptIncident() (s spare, err error) {
	text, err := p.Shelf.Kept(p.ctx, spareName(p.m.Ref))
	if err == nil && len(text) == 0 && p.m.Was.Number != 0 { // it got another name, and was not read under that yet
		text, err = p.Shelf.Kept(p.ctx, spareName(p.m.Was))
		p.putAway(spareName(p.m.Was), []byte{})
	}
	if err == nil && len(text) > 0 {
		err = json.Unmarshal(text, &s)
	}
	return s, err
}

// pageBlind pages by what is kept, after a look that failed because GitHub is away or refuses it. It returns when the next page
// is due; zero: none is.
func (p *pass) pageBlind() (next time.Time) {
	if p.Shelf == nil || p.m.Ref.Number == 0 {
		return time.Time{}
	}
	s, err := p.keptIncident()
	if err != nil {
		p.Logger.Error("kept incident not readable while GitHub is away: nobody is paged", "incident", p.m.Ref.String(), "err", brief(err))
	}
	if !waiting(s.State) && len(s.Owed) == 0 {
		return time.Time{}
	}
	p.state, p.effects = s.State, nil
	for _, page := range s.Owed {
		p.effects = append(p.effects, page)
	}
	p.snap = &Snapshot{Ref: p.m.Ref, Title: s.Title, URL: s.URL}
	p.policy = p.lastPolicy(p.ctx, p.settingsName())
	return p.goOnBlind()
}

// pageFirst pages for an incident of which nothing is kept yet, as GitHub went away in the first look at it: by what could be read of it.
// Whether its declarer may respond is not known then, and is taken for granted; nothing but pages comes of it. It returns when the next
// page is due; zero: none is.
func (p *pass) pageFirst() (next time.Time) {
	snap := p.snap
	if snap == nil {
		snap = p.part
	}
	if i := p.m.Issue(); i != nil && (snap == nil || snap.Gone) {
		snap = &Snapshot{Ref: p.m.Ref, ID: i.ID, Title: i.Title, Body: i.Body, Author: i.Author, AuthorBot: i.Bot, URL: i.URL,
			Created: i.Created, Updated: i.Created, Labels: i.Labels, Open: true}
	}
	if p.Shelf == nil || p.foreign || p.m.Ref.Number == 0 || snap == nil || snap.Gone || snap.Pull || snap.Card != nil || p.before.Declared != nil {
		return time.Time{}
	}
	declared := snap.Created
	if f := p.m.Floor; p.m.Issue() != nil && f != nil {
		declared = f.Updated
	}
	if !snap.Open || p.now.Sub(declared) > outages {
		return time.Time{} // it is no new one: where its card is not pinned, that stands in a timeline which was not read
	}
	if s, err := p.keptIncident(); err != nil || s.State.Declared != nil {
		return time.Time{} // it is not the first look
	}
	if p.awayFor() < time.Second {
		return p.now.Add(time.Second) // a single failure is over by then, and who may respond is known
	}
	p.snap, p.state, p.effects = snap, p.before, nil
	p.policy = p.lastPolicy(p.ctx, p.settingsName())
	for _, f := range p.firstFacts() {
		p.fact(f)
	}
	if p.state.Declared == nil {
		return time.Time{}
	}
	return p.goOnBlind()
}

// firstFacts gives the facts of what an issue is and says: its text and its labels.
func (p *pass) firstFacts() []incident.Fact {
	if len(p.snap.Items) == 0 {
		p.snap.Items = p.labelsAsItems()
	}
	opening := p.opening()
	facts, early := p.early(len(opening) > 0)
	facts = append(facts, opening...)
	for i, it := range p.snap.Items {
		if !early[i] && (it.Event == "labeled" || it.Event == "unlabeled") {
			facts = append(facts, p.item(i, it, true)...)
		}
	}
	for i := range facts {
		facts[i].By.Respond = !facts[i].By.Bot && !naming.IsNobody(facts[i].By.Login)
	}
	return facts
}

// labelsAsItems returns the labels of an issue whose timeline could not be read, as that tells them: with the one that makes it an
// incident last, which may have come later than the others.
func (p *pass) labelsAsItems() (items []Item) {
	by, isBot, at := p.snap.Author, p.snap.AuthorBot, p.snap.Created
	if i, f := p.m.Issue(), p.m.Floor; i != nil && i.By != "" && f != nil {
		by, isBot, at = i.By, strings.HasSuffix(i.By, "[bot]"), f.Updated
	}
	var last []Item
	for n, l := range p.snap.Labels {
		it := Item{ID: fmt.Sprintf("label.%d", n), Event: "labeled", At: at, By: by, Bot: isBot, Label: l}
		if naming.Equal(l, incident.LabelIncident) {
			last = append(last, it)
		} else {
			items = append(items, it)
		}
	}
	return append(items, last...)
}

// goOnBlind lets the time go on for a state, and pages outside GitHub. It keeps what comes of it, before and after: another process may
// have to go on.
func (p *pass) goOnBlind() (next time.Time) {
	p.blind, p.declaredAs = true, p.state.DeclaredAs
	if a := p.m.Ack(); a != nil {
		p.fact(p.acknowledged(a))
	}
	p.result(incident.Clock{})
	isStep := func(s incident.Send) bool { return incident.Escalates(s.Why) }
	p.shelve(spare{p.snap.Title, p.snap.URL, p.state, p.pagesOwed()})
	p.pageOutside(isStep)
	p.shelve(spare{p.snap.Title, p.snap.URL, p.state, nil})
	if !waiting(p.state) {
		return time.Time{}
	}
	return p.state.NextEscalation()
}

// pageOutside sends the pages of this look by services outside GitHub.
func (p *pass) pageOutside(is func(incident.Send) bool) {
	_ = each(p, func(s incident.Send) error {
		if !is(s) || p.isNeedless(s) {
			return nil
		}
		outside, _ := p.receivers(s)
		for _, kind := range s.By {
			if kind != "github" {
				p.send(s, kind, outside)
			}
		}
		return nil
	})
}

// acknowledged gives the fact that somebody answered at the pager: at the time when they did, for what was due later is not.
func (p *pass) acknowledged(a *incident.Ack) incident.Fact {
	at := a.At
	if at.IsZero() || at.After(p.now) {
		at = p.now
	}
	page, _, _ := strings.Cut(a.Page, "@")
	return incident.Fact{At: at, What: incident.Acknowledged{Key: page, Service: a.Service, Name: a.Name}}
}

// blindKey is the key of a page that was due at a time and goes out while GitHub is out, such as acme/incidents#7/page/2@1772448300.
func blindKey(key string, at time.Time) string { return fmt.Sprintf("%s@%d", key, at.Unix()) }

// outages is longer than any is.
const outages = 24 * time.Hour
