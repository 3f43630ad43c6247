package intake

import (
	"bytes"
	"io"
	netmail "net/mail"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-message"
	mailheader "github.com/emersion/go-message/mail"

	"github.com/firebreak-dev/firebreak/app/lazily"
)

// Bounce is what a mail server says of a mail that it could not deliver, or could not deliver yet.
// One without Undelivered says nothing of interest, such as that a mail was delivered.
type Bounce struct {
	// Sent is the Date of the mail that was not delivered; zero: the report does not say.
	Sent        time.Time     `json:"sent,omitzero"`
	Undelivered []Undelivered `json:"undelivered,omitempty"`
}

// Undelivered is an address that a mail did not reach.
type Undelivered struct {
	Addresses []string `json:"addresses"`         // as it was written to, and what the server made of it
	Why       string   `json:"why"`               // in one line
	Delayed   bool     `json:"delayed,omitempty"` // the server is still trying
}

const maxUndelivered = 50

var (
	// failedLine names an address in a report of qmail, and the reason in the line below:
	// <gina@example.com>:
	failedLine = lazily.Compile(`(?m)^<([^<>\s]{1,200}@[^<>\s]{1,200})>:[ \t]*(?:\r?\n)?(.*)$`)
	// copiedHeader is a header of the mail that was not delivered, where the report holds it as
	// text.
	copiedHeader = lazily.Compile(
		`(?im)^[> \t]*(references|in-reply-to|reply-to|message-id|date):[ \t]*(.{1,1000})$`,
	)
)

// report is what is read of a report about deliveries.
type report struct {
	Bounce
	status bool // it has a machine-readable part
	copied bool // and a copy of the mail, or of its head
	tags   []string
	parts  int
}

// readBounce returns what a mail says of one that was not delivered, and the tags of that one; nil
// if it isn't such a report.
// https://www.rfc-editor.org/rfc/rfc3464
func readBounce(raw []byte, m mail) (*Bounce, []string) {
	if len(raw) == 0 {
		return nil, nil
	}
	e, err := message.ReadWithOptions(bytes.NewReader(raw), &message.ReadOptions{MaxHeaderBytes: maxMailHead})
	if e == nil || err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
		return nil, nil
	}
	var r report
	kind, params, _ := e.Header.ContentType()
	if kind == "multipart/report" &&
		(params["report-type"] == "" || strings.EqualFold(params["report-type"], "delivery-status")) {
		r.walk(e, 0)
	}
	local, _, _ := strings.Cut(strings.ToLower(m.from), "@")
	machine := strings.Trim(e.Header.Get("Return-Path"), " \t") == "<>" || m.auto != "" ||
		local == "mailer-daemon" ||
		local == "postmaster"
	if !r.status && machine {
		// Exim and Gmail name whom they failed to reach in a header, qmail in the text.
		isBetween := func(c rune) bool { return strings.ContainsRune(", \n\t", c) }
		for _, a := range strings.FieldsFunc(e.Header.Get("X-Failed-Recipients"), isBetween) {
			r.add(Undelivered{Addresses: []string{a}})
		}
		if local == "mailer-daemon" && len(r.Undelivered) == 0 {
			for _, f := range failedLine.FindAllStringSubmatch(m.text, maxUndelivered) {
				r.add(Undelivered{Addresses: []string{f[1]}, Why: f[2]})
			}
		}
	}
	if !r.status && len(r.Undelivered) == 0 {
		return nil, nil
	}
	if !r.copied {
		r.readCopy(m.text)
	}
	return &r.Bounce, r.tags
}

func (r *report) add(u Undelivered) {
	if len(r.Undelivered) == maxUndelivered {
		return
	}
	u.Why = line(u.Why, maxWord)
	for i, a := range u.Addresses {
		u.Addresses[i] = line(strings.ToLower(a), maxWord)
	}
	r.Undelivered = append(r.Undelivered, u)
}

