package engine

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/intake"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// What becomes of a report is decided in this file (I1, I6). intake.Decide says what it asks for by
// the rules of the repository; decideRoute says what that comes to, as incidents are open or not;
// mustReturn says when a report leaves the incident to which it was passed. Whether it pages before
// GitHub is asked is the one question that can't wait for these: see PageFirst.

// outcome is what becomes of a report.
type outcome int

const (
	dropped     outcome = iota // a rule says so
	ignored                    // it belongs to nothing that is open, and opens nothing
	undelivered                // a mail server's report: it counts at the incident of the mail
	joins                      // an incident that is open
	opens                      // an incident
)

// route is what becomes of a report, and where.
type route struct {
	outcome outcome
	ref     incident.Ref // the incident; of opens, its repository
	refusal string       // why it is opened here and not where a rule leads it, which is in refused
	refused string       // owner/repo
}

// targetPatience is how long a report waits for a repository to which a rule leads it and that GitHub
// refuses: a single refusal may be over in a second, and nobody is paged by a wrong name.
const targetPatience = time.Minute

// decideRoute decides what becomes of a report, by what the rules decided.
func (r *reconciliation) decideRoute(s intake.Signal, d intake.Decision) (route, error) {
	if s.Bounce != nil {
		ref, isOurs, err := r.findAnswered(s)
		if err != nil || !isOurs || len(s.Bounce.Undelivered) == 0 {
			return route{outcome: ignored}, err
		}
		return route{outcome: undelivered, ref: ref}, nil
	}
	if d.Action == incident.RuleDrop {
		return route{outcome: dropped}, nil
	}
	repo, err := r.routedRepository(d.Repository)
	if err != nil {
		return route{}, err
	}
	ref, err := r.findOpenFor(repo, s)
	if err != nil {
		return r.routeHere(repo, s, d, err)
	}
	isElsewhere := !naming.Equal(repo.FullName(), r.Ref.FullName())
	if ref.Number == 0 && isElsewhere { // it may have been refused there when the trouble began
		ref, err = r.findOpenFor(r.Ref, s)
		if ports.IsRefused(err) { // then it is not there
			ref, err = repo, nil
		}
		if err != nil {
			return route{}, err
		}
	}
	return routeOf(ref, route{outcome: opens, ref: repo}, s, d), nil
}

// routeHere decides what becomes of a report that a rule leads to a repository that fails. What GitHub
// refuses for longer than targetPatience stays in the rule's own repository, which says so: a wrong name
// must not keep an alert from its incident.
func (r *reconciliation) routeHere(repo incident.Ref, s intake.Signal, d intake.Decision, failed error) (route, error) {
	var refusal *Refusal
	if naming.Equal(repo.FullName(), r.Ref.FullName()) || !errors.As(failed, &refusal) {
		return route{}, failed
	}
	if r.Now.Sub(r.m.Signal().At) < targetPatience {
		return route{}, &RetryAfter{Until: r.Now.Add(targetPace), Err: failed}
	}
	r.Logger.Error("rule leads to a repository that GitHub refuses: its report stays here", "repository",
		r.Ref.FullName(), "to", repo.FullName(), "err", ports.Redact(failed))
	ref, err := r.findOpenFor(r.Ref, s)
	if err != nil {
		return route{}, err
	}
	return routeOf(ref, route{outcome: opens, ref: incident.Ref{Owner: r.Ref.Owner, Repo: r.Ref.Repo},
		refused: repo.FullName(), refusal: ports.Reason(failed)}, s, d), nil
}

// routeOf returns what becomes of a report for which that incident is open, or none; fresh is what opens one.
func routeOf(open incident.Ref, fresh route, s intake.Signal, d intake.Decision) route {
	switch {
	case open.Number != 0:
		return route{outcome: joins, ref: open}
	case d.Action == incident.RuleNote || !s.Firing:
		return route{outcome: ignored}
	}
	return fresh
}

// targetPace is how often such a repository is tried.
const targetPace = 10 * time.Second

// findOpenFor returns the open incident to which a report belongs: that whose mail it answers, that
// of its dedup key, or that of its conversation. Its number is 0 if there is none.
func (r *reconciliation) findOpenFor(repo incident.Ref, s intake.Signal) (incident.Ref, error) {
	ref, ok, err := r.findAnswered(s)
	if ok || err != nil {
		return ref, err
	}
	ref, err = r.findIncident(repo, s)
	if ref.Number != 0 || err != nil {
		return ref, err
	}
	return r.findConversation(r.Ctx, repo, s)
}

