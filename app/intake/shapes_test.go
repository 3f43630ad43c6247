package intake_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/firebreak-dev/firebreak/app/intake"
)

// signal posts a body to a source, as whoever knows the secret, and returns what was accepted.
func (e *endpoint) signal(t *testing.T, source, body string, headers ...string) intake.Signal {
	t.Helper()
	h := signedFor(source, body, "now")
	for i := 0; i+1 < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	w := e.post(source, body, h)
	if w.Code >= 300 || len(e.accepted) == 0 || len(e.accepted[len(e.accepted)-1].Signals) != 1 {
		t.Fatalf("%s: %d %s", source, w.Code, w.Body)
	}

	return e.accepted[len(e.accepted)-1].Signals[0]
}

// What the message says on which the shortcut was used is found wherever the bot that wrote it put
// it (K9).
func TestK9AMessagesWordsAreFound(t *testing.T) {
	for message, want := range map[string]string{
		`"text":"","attachments":[{"fallback":"x","title":"[FIRING:1] APIServerDown","title_link":"http://am/","text":"It does not answer"}]`:                   "[FIRING:1] APIServerDown|It does not answer|http://am/",
		`"attachments":[{"title_link":"http://am/","text":"It does not answer"}]`:                                                                               "It does not answer|http://am/",
		`"text":"","attachments":[{"fallback":"API is down"}]`:                                                                                                  "API is down",
		`"attachments":[{"pretext":"Look:","fields":[{"title":"Cluster","value":"eu-1"}]}]`:                                                                     "Look:|Cluster: eu-1",
		`"text":"","blocks":[{"type":"section","text":{"type":"mrkdwn","text":"*API* is down"},"fields":[{"type":"plain_text","text":"eu-1"}]}]`:                "*API* is down|eu-1",
		`"blocks":[{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"API is "},{"type":"text","text":"down"}]}]}]`: "API is down",
		`"attachments":[{"blocks":[{"type":"header","text":{"type":"plain_text","text":"API is down"}}]}]`:                                                      "API is down",
		`"text":"API is down","blocks":[{"type":"section","text":{"type":"mrkdwn","text":"API is down"}}]`:                                                      "API is down",
		`"blocks":{"odd":1},"text":"API is down"`:                                                                                                               "API is down",
	} {
		body := slackForm("payload", `{"type":"message_action","team":{"id":"T"},"message":{"ts":"1795869000.000200",`+message+`}}`)
		s := serve(nil).signal(t, "slack", body)
		if got := strings.ReplaceAll(s.Text, "\n", "|"); got != want || s.Title != strings.Split(want, "|")[0] {
			t.Errorf("%s: %q, %q", message, s.Title, got)
		}
	}
	body := slackForm("payload", `{"type":"message_action","team":{"id":"T"},"message":{"ts":"1.2","text":"","files":[{"name":"error.png"},{"title":"log"}]}}`)
	if s := serve(nil).signal(t, "slack", body); s.Title != "error.png, log" || len(s.Attachments) != 2 {
		t.Errorf("files: %q %q", s.Title, s.Attachments)
	}
}

// Slack's check of an address carries no signature and is answered; nothing else is that carries
// none (K18).
func TestK18SlacksCheckIsAnswered(t *testing.T) {
	e := serve(nil)
	if w := e.post("slack", "ssl_check=1&token=x", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}); w.Code != http.StatusOK {
		t.Errorf("by POST: %d %s", w.Code, w.Body)
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/intake/slack?ssl_check=1", nil))
	if w.Code != http.StatusOK {
		t.Errorf("by GET: %d %s", w.Code, w.Body)
	}
	for _, body := range []string{"command=%2Fincident&text=x", "ssl_check=1&command=%2Fincident&text=x", "ssl_check=1&pad=" + strings.Repeat("x", 600), ""} {
		if w := e.post("slack", body, http.Header{}); w.Code != http.StatusUnauthorized {
			t.Errorf("%.60q: %d", body, w.Code)
		}
	}
	if len(e.accepted) > 0 {
		t.Errorf("accepted: %+v", e.accepted)
	}
}

