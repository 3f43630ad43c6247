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
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/intake"
	"github.com/firebreak-dev/firebreak/app/mark"
	"github.com/firebreak-dev/firebreak/templates"
)

// calm is how far apart a source that repeats itself is written down: what it says in between waits, and is counted.
const calm = 15 * time.Second

// remembered is how long the incident of a trouble is known without asking GitHub.
const remembered = 10 * time.Minute

// place is where a trouble stands.
type place struct {
	ref incident.Ref
	at  time.Time
}

// signal finds the incident that a source's report belongs to, opens it if there is none, and passes the report on to it:
// each incident has one writer, and this look is at none yet (I1, I6).
func (p *pass) signal() error {
	if served, err := p.serves(p.ctx, p.m.Ref, 0); err != nil || !served {
		p.Logger.Error("report dropped: its repository is not for incidents", "repository", p.m.Ref.FullName(), "err", err)
		return err
	}
	s, d, err := p.judge()
	if err != nil {
		return err
	}
	if s.Bounce != nil {
		return p.bounce(s)
	}
	if d.Action == intake.Drop {
		p.tellReporter(s, "Nothing was opened: a rule of "+p.m.Ref.FullName()+" drops this.")
		return nil
	}
	repo, err := p.routed(d.Repository)
	if err != nil {
		return err
	}
	ref, ok, err := p.answeredBy(s)
	if err != nil {
		return err
	}
	if !ok {
		if ref, err = p.find(repo, s); err != nil {
			return err
		}
	}
	signal := p.routedTo(ref)
	signal.IsPaged, signal.Pages, signal.Severity = p.m.Signal().IsPaged, d.Action == intake.Page, d.Severity
	on := Message{Ref: ref, Why: "signal", What: signal, Floor: &incident.Floor{Received: p.now}}
	if ref.Number == 0 {
		if d.Action == intake.Note || !s.Firing {
			p.Logger.Info("nothing is open that this belongs to", "source", s.Source, "trouble", p.trouble(s.DedupKey), "firing", s.Firing)
			p.tellReporter(s, "Nothing was opened: by the rules of "+p.m.Ref.FullName()+" this only belongs to an incident that is open, and none is.")
			return nil
		}
		if ref, err = p.declare(repo, s, d); err != nil {
			return err
		}
		on = Message{Ref: ref, Why: "signal", Floor: on.Floor} // what was said so far stands in the incident's text
	}
	if err := p.Queue.Enqueue(p.ctx, on, time.Time{}); err != nil {
		return err
	}
	p.tellReporter(s, p.GitHub.Address(ref))
	return nil
}

// routedTo returns what the source said as the message to its incident carries it.
func (p *pass) routedTo(ref incident.Ref) *incident.Signal {
	s := p.m.Signal()
	routed := &incident.Signal{Body: s.Body, Key: s.Key, Count: s.Count, Event: s.Event, ID: s.ID, At: s.At}
	if ref.FullName() != p.m.Ref.FullName() {
		routed.Rules = p.m.Ref.FullName()
	}
	return routed
}

// over sends what a source reports of an incident that is over back, so that it finds the one that is open, or opens one:
// another process may have closed it since this one found it. What came before the end still belongs to it, and so does an
// answer to a mail of its own.
func (p *pass) over() (bool, error) {
	if p.m.Signal() != nil {
		if passed, err := p.passSignal(); passed || err != nil {
			return passed, err
		}
	}
	gone, end := p.snap.Gone || p.snap.Pull, p.before.Closed
	signal := p.m.Signal()
	if signal == nil {
		return false, nil
	}
	ended := end != nil && !p.snap.Open && !signal.At.Before(end.At)
	if !gone && !ended {
		return false, nil
	}
	back, returned := p.m, *signal
	var s intake.Signal
	if err := json.Unmarshal(p.m.Signal().Body, &s); err != nil {
		return false, fmt.Errorf("read a signal: %w", err)
	}
	if _, ok := p.answers(s, p.m.Ref, nil); ok {
		if !gone {
			return false, nil
		}
		s.Thread.Tags = nil // what it answers is no longer there, so it is a mail as any other
		text, err := json.Marshal(s)
		if err != nil {
			return false, fmt.Errorf("write a signal: %w", err)
		}
		returned.Body = text
	}
	p.forget(p.m.Ref)
	number, err := p.GitHub.FindIncident(p.ctx, p.m.Ref.FullName(), p.isAbout(p.ctx, p.troubles(p.m.Ref, s.DedupKey)...))
	if err != nil {
		return false, fmt.Errorf("look for the incident of a signal: %w", err)
	}
	if number == p.m.Ref.Number {
		return false, &Later{Until: p.now.Add(2 * time.Second), Err: errors.New("GitHub still lists it as open")}
	}
	returned.Rules, returned.IsReturned = "", true
	back.Ref.Number, back.What = 0, &returned
	back.Delivery = "back " + signal.ID + " " + p.m.Ref.String() // SQS would take it for the one that came at first
	if owner, name, ok := strings.Cut(signal.Rules, "/"); ok {
		back.Ref = incident.Ref{Owner: owner, Repo: name}
	}
	return true, p.Queue.Enqueue(p.ctx, back, time.Time{})
}

