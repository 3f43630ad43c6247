package engine

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// recent is what this process remembers of an incident while reads may be behind it. It is lost with the process, and costs
// nothing then but certainty: the reads of a look are still held against each other, and against what its webhook proves.
type recent struct {
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

	unexplained map[string]time.Time // what was left as it is because a person may have done it, and since when

	said map[string]remark // by key, what this process posted
	owed bool              // labels, assignees or the state could not be put right, as a call failed
}

// remark is a comment that this process posted.
type remark struct {
	id int64
	at time.Time
}

// remembrance is how long an incident is remembered that nobody looks at.
const remembrance = longestLag

// keptItems is how many of a timeline's newest items are remembered.
const keptItems = 50

// recentOf returns what is remembered of an incident.
func (e *Engine) recentOf(ref incident.Ref) recent {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.recents[ref]
}

// noteRecent changes what is remembered of an incident, and forgets those that nobody looked at for long.
func (e *Engine) noteRecent(ref incident.Ref, now time.Time, change func(*recent)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.recents[ref]
	change(&r)
	r.at = now
	e.recents[ref] = r
	if now.Sub(e.swept) < lagging && !now.Before(e.swept) {
		return
	}
	e.swept = now
	for other, r := range e.recents {
		if now.Sub(r.at) > remembrance {
			delete(e.recents, other)
		}
	}
}

// noteRead remembers what a look read.
func (p *pass) noteRead() {
	items := p.snap.Items[max(0, len(p.snap.Items)-keptItems):]
	kept := make([]Item, len(items))
	for i, it := range items {
		it.Body = ""
		kept[i] = it
	}
	p.noteHere(func(r *recent) {
		r.updated, r.looked, r.items, r.unexplained = p.snap.Updated, p.now, kept, p.unexplained
	})
}

// noteCard remembers the card that was written.
func (p *pass) noteCard(id int64, seq int, isNew bool) {
	if isNew {
		p.keepPosted(id)
	}
	p.putAway(wroteName(p.m.Ref), fmt.Appendf(nil, "%d %d %s", id, seq, p.now.Format(time.RFC3339)))
	p.noteHere(func(r *recent) {
		if isNew {
			r.posted = p.now
		} else if r.card != id {
			r.posted = time.Time{}
		}
		r.card, r.seq, r.state, r.wrote = id, seq, p.state, p.now
	})
}

// wroteName names on the shelf which card of an incident was written last: the next message may go to another process.
func wroteName(ref incident.Ref) string {
	return fmt.Sprintf("wrote/%s/%d", ref.FullName(), ref.Number)
}

// findWritten returns the number of the newest card that any process wrote into a comment, and when; 0: nobody knows of one.
func (p *pass) findWritten(comment int64) (seq int, at time.Time) {
	var id int64
	var when string
	if _, err := fmt.Sscanf(string(p.keptBy(p.ctx, wroteName(p.m.Ref))), "%d %d %s", &id, &seq, &when); err != nil || id != comment {
		return 0, time.Time{}
	}
	if at, err := time.Parse(time.RFC3339, when); err == nil {
		return seq, at
	}
	return 0, time.Time{}
}

// postedName names on the shelf when an incident's card was posted: another process may look next, and must not post a second one.
func postedName(ref incident.Ref) string {
	return fmt.Sprintf("posted/%s/%d", ref.FullName(), ref.Number)
}

// keepPosted keeps outside the process that the card was posted.
func (p *pass) keepPosted(id int64) {
	if p.Shelf == nil {
		return
	}
	text := fmt.Sprintf("%d %s", id, p.now.Format(time.RFC3339))
	if err := p.Shelf.Keep(p.ctx, postedName(p.m.Ref), []byte(text)); err != nil {
		p.Logger.Warn("posted card not noted", "incident", p.m.Ref.String(), "err", brief(err))
	}
}

