package notify_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/firebreak-dev/firebreak/app/aws/worker"
	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/notify"
)

// What the operator's environment holds.
var secrets = map[string]string{
	"PD_PLATFORM": "0123456789abcdef0123456789abcdef",
	"PD_DEFAULT":  "fedcba9876543210fedcba9876543210",
	"OPSGENIE":    "6e1d4c7b-aaaa-bbbb-cccc-1f2e3d4c5b6a",
	"JIRA":        "ATATT3xFfGF0/secret+token=1A2B3C4D",
	"SLACK":       "xoxb-not-a-real-token",
	"SMTP":        "smtp://relay:p%40ss-w0rd@mail.example.com:2525",
	"GLOBEX_HOOK": "https://hooks.globex.example/in/T0/B0/long-path?token=query-token#signing-key",
}

func newNotifier(t *testing.T, change func(*notify.Options)) *notify.Notifier {
	t.Helper()
	o := notify.Options{HashKey: []byte("hash key"), SES: worker.SES, Secret: func(_ context.Context, name string) (string, error) {
		if s, ok := secrets[name]; ok {
			return s, nil
		}
		return "", errors.New("it is not set")
	}}
	if change != nil {
		change(&o)
	}
	n, err := notify.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

var ref = incident.Ref{Owner: "acme", Repo: "incidents", Number: 98765}

// page is a page with everything in it.
func page(s incident.Service, to ...string) engine.Page {
	return engine.Page{
		Ref: ref, Key: "acme/incidents#98765/page/1", To: to, Title: "API down: <b>&\n502s", Text: "the database <!channel> is gone",
		URL: "https://github.com/acme/incidents/issues/98765", Severity: "critical", Service: s,
	}
}

// got is a request that arrived.
type got struct {
	method, url string
	header      http.Header
	body        string
}

// double takes every vendor's place. It answers with the next of answers, the last one again and
// again.
type double struct {
	host    string
	answers []answer
	mu      sync.Mutex
	all     []got
}

type answer struct {
	status int
	header map[string]string
	body   string
	hangs  bool
	fails  error
}

func (d *double) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		_ = r.Body.Close()
	}
	d.mu.Lock()
	a := d.answers[min(len(d.all), len(d.answers)-1)]
	d.all = append(d.all, got{r.Method, r.URL.String(), r.Header.Clone(), string(body)})
	d.mu.Unlock()
	switch {
	case r.URL.Scheme != "https" || r.URL.Host != d.host:
		return nil, errors.New("the double is " + d.host + ", not " + r.URL.Host)
	case a.hangs:
		<-r.Context().Done()
		return nil, r.Context().Err()
	case a.fails != nil:
		return nil, a.fails
	}
	w := httptest.NewRecorder()
	for name, value := range a.header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(a.status)
	_, _ = io.Copy(w, strings.NewReader(a.body))
	res := w.Result()
	res.Request = r
	return res, nil
}

// one returns the only request.
func (d *double) one(t *testing.T) got {
	t.Helper()
	if len(d.all) != 1 {
		t.Fatalf("%d requests, want 1", len(d.all))
	}
	return d.all[0]
}

// has checks the method, the address and the headers that count.
func (g got) has(t *testing.T, url string, headers map[string]string) {
	t.Helper()
	if g.method != http.MethodPost || g.url != url {
		t.Errorf("%s %s, want POST %s", g.method, g.url, url)
	}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		if g.header.Get(name) != headers[name] {
			t.Errorf("%s: %q, want %q", name, g.header.Get(name), headers[name])
		}
	}
}

// fits checks a body against a schema in testdata.
func fits(t *testing.T, schema, body string) {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	s, err := c.Compile("testdata/" + schema)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	if err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	if err := s.Validate(value); err != nil {
		t.Errorf("%v\n%s", err, body)
	}
}

// silent checks that an error has none of the secrets in it, nor a part of an address that is one.
func silent(t *testing.T, err error) {
	t.Helper()
	parts := slices.Collect(maps.Values(secrets))
	parts = append(parts, "p@ss-w0rd", "p%40ss-w0rd", "long-path", "query-token", "signing-key", "AHJlbGF5AHBAc3MtdzByZA==", "operator-secret")
	for _, s := range parts {
		if strings.Contains(err.Error(), s) {
			t.Errorf("the error has %q in it: %v", s, err)
		}
	}
}

// holds returns those of the words that are in a text.
func holds(text string, words ...string) (found []string) {
	for _, w := range words {
		if bytes.Contains(bytes.ToLower([]byte(text)), bytes.ToLower([]byte(w))) {
			found = append(found, w)
		}
	}
	return found
}
