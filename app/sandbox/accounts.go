package sandbox

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// ghost is whom GitHub names where somebody was who is deleted.
// https://docs.github.com/en/account-and-profile/concepts/personal-account-management
const ghost = "ghost"

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

func (st *store) addUser(login, kind, name string) {
	u := &User{ID: st.nextID("user"), Login: login, Kind: kind, Name: name, Created: st.now()}
	st.Users = append(st.Users, u)
	st.users[strings.ToLower(login)] = u
}

// signature is how an account appears in a commit.
func (st *store) signature(login string) Signature {
	u, ok := st.user(login)
	if !ok {
		return gitHubSignature(st.now())
	}
	name := u.Name
	if name == "" {
		name = u.Login
	}
	return Signature{Name: name, Email: strconv.FormatInt(u.ID, 10) + "+" + u.Login + "@users.noreply.github.com", At: st.now()}
}

func gitHubSignature(at time.Time) Signature {
	return Signature{Name: "GitHub", Email: "noreply@github.com", At: at}
}
