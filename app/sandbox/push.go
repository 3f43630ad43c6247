package sandbox

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// Pushes arrive on the sandbox's phones as Pushover, ntfy and Gotify take them, and what somebody taps there goes
// back as those vendors' apps and servers send it.
// https://pushover.net/api, https://docs.ntfy.sh/publish/ and https://gotify.net/api-docs

const (
	pushoverPath = "/sandbox/pushover"
	gotifyPath   = "/sandbox/gotify"
)

// The vendors of pushes.
const (
	viaPushover = "pushover"
	viaNtfy     = "ntfy"
	viaGotify   = "gotify"
)

// PushKeys are by what pushes reach one person.
type PushKeys struct {
	Pushover            string // the user's key
	Ntfy, NtfyToken     string // the topic's address, and a token that may publish to it
	Gotify, GotifyToken string // the server's address, and the token of an application
}

// newKey returns a key of somebody or something; it follows from the webhook's secret, so that it need not be kept.
func (s *Sandbox) newKey(of string, length int) string {
	return sign(s.o.WebhookSecret, []byte(of))[7 : 7+length]
}

func (s *Sandbox) pushoverToken() string { return "a" + s.newKey("pushover", 29) }
func (s *Sandbox) ntfyToken() string     { return "tk_" + s.newKey("ntfy", 29) }

// pushKeys returns by what pushes reach each person, by login.
func (s *Sandbox) pushKeys() map[string]PushKeys {
	all := map[string]PushKeys{}
	for _, u := range s.forge.Users {
		if u.Kind == forge.KindUser {
			all[u.Login] = PushKeys{
				Pushover: "u" + s.newKey("pushover "+u.Login, 29),
				// ntfy is served at a root alone: https://docs.ntfy.sh/publish/#publish-as-json
				Ntfy: s.o.URL + "/" + u.Login + "-" + s.newKey("ntfy "+u.Login, 12), NtfyToken: s.ntfyToken(),
				Gotify: s.o.URL + gotifyPath, GotifyToken: "A" + s.newKey("gotify "+u.Login, 14),
			}
		}
	}
	return all
}

// loginBy returns whose key of a vendor it is; "": nobody's. The forge must not be locked.
func (s *Sandbox) loginBy(key string, of func(PushKeys) string) string {
	s.forge.Lock()
	defer s.forge.Unlock()
	for login, keys := range s.pushKeys() {
		if hmac.Equal([]byte(of(keys)), []byte(key)) {
			return login
		}
	}
	return ""
}

// routePushes adds the vendors of pushes. What ntfy has is at the root.
func (s *Sandbox) routePushes(mux *http.ServeMux) {
	mux.HandleFunc("POST "+pushoverPath+"/1/messages.json", s.takePushover)
	mux.HandleFunc("POST "+pushoverPath+"/1/users/validate.json", s.validatePushover)
	mux.HandleFunc("GET "+pushoverPath+"/1/receipts/{receipt}", s.showReceipt)
	mux.HandleFunc("POST "+gotifyPath+"/message", s.takeGotify)
	mux.HandleFunc("GET "+gotifyPath+"/health", func(w http.ResponseWriter, _ *http.Request) {
		tell(w, http.StatusOK, map[string]any{"health": "green", "database": "green"})
	})
}

func (s *Sandbox) routeNtfy(mux *http.ServeMux) {
	mux.HandleFunc("POST /{$}", s.takeNtfy)
	mux.HandleFunc("GET /v1/health", func(w http.ResponseWriter, _ *http.Request) {
		tell(w, http.StatusOK, map[string]any{"healthy": true})
	})
}

// arrive lets a push arrive on somebody's phone and returns its id, of length n. The forge must not be locked.
func (s *Sandbox) arrive(e forge.PhoneEntry, n int) (id string, at time.Time) {
	s.forge.Lock()
	defer s.forge.Unlock()
	e.Kind, e.At, e.State = "push", s.forge.Now(), cmp.Or(e.State, forge.PhoneArrived)
	e.ID = s.newKey(fmt.Sprintf("push %d", len(s.forge.Phones)), n)
	s.forge.Phones = append(s.forge.Phones, e)
	s.forge.NoteChange()
	return e.ID, e.At
}

