// Package logs keeps what strangers write out of the log: whatever reaches a line is of bounded
// length and shows itself without acting, in a terminal, in a viewer and in what reads the lines
// again.
package logs

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// How much of a value is kept.
const (
	maxText  = 1 << 10 // bytes of a text
	maxError = 4 << 10 // bytes of an error, which may hold the stack of a panic
	maxItems = 20      // of a list
)

// New returns a logger that writes lines of JSON whose values are bounded and inert.
func New(w io.Writer) *slog.Logger { return slog.New(Bounded(slog.NewJSONHandler(w, nil))) }

// Bounded returns a handler that passes records on with bounded and inert values.
func Bounded(next slog.Handler) slog.Handler { return bounded{next} }

type bounded struct{ next slog.Handler }

// Enabled implements slog.Handler.
func (b bounded) Enabled(ctx context.Context, l slog.Level) bool { return b.next.Enabled(ctx, l) }

// Handle implements slog.Handler.
func (b bounded) Handle(ctx context.Context, r slog.Record) error {
	safe := slog.NewRecord(r.Time, r.Level, Text(r.Message, maxText), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		safe.AddAttrs(attr(a))
		return true
	})
	return b.next.Handle(ctx, safe)
}

// WithAttrs implements slog.Handler.
func (b bounded) WithAttrs(all []slog.Attr) slog.Handler {
	safe := make([]slog.Attr, len(all))
	for i, a := range all {
		safe[i] = attr(a)
	}
	return bounded{b.next.WithAttrs(safe)}
}

// WithGroup implements slog.Handler.
func (b bounded) WithGroup(name string) slog.Handler {
	return bounded{b.next.WithGroup(Text(name, maxText))}
}

func attr(a slog.Attr) slog.Attr {
	return slog.Attr{Key: Text(a.Key, maxText), Value: value(a.Value.Resolve())}
}

func value(v slog.Value) slog.Value {
	switch v.Kind() {
	case slog.KindString:
		return slog.StringValue(Text(v.String(), maxText))
	case slog.KindGroup:
		all := v.Group()
		safe := make([]slog.Attr, len(all))
		for i, a := range all {
			safe[i] = attr(a)
		}
		return slog.GroupValue(safe...)
	case slog.KindAny:
		switch x := v.Any().(type) {
		case nil:
			return v
		case error:
			return slog.StringValue(Text(x.Error(), maxError))
		case []string:
			safe := make([]string, 0, min(len(x), maxItems))
			for _, s := range x[:min(len(x), maxItems)] {
				safe = append(safe, Text(s, maxText))
			}
			return slog.AnyValue(safe)
		default:
			return slog.StringValue(Text(fmt.Sprint(x), maxText))
		}
	}
	return v
}

// Text returns at most limit bytes of a text on one line. What can't be seen but changes what is
// read (control characters, the ends of lines, bidirectional overrides, characters of no width) is
// written as an escape such as \n or \u202e.
func Text(s string, limit int) string {
	if len(s) <= limit && isPlain(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		shown := s[i : i+size]
		if r == utf8.RuneError && size == 1 {
			shown = "\ufffd"
		} else if isHidden(r) {
			shown = escape(r)
		}
		if b.Len()+len(shown) > limit-len("…") {
			return b.String() + "…"
		}
		b.WriteString(shown)
		i += size
	}
	return b.String()
}

func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return utf8.ValidString(s) && !strings.ContainsFunc(s, isHidden)
		}
	}
	return true
}

// isHidden reports whether a character shows nothing of itself, or moves what is around it.
func isHidden(r rune) bool {
	return r != ' ' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp,
		unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector))
}

func escape(r rune) string {
	switch r {
	case '\n':
		return `\n`
	case '\t':
		return `\t`
	case '\r':
		return `\r`
	}
	if r > 0xffff {
		return fmt.Sprintf(`\U%08x`, r)
	}
	return fmt.Sprintf(`\u%04x`, r)
}

// Sampler lets the first of a kind of line through and then one in a while, so that whoever is
// refused a thousand times a second fills no disk. Kinds are a few words of ours, never a text from
// outside.
type Sampler struct {
	Every time.Duration
	Now   func() time.Time

	mu   sync.Mutex
	seen map[string]*sampled
}

type sampled struct {
	at   time.Time
	left int
}

// Allow reports whether a line of a kind is to be written now, and how many were left out since the
// one before.
func (s *Sampler) Allow(kind string) (left int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Now()
	k := s.seen[kind]
	if k != nil && now.Sub(k.at) < s.Every && !now.Before(k.at) {
		k.left++
		return 0, false
	}
	if s.seen == nil {
		s.seen = map[string]*sampled{}
	}
	if k != nil {
		left = k.left
	}
	s.seen[kind] = &sampled{at: now}
	return left, true
}
