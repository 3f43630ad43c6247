package slack

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// envelope is a message of Slack's by Socket Mode.
type envelope struct {
	Type     string          `json:"type"`
	ID       string          `json:"envelope_id,omitempty"`
	Payload  json.RawMessage `json:"payload,omitempty"`
	Accepts  bool            `json:"accepts_response_payload,omitempty"`
	Connects int             `json:"num_connections,omitempty"`
}

// gateway is the end of Socket Mode at Slack: each connection sends its envelopes and then closes, if another follows.
type gateway struct {
	t       *testing.T
	refuses int // how many openings are refused first
	rounds  [][]envelope

	mu     sync.Mutex
	opened int
	acks   []string
	done   chan struct{}
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/apps.connections.open") {
		g.mu.Lock()
		defer g.mu.Unlock()
		if r.Header.Get("Authorization") != "Bearer xapp-1" {
			g.t.Errorf("the token is %q", r.Header.Get("Authorization"))
		}
		if g.refuses > 0 {
			g.refuses--
			_, _ = w.Write([]byte(`{"ok":false,"error":"invalid_auth"}`))
			return
		}
		_, _ = w.Write([]byte(`{"ok":true,"url":"ws://` + r.Host + `/link"}`))
		return
	}
	up := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	conn, err := up.Upgrade(w, r, nil)
	if err != nil {
		g.t.Error(err)
		return
	}
	defer func() { _ = conn.Close() }()
	g.mu.Lock()
	n := g.opened
	g.opened++
	g.mu.Unlock()
	if n >= len(g.rounds) {
		return
	}
	_ = conn.WriteJSON(envelope{Type: "hello", Connects: 1})
	for _, e := range g.rounds[n] {
		_ = conn.WriteJSON(e)
	}
	for range g.rounds[n] {
		var ack struct {
			ID      string          `json:"envelope_id"`
			Payload json.RawMessage `json:"payload"`
		}
		_ = conn.SetReadDeadline(time.Now().Add(2 * time.Second))
		if conn.ReadJSON(&ack) != nil {
			break // not acknowledged
		}
		g.mu.Lock()
		g.acks = append(g.acks, strings.TrimSpace(ack.ID+" "+string(ack.Payload)))
		g.mu.Unlock()
	}
	if n == len(g.rounds)-1 {
		close(g.done)
	}
}

// TestSocketMode: what comes is acknowledged once it is stored and not before, what isn't comes again, and a
// connection that is refused or ends is made again.
func TestSocketMode(t *testing.T) {
	message := json.RawMessage(`{"type":"event_callback","event":{"type":"message","channel":"C1","user":"U1","text":"/ic","ts":"1.1","channel_type":"group"}}`)
	slash := json.RawMessage(`{"command":"/ic","text":"update x","channel_id":"C1","user_id":"U1"}`)
	g := &gateway{t: t, refuses: 1, done: make(chan struct{}), rounds: [][]envelope{
		{{Type: "events_api", ID: "e1", Payload: message}},
		{{Type: "events_api", ID: "e1", Payload: message}, {Type: "slash_commands", ID: "e2", Payload: slash, Accepts: true}},
	}}
	server := httptest.NewServer(g)
	defer server.Close()
	var mu sync.Mutex
	taken := map[string]int{}
	s := &Socket{Token: "xapp-1", URL: server.URL, Logger: slog.New(slog.DiscardHandler), pause: time.Millisecond,
		Take: func(_ context.Context, payload []byte) (any, error) {
			mu.Lock()
			defer mu.Unlock()
			kind := "message"
			if strings.Contains(string(payload), `"command"`) {
				kind = "slash"
			}
			if taken[kind]++; kind == "message" && taken[kind] == 1 {
				return nil, errors.New("the store is full")
			}
			return json.RawMessage(`{"text":"hi"}`), nil
		}}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { s.Run(ctx); close(ended) }()
	select {
	case <-g.done:
	case <-time.After(20 * time.Second):
		t.Error("never done")
	}
	stop()
	<-ended
	g.mu.Lock()
	defer g.mu.Unlock()
	all := strings.Join(g.acks, "|")
	if len(g.acks) != 2 || !strings.Contains(all, `e2 {"text":"hi"}`) || !strings.Contains("|"+all+"|", "|e1|") {
		t.Errorf("acknowledged: %q", all)
	}
	if taken["message"] != 2 || taken["slash"] != 1 {
		t.Errorf("taken: %v", taken)
	}
}
