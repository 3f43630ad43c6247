package webhook

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/firebreak-dev/firebreak/app/command"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// Self is what the app knows of itself: its own doings need no look.
type Self struct {
	AppID int64
	Login string // slug[bot]; empty: not known
	// IsChatty has comments without commands passed on, for the incidents' channels in Slack.
	IsChatty bool
}

// Decide reports, from an event's payload alone, whether its incident must be reconciled, and which
// that is. Events that say nothing to the product are not even decoded. An error means that this is
// nothing that GitHub sends.
func Decide(event string, body []byte, self Self) (m incident.Message, relevant bool, err error) {
	if !concernsUs(event, body) {
		if !looksWhole(body) {
			return m, false, fmt.Errorf("the payload of %q can't be read: %w", event, errNoObject)
		}
		return m, false, nil
	}
	p, err := decode(body)
	if err != nil {
		return m, false, fmt.Errorf("the payload of %q can't be read: %w", event, err)
	}
	if access := accessEvents[event]; access != nil {
		return m, slices.Contains(access, p.Action) && p.aboutAccess(event, &m), nil
	}
	if event == "workflow_run" {
		return m, p.hasRepository() && p.aboutRun(&m, self), nil
	}
	if event == gateEvent {
		return m, p.hasRepository() && p.aboutGate(&m), nil
	}
	if !p.hasRepository() || p.isOwnDoing(event, self) {
		return m, false, nil
	}
	m.Ref = incident.Ref{Owner: p.Repository.Owner.Login, Repo: p.Repository.Name}
	m.Why = event + "." + p.Action
	if p.Issue != nil {
		m.Ref.Number = p.Issue.Number
	}
	switch event {
	case "push":
		return m, p.aboutQueue(&m) || p.aboutConfig(&m), nil
	case "deployment_status":
		return m, p.aboutDeployment(&m), nil
	}
	relevant = p.aboutIncident(event, &m, self)
	if relevant && m.CustomerAnswer() == nil && m.ChatLines() == nil { // which is of another issue than its incident's
		m.Floor = p.floor(event)
	}
	if m.Ref.Owner == p.Repository.Owner.Login && m.Ref.Repo == p.Repository.Name {
		m.Repository = p.Repository.ID
	}
	if ref, err := incident.ParseRef(m.Ref.String()); err != nil || ref != m.Ref {
		return m, false, nil
	}
	return m, relevant, nil
}

// isBy reports whether the app itself opened something, as far as its name is known.
func (p payload) isBy(author *account, self Self) bool {
	return author != nil && author.Type == "Bot" && (self.Login == "" || naming.Equal(author.Login, self.Login))
}

// concernsUs reports whether events of that name are decoded at all.
func concernsUs(event string, body []byte) bool {
	switch event {
	case "issues", "issue_comment", "pull_request", "pull_request_review":
		return true
	case "push":
		return changesSettings(body) || bytes.Contains(body, []byte(queueBranch))
	case "deployment_status":
		return bytes.Contains(body, []byte(`"success"`))
	case gateEvent:
		return true
	case "workflow_run":
		return bytes.Contains(body, []byte(dispatched)) // of most runs nothing is decoded
	}
	return accessEvents[event] != nil
}

// hasRepository reports whether the payload names its repository.
func (p payload) hasRepository() bool {
	return p.Repository != nil && p.Repository.Name != "" && p.Repository.Owner.Login != ""
}

// isOwnDoing reports whether the app itself did it, and nothing follows from that.
func (p payload) isOwnDoing(event string, self Self) bool {
	own := p.Sender != nil && self.Login != "" && naming.Equal(p.Sender.Login, self.Login)
	return own && event != "pull_request" && !p.opensForm(event)
}

// aboutIncident reports whether something happened to an incident's issue, to its postmortem's pull
// request, or to one of its tickets, and completes the message.
func (p payload) aboutIncident(event string, m *incident.Message, self Self) bool {
	switch event {
	case "pull_request", "pull_request_review":
		return p.aboutPull(m, self)
	case "issue_comment":
		return p.aboutComment(m, self)
	}
	if !p.aboutTicket(m, self) && !p.aboutTransfer(m) && !p.aboutRemoval(m) && !p.aboutIssue(self) {
		return false
	}
	if m.What == nil {
		if issue := p.declaration(); issue != nil {
			m.What = incident.Refresh{Issue: issue}
		}
	}
	return true
}

