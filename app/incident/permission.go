package incident

import (
	"slices"
	"strings"

	"github.com/firebreak-dev/firebreak/app/naming"
)

// OnPull reports whether a fact's id is that of a comment on the postmortem's pull request:
// "c123@pull.0". There the commands work that change the document (C3).
func OnPull(id string) bool { return strings.Contains(id, "@pull") }

// authorize reports whether the author of a command may use its row (A3, V2), and answers who may not.
func (r *run) authorize(row Row) bool {
	if row.Who == Anyone {
		return true
	}
	if r.f.By.Unsure != "" && !r.f.By.Respond {
		r.react(Unclear)
		r.reply(Say{Name: "permission-unknown", Line: row.Usage, Reason: r.f.By.Unsure})
		return false
	}
	if !r.f.By.Respond || r.f.By.Bot {
		r.refuse(Say{Name: "refused-reader", Line: shortUsage(row)})
		return false
	}
	login := r.f.By.Login
	who := row.Who
	if (row.Kind == Decline || row.Kind == Duplicate) && r.Confirmed != nil {
		who = Holder // what was confirmed is no longer everybody's to wave away
	}
	if row.Kind == DropOE {
		who = Responder // who does not have the role is answered by the handler
	}
	switch {
	case who == HolderIC && !r.holdsIC(login, r.p) && !r.mayAnswer(row.Kind):
		r.refuse(r.onlyFor("ic", "/ic"))
	case who == HolderOE && !r.holdsOE(login, r.p):
		if naming.Equal(r.IC, login) {
			r.refuse(Say{Name: "ic-does-not-debug", Names: r.OEs, Command: shortUsage(row), Try: []string{"/incident note …"}})
			break
		}
		r.refuse(r.onlyFor("oe", "/oe"))
	case who == Holder && !r.holdsIC(login, r.p) && !r.holdsOE(login, r.p):
		r.refuse(r.onlyFor("", "/ic"))
	default:
		return true
	}
	return false
}

// unsureOfNamed answers a command where GitHub does not say what the people whom it names may do, or its
// author in the repository that it names: that refuses nobody, and passes as a rule.
func (r *run) unsureOfNamed(row Row, c Command) {
	say := Say{Name: "permission-unknown", Line: row.Usage, Reason: c.Unsure, Names: c.Logins}
	if row.Kind == Revert || row.Kind == RunWorkflow && c.Repo != "" {
		say.Lines = []string{c.Repo}
	}
	r.react(Unclear)
	r.reply(say)
}

// onlyFor says who holds the role that a command needs: "ic", "oe" or, for either of them, "".
func (r *run) onlyFor(role, command string) Say {
	say := Say{Name: "refused-role", Role: role, Names: r.OEs, Command: command}
	holder, taken := r.Coordinator()
	if say.Holder = holder; !taken {
		say.Reason = "covering"
	}
	return say
}

// mayByHand reports whether somebody may change labels, assignees, and whether the issue is open.
// These name no role, so whoever has one may.
func (r *run) mayByHand() bool {
	l := r.f.By.Login
	return r.f.By.Respond && !r.f.By.Bot && (r.holdsIC(l, r.p) || r.holdsOE(l, r.p))
}

// isResponder reports whether a person who may respond caused the fact (A3).
func (r *run) isResponder() bool { return r.f.By.Respond && !r.f.By.Bot }

// mayConfirm reports whether a responder may confirm the severity: who coordinates may, who
// declared it, and, as long as nobody has taken the role, everybody who responds. A page must not
// wait for who writes the command.
func (r *run) mayConfirm() bool {
	login := r.f.By.Login
	return r.isResponder() && r.Confirmed == nil && (r.IC == "" || naming.Equal(r.IC, login) || r.isDeclarer(login))
}

// mayAnswer reports whether a command answers what its author was asked for. Whoever declared the
// incident is asked for missing data, so they may give it although somebody else coordinates by
// now.
func (r *run) mayAnswer(kind Kind) bool {
	switch kind {
	case SetSeverity:
		return r.mayConfirm()
	case AddCustomer:
		return r.isDeclarer(r.f.By.Login) && slices.Contains(r.missing(), "customers")
	}
	return false
}

// permits reports whether somebody's role allows a command, whatever the phase.
func (s State) permits(row Row, p Policy, by Person) bool {
	r := &run{State: s, p: p, f: Fact{By: by}}
	return r.authorize(row)
}

// holdsIC reports whether a responder may use the coordinator's verbs. An incident that was
// reported by a machine or by somebody who may not respond is held by whoever of the responders
// comes first.
func (s State) holdsIC(login string, p Policy) bool {
	if !s.Critical(p) && naming.Contains(s.OEs, login) && s.Confirmed != nil {
		return true // a regular incident has one person in both roles
	}
	holder, _ := s.Coordinator()
	return holder == "" || naming.Equal(holder, login)
}

// holdsOE reports whether a responder may use the engineer's verbs: the IC holds every role that is
// not delegated.
func (s State) holdsOE(login string, p Policy) bool {
	if naming.Contains(s.OEs, login) {
		return true
	}
	undelegated := len(s.OEs) == 0 || !s.Critical(p) || s.Alone != nil
	return undelegated && s.holdsIC(login, p)
}

// isDeclarer reports whether login declared the incident as a responder.
func (s State) isDeclarer(login string) bool {
	return s.Declared != nil && s.Responder && naming.Equal(s.Declared.By, login)
}

// Coordinator returns who holds IC: who took it or, until somebody does, the declarer if they may
// respond (I4). covered is false for the declarer, and "" means nobody.
func (s State) Coordinator() (login string, covered bool) {
	if s.IC != "" {
		return s.IC, true
	}
	if s.Declared != nil && s.Responder {
		return s.Declared.By, false
	}
	return "", false
}

// HasRole reports whether somebody has a role here, or declared the incident as a responder.
func (s State) HasRole(login string) bool {
	holder, _ := s.Coordinator()
	return login != "" && (naming.Equal(holder, login) || naming.Contains(s.OEs, login))
}

// Running reports whether the incident is declared and not over.
func (s State) Running() bool { return s.Declared != nil && s.Closed == nil }

// Critical reports whether the confirmed severity starts the P1 process.
func (s State) Critical(p Policy) bool { return s.Confirmed != nil && p.Critical(s.Severity) }
