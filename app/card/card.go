// Package card turns an incident's state into the card, the app's pinned comment, and back.
//
// The card has a part that people read and, as its last line, the state itself as a signed HTML comment. The signature
// covers both, and the issue that the card belongs to, so that a copied, edited or cut card is not believed.
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
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/templates"
)

// Marker stands in every card and in nothing else that the app writes.
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
	// ErrForged says that a card was edited, cut, or belongs to another issue, or that no key of ours signed it.
	ErrForged = errors.New("the card's signature does not fit")
)

// View is what the card needs beside the state.
type View struct {
	Ref    incident.Ref
	URL    string // of the page; empty: the card has no links to comments
	Title  string // of the issue; shown where a better one is asked for
	Policy incident.Policy
	Now    time.Time // when the card is written: times of that day have no date
}

// Keys derives the keys of cards from the app's webhook secrets, in their order: the first signs, all are accepted.
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

// Render writes the card. The same state, view and key always give the same card.
func Render(s incident.State, seq int, v View, key []byte) (string, error) {
	if len(key) == 0 {
		return "", fmt.Errorf("write the card of %s: no key; set a webhook secret", v.Ref)
	}
	shown := maxShown
	for {
		visible, err := show(newPage(s, v, shown))
		if err != nil {
			return "", fmt.Errorf("write the card of %s: %w", v.Ref, err)
		}
		var hidden bytes.Buffer
		if err := json.NewEncoder(&hidden).Encode(block{seq, s}); err != nil { // escapes <, > and &
			return "", fmt.Errorf("write the card of %s: %w", v.Ref, err)
		}
		state := strings.TrimSpace(hidden.String())
		body := visible + "\n\n" + opening + state + " " + sign(key, v.Ref, seq, state, visible) + ending + "\n"
		if len(body) <= MaxLength {
			return body, nil
		}
		switch {
		case shown > 10:
			shown /= 2
		case trim(&s):
		case shown > 0:
			shown = 0
		default:
			return "", fmt.Errorf("write the card of %s: %d bytes, %d are possible; close some follow-ups", v.Ref, len(body), MaxLength)
		}
	}
}

// show writes the part that people read.
func show(p page) (string, error) {
	facts, err := templates.Card("facts", p)
	if err != nil {
		return "", err
	}
	if head, rest, _ := strings.Cut(strings.TrimSpace(facts), "\n"); head != "" {
		p.Facts = head + "\n|:--|:--|\n" + rest // GitHub's tables need a head; the most urgent fact is a good one
	}
	visible, err := templates.Card("card", p)
	return strings.TrimSpace(visible), err
}

// trim drops the older half of the longest list that the timeline can give back, and tells if there was one.
// What the core still decides by stays.
func trim(s *incident.State) bool {
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

// Open reads a card's state. It gives ErrNone if there is no card, and ErrForged if it is not to be believed.
func Open(body string, ref incident.Ref, keys [][]byte) (s incident.State, seq int, err error) {
	body = strings.TrimSpace(strings.ReplaceAll(body, "\r\n", "\n"))
	if !strings.Contains(body, Marker) {
		return s, 0, ErrNone
	}
	visible, last, ok := strings.Cut(body, "\n\n"+opening)
	hidden, closed := strings.CutSuffix(last, ending)
	at := strings.LastIndexByte(hidden, ' ')
	if !ok || !closed || at < 0 {
		return s, 0, ErrForged
	}
	state, signature := hidden[:at], hidden[at+1:]
	var b block
	if err := json.Unmarshal([]byte(state), &b); err != nil {
		return s, 0, ErrForged
	}
	for _, key := range keys {
		if len(key) > 0 && hmac.Equal([]byte(sign(key, ref, b.Seq, state, visible)), []byte(signature)) {
			return b.State, b.Seq, nil
		}
	}
	return s, 0, ErrForged
}

// sign binds the state to its version, its issue, its place in the row of cards, and what people read. Each part is
// preceded by its length, so that no two cards give the same bytes.
func sign(key []byte, ref incident.Ref, seq int, state, visible string) string {
	mac := hmac.New(sha256.New, key)
	part := func(p string) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		mac.Write(n[:])
		mac.Write([]byte(p))
	}
	part(version)
	part(strings.ToLower(ref.FullName()))
	part(fmt.Sprint(ref.Number))
	part(fmt.Sprint(seq))
	part(state)
	part(visible)
	return hex.EncodeToString(mac.Sum(nil))
}
