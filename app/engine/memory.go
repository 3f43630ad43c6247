package engine

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/wait"
)

// memory is what this process remembers of an incident while reads may be behind it. If the process
// ends, only certainty is lost: the reads of a look are still compared with each other and with
// what the webhook proves.
type memory struct {
	at time.Time // when something was noted last

	opened time.Time // when the app opened the issue

	card   int64     // the card's comment, as written last
	posted time.Time // when this process posted it; zero: another did
	wrote  time.Time // when it was written last
	seq    int       // of what was written
	state  incident.State

	updated time.Time // the newest updated_at that was read …
	looked  time.Time // … and when
	items   []Item    // the newest of its timeline that were read, without their texts

	// what was left as it is because a person may have done it, and since when
	unexplained map[string]time.Time

	said map[string]postedComment // by key, what this process posted
	// labels, assignees or the state could not be put right, as a call failed
	owed bool

	lag   time.Duration // the longest that reads were behind of late …
	lagAt time.Time     // … and when they were behind last
}

// postedComment is a comment that this process posted.
type postedComment struct {
	id  int64 // 0: the answer was lost
	at  time.Time
	lag time.Duration // how long reads had been behind of late
}

// memoryLife is how long an incident is remembered that nobody looks at.
const memoryLife = longestLag

// rememberedItems is how many of a timeline's newest items are remembered.
const rememberedItems = 50

// memoryOf returns what is remembered of an incident.
func (e *Engine) memoryOf(ref incident.Ref) memory {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.memories[ref]
}

// updateMemory changes what is remembered of an incident, and forgets incidents that nobody looked
// at for long.
func (e *Engine) updateMemory(ref incident.Ref, now time.Time, change func(*memory)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.memories[ref]
	change(&r)
	r.at = now
	e.memories[ref] = r
	if now.Sub(e.memoriesSwept) < maxLag && !now.Before(e.memoriesSwept) {
		return
	}
	e.memoriesSwept = now
	for other, r := range e.memories {
		if now.Sub(r.at) > memoryLife {
			delete(e.memories, other)
		}
	}
}

// rememberRead remembers what a look read.
func (r *reconciliation) rememberRead() {
	items := r.Snapshot.Items[max(0, len(r.Snapshot.Items)-rememberedItems):]
	kept := make([]Item, len(items))
	for i, it := range items {
		it.Body = ""
		kept[i] = it
	}
	r.updateOwnMemory(func(m *memory) {
		m.updated, m.looked, m.items, m.unexplained = r.Snapshot.Updated, r.Now, kept, r.unexplainedSince
	})
}

// rememberCard remembers the card that was written.
func (r *reconciliation) rememberCard(id int64, seq int, isNew bool) {
	now := r.Clock.Now().UTC() // a call of this look may have taken minutes
	if isNew {
		r.savePosted(id, now)
	}
	r.saveKept(writtenKey(r.Ref), fmt.Appendf(nil, "%d %d %s", id, seq, now.Format(time.RFC3339)))
	r.updateOwnMemory(func(m *memory) {
		if isNew {
			m.posted = now
		} else if m.card != id {
			m.posted = time.Time{}
		}
		m.card, m.seq, m.state, m.wrote = id, seq, r.State, now
	})
}

// writtenKey names on the shelf which card of an incident was written last: the next message may go
// to another process.
func writtenKey(ref incident.Ref) string {
	return fmt.Sprintf("wrote/%s/%d", ref.FullName(), ref.Number)
}

// loadWritten returns the number of the newest card that any process wrote into a comment, and
// when; 0 if that is unknown.
func (r *reconciliation) loadWritten(comment int64) (seq int, at time.Time) {
	var id int64
	var when string
	if _, err := fmt.Sscanf(string(r.loadKept(r.Ctx, writtenKey(r.Ref))), "%d %d %s", &id, &seq,
		&when); err != nil || id != comment {
		return 0, time.Time{}
	}
	if at, err := time.Parse(time.RFC3339, when); err == nil {
		return seq, at
	}
	return 0, time.Time{}
}

// postedKey names on the shelf when an incident's card was posted: another process may look next,
// and must not post a second one.
func postedKey(ref incident.Ref) string {
	return fmt.Sprintf("posted/%s/%d", ref.FullName(), ref.Number)
}

