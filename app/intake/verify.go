package intake

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/lazily"
)

// window is how old a signed time may be, and how far ahead of our clock.
const window = 300 * time.Second

// Secrets are a secret and the one before it, while rotating. All are tried, in constant time; an
// empty one fits nothing.
type Secrets [][]byte

// match reports whether value is one of the secrets. Hashing first hides their lengths too.
func (s Secrets) match(value string) bool {
	given, ok := sha256.Sum256([]byte(value)), 0
	for _, secret := range s {
		want := sha256.Sum256(secret)
		if len(secret) > 0 {
			ok |= subtle.ConstantTimeCompare(given[:], want[:])
		}
	}
	return ok == 1
}

// token reports whether a header carries one of the secrets. Opsgenie and EventBridge leave the
// name of the header to the operator, and only its value is a secret, so every header is looked at:
// Authorization with any scheme, the password of basic authentication, or the value of a header of
// any name.
func (s Secrets) token(h http.Header) bool {
	ok := false
	for name, values := range h {
		for _, v := range values {
			if name == "Authorization" {
				v = credential(v)
			}
			ok = s.match(v) || ok
		}
	}
	return ok
}

// credential returns the secret part of an Authorization header.
func credential(header string) string {
	scheme, rest, ok := strings.Cut(header, " ")
	if !ok {
		return header
	}
	rest = strings.TrimSpace(rest)
	if strings.EqualFold(scheme, "Basic") {
		plain, err := base64.StdEncoding.DecodeString(rest)
		if err != nil {
			return ""
		}
		_, rest, _ = strings.Cut(string(plain), ":")
	}
	return rest
}

// signed reports whether signature is the hex HMAC-SHA256 of the parts, one after the other.
func (s Secrets) signed(signature string, parts ...string) bool {
	given, err := hex.DecodeString(signature)
	if err != nil {
		return false
	}
	ok := false
	for _, secret := range s {
		mac := hmac.New(sha256.New, secret)
		for _, p := range parts {
			mac.Write([]byte(p))
		}
		ok = hmac.Equal(mac.Sum(nil), given) && len(secret) > 0 || ok
	}
	return ok
}

// needToken rejects a request that carries no token of ours.
func needToken(s Secrets, h http.Header) error {
	if !s.token(h) {
		return rejected("token", "no header carries the token: send it as Authorization: Bearer …")
	}
	return nil
}

// signatureForm is what a hex SHA-256 is.
var signatureForm = lazily.Compile(`^[0-9a-fA-F]{64}$`)

// needForm rejects what can't be a signature: "v0=" or the like, and the hex SHA-256.
func needForm(signature, prefix string) error {
	if hex, ok := strings.CutPrefix(signature, prefix); !ok || !signatureForm.MatchString(hex) {
		return rejected("signature", "the signature does not fit")
	}
	return nil
}

// needEither judges headers of a source that signs, or else sends a token.
func (s Secrets) needEither(h http.Header, signature, prefix, stamp string, now time.Time) error {
	if signature == "" {
		return needToken(s, h)
	}
	if err := needForm(signature, prefix); err != nil || stamp == "" {
		return err
	}
	return needRecent(stamp, now)
}

// needRecent rejects a time, in Unix seconds, outside the window.
func needRecent(stamp string, now time.Time) error {
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return rejected("timestamp", "the timestamp is not in Unix seconds")
	}
	if age := now.Sub(time.Unix(seconds, 0)); age > window || age < -window {
		return rejected("timestamp", "the timestamp is more than %s away from our clock", window)
	}
	return nil
}
