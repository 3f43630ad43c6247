package intake_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firebreak-dev/firebreak/app/intake"
)

const (
	topic   = "arn:aws:sns:us-east-1:123456789012:alarms"
	certURL = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
)

// amazon signs as SNS does.
var amazon = sync.OnceValues(func() (*rsa.PrivateKey, []byte) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour * 24)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		panic(err)
	}
	return private, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
})

func notification() map[string]string {
	return map[string]string{
		"Type": "Notification", "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324", "TopicArn": topic, "Subject": "My First Message",
		"Message": "Hello \"world\" & others\nline two", "Timestamp": "2026-11-25T10:44:45.750Z", "SigningCertURL": certURL, "SignatureVersion": "2",
		"UnsubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe",
	}
}

func confirmation() map[string]string {
	m := notification()
	delete(m, "Subject")
	m["Type"], m["Token"], m["SubscribeURL"] = "SubscriptionConfirmation", "2336412f37", "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn="+topic+"&Token=2336412f37"
	return m
}

// signSNS signs what AWS documents for each type:
// https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message-verify-message-signature.html
func signSNS(m map[string]string) map[string]string {
	names := []string{"Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"}
	if m["Type"] != "Notification" {
		names = []string{"Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"}
	}
	var b strings.Builder
	for _, n := range names {
		if v, ok := m[n]; ok {
			b.WriteString(n + "\n" + v + "\n")
		}
	}
	private, _ := amazon()
	digest, hash := sha256.Sum256([]byte(b.String())), crypto.SHA256
	sum := digest[:]
	if m["SignatureVersion"] == "1" {
		old := sha1.Sum([]byte(b.String()))
		sum, hash = old[:], crypto.SHA1
	}
	signature, err := rsa.SignPKCS1v15(rand.Reader, private, hash, sum)
	if err != nil {
		panic(err)
	}
	m["Signature"] = base64.StdEncoding.EncodeToString(signature)
	return m
}

func snsSource(fetched *int) *intake.SNS {
	return &intake.SNS{Topics: []string{"arn:aws:sns:us-east-1:123456789012:other", topic}, Fetch: func(_ context.Context, url string) ([]byte, error) {
		if !strings.HasPrefix(url, "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-") {
			return nil, errors.New("an address that nobody should have asked")
		}
		*fetched++
		_, cert := amazon()
		return cert, nil
	}}
}

func readSNS(s *intake.SNS, m map[string]string, at time.Time) (intake.Result, error) {
	body, _ := json.Marshal(m)
	return s.Read(context.Background(), intake.Request{Header: http.Header{}, Body: body, Now: at})
}

