// Package forge is the model of a GitHub and its rules: accounts, repositories, issues, pull
// requests, git objects, checks, the App and its installation, and who may do what.
//
// Its operations check what the actor may do, change the model, and emit an Event of each change of
// which GitHub sends webhooks. How any of it is shown, or asked for over HTTP, is for the packages
// that import it.
package forge

import (
	"slices"
	"strings"
	"time"
)

// Forge is everything that the embedded GitHub knows. One mutex guards it all: whoever serves a
// request, API or page, holds mu from before the first look until the answer is rendered. Every
// operation below ("actor does X") expects mu to be held, checks what the actor may do, changes the
// model and emits the webhooks that GitHub would send.
type Forge struct {
	storeLock
	URL  string           // public base address, no trailing slash
	App  *App             // the one GitHub App
	Emit func(Event)      // takes what webhooks are sent of
	Now  func() time.Time // virtual time in whole seconds, UTC
	Org  *User

	Model
	Deliveries []*Delivery // of webhooks, oldest first; they grow without end and are kept apart from the model

	usersByLogin map[string]*User // by lower-case login
	reposByName  map[string]*Repository
	IssuesByID   map[int64]*Issue
	CommentsByID map[int64]*Comment
	past         *past         // older versions, while reads go back to them; nil otherwise
	Version      int64         // counts changes
	NextChange   chan struct{} // closed at the next change
	OnChange     func()        // notes that something changed
}

// Model is what outlives the process, and is written as a whole.
type Model struct {
	IDs        map[string]int64 // last id given out, by kind
	Users      []*User
	Teams      []*Team
	Repos      []*Repository
	Outbox     []OutboxEntry
	Phones     []PhoneEntry     `json:",omitempty"` // what reached people's phones, oldest first
	Created    time.Time        // virtual time of the seeding
	Empty      bool             // nothing was set up by the seeding: no App, no labels, no form
	Registered *Registration    `json:"App"` // the App that somebody registered, nil: none
	Suspended  time.Time        // when the installation was suspended, zero while it is not
	OldNames   map[string]int64 `json:",omitempty"` // of repositories that were renamed: their ids by lower-case full name
	Revoked    []string         `json:",omitempty"` // signatures of the installation tokens that were revoked

	Installation int64             `json:",omitempty"` // id of the App's installation, 0 for that of the seeding
	Uninstalled  bool              `json:",omitempty"` // the App of the seeding was uninstalled
	AllowList    bool              `json:",omitempty"` // the organization lets in no address of the App's
	Granted      map[string]string `json:",omitempty"` // permissions of the installation, nil: all that the App asks for
	TokenLife    time.Duration     `json:",omitempty"` // of an installation's token, 0: an hour
	Delayed      []*Delivery       `json:",omitempty"` // webhooks to be delivered later, as they were sent
}

// New makes a forge without anything in it, for a public address without a slash at its end.
func New(url string) *Forge {
	return &Forge{
		URL: url, Emit: func(Event) {}, OnChange: func() {},
		Model:        Model{IDs: map[string]int64{}},
		usersByLogin: map[string]*User{}, reposByName: map[string]*Repository{},
		IssuesByID: map[int64]*Issue{}, CommentsByID: map[int64]*Comment{},
		NextChange: make(chan struct{}),
	}
}

// NoteChange notes a change of the model.
func (f *Forge) NoteChange() {
	if f.past != nil {
		f.past.touch()
	}
	f.NotifyWatchers()
}

// NotifyWatchers makes pages look again, and the snapshot be written again.
func (f *Forge) NotifyWatchers() {
	f.Version++
	close(f.NextChange)
	f.NextChange = make(chan struct{})
	f.OnChange()
}

// NextID returns out ids per kind, so that they are the same in every run.
func (f *Forge) NextID(kind string) int64 {
	if f.IDs[kind] == 0 {
		f.IDs[kind] = firstIDs[kind]
	}
	f.IDs[kind]++
	return f.IDs[kind]
}

// firstIDs keeps the ids of different kinds apart, so that mistaking one for another shows.
var firstIDs = map[string]int64{
	"user": 1000, "team": 2000, "repo": 3000, "label": 40000, "issue": 500000, "pull": 600000,
	"comment": 7000000,
	"event":   80000000, "reaction": 9000000, "review": 11000000, "suite": 12000000, "run": 13000000,
	"status": 14000000, "deployment": 16000000, "deployment status": 17000000, "release": 18000000,
	"workflow run": 19000000, "workflow": 20000000,
	"delivery": 150000000, "app": 900000, "installation": firstInstallation,
}

// FindUser finds an account by login; case does not matter.
func (f *Forge) FindUser(login string) (*User, bool) {
	u, ok := f.usersByLogin[strings.ToLower(login)]
	return u, ok
}

// FindTeam finds a team of the organization by its slug.
func (f *Forge) FindTeam(slug string) (*Team, bool) {
	for _, t := range f.Teams {
		if strings.EqualFold(t.Slug, slug) {
			return t, true
		}
	}
	return nil, false
}

// FindRepository finds a repository by its full name, whoever asks.
func (f *Forge) FindRepository(fullName string) (*Repository, bool) {
	r, ok := f.reposByName[strings.ToLower(fullName)]
	return r, ok
}

// IssueAt finds an issue or pull request by number.
func (r *Repository) IssueAt(number int) (*Issue, bool) {
	if number < 1 || number > len(r.Issues) || r.Issues[number-1] == nil {
		return nil, false
	}
	return r.Issues[number-1], true
}

// FindLabel finds a label by name; case does not matter.
func (r *Repository) FindLabel(name string) (*Label, bool) {
	for _, l := range r.Labels {
		if strings.EqualFold(l.Name, name) {
			return l, true
		}
	}
	return nil, false
}

// touch marks an issue as changed now.
func (f *Forge) touch(i *Issue) {
	i.Updated = f.Now()
	f.NoteChange()
}

// Restore makes a model that was kept the present one.
func (f *Forge) Restore(m Model) error {
	f.Model, f.App.Created = m, m.Created
	f.Relink()
	if f.Registered == nil {
		return nil
	}
	return f.Adopt()
}

// Relink finds again what points at what.
func (f *Forge) Relink() {
	for _, u := range f.Users {
		f.usersByLogin[strings.ToLower(u.Login)] = u
	}
	f.Org = f.Users[slices.IndexFunc(f.Users, func(u *User) bool { return u.Kind == KindOrganization })]
	for _, r := range f.Repos {
		f.reposByName[strings.ToLower(r.FullName())] = r
		for _, i := range r.Issues {
			if i == nil {
				continue
			}
			i.repo = r
			f.IssuesByID[i.ID] = i
			if !i.Closed {
				r.open++
			}
			for n, l := range i.Labels {
				if own, ok := r.FindLabel(l.Name); ok {
					i.Labels[n] = own
				}
			}
			for _, c := range i.Comments {
				c.issue = i
				f.CommentsByID[c.ID] = c
			}
			for _, e := range i.Timeline {
				if e.Kind == "commented" {
					e.comment = f.CommentsByID[e.CommentID]
				}
				if e.ReviewID != 0 && i.Pull != nil {
					if n := slices.IndexFunc(i.Pull.Reviews,
						func(v *Review) bool { return v.ID == e.ReviewID }); n >= 0 {
						e.review = i.Pull.Reviews[n]
					}
				}
			}
		}
	}
}
