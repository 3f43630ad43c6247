package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/card"
	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// Incidents whose name changes: the repository or the organization is renamed, or the issue is
// transferred. A renamed one keeps its id, to which the card is bound. A transferred issue has
// another id, so its card counts only where GitHub, asked for the old address, leads to the new
// one. Whatever arrives under an old name is passed on to the present one, where alone anything is
// done: an incident has one writer. Marks in issues and mails keep the name under which the
// incident was declared.

// isSame reports whether two names are one to GitHub, which makes no difference of case.
func isSame(a, b incident.Ref) bool { return naming.Equal(a.String(), b.String()) }

// names returns the names that the incident has or had, as far as this look knows them.
func (r *reconciliation) names() []incident.Ref {
	names := []incident.Ref{r.Ref}
	for _, ref := range []incident.Ref{r.m.Was, r.formerName, r.DeclaredRef()} {
		if ref.Number != 0 && !slices.ContainsFunc(names,
			func(n incident.Ref) bool { return isSame(n, ref) }) {
			names = append(names, ref)
		}
	}
	return names
}

// forwardToPresentName passes a message on to the name that the incident has by now. It reports
// whether there is another one.
func (r *reconciliation) forwardToPresentName() (bool, error) {
	to := r.Snapshot.Ref
	switch {
	case r.Snapshot.Gone:
		var ok bool
		if to, ok = r.loadMove(); !ok {
			return false, nil
		}
	case isSame(to, r.Ref):
		return false, nil
	default:
		r.saveMove(to)
	}
	return true, r.forwardTo(to)
}

// signalID returns what names the time that a source said something, or "".
func signalID(m Message) string {
	if s := m.Signal(); s != nil {
		return s.ID
	}
	return ""
}

// forwardTo passes the message on to another name of its incident.
func (r *reconciliation) forwardTo(to incident.Ref) error {
	on := r.m
	on.Ref, on.Was = to, r.Ref
	if id := cmp.Or(r.m.Delivery, signalID(r.m)); id != "" {
		on.Delivery = "moved " + id + " " + r.Ref.String()
	} else if !r.m.Due.IsZero() {
		on.Delivery = fmt.Sprintf("moved clock %d %s", r.m.Due.UnixNano(), r.Ref)
	}
	at := time.Time{}
	if isSame(r.m.Was, to) { // the answers of GitHub's replicas differ
		at = r.Now.Add(5 * time.Second)
	}
	r.Logger.Info("message passed on: the incident has another name", "incident", r.Ref.String(), "now",
		to.String(), "why", r.m.Why)
	r.forgetOpenIncident(r.Ref)
	r.mu.Lock()
	delete(r.lastLooks, r.Ref)
	r.mu.Unlock()
	if r.Queue == nil {
		return fmt.Errorf("pass on to %s: no queue", to)
	}
	if err := r.Queue.Enqueue(r.Ctx, on, at); err != nil {
		return fmt.Errorf("pass on to %s: %w", to, err)
	}
	r.hasLooked = true
	if err := r.Scheduler.Schedule(r.Ctx, r.Ref, time.Time{}); err != nil {
		return fmt.Errorf("remove the timer: %w", err)
	}
	return nil
}

func moveKey(ref incident.Ref) string {
	return strings.ToLower(fmt.Sprintf("moved/%s/%d", ref.FullName(), ref.Number))
}

// saveMove keeps where an incident is now, for when the redirect ends: another repository may take
// the old name.
func (r *reconciliation) saveMove(to incident.Ref) { r.saveKept(moveKey(r.Ref), []byte(to.String())) }

// loadMove returns where an incident is that GitHub does not find any more under this name.
func (r *reconciliation) loadMove() (incident.Ref, bool) {
	text := r.loadKept(r.Ctx, moveKey(r.Ref))
	to, err := incident.ParseRef(string(text))
	return to, err == nil && !isSame(to, r.Ref)
}

// saveKept keeps something on the shelf, if there is one.
func (r *reconciliation) saveKept(name string, content []byte) {
	if r.Store == nil {
		return
	}
	if err := r.Store.Save(r.Ctx, name, content); err != nil {
		r.Logger.Warn("not kept outside GitHub", "name", name, "err", ports.Redact(err))
	}
}

// loadKept reads something from the shelf; nil if it is not there.
func (e *Engine) loadKept(ctx context.Context, name string) []byte {
	if e.Store == nil {
		return nil
	}
	content, err := e.Store.Load(ctx, name)
	if err != nil {
		e.Logger.Warn("not readable outside GitHub", "name", name, "err", ports.Redact(err))
	}
	return content
}

