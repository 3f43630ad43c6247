package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/card"
	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// Incidents whose name changes: the repository or the organization is renamed, or the issue is transferred. Its id tells a renamed
// one: the card is bound to that. A transferred issue has another id, so that its card counts only where GitHub, asked for the old
// address, leads to the new one. Whatever arrives under an old name is passed on to the present one, where alone anything is done:
// an incident has one writer. Marks in issues and in mails stay what they were, with the name under which the incident was declared.

// isSame reports whether two names are one to GitHub, which makes no difference of case.
func isSame(a, b incident.Ref) bool { return naming.Equal(a.String(), b.String()) }

// identity returns the name under which the incident was declared: marks are made with it, whatever its present name is.
func (p *pass) identity() incident.Ref {
	if ref, err := incident.ParseRef(p.declaredAs); err == nil {
		return ref
	}
	return p.m.Ref
}

// names lists the names that the incident has or had, as far as this pass knows them.
func (p *pass) names() []incident.Ref {
	names := []incident.Ref{p.m.Ref}
	for _, ref := range []incident.Ref{p.m.Was, p.wasNamed, p.identity()} {
		if ref.Number != 0 && !slices.ContainsFunc(names, func(n incident.Ref) bool { return isSame(n, ref) }) {
			names = append(names, ref)
		}
	}
	return names
}

// passToPresentName passes a message on to the name that the incident has by now. It reports whether there is another one.
func (p *pass) passToPresentName() (bool, error) {
	to := p.snap.Ref
	switch {
	case p.snap.Gone:
		var ok bool
		if to, ok = p.notedMove(); !ok {
			return false, nil
		}
	case isSame(to, p.m.Ref):
		return false, nil
	default:
		p.noteMove(to)
	}
	return true, p.passTo(to)
}

// signalID returns what names the time that a source said something, or "".
func signalID(m Message) string {
	if s := m.Signal(); s != nil {
		return s.ID
	}
	return ""
}

// passTo passes the message on to another name of its incident.
func (p *pass) passTo(to incident.Ref) error {
	on := p.m
	on.Ref, on.Was = to, p.m.Ref
	if id := cmp.Or(p.m.Delivery, signalID(p.m)); id != "" {
		on.Delivery = "moved " + id + " " + p.m.Ref.String()
	} else if !p.m.Due.IsZero() {
		on.Delivery = fmt.Sprintf("moved clock %d %s", p.m.Due.UnixNano(), p.m.Ref)
	}
	at := time.Time{}
	if isSame(p.m.Was, to) { // the answers of GitHub's replicas differ
		at = p.now.Add(5 * time.Second)
	}
	p.Logger.Info("message passed on: the incident has another name", "incident", p.m.Ref.String(), "now", to.String(), "why", p.m.Why)
	p.forget(p.m.Ref)
	p.mu.Lock()
	delete(p.heard, p.m.Ref)
	p.mu.Unlock()
	if p.Queue == nil {
		return fmt.Errorf("pass on to %s: no queue", to)
	}
	if err := p.Queue.Enqueue(p.ctx, on, at); err != nil {
		return fmt.Errorf("pass on to %s: %w", to, err)
	}
	p.looked = true
	if err := p.Scheduler.Schedule(p.ctx, p.m.Ref, time.Time{}); err != nil {
		return fmt.Errorf("remove the timer: %w", err)
	}
	return nil
}

func moveName(ref incident.Ref) string {
	return strings.ToLower(fmt.Sprintf("moved/%s/%d", ref.FullName(), ref.Number))
}

// noteMove keeps where an incident is now, for when the redirect ends: another repository may take the old name.
func (p *pass) noteMove(to incident.Ref) { p.putAway(moveName(p.m.Ref), []byte(to.String())) }

// notedMove returns where an incident is that GitHub does not find any more under this name.
func (p *pass) notedMove() (incident.Ref, bool) {
	text := p.keptBy(p.ctx, moveName(p.m.Ref))
	to, err := incident.ParseRef(string(text))
	return to, err == nil && !isSame(to, p.m.Ref)
}

// putAway keeps something on the shelf, if there is one.
func (p *pass) putAway(name string, content []byte) {
	if p.Shelf == nil {
		return
	}
	if err := p.Shelf.Keep(p.ctx, name, content); err != nil {
		p.Logger.Warn("not kept outside GitHub", "name", name, "err", brief(err))
	}
}