// savePosted keeps outside the process that the card was posted.
func (r *reconciliation) savePosted(id int64, at time.Time) {
	if r.Store == nil {
		return
	}
	text := fmt.Sprintf("%d %s", id, at.Format(time.RFC3339))
	if err := r.Store.Save(r.Ctx, postedKey(r.Ref), []byte(text)); err != nil {
		r.Logger.Warn("posted card not noted", "incident", r.Ref.String(), "err", ports.Redact(err))
	}
}

// loadPosted returns the card that this process or another posted last, and when; 0 if that is
// unknown.
func (r *reconciliation) loadPosted(m memory) (id int64, at time.Time) {
	if m.card != 0 || r.Store == nil {
		return m.card, m.posted
	}
	text, err := r.Store.Load(r.Ctx, postedKey(r.Ref))
	if err != nil {
		r.Logger.Warn("posted card not readable", "incident", r.Ref.String(), "err", ports.Redact(err))
		return 0, time.Time{}
	}
	number, when, _ := strings.Cut(string(text), " ")
	id, err1 := strconv.ParseInt(number, 10, 64)
	at, err2 := time.Parse(time.RFC3339, when)
	if err1 != nil || err2 != nil {
		return 0, time.Time{}
	}
	return id, at
}

// RememberComment remembers a comment that was posted with its keys, or is about to be: then id is 0,
// and another process, if this one ends, waits before it posts it again.
func (r *reconciliation) RememberComment(id int64, keys []string) {
	now := r.Clock.Now().UTC()
	r.changeComments(func(said map[string]postedComment, lag time.Duration) {
		for _, k := range keys {
			said[k] = postedComment{id, now, lag}
		}
	})
}

// ForgetComment forgets comments that GitHub did not take.
func (r *reconciliation) ForgetComment(keys []string) {
	r.changeComments(func(said map[string]postedComment, _ time.Duration) {
		for _, k := range keys {
			delete(said, k)
		}
	})
}

// changeComments changes what is remembered of the recent comments, and saves it.
func (r *reconciliation) changeComments(change func(said map[string]postedComment, lag time.Duration)) {
	r.commentsMu.Lock() // of two that are posted at once the later save has both
	defer r.commentsMu.Unlock()
	var all map[string]postedComment
	r.updateOwnMemory(func(m *memory) {
		said := map[string]postedComment{} // a copy: who read m goes on reading
		for k, m := range m.said {
			if r.Now.Sub(m.at) < r.commentLife(k) {
				said[k] = m
			}
		}
		change(said, m.recentLag(r.Now))
		m.said, all = said, said
	})
	r.saveComments(all)
}

func (r *reconciliation) updateOwnMemory(change func(*memory)) {
	r.updateMemory(r.Ref, r.Now, change)
}

// addRecentComments adds the comments that this process or another posted just now, which the
// timeline may not show yet.
func (r *reconciliation) addRecentComments() {
	said := r.loadComments()
	r.updateOwnMemory(func(m *memory) { // what this look saves is all that is known, not its own alone
		maps.Copy(said, m.said)
		m.said = maps.Clone(said)
	})
	var found []string // of which it was not known
	for k, m := range said {
		switch {
		case m.id == 0 && r.Posted[k] != 0 && r.State.SaysLate(k):
			found = append(found, k)
		case r.IsPosted(k) || r.Now.Sub(m.at) >= r.commentLife(k):
		case m.id == 0:
			r.doubted[k] = m
		case m.id != r.deletedComment():
			r.Posted[k] = m.id
		}
	}
	if len(found) > 0 {
		r.changeComments(func(said map[string]postedComment, _ time.Duration) {
			for _, k := range found {
				m := said[k]
				m.id = r.Posted[k]
				said[k] = m
			}
		})
	}
}

// lateLife is how long a comment is remembered that says what came of something: the card may be refused for hours
// that knows what was said, while the timeline is read from behind that comment on.
const lateLife = 24 * time.Hour

// commentLife returns how long a comment with a key is remembered.
func (r *reconciliation) commentLife(key string) time.Duration {
	if r.State.SaysLate(key) {
		return lateLife
	}
	return maxLag
}

// rememberLag remembers how long reads have been behind by now.
func (r *reconciliation) rememberLag(waited time.Duration) {
	r.updateOwnMemory(func(m *memory) { m.lag, m.lagAt = max(waited, m.recentLag(r.Now)), r.Now })
}

