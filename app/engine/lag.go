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
	"github.com/firebreak-dev/firebreak/app/wait"
)

// GitHub's webhooks outrun the servers that answer its API, and a read just after a write may be
// older than the write. The issue and its timeline come from different servers, and each may be
// behind. What a webhook proves, what this process wrote and read before, and what the two reads
// show are compared. A look whose reads are behind comes again in a second, a little later each
// time, for a bounded time. After that it goes on with what there is, but undoes nothing that a
// person may have done since: see correct.go.

const (
	// maxLag is how long reads may be behind a webhook, a write or each other.
	maxLag = 2 * time.Minute
	// maxLagOfPage is the same for a look that may page people.
	maxLagOfPage = 30 * time.Second
	// longestLag is how long a difference may come from reads that are behind, however unlikely. It
	// is put right after that.
	longestLag = 15 * time.Minute
	// clockTolerance is by how much GitHub's times of one change may differ.
	clockTolerance = 2 * time.Second
)

// missingRead is something that a look should have read and did not.
type missingRead struct {
	what  string
	since time.Time // when it was there to be read
}

// waitForIssue returns a *RetryAfter if a look found nothing (404) because GitHub's servers don't
// know the issue yet: it was opened only just now. See
// https://github.com/octokit/octokit.js/issues/900.
func (r *reconciliation) waitForIssue(err error) error {
	var refusal *Refusal
	if isRefused := errors.As(err, &refusal); isRefused {
		if refusal.Status != http.StatusNotFound || refusal.NotInstalled {
			return nil
		}
	} else if err != nil || r.m.Removed() != nil || r.Snapshot.Refused == nil ||
		r.Snapshot.Refused.Status != http.StatusNotFound {
		return nil
	}
	since := r.memoryOf(r.Ref).opened
	if f := r.m.Floor; f != nil && f.Received.After(since) {
		since = f.Received
	}
	waited := r.Now.Sub(since)
	if since.IsZero() || waited >= maxLag {
		return nil
	}
	return &RetryAfter{Until: r.Now.Add(wait.ForReads(waited)),
		Err: fmt.Errorf("GitHub's API does not show %s yet", r.Ref)}
}

// hasReadEvent reports whether the last look began after a message came and has read all that it
// says: then there is nothing to look for. What the issue shows of a change does not say who made
// it, so a look that began before does not count: people do the same thing twice in a second, and
// the app undoes it in between.
func (e *Engine) hasReadEvent(m Message) bool {
	f := m.Floor
	if f == nil || f.Updated.IsZero() || f.Received.IsZero() || f.Deleted != 0 || m.Was.Number != 0 {
		return false
	}
	m.Floor = nil
	r := e.memoryOf(m.Ref)
	if !m.IsBare() || !r.looked.After(f.Received) || r.updated.Before(f.Updated) {
		return false
	}
	if f.Comment != 0 {
		return containsComment(r.items, f.Comment)
	}
	about := subjectOf(f.Event, f.Name, f.Name)
	if about == "" {
		return f.Event == "" || containsEvent(r.items, f) // it was opened, locked or renamed
	}
	for _, it := range slices.Backward(r.items) {
		if subjectOf(it.Event, it.Label, it.Login) == about {
			return isEvent(it, f) // and nobody, nor the app itself, changed it since
		}
	}
	return false
}

// awaitReads returns a *RetryAfter while the reads of this look are behind. Once it has waited long
// enough it marks the look as behind and goes on.
func (r *reconciliation) awaitReads() (isOver bool, err error) {
	if r.Snapshot.Gone || r.Snapshot.Pull {
		return false, nil
	}
	r.addRecentComments()
	patient := maxLag
	if r.m.Why == "clock" || isAnswer(r.m) {
		patient = maxLagOfPage
	}
	for _, l := range r.missingReads() {
		waited := r.Now.Sub(l.since)
		if waited < -maxLag || waited >= longestLag {
			continue // the clocks differ, or it is long ago
		}
		r.rememberLag(max(waited, 0))
		if waited < patient {
			return true, &RetryAfter{Until: r.Now.Add(wait.ForReads(waited)),
				Err: fmt.Errorf("GitHub's API is behind at %s: %s", r.Ref, l.what)}
		}
		r.Logger.Warn("reads behind", "incident", r.Ref.String(), "what", l.what, "since", l.since)
		r.isReadBehind = true
	}
	r.useNewerCard()
	r.addComment()
	return false, r.mergeCards()
}

