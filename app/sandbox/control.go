package sandbox

import (
	"context"
	"crypto/hmac"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// control serves the sandbox's own addresses, which GitHub does not have.
func (s *Sandbox) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sandbox/clock", func(w http.ResponseWriter, _ *http.Request) { s.tellTime(w) })
	mux.HandleFunc("POST /sandbox/clock", s.advanceClock)
	mux.HandleFunc("GET /sandbox/settled", s.settled)
	mux.HandleFunc("GET /sandbox/calls", s.listCalls)
	mux.HandleFunc("GET /sandbox/deliveries", s.deliveries)
	mux.HandleFunc("POST /sandbox/deliveries/{id}/redeliver", s.redeliver)
	mux.HandleFunc("GET /sandbox/outbox", func(w http.ResponseWriter, _ *http.Request) {
		tell(w, http.StatusOK, listOf(s.Outbox()))
	})
	mux.HandleFunc("POST /sandbox/receive/{kind}", s.receive)
	mux.HandleFunc("POST /sandbox/faults", func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err == nil {
			err = s.orderFaults(text)
		}
		if err != nil {
			tell(w, http.StatusBadRequest, map[string]any{"message": err.Error()})
			return
		}
		tell(w, http.StatusOK, map[string]any{})
	})
	mux.HandleFunc("DELETE /sandbox/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.clearFaults()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /sandbox/states", s.getStates)
	mux.HandleFunc("POST /sandbox/states", s.postState)
	mux.HandleFunc("GET /sandbox/version", s.version)
	s.routePhones(mux)
	s.controlSlack(mux)
	return mux
}

func tell(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the reader may have left
}

// listOf makes an empty list of none, which JSON would write as null.
func listOf[T any](all []T) []T {
	if all == nil {
		return []T{}
	}
	return all
}

func (s *Sandbox) tellTime(w http.ResponseWriter) {
	tell(w, http.StatusOK, map[string]any{"now": s.clock.Now().UTC(), "speed": s.clock.rate()})
}

func (s *Sandbox) advanceClock(w http.ResponseWriter, r *http.Request) {
	var in struct{ Advance string }
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10)).Decode(&in)
	var d time.Duration
	if err == nil {
		d, err = time.ParseDuration(in.Advance)
	}
	if err != nil || d < 0 {
		tell(w, http.StatusBadRequest, map[string]any{"message": `say how far, like {"advance":"20m"}`})
		return
	}
	if err := s.clock.Advance(r.Context(), d); err != nil {
		tell(w, http.StatusGatewayTimeout, map[string]any{"message": err.Error()})
		return
	}
	s.tellTime(w)
}

func (s *Sandbox) settled(w http.ResponseWriter, r *http.Request) {
	timeout := 10 * time.Second
	if t := r.URL.Query().Get("timeout"); t != "" {
		d, err := time.ParseDuration(t)
		if err != nil {
			tell(w, http.StatusBadRequest, map[string]any{"message": "timeout is a duration, like 10s"})
			return
		}
		timeout = d
	}
	ctx, stop := context.WithTimeout(r.Context(), timeout)
	defer stop()
	if err := s.Settled(ctx); err != nil {
		tell(w, http.StatusGatewayTimeout, map[string]any{"settled": false, "message": err.Error()})
		return
	}
	tell(w, http.StatusOK, map[string]any{"settled": true})
}

func (s *Sandbox) listCalls(w http.ResponseWriter, r *http.Request) {
	since := int64(0)
	if text := r.URL.Query().Get("since"); text != "" {
		var err error
		if since, err = strconv.ParseInt(text, 10, 64); err != nil {
			tell(w, http.StatusBadRequest, map[string]any{"message": "since is the number of a call"})
			return
		}
	}
	s.forge.Lock()
	defer s.forge.Unlock()
	calls := s.calls
	n, _ := slices.BinarySearchFunc(calls, since+1,
		func(c Call, n int64) int { return int(min(max(c.N-n, -1), 1)) })
	next := since
	if len(calls) > 0 {
		next = max(since, calls[len(calls)-1].N)
	}
	tell(w, http.StatusOK, map[string]any{"next": next, "calls": listOf(calls[n:])})
}

