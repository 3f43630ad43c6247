package notify_test

import (
	"net/url"
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

// internal is what no customer may read: the incident's repository in any spelling, its number, and
// where it is.
var internal = []string{"acme/incidents", "acme%2Fincidents", "incidents#", "98765", "github.com", "update/c12", "internal-name", "eu-1-internal"}

func update(c incident.Channel, s incident.Service) engine.Announcement {
	return engine.Announcement{
		Key: "acme/incidents#98765/update/c12/internal-name/" + c.Kind + ":" + c.To, Customer: "internal-name", Channel: c, Service: s,
		Text: "We are on it.\n<We> will be back & well at 11:12.", At: time.Date(2026, 3, 1, 10, 41, 0, 0, time.UTC), Tag: "5f1e",
	}
}

// Whole requests are looked at: address, headers and body, and what is encoded in them.
func TestA7AnnouncementsCarryTheTextAlone(t *testing.T) {
	aws := vendors(t)["ses"]
	gina := incident.Channel{Kind: "email", To: "gina@globex.example"}
	sent := map[string]string{}

	d := &double{host: "slack.com", answers: []answer{posted}}
	n := newNotifier(t, nil)
	n.Through(d)
	if err := n.Announce(t.Context(), update(incident.Channel{Kind: "slack", To: "globex-p1"}, slackService)); err != nil {
		t.Fatal(err)
	}
	form := slackForm(t, d.one(t))
	if form.Get("channel") != "globex-p1" || form.Get("text") != "We are on it.\n&lt;We&gt; will be back &amp; well at 11:12." {
		t.Errorf("posted %v", form)
	}
	sent["slack"] = whole(d.one(t)) + form.Get("metadata")

	d = &double{host: "hooks.globex.example", answers: []answer{{status: 204}}}
	n = newNotifier(t, nil)
	n.Through(d)
	if err := n.Announce(t.Context(), update(incident.Channel{Kind: "webhook", To: "GLOBEX_HOOK"}, incident.Service{})); err != nil {
		t.Fatal(err)
	}
	body := decode(t, d.one(t).body)
	want := map[string]any{"kind": "announce", "channel": "webhook", "to": "", "text": update(gina, smtp).Text, "key": body["key"]}
	if diff := cmp.Diff(want, body); diff != "" {
		t.Error(diff)
	}
	sent["webhook"] = whole(d.one(t))

	d = &double{host: aws.host, answers: []answer{aws.took}}
	n = newNotifier(t, nil)
	n.Through(d)
	if err := n.Announce(t.Context(), update(gina, ses)); err != nil {
		t.Fatal(err)
	}
	l := read(t, sesMail(t, d.one(t)))
	sent["ses"] = whole(d.one(t)) + sesMail(t, d.one(t)) + l.plain + l.html

	s, got := receiver(t, 200)
	n = newNotifier(t, operators("", s.URL))
	if err := n.Announce(t.Context(), update(gina, smtp)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"kind": "announce", "channel": "email", "to": "gina@globex.example", "text": update(gina, smtp).Text, "key": (*got)["key"], "tag": "5f1e"}, *got); diff != "" {
		t.Error(diff)
	}
	sent["the operator's receiver"] = strings.Join([]string{(*got)["to"], (*got)["text"], (*got)["key"], (*got)["url"]}, "\n")

	synctest.Test(t, func(t *testing.T) {
		m, trust := newMailServer(t, nil)
		n := newNotifier(t, nil)
		n.Dial(m.dial, trust)
		if err := n.Announce(t.Context(), update(gina, smtp)); err != nil {
			t.Fatal(err)
		}
		l := read(t, m.mails[0])
		l.check(t, map[string]string{
			"From": `"?P1 desk"? <p1@acme\.example>`, "To": `<gina@globex\.example>`, "Subject": "Incident update", "Message-Id": `<[0-9a-f]{24}\.5f1e@acme\.example>`,
			"X-Firebreak-Key": key, "References": `<5f1e@acme\.example>`, "Auto-Submitted": "auto-generated", "Date": "Sun, 01 Mar 2026 10:41:00 .0000", "Mime-Version": "1.0", "Content-Type": ".+",
		})
		if l.plain != update(gina, smtp).Text+"\n" || l.html != "<p>We are on it.<br>\n&lt;We&gt; will be back &amp; well at 11:12.</p>\n" {
			t.Errorf("text %q, html %q", l.plain, l.html)
		}
		sent["smtp"] = strings.Join(m.said, "\n") + m.mails[0] + l.plain + l.html
	})

	for way, text := range sent {
		if found := holds(text, internal...); len(found) > 0 {
			t.Errorf("by %s, %q leaves:\n%s", way, found, text)
		}
		if !strings.Contains(text, "We") {
			t.Errorf("by %s, the text is not looked at:\n%s", way, text)
		}
	}
}

// whole is all of a request as text, and once more decoded.
func whole(g got) string {
	var b strings.Builder
	b.WriteString(g.method + " " + g.url + "\n")
	_ = g.header.Write(&b)
	b.WriteString(g.body)
	plain, err := url.QueryUnescape(b.String())
	if err != nil {
		plain = ""
	}
	return b.String() + "\n" + plain
}

// The key is another for every message and the same for a repetition, and only our own key makes
// it.
func TestA7KeysTellNothing(t *testing.T) {
	s, got := receiver(t, 200)
	keys := func(hash string) (out []string) {
		for _, k := range []string{"acme/incidents#1/update/c1", "acme/incidents#1/update/c2", "acme/incidents#1/update/c1"} {
			n := newNotifier(t, func(o *notify.Options) { operators("", s.URL)(o); o.HashKey = []byte(hash) })
			if err := n.Announce(t.Context(), engine.Announcement{Key: k, Channel: incident.Channel{Kind: "email", To: "g@globex.example"}}); err != nil {
				t.Fatal(err)
			}
			out = append(out, (*got)["key"])
		}
		return out
	}
	ours, others := keys("ours"), keys("another's")
	if ours[0] != ours[2] || ours[0] == ours[1] || slices.Contains(others, ours[0]) || len(ours[0]) != 32 {
		t.Errorf("keys %q and %q", ours, others)
	}
	if _, err := notify.New(notify.Options{}); err == nil {
		t.Error("without a key anybody can make the hashes, and no error")
	}
}
