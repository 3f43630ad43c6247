package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/firebreak-dev/firebreak/app/admission"
	"github.com/firebreak-dev/firebreak/app/assembly"
	"github.com/firebreak-dev/firebreak/app/metrics/prom"
)

// metricsAddress is where metrics are served unless told otherwise: an address of their own, for
// the one that GitHub reaches is open to the world, which they tell how many incidents there are
// and whether anybody answers.
const metricsAddress = "127.0.0.1:8790"

// observed returns the listener for the metrics; nil: none. That another process has the usual
// address keeps nobody's incident waiting; an address that was asked for must be had.
func observed(address string, asked bool, log *slog.Logger) (net.Listener, error) {
	if address == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil && !asked {
		log.Warn("no metrics are served: say by --metrics where", "err", err)
		return nil, nil
	}
	return l, err
}

// Observe serves /metrics, /healthz and /readyz on l, if there is one, while work runs.
func Observe(l net.Listener, s *assembly.Server, m *prom.Recorder, log *slog.Logger,
	work func(context.Context) error) func(context.Context) error {
	if l == nil {
		return work
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", s.ServeHealth)
	mux.HandleFunc("GET /readyz", s.ServeReady)
	shown := m.Handler()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		if err := s.Measure(r.Context()); err != nil {
			log.Error("the queue can't be measured", "err", err)
			http.Error(w, "the queue can't be measured: see the log", http.StatusInternalServerError)
			return
		}
		shown.ServeHTTP(w, r)
	})
	guard := &admission.Guard{}
	server := guard.Server(mux, log)
	server.WriteTimeout = time.Minute
	return func(ctx context.Context) error {
		log.Info("metrics are served", "address", Address(l))
		ended := make(chan error, 1)
		go func() { ended <- server.Serve(guard.Listener(l)) }()
		err := errors.Join(work(ctx), server.Close())
		if serving := <-ended; !errors.Is(serving, http.ErrServerClosed) {
			err = errors.Join(err, serving)
		}
		return err
	}
}
