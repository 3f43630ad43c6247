package intake_test

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"

	"github.com/firebreak-dev/firebreak/app/intake"
)

func jsonOf(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// fuzz reads bodies that are signed as they should be: whatever they hold, they give clean Signals
// or a bad request.
func fuzz(f *testing.F, source string, seeds ...string) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		result, err := read(source, string(body))
		if err != nil {
			if k := kind(t, err); k == intake.Ours {
				t.Errorf("the sender's fault is ours: %v", err)
			}
			return
		}
		check(t, result)
		again, err := read(source, string(body))
		if err != nil || jsonOf([]any{again.Signals, again.Acks}) != jsonOf([]any{result.Signals, result.Acks}) {
			t.Errorf("read twice it gives another: %v", err)
		}
	})
}

func FuzzAlertmanager(f *testing.F) {
	fuzz(f, "alertmanager", example(f, "alertmanager.json"), group(nil, "firing", "resolved"))
}

func FuzzGrafana(f *testing.F) { fuzz(f, "grafana", example(f, "grafana.json")) }

func FuzzPagerDuty(f *testing.F) { fuzz(f, "pagerduty", example(f, "pagerduty.json")) }

func FuzzOpsgenie(f *testing.F) { fuzz(f, "opsgenie", example(f, "opsgenie.json")) }

func FuzzEventBridge(f *testing.F) { fuzz(f, "eventbridge", example(f, "eventbridge.json")) }

func FuzzSNS(f *testing.F) {
	fuzz(f, "sns", snsNotification(example(f, "alarm.json")), jsonOf(signSNS(notification())), jsonOf(signSNS(confirmation())))
}

func FuzzGeneric(f *testing.F) { fuzz(f, "generic", example(f, "generic.json")) }

func FuzzSlack(f *testing.F) {
	fuzz(f, "slack", slackCommand("critical the API is down"), slackCommand(""), slackForm("payload", example(f, "slack-shortcut.json")), slackForm("payload", example(f, "slack-modal.json")))
}

// A mail is never refused.
func FuzzEmail(f *testing.F) {
	for _, name := range []string{"multipart", "html", "reply", "outlook", "forward", "latin", "unknown", "spoilt"} {
		f.Add([]byte(example(f, "mail/"+name+".eml")))
	}
	f.Add([]byte(example(f, "ses.json")))
	f.Fuzz(func(t *testing.T, body []byte) {
		result, err := sources()["email"].Read(context.Background(), intake.Request{Header: bearer("now"), Body: body, Now: now})
		if err != nil {
			if kind(t, err) != intake.Bad || len(bytes.TrimSpace(body)) > 0 {
				t.Errorf("a mail is lost: %v", err)
			}
			return
		}
		if len(result.Signals) == 0 {
			t.Error("a mail gives no signal")
		}
		check(t, result)
	})
}
