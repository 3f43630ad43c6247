package github

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"sync"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/golang-jwt/jwt/v4"
)

// signer signs the App's tokens where its private key stays.
type signer struct {
	sign func(digest []byte) ([]byte, error)
}

// Sign implements ghinstallation.Signer. GitHub takes RS256 only.
// https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
func (s signer) Sign(claims jwt.Claims) (string, error) {
	text, err := jwt.NewWithClaims(jwt.SigningMethodRS256, claims).SigningString()
	if err != nil {
		return "", err
	}
	digest := sha256.Sum256([]byte(text))
	signature, err := s.sign(digest[:])
	if err != nil {
		return "", fmt.Errorf("sign the App's token: %w", err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// newSigner returns what signs the App's tokens: its key, or who keeps it.
func newSigner(o Options) (ghinstallation.Signer, error) {
	if o.Sign != nil {
		return &keptSigner{next: signer{o.Sign}}, nil
	}
	key, err := jwt.ParseRSAPrivateKeyFromPEM(o.PEM)
	if err != nil {
		return nil, err
	}
	return &keptSigner{next: ghinstallation.NewRSASigner(jwt.SigningMethodRS256, key)}, nil
}

// jwtLife is how long one token of the App's is used: it is good for a minute and a half.
const jwtLife = 30 * time.Second

// keptSigner uses one token for jwtLife: a signature takes a millisecond and a half here, and a
// call that costs money where the key stays elsewhere, and a sweep asks for as many as there are accounts.
type keptSigner struct {
	next ghinstallation.Signer

	mu     sync.Mutex
	token  string
	issued time.Time
}

// Sign implements ghinstallation.Signer.
func (s *keptSigner) Sign(claims jwt.Claims) (string, error) {
	c, ok := claims.(*jwt.RegisteredClaims)
	if !ok || c.IssuedAt == nil {
		return s.next.Sign(claims)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	age := c.IssuedAt.Sub(s.issued)
	if s.token != "" && age >= 0 && age < jwtLife {
		return s.token, nil
	}
	token, err := s.next.Sign(claims)
	if err != nil {
		return "", err
	}
	s.token, s.issued = token, c.IssuedAt.Time
	return token, nil
}
