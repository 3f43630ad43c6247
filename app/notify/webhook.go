package notify

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/firebreak-dev/firebreak/app/engine"
)

// SignatureHeader carries "sha256=" and the hex HMAC-SHA256 of the body.
const SignatureHeader = "X-Firebreak-Signature-256"

// message is the body of both pages and announcements. The key goes along, so that the receiver can
// tell a repetition.
type message struct {
	Kind    string `json:"kind"` // "page" or "announce"
	Channel string `json:"channel"`
	To      string `json:"to"`
	Text    string `json:"text"`
	Key     string `json:"key"`
	URL     string `json:"url,omitempty"`
	// of an email: belongs behind a + of the address for answers, or before the @ of an id in
	// References
	Tag string `json:"tag,omitempty"`
	// Links are where each person of To answers without a login, by @login. Each is for that person
	// alone.
	Links map[string]string `json:"links,omitempty"`
}

// hook is where messages are posted.
type hook struct {
	url     string
	signing []byte // empty: they are not signed
	client  *http.Client
	hide    []string
}

// ownHook is one of the operator's own receivers.
func (n *Notifier) ownHook(url string) hook {
	return hook{url: url, signing: n.Signing, client: n.own, hide: []string{url, string(n.Signing)}}
}

func (n *Notifier) pageWebhook(ctx context.Context, p engine.Page) error {
	text := strings.TrimSpace(title(p) + "\n" + p.Text)
	return n.post(
		ctx,
		n.ownHook(n.PageURL),
		message{
			Kind:    "page",
			Channel: "webhook",
			To:      strings.Join(p.To, ", "),
			Text:    text,
			Key:     p.Key,
			URL:     p.URL,
			Links:   p.Links,
		},
	)
}

// announceWebhook posts to the address in the secret that the customer's channel names.
func (n *Notifier) announceWebhook(ctx context.Context, a engine.Announcement) error {
	h, err := n.hook(ctx, a.Channel.To)
	if err != nil {
		return err
	}
	return n.post(ctx, h, message{Kind: "announce", Channel: "webhook", Text: a.Text, Key: a.Key})
}

// hook reads an address out of a secret. What follows a # signs the messages: each receiver has a
// key of its own, or one customer could write to another in our name.
func (n *Notifier) hook(ctx context.Context, name string) (hook, error) {
	value, err := n.secret(ctx, "webhook", name)
	if err != nil {
		return hook{}, err
	}
	u, err := url.Parse(value)
	if err != nil || u.Host == "" ||
		u.Scheme != "https" && (u.Scheme != "http" || !n.guard.of(ctx).names(u.Hostname(), cmp.Or(u.Port(), "80"))) {
		return hook{}, final(
			"webhook",
			"the secret "+name+" must hold an address such as https://example.com/hook, or "+
				"https://example.com/hook#key to sign with that key",
		)
	}
	h := hook{signing: []byte(u.Fragment), client: n.client, hide: []string{value, u.Fragment}}
	u.Fragment = ""
	h.url = u.String()
	h.hide = append(h.hide, h.url)
	return h, nil
}

func (n *Notifier) post(ctx context.Context, h hook, m message) error {
	if h.url == "" {
		return final("webhook", "no address is set to send a "+m.Kind+" to")
	}
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return n.send(ctx, "webhook", h.hide, func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(body))
		if err != nil {
			return final("webhook", err.Error())
		}
		req.Header.Set("Content-Type", "application/json")
		if len(h.signing) > 0 {
			mac := hmac.New(sha256.New, h.signing)
			mac.Write(body)
			req.Header.Set(SignatureHeader, "sha256="+hex.EncodeToString(mac.Sum(nil)))
		}
		return do(h.client, req)
	})
}

// do sends a request whose answer matters only for its status, which the exchange holds.
func do(c *http.Client, req *http.Request) error {
	res, err := c.Do(req)
	if err != nil {
		return err
	}
	return res.Body.Close()
}