// Help and severities are read as on GitHub (K18).
func TestK18TheSlashCommandIsReadAsOnGitHub(t *testing.T) {
	for text, want := range map[string]string{
		"critical: API is down": "critical API is down", "Critical API is down": "critical API is down", "P1 API is down": "critical API is down",
		"critical\u00a0API is down": "critical API is down", "critical\nAPI is down": "critical API is down", "regular - API is slow": "regular API is slow",
		"API is down": " API is down", "helpdesk is down": " helpdesk is down",
	} {
		if s := serve(nil).signal(t, "slack", slackCommand(text)); s.SeverityHint+" "+s.Title != want {
			t.Errorf("%q: %q %q", text, s.SeverityHint, s.Title)
		}
	}
	for _, text := range []string{"help", "Help", "HELP", " help ", "help?", ""} { // answered with the form
		e := serve(nil)
		if w := e.post("slack", slackCommand(text), signedFor("slack", slackCommand(text), "now")); w.Code != http.StatusOK || len(e.accepted) > 0 {
			t.Errorf("%q: %d, %+v", text, w.Code, e.accepted)
		}
	}
}

// Whatever word monitoring has for it, a recovery is one (K15).
func TestK15WordsForRecovered(t *testing.T) {
	for state, isFiring := range map[string]bool{
		"ok": false, "OK": false, " Ok. ": false, "Resolved": false, "RECOVERY": false, "recovered": false, "UP": false, "Normal": false, "closed": false,
		"cleared": false, "healthy": false, "alerting": true, "firing": true, "down": true, "problem": true, "critical": true, "": true, "not ok": true,
	} {
		if s := serve(nil).signal(t, "generic", fmt.Sprintf(`{"title":"monit","state":%q}`, state)); s.Firing != isFiring {
			t.Errorf("%q: firing %v", state, s.Firing)
		}
	}
}

// A title says what is wrong also where an alert does not (K17).
func TestK17ATitleSaysSomething(t *testing.T) {
	for group, want := range map[string]string{
		`"commonLabels":{"alertname":"DatasourceNoData","rulename":"API error rate"},"alerts":[{"labels":{"alertname":"DatasourceNoData","rulename":"API error rate","severity":"critical"}}]`: "API error rate: no data",
		`"commonLabels":{"alertname":"DatasourceError"},"alerts":[{"labels":{"alertname":"DatasourceError","rulename":"API error rate"}}]`:                                                     "API error rate: its query fails",
		`"commonLabels":{"alertname":"DatasourceNoData"},"groupLabels":{"grafana_folder":"Prod"},"alerts":[{"labels":{"alertname":"DatasourceNoData"}}]`:                                       "DatasourceNoData Prod",
		`"alerts":[{"labels":{"instance":"node-1","job":"api","severity":"critical"}}]`:                                                                                                        "node-1 api",
		`"alerts":[{"labels":{"severity":"critical"},"annotations":{"description":"The API is down\nSince noon"}}]`:                                                                            "The API is down",
		`"alerts":[{"labels":{}}]`: "Reported by alertmanager",
	} {
		s := serve(nil).signal(t, "alertmanager", `{"version":"4","groupKey":"k","status":"firing",`+group+`}`)
		if s.Title != want || strings.Contains(s.Text, "- ,") {
			t.Errorf("%q, want %q: %q", s.Title, want, s.Text)
		}
	}
}

