package engine

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// Reads that are behind. GitHub's webhooks outrun the servers that answer its API, and a read just after a write may be older than
// the write; the issue and its timeline come from different servers, and each may be behind. What a webhook proves, what this
// process wrote and read before, and what one of the two reads shows are a floor under what is read. A look whose reads are below it
// comes again in a second, a little later each time, and for a bounded time. After that it goes on with what there is, but undoes
// nothing that a person may have done since: mirror.go sees to that.

const (
	// lagging is how long reads may be behind a webhook, a write or each other.
	lagging = 2 * time.Minute
	// laggingBriefly is the same for a look that may page people.
	laggingBriefly = 30 * time.Second
	// longestLag is how long a difference may come from reads that are behind, however unlikely. It is put right after that.
	longestLag = 15 * time.Minute
	// longestPause is the longest time between two looks while reads are behind.
	longestPause = 15 * time.Second
	// dating is by how much GitHub's times of one change may differ.
	dating = 2 * time.Second
)

// pause returns how long to wait for reads that have been behind for so long: 1 s, 1 s, 2 s, 4 s, …
func pause(waited time.Duration) time.Duration {
	return min(max(waited, time.Second), longestPause).Truncate(time.Second)
}

// lack is something that a look should have read and did not.
type lack struct {
	what  string
	since time.Time // when it was there to be read
}

// waitForIssue returns a *Later if a look found nothing (404) because GitHub's servers don't know the issue yet: its webhook came,
// or the app opened it, only just now. https://github.com/octokit/octokit.js/issues/900
func (p *pass) waitForIssue(err error) error {
	var refusal *Refusal
	if isRefused := errors.As(err, &refusal); isRefused {
		if refusal.Status != http.StatusNotFound || refusal.NotInstalled {
			return nil
		}
	} else if err != nil || p.m.Removed() != nil || p.snap.Refused == nil || p.snap.Refused.Status != http.StatusNotFound {
		return nil
	}
	since := p.recentOf(p.m.Ref).opened
	if f := p.m.Floor; f != nil && f.Received.After(since) {
		since = f.Received
	}
	waited := p.now.Sub(since)
	if since.IsZero() || waited >= lagging {
		return nil
	}
	return &Later{Until: p.now.Add(pause(waited)), Err: fmt.Errorf("GitHub's API does not show %s yet", p.m.Ref)}
}

// isRead reports whether the last look began after a message came and has read all that it tells of: then there is nothing to look
// for. What the issue shows of a change does not say who made it, so a look that began before counts for none that came later: people
// do the same thing twice in a second, with the app undoing it in between.
func (e *Engine) isRead(m Message) bool {
	f := m.Floor
	if f == nil || f.Updated.IsZero() || f.Received.IsZero() || f.Deleted != 0 || m.Was.Number != 0 {
		return false
	}
	m.Floor = nil
	r := e.recentOf(m.Ref)
	if !m.IsBare() || !r.looked.After(f.Received) || r.updated.Before(f.Updated) {
		return false
	}
	if f.Comment != 0 {
		return commentIn(r.items, f.Comment)
	}
	about := aboutOf(f.Event, f.Name, f.Name)
	if about == "" {
		return f.Event == "" || showsEvent(r.items, f) // it was opened, locked or renamed
	}
	for _, it := range slices.Backward(r.items) {
		if aboutOf(it.Event, it.Label, it.Login) == about {
			return isEvent(it, f) // and nobody, nor the app itself, changed it since
		}
	}
	return false
}

// awaitReads returns a *Later while the reads of this look are behind. Once it has waited long enough for them it returns nil, and
// the look is marked as behind.
func (p *pass) awaitReads() error {
	if p.snap.Gone || p.snap.Pull {
		return nil
	}
	p.addSaid()
	patient := lagging
	if p.m.Why == "clock" || p.m.Ack() != nil {
		patient = laggingBriefly
	}
	for _, l := range p.lacks() {
		waited := p.now.Sub(l.since)
		if waited < -lagging || waited >= longestLag {
			continue // the clocks differ, or it is long ago
		}
		if waited < patient {
			return &Later{Until: p.now.Add(pause(waited)), Err: fmt.Errorf("GitHub's API is behind at %s: %s", p.m.Ref, l.what)}
		}
		p.Logger.Warn("reads behind", "incident", p.m.Ref.String(), "what", l.what, "since", l.since)
		p.behind = true
	}
	p.raiseCard()
	p.addComment()
	return p.mergeCards()
}

