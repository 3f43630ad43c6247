package notify_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/notify"
)

// An account has so many pages, calls and mails an hour, in all processes together, and uses up nobody else's.
func TestAccountsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept := &shelf{saved: map[string][]byte{}}
		d := &double{host: "hooks.example", answers: []answer{accepted}}
		var all []*notify.Notifier
		for range 2 {
			n := newNotifier(t, func(o *notify.Options) {
				o.Secret, o.Kept, o.Bounds = always("https://hooks.example/in"), kept, notify.Bounds{Pages: 10}
			})
			n.Through(d)
			all = append(all, n)
		}
		send := func(n *notify.Notifier, account string) error {
			p := page(incident.Service{Kind: "pagerduty", Secret: "HOOK", Account: account}, "platform")
			p.Service.Targets = map[string]string{"platform": "HOOK"}
			return n.Page(t.Context(), p)
		}
		sent := func(account string, tries int) (n int) {
			for k := range tries {
				if err := send(all[k%2], account); err == nil || !strings.Contains(err.Error(), "the bound of an account") {
					n++
				}
			}
			return n
		}
		if n := sent("noisy", 30); n != 10 {
			t.Errorf("%d pages of noisy went out, want 10", n)
		}
		if n := sent("quiet", 10); n != 10 {
			t.Errorf("%d pages of quiet went out, want 10", n)
		}
		if err := send(all[0], "Noisy"); err == nil || temporary(err) {
			t.Errorf("noisy in other letters: %v", err)
		}
		time.Sleep(time.Hour + 10*time.Minute)
		if n := sent("noisy", 30); n != 10 {
			t.Errorf("an hour later %d pages of noisy went out, want 10", n)
		}
	})
}

// Calls to a person for one account don't use up those for another.
func TestAnAccountUsesUpNobodysCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &double{host: "api.twilio.com", answers: []answer{accepted}}
		n := withPeople(t, `{"dan": [{"call": "+49301234567"}]}`)
		n.Bounds.Calls = 20
		n.Through(d)
		call := func(account string) error {
			p := peoplePage("@dan")
			p.Service.Account = account
			return n.Page(t.Context(), p)
		}
		for range 60 {
			_ = call("noisy")
		}
		if len(d.all) != 12 {
			t.Errorf("%d calls of noisy, want 12", len(d.all))
		}
		if err := call("quiet"); err != nil {
			t.Errorf("quiet: %v", err)
		}
	})
}

// What an account's mails may be.
func TestMailsOfAnAccountAreBounded(t *testing.T) {
	n := newNotifier(t, func(o *notify.Options) { o.Bounds.Mails = 1 })
	service := smtp
	service.Account = "acme"
	for k, want := range []bool{false, true} {
		err := n.Announce(t.Context(), engine.Announcement{Channel: incident.Channel{Kind: "email", To: "a@example.com"},
			Service: service, Text: "x", Key: "k"})
		if got := err != nil && strings.Contains(err.Error(), "had 1 mails within an hour"); got != want {
			t.Errorf("mail %d: %v", k+1, err)
		}
	}
}

func TestBoundsAreRead(t *testing.T) {
	for text, want := range map[string]notify.Bounds{
		"": notify.DefaultBounds, "calls=1, mails=2 pages=0": {Calls: 1, Mails: 2},
		"calls": {}, "texts=3": {}, "calls=-1": {}, "calls=many": {},
	} {
		got, err := notify.ParseBounds(text)
		if isWrong := want == (notify.Bounds{}); isWrong != (err != nil) || !isWrong && got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

// A private target is the account's alone that the operator names, also while its connection is open.
func TestTargetsOfAccounts(t *testing.T) {
	var reached atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer s.Close()
	u, _ := url.Parse(s.URL)
	n := newNotifier(t, func(o *notify.Options) {
		o.Allow = []string{"Acme=" + u.Host}
		o.Secret = func(context.Context, string) (string, error) { return s.URL + "/in", nil }
	})
	for _, c := range []struct {
		account string
		want    bool
	}{{"acme", true}, {"ACME", true}, {"beta", false}, {"", false}, {"acme", true}} {
		before := reached.Load()
		err := n.Announce(t.Context(), engine.Announcement{Channel: incident.Channel{Kind: "webhook", To: "HOOK"}, Text: "x",
			Service: incident.Service{Kind: "webhook", Account: c.account}})
		if (err == nil) != c.want || (reached.Load() > before) != c.want {
			t.Errorf("%q: reached %t, error %v", c.account, reached.Load() > before, err)
		}
	}
	for _, wrong := range []string{"=10.0.0.0/8", "a/b=host", "acme=10.0.0.0/99"} {
		if err := notify.MayReach([]string{wrong}, "1.1.1.1:443"); err == nil {
			t.Errorf("%s is taken", wrong)
		}
	}
}

// Nothing that goes out shares an open connection with an account that has targets of its own.
func TestOpenConnectionsAreAnAccountsOwn(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer s.Close()
	n := newNotifier(t, func(o *notify.Options) { o.Allow = []string{"acme=127.0.0.1"} })
	if err := n.Get(t.Context(), "acme", s.URL); err != nil {
		t.Errorf("acme: %v", err)
	}
	if err := n.Get(t.Context(), "beta", s.URL); err == nil {
		t.Error("beta went by acme's connection")
	}
}