// judge reads the report and says what becomes of it.
func (p *pass) judge() (s intake.Signal, d intake.Decision, err error) {
	if err := json.Unmarshal(p.m.Signal().Body, &s); err != nil {
		return s, d, fmt.Errorf("read a signal: %w", err)
	}
	if err := p.load(); err != nil {
		return s, d, err
	}
	return s, decide(s, p.policy), nil
}

// rules gives the policy's rules as intake reads them. The configuration has checked their patterns.
func rules(policy incident.Policy) []intake.Rule {
	var out []intake.Rule
	for _, r := range policy.Signals {
		rule := intake.Rule{Source: r.Source, Action: intake.Action(r.Action), Severity: r.Severity, Customer: r.Customer, Repository: r.Repository, Labels: map[string]*regexp.Regexp{}}
		if r.Title != "" {
			rule.Title = regexp.MustCompile(r.Title)
		}
		for name, pattern := range r.Labels {
			rule.Labels[name] = regexp.MustCompile("^(?:" + pattern + ")$")
		}
		out = append(out, rule)
	}
	return out
}

// find gives the open incident of a trouble; its number is 0 if there is none. Somebody who waits for its address is not told
// one that another process has closed: then GitHub is asked.
func (p *pass) find(repo incident.Ref, s intake.Signal) (incident.Ref, error) {
	key := repo.FullName() + " " + s.DedupKey
	p.mu.Lock()
	known, ok := p.places[key]
	p.mu.Unlock()
	if ok && !p.m.Signal().IsReturned && s.Reply == "" && p.now.Sub(known.at) < remembered {
		return known.ref, nil
	}
	ref, err := p.openOf(repo, p.troubles(repo, s.DedupKey)...)
	if err != nil {
		return repo, fmt.Errorf("look for the incident of a signal: %w", err)
	}
	if ref.Number != 0 {
		p.remember(key, ref)
	}
	return ref, nil
}

func (p *pass) remember(key string, ref incident.Ref) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for k, known := range p.places {
		if p.now.Sub(known.at) >= remembered {
			delete(p.places, k)
		}
	}
	p.places[key] = place{ref, p.now}
}

// forget makes the next report of a closed incident's trouble open another.
func (p *pass) forget(ref incident.Ref) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for k, known := range p.places {
		if known.ref == ref {
			delete(p.places, k)
			_, dedup, _ := strings.Cut(k, " ")
			p.end(ref.FullName() + "/signal/" + p.trouble(dedup))
		}
	}
}

// trouble names what a report is about, without telling it. The repository's name is no part of it: that may change.
func (e *Engine) trouble(key string) string { return e.mac("signal", key)[:24] }

// troubles lists the names of a trouble in incidents: this version's, and that of older ones.
func (e *Engine) troubles(repo incident.Ref, key string) []string {
	older := e.mac("signal", strings.ToLower(repo.FullName()), key)[:24]
	return []string{e.trouble(key), older}
}

// isAbout returns what tells the incidents that the app opened for one of some troubles.
func (e *Engine) isAbout(ctx context.Context, troubles ...string) IsMarked {
	var marks []mark.Mark
	for _, t := range troubles {
		marks = append(marks, signalMark(t))
	}
	return e.isMarked(ctx, []string{noIncident}, marks...)
}

