package engine_test

import (
	"fmt"
	"strings"
	"testing"
)

// mailIn posts a mail that came to the mailbox of incidents, and waits until it was handled. head
// has no From, To and blank line.
func (w *world) mailIn(from, head, text string) {
	w.t.Helper()
	mail := "From: " + from + "\nTo: p1@acme.example\n" + head + "\n\n" + text + "\n"
	w.post("/intake/email", "message/rfc822", strings.ReplaceAll(mail, "\n", "\r\n"))
	w.tell("wait 20s")
}

// A conversation stays with its incident, whichever of its mails an answer refers to (K10, I6).
func TestK10AnAnswerToAnAnswerStaysWithItsIncident(t *testing.T) {
	w := unjudged(t)
	w.change("main", "signals: [{source: email, do: page}]\npager: webhook\n")
	w.mailIn("Gina <gina@globex.example>", "Subject: Prod down\nMessage-ID: <root@globex.example>", "It is down")
	paged := len(w.outbox())
	for i, c := range []struct{ name, from, head string }{
		{"to the first mail", "Gina <gina@globex.example>", "Subject: Re: Prod down\nMessage-ID: <a@x.example>\nIn-Reply-To: <root@globex.example>"},
		{"to the answer", "Hugo <hugo@other.example>", "Subject: Something else\nMessage-ID: <c@x.example>\nIn-Reply-To: <a@x.example>"},
		{"to that one's answer", "Hugo <hugo@other.example>", "Subject: Once more\nMessage-ID: <d@x.example>\nReferences: <unknown@x.example> <c@x.example>"},
		{"an id without an @ among them", "Hugo <hugo@other.example>", "Subject: Re: x\nMessage-ID: <e@x.example>\nIn-Reply-To: <b@x.example>\nReferences: <root@globex.example>\n <20261128.FOO>\n <b@x.example>"},
		{"to nothing that is known, by the same person", "gina@globex.example", "Subject: AW: [External] RE[2]: prod  DOWN\nMessage-ID: <f@x.example>\nIn-Reply-To: <unknown@x.example>"},
		{"by a colleague", "Gustav <gustav@Globex.example>", "Subject: Fwd: Prod down\nMessage-ID: <g@x.example>"},
	} {
		w.mailIn(c.from, c.head, fmt.Sprintf("News number %d", i))
		if said := w.said(fmt.Sprintf("News number %d", i)); w.issues() != 1 || len(said) != 1 {
			t.Fatalf("%s: %d issues, and the incident says %q", c.name, w.issues(), said)
		}
	}
	if more := w.outbox()[paged:]; len(more) > 0 {
		t.Errorf("paged for answers: %+v", more)
	}

	// Another process, with the card lost: what the comments say is enough.
	w.restart()
	w.tell("alice deletes card\ncarol: /incident status\nwait 20m")
	w.mailIn("Hugo <hugo@other.example>", "Subject: y\nMessage-ID: <h@x.example>\nIn-Reply-To: <d@x.example>", "After the restart")
	if w.issues() != 1 || len(w.said("After the restart")) != 1 {
		t.Errorf("after a restart: %d issues", w.issues())
	}

	for _, c := range []struct{ name, from, head string }{
		{"the same subject, and no answer", "Gina <gina@globex.example>", "Subject: Prod down\nMessage-ID: <n1@x.example>"},
		{"another's subject", "Bill <bill@initech.example>", "Subject: Re: Prod down\nMessage-ID: <n2@x.example>"},
		{"another subject", "Gina <gina@globex.example>", "Subject: Re: Prod is slow\nMessage-ID: <n3@x.example>"},
		{"an answer to what is unknown", "Hugo <hugo@other.example>", "Subject: Re: y\nMessage-ID: <n4@x.example>\nIn-Reply-To: <n0@x.example>"},
	} {
		before := w.issues()
		w.mailIn(c.from, c.head, "Another trouble")
		if w.issues() != before+1 {
			t.Errorf("%s: it opens %d incidents", c.name, w.issues()-before)
		}
	}
}

// What is over, or long ago, is not gone on with by a subject (K10).
func TestK10ASubjectAloneIsNotForEver(t *testing.T) {
	skipUnderRace(t)
	w := unjudged(t)
	w.mailIn("Gina <gina@globex.example>", "Subject: Prod is slow\nMessage-ID: <root@globex.example>", "It is down")
	w.mailIn("Gina <gina@globex.example>", "Subject: Re: Prod is slow\nMessage-ID: <a@x.example>\nIn-Reply-To: <root@globex.example>", "Still")
	w.tell("wait 360h")
	w.mailIn("Gina <gina@globex.example>", "Subject: Re: Prod is slow\nMessage-ID: <b@x.example>", "Down again")
	if w.issues() != 2 {
		t.Fatalf("after 15 days: %d issues", w.issues())
	}
	w.mailIn("Hugo <hugo@other.example>", "Subject: x\nMessage-ID: <c@x.example>\nIn-Reply-To: <a@x.example>", "By its id")
	if w.issues() != 2 || len(w.said("By its id")) != 1 {
		t.Errorf("by its id: %d issues, %q", w.issues(), w.said("By its id"))
	}
	w.tell("carol: /incident decline false alarm")
	w.mailIn("Hugo <hugo@other.example>", "Subject: x\nMessage-ID: <d@x.example>\nIn-Reply-To: <c@x.example>", "After its end")
	if w.issues() != 3 || len(w.said("After its end")) != 0 {
		t.Errorf("after its end: %d issues", w.issues())
	}
}
