package intake_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/intake"
)

// readMail returns the signal of a mail, whose lines end as in these tests.
func readMail(t *testing.T, mail string) intake.Signal {
	t.Helper()

	return intake.ReadMail(intake.Request{Body: []byte(mail), Now: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)}, []byte(mail), nil)
}

const mailHead = "From: Gina <gina@globex.example>\nTo: p1@acme.example\nSubject: Prod down\nMessage-ID: <m@globex.example>\nMIME-Version: 1.0\n"

// What a mail says is found wherever its sender's program put it (K11, I1).
func TestK11AMailsWordsAreFound(t *testing.T) {
	for name, c := range map[string]struct{ rest, want string }{
		"a type without a subtype":       {"Content-Type: text\n\nproduction down\n", "production down"},
		"a type in capitals":             {"Content-Type: TEXT/PLAIN\n\nproduction down\n", "production down"},
		"a type that is none":            {"Content-Type: ;;;\n\nproduction down\n", "production down"},
		"no boundary is named":           {"Content-Type: multipart/mixed\n\n--abc\nContent-Type: text/plain\n\nproduction down\n--abc--\n", "production down"},
		"parts without any boundary":     {"Content-Type: multipart/mixed\n\nproduction down\n", "production down"},
		"a placeholder":                  {alternative("This email requires an HTML capable mail client.", "<p>Cluster <b>eu-1</b> lost all ingress.</p>"), "Cluster eu-1 lost all ingress."},
		"a placeholder, in German":       {alternative("Diese Nachricht kann nur als HTML angezeigt werden.", "<p>Cluster eu-1 ist weg.</p>"), "Cluster eu-1 ist weg."},
		"the same in both forms, once":   {alternative("production is down", "<p>production is <b>down</b></p>"), "production is down"},
		"the page says its charset":      {"Content-Type: text/html\n\n<html><head><meta charset=\"gb18030\"></head><body>\xc9\xfa\xb2\xfa\xbb\xb7\xbe\xb3</body></html>", "生产环境"},
		"the page says it in old words":  {"Content-Type: text/html\n\n<meta http-equiv=\"Content-Type\" content=\"text/html; charset=shift_jis\"><body>\x8f\xe1\x8a\x51</body>", "障害"},
		"a forwarded mail":               {"Content-Type: multipart/mixed; boundary=B\n\n--B\nContent-Type: text/plain\n\n\n--B\nContent-Type: message/rfc822\nContent-Disposition: attachment; filename=x.eml\n\nFrom: ops@globex.example\nSubject: Checkout\n\nAll checkouts fail.\n--B--\n", "All checkouts fail."},
		"a forwarded mail in such a one": {"Content-Type: message/rfc822\n\nFrom: a@x.example\nContent-Type: message/rfc822\n\nFrom: b@x.example\n\nthe innermost words\n", "the innermost words"},
		"an invitation":                  {"Content-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:P1 bridge\\, eu-1\nDESCRIPTION:Join us at\n  once\nEND:VEVENT\nEND:VCALENDAR\n", "Invitation: P1 bridge, eu-1\nJoin us at once"},
	} {
		got := readMail(t, mailHead+c.rest)
		if !strings.Contains(got.Text, c.want) || strings.Count(got.Text, c.want) != 1 {
			t.Errorf("%s: %q", name, got.Text)
		}
	}
}

func alternative(plain, page string) string {
	return "Content-Type: multipart/alternative; boundary=B\n\n--B\nContent-Type: text/plain\n\n" + plain + "\n--B\nContent-Type: text/html\n\n" + page + "\n--B--\n"
}

// Links to calls are found in forwarded mails and in invitations too.
func TestK11CallsAreFoundInside(t *testing.T) {
	for name, rest := range map[string]string{
		"forwarded":  "Content-Type: message/rfc822\n\nFrom: ops@globex.example\n\nCall: https://zoom.us/j/123456789\n",
		"invitation": "Content-Type: text/calendar\n\nBEGIN:VEVENT\nLOCATION:https://zoom.us/j/123456789\nEND:VEVENT\n",
	} {
		if got := readMail(t, mailHead+rest); len(got.CallLinks) != 1 || !strings.Contains(got.CallLinks[0], "zoom.us/j/123456789") {
			t.Errorf("%s: %q", name, got.CallLinks)
		}
	}
}

