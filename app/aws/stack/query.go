package stack

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// service is one of AWS's that takes a form and answers with XML. The SDK has a client for each: four modules more, and
// 2 MB in the binary, for five operations.
type service struct{ host, signedFor, version string }

var (
	cloudFormation = service{"cloudformation", "cloudformation", "2010-05-15"}
	cloudWatch     = service{"monitoring", "monitoring", "2010-08-01"}
	sns            = service{"sns", "sns", "2010-03-31"}
	ses            = service{"email", "ses", "2010-12-01"}
)

// maxAnswer bounds an answer.
const maxAnswer = 8 << 20

// Error is a refusal of AWS's.
type Error struct{ Action, Code, Message string }

func (e *Error) Error() string {
	return fmt.Sprintf("AWS refused %s: %s: %s", e.Action, e.Code, e.Message)
}

// query calls an operation and decodes its result.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/making-api-requests.html
func (s *Stack) query(ctx context.Context, of service, action string, params url.Values, result any) error {
	form := url.Values{"Action": {action}, "Version": {of.version}}
	for name, values := range params {
		form[name] = values
	}
	body := []byte(form.Encode())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.endpoint(of), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	credentials, err := s.Config.Credentials.Retrieve(ctx)
	if err != nil {
		return fmt.Errorf("%s needs credentials of AWS's, as `aws sts get-caller-identity` does: %w", action, err)
	}
	sum := sha256.Sum256(body)
	err = v4.NewSigner().SignHTTP(ctx, credentials, r, hex.EncodeToString(sum[:]), of.signedFor, s.Config.Region,
		time.Now())
	if err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	client := &http.Client{Timeout: 30 * time.Second}
	answer, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	if answer.StatusCode != http.StatusOK {
		var refusal struct {
			Error struct{ Code, Message string }
		}
		if err := xml.Unmarshal(text, &refusal); err != nil || refusal.Error.Code == "" {
			return fmt.Errorf("%s: %s answers %s", action, r.URL.Host, answer.Status)
		}
		return &Error{action, refusal.Error.Code, refusal.Error.Message}
	}
	if err := xml.Unmarshal(text, result); err != nil {
		return fmt.Errorf("%s: the answer of %s can't be read: %w", action, r.URL.Host, err)
	}
	return nil
}

func (s *Stack) endpoint(of service) string {
	if s.Config.BaseEndpoint != nil {
		return *s.Config.BaseEndpoint + "/"
	}
	suffix := "amazonaws.com"
	if strings.HasPrefix(s.Config.Region, "cn-") {
		suffix += ".cn"
	}
	return "https://" + of.host + "." + s.Config.Region + "." + suffix + "/"
}
