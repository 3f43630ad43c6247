package sandbox

import (
	"fmt"
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

// Add adds somebody.
func (s *Sandbox) Add(p Person) error {
	s.st.Lock()
	defer s.st.Unlock()
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
	s.st.Lock()
	defer s.st.Unlock()
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
	s.st.Lock()
	defer s.st.Unlock()
	u, ok := s.st.user(login)
	if !ok {
		return fmt.Errorf("there is no %s", login)
	}
	s.st.deleteUser(u)
	return nil
}

// Transfer moves an issue to another repository, as somebody who may write in both.
func (s *Sandbox) Transfer(login, from string, number int, to string) error {
	s.st.Lock()
	defer s.st.Unlock()
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
