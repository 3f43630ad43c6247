package lambda_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v4"

	"github.com/firebreak-dev/firebreak/app/assembly/lambda"
	"github.com/firebreak-dev/firebreak/app/aws/awstest"
)

var key = sync.OnceValue(func() string {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(k)}))
})

// env is an environment that works, changed.
func env(change map[string]string) func(string) string {
	all := map[string]string{"FIREBREAK_APP_ID": "17", "FIREBREAK_PRIVATE_KEY": key(), "FIREBREAK_WEBHOOK_SECRET": "now"}
	maps.Copy(all, change)
	return func(name string) string { return all[name] }
}

// A reader is the App by the key that never leaves KMS, as the worker is.
func TestAReaderSignsByKMS(t *testing.T) {
	private, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(key()))
	if err != nil {
		t.Fatal(err)
	}
	github := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if _, err := jwt.Parse(token, func(*jwt.Token) (any, error) { return &private.PublicKey, nil }); err != nil || r.URL.Path != "/api/v3/app" {
			t.Errorf("%s: %v", r.URL.Path, err)
		}
		_, _ = w.Write([]byte(`{"slug":"firebreak"}`))
	}))
	t.Cleanup(github.Close)
	double := awstest.New(t, time.Now)
	double.SetKey("alias/firebreak", private)
	for _, v := range append(double.Environ(), "AWS_CONFIG_FILE=/nowhere", "AWS_SHARED_CREDENTIALS_FILE=/nowhere") {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	r, err := lambda.NewReader(t.Context(), env(map[string]string{"FIREBREAK_PRIVATE_KEY": "", "FIREBREAK_KMS_KEY": "alias/firebreak", "FIREBREAK_GITHUB_URL": github.URL}), nil)
	if err != nil {
		t.Fatal(err)
	}
	if login, err := r.App.Login(t.Context()); login != "firebreak[bot]" || err != nil {
		t.Errorf("%q, %v", login, err)
	}
	if calls := double.Calls(); len(calls) != 1 || calls[0] != "Sign" {
		t.Errorf("AWS was asked for %q", calls)
	}
	double.Refuse("Sign", "AccessDeniedException")
	if r, err = lambda.NewReader(t.Context(), env(map[string]string{"FIREBREAK_KMS_KEY": "alias/firebreak", "FIREBREAK_GITHUB_URL": github.URL}), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := r.App.Login(t.Context()); err == nil || !strings.Contains(err.Error(), "AccessDenied") {
		t.Errorf("KMS refuses, and the error is %v", err) // the private key of the environment is not taken instead
	}
}

// A command line may refer to the secrets that the functions use; one that refers to none asks AWS
// for nothing.
func TestTheEnvironmentOfACommand(t *testing.T) {
	double := awstest.New(t, time.Now)
	for _, v := range double.Environ() {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	t.Setenv("FIREBREAK_APP_ID", "17")
	getenv, err := lambda.Environ(t.Context(), slog.New(slog.DiscardHandler))
	if err != nil || getenv("FIREBREAK_APP_ID") != "17" || len(double.Calls()) > 0 {
		t.Fatalf("without references: %q (%v)", getenv("FIREBREAK_APP_ID"), err)
	}
	double.SetSecret("firebreak/webhook-secret", "of the webhook")
	t.Setenv("FIREBREAK_WEBHOOK_SECRET", "secretsmanager:firebreak/webhook-secret")
	if getenv, err = lambda.Environ(t.Context(), slog.New(slog.DiscardHandler)); err != nil || getenv("FIREBREAK_WEBHOOK_SECRET") != "of the webhook" || getenv("FIREBREAK_APP_ID") != "17" {
		t.Errorf("with a reference: %v", err)
	}
	t.Setenv("FIREBREAK_PRIVATE_KEY", "secretsmanager:firebreak/none")
	if _, err := lambda.Environ(t.Context(), slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "FIREBREAK_PRIVATE_KEY") {
		t.Errorf("with a reference to nothing: %v", err)
	}
}
