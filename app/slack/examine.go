package slack

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// Health is what Slack says of the bot.
type Health struct {
	Bot, Workspace string
	Missing        []Scope // of Scopes
}

// headers keeps the header of the last answer.
type headers struct {
	by   http.RoundTripper
	last http.Header
}

// RoundTrip implements http.RoundTripper.
func (h *headers) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := h.by.RoundTrip(r)
	if err == nil {
		h.last = res.Header
	}
	return res, err
}

// Examine asks Slack who the bot is, and what it may do. It changes nothing.
// https://docs.slack.dev/reference/methods/auth.test
func (s *Slack) Examine(ctx context.Context, service incident.Service, isPublic bool) (Health, error) {
	token, err := s.Secret(incident.ForAccount(ctx, service.Account), service.Secret)
	if err != nil {
		return Health{}, err
	}
	by := s.Client.Transport
	if by == nil {
		by = http.DefaultTransport
	}
	seen := &headers{by: by}
	options := []slack.Option{slack.OptionHTTPClient(&http.Client{Transport: seen, Timeout: callTimeout})}
	if s.URL != "" {
		options = append(options, slack.OptionAPIURL(strings.TrimSuffix(s.URL, "/")+"/"))
	}
	who, err := slack.New(token, options...).AuthTestContext(ctx)
	if err != nil {
		return Health{}, errorOf(time.Now(), "auth.test", err)
	}
	h := Health{Bot: who.User, Workspace: who.Team}
	granted := strings.FieldsFunc(seen.last.Get("X-OAuth-Scopes"), func(r rune) bool { return r == ',' || r == ' ' })
	for _, scope := range Scopes {
		if !slices.Contains(granted, scope.Name) && scope.isFor(isPublic) {
			h.Missing = append(h.Missing, scope)
		}
	}
	return h, nil
}

// isFor reports whether a scope is needed for the channels that are made: public or private ones.
func (s Scope) isFor(isPublic bool) bool {
	return isPublic && !strings.HasPrefix(s.Name, "groups:") || !isPublic && !strings.HasPrefix(s.Name, "channels:")
}

// Reach asks the address that takes what Slack sends for its challenge, as Slack does, signed by the signing
// secret. It returns nil where the product answers it. https://docs.slack.dev/reference/events/url_verification
func Reach(ctx context.Context, address, secret string) error {
	challenge := rand.Text()
	body, err := json.Marshal(map[string]string{"type": "url_verification", "challenge": challenge})
	if err != nil {
		return fmt.Errorf("write the challenge: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("ask %s: %w", address, err)
	}
	stamp := fmt.Sprint(time.Now().Unix())
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("v0:" + stamp + ":" + string(body)))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Slack-Request-Timestamp", stamp)
	req.Header.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	res, err := (&http.Client{Timeout: callTimeout}).Do(req)
	if err != nil {
		return fmt.Errorf("ask the product as Slack does: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	said, err := io.ReadAll(io.LimitReader(res.Body, 1<<10))
	switch {
	case err != nil:
		return fmt.Errorf("read what %s answers: %w", address, err)
	case res.StatusCode == http.StatusUnauthorized:
		return errors.New(address + " answers 401: it has another signing secret")
	case res.StatusCode == http.StatusNotFound:
		return errors.New(address + " answers 404: the product takes nothing from Slack there")
	case res.StatusCode != http.StatusOK || string(said) != challenge:
		return fmt.Errorf("%s answers %s", address, res.Status)
	}
	return nil
}
