package sandbox

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// hookPayload is a webhook on its way: what it says, and of which repository.
type hookPayload struct {
	repo *Repository
	body fields
}

// sign gives the value of X-Hub-Signature-256.
func sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// signSHA1 gives the value of X-Hub-Signature, which GitHub still sends for receivers that are older than the other.
// https://docs.github.com/en/webhooks/webhook-events-and-payloads#delivery-headers
func signSHA1(secret string, body []byte) string {
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write(body)
	return "sha1=" + hex.EncodeToString(mac.Sum(nil))
}

func (st *store) hook(by *Actor, r *Repository, event, action string, parts ...fields) {
	if !st.Suspended.IsZero() || !st.installed(r) || !slices.Contains(st.app.Events, event) {
		return
	}
	body := fields{"repository": st.repoView(r), "organization": st.orgView(), "sender": st.userView(by.Login), "installation": st.installationRef()}
	if action != "" {
		body["action"] = action
	}
	for _, p := range parts {
		body.with(p)
	}
	st.emit(event, action, hookPayload{repo: r, body: body})
}

func (st *store) emitIssue(by *Actor, i *Issue, action string, more fields) {
	if i.Pull != nil {
		st.emitPull(by, i, action, more)
		return
	}
	st.hook(by, i.repo, "issues", action, fields{"issue": st.hookIssueView(i)}, more)
}

// hookIssueView is an issue as webhooks of issues and comments have it: without its parent, of which there are webhooks of their own.
func (st *store) hookIssueView(i *Issue) fields {
	view := st.issueView(i)
	delete(view, "parent_issue_url")
	return view
}

func (st *store) emitComment(by *Actor, c *Comment, action string, more fields) {
	st.hook(by, c.issue.repo, "issue_comment", action, fields{"issue": st.hookIssueView(c.issue), "comment": st.commentView(c)}, more)
}

func (st *store) emitPull(by *Actor, i *Issue, action string, more fields) {
	view := st.pullFullView(i)
	if !slices.Contains(wholeTeams, action) {
		view = st.hookPullView(i, view)
	}
	st.hook(by, i.repo, "pull_request", action, fields{"number": i.Number, "pull_request": view}, more)
}

// wholeTeams are the actions whose webhooks have a pull request as REST has it.
var wholeTeams = []string{"opened", "edited", "closed", "reopened", "ready_for_review", "converted_to_draft"}

// hookPullView is a pull request's view as webhooks have it: with less of the teams.
func (st *store) hookPullView(i *Issue, view fields) fields {
	teams := []fields{}
	for _, slug := range i.Pull.Teams {
		if t, ok := st.team(slug); ok {
			teams = append(teams, st.hookTeamView(t))
		}
	}
	return view.with(fields{"requested_teams": teams})
}

// hookTeamView is a team as webhooks have it.
func (st *store) hookTeamView(t *Team) fields {
	view := st.teamView(t)
	for _, key := range []string{"notification_setting", "organization_id", "type"} {
		delete(view, key)
	}
	return view
}

func (st *store) emitReview(by *Actor, i *Issue, r *Review, action string) {
	review := st.reviewView(i, r).with(fields{"state": strings.ToLower(r.State), "body": textOrNull(r.Body)})
	st.hook(by, i.repo, "pull_request_review", action, fields{"review": review, "pull_request": st.hookPullView(i, st.pullView(i))})
}

func (st *store) emitCheck(by *Actor, r *Repository, run *CheckRun, action string) {
	view := st.checkRunView(r, run)
	if s := st.suiteFor(r, run.HeadSHA); s != nil {
		view["check_suite"] = st.suiteSimpleView(r, s)
	}
	st.hook(by, r, "check_run", action, fields{"check_run": view})
}

func (st *store) emitCheckAction(by *Actor, r *Repository, run *CheckRun, identifier string) {
	view := st.checkRunView(r, run)
	if s := st.suiteFor(r, run.HeadSHA); s != nil {
		view["check_suite"] = st.suiteSimpleView(r, s)
	}
	st.hook(by, r, "check_run", "requested_action", fields{"check_run": view, "requested_action": fields{"identifier": identifier}})
}

