package webhook_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/webhook"
)

// realistic is a comment's payload of GitHub's size: most of it are addresses.
func realistic(text string) string {
	urls := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"some_%d_url":"https://api.github.com/repos/acme/incidents/something{/number}"`, i)
		}
		return b.String()
	}
	person := `{"login":"alice","id":1,"type":"User"` + urls(12) + `}`
	return `{"action":"created","issue":{"number":1,"user":` + person + `,"labels":[{"name":"incident"},{"name":"phase/fixing"}],"comments":7,"body":"` +
		strings.Repeat("Customers see 502. ", 40) + `"` + urls(8) + `},"comment":{"id":5,"user":` + person + `,"body":"` + text + `","created_at":"2026-03-02T10:40:00Z","updated_at":"2026-03-02T10:40:00Z"},` +
		`"repository":{"name":"incidents","full_name":"acme/incidents","owner":` + person + urls(60) + `},"sender":` + person + `,"installation":{"id":7}}`
}

// How many deliveries a second the endpoint takes in memory, over HTTP, against a handler that only
// reads the body and computes its HMAC. Compare within one run:
//
//	go test ./app/webhook -run ^$ -bench Endpoint -count 5
func BenchmarkEndpoint(b *testing.B) {
	bare := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			b.Error(err)
		}
		mac := hmac.New(sha256.New, []byte("now"))
		mac.Write(body)
		mac.Sum(nil)
		w.WriteHeader(http.StatusAccepted)
	})
	product, err := webhook.Handler(webhook.Options{Secrets: [][]byte{[]byte("now")}, AppID: appID, Login: func() string { return "firebreak[bot]" }, Enqueue: forget})
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name, text string
		handler    http.Handler
	}{{"bare", "/oe finding The disk is full", bare}, {"talk", "I see it too", product}, {"command", "/oe finding The disk is full", product}} {
		b.Run(c.name, func(b *testing.B) { load(b, c.handler, realistic(c.text)) })
	}
}

// load posts one delivery again and again, from as many connections as there are processors.
func load(b *testing.B, h http.Handler, body string) {
	s := httptest.NewServer(h)
	defer s.Close()
	signature := sign(body, "now")
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		client := &http.Client{Transport: &http.Transport{}}
		defer client.CloseIdleConnections()
		for pb.Next() {
			r, err := http.NewRequest(http.MethodPost, s.URL, strings.NewReader(body))
			if err != nil {
				b.Error(err)
				return
			}
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("X-GitHub-Event", "issue_comment")
			r.Header.Set("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
			r.Header.Set("X-Hub-Signature-256", signature)
			res, err := client.Do(r)
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
			if res.StatusCode != http.StatusAccepted {
				b.Errorf("answered %d", res.StatusCode)
				return
			}
		}
	})
}

func forget(context.Context, incident.Message) error { return nil }

// What the product itself does for a delivery, without HTTP.
func BenchmarkDecide(b *testing.B) {
	for name, text := range map[string]string{"talk": "I see it too", "command": "/oe finding The disk is full"} {
		body := []byte(realistic(text))
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := webhook.Decide("issue_comment", body, webhook.Self{AppID: appID, Login: "firebreak[bot]"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The endpoint keeps no more of a delivery than it needs: the body, its text, and the few members
// that matter.
func TestADeliveryAllocatesLittle(t *testing.T) {
	body := realistic("I see it too")
	signature := sign(body, "now")
	h := endpoint(t, func(incident.Message) error { return nil })
	var discarded responder
	n := testing.AllocsPerRun(100, func() {
		r := &http.Request{Method: http.MethodPost, ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader([]byte(body))), Header: http.Header{
			"Content-Type": {"application/json"}, "X-Github-Event": {"issue_comment"}, "X-Hub-Signature-256": {signature}}}
		h.ServeHTTP(&discarded, r)
	})
	t.Logf("%.0f allocations", n)
	const most = 100 // 60; under the race detector pools forget on purpose, not always as much
	if discarded != http.StatusAccepted || n > most {
		t.Errorf("answered %d with %.0f allocations, want at most %d", discarded, n, most)
	}
}

// responder keeps the status of an answer.
type responder int

func (r *responder) Header() http.Header         { return http.Header{} }
func (r *responder) Write(b []byte) (int, error) { return len(b), nil }
func (r *responder) WriteHeader(status int)      { *r = responder(status) }
