package sandbox

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// store is everything that the embedded GitHub knows. One mutex guards it all: whoever serves a request, API or page, holds mu
// from before the first look until the answer is rendered. Every operation below ("actor does X") expects mu to be held,
// checks what the actor may do, changes the model and emits the webhooks that GitHub would send.
type store struct {
	mu   storeLock
	url  string           // public base address, no trailing slash
	app  *app             // the one GitHub App
	emit func(event)      // takes what webhooks are sent of
	now  func() time.Time // virtual time in whole seconds, UTC
	org  *User

	model
	Deliveries []*Delivery // of webhooks, oldest first; they grow without end and are kept apart from the model

	users    map[string]*User // by lower-case login
	repos    map[string]*Repository
	issues   map[int64]*Issue
	comments map[int64]*Comment
	past     *past         // older versions, while reads go back to them; nil otherwise
	version  int64         // counts changes
	wake     chan struct{} // closed at the next change
	dirty    func()        // tells the persisting that something changed
}

// model is what outlives the process, and is written as a whole.
type model struct {
	IDs       map[string]int64 // last id given out, by kind
	Users     []*User
	Teams     []*Team
	Repos     []*Repository
	Outbox    []OutboxEntry
	Created   time.Time // virtual time of the seeding
	Empty     bool      // nothing was set up by the seeding: no App, no labels, no form
	App       *registration
	Suspended time.Time        // when the installation was suspended, zero while it is not
	OldNames  map[string]int64 `json:",omitempty"` // of repositories that were renamed: their ids by lower-case full name
	Revoked   []string         `json:",omitempty"` // signatures of the installation tokens that were revoked

	Installation int64             `json:",omitempty"` // id of the App's installation, 0 for that of the seeding
	Uninstalled  bool              `json:",omitempty"` // the App of the seeding was uninstalled
	AllowList    bool              `json:",omitempty"` // the organization lets in no address of the App's
	Granted      map[string]string `json:",omitempty"` // permissions of the installation, nil: all that the App asks for
	TokenLife    time.Duration     `json:",omitempty"` // of an installation's token, 0: an hour
	Delayed      []*Delivery       `json:",omitempty"` // webhooks that are to be delivered later, in the order in which they were sent
}

func newStore(url string) *store {
	return &store{
		url: url, emit: func(event) {}, dirty: func() {},
		model: model{IDs: map[string]int64{}},
		users: map[string]*User{}, repos: map[string]*Repository{}, issues: map[int64]*Issue{}, comments: map[int64]*Comment{},
		wake: make(chan struct{}),
	}
}

// Actor is who makes a request: a person, or the app with the limits of its token.
type Actor struct {
	Login        string
	ViaApp       bool              // acts with an installation token
	Permissions  map[string]string // of the token: area → read or write
	Repositories map[int64]bool    // the token's repositories; nil means all
}

// person is the actor for somebody on the pages or with a personal token, or for another App's bot.
func (st *store) person(login string) (*Actor, bool) {
	u, ok := st.users[strings.ToLower(login)]
	if !ok || u.Suspended || u.Kind == KindOrganization || strings.EqualFold(login, st.app.Login) {
		return nil, false
	}
	return &Actor{Login: u.Login}, true
}

// Error is a refusal, as GitHub words it.
type Error struct {
	Status  int
	Message string
	Fields  []FieldError

	address string   // of a redirect: where it is now
	reasons []string // GitHub's reviews give reasons as texts, in place of fields
}

// FieldError says what is wrong with one field of a request.
type FieldError struct {
	Resource string `json:"resource,omitempty"`
	Field    string `json:"field,omitempty"`
	Code     string `json:"code"`
	Message  string `json:"message,omitempty"`
}

func (e *Error) Error() string {
	text := e.Message
	for _, f := range e.Fields {
		text += fmt.Sprintf("; %s.%s: %s %s", f.Resource, f.Field, f.Code, f.Message)
	}
	for _, reason := range e.reasons {
		text += "; " + reason
	}
	return text
}

var errNotFound = &Error{Status: http.StatusNotFound, Message: "Not Found"}

func forbidden(message string) *Error {
	return &Error{Status: http.StatusForbidden, Message: message}
}