func TestI1SNSSignatures(t *testing.T) {
	fetched := 0
	s := snsSource(&fetched)
	with := func(edit func(map[string]string)) map[string]string {
		m := notification()
		edit(m)
		return signSNS(m)
	}
	after := func(m map[string]string, name, value string) map[string]string {
		m[name] = value
		return m
	}
	for name, m := range map[string]map[string]string{
		"version 2":         signSNS(notification()),
		"version 1":         with(func(m map[string]string) { m["SignatureVersion"] = "1" }),
		"without a subject": with(func(m map[string]string) { delete(m, "Subject") }),
		"an empty subject":  with(func(m map[string]string) { m["Subject"] = "" }),
	} {
		result, err := readSNS(s, m, now)
		if err != nil || len(result.Signals) != 1 || result.Signals[0].Trust != intake.Verified {
			t.Errorf("%s: %v, %+v", name, err, result)
		}
	}
	if fetched != 1 {
		t.Errorf("the certificate was fetched %d times, want once", fetched)
	}
	for name, m := range map[string]map[string]string{
		"another message":            after(signSNS(notification()), "Message", "something else"),
		"a subject added":            after(with(func(m map[string]string) { delete(m, "Subject") }), "Subject", "x"),
		"another topic":              with(func(m map[string]string) { m["TopicArn"] = topic + "2" }),
		"a topic put in its place":   after(with(func(m map[string]string) { m["TopicArn"] = topic + "2" }), "TopicArn", topic),
		"signed as version 1":        after(with(func(m map[string]string) { m["SignatureVersion"] = "1" }), "SignatureVersion", "2"),
		"version 3":                  after(signSNS(notification()), "SignatureVersion", "3"),
		"no signature":               after(signSNS(notification()), "Signature", ""),
		"a signature that isn't one": after(signSNS(notification()), "Signature", "%%"),
		"a certificate by http":      with(func(m map[string]string) { m["SigningCertURL"] = "http" + certURL[5:] }),
		"of another host": with(func(m map[string]string) {
			m["SigningCertURL"] = "https://sns.us-east-1.amazonaws.com.evil.example/x.pem"
		}),
		"of another Amazon service": with(func(m map[string]string) { m["SigningCertURL"] = "https://evil.s3.amazonaws.com/x.pem" }),
		"of a host with a user": with(func(m map[string]string) {
			m["SigningCertURL"] = "https://sns.us-east-1.amazonaws.com@evil.example/x.pem"
		}),
		"of a port":      with(func(m map[string]string) { m["SigningCertURL"] = "https://sns.us-east-1.amazonaws.com:8443/x.pem" }),
		"no certificate": with(func(m map[string]string) { m["SigningCertURL"] = "https://sns.us-east-1.amazonaws.com/x" }),
		"another path":   with(func(m map[string]string) { m["SigningCertURL"] = "https://sns.us-east-1.amazonaws.com/x.pem" }),
		"a longer path": with(func(m map[string]string) {
			m["SigningCertURL"] = strings.Replace(certURL, ".com/", ".com/a/../", 1)
		}),
		"a query":    with(func(m map[string]string) { m["SigningCertURL"] = certURL + "?x=.pem" }),
		"a fragment": with(func(m map[string]string) { m["SigningCertURL"] = certURL + "#.pem" }),
		"no region":  with(func(m map[string]string) { m["SigningCertURL"] = strings.Replace(certURL, ".us-east-1.", ".x.", 1) }),
		"a bucket's region": with(func(m map[string]string) {
			m["SigningCertURL"] = strings.Replace(certURL, ".us-east-1.", ".us-east-1.s3.", 1)
		}),
		"a line behind it": with(func(m map[string]string) { m["SigningCertURL"] = certURL + "\n" }),
		"capital letters":  with(func(m map[string]string) { m["SigningCertURL"] = strings.Replace(certURL, "https", "HTTPS", 1) }),
		"a backslash": with(func(m map[string]string) {
			m["SigningCertURL"] = strings.Replace(certURL, ".com/", ".com\\@evil.example/", 1)
		}),
		"letters of another script": with(func(m map[string]string) {
			m["SigningCertURL"] = strings.Replace(certURL, "amazonaws", "am\u0430zonaws", 1)
		}),
		"too old":       with(func(m map[string]string) { m["Timestamp"] = "2026-11-25T09:44:45.750Z" }),
		"of the future": with(func(m map[string]string) { m["Timestamp"] = "2026-11-25T10:50:45.750Z" }),
		"of no time":    with(func(m map[string]string) { m["Timestamp"] = "now" }),
	} {
		if result, err := readSNS(s, m, now); err == nil || kind(t, err) != intake.Rejected {
			t.Errorf("%s: %v, %+v", name, err, result)
		}
	}
	if _, err := readSNS(s, after(signSNS(notification()), "Timestamp", "2026-11-25T10:44:45.75Z"), now); err == nil {
		t.Error("a timestamp that was written again is taken")
	}
	if _, err := readSNS(s, signSNS(notification()), now.Add(25*time.Hour)); err == nil || kind(t, err) != intake.Rejected {
		t.Errorf("an expired certificate: %v", err)
	}
}