// awaitOther returns a *Later while a ticket or a pull request, as it was read, is older than the webhook that is about it.
func (p *pass) awaitOther(isAbout bool, what string, updated time.Time) error {
	f := p.m.Floor
	if !isAbout || f == nil || updated.IsZero() || !updated.Before(f.Updated) {
		return nil
	}
	waited := p.now.Sub(p.received())
	if waited >= lagging {
		return nil
	}
	return &Later{Until: p.now.Add(pause(waited)), Err: fmt.Errorf("GitHub's API is behind at %s: it is older than the webhook", what)}
}

// raiseCard goes on from the card that this process wrote where GitHub still shows an older one.
func (p *pass) raiseCard() {
	r := p.recentOf(p.m.Ref)
	if p.isOlderCard(r) && p.now.Sub(r.wrote) < 2*lagging {
		p.before, p.seq = r.state, r.seq
		p.state, p.saved = p.before, p.before
	}
}

// isOlderCard reports whether the card that was read is older than what this process wrote.
func (p *pass) isOlderCard(r recent) bool {
	return !p.rebuilt && p.snap.Card != nil && p.snap.Card.ID == r.card && p.seq < r.seq
}

// addComment adds the comment that a webhook brought where the timeline does not show it for so long: GitHub signed it.
func (p *pass) addComment() {
	if c := p.m.Comment(); c != nil && p.lacksComment() {
		p.snap.Items = append(p.snap.Items, Item{ID: fmt.Sprintf("c%d", c.ID), Event: "commented", At: c.Created, Updated: c.Created,
			By: c.Author, Body: c.Body, Comment: c.ID})
	}
}

// lacks lists what this look should have read and did not.
func (p *pass) lacks() []lack {
	return append(append(p.lacksOfWebhook(), p.lacksOfReads()...), p.lacksOfMemory()...)
}

// lacksOfWebhook lists what the webhook proves and the reads do not show.
func (p *pass) lacksOfWebhook() (all []lack) {
	if p.lacksComment() {
		all = append(all, lack{fmt.Sprintf("comment %d is not in the timeline", p.newComment()), p.received()})
	}
	f := p.m.Floor
	if f == nil || p.m.Pull() != 0 || p.m.Ticket() != nil { // then it is about something else
		return all
	}
	add := func(what string) { all = append(all, lack{what, p.received()}) }
	if p.snap.Updated.Before(f.Updated) {
		add("the issue is older than the webhook")
	}
	passed := newestOf(p.snap.Items).After(f.Updated.Add(dating)) || p.before.Cursor.Horizon.After(f.Updated)
	if f.Event != "" && !f.Updated.IsZero() && !passed && !showsEvent(p.snap.Items, f) {
		add(strings.TrimSpace("the timeline does not show: " + f.Event + " " + f.Name))
	}
	if f.Deleted != 0 && (p.snap.Card != nil && p.snap.Card.ID == f.Deleted || commentIn(p.snap.Items, f.Deleted)) {
		add(fmt.Sprintf("comment %d was deleted and is still there", f.Deleted))
	}
	return all
}

// received returns when the message came.
func (p *pass) received() time.Time {
	if f := p.m.Floor; f != nil && !f.Received.IsZero() {
		return f.Received
	}
	if p.m.Comment() != nil {
		return p.m.Comment().Created
	}
	return p.now
}

// newComment returns the comment that was written, by the webhook, or 0.
func (p *pass) newComment() int64 {
	c, f := p.m.Comment(), p.m.Floor
	switch {
	case p.m.Pull() != 0 || c != nil && c.Editor != "":
		return 0
	case c != nil:
		return c.ID
	case f != nil:
		return f.Comment
	}
	return 0
}

// lacksComment reports whether a comment was written that the timeline does not show, although it shows nothing newer either:
// what was deleted is not waited for.
func (p *pass) lacksComment() bool {
	id := p.newComment()
	if id == 0 || commentIn(p.snap.Items, id) {
		return false
	}
	var at time.Time
	if f := p.m.Floor; f != nil {
		at = f.Updated
	}
	if c := p.m.Comment(); c != nil {
		at = c.Created
	}
	if at.IsZero() || p.seen(fmt.Sprintf("c%d", id), at) {
		return false
	}
	return !showsAfter(p.snap.Items, id, at)
}

