package github

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A token that asks for more than the App was told to have would be refused; a permission that no
// token asks for is one too many.
func TestTokensAskForWhatTheAppIsGranted(t *testing.T) {
	// every token may read metadata
	asked, granted := map[string]string{"metadata": "read"}, map[string]string{}
	for _, w := range []scope{incidents, tickets, files, documents, setting, checks, figures, sweeping} {
		text, err := json.Marshal(w.permissions)
		if err != nil {
			t.Fatal(err)
		}
		var these map[string]string
		if err := json.Unmarshal(text, &these); err != nil {
			t.Fatal(err)
		}
		for name, level := range these {
			if asked[name] != "write" {
				asked[name] = level
			}
		}
	}
	for _, p := range Permissions {
		granted[p.Name] = p.Level
	}
	if d := cmp.Diff(granted, asked); d != "" {
		t.Errorf("what the App is granted (-), and what its tokens ask for (+):\n%s", d)
	}
}