// keptBy reads something from the shelf; nil if it is not there.
func (e *Engine) keptBy(ctx context.Context, name string) []byte {
	if e.Shelf == nil {
		return nil
	}
	content, err := e.Shelf.Kept(ctx, name)
	if err != nil {
		e.Logger.Warn("not readable outside GitHub", "name", name, "err", brief(err))
	}
	return content
}

// openCard opens the card of an issue that was just read, under whatever name it was written. An error other than card.ErrForged
// and card.ErrNone says that it could not be found out whether the card belongs here.
func (p *pass) openCard(issue *Snapshot, body string) (card.Card, error) {
	c, err := card.OpenIn(body, card.Issue{Ref: issue.Ref, ID: issue.ID}, p.keys)
	switch {
	case err == nil:
		return c, nil
	case errors.Is(err, card.ErrElsewhere):
		here, failed := p.isHereNow(c.Written.Ref, issue)
		if failed != nil || !here {
			return card.Card{}, cmp.Or(failed, err)
		}
		p.transferred = true
		return c, nil
	case errors.Is(err, card.ErrForged):
		return p.openOldCard(issue, body, err)
	}
	return card.Card{}, err
}

// openOldCard opens a card that an older version bound to the name alone, after the name changed.
func (p *pass) openOldCard(issue *Snapshot, body string, forged error) (card.Card, error) {
	for _, was := range append([]incident.Ref{p.m.Was}, linked(body)...) {
		if was.Number == 0 || isSame(was, issue.Ref) {
			continue
		}
		s, seq, err := card.Open(body, was, p.keys)
		if err != nil {
			continue
		}
		here, err := p.isHereNow(was, issue)
		if err != nil {
			return card.Card{}, err
		}
		if here {
			p.transferred = was.Number != issue.Ref.Number
			return card.Card{State: s, Seq: seq, Written: card.Issue{Ref: was}}, nil
		}
	}
	return card.Card{}, forged
}

// issuesPage finds the issues to which a card links: older cards name their own in no other way.
var issuesPage = regexp.MustCompile(`/([A-Za-z0-9_-]+)/([A-Za-z0-9._-]+)/issues/([0-9]+)\b`)

// maxLinked is to how many different issues a card's links are followed.
const maxLinked = 10

func linked(body string) (refs []incident.Ref) {
	for _, m := range issuesPage.FindAllStringSubmatch(body, -1) {
		ref, err := incident.ParseRef(m[1] + "/" + m[2] + "#" + m[3])
		if err == nil && !slices.Contains(refs, ref) && len(refs) < maxLinked {
			refs = append(refs, ref)
		}
	}
	return refs
}

// isHereNow reports whether what was under another name is this issue by now: GitHub said so with the message, or is asked for
// the old address. A card that somebody copied stays where it is, so it helps nobody.
func (p *pass) isHereNow(was incident.Ref, issue *Snapshot) (bool, error) {
	if isSame(was, p.m.Was) {
		return true, nil
	}
	snap, err := p.GitHub.Peek(p.ctx, was)
	if isRefused(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("ask where %s is now: %w", was, err)
	}
	return !snap.Gone && snap.ID == issue.ID && isSame(snap.Ref, issue.Ref), nil
}

// takeOver notes what a card says that was written under another name.
func (p *pass) takeOver(issue *Snapshot, c card.Card) card.Card {
	if isSame(c.Written.Ref, p.m.Ref) {
		p.declaredAs = c.State.DeclaredAs
		return c
	}
	p.wasNamed, p.changed = c.Written.Ref, true
	if was := c.Written.ID; was != 0 && was != issue.ID && !slices.Contains(c.State.WasIDs, was) {
		c.State.WasIDs = append(slices.Clone(c.State.WasIDs), was)
	}
	if c.State.DeclaredAs == "" {
		c.State.DeclaredAs = c.Written.Ref.String()
	}
	p.declaredAs = c.State.DeclaredAs
	if p.transferred {
		c.State.Transferred = true
		if c.State.Document.Number != 0 && c.State.Document.Repo == "" {
			c.State.Document.Repo = c.Written.Ref.FullName() // pull requests stay
		}
		if trouble := markOf("signal", p.reportMarks(p.ctx, issue)); trouble != "" {
			p.putAway(troubleName(trouble), []byte(p.m.Ref.String()))
		}
	}
	p.keepDeclaredName(issue.ID, false)
	p.Logger.Info("incident taken over under another name", "incident", p.m.Ref.String(), "was", c.Written.Ref.String(),
		"declared_as", p.declaredAs, "transferred", p.transferred)
	return c
}