// awaitOther returns a *RetryAfter while a ticket or a pull request, as it was read, is older than
// the webhook about it.
func (r *reconciliation) awaitOther(isAbout bool, what string, updated time.Time) error {
	f := r.m.Floor
	if !isAbout || f == nil || updated.IsZero() || !updated.Before(f.Updated) {
		return nil
	}
	waited := r.Now.Sub(r.receivedAt())
	if waited >= maxLag {
		return nil
	}
	return &RetryAfter{Until: r.Now.Add(wait.ForReads(waited)),
		Err: fmt.Errorf("GitHub's API is behind at %s: it is older than the webhook", what)}
}

// useNewerCard goes on from the card that this process wrote where GitHub still shows an older one.
func (r *reconciliation) useNewerCard() {
	m := r.memoryOf(r.Ref)
	if r.isOlderCard(m) && r.Now.Sub(m.wrote) < 2*maxLag {
		r.Before, r.cardSeq = r.withFreezeLooks(m.state), m.seq
		r.State, r.savedState = r.Before, r.Before
	}
}

// isOlderCard reports whether the card that was read is older than what this process wrote.
func (r *reconciliation) isOlderCard(m memory) bool {
	return !r.IsRebuilt && r.Snapshot.Card != nil && r.Snapshot.Card.ID == m.card && r.cardSeq < m.seq
}

// addComment adds the comment that a webhook brought where the timeline has not shown it for long:
// GitHub signed it.
func (r *reconciliation) addComment() {
	if c := r.m.Comment(); c != nil && r.isCommentMissing() {
		r.Snapshot.Items = append(r.Snapshot.Items, Item{ID: fmt.Sprintf("c%d", c.ID), Event: "commented",
			At: c.Created, Updated: c.Created,
			By: c.Author, Body: c.Body, Comment: c.ID})
	}
}

// missingReads returns what this look should have read and did not.
func (r *reconciliation) missingReads() []missingRead {
	return append(append(r.missingFromWebhook(), r.contradictions()...), r.olderThanMemory()...)
}

// missingFromWebhook returns what the webhook proves and the reads do not show.
func (r *reconciliation) missingFromWebhook() (all []missingRead) {
	if r.isCommentMissing() {
		all = append(all, missingRead{fmt.Sprintf("comment %d is not in the timeline", r.newCommentID()),
			r.receivedAt()})
	}
	f := r.m.Floor
	if f == nil || r.m.Pull() != 0 || r.m.Ticket() != nil { // then it is about something else
		return all
	}
	add := func(what string) { all = append(all, missingRead{what, r.receivedAt()}) }
	if r.Snapshot.Updated.Before(f.Updated) {
		add("the issue is older than the webhook")
	}
	passed := newestTime(r.Snapshot.Items).After(f.Updated.Add(clockTolerance)) ||
		r.Before.Cursor.Horizon.After(f.Updated)
	if f.Event != "" && !f.Updated.IsZero() && !passed && !containsEvent(r.Snapshot.Items, f) {
		add(strings.TrimSpace("the timeline does not show: " + f.Event + " " + f.Name))
	}
	if f.Deleted != 0 && (r.Snapshot.Card != nil && r.Snapshot.Card.ID == f.Deleted ||
		containsComment(r.Snapshot.Items, f.Deleted)) {
		add(fmt.Sprintf("comment %d was deleted and is still there", f.Deleted))
	}
	return all
}

// receivedAt returns when the message came.
func (r *reconciliation) receivedAt() time.Time {
	if f := r.m.Floor; f != nil && !f.Received.IsZero() {
		return f.Received
	}
	if r.m.Comment() != nil {
		return r.m.Comment().Created
	}
	return r.Now
}

// newCommentID returns the comment that was written, by the webhook, or 0.
func (r *reconciliation) newCommentID() int64 {
	c, f := r.m.Comment(), r.m.Floor
	switch {
	case r.m.Pull() != 0 || c != nil && c.Editor != "":
		return 0
	case c != nil:
		return c.ID
	case f != nil:
		return f.Comment
	}
	return 0
}

// isCommentMissing reports whether a comment was written that the timeline does not show, although
// it shows nothing newer either: a deleted comment is not waited for.
func (r *reconciliation) isCommentMissing() bool {
	id := r.newCommentID()
	if id == 0 || containsComment(r.Snapshot.Items, id) {
		return false
	}
	var at time.Time
	if f := r.m.Floor; f != nil {
		at = f.Updated
	}
	if c := r.m.Comment(); c != nil {
		at = c.Created
	}
	if at.IsZero() || r.wasSeen(fmt.Sprintf("c%d", id), at) {
		return false
	}
	return !containsNewer(r.Snapshot.Items, id, at)
}

