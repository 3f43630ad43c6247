package engine

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/effects"
	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// tokenPatience is how long a command waits while the App gets no token to ask whether its author
// may respond. After that the author is told that it is unknown.
const tokenPatience = 10 * time.Minute

// lookUpPeople looks up who may respond. Comments without commands ask for nothing and cost no
// look-up.
func (r *reconciliation) lookUpPeople(facts []incident.Fact) ([]incident.Fact, error) {
	refused := map[int64]bool{} // commands that may have been refused, by their comments
	for _, it := range r.Snapshot.Items {
		refused[it.Comment] = it.Refused
	}
	for i := range facts {
		f := &facts[i]
		if naming.IsNobody(f.By.Login) || f.By.Bot || strings.HasPrefix(f.By.Login, incident.SlackMember) {
			continue
		}
		r.wasRefused = refused[incident.CommentOf(f.ID)]
		r.asksAgain = r.wasRefused
		if _, plain := f.What.(incident.Commented); plain {
			continue
		}
		may, err := r.canRespond(f.By.Login)
		r.asksAgain = false
		// a look asks for several tokens, and each may be refused
		if ports.IsNotInstalled(err) && r.Now.Sub(f.At) < tokenPatience {
			return nil, &RetryAfter{Until: r.Now.Add(firstRelook),
				Err: fmt.Errorf("ask whether %s may respond: %w", f.By.Login, err)}
		}
		if ports.IsRefused(err) {
			// Whoever has a role was asked about before. Of others it is unknown, and the answer says so.
			may, f.By.Unsure = r.State.HasRole(f.By.Login), ports.Reason(err)
			r.Logger.Warn("permission not readable", "incident", r.Ref.String(), "err", ports.Redact(err))
		} else if err != nil {
			return nil, err
		}
		f.By.Respond = may || r.wasAccepted(*f)
		if c, ok := f.What.(incident.Command); ok && f.By.Respond {
			if f.What, err = r.completeCommand(*f, c); err != nil {
				return nil, err
			}
			if c, ok := f.What.(incident.Command); ok && c.Unsure != "" && r.wasAccepted(*f) {
				c.Unsure = ""
				f.What = c
			}
		}
	}
	return facts, nil
}

// wasAccepted reports whether all commands of a comment were accepted before, of which a card that is built again does
// not know: the app's own reaction says so, which nobody can forge. Whoever lost access since did what they did. A
// comment that was edited may have had another text then, and of a command that is anybody's it says nothing of its
// author.
func (r *reconciliation) wasAccepted(f incident.Fact) bool {
	c, isCommand := f.What.(incident.Command)
	if !isCommand || incident.RowOf(c.Kind).Who == incident.Anyone {
		return false
	}
	comment := incident.CommentOf(f.ID)
	isIt := func(it Item) bool { return it.Comment == comment && it.Reacted && !it.Refused && !it.Edited }
	if !r.IsRebuilt || comment == 0 || !slices.ContainsFunc(r.Snapshot.Items, isIt) {
		return false
	}
	was, err := r.GitHub.HasReacted(r.Ctx, r.Ref, comment, effects.DoneReaction)
	if err != nil {
		r.Logger.Warn("not known whether a command was accepted", "incident", r.Ref.String(), "comment", comment,
			"err", ports.Redact(err))
	}
	return was
}