// invalid is GitHub's 422 for a field.
func invalid(resource, field, code, message string) *Error {
	return &Error{Status: http.StatusUnprocessableEntity, Message: "Validation Failed",
		Fields: []FieldError{{Resource: resource, Field: field, Code: code, Message: message}}}
}

// changed notes a change of the model.
func (st *store) changed() {
	if st.past != nil {
		st.past.touch()
	}
	st.news()
}

// news makes pages look again, and the snapshot be written again.
func (st *store) news() {
	st.version++
	close(st.wake)
	st.wake = make(chan struct{})
	st.dirty()
}

// nextID gives out ids per kind, so that they are the same in every run.
func (st *store) nextID(kind string) int64 {
	if st.IDs[kind] == 0 {
		st.IDs[kind] = firstIDs[kind]
	}
	st.IDs[kind]++
	return st.IDs[kind]
}

// firstIDs keeps the ids of different kinds apart, so that mistaking one for another shows.
var firstIDs = map[string]int64{
	"user": 1000, "team": 2000, "repo": 3000, "label": 40000, "issue": 500000, "pull": 600000, "comment": 7000000,
	"event": 80000000, "reaction": 9000000, "review": 11000000, "suite": 12000000, "run": 13000000, "status": 14000000,
	"delivery": 150000000, "app": 900000, "installation": firstInstallation,
}

// user finds an account by login; case does not matter.
func (st *store) user(login string) (*User, bool) {
	u, ok := st.users[strings.ToLower(login)]
	return u, ok
}

// team finds a team of the organisation by its slug.
func (st *store) team(slug string) (*Team, bool) {
	for _, t := range st.Teams {
		if strings.EqualFold(t.Slug, slug) {
			return t, true
		}
	}
	return nil, false
}

// member tells whether somebody belongs to the organisation: its members are those who are in a team.
func (st *store) member(login string) bool {
	return slices.ContainsFunc(st.Teams, func(t *Team) bool { return t.has(login) })
}

func (t *Team) has(login string) bool {
	return slices.ContainsFunc(t.Members, func(m string) bool { return strings.EqualFold(m, login) })
}

// repo finds a repository by its full name, whoever asks.
func (st *store) repo(fullName string) (*Repository, bool) {
	r, ok := st.repos[strings.ToLower(fullName)]
	return r, ok
}

// issueAt finds an issue or pull request by number.
func (r *Repository) issueAt(number int) (*Issue, bool) {
	if number < 1 || number > len(r.Issues) || r.Issues[number-1] == nil {
		return nil, false
	}
	return r.Issues[number-1], true
}

// label finds a label by name; case does not matter.
func (r *Repository) label(name string) (*Label, bool) {
	for _, l := range r.Labels {
		if strings.EqualFold(l.Name, name) {
			return l, true
		}
	}
	return nil, false
}

// roleOf is what a person may do in a repository: the best of what they were given directly and through teams.
func (st *store) roleOf(login string, r *Repository) Role {
	role := r.People[strings.ToLower(login)]
	for _, t := range st.Teams {
		if t.has(login) {
			role = max(role, r.Teams[t.Slug])
		}
	}
	if role == RoleNone && !r.Private {
		role = RoleRead
	}
	return role
}

// role is what the actor may do in a repository. For the app it is only whether its token reaches the repository;
// what it may do there depends on the token's permissions, see need.
func (st *store) role(by *Actor, r *Repository) Role {
	if by.ViaApp {
		if by.Repositories == nil || by.Repositories[r.ID] {
			return RoleWrite
		}
		return RoleNone
	}
	return st.roleOf(by.Login, r)
}

// sees tells whether the actor may know of the repository.
func (st *store) sees(by *Actor, r *Repository) bool { return st.role(by, r) >= RoleRead }

// visibleRepos lists the repositories that the actor may see, in the order in which they were made.
func (st *store) visibleRepos(by *Actor) []*Repository {
	var list []*Repository
	for _, r := range st.Repos {
		if st.sees(by, r) {
			list = append(list, r)
		}
	}
	return list
}

// openRepo finds a repository that the actor sees; otherwise it does not exist.
func (st *store) openRepo(by *Actor, fullName string) (*Repository, error) {
	r, ok := st.repo(fullName)
	if !ok || !st.sees(by, r) {
		return nil, errNotFound
	}
	return r, nil
}