// tellPushover answers as Pushover does. https://pushover.net/api#response
func (s *Sandbox) tellPushover(w http.ResponseWriter, status int, more map[string]any) {
	s.forge.Lock()
	more["request"] = s.newKey(fmt.Sprintf("request %d", len(s.forge.Phones)), 32)
	s.forge.Unlock()
	more["status"] = 1
	if status != http.StatusOK {
		more["status"] = 0
	}
	tell(w, status, more)
}

func (s *Sandbox) refusePushover(w http.ResponseWriter, field, what, why string) {
	s.tellPushover(w, http.StatusBadRequest, map[string]any{field: what, "errors": []string{why}})
}

// pushoverForm reads a form with the application's token and a user's key, and refuses another.
func (s *Sandbox) pushoverForm(w http.ResponseWriter, r *http.Request) (login string, ok bool) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		s.refusePushover(w, "message", "cannot be read", "the form can't be read")
		return "", false
	}
	if !hmac.Equal([]byte(r.PostForm.Get("token")), []byte(s.pushoverToken())) {
		s.refusePushover(w, "token", "invalid", "application token is invalid, see https://pushover.net/api")
		return "", false
	}
	if login = s.loginBy(r.PostForm.Get("user"), func(k PushKeys) string { return k.Pushover }); login == "" {
		s.refusePushover(w, "user", "invalid", "user key is invalid")
		return "", false
	}
	return login, true
}

// pushoverLimits are how many characters each field may have. https://pushover.net/api#limits
var pushoverLimits = []struct {
	field string
	most  int
}{{"message", 1024}, {"title", 250}, {"url", 512}, {"url_title", 100}}

// takePushover takes a message. One of emergency priority rings until somebody acknowledges it.
// https://pushover.net/api#messages and https://pushover.net/api#priority
func (s *Sandbox) takePushover(w http.ResponseWriter, r *http.Request) {
	login, ok := s.pushoverForm(w, r)
	if !ok {
		return
	}
	in := r.PostForm
	if in.Get("message") == "" {
		s.refusePushover(w, "message", "cannot be blank", "message cannot be blank")
		return
	}
	for _, l := range pushoverLimits {
		if utf8.RuneCountInString(in.Get(l.field)) > l.most {
			s.refusePushover(w, l.field, "is too long", fmt.Sprintf("%s may have %d characters", l.field, l.most))
			return
		}
	}
	e := forge.PhoneEntry{Login: login, Via: viaPushover, Link: in.Get("url"),
		Text: strings.TrimSpace(in.Get("title") + "\n" + in.Get("message"))}
	said := map[string]any{}
	if in.Get("priority") == "2" {
		retry, err := strconv.Atoi(in.Get("retry"))
		if err != nil || retry < 30 {
			s.refusePushover(w, "retry", "is invalid", "retry must be supplied with priority=2, of at least 30 seconds")
			return
		}
		expire, err := strconv.Atoi(in.Get("expire"))
		if err != nil || expire <= 0 || expire > 10800 {
			s.refusePushover(w, "expire", "is invalid", "expire must be supplied with priority=2, of at most 10800 seconds")
			return
		}
		e.State, e.Callback = forge.PhoneRinging, in.Get("callback")
		e.Lasts = time.Duration(expire) * time.Second
		e.Buttons = []forge.PhoneButton{{Label: "Acknowledge", Action: forge.ButtonAcknowledge}}
	}
	if id, _ := s.arrive(e, 30); e.State == forge.PhoneRinging {
		said["receipt"] = id
	}
	s.tellPushover(w, http.StatusOK, said)
}

// validatePushover says whether a user is there. https://pushover.net/api#verification
func (s *Sandbox) validatePushover(w http.ResponseWriter, r *http.Request) {
	if _, ok := s.pushoverForm(w, r); ok {
		s.tellPushover(w, http.StatusOK, map[string]any{"devices": []string{"phone"}, "licenses": []string{"Android"}})
	}
}