// The sender is who is named last in brackets, whatever the name before them holds (K20).
func TestK20TheSendersAddress(t *testing.T) {
	for from, want := range map[string]string{
		"Gina <gina@globex.example>": "Gina gina@globex.example globex.example", `"Gina, Globex" <gina@globex.example>`: "Gina, Globex gina@globex.example globex.example",
		"Gina @ Globex, Ltd. <gina@globex.example>": "Gina @ Globex, Ltd. gina@globex.example globex.example", "gina@globex.example": " gina@globex.example globex.example",
		"<a@evil.example> Gina: <gina@globex.example>":            "<a@evil.example> Gina: gina@globex.example globex.example",
		"=?utf-8?q?Gina_=40_Globex=2C?= x, <gina@globex.example>": "Gina @ Globex, x, gina@globex.example globex.example",
	} {
		got := readMail(t, strings.Replace(mailHead, "Gina <gina@globex.example>", from, 1)+"\ndown")
		if said := got.Labels["from_name"] + " " + got.Labels["from"] + " " + got.Labels["from_domain"]; said != want {
			t.Errorf("%s: %q", from, said)
		}
	}
}

// One id that is not as it should be hides no other, and a conversation stays one (K10).
func TestK10ConversationsStayTogether(t *testing.T) {
	root := readMail(t, "From: gina@globex.example\nMessage-ID: <root@globex.example>\nSubject: Prod down\n\ndown").DedupKey
	for name, head := range map[string]string{
		"an id without @":      "References: <root@globex.example>\n <20261128.FOO>\n <b@x.example>\nIn-Reply-To: <b@x.example>\n",
		"In-Reply-To alone":    "In-Reply-To: <root@globex.example>\n",
		"without brackets":     "References: root@globex.example b@x.example\n",
		"with words around it": "In-Reply-To: Your message of Friday <root@globex.example>\n",
		"a folded id":          "References: <root@\n globex.example>\n",
	} {
		if got := readMail(t, "From: gina@globex.example\nMessage-ID: <d@x.example>\nSubject: Re: Prod down\n"+head+"\nnews"); got.DedupKey != root {
			t.Errorf("%s: another conversation: %+v", name, got.Thread)
		}
	}
}

// An answer to several mails belongs to each of their conversations (K10).
func TestK10AnAnswerToSeveralMails(t *testing.T) {
	got := readMail(t, "From: gina@globex.example\nMessage-ID: <d@x.example>\nSubject: Re: x\nIn-Reply-To: <a@x.example>\n <b@x.example> <c@x.example>\n\nnews")
	if ids := strings.Join(got.Thread.Answered(), " "); ids != "a@x.example c@x.example b@x.example" {
		t.Errorf("it answers %s", ids)
	}
}

// A mail as large as providers take is taken: its words count, its attachments are named, and
// little of it is held (K7).
func TestK7ALargeMailIsTaken(t *testing.T) {
	for name, large := range map[string]func() io.Reader{
		"one attachment":        func() io.Reader { return largeMail(35<<20, 1) },
		"many attachments":      func() io.Reader { return largeMail(35<<20, 20) },
		"an attachment, folded": func() io.Reader { return io.LimitReader(largeMail(60<<20, 1), 40<<20) },
	} {
		var got []intake.Signal
		source := &intake.Email{Secrets: intake.Secrets{[]byte("token")}}
		handler := intake.Handler(intake.Options{Sources: []intake.Source{source}, Accept: func(_ context.Context, r intake.Result) error { got = append(got, r.Signals...); return nil }})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		req := httptest.NewRequest("POST", intake.Prefix+"email", large())
		req.Header.Set("Authorization", "Bearer token")
		res := httptest.NewRecorder()
		handler.ServeHTTP(res, req)
		runtime.ReadMemStats(&after)
		if res.Code != http.StatusAccepted || len(got) != 1 {
			t.Errorf("%s: %d, %d signals", name, res.Code, len(got))
			continue
		}
		if !strings.Contains(got[0].Text, "All checkouts fail") || len(got[0].Attachments) == 0 {
			t.Errorf("%s: %q with %q", name, got[0].Text, got[0].Attachments)
		}
		// The race detector, with which the gate sets -short, allocates more.
		if used := after.TotalAlloc - before.TotalAlloc; used > 60<<20 && !testing.Short() {
			t.Errorf("%s: %d MB were allocated", name, used>>20)
		}
	}
}

