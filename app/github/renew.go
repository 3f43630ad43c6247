package github

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/firebreak-dev/firebreak/app/wait"
)

// renewingTransport gets a new installation token when the old one runs out by the product's clock,
// which is GitHub's. ghinstallation goes by the wall clock: followed by a virtual one, it would use
// tokens that ran out, or get one for every request.
type renewingTransport struct {
	fresh func() http.RoundTripper // a transport that has no token yet
	now   func() time.Time

	mu   sync.Mutex
	tr   http.RoundTripper
	from time.Time // when tr's token is to be renewed; zero: it has none yet
}

// renewal marks the context of a request that a renewed makes, on which a token may be asked for.
type renewal struct{}

// RoundTrip implements http.RoundTripper.
func (r *renewingTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	r.mu.Lock()
	if r.tr == nil || !r.from.IsZero() && !r.now().Before(r.from) {
		r.tr, r.from = r.fresh(), time.Time{}
	}
	tr := r.tr
	r.mu.Unlock()
	return tr.RoundTrip(req.WithContext(context.WithValue(req.Context(), renewal{}, r)))
}

// tokenTransport shows the tokens that GitHub issues to the renewingTransport that asked for them.
// It is next to the network.
type tokenTransport struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (m tokenTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := m.next.RoundTrip(req)
	r, ours := req.Context().Value(renewal{}).(*renewingTransport)
	if err != nil || !ours || res.StatusCode != http.StatusCreated ||
		!strings.HasSuffix(req.URL.Path, "/access_tokens") {
		return res, err
	}
	return r.noteExpiry(res)
}

// margin is how long before its end a token is renewed, as ghinstallation has it.
const margin = time.Minute

// longestLife is how long a token is used at most; GitHub's live an hour. One that has run out
// already by our clock, which may be wrong, is used for a moment nevertheless: GitHub says if it is
// no good, and a token for every request is not one of its limits'.
const longestLife = 24 * time.Hour

// wallLife is what ghinstallation is told of a token's life: longer than any, since
// renewingTransport decides.
const wallLife = 24 * time.Hour

// noteExpiry notes when a token is to be renewed, and hands on the answer with another end.
func (r *renewingTransport) noteExpiry(res *http.Response) (*http.Response, error) {
	text, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(text))
	var answer map[string]json.RawMessage
	var expires time.Time
	if json.Unmarshal(text, &answer) != nil || json.Unmarshal(answer["expires_at"], &expires) != nil {
		return res, nil // ghinstallation says what is wrong with it
	}
	r.mu.Lock()
	r.from = wait.Until(expires.Add(-margin), r.now(), longestLife)
	r.mu.Unlock()
	if answer["expires_at"], err = json.Marshal(time.Now().Add(wallLife)); err == nil {
		text, err = json.Marshal(answer)
	}
	if err != nil {
		return nil, err
	}
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	return res, nil
}