// showReceipt says whether somebody acknowledged a message. https://pushover.net/api/receipts#receipt
func (s *Sandbox) showReceipt(w http.ResponseWriter, r *http.Request) {
	if !hmac.Equal([]byte(r.URL.Query().Get("token")), []byte(s.pushoverToken())) {
		s.refusePushover(w, "token", "invalid", "application token is invalid, see https://pushover.net/api")
		return
	}
	receipt, isJSON := strings.CutSuffix(r.PathValue("receipt"), ".json")
	s.forge.Lock()
	at := slices.IndexFunc(s.forge.Phones, func(p forge.PhoneEntry) bool {
		return p.Via == viaPushover && p.Lasts > 0 && p.ID == receipt
	})
	if at < 0 || !isJSON {
		s.forge.Unlock()
		s.refusePushover(w, "receipt", "not found", "receipt not found; may be invalid or expired")
		return
	}
	e, now := s.forge.Phones[at], s.forge.Now()
	by, device := "", ""
	if !e.Acknowledged.IsZero() {
		by, device = s.pushKeys()[e.Login].Pushover, "phone"
	}
	s.forge.Unlock()
	ends := e.At.Add(e.Lasts)
	s.tellPushover(w, http.StatusOK, map[string]any{"acknowledged": number(!e.Acknowledged.IsZero()),
		"acknowledged_at": unix(e.Acknowledged), "acknowledged_by": by, "acknowledged_by_device": device,
		"last_delivered_at": e.At.Unix(), "expired": number(!now.Before(ends)), "expires_at": ends.Unix(),
		"called_back": number(!e.CalledBack.IsZero()), "called_back_at": unix(e.CalledBack)})
}

func number(is bool) int {
	if is {
		return 1
	}
	return 0
}

// unix returns a time as Pushover has it: 0 for none.
func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// ntfyMessage is a message of ntfy's. https://docs.ntfy.sh/publish/#publish-as-json
type ntfyMessage struct {
	Topic    string       `json:"topic"`
	Title    string       `json:"title,omitempty"`
	Message  string       `json:"message,omitempty"`
	Priority int          `json:"priority,omitempty"`
	Tags     []string     `json:"tags,omitempty"`
	Click    string       `json:"click,omitempty"`
	Actions  []ntfyAction `json:"actions,omitempty"`
}