// routeSignal finds the incident to which a report belongs, opens one if there is none, and passes
// the report on to it: each incident has one writer, and this look is at none yet.
func (r *reconciliation) routeSignal() error {
	if served, err := r.serves(r.Ctx, r.Ref, 0); err != nil || !served {
		r.Logger.Error("report dropped: its repository is not for incidents", "repository",
			r.Ref.FullName(), "err", err)
		return err
	}
	s, d, err := r.decideReport()
	if err != nil {
		return err
	}
	to, err := r.decideRoute(s, d)
	if err != nil {
		return err
	}
	if to.outcome == opens {
		if to, err = r.openRouted(to, s, d); err != nil {
			return err
		}
	}

	on := Message{Ref: to.ref, Why: "signal", Floor: &incident.Floor{Received: r.Now}}
	switch to.outcome {
	case dropped:
		r.replyToReporter(s, "Nothing was opened: a rule of "+r.Ref.FullName()+" drops this.")
		return nil
	case ignored:
		r.logIgnored(s)
		r.replyToReporter(s, "Nothing was opened: by the rules of "+r.Ref.FullName()+" this only "+
			"belongs to an incident that is open, and none is.")
		return nil
	case undelivered:
		return r.Queue.Enqueue(r.Ctx, Message{Ref: to.ref, Why: "signal", What: r.routedTo(to.ref)}, time.Time{})
	case joins:
		r.endEarly()
		signal := r.routedTo(to.ref)
		signal.IsPaged, signal.Pages, signal.Severity = r.m.Signal().IsPaged, d.Action == incident.RulePage, d.Severity
		on.What = signal
	case opens: // the incident's text has what was said so far
	}
	r.rememberMail(on.Ref, s)
	if err := r.Queue.Enqueue(r.Ctx, on, time.Time{}); err != nil {
		return err
	}
	r.offerSeverity(s, on.Ref)
	return nil
}

// openRouted opens an incident where a report leads or, where GitHub refuses that, here. It returns what
// became of the report, with the incident.
func (r *reconciliation) openRouted(to route, s intake.Signal, d intake.Decision) (_ route, err error) {
	target := to.ref
	if to.ref, err = r.openForSignal(to, s, d); err == nil {
		return to, nil
	}
	to, err = r.routeHere(target, s, d, err)
	if err == nil && to.outcome == opens {
		to.ref, err = r.openForSignal(to, s, d)
	}
	return to, err
}

// logIgnored logs that a report opened nothing.
func (r *reconciliation) logIgnored(s intake.Signal) {
	if s.Bounce != nil {
		r.Logger.Info("delivery report ignored", "repository", r.Ref.FullName(), "undelivered",
			len(s.Bounce.Undelivered))
		return
	}
	r.Logger.Info("nothing is open that this belongs to", "source", s.Source, "trouble",
		r.dedupHash(s.DedupKey), "firing", s.Firing)
}

// routedTo returns what the source said as the message to its incident carries it.
func (r *reconciliation) routedTo(ref incident.Ref) *incident.Signal {
	s := r.m.Signal()
	routed := &incident.Signal{Body: s.Body, Key: s.Key, Count: s.Count, Event: s.Event, ID: s.ID, At: s.At}
	if ref.FullName() != r.Ref.FullName() {
		routed.Rules = r.Ref.FullName()
	}
	return routed
}

// mustReturn reports whether a report that was passed to this incident belongs to it no more: the
// incident is gone, or had ended before the report came. What came before the end still belongs to
// it, as does an answer to one of its mails.
func (r *reconciliation) mustReturn(s intake.Signal) bool {
	if r.Snapshot.Gone || r.Snapshot.Pull {
		return true
	}
	end := r.Before.Closed
	if end == nil || r.Snapshot.Open || r.m.Signal().At.Before(end.At) {
		return false
	}
	_, answers := r.answeredByTag(s, r.Ref, nil)
	return !answers
}

