package look

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/mark"
)

// The app leaves marks in its comments and issues, and believes them later. Everybody with write
// access could write such marks into the app's own comments, so they are signed for their incident,
// by its issue's id, which no other issue ever has. Older versions signed none. What those wrote
// counts as long as only they can have written it: it is older than the first start of a version
// that signs and, in a comment, nobody has edited it since.

// MarkKind is the kind of the marks under a comment that is posted once.
const MarkKind = "did"

// MarksFor returns a mark for each key.
func MarksFor(keys ...string) (marks []mark.Mark) {
	for _, k := range keys {
		marks = append(marks, mark.Mark{Kind: MarkKind, Text: k})
	}
	return marks
}

// SigningNames returns the names for which the incident's marks are signed: its issue's id and,
// after a transfer, the ids before. The first one signs.
func (l *Look) SigningNames() []string {
	if l.Snapshot == nil || l.Snapshot.ID == 0 {
		return []string{strings.ToLower(l.Ref.String())}
	}
	names := []string{signingName(l.Snapshot.ID)}
	for _, id := range append(l.Before.WasIDs, l.FormerIDs...) {
		names = append(names, signingName(id))
	}
	return names
}

func signingName(id int64) string { return fmt.Sprintf("issue %d", id) }

// SignComment returns a comment's text with its marks.
func (l *Look) SignComment(text string, marks ...mark.Mark) string {
	return l.Keys.Comment(l.SigningNames()[0], text, marks...)
}

// SignIssue returns the text of an issue or pull request that the app opens for the incident, with
// its marks.
func (l *Look) SignIssue(text string, marks ...mark.Mark) string {
	return l.Keys.Issue(l.SigningNames()[0], text, l.Now, marks...)
}

// KeysIn returns the keys of the marks under one of the app's own comments. Of two comments with
// the same signature only the first counts: the other is a copy.
func (l *Look) KeysIn(it ports.Item) (keys []string) {
	if !it.Own || it.Event != "commented" {
		return nil
	}
	marks, signature := l.Keys.InComment(it.Body, l.SigningNames()...)
	if signature != "" {
		if l.firstWithSignature == nil {
			l.firstWithSignature = map[string]int64{}
		}
		if first, ok := l.firstWithSignature[signature]; ok && first != it.Comment {
			return nil
		}
		l.firstWithSignature[signature] = it.Comment
	} else if !it.Edited && it.At.Before(l.SignedSince(l.Ctx)) {
		marks = mark.Unsigned(it.Body)
	}

	for _, m := range marks {
		if m.Kind == MarkKind {
			keys = append(keys, m.Text)
		}
	}
	return keys
}

// HasKey reports whether one of the app's comments in this look carries a key.
func (l *Look) HasKey(key string) bool {
	return slices.ContainsFunc(l.Snapshot.Items,
		func(it ports.Item) bool { return slices.Contains(l.KeysIn(it), key) })
}

// IsPosted reports whether a comment of the app's own carries a key, or this look put it off.
func (l *Look) IsPosted(key string) bool {
	return l.Posted[key] != 0 || slices.Contains(l.State.Told, key)
}

// IsMarked returns a function that reports whether the app wrote a comment or issue with a mark of
// this incident.
func (l *Look) IsMarked(m mark.Mark) ports.IsMarked {
	return IsMarked(l.Keys, l.SignedSince(l.Ctx), l.SigningNames(), m)
}

// IsMarked returns a function that reports whether the app wrote a comment or issue with one of
// some marks, signed for one of some incidents.
func IsMarked(keys mark.Keys, signedSince time.Time, incidents []string, marks ...mark.Mark) ports.IsMarked {
	return func(w ports.Written) bool {
		return slices.ContainsFunc(Marks(keys, w, incidents, signedSince), func(found mark.Mark) bool {
			return slices.Contains(marks, found)
		})
	}
}

// Marks returns the marks of a comment or issue by the app. Those without a signature count only if
// they are older than signedSince.
func Marks(keys mark.Keys, w ports.Written, incidents []string, signedSince time.Time) []mark.Mark {
	if w.IsComment {
		marks, signature := keys.InComment(w.Body, incidents...)
		if signature == "" && w.Updated.Equal(w.Created) && w.Created.Before(signedSince) {
			marks = mark.Unsigned(w.Body)
		}
		return marks
	}
	marks := keys.InIssue(w.Body, w.Created, incidents...)
	if len(marks) == 0 && w.Created.Before(signedSince) {
		return mark.InText(w.Body)
	}
	return marks
}

// TicketMark returns the mark of a follow-up's ticket.
func (l *Look) TicketMark(index int) mark.Mark {
	return mark.Mark{Kind: "ticket", Text: incident.TicketName(l.DeclaredRef(), index)}
}

// Hash names something for the eyes of customers without revealing it (A7).
func (l *Look) Hash(parts ...string) string {
	mac := hmac.New(sha256.New, l.Keys[0])
	mac.Write([]byte(l.DeclaredRef().String() + "\n" + strings.Join(parts, "\n")))
	return hex.EncodeToString(mac.Sum(nil)[:12])
}
