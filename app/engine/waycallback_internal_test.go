package engine

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
)

// vendor is what is known of the vendors: what they confirm.
type vendor struct {
	Reacher
	confirms bool
}

func (v vendor) Page(context.Context, Page) error { return nil }

func (v vendor) answer() error {
	if v.confirms {
		return nil
	}
	return errors.New("it is forged")
}

func (v vendor) VerifyCall(context.Context, incident.Service, string, url.Values, string) error {
	return v.answer()
}

func (v vendor) VerifyReceipt(context.Context, incident.Service, string) error { return v.answer() }

// queued notes the messages.
type queued []Message

func (q *queued) Enqueue(_ context.Context, m Message, _ time.Time) error {
	*q = append(*q, m)
	return nil
}

type fixedClock struct{ now time.Time }

func (c *fixedClock) Now() time.Time { return c.now }

// Vendors' callbacks count as often as they are confirmed, each as a message of its own, which the incident takes
// once; forged ones, those of no vendor and those after a day do not. One of a test answers the test alone (O3).
func TestO3VendorsCallbacks(t *testing.T) {
	start := time.Date(2026, 12, 1, 10, 0, 0, 0, time.UTC)
	ref := incident.Ref{Owner: "acme", Repo: "incidents", Number: 7}
	for name, c := range map[string]struct {
		vendor   string
		form     url.Values
		confirms bool
		page     string
		times    int
		late     time.Duration
		want     string // how, of each message
		err      error
	}{
		"a receipt":            {WayPushover, url.Values{"receipt": {"r"}}, true, "page/1", 1, 0, "seen", nil},
		"a receipt twice":      {WayPushover, url.Values{"receipt": {"r"}}, true, "page/1", 2, 0, "seen", nil},
		"a receipt, late":      {WayPushover, url.Values{"receipt": {"r"}}, true, "page/1", 1, 23 * time.Hour, "seen", nil},
		"a receipt, too late":  {WayPushover, url.Values{"receipt": {"r"}}, true, "page/1", 1, 25 * time.Hour, "", ErrTokenExpired},
		"a forged receipt":     {WayPushover, url.Values{"receipt": {"r"}}, false, "page/1", 2, 0, "", ErrNotVerified},
		"a key":                {WayCall, url.Values{"Digits": {"1"}}, true, "page/1", 1, 0, "coordinate", nil},
		"a key twice":          {WayCall, url.Values{"Digits": {"2"}}, true, "page/1", 2, 0, "pass", nil},
		"a forged key":         {WayCall, url.Values{"Digits": {"1"}}, false, "page/1", 1, 0, "", ErrNotVerified},
		"another key":          {WayCall, url.Values{"Digits": {"9"}}, true, "page/1", 1, 0, "", nil},
		"no vendor's":          {"ntfy", url.Values{"Digits": {"1"}}, true, "page/1", 1, 0, "", ErrNotVerified},
		"a receipt of a test":  {WayPushover, url.Values{"receipt": {"r"}}, true, "test/1", 2, 0, "", nil},
		"a key in a test":      {WayCall, url.Values{"Digits": {"1"}}, true, "test/1", 1, 0, "", nil},
		"by somebody's page":   {WayCall, url.Values{"Digits": {"1"}}, true, waysPage, 1, 0, "", errAny},
		"a forged one, a test": {WayCall, url.Values{"Digits": {"1"}}, false, "test/1", 1, 0, "", ErrNotVerified},
	} {
		t.Run(name, func(t *testing.T) {
			q, clock := &queued{}, &fixedClock{now: start}
			store := shelfOfAll{policyKey("acme/incidents"): []byte("services: {people: {secret: PEOPLE}}\n")}
			e := New(Options{Secrets: [][]byte{[]byte("secret")}, Store: store, Queue: q, Clock: clock,
				Pager: vendor{confirms: c.confirms}, PublicURL: "https://f.example"})
			token := e.token(PageToken{Ref: ref, Page: c.page, Login: "dan", Expires: start.Add(answerLife)})
			for range c.times {
				clock.now = clock.now.Add(c.late + time.Second)
				read, err := e.ReadToken(token)
				if err == nil {
					_, err = e.TakeCallback(t.Context(), read, token, c.vendor, c.form, "signature")
				}
				if err != nil && errors.Is(c.err, errAny) {
					continue
				}
				if !errors.Is(err, c.err) {
					t.Errorf("%v, want %v", err, c.err)
				}
			}
			want := c.times
			if c.want == "" {
				want = 0
			}
			var deliveries []string
			for _, m := range *q {
				if a := m.PageAnswer(); a == nil || a.How != c.want || a.By != "dan" || a.Via != c.vendor {
					t.Errorf("stored %+v", m.What)
				}
				deliveries = append(deliveries, m.Delivery)
			}
			slices.Sort(deliveries)
			if len(slices.Compact(deliveries)) != want {
				t.Errorf("%d messages, want %d", len(*q), want)
			}
			answered := len(store[testAnswerKey("acme/incidents", "dan")]) > 0
			if isTest := c.page == "test/1" && c.err == nil; answered != isTest {
				t.Errorf("the test is answered: %v", answered)
			}
		})
	}
}

// errAny means any error.
var errAny = errors.New("any")