// keepDeclaredName keeps the name under which an incident was declared outside the card, which may be lost: all marks are made
// with that name, and whoever looks for them under another opens a second ticket, and tells a customer in a second issue. With it
// stands whether the first look at the incident has come to its end: one that broke off leaves comments and labels behind as a
// lost card does, and yet nothing that it didn't do has been done.
func (p *pass) keepDeclaredName(id int64, isFirstLook bool) {
	text := p.identity().String()
	if isFirstLook {
		text = firstLook + text
	}
	p.putAway(declaredName(id), []byte(text))
}

const firstLook = "first look at "

func declaredName(id int64) string { return fmt.Sprintf("declared/%d", id) }

// recallDeclaredName finds the name under which an incident was declared whose card is not there, and whether the first look at it
// came to its end.
func (p *pass) recallDeclaredName() {
	kept, isFirstLook := strings.CutPrefix(string(p.keptBy(p.ctx, declaredName(p.snap.ID))), firstLook)
	if isFirstLook && p.snap.Card == nil {
		p.lost = false
	}
	switch {
	case p.declaredAs != "":
		return
	case kept != "":
		p.declaredAs = kept
	case p.m.Was.Number != 0:
		p.declaredAs = p.m.Was.String()
	}
	if p.declaredAs == p.m.Ref.String() {
		p.declaredAs = ""
	}
}

// skipOldIDs makes everything count as read that was before a transfer, if its items have other ids in the new place: commands
// must not be run twice.
func (p *pass) skipOldIDs() {
	seen := p.before.Cursor.Seen
	if !p.transferred || len(seen) == 0 {
		return
	}
	for _, it := range p.snap.Items {
		for _, s := range seen {
			if id, _, _ := strings.Cut(s.ID, "."); id == it.ID {
				return
			}
		}
	}
	p.before.Cursor.Horizon = seen[len(seen)-1].At.Add(time.Second)
}

// dropOldNames takes away what is kept under names that the incident no longer has.
func (p *pass) dropOldNames() {
	if p.wasNamed.Number == 0 && p.m.Was.Number == 0 {
		return
	}
	for _, old := range p.names()[1:] {
		for _, name := range []string{spareName(old), unwrittenName(old)} {
			if len(p.keptBy(p.ctx, name)) > 0 {
				p.putAway(name, []byte{})
			}
		}
	}
}

// documentRef names the repository of the postmortem, and the incident there.
func (p *pass) documentRef() incident.Ref {
	ref := p.m.Ref
	if owner, repo, ok := strings.Cut(p.state.Document.Repo, "/"); ok {
		ref.Owner, ref.Repo = owner, repo
	}
	return ref
}

func troubleName(trouble string) string { return "troubles/" + trouble }

// transferredOf returns the open incident of a trouble that was transferred out of the repository where its reports look for it.
func (e *Engine) transferredOf(ctx context.Context, trouble string) (incident.Ref, bool, error) {
	ref, err := incident.ParseRef(string(e.keptBy(ctx, troubleName(trouble))))
	if err != nil {
		return incident.Ref{}, false, nil
	}
	snap, err := e.GitHub.Peek(ctx, ref)
	if isRefused(err) {
		return ref, false, nil
	}
	if err != nil {
		return ref, false, fmt.Errorf("look at %s, where the incident of a signal was transferred: %w", ref, err)
	}
	s, ok := e.cardOf(snap)
	return snap.Ref, ok && s.Running() && markOf("signal", e.reportMarks(ctx, snap)) == trouble, nil
}

// isTransferred reports whether the incident was declared in another repository than the one where it is.
func (p *pass) isTransferred() bool { return p.state.Transferred || p.before.Transferred || p.foreign }

// settingsName names the settings by which the incident goes. A transferred one takes those of the repository where it was declared
// along, unless its new repository has settings of its own.
func (p *pass) settingsName() string {
	if !p.isTransferred() {
		return p.m.Ref.FullName()
	}
	return p.m.Ref.FullName() + "/from/" + p.identity().FullName()
}

// formerSettings reads the configuration of the repository where a transferred incident was declared.
func (p *pass) formerSettings() (content []byte, ok bool, err error) {
	if !p.isTransferred() {
		return nil, false, nil
	}
	content, ok, err = p.GitHub.File(p.ctx, p.identity(), config.Path)
	if isRefused(err) {
		return nil, false, nil
	}
	return content, ok, err
}
