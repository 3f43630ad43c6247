package setup_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/firebreak-dev/firebreak/app/setup"
)

// The command that requires the check can be pasted, and is what GitHub takes (C3).
func TestC3TheCheckIsRequired(t *testing.T) {
	command := setup.RequireCheck("acme/incidents")
	body, rest, ok := strings.Cut(strings.TrimPrefix(command, "echo '"), "' | ")
	if !ok || rest != "gh api repos/acme/incidents/rulesets --input -" || strings.Contains(command, "\n") {
		t.Fatalf("the command is %s", command)
	}
	var rule struct {
		Name, Target, Enforcement string
		Rules                     []struct {
			Type       string
			Parameters struct {
				Checks []struct{ Context string } `json:"required_status_checks"`
			}
		}
	}
	if err := json.Unmarshal([]byte(body), &rule); err != nil {
		t.Fatal(err)
	}
	if rule.Enforcement != "active" || len(rule.Rules) != 1 || rule.Rules[0].Type != "required_status_checks" ||
		rule.Rules[0].Parameters.Checks[0].Context != "postmortem" {
		t.Errorf("the rule is %+v", rule)
	}
}
