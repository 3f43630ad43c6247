package notify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// ErrUnsigned is why a webhook is not believed.
var ErrUnsigned = errors.New("no signature or token of it fits a secret of ours")

// Ack is somebody's acknowledgement of a page.
type Ack struct {
	Key    string    // of the page
	By     string    // what the service calls the person; empty: it doesn't say
	At     time.Time // zero: it doesn't say
	Source string    // "pagerduty" or "opsgenie"
}

// PagerDutyAck reads a V3 webhook: an acknowledgement, or false for any other event. body is the raw body, which the
// signatures are made of; while a secret is rotated there are several, and each of secrets is tried.
// https://developer.pagerduty.com/docs/verifying-signatures
func PagerDutyAck(body []byte, header http.Header, secrets [][]byte) (Ack, bool, error) {
	if !pagerDutySigned(body, header.Values("X-PagerDuty-Signature"), secrets) {
		return Ack{}, false, fmt.Errorf("pagerduty's webhook: %w", ErrUnsigned)
	}
	var hook struct {
		Event *struct {
			Type  string    `json:"event_type"`
			At    time.Time `json:"occurred_at"`
			Agent struct {
				Summary string `json:"summary"`
			} `json:"agent"`
			Data struct {
				Key string `json:"incident_key"`
			} `json:"data"`
		} `json:"event"`
	}
	if err := json.Unmarshal(body, &hook); err != nil {
		return Ack{}, false, fmt.Errorf("pagerduty's webhook: %w", err)
	}
	if hook.Event == nil || hook.Event.Type == "" {
		return Ack{}, false, errors.New("pagerduty's webhook holds no event")
	}
	e := hook.Event
	if e.Type != "incident.acknowledged" || e.Data.Key == "" {
		return Ack{}, false, nil
	}
	return Ack{Key: e.Data.Key, By: oneLine(e.Agent.Summary), At: believable(e.At), Source: "pagerduty"}, true, nil
}

func pagerDutySigned(body []byte, headers []string, secrets [][]byte) bool {
	fits := false
	for _, part := range strings.Split(strings.Join(headers, ","), ",") {
		version, sum, _ := strings.Cut(strings.TrimSpace(part), "=")
		given, err := hex.DecodeString(sum)
		if version != "v1" || err != nil {
			continue
		}
		for _, secret := range secrets {
			mac := hmac.New(sha256.New, secret)
			mac.Write(body)
			fits = hmac.Equal(mac.Sum(nil), given) && len(secret) > 0 || fits
		}
	}
	return fits
}

// OpsgenieAck reads an outgoing webhook of Opsgenie, or of Jira Service Management, which sends the same: an
// acknowledgement, or false for any other action. They sign nothing; a custom header of any name must hold one of tokens.
// https://support.atlassian.com/opsgenie/docs/opsgenie-edge-connector-alert-action-data/
func OpsgenieAck(body []byte, header http.Header, tokens [][]byte) (Ack, bool, error) {
	if !holdsToken(header, tokens) {
		return Ack{}, false, fmt.Errorf("opsgenie's webhook: %w", ErrUnsigned)
	}
	var hook struct {
		Action string `json:"action"`
		Alert  struct {
			Alias    string      `json:"alias"`
			Username string      `json:"username"`
			Updated  json.Number `json:"updatedAt"`
		} `json:"alert"`
	}
	if err := json.Unmarshal(body, &hook); err != nil {
		return Ack{}, false, fmt.Errorf("opsgenie's webhook: %w", err)
	}
	if hook.Action == "" {
		return Ack{}, false, errors.New("opsgenie's webhook holds no action")
	}
	if hook.Action != "Acknowledge" || hook.Alert.Alias == "" {
		return Ack{}, false, nil
	}
	return Ack{Key: hook.Alert.Alias, By: oneLine(hook.Alert.Username), At: sinceEpoch(hook.Alert.Updated), Source: "opsgenie"}, true, nil
}

func holdsToken(header http.Header, tokens [][]byte) bool {
	fits := false
	for _, values := range header {
		for _, v := range values {
			given := sha256.Sum256([]byte(v)) // sums have one length, so that comparing tells nothing of the token's
			for _, token := range tokens {
				want := sha256.Sum256(token)
				fits = hmac.Equal(given[:], want[:]) && len(token) > 0 || fits
			}
		}
	}
	return fits
}

// sinceEpoch reads a time in milliseconds or in nanoseconds: Atlassian's own examples of updatedAt are in either.
func sinceEpoch(n json.Number) time.Time {
	i, err := n.Int64()
	switch {
	case err != nil:
		return time.Time{}
	case i > 1e17:
		return believable(time.Unix(0, i))
	}
	return believable(time.UnixMilli(i))
}

// believable drops times that nobody can mean; some of them JSON can't even hold.
func believable(at time.Time) time.Time {
	if at = at.UTC(); at.Year() < 2000 || at.Year() > 9000 {
		return time.Time{}
	}
	return at
}
