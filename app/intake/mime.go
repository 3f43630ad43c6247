package intake

import (
	"bufio"
	"bytes"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // decodes every charset that mail uses
	mailheader "github.com/emersion/go-message/mail"
	htmlcharset "golang.org/x/net/html/charset"
	"golang.org/x/text/encoding/charmap"

	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/reply"
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
	invitations []string // what calendars say
	forwarded   []string // mails inside it
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
	rich := strings.Join(m.html, "\n\n")
	m.text = together(strings.Join(m.plain, "\n\n"), rich)
	if m.subject == "" && m.from == "" && m.text == "" && len(m.attachments) == 0 {
		return m, false // a head that says nothing isn't a mail's
	}
	m.links = append([]string{m.text, rich}, m.invitations...)
	if m.inReplyTo != "" || len(m.references) > 0 {
		m.text = reply.WithoutQuotes(m.text)
	}
	m.text = join(m.text, m.invitations...)
	m.text = join(m.text, m.forwarded...)
	return m, true
}

// together returns what a mail says in its two forms. They say the same as a rule; where most words
// of the plain one are not in the other, it is a placeholder such as "This email requires an HTML
// capable mail client", or another text, and both count.
func together(plain, rich string) string {
	if strings.TrimSpace(rich) == "" {
		return plain
	}
	words := strings.Fields(plain[:min(len(plain), maxText)])
	known := map[string]bool{}
	for _, w := range strings.Fields(rich) {
		known[w] = true
	}
	shared := 0
	for _, w := range words {
		if known[w] {
			shared++
		}
	}
	if 2*shared >= len(words) && len(words) > 0 {
		return plain
	}

	return join(plain, rich)
}

// join puts texts below each other, with a blank line in between, and leaves out those that are
// blank.
func join(text string, more ...string) string {
	kept := slices.DeleteFunc(
		append([]string{text}, more...),
		func(s string) bool { return strings.TrimSpace(s) == "" },
	)

	return strings.Join(kept, "\n\n")
}

// head reads the headers; one that can't be decoded is taken as it is.
func (m *mail) head(h mailheader.Header) {
	var err error
	if m.subject, err = h.Subject(); err != nil || !utf8.ValidString(h.Get("Subject")) {
		m.subject = decoded(h.Get("Subject"))
	}
	m.from, m.fromName, m.senders = senderOf(h)
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
	m.references = messageIDs(h.Get("References"))
	if ids := messageIDs(h.Get("In-Reply-To")); len(ids) > 0 {
		m.inReplyTo = ids[0]
		if len(ids) > 1 && len(m.references) == 0 { // an answer to several mails at once
			m.references = ids
		}
	}
	if date, err := h.Date(); err == nil {
		m.date = date
	}
	m.auto = automatic(h, m.from)
}

// autoReplied is how RFC 3834 calls what a machine answers. What it sends unasked, as monitoring
// does, is "auto-generated". https://www.rfc-editor.org/rfc/rfc3834#section-5
const autoReplied = "auto-replied"

// robots are the addresses from which programs of mailing lists answer.
var robots = lazily.Compile(`(?i)^(?:listserv|majordomo|mailman|ezmlm|sympa` +
	`|.*-request|.*-bounces|.*-confirm)(?:\+[^@]*)?@`)

// automatic returns whether a machine wrote a mail, and why, in the words of RFC 3834; empty: a
// person did, so far as it says. Older programs have headers of their own for it.
func automatic(h mailheader.Header, from string) string {
	auto := strings.ToLower(strings.TrimSpace(h.Get("Auto-Submitted")))
	isReply := h.Get("X-Autoreply") != "" || h.Get("X-Autorespond") != "" ||
		strings.EqualFold(h.Get("Precedence"), "auto_reply") || robots.MatchString(from)
	switch {
	case auto != "" && auto != "no":
		return auto
	case isReply && auto != "no":
		return autoReplied
	}

	return ""
}

// senderOf returns the address and the name of who sent a mail, and how many senders it names.
// Outlook and others leave a name with a comma or an @ unquoted, which RFC 5322 forbids: the last
// address in angle brackets is the sender's then.
func senderOf(h mailheader.Header) (address, name string, senders int) {
	if from, err := h.AddressList("From"); err == nil && len(from) > 0 {
		return from[0].Address, from[0].Name, len(from)
	}
	from := h.Get("From")
	if text, err := h.Text("From"); err == nil {
		from = text
	}
	found := inBrackets.FindAllStringSubmatchIndex(from, -1)
	if len(found) == 0 {
		return strings.TrimSpace(from), "", 1
	}
	last := found[len(found)-1]

	return from[last[2]:last[3]], strings.Trim(from[:last[0]], "\" \t"), len(found)
}

var (
	inBrackets = lazily.Compile(`<\s*([^<>\s]+@[^<>\s]+)\s*>`)
	bracketed  = lazily.Compile(`<([^<>]+)>`)
)

// messageIDs returns the ids that a header lists, whatever they look like: some programs write ids
// without an @, and one such must not hide the others.
func messageIDs(header string) (ids []string) {
	for _, m := range bracketed.FindAllStringSubmatch(header, -1) {
		if id := strings.Join(strings.Fields(m[1]), ""); id != "" {
			ids = append(ids, id)
		}
	}
	if len(ids) > 0 {
		return ids
	}
	for _, word := range strings.Fields(header) { // without brackets
		if strings.Contains(word, "@") {
			ids = append(ids, word)
		}
	}

	return ids
}

