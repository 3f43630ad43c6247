package sandbox

import (
	"fmt"
	"strings"

	"github.com/firebreak-dev/firebreak/app/sandbox/forge"
)

// Person is somebody besides those who are in every sandbox.
type Person struct {
	Login string
	Bot   bool                  // another App's bot, which writes with a token of its own
	Team  string                // slug; one that isn't there yet is made, and may do nothing anywhere
	Roles map[string]forge.Role // by repository, owner/name

	// DomainEmails are those of their verified e-mail addresses whose domain the organization has verified.
	DomainEmails []string
	RoleName     string // what an organization calls a role of its own, of which Roles has the base
}

// Add adds somebody.
func (s *Sandbox) Add(p Person) error {
	s.forge.Lock()
	defer s.forge.Unlock()
	if _, taken := s.forge.FindUser(p.Login); taken {
		return fmt.Errorf("there is a %s already", p.Login)
	}
	kind := forge.KindUser
	if p.Bot {
		kind = forge.KindBot
	}
	for name, role := range p.Roles {
		r, ok := s.forge.FindRepository(name)
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
	s.forge.AddUser(p.Login, kind, p.Login)
	if u, ok := s.forge.FindUser(p.Login); ok {
		u.DomainEmails = p.DomainEmails
	}
	if p.Team != "" {
		t, ok := s.forge.FindTeam(p.Team)
		if !ok {
			t = &forge.Team{ID: s.forge.NextID("team"), Org: s.forge.Org.Login, Slug: p.Team, Name: p.Team,
				Created: s.forge.Now()}
			s.forge.Teams = append(s.forge.Teams, t)
		}
		t.Members = append(t.Members, p.Login)
	}
	s.forge.NoteChange()
	return nil
}

// SetDomainEmails sets which verified e-mail addresses somebody has in the domains that the organization has verified.
func (s *Sandbox) SetDomainEmails(login string, emails ...string) error {
	s.forge.Lock()
	defer s.forge.Unlock()
	u, ok := s.forge.FindUser(login)
	if !ok {
		return fmt.Errorf("there is no %s", login)
	}
	u.DomainEmails = emails
	s.forge.NoteChange()
	return nil
}

// Suspend suspends somebody: they can do nothing any more, and to the API they are nobody. What
// they wrote stays.
func (s *Sandbox) Suspend(login string) error {
	s.forge.Lock()
	defer s.forge.Unlock()
	u, ok := s.forge.FindUser(login)
	if !ok {
		return fmt.Errorf("there is no %s", login)
	}
	u.Suspended = true
	s.forge.NoteChange()
	return nil
}

// Delete deletes somebody's account. What they wrote stays, as the ghost's.
func (s *Sandbox) Delete(login string) error {
	s.forge.Lock()
	defer s.forge.Unlock()
	u, ok := s.forge.FindUser(login)
	if !ok {
		return fmt.Errorf("there is no %s", login)
	}
	s.forge.DeleteUser(u)
	return nil
}

// Transfer moves an issue to another repository, as somebody who may write in both.
func (s *Sandbox) Transfer(login, from string, number int, to string) error {
	s.forge.Lock()
	defer s.forge.Unlock()
	by, known := s.forge.PersonActor(login)
	old, ok := s.forge.FindRepository(from)
	target, there := s.forge.FindRepository(to)
	if !known || !ok || !there {
		return fmt.Errorf("%s can't transfer from %s to %s", login, from, to)
	}
	i, ok := old.IssueAt(number)
	if !ok {
		return fmt.Errorf("%s has no issue %d", from, number)
	}
	for _, r := range []*forge.Repository{old, target} {
		if err := s.forge.Require(by, r, forge.RoleWrite, "issues"); err != nil {
			return err
		}
	}
	return s.forge.TransferIssue(by, i, target)
}

// Role is what somebody may do in a repository; a greater role includes the lesser ones.
type Role = forge.Role

// The roles of a repository.
const (
	RoleRead     = forge.RoleRead
	RoleTriage   = forge.RoleTriage
	RoleWrite    = forge.RoleWrite
	RoleMaintain = forge.RoleMaintain
	RoleAdmin    = forge.RoleAdmin
)
