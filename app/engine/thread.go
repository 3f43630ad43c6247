package engine

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/intake"
	"github.com/firebreak-dev/firebreak/app/mark"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// How an answer by mail finds its incident, besides a tag of ours and the dedup key. The text of an
// incident that a mail opened has marks of that mail and of what it answers. Of a mail that came
// later the card has one, and the store says at which incident that card is. Where no id is known,
// a subject and who writes are enough for an answer, for two weeks.

// The kinds of marks of a conversation.
const (
	mailKind    = "mail"
	subjectKind = "subject"
)

const (
	// subjectLife is for how long a subject alone leads to an incident.
	subjectLife = 14 * 24 * time.Hour
	// unlookedFor is for how long a mail may have been passed on to an incident whose card does not
	// name it yet.
	unlookedFor = 15 * time.Minute
	// mostFollowed bounds the ids of a mail that are looked for one by one.
	mostFollowed = 6
)

// mailMark names a mail in a card and in the store.
func (e *Engine) mailMark(id string) string { return e.dedupHash(intake.MailKey(id))[:16] }

// mailName names in the store at which incident a mail is.
func mailName(mark string) string { return "mails/" + mark }

// conversationMarks returns the marks of an incident that a mail opens.
func (r *reconciliation) conversationMarks(s intake.Signal) (marks []mark.Mark) {
	ids := s.Thread.Answered()
	for _, id := range append([]string{s.Thread.MessageID}, ids[:min(len(ids), mostFollowed)]...) {
		if id != "" && intake.MailKey(id) != s.DedupKey {
			marks = append(marks, mark.Mark{Kind: mailKind, Text: r.dedupHash(intake.MailKey(id))})
		}
	}
	return append(marks, r.subjectMarks(s)...)
}

// rememberMail notes at which incident a mail is.
func (r *reconciliation) rememberMail(ref incident.Ref, s intake.Signal) {
	id := s.Thread.MessageID
	if id == "" {
		return
	}
	r.rememberOpenIncident(r.Ref.FullName()+" "+intake.MailKey(id), ref)
	r.saveKept(mailName(r.mailMark(id)), fmt.Appendf(nil, "%s %d", ref, r.Now.Unix()))
}

// findConversation returns the open incident of the conversation to which a mail belongs; its
// number is 0 if there is none.
func (e *Engine) findConversation(ctx context.Context, repo incident.Ref, s intake.Signal) (incident.Ref,
	error) {
	repo.Number = 0
	ids := s.Thread.Answered()
	for _, id := range ids[:min(len(ids), mostFollowed)] {
		ref, err := e.incidentOfMail(ctx, e.mailMark(id))
		if err != nil {
			return repo, fmt.Errorf("look for the incident of a conversation: %w", err)
		}
		if ref.Number != 0 {
			return ref, nil
		}
	}
	marks := e.subjectMarks(s)
	if !s.Thread.IsAnswer || s.Labels["auto-submitted"] != "" || len(marks) == 0 {
		return repo, nil
	}

	since := e.Clock.Now().Add(-subjectLife)
	is := look.IsMarked(e.markKeys(), e.signedSince(ctx), []string{noIncident}, marks...)
	isRecent := func(w Written) bool { return w.Created.After(since) && is(w) }
	number, err := e.GitHub.FindIncident(ctx, repo.FullName(), isRecent)
	if err == nil && number == 0 {
		folded := repo
		if folded.Number, err = e.GitHub.FindFolded(ctx, repo.FullName(), isRecent); folded.Number != 0 {
			number, err = e.followFolds(ctx, folded)
		}
	}
	if err != nil {
		return repo, fmt.Errorf("look for the incident of a subject: %w", err)
	}
	repo.Number = number
	return repo, nil
}

// incidentOfMail returns the open incident at which a mail is, by the store and the incident's card;
// its number is 0 if there is none.
func (e *Engine) incidentOfMail(ctx context.Context, mailMark string) (none incident.Ref, err error) {
	name, at, ok := strings.Cut(string(e.loadKept(ctx, mailName(mailMark))), " ")
	if !ok {
		return none, nil
	}
	unix, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return none, nil
	}
	ref, err := incident.ParseRef(name)
	if err != nil {
		return none, nil
	}
	snap, err := e.GitHub.PeekIssue(ctx, ref)
	if err == nil && !snap.Gone && !isSame(snap.Ref, ref) {
		snap, err = e.GitHub.PeekIssue(ctx, snap.Ref)
	}
	if ports.IsRefused(err) || err == nil && (snap.Gone || snap.Pull) {
		return none, nil
	}
	if err != nil {
		return none, err
	}

	s, ok := e.pinnedState(snap)
	isYoung := e.Clock.Now().Sub(time.Unix(unix, 0)) < unlookedFor
	switch {
	case !ok: // there is no card yet, or the server pins none
		if snap.Open && naming.Contains(snap.Labels, incident.LabelIncident) {
			return snap.Ref, nil
		}
	case s.Outcome == incident.Duplicated:
		ref = snap.Ref
		if ref.Number, err = e.followFolds(ctx, ref); ref.Number != 0 {
			return ref, err
		}
	case s.Running() && (isYoung || slices.Contains(s.Signals.Mails, mailMark)):
		return snap.Ref, nil
	}
	return none, err
}

// subjectMarks returns the marks of a mail's subject together with who sent it, and with the
// sender's company where the subject says enough.
func (e *Engine) subjectMarks(s intake.Signal) (marks []mark.Mark) {
	subject, from := s.Thread.Subject, strings.ToLower(s.Labels["from"])
	domain := strings.ToLower(s.Labels["from_domain"])
	if subject == "" || from == "" {
		return nil
	}
	add := func(kind, who string) {
		marks = append(marks, mark.Mark{Kind: subjectKind, Text: e.hash("subject", kind, who, subject)[:16]})
	}
	add("address", from)
	if domain != "" && strings.Contains(subject, " ") && !naming.Contains(publicDomains, domain) {
		add("domain", domain)
	}
	return marks
}

// publicDomains are those at which anybody gets an address: two senders there are no colleagues.
var publicDomains = []string{
	"gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "hotmail.co.uk", "hotmail.de", "hotmail.fr",
	"live.com", "msn.com", "outlook.de", "yahoo.com", "yahoo.de", "yahoo.fr", "yahoo.co.uk", "yahoo.co.jp",
	"ymail.com", "icloud.com", "me.com", "mac.com", "aol.com", "gmx.de", "gmx.net", "gmx.com", "gmx.at",
	"gmx.ch", "web.de", "t-online.de", "freenet.de", "mail.de", "posteo.de", "mailbox.org", "mail.com",
	"proton.me", "protonmail.com", "pm.me", "tutanota.com", "fastmail.com", "zoho.com", "orange.fr",
	"wanadoo.fr", "free.fr", "laposte.net", "sfr.fr", "libero.it", "virgilio.it", "wp.pl", "o2.pl", "onet.pl",
	"interia.pl", "seznam.cz", "mail.ru", "yandex.ru", "yandex.com", "qq.com", "163.com", "126.com",
	"sina.com", "foxmail.com", "naver.com", "daum.net", "hanmail.net", "uol.com.br", "bol.com.br",
	"terra.com.br", "comcast.net", "verizon.net", "att.net", "btinternet.com", "ziggo.nl", "kpnmail.nl",
	"bluewin.ch", "telenet.be", "docomo.ne.jp", "ezweb.ne.jp", "softbank.ne.jp",
}
