package simulation

import (
	"database/sql"
	"fmt"
	"regexp"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/wait"
)

// pressReports lets a source report again what the product is busy with.
func (f *trial) pressReports(w *world, n int) {
	s := f.script[n]
	if f.play == nil || s.verb != "signals" {
		return
	}
	for range 1 + f.IntN(3) {
		again := s
		again.wait = 0
		w.busy.arm(0, 1+f.IntN(5), func() {
			w.box.Clock().Pass(70 * time.Second) // what is said again within a minute is a retry
			w.isLate = true
			w.net.tell("at once: %s", again)
			f.play(again)
		})
	}
	w.advance(0)
	w.busy.disarm()
	w.advance(grid)
}

// miscounted returns the incidents of which a report is not counted, or counted twice.
func (w *world) miscounted(calm *world, titles []string) (lines []string) {
	for _, title := range titles {
		want, _, _ := calm.stateOf(title)
		got, _, ok := w.stateOf(title)
		if ok && want.Signals.Count != got.Signals.Count {
			lines = append(lines, fmt.Sprintf("%s: %d reports are counted, want %d", title, got.Signals.Count, want.Signals.Count))
		}
	}
	return lines
}

// pressExtremes lets people say what nobody says by hand.
func (f *trial) pressExtremes(w *world, n int) {
	if f.play == nil {
		return
	}
	if s, ok := f.extreme(w, n); ok && f.chance(60) {
		f.play(s)
	}
}

// unbounded returns the dates of cards that are out of all sense.
func (w *world) unbounded(_ *world, titles []string) (lines []string) {
	now := w.box.Clock().Now()
	for _, title := range titles {
		s, _, _ := w.stateOf(title)
		for _, up := range s.FollowUps {
			if day, err := time.Parse(time.DateOnly, up.Due); up.Due != "" && (err != nil || day.After(now.AddDate(2, 0, 1))) {
				lines = append(lines, fmt.Sprintf("%s: a follow-up is due on %s", title, up.Due))
			}
		}
		if s.Updates.Due.After(now.AddDate(0, 1, 0)) {
			lines = append(lines, fmt.Sprintf("%s: the next update is due on %s", title, s.Updates.Due.Format(time.DateTime)))
		}
	}
	return lines
}

// pressLimits lets GitHub say of its limits what makes no sense, or keep to a real one for hours.
func (f *trial) pressLimits(w *world, n int) {
	switch {
	case f.chance(25):
		f.oddLimits(w, n)
	case f.chance(8):
		d := f.spare(n, pick(f.draw, 20*time.Minute, 59*time.Minute, 150*time.Minute))
		if d == 0 {
			return
		}
		w.net.tell("a limit of %s", d)
		w.net.limit(d)
		w.net.mu.Lock()
		w.net.isAway(w.box.Clock().Now(), f.until(w, d))
		w.net.mu.Unlock()
	}
}

// mostOdd is how often one call may be limited at one instant: a message is tried once a second at
// most, and several may be about one incident.
const mostOdd = 4

// noteOdd notes that a call is answered by a limit that makes no sense.
func (n *network) noteOdd(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if now := n.now(); !now.Equal(n.oddAt) {
		n.oddAt, n.oddOf = now, map[string]int{}
	}
	if n.oddOf[name]++; n.oddOf[name] > mostOdd {
		n.eager = fmt.Sprintf("%s at %s, %d times at once", name, n.oddAt.Format(time.TimeOnly), n.oddOf[name])
	}
}

// parked returns the messages that wait for longer than any limit lasts, and calls that were made
// again at once. It ends the process.
func (w *world) parked(_ *world, _ []string) (lines []string) {
	if w.net.eager != "" {
		lines = append(lines, "tried again at once: "+w.net.eager)
	}
	_ = w.product.Close()
	db, err := sql.Open("sqlite", "file:"+w.queue)
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(`SELECT ref, due FROM messages WHERE due > ?`, w.box.Clock().Now().Add(wait.Message).UnixNano())
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var ref string
		var due int64
		if err := rows.Scan(&ref, &due); err != nil {
			w.t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("a message for %s waits until %s", ref, time.Unix(0, due).UTC().Format(time.DateTime)))
	}
	if err := rows.Err(); err != nil {
		w.t.Fatal(err)
	}
	return lines
}

// pressRefusedCards lets cards be refused for some minutes after somebody acts, and another process
// start in that time: it must know what the one before told people.
func (f *trial) pressRefusedCards(w *world, n int) {
	if f.chance(40) {
		d := pick(f.draw, 45*time.Second, 2*time.Minute, 7*time.Minute)
		w.net.mu.Lock()
		w.net.spoil = append(w.net.spoil, &spoiled{match: regexp.MustCompile(`^PATCH .*/issues/comments/\d+$`), status: 502, until: f.until(w, d)})
		w.net.isAway(w.box.Clock().Now(), f.until(w, d))
		w.net.mu.Unlock()
		w.net.tell("cards are refused for %s", d)
	}
	if f.chance(40) {
		w.net.tell("started anew")
		w.restart()
	}
}

// pagedTogether returns the incidents for which the escalation went two steps at one instant, as no
// person is helped by.
func (w *world) pagedTogether(calm *world, titles []string) (lines []string) {
	for _, title := range titles {
		most := calm.escalatedAtOnce(title)
		if n := w.escalatedAtOnce(title); n > max(most, 1) {
			lines = append(lines, fmt.Sprintf("%s: %d steps of the escalation at one instant, and %d otherwise", title, n, most))
		}
	}
	return lines
}

var escalationKey = regexp.MustCompile(`#(\d+)/page/\d+(@|$)`)

// escalatedAtOnce returns how many steps of an incident's escalation went out at one instant, at most.
func (w *world) escalatedAtOnce(title string) (most int) {
	steps := map[time.Time]map[string]bool{}
	for _, s := range w.sent() {
		m := escalationKey.FindStringSubmatch(s.Key)
		if s.Kind != "page" || m == nil || m[1] != fmt.Sprint(w.issues[title]) {
			continue
		}
		if steps[s.At] == nil {
			steps[s.At] = map[string]bool{}
		}
		steps[s.At][s.Key] = true
		most = max(most, len(steps[s.At]))
	}
	return most
}

// fellBack returns the tickets that are not in their own repository although GitHub refused them
// for some seconds alone.
func (w *world) fellBack(titles []string, _ time.Time) (lines []string) {
	of := map[int]string{}
	for _, title := range titles {
		of[w.issues[title]] = title
	}
	for _, i := range list[issue](w, repository+"/issues?state=all") {
		if ref, index, ok := incident.ReadTicketMark(i.Body); ok {
			s, _, _ := w.stateOf(of[ref.Number])
			if index < len(s.FollowUps) && s.FollowUps[index].Repo != "" {
				lines = append(lines, fmt.Sprintf("%s: the ticket of follow-up %d is in acme/incidents instead of %s", of[ref.Number], index, s.FollowUps[index].Repo))
			}
		}
	}
	return lines
}
