package intake

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // decodes every charset that mail uses
	mailheader "github.com/emersion/go-message/mail"
	"golang.org/x/text/encoding/charmap"

	"github.com/firebreak-dev/firebreak/app/texts"
)

// Bounds of what is read of a mail.
const (
	maxDepth    = 8
	maxParts    = 100
	maxPart     = 1 << 20
	maxMailHead = 256 << 10
)

// mail is what is read of one.
type mail struct {
	subject, from, fromName string
	senders                 int
	to, references          []string
	id, inReplyTo, auto     string
	date                    time.Time
	text                    string
	links                   []string // texts to look for calls in, of which text shows only part
	attachments             []string

	plain, html []string
	parts       int
}

// parseMail reads a mail; ok is false if not even its head can be read.
func parseMail(raw []byte) (m mail, ok bool) {
	e, err := message.ReadWithOptions(bytes.NewReader(raw), &message.ReadOptions{MaxHeaderBytes: maxMailHead})
	if e == nil || err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
		return m, false
	}
	m.head(mailheader.Header{Header: e.Header})
	m.walk(e, 0)
	plain, rich := strings.Join(m.plain, "\n\n"), strings.Join(m.html, "\n\n")
	m.text = plain
	if strings.TrimSpace(plain) == "" {
		m.text = rich
	}
	if m.subject == "" && m.from == "" && m.text == "" && len(m.attachments) == 0 {
		return m, false // a head that says nothing is no mail's
	}
	m.links = []string{m.text, rich}
	if m.inReplyTo != "" || len(m.references) > 0 {
		m.text = texts.WithoutQuotes(m.text)
	}
	return m, true
}

// head reads the headers; one that can't be decoded is taken as it stands.
func (m *mail) head(h mailheader.Header) {
	var err error
	if m.subject, err = h.Subject(); err != nil || !utf8.ValidString(h.Get("Subject")) {
		m.subject = decoded(h.Get("Subject"))
	}
	m.from = h.Get("From")
	if from, err := h.AddressList("From"); err == nil && len(from) > 0 {
		m.from, m.fromName, m.senders = from[0].Address, from[0].Name, len(from)
	}
	for _, field := range []string{"Delivered-To", "To", "Cc"} {
		if list, err := h.AddressList(field); err == nil {
			for _, a := range list {
				if !slices.Contains(m.to, a.Address) {
					m.to = append(m.to, a.Address)
				}
			}
		}
	}
	m.id = h.Get("Message-Id")
	if id, err := h.MessageID(); err == nil && id != "" {
		m.id = id
	}
	m.id = strings.Trim(m.id, "<> ")
	if ids, err := h.MsgIDList("In-Reply-To"); err == nil && len(ids) > 0 {
		m.inReplyTo = ids[0]
	}
	if ids, err := h.MsgIDList("References"); err == nil {
		m.references = ids
	}
	if date, err := h.Date(); err == nil {
		m.date = date
	}
	if auto := h.Get("Auto-Submitted"); !strings.EqualFold(auto, "no") {
		m.auto = strings.ToLower(auto)
	}
}

// walk collects texts and names attachments. A part that breaks off gives what came of it.
func (m *mail) walk(e *message.Entity, depth int) {
	m.parts++
	if parts := e.MultipartReader(); parts != nil && depth < maxDepth {
		for m.parts < maxParts {
			part, _ := parts.NextPart() // an unknown charset or encoding gives a part as well as an error
			if part == nil {
				return
			}
			m.walk(part, depth+1)
		}
		return
	}
	kind, _, err := e.Header.ContentType()
	if err != nil || kind == "" {
		kind = "text/plain" // https://www.rfc-editor.org/rfc/rfc2045#section-5.2
	}
	disposition, _, _ := e.Header.ContentDisposition()
	if disposition == "attachment" || kind != "text/plain" && kind != "text/html" {
		name, err := (&mailheader.AttachmentHeader{Header: e.Header}).Filename()
		if err != nil || name == "" {
			name = "unnamed " + kind
		}
		m.attachments = append(m.attachments, name)
		return
	}
	body, _ := io.ReadAll(io.LimitReader(e.Body, maxPart))
	if kind == "text/html" {
		m.html = append(m.html, htmlText(decoded(string(body))))
		return
	}
	m.plain = append(m.plain, decoded(string(body)))
}

// decoded takes what is not UTF-8 and names no charset for Windows-1252, which old senders mean.
func decoded(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	t, err := charmap.Windows1252.NewDecoder().String(s)
	if err != nil {
		return s
	}
	return t
}

// salvaged gives what can be told of bytes that are no mail: they may be one all the same, spoilt on the way.
func salvaged(raw []byte) mail {
	m := mail{text: decoded(string(raw[:min(len(raw), 4*maxText)])), subject: "A mail that could not be read"}
	for l := range strings.Lines(m.text) {
		if name, value, ok := strings.Cut(l, ":"); ok && strings.EqualFold(name, "Subject") && strings.TrimSpace(value) != "" {
			m.subject = strings.TrimSpace(value)
			break
		}
	}
	return m
}
