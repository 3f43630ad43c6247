package intake_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/intake"
)

func verdicts(dmarc, spam, virus string) *intake.SESMail {
	ses := &intake.SESMail{}
	ses.Receipt.DMARCVerdict.Status, ses.Receipt.SpamVerdict.Status, ses.Receipt.VirusVerdict.Status = dmarc, spam, virus
	return ses
}

// A mail is taken whatever is wrong with it, and believed only if its domain is verified.
func TestI1AMailThatFailsEveryCheckIsTakenAsUnverified(t *testing.T) {
	raw := []byte(example(t, "mail/reply.eml"))
	r := intake.Request{Body: raw, Now: now}
	for _, c := range []struct {
		ses   *intake.SESMail
		trust intake.Trust
	}{
		{verdicts("PASS", "PASS", "PASS"), intake.Verified},
		{verdicts("PASS", "GRAY", "PROCESSING_FAILED"), intake.Verified},
		{verdicts("GRAY", "PASS", "PASS"), intake.Unverified},
		{verdicts("PASS", "FAIL", "PASS"), intake.Unverified},
		{verdicts("PASS", "PASS", "FAIL"), intake.Unverified},
		{verdicts("FAIL", "FAIL", "FAIL"), intake.Unverified},
		{verdicts("", "", ""), intake.Unverified},
		{nil, intake.Unverified},
	} {
		s := intake.ReadMail(r, raw, c.ses)
		if s.Trust != c.trust || !s.Firing || s.Text == "" {
			t.Errorf("%+v returns trust %q and the text %q", c.ses, s.Trust, s.Text)
		}
		if c.ses != nil && s.Labels["virus"] != strings.ToLower(c.ses.Receipt.VirusVerdict.Status) {
			t.Errorf("the verdicts are not among the labels: %v", s.Labels)
		}
	}
	two := strings.Replace(string(raw), "From: gina@globex.example", "From: gina@globex.example, mallory@evil.example", 1)
	if s := intake.ReadMail(r, []byte(two), verdicts("PASS", "PASS", "PASS")); s.Trust != intake.Unverified {
		t.Error("a mail with two senders is believed")
	}
}

func TestI1NoMailIsLost(t *testing.T) {
	for name, body := range map[string]string{
		"words only":                "the database is gone",
		"one word":                  "help",
		"a head only":               "Subject: help\r\n\r\n",
		"a head that is cut off":    "Subject: help\r\nFrom: gina@",
		"binary":                    "\x00\xff\xfe\x01",
		"a boundary that is absent": "Subject: help\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\nno part at all",
		"no boundary":               "Subject: help\r\nContent-Type: multipart/mixed\r\n\r\nwords",
		"base64 that breaks off":    "Subject: help\r\nContent-Transfer-Encoding: base64\r\n\r\naGVscCBtZQ==!!!",
		"a bad content type":        "Subject: help\r\nContent-Type: ;;;\r\n\r\nwords",
		"a huge header":             "Subject: help\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\nwords",
		"deep nesting":              "Subject: help\r\n" + nested(60) + "words",
		"JSON":                      `{"Records":[{"ses":{"mail":{"timestamp":"never"}}}]}`,
		"JSON that breaks off":      `{"notificationType":"Received"`,
		"an attachment only":        "From: gina@globex.example\r\nContent-Type: application/pdf; name=\"a.pdf\"\r\n\r\n%PDF",
	} {
		s := signal(t, "email", body)
		check(t, intake.Result{Signals: []intake.Signal{s}})
		if s.Trust != intake.Unverified || !s.Firing {
			t.Errorf("%s returns %+v", name, s)
		}
		if strings.Contains(body, "Subject: help") && s.Title != "help" {
			t.Errorf("%s: the title is %q", name, s.Title)
		}
	}
	if s := signal(t, "email", "Subject: help\r\nContent-Transfer-Encoding: base64\r\n\r\naGVscCBtZQ==!!!"); s.Text != "help me" {
		t.Errorf("of base64 that breaks off remains %q", s.Text)
	}
}

