package engine

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/command"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// observe turns what is new into facts, in GitHub's order.
func (r *reconciliation) observe() ([]incident.Fact, error) {
	opening := r.openingFacts()
	facts, early := r.openingLabelFacts(len(opening) > 0)
	facts = append(facts, opening...)
	edited := r.editPlace()
	for i, it := range r.Snapshot.Items {
		if i == edited {
			facts = append(facts, r.editFacts()...)
		}
		if early[i] {
			continue
		}
		facts = append(facts, r.itemFacts(i, it, !r.IsCardLost)...)
	}
	if edited == len(r.Snapshot.Items) {
		facts = append(facts, r.editFacts()...)
	}
	facts = append(facts, r.tapFacts()...)
	facts = append(facts, r.answerFacts()...)
	if a := r.m.PageAnswer(); a != nil {
		facts = append(facts, r.pageAnswerFact(a))
	}
	if a := r.m.Ack(); a != nil {
		facts = append(facts, r.ackFact(a))
	}
	if r.m.Fold() != nil {
		facts = append(facts, incident.Fact{At: r.Now, What: r.foldFact(*r.m.Fold())})
	}
	again, err := r.signalFacts()
	if err != nil {
		return nil, err
	}
	merged, err := r.pullRequestFacts()
	if err != nil {
		return nil, err
	}
	var changed []incident.Fact
	if t := r.m.Ticket(); t != nil {
		if changed, err = r.ticketFact(t.Index); err != nil {
			return nil, err
		}
	}
	return r.lookUpPeople(r.dropKnown(slices.Concat(facts, again, merged, changed)))
}

// openingFacts returns the facts that the issue itself is: its form, or the commands in its text.
func (r *reconciliation) openingFacts() []incident.Fact {
	if r.State.Declared != nil {
		return nil
	}
	by, titled := incident.Person{Login: r.Snapshot.Author, Bot: r.Snapshot.AuthorBot}, r.isTitled(-1)
	if opened, ok := r.originFact(); ok {
		return []incident.Fact{{ID: "opened", At: r.Snapshot.Created, By: by, What: opened, Titled: titled}}
	}
	if opened, ok := command.Form(r.Snapshot.Body); ok && r.wasLabeled() {
		return []incident.Fact{{ID: "opened", At: r.Snapshot.Created, By: by, What: opened, Titled: titled}}
	}
	var facts []incident.Fact
	if !r.Snapshot.AuthorBot {
		for i, what := range r.parse(r.Snapshot.Body) {
			facts = append(facts, incident.Fact{ID: fmt.Sprintf("b.%d", i), At: r.Snapshot.Created, By: by,
				What: what, Titled: titled})
		}
	}
	return incident.InOrder(facts)
}

// openingLabelsWithin is how long after an issue GitHub may date the labels with which it was
// opened.
const openingLabelsWithin = 2 * time.Second

// openingLabelFacts returns the facts of the labels with which an issue was opened: they say how
// bad it is, and whether it is a drill, before it is declared, but GitHub lists them after its
// text. of has the items that they were.
func (r *reconciliation) openingLabelFacts(opens bool) (facts []incident.Fact, of map[int]bool) {
	of = map[int]bool{}
	if !opens || r.State.Declared != nil {
		return nil, of
	}
	for i, it := range r.Snapshot.Items {
		if it.Own || it.Event != "labeled" || it.At.Sub(r.Snapshot.Created) > openingLabelsWithin {
			break // what somebody did, or said, once it was open
		}
		if label, _ := incident.OwnLabel(it.Label); label == incident.LabelDrill ||
			strings.HasPrefix(label, incident.LabelSeverity) {
			facts, of[i] = append(facts, r.itemFacts(i, it, !r.IsCardLost)...), true
		}
	}
	return facts, of
}

// isTitled reports whether the title said what is broken when item i of the timeline
// happened.
func (r *reconciliation) isTitled(i int) bool {
	for j, it := range r.Snapshot.Items {
		if j > i && it.Event == "renamed" {
			return command.SaysWhat(it.Was)
		}
	}
	return command.SaysWhat(r.Snapshot.Title)
}