// accessEvents are the events, with their actions, after which the App may reach more or less than
// before, or by another name. They are of no issue.
var accessEvents = map[string][]string{
	"installation":              {"created", "deleted", "suspend", "unsuspend", "new_permissions_accepted"},
	"installation_repositories": {"added", "removed"},
	"installation_target":       {"renamed"},
	"repository": {
		"renamed",
		"transferred",
		"archived",
		"unarchived",
		"deleted",
		"privatized",
		"publicized",
	},
}

// aboutAccess completes a message that asks for a look at the open incidents of a repository or of an
// installation. It reports whether the payload names it.
func (p payload) aboutAccess(event string, m *incident.Message) bool {
	sweep := incident.Sweep{Installation: p.Installation, At: p.Changed}
	m.Why, m.Ref.Owner = event+"."+p.Action, p.Account
	if event == "repository" {
		if p.Repository == nil {
			return false
		}
		m.Ref, sweep.At = incident.Ref{
			Owner: p.Repository.Owner.Login,
			Repo:  p.Repository.Name,
		}, p.Repository.Updated
	}
	m.What = sweep
	name := m.Ref
	if name.Number = 1; name.Repo == "" {
		name.Repo = "any"
	}
	ref, err := incident.ParseRef(name.String())
	return err == nil && ref == name && sweep.Installation != 0
}

// floor returns what the payload proves of the issue or pull request that it is about.
func (p payload) floor(event string) *incident.Floor {
	f := &incident.Floor{}
	switch {
	case p.Pull != nil:
		f.Updated = p.Pull.Updated
	case p.Issue != nil:
		f.Updated = p.Issue.Updated
	}
	switch event + "." + p.Action {
	case "issues.labeled", "issues.unlabeled":
		f.Event, f.Name = p.Action, p.Label
	case "issues.assigned", "issues.unassigned":
		f.Event, f.Name = p.Action, p.Assignee
	case "issues.closed", "issues.reopened":
		f.Event = p.Action
	case "issues.edited":
		if p.WasTitle != nil {
			f.Event = "renamed"
		}
	case "issue_comment.created":
		f.Comment = p.Comment.ID
	case "issue_comment.deleted":
		f.Deleted = p.Comment.ID
	case "issue_comment.edited", "issue_comment.unpinned":
		if p.Comment.User.Type == "Bot" { // one of the app's own, or it would not be relevant
			f.Touched = p.Comment.ID
		}
	}
	isPush := event+"."+p.Action == "pull_request.synchronize"
	if (f.Event != "" || f.Deleted != 0 || f.Touched != 0 || isPush) && p.Sender != nil {
		f.By = p.Sender.Login
	}
	return f
}

// bySomeBot reports whether a bot did it.
func (p payload) bySomeBot() bool { return p.Sender != nil && p.Sender.Type == "Bot" }

// byHand reports whether it counts as done by hand: by a person, or by another app. While the app
// doesn't know its own name, any bot could be itself.
func (p payload) byHand(self Self) bool { return !p.bySomeBot() || self.Login != "" }

// opensForm reports whether an incident was opened by the form. If the app did so, it was by
// `firebreak drill`, and nothing else asks for a look.
func (p payload) opensForm(event string) bool {
	return event == "issues" && p.Action == "opened" && p.Issue != nil && p.declared() && isForm(p.Issue.Body)
}

// declared reports whether the issue carries the incident label.
func (p payload) declared() bool { return declared(p.Issue.Labels) }

func declared(labels []string) bool {
	return slices.ContainsFunc(
		labels,
		func(name string) bool { return naming.Equal(name, incident.LabelIncident) },
	)
}

// What a repository may set, which is checked before it is merged: the configuration and the
// postmortem template.
var settingsPaths = []string{incident.ConfigPath, incident.OnCallPath, incident.PostmortemTemplatePath}

// changesSettings reports whether a push may change one of them.
func changesSettings(body []byte) bool {
	return slices.ContainsFunc(
		settingsPaths,
		func(path string) bool { return bytes.Contains(body, []byte(path)) },
	)
}

// aboutConfig reports whether a push changes what a repository may set.
func (p payload) aboutConfig(m *incident.Message) bool {
	changed := false
	for _, c := range p.Commits {
		for _, path := range settingsPaths {
			changed = changed || slices.Contains(c.Added, path) || slices.Contains(c.Modified, path)
		}
	}
	if !changed || !isCommit(p.After) {
		return false
	}
	m.What, m.Why = incident.ConfigPush{Commit: p.After}, "push"
	return m.Ref.Owner != "" && m.Ref.Repo != ""
}

// queueBranch begins the branches that a merge queue makes, each with what it is about to merge.
// https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/configuring-pull-request-merges/managing-a-merge-queue
const queueBranch = "refs/heads/gh-readonly-queue/"

