package notify_test

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// pieces are what texts are made of that act: in a header, in HTML, in Slack, on a screen.
var pieces = []string{"\r\nBcc: mallory@evil.example", "\n\n<script>alert(1)</script>", "<!channel>", "<!here|x>", "<@U0123ABCD>", "<https://evil.example|github.com>", "&lt;!channel&gt;",
	"\u202e", "\u2066", "\u200b", "\ufeff", "\u2028", "\x00", "\x1b[2J", "\x07", "\xff", "\r", "\n.\r\n", "=?utf-8?q?x?=", "*bold*", "`code`", "\"", "\\", "'", "</p><a href=\"https://evil.example\">",
	"üñï", "日本語", "👩‍🚒", "U+E000 \ue000", "\U000e0041", " ", "words", "@here", "{{.Title}}", "%s%n", "${x}"}

// words makes a text of some pieces.
func words(r *rand.Rand) string {
	var b strings.Builder
	for range 1 + r.IntN(8) {
		b.WriteString(pieces[r.IntN(len(pieces))])
	}
	return b.String()
}

// hidden reports what a text holds that can't be seen.
func hidden(s string) string {
	for _, r := range s {
		if r != '\n' && r != '\u200c' && r != '\u200d' && (unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co) || r == '\u2028' || r == '\u2029') {
			return string(r)
		}
	}
	if !utf8.ValidString(s) {
		return "bytes that are no text"
	}
	return ""
}

// texts lists all strings in a JSON value.
func texts(value any) (all []string) {
	switch v := value.(type) {
	case string:
		return []string{v}
	case []any:
		for _, e := range v {
			all = append(all, texts(e)...)
		}
	case map[string]any:
		for _, e := range v {
			all = append(all, texts(e)...)
		}
	}
	return all
}

var slackMarks = regexp.MustCompile(`<[^>]*>`)

// Whatever people wrote into a title or an update, what leaves shows it and does nothing: no header
// of a mail, no mention or disguised link in Slack, no HTML, and nothing that can't be seen.
func TestNotificationsAreInertWhateverPeopleWrote(t *testing.T) {
	all := vendors(t)
	r := rand.New(rand.NewPCG(16, 8))
	for range 300 {
		title, text := words(r), words(r)
		for _, service := range []incident.Service{pagerDuty, opsgenie, jira, slackService, ses} {
			kind := service.Kind
			if kind == "email" {
				kind = "ses"
			}
			d := &double{host: all[kind].host, answers: []answer{all[kind].took}}
			n := newNotifier(t, nil)
			n.Through(d)
			p := page(service, "platform")
			p.Title, p.Text = title, text
			if err := n.Page(t.Context(), p); err != nil {
				t.Fatalf("%s: %q: %v", kind, title, err)
			}
			inert(t, kind, d.one(t))
			if kind == "pagerduty" || kind == "opsgenie" || kind == "jira" {
				continue
			}
			d = &double{host: all[kind].host, answers: []answer{all[kind].took}}
			n = newNotifier(t, nil)
			n.Through(d)
			channel := incident.Channel{Kind: "slack", To: "globex-p1"}
			if kind == "ses" {
				channel = incident.Channel{Kind: "email", To: "gina@globex.example"}
			}
			if err := n.Announce(t.Context(), engine.Announcement{Key: "k", Channel: channel, Service: service, Text: text}); err != nil {
				t.Fatalf("%s: %q: %v", kind, text, err)
			}
			inert(t, kind, d.one(t))
		}
		d := &double{host: "hooks.globex.example", answers: []answer{{status: 204}}}
		n := newNotifier(t, nil)
		n.Through(d)
		if err := n.Announce(t.Context(), engine.Announcement{Key: "k", Channel: incident.Channel{Kind: "webhook", To: "GLOBEX_HOOK"}, Text: text}); err != nil {
			t.Fatal(err)
		}
		inert(t, "webhook", d.one(t))
	}
}

func inert(t *testing.T, kind string, g got) {
	t.Helper()
	for name, values := range g.header {
		if h := hidden(name + strings.Join(values, "")); h != "" || strings.Contains(strings.Join(values, ""), "\n") {
			t.Errorf("%s: the header %s holds %q", kind, name, h)
		}
	}
	switch kind {
	case "slack":
		form, err := url.ParseQuery(g.body)
		if err != nil {
			t.Fatal(err)
		}
		said := form.Get("text")
		for _, m := range slackMarks.FindAllString(said, -1) {
			if m != "<!subteam^S0123ABCD>" && m != "<@U0123ABCD>" {
				t.Errorf("slack: %q acts in %q", m, said)
			}
		}
		if n := strings.Count(said, "<"); n > 1 {
			t.Errorf("slack: %q", said)
		}
		if h := hidden(said); h != "" {
			t.Errorf("slack: %q in %q", h, said)
		}
	case "ses":
		l := read(t, sesMail(t, g))
		names := slices.Sorted(maps.Keys(l.header))
		for _, name := range names {
			if !slices.Contains([]string{"Auto-Submitted", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "References", "Reply-To", "Subject", "To", "X-Firebreak-Key"}, name) || len(l.header[name]) != 1 {
				t.Errorf("a mail has the header %s: %q", name, l.header[name])
			}
		}
		rest := regexp.MustCompile(`</?p>|<br>|<a href="https://github\.com/acme/incidents/issues/98765">|</a>`).ReplaceAllString(l.html, "")
		if strings.ContainsAny(rest, "<>\"") {
			t.Errorf("HTML acts in %q", rest)
		}
		for _, part := range []string{l.plain, l.html, l.header.Get("Subject")} {
			if h := hidden(strings.ReplaceAll(part, "\r\n", "\n")); h != "" {
				t.Errorf("a mail holds %q in %q", h, part)
			}
		}
	default:
		var body any
		if err := json.Unmarshal([]byte(g.body), &body); err != nil {
			t.Fatalf("%s: %v in %s", kind, err, g.body)
		}
		for _, s := range texts(body) {
			if h := hidden(s); h != "" {
				t.Errorf("%s: %q in %q", kind, h, s)
			}
		}
	}
}
