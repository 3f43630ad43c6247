package notify_test

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/notify"
)

var (
	smtp = incident.Service{Kind: "email", Secret: "SMTP", Options: map[string]string{"from": "P1 desk <p1@acme.example>"}, Targets: map[string]string{"platform": "platform@acme.example", "@bob": "bob@acme.example"}}
	ses  = incident.Service{Kind: "email", Options: map[string]string{"from": "p1@acme.example", "via": "ses", "region": "eu-central-1"}, Targets: map[string]string{"platform": "platform@acme.example"}}
)

// letter is an email as its receiver reads it.
type letter struct {
	header      mail.Header
	plain, html string
}

func read(t *testing.T, raw string) letter {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatalf("%v in\n%s", err, raw)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("%s, %v", kind, err)
	}
	l := letter{header: m.Header}
	for parts := multipart.NewReader(m.Body, params["boundary"]); ; {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return l
		}
		if err != nil {
			t.Fatal(err)
		}
		if e := part.Header.Get("Content-Transfer-Encoding"); e != "quoted-printable" {
			t.Fatalf("encoded as %s", e)
		}
		text, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		body := strings.ReplaceAll(string(text), "\r\n", "\n")
		switch kind := part.Header.Get("Content-Type"); kind {
		case "text/plain; charset=UTF-8":
			l.plain = body
		case "text/html; charset=UTF-8":
			l.html = body
		default:
			t.Fatalf("a part is %s", kind)
		}
	}
}

// check compares the headers, all of them.
func (l letter) check(t *testing.T, want map[string]string) {
	t.Helper()
	for name := range l.header {
		if _, ok := want[name]; !ok {
			t.Errorf("%s: %s", name, l.header.Get(name))
		}
	}
	word := &mime.WordDecoder{}
	for name, pattern := range want {
		got, err := word.DecodeHeader(l.header.Get(name))
		if err != nil || !regexp.MustCompile("^"+pattern+"$").MatchString(got) || len(l.header[name]) != 1 {
			t.Errorf("%s: %q, want %s (%v)", name, l.header[name], pattern, err)
		}
	}
}

const key = `[0-9a-f]{32}`

func TestEmailPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, trust := newMailServer(t, nil)
		n := newNotifier(t, nil)
		n.Dial(s.dial, trust)
		p := page(smtp, "platform", "@bob", "nobody")
		p.Title = "Störung\r\nBcc: mallory@evil.example\r\n\r\n<b>"
		if err := n.Page(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(s.mails) != 2 || s.dialed[0] != "mail.example.com:2525" {
			t.Fatalf("%d mails by %q", len(s.mails), s.dialed)
		}
		to := []string{}
		for _, raw := range s.mails {
			l := read(t, raw)
			to = append(to, l.header.Get("To"))
			l.check(t, map[string]string{
				"From": `"?P1 desk"? <p1@acme\.example>`, "To": `<(platform|bob)@acme\.example>`, "Subject": "Störung Bcc: mallory@evil.example <b>",
				"Message-Id": "<" + key + `@acme\.example>`, "X-Firebreak-Key": key, "Auto-Submitted": "auto-generated", "Date": ".+", "Mime-Version": "1.0", "Content-Type": ".+",
			})
			if want := "Störung Bcc: mallory@evil.example <b>\n\nthe database <!channel> is gone\n\nhttps://github.com/acme/incidents/issues/98765\n"; l.plain != want {
				t.Errorf("text\n%q, want\n%q", l.plain, want)
			}
			if !strings.Contains(l.html, "&lt;b&gt;<br>") || !strings.Contains(l.html, `<a href="https://github.com/acme/incidents/issues/98765">`) || strings.Contains(l.html, "<!") {
				t.Errorf("html\n%s", l.html)
			}
		}
		slices.Sort(to)
		if !slices.Equal(to, []string{"<bob@acme.example>", "<platform@acme.example>"}) {
			t.Errorf("written to %q", to)
		}
		host, _ := os.Hostname()
		for _, said := range s.said {
			if said != "EHLO acme.example" && said != "STARTTLS" && !strings.HasPrefix(said, "tls ") {
				t.Errorf("in the open: %q", said)
			}
			if strings.Contains(said, host) {
				t.Errorf("this machine's name is told: %q", said)
			}
		}
	})
}

