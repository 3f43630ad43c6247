package github

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v60/github"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
)

// answered is the error that go-github makes of an answer.
func answered(status int, message string) error {
	return &github.ErrorResponse{Message: message, Response: &http.Response{StatusCode: status,
		Request: &http.Request{Method: "GET", URL: &url.URL{Path: "/x"}}}}
}

// minted is the error that ghinstallation makes of an answer to a request for a token; status 0:
// there was none.
func minted(status int, message string) error {
	e := &ghinstallation.HTTPError{Message: "no token"}
	if status != 0 {
		body := fmt.Sprintf(`{"message":%q}`, message)
		e.Response = &http.Response{StatusCode: status, Status: http.StatusText(status),
			Body: io.NopCloser(strings.NewReader(body))}
	} else {
		e.RootCause = &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	}
	return &url.Error{Op: "Get", URL: "x",
		Err: fmt.Errorf("could not refresh installation id 1's token: %w", e)}
}

// Every failure on each leg of the way to GitHub has one class.
func TestClassify(t *testing.T) {
	network := &url.Error{Op: "Get", URL: "x", Err: &net.DNSError{Err: "no such host"}}
	for _, tt := range []struct {
		name   string
		err    error
		want   class
		reason string // part of it
	}{
		{"DNS", network, classAway, ""},
		{"a timeout", &url.Error{Op: "Get", URL: "x", Err: context.DeadlineExceeded}, classAway, ""},
		{"TLS", &url.Error{Op: "Get", URL: "x", Err: errors.New("tls: failed to verify certificate")},
			classAway, ""},
		{"a proxy's page", errors.New("invalid character '<' looking for beginning of value"), classAway, ""},
		{"the key can't sign", fmt.Errorf("sign the App's token: %w", errors.New("KMS is out")), classAway,
			""},
		{"we give up", &url.Error{Op: "Get", URL: "x", Err: context.Canceled}, classOurs, ""},
		{"a limit", fmt.Errorf("x: %w", &ports.RetryAfter{Err: ports.ErrLimited}), classLimited, ""},
		{"a limit where the token is renewed",
			&ghinstallation.HTTPError{RootCause: &ports.RetryAfter{Err: ports.ErrLimited}}, classLimited, ""},

		{"401 of the key", answered(401, "A JSON web token could not be decoded"), classAway,
			"FIREBREAK_APP_ID"},
		{"401 of the clock", answered(401,
			"'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"), classAway, "NTP"},
		{"401 of a token", answered(401, "Bad credentials"), classAway, "FIREBREAK_APP_ID"},
		{"408", answered(408, ""), classAway, ""},
		{"500", answered(500, ""), classAway, ""},
		{"502", answered(502, ""), classAway, ""},
		{"503", answered(503, ""), classAway, ""},
		{"400", answered(400, "Problems parsing JSON"), classRefused, "Problems"},
		{"403", answered(403, "Resource not accessible by integration"), classRefused, "not accessible"},
		{"403 of an allow list",
			answered(403, "Although you appear to have the correct authorization credentials, the `acme` organization has an IP allow list enabled"), classRefused, "IP allow list"},
		{"403 of a suspended installation", answered(403, "This installation has been suspended"),
			classLost, "suspended"},
		{"404", answered(404, "Not Found"), classRefused, "Not Found"},
		{"409", answered(409, "Git Repository is empty."), classRefused, "empty"},
		{"410", answered(410, "Issues are disabled for this repo"), classRefused, "disabled"},
		{"422", answered(422, "Validation Failed"), classRefused, "Validation"},
		{"451", answered(451, "Repository access blocked"), classRefused, "blocked"},

		{"no token: the network", minted(0, ""), classAway, ""},
		{"no token: 401", minted(401, "A JSON web token could not be decoded"), classAway,
			"FIREBREAK_APP_ID"},
		{"no token: 403 suspended", minted(403, "This installation has been suspended"), classLost,
			"suspended"},
		{"no token: 403", minted(403, "IP allow list"), classRefused, "IP allow list"},
		{"no token: 404", minted(404, "Not Found"), classLost, "not installed"},
		{"no token: 422 of a repository",
			minted(422, "There is at least one repository that does not exist or is not accessible to the parent installation."), classLost, "not given this repository"},
		{"no token: 422 of a permission",
			minted(422, "The permissions requested are not granted to this installation."), classLost, "permissions requested"},
		{"no token: 500", minted(500, ""), classAway, ""},
		{"no token: 503", minted(503, "Service unavailable"), classAway, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := classify(tt.err)
			if v.class != tt.want || !strings.Contains(v.reason, tt.reason) {
				t.Errorf("class %d, %q, want %d, %q", v.class, v.reason, tt.want, tt.reason)
			}
			err := describeError("read", "acme/incidents#1", tt.err)
			var refusal *ports.Refusal
			var later *ports.RetryAfter
			for class, is := range map[class]bool{classAway: errors.Is(err, ports.ErrUnavailable),
				classLimited: errors.As(err, &later),
				classRefused: errors.As(err, &refusal) &&
					!refusal.NotInstalled, classLost: errors.As(err, &refusal) && refusal.NotInstalled} {
				if is != (class == tt.want) {
					t.Errorf("the engine sees class %d in %v, want %d", class, err, tt.want)
				}
			}
		})
	}
}
