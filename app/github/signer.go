package github

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"

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