func (s *Sandbox) deliveries(w http.ResponseWriter, _ *http.Request) {
	s.forge.Lock()
	defer s.forge.Unlock()
	views := []map[string]any{}
	for _, d := range s.forge.Deliveries {
		views = append(views, map[string]any{"id": d.ID, "guid": d.GUID, "event": d.Event,
			"action": d.Action, "status": d.Code,
			"reason": d.Reason, "redelivery": d.Redelivery, "at": d.At})
	}
	tell(w, http.StatusOK, views)
}

// redeliver answers once the delivery was made.
func (s *Sandbox) redeliver(w http.ResponseWriter, r *http.Request) {
	id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
	s.forge.Lock()
	d, ok := s.forge.FindDelivery(id)
	if ok {
		d = s.courier.redeliver(d)
	}
	s.forge.Unlock()
	if !ok {
		tell(w, http.StatusNotFound, map[string]any{"message": "there is no such delivery"})
		return
	}
	if err := s.courier.idle(r.Context()); err != nil {
		tell(w, http.StatusGatewayTimeout, map[string]any{"message": err.Error()})
		return
	}
	s.forge.Lock()
	defer s.forge.Unlock()
	tell(w, http.StatusOK, map[string]any{"id": d.ID, "guid": d.GUID, "status": d.Code})
}

// Outbox returns what left for people outside GitHub, in the order in which it arrived first.
func (s *Sandbox) Outbox() []forge.OutboxEntry {
	s.forge.Lock()
	defer s.forge.Unlock()
	all := slices.Clone(s.forge.Outbox)
	for n := range all {
		all[n].Repeats = slices.Clone(all[n].Repeats)
	}
	return all
}

// Repeated returns what left more than once.
func (s *Sandbox) Repeated() []forge.OutboxEntry {
	return slices.DeleteFunc(s.Outbox(), func(e forge.OutboxEntry) bool { return e.Count < 2 })
}

// receive takes pages and announcements, as a pager's webhook receiver would: each is one entry per
// key, which counts how often it arrived.
func (s *Sandbox) receive(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		tell(w, http.StatusRequestEntityTooLarge, map[string]any{"message": "too long"})
		return
	}
	if !hmac.Equal([]byte(sign(s.outboundSecret(), body)), []byte(r.Header.Get(s.o.SignatureHeader))) {
		tell(w, http.StatusUnauthorized, map[string]any{"message": "the signature does not fit"})
		return
	}
	var e forge.OutboxEntry
	kind := r.PathValue("kind")
	if err := json.Unmarshal(body, &e); err != nil || kind != "page" && kind != "announce" || e.Kind != kind {
		tell(w, http.StatusUnprocessableEntity,
			map[string]any{"message": "kind must be page or announce, as in the address"})
		return
	}
	s.forge.Lock()
	defer s.forge.Unlock()
	now := s.forge.Now()
	isSame := func(o forge.OutboxEntry) bool { return o.Key == e.Key && o.Kind == e.Kind }
	if n := slices.IndexFunc(s.forge.Outbox, isSame); n >= 0 {
		known := &s.forge.Outbox[n]
		known.Count++
		known.Repeats = append(known.Repeats, forge.Repeat{To: e.To, Text: e.Text, At: now})
	} else {
		e.At, e.Count, e.Repeats = now, 1, nil
		s.forge.Outbox = append(s.forge.Outbox, e)
	}
	s.forge.NoteChange()
	tell(w, http.StatusOK, map[string]any{})
}

// version lets a page wait for news.
func (s *Sandbox) version(w http.ResponseWriter, r *http.Request) {
	after, err := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64)
	patience := time.NewTimer(25 * time.Second)
	defer patience.Stop()
	for {
		s.forge.Lock()
		version, wake := s.forge.Version, s.forge.NextChange
		s.forge.Unlock()
		if err != nil || version > after {
			tell(w, http.StatusOK, map[string]any{"version": version})
			return
		}
		select {
		case <-wake:
		case <-patience.C:
			tell(w, http.StatusOK, map[string]any{"version": version})
			return
		case <-r.Context().Done():
			return
		}
	}
}

// OutboxEntry is a message that left for people outside GitHub.
type OutboxEntry = forge.OutboxEntry
