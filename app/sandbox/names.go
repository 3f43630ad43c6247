package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Names change on GitHub, ids don't. A repository that was renamed, or whose organization was, is reached
// by its old name through a redirect until another repository takes that name; the addresses that a
// redirect and a Link header give have ids in place of names. An organization's old name leads nowhere.
// https://docs.github.com/en/repositories/creating-and-managing-repositories/renaming-a-repository
// https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects

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
	st.emit(&repositoryEvent{By: by, Repository: r, Action: "renamed", WasName: was})
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
	r.revise()
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
	st.org.Login = to
	st.users[strings.ToLower(to)] = st.org
	if st.app.Owner == was {
		st.app.Owner = to
	}
	if st.Registered != nil && st.Registered.Owner == was {
		st.Registered.Owner = to
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
	st.emit(&organizationEvent{By: by, WasLogin: was})
	return nil
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
	before := i.snapshot()
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
		old.countOpen(-1)
		target.countOpen(1)
	}
	st.happened(by, i, Event{Kind: "transferred"})
	st.emit(&transferEvent{By: by, Before: before, Issue: i})
	st.emit(&issueEvent{By: by, Issue: i, Action: "opened", TransferredFrom: before})
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
	st.deleteIssue(by, i)
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
