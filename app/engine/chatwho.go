package engine

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// Who is who in Slack by e-mail (S3), where neither the configuration nor they themselves say it: a member whose
// address in Slack is a verified one of exactly one member of the organisation on GitHub, in a domain that the
// organisation has verified, is that one. Slack and GitHub are asked apart from the incident. Where either shows
// nothing, nothing changes.

// emailLife is how long an answer counts: an address may change.
const emailLife = 5 * time.Minute

// mostMembers is how many of them are kept.
const mostMembers = 1000

// memberKnown is what an e-mail address said of a member.
type memberKnown struct {
	login string // empty: nobody's, or of several
	at    time.Time
}

// loginByEmail returns who a member is by what was looked up. Who said on GitHub that their login has no member is
// nobody.
func (r *reconciliation) loginByEmail(user string) (login string, ok bool) {
	login = r.knownMembers[user]
	service, _ := r.Policy.Service("slack")
	for name := range service.Targets { // the configuration says that another member is that login
		if l, isPerson := strings.CutPrefix(name, "@"); isPerson && naming.Equal(l, login) {
			return "", false
		}
	}
	if login == "" || r.loadSealed(linkOfLogin(login)) != "" { // they said themselves who they are, or nobody
		return "", false
	}
	return login, true
}

// askWho has those looked up whom nobody knows in a command: it comes again once that is done. It reports whether it
// asked.
func (r *reconciliation) askWho(said incident.ChatSaid) (isAsked bool, err error) {
	if said.Known != nil || r.Queue == nil {
		return false, nil
	}
	users := []string{said.User}
	for _, mention := range userMention.FindAllStringSubmatch(said.Text, mostMentions) {
		users = append(users, mention[1])
	}
	users = slices.DeleteFunc(users, func(user string) bool { _, ok := r.loginOf(user); return ok })
	if len(users) == 0 {
		return false, nil
	}
	m := Message{Ref: r.Ref, Why: "slack", What: &incident.ChatWho{Said: said, Users: users},
		Delivery: "slack who " + said.Name()}
	if err := r.Queue.Enqueue(r.Ctx, m, time.Time{}); err != nil {
		return false, fmt.Errorf("ask who wrote in Slack for %s: %w", r.Ref, err)
	}
	return true, nil
}

// mostMentions is how many members of one command are looked up.
const mostMentions = 10

// whoPace is how often it is asked again: somebody waits for it.
var whoPace = pace{2 * time.Second, 10 * time.Second, 6}

// lookUpWho looks up who is in a command, and passes it on with that. Where Slack or GitHub does not say, it is
// passed on without: then the person is told how to become known.
func (r *reconciliation) lookUpWho() error {
	who := *r.m.ChatWho()
	if r.Chat == nil {
		return nil
	}
	if err := r.loadPolicy(); err != nil {
		return err
	}
	who.Said.Known = map[string]string{"": ""} // asked
	for _, user := range who.Users {
		login, err := r.lookUpMember(user)
		if r.Ctx.Err() != nil {
			return r.Ctx.Err()
		}
		if err != nil {
			if at, err := r.sendAgain(r.m, whoPace); err != nil || !at.IsZero() {
				return err
			}
		}
		if login != "" {
			who.Said.Known[user] = login
		}
	}
	m := Message{Ref: r.Ref, Why: "slack", What: &who.Said, Delivery: "slack known " + who.Said.Name()}
	if err := r.Queue.Enqueue(r.Ctx, m, time.Time{}); err != nil {
		return fmt.Errorf("pass on what somebody wrote in Slack for %s: %w", r.Ref, err)
	}
	return nil
}

// lookUpMember returns the login of a member by their e-mail address; "" if it says nothing.
func (r *reconciliation) lookUpMember(user string) (login string, err error) {
	service, _ := r.Policy.Service("slack")
	key := r.settingsName() + "\n" + user
	r.mu.Lock()
	known, ok := r.membersKnown[key]
	r.mu.Unlock()
	if ok && r.Now.Sub(known.at) < emailLife && !r.Now.Before(known.at) {
		return known.login, nil
	}
	email, err := r.Chat.EmailOf(r.Ctx, service, user, r.Now)
	var logins []string
	if err == nil && email != "" {
		logins, err = r.GitHub.FindByEmail(r.Ctx, r.Ref, email)
	}
	var later *RetryAfter
	if err != nil && (errors.As(err, &later) || !ports.IsRefused(err)) {
		r.Logger.Warn("who a member in Slack is can't be looked up", "member", user, "err", ports.Redact(err))
		return "", err
	}
	if len(logins) == 1 {
		login = logins[0]
		r.Logger.Info("a member in Slack is known by their verified e-mail address", "login", login, "member", user)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.membersKnown) >= mostMembers {
		clear(r.membersKnown)
	}
	r.membersKnown[key] = memberKnown{login: login, at: r.Now}
	return login, nil
}

// knowMembers looks up some members for what only shows who they are.
func (r *reconciliation) knowMembers(users ...string) {
	for _, user := range users {
		if _, ok := r.loginOf(user); ok {
			continue
		}
		if login, err := r.lookUpMember(user); err == nil && login != "" {
			if r.knownMembers == nil {
				r.knownMembers = map[string]string{}
			}
			r.knownMembers[user] = login
		}
	}
}