// openCard opens the card of an issue that was just read, under whatever name it was written. An
// error other than card.ErrForged and card.ErrNone says that it could not be found out whether the
// card belongs here.
func (r *reconciliation) openCard(issue *Snapshot, body string) (card.Card, error) {
	c, err := card.OpenIn(body, card.Issue{Ref: issue.Ref, ID: issue.ID}, r.keys)
	switch {
	case err == nil:
		return c, nil
	case errors.Is(err, card.ErrElsewhere):
		here, failed := r.isPresentName(c.Written.Ref, issue)
		if failed != nil || !here {
			return card.Card{}, cmp.Or(failed, err)
		}
		r.wasTransferred = true
		return c, nil
	case errors.Is(err, card.ErrForged):
		return r.openOldCard(issue, body, err)
	}
	return card.Card{}, err
}

// openOldCard opens a card that an older version bound to the name alone, after the name changed.
func (r *reconciliation) openOldCard(issue *Snapshot, body string, forged error) (card.Card, error) {
	for _, was := range append([]incident.Ref{r.m.Was}, linkedIssues(body)...) {
		if was.Number == 0 || isSame(was, issue.Ref) {
			continue
		}
		s, seq, err := card.Open(body, was, r.keys)
		if err != nil {
			continue
		}
		here, err := r.isPresentName(was, issue)
		if err != nil {
			return card.Card{}, err
		}
		if here {
			r.wasTransferred = was.Number != issue.Ref.Number
			return card.Card{State: s, Seq: seq, Written: card.Issue{Ref: was}}, nil
		}
	}
	return card.Card{}, forged
}

// issuesPage finds the issues to which a card links: older cards name their own in no other way.
var issuesPage = lazily.Compile(`/([A-Za-z0-9_-]+)/([A-Za-z0-9._-]+)/issues/([0-9]+)\b`)

// maxLinked is to how many different issues a card's links are followed.
const maxLinked = 10

func linkedIssues(body string) (refs []incident.Ref) {
	for _, m := range issuesPage.FindAllStringSubmatch(body, -1) {
		ref, err := incident.ParseRef(m[1] + "/" + m[2] + "#" + m[3])
		if err == nil && !slices.Contains(refs, ref) && len(refs) < maxLinked {
			refs = append(refs, ref)
		}
	}
	return refs
}

// isPresentName reports whether an incident under another name is this issue by now: GitHub said so
// with the message, or is asked for the old address. A copied card stays where it is, so it is of
// no use elsewhere.
func (r *reconciliation) isPresentName(was incident.Ref, issue *Snapshot) (bool, error) {
	if isSame(was, r.m.Was) {
		return true, nil
	}
	snap, err := r.GitHub.PeekIssue(r.Ctx, was)
	if ports.IsRefused(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("ask where %s is now: %w", was, err)
	}
	return !snap.Gone && snap.ID == issue.ID && isSame(snap.Ref, issue.Ref), nil
}

// adoptCard notes what a card says that was written under another name.
func (r *reconciliation) adoptCard(issue *Snapshot, c card.Card) card.Card {
	if isSame(c.Written.Ref, r.Ref) {
		r.DeclaredAs = c.State.DeclaredAs
		return c
	}
	r.formerName, r.isCardChanged = c.Written.Ref, true
	if was := c.Written.ID; was != 0 && was != issue.ID && !slices.Contains(c.State.WasIDs, was) {
		c.State.WasIDs = append(slices.Clone(c.State.WasIDs), was)
	}
	if c.State.DeclaredAs == "" {
		c.State.DeclaredAs = c.Written.Ref.String()
	}
	r.DeclaredAs = c.State.DeclaredAs
	if r.wasTransferred {
		c.State.Transferred = true
		if c.State.Document.Number != 0 && c.State.Document.Repo == "" {
			c.State.Document.Repo = c.Written.Ref.FullName() // pull requests stay
		}
		if trouble := firstMark("signal", r.reportMarks(r.Ctx, issue)); trouble != "" {
			r.saveKept(dedupKeyName(trouble), []byte(r.Ref.String()))
		}
	}
	r.saveDeclaredName(issue.ID, false)
	r.Logger.Info("incident taken over under another name", "incident", r.Ref.String(), "was",
		c.Written.Ref.String(),
		"declared_as", r.DeclaredAs, "transferred", r.wasTransferred)
	return c
}

