package notify_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// A link answers as its person, so it goes to that person alone: into the mail to their address, and to
// the operator's own receiver. An address of several, and what a team reads, gets none (I8).
func TestI8ALinkGoesToItsPersonAlone(t *testing.T) {
	const link = "https://firebreak.example/a/TOKEN-OF-BOB"
	for name, c := range map[string]struct {
		to      []string
		targets map[string]string
		want    int // mails with the link
	}{
		"a person":            {[]string{"@bob"}, map[string]string{"@bob": "bob@acme.example"}, 1},
		"a person and a team": {[]string{"@bob", "platform"}, map[string]string{"@bob": "bob@acme.example", "platform": "platform@acme.example"}, 1},
		"a shared address":    {[]string{"@bob", "@carol"}, map[string]string{"@bob": "desk@acme.example", "@carol": "desk@acme.example"}, 0},
		"a team":              {[]string{"platform"}, map[string]string{"platform": "platform@acme.example"}, 0},
	} {
		server, trust := newMailServer(t, nil)
		n := newNotifier(t, nil)
		n.Dial(server.dial, trust)
		s := smtp
		s.Targets = c.targets
		p := page(s, c.to...)
		p.Key, p.Links = "acme/incidents#1/page/1 "+name, map[string]string{"@bob": link}
		if err := n.Page(t.Context(), p); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		with := 0
		for _, raw := range server.mails {
			l := read(t, raw)
			if strings.Contains(l.plain, link) && strings.Contains(l.html, `<a href="`+link+`">`) {
				with++
				if !strings.Contains(l.header.Get("To"), "bob@") {
					t.Errorf("%s: %s got the link", name, l.header.Get("To"))
				}
			}
		}
		if with != c.want {
			t.Errorf("%s: %d mails have the link, want %d", name, with, c.want)
		}
	}

	for kind, s := range map[string]incident.Service{"pagerduty": pagerDuty} {
		d := &double{host: "events.pagerduty.com", answers: []answer{accepted}}
		n := newNotifier(t, nil)
		n.Through(d)
		p := page(s, "@bob")
		p.Links = map[string]string{"@bob": link}
		_ = n.Page(t.Context(), p)
		text, _ := json.Marshal(d.all)
		if strings.Contains(string(text)+d.all[0].body, "TOKEN-OF-BOB") {
			t.Errorf("%s shows the link to everybody who reads the alert", kind)
		}
	}
}
