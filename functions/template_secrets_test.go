package functions_test

import (
	"maps"
	"slices"
	"testing"
)

// kept are the secrets that `firebreak setup` made.
var kept = []string{"appId=17", "webhookSecret=arn:stored:webhook-secret", "privateKey=arn:stored:private-key"}

// Each function reads the secrets that are there, or those that the stack makes in their place, and
// no others are made.
func TestTheSecretsAreTheStacksOrThoseThatAreThere(t *testing.T) {
	for name, c := range map[string]struct {
		params    []string
		hook, key string
		made      []string
	}{
		"made": {[]string{"appId=17"}, "WebhookSecret", "PrivateKey",
			[]string{"IntakeSecret", "PrivateKey", "WebhookSecret"}},
		"kept": {kept, "arn:stored:webhook-secret", "arn:stored:private-key", []string{"IntakeSecret"}},
		"KMS":  {everything, "WebhookSecret", "", []string{"IntakeSecret", "OutboundSecret", "WebhookSecret"}},
	} {
		x := packaged(t, c.params...)
		made := slices.Sorted(maps.Keys(x.of("AWS::SecretsManager::Secret")))
		if !slices.Equal(made, c.made) {
			t.Errorf("%s: the stack makes %q, want %q", name, made, c.made)
		}
		for logical, f := range x.of("AWS::Lambda::Function") {
			env := f["Environment"].(map[string]any)["Variables"].(map[string]any)
			for variable, want := range map[string]string{"FIREBREAK_WEBHOOK_SECRET": c.hook,
				"FIREBREAK_PRIVATE_KEY": c.key} {
				if want != "" {
					want = "secretsmanager:" + want
				}
				if value, has := env[variable]; has && x.text(value) != want {
					t.Errorf("%s: %s reads %s from %q, want %q", name, logical, variable, x.text(value), want)
				}
			}
		}
		if got := x.text(x.Outputs["WebhookSecret"].(map[string]any)["Value"]); got != c.hook {
			t.Errorf("%s: the outputs name %s as the webhook secret", name, got)
		}
	}
}