// completeCommand looks up what a command names: people, teams, a ticket, another incident.
func (r *reconciliation) completeCommand(f incident.Fact, c incident.Command) (_ any, err error) {
	switch c.Kind {
	case incident.Escalate:
		return r.lookUpEscalation(f.ID, c)
	case incident.Revert:
		err = r.lookUpWriter(&c, f.By.Login)
	case incident.RunWorkflow:
		err = r.lookUpRunner(f.ID, &c, f.By.Login)
	case incident.StartFreeze:
		err = r.lookUpFreezer(&c, f.By.Login)
	case incident.LinkChat:
		return r.lookUpLink(f, c), nil
	case incident.EndFreeze:
		c.Org = r.Ref.Owner
	case incident.GiveIC, incident.GiveOE, incident.AddFollowUp:
		if err := r.lookUpNamed(&c); err != nil {
			return nil, err
		}
		if c.Kind == incident.AddFollowUp && c.Number != 0 && c.Repo != "" {
			c, err = r.resolveTicket(c)
		}
	case incident.AddCover, incident.SwapShifts:
		return r.lookUpCover(f, c)
	case incident.Duplicate:
		c.Other, err = r.lookUpDuplicate(f.ID, c)
	}
	return c, err
}

// lookUpNamed looks up whether the people whom a command names may respond. Of who has a role that was
// asked before; of others a refusal says nothing.
func (r *reconciliation) lookUpNamed(c *incident.Command) error {
	for _, l := range c.Logins {
		may, err := r.canRespond(l)
		switch {
		case ports.IsRefused(err) && r.State.HasRole(l):
		case ports.IsRefused(err):
			c.Unsure = ports.Reason(err)
		case err != nil:
			return err
		case !may:
			c.Cannot = append(c.Cannot, l)
		}
	}
	return nil
}

// lookUpWriter looks up whether a command's author may write to the repository that it names. A single
// refusal says nothing: it is asked once more.
func (r *reconciliation) lookUpWriter(c *incident.Command, login string) error {
	owner, name, ok := naming.SplitRepository(c.Repo)
	if !ok || !naming.Equal(owner, r.Ref.Owner) {
		c.Cannot = []string{login} // this incident's installation does not know another owner's people
		return nil
	}
	repo := incident.Ref{Owner: owner, Repo: name}
	may, err := r.hasAccess(repo, login, nil)
	if ports.IsRefused(err) {
		may, err = r.hasAccess(repo, login, nil)
	}
	switch {
	case ports.IsRefused(err):
		c.Unsure = ports.Reason(err)
	case err != nil:
		return fmt.Errorf("look up whether %s may write to %s: %w", login, c.Repo, err)
	case !may:
		c.Cannot = []string{login}
	}
	return nil
}

func (r *reconciliation) canRespond(login string) (bool, error) {
	if naming.IsNobody(login) {
		return false, nil
	}
	may, err := r.hasAccess(r.Ref, login, r.Policy.Responders)
	if err != nil {
		return false, fmt.Errorf("look up whether %s may respond: %w", login, err)
	}
	return may, nil
}

// hasAccess asks GitHub whether somebody may write to a repository, or is in one of some teams. A replay of
// the past does not ask about somebody who could before: whoever lost access since did what they did. What
// may have been refused is asked about if its author wrote it, and else goes by the answer that was the last.
func (r *reconciliation) hasAccess(repo incident.Ref, login string, teams []string) (bool, error) {
	who := accessName(repo, login, teams)
	if r.isReplay && !r.asksAgain {
		if last, ever := r.accessOf(who); ever && (last || !r.wasRefused) {
			return true, nil
		}
	}
	may, err := r.GitHub.CanRespond(r.Ctx, repo, login, teams)
	if err == nil {
		r.noteAccess(who, may)
	}
	return may, err
}

// accessName names a question for somebody's access.
func accessName(repo incident.Ref, login string, teams []string) string {
	return naming.Key(repo.FullName() + " " + login + " " + strings.Join(teams, " "))
}

// maxAccess is of how many people this process remembers that they had access.
const maxAccess = 10_000

// accessOf returns whether somebody had access when GitHub was asked last, and whether they ever had.
func (e *Engine) accessOf(who string) (last, ever bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	last, ever = e.hadAccess[who]
	return last, ever
}

func (e *Engine) noteAccess(who string, may bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.hadAccess) >= maxAccess {
		clear(e.hadAccess)
	}
	if _, ever := e.hadAccess[who]; ever || may {
		e.hadAccess[who] = may
	}
}
