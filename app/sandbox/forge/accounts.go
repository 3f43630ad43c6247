package forge

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Ghost is whom GitHub names where somebody was who is deleted.
// https://docs.github.com/en/account-and-profile/concepts/personal-account-management
const Ghost = "ghost"

// DeleteUser deletes an account, and takes it out of teams, repositories, assignments and requests for reviews.
func (f *Forge) DeleteUser(u *User) {
	if _, ok := f.FindUser(Ghost); !ok {
		f.AddUser(Ghost, KindUser, "Deleted user")
	}
	haunt := func(who *string) {
		if strings.EqualFold(*who, u.Login) {
			*who = Ghost
		}
	}
	for _, r := range f.Repos {
		delete(r.People, strings.ToLower(u.Login))
		for _, i := range r.Issues {
			if i != nil {
				i.replaceAuthor(u.Login, haunt)
			}
		}
		for _, d := range r.Deployments {
			haunt(&d.Creator)
			for _, s := range d.Statuses {
				haunt(&s.Creator)
			}
		}
		for _, release := range r.Releases {
			haunt(&release.Author)
		}
		for _, run := range r.Runs {
			haunt(&run.Actor)
		}
	}
	for _, t := range f.Teams {
		t.Members = slices.DeleteFunc(t.Members, func(m string) bool { return m == u.Login })
	}
	f.Users = slices.DeleteFunc(f.Users, func(o *User) bool { return o == u })
	delete(f.usersByLogin, strings.ToLower(u.Login))
	f.NoteChange()
}

// replaceAuthor takes somebody's name off an issue.
func (i *Issue) replaceAuthor(login string, haunt func(*string)) {
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

// AddUser adds an account.
func (f *Forge) AddUser(login, kind, name string) {
	u := &User{ID: f.NextID("user"), Login: login, Kind: kind, Name: name, Created: f.Now()}
	f.Users = append(f.Users, u)
	f.usersByLogin[strings.ToLower(login)] = u
}

// SignatureOf is how an account appears in a commit.
func (f *Forge) SignatureOf(login string) Signature {
	u, ok := f.FindUser(login)
	if !ok {
		return gitHubSignature(f.Now())
	}
	name := u.Name
	if name == "" {
		name = u.Login
	}
	return Signature{Name: name, Email: strconv.FormatInt(u.ID, 10) + "+" + u.Login +
		"@users.noreply.github.com", At: f.Now()}
}

func gitHubSignature(at time.Time) Signature {
	return Signature{Name: "GitHub", Email: "noreply@github.com", At: at}
}
