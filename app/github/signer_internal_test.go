package github

import (
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v4"
)

// countingSigner counts how often something is signed.
type countingSigner int

func (s *countingSigner) Sign(claims jwt.Claims) (string, error) {
	*s++
	return jwt.NewWithClaims(jwt.SigningMethodNone, claims).SignedString(jwt.UnsafeAllowNoneSignatureType)
}

// One token of the App's is used for half a minute; also a clock that is set back gets a new one.
func TestATokenOfTheAppIsSignedOnceInAWhile(t *testing.T) {
	var count countingSigner
	s := &keptSigner{next: &count}
	at := time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)
	for _, c := range []struct {
		after time.Duration
		want  countingSigner
	}{{0, 1}, {29 * time.Second, 1}, {30 * time.Second, 2}, {40 * time.Second, 2}, {-time.Hour, 3}, {time.Hour, 4}} {
		claims := &jwt.RegisteredClaims{IssuedAt: jwt.NewNumericDate(at.Add(c.after))}
		if _, err := s.Sign(claims); err != nil || count != c.want {
			t.Errorf("after %s: signed %d times, not %d (%v)", c.after, count, c.want, err)
		}
	}
	if _, err := s.Sign(jwt.MapClaims{}); err != nil || count != 5 {
		t.Errorf("claims without a time: signed %d times (%v)", count, err)
	}
}
