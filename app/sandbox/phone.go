package sandbox

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// The sandbox's phones: calls and texts arrive as Twilio takes them, and a key that is pressed goes
// back to whoever called as Twilio sends it, signed.
// https://www.twilio.com/docs/voice/api/call-resource, https://www.twilio.com/docs/messaging/api/message-resource
// and https://www.twilio.com/docs/usage/security#validating-requests

// phonePath is where calls and texts arrive, before the path that Twilio has.
const phonePath = "/sandbox/twilio"

// callTimeout is how long whoever called may take to hear of a key: as long as with Twilio.
const callTimeout = 15 * time.Second

// PhoneAccount is the account that calls.
const PhoneAccount = "AC5a4db0c5a4db0c5a4db0c5a4db0c5a4d"

// phoneToken is the account's; it follows from the webhook's secret, so that it need not be kept.
func (s *Sandbox) phoneToken() string { return s.newKey("phone token", 32) }

// phones returns everybody's number, by login.
func (s *Sandbox) phones() map[string]string {
	all := map[string]string{}
	for _, u := range s.forge.Users {
		if u.Kind == forge.KindUser {
			all[u.Login] = u.PhoneNumber()
		}
	}
	return all
}

// teams returns the people of each team, by slug.
func (s *Sandbox) teams() map[string][]string {
	all := map[string][]string{}
	for _, t := range s.forge.Teams {
		all[t.Slug] = slices.Clone(t.Members)
	}
	return all
}

func (s *Sandbox) routePhones(mux *http.ServeMux) {
	s.routePushes(mux)
	mux.HandleFunc("POST "+phonePath+"/2010-04-01/Accounts/{account}/{resource}", s.takeCall)
	mux.HandleFunc("GET "+phonePath+"/2010-04-01/Accounts/{account}", s.showAccount)
	mux.HandleFunc("GET /sandbox/phones", func(w http.ResponseWriter, _ *http.Request) {
		s.forge.Lock()
		defer s.forge.Unlock()
		tell(w, http.StatusOK, listOf(slices.Clone(s.forge.Phones)))
	})
	mux.HandleFunc("POST /sandbox/phones/{login}/press", func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Digit, Button, ID string }
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10)).Decode(&in); err != nil {
			tell(w, http.StatusBadRequest, map[string]any{
				"message": `say which key, like {"digit":"1"}, or which button of a push, like {"button":"Acknowledge"}`})
			return
		}
		press := func() (string, error) { return s.Press(r.Context(), r.PathValue("login"), in.Digit) }
		if in.Button != "" {
			press = func() (string, error) { return s.Tap(r.Context(), r.PathValue("login"), in.ID, in.Button) }
		}
		said, err := press()
		if err != nil {
			tell(w, http.StatusUnprocessableEntity, map[string]any{"message": err.Error()})
			return
		}
		tell(w, http.StatusOK, map[string]any{"answer": said})
	})
}

// refuseCall answers as Twilio does. https://www.twilio.com/docs/usage/twilios-response
func refuseCall(w http.ResponseWriter, status, code int, message string) {
	tell(w, status, map[string]any{"code": code, "message": message, "status": status,
		"more_info": fmt.Sprintf("https://www.twilio.com/docs/errors/%d", code)})
}

// isCaller reports whether a request has the account's token, and refuses it otherwise.
func (s *Sandbox) isCaller(w http.ResponseWriter, r *http.Request, account string) bool {
	user, password, _ := r.BasicAuth()
	if user != PhoneAccount || user != account || !hmac.Equal([]byte(password), []byte(s.phoneToken())) {
		refuseCall(w, http.StatusUnauthorized, 20003, "Authenticate")
		return false
	}
	return true
}

// showAccount shows the account. https://www.twilio.com/docs/iam/api/account
func (s *Sandbox) showAccount(w http.ResponseWriter, r *http.Request) {
	account := strings.TrimSuffix(r.PathValue("account"), ".json")
	if s.isCaller(w, r, account) {
		tell(w, http.StatusOK, map[string]any{"sid": account, "friendly_name": "The sandbox", "status": "active",
			"type": "Full"})
	}
}

