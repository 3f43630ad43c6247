// Package mark writes and reads what the app notes for itself in comments and issues: hidden lines
// at their end, such as which command a comment answers, below a line that signs them.
//
// Whoever may write in a repository may edit the app's comments there, so a mark counts only with
// its signature. In a comment that covers the incident, the comment's text and all of its marks: a
// mark that somebody adds, changes or takes to another comment isn't valid. The text of an issue is for
// people to edit. There the signature covers the incident, the marks and the time at which the app
// opened the issue, so that it holds for no older or younger one.
package mark

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Mark is one hidden line. Neither part holds white space but for what Line writes between them.
type Mark struct {
	Kind string // "did", "signal", "origin", "ticket" or "postmortem"
	Text string
}

// Line returns the line that a mark is.
func (m Mark) Line() string { return "<!-- firebreak:" + m.Kind + " " + m.Text + " -->" }

// Lines returns marks as lines, one under the other.
func Lines(marks []Mark) string {
	var lines []string
	for _, m := range marks {
		lines = append(lines, m.Line())
	}
	return strings.Join(lines, "\n")
}

var line = regexp.MustCompile(`^<!-- firebreak:([a-z]+) (\S+(?: \S+)*) -->$`)

// parse reads one line. ok is false if it isn't a mark.
func parse(s string) (m Mark, ok bool) {
	found := line.FindStringSubmatch(strings.TrimSpace(s))
	if found == nil {
		return m, false
	}
	return Mark{found[1], found[2]}, true
}

// signature is the kind of the line that signs the marks below it.
const signature = "signed"

// opening is by how much GitHub's time for an issue may differ from that at which the app began to
// open it: requests wait for GitHub's limits, and clocks differ.
const opening = 15 * time.Minute

// Keys sign marks: the first signs, all are accepted.
type Keys [][]byte

// Comment returns a comment's text with its marks below it, signed for an incident.
func (k Keys) Comment(incident, text string, marks ...Mark) string {
	if len(marks) == 0 {
		return text
	}
	sum := k.sum(0, "comment", incident, normal(text), marks)
	return text + "\n" + Mark{signature, sum}.Line() + "\n" + Lines(marks)
}

// InComment returns the marks of a comment that are signed for one of these incidents, and their
// signature; none and "" if there are no such marks.
func (k Keys) InComment(body string, incidents ...string) (marks []Mark, signed string) {
	text, marks := cut(body)
	if len(marks) < 2 || marks[0].Kind != signature {
		return nil, ""
	}
	signed, marks = marks[0].Text, marks[1:]
	for key := range k {
		for _, incident := range incidents {
			if hmac.Equal([]byte(k.sum(key, "comment", incident, normal(text), marks)), []byte(signed)) {
				return marks, signed
			}
		}
	}
	return nil, ""
}

// Issue returns the text of an issue that the app opens now, with its marks below it, signed for an
// incident, or for "" where the issue is to become one.
func (k Keys) Issue(incident, text string, now time.Time, marks ...Mark) string {
	at := strconv.FormatInt(now.Unix(), 10)
	signed := Mark{signature, at + " " + k.sum(0, "issue", incident, at, marks)}
	return strings.TrimRight(text, "\n") + "\n\n" + signed.Line() + "\n" + Lines(marks)
}

// InIssue returns the marks of an issue that was created at a time, if they are signed for one of
// these incidents.
func (k Keys) InIssue(body string, created time.Time, incidents ...string) []Mark {
	lines := strings.Split(strings.ReplaceAll(body, "\r\n", "\n"), "\n")
	for i, l := range lines {
		m, ok := parse(l)
		at, sum, two := strings.Cut(m.Text, " ")
		if !ok || !two || m.Kind != signature {
			continue
		}
		var marks []Mark
		for _, below := range lines[i+1:] {
			m, ok := parse(below)
			if !ok {
				break
			}
			marks = append(marks, m)
		}
		unix, err := strconv.ParseInt(at, 10, 64)
		if err != nil || len(marks) == 0 || created.Sub(time.Unix(unix, 0)).Abs() > opening {
			continue
		}
		for key := range k {
			for _, incident := range incidents {
				if hmac.Equal([]byte(k.sum(key, "issue", incident, at, marks)), []byte(sum)) {
					return marks
				}
			}
		}
	}
	return nil
}

// Unsigned returns the marks at the end of a text that has no signature, as versions before this
// one wrote them. The same signs further up are somebody's words that the app repeats.
func Unsigned(body string) []Mark {
	_, marks := cut(body)
	for _, m := range marks {
		if m.Kind == signature {
			return nil
		}
	}
	return marks
}

// cut parts the marks at a text's end from what is above them, at the lowest signature among them.
func cut(body string) (text string, marks []Mark) {
	lines := strings.Split(normal(body), "\n")
	at := len(lines)
	for at > 0 {
		m, ok := parse(lines[at-1])
		if !ok {
			break
		}
		at--
		marks = append([]Mark{m}, marks...)
		if m.Kind == signature {
			break
		}
	}
	return strings.Join(lines[:at], "\n"), marks
}

// normal returns a text without what GitHub may change about it.
func normal(text string) string {
	return strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
}

// sum signs by a key. Each part is preceded by its length, so that no two notes give the same bytes.
func (k Keys) sum(key int, where, incident, bound string, marks []Mark) string {
	if key >= len(k) {
		panic("mark: no key; set a webhook secret")
	}
	mac := hmac.New(sha256.New, k[key])
	for _, part := range []string{"marks v1", where, incident, bound, Lines(marks)} {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(part)))
		mac.Write(n[:])
		mac.Write([]byte(part))
	}
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// InText returns the marks that are anywhere in a text, each on a line of its own, signed or not.
func InText(body string) (marks []Mark) {
	for l := range strings.Lines(body) {
		if m, ok := parse(l); ok && m.Kind != signature {
			marks = append(marks, m)
		}
	}
	return marks
}