// need refuses an actor who has less than the role; the app needs the area's permission at the level that the role means.
func (st *store) need(by *Actor, r *Repository, role Role, areas ...string) error {
	if !st.sees(by, r) {
		return errNotFound
	}
	if by.ViaApp {
		level := "read"
		if role > RoleRead {
			level = "write"
		}
		if !slices.ContainsFunc(areas, func(area string) bool { return by.allows(area, level) }) {
			return forbidden("Resource not accessible by integration")
		}
	} else if err := st.needRole(by, r, role); err != nil {
		return err
	}
	if role > RoleRead {
		return r.writable()
	}
	return nil
}

// needRole refuses a person who has less than the role.
func (st *store) needRole(by *Actor, r *Repository, role Role) error {
	if st.role(by, r) < role {
		switch role {
		case RoleTriage:
			return forbidden("Must have triage access to Repository.")
		case RoleWrite:
			return forbidden("Must have push access to repository")
		}
		return forbidden("Must have admin rights to Repository.")
	}
	return nil
}

// allows tells whether the token has a permission.
func (a *Actor) allows(area, level string) bool {
	has := a.Permissions[area]
	return has == "write" || has == level && level == "read"
}

// can tells whether need would let the actor pass.
func (st *store) can(by *Actor, r *Repository, role Role, areas ...string) bool {
	return st.need(by, r, role, areas...) == nil
}

// assignable tells whether somebody can be assigned to an issue: those with write access, members of the organisation who can
// read, and whoever commented there. Issue may be nil.
func (st *store) assignable(login string, r *Repository, issue *Issue) bool {
	u, ok := st.user(login)
	if !ok || u.Kind != KindUser {
		return false
	}
	role := st.roleOf(login, r)
	if role >= RoleWrite || role >= RoleRead && st.member(login) {
		return true
	}
	return role >= RoleRead && issue != nil && slices.ContainsFunc(issue.Comments, func(c *Comment) bool { return c.Author == u.Login })
}

// association is the author_association of somebody in a repository.
func (st *store) association(login string, r *Repository) string {
	switch {
	case st.member(login):
		return "MEMBER"
	case r.People[strings.ToLower(login)] > RoleNone:
		return "COLLABORATOR"
	}
	return "NONE"
}

// issueArea is the permission that an app needs for an issue or, when it is one, a pull request.
func issueArea(i *Issue) []string {
	if i.Pull != nil {
		return []string{"pull_requests", "issues"}
	}
	return []string{"issues"}
}

// touch marks an issue as changed now.
func (st *store) touch(i *Issue) {
	i.Updated = st.now()
	st.changed()
}

// happened appends an item to the issue's timeline.
func (st *store) happened(by *Actor, i *Issue, e Event) *Event {
	e.ID, e.Actor, e.ViaApp, e.At = st.nextID("event"), by.Login, by.ViaApp, st.now()
	i.Timeline = append(i.Timeline, &e)
	st.touch(i)
	return &e
}

// relink finds again what points at what.
func (st *store) relink() {
	for _, u := range st.Users {
		st.users[strings.ToLower(u.Login)] = u
	}
	st.org = st.Users[slices.IndexFunc(st.Users, func(u *User) bool { return u.Kind == KindOrganization })]
	for _, r := range st.Repos {
		st.repos[strings.ToLower(r.FullName())] = r
		for _, i := range r.Issues {
			if i == nil {
				continue
			}
			i.repo = r
			st.issues[i.ID] = i
			if !i.Closed {
				r.open++
			}
			for n, l := range i.Labels {
				if own, ok := r.label(l.Name); ok {
					i.Labels[n] = own
				}
			}
			for _, c := range i.Comments {
				c.issue = i
				st.comments[c.ID] = c
			}
			for _, e := range i.Timeline {
				if e.Kind == "commented" {
					e.comment = st.comments[e.CommentID]
				}
				if e.ReviewID != 0 && i.Pull != nil {
					if n := slices.IndexFunc(i.Pull.Reviews, func(v *Review) bool { return v.ID == e.ReviewID }); n >= 0 {
						e.review = i.Pull.Reviews[n]
					}
				}
			}
		}
	}
}
