package simulation

import (
	"bufio"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/mail"
	"strings"
	"testing"
)

// listen starts the mail server of a world and returns its address. It offers no encryption, as none is needed on
// one's own machine.
func (r *reach) listen(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go r.receiveMail(c)
		}
	}()
	return l.Addr().String()
}

// receiveMail talks SMTP (RFC 5321) until the other side hangs up. What becomes of a mail is decided once it is whole.
func (r *reach) receiveMail(c net.Conn) {
	defer func() { _ = c.Close() }()
	in := bufio.NewReader(c)
	say := func(line string) { _, _ = io.WriteString(c, line+"\r\n") }
	say("220 mail.acme.example")
	to := ""
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		switch verb := strings.ToUpper(line); {
		case strings.HasPrefix(verb, "EHLO"), strings.HasPrefix(verb, "HELO"):
			say("250 mail.acme.example")
		case strings.HasPrefix(verb, "RCPT TO:"):
			to = strings.ToLower(strings.Trim(strings.TrimSpace(line[len("RCPT TO:"):]), "<>"))
			say("250 yes")
		case strings.HasPrefix(verb, "DATA"):
			say("354 go on")
			var text strings.Builder
			for {
				line, err := in.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				text.WriteString(strings.TrimPrefix(line, "."))
			}
			if !r.takeMail(to, text.String(), say) {
				return
			}
		case strings.HasPrefix(verb, "QUIT"):
			say("221 bye")
			return
		default:
			say("250 yes")
		}
	}
}

// takeMail takes a mail, or fails as a mail server does. It reports whether the connection stays.
func (r *reach) takeMail(to, text string, say func(string)) bool {
	login, _, _ := strings.Cut(to, "@")
	m := message{login: login, kind: "email", text: plainText(text)}
	m.link = linkIn.FindString(m.text)
	m, how, x := r.decide(m)
	switch how {
	case "refused":
		say("550 no")
	case "limited":
		say("450 too many")
	case "out":
		say("451 later")
	case "answer lost", "hangs":
		r.taken(m, x)
		return false
	default:
		say("250 taken")
	}
	r.taken(m, x)
	return true
}

// plainText returns the subject and the plain text of a mail.
func plainText(text string) string {
	m, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		return ""
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		return ""
	}
	_, about, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || about["boundary"] == "" {
		return subject
	}
	part, err := multipart.NewReader(m.Body, about["boundary"]).NextPart()
	if err != nil {
		return subject
	}
	body, err := io.ReadAll(part)
	if err != nil {
		return subject
	}
	return subject + "\n" + string(body)
}
