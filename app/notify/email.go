package notify

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"html"
	"net"
	"net/mail"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/firebreak-dev/firebreak/app/engine"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/texts"
)

// updateSubject is all that an update for customers says of itself (A7).
const updateSubject = "Incident update"

// letter is an email before it is one.
type letter struct {
	to      string
	subject string
	text    string
	url     string
	answer  string    // where its receiver answers without a login; empty: nowhere
	key     string    // hashed
	tag     string    // of the incident, for answers
	at      time.Time // zero: now
}

// pageEmail writes to the addresses that the targets give, but for those that a try before reached.
func (n *Notifier) pageEmail(ctx context.Context, p engine.Page) error {
	receivers, _ := n.targets(p)
	if len(receivers) == 0 {
		return final("email", "no target is configured for "+strings.Join(p.To, ", "))
	}
	receivers = slices.DeleteFunc(receivers, func(to string) bool { return slices.Contains(p.Reached, to) })
	return each("email", receivers, func(to string) error {
		return n.mail(
			ctx,
			p.Service,
			letter{
				to:      to,
				subject: title(p),
				text:    strings.TrimSpace(title(p) + "\n\n" + p.Text),
				url:     p.URL,
				answer:  linkOf(p, to),
				key:     n.hash(p.Key),
				tag:     p.Tag,
			},
		)
	})
}

// announceEmail writes to a customer, or lets the operator's own receiver do so.
func (n *Notifier) announceEmail(ctx context.Context, a engine.Announcement) error {
	if n.AnnounceURL != "" {
		return n.post(
			ctx,
			n.ownHook(n.AnnounceURL),
			message{
				Kind:    "announce",
				Channel: "email",
				To:      a.Channel.To,
				Text:    a.Text,
				Key:     a.Key,
				Tag:     a.Tag,
			},
		)
	}
	return n.mail(
		ctx,
		a.Service,
		letter{to: a.Channel.To, subject: updateSubject, text: a.Text, key: a.Key, at: a.At, tag: a.Tag},
	)
}

// mail sends by SMTP, or by Amazon SES where Options["via"] is "ses". Options["from"] is the
// sender.
func (n *Notifier) mail(ctx context.Context, s incident.Service, l letter) error {
	m, from, err := compose(s.Options["from"], s.Options["reply-to"], l)
	if err != nil {
		return final("email", err.Error())
	}
	if err := n.spend(ctx, "email", "mails", n.Bounds.Mails); err != nil {
		return err
	}
	switch s.Options["via"] {
	case "", "smtp":
		return n.mailSMTP(ctx, s, m, from)
	case "ses":
		return n.mailSES(ctx, s, m)
	}
	return final("email", `the option via must be "smtp" or "ses"`)
}

// compose writes the email, as plain text and as simple HTML. Its Message-ID comes of the key, so
// that a repetition is recognised as one. SES puts its own in place
// (https://docs.aws.amazon.com/ses/latest/dg/header-fields.html), hence the header next to it. An
// answer carries the incident's tag in the address that it goes to and among what it refers to: a
// mail program repeats there the Message-ID and, as it should, what the mail itself refers to
// (https://www.rfc-editor.org/rfc/rfc5322#section-3.6.4).
func compose(sender, replyTo string, l letter) (m *gomail.Msg, from *mail.Address, err error) {
	if from, err = mail.ParseAddress(sender); err != nil {
		return nil, nil, errors.New(
			"the option from must be the sender's address, such as incidents@example.com",
		)
	}
	_, domain, _ := strings.Cut(from.Address, "@")
	m = gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	m.FromMailAddress(from)
	to, err := mail.ParseAddress(l.to)
	if err != nil {
		return nil, nil, errors.New("the receiver is not an address: " + strconv.Quote(l.to))
	}
	m.AddToMailAddress(to)
	m.Subject(texts.Truncate(texts.Squeeze(l.subject), 200))
	m.SetDateWithValue(l.at)
	if l.at.IsZero() {
		m.SetDate()
	}
	m.SetMessageIDWithValue(messageID(l, domain))
	m.SetGenHeader("X-Firebreak-Key", l.key)
	if l.tag != "" {
		m.SetGenHeader("References", "<"+l.tag+"@"+domain+">")
	}
	if local, at, ok := strings.Cut(replyTo, "@"); ok {
		if l.tag != "" {
			local += "+" + l.tag
		}
		if err := m.ReplyTo(local + "@" + at); err != nil {
			return nil, nil, errors.New(
				"the option reply-to must be an address at which mails are taken in, such as p1@example.com",
			)
		}
	}
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no out-of-office answers
	text, rich := l.text, "<p>"+strings.ReplaceAll(html.EscapeString(l.text), "\n", "<br>\n")+"</p>\n"
	if l.answer != "" {
		const words = "Answer without a login:"
		text += "\n\n" + words + "\n" + l.answer
		rich += "<p>" + words +
			`<br><a href="` + html.EscapeString(l.answer) + `">` + html.EscapeString(l.answer) + "</a></p>\n"
	}
	if l.url != "" {
		text += "\n\n" + l.url
		rich += `<p><a href="` + html.EscapeString(l.url) + `">` + html.EscapeString(l.url) + "</a></p>\n"
	}
	m.SetBodyString(gomail.TypeTextPlain, text+"\n")
	m.AddAlternativeString(gomail.TypeTextHTML, rich)
	return m, from, nil
}

