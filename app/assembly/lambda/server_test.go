package lambda_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/assembly/lambda"
	"github.com/firebreak-dev/firebreak/app/aws"
	"github.com/firebreak-dev/firebreak/app/aws/awstest"
)

// A container outside Lambda takes webhooks into the queue of the functions, by the secrets that they refer to.
func TestTheServerOnTheQueueTakesWebhooks(t *testing.T) {
	double := awstest.New(t, time.Now)
	url, arn := double.AddQueue("firebreak.fifo", awstest.QueueOptions{Visibility: 720 * time.Second, Receives: 10})
	double.SetSecret("firebreak/webhook", "now")
	for name, value := range map[string]string{"FIREBREAK_APP_ID": "17", "FIREBREAK_PRIVATE_KEY": key(),
		"FIREBREAK_WEBHOOK_SECRET": "secretsmanager:firebreak/webhook", "FIREBREAK_QUEUE_URL": url, "FIREBREAK_QUEUE_ARN": arn} {
		t.Setenv(name, value)
	}
	cfg, err := aws.Config(double.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	l, err := lambda.New(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	body := `{"action":"created","issue":{"number":7,"labels":[{"name":"incident"}]},` +
		`"comment":{"id":1,"user":{"login":"alice","type":"User"},"body":"/ic","created_at":"2026-03-02T10:40:00Z",` +
		`"updated_at":"2026-03-02T10:40:00Z"},"repository":{"name":"incidents","full_name":"acme/incidents",` +
		`"owner":{"login":"acme"}},"sender":{"login":"alice","type":"User"},"installation":{"id":7}}`
	for secret, want := range map[string]int{"now": http.StatusAccepted, "another": http.StatusUnauthorized} {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(body))
		r := httptest.NewRequest(http.MethodPost, "/webhook", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-GitHub-Event", "issue_comment")
		r.Header.Set("X-GitHub-Delivery", "d-"+secret)
		r.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
		w := httptest.NewRecorder()
		l.Server().ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("signed with %s: %d %s", secret, w.Code, w.Body)
		}
	}
	if stored := double.Messages(url); len(stored) != 1 || stored[0].Group != "acme/incidents#7" {
		t.Errorf("in the queue: %+v", stored)
	}
}
