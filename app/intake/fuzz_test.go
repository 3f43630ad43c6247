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
			t.Errorf("read twice it returns another: %v", err)
		}
	})
}

func FuzzAlertmanager(f *testing.F) {
	fuzz(f, "alertmanager", example(f, "alertmanager.json"), group(nil, "firing", "resolved"),
		// a group whose alerts have nothing in common, one without names, and one cut off (K5, K7, K17)
		`{"version":"4","groupKey":"g","status":"firing","commonLabels":{},"alerts":[{"status":"firing","labels":{"alertname":"DiskFilling","severity":"warning"}},{"status":"firing","labels":{"alertname":"APIServerDown","severity":"critical"}},{"status":"resolved"}]}`,
		`{"version":"4","groupKey":"g","status":"firing","commonLabels":{"instance":"node-1","severity":"critical"},"alerts":[{"labels":{"instance":"node-1"},"startsAt":"0001-01-01T00:00:00Z"}]}`,
		`{"version":"4","groupKey":"g","status":"firing","alerts":[{"labels":{"alertname":"A"}},{"labels":{"alertname":"B"},"annot`)
}

func FuzzGrafana(f *testing.F) {
	fuzz(f, "grafana", example(f, "grafana.json"),
		`{"receiver":"fb","status":"firing","orgId":1,"version":"1","groupKey":"g","commonLabels":{"alertname":"DatasourceNoData","rulename":"API error rate"},"alerts":[{"status":"firing","labels":{"alertname":"DatasourceNoData","rulename":"API error rate"},"values":{"A":null}}]}`)
}

func FuzzPagerDuty(f *testing.F) { fuzz(f, "pagerduty", example(f, "pagerduty.json")) }

func FuzzOpsgenie(f *testing.F) { fuzz(f, "opsgenie", example(f, "opsgenie.json")) }

func FuzzEventBridge(f *testing.F) { fuzz(f, "eventbridge", example(f, "eventbridge.json")) }

func FuzzSNS(f *testing.F) {
	fuzz(f, "sns", snsNotification(example(f, "alarm.json")), jsonOf(signSNS(notification())), jsonOf(signSNS(confirmation())), example(f, "alarm.json"))
}

func FuzzGeneric(f *testing.F) {
	fuzz(f, "generic", example(f, "generic.json"), `{"alert_uid":"monit-1","title":"monit","state":" Ok. ","message":"back"}`,
		`{"title":"x","message":"p99 812 ms at 10:40","severity":"P1","dedup_key":"d","customer":"Globex, Initech"}`)
}

func FuzzSlack(f *testing.F) {
	fuzz(f, "slack", slackCommand("critical the API is down"), slackCommand(""), slackForm("payload", example(f, "slack-shortcut.json")), slackForm("payload", example(f, "slack-modal.json")),
		slackCommand("critical:\u00a0API is down"), slackCommand("Help?"), "ssl_check=1&token=x",
		slackForm("payload", `{"type":"message_action","team":{"id":"T"},"message":{"ts":"1795869000.000200","text":"","attachments":[{"fallback":"f","title":"[FIRING:1] A","title_link":"http://am/#/alerts","text":"t","fields":[{"title":"a","value":"b"}]}]}}`),
		slackForm("payload", `{"type":"message_action","team":{"id":"T"},"message":{"ts":"1.2","thread_ts":"1.1","blocks":[{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"x"},{"type":"user","user_id":"U"}]}]},{"type":"section","fields":[{"type":"mrkdwn","text":"y"}]}],"files":[{"name":"error.png"}]}}`))
}

// oddMails are what mail programs send, below a head (K10, K11, K12, K20).
var oddMails = []string{
	"In-Reply-To: <b@x.example>\nReferences: <root@globex.example>\n <20261128.FOO>\n <b@x.example>\nContent-Type: text\n\nnews\n\nOn 24 Nov 2026 at 10:40 Alice wrote:\n> old\n",
	"Content-Type: multipart/mixed; boundary=B\n\n--B\nContent-Type: text/plain\n\n\n--B\nContent-Type: message/rfc822\nContent-Disposition: attachment; filename=x.eml\n\nFrom: Ops <ops@x.example>\nSubject: Checkout\n\nCall: https://zoom.us/j/123456789\n--B--\n",
	"Content-Type: multipart/mixed\n\n--abc\nContent-Type: text/plain\n\nx\n--abc--\n",
	"Content-Type: text/html\n\n<html><head><meta charset=\"gb18030\"></head><body>\xc9\xfa\xb2\xfa</body></html>",
	"Content-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:P1\nLOCATION:https://zoom.us/j/99887766\nEND:VEVENT\nEND:VCALENDAR\n",
	"Auto-Submitted: auto-replied\nContent-Type: multipart/report; report-type=delivery-status; boundary=B\n\n--B\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; gina@globex.example\nAction: failed\nStatus: 5.1.1\n\n--B\nContent-Type: message/rfc822\n\nSubject: Incident update\nReferences: <aa@x>\n\nx\n--B--\n",
	"Content-Type: multipart/alternative; boundary=B\n\n--B\nContent-Type: text/plain\n\nneeds HTML\n--B\nContent-Type: text/html\n\n<p>Cluster <b>eu-1</b></p>\n--B--\n",
	"Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\nQUJDQUJD\n",
	"From: Gina @ Globex, Ltd. <gina@globex.example>\nPrecedence: auto_reply\n\naway",
}

// A mail is never refused.
func FuzzEmail(f *testing.F) {
	for _, name := range []string{"multipart", "html", "reply", "outlook", "forward", "latin", "unknown", "spoilt"} {
		f.Add([]byte(example(f, "mail/"+name+".eml")))
	}
	f.Add([]byte(example(f, "ses.json")))
	for _, rest := range oddMails {
		f.Add([]byte(mailHead + rest))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		result, err := sources()["email"].Read(context.Background(), intake.Request{Header: bearer("now"), Body: body, Now: now})
		if err != nil {
			if kind(t, err) != intake.Bad || len(bytes.TrimSpace(body)) > 0 {
				t.Errorf("a mail is lost: %v", err)
			}
			return
		}
		if len(result.Signals) == 0 {
			t.Error("a mail returns no signal")
		}
		check(t, result)
	})
}
