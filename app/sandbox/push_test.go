package sandbox_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/firebreak-dev/firebreak/app/sandbox"
)

// pushWorld is a sandbox with the keys of its people, and a sender that notes what comes back to it.
type pushWorld struct {
	t      *testing.T
	env    sandbox.Credentials
	url    string
	sender *httptest.Server

	mu     sync.Mutex
	heard  []string // method, address, content type and body
	refuse bool     // the sender fails
	during func()   // what the sender does while it hears
}

func newPushWorld(t *testing.T) *pushWorld {
	t.Helper()
	w := &pushWorld{t: t}
	server := httptest.NewUnstartedServer(nil)
	w.url = "http://" + server.Listener.Addr().String()
	s, err := sandbox.New(sandbox.Options{URL: w.url, Frozen: true,
		Environment: func(c sandbox.Credentials) map[string]string { w.env = c; return nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	server.Config.Handler = s.Handler()
	server.Start()
	t.Cleanup(server.Close)
	s.Environment()
	w.sender = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method == http.MethodGet {
			return // where a redirect leads
		}
		w.mu.Lock()
		w.heard = append(w.heard, r.Method+" "+r.URL.String()+" "+r.Header.Get("Content-Type")+" "+string(body))
		refuses, during := w.refuse, w.during
		w.mu.Unlock()
		if during != nil {
			during()
		}
		if refuses {
			rw.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		rw.Header().Set("Location", "/thanks") // as the product answers a form
		rw.WriteHeader(http.StatusSeeOther)
	}))
	t.Cleanup(w.sender.Close)
	return w
}

// send makes a request and returns its status and its answer.
func (w *pushWorld) send(method, address, body string, header ...string) (int, string) {
	w.t.Helper()
	req, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func (w *pushWorld) page(login string) string {
	_, text := w.send("GET", w.url+"/sandbox/phone/"+login, "")
	return text
}

// emergency is a message of Pushover's that rings, with changes.
func (w *pushWorld) emergency(changes ...string) string {
	form := url.Values{"token": {w.env.PushoverToken}, "user": {w.env.Pushes["dan"].Pushover}, "title": {"The API is down"},
		"message": {"502 everywhere"}, "priority": {"2"}, "retry": {"60"}, "expire": {"1800"},
		"url": {"https://x.example/a/T"}, "callback": {w.sender.URL + "/a/T?way=pushover"}}
	for i := 0; i+1 < len(changes); i += 2 {
		form.Set(changes[i], changes[i+1])
	}
	return form.Encode()
}

// Each vendor of pushes takes and refuses what its documentation says, in its words and with its statuses.
func TestPushesAreTakenAsEachVendorDocuments(t *testing.T) {
	w := newPushWorld(t)
	pushover := w.env.PushoverURL + "/messages.json"
	dan := w.env.Pushes["dan"]
	ntfy, topic := w.url+"/", strings.TrimPrefix(dan.Ntfy, w.url+"/")
	const button = `{"action":"http","label":"A","url":"https://x.example"}`
	for _, c := range []struct {
		name, address, body string
		header              []string
		want                int
		says                string
	}{
		// https://pushover.net/api#response
		{"Pushover, another application", pushover, w.emergency("token", "x"), nil, 400, `"token":"invalid"`},
		{"Pushover, nobody", pushover, w.emergency("user", "x"), nil, 400, `"user":"invalid"`},
		{"Pushover, nothing said", pushover, w.emergency("message", ""), nil, 400, `"status":0`},
		{"Pushover, too long", pushover, w.emergency("message", strings.Repeat("ä", 1025)), nil, 400, `"errors":["message`},
		{"Pushover, rings too often", pushover, w.emergency("retry", "20"), nil, 400, `"errors":["retry`},
		{"Pushover, rings too long", pushover, w.emergency("expire", "10801"), nil, 400, `"errors":["expire`},
		{"Pushover, as long as it may be", pushover, w.emergency("message", strings.Repeat("ä", 1024)), nil, 200, `"receipt":"`},
		{"Pushover, does not ring", pushover, w.emergency("priority", "1"), nil, 200, `"status":1`},
		{"Pushover, the user is there", w.env.PushoverURL + "/users/validate.json", w.emergency(), nil, 200, `"status":1`},
		{"Pushover, no such user", w.env.PushoverURL + "/users/validate.json", w.emergency("user", "x"), nil, 400, `"status":0`},
		// https://docs.ntfy.sh/publish/
		{"ntfy, no JSON", ntfy, "x", nil, 400, `"code":40024`},
		{"ntfy, no topic", ntfy, `{"message":"x"}`, nil, 400, `"code":40009`},
		{"ntfy, without a token", ntfy, `{"topic":"` + topic + `"}`, nil, 403, `"code":40301`},
		{"ntfy, another token", ntfy, `{"topic":"` + topic + `"}`, []string{"Authorization", "Bearer tk_x"}, 401, `"code":40101`},
		{"ntfy, too loud", ntfy, `{"topic":"` + topic + `","priority":6}`, []string{"Authorization", "Bearer " + dan.NtfyToken}, 400, `"code":40007`},
		{"ntfy, four buttons", ntfy, `{"topic":"` + topic + `","actions":[` + strings.Repeat(button+",", 3) + button + `]}`,
			[]string{"Authorization", "Bearer " + dan.NtfyToken}, 400, `only 3 actions`},
		{"ntfy, a button without an address", ntfy, `{"topic":"` + topic + `","actions":[{"action":"http","label":"A"}]}`,
			[]string{"Authorization", "Bearer " + dan.NtfyToken}, 400, `"code":40018`},
		{"ntfy, a body that can't be sent", ntfy, `{"topic":"` + topic + `","actions":[{"action":"http","label":"A","url":"https://x.example","method":"GET","body":"b"}]}`,
			[]string{"Authorization", "Bearer " + dan.NtfyToken}, 400, `"code":40018`},
		{"ntfy, a topic of nobody's", ntfy, `{"topic":"nobody"}`, []string{"Authorization", "Bearer " + dan.NtfyToken}, 200, `"event":"message"`},
		{"ntfy", ntfy, `{"topic":"` + topic + `","title":"T","message":"M","actions":[` + button + `]}`,
			[]string{"Authorization", "Bearer " + dan.NtfyToken}, 200, `"method":"POST"`},
		// https://gotify.net/api-docs#/message/createMessage
		{"Gotify, another token", dan.Gotify + "/message", `{"message":"x"}`, []string{"X-Gotify-Key", "Ax"}, 401, `"errorCode":401`},
		{"Gotify, no token", dan.Gotify + "/message", `{"message":"x"}`, nil, 401, `"error":"Unauthorized"`},
		{"Gotify, nothing said", dan.Gotify + "/message", `{"title":"x"}`, []string{"X-Gotify-Key", dan.GotifyToken}, 400, `Field 'message' is required`},
		{"Gotify, by an address", dan.Gotify + "/message?token=" + dan.GotifyToken, `{"message":"x"}`, nil, 200, `"appid":1`},
		{"Gotify", dan.Gotify + "/message", `{"message":"x"}`, []string{"Authorization", "Bearer " + dan.GotifyToken}, 200, `"date":"`},
	} {
		status, said := w.send("POST", c.address, c.body, c.header...)
		if status != c.want || !strings.Contains(said, c.says) || !json.Valid([]byte(said)) {
			t.Errorf("%s: %d %s, want %d with %s", c.name, status, said, c.want, c.says)
		}
	}
	for _, health := range []string{w.url + "/v1/health", dan.Gotify + "/health"} {
		if status, said := w.send("GET", health, ""); status != 200 || !strings.Contains(said, "health") {
			t.Errorf("%s: %d %s", health, status, said)
		}
	}
}

// A message of Pushover's rings until it is acknowledged; its receipt says so before the sender is called back, which
// is not signed, and once.
func TestAPushOfPushoversIsAcknowledgedOnce(t *testing.T) {
	w := newPushWorld(t)
	_, said := w.send("POST", w.env.PushoverURL+"/messages.json", w.emergency())
	var taken struct{ Receipt string }
	if err := json.Unmarshal([]byte(said), &taken); err != nil || len(taken.Receipt) != 30 {
		t.Fatalf("%s: %v", said, err)
	}
	receipt := func(token string) string {
		_, said := w.send("GET", w.env.PushoverURL+"/receipts/"+taken.Receipt+".json?token="+token, "")
		return said
	}
	if said := receipt(w.env.PushoverToken); !strings.Contains(said, `"acknowledged":0`) || !strings.Contains(said, `"expired":0`) {
		t.Error(said)
	}
	if said := receipt("x"); !strings.Contains(said, `"status":0`) {
		t.Error("another application reads the receipt: " + said)
	}
	if page := w.page("dan"); !strings.Contains(page, "data-ringing") || !strings.Contains(page, "502 everywhere") ||
		!strings.Contains(page, `name="button" value="Acknowledge"`) || !strings.Contains(page, `href="https://x.example/a/T"`) {
		t.Error(page)
	}
	during := ""
	w.during = func() { during = receipt(w.env.PushoverToken) }
	if page := func() string {
		_, page := w.send("POST", w.url+"/sandbox/phone/dan", "button=Acknowledge")
		return page
	}(); strings.Contains(page, "data-ringing") || strings.Contains(page, `value="Acknowledge"`) {
		t.Error("it rings on: " + page)
	}
	if !strings.Contains(during, `"acknowledged":1`) || !strings.Contains(during, `"acknowledged_by":"`+w.env.Pushes["dan"].Pushover) ||
		!strings.Contains(during, `"called_back":0`) {
		t.Errorf("while the sender is called: %s", during)
	}
	if said := receipt(w.env.PushoverToken); !strings.Contains(said, `"called_back":1`) {
		t.Error(said)
	}
	if status, _ := w.send("POST", w.url+"/sandbox/phones/dan/press", `{"button":"Acknowledge"}`); status != 422 {
		t.Errorf("acknowledged twice: %d", status)
	}
	if len(w.heard) != 1 || !strings.HasPrefix(w.heard[0], "POST /a/T?way=pushover application/x-www-form-urlencoded ") ||
		!strings.Contains(w.heard[0], "receipt="+taken.Receipt) || !strings.Contains(w.heard[0], "acknowledged=1") {
		t.Errorf("heard %q", w.heard)
	}
}

// A button of ntfy's sends the request that it holds. Where that fails the push stays, and can be tapped again.
func TestAButtonOfNtfysSendsItsRequest(t *testing.T) {
	w := newPushWorld(t)
	keys := w.env.Pushes["carol"]
	push := map[string]any{"topic": strings.TrimPrefix(keys.Ntfy, w.url+"/"), "title": "The API is down", "message": "502 everywhere",
		"priority": 5, "click": "https://x.example/a/T", "actions": []map[string]any{
			{"action": "http", "label": "I coordinate", "url": w.sender.URL + "/a/T?via=ntfy", "method": "PUT", "body": "answer=coordinate",
				"headers": map[string]string{"Content-Type": "text/x-test"}, "clear": true},
			{"action": "http", "label": "Pass on", "url": w.sender.URL + "/pass"},
			{"action": "view", "label": "Open", "url": "https://x.example/open"}}}
	body, err := json.Marshal(push)
	if err != nil {
		t.Fatal(err)
	}
	if status, said := w.send("POST", w.url+"/", string(body), "Authorization", "Bearer "+keys.NtfyToken); status != 200 {
		t.Fatalf("%d %s", status, said)
	}
	if page := w.page("carol"); !strings.Contains(page, `data-via="ntfy"`) || !strings.Contains(page, `name="button" value="I coordinate"`) ||
		!strings.Contains(page, `href="https://x.example/open"`) || strings.Contains(page, "data-ringing") {
		t.Error(page)
	}
	press := w.url + "/sandbox/phones/carol/press"
	w.refuse = true
	if status, said := w.send("POST", press, `{"button":"I coordinate"}`); status != 422 || !strings.Contains(said, "503") {
		t.Errorf("the sender fails: %d %s", status, said)
	}
	w.refuse = false
	for button, want := range map[string]int{"Pass on": 200, "Nothing": 422} { // one that does not clear leaves the push
		if status, said := w.send("POST", press, `{"button":"`+button+`"}`); status != want {
			t.Errorf("%s: %d %s", button, status, said)
		}
	}
	if status, said := w.send("POST", press, `{"button":"I coordinate"}`); status != 200 {
		t.Errorf("%d %s", status, said)
	}
	if status, _ := w.send("POST", press, `{"button":"Pass on"}`); status != 422 {
		t.Errorf("the push was cleared, and can be tapped: %d", status)
	}
	const coordinate = "PUT /a/T?via=ntfy text/x-test answer=coordinate"
	if want := []string{coordinate, "POST /pass  ", coordinate}; !slices.Equal(w.heard, want) {
		t.Errorf("heard %q", w.heard)
	}
}

// A push of Gotify's has no buttons, as Gotify's apps have none: a tap opens the link of the extra.
func TestAPushOfGotifysOpensItsLink(t *testing.T) {
	w := newPushWorld(t)
	keys := w.env.Pushes["bob"]
	if status, said := w.send("POST", keys.Gotify+"/message", `{"title":"The API is down","message":"502 everywhere","priority":10,
		"extras":{"client::notification":{"click":{"url":"https://x.example/a/T"}}}}`, "X-Gotify-Key", keys.GotifyToken); status != 200 {
		t.Fatalf("%d %s", status, said)
	}
	page := w.page("bob")
	if !strings.Contains(page, `data-via="gotify"`) || !strings.Contains(page, `href="https://x.example/a/T"`) ||
		strings.Contains(page, `name="button"`) {
		t.Error(page)
	}
	if strings.Contains(w.page("carol"), "502 everywhere") {
		t.Error("it is on another one's phone")
	}
	_, list := w.send("GET", w.url+"/sandbox/phones", "")
	for _, want := range []string{`"kind":"push"`, `"via":"gotify"`, `"link":"https://x.example/a/T"`, `"state":"arrived"`} {
		if !strings.Contains(list, want) {
			t.Errorf("%s is not in %s", want, list)
		}
	}
}
