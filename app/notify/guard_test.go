package notify_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/notify"
)

func always(value string) func(context.Context, string) (string, error) {
	return func(context.Context, string) (string, error) { return value, nil }
}

func TestWhichAddressesMayBeReached(t *testing.T) {
	for address, want := range map[string]bool{
		"140.82.121.4:443": true, "1.1.1.1:25": true, "[2606:4700::1111]:443": true, "[64:ff9b::8c52:7904]:443": true, "172.32.0.1:443": true, "100.128.0.1:443": true,

		"127.0.0.1:80": false, "127.8.9.1:80": false, "[::1]:80": false, "0.0.0.0:80": false, "[::]:80": false, "0.1.2.3:80": false,
		"10.1.2.3:443": false, "172.16.0.1:443": false, "192.168.1.1:443": false, "[fd00::1]:443": false, "100.64.0.1:443": false,
		"169.254.169.254:80": false, "[fe80::1%eth0]:80": false, "[fd00:ec2::254]:80": false, "100.100.100.200:80": false, "192.0.0.192:80": false, "168.63.129.16:80": false,
		"224.0.0.1:80": false, "[ff02::1]:80": false, "255.255.255.255:80": false, "240.0.0.1:80": false,
		"[::ffff:127.0.0.1]:80": false, "[::ffff:10.0.0.1]:80": false, "[64:ff9b::a9fe:a9fe]:80": false, "[64:ff9b::7f00:1]:80": false,
		"[2002:7f00:1::]:80": false, "[fec0::1]:80": false, "[::127.0.0.1]:80": false, "198.18.0.1:80": false, "203.0.113.5:80": false, "nonsense": false,
	} {
		if err := notify.MayReach(nil, address); (err == nil) != want {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, c := range []struct {
		allow, address string
		want           bool
	}{
		{"10.1.0.0/16", "10.1.2.3:443", true}, {"10.1.0.0/16", "10.2.2.3:443", false}, {"fd00::/8", "[fd12::1]:443", true},
		{"10.1.0.0/16", "[::ffff:10.1.2.3]:443", true}, {"10.1.2.3/32", "10.1.2.3:443", true},
	} {
		if err := notify.MayReach([]string{c.allow}, c.address); (err == nil) != c.want {
			t.Errorf("%s allowed, %s: %v", c.allow, c.address, err)
		}
	}
	for _, wrong := range []string{"https://mail.example", "10.0.0.0/99", "*.example", "a b"} {
		if err := notify.MayReach([]string{wrong}, "1.1.1.1:443"); err == nil || !strings.Contains(err.Error(), wrong) {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}

// The address is checked when it is dialled: a name that leads to this machine is refused as its
// address is, and before a byte was sent. What the operator allows by name, address or network is
// reached.
func TestTheGuardDials(t *testing.T) {
	var reached atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer s.Close()
	u, _ := url.Parse(s.URL)
	for _, c := range []struct {
		address string
		allow   []string
		want    bool
	}{
		{"http://" + u.Host + "/in", []string{u.Host}, true},
		{"http://" + u.Host + "/in", []string{"127.0.0.1"}, true},
		{"http://localhost:" + u.Port() + "/in", []string{" LocalHost "}, true},
		{"http://localhost:" + u.Port() + "/in", []string{"127.0.0.0/8", "localhost:" + u.Port()}, true},
		{"http://localhost:" + u.Port() + "/in", []string{"localhost:1", "127.0.0.0/8"}, false}, // plain HTTP needs the host's name
		{"https://" + u.Host + "/in", nil, false},
		{"https://localhost:" + u.Port() + "/in", nil, false},
		{"https://localhost:" + u.Port() + "/in", []string{"127.0.0.1", "localhost:1"}, false},
	} {
		before := reached.Load()
		n := newNotifier(t, func(o *notify.Options) { o.Secret, o.Allow = always(c.address), c.allow })
		err := n.Announce(t.Context(), engine.Announcement{Channel: incident.Channel{Kind: "webhook", To: "HOOK"}, Text: "x"})
		if (err == nil) != c.want || (reached.Load() > before) != c.want {
			t.Errorf("%s with %q: reached %t, error %v", c.address, c.allow, reached.Load() > before, err)
		}
		if err != nil && temporary(err) {
			t.Errorf("%s with %q: trying again will not help: %v", c.address, c.allow, err)
		}
	}
}
