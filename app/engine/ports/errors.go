package ports

import (
	"errors"
	"log/slog"
	"strings"
	"time"
)

// IsRefused reports whether GitHub refused a request for good.
func IsRefused(err error) bool {
	var refusal *Refusal
	return errors.As(err, &refusal)
}

// IsNotInstalled reports whether GitHub says that the App has no access. That says nothing about a
// person or a thing, and may pass.
func IsNotInstalled(err error) bool {
	var refusal *Refusal
	return errors.As(err, &refusal) && refusal.NotInstalled
}

// IsPutOff reports whether an error comes from GitHub's rate limits, and until when.
func IsPutOff(err error) (until time.Time, ok bool) {
	var later *RetryAfter
	if errors.As(err, &later) && errors.Is(err, ErrLimited) {
		return later.Until, true
	}
	return time.Time{}, false
}

const maxReasonLength = 160

// Reason returns the first line of an error, short enough for the card. Of a refusal it is GitHub's
// own words only.
func Reason(err error) string {
	var refusal *Refusal
	if errors.As(err, &refusal) {
		return refusal.Error()
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	if len(line) > maxReasonLength {
		line = strings.ToValidUTF8(line[:maxReasonLength], "") + "…"
	}
	return line
}

// Redact returns err in a form that is safe to log: an error may implement slog.LogValuer to hide
// details.
func Redact(err error) any {
	var less slog.LogValuer
	if errors.As(err, &less) {
		return less
	}
	return err
}
