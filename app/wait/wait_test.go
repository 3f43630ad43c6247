package wait_test

import (
	"fmt"
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/wait"
)

var now = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// odd are times and numbers that clocks, headers and people have given.
var odd = []string{
	"", "0", "-1", "1", "1.5", "59", "3600", "86400", "-86400", "9223372036", "9223372037",
	"9223372036854775807", "9223372036854775808", "-9223372036854775808",
	"99999999999999999999999", "1e9", "inf", "nan", "0x10", "+5", " 7 ", "soon", "1.2.3", "--",
	"Sat, 28 Nov 2026 12:00:30 GMT", "Thu, 01 Jan 1970 00:00:00 GMT",
	"Fri, 31 Dec 9999 23:59:59 GMT", "Saturday, 28-Nov-26 12:00:30 GMT", "Sat Nov 28 12:00:30 2026",
	"1795867200", "32503680000",
}

func checkHeader(t *testing.T, header string) {
	t.Helper()
	for _, longest := range []time.Duration{0, time.Minute, wait.Limit, wait.Timer} {
		d, ok := wait.RetryAfter(header, now, longest)
		if d < 0 || d > longest || !ok && d != 0 {
			t.Errorf("RetryAfter(%q, %s) = %s, %t", header, longest, d, ok)
		}
		at, ok := wait.Epoch(header, now, longest)
		if away := at.Sub(now).Abs(); ok && away > longest+2*time.Second || !ok && !at.IsZero() {
			t.Errorf("Epoch(%q, %s) = %s", header, longest, at)
		}
	}
}

func TestOddHeaders(t *testing.T) {
	for _, header := range odd {
		checkHeader(t, header)
	}
	for header, want := range map[string]time.Duration{"0": 0, "-5": 0, "1.5": 1500 * time.Millisecond,
		" 7 ": 7 * time.Second, "99999999999999999999": time.Hour,
		"Sat, 28 Nov 2026 12:00:30 GMT": 30 * time.Second, "Sat, 28 Nov 2020 12:00:30 GMT": 0,
		"Fri, 31 Dec 9999 23:59:59 GMT": time.Hour} {
		if got, ok := wait.RetryAfter(header, now, time.Hour); !ok || got != want {
			t.Errorf("RetryAfter(%q) = %s, %t, want %s", header, got, ok, want)
		}
	}
	for _, header := range []string{"", "soon", "inf", "nan", "0x10", "1e9", "1.2.3"} {
		if got, ok := wait.RetryAfter(header, now, time.Hour); ok {
			t.Errorf("RetryAfter(%q) = %s", header, got)
		}
	}
	if at, ok := wait.Epoch(fmt.Sprint(now.Unix()+30), now, time.Hour); !ok ||
		!at.Equal(now.Add(30*time.Second)) {
		t.Errorf("Epoch of now: %s, %t", at, ok)
	}
}

func FuzzHeader(f *testing.F) {
	for _, header := range odd {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) { checkHeader(t, header) })
}

// times are times of all kinds, of which some are none that a clock shows.
func times() []time.Time {
	all := []time.Time{{}, now, now.Add(time.Nanosecond), now.Add(-time.Nanosecond), time.Unix(0, 0),
		time.Unix(math.MaxInt64, 0), time.Unix(math.MinInt64, 0),
		time.Unix(0, math.MaxInt64), time.Unix(0, math.MinInt64),
		time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(2926, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2262, 4, 12, 0, 0, 0, 0, time.UTC), time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC)}
	if at, err := http.ParseTime("Fri, 31 Dec 9999 23:59:59 GMT"); err == nil {
		all = append(all, at)
	}
	return all
}

func TestEveryWaitIsBounded(t *testing.T) {
	for _, at := range times() {
		for _, longest := range []time.Duration{-1, 0, time.Second, wait.Limit, wait.Message, wait.Timer} {
			got := wait.Until(at, now, longest)
			if d := got.Sub(now); d < wait.Least || d > max(longest, wait.Least) {
				t.Errorf("Until(%s, %s) is %s from now", at, longest, d)
			}
			if d := wait.NoLater(at, now, longest).Sub(now); d > longest {
				t.Errorf("NoLater(%s, %s) is %s from now", at, longest, d)
			}
		}
		if back := time.Unix(0, wait.Nanos(at)); at.Year() > 1700 && at.Year() < 2200 && !back.Equal(at) ||
			at.After(now) != back.After(now) {
			t.Errorf("Nanos(%s) is %s", at, back)
		}
	}
	for _, d := range []time.Duration{math.MinInt64, -1, 0, 1, time.Second, time.Hour, math.MaxInt64} {
		if got := wait.Within(d, time.Minute); got < wait.Least || got > time.Minute {
			t.Errorf("Within(%s) = %s", d, got)
		}
		for _, tries := range []int{math.MinInt, -1, 0, 1, 5, 63, 64, 1000, math.MaxInt} {
			if got := wait.Backoff(d, tries, 5*time.Minute); got < wait.Least || got > 5*time.Minute {
				t.Errorf("Backoff(%s, %d) = %s", d, tries, got)
			}
		}
	}
	if got := wait.Backoff(time.Second, 3, time.Minute); got != 8*time.Second {
		t.Errorf("the fourth try is after %s", got)
	}
}
