package intake

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Email reads mail: a message of RFC 5322 as it is, from a mail server that sends a token along, or
// what Amazon SES says of one. It fails open: what can't be read or verified becomes a Signal all
// the same, marked as unverified, because a P1 mailbox must lose nothing.
type Email struct{ Secrets Secrets }

// Name returns "email".
func (e *Email) Name() string { return "email" }

// Early needs the token.
func (e *Email) Early(h http.Header, _ time.Time) error { return needToken(e.Secrets, h) }

// Limit returns MaxMail.
func (e *Email) Limit() int { return MaxMail }

// Condense leaves out most of the attachments, so that the largest mail needs little memory.
func (e *Email) Condense(mail io.Reader) io.Reader { return Condense(mail) }

// Read returns one Signal for a mail.
func (e *Email) Read(_ context.Context, r Request) (Result, error) {
	if err := needToken(e.Secrets, r.Header); err != nil {
		return Result{}, err
	}
	body := bytes.TrimSpace(r.Body)
	if len(body) == 0 {
		return Result{}, bad("the body is empty: post the mail as it is")
	}
	if body[0] == '{' {
		if s, ok := readNotification(body); ok {
			return Result{Signals: []Signal{sealed(r, s)}}, nil
		}
		if s, ok := readSESReport(body, SharedSecret); ok {
			return Result{Signals: []Signal{sealed(r, s)}}, nil
		}
		var event SESEvent
		if decode(body, &event) == nil && len(event.Records) > 0 {
			var result Result
			for _, record := range event.Records {
				result.Signals = append(result.Signals, ReadMail(r, nil, &record.SES))
			}
			return result, nil
		}
	}
	return Result{Signals: []Signal{ReadMail(r, r.Body, nil)}}, nil
}

// readNotification reads what SES publishes of a mail, with or without the mail itself; ok is false
// if it isn't one.
// https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-contents.html
func readNotification(body []byte) (s Signal, ok bool) {
	var n struct {
		Type string `json:"notificationType"`
		SESMail
		Content string `json:"content"`
	}
	if err := decode(body, &n); err != nil || n.Type != "Received" {
		return s, false
	}
	raw := []byte(n.Content)
	// The action's encoding is UTF-8 or base64. No mail is valid base64: its headers hold colons.
	if plain, err := base64.StdEncoding.DecodeString(n.Content); err == nil {
		raw = plain
	}
	return mailSignal(raw, &n.SESMail), true
}

// ReadMail returns the Signal of a mail. SES's Lambda event leaves the mail itself out, so raw
// comes from where SES stored it; without it the Signal has the headers only. ses is nil if nobody
// checked the mail.
func ReadMail(r Request, raw []byte, ses *SESMail) Signal {
	return sealed(r, mailSignal(raw, ses))
}