// takeCall takes a call or a text.
func (s *Sandbox) takeCall(w http.ResponseWriter, r *http.Request) {
	if !s.isCaller(w, r, r.PathValue("account")) {
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		refuseCall(w, http.StatusBadRequest, 20001, "The form can't be read")
		return
	}
	e := forge.PhoneEntry{Kind: "text", State: forge.PhoneArrived, Text: r.PostForm.Get("Body")}
	sid := "SM"
	switch r.PathValue("resource") {
	case "Messages.json":
		if e.Text == "" {
			refuseCall(w, http.StatusBadRequest, 21602, "Message body is required.")
			return
		}
		e.Link = addressIn.FindString(e.Text)
	case "Calls.json":
		said, callback, err := readTwiML(r.PostForm.Get("Twiml"))
		if err != nil {
			refuseCall(w, http.StatusBadRequest, 21205, "Twiml or Url is required: "+err.Error())
			return
		}
		e.Kind, e.State, e.Text, e.Callback, sid = "call", forge.PhoneRinging, said, callback, "CA"
	default:
		refuseCall(w, http.StatusNotFound, 20404, "The requested resource was not found")
		return
	}
	s.forge.Lock()
	defer s.forge.Unlock()
	u, ok := s.forge.UserByPhone(r.PostForm.Get("To"))
	if !ok {
		refuseCall(w, http.StatusBadRequest, 21211, "Invalid 'To' Phone Number")
		return
	}
	e.Login, e.At = u.Login, s.forge.Now()
	e.ID = sid + sign(s.o.WebhookSecret, fmt.Appendf(nil, "%s %d", sid, len(s.forge.Phones)))[7:39]
	s.forge.Phones = append(s.forge.Phones, e)
	s.forge.NoteChange()
	tell(w, http.StatusCreated, map[string]any{"sid": e.ID, "account_sid": PhoneAccount, "to": u.PhoneNumber(),
		"from": r.PostForm.Get("From"), "status": "queued"})
}

var addressIn = regexp.MustCompile(`https?://[^\s<>"]+`)

// readTwiML returns what a phone says until the first key is awaited, and where that key is told.
func readTwiML(script string) (said, callback string, err error) {
	d := xml.NewDecoder(strings.NewReader(script))
	var words []string
	depth, isSaying := 0, false
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) && depth == 0 && len(words) > 0 {
			return strings.Join(words, " "), callback, nil
		}
		if err != nil {
			return "", "", errors.New("it isn't TwiML with a Say")
		}
		switch t := t.(type) {
		case xml.StartElement:
			depth++
			isSaying = t.Name.Local == "Say"
			for _, a := range t.Attr {
				if t.Name.Local == "Gather" && a.Name.Local == "action" && callback == "" {
					callback = a.Value
				}
			}
		case xml.EndElement:
			depth--
			if isSaying = false; t.Name.Local == "Gather" {
				return strings.Join(words, " "), callback, nil
			}
		case xml.CharData:
			if text := strings.TrimSpace(string(t)); isSaying && text != "" {
				words = append(words, text)
			}
		}
	}
}

// Press presses a key on the phone of somebody whom a call rings, and returns what the phone says then.
func (s *Sandbox) Press(ctx context.Context, login, digit string) (said string, err error) {
	if len(digit) != 1 || !strings.Contains("0123456789*#", digit) {
		return "", fmt.Errorf("%q isn't a key of a phone", digit)
	}
	s.forge.Lock()
	e := s.forge.Ringing(login)
	if e == nil {
		s.forge.Unlock()
		return "", fmt.Errorf("no call rings the phone of %s", login)
	}
	call := *e
	s.forge.Unlock()
	if call.Callback == "" {
		return "", fmt.Errorf("the call to %s takes no key", login)
	}
	said, err = s.tellKey(ctx, call, digit)

	s.forge.Lock()
	defer s.forge.Unlock()
	if e := s.forge.PhoneEntryByID(call.ID); e != nil {
		e.Digit, e.State, e.Answer = digit, forge.PhoneAnswered, said
		if err != nil {
			e.State, e.Answer = forge.PhoneFailed, err.Error()
		}
		s.forge.NoteChange()
	}
	return said, err
}

// tellKey says to whoever called which key was pressed, and returns what the phone says then.
func (s *Sandbox) tellKey(ctx context.Context, call forge.PhoneEntry, digit string) (said string, err error) {
	ctx, stop := context.WithTimeout(ctx, callTimeout)
	defer stop()
	form := url.Values{"CallSid": {call.ID}, "AccountSid": {PhoneAccount}, "Digits": {digit},
		"CallStatus": {"in-progress"}, "Direction": {"outbound-api"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, call.Callback, strings.NewReader(form.Encode()))
	if err != nil {
		return "", fmt.Errorf("tell who called: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Twilio-Signature", signCall(s.phoneToken(), call.Callback, form))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", fmt.Errorf("tell who called: %w", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil || res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("who called answers %d %s", res.StatusCode, strings.TrimSpace(string(body)))
	}
	said, _, err = readTwiML(string(body))
	return said, err
}

// signCall signs what Twilio sends: the address, and then each field's name and value, by name.
func signCall(token, address string, form url.Values) string {
	for _, name := range slices.Sorted(maps.Keys(form)) {
		address += name + form.Get(name)
	}
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(address))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
