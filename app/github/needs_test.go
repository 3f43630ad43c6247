package github

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v60/github"
)

// A token that asks for what only a capability has must be one that can be done without.
func TestCapabilitiesAreOfTokensThatMayBeRefused(t *testing.T) {
	tokens := map[string]scope{"changes": deployed, "run": running, "mark": marking, "hold": {permissions: github.InstallationPermissions{
		Actions: gating.permissions.Actions, Deployments: gating.permissions.Deployments, Statuses: marking.permissions.Statuses}}, "freeze": {permissions: github.InstallationPermissions{
		Administration: freezing.permissions.Administration, Statuses: marking.permissions.Statuses}}}
	mayWrite := map[string]string{"run": "actions", "freeze": "administration statuses", "mark": "statuses",
		"hold": "deployments statuses"} // as SECURITY.md says
	base := map[string]bool{}
	for _, p := range Permissions {
		base[p.Name] = true
	}
	for _, c := range Capabilities {
		text, err := json.Marshal(tokens[c.Name].permissions)
		if err != nil {
			t.Fatal(err)
		}
		var asked map[string]string
		if err := json.Unmarshal(text, &asked); err != nil {
			t.Fatal(err)
		}
		for _, p := range c.Permissions {
			if base[p.Name] {
				t.Errorf("%s: every App has %s", c.Name, p.Name)
			}
			if p.Level != "read" && !strings.Contains(mayWrite[c.Name], p.Name) {
				t.Errorf("%s: %s may write, which SECURITY.md denies", c.Name, p.Name)
			}
			if asked[p.Name] != p.Level {
				t.Errorf("%s: no token asks for %s (%s)", c.Name, p.Name, p.Level)
			}
		}
	}
}

func TestFindCapabilities(t *testing.T) {
	if found, err := FindCapabilities(nil); len(found) > 0 || err != nil {
		t.Errorf("nothing asked for: %v, %v", found, err)
	}
	if found, err := FindCapabilities([]string{"changes", "changes"}); len(found) != 1 || err != nil {
		t.Errorf("changes: %v, %v", found, err)
	}
	if _, err := FindCapabilities([]string{"changes", "teleport"}); err == nil || !strings.Contains(err.Error(), `"teleport"`) {
		t.Errorf("teleport: %v", err)
	}
}

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
