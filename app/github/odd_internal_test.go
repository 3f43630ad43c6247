package github

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/wait"
)

// oddNumbers are what headers about limits have held, and what they could.
var oddNumbers = []string{"", "0", "-1", "1", "60", "3600", "86400", "9223372036854775807",
	"-9223372036854775808", "99999999999999999999999", "1e9", "NaN", "soon",
	"Mon, 02 Mar 2026 10:41:30 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "1772448000", "1772451600", "32503680000"}

// whatever GitHub's headers say, whoever asks comes back after a second at least and an hour at
// most, and the limiter lets somebody through again within that.
func checkOddAnswer(t *testing.T, status int, after, remaining, reset, used, resource, body string) {
	t.Helper()
	now := time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	answer := roundTripper(func(*http.Request) (*http.Response, error) {
		h := http.Header{}
		for name, value := range map[string]string{"Retry-After": after, "X-RateLimit-Remaining": remaining,
			"X-RateLimit-Reset": reset, "X-RateLimit-Used": used,
			"X-RateLimit-Limit": "5000", "X-RateLimit-Resource": resource} {
			if value != "" {
				h.Set(name, value)
			}
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}, nil
	})
	m := &quota{}
	client := &quotaTransport{now: clock, meter: m, next: &pacingTransport{pace: &pacer{now: clock},
		limiter: newLimiter(clock), next: &rateLimitTransport{next: answer, now: clock}}}
	said := fmt.Sprintf("%d Retry-After %q, remaining %q, reset %q, used %q, of %q: %q", status, after,
		remaining, reset, used, resource, body)
	for range 20 { // one refusal after the other, each at the time for which it was told
		req, err := http.NewRequest(http.MethodPost,
			"https://github.test/repos/acme/incidents/issues/1/comments", bytes.NewReader(nil))
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.RoundTrip(req)
		if err == nil {
			res.Body.Close()
			break
		}
		var later *ports.RetryAfter
		if !errors.As(err, &later) {
			t.Fatalf("%s returns %v", said, err)
		}
		if d := later.Until.Sub(now); d < wait.Least || d > wait.Limit {
			t.Fatalf("%s makes it wait for %s", said, d)
		}
		now = later.Until
	}
	left := m.left
	if d := left.Reset.Sub(now); left.Limit > 0 && (d > wait.Limit || left.Left < 0 ||
		left.Left > left.Limit) {
		t.Errorf("%s leaves a budget of %+v", said, left)
	}
}

func TestWhateverGitHubSaysOfLimitsTheWaitIsBounded(t *testing.T) {
	for _, status := range []int{200, 403, 422, 429, 503} {
		for _, body := range []string{"", "You have exceeded a secondary rate limit",
			"was submitted too quickly"} {
			for _, after := range oddNumbers {
				for _, reset := range oddNumbers {
					checkOddAnswer(t, status, after, "0", reset, "5000", "core", body)
					checkOddAnswer(t, status, after, "", reset, reset, "search", body)
				}
			}
		}
	}
}

func FuzzLimits(f *testing.F) {
	for _, n := range oddNumbers {
		f.Add(403, n, "0", n, n, "core", "rate limit")
	}
	f.Fuzz(func(t *testing.T, status int, after, remaining, reset, used, resource, body string) {
		checkOddAnswer(t, 200+(status%400+400)%400, after, remaining, reset, used, resource, body)
	})
}

// Headers that no clock could mean leave what was known of the hour.
func TestAnOddResetForgetsNothing(t *testing.T) {
	now := time.Date(2026, 3, 2, 10, 40, 0, 0, time.UTC)
	l := newLimiter(func() time.Time { return now })
	tell := func(used string, reset time.Time) {
		if err := l.enter(ports.UrgencyCard, 1, false); err != nil {
			t.Fatal(err)
		}
		h := http.Header{}
		h.Set("X-RateLimit-Used", used)
		h.Set("X-RateLimit-Reset", fmt.Sprint(reset.Unix()))
		h.Set("X-RateLimit-Resource", "core")
		l.leave(1, false, &http.Response{StatusCode: 200, Header: h}, nil)
	}
	tell("10", now.Add(time.Hour))
	before := l.others
	for _, odd := range []time.Time{now.AddDate(900, 0, 0), now.AddDate(-50, 0, 0), time.Unix(1<<62, 0)} {
		tell("4000", odd)
	}
	if l.others != before {
		t.Errorf("others have made %d calls, before %d", l.others, before)
	}
	now = now.Add(time.Second)
	tell("30", now.Add(time.Hour-time.Second))
	if l.others <= before {
		t.Error("what GitHub says afterwards is not heard")
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