// recentLag returns the longest that reads were behind, if they were of late.
func (m memory) recentLag(now time.Time) time.Duration {
	if now.Sub(m.lagAt) > longestLag {
		return 0
	}
	return m.lag
}

// How long a comment is not posted again whose answer was lost: GitHub may have it, and the
// timeline be behind. That is seconds as a rule, and somebody waits for the answer; a page waits
// less. Where reads were behind for longer of late, it waits for that long.
const (
	doubtPage    = 3 * time.Second
	doubtComment = 5 * time.Second
)

// AwaitDoubted returns a *RetryAfter while a comment with one of these keys may exist, as the
// answer to it was lost.
func (r *reconciliation) AwaitDoubted(keys []string) error {
	for _, k := range keys {
		m, ok := r.doubted[k]
		if !ok {
			continue
		}
		at, doubt, longest := m.at, doubtComment, maxLag
		if strings.HasPrefix(k, "page/") {
			doubt, longest = doubtPage, maxLagOfPage
		}
		if lag := max(m.lag, r.memoryOf(r.Ref).recentLag(r.Now)); lag > 0 {
			doubt = max(doubt, min(lag+wait.ForReads(lag), longest))
		}
		if waited := r.Now.Sub(at); r.isTimelineBehind(at) && waited < longest {
			doubt = waited + wait.ForReads(waited)
		}
		if r.Now.Sub(at) < doubt {
			return &RetryAfter{Until: at.Add(doubt),
				Err: fmt.Errorf("%w: the comment %s of %s may be there, and its answer was lost", ErrNotYet,
					k, r.Ref)}
		}
	}
	return nil
}

// isTimelineBehind reports whether the issue was updated at or after a time from which on its
// timeline shows nothing. GitHub updates an issue with each comment, and the two are read from
// different servers.
func (r *reconciliation) isTimelineBehind(since time.Time) bool {
	since = since.Truncate(time.Second) // as GitHub's times are
	return !r.Snapshot.Updated.Before(since) && newestTime(r.Snapshot.Items).Before(since)
}

// commentsKey names on the shelf what was said of late: the process that looks next may be another
// one, before the timeline shows it.
func commentsKey(ref incident.Ref) string {
	return fmt.Sprintf("said/%s/%d", ref.FullName(), ref.Number)
}

// saveComments saves the recent comments: a line for each key, with its comment, the time and by
// how many seconds reads were behind. The next look may be another process's.
func (r *reconciliation) saveComments(said map[string]postedComment) {
	if r.Store == nil {
		return
	}
	var text strings.Builder
	for _, k := range slices.Sorted(maps.Keys(said)) {
		m := said[k]
		fmt.Fprintf(&text, "%d %d %s %d\n", m.id, m.at.Unix(), k, int(m.lag/time.Second))
	}
	if err := r.Store.Save(r.Ctx, commentsKey(r.Ref), []byte(text.String())); err != nil {
		r.Logger.Warn("comments of late not noted", "incident", r.Ref.String(), "err", ports.Redact(err))
	}
}

// loadComments returns the recent comments, as any process saved them.
func (r *reconciliation) loadComments() map[string]postedComment {
	said := map[string]postedComment{}
	if r.Store == nil {
		return said
	}
	text, err := r.Store.Load(r.Ctx, commentsKey(r.Ref))
	if err != nil {
		r.Logger.Warn("comments of late not known", "incident", r.Ref.String(), "err", ports.Redact(err))
		return said
	}
	for line := range strings.Lines(string(text)) {
		var id, at, lag int64
		var key string
		// Versions before this one did not write the lag.
		if n, _ := fmt.Sscanf(line, "%d %d %s %d", &id, &at, &key, &lag); n >= 3 {
			said[key] = postedComment{id, time.Unix(at, 0).UTC(), time.Duration(lag) * time.Second}
		}
	}
	return said
}

// deletedComment returns the comment whose deletion the message reports, or 0.
func (r *reconciliation) deletedComment() int64 {
	if r.m.Floor == nil {
		return 0
	}
	return r.m.Floor.Deleted
}

// rememberUnfinished remembers whether a call failed before all was done that follows from the
// state.
func (r *reconciliation) rememberUnfinished() {
	r.updateOwnMemory(func(m *memory) { m.owed = r.hasUnfinished })
}
