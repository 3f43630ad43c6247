package engine

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/config"
	"github.com/firebreak-dev/firebreak/app/engine/delivery"
	"github.com/firebreak-dev/firebreak/app/engine/look"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/intake"
	"github.com/firebreak-dev/firebreak/app/mark"
	"github.com/firebreak-dev/firebreak/app/sources"
	"github.com/firebreak-dev/firebreak/templates"
)

// repeatInterval is how far apart reports of one incident are recorded: those in between wait, and
// are counted.
const repeatInterval = 15 * time.Second

// openIncidentLife is how long a dedup key's incident is known without asking GitHub.
const openIncidentLife = 10 * time.Minute

// openIncident is the open incident of a dedup key.
type openIncident struct {
	ref incident.Ref
	at  time.Time
}

// routeSignal finds the incident to which a report belongs, opens one if there is none, and passes
// the report on to it: each incident has one writer, and this look is at none yet (I1, I6).
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
	if s.Bounce != nil {
		return r.forwardBounce(s)
	}
	if d.Action == incident.RuleDrop {
		r.replyToReporter(s, "Nothing was opened: a rule of "+r.Ref.FullName()+" drops this.")
		return nil
	}
	repo, err := r.routedRepository(d.Repository)
	if err != nil {
		return err
	}
	ref, ok, err := r.findAnswered(s)
	if err != nil {
		return err
	}
	if !ok {
		if ref, err = r.findIncident(repo, s); err != nil {
			return err
		}
	}
	if ref.Number == 0 {
		if ref, err = r.findConversation(r.Ctx, repo, s); err != nil {
			return err
		}
	}
	signal := r.routedTo(ref)
	signal.IsPaged, signal.Pages, signal.Severity = r.m.Signal().IsPaged, d.Action == incident.RulePage, d.Severity
	on := Message{Ref: ref, Why: "signal", What: signal, Floor: &incident.Floor{Received: r.Now}}
	if ref.Number == 0 {
		if d.Action == incident.RuleNote || !s.Firing {
			r.Logger.Info("nothing is open that this belongs to", "source", s.Source, "trouble",
				r.dedupHash(s.DedupKey), "firing", s.Firing)
			r.replyToReporter(s, "Nothing was opened: by the rules of "+r.Ref.FullName()+" this only "+
				"belongs to an incident that is open, and none is.")
			return nil
		}
		if ref, err = r.openForSignal(repo, s, d); err != nil {
			return err
		}
		on = Message{Ref: ref, Why: "signal", Floor: on.Floor} // the incident's text has what was said so far
	}
	r.rememberMail(ref, s)
	if err := r.Queue.Enqueue(r.Ctx, on, time.Time{}); err != nil {
		return err
	}
	r.replyToReporter(s, r.GitHub.IssueURL(ref))
	return nil
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

