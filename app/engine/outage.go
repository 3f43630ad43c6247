package engine

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/effects"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// While GitHub is down, escalation goes on from a saved snapshot of the incident (I5). Only timers
// and acknowledgements at the pager are processed, and nothing is written to GitHub. When GitHub is
// back, replaying from the card yields the same pages, unless somebody took over in between: then
// the next page is another one with the same number. So the key of a page that went out offline
// includes the time when it was due, and none is sent twice.

// outageSnapshot is what is kept of an incident.
type outageSnapshot struct {
	Title string          `json:"title"`
	URL   string          `json:"url"`
	State incident.State  `json:"state"`
	Owed  []incident.Send `json:"owed,omitempty"` // pages that follow from the state, and may not have left
}

func outageKey(ref incident.Ref) string {
	return fmt.Sprintf("incidents/%s/%d", ref.FullName(), ref.Number)
}

// isEscalating reports whether somebody is still to be paged for an incident.
func isEscalating(s incident.State) bool {
	return s.Running() && (!s.NextEscalation().IsZero() || hasWays(s))
}

// hasWays reports whether people were paged whom later ways may still have to reach (O3).
func hasWays(s incident.State) bool {
	return s.Phase != incident.Closing && slices.ContainsFunc(s.Paging.Pages, func(p incident.Page) bool {
		return !p.Skipped && slices.Contains(p.By, effects.ByPeople)
	})
}

// saveBeforeWrites saves an incident's state before anything of it is written: GitHub may go away
// between a look's reads and its first write, and people must be paged then too.
func (r *reconciliation) saveBeforeWrites() {
	if r.Store == nil || !isEscalating(r.State) && !isEscalating(r.Before) || !r.hasChanged() {
		return
	}
	r.saveOutageSnapshot(outageSnapshot{r.Snapshot.Title, r.Snapshot.URL, r.State, r.pages.Owed()})
}

// saveForOutage saves an incident's state while it waits for an answer, and once more afterwards,
// so that nobody is paged from an outdated one.
func (r *reconciliation) saveForOutage() {
	if r.Store == nil {
		return
	}
	if (isEscalating(r.State) || isEscalating(r.Before)) && r.isCardWritten || r.isSavedEscalating() {
		r.saveOutageSnapshot(outageSnapshot{r.Snapshot.Title, r.Snapshot.URL, r.State, nil})
	}
}

// isSavedEscalating reports whether an offline first look, made from what little could be read,
// saved an incident as escalating that is not.
func (r *reconciliation) isSavedEscalating() bool {
	if r.Before.Declared != nil || isEscalating(r.State) {
		return false
	}
	s, err := r.loadOutageSnapshot()
	return err == nil && (isEscalating(s.State) || len(s.Owed) > 0)
}

func (r *reconciliation) saveOutageSnapshot(s outageSnapshot) {
	text, err := json.Marshal(s)
	if err != nil {
		panic("engine: " + err.Error()) // a state always marshals: it is the card's too
	}
	if err := r.Store.Save(r.Ctx, outageKey(r.Ref), text); err != nil {
		r.Logger.Warn("the incident could not be kept for when GitHub is out", "incident", r.Ref.String(),
			"err", ports.Redact(err))
	}
}

// loadOutageSnapshot reads what is kept of the incident; the zero value where nothing is.
func (r *reconciliation) loadOutageSnapshot() (s outageSnapshot, err error) {
	text, err := r.Store.Load(r.Ctx, outageKey(r.Ref))
	// it got another name, and was not read under that yet
	if err == nil && len(text) == 0 && r.m.Was.Number != 0 {
		text, err = r.Store.Load(r.Ctx, outageKey(r.m.Was))
		r.saveKept(outageKey(r.m.Was), []byte{})
	}
	if err == nil && len(text) > 0 {
		err = json.Unmarshal(text, &s)
	}
	return s, err
}

// pageKept pages while an incident can't be looked at: from what is saved of it, or of one that is new from
// what could be read. It returns when the next page is due, or zero.
func (r *reconciliation) pageKept() (next time.Time) {
	if next = r.pageFromSnapshot(); next.IsZero() {
		next = r.pageNewIncident()
	}
	return next
}

// pageFromSnapshot pages from what is saved, after a look that failed because GitHub is away or
// refuses it. It returns when the next page is due, or zero.
func (r *reconciliation) pageFromSnapshot() (next time.Time) {
	if r.Store == nil || r.Ref.Number == 0 {
		return time.Time{}
	}
	s, err := r.loadOutageSnapshot()
	if err != nil {
		r.Logger.Error("kept incident not readable while GitHub is away: nobody is paged", "incident",
			r.Ref.String(), "err", ports.Redact(err))
	}
	if !isEscalating(s.State) && len(s.Owed) == 0 {
		return time.Time{}
	}
	r.State, r.Effects = s.State, nil
	for _, page := range s.Owed {
		r.Effects = append(r.Effects, page)
	}
	r.Snapshot = &Snapshot{Ref: r.Ref, Title: s.Title, URL: s.URL}
	r.Policy = r.lastPolicy(r.Ctx, r.settingsName()).For(r.Ref)
	return r.escalateOffline()
}