// SNS tries again after a 5xx, so what keeps us from the certificate is our fault and not the
// sender's.
func TestI1SNSCertificatesThatCannotBeHad(t *testing.T) {
	for name, fetch := range map[string]func(context.Context, string) ([]byte, error){
		"no answer": func(context.Context, string) ([]byte, error) { return nil, errors.New("no route") },
		"no PEM":    func(context.Context, string) ([]byte, error) { return []byte("<html>"), nil },
		"no certificate": func(context.Context, string) ([]byte, error) {
			return []byte("-----BEGIN X-----\nAAAA\n-----END X-----\n"), nil
		},
	} {
		s := &intake.SNS{Topics: []string{topic}, Fetch: fetch}
		if _, err := readSNS(s, signSNS(notification()), now); err == nil || kind(t, err) != intake.Ours {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, address := range []string{"https://127.0.0.1/x.pem", "http://sns.us-east-1.amazonaws.com/x.pem", "file:///etc/passwd"} {
		if _, err := intake.Fetch(context.Background(), address); err == nil || !strings.Contains(err.Error(), "not an address of Amazon") {
			t.Errorf("%s is fetched: %v", address, err)
		}
	}
}

// Whatever addresses of certificates strangers name, few are asked for, and those that are known
// need none.
func TestI1FewCertificatesAreFetched(t *testing.T) {
	fetched := 0
	s := snsSource(&fetched)
	if _, err := readSNS(s, signSNS(notification()), now); err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		m := signSNS(notification())
		m["SigningCertURL"] = fmt.Sprintf("https://sns.us-east-1.amazonaws.com/SimpleNotificationService-%032x.pem", i)
		m["Message"] = "forged" // the signature does not fit
		_, _ = readSNS(s, m, now)
	}
	if fetched > 10 {
		t.Errorf("%d certificates were fetched", fetched)
	}
	if _, err := readSNS(s, signSNS(notification()), now); err != nil {
		t.Errorf("with the certificate that is known: %v", err)
	}
	at := now.Add(2 * time.Minute)
	m := notification()
	m["Timestamp"], m["SigningCertURL"] = at.Format(time.RFC3339), fmt.Sprintf("https://sns.us-east-1.amazonaws.com/SimpleNotificationService-%032x.pem", 5000)
	if _, err := readSNS(s, signSNS(m), at); err != nil {
		t.Errorf("later: %v", err)
	}
}

func TestI1SubscriptionsAreConfirmedForAllowedTopicsOnly(t *testing.T) {
	fetched := 0
	s := snsSource(&fetched)
	result, err := readSNS(s, signSNS(confirmation()), now)
	if err != nil || result.Confirm != confirmation()["SubscribeURL"] || len(result.Signals) > 0 {
		t.Errorf("an allowed topic: %v, %+v", err, result)
	}
	for name, edit := range map[string]func(map[string]string){
		"another topic":      func(m map[string]string) { m["TopicArn"] = topic + "2" },
		"another host":       func(m map[string]string) { m["SubscribeURL"] = "https://evil.example/?Action=ConfirmSubscription" },
		"a metadata service": func(m map[string]string) { m["SubscribeURL"] = "http://169.254.169.254/latest/meta-data" },
		"another action": func(m map[string]string) {
			m["SubscribeURL"] = strings.Replace(m["SubscribeURL"], "ConfirmSubscription", "Unsubscribe", 1)
		},
		"two actions":      func(m map[string]string) { m["SubscribeURL"] += "&Action=Publish" },
		"of another topic": func(m map[string]string) { m["SubscribeURL"] = strings.Replace(m["SubscribeURL"], topic, topic+"2", 1) },
		"of another region": func(m map[string]string) {
			m["SubscribeURL"] = strings.Replace(m["SubscribeURL"], "sns.us-east-1", "sns.eu-west-1", 1)
		},
		"with a port": func(m map[string]string) {
			m["SubscribeURL"] = strings.Replace(m["SubscribeURL"], ".com/", ".com:443/", 1)
		},
		"with a user": func(m map[string]string) {
			m["SubscribeURL"] = strings.Replace(m["SubscribeURL"], "https://", "https://a@", 1)
		},
	} {
		m := confirmation()
		edit(m)
		if result, err := readSNS(s, signSNS(m), now); err == nil || result.Confirm != "" {
			t.Errorf("%s: %v, %+v", name, err, result)
		}
	}
	// A token isn't a signature of Amazon's.
	body, _ := json.Marshal(confirmation())
	if result, err := sources()["sns"].Read(context.Background(), intake.Request{Header: bearer("now"), Body: body, Now: now}); err == nil || result.Confirm != "" {
		t.Errorf("with a token only: %v, %+v", err, result)
	}
	m := confirmation()
	m["Type"] = "UnsubscribeConfirmation"
	if result, err := readSNS(s, signSNS(m), now); err != nil || result.Confirm != "" {
		t.Errorf("the end of a subscription: %v, %+v", err, result)
	}
}

func TestI6AnAlarmAndItsEndMeet(t *testing.T) {
	alarm, event := example(t, "alarm.json"), example(t, "eventbridge.json")
	over := strings.NewReplacer(`"NewStateValue": "ALARM"`, `"NewStateValue": "OK"`, "10:41:40", "10:43:40")
	fires, ends := signal(t, "sns", snsNotification(alarm)), signal(t, "sns", snsNotification(over.Replace(alarm)))
	if !fires.Firing || ends.Firing || fires.DedupKey != ends.DedupKey || fires.Event == ends.Event {
		t.Errorf("an alarm returns %+v\nand its end %+v", fires, ends)
	}
	if both := signal(t, "eventbridge", event); both.DedupKey != fires.DedupKey || both.Event != fires.Event {
		t.Errorf("the same alarm by EventBridge has the key %q and the event %q", both.DedupKey, both.Event)
	}
	if s := signal(t, "eventbridge", strings.Replace(event, `"value": "ALARM"`, `"value": "OK"`, 1)); s.Firing {
		t.Error("the end of an alarm fires")
	}
	if result := mustRead(t, "eventbridge", strings.Replace(event, `"value": "ALARM"`, `"value": "INSUFFICIENT_DATA"`, 1)); len(result.Signals) > 0 {
		t.Errorf("a new alarm without data returns %+v", result.Signals)
	}
}

func TestI1OtherMessagesAndEvents(t *testing.T) {
	if s := signal(t, "sns", snsNotification("The backup failed\nfor eu-1")); s.Source != "sns" || s.Title != "ALARM" || s.Text != "The backup failed\nfor eu-1" || !s.Firing {
		t.Errorf("a message in words returns %+v", s)
	}
	health := `{"id":"7","source":"aws.health","detail-type":"AWS Health Event","region":"eu-west-1","account":"1","time":"2026-11-25T10:41:40Z","resources":[],"detail":{"service":"EC2"}}`
	if s := signal(t, "eventbridge", health); s.Source != "eventbridge" || s.Title != "AWS Health Event" || s.Labels["source"] != "aws.health" || !strings.Contains(s.Text, `"service": "EC2"`) || s.DedupKey != "eventbridge:aws.health/AWS Health Event/7" {
		t.Errorf("an event of another service returns %+v", s)
	}
}