// reroute sends a report of an incident that has closed back, so that it finds the open one or
// opens one: another process may have closed it since this one found it. What came before the end
// still belongs to it, as does an answer to one of its mails.
func (r *reconciliation) reroute() (bool, error) {
	if r.m.Signal() != nil {
		if passed, err := r.passToCanonical(); passed || err != nil {
			return passed, err
		}
	}
	gone, end := r.Snapshot.Gone || r.Snapshot.Pull, r.Before.Closed
	signal := r.m.Signal()
	if signal == nil {
		return false, nil
	}
	ended := end != nil && !r.Snapshot.Open && !signal.At.Before(end.At)
	if !gone && !ended {
		return false, nil
	}
	back, returned := r.m, *signal
	var s intake.Signal
	if err := json.Unmarshal(r.m.Signal().Body, &s); err != nil {
		return false, fmt.Errorf("read a signal: %w", err)
	}
	if _, ok := r.answeredByTag(s, r.Ref, nil); ok {
		if !gone {
			return false, nil
		}
		s.Thread.Tags = nil // what it answers is gone, so it is a mail like any other
		text, err := json.Marshal(s)
		if err != nil {
			return false, fmt.Errorf("write a signal: %w", err)
		}
		returned.Body = text
	}
	r.forgetOpenIncident(r.Ref)
	number, err := r.GitHub.FindIncident(r.Ctx, r.Ref.FullName(),
		r.isAboutDedup(r.Ctx, r.dedupHashes(r.Ref, s)...))
	if err != nil {
		return false, fmt.Errorf("look for the incident of a signal: %w", err)
	}
	if number == 0 {
		ref, err := r.findConversation(r.Ctx, r.Ref, s)
		if err != nil {
			return false, err
		}
		if isSame(ref, r.Ref) {
			number = ref.Number
		}
	}
	if number == r.Ref.Number {
		return false, &RetryAfter{Until: r.Now.Add(2 * time.Second),
			Err: errors.New("GitHub still lists it as open")}
	}
	returned.Rules, returned.IsReturned = "", true
	back.Ref.Number, back.What = 0, &returned
	// SQS would take it for the one that came at first
	back.Delivery = "back " + signal.ID + " " + r.Ref.String()
	if owner, name, ok := strings.Cut(signal.Rules, "/"); ok {
		back.Ref = incident.Ref{Owner: owner, Repo: name}
	}
	return true, r.Queue.Enqueue(r.Ctx, back, time.Time{})
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

// findIncident returns the open incident of a dedup key; its number is 0 if there is none. Where
// somebody waits for its address GitHub is asked, as another process may have closed the one known
// here.
func (r *reconciliation) findIncident(repo incident.Ref, s intake.Signal) (incident.Ref, error) {
	key := repo.FullName() + " " + s.DedupKey
	r.mu.Lock()
	known, ok := r.openIncidents[key]
	r.mu.Unlock()
	if ok && !r.m.Signal().IsReturned && s.Reply == "" && r.Now.Sub(known.at) < openIncidentLife {
		return known.ref, nil
	}
	ref, err := r.findOpenIncident(repo, r.dedupHashes(repo, s)...)
	if err != nil {
		return repo, fmt.Errorf("look for the incident of a signal: %w", err)
	}
	if ref.Number != 0 {
		r.rememberOpenIncident(key, ref)
	}
	return ref, nil
}

func (r *reconciliation) rememberOpenIncident(key string, ref incident.Ref) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, known := range r.openIncidents {
		if r.Now.Sub(known.at) >= openIncidentLife {
			delete(r.openIncidents, k)
		}
	}
	r.openIncidents[key] = openIncident{ref, r.Now}
}

// forgetOpenIncident makes the next report of a closed incident's dedup key open another incident.
func (r *reconciliation) forgetOpenIncident(ref incident.Ref) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, known := range r.openIncidents {
		if known.ref == ref {
			delete(r.openIncidents, k)
			_, dedup, _ := strings.Cut(k, " ")
			r.endEpisode(ref.FullName() + "/signal/" + r.dedupHash(dedup))
		}
	}
}

// dedupHash returns the hash of a dedup key. The repository's name is not part of it: that may
// change.
func (e *Engine) dedupHash(key string) string { return e.hash("signal", key)[:24] }

// dedupHashes returns the hashes of a report's dedup key, this version's and that of older ones,
// and of the mails that a mail answers.
func (e *Engine) dedupHashes(repo incident.Ref, s intake.Signal) []string {
	older := e.hash("signal", strings.ToLower(repo.FullName()), s.DedupKey)[:24]
	hashes := []string{e.dedupHash(s.DedupKey), older}
	for _, id := range s.Thread.Answered() {
		if h := e.dedupHash(intake.MailKey(id)); h != hashes[0] {
			hashes = append(hashes, h)
		}
	}
	return hashes
}

// isAboutDedup returns a function that reports whether the app opened an incident for one of some
// dedup keys.
func (e *Engine) isAboutDedup(ctx context.Context, troubles ...string) IsMarked {
	var marks []mark.Mark
	for _, t := range troubles {
		marks = append(marks, signalMark(t), mark.Mark{Kind: mailKind, Text: t})
	}
	return look.IsMarked(e.markKeys(), e.signedSince(ctx), []string{noIncident}, marks...)
}

// signalMark returns the mark of an incident's dedup key.
func signalMark(trouble string) mark.Mark { return mark.Mark{Kind: "signal", Text: trouble} }