// walk collects texts and names attachments. Of a part that breaks off, what came is kept.
func (m *mail) walk(e *message.Entity, depth int) {
	m.parts++
	if parts := multipartOf(e); parts != nil && depth < maxDepth {
		for m.parts < maxParts {
			part, _ := parts.NextPart() // an unknown charset or encoding returns a part as well as an error
			if part == nil {
				return
			}
			m.walk(part, depth+1)
		}
		return
	}
	kind, params := kindOf(e.Header)
	disposition, _, _ := e.Header.ContentDisposition()
	switch {
	case kind == "message/rfc822" && depth < maxDepth:
		m.forward(e, depth)
	case kind == "text/calendar":
		if text := invitation(read(e)); text != "" {
			m.invitations = append(m.invitations, text)
			return
		}
		m.attachments = append(m.attachments, nameOf(e.Header, kind))
	case disposition == "attachment" || kind != "text/plain" && kind != "text/html":
		m.attachments = append(m.attachments, nameOf(e.Header, kind))
	case kind == "text/html":
		m.html = append(m.html, htmlText(decodedHTML(read(e), params["charset"])))
	default:
		m.plain = append(m.plain, decoded(read(e)))
	}
}

// read returns the beginning of what a part holds.
func read(e *message.Entity) string {
	body, _ := io.ReadAll(io.LimitReader(e.Body, maxPart))

	return string(body)
}

// nameOf returns what an attachment is called.
func nameOf(h message.Header, kind string) string {
	name, err := (&mailheader.AttachmentHeader{Header: h}).Filename()
	if err != nil || name == "" {
		name = "unnamed " + kind
	}

	return name
}

// kindOf returns what a part is. One that does not say it, or not as a type and a subtype, is text:
// https://www.rfc-editor.org/rfc/rfc2045#section-5.2
func kindOf(h message.Header) (kind string, params map[string]string) {
	kind, params, err := h.ContentType()
	if err != nil || !strings.Contains(kind, "/") {
		return "text/plain", params
	}

	return strings.ToLower(kind), params
}

// multipartOf returns the parts of a mail or a part; nil: it has none. A boundary that the header
// does not name is the first line that looks like one.
func multipartOf(e *message.Entity) message.MultipartReader {
	kind, params := kindOf(e.Header)
	if !strings.HasPrefix(kind, "multipart/") || params["boundary"] != "" {
		return e.MultipartReader()
	}
	body := bufio.NewReaderSize(e.Body, 64<<10)
	start, _ := body.Peek(8 << 10)
	for l := range strings.Lines(string(start)) {
		boundary, ok := strings.CutPrefix(strings.TrimRight(l, "\r\n \t"), "--")
		if !ok || boundary == "" || len(boundary) > 70 {
			continue
		}
		if e.Header.Get("Content-Type") == "" {
			return nil
		}
		h := e.Header.Copy()
		h.SetContentType(kind, map[string]string{"boundary": boundary})
		whole, err := message.New(h, body)
		if whole == nil || err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
			return nil
		}

		return whole.MultipartReader()
	}
	e.Header.SetContentType("text/plain", nil)
	e.Body = body

	return nil
}

// forward reads a mail that is attached to another: who wrote it, and what. It is quoted, as the
// words are not the sender's.
func (m *mail) forward(e *message.Entity, depth int) {
	inner, err := message.ReadWithOptions(e.Body, &message.ReadOptions{MaxHeaderBytes: maxMailHead})
	if inner == nil || err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
		m.attachments = append(m.attachments, nameOf(e.Header, "message/rfc822"))
		return
	}
	attached := mail{parts: m.parts}
	attached.head(mailheader.Header{Header: inner.Header})
	attached.walk(inner, depth+1)
	m.parts = attached.parts
	text := together(strings.Join(attached.plain, "\n\n"), strings.Join(attached.html, "\n\n"))
	head := strings.TrimSpace("Forwarded: " + attached.subject)
	if attached.from != "" {
		head += ", from " + attached.from
	}
	m.forwarded = append(
		m.forwarded,
		join(head, append(append([]string{text}, attached.invitations...), attached.forwarded...)...),
	)
	m.attachments = append(m.attachments, attached.attachments...)
}

// decodedHTML decodes a page whose part names no charset by what the page says of itself.
func decodedHTML(s, charset string) string {
	if charset != "" || utf8.ValidString(s) {
		return decoded(s)
	}
	encoding, _, _ := htmlcharset.DetermineEncoding([]byte(s[:min(len(s), 1024)]), "text/html")
	text, err := encoding.NewDecoder().String(s)
	if err != nil {
		return decoded(s)
	}

	return text
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

// salvaged returns what can be told of bytes that are no mail: they may be one all the same, spoilt
// on the way.
func salvaged(raw []byte) mail {
	m := mail{text: decoded(string(raw[:min(len(raw), 4*maxText)])), subject: "A mail that could not be read"}
	for l := range strings.Lines(m.text) {
		if name, value, ok := strings.Cut(l, ":"); ok && strings.EqualFold(name, "Subject") &&
			strings.TrimSpace(value) != "" {
			m.subject = strings.TrimSpace(value)
			break
		}
	}
	return m
}
