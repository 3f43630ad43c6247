package words

import (
	"strings"
	"testing"
)

func TestTerms(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"KubePodOOMKilled", "kube pod oom kill"},
		{"parseHTTPHeader of URLs", "pars header url"},
		{"deploy/payments-api/values.prod.yaml", "deploy payment api valu prod"},
		{"db/migrations/20240112_add_orders_index.sql", "db migration order index sql"},
		{"The queries were failing with timeouts, 5xx everywhere!", "query fail timeout 5xx everywher"},
		{"reverts 3f2c1a9 in #41 of 2024", "revert"},
		{"dropped connections; cache and caching", "drop connection cach cach"},
		{"TLS certificates expired (DNS)", "tls certificat expir dns"},
		{"", ""},
	} {
		var got []string
		for _, term := range Terms(c.text) {
			got = append(got, term.Stem)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("Terms(%q) = %q, want %q", c.text, s, c.want)
		}
	}
	if got := Terms("Zahlungen für Öl"); len(got) != 3 || got[2].Word != "Öl" {
		t.Errorf("words of another language are lost: %v", got)
	}
}

func TestStemIsStable(t *testing.T) {
	for _, c := range []struct{ a, b string }{
		{"timeout", "timeouts"}, {"query", "queries"}, {"fail", "failing"}, {"fail", "failed"}, {"fail", "fails"},
		{"cache", "caching"}, {"cache", "caches"}, {"drop", "dropping"}, {"certificate", "certificates"},
		{"process", "processes"}, {"index", "indexes"}, {"address", "addresses"}, {"tls", "tls"}, {"dns", "dns"},
	} {
		if Stem(c.a) != Stem(c.b) {
			t.Errorf("%q has the stem %q, %q has %q", c.a, Stem(c.a), c.b, Stem(c.b))
		}
	}
}