func (st *store) emitSubIssue(by *Actor, parent, child *Issue, what string) {
	both := fields{"parent_issue_id": parent.ID, "parent_issue": st.issueView(parent), "sub_issue_id": child.ID, "sub_issue": st.issueView(child)}
	st.hook(by, parent.repo, "sub_issues", "sub_issue_"+what, both, fields{"sub_issue_repo": st.repoView(child.repo)})
	st.hook(by, child.repo, "sub_issues", "parent_issue_"+what, both, fields{"parent_issue_repo": st.repoView(parent.repo)})
}

func (st *store) emitRef(by *Actor, r *Repository, event, ref string) {
	kind, name := "branch", strings.TrimPrefix(ref, "refs/heads/")
	if strings.HasPrefix(ref, "refs/tags/") {
		kind, name = "tag", strings.TrimPrefix(ref, "refs/tags/")
	}
	body := fields{"ref": name, "ref_type": kind, "pusher_type": "user"}
	if event == "create" {
		body.with(fields{"master_branch": r.DefaultBranch, "description": textOrNull(r.Description)})
	}
	st.hook(by, r, event, "", body)
}

func (st *store) emitPush(by *Actor, r *Repository, ref, before, after string) {
	zero := strings.Repeat("0", 40)
	from, to := before, after
	if from == "" {
		from = zero
	}
	if to == "" {
		to = zero
	}
	who := st.signature(by.Login)
	commit := func(c *Commit) fields {
		person := func(s Signature) fields { return fields{"name": s.Name, "email": s.Email, "username": c.Login} }
		var added, removed, modified []string
		for _, ch := range commitChanges(r.Git, c) {
			switch ch.Status {
			case "added":
				added = append(added, ch.Path)
			case "removed":
				removed = append(removed, ch.Path)
			default:
				modified = append(modified, ch.Path)
			}
		}
		return fields{"id": c.SHA, "tree_id": c.Tree, "distinct": true, "message": c.Message, "timestamp": stamp(c.Committer.At), "url": st.commitHTML(r, c.SHA),
			"author": person(c.Author), "committer": person(c.Committer), "added": list(added), "removed": list(removed), "modified": list(modified)}
	}
	var head any
	commits := []fields{}
	if c, ok := r.Git.Commits[after]; ok {
		head = commit(c)
		if before != "" {
			log := r.Git.log(after, before)
			for _, c := range slices.Backward(log[:min(len(log), 20)]) {
				commits = append(commits, commit(c))
			}
		}
	}
	st.hook(by, r, "push", "", fields{"ref": ref, "before": from, "after": to, "base_ref": nil, "created": before == "", "deleted": after == "",
		"forced":  before != "" && after != "" && !r.Git.ancestors(after)[before],
		"compare": fmt.Sprintf("%s/%s/compare/%.12s...%.12s", st.url, r.FullName(), from, to), "commits": commits, "head_commit": head,
		"pusher": fields{"name": by.Login, "email": who.Email}, "repository": st.pushRepoView(r)})
}

// pushRepoView is a repository as push webhooks have it: an older form, with times as numbers.
// https://docs.github.com/en/webhooks/webhook-events-and-payloads#push
func (st *store) pushRepoView(r *Repository) fields {
	owner := fields{"name": r.Owner, "email": nil}
	if u, ok := st.user(r.Owner); ok {
		owner = st.userFields(u).with(owner)
	}
	return st.repoFields(r).with(fields{
		"url": st.url + "/" + r.FullName(), "owner": owner, "created_at": r.Created.Unix(), "pushed_at": r.Pushed.Unix(),
		"stargazers": 0, "master_branch": r.DefaultBranch, "organization": r.Owner,
	})
}

func (st *store) emitStatus(by *Actor, r *Repository, s *Status) {
	commit := r.Git.Commits[s.SHA]
	branches := []fields{}
	for _, name := range r.Git.branches() {
		if c, ok := r.Git.branch(name); ok && r.Git.ancestors(c.SHA)[s.SHA] {
			branches = append(branches, fields{"name": name, "protected": false,
				"commit": fields{"sha": c.SHA, "url": st.api("/repos/%s/commits/%s", r.FullName(), c.SHA)}})
		}
	}
	st.hook(by, r, "status", "", fields{
		"id": s.ID, "sha": s.SHA, "name": r.FullName(), "avatar_url": nil, "target_url": textOrNull(s.TargetURL), "context": s.Context,
		"description": textOrNull(s.Description), "state": s.State, "commit": st.commitView(r, commit), "branches": branches,
		"created_at": stamp(s.Created), "updated_at": stamp(s.Created),
	})
}
