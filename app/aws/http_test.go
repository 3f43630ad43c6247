package aws_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/firebreak-dev/firebreak/app/aws"
)

// The event as API Gateway's documentation shows it, and as a function URL sends it.
const event = `{"version":"2.0","routeKey":"POST /webhook","rawPath":"/webhook/a%%2Fb","rawQueryString":"a=1&a=2","cookies":["c=1"],
	"headers":{"content-type":"application/json","x-github-event":"ping","x-forwarded-for":"192.0.2.1, 192.0.2.2","host":"id.execute-api.eu-central-1.amazonaws.com"},
	"requestContext":{"accountId":"123456789012","http":{"method":"POST","path":"/webhook/a/b","protocol":"HTTP/1.1","sourceIp":"192.0.2.1","userAgent":"GitHub-Hookshot/1"}},
	"body":%q,"isBase64Encoded":%v}`

func serve(t *testing.T, body string, encoded bool, h http.HandlerFunc) events.APIGatewayV2HTTPResponse {
	t.Helper()
	var e events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(fmt.Appendf(nil, event, body, encoded), &e); err != nil {
		t.Fatal(err)
	}
	out, err := aws.HTTP(func(context.Context) (http.Handler, error) {
		return h, nil
	}, slog.New(slog.DiscardHandler))(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAnHTTPEvent(t *testing.T) {
	for name, c := range map[string]struct {
		body    string
		encoded bool
	}{
		"as text":   {`{"zen":"é"}`, false},
		"as base64": {base64.StdEncoding.EncodeToString([]byte(`{"zen":"é"}`)), true},
	} {
		out := serve(t, c.body, c.encoded, func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if string(body) != `{"zen":"é"}` || err != nil {
				t.Errorf("%s: the body is %q, %v", name, body, err)
			}
			if r.Method != "POST" || r.URL.Path != "/webhook/a/b" || len(r.URL.Query()["a"]) != 2 ||
				r.Header.Get("X-GitHub-Event") != "ping" ||
				r.RemoteAddr != "192.0.2.1" || !strings.HasPrefix(r.Host, "id.") {
				t.Errorf("%s: %s %s %v from %s to %s", name, r.Method, r.URL, r.Header, r.RemoteAddr, r.Host)
			}
			w.Header().Add("Allow", "GET")
			w.Header().Add("Allow", "POST")
			w.WriteHeader(http.StatusAccepted)
			w.WriteHeader(http.StatusTeapot) // too late, as with net/http
			_, _ = io.WriteString(w, "taken")
		})
		if out.StatusCode != 202 || out.Body != "taken" || out.IsBase64Encoded ||
			out.Headers["allow"] != "GET,POST" {
			t.Errorf("%s: %+v", name, out)
		}
	}
}

func TestHTTPAnswers(t *testing.T) {
	broken := func(_ http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err == nil {
			t.Errorf("a broken body is %q", body)
		}
	}
	serve(t, "not base64!", true, broken)
	unready := func(context.Context) (http.Handler, error) { return nil, errors.New("the secret is not there") }
	if out, err := aws.HTTP(unready, slog.New(slog.DiscardHandler))(t.Context(), events.APIGatewayV2HTTPRequest{}); err == nil ||
		out.Body != "" {
		t.Errorf("without a secret the function does not fail: %+v", out)
	}
	if out := serve(t, "", false, func(http.ResponseWriter, *http.Request) {}); out.StatusCode != 200 ||
		out.Body != "" {
		t.Errorf("nothing said: %+v", out)
	}
	raw := []byte{0xff, 0x00}
	out := serve(t, "", false, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(raw) })
	if got, err := base64.StdEncoding.DecodeString(out.Body); !out.IsBase64Encoded || err != nil ||
		!bytes.Equal(got, raw) {
		t.Errorf("bytes: %+v, %v", out, err)
	}
}
