package notify_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// mailServer is a mail server that takes connections in memory, keeps to RFC 5321 and minds the
// order of commands.
type mailServer struct {
	t       *testing.T
	plain   bool              // it offers no STARTTLS
	open    bool              // it asks for no password
	hangs   bool              // it never greets
	leaves  bool              // it hangs up as soon as it has taken a mail
	replies map[string]string // to a command instead of its own, once each
	cert    tls.Certificate

	mu     sync.Mutex
	dialed []string // addresses
	said   []string // commands, with "tls" before those that were encrypted
	mails  []string
}

// newMailServer makes one, and what trusts its certificate.
func newMailServer(t *testing.T, change func(*mailServer)) (*mailServer, *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail"}, DNSNames: []string{"mail.example.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	s := &mailServer{t: t, cert: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}}
	if change != nil {
		change(s)
	}
	return s, &tls.Config{RootCAs: roots, ServerName: "mail.example.com", MinVersion: tls.VersionTLS12}
}

func (s *mailServer) dial(_ context.Context, _, address string) (net.Conn, error) {
	s.mu.Lock()
	s.dialed = append(s.dialed, address)
	s.mu.Unlock()
	here, there := net.Pipe()
	go s.serve(newBuffered(there))
	return here, nil
}

// buffered is a connection whose writes don't wait for the reader, as a network's don't. On a pipe
// as it is both sides of a TLS handshake may write at the same time and wait for ever.
type buffered struct {
	net.Conn
	out  chan []byte
	shut func()
}

func newBuffered(c net.Conn) *buffered {
	b := &buffered{Conn: c, out: make(chan []byte, 100)}
	b.shut = sync.OnceFunc(func() { close(b.out) })
	go func() {
		for p := range b.out {
			_, _ = c.Write(p)
		}
		_ = c.Close()
	}()
	return b
}

func (b *buffered) Write(p []byte) (int, error) {
	b.out <- slices.Clone(p)
	return len(p), nil
}

func (b *buffered) Close() error {
	b.shut()
	return nil
}

// serve talks until the other side hangs up.
func (s *mailServer) serve(c net.Conn) {
	defer func(c net.Conn) { _ = c.Close() }(c)
	if s.hangs {
		_, _ = bufio.NewReader(c).ReadString('\n')
		return
	}
	in, encrypted, stage := bufio.NewReader(c), "", ""
	say := func(format string, args ...any) { fmt.Fprintf(c, format+"\r\n", args...) }
	say("220 mail.example.com ready")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
		s.mu.Lock()
		s.said = append(s.said, encrypted+line)
		reply, replaced := s.replies[verb]
		delete(s.replies, verb)
		s.mu.Unlock()
		if replaced {
			say("%s", reply)
			continue
		}
		switch {
		case verb == "EHLO":
			stage = "greeted"
			say("250-mail.example.com")
			if !s.plain && encrypted == "" {
				say("250-STARTTLS")
			}
			if !s.open && (encrypted != "" || s.plain) {
				say("250-AUTH PLAIN LOGIN")
			}
			say("250 8BITMIME")
		case verb == "STARTTLS" && stage == "greeted" && !s.plain:
			say("220 go ahead")
			t := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{s.cert}, MinVersion: tls.VersionTLS12})
			c, in, encrypted, stage = t, bufio.NewReader(t), "tls ", ""
		case verb == "AUTH" && stage == "greeted" && encrypted != "":
			given, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(line, "AUTH PLAIN "))
			if string(given) != "\x00relay\x00p@ss-w0rd" {
				say("535 5.7.8 not you, %s", given)
				continue
			}
			stage = "known"
			say("235 welcome")
		case verb == "MAIL" && (stage == "known" || s.open && stage == "greeted"):
			stage = "mail"
			say("250 ok")
		case verb == "RCPT" && stage == "mail":
			stage = "rcpt"
			say("250 ok")
		case verb == "DATA" && stage == "rcpt":
			say("354 go on")
			var mail strings.Builder
			for {
				line, err := in.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				mail.WriteString(strings.TrimPrefix(line, "."))
			}
			s.mu.Lock()
			s.mails = append(s.mails, mail.String())
			s.mu.Unlock()
			stage = "done"
			say("250 taken")
			if s.leaves {
				return
			}
		case verb == "*" && encrypted != "":
			say("501 as you like")
		case verb == "RSET" || verb == "NOOP":
			say("250 ok")
		case verb == "QUIT":
			say("221 bye")
			return
		default:
			s.t.Errorf("%q after %q", line, stage)
			say("503 not now")
		}
	}
}
