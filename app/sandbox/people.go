package sandbox

import (
	"fmt"
	"slices"
	"strings"
)

// Person is somebody beside those who stand in every sandbox.
type Person struct {
	Login string
	Bot   bool            // another App's bot, which writes with a token of its own
	Team  string          // slug; one that isn't there yet is made, and may do nothing anywhere
	Roles map[string]Role // by repository, owner/name

	RoleName string // what an organisation calls a role of its own, of which Roles has the base
}

// ghost is whom GitHub names where somebody was who is deleted.
// https://docs.github.com/en/account-and-profile/concepts/personal-account-management
const ghost = "ghost"

// Add adds somebody.
func (s *Sandbox) Add(p Person) error {
	s.st.mu.Lock()
	defer s.st.mu.Unlock()
	if _, taken := s.st.user(p.Login); taken {
		return fmt.Errorf("there is a %s already", p.Login)
	}
	kind := KindUser
	if p.Bot {
		kind = KindBot
	}
	for name, role := range p.Roles {
		r, ok := s.st.repo(name)
		if !ok {
			return fmt.Errorf("there is no repository %s", name)
		}
		r.People[strings.ToLower(p.Login)] = role
		if p.RoleName != "" {
			if r.RoleNames == nil {
				r.RoleNames = map[string]string{}
			}
			r.RoleNames[strings.ToLower(p.Login)] = p.RoleName
		}
	}
	s.st.addUser(p.Login, kind, p.Login)
	if p.Team != "" {
		t, ok := s.st.team(p.Team)
		if !ok {
			t = &Team{ID: s.st.nextID("team"), Org: s.st.org.Login, Slug: p.Team, Name: p.Team, Created: s.st.now()}
			s.st.Teams = append(s.st.Teams, t)
		}
		t.Members = append(t.Members, p.Login)
	}
	s.st.changed()
	return nil
}

// Suspend suspends somebody: they can do nothing any more, and to the API they are nobody. What they wrote stays.
func (s *Sandbox) Suspend(login string) error {
	s.st.mu.Lock()
	defer s.st.mu.Unlock()
	u, ok := s.st.user(login)
	if !ok {
		return fmt.Errorf("there is no %s", login)
	}
	u.Suspended = true
	s.st.changed()
	return nil
}

// Delete deletes somebody's account. What they wrote stays, as the ghost's.
func (s *Sandbox) Delete(login string) error {
	s.st.mu.Lock()
	defer s.st.mu.Unlock()
	u, ok := s.st.user(login)
	if !ok {
		return fmt.Errorf("there is no %s", login)
	}
	s.st.deleteUser(u)
	return nil
}

// deleteUser deletes an account, and takes it out of teams, repositories, assignments and requests for reviews.
func (st *store) deleteUser(u *User) {
	if _, ok := st.user(ghost); !ok {
		st.addUser(ghost, KindUser, "Deleted user")
	}
	haunt := func(who *string) {
		if strings.EqualFold(*who, u.Login) {
			*who = ghost
		}
	}
	for _, r := range st.Repos {
		delete(r.People, strings.ToLower(u.Login))
		for _, i := range r.Issues {
			if i != nil {
				i.leave(u.Login, haunt)
			}
		}
	}
	for _, t := range st.Teams {
		t.Members = slices.DeleteFunc(t.Members, func(m string) bool { return m == u.Login })
	}
	st.Users = slices.DeleteFunc(st.Users, func(o *User) bool { return o == u })
	delete(st.users, strings.ToLower(u.Login))
	st.changed()
}

// leave takes somebody's name off an issue.
func (i *Issue) leave(login string, haunt func(*string)) {
	haunt(&i.Author)
	haunt(&i.ClosedBy)
	i.Assignees = slices.DeleteFunc(i.Assignees, func(a string) bool { return a == login })
	for _, c := range i.Comments {
		haunt(&c.Author)
		haunt(&c.EditedBy)
		c.Reactions = slices.DeleteFunc(c.Reactions, func(r *Reaction) bool { return r.User == login })
	}
	for _, e := range i.Timeline {
		haunt(&e.Actor)
		haunt(&e.Assignee)
	}
	if i.Pull != nil {
		haunt(&i.Pull.MergedBy)
		i.Pull.Reviewers = slices.DeleteFunc(i.Pull.Reviewers, func(r string) bool { return r == login })
		for _, r := range i.Pull.Reviews {
			haunt(&r.Author)
		}
	}
}
