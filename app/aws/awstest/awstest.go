// Package awstest imitates AWS in tests: SQS, EventBridge Scheduler, Secrets Manager, Systems
// Manager, KMS and S3 as the SDK's clients reach them, on the test's clock, and what a person asks of
// CloudFormation, CloudWatch, SNS and SES. It refuses what AWS refuses.
package awstest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// Region and Account are where it is.
const (
	Region  = "eu-central-1"
	Account = "123456789012"
)

// AWS is the double. Its fields may be set before it is used.
type AWS struct {
	URL      string
	Answered func() // nil; else it is called after each operation of SQS and the like

	t   testing.TB
	now func() time.Time

	mu        sync.Mutex
	calls     []string
	refuse    map[string]string // operation → error code
	elsewhere http.Handler      // serves SQS instead; nil: the double does
	queues    map[string]*queue
	schedules map[string]*schedule
	secrets   map[string]map[string]version
	params    map[string]string
	keys      map[string]signer
	objects   map[string][]byte // by bucket/key
	operator  operator
	precision Precision
}

// New starts a double that goes by now, with nothing in it.
func New(t testing.TB, now func() time.Time) *AWS {
	a := &AWS{t: t, now: now, refuse: map[string]string{}, queues: map[string]*queue{},
		schedules: map[string]*schedule{},
		secrets:   map[string]map[string]version{}, params: map[string]string{}, keys: map[string]signer{},
		objects: map[string][]byte{}, operator: operator{stacks: map[string]Stack{},
			topics: map[string][]Subscription{}, groups: map[string]string{}}}
	s := httptest.NewServer(a)
	t.Cleanup(s.Close)
	a.URL = s.URL
	return a
}

// Environ is what Lambda would put into a function's environment.
func (a *AWS) Environ() []string {
	return []string{"AWS_REGION=" + Region, "AWS_ACCESS_KEY_ID=AKIATEST", "AWS_SECRET_ACCESS_KEY=secret",
		"AWS_SESSION_TOKEN=session", "AWS_ENDPOINT_URL=" + a.URL}
}

// Getenv looks a variable of Environ up.
func (a *AWS) Getenv(name string) string {
	for _, v := range a.Environ() {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return ""
}

// Refuse makes an operation fail with an error code until it is called again with "".
func (a *AWS) Refuse(operation, code string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for service := range models {
		if !isErrorOf(service, operation, code) && code != "" {
			a.t.Errorf("%s of %s does not answer with %s", operation, service, code)
		}
	}
	a.refuse[operation] = code
}

// Calls lists the operations that were asked for since it was last called.
func (a *AWS) Calls() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	calls := a.calls
	a.calls = nil
	return calls
}

// failure is an answer of AWS that is an error.
type failure struct {
	status  int
	code    string
	message string
}

func (f *failure) Error() string { return f.code + ": " + f.message }

func refused(code, format string, args ...any) error {
	return &failure{http.StatusBadRequest, code, fmt.Sprintf(format, args...)}
}

var authorization = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=AKIATEST/\d{8}/` + Region +
	`/([a-z0-9]+)/aws4_request, SignedHeaders=[a-z0-9;-]+, Signature=[0-9a-f]{64}$`)

func (a *AWS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	signed := authorization.FindStringSubmatch(r.Header.Get("Authorization"))
	body, err := io.ReadAll(r.Body)
	if signed == nil || r.Header.Get("X-Amz-Security-Token") != "session" || err != nil {
		a.answer(w, r, nil, &failure{http.StatusForbidden, "InvalidSignatureException",
			"it is not signed as the function signs"})
		return
	}
	if signed[1] == "s3" {
		a.s3(w, r, body)
		return
	}
	if versions[signed[1]] != "" {
		a.query(w, r, signed[1], body)
		return
	}
	service, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if service == "" {
		service, operation = "Scheduler", schedulerOperation(r)
	}
	if want := map[string]string{"sqs": "AmazonSQS", "scheduler": "Scheduler",
		"secretsmanager": "secretsmanager", "ssm": "AmazonSSM",
		"kms": "TrentService"}[signed[1]]; service != want {
		a.answer(w, r, nil, refused("UnknownOperationException", "%s of %s, signed for %s", operation,
			service, signed[1]))
		return
	}
	a.mu.Lock()
	a.calls = append(a.calls, operation)
	code, elsewhere := a.refuse[operation], a.elsewhere
	a.mu.Unlock()
	if code != "" {
		a.answer(w, r, nil, refused(code, "the test wants it so"))
		return
	}
	if service == "AmazonSQS" && elsewhere != nil {
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		elsewhere.ServeHTTP(w, r)
		return
	}
	if err := holdAgainstModel(signed[1], operation, r, body); err != nil {
		a.answer(w, r, nil, err)
		return
	}
	out, err := a.doInTime(service, operation, r, body)
	if f := (*failure)(nil); errors.As(err, &f) && !isErrorOf(signed[1], operation, f.code) {
		a.t.Errorf("the double answers %s of %s with %s, which AWS does not", operation, service, f.code)
	}
	a.answer(w, r, out, err)
	if a.Answered != nil {
		a.Answered()
	}
}

// doInTime does an operation. One that receives waits for a message as long as it asks.
func (a *AWS) doInTime(service, operation string, r *http.Request, body []byte) (any, error) {
	for end := time.Now().Add(waitOf(operation, body)); ; {
		a.mu.Lock()
		out, err := a.do(service, operation, r, body)
		a.mu.Unlock()
		if given, ok := out.(received); err != nil || !ok || len(given.Messages) > 0 || !time.Now().Before(end) {
			return out, err
		}
		select {
		case <-r.Context().Done():
			return out, nil
		case <-time.After(time.Second / 10):
		}
	}
}

// Client reaches the double without a network, so that time may be virtual.
func (a *AWS) Client() *http.Client { return &http.Client{Transport: direct{a}} }

type direct struct{ a *AWS }

// RoundTrip implements http.RoundTripper.
func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	if r.Body == nil {
		r.Body = http.NoBody
	}
	d.a.ServeHTTP(w, r)
	return w.Result(), r.Context().Err()
}

func (a *AWS) do(service, operation string, r *http.Request, body []byte) (any, error) {
	switch service {
	case "AmazonSQS":
		return a.sqs(operation, body)
	case "Scheduler":
		return a.scheduler(operation, r, body)
	case "secretsmanager":
		return a.secretsManager(operation, body)
	case "AmazonSSM":
		return a.systemsManager(operation, body)
	}
	return a.kms(operation, body)
}

func (a *AWS) answer(w http.ResponseWriter, r *http.Request, out any, err error) {
	w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
	if err == nil {
		_ = json.NewEncoder(w).Encode(out)
		return
	}
	var f *failure
	if !errors.As(err, &f) {
		f = &failure{http.StatusBadRequest, "SerializationException", err.Error()}
	}
	w.Header().Set("X-Amzn-Errortype", f.code)
	w.WriteHeader(f.status)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": f.code, "message": f.message})
}

// read decodes a request, in which no field may be unknown to the double.
func read(body []byte, v any) error {
	dec := json.NewDecoder(strings.NewReader(string(body)))
	dec.DisallowUnknownFields()
	return dec.Decode(v)
}
