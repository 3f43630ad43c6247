package incident

import (
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/naming"
)

// Early is what labels said of an issue before it became an incident: GitHub tells labels that are put on together in any order.
type Early struct {
	Severity string `json:"severity,omitempty"`
	By       string `json:"by,omitempty"`
	Sure     bool   `json:"sure,omitempty"` // a responder set the severity
	Drill    bool   `json:"drill,omitempty"`
}

// labeledEarly remembers a label of an issue that is no incident yet.
func (r *run) labeledEarly(name string) {
	var e Early
	if r.Early != nil {
		e = *r.Early
	}
	name, _ = OwnLabel(name)
	severity, isSeverity := strings.CutPrefix(name, LabelSeverity)
	switch {
	case isSeverity:
		e.Severity, e.By, e.Sure = severity, r.f.By.Login, r.isResponder()
	case name == LabelDrill:
		e.Drill = true
	default:
		return
	}
	r.Early = &e
}

// unlabeledEarly forgets a label that was taken off again.
func (r *run) unlabeledEarly(name string) {
	if r.Early == nil {
		return
	}
	e := *r.Early
	switch label, _ := OwnLabel(name); label {
	case LabelSeverity + e.Severity:
		e.Severity, e.By, e.Sure = "", "", false
	case LabelDrill:
		e.Drill = false
	}
	r.Early = &e
}

// isResponder reports whether a person who may respond caused the fact (A3).
func (r *run) isResponder() bool { return r.f.By.Respond && !r.f.By.Bot }

// judge decides what the severity of a declaration means: a responder's word confirms it (I3), whatever else is missing (I2);
// anybody else's is a claim, and a critical claim pages whoever is on call (I7).
func (r *run) judge(o Opened, early Early) {
	said, sure, by := r.p.Named(o.Severity), r.Responder, r.f.By
	label := r.p.Named(early.Severity)
	isWorse := r.p.Critical(label) && !r.p.Critical(said)
	isSurer := r.p.Critical(label) == r.p.Critical(said) && early.Sure && !sure
	if label != "" && (said == "" || isWorse || isSurer) {
		said, sure, by = label, early.Sure, Person{Login: early.By, Respond: early.Sure}
	}
	r.Claimed = said
	r.Signals.Worst = ""
	if o.Signal {
		r.Signals.Worst = said
	}
	switch {
	case said != "" && sure:
		declarer := r.f.By
		r.f.By = by
		r.confirm(said, "")
		r.f.By = declarer
	case o.Page || o.Paged:
		r.pageUnconfirmed(o.Paged)
	case !o.Signal && r.p.Critical(said) && r.p.PagesClaims():
		r.pageUnconfirmed(false)
	}
}

// claim takes a severity from somebody who may not confirm one, while nobody has. A rise to critical pages as unconfirmed, once (I7).
func (r *run) claim(severity string, page, paged bool) {
	if severity = r.p.Named(severity); !r.Running() || r.Confirmed != nil || !r.isWorse(severity, r.Claimed) {
		return
	}
	r.Claimed = severity
	hasPaged := slices.ContainsFunc(r.Paging.Pages, func(p Page) bool { return p.Why == "team" })
	if page && r.p.Critical(severity) && !hasPaged && r.Paging.Next.IsZero() && r.Phase != Closing {
		r.pageUnconfirmed(paged)
	}
}

// isWorse reports whether a severity is worse than what is known.
func (r *run) isWorse(severity, known string) bool {
	return severity != "" && (known == "" || r.p.Critical(severity) && !r.p.Critical(known))
}

// mayConfirm reports whether a responder may confirm the severity: who coordinates may, who declared it, and, as long as nobody
// has taken the role, everybody who responds. A page must not wait for who writes the command.
func (r *run) mayConfirm() bool {
	login := r.f.By.Login
	return r.isResponder() && r.Confirmed == nil && (r.IC == "" || naming.Equal(r.IC, login) || r.isDeclarer(login))
}

// isDeclarer reports whether login declared the incident as a responder.
func (s State) isDeclarer(login string) bool {
	return s.Declared != nil && s.Responder && naming.Equal(s.Declared.By, login)
}

// mayAnswer reports whether a command answers what its author was asked for. Whoever declared the incident is asked for missing
// data, so they may give it although somebody else coordinates by now.
func (r *run) mayAnswer(kind Kind) bool {
	switch kind {
	case SetSeverity:
		return r.mayConfirm()
	case AddCustomer:
		return r.isDeclarer(r.f.By.Login) && slices.Contains(r.missing(), "customers")
	}
	return false
}

// AskedForData names who is asked for missing data.
func (s State) AskedForData() string { return s.asked() }

// asked names who is asked for missing data: who declared it; for a report from outside the IC, an OE, or nobody.
func (s State) asked() string {
	switch {
	case s.Declared != nil && s.Responder:
		return s.Declared.By
	case s.IC != "":
		return s.IC
	case len(s.OEs) > 0:
		return s.OEs[0]
	}
	return ""
}

// slowest is the longest wait between two reminders that come again until somebody answers.
const slowest = 4 * time.Hour

// doubled gives the next wait of such reminders.
func doubled(wait time.Duration) time.Duration { return max(wait, min(2*wait, slowest)) }

// keepAsking starts and ends the reminders of missing data (I2) and of a claim that nobody has taken (I7).
func (r *run) keepAsking() {
	switch needed := r.Running() && r.Phase != Closing && len(r.missing()) > 0 && r.asked() != ""; { // with nobody to ask, the card asks
	case !needed:
		r.Asked.Data, r.Asked.DataWait = time.Time{}, 0
	case r.Asked.Data.IsZero():
		r.Asked.Data, r.Asked.DataWait = r.f.At.Add(r.p.AskData), r.p.AskData
	}
	switch {
	case !r.isUnclaimed():
		r.Asked.Claim, r.Asked.ClaimWait = time.Time{}, 0
	case r.Asked.Claim.IsZero() && len(r.Paging.Pages) > 0: // people were paged, and nobody took it
		r.Asked.Claim, r.Asked.ClaimWait = r.f.At.Add(r.p.AskClaim), r.p.AskClaim
	case r.Asked.Claim.IsZero():
		r.Asked.Claim, r.Asked.ClaimWait = r.f.At, 0
	}
}

// isUnclaimed reports whether the incident is a claim from outside that nobody has taken and nobody is being paged for. A drill
// reminds nobody (A6).
func (s State) isUnclaimed() bool {
	return s.Running() && s.Confirmed == nil && !s.Responder && s.IC == "" && len(s.OEs) == 0 && !s.Drill && s.Phase != Closing &&
		s.Paging.Next.IsZero()
}

// IsUnclaimed reports whether the incident waits for somebody to take it.
func (s State) IsUnclaimed() bool { return s.isUnclaimed() }
