package logs_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log"
	"log/slog"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/firebreak-dev/firebreak/app/logs"
)

// hostile are texts that act on who reads a log, or on what does.
var hostile = []string{
	"", "plain", "über 日本語 🔥", "a\nb", "a\r\n{\"level\":\"ERROR\"}", "\x1b[2J\x1b]0;x\x07",
	"a\u202ecod.exe", "zero\u200bwidth", "\u2028line", "\x00", "\xff\xfe",
	strings.Repeat("x", 64<<10), strings.Repeat("\u202e", 20<<10), strings.Repeat("é", 3<<10),
	"tag\U000e0041", "\u2066iso\u2069",
}

// isInert reports whether a text can be shown on a terminal and stays what it is.
func isInert(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
	})
}

func checkText(t *testing.T, s string) {
	t.Helper()
	for _, limit := range []int{8, 64, 1024} {
		got := logs.Text(s, limit)
		if len(got) > limit || !isInert(got) {
			t.Errorf("Text(%.40q, %d) = %.60q (%d bytes)", s, limit, got, len(got))
		}
		if len(s) <= limit && isInert(s) && !strings.ContainsRune(s, '\ufe0f') && got != s {
			t.Errorf("Text(%q, %d) changed it to %q", s, limit, got)
		}
		if again := logs.Text(got, limit); again != got {
			t.Errorf("Text(%q) is not stable: %q, then %q", s, got, again)
		}
	}
}

// Whatever a stranger writes is one bounded line of a log, and nothing in it acts.
func TestWhatStrangersWriteIsInertInLogs(t *testing.T) {
	for _, s := range hostile {
		checkText(t, s)
		checkLine(t, s)
	}
}

func FuzzLogs(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		checkText(t, s)
		checkLine(t, s)
	})
}

type valuer struct{ text string }

func (v valuer) LogValue() slog.Value { return slog.StringValue(v.text) }

func checkLine(t *testing.T, s string) {
	t.Helper()
	var out, text bytes.Buffer
	for _, log := range []*slog.Logger{logs.New(&out),
		slog.New(logs.Bounded(slog.NewTextHandler(&text, nil)))} {
		log.With("before", s).WithGroup("g").Warn(s, "text", s, "err", errors.New(s), "list",
			[]string{s, s}, "value", valuer{s},
			slog.Group("in", "deep", s), "bytes", []byte(s), "any", struct{ A string }{s}, "n", 3)
	}
	for _, b := range []*bytes.Buffer{&out, &text} {
		if strings.Count(b.String(), "\n") != 1 || !isInert(strings.TrimSuffix(b.String(), "\n")) ||
			b.Len() > 40<<10 {
			t.Errorf("%.40q returns a line of %d bytes: %.300q", s, b.Len(), b)
		}
	}
	if !json.Valid(out.Bytes()) {
		t.Errorf("%.40q returns what is no JSON: %.300q", s, out.String())
	}
}

func TestASampledLineIsCounted(t *testing.T) {
	now := time.Unix(1000, 0)
	s := logs.Sampler{Every: 10 * time.Second, Now: func() time.Time { return now }}
	if left, ok := s.Allow("a"); !ok || left != 0 {
		t.Errorf("the first: %d, %t", left, ok)
	}
	for range 500 {
		if _, ok := s.Allow("a"); ok {
			t.Fatal("one of the same kind within ten seconds")
		}
	}
	if _, ok := s.Allow("b"); !ok {
		t.Error("another kind waits")
	}
	now = now.Add(10 * time.Second)
	if left, ok := s.Allow("a"); !ok || left != 500 {
		t.Errorf("ten seconds later: %d, %t", left, ok)
	}
	now = now.Add(-time.Hour) // the clock was set back
	if _, ok := s.Allow("a"); !ok {
		t.Error("nothing is said until the clock has caught up")
	}
}

// What Go's server writes on its own is a line like any other.
func TestTheServersOwnLinesAreBounded(t *testing.T) {
	var out bytes.Buffer
	l := slog.NewLogLogger(logs.New(&out).Handler(), slog.LevelWarn)
	log.New(l.Writer(), "", 0).Print(strings.Repeat("\x1b[2J", 10<<10))
	if out.Len() > 2<<10 || !isInert(strings.TrimSpace(out.String())) {
		t.Errorf("%d bytes: %.200q", out.Len(), out.String())
	}
}