// signalMark marks an incident with the trouble that it is about.
func signalMark(trouble string) mark.Mark { return mark.Mark{Kind: "signal", Text: trouble} }

// passOn passes an answer to a page that went out before its incident was opened on to the incident.
func (p *pass) passOn() error {
	trouble, ok := strings.CutPrefix(p.m.Ack().Page, "signal/")
	if !ok {
		return nil
	}
	trouble, _, _ = strings.Cut(trouble, "-") // as episode writes it
	ref, err := p.openOf(p.m.Ref, trouble)
	if err != nil || ref.Number == 0 {
		return err
	}
	ack := *p.m.Ack()
	ack.Page = "page/1"
	return p.Queue.Enqueue(p.ctx, Message{Ref: ref, Why: "ack", What: &ack}, time.Time{})
}

func (e *Engine) mac(parts ...string) string {
	mac := hmac.New(sha256.New, e.keys[0])
	mac.Write([]byte(strings.Join(parts, "\n")))
	return hex.EncodeToString(mac.Sum(nil))
}

// origin is what an incident's text holds of the report that opened it, signed: everybody with write access could edit it.
type origin struct {
	Source    string          `json:"source"`
	Severity  string          `json:"severity,omitempty"`
	Customers []string        `json:"customers,omitempty"`
	Page      bool            `json:"page,omitempty"`
	Paged     bool            `json:"paged,omitempty"`
	Drill     bool            `json:"drill,omitempty"`
	Count     int             `json:"count,omitempty"`
	Report    incident.Report `json:"report,omitzero"`
	Known     []string        `json:"known,omitempty"` // marks of what it said
}

// declare opens an incident for a report. What the source said is quoted, so that nothing in it acts.
func (p *pass) declare(repo incident.Ref, s intake.Signal, d intake.Decision) (incident.Ref, error) {
	o := origin{Source: sourceName(s.Source), Page: d.Action == intake.Page, Paged: p.m.Signal().IsPaged, Drill: s.Drill, Count: p.m.Signal().Count, Report: p.report(s)}
	o.Severity = p.policy.Named(d.Severity)
	for _, w := range p.words(s) {
		o.Known = append(o.Known, w.Mark)
	}
	names, _ := p.policy.ReadCustomers(d.Customer)
	for _, name := range names {
		if c, ok := p.policy.Customer(name); ok { // a source may call them by a name of its own, which stands among the labels
			o.Customers = append(o.Customers, c.Name)
		}
	}
	text, err := templates.Comment(incident.Say{Name: "reported", Line: o.Source, Role: string(s.Trust), Reason: s.Text, Lines: facts(s), Missing: links(s), Names: s.Attachments, Count: o.Count})
	if err != nil {
		return repo, fmt.Errorf("write the incident of a signal: %w", err)
	}
	trouble := p.trouble(s.DedupKey)
	body := p.marks().Issue(noIncident, text, p.now, signalMark(trouble), p.originMark(trouble, o))
	title, labels := cmp.Or(d.Title, s.Title), []string{incident.LabelIncident}
	if s.Drill {
		title, labels = "Drill: "+title, append(labels, incident.LabelDrill)
	}
	repo.Number, _, err = p.GitHub.OpenIssue(p.ctx, repo.FullName(), NewIssue{Title: title, Body: body, Labels: labels})
	if err != nil {
		return repo, fmt.Errorf("open the incident of a signal: %w", err)
	}
	p.remember(repo.FullName()+" "+s.DedupKey, repo)
	p.noteRecent(repo, p.now, func(r *recent) { r.opened = p.now })
	return repo, nil
}

