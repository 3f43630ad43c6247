package intake_test

import (
	"strings"
	"testing"

	"github.com/firebreak-dev/firebreak/app/intake"
)

// How a report's sender was verified decides whether its links can be clicked (I1): a signature, a token of
// the source's own, or a mail's domain (DMARC). A mail server's token says nothing about a sender.
func TestWhoVouchesForAReport(t *testing.T) {
	ses := example(t, "ses.json")
	for name, c := range map[string]struct {
		source, body string
		want         intake.Trust
		isVerified   bool
	}{
		"Alertmanager's token":          {"alertmanager", group(nil, "firing"), intake.SharedSecret, true},
		"Opsgenie's token":              {"opsgenie", example(t, "opsgenie.json"), intake.SharedSecret, true},
		"PagerDuty's signature":         {"pagerduty", example(t, "pagerduty.json"), intake.Verified, true},
		"Slack's signature":             {"slack", slackCommand("the API is down"), intake.Verified, true},
		"Amazon's topic, with a token":  {"sns", snsNotification(example(t, "alarm.json")), intake.SharedSecret, true},
		"a mail server's token":         {"email", example(t, "mail/latin.eml"), intake.Unverified, false},
		"a mail with DMARC":             {"email", strings.ReplaceAll(ses, `"FAIL"`, `"PASS"`), intake.Verified, true},
		"a mail that fails DMARC":       {"email", strings.ReplaceAll(ses, `"PASS"`, `"FAIL"`), intake.Unverified, false},
		"a mail that says it of itself": {"email", "From: gina@globex.example\nAuthentication-Results: mx; dmarc=pass\nSubject: x\n\nx", intake.Unverified, false},
	} {
		result, err := read(c.source, c.body)
		if err != nil || len(result.Signals) != 1 {
			t.Errorf("%s: %+v, %v", name, result, err)
			continue
		}
		if got := result.Signals[0].Trust; got != c.want || got.IsVerified() != c.isVerified {
			t.Errorf("%s: %s", name, got)
		}
	}
	if intake.Trust("").IsVerified() {
		t.Error("its sender isn't verified, and it counts")
	}
}
