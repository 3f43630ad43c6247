package assembly

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
)

// A repository's file names secrets: whatever it writes, only variables with the prefix are read.
func TestTheFileNamesOnlySecretsThatAreForIt(t *testing.T) {
	asked := []string{}
	all := map[string]string{"FIREBREAK_SECRET_SLACK": "xoxb", "FIREBREAK_PRIVATE_KEY": "key", "FIREBREAK_SECRET_": "nothing", "HOME": "/root"}
	e := Environment{getenv: func(name string) string {
		asked = append(asked, name)
		return all[name]
	}}
	if v, err := e.secret(t.Context(), "SLACK"); v != "xoxb" || err != nil {
		t.Errorf("%q, %v", v, err)
	}
	for _, name := range []string{"", "HOME", "FIREBREAK_PRIVATE_KEY", "FIREBREAK_SECRET_SLACK", "slack", "../SLACK", "SLACK\x00", "PAGERDUTY"} {
		if v, err := e.secret(t.Context(), name); v != "" || err == nil {
			t.Errorf("%q returns %q, %v", name, v, err)
		}
	}
	for _, name := range asked {
		if !strings.HasPrefix(name, "FIREBREAK_SECRET_") {
			t.Errorf("%s was read", name)
		}
	}
}

func TestTheNotifierOfTheEnvironment(t *testing.T) {
	e := Environment{Secrets: [][]byte{[]byte("now")}, Allow: strings.Split("mail.internal, 10.0.0.0/8,", ","), getenv: func(string) string { return "" }}
	n, err := newNotifier(e, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	err = n.Page(t.Context(), engine.Page{Service: incident.Service{Kind: "slack", Secret: "SLACK", Options: map[string]string{"channel": "C0123ABCD"}}})
	if err == nil || !strings.Contains(err.Error(), "FIREBREAK_SECRET_SLACK is not set") {
		t.Errorf("error %v", err)
	}
	e.Allow = []string{"https://mail.internal"}
	if _, err := newNotifier(e, nil, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "FIREBREAK_OUTBOUND_ALLOW") {
		t.Errorf("error %v", err)
	}
}

// A secret is for one account, or for all; no file names another account's.
func TestSecretsOfAccounts(t *testing.T) {
	all := map[string]string{"FIREBREAK_SECRET_SLACK": "shared", "FIREBREAK_SECRET_ACME__SLACK": "acme's",
		"FIREBREAK_SECRET_ACME__PAGERDUTY": "acme's pager", "FIREBREAK_SECRET_BIG_CORP__PAGERDUTY": "big-corp's pager"}
	e := Environment{getenv: func(name string) string { return all[name] }}
	for _, c := range []struct{ account, name, want string }{
		{"acme", "SLACK", "acme's"}, {"Acme", "SLACK", "acme's"}, {"beta", "SLACK", "shared"}, {"", "SLACK", "shared"},
		{"acme", "PAGERDUTY", "acme's pager"}, {"big-corp", "PAGERDUTY", "big-corp's pager"},
		{"beta", "PAGERDUTY", ""}, {"", "PAGERDUTY", ""},
		{"beta", "ACME__PAGERDUTY", ""}, {"acme", "ACME__PAGERDUTY", ""}, {"", "ACME__PAGERDUTY", ""},
		{"big_corp", "PAGERDUTY", ""}, // another account: a managed user's name has a _
		{"beta", "ACME__SLACK", ""}, {"acme__x", "SLACK", "shared"}, {"big", "CORP__PAGERDUTY", ""},
	} {
		got, err := e.secret(incident.ForAccount(t.Context(), c.account), c.name)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s names %s: %q, %v", c.account, c.name, got, err)
		}
	}
}
