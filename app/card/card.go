// Package card turns an incident's state into the card, the app's pinned comment, and back.
//
// The card has a part that people read and, as its last lines, the issue that it belongs to and the
// state itself, as signed HTML comments. The signatures cover all of it, so that a copied, edited
// or cut card is not believed.
//
// An issue is known by its id, which it keeps when its repository or the organization gets another
// name. Cards of older versions are bound to the name alone; so is the second signature, so that
// those versions read the cards of this one.
package card

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/templates"
)

// Marker is in every card and in nothing else that the app writes.
const Marker = "<!-- firebreak:card"

// MaxLength is how long a card may be, in bytes. GitHub takes 65,536 characters.
const MaxLength = 60_000

const (
	version = "v1"
	opening = Marker + " " + version + " "
	ending  = " -->"
	info    = "firebreak card " + version // of the key; a new version of the card gets another key
)

// The errors of Open.
var (
	// ErrNone says that a text holds no card.
	ErrNone = errors.New("no card in it")
	// ErrForged says that a card was edited, cut, or belongs to another issue, or that no key of
	// ours signed it.
	ErrForged = errors.New("the card's signature does not fit")
	// ErrElsewhere is an ErrForged: a card that we wrote, but for another issue. It counts only if
	// that issue is this one by now, as after a transfer.
	ErrElsewhere = fmt.Errorf("%w: it belongs to another issue", ErrForged)
)

// Issue is the issue that a card is in.
type Issue struct {
	Ref incident.Ref // its present name
	ID  int64        // of the issue at GitHub; 0: not known, and only the name counts
}

// Card is what a card holds.
type Card struct {
	State   incident.State
	Seq     int      // place in the row of the issue's cards
	Written Issue    // the issue as it was when the card was written; ID is 0 in cards of older versions
	Ticked  []string // lines of the boxes that somebody ticked
}

// View is what the card needs besides the state.
type View struct {
	Ref    incident.Ref
	ID     int64  // of the issue at GitHub; 0: the card is bound to the name alone
	URL    string // of the issue's page; empty: the card has no links to comments
	Title  string // of the issue; shown where a better one is asked for
	Policy incident.Policy
	Now    time.Time // when the card is written: times of that day have no date
}

// Keys derives the keys of cards from the app's webhook secrets, in their order: the first signs,
// all are accepted.
func Keys(secrets [][]byte) [][]byte {
	var keys [][]byte
	for _, s := range secrets {
		if len(s) == 0 {
			continue
		}
		key, err := hkdf.Key(sha256.New, s, nil, info, sha256.Size)
		if err != nil {
			panic("card: " + err.Error()) // only a length that SHA-256 can't give fails
		}
		keys = append(keys, key)
	}
	return keys
}

// block is the hidden part.
type block struct {
	Seq   int            `json:"seq"`
	State incident.State `json:"state"`
}

// Render writes the card. The same state, view and key always make the same card.
func Render(s incident.State, seq int, v View, key []byte) (string, error) {
	if len(key) == 0 {
		return "", fmt.Errorf("write the card of %s: no key; set a webhook secret", v.Ref)
	}
	shown := maxShown
	for {
		visible, err := renderVisible(newPage(s, v, shown))
		if err != nil {
			return "", fmt.Errorf("write the card of %s: %w", v.Ref, err)
		}
		var hidden bytes.Buffer
		if err := json.NewEncoder(&hidden).Encode(block{seq, s}); err != nil { // escapes <, > and &
			return "", fmt.Errorf("write the card of %s: %w", v.Ref, err)
		}
		state := strings.TrimSpace(hidden.String())
		if v.ID != 0 {
			visible += "\n\n" + bindingLine(key, Issue{v.Ref, v.ID}, seq, state, visible)
		}
		body := visible + "\n\n" + opening + state + " " + signCard(key, v.Ref, seq, state, visible) + ending + "\n"
		if len(body) <= MaxLength {
			return body, nil
		}
		switch {
		case shown > 10:
			shown /= 2
		case trimState(&s):
		case shown > 0:
			shown = 0
		default:
			return "", fmt.Errorf("write the card of %s: %d bytes, %d are possible; close some follow-ups",
				v.Ref, len(body), MaxLength)
		}
	}
}

// renderVisible writes the part that people read.
func renderVisible(p page) (string, error) {
	facts, err := templates.Card("facts", p)
	if err != nil {
		return "", err
	}
	if head, rest, _ := strings.Cut(strings.TrimSpace(facts), "\n"); head != "" {
		// GitHub's tables need a head; the most urgent fact is a good one
		p.Facts = head + "\n|:--|:--|\n" + rest
	}
	visible, err := templates.Card("card", p)
	return strings.TrimSpace(visible), err
}