func mailSignal(raw []byte, ses *SESMail) Signal {
	infected := ses != nil && ses.Receipt.VirusVerdict.Status == "FAIL"
	if infected {
		raw = nil // nothing of it may reach anybody, but that it came must
	}
	m, readable := parseMail(raw)
	s := Signal{Source: "email", Firing: true, Trust: Unverified, Labels: map[string]string{}}
	if ses != nil {
		s.Trust = mailTrust(m, ses, s.Labels)
		if len(raw) == 0 {
			m, readable = headersOf(ses), true
			m.text = "(The mail itself did not come along.)"
		}
		if infected {
			m.text = "(Amazon SES found a virus in this mail, so its text and attachments stay out.)"
		}
		for _, to := range ses.Receipt.Recipients { // also whom no header names
			if !slices.Contains(m.to, to) {
				m.to = append(m.to, to)
			}
		}
	}
	if !readable {
		m = salvaged(raw)
	}
	s.Title, s.Text, s.Attachments, s.Started = m.subject, m.text, m.attachments, m.date
	s.Thread = Thread{MessageID: m.id, InReplyTo: m.inReplyTo, References: ends(m.references, maxNames), Tags: m.tags()}
	s.Thread.Subject, s.Thread.IsAnswer = conversation(m.subject)
	s.Thread.IsAnswer = s.Thread.IsAnswer || m.inReplyTo != "" || len(m.references) > 0
	if s.Title == "" {
		s.Title = strings.TrimSpace("Mail " + strings.TrimSpace("from "+m.from))
	}
	s.CallLinks, s.SeverityHint = m.links, subjectHint(m)
	_, domain, _ := strings.Cut(m.from, "@")
	var tags []string
	if s.Bounce, tags = readBounce(raw, m); s.Bounce != nil {
		s.Thread.Tags = append(s.Thread.Tags, tags...)
	}
	for name, value := range map[string]string{
		"from": m.from, "from_name": m.fromName, "from_domain": strings.ToLower(domain),
		"to": strings.Join(m.to, ","), "auto-submitted": m.auto,
	} {
		if value != "" {
			s.Labels[name] = value
		}
	}
	// The conversation's first mail names the trouble, so that an answer lands where the question
	// did.
	root := cmp.Or(append(m.references, m.inReplyTo, m.id)...)
	if root == "" {
		root = digest(string(raw))
	}
	s.DedupKey = MailKey(root)
	s.Event = cmp.Or(m.id, digest(string(raw)))
	return s
}

// mailTrust trusts the sender if the domain authenticates the mail (DMARC) and nothing else is
// wrong with it. The verdicts go into the labels, for the rules.
func mailTrust(m mail, ses *SESMail, labels map[string]string) Trust {
	v := ses.Receipt
	for name, verdict := range map[string]string{
		"dmarc": v.DMARCVerdict.Status, "dkim": v.DKIMVerdict.Status, "spf": v.SPFVerdict.Status,
		"spam": v.SpamVerdict.Status, "virus": v.VirusVerdict.Status,
	} {
		labels[name] = strings.ToLower(verdict)
	}
	if v.DMARCVerdict.Status == "PASS" && v.SpamVerdict.Status != "FAIL" && v.VirusVerdict.Status != "FAIL" &&
		m.senders <= 1 {
		return Verified
	}
	return Unverified
}

// headersOf returns what SES says of a mail that did not come along.
func headersOf(ses *SESMail) mail {
	var b strings.Builder
	for _, h := range ses.Mail.Headers {
		if !strings.EqualFold(h.Name, "Content-Type") &&
			!strings.EqualFold(h.Name, "Content-Transfer-Encoding") {
			b.WriteString(h.Name + ": " + strings.NewReplacer("\r", "", "\n", " ").Replace(h.Value) + "\r\n")
		}
	}
	m, _ := parseMail([]byte(b.String() + "\r\n"))
	common := ses.Mail.CommonHeaders
	m.subject = cmp.Or(m.subject, common.Subject)
	m.id = cmp.Or(m.id, strings.Trim(common.MessageID, "<>"))
	if m.from == "" && len(common.From) > 0 {
		m.from = common.From[0]
	}
	return m
}

// tags returns what follows the + of an address, p1+42@example.com has 42, and before the @ of the
// ids of what it answers: where a mail of ours carries what it is about.
func (m mail) tags() (tags []string) {
	for _, a := range m.to {
		local, _, _ := strings.Cut(a, "@")
		if _, tag, ok := strings.Cut(local, "+"); ok {
			tags = append(tags, tag)
		}
	}
	for _, id := range append(slices.Clone(m.references), m.inReplyTo) {
		tags = append(tags, tagsOfID(id)...)
	}
	return tags
}

// tagsOfID returns what may be a tag in the id of a mail: all before its @, and of an id of ours
// what is behind the dot there.
func tagsOfID(id string) (tags []string) {
	local, _, ok := strings.Cut(id, "@")
	if !ok {
		return nil
	}
	if _, tag, ok := strings.Cut(local, "."); ok {
		return []string{tag}
	}
	return []string{local}
}