// wasLabeled reports whether the issue has, or ever had, the incident label.
func (r *reconciliation) wasLabeled() bool {
	if naming.Contains(r.Snapshot.Labels, incident.LabelIncident) {
		return true
	}
	for _, it := range r.Snapshot.Items {
		if it.Event == "labeled" && naming.Equal(it.Label, incident.LabelIncident) {
			return true
		}
	}
	return false
}

// itemFacts returns the facts of one item of the timeline. The app's own actions yield none. live
// is false where a whole timeline is read a second time: then nobody is asked again for a comment
// that was edited.
func (r *reconciliation) itemFacts(i int, it Item, live bool) []incident.Fact {
	if it.Own {
		return append(r.saidFacts(i, it), r.ownCommentFacts(it, r.IsRebuilt || r.isReplay)...)
	}
	f := incident.Fact{ID: it.ID, At: it.At, By: incident.Person{Login: it.By, Bot: it.Bot},
		Titled: r.isTitled(i)}
	switch it.Event {
	case "commented":
		return r.commentFacts(i, it, f, live)
	case "labeled":
		if !isProductLabel(it.Label) {
			return nil
		}
		f.What = incident.Labeled{Name: it.Label}
	case "unlabeled":
		if !isProductLabel(it.Label) {
			return nil
		}
		f.What = incident.Unlabeled{Name: it.Label}
	case "assigned":
		if naming.IsNobody(it.Login) {
			return nil // who was assigned is no longer there
		}
		f.What = incident.Assigned{Login: it.Login}
	case "unassigned":
		if naming.IsNobody(it.Login) {
			return nil
		}
		f.What = incident.Unassigned{Login: it.Login}
	case "closed":
		f.What = incident.ClosedByHand{}
	case "reopened":
		f.What = incident.Reopened{}
	case "renamed":
		f.What = incident.Renamed{}
	default:
		return nil
	}
	return []incident.Fact{f}
}

// isProductLabel reports whether a label means something to the product.
func isProductLabel(label string) bool {
	label, _ = incident.OwnLabel(label)
	return label == incident.LabelIncident || label == incident.LabelDrill ||
		strings.HasPrefix(label, incident.LabelPhase) || strings.HasPrefix(label, incident.LabelSeverity)
}

// commentFacts returns the facts of a comment: its commands, or that it was written. What the
// signed webhook says of its text counts; the API's text counts only if nobody has edited it since,
// as everybody with write access could.
func (r *reconciliation) commentFacts(i int, it Item, f incident.Fact, live bool) []incident.Fact {
	if it.Bot {
		return nil
	}
	body, trusted := it.Body, !it.Edited
	if c := r.m.Comment(); c != nil && c.ID == it.Comment {
		// Of an edit only what it adds counts, see editFacts: this is the comment as it was before.
		body, trusted = c.Body, true
		if c.Editor != "" {
			body, trusted = c.Before, false
		}
	}
	if r.isReplay && it.Edited && !it.Reacted {
		f.What = incident.Commented{} // commands that an edit put in and nobody acted on
		return []incident.Fact{f}
	}
	if !trusted && !r.isReplay && command.Has(body) {
		if !live || r.wasSeen(it.ID, it.At) {
			return nil
		}
		f.What = incident.Rewritten{}
		return []incident.Fact{f}
	}
	parsed := r.parse(body)
	if len(parsed) == 0 {
		f.What = incident.Commented{}
		return []incident.Fact{f}
	}
	return r.commandFacts(parsed, i, f)
}

// commandFacts returns a fact for each command, with the id of the comment and the command's place
// in it.
func (r *reconciliation) commandFacts(parsed []any, i int, f incident.Fact) []incident.Fact {
	var facts []incident.Fact
	for n, what := range parsed {
		if c, ok := what.(incident.Command); ok && (c.Link != 0 || c.Quote != "") {
			c.Pin = r.pinnedComment(c, i)
			what = c
		}
		next := f
		next.ID, next.What = fmt.Sprintf("%s.%d", f.ID, n), what
		facts = append(facts, next)
	}
	return incident.InOrder(facts)
}

