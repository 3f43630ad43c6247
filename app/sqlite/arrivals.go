package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/wait"
)

// together is how many arrivals stand in one row at most, and are sorted in at once: whatever else
// is to be written waits for them, a webhook's answer too.
const together = 64

// arrival is a message as it was taken, one line of a row of arrivals. What came at the same time
// is put down in one row, at the cost of one, and sorted into the queue afterwards: the answer to
// GitHub waits for no table with its indexes.
type arrival[Message any] struct {
	At      int64   `json:"at"`  // when it came, Unix nanoseconds
	Due     int64   `json:"due"` // Unix nanoseconds
	Message Message `json:"message"`
}

// Enqueue stores a message and returns once it is on disk. One whose delivery is known already
// changes nothing, unless it was put aside: then it is tried anew.
func (s *Store) Enqueue(ctx context.Context, m engine.Message, at time.Time) error {
	now := s.clock.Now()
	if at.Before(now) {
		at = now
	}
	at = wait.NoLater(at, now, wait.Timer)
	line, err := json.Marshal(arrival[*engine.Message]{At: now.UnixNano(), Due: at.UnixNano(), Message: &m})
	if err != nil {
		return err
	}
	return s.send(ctx, write{arrived: line})
}

// putDown writes what arrived and gives the last row's id, which counts all lines so far. The line
// breaks between the lines are none of JSON's.
func (s *Store) putDown(tx *sql.Tx, lines [][]byte) (id int64, err error) {
	id = s.answered
	for some := range slices.Chunk(lines, together) {
		id += int64(len(some))
		if _, err := tx.Stmt(s.addArrivals).Exec(id, bytes.Join(some, []byte("\n"))); err != nil {
			return 0, err
		}
	}
	return id, nil
}

// sort puts into the queue all that had arrived when it was called; what arrives meanwhile waits,
// or it might never end. It comes before each look at the queue.
func (s *Store) sort(ctx context.Context) error {
	for all := s.arrived.Load(); s.sorted.Load() < all; {
		row := all // if somebody else has sorted it in by now
		err := s.write(ctx, func(tx *sql.Tx) error {
			var lines []byte
			err := tx.Stmt(s.selectArrivals).QueryRow().Scan(&row, &lines)
			if errors.Is(err, sql.ErrNoRows) {
				return nil
			}
			if err != nil {
				return err
			}
			for line := range bytes.SplitSeq(lines, []byte("\n")) {
				if err := s.queue(tx, line); err != nil {
					return err
				}
			}
			if _, err := tx.Stmt(s.forgetDeliveries).Exec(s.clock.Now().Add(-remember).UnixNano()); err != nil {
				return err
			}
			_, err = tx.Stmt(s.dropArrivals).Exec(row)
			return err
		})
		if err != nil {
			return err
		}
		s.sorted.Store(row)
	}
	return nil
}

// queue puts an arrival in its place.
func (s *Store) queue(tx *sql.Tx, line []byte) error {
	var a arrival[json.RawMessage]
	var m engine.Message
	if err := errors.Join(json.Unmarshal(line, &a), json.Unmarshal(a.Message, &m)); err != nil {
		// The disk changed it. The others must not wait for it, and nobody can take it from the
		// file but by hand.
		s.log.Error("a message was put aside: it is damaged; look up on GitHub, or at its source, what it was",
			"message", string(line), "err", err)
		_, err := tx.Exec(`INSERT INTO messages (ref, delivery, light, body, due, dead) VALUES ('', '', 0, ?, 0, ?)`,
			line, "it is damaged: "+err.Error())
		return err
	}
	if m.Delivery != "" {
		res, err := tx.Stmt(s.noteDelivery).Exec(m.Delivery, a.At)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, revive(tx, m.Delivery, a.At))
		}
	}
	if m.Why == "sweep" {
		if joined, err := s.joinSweep(tx, m, a.Due, a.Message); joined || err != nil {
			return err
		}
	}
	signal := m.Signal()
	if signal == nil {
		signal = &incident.Signal{}
	}
	if signal.Key != "" {
		if joined, err := s.join(tx, m.Ref, signal, a.Message); joined || err != nil {
			return err
		}
	}
	_, err := tx.Stmt(s.addMessage).Exec(m.Ref.String(), m.Delivery, lightOf(m), []byte(a.Message), a.Due,
		signal.Key, max(1, signal.Count))
	return err
}

// revive lets a message that was put aside be tried anew. It keeps its number, so a look that is
// under way would count as one that began after it: it gets a look of its own.
func revive(tx *sql.Tx, delivery string, at int64) error {
	_, err := tx.Exec(`UPDATE messages SET dead = '', tries = 0, due = ?, light = CASE WHEN light IN (1, 2) THEN ? ELSE light END
		WHERE delivery = ? AND dead <> ''`, at, lightProves, delivery)
	return err
}

// lightOf returns how a message is handed out.
func lightOf(m engine.Message) int {
	switch {
	case m.Ack() != nil:
		return lightAnswer
	case m.IsBare():
		if m.Floor != nil {
			return lightProves
		}
		if m.Why == "sweep" {
			// whatever waits for its next try: the sweep found that a look works again, or may be due
			return lightTimer
		}
		return lightLook
	}
	return lightNot
}

// join counts a report with the one before it of its trouble, if that says the same and nobody was
// handed it. Only the last thing said is said again: joined to one before it, an alert that flaps
// would end as recovered.
func (s *Store) join(tx *sql.Tx, ref incident.Ref, signal *incident.Signal, body []byte) (bool, error) {
	trouble := signal.Key[:strings.LastIndexByte(signal.Key, ' ')+1]
	var id int64
	var key string
	var last []byte
	err := tx.QueryRow(`SELECT id, key, body FROM messages WHERE ref = ? AND dead = '' AND (key = ? OR ? <> '' AND substr(key, 1, length(?)) = ?) ORDER BY id DESC LIMIT 1`,
		ref.String(), signal.Key, trouble, trouble, trouble).Scan(&id, &key, &last)
	if errors.Is(err, sql.ErrNoRows) || err == nil && (key != signal.Key || s.isHanded(ref.String(), id)) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var before engine.Message
	if json.Unmarshal(last, &before) == nil && signal.Retries(before.Signal()) {
		return true, nil
	}
	_, err = tx.Exec(`UPDATE messages SET body = ?, count = count + ? WHERE id = ?`, body,
		max(1, signal.Count), id)
	return true, err
}
