package engine

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// Paging while GitHub is out. An incident that nobody has answered for must go on paging although its card can't be read (I5):
// so as long as its escalation runs, its state is kept on the shelf too. A look that GitHub refuses steps over that by the clock,
// or by an answer that was given at the pager, and pages; nothing else is done, and nothing of it is noted on GitHub. When GitHub
// is back the same steps follow from the card, at the same times, unless somebody took over meanwhile without our hearing of it:
// then the next page is another one under the same number. So a page that goes out blindly has its time in its key too, and this
// process does not send it again.

// spare is what is kept of an incident.
type spare struct {
	Title string         `json:"title"`
	URL   string         `json:"url"`
	State incident.State `json:"state"`
}

func spareName(ref incident.Ref) string {
	return fmt.Sprintf("incidents/%s/%d", ref.FullName(), ref.Number)
}

// waiting tells whether somebody is still to be paged for an incident.
func waiting(s incident.State) bool { return s.Running() && !s.NextEscalation().IsZero() }

// stow keeps the state of an incident while it waits for an answer, and what it is afterwards once, so that nobody is paged by
// what is no longer so.
func (p *pass) stow() {
	if p.Shelf == nil || !waiting(p.state) && !waiting(p.before) || !p.written {
		return
	}
	p.shelve(spare{p.snap.Title, p.snap.URL, p.state})
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
	if !waiting(s.State) {
		return time.Time{}
	}
	p.blind, p.state, p.declaredAs = true, s.State, s.State.DeclaredAs
	p.policy = p.lastPolicy(p.ctx, p.settingsName())
	p.snap = &Snapshot{Ref: p.m.Ref, Title: s.Title, URL: s.URL}
	if a := p.m.Ack; a != nil {
		p.fact(p.acknowledged(a))
	}
	p.result(incident.Clock{})
	_ = each(p, func(e incident.Send) error {
		outside, _ := p.receivers(e)
		for _, kind := range e.By {
			if incident.Escalates(e.Why) && kind != "github" {
				p.send(e, kind, outside)
			}
		}
		return nil
	})
	s.State = p.state
	p.shelve(s)
	if !waiting(p.state) {
		return time.Time{}
	}
	return p.state.NextEscalation()
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
