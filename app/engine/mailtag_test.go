package engine_test

import (
	"bufio"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
)

// postbox is a mail server on this machine.
type postbox struct {
	address string
	mu      sync.Mutex
	mails   []string
}

func newPostbox(t *testing.T) *postbox {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	p := &postbox{address: l.Addr().String()}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
	return p
}

// serve takes mails by RFC 5321, with as few words as that allows.
func (p *postbox) serve(c net.Conn) {
	defer c.Close()
	say := func(line string) { _, _ = c.Write([]byte(line + "\r\n")) }
	say("220 postbox")
	in := bufio.NewReader(c)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		switch verb, _, _ := strings.Cut(strings.TrimSpace(strings.ToUpper(line)), " "); verb {
		case "DATA":
			say("354 go on")
			var body strings.Builder
			for line, err = in.ReadString('\n'); err == nil &&
				line != ".\r\n"; line, err = in.ReadString('\n') {
				body.WriteString(strings.TrimPrefix(line, "."))
			}
			p.mu.Lock()
			p.mails = append(p.mails, body.String())
			p.mu.Unlock()
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

// last is the mail that came last.
func (p *postbox) last(t *testing.T) *mail.Message {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.mails) == 0 {
		t.Fatal("no mail came")
	}
	m, err := mail.ReadMessage(strings.NewReader(p.mails[len(p.mails)-1]))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A customer answers a mail of ours: it becomes a comment on the incident that the mail was about,
// and on no other.
func TestI1A7AnAnswerToAMailOfOursIsAComment(t *testing.T) {
	w := newWorld(t)
	post := newPostbox(t)
	w.env["FIREBREAK_MAIL_URL"], w.env["FIREBREAK_SECRET_SMTP"], w.env["FIREBREAK_OUTBOUND_ALLOW"] = "", "smtp://"+post.address, "127.0.0.1"
	w.restart()
	w.change("main", "services: {email: {secret: SMTP, from: incidents@acme.example, reply-to: p1@acme.example}}\ncustomers: {globex: {channels: [{email: gina@globex.example}]}}\n"+
		"pager: webhook\nsignals: [{source: email, do: page}]\n")
	w.tell("alice opens \"The API is down\"\n  Summary: Customers get 502\n  Severity: critical\n  Customers impacted: globex\ncarol: /ic\ncarol: /ic update We are on it")
	ours := post.last(t)
	to, err := mail.ParseAddress(ours.Header.Get("Reply-To"))
	if err != nil {
		t.Fatalf("an answer would go to %q: %v", ours.Header.Get("Reply-To"), err)
	}
	_, tag, _ := strings.Cut(strings.TrimSuffix(to.Address, "@acme.example"), "+")
	if len(tag) != 32 || ours.Header.Get("References") != "<"+tag+"@acme.example>" {
		t.Fatalf("an answer would go to %s and refer to %s", to.Address, ours.Header.Get("References"))
	}
	issues := func() int {
		var all []struct{ Number int }
		w.ok("alice", "GET", "/api/v3/repos/acme/incidents/issues?state=all", nil, &all)
		return len(all)
	}
	paged := len(w.outbox())
	n := 0
	answer := func(to, headers, text string) {
		t.Helper()
		n++
		w.post("/intake/email", "message/rfc822",
			"From: Gina <gina@globex.example>\r\nTo: "+to+"\r\nSubject: Re: Incident update\r\nMessage-ID: <"+strings.Repeat("a", n)+"@globex.example>\r\n"+headers+"\r\n"+text+"\r\n")
		w.tell("wait 1m")
	}
	refers := "In-Reply-To: " + ours.Header.Get("Message-ID") + "\r\nReferences: " +
		ours.Header.Get("References") + " " + ours.Header.Get("Message-ID") + "\r\n"
	answer(to.Address, refers, "Still down @alice\r\n/ic close\r\nhttps://zoom.us/j/42")
	answer(strings.ToUpper(to.Address), "", "By its address alone")
	answer("p1@acme.example", refers, "By what it refers to alone")
	id := ours.Header.Get("Message-ID")
	answer("p1@acme.example", "In-Reply-To: "+id+"\r\n", "By our id alone")
	answer("p1@acme.example", "References: <first@x.example> "+strings.ToUpper(id)+"\r\n", "By our id among others")
	for _, words := range []string{"Still down", "By its address alone", "By what it refers to alone", "By our id alone", "By our id among others"} {
		if said := w.said(words); len(said) != 1 || !strings.Contains(said[0],
			"from `gina@globex.example`") || strings.Contains(said[0], "\n/ic close") ||
			strings.Contains(said[0], " @alice") {
			t.Errorf("%s: the incident says %q", words, said)
		}
	}
	if said := w.said("- Call at zoom.us: `https://zoom.us/j/42`"); len(said) != 1 {
		t.Errorf("the call's link is shown in %q", said)
	}
	if issues() != 1 || len(w.outbox()) != paged {
		t.Errorf("%d issues, %d pages more", issues(), len(w.outbox())-paged)
	}

	// Nobody writes to another incident by changing a tag: such a mail is a new one.
	forged := []byte(tag)
	if forged[31]++; forged[31] > '9' { // another number, by the same signature
		forged[31] = '0'
	}
	answer("p1+"+string(forged)+"@acme.example", "", "Into another incident")
	if said := w.said("Into another incident"); issues() != 2 || len(said) > 0 {
		t.Errorf("a forged tag: %d issues, and the incident says %q", issues(), said)
	}

	answer("p1@acme.example", "In-Reply-To: "+strings.Replace(id, tag, string(forged), 1)+"\r\n", "By a forged id")
	if said := w.said("By a forged id"); issues() != 2 || len(said) > 0 { // it goes on with the other's subject
		t.Errorf("a forged id: %d issues, and the incident says %q", issues(), said)
	}

	w.tell("carol: /incident decline A drill after all")
	if w.view().State != "closed" {
		t.Fatal("it is not closed")
	}
	answer(to.Address, refers, "It is back")
	if said := w.said("It is back"); issues() != 2 || len(said) != 1 || !strings.Contains(said[0], "@carol") {
		t.Errorf("after the end: %d issues, and the incident says %q", issues(), said)
	}
}
