package store

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/metrics"
	"github.com/firebreak-dev/firebreak/app/wait"
)

// Run hands out due messages until ctx ends: one message per incident at a time, in order, several
// incidents at once. A message is deleted when handle returns nil or engine.ErrNotLooked, so after
// a crash it is handed out again.
//
// Run returns an error when the queue can't be written: what was done could not be recorded, and
// would be done again without end. Once ctx has ended nothing is started, and the looks under way
// have Patience to end. Then the context of handle ends too, and its message stays as it was.
func (s *Store) Run(ctx context.Context, handle func(context.Context, engine.Message) error) error {
	ctx, giveUp := context.WithCancel(ctx)
	working, stop := s.extend(ctx)
	defer stop()
	defer s.watchPeers(ctx, stop)()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer s.markEnded()
	defer giveUp() // what is under way has as long to end as where ctx ended
	for ctx.Err() == nil {
		s.mu.Lock()
		changed, broken := s.changed, s.broken
		s.mu.Unlock()
		if broken != nil {
			return broken
		}
		if err := s.ingest(ctx); err != nil {
			return dropIfEnded(ctx, err)
		}
		if err := s.fireTimers(ctx); err != nil {
			return dropIfEnded(ctx, err)
		}
		due, next, err := s.listDue()
		if err != nil {
			return err
		}
		// Reports that arrived before a message is handed out are counted with it, or answered by
		// the same look.
		if err := s.ingest(ctx); err != nil {
			return dropIfEnded(ctx, err)
		}
		s.takeTurns(due)
		for _, ref := range due {
			if s.acquire(ref) {
				wg.Go(func() {
					defer s.release(ref)
					s.processAlone(ctx, working, ref, handle)
				})
			}
		}
		s.recordRound()
		s.waitForWork(ctx, changed, next)
	}
	return nil
}

// watchPeers watches whether this process has its locks until the function that it returns is called, which
// is once nothing is under way any more: also what has Patience to end must end at once without them.
func (s *Store) watchPeers(ctx context.Context, cut func()) (end func()) {
	if s.peers == nil {
		return func() {}
	}
	watching, unwatch := context.WithCancel(context.WithoutCancel(ctx))
	var watch sync.WaitGroup
	watch.Go(func() {
		if err := s.peers.watch(watching, s.Wake); err != nil {
			cut()
			s.stop(err)
			s.Wake()
		}
	})
	return func() { unwatch(); watch.Wait() }
}

// extend returns a context that ends Patience after ctx, and a function that ends it at once.
func (s *Store) extend(ctx context.Context) (working context.Context, stop func()) {
	working, cut := context.WithCancel(context.WithoutCancel(ctx))
	ended := context.AfterFunc(ctx, func() {
		if s.Patience > 0 {
			time.AfterFunc(s.Patience, cut)
			return
		}
		cut()
	})
	return working, func() { ended(); cut() }
}

// markEnded records that nothing is handed out any more.
func (s *Store) markEnded() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hasEnded = true
}

