package mark_test

import (
	"strings"
	"testing"

	"github.com/firebreak-dev/firebreak/app/mark"
)

// What is sealed is read by the keys alone, also while they are rotated, and only as it was (A7).
func TestV6A7SealsAreReadByTheKeysAlone(t *testing.T) {
	old := mark.Keys{[]byte("an old secret")}
	rotated := mark.Keys{[]byte("a new secret"), []byte("an old secret")}
	sealed := old.Seal("acme/incidents#4")
	if strings.Contains(sealed, "acme") || strings.ContainsAny(sealed, " \n>") {
		t.Errorf("sealed as %q", sealed)
	}
	if sealed != old.Seal("acme/incidents#4") || sealed == old.Seal("acme/incidents#5") {
		t.Error("a text is not sealed the same way each time")
	}
	if text, ok := rotated.Open(sealed); !ok || text != "acme/incidents#4" {
		t.Errorf("the former key opens it as %q, %v", text, ok)
	}
	last := byte('A')
	if sealed[5] == last {
		last = 'B'
	}
	for name, other := range map[string]string{"changed": sealed[:5] + string(last) + sealed[6:],
		"cut": sealed[:8], "empty": "", "no base64": "!!" + sealed} {
		if text, ok := old.Open(other); ok {
			t.Errorf("%s: opened as %q", name, text)
		}
	}
	if text, ok := (mark.Keys{[]byte("another secret")}).Open(sealed); ok {
		t.Errorf("another key opens it as %q", text)
	}
}