// lacksOfReads lists where the issue, its card and its timeline, as they were read, contradict each other.
func (p *pass) lacksOfReads() (all []lack) {
	s := p.snap
	comments, last := 0, map[string]Item{}
	for _, it := range s.Items {
		if it.Event == "commented" {
			comments++
		}
		if it.Event == "transferred" {
			clear(last) // labels and assignees that the new repository does not have are dropped, and no event tells
		}
		if !isAct(it.Event) {
			continue
		}
		if it.At.After(s.Updated.Add(dating)) {
			all = append(all, lack{"the issue is older than its timeline", it.At})
		}
		if about := aboutOf(it.Event, it.Label, it.Login); about != "" {
			last[about] = it
		}
	}
	for about, it := range last {
		if s.has(about) != (it.Event == "labeled" || it.Event == "assigned" || it.Event == "reopened") {
			all = append(all, lack{"the issue and its timeline differ in " + about, it.At})
		}
	}
	newest := newestOf(s.Items)
	for _, seen := range p.before.Cursor.Seen {
		if (seen.ID[:1] == "c" || seen.ID[:1] == "e") && newest.Before(seen.At) {
			all = append(all, lack{"the timeline is older than the card", seen.At})
		}
	}
	if s.Whole && s.Comments > comments {
		all = append(all, lack{"the timeline lacks comments", s.Updated})
	}
	if s.Whole && s.Comments < comments {
		all = append(all, lack{"the issue is older than its comments", newest})
	}
	return all
}

// lacksOfMemory lists what this process wrote or read before and the reads do not show.
func (p *pass) lacksOfMemory() (all []lack) {
	s, r := p.snap, p.recentOf(p.m.Ref)
	if s.Card == nil {
		if id, at := p.findPosted(r); id != 0 && !at.IsZero() && id != p.deleted() && !showsAfter(s.Items, id, at) {
			all = append(all, lack{"the card is not there yet", at})
		}
	} else if p.isOlderCard(r) {
		all = append(all, lack{"the card is older than what was written", r.wrote})
	} else if seq, at := p.findWritten(s.Card.ID); !p.rebuilt && p.seq < seq {
		all = append(all, lack{"the card is older than what another process wrote", at})
	}
	if s.Updated.Before(r.updated) {
		all = append(all, lack{"the issue is older than what was read before", r.looked})
	}
	if n := len(r.items); n > 0 && newestOf(s.Items).Before(r.items[n-1].At) {
		all = append(all, lack{"the timeline is older than what was read before", r.looked})
	}
	return all
}

// has reports whether an issue has what aboutOf names.
func (s *Snapshot) has(about string) bool {
	kind, name, _ := strings.Cut(about, " ")
	switch kind {
	case "label":
		return naming.Contains(s.Labels, name)
	case "assignee":
		return naming.Contains(s.Assignees, name)
	}
	return s.Open
}

// aboutOf names what an event of a timeline changed: "label phase/fixing", "assignee bob" or "state".
func aboutOf(event, label, login string) string {
	switch event {
	case "labeled", "unlabeled":
		return "label " + naming.Key(label)
	case "assigned", "unassigned":
		return "assignee " + naming.Key(login)
	case "closed", "reopened":
		return "state"
	}
	return ""
}

// isAct reports whether an event of a timeline changes its issue's updated_at.
func isAct(event string) bool {
	return event == "commented" || event == "renamed" || aboutOf(event, "", "") != ""
}

// showsEvent reports whether items hold the event of a webhook.
func showsEvent(items []Item, f *incident.Floor) bool {
	return slices.ContainsFunc(items, func(it Item) bool { return isEvent(it, f) })
}

// isEvent reports whether an item of a timeline is the event of a webhook.
func isEvent(it Item, f *incident.Floor) bool {
	return it.Event == f.Event && aboutOf(it.Event, it.Label, it.Login) == aboutOf(f.Event, f.Name, f.Name) &&
		!it.At.Before(f.Updated.Add(-dating)) && (f.By == "" || it.By == "" || naming.Equal(it.By, f.By))
}

// showsAfter reports whether items hold anything that came after a comment of that time.
func showsAfter(items []Item, id int64, at time.Time) bool {
	return slices.ContainsFunc(items, func(it Item) bool { return it.Comment > id || it.At.After(at.Add(dating)) })
}

func commentIn(items []Item, id int64) bool {
	return slices.ContainsFunc(items, func(it Item) bool { return it.Comment == id })
}

// newestOf returns when the newest of a timeline's items happened.
func newestOf(items []Item) (at time.Time) {
	for _, it := range items {
		if it.At.After(at) {
			at = it.At
		}
	}
	return at
}