// editPlace returns before which item of the timeline the edit happened that the message is about:
// what was done after it must not decide whether its author could.
func (r *reconciliation) editPlace() int {
	items := r.Snapshot.Items
	if c := r.m.Comment(); c != nil && c.Editor != "" {
		for i, it := range items {
			if it.At.After(c.Updated) {
				return i
			}
		}
	}
	return len(items)
}

// editFacts returns what became of a comment: the commands that an edit by its author added or
// corrected, and what anybody took out of it.
func (r *reconciliation) editFacts() []incident.Fact {
	c := r.m.Comment()
	if c == nil || c.Editor == "" || c.Pull != 0 {
		return nil
	}
	var withdrawn []incident.Fact
	if w := (incident.Withdrawn{Comment: c.ID, Has: commandTexts(c.Body)}); w.Lacks(r.Before) {
		withdrawn = []incident.Fact{{ID: fmt.Sprintf("c%d@%d.w", c.ID, c.Updated.Unix()), At: c.Updated, What: w}}
	}
	if c.Deleted || naming.IsNobody(c.Author) || !naming.Equal(c.Editor, c.Author) {
		return withdrawn
	}
	f := incident.Fact{ID: fmt.Sprintf("c%d@%d", c.ID, c.Updated.Unix()), At: c.Updated,
		By: incident.Person{Login: c.Author}, Titled: r.isTitled(r.editPlace() - 1)}
	added, corrected := command.Edited(c.Before, c.Body)
	for _, k := range corrected {
		added = append(added, incident.Corrected{New: k.New, Old: commandText(k.Old)})
	}
	return append(r.commandFacts(added, r.editPlace(), f), withdrawn...)
}

// commandTexts returns the words of each command of a comment.
func commandTexts(body string) (all []string) {
	for _, what := range command.Parse(body) {
		if c, ok := what.(incident.Command); ok {
			all = append(all, c.Text)
			for _, e := range c.Entries {
				all = append(all, e.Text)
			}
		}
	}
	return all
}

// commandText returns the words of a command.
func commandText(c incident.Command) string {
	lines := []string{c.Text}
	for _, e := range c.Entries {
		lines = append(lines, strings.TrimSpace(e.When.Said+" "+e.Text))
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// pinnedComment finds the comment that /ic pin means: the linked one, or the newest before it that
// holds the quoted words.
func (r *reconciliation) pinnedComment(c incident.Command, i int) *incident.Stamp {
	items := r.Snapshot.Items
	if c.Link != 0 {
		for _, it := range items {
			if it.Comment == c.Link {
				return &incident.Stamp{By: it.By, At: it.At, ID: it.ID}
			}
		}
		if all, err := r.timeline(); err == nil {
			for _, it := range all {
				if it.Comment == c.Link {
					return &incident.Stamp{By: it.By, At: it.At, ID: it.ID}
				}
			}
		}
		return nil
	}
	quote := texts.Squeeze(c.Quote)
	for j := min(i, len(items)) - 1; j >= 0; j-- {
		if items[j].Event == "commented" && !items[j].Own &&
			strings.Contains(texts.Squeeze(items[j].Body), quote) {
			return &incident.Stamp{By: items[j].By, At: items[j].At, ID: items[j].ID}
		}
	}
	return nil
}

// wasSeen reports whether a comment, or any command of it, was stepped over.
func (r *reconciliation) wasSeen(id string, at time.Time) bool {
	c := r.Before.Cursor
	if c.Knows(id, at) {
		return true
	}
	for _, s := range c.Seen {
		if strings.HasPrefix(s.ID, id+".") {
			return true
		}
	}
	return false
}

// dropKnown drops what the state knows already, so that nobody is looked up for it.
func (r *reconciliation) dropKnown(facts []incident.Fact) []incident.Fact {
	var out []incident.Fact
	for _, f := range facts {
		if strings.Contains(f.ID, "@") || f.ID == "" || !r.Before.Cursor.Knows(f.ID, f.At) {
			out = append(out, f)
		}
	}
	return out
}