// The same key makes the same Message-ID, and another key another.
func TestTheMessageIDComesOfTheKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, trust := newMailServer(t, nil)
		n := newNotifier(t, nil)
		n.Dial(s.dial, trust)
		at := time.Date(2026, 3, 1, 10, 41, 0, 0, time.UTC)
		for _, k := range []string{"one", "one", "two"} {
			a := engine.Announcement{Key: k, Channel: incident.Channel{Kind: "email", To: "gina@globex.example"}, Service: smtp, Text: "We are on it.", At: at}
			if err := n.Announce(t.Context(), a); err != nil {
				t.Fatal(err)
			}
		}
		var ids []string
		for _, raw := range s.mails {
			h := read(t, raw).header
			ids = append(ids, h.Get("Message-ID"))
			if sent, err := h.Date(); err != nil || !sent.Equal(at) {
				t.Errorf("dated %s, %v", sent, err)
			}
		}
		if len(ids) != 3 || ids[0] != ids[1] || ids[0] == ids[2] {
			t.Errorf("ids %q", ids)
		}
	})
}

func TestHowMailServersFail(t *testing.T) {
	for name, c := range map[string]struct {
		server    func(*mailServer)
		secret    string
		dials     int
		fails     bool
		temporary bool
		says      string
		never     string // a command that must not be sent
	}{
		"no TLS":             {server: func(s *mailServer) { s.plain = true }, dials: 3, fails: true, temporary: true, says: "STARTTLS", never: "MAIL"},
		"another's name":     {secret: "smtp://relay:p%40ss-w0rd@other.example.com:2525", dials: 1, fails: true, says: "certificate", never: "AUTH"},
		"a wrong password":   {secret: "smtp://relay:wrong-p4ssword@mail.example.com:2525", dials: 1, fails: true, says: "535", never: "MAIL"},
		"greylisted":         {server: func(s *mailServer) { s.replies = map[string]string{"RCPT": "451 4.7.1 try again later"} }, dials: 2},
		"an unknown mailbox": {server: func(s *mailServer) { s.replies = map[string]string{"RCPT": "550 5.1.1 nobody of that name"} }, dials: 1, fails: true, says: "550", never: "DATA"},
		"out of service": {server: func(s *mailServer) {
			s.replies = map[string]string{"EHLO": "421 4.3.2 closing", "HELO": "421 4.3.2 closing"}
		}, dials: 2},
		"no answer":            {server: func(s *mailServer) { s.hangs = true }, dials: 1, fails: true, temporary: true, says: "no answer within 10s"},
		"gone once it took it": {server: func(s *mailServer) { s.leaves = true }, dials: 1},
		"no password needed":   {server: func(s *mailServer) { s.open = true }, secret: "smtp://mail.example.com:2525", dials: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, trust := newMailServer(t, c.server)
				n := newNotifier(t, nil)
				if c.secret != "" {
					n.Secret = always(c.secret)
				}
				if strings.Contains(c.secret, "other.example.com") {
					trust.ServerName = "other.example.com"
				}
				n.Dial(s.dial, trust)
				began := time.Now()
				err := n.Announce(t.Context(), engine.Announcement{Key: "k", Channel: incident.Channel{Kind: "email", To: "gina@globex.example"}, Service: smtp, Text: "We are on it."})
				synctest.Wait()
				if len(s.dialed) != c.dials {
					t.Errorf("%d connections, want %d", len(s.dialed), c.dials)
				}
				if c.fails == (len(s.mails) == 1) {
					t.Errorf("%d mails", len(s.mails))
				}
				for _, said := range s.said {
					if c.never != "" && strings.Contains(said, c.never) {
						t.Errorf("it was told %q", said)
					}
				}
				if !c.fails {
					if err != nil {
						t.Error(err)
					}
					return
				}
				if err == nil {
					t.Fatal("no error")
				}
				if temporary(err) != c.temporary || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "wrong-p4ssword") {
					t.Errorf("error %v, temporary %t", err, temporary(err))
				}
				if s.hangs && (time.Since(began) != 10*time.Second || !errors.Is(err, context.DeadlineExceeded)) {
					t.Errorf("after %s: %v", time.Since(began), err)
				}
				silent(t, err)
			})
		})
	}
}

