package github

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/firebreak-dev/firebreak/app/engine"
)

// How long after a token was made GitHub may still refuse what it permits, and after what time the request is made again.
// GitHub doesn't document it; Apps see a 403 right after the token was given, and none a moment later.
const (
	youth      = 3 * time.Second
	youthRetry = time.Second
)

// young makes a refusal to a token that was made only just now an *engine.Later: it must not count as GitHub's answer, or one
// refusal in the second of a renewal would put a ticket into another repository. It stands below ghinstallation, which keeps a
// token until it renews it: so a token is as old as its first use.
type young struct {
	next http.RoundTripper
	now  func() time.Time                         // the product's clock
	used *lru.Cache[[sha256.Size]byte, time.Time] // when a token was used first
}

// keptTokens is of how many tokens it is known when they were used first: a few for each repository at work.
const keptTokens = 4096

func newYoung(next http.RoundTripper, now func() time.Time) (*young, error) {
	used, err := lru.New[[sha256.Size]byte, time.Time](keptTokens)
	return &young{next: next, now: now, used: used}, err
}

// RoundTrip implements http.RoundTripper.
func (y *young) RoundTrip(req *http.Request) (*http.Response, error) {
	token := req.Header.Get("Authorization")
	if !strings.HasPrefix(token, "token ") { // the App itself signs a new one for each request
		return y.next.RoundTrip(req)
	}
	key, now := sha256.Sum256([]byte(token)), y.now()
	since, known, _ := y.used.PeekOrAdd(key, now)
	if !known {
		since = now
	}
	res, err := y.next.RoundTrip(req)
	if err != nil || res.StatusCode != http.StatusForbidden || y.now().Sub(since) >= youth || isLasting(messageOf(res)) {
		return res, err
	}
	res.Body.Close()
	return nil, &engine.RetryAfter{Until: y.now().Add(youthRetry),
		Err: fmt.Errorf("%w: %s %s: refused to a token that was made just now: %s", engine.ErrNotYet, req.Method, req.URL.Path, res.Status)}
}

// isLasting reports whether a refusal has a reason that no waiting changes.
func isLasting(reason string) bool {
	for _, lasting := range []string{"suspended", "archived", "IP allow list", "locked", "blocked", "SAML", "two-factor"} {
		if containsFold(reason, lasting) {
			return true
		}
	}
	return false
}
