package notify_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/notify"
)

var ackSecrets = [][]byte{[]byte("current"), nil, []byte("previous")}

const pagerDutyAcknowledged = `{"event":{"id":"01DVUHO6P4XQDFJZEFJ2YD4M0Q","event_type":"incident.acknowledged","resource_type":"incident","occurred_at":"2026-03-01T10:45:58.127Z",
	"agent":{"html_url":"https://acme.pagerduty.com/users/PLH1HKV","id":"PLH1HKV","self":"https://api.pagerduty.com/users/PLH1HKV","summary":"Carol\n Smith","type":"user_reference"},
	"client":null,"data":{"id":"PGR0VU2","type":"incident","number":2,"status":"acknowledged","incident_key":"acme/incidents#1/page/1","title":"API down"}}}`

// signed gives the header as PagerDuty sends it.
func signed(body string, keys ...string) http.Header {
	var sums []string
	for _, k := range keys {
		sums = append(sums, "v1="+strings.TrimPrefix(signature(body, k), "sha256="))
	}
	return http.Header{"X-Pagerduty-Signature": {strings.Join(sums, ",")}}
}

func TestPagerDutyAck(t *testing.T) {
	want := notify.Ack{Key: "acme/incidents#1/page/1", By: "Carol Smith", At: time.Date(2026, 3, 1, 10, 45, 58, 127e6, time.UTC), Source: "pagerduty"}
	for name, c := range map[string]struct {
		body   string
		header http.Header
		ok     bool
	}{
		"acknowledged":                  {pagerDutyAcknowledged, signed(pagerDutyAcknowledged, "current"), true},
		"by the secret before":          {pagerDutyAcknowledged, signed(pagerDutyAcknowledged, "previous"), true},
		"one signature of several":      {pagerDutyAcknowledged, signed(pagerDutyAcknowledged, "another", "current"), true},
		"with spaces between":           {pagerDutyAcknowledged, http.Header{"X-Pagerduty-Signature": {strings.ReplaceAll(signed(pagerDutyAcknowledged, "another", "current").Get("X-PagerDuty-Signature"), ",", ", ")}}, true},
		"resolved":                      {`{"event":{"event_type":"incident.resolved","data":{"incident_key":"k"}}}`, nil, false},
		"somebody else's incident":      {`{"event":{"event_type":"incident.acknowledged","agent":null,"data":{"incident_key":null}}}`, nil, false},
		"a ping":                        {`{"event":{"event_type":"pagey.ping","agent":null,"data":{"message":"Hello"}}}`, nil, false},
		"with what is new at PagerDuty": {strings.Replace(pagerDutyAcknowledged, `"client":null`, `"client":{"name":"x"},"novelty":[1]`, 1), nil, true},
	} {
		if c.header == nil {
			c.header = signed(c.body, "current")
		}
		ack, ok, err := notify.PagerDutyAck([]byte(c.body), c.header, ackSecrets)
		if err != nil || ok != c.ok {
			t.Errorf("%s: %t, %v", name, ok, err)
			continue
		}
		expected := notify.Ack{}
		if c.ok {
			expected = want
		}
		if diff := cmp.Diff(expected, ack); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestPagerDutyIsNotBelieved(t *testing.T) {
	for name, header := range map[string]http.Header{
		"without a signature":    {},
		"signed by another":      signed(pagerDutyAcknowledged, "another"),
		"signed by an empty one": signed(pagerDutyAcknowledged, ""),
		"of another body":        signed(pagerDutyAcknowledged+" ", "current"),
		"of another version":     {"X-Pagerduty-Signature": {strings.ReplaceAll(signed(pagerDutyAcknowledged, "current").Get("X-PagerDuty-Signature"), "v1", "v2")}},
		"cut short":              {"X-Pagerduty-Signature": {signed(pagerDutyAcknowledged, "current").Get("X-PagerDuty-Signature")[:20]}},
		"not hex":                {"X-Pagerduty-Signature": {"v1=zz"}},
	} {
		if ack, ok, err := notify.PagerDutyAck([]byte(pagerDutyAcknowledged), header, ackSecrets); !errors.Is(err, notify.ErrUnsigned) || ok || ack != (notify.Ack{}) {
			t.Errorf("%s: %v, %t, %v", name, ack, ok, err)
		}
	}
	if _, _, err := notify.PagerDutyAck([]byte(pagerDutyAcknowledged), signed(pagerDutyAcknowledged, ""), nil); !errors.Is(err, notify.ErrUnsigned) {
		t.Errorf("we have no secret, and it is believed: %v", err)
	}
	for _, body := range []string{"", "[]", "{}", `{"event":null}`, `{"event":{}}`, `{"event":{"event_type":"incident.acknowledged","occurred_at":"yesterday"}}`} {
		if _, ok, err := notify.PagerDutyAck([]byte(body), signed(body, "current"), ackSecrets); err == nil || ok || errors.Is(err, notify.ErrUnsigned) {
			t.Errorf("%q: %t, %v", body, ok, err)
		}
	}
}

const opsgenieAcknowledged = `{"action":"Acknowledge","alert":{"alertId":"052652ac","message":"API down","tags":[],"tinyId":"23","alias":"acme/incidents#1/page/1",
	"createdAt":1772361658127,"updatedAt":1772361958127000000,"username":"carol@acme.example","userId":"daed1180"},"source":{"name":"","type":"web"},"integrationName":"Firebreak"}`

func TestOpsgenieAck(t *testing.T) {
	want := notify.Ack{Key: "acme/incidents#1/page/1", By: "carol@acme.example", At: time.Date(2026, 3, 1, 10, 45, 58, 127e6, time.UTC), Source: "opsgenie"}
	for name, c := range map[string]struct {
		body string
		ok   bool
	}{
		"acknowledged":             {opsgenieAcknowledged, true},
		"in milliseconds":          {strings.Replace(opsgenieAcknowledged, "1772361958127000000", "1772361958127", 1), true},
		"closed":                   {`{"action":"Close","alert":{"alias":"k"}}`, false},
		"somebody else's alert":    {`{"action":"Acknowledge","alert":{}}`, false},
		"an action of the company": {`{"action":"Restart","alert":{"alias":"k"}}`, false},
	} {
		for _, token := range []string{"current", "previous"} {
			ack, ok, err := notify.OpsgenieAck([]byte(c.body), http.Header{"X-Token": {"x", token}}, ackSecrets)
			expected := notify.Ack{}
			if c.ok {
				expected = want
			}
			if diff := cmp.Diff(expected, ack); diff != "" || err != nil || ok != c.ok {
				t.Errorf("%s: %t, %v, %s", name, ok, err, diff)
			}
		}
	}
	for _, body := range []string{`{"action":"Acknowledge","alert":{"alias":"k"}}`, `{"action":"Acknowledge","alert":{"alias":"k","updatedAt":-1}}`, `{"action":"Acknowledge","alert":{"alias":"k","updatedAt":1.5}}`} {
		if ack, ok, err := notify.OpsgenieAck([]byte(body), http.Header{"X-Token": {"current"}}, ackSecrets); !ok || err != nil || !ack.At.IsZero() {
			t.Errorf("%s: %v, %t, %v", body, ack, ok, err)
		}
	}
}

func TestOpsgenieIsNotBelieved(t *testing.T) {
	for name, header := range map[string]http.Header{"without a token": {}, "with another's": {"X-Token": {"another"}}, "with an empty one": {"X-Token": {""}}} {
		if ack, ok, err := notify.OpsgenieAck([]byte(opsgenieAcknowledged), header, ackSecrets); !errors.Is(err, notify.ErrUnsigned) || ok || ack != (notify.Ack{}) {
			t.Errorf("%s: %v, %t, %v", name, ack, ok, err)
		}
	}
	for _, body := range []string{"", "[]", "{}", `{"action":1}`, `{"action":"Acknowledge","alert":[]}`} {
		if _, ok, err := notify.OpsgenieAck([]byte(body), http.Header{"X-Token": {"current"}}, ackSecrets); err == nil || ok || errors.Is(err, notify.ErrUnsigned) {
			t.Errorf("%q: %t, %v", body, ok, err)
		}
	}
}

func FuzzPagerDutyAck(f *testing.F) {
	f.Add([]byte(pagerDutyAcknowledged), "v1=00")
	f.Fuzz(func(t *testing.T, body []byte, header string) {
		if _, ok, err := notify.PagerDutyAck(body, http.Header{"X-Pagerduty-Signature": {header}}, ackSecrets); ok || err == nil {
			t.Fatalf("nobody could sign this: %t, %v", ok, err)
		}
		ack, ok, err := notify.PagerDutyAck(body, signed(string(body), "current"), ackSecrets)
		sound(t, ack, ok, err)
	})
}

func FuzzOpsgenieAck(f *testing.F) {
	f.Add([]byte(opsgenieAcknowledged))
	f.Fuzz(func(t *testing.T, body []byte) {
		ack, ok, err := notify.OpsgenieAck(body, http.Header{"X-Token": {"current"}}, ackSecrets)
		sound(t, ack, ok, err)
	})
}

// sound holds what callers rely on, whatever came in.
func sound(t *testing.T, ack notify.Ack, ok bool, err error) {
	if ok != (ack.Key != "") || ok && err != nil || !ok && ack != (notify.Ack{}) || strings.ContainsAny(ack.By, "\r\n") {
		t.Fatalf("%+v, %t, %v", ack, ok, err)
	}
	if year := ack.At.UTC().Year(); ok && !ack.At.IsZero() && year > 9999 {
		t.Fatalf("a time that can't be written down: %s", ack.At)
	}
}
