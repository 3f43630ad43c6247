package simulation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/firebreak-dev/firebreak/app/witness"
)

// receipt is a page or a mail that reached its receiver.
type receipt struct {
	witness.Sent
	at      time.Time
	life    int  // the process that sent it
	isAcked bool // the process was told that it arrived
}

// receive takes what goes to people outside, and keeps all of it. Now and then it refuses, loses the
// answer, or the product's process ends.
func (w *world) receive(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		rw.WriteHeader(http.StatusBadRequest)
		return
	}
	one := receipt{at: w.box.Clock().Now(), isAcked: true}
	_ = json.Unmarshal(body, &one.Sent)
	w.net.mu.Lock()
	c := w.net.count("receive " + one.Kind + " " + one.Key)
	isDead, rate := w.net.dead, w.spoilt
	w.net.mu.Unlock()
	if isDead {
		rw.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	x := w.net.random(c)
	what := ""
	if x%1000 < rate {
		what = [...]string{"refused", "away", "answer lost", "crash before", "crash after"}[x>>20%5]
		w.net.tell("%s: %s %s", what, one.Kind, one.Key)
	}
	end := func() {
		w.net.stop()
		w.kill()
	}
	switch what {
	case "refused":
		rw.WriteHeader(http.StatusBadRequest)
		return
	case "away":
		w.away(rw)
		return
	case "crash before":
		end()
		w.away(rw)
		return
	case "answer lost", "crash after":
		one.isAcked = false
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	w.mu.Lock()
	one.life = w.lives
	w.receipts = append(w.receipts, one)
	w.mu.Unlock()
	switch what {
	case "answer lost":
		w.box.Handler().ServeHTTP(nowhere{}, r)
		w.away(rw)
	case "crash after":
		w.box.Handler().ServeHTTP(nowhere{}, r)
		end()
		w.away(rw)
	default:
		w.box.Handler().ServeHTTP(rw, r)
	}
}

// away answers that the receiver is out for longer than a sender waits.
func (w *world) away(rw http.ResponseWriter) {
	rw.Header().Set("Retry-After", "3600")
	rw.WriteHeader(http.StatusServiceUnavailable)
}

// nowhere is where an answer goes that is lost.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (nowhere) WriteHeader(int)             {}

// hadNoted reports whether the process that sent something had the time to note that it arrived: it
// ended in peace, or some time later.
func (w *world) hadNoted(r receipt) bool {
	end, isCrash := w.crashed[r.life]
	return !isCrash || end.Sub(r.at) > 10*time.Second
}

// repeated returns what reached a receiver again although the process knew that it had, and what a
// process sent again of another one's that ended in peace.
func (w *world) repeated() (wrong []string) {
	first := map[string]receipt{}
	for _, r := range w.receipts {
		key := r.Kind + " " + r.Key
		before, is := first[key]
		switch {
		case !is:
		case before.life == r.life && before.isAcked:
			wrong = append(wrong, fmt.Sprintf("sent again by the process that had sent it: %s, at %s and %s", key, before.at.Format(time.TimeOnly), r.at.Format(time.TimeOnly)))
		case before.life != r.life && before.isAcked && w.hadNoted(before):
			wrong = append(wrong, fmt.Sprintf("sent again by another process: %s, at %s and %s", key, before.at.Format(time.TimeOnly), r.at.Format(time.TimeOnly)))
		}
		if !is || r.isAcked {
			first[key] = r
		}
	}
	return wrong
}