// SNS leaves the envelope out where it is told to: then the token proves the sender (K19).
func TestK19SNSDeliversRaw(t *testing.T) {
	alarm := `{"AlarmName":"cpu","NewStateValue":"ALARM","NewStateReason":"Threshold","StateChangeTime":"2026-11-25T10:00:00.000+0000","AlarmArn":"arn:aws:cloudwatch:eu-central-1:1:alarm:cpu"}`
	for body, want := range map[string]string{alarm: "cpu", `{"some":"thing"}`: `{"some":"thing"}`, "the disk is full\nreally": "the disk is full"} {
		e := serve(nil)
		h := http.Header{"Authorization": {"Bearer now"}, "X-Amz-Sns-Rawdelivery": {"true"}, "X-Amz-Sns-Message-Id": {"m1"}, "X-Amz-Sns-Topic-Arn": {"arn:t"}}
		if w := e.post("sns", body, h); w.Code != http.StatusAccepted || len(e.accepted) != 1 || e.accepted[0].Signals[0].Title != want {
			t.Errorf("%s: %d %s %+v", body, w.Code, w.Body, e.accepted)
		}
		h.Del("Authorization")
		if w := serve(nil).post("sns", body, h); w.Code != http.StatusUnauthorized {
			t.Errorf("without a token: %d", w.Code)
		}
	}
}

// A gateway may leave a base path or a stage before the address (K19).
func TestK19ABasePathIsNoMatter(t *testing.T) {
	for path, status := range map[string]int{
		"/intake/generic": http.StatusAccepted, "/firebreak/intake/generic": http.StatusAccepted, "/a/b/intake/generic": http.StatusAccepted,
		"/intake/other": http.StatusNotFound, "/generic": http.StatusNotFound, "/intake/x/generic": http.StatusNotFound, "/intake/": http.StatusNotFound,
	} {
		e := serve(nil)
		body := `{"title":"x"}`
		r := &http.Request{Method: http.MethodPost, URL: &url.URL{Path: path}, Header: signedFor("generic", body, "now"), Body: http.NoBody}
		r.Body = httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body)).Body
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		if w.Code != status {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

// A value of another type or a time of another form costs no alarm: it is left out (K19).
func TestK19OddValuesCostNoAlarm(t *testing.T) {
	for source, body := range map[string]string{
		"alertmanager": `{"version":"4","groupKey":"k","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"Down","n":1},"startsAt":%[1]s,"endsAt":%[1]s}]}`,
		"grafana":      `{"version":"1","status":"firing","orgId":"one","groupKey":"k","alerts":[{"labels":{"alertname":"Down"},"startsAt":%[1]s,"values":"none"}]}`,
		"pagerduty":    `{"event":{"id":"e","event_type":"incident.triggered","occurred_at":%[1]s,"data":{"id":"i","title":"Down","created_at":%[1]s,"priority":null,"urgency":1}}}`,
		"opsgenie":     `{"action":"Create","alert":{"alertId":"a","message":"Down","createdAt":%[1]s,"updatedAt":%[1]s,"tags":"x","details":{"n":1}}}`,
		"eventbridge":  `{"id":"e","source":"aws.health","detail-type":"Down","time":%[1]s,"resources":"x","detail":1}`,
		"sns":          `{"Type":"Notification","MessageId":"m","Message":"{\"AlarmName\":\"Down\",\"NewStateValue\":\"ALARM\",\"StateChangeTime\":[],\"Trigger\":{\"Dimensions\":{}}}","Timestamp":%[1]s}`,
		"generic":      `{"title":"Down","message":["x"],"severity":1,"at":%[1]s}`,
	} {
		for _, at := range []string{`"2026-11-25T10:41:40.985+0000"`, `"25/11/2026 10:41"`, `"0001-01-01T00:00:00Z"`, `"+275760-09-13T00:00:00Z"`, "1795603261", `1.8e300`, "null", "{}", `""`} {
			if s := serve(nil).signal(t, source, fmt.Sprintf(body, at)); !strings.HasPrefix(s.Title, "Down") || !s.Firing {
				t.Errorf("%s with %s: %q, firing %v", source, at, s.Title, s.Firing)
			}
		}
	}
}
