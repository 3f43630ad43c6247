package intake

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/emersion/go-message"
	mailheader "github.com/emersion/go-message/mail"
)

// sesReport is what Amazon SES publishes about a mail that was sent by it, as a notification or as
// an event. It names the incident only if SES is told to include the mail's original headers.
// https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html
// https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
type sesReport struct {
	Notification string `json:"notificationType"`
	Event        string `json:"eventType"`
	Mail         struct {
		MessageID   string   `json:"messageId"`
		Timestamp   string   `json:"timestamp"`
		Destination []string `json:"destination"`
		Headers     []struct {
			Name  string `json:"name"`
			Value string `json:"value"`
		} `json:"headers"`
	} `json:"mail"`
	Bounce struct {
		Type       string         `json:"bounceType"`
		SubType    string         `json:"bounceSubType"`
		Recipients []sesRecipient `json:"bouncedRecipients"`
	} `json:"bounce"`
	Delay struct {
		Type       string         `json:"delayType"`
		Recipients []sesRecipient `json:"delayedRecipients"`
	} `json:"deliveryDelay"`
	Reject struct {
		Reason string `json:"reason"`
	} `json:"reject"`
}

type sesRecipient struct {
	Address    string `json:"emailAddress"`
	Status     string `json:"status"`
	Diagnostic string `json:"diagnosticCode"`
}

// sesReports are the kinds of reports about a mail that was sent. Those that say nothing of a mail
// that did not arrive are known so that none of them opens an incident.
var sesReports = []string{"Bounce", "Complaint", "Delivery", "Send", "Reject", "Open", "Click",
	"Rendering Failure", "DeliveryDelay", "Subscription"}

// readSESReport reads what SES says of a mail that was sent; ok is false if it isn't one.
func readSESReport(body []byte, trust Trust) (s Signal, ok bool) {
	var r sesReport
	if err := decode(body, &r); err != nil {
		return s, false
	}
	kind := cmp.Or(r.Event, r.Notification)
	if r.Mail.MessageID == "" || !slices.Contains(sesReports, kind) {
		return s, false
	}

	sent := r.original()
	b := Bounce{Sent: cmp.Or(sent.date.UTC(), parseTime(r.Mail.Timestamp))}
	switch {
	case kind == "Bounce" && !r.isAnswer():
		b.add(r.Bounce.Recipients, r.Bounce.Type, false)
	case kind == "DeliveryDelay":
		b.add(r.Delay.Recipients, r.Delay.Type, true)
	case kind == "Reject":
		for _, to := range r.Mail.Destination {
			b.add([]sesRecipient{{Address: to}}, cmp.Or(r.Reject.Reason, "Amazon SES rejected it"), false)
		}
	}
	return Signal{
		Source: "email", DedupKey: key("ses", r.Mail.MessageID), Event: digest(string(body)), Firing: true,
		Title: "Amazon SES: " + kind, Trust: trust, Labels: map[string]string{}, Bounce: &b,
		Thread: Thread{Tags: append(sent.tags(), tagsOfID(sent.id)...)},
	}, true
}

// isAnswer reports whether a bounce may be an out-of-office note, which SES takes for one that
// passes.
func (r sesReport) isAnswer() bool {
	hasStatus := slices.ContainsFunc(r.Bounce.Recipients,
		func(to sesRecipient) bool { return to.Status != "" || to.Diagnostic != "" })
	return r.Bounce.Type == "Transient" && r.Bounce.SubType == "General" && !hasStatus
}

// original returns the head of the mail that the report is about.
func (r sesReport) original() (m mail) {
	var b strings.Builder
	for _, h := range r.Mail.Headers[:min(len(r.Mail.Headers), maxParts)] {
		b.WriteString(h.Name + ": " + strings.NewReplacer("\r", "", "\n", " ").Replace(h.Value) + "\r\n")
	}
	e, _ := message.ReadWithOptions(bytes.NewReader([]byte(b.String()+"\r\n")),
		&message.ReadOptions{MaxHeaderBytes: maxMailHead})
	if e == nil {
		return m
	}
	head := mailheader.Header{Header: e.Header}
	m.head(head)
	m.addReplyTo(head)
	return m
}

// add notes whom a mail did not reach.
func (b *Bounce) add(recipients []sesRecipient, kind string, isDelayed bool) {
	for _, to := range recipients {
		if to.Address == "" || len(b.Undelivered) == maxUndelivered {
			continue
		}
		address := to.Address
		if _, inBrackets, ok := strings.Cut(strings.TrimSuffix(address, ">"), "<"); ok {
			address = inBrackets
		}
		_, why, ok := strings.Cut(to.Diagnostic, ";")
		if !ok {
			why = to.Diagnostic
		}
		b.Undelivered = append(b.Undelivered, Undelivered{
			Addresses: []string{line(strings.ToLower(address), maxWord)},
			Why:       line(cmp.Or(strings.TrimSpace(why), to.Status, kind), maxWord), Delayed: isDelayed,
		})
	}
}
