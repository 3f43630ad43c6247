package simulation

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
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

// decide notes what a vendor was handed, and says what it does with it; "": it takes it.
func (r *reach) decide(m message) (_ message, how string, x uint64) {
	w := r.w
	m.at = w.box.Clock().Now()
	name := "message " + m.kind + " " + m.login
	r.mu.Lock()
	r.made[name]++
	c := call{name, r.made[name]}
	m.receipt = fmt.Sprintf("%s%030d", m.login, r.made[name])[:30]
	r.mu.Unlock()
	x = w.net.random(c)
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
	if how == "hangs" {
		w.isLate = true
		r.stall(10 * time.Second)
		w.box.Clock().Pass(10 * time.Second)
	}
	return m, how, x
}

// taken lets somebody answer what reached them, now and then.
func (r *reach) taken(m message, x uint64) {
	if m.isTaken && m.link != "" && x>>33%1000 < r.eager {
		r.answer(m, x)
	}
}

// take is the vendors: each takes what it is handed, or fails as it does.
func (r *reach) take(rw http.ResponseWriter, req *http.Request) bool {
	if receipt, ok := strings.CutPrefix(req.URL.Path, "/pushover/receipts/"); ok {
		r.showReceipt(rw, strings.TrimSuffix(receipt, ".json"))
		return true
	}
	m, ok := read(req)
	if !ok {
		return false
	}
	m, how, x := r.decide(m)
	switch how {
	case "refused":
		status := []int{400, 401, 404}[x>>30%3]
		if m.kind == "slack" { // which says so in the body
			status = http.StatusOK
		}
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(status)
		_, _ = rw.Write([]byte(`{"ok":false,"error":"invalid_auth","status":0,"errors":["application token is invalid"]}`))
	case "limited":
		rw.Header().Set("Retry-After", "3600")
		rw.WriteHeader(http.StatusTooManyRequests)
	case "out", "answer lost", "hangs":
		r.w.away(rw)
	default:
		rw.Header().Set("Content-Type", "application/json")
		status, said := http.StatusCreated, `{"sid":"SM00000000000000000000000000000000","id":"1","status":"queued"}`
		switch m.kind {
		case "pushover":
			status, said = http.StatusOK, `{"status":1,"request":"1","receipt":"`+m.receipt+`"}`
		case "slack":
			status, said = http.StatusOK, `{"ok":true,"channel":"D1","ts":"1772448000.000100"}`
		}
		rw.WriteHeader(status)
		_, _ = rw.Write([]byte(said))
	}
	r.taken(m, x)
	return true
}

// showReceipt says whether somebody acknowledged a message of Pushover's.
func (r *reach) showReceipt(rw http.ResponseWriter, receipt string) {
	r.mu.Lock()
	is := r.acknowledged[receipt]
	r.mu.Unlock()
	rw.Header().Set("Content-Type", "application/json")
	if is {
		_, _ = rw.Write([]byte(`{"status":1,"acknowledged":1}`))
		return
	}
	_, _ = rw.Write([]byte(`{"status":1,"acknowledged":0}`))
}

// read reads what a vendor was handed.
func read(req *http.Request) (m message, ok bool) {
	isNtfy := req.URL.Path == "/"
	whose := func(address string, of func(login string) string) bool {
		at := slices.IndexFunc(everybody, func(login string) bool { return of(login) == address })
		if at >= 0 {
			m.login = everybody[at]
		}
		return at >= 0
	}
	isKnown := true
	switch path := req.URL.Path; {
	case strings.HasPrefix(path, "/twilio/"), strings.HasPrefix(path, "/pushover/"), strings.HasPrefix(path, "/slack/"):
		if err := req.ParseForm(); err != nil {
			return m, false
		}
		form := req.PostForm
		switch {
		case strings.HasPrefix(path, "/pushover/"):
			m.kind, m.text = "pushover", form.Get("title")+"\n"+form.Get("message")+"\n"+form.Get("url")
			isKnown = whose(form.Get("user"), pushoverOf)
		case strings.HasPrefix(path, "/slack/"):
			m.kind, m.text = "slack", form.Get("text")
			isKnown = whose(form.Get("channel"), slackOf)
		case strings.HasSuffix(path, "/Calls.json"):
			m.kind, m.text = "call", form.Get("Twiml")
			isKnown = whose(form.Get("To"), phoneOf)
		default:
			m.kind, m.text = "sms", form.Get("Body")
			isKnown = whose(form.Get("To"), phoneOf)
		}
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
	return m, isKnown
}

// answer lets somebody answer what reached them: once, twice, late, or so that it is lost on the way. Where all
// vendors are there, others send some answers too that nobody gave.
func (r *reach) answer(m message, x uint64) {
	w := r.w
	how, lasts := incident.PageAnswers[x>>44%uint64(len(incident.PageAnswers))], [...]time.Duration{20 * time.Second, time.Minute, 12 * time.Minute}[x>>50%3]
	times := [...]int{1, 1, 2, 0}[x>>54%4]
	isForged := r.hasAll && (m.kind == "call" || m.kind == "pushover") && x>>56%4 == 0
	path, form := strings.TrimPrefix(m.link, w.env["FIREBREAK_PUBLIC_URL"]), url.Values{"answer": {how}}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	switch m.kind {
	case "call":
		digit := map[string]string{incident.AnswerCoordinate: "1", incident.AnswerPass: "2", incident.AnswerSeen: "3"}[how]
		form = url.Values{"CallSid": {"CA1"}, "Digits": {digit}}
		token := twilioToken
		if isForged {
			token = "another token"
		}
		header.Set("X-Twilio-Signature", signTwilio(token, m.link+"?way=call", form))
		path += "?way=call"
	case "pushover":
		how, form = incident.AnswerSeen, url.Values{"receipt": {m.receipt}, "acknowledged": {"1"}}
		path += "?way=pushover"
	}
	w.net.tell("%s answers %s by %s after %s, %d times, forged: %t", m.login, how, m.kind, lasts, times, isForged)
	w.mu.Lock()
	defer w.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	for range times {
		if !isForged {
			r.answered[r.titleOf(m)], r.acknowledged[m.receipt] = m.at, true
		}
		w.mail = append(w.mail, letter{due: m.at.Add(lasts), header: header, body: []byte(form.Encode()), path: path})
	}
}

// signTwilio signs a callback as https://www.twilio.com/docs/usage/security#validating-requests says.
func signTwilio(token, address string, form url.Values) string {
	for _, name := range slices.Sorted(maps.Keys(form)) {
		address += name + form.Get(name)
	}
	mac := hmac.New(sha1.New, []byte(token))
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
