package engine

import "testing"

// A repository's name may hold what is between the key of a page and its step: the answer to one report must not end
// the escalation of another.
func TestI5AnAnswerIsOfOneReport(t *testing.T) {
	for key, want := range map[string]string{
		"acme/incident-store/signal/ab12-1772448000":    "acme/incident-store/signal/ab12-1772448000 answered",
		"acme/incident-store/signal/ab12-1772448000-s2": "acme/incident-store/signal/ab12-1772448000 answered",
	} {
		if got := answeredName(key); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
}