// ntfyAction is a button. https://docs.ntfy.sh/publish/#action-buttons
type ntfyAction struct {
	Action  string            `json:"action"`
	Label   string            `json:"label"`
	Clear   bool              `json:"clear"`
	URL     string            `json:"url,omitempty"`
	Method  string            `json:"method,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    string            `json:"body,omitempty"`
}

var ntfyTopic = regexp.MustCompile(`^[-_A-Za-z0-9]{1,64}$`)

const maxNtfyActions = 3

// wrongAction says what is wrong with a button; "": nothing.
func (a ntfyAction) wrongAction() string {
	switch {
	case a.Action != "view" && a.Action != "http" && a.Action != "broadcast":
		return "parameter 'action' cannot be '" + a.Action + "', valid values are 'view', 'broadcast' and 'http'"
	case a.Label == "":
		return "parameter 'label' is required"
	case a.Action != "broadcast" && a.URL == "":
		return "parameter 'url' is required for action '" + a.Action + "'"
	case a.Action == "http" && (a.Method == http.MethodGet || a.Method == http.MethodHead) && a.Body != "":
		return "parameter 'body' cannot be set if method is " + a.Method
	}
	return ""
}

func refuseNtfy(w http.ResponseWriter, status, code int, why string) {
	tell(w, status, map[string]any{"code": code, "http": status, "error": why,
		"link": "https://ntfy.sh/docs/publish/"})
}

// takeNtfy takes a message that is published as JSON.
func (s *Sandbox) takeNtfy(w http.ResponseWriter, r *http.Request) {
	const refused = http.StatusBadRequest
	var in ntfyMessage
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&in); err != nil {
		refuseNtfy(w, refused, 40024, "invalid request: request body must be valid JSON")
		return
	}
	wrong := ""
	for _, a := range in.Actions {
		wrong = cmp.Or(wrong, a.wrongAction())
	}
	if len(in.Actions) > maxNtfyActions {
		wrong = fmt.Sprintf("only %d actions allowed", maxNtfyActions)
	}
	switch token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); {
	case !ntfyTopic.MatchString(in.Topic):
		refuseNtfy(w, refused, 40009, "invalid request: topic invalid")
		return
	case token == "":
		refuseNtfy(w, http.StatusForbidden, 40301, "forbidden")
		return
	case !hmac.Equal([]byte(token), []byte(s.ntfyToken())):
		refuseNtfy(w, http.StatusUnauthorized, 40101, "unauthorized")
		return
	case in.Priority < 0 || in.Priority > 5:
		refuseNtfy(w, refused, 40007, "invalid priority parameter")
		return
	case wrong != "":
		refuseNtfy(w, refused, 40018, "invalid request: actions invalid, "+wrong)
		return
	}
	in.Message = cmp.Or(in.Message, "triggered")
	e := forge.PhoneEntry{Via: viaNtfy, Text: strings.TrimSpace(in.Title + "\n" + in.Message), Link: in.Click}
	for i, a := range in.Actions {
		if a.Action == "http" {
			in.Actions[i].Method = cmp.Or(a.Method, http.MethodPost)
		}
		a = in.Actions[i]
		e.Buttons = append(e.Buttons, forge.PhoneButton{Label: a.Label, Action: a.Action, URL: a.URL, Method: a.Method,
			Headers: a.Headers, Body: a.Body, Clear: a.Clear})
	}
	id, at := s.newKey("ntfy to nobody", 12), s.clock.Now().UTC()
	// nobody may have subscribed to a topic, and ntfy takes the message all the same
	e.Login = s.loginBy(s.o.URL+"/"+in.Topic, func(k PushKeys) string { return k.Ntfy })
	if e.Login != "" {
		id, at = s.arrive(e, 12)
	}
	tell(w, http.StatusOK, struct {
		ID      string `json:"id"`
		Time    int64  `json:"time"`
		Expires int64  `json:"expires"`
		Event   string `json:"event"`
		ntfyMessage
	}{id, at.Unix(), at.Add(12 * time.Hour).Unix(), "message", in})
}

func refuseGotify(w http.ResponseWriter, status int, why string) {
	tell(w, status, map[string]any{"error": http.StatusText(status), "errorCode": status, "errorDescription": why})
}

// takeGotify takes a message. Gotify's apps have no buttons: a tap opens the address of the extra.
// https://gotify.net/api-docs#/message/createMessage and https://gotify.net/docs/msgextras
func (s *Sandbox) takeGotify(w http.ResponseWriter, r *http.Request) {
	bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	token := cmp.Or(r.URL.Query().Get("token"), r.Header.Get("X-Gotify-Key"), bearer)
	login := s.loginBy(token, func(k PushKeys) string { return k.GotifyToken })
	if login == "" {
		refuseGotify(w, http.StatusUnauthorized,
			"you need to provide a valid access token or user credentials to access this api")
		return
	}
	var in struct {
		Title    string         `json:"title,omitempty"`
		Message  string         `json:"message"`
		Priority int            `json:"priority"`
		Extras   map[string]any `json:"extras,omitempty"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&in); err != nil {
		refuseGotify(w, http.StatusBadRequest, err.Error())
		return
	}
	if in.Message == "" {
		refuseGotify(w, http.StatusBadRequest, "Field 'message' is required")
		return
	}
	notification, _ := in.Extras["client::notification"].(map[string]any)
	click, _ := notification["click"].(map[string]any)
	link, _ := click["url"].(string)
	_, at := s.arrive(forge.PhoneEntry{Login: login, Via: viaGotify, Link: link,
		Text: strings.TrimSpace(in.Title + "\n" + in.Message)}, 12)
	s.forge.Lock()
	id := len(s.forge.Phones)
	s.forge.Unlock()
	tell(w, http.StatusOK, map[string]any{"id": id, "appid": 1, "title": in.Title, "message": in.Message,
		"priority": in.Priority, "extras": in.Extras, "date": at.Format(time.RFC3339Nano)})
}

