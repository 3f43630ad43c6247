package aws

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
)

// HTTP serves the events of an HTTP API (payload format 2.0), which are those of a function URL
// too, by a handler that is asked for at each request, since its secrets may have changed. Without
// a handler the function fails, which its alarm counts, and the HTTP API answers 500: GitHub lists such a
// delivery as failed, and the sweep asks for it again. What is larger than 6 MB reaches no function, and of the events
// that matter none comes near.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
func HTTP(handler func(context.Context) (http.Handler, error),
	log *slog.Logger) func(context.Context,
	events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
	return func(ctx context.Context, e events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse,
		error) {
		w := &answer{head: http.Header{}}
		r, err := request(ctx, e)
		if err != nil {
			http.Error(w, "the request can't be read", http.StatusBadRequest)
			return w.event(), nil
		}
		h, err := handler(ctx)
		if err != nil {
			log.Error("the function is not ready", "err", err)
			return events.APIGatewayV2HTTPResponse{}, fmt.Errorf("the function is not ready: %w", err)
		}
		h.ServeHTTP(w, r)
		return w.event(), nil
	}
}

func request(ctx context.Context, e events.APIGatewayV2HTTPRequest) (*http.Request, error) {
	// What headers turn away is never decoded.
	var body io.Reader = strings.NewReader(e.Body)
	length := len(e.Body)
	if e.IsBase64Encoded {
		body = base64.NewDecoder(base64.StdEncoding, body)
		length = len(strings.TrimRight(e.Body, "=")) * 3 / 4
	}
	url := e.RawPath
	if e.RawQueryString != "" {
		url += "?" + e.RawQueryString
	}
	r, err := http.NewRequestWithContext(ctx, e.RequestContext.HTTP.Method, url, body)
	if err != nil {
		return nil, err
	}
	r.ContentLength = int64(length)
	for name, value := range e.Headers {
		r.Header.Set(name, value) // several values of one name come joined
	}
	r.Host, r.RemoteAddr = r.Header.Get("Host"), e.RequestContext.HTTP.SourceIP
	return r, nil
}

// answer is what a handler writes.
type answer struct {
	head   http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.head }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

func (a *answer) event() events.APIGatewayV2HTTPResponse {
	a.WriteHeader(http.StatusOK)
	e := events.APIGatewayV2HTTPResponse{StatusCode: a.status, Headers: map[string]string{},
		Body: a.body.String()}
	for name, values := range a.head {
		e.Headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	if !utf8.ValidString(e.Body) {
		e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(a.body.Bytes()), true
	}
	return e
}