// trimState drops the older half of the longest list that the issue's timeline can restore, and
// reports whether there was one. What the core still decides by stays.
func trimState(s *incident.State) bool {
	const spared = 5
	half := func(n int) int { return max(n/2, spared) }
	switch {
	case len(s.Timeline) > spared:
		s.Timeline = slices.Clone(s.Timeline[len(s.Timeline)-half(len(s.Timeline)):])
	case len(s.Paging.Pages) > spared:
		s.Paging.Pages = slices.Clone(s.Paging.Pages[len(s.Paging.Pages)-half(len(s.Paging.Pages)):])
	case len(s.Phases) > spared:
		s.Phases = slices.Clone(s.Phases[len(s.Phases)-half(len(s.Phases)):])
	case len(s.Pinned) > spared:
		s.Pinned = slices.Clone(s.Pinned[len(s.Pinned)-half(len(s.Pinned)):])
	default:
		return false
	}
	return true
}

// Open is OpenIn for who knows an issue by its name alone.
func Open(body string, ref incident.Ref, keys [][]byte) (s incident.State, seq int, err error) {
	c, err := OpenIn(body, Issue{Ref: ref}, keys)
	if err != nil {
		return s, 0, err
	}
	return c.State, c.Seq, nil
}

// OpenIn reads a card that is in an issue. It returns ErrNone if there is no card, and ErrForged if
// it is not to be believed; with ErrElsewhere comes the card all the same.
func OpenIn(body string, in Issue, keys [][]byte) (Card, error) {
	body = strings.TrimSpace(strings.ReplaceAll(body, "\r\n", "\n"))
	ticked := incident.TickedBoxes(body)
	body = incident.Untick(body)
	if !strings.Contains(body, Marker) {
		return Card{}, ErrNone
	}
	visible, last, ok := strings.Cut(body, "\n\n"+opening)
	hidden, closed := strings.CutSuffix(last, ending)
	at := strings.LastIndexByte(hidden, ' ')
	if !ok || !closed || at < 0 {
		return Card{}, ErrForged
	}
	state, signature := hidden[:at], hidden[at+1:]
	var b block
	if err := json.Unmarshal([]byte(state), &b); err != nil {
		return Card{}, ErrForged
	}
	// Both signatures are held against what is there: taking the line with the id out, or changing
	// it, breaks the other.
	shown, written, bound := cutBinding(visible)
	name := in.Ref
	if bound {
		name = written.Ref
	}
	for _, key := range keys {
		if len(key) == 0 || !hmac.Equal([]byte(signCard(key, name, b.Seq, state, visible)), []byte(signature)) {
			continue
		}
		if bound && visible != shown+"\n\n"+bindingLine(key, written, b.Seq, state, shown) {
			continue
		}
		c := Card{State: b.State, Seq: b.Seq, Written: Issue{Ref: name}, Ticked: ticked}
		if !bound {
			return c, nil
		}
		c.Written = written
		if in.ID == written.ID || in.ID == 0 && naming.Equal(in.Ref.String(), written.Ref.String()) {
			return c, nil
		}
		return c, ErrElsewhere
	}
	return Card{}, ErrForged
}

// issueMark begins the line that says which issue the card belongs to.
const issueMark = "<!-- firebreak:issue "

// bindingLine writes that line: the id, the present name, and a signature that binds the id to all else.
func bindingLine(key []byte, in Issue, seq int, state, visible string) string {
	mac := computeMAC(key, version+" issue", fmt.Sprint(in.ID), in.Ref.String(), fmt.Sprint(seq), state, visible)
	return fmt.Sprintf("%s%d %s %s%s", issueMark, in.ID, in.Ref, mac, ending)
}

// cutBinding parts that line from what is above it. What it says is not to be believed yet.
func cutBinding(visible string) (shown string, in Issue, ok bool) {
	at := strings.LastIndex(visible, "\n\n"+issueMark)
	if at < 0 {
		return visible, Issue{}, false
	}
	fields := strings.Fields(strings.TrimPrefix(visible[at+2:], issueMark))
	if len(fields) != 4 || fields[3] != strings.TrimSpace(ending) {
		return visible, Issue{}, false
	}
	id, err := strconv.ParseInt(fields[0], 10, 64)
	ref, err2 := incident.ParseRef(fields[1])
	if err != nil || err2 != nil || id < 1 {
		return visible, Issue{}, false
	}
	return visible[:at], Issue{ref, id}, true
}

// signCard binds the state to its version, its issue, its place in the row of cards, and what
// people read. Each part is preceded by its length, so that no two cards have the same bytes.
func signCard(key []byte, ref incident.Ref, seq int, state, visible string) string {
	return computeMAC(key, version, strings.ToLower(ref.FullName()), fmt.Sprint(ref.Number), fmt.Sprint(seq),
		state, visible)
}

func computeMAC(key []byte, parts ...string) string {
	mac := hmac.New(sha256.New, key)
	for _, p := range parts {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		mac.Write(n[:])
		mac.Write([]byte(p))
	}
	return hex.EncodeToString(mac.Sum(nil))
}
