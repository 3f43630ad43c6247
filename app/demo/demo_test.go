package demo

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firebreak-dev/firebreak/app/sandbox"
)

// What a process needs to be the App is written where SANDBOX.md says; without an App it is less.
func TestEnvironment(t *testing.T) {
	for _, isEmpty := range []bool{false, true} {
		folder := t.TempDir()
		box, err := New(sandbox.Options{URL: "http://sandbox.test", Data: folder, Empty: isEmpty})
		if err != nil {
			t.Fatal(err)
		}
		if err := box.Close(); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(folder, "firebreak.env"))
		if err != nil {
			t.Fatal(err)
		}
		for want, isThere := range map[string]bool{
			"FIREBREAK_CLOCK_URL=http://sandbox.test/sandbox/clock\n": true,
			"FIREBREAK_INTAKE_SECRET=demo-intake\n":                   true,
			"FIREBREAK_GITHUB_URL=http://sandbox.test/\n":             !isEmpty,
			"FIREBREAK_APP_ID=1\n":                                    !isEmpty,
			"FIREBREAK_WEBHOOK_SECRET=":                               !isEmpty,
			"FIREBREAK_PRIVATE_KEY_FILE=" + folder:                    !isEmpty,
		} {
			if strings.Contains(string(text), want) != isThere {
				t.Errorf("empty: %t, %q is there: %t\n%s", isEmpty, want, !isThere, text)
			}
		}
	}
}
