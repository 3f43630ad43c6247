package github

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// cardMark marks the app's card among its comments.
const cardMark = "<!-- firebreak:card"

// user, label, issue, comment and item are what is read of GitHub's objects; go-github knows
// neither pinned comments nor when a comment in a timeline was edited.
type user struct {
	Login string `json:"login"`
	Type  string `json:"type"`
}

type viaApp struct {
	ID int64 `json:"id"`
}

type comment struct {
	ID      int64     `json:"id"`
	Body    string    `json:"body"`
	User    user      `json:"user"`
	App     *viaApp   `json:"performed_via_github_app"`
	Created time.Time `json:"created_at"`
	Updated time.Time `json:"updated_at"`
}

type issue struct {
	ID        int64     `json:"id"`
	Number    int       `json:"number"`
	Title     string    `json:"title"`
	Body      string    `json:"body"`
	State     string    `json:"state"`
	Reason    string    `json:"state_reason"`
	User      user      `json:"user"`
	URL       string    `json:"html_url"`
	Locked    bool      `json:"locked"`
	Comments  int       `json:"comments"`
	Created   time.Time `json:"created_at"`
	Updated   time.Time `json:"updated_at"`
	Pull      *struct{} `json:"pull_request"`
	Assignees []user    `json:"assignees"`
	Labels    []struct {
		Name string `json:"name"`
	} `json:"labels"`
	Pinned *comment `json:"pinned_comment"`
}

type item struct {
	ID        int64     `json:"id"`
	Event     string    `json:"event"`
	Actor     *user     `json:"actor"`
	User      *user     `json:"user"`
	Assigner  *user     `json:"assigner"`
	Assignee  *user     `json:"assignee"`
	App       *viaApp   `json:"performed_via_github_app"`
	Body      *string   `json:"body"`
	URL       string    `json:"html_url"`
	Created   time.Time `json:"created_at"`
	Submitted time.Time `json:"submitted_at"`
	Updated   time.Time `json:"updated_at"`
	Label     *struct {
		Name string `json:"name"`
	} `json:"label"`
	Rename *struct {
		From string `json:"from"`
	} `json:"rename"`
	Reactions *struct {
		Plus     int `json:"+1"`
		Minus    int `json:"-1"`
		Confused int `json:"confused"`
	} `json:"reactions"`
	Source *struct {
		Issue *struct {
			ID int64 `json:"id"`
		} `json:"issue"`
	} `json:"source"`
}

// ReadIssue reads an issue, its card and what is new. It implements engine.GitHub.
func (a *App) ReadIssue(ctx context.Context, ref incident.Ref,
	open func(*ports.Snapshot, string) (incident.Cursor, bool)) (*ports.Snapshot, error) {
	me, err := a.Login(ctx)
	if err != nil {
		return nil, err
	}
	c, snap, pinned, err := a.readIssue(ctx, incidents, ref, me)
	if err != nil || snap.Gone || snap.Pull || !isSameName(snap.Ref, ref) {
		return snap, err
	}
	l := &issueReader{a: a, c: c, ref: ref, me: me, snap: snap}
	if pinned {
		if cursor, ok := open(snap, snap.Card.Body); ok {
			return snap, l.readWindow(ctx, cursor)
		}
	}
	return snap, l.readWhole(ctx, open)
}

// PeekIssue reads an issue with its pinned card. It implements engine.GitHub.
func (a *App) PeekIssue(ctx context.Context, ref incident.Ref) (*ports.Snapshot, error) {
	me, err := a.Login(ctx)
	if err != nil {
		return nil, err
	}
	_, snap, _, err := a.readIssue(ctx, incidents, ref, me)
	return snap, err
}

// readIssue reads an issue, wherever it is by now, and reports whether the app's card is pinned to
// it. An issue that has another name by now is read with that and without its card. The client
// opens the repository of ref.
func (a *App) readIssue(ctx context.Context, w scope, ref incident.Ref, me string) (c *github.Client,
	snap *ports.Snapshot, pinned bool, err error) {
	for try := range 2 {
		if c, err = a.clientOf(ctx, w, ref); err != nil {
			return nil, nil, false, err
		}
		snap, pinned, err = readIssue(ctx, c, ref, me)
		if !isLost(snap, err) || try > 0 {
			break
		}
		elsewhere, unknown := a.findPresentName(ctx, ref, me)
		if unknown != nil {
			return c, nil, false, unknown
		}
		if elsewhere == nil {
			break
		}
		if !isSameName(elsewhere.Ref, ref) {
			return c, elsewhere, false, nil
		}
		a.forgetTokens(ref) // they are for another repository, which had this name before
	}
	return c, snap, pinned, err
}

