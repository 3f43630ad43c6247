package bench_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/bench"
)

// Another endpoint gets deliveries as GitHub signs them, and the product's are compared with it.
func TestAnotherEndpointIsMeasured(t *testing.T) {
	secret := bench.Secret
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		if err != nil || r.Header.Get("X-Hub-Signature-256") != "sha256="+hex.EncodeToString(mac.Sum(nil)) {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer other.Close()
	o := bench.Options{Dir: t.TempDir(), Duration: 300 * time.Millisecond, Clients: 2}
	rows, err := bench.Against(t.Context(), o, other.URL)
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 3 || rows[0].Rate <= 0 || rows[1].Ratio <= 0 || rows[2].Ratio <= 0 || rows[2].Bound != other.URL {
		t.Errorf("%+v", rows)
	}

	secret = "another secret"
	o.Dir = t.TempDir()
	if _, err := bench.Against(t.Context(), o, other.URL); !errors.Is(err, bench.ErrNoEndpoint) {
		t.Errorf("with another secret: %v", err)
	}
}
