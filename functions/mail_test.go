package functions_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/firebreak-dev/firebreak/functions/lambdatest"
)

// received is the event with which Amazon SES invokes a function, as its documentation shows it.
// https://docs.aws.amazon.com/ses/latest/dg/receiving-email-action-lambda-event.html
func received(id, subject string, verdicts map[string]string) json.RawMessage {
	verdict := func(name string) string {
		if v, ok := verdicts[name]; ok {
			return v
		}
		return "PASS"
	}
	return json.RawMessage(fmt.Sprintf(`{"Records":[{"eventSource":"aws:ses","eventVersion":"1.0","ses":{
		"mail":{"timestamp":"2026-03-02T10:40:00.000Z","source":"gina@globex.example","messageId":%[1]q,"destination":["p1@acme.example"],"headersTruncated":false,
			"headers":[{"name":"From","value":"Gina <gina@globex.example>"},{"name":"Subject","value":%[2]q},{"name":"Message-ID","value":"<%[1]s@globex.example>"}],
			"commonHeaders":{"returnPath":"gina@globex.example","from":["Gina <gina@globex.example>"],"date":"Mon, 2 Mar 2026 10:39:58 +0000","to":["p1@acme.example"],
				"messageId":"<%[1]s@globex.example>","subject":%[2]q}},
		"receipt":{"timestamp":"2026-03-02T10:40:00.000Z","processingTimeMillis":574,"recipients":["p1@acme.example"],"spamVerdict":{"status":%[3]q},"virusVerdict":{"status":%[4]q},
			"spfVerdict":{"status":%[5]q},"dkimVerdict":{"status":%[6]q},"dmarcVerdict":{"status":%[7]q},
			"action":{"type":"Lambda","functionArn":"arn:aws:lambda:eu-central-1:123456789012:function:intake","invocationType":"Event"}}}}]}`,
		id, subject, verdict("spam"), verdict("virus"), verdict("spf"), verdict("dkim"), verdict("dmarc")))
}

// stored is what SES stores of the mail.
func stored(id, subject, text string) []byte {
	return []byte("From: Gina <gina@globex.example>\r\nTo: p1@acme.example\r\nSubject: " + subject +
		"\r\nMessage-ID: <" + id + "@globex.example>\r\n" +
		"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\n" + text +
		"\r\n--x\r\nContent-Type: application/zip\r\nContent-Disposition: attachment; " +
		"filename=log.zip\r\n\r\nPK\r\n--x--\r\n")
}

// Mails reach the function by Amazon SES, and it reads them where SES stored them.
func TestI1AMailOnAWS(t *testing.T) {
	s := newStack(t, settings{})
	take := func(event json.RawMessage) error {
		t.Helper()
		err := s.intake.Invoke(t.Context(), event, nil)
		s.settle()
		return err
	}
	text := func(number int) string {
		t.Helper()
		var issue struct{ Title, Body string }
		s.as("alice", "GET", fmt.Sprintf("%s/%d", issues, number), nil, &issue)
		return issue.Title + "\n" + issue.Body
	}
	all := func(status string) map[string]string {
		return map[string]string{"spam": status, "virus": status, "spf": status, "dkim": status,
			"dmarc": status}
	}
	put := func(id, subject, words string) {
		s.aws.PutObject("firebreak-mails", "mail/"+id, stored(id, subject, words))
	}

	put("one", "Nothing works", "Join https://zoom.us/j/123\r\n/ic close @carol")
	for range 2 { // SES invokes at least once
		if err := take(received("one", "Nothing works", nil)); err != nil {
			t.Fatal(err)
		}
	}
	if calls := strings.Join(s.aws.Calls(), " "); !strings.Contains(calls, "GetObject") {
		t.Errorf("it asks for %s", calls)
	}
	if n := len(s.incidents()); n != 1 {
		t.Fatalf("%d incidents\n%s\n%s", n, s.intake.Log(), s.worker.Log())
	}
	// the coordinators are asked (I7)
	if said := s.view(1).Comments; len(said) != 1 || !strings.Contains(said[0], "Nobody has taken it yet") {
		t.Errorf("the mail that came twice is told again: %q", said)
	}
	first := text(1)
	contains(t, "a mail that is vouched for", first, "Nothing works",
		"Reported by **Email**. Nobody has confirmed it yet", "`https://zoom.us/j/123`", "`log.zip`")
	if strings.Contains(first, "\n/ic close") || strings.Contains(first, " @carol") {
		t.Errorf("what the mail says acts:\n%s", first)
	}

	put("two", "URGENT", "It burns")
	if err := take(received("two", "URGENT", all("PROCESSING_FAILED"))); err != nil {
		t.Fatal(err)
	}
	contains(t, "a mail that fails every check", text(2), "URGENT", "the sender is unverified", "> It burns")

	put("three", "Invoice", "Open the attachment")
	if err := take(received("three", "Invoice", all("FAIL"))); err != nil {
		t.Fatal(err)
	}
	virus := text(3)
	contains(t, "a mail with a virus", virus, "Invoice", "the sender is unverified", "found a virus",
		"gina@globex.example")
	if strings.Contains(virus, "Open the attachment") || strings.Contains(virus, "log.zip") {
		t.Errorf("a mail with a virus shows\n%s", virus)
	}

	// What is ours to fail is an error, so that Lambda tries again, and nothing is lost or told twice.
	put("four", "Again", "It is slow")
	s.aws.Refuse("GetObject", "AccessDenied")
	var failed *lambdatest.Error
	if err := take(received("four", "Again", nil)); !errors.As(err, &failed) ||
		!strings.Contains(failed.Message, "s3://firebreak-mails/mail/four") {
		t.Errorf("S3 refuses, and the function says %v", err)
	}
	contains(t, "the log", s.intake.Log(), `"a signal was refused"`, `"source":"email"`)
	s.aws.Refuse("GetObject", "")
	if err := take(received("four", "Again", nil)); err != nil {
		t.Fatal(err)
	}
	contains(t, "a mail at the second try", text(4), "Again", "> It is slow")

	if err := take(received("five", "Gone by now", nil)); err != nil {
		t.Fatal(err)
	}
	contains(t, "a mail whose object is gone", text(5), "Gone by now", "did not come along")
	if n := len(s.incidents()); n != 5 {
		t.Errorf("%d incidents", n)
	}
}
