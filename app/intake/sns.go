package intake

import (
	"cmp"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/firebreak-dev/firebreak/app/lazily"
)

// SNS reads what Amazon SNS posts: alarms of CloudWatch's, mails of SES's, and other messages as
// they are.
// https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
type SNS struct {
	Secrets Secrets  // a token that is taken in place of the signature
	Topics  []string // ARNs of the topics that may speak by their signature
	Fetch   func(ctx context.Context, url string) ([]byte, error)

	mu      sync.Mutex
	certs   map[string]*x509.Certificate // by address
	fetched []time.Time                  // when certificates were asked for of late
}

// Name returns "sns".
func (s *SNS) Name() string { return "sns" }

// Early needs the token, or a topic that may speak, where SNS's header names it. Its signature is
// in the body.
// https://docs.aws.amazon.com/sns/latest/dg/http-header.html
func (s *SNS) Early(h http.Header, _ time.Time) error {
	if topic := h.Get("X-Amz-Sns-Topic-Arn"); topic != "" && !s.Secrets.token(h) &&
		!slices.Contains(s.Topics, topic) {
		return rejected("topic", "the topic is not an allowed one")
	}
	return nil
}

const (
	// snsWindow is longer than other sources': a retry carries the time of the first attempt, and
	// SNS retries by HTTPS for up to an hour.
	// https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
	snsWindow = time.Hour
	maxCerts  = 16
	// mostFetches is how many certificates are asked for in a minute, whatever addresses strangers
	// name: SNS has one for a region at a time.
	mostFetches = 10
)

// snsMessage is the envelope. The values are kept as they came, because they are what is signed.
type snsMessage struct {
	Type             string
	MessageID        string `json:"MessageId"`
	TopicArn         string
	Subject          *string
	Message          string
	Timestamp        string
	SignatureVersion string
	Signature        string
	SigningCertURL   string
	SubscribeURL     string
	Token            string
}

// Read returns the Signals of a notification, or the address that confirms a subscription.
func (s *SNS) Read(ctx context.Context, r Request) (Result, error) {
	known := s.Secrets.token(r.Header)
	if known && strings.EqualFold(r.Header.Get("X-Amz-Sns-Rawdelivery"), "true") {
		return Result{Signals: []Signal{sealed(r, rawMessage(r))}}, nil
	}
	// The signature is in the body, which therefore has to be read first; nothing else is made of
	// it.
	var m snsMessage
	if err := decode(r.Body, &m); err != nil && known {
		return Result{}, err
	} else if err != nil {
		return Result{}, rejected("signature", "there is no signature")
	}
	trust := Verified
	if err := s.verify(ctx, m, r.Now); err != nil && known {
		trust = SharedSecret
	} else if err != nil {
		return Result{}, err
	}
	switch m.Type {
	case "SubscriptionConfirmation":
		if trust != Verified || !isConfirmation(m.SubscribeURL, m.TopicArn) {
			return Result{}, rejected(
				"topic",
				"a subscription is confirmed only for an allowed topic, by an address of Amazon's",
			)
		}
		return Result{Confirm: m.SubscribeURL}, nil
	case "UnsubscribeConfirmation":
		return Result{}, nil
	case "Notification":
		return Result{Signals: []Signal{sealed(r, m.signal(trust))}}, nil
	}
	return Result{}, bad("not a message of SNS's: its Type is unknown")
}

// rawMessage reads a message that SNS delivers without its envelope, so that only the token
// verifies it. The headers say what the envelope would.
// https://docs.aws.amazon.com/sns/latest/dg/sns-large-payload-raw-message-delivery.html
func rawMessage(r Request) Signal {
	m := snsMessage{
		Type: "Notification", MessageID: r.Header.Get("X-Amz-Sns-Message-Id"),
		TopicArn: r.Header.Get("X-Amz-Sns-Topic-Arn"),
		Message:  string(r.Body),
	}
	m.MessageID = cmp.Or(m.MessageID, digest(m.Message))

	return m.signal(SharedSecret)
}

func (m snsMessage) signal(trust Trust) Signal {
	if s, ok := readAlarm(m.Message, trust); ok {
		return s
	}
	if s, ok := readNotification([]byte(m.Message)); ok {
		return s
	}
	if s, ok := readSESReport([]byte(m.Message), trust); ok {
		return s
	}
	subject := ""
	if m.Subject != nil {
		subject = *m.Subject
	}
	first, _, _ := strings.Cut(strings.TrimSpace(m.Message), "\n")
	return Signal{
		Source: "sns", DedupKey: key("sns", m.TopicArn, cmp.Or(subject, m.MessageID)),
		Event: m.MessageID, Firing: true, Trust: trust, Started: parseTime(m.Timestamp),
		Title: cmp.Or(subject, first), Text: m.Message, Labels: map[string]string{"topic": m.TopicArn},
	}
}