// facts lists a report's labels.
func facts(s intake.Signal) (lines []string) {
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

// links lists a report's addresses as they are: a link could say one thing and lead to another.
func links(s intake.Signal) (urls []string) {
	for _, u := range append([]string{s.Runbook, s.URL}, s.CallLinks...) {
		if u != "" && !slices.Contains(urls, u) {
			urls = append(urls, u)
		}
	}
	return urls
}

// sourceName gives the name under which people know a source.
func sourceName(source string) string {
	switch source {
	case "cloudwatch":
		return "CloudWatch"
	case "email":
		return "Email"
	case "generic":
		return "A webhook"
	}
	return templates.Service(source)
}

// originMark writes down the report that opened an incident. It is signed together with the trouble, whose mark stands beside it,
// and not with the repository's name, which may change.
func (p *pass) originMark(trouble string, o origin) mark.Mark {
	text, err := json.Marshal(o)
	if err != nil {
		panic("engine: " + err.Error()) // strings and booleans always marshal
	}
	said := base64.RawURLEncoding.EncodeToString(text)
	return mark.Mark{Kind: "origin", Text: said + "." + p.mac("origin", trouble, said)}
}

var originText = regexp.MustCompile(`^([A-Za-z0-9_-]+)\.([0-9a-f]{64})$`)

// reported gives the fact that a source opened this incident, if the app wrote so.
func (p *pass) reported() (incident.Opened, bool) {
	if !p.snap.Own {
		return incident.Opened{}, false
	}
	marks := p.reportMarks(p.ctx, p.snap)
	m := originText.FindStringSubmatch(markOf("origin", marks))
	if m == nil {
		return incident.Opened{}, false
	}
	var of []string // what it may be signed with: the trouble or, by older versions, the repository's name
	if trouble := markOf("signal", marks); trouble != "" {
		of = append(of, trouble)
	}
	for _, name := range p.names() {
		of = append(of, strings.ToLower(name.FullName()))
	}
	for _, with := range of {
		if !p.isOrigin(with, m[1], m[2]) {
			continue
		}
		var o origin
		if text, err := base64.RawURLEncoding.DecodeString(m[1]); err != nil || json.Unmarshal(text, &o) != nil {
			return incident.Opened{}, false
		}
		return incident.Opened{Source: o.Source, Severity: o.Severity, Customers: o.Customers, Signal: true, Count: o.Count, Report: o.Report, Page: o.Page, Paged: o.Paged, Drill: o.Drill, Known: o.Known}, true
	}
	return incident.Opened{}, false
}

// isOrigin reports whether a key of ours signed what an incident's text holds of the report that opened it, together with its
// trouble or its repository's name.
func (e *Engine) isOrigin(with, said, signature string) bool {
	return slices.ContainsFunc(e.keys, func(key []byte) bool {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte("origin\n" + with + "\n" + said))
		return hmac.Equal([]byte(hex.EncodeToString(mac.Sum(nil))), []byte(signature))
	})
}

// repeated gives the fact that a source said something of this incident again.
func (p *pass) repeated() ([]incident.Fact, error) {
	signal := p.m.Signal()
	if signal == nil {
		return nil, nil
	}
	var s intake.Signal
	if err := json.Unmarshal(signal.Body, &s); err != nil {
		return nil, fmt.Errorf("read a signal: %w", err)
	}
	if s.Bounce != nil {
		return p.undelivered(s), nil
	}
	f := incident.Signalled{Source: sourceName(s.Source), Firing: s.Firing, Count: max(1, signal.Count), Report: p.report(s),
		Severity: p.policy.Named(signal.Severity), Page: signal.Pages, Paged: signal.IsPaged}
	if s.Source == "email" {
		f.Text, f.Names, f.Links, f.From, f.Trust = s.Text, s.Attachments, s.CallLinks, s.Labels["from"], string(s.Trust)
		if f.Text == "" {
			f.Text = s.Title
		}
	} else {
		f.Title, f.Words = s.Title, p.words(s)
		if s.Source == "generic" {
			f.Details = s.Text
		}
	}
	return []incident.Fact{{At: p.now, What: f}}, nil
}

// report names what a message says, without telling it.
func (p *pass) report(s intake.Signal) incident.Report {
	signal := p.m.Signal()
	if signal == nil || signal.At.IsZero() {
		return incident.Report{}
	}
	return incident.Report{Mark: p.mac("event", s.DedupKey, s.Event)[:16], ID: signal.ID, At: signal.At.Unix()}
}