// saveDeclaredName saves the name under which an incident was declared outside the card, which may
// be lost: all marks are made with that name, and a look that searches for them under another name
// opens a second ticket, and a second issue for a customer. It is saved with whether the first look
// came to its end: one that broke off leaves comments and labels behind as a lost card does, and
// yet nothing that it didn't do has been done.
func (r *reconciliation) saveDeclaredName(id int64, isFirstLook bool) {
	text := r.DeclaredRef().String()
	if isFirstLook {
		text = firstLook + text
	}
	r.saveKept(declaredKey(id), []byte(text))
}

const firstLook = "first look at "

// savedDeclaredName returns that name, "" if none is saved, and whether the first look broke off.
func (e *Engine) savedDeclaredName(ctx context.Context, id int64) (name string, isFirstLook bool) {
	return strings.CutPrefix(string(e.loadKept(ctx, declaredKey(id))), firstLook)
}

func declaredKey(id int64) string { return fmt.Sprintf("declared/%d", id) }

// loadDeclaredName finds the name under which an incident was declared whose card is missing, and
// whether the first look at it came to its end.
func (r *reconciliation) loadDeclaredName() {
	kept, isFirstLook := r.savedDeclaredName(r.Ctx, r.Snapshot.ID)
	if isFirstLook && r.Snapshot.Card == nil {
		r.IsCardLost = false
	}
	switch {
	case r.DeclaredAs != "":
		return
	case kept != "":
		r.DeclaredAs = kept
	case r.m.Was.Number != 0:
		r.DeclaredAs = r.m.Was.String()
	}
	if r.DeclaredAs == r.Ref.String() {
		r.DeclaredAs = ""
	}
}

// skipOldIDs makes everything count as read that was before a transfer, if its items have other ids
// in the new place: commands must not be run twice.
func (r *reconciliation) skipOldIDs() {
	seen := r.Before.Cursor.Seen
	if !r.wasTransferred || len(seen) == 0 {
		return
	}
	for _, it := range r.Snapshot.Items {
		for _, s := range seen {
			if id, _, _ := strings.Cut(s.ID, "."); id == it.ID {
				return
			}
		}
	}
	r.Before.Cursor.Horizon = seen[len(seen)-1].At.Add(time.Second)
}

// dropOldNames deletes what is saved under names that the incident no longer has.
func (r *reconciliation) dropOldNames() {
	if r.formerName.Number == 0 && r.m.Was.Number == 0 {
		return
	}
	for _, old := range r.names()[1:] {
		for _, name := range []string{outageKey(old), refusedCardKey(old)} {
			if len(r.loadKept(r.Ctx, name)) > 0 {
				r.saveKept(name, []byte{})
			}
		}
	}
}

func dedupKeyName(trouble string) string { return "troubles/" + trouble }

// findTransferred returns the open incident of a dedup hash that was transferred out of the
// repository where its reports look for it.
func (e *Engine) findTransferred(ctx context.Context, trouble string) (incident.Ref, bool, error) {
	ref, err := incident.ParseRef(string(e.loadKept(ctx, dedupKeyName(trouble))))
	if err != nil {
		return incident.Ref{}, false, nil
	}
	snap, err := e.GitHub.PeekIssue(ctx, ref)
	if ports.IsRefused(err) {
		return ref, false, nil
	}
	if err != nil {
		return ref, false, fmt.Errorf("look at %s, where the incident of a signal was transferred: %w", ref,
			err)
	}
	s, ok := e.pinnedState(snap)
	return snap.Ref, ok && s.Running() && firstMark("signal", e.reportMarks(ctx, snap)) == trouble, nil
}

// isTransferred reports whether the incident was declared in another repository than the one where
// it is.
func (r *reconciliation) isTransferred() bool {
	return r.State.Transferred || r.Before.Transferred || r.isUnserved
}

// settingsName returns the name of the settings by which the incident goes. A transferred one takes
// along those of the repository where it was declared, unless its new repository has its own.
func (r *reconciliation) settingsName() string {
	if !r.isTransferred() {
		return r.Ref.FullName()
	}
	return r.Ref.FullName() + "/from/" + r.DeclaredRef().FullName()
}

// formerSettings reads the configuration of the repository where a transferred incident was
// declared.
func (r *reconciliation) formerSettings() (content []byte, ok bool, err error) {
	if !r.isTransferred() {
		return nil, false, nil
	}
	content, ok, err = r.GitHub.ReadFile(r.Ctx, r.DeclaredRef(), config.Path)
	if ports.IsRefused(err) {
		return nil, false, nil
	}
	return content, ok, err
}