// Tap taps a button of a push on somebody's phone and returns what came of it: of the push with the id, or of the
// newest that has such a button.
func (s *Sandbox) Tap(ctx context.Context, login, id, label string) (said string, err error) {
	push, button, err := s.takeTap(login, id, label)
	if err != nil {
		return "", err
	}
	switch {
	case button.Action == forge.ButtonAcknowledge && push.Callback == "":
		said = "Acknowledged"
	case button.Action == forge.ButtonAcknowledge:
		if said, err = s.tellReceipt(ctx, push); err == nil {
			said = "Acknowledged"
		}
	default:
		said, err = request(ctx, *button)
	}
	s.forge.Lock()
	defer s.forge.Unlock()
	if e := s.forge.PhoneEntryByID(push.ID); e != nil {
		e.Pressed, e.State, e.Answer = button.Label, forge.PhoneAnswered, said
		if err != nil {
			e.State, e.Answer = forge.PhoneFailed, err.Error()
		} else if button.Action == forge.ButtonAcknowledge && push.Callback != "" {
			e.CalledBack = s.forge.Now()
		}
		s.forge.NoteChange()
	}
	return said, err
}

// takeTap finds what somebody taps. A message of Pushover's is acknowledged before anybody is called back: whoever
// is called asks for its receipt.
func (s *Sandbox) takeTap(login, id, label string) (forge.PhoneEntry, *forge.PhoneButton, error) {
	s.forge.Lock()
	defer s.forge.Unlock()
	for n := len(s.forge.Phones) - 1; n >= 0; n-- {
		e := &s.forge.Phones[n]
		if !strings.EqualFold(e.Login, login) || id != "" && e.ID != id {
			continue
		}
		b := slices.IndexFunc(e.Buttons, func(b forge.PhoneButton) bool { return b.Label == label })
		if b < 0 {
			continue
		}
		button := e.Buttons[b]
		if !e.CanTap() {
			return *e, nil, fmt.Errorf("that push to %s is gone: it was answered", login)
		}
		if button.Action == forge.ButtonAcknowledge && e.Acknowledged.IsZero() {
			e.Acknowledged = s.forge.Now()
			s.forge.NoteChange()
		}
		return *e, &button, nil
	}
	return forge.PhoneEntry{}, nil, fmt.Errorf("no push to %s has the button %q", login, label)
}

// tellReceipt calls back as Pushover does. It signs nothing. https://pushover.net/api/receipts#callback
func (s *Sandbox) tellReceipt(ctx context.Context, e forge.PhoneEntry) (said string, err error) {
	s.forge.Lock()
	by := s.pushKeys()[e.Login].Pushover
	s.forge.Unlock()
	form := url.Values{"receipt": {e.ID}, "acknowledged": {"1"}, "acknowledged_by": {by},
		"acknowledged_by_device": {"phone"}, "acknowledged_at": {strconv.FormatInt(e.Acknowledged.Unix(), 10)}}
	return request(ctx, forge.PhoneButton{Method: http.MethodPost, URL: e.Callback, Body: form.Encode(),
		Headers: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}})
}

// request makes the request of a button as ntfy's app does.
// https://docs.ntfy.sh/publish/#send-http-request
func request(ctx context.Context, b forge.PhoneButton) (said string, err error) {
	if b.Action == "view" || b.Action == "broadcast" {
		return "", errors.New("this button stays on the phone: it sends nothing")
	}
	ctx, stop := context.WithTimeout(ctx, callTimeout)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, b.Method, b.URL, bytes.NewReader([]byte(b.Body)))
	if err != nil {
		return "", fmt.Errorf("tell who sent the push: %w", err)
	}
	for name, value := range b.Headers {
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", fmt.Errorf("tell who sent the push: %w", err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return "", fmt.Errorf("who sent the push answers %d", res.StatusCode)
	}
	return fmt.Sprintf("Sent, answered %d", res.StatusCode), nil
}