func nested(depth int) string {
	var b strings.Builder
	for i := range depth {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	return b.String()
}

func TestI1ConversationsStayTogether(t *testing.T) {
	mail := func(headers ...string) intake.Signal {
		return signal(t, "email", "From: gina@globex.example\r\nSubject: x\r\n"+strings.Join(headers, "\r\n")+"\r\n\r\nwords")
	}
	first := mail("Message-ID: <1@globex.example>")
	for name, s := range map[string]intake.Signal{
		"an answer":               mail("Message-ID: <2@a.example>", "In-Reply-To: <1@globex.example>"),
		"an answer to the answer": mail("Message-ID: <3@a.example>", "In-Reply-To: <2@a.example>", "References: <1@globex.example> <2@a.example>"),
	} {
		if s.DedupKey != first.DedupKey || s.Event == first.Event {
			t.Errorf("%s has the key %q and the event %q", name, s.DedupKey, s.Event)
		}
	}
	if again := mail("Message-ID: <1@globex.example>"); again.Event != first.Event {
		t.Error("the same mail again is another event")
	}
	if other := mail("Message-ID: <9@globex.example>"); other.DedupKey == first.DedupKey {
		t.Error("two conversations share a key")
	}
	if auto := mail("Message-ID: <1@globex.example>", "Auto-Submitted: Auto-Replied"); auto.Labels["auto-submitted"] != "auto-replied" {
		t.Errorf("an automatic answer can't be told: %v", auto.Labels)
	}
}

func TestI1QuotedRepliesAreTrimmed(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"answers between":     {"On Monday, Bob wrote:\n> is it up?\nno\n> and now?\nyes", "no\nyes"},
		"in German":           {"Nein.\n\nAm 25.11.2026 um 10:41 schrieb Firebreak:\n> Geht es?", "Nein."},
		"Outlook's line":      {"No.\n________________________________\nFrom: Firebreak\nSent: Monday\n\nIs it up?", "No."},
		"nothing but a quote": {"> is it up?", "> is it up?"},
		"a sentence of it":    {"On Monday Bob wrote a migration: it broke.", "On Monday Bob wrote a migration: it broke."},
		"a sender in a list":  {"From: 10:00 on it fails\nand more", "From: 10:00 on it fails\nand more"},
	} {
		body := "From: g@globex.example\r\nSubject: Re: x\r\nIn-Reply-To: <1@a>\r\nMessage-ID: <2@a>\r\n\r\n" + c.text
		if got := signal(t, "email", body).Text; got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestI1HTMLMail(t *testing.T) {
	for source, want := range map[string]string{
		"<head><title>no</title><body><p>a head left open":           "a head left open",
		"<p>one<br>two<p>three":                                      "one\ntwo\n\nthree",
		"a<b>b</b>c <i> d </i>e &lt;f&gt;&nbsp;g":                    "abc d e <f> g",
		"<a href=https://a.example/x>https://a.example/x</a>":        "https://a.example/x",
		"<a href='javascript:x'>here</a> <a>there</a>":               "here there",
		"<style>x</style><script>y</script><template>z</template>ok": "ok",
		"<blockquote>q<blockquote>r</blockquote>s</blockquote>t":     "> q\n> > r\n> s\nt",
		"</blockquote></script></p>text <":                           "text <",
	} {
		s := signal(t, "email", "From: g@globex.example\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"+source)
		if s.Text != want {
			t.Errorf("%s returns %q, want %q", source, s.Text, want)
		}
	}
}

func TestI1MailByNotification(t *testing.T) {
	mail := example(t, "mail/multipart.eml")
	notification := func(content string) string {
		body, _ := json.Marshal(object{
			"notificationType": "Received", "content": content, "mail": object{"messageId": "12345678901example", "timestamp": "2026-11-25T10:41:02.028Z"},
			"receipt": object{"dmarcVerdict": object{"status": "PASS"}, "spamVerdict": object{"status": "PASS"}, "virusVerdict": object{"status": "PASS"}, "action": object{"type": "SNS", "encoding": "BASE64"}},
		})
		return string(body)
	}
	want := signal(t, "email", mail)
	for name, got := range map[string]intake.Signal{
		"in base64":    signal(t, "email", notification(base64.StdEncoding.EncodeToString([]byte(mail)))),
		"as it is":     signal(t, "email", notification(mail[:len(mail)/2]+mail[len(mail)/2:])),
		"through SNS":  signal(t, "sns", snsNotification(notification(base64.StdEncoding.EncodeToString([]byte(mail))))),
		"by the event": intake.ReadMail(intake.Request{Now: now}, []byte(mail), verdicts("PASS", "PASS", "PASS")),
	} {
		if got.Trust != intake.Verified || got.DedupKey != want.DedupKey || got.Event != want.Event {
			t.Errorf("%s: trust %q, key %q", name, got.Trust, got.DedupKey)
		}
		if name == "as it is" {
			continue // JSON holds no Latin-1
		}
		if d := cmp.Diff([]string{want.Title, want.Text}, []string{got.Title, got.Text}); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

func TestI1CallLinks(t *testing.T) {
	for text, want := range map[string][]string{
		"https://zoom.us/j/123?pwd=a.b&x=1.":                                                       {"https://zoom.us/j/123?pwd=a.b&x=1"},
		"(https://acme.zoom.us/my/room)":                                                           {"https://acme.zoom.us/my/room"},
		"<https://teams.microsoft.com/l/meetup-join/19%3aabc/0>":                                   {"https://teams.microsoft.com/l/meetup-join/19%3aabc/0"},
		"https://teams.microsoft.com/meet/123?p=x":                                                 {"https://teams.microsoft.com/meet/123?p=x"},
		"https://teams.live.com/meet/9":                                                            {"https://teams.live.com/meet/9"},
		"https://meet.google.com/abc-defg-hij, now":                                                {"https://meet.google.com/abc-defg-hij"},
		"https://acme.webex.com/meet/bob":                                                          {"https://acme.webex.com/meet/bob"},
		"https://acme.webex.com/acme/j.php?MTID=m1":                                                {"https://acme.webex.com/acme/j.php?MTID=m1"},
		"https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fzoom.us%2Fj%2F5&data=x": {"https://zoom.us/j/5"},
		"https://zoom.us/j/1 https://zoom.us/j/1":                                                  {"https://zoom.us/j/1"},

		"https://zoom.us/pricing":                 nil,
		"https://zoom.us/j/":                      nil,
		"https://zoom.us.evil.example/j/1":        nil,
		"https://evilzoom.us/j/1":                 nil,
		"https://zoom.us@evil.example/j/1":        nil,
		"https://zoom.us:8443/j/1":                nil,
		"https://evil.example/?x=https://zoom.us": nil,
		"https://meet.google.com/":                nil,
		"javascript://zoom.us/j/1":                nil,
		"https://x.safelinks.protection.outlook.com/?url=javascript%3Aalert(1)": nil,
	} {
		body, _ := json.Marshal(object{"title": "x", "message": text})
		if d := cmp.Diff(want, signal(t, "generic", string(body)).CallLinks); d != "" {
			t.Errorf("%s (-want +got):\n%s", text, d)
		}
	}
}
