package sandbox

import (
	"slices"
	"strings"
	"time"
)

// store is everything that the embedded GitHub knows. One mutex guards it all: whoever serves a request, API or page, holds mu
// from before the first look until the answer is rendered. Every operation below ("actor does X") expects mu to be held,
// checks what the actor may do, changes the model and emits the webhooks that GitHub would send.
type store struct {
	storeLock
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
	IDs        map[string]int64 // last id given out, by kind
	Users      []*User
	Teams      []*Team
	Repos      []*Repository
	Outbox     []OutboxEntry
	Created    time.Time        // virtual time of the seeding
	Empty      bool             // nothing was set up by the seeding: no App, no labels, no form
	Registered *registration    `json:"App"` // the App that somebody registered, nil: none
	Suspended  time.Time        // when the installation was suspended, zero while it is not
	OldNames   map[string]int64 `json:",omitempty"` // of repositories that were renamed: their ids by lower-case full name
	Revoked    []string         `json:",omitempty"` // signatures of the installation tokens that were revoked

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

// touch marks an issue as changed now.
func (st *store) touch(i *Issue) {
	i.Updated = st.now()
	st.changed()
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
