package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Names change on GitHub, ids don't. A repository that was renamed, or whose organization was, is reached
// by its old name through a redirect until another repository takes that name; the addresses that a
// redirect and a Link header give have ids in place of names. An organization's old name leads nowhere.
// https://docs.github.com/en/repositories/creating-and-managing-repositories/renaming-a-repository
// https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects

// followRedirects is what a redirect refers its reader to.
const followRedirects = "https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api#follow-redirects"

// repoByID finds a repository by its id.
func (st *store) repoByID(id int64) (*Repository, bool) {
	n := slices.IndexFunc(st.Repos, func(r *Repository) bool { return r.ID == id })
	if n < 0 {
		return nil, false
	}
	return st.Repos[n], true
}

// oldName finds the repository that had a name before, if no other has it now.
func (st *store) oldName(fullName string) (*Repository, bool) {
	id, ok := st.OldNames[strings.ToLower(fullName)]
	if !ok {
		return nil, false
	}
	return st.repoByID(id)
}

// renamed returns the redirect from the repository of the path to its present address, or err where there
// is none that the caller may know of.
func (q *request) renamed(err error) error {
	name := q.value("owner") + "/" + q.value("repo")
	r, ok := q.st.oldName(name)
	switch {
	case !ok, q.by != nil && !q.st.sees(q.by, r), q.by == nil && !(q.app && q.st.installed(r)):
		return err
	}
	was := "/repos/" + url.PathEscape(q.value("owner")) + "/" + url.PathEscape(q.value("repo"))
	rest := strings.TrimPrefix(q.r.URL.EscapedPath(), was)
	return q.redirect(fmt.Sprintf("/repositories/%d%s", r.ID, rest))
}

// redirect answers with another address: for good to who reads, and for now to who writes, since then a
// client sends the same again.
func (q *request) redirect(path string) error {
	address := q.st.api("%s", path)
	if q.r.URL.RawQuery != "" {
		address += "?" + q.r.URL.RawQuery
	}
	q.head.Set("Location", address)
	status := http.StatusTemporaryRedirect
	if q.r.Method == http.MethodGet || q.r.Method == http.MethodHead {
		status = http.StatusMovedPermanently
	}
	return &Error{Status: status, Message: "Moved Permanently", address: address}
}

var (
	repoAddress = regexp.MustCompile(`^/repositories/(\d+)(/.*)?$`)
	teamAddress = regexp.MustCompile(`^/organizations/(\d+)/team/(\d+)(/.*)?$`)
	orgAddress  = regexp.MustCompile(`^/organizations/(\d+)(/.*)?$`)
	namedRepo   = regexp.MustCompile(`^/repos/([^/]+)/([^/]+)(/.*)?$`)
)

// nameAddress puts names in the place of the ids of an address.
func (q *request) nameAddress() error {
	path := q.r.URL.EscapedPath()
	to := ""
	if m := repoAddress.FindStringSubmatch(path); m != nil {
		id, _ := strconv.ParseInt(m[1], 10, 64)
		r, ok := q.st.repoByID(id)
		if !ok {
			return errNotFound
		}
		to = "/repos/" + url.PathEscape(r.Owner) + "/" + url.PathEscape(r.Name) + m[2]
	} else if m := orgAddress.FindStringSubmatch(path); m != nil {
		if m[1] != strconv.FormatInt(q.st.org.ID, 10) {
			return errNotFound
		}
		to = "/orgs/" + url.PathEscape(q.st.org.Login) + m[2]
		if m := teamAddress.FindStringSubmatch(path); m != nil {
			n := slices.IndexFunc(q.st.Teams, func(t *Team) bool { return m[2] == strconv.FormatInt(t.ID, 10) })
			if n < 0 {
				return errNotFound
			}
			to = "/orgs/" + url.PathEscape(q.st.org.Login) + "/teams/" + url.PathEscape(q.st.Teams[n].Slug) + m[3]
		}
	}
	if to == "" {
		return nil
	}
	named, err := url.Parse(to)
	if err != nil {
		return errNotFound
	}
	q.r = q.r.Clone(q.r.Context())
	q.r.URL.Path, q.r.URL.RawPath = named.Path, named.RawPath
	return nil
}

