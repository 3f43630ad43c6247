package engine

import (
	"slices"
	"sync"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// maxAsked is how many questions are asked ahead for one comment. Whoever names more waits longer.
const maxAsked = 5

// access is a question that a command raises: whether somebody may write to a repository, or is in one of some teams.
type access struct {
	repo  incident.Ref
	login string
	teams []string
}

// askAhead asks GitHub what the command of the message is going to be judged by, while the timeline is read: the
// answers are kept, so that nobody waits for them afterwards. Only the questions are early: the command is judged as
// ever, by what is read, and a question without an answer is asked again. A comment makes the product ask nothing
// unless its author is known to respond. The returned function waits for the answers.
func (r *reconciliation) askAhead() (wait func()) {
	var asked sync.WaitGroup
	for _, q := range r.questions() {
		asked.Go(func() {
			if _, err := r.GitHub.CanRespond(r.Ctx, q.repo, q.login, q.teams); err != nil {
				r.Logger.Debug("not answered ahead", "incident", r.Ref.String(), "repository", q.repo.FullName())
			}
		})
	}
	return asked.Wait
}

// questions returns what the command of the message is going to have looked up.
func (r *reconciliation) questions() (all []access) {
	c := r.m.Comment()
	if c == nil || c.Editor != "" || c.Pull != 0 || c.Said != nil {
		return nil
	}
	r.mu.Lock()
	last, isKnown := r.policies[r.settingsName()]
	r.mu.Unlock()
	if !isKnown {
		return nil
	}
	policy := last.policy.For(r.Ref)
	if may, _ := r.accessOf(accessName(r.Ref, c.Author, policy.Responders)); !may {
		return nil
	}
	add := func(q access) {
		isSame := func(o access) bool { return o.repo == q.repo && naming.Equal(o.login, q.login) }
		if len(all) < maxAsked && !naming.IsNobody(q.login) && !slices.ContainsFunc(all, isSame) {
			all = append(all, q)
		}
	}
	for _, what := range r.parse(c.Body) {
		command, ok := what.(incident.Command)
		if !ok {
			continue
		}
		people, repos := namedBy(command, r.Before, policy, r.Ref.Owner)
		for _, login := range people {
			add(access{r.Ref, login, policy.Responders})
		}
		for _, repo := range repos {
			owner, name, ok := naming.SplitRepository(repo)
			if ok && naming.Equal(owner, r.Ref.Owner) {
				add(access{incident.Ref{Owner: owner, Repo: name}, c.Author, nil})
			}
		}
	}
	return all
}

// namedBy returns the people of whom completeCommand asks whether they may respond, and the repositories of which it
// asks whether the author may write to them.
func namedBy(c incident.Command, s incident.State, p incident.Policy, owner string) (people, repos []string) {
	switch c.Kind {
	case incident.GiveIC, incident.GiveOE, incident.AddFollowUp:
		return c.Logins, nil
	case incident.Revert:
		return nil, []string{c.Repo}
	case incident.StartFreeze:
		repos, _, _ = incident.FreezeTargets(s, p, owner, c)
		return nil, slices.DeleteFunc(slices.Clone(repos), func(repo string) bool {
			return naming.Contains(p.Freeze.Repos, repo)
		})
	}
	return nil, nil
}
