package witness

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"sync"
)

// Sink takes pages and mails and keeps every request, in the order of arrival. It drops nothing:
// neither a request that repeats the key of another, nor one that can't be read. (The sandbox's
// outbox keeps one per key, as a pager does, so a page that is sent twice doesn't show there.)
type Sink struct {
	mu   sync.Mutex
	kept []Sent
}

// Sent is one request that reached a sink.
type Sent struct {
	Path      string `json:"-"`
	Signature string `json:"-"`
	Kind      string `json:"kind"` // "page" or "announce"
	Channel   string `json:"channel"`
	To        string `json:"to"`
	Text      string `json:"text"`
	Key       string `json:"key"`
	Body      []byte `json:"-"`
}

// ServeHTTP keeps a request. The answer is always 200, as long as the body can be read to its end.
func (s *Sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	one := Sent{Path: r.URL.Path, Signature: r.Header.Get("X-Firebreak-Signature-256"), Body: body}
	_ = json.Unmarshal(body, &one) // one without a key is kept too, and shows as that

	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = append(s.kept, one)
}

// Tee keeps each request and hands it on to next, which answers.
func (s *Sink) Tee(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.ServeHTTP(blank{}, withCopy(r))
		next.ServeHTTP(w, r)
	})
}

// Sent returns all that arrived so far.
func (s *Sink) Sent() []Sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.kept)
}

// Repeated returns the keys that arrived more than once, sorted.
func (s *Sink) Repeated() []string {
	times := map[string]int{}
	for _, one := range s.Sent() {
		times[one.Kind+" "+one.Key]++
	}
	var out []string
	for key, n := range times {
		if n > 1 {
			out = append(out, key)
		}
	}
	slices.Sort(out)
	return out
}
