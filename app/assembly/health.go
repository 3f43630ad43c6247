package assembly

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/firebreak-dev/firebreak/app/metrics"
)

// health is what a check found last. Anybody may ask, and a check writes to the disk: so one is
// good for a second.
type health struct {
	check func(context.Context) error

	mu  sync.Mutex
	at  time.Time // on the wall clock
	err error
}

func (h *health) ask(ctx context.Context) (fresh bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Since(h.at) < time.Second {
		return false, h.err
	}
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	h.err, h.at = h.check(ctx), time.Now()
	return true, h.err
}

// patience is how long a disk may take.
const patience = 5 * time.Second

// ServeHealth answers 200 while webhooks can be stored and work gets done, else 503: no message
// that could be handed out waits for ten minutes, and not every worker hangs. It says nothing that
// strangers may not know: what exactly is wrong is in the log.
func (s *Server) ServeHealth(w http.ResponseWriter, r *http.Request) {
	s.serveCheck(w, r, &s.health, "work does not get done")
}

// ServeReady answers 200 while webhooks can be stored, else 503. A busy process is ready: what it
// takes is kept.
func (s *Server) ServeReady(w http.ResponseWriter, r *http.Request) {
	s.serveCheck(w, r, &s.ready, "webhooks can't be stored")
}

func (s *Server) serveCheck(w http.ResponseWriter, r *http.Request, h *health, wrong string) {
	fresh, err := h.ask(context.WithoutCancel(r.Context()))
	if err == nil {
		_, _ = fmt.Fprintln(w, "ok")
		return
	}
	if fresh {
		s.log.Error("unhealthy: "+wrong, "err", err)
	}
	http.Error(w, wrong+": see the log", http.StatusServiceUnavailable)
}

// Health returns why work does not get done, or nil.
func (s *Server) Health(ctx context.Context) error {
	_, err := s.health.ask(ctx)
	return err
}

// Measure records what is in the queue.
func (s *Server) Measure(ctx context.Context) error {
	b, err := s.store.Backlog(ctx)
	if err != nil {
		return err
	}
	s.metrics.Record(metrics.QueueMessages, float64(b.Messages))
	s.metrics.Record(metrics.QueueOldest, b.Oldest.Seconds())
	s.metrics.Record(metrics.DeadLetters, float64(b.Dead))
	return nil
}
