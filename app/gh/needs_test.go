package gh

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A token that asks for more than the App was told to have would be refused; one that asks for less would fail later.
func TestTokensAskForWhatTheAppIsGranted(t *testing.T) {
	text, err := json.Marshal(permissions)
	if err != nil {
		t.Fatal(err)
	}
	asked, granted := map[string]string{}, map[string]string{}
	if err := json.Unmarshal(text, &asked); err != nil {
		t.Fatal(err)
	}
	for _, p := range Permissions {
		granted[p.Name] = p.Level
	}
	if d := cmp.Diff(granted, asked); d != "" {
		t.Errorf("what the App is granted (-), and what its tokens ask for (+):\n%s", d)
	}
}