// findPosted returns the card that this process or another posted last, and when; 0: nobody knows of one.
func (p *pass) findPosted(r recent) (id int64, at time.Time) {
	if r.card != 0 || p.Shelf == nil {
		return r.card, r.posted
	}
	text, err := p.Shelf.Kept(p.ctx, postedName(p.m.Ref))
	if err != nil {
		p.Logger.Warn("posted card not readable", "incident", p.m.Ref.String(), "err", brief(err))
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

// noteSaid remembers a comment that was posted with its keys.
func (p *pass) noteSaid(id int64, keys []string) {
	var all map[string]remark
	p.noteHere(func(r *recent) {
		said := map[string]remark{} // a copy: who read r goes on reading
		for k, m := range r.said {
			if p.now.Sub(m.at) < lagging {
				said[k] = m
			}
		}
		for _, k := range keys {
			said[k] = remark{id, p.now}
		}
		r.said, all = said, said
	})
	p.keepSaid(all)
}

func (p *pass) noteHere(change func(*recent)) { p.noteRecent(p.m.Ref, p.now, change) }

// addSaid adds what was said just now, by this process or another, and the timeline may not show yet.
func (p *pass) addSaid() {
	said := p.keptSaid()
	for k, m := range p.recentOf(p.m.Ref).said {
		said[k] = m
	}
	for k, m := range said {
		switch {
		case p.said(k) || p.now.Sub(m.at) >= lagging:
		case m.id == 0:
			p.doubted[k] = m.at
		case m.id != p.deleted():
			p.done[k] = m.id
		}
	}
}

// How long a comment is not posted again whose answer was lost: GitHub may have it, and the timeline be behind. That is seconds as a
// rule, and somebody waits for the answer; a page waits less.
const (
	doubtPage    = 3 * time.Second
	doubtComment = 5 * time.Second
)

// inDoubt returns a *Later while a comment with these markers may be there already.
func (p *pass) inDoubt(keys []string) error {
	for _, k := range keys {
		at, ok := p.doubted[k]
		if !ok {
			continue
		}
		doubt, longest := doubtComment, lagging
		if strings.HasPrefix(k, "page/") {
			doubt, longest = doubtPage, laggingBriefly
		}
		if waited := p.now.Sub(at); p.isTimelineBehind(at) && waited < longest {
			doubt = waited + pause(waited)
		}
		if p.now.Sub(at) < doubt {
			return &Later{Until: at.Add(doubt), Err: fmt.Errorf("%w: the comment %s of %s may be there, and its answer was lost", ErrNotYet, k, p.m.Ref)}
		}
	}
	return nil
}

// isTimelineBehind reports whether the issue was updated at or after a time from which on its timeline shows nothing. GitHub updates
// an issue with each comment, and the two are read from different servers.
func (p *pass) isTimelineBehind(since time.Time) bool {
	since = since.Truncate(time.Second) // as GitHub's times are
	return !p.snap.Updated.Before(since) && newestOf(p.snap.Items).Before(since)
}

// saidName names on the shelf what was said of late: the process that looks next may be another one, before the timeline shows it.
func saidName(ref incident.Ref) string {
	return fmt.Sprintf("said/%s/%d", ref.FullName(), ref.Number)
}

// keepSaid keeps outside the process what was said of late: a line for each key, with its comment and the time.
func (p *pass) keepSaid(said map[string]remark) {
	if p.Shelf == nil {
		return
	}
	var text strings.Builder
	for _, k := range slices.Sorted(maps.Keys(said)) {
		fmt.Fprintf(&text, "%d %d %s\n", said[k].id, said[k].at.Unix(), k)
	}
	if err := p.Shelf.Keep(p.ctx, saidName(p.m.Ref), []byte(text.String())); err != nil {
		p.Logger.Warn("comments of late not noted", "incident", p.m.Ref.String(), "err", brief(err))
	}
}

// keptSaid returns what was said of late, as any process kept it.
func (p *pass) keptSaid() map[string]remark {
	said := map[string]remark{}
	if p.Shelf == nil {
		return said
	}
	text, err := p.Shelf.Kept(p.ctx, saidName(p.m.Ref))
	if err != nil {
		p.Logger.Warn("comments of late not known", "incident", p.m.Ref.String(), "err", brief(err))
		return said
	}
	for line := range strings.Lines(string(text)) {
		var id, at int64
		var key string
		if n, err := fmt.Sscanf(line, "%d %d %s", &id, &at, &key); err == nil && n == 3 {
			said[key] = remark{id, time.Unix(at, 0).UTC()}
		}
	}
	return said
}

// deleted returns the comment whose deletion the message tells of, or 0.
func (p *pass) deleted() int64 {
	if p.m.Floor == nil {
		return 0
	}
	return p.m.Floor.Deleted
}

// noteOwed remembers whether a call failed before all was done that follows from the state.
func (p *pass) noteOwed() {
	p.noteHere(func(r *recent) { r.owed = p.isOwing })
}
