package assembly

import (
	"sync"
	"time"

	"github.com/firebreak-dev/firebreak/app/intake"
)

// How many different things one trouble may say within a time: what comes after that is counted
// with what was said before. The queue joins reports that say the same, and must not be filled by a
// source whose words change each time.
const (
	sayings     = 40
	troubles    = 5000 // that are told apart at most
	sayingsTime = time.Hour
)

// said is what the sources said lately, by trouble.
type said struct {
	mu       sync.Mutex
	troubles map[string]*trouble
}

type trouble struct {
	since time.Time
	words map[string]bool
}

// saying returns what distinguishes a report from others of its trouble, for the key by which the
// queue joins them; "" if too many differed.
func (s *said) saying(signal intake.Signal, now time.Time) string {
	word := signal.Saying()
	if word == "" {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.troubles == nil {
		s.troubles = map[string]*trouble{}
	}
	for key, t := range s.troubles {
		if now.Sub(t.since) >= sayingsTime {
			delete(s.troubles, key)
		}
	}
	t := s.troubles[signal.DedupKey]
	if t == nil && len(s.troubles) >= troubles {
		return "." + word
	}
	if t == nil {
		t = &trouble{since: now, words: map[string]bool{}}
		s.troubles[signal.DedupKey] = t
	}
	if !t.words[word] && len(t.words) >= sayings {
		return ""
	}
	t.words[word] = true
	return "." + word
}
