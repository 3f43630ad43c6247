package mark

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
)

// Seal returns a text that only Open reads, of characters that a mark may hold: what an issue in a
// customer's repository says of the incident, whose name they must not read (A7). The same text is
// always sealed the same way.
func (k Keys) Seal(text string) string {
	if len(k) == 0 {
		panic("mark: no key; set a webhook secret")
	}
	box, err := k.sealer(0)
	if err != nil {
		panic("mark: " + err.Error()) // a key of 32 bytes is always taken
	}
	nonce := k.derive(0, "seal nonce v1\n"+text)[:box.NonceSize()]
	return base64.RawURLEncoding.EncodeToString(box.Seal(nonce, nonce, []byte(text), nil))
}

// Open returns the text that Seal sealed by one of the keys. ok is false for everything else.
func (k Keys) Open(sealed string) (text string, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return "", false
	}
	for key := range k {
		box, err := k.sealer(key)
		if err != nil || len(raw) < box.NonceSize() {
			continue
		}
		plain, err := box.Open(nil, raw[:box.NonceSize()], raw[box.NonceSize():], nil)
		if err == nil {
			return string(plain), true
		}
	}
	return "", false
}

func (k Keys) sealer(key int) (cipher.AEAD, error) {
	block, err := aes.NewCipher(k.derive(key, "seal key v1"))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// derive returns 32 bytes that only who has the key knows.
func (k Keys) derive(key int, what string) []byte {
	mac := hmac.New(sha256.New, k[key])
	mac.Write([]byte(what))
	return mac.Sum(nil)
}