// messageID returns the id of a letter. With both hashes whole it would have 65 characters before the
// @, and some servers take 64, as for an address.
func messageID(l letter, domain string) string {
	if l.tag == "" {
		return l.key + "@" + domain
	}
	return l.key[:min(len(l.key), keyInID)] + "." + l.tag + "@" + domain
}

const keyInID = 24 // characters, of 4 bits each

// mailSMTP hands the email to the server that Service.Secret names as
// smtp://user:password@host:587. The connection must turn to TLS before anything is said, unless it
// stays on this machine.
func (n *Notifier) mailSMTP(
	ctx context.Context,
	s incident.Service,
	m *gomail.Msg,
	from *mail.Address,
) error {
	const kind = "email"
	secret, err := n.secret(ctx, kind, s.Secret)
	if err != nil {
		return err
	}
	u, err := url.Parse(secret)
	if err != nil || u.Scheme != "smtp" || u.Hostname() == "" {
		return final(
			kind,
			"the secret "+s.Secret+" must hold an address such as smtp://user:password@mail.example.com:587",
		)
	}
	port, err := strconv.Atoi(cmp.Or(u.Port(), "587"))
	if err != nil {
		return final(kind, "the secret "+s.Secret+" has a port that is not a number")
	}
	_, domain, _ := strings.Cut(from.Address, "@")
	options := []gomail.Option{
		gomail.WithPort(port), gomail.WithTimeout(2 * timeout), // the context ends before
		gomail.WithTLSPolicy(gomail.TLSMandatory),
		// by default the name of this machine, which the receiver would find in the headers (A7)
		gomail.WithHELO(domain),
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() == "localhost" || ip != nil && ip.IsLoopback() {
		options = append(options, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	}
	if n.tls != nil {
		options = append(options, gomail.WithTLSConfig(n.tls))
	}
	password, _ := u.User.Password()
	if u.User != nil {
		options = append(
			options,
			gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover),
			gomail.WithUsername(u.User.Username()),
			gomail.WithPassword(password),
		)
	}
	return n.send(ctx, kind, []string{secret}, func(ctx context.Context) error {
		c, err := gomail.NewClient(
			u.Hostname(),
			append(slices.Clip(options), gomail.WithDialContextFunc(n.dialUntil(ctx)))...)
		if err != nil {
			return final(kind, err.Error())
		}
		if err := c.DialAndSendWithContext(ctx, m); !m.IsDelivered() {
			return smtpError(err)
		}
		return nil // whatever went wrong in saying good-bye: sending it again would be another mail
	})
}

// dialUntil dials connections that end with ctx: the library goes by deadlines of its own, and its
// context ends with dialling.
func (n *Notifier) dialUntil(ctx context.Context) gomail.DialContextFunc {
	return func(dialing context.Context, network, address string) (net.Conn, error) {
		conn, err := n.dial(dialing, network, address)
		if err == nil {
			context.AfterFunc(ctx, func() { _ = conn.Close() })
		}
		return conn, err
	}
}

// smtpError decides by the server's reply whether sending again may help: 4yz is passing, 5yz is
// final (RFC 5321, 4.2.1).
func smtpError(err error) error {
	var sent *gomail.SendError
	var reply *textproto.Error
	switch {
	case errors.As(err, &sent) && sent.ErrorCode() != 0:
		return &Error{
			kind:      "email",
			text:      err.Error(),
			log:       fmt.Sprintf("the server answers %d", sent.ErrorCode()),
			temporary: sent.IsTemp(),
		}
	case errors.As(err, &reply):
		return &Error{
			kind:      "email",
			text:      err.Error(),
			log:       fmt.Sprintf("the server answers %d", reply.Code),
			temporary: reply.Code < 500,
		}
	}
	return err
}

// mailSES hands the email to Amazon SES in Options["region"], with the credentials of the
// environment it runs in.
func (n *Notifier) mailSES(ctx context.Context, s incident.Service, m *gomail.Msg) error {
	const kind = "email"
	var raw bytes.Buffer
	if _, err := m.WriteTo(&raw); err != nil {
		return final(kind, err.Error())
	}
	send, err := n.openSES(ctx, s.Options["region"])
	if err != nil {
		return final(kind, err.Error())
	}
	return n.send(ctx, kind, nil, func(ctx context.Context) error { return send(ctx, raw.Bytes()) })
}

// errNoSES is returned where the configuration asks for Amazon SES and the binary can't reach it.
var errNoSES = errors.New(
	"only the functions on AWS reach Amazon SES by its API. With serve, use its SMTP interface: via: smtp, " +
		"and a secret that holds smtp://USER:PASSWORD@email-smtp.REGION.amazonaws.com:587",
)

// openSES returns what sends by Amazon SES in a region.
func (n *Notifier) openSES(ctx context.Context, region string) (func(context.Context, []byte) error, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if send := n.ses[region]; send != nil {
		return send, nil
	}
	if n.SES == nil {
		return nil, errNoSES
	}
	send, err := n.SES(ctx, region, n.client)
	if err != nil {
		return nil, err
	}
	n.ses[region] = send
	return send, nil
}