// dropIfEnded returns nil instead of an error that is caused by the end of ctx.
func dropIfEnded(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// acquire reserves an incident for a worker and reports whether one is free. release wakes Run, so
// nothing is forgotten.
func (s *Store) acquire(ref string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, busy := s.running[ref]; busy || len(s.running) >= maxWorkers || s.isHeld(ref) || s.peers.isElsewhere(ref) {
		return false
	}
	account := accountOf(ref)
	switch n := s.countOf(account); {
	case n >= accountWorkers, n > 0 && len(s.running) >= maxWorkers-freeWorkers,
		incident.IsSearchGroup(ref) && s.countOf(account, incident.IsSearchGroup) >= maxSearches,
		incident.IsChatGroup(ref) && s.countOf(account, incident.IsChatGroup) >= maxChats:
		return false
	}
	s.looks++
	s.running[ref], s.served[account] = 0, s.looks
	return true
}

// takeTurns sorts what is due so that the account comes first whose last look began first. The order within
// an account stays, and what is done apart stays last.
func (s *Store) takeTurns(due []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kind := func(group string) int {
		switch {
		case incident.IsChatGroup(group):
			return 2
		case incident.IsSearchGroup(group):
			return 1
		}
		return 0
	}
	slices.SortStableFunc(due, func(a, b string) int {
		return cmp.Or(cmp.Compare(kind(a), kind(b)), cmp.Compare(s.served[accountOf(a)], s.served[accountOf(b)]))
	})
}

// accountOf returns whose incident a group is of. GitHub's names are the same in any case.
func accountOf(group string) string {
	owner, _, _ := strings.Cut(group, "/")
	return strings.ToLower(strings.TrimPrefix(owner[strings.LastIndexByte(owner, ' ')+1:], "~"))
}

// countOf returns how many groups of an account are under way that are all of these.
func (s *Store) countOf(account string, are ...func(group string) bool) (n int) {
	for ref := range s.running {
		if accountOf(ref) == account && !slices.ContainsFunc(are, func(is func(string) bool) bool { return !is(ref) }) {
			n++
		}
	}
	return n
}

const (
	// turns is how many groups of an account are read at once: so many may be under way, and so many begin.
	turns = 2 * accountWorkers
	// listed is how many groups are read at once: those under way, those that may begin, and those that have
	// to wait for others of their account.
	listed = 8 * maxWorkers
)

func (s *Store) release(ref string) {
	s.mu.Lock()
	delete(s.running, ref)
	delete(s.ends, ref)
	s.mu.Unlock()
	s.Wake()
}

// assign records which message an incident is looked at for.
func (s *Store) assign(ref string, id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running[ref] = id
}

// isUnderWay reports whether a message may be under way, here or in another process. It stays so until
// the transaction ends.
func (s *Store) isUnderWay(tx transaction, ref string, id int64) (bool, error) {
	s.mu.Lock()
	now, busy := s.running[ref]
	s.mu.Unlock()
	if busy || s.peers == nil {
		return busy && (now == 0 || now == id), nil
	}
	return s.peers.isBusy(tx, ref)
}

// waitForWork waits for a change or for the next due time. The clock may run faster than the wall
// clock, or jump, so it is read every second while something is scheduled.
func (s *Store) waitForWork(ctx context.Context, changed <-chan struct{}, next time.Time) {
	s.mu.Lock()
	s.isWaiting = true
	if len(s.holds) > 0 && next.IsZero() { // their time is another than the clock's
		next = s.clock.Now().Add(time.Second)
	}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.isWaiting, s.lastRound = false, time.Now()
		s.mu.Unlock()
	}()
	tick := s.peers.tick()
	if !next.IsZero() {
		timer := time.NewTimer(min(next.Sub(s.clock.Now()), time.Second))
		defer timer.Stop()
		tick = timer.C
	}
	select {
	case <-changed:
	case <-tick:
	case <-ctx.Done():
	}
}

