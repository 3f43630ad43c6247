package simulation

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
)

// skippedPages are the pages of which the product logged that they were not needed any more, by
// incident. The card keeps only its newest pages, and may be lost.
type skippedPages struct {
	mu   sync.Mutex
	keys map[string]map[string]bool
}

// add records a page of an incident, by its key ("page/2").
func (s *skippedPages) add(ref, key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys[ref] == nil {
		s.keys[ref] = map[string]bool{}
	}
	s.keys[ref][key] = true
}

// of returns the keys of an incident's pages that were skipped.
func (s *skippedPages) of(number int) map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys[fmt.Sprintf("acme/incidents#%d", number)]
}

// skipRecorder is a log handler that records what is said of pages that were not needed any more.
type skipRecorder struct {
	slog.Handler
	skipped *skippedPages
}

func (h skipRecorder) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == "page not needed any more" {
		var ref, key string
		r.Attrs(func(a slog.Attr) bool {
			switch a.Key {
			case "incident":
				ref = a.Value.String()
			case "page":
				key = a.Value.String()
			}
			return true
		})
		h.skipped.add(ref, key)
	}
	return h.Handler.Handle(ctx, r)
}

func (h skipRecorder) WithAttrs(attrs []slog.Attr) slog.Handler {
	return skipRecorder{h.Handler.WithAttrs(attrs), h.skipped}
}

func (h skipRecorder) WithGroup(name string) slog.Handler {
	return skipRecorder{h.Handler.WithGroup(name), h.skipped}
}