// walk reads the parts of a report.
func (r *report) walk(e *message.Entity, depth int) {
	r.parts++
	if parts := e.MultipartReader(); parts != nil && depth < maxDepth {
		for r.parts < maxParts {
			part, _ := parts.NextPart() // an unknown charset or encoding returns a part as well as an error
			if part == nil {
				return
			}
			r.walk(part, depth+1)
		}
		return
	}
	kind, _, _ := e.Header.ContentType()
	switch kind {
	case "message/delivery-status", "message/global-delivery-status":
		body, _ := io.ReadAll(io.LimitReader(e.Body, maxPart))
		r.status = true
		r.readStatus(string(body))
	case "message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers":
		body, _ := io.ReadAll(io.LimitReader(e.Body, maxMailHead))
		if !r.copied {
			r.copied = true
			r.readHead(body)
		}
	}
}

// readStatus reads the groups of fields, one for each receiver.
// https://www.rfc-editor.org/rfc/rfc3464#section-2.3
func (r *report) readStatus(text string) {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	for group := range strings.SplitSeq(text, "\n\n") {
		fields := map[string]string{}
		last := ""
		for l := range strings.SplitSeq(group, "\n") {
			if last != "" && (strings.HasPrefix(l, " ") || strings.HasPrefix(l, "\t")) {
				fields[last] += " " + strings.TrimSpace(l)
				continue
			}
			name, value, ok := strings.Cut(l, ":")
			if last = ""; ok {
				last = strings.ToLower(strings.TrimSpace(name))
				fields[last] = strings.TrimSpace(value)
			}
		}
		r.readReceiver(fields)
	}
}

func (r *report) readReceiver(fields map[string]string) {
	var u Undelivered
	for _, name := range []string{"original-recipient", "final-recipient"} {
		_, address, ok := strings.Cut(fields[name], ";")
		address = strings.ToLower(strings.Trim(address, " \t<>"))
		if ok && address != "" && !slices.Contains(u.Addresses, address) {
			u.Addresses = append(u.Addresses, address)
		}
	}
	action, _, _ := strings.Cut(strings.ToLower(fields["action"]), " ")
	status := fields["status"]
	switch {
	case len(u.Addresses) == 0:
		return
	case action == "failed",
		strings.HasPrefix(status, "5.") && action != "delayed" && action != "delivered" &&
			action != "relayed" && action != "expanded":
	case action == "delayed", strings.HasPrefix(status, "4.") && action == "":
		u.Delayed = true
	default:
		return
	}
	_, u.Why, _ = strings.Cut(fields["diagnostic-code"], ";")
	if u.Why = strings.TrimSpace(u.Why); u.Why == "" {
		u.Why = status
	}
	r.add(u)
}

// readHead reads the head of the mail that was not delivered.
func (r *report) readHead(body []byte) {
	e, _ := message.ReadWithOptions(
		bytes.NewReader(append(body, "\r\n\r\n"...)),
		&message.ReadOptions{MaxHeaderBytes: maxMailHead + 16},
	)
	if e == nil {
		return
	}
	var m mail
	head := mailheader.Header{Header: e.Header}
	m.head(head)
	m.addReplyTo(head)
	r.tags = append(m.tags(), tagsOfID(m.id)...)
	if !m.date.IsZero() {
		r.Sent = m.date.UTC()
	}
}

// addReplyTo adds the addresses at which a mail of ours asks for answers: there is its tag, too.
func (m *mail) addReplyTo(head mailheader.Header) {
	list, err := head.AddressList("Reply-To")
	if err != nil {
		return
	}
	for _, a := range list {
		m.to = append(m.to, a.Address)
	}
}

// readCopy reads what a report holds as text of the mail that was not delivered.
func (r *report) readCopy(text string) {
	for _, h := range copiedHeader.FindAllStringSubmatch(text, maxParts) {
		value := strings.TrimSpace(h[2])
		if strings.EqualFold(h[1], "date") {
			if at, err := netmail.ParseDate(value); err == nil && r.Sent.IsZero() {
				r.Sent = at.UTC()
			}
			continue
		}
		isBetween := func(c rune) bool { return strings.ContainsRune("<>, ", c) }
		for _, word := range strings.FieldsFunc(value, isBetween) {
			if local, _, ok := strings.Cut(word, "@"); ok {
				if _, tag, ok := strings.Cut(local, "+"); ok {
					r.tags = append(r.tags, tag)
				} else {
					r.tags = append(r.tags, tagsOfID(word)...)
				}
			}
		}
	}
}