func readIssue(ctx context.Context, c *github.Client, ref incident.Ref, me string) (snap *ports.Snapshot,
	pinned bool, err error) {
	var is issue
	if _, err := call(ctx, c, http.MethodGet, issuePath(ref), nil, &is); err != nil {
		if s := statusOf(err); s == http.StatusNotFound || s == http.StatusGone ||
			s == http.StatusMovedPermanently {
			v := classify(err)
			return &ports.Snapshot{Ref: ref, Gone: true,
				Refused: &ports.Refusal{Status: v.status, Reason: v.reason, Err: err}}, false, nil
		}
		return nil, false, describeError("read the issue", ref.String(), err)
	}
	if err := is.complete("read the issue", ref.String()); err != nil {
		return nil, false, err
	}
	at, ok := placeOf(is.URL)
	if !ok || isSameName(at, ref) {
		at = ref
	}
	snap = snapshotOf(at, is)
	snap.Own = naming.Equal(snap.Author, me)
	if is.Pull != nil || at != ref {
		return snap, false, nil
	}
	l := &issueReader{me: me}
	if p := is.Pinned; p != nil && l.isCard(p.Body, p.User.Login) {
		snap.Card = &ports.Card{ID: p.ID, Body: p.Body, Pinned: true, Updated: p.Updated.UTC()}
		return snap, true, nil
	}
	return snap, false, nil
}

func snapshotOf(ref incident.Ref, is issue) *ports.Snapshot {
	s := &ports.Snapshot{
		Ref: ref, ID: is.ID, Title: is.Title, Body: is.Body, Author: nameOf(&is.User), AuthorBot: is.User.Type == "Bot",
		Created: is.Created.UTC(), Updated: is.Updated.UTC(), URL: is.URL, Pull: is.Pull != nil, Locked: is.Locked,
		Open: is.State == "open", Reason: is.Reason, Comments: is.Comments,
	}
	for _, l := range is.Labels {
		s.Labels = append(s.Labels, l.Name)
	}
	for _, u := range is.Assignees {
		s.Assignees = append(s.Assignees, u.Login)
	}
	return s
}

// issueReader is one look under way.
type issueReader struct {
	a    *App
	c    *github.Client
	ref  incident.Ref
	me   string
	snap *ports.Snapshot
}

// isCard reports whether a comment is the app's card; anybody could write the mark.
func (l *issueReader) isCard(body, by string) bool {
	return naming.Equal(by, l.me) && strings.Contains(body, cardMark)
}

// readPage reads one page of the timeline.
func (l *issueReader) readPage(ctx context.Context, page, size int) (items []ports.Item, next bool,
	err error) {
	var raw []item
	res, err := call(ctx, l.c, http.MethodGet, fmt.Sprintf("%s/timeline?per_page=%d&page=%d",
		issuePath(l.ref), size, page), nil, &raw)
	if err != nil {
		return nil, false, describeError("read the timeline", l.ref.String(), err)
	}
	if err := requireFields("read the timeline", l.ref.String(), field{"items", raw != nil}); err != nil {
		return nil, false, err
	}
	for _, it := range raw {
		if err := it.complete(l.ref.String()); err != nil {
			return nil, false, err
		}
		items = append(items, l.itemOf(it))
	}
	return items, res.NextPage != 0, nil
}