// pageNewIncident pages for an incident of which nothing is saved yet, as GitHub went away in the
// first look: from what could be read of it. Whether its declarer may respond is unknown then and
// assumed; only pages come of it. It returns when the next page is due, or zero.
func (r *reconciliation) pageNewIncident() (next time.Time) {
	snap := r.Snapshot
	if snap == nil {
		snap = r.partialSnapshot
	}
	if i := r.m.Issue(); i != nil && (snap == nil || snap.Gone) {
		snap = &Snapshot{Ref: r.Ref, ID: i.ID, Title: i.Title, Body: i.Body, Author: i.Author,
			AuthorBot: i.Bot, URL: i.URL,
			Created: i.Created, Updated: i.Created, Labels: i.Labels, Open: true}
	}
	if r.Store == nil || r.isUnserved || r.Ref.Number == 0 || snap == nil || snap.Gone || snap.Pull ||
		snap.Card != nil || r.Before.Declared != nil {
		return time.Time{}
	}
	declared := snap.Created
	if f := r.m.Floor; r.m.Issue() != nil && f != nil {
		declared = f.Updated
	}
	if !snap.Open || r.Now.Sub(declared) > longestOutage {
		// it is not new: if its card is not pinned, it is in the timeline, which was not read
		return time.Time{}
	}
	if s, err := r.loadOutageSnapshot(); err != nil || s.State.Declared != nil {
		return time.Time{} // it is not the first look
	}
	if r.unavailableFor() < time.Second {
		return r.Now.Add(time.Second) // a single failure is over by then, and who may respond is known
	}
	policy := r.lastPolicy(r.Ctx, r.settingsName()).For(r.Ref)
	if r.isJustReceived() && len(policy.ReachOnCall(policy.Escalation[0].To, r.Now).Unread) > 0 {
		return r.Now.Add(time.Second) // as loadOnCall: who is on call may be known in a moment
	}
	r.Snapshot, r.State, r.Effects, r.Policy = snap, r.Before, nil, policy
	for _, f := range r.offlineOpeningFacts() {
		r.Step(f)
	}
	if r.State.Declared == nil {
		return time.Time{}
	}
	return r.escalateOffline()
}

// offlineOpeningFacts returns the facts of what an issue says: its text and its labels.
func (r *reconciliation) offlineOpeningFacts() []incident.Fact {
	if len(r.Snapshot.Items) == 0 {
		r.Snapshot.Items = r.labelItems()
	}
	opening := r.openingFacts()
	facts, early := r.openingLabelFacts(len(opening) > 0)
	facts = append(facts, opening...)
	for i, it := range r.Snapshot.Items {
		if !early[i] && (it.Event == "labeled" || it.Event == "unlabeled") {
			facts = append(facts, r.itemFacts(i, it, true)...)
		}
	}
	for i := range facts {
		facts[i].By.Respond = !facts[i].By.Bot && !naming.IsNobody(facts[i].By.Login)
	}
	return facts
}

// labelItems returns labels as items, for an issue whose timeline could not be read. The label that
// makes it an incident comes last, as it may have come later.
func (r *reconciliation) labelItems() (items []Item) {
	by, isBot, at := r.Snapshot.Author, r.Snapshot.AuthorBot, r.Snapshot.Created
	if i, f := r.m.Issue(), r.m.Floor; i != nil && i.By != "" && f != nil {
		by, isBot, at = i.By, strings.HasSuffix(i.By, "[bot]"), f.Updated
	}
	var last []Item
	for n, l := range r.Snapshot.Labels {
		it := Item{ID: fmt.Sprintf("label.%d", n), Event: "labeled", At: at, By: by, Bot: isBot, Label: l}
		if naming.Equal(l, incident.LabelIncident) {
			last = append(last, it)
		} else {
			items = append(items, it)
		}
	}
	return append(items, last...)
}

// escalateOffline lets time go on for a state, and pages by services outside GitHub. It saves what
// comes of it, before and after: another process may have to go on.
func (r *reconciliation) escalateOffline() (next time.Time) {
	r.pages.IsOffline, r.DeclaredAs = true, r.State.DeclaredAs
	if a := r.m.Ack(); a != nil {
		r.Step(r.ackFact(a))
	}
	r.answerOffline()
	r.Report(incident.Clock{})
	isStep := func(s incident.Send) bool { return incident.Escalates(s.Why) }
	r.saveOutageSnapshot(outageSnapshot{r.Snapshot.Title, r.Snapshot.URL, r.State, r.pages.Owed()})
	r.pages.SendOutside(isStep)
	r.saveOutageSnapshot(outageSnapshot{r.Snapshot.Title, r.Snapshot.URL, r.State, nil})
	next = r.pages.RemindByWays()
	if at := r.State.NextEscalation(); r.State.Running() && !at.IsZero() && (next.IsZero() || at.Before(next)) {
		next = at
	}
	return next
}

// ackFact returns the fact that somebody answered at the pager, at the time when they did: what was
// due later is not due any more.
func (r *reconciliation) ackFact(a *incident.Ack) incident.Fact {
	at := a.At
	if at.IsZero() || at.After(r.Now) {
		at = r.Now
	}
	page, _, _ := strings.Cut(a.Page, "@")
	return incident.Fact{At: at, What: incident.Acknowledged{Key: page, Service: a.Service, Name: a.Name}}
}

// longestOutage is longer than any outage of GitHub.
const longestOutage = 24 * time.Hour
