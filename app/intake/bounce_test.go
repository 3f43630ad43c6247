package intake_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/intake"
)

const tagOfUpdate = "0123456789abcdef0123456789abcdef"

// What a mail server says of a mail that it could not deliver isn't a message; which mail it was
// is in its copy.
func TestI1V3DeliveryReports(t *testing.T) {
	sent := time.Date(2026, 3, 2, 10, 52, 0, 0, time.UTC)
	failed := func(why string, addresses ...string) []intake.Undelivered {
		return []intake.Undelivered{{Addresses: addresses, Why: why}}
	}
	for _, c := range []struct {
		name string
		want *intake.Bounce
		tag  bool
	}{
		{"postfix", &intake.Bounce{Sent: sent, Undelivered: failed("550 5.1.1 <gina@globex.example>: Recipient address rejected: no such user", "gina@globex.example")}, true},
		{"forwarded", &intake.Bounce{Sent: sent, Undelivered: failed("550 5.2.2 mailbox full", "gina@globex.example", "g.schmidt@intern.globex.example")}, true},
		{"exchange-headers", &intake.Bounce{Sent: sent, Undelivered: failed("5.4.1", "gina@globex.example")}, true},
		{"delayed", &intake.Bounce{Sent: sent, Undelivered: []intake.Undelivered{{Addresses: []string{"gina@globex.example"}, Why: "451 4.7.1 try again later", Delayed: true}}}, true},
		{"gave-up", &intake.Bounce{Sent: sent, Undelivered: failed("4.4.7", "gina@globex.example")}, true},
		{"delivered", &intake.Bounce{Sent: sent}, true},
		{"exim", &intake.Bounce{Sent: sent, Undelivered: failed("", "gina@globex.example")}, true},
		{"qmail", &intake.Bounce{Sent: sent, Undelivered: failed("192.0.2.1 does not like recipient.", "gina@globex.example")}, true},
		{"person", nil, false},
		{"out-of-office", nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			raw, err := os.ReadFile(filepath.Join("testdata", "bounces", c.name+".eml"))
			if err != nil {
				t.Fatal(err)
			}
			raw = []byte(strings.ReplaceAll(string(raw), "\n", "\r\n"))
			s := intake.ReadMail(intake.Request{Header: http.Header{}, Body: raw, Now: sent.Add(time.Hour)}, raw, nil)
			if d := cmp.Diff(c.want, s.Bounce); d != "" {
				t.Error(d)
			}
			if got := slices.Contains(s.Thread.Tags, tagOfUpdate); got != c.tag {
				t.Errorf("the tags are %q", s.Thread.Tags)
			}
		})
	}
}
