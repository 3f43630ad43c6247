package github

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
)

// How long after a token was made GitHub may still refuse what it permits, and after what time the
// request is made again. GitHub doesn't document it; Apps see a 403 right after the token was
// given, and none a moment later.
const (
	tokenYouth      = 3 * time.Second
	youngTokenRetry = time.Second
)

// youngTokenTransport makes a refusal to a token that was made only just now an *ports.RetryAfter:
// it must not count as GitHub's answer, or one refusal in the second of a renewal would put a
// ticket into another repository. It is below ghinstallation, which keeps a token until it renews
// it: so a token is as old as its first use.
type youngTokenTransport struct {
	next http.RoundTripper
	now  func() time.Time                         // the product's clock
	used *lru.Cache[[sha256.Size]byte, time.Time] // when a token was used first
}

// maxYoungTokens is of how many tokens it is known when they were used first: a few for each
// repository at work.
const maxYoungTokens = 4096

func newYoungTokenTransport(next http.RoundTripper, now func() time.Time) (*youngTokenTransport, error) {
	used, err := lru.New[[sha256.Size]byte, time.Time](maxYoungTokens)
	return &youngTokenTransport{next: next, now: now, used: used}, err
}

// RoundTrip implements http.RoundTripper.
func (y *youngTokenTransport) RoundTrip(req *http.Request) (*http.Response, error) {
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
	if err != nil || res.StatusCode != http.StatusForbidden || y.now().Sub(since) >= tokenYouth ||
		isLasting(messageOf(res)) {
		return res, err
	}
	res.Body.Close()
	return nil, &ports.RetryAfter{Until: y.now().Add(youngTokenRetry),
		Err: fmt.Errorf("%w: %s %s: refused to a token that was made just now: %s", ports.ErrNotYet,
			req.Method, req.URL.Path, res.Status)}
}

// isLasting reports whether a refusal has a reason that no waiting changes.
func isLasting(reason string) bool {
	for _, lasting := range []string{"suspended", "archived", "IP allow list", "locked", "blocked", "SAML",
		"two-factor"} {
		if containsFold(reason, lasting) {
			return true
		}
	}
	return false
}