// largeMail returns a mail with so many bytes of attachments.
func largeMail(size, attachments int) io.Reader {
	parts := []io.Reader{strings.NewReader(mailHead + "Content-Type: multipart/mixed; boundary=B\n\n--B\nContent-Type: text/plain\n\nAll checkouts fail\n")}
	const line = "QUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJD\r\n"
	for n := range attachments {
		parts = append(parts, strings.NewReader(fmt.Sprintf("--B\nContent-Type: application/octet-stream\nContent-Disposition: attachment; filename=%d.bin\nContent-Transfer-Encoding: base64\n\n", n)),
			io.LimitReader(endless(line), int64(size/attachments)), strings.NewReader("\n"))
	}

	return io.MultiReader(append(parts, strings.NewReader("--B--\n"))...)
}

// endless repeats a line.
type endless string

func (e endless) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		n += copy(p[n:], e)
	}

	return n, nil
}

// A storm of alerts is taken; of one that is too large the beginning (K7). Alertmanager does not
// send again what is refused.
func TestK7AStormIsTaken(t *testing.T) {
	for alerts, isWhole := range map[int]bool{1: true, 2000: true, 20000: false} {
		var b strings.Builder
		b.WriteString(`{"receiver":"fb","status":"firing","alerts":[`)
		for n := range alerts {
			fmt.Fprintf(&b, `{"status":"firing","labels":{"alertname":"TargetDown","severity":"critical","instance":"node-%d \"x\" ]}"},"annotations":{"description":"%s"},"startsAt":"2026-11-28T12:00:00Z"},`, n, strings.Repeat("x", 350))
		}
		body := strings.TrimSuffix(b.String(), ",") + `],"groupLabels":{"alertname":"TargetDown"},"commonLabels":{"alertname":"TargetDown"},"version":"4","groupKey":"{}:storm"}`
		var got []intake.Signal
		handler := intake.Handler(intake.Options{
			Sources: []intake.Source{&intake.Alertmanager{Secrets: intake.Secrets{[]byte("token")}}},
			Accept:  func(_ context.Context, r intake.Result) error { got = append(got, r.Signals...); return nil },
		})
		req := httptest.NewRequest("POST", intake.Prefix+"alertmanager", strings.NewReader(body))
		req.Header.Set("Authorization", "Bearer token")
		res := httptest.NewRecorder()
		handler.ServeHTTP(res, req)
		if res.Code != http.StatusAccepted || len(got) != 1 {
			t.Errorf("%d alerts, %d MB: %d %s", alerts, len(body)>>20, res.Code, res.Body)
			continue
		}
		if s := got[0]; !strings.HasPrefix(s.Title, "TargetDown") || s.SeverityHint != "critical" || strings.Contains(s.Text, "too large") == isWhole {
			t.Errorf("%d alerts: %q %q: %.100s", alerts, s.Title, s.SeverityHint, s.Text)
		}
	}
}

// The subject of a conversation is the same in all of its mails, whatever programs put before it
// (K10).
func TestK10TheSubjectOfAConversation(t *testing.T) {
	for subject, isAnswer := range map[string]bool{
		"Prod down": false, "Re: Prod down": true, "AW: WG: Prod  down": true, "RE[3]: prod down": true, "Antw: Prod Down": true, "[EXTERNAL] Re: [ext] Prod down": true,
		"回复： Prod down": true, "Fwd: Prod down": true, "I: R: Prod down": true, "[External] Prod down": false, "RES: ENC: Prod down": true, "Re (2): Prod down": true,
	} {
		if got := readMail(t, "From: gina@globex.example\nSubject: "+subject+"\n\nx").Thread; got.Subject != "prod down" || got.IsAnswer != isAnswer {
			t.Errorf("%s: %+v", subject, got)
		}
	}
	for _, subject := range []string{"Regarding: prod", "Automatic reply: Prod down", "Alert: prod down", "Reset: prod", "[acme] Prod down"} {
		if got := readMail(t, "From: gina@globex.example\nSubject: "+subject+"\n\nx").Thread; got.Subject != strings.ToLower(subject) || got.IsAnswer {
			t.Errorf("%s: %+v", subject, got)
		}
	}
}
