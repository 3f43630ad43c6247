package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/wait"
)

// maxBatch is how many arrivals are stored in one row, and ingested at once, at most. All other
// writes wait for them, the answer to a webhook too.
const maxBatch = 64

// arrival is a message as it was received: one line in a row of the table arrivals. Messages that
// arrive together are stored in one row, at the cost of one, and ingested later, so that the answer
// to GitHub doesn't wait for tables with indexes.
type arrival[Message any] struct {
	At      int64   `json:"at"`  // when it came, Unix nanoseconds
	Due     int64   `json:"due"` // Unix nanoseconds
	Message Message `json:"message"`
}

// Enqueue stores a message and returns once it is on disk. A message whose delivery is known
// changes nothing, unless it was put aside: then it is tried again.
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

// insertArrivals stores messages and returns the last row's id, which is the number of messages so
// far. JSON contains no line breaks, so they separate the messages.
func (s *Store) insertArrivals(tx transaction, lines [][]byte) (id int64, err error) {
	id = s.answered
	for some := range slices.Chunk(lines, maxBatch) {
		id += int64(len(some))
		if _, err := tx.ExecStmt(s.addArrivals, id, bytes.Join(some, []byte("\n"))); err != nil {
			return 0, err
		}
	}
	return id, nil
}

// ingest moves everything into the queue that had arrived when it was called. Later arrivals wait,
// or it might never end. It runs before each read of the queue.
func (s *Store) ingest(ctx context.Context) error {
	if s.peers != nil {
		return nil // nothing arrives otherwise
	}
	for all := s.arrived.Load(); s.ingested.Load() < all; {
		row := all // if somebody else has sorted it in by now
		err := s.write(ctx, func(tx transaction) error {
			var lines []byte
			err := tx.Stmt(s.selectArrivals).QueryRow().Scan(&row, &lines)
			if errors.Is(err, sql.ErrNoRows) {
				return nil
			}
			if err != nil {
				return err
			}
			if err := s.sortIn(tx, bytes.Split(lines, []byte("\n"))); err != nil {
				return err
			}
			_, err = tx.ExecStmt(s.dropArrivals, row)
			return err
		})
		if err != nil {
			return err
		}
		s.ingested.Store(row)
	}
	return nil
}

// sortIn adds arrivals to the messages.
func (s *Store) sortIn(tx transaction, lines [][]byte) error {
	for _, line := range lines {
		if err := s.insert(tx, line); err != nil {
			return err
		}
	}
	if len(lines) == 0 {
		return nil
	}
	_, err := tx.ExecStmt(s.forgetDeliveries, s.clock.Now().Add(-deliveryRetention).UnixNano())
	return err
}

// insert adds an arrival to the messages.
func (s *Store) insert(tx transaction, line []byte) error {
	var a arrival[json.RawMessage]
	var m engine.Message
	if err := errors.Join(json.Unmarshal(line, &a), json.Unmarshal(a.Message, &m)); err != nil {
		// The disk has damaged it. The others must not wait for it.
		s.log.Error("damaged message put aside: look it up on GitHub or at its source",
			"message", string(line), "err", err)
		_, err := tx.Exec(`INSERT INTO messages (ref, delivery, light, body, due, dead) VALUES ('', '', 0, ?, 0, ?)`,
			line, "it is damaged: "+err.Error())
		return err
	}
	if m.Delivery != "" {
		res, err := tx.ExecStmt(s.noteDelivery, m.Delivery, a.At)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, requeueDead(tx, m.Delivery, a.At))
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
		if joined, err := s.joinReport(tx, m.Group(), signal, a.Message); joined || err != nil {
			return err
		}
	}
	key := signal.Key
	if isEarlyAnswer(m) {
		key = earlyKey
	}
	_, err := tx.ExecStmt(s.addMessage, m.Group(), m.Delivery, rankOf(m), []byte(a.Message), a.Due,
		key, max(1, signal.Count))
	return err
}

// requeueDead makes a message that was put aside due again. It keeps its id, so a look that is
// under way would count as one that began after it: it gets a look of its own.
func requeueDead(tx transaction, delivery string, at int64) error {
	_, err := tx.Exec(`UPDATE messages SET dead = '', tries = 0, due = ?,
		light = CASE WHEN light IN (1, 2) THEN ? ELSE light END
		WHERE delivery = ? AND dead <> ''`, at, rankProof, delivery)
	return err
}

// earlyKey is the key of an early answer, which no report has. It makes the answer wait behind all reports.
const earlyKey = "\nearly answer"

// isEarlyAnswer reports whether a message is an answer to a page that went out before its incident was
// opened. It waits for the report that opens it, so it must not hold that up.
func isEarlyAnswer(m engine.Message) bool { return m.PageAnswer() != nil && m.Ref.Number == 0 }

// rankOf returns the rank of a message.
func rankOf(m engine.Message) int {
	switch {
	case isEarlyAnswer(m):
		return rankProof
	case m.Ack() != nil, m.PageAnswer() != nil:
		return rankAnswer
	case m.Found() != nil && !m.Found().IsUrgent, m.ChatSynced() != nil:
		return rankProof // after what people wrote, and no other look answers it
	case m.IsChatLater():
		return rankProof // nothing else waits for it
	case m.IsBare():
		if m.Floor != nil {
			return rankProof
		}
		if m.Why == "sweep" {
			// Even if a message waits for its next try: the sweep found that a look may work again.
			return rankTimer
		}
		return rankLook
	}
	return rankOther
}

// joinReport counts a report with the previous one of the same alert, if both say the same and the
// previous one isn't assigned. Only the latest report is joined: otherwise an alert that flaps
// would end as recovered.
func (s *Store) joinReport(tx transaction, group string, signal *incident.Signal, body []byte) (bool, error) {
	trouble := signal.About()
	var id int64
	var key string
	var last []byte
	err := tx.QueryRow(`SELECT id, key, body FROM messages
		WHERE ref = ? AND dead = '' AND (key = ? OR ? <> '' AND substr(key, 1, length(?)) = ?)
		ORDER BY id DESC LIMIT 1`,
		group, signal.Key, trouble, trouble, trouble).Scan(&id, &key, &last)
	if errors.Is(err, sql.ErrNoRows) || err == nil && key != signal.Key {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if isUnderWay, err := s.isUnderWay(tx, group, id); isUnderWay || err != nil {
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