// reroute sends a report that belongs to this incident no more back, so that it finds the open one
// or opens one: another process may have closed this one since it was found. Of a folded incident
// the report goes on to the one into which it was folded.
func (r *reconciliation) reroute() (bool, error) {
	if passed, err := r.passAnswerToCanonical(); passed || err != nil {
		return passed, err
	}
	signal := r.m.Signal()
	if signal == nil {
		return false, nil
	}
	if passed, err := r.passToCanonical(); passed || err != nil {
		return passed, err
	}
	var s intake.Signal
	if err := json.Unmarshal(signal.Body, &s); err != nil {
		return false, fmt.Errorf("read a signal: %w", err)
	}
	if !r.mustReturn(s) {
		return false, nil
	}

	returned := *signal
	if _, ok := r.answeredByTag(s, r.Ref, nil); ok {
		s.Thread.Tags = nil // what it answers is gone, so it is a mail like any other
		text, err := json.Marshal(s)
		if err != nil {
			return false, fmt.Errorf("write a signal: %w", err)
		}
		returned.Body = text
	}
	r.forgetOpenIncident(r.Ref)
	for _, trouble := range r.dedupHashes(r.Ref, s) { // this process may know of it by that alone
		r.openedIssues().Forget(r.Ref.FullName(), trouble, r.Ref.Number)
	}
	isListed, err := r.isListedAsOpen(s)
	if err != nil {
		return false, err
	}
	if isListed {
		return false, &RetryAfter{Until: r.Now.Add(2 * time.Second),
			Err: errors.New("GitHub still lists it as open")}
	}
	returned.Rules, returned.IsReturned = "", true
	back := r.m
	back.Ref.Number, back.What = 0, &returned
	// SQS would take it for the one that came at first
	back.Delivery = "back " + signal.ID + " " + r.Ref.String()
	if owner, name, ok := strings.Cut(signal.Rules, "/"); ok {
		back.Ref = incident.Ref{Owner: owner, Repo: name}
	}
	return true, r.Queue.Enqueue(r.Ctx, back, time.Time{})
}

// isListedAsOpen reports whether a report would find this incident again.
func (r *reconciliation) isListedAsOpen(s intake.Signal) (bool, error) {
	number, err := r.GitHub.FindIncident(r.Ctx, r.Ref.FullName(),
		r.isAboutDedup(r.Ctx, r.dedupHashes(r.Ref, s)...))
	if err != nil {
		return false, fmt.Errorf("look for the incident of a signal: %w", err)
	}
	if number != 0 {
		return number == r.Ref.Number, nil
	}
	ref, err := r.findConversation(r.Ctx, r.Ref, s)
	return isSame(ref, r.Ref), err
}

// decideReport reads a report and decides what becomes of it.
func (r *reconciliation) decideReport() (s intake.Signal, d intake.Decision, err error) {
	if err := json.Unmarshal(r.m.Signal().Body, &s); err != nil {
		return s, d, fmt.Errorf("read a signal: %w", err)
	}
	if err := r.loadPolicy(); err != nil {
		return s, d, err
	}
	return s, intake.Decide(s, r.Policy), nil
}

// forwardAck delivers the acknowledgement of a page that was sent before its incident existed.
func (r *reconciliation) forwardAck() error {
	trouble, ok := strings.CutPrefix(r.m.Ack().Page, "signal/")
	if !ok {
		return nil
	}
	trouble, _, _ = strings.Cut(trouble, "-") // as episode writes it
	ref, err := r.findOpenIncident(r.Ref, trouble)
	switch {
	case err != nil:
		return err
	case ref.Number == 0:
		return r.awaitOpening()
	}
	ack := *r.m.Ack()
	ack.Page = "page/1"
	return r.Queue.Enqueue(r.Ctx, Message{Ref: ref, Why: "ack", What: &ack}, time.Time{})
}

func (e *Engine) hash(parts ...string) string {
	mac := hmac.New(sha256.New, e.keys[0])
	mac.Write([]byte(strings.Join(parts, "\n")))
	return hex.EncodeToString(mac.Sum(nil))
}

// offerSeverity replies to somebody who reported in a chat with the incident's address, and with buttons by which they
// say how bad it is: its channel is made once that is known.
func (r *reconciliation) offerSeverity(s intake.Signal, ref incident.Ref) {
	hasChannels := r.Chat != nil && r.Policy.Chat.Per != "" && r.Policy.Chat.Per != incident.ChatNone
	if s.Reply == "" || r.Replier == nil || !hasChannels {
		r.replyToReporter(s, r.GitHub.IssueURL(ref))
		return
	}
	reply := ports.ChatReply{Text: r.GitHub.IssueURL(ref) + "\nHow bad is it?",
		Buttons: incident.SeverityButtons(ref, r.Policy)}
	if err := r.Replier.ReplyWith(r.Ctx, s.Reply, reply); err != nil {
		r.Logger.Warn("reporter could not be answered", "repository", r.Ref.FullName(), "source", s.Source,
			"err", ports.Redact(err))
	}
}

// replyToReporter replies to somebody who reported in a chat and waits there for the incident's
// address, or for why there is none.
func (r *reconciliation) replyToReporter(s intake.Signal, text string) {
	if s.Reply == "" || r.Replier == nil {
		return
	}
	if err := r.Replier.Reply(r.Ctx, s.Reply, text); err != nil {
		r.Logger.Warn("reporter could not be answered", "repository", r.Ref.FullName(), "source", s.Source,
			"err", ports.Redact(err))
	}
}