// contradictions returns where the issue, its card and its timeline, as they were read, contradict
// each other.
func (r *reconciliation) contradictions() (all []missingRead) {
	s := r.Snapshot
	comments, last := 0, map[string]Item{}
	for _, it := range s.Items {
		if it.Event == "commented" {
			comments++
		}
		if it.Event == "transferred" {
			clear(last) // what the new repository does not have is dropped, without an event
		}
		if !changesIssue(it.Event) {
			continue
		}
		if it.At.After(s.Updated.Add(clockTolerance)) {
			all = append(all, missingRead{"the issue is older than its timeline", it.At})
		}
		if about := subjectOf(it.Event, it.Label, it.Login); about != "" {
			last[about] = it
		}
	}
	for about, it := range last {
		if hasSubject(s, about) != (it.Event == "labeled" || it.Event == "assigned" ||
			it.Event == "reopened") {
			all = append(all, missingRead{"the issue and its timeline differ in " + about, it.At})
		}
	}
	newest := newestTime(s.Items)
	for _, seen := range r.Before.Cursor.Seen {
		if (seen.ID[:1] == "c" || seen.ID[:1] == "e") && newest.Before(seen.At) {
			all = append(all, missingRead{"the timeline is older than the card", seen.At})
		}
	}
	if s.Whole && s.Comments > comments {
		all = append(all, missingRead{"the timeline lacks comments", s.Updated})
	}
	if s.Whole && s.Comments < comments {
		all = append(all, missingRead{"the issue is older than its comments", newest})
	}
	return all
}

// olderThanMemory returns what this process wrote or read before and the reads do not show.
func (r *reconciliation) olderThanMemory() (all []missingRead) {
	s, m := r.Snapshot, r.memoryOf(r.Ref)
	if s.Card == nil {
		if id, at := r.loadPosted(m); id != 0 && !at.IsZero() && id != r.deletedComment() &&
			!containsNewer(s.Items, id, at) {
			all = append(all, missingRead{"the card is not there yet", at})
		}
	} else if r.isOlderCard(m) {
		all = append(all, missingRead{"the card is older than what was written", m.wrote})
	} else if seq, at := r.loadWritten(s.Card.ID); !r.IsRebuilt && r.cardSeq < seq {
		all = append(all, missingRead{"the card is older than what another process wrote", at})
	}
	if s.Updated.Before(m.updated) {
		all = append(all, missingRead{"the issue is older than what was read before", m.looked})
	}
	if n := len(m.items); n > 0 && newestTime(s.Items).Before(m.items[n-1].At) {
		all = append(all, missingRead{"the timeline is older than what was read before", m.looked})
	}
	return all
}

// hasSubject reports whether an issue has what aboutOf names.
func hasSubject(s *Snapshot, about string) bool {
	kind, name, _ := strings.Cut(about, " ")
	switch kind {
	case "label":
		return naming.Contains(s.Labels, name)
	case "assignee":
		return naming.Contains(s.Assignees, name)
	}
	return s.Open
}

// subjectOf names what an event of a timeline changed: "label phase/fixing", "assignee bob" or
// "state".
func subjectOf(event, label, login string) string {
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

// changesIssue reports whether an event of a timeline changes its issue's updated_at.
func changesIssue(event string) bool {
	return event == "commented" || event == "renamed" || subjectOf(event, "", "") != ""
}

// containsEvent reports whether items hold the event of a webhook.
func containsEvent(items []Item, f *incident.Floor) bool {
	return slices.ContainsFunc(items, func(it Item) bool { return isEvent(it, f) })
}

// isEvent reports whether an item of a timeline is the event of a webhook.
func isEvent(it Item, f *incident.Floor) bool {
	return it.Event == f.Event && subjectOf(it.Event, it.Label, it.Login) == subjectOf(f.Event, f.Name,
		f.Name) &&
		!it.At.Before(f.Updated.Add(-clockTolerance)) &&
		(f.By == "" || it.By == "" || naming.Equal(it.By, f.By))
}

// containsNewer reports whether items hold anything that came after a comment of that time.
func containsNewer(items []Item, id int64, at time.Time) bool {
	return slices.ContainsFunc(items,
		func(it Item) bool { return it.Comment > id || it.At.After(at.Add(clockTolerance)) })
}

func containsComment(items []Item, id int64) bool {
	return slices.ContainsFunc(items, func(it Item) bool { return it.Comment == id })
}

// newestTime returns when the newest of a timeline's items happened.
func newestTime(items []Item) (at time.Time) {
	for _, it := range items {
		if it.At.After(at) {
			at = it.At
		}
	}
	return at
}
