package intake_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/intake"
)

// What Amazon SES says of a mail that it sent is a delivery report, by whichever way it comes, and no
// incident (K12).
func TestK12SESReportsAreDeliveryReports(t *testing.T) {
	const tag = "0123456789abcdef0123456789abcdef"
	const mail = `"mail":{"messageId":"m1","timestamp":"2026-11-25T10:41:02.028Z","destination":["gina@globex.example"],"headers":[{"name":"Date","value":"Wed, 25 Nov 2026 10:41:00 +0000"},{"name":"References","value":"<` + tag + `@acme.example>"}]}`
	to := func(why string, isDelayed bool) []intake.Undelivered {
		return []intake.Undelivered{{Addresses: []string{"gina@globex.example"}, Why: why, Delayed: isDelayed}}
	}
	for name, c := range map[string]struct {
		report string
		want   []intake.Undelivered
	}{
		"a bounce":               {`"notificationType":"Bounce","bounce":{"bounceType":"Permanent","bouncedRecipients":[{"emailAddress":"Gina@globex.example","action":"failed","status":"5.1.1","diagnosticCode":"smtp; 550 no such user"}]}`, to("550 no such user", false)},
		"a bounce, as an event":  {`"eventType":"Bounce","bounce":{"bounceType":"Permanent","bouncedRecipients":[{"emailAddress":"Gina <gina@globex.example>"}]}`, to("Permanent", false)},
		"a full mailbox":         {`"notificationType":"Bounce","bounce":{"bounceType":"Transient","bounceSubType":"MailboxFull","bouncedRecipients":[{"emailAddress":"gina@globex.example"}]}`, to("Transient", false)},
		"perhaps out of office":  {`"notificationType":"Bounce","bounce":{"bounceType":"Transient","bounceSubType":"General","bouncedRecipients":[{"emailAddress":"gina@globex.example"}]}`, nil},
		"a delay":                {`"eventType":"DeliveryDelay","deliveryDelay":{"delayType":"MailboxFull","delayedRecipients":[{"emailAddress":"gina@globex.example","status":"4.2.2"}]}`, to("4.2.2", true)},
		"a virus":                {`"eventType":"Reject","reject":{"reason":"Bad content"}`, to("Bad content", false)},
		"it arrived":             {`"notificationType":"Delivery","delivery":{"recipients":["gina@globex.example"]}`, nil},
		"a complaint":            {`"notificationType":"Complaint","complaint":{"complainedRecipients":[{"emailAddress":"gina@globex.example"}]}`, nil},
		"fields of other kinds":  {`"notificationType":"Bounce","bounce":{"bounceType":1,"bouncedRecipients":"gina@globex.example"}`, nil},
		"an address in brackets": {`"notificationType":"Bounce","bounce":{"bounceType":"Permanent","bouncedRecipients":[{"emailAddress":"<gina@globex.example>","status":"5.0.0"}]}`, to("5.0.0", false)},
	} {
		report := "{" + c.report + "," + mail + "}"
		envelope, err := json.Marshal(map[string]string{"Type": "Notification", "MessageId": "n", "Message": report})
		if err != nil {
			t.Fatal(err)
		}
		for way, body := range map[string][2]string{
			"by SNS": {"sns", string(envelope)}, "posted": {"email", report},
			"by EventBridge": {"eventbridge", fmt.Sprintf(`{"id":"e","source":"aws.ses","detail-type":"Email Bounced","detail":%s}`, report)},
		} {
			s := serve(nil).signal(t, body[0], body[1])
			if s.Bounce == nil {
				t.Errorf("%s %s: no delivery report, but %q", name, way, s.Title)
				continue
			}
			want := intake.Bounce{Sent: time.Date(2026, 11, 25, 10, 41, 0, 0, time.UTC), Undelivered: c.want}
			if d := cmp.Diff(want, *s.Bounce); d != "" {
				t.Errorf("%s %s (-want +got):\n%s", name, way, d)
			}
			if len(s.Thread.Tags) != 1 || s.Thread.Tags[0] != tag {
				t.Errorf("%s %s: the tags are %q", name, way, s.Thread.Tags)
			}
		}
	}
	for name, body := range map[string]string{
		"a mail":      `{"notificationType":"Received","mail":{"messageId":"m"},"content":"Subject: x\n\ny"}`,
		"no mail":     `{"notificationType":"Bounce"}`,
		"of no kind":  `{"mail":{"messageId":"m"}}`,
		"other words": `{"eventType":"PutObject","mail":{"messageId":"m"}}`,
	} {
		if s := serve(nil).signal(t, "email", body); s.Bounce != nil {
			t.Errorf("%s is a delivery report", name)
		}
	}
}