// idPath returns the path of the request with the repository's id in place of its name, as in Link headers.
func (q *request) idPath() string {
	m := namedRepo.FindStringSubmatch(q.r.URL.Path)
	if m == nil {
		return q.r.URL.Path
	}
	r, ok := q.st.repo(m[1] + "/" + m[2])
	if !ok {
		return q.r.URL.Path
	}
	return fmt.Sprintf("/repositories/%d%s", r.ID, m[3])
}

// goodName is what GitHub takes as the name of a repository; goodLogin is that of an account.
var (
	goodName  = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)
	goodLogin = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9-]{0,37}[A-Za-z0-9])?$`)
)

// setRenamed renames a repository.
func setRenamed(st *store, by *Actor, value json.RawMessage) error {
	from, to, err := pairOf(value, `["acme/incidents","acme/p1"]`)
	if err != nil {
		return err
	}
	r, ok := st.repo(from)
	owner, name, cut := strings.Cut(to, "/")
	switch _, taken := st.repo(to); {
	case !ok:
		return fmt.Errorf("there is no repository %q", from)
	case !cut || !strings.EqualFold(owner, r.Owner):
		return fmt.Errorf("a repository keeps its owner, so it becomes %s/…", r.Owner)
	case !goodName.MatchString(name):
		return fmt.Errorf("%q can't be the name of a repository", name)
	case taken && !strings.EqualFold(from, to):
		return fmt.Errorf("there is a repository %q already", to)
	}
	was := r.Name
	st.rename(r, r.Owner, name)
	st.hook(by, r, "repository", "renamed", fields{"changes": fields{"repository": fields{"name": fields{"from": was}}}})
	return nil
}

// rename gives a repository another name. Its old one leads to it; its new one leads nowhere else any more.
func (st *store) rename(r *Repository, owner, name string) {
	if st.OldNames == nil {
		st.OldNames = map[string]int64{}
	}
	old := strings.ToLower(r.FullName())
	st.OldNames[old] = r.ID
	delete(st.repos, old)
	r.Owner, r.Name, r.Updated = owner, name, st.now()
	now := strings.ToLower(r.FullName())
	st.repos[now] = r
	delete(st.OldNames, now)
	r.view = nil
	st.changed()
}

// setOrgRenamed renames the organization, and with it all its repositories.
func setOrgRenamed(st *store, by *Actor, value json.RawMessage) error {
	from, to, err := pairOf(value, `["acme","acme2"]`)
	if err != nil {
		return err
	}
	switch _, taken := st.user(to); {
	case !strings.EqualFold(from, st.org.Login):
		return fmt.Errorf("there is no organization %q; the one that there is, is %s", from, st.org.Login)
	case !goodLogin.MatchString(to):
		return fmt.Errorf("%q can't be the name of an organization", to)
	case taken && !strings.EqualFold(from, to):
		return fmt.Errorf("there is an account %q already", to)
	}
	was := st.org.Login
	delete(st.users, strings.ToLower(was))
	st.org.Login, st.org.view = to, nil
	st.users[strings.ToLower(to)] = st.org
	if st.app.Owner == was {
		st.app.Owner, st.app.view = to, nil
	}
	if st.App != nil && st.App.Owner == was {
		st.App.Owner = to
	}
	for _, t := range st.Teams {
		if t.Org == was {
			t.Org = to
		}
	}
	for _, r := range st.Repos {
		if r.Owner == was {
			st.rename(r, to, r.Name)
		}
	}
	st.changed()
	if st.Suspended.IsZero() && st.installed(nil) {
		changes := fields{"login": fields{"from": was}}
		body := fields{"action": "renamed", "changes": changes, "installation": st.installationRef()}
		if slices.Contains(st.app.Events, "organization") {
			more := fields{"organization": st.orgView(), "sender": st.userView(by.Login)}
			st.emit("organization", "renamed", hookPayload{body: maps.Clone(body).with(more)})
		}
		more := fields{"target_type": KindOrganization, "account": st.targetView()}
		st.emit("installation_target", "renamed", hookPayload{body: body.with(more)})
	}
	return nil
}

// targetView is the account of an installation, as a webhook tells of it.
func (st *store) targetView() fields {
	return st.orgView().with(fields{
		"html_url": st.url + "/" + st.org.Login, "type": KindOrganization, "gravatar_id": "",
		"site_admin": false, "has_organization_projects": true, "has_repository_projects": true,
		"public_repos": 0, "public_gists": 0, "followers": 0, "following": 0, "archived_at": nil,
		"created_at": stamp(st.org.Created), "updated_at": stamp(st.org.Created),
	})
}

// setTransferred transfers an issue.
func setTransferred(st *store, by *Actor, value json.RawMessage) error {
	from, to, err := pairOf(value, `["acme/incidents#4","acme/platform"]`)
	if err != nil {
		return err
	}
	i, err := st.issueRef(from)
	if err != nil {
		return err
	}
	target, ok := st.repo(to)
	if !ok {
		return fmt.Errorf("there is no repository %q", to)
	}
	return st.transfer(by, i, target)
}

// Transfer moves an issue to another repository, as somebody who may write in both.
func (s *Sandbox) Transfer(login, from string, number int, to string) error {
	s.st.mu.Lock()
	defer s.st.mu.Unlock()
	by, known := s.st.person(login)
	old, ok := s.st.repo(from)
	target, there := s.st.repo(to)
	if !known || !ok || !there {
		return fmt.Errorf("%s can't transfer from %s to %s", login, from, to)
	}
	i, ok := old.issueAt(number)
	if !ok {
		return fmt.Errorf("%s has no issue %d", from, number)
	}
	for _, r := range []*Repository{old, target} {
		if err := s.st.need(by, r, RoleWrite, "issues"); err != nil {
			return err
		}
	}
	return s.st.transfer(by, i, target)
}

// transfer moves an issue to another repository of the same owner. It has another id and number there.
// Comments, timeline and those labels that the other repository has come along; all that refers to the
// issue goes on to. The old address of the issue itself leads to the new one, for who may read there;
// the addresses below it lead nowhere.
// https://docs.github.com/en/issues/tracking-your-work-with-issues/administering-issues/transferring-an-issue-to-another-repository
func (st *store) transfer(by *Actor, i *Issue, target *Repository) error {
	old := i.repo
	switch {
	case old == target:
		return errors.New("the issue is there already")
	case i.Pull != nil:
		return errors.New("pull requests can't be transferred")
	case old.Owner != target.Owner:
		return errors.New("issues are transferred between repositories of one owner")
	case target.Private != old.Private && !target.Private:
		return errors.New("an issue of a private repository can't be transferred to a public one")
	}
	before := st.issueView(i)
	oldID, oldNumber := i.ID, i.Number
	old.Issues[oldNumber-1] = nil
	delete(st.issues, oldID)

	i.Labels = slices.DeleteFunc(i.Labels, func(l *Label) bool { _, has := target.label(l.Name); return !has })
	for n, l := range i.Labels {
		i.Labels[n], _ = target.label(l.Name)
	}
	target.Issues = append(target.Issues, i)
	i.ID, i.repo, i.Number = st.nextID("issue"), target, len(target.Issues)
	st.issues[i.ID] = i
	i.Assignees = slices.DeleteFunc(i.Assignees, func(login string) bool {
		return !st.assignable(login, target, i)
	})
	st.reassignID(oldID, i.ID)
	if old.Moved == nil {
		old.Moved = map[int]int64{}
	}
	old.Moved[oldNumber] = i.ID
	if !i.Closed {
		old.open--
		target.open++
	}
	old.view, target.view = nil, nil
	st.happened(by, i, Event{Kind: "transferred"})
	// GitHub shows the new issue in this event as it is by then, and the old one as it was.
	st.hook(by, old, "issues", "transferred", fields{"issue": before},
		fields{"changes": fields{"new_issue": st.issueView(i), "new_repository": st.repoView(target)}})
	st.emitIssue(by, i, "opened", fields{"changes": fields{"old_issue": before, "old_repository": st.repoView(old)}})
	return nil
}

// reassignID makes all that refers to an issue by one id refer to it by another.
func (st *store) reassignID(from, to int64) {
	change := func(id *int64) {
		if *id == from {
			*id = to
		}
	}
	for _, r := range st.Repos {
		for number, id := range r.Moved {
			if id == from {
				r.Moved[number] = to
			}
		}
		for _, i := range r.Issues {
			if i == nil {
				continue
			}
			change(&i.DuplicateOf)
			change(&i.Parent)
			for n := range i.SubIssues {
				change(&i.SubIssues[n])
			}
			for _, e := range i.Timeline {
				change(&e.IssueID)
			}
			i.mentions = nil // which are by id
		}
	}
}

// gone is the refusal for an issue that is no longer in a repository: it was deleted, or transferred to
// where the actor may read it, or may not.
// https://docs.github.com/en/rest/issues/issues#get-an-issue
func (q *request) gone(r *Repository, number int) error {
	i, moved := q.st.issues[r.Moved[number]]
	if !moved {
		return &Error{Status: http.StatusGone, Message: "This issue was deleted"}
	}
	itself := strings.HasSuffix(q.r.URL.Path, fmt.Sprintf("/issues/%d", number)) // what belongs to it answers 404
	if !itself || !q.st.can(q.by, i.repo, RoleRead, issueArea(i)...) {
		return errNotFound
	}
	err := q.redirect(fmt.Sprintf("/repositories/%d/issues/%d", i.repo.ID, i.Number))
	var e *Error
	if errors.As(err, &e) {
		e.Status = http.StatusMovedPermanently // which GitHub describes for changing an issue, too
	}
	return err
}

// issueState is a state of one issue.
func issueState(change func(*store, *Actor, *Issue) error) func(*store, *Actor, json.RawMessage) error {
	return func(st *store, by *Actor, value json.RawMessage) error {
		var ref string
		if err := decode(value, &ref, `"acme/incidents#4"`); err != nil {
			return err
		}
		i, err := st.issueRef(ref)
		if err != nil {
			return err
		}
		return change(st, by, i)
	}
}

// setLocked locks the conversation of an issue, or ends that.
func setLocked(locked bool) func(*store, *Actor, *Issue) error {
	return func(st *store, by *Actor, i *Issue) error {
		if i.Locked == locked {
			return errors.New("the issue is that already")
		}
		return st.lockIssue(by, i, locked, "")
	}
}

// setConverted converts an issue to a discussion: it is closed and locked and stays readable as an issue,
// and nobody can comment on it or open it again.
// https://docs.github.com/en/rest/using-the-rest-api/issue-event-types#converted_to_discussion
func setConverted(st *store, by *Actor, i *Issue) error {
	if i.Pull != nil || i.Converted {
		return errors.New("it is no issue, or no longer one")
	}
	if !i.Closed {
		st.close(by, i, "", "")
	}
	if !i.Locked {
		if err := st.lockIssue(by, i, true, ""); err != nil {
			return err
		}
	}
	i.Converted = true
	st.happened(by, i, Event{Kind: "converted_to_discussion"})
	return nil
}

// setDeleted deletes an issue, as an owner can.
func setDeleted(st *store, by *Actor, i *Issue) error {
	if i.Pull != nil {
		return errors.New("pull requests can't be deleted")
	}
	st.removeIssue(by, i)
	return nil
}

// renamedRepo finds a repository by a name that it had, if the actor sees it.
func (st *store) renamedRepo(by *Actor, fullName string) (*Repository, error) {
	r, ok := st.oldName(fullName)
	if !ok || !st.sees(by, r) {
		return nil, errNotFound
	}
	return r, nil
}
