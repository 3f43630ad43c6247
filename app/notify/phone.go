package notify

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	twilioclient "github.com/twilio/twilio-go/client"
	twilio "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/texts"
	"github.com/firebreak-dev/firebreak/templates"
)

// maxText is how much of a page a text has before its link: three parts of an SMS with it.
const maxText = 280

// twilio sends a text, or calls. Twilio takes no key by which it would know a repetition, so what it
// accepted is never sent again.
// https://www.twilio.com/docs/messaging/api/message-resource and
// https://www.twilio.com/docs/voice/api/call-resource
func (n *Notifier) twilio(ctx context.Context, p engine.Page, w way, link string) error {
	account, from := p.Service.Options["twilio-account"], p.Service.Options["twilio-from"]
	if account == "" || from == "" {
		return final(w.kind, "set twilio-account, twilio-from and twilio-secret of the service people")
	}
	token, err := n.secret(ctx, w.kind, p.Service.Options["twilio-secret"])
	if err != nil {
		return err
	}
	create := func(api *twilio.ApiService) error {
		text := texts.Truncate(texts.Squeeze(title(p)+". "+p.Text), maxText)
		_, err := api.CreateMessage((&twilio.CreateMessageParams{}).SetTo(w.address).SetFrom(from).
			SetBody(strings.TrimSpace(text + "\n" + cmp.Or(link, p.URL))))
		return err
	}
	if w.kind == "call" {
		script, err := templates.CallScript(templates.Call{Title: title(p), Text: p.Text, Answer: callback(link, "call"),
			Test: p.Test})
		if err != nil {
			return final(w.kind, err.Error())
		}
		create = func(api *twilio.ApiService) error {
			_, err := api.CreateCall((&twilio.CreateCallParams{}).SetTo(w.address).SetFrom(from).SetTwiml(script).
				SetTimeout(ringing))
			return err
		}
	}
	return n.send(ctx, w.kind, []string{token, w.address, link}, func(ctx context.Context) error {
		c := &twilioclient.Client{Credentials: twilioclient.NewCredentials(account, token), HTTPClient: n.toTwilio(ctx)}
		c.SetAccountSid(account)
		// made by hand: what would make it reads another host from the environment
		err := create(twilio.NewApiService(&twilioclient.RequestHandler{Client: c}))
		if x, ok := ctx.Value(exchangeKey{}).(*exchange); ok && x.status >= 200 && x.status <= 299 {
			return nil // it was taken, whatever the library makes of the answer
		}
		var said *twilioclient.TwilioRestError
		if errors.As(err, &said) {
			return final(w.kind, said.Message)
		}
		return err
	})
}

// ringing is for how many seconds a phone rings; a voice mail mostly takes over after 25.
const ringing = 40

// toTwilio returns the client for Twilio's library, which knows no context and one server: each request has
// this context, and with it its end, and goes to PhoneURL where that is set.
func (n *Notifier) toTwilio(ctx context.Context) *http.Client {
	c := *n.client
	b := bound{ctx: ctx, next: n.client.Transport}
	if u, err := url.Parse(n.PhoneURL); err == nil && u.Host != "" {
		b.to, b.next = u, n.own.Transport
	}
	c.Transport = b
	return &c
}

// bound sends each request within a context.
type bound struct {
	ctx  context.Context
	to   *url.URL // another server, with a path before that of each request; nil: its own
	next http.RoundTripper
}

func (b bound) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(b.ctx)
	if b.to != nil {
		r.URL.Scheme, r.URL.Host, r.Host = b.to.Scheme, b.to.Host, b.to.Host
		r.URL.Path = strings.TrimSuffix(b.to.Path, "/") + r.URL.Path
	}
	return b.next.RoundTrip(r)
}

// callback returns where a vendor says what somebody answered; empty: there is no link.
func callback(link, vendor string) string {
	if link == "" {
		return ""
	}
	return link + "?way=" + vendor
}

// VerifyCall reports by an error that Twilio did not send what somebody pressed on the phone.
// https://www.twilio.com/docs/usage/security#validating-requests
func (n *Notifier) VerifyCall(ctx context.Context, s incident.Service, address string, form url.Values,
	signature string) error {
	token, err := n.secret(incident.ForAccount(ctx, s.Account), "call", s.Options["twilio-secret"])
	if err != nil {
		return err
	}
	fields := map[string]string{}
	for name := range form {
		fields[name] = form.Get(name)
	}
	if v := twilioclient.NewRequestValidator(token); !v.Validate(address, fields, signature) {
		return final("call", "the signature does not fit")
	}
	return nil
}

// pushoverAPI is Pushover's, https://pushover.net/api
const pushoverAPI = "https://api.pushover.net/1/"

// toPushover returns the address of a method of Pushover's API, and the client for it.
func (n *Notifier) toPushover(method string) (string, *http.Client) {
	if n.PushoverURL != "" {
		return strings.TrimSuffix(n.PushoverURL, "/") + "/" + method, n.own
	}
	return pushoverAPI + method, n.client
}