// fireTimers turns due timers into messages.
func (s *Store) fireTimers(ctx context.Context) error {
	now := s.clock.Now()
	rows, err := s.selectTimers.Query(now.UnixNano())
	if err != nil {
		return withAdvice("read the timers", s.path, err)
	}
	type timer struct {
		ref string
		due int64
	}
	var due []timer
	for rows.Next() {
		var t timer
		if err := rows.Scan(&t.ref, &t.due); err != nil {
			return errors.Join(err, rows.Close())
		}
		due = append(due, t)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil || len(due) == 0 {
		return err
	}
	return s.write(ctx, func(tx transaction) error {
		for _, t := range due {
			if soonest := s.firedAt[t.ref].Add(wait.Least); now.Before(soonest) && !now.Before(s.firedAt[t.ref]) {
				// A timer that is set for the past fires once a second at most.
				if _, err := tx.Exec(`UPDATE timers SET due = ? WHERE ref = ? AND due = ?`,
					soonest.UnixNano(), t.ref, t.due); err != nil {
					return err
				}
				continue
			}
			// Only if it hasn't been set again since.
			res, err := tx.Exec(`DELETE FROM timers WHERE ref = ? AND due = ?`, t.ref, t.due)
			if err != nil {
				return err
			}
			if n, err := res.RowsAffected(); err != nil || n == 0 {
				continue
			}
			s.recordFired(t.ref, now)
			ref, err := incident.ParseRef(t.ref)
			if err != nil {
				return err
			}
			body, err := json.Marshal(engine.Message{Ref: ref, Why: "clock", Due: time.Unix(0, t.due).UTC()})
			if err != nil {
				return err
			}
			if joined, err := s.joinTimer(tx, t.ref, t.due, body); joined || err != nil {
				if err != nil {
					return err
				}
				continue
			}
			if _, err := tx.Exec(`INSERT INTO messages (ref, delivery, light, body, due) VALUES (?, '', ?, ?, ?)`,
				t.ref, rankTimer, body, t.due); err != nil {
				return err
			}
		}
		return nil
	})
}

// recordFired records when a timer fired, for as long as that matters.
func (s *Store) recordFired(ref string, now time.Time) {
	if len(s.firedAt) >= maxFired {
		maps.DeleteFunc(s.firedAt, func(_ string, at time.Time) bool { return now.Sub(at) >= wait.Least })
	}
	s.firedAt[ref] = now
}

// maxFired is how many timers' last times are kept before old ones are deleted.
const maxFired = 1000

// joinTimer replaces an earlier timer message of the incident that waits for its next try, unless
// that is assigned. The new one gets a new id: a look that is under way began before this timer
// fired, and does not answer it.
func (s *Store) joinTimer(tx transaction, ref string, due int64, body []byte) (bool, error) {
	tried, joined, err := s.removeAlike(tx, ref, func(m engine.Message, _ []byte) bool {
		return m.Why == "clock" && m.IsBare()
	})
	if joined {
		_, err = tx.Exec(`INSERT INTO messages (ref, delivery, light, body, due, tries) VALUES (?, '', ?, ?, ?, ?)`,
			ref, rankTimer, body, due, tried)
	}
	return joined, err
}

// joinSweep replaces an earlier request of the sweep that waits for its next try: the sweep runs
// every five minutes, also while GitHub is down for a day.
func (s *Store) joinSweep(tx transaction, m engine.Message, due int64, body []byte) (bool, error) {
	tried, joined, err := s.removeAlike(tx, m.Ref.String(), func(before engine.Message, text []byte) bool {
		return before.Why == "sweep" && bytes.Equal(text, body)
	})
	if joined {
		_, err = tx.Exec(`INSERT INTO messages (ref, delivery, light, body, due, tries) VALUES (?, '', ?, ?, ?, ?)`,
			m.Ref.String(), rankOf(m), body, due, tried)
	}
	return joined, err
}

// removeAlike deletes an incident's newest message that is alike, and returns how often it was
// tried. A message that is assigned stays.
func (s *Store) removeAlike(tx transaction, ref string,
	isAlike func(m engine.Message, body []byte) bool) (tried int, ok bool, err error) {
	rows, err := tx.Query(`SELECT id, body, tries FROM messages
		WHERE ref = ? AND delivery = '' AND dead = '' ORDER BY id DESC`, ref)
	if err != nil {
		return 0, false, err
	}
	type candidate struct {
		id    int64
		tried int
	}
	var alike []candidate
	for rows.Next() && err == nil {
		var c candidate
		var body []byte
		var m engine.Message
		if err = rows.Scan(&c.id, &body, &c.tried); err == nil && json.Unmarshal(body, &m) == nil && isAlike(m, body) {
			alike = append(alike, c)
		}
	}
	if err = errors.Join(err, rows.Err(), rows.Close()); err != nil {
		return 0, false, err
	}
	for _, c := range alike {
		isUnderWay, err := s.isUnderWay(tx, ref, c.id)
		if isUnderWay || err != nil {
			if err != nil {
				return 0, false, err
			}
			continue
		}
		_, err = tx.Exec(`DELETE FROM messages WHERE id = ?`, c.id)
		return c.tried, err == nil, err
	}
	return 0, false, nil
}

// listDue returns the incidents that are due, in turns of the accounts, the longest due of each first and at
// least as many as can start now, and the time at which more may be due.
func (s *Store) listDue() (refs []string, next time.Time, err error) {
	now := s.clock.Now().UnixNano()
	s.mu.Lock()
	held := len(s.holds) + s.peers.elsewhereNow()
	s.mu.Unlock()
	// Timers first: one that becomes a message between the two reads is seen by the second. The other
	// way round neither would see it.
	var later sql.NullInt64
	var isAnyDue bool
	if err := s.selectLater.QueryRow(now, now).Scan(&later, &isAnyDue); err != nil {
		return nil, next, withAdvice("read the queue", s.path, err)
	}
	if later.Valid {
		next = time.Unix(0, later.Int64) // a timer may have become due since fireTimers looked
	}
	if !isAnyDue {
		return nil, next, nil
	}
	rows, err := s.selectDue.Query(now, turns+held, listed+held)
	if err != nil {
		return nil, next, withAdvice("read the queue", s.path, err)
	}
	for rows.Next() {
		var ref string
		if err := rows.Scan(&ref); err != nil {
			return nil, next, withAdvice("read the queue", s.path, errors.Join(err, rows.Close()))
		}
		refs = append(refs, ref)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, next, withAdvice("read the queue", s.path, err)
	}
	return refs, next, nil
}

// job is a message to hand out.
type job struct {
	id    int64
	last  int64 // newest message of the incident by now
	due   int64
	body  []byte
	tries int
	count int // of a signal: how often it was said

	isReport bool // it may be joined with others
}

// nextJob returns the message of an incident that is to be handed out now: the first by order or,
// while that waits for its next try, an urgent one.
func (s *Store) nextJob(ref string) (j job, err error) {
	read := func(row *sql.Row) error {
		return row.Scan(&j.id, &j.last, &j.due, &j.body, &j.tries, &j.count, &j.isReport)
	}
	err = read(s.selectHead.QueryRow(ref))
	if now := s.clock.Now().UnixNano(); err == nil && j.due > now {
		if urgent := read(s.selectUrgent.QueryRow(ref, now)); !errors.Is(urgent, sql.ErrNoRows) {
			return j, urgent
		}
	}
	return j, err
}

// processAlone calls process unless another process is at the incident.
func (s *Store) processAlone(ctx, working context.Context, ref string,
	handle func(context.Context, engine.Message) error) {
	if s.peers == nil {
		s.process(ctx, working, ref, handle)
		return
	}
	isMine, err := s.peers.take(working, ref)
	if err != nil {
		s.stop(withAdvice("take "+ref+" in", s.path, err))
		return
	}
	if !isMine {
		return
	}
	s.process(ctx, working, ref, handle)
	if err := s.peers.give(context.WithoutCancel(working), ref); err != nil {
		s.stop(withAdvice("leave "+ref+" in", s.path, err))
	}
}

// process hands out an incident's next message, with the context working, and then deletes it,
// keeps it for a retry, or puts it aside.
func (s *Store) process(ctx, working context.Context, ref string,
	handle func(context.Context, engine.Message) error) {
	if ctx.Err() != nil {
		return // it ended since Run looked: nothing is begun any more
	}
	j, err := s.nextJob(ref)
	if errors.Is(err, sql.ErrNoRows) || err == nil && j.due > s.clock.Now().UnixNano() {
		return // somebody was here since Run looked
	}
	if err != nil {
		s.stop(withAdvice("read the queue", s.path, err))
		return
	}
	s.Metrics.Record(metrics.QueueAge, s.clock.Now().Sub(time.Unix(0, j.due)).Seconds())
	s.assign(ref, j.id)
	if err := s.sealForPeers(ctx, j); err != nil {
		s.stop(err)
		return
	}
	began := s.clock.Now()
	var m engine.Message
	if err = json.Unmarshal(j.body, &m); err == nil {
		if s := m.Signal(); s != nil {
			s.Count = j.count
		}
		err = s.handleInTime(working, m, handle)
	}
	if err != nil && working.Err() != nil {
		return // it ends: the message stays as it was
	}
	var later *engine.RetryAfter
	isAside := false
	now := s.clock.Now()
	change := func(tx transaction) error {
		_, err := tx.Exec(`DELETE FROM messages WHERE id = ? OR (`+answeredByLook+`)`, j.id, ref, j.last,
			began.UnixNano())
		return err
	}
	switch {
	case err == nil:
	case errors.Is(err, engine.ErrNotLooked):
		change = func(tx transaction) error {
			_, err := tx.Exec(`DELETE FROM messages WHERE id = ?`, j.id)
			return err
		}
	case errors.As(err, &later):
		change = func(tx transaction) error {
			_, err := tx.Exec(`UPDATE messages SET due = ?`+s.sealOrOpen(!later.IsIdle)+` WHERE id = ?`,
				wait.Until(later.Until, now, wait.Message).UnixNano(), j.id)
			return err
		}
	case j.tries+1 >= maxTries && !errors.Is(err, engine.ErrUnavailable), j.tries+1 >= maxHungTries &&
		errors.Is(err, errHung):
		isAside = true
		s.log.Error("message put aside: deliver it again once the cause is fixed", "incident", ref,
			"delivery", m.Delivery, "tries", j.tries+1, "err", err)
		change = func(tx transaction) error {
			_, e := tx.Exec(`UPDATE messages SET dead = ?, tries = tries + 1 WHERE id = ?`, err.Error(), j.id)
			return e
		}
	default:
		rest := wait.Backoff(minRetryDelay, j.tries, maxRetryDelay)
		s.log.Warn("look failed: trying again", "incident", ref, "in", rest, "tries", j.tries+1, "err", err)
		change = func(tx transaction) error {
			_, err := tx.Exec(`UPDATE messages SET due = ?, tries = tries + 1`+sealClause(true)+` WHERE id = ?`,
				now.Add(rest).UnixNano(), j.id)
			return err
		}
	}
	if errWrite := s.write(context.WithoutCancel(ctx), change); errWrite != nil {
		s.stop(fmt.Errorf("note what was done for %s: %w", ref, errWrite))
		return
	}
	if isAside {
		s.reportDead(context.WithoutCancel(ctx), m, err)
	}
}

// sealClause returns the SQL that keeps a message from being joined any more, if isSealed. A look
// that failed may have recorded what the message counts, and recognises it by its newest report:
// what came after that must be counted separately.
func sealClause(is bool) string {
	if !is {
		return ""
	}
	return sealKey
}

// sealForPeers seals a report that is about to be handed out: if this process ends, the one that takes it
// over does not know that it may be recorded already.
func (s *Store) sealForPeers(ctx context.Context, j job) error {
	if s.peers == nil || !j.isReport {
		return nil
	}
	return s.write(ctx, func(tx transaction) error {
		_, err := tx.Exec(`UPDATE messages SET count = count`+sealKey+` WHERE id = ?`, j.id)
		return err
	})
}

// sealOrOpen is sealClause for a message that may have been sealed for other processes: one that waits on
// purpose is open again.
func (s *Store) sealOrOpen(isSealed bool) string {
	if s.peers != nil && !isSealed {
		return `, key = rtrim(key)`
	}
	return sealClause(isSealed)
}

const sealKey = `, key = CASE WHEN key = '' THEN '' ELSE rtrim(key) || ' ' END`

// reportDead enqueues a message that lets the incident say that a message was put aside.
func (s *Store) reportDead(ctx context.Context, m engine.Message, cause error) {
	told, ok := engine.AsideMessage(m, cause)
	if !ok {
		return
	}
	if err := s.Enqueue(ctx, told, time.Time{}); err != nil {
		s.log.Error("message put aside, and its incident not told", "incident", m.Ref.String(), "err", err)
	}
}

// stop makes Run return err.
func (s *Store) stop(err error) {
	// At once: a look under way may still take a while.
	s.log.Error("queue worker stopped: the queue fails", "err", err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = err
}

// recoverPanics calls handle and turns a panic into an error: one incident must not end the others.
func recoverPanics(ctx context.Context, m engine.Message,
	handle func(context.Context, engine.Message) error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("handle %s: panic: %v\n%s", m.Ref, r, debug.Stack())
		}
	}()
	return handle(ctx, m)
}
