// Package notify reaches people outside GitHub: the pages of the escalation and the updates for customers.
package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
)

// SignatureHeader carries "sha256=" and the hex HMAC-SHA256 of the body.
const SignatureHeader = "X-Firebreak-Signature-256"

const timeout = 10 * time.Second

// Webhook sends pages and announcements as signed JSON to addresses of the operator's own. It implements engine.Pager
// and engine.Announcer. The key goes along, so that the receiver can tell a repetition.
type Webhook struct {
	PageURL     string // empty: pages can't be sent
	AnnounceURL string // empty: announcements can't be sent
	Secret      []byte
	Client      *http.Client // nil: one that waits ten seconds
}

// message is the body of both.
type message struct {
	Kind    string `json:"kind"` // "page" or "announce"
	Channel string `json:"channel"`
	To      string `json:"to"`
	Text    string `json:"text"`
	Key     string `json:"key"`
	URL     string `json:"url,omitempty"`
}

// Page sends one page.
func (w *Webhook) Page(ctx context.Context, p engine.Page) error {
	title := p.Title
	if p.Drill {
		title = "DRILL: " + title
	}
	text := strings.TrimSpace(title + "\n" + p.Text)
	return w.post(ctx, w.PageURL, message{Kind: "page", Channel: "webhook", To: strings.Join(p.To, ", "), Text: text, Key: p.Key, URL: p.URL})
}

// Announce sends a customer's update. Nothing but its text goes along: no title, no address of the incident (A7).
func (w *Webhook) Announce(ctx context.Context, a engine.Announcement) error {
	return w.post(ctx, w.AnnounceURL, message{Kind: "announce", Channel: a.Channel.Kind, To: a.Channel.To, Text: a.Text, Key: a.Key})
}

// plain follows no redirect: the message would be lost on the way, and its receiver another than the operator named.
var plain = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func (w *Webhook) post(ctx context.Context, url string, m message) error {
	if url == "" {
		return fmt.Errorf("no address is set to send a %s to", m.Kind)
	}
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, timeout)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("send a %s: %w", m.Kind, err)
	}
	mac := hmac.New(sha256.New, w.Secret)
	mac.Write(body)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(SignatureHeader, "sha256="+hex.EncodeToString(mac.Sum(nil)))
	client := w.Client
	if client == nil {
		client = plain
	}
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("send a %s: %w", m.Kind, err)
	}
	defer res.Body.Close()
	if res.StatusCode < 200 || res.StatusCode > 299 {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 200))
		return fmt.Errorf("send a %s: the receiver answers %s: %s", m.Kind, res.Status, bytes.TrimSpace(text))
	}
	return nil
}