// pushover sends a message of emergency priority, which rings until somebody confirms it.
// https://pushover.net/api#priority
func (n *Notifier) pushover(ctx context.Context, p engine.Page, w way, link string) error {
	token, err := n.secret(ctx, w.kind, p.Service.Options["pushover-secret"])
	if err != nil {
		return err
	}
	form := url.Values{"token": {token}, "user": {w.address}, "title": {texts.Truncate(title(p), 250)},
		"message": {cmp.Or(texts.Truncate(p.Text, 1000), title(p))}, "priority": {"2"}, "retry": {"60"}, "expire": {"1800"}}
	if to := cmp.Or(link, p.URL); to != "" && len(to) <= 512 {
		form.Set("url", to)
		form.Set("url_title", "Answer")
	}
	if link != "" {
		form.Set("callback", callback(link, "pushover"))
	}
	body := form.Encode()
	return n.send(ctx, w.kind, []string{token, w.address, link}, func(ctx context.Context) error {
		address, client := n.toPushover("messages.json")
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return do(client, req)
	})
}

// VerifyReceipt reports by an error that nobody confirmed a message of Pushover's. Its callbacks have no
// signature, so Pushover is asked. https://pushover.net/api/receipts
func (n *Notifier) VerifyReceipt(ctx context.Context, s incident.Service, receipt string) error {
	const kind = "pushover"
	ctx = incident.ForAccount(ctx, s.Account)
	token, err := n.secret(ctx, kind, s.Options["pushover-secret"])
	if err != nil {
		return err
	}
	if !pushoverKey.MatchString(receipt) {
		return final(kind, "that is no receipt")
	}
	return n.send(ctx, kind, []string{token}, func(ctx context.Context) error {
		address, client := n.toPushover("receipts/" + receipt + ".json?token=" + url.QueryEscape(token))
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return err
		}
		res, err := client.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		var said struct{ Status, Acknowledged int }
		if err := json.NewDecoder(res.Body).Decode(&said); err != nil || said.Status != 1 || said.Acknowledged != 1 {
			return final(kind, "Pushover says that nobody confirmed it")
		}
		return nil
	})
}

// ntfyAction is a button, https://docs.ntfy.sh/publish/#send-http-request
type ntfyAction struct {
	Action  string            `json:"action"`
	Label   string            `json:"label"`
	URL     string            `json:"url"`
	Method  string            `json:"method,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    string            `json:"body,omitempty"`
	Clear   bool              `json:"clear,omitempty"`
}

// ntfy publishes with buttons that answer, https://docs.ntfy.sh/publish/#publish-as-json
func (n *Notifier) ntfy(ctx context.Context, p engine.Page, w way, link string) error {
	u, err := url.Parse(w.address)
	if err != nil {
		return final(w.kind, "the address can't be read")
	}
	topic := strings.Trim(u.Path, "/")
	u.Path = "/"
	message := map[string]any{"topic": topic, "title": texts.Truncate(title(p), 250),
		"message": cmp.Or(texts.Truncate(p.Text, 2000), title(p)), "priority": 5, "tags": []string{"rotating_light"}}
	if to := cmp.Or(link, p.URL); to != "" {
		message["click"] = to
	}
	if link != "" {
		var actions []ntfyAction
		answers := incident.PageAnswers
		if p.Test {
			answers = []string{incident.AnswerSeen}
		}
		for _, how := range answers {
			actions = append(actions, ntfyAction{Action: "http", Label: templates.AnswerLabel(how), URL: link + "?via=ntfy",
				Method: http.MethodPost, Headers: map[string]string{"Content-Type": "application/x-www-form-urlencoded"},
				Body: "answer=" + how, Clear: true})
		}
		message["actions"] = actions
	}
	return n.postPush(ctx, w, u.String(), []string{topic, link}, message, func(r *http.Request) {
		if w.Token != "" {
			r.Header.Set("Authorization", "Bearer "+w.Token)
		}
	})
}

// gotify sends a message that opens the page's link, https://gotify.net/docs/msgextras
func (n *Notifier) gotify(ctx context.Context, p engine.Page, w way, link string) error {
	message := map[string]any{"title": texts.Truncate(title(p), 250),
		"message": cmp.Or(texts.Truncate(p.Text, 2000), title(p)), "priority": 10}
	if to := cmp.Or(link, p.URL); to != "" {
		message["extras"] = map[string]any{"client::notification": map[string]any{"click": map[string]string{"url": to}}}
		message["message"] = fmt.Sprint(message["message"], "\n\n", to)
	}
	return n.postPush(ctx, w, strings.TrimSuffix(w.address, "/")+"/message", []string{link}, message,
		func(r *http.Request) { r.Header.Set("X-Gotify-Key", w.Token) })
}

func (n *Notifier) postPush(ctx context.Context, w way, address string, hide []string, message any,
	authorize func(*http.Request)) error {
	body, err := json.Marshal(message)
	if err != nil {
		return final(w.kind, err.Error())
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && !n.guard.names(u.Hostname(), cmp.Or(u.Port(), "80")) {
		return final(w.kind, "the address must begin with https://")
	}
	hide = append(hide, w.Token, address, w.address)
	return n.send(ctx, w.kind, hide, func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(string(body)))
		if err != nil {
			return errors.New("the address can't be read")
		}
		req.Header.Set("Content-Type", "application/json")
		authorize(req)
		return do(n.client, req)
	})
}