// forwardAck delivers the acknowledgement of a page that was sent before its incident existed.
func (r *reconciliation) forwardAck() error {
	trouble, ok := strings.CutPrefix(r.m.Ack().Page, "signal/")
	if !ok {
		return nil
	}
	trouble, _, _ = strings.Cut(trouble, "-") // as episode writes it
	ref, err := r.findOpenIncident(r.Ref, trouble)
	if err != nil || ref.Number == 0 {
		return err
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

// signedOrigin is what an incident's text holds of the report that opened it. It is signed:
// everybody with write access can edit the text.
type signedOrigin struct {
	Source    string          `json:"source"`
	Severity  string          `json:"severity,omitempty"`
	Customers []string        `json:"customers,omitempty"`
	Proposed  []string        `json:"proposed,omitempty"`
	Links     []incident.Link `json:"links,omitempty"`
	Page      bool            `json:"page,omitempty"`
	Paged     bool            `json:"paged,omitempty"`
	Drill     bool            `json:"drill,omitempty"`
	Count     int             `json:"count,omitempty"`
	Report    incident.Report `json:"report,omitzero"`
	Known     []string        `json:"known,omitempty"` // marks of what it said
}

// openForSignal opens an incident for a report. What the source said is quoted, so that nothing in
// it acts.
func (r *reconciliation) openForSignal(repo incident.Ref, s intake.Signal, d intake.Decision) (incident.Ref,
	error) {
	o := signedOrigin{Source: sourceName(s.Source), Page: d.Action == incident.RulePage,
		Paged: r.m.Signal().IsPaged, Drill: s.Drill, Count: r.m.Signal().Count, Report: r.reportOf(s)}
	o.Severity = r.Policy.Named(d.Severity)
	o.Proposed, o.Links = r.Policy.CustomersOf(s.Sender()), linksOf(s)
	for _, w := range r.signalWords(s) {
		o.Known = append(o.Known, w.Mark)
	}
	names, _ := r.Policy.ReadCustomers(d.Customer)
	for _, name := range names {
		// a source may have another name for them, which is among the labels
		if c, ok := r.Policy.Customer(name); ok {
			o.Customers = append(o.Customers, c.Name)
		}
	}
	text, err := templates.Comment(incident.Say{Name: "reported", Line: o.Source, Trust: string(s.Trust),
		Reason: s.Text, Lines: labelLines(s), Links: o.Links, Names: s.Attachments, Count: o.Count})
	if err != nil {
		return repo, fmt.Errorf("write the incident of a signal: %w", err)
	}
	trouble := r.dedupHash(s.DedupKey)
	marks := append([]mark.Mark{signalMark(trouble), r.signOrigin(trouble, o)}, r.conversationMarks(s)...)
	body := r.markKeys().Issue(noIncident, text, r.Now, marks...)
	title, labels := cmp.Or(d.Title, s.Title), []string{incident.LabelIncident}
	if s.Drill {
		title, labels = "Drill: "+title, append(labels, incident.LabelDrill)
	}
	repo.Number, _, err = r.GitHub.OpenIssue(r.Ctx, repo.FullName(),
		NewIssue{Title: title, Body: body, Labels: labels})
	if err != nil {
		return repo, fmt.Errorf("open the incident of a signal: %w", err)
	}
	r.rememberOpenIncident(repo.FullName()+" "+s.DedupKey, repo)
	r.updateMemory(repo, r.Now, func(m *memory) { m.opened = r.Now })
	return repo, nil
}

// labelLines lists a report's labels.
func labelLines(s intake.Signal) (lines []string) {
	var names []string
	for name := range s.Labels {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names[:min(len(names), 20)] {
		lines = append(lines, name+": "+s.Labels[name])
	}
	return lines
}

// linksOf lists a report's addresses, the runbook first.
func linksOf(s intake.Signal) (links []incident.Link) {
	add := func(name, url string) {
		isKnown := slices.ContainsFunc(links, func(l incident.Link) bool { return l.URL == url })
		if url != "" && !isKnown {
			links = append(links, incident.Link{Name: name, URL: url, IsVerified: s.Trust.IsVerified()})
		}
	}
	add("Runbook", s.Runbook)
	for _, call := range s.CallLinks {
		add("Call", call)
	}
	add("Details", s.URL)
	return links
}

// sourceName returns the name under which people know a source.
func sourceName(source string) string {
	if s, ok := sources.Find(source); ok {
		return s.Label
	}
	return source
}

// signOrigin returns the signed mark of the report that opened an incident. It is signed together
// with the dedup hash, whose mark is next to it, and not with the repository's name, which may
// change.
func (r *reconciliation) signOrigin(trouble string, o signedOrigin) mark.Mark {
	text, err := json.Marshal(o)
	if err != nil {
		panic("engine: " + err.Error()) // strings and booleans always marshal
	}
	said := base64.RawURLEncoding.EncodeToString(text)
	return mark.Mark{Kind: "origin", Text: said + "." + r.hash("origin", trouble, said)}
}

var originPattern = regexp.MustCompile(`^([A-Za-z0-9_-]+)\.([0-9a-f]{64})$`)

// originFact returns the fact that a source opened this incident, if the app wrote so.
func (r *reconciliation) originFact() (incident.Opened, bool) {
	if !r.Snapshot.Own {
		return incident.Opened{}, false
	}
	marks := r.reportMarks(r.Ctx, r.Snapshot)
	m := originPattern.FindStringSubmatch(firstMark("origin", marks))
	if m == nil {
		return incident.Opened{}, false
	}
	var of []string // what it may be signed with: the trouble or, by older versions, the repository's name
	if trouble := firstMark("signal", marks); trouble != "" {
		of = append(of, trouble)
	}
	for _, name := range r.names() {
		of = append(of, strings.ToLower(name.FullName()))
	}
	for _, with := range of {
		if !r.isOrigin(with, m[1], m[2]) {
			continue
		}
		var o signedOrigin
		if text, err := base64.RawURLEncoding.DecodeString(m[1]); err != nil ||
			json.Unmarshal(text, &o) != nil {
			return incident.Opened{}, false
		}
		return incident.Opened{Source: o.Source, Severity: o.Severity, Customers: o.Customers,
			Proposed: o.Proposed, Links: o.Links, Signal: true,
			Count: o.Count, Report: o.Report, Page: o.Page, Paged: o.Paged, Drill: o.Drill, Known: o.Known}, true
	}
	return incident.Opened{}, false
}

// isOrigin reports whether a key of ours signed what an incident's text holds of the report that
// opened it, together with its trouble or its repository's name.
func (e *Engine) isOrigin(with, said, signature string) bool {
	return slices.ContainsFunc(e.keys, func(key []byte) bool {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte("origin\n" + with + "\n" + said))
		return hmac.Equal([]byte(hex.EncodeToString(mac.Sum(nil))), []byte(signature))
	})
}

// signalFacts returns the facts of a report that came to this incident.
func (r *reconciliation) signalFacts() ([]incident.Fact, error) {
	signal := r.m.Signal()
	if signal == nil {
		return nil, nil
	}
	var s intake.Signal
	if err := json.Unmarshal(signal.Body, &s); err != nil {
		return nil, fmt.Errorf("read a signal: %w", err)
	}
	if s.Bounce != nil {
		return r.bounceFacts(s), nil
	}
	f := incident.Signalled{Source: sourceName(s.Source), Firing: s.Firing, Count: max(1, signal.Count),
		Report:   r.reportOf(s),
		Severity: r.Policy.Named(signal.Severity), Page: signal.Pages, Paged: signal.IsPaged}
	if s.Source == "email" {
		f.Text, f.Names, f.Links, f.From, f.Trust = s.Text, s.Attachments, linksOf(s), s.Labels["from"], string(s.Trust)
		if f.Text == "" {
			f.Text = s.Title
		}
	} else {
		f.Title, f.Words = s.Title, r.signalWords(s)
		if s.Source == "generic" {
			f.Details = s.Text
		}
	}
	return []incident.Fact{{At: r.Now, What: f}}, nil
}

// reportOf returns the identity of a report, without what it says.
func (r *reconciliation) reportOf(s intake.Signal) incident.Report {
	signal := r.m.Signal()
	if signal == nil || signal.At.IsZero() {
		return incident.Report{}
	}
	mark := r.hash("event", s.DedupKey, s.Event)[:16]
	if id := s.Thread.MessageID; id != "" {
		mark = r.mailMark(id) // by which its answers find it
	}
	return incident.Report{Mark: mark, ID: signal.ID, At: signal.At.Unix()}
}

// repeatsSuppressed returns until when a report waits, if the one before was recorded just now.
func (e *Engine) repeatsSuppressed(m Message, now time.Time) (time.Time, bool) {
	if m.Signal() == nil || m.Ref.Number == 0 {
		return time.Time{}, false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	until := e.recordedRepeats[m.Ref].Add(repeatInterval)
	return until, now.Before(until)
}

// repeatsSuppressedByCard is repeatsSuppressed by the card, as another process may have recorded
// the one before.
func (r *reconciliation) repeatsSuppressedByCard() (time.Time, bool) {
	until := r.Before.Signals.Last.Add(repeatInterval)
	return until, r.m.Signal() != nil && r.Before.Said["signals"] != 0 && r.Now.Before(until)
}

// recordRepeat remembers that a report was recorded.
func (e *Engine) recordRepeat(m Message, now time.Time) {
	if m.Signal() == nil || m.Ref.Number == 0 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for ref, at := range e.recordedRepeats {
		if now.Sub(at) > repeatInterval {
			delete(e.recordedRepeats, ref)
		}
	}
	e.recordedRepeats[m.Ref] = now
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

// PageFirst pages for a report before GitHub is asked, if the policy says so, so that an outage of
// GitHub delays nobody. It reports whether people were paged, now or for the same dedup key before.
func (e *Engine) PageFirst(ctx context.Context, repo incident.Ref, s intake.Signal) bool {
	if s.Bounce != nil {
		return false // a mail server's report
	}
	if !e.servesNow(ctx, repo) {
		return false
	}
	policy := e.policyOf(ctx, repo)
	if _, ok := e.answeredByTag(s, repo, policy.Signals); ok { // whose people know already
		return false
	}
	d := intake.Decide(s, policy)
	if d.Action != incident.RulePage || len(policy.Escalation) == 0 || e.Pager == nil {
		return false
	}
	trouble := repo.FullName() + "/signal/" + e.dedupHash(s.DedupKey)
	now := e.Clock.Now()
	e.mu.Lock()
	at, known := e.pagedEarly[trouble]
	e.mu.Unlock()
	if known && now.Sub(at) < pageEpisode {
		return true
	}
	if e.hasOpenIncident(ctx, repo, d, s) {
		return false // the look at it pages, if this is worse than what its people know
	}
	key := e.episodeKey(trouble, now)
	step := policy.Escalation[0]
	by := step.By
	if len(by) == 0 {
		by = []string{policy.Pager}
	}
	sent := false
	for _, kind := range by {
		if kind == "github" {
			continue
		}
		service, _ := policy.Service(kind)
		isNew, _, err := e.deliveries.Send(ctx, repo, key+" "+kind,
			func(ctx context.Context, before delivery.Attempt) error {
				return e.Pager.Page(ctx, Page{Ref: repo, Key: key, Reached: before.Reached, Service: service,
					URL: s.URL,
					To: slices.DeleteFunc(slices.Clone(step.To),
						func(to string) bool { return to == "phone" }),
					Title: "Unconfirmed " + cmp.Or(d.Severity, s.SeverityHint) + ": " +
						cmp.Or(d.Title, s.Title),
					Severity: cmp.Or(d.Severity, s.SeverityHint)})
			})
		if isNew {
			e.countPage(kind, repo.FullName(), key, err)
		}
		sent = sent || err == nil
	}
	if sent {
		e.mu.Lock()
		e.pagedEarly[trouble] = now
		e.mu.Unlock()
	}
	return sent
}

// policyOf returns the cached policy if it is fresh; otherwise it asks GitHub for at most 2 s and
// falls back to the last good one.
func (e *Engine) policyOf(ctx context.Context, repo incident.Ref) incident.Policy {
	e.mu.Lock()
	last, known := e.policies[repo.FullName()]
	e.mu.Unlock()
	if known && e.Clock.Now().Sub(last.read) < policyLife {
		return last.policy
	}
	patient, stop := context.WithTimeout(ctx, policyPatience)
	defer stop()
	r := e.newReconciliation(patient, Message{Ref: repo})
	if err := r.loadPolicy(); err != nil {
		e.Logger.Warn("the configuration can't be read before paging", "repository", repo.FullName(),
			"file", config.Path, "err", err)
		return e.lastPolicy(ctx, repo.FullName())
	}
	return r.Policy
}

// policyPatience is how long GitHub may take to show the configuration by which people are paged.
const policyPatience = 2 * time.Second
