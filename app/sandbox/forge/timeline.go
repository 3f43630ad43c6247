package forge

import "time"

// TimelineEvent is one item of an issue's timeline. Which of the fields after At are set depends on Kind.
type TimelineEvent struct {
	ID     int64
	Kind   string // labeled, assigned, closed, renamed, commented, cross-referenced, merged, …
	Actor  string
	ViaApp bool
	At     time.Time

	Label       *EventLabel `json:",omitempty"` // labeled, unlabeled: as it was then
	Assignee    string      `json:",omitempty"` // assigned, unassigned
	From        string      `json:",omitempty"` // renamed: the title before; review_dismissed: the state before
	To          string      `json:",omitempty"` // renamed: the title after; review_dismissed: why
	StateReason string      `json:",omitempty"` // closed, reopened
	CommitID    string      `json:",omitempty"` // closed, merged, referenced, committed
	CommentID   int64       `json:",omitempty"` // commented, comment_pinned, comment_unpinned
	ReviewID    int64       `json:",omitempty"` // reviewed, review_dismissed
	Reviewer    string      `json:",omitempty"` // review_requested, review_request_removed: a person,
	Team        string      `json:",omitempty"` // or a team's slug
	LockReason  string      `json:",omitempty"` // locked
	IssueID     int64       `json:",omitempty"` // cross-referenced, sub_issue_…, parent_issue_…: the other one

	comment *Comment // commented
	review  *Review  // reviewed, review_dismissed
}

// EventLabel is a label as an event remembers it.
type EventLabel struct{ Name, Color string }

// addEvent appends an item to the issue's timeline.
func (f *Forge) addEvent(by *Actor, i *Issue, e TimelineEvent) *TimelineEvent {
	e.ID, e.Actor, e.ViaApp, e.At = f.NextID("event"), by.Login, by.ViaApp, f.Now()
	i.Timeline = append(i.Timeline, &e)
	f.touch(i)
	return &e
}

// mentionKey is what is the same in two mentions of a person, or in two references by an issue;
// empty for other events.
func mentionKey(e *TimelineEvent) TimelineEvent {
	switch e.Kind {
	case "mentioned":
		return TimelineEvent{Kind: e.Kind, Actor: e.Actor}
	case "cross-referenced":
		return TimelineEvent{Kind: e.Kind, IssueID: e.IssueID}
	}
	return TimelineEvent{}
}

// Comment returns the comment of a "commented".
func (e *TimelineEvent) Comment() *Comment { return e.comment }

// Review returns the review of a "reviewed" or "review_dismissed".
func (e *TimelineEvent) Review() *Review { return e.review }