// What stays on this machine needs no TLS.
func TestALocalRelay(t *testing.T) {
	for _, host := range []string{"localhost", "127.0.0.1", "[::1]"} {
		synctest.Test(t, func(t *testing.T) {
			s, _ := newMailServer(t, func(s *mailServer) { s.plain, s.open = true, true })
			n := newNotifier(t, nil)
			n.Secret = always("smtp://" + host + ":25")
			n.Dial(s.dial, nil)
			if err := n.Announce(t.Context(), engine.Announcement{Key: "k", Channel: incident.Channel{Kind: "email", To: "gina@globex.example"}, Service: smtp, Text: "We are on it."}); err != nil || len(s.mails) != 1 {
				t.Errorf("%s: %d mails, %v", host, len(s.mails), err)
			}
		})
	}
}

func TestSES(t *testing.T) {
	v := vendors(t)["ses"]
	d := &double{host: v.host, answers: []answer{v.took}}
	n := newNotifier(t, nil)
	n.Through(d)
	if err := v.send(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	g := d.one(t)
	g.has(t, "https://email.eu-central-1.amazonaws.com/v2/email/outbound-emails", map[string]string{"Content-Type": "application/json"})
	if !regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/\d{8}/eu-central-1/ses/aws4_request, SignedHeaders=\S+, Signature=[0-9a-f]{64}$`).MatchString(g.header.Get("Authorization")) {
		t.Errorf("signed %q", g.header.Get("Authorization"))
	}
	l := read(t, sesMail(t, g))
	l.check(t, map[string]string{
		"From": `<p1@acme\.example>`, "To": `<platform@acme\.example>`, "Subject": `API down: <b>& 502s`, "Message-Id": "<" + key + `@acme\.example>`,
		"X-Firebreak-Key": key, "Auto-Submitted": "auto-generated", "Date": ".+", "Mime-Version": "1.0", "Content-Type": ".+",
	})
}

// sesMail returns the email in a request, which holds nothing else.
func sesMail(t *testing.T, g got) string {
	t.Helper()
	body := decode(t, g.body)
	data, _ := body["Content"].(map[string]any)["Raw"].(map[string]any)["Data"].(string)
	raw, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{"Content": map[string]any{"Raw": map[string]any{"Data": data}}}, body); diff != "" {
		t.Error(diff)
	}
	return string(raw)
}

func TestSESNeedsARegion(t *testing.T) {
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	s := ses
	s.Options = map[string]string{"from": "p1@acme.example", "via": "ses"}
	if err := newNotifier(t, nil).Page(t.Context(), page(s, "platform")); err == nil || !strings.Contains(err.Error(), "region") {
		t.Errorf("error %v", err)
	}
}

// A binary without AWS's SDK says what to do, by a page that leaves and by one that a doctor only
// tries.
func TestSESWithoutTheSDK(t *testing.T) {
	n := newNotifier(t, func(o *notify.Options) { o.SES = nil })
	for name, ctx := range map[string]context.Context{"a page": t.Context(), "a dry run": notify.Dry(t.Context())} {
		err := n.Page(ctx, page(ses, "platform"))
		if err == nil || !strings.Contains(err.Error(), "smtp://USER:PASSWORD@email-smtp.REGION.amazonaws.com:587") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
