package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// setUninstalled uninstalls the App. Its tokens are good for nothing any more, and of the installation
// nothing is found.
func setUninstalled(st *store, by *Actor, value json.RawMessage) error {
	if err := st.orgOf(value); err != nil {
		return err
	}
	if !st.installed(nil) {
		return errors.New("the App is not installed")
	}
	st.emit(&installationEvent{By: by, Action: "deleted"}) // which shows it as it was
	if st.Registered != nil {
		st.Registered.Installed, st.Registered.Repositories = false, nil
	} else {
		st.Uninstalled = true
	}
	st.Suspended = time.Time{}
	st.Installation = st.nextID("installation") // which the next one has
	st.changed()
	return nil
}

// setInstalled installs the App again, on all repositories. The installation has another id.
func setInstalled(st *store, by *Actor, value json.RawMessage) error {
	if err := st.orgOf(value); err != nil {
		return err
	}
	switch {
	case st.installed(nil):
		return errors.New("the App is installed already")
	case st.appless():
		return errors.New("there is no App yet")
	case st.Registered != nil:
		return st.install(by, st.Registered.Slug, nil)
	}
	st.Uninstalled = false
	st.changed()
	st.emit(&installationEvent{By: by, Action: "created"})
	return nil
}

// setPermissions lets the installation have other permissions than the App asks for, as where an owner has not
// accepted yet that it asks for more. The empty value accepts all that it asks for.
func setPermissions(st *store, by *Actor, value json.RawMessage) error {
	granted := map[string]string{}
	if string(value) != `""` {
		if err := decode(value, &granted, `{"contents":"read"}`); err != nil {
			return err
		}
	}
	for area, level := range granted {
		if has := st.app.Permissions[area]; has == "" || level != "read" && level != has {
			return fmt.Errorf("the App doesn't ask for %s: %s", area, level)
		}
	}
	if !st.installed(nil) {
		return errors.New("the App is not installed")
	}
	if len(granted) > 0 {
		st.Granted = map[string]string{"metadata": "read"}
		maps.Copy(st.Granted, granted)
		st.changed()
		return nil
	}
	if st.Granted == nil {
		return nil
	}
	st.Granted = nil
	st.changed()
	st.emit(&installationEvent{By: by, Action: "new_permissions_accepted"})
	return nil
}

// setAllowList lets the organization allow only addresses that the App doesn't have. The empty value ends it.
func setAllowList(st *store, _ *Actor, value json.RawMessage) error {
	on := string(value) != `""`
	if on {
		if err := st.orgOf(value); err != nil {
			return err
		}
	}
	st.AllowList = on
	st.changed()
	return nil
}

// repoState is a state of one repository. The empty value ends it, for all of which it holds.
func repoState(holds func(*Repository) bool, set func(st *store, by *Actor, r *Repository, on bool) error) func(*store, *Actor, json.RawMessage) error {
	return func(st *store, by *Actor, value json.RawMessage) error {
		if string(value) != `""` {
			r, err := st.repoOf(value)
			if err != nil || holds(r) {
				return err
			}
			return st.condition(by, r, true, set)
		}
		for _, r := range st.Repos {
			if holds(r) {
				if err := st.condition(by, r, false, set); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

// condition sets or ends a state of a repository.
func (st *store) condition(by *Actor, r *Repository, on bool, set func(*store, *Actor, *Repository, bool) error) error {
	if err := set(st, by, r, on); err != nil {
		return err
	}
	r.Updated = st.now()
	r.revise()
	st.changed()
	return nil
}

func isArchived(r *Repository) bool { return r.Archived }

// setArchived archives a repository or ends that. Whoever tries to change something there is refused.
func setArchived(st *store, by *Actor, r *Repository, on bool) error {
	action := "unarchived"
	if on {
		action = "archived"
	}
	r.Archived = on
	r.revise()
	st.emit(&repositoryEvent{By: by, Repository: r, Action: action})
	return nil
}

func hasRules(r *Repository) bool { return r.Ruled }

// setRules makes a ruleset that lets changes of the default branch in by pull requests alone, or removes it. The App
// is told nothing: it isn't subscribed to repository_ruleset.
func setRules(_ *store, _ *Actor, r *Repository, on bool) error {
	r.Ruled = on
	return nil
}

func withoutIssues(r *Repository) bool { return r.NoIssues }

// disableIssues switches a repository's issues off or on again. GitHub has no webhook for it.
func disableIssues(_ *store, _ *Actor, r *Repository, on bool) error {
	r.NoIssues = on
	return nil
}

func isEmptied(r *Repository) bool { return r.Emptied != nil }

// setEmpty takes everything out of a repository, as if it had just been made; its issues stay, and open pull requests
// are closed. Ending that brings back what was there, over what came since.
func setEmpty(st *store, by *Actor, r *Repository, on bool) error {
	if on {
		was := r.Git.copyOf()
		st.removeRefs(by, r)
		r.Git, r.Emptied = newGit(), was
		return nil
	}
	st.removeRefs(by, r)
	refs := r.Emptied.Refs
	r.Git, r.Emptied = r.Emptied, nil
	r.Git.Refs = map[string]string{}
	for _, ref := range slices.Sorted(maps.Keys(refs)) {
		st.moveRef(by, r, ref, refs[ref])
	}
	return nil
}

// removeRefs removes all branches and tags.
func (st *store) removeRefs(by *Actor, r *Repository) {
	for _, ref := range slices.Sorted(maps.Keys(r.Git.Refs)) {
		st.moveRef(by, r, ref, "")
	}
}

// setUserDeleted deletes somebody's account. GitHub tells it by events that the App isn't subscribed to.
func setUserDeleted(st *store, _ *Actor, value json.RawMessage) error {
	u, err := st.personOf(value)
	if err == nil && u.Login == ghost {
		err = errors.New("the ghost stays")
	}
	if err != nil {
		return err
	}
	st.deleteUser(u)
	return nil
}

// conditions says what holds beyond what is usual, for people.
func (st *store) conditions() (all []string) {
	say := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	switch {
	case !st.installed(nil):
		say("The App is not installed")
	case !st.Suspended.IsZero():
		say("The App's installation is suspended since %s", shortTime(st.Suspended))
	}
	if st.Granted != nil {
		var areas []string
		for _, area := range slices.Sorted(maps.Keys(st.Granted)) {
			areas = append(areas, area+": "+st.Granted[area])
		}
		say("The App's installation has these permissions alone: %s", strings.Join(areas, ", "))
	}
	if st.AllowList {
		say("An IP allow list keeps the App out of %s", st.org.Login)
	}
	if st.TokenLife != 0 {
		say("Tokens live %s", st.TokenLife)
	}
	for _, r := range st.Repos {
		for _, c := range []struct {
			holds bool
			says  string
		}{{r.Archived, "is archived"}, {r.Emptied != nil, "was emptied"}, {r.Ruled, "takes changes of " + r.DefaultBranch + " by pull requests alone"}, {r.NoIssues, "has no issues"}} {
			if c.holds {
				say("%s %s", r.FullName(), c.says)
			}
		}
	}
	if n := len(st.Delayed); n > 0 {
		next := slices.MinFunc(st.Delayed, func(a, b *Delivery) int { return a.Due.Compare(b.Due) })
		say("Delayed webhooks: %d, the next at %s", n, shortTime(next.Due))
	}
	return all
}

func shortTime(t time.Time) string { return t.UTC().Format("2 Jan 15:04:05 UTC") }
