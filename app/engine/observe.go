package engine

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/command"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// observe turns what is new into facts, in GitHub's order.
func (r *reconciliation) observe() ([]incident.Fact, error) {
	opening := r.openingFacts()
	facts, early := r.openingLabelFacts(len(opening) > 0)
	facts = append(facts, opening...)
	for i, it := range r.Snapshot.Items {
		if early[i] {
			continue
		}
		facts = append(facts, r.itemFacts(i, it, !r.IsCardLost)...)
	}
	facts = append(facts, r.editFacts()...)
	facts = append(facts, r.tapFacts()...)
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
		facts := r.ownCommentFacts(it, r.IsRebuilt || r.isReplay)
		for n, f := range facts {
			if folded, ok := f.What.(incident.FoldedIn); ok {
				facts[n].What = r.foldFact(folded.Fold)
			}
		}
		return facts
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

// ownCommentFacts returns what only the app's own comments record: answers at the pager, and what
// sources reported. again means that the timeline is read again from its start.
func (r *reconciliation) ownCommentFacts(it Item, again bool) (facts []incident.Fact) {
	add := func(what any) {
		facts = append(facts, incident.Fact{ID: fmt.Sprintf("%s.%d", it.ID, len(facts)), At: it.At,
			By: incident.Person{Bot: true}, What: what})
	}
	for _, key := range r.KeysIn(it) {
		parts := strings.Split(key, "/")
		switch {
		case parts[0] == "signals":
			if s, ok := incident.ParseSignals(key); ok {
				// else the card has counted it, or the look that wrote the comment broke off and
				// its report comes again
				if again {
					add(incident.Counted(s))
				}
				add(incident.Said{Topic: "signals", Comment: it.Comment}) // the next report is counted there
			}
		case parts[0] == "recovered" || parts[0] == "again":
			add(incident.Said{Topic: "signal", Comment: it.Comment}) // which the next turn replaces
		case parts[0] == "regression" && again: // else the card says so
			if back, ok := incident.ParseCameBack(key); ok {
				add(back)
			}
		case parts[0] == "closed" && again: // else the card says so
			add(incident.ClosedUp{Key: key})
		case parts[0] == "unsent" && again:
			if f, ok := incident.ParseUnsent(key); ok {
				add(f)
			}
		// message/3f9a.XKQM.1772447000/Email, and /critical/page where it told a severity
		case parts[0] == "message" && len(parts) >= 3:
			if report, ok := incident.ParseReport(parts[1]); ok {
				received := incident.Received{Source: parts[2], Report: report, Page: len(parts) == 5}
				if len(parts) > 3 {
					received.Severity, _ = url.PathUnescape(parts[3])
				}
				add(received)
			}
		case parts[0] == "news" && again:
			if learned, ok := incident.ParseNews(key); ok {
				add(learned)
			}
		case (parts[0] == "data" || parts[0] == "claim" || parts[0] == incident.TopicContested) && again:
			add(incident.Said{Topic: parts[0], Comment: it.Comment}) // which the next reminder replaces
		case parts[0] == "folded": // folded/5/c123.0/1772447000/bob/globex/Alertmanager
			if fold, ok := incident.ParseFold(key); ok {
				add(incident.FoldedIn{Fold: fold})
			}
		case parts[0] == "followup" && again: // followup/2/erin/2026-12-24/1772447000
			if edited, ok := incident.ParseFollowUpEdited(key); ok {
				add(edited)
			}
		case parts[0] == "tap" && again: // else the card says so
			if f, ok := incident.ParseTap(key, r.Policy); ok {
				facts = append(facts, f)
			}
		case parts[0] == "ack" && len(parts) == 5: // ack/page/1/pagerduty/Dan%20Example
			if name, err := url.PathUnescape(parts[4]); err == nil {
				add(incident.Acknowledged{Key: parts[1] + "/" + parts[2], Service: parts[3], Name: name})
			}
		}
	}
	return facts
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
		By: incident.Person{Login: c.Author}, Titled: r.isTitled(len(r.Snapshot.Items))}
	added, corrected := command.Edited(c.Before, c.Body)
	for _, k := range corrected {
		added = append(added, incident.Corrected{New: k.New, Old: commandText(k.Old)})
	}
	return append(r.commandFacts(added, len(r.Snapshot.Items), f), withdrawn...)
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

// tokenPatience is how long a command waits while the App gets no token to ask whether its author
// may respond. After that the author is told that it is unknown.
const tokenPatience = 10 * time.Minute

// lookUpPeople looks up who may respond. Comments without commands ask for nothing and cost no
// look-up.
func (r *reconciliation) lookUpPeople(facts []incident.Fact) ([]incident.Fact, error) {
	for i := range facts {
		f := &facts[i]
		if naming.IsNobody(f.By.Login) || f.By.Bot {
			continue
		}
		if _, plain := f.What.(incident.Commented); plain {
			continue
		}
		may, err := r.canRespond(f.By.Login)
		// a look asks for several tokens, and each may be refused
		if ports.IsNotInstalled(err) && r.Now.Sub(f.At) < tokenPatience {
			return nil, &RetryAfter{Until: r.Now.Add(firstRelook),
				Err: fmt.Errorf("ask whether %s may respond: %w", f.By.Login, err)}
		}
		if ports.IsRefused(err) {
			// Whoever has a role was asked about before. Of others it is unknown, and the answer
			// says so.
			may, f.By.Unsure = r.State.HasRole(f.By.Login), ports.Reason(err)
			r.Logger.Warn("permission not readable", "incident", r.Ref.String(), "err", ports.Redact(err))
		} else if err != nil {
			return nil, err
		}
		f.By.Respond = may
		c, ok := f.What.(incident.Command)
		if !ok || !may {
			continue
		}
		switch c.Kind {
		case incident.Escalate:
			if f.What, err = r.lookUpEscalation(f.ID, c); err != nil {
				return nil, err
			}
		case incident.GiveIC, incident.GiveOE, incident.AddFollowUp:
			for _, l := range c.Logins {
				may, err := r.canRespond(l)
				if err != nil && !ports.IsRefused(err) {
					return nil, err
				}
				if !may {
					c.Cannot = append(c.Cannot, l)
				}
			}
			if c.Kind == incident.AddFollowUp && c.Number != 0 && c.Repo != "" {
				if c, err = r.resolveTicket(c); err != nil {
					return nil, err
				}
			}
			f.What = c
		case incident.Duplicate:
			other, err := r.lookUpDuplicate(f.ID, c)
			if err != nil {
				return nil, err
			}
			c.Other = other
			f.What = c
		}
	}
	return facts, nil
}

func (r *reconciliation) canRespond(login string) (bool, error) {
	if naming.IsNobody(login) {
		return false, nil
	}
	may, err := r.GitHub.CanRespond(r.Ctx, r.Ref, login, r.Policy.Responders)
	if err != nil {
		return false, fmt.Errorf("look up whether %s may respond: %w", login, err)
	}
	return may, nil
}

// pullRequestFacts returns what became of the postmortem's pull request, and the commands in a
// comment on it, if the message is about it.
func (r *reconciliation) pullRequestFacts() ([]incident.Fact, error) {
	if r.m.Pull() == 0 || r.State.Document.Number != r.m.Pull() || r.State.Document.Merged != nil {
		return nil, nil
	}
	if c := r.m.Comment(); c != nil {
		f := incident.Fact{ID: fmt.Sprintf("c%d@pull", c.ID), At: c.Created,
			By: incident.Person{Login: c.Author}}
		return r.commandFacts(r.parse(c.Body), len(r.Snapshot.Items), f), nil
	}
	return r.readPullRequest(r.m.Pull())
}

// readPullRequest reads the postmortem's pull request and returns its facts.
func (r *reconciliation) readPullRequest(number int) ([]incident.Fact, error) {
	pr, err := r.GitHub.ReadPullRequest(r.Ctx, r.DocumentRef(), number)
	if ports.IsRefused(err) {
		r.Logger.Warn("pull request not readable: it counts as before", "incident", r.Ref.String(), "pull",
			number, "err", ports.Redact(err))
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := r.awaitOther(r.m.Pull() == number && r.m.Comment() == nil,
		fmt.Sprintf("pull request %d", number), pr.Updated); err != nil {
		return nil, err
	}
	r.postmortem.PullRequest = &pr
	now := func(what any) incident.Fact { return incident.Fact{At: r.Now, What: what} }
	switch {
	case !pr.ByApp:
		return nil, nil
	case pr.Merged:
		return []incident.Fact{{ID: fmt.Sprintf("m%d@pull", number), At: pr.MergedAt,
			By: incident.Person{Login: pr.MergedBy}, What: incident.DocumentMerged{Number: number}}}, nil
	case !pr.Open:
		return []incident.Fact{now(incident.PullRequestClosed{Number: number})}, nil
	}
	approved, changes, err := r.GitHub.ReadReviews(r.Ctx, r.DocumentRef(), number)
	if ports.IsRefused(err) {
		r.Logger.Warn("reviews not readable: they count as before", "incident", r.Ref.String(), "err",
			ports.Redact(err))
		return []incident.Fact{now(incident.DocumentOpened{Number: number})}, nil
	}
	if err != nil {
		return nil, err
	}
	return []incident.Fact{now(incident.DocumentOpened{Number: number}),
		now(incident.Reviewed{Approved: approved, Changes: changes})}, nil
}