// aboutQueue reports whether a merge queue made such a branch: in a frozen repository its commit needs a status
// (X4). Such pushes come to whoever is subscribed to pushes; the event merge_group would take a permission more.
func (p payload) aboutQueue(m *incident.Message) bool {
	if !strings.HasPrefix(p.Pushed, queueBranch) || !isCommit(p.After) {
		return false
	}
	m.What, m.Why = incident.QueueChanged{Repo: m.Ref.FullName()}, "push"
	return p.isRepository(m)
}

// isCommit reports whether it names a commit: what is deleted is pushed as zeros.
func isCommit(name string) bool { return sha.MatchString(name) && strings.Trim(name, "0") != "" }

// aboutDeployment reports whether a deployment succeeded: a revert may be live with it (X3). Whether one is
// waited for there the payload doesn't say.
func (p payload) aboutDeployment(m *incident.Message) bool {
	if p.Deployment == nil || p.Deployment.State != "success" {
		return false
	}
	m.What, m.Why = &incident.Deployed{Environment: p.Deployment.Environment}, "deployment_status"
	return p.isRepository(m)
}

// isRepository reports whether the message is of a repository, without a number.
func (p payload) isRepository(m *incident.Message) bool {
	name := m.Ref
	name.Number = 1
	ref, err := incident.ParseRef(name.String())
	return err == nil && ref == name
}

// dispatched is the event of a run that somebody asked for, rather than a push or a time.
const dispatched = "workflow_dispatch"

// aboutRun reports whether a run ended that the app started: of an incident, which the engine knows.
func (p payload) aboutRun(m *incident.Message, self Self) bool {
	isEnd := p.Run != nil && p.Action == "completed" && p.Run.Event == dispatched && p.Run.ID > 0
	if !isEnd || !p.isBy(p.Run.Actor, self) {
		return false
	}
	m.Ref = incident.Ref{Owner: p.Repository.Owner.Login, Repo: p.Repository.Name}
	m.Why, m.What = "workflow_run.completed", incident.RunEnded{ID: p.Run.ID}
	return p.isRepository(m)
}

// callback is the address at which a deployment protection rule is answered: the payload has the run's id
// there alone.
var callback = lazily.Compile(`/actions/runs/(\d{1,18})/deployment_protection_rule$`)

// aboutGate reports whether a deployment waits for the app's word (X4), whoever asked for it: what the app itself
// started waits too.
func (p payload) aboutGate(m *incident.Message) bool {
	at := callback.FindStringSubmatch(p.Callback)
	if p.Action != "requested" || at == nil || p.Environment == "" {
		return false
	}
	id, err := strconv.ParseInt(at[1], 10, 64)
	m.Ref = incident.Ref{Owner: p.Repository.Owner.Login, Repo: p.Repository.Name}
	m.Why, m.What = gateEvent, &incident.GateAsked{Run: id, Environment: p.Environment}
	return err == nil && id > 0 && p.isRepository(m)
}

// gateEvent asks for the app's word on a deployment.
const gateEvent = "deployment_protection_rule"

var sha = lazily.Compile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

// isForm reports whether the text is the issue form's, whose label may come a moment after it.
func isForm(body string) bool {
	_, ok := command.Form(body)
	return ok
}

// ours reports whether a label means something to the product.
func ours(label string) bool {
	_, ok := incident.OwnLabel(label)
	return ok
}

// aboutPull reports whether a postmortem's pull request was merged, closed, opened again, written to
// or reviewed. Its branch names the incident; a branch of the same name in a fork is somebody else's.
func (p payload) aboutPull(m *incident.Message, self Self) bool {
	if p.Pull == nil {
		return false
	}
	switch p.Action {
	case "closed", "reopened":
	case "synchronize", "submitted", "dismissed":
		if !p.byHand(self) || p.Sender != nil && naming.Equal(p.Sender.Login, self.Login) {
			return false // what the app itself wrote it has checked
		}
	default:
		return false
	}
	if of, ok := incident.ReadRevertMark(p.Pull.Body); ok && p.Action == "closed" && p.isBy(p.Pull.Author, self) {
		m.Ref, m.What, m.Why = of, incident.Refresh{}, incident.RevertClosed
		return true
	}
	number, ok := incident.ParsePostmortemBranch(p.Pull.Ref)
	if !ok || p.Pull.From == "" || !naming.Equal(p.Pull.From, p.Repository.FullName) {
		return false
	}
	m.Ref.Number, m.What = number, incident.PullChanged{Number: p.Pull.Number}
	return true
}
