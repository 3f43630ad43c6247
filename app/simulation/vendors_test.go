package simulation

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

var linkIn = regexp.MustCompile(`http://[^\s"<>?]+/a/[^\s"<>?]+`)

// take is the vendors: each takes what it is handed, or fails.
func (r *reach) take(rw http.ResponseWriter, req *http.Request) bool {
	m, ok := read(req)
	if !ok {
		return false
	}
	w := r.w
	m.at = w.box.Clock().Now()
	name := "message " + m.kind + " " + m.login
	r.mu.Lock()
	r.made[name]++
	c := call{name, r.made[name]}
	r.mu.Unlock()
	x, how := w.net.random(c), ""
	for _, f := range r.faults {
		if f.vendor == vendorOf[m.kind] && f.has(m.at) {
			how = f.how
		}
	}
	if how == "" && x%1000 < r.spotty {
		how = [...]string{"refused", "out", "answer lost", "hangs"}[x>>20%4]
	}
	if how != "" {
		w.net.tell("%s: a message by %s for %s", how, m.kind, m.login)
	}
	m.isTaken = how == "" || how == "answer lost"
	r.mu.Lock()
	r.messages = append(r.messages, m)
	r.mu.Unlock()
	switch how {
	case "refused":
		rw.WriteHeader([]int{400, 401, 404}[x>>30%3])
	case "limited":
		rw.Header().Set("Retry-After", "3600")
		rw.WriteHeader(http.StatusTooManyRequests)
	case "out", "answer lost":
		w.away(rw)
	case "hangs":
		w.isLate = true
		r.stall(10 * time.Second)
		w.box.Clock().Pass(10 * time.Second)
		w.away(rw)
	default:
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(http.StatusCreated)
		_, _ = rw.Write([]byte(`{"sid":"SM00000000000000000000000000000000","id":"1","status":"queued"}`))
	}
	if m.isTaken && m.link != "" && x>>33%1000 < r.eager {
		r.answer(m, x)
	}
	return true
}

// read reads what a vendor was handed.
func read(req *http.Request) (m message, ok bool) {
	isNtfy := req.URL.Path == "/"
	switch path := req.URL.Path; {
	case strings.HasPrefix(path, "/twilio/"):
		if err := req.ParseForm(); err != nil {
			return m, false
		}
		m.kind, m.text = "sms", req.PostForm.Get("Body")
		if strings.HasSuffix(path, "/Calls.json") {
			m.kind, m.text = "call", req.PostForm.Get("Twiml")
		}
		at := slices.IndexFunc(everybody, func(login string) bool { return phoneOf(login) == req.PostForm.Get("To") })
		if at < 0 {
			return m, false
		}
		m.login = everybody[at]
	case isNtfy || strings.HasPrefix(path, "/gotify/"):
		var in struct{ Topic, Title, Message, Click string }
		if err := json.NewDecoder(req.Body).Decode(&in); err != nil {
			return m, false
		}
		m.kind, m.text = "gotify", in.Title+"\n"+in.Message+"\n"+in.Click
		m.login, _, _ = strings.Cut(strings.TrimPrefix(path, "/gotify/"), "/")
		if isNtfy {
			m.kind, m.login = "ntfy", strings.TrimPrefix(in.Topic, "topic-")
		}
	default:
		return m, false
	}
	m.link = linkIn.FindString(m.text)
	return m, true
}

// answer lets somebody answer what reached them: once, twice, late, or so that it is lost on the way.
func (r *reach) answer(m message, x uint64) {
	w := r.w
	how, lasts := incident.PageAnswers[x>>44%uint64(len(incident.PageAnswers))], [...]time.Duration{20 * time.Second, time.Minute, 12 * time.Minute}[x>>50%3]
	times := [...]int{1, 1, 2, 0}[x>>54%4]
	w.net.tell("%s answers %s by %s after %s, %d times", m.login, how, m.kind, lasts, times)
	path, form := strings.TrimPrefix(m.link, w.env["FIREBREAK_PUBLIC_URL"]), url.Values{"answer": {how}}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	if m.kind == "call" {
		digit := map[string]string{incident.AnswerCoordinate: "1", incident.AnswerPass: "2", incident.AnswerSeen: "3"}[how]
		form = url.Values{"CallSid": {"CA1"}, "Digits": {digit}}
		header.Set("X-Twilio-Signature", signTwilio(m.link+"?way=call", form))
		path += "?way=call"
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	for range times {
		r.answered[r.titleOf(m)] = m.at
		w.mail = append(w.mail, letter{due: m.at.Add(lasts), header: header, body: []byte(form.Encode()), path: path})
	}
}

// signTwilio signs a callback as https://www.twilio.com/docs/usage/security#validating-requests says.
func signTwilio(address string, form url.Values) string {
	for _, name := range slices.Sorted(maps.Keys(form)) {
		address += name + form.Get(name)
	}
	mac := hmac.New(sha1.New, []byte(twilioToken))
	mac.Write([]byte(address))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// titled are the titles in messages: each begins with how bad it is.
var titled = regexp.MustCompile(`: (Incident [A-Z])`)

func (r *reach) titleOf(m message) string {
	if found := titled.FindStringSubmatch(m.text); found != nil {
		return found[1]
	}
	return ""
}
