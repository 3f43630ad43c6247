package sandbox_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	twilioclient "github.com/twilio/twilio-go/client"

	"github.com/firebreak-dev/firebreak/app/sandbox"
)

// A call as Twilio takes it rings somebody's phone until a key is pressed, which whoever called hears signed, as
// Twilio's own library verifies. A text arrives. Neither comes with a wrong key or for an unknown number.
func TestPhonesRingAndAnswer(t *testing.T) {
	var env sandbox.Credentials
	server := httptest.NewUnstartedServer(nil)
	s, err := sandbox.New(sandbox.Options{URL: "http://" + server.Listener.Addr().String(), Frozen: true,
		Environment: func(c sandbox.Credentials) map[string]string { env = c; return nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	server.Config.Handler = s.Handler()
	server.Start()
	t.Cleanup(server.Close)
	s.Environment()

	var heard []string
	caller := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		fields := map[string]string{}
		for name := range r.PostForm {
			fields[name] = r.PostForm.Get(name)
		}
		v := twilioclient.NewRequestValidator(env.PhoneToken)
		if !v.Validate("http://"+r.Host+r.URL.String(), fields, r.Header.Get("X-Twilio-Signature")) {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		heard = append(heard, r.PostForm.Get("Digits"))
		_, _ = io.WriteString(w, "<Response><Say>Thank you.</Say></Response>")
	}))
	t.Cleanup(caller.Close)

	send := func(method, address, password string, form url.Values) (int, string) {
		t.Helper()
		req, err := http.NewRequest(method, address, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if password != "" {
			req.SetBasicAuth(sandbox.PhoneAccount, password)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(body)
	}
	api := env.PhoneURL + "/2010-04-01/Accounts/" + sandbox.PhoneAccount
	script := `<Response><Gather action="` + caller.URL + `/a?way=call"><Say>The API is down.</Say></Gather><Say>Bye</Say></Response>`
	call := url.Values{"To": {env.Phones["carol"]}, "From": {"+15005550006"}, "Twiml": {script}}
	page := server.URL + "/sandbox/phone/carol"
	for _, c := range []struct {
		name, address, password string
		form                    url.Values
		want                    int
	}{
		{"a wrong key", api + "/Calls.json", "x", call, 401},
		{"without a key", api + "/Calls.json", "", call, 401},
		{"nobody's number", api + "/Calls.json", env.PhoneToken, url.Values{"To": {"+15005559999"}, "Twiml": {script}}, 400},
		{"without a script", api + "/Calls.json", env.PhoneToken, url.Values{"To": {env.Phones["carol"]}}, 400},
		{"an empty text", api + "/Messages.json", env.PhoneToken, url.Values{"To": {env.Phones["carol"]}}, 400},
		{"nothing rings", page, "", url.Values{"digit": {"1"}}, 422},
		{"a call", api + "/Calls.json", env.PhoneToken, call, 201},
		{"a text", api + "/Messages.json", env.PhoneToken,
			url.Values{"To": {env.Phones["carol"]}, "Body": {"Down https://x.example/a/T"}}, 201},
		{"two keys", page, "", url.Values{"digit": {"12"}}, 422},
	} {
		if status, body := send("POST", c.address, c.password, c.form); status != c.want {
			t.Errorf("%s: %d %s", c.name, status, body)
		}
	}
	if _, body := send("GET", page, "", nil); !strings.Contains(body, "data-ringing") || !strings.Contains(body, "The API is down.") ||
		!strings.Contains(body, `href="https://x.example/a/T"`) || !strings.Contains(body, `name="digit" value="3"`) {
		t.Error(body)
	}
	if _, body := send("POST", page, "", url.Values{"digit": {"1"}}); !strings.Contains(body, "Thank you.") ||
		strings.Contains(body, "data-ringing") {
		t.Error(body)
	}
	if len(heard) != 1 || heard[0] != "1" {
		t.Errorf("heard %q", heard)
	}
	if _, body := send("GET", server.URL+"/sandbox/phones", "", nil); !strings.Contains(body, `"state":"answered"`) ||
		!strings.Contains(body, `"link":"https://x.example/a/T"`) {
		t.Error(body)
	}
	if _, body := send("GET", server.URL+"/_outbox", "", nil); !strings.Contains(body, `href="/sandbox/phone/carol"`) {
		t.Error("the outbox does not lead to the phone")
	}
	if status, _ := send("GET", server.URL+"/sandbox/phone/nobody", "", nil); status != http.StatusNotFound {
		t.Errorf("nobody's phone: %d", status)
	}
}
