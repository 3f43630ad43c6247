package intake

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/texts"
)

// How much of what comes from outside is kept.
const (
	maxTitle  = 200     // characters
	maxText   = 8 << 10 // bytes
	maxKey    = 200     // bytes
	maxWord   = 200     // characters of a label, a name, a hint
	maxURL    = 2000    // bytes
	maxLabels = 50
	maxNames  = 20 // attachments, references
)

// sealed makes a Signal's fields safe to keep: every Signal leaves this package by it (I6).
func sealed(r Request, s Signal) Signal {
	s.CallLinks = callLinks(append(s.CallLinks, s.Text)...) // until here they are texts that may hold some
	s.Title = line(s.Title, maxTitle)
	if s.Title == "" {
		s.Title = "Reported by " + s.Source
	}
	s.Text = text(s.Text)
	s.SeverityHint = hint(s.SeverityHint)
	s.CustomerHint = line(s.CustomerHint, maxWord)
	s.URL, s.Runbook, s.Reply = address(s.URL), address(s.Runbook), address(s.Reply)
	s.Labels = labels(s.Labels)
	s.Attachments = words(s.Attachments)
	s.Thread.MessageID = line(s.Thread.MessageID, maxWord)
	s.Thread.InReplyTo = line(s.Thread.InReplyTo, maxWord)
	s.Thread.References = words(s.Thread.References)
	s.Thread.Tags = words(s.Thread.Tags)
	s.Thread.Subject = line(s.Thread.Subject, maxTitle)
	s.Payload = digest(string(r.Body))
	if s.Event == "" {
		s.Event = s.Payload
	}
	s.Started = plausible(s.Started, r.Now)
	return s
}

// oldest is how long ago what is reported can have begun.
const oldest = 366 * 24 * time.Hour

// plausible returns when something happened, or now if what was said can't be: a sender's clock may
// be wrong, and its number may be none of a time.
func plausible(t, now time.Time) time.Time {
	if t.Before(now.Add(-oldest)) || t.After(now) {
		t = now
	}
	return t.UTC()
}

// line returns s cleaned, on one line, of at most limit characters.
func line(s string, limit int) string {
	s = s[:min(len(s), 16*limit)] // enough for what shows; there is no need to clean a megabyte
	return texts.Truncate(texts.Squeeze(texts.Clean(s)), limit)
}

// text returns at most maxText bytes, without blank lines at its ends or more than one in a row.
func text(s string) string {
	s = s[:min(len(s), 8*maxText)]
	var b strings.Builder
	blank := false
	for l := range strings.SplitSeq(texts.Clean(s), "\n") {
		l = strings.TrimRight(l, " ")
		if l == "" {
			blank = b.Len() > 0
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		if blank {
			b.WriteByte('\n')
			blank = false
		}
		b.WriteString(l)
	}
	return texts.TruncateBytes(b.String(), maxText)
}

// hint returns a severity's name. The process calls its critical severity P1 (I2), and so do
// PagerDuty and Opsgenie.
func hint(s string) string {
	s = strings.ToLower(line(s, maxWord))
	if s == "p1" {
		return "critical"
	}
	return s
}

// labels returns the first maxLabels by name.
func labels(all map[string]string) map[string]string {
	kept := map[string]string{}
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if len(kept) == maxLabels {
			break
		}
		if n, value := line(name, maxWord), line(all[name], maxWord); n != "" && value != "" {
			kept[n] = value
		}
	}
	return kept
}

func words(all []string) []string {
	var kept []string
	for _, w := range all {
		if w = line(w, maxWord); w != "" && len(kept) < maxNames {
			kept = append(kept, w)
		}
	}
	return kept
}

// address returns s if it is an address for a browser, else nothing.
func address(s string) string {
	s = strings.TrimSpace(s)
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" ||
		len(s) > maxURL ||
		texts.Clean(s) != s ||
		strings.ContainsAny(s, " \n<>\"`") {
		return ""
	}
	return s
}

// key returns a dedup key: the parts as they are, or their digest if they are long or hold what
// can't be printed.
func key(source string, parts ...string) string {
	k := source + ":" + strings.Join(parts, "/")
	if len(k) <= maxKey && texts.Clean(k) == k && !strings.Contains(k, "\n") {
		return k
	}
	return source + ":sha256:" + digest(parts...)
}

// digest returns the hex SHA-256 of the parts, each with its end marked.
func digest(parts ...string) string {
	h := sha256.New()
	for i, p := range parts {
		if i > 0 {
			h.Write([]byte{0})
		}
		h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil))
}