func (l *issueReader) itemOf(it item) ports.Item {
	by := it.Actor
	if it.Event == "commented" && it.User != nil {
		by = it.User
	}
	if it.Assigner != nil {
		by = it.Assigner
	}
	out := ports.Item{ID: fmt.Sprintf("e%d", it.ID), Event: it.Event, At: it.Created.UTC(), URL: it.URL}
	if it.Body != nil {
		out.Body = *it.Body
	}
	out.By, out.Bot = nameOf(by), by != nil && by.Type == "Bot"
	out.Own = naming.Equal(out.By, l.me) || it.App != nil && it.App.ID == l.a.o.AppID && out.Bot
	switch {
	case it.Event == "commented":
		out.ID, out.Comment = fmt.Sprintf("c%d", it.ID), it.ID
		out.Updated = it.Updated.UTC()
		out.Edited = !it.Updated.Equal(it.Created)
	case it.ID == 0 && it.Source != nil && it.Source.Issue != nil:
		out.ID = fmt.Sprintf("x%d-%d", it.Created.Unix(), it.Source.Issue.ID) // cross-references have no id
	case !it.Submitted.IsZero():
		out.At = it.Submitted.UTC()
	}
	if it.Label != nil {
		out.Label = it.Label.Name
	}
	if it.Assignee != nil {
		out.Login = it.Assignee.Login
	}
	if it.Rename != nil {
		out.Was = it.Rename.From
	}
	if r := it.Reactions; r != nil {
		out.Reacted, out.Refused = r.Plus+r.Minus+r.Confused > 0, r.Minus+r.Confused > 0
	}
	return out
}

// readWindow reads on after the cursor: one call, unless much is new or comments were deleted.
func (l *issueReader) readWindow(ctx context.Context, cursor incident.Cursor) error {
	page, size := incident.Window(cursor.Items)
	first := page
	var items []ports.Item
	for {
		some, more, err := l.readPage(ctx, page, size)
		if err != nil {
			return err
		}
		items = append(items, some...)
		if !more {
			break
		}
		page++
	}
	// Where comments were deleted the rest has moved up: something known must come before what is
	// new.
	for first > 1 && !reachesCursor(items, cursor) {
		first--
		some, _, err := l.readPage(ctx, first, size)
		if err != nil {
			return err
		}
		items = append(some, items...)
	}
	l.snap.Items, l.snap.First = items, (first-1)*size
	return nil
}

// reachesCursor reports whether something that was read comes before what is new. What says nothing
// to the product, such as that somebody was mentioned, is never noted as read.
func reachesCursor(items []ports.Item, cursor incident.Cursor) bool {
	for _, it := range items {
		// the first command of a comment
		if it.Own || cursor.Knows(it.ID, it.At) || cursor.Knows(it.ID+".0", it.At) {
			return true
		}
		switch it.Event {
		case "commented", "labeled", "unlabeled", "assigned", "unassigned", "closed", "reopened", "renamed":
			return false
		}
	}
	return false
}

// readWhole reads the timeline from its start. A card that is not pinned is found on the way; if it
// is in order, reading goes on where it says.
func (l *issueReader) readWhole(ctx context.Context, open func(*ports.Snapshot, string) (incident.Cursor,
	bool)) error {
	var items []ports.Item
	for page := 1; ; page++ {
		some, more, err := l.readPage(ctx, page, 100)
		if err != nil {
			return err
		}
		items = append(items, some...)
		for _, it := range some {
			if l.snap.Card != nil || it.Event != "commented" || !l.isCard(it.Body, it.By) {
				continue
			}
			l.snap.Card = &ports.Card{ID: it.Comment, Body: it.Body, Updated: it.Updated}
			if cursor, ok := open(l.snap, it.Body); ok {
				if cursor.Items > len(items) && more {
					return l.readWindow(ctx, cursor)
				}
				for more {
					page++
					if some, more, err = l.readPage(ctx, page, 100); err != nil {
						return err
					}
					items = append(items, some...)
				}
				l.snap.Items = items
				return nil
			}
		}
		if !more {
			break
		}
	}
	l.snap.Items, l.snap.Whole = items, true
	return nil
}

// ReadTimeline reads the whole timeline. It implements engine.GitHub.
func (a *App) ReadTimeline(ctx context.Context, ref incident.Ref) ([]ports.Item, error) {
	c, err := a.clientOf(ctx, incidents, ref)
	if err != nil {
		return nil, err
	}
	me, err := a.Login(ctx)
	if err != nil {
		return nil, err
	}
	l := &issueReader{a: a, c: c, ref: ref, me: me}
	var all []ports.Item
	for page := 1; ; page++ {
		items, more, err := l.readPage(ctx, page, 100)
		if err != nil {
			return nil, err
		}
		all = append(all, items...)
		if !more {
			return all, nil
		}
	}
}