// wait tells until when a report waits because the one before was just written down.
func (e *Engine) wait(m Message, now time.Time) (time.Time, bool) {
	if m.Signal() == nil || m.Ref.Number == 0 {
		return time.Time{}, false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	until := e.wrote[m.Ref].Add(calm)
	return until, now.Before(until)
}

// calm tells the same by the card, where another process wrote the one before.
func (p *pass) calm() (time.Time, bool) {
	until := p.before.Signals.Last.Add(calm)
	return until, p.m.Signal() != nil && p.before.Said["signals"] != 0 && p.now.Before(until)
}

func (e *Engine) noted(m Message, now time.Time) {
	if m.Signal() == nil || m.Ref.Number == 0 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for ref, at := range e.wrote {
		if now.Sub(at) > calm {
			delete(e.wrote, ref)
		}
	}
	e.wrote[m.Ref] = now
}

// tellReporter answers somebody who reported in a chat and waits there for the incident's address, or for why there is none.
func (p *pass) tellReporter(s intake.Signal, text string) {
	if s.Reply == "" || p.Replier == nil {
		return
	}
	if err := p.Replier.Reply(p.ctx, s.Reply, text); err != nil {
		p.Logger.Warn("reporter could not be answered", "repository", p.m.Ref.FullName(), "source", s.Source, "err", brief(err))
	}
}

// PageFirst pages for a report before GitHub is asked, if the policy says so, so that GitHub's outage delays nobody. It tells
// whether people outside GitHub were paged: once for each trouble.
func (e *Engine) PageFirst(ctx context.Context, repo incident.Ref, s intake.Signal) bool {
	if s.Bounce != nil {
		return false // a mail server's report
	}
	if !e.servesNow(ctx, repo) {
		return false
	}
	policy := e.policyOf(ctx, repo)
	if _, ok := e.answers(s, repo, policy.Signals); ok { // whose people know already
		return false
	}
	d := decide(s, policy)
	if d.Action != intake.Page || len(policy.Escalation) == 0 || e.Pager == nil {
		return false
	}
	trouble := repo.FullName() + "/signal/" + e.trouble(s.DedupKey)
	now := e.Clock.Now()
	e.mu.Lock()
	at, known := e.paged[trouble]
	e.mu.Unlock()
	if known && now.Sub(at) < pagedOnce {
		return true
	}
	if e.isOpen(ctx, repo, d, s) {
		return false // the look at it pages, if this is worse than what its people know
	}
	key := e.episode(trouble, now)
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
		isNew, _, err := e.sendOnce(ctx, repo, key+" "+kind, func(ctx context.Context, before delivery) error {
			return e.Pager.Page(ctx, Page{Ref: repo, Key: key, Reached: before.Reached, Service: service, URL: s.URL,
				To:       slices.DeleteFunc(slices.Clone(step.To), func(to string) bool { return to == "phone" }),
				Title:    "Unconfirmed " + cmp.Or(d.Severity, s.SeverityHint) + ": " + cmp.Or(d.Title, s.Title),
				Severity: cmp.Or(d.Severity, s.SeverityHint)})
		})
		if isNew {
			e.countPage(kind, repo.FullName(), key, err)
		}
		sent = sent || err == nil
	}
	if sent {
		e.mu.Lock()
		e.paged[trouble] = now
		e.mu.Unlock()
	}
	return sent
}

// policyOf gives a repository's policy: as it was read last, for as long as asking again would keep people waiting.
func (e *Engine) policyOf(ctx context.Context, repo incident.Ref) incident.Policy {
	e.mu.Lock()
	last, known := e.files[repo.FullName()]
	e.mu.Unlock()
	if known && e.Clock.Now().Sub(last.read) < configured {
		return last.policy
	}
	patient, stop := context.WithTimeout(ctx, patience)
	defer stop()
	p := &pass{Engine: e, ctx: patient, m: Message{Ref: repo}, now: e.Clock.Now().UTC()}
	if err := p.load(); err != nil {
		e.Logger.Warn("the configuration can't be read before paging", "repository", repo.FullName(), "file", config.Path, "err", err)
		return e.lastPolicy(ctx, repo.FullName())
	}
	return p.policy
}

// patience is how long GitHub may take to give the configuration by which people are paged.
const patience = 2 * time.Second
