package store

import (
	"context"
	"errors"
	"runtime"
)

// write is a change that waits for its commit, or a message that arrived.
type write struct {
	do      func(transaction) error
	arrived []byte
	done    chan error
}

// runWriter commits all waiting writes in one transaction: a disk takes hundreds of webhooks in the
// time of one.
func (s *Store) runWriter() {
	for {
		var batch []write
		select {
		case w := <-s.writes:
			batch = append(batch, w)
		case <-s.closed:
			return
		}
		for n := 0; n < len(batch); batch = s.collect(batch) {
			n = len(batch)
			// Let goroutines send that are about to: a larger batch costs little more.
			runtime.Gosched()
		}
		err := s.commitBatch(batch)
		if err == nil || len(batch) == 1 {
			for _, w := range batch {
				w.done <- err
			}
		} else {
			// One of them fails. The others must not fail with it.
			for _, w := range batch {
				w.done <- s.commitBatch([]write{w})
			}
		}
		s.Wake()
	}
}

// collect adds the waiting writes to a batch.
func (s *Store) collect(batch []write) []write {
	for len(batch) < 1000 {
		select {
		case w := <-s.writes:
			batch = append(batch, w)
		default:
			return batch
		}
	}
	return batch
}

func (s *Store) commitBatch(batch []write) error {
	tx, err := s.db.Begin()
	if err != nil {
		return withAdvice("write the queue", s.path, err)
	}
	defer func() { _ = tx.Rollback() }() // nothing after a commit
	if err := s.peers.begin(tx); err != nil {
		return withAdvice("write the queue", s.path, err)
	}
	var lines [][]byte
	for _, w := range batch {
		if w.arrived != nil {
			lines = append(lines, w.arrived)
		} else if err := w.do(tx); err != nil {
			return withAdvice("write the queue", s.path, err)
		}
	}
	if s.peers != nil {
		if err := s.sortIn(tx, lines); err != nil {
			return withAdvice("write the queue", s.path, err)
		}
		lines = nil
	}
	row, err := s.insertArrivals(tx, lines)
	if err != nil {
		return withAdvice("write the queue", s.path, err)
	}
	if err := s.peers.announce(tx); err != nil {
		return withAdvice("write the queue", s.path, err)
	}
	if err := tx.Commit(); err != nil {
		return withAdvice("write the queue", s.path, err)
	}
	s.commits++
	if len(lines) > 0 {
		s.arrived.Store(row)
		s.answered = row
		s.saveTally()
	}
	return nil
}

// write makes a change and returns once it is on disk.
func (s *Store) write(ctx context.Context, do func(transaction) error) error {
	return s.send(ctx, write{do: do})
}

// send passes a write to the writer and returns once it is on disk.
func (s *Store) send(ctx context.Context, w write) error {
	w.done = make(chan error, 1)
	select {
	case s.writes <- w:
	case <-s.closed:
		return errors.New("the queue is closed")
	case <-ctx.Done():
		return ctx.Err()
	}
	return <-w.done
}