func (s *SNS) verify(ctx context.Context, m snsMessage, now time.Time) error {
	if !slices.Contains(s.Topics, m.TopicArn) {
		return rejected("topic", "the topic is not an allowed one")
	}
	if !isCertificate(m.SigningCertURL) {
		return rejected("certificate", "the certificate's address is not Amazon's")
	}
	signature, err := base64.StdEncoding.DecodeString(m.Signature)
	if err != nil {
		return rejected("signature", "the signature is not base64")
	}
	cert, err := s.certificate(ctx, m.SigningCertURL, now)
	if err != nil {
		return ours("certificate", "the certificate of SNS's can't be had: %w", err)
	}
	if now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
		return rejected("certificate", "the certificate is not valid now")
	}
	public, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok {
		return rejected("certificate", "the certificate holds no RSA key")
	}
	switch m.SignatureVersion {
	case "1":
		sum := sha1.Sum([]byte(m.signed()))
		err = rsa.VerifyPKCS1v15(public, crypto.SHA1, sum[:], signature)
	case "2":
		sum := sha256.Sum256([]byte(m.signed()))
		err = rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], signature)
	default:
		return rejected("signature", "the signature's version is neither 1 nor 2")
	}
	if err != nil {
		return rejected("signature", "the signature does not fit")
	}
	if at := parseTime(m.Timestamp); now.Sub(at) > snsWindow || at.Sub(now) > window {
		return rejected("timestamp", "the message is more than %s old, or of the future", snsWindow)
	}
	return nil
}

// signed returns the text that is signed: names and values by name, a line each.
func (m snsMessage) signed() string {
	t := "Message\n" + m.Message + "\nMessageId\n" + m.MessageID + "\n"
	if m.Type == "Notification" {
		if m.Subject != nil {
			t += "Subject\n" + *m.Subject + "\n"
		}
		return t + "Timestamp\n" + m.Timestamp + "\nTopicArn\n" + m.TopicArn + "\nType\n" + m.Type + "\n"
	}
	return t + "SubscribeURL\n" + m.SubscribeURL + "\nTimestamp\n" + m.Timestamp + "\nToken\n" + m.Token +
		"\nTopicArn\n" + m.TopicArn + "\nType\n" + m.Type + "\n"
}

// The addresses of SNS's, whole: a host of one region, and nothing that a parser could read in
// another way.
// https://docs.aws.amazon.com/general/latest/gr/sns.html
var (
	snsAddress = lazily.Compile(
		`^https://(sns\.[a-z]{2}(?:-[a-z]{1,12}){1,3}-[0-9]{1,2}\.amazonaws\.com(?:\.cn)?)/`,
	)
	certificateURL = lazily.Compile(
		snsAddress.String() + `SimpleNotificationService-[0-9a-f]{16,64}\.pem$`,
	)
	confirmURL = lazily.Compile(snsAddress.String() + `\?([A-Za-z0-9=&%:._~-]+)$`)
)

// isCertificate reports whether an address is one of SNS's certificates.
func isCertificate(s string) bool { return len(s) <= maxURL && certificateURL.MatchString(s) }

// isConfirmation reports whether an address confirms the subscription of a topic, and does nothing
// else: by SNS's API an address may delete one, too.
func isConfirmation(s, topic string) bool {
	m := confirmURL.FindStringSubmatch(s)
	if m == nil || len(s) > maxURL {
		return false
	}
	q, err := url.ParseQuery(m[2])
	if err != nil || len(q["Action"]) != 1 || len(q["TopicArn"]) != 1 {
		return false
	}
	return q.Get("Action") == "ConfirmSubscription" && q.Get("TopicArn") == topic &&
		strings.HasPrefix(m[1], "sns."+regionOf(topic)+".")
}

// regionOf returns the region in a topic's ARN, or "".
func regionOf(topic string) string {
	if parts := strings.Split(topic, ":"); len(parts) == 6 {
		return parts[3]
	}
	return ""
}

func (s *SNS) certificate(ctx context.Context, from string, now time.Time) (*x509.Certificate, error) {
	s.mu.Lock()
	cert := s.certs[from]
	s.mu.Unlock()
	if cert != nil {
		return cert, nil
	}
	if !s.mayFetch(now) {
		return nil, errors.New("so many were asked for that the next must wait")
	}
	body, err := s.Fetch(ctx, from)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(body)
	if block == nil {
		return nil, errors.New("what came is not PEM")
	}
	if cert, err = x509.ParseCertificate(block.Bytes); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.certs == nil || len(s.certs) >= maxCerts {
		s.certs = map[string]*x509.Certificate{}
	}
	s.certs[from] = cert
	return cert, nil
}

// mayFetch reports whether another certificate may be asked for now, and counts it.
func (s *SNS) mayFetch(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fetched = slices.DeleteFunc(
		s.fetched,
		func(at time.Time) bool { return now.Sub(at).Abs() > time.Minute },
	)
	if len(s.fetched) >= mostFetches {
		return false
	}
	s.fetched = append(s.fetched, now)
	return true
}

// fetcher follows no redirect: it would lead away from the address that was checked.
var fetcher = &http.Client{
	Timeout:       5 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// Fetch gets up to 64 KiB from an address of SNS's.
func Fetch(ctx context.Context, from string) ([]byte, error) {
	if len(from) > maxURL || !snsAddress.MatchString(from) {
		return nil, errors.New("not an address of Amazon SNS's")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, err
	}
	res, err := fetcher.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("SNS answers %s", res.Status)
	}
	return io.ReadAll(io.LimitReader(res.Body, 64<<10))
}
