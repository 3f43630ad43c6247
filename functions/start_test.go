package functions_test

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/firebreak-dev/firebreak/app/aws/awstest"
)

// How long each function takes from its process's start to its first answer, secrets included, and
// what memory it needs:
//
//	go test ./functions -run TestColdStart -v
//
// The fastest of many counts: a slower one measures the machine. So does a bare time: what is held
// is that the webhook function, which links no GitHub client, starts sooner than the worker. They
// take turns, so that both meet the same load.
func TestColdStart(t *testing.T) {
	github := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(github.Close)
	a := awstest.New(t, time.Now)
	url, arn := a.AddQueue("firebreak.fifo", awstest.QueueOptions{Visibility: visibility, Receives: 20})
	a.SetSecret("hook", "secret")
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	a.SetSecret("key", string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY",
		Bytes: x509.MarshalPKCS1PrivateKey(key)})))
	environ := append(a.Environ(), "FIREBREAK_APP_ID=17", "FIREBREAK_WEBHOOK_SECRET=secretsmanager:hook",
		"FIREBREAK_PRIVATE_KEY=secretsmanager:key",
		"FIREBREAK_GITHUB_URL="+github.URL, "FIREBREAK_INTAKE_REPOSITORY=acme/incidents",
		"FIREBREAK_QUEUE_URL="+url, "FIREBREAK_QUEUE_ARN="+arn, "FIREBREAK_SCHEDULE_GROUP=g",
		"FIREBREAK_SCHEDULE_ROLE=arn:aws:iam::123456789012:role/r")
	body, head := signedWebhook("secret")
	request := events.APIGatewayV2HTTPRequest{Version: "2.0", RawPath: "/webhook", Headers: head, Body: body}
	request.RequestContext.HTTP.Method = "POST"
	functions := []struct {
		name  string
		event any
	}{{"webhook", request}, {"intake", request}, {"slack", request}, {"worker", oneMessage}, {"sweep", struct{}{}}}
	took, memory := map[string][]time.Duration{}, map[string]string{}
	for range 15 {
		for _, c := range functions {
			f := start(t, c.name, environ)
			var answer events.APIGatewayV2HTTPResponse
			err := f.Invoke(t.Context(), c.event, &answer)
			took[c.name] = append(took[c.name], time.Since(f.Began))
			switch {
			case c.name == "webhook" && (err != nil || answer.StatusCode != 202):
				t.Fatalf("%v, %+v\n%s", err, answer, f.Log())
			case (c.name == "intake" || c.name == "slack") && (err != nil || answer.StatusCode != 404): // it serves another path
				t.Fatalf("%v, %+v\n%s", err, answer, f.Log())
			case c.name == "worker" && (err != nil || strings.Contains(f.Log(), "failed")):
				t.Fatalf("%v\n%s", err, f.Log())
			case c.name == "sweep" && err == nil:
				t.Fatal("the sweep reached a GitHub that is none")
			}
			memory[c.name] = peak(f.Pid)
			f.Stop()
		}
	}
	for _, c := range functions {
		slices.Sort(took[c.name])
		fastest, median := took[c.name][0], took[c.name][len(took[c.name])/2]
		t.Logf("%-8s from start to first answer: fastest %s, median %s; memory %s", c.name,
			fastest.Round(100*time.Microsecond), median.Round(100*time.Microsecond), memory[c.name])
	}
	if webhook, worker := took["webhook"][0], took["worker"][0]; webhook >= worker {
		t.Errorf("the webhook function takes %s to its first answer, no less than the worker's %s", webhook,
			worker)
	}
	if n := len(a.Messages(url)); n != 1 { // the same delivery each time
		t.Errorf("%d messages were stored", n)
	}
}

// signedWebhook is a delivery that asks for a look, and its headers as API Gateway writes them.
func signedWebhook(secret string) (body string, head map[string]string) {
	body = `{"action":"created","issue":{"number":1,"labels":[{"name":"incident"}]},"comment":{"id":5,"body":"/ic","user":{"login":"carol","type":"User"}},` +
		`"repository":{"name":"incidents","full_name":"acme/incidents","owner":{"login":"acme"}},"sender":{"login":"carol","type":"User"}}`
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return body, map[string]string{"content-type": "application/json", "x-github-event": "issue_comment",
		"x-github-delivery":   "72d3162e-cc78-11e3-81ab-4c9367dc0958",
		"x-hub-signature-256": "sha256=" + hex.EncodeToString(mac.Sum(nil))}
}

// peak is the most memory that a process had, where the system knows it.
func peak(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}
