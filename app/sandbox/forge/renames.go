package forge

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

// RepositoryByID finds a repository by its id.
func (f *Forge) RepositoryByID(id int64) (*Repository, bool) {
	n := slices.IndexFunc(f.Repos, func(r *Repository) bool { return r.ID == id })
	if n < 0 {
		return nil, false
	}
	return f.Repos[n], true
}

// FindRenamed finds the repository that had a name before, if no other has it now.
func (f *Forge) FindRenamed(fullName string) (*Repository, bool) {
	id, ok := f.OldNames[strings.ToLower(fullName)]
	if !ok {
		return nil, false
	}
	return f.RepositoryByID(id)
}

// goodName is what GitHub takes as the name of a repository; goodLogin is that of an account.
var (
	goodName  = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)
	goodLogin = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9-]{0,37}[A-Za-z0-9])?$`)
)

// setRenamed renames a repository.
func setRenamed(f *Forge, by *Actor, value json.RawMessage) error {
	from, to, err := pairOf(value, `["acme/incidents","acme/p1"]`)
	if err != nil {
		return err
	}
	r, ok := f.FindRepository(from)
	owner, name, cut := strings.Cut(to, "/")
	switch _, taken := f.FindRepository(to); {
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
	f.rename(r, r.Owner, name)
	f.Emit(&RepositoryEvent{By: by, Repository: r, Action: "renamed", WasName: was})
	return nil
}

// rename returns a repository another name. Its old one leads to it; its new one leads nowhere else any more.
func (f *Forge) rename(r *Repository, owner, name string) {
	if f.OldNames == nil {
		f.OldNames = map[string]int64{}
	}
	old := strings.ToLower(r.FullName())
	f.OldNames[old] = r.ID
	delete(f.reposByName, old)
	r.Owner, r.Name, r.Updated = owner, name, f.Now()
	now := strings.ToLower(r.FullName())
	f.reposByName[now] = r
	delete(f.OldNames, now)
	r.revise()
	f.NoteChange()
}

// setOrgRenamed renames the organization, and with it all its repositories.
func setOrgRenamed(f *Forge, by *Actor, value json.RawMessage) error {
	from, to, err := pairOf(value, `["acme","acme2"]`)
	if err != nil {
		return err
	}
	switch _, taken := f.FindUser(to); {
	case !strings.EqualFold(from, f.Org.Login):
		return fmt.Errorf("there is no organization %q; the one that there is, is %s", from, f.Org.Login)
	case !goodLogin.MatchString(to):
		return fmt.Errorf("%q can't be the name of an organization", to)
	case taken && !strings.EqualFold(from, to):
		return fmt.Errorf("there is an account %q already", to)
	}
	was := f.Org.Login
	delete(f.usersByLogin, strings.ToLower(was))
	f.Org.Login = to
	f.usersByLogin[strings.ToLower(to)] = f.Org
	if f.App.Owner == was {
		f.App.Owner = to
	}
	if f.Registered != nil && f.Registered.Owner == was {
		f.Registered.Owner = to
	}
	for _, t := range f.Teams {
		if t.Org == was {
			t.Org = to
		}
	}
	for _, r := range f.Repos {
		if r.Owner == was {
			f.rename(r, to, r.Name)
		}
	}
	f.NoteChange()
	f.Emit(&OrganizationEvent{By: by, WasLogin: was})
	return nil
}

// setTransferred transfers an issue.
func setTransferred(f *Forge, by *Actor, value json.RawMessage) error {
	from, to, err := pairOf(value, `["acme/incidents#4","acme/platform"]`)
	if err != nil {
		return err
	}
	i, err := f.issueRef(from)
	if err != nil {
		return err
	}
	target, ok := f.FindRepository(to)
	if !ok {
		return fmt.Errorf("there is no repository %q", to)
	}
	return f.TransferIssue(by, i, target)
}

// TransferIssue moves an issue to another repository of the same owner. It has another id and number there.
// Comments, timeline and those labels that the other repository has come along; all that refers to the
// issue goes on to. The old address of the issue itself leads to the new one, for who may read there;
// the addresses below it lead nowhere.
// See "Transferring an issue to another repository" at https://docs.github.com/en/issues.
func (f *Forge) TransferIssue(by *Actor, i *Issue, target *Repository) error {
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
	delete(f.IssuesByID, oldID)

	i.Labels = slices.DeleteFunc(i.Labels,
		func(l *Label) bool { _, has := target.FindLabel(l.Name); return !has })
	for n, l := range i.Labels {
		i.Labels[n], _ = target.FindLabel(l.Name)
	}
	target.Issues = append(target.Issues, i)
	i.ID, i.repo, i.Number = f.NextID("issue"), target, len(target.Issues)
	f.IssuesByID[i.ID] = i
	i.Assignees = slices.DeleteFunc(i.Assignees, func(login string) bool {
		return !f.IsAssignable(login, target, i)
	})
	f.reassignID(oldID, i.ID)
	if old.Moved == nil {
		old.Moved = map[int]int64{}
	}
	old.Moved[oldNumber] = i.ID
	if !i.Closed {
		old.countOpen(-1)
		target.countOpen(1)
	}
	f.addEvent(by, i, TimelineEvent{Kind: "transferred"})
	f.Emit(&TransferEvent{By: by, Before: before, Issue: i})
	f.Emit(&IssueEvent{By: by, Issue: i, Action: "opened", TransferredFrom: before})
	return nil
}

// reassignID makes all that refers to an issue by one id refer to it by another.
func (f *Forge) reassignID(from, to int64) {
	change := func(id *int64) {
		if *id == from {
			*id = to
		}
	}
	for _, r := range f.Repos {
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
func issueState(change func(*Forge, *Actor, *Issue) error) func(*Forge, *Actor, json.RawMessage) error {
	return func(f *Forge, by *Actor, value json.RawMessage) error {
		var ref string
		if err := decode(value, &ref, `"acme/incidents#4"`); err != nil {
			return err
		}
		i, err := f.issueRef(ref)
		if err != nil {
			return err
		}
		return change(f, by, i)
	}
}

// setLocked locks the conversation of an issue, or ends that.
func setLocked(locked bool) func(*Forge, *Actor, *Issue) error {
	return func(f *Forge, by *Actor, i *Issue) error {
		if i.Locked == locked {
			return errors.New("the issue is that already")
		}
		return f.LockIssue(by, i, locked, "")
	}
}

// setConverted converts an issue to a discussion: it is closed and locked and stays readable as an issue,
// and nobody can comment on it or open it again.
// https://docs.github.com/en/rest/using-the-rest-api/issue-event-types#converted_to_discussion
func setConverted(f *Forge, by *Actor, i *Issue) error {
	if i.Pull != nil || i.Converted {
		return errors.New("it isn't an issue, or no longer one")
	}
	if !i.Closed {
		f.close(by, i, "", "")
	}
	if !i.Locked {
		if err := f.LockIssue(by, i, true, ""); err != nil {
			return err
		}
	}
	i.Converted = true
	f.addEvent(by, i, TimelineEvent{Kind: "converted_to_discussion"})
	return nil
}

// setDeleted deletes an issue, as an owner can.
func setDeleted(f *Forge, by *Actor, i *Issue) error {
	if i.Pull != nil {
		return errors.New("pull requests can't be deleted")
	}
	f.deleteIssue(by, i)
	return nil
}

// RenamedRepository finds a repository by a name that it had, if the actor sees it.
func (f *Forge) RenamedRepository(by *Actor, fullName string) (*Repository, error) {
	r, ok := f.FindRenamed(fullName)
	if !ok || !f.CanSee(by, r) {
		return nil, ErrNotFound
	}
	return r, nil
}
